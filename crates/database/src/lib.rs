//! Application data (people's applications, sessions, later orders and cases): SQLite by default, PostgreSQL by another URL.
//!
//! ```text
//! Database     one small layer over both: statements, values, transactions; migrations, forward only
//! PersonKeys   a key for each person, in a file of its own that no backup of the database holds: erasing it erases the person
//! ```
//!
//! Ledger data is never here: it lives in `store`. The only crate that names the library underneath. Statements are written once, with
//! parameters `$1`, `$2`, ..., in the SQL that both understand.
//!
//! What is **absent**: no clock; no statement made of anything but literals, so that no value is ever taken for SQL.

#[cfg(feature = "fixtures")]
pub mod fixtures;
mod migration;
mod person;
mod value;

use std::{str::FromStr as _, time::Duration};

use sqlx::{
    PgPool, Sqlite, SqlitePool,
    postgres::PgPoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

pub use migration::MIGRATIONS;
pub use person::{PersonId, PersonKeyError, PersonKeys};
pub use value::{Row, Value};

/// Most connections at once.
const CONNECTIONS_MAX: u32 = 8;
/// How long a statement waits for another's lock, and for a free connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why the database did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// The address names no database that is known here.
    #[error("\"{scheme}\" is no database: an address begins with sqlite: or postgres://")]
    Url {
        /// What stands before the colon; the rest may hold a password.
        scheme: String,
    },
    /// A row that must be unique exists already. Retrying does not help.
    #[error("exists already")]
    Exists,
    /// The database does not answer, or refuses. Retrying can help.
    #[error("the database: {0}")]
    Driver(#[source] sqlx::Error),
    /// A newer program has been here.
    #[error("the database is of version {found}, this program knows {known}: use a newer program")]
    Newer {
        /// The database's.
        found: usize,
        /// This program's.
        known: usize,
    },
    /// A migration that was applied reads otherwise now.
    #[error("migration {version} is not the one that was applied to this database")]
    Altered {
        /// Which, from 1.
        version: usize,
    },
    /// A column is not there, or not of that type: a mistake of the program's.
    #[error("column {column} is not {expected}")]
    Column {
        /// Which, from 0.
        column: usize,
        /// What was asked for.
        expected: &'static str,
    },
}

impl From<sqlx::Error> for DatabaseError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(refused) if refused.is_unique_violation() => Self::Exists,
            _ => Self::Driver(error),
        }
    }
}

#[derive(Debug, Clone)]
enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// A database; cheap to clone.
#[derive(Debug, Clone)]
pub struct Database(Pool);

impl Database {
    /// Opens the database at `url`: `sqlite:FILE`, made if it is not there, or `postgres://user@host/name`.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn open(url: &str) -> Result<Self, DatabaseError> {
        let scheme = url.split(':').next().unwrap_or_default();
        match scheme {
            "sqlite" => {
                // Deleted rows are overwritten, and nothing is acknowledged before it is on the disk.
                let options = SqliteConnectOptions::from_str(url)?
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Full)
                    .foreign_keys(true)
                    .busy_timeout(PATIENCE)
                    .pragma("secure_delete", "ON");
                let pool =
                    SqlitePoolOptions::new().max_connections(CONNECTIONS_MAX).acquire_timeout(PATIENCE);
                Ok(Self(Pool::Sqlite(pool.connect_with(options).await?)))
            }
            "postgres" | "postgresql" => {
                let pool = PgPoolOptions::new().max_connections(CONNECTIONS_MAX).acquire_timeout(PATIENCE);
                Ok(Self(Pool::Postgres(pool.connect(url).await?)))
            }
            other => Err(DatabaseError::Url { scheme: other.chars().take(20).collect() }),
        }
    }

    /// Runs `sql` with `values`; how many rows it touched.
    ///
    /// # Errors
    /// [`DatabaseError`]; [`DatabaseError::Exists`] when a row must be unique and is not.
    pub async fn execute(&self, sql: &'static str, values: Vec<Value>) -> Result<u64, DatabaseError> {
        match &self.0 {
            Pool::Sqlite(pool) => value::execute_sqlite(pool, sql, values).await,
            Pool::Postgres(pool) => value::execute_postgres(pool, sql, values).await,
        }
    }

    /// The rows that `sql` with `values` gives; the statement bounds how many.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn query(&self, sql: &'static str, values: Vec<Value>) -> Result<Vec<Row>, DatabaseError> {
        match &self.0 {
            Pool::Sqlite(pool) => value::query_sqlite(pool, sql, values).await,
            Pool::Postgres(pool) => value::query_postgres(pool, sql, values).await,
        }
    }

    /// Begins a transaction; dropped without [`Transaction::commit`] it has never been. On SQLite it holds the one lock for writing from
    /// the beginning, so that it cannot fail half-way.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn begin(&self) -> Result<Transaction, DatabaseError> {
        Ok(Transaction(match &self.0 {
            Pool::Sqlite(pool) => Open::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?),
            Pool::Postgres(pool) => Open::Postgres(pool.begin().await?),
        }))
    }

    /// Waits until every connection is closed; further statements fail.
    pub async fn close(&self) {
        match &self.0 {
            Pool::Sqlite(pool) => pool.close().await,
            Pool::Postgres(pool) => pool.close().await,
        }
    }
}

enum Open {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>),
}

/// Statements that happen together or not at all.
pub struct Transaction(Open);

impl Transaction {
    /// As [`Database::execute`].
    ///
    /// # Errors
    /// As there.
    pub async fn execute(&mut self, sql: &'static str, values: Vec<Value>) -> Result<u64, DatabaseError> {
        match &mut self.0 {
            Open::Sqlite(open) => value::execute_sqlite(&mut **open, sql, values).await,
            Open::Postgres(open) => value::execute_postgres(&mut **open, sql, values).await,
        }
    }

    /// As [`Database::query`].
    ///
    /// # Errors
    /// As there.
    pub async fn query(&mut self, sql: &'static str, values: Vec<Value>) -> Result<Vec<Row>, DatabaseError> {
        match &mut self.0 {
            Open::Sqlite(open) => value::query_sqlite(&mut **open, sql, values).await,
            Open::Postgres(open) => value::query_postgres(&mut **open, sql, values).await,
        }
    }

    /// Makes it durable.
    ///
    /// # Errors
    /// [`DatabaseError`]; whether it happened is unknown then.
    pub async fn commit(self) -> Result<(), DatabaseError> {
        let done = match self.0 {
            Open::Sqlite(open) => open.commit().await,
            Open::Postgres(open) => open.commit().await,
        };
        Ok(done?)
    }
}
