//! What a vault proves, checked down to a trusted ledger.

use std::path::PathBuf;

use anyhow::Context as _;
use serde_json::{Value, json};
use xiezhi_types::AccountId;
use xiezhi_vault::possession::{self, Possession};
use xiezhi_vault_log::{AuditProof, EntryProof};
use xiezhi_verify::{Facts, Outcome};

use crate::{home, texts::Texts, trust};

fn wrong(texts: &Texts) -> anyhow::Error {
    anyhow::anyhow!(texts.get("vault-not-proven", &[]))
}

/// Checks that `certificate` is of a record of `text` by the account `vault`, on a trusted ledger; what it says.
fn recorded(
    text: &str,
    certificate: &[u8],
    vault: AccountId,
    trust: &[PathBuf],
    texts: &Texts,
) -> anyhow::Result<Facts> {
    let anchors = trust::anchors(trust)?;
    let verdict = xiezhi_vault_log::recorded(text, certificate, &vault, &anchors, home::now());
    let verdict = verdict.map_err(|_| wrong(texts))?;
    if verdict.outcome == Outcome::Valid { Ok(verdict.facts) } else { Err(wrong(texts)) }
}

/// Checks a proof of an entry; what it proves.
pub(super) fn prove(
    proof: &EntryProof,
    vault: AccountId,
    position: u64,
    exhibit: &str,
    trust: &[PathBuf],
    texts: &Texts,
) -> anyhow::Result<Value> {
    let entry = proof.check(&vault).map_err(|_| wrong(texts))?;
    if entry.position != position || hex::encode(entry.exhibit) != exhibit {
        return Err(wrong(texts));
    }
    let facts = recorded(&proof.head, &hex::decode(&proof.certificate)?, vault, trust, texts)?;
    Ok(json!({
        "outcome": "proven", "position": position, "what": entry.what.name(), "by": entry.by.to_string(),
        "time": entry.time.rfc3339(), "record_number": facts.record_number, "exists_since": facts.exists_since,
    }))
}

/// Checks an answer to a challenge; what it proves.
pub(super) fn check(answer: Possession, trust: &[PathBuf], texts: &Texts) -> anyhow::Result<Value> {
    let claimed = possession::check(&answer).with_context(|| texts.get("vault-not-proven", &[]))?;
    let (vault, head) = (claimed.vault, &answer.entry);
    recorded(&head.head, &hex::decode(&head.certificate)?, vault, trust, texts)?;
    let facts = recorded(&answer.answer, &hex::decode(&answer.certificate)?, vault, trust, texts)?;
    Ok(json!({
        "outcome": "proven", "exhibit": claimed.exhibit, "vault": vault.to_string(), "nonce": claimed.nonce,
        "size": claimed.size, "segments": claimed.segments, "shown": claimed.shown,
        "record_number": facts.record_number, "held_at": facts.exists_since,
    }))
}

/// Checks what audits found of an exhibit; what they prove.
pub(super) fn audits(
    answer: Vec<AuditProof>,
    vault: AccountId,
    exhibit: &str,
    trust: &[PathBuf],
    texts: &Texts,
) -> anyhow::Result<Value> {
    let mut found = Vec::new();
    for audit in answer {
        let (time, finding) = audit.check(&vault, exhibit).map_err(|_| wrong(texts))?;
        let facts = match &audit.certificate {
            Some(certificate) => {
                Some(recorded(&audit.report, &hex::decode(certificate)?, vault, trust, texts)?)
            }
            None => None,
        };
        found.push(json!({
            "time": time.rfc3339(), "finding": finding, "outcome": if facts.is_some() { "proven" } else { "not-sealed" },
            "record_number": facts.and_then(|facts| facts.record_number),
        }));
    }
    Ok(json!({ "audits": found }))
}
