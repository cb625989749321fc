//! Answers to questions about the ledger.

use xiezhi_evidence::{CertifiedSeal, alliance::MemberStatus, seal::note_keys};
use xiezhi_note::{Cosignature, NoteSignature, SignedNote};
use xiezhi_store::{Found, Search, StoreError, StoredRecord, TreeKind};
use xiezhi_types::{Height, InstitutionId, LogIndex, StatementId, TimestampMs};

use crate::{
    api::{
        AccountView, Hit, NodeStatus, PeerStatus, Query, QueryError, Record, RecordStatus, SealedCheckpoint,
        Tree,
    },
    collection::Collection,
    core::{Core, lock},
    expiry::{ExpiryKind, expiries},
    join::not_kept,
};

/// An institution is in reach when it was heard within this time, in milliseconds.
const IN_REACH_MS: u64 = 5_000;

pub(crate) fn unavailable(error: impl ToString) -> QueryError {
    QueryError::Unavailable { reason: error.to_string() }
}

/// The store's failure, for whoever asked: that something is in the archive and does not come is theirs to know, where that is, is not.
pub(crate) fn unread(error: StoreError) -> QueryError {
    match error {
        StoreError::Archive { what, reason } => {
            tracing::warn!(what, reason, "the archive does not give what is in it");
            QueryError::Archive { what }
        }
        error => unavailable(error),
    }
}

fn kind(tree: Tree) -> TreeKind {
    match tree {
        Tree::Sha256 => TreeKind::Sha256,
        Tree::Sm3 => TreeKind::Sm3,
    }
}

impl Core {
    pub(crate) fn stored_record(&self, index: LogIndex) -> Result<StoredRecord, QueryError> {
        let record = self.store.record(index).map_err(unread)?;
        record.ok_or_else(|| match self.store.base() {
            Some(base) if index.0 < base.size.0 => not_kept(base),
            _ => QueryError::NotFound { what: format!("record {index}") },
        })
    }

    pub(crate) fn status_of(
        &self,
        index: LogIndex,
        record: &StoredRecord,
    ) -> Result<RecordStatus, QueryError> {
        let statement = xiezhi_evidence::Statement::parse(&record.statement).map_err(unavailable)?;
        let progress = self.sealing.progress(self, record.height).map_err(unavailable)?;
        let (sealed_by, timestamps, missing) =
            progress.ok_or_else(|| unavailable(format!("checkpoint {} is missing", record.height)))?;
        Ok(RecordStatus {
            id: statement.id(),
            index,
            height: record.height,
            time: record.time,
            items: record.items,
            sealed_by,
            timestamps,
            missing,
        })
    }

    pub(crate) fn index_status(&self, index: LogIndex) -> Result<RecordStatus, QueryError> {
        self.status_of(index, &self.stored_record(index)?)
    }

    pub(crate) fn index_of(&self, id: &StatementId) -> Result<LogIndex, QueryError> {
        let index = self.store.index_of(id).map_err(unavailable)?;
        index.ok_or_else(|| match self.store.base() {
            Some(base) => not_kept(base),
            None => QueryError::NotFound { what: format!("statement {id}") },
        })
    }

    pub(crate) fn record(&self, index: LogIndex) -> Result<Record, QueryError> {
        let StoredRecord { height, time, items, statement } = self.stored_record(index)?;
        Ok(Record { index, height, time, statement, items })
    }

    pub(crate) fn item(&self, index: LogIndex, item: u32) -> Result<Vec<u8>, QueryError> {
        let items = self.stored_record(index)?.items;
        let found = self.store.item(index, item, items).map_err(unread)?;
        found.ok_or_else(|| QueryError::NotFound { what: format!("item {item} of record {index}") })
    }

    pub(crate) fn find(
        &self,
        query: &Query,
        after: Option<Hit>,
        limit: usize,
    ) -> Result<Vec<Hit>, QueryError> {
        let search = match query {
            Query::Digest(digest) => Search::Digest(*digest),
            Query::Account(account) => Search::Account(*account),
            Query::Group(group) => Search::Group(*group),
            Query::All => {
                let from = after.map_or(0, |hit| hit.index.0.saturating_add(1));
                if let Some(base) = self.store.base().filter(|base| from < base.size.0) {
                    return Err(not_kept(base));
                }
                let all = from..self.store.tip().size.0;
                return Ok(all.take(limit).map(|index| Hit { index: LogIndex(index), item: None }).collect());
            }
        };
        // An answer that leaves out what is before the snapshot would be taken for all that there is.
        if let Some(base) = self.store.base() {
            return Err(not_kept(base));
        }
        let after = after.map(|hit| Found { index: hit.index, item: hit.item });
        let found = self.store.search(&search, after, limit).map_err(unavailable)?;
        Ok(found.into_iter().map(|found| Hit { index: found.index, item: found.item }).collect())
    }

    pub(crate) fn inclusion(
        &self,
        tree: Tree,
        index: LogIndex,
        size: Option<u64>,
    ) -> Result<(u64, Vec<[u8; 32]>), QueryError> {
        let tip = self.store.tip().size.0;
        let size = size.unwrap_or(tip);
        if size > tip {
            return Err(QueryError::Range {
                field: "size",
                reason: format!("{size}, the log has {tip} records"),
            });
        }
        if index.0 >= size {
            return Err(QueryError::Range {
                field: "index",
                reason: format!("{index} is not in a tree of {size}"),
            });
        }
        Ok((size, self.store.inclusion_path(kind(tree), index.0, size).map_err(unread)?))
    }

    pub(crate) fn consistency(&self, tree: Tree, old: u64, new: u64) -> Result<Vec<[u8; 32]>, QueryError> {
        let tip = self.store.tip().size.0;
        if new > tip {
            return Err(QueryError::Range {
                field: "new",
                reason: format!("{new}, the log has {tip} records"),
            });
        }
        if old > new {
            return Err(QueryError::Range { field: "old", reason: format!("{old} is more than {new}") });
        }
        self.store.consistency_path(kind(tree), old, new).map_err(unread)
    }

    pub(crate) fn sealed_checkpoint(&self, height: Height) -> Result<SealedCheckpoint, QueryError> {
        let collection = self.sealing.collection(self, height).map_err(unavailable)?;
        if collection.is_none() {
            self.kept_from(height)?;
        }
        let collection =
            collection.ok_or_else(|| QueryError::NotFound { what: format!("checkpoint {height}") })?;
        let Collection { stored, seals, stamps, missing } = collection;
        Ok(SealedCheckpoint { checkpoint: stored.checkpoint, seals, timestamps: stamps, missing })
    }

    pub(crate) fn latest_sealed(&self) -> Result<SealedCheckpoint, QueryError> {
        let latest = self.sealing.latest();
        let latest = latest.ok_or_else(|| QueryError::NotFound { what: "a sealed checkpoint".to_owned() })?;
        self.sealed_checkpoint(latest.height)
    }

    pub(crate) fn checkpoints(
        &self,
        after: Height,
        limit: usize,
    ) -> Result<Vec<SealedCheckpoint>, QueryError> {
        self.kept_from(Height(after.0.saturating_add(1)))?;
        let stored = self.store.checkpoints_after(after, limit).map_err(unavailable)?;
        stored.into_iter().map(|one| self.sealed_checkpoint(one.checkpoint.height)).collect()
    }

    /// The newest sealed checkpoint as a note: this institution's log signature first, if it has sealed, then everybody's cosignatures.
    pub(crate) fn checkpoint_note(&self) -> Result<String, QueryError> {
        let sealed = self.latest_sealed()?;
        let body = sealed.checkpoint.note_body(&self.origin).map_err(unavailable)?.to_string();
        let height = sealed.checkpoint.height;
        let mut lines = Vec::new();
        let own = sealed.seals.iter().find(|s| s.seal.institution == self.institution);
        // An observer has no log signature of its own: the first institution's stands there.
        if let Some(certified) = own.or(sealed.seals.first()) {
            let (log, _) = self.note_keys(certified, height)?;
            lines.push(NoteSignature::by(&log, certified.seal.log.to_vec()).map_err(unavailable)?);
        }
        for certified in &sealed.seals {
            let (_, witness) = self.note_keys(certified, height)?;
            let cosignature =
                Cosignature::new(certified.seal.time, certified.seal.cosignature).map_err(unavailable)?;
            lines.push(NoteSignature::by(&witness, cosignature.to_bytes().to_vec()).map_err(unavailable)?);
        }
        Ok(SignedNote::new(body, lines).map_err(unavailable)?.to_string())
    }

    fn note_keys(
        &self,
        certified: &CertifiedSeal,
        height: Height,
    ) -> Result<(xiezhi_note::VerifierKey, xiezhi_note::VerifierKey), QueryError> {
        let institution = &certified.seal.institution;
        let term = self.store.term_at(height);
        let known = term.member(institution).ok_or_else(|| unavailable("unknown institution"))?;
        note_keys(&self.origin, institution, known.institution.seal_key)
            .ok_or_else(|| unavailable("no note key"))
    }

    pub(crate) fn tile(&self, tree: Tree, level: u8, index: u64, width: u16) -> Result<Vec<u8>, QueryError> {
        let what = || QueryError::NotFound { what: format!("tile {level}/{index} of width {width}") };
        let size = self.store.tip().size.0;
        let hashes = if level >= 8 { 0 } else { size >> (8 * u32::from(level)) };
        let first = index.checked_mul(256).ok_or_else(what)?;
        if width == 0 || width > 256 || first.checked_add(u64::from(width)).is_none_or(|end| end > hashes) {
            return Err(what());
        }
        self.store.tile(kind(tree), level, index, width).map_err(unread)
    }

    pub(crate) fn entries(&self, index: u64, width: u16) -> Result<Vec<u8>, QueryError> {
        let what = || QueryError::NotFound { what: format!("entry bundle {index} of width {width}") };
        let first = index.checked_mul(256).ok_or_else(what)?;
        let end = first.checked_add(u64::from(width)).filter(|end| *end <= self.store.tip().size.0);
        if width == 0 || width > 256 || end.is_none() {
            return Err(what());
        }
        let mut bundle = Vec::new();
        for at in first..first + u64::from(width) {
            let record = self.stored_record(LogIndex(at))?;
            xiezhi_merkle::push_entry(&mut bundle, &record.statement).map_err(unavailable)?;
        }
        Ok(bundle)
    }

    pub(crate) fn account_view(&self, id: &xiezhi_types::AccountId) -> Result<AccountView, QueryError> {
        let (height, time) = (self.store.tip().height, self.store.tip().time);
        let account = self.store.account(id).map_err(unavailable)?;
        let account = account.ok_or_else(|| QueryError::NotFound { what: format!("account {id}") })?;
        Ok(AccountView { account, height, time })
    }

    pub(crate) fn in_reach(&self, institution: &InstitutionId) -> bool {
        let clock = self.machine.now().0;
        *institution == self.institution
            || self.heard(institution).is_some_and(|heard| heard.0 + IN_REACH_MS >= clock)
    }

    /// Whether enough institutions are in reach to agree on blocks; at an observer, whether an upstream answers.
    pub(crate) fn is_live(&self) -> bool {
        if let Some(following) = self.following() {
            return following.answered.is_some_and(|at| at.0 + IN_REACH_MS >= self.machine.now().0);
        }
        let term = self.store.term_at(self.next_height());
        term.institutions().iter().filter(|i| self.in_reach(&i.id)).count() >= term.quorum()
    }

    /// Names of the institutions that are out of reach.
    pub(crate) fn out_of_reach(&self) -> Vec<String> {
        let all = self.store.term_at(self.next_height()).institutions();
        let away = all.iter().filter(|i| !self.in_reach(&i.id));
        away.map(|i| i.id.to_string()).collect()
    }

    /// When the first of the certificates behind this node's seals expires.
    pub(crate) fn seal_expires(&self) -> Option<TimestampMs> {
        lock(&self.sealing.known).get(ExpiryKind::SealCertificate, self.institution.as_str())
    }

    pub(crate) fn status(&self) -> NodeStatus {
        let tip = self.store.tip();
        let term = self.store.term_at(self.next_height());
        let next = self.store.alliance().next.clone().filter(|next| next.number > term.number);
        let peers = term.members.iter().map(|member| (&member.institution, member.status));
        let institutions = peers.map(|(i, status)| PeerStatus {
            suspended: status == MemberStatus::Suspended,
            institution: i.id.clone(),
            role: i.role,
            name: (i.name.zh.clone(), i.name.en.clone()),
            this: i.id == self.institution,
            sealed_height: self.sealing.sealed_height(&i.id),
            heard: self.heard(&i.id),
        });
        NodeStatus {
            ledger: self.ledger,
            name: (self.genesis.name.zh.clone(), self.genesis.name.en.clone()),
            institution: self.institution.clone(),
            following: self.following(),
            height: tip.height,
            time: tip.time,
            size: tip.size.0,
            sealed_size: self.sealing.latest().map_or(0, |checkpoint| checkpoint.size.0),
            archive: self.archive_status(),
            queued: lock(&self.mempool).len() as u64,
            seal_expires: self.seal_expires(),
            expiries: expiries(self),
            sealing_problem: self.sealing.problem(),
            live: self.is_live(),
            voting: self.handle().is_some_and(|handle| handle.is_voting()),
            unsealed_checkpoints: self.sealing.waiting() as u64,
            term: term.number,
            next_term: next.map(|next| (next.number, next.from)),
            institutions: institutions.collect(),
        }
    }
}
