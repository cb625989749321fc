//! Opening and checking a pack. The pack may be hostile.

use std::io::{self, Read, Seek, Write};

use xiezhi_crypto::{DigestAlg, DigestHasher};
use xiezhi_evidence::{Certificate, certificate::CERTIFICATE_BYTES_MAX};
use xiezhi_types::{TimestampMs, canonical};
use xiezhi_vault_log::{Custody, CustodyLog};
use xiezhi_verify::{Anchor, Exhibit, Input, Verdict};
use zip::{CompressionMethod, ZipArchive};

use crate::{
    FORMAT, File, Index, PackError,
    custody::{self, Log},
    is_safe_name, names,
    writing::{copy, index, sha256_of},
};

/// Longest index, custody log and vault's log that are read, in bytes.
const JSON_BYTES_MAX: u64 = 16 << 20;

/// The order of the files that every pack has or may have, the index last.
const ORDER: [&str; 10] = [
    names::CERTIFICATE,
    names::ORIGINAL,
    names::MANIFEST,
    names::CUSTODY,
    names::VAULT,
    names::DOCUMENT,
    names::VERIFIER,
    names::INSTRUCTIONS_ZH,
    names::INSTRUCTIONS_EN,
    names::INDEX,
];

/// What a check found in a pack that is whole.
#[derive(Debug)]
pub struct Checked {
    /// The verdict on the certificate with the original in the pack.
    pub verdict: Verdict,
    /// Name of the original within the pack.
    pub original: String,
    /// The custody log.
    pub custody: Log,
    /// What the vault's log proves, where there is one: nothing that the reader trusts, if its outcome is unknown.
    pub vault: Option<Custody>,
    /// Every file but the index.
    pub files: Vec<File>,
}

/// A pack, opened.
#[derive(Debug)]
pub struct Opened<R> {
    zip: ZipArchive<R>,
}

impl<R: Read + Seek> Opened<R> {
    /// Opens a pack; nothing is checked yet but that it is a ZIP.
    ///
    /// # Errors
    /// [`PackError::Form`], [`PackError::Io`].
    pub fn new(reader: R) -> Result<Self, PackError> {
        Ok(Self { zip: ZipArchive::new(reader)? })
    }

    /// Checks that the pack has its files and no other, each as the index says; that manifest and custody log follow from the certificate; and
    /// verifies certificate, original and the vault's log by `anchors` at `declared_time`.
    ///
    /// The document and the verifier page are what the index says, no more: they were not made here.
    ///
    /// # Errors
    /// [`PackError`]. A certificate that does not verify is no error: the verdict says so.
    pub fn check(&mut self, anchors: &[Anchor], declared_time: TimestampMs) -> Result<Checked, PackError> {
        let files = self.index()?;
        let original = self.whole(&files)?;
        let certificate = self.read(names::CERTIFICATE, CERTIFICATE_BYTES_MAX as u64)?;
        let mut hasher = DigestHasher::new(&DigestAlg::ALL);
        copy(&mut self.zip.by_name(&original)?, &mut io::sink(), &mut hasher)?;
        let (size, digests) = hasher.finish();
        let vault = self.vault(&certificate, &files, anchors, declared_time)?;
        let custody = self.custody(&certificate, &sha256_of(&digests), vault.as_ref())?;
        self.manifest(&certificate, &files)?;
        let verdict = xiezhi_verify::verify(&Input {
            certificate: &certificate,
            anchors,
            exhibit: &Exhibit::Digests { size: Some(size), digests },
            record_only: false,
            declared_time,
            known_checkpoints: &[],
        });
        Ok(Checked { verdict, original, custody, vault, files })
    }

    /// Writes the content of the file called `name` to `out`. Check the pack first: only its names are safe for a disk.
    ///
    /// # Errors
    /// [`PackError::Missing`], [`PackError::Io`].
    pub fn copy(&mut self, name: &str, out: &mut impl Write) -> Result<(), PackError> {
        let missing = || PackError::Missing { file: name.to_owned() };
        io::copy(&mut self.zip.by_name(name).map_err(|_| missing())?, out)?;
        Ok(())
    }

    /// The index, in its one form and order.
    fn index(&mut self) -> Result<Vec<File>, PackError> {
        let bytes = self.read(names::INDEX, JSON_BYTES_MAX)?;
        let form = |reason: &str| PackError::Form { reason: format!("{}: {reason}", names::INDEX) };
        let read: Index = serde_json::from_slice(&bytes).map_err(|error| form(&error.to_string()))?;
        if read.format != FORMAT {
            return Err(form("of another format"));
        }
        if index(read.files.clone()) != bytes {
            return Err(form("not in its one form"));
        }
        let places: Vec<_> = read.files.iter().map(|file| place(&file.name)).collect();
        if let Some(at) = places.iter().position(Option::is_none) {
            return Err(PackError::Stray { file: read.files[at].name.clone() });
        }
        if !places.is_sorted_by(|a, b| a < b) {
            return Err(form("files out of order, or twice"));
        }
        Ok(read.files)
    }

    /// Every file listed is there, stored, and as listed; no other is. Gives the original's name.
    fn whole(&mut self, files: &[File]) -> Result<String, PackError> {
        for index in 0..self.zip.len() {
            let entry = self.zip.by_index_raw(index)?;
            let name = entry.name()?.into_owned();
            if entry.compression() != CompressionMethod::Stored {
                return Err(PackError::Form { reason: format!("{name}: compressed") });
            }
            if name != names::INDEX && !files.iter().any(|file| file.name == name) {
                return Err(PackError::Stray { file: name });
            }
        }
        for file in files {
            let missing = || PackError::Missing { file: file.name.clone() };
            let mut hasher = DigestHasher::new(&[DigestAlg::Sha256]);
            copy(&mut self.zip.by_name(&file.name).map_err(|_| missing())?, &mut io::sink(), &mut hasher)?;
            let (size, digests) = hasher.finish();
            if size.to_string() != file.size || hex::encode(sha256_of(&digests)) != file.sha256 {
                return Err(PackError::Altered { file: file.name.clone(), by: names::INDEX });
            }
        }
        for needed in [names::CERTIFICATE, names::CUSTODY] {
            if !files.iter().any(|file| file.name == needed) {
                return Err(PackError::Missing { file: needed.to_owned() });
            }
        }
        let original = files.iter().find(|file| file.name.starts_with(names::ORIGINAL));
        original
            .map(|file| file.name.clone())
            .ok_or_else(|| PackError::Missing { file: names::ORIGINAL.to_owned() })
    }

    fn vault(
        &mut self,
        certificate: &[u8],
        files: &[File],
        anchors: &[Anchor],
        time: TimestampMs,
    ) -> Result<Option<Custody>, PackError> {
        if !files.iter().any(|file| file.name == names::VAULT) {
            return Ok(None);
        }
        let bytes = self.read(names::VAULT, JSON_BYTES_MAX)?;
        let form = |error| PackError::Form { reason: format!("{}: {error}", names::VAULT) };
        let log: CustodyLog = serde_json::from_slice(&bytes).map_err(form)?;
        let checked = log.check(&custody::facts(certificate, time), anchors, time);
        checked.map(Some).map_err(|error| PackError::Vault { error })
    }

    fn custody(
        &mut self,
        certificate: &[u8],
        original: &[u8; 32],
        vault: Option<&Custody>,
    ) -> Result<Log, PackError> {
        let bytes = self.read(names::CUSTODY, JSON_BYTES_MAX)?;
        let altered = || PackError::Altered { file: names::CUSTODY.to_owned(), by: names::CERTIFICATE };
        let log: Log = serde_json::from_slice(&bytes).map_err(|_| altered())?;
        let packing = log.packing().ok_or_else(altered)?;
        let again = Log::new(certificate, original, vault, &packing);
        if again.to_json() == bytes { Ok(again) } else { Err(altered()) }
    }

    fn manifest(&mut self, certificate: &[u8], files: &[File]) -> Result<(), PackError> {
        let expected = Certificate::parse(certificate).ok().and_then(|certificate| certificate.manifest);
        let is_there = files.iter().any(|file| file.name == names::MANIFEST);
        let found = is_there.then(|| self.read(names::MANIFEST, CERTIFICATE_BYTES_MAX as u64)).transpose()?;
        if found == expected.map(|manifest| canonical(&manifest)) {
            return Ok(());
        }
        Err(PackError::Altered { file: names::MANIFEST.to_owned(), by: names::CERTIFICATE })
    }

    fn read(&mut self, name: &str, bytes_max: u64) -> Result<Vec<u8>, PackError> {
        let missing = || PackError::Missing { file: name.to_owned() };
        let mut bytes = Vec::new();
        self.zip.by_name(name).map_err(|_| missing())?.take(bytes_max + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > bytes_max {
            return Err(PackError::Form { reason: format!("{name}: longer than {bytes_max} bytes") });
        }
        Ok(bytes)
    }
}

/// Where a name stands in the order; none where no pack has such a file.
fn place(name: &str) -> Option<usize> {
    let known =
        if name.strip_prefix(names::ORIGINAL).is_some_and(is_safe_name) { names::ORIGINAL } else { name };
    let is_listed = ![names::ORIGINAL, names::INDEX].contains(&name);
    ORDER.iter().position(|place| *place == known).filter(|_| is_listed)
}
