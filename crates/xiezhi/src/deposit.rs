//! `deposit` and `collect`: from files to certificates.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail};
use futures::StreamExt as _;
use xiezhi_client::{Client, ClientError, Deposited, Wait};
use xiezhi_crypto::DigestAlg;
use xiezhi_evidence::{
    BatchBody, BatchItem, Body, Certificate, DepositBody, Genesis, Manifest, statement::BATCH_ITEMS_MAX,
};
use xiezhi_merkle::{Frontier, Sha256};
use xiezhi_types::{AccountId, GroupId, LedgerId, LogIndex, canonical};
use xiezhi_verify::{Anchor, Exhibit, Input, Outcome};

use crate::{
    Ending, Usage,
    account::{self, OwnAccount},
    args::{Collect, Common, Deposit, Searchable},
    files::{self, Hashed, Source},
    home,
    pending::{Pending, PendingExhibit},
    texts::Texts,
    trust,
};

/// Deposits under way at once.
const IN_FLIGHT_MAX: usize = 64;
/// Certificates of a batch fetched at once.
const PAGE: u32 = 500;

/// What the user is told of one exhibit.
#[derive(Debug, serde::Serialize)]
struct Report {
    file: String,
    number: String,
    index: String,
    item: Option<u32>,
    time: String,
    sealed: bool,
    sealed_by: Vec<String>,
    certificate: Option<String>,
    pending: Option<String>,
}

/// The ledger behind a client, its genesis fetched and checked.
pub(crate) async fn ledger_of(client: &Client) -> anyhow::Result<(Anchor, Genesis)> {
    let bytes = client.genesis().await?;
    let genesis = Genesis::parse(&bytes)?;
    let anchor = Anchor { ledger: Genesis::ledger_id(&bytes), name: genesis.name.clone() };
    Ok((anchor, genesis))
}

pub(crate) async fn run(common: &Common, options: &Deposit, texts: &Texts) -> anyhow::Result<Ending> {
    let group = group(options.group.as_deref())?;
    let sources = files::collect(&options.files, texts)?;
    if options.batch && sources.len() > BATCH_ITEMS_MAX as usize {
        let text = texts.get("batch-too-large", &[("count", &sources.len()), ("most", &BATCH_ITEMS_MAX)]);
        bail!(Usage(text));
    }
    for source in &sources {
        refuse_to_overwrite(&source.certificate_path(options.out.as_deref()), texts)?;
    }
    let grantor = options.grantor.as_deref().map(|name| account::named(name, texts)).transpose()?;
    let grantor = grantor.map(|known| known.id);
    let client = home::client(common, texts)?;
    let (anchor, _) = ledger_of(&client).await?;
    if !trust::anchors(&[])?.iter().any(|known| known.ledger == anchor.ledger) {
        let fingerprint = trust::fingerprint(&anchor.ledger);
        eprintln!("{}", texts.get("ledger-not-trusted", &[("fingerprint", &fingerprint)]));
    }
    let account = OwnAccount::open(&options.account)?;
    let wait = Duration::from_secs(options.timeout);
    if account.register(&client, anchor.ledger, wait).await? && !options.json {
        eprintln!("{}", texts.get("account-created", &[("account", &account.id)]));
    }
    let hashed = hash_all(&sources, options.quiet || options.json).await?;
    let plan = Plan { account: &account, ledger: anchor.ledger, group, grantor, options };
    let deposits =
        if options.batch { vec![plan.batch(&sources, &hashed)?] } else { plan.singles(&sources, &hashed)? };
    for (path, pending) in &deposits {
        pending.write(path)?;
    }
    let sending = Sending { wait, json: options.json, first_time: true };
    finish_all(&client, &anchor, deposits, &sending, texts).await
}

/// Whether the ledger said no to the statement itself.
fn is_refusal(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(ClientError::Problem(problem)) if matches!(problem.status, 403 | 422))
}

pub(crate) async fn collect(common: &Common, options: &Collect, texts: &Texts) -> anyhow::Result<Ending> {
    let client = home::client(common, texts)?;
    let (anchor, _) = ledger_of(&client).await?;
    let mut deposits = Vec::new();
    for path in &options.files {
        deposits.push((path.clone(), Pending::read(path)?));
    }
    let wait = Duration::from_secs(options.timeout);
    finish_all(&client, &anchor, deposits, &Sending { wait, json: options.json, first_time: false }, texts)
        .await
}

fn group(text: Option<&str>) -> anyhow::Result<Option<GroupId>> {
    match text {
        None => Ok(None),
        Some("new") => {
            let group = GroupId(home::random()?);
            eprintln!("{group}");
            Ok(Some(group))
        }
        Some(text) => Ok(Some(text.parse().map_err(|e| Usage(format!("--group: {e}")))?)),
    }
}

fn refuse_to_overwrite(certificate: &Path, texts: &Texts) -> anyhow::Result<()> {
    let pending = Pending::path(certificate);
    if pending.exists() {
        bail!(Usage(texts.get("pending-exists", &[("file", &pending.display())])));
    }
    if certificate.exists() {
        bail!(Usage(texts.get("certificate-exists", &[("file", &certificate.display())])));
    }
    Ok(())
}

async fn hash_all(sources: &[Source], quiet: bool) -> anyhow::Result<Vec<Hashed>> {
    let sources = sources.to_vec();
    let hash = move || {
        let bar = files::progress(&sources, quiet);
        let hashed: anyhow::Result<Vec<Hashed>> = sources.iter().map(|source| source.hash(&bar)).collect();
        bar.finish_and_clear();
        hashed
    };
    tokio::task::spawn_blocking(hash).await.context("hashing")?
}

struct Plan<'a> {
    account: &'a OwnAccount,
    ledger: LedgerId,
    group: Option<GroupId>,
    /// In whose name, where that is not the account's own.
    grantor: Option<AccountId>,
    options: &'a Deposit,
}

impl Plan<'_> {
    fn searchable(&self, hashed: &Hashed) -> Vec<xiezhi_crypto::Digest> {
        let wanted = |alg| match alg {
            DigestAlg::Sha256 => self.options.searchable.contains(&Searchable::Sha256),
            DigestAlg::Sm3 => self.options.searchable.contains(&Searchable::Sm3),
        };
        let none = self.options.searchable.contains(&Searchable::None);
        hashed.digests.iter().filter(|digest| !none && wanted(digest.alg)).copied().collect()
    }

    fn sign(&self, body: Body) -> anyhow::Result<Vec<u8>> {
        self.account.sign_for(self.grantor, self.ledger, self.group, body)
    }

    fn certificate_path(&self, source: &Source) -> PathBuf {
        source.certificate_path(self.options.out.as_deref())
    }

    fn singles(&self, sources: &[Source], hashed: &[Hashed]) -> anyhow::Result<Vec<(PathBuf, Pending)>> {
        let one = |(source, hashed): (&Source, &Hashed)| {
            let manifest = files::manifest(source, hashed)?;
            let body = DepositBody {
                manifest_root: manifest.root(),
                digests: self.searchable(hashed),
                phase: self.options.phase,
            };
            let certificate = self.certificate_path(source);
            let exhibit = PendingExhibit { certificate: text(&certificate), manifest, item: None };
            let pending = Pending { statement: self.sign(Body::Deposit(body))?, exhibits: vec![exhibit] };
            Ok((Pending::path(&certificate), pending))
        };
        sources.iter().zip(hashed).map(one).collect()
    }

    fn batch(&self, sources: &[Source], hashed: &[Hashed]) -> anyhow::Result<(PathBuf, Pending)> {
        let mut exhibits = Vec::new();
        let mut tree = Frontier::<Sha256>::new();
        for (source, hashed) in sources.iter().zip(hashed) {
            let manifest = files::manifest(source, hashed)?;
            let item = BatchItem { manifest_root: manifest.root(), digests: self.searchable(hashed) };
            let item = canonical(&item);
            tree.append(BatchItem::leaf(&item));
            let certificate = text(&self.certificate_path(source));
            exhibits.push(PendingExhibit { certificate, manifest, item: Some(item) });
        }
        let items = u32::try_from(exhibits.len()).context("too many files")?;
        let statement = self.sign(Body::Batch(BatchBody { items_root: tree.root(), items }))?;
        let first = PathBuf::from(&exhibits[0].certificate);
        Ok((Pending::path(&first), Pending { statement, exhibits }))
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// How statements are sent.
struct Sending {
    /// How long to wait for the seals.
    wait: Duration,
    json: bool,
    /// Whether no node can have seen the statements yet.
    first_time: bool,
}

async fn finish_all(
    client: &Client,
    anchor: &Anchor,
    deposits: Vec<(PathBuf, Pending)>,
    sending: &Sending,
    texts: &Texts,
) -> anyhow::Result<Ending> {
    let work = futures::stream::iter(deposits.into_iter().map(|(path, pending)| {
        let client = client.clone();
        async move {
            let done = finish(&client, anchor, &path, &pending, sending.wait).await;
            if sending.first_time && done.as_ref().is_err_and(is_refusal) {
                // Nothing will ever come of it. What was sent before may be recorded: its salts are kept.
                let _ = fs::remove_file(&path);
            }
            done
        }
    }));
    let mut work = std::pin::pin!(work.buffered(IN_FLIGHT_MAX));
    let (mut reports, mut failure, mut all_sealed) = (Vec::new(), None, true);
    while let Some(done) = work.next().await {
        match done {
            Ok(done) => {
                for report in done {
                    all_sealed &= report.sealed;
                    if sending.json {
                        reports.push(report);
                    } else {
                        print(&report, texts);
                    }
                }
            }
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    if sending.json {
        println!("{}", serde_json::to_string_pretty(&reports)?);
    }
    match failure {
        Some(error) => Err(error),
        None => Ok(if all_sealed { Ending::Done } else { Ending::NotSealed }),
    }
}

/// Sends one statement, or sends it again, and writes its certificates.
async fn finish(
    client: &Client,
    anchor: &Anchor,
    path: &Path,
    pending: &Pending,
    wait: Duration,
) -> anyhow::Result<Vec<Report>> {
    let items = pending.items();
    let deposited = if items.is_empty() {
        client.deposit(pending.statement.clone(), Wait::Sealed(wait)).await
    } else {
        client.deposit_batch(&pending.statement, &items, Wait::Sealed(wait)).await
    };
    let deposited = deposited?;
    let index = LogIndex(deposited.record.index.0);
    if !deposited.record.sealed {
        let mut reports = Vec::new();
        for (at, exhibit) in pending.exhibits.iter().enumerate() {
            let mut report = report(&deposited, exhibit, at, items.is_empty());
            report.pending = Some(text(path));
            reports.push(report);
        }
        return Ok(reports);
    }
    let certificates = certificates(client, index, &deposited, pending).await?;
    let mut reports = Vec::new();
    for (at, (exhibit, bytes)) in pending.exhibits.iter().zip(certificates).enumerate() {
        let mut certificate = Certificate::parse(&bytes)?;
        certificate.manifest = Some(exhibit.manifest.clone());
        let bytes = certificate.encode();
        judge(&bytes, anchor, &exhibit.manifest)?;
        home::write_whole(Path::new(&exhibit.certificate), &bytes, false)?;
        let mut report = report(&deposited, exhibit, at, items.is_empty());
        report.certificate = Some(exhibit.certificate.clone());
        reports.push(report);
    }
    let _ = fs::remove_file(path);
    Ok(reports)
}

async fn certificates(
    client: &Client,
    index: LogIndex,
    deposited: &Deposited,
    pending: &Pending,
) -> anyhow::Result<Vec<Vec<u8>>> {
    if pending.items().is_empty() {
        let bytes = match &deposited.certificate {
            Some(bytes) => bytes.clone(),
            None => client.certificate(index, None).await?,
        };
        return Ok(vec![bytes]);
    }
    let mut all: Vec<Vec<u8>> = Vec::new();
    while all.len() < pending.exhibits.len() {
        let from = u32::try_from(all.len())?;
        let sequence = client.batch_certificates(index, from, PAGE).await?;
        let before = all.len();
        let mut decoder = minicbor::Decoder::new(&sequence);
        while decoder.position() < sequence.len() {
            let start = decoder.position();
            decoder.skip().context("the node's certificates are not well formed")?;
            all.push(sequence[start..decoder.position()].to_vec());
        }
        if all.len() == before {
            bail!("the node gave {before} of {} certificates", pending.exhibits.len());
        }
    }
    Ok(all)
}

/// A certificate is not handed out before the offline verifier accepts it.
fn judge(bytes: &[u8], anchor: &Anchor, manifest: &Manifest) -> anyhow::Result<()> {
    let exhibit = Exhibit::Digests { size: None, digests: manifest.digests() };
    let verdict = xiezhi_verify::verify(&Input {
        certificate: bytes,
        anchors: std::slice::from_ref(anchor),
        exhibit: &exhibit,
        record_only: false,
        // The other machines' clocks may be a little ahead of this one's.
        declared_time: xiezhi_types::TimestampMs(home::now().0 + 60_000),
        known_checkpoints: &[],
    });
    if verdict.outcome == Outcome::Valid {
        return Ok(());
    }
    let failed =
        verdict.checks.iter().filter(|check| check.status != xiezhi_verify::Status::Pass && check.counts);
    let failed: Vec<_> = failed.map(|check| format!("{} ({})", check.code, check.reason)).collect();
    bail!("the node's certificate does not verify: {}", failed.join(", "))
}

fn report(deposited: &Deposited, exhibit: &PendingExhibit, at: usize, single: bool) -> Report {
    let record = &deposited.record;
    let item = if single { None } else { u32::try_from(at).ok() };
    let number = match (item, record.number.parse::<xiezhi_types::RecordNumber>()) {
        (Some(_), Ok(number)) => xiezhi_types::RecordNumber { item, ..number }.to_string(),
        _ => record.number.clone(),
    };
    let file = exhibit.certificate.strip_suffix(".xzc").unwrap_or(&exhibit.certificate).to_owned();
    Report {
        file,
        number,
        index: record.index.to_string(),
        item,
        time: record.time.clone(),
        sealed: record.sealed,
        sealed_by: record.sealed_by.clone(),
        certificate: None,
        pending: None,
    }
}

fn print(report: &Report, texts: &Texts) {
    println!("{}", texts.get("deposited-file", &[("file", &report.file)]));
    println!("  {}", texts.get("deposited-number", &[("number", &report.number), ("index", &report.index)]));
    println!("  {}", texts.get("deposited-time", &[("time", &report.time)]));
    let who = report.sealed_by.join(", ");
    match (&report.certificate, &report.pending) {
        (Some(certificate), _) => {
            println!("  {}", texts.get("deposited-sealed", &[("who", &who)]));
            println!("  {}", texts.get("deposited-certificate", &[("file", certificate)]));
        }
        (None, pending) => {
            let pending = pending.clone().unwrap_or_default();
            println!("  {}", texts.get("deposited-not-sealed", &[("who", &who), ("file", &pending)]));
        }
    }
}
