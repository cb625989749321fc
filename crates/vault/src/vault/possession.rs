//! Answers to challenges: the segments that a nonce chose, read from their place at this moment.

use std::sync::Arc;

use xiezhi_merkle::{Hash, Sha256, Tree};
use xiezhi_types::{AccountId, TimestampMs};

use super::{Finding, Vault, VaultError, audits::each_segment, signed, upload::Held};
use crate::{
    entry::Happening,
    envelope::{Envelope, segments},
    possession::{ChosenSegment, Possession, answer, chosen},
};

impl Vault {
    /// Answers `reader`'s challenge of `id`, all of whose segments are read for it; without the certificate of the answer.
    ///
    /// # Errors
    /// [`VaultError::NotFound`] for who may not read; [`VaultError::NotOnLedger`] while the entry "stored" is under no head on the ledger;
    /// [`VaultError::Unwell`]; [`VaultError::Busy`].
    pub(crate) async fn possess(
        self: &Arc<Self>,
        vault: &AccountId,
        reader: &AccountId,
        id: &str,
        nonce: &[u8; 32],
        now: TimestampMs,
    ) -> Result<Possession, VaultError> {
        let row = self.row(id).await?;
        let mut open = self.database.begin().await?;
        Self::may_read(&mut open, &row, reader, now).await?;
        drop(open);
        row.check_whole()?;
        let _held = Held::take(self, id)?;
        let root: Hash = row.root.as_deref().and_then(|root| root.try_into().ok()).unwrap_or_default();
        let (stored, position) = self.stored(&row).await?;
        let entry = match self.proof_of(id, position).await {
            Err(VaultError::NotFound) => return Err(VaultError::NotOnLedger),
            other => other?,
        };
        let key = self.key(&row).await?;
        let envelope = Envelope::new(&key, row.exhibit(), row.size);
        let numbers = chosen(nonce, &row.exhibit(), segments(row.size));
        let (originals, own, size) = (self.originals.clone(), row.id.clone(), row.size);
        let read = tokio::task::spawn_blocking(move || {
            let mut shown = Vec::new();
            let leaves = each_segment(&originals, &own, &envelope, size, |number, sealed| {
                if numbers.binary_search(&number).is_ok() {
                    shown.push((number, hex::encode(sealed)));
                }
                true
            });
            leaves.map(|leaves| leaves.map(|leaves| (Tree::<Sha256>::new(&leaves), shown)))
        });
        let read = read.await.map_err(|_| VaultError::Internal("reading was cut off"))??;
        let (tree, shown) = read.map_err(VaultError::Unwell)?;
        if tree.root() != root {
            return Err(VaultError::Unwell(Finding::Damaged));
        }
        let with_path = |(number, sealed)| {
            let path = tree.inclusion(number).unwrap_or_default();
            ChosenSegment { number, sealed, path: path.iter().map(hex::encode).collect() }
        };
        Ok(Possession {
            answer: answer(vault, id, nonce, size, &root),
            certificate: String::new(),
            segments: shown.into_iter().map(with_path).collect(),
            stored: hex::encode(&*stored),
            entry,
        })
    }

    /// Salt and detail of the entry "stored" of an exhibit, and its position.
    async fn stored(&self, row: &super::Kept) -> Result<(zeroize::Zeroizing<Vec<u8>>, u64), VaultError> {
        let sql =
            "SELECT position, entry, detail FROM vault_entries WHERE exhibit = $1 ORDER BY position LIMIT $2";
        let rows = self.database.query(sql, vec![row.id.as_str().into(), signed(1).into()]).await?;
        let first = rows.first().ok_or(VaultError::Internal("an original without an entry"))?;
        let entry: crate::entry::Entry = xiezhi_types::from_canonical("entry", first.bytes(1)?)
            .map_err(|_| VaultError::Internal("an entry of another form"))?;
        if entry.what != Happening::Stored {
            return Err(VaultError::Internal("the first entry is another than stored"));
        }
        let place = format!("vault entry {}", entry.position);
        Ok((self.keys.unseal(&row.person, &place, first.bytes(2)?).await?, entry.position))
    }
}
