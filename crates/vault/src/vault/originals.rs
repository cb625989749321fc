//! Where sealed originals lie: in a directory, one file each, or as objects in a bucket (docs/specs/vault.md).
//!
//! ```text
//! directory   <first two digits of the id>/<id>          the segments one after another
//! objects     <first two digits of the id>/<id>/<part>   64 segments each, part from 0; fewer in the last
//!             xiezhi-vault                               whose place this is
//! ```
//!
//! What was acknowledged is there before the database says so; behind it there may be more, which was never acknowledged and is written anew.
//! An object is put whole: as a part grows it takes the place of its own beginning, so that a crash leaves the one or the other.

use std::{
    io::{ErrorKind, SeekFrom},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use futures::TryStreamExt as _;
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _},
};
use xiezhi_objects::{Access, Objects, ObjectsError};
use xiezhi_types::AccountId;

use super::{Finding, VaultError, file_bytes};
use crate::envelope::{SEALED_BYTES, segments};

/// Segments in an object, and most in one answer to a reader.
pub(crate) const PART_SEGMENTS: u64 = 64;
/// Bytes of a full part.
const PART_BYTES: usize = PART_SEGMENTS as usize * SEALED_BYTES;
/// The object that says whose place this is.
const MARK: &str = "xiezhi-vault";
/// Longest mark.
const MARK_BYTES_MAX: u64 = 256;

/// Where the originals of a vault are; cheap to clone.
#[derive(Clone)]
pub struct Originals(Place);

#[derive(Clone)]
enum Place {
    Directory(PathBuf),
    Objects { objects: Objects, account: AccountId },
}

impl Originals {
    /// In the directory `dir`, which is made if it is not there.
    #[must_use]
    pub fn directory(dir: &Path) -> Self {
        Self(Place::Directory(dir.to_owned()))
    }

    /// As objects of the vault whose account is `account`, at `url`: `s3://bucket/prefix`, or `file:///directory`, which must exist. Nothing is asked yet.
    ///
    /// # Errors
    /// [`ObjectsError`].
    pub fn at(url: &str, access: &Access, account: AccountId) -> Result<Self, ObjectsError> {
        Ok(Self(Place::Objects { objects: Objects::open(url, access)?, account }))
    }

    /// Makes sure that this is the place of a vault of `ledger`; takes it where `is_new` says that nothing of the vault's lies anywhere yet.
    pub(super) async fn claim(&self, ledger: &str, is_new: bool) -> Result<(), VaultError> {
        let (objects, account) = match &self.0 {
            Place::Directory(dir) => return Ok(tokio::fs::create_dir_all(dir).await?),
            Place::Objects { objects, account } => (objects, account),
        };
        let mark = format!("xiezhi-vault 1\n{ledger}\n{account}\n");
        let mut found = objects.get(MARK, MARK_BYTES_MAX).await?;
        if found.is_none() && is_new {
            objects.put_if_absent(MARK, mark.clone().into()).await?;
            found = objects.get(MARK, MARK_BYTES_MAX).await?;
        }
        match found {
            Some(found) if found == mark => Ok(()),
            Some(_) => Err(VaultError::Place { rule: "it is another vault's" }),
            None => Err(VaultError::Place { rule: "the vault has originals, and they were not put there" }),
        }
    }

    /// The sealed segments `from..until` of the first `count` of the original `id` of `size` bytes; all of one part.
    pub(super) async fn read(
        &self,
        id: &str,
        size: u64,
        count: u64,
        range: std::ops::Range<u64>,
    ) -> Result<Result<Bytes, Finding>, VaultError> {
        let part = range.start / PART_SEGMENTS;
        let first = part * PART_SEGMENTS;
        let beyond = count.min(first + PART_SEGMENTS);
        let bytes = |from, until| file_bytes(size, until) - file_bytes(size, from);
        let wanted = usize::try_from(bytes(range.start, range.end)).unwrap_or(usize::MAX);
        match &self.0 {
            Place::Directory(dir) => {
                let mut file = match File::open(file_of(dir, id)).await {
                    Ok(file) => file,
                    Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Err(Finding::Lost)),
                    Err(error) => return Err(error.into()),
                };
                let (length, is_whole) = (file.metadata().await?.len(), count == segments(size));
                if length < file_bytes(size, range.end) || is_whole && length != file_bytes(size, count) {
                    return Ok(Err(Finding::Damaged));
                }
                file.seek(SeekFrom::Start(file_bytes(size, range.start))).await?;
                let mut read = vec![0; wanted];
                file.read_exact(&mut read).await?;
                Ok(Ok(read.into()))
            }
            Place::Objects { objects, .. } => {
                let found = match objects.get(&object_of(id, part), PART_BYTES as u64).await {
                    Ok(None) if part == 0 => return Ok(Err(Finding::Lost)),
                    Ok(None) | Err(ObjectsError::TooLong { .. }) => return Ok(Err(Finding::Damaged)),
                    found => found?.unwrap_or_default(),
                };
                let (length, is_whole) = (found.len() as u64, count == segments(size));
                let (least, before) = (bytes(first, beyond), bytes(first, range.start));
                if length < least || is_whole && length != least {
                    return Ok(Err(Finding::Damaged));
                }
                let before = usize::try_from(before).unwrap_or(usize::MAX);
                Ok(Ok(found.slice(before..before + wanted)))
            }
        }
    }

    /// Goes on behind the first `count` segments of `id`, an original of `size` bytes.
    pub(super) async fn append(&self, id: &str, size: u64, count: u64) -> Result<Writer, VaultError> {
        match &self.0 {
            Place::Directory(dir) => {
                let path = file_of(dir, id);
                let parent = path.parent().ok_or(VaultError::Internal("a path without a directory"))?;
                tokio::fs::create_dir_all(parent).await?;
                let mut open = tokio::fs::OpenOptions::new();
                let opened = open.create(true).truncate(false).read(true).write(true).open(&path).await;
                let mut file = opened?;
                // What was written after the last time it was made durable was never acknowledged.
                let bytes = file_bytes(size, count);
                if file.metadata().await?.len() < bytes {
                    return Err(VaultError::Unwell(Finding::Lost));
                }
                file.set_len(bytes).await?;
                file.seek(SeekFrom::End(0)).await?;
                for dir in [parent, dir] {
                    File::open(dir).await?.sync_all().await?;
                }
                Ok(Writer::File(file))
            }
            Place::Objects { objects, .. } => {
                let part = count / PART_SEGMENTS;
                let first = part * PART_SEGMENTS;
                let begun = match count - first {
                    0 => Vec::new(),
                    _ => {
                        let read = self.read(id, size, count, first..count).await?;
                        read.map_err(VaultError::Unwell)?.to_vec()
                    }
                };
                let (objects, id) = (objects.clone(), id.to_owned());
                Ok(Writer::Object { objects, id, part, bytes: begun, is_kept: true })
            }
        }
    }

    /// Deletes what there is of `id`.
    pub(super) async fn delete(&self, id: &str) -> Result<(), VaultError> {
        match &self.0 {
            Place::Directory(dir) => match tokio::fs::remove_file(file_of(dir, id)).await {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
                _ => Ok(()),
            },
            Place::Objects { objects, .. } => {
                let parts: Vec<_> = objects.list(&folder_of(id))?.try_collect().await?;
                for part in parts {
                    objects.delete(&part.name).await?;
                }
                Ok(())
            }
        }
    }
}

fn file_of(dir: &Path, id: &str) -> PathBuf {
    dir.join(&id[..2]).join(id)
}

fn folder_of(id: &str) -> String {
    format!("{}/{id}", &id[..2])
}

fn object_of(id: &str, part: u64) -> String {
    format!("{}/{part}", folder_of(id))
}

/// What is written of an original, segment after segment.
pub(super) enum Writer {
    /// Behind what is in its file.
    File(File),
    /// A part in memory, until it is full.
    Object { objects: Objects, id: String, part: u64, bytes: Vec<u8>, is_kept: bool },
}

impl Writer {
    /// Appends sealed segments, at most to the end of the part; durable with [`Writer::keep`].
    pub(super) async fn write(&mut self, sealed: &[u8]) -> Result<(), VaultError> {
        match self {
            Self::File(file) => file.write_all(sealed).await?,
            Self::Object { objects, id, part, bytes, is_kept } => {
                bytes.extend_from_slice(sealed);
                *is_kept = false;
                if bytes.len() == PART_BYTES {
                    let put = objects.put(&object_of(id, *part), bytes.clone().into()).await;
                    put.inspect_err(|_| bytes.truncate(PART_BYTES - sealed.len()))?;
                    (*part, *is_kept) = (*part + 1, true);
                    bytes.clear();
                }
            }
        }
        Ok(())
    }

    /// Makes durable what was written.
    pub(super) async fn keep(&mut self) -> Result<(), VaultError> {
        match self {
            Self::File(file) => {
                file.flush().await?;
                file.sync_data().await?;
            }
            Self::Object { objects, id, part, bytes, is_kept } if !*is_kept => {
                objects.put(&object_of(id, *part), bytes.clone().into()).await?;
                *is_kept = true;
            }
            Self::Object { .. } => {}
        }
        Ok(())
    }
}
