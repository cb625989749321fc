//! The registration office's pages: who is behind the browser, and what keeps other sites from acting in that one's name.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    response::{IntoResponse as _, Redirect, Response},
};
use http::{HeaderMap, header, request::Parts};
use xiezhi_office::{DeskError, LoginError, Service, Visitor};

use crate::{app::App, page::Trouble};

/// How long a browser keeps the cookie of a session, in seconds; the office may have forgotten it before.
const KEPT_S: u32 = 3600;

/// Anybody at the office's counter. A request that changes something is turned away if another site caused it.
pub(crate) struct Guest {
    pub(crate) office: Arc<Service>,
    pub(crate) visitor: Option<Visitor>,
    /// The session's token and the state of a login, if the browser has them.
    pub(crate) token: String,
    pub(crate) state: String,
}

/// Somebody who logged in.
pub(crate) struct Member {
    pub(crate) office: Arc<Service>,
    pub(crate) visitor: Visitor,
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn cookie(headers: &HeaderMap, name: &str) -> String {
    let mut pairs = text(headers, header::COOKIE).split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value.to_owned()).unwrap_or_default()
}

/// Whether the office's own page caused the request. Browsers say so themselves; those that do not are asked for the origin.
fn is_own(headers: &HeaderMap, url: &str) -> bool {
    match headers.get("sec-fetch-site") {
        Some(site) => site == "same-origin",
        None => text(headers, header::ORIGIN) == url,
    }
}

/// A cookie that scripts cannot read and other sites' forms do not send.
pub(crate) fn set_cookie(
    office: &Service,
    name: &str,
    value: &str,
    path: &str,
) -> [(header::HeaderName, String); 1] {
    let secure = if office.url().starts_with("https://") { "; Secure" } else { "" };
    let age = if value.is_empty() { 0 } else { KEPT_S };
    [(
        header::SET_COOKIE,
        format!("{name}={value}; Path={path}; Max-Age={age}; HttpOnly; SameSite=Lax{secure}"),
    )]
}

/// The cookie of a session.
pub(crate) fn session_cookie(office: &Service, token: &str) -> [(header::HeaderName, String); 1] {
    set_cookie(office, "office", token, "/office")
}

impl FromRequestParts<Arc<App>> for Guest {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let office = app.office.clone().ok_or_else(|| Trouble::NotFound.into_response())?;
        let headers = &parts.headers;
        if !parts.method.is_safe() && !is_own(headers, office.url()) {
            tracing::info!("a request of another site is turned away");
            return Err(Trouble::Foreign.into_response());
        }
        // Passkeys and logins are for the name only.
        if parts.method.is_safe()
            && office.url().starts_with("http://localhost")
            && text(headers, header::HOST).starts_with("127.0.0.1")
        {
            let target = parts.uri.path_and_query().map_or("/office", |target| target.as_str());
            return Err(Redirect::temporary(&format!("{}{target}", office.url())).into_response());
        }
        let token = cookie(headers, "office");
        let visitor = office.people().visitor(&token);
        Ok(Self { visitor, token, state: cookie(headers, "office-login"), office })
    }
}

impl FromRequestParts<Arc<App>> for Member {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let guest = Guest::from_request_parts(parts, app).await?;
        let visitor = guest.visitor.ok_or_else(|| Redirect::to("/office").into_response())?;
        Ok(Self { office: guest.office, visitor })
    }
}

impl From<DeskError> for Trouble {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::NotFound | DeskError::NoBinding => Self::NotFound,
            DeskError::Denied => Self::Denied,
            DeskError::WrongState(_)
            | DeskError::Raced
            | DeskError::Reused
            | DeskError::Refused(_)
            | DeskError::LastPasskey => Self::Changed,
            error => {
                tracing::warn!(%error, "the office");
                Self::Broken
            }
        }
    }
}

impl From<LoginError> for Trouble {
    fn from(error: LoginError) -> Self {
        tracing::info!(%error, "nobody is logged in");
        Self::NotLoggedIn { detail: error.to_string() }
    }
}
