//! What every page has around it, and what is shown in a page's place when there is none.

use std::{convert::Infallible, sync::Arc};

use askama::Template;
use axum::{
    extract::FromRequestParts,
    response::{Html, IntoResponse, Response},
};
use http::{StatusCode, Uri, header, request::Parts};
use xiezhi_client::ClientError;
use xiezhi_types::{Lang, Refusal};

use crate::{
    app::App,
    assets,
    texts::{Texts, named},
};

/// The frame of a page: language, address, where in the menu.
#[derive(Clone)]
pub(crate) struct Page {
    pub(crate) t: &'static Texts,
    uri: Uri,
    /// The ledger's id, once a node has said it.
    pub(crate) ledger: Option<String>,
    /// Whether there is a registration office here.
    pub(crate) office: bool,
    /// Whether that office is one of a demonstration.
    pub(crate) demonstration: bool,
    /// Whether there is a vault here.
    pub(crate) vault: bool,
    /// Whether there is an evidence service here, and an office at which one logs in.
    pub(crate) evidence: bool,
}

impl Page {
    /// What a refusal says, in the page's language.
    pub(crate) fn said<'a>(&self, refusal: &'a Refusal) -> &'a str {
        refusal.sentence(self.t.lang)
    }

    /// What is wrong with `field` of a form, if it is among what was refused.
    pub(crate) fn wrong<'a>(&self, refusals: &'a [Refusal], field: &str) -> Option<&'a str> {
        refusals.iter().find(|one| one.field == field).map(|one| self.said(one))
    }

    /// The frame for a request. `?lang=` counts before the cookie, the cookie before what the browser says of itself.
    pub(crate) fn of(parts: &Parts) -> Self {
        let asked = asked_language(&parts.uri);
        let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let cookie = || {
            let pairs = text(header::COOKIE)?.split(';');
            pairs.filter_map(|pair| pair.trim().strip_prefix("lang=")).find_map(named)
        };
        let lang = asked
            .or_else(cookie)
            .unwrap_or_else(|| Lang::accepted(text(header::ACCEPT_LANGUAGE).unwrap_or_default()));
        Self {
            t: Texts::of(lang),
            uri: parts.uri.clone(),
            ledger: None,
            office: false,
            demonstration: false,
            vault: false,
            evidence: false,
        }
    }

    /// Whether the page lies in the part of the menu that begins with `path`.
    pub(crate) fn is_in(&self, path: &str) -> bool {
        self.uri.path().strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// This very page in the other language.
    pub(crate) fn in_other_language(&self) -> String {
        let other = if self.t.lang == Lang::Zh { "en" } else { "zh" };
        let kept = self
            .uri
            .query()
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty() && !pair.starts_with("lang="));
        let query: String = kept.map(|pair| format!("{pair}&")).collect();
        format!("{}?{query}lang={other}", self.uri.path())
    }

    /// The address of a compiled-in file.
    pub(crate) fn asset(&self, name: &str) -> String {
        assets::address(name)
    }
}

/// The language that `?lang=` asks for.
pub(crate) fn asked_language(uri: &Uri) -> Option<Lang> {
    uri.query()?.split('&').filter_map(|pair| pair.strip_prefix("lang=")).find_map(named)
}

impl FromRequestParts<Arc<App>> for Page {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Infallible> {
        let mut page = Self::of(parts);
        page.office = app.office.is_some();
        page.demonstration = app.office.as_ref().is_some_and(|office| office.desk().is_demonstration());
        page.vault = app.vault;
        page.evidence = page.office && app.evidence.is_some();
        page.ledger = app.anchor().await.ok().map(|anchor| anchor.ledger.clone());
        Ok(page)
    }
}

/// A page, or the error that no reader causes: a template that cannot be written.
pub(crate) fn rendered(template: &impl Template) -> Result<Response, Trouble> {
    template.render().map(|text| Html(text).into_response()).map_err(|error| {
        tracing::error!(%error, "a page cannot be written");
        Trouble::Broken
    })
}

/// Why there is no page. The edge writes it in the reader's language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nothing is there.
    NotFound,
    /// The record is not sealed yet, so that what was asked for does not exist yet.
    NotSealed,
    /// No node answered.
    Unreachable,
    /// Nodes have too much to do.
    Busy,
    /// A node refused what was asked.
    Refused { title: String, code: String, detail: String },
    /// Another site caused the request.
    Foreign,
    /// The policy says no.
    Denied,
    /// It cannot happen to the application as it stands.
    Changed,
    /// Nobody is logged in.
    NotLoggedIn { detail: String },
    /// A fault of ours.
    Broken,
}

impl Trouble {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::NotSealed => StatusCode::CONFLICT,
            Self::Unreachable => StatusCode::BAD_GATEWAY,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Refused { .. } => StatusCode::BAD_REQUEST,
            Self::Foreign | Self::Denied | Self::NotLoggedIn { .. } => StatusCode::FORBIDDEN,
            Self::Changed => StatusCode::CONFLICT,
            Self::Broken => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The stem of its texts.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::NotSealed => "not-sealed",
            Self::Unreachable => "unreachable",
            Self::Busy => "busy",
            Self::Refused { .. } => "refused",
            Self::Foreign => "foreign",
            Self::Denied => "denied",
            Self::Changed => "changed",
            Self::NotLoggedIn { .. } => "not-logged-in",
            Self::Broken => "broken",
        }
    }
}

impl From<ClientError> for Trouble {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Problem(problem) => match problem.status {
                404 => Self::NotFound,
                _ if problem.code == "not-sealed" => Self::NotSealed,
                429 | 500.. => Self::Busy,
                _ => Self::Refused { title: problem.title, code: problem.code, detail: problem.detail },
            },
            error => {
                tracing::warn!(%error, "no node answers");
                Self::Unreachable
            }
        }
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The page that stands in a page's place.
#[derive(Template)]
#[template(path = "trouble.html")]
pub(crate) struct TroublePage {
    pub(crate) page: Page,
    pub(crate) trouble: Trouble,
}
