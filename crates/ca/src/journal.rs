//! The book's file: appended under a lock, synced before anything is answered, read on by every process that has it open.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use crate::book::{Book, BookError, Event};

const BOOK: &str = "book.jsonl";
const LOCK: &str = "book.lock";
/// Longest line, in bytes.
const LINE_BYTES_MAX: u64 = 256 << 10;

/// Why the book could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is no book, or not all of it.
    #[error("{}, line {line}: {source}", path.display())]
    Broken {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: u64,
        /// What is wrong.
        source: BookError,
    },
    /// What was to be done cannot be.
    #[error(transparent)]
    Refused(#[from] BookError),
    /// Writing failed in a way after which nobody knows what is on the disk.
    #[error("{}: an earlier write failed; open it anew", path.display())]
    Unsure {
        /// Which file.
        path: PathBuf,
    },
}

/// The file, and the book as far as it has been read.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    lock: File,
    read: u64,
    book: Book,
    unsure: bool,
}

impl Journal {
    /// Makes the file in `dir`, where there is no authority yet, with its first entry.
    pub(crate) fn create(dir: &Path, now: u64, by: &str, opened: Event) -> Result<Self, JournalError> {
        let path = dir.join(BOOK);
        let failed = |source| JournalError::File { path: path.clone(), source };
        // What an interrupted beginning has left is nobody's book yet.
        OpenOptions::new().write(true).create(true).truncate(true).open(&path).map_err(failed)?;
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed)?;
        let mut journal = Self::open_file(dir)?;
        journal.append(now, by, |_| Ok::<_, JournalError>(Some(opened)))?;
        Ok(journal)
    }

    /// Opens the book in `dir` and reads it. A last line that was not written to its end was never answered: it goes.
    pub(crate) fn open(dir: &Path) -> Result<Self, JournalError> {
        let mut journal = Self::open_file(dir)?;
        let locked = journal.locked()?;
        let torn = journal.read_on()?;
        if torn > 0 {
            tracing::warn!(bytes = torn, "the book's last line was not written to its end: dropped");
            journal.file.set_len(journal.read).map_err(|e| journal.failed(e))?;
            journal.file.sync_all().map_err(|e| journal.failed(e))?;
        }
        drop(locked);
        Ok(journal)
    }

    fn open_file(dir: &Path) -> Result<Self, JournalError> {
        let path = dir.join(BOOK);
        let open = |path: &Path, create: bool| {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(create);
            options.open(path).map_err(|source| JournalError::File { path: path.to_owned(), source })
        };
        let (file, lock) = (open(&path, false)?, open(&dir.join(LOCK), true)?);
        Ok(Self { path, file, lock, read: 0, book: Book::default(), unsure: false })
    }

    /// The book as it is on the disk now.
    pub(crate) fn book(&mut self) -> Result<&Book, JournalError> {
        let length = self.file.metadata().map_err(|e| self.failed(e))?.len();
        if length != self.read {
            // What another process is writing at this moment may be half there: it is read when it is whole.
            self.read_on()?;
        }
        Ok(&self.book)
    }

    /// Appends what `decide` makes of the book as it is now, if anything; it is on the disk then.
    pub(crate) fn append<E: From<JournalError>>(
        &mut self,
        now: u64,
        by: &str,
        decide: impl FnOnce(&Book) -> Result<Option<Event>, E>,
    ) -> Result<(), E> {
        if self.unsure {
            return Err(JournalError::Unsure { path: self.path.clone() }.into());
        }
        let _locked = self.locked()?;
        if self.read_on()? > 0 {
            // Under the lock nobody is writing: whoever was is gone.
            self.file.set_len(self.read).map_err(|e| self.failed(e))?;
        }
        let Some(event) = decide(&self.book)? else { return Ok(()) };
        let line = self.book.line(now, by, event).map_err(JournalError::from)?;
        let bytes = [&line.bytes, &b"\n"[..]].concat();
        if bytes.len() as u64 > LINE_BYTES_MAX {
            let reason = "an entry is longer than 256 KiB".to_owned();
            return Err(JournalError::from(BookError { reason }).into());
        }
        if let Err(source) = self.write(&bytes) {
            // Nothing was answered; what is there of it goes. If that fails too, the next to open the book finds out.
            self.unsure = self.file.set_len(self.read).and_then(|()| self.file.sync_all()).is_err();
            return Err(self.failed(source).into());
        }
        self.read += bytes.len() as u64;
        self.book.happened(line);
        Ok(())
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.read))?;
        self.file.write_all(line)?;
        self.file.sync_data()
    }

    /// Reads every whole line that is new; gives the length of what comes after the last.
    fn read_on(&mut self) -> Result<u64, JournalError> {
        self.file.seek(SeekFrom::Start(self.read)).map_err(|e| self.failed(e))?;
        let mut bytes = Vec::new();
        let file = &mut self.file;
        file.read_to_end(&mut bytes)
            .map_err(|source| JournalError::File { path: self.path.clone(), source })?;
        let mut rest = bytes.as_slice();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line = self.book.head().0 + 1;
            let path = &self.path;
            self.book.take(&rest[..end]).map_err(|source| JournalError::Broken {
                path: path.clone(),
                line,
                source,
            })?;
            self.read += end as u64 + 1;
            rest = &rest[end + 1..];
        }
        Ok(rest.len() as u64)
    }

    /// Keeps other processes from writing until it is dropped.
    fn locked(&self) -> Result<Locked, JournalError> {
        let lock = self.lock.try_clone().map_err(|e| self.failed(e))?;
        lock.lock().map_err(|e| self.failed(e))?;
        Ok(Locked(lock))
    }

    fn failed(&self, source: io::Error) -> JournalError {
        JournalError::File { path: self.path.clone(), source }
    }
}

struct Locked(File);

impl Drop for Locked {
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}
