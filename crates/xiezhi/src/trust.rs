//! The trust store: which ledgers this person trusts.

use std::{
    fs,
    io::{BufRead as _, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use xiezhi_client::Client;
use xiezhi_evidence::{Genesis, LocalName};
use xiezhi_types::LedgerId;
use xiezhi_verify::Anchor;

use crate::{
    Ending, Usage,
    args::{Trust, TrustAction},
    home,
    texts::Texts,
};

#[derive(Serialize, Deserialize)]
struct AnchorFile {
    ledger: String,
    name: AnchorName,
}

#[derive(Serialize, Deserialize)]
struct AnchorName {
    zh: String,
    en: String,
}

fn store() -> anyhow::Result<PathBuf> {
    Ok(home::home()?.join("trust"))
}

/// The anchor in `bytes`: an anchor file (JSON) or a genesis (CBOR).
fn parse(bytes: &[u8]) -> anyhow::Result<Anchor> {
    if let Ok(genesis) = Genesis::parse(bytes) {
        return Ok(Anchor { ledger: Genesis::ledger_id(bytes), name: genesis.name });
    }
    let file: AnchorFile = serde_json::from_slice(bytes).context("neither an anchor file nor a genesis")?;
    let name = LocalName { zh: file.name.zh, en: file.name.en };
    Ok(Anchor { ledger: file.ledger.parse()?, name })
}

fn read(path: &Path) -> anyhow::Result<Anchor> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    parse(&bytes).with_context(|| format!("{}", path.display()))
}

/// The ledgers trusted: those of `files` if any are given, else the store's.
pub(crate) fn anchors(files: &[PathBuf]) -> anyhow::Result<Vec<Anchor>> {
    if !files.is_empty() {
        return files.iter().map(|file| read(file)).collect();
    }
    let dir = store()?;
    let mut paths: Vec<_> = match fs::read_dir(&dir) {
        Ok(entries) => entries.filter_map(|entry| Some(entry.ok()?.path())).collect(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", dir.display())),
    };
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

/// Adds an anchor to the store.
pub(crate) fn add(anchor: &Anchor) -> anyhow::Result<()> {
    let name = AnchorName { zh: anchor.name.zh.clone(), en: anchor.name.en.clone() };
    let file = AnchorFile { ledger: anchor.ledger.to_string(), name };
    let path = store()?.join(format!("{}.json", anchor.ledger));
    home::write_whole(&path, &serde_json::to_vec_pretty(&file)?, false)
}

/// A ledger's id in groups of eight digits, for people to compare aloud.
pub(crate) fn fingerprint(ledger: &LedgerId) -> String {
    let digits = ledger.to_string();
    let groups: Vec<&str> = (0..digits.len()).step_by(8).map(|at| &digits[at..at + 8]).collect();
    groups.join(" ")
}

pub(crate) async fn run(options: &Trust, texts: &Texts) -> anyhow::Result<Ending> {
    match &options.action {
        TrustAction::Add { source, yes } => add_from(source, *yes, texts).await,
        TrustAction::List { json } => list(*json, texts),
        TrustAction::Remove { ledger } => remove(ledger, texts),
    }
}

/// Whether the user has compared the ledger's id: `yes` says so, or the answer at the terminal.
pub(crate) fn confirmed(yes: bool, texts: &Texts) -> anyhow::Result<bool> {
    if yes {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        return Err(Usage(texts.get("trust-needs-yes", &[])).into());
    }
    print!("{} ", texts.get("trust-ask", &[]));
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    let is_yes = matches!(answer.trim(), "y" | "Y" | "yes" | "是");
    if !is_yes {
        println!("{}", texts.get("trust-not-added", &[]));
    }
    Ok(is_yes)
}

async fn add_from(source: &str, yes: bool, texts: &Texts) -> anyhow::Result<Ending> {
    let anchor = if source.starts_with("http://") || source.starts_with("https://") {
        let bytes = Client::new(source.trim_end_matches('/'))?.genesis().await?;
        parse(&bytes)?
    } else {
        read(Path::new(source))?
    };
    let name = texts.pick(&anchor.name.zh, &anchor.name.en);
    println!("{name}\n{}", texts.get("trust-fingerprint", &[("fingerprint", &fingerprint(&anchor.ledger))]));
    if !confirmed(yes, texts)? {
        return Ok(Ending::Unknown);
    }
    add(&anchor)?;
    println!("{}", texts.get("trust-added", &[]));
    Ok(Ending::Done)
}

fn list(json: bool, texts: &Texts) -> anyhow::Result<Ending> {
    let anchors = anchors(&[])?;
    if json {
        let rows: Vec<_> = anchors
            .iter()
            .map(|a| serde_json::json!({"ledger": a.ledger.to_string(), "name": {"zh": a.name.zh, "en": a.name.en}}))
            .collect();
        println!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(Ending::Done);
    }
    if anchors.is_empty() {
        println!("{}", texts.get("trust-empty", &[]));
    }
    for anchor in anchors {
        println!("{}  {}", fingerprint(&anchor.ledger), texts.pick(&anchor.name.zh, &anchor.name.en));
    }
    Ok(Ending::Done)
}

fn remove(ledger: &str, texts: &Texts) -> anyhow::Result<Ending> {
    let wanted: String = ledger.split_whitespace().collect();
    let found: Vec<_> = anchors(&[])?
        .into_iter()
        .filter(|a| !wanted.is_empty() && a.ledger.to_string().starts_with(&wanted))
        .collect();
    let [anchor] = &found[..] else {
        return Err(Usage(texts.get("trust-no-such", &[("count", &found.len())])).into());
    };
    fs::remove_file(store()?.join(format!("{}.json", anchor.ledger)))?;
    println!("{}", texts.get("trust-removed", &[("fingerprint", &fingerprint(&anchor.ledger))]));
    Ok(Ending::Done)
}
