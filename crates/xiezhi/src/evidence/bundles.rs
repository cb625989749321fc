//! Bundles on the reader's machine: verified offline, or shown in part.

use std::path::Path;

use anyhow::Context as _;
use serde_json::json;
use xiezhi_bundle::{Bundle, BundleVerdict, Input};
use xiezhi_crypto::{Digest, DigestAlg};
use xiezhi_evidence::{Manifest, Value};
use xiezhi_verify::{Exhibit, Lang, Outcome, Status};

use super::{read, read_root};
use crate::{
    Ending, Usage, args::VerifyBundle, files::Hashed, home, texts::Texts, trust, verify::hash_quietly,
};

pub(super) fn verify(options: &VerifyBundle, texts: &Texts) -> anyhow::Result<Ending> {
    let declared_time = home::time(options.declared.as_deref(), texts)?;
    let anchors = trust::anchors(&options.trust)?;
    let roots = options.stamp_roots.iter().map(|path| read_root(path)).collect::<Result<Vec<_>, _>>()?;
    let exhibit = match &options.original {
        None => Exhibit::None,
        Some(path) => {
            let Hashed { size, digests } = hash_quietly(path)?;
            Exhibit::Digests { size: Some(size), digests }
        }
    };
    let judge = |bytes: &[u8], exhibit: &Exhibit| {
        xiezhi_bundle::verify(&Input {
            bundle: bytes,
            anchors: &anchors,
            stamp_roots: &roots,
            exhibit,
            record_only: matches!(exhibit, Exhibit::None),
            declared_time,
        })
    };
    let bytes = read(&options.bundle)?;
    let verdict = judge(&bytes, &exhibit);
    let pack = match &options.pack {
        None => None,
        Some(path) => {
            let pack = read(path)?;
            Some((names(&pack, &bytes), judge(&pack, &Exhibit::None)))
        }
    };
    let mut outcome = verdict.outcome;
    if let Some((is_named, of_pack)) = &pack {
        outcome = worse(outcome, of_pack.outcome);
        if !is_named {
            outcome = Outcome::Invalid;
        }
    }
    if options.json {
        let mut said = verdict.to_json();
        if let Some((is_named, of_pack)) = &pack {
            said["pack"] = json!({ "names_this": is_named, "verdict": of_pack.to_json() });
            said["outcome"] = json!(outcome);
        }
        println!("{}", serde_json::to_string_pretty(&said)?);
    } else {
        let word = match outcome {
            Outcome::Valid => "outcome-valid",
            Outcome::Invalid => "outcome-invalid",
            Outcome::Unknown => "outcome-unknown",
        };
        println!("{}\n", texts.get(word, &[]));
        print(&verdict, texts);
        if let Some((is_named, of_pack)) = &pack {
            println!("\n{}\n", texts.get("evidence-pack-verdict", &[]));
            print(of_pack, texts);
            let word = if *is_named { "evidence-pack-names" } else { "evidence-pack-names-not" };
            println!("  {}", texts.get(word, &[]));
        }
        if let Ok(bundle) = Bundle::parse(&bytes) {
            print_fields(&bundle.manifest, texts);
        }
        let paragraph = |zh: &'static str, en: &'static str| if texts.lang() == Lang::Zh { zh } else { en };
        let (proves, not) = (&verdict.proves, &verdict.does_not_prove);
        println!("\n{}\n\n{}", paragraph(proves.zh, proves.en), paragraph(not.zh, not.en));
    }
    Ok(match outcome {
        Outcome::Valid => Ending::Done,
        Outcome::Invalid => Ending::Invalid,
        Outcome::Unknown => Ending::Unknown,
    })
}

fn worse(one: Outcome, other: Outcome) -> Outcome {
    match (one, other) {
        (Outcome::Invalid, _) | (_, Outcome::Invalid) => Outcome::Invalid,
        (Outcome::Unknown, _) | (_, Outcome::Unknown) => Outcome::Unknown,
        _ => Outcome::Valid,
    }
}

/// Whether the pack's manifest names the entry's root.
fn names(pack: &[u8], entry: &[u8]) -> bool {
    let (Ok(pack), Ok(entry)) = (Bundle::parse(pack), Bundle::parse(entry)) else { return false };
    let root = Value::Digest(Digest { alg: DigestAlg::Sha256, value: entry.manifest.root() });
    pack.manifest.fields().any(|field| field.name.starts_with("pack.entry.") && field.value == root)
}

fn print(verdict: &BundleVerdict, texts: &Texts) {
    let lang = texts.lang();
    let mark = |status: Status| match status {
        Status::Pass => "✓",
        Status::Fail => "✗",
        Status::Unknown => "?",
    };
    println!("  {} {}", mark(verdict.whole.status), verdict.whole.sentence(lang));
    for leg in &verdict.legs {
        println!(
            "  {} {} ({}): {}",
            mark(leg.finding.status),
            leg.name,
            leg.kind,
            leg.finding.sentence(lang)
        );
        if let (Some(time), Some(who)) = (&leg.time, &leg.who) {
            println!("      {time}  {who}");
        }
        // What keeps a ledger's certificate from being valid.
        let checks = leg.verdict.iter().filter(|verdict| verdict.outcome != Outcome::Valid);
        for check in checks.flat_map(|verdict| &verdict.checks) {
            if check.counts && check.status != Status::Pass {
                println!("      {} {}: {}", mark(check.status), check.code, check.sentence(lang));
            }
        }
    }
}

fn print_fields(manifest: &Manifest, texts: &Texts) {
    println!();
    for field in manifest.fields().filter(|field| !field.name.starts_with(xiezhi_bundle::SINK_PREFIX)) {
        println!("  {}: {}", field.name, shown(&field.value));
    }
    let closed = manifest.entries().len() - manifest.fields().count();
    if closed > 0 {
        println!("  {}", texts.get("office-shown-closed", &[("count", &closed)]));
    }
}

/// A value on one line of the terminal.
fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect(),
        Value::Number(number) => number.to_string(),
        Value::Bytes(bytes) => hex::encode(bytes),
        Value::Digest(digest) => format!("{}:{}", digest.alg.name(), hex::encode(digest.value)),
    }
}

pub(super) fn disclose(path: &Path, fields: &[String], out: &Path, texts: &Texts) -> anyhow::Result<Ending> {
    let bundle = Bundle::parse(&read(path)?).with_context(|| format!("{}", path.display()))?;
    for field in fields {
        if bundle.manifest.value(field).is_none() {
            let known: Vec<_> = bundle.manifest.fields().map(|field| field.name.as_str()).collect();
            let values: [(&str, &dyn std::fmt::Display); 2] =
                [("field", field), ("known", &known.join(", "))];
            return Err(Usage(texts.get("evidence-no-field", &values)).into());
        }
    }
    let keep: Vec<_> = fields.iter().map(String::as_str).collect();
    home::write_whole(out, &bundle.disclose(&keep).encode(), false)?;
    println!("{}", texts.get("office-disclosed", &[("file", &out.display())]));
    Ok(Ending::Done)
}
