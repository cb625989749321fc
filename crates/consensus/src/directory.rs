//! The node's directory: one owner at a time, one ledger and one key for ever.
//!
//! ```text
//! storage_dir/
//!   lock        held (flock) while a node runs
//!   identity    "xiezhi-consensus 1", ledger digest, node key: one a line, hex
//!   engine/     the engine's journals and archives
//! ```
//!
//! `identity` is written before anything else, so a directory without it holds nothing. Votes cast under one
//! key must never be continued under another, hence the node key in it.

use crate::{StartError, config::Checked};
use sha2::{Digest as _, Sha256};
use std::{
    fs::{self, File, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

const FORMAT: &str = "xiezhi-consensus 1";
const LEDGER_TAG: &[u8] = b"xiezhi/consensus/ledger/v1\0";

/// A directory that is ours until dropped.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    _lock: File,
}

impl Directory {
    /// Opens or creates the directory of `config` and checks that it belongs to this ledger and this key.
    pub(crate) fn open(path: &Path, config: &Checked) -> Result<Self, StartError> {
        let storage = |source| StartError::Storage { path: path.to_owned(), source };
        fs::create_dir_all(path).map_err(storage)?;
        let lock = File::create(path.join("lock")).map_err(storage)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => StartError::StorageInUse { path: path.to_owned() },
            TryLockError::Error(source) => storage(source),
        })?;
        let expected = identity(config);
        match fs::read_to_string(path.join("identity")) {
            Ok(found) if found == expected => {}
            Ok(_) => return Err(StartError::ForeignStorage { path: path.to_owned() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if path.join("engine").exists() {
                    return Err(StartError::ForeignStorage { path: path.to_owned() });
                }
                write_durably(path, &expected).map_err(storage)?;
            }
            Err(source) => return Err(storage(source)),
        }
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Where the engine keeps its files.
    pub(crate) fn engine(&self) -> PathBuf {
        self.path.join("engine")
    }
}

fn identity(config: &Checked) -> String {
    let mut hasher = Sha256::new();
    hasher.update(LEDGER_TAG);
    hasher.update((config.namespace.len() as u64).to_be_bytes());
    hasher.update(&config.namespace);
    hasher.update(config.genesis.digest());
    for key in &config.validators {
        hasher.update(key);
    }
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("{FORMAT}\n{}\n{}\n", hex(&hasher.finalize()), hex(&config.public_key))
}

fn write_durably(path: &Path, identity: &str) -> io::Result<()> {
    let draft = path.join("identity.new");
    let mut file = File::create(&draft)?;
    file.write_all(identity.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path.join("identity"))?;
    File::open(path)?.sync_all()
}
