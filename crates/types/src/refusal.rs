//! Why something that was given is refused: in the words of programs and of people.

use crate::Lang;

/// A rule that failed. Never holds what was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which field, by its path in the request, as `agent.authority.until`.
    pub field: String,
    /// The rule's stable code.
    pub rule: &'static str,
    en: String,
    zh: String,
}

impl Refusal {
    /// A rule `rule` that failed at `field`, in both languages.
    #[must_use]
    pub fn new(
        field: impl Into<String>,
        rule: &'static str,
        en: impl Into<String>,
        zh: impl Into<String>,
    ) -> Self {
        Self { field: field.into(), rule, en: en.into(), zh: zh.into() }
    }

    /// What is wrong with all of `refused`, in one line of English: for errors of programs.
    #[must_use]
    pub fn line(refused: &[Self]) -> String {
        let said: Vec<_> = refused.iter().map(|one| format!("{}: {}", one.field, one.en)).collect();
        said.join("; ")
    }

    /// What is wrong.
    #[must_use]
    pub fn sentence(&self, lang: Lang) -> &str {
        match lang {
            Lang::En => &self.en,
            Lang::Zh => &self.zh,
        }
    }
}
