//! A lawful erasure: on which basis, and by which decision.

use serde::{Deserialize, Serialize};

use xiezhi_types::Refusal;

use crate::refusal as rules;

/// The bases of the Personal Information Protection Law, article 47, and an order by somebody entitled to it.
pub const BASES: [&str; 5] = ["request", "purpose-ended", "consent-withdrawn", "unlawful", "order"];

/// What is given as its reason. It stands on the ledger, behind a salt, and must name nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Erasure {
    /// `request`, `purpose-ended`, `consent-withdrawn`, `unlawful` or `order`.
    pub basis: String,
    /// Reference of the request or the decision, in the office's own files: 1 to 100 printable ASCII characters.
    pub reference: String,
}

impl Erasure {
    /// Checks both.
    ///
    /// # Errors
    /// One [`Refusal`] for each that fails.
    pub fn check(&self) -> Result<(), Vec<Refusal>> {
        let mut found = Vec::new();
        if !BASES.contains(&self.basis.as_str()) {
            found.push(rules::of("basis", &rules::BASIS_UNKNOWN));
        }
        if !is_reference(&self.reference) {
            found.push(rules::of("reference", &rules::REFERENCE_MISSING));
        }
        if found.is_empty() { Ok(()) } else { Err(found) }
    }
}

/// Whether `text` can be the reference of a decision: 1 to 100 printable ASCII characters.
pub(crate) fn is_reference(text: &str) -> bool {
    let is_plain = text.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    is_plain && !text.trim().is_empty() && text.len() <= 100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_erasure_names_its_basis_and_its_decision() {
        let check = |basis: &str, reference: &str| {
            let erasure = Erasure { basis: basis.to_owned(), reference: reference.to_owned() };
            erasure.check().err().unwrap_or_default().iter().map(|one| one.rule).collect::<Vec<_>>()
        };
        for basis in BASES {
            assert_eq!(check(basis, "DP-2026-17"), [""; 0]);
        }
        assert_eq!(check("because", ""), ["basis-unknown", "reference-missing"]);
        for reference in [" ", "张三", "a\n", &"a".repeat(101)] {
            assert_eq!(check("request", reference), ["reference-missing"]);
        }
    }
}
