//! `certificate`: documents for people, and evidence packs.

use std::{
    fs::{self, File},
    io::BufReader,
    path::Path,
};

use anyhow::{Context as _, bail};
use xiezhi_pack::{Checked, Opened, Pack, custody::Packing};
use xiezhi_types::TimestampMs;
use xiezhi_vault_log::CustodyLog;
use xiezhi_verify::{Anchor, Outcome};

use crate::{
    Ending, Usage,
    args::{CertificateAction, CertificateOptions, CheckOptions, Common, Judging, PackOptions},
    home,
    texts::Texts,
    trust, verify,
    verify::read_certificate,
};

#[cfg(feature = "pdf")]
mod pdf;

pub(crate) async fn run(
    common: &Common,
    options: &CertificateOptions,
    texts: &Texts,
) -> anyhow::Result<Ending> {
    match &options.action {
        #[cfg(feature = "pdf")]
        CertificateAction::Pdf(options) => pdf::run(common, options, texts).await,
        CertificateAction::Pack(options) => pack(common, options, texts).await,
        CertificateAction::Check(options) => check(options, texts),
        CertificateAction::Unpack { check, out } => unpack(check, out, texts),
    }
}

/// Whom one trusts, and for when it is judged.
pub(crate) fn judging(options: &Judging, texts: &Texts) -> anyhow::Result<(Vec<Anchor>, TimestampMs)> {
    Ok((trust::anchors(&options.trust)?, home::time(options.at.as_deref(), texts)?))
}

async fn pack(common: &Common, options: &PackOptions, texts: &Texts) -> anyhow::Result<Ending> {
    let certificate = read_certificate(&options.certificate)?;
    let (anchors, time) = judging(&options.judging, texts)?;
    let original = File::open(&options.original)
        .with_context(|| format!("cannot read {}", options.original.display()))?;
    let name = options.original.file_name().unwrap_or_default().to_string_lossy();
    let verifier = options
        .verifier
        .as_deref()
        .map(|path| fs::read(path).with_context(|| format!("cannot read {}", path.display())));
    let verifier = verifier.transpose()?;
    let vault = match &options.vault_log {
        Some(path) => {
            let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            let log: CustodyLog = serde_json::from_slice(&bytes)
                .map_err(|error| Usage(format!("{}: {error}", path.display())))?;
            Some(log)
        }
        None => None,
    };
    #[cfg(feature = "pdf")]
    let document = {
        let asked = pdf::Asked {
            certificate: &certificate,
            original: Some(&options.original),
            anchors: &anchors,
            time,
            only_valid: true,
        };
        Some(pdf::make(common, &asked, &options.look, texts).await?.pdf)
    };
    #[cfg(not(feature = "pdf"))]
    let (document, _) = (None::<Vec<u8>>, common);
    let part = options.out.with_added_extension("part");
    let pack = Pack {
        certificate: &certificate,
        original,
        original_name: &name,
        vault: vault.as_ref(),
        document: document.as_deref(),
        verifier: verifier.as_deref(),
        anchors: &anchors,
        packing: Packing { time, by: options.by.clone(), purpose: options.purpose.clone() },
    };
    let written = || -> anyhow::Result<()> {
        let mut out = File::create(&part)?;
        xiezhi_pack::write(&mut out, pack)?;
        out.sync_all()?;
        Ok(fs::rename(&part, &options.out)?)
    };
    written()
        .inspect_err(|_| drop(fs::remove_file(&part)))
        .with_context(|| format!("cannot write {}", options.out.display()))?;
    println!("{}", texts.get("pack-written", &[("file", &options.out.display())]));
    Ok(Ending::Done)
}

/// The pack, opened and checked.
fn checked(options: &CheckOptions, texts: &Texts) -> anyhow::Result<(Opened<BufReader<File>>, Checked)> {
    let (anchors, time) = judging(&options.judging, texts)?;
    let context = || format!("{}", options.pack.display());
    let mut opened = Opened::new(BufReader::new(File::open(&options.pack).with_context(context)?))
        .with_context(context)?;
    let checked = opened.check(&anchors, time).with_context(context)?;
    Ok((opened, checked))
}

fn check(options: &CheckOptions, texts: &Texts) -> anyhow::Result<Ending> {
    let (_, checked) = checked(options, texts)?;
    tell(&checked, options.json, texts);
    Ok(ending(&checked))
}

/// That of the verdict; what a vault says on a ledger that is not trusted leaves it open.
fn ending(checked: &Checked) -> Ending {
    let is_open = checked.vault.as_ref().is_some_and(|vault| vault.outcome != Outcome::Valid);
    if is_open && checked.verdict.outcome == Outcome::Valid {
        return Ending::Unknown;
    }
    verify::ending(&checked.verdict)
}

fn tell(checked: &Checked, json: bool, texts: &Texts) {
    if json {
        println!("{}", checked.verdict.to_json());
        return;
    }
    println!("{}", texts.get("pack-whole", &[("count", &checked.files.len())]));
    for event in &checked.custody.events {
        let by = event.by.as_deref().unwrap_or("-");
        let what = texts.get(&format!("custody-{}", event.what), &[("time", &event.when), ("by", &by)]);
        let to = event.to.as_deref().map(|to| format!(" → {to}")).unwrap_or_default();
        let told: Vec<_> = [&event.purpose, &event.case].into_iter().flatten().map(String::as_str).collect();
        let told = if told.is_empty() { String::new() } else { format!(" ({})", told.join(", ")) };
        println!("  {what}{to}{told}");
    }
    if let Some(vault) = &checked.vault {
        let until = vault.until.as_deref().unwrap_or("-");
        let key = if vault.outcome == Outcome::Valid { "pack-vault-proven" } else { "pack-vault-unknown" };
        println!("  {}", texts.get(key, &[("vault", &vault.vault), ("time", &until)]));
    }
    println!();
    verify::print(&checked.verdict, texts);
}

fn unpack(options: &CheckOptions, out: &Path, texts: &Texts) -> anyhow::Result<Ending> {
    if out.exists() {
        bail!(Usage(texts.get("unpack-exists", &[("dir", &out.display())])));
    }
    let (mut opened, checked) = checked(options, texts)?;
    for file in &checked.files {
        let path = out.join(&file.name);
        let context = || format!("cannot write {}", path.display());
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir).with_context(context)?;
        }
        let mut to = fs::OpenOptions::new().write(true).create_new(true).open(&path).with_context(context)?;
        opened.copy(&file.name, &mut to)?;
        to.sync_all().with_context(context)?;
    }
    tell(&checked, options.json, texts);
    Ok(ending(&checked))
}
