//! Who applies: a person, or an enterprise through its legal representative or an agent with authority.

use serde::{Deserialize, Serialize};
use xiezhi_identity::{Date, Kind, check};

use xiezhi_types::Refusal;

use crate::refusal as rules;

/// Most characters of a name.
const NAME_CHARS_MAX: usize = 100;

/// What is applied with: the JSON of the API, and what is sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Applicant {
    /// Person or enterprise.
    pub kind: ApplicantKind,
    /// The kind of number: `resident-id`, `credit-code`, `lei`.
    pub number_kind: String,
    /// The number.
    pub number: String,
    /// The name as it stands in the register.
    pub name: String,
    /// An enterprise's legal representative.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_representative: Option<Individual>,
    /// Who applies for an enterprise, if not the legal representative.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Agent>,
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ApplicantKind {
    /// A natural person.
    Person,
    /// An enterprise or other organisation.
    Enterprise,
}

impl ApplicantKind {
    /// Its stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Enterprise => "enterprise",
        }
    }
}

/// A natural person within an enterprise's application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Individual {
    /// The name.
    pub name: String,
    /// The kind of number: `resident-id`.
    pub number_kind: String,
    /// The number.
    pub number: String,
}

/// Who applies for an enterprise, and by which authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// The agent's name.
    pub name: String,
    /// The kind of number: `resident-id`.
    pub number_kind: String,
    /// The number.
    pub number: String,
    /// The authority.
    pub authority: Authority,
}

/// A power of attorney.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Authority {
    /// Its reference.
    pub reference: String,
    /// SHA-256 of its document, in hexadecimal.
    pub sha256: String,
    /// The last day on which it holds, as `2027-01-31`.
    pub until: String,
}

impl Applicant {
    /// Checks every rule, on the day `today`; all that fail, in the order of the fields.
    ///
    /// What passes is well formed: whether it is true is for a provider to say.
    ///
    /// # Errors
    /// One [`Refusal`] for each field that fails.
    pub fn check(&self, today: Date) -> Result<(), Vec<Refusal>> {
        let mut found = Vec::new();
        let allowed: &[Kind] = match self.kind {
            ApplicantKind::Person => &[Kind::ResidentId],
            ApplicantKind::Enterprise => &[Kind::CreditCode, Kind::Lei],
        };
        check_number("", &self.number_kind, &self.number, allowed, today, &mut found);
        check_name("", &self.name, self.kind == ApplicantKind::Person, &mut found);
        match (self.kind, &self.legal_representative) {
            (ApplicantKind::Person, Some(_)) => {
                found.push(rules::of("legal_representative", &rules::REPRESENTATIVE_UNEXPECTED));
            }
            (ApplicantKind::Enterprise, None) => {
                found.push(rules::of("legal_representative", &rules::REPRESENTATIVE_MISSING));
            }
            (_, Some(one)) => {
                let at = "legal_representative.";
                check_number(at, &one.number_kind, &one.number, &[Kind::ResidentId], today, &mut found);
                check_name(at, &one.name, true, &mut found);
            }
            (_, None) => {}
        }
        if let Some(agent) = &self.agent {
            self.check_agent(agent, today, &mut found);
        }
        if found.is_empty() { Ok(()) } else { Err(found) }
    }

    fn check_agent(&self, agent: &Agent, today: Date, found: &mut Vec<Refusal>) {
        if self.kind == ApplicantKind::Person {
            found.push(rules::of("agent", &rules::AGENT_UNEXPECTED));
            return;
        }
        check_number("agent.", &agent.number_kind, &agent.number, &[Kind::ResidentId], today, found);
        check_name("agent.", &agent.name, true, found);
        if self.legal_representative.as_ref().is_some_and(|one| one.number == agent.number) {
            found.push(rules::of("agent", &rules::AGENT_IS_REPRESENTATIVE));
        }
        let authority = &agent.authority;
        if !is_text(&authority.reference, NAME_CHARS_MAX) {
            found.push(rules::of("agent.authority.reference", &rules::AUTHORITY_REFERENCE));
        }
        let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if authority.sha256.len() != 64 || !authority.sha256.bytes().all(is_digit) {
            found.push(rules::of("agent.authority.sha256", &rules::AUTHORITY_DIGEST));
        }
        match date(&authority.until) {
            None => found.push(rules::of("agent.authority.until", &rules::AUTHORITY_DATE)),
            Some(until) if until < today => {
                found.push(rules::of("agent.authority.until", &rules::AUTHORITY_EXPIRED));
            }
            Some(_) => {}
        }
    }
}

/// A text of 1 to `chars_max` characters without control characters and without spaces around it.
pub(crate) fn is_text(text: &str, chars_max: usize) -> bool {
    !text.is_empty()
        && text.chars().count() <= chars_max
        && text.trim() == text
        && !text.chars().any(char::is_control)
}

fn check_number(at: &str, kind: &str, number: &str, allowed: &[Kind], today: Date, found: &mut Vec<Refusal>) {
    let field = format!("{at}number_kind");
    match Kind::from_name(kind) {
        None => found.push(rules::of(field, &rules::NUMBER_KIND_UNKNOWN)),
        Some(kind) if !allowed.contains(&kind) => {
            let broken = if allowed == [Kind::ResidentId] {
                &rules::NUMBER_KIND_PERSON
            } else {
                &rules::NUMBER_KIND_ENTERPRISE
            };
            found.push(rules::of(field, broken));
        }
        Some(kind) => {
            if let Err(rule) = check(kind, number, Some(today)) {
                found.push(rules::of_number(format!("{at}number"), rule));
            }
        }
    }
}

fn check_name(at: &str, name: &str, is_person: bool, found: &mut Vec<Refusal>) {
    let broken = if name.trim().is_empty() {
        &rules::NAME_EMPTY
    } else if name.chars().count() > NAME_CHARS_MAX {
        &rules::NAME_LENGTH
    } else if !is_text(name, NAME_CHARS_MAX) || (is_person && name.chars().any(char::is_numeric)) {
        &rules::NAME_CHARACTER
    } else {
        return;
    };
    found.push(rules::of(format!("{at}name"), broken));
}

/// Reads `2027-01-31`.
fn date(text: &str) -> Option<Date> {
    (text.len() == 10).then_some(())?;
    let at = xiezhi_types::TimestampMs::parse_rfc3339(&format!("{text}T00:00:00Z"))?;
    Some(day_of(at))
}

/// The day of a time, in UTC.
#[must_use]
pub fn day_of(time: xiezhi_types::TimestampMs) -> Date {
    let text = time.rfc3339();
    let number = |range: std::ops::Range<usize>| {
        text.get(range).and_then(|digits| digits.parse::<u16>().ok()).unwrap_or(0)
    };
    let small = |range| u8::try_from(number(range)).unwrap_or(0);
    (number(0..4), small(5..7), small(8..10))
}

#[cfg(test)]
pub(crate) mod tests;
