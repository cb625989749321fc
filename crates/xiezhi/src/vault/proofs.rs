//! What a vault proves, checked down to a trusted ledger.

use std::path::PathBuf;

use anyhow::Context as _;
use serde_json::{Value, json};
use xiezhi_crypto::sha256;
use xiezhi_evidence::{Body, Certificate, Statement};
use xiezhi_merkle::{Hash, Sha256, TreeHash as _, verify_inclusion};
use xiezhi_types::{AccountId, from_canonical};
use xiezhi_vault::{
    entry::{Entry, head},
    possession::{self, Possession},
};
use xiezhi_verify::{Exhibit, Facts, Input, Outcome};

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
    let verdict = xiezhi_verify::verify(&Input {
        certificate,
        anchors: &anchors,
        exhibit: &Exhibit::None,
        record_only: true,
        declared_time: home::now(),
        known_checkpoints: &[],
    });
    let statement = Statement::parse(&Certificate::parse(certificate)?.statement)?;
    let commits =
        matches!(statement.body(), Body::Deposit(body) if body.manifest_root == sha256(text.as_bytes()));
    if verdict.outcome != Outcome::Valid || !commits || statement.claims().issuer != vault {
        return Err(wrong(texts));
    }
    Ok(verdict.facts)
}

/// A leaf in a tree whose root stands in a text: what proofs of entries and of audits have in common.
struct Leaf<'a> {
    proof: &'a Value,
    texts: &'a Texts,
}

impl Leaf<'_> {
    fn text(&self, name: &str) -> anyhow::Result<&str> {
        self.proof[name].as_str().with_context(|| format!("no {name} in the proof"))
    }

    fn bytes(&self, name: &str) -> anyhow::Result<Vec<u8>> {
        Ok(hex::decode(self.text(name)?)?)
    }

    fn size(&self) -> anyhow::Result<u64> {
        self.proof["size"].as_u64().context("no size in the proof")
    }

    /// The root in the line `at` of `text`, under which `leaf` is at `position`.
    fn root(&self, text: &str, at: usize, leaf: &[u8], position: u64) -> anyhow::Result<Hash> {
        let hash = |hash: &str| -> Option<Hash> { hex::decode(hash).ok()?.try_into().ok() };
        let path = self.proof["path"].as_array().context("no path in the proof")?;
        let path: Option<Vec<Hash>> = path.iter().map(|one| hash(one.as_str()?)).collect();
        let path = path.ok_or_else(|| wrong(self.texts))?;
        let root = text.lines().nth(at).and_then(hash).ok_or_else(|| wrong(self.texts))?;
        let held = verify_inclusion::<Sha256>(&Sha256::leaf(leaf), position, self.size()?, &path, &root);
        held.map_err(|_| wrong(self.texts))?;
        Ok(root)
    }
}

/// Checks a proof of an entry; what it proves.
pub(super) fn prove(
    proof: &Value,
    vault: AccountId,
    position: u64,
    exhibit: &str,
    trust: &[PathBuf],
    texts: &Texts,
) -> anyhow::Result<Value> {
    let proof = Leaf { proof, texts };
    let leaf = proof.bytes("entry")?;
    let entry: Entry = from_canonical("entry", &leaf)?;
    if entry.position != position || hex::encode(entry.exhibit) != exhibit {
        return Err(wrong(texts));
    }
    let said = proof.text("head")?;
    let root = proof.root(said, 3, &leaf, position)?;
    if head(&vault, proof.size()?, &root) != said.as_bytes() {
        return Err(wrong(texts));
    }
    let facts = recorded(said, &proof.bytes("certificate")?, vault, trust, texts)?;
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
    answer: &Value,
    vault: AccountId,
    exhibit: &str,
    trust: &[PathBuf],
    texts: &Texts,
) -> anyhow::Result<Value> {
    let mut found = Vec::new();
    for proof in answer["audits"].as_array().context("no audits in the answer")? {
        let proof = Leaf { proof, texts };
        let (leaf, report) = (proof.text("leaf")?, proof.text("report")?);
        let position = proof.proof["position"].as_u64().context("no position in the proof")?;
        proof.root(report, 4, leaf.as_bytes(), position)?;
        let lines: Vec<_> = report.lines().collect();
        let (["xiezhi vault audit v1", account, time, ..], Some((of, finding))) =
            (&lines[..], leaf.split_once(' '))
        else {
            return Err(wrong(texts));
        };
        if *account != vault.to_string() || of != exhibit {
            return Err(wrong(texts));
        }
        let facts = match proof.proof["certificate"].as_str() {
            Some(certificate) => Some(recorded(report, &hex::decode(certificate)?, vault, trust, texts)?),
            None => None,
        };
        found.push(json!({
            "time": time, "finding": finding, "outcome": if facts.is_some() { "proven" } else { "not-sealed" },
            "record_number": facts.and_then(|facts| facts.record_number),
        }));
    }
    Ok(json!({ "audits": found }))
}
