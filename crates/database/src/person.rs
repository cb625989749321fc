//! Personal data under a key for each person, which erases the person when it is erased.
//!
//! ```text
//! master key (a file) --HMAC--> wrapping key --AES-256-GCM--> person's key --AES-256-GCM--> data, in the application database
//!                     --HMAC--> marking key  --HMAC--> mark, by which the same person is found again
//! ```
//!
//! Wrapped keys and marks lie in a SQLite file of their own. A backup of the application database does not hold them, so erasing a row here
//! erases the person there too, and in every backup. For the same reason a copy of the key file must be replaced by the next one,
//! never collected. Deleted rows are overwritten and the write-ahead log is emptied; what a file system or a disk keeps besides is for
//! disk encryption.
//!
//! Who has the master key, the key file and the database reads everything; without any one of the three nobody reads anything.

use aes_gcm::{
    Aes256Gcm, KeyInit as _, Nonce,
    aead::{Aead as _, Payload},
};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{Database, DatabaseError};

const KEY_MIGRATIONS: &[&str] = &[include_str!("../keys/0001_persons.sql")];
const NONCE_BYTES: usize = 12;

/// A person or enterprise in this database: random, says nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonId(pub String);

/// Why personal data cannot be sealed or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PersonKeyError {
    /// The person's key is erased, and with it the data.
    #[error("erased: the key of this person's data is gone")]
    Erased,
    /// Another master key sealed it, or it was changed, or it belongs elsewhere.
    #[error("the data does not open: another master key, or it was changed")]
    Sealed,
    /// The key is erased, but somebody reads the key file, and its log could not be emptied: try again.
    #[error("the key is erased, but its traces could not be overwritten yet: try again")]
    Busy,
    /// No randomness from the system.
    #[error("no randomness from the system")]
    Randomness,
    /// The key file.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// The keys of all persons; cheap to clone.
#[derive(Clone)]
pub struct PersonKeys {
    keys: Database,
    wrapping: Zeroizing<[u8; 32]>,
    marking: Zeroizing<[u8; 32]>,
}

fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac =
        <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn random<const N: usize>() -> Result<[u8; N], PersonKeyError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| PersonKeyError::Randomness)?;
    Ok(bytes)
}

/// `nonce || ciphertext || tag`; `bound` is what it belongs to, and opens it nowhere else.
fn seal(key: &[u8; 32], bound: &str, plain: &[u8]) -> Result<Vec<u8>, PersonKeyError> {
    let nonce: [u8; NONCE_BYTES] = random()?;
    let payload = Payload { msg: plain, aad: bound.as_bytes() };
    let sealed = Aes256Gcm::new(key.into()).encrypt(&Nonce::from(nonce), payload);
    Ok([&nonce[..], &sealed.map_err(|_| PersonKeyError::Sealed)?].concat())
}

fn open(key: &[u8; 32], bound: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, PersonKeyError> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(PersonKeyError::Sealed)?;
    let payload = Payload { msg: sealed, aad: bound.as_bytes() };
    let plain = Aes256Gcm::new(key.into()).decrypt(&Nonce::from(*nonce), payload);
    plain.map(Zeroizing::new).map_err(|_| PersonKeyError::Sealed)
}

impl PersonKeys {
    /// Opens the keys in the SQLite database at `url`, made if it is not there, under `master`.
    ///
    /// # Errors
    /// [`PersonKeyError::Sealed`] when the keys there are under another master key.
    pub async fn open(url: &str, master: &[u8; 32]) -> Result<Self, PersonKeyError> {
        if !url.starts_with("sqlite:") {
            let scheme = url.split(':').next().unwrap_or_default();
            return Err(DatabaseError::Url { scheme: scheme.chars().take(20).collect() }.into());
        }
        let keys = Database::open(url).await?;
        keys.migrate(KEY_MIGRATIONS).await?;
        let derive = |what: &[u8]| Zeroizing::new(hmac(master, &[b"xiezhi person keys v1", what]));
        let opened = Self { keys, wrapping: derive(b"wrap"), marking: derive(b"mark") };
        let some = opened.keys.query("SELECT id FROM persons LIMIT 1", Vec::new()).await?;
        if let Some(row) = some.first() {
            opened.key(&PersonId(row.text(0)?.to_owned())).await?;
        }
        Ok(opened)
    }

    /// The person known by `parts` (kind of number, number), with a new key where there is none yet.
    ///
    /// # Errors
    /// [`PersonKeyError`].
    pub async fn person(&self, parts: &[&str]) -> Result<PersonId, PersonKeyError> {
        let parts: Vec<_> = parts.iter().map(|part| part.as_bytes()).collect();
        let mark = hmac(&self.marking, &parts);
        let id = PersonId(hex::encode(random::<16>()?));
        let wrapped = seal(&self.wrapping, &id.0, &*Zeroizing::new(random::<32>()?))?;
        // Whoever comes second takes what the first has made.
        let made =
            "INSERT INTO persons (id, mark, wrapped) VALUES ($1, $2, $3) ON CONFLICT (mark) DO NOTHING";
        self.keys.execute(made, vec![id.0.into(), mark[..].into(), wrapped.into()]).await?;
        let rows = self.keys.query("SELECT id FROM persons WHERE mark = $1", vec![mark[..].into()]).await?;
        let row = rows.first().ok_or(PersonKeyError::Erased)?;
        Ok(PersonId(row.text(0)?.to_owned()))
    }

    async fn key(&self, person: &PersonId) -> Result<Zeroizing<[u8; 32]>, PersonKeyError> {
        let rows = self
            .keys
            .query("SELECT wrapped FROM persons WHERE id = $1", vec![person.0.as_str().into()])
            .await?;
        let row = rows.first().ok_or(PersonKeyError::Erased)?;
        let key = open(&self.wrapping, &person.0, row.bytes(0)?)?;
        key.as_slice().try_into().map(Zeroizing::new).map_err(|_| PersonKeyError::Sealed)
    }

    /// Seals `plain` for the place `place` under the person's key.
    ///
    /// # Errors
    /// [`PersonKeyError::Erased`] when the key is gone.
    pub async fn seal(
        &self,
        person: &PersonId,
        place: &str,
        plain: &[u8],
    ) -> Result<Vec<u8>, PersonKeyError> {
        seal(&*self.key(person).await?, place, plain)
    }

    /// Opens what [`PersonKeys::seal`] sealed for the same person and place.
    ///
    /// # Errors
    /// [`PersonKeyError::Erased`] when the key is gone.
    pub async fn unseal(
        &self,
        person: &PersonId,
        place: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, PersonKeyError> {
        open(&*self.key(person).await?, place, sealed)
    }

    /// A keyed digest of `bytes` that nobody can guess from once the person is erased.
    ///
    /// # Errors
    /// [`PersonKeyError::Erased`] when the key is gone.
    pub async fn mac(&self, person: &PersonId, bytes: &[u8]) -> Result<[u8; 32], PersonKeyError> {
        Ok(hmac(&*self.key(person).await?, &[b"mac", bytes]))
    }

    /// Erases the person: the key and the mark are overwritten. Everything sealed under the key is noise from now on, wherever it is kept.
    /// Doing it twice is doing it once.
    ///
    /// # Errors
    /// [`PersonKeyError::Busy`], [`PersonKeyError::Database`]; try again.
    pub async fn erase(&self, person: &PersonId) -> Result<(), PersonKeyError> {
        self.keys.execute("DELETE FROM persons WHERE id = $1", vec![person.0.as_str().into()]).await?;
        let rows = self.keys.query("PRAGMA wal_checkpoint(TRUNCATE)", Vec::new()).await?;
        let is_busy = rows.first().map(|row| row.int(0)).transpose()? == Some(1);
        if is_busy { Err(PersonKeyError::Busy) } else { Ok(()) }
    }
}
