//! Who is in the alliance, what makes a certificate, what is proposed, and how it was before.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use xiezhi_client::wire::{Alliance, Change, Group, Member, Peer, Policy, PolicyMember, Status, Term};

use crate::{
    app::{App, Institutions},
    page::{Page, Trouble, rendered},
    show,
    texts::Texts,
};

#[derive(Template)]
#[template(path = "institutions.html")]
struct InstitutionsPage {
    page: Page,
    alliance: Alliance,
    institutions: Arc<Institutions>,
    status: Status,
    terms: Vec<Term>,
}

impl InstitutionsPage {
    fn peer(&self, member: &Member) -> Option<&Peer> {
        self.status.institutions.iter().find(|peer| peer.institution == member.id)
    }
}

/// What makes a certificate, in words: a policy that asks for every member of its outermost group says so one by one.
fn conditions(policy: &Policy, institutions: &Institutions, t: &Texts) -> Vec<String> {
    let outer = &policy.seals;
    let parts = outer.members.iter().map(|member| match member {
        PolicyMember::Group(group) => Some(seals(group, institutions, t)),
        _ => None,
    });
    let parts: Option<Vec<_>> = parts.collect();
    let is_all = usize::try_from(outer.threshold).is_ok_and(|need| need == outer.members.len());
    let mut all = parts.filter(|_| is_all).unwrap_or_else(|| vec![seals(outer, institutions, t)]);
    all.push(t.n("policy-stamps", policy.timestamps));
    all
}

/// Whose seals a group asks for, in words.
fn seals(group: &Group, institutions: &Institutions, t: &Texts) -> String {
    let members = group.members.iter().map(|member| match member {
        PolicyMember::Institution(id) => institutions.name(id, t),
        PolicyMember::Role(role) => t.with("policy-role", "role", t.word("role", role)),
        PolicyMember::Group(group) => format!("({})", seals(group, institutions, t)),
    });
    let members: Vec<_> = members.collect();
    let count = t.n("policy-of", group.threshold);
    format!("{count} {}", members.join(&t.get("list-separator")))
}

/// A change that is proposed, in words.
fn change(change: &Change, institutions: &Institutions, t: &Texts) -> String {
    let step = t.word("step", &change.step);
    let who = match (&change.institution, &change.name) {
        (_, Some(name)) => t.pick(name).to_owned(),
        (Some(id), None) => institutions.name(id, t),
        (None, None) => change.suites.as_ref().map(|suites| suites.join(", ")).unwrap_or_default(),
    };
    format!("{step} {who}")
}

/// A key as people compare it: its first 16 hexadecimal digits in groups.
fn key(bytes: &[u8]) -> String {
    show::grouped(&hex::encode(bytes.get(..8).unwrap_or(bytes)))
}

pub(crate) async fn show_institutions(page: Page, State(app): State<Arc<App>>) -> Result<Response, Trouble> {
    let alliance = app.client.alliance().await?;
    let status = app.client.status().await?;
    let mut terms = app.client.terms().await?;
    terms.reverse();
    let institutions = app.institutions().await?;
    rendered(&InstitutionsPage { page, alliance, institutions, status, terms })
}
