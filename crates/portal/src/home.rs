//! The first page: what this is, where to search, what the ledger is doing.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use xiezhi_client::{
    ClientError,
    wire::{Checkpoint, Seal, Status},
};

use crate::{
    app::{App, Institutions},
    page::{Page, Trouble, rendered},
    records::{Row, newest},
    show,
};

/// Records on the first page.
const ROWS: u64 = 8;

/// What changes while one looks.
#[derive(Template)]
#[template(path = "live.html")]
pub(crate) struct Live {
    page: Page,
    status: Status,
    checkpoint: Option<Checkpoint>,
    rows: Vec<Row>,
    institutions: Arc<Institutions>,
}

impl Live {
    async fn ask(page: Page, app: &App) -> Result<Self, Trouble> {
        let status = app.client.status().await?;
        let checkpoint = match app.client.latest_checkpoint().await {
            Ok(checkpoint) => Some(checkpoint),
            Err(ClientError::Problem(problem)) if problem.status == 404 => None,
            Err(error) => return Err(error.into()),
        };
        let (rows, _) = newest(app, page.t, status.size.0, ROWS).await?;
        Ok(Self { institutions: app.institutions().await?, page, status, checkpoint, rows })
    }

    fn seal_name(&self, seal: &Seal) -> String {
        self.institutions.name(&seal.institution, self.page.t)
    }

    /// How many institutions are this node or were heard of by it, and how many there are.
    fn heard(&self) -> (usize, usize) {
        let is_heard = |peer: &&xiezhi_client::wire::Peer| peer.this || peer.heard.is_some();
        (self.status.institutions.iter().filter(is_heard).count(), self.status.institutions.len())
    }
}

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage {
    page: Page,
    live: Live,
    name: String,
}

pub(crate) async fn show_home(page: Page, State(app): State<Arc<App>>) -> Result<Response, Trouble> {
    let live = Live::ask(page.clone(), &app).await?;
    let name = page.t.pick(&live.status.name).to_owned();
    rendered(&HomePage { page, live, name })
}

pub(crate) async fn show_live(page: Page, State(app): State<Arc<App>>) -> Result<Response, Trouble> {
    rendered(&Live::ask(page, &app).await?)
}
