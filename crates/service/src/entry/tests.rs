use serde_json::json;
use xiezhi_types::Lang;

use super::*;

fn entry(value: Json) -> Entry {
    serde_json::from_value(value).unwrap()
}

fn capture() -> &'static Phase {
    xiezhi_template::find("web-infringement", None).unwrap().phase(2).unwrap()
}

fn captured() -> Json {
    json!({
        "phase": 2,
        "fields": { "address": "https://example.com/a", "found": "2026-11-28T09:30:00Z", "method": "browser, clean profile" },
        "content": { "kind": "digest", "sha256": "ab".repeat(32), "size": 12 },
    })
}

fn rules(value: Json) -> Vec<&'static str> {
    entry(value).check(capture()).map(|_| Vec::new()).unwrap_or_else(|refused| {
        assert!(
            refused.iter().all(|one| one.sentence(Lang::En).is_ascii() && !one.sentence(Lang::Zh).is_ascii())
        );
        refused.iter().map(|one| one.rule).collect()
    })
}

#[test]
fn what_breaks_a_rule_is_refused_with_the_rule() {
    let with = |name: &str, value: Json| {
        let mut all = captured();
        all[name] = value;
        all
    };
    let rows = [
        (captured(), &[][..]),
        (with("content", json!({ "kind": "digest", "sha256": "AB".repeat(32) })), &["digest"]),
        (with("content", json!({ "kind": "digest", "sha256": "ab".repeat(32), "sm3": "1" })), &["digest"]),
        (with("content", json!({ "kind": "file", "base64": "" })), &["base64"]),
        (with("content", json!({ "kind": "file", "base64": "AAA=", "name": "a\u{7}" })), &["text-length"]),
        (with("content", json!({ "kind": "text", "text": "" })), &["text-length"]),
        (with("content", Json::Null), &["content-missing"]),
        (with("device", json!({ "ip": "192.0.2.1" })), &["consent-missing"]),
        (with("location", json!({ "latitude": "39.9" })), &["consent-missing"]),
        (with("consent", json!({ "given": "yesterday", "reference": "C-1" })), &["time"]),
        (with("generation", json!({ "time": " " })), &["text-length"]),
        (with("fields", json!({})), &["element-missing", "element-missing", "element-missing"]),
    ];
    for (value, expected) in rows {
        assert_eq!(rules(value.clone()), expected, "{value}");
    }
    let mut text = with("content", json!({ "kind": "text", "text": "yes" }));
    text["searchable"] = json!(true);
    assert_eq!(rules(text), ["searchable"]);
    assert!(serde_json::from_value::<Entry>(with("colour", json!(1))).is_err());
}

#[test]
fn everything_that_was_said_becomes_a_field_of_its_own() {
    let mut value = captured();
    value["device"] = json!({ "ip": "192.0.2.1", "wifi_mac": "00:00:5e:00:53:01" });
    value["consent"] = json!({ "given": "2026-11-28T09:00:00Z", "reference": "C-1" });
    value["generation"] = json!({ "time": "09:30", "place": "北京", "person": "王五", "before": "a", "during": "b", "after": "c" });
    value["searchable"] = json!(true);
    let checked = entry(value).check(capture()).unwrap();
    let mut names: Vec<_> = checked.fields.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    let expected = [
        "consent.given",
        "consent.reference",
        "device.ip",
        "device.wifi-mac",
        "digest.sha256",
        "element.address",
        "element.found",
        "element.method",
        "generation.after",
        "generation.before",
        "generation.during",
        "generation.person",
        "generation.place",
        "generation.time",
        "size",
    ];
    assert_eq!(names, expected);
    assert_eq!(checked.searchable.unwrap().value, [0xab; 32]);
}

#[test]
fn a_customer_is_known_by_a_number_that_keeps_its_rules() {
    let rows = [
        ("person", "resident-id", "11010519491231002X", &[][..]),
        ("enterprise", "credit-code", "91350100M000100Y43", &[]),
        ("person", "credit-code", "91350100M000100Y43", &["number-kind"]),
        ("robot", "lei", "x", &["number-kind"]),
    ];
    for (kind, number_kind, number, expected) in rows {
        let customer = Customer {
            kind: kind.to_owned(),
            name: "张三".to_owned(),
            number_kind: number_kind.to_owned(),
            number: number.to_owned(),
        };
        let mut refused = Vec::new();
        customer.check(&mut refused);
        assert_eq!(refused.iter().map(|one| one.rule).collect::<Vec<_>>(), expected, "{kind} {number_kind}");
    }
}
