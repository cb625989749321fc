//! The evidence log: proofs, checkpoints, and the tiles by which anyone can mirror it.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, Uri, header};
use serde::Deserialize;
use xiezhi_client::{
    CBOR,
    wire::{self, U64},
};
use xiezhi_merkle::{BundleId, TileId};
use xiezhi_node::Tree;
use xiezhi_types::{Height, LogIndex};

use crate::{
    app::App,
    document::{Binary, Problems},
    problem::Problem,
    records::IMMUTABLE,
    request::{Params, Segment, page_limit, require_accept},
    view,
};

/// Which of the log's twin trees.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TreeName {
    /// RFC 9162 under SHA-256.
    #[default]
    Sha256,
    /// The same under SM3.
    Sm3,
}

impl From<TreeName> for Tree {
    fn from(name: TreeName) -> Self {
        match name {
            TreeName::Sha256 => Self::Sha256,
            TreeName::Sm3 => Self::Sm3,
        }
    }
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct InclusionParams {
    /// The record's place in the log.
    #[param(value_type = U64)]
    index: u64,
    /// Size of the tree; the present one unless given.
    #[param(value_type = Option<U64>)]
    size: Option<u64>,
    /// Which tree; `sha256` unless given.
    #[serde(default)]
    tree: TreeName,
}

/// Proves that a record is in the log of a size. Worth something with a sealed checkpoint of that size only.
#[utoipa::path(
    get, path = "/v1/proofs/inclusion", tag = "log", params(InclusionParams),
    responses((status = 200, description = "The proof", body = wire::InclusionProof), Problems)
)]
pub(crate) async fn get_inclusion_proof(
    State(app): State<Arc<App>>,
    Params(params): Params<InclusionParams>,
) -> Result<Json<wire::InclusionProof>, Problem> {
    let tree = params.tree.into();
    let (size, path) = app.node.inclusion(tree, LogIndex(params.index), params.size)?;
    Ok(Json(wire::InclusionProof {
        tree: view::tree_name(tree).to_owned(),
        index: U64(params.index),
        size: U64(size),
        path: view::path(&path),
    }))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ConsistencyParams {
    /// Size of the older tree.
    #[param(value_type = U64)]
    old: u64,
    /// Size of the newer tree.
    #[param(value_type = U64)]
    new: u64,
    /// Which tree; `sha256` unless given.
    #[serde(default)]
    tree: TreeName,
}

/// Proves that the log of one size is a continuation of the log of another.
#[utoipa::path(
    get, path = "/v1/proofs/consistency", tag = "log", params(ConsistencyParams),
    responses((status = 200, description = "The proof", body = wire::ConsistencyProof), Problems)
)]
pub(crate) async fn get_consistency_proof(
    State(app): State<Arc<App>>,
    Params(params): Params<ConsistencyParams>,
) -> Result<Json<wire::ConsistencyProof>, Problem> {
    let tree = params.tree.into();
    let path = app.node.consistency(tree, params.old, params.new)?;
    Ok(Json(wire::ConsistencyProof {
        tree: view::tree_name(tree).to_owned(),
        old: U64(params.old),
        new: U64(params.new),
        path: view::path(&path),
    }))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CheckpointsParams {
    /// Checkpoints above this height; from the first unless given.
    #[param(value_type = Option<U64>)]
    after: Option<u64>,
    /// At most so many; 20 unless given.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// Checkpoints in rising order, sealed or not. Only blocks that added records have one.
#[utoipa::path(
    get, path = "/v1/checkpoints", tag = "log", params(CheckpointsParams),
    responses(
        (status = 200, description = "A page, perhaps empty", body = wire::CheckpointPage, headers(("Link" = String, description = "`rel=\"next\"`, when there are more"))),
        Problems,
    )
)]
pub(crate) async fn list_checkpoints(
    State(app): State<Arc<App>>,
    Params(params): Params<CheckpointsParams>,
) -> Result<Response, Problem> {
    let limit = page_limit(params.limit, 20, 100)?;
    let mut found = app.node.checkpoints(params.after.map(Height), limit + 1)?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| last.checkpoint.height.0);
    let checkpoints = found.iter().map(view::checkpoint).collect();
    let mut response = Json(wire::CheckpointPage { checkpoints, next: next.map(U64) }).into_response();
    if let Some(next) = next {
        let link = format!("</v1/checkpoints?after={next}&limit={limit}>; rel=\"next\"");
        if let Ok(link) = HeaderValue::from_str(&link) {
            response.headers_mut().insert(header::LINK, link);
        }
    }
    Ok(response)
}

/// The newest checkpoint that is sealed to policy.
#[utoipa::path(
    get, path = "/v1/checkpoints/latest", tag = "log",
    responses((status = 200, description = "The checkpoint", body = wire::Checkpoint), Problems)
)]
pub(crate) async fn get_latest_checkpoint(
    State(app): State<Arc<App>>,
) -> Result<Json<wire::Checkpoint>, Problem> {
    Ok(Json(view::checkpoint(&app.node.latest_sealed()?)))
}

/// The checkpoint of a height, sealed or not.
#[utoipa::path(
    get, path = "/v1/checkpoints/{height}", tag = "log",
    params(("height" = U64, Path, description = "Height of its block")),
    responses((status = 200, description = "The checkpoint", body = wire::Checkpoint), Problems)
)]
pub(crate) async fn get_checkpoint(
    State(app): State<Arc<App>>,
    height: Segment,
) -> Result<Json<wire::Checkpoint>, Problem> {
    let height = Height(height.read("height")?);
    Ok(Json(view::checkpoint(&app.node.checkpoint(height)?)))
}

/// The newest sealed checkpoint as a signed note (C2SP tlog-checkpoint), with every institution's cosignature.
#[utoipa::path(
    get, path = "/checkpoint", tag = "log",
    responses((status = 200, description = "The note", body = String, content_type = "text/plain"), Problems)
)]
pub(crate) async fn get_checkpoint_note(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let note = app.node.checkpoint_note()?;
    Ok(([(header::CACHE_CONTROL, "no-cache")], note).into_response())
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SealedBlocksParams {
    /// Blocks above this height; from the first unless given.
    #[serde(default)]
    #[param(value_type = Option<U64>)]
    after: u64,
}

/// Blocks that added records, with their seals: what a node without a vote follows.
///
/// `sealed-blocks` of docs/specs/following.md: as many blocks above `after` as fit into one answer, perhaps none; only such as are sealed to
/// policy.
#[utoipa::path(
    get, path = "/v1/blocks", tag = "log", params(SealedBlocksParams),
    responses((status = 200, description = "The blocks", body = Binary, content_type = "application/cbor"), Problems)
)]
pub(crate) async fn list_sealed_blocks(
    State(app): State<Arc<App>>,
    Params(params): Params<SealedBlocksParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    require_accept(&headers, CBOR)?;
    let blocks = app.read(move |node| node.sealed_blocks(Height(params.after))).await?;
    let kind = HeaderValue::from_static(CBOR);
    let fresh = HeaderValue::from_static("no-cache");
    Ok(([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, fresh)], blocks).into_response())
}

/// A tile or an entry bundle (C2SP tlog-tiles).
#[utoipa::path(
    get, path = "/tile/{path}", tag = "log",
    params(("path" = String, Path, description = "`<level>/<index>[.p/<width>]` or `entries/<index>[.p/<width>]`; the index in groups of three digits, as `x001/x234/067`. It contains slashes.")),
    responses((status = 200, description = "Hashes of 32 bytes; entries with a 16-bit length before each", body = Binary, content_type = "application/octet-stream"), Problems)
)]
pub(crate) async fn get_tile(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, Problem> {
    tile(&app, Tree::Sha256, uri.path().trim_start_matches('/'))
}

/// A tile of the log's twin under SM3; entry bundles are the same.
#[utoipa::path(
    get, path = "/sm3/tile/{path}", tag = "log",
    params(("path" = String, Path, description = "As for `/tile/{path}`.")),
    responses((status = 200, description = "As for `/tile/{path}`", body = Binary, content_type = "application/octet-stream"), Problems)
)]
pub(crate) async fn get_sm3_tile(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, Problem> {
    tile(&app, Tree::Sm3, uri.path().trim_start_matches("/sm3/"))
}

/// What a tile path names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Tile {
    Hashes(TileId),
    Entries(BundleId),
}

pub(crate) fn read_tile_path(path: &str) -> Result<Tile, Problem> {
    let entries = path.starts_with("tile/entries/");
    let read = if entries { path.parse().map(Tile::Entries) } else { path.parse().map(Tile::Hashes) };
    read.map_err(|e: xiezhi_merkle::TileError| Problem::parameter("path", e))
}

fn tile(app: &App, tree: Tree, path: &str) -> Result<Response, Problem> {
    let bytes = match read_tile_path(path)? {
        Tile::Hashes(id) => app.node.tile(tree, id.level(), id.index(), id.width())?,
        Tile::Entries(id) => app.node.entries(id.index(), id.width())?,
    };
    // A width names one version for ever, partial ones too.
    let kind = HeaderValue::from_static("application/octet-stream");
    Ok(([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, IMMUTABLE)], bytes).into_response())
}

#[cfg(test)]
mod tests;
