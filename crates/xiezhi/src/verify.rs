//! `verify`: the verdict on a certificate, from the file and the trust store alone.

use std::{fs, path::Path};

use anyhow::{Context as _, bail};
use indicatif::ProgressBar;
use xiezhi_evidence::certificate::CERTIFICATE_BYTES_MAX;
use xiezhi_types::TimestampMs;
use xiezhi_verify::{Anchor, Exhibit, Input, Lang, Outcome, Status, Verdict};

use crate::{
    Ending, Usage,
    args::Verify,
    files::{Hashed, Source, progress},
    home,
    texts::Texts,
    trust,
};

/// The verdict on a record by itself, at `declared_time`.
pub(crate) fn judge_record(certificate: &[u8], anchors: &[Anchor], declared_time: TimestampMs) -> Verdict {
    xiezhi_verify::verify(&Input {
        certificate,
        anchors,
        exhibit: &Exhibit::None,
        record_only: true,
        declared_time,
        known_checkpoints: &[],
    })
}

pub(crate) fn run(options: &Verify, texts: &Texts) -> anyhow::Result<Ending> {
    let (original, certificate) = match &options.files[..] {
        [certificate] => (None, certificate),
        [original, certificate] => (Some(original), certificate),
        _ => bail!(Usage(texts.get("verify-usage", &[]))),
    };
    if original.is_some() && options.record_only {
        bail!(Usage(texts.get("verify-usage", &[])));
    }
    if certificate.extension().is_some_and(|e| e == "pending") {
        eprintln!("{}", texts.get("verify-pending", &[("file", &certificate.display())]));
        return Ok(Ending::NotSealed);
    }
    let bytes = read_certificate(certificate)?;
    if xiezhi_bundle::Bundle::parse(&bytes).is_ok() {
        bail!(Usage(texts.get("verify-bundle", &[("file", &certificate.display())])));
    }
    let declared_time = home::time(options.at.as_deref(), texts)?;
    let anchors = trust::anchors(&options.trust)?;
    let exhibit = match original {
        None => Exhibit::None,
        Some(path) => {
            let source = if path.as_os_str() == "-" { Source::Stdin } else { Source::File(path.clone()) };
            let bar = progress(std::slice::from_ref(&source), options.json);
            let Hashed { size, digests } = source.hash(&bar)?;
            bar.finish_and_clear();
            Exhibit::Digests { size: Some(size), digests }
        }
    };
    let verdict = xiezhi_verify::verify(&Input {
        certificate: &bytes,
        anchors: &anchors,
        exhibit: &exhibit,
        record_only: options.record_only,
        declared_time,
        known_checkpoints: &[],
    });
    if options.json {
        println!("{}", verdict.to_json());
    } else {
        print(&verdict, texts);
    }
    Ok(ending(&verdict))
}

/// Reads a certificate without reading a huge file that is none.
pub(crate) fn read_certificate(path: &Path) -> anyhow::Result<Vec<u8>> {
    let context = || format!("cannot read {}", path.display());
    let meta = fs::metadata(path).with_context(context)?;
    if meta.len() > CERTIFICATE_BYTES_MAX as u64 {
        bail!("{}: {} bytes, a certificate has at most {CERTIFICATE_BYTES_MAX}", path.display(), meta.len());
    }
    fs::read(path).with_context(context)
}

pub(crate) fn ending(verdict: &Verdict) -> Ending {
    match verdict.outcome {
        Outcome::Valid => Ending::Done,
        Outcome::Invalid => Ending::Invalid,
        Outcome::Unknown => Ending::Unknown,
    }
}

/// The verdict for people: outcome, what is known, every check, what is proven and what is not.
pub(crate) fn print(verdict: &Verdict, texts: &Texts) {
    let lang = texts.lang();
    let outcome = match verdict.outcome {
        Outcome::Valid => "outcome-valid",
        Outcome::Invalid => "outcome-invalid",
        Outcome::Unknown => "outcome-unknown",
    };
    println!("{}\n", texts.get(outcome, &[]));
    let facts = &verdict.facts;
    let ledger_name = facts.ledger_name.as_ref().map(|name| texts.pick(&name.zh, &name.en).to_owned());
    let rows = [
        ("fact-number", facts.record_number.clone()),
        ("fact-ledger", ledger_name),
        ("fact-since", facts.exists_since.clone()),
        ("fact-issuer", facts.issuer.clone()),
        ("fact-grantor", facts.grantor.clone()),
        ("fact-group", facts.group.clone()),
    ];
    for (id, value) in rows {
        if let Some(value) = value {
            println!("  {}", texts.get(id, &[("value", &value)]));
        }
    }
    for seal in &facts.seals {
        let name = texts.pick(&seal.name.zh, &seal.name.en);
        println!(
            "  {}",
            texts.get("fact-seal", &[("name", &name), ("role", &seal.role), ("time", &seal.time)])
        );
    }
    for stamp in &facts.time_stamps {
        println!("  {}", texts.get("fact-stamp", &[("name", &stamp.authority), ("time", &stamp.time)]));
    }
    println!();
    for check in &verdict.checks {
        let mark = match check.status {
            Status::Pass => "✓",
            Status::Fail => "✗",
            Status::Unknown => "?",
        };
        println!("  {mark} {}: {}", check.code, check.sentence(lang));
    }
    let paragraph = |p: &xiezhi_verify::Paragraph| match lang {
        Lang::Zh => p.zh,
        Lang::En => p.en,
    };
    println!("\n{}\n\n{}", paragraph(&verdict.proves), paragraph(&verdict.does_not_prove));
}

/// A hidden progress bar, for callers that show nothing.
pub(crate) fn hash_quietly(path: &Path) -> anyhow::Result<Hashed> {
    Source::File(path.to_owned()).hash(&ProgressBar::hidden())
}
