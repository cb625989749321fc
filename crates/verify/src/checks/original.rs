//! The original against what was recorded of it, and the manifest against the statement.

use xiezhi_crypto::{Digest, DigestAlg};
use xiezhi_evidence::{
    BatchItem, Body, Certificate, Manifest, Statement, Value,
    manifest::names::{DIGEST_SHA256, DIGEST_SM3, SIZE},
};

use crate::{Check, Exhibit, code, examination::Record, finding as f};

/// What a record says of its original.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recorded {
    /// The digests: open in the manifest, or else searchable.
    pub digests: Vec<Digest>,
    /// The length in bytes, if the manifest opens it.
    pub size: Option<u64>,
}

/// What a certificate says of its original, or of the batch item's; nothing for records that have none. Nothing is checked: it is as good as the
/// verdict.
#[must_use]
pub fn recorded_original(certificate: &Certificate) -> Recorded {
    let manifest = certificate.manifest.as_ref();
    let item = certificate.batch.as_ref().and_then(|place| BatchItem::parse(&place.item).ok());
    match (Statement::parse(&certificate.statement).as_ref().map(Statement::body), item) {
        (Ok(Body::Deposit(body)), _) => recorded(manifest, &body.digests),
        (Ok(Body::Batch(_)), Some(item)) => recorded(manifest, &item.digests),
        (Ok(Body::General { digest, .. }), _) => Recorded { digests: vec![*digest], size: None },
        _ => Recorded::default(),
    }
}

pub(crate) fn original(r: &Record<'_>) -> Check {
    let code = code::ORIGINAL;
    let Some(statement) = &r.statement else { return Check::not_evaluated(code, code::STATEMENT) };
    let Exhibit::Digests { size, digests } = r.input.exhibit else {
        return not_presented(r, statement.body());
    };
    let declared = match statement.body() {
        Body::Account(_) | Body::Change(_) => return Check::new(code, &f::ORIGINAL_ACCOUNT),
        Body::Governance(_) => return Check::new(code, &f::ORIGINAL_GOVERNANCE),
        Body::General { digest, .. } => Recorded { digests: vec![*digest], size: None },
        Body::Deposit(body) => recorded(r.certificate.manifest.as_ref(), &body.digests),
        Body::Batch(_) => match &r.item {
            None => return Check::new(code, &f::ORIGINAL_WHOLE_BATCH),
            Some(None) => return Check::not_evaluated(code, code::BATCH_PLACE),
            Some(Some(item)) => recorded(r.certificate.manifest.as_ref(), &item.digests),
        },
    };
    compare(&declared, *size, digests)
}

fn not_presented(r: &Record<'_>, body: &Body) -> Check {
    let check = |finding| Check::new(code::ORIGINAL, finding);
    match body {
        Body::Account(_) | Body::Change(_) => check(&f::ORIGINAL_ACCOUNT).informational(),
        Body::Governance(_) => check(&f::ORIGINAL_GOVERNANCE).informational(),
        _ if r.input.record_only => check(&f::ORIGINAL_LEFT_OUT).informational(),
        _ => check(&f::ORIGINAL_NOT_PRESENTED),
    }
}

/// What the open fields of the manifest say; where they give no digest, what statement or item makes searchable.
fn recorded(manifest: Option<&Manifest>, searchable: &[Digest]) -> Recorded {
    let open = manifest.map(named_digests).unwrap_or_default();
    let size = match manifest.and_then(|manifest| manifest.value(SIZE)) {
        Some(Value::Number(size)) => Some(*size),
        _ => None,
    };
    Recorded { digests: if open.is_empty() { searchable.to_vec() } else { open }, size }
}

/// Digests of the exhibit itself; a manifest may hold digests of other things under other names.
fn named_digests(manifest: &Manifest) -> Vec<Digest> {
    let names = [(DIGEST_SHA256, DigestAlg::Sha256), (DIGEST_SM3, DigestAlg::Sm3)];
    let digest = |(name, alg)| match manifest.value(name) {
        Some(Value::Digest(digest)) if digest.alg == alg => Some(*digest),
        _ => None,
    };
    names.into_iter().filter_map(digest).collect()
}

/// Under each algorithm that the record uses, the presented digest is one of the record's; the sizes agree; at least one digest is compared.
fn compare(recorded: &Recorded, size: Option<u64>, presented: &[Digest]) -> Check {
    let code = code::ORIGINAL;
    let mut algorithms = Vec::new();
    for digest in presented {
        let mut same = recorded.digests.iter().filter(|known| known.alg == digest.alg).peekable();
        if same.peek().is_none() {
            continue;
        }
        if !same.any(|known| known == digest) {
            return Check::new(code, &f::ORIGINAL_DIGEST).with("algorithm", digest.alg);
        }
        if !algorithms.contains(&digest.alg.name()) {
            algorithms.push(digest.alg.name());
        }
    }
    match (recorded.size, size) {
        (Some(recorded), Some(presented)) if recorded != presented => {
            Check::new(code, &f::ORIGINAL_SIZE).with("recorded", recorded).with("presented", presented)
        }
        _ if recorded.digests.is_empty() => Check::new(code, &f::ORIGINAL_NO_DIGEST),
        _ if algorithms.is_empty() => Check::new(code, &f::ORIGINAL_NO_COMMON),
        _ => Check::new(code, &f::ORIGINAL_SAME).with("algorithms", algorithms.join(", ")),
    }
}

pub(crate) fn manifest(r: &Record<'_>) -> Check {
    let code = code::MANIFEST;
    let Some(manifest) = &r.certificate.manifest else {
        return Check::new(code, &f::MANIFEST_ABSENT).informational();
    };
    let Some(statement) = &r.statement else { return Check::not_evaluated(code, code::STATEMENT) };
    let (root, searchable) = match (statement.body(), &r.item) {
        (Body::Deposit(body), _) => (body.manifest_root, &body.digests),
        (Body::Batch(_), Some(Some(item))) => (item.manifest_root, &item.digests),
        (Body::Batch(_), Some(None)) => return Check::not_evaluated(code, code::BATCH_PLACE),
        (Body::Batch(_), None)
        | (Body::Account(_) | Body::Change(_) | Body::Governance(_) | Body::General { .. }, _) => {
            return Check::new(code, &f::MANIFEST_UNEXPECTED);
        }
    };
    if manifest.root() != root {
        return Check::new(code, &f::MANIFEST_ROOT);
    }
    if let Some(digest) = contradiction(&named_digests(manifest), searchable) {
        return Check::new(code, &f::MANIFEST_CONTRADICTS).with("algorithm", digest.alg);
    }
    let open = manifest.fields().count();
    let closed = manifest.entries().len() - open;
    Check::new(code, &f::MANIFEST_BOUND).with("open", open).with("closed", closed)
}

/// A digest of the manifest that the statement's digests under the same algorithm leave out.
fn contradiction(open: &[Digest], searchable: &[Digest]) -> Option<Digest> {
    let contradicted = |digest: &&Digest| {
        let mut same = searchable.iter().filter(|other| other.alg == digest.alg).peekable();
        same.peek().is_some() && !same.any(|other| other == *digest)
    };
    open.iter().find(contradicted).copied()
}
