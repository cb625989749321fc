//! `fsck`: whether the store of a node that does not run is whole.

use std::{
    fmt::Display,
    fs,
    path::{Path, PathBuf},
};

use anyhow::bail;
use indicatif::{ProgressBar, ProgressStyle};
use xiezhi_alliance::NodeFile;
use xiezhi_evidence::Genesis;
use xiezhi_fsck::{Finding, FsckError, Progress, Report, Stage};
use xiezhi_objects::{Access, Waiting};

use crate::{Ending, Usage, args::Fsck, home, texts::Texts};

pub(crate) fn run(options: &Fsck, texts: &Texts) -> anyhow::Result<Ending> {
    let (store, genesis, archive) = places(options, texts)?;
    let usage = |path: &Path, error: &dyn Display| Usage(format!("{}: {error}", path.display()));
    let bytes = fs::read(&genesis).map_err(|error| usage(&genesis, &error))?;
    let parsed = Genesis::parse(&bytes).map_err(|error| usage(&genesis, &error))?;
    let bar = if options.json { ProgressBar::hidden() } else { ProgressBar::no_length() };
    if let Ok(style) = ProgressStyle::with_template("{msg} {bar:32} {percent}% {eta}") {
        bar.set_style(style);
    }
    let mut stage = None;
    let mut tell = |progress: Progress| {
        if stage.replace(progress.stage) != Some(progress.stage) {
            bar.reset_eta();
            bar.set_message(texts.get(stage_text(progress.stage), &[]));
        }
        bar.set_length(progress.total);
        bar.set_position(progress.done);
    };
    let ledger = Genesis::ledger_id(&bytes);
    let checked = xiezhi_fsck::check(&store, &parsed, ledger, home::now(), archive, &mut tell);
    bar.finish_and_clear();
    let report = checked.map_err(|error: FsckError| Usage(error.to_string()))?;
    if options.json {
        println!("{}", serde_json::to_string_pretty(&json(&report))?);
    } else {
        print(&report, texts);
    }
    Ok(if report.is_clean() { Ending::Done } else { Ending::Invalid })
}

/// The store's directory, the genesis file, and the archive.
fn places(options: &Fsck, texts: &Texts) -> anyhow::Result<(PathBuf, PathBuf, Option<Waiting>)> {
    let mut archive = options.archive.clone();
    let (data, genesis) = if options.node.is_dir() {
        (options.node.clone(), options.genesis.clone())
    } else {
        let file = NodeFile::read(&options.node).map_err(|error| Usage(error.to_string()))?;
        let base = options.node.parent().unwrap_or(Path::new("."));
        archive = archive.or(file.archive.map(|archive| archive.url));
        let data = options.node_data.clone().unwrap_or_else(|| base.join(&file.data_dir));
        (data, Some(options.genesis.clone().unwrap_or_else(|| base.join(&file.genesis))))
    };
    let Some(genesis) = genesis else { bail!(Usage(texts.get("fsck-usage", &[]))) };
    let archive = archive.map(|url| Waiting::open(&url, &Access::from_env())).transpose();
    Ok((data.join("store"), genesis, archive.map_err(|error| Usage(error.to_string()))?))
}

fn stage_text(stage: Stage) -> &'static str {
    match stage {
        Stage::Files => "fsck-stage-files",
        Stage::Log => "fsck-stage-log",
        Stage::Index => "fsck-stage-index",
    }
}

/// What and what is wrong with it, in the reader's language; particulars are in English.
fn sentence(finding: &Finding, texts: &Texts) -> String {
    let parts = finding.object.parts();
    let values: Vec<(&str, &dyn Display)> = parts.iter().map(|(name, value)| (*name, value as _)).collect();
    let object = texts.get(&format!("fsck-object-{}", finding.object.kind()), &values);
    let what = texts.get(&format!("fsck-{}", finding.code), &[]);
    let source = texts.get(&format!("fsck-source-{}", finding.source.name()), &[]);
    let detail = if finding.detail.is_empty() { String::new() } else { format!(" ({})", finding.detail) };
    format!("{object}: {what}{detail}; {source}")
}

fn print(report: &Report, texts: &Texts) {
    println!("{}\n", texts.get(if report.is_clean() { "fsck-clean" } else { "fsck-damaged" }, &[]));
    let values: [(&str, &dyn Display); 8] = [
        ("records", &report.records),
        ("items", &report.items),
        ("accounts", &report.accounts),
        ("tiles", &report.tiles),
        ("checkpoints", &report.checkpoints),
        ("seals", &report.seals),
        ("stamps", &report.stamps),
        ("index", &report.index_entries),
    ];
    println!("  {}", texts.get("fsck-checked", &values));
    match report.good {
        Some(good) => {
            let last = good.size.0.saturating_sub(1);
            println!("  {}", texts.get("fsck-good", &[("last", &last), ("height", &good.height)]));
        }
        None if report.is_clean() => {}
        None => println!("  {}", texts.get("fsck-good-none", &[])),
    }
    if let Some(height) = report.sealed {
        println!("  {}", texts.get("fsck-sealed", &[("height", &height)]));
    }
    println!();
    for finding in &report.findings {
        println!("  ✗ {}", sentence(finding, texts));
    }
    if report.more > 0 {
        println!("  ✗ {}", texts.get("fsck-more", &[("count", &report.more)]));
    }
    for note in &report.notes {
        println!("  ? {} ({})", texts.get(&format!("fsck-note-{}", note.code), &[]), note.detail);
    }
    if !report.is_clean() {
        println!("\n{}", texts.get("fsck-next", &[]));
    }
}

fn json(report: &Report) -> serde_json::Value {
    let finding = |finding: &Finding| {
        serde_json::json!({
            "object": finding.object.to_string(),
            "kind": finding.object.kind(),
            "code": finding.code,
            "detail": finding.detail,
            "again_from": finding.source.name(),
        })
    };
    let note = |note: &xiezhi_fsck::Note| serde_json::json!({"code": note.code, "detail": note.detail});
    serde_json::json!({
        "outcome": if report.is_clean() { "clean" } else { "damaged" },
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
        "more": report.more,
        "notes": report.notes.iter().map(note).collect::<Vec<_>>(),
        "good": report.good.map(|good| serde_json::json!({"height": good.height.0, "size": good.size.0})),
        "sealed_height": report.sealed.map(|height| height.0),
        "checked": {
            "records": report.records,
            "items": report.items,
            "accounts": report.accounts,
            "tiles": report.tiles,
            "checkpoints": report.checkpoints,
            "seals": report.seals,
            "time_stamps": report.stamps,
            "index_entries": report.index_entries,
            "state_entries": report.state_entries,
            "table_bytes": report.table_bytes,
        },
    })
}

#[cfg(test)]
mod tests {
    use xiezhi_fsck::{Note, Object, Source, code};
    use xiezhi_verify::Lang;

    use super::*;

    #[test]
    fn every_finding_has_a_sentence_in_both_languages() {
        let objects = [
            Object::File("current".to_owned()),
            Object::Keyspace("log"),
            Object::Entry { keyspace: "meta", key: "format".to_owned() },
            Object::Tip,
            Object::record(17),
            Object::Records { first: 1, last: 2 },
            Object::Items { record: 3, bundle: Some(0) },
            Object::Items { record: 3, bundle: None },
            Object::Tile { tree: "sha256", level: 0, index: 3 },
            Object::Checkpoint(12),
            Object::Seal { institution: "court".to_owned(), height: 12 },
            Object::Stamp { authority: "ab".to_owned(), height: 12 },
            Object::Index("group 00".to_owned()),
            Object::State("node 1/a".to_owned()),
        ];
        for lang in [Lang::Zh, Lang::En] {
            let texts = Texts::new(lang);
            for object in &objects {
                let parts = object.parts();
                let values: Vec<(&str, &dyn Display)> =
                    parts.iter().map(|(name, value)| (*name, value as _)).collect();
                let text = texts.find(&format!("fsck-object-{}", object.kind()), &values).unwrap();
                assert!(!text.contains("{$"), "{text}");
                assert!(lang == Lang::Zh || text == object.to_string(), "{text}");
            }
            for code in code::ALL {
                assert!(texts.find(&format!("fsck-{code}"), &[]).is_some(), "{code}");
            }
            for note in Note::ALL {
                assert!(texts.find(&format!("fsck-note-{note}"), &[]).is_some(), "{note}");
            }
            for source in [Source::Peers, Source::Log] {
                assert!(texts.find(&format!("fsck-source-{}", source.name()), &[]).is_some());
            }
        }
    }
}
