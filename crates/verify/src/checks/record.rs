//! The record: statement, place in the batch, signatures, place in the log.

use xiezhi_crypto::KeyId;
use xiezhi_evidence::{
    Account, AccountProof, BatchItem, Body, Certificate,
    account::{AuthorityError, DelegationError},
};
use xiezhi_merkle::{Hash, ProofError, Sha256, Sm3, TreeHash, verify_inclusion};
use xiezhi_types::canonical;

use crate::{
    Check, code,
    examination::{Record, content_type},
    finding as f,
};

pub(crate) fn statement(r: &Record<'_>) -> Check {
    match &r.statement {
        Some(statement) => {
            Check::new(code::STATEMENT, &f::STATEMENT_READ).with("type", content_type(statement.body()))
        }
        None => Check::new(code::STATEMENT, &f::STATEMENT_MALFORMED),
    }
}

/// Nothing where neither certificate nor statement speaks of a batch.
pub(crate) fn batch_place(r: &Record<'_>) -> Option<Check> {
    let code = code::BATCH_PLACE;
    let place = r.certificate.batch.as_ref();
    let Some(statement) = &r.statement else {
        return place.map(|_| Check::not_evaluated(code, code::STATEMENT));
    };
    let (batch, place) = match (statement.body(), place) {
        (Body::Batch(batch), Some(place)) => (batch, place),
        (Body::Batch(batch), None) => {
            return Some(Check::new(code, &f::BATCH_WHOLE).with("items", batch.items).informational());
        }
        (_, Some(_)) => return Some(Check::new(code, &f::BATCH_NOT_ONE)),
        (_, None) => return None,
    };
    if let Some(None) = r.item {
        return Some(Check::new(code, &f::BATCH_ITEM_MALFORMED));
    }
    let leaf = BatchItem::leaf(&place.item);
    let (index, items) = (u64::from(place.index), u64::from(batch.items));
    let finding = match verify_inclusion::<Sha256>(&leaf, index, items, &place.path, &batch.items_root) {
        Ok(()) => &f::BATCH_PLACED,
        Err(ProofError::IndexOutside { .. }) => &f::BATCH_INDEX,
        Err(_) => &f::BATCH_PATH,
    };
    Some(Check::new(code, finding).with("item", index).with("items", items))
}

pub(crate) fn signatures(r: &Record<'_>) -> Check {
    let code = code::STATEMENT_SIGNATURES;
    let Some(statement) = &r.statement else { return Check::not_evaluated(code, code::STATEMENT) };
    let Some(suites) = &r.x.suites else { return Check::not_evaluated(code, code::LEDGER) };
    let (proven, checkpoint) = (&r.certificate.account, &r.certificate.checkpoint);
    let account = &proven.account;
    if !is_proven(proven, r.certificate) {
        return Check::new(code, &f::ACCOUNT_PROOF);
    }
    if account.id != statement.claims().issuer {
        return Check::new(code, &f::ACCOUNT_OTHER);
    }
    if account.created > checkpoint.height {
        return Check::new(code, &f::ACCOUNT_LATER);
    }
    if let Some(suite) = suites.refuses(statement) {
        return Check::new(code, &f::SIGNATURE_SUITE).with("suite", suite);
    }
    let account = account.as_of(checkpoint.height);
    match account.verify(statement.action(), statement.signatures()) {
        Ok(()) => Check::new(code, &f::SIGNATURES_HOLD)
            .with("account", account.id)
            .with("signers", statement.signatures().len()),
        Err(error) => refused(code, &error),
    }
}

fn is_proven(proven: &AccountProof, certificate: &Certificate) -> bool {
    let (key, value) = (Account::state_key(&proven.account.id), canonical(&proven.account));
    proven.proof.verify_present(&certificate.checkpoint.state_root, &key, &value).is_ok()
}

/// Nothing where neither certificate nor statement speaks of another in whose name it is made.
pub(crate) fn delegation(r: &Record<'_>) -> Option<Check> {
    let code = code::DELEGATION;
    let (proven, checkpoint) = (r.certificate.grantor.as_ref(), &r.certificate.checkpoint);
    let Some(statement) = &r.statement else {
        return proven.map(|_| Check::not_evaluated(code, code::STATEMENT));
    };
    let claims = statement.claims();
    let (grantor, proven) = match (claims.grantor, proven) {
        (Some(grantor), Some(proven)) => (grantor, proven),
        (Some(grantor), None) => {
            return Some(Check::new(code, &f::DELEGATION_NO_GRANTOR).with("grantor", grantor));
        }
        (None, Some(_)) => return Some(Check::new(code, &f::DELEGATION_UNEXPECTED)),
        (None, None) => return None,
    };
    let account = &proven.account;
    if !is_proven(proven, r.certificate) {
        return Some(Check::new(code, &f::ACCOUNT_PROOF));
    }
    if account.id != grantor {
        return Some(Check::new(code, &f::DELEGATION_OTHER));
    }
    if account.created > checkpoint.height {
        return Some(Check::new(code, &f::ACCOUNT_LATER));
    }
    let account = account.as_of(checkpoint.height);
    let held = account.check_deposited_by(&claims.issuer, statement.deposits(), checkpoint.time);
    Some(match held {
        Ok(held) => Check::new(code, &f::DELEGATED)
            .with("grantor", grantor)
            .with("delegate", claims.issuer)
            .with("until", held.grant.until.rfc3339())
            .with("used", held.used)
            .with("quota", held.grant.quota),
        Err(error) => not_delegated(&error),
    })
}

fn not_delegated(error: &DelegationError) -> Check {
    let check = |finding| Check::new(code::DELEGATION, finding);
    match error {
        DelegationError::Status { status, .. } => check(&f::ACCOUNT_STATUS).with("state", status),
        DelegationError::NotYet { not_before, now } => {
            check(&f::DELEGATION_EARLY).with("not_before", not_before.rfc3339()).with("time", now.rfc3339())
        }
        DelegationError::Expired { until, now } => {
            check(&f::DELEGATION_EXPIRED).with("until", until.rfc3339()).with("time", now.rfc3339())
        }
        DelegationError::Quota { quota, used, need } => {
            check(&f::DELEGATION_QUOTA).with("quota", quota).with("used", used).with("need", need)
        }
        DelegationError::Daily { daily, used, need } => {
            check(&f::DELEGATION_DAILY).with("quota", daily).with("used", used).with("need", need)
        }
        DelegationError::NotGranted { grantor, delegate } => {
            check(&f::DELEGATION_NONE).with("grantor", grantor).with("delegate", delegate)
        }
        _ => check(&f::DELEGATION_NONE).with("grantor", "").with("delegate", ""),
    }
}

fn refused(code: &'static str, error: &AuthorityError) -> Check {
    let with_key = |finding, key: &KeyId| Check::new(code, finding).with("key", key);
    match error {
        AuthorityError::UnknownKey { key, .. } => with_key(&f::SIGNATURE_KEY, key),
        AuthorityError::RepeatedKey { key } => with_key(&f::SIGNATURE_REPEATED, key),
        AuthorityError::Threshold { sum, need } => {
            Check::new(code, &f::SIGNATURE_THRESHOLD).with("sum", sum).with("need", need)
        }
        AuthorityError::NoRecovery { .. } => Check::new(code, &f::SIGNATURE_RECOVERY),
        AuthorityError::Status { status, .. } => Check::new(code, &f::ACCOUNT_STATUS).with("state", status),
        AuthorityError::Signature { key, .. } => with_key(&f::SIGNATURE_BAD, key),
        _ => Check::new(code, &f::SIGNATURE_BAD).with("key", ""),
    }
}

pub(crate) fn inclusion(r: &Record<'_>) -> [Check; 2] {
    let (certificate, checkpoint) = (r.certificate, &r.certificate.checkpoint);
    [
        included::<Sha256>(r, code::INCLUSION_SHA256, &certificate.path_sha256, &checkpoint.root_sha256),
        included::<Sm3>(r, code::INCLUSION_SM3, &certificate.path_sm3, &checkpoint.root_sm3),
    ]
}

fn included<H: TreeHash>(r: &Record<'_>, code: &'static str, path: &[Hash], root: &Hash) -> Check {
    let (index, size) = (r.certificate.index, r.certificate.checkpoint.size);
    let leaf = H::leaf(&r.certificate.statement);
    let finding = match verify_inclusion::<H>(&leaf, index.0, size.0, path, root) {
        Ok(()) => &f::INCLUDED,
        Err(ProofError::IndexOutside { .. }) => &f::INCLUSION_INDEX,
        Err(ProofError::WrongPathLength { .. }) => &f::INCLUSION_LENGTH,
        Err(_) => &f::INCLUSION_ROOT,
    };
    Check::new(code, finding).with("index", index).with("size", size)
}
