//! The REST API of a node: an axum router, its OpenAPI document, its limits.
//!
//! ```text
//! request -> edge (rate, requests in work, time) -> handler -> Node
//!         <- edge (problem in the client's language, panics, counters) <-
//! ```
//!
//! Handlers translate and nothing else: what may be recorded is decided by `ledger`, what is true by `verify`. A deposit is acknowledged only
//! after [`Node::submit`] resolved, that is, after it is durable. The JSON objects are `xiezhi_client::wire`'s. No request's address,
//! parameter or body is logged.
//!
//! Serve the router with `into_make_service_with_connect_info::<SocketAddr>()`, or the bound on what one address may ask has no effect.

mod app;
mod config;
mod deposits;
mod document;
mod edge;
mod events;
mod idempotency;
mod ledger;
mod limit;
mod log;
mod metrics;
mod problem;
mod records;
mod request;
mod scitt;
mod snapshot;
mod terms;
mod verify;
mod view;

use std::sync::Arc;

use axum::{Router, middleware, routing::get};
use utoipa::OpenApi as _;
use utoipa_axum::{router::OpenApiRouter, routes};
use xiezhi_node::Node;

use app::App;
pub use config::{ApiConfig, RateLimit};

/// The routes that OpenAPI can describe as they are.
fn described() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(document::Head::openapi())
        .routes(routes!(deposits::create_deposit))
        .routes(routes!(deposits::create_batch))
        .routes(routes!(deposits::list_batch_certificates))
        .routes(routes!(records::list_records))
        .routes(routes!(records::get_record))
        .routes(routes!(records::get_statement))
        .routes(routes!(records::get_certificate))
        .routes(routes!(records::list_receipts))
        .routes(routes!(events::follow_record))
        .routes(routes!(records::get_statement_status))
        .routes(routes!(verify::verify_certificate))
        .routes(routes!(log::get_inclusion_proof))
        .routes(routes!(log::get_consistency_proof))
        .routes(routes!(log::list_checkpoints))
        .routes(routes!(log::get_latest_checkpoint))
        .routes(routes!(log::get_checkpoint))
        .routes(routes!(log::get_checkpoint_note))
        .routes(routes!(log::list_sealed_blocks))
        .routes(routes!(snapshot::get_snapshot))
        .routes(routes!(snapshot::list_state_entries))
        .routes(routes!(scitt::register_statement))
        .routes(routes!(scitt::resolve_receipt))
        .routes(routes!(scitt::list_scitt_keys))
        .routes(routes!(scitt::get_scitt_key))
        .routes(routes!(scitt::get_transparency_configuration))
        .routes(routes!(ledger::get_account))
        .routes(routes!(ledger::get_account_proof))
        .routes(routes!(ledger::get_alliance))
        .routes(routes!(ledger::list_terms))
        .routes(routes!(ledger::get_genesis))
        .routes(routes!(ledger::get_anchor))
        .routes(routes!(ledger::get_status))
        .routes(routes!(ledger::get_health))
        .routes(routes!(ledger::get_readiness))
        .routes(routes!(ledger::get_metrics))
        .routes(routes!(ledger::create_timestamp))
        .routes(routes!(ledger::get_openapi))
}

/// Routes whose parameter contains slashes, which OpenAPI has no template for: described with one, routed with a wildcard.
#[derive(utoipa::OpenApi)]
#[openapi(paths(log::get_tile, log::get_sm3_tile))]
struct Tiles;

/// The API over `node`.
pub fn router(node: Node, config: ApiConfig) -> Router {
    let app = Arc::new(App::new(node, config));
    let gate = app.gate.clone();
    let (router, _) = described().split_for_parts();
    router
        .route("/tile/{*path}", get(log::get_tile))
        .route("/sm3/tile/{*path}", get(log::get_sm3_tile))
        .fallback(edge::no_route)
        .method_not_allowed_fallback(edge::no_method)
        .layer(middleware::from_fn_with_state(gate, edge::edge))
        .with_state(app)
}

/// The API's description.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = described().into_openapi();
    document.merge(Tiles::openapi());
    document
}

#[cfg(test)]
mod tests;
