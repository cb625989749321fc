//! The database's files, by their checksums, and a directory of links through which they are read.
//!
//! ```text
//! lock, version, <n>.jnl
//! keyspaces/<id>/current      number and XXH3-128 of the manifest
//!               /v<number>    manifest: the tables, each with its number and XXH3-128
//!               /tables/<n>   written once, then only read or deleted
//! ```
//!
//! Opening the database writes to it: it cuts journals, deletes tables that no manifest names, and compacts. So the tables that the manifests
//! name are linked into a directory of temporary files, the manifests copied there, and the trees opened there; journals are only read.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use crate::{
    FsckError, Progress, Stage,
    finding::{Findings, Object, Source, code},
};

/// What the file `version` holds.
const VERSION: &[u8] = b"FJL\x03";
/// Bytes of `current`: number, checksum, kind of checksum.
const CURRENT_BYTES: usize = 25;
/// Bytes of the trailer of an archive: manifests and tables are archives.
const TRAILER_BYTES: u64 = 38;
/// Longest table of contents that is read.
const CONTENTS_BYTES_MAX: u64 = 1 << 20;
/// Longest manifest that is read: about a million tables.
const MANIFEST_BYTES_MAX: u64 = 64 << 20;

/// The files of a store that nobody else uses.
pub(crate) struct Files {
    /// Held so that no node starts meanwhile.
    _lock: Option<File>,
    _scratch: TempDir,
    /// Directories through which keyspaces can be opened, by number.
    pub(crate) keyspaces: BTreeMap<u64, PathBuf>,
    /// In the order in which they were written.
    pub(crate) journals: Vec<PathBuf>,
    /// Bytes of all tables.
    pub(crate) bytes: u64,
}

/// One table as a manifest names it.
struct Table {
    number: u64,
    checksum: u128,
}

/// Checks every file of the store in `dir`, and prepares to read it.
pub(crate) fn check(
    dir: &Path,
    findings: &mut Findings,
    progress: &mut dyn FnMut(Progress),
) -> Result<Files, FsckError> {
    let lock = lock(dir, findings)?;
    match fs::read(dir.join("version")) {
        Ok(bytes) if bytes == VERSION => {}
        Ok(_) => damaged(findings, "version", "not the database's version 3"),
        Err(_) => missing(findings, "version"),
    }
    let scratch = tempfile::Builder::new().prefix("xiezhi-fsck-").tempdir();
    let scratch = scratch.map_err(|source| failed(&std::env::temp_dir(), source))?;
    let mut files = Files {
        _lock: lock,
        keyspaces: BTreeMap::new(),
        journals: journals(dir)?,
        bytes: 0,
        _scratch: scratch,
    };
    if files.journals.is_empty() {
        missing(findings, "*.jnl");
    }
    let mut keyspaces = Vec::new();
    for number in numbered(&dir.join("keyspaces"), "")? {
        let name = format!("keyspaces/{number}");
        if let Some((manifest, tables)) = manifest(dir, &name, findings) {
            files.bytes +=
                tables.iter().map(|t| length(&dir.join(format!("{name}/tables/{}", t.number)))).sum::<u64>();
            keyspaces.push((number, name, manifest, tables));
        }
    }
    let mut done = 0;
    for (number, name, manifest, tables) in keyspaces {
        let mut usable = true;
        let mut link = Vec::new();
        for table in tables {
            let path = dir.join(format!("{name}/tables/{}", table.number));
            usable &= check_table(&path, &format!("{name}/tables/{}", table.number), &table, findings);
            done += length(&path);
            progress(Progress { stage: Stage::Files, done, total: files.bytes });
            link.push((table.number, path));
        }
        if usable {
            let target = files._scratch.path().join(number.to_string());
            prepare(&dir.join(&name), &target, &manifest, &link)?;
            files.keyspaces.insert(number, target);
        }
    }
    Ok(files)
}

/// Takes the lock that a running node holds.
fn lock(dir: &Path, findings: &mut Findings) -> Result<Option<File>, FsckError> {
    match File::open(dir.join("lock")) {
        Ok(file) => match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(fs::TryLockError::WouldBlock) => Err(FsckError::InUse { path: dir.to_owned() }),
            Err(fs::TryLockError::Error(source)) => Err(failed(dir, source)),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if !dir.join("keyspaces").is_dir() {
                return Err(FsckError::NoStore { path: dir.to_owned() });
            }
            missing(findings, "lock");
            Ok(None)
        }
        Err(source) => Err(failed(dir, source)),
    }
}

fn failed(path: &Path, source: std::io::Error) -> FsckError {
    FsckError::File { path: path.to_owned(), source }
}

fn missing(findings: &mut Findings, name: &str) {
    findings.add(Object::File(name.to_owned()), code::FILE_MISSING, Source::Peers, "");
}

fn damaged(findings: &mut Findings, name: &str, reason: impl ToString) {
    findings.add(Object::File(name.to_owned()), code::FILE_DAMAGED, Source::Peers, reason);
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |meta| meta.len())
}

/// Numbers of the entries of `dir` that are called a number and `suffix`, rising.
fn numbered(dir: &Path, suffix: &str) -> Result<Vec<u64>, FsckError> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(dir).map_err(|source| failed(dir, source))? {
        let name = entry.map_err(|source| failed(dir, source))?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(suffix)?.parse::<u64>().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn journals(dir: &Path) -> Result<Vec<PathBuf>, FsckError> {
    Ok(numbered(dir, ".jnl")?.into_iter().map(|number| dir.join(format!("{number}.jnl"))).collect())
}

/// Name and tables of the manifest that is in force in the keyspace at `name`; `None` when there is no telling.
fn manifest(dir: &Path, name: &str, findings: &mut Findings) -> Option<(String, Vec<Table>)> {
    let current = format!("{name}/current");
    let Ok(bytes) = fs::read(dir.join(&current)) else {
        missing(findings, &current);
        return None;
    };
    let fields = (bytes.len() == CURRENT_BYTES).then(|| bytes.split_at(8));
    let Some((number, rest)) = fields.filter(|(_, rest)| rest[16] == 0) else {
        damaged(findings, &current, "not a number and a checksum");
        return None;
    };
    let number = u64::from_le_bytes(number.try_into().ok()?);
    let checksum = u128::from_le_bytes(rest[..16].try_into().ok()?);
    let file = format!("v{number}");
    let path = dir.join(name).join(&file);
    if length(&path) > MANIFEST_BYTES_MAX {
        damaged(findings, &format!("{name}/{file}"), "too long");
        return None;
    }
    let Ok(bytes) = fs::read(&path) else {
        missing(findings, &format!("{name}/{file}"));
        return None;
    };
    if xxh3_128(&bytes) != checksum {
        damaged(findings, &format!("{name}/{file}"), "its checksum is not the one in `current`");
        return None;
    }
    let tables = section(&bytes, b"tables").and_then(read_tables);
    if tables.is_none() {
        damaged(findings, &format!("{name}/{file}"), "it names no tables");
    }
    Some((file, tables?))
}

/// A section of an archive: sections, table of contents, trailer.
fn section<'a>(archive: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    let split = archive.len().checked_sub(usize::try_from(TRAILER_BYTES).ok()?)?;
    let (rest, trailer) = archive.split_at(split);
    let (checksum, begin) = read_trailer(trailer)?;
    let contents = rest.get(usize::try_from(begin).ok()?..)?;
    if xxh3_128(contents) != checksum {
        return None;
    }
    let mut input = Fields(contents.strip_prefix(b"TOC!")?);
    for _ in 0..input.u32()? {
        let (begin, length, name) = (input.u64()?, input.u64()?, input.u16()?);
        if input.take(name.into())? == wanted {
            let begin = usize::try_from(begin).ok()?;
            return archive.get(begin..begin.checked_add(usize::try_from(length).ok()?)?);
        }
    }
    None
}

/// Checksum and place of the table of contents.
fn read_trailer(trailer: &[u8]) -> Option<(u128, u64)> {
    let mut input = Fields(trailer.strip_prefix(b"SFA!\x01\x00")?);
    Some((u128::from_le_bytes(input.take(16)?.try_into().ok()?), input.u64()?))
}

/// Little-endian fields.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        Some(self.take(1)?[0])
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(self.take(2)?.try_into().ok()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }
}

/// Levels of runs of tables.
fn read_tables(bytes: &[u8]) -> Option<Vec<Table>> {
    let mut input = Fields(bytes);
    let mut tables = Vec::new();
    for _ in 0..input.u8()? {
        for _ in 0..input.u8()? {
            for _ in 0..input.u32()? {
                let (number, kind) = (input.u64()?, input.u8()?);
                let checksum = u128::from_le_bytes(input.take(16)?.try_into().ok()?);
                input.u64()?;
                (kind == 0).then_some(())?;
                tables.push(Table { number, checksum });
            }
        }
    }
    Some(tables)
}

/// Says whether the tree that has this table can be opened: a damaged block is reported when it is read, a damaged table of contents must not
/// be read at all.
fn check_table(path: &Path, name: &str, table: &Table, findings: &mut Findings) -> bool {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            missing(findings, name);
            return false;
        }
        Err(error) => {
            damaged(findings, name, error);
            return false;
        }
    };
    match checksum(&mut file) {
        Ok(found) if found == table.checksum => true,
        Ok(_) => {
            damaged(findings, name, "its checksum is not the one in the manifest");
            has_contents(&mut file).unwrap_or(false)
        }
        Err(error) => {
            damaged(findings, name, error);
            false
        }
    }
}

fn checksum(file: &mut File) -> std::io::Result<u128> {
    let (mut hasher, mut buffer) = (Xxh3::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.digest128()),
            read => hasher.update(&buffer[..read]),
        }
    }
}

/// Whether the archive's trailer and table of contents are whole.
fn has_contents(file: &mut File) -> std::io::Result<bool> {
    let length = file.metadata()?.len();
    let Some(end) = length.checked_sub(TRAILER_BYTES) else { return Ok(false) };
    let mut trailer = Vec::new();
    file.seek(SeekFrom::Start(end))?;
    file.read_to_end(&mut trailer)?;
    let Some((checksum, begin)) = read_trailer(&trailer) else { return Ok(false) };
    if begin > end || end - begin > CONTENTS_BYTES_MAX {
        return Ok(false);
    }
    let mut contents = Vec::new();
    file.seek(SeekFrom::Start(begin))?;
    file.take(end - begin).read_to_end(&mut contents)?;
    Ok(contents.starts_with(b"TOC!") && xxh3_128(&contents) == checksum)
}

/// Makes `target` a keyspace that has the same tables.
fn prepare(from: &Path, target: &Path, manifest: &str, tables: &[(u64, PathBuf)]) -> Result<(), FsckError> {
    fs::create_dir_all(target.join("tables")).map_err(|source| failed(target, source))?;
    for name in ["current", manifest] {
        fs::copy(from.join(name), target.join(name)).map_err(|source| failed(target, source))?;
    }
    for (number, path) in tables {
        let path = fs::canonicalize(path).map_err(|source| failed(path, source))?;
        let name = target.join("tables").join(number.to_string());
        link(&path, &name).map_err(|source| failed(&name, source))?;
    }
    Ok(())
}

#[cfg(unix)]
fn link(file: &Path, name: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(file, name)
}

/// Links to files are a privilege on some systems.
#[cfg(not(unix))]
fn link(file: &Path, name: &Path) -> std::io::Result<()> {
    fs::copy(file, name).map(drop)
}
