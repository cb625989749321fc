//! The node's directory: one owner at a time, one ledger for ever, and for each era one key.
//!
//! ```text
//! storage_dir/
//!   lock        held (flock) while a node runs
//!   identity    "xiezhi-consensus 1", ledger digest, node key: one a line, hex
//!   forgotten   there while this node may have forgotten votes that it cast
//!   floor       finalization at or below which it casts no votes; absent when it never forgot any
//!   engine/     the engine's journals and archives
//!   links/      what the engine keeps of its links while the node has no vote
//!   era-N/      identity, forgotten, floor, engine/ of era N, from 1 on; those of era 0 stand above
//! ```
//!
//! `forgotten` beside the lock holds for eras that have no directory yet as well: a node that lost votes may have cast some in them.
//!
//! `identity` is written before anything else, so a directory without it holds nothing. Votes cast under one
//! key must never be continued under another, hence the node key in it.
//!
//! # Forgotten votes
//! A validator whose journal is lost, or older than its last vote, must not vote as if it had not voted: two votes of one key for one view are
//! what agreement cannot bear from a third of the validators. While `forgotten` is there it takes part without signing anything. It follows
//! until a block is final that was certainly proposed after it started, and votes only in views above that block's: every view it can have
//! voted in before lies at or below. For suppose it had voted in a view `v` above the view `w` of that block. It entered `v` on a certificate for
//! view `v - 1 >= w` that a quorum had made before this start. If `v - 1 > w`, more than a third honest validators had left `w` behind before
//! its block was proposed, and the rest cannot make it final. If `v - 1 = w`, the certificate is the notarization of a block that was not
//! proposed yet, which cannot be, or a nullification of `w`, which excludes a finalization of it.
//!
//! `floor` is written, synced, before `forgotten` is removed, and is given to the engine at every start from then on, so a crash in between
//! leaves the node silent and a crash afterwards leaves it with the floor. The old votes are removed in between: all of them lie below the floor.
//!
//! A node whose journal of votes is damaged has forgotten votes as well: that is looked for at every start, before the engine repairs it.

use crate::{
    StartError,
    config::{Checked, Votes},
    engine::VOTES_PARTITION,
    journal,
};
use sha2::{Digest as _, Sha256};
use std::{
    fs::{self, File, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
};
use tracing::warn;

const FORMAT: &str = "xiezhi-consensus 1";
const FORGOTTEN: &str = "forgotten";
const FLOOR: &str = "floor";
const LEDGER_TAG: &[u8] = b"xiezhi/consensus/ledger/v1\0";

/// A directory that is ours until dropped.
#[derive(Debug)]
pub(crate) struct Directory {
    root: PathBuf,
    /// The era's.
    path: PathBuf,
    votes: bool,
    _lock: File,
}

impl Directory {
    /// Opens or creates the directory of `config`, which lies at `root`, and checks that it belongs to this ledger, and the era's to this key.
    ///
    /// A new directory of an application that has blocks already, `height` of them in this era, has forgotten votes.
    pub(crate) fn open(root: &Path, config: &Checked, height: u64) -> Result<Self, StartError> {
        let path = era_path(root, config.era.number);
        let path = path.as_path();
        let storage = |source| StartError::Storage { path: path.to_owned(), source };
        fs::create_dir_all(path).map_err(storage)?;
        if !root.join("lock").try_exists().map_err(storage)? && config.era.base.saturating_add(height) > 0 {
            forget_votes(root).map_err(storage)?;
        }
        let lock = File::create(root.join("lock")).map_err(storage)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => StartError::StorageInUse { path: root.to_owned() },
            TryLockError::Error(source) => storage(source),
        })?;
        let votes = config.is_validator();
        let directory = Self { root: root.to_owned(), path: path.to_owned(), votes, _lock: lock };
        if !votes {
            return Ok(directory);
        }
        let expected = identity(config);
        match fs::read_to_string(path.join("identity")) {
            Ok(found) if found == expected => {}
            Ok(_) => return Err(StartError::ForeignStorage { path: path.to_owned() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if path.join("engine").exists() {
                    return Err(StartError::ForeignStorage { path: path.to_owned() });
                }
                let emptied = config.era.number == 0 && height > 0;
                if emptied || root.join(FORGOTTEN).try_exists().map_err(storage)? {
                    forget_votes(path).map_err(storage)?;
                }
                write_durably(path, "identity", expected.as_bytes()).map_err(storage)?;
            }
            Err(source) => return Err(storage(source)),
        }
        if let Some(file) = journal::damaged(&directory.votes_journal()).map_err(storage)? {
            warn!(
                file = %file.display(),
                "the journal of this node's votes is damaged, or a crash cut its last entry short"
            );
            forget_votes(path).map_err(storage)?;
        }
        Ok(directory)
    }

    /// What is known of the votes cast.
    pub(crate) fn votes(&self) -> io::Result<Votes> {
        if self.path.join(FORGOTTEN).try_exists()? {
            return Ok(Votes::Forgotten);
        }
        match fs::read(self.path.join(FLOOR)) {
            Ok(floor) => Ok(Votes::Remembered { floor: Some(floor.into()) }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Votes::Remembered { floor: None }),
            Err(error) => Err(error),
        }
    }

    /// From now on this node votes, above `floor` only.
    pub(crate) fn vote_above(&self, floor: &[u8]) -> io::Result<()> {
        write_durably(&self.path, FLOOR, floor)?;
        match fs::remove_dir_all(self.votes_journal()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // Later eras have begun nowhere while blocks of this one were still proposed.
        for path in [&self.path, &self.root] {
            match fs::remove_file(path.join(FORGOTTEN)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => File::open(path)?.sync_all()?,
            }
        }
        Ok(())
    }

    /// Removes what the engine kept of eras before `era`: the application holds their blocks, and whoever is behind follows by those.
    pub(crate) fn discard_before(&self, era: u64) -> io::Result<()> {
        for number in (0..era).rev() {
            let path = era_path(&self.root, number);
            let engine = path.join("engine");
            if !engine.try_exists()? {
                break;
            }
            // Should the application ever return there, this node has forgotten its votes. In the root that would be said of later eras too.
            if number > 0 {
                forget_votes(&path)?;
            }
            fs::remove_dir_all(&engine)?;
        }
        Ok(())
    }

    fn votes_journal(&self) -> PathBuf {
        self.engine().join(VOTES_PARTITION)
    }

    /// Where the engine keeps its files.
    pub(crate) fn engine(&self) -> PathBuf {
        self.path.join(if self.votes { "engine" } else { "links" })
    }
}

fn era_path(root: &Path, number: u64) -> PathBuf {
    match number {
        0 => root.to_owned(),
        number => root.join(format!("era-{number}")),
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

/// Marks the directory at `path`, which may be missing, as one whose node may have forgotten votes: to be done before a node is started from a
/// copy, or with an empty directory under a key that has voted.
///
/// The node then follows in silence, and votes again above the first final block of which [`crate::Application::is_after_start`] holds.
///
/// # Errors
/// The system's.
pub fn forget_votes(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)?;
    write_durably(path, FORGOTTEN, b"")
}

fn write_durably(path: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let draft = path.join(format!("{name}.new"));
    let mut file = File::create(&draft)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&draft, path.join(name))?;
    File::open(path)?.sync_all()
}
