//! A small alliance whose store is filled by the code that fills real ones, sealed and stamped with real keys.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use fjall::{Database, Keyspace, KeyspaceCreateOptions};
use xiezhi_crypto::{SignatureAlg, SigningKey};
use xiezhi_evidence::{
    CertifiedSeal, Checkpoint, Genesis, Group, Institution, LocalName, Member, Policy, Seal,
};
use xiezhi_ledger::{Admitted, Outcome, execute, fixtures};
use xiezhi_pki::{
    CertificateAuthority, CertificateTemplate, ObjectIdentifier, P256Key, Profile, Subject, Validity,
    timestamp::{GenTime, TimeStampAuthority},
};
use xiezhi_store::{Store, Tip};
use xiezhi_types::{GroupId, InstitutionId, LedgerId, Role, TimestampMs};

use crate::{FsckError, Object, Report};

pub(crate) use fixtures::{Depositor, LEDGER};

/// The time at which stores are checked: a minute after everything.
pub(crate) const NOW: TimestampMs = TimestampMs(fixtures::NOW.0 + 60_000);
pub(crate) const GROUP: GroupId = GroupId([9; 16]);

const NAMES: [(&str, Role); 4] = [
    ("ca", Role::CertificateAuthority),
    ("court", Role::Court),
    ("forensic", Role::Forensic),
    ("notary", Role::Notary),
];

struct Alliance {
    genesis: Genesis,
    keys: Vec<SigningKey>,
    chains: Vec<Vec<u8>>,
    authority: TimeStampAuthority,
}

fn id(name: &str) -> InstitutionId {
    name.parse().unwrap()
}

fn alliance() -> &'static Alliance {
    static ALLIANCE: OnceLock<Alliance> = OnceLock::new();
    ALLIANCE.get_or_init(|| {
        let seconds = fixtures::NOW.seconds();
        let validity = Validity { not_before: seconds - 1000, not_after: seconds + 1_000_000 };
        let p256 = |seed: u8| P256Key::from_bytes(&[seed; 32]).unwrap();
        let subject = Subject { organisation: "测试", common_name: "Root" };
        let root = CertificateAuthority::new_root(p256(1), subject, [1; 16], validity).unwrap();
        let issue = |profile, serial: u8| {
            let subject = Subject { organisation: "测试", common_name: "Leaf" };
            let template = CertificateTemplate::new(profile, subject, [serial; 16], validity);
            root.issue(&template).unwrap().der().to_vec()
        };
        let seeds = 40u8..;
        let keys: Vec<_> = seeds
            .take(NAMES.len())
            .map(|seed| SigningKey::from_seed(SignatureAlg::Ed25519, &[seed; 32]).unwrap())
            .collect();
        let seal_key = |key: &SigningKey| -> [u8; 32] { key.public_key().as_bytes().try_into().unwrap() };
        let institutions: Vec<_> = NAMES
            .iter()
            .zip(&keys)
            .map(|((name, role), key)| Institution {
                id: id(name),
                role: *role,
                name: LocalName { zh: (*name).to_owned(), en: (*name).to_owned() },
                consensus_key: seal_key(key),
                seal_key: seal_key(key),
            })
            .collect();
        let chains = institutions.iter().zip(10..).map(|(institution, serial)| {
            issue(
                Profile::InstitutionSeal { institution: &institution.id, key: institution.seal_key },
                serial,
            )
        });
        let chains = chains.collect();
        let stamping = issue(Profile::TimeStamping { key: p256(3).public_key() }, 20);
        let policy = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1.1");
        let members = institutions.iter().map(|i| Member::Institution(i.id.clone())).collect();
        let root_der = root.certificate().der().to_vec();
        Alliance {
            genesis: Genesis {
                institutions,
                roots: vec![root_der.clone()],
                timestamp_roots: vec![root_der],
                policy: Policy { seals: Group { threshold: 3, members }, timestamps: 1 },
                ..fixtures::genesis()
            },
            keys,
            chains,
            authority: TimeStampAuthority::new(p256(3), &stamping, &[], policy, 0).unwrap(),
        }
    })
}

pub(crate) fn genesis() -> Genesis {
    alliance().genesis.clone()
}

/// Institution number `at`'s seal of `checkpoint`.
pub(crate) fn seal(checkpoint: &Checkpoint, at: usize) -> CertifiedSeal {
    let all = alliance();
    let institution = &all.genesis.institutions[at].id;
    let origin = all.genesis.origin(&LEDGER);
    let time = checkpoint.time.seconds() + 1;
    let seal = Seal::sign(checkpoint, &origin, institution, time, &all.keys[at]).unwrap();
    CertifiedSeal { seal, chain: vec![all.chains[at].clone()] }
}

/// The authority's fingerprint and its token over `checkpoint`.
pub(crate) fn stamp(checkpoint: &Checkpoint) -> ([u8; 32], Vec<u8>) {
    let authority = &alliance().authority;
    let time = GenTime::from_unix_ms(checkpoint.time.0 + 2000).unwrap();
    let serial = u128::from(checkpoint.height.0) + 1;
    let token = authority.issue_token(&checkpoint.digest(), serial, time, None).unwrap();
    (authority.certificate().fingerprint(), token)
}

/// A store that is being filled.
pub(crate) struct Sealed {
    dir: tempfile::TempDir,
    store: Store,
}

/// A store that nobody uses.
pub(crate) struct Closed {
    _dir: tempfile::TempDir,
    path: PathBuf,
}

impl Closed {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Sealed {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store"), &genesis(), LEDGER, 1 << 20).unwrap();
        Self { dir, store }
    }

    pub(crate) fn reopen(closed: Closed) -> Self {
        let store = Store::open(&closed.path, &genesis(), LEDGER, 1 << 20).unwrap();
        Self { dir: closed._dir, store }
    }

    pub(crate) fn close(self) -> Closed {
        self.store.write_digests(self.tip().size.0).unwrap();
        drop(self.store);
        let path = self.dir.path().join("store");
        Closed { _dir: self.dir, path }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn tip(&self) -> Tip {
        self.store.tip()
    }

    /// What the block that records `block` would do.
    pub(crate) fn outcome(&self, block: &[Arc<Admitted>]) -> Outcome {
        let tip = self.store.tip();
        let time = TimestampMs(fixtures::NOW.0 + tip.height.0 * 3);
        let outcome = execute(&genesis(), tip.height.next(), time, tip.size, block, &self.store).unwrap();
        assert_eq!(outcome.rejected, []);
        outcome
    }

    /// Applies `outcome`; seals and stamps its checkpoint.
    pub(crate) fn apply(&self, outcome: &Outcome) {
        if let Some(checkpoint) = self.store.apply(outcome).unwrap() {
            self.witness(&checkpoint);
        }
    }

    pub(crate) fn witness(&self, checkpoint: &Checkpoint) {
        for at in 0..NAMES.len() {
            self.store.put_seal(checkpoint.height, &seal(checkpoint, at)).unwrap();
        }
        let (fingerprint, token) = stamp(checkpoint);
        self.store.put_stamp(checkpoint.height, &fingerprint, &token).unwrap();
    }

    pub(crate) fn run(&self, block: &[Arc<Admitted>]) {
        self.apply(&self.outcome(block));
    }

    /// Ten blocks: accounts, deposits, batches, groups, two blocks without records.
    pub(crate) fn fill(&mut self) {
        let depositors: Vec<_> = (1..=43).map(Depositor::new).collect();
        let creations = |range: std::ops::Range<usize>| -> Vec<_> {
            depositors[range].iter().map(Depositor::creation).collect()
        };
        let deposits = |tag: u32, count: u32| -> Vec<_> {
            let one = |at| depositors[(at % 3) as usize].deposit(format!("{tag} {at}").as_bytes(), None);
            (0..count).map(one).collect()
        };
        let originals = |count: u32| -> Vec<_> { (0..count).map(|at| at.to_be_bytes().to_vec()).collect() };
        self.run(&creations(0..3));
        self.run(&deposits(1, 254));
        self.run(&[depositors[0].batch(&originals(600))]);
        self.run(&[]);
        self.run(&creations(3..40));
        let grouped = [depositors[39].deposit(b"grouped", Some(GROUP))];
        self.run(&[deposits(2, 20), creations(40..42), grouped.to_vec()].concat());
        self.run(&[depositors[1].batch(&originals(512))]);
        self.run(&[creations(42..43), deposits(3, 300)].concat());
        self.run(&deposits(4, 1));
        self.run(&[]);
    }
}

/// A filled store of which copies are made.
pub(crate) fn filled() -> Closed {
    let mut sealed = Sealed::new();
    sealed.fill();
    sealed.close()
}

pub(crate) fn check_at(path: &Path, ledger: LedgerId) -> Result<Report, FsckError> {
    crate::check(path, &genesis(), ledger, NOW, None, &mut |_| {})
}

pub(crate) fn check(closed: &Closed) -> Report {
    check_at(closed.path(), LEDGER).unwrap()
}

pub(crate) fn check_clean(closed: &Closed) -> Report {
    let report = check(closed);
    assert!(report.is_clean() && report.more == 0 && report.notes.is_empty(), "{report:#?}");
    report
}

/// What is found, as text.
pub(crate) fn found(report: &Report) -> Vec<String> {
    report.findings.iter().map(|f| format!("{}: {}", f.object, f.code)).collect()
}

/// Changes the database behind the store's back.
pub(crate) fn alter(closed: &Closed, change: impl FnOnce(&Database)) {
    let database = Database::builder(closed.path()).worker_threads(1).open().unwrap();
    change(&database);
    database.persist(fjall::PersistMode::SyncAll).unwrap();
}

pub(crate) fn keyspace(database: &Database, name: &str) -> Keyspace {
    assert!(database.keyspace_exists(name));
    database.keyspace(name, KeyspaceCreateOptions::default).unwrap()
}

/// Moves everything from the journal to tables.
pub(crate) fn flush(closed: &Closed) {
    alter(closed, |database| {
        for space in crate::layout::Space::ALL {
            keyspace(database, space.name()).rotate_memtable_and_wait().unwrap();
        }
    });
}

/// Every entry of a keyspace.
pub(crate) fn entries(closed: &Closed, name: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found = Vec::new();
    alter(closed, |database| {
        let pairs = keyspace(database, name).iter().map(|guard| guard.into_inner().unwrap());
        found = pairs.map(|(key, value)| (key.to_vec(), value.to_vec())).collect();
    });
    found
}

/// Puts an entry, or removes it.
pub(crate) fn put(closed: &Closed, name: &str, key: &[u8], value: Option<&[u8]>) {
    alter(closed, |database| match value {
        Some(value) => keyspace(database, name).insert(key, value).unwrap(),
        None => keyspace(database, name).remove(key).unwrap(),
    });
}

/// Bytes of every file, without the zeros at the end.
pub(crate) fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            all.extend(contents(&entry.path()));
        } else {
            all.insert(entry.path(), fs::read(entry.path()).unwrap());
        }
    }
    all
}

/// Copies a store as it is on disk.
pub(crate) fn copy(closed: &Closed) -> Closed {
    fn copy(from: &Path, to: &Path) {
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
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    copy(closed.path(), &path);
    Closed { _dir: dir, path }
}

/// A finding about `object` is among the findings.
pub(crate) fn assert_names(report: &Report, object: &Object, context: &str) {
    let is_named = report.findings.iter().any(|finding| finding.object == *object);
    assert!(is_named, "{context}: {object} is not named in {:#?}", found(report));
}
