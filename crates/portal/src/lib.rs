//! Pages for people: the explorer, verifying and depositing in the browser, the offline page; and, with a login, the registration office and the
//! evidence service's transactions.
//!
//! ```text
//! browser --> edge (language, headers, errors) --> page's handler --> xiezhi-client --> nodes of several institutions
//! ```
//!
//! Every page is whole without a script; scripts refresh what is live, verify and deposit. Nothing is believed here and nothing decided: a page shows
//! what nodes answer and says so, and only the verifier in the reader's own browser gives a verdict. The crate knows no node, store or
//! consensus, keeps no state of its own beside caches (what people apply for is the office's), and reads no file: all that it serves is compiled in.

mod accounts;
mod app;
mod applications;
mod assets;
mod blocks;
mod console;
mod deposit;
mod downloads;
mod edge;
mod erasures;
mod home;
mod institutions;
mod logins;
mod mine;
mod office;
mod offline;
mod page;
mod records;
mod search;
mod show;
mod start;
mod statistics;
mod texts;
mod transactions;
mod verify;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{get, post},
};
use xiezhi_client::Client;

pub use offline::offline_page;

use app::App;

/// What is said of requests to the office's interface for scripts that the framework refuses.
const EDGE: xiezhi_problem::Edge =
    xiezhi_problem::Edge { too_large: "at most 64 KiB are read", malformed: "not of the expected form" };

/// The services whose pages are served with the others.
#[derive(Default)]
pub struct Beside {
    /// The registration office; its pages are at its own address only.
    pub office: Option<Arc<xiezhi_office::Service>>,
    /// The evidence service; one logs in at the office.
    pub evidence: Option<Arc<xiezhi_service::Service>>,
    /// Whether whoever serves the pages lets a vault answer at `/vault` beside them.
    pub vault: bool,
}

/// The pages, over the nodes that `client` knows.
pub fn router(client: Client, beside: Beside) -> Router {
    let app = Arc::new(App::new(client, beside));
    let form = DefaultBodyLimit::max(transactions::FORM_BYTES_MAX);
    Router::new()
        .route("/office/applications/{id}/challenges", post(applications::challenge))
        .route("/office/applications/{id}/bindings", post(applications::bind))
        .layer(middleware::from_fn_with_state(EDGE, xiezhi_problem::edge))
        .route("/office", get(logins::show_office))
        .route("/office/demonstration", post(logins::demonstrate))
        .route("/office/login/{issuer}", get(logins::begin_login))
        .route("/office/callback", get(logins::finish_login))
        .route("/office/logout", post(logins::leave))
        .route("/office/passkeys/question", post(logins::ask_for_key))
        .route("/office/passkeys/answer", post(logins::take_key))
        .route("/office/passkeys/{id}/name", post(logins::name_key))
        .route("/office/passkeys/{id}/removal", post(logins::remove_key))
        .route("/office/apply", get(applications::show_form).post(applications::apply))
        .route("/office/applications/{id}", get(applications::show_application))
        .route("/office/applications/{id}/decision", post(applications::decide))
        .route("/office/applications/{id}/withdrawal", post(applications::withdraw))
        .route("/office/applications/{id}/revocation", post(applications::revoke))
        .route("/office/applications/{id}/erasure", post(erasures::erase))
        .route("/office/erasures", get(erasures::show_erasures))
        .route("/office/transactions", get(transactions::show_transactions))
        .route("/office/transactions/new", get(transactions::show_new).post(transactions::open))
        .route("/office/transactions/{id}", get(transactions::show_transaction))
        .route("/office/transactions/{id}/live", get(transactions::show_timeline))
        .route(
            "/office/transactions/{id}/phases/{phase}",
            get(transactions::show_entry_form).post(transactions::add).layer(form),
        )
        .route("/office/transactions/{id}/pack", post(transactions::pack))
        .route("/office/transactions/{id}/entries/{entry}/bundle", get(transactions::download_bundle))
        .layer(middleware::map_response(xiezhi_problem::unstored))
        .route("/", get(home::show_home))
        .route("/live", get(home::show_live))
        .route("/search", get(search::show_search))
        .route("/verify", get(verify::show_verify))
        .route("/verifier.html", get(verify::download_offline_page))
        .route("/deposit", get(deposit::show_deposit))
        .route("/start", get(start::show_start))
        .route("/mine", get(mine::show_mine))
        .route("/deposits", post(deposit::submit_deposit))
        .route("/batches", post(deposit::submit_batch).layer(DefaultBodyLimit::max(deposit::BATCH_BYTES_MAX)))
        .layer(DefaultBodyLimit::max(deposit::STATEMENT_BYTES_MAX))
        .route("/records", get(records::show_records))
        .route("/records/{index}", get(records::show_record))
        .route("/records/{index}/live", get(records::show_progress))
        .route("/records/{index}/certificate", get(downloads::download_certificate))
        .route("/records/{index}/statement", get(downloads::download_statement))
        .route("/records/{index}/receipts", get(downloads::download_receipts))
        .route("/records/{index}/inclusion", get(downloads::download_inclusion))
        .route("/blocks", get(blocks::show_blocks))
        .route("/blocks/{height}", get(blocks::show_block))
        .route("/blocks/{height}/checkpoint", get(downloads::download_checkpoint))
        .route("/consistency", get(downloads::download_consistency))
        .route("/institutions", get(institutions::show_institutions))
        .route("/accounts/{id}", get(accounts::show_account))
        .route("/accounts/{id}/proof", get(downloads::download_account_proof))
        .route("/console", get(console::show_console))
        .route("/statistics", get(statistics::show_statistics))
        .route("/genesis.cbor", get(downloads::download_genesis))
        .route("/static/{name}", get(assets::get_asset))
        .fallback(edge::no_page)
        .method_not_allowed_fallback(edge::no_page)
        .layer(middleware::from_fn_with_state(app.clone(), edge::edge))
        .with_state(app)
}

#[cfg(test)]
mod tests;
