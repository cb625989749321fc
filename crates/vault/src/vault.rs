//! What may happen to an original, and what lies where.
//!
//! The database says what is; a file that it does not know of, or knows to be going, is deleted at the next [`Vault::sweep`]. So a crash at any
//! moment leaves an upload that can go on, or an erasure that is finished by the next start. The clock is an argument.

use std::{collections::HashSet, sync::Mutex};

use serde::Serialize;
use serde_json::{Value as Json, json};
use utoipa::ToSchema;
use xiezhi_crypto::Digest;
use xiezhi_database::{
    Database, DatabaseError, MIGRATIONS, PersonId, PersonKeyError, PersonKeys, Row, Transaction,
};
use xiezhi_types::{AccountId, TimestampMs};
use xiezhi_vault_log::{exhibit_of, scope_id};
use xiezhi_verify::{Anchor, Exhibit, Input, Outcome, Verdict};
use zeroize::Zeroizing;

use crate::{
    entry::{Entry, Happening},
    envelope::{Envelope, OVERHEAD_BYTES, SEALED_BYTES, SEGMENT_BYTES, segments},
};
use originals::Originals;
use xiezhi_merkle::Hash;
use xiezhi_objects::ObjectsError;

pub(crate) mod audits;
mod copying;
pub(crate) mod disclosure;
pub(crate) mod heads;
pub(crate) mod originals;
pub(crate) mod possession;
mod upload;

/// Largest original, in bytes.
pub(crate) const SIZE_MAX: u64 = 1 << 40;
/// How long an upload may take, in milliseconds.
const UPLOAD_LIFE_MS: u64 = 7 * 86_400_000;
/// Most rows of a list.
const LIST_MAX: i64 = 1000;
/// Longest purpose, case number or reference, in characters.
const TEXT_MAX: usize = 200;

/// Why the vault does not do what was asked. Names nobody.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// There is no such exhibit or grant, or it is none of the caller's business.
    #[error("there is no such exhibit or grant, or it is not yours")]
    NotFound,
    /// The certificate does not prove a record on the vault's ledger.
    #[error("the certificate does not verify: {code}")]
    Certificate {
        /// The check that failed.
        code: String,
    },
    /// The certificate is of another's record.
    #[error("the record is another account's")]
    NotOwner,
    /// What was uploaded is not what was recorded; nothing is kept.
    #[error("what was uploaded is not what was recorded ({code}); nothing was kept")]
    Mismatch {
        /// The check that failed.
        code: String,
    },
    /// A value breaks a rule.
    #[error("{field}: {rule}")]
    Field {
        /// Which.
        field: &'static str,
        /// The rule.
        rule: &'static str,
    },
    /// The upload is elsewhere; ask where.
    #[error("the upload stands at {offset}")]
    Offset {
        /// Where.
        offset: u64,
    },
    /// Another request works on it.
    #[error("another request works on it at this moment: try again")]
    Busy,
    /// What would prove it is not on the ledger yet.
    #[error("what would prove it is not on the ledger yet: try again in a minute")]
    NotOnLedger,
    /// It is in the vault already.
    #[error("the original is in the vault already")]
    Exists,
    /// It is not whole yet.
    #[error("the original is not whole yet")]
    NotWhole,
    /// It is erased.
    #[error("the original was erased")]
    Erased,
    /// It cannot be read from the disk as it was written.
    #[error("the original is {0}: its owner and the vault's operator must know")]
    Unwell(Finding),
    /// The reader's account has no encryption key that can be used.
    #[error("the account's encryption key: {0}")]
    EncryptionKey(String),
    /// Keys.
    #[error(transparent)]
    Keys(#[from] PersonKeyError),
    /// Database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] xiezhi_depositor::LedgerError),
    /// Disk. Retrying can help.
    #[error("the disk: {0}")]
    Disk(#[from] std::io::Error),
    /// The store of the originals does not answer, or refuses. Retrying can help.
    #[error("the store of the originals: {0}")]
    Store(#[from] ObjectsError),
    /// The place of the originals is not this vault's.
    #[error("the place of the originals: {rule}")]
    Place {
        /// What speaks against it.
        rule: &'static str,
    },
    /// A mistake of the vault's.
    #[error("{0}")]
    Internal(&'static str),
}

/// What an audit finds of an original.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Finding {
    /// Every byte is as it was recorded.
    Well,
    /// It is not there.
    Lost,
    /// It is there, and is not what was recorded.
    Damaged,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Well => "well",
            Self::Lost => "lost",
            Self::Damaged => "damaged",
        })
    }
}

/// An exhibit and its finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Audited {
    /// Its id.
    pub exhibit: String,
    /// How it is.
    pub finding: Finding,
}

/// How far an upload is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Progress {
    /// The exhibit's id.
    pub exhibit: String,
    /// Bytes that are kept.
    pub offset: u64,
    /// Bytes of the original.
    pub size: u64,
}

/// An original opened to a reader.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Opened {
    /// The exhibit's id.
    pub exhibit: String,
    /// Bytes of the original.
    pub size: u64,
    /// Its key, handed over to the reader's encryption key; hexadecimal.
    pub key: String,
    /// Position of the entry that says so.
    pub entry: u64,
    /// The record's certificate, by which the reader judges what was read; hexadecimal.
    pub certificate: String,
}

/// An original that somebody else lets an account read.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Readable {
    /// The exhibit's id.
    pub exhibit: String,
    /// Whose it is.
    pub owner: String,
    /// Bytes of the original.
    pub size: u64,
    /// Until when; RFC 3339.
    pub expires: String,
    /// Purpose and case number.
    #[schema(value_type = Option<Object>)]
    pub detail: Option<Json>,
}

/// An original of one's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Own {
    /// The exhibit's id.
    pub exhibit: String,
    /// `uploading`, `whole` or `erased`.
    pub state: &'static str,
    /// Bytes of the original.
    pub size: u64,
    /// When its upload began; RFC 3339.
    pub begun: String,
    /// The group of its record.
    pub group: Option<String>,
}

/// A grant as its owner sees it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Granted {
    /// Its id.
    pub id: String,
    /// To whom.
    pub grantee: String,
    /// Until when; RFC 3339.
    pub expires: String,
    /// Since when it is revoked, if it is; RFC 3339.
    pub revoked: Option<String>,
    /// Purpose and case number; none once they are erased.
    #[schema(value_type = Option<Object>)]
    pub detail: Option<Json>,
}

/// An entry as the exhibit's owner sees it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Logged {
    /// Its place in the log.
    pub position: u64,
    /// The exhibit; of what is wide, the id of the scope.
    pub exhibit: String,
    /// When; RFC 3339.
    pub time: String,
    /// What.
    pub what: &'static str,
    /// By which account.
    pub by: String,
    /// Whether it is about more than this exhibit: a grant for the group of its record, or for all of its owner's.
    pub wide: bool,
    /// What is said besides; none once it is erased.
    #[schema(value_type = Option<Object>)]
    pub detail: Option<Json>,
}

/// A row of `exhibits`.
struct Kept {
    id: String,
    owner: String,
    person: PersonId,
    state: String,
    size: u64,
    segments: u64,
    tail: Option<Vec<u8>>,
    wrapped: Option<Vec<u8>>,
    certificate: Option<Vec<u8>>,
    root: Option<Vec<u8>>,
    group: Option<String>,
}

const ROW: &str = "SELECT id, owner, person, state, size, segments, tail, wrapped, certificate, root, group_id FROM vault_exhibits WHERE id = $1";

/// What entries and grants are about: an exhibit, all of an account's, or those of a group; and whose key seals what is said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    /// An exhibit's id, or a scope's.
    id: String,
    owner: String,
    person: PersonId,
}

fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_default()
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl Kept {
    fn of(row: &Row) -> Result<Self, DatabaseError> {
        Ok(Self {
            id: row.text(0)?.to_owned(),
            owner: row.text(1)?.to_owned(),
            person: PersonId(row.text(2)?.to_owned()),
            state: row.text(3)?.to_owned(),
            size: unsigned(row.int(4)?),
            segments: unsigned(row.int(5)?),
            tail: row.optional_bytes(6)?.map(<[u8]>::to_vec),
            wrapped: row.optional_bytes(7)?.map(<[u8]>::to_vec),
            certificate: row.optional_bytes(8)?.map(<[u8]>::to_vec),
            root: row.optional_bytes(9)?.map(<[u8]>::to_vec),
            group: row.optional_text(10)?.map(str::to_owned),
        })
    }

    fn exhibit(&self) -> [u8; 32] {
        exhibit_bytes(&self.id).unwrap_or_default()
    }

    /// The scopes whose grants reach it: all of its owner's, and its group's, which is the same where it has none.
    fn scopes(&self) -> [String; 2] {
        [scope_id(&self.owner, None), scope_id(&self.owner, self.group.as_deref())]
    }

    fn subject(&self) -> Subject {
        Subject { id: self.id.clone(), owner: self.owner.clone(), person: self.person.clone() }
    }

    fn check_whole(&self) -> Result<(), VaultError> {
        match self.state.as_str() {
            "whole" => Ok(()),
            "uploading" => Err(VaultError::NotWhole),
            _ => Err(VaultError::Erased),
        }
    }
}

fn exhibit_bytes(id: &str) -> Option<[u8; 32]> {
    hex::decode(id).ok()?.try_into().ok()
}

pub(crate) fn random<const N: usize>() -> Result<[u8; N], VaultError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| VaultError::Internal("no randomness from the system"))?;
    Ok(bytes)
}

/// Length of the file that holds the first `count` segments of an original of `size` bytes.
fn file_bytes(size: u64, count: u64) -> u64 {
    if count == segments(size) { size + count * OVERHEAD_BYTES as u64 } else { count * SEALED_BYTES as u64 }
}

fn check_text(field: &'static str, text: &str) -> Result<(), VaultError> {
    if text.trim().is_empty() || text.chars().count() > TEXT_MAX {
        return Err(VaultError::Field { field, rule: "1 to 200 characters are needed" });
    }
    Ok(())
}

/// The first check that speaks against a verdict.
fn reason(verdict: &Verdict) -> String {
    use xiezhi_verify::Status;
    let failed = verdict.checks.iter().find(|check| check.status == Status::Fail);
    let unknown = || verdict.checks.iter().find(|check| check.status == Status::Unknown);
    failed.or_else(unknown).map_or_else(|| "unknown".to_owned(), |check| check.code.to_string())
}

/// The vault.
pub struct Vault {
    database: Database,
    keys: PersonKeys,
    originals: Originals,
    anchor: Anchor,
    /// Uploads that a request writes to.
    busy: Mutex<HashSet<String>>,
}

impl Vault {
    /// Opens the vault with its tables at `database`, its keys at `keys` under `master`, and its `originals`; finishes what was going on.
    ///
    /// # Errors
    /// [`VaultError::Place`] where the originals are elsewhere; the others.
    pub async fn open(
        database: &str,
        keys: &str,
        master: &[u8; 32],
        originals: Originals,
        anchor: Anchor,
        now: TimestampMs,
    ) -> Result<Self, VaultError> {
        let keys = PersonKeys::open(keys, master).await?;
        let database = Database::open(database).await?;
        database.migrate(MIGRATIONS).await?;
        let sql = "SELECT id FROM vault_exhibits WHERE state <> 'erased' LIMIT 1";
        let is_new = database.query(sql, Vec::new()).await?.is_empty();
        originals.claim(&anchor.ledger.to_string(), is_new).await?;
        let vault = Self { database, keys, originals, anchor, busy: Mutex::default() };
        vault.sweep(now).await?;
        Ok(vault)
    }

    fn verdict(&self, certificate: &[u8], exhibit: &Exhibit, now: TimestampMs) -> Verdict {
        xiezhi_verify::verify(&Input {
            certificate,
            anchors: std::slice::from_ref(&self.anchor),
            exhibit,
            record_only: matches!(exhibit, Exhibit::None),
            // Nodes' clocks may be ahead of this one's.
            declared_time: TimestampMs(now.0 + 60_000),
            known_checkpoints: &[],
        })
    }

    async fn row(&self, id: &str) -> Result<Kept, VaultError> {
        let rows = self.database.query(ROW, vec![id.into()]).await?;
        Ok(Kept::of(rows.first().ok_or(VaultError::NotFound)?)?)
    }

    async fn owned(&self, id: &str, owner: &AccountId) -> Result<Kept, VaultError> {
        let row = self.row(id).await?;
        if row.owner == owner.to_string() { Ok(row) } else { Err(VaultError::NotFound) }
    }

    async fn key(&self, row: &Kept) -> Result<Zeroizing<[u8; 32]>, VaultError> {
        let wrapped = row.wrapped.as_deref().ok_or(VaultError::Erased)?;
        let key = self.keys.unseal(&row.person, "vault key", wrapped).await?;
        key.as_slice()
            .try_into()
            .map(Zeroizing::new)
            .map_err(|_| VaultError::Internal("a key of another length"))
    }

    async fn certificate(&self, row: &Kept) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let sealed = row.certificate.as_deref().ok_or(VaultError::Erased)?;
        Ok(self.keys.unseal(&row.person, "vault certificate", sealed).await?)
    }

    /// Begins the upload of the original of `certificate`, `size` bytes, by the account that recorded it; or goes on with it.
    ///
    /// # Errors
    /// [`VaultError::Certificate`], [`VaultError::NotOwner`], [`VaultError::Exists`], [`VaultError::Erased`].
    pub async fn begin(
        &self,
        owner: &AccountId,
        certificate: &[u8],
        size: u64,
        now: TimestampMs,
    ) -> Result<Progress, VaultError> {
        if size == 0 || size > SIZE_MAX {
            return Err(VaultError::Field { field: "Upload-Length", rule: "1 byte to 1 TiB" });
        }
        let verdict = self.verdict(certificate, &Exhibit::None, now);
        if verdict.outcome != Outcome::Valid {
            return Err(VaultError::Certificate { code: reason(&verdict) });
        }
        let named = verdict.facts.grantor.as_ref().or(verdict.facts.issuer.as_ref());
        if named != Some(&owner.to_string()) {
            return Err(VaultError::NotOwner);
        }
        let id =
            exhibit_of(&verdict.facts).ok_or(VaultError::Internal("a valid verdict without a statement"))?;
        if let Ok(row) = self.row(&id).await {
            return match row.state.as_str() {
                "whole" => Err(VaultError::Exists),
                "uploading" if row.size == size => self.progress(&id, owner, now).await,
                "uploading" => {
                    Err(VaultError::Field { field: "Upload-Length", rule: "not that of the upload begun" })
                }
                _ => Err(VaultError::Erased),
            };
        }
        let person = self.keys.person(&["exhibit", &id]).await?;
        let key = Zeroizing::new(random::<32>()?);
        let wrapped = self.keys.seal(&person, "vault key", &*key).await?;
        let sealed = self.keys.seal(&person, "vault certificate", certificate).await?;
        let sql = "INSERT INTO vault_exhibits (id, owner, person, state, size, segments, wrapped, certificate, begun_ms, group_id) \
            VALUES ($1, $2, $3, 'uploading', $4, 0, $5, $6, $7, $8)";
        let values = vec![
            id.as_str().into(),
            owner.to_string().into(),
            person.0.into(),
            signed(size).into(),
            wrapped.into(),
            sealed.into(),
            signed(now.0).into(),
            verdict.facts.group.clone().into(),
        ];
        self.database.execute(sql, values).await?;
        Ok(Progress { exhibit: id, offset: 0, size })
    }

    /// How far the upload of `id` is. One that has all its bytes is compared with its record first.
    ///
    /// # Errors
    /// [`VaultError::NotFound`], [`VaultError::Mismatch`], [`VaultError::Erased`].
    pub async fn progress(
        &self,
        id: &str,
        owner: &AccountId,
        now: TimestampMs,
    ) -> Result<Progress, VaultError> {
        let row = self.owned(id, owner).await?;
        let mut offset = row.size;
        if row.state == "uploading" {
            let tail = match &row.tail {
                Some(sealed) => sealed.len() as u64 - OVERHEAD_BYTES as u64,
                None => 0,
            };
            offset = if row.segments == segments(row.size) {
                self.finish(&row, now).await?;
                row.size
            } else {
                row.segments * SEGMENT_BYTES as u64 + tail
            };
        } else {
            row.check_whole()?;
        }
        Ok(Progress { exhibit: row.id, offset, size: row.size })
    }

    /// The digests of what lies in its place and the root over its segments, or why there are none.
    async fn read_back(&self, row: &Kept) -> Result<Result<(Vec<Digest>, Hash), Finding>, VaultError> {
        let key = self.key(row).await?;
        let envelope = Envelope::new(&key, row.exhibit(), row.size);
        let (originals, id, size) = (self.originals.clone(), row.id.clone(), row.size);
        let read = move || audits::read_back(&originals, &id, &envelope, size);
        tokio::task::spawn_blocking(read)
            .await
            .map_err(|_| VaultError::Internal("reading back was cut off"))?
    }

    /// What is found of a whole or nearly whole original, against which check, and the root over its segments.
    async fn compare(&self, row: &Kept, now: TimestampMs) -> Result<(Finding, String, Hash), VaultError> {
        let (digests, root) = match self.read_back(row).await? {
            Ok(read) => read,
            Err(finding) => return Ok((finding, finding.to_string(), Hash::default())),
        };
        let certificate = self.certificate(row).await?;
        let exhibit = Exhibit::Digests { size: Some(row.size), digests };
        let verdict = self.verdict(&certificate, &exhibit, now);
        let finding = if verdict.outcome == Outcome::Valid { Finding::Well } else { Finding::Damaged };
        Ok((finding, reason(&verdict), root))
    }

    async fn finish(&self, row: &Kept, now: TimestampMs) -> Result<(), VaultError> {
        let (finding, code, root) = self.compare(row, now).await?;
        if finding != Finding::Well {
            let sql = "UPDATE vault_exhibits SET state = 'refused' WHERE id = $1 AND state = 'uploading'";
            self.database.execute(sql, vec![row.id.as_str().into()]).await?;
            self.sweep(now).await?;
            return Err(VaultError::Mismatch { code });
        }
        let mut open = self.database.begin().await?;
        let sql =
            "UPDATE vault_exhibits SET state = 'whole', root = $2 WHERE id = $1 AND state = 'uploading'";
        if open.execute(sql, vec![row.id.as_str().into(), root.as_slice().into()]).await? == 1 {
            let detail = json!({ "size": row.size, "root": hex::encode(root) });
            self.enter(&mut open, &row.subject(), Happening::Stored, &row.owner, detail, now).await?;
            open.commit().await?;
        }
        Ok(())
    }

    /// Gives an upload up: nothing of it is kept.
    ///
    /// # Errors
    /// [`VaultError::NotFound`], [`VaultError::Exists`]: what is whole is erased, not given up.
    pub async fn give_up(&self, id: &str, owner: &AccountId, now: TimestampMs) -> Result<(), VaultError> {
        self.owned(id, owner).await?;
        let sql = "UPDATE vault_exhibits SET state = 'refused' WHERE id = $1 AND state = 'uploading'";
        match self.database.execute(sql, vec![id.into()]).await? {
            1 => self.sweep(now).await,
            _ => Err(VaultError::Exists),
        }
    }

    /// Appends to the log, within `open`.
    async fn enter(
        &self,
        open: &mut Transaction,
        about: &Subject,
        what: Happening,
        by: &str,
        detail: Json,
        now: TimestampMs,
    ) -> Result<u64, VaultError> {
        let rows = open.query("SELECT COALESCE(MAX(position), -1) FROM vault_entries", Vec::new()).await?;
        let last = rows.first().ok_or(VaultError::Internal("no maximum"))?.int(0)?;
        let position = unsigned(last + 1);
        let (salt, detail) = (random::<32>()?, detail.to_string().into_bytes());
        let by = by.parse().map_err(|_| VaultError::Internal("an account of another form"))?;
        let commitment = Entry::commit(&salt, &detail);
        let entry = Entry {
            position,
            time: now,
            what,
            exhibit: exhibit_bytes(&about.id).unwrap_or_default(),
            by,
            detail: commitment,
        };
        let salted = [&salt[..], &detail].concat();
        // The record of an erasure outlives the exhibit's key.
        let kept = match what {
            Happening::Erased => salted,
            _ => self.keys.seal(&about.person, &format!("vault entry {position}"), &salted).await?,
        };
        let sql = "INSERT INTO vault_entries (position, exhibit, entry, detail) VALUES ($1, $2, $3, $4)";
        let values =
            vec![signed(position).into(), about.id.as_str().into(), entry.encode().into(), kept.into()];
        open.execute(sql, values).await?;
        Ok(position)
    }

    /// Erases the original, its key and what was said of it; the entry that says so stays, and every certificate keeps its force.
    ///
    /// # Errors
    /// [`VaultError::NotFound`]; when the file or the key cannot be deleted now, the next [`Vault::sweep`] does it.
    pub async fn erase(
        &self,
        owner: &AccountId,
        id: &str,
        basis: &str,
        reference: &str,
        now: TimestampMs,
    ) -> Result<(), VaultError> {
        check_text("basis", basis)?;
        check_text("reference", reference)?;
        let row = self.owned(id, owner).await?;
        let mut open = self.database.begin().await?;
        let sql = "UPDATE vault_exhibits SET state = 'erasing', wrapped = NULL, certificate = NULL, tail = NULL \
            WHERE id = $1 AND state = 'whole'";
        if open.execute(sql, vec![id.into()]).await? == 1 {
            let detail = json!({ "basis": basis, "reference": reference });
            self.enter(&mut open, &row.subject(), Happening::Erased, &row.owner, detail, now).await?;
        } else if row.state == "uploading" {
            return Err(VaultError::NotWhole);
        }
        // Also when it is erased already: the sweep waits for whoever writes.
        open.commit().await?;
        self.sweep(now).await
    }

    /// Finishes erasures and refusals that were begun, and gives uploads up that took too long.
    ///
    /// # Errors
    /// [`VaultError`]; what is left is for the next time.
    pub async fn sweep(&self, now: TimestampMs) -> Result<(), VaultError> {
        let old = now.0.saturating_sub(UPLOAD_LIFE_MS);
        let sql = "UPDATE vault_exhibits SET state = 'refused' WHERE state = 'uploading' AND begun_ms < $1";
        self.database.execute(sql, vec![signed(old).into()]).await?;
        let sql =
            "SELECT id, person, state FROM vault_exhibits WHERE state IN ('refused', 'erasing') LIMIT 1000";
        for row in self.database.query(sql, Vec::new()).await? {
            let id = row.text(0)?;
            self.keys.erase(&PersonId(row.text(1)?.to_owned())).await?;
            self.originals.delete(id).await?;
            let sql = match row.text(2)? {
                "erasing" => "UPDATE vault_exhibits SET state = 'erased' WHERE id = $1",
                _ => "DELETE FROM vault_exhibits WHERE id = $1",
            };
            self.database.execute(sql, vec![id.into()]).await?;
        }
        Ok(())
    }
}
