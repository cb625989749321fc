//! Providers: who says whether an application is true. One interface, [`judge`]; three ways to come to a judgement.
//!
//! | provider | evidence |
//! |---|---|
//! | manual | an officer looked at the documents and approves or refuses, with a reason |
//! | assertion | an identity provider's signed token names the same person |
//! | demonstration | nothing: it says yes to everybody, and everything it touches is marked |

use serde_json::{Map, Value};

use xiezhi_types::Refusal;

use crate::{
    applicant::{Applicant, ApplicantKind, is_text},
    refusal as rules,
    state::Event,
};

/// Most characters of a reason.
const REASON_CHARS_MAX: usize = 1000;

/// Which claims of an issuer's tokens say who a person is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimNames {
    /// The claim with the number.
    pub number: String,
    /// The claim with the name.
    pub name: String,
}

/// What a provider has in hand.
#[derive(Debug, Clone)]
pub enum Evidence<'a> {
    /// An officer's decision.
    Officer {
        /// Yes or no.
        approve: bool,
        /// Why.
        reason: &'a str,
    },
    /// The claims of a token that was checked ([`xiezhi_session::token::id_token`]).
    Assertion {
        /// The claims.
        claims: &'a Map<String, Value>,
        /// Which of them count.
        names: &'a ClaimNames,
    },
    /// Nothing.
    Demonstration,
}

/// What a provider says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// [`Event::Approved`] or [`Event::Refused`].
    pub event: Event,
    /// Which provider.
    pub provider: &'static str,
    /// Why; may hold personal data.
    pub reason: String,
}

/// What the evidence says about the application.
///
/// # Errors
/// [`Refusal`] when it says nothing that counts: the application stays as it is.
pub fn judge(applicant: &Applicant, evidence: &Evidence<'_>) -> Result<Judgement, Refusal> {
    match evidence {
        Evidence::Officer { approve, reason } => {
            if !is_text(reason, REASON_CHARS_MAX) {
                return Err(rules::of("reason", &rules::REASON_MISSING));
            }
            let event = if *approve { Event::Approved } else { Event::Refused };
            Ok(Judgement { event, provider: "manual", reason: (*reason).to_owned() })
        }
        Evidence::Assertion { claims, names } => {
            // Nothing is said of who represents an enterprise.
            if applicant.kind != ApplicantKind::Person {
                return Err(rules::of("kind", &rules::ASSERTION_KIND));
            }
            let claim = |name: &str| claims.get(name).and_then(Value::as_str);
            if claim(&names.number) != Some(applicant.number.as_str()) {
                return Err(rules::of("number", &rules::ASSERTION_NUMBER));
            }
            if claim(&names.name) != Some(applicant.name.as_str()) {
                return Err(rules::of("name", &rules::ASSERTION_NAME));
            }
            let said = |name| claim(name).unwrap_or_default();
            let reason = format!("{} says so of subject {}", said("iss"), said("sub"));
            Ok(Judgement { event: Event::Approved, provider: "assertion", reason })
        }
        Evidence::Demonstration => Ok(Judgement {
            event: Event::Approved,
            provider: "demonstration",
            reason: "nobody checked anything".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::applicant::tests::{enterprise, person};

    fn asserted(applicant: &Applicant, claims: &Value) -> Result<Event, (String, &'static str)> {
        let names = ClaimNames { number: "number".to_owned(), name: "name".to_owned() };
        let evidence = Evidence::Assertion { claims: claims.as_object().unwrap(), names: &names };
        judge(applicant, &evidence).map(|said| said.event).map_err(|refused| (refused.field, refused.rule))
    }

    #[test]
    fn an_assertion_must_name_the_very_same_person() {
        let person = person();
        let claims = json!({"iss": "i", "sub": "s", "number": person.number, "name": person.name});
        assert_eq!(asserted(&person, &claims), Ok(Event::Approved));
        for (claim, value) in [
            ("number", json!("11010519491231002x")),
            ("number", json!(null)),
            ("name", json!("张三丰")),
            ("name", json!(["张三"])),
        ] {
            let mut changed = claims.clone();
            changed[claim] = value;
            let rule = if claim == "name" { "assertion-name" } else { "assertion-number" };
            assert_eq!(asserted(&person, &changed), Err((claim.to_owned(), rule)));
        }
        assert_eq!(asserted(&enterprise(), &claims), Err(("kind".to_owned(), "assertion-kind")));
    }

    #[test]
    fn an_officer_gives_a_reason() {
        let by =
            |approve, reason| judge(&person(), &Evidence::Officer { approve, reason }).map(|said| said.event);
        assert_eq!(by(true, "seen"), Ok(Event::Approved));
        assert_eq!(by(false, "扫描件不清"), Ok(Event::Refused));
        for reason in ["", " ", "a\u{7}", &"a".repeat(1001)] {
            assert_eq!(by(true, reason).unwrap_err().rule, "reason-missing");
        }
    }

    #[test]
    fn a_demonstration_says_that_it_is_one() {
        let said = judge(&enterprise(), &Evidence::Demonstration).unwrap();
        assert_eq!((said.event, said.provider), (Event::Approved, "demonstration"));
    }
}
