//! Heads of the log on the ledger, and proofs of entries against them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xiezhi_types::AccountId;

use super::{Vault, VaultError, signed, unsigned};
use crate::entry::{head, tree};

/// The proof that an entry is in a log whose head is on the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EntryProof {
    /// The entry, hexadecimal: the leaf.
    pub entry: String,
    /// Entries in the log of this head.
    pub size: u64,
    /// The leaf's path to the root, hexadecimal (RFC 9162, section 2.1.3).
    pub path: Vec<String>,
    /// The head.
    pub head: String,
    /// The certificate of the head's record, hexadecimal.
    pub certificate: String,
}

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
}
