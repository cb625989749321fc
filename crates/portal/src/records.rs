//! Records: the newest, those of an account, a group or a digest, and one with everything there is of it.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use serde::Deserialize;
use xiezhi_client::{
    RecordQuery,
    wire::{Record, RecordStatus},
};
use xiezhi_types::{AccountId, GroupId, LogIndex};

use crate::{
    app::{App, Institutions},
    page::{Page, Trouble, rendered},
    show,
    texts::Texts,
};

/// Records on a page.
const ROWS: u64 = 25;

/// A record in a list.
pub(crate) struct Row {
    pub(crate) number: String,
    pub(crate) link: String,
    pub(crate) kind: String,
    pub(crate) issuer: String,
    pub(crate) time: String,
    pub(crate) sealed: bool,
}

impl Row {
    pub(crate) fn of(record: &Record, t: &Texts) -> Self {
        Self {
            number: record.status.number.clone(),
            link: link(record.status.index.0, record.item),
            kind: t.word("kind", &record.statement.kind),
            issuer: record.statement.issuer.clone(),
            time: record.status.time.clone(),
            sealed: record.status.sealed,
        }
    }
}

/// The address of a record, or of an item of it.
pub(crate) fn link(index: u64, item: Option<u32>) -> String {
    item.map_or_else(|| format!("/records/{index}"), |item| format!("/records/{index}?item={item}"))
}

/// The `count` records before the place `before`, newest first, and the place before which older ones are.
pub(crate) async fn newest(
    app: &App,
    t: &Texts,
    before: u64,
    count: u64,
) -> Result<(Vec<Row>, Option<u64>), Trouble> {
    let first = before.saturating_sub(count);
    if before == 0 {
        return Ok((Vec::new(), None));
    }
    // A cursor is the last place of the page before.
    let cursor = first.checked_sub(1).map(|index| index.to_string());
    let limit = u32::try_from(before - first).unwrap_or(u32::MAX);
    let page = app.client.find(&RecordQuery::All, cursor.as_deref(), limit).await?;
    let rows = page.records.iter().rev().map(|record| Row::of(record, t)).collect();
    Ok((rows, Some(first).filter(|first| *first > 0)))
}

#[derive(Deserialize, Default)]
pub(crate) struct Listing {
    before: Option<u64>,
    digest: Option<String>,
    account: Option<String>,
    group: Option<String>,
    cursor: Option<String>,
}

#[derive(Template)]
#[template(path = "records.html")]
struct RecordsPage {
    page: Page,
    /// What is searched for, as a word of the texts and a value; nothing for all records.
    wanted: Option<(&'static str, String)>,
    rows: Vec<Row>,
    /// Where the list goes on.
    next: Option<String>,
}

/// Reads an identifier out of the address.
pub(crate) fn read<T: std::str::FromStr>(text: &str) -> Result<T, Trouble> {
    text.trim().to_ascii_lowercase().parse().map_err(|_| Trouble::NotFound)
}

pub(crate) async fn show_records(
    page: Page,
    State(app): State<Arc<App>>,
    Query(listing): Query<Listing>,
) -> Result<Response, Trouble> {
    let (wanted, query) = match &listing {
        Listing { digest: Some(digest), .. } => {
            (("digest", digest.clone()), RecordQuery::Digest(digest.trim().to_ascii_lowercase()))
        }
        Listing { account: Some(id), .. } => {
            (("account", id.clone()), RecordQuery::Account(read::<AccountId>(id)?))
        }
        Listing { group: Some(id), .. } => (("group", id.clone()), RecordQuery::Group(read::<GroupId>(id)?)),
        Listing { before, .. } => {
            let size = app.client.status().await?.size.0;
            let (rows, older) = newest(&app, page.t, before.unwrap_or(size).min(size), ROWS).await?;
            let next = older.map(|before| format!("/records?before={before}"));
            return rendered(&RecordsPage { page, wanted: None, rows, next });
        }
    };
    let found = app.client.find(&query, listing.cursor.as_deref(), ROWS as u32).await?;
    let rows = found.records.iter().map(|record| Row::of(record, page.t)).collect();
    let next = found.next.map(|cursor| format!("/records?{}={}&cursor={cursor}", wanted.0, wanted.1));
    rendered(&RecordsPage { page, wanted: Some(wanted), rows, next })
}

/// What still happens to a record.
#[derive(Template)]
#[template(path = "progress.html")]
struct Progress {
    page: Page,
    status: RecordStatus,
    institutions: Arc<Institutions>,
}

impl Progress {
    /// Institutions and roles whose seals are waited for.
    fn awaited(&self) -> String {
        let t = self.page.t;
        let named =
            self.status.missing.members.iter().map(|who| t.word("role", &self.institutions.name(who, t)));
        named.collect::<Vec<_>>().join(&t.get("list-separator"))
    }
}

#[derive(Template)]
#[template(path = "record.html")]
struct RecordPage {
    page: Page,
    record: Record,
    item: Option<u32>,
    issuer: String,
    /// Where its certificate is, and where it is verified.
    certificate: String,
    verify: String,
    progress: Progress,
}

#[derive(Deserialize)]
pub(crate) struct Item {
    pub(crate) item: Option<u32>,
}

pub(crate) async fn show_record(
    page: Page,
    State(app): State<Arc<App>>,
    Path(index): Path<u64>,
    Query(Item { item }): Query<Item>,
) -> Result<Response, Trouble> {
    let record = app.client.record(LogIndex(index)).await?;
    if item.is_some_and(|item| item >= record.status.items) {
        return Err(Trouble::NotFound);
    }
    let institutions = app.institutions().await?;
    let progress = Progress { page: page.clone(), status: record.status.clone(), institutions };
    let issuer = record.statement.issuer.clone();
    let and_item = |first| item.map(|item| format!("{first}item={item}")).unwrap_or_default();
    let certificate = format!("/records/{index}/certificate{}", and_item('?'));
    let verify = format!("/verify?record={index}{}", and_item('&'));
    rendered(&RecordPage { page, record, item, issuer, certificate, verify, progress })
}

/// The part of a record's page that changes until it is sealed.
pub(crate) async fn show_progress(
    page: Page,
    State(app): State<Arc<App>>,
    Path(index): Path<u64>,
) -> Result<Response, Trouble> {
    let status = app.client.record(LogIndex(index)).await?.status;
    rendered(&Progress { page, status, institutions: app.institutions().await? })
}
