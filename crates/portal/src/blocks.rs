//! Blocks that added records, each with its checkpoint: the list, and one.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use serde::Deserialize;
use xiezhi_client::{RecordQuery, wire::Checkpoint};
use xiezhi_types::Height;

use crate::{
    app::{App, Institutions},
    page::{Page, Trouble, rendered},
    records::Row,
    show,
};

/// Blocks on a page, at least, while there are so many.
const ROWS: usize = 20;
/// Heights that one question to a node spans: no more than it answers with.
const SPAN: u64 = 100;
/// Most questions for one page: where blocks without records are many, a page has fewer rows.
const QUESTIONS_MAX: usize = 20;
/// Most records listed with their block.
const RECORDS_MAX: u32 = 100;

#[derive(Deserialize)]
pub(crate) struct Listing {
    before: Option<u64>,
}

#[derive(Template)]
#[template(path = "blocks.html")]
struct BlocksPage {
    page: Page,
    blocks: Vec<Checkpoint>,
    /// Older ones are before this height.
    older: Option<u64>,
}

pub(crate) async fn show_blocks(
    page: Page,
    State(app): State<Arc<App>>,
    Query(listing): Query<Listing>,
) -> Result<Response, Trouble> {
    let top = app.client.status().await?.height.0.saturating_add(1);
    let mut before = listing.before.unwrap_or(top).min(top);
    let mut blocks = Vec::new();
    for _ in 0..QUESTIONS_MAX {
        if before == 0 || blocks.len() >= ROWS {
            break;
        }
        let after = before.saturating_sub(SPAN + 1);
        let from = if before <= SPAN { None } else { Some(Height(after)) };
        let part = app.client.checkpoints(from, SPAN as u32).await?;
        blocks.extend(part.checkpoints.into_iter().rev().filter(|block| block.height.0 < before));
        before = if from.is_some() { after + 1 } else { 0 };
    }
    if blocks.len() > ROWS {
        blocks.truncate(ROWS);
        before = blocks.last().map_or(0, |block| block.height.0);
    }
    rendered(&BlocksPage { page, blocks, older: Some(before).filter(|before| *before > 0) })
}

#[derive(Template)]
#[template(path = "block.html")]
struct BlockPage {
    page: Page,
    block: Checkpoint,
    institutions: Arc<Institutions>,
    rows: Vec<Row>,
    /// The block before it that added records.
    earlier: Option<u64>,
    /// The next one.
    later: Option<u64>,
    /// How many records it has.
    count: u64,
}

pub(crate) async fn show_block(
    page: Page,
    State(app): State<Arc<App>>,
    Path(height): Path<u64>,
) -> Result<Response, Trouble> {
    let block = app.client.checkpoint(Height(height)).await?;
    let later = app.client.checkpoints(Some(Height(height)), 1).await?;
    let later = later.checkpoints.first().map(|block| block.height.0);
    let (first, earlier) = beginning(&app, &block).await?;
    let cursor = first.checked_sub(1).map(|index| index.to_string());
    let count = block.size.0.saturating_sub(first);
    let shown = u32::try_from(count).unwrap_or(RECORDS_MAX).clamp(1, RECORDS_MAX);
    let found = app.client.find(&RecordQuery::All, cursor.as_deref(), shown).await?;
    let rows = found.records.iter().map(|record| Row::of(record, page.t)).collect();
    let institutions = app.institutions().await?;
    rendered(&BlockPage { page, block, institutions, rows, earlier, later, count })
}

/// The place of the block's first record, by bisection, and the height of the block that recorded the one before.
async fn beginning(app: &App, block: &Checkpoint) -> Result<(u64, Option<u64>), Trouble> {
    let height_of = async |index: u64| -> Result<u64, Trouble> {
        Ok(app.client.record(xiezhi_types::LogIndex(index)).await?.status.height.0)
    };
    // The last record of a block is its own; most blocks have few.
    let Some(last) = block.size.0.checked_sub(1) else { return Ok((0, None)) };
    let (mut low, mut high, mut step) = (0, last, 1);
    while let Some(probe) = high.checked_sub(step) {
        if height_of(probe).await? < block.height.0 {
            low = probe + 1;
            break;
        }
        high = probe;
        step *= 2;
    }
    while low < high {
        let middle = low + (high - low) / 2;
        if height_of(middle).await? < block.height.0 {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let earlier = match low.checked_sub(1) {
        Some(index) => Some(height_of(index).await?),
        None => None,
    };
    Ok((low, earlier))
}
