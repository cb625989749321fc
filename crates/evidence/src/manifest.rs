//! The manifest: everything known about an exhibit, kept by the depositor; its root goes into the statement.
//!
//! Each field carries a random salt, so its hash betrays nothing; each field is a leaf of an RFC 9162 tree, so one field can be shown while
//! the others stay closed. A closed field is represented by its leaf hash.

use minicbor::{Decode, Decoder, Encode, Encoder, data::Type, decode, encode};
use xiezhi_crypto::{Digest, DigestAlg};
use xiezhi_merkle::{Hash, Sha256, TreeHash, root_of};
use xiezhi_types::{TimestampMs, canonical};

/// Most fields in a manifest.
pub const FIELDS_MAX: usize = 256;

/// Random bytes that hide a field until it is shown.
pub type Salt = [u8; 16];

/// Names of the fields that the tools write; any other name is allowed.
pub mod names {
    /// Digest of the exhibit's bytes under SHA-256.
    pub const DIGEST_SHA256: &str = "digest.sha256";
    /// Digest of the exhibit's bytes under SM3.
    pub const DIGEST_SM3: &str = "digest.sm3";
    /// Length of the exhibit in bytes.
    pub const SIZE: &str = "size";
    /// Media type.
    pub const MEDIA_TYPE: &str = "media-type";
    /// Title or file name.
    pub const TITLE: &str = "title";
    /// When the depositor hashed the exhibit, in milliseconds since 1970.
    pub const HASHED_AT: &str = "hashed-at";
    /// Which software hashed it.
    pub const TOOL: &str = "tool";
}

/// What the tools say of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFacts {
    /// Length in bytes.
    pub size: u64,
    /// Digests of the whole file.
    pub digests: Vec<Digest>,
    /// Media type.
    pub media_type: String,
    /// Its name, if it has one.
    pub title: Option<String>,
    /// When it was digested.
    pub hashed_at: TimestampMs,
    /// By which software.
    pub tool: String,
}

impl FileFacts {
    /// The fields that say so, for [`Manifest::new`].
    #[must_use]
    pub fn fields(self) -> Vec<(String, Value)> {
        let mut fields = vec![
            (names::SIZE.to_owned(), Value::Number(self.size)),
            (names::MEDIA_TYPE.to_owned(), Value::Text(self.media_type)),
            (names::HASHED_AT.to_owned(), Value::Number(self.hashed_at.0)),
            (names::TOOL.to_owned(), Value::Text(self.tool)),
        ];
        fields.extend(self.title.map(|title| (names::TITLE.to_owned(), Value::Text(title))));
        for digest in self.digests {
            let name = match digest.alg {
                DigestAlg::Sha256 => names::DIGEST_SHA256,
                DigestAlg::Sm3 => names::DIGEST_SM3,
            };
            fields.push((name.to_owned(), Value::Digest(digest)));
        }
        fields
    }
}

/// Why fields make no manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// None, or more than [`FIELDS_MAX`].
    #[error("a manifest has 1 to {FIELDS_MAX} fields, not {fields}")]
    Count {
        /// How many.
        fields: usize,
    },
    /// Field names must rise.
    #[error("field names must be sorted and occur once; \"{name}\" is out of place")]
    Order {
        /// The name at fault.
        name: String,
    },
    /// A name is empty or too long.
    #[error("a field's name has 1 to 64 bytes, not {bytes}")]
    Name {
        /// Its length in bytes.
        bytes: usize,
    },
}

/// A field's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Text.
    Text(String),
    /// A non-negative number.
    Number(u64),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A digest.
    Digest(Digest),
}

impl<C> Encode<C> for Value {
    fn encode<W: encode::Write>(
        &self,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        match self {
            Self::Text(text) => e.str(text)?.ok(),
            Self::Number(number) => e.u64(*number)?.ok(),
            Self::Bytes(bytes) => e.bytes(bytes)?.ok(),
            Self::Digest(digest) => digest.encode(e, ctx),
        }
    }
}

impl<'b, C> Decode<'b, C> for Value {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, decode::Error> {
        match d.datatype()? {
            Type::String => Ok(Self::Text(d.str()?.to_owned())),
            Type::U8 | Type::U16 | Type::U32 | Type::U64 => Ok(Self::Number(d.u64()?)),
            Type::Bytes => Ok(Self::Bytes(d.bytes()?.to_vec())),
            Type::Array => Ok(Self::Digest(Digest::decode(d, ctx)?)),
            other => Err(decode::Error::message(format!("a field's value cannot be of type {other}"))),
        }
    }
}

/// A field with its salt: `[salt, name, value]`, whose encoding is the leaf.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Field {
    /// 16 random bytes.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub salt: Salt,
    /// Its name.
    #[n(1)]
    pub name: String,
    /// Its value.
    #[n(2)]
    pub value: Value,
}

impl Field {
    /// The field's leaf hash.
    #[must_use]
    pub fn leaf(&self) -> Hash {
        Sha256::leaf(&canonical(self))
    }
}

/// A place in the manifest: shown, or closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// The field itself.
    Open(Field),
    /// Its leaf hash only.
    Closed(Hash),
}

impl<C> Encode<C> for Entry {
    fn encode<W: encode::Write>(
        &self,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        match self {
            Self::Open(field) => field.encode(e, ctx),
            Self::Closed(hash) => e.bytes(hash)?.ok(),
        }
    }
}

impl<'b, C> Decode<'b, C> for Entry {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, decode::Error> {
        if d.datatype()? == Type::Array {
            return Ok(Self::Open(Field::decode(d, ctx)?));
        }
        let bytes = d.bytes()?;
        let hash = bytes.try_into();
        Ok(Self::Closed(hash.map_err(|_| decode::Error::message("a closed field is a hash of 32 bytes"))?))
    }
}

/// A manifest, whole or with fields closed. The root is the same either way.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Manifest(#[n(0)] Vec<Entry>);

impl Manifest {
    /// A manifest of `fields`, which are sorted here by name; `salt` is asked once per field and must be random.
    ///
    /// # Errors
    /// [`ManifestError`].
    pub fn new(
        fields: impl IntoIterator<Item = (String, Value)>,
        mut salt: impl FnMut() -> Salt,
    ) -> Result<Self, ManifestError> {
        let mut fields: Vec<Field> =
            fields.into_iter().map(|(name, value)| Field { salt: salt(), name, value }).collect();
        fields.sort_by(|a, b| a.name.cmp(&b.name));
        let manifest = Self(fields.into_iter().map(Entry::Open).collect());
        manifest.check()?;
        Ok(manifest)
    }

    /// Checks count, names and order; closed fields have no name to check.
    ///
    /// # Errors
    /// [`ManifestError`].
    pub fn check(&self) -> Result<(), ManifestError> {
        if self.0.is_empty() || self.0.len() > FIELDS_MAX {
            return Err(ManifestError::Count { fields: self.0.len() });
        }
        let mut last: Option<&str> = None;
        for field in self.fields() {
            if field.name.is_empty() || field.name.len() > 64 {
                return Err(ManifestError::Name { bytes: field.name.len() });
            }
            if last.is_some_and(|last| last >= field.name.as_str()) {
                return Err(ManifestError::Order { name: field.name.clone() });
            }
            last = Some(&field.name);
        }
        Ok(())
    }

    /// RFC 9162 root (SHA-256) over the fields' leaves.
    #[must_use]
    pub fn root(&self) -> Hash {
        let leaf = |entry: &Entry| match entry {
            Entry::Open(field) => field.leaf(),
            Entry::Closed(hash) => *hash,
        };
        root_of::<Sha256>(&self.0.iter().map(leaf).collect::<Vec<_>>())
    }

    /// Every place, in order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// The open fields.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.0.iter().filter_map(|entry| match entry {
            Entry::Open(field) => Some(field),
            Entry::Closed(_) => None,
        })
    }

    /// The value of the open field `name`.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.fields().find(|field| field.name == name).map(|field| &field.value)
    }

    /// The digests that the open fields named `digest.…` hold.
    #[must_use]
    pub fn digests(&self) -> Vec<Digest> {
        let digest = |field: &Field| match field.value {
            Value::Digest(digest) if field.name.starts_with("digest.") => Some(digest),
            _ => None,
        };
        self.fields().filter_map(digest).collect()
    }

    /// The same manifest with every field closed that `keep` does not name.
    #[must_use]
    pub fn disclose(&self, keep: &[&str]) -> Self {
        let close = |entry: &Entry| match entry {
            Entry::Open(field) if !keep.contains(&field.name.as_str()) => Entry::Closed(field.leaf()),
            other => other.clone(),
        };
        Self(self.0.iter().map(close).collect())
    }
}

#[cfg(test)]
pub(crate) mod tests;
