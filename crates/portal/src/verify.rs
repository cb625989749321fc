//! Verification in the reader's own browser, and the offline page to take away.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Query, State},
    response::{IntoResponse as _, Response},
};
use http::header;
use serde::Deserialize;
use xiezhi_client::wire::Anchor;
use xiezhi_types::LogIndex;

use crate::{
    app::App,
    offline,
    page::{Page, Trouble, rendered},
    search, show,
};

#[derive(Deserialize)]
pub(crate) struct Asked {
    /// A record whose certificate is to be fetched into the form.
    record: Option<u64>,
    item: Option<u32>,
    /// A transaction and the number of its entry whose bundle is to be fetched into the form.
    transaction: Option<String>,
    entry: Option<u32>,
    /// The number of such a record, typed or scanned.
    number: Option<String>,
}

#[derive(Template)]
#[template(path = "verify.html")]
struct VerifyPage {
    page: Page,
    anchor: Option<Anchor>,
    form: &'static str,
    /// Where the certificate is, when one is named.
    certificate: String,
    /// The number that was asked for.
    number: String,
    /// Why its certificate is not here, as a word of the texts; empty where it is.
    missing: &'static str,
}

pub(crate) async fn show_verify(
    page: Page,
    State(app): State<Arc<App>>,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    // Without a node in reach the page verifies all the same.
    let anchor = app.anchor().await.ok().cloned();
    let number = asked.number.unwrap_or_default().trim().to_owned();
    let found = if number.is_empty() { None } else { search::numbered(&app, &number).await? };
    let missing = match &found {
        None if !number.is_empty() => "verify-number-unknown",
        Some(record) if !record.status.sealed => "verify-number-unsealed",
        _ => "",
    };
    let found = found.filter(|record| record.status.sealed);
    let (record, item) =
        found.map_or((asked.record, asked.item), |record| (Some(record.status.index.0), record.item));
    let certificate = record.map(LogIndex).map(|index| {
        let item = item.map(|item| format!("?item={item}")).unwrap_or_default();
        format!("/records/{index}/certificate{item}")
    });
    let transaction = asked.transaction.filter(|id| id.bytes().all(|b| b.is_ascii_hexdigit()));
    let bundle = transaction.zip(asked.entry);
    let bundle = bundle.map(|(id, entry)| format!("/office/transactions/{id}/entries/{entry}/bundle"));
    let certificate = certificate.or(bundle);
    let certificate = certificate.unwrap_or_default();
    rendered(&VerifyPage { page, anchor, form: offline::FORM, certificate, number, missing })
}

pub(crate) async fn download_offline_page() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"xiezhi-verifier.html\""),
    ];
    (headers, offline::offline_page()).into_response()
}
