//! Values that go into statements and come out of rows, and the two drivers' ways with them.

use sqlx::{
    Column as _, Executor, Postgres, Row as _, Sqlite, TypeInfo as _, ValueRef as _,
    postgres::{PgArguments, PgRow},
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};

use crate::DatabaseError;

/// A value; nothing where the option is none. Columns are of three types: `BIGINT`, `TEXT`, and what migrations call `BYTES`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A number.
    Int(Option<i64>),
    /// Text.
    Text(Option<String>),
    /// Bytes.
    Bytes(Option<Vec<u8>>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Int(Some(value.into()))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(Some(value.to_vec()))
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(Some(value))
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}

impl From<Option<Vec<u8>>> for Value {
    fn from(value: Option<Vec<u8>>) -> Self {
        Self::Bytes(value)
    }
}

/// A row, by its columns' places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row(Vec<Option<Value>>);

impl Row {
    /// The number in `column`, if there is one.
    ///
    /// # Errors
    /// [`DatabaseError::Column`].
    pub fn optional_int(&self, column: usize) -> Result<Option<i64>, DatabaseError> {
        match self.0.get(column) {
            Some(None) => Ok(None),
            Some(Some(Value::Int(value))) => Ok(*value),
            _ => Err(DatabaseError::Column { column, expected: "a number" }),
        }
    }

    /// The text in `column`, if there is one.
    ///
    /// # Errors
    /// [`DatabaseError::Column`].
    pub fn optional_text(&self, column: usize) -> Result<Option<&str>, DatabaseError> {
        match self.0.get(column) {
            Some(None) => Ok(None),
            Some(Some(Value::Text(value))) => Ok(value.as_deref()),
            _ => Err(DatabaseError::Column { column, expected: "text" }),
        }
    }

    /// The bytes in `column`, if there are any.
    ///
    /// # Errors
    /// [`DatabaseError::Column`].
    pub fn optional_bytes(&self, column: usize) -> Result<Option<&[u8]>, DatabaseError> {
        match self.0.get(column) {
            Some(None) => Ok(None),
            Some(Some(Value::Bytes(value))) => Ok(value.as_deref()),
            _ => Err(DatabaseError::Column { column, expected: "bytes" }),
        }
    }

    /// The number in `column`.
    ///
    /// # Errors
    /// [`DatabaseError::Column`].
    pub fn int(&self, column: usize) -> Result<i64, DatabaseError> {
        self.optional_int(column)?.ok_or(DatabaseError::Column { column, expected: "a number" })
    }

    /// The text in `column`.
    ///
    /// # Errors
    /// [`DatabaseError::Column`].
    pub fn text(&self, column: usize) -> Result<&str, DatabaseError> {
        self.optional_text(column)?.ok_or(DatabaseError::Column { column, expected: "text" })
    }

    /// The bytes in `column`.
    ///
    /// # Errors
    /// [`DatabaseError::Column`].
    pub fn bytes(&self, column: usize) -> Result<&[u8], DatabaseError> {
        self.optional_bytes(column)?.ok_or(DatabaseError::Column { column, expected: "bytes" })
    }
}

/// The two drivers differ in their types only; one text serves both.
macro_rules! driver {
    ($execute:ident, $query:ident, $read:ident, $database:ty, $arguments:ty, $row:ty, [$($int:literal),*], [$($bytes:literal),*]) => {
        fn bound<'q>(sql: &'static str, values: Vec<Value>) -> Query<'q, $database, $arguments> {
            let mut query = sqlx::query::<$database>(sql);
            for value in values {
                query = match value {
                    Value::Int(value) => query.bind(value),
                    Value::Text(value) => query.bind(value),
                    Value::Bytes(value) => query.bind(value),
                };
            }
            query
        }

        pub(crate) async fn $execute(
            at: impl Executor<'_, Database = $database>,
            sql: &'static str,
            values: Vec<Value>,
        ) -> Result<u64, DatabaseError> {
            Ok(bound(sql, values).execute(at).await?.rows_affected())
        }

        pub(crate) async fn $query(
            at: impl Executor<'_, Database = $database>,
            sql: &'static str,
            values: Vec<Value>,
        ) -> Result<Vec<Row>, DatabaseError> {
            bound(sql, values).fetch_all(at).await?.iter().map($read).collect()
        }

        fn $read(row: &$row) -> Result<Row, DatabaseError> {
            let mut values = Vec::with_capacity(row.len());
            for at in row.columns().iter().map(|column| column.ordinal()) {
                let raw = row.try_get_raw(at)?;
                values.push(if raw.is_null() {
                    None
                } else {
                    Some(match raw.type_info().name() {
                        $($int)|* => Value::Int(row.try_get(at)?),
                        $($bytes)|* => Value::Bytes(row.try_get(at)?),
                        _ => Value::Text(row.try_get(at)?),
                    })
                });
            }
            Ok(Row(values))
        }
    };
}

mod sqlite {
    use super::*;
    driver!(
        execute_sqlite,
        query_sqlite,
        read,
        Sqlite,
        SqliteArguments,
        SqliteRow,
        ["INTEGER", "BIGINT", "INT8"],
        ["BLOB"]
    );
}

mod postgres {
    use super::*;
    driver!(execute_postgres, query_postgres, read, Postgres, PgArguments, PgRow, ["INT8"], ["BYTEA"]);
}

pub(crate) use postgres::{execute_postgres, query_postgres};
pub(crate) use sqlite::{execute_sqlite, query_sqlite};
