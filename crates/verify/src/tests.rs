use std::collections::BTreeSet;

use crate::{code, finding};

const SPEC: &str = include_str!("../../../docs/specs/verdict.md");

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

#[test]
fn the_specification_lists_every_code_and_every_reason() {
    for code in code::ALL {
        assert!(SPEC.contains(&format!("`{code}`")), "{code}");
    }
    for found in finding::ALL.iter().filter(|found| !found.reason.is_empty()) {
        assert!(SPEC.contains(&format!("`{}`", found.reason)), "{}", found.reason);
    }
}
