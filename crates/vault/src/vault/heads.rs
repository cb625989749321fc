//! Heads of the log on the ledger, and proofs of entries against them.

use xiezhi_types::{AccountId, from_canonical};
use xiezhi_vault_log::{
    CustodyLog, EntryProof,
    custody::{CustodyEntry, FORMAT},
};

use super::{LIST_MAX, Vault, VaultError, signed, unsigned};
use crate::entry::{head, tree};

impl Vault {
    /// The log's head that belongs on the ledger; `None` when the last one there is of the same size.
    ///
    /// # Errors
    /// [`VaultError`].
    pub async fn new_head(&self, vault: &AccountId) -> Result<Option<(u64, Vec<u8>)>, VaultError> {
        let rows = self.database.query("SELECT COALESCE(MAX(size), 0) FROM vault_heads", Vec::new()).await?;
        let known = unsigned(rows.first().ok_or(VaultError::Internal("no maximum"))?.int(0)?);
        let rows =
            self.database.query("SELECT entry FROM vault_entries ORDER BY position", Vec::new()).await?;
        let entries = rows.iter().map(|row| row.bytes(0)).collect::<Result<Vec<_>, _>>()?;
        let size = entries.len() as u64;
        let root = tree(entries).root();
        Ok((size > known).then(|| (size, head(vault, size, &root))))
    }

    /// Keeps the certificate of a head that is on the ledger.
    ///
    /// # Errors
    /// [`VaultError::Database`].
    pub async fn keep_head(&self, size: u64, head: &[u8], certificate: &[u8]) -> Result<(), VaultError> {
        let sql = "INSERT INTO vault_heads (size, head, certificate) VALUES ($1, $2, $3) ON CONFLICT (size) DO NOTHING";
        self.database.execute(sql, vec![signed(size).into(), head.into(), certificate.into()]).await?;
        Ok(())
    }

    /// The proof that the entry at `position` is in a log whose head is on the ledger; for the exhibit's owner.
    ///
    /// # Errors
    /// [`VaultError::NotFound`], also while no such head is on the ledger yet.
    pub async fn proof(&self, owner: &AccountId, id: &str, position: u64) -> Result<EntryProof, VaultError> {
        self.owned(id, owner).await?;
        self.proof_of(id, position).await
    }

    /// As [`Vault::proof`], for whoever may have it.
    pub(super) async fn proof_of(&self, id: &str, position: u64) -> Result<EntryProof, VaultError> {
        let sql = "SELECT size, head, certificate FROM vault_heads WHERE size > $1 ORDER BY size LIMIT 1";
        let heads = self.database.query(sql, vec![signed(position).into()]).await?;
        let found = heads.first().ok_or(VaultError::NotFound)?;
        let sql = "SELECT entry, exhibit FROM vault_entries WHERE position < $1 ORDER BY position";
        let rows = self.database.query(sql, vec![found.int(0)?.into()]).await?;
        let at = usize::try_from(position).unwrap_or(usize::MAX);
        let own = rows.get(at).ok_or(VaultError::NotFound)?;
        if own.text(1)? != id {
            return Err(VaultError::NotFound);
        }
        let entries = rows.iter().map(|row| row.bytes(0)).collect::<Result<Vec<_>, _>>()?;
        let path = tree(entries).inclusion(position).ok_or(VaultError::NotFound)?;
        Ok(EntryProof {
            entry: hex::encode(own.bytes(0)?),
            size: unsigned(found.int(0)?),
            path: path.iter().map(hex::encode).collect(),
            head: String::from_utf8_lossy(found.bytes(1)?).into_owned(),
            certificate: hex::encode(found.bytes(2)?),
        })
    }

    /// What happened to the exhibit, with the proofs, up to the last head on the ledger; for its owner. With at most 1000 entries.
    ///
    /// # Errors
    /// [`VaultError::NotFound`]; [`VaultError::NotOnLedger`] while no head is there; [`VaultError::Field`] where there are more entries.
    pub async fn custody(&self, owner: &AccountId, id: &str) -> Result<CustodyLog, VaultError> {
        let row = self.owned(id, owner).await?;
        let sql = "SELECT size, head, certificate FROM vault_heads ORDER BY size DESC LIMIT 1";
        let heads = self.database.query(sql, Vec::new()).await?;
        let last = heads.first().ok_or(VaultError::NotOnLedger)?;
        let sql = "SELECT entry FROM vault_entries WHERE position < $1 ORDER BY position";
        let rows = self.database.query(sql, vec![last.int(0)?.into()]).await?;
        let leaves = rows.iter().map(|row| row.bytes(0)).collect::<Result<Vec<_>, _>>()?;
        let log = tree(leaves.iter().copied());

        let [all, group] = row.scopes();
        let sql = "SELECT position, detail, exhibit FROM vault_entries WHERE exhibit IN ($1, $2, $3) AND position < $4 \
            ORDER BY position LIMIT $5";
        let values = vec![id.into(), all.into(), group.into(), last.int(0)?.into(), (LIST_MAX + 1).into()];
        let own = self.database.query(sql, values).await?;
        if own.len() as i64 > LIST_MAX {
            return Err(VaultError::Field {
                field: "exhibit",
                rule: "at most 1000 entries are given in one file",
            });
        }
        let mut entries = Vec::new();
        for one in own {
            let position = unsigned(one.int(0)?);
            let leaf = leaves.get(one.int(0)? as usize).ok_or(VaultError::Internal("positions with gaps"))?;
            let path = log.inclusion(position).ok_or(VaultError::Internal("an entry without a path"))?;
            let entry = from_canonical("entry", leaf);
            let entry = entry.map_err(|_| VaultError::Internal("an entry of another form"))?;
            let person = (one.text(2)? == row.id).then(|| row.person.clone());
            let opened = self.opened(&entry, one.bytes(1)?, one.text(2)?, person).await?;
            entries.push(CustodyEntry {
                detail: opened.map(|opened| hex::encode(&*opened)),
                entry: hex::encode(leaf),
                path: path.iter().map(hex::encode).collect(),
            });
        }
        let mut audits = self.audits(owner, id).await?;
        audits.retain(|audit| audit.certificate.is_some());
        audits.reverse();
        Ok(CustodyLog {
            audits,
            certificate: hex::encode(last.bytes(2)?),
            entries,
            exhibit: row.id,
            format: FORMAT.to_owned(),
            head: String::from_utf8_lossy(last.bytes(1)?).into_owned(),
        })
    }
}
