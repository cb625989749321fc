//! When the head of the book goes on the ledger: after it changed, and not more often than laid down. What was recorded once must be in the book.

use serde::{Deserialize, Serialize};

use crate::Book;

/// How long after it is due a head may be off the ledger before it is overdue, in seconds.
pub const OVERDUE_S: u64 = 3600;

/// A head of the book that is on the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedHead {
    /// How many entries the book had.
    pub entries: u64,
    /// SHA-256 of the last line, lower-case hex.
    pub head: String,
    /// When it was recorded; unix seconds.
    pub at: u64,
    /// The record's number.
    pub record: String,
}

/// How the book stands to the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeadStanding {
    /// The newest head is on the ledger, or it is not time yet.
    Kept,
    /// The head is to be put on the ledger.
    Due,
    /// It should have been, an hour ago or longer.
    Overdue,
    /// The book does not have the head that was recorded: it was rewritten, or put back from a copy.
    Rewritten,
}

impl Book {
    /// How the book stands at `now`, with `recorded` the newest head on the ledger and at least `every_s` seconds from one to the next.
    #[must_use]
    pub fn head_standing(&self, recorded: Option<&RecordedHead>, every_s: u64, now: u64) -> HeadStanding {
        let mut covered = 0;
        if let Some(recorded) = recorded {
            let mut head = [0; 32];
            let known = hex::decode_to_slice(&recorded.head, &mut head).ok();
            match known.and_then(|()| self.entries_at(&head)) {
                Some(entries) if entries == recorded.entries => covered = entries,
                _ => return HeadStanding::Rewritten,
            }
        }
        let Some(changed) = self.entry_time(covered) else { return HeadStanding::Kept };
        let due = recorded.map_or(changed, |recorded| changed.max(recorded.at.saturating_add(every_s)));
        match now.checked_sub(due) {
            None => HeadStanding::Kept,
            Some(late) if late < OVERDUE_S => HeadStanding::Due,
            Some(_) => HeadStanding::Overdue,
        }
    }
}
