//! The entries of `meta`: the layout's name, the ledger, where the store says that it stands, and what it keeps of each term.

use std::collections::BTreeSet;

use minicbor::{Decode, Encode};
use xiezhi_evidence::{Alliance, Checkpoint, StateProof, alliance::STATE_KEY};
use xiezhi_types::{Height, TimestampMs, from_canonical};

use crate::{
    check::Pass,
    finding::{Object, Source, code},
    layout::{ARCHIVE, DIGESTS, FORMAT, FORMAT_BEFORE, Space, TILE_HASHES, Tip, height_key, u64_at},
    ordered::unreadable,
};

/// How far a time may lie ahead of the checking machine's clock, in milliseconds.
const AHEAD_MS: u64 = 24 * 3600 * 1000;

/// Compares `meta` with what the log of `size` records says.
pub(crate) fn check(pass: &mut Pass<'_>, tip: Option<Tip>, size: u64, now: TimestampMs) {
    let mut has = [false; 3];
    let mut terms = BTreeSet::new();
    for pair in pass.database.scan(Space::Meta, &[]) {
        let (key, value) = match pair {
            Ok(pair) => pair,
            Err(error) => return unreadable(pass.database, pass.findings, Space::Meta, &error),
        };
        let entry = |key: &str| Object::Entry { keyspace: "meta", key: key.to_owned() };
        match &*key {
            b"format" => {
                has[0] = true;
                if *value != *FORMAT && *value != *FORMAT_BEFORE {
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
            other if other == ARCHIVE && mark(&value, size).is_some_and(|moved| moved % TILE_HASHES == 0) => {
            }
            other if other == DIGESTS && mark(&value, size).is_some() => {}
            b"tip" => {
                has[2] = true;
                let wrong = tip.map_or_else(|| vec!["length"], |tip| differences(pass, &tip, size, now));
                if !wrong.is_empty() && pass.database.has(Space::Log) {
                    pass.findings.add(Object::Tip, code::TIP_DIFFERS, Source::Log, wrong.join(", "));
                }
            }
            other if let Some(number) = term_number(other) => {
                terms.insert(number);
                if let Err(reason) = check_term(pass, number, &value) {
                    let key = format!("term/{number}");
                    pass.findings.add(entry(&key), code::TERM_DIFFERS, Source::Peers, reason);
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
        let decided = pass.accounts.membership.decided.len() as u64;
        for number in (1..=decided).filter(|number| !terms.contains(number)) {
            let object = Object::Entry { keyspace: "meta", key: format!("term/{number}") };
            pass.findings.add(object, code::TERM_MISSING, Source::Peers, "");
        }
    }
}

/// The number of records that `value` is, if it is one within the log.
fn mark(value: &[u8], size: u64) -> Option<u64> {
    u64_at(value, 0).filter(|mark| value.len() == 8 && *mark <= size)
}

/// The term whose decision is kept under `key`.
fn term_number(key: &[u8]) -> Option<u64> {
    let number = key.strip_prefix(b"term/").filter(|number| number.len() == 8)?;
    u64_at(number, 0)
}

/// What is kept of the decision of a term: height, alliance, proof.
#[derive(Encode, Decode)]
#[cbor(map)]
struct Kept {
    #[n(1)]
    height: Height,
    #[n(2)]
    alliance: Alliance,
    #[n(3)]
    proof: StateProof,
}

/// Compares what is kept of term `number` with what the log decided, and with the checkpoint of that block.
fn check_term(pass: &Pass<'_>, number: u64, value: &[u8]) -> Result<(), String> {
    let kept: Kept = from_canonical("the term", value).map_err(|e| e.to_string())?;
    if pass.is_state_known {
        let decided = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        let decided = decided.and_then(|at| pass.accounts.membership.decided.get(at));
        let (height, alliance) = decided.ok_or("the log decides no such term")?;
        if *height != kept.height.0 || *alliance != kept.alliance {
            return Err("another term than the log decides".to_owned());
        }
    }
    let key = height_key(b'c', kept.height.0);
    let Ok(Some(stored)) = pass.database.get(Space::Seals, &key) else { return Ok(()) };
    // A checkpoint that cannot be read is reported as one.
    let Some(Ok(checkpoint)) = stored.get(8..).map(Checkpoint::parse) else { return Ok(()) };
    let held = kept.proof.verify_present(&checkpoint.state_root, STATE_KEY, &kept.alliance.encode());
    held.map_err(|e| e.to_string())
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
