//! More than the alliance can take: it says so, its memory stays bounded, and what it took in is recorded.

mod place;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use place::institutions::Institutions;
use xiezhi_client::{Client, Wait};
use xiezhi_crypto::{DigestAlg, SignatureAlg, SigningKey, sha256};
use xiezhi_evidence::{
    AccountSpec, BatchBody, BatchItem, Body, DepositBody, Genesis, Statement, StatementDraft,
};
use xiezhi_merkle::{Frontier, Sha256};
use xiezhi_types::{LedgerId, TimestampMs, canonical};

const ITEMS: u32 = 65_536;
/// What a node may take in all with its queue full, in MiB: twice the queue's 128 MiB for what is read out of it, and all else.
const MEMORY_MAX: u64 = 600;
/// What it may take on top while it refuses: requests on their way.
const REFUSING_MAX: u64 = 100;

struct Depositor {
    ledger: LedgerId,
    key: SigningKey,
    spec: AccountSpec,
}

impl Depositor {
    fn sign(&self, body: Body) -> Vec<u8> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let issued_at = TimestampMs(u64::try_from(now).unwrap());
        let draft =
            StatementDraft { issuer: self.spec.id(), ledger: self.ledger, issued_at, group: None, body };
        draft.sign(&[&self.key]).unwrap().as_bytes().to_vec()
    }

    fn batch(&self, number: u32) -> (Vec<u8>, Vec<Vec<u8>>) {
        let mut tree = Frontier::<Sha256>::new();
        let item = |at: u32| {
            let seed = [number.to_be_bytes(), at.to_be_bytes()].concat();
            let digests = vec![DigestAlg::Sha256.digest(&seed)];
            canonical(&BatchItem { manifest_root: sha256(&seed), digests })
        };
        let items: Vec<_> = (0..ITEMS).map(item).collect();
        items.iter().for_each(|item| tree.append(BatchItem::leaf(item)));
        (self.sign(Body::Batch(BatchBody { items_root: tree.root(), items: ITEMS })), items)
    }
}

fn memory_mib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

#[test]
fn beyond_its_capacity_a_node_refuses_and_what_it_took_is_recorded() {
    let mut all = Institutions::found(4);
    all.start(&[0, 1, 2, 3]);
    all.wait_live(&[0, 1, 2, 3]);
    let genesis = std::fs::read(all.place.path("alliance/genesis.cbor")).unwrap();
    let key = SigningKey::from_seed(SignatureAlg::Ed25519, &[7; 32]).unwrap();
    let spec = AccountSpec::single([0; 16], key.public_key());
    let depositor = Depositor { ledger: Genesis::ledger_id(&genesis), key, spec };
    let client = Client::new(&all.url(0)).unwrap().timeout(Duration::from_secs(60));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let account = depositor.sign(Body::Account(depositor.spec.clone()));
    runtime.block_on(client.deposit(account, Wait::Sealed(Duration::from_secs(30)))).unwrap();

    // Two of four are away: nothing is ordered, everything waits.
    all.kill(&[2, 3]);
    let node = all.nodes[0].as_ref().unwrap().id();
    let before = memory_mib(node);
    let (mut waiting, mut refused, mut full) = (Vec::new(), 0, 0);
    for number in 0.. {
        assert!(number < 200, "it takes everything");
        let (statement, items) = depositor.batch(number);
        let sent = client.deposit_batch(&statement, &items, Wait::Recorded(Duration::from_millis(200)));
        let error = runtime.block_on(sent).expect_err("nothing can be recorded");
        assert!(error.retry_after_s().is_some_and(|after| after > 0), "{error}");
        match error.code() {
            Some("not-ordered") => {
                assert_eq!(refused, 0, "it was full, and nothing left the queue");
                waiting.push(Statement::parse(&statement).unwrap().id());
                full = memory_mib(node);
            }
            Some("busy") => refused += 1,
            _ => panic!("{error}"),
        }
        if refused == 10 {
            break;
        }
    }
    let single = || {
        depositor.sign(Body::Deposit(DepositBody {
            manifest_root: [1; 32],
            digests: Vec::new(),
            phase: None,
        }))
    };
    let sent = client.deposit(single(), Wait::Recorded(Duration::from_millis(200)));
    assert_eq!(runtime.block_on(sent).expect_err("no room").code(), Some("busy"));
    let after = memory_mib(node);
    println!(
        "{} batches wait; MiB: {before} before, {full} when full, {after} after 11 refusals",
        waiting.len()
    );
    assert!(!waiting.is_empty() && full < MEMORY_MAX && after < full + REFUSING_MAX);

    all.start(&[2, 3]);
    let begun = Instant::now();
    for id in &waiting {
        while runtime.block_on(client.statement_status(id)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(240), "what waited is not recorded");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    let sealed = runtime.block_on(client.deposit(single(), Wait::Sealed(Duration::from_secs(60)))).unwrap();
    assert!(sealed.record.sealed);
}
