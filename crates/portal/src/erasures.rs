//! Erasing a person's data, by a data protection officer; and the list of what was erased, which names nobody.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Path, Query, State},
    response::Response,
};
use serde::Deserialize;
use xiezhi_office::{Erasure, LIST_MAX, OnRecord};

use crate::{
    app::App,
    applications::settled,
    office::Member,
    page::{Page, Trouble, rendered},
    show,
};

#[derive(Template)]
#[template(path = "erasures.html")]
struct ErasuresPage {
    page: Page,
    erasures: Vec<OnRecord>,
    after: u32,
}

impl ErasuresPage {
    /// How many are known after a full list, after which there may be more.
    fn known(&self) -> Option<u32> {
        (self.erasures.len() == LIST_MAX as usize).then(|| self.after.saturating_add(LIST_MAX))
    }
}

#[derive(Deserialize)]
pub(crate) struct Listed {
    #[serde(default)]
    after: u32,
}

/// Each erasure with its record on the ledger, oldest first.
pub(crate) async fn show_erasures(
    page: Page,
    member: Member,
    Query(Listed { after }): Query<Listed>,
) -> Result<Response, Trouble> {
    let erasures = member.office.desk().erasures(&member.visitor.session, after).await?;
    rendered(&ErasuresPage { page, erasures, after })
}

#[derive(Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    basis: String,
    #[serde(default)]
    reference: String,
    /// That it is meant.
    #[serde(default)]
    sure: String,
}

pub(crate) async fn erase(
    page: Page,
    State(app): State<Arc<App>>,
    member: Member,
    Path(id): Path<String>,
    Form(form): Form<Asked>,
) -> Result<Response, Trouble> {
    // The browser does not send the form without it.
    if form.sure != "yes" {
        return Err(Trouble::Changed);
    }
    let erasure = Erasure { basis: form.basis, reference: form.reference.trim().to_owned() };
    let (desk, session) = (member.office.desk(), &member.visitor.session);
    let done = desk.erase(session, &id, &erasure, member.office.now()).await;
    settled(page, &app, &member, &id, [String::new(), erasure.reference], done).await
}
