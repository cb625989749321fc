//! The outbox: carries every entry to every sink, however often it is stopped on the way.
//!
//! ```text
//! pending --> [statement kept] --> sent --> recorded --> sealed: proof, event and state in one write
//!    ^------- failed <------------- reason, next try
//! ```
//!
//! What is sent was kept before: after a stop it is sent again as it was, and the ledger knows it. A token that was not kept is asked for
//! again; one that nobody kept binds nobody. Two outboxes at once do no harm, beyond asking twice.

use futures::{StreamExt as _, stream};
use xiezhi_crypto::{Digest, DigestAlg};
use xiezhi_database::{Row, Transaction, Value};
use xiezhi_types::TimestampMs;

use crate::{
    Book, ServiceError,
    book::{group, ms, number, write_lists},
    leg::delay_ms,
    sink::{Step, Task},
};

/// Legs under way at once.
const IN_FLIGHT_MAX: usize = 32;
/// Legs of a round.
const ROUND_MAX: i64 = 256;

/// The outbox of a book.
pub struct Outbox {
    book: Book,
    clock: fn() -> TimestampMs,
}

/// A leg that is due.
struct Due {
    seq: i64,
    owner: String,
    transaction: String,
    entry: u32,
    sink: String,
    attempts: u64,
    task: Task,
}

impl Outbox {
    /// The outbox of `book` by `clock`.
    #[must_use]
    pub fn new(book: Book, clock: fn() -> TimestampMs) -> Self {
        Self { book, clock }
    }

    /// Tries every leg that is due once; how many there were.
    ///
    /// # Errors
    /// The database's. What was done before it is kept.
    pub async fn round(&self) -> Result<usize, ServiceError> {
        let due = self.due().await?;
        let count = due.len();
        let mut work =
            stream::iter(due.into_iter().map(|due| self.carry(due))).buffer_unordered(IN_FLIGHT_MAX);
        let mut failed = None;
        while let Some(done) = work.next().await {
            failed = failed.or(done.err());
        }
        failed.map_or(Ok(count), Err)
    }

    /// Works until it is dropped: whenever something is added, and when a leg's time has come.
    pub async fn run(&self) {
        loop {
            let wait = match self.round().await {
                Ok(0) => std::time::Duration::from_millis(500),
                Ok(_) => std::time::Duration::from_millis(50),
                Err(error) => {
                    tracing::warn!(%error, "the outbox");
                    std::time::Duration::from_secs(2)
                }
            };
            let _ = tokio::time::timeout(wait, self.book.wake.notified()).await;
        }
    }

    async fn due(&self) -> Result<Vec<Due>, ServiceError> {
        let sql = "SELECT l.seq, l.transaction_id, l.number, l.sink, l.attempts, l.statement, e.phase, e.root, \
            e.searchable, t.owner FROM evidence_legs l \
            JOIN evidence_entries e ON e.transaction_id = l.transaction_id AND e.number = l.number \
            JOIN evidence_transactions t ON t.id = l.transaction_id \
            WHERE l.state <> 'sealed' AND l.next_ms <= $1 ORDER BY l.next_ms, l.seq LIMIT $2";
        let rows = self.book.database.query(sql, vec![ms((self.clock)()), ROUND_MAX.into()]).await?;
        rows.iter().map(|row| self.read(row)).collect()
    }

    fn read(&self, row: &Row) -> Result<Due, ServiceError> {
        let broken = |_| ServiceError::Internal("a digest of another length");
        let owner = row.text(9)?.to_owned();
        let searchable =
            row.optional_bytes(8)?.map(|bytes| Digest::new(DigestAlg::Sha256, bytes)).transpose();
        let task = Task {
            group: group(row.text(1)?)?,
            phase: number(row, 6)?,
            root: Digest::new(DigestAlg::Sha256, row.bytes(7)?).map_err(broken)?.value,
            searchable: searchable.map_err(broken)?,
            grantor: self.book.grantors.get(&owner).copied(),
            statement: row.optional_bytes(5)?.map(<[u8]>::to_vec),
        };
        Ok(Due {
            seq: row.int(0)?,
            owner,
            transaction: row.text(1)?.to_owned(),
            entry: number(row, 2)?,
            sink: row.text(3)?.to_owned(),
            attempts: u64::try_from(row.int(4)?).unwrap_or_default(),
            task,
        })
    }

    async fn carry(&self, mut due: Due) -> Result<(), ServiceError> {
        let Some(sink) = self.book.sink(&due.sink) else {
            return self.failed(&due, "sink-not-configured").await;
        };
        loop {
            match sink.advance(&due.task, (self.clock)()).await {
                Ok(Step::Prepared(statement)) => {
                    if !self.keep(&due, &statement).await? {
                        // Another outbox was faster: what it kept is what counts.
                        return Ok(());
                    }
                    due.task.statement = Some(statement);
                }
                Ok(Step::Recorded(record)) => return self.recorded(&due, &record).await,
                Ok(Step::Sealed { record, proof, revocations }) => {
                    return self.sealed(&due, record, proof, &revocations).await;
                }
                Err(error) => return self.failed(&due, &error.reason).await,
            }
        }
    }

    /// Keeps `statement` in place of the one that was read; whether that was still there.
    async fn keep(&self, due: &Due, statement: &[u8]) -> Result<bool, ServiceError> {
        let touched = match &due.task.statement {
            None => {
                let sql = "UPDATE evidence_legs SET statement = $1 WHERE seq = $2 AND statement IS NULL";
                self.book.database.execute(sql, vec![statement.into(), due.seq.into()]).await?
            }
            Some(old) => {
                let sql = "UPDATE evidence_legs SET statement = $1 WHERE seq = $2 AND statement = $3";
                let values = vec![statement.into(), due.seq.into(), old.as_slice().into()];
                self.book.database.execute(sql, values).await?
            }
        };
        Ok(touched == 1)
    }

    fn next(&self, attempts: u64) -> Value {
        ms(TimestampMs((self.clock)().0 + delay_ms(attempts)))
    }

    async fn recorded(&self, due: &Due, record: &str) -> Result<(), ServiceError> {
        let sql = "UPDATE evidence_legs SET state = 'recorded', record = $1, attempts = 0, reason = NULL, next_ms = $2 \
            WHERE seq = $3 AND state <> 'sealed'";
        self.book.database.execute(sql, vec![record.into(), self.next(1), due.seq.into()]).await?;
        Ok(())
    }

    async fn failed(&self, due: &Due, reason: &str) -> Result<(), ServiceError> {
        tracing::info!(
            transaction = due.transaction,
            entry = due.entry,
            sink = due.sink,
            reason,
            "a leg failed"
        );
        let attempts = due.attempts.saturating_add(1);
        let mut open = self.book.database.begin().await?;
        let sql = "UPDATE evidence_legs SET state = 'failed', reason = $1, attempts = $2, next_ms = $3 \
            WHERE seq = $4 AND state <> 'sealed'";
        let count = i64::try_from(attempts).unwrap_or(i64::MAX);
        let values = vec![reason.into(), count.into(), self.next(attempts), due.seq.into()];
        let touched = open.execute(sql, values).await?;
        if touched == 1 && attempts == 1 {
            self.note(&mut open, due, "leg.failed", &due.sink).await?;
        }
        Ok(open.commit().await?)
    }

    async fn sealed(
        &self,
        due: &Due,
        record: Option<String>,
        proof: Vec<u8>,
        revocations: &[Vec<u8>],
    ) -> Result<(), ServiceError> {
        let mut open = self.book.database.begin().await?;
        // Takes the transaction's lock: of the last two legs, one sees the other.
        let sql = "UPDATE evidence_transactions SET entries = entries + 0 WHERE id = $1";
        open.execute(sql, vec![due.transaction.as_str().into()]).await?;
        let sql = "UPDATE evidence_legs SET state = 'sealed', record = $1, proof = $2, revocations = $3, attempts = 0, \
            reason = NULL WHERE seq = $4 AND state <> 'sealed'";
        let values = vec![record.into(), proof.into(), write_lists(revocations).into(), due.seq.into()];
        if open.execute(sql, values).await? == 1 {
            self.note(&mut open, due, "leg.sealed", &due.sink).await?;
            let sql = "SELECT seq FROM evidence_legs WHERE transaction_id = $1 AND number = $2 AND state <> 'sealed' LIMIT 1";
            let values = vec![due.transaction.as_str().into(), i64::from(due.entry).into()];
            if open.query(sql, values).await?.is_empty() {
                self.note(&mut open, due, "entry.complete", "").await?;
            }
        }
        Ok(open.commit().await?)
    }

    async fn note(
        &self,
        open: &mut Transaction,
        due: &Due,
        kind: &str,
        sink: &str,
    ) -> Result<(), ServiceError> {
        let sql = "INSERT INTO evidence_events \
            (owner, at_ms, kind, transaction_id, number, sink, delivered, attempts, next_ms) \
            VALUES ($1, $2, $3, $4, $5, $6, 0, 0, $2)";
        let values = vec![
            due.owner.as_str().into(),
            ms((self.clock)()),
            kind.into(),
            due.transaction.as_str().into(),
            i64::from(due.entry).into(),
            sink.into(),
        ];
        open.execute(sql, values).await?;
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests;
