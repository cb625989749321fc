//! Certificates and receipts: everything that is known about a record, put into one file.

use xiezhi_crypto::{PublicKey, SignatureAlg};
use xiezhi_evidence::{
    AccountProof, BatchItem, BatchPlace, Certificate, Statement, TermLink,
    account::{PROVEN_VERSION, ProvenAccount},
};
use xiezhi_merkle::Tree as MerkleTree;
use xiezhi_store::{StoredRecord, TermChange, TreeKind};
use xiezhi_types::{AccountId, Height, InstitutionId, LogIndex};

use crate::{answer::unavailable, api::QueryError, collection::Collection, core::Core};

impl Core {
    /// The record and what is collected for its checkpoint, if that is sealed to policy.
    fn sealed(&self, index: LogIndex) -> Result<(StoredRecord, Collection), QueryError> {
        let record = self.stored_record(index)?;
        let collection = self.sealing.collection(self, record.height).map_err(unavailable)?;
        let collection = collection
            .ok_or_else(|| QueryError::NotFound { what: format!("checkpoint {}", record.height) })?;
        if !collection.missing.is_met() {
            return Err(QueryError::NotSealed(Box::new(self.status_of(index, &record)?)));
        }
        Ok((record, collection))
    }

    pub(crate) fn certificate(&self, index: LogIndex, item: Option<u32>) -> Result<Vec<u8>, QueryError> {
        match item {
            None => Ok(self.compose(index, None)?.0.encode()),
            Some(item) => Ok(self.item_certificates(index, item, 1)?.swap_remove(0)),
        }
    }

    /// Certificates of items `from` to `from + limit` of a batch, with one pass over it; at least one.
    pub(crate) fn item_certificates(
        &self,
        index: LogIndex,
        from: u32,
        limit: usize,
    ) -> Result<Vec<Vec<u8>>, QueryError> {
        let (mut certificate, count) = self.compose(index, Some(from))?;
        let items = self.store.items(index, count).map_err(unavailable)?;
        let leaves: Vec<_> = items.iter().map(|item| BatchItem::leaf(item)).collect();
        let tree = MerkleTree::<xiezhi_merkle::Sha256>::new(&leaves);
        let mut encoded = Vec::new();
        for at in (from..count).take(limit.max(1)) {
            let path = tree.inclusion(u64::from(at)).ok_or_else(|| unavailable("an item is missing"))?;
            certificate.batch = Some(BatchPlace { index: at, item: items[at as usize].clone(), path });
            encoded.push(certificate.encode());
        }
        Ok(encoded)
    }

    /// The record's certificate without a place in a batch, and how many items the record has; `item` must be one of them.
    fn compose(&self, index: LogIndex, item: Option<u32>) -> Result<(Certificate, u32), QueryError> {
        let (record, collection) = self.sealed(index)?;
        if item.is_some_and(|item| item >= record.items) {
            let reason = match record.items {
                0 => "the record is no batch".to_owned(),
                items => format!("the batch has {items} items, from 0"),
            };
            return Err(QueryError::Range { field: "item", reason });
        }
        let statement = Statement::parse(&record.statement).map_err(unavailable)?;
        let prove = |id: &AccountId| match self.store.prove_account(id, collection.stored.state) {
            Ok((Some(account), proof)) => Ok(AccountProof { account, proof }),
            Ok((None, _)) => Err(unavailable(format!("account {id} is not in the state"))),
            Err(error) => Err(unavailable(error)),
        };
        let account = prove(&statement.claims().issuer)?;
        let grantor = statement.claims().grantor.as_ref().map(prove).transpose()?;
        let size = collection.stored.checkpoint.size.0;
        let path = |tree| self.store.inclusion_path(tree, index.0, size).map_err(unavailable);
        let history = self.history(record.height)?;
        let choice = self.choose(&collection);
        let certificate = Certificate {
            version: Certificate::version_of(&history, grantor.as_ref()),
            genesis: self.genesis_bytes.clone(),
            history,
            index,
            batch: None,
            manifest: None,
            account,
            path_sha256: path(TreeKind::Sha256)?,
            path_sm3: path(TreeKind::Sm3)?,
            statement: record.statement,
            checkpoint: collection.stored.checkpoint,
            seals: choice.seals.clone(),
            timestamps: collection.stamps,
            revocations: choice.lists.clone(),
            grantor,
        };
        Ok((certificate, record.items))
    }

    /// The encoded links that lead from the genesis to the term of the block at `height`.
    fn history(&self, height: Height) -> Result<Vec<Vec<u8>>, QueryError> {
        let number = self.store.term_at(height).number;
        self.links(self.store.term_changes(number).map_err(unavailable)?)
    }

    /// The encoded links of these changes, each of which must be sealed.
    pub(crate) fn links(&self, changes: Vec<TermChange>) -> Result<Vec<Vec<u8>>, QueryError> {
        let mut links = Vec::new();
        for change in changes {
            let collection = self.sealing.collection(self, change.height).map_err(unavailable)?;
            // A term does not begin before the checkpoint that decided it is sealed, unless this node has not heard of the seals yet.
            let collection = collection.filter(|collection| collection.missing.is_met());
            let collection = collection.ok_or_else(|| unavailable("a term's decision is not sealed yet"))?;
            let choice = self.choose(&collection);
            let link = TermLink {
                checkpoint: collection.stored.checkpoint,
                seals: choice.seals.clone(),
                timestamps: collection.stamps,
                revocations: choice.lists.clone(),
                alliance: change.alliance,
                proof: change.proof,
            };
            links.push(link.encode());
        }
        Ok(links)
    }

    /// The proof of how the account stood after the last block at or below `height` that added records; sealed ones only.
    pub(crate) fn account_proof(&self, id: AccountId, height: Option<Height>) -> Result<Vec<u8>, QueryError> {
        let latest = self.latest_sealed()?.checkpoint.height;
        let below = height.map_or(latest, |height| height.min(latest));
        self.kept_from(below)?;
        let stored = self.store.checkpoint_at_most(below).map_err(unavailable)?;
        let none = || QueryError::NotFound { what: format!("a checkpoint at or below height {below}") };
        let height = stored.ok_or_else(none)?.checkpoint.height;
        let collection = self.sealing.collection(self, height).map_err(unavailable)?.ok_or_else(none)?;
        if !collection.missing.is_met() {
            return Err(unavailable(format!("checkpoint {height} is not sealed yet")));
        }
        let proven = self.store.prove_account(&id, collection.stored.state).map_err(unavailable)?;
        let (account, proof) = proven;
        let choice = self.choose(&collection);
        let proven = ProvenAccount {
            kind: ProvenAccount::kind(),
            version: PROVEN_VERSION,
            genesis: self.genesis_bytes.clone(),
            history: self.history(height)?,
            id,
            account,
            proof,
            checkpoint: collection.stored.checkpoint,
            seals: choice.seals.clone(),
            timestamps: collection.stamps,
            revocations: choice.lists.clone(),
        };
        Ok(proven.encode())
    }

    pub(crate) fn receipts(&self, index: LogIndex) -> Result<Vec<(InstitutionId, Vec<u8>)>, QueryError> {
        let (_, collection) = self.sealed(index)?;
        let checkpoint = &collection.stored.checkpoint;
        let path = self.store.inclusion_path(TreeKind::Sha256, index.0, checkpoint.size.0);
        let path = path.map_err(unavailable)?;
        let term = self.store.term_at(checkpoint.height);
        let mut receipts = Vec::new();
        for certified in &collection.seals {
            let institution = &certified.seal.institution;
            let Some(known) = term.member(institution) else { continue };
            let key =
                PublicKey::new(SignatureAlg::Ed25519, &known.institution.seal_key).map_err(unavailable)?;
            receipts
                .push((institution.clone(), certified.seal.receipt(checkpoint, key.id(), index.0, &path)));
        }
        Ok(receipts)
    }
}
