//! The first run: what a newcomer does, step by step, each checked off by what the browser itself has done.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};
use http::{HeaderMap, Uri};

use crate::{
    app::App,
    office,
    page::{Page, Trouble, rendered},
};

/// The steps, by the stems of their texts, each with the page on which it is done.
const STEPS: [(&str, &str); 5] = [
    ("register", "/office"),
    ("deposit", "/deposit"),
    ("take", "/mine"),
    ("verify", "/mine"),
    ("grant", "/mine"),
];

#[derive(Template)]
#[template(path = "start.html")]
struct StartPage {
    page: Page,
    ledger: String,
    steps: Vec<(&'static str, &'static str)>,
}

pub(crate) async fn show_start(
    page: Page,
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Trouble> {
    // The steps are done where the office is: a browser keeps what it has for each origin apart.
    if let Some(address) = app.office.as_deref().and_then(|office| office::by_name(office, &headers, &uri)) {
        return Ok(Redirect::temporary(&address).into_response());
    }
    let ledger = app.anchor().await?.ledger.clone();
    let is_here = |step: &str| match step {
        "register" => page.office,
        "grant" => page.vault,
        _ => true,
    };
    let steps = STEPS.into_iter().filter(|(step, _)| is_here(step)).collect();
    rendered(&StartPage { page, ledger, steps })
}
