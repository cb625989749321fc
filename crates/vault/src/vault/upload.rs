//! An upload that goes on: what one request writes, and what is durable of it.

use std::sync::{Arc, PoisonError};

use xiezhi_types::{AccountId, TimestampMs};
use zeroize::Zeroizing;

use super::{Kept, Vault, VaultError, originals::Writer, random, signed};
use crate::envelope::{Envelope, SEGMENT_BYTES};

/// Segments after which an upload is made durable.
const DURABLE_EVERY: u64 = 256;

/// An upload that one request writes to; others are told to wait.
pub(crate) struct Upload {
    vault: Arc<Vault>,
    row: Kept,
    envelope: Envelope,
    writer: Writer,
    number: u64,
    buffer: Zeroizing<Vec<u8>>,
    _held: Held,
}

/// An exhibit that one request works on, until it is dropped.
pub(super) struct Held(Arc<Vault>, String);

impl Held {
    pub(super) fn take(vault: &Arc<Vault>, id: &str) -> Result<Self, VaultError> {
        let mut busy = vault.busy.lock().unwrap_or_else(PoisonError::into_inner);
        if busy.insert(id.to_owned()) {
            Ok(Self(vault.clone(), id.to_owned()))
        } else {
            Err(VaultError::Busy)
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

impl Upload {
    fn offset(&self) -> u64 {
        // The last segment may be shorter.
        (self.number * SEGMENT_BYTES as u64).min(self.row.size) + self.buffer.len() as u64
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`VaultError::Field`] beyond the size that was announced; what came before is kept.
    pub(crate) async fn write(&mut self, mut bytes: &[u8]) -> Result<(), VaultError> {
        while !bytes.is_empty() {
            let room = self.envelope.plain_bytes(self.number) - self.buffer.len();
            if room == 0 {
                return Err(VaultError::Field { field: "body", rule: "longer than the length announced" });
            }
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.buffer.extend_from_slice(now);
            bytes = later;
            if now.len() == room {
                let sealed = self.envelope.seal(self.number, &self.buffer, random()?);
                if let Err(error) = self.writer.write(&sealed).await {
                    // As if the last bytes had not come: a full segment is no beginning.
                    let before = self.buffer.len() - now.len();
                    self.buffer.truncate(before);
                    return Err(error);
                }
                self.number += 1;
                self.buffer.clear();
                if self.number.is_multiple_of(DURABLE_EVERY) {
                    self.keep().await?;
                }
            }
        }
        Ok(())
    }

    /// Makes durable what was taken so far; how far the upload is.
    pub(crate) async fn keep(&mut self) -> Result<u64, VaultError> {
        self.writer.keep().await?;
        let tail = match self.buffer.as_slice() {
            [] => None,
            some => Some(self.envelope.seal(self.number, some, random()?)),
        };
        let sql = "UPDATE vault_exhibits SET segments = $1, tail = $2 WHERE id = $3 AND state = 'uploading'";
        let values = vec![signed(self.number).into(), tail.into(), self.row.id.as_str().into()];
        match self.vault.database.execute(sql, values).await? {
            1 => Ok(self.offset()),
            // Given up meanwhile: what was written since is deleted too.
            _ => self.vault.originals.delete(&self.row.id).await.and(Err(VaultError::NotFound)),
        }
    }

    /// Whether all of it is there.
    pub(crate) fn is_complete(&self) -> bool {
        self.offset() == self.row.size
    }

    /// Reads it back from its place and compares it with its record.
    pub(crate) async fn finish(self, now: TimestampMs) -> Result<(), VaultError> {
        self.vault.finish(&self.row, now).await
    }
}

impl Vault {
    /// Goes on with the upload of `id` at `offset`.
    ///
    /// # Errors
    /// [`VaultError::Offset`], [`VaultError::Busy`], [`VaultError::Exists`].
    pub(crate) async fn resume(
        self: &Arc<Self>,
        id: &str,
        owner: &AccountId,
        offset: u64,
    ) -> Result<Upload, VaultError> {
        let held = Held::take(self, id)?;
        let mut row = self.owned(id, owner).await?;
        match row.state.as_str() {
            "uploading" => {}
            "whole" => return Err(VaultError::Exists),
            _ => return Err(VaultError::Erased),
        }
        let key = self.key(&row).await?;
        let envelope = Envelope::new(&key, row.exhibit(), row.size);
        let buffer = match row.tail.take() {
            Some(sealed) => envelope.open_beginning(row.segments, &sealed),
            None => Ok(Zeroizing::default()),
        };
        let buffer = buffer.map_err(|_| VaultError::Internal("the beginning of a segment does not open"))?;
        let writer = self.originals.append(id, row.size, row.segments).await?;
        let number = row.segments;
        let upload = Upload { vault: self.clone(), row, envelope, writer, number, buffer, _held: held };
        if upload.offset() != offset {
            return Err(VaultError::Offset { offset: upload.offset() });
        }
        Ok(upload)
    }
}
