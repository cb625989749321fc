//! Other forms of a certificate: a JSON view for people and programs, and the receipts that SCITT tools read.

use serde_json::{Map, Value as Json, json};
use xiezhi_crypto::{Digest, PublicKey, SignatureAlg};
use xiezhi_evidence::{
    Account, BatchPlace, Body, Certificate, CertifiedSeal, Checkpoint, Entry, Genesis, Governance, Manifest,
    Statement, TermLink, Value, WeightedKey,
    account::{AccountChange, Authority, Delegation, Freezing, Grant, Order},
    governance::{Keys, Step},
};
use xiezhi_merkle::Hash;
use xiezhi_pki::X509Certificate;
use xiezhi_types::{InstitutionId, RecordNumber, TimestampMs, canonical};

use crate::examination::{content_type, seconds};

/// A certificate as JSON: readable names, hexadecimal, numbers of 64 bits as strings. A view: nothing reads it back, nothing is checked.
///
/// Parts that cannot be read are given as hexadecimal with the reason beside.
#[must_use]
pub fn certificate_json(certificate: &Certificate) -> Json {
    let ledger = Genesis::ledger_id(&certificate.genesis);
    let item = certificate.batch.as_ref().map(|place| place.index);
    json!({
        "version": certificate.version,
        "record_number": RecordNumber::new(&ledger, certificate.index, item).to_string(),
        "ledger": ledger.to_string(),
        "genesis": genesis_json(&certificate.genesis),
        "index": certificate.index.to_string(),
        "statement": statement_json(&certificate.statement),
        "batch": certificate.batch.as_ref().map(batch_json),
        "manifest": certificate.manifest.as_ref().map(manifest_json),
        "account": {
            "account": account_json(&certificate.account.account),
            "siblings": hashes(&certificate.account.proof.siblings),
        },
        "checkpoint": checkpoint_json(&certificate.checkpoint),
        "path_sha256": hashes(&certificate.path_sha256),
        "path_sm3": hashes(&certificate.path_sm3),
        "seals": certificate.seals.iter().map(seal_json).collect::<Vec<_>>(),
        "timestamps": certificate.timestamps.iter().map(|stamp| hex::encode(&stamp.token)).collect::<Vec<_>>(),
        "revocations": certificate.revocations.iter().map(hex::encode).collect::<Vec<_>>(),
        "grantor": certificate.grantor.as_ref().map(|proven| json!({
            "account": account_json(&proven.account),
            "siblings": hashes(&proven.proof.siblings),
        })),
    })
}

fn hashes(path: &[Hash]) -> Vec<String> {
    path.iter().map(hex::encode).collect()
}

fn digests(digests: &[Digest]) -> Vec<String> {
    digests.iter().map(ToString::to_string).collect()
}

fn unread(bytes: &[u8], reason: &impl ToString) -> Json {
    json!({ "bytes": hex::encode(bytes), "unreadable": reason.to_string() })
}

fn genesis_json(bytes: &[u8]) -> Json {
    let genesis = match Genesis::parse(bytes) {
        Ok(genesis) => genesis,
        Err(error) => return unread(bytes, &error),
    };
    let institution = |one: &xiezhi_evidence::Institution| {
        json!({
            "id": one.id.to_string(),
            "role": one.role.name(),
            "name": { "zh": one.name.zh, "en": one.name.en },
            "consensus_key": hex::encode(one.consensus_key),
            "seal_key": hex::encode(one.seal_key),
        })
    };
    json!({
        "version": genesis.version,
        "created": genesis.created.rfc3339(),
        "name": { "zh": genesis.name.zh, "en": genesis.name.en },
        "domain": genesis.domain,
        "institutions": genesis.institutions.iter().map(institution).collect::<Vec<_>>(),
        "roots": genesis.roots.iter().map(|der| x509_json(der)).collect::<Vec<_>>(),
        "timestamp_roots": genesis.timestamp_roots.iter().map(|der| x509_json(der)).collect::<Vec<_>>(),
        "policy": { "seals": group_json(&genesis.policy.seals), "timestamps": genesis.policy.timestamps },
        "suites": genesis.suites,
    })
}

fn group_json(group: &xiezhi_evidence::Group) -> Json {
    use xiezhi_evidence::Member;
    let member = |member: &Member| match member {
        Member::Institution(id) => json!({ "institution": id.to_string() }),
        Member::Role(role) => json!({ "role": role.name() }),
        Member::Group(group) => group_json(group),
    };
    json!({ "at_least": group.threshold, "of": group.members.iter().map(member).collect::<Vec<_>>() })
}

fn x509_json(der: &[u8]) -> Json {
    match X509Certificate::from_der(der) {
        Ok(certificate) => json!({
            "subject": certificate.subject(),
            "issuer": certificate.issuer(),
            "serial": hex::encode(certificate.serial()),
            "not_before": seconds(certificate.validity().not_before),
            "not_after": seconds(certificate.validity().not_after),
            "sha256": hex::encode(certificate.fingerprint()),
        }),
        Err(error) => unread(der, &error),
    }
}

fn statement_json(bytes: &[u8]) -> Json {
    let statement = match Statement::parse(bytes) {
        Ok(statement) => statement,
        Err(error) => return unread(bytes, &error),
    };
    let claims = statement.claims();
    let signature = |one: &xiezhi_evidence::Signature| json!({ "key": one.key.to_string(), "alg": one.alg.name(), "signature": hex::encode(&one.bytes) });
    json!({
        "id": statement.id().to_string(),
        "content_type": content_type(statement.body()),
        "issuer": claims.issuer.to_string(),
        "grantor": claims.grantor.map(|grantor| grantor.to_string()),
        "subject": claims.subject,
        "audience": claims.audience.map(|ledger| ledger.to_string()),
        "issued_at": claims.issued_at.map(seconds),
        "group": statement.group().map(|group| group.to_string()),
        "body": body_json(statement.body()),
        "signatures": statement.signatures().iter().map(signature).collect::<Vec<_>>(),
        "bytes": hex::encode(bytes),
    })
}

fn body_json(body: &Body) -> Json {
    match body {
        Body::Deposit(body) => json!({
            "manifest_root": hex::encode(body.manifest_root),
            "digests": digests(&body.digests),
            "phase": body.phase,
        }),
        Body::Batch(body) => json!({ "items_root": hex::encode(body.items_root), "items": body.items }),
        Body::Account(spec) => json!({
            "keys": spec.keys.iter().map(key_json).collect::<Vec<_>>(),
            "deposit_threshold": spec.deposit_threshold,
            "manage_threshold": spec.manage_threshold,
            "recovery_key": spec.recovery_key.as_ref().map(PublicKey::to_string),
            "encryption_key": spec.encryption_key.as_ref().map(PublicKey::to_string),
            "recovery_delay_s": spec.recovery_delay_s,
        }),
        Body::Change(said) => change_json(said),
        Body::Governance(said) => governance_json(said),
        Body::General { digest, .. } => json!({ "payload": digest.to_string() }),
    }
}

fn authority_json(authority: &Authority) -> Json {
    json!({
        "keys": authority.keys.iter().map(key_json).collect::<Vec<_>>(),
        "deposit_threshold": authority.deposit_threshold,
        "manage_threshold": authority.manage_threshold,
    })
}

fn order_json(order: &Order) -> Json {
    json!({
        "account": order.account.to_string(),
        "reference": order.reference,
        "document": hex::encode(order.document),
    })
}

fn change_json(said: &AccountChange) -> Json {
    let key = |key: &Option<PublicKey>| key.as_ref().map(PublicKey::to_string);
    match said {
        AccountChange::Authority(authority) => {
            json!({ "says": "authority", "authority": authority_json(authority) })
        }
        AccountChange::Recovery(recovery) => {
            json!({ "says": "recovery", "key": key(&recovery.key), "delay_s": recovery.delay_s })
        }
        AccountChange::Encryption(encryption) => {
            json!({ "says": "encryption", "key": key(&encryption.key) })
        }
        AccountChange::BeginReset(authority) => {
            json!({ "says": "begin-reset", "authority": authority_json(authority) })
        }
        AccountChange::CancelReset => json!({ "says": "cancel-reset" }),
        AccountChange::FinishReset => json!({ "says": "finish-reset" }),
        AccountChange::Transfer(successor) => {
            json!({ "says": "transfer", "to": successor.account.as_ref().map(ToString::to_string) })
        }
        AccountChange::Accept(account) => json!({ "says": "accept", "account": account.to_string() }),
        AccountChange::Freeze(order) => json!({ "says": "freeze", "order": order_json(order) }),
        AccountChange::Unfreeze(lifting) => json!({
            "says": "unfreeze",
            "order": order_json(&lifting.order),
            "institution": lifting.institution.to_string(),
            "freezing": lifting.freezing,
        }),
        AccountChange::Delegate(grant) => json!({ "says": "delegate", "grant": grant_json(grant) }),
        AccountChange::Revoke(delegate) => json!({ "says": "revoke", "delegate": delegate.to_string() }),
    }
}

fn grant_json(grant: &Grant) -> Json {
    json!({
        "delegate": grant.delegate.to_string(),
        "permissions": grant.permissions.iter().map(|one| one.word()).collect::<Vec<_>>(),
        "quota": grant.quota.to_string(),
        "daily": grant.daily.map(|daily| daily.to_string()),
        "not_before": grant.not_before.map(TimestampMs::rfc3339),
        "until": grant.until.rfc3339(),
    })
}

fn delegation_json(delegation: &Delegation) -> Json {
    json!({
        "grant": grant_json(&delegation.grant),
        "granted": delegation.granted.to_string(),
        "used": delegation.used.to_string(),
        "day": delegation.day.map(|one| json!({ "day": one.day.to_string(), "used": one.used.to_string() })),
    })
}

fn governance_json(said: &Governance) -> Json {
    let keys = |keys: &Keys| {
        json!({
            "consensus_key": hex::encode(keys.consensus_key),
            "seal_key": hex::encode(keys.seal_key),
            "address": keys.address,
        })
    };
    match said {
        Governance::Propose(change) => {
            let (step, institution) = match &change.step {
                Step::Invite(invite) => ("invite", Some(&invite.institution)),
                Step::Suspend(id) => ("suspend", Some(id)),
                Step::Readmit(id) => ("readmit", Some(id)),
                Step::Remove(id) => ("remove", Some(id)),
                Step::Policy => ("policy", None),
                Step::Suites(_) => ("suites", None),
            };
            let suites = if let Step::Suites(suites) = &change.step { Some(suites) } else { None };
            json!({
                "says": "propose",
                "step": step,
                "institution": institution.map(ToString::to_string),
                "policy": change.policy.as_ref().map(|policy| hex::encode(canonical(policy))),
                "suites": suites,
            })
        }
        Governance::Vote(vote) => {
            json!({ "says": "vote", "proposal": vote.proposal.to_string(), "approve": vote.approve })
        }
        Governance::Withdraw(number) => json!({ "says": "withdraw", "proposal": number.to_string() }),
        Governance::Confirm(given) => json!({ "says": "confirm", "keys": keys(given) }),
        Governance::Leave => json!({ "says": "leave" }),
        Governance::Rotate(given) => json!({ "says": "rotate", "keys": keys(given) }),
    }
}

fn key_json(weighted: &WeightedKey) -> Json {
    json!({ "id": weighted.key.id().to_string(), "key": weighted.key.to_string(), "weight": weighted.weight })
}

fn account_json(account: &Account) -> Json {
    json!({
        "id": account.id.to_string(),
        "keys": account.keys.iter().map(key_json).collect::<Vec<_>>(),
        "deposit_threshold": account.deposit_threshold,
        "manage_threshold": account.manage_threshold,
        "recovery_key": account.recovery_key.as_ref().map(PublicKey::to_string),
        "recovered_at": account.recovered_at.map(TimestampMs::rfc3339),
        "encryption_key": account.encryption_key.as_ref().map(PublicKey::to_string),
        "status": account.status.word(),
        "created": account.created.to_string(),
        "recovery_delay_s": account.recovery_delay_s,
        "reset": account.reset.as_ref().map(|reset| json!({
            "authority": authority_json(&reset.authority),
            "begun": reset.begun.rfc3339(),
            "until": reset.until.rfc3339(),
        })),
        "freezings": account.freezings.iter().map(freezing_json).collect::<Vec<_>>(),
        "successor": account.successor.as_ref().map(ToString::to_string),
        "keys_changed": account.keys_changed.map(TimestampMs::rfc3339),
        "before": account.before.as_ref().map(|before| json!({
            "height": before.height.to_string(),
            "authority": authority_json(&before.authority),
            "recovery_key": before.recovery_key.as_ref().map(PublicKey::to_string),
            "status": before.status.word(),
            "delegations": before.delegations.iter().map(delegation_json).collect::<Vec<_>>(),
        })),
        "delegations": account.delegations.iter().map(delegation_json).collect::<Vec<_>>(),
    })
}

fn freezing_json(freezing: &Freezing) -> Json {
    json!({
        "institution": freezing.institution.to_string(),
        "reference": freezing.reference,
        "document": hex::encode(freezing.document),
        "height": freezing.height.to_string(),
    })
}

fn batch_json(place: &BatchPlace) -> Json {
    let item = match xiezhi_evidence::BatchItem::parse(&place.item) {
        Ok(item) => {
            json!({ "manifest_root": hex::encode(item.manifest_root), "digests": digests(&item.digests) })
        }
        Err(error) => unread(&place.item, &error),
    };
    json!({ "index": place.index, "item": item, "path": hashes(&place.path) })
}

fn manifest_json(manifest: &Manifest) -> Json {
    let value = |value: &Value| match value {
        Value::Text(text) => json!(text),
        Value::Number(number) => json!(number.to_string()),
        Value::Bytes(bytes) => json!({ "bytes": hex::encode(bytes) }),
        Value::Digest(digest) => json!(digest.to_string()),
    };
    let entry = |entry: &Entry| match entry {
        Entry::Open(field) => {
            json!({ "name": field.name, "value": value(&field.value), "salt": hex::encode(field.salt) })
        }
        Entry::Closed(hash) => json!({ "closed": hex::encode(hash) }),
    };
    json!(manifest.entries().iter().map(entry).collect::<Vec<_>>())
}

fn checkpoint_json(checkpoint: &Checkpoint) -> Json {
    json!({
        "ledger": checkpoint.ledger.to_string(),
        "height": checkpoint.height.to_string(),
        "time": checkpoint.time.rfc3339(),
        "size": checkpoint.size.to_string(),
        "root_sha256": hex::encode(checkpoint.root_sha256),
        "root_sm3": hex::encode(checkpoint.root_sm3),
        "state_root": hex::encode(checkpoint.state_root),
        "sha256": hex::encode(checkpoint.digest()),
    })
}

fn seal_json(certified: &CertifiedSeal) -> Json {
    let seal = &certified.seal;
    let mut out = Map::new();
    out.insert("institution".into(), json!(seal.institution.to_string()));
    out.insert("time".into(), json!(seconds(seal.time)));
    for (form, signature) in
        [("receipt", &seal.receipt), ("log", &seal.log), ("cosignature", &seal.cosignature)]
    {
        out.insert(form.into(), json!(hex::encode(signature)));
    }
    out.insert("chain".into(), certified.chain.iter().map(|der| x509_json(der)).collect());
    Json::Object(out)
}

/// The seals as COSE receipts (RFC 9942) for the record: what SCITT tools read. Nothing is checked.
///
/// Seals of institutions that the term does not know are left out, and all of them when the genesis cannot be read. The term is the one that the
/// last readable link of the history decides, the genesis's without one.
#[must_use]
pub fn receipts(certificate: &Certificate) -> Vec<(InstitutionId, Vec<u8>)> {
    let Ok(genesis) = Genesis::parse(&certificate.genesis) else { return Vec::new() };
    let decided = certificate.history.iter().rev().find_map(|link| TermLink::parse(link).ok()?.alliance.next);
    let members = decided.map_or(genesis.institutions, |term| term.institutions());
    let receipt = |certified: &CertifiedSeal| {
        let institution = members.iter().find(|member| member.id == certified.seal.institution)?;
        let key = PublicKey::new(SignatureAlg::Ed25519, &institution.seal_key).ok()?;
        let path = &certificate.path_sha256;
        let bytes = certified.seal.receipt(&certificate.checkpoint, key.id(), certificate.index.0, path);
        Some((institution.id.clone(), bytes))
    };
    certificate.seals.iter().filter_map(receipt).collect()
}
