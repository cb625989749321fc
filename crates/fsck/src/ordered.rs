//! Reading a keyspace for keys that are asked for in rising order, noticing what lies between them.

use lsm_tree::Slice;

use crate::{
    database::{Database, Scan, Unreadable},
    finding::{Findings, Object, Source, code},
    layout::Space,
};

/// A keyspace read from front to back. After an error of the database each key is asked for by itself, and strays are noticed no more.
pub(crate) struct Ordered<'a> {
    database: &'a Database,
    space: Space,
    scan: Option<std::iter::Peekable<Scan>>,
    failed: Option<Unreadable>,
}

impl<'a> Ordered<'a> {
    pub(crate) fn new(database: &'a Database, space: Space) -> Self {
        Self { database, space, scan: Some(database.scan(space, &[]).peekable()), failed: None }
    }

    /// The value of `key`, which is above all asked for before; `stray` gets the keys that were passed over.
    pub(crate) fn take(
        &mut self,
        key: &[u8],
        mut stray: impl FnMut(&[u8]),
    ) -> Result<Option<Slice>, Unreadable> {
        while let Some(scan) = &mut self.scan {
            match scan.next_if(|pair| !matches!(pair, Ok((found, _)) if **found > *key)) {
                Some(Ok((found, value))) if *found == *key => return Ok(Some(value)),
                Some(Ok((found, _))) => stray(&found),
                Some(Err(error)) => {
                    self.scan = None;
                    self.failed = Some(error);
                }
                None => return Ok(None),
            }
        }
        self.database.get(self.space, key)
    }

    /// Gives `stray` what comes after the last key asked for, and reports an error of the database, if there was one.
    pub(crate) fn finish(mut self, findings: &mut Findings, mut stray: impl FnMut(&[u8])) {
        for pair in self.scan.into_iter().flatten() {
            match pair {
                Ok((found, _)) => stray(&found),
                Err(error) => self.failed = Some(error),
            }
        }
        if let Some(error) = self.failed {
            unreadable(self.database, findings, self.space, &error);
        }
    }
}

/// The database cannot read a part of a keyspace. One that could not be opened is reported already.
pub(crate) fn unreadable(database: &Database, findings: &mut Findings, space: Space, error: &Unreadable) {
    if !database.has(space) {
        return;
    }
    let source = match space {
        Space::Log | Space::Items | Space::Seals => Source::Peers,
        _ => Source::Log,
    };
    findings.add(Object::Keyspace(space.name()), code::KEYSPACE_UNREADABLE, source, error.0.as_str());
}
