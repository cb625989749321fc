//! My evidence: a page without content, which the reader's browser fills from what it keeps itself, and from the vault in its account's name.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use xiezhi_office::BASES;

use crate::{
    app::App,
    page::{Page, Trouble, rendered},
};

/// What the page's script says; each stands in the texts as `mine-` and its name.
const TEXTS: [&str; 39] = [
    "count",
    "narrow",
    "single",
    "phase",
    "t-number",
    "t-since",
    "t-account",
    "t-group",
    "t-digest",
    "valid",
    "invalid",
    "unknown",
    "same",
    "differs",
    "forget",
    "strange",
    "other-vault",
    "revoke",
    "revoked",
    "expired",
    "you",
    "own-purpose",
    "erase",
    "look",
    "prove",
    "proven",
    "not-proven",
    "not-yet",
    "take-proof",
    "what-stored",
    "what-granted",
    "what-revoked",
    "what-read",
    "what-erased",
    "all",
    "bring-here",
    "state-uploading",
    "state-whole",
    "state-erased",
];

#[derive(Template)]
#[template(path = "mine.html")]
struct MinePage {
    page: Page,
    ledger: String,
}

pub(crate) async fn show_mine(page: Page, State(app): State<Arc<App>>) -> Result<Response, Trouble> {
    let ledger = app.anchor().await?.ledger.clone();
    rendered(&MinePage { page, ledger })
}

#[cfg(test)]
mod tests {
    use xiezhi_types::Lang;

    use super::*;
    use crate::texts::Texts;

    #[test]
    fn what_the_script_says_is_there_in_both_languages() {
        for lang in [Lang::Zh, Lang::En] {
            let texts = Texts::of(lang);
            let words = TEXTS.iter().map(|text| ("mine", *text)).chain(BASES.map(|basis| ("basis", basis)));
            for (group, word) in words {
                let id = format!("{group}-{word}");
                assert_ne!(texts.get(&id), id);
            }
        }
    }
}
