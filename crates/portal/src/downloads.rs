//! Files to take away, as the nodes give them: the proof itself, one click from every page.

use std::sync::Arc;

use axum::{
    extract::{Path, Query, State},
    response::{IntoResponse as _, Response},
};
use http::header;
use serde::{Deserialize, Serialize};
use xiezhi_client::{ACCOUNT_PROOF, CBOR, CERTIFICATE, COSE, Tree};
use xiezhi_types::{AccountId, Height, LogIndex};

use crate::{
    app::App,
    page::Trouble,
    records::{Item, read},
};

const JSON: &str = "application/json";

fn file(media_type: &'static str, name: &str, content: Vec<u8>) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    ([(header::CONTENT_TYPE, media_type.to_owned()), (header::CONTENT_DISPOSITION, disposition)], content)
        .into_response()
}

fn json(name: &str, value: &impl Serialize) -> Result<Response, Trouble> {
    serde_json::to_vec_pretty(value).map(|text| file(JSON, name, text)).map_err(|_| Trouble::Broken)
}

pub(crate) async fn download_certificate(
    State(app): State<Arc<App>>,
    Path(index): Path<u64>,
    Query(Item { item }): Query<Item>,
) -> Result<Response, Trouble> {
    let certificate = app.client.certificate(LogIndex(index), item).await?;
    let item = item.map(|item| format!(".{item}")).unwrap_or_default();
    Ok(file(CERTIFICATE, &format!("record-{index}{item}.xzc"), certificate))
}

pub(crate) async fn download_statement(
    State(app): State<Arc<App>>,
    Path(index): Path<u64>,
) -> Result<Response, Trouble> {
    let statement = app.client.statement(LogIndex(index)).await?;
    Ok(file(COSE, &format!("record-{index}.statement.cose"), statement))
}

pub(crate) async fn download_receipts(
    State(app): State<Arc<App>>,
    Path(index): Path<u64>,
) -> Result<Response, Trouble> {
    json(&format!("record-{index}.receipts.json"), &app.client.receipts(LogIndex(index)).await?)
}

/// Both trees' proofs, in the newest sealed checkpoint, and that checkpoint.
#[derive(Serialize)]
struct Inclusion<P, C> {
    proofs: [P; 2],
    checkpoint: C,
}

pub(crate) async fn download_inclusion(
    State(app): State<Arc<App>>,
    Path(index): Path<u64>,
) -> Result<Response, Trouble> {
    let checkpoint = app.client.latest_checkpoint().await?;
    if index >= checkpoint.size.0 {
        return Err(Trouble::NotSealed);
    }
    let (index, size) = (LogIndex(index), Some(checkpoint.size.0));
    let proofs = [
        app.client.inclusion_proof(Tree::Sha256, index, size).await?,
        app.client.inclusion_proof(Tree::Sm3, index, size).await?,
    ];
    json(&format!("record-{index}.inclusion.json"), &Inclusion { proofs, checkpoint })
}

pub(crate) async fn download_checkpoint(
    State(app): State<Arc<App>>,
    Path(height): Path<u64>,
) -> Result<Response, Trouble> {
    json(&format!("checkpoint-{height}.json"), &app.client.checkpoint(Height(height)).await?)
}

/// Two blocks' checkpoints and both trees' proofs that the log of the one begins with the log of the other.
#[derive(Serialize)]
struct Consistency<P, C> {
    old: C,
    new: C,
    proofs: [P; 2],
}

#[derive(Deserialize)]
pub(crate) struct Between {
    height: u64,
    other: u64,
}

pub(crate) async fn download_consistency(
    State(app): State<Arc<App>>,
    Query(Between { height, other }): Query<Between>,
) -> Result<Response, Trouble> {
    let (old, new) = (height.min(other), height.max(other));
    let checkpoints = (app.client.checkpoint(Height(old)).await?, app.client.checkpoint(Height(new)).await?);
    let sizes = (checkpoints.0.size.0, checkpoints.1.size.0);
    let proofs = [
        app.client.consistency_proof(Tree::Sha256, sizes.0, sizes.1).await?,
        app.client.consistency_proof(Tree::Sm3, sizes.0, sizes.1).await?,
    ];
    let (old_checkpoint, new_checkpoint) = checkpoints;
    let shown = Consistency { old: old_checkpoint, new: new_checkpoint, proofs };
    json(&format!("consistency-{old}-{new}.json"), &shown)
}

pub(crate) async fn download_account_proof(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Response, Trouble> {
    let id: AccountId = read(&id)?;
    let proof = app.client.account_proof(&id, None).await?;
    Ok(file(ACCOUNT_PROOF, &format!("account-{}.xza", id.short()), proof))
}

pub(crate) async fn download_genesis(State(app): State<Arc<App>>) -> Result<Response, Trouble> {
    Ok(file(CBOR, "genesis.cbor", app.client.genesis().await?))
}
