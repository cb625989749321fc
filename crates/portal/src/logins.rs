//! Logging in and out: by an issuer, by a passkey, and as anybody in a demonstration.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form, Json,
    extract::{Path, Query},
    response::{IntoResponse as _, Redirect, Response},
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use xiezhi_office::{
    Application, BrowserAnswer, KeyError, OwnPasskey, Service, State as Standing,
    policy::{Action, Role, Scope, scope},
};

use crate::{
    office::{Guest, Member, session_cookie, set_cookie},
    page::{Page, Trouble, rendered},
    show,
};

const LOGIN_PATH: &str = "/office/callback";
const LOGIN_COOKIE: &str = "office-login";
/// Who else one can be in a demonstration.
const EXAMPLES: [&str; 4] = ["example-person", "example-enterprise", "protection", "auditor"];
/// The states that are offered as filters.
const STATES: [Standing; 6] = Standing::ALL;

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    page: Page,
    office: Arc<Service>,
}

#[derive(Template)]
#[template(path = "office.html")]
struct OfficePage {
    page: Page,
    office: Arc<Service>,
    role: Role,
    state: String,
    applications: Vec<Application>,
    passkeys: Vec<OwnPasskey>,
}

impl OfficePage {
    fn is_person(&self) -> bool {
        self.role == Role::Person
    }

    fn can_read_erasures(&self) -> bool {
        scope(self.role, Action::ReadErasures) != Scope::Nobody
    }

    /// The last application of a full list, after which there may be more.
    fn last(&self) -> Option<&str> {
        self.applications.last().filter(|_| self.applications.len() == 100).map(|one| one.id.as_str())
    }
}

#[derive(Deserialize)]
pub(crate) struct Listed {
    state: Option<String>,
    after: Option<String>,
}

pub(crate) async fn show_office(
    page: Page,
    guest: Guest,
    Query(listed): Query<Listed>,
) -> Result<Response, Trouble> {
    let Some(visitor) = guest.visitor else { return rendered(&LoginPage { page, office: guest.office }) };
    let state = listed.state.unwrap_or_default();
    let wanted = Standing::from_name(&state);
    let after = listed.after.as_deref();
    let applications = guest.office.desk().list(&visitor.session, wanted, after).await?;
    let passkeys = guest.office.people().passkeys(&visitor).await?;
    let role = visitor.session.role;
    rendered(&OfficePage { page, role, office: guest.office, state, applications, passkeys })
}

#[derive(Deserialize)]
pub(crate) struct Named {
    name: String,
}

pub(crate) async fn name_key(
    member: Member,
    Path(id): Path<String>,
    Form(form): Form<Named>,
) -> Result<Response, Trouble> {
    member.office.people().name_passkey(&member.visitor, &id, &form.name).await?;
    Ok(Redirect::to("/office").into_response())
}

#[derive(Deserialize)]
pub(crate) struct Removed {
    /// That the last one is meant too.
    #[serde(default)]
    last: String,
}

pub(crate) async fn remove_key(
    guest: Guest,
    Path(id): Path<String>,
    Form(form): Form<Removed>,
) -> Result<Response, Trouble> {
    let Some(visitor) = guest.visitor else { return Ok(Redirect::to("/office").into_response()) };
    let people = guest.office.people();
    people.remove_passkey(&visitor, &guest.token, &id, form.last == "yes").await?;
    Ok(Redirect::to("/office").into_response())
}

fn entered(office: &Service, token: &str) -> Response {
    (session_cookie(office, token), Redirect::to("/office")).into_response()
}

#[derive(Deserialize)]
pub(crate) struct Demonstrate {
    role: String,
}

pub(crate) async fn demonstrate(guest: Guest, Form(form): Form<Demonstrate>) -> Result<Response, Trouble> {
    let token = guest.office.people().demonstrate(&form.role)?;
    Ok(entered(&guest.office, &token))
}

pub(crate) async fn begin_login(guest: Guest, Path(issuer): Path<String>) -> Result<Response, Trouble> {
    let (url, state) = guest.office.people().begin(&issuer).await?;
    let cookie = set_cookie(&guest.office, LOGIN_COOKIE, &state, LOGIN_PATH);
    Ok((cookie, Redirect::to(&url)).into_response())
}

#[derive(Deserialize)]
pub(crate) struct CameBack {
    #[serde(default)]
    state: String,
    #[serde(default)]
    code: String,
    iss: Option<String>,
    error: Option<String>,
}

pub(crate) async fn finish_login(guest: Guest, Query(back): Query<CameBack>) -> Result<Response, Trouble> {
    if let Some(error) = back.error {
        // Only what an error code has (RFC 6749, section 4.1.2.1) is shown.
        let code: String = error.chars().filter(|c| c.is_ascii_lowercase() || *c == '_').take(40).collect();
        return Err(xiezhi_office::LoginError::Issuer(code).into());
    }
    let people = guest.office.people();
    let token = people.finish(&back.state, &guest.state, back.iss.as_deref(), &back.code).await?;
    Ok(entered(&guest.office, &token))
}

pub(crate) async fn leave(guest: Guest) -> Response {
    guest.office.people().leave(&guest.token);
    entered(&guest.office, "")
}

#[derive(Deserialize)]
pub(crate) struct Asked {
    register: bool,
}

fn refused(page: &Page, error: &KeyError) -> Response {
    tracing::info!(%error, "a passkey is refused");
    let said = json!({"error": format!("{} ({error})", page.t.get("passkey-refused"))});
    (StatusCode::FORBIDDEN, Json(said)).into_response()
}

pub(crate) async fn ask_for_key(page: Page, guest: Guest, Json(asked): Json<Asked>) -> Response {
    match guest.office.people().question(guest.visitor.as_ref(), asked.register) {
        Ok(question) => Json(question).into_response(),
        Err(error) => refused(&page, &error),
    }
}

pub(crate) async fn take_key(page: Page, guest: Guest, Json(answer): Json<BrowserAnswer>) -> Response {
    match guest.office.people().answer(guest.visitor.as_ref(), &answer).await {
        Ok(token) => (session_cookie(&guest.office, &token), StatusCode::NO_CONTENT).into_response(),
        Err(error) => refused(&page, &error),
    }
}
