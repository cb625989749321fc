//! Applications: the form, what became of it, an officer's decision, the account that is bound.

use std::{collections::HashMap, sync::Arc};

use askama::Template;
use axum::{
    Form, Json,
    extract::{Path, State},
    response::{IntoResponse as _, Redirect, Response},
};
use http::{StatusCode, header};
use serde::Deserialize;
use xiezhi_crypto::{PublicKey, SignatureAlg};
use xiezhi_office::{
    Agent, Applicant, ApplicantKind, Authority, BASES, Bind, BindSignature, DeskError, Dossier, Evidence,
    Individual, REASONS, Revocation, State as Standing, policy::Role,
};
use xiezhi_problem::Problem;
use xiezhi_types::Refusal;

use crate::{
    app::App,
    office::Member,
    page::{Page, Trouble, rendered},
    show,
};

/// The kind of number of a natural person.
const RESIDENT_ID: &str = "resident-id";
/// The fields of the form's groups, by their paths in the API.
const SUBJECT: [&str; 2] = ["name", "number"];
const REPRESENTATIVE: [&str; 2] = ["legal_representative.name", "legal_representative.number"];
const AGENT: [&str; 5] = [
    "agent.name",
    "agent.number",
    "agent.authority.reference",
    "agent.authority.sha256",
    "agent.authority.until",
];

type Values = HashMap<String, String>;

#[derive(Template)]
#[template(path = "apply.html")]
struct ApplyPage {
    page: Page,
    values: Values,
    refusals: Vec<Refusal>,
    demonstration: bool,
}

impl ApplyPage {
    fn value(&self, field: &str) -> &str {
        self.values.get(field).map_or("", String::as_str)
    }

    fn wrong(&self, field: &str) -> Option<&str> {
        self.page.wrong(&self.refusals, field)
    }

    fn is_of(&self, kind: &str) -> bool {
        self.value("number_kind") == kind
    }

    /// The text of a field's label: what is left of the path when the dots are taken out.
    fn label(&self, field: &str) -> String {
        self.page.t.word("field", &field.replace(['.', '_'], "-"))
    }

    /// The kinds of number.
    fn kinds(&self) -> [&'static str; 3] {
        [RESIDENT_ID, "credit-code", "lei"]
    }
}

fn applicant(values: &Values) -> Applicant {
    let text = |name: &str| values.get(name).map(|value| value.trim().to_owned()).unwrap_or_default();
    let any = |names: &[&str]| names.iter().any(|name| !text(name).is_empty());
    let kind = if text("kind") == "enterprise" { ApplicantKind::Enterprise } else { ApplicantKind::Person };
    let is_represented = kind == ApplicantKind::Enterprise || any(&REPRESENTATIVE);
    let individual = |at: &str| Individual {
        name: text(&format!("{at}.name")),
        number_kind: RESIDENT_ID.to_owned(),
        number: text(&format!("{at}.number")),
    };
    let agent = any(&AGENT).then(|| {
        let Individual { name, number_kind, number } = individual("agent");
        let authority = Authority {
            reference: text("agent.authority.reference"),
            sha256: text("agent.authority.sha256").to_lowercase(),
            until: text("agent.authority.until"),
        };
        Agent { name, number_kind, number, authority }
    });
    Applicant {
        kind,
        number_kind: text("number_kind"),
        number: text("number"),
        name: text("name"),
        legal_representative: is_represented.then(|| individual("legal_representative")),
        agent,
    }
}

pub(crate) async fn show_form(page: Page, member: Member) -> Result<Response, Trouble> {
    let demonstration = member.office.desk().is_demonstration();
    rendered(&ApplyPage { page, values: Values::new(), refusals: Vec::new(), demonstration })
}

pub(crate) async fn apply(
    page: Page,
    member: Member,
    Form(values): Form<Values>,
) -> Result<Response, Trouble> {
    let (desk, session, now) = (member.office.desk(), &member.visitor.session, member.office.now());
    let applied = match desk.apply(session, &applicant(&values), None, now).await {
        Err(DeskError::Refused(refusals)) => {
            let demonstration = desk.is_demonstration();
            let form = rendered(&ApplyPage { page, values, refusals, demonstration })?;
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, form).into_response());
        }
        other => other?,
    };
    if let Some((claims, names)) =
        member.visitor.said.as_ref().filter(|_| applied.state == Standing::Submitted)
    {
        // What does not fit is noted, and waits for an officer.
        match desk.decide(session, &applied.id, &Evidence::Assertion { claims, names }, None, now).await {
            Ok(_) | Err(DeskError::Refused(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Redirect::to(&format!("/office/applications/{}", applied.id)).into_response())
}

#[derive(Template)]
#[template(path = "application.html")]
struct ApplicationPage {
    page: Page,
    ledger: String,
    found: Dossier,
    role: Role,
    reason: String,
    reference: String,
    refusals: Vec<Refusal>,
}

impl ApplicationPage {
    fn is(&self, state: Standing, role: Role) -> bool {
        self.found.application.state == state && self.role == role
    }

    fn can_decide(&self) -> bool {
        self.is(Standing::Submitted, Role::Officer)
    }

    fn can_demonstrate(&self) -> bool {
        self.is(Standing::Submitted, Role::Person) && self.found.application.demonstration
    }

    fn can_bind(&self) -> bool {
        self.is(Standing::Approved, Role::Person)
    }

    fn can_withdraw(&self) -> bool {
        self.is(Standing::Submitted, Role::Person)
    }

    fn can_unbind(&self) -> bool {
        self.role == Role::Person && !self.found.accounts.is_empty()
    }

    fn can_rescind(&self) -> bool {
        self.is(Standing::Approved, Role::Officer)
    }

    fn can_revoke(&self) -> bool {
        self.can_rescind() || (self.role == Role::Officer && !self.found.accounts.is_empty())
    }

    fn can_erase(&self) -> bool {
        self.role == Role::Protection && self.found.application.state != Standing::Erased
    }
}

async fn page_of(
    page: Page,
    app: &App,
    member: &Member,
    id: &str,
    [reason, reference]: [String; 2],
    refusals: Vec<Refusal>,
) -> Result<Response, Trouble> {
    let session = &member.visitor.session;
    let found = member.office.desk().show(session, id, member.office.now()).await?;
    let ledger = app.anchor().await?.ledger.clone();
    rendered(&ApplicationPage { page, ledger, found, role: session.role, reason, reference, refusals })
}

pub(crate) async fn show_application(
    page: Page,
    State(app): State<Arc<App>>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Response, Trouble> {
    page_of(page, &app, &member, &id, Default::default(), Vec::new()).await
}

/// Back to the application once it is `done`; what is refused is said there, beside what was `given`.
pub(crate) async fn settled(
    page: Page,
    app: &App,
    member: &Member,
    id: &str,
    given: [String; 2],
    done: Result<(), DeskError>,
) -> Result<Response, Trouble> {
    match done {
        Err(DeskError::Refused(refusals)) => {
            let form = page_of(page, app, member, id, given, refusals).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, form).into_response())
        }
        done => {
            done?;
            Ok(Redirect::to(&format!("/office/applications/{id}")).into_response())
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct Decision {
    decision: String,
    #[serde(default)]
    reason: String,
}

pub(crate) async fn decide(
    page: Page,
    State(app): State<Arc<App>>,
    member: Member,
    Path(id): Path<String>,
    Form(form): Form<Decision>,
) -> Result<Response, Trouble> {
    let evidence = match form.decision.as_str() {
        "demonstrate" => Evidence::Demonstration,
        given => Evidence::Officer { approve: given == "approve", reason: form.reason.trim() },
    };
    let (desk, session) = (member.office.desk(), &member.visitor.session);
    let done = desk.decide(session, &id, &evidence, None, member.office.now()).await.map(drop);
    settled(page, &app, &member, &id, [form.reason, String::new()], done).await
}

pub(crate) async fn withdraw(member: Member, Path(id): Path<String>) -> Result<Response, Trouble> {
    member.office.desk().withdraw(&member.visitor.session, &id, member.office.now()).await?;
    Ok(Redirect::to(&format!("/office/applications/{id}")).into_response())
}

/// What is revoked: one account's binding, or the approval with all of them where no account is named.
#[derive(Deserialize)]
pub(crate) struct Revoked {
    #[serde(default)]
    account: String,
    #[serde(default)]
    why: String,
    #[serde(default)]
    reference: String,
}

pub(crate) async fn revoke(
    page: Page,
    State(app): State<Arc<App>>,
    member: Member,
    Path(id): Path<String>,
    Form(form): Form<Revoked>,
) -> Result<Response, Trouble> {
    let (desk, session, now) = (member.office.desk(), &member.visitor.session, member.office.now());
    let revocation = Revocation { reason: form.why, reference: form.reference.trim().to_owned() };
    let done = match form.account.as_str() {
        "" => desk.rescind(session, &id, &revocation, None, now).await.map(drop),
        account => desk.revoke(session, &id, account, &revocation, now).await,
    };
    settled(page, &app, &member, &id, [String::new(), revocation.reference], done).await
}

#[derive(Deserialize)]
pub(crate) struct ChallengeFor {
    account: String,
}

pub(crate) async fn challenge(
    member: Member,
    Path(id): Path<String>,
    Json(wanted): Json<ChallengeFor>,
) -> Result<Response, Problem> {
    let session = &member.visitor.session;
    Ok(Json(member.office.challenge(session, &id, &wanted.account).await?).into_response())
}

/// A challenge, signed by the key in the browser.
#[derive(Deserialize)]
pub(crate) struct Signed {
    nonce: String,
    /// P-256, compressed, in hexadecimal.
    key: String,
    signature: String,
}

pub(crate) async fn bind(
    member: Member,
    Path(id): Path<String>,
    Json(signed): Json<Signed>,
) -> Result<Response, Problem> {
    let key = hex::decode(&signed.key).ok().and_then(|key| PublicKey::new(SignatureAlg::Es256, &key).ok());
    let key = key.ok_or_else(|| Problem::invalid_body("key: no compressed P-256 key"))?.id().to_string();
    let signatures = vec![BindSignature { key, signature: signed.signature }];
    let wanted = Bind { nonce: signed.nonce, signatures };
    let bytes = member.office.bind(&member.visitor.session, &id, &wanted).await?;
    Ok(([(header::CONTENT_TYPE, xiezhi_client::CERTIFICATE)], bytes).into_response())
}
