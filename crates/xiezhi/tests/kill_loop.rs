//! kill -9 under load, again and again: nothing acknowledged is lost, the log only grows, and it goes on.
//!
//! `XIEZHI_KILL_ROUNDS`, `XIEZHI_KILL_INSTITUTIONS` and `XIEZHI_KILL_SEED` make long runs; see docs/reliability.md.

mod place;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use place::institutions::Institutions;
use xiezhi_client::{Client, Tree, Wait};
use xiezhi_crypto::{DigestAlg, SignatureAlg, SigningKey};
use xiezhi_evidence::{AccountSpec, Body, DepositBody, Genesis, StatementDraft};
use xiezhi_merkle::{Sha256, verify_consistency};
use xiezhi_types::{LedgerId, LogIndex, TimestampMs};
use xiezhi_verify::{Anchor, Exhibit, Input, Outcome, verify};

const DEPOSITORS: u64 = 4;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |value| value.parse().expect(name))
}

fn now() -> TimestampMs {
    TimestampMs(u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap())
}

/// Numbers that the seed determines (splitmix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn pause(&mut self, most_ms: u64) {
        std::thread::sleep(Duration::from_millis(self.below(most_ms)));
    }

    /// `count` different numbers below `bound`.
    fn choose(&mut self, count: usize, bound: usize) -> Vec<usize> {
        let mut all: Vec<_> = (0..bound).collect();
        for at in 0..count {
            let other = at + usize::try_from(self.below((bound - at) as u64)).unwrap();
            all.swap(at, other);
        }
        all.truncate(count);
        all
    }
}

/// What the ledger said yes to.
#[derive(Default)]
struct Acknowledged {
    statements: BTreeMap<u64, Vec<u8>>,
    certificates: Vec<Vec<u8>>,
}

struct Depositor {
    client: Client,
    ledger: LedgerId,
    key: SigningKey,
    spec: AccountSpec,
}

impl Depositor {
    fn new(urls: &[String], ledger: LedgerId, seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        let key = SigningKey::from_seed(SignatureAlg::Ed25519, &bytes).unwrap();
        let spec = AccountSpec::single([0; 16], key.public_key());
        let urls: Vec<_> = urls.iter().map(String::as_str).collect();
        let client = Client::with_nodes(&urls).unwrap().timeout(Duration::from_secs(10));
        Self { client, ledger, key, spec }
    }

    fn sign(&self, body: Body) -> Vec<u8> {
        let (issuer, ledger) = (self.spec.id(), self.ledger);
        let draft = StatementDraft { issuer, ledger, issued_at: now(), group: None, body };
        draft.sign(&[&self.key]).unwrap().as_bytes().to_vec()
    }

    /// Sends one statement until the ledger says yes.
    async fn insist(&self, statement: &[u8], stop: &AtomicBool, said: &Mutex<Acknowledged>) {
        while !stop.load(Ordering::Relaxed) {
            let wait = Wait::Sealed(Duration::from_secs(5));
            match self.client.deposit(statement.to_vec(), wait).await {
                Ok(deposited) => {
                    let mut said = said.lock().unwrap();
                    let before = said.statements.insert(deposited.record.index.0, statement.to_vec());
                    assert!(before.is_none_or(|before| before == statement), "one index, two statements");
                    said.certificates.extend(deposited.certificate);
                    return;
                }
                Err(error) => {
                    assert_ne!(error.code(), Some("clock-off"), "five minutes without a yes");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    async fn run(self, number: u64, stop: Arc<AtomicBool>, said: Arc<Mutex<Acknowledged>>) {
        self.insist(&self.sign(Body::Account(self.spec.clone())), &stop, &said).await;
        for count in 0u64.. {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let digests =
                vec![DigestAlg::Sha256.digest(&[number.to_be_bytes(), count.to_be_bytes()].concat())];
            let body = Body::Deposit(DepositBody { manifest_root: [0; 32], digests, phase: None });
            self.insist(&self.sign(body), &stop, &said).await;
        }
    }
}

/// Kills and starts again for `rounds` rounds; between them the ledger must say yes to something new.
fn rage(all: &mut Institutions, rounds: u64, said: &Mutex<Acknowledged>) {
    let seed = setting("XIEZHI_KILL_SEED", 1);
    let mut chance = Chance(seed);
    let count = all.nodes.len();
    let spare = (count - 1) / 3;
    for round in 0..rounds {
        let begun = Instant::now();
        let before = said.lock().unwrap().statements.len();
        while said.lock().unwrap().statements.len() < before + 8 {
            assert!(begun.elapsed() < Duration::from_secs(180), "round {round}, seed {seed}: no progress");
            std::thread::sleep(Duration::from_millis(20));
        }
        chance.pause(400);
        // Every third time all at once, else as many as the ledger must bear.
        let victims =
            if round % 3 == 2 { count } else { 1 + usize::try_from(chance.below(spare as u64)).unwrap() };
        let victims = chance.choose(victims, count);
        all.kill(&victims);
        chance.pause(400);
        all.start(&victims);
    }
}

#[test]
fn killed_again_and_again_under_load_nothing_acknowledged_is_lost() {
    let count = usize::try_from(setting("XIEZHI_KILL_INSTITUTIONS", 4)).unwrap();
    let rounds = setting("XIEZHI_KILL_ROUNDS", 6);
    let mut all = Institutions::found(count);
    let everybody: Vec<_> = (0..count).collect();
    all.start(&everybody);
    all.wait_live(&everybody);
    let genesis = std::fs::read(all.place.path("alliance/genesis.cbor")).unwrap();
    let ledger = Genesis::ledger_id(&genesis);
    let urls: Vec<_> = everybody.iter().map(|at| all.url(*at)).collect();

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (stop, said) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Acknowledged::default())));
    let tasks: Vec<_> = (0..DEPOSITORS)
        .map(|number| {
            let mut urls = urls.clone();
            urls.rotate_left(usize::try_from(number).unwrap() % count);
            runtime.spawn(Depositor::new(&urls, ledger, number).run(
                number,
                Arc::clone(&stop),
                Arc::clone(&said),
            ))
        })
        .collect();
    rage(&mut all, rounds, &said);
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        runtime.block_on(task).unwrap();
    }

    all.wait_live(&everybody);
    let said = std::mem::take(&mut *said.lock().unwrap());
    let last = *said.statements.keys().last().unwrap();
    for at in &everybody {
        let size =
            |status: &serde_json::Value| status["sealed_size"].as_str().and_then(|s| s.parse::<u64>().ok());
        all.wait(*at, "caught up", |status| size(status).is_some_and(|size| size > last));
    }
    runtime.block_on(check_log(&urls, &said.statements, last));
    check_certificates(&genesis, ledger, &said.certificates);
    println!("{rounds} rounds, {count} institutions: {} acknowledged, none lost", said.statements.len());
    drop(all);
}

/// Every node has every acknowledged statement where it was acknowledged, and all have one log that only grew.
async fn check_log(urls: &[String], statements: &BTreeMap<u64, Vec<u8>>, last: u64) {
    let mut roots = Vec::new();
    for url in urls {
        let client = Client::new(url).unwrap();
        for (index, statement) in statements {
            let stored = client.statement(LogIndex(*index)).await.unwrap();
            assert!(stored == *statement, "record {index} at {url}");
        }
        let record = client.record(LogIndex(last)).await.unwrap();
        let newest = client.checkpoint(xiezhi_types::Height(record.status.height.0)).await.unwrap();
        let oldest = client.checkpoints(None, 1).await.unwrap().checkpoints.remove(0);
        let (old, new) = (oldest.size.0, newest.size.0);
        let proof = client.consistency_proof(Tree::Sha256, old, new).await.unwrap();
        let path: Vec<_> = proof.path.iter().map(|hash| hash.0.as_slice().try_into().unwrap()).collect();
        let root =
            |text: &str| -> [u8; 32] { hex::decode(&text["sha256:".len()..]).unwrap().try_into().unwrap() };
        let (first, second) = (root(&oldest.root_sha256), root(&newest.root_sha256));
        verify_consistency::<Sha256>(old, new, &path, &first, &second).unwrap();
        roots.push((old, new, first, second));
    }
    roots.dedup();
    assert_eq!(roots.len(), 1, "one log");
}

/// Each certificate handed out on the way is valid offline, afterwards.
fn check_certificates(genesis: &[u8], ledger: LedgerId, certificates: &[Vec<u8>]) {
    assert!(!certificates.is_empty());
    let anchor = Anchor { ledger, name: Genesis::parse(genesis).unwrap().name };
    let every = certificates.len().div_ceil(200);
    for certificate in certificates.iter().step_by(every) {
        let verdict = verify(&Input {
            certificate,
            anchors: std::slice::from_ref(&anchor),
            exhibit: &Exhibit::None,
            record_only: true,
            declared_time: TimestampMs(now().0 + 60_000),
            known_checkpoints: &[],
        });
        assert_eq!(verdict.outcome, Outcome::Valid, "{verdict:?}");
    }
}
