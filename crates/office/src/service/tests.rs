#[test]
fn every_kind_has_its_own_code_and_both_languages() {
    xiezhi_problem::check_kinds(super::kinds::ALL);
}

#[test]
fn the_committed_document_is_the_generated_one() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi-office.json");
    xiezhi_problem::openapi::check_document(&super::openapi_document(), &path, &["/v1/openapi.json"]);
}
