//! Why a binding is revoked, and by which decision.

use serde::{Deserialize, Serialize};
use xiezhi_types::Refusal;

use crate::{erasure::is_reference, refusal as rules};

/// At the holder's own wish: the one reason that needs no decision.
pub const HOLDER: &str = "holder";
/// The reasons: the holder's wish; what was said was never true; it is true no more; the account is in other hands; an order by somebody entitled to it.
pub const REASONS: [&str; 5] = [HOLDER, "untrue", "changed", "account-lost", "order"];

/// What is given as its reason. It stands on the ledger, behind a salt, outlives an erasure, and must name nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// `holder`, `untrue`, `changed`, `account-lost` or `order`.
    pub reason: String,
    /// Reference of the decision, in the office's own files: 1 to 100 printable ASCII characters; may be empty at the holder's wish.
    #[serde(default)]
    pub reference: String,
}

impl Revocation {
    /// As the holder wishes.
    #[must_use]
    pub fn by_holder() -> Self {
        Self { reason: HOLDER.to_owned(), reference: String::new() }
    }

    /// Checks both.
    ///
    /// # Errors
    /// One [`Refusal`] for each that fails.
    pub fn check(&self) -> Result<(), Vec<Refusal>> {
        let mut found = Vec::new();
        if !REASONS.contains(&self.reason.as_str()) {
            found.push(rules::of("reason", &rules::REVOCATION_REASON));
        }
        let may_be_empty = self.reason == HOLDER && self.reference.is_empty();
        if !may_be_empty && !is_reference(&self.reference) {
            found.push(rules::of("reference", &rules::REFERENCE_MISSING));
        }
        if found.is_empty() { Ok(()) } else { Err(found) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revocation_names_its_reason_and_whoever_is_not_the_holder_a_decision() {
        let check = |reason: &str, reference: &str| {
            let revocation = Revocation { reason: reason.to_owned(), reference: reference.to_owned() };
            revocation.check().err().unwrap_or_default().iter().map(|one| one.rule).collect::<Vec<_>>()
        };
        for reason in REASONS {
            assert_eq!(check(reason, "RA-2026-3"), [""; 0]);
            let without = check(reason, "");
            assert_eq!(without.is_empty(), reason == HOLDER, "{reason}: {without:?}");
        }
        assert_eq!(check("because", "张三"), ["revocation-reason", "reference-missing"]);
        assert_eq!(check(HOLDER, "张三"), ["reference-missing"]);
        assert_eq!(Revocation::by_holder().check(), Ok(()));
    }
}
