use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

fn map(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

#[test]
fn every_file_is_read_and_holds_together() {
    for (at, text) in FILES.iter().enumerate() {
        let template: Template =
            serde_json::from_str(text).unwrap_or_else(|error| panic!("file {at}: {error}"));
        let again: Value = serde_json::to_value(&template).unwrap();
        assert_eq!(
            again,
            serde_json::from_str::<Value>(text).unwrap(),
            "{}: nothing of a file is lost",
            template.id
        );
        let mut seen = Vec::new();
        for phase in &template.phases {
            let name = format!("{} {}", template.id, phase.code);
            assert!(phase.number > 0 && !seen.contains(&phase.number), "{name}");
            assert!(phase.after.iter().all(|before| seen.contains(before)), "{name}: after a later phase");
            seen.push(phase.number);
            assert!(!phase.schema.additional_properties, "{name}");
            assert!(
                phase.schema.required.iter().all(|one| phase.schema.properties.contains_key(one)),
                "{name}"
            );
            for (element, property) in &phase.schema.properties {
                assert!(element.len() < 56, "{name} {element}: too long for a field of a manifest");
                let Label { en, zh } = property.label();
                assert!(en.is_ascii() && !zh.is_ascii(), "{name} {element}");
            }
            assert!(phase.label.en.is_ascii() && !phase.label.zh.is_ascii(), "{name}");
        }
        assert!(template.phases.iter().any(|phase| phase.required), "{}", template.id);
    }
}

#[test]
fn every_version_stands_once_and_the_newest_is_found() {
    let mut names: Vec<_> = all().iter().map(|one| (one.id.as_str(), one.version)).collect();
    names.dedup();
    assert_eq!(names.len(), FILES.len());
    assert!(names.is_sorted());
    assert_eq!(find("loan", None).unwrap().version, 1);
    assert!(find("loan", Some(2)).is_none() && find("loans", None).is_none());
}

#[test]
fn a_schema_with_a_keyword_that_is_not_heeded_is_not_read() {
    let text = FILES[0].replacen("\"maxLength\": 200", "\"maxLength\": 200, \"pattern\": \"^a\"", 1);
    assert!(serde_json::from_str::<Template>(&text).is_err());
}

#[test]
fn a_phase_comes_in_its_order_once_unless_it_repeats() {
    let loan = find("loan", None).unwrap();
    let rows: [(&[u32], u32, Option<&str>); 7] = [
        (&[], 1, None),
        (&[], 2, Some("phase-early")),
        (&[1], 1, Some("phase-repeated")),
        (&[1], 2, None),
        (&[1, 2, 3], 3, None),
        (&[1], 9, Some("phase-unknown")),
        (&[], 0, Some("phase-unknown")),
    ];
    for (done, phase, expected) in rows {
        assert_eq!(loan.admit(done, phase).err().map(|refusal| refusal.rule), expected, "{done:?} {phase}");
    }
    assert_eq!(loan.complete(&[1, 3]).unwrap_err().len(), 1);
    assert!(loan.complete(&[1, 2]).is_ok());
}

#[test]
fn a_refusal_names_the_element_and_the_rule_in_both_languages() {
    let phase = find("online-sale", None).unwrap().phase(1).unwrap();
    let good = json!({
        "order": "20261128001", "seller": "甲公司", "buyer": "李四", "goods": "茶", "amount": "128.00", "currency": "CNY",
        "placed": "2026-11-28T09:30:00Z",
    });
    assert_eq!(phase.check(&map(good.clone()), false).unwrap().len(), 7);
    let rows = [
        ("amount", json!("1e3"), "element-format"),
        ("amount", json!("007"), "element-format"),
        ("amount", json!(128), "element-type"),
        ("currency", json!("XXX"), "element-value"),
        ("placed", json!("28.11.2026"), "element-format"),
        ("seller", json!("  "), "element-length"),
        ("seller", json!("a\u{0}"), "element-length"),
        ("order", json!("9".repeat(101)), "element-length"),
    ];
    for (name, value, rule) in rows {
        let mut given = map(good.clone());
        given.insert(name.to_owned(), value);
        let refused = phase.check(&given, false).unwrap_err();
        assert_eq!(
            (refused.len(), refused[0].field.as_str(), refused[0].rule),
            (1, &*format!("fields.{name}"), rule)
        );
        assert!(refused[0].sentence(Lang::En).is_ascii() && !refused[0].sentence(Lang::Zh).is_ascii());
    }
    let mut given = map(good);
    given.remove("order");
    given.insert("colour".to_owned(), json!("red"));
    let rules: Vec<_> = phase.check(&given, false).unwrap_err().iter().map(|refusal| refusal.rule).collect();
    assert_eq!(rules, ["element-missing", "element-unknown"]);
    let image = find("copyright-image", None).unwrap().phase(1).unwrap();
    let work = json!({ "title": "山", "author": "张三", "holder": "张三", "width": 0 });
    let rules: Vec<_> =
        image.check(&map(work), false).unwrap_err().iter().map(|refusal| refusal.rule).collect();
    assert_eq!(rules, ["element-range", "content-missing"]);
}

proptest! {
    #[test]
    fn no_value_makes_a_check_panic_or_comes_back_changed(text in ".{0,60}", number: u64) {
        for phase in all().iter().flat_map(|template| &template.phases) {
            for name in phase.schema.properties.keys() {
                for value in [json!(text), json!(number), json!(null), json!([text])] {
                    let mut given = Map::new();
                    given.insert(name.clone(), value);
                    if let Ok(elements) = phase.check(&given, true) {
                        let same = [(name.clone(), Element::Text(text.clone()))] == elements[..]
                            || [(name.clone(), Element::Number(number))] == elements[..];
                        prop_assert!(same);
                    }
                }
            }
        }
    }
}
