//! Grants, reads, and what the owner sees of them.

use bytes::Bytes;
use serde_json::{Value as Json, json};
use xiezhi_crypto::PublicKey;
use xiezhi_database::{DatabaseError, PersonId, PersonKeyError, Row, Transaction, Value};
use xiezhi_types::{AccountId, TimestampMs, from_canonical};
use xiezhi_vault_log::scope_id;
use zeroize::Zeroizing;

use super::{
    Granted, Kept, LIST_MAX, Logged, Opened, Own, Readable, Subject, Vault, VaultError, check_text,
    originals::PART_SEGMENTS, random, signed, unsigned,
};
use crate::{
    entry::{Entry, Happening},
    envelope::{EnvelopeError, hand_over, segments},
};

/// What is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of<'a> {
    /// The exhibit with this id.
    Exhibit(&'a str),
    /// All of the owner's, also those that are still to come; or, with a group, those whose records are of it.
    All {
        /// The group, 32 hexadecimal digits.
        group: Option<&'a str>,
    },
}

impl Vault {
    /// `of`, and whose key seals what is said of it.
    async fn subject(&self, owner: &AccountId, of: Of<'_>) -> Result<Subject, VaultError> {
        let group = match of {
            Of::Exhibit(id) => {
                let row = self.owned(id, owner).await?;
                row.check_whole()?;
                return Ok(row.subject());
            }
            Of::All { group } => group,
        };
        if group.is_some_and(|group| group.len() != 32 || hex::decode(group).is_err()) {
            return Err(VaultError::Field { field: "group", rule: "32 hexadecimal digits" });
        }
        let owner = owner.to_string();
        let id = scope_id(&owner, group);
        Ok(Subject { person: self.scope_key(&id).await?, id, owner })
    }

    async fn scope_key(&self, id: &str) -> Result<PersonId, VaultError> {
        Ok(self.keys.person(&["scope", id]).await?)
    }

    /// Grants `grantee` to read `of` until `expires`; the grant's id.
    ///
    /// # Errors
    /// [`VaultError::Field`], [`VaultError::NotFound`], [`VaultError::NotWhole`], [`VaultError::Erased`].
    #[expect(
        clippy::too_many_arguments,
        reason = "each is another thing, and a struct of them would be used once"
    )]
    pub async fn grant(
        &self,
        owner: &AccountId,
        of: Of<'_>,
        grantee: &AccountId,
        purpose: &str,
        case: Option<&str>,
        expires: TimestampMs,
        now: TimestampMs,
    ) -> Result<String, VaultError> {
        check_text("purpose", purpose)?;
        case.map_or(Ok(()), |case| check_text("case", case))?;
        if expires <= now {
            return Err(VaultError::Field { field: "expires", rule: "it is over already" });
        }
        let about = self.subject(owner, of).await?;
        let (whose, group) = match of {
            Of::Exhibit(_) => (None, None),
            Of::All { group } => (Some(about.owner.as_str()), group),
        };
        let grant = hex::encode(random::<16>()?);
        let detail = json!({ "grant": grant, "grantee": grantee.to_string(), "purpose": purpose, "case": case, "expires": expires.rfc3339() });
        let sealed = self
            .keys
            .seal(&about.person, &format!("vault grant {grant}"), detail.to_string().as_bytes())
            .await?;
        let mut open = self.database.begin().await?;
        let sql = "INSERT INTO vault_grants (id, exhibit, grantee, expires_ms, detail, owner, group_id) \
            VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let values = vec![
            grant.as_str().into(),
            about.id.as_str().into(),
            grantee.to_string().into(),
            signed(expires.0).into(),
            sealed.into(),
            whose.map(str::to_owned).into(),
            group.map(str::to_owned).into(),
        ];
        open.execute(sql, values).await?;
        self.enter(&mut open, &about, Happening::Granted, &about.owner, detail, now).await?;
        open.commit().await?;
        Ok(grant)
    }

    /// Ends a grant. Ending it twice is ending it once.
    ///
    /// # Errors
    /// [`VaultError::NotFound`].
    pub async fn revoke(
        &self,
        owner: &AccountId,
        of: Of<'_>,
        grant: &str,
        now: TimestampMs,
    ) -> Result<(), VaultError> {
        let about = self.subject(owner, of).await?;
        let mut open = self.database.begin().await?;
        let sql = "SELECT id FROM vault_grants WHERE id = $1 AND exhibit = $2";
        if open.query(sql, vec![grant.into(), about.id.as_str().into()]).await?.is_empty() {
            return Err(VaultError::NotFound);
        }
        let sql = "UPDATE vault_grants SET revoked_ms = $1 WHERE id = $2 AND revoked_ms IS NULL";
        if open.execute(sql, vec![signed(now.0).into(), grant.into()]).await? == 1 {
            let detail = json!({ "grant": grant });
            self.enter(&mut open, &about, Happening::Revoked, &about.owner, detail, now).await?;
            open.commit().await?;
        }
        Ok(())
    }

    /// The grants of `of`, for its owner.
    ///
    /// # Errors
    /// [`VaultError::NotFound`].
    pub async fn grants(&self, owner: &AccountId, of: Of<'_>) -> Result<Vec<Granted>, VaultError> {
        let about = match of {
            // Also of one that was erased.
            Of::Exhibit(id) => self.owned(id, owner).await?.subject(),
            scope => self.subject(owner, scope).await?,
        };
        let sql = "SELECT id, grantee, expires_ms, revoked_ms, detail FROM vault_grants WHERE exhibit = $1 LIMIT $2";
        let mut found = Vec::new();
        for grant in self.database.query(sql, vec![about.id.as_str().into(), LIST_MAX.into()]).await? {
            let name = grant.text(0)?.to_owned();
            let detail = self.detail(&about.person, &format!("vault grant {name}"), grant.bytes(4)?).await?;
            found.push(Granted {
                id: name,
                grantee: grant.text(1)?.to_owned(),
                expires: TimestampMs(unsigned(grant.int(2)?)).rfc3339(),
                revoked: grant.optional_int(3)?.map(|at| TimestampMs(unsigned(at)).rfc3339()),
                detail,
            });
        }
        Ok(found)
    }

    async fn detail(
        &self,
        person: &PersonId,
        place: &str,
        sealed: &[u8],
    ) -> Result<Option<Json>, VaultError> {
        match self.keys.unseal(person, place, sealed).await {
            Ok(plain) => Ok(serde_json::from_slice(&plain).ok()),
            Err(PersonKeyError::Erased) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether `reader` may read at `now`: the owner, or by a grant in force.
    pub(super) async fn may_read(
        open: &mut Transaction,
        row: &Kept,
        reader: &AccountId,
        now: TimestampMs,
    ) -> Result<Option<String>, VaultError> {
        if row.owner == reader.to_string() {
            return Ok(None);
        }
        let sql = "SELECT id FROM vault_grants WHERE exhibit IN ($1, $2, $3) AND grantee = $4 AND expires_ms > $5 \
            AND revoked_ms IS NULL ORDER BY id LIMIT 1";
        let [all, group] = row.scopes();
        let values = vec![
            row.id.as_str().into(),
            all.into(),
            group.into(),
            reader.to_string().into(),
            signed(now.0).into(),
        ];
        let rows = open.query(sql, values).await?;
        Ok(Some(rows.first().ok_or(VaultError::NotFound)?.text(0)?.to_owned()))
    }

    /// Opens `id` to `reader`, whose encryption key at present is `to`: the entry first, then the key.
    ///
    /// # Errors
    /// [`VaultError::NotFound`] without a grant in force; [`VaultError::EncryptionKey`].
    pub async fn read(
        &self,
        reader: &AccountId,
        id: &str,
        purpose: &str,
        to: &PublicKey,
        now: TimestampMs,
    ) -> Result<Opened, VaultError> {
        check_text("purpose", purpose)?;
        // Looked up within the transaction: an erasure comes before it or after it.
        let mut open = self.database.begin().await?;
        let row = self.row(id).await?;
        let grant = Self::may_read(&mut open, &row, reader, now).await?;
        row.check_whole()?;
        let key = self.key(&row).await?;
        let certificate = self.certificate(&row).await?;
        let handed = hand_over(&key, &row.exhibit(), reader, to)
            .map_err(|error: EnvelopeError| VaultError::EncryptionKey(error.to_string()))?;
        let detail = json!({ "grant": grant, "purpose": purpose, "to": to.id().to_string() });
        let entry =
            self.enter(&mut open, &row.subject(), Happening::Read, &reader.to_string(), detail, now).await?;
        open.commit().await?;
        let certificate = hex::encode(&*certificate);
        Ok(Opened { exhibit: row.id, size: row.size, key: hex::encode(handed), entry, certificate })
    }

    /// What `reader` may read of others at `now`, by grants in force: at most 1000, those that end first before the others.
    ///
    /// # Errors
    /// [`VaultError`].
    pub async fn granted(&self, reader: &AccountId, now: TimestampMs) -> Result<Vec<Readable>, VaultError> {
        // By exhibit, and by what the owner granted of all, or of a group.
        let sql = "SELECT g.id, e.id, g.expires_ms, g.detail, g.exhibit FROM vault_grants g JOIN vault_exhibits e \
            ON e.id = g.exhibit OR (e.owner = g.owner AND (g.group_id IS NULL OR g.group_id = e.group_id)) \
            WHERE g.grantee = $1 AND g.expires_ms > $2 AND g.revoked_ms IS NULL AND e.state = 'whole' \
            ORDER BY g.expires_ms, e.id LIMIT $3";
        let values = vec![reader.to_string().into(), signed(now.0).into(), LIST_MAX.into()];
        let mut found = Vec::new();
        for grant in self.database.query(sql, values).await? {
            let row = self.row(grant.text(1)?).await?;
            let person =
                if row.id == grant.text(4)? { row.person } else { self.scope_key(grant.text(4)?).await? };
            let place = format!("vault grant {}", grant.text(0)?);
            let detail = self.detail(&person, &place, grant.bytes(3)?).await?;
            let expires = TimestampMs(unsigned(grant.int(2)?)).rfc3339();
            found.push(Readable { exhibit: row.id, owner: row.owner, size: row.size, expires, detail });
        }
        Ok(found)
    }

    /// Sealed segments `from` and following, to the end of their part, at most [`PART_SEGMENTS`], for whoever may read; worthless without the key.
    ///
    /// # Errors
    /// [`VaultError::NotFound`], [`VaultError::Unwell`].
    pub(crate) async fn sealed(
        &self,
        reader: &AccountId,
        id: &str,
        from: u64,
        now: TimestampMs,
    ) -> Result<Bytes, VaultError> {
        let row = self.row(id).await?;
        let mut open = self.database.begin().await?;
        Self::may_read(&mut open, &row, reader, now).await?;
        drop(open);
        row.check_whole()?;
        let total = segments(row.size);
        if from >= total {
            return Err(VaultError::Field { field: "from", rule: "beyond the last segment" });
        }
        let until = total.min((from / PART_SEGMENTS + 1) * PART_SEGMENTS);
        self.originals.read(id, row.size, total, from..until).await?.map_err(VaultError::Unwell)
    }

    /// What happened to `of`, for its owner: at most 1000 entries from position `from`. Of a scope, also what happened to each exhibit in it.
    ///
    /// # Errors
    /// [`VaultError::NotFound`], [`VaultError::Field`].
    pub async fn entries(&self, owner: &AccountId, of: Of<'_>, from: u64) -> Result<Vec<Logged>, VaultError> {
        let (sql, values, own): (_, [Value; 3], _) = match of {
            Of::Exhibit(id) => {
                let row = self.owned(id, owner).await?;
                let [all, group] = row.scopes();
                let sql = "SELECT entry, detail, exhibit FROM vault_entries WHERE exhibit IN ($1, $2, $3) \
                    AND position >= $4 ORDER BY position LIMIT $5";
                (sql, [id.into(), all.into(), group.into()], Some(row))
            }
            Of::All { group } => {
                let about = self.subject(owner, of).await?;
                let sql = "SELECT entry, detail, exhibit FROM vault_entries WHERE (exhibit = $1 OR exhibit IN \
                    (SELECT id FROM vault_exhibits WHERE owner = $2 AND ($3 = '' OR group_id = $3))) \
                    AND position >= $4 ORDER BY position LIMIT $5";
                (sql, [about.id.into(), about.owner.into(), group.unwrap_or_default().into()], None)
            }
        };
        let values = values.into_iter().chain([signed(from).into(), LIST_MAX.into()]).collect();
        let mut found = Vec::new();
        for one in self.database.query(sql, values).await? {
            let entry: Entry = from_canonical("entry", one.bytes(0)?)
                .map_err(|_| VaultError::Internal("an entry of another form"))?;
            let about = one.text(2)?;
            let person = match &own {
                Some(row) if row.id == about => Some(row.person.clone()),
                Some(_) => None,
                None => self.row(about).await.ok().map(|row| row.person),
            };
            let wide = person.is_none();
            let opened = self.opened(&entry, one.bytes(1)?, about, person).await?;
            let detail = opened.and_then(|salted| serde_json::from_slice(salted.get(32..)?).ok());
            found.push(Logged {
                position: entry.position,
                exhibit: about.to_owned(),
                time: entry.time.rfc3339(),
                what: entry.what.name(),
                by: entry.by.to_string(),
                wide,
                detail,
            });
        }
        Ok(found)
    }

    /// The originals of `owner`, by id, at most 1000 of those behind `after`.
    ///
    /// # Errors
    /// [`VaultError::Database`].
    pub async fn own(&self, owner: &AccountId, after: &str) -> Result<Vec<Own>, VaultError> {
        let sql = "SELECT id, state, size, begun_ms, group_id FROM vault_exhibits \
            WHERE owner = $1 AND id > $2 AND state <> 'refused' ORDER BY id LIMIT $3";
        let rows =
            self.database.query(sql, vec![owner.to_string().into(), after.into(), LIST_MAX.into()]).await?;
        let own = |row: &Row| {
            Ok(Own {
                exhibit: row.text(0)?.to_owned(),
                state: match row.text(1)? {
                    "uploading" => "uploading",
                    "whole" => "whole",
                    _ => "erased",
                },
                size: unsigned(row.int(2)?),
                begun: TimestampMs(unsigned(row.int(3)?)).rfc3339(),
                group: row.optional_text(4)?.map(str::to_owned),
            })
        };
        Ok(rows.iter().map(own).collect::<Result<_, DatabaseError>>()?)
    }

    /// The certificate of the record of `id`, for its owner.
    ///
    /// # Errors
    /// [`VaultError::NotFound`], [`VaultError::Erased`].
    pub async fn certificate_of(
        &self,
        owner: &AccountId,
        id: &str,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let row = self.owned(id, owner).await?;
        self.certificate(&row).await
    }

    /// Salt and detail of an entry about `about`, from what is `kept` of them under the key of `person`, or of the scope; none once they are erased.
    pub(super) async fn opened(
        &self,
        entry: &Entry,
        kept: &[u8],
        about: &str,
        person: Option<PersonId>,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
        if entry.what == Happening::Erased {
            return Ok(Some(Zeroizing::new(kept.to_vec())));
        }
        let person = match person {
            Some(person) => person,
            None => self.scope_key(about).await?,
        };
        match self.keys.unseal(&person, &format!("vault entry {}", entry.position), kept).await {
            Ok(salted) => Ok(Some(salted)),
            Err(PersonKeyError::Erased) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
