//! `compare`: a presented file against the original or its certificate, explained.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read as _},
    path::Path,
};

use anyhow::Context as _;
use xiezhi_compare::{CONTENT_BYTES_MAX, Comparison, Relation, compare, compare_long, compare_record};
use xiezhi_evidence::Certificate;
use xiezhi_verify::{Recorded, Verdict, recorded_original};

use crate::{
    Ending,
    args::CompareOptions,
    certificate::judging,
    files::Hashed,
    texts::Texts,
    verify::{self, hash_quietly, judge_record, read_certificate},
};

pub(crate) fn run(options: &CompareOptions, texts: &Texts) -> anyhow::Result<Ending> {
    let record = options.certificate.as_deref().map(|path| record(path, options, texts)).transpose()?;
    let comparison = match (&options.original, &record) {
        (Some(original), _) => files(&options.presented, original)?,
        (None, Some(record)) => against(&options.presented, &record.recorded)?,
        (None, None) => unreachable!("one of the two is required"),
    };
    let original = options.original.as_deref().zip(record.as_ref());
    let original = original.map(|(path, record)| against(path, &record.recorded)).transpose()?;
    if options.json {
        let certificate = record.as_ref().map(|record| record.verdict.outcome);
        let shown = serde_json::json!({ "comparison": comparison, "original_against_record": original, "certificate": certificate });
        println!("{shown}");
    } else {
        print(&comparison, texts);
        if let Some(original) = &original {
            println!("\n{}", texts.get("compare-original", &[]));
            print(original, texts);
        }
        if let Some(record) = &record {
            println!("\n{}", texts.get(said(&record.verdict), &[]));
        }
    }
    // What does not rest on a record that may be believed is known by nobody.
    let foundation = [
        original.map(|original| ending(original.relation)),
        record.map(|record| verify::ending(&record.verdict)),
    ];
    let weakest = foundation.into_iter().flatten().find(|ending| *ending != Ending::Done);
    Ok(match ending(comparison.relation) {
        Ending::Done => weakest.unwrap_or(Ending::Done),
        other => other,
    })
}

/// What a certificate says of its original, and whether it may be believed.
struct Record {
    recorded: Recorded,
    verdict: Verdict,
}

fn record(path: &Path, options: &CompareOptions, texts: &Texts) -> anyhow::Result<Record> {
    let bytes = read_certificate(path)?;
    let certificate = Certificate::parse(&bytes).with_context(|| path.display().to_string())?;
    let (anchors, declared_time) = judging(&options.judging, texts)?;
    let verdict = judge_record(&bytes, &anchors, declared_time);
    Ok(Record { recorded: recorded_original(&certificate), verdict })
}

fn against(path: &Path, recorded: &Recorded) -> anyhow::Result<Comparison> {
    let Hashed { size, digests } = hash_quietly(path)?;
    Ok(compare_record(&digests, size, &recorded.digests, recorded.size))
}

/// Longest file that is read into memory, in bytes.
const HELD_BYTES_MAX: u64 = 256 << 20;
const _: () = assert!(HELD_BYTES_MAX >= CONTENT_BYTES_MAX as u64);

/// Compares two files; those too long for the memory byte by byte only.
fn files(presented: &Path, original: &Path) -> anyhow::Result<Comparison> {
    let (mut a, mut b) = (open(presented)?, open(original)?);
    let lengths = [a.get_ref().metadata()?.len(), b.get_ref().metadata()?.len()];
    if lengths.iter().any(|length| *length > HELD_BYTES_MAX) {
        let at = first_difference(a, b)?;
        return Ok(compare_long(at, lengths[0], lengths[1]));
    }
    let (mut left, mut right) = (Vec::new(), Vec::new());
    a.read_to_end(&mut left).with_context(|| format!("cannot read {}", presented.display()))?;
    b.read_to_end(&mut right).with_context(|| format!("cannot read {}", original.display()))?;
    Ok(compare(&left, &right))
}

fn open(path: &Path) -> anyhow::Result<BufReader<File>> {
    Ok(BufReader::with_capacity(
        1 << 20,
        File::open(path).with_context(|| format!("cannot read {}", path.display()))?,
    ))
}

/// Where two streams begin to differ; none when they do not.
fn first_difference(a: impl BufRead, b: impl BufRead) -> anyhow::Result<Option<u64>> {
    let (mut a, mut b) = (a.bytes(), b.bytes());
    let mut at = 0;
    loop {
        match (a.next().transpose()?, b.next().transpose()?) {
            (None, None) => return Ok(None),
            (left, right) if left == right => at += 1,
            _ => return Ok(Some(at)),
        }
    }
}

fn print(comparison: &Comparison, texts: &Texts) {
    let relation = match comparison.relation {
        Relation::Identical => "compare-identical",
        Relation::ContentEqual => "compare-content-equal",
        Relation::PartlyMatching => "compare-partly",
        Relation::Different => "compare-different",
        Relation::NotIdentical => "compare-not-identical",
        Relation::Unknown => "compare-unknown",
    };
    println!("{}", texts.get(relation, &[]));
    for finding in &comparison.findings {
        println!("  {}", finding.sentence(texts.lang()));
    }
    for one in &comparison.matches {
        let unit = match one.unit {
            xiezhi_compare::Unit::Entry => "compare-entry",
            xiezhi_compare::Unit::Page => "compare-page",
            xiezhi_compare::Unit::Line => "compare-line",
            xiezhi_compare::Unit::Byte => "compare-byte",
        };
        println!(
            "    {}",
            texts.get(
                unit,
                &[("presented", &printable(&one.presented)), ("original", &printable(&one.original))]
            )
        );
    }
    if comparison.matches_left_out > 0 {
        println!("    {}", texts.get("compare-more", &[("count", &comparison.matches_left_out)]));
    }
}

/// Names out of a hostile archive do not steer the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

fn said(verdict: &Verdict) -> &'static str {
    match verify::ending(verdict) {
        Ending::Done => "compare-record-valid",
        Ending::Invalid => "compare-record-invalid",
        _ => "compare-record-unknown",
    }
}

/// Exit codes: identical is 0, unknown 5, all else 1.
fn ending(relation: Relation) -> Ending {
    match relation {
        Relation::Identical => Ending::Done,
        Relation::Unknown => Ending::Unknown,
        Relation::ContentEqual | Relation::PartlyMatching | Relation::Different | Relation::NotIdentical => {
            Ending::Invalid
        }
    }
}
