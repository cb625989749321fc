//! One box for everything: what a text can name is looked up, and what is there is listed. Found is not verified, and the page says so.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Query, State},
    response::{IntoResponse as _, Redirect, Response},
};
use serde::Deserialize;
use xiezhi_client::{ClientError, RecordQuery, wire::Record};
use xiezhi_types::{AccountId, GroupId, Height, LogIndex, StatementId};

use crate::{
    app::App,
    page::{Page, Trouble, rendered},
    records::{Row, link},
    show,
};

/// Records listed of each kind of hit; the list of all of them is one click away.
const ROWS: u32 = 10;

#[derive(Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    q: String,
}

/// Something that is not a record.
struct Place {
    /// `account`, `block`, `institution` or `ledger`.
    what: &'static str,
    name: String,
    link: String,
}

#[derive(Template)]
#[template(path = "search.html")]
struct SearchPage {
    page: Page,
    q: String,
    places: Vec<Place>,
    rows: Vec<Row>,
    /// All records that match, where not all are listed.
    all: Option<String>,
}

/// What a text can name.
#[derive(Debug, PartialEq, Eq)]
enum Meaning {
    Nothing,
    Number(String),
    Digest(String),
    /// 64 hexadecimal digits: a statement's id, an account, a ledger, or a digest without its algorithm.
    Hash(String),
    Group(String),
    /// A record's place, or a block's height.
    Count(u64),
    /// Perhaps an institution.
    Word(String),
}

fn meaning(text: &str) -> Meaning {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    let is_hex = |text: &str, digits| text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit());
    let digest = lower
        .split_once(':')
        .filter(|(algorithm, digits)| ["sha256", "sm3"].contains(algorithm) && is_hex(digits, 64));
    match lower.as_str() {
        "" => Meaning::Nothing,
        _ if digest.is_some() => Meaning::Digest(lower),
        _ if lower.starts_with("xz-") => Meaning::Number(text.to_ascii_uppercase()),
        _ if is_hex(&lower, 64) => Meaning::Hash(lower),
        _ if is_hex(&lower, 32) => Meaning::Group(lower),
        _ => lower.parse().map_or_else(|_| Meaning::Word(text.to_owned()), Meaning::Count),
    }
}

/// What is there, nothing where there is nothing.
fn there<T>(answer: Result<T, ClientError>) -> Result<Option<T>, Trouble> {
    match answer.map_err(Trouble::from) {
        Ok(found) => Ok(Some(found)),
        Err(Trouble::NotFound | Trouble::Refused { .. }) => Ok(None),
        Err(trouble) => Err(trouble),
    }
}

pub(crate) async fn show_search(
    page: Page,
    State(app): State<Arc<App>>,
    Query(Asked { q }): Query<Asked>,
) -> Result<Response, Trouble> {
    let mut found = SearchPage { page, q, places: Vec::new(), rows: Vec::new(), all: None };
    match meaning(&found.q) {
        Meaning::Nothing => return Ok(Redirect::to("/").into_response()),
        Meaning::Number(number) => {
            found.records(&app, RecordQuery::Number(lower_ledger(&number)), None).await?
        }
        Meaning::Digest(digest) => found.digest(&app, digest).await?,
        Meaning::Group(group) => {
            let id: GroupId = crate::records::read(&group)?;
            found.records(&app, RecordQuery::Group(id), Some(format!("/records?group={group}"))).await?;
        }
        Meaning::Hash(hash) => found.hash(&app, hash).await?,
        Meaning::Count(n) => {
            let record = there(app.client.record(LogIndex(n)).await)?;
            found.rows.extend(record.iter().map(|record| Row::of(record, found.page.t)));
            if there(app.client.checkpoint(Height(n)).await)?.is_some() {
                found.places.push(Place { what: "block", name: n.to_string(), link: format!("/blocks/{n}") });
            }
        }
        Meaning::Word(word) => found.institutions(&app, &word).await?,
    }
    if let ([], [only], None) = (found.places.as_slice(), found.rows.as_slice(), &found.all) {
        return Ok(Redirect::to(&only.link).into_response());
    }
    if let ([only], []) = (found.places.as_slice(), found.rows.as_slice()) {
        return Ok(Redirect::to(&only.link).into_response());
    }
    rendered(&found)
}

/// The record, or the item of one, that has the number; `None` for none.
pub(crate) async fn numbered(app: &App, number: &str) -> Result<Option<Record>, Trouble> {
    let Meaning::Number(number) = meaning(number) else { return Ok(None) };
    let found = there(app.client.find(&RecordQuery::Number(lower_ledger(&number)), None, 1).await)?;
    Ok(found.and_then(|page| page.records.into_iter().next()))
}

/// A record's number with its ledger's digits small, as it is written: people type them large.
fn lower_ledger(number: &str) -> String {
    number
        .strip_prefix("XZ-")
        .map_or_else(|| number.to_owned(), |rest| format!("XZ-{}", rest.to_ascii_lowercase()))
}

impl SearchPage {
    async fn records(&mut self, app: &App, query: RecordQuery, all: Option<String>) -> Result<(), Trouble> {
        let Some(page) = there(app.client.find(&query, None, ROWS).await)? else { return Ok(()) };
        self.rows.extend(page.records.iter().map(|record| Row::of(record, self.page.t)));
        if page.next.is_some() {
            self.all = all;
        }
        Ok(())
    }

    async fn digest(&mut self, app: &App, digest: String) -> Result<(), Trouble> {
        self.records(app, RecordQuery::Digest(digest.clone()), Some(format!("/records?digest={digest}")))
            .await
    }

    async fn hash(&mut self, app: &App, hash: String) -> Result<(), Trouble> {
        let statement: StatementId = crate::records::read(&hash)?;
        if let Some(status) = there(app.client.statement_status(&statement).await)? {
            let record = app.client.record(LogIndex(status.index.0)).await?;
            self.rows.push(Row { link: link(status.index.0, None), ..Row::of(&record, self.page.t) });
        }
        let account: AccountId = crate::records::read(&hash)?;
        if there(app.client.account(&account).await)?.is_some() {
            let link = format!("/accounts/{hash}");
            self.places.push(Place { what: "account", name: hash.clone(), link });
        }
        if app.anchor().await?.ledger == hash {
            self.places.push(Place { what: "ledger", name: hash.clone(), link: "/institutions".to_owned() });
        }
        for algorithm in ["sha256", "sm3"] {
            self.digest(app, format!("{algorithm}:{hash}")).await?;
        }
        Ok(())
    }

    async fn institutions(&mut self, app: &App, word: &str) -> Result<(), Trouble> {
        let term = app.client.alliance().await?.term;
        let wanted = word.to_lowercase();
        for member in term.members {
            let names = [&member.id, &member.role, &member.name.zh, &member.name.en];
            if names.iter().any(|name| name.to_lowercase().contains(&wanted)) {
                let link = format!("/institutions#{}", member.id);
                let name = self.page.t.pick(&member.name).to_owned();
                self.places.push(Place { what: "institution", name, link });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_means_what_its_form_says() {
        let hash = "0".repeat(63) + "A";
        let small = hash.to_lowercase();
        let rows = [
            ("  ", Meaning::Nothing),
            ("xz-7f3a9c12-12345-67", Meaning::Number("XZ-7F3A9C12-12345-67".to_owned())),
            (&format!("SHA256:{hash}"), Meaning::Digest(format!("sha256:{small}"))),
            (&format!("md5:{hash}"), Meaning::Word(format!("md5:{hash}"))),
            (&hash, Meaning::Hash(small.clone())),
            (&small[..32], Meaning::Group("0".repeat(32))),
            ("17", Meaning::Count(17)),
            ("法院", Meaning::Word("法院".to_owned())),
        ];
        for (text, expected) in rows {
            assert_eq!(meaning(text), expected, "{text}");
        }
        assert_eq!(lower_ledger("XZ-7F3A9C12-12345-67"), "XZ-7f3a9c12-12345-67");
    }
}
