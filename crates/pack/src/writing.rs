//! Writing a pack.

use std::io::{self, Read, Seek, Write};

use xiezhi_crypto::{Digest, DigestAlg, DigestHasher, sha256};
use xiezhi_evidence::Certificate;
use xiezhi_types::canonical;
use xiezhi_vault_log::CustodyLog;
use xiezhi_verify::{Anchor, Exhibit, Input, Outcome, Verdict};
use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

use crate::{
    FORMAT, File, Index, PackError,
    custody::{Log, Packing},
    is_safe_name, names,
};

const INSTRUCTIONS_ZH: &str = include_str!("instructions.zh.txt");
const INSTRUCTIONS_EN: &str = include_str!("instructions.en.txt");
/// The original's name where its own is none that every system can have.
const NAMELESS: &str = "original";
/// A file of this length or more needs the long form of an entry.
const LARGE_BYTES: u64 = 0xffff_0000;

/// What goes into a pack.
#[derive(Debug)]
pub struct Pack<'a, R> {
    /// The certificate.
    pub certificate: &'a [u8],
    /// The original; read from its start, twice.
    pub original: R,
    /// The original's name without directories.
    pub original_name: &'a str,
    /// What a vault says happened to the original.
    pub vault: Option<&'a CustodyLog>,
    /// The certificate for people.
    pub document: Option<&'a [u8]>,
    /// The offline verifier.
    pub verifier: Option<&'a [u8]>,
    /// The ledgers trusted.
    pub anchors: &'a [Anchor],
    /// Who packs, when and why.
    pub packing: Packing,
}

/// Verifies certificate and original, and writes the pack to `out`. Gives the verdict at the time of packing.
///
/// # Errors
/// [`PackError::NotValid`], [`PackError::Vault`], [`PackError::VaultUnknown`] before anything is written; [`PackError::Changed`], [`PackError::Io`] leave half a pack.
pub fn write<R: Read + Seek, W: Write + Seek>(out: W, mut pack: Pack<'_, R>) -> Result<Verdict, PackError> {
    let (size, digests) = hash(&mut pack.original)?;
    let exhibit = Exhibit::Digests { size: Some(size), digests: digests.clone() };
    let verdict = xiezhi_verify::verify(&Input {
        certificate: pack.certificate,
        anchors: pack.anchors,
        exhibit: &exhibit,
        record_only: false,
        declared_time: pack.packing.time,
        known_checkpoints: &[],
    });
    if verdict.outcome != Outcome::Valid {
        return Err(PackError::NotValid { outcome: verdict.outcome });
    }
    let original = sha256_of(&digests);
    let said = pack.vault.map(|log| log.check(&verdict.facts, pack.anchors, pack.packing.time)).transpose();
    let said = said.map_err(|error| PackError::Vault { error })?;
    if said.as_ref().is_some_and(|said| said.outcome != Outcome::Valid) {
        return Err(PackError::VaultUnknown);
    }
    let vault = pack.vault.map(line);
    let custody = Log::new(pack.certificate, &original, said.as_ref(), &pack.packing).to_json();
    let manifest = Certificate::parse(pack.certificate).ok().and_then(|certificate| certificate.manifest);
    let manifest = manifest.map(|manifest| canonical(&manifest));
    let name = if is_safe_name(pack.original_name) { pack.original_name } else { NAMELESS };
    let mut writer = Writer { zip: ZipWriter::new(out), files: Vec::new() };
    writer.add(names::CERTIFICATE, pack.certificate)?;
    pack.original.rewind()?;
    let file = writer.stream(&format!("{}{name}", names::ORIGINAL), size, &mut pack.original)?;
    if file.sha256 != hex::encode(original) || file.size != size.to_string() {
        return Err(PackError::Changed);
    }
    let rest = [
        (names::MANIFEST, manifest.as_deref()),
        (names::CUSTODY, Some(custody.as_slice())),
        (names::VAULT, vault.as_deref()),
        (names::DOCUMENT, pack.document),
        (names::VERIFIER, pack.verifier),
        (names::INSTRUCTIONS_ZH, Some(INSTRUCTIONS_ZH.as_bytes())),
        (names::INSTRUCTIONS_EN, Some(INSTRUCTIONS_EN.as_bytes())),
    ];
    for (name, bytes) in rest {
        if let Some(bytes) = bytes {
            writer.add(name, bytes)?;
        }
    }
    let index = index(writer.files.clone());
    writer.add(names::INDEX, &index)?;
    writer.zip.finish()?;
    Ok(verdict)
}

/// The index's bytes.
pub(crate) fn index(files: Vec<File>) -> Vec<u8> {
    line(&Index { files, format: FORMAT.to_owned() })
}

/// One line of JSON.
fn line(value: &impl serde::Serialize) -> Vec<u8> {
    let json = serde_json::to_vec(value).unwrap_or_else(|_| unreachable!("texts in memory"));
    [json, b"\n".to_vec()].concat()
}

/// Length and digests under every algorithm, from the start.
fn hash(from: &mut (impl Read + Seek)) -> Result<(u64, Vec<Digest>), PackError> {
    from.rewind()?;
    let mut hasher = DigestHasher::new(&DigestAlg::ALL);
    copy(from, &mut io::sink(), &mut hasher)?;
    Ok(hasher.finish())
}

pub(crate) fn sha256_of(digests: &[Digest]) -> [u8; 32] {
    digests.iter().find(|digest| digest.alg == DigestAlg::Sha256).map_or([0; 32], |digest| digest.value)
}

/// Copies to the end, digesting on the way.
pub(crate) fn copy(from: &mut impl Read, to: &mut impl Write, hasher: &mut DigestHasher) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(n) => {
                hasher.update(&buffer[..n]);
                to.write_all(&buffer[..n])?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

struct Writer<W: Write + Seek> {
    zip: ZipWriter<W>,
    files: Vec<File>,
}

impl<W: Write + Seek> Writer<W> {
    fn start(&mut self, name: &str, size: u64) -> Result<(), PackError> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
            .unix_permissions(0o644)
            .large_file(size >= LARGE_BYTES);
        Ok(self.zip.start_file(name, options)?)
    }

    fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), PackError> {
        self.start(name, bytes.len() as u64)?;
        self.zip.write_all(bytes)?;
        let (sha256, size) = (hex::encode(sha256(bytes)), bytes.len().to_string());
        self.files.push(File { name: name.to_owned(), sha256, size });
        Ok(())
    }

    fn stream(&mut self, name: &str, size: u64, from: &mut impl Read) -> Result<File, PackError> {
        self.start(name, size)?;
        let mut hasher = DigestHasher::new(&[DigestAlg::Sha256]);
        copy(from, &mut self.zip, &mut hasher)?;
        let (size, digests) = hasher.finish();
        let sha256 = hex::encode(sha256_of(&digests));
        let file = File { name: name.to_owned(), sha256, size: size.to_string() };
        self.files.push(file.clone());
        Ok(file)
    }
}
