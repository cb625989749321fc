use std::{fs, path::PathBuf};

use xiezhi_crypto::DigestAlg;
use xiezhi_evidence::{
    Account, CertifiedSeal, Governance, Seal,
    alliance::{STATE_KEY, institution_account_id},
};
use xiezhi_ledger::{
    Admitted, execute,
    fixtures::{
        Depositor, LEDGER, NOW, digest, genesis, genesis_of, governance, institution_id, institution_keys,
        proven_keys,
    },
};
use xiezhi_merkle::{
    Hash, Sha256, Sm3, Tree as ReferenceTree, TreeHash, verify_consistency, verify_inclusion,
};
use xiezhi_types::{GroupId, LogIndex, canonical};

use super::*;

mod archive;
mod snapshot;

const GROUP: GroupId = GroupId([9; 16]);

struct Ledger {
    dir: tempfile::TempDir,
    store: Store,
    leaves: (Vec<Hash>, Vec<Hash>),
}

impl Ledger {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store"), &genesis(), LEDGER, 1 << 20).unwrap();
        Self { dir, store, leaves: Default::default() }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    fn outcome(&self, block: &[Arc<Admitted>]) -> xiezhi_ledger::Outcome {
        let tip = self.store.tip();
        let time = TimestampMs(NOW.0 + tip.height.0);
        execute(&genesis(), tip.height.next(), time, tip.size, block, &self.store).unwrap()
    }

    fn run(&mut self, block: &[Arc<Admitted>]) {
        let outcome = self.outcome(block);
        assert_eq!(outcome.rejected, []);
        self.leaves.0.extend(block.iter().map(|one| one.leaf_sha256()));
        self.leaves.1.extend(block.iter().map(|one| one.leaf_sm3()));
        let checkpoint = self.store.apply(&outcome).unwrap();
        assert_eq!(checkpoint.is_some(), !block.is_empty());
    }

    /// Closes the database and opens it again.
    fn reopen(mut self) -> Self {
        drop(self.store);
        self.store = Store::open(&self.dir.path().join("store"), &genesis(), LEDGER, 1 << 20).unwrap();
        self
    }

    /// Roots, paths and tiles are those of a tree made from the leaves at once.
    fn check_trees(&self) {
        let tip = self.store.tip();
        assert_eq!(tip.size.0, self.leaves.0.len() as u64);
        let last = self.store.checkpoint_at_most(tip.height).unwrap().unwrap().checkpoint;
        assert_eq!((last.size, last.state_root), (tip.size, tip.state_root));
        check_tree::<Sha256>(&self.store, TreeKind::Sha256, &self.leaves.0, &last.root_sha256);
        check_tree::<Sm3>(&self.store, TreeKind::Sm3, &self.leaves.1, &last.root_sm3);
    }
}

fn check_tree<H: TreeHash>(store: &Store, tree: TreeKind, leaves: &[Hash], root: &Hash) {
    let size = leaves.len() as u64;
    assert_eq!(ReferenceTree::<H>::new(leaves).root(), *root);
    for index in (0..size).step_by(37).chain([size - 1]) {
        let path = store.inclusion_path(tree, index, size).unwrap();
        verify_inclusion::<H>(&leaves[usize::try_from(index).unwrap()], index, size, &path, root).unwrap();
    }
    for old in (1..=size).step_by(53) {
        let first = ReferenceTree::<H>::new(&leaves[..usize::try_from(old).unwrap()]).root();
        let path = store.consistency_path(tree, old, size).unwrap();
        verify_consistency::<H>(old, size, &path, &first, root).unwrap();
    }
    let width = u16::try_from(size.min(256)).unwrap();
    let tile = store.tile(tree, 0, 0, width).unwrap();
    assert_eq!(tile, leaves[..usize::from(width)].concat());
}

fn many(depositor: &Depositor, tag: u32, count: u32) -> Vec<Arc<Admitted>> {
    (0..count).map(|at| depositor.deposit(format!("{tag} {at}").as_bytes(), None)).collect()
}

#[test]
fn a_ledger_is_the_same_after_every_restart() {
    let depositor = Depositor::new(1);
    let mut ledger = Ledger::new();
    ledger.run(&[depositor.creation()]);
    for (tag, count) in [(1, 1), (2, 254), (3, 1), (4, 300), (5, 0), (6, 2)] {
        ledger.run(&many(&depositor, tag, count));
        let tip = ledger.store.tip();
        ledger = ledger.reopen();
        assert_eq!(ledger.store.tip(), tip);
        ledger.check_trees();
    }
    let spec = Account::create(&depositor.spec, Height(1));
    assert_eq!(ledger.store.account(&depositor.id()).unwrap(), Some(spec));
    let tip = ledger.store.tip();
    let (proven, proof) = ledger.store.prove_account(&depositor.id(), tip.state).unwrap();
    let key = Account::state_key(&depositor.id());
    proof.verify_present(&tip.state_root, &key, &canonical(&proven.unwrap())).unwrap();
    let stranger = Depositor::new(2).id();
    let (none, proof) = ledger.store.prove_account(&stranger, tip.state).unwrap();
    assert_eq!(none, None);
    proof.verify_absent(&tip.state_root, &Account::state_key(&stranger)).unwrap();
}

#[test]
fn records_and_items_are_found_and_read_back_in_order() {
    let depositor = Depositor::new(1);
    let mut ledger = Ledger::new();
    let originals: Vec<_> = (0..600u32).map(|at| (at % 599).to_be_bytes().to_vec()).collect();
    let batch = depositor.batch(&originals);
    let single = depositor.deposit(&originals[0], Some(GROUP));
    ledger.run(&[depositor.creation(), batch.clone()]);
    ledger.run(std::slice::from_ref(&single));
    let ledger = ledger.reopen();
    let store = &ledger.store;

    let found = |search: Search| store.search(&search, None, 100).unwrap();
    let place = |index, item| Found { index: LogIndex(index), item };
    let both = [place(1, Some(0)), place(1, Some(599)), place(2, None)];
    assert_eq!(found(Search::Digest(digest(&originals[0]))), both);
    let mut pages = Vec::new();
    while let Some(next) =
        store.search(&Search::Digest(digest(&originals[0])), pages.last().copied(), 1).unwrap().first()
    {
        pages.push(*next);
    }
    assert_eq!(pages, both);
    assert_eq!(found(Search::Digest(DigestAlg::Sm3.digest(&originals[0]))), []);
    assert_eq!(found(Search::Group(GROUP)), [place(2, None)]);
    assert_eq!(found(Search::Account(depositor.id())), [0, 1, 2].map(|index| place(index, None)));

    let record = store.record(LogIndex(1)).unwrap().unwrap();
    assert_eq!((record.items, record.height), (600, Height(1)));
    assert_eq!(record.statement, batch.statement().as_bytes());
    let items: Vec<_> = batch.transaction().items().map(<[u8]>::to_vec).collect();
    assert_eq!(store.items(LogIndex(1), 600).unwrap(), items);
    for at in [0, 255, 256, 599] {
        let item = store.item(LogIndex(1), at, 600).unwrap();
        assert_eq!(item.as_ref(), Some(&items[at as usize]));
    }
    assert_eq!(store.item(LogIndex(1), 600, 600).unwrap(), None);
    assert_eq!(store.record(LogIndex(3)).unwrap(), None);
    assert_eq!(store.index_of(&single.id()).unwrap(), Some(LogIndex(2)));
}

#[test]
fn a_block_out_of_order_changes_nothing() {
    let depositor = Depositor::new(1);
    let mut ledger = Ledger::new();
    let outcome = ledger.outcome(&[depositor.creation()]);
    ledger.run(&[depositor.creation()]);
    let tip = ledger.store.tip();
    let refused = ledger.store.apply(&outcome).unwrap_err();
    assert_eq!(refused.to_string(), "block 1 cannot follow block 1");
    let mut ahead = ledger.outcome(&many(&depositor, 1, 3));
    ahead.height = Height(9);
    assert!(matches!(ledger.store.apply(&ahead), Err(StoreError::OutOfOrder { .. })));
    assert_eq!(ledger.store.tip(), tip);
    ledger.reopen().check_trees();
}

#[test]
fn another_ledger_s_or_a_used_directory_is_refused_and_left_alone() {
    let depositor = Depositor::new(1);
    let mut ledger = Ledger::new();
    ledger.run(&[depositor.creation()]);
    let path = ledger.path();
    assert!(matches!(Store::open(&path, &genesis(), LEDGER, 1 << 20), Err(StoreError::InUse { .. })));
    drop(ledger.store);
    let other = Store::open(&path, &genesis(), LedgerId([8; 32]), 1 << 20).err().unwrap();
    assert!(other.to_string().contains(&LEDGER.to_string()), "{other}");
    assert_eq!(Store::open(&path, &genesis(), LEDGER, 1 << 20).unwrap().tip().size, TreeSize(1));
}

/// Copies a directory as it is on disk, as a power cut would leave it if the disk kept what was written.
fn copy(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The journal: the only file in the store's own directory that grows with every block.
fn journal(dir: &std::path::Path) -> PathBuf {
    let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut journals = files.filter(|path| path.extension().is_some_and(|ext| ext == "jnl"));
    let one = journals.next().expect("a journal");
    assert_eq!(journals.next(), None);
    one
}

#[test]
fn a_cut_journal_leaves_whole_blocks_only() {
    let depositor = Depositor::new(1);
    let mut ledger = Ledger::new();
    let path = ledger.path();
    ledger.run(&[depositor.creation()]);
    let mut ends = Vec::new();
    for tag in 0..5 {
        ledger.run(&many(&depositor, tag, 40));
        let written = fs::read(journal(&path)).unwrap();
        ends.push(written.iter().rposition(|byte| *byte != 0).unwrap() + 1);
    }
    let last = *ends.last().unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for cut in (0..60).map(|step| ends[0] + (last - ends[0]) * step / 59) {
        let copied = tempfile::tempdir().unwrap();
        copy(&path, copied.path());
        fs::OpenOptions::new().write(true).open(journal(copied.path())).unwrap().set_len(cut as u64).unwrap();
        let store = Store::open(copied.path(), &genesis(), LEDGER, 1 << 20).unwrap();
        let size = store.tip().size.0;
        seen.insert(size);
        let whole = ends.iter().filter(|end| **end <= cut).count() as u64;
        assert!(size == 1 + 40 * whole || size == 1 + 40 * (whole + 1), "{size} records at {cut} of {last}");
        let leaves = &ledger.leaves.0[..usize::try_from(size).unwrap()];
        let root = store.checkpoint_at_most(store.tip().height).unwrap().unwrap().checkpoint.root_sha256;
        check_tree::<Sha256>(&store, TreeKind::Sha256, leaves, &root);
        assert_eq!(store.record(LogIndex(size)).unwrap(), None);
        assert_eq!(store.search(&Search::Account(depositor.id()), None, 1000).unwrap().len() as u64, size);
    }
    assert!(seen.len() >= 5, "{seen:?}");
}

#[test]
fn seals_and_time_stamps_are_kept_beside_their_checkpoint() {
    let depositor = Depositor::new(1);
    let mut ledger = Ledger::new();
    ledger.run(&[depositor.creation()]);
    let seal = |institution: &str| {
        let institution = institution.parse().unwrap();
        let seal = Seal { institution, time: 5, receipt: [1; 64], log: [2; 64], cosignature: [3; 64] };
        CertifiedSeal { seal, chain: vec![vec![0x30, 0]] }
    };
    for institution in ["notary", "court"] {
        ledger.store.put_seal(Height(1), &seal(institution)).unwrap();
    }
    ledger.store.put_stamp(Height(1), &[4; 32], b"token").unwrap();
    ledger.store.put_stamp(Height(256), &[4; 32], b"another height's").unwrap();
    let store = ledger.reopen().store;
    assert_eq!(store.seals(Height(1)).unwrap(), [seal("court"), seal("notary")]);
    assert_eq!(store.seals(Height(2)).unwrap(), []);
    let stamps = store.stamps(Height(1)).unwrap();
    assert_eq!(stamps, [([4; 32], xiezhi_evidence::TimeStamp { token: b"token".to_vec() })]);
    assert_eq!(store.checkpoints_after(Height(0), 10).unwrap().len(), 1);
}

/// The database would leave this to its worker, and its worker gets stuck.
#[test]
fn what_fills_the_memory_is_written_to_tables_between_blocks() {
    let depositor = Depositor::new(1);
    let mut ledger = Ledger::new();
    ledger.run(&[depositor.creation()]);
    let mut written = 0;
    for block in 0..14_u64 {
        let items: Vec<_> = (0..40_000).map(|at| (block << 32 | at).to_be_bytes().to_vec()).collect();
        ledger.run(&[depositor.batch(&items)]);
        let items = &ledger.store.items.tree;
        assert!(items.active_memtable().size() < MEMTABLE_BYTES_MAX);
        written = items.table_count() + items.sealed_memtable_count();
    }
    assert!(written > 0);
    // The first digests are in tables, or on their way there; the last ones in memory. After opening all are there again.
    let find = |ledger: &Ledger, block: u64, at: u64| {
        let original = (block << 32 | at).to_be_bytes();
        ledger.store.search(&Search::Digest(digest(&original)), None, 10).unwrap()
    };
    let is_found = |ledger: &Ledger| {
        for (block, at) in [(0, 0), (0, 39_999), (7, 20_000), (12, 5), (13, 39_999)] {
            let place = Found { index: LogIndex(1 + block), item: Some(u32::try_from(at).unwrap()) };
            assert_eq!(find(ledger, block, at), [place], "block {block}, item {at}");
        }
        assert_eq!(find(ledger, 14, 0), []);
    };
    is_found(&ledger);
    let mut ledger = ledger.reopen();
    assert_eq!(ledger.store.tip().size.0, 15);
    ledger.check_trees();
    is_found(&ledger);
    // The next block notes that the tables are written.
    ledger.run(&[depositor.deposit(b"one more", None)]);
    ledger.store.write_digests(u64::MAX).unwrap();
    assert!(ledger.store.digests.keyspace().tree.table_count() > 0);
    assert_eq!(ledger.store.get(&ledger.store.meta, keys::DIGESTS).unwrap().unwrap(), 16u64.to_be_bytes());
    let ledger = ledger.reopen();
    is_found(&ledger);
    // As after a crash between the tables and the mark: both know every entry, each is found once.
    ledger.store.meta.remove(keys::DIGESTS).unwrap();
    is_found(&ledger.reopen());
}

#[test]
fn a_store_of_version_1_keeps_its_index_where_it_is() {
    let depositor = Depositor::new(1);
    let mut ledger = Ledger::new();
    ledger.run(&[
        depositor.creation(),
        depositor.deposit(b"one", Some(GROUP)),
        depositor.batch(&[b"two".to_vec(), b"three".to_vec()]),
    ]);
    ledger.store.write_digests(u64::MAX).unwrap();
    let store = &ledger.store;
    for guard in store.digests.keyspace().iter() {
        let key = guard.key().unwrap();
        store.find.insert(key.clone(), []).unwrap();
        store.digests.keyspace().remove(key).unwrap();
    }
    store.meta.remove(keys::DIGESTS).unwrap();
    store.meta.insert(b"format".as_slice(), FORMAT_BEFORE).unwrap();
    let find = |ledger: &Ledger, original: &[u8]| {
        ledger.store.search(&Search::Digest(digest(original)), None, 10).unwrap().len()
    };
    let mut ledger = ledger.reopen();
    assert_eq!(ledger.store.get(&ledger.store.meta, b"format").unwrap().unwrap(), FORMAT);
    ledger.run(&[depositor.deposit(b"two", None)]);
    for _ in 0..2 {
        assert_eq!(
            [b"one".as_slice(), b"two", b"three", b"four"].map(|one| find(&ledger, one)),
            [1, 2, 1, 0]
        );
        ledger = ledger.reopen();
    }
}

/// A store of an alliance of five.
struct Governed {
    dir: tempfile::TempDir,
    store: Store,
}

impl Governed {
    fn open(dir: tempfile::TempDir) -> Self {
        let store = Store::open(dir.path(), &genesis_of(5), LEDGER, 1 << 20).unwrap();
        Self { dir, store }
    }

    fn reopen(self) -> Self {
        drop(self.store);
        Self::open(self.dir)
    }

    fn apply(&self, block: &[Arc<Admitted>]) -> Option<xiezhi_evidence::Checkpoint> {
        let tip = self.store.tip();
        let outcome = execute(&genesis(), tip.height.next(), NOW, tip.size, block, &self.store).unwrap();
        assert_eq!(outcome.rejected, []);
        self.store.apply(&outcome).unwrap()
    }

    /// Institution `number` gets the keys of `turn`, and the term begins with a record.
    fn rotate(&self, number: u8, turn: u8) {
        let [_, seal] = institution_keys(number, turn - 1);
        let said = Governance::Rotate(proven_keys(number, turn));
        self.apply(&[governance(number, NOW, &seal, said)]);
        let from = self.store.alliance().next.as_ref().unwrap().from;
        while self.store.tip().height.next() < from {
            assert_eq!(self.apply(&[]), None);
        }
        self.apply(&[Depositor::new(150 + 10 * number + turn).creation()]);
    }
}

#[test]
fn institutions_have_accounts_from_the_beginning() {
    let governed = Governed::open(tempfile::tempdir().unwrap());
    let id = institution_account_id(&LEDGER, &institution_id(2));
    let account = governed.store.account(&id).unwrap().unwrap();
    let [_, seal] = institution_keys(2, 0);
    assert_eq!((account.created, account.keys[0].key.clone()), (Height(0), seal.public_key()));
    assert_eq!(governed.store.alliance().term.members.len(), 5);
    assert_eq!(governed.store.alliance().term.number, 0);
}

#[test]
fn terms_and_their_proofs_are_kept() {
    let governed = Governed::open(tempfile::tempdir().unwrap());
    governed.rotate(0, 1);
    governed.rotate(1, 1);
    governed.rotate(0, 2);
    let check = |governed: &Governed| {
        let store = &governed.store;
        assert_eq!((store.alliance().term.number, &store.alliance().next), (3, &None));
        let changes = store.term_changes(3).unwrap();
        assert_eq!(store.term_changes(1).unwrap(), changes[..1]);
        assert_eq!(store.term_at(Height(0)).number, 0);
        for (number, change) in (0u64..).zip(&changes) {
            let next = change.alliance.next.as_ref().unwrap();
            assert_eq!((change.alliance.term.number, next.number), (number, number + 1));
            assert_eq!(store.term_at(Height(next.from.0 - 1)).number, number);
            assert_eq!(*store.term_at(next.from), *next);
            let root = store.checkpoint(change.height).unwrap().unwrap().checkpoint.state_root;
            let value = change.alliance.encode();
            assert_eq!(change.proof.verify_present(&root, STATE_KEY, &value), Ok(()));
        }
    };
    check(&governed);
    check(&governed.reopen());
}

#[test]
fn a_store_without_the_alliance_in_its_state_is_refused_with_the_reason() {
    let governed = Governed::open(tempfile::tempdir().unwrap());
    let path = governed.dir.path().to_owned();
    // The state as it began before terms were: nothing but the ledger's id.
    let entries = [(b"ledger".to_vec(), LEDGER.0.to_vec())];
    let nothing = Nothing;
    let old = StateTree::new(&nothing).update(None, entries).unwrap();
    for guard in governed.store.state.range(vec![]..) {
        governed.store.state.remove(guard.key().unwrap()).unwrap();
    }
    for (key, value) in old.writes {
        governed.store.state.insert(key, value).unwrap();
    }
    drop(governed.store);
    let refused = Store::open(&path, &genesis_of(5), LEDGER, 1 << 20).err().unwrap();
    assert!(matches!(&refused, StoreError::BeforeTerms { .. }), "{refused}");
}

struct Nothing;

impl StateNodes for Nothing {
    fn node(&self, _: &[u8]) -> Result<Option<Vec<u8>>, xiezhi_ledger::StateError> {
        Ok(None)
    }

    fn last_at_most(&self, _: &[u8], _: &[u8]) -> Result<Option<Vec<u8>>, xiezhi_ledger::StateError> {
        Ok(None)
    }
}

#[test]
fn what_is_kept_of_a_term_is_pinned() {
    let governed = Governed::open(tempfile::tempdir().unwrap());
    governed.rotate(0, 1);
    let bytes = canonical(&governed.store.term_changes(1).unwrap()[0]);
    let pinned = xiezhi_crypto::sha256(&bytes).iter().take(8).map(|b| format!("{b:02x}")).collect::<String>();
    assert_eq!(pinned, "3d49d49323a65ce2");
}
