#[test]
fn every_kind_has_its_own_code_and_both_languages() {
    xiezhi_problem::check_kinds(super::kinds::ALL);
}
