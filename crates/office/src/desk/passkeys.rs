//! Passkeys in the office's database: by the digest of the credential's id, whose they are.

use xiezhi_crypto::sha256;
use xiezhi_database::DatabaseError;
use xiezhi_session::passkey::Passkey;
use xiezhi_types::TimestampMs;

use super::{Desk, DeskError, ms, time};

/// Most characters of a passkey's name.
const NAME_CHARS_MAX: usize = 60;

/// A passkey as its holder knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnPasskey {
    /// By which it is named and removed: SHA-256 of the credential's id, in hexadecimal.
    pub id: String,
    /// What its holder calls it; may be empty.
    pub name: String,
    /// When it was registered, RFC 3339.
    pub added: String,
}

fn name(credential: &[u8]) -> String {
    hex::encode(sha256(credential))
}

impl Desk {
    /// Whose passkey it is, and the passkey.
    pub(crate) async fn passkey(
        &self,
        credential: &[u8],
    ) -> Result<Option<(String, Passkey)>, DatabaseError> {
        let sql = "SELECT principal, public_key, counter FROM passkeys WHERE credential = $1";
        let rows = self.database.query(sql, vec![name(credential).into()]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let known = Passkey {
            credential: credential.to_vec(),
            public_key: row.bytes(1)?.to_vec(),
            counter: u32::try_from(row.int(2)?).unwrap_or(u32::MAX),
        };
        Ok(Some((row.text(0)?.to_owned(), known)))
    }

    /// Keeps a new one.
    pub(crate) async fn keep_passkey(
        &self,
        principal: &str,
        made: &Passkey,
        now: TimestampMs,
    ) -> Result<(), DatabaseError> {
        let sql = "INSERT INTO passkeys (credential, principal, public_key, counter, added_ms) \
            VALUES ($1, $2, $3, $4, $5)";
        let values = vec![
            name(&made.credential).into(),
            principal.into(),
            made.public_key.as_slice().into(),
            i64::from(made.counter).into(),
            ms(now),
        ];
        self.database.execute(sql, values).await.map(drop)
    }

    /// Remembers how far its authenticator has counted.
    pub(crate) async fn count_passkey(&self, credential: &[u8], counter: u32) -> Result<(), DatabaseError> {
        let sql = "UPDATE passkeys SET counter = $1 WHERE credential = $2";
        self.database.execute(sql, vec![i64::from(counter).into(), name(credential).into()]).await.map(drop)
    }

    /// Those of `principal`, oldest first.
    pub(crate) async fn passkeys(&self, principal: &str) -> Result<Vec<OwnPasskey>, DeskError> {
        let sql = "SELECT credential, name, added_ms FROM passkeys WHERE principal = $1 ORDER BY seq";
        let rows = self.database.query(sql, vec![principal.into()]).await?;
        let own = |row: &xiezhi_database::Row| {
            let (id, name) = (row.text(0)?.to_owned(), row.text(1)?.to_owned());
            Ok(OwnPasskey { id, name, added: time(row, 2)?.rfc3339() })
        };
        rows.iter().map(own).collect()
    }

    /// Calls one of `principal`'s something else; of what cannot be shown on one line nothing is kept, nor what is too long.
    pub(crate) async fn name_passkey(&self, principal: &str, id: &str, name: &str) -> Result<(), DeskError> {
        let name: String = name.trim().chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect();
        let sql = "UPDATE passkeys SET name = $1 WHERE credential = $2 AND principal = $3";
        let done = self.database.execute(sql, vec![name.into(), id.into(), principal.into()]).await?;
        if done == 1 { Ok(()) } else { Err(DeskError::NotFound) }
    }

    /// Removes one of `principal`'s; the last one only when that is meant.
    pub(crate) async fn remove_passkey(
        &self,
        principal: &str,
        id: &str,
        last_too: bool,
    ) -> Result<(), DeskError> {
        let known = self.passkeys(principal).await?;
        if !known.iter().any(|one| one.id == id) {
            return Err(DeskError::NotFound);
        }
        // Asked again within: two that are removed at the same time.
        let sql = "DELETE FROM passkeys WHERE credential = $1 AND principal = $2 \
            AND ($3 = 1 OR EXISTS (SELECT 1 FROM passkeys WHERE principal = $2 AND credential <> $1))";
        let values = vec![id.into(), principal.into(), i64::from(last_too).into()];
        let done = self.database.execute(sql, values).await?;
        if done == 1 { Ok(()) } else { Err(DeskError::LastPasskey) }
    }
}
