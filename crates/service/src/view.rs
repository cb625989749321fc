//! What a caller is told of transactions, entries, legs and events.

use serde::Serialize;
use utoipa::ToSchema;
use xiezhi_database::Row;
use xiezhi_types::TimestampMs;

use crate::{
    ServiceError,
    book::{number, time},
    leg::LegState,
};

/// A transaction that was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Opened {
    /// Its id: 32 hexadecimal digits, and the group of its records.
    pub id: String,
    /// Whether it had been opened before by the same request.
    pub known: bool,
}

/// An entry that was added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Added {
    /// Its number in the transaction, from 1.
    pub entry: u32,
    /// The root of its manifest, hexadecimal: what every sink is given.
    pub root: String,
    /// Whether it had been added before by the same request.
    pub known: bool,
}

/// A leg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LegView {
    /// The sink.
    pub sink: String,
    /// How it stands.
    pub state: LegState,
    /// How often it was tried in vain since it last went on.
    pub attempts: u64,
    /// Why the last try failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it is tried next, RFC 3339; left out once it is sealed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The number of the record on the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct EntryView {
    /// Its number in the transaction.
    pub entry: u32,
    /// Its phase; 0 is the pack.
    pub phase: u32,
    /// The root of its manifest, hexadecimal.
    pub root: String,
    /// When it came, RFC 3339.
    pub added: String,
    /// Whether every leg is sealed: only then there is a bundle.
    pub complete: bool,
    /// Its legs.
    pub legs: Vec<LegView>,
}

/// A transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TransactionView {
    /// Its id.
    pub id: String,
    /// The template.
    pub template: String,
    /// Its version.
    pub version: u32,
    /// `open`, or `closed` by its pack.
    pub state: String,
    /// When it was opened, RFC 3339.
    pub opened: String,
    /// Its entries, oldest first.
    pub entries: Vec<EntryView>,
    /// Phases that are required and not there.
    pub missing: Vec<u32>,
}

/// A transaction in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Overview {
    /// Its id.
    pub id: String,
    /// The template.
    pub template: String,
    /// Its version.
    pub version: u32,
    /// `open`, or `closed` by its pack.
    pub state: String,
    /// When it was opened, RFC 3339.
    pub opened: String,
    /// How many entries it has, the pack among them.
    pub entries: u32,
    /// How many legs these have.
    pub legs: u32,
    /// How many of the legs are sealed.
    pub sealed: u32,
    /// How many of the legs failed at their last try.
    pub failed: u32,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Happened {
    /// Its number; rises.
    #[serde(skip)]
    pub seq: i64,
    /// `leg.sealed`, `leg.failed` for the first failure since the leg last went on, `entry.complete`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When, RFC 3339.
    pub timestamp: String,
    /// Of what.
    pub data: HappenedTo,
}

/// What something happened to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct HappenedTo {
    /// The transaction.
    pub transaction: String,
    /// The entry.
    pub entry: u32,
    /// The sink, where it is about one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sink: String,
}

pub(crate) fn happened(row: &Row) -> Result<Happened, ServiceError> {
    Ok(Happened {
        seq: row.int(0)?,
        kind: row.text(1)?.to_owned(),
        timestamp: time(row, 2)?.rfc3339(),
        data: HappenedTo {
            transaction: row.text(3)?.to_owned(),
            entry: number(row, 4)?,
            sink: row.text(5)?.to_owned(),
        },
    })
}

pub(crate) fn leg(row: &Row) -> Result<LegView, ServiceError> {
    let state = LegState::from_name(row.text(2)?).ok_or(ServiceError::Internal("a state that is none"))?;
    Ok(LegView {
        sink: row.text(1)?.to_owned(),
        state,
        attempts: u64::try_from(row.int(3)?).unwrap_or_default(),
        reason: row.optional_text(4)?.map(str::to_owned),
        next: (state != LegState::Sealed).then(|| time(row, 5).map(TimestampMs::rfc3339)).transpose()?,
        record: row.optional_text(6)?.map(str::to_owned),
    })
}
