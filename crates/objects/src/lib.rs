//! Objects under names, in a local directory or in a bucket of an S3-compatible service.
//!
//! The only crate that names the library `object_store`. It knows nothing of what the objects mean and keeps nothing in memory between calls.
//!
//! Invariants: an object is there whole or not at all; with a directory it is on the disk when [`Objects::put`] or [`Upload::finish`] returns. What
//! is read back must be checked by whoever knows what it should be: a bucket is another party's machine. Credentials are in no error and no log.

#[cfg(any(test, feature = "fixtures"))]
pub mod fixtures;
mod http;
mod location;
mod waiting;

use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt as _, PutMode, path::Path};

pub use location::Access;
pub use waiting::Waiting;

/// Bytes of a part of an [`Upload`]; S3 wants at least 5 MiB for all but the last, and takes 10,000 of them.
const PART_BYTES: usize = 8 << 20;

/// Why an object cannot be had or kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectsError {
    /// The place is not one of those this software can reach.
    #[error("{url}: {reason}; file:///directory or s3://bucket/prefix")]
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The endpoint would be spoken to without encryption, and nobody said that it may.
    #[error("{endpoint}: plain http; say AWS_ALLOW_HTTP=true where nobody else can listen")]
    PlainHttp {
        /// The endpoint.
        endpoint: String,
    },
    /// The name is not made of segments of letters, digits, `.`, `_` and `-`.
    #[error("{name}: not a name of an object")]
    Name {
        /// The name.
        name: String,
    },
    /// The object is longer than the caller bears.
    #[error("{place}/{name} has {bytes} bytes, at most {bytes_max} were expected")]
    TooLong {
        /// Directory or bucket.
        place: String,
        /// The object.
        name: String,
        /// Its length.
        bytes: u64,
        /// The most that was expected.
        bytes_max: u64,
    },
    /// What was written reads back as something else.
    #[error("{place}/{name} is not what was written there")]
    Altered {
        /// Directory or bucket.
        place: String,
        /// The object.
        name: String,
    },
    /// No thread to wait with.
    #[error("no thread: {0}")]
    Thread(std::io::Error),
    /// The directory or the service failed or refused.
    #[error("{place}/{name} cannot be {what}: {reason}")]
    Failed {
        /// Directory or bucket.
        place: String,
        /// The object.
        name: String,
        /// What was tried: `read`, `written`, `listed` or `deleted`.
        what: &'static str,
        /// What the directory or service said.
        reason: String,
    },
}

impl ObjectsError {
    /// Whether the same call may succeed later: the place was not reached, or did not do what it was asked.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }
}

/// Name and length of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name, below the place's prefix.
    pub name: String,
    /// Its length.
    pub bytes: u64,
}

/// A place where objects are; cheap to clone.
#[derive(Clone)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    place: Arc<str>,
}

impl Objects {
    /// The place at `url`: `file:///directory`, which must exist, or `s3://bucket/prefix`, reached as `access` says. Nothing is asked of the service yet.
    ///
    /// Runs in a runtime of tokio with time and I/O enabled, where the place is a bucket.
    ///
    /// # Errors
    /// [`ObjectsError::Url`], [`ObjectsError::PlainHttp`].
    pub fn open(url: &str, access: &Access) -> Result<Self, ObjectsError> {
        let (store, prefix) = location::open(url, access)?;
        Ok(Self { store, prefix, place: url.trim_end_matches('/').into() })
    }

    /// Where this is, as it was given.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Keeps `bytes` as `name`, in place of what is there.
    ///
    /// # Errors
    /// [`ObjectsError`]; then the object is what it was before or, if only the answer was lost, the new one.
    pub async fn put(&self, name: &str, bytes: Bytes) -> Result<(), ObjectsError> {
        let path = self.path(name)?;
        self.store.put(&path, bytes.into()).await.map_err(|e| self.failed(name, "written", &e)).map(drop)
    }

    /// Keeps `bytes` as `name` unless there is such an object, and says whether it did. Atomic in a directory and with services that honour
    /// `If-None-Match: *`; one that ignores it overwrites.
    ///
    /// # Errors
    /// [`ObjectsError`].
    pub async fn put_if_absent(&self, name: &str, bytes: Bytes) -> Result<bool, ObjectsError> {
        let path = self.path(name)?;
        match self.store.put_opts(&path, bytes.into(), PutMode::Create.into()).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                Ok(false)
            }
            Err(e) => Err(self.failed(name, "written", &e)),
        }
    }

    /// Begins an object that is too long for memory; it is there when [`Upload::finish`] returns and not before.
    ///
    /// # Errors
    /// [`ObjectsError`].
    pub async fn upload(&self, name: &str) -> Result<Upload, ObjectsError> {
        let path = self.path(name)?;
        let begun = self.store.put_multipart(&path).await.map_err(|e| self.failed(name, "written", &e))?;
        Ok(Upload { objects: self.clone(), name: name.to_owned(), begun, buffer: Vec::new() })
    }

    /// The object `name`, if there is one.
    ///
    /// # Errors
    /// [`ObjectsError::TooLong`] beyond `bytes_max`, before its bytes are fetched; the others.
    pub async fn get(&self, name: &str, bytes_max: u64) -> Result<Option<Bytes>, ObjectsError> {
        let path = self.path(name)?;
        let failed = |e| self.failed(name, "read", &e);
        let found = match self.store.get(&path).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            found => found.map_err(failed)?,
        };
        let too_long = |bytes| {
            let place = self.place.to_string();
            ObjectsError::TooLong { place, name: name.to_owned(), bytes, bytes_max }
        };
        if found.meta.size > bytes_max {
            return Err(too_long(found.meta.size));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(found.meta.size).unwrap_or_default());
        let mut stream = found.into_stream();
        while let Some(chunk) = stream.next().await {
            bytes.extend_from_slice(&chunk.map_err(failed)?);
            if bytes.len() as u64 > bytes_max {
                return Err(too_long(bytes.len() as u64));
            }
        }
        Ok(Some(bytes.into()))
    }

    /// The bytes of `range` of the object `name`, if there is one; fewer where it ends earlier.
    ///
    /// # Errors
    /// [`ObjectsError`]; a range that begins behind the end fails.
    pub async fn get_range(
        &self,
        name: &str,
        range: std::ops::Range<u64>,
    ) -> Result<Option<Bytes>, ObjectsError> {
        let path = self.path(name)?;
        match self.store.get_range(&path, range).await {
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            found => found.map(Some).map_err(|e| self.failed(name, "read", &e)),
        }
    }

    /// The length of the object `name`, if there is one.
    ///
    /// # Errors
    /// [`ObjectsError`].
    pub async fn size(&self, name: &str) -> Result<Option<u64>, ObjectsError> {
        let path = self.path(name)?;
        match self.store.head(&path).await {
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            found => found.map(|meta| Some(meta.size)).map_err(|e| self.failed(name, "read", &e)),
        }
    }

    /// The objects whose names begin with the segments of `folder`, which may be empty, in no order; as they come, for there may be many.
    ///
    /// # Errors
    /// [`ObjectsError::Name`]; others in the stream.
    pub fn list(
        &self,
        folder: &str,
    ) -> Result<impl Stream<Item = Result<Listed, ObjectsError>> + Send + use<>, ObjectsError> {
        let path = if folder.is_empty() { self.prefix.clone() } else { self.path(folder)? };
        let (objects, folder) = (self.clone(), folder.to_owned());
        let listed = self.store.list(Some(&path));
        Ok(listed.map(move |meta| {
            let meta = meta.map_err(|e| objects.failed(&folder, "listed", &e))?;
            let below = meta
                .location
                .prefix_match(&objects.prefix)
                .map(|parts| parts.map(|part| part.as_ref().to_owned()).collect::<Vec<_>>().join("/"));
            Ok(Listed { name: below.unwrap_or_default(), bytes: meta.size })
        }))
    }

    /// Removes the object `name`; that there is none is no error.
    ///
    /// # Errors
    /// [`ObjectsError`].
    pub async fn delete(&self, name: &str) -> Result<(), ObjectsError> {
        let path = self.path(name)?;
        match self.store.delete(&path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(self.failed(name, "deleted", &e)),
        }
    }

    /// Whether the place answers: asks for its first object.
    ///
    /// # Errors
    /// [`ObjectsError`].
    pub async fn probe(&self) -> Result<(), ObjectsError> {
        let first = self.list("")?;
        futures::pin_mut!(first);
        first.try_next().await.map(drop)
    }

    fn path(&self, name: &str) -> Result<Path, ObjectsError> {
        let fits = |part: &str| {
            let letter = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
            !part.is_empty() && part.bytes().all(letter) && !part.bytes().all(|b| b == b'.')
        };
        if !name.split('/').all(fits) {
            return Err(ObjectsError::Name { name: name.to_owned() });
        }
        Ok(name.split('/').fold(self.prefix.clone(), |path, part| path.join(part)))
    }

    fn failed(&self, name: &str, what: &'static str, error: &object_store::Error) -> ObjectsError {
        let (place, name) = (self.place.to_string(), name.to_owned());
        ObjectsError::Failed { place, name, what, reason: reason(error) }
    }
}

/// What the library and what lies beneath say, each once.
fn reason(error: &object_store::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = error.source();
    }
    text
}

/// An object that is written piece by piece, a part of it in memory at a time.
///
/// Dropped without [`Upload::finish`] it leaves nothing that can be read; [`Upload::abort`] also frees what the service has kept of it.
pub struct Upload {
    objects: Objects,
    name: String,
    begun: Box<dyn MultipartUpload>,
    buffer: Vec<u8>,
}

impl Upload {
    /// Appends `bytes`.
    ///
    /// # Errors
    /// [`ObjectsError`]; then only [`Upload::abort`] makes sense.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), ObjectsError> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PART_BYTES - self.buffer.len()));
            self.buffer.extend_from_slice(now);
            bytes = later;
            if self.buffer.len() == PART_BYTES {
                self.send().await?;
            }
        }
        Ok(())
    }

    /// Makes the object what was written, in place of what is there.
    ///
    /// # Errors
    /// [`ObjectsError`].
    pub async fn finish(mut self) -> Result<(), ObjectsError> {
        if !self.buffer.is_empty() {
            self.send().await?;
        }
        let done = self.begun.complete().await.map(drop);
        done.map_err(|e| self.objects.failed(&self.name, "written", &e))
    }

    /// Throws away what was written.
    ///
    /// # Errors
    /// [`ObjectsError`].
    pub async fn abort(mut self) -> Result<(), ObjectsError> {
        let done = self.begun.abort().await;
        done.map_err(|e| self.objects.failed(&self.name, "written", &e))
    }

    async fn send(&mut self) -> Result<(), ObjectsError> {
        let part = std::mem::take(&mut self.buffer);
        let sent = self.begun.put_part(part.into()).await;
        sent.map_err(|e| self.objects.failed(&self.name, "written", &e))
    }
}

#[cfg(test)]
mod tests;
