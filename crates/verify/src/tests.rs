use std::collections::BTreeSet;

use crate::{code, finding};

const SPEC: &str = include_str!("../../../docs/specs/verdict.md");
const VECTORS: &str = include_str!("../../../testdata/certificates/vectors.json");

/// What no vector exercises, and why.
const WITHOUT_VECTOR: [(&str, &str, &str); 2] = [
    (code::CERTIFICATE, "too-long", "a file of more than 4 MiB; the tests of verdicts make one"),
    (
        code::SEAL,
        "chain-too-long",
        "a seal's chain has at most five certificates, and with the root they fit",
    ),
];

#[test]
fn every_sentence_is_there_in_both_languages_and_names_the_same_things() {
    let names = |text: &str| -> BTreeSet<String> {
        text.split('{').skip(1).map(|tail| tail.split('}').next().unwrap().to_owned()).collect()
    };
    for found in finding::ALL {
        let (mut zh, mut en) = (names(found.zh), names(found.en));
        // Names of institutions and ledgers have a form in each language.
        zh.remove("zh");
        en.remove("en");
        assert_eq!(zh, en, "{}", found.en);
        assert!(found.zh.ends_with('。') && found.en.ends_with('.'), "{}", found.en);
        assert!(!found.reason.is_empty() || found.status == crate::Status::Pass, "{}", found.en);
    }
}

/// Every reason that a check can give, with the check's code; an empty one for a plain pass.
fn reasons() -> BTreeSet<(&'static str, &'static str)> {
    let each = |found: &&finding::Finding| {
        let reason = found.reason;
        found.codes.iter().map(move |code| (*code, reason)).collect::<Vec<_>>()
    };
    finding::ALL.iter().flat_map(each).collect()
}

/// The part of the specification under the heading that names `code`.
fn section(code: &str) -> &'static str {
    let named =
        |part: &&str| part.lines().next().is_some_and(|heading| heading.contains(&format!("`{code}`")));
    SPEC.split("\n### ").skip(1).find(named).unwrap_or_else(|| panic!("no heading names {code}"))
}

#[test]
fn the_specification_lists_every_reason_under_its_check() {
    for (code, reason) in reasons().into_iter().filter(|(_, reason)| !reason.is_empty()) {
        let place = match reason {
            "not-evaluated" => SPEC,
            // Said once, under the seals.
            chain if chain.starts_with("chain-") => section(code::SEAL),
            _ => section(code),
        };
        assert!(place.contains(&format!("`{reason}`")), "{code}: {reason}");
    }
}

#[test]
fn a_vector_exercises_every_reason() {
    let vectors: serde_json::Value = serde_json::from_str(VECTORS).unwrap();
    let mut missing = reasons();
    for vector in vectors["vectors"].as_array().unwrap() {
        let verdict: serde_json::Value = serde_json::from_str(vector["verdict"].as_str().unwrap()).unwrap();
        for check in verdict["checks"].as_array().unwrap() {
            let (code, reason) = (check["code"].as_str().unwrap(), check["reason"].as_str().unwrap());
            missing.retain(|known| *known != (code, reason));
        }
    }
    let excepted = WITHOUT_VECTOR.map(|(code, reason, _)| (code, reason));
    assert_eq!(missing, BTreeSet::from(excepted), "left: exercised by no vector, right: the exceptions");
}
