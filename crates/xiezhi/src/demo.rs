//! `demo`: all of it in one go.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use xiezhi_client::{Client, Event, Wait};
use xiezhi_crypto::DigestAlg;
use xiezhi_evidence::{Body, Certificate, DepositBody, Manifest};
use xiezhi_types::LogIndex;
use xiezhi_verify::{Exhibit, Input};

use crate::{
    Ending,
    account::OwnAccount,
    args::{Common, Demo},
    files::{self, Hashed, Source},
    home,
    serve::{RunningAlliance, introduce},
    texts::Texts,
    trust,
    verify::{self, hash_quietly},
};

const OWN_README: &str = include_str!("../../../README.md");
/// How long the demonstration waits for anything.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn run(common: &Common, options: &Demo, texts: &Texts) -> anyhow::Result<Ending> {
    let dir = home::data_dir(common)?;
    let file = file(options.file.as_deref())?;
    println!("{}\n", texts.get("demo-1", &[]));
    let running = match already_running(common, texts).await {
        Some(_) => None,
        None => Some(RunningAlliance::start(&dir, &options.up).await?),
    };
    let (client, anchor) = match &running {
        Some(alliance) => {
            introduce(alliance, &dir, texts);
            let urls = alliance.urls();
            (
                Client::with_nodes(&urls.iter().map(String::as_str).collect::<Vec<_>>())?,
                alliance.anchor.clone(),
            )
        }
        None => {
            println!("{}", texts.get("demo-uses-running", &[]));
            let client = home::client(common, texts)?;
            let (anchor, _) = crate::deposit::ledger_of(&client).await?;
            (client, anchor)
        }
    };
    trust::add(&anchor)?;
    println!("\n{}\n", texts.get("demo-2", &[("file", &file.display())]));
    let account = OwnAccount::open("default")?;
    account.register(&client, anchor.ledger, PATIENCE).await?;
    let hashed = hash_quietly(&file)?;
    for digest in &hashed.digests {
        println!("  {digest}");
    }
    let source = Source::File(file.clone());
    let manifest = files::manifest(&source, &hashed)?;
    let index = deposit_and_watch(&client, &account, anchor.ledger, &manifest, &hashed, texts).await?;
    let bytes = client.certificate(index, None).await?;
    let mut certificate = Certificate::parse(&bytes)?;
    certificate.manifest = Some(manifest);
    let bytes = certificate.encode();
    let path = source.certificate_path(None);
    home::write_whole(&path, &bytes, false)?;
    println!("\n  {}", texts.get("demo-certificate", &[("file", &path.display()), ("bytes", &bytes.len())]));
    let stopped = running.is_some();
    if let Some(alliance) = running {
        alliance.stop().await;
    }
    println!("\n{}\n", texts.get(if stopped { "demo-3" } else { "demo-3-running" }, &[]));
    let judge = |hashed: Hashed| {
        xiezhi_verify::verify(&Input {
            certificate: &bytes,
            anchors: std::slice::from_ref(&anchor),
            exhibit: &Exhibit::Digests { size: Some(hashed.size), digests: hashed.digests },
            record_only: false,
            declared_time: home::now(),
            known_checkpoints: &[],
        })
    };
    let begun = Instant::now();
    let verdict = judge(hashed);
    let took = begun.elapsed();
    verify::print(&verdict, texts);
    println!(
        "\n{}",
        texts.get("demo-verified-in", &[("ms", &format!("{:.1}", took.as_secs_f64() * 1000.0))])
    );
    println!("\n{}\n", texts.get("demo-4", &[]));
    let refused = judge(one_byte_changed(&file)?);
    for check in refused.checks.iter().filter(|check| check.status == xiezhi_verify::Status::Fail) {
        println!("  ✗ {}: {}", check.code, check.sentence(texts.lang()));
    }
    println!("\n{}", texts.get("demo-next", &[("file", &file.display()), ("certificate", &path.display())]));
    let right = verify::ending(&verdict) == Ending::Done && verify::ending(&refused) == Ending::Invalid;
    Ok(if right { Ending::Done } else { Ending::Invalid })
}

/// The file to deposit: the one named, README.md of this directory, or the tool's own text in a temporary place.
fn file(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(file) = named {
        return Ok(file.to_owned());
    }
    let here = PathBuf::from("README.md");
    if here.is_file() {
        return Ok(here);
    }
    let own = std::env::temp_dir().join("xiezhi-demo").join("README.md");
    home::write_whole(&own, OWN_README.as_bytes(), false)?;
    Ok(own)
}

async fn already_running(common: &Common, texts: &Texts) -> Option<()> {
    let client = home::client(common, texts).ok()?;
    client.timeout(Duration::from_millis(500)).status().await.ok().map(drop)
}

/// Sends the statement and prints each seal as it arrives.
async fn deposit_and_watch(
    client: &Client,
    account: &OwnAccount,
    ledger: xiezhi_types::LedgerId,
    manifest: &Manifest,
    hashed: &Hashed,
    texts: &Texts,
) -> anyhow::Result<LogIndex> {
    let digests = hashed.digests.iter().filter(|d| d.alg == DigestAlg::Sha256).copied().collect();
    let body = DepositBody { manifest_root: manifest.root(), digests, phase: None };
    let statement = account.sign(ledger, None, Body::Deposit(body))?;
    let begun = Instant::now();
    let ms = |begun: Instant| begun.elapsed().as_millis();
    let deposited = client.deposit(statement, Wait::Recorded(PATIENCE)).await?;
    let index = LogIndex(deposited.record.index.0);
    let number = &deposited.record.number;
    println!("\n  {}", texts.get("demo-recorded", &[("ms", &ms(begun)), ("number", number)]));
    let mut events = client.events(index).await?;
    while let Some(event) =
        tokio::time::timeout(PATIENCE, events.next()).await.context("no seals arrive")??
    {
        match event {
            Event::Seal(progress) => {
                let who = progress.institution.unwrap_or_default();
                println!("  {}", texts.get("demo-seal", &[("ms", &ms(begun)), ("who", &who)]));
            }
            Event::Timestamp(_) => println!("  {}", texts.get("demo-stamp", &[("ms", &ms(begun))])),
            Event::Sealed(_) => {
                println!("  {}", texts.get("demo-sealed", &[("ms", &ms(begun))]));
                break;
            }
            _ => {}
        }
    }
    Ok(index)
}

/// The digests of the file with its last byte changed.
fn one_byte_changed(file: &Path) -> anyhow::Result<Hashed> {
    let mut bytes = fs::read(file)?;
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    let digests = DigestAlg::ALL.iter().map(|alg| alg.digest(&bytes)).collect();
    Ok(Hashed { size: bytes.len() as u64, digests })
}
