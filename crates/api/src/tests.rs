use std::{fs, path::Path};

use super::*;

/// Set this to write the golden file anew.
const WRITE: &str = "XIEZHI_WRITE_GOLDEN";

#[test]
fn the_committed_document_is_the_generated_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let generated = openapi().to_pretty_json().unwrap() + "\n";
    if std::env::var_os(WRITE).is_some() {
        fs::write(&path, &generated).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == generated,
        "docs/openapi.json is stale: run the test with {WRITE}=1 and look at the difference"
    );
}

#[test]
fn every_operation_says_what_it_does_and_how_it_fails() {
    let document = serde_json::to_value(openapi()).unwrap();
    let mut names = std::collections::BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            assert!(operation["summary"].is_string() && operation["tags"].is_array(), "{method} {path}");
            assert!(names.insert(operation["operationId"].to_string()), "{method} {path}");
            let monitor = ["/healthz", "/readyz", "/metrics", "/v1/openapi.json"].contains(&path.as_str());
            assert!(monitor || operation["responses"]["default"].is_object(), "{method} {path}");
        }
    }
    assert!(names.len() > 30, "{names:?}");
}

#[test]
fn every_reference_in_the_document_leads_somewhere() {
    fn check(value: &serde_json::Value, document: &serde_json::Value) {
        match value {
            serde_json::Value::Object(map) => {
                if let Some(target) = map.get("$ref").and_then(|t| t.as_str()) {
                    assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{target}");
                }
                map.values().for_each(|inner| check(inner, document));
            }
            serde_json::Value::Array(all) => all.iter().for_each(|inner| check(inner, document)),
            _ => {}
        }
    }
    let document = serde_json::to_value(openapi()).unwrap();
    check(&document, &document);
}
