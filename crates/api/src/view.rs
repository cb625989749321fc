//! From the node's types to the words of the API.

use xiezhi_client::wire::{self, Base64, U64};
use xiezhi_crypto::{Digest, DigestAlg, PublicKey};
use xiezhi_evidence::{
    Body, LocalName, Statement,
    account::{Delegation, Freezing, RECOVERY_DELAY_S},
    policy::Missing,
    statement,
};
use xiezhi_node::{AccountView, Hit, Node, NodeStatus, QueryError, RecordStatus, SealedCheckpoint, Tree};
use xiezhi_types::{LedgerId, LogIndex, RecordNumber, TimestampMs};

pub(crate) fn missing(missing: &Missing) -> wire::Missing {
    let progress = |(have, need)| wire::Progress { have, need };
    wire::Missing {
        members: missing.members.iter().cloned().collect(),
        seals: progress(missing.seals),
        timestamps: progress(missing.timestamps),
    }
}

pub(crate) fn links(index: LogIndex, item: Option<u32>) -> wire::Links {
    let record = format!("/v1/records/{index}");
    let item = item.map(|item| format!("?item={item}")).unwrap_or_default();
    wire::Links {
        statement: format!("{record}/statement"),
        certificate: format!("{record}/certificate{item}"),
        receipts: format!("{record}/receipts"),
        events: format!("{record}/events"),
        record,
    }
}

pub(crate) fn status(ledger: &LedgerId, status: &RecordStatus, item: Option<u32>) -> wire::RecordStatus {
    wire::RecordStatus {
        number: RecordNumber::new(ledger, status.index, item).to_string(),
        id: status.id.to_string(),
        index: U64(status.index.0),
        height: U64(status.height.0),
        time: status.time.rfc3339(),
        items: status.items,
        sealed: status.is_sealed(),
        sealed_by: status.sealed_by.iter().map(ToString::to_string).collect(),
        timestamps: status.timestamps,
        missing: missing(&status.missing),
        links: links(status.index, item),
    }
}

/// The record, or the item of it, that `hit` names.
pub(crate) fn record(node: &Node, ledger: &LedgerId, hit: Hit) -> Result<wire::Record, QueryError> {
    let found = node.record(hit.index)?;
    let standing = node.index_status(hit.index)?;
    let unreadable = |e: statement::StatementError| QueryError::Unavailable { reason: e.to_string() };
    let statement = Statement::parse(&found.statement).map_err(unreadable)?;
    let mut shown = statement_of(&statement);
    if let Some(item) = hit.item {
        let item = xiezhi_evidence::BatchItem::parse(&node.item(hit.index, item)?).map_err(unreadable)?;
        shown.digests = digests(&item.digests);
    }
    Ok(wire::Record { item: hit.item, status: status(ledger, &standing, hit.item), statement: shown })
}

fn digests(digests: &[Digest]) -> Vec<String> {
    digests.iter().map(ToString::to_string).collect()
}

fn statement_of(statement: &Statement) -> wire::Statement {
    let claims = statement.claims();
    let (kind, content_type, phase) = match statement.body() {
        Body::Deposit(body) => ("deposit", statement::TYPE_DEPOSIT, body.phase),
        Body::Batch(_) => ("batch", statement::TYPE_BATCH, None),
        Body::Account(_) => ("account", statement::TYPE_ACCOUNT, None),
        Body::Change(_) => ("account-change", xiezhi_evidence::account::TYPE_ACCOUNT_CHANGE, None),
        Body::Governance(_) => ("governance", xiezhi_evidence::governance::TYPE_GOVERNANCE, None),
        Body::General { content_type, .. } => ("general", content_type.as_str(), None),
    };
    wire::Statement {
        kind: kind.to_owned(),
        content_type: content_type.to_owned(),
        issuer: claims.issuer.to_string(),
        grantor: claims.grantor.map(|grantor| grantor.to_string()),
        group: statement.group().map(|group| group.to_string()),
        phase,
        issued_at: claims.issued_at.map(|s| TimestampMs(s.saturating_mul(1000)).rfc3339()),
        digests: digests(&statement.digests()),
    }
}

pub(crate) fn names(name: &(String, String)) -> wire::Names {
    wire::Names { zh: name.0.clone(), en: name.1.clone() }
}

pub(crate) fn local_name(name: &LocalName) -> wire::Names {
    wire::Names { zh: name.zh.clone(), en: name.en.clone() }
}

pub(crate) fn account(view: &AccountView) -> wire::Account {
    let account = &view.account;
    let key = |known: &xiezhi_evidence::WeightedKey| wire::AccountKey {
        id: known.key.id().to_string(),
        alg: known.key.alg().name().to_owned(),
        key: Base64(known.key.as_bytes().to_vec()),
        weight: known.weight,
    };
    wire::Account {
        id: account.id.to_string(),
        status: account.status.word().to_owned(),
        keys: account.keys.iter().map(key).collect(),
        deposit_threshold: account.deposit_threshold,
        manage_threshold: account.manage_threshold,
        recovery_key: account.recovery_key.as_ref().map(public_key),
        recovery_delay_s: account.recovery_delay_s.unwrap_or(RECOVERY_DELAY_S),
        encryption_key: account.encryption_key.as_ref().map(public_key),
        reset: account.reset.as_ref().map(|reset| wire::Reset {
            keys: reset.authority.keys.iter().map(key).collect(),
            begun: reset.begun.rfc3339(),
            until: reset.until.rfc3339(),
        }),
        freezings: account.freezings.iter().map(freezing).collect(),
        delegations: account.delegations.iter().map(|one| delegation(one, view.time)).collect(),
        successor: account.successor.as_ref().map(ToString::to_string),
        recovered_at: account.recovered_at.map(TimestampMs::rfc3339),
        created: U64(account.created.0),
        height: U64(view.height.0),
        value: Base64(xiezhi_types::canonical(account)),
    }
}

fn public_key(key: &PublicKey) -> wire::PublicKey {
    wire::PublicKey {
        id: key.id().to_string(),
        alg: key.alg().name().to_owned(),
        key: Base64(key.as_bytes().to_vec()),
    }
}

fn freezing(freezing: &Freezing) -> wire::Freezing {
    wire::Freezing {
        institution: freezing.institution.to_string(),
        reference: freezing.reference.clone(),
        document: Digest { alg: DigestAlg::Sha256, value: freezing.document }.to_string(),
        height: U64(freezing.height.0),
    }
}

fn delegation(delegation: &Delegation, now: TimestampMs) -> wire::Delegation {
    let grant = &delegation.grant;
    wire::Delegation {
        delegate: grant.delegate.to_string(),
        permissions: grant.permissions.iter().map(|one| one.word().to_owned()).collect(),
        quota: U64(grant.quota),
        daily: grant.daily.map(U64),
        not_before: grant.not_before.map(TimestampMs::rfc3339),
        until: grant.until.rfc3339(),
        granted: U64(delegation.granted.0),
        used: U64(delegation.used),
        left: U64(delegation.left(now)),
    }
}

fn digest_text(alg: DigestAlg, value: [u8; 32]) -> String {
    Digest { alg, value }.to_string()
}

pub(crate) fn checkpoint(sealed: &SealedCheckpoint) -> wire::Checkpoint {
    let SealedCheckpoint { checkpoint, seals, timestamps, missing: lacks } = sealed;
    let seal = |certified: &xiezhi_evidence::CertifiedSeal| wire::Seal {
        institution: certified.seal.institution.to_string(),
        time: TimestampMs(certified.seal.time.saturating_mul(1000)).rfc3339(),
        seal: Base64(xiezhi_types::canonical(&certified.seal)),
        chain: certified.chain.iter().cloned().map(Base64).collect(),
    };
    wire::Checkpoint {
        height: U64(checkpoint.height.0),
        time: checkpoint.time.rfc3339(),
        size: U64(checkpoint.size.0),
        root_sha256: digest_text(DigestAlg::Sha256, checkpoint.root_sha256),
        root_sm3: digest_text(DigestAlg::Sm3, checkpoint.root_sm3),
        state_root: digest_text(DigestAlg::Sha256, checkpoint.state_root),
        checkpoint: Base64(checkpoint.encode()),
        digest: digest_text(DigestAlg::Sha256, checkpoint.digest()),
        sealed: lacks.is_met(),
        seals: seals.iter().map(seal).collect(),
        timestamps: timestamps.iter().map(|stamp| Base64(stamp.token.clone())).collect(),
        missing: missing(lacks),
    }
}

pub(crate) fn tree_name(tree: Tree) -> &'static str {
    match tree {
        Tree::Sha256 => "sha256",
        Tree::Sm3 => "sm3",
    }
}

pub(crate) fn path(hashes: &[[u8; 32]]) -> Vec<Base64> {
    hashes.iter().map(|hash| Base64(hash.to_vec())).collect()
}

pub(crate) fn node_status(found: &NodeStatus) -> wire::Status {
    let peer = |peer: &xiezhi_node::PeerStatus| wire::Peer {
        institution: peer.institution.to_string(),
        role: peer.role.name().to_owned(),
        name: names(&peer.name),
        suspended: peer.suspended,
        this: peer.this,
        sealed_height: U64(peer.sealed_height.0),
        heard: peer.heard.map(TimestampMs::rfc3339),
    };
    let expiry = |expiry: &xiezhi_node::Expiry| wire::Expiry {
        what: expiry.kind.name().to_owned(),
        name: expiry.name.clone(),
        expires: expiry.at.rfc3339(),
        days_left: expiry.days_left,
        standing: expiry.standing.name().to_owned(),
    };
    let following = |following: &xiezhi_node::Following| wire::Following {
        upstream: following.upstream.clone(),
        sealed_size: U64(following.sealed_size),
        kept_from: U64(following.kept_from),
        answered: following.answered.map(TimestampMs::rfc3339),
        problem: following.problem.clone(),
    };
    let archive = |archive: &xiezhi_node::ArchiveStatus| wire::Archive {
        records: U64(archive.records),
        keep: archive.keep.map(U64),
        failing: archive.is_failing,
    };
    wire::Status {
        ledger: found.ledger.to_string(),
        name: names(&found.name),
        institution: found.institution.to_string(),
        following: found.following.as_ref().map(following),
        height: U64(found.height.0),
        time: found.time.rfc3339(),
        size: U64(found.size),
        sealed_size: U64(found.sealed_size),
        archive: found.archive.as_ref().map(archive),
        queued: U64(found.queued),
        live: found.live,
        seal_expires: found.seal_expires.map(TimestampMs::rfc3339),
        expiries: found.expiries.iter().map(expiry).collect(),
        sealing_problem: found.sealing_problem.clone(),
        voting: found.voting,
        unsealed_checkpoints: U64(found.unsealed_checkpoints),
        term: U64(found.term),
        next_term: found
            .next_term
            .map(|(number, from)| wire::NextTerm { number: U64(number), from: U64(from.0) }),
        institutions: found.institutions.iter().map(peer).collect(),
    }
}
