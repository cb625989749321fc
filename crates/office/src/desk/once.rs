//! Idempotency keys: the same request again is answered as the first time, and a key that was used for another one is refused.

use xiezhi_database::{DatabaseError, PersonId, Transaction};

use super::{Desk, DeskError};
use crate::policy::Session;

/// A request's key, and what it asks for, as a MAC under the person's key: it goes with the person's data.
pub(super) struct Once<'a> {
    owner: &'a str,
    key: &'a str,
    mac: [u8; 32],
}

/// Whether something was asked for before.
pub(super) enum Asked<'a> {
    /// Under the same key, of this application.
    Before(String),
    /// Not yet, or without a key.
    Now(Option<Once<'a>>),
}

impl Desk {
    /// What `session` asks for under `key`: `what`, of the application of `person`.
    ///
    /// # Errors
    /// [`DeskError::Reused`] if the key was used for something else.
    pub(super) async fn asked<'a>(
        &self,
        session: &'a Session,
        key: Option<&'a str>,
        person: &PersonId,
        what: &[u8],
    ) -> Result<Asked<'a>, DeskError> {
        let Some(key) = key else { return Ok(Asked::Now(None)) };
        let (owner, mac) = (session.principal.as_str(), self.keys.mac(person, what).await?);
        let sql = "SELECT application, mac FROM idempotency WHERE owner = $1 AND name = $2";
        match self.database.query(sql, vec![owner.into(), key.into()]).await?.first() {
            None => Ok(Asked::Now(Some(Once { owner, key, mac }))),
            Some(row) if row.bytes(1)? == mac => Ok(Asked::Before(row.text(0)?.to_owned())),
            Some(_) => Err(DeskError::Reused),
        }
    }
}

impl Once<'_> {
    /// Writes down, with the deed, that it is done.
    ///
    /// # Errors
    /// [`DeskError::Raced`] if somebody used the key at the same time.
    pub(super) async fn done(&self, open: &mut Transaction, application: &str) -> Result<(), DeskError> {
        let sql = "INSERT INTO idempotency (owner, name, application, mac) VALUES ($1, $2, $3, $4)";
        let values = vec![self.owner.into(), self.key.into(), application.into(), self.mac[..].into()];
        match open.execute(sql, values).await {
            Err(DatabaseError::Exists) => Err(DeskError::Raced),
            other => Ok(other.map(drop)?),
        }
    }
}
