//! `bench`: measures an alliance of nodes in a process of its own, under load from this one.
//!
//! Only provable deposits count: an answer is a certificate, and every certificate is checked offline after the load. For each checkpoint
//! one certificate gets the whole verdict; the others of that checkpoint must carry the same checkpoint and lead to its roots.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use serde::Serialize;
use xiezhi_client::{Client, Wait};
use xiezhi_crypto::{DigestAlg, sha256};
use xiezhi_evidence::{
    BatchBody, BatchItem, Body, Certificate, DepositBody,
    account::{AccountChange, Grant, Permission},
};
use xiezhi_merkle::{Frontier, Sha256, Sm3, TreeHash, verify_inclusion};
use xiezhi_types::{AccountId, LedgerId, LogIndex, TimestampMs, canonical};
use xiezhi_verify::{Anchor, Outcome};

use crate::{
    Ending, account::OwnAccount, args::Bench, deposit::ledger_of, home, texts::Texts, verify::judge_record,
};

/// Longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Clients that send batches.
const BATCH_CLIENTS: usize = 4;

/// One row of the result.
#[derive(Debug, Serialize)]
struct Row {
    what: String,
    clients: usize,
    seconds: f64,
    provable: u64,
    errors: u64,
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    /// Processor time of all nodes per provable deposit (or item) and validator, in microseconds.
    cpu_us_per_validator: f64,
    /// Share of this machine's processors that the nodes used.
    nodes_cores: f64,
    /// Share that the load generator used.
    load_cores: f64,
    /// Growth of one node's directory per record or item, in bytes, consensus journals included.
    bytes_per_record: f64,
    /// From the end of the load until nothing waits and everything is sealed, in milliseconds.
    backlog_ms: u64,
}

/// The alliance under measurement: a child process.
struct Subject {
    child: Child,
    dir: PathBuf,
    urls: Vec<String>,
    validators: usize,
}

impl Subject {
    async fn start(options: &Bench) -> anyhow::Result<Self> {
        let dir = std::env::temp_dir().join(format!("xiezhi-bench-{}", std::process::id()));
        let child = Command::new(std::env::current_exe()?)
            .arg("--data-dir")
            .arg(dir.join("alliance"))
            .args(["--lang", "en", "up", "--no-pages", "--base-port", &options.base_port.to_string()])
            .args(["--institutions", &options.institutions.to_string()])
            .env("XIEZHI_HOME", dir.join("home"))
            .env_remove("XIEZHI_URL")
            .stdout(Stdio::null())
            .spawn()
            .context("cannot start the alliance")?;
        let ports = (0..options.institutions).map(|at| options.base_port + u16::try_from(at).unwrap_or(0));
        let urls = ports.map(|port| format!("http://127.0.0.1:{port}")).collect();
        let mut subject = Self { child, dir, urls, validators: options.institutions };
        subject.wait_until_live().await?;
        Ok(subject)
    }

    async fn wait_until_live(&mut self) -> anyhow::Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                bail!("the alliance ended: {status}");
            }
            let mut live = 0;
            for url in &self.urls {
                live += usize::from(Client::new(url)?.status().await.is_ok_and(|status| status.live));
            }
            if live == self.urls.len() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("the alliance is not live after {PATIENCE:?}")
    }

    fn cpu(&self) -> Duration {
        cpu_of(&self.child.id().to_string())
    }

    fn node_bytes(&self) -> u64 {
        tree_bytes(&self.dir.join("alliance")) / self.validators as u64
    }

    /// Waits until every node has nothing queued and everything sealed.
    async fn drained(&self) -> anyhow::Result<u64> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let mut done = 0;
            for url in &self.urls {
                let status = Client::new(url)?.status().await?;
                done += usize::from(status.queued.0 == 0 && status.sealed_size == status.size);
            }
            if done == self.urls.len() {
                return Ok(u64::try_from(begun.elapsed().as_millis())?);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("the backlog does not drain")
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// Processor time of a process so far, from /proc; zero where there is none.
fn cpu_of(process: &str) -> Duration {
    let read = || -> Option<u64> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
    };
    // Linux counts in hundredths of a second.
    Duration::from_millis(read().unwrap_or(0) * 10)
}

fn tree_bytes(dir: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => tree_bytes(&entry.path()),
        // What is allocated, not what a preallocated journal claims to be long.
        Ok(meta) => meta.len().min(meta.blocks() * 512),
        Err(_) => 0,
    };
    entries.filter_map(Result::ok).map(size).sum()
}

pub(crate) async fn run(options: &Bench, texts: &Texts) -> anyhow::Result<Ending> {
    eprintln!("{}", texts.get("bench-start", &[("institutions", &options.institutions)]));
    let subject = Subject::start(options).await?;
    let first = Client::new(&subject.urls[0])?;
    let (anchor, _) = ledger_of(&first).await?;
    let account = Arc::new(OwnAccount::new()?);
    account.register(&first, anchor.ledger, PATIENCE).await?;
    subject.drained().await?;
    let mut rows = Vec::new();
    for clients in &options.clients {
        eprintln!("{}", texts.get("bench-single", &[("clients", clients)]));
        let load =
            Load { account: &account, grantor: None, ledger: anchor.ledger, clients: *clients, items: 0 };
        rows.push(measure(&subject, &anchor, &load, options.seconds, texts).await?);
    }
    if let Some(clients) = options.clients.last() {
        eprintln!("{}", texts.get("bench-delegated", &[("clients", clients)]));
        let grantor = Some(grantor_of(&account, &first, anchor.ledger).await?);
        let load = Load { account: &account, grantor, ledger: anchor.ledger, clients: *clients, items: 0 };
        rows.push(measure(&subject, &anchor, &load, options.seconds, texts).await?);
    }
    eprintln!("{}", texts.get("bench-batch", &[("items", &options.batch_items)]));
    let (clients, items) = (BATCH_CLIENTS, options.batch_items);
    let load = Load { account: &account, grantor: None, ledger: anchor.ledger, clients, items };
    rows.push(measure(&subject, &anchor, &load, options.seconds, texts).await?);
    if options.json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    } else {
        print(&rows);
    }
    Ok(if rows.iter().all(|row| row.errors == 0) { Ending::Done } else { Ending::Invalid })
}

fn print(rows: &[Row]) {
    println!(
        "| load | clients | provable/s | p50 ms | p99 ms | errors | CPU µs per validator | nodes' cores | load's cores | bytes/record | backlog ms |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for r in rows {
        println!(
            "| {} | {} | {:.0} | {:.1} | {:.1} | {} | {:.1} | {:.2} | {:.2} | {:.0} | {} |",
            r.what,
            r.clients,
            r.per_second,
            r.p50_ms,
            r.p99_ms,
            r.errors,
            r.cpu_us_per_validator,
            r.nodes_cores,
            r.load_cores,
            r.bytes_per_record,
            r.backlog_ms
        );
    }
}

/// A new account in whose name `platform` may deposit.
async fn grantor_of(platform: &OwnAccount, client: &Client, ledger: LedgerId) -> anyhow::Result<AccountId> {
    let grantor = OwnAccount::new()?;
    grantor.register(client, ledger, PATIENCE).await?;
    let grant = Grant {
        delegate: platform.id,
        permissions: vec![Permission::Deposit],
        quota: u64::MAX,
        daily: None,
        not_before: None,
        until: TimestampMs(home::now().0 + 24 * 3600 * 1000),
    };
    let said = Body::Change(AccountChange::Delegate(grant));
    client.deposit(grantor.sign(ledger, None, said)?, Wait::Recorded(PATIENCE)).await?;
    Ok(grantor.id)
}

struct Load<'a> {
    account: &'a Arc<OwnAccount>,
    /// In whose name, if not the account's own.
    grantor: Option<AccountId>,
    ledger: LedgerId,
    clients: usize,
    /// Items of each batch; 0 for single deposits.
    items: u32,
}

/// What a client brings home.
#[derive(Default)]
struct Harvest {
    latencies_us: Vec<u64>,
    certificates: Vec<Vec<u8>>,
    batches: Vec<LogIndex>,
    errors: u64,
    first_error: Option<String>,
}

async fn measure(
    subject: &Subject,
    anchor: &Anchor,
    load: &Load<'_>,
    seconds: u64,
    texts: &Texts,
) -> anyhow::Result<Row> {
    let bytes_before = subject.node_bytes();
    let (cpu_before, own_before, begun) = (subject.cpu(), cpu_of("self"), Instant::now());
    let until = begun + Duration::from_secs(seconds);
    let mut tasks = Vec::new();
    for at in 0..load.clients {
        let client = Client::new(&subject.urls[at % subject.urls.len()])?.timeout(PATIENCE);
        let (account, grantor) = (Arc::clone(load.account), load.grantor);
        let (ledger, items) = (load.ledger, load.items);
        let salt: [u8; 16] = home::random()?;
        tasks.push(tokio::spawn(async move {
            if items == 0 {
                singles(&client, &account, grantor, ledger, salt, until).await
            } else {
                batches(&client, &account, ledger, salt, items, until).await
            }
        }));
    }
    let mut all = Harvest::default();
    for task in tasks {
        let harvest = task.await?;
        all.latencies_us.extend(harvest.latencies_us);
        all.certificates.extend(harvest.certificates);
        all.batches.extend(harvest.batches);
        all.errors += harvest.errors;
        all.first_error = all.first_error.or(harvest.first_error);
    }
    let elapsed = begun.elapsed();
    let (cpu, own) = (subject.cpu() - cpu_before, cpu_of("self") - own_before);
    let backlog_ms = subject.drained().await?;
    if let Some(error) = &all.first_error {
        eprintln!("{error}");
    }
    let bytes = subject.node_bytes().saturating_sub(bytes_before);
    let unit = u64::from(load.items.max(1));
    if load.items > 0 {
        for index in &all.batches {
            // Any item's certificate proves the batch's place; the first and the last stand for the others.
            for item in [0, load.items - 1] {
                let client = Client::new(&subject.urls[0])?;
                all.certificates.push(client.certificate(*index, Some(item)).await?);
            }
        }
    }
    eprintln!("{}", texts.get("bench-verifying", &[("count", &all.certificates.len())]));
    let proven = provable(&all.certificates, anchor)?;
    let provable = if load.items > 0 { proven / 2 * unit } else { proven };
    all.latencies_us.sort_unstable();
    let percentile = |p: f64| {
        let at = ((all.latencies_us.len() as f64 * p) as usize).min(all.latencies_us.len().saturating_sub(1));
        all.latencies_us.get(at).map_or(0.0, |us| *us as f64 / 1000.0)
    };
    let per = |total: f64| if provable == 0 { 0.0 } else { total / provable as f64 };
    Ok(Row {
        what: match (load.items, load.grantor) {
            (0, None) => "single".to_owned(),
            (0, Some(_)) => "single, delegated".to_owned(),
            (items, _) => format!("batches of {items}"),
        },
        clients: load.clients,
        seconds: elapsed.as_secs_f64(),
        provable,
        errors: all.errors,
        per_second: provable as f64 / elapsed.as_secs_f64(),
        p50_ms: percentile(0.50),
        p99_ms: percentile(0.99),
        cpu_us_per_validator: per(cpu.as_secs_f64() * 1e6) / subject.validators as f64,
        nodes_cores: cpu.as_secs_f64() / elapsed.as_secs_f64(),
        load_cores: own.as_secs_f64() / elapsed.as_secs_f64(),
        bytes_per_record: per(bytes as f64),
        backlog_ms,
    })
}

async fn singles(
    client: &Client,
    account: &OwnAccount,
    grantor: Option<AccountId>,
    ledger: LedgerId,
    salt: [u8; 16],
    until: Instant,
) -> Harvest {
    let mut harvest = Harvest::default();
    let mut counter = 0u64;
    while Instant::now() < until {
        counter += 1;
        let seed = [salt.as_slice(), &counter.to_be_bytes()].concat();
        let body = DepositBody {
            manifest_root: sha256(&seed),
            digests: vec![DigestAlg::Sha256.digest(&seed)],
            phase: None,
        };
        let Ok(statement) = account.sign_for(grantor, ledger, None, Body::Deposit(body)) else { break };
        let begun = Instant::now();
        match client.deposit_sealed(statement, PATIENCE).await {
            Ok(certificate) => {
                harvest.latencies_us.push(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX));
                harvest.certificates.push(certificate.to_vec());
            }
            Err(error) => {
                harvest.errors += 1;
                harvest.first_error.get_or_insert(error.to_string());
            }
        }
    }
    harvest
}

async fn batches(
    client: &Client,
    account: &OwnAccount,
    ledger: LedgerId,
    salt: [u8; 16],
    items: u32,
    until: Instant,
) -> Harvest {
    let mut harvest = Harvest::default();
    let mut counter = 0u64;
    while Instant::now() < until {
        let mut encoded = Vec::with_capacity(items as usize);
        let mut tree = Frontier::<Sha256>::new();
        for _ in 0..items {
            counter += 1;
            let seed = [salt.as_slice(), &counter.to_be_bytes()].concat();
            let item =
                BatchItem { manifest_root: sha256(&seed), digests: vec![DigestAlg::Sha256.digest(&seed)] };
            let item = canonical(&item);
            tree.append(BatchItem::leaf(&item));
            encoded.push(item);
        }
        let body = BatchBody { items_root: tree.root(), items };
        let Ok(statement) = account.sign(ledger, None, Body::Batch(body)) else { break };
        let begun = Instant::now();
        match client.deposit_batch(&statement, &encoded, Wait::Sealed(PATIENCE)).await {
            Ok(deposited) if deposited.record.sealed => {
                harvest.latencies_us.push(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX));
                harvest.batches.push(LogIndex(deposited.record.index.0));
            }
            Ok(_) => harvest.errors += 1,
            Err(error) => {
                harvest.errors += 1;
                harvest.first_error.get_or_insert(error.to_string());
            }
        }
    }
    harvest
}

/// How many of `certificates` prove their record; the first one that does not is an error.
fn provable(certificates: &[Vec<u8>], anchor: &Anchor) -> anyhow::Result<u64> {
    let mut judged = HashSet::new();
    let mut proven = 0;
    for bytes in certificates {
        let certificate = Certificate::parse(bytes)?;
        let checkpoint = &certificate.checkpoint;
        if judged.insert(checkpoint.digest()) {
            let verdict = judge_record(bytes, std::slice::from_ref(anchor), home::now());
            if verdict.outcome != Outcome::Valid {
                bail!("a certificate does not verify: {}", verdict.to_json());
            }
        } else {
            let (index, size) = (certificate.index.0, checkpoint.size.0);
            let sha256 = Sha256::leaf(&certificate.statement);
            let sm3 = Sm3::leaf(&certificate.statement);
            verify_inclusion::<Sha256>(
                &sha256,
                index,
                size,
                &certificate.path_sha256,
                &checkpoint.root_sha256,
            )?;
            verify_inclusion::<Sm3>(&sm3, index, size, &certificate.path_sm3, &checkpoint.root_sm3)?;
        }
        proven += 1;
    }
    Ok(proven)
}
