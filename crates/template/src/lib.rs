//! Templates of business transactions: numbered phases, the elements that each must hold, labels in Chinese and English.
//!
//! A template is a JSON file in `templates/`, `ID.vVERSION.json`. A version that was published is never edited: a change is a new file.
//! The elements of a phase are described by a JSON Schema (draft 2020-12) in a small subset, so that any validator can check them beforehand;
//! a keyword outside of the subset makes the file unreadable, so that no rule is ever passed over. `x-label` is ours.
//!
//! Pure and deterministic: no clock, no file at run time.

mod check;
mod refusal;

use std::{collections::BTreeMap, sync::LazyLock};

use serde::{Deserialize, Serialize};
use xiezhi_types::{Lang, Refusal};

pub use check::Element;

/// Files of templates.
const FILES: &[&str] = &[
    include_str!("../templates/copyright-audio.v1.json"),
    include_str!("../templates/copyright-image.v1.json"),
    include_str!("../templates/copyright-text.v1.json"),
    include_str!("../templates/copyright-video.v1.json"),
    include_str!("../templates/employment.v1.json"),
    include_str!("../templates/free-form.v1.json"),
    include_str!("../templates/lease.v1.json"),
    include_str!("../templates/loan.v1.json"),
    include_str!("../templates/online-sale.v1.json"),
    include_str!("../templates/online-service.v1.json"),
    include_str!("../templates/web-infringement.v1.json"),
];

static TEMPLATES: LazyLock<Vec<Template>> = LazyLock::new(|| {
    let read = |text: &&str| serde_json::from_str(text).expect("the tests read every file");
    FILES.iter().map(read).collect()
});

/// A name in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// English.
    pub en: String,
    /// Chinese.
    pub zh: String,
}

impl Label {
    /// The name in `lang`.
    #[must_use]
    pub fn get(&self, lang: Lang) -> &str {
        match lang {
            Lang::En => &self.en,
            Lang::Zh => &self.zh,
        }
    }
}

/// A kind of transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Its name.
    pub id: String,
    /// Its version, from 1.
    pub version: u32,
    /// What it is called.
    pub label: Label,
    /// Its phases, by number.
    pub phases: Vec<Phase>,
}

/// Whether a phase holds a content (a text, a file, a digest) beside its elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// It must.
    Required,
    /// It may.
    Optional,
}

/// A phase of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// Its number, from 1, and that of its records on the ledger.
    pub number: u32,
    /// Its name for programs.
    pub code: String,
    /// What it is called.
    pub label: Label,
    /// Whether a transaction is incomplete without it.
    pub required: bool,
    /// Whether there may be several entries of it.
    pub repeats: bool,
    /// Phases that must have an entry before it has one.
    pub after: Vec<u32>,
    /// Whether it holds a content.
    pub content: Content,
    /// Its elements.
    pub schema: Schema,
}

/// The schema of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Schema {
    /// `object`.
    #[serde(rename = "type")]
    kind: ObjectType,
    /// The elements, by name.
    pub properties: BTreeMap<String, Property>,
    /// Those that must be there.
    pub required: Vec<String>,
    /// Always false: an element that nobody knows is a mistake.
    additional_properties: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ObjectType {
    Object,
}

/// The schema of an element.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum Property {
    /// Text; never empty.
    String {
        /// Most characters.
        #[serde(rename = "maxLength")]
        max_length: usize,
        /// What it must look like.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        format: Option<Format>,
        /// The only values allowed, where there are any.
        #[serde(default, rename = "enum", skip_serializing_if = "Vec::is_empty")]
        values: Vec<String>,
        /// What it is called.
        #[serde(rename = "x-label")]
        label: Label,
    },
    /// A whole number that every reader of JSON keeps.
    Integer {
        /// The least.
        minimum: u64,
        /// The greatest.
        maximum: u64,
        /// What it is called.
        #[serde(rename = "x-label")]
        label: Label,
    },
}

/// What a text must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// As 2026-11-28.
    Date,
    /// RFC 3339, in UTC: 2026-11-28T09:30:00Z.
    DateTime,
    /// Digits, at most one point, no exponent: 1200.50.
    Decimal,
    /// An absolute http or https address.
    Uri,
}

/// Every version of every template, by id and version.
#[must_use]
pub fn all() -> &'static [Template] {
    &TEMPLATES
}

/// The template `id` in `version`, or in its newest.
#[must_use]
pub fn find(id: &str, version: Option<u32>) -> Option<&'static Template> {
    let named = all().iter().filter(|one| one.id == id && version.is_none_or(|wanted| one.version == wanted));
    named.max_by_key(|one| one.version)
}

impl Template {
    /// The phase with this number.
    #[must_use]
    pub fn phase(&self, number: u32) -> Option<&Phase> {
        self.phases.iter().find(|phase| phase.number == number)
    }

    /// Whether an entry of phase `number` may follow entries of the phases `done`, which may hold a phase several times.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn admit(&self, done: &[u32], number: u32) -> Result<&Phase, Refusal> {
        let Some(phase) = self.phase(number) else {
            let last = self.phases.iter().map(|phase| phase.number).max().unwrap_or_default();
            return Err(refusal::phase_unknown(number, last));
        };
        if !phase.repeats && done.contains(&number) {
            return Err(refusal::phase_repeated(phase));
        }
        match phase.after.iter().find(|before| !done.contains(before)).and_then(|before| self.phase(*before))
        {
            Some(before) => Err(refusal::phase_early(phase, before)),
            None => Ok(phase),
        }
    }

    /// The phases that are required and of which `done` has none.
    #[must_use]
    pub fn missing(&self, done: &[u32]) -> Vec<&Phase> {
        self.phases.iter().filter(|phase| phase.required && !done.contains(&phase.number)).collect()
    }

    /// Whether a transaction with entries of the phases `done` is complete.
    ///
    /// # Errors
    /// One [`Refusal`] for each phase that is missing.
    pub fn complete(&self, done: &[u32]) -> Result<(), Vec<Refusal>> {
        let missing: Vec<_> = self.missing(done).into_iter().map(refusal::phase_missing).collect();
        if missing.is_empty() { Ok(()) } else { Err(missing) }
    }
}

#[cfg(test)]
mod tests;
