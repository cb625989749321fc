//! The node's directory: one owner at a time, one ledger for ever, and for each era one key.
//!
//! ```text
//! storage_dir/
//!   lock        held (flock) while a node runs
//!   identity    "xiezhi-consensus 1", ledger digest, node key: one a line, hex
//!   forgotten   there while this node may have forgotten votes that it cast
//!   forgotten-0 the same, of era 0 alone
//!   restart     the last restart that this node takes part in: "xiezhi-restart 1", "NUMBER RESTART BASE", what it grows from: one a line
//!   floor       finalization at or below which it casts no votes; absent when it never forgot any
//!   engine/     the engine's journals and archives
//!   gone/       what was engine/ and is being removed: a kill in between must not leave half an engine
//!   links/      what the engine keeps of its links while the node has no vote
//!   era-N/      identity, forgotten, floor, engine/ of era N, from 1 on; those of era 0 stand above
//!   era-N.R/    the same of restart R of era N; "new", until it is first opened: no vote was cast in it
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
//!
//! # Restarts
//! When a quorum has forgotten its votes, everybody waits for everybody. [`begin_restart`] makes the directory of a new run, in which this node
//! cannot have voted, and notes it in `restart`. It removes the `forgotten` beside the lock: votes of later eras that this node may have cast were for eras that grew from
//! what is lost, and votes carry what their era grows from. The runs before it can no longer be opened.

use crate::{
    Era, StartError,
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
const FORGOTTEN_FIRST: &str = "forgotten-0";
const FLOOR: &str = "floor";
const ENGINE: &str = "engine";
const GONE: &str = "gone";
const NEW: &str = "new";
const RESTART: &str = "restart";
const RESTART_FORMAT: &str = "xiezhi-restart 1";
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
        let path = era_path(root, &config.era);
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
        let restarted = |era: &Era| era.number == config.era.number && era.restart > config.era.restart;
        if let Some((_, later)) = eras(root).map_err(storage)?.into_iter().find(|(era, _)| restarted(era)) {
            return Err(StartError::Restarted { path: later });
        }
        let expected = identity(config);
        match fs::read_to_string(path.join("identity")) {
            Ok(found) if found == expected => remove_durably(path, NEW).map_err(storage)?,
            Ok(_) => return Err(StartError::ForeignStorage { path: path.to_owned() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if path.join(ENGINE).exists() {
                    return Err(StartError::ForeignStorage { path: path.to_owned() });
                }
                let is_new = path.join(NEW).try_exists().map_err(storage)?;
                let emptied =
                    if config.era.restart > 0 { !is_new } else { config.era.number == 0 && height > 0 };
                if emptied || (!is_new && root.join(FORGOTTEN).try_exists().map_err(storage)?) {
                    forget_votes(path).map_err(storage)?;
                }
                write_durably(path, "identity", expected.as_bytes()).map_err(storage)?;
                remove_durably(path, NEW).map_err(storage)?;
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
        let first = self.path == self.root && self.root.join(FORGOTTEN_FIRST).try_exists()?;
        if first || self.path.join(FORGOTTEN).try_exists()? {
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
        remove_tree(&self.votes_journal())?;
        // Later eras have begun nowhere while blocks of this one were still proposed.
        for path in [&self.path, &self.root] {
            remove_durably(path, FORGOTTEN)?;
        }
        if self.path == self.root { remove_durably(&self.root, FORGOTTEN_FIRST) } else { Ok(()) }
    }

    /// Removes what the engine kept of eras before `era`: the application holds their blocks, and whoever is behind follows by those.
    pub(crate) fn discard_before(&self, era: &Era) -> io::Result<()> {
        let order = |era: &Era| Era::order(era.id());
        for (earlier, path) in
            eras(&self.root)?.into_iter().filter(|(earlier, _)| order(earlier) < order(era))
        {
            let (engine, gone) = (path.join(ENGINE), path.join(GONE));
            remove_tree(&gone)?;
            if !engine.try_exists()? {
                continue;
            }
            // Should the application ever return there, this node has forgotten its votes.
            write_durably(&path, if earlier.id() > 0 { FORGOTTEN } else { FORGOTTEN_FIRST }, b"")?;
            fs::rename(&engine, &gone)?;
            File::open(&path)?.sync_all()?;
            remove_tree(&gone)?;
        }
        Ok(())
    }

    fn votes_journal(&self) -> PathBuf {
        self.engine().join(VOTES_PARTITION)
    }

    /// Where the engine keeps its files.
    pub(crate) fn engine(&self) -> PathBuf {
        self.path.join(if self.votes { ENGINE } else { "links" })
    }
}

fn era_path(root: &Path, era: &Era) -> PathBuf {
    match (era.number, era.restart) {
        (0, 0) => root.to_owned(),
        (number, 0) => root.join(format!("era-{number}")),
        (number, restart) => root.join(format!("era-{number}.{restart}")),
    }
}

/// The eras that have a directory below `root`, the first one, which has it for itself, included.
fn eras(root: &Path) -> io::Result<Vec<(Era, PathBuf)>> {
    let mut found = vec![(Era::default(), root.to_owned())];
    for entry in fs::read_dir(root)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix("era-"));
        let Some(name) = name else { continue };
        let (number, restart) = name.split_once('.').unwrap_or((name, "0"));
        if let (Ok(number), Ok(restart)) = (number.parse(), restart.parse()) {
            found.push((Era { number, restart, ..Era::default() }, path));
        }
    }
    Ok(found)
}

/// Makes the directory of a restarted `era` below `root`: see the header of the module.
///
/// To be called only when this node has never voted in a run with this number, restart and start, and will vote in no earlier run any more.
///
/// # Errors
/// The system's; [`io::ErrorKind::AlreadyExists`] if a node was started in that directory.
pub fn begin_restart(root: &Path, era: &Era) -> io::Result<()> {
    if restart_has_begun(root, era) {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "this restart has begun already"));
    }
    let path = era_path(root, era);
    fs::create_dir_all(&path)?;
    write_durably(&path, NEW, b"")?;
    File::create(root.join("lock"))?.sync_all()?;
    remove_durably(root, FORGOTTEN)?;
    note_restart(root, era)
}

/// Has a node below `root` take part in a restarted `era` in which it may have voted and has forgotten its votes.
///
/// # Errors
/// The system's.
pub fn rejoin_restart(root: &Path, era: &Era) -> io::Result<()> {
    forget_votes(&era_path(root, era))?;
    File::create(root.join("lock"))?.sync_all()?;
    note_restart(root, era)
}

/// The last restart that the node below `root` takes part in.
///
/// # Errors
/// The system's; [`io::ErrorKind::InvalidData`] if what is noted cannot be read.
pub fn last_restart(root: &Path) -> io::Result<Option<Era>> {
    let text = match fs::read_to_string(root.join(RESTART)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text?,
    };
    let read = || {
        let (mut numbers, parent) = (text.lines().nth(1)?.split(' '), text.lines().nth(2)?);
        let mut number = || numbers.next()?.parse::<u64>().ok();
        let (number, restart, base) = (number()?.try_into().ok()?, number()?.try_into().ok()?, number()?);
        let byte = |at: usize| u8::from_str_radix(parent.get(2 * at..2 * at + 2)?, 16).ok();
        let parent = (0..32).map(byte).collect::<Option<Vec<_>>>()?.try_into().ok()?;
        let era = Era { number, restart, parent, base };
        (written(&era) == text).then_some(era)
    };
    let damaged = || io::Error::new(io::ErrorKind::InvalidData, "the file \"restart\" is damaged");
    read().map(Some).ok_or_else(damaged)
}

/// Whether a node was started in the directory that [`begin_restart`] makes for `era`.
#[must_use]
pub fn restart_has_begun(root: &Path, era: &Era) -> bool {
    ["identity", FORGOTTEN].into_iter().any(|name| era_path(root, era).join(name).exists())
}

fn note_restart(root: &Path, era: &Era) -> io::Result<()> {
    write_durably(root, RESTART, written(era).as_bytes())
}

fn written(era: &Era) -> String {
    format!("{RESTART_FORMAT}\n{} {} {}\n{}\n", era.number, era.restart, era.base, hex(&era.parent))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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

/// Removes the directory at `path`, which need not be there, and all below it.
fn remove_tree(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes `name` from the directory at `path`, where it need not be.
fn remove_durably(path: &Path, name: &str) -> io::Result<()> {
    match fs::remove_file(path.join(name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => File::open(path)?.sync_all(),
    }
}

fn write_durably(path: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let draft = path.join(format!("{name}.new"));
    let mut file = File::create(&draft)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&draft, path.join(name))?;
    File::open(path)?.sync_all()
}
