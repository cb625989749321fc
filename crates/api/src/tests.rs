use std::path::Path;

use super::*;

#[test]
fn the_committed_document_is_the_generated_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let monitors = ["/healthz", "/readyz", "/metrics", "/v1/openapi.json"];
    let operations = xiezhi_problem::openapi::check_document(&openapi(), &path, &monitors);
    assert!(operations > 30, "{operations}");
}
