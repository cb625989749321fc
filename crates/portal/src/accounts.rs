//! An account as the ledger holds it, and its newest records.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    response::Response,
};
use xiezhi_client::{RecordQuery, wire::Account};
use xiezhi_types::AccountId;

use crate::{
    app::{App, Institutions},
    page::{Page, Trouble, rendered},
    records::{Row, read},
    show,
};

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    page: Page,
    account: Account,
    institutions: Arc<Institutions>,
    rows: Vec<Row>,
    more: bool,
}

pub(crate) async fn show_account(
    page: Page,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Response, Trouble> {
    let id: AccountId = read(&id)?;
    let account = app.client.account(&id).await?;
    let found = app.client.find(&RecordQuery::Account(id), None, 10).await?;
    let rows = found.records.iter().map(|record| Row::of(record, page.t)).collect();
    let institutions = app.institutions().await?;
    rendered(&AccountPage { page, account, institutions, rows, more: found.next.is_some() })
}
