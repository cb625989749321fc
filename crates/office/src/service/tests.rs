use super::*;

#[test]
fn every_kind_has_its_own_code_and_both_languages() {
    let mut codes: Vec<_> = KINDS.iter().map(|kind| kind.code).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), KINDS.len());
    for kind in KINDS {
        assert!(kind.en.is_ascii() && !kind.zh.is_ascii(), "{}", kind.code);
    }
}
