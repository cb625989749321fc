//! Passkeys in the office's database: by the digest of the credential's id, whose they are.

use xiezhi_crypto::sha256;
use xiezhi_database::DatabaseError;
use xiezhi_session::passkey::Passkey;
use xiezhi_types::TimestampMs;

use super::{Desk, ms};

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
}
