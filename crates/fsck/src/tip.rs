//! The entries of `meta`: the layout's name, the ledger, and where the store says that it stands.

use xiezhi_types::TimestampMs;

use crate::{
    check::Pass,
    finding::{Object, Source, code},
    layout::{FORMAT, Space, Tip},
    ordered::unreadable,
};

/// How far a time may lie ahead of the checking machine's clock, in milliseconds.
const AHEAD_MS: u64 = 24 * 3600 * 1000;

/// Compares `meta` with what the log of `size` records says.
pub(crate) fn check(pass: &mut Pass<'_>, tip: Option<Tip>, size: u64, now: TimestampMs) {
    let mut has = [false; 3];
    for pair in pass.database.scan(Space::Meta, &[]) {
        let (key, value) = match pair {
            Ok(pair) => pair,
            Err(error) => return unreadable(pass.database, pass.findings, Space::Meta, &error),
        };
        let entry = |key: &str| Object::Entry { keyspace: "meta", key: key.to_owned() };
        match &*key {
            b"format" => {
                has[0] = true;
                if *value != *FORMAT {
                    let detail = String::from_utf8_lossy(&value).escape_debug().to_string();
                    pass.findings.add(entry("format"), code::FORMAT_DIFFERS, Source::Log, detail);
                }
            }
            b"ledger" => {
                has[1] = true;
                if *value != pass.ledger.0 {
                    let detail = hex::encode(&value);
                    pass.findings.add(entry("ledger"), code::LEDGER_DIFFERS, Source::Log, detail);
                }
            }
            b"tip" => {
                has[2] = true;
                let wrong = tip.map_or_else(|| vec!["length"], |tip| differences(pass, &tip, size, now));
                if !wrong.is_empty() && pass.database.has(Space::Log) {
                    pass.findings.add(Object::Tip, code::TIP_DIFFERS, Source::Log, wrong.join(", "));
                }
            }
            other => {
                let key = String::from_utf8_lossy(other).escape_debug().to_string();
                pass.findings.add(entry(&key), code::ENTRY_STRAY, Source::Log, "");
            }
        }
    }
    if pass.database.has(Space::Meta) {
        let missing = [
            (Object::Entry { keyspace: "meta", key: "format".to_owned() }, code::FORMAT_DIFFERS),
            (Object::Entry { keyspace: "meta", key: "ledger".to_owned() }, code::LEDGER_DIFFERS),
            (Object::Tip, code::TIP_MISSING),
        ];
        for ((object, code), _) in missing.into_iter().zip(has).filter(|(_, has)| !has) {
            pass.findings.add(object, code, Source::Log, "missing");
        }
    }
}

/// Fields of the tip that cannot be. Blocks without records leave no trace but the tip, so height and time have bounds only: not before the
/// last checkpoint, no more blocks than milliseconds after it, and not in the future.
fn differences(pass: &Pass<'_>, tip: &Tip, size: u64, now: TimestampMs) -> Vec<&'static str> {
    let mut wrong = Vec::new();
    if tip.size != size {
        wrong.push("size");
    }
    let state = &pass.accounts.state;
    if pass.is_state_known && tip.state_version != state.version() {
        wrong.push("state version");
    }
    if pass.is_state_known && tip.state_root != state.root() {
        wrong.push("state root");
    }
    if let Some((height, time)) = pass.last {
        let (blocks, passed) = (tip.height.checked_sub(height.0), tip.time.checked_sub(time.0));
        if !blocks.zip(passed).is_some_and(|(blocks, passed)| blocks <= passed && (blocks > 0 || passed == 0))
        {
            wrong.push("height or time");
        }
    }
    if tip.time > now.0.saturating_add(AHEAD_MS) {
        wrong.push("time");
    }
    wrong
}
