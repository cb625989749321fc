//! The institutions' console, first part: how their nodes stand, what expires, what waits; and orders prepared for the officer who signs them.
//!
//! Nothing is signed here: the keys of institutions are at their nodes, and no page asks for them.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use serde::Deserialize;
use xiezhi_client::{
    Client,
    wire::{Account, Expiry, Status},
};
use xiezhi_evidence::account::REFERENCE_BYTES_MAX;
use xiezhi_types::AccountId;

use crate::{
    app::{App, Institutions},
    page::{Page, Trouble, rendered},
    show,
};

/// A node that the portal knows, and what it says of itself; `None` where it does not answer.
struct Node {
    url: String,
    status: Option<Status>,
}

#[derive(Template)]
#[template(path = "console.html")]
struct ConsolePage {
    page: Page,
    nodes: Vec<Node>,
    institutions: Arc<Institutions>,
    /// What expires, the first first.
    expiries: Vec<Expiry>,
    /// Who may order a freezing: courts that are active members.
    courts: Vec<String>,
    order: Option<Order>,
}

/// A form that was filled in.
#[derive(Deserialize)]
pub(crate) struct Asked {
    account: Option<String>,
    #[serde(default)]
    reference: String,
    #[serde(default)]
    lifted: String,
}

/// An order as it is prepared.
struct Order {
    account: String,
    reference: String,
    lifted: String,
    /// How the account stands; `None` where there is none of that id.
    found: Option<Account>,
    /// What the officer runs; empty when something is wrong.
    command: String,
    /// The stem of the text that says what is wrong.
    wrong: Option<&'static str>,
}

/// A word of a command, as a shell takes it whole.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

fn is_reference(text: &str) -> bool {
    (1..=REFERENCE_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}

async fn ordered(app: &App, asked: Asked) -> Result<Option<Order>, Trouble> {
    let Some(account) = asked.account.map(|account| account.trim().to_lowercase()) else { return Ok(None) };
    let (reference, lifted) = (asked.reference.trim().to_owned(), asked.lifted.trim().to_owned());
    let found = match account.parse::<AccountId>() {
        Ok(id) => match app.client.account(&id).await {
            Ok(found) => Some(found),
            Err(xiezhi_client::ClientError::Problem(problem)) if problem.status == 404 => None,
            Err(error) => return Err(error.into()),
        },
        Err(_) => None,
    };
    let is_in_force = |found: &Account| found.freezings.iter().any(|one| one.reference == lifted);
    let wrong = match &found {
        None => Some("order-no-account"),
        Some(_) if !is_reference(&reference) => Some("order-no-reference"),
        Some(found) if !lifted.is_empty() && !is_in_force(found) => Some("order-no-freezing"),
        Some(_) => None,
    };
    let command = match wrong {
        Some(_) => String::new(),
        None if lifted.is_empty() => format!(
            "xiezhi account freeze {account} --order {} --document order.pdf --as court/node.toml",
            quoted(&reference)
        ),
        None => format!(
            "xiezhi account unfreeze {account} --freezing {} --order {} --document order.pdf --as court/node.toml",
            quoted(&lifted),
            quoted(&reference)
        ),
    };
    Ok(Some(Order { account, reference, lifted, found, command, wrong }))
}

pub(crate) async fn show_console(
    page: Page,
    State(app): State<Arc<App>>,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    let order = ordered(&app, asked).await?;
    // Each for itself, all at once: the portal's own client asks the next one where one does not answer.
    let asked = app.client.nodes().iter().map(|url| async move {
        let status = match Client::new(url) {
            Ok(client) => client.timeout(std::time::Duration::from_secs(2)).status().await.ok(),
            Err(_) => None,
        };
        Node { url: url.clone(), status }
    });
    let nodes = futures::future::join_all(asked).await;
    let mut expiries: Vec<Expiry> = Vec::new();
    for one in nodes.iter().filter_map(|node| node.status.as_ref()).flat_map(|status| &status.expiries) {
        if !expiries.contains(one) {
            expiries.push(one.clone());
        }
    }
    expiries.sort_by(|a, b| a.expires.cmp(&b.expires));
    let institutions = app.institutions().await?;
    let members = app.client.alliance().await?.term.members;
    let courts = members.iter().filter(|member| member.role == "court" && member.status == "active");
    let courts = courts.map(|member| page.t.pick(&member.name).to_owned()).collect();
    rendered(&ConsolePage { page, nodes, institutions, expiries, courts, order })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_stays_one_word_of_the_command() {
        for (word, expected) in [
            ("(2026) No. 12", "'(2026) No. 12'"),
            ("a'; rm -rf ~; '", "'a'\\''; rm -rf ~; '\\'''"),
            ("$(id)`id`", "'$(id)`id`'"),
        ] {
            assert_eq!(quoted(word), expected);
        }
        assert!(is_reference("（2026）闽01执保1号") && !is_reference("") && !is_reference("a\nb"));
        assert!(!is_reference(&"a".repeat(129)));
    }
}
