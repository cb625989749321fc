use xiezhi_crypto::DigestAlg;
use xiezhi_merkle::{Tree, verify_inclusion};
use xiezhi_types::from_canonical;

use super::*;
use crate::genesis::tests::check_pinned;

pub(crate) fn sample() -> Manifest {
    let fields = [
        (names::TITLE, Value::Text("合同".to_owned())),
        (names::DIGEST_SHA256, Value::Digest(DigestAlg::Sha256.digest(b"x"))),
        (names::SIZE, Value::Number(1)),
        ("place", Value::Bytes(vec![1, 2, 3])),
        ("digest.page-1", Value::Digest(DigestAlg::Sm3.digest(b"y"))),
    ];
    let mut salt = [0; 16];
    let salts = || {
        salt[0] += 1;
        salt
    };
    Manifest::new(fields.map(|(name, value)| (name.to_owned(), value)), salts).unwrap()
}

#[test]
fn the_encodings_are_pinned() {
    check_pinned(&canonical(&sample()), "31738d3cea6ef25968eedd87ca497da36839827be7f110752b697509a67c7144");
    check_pinned(
        &canonical(&sample().disclose(&[names::SIZE])),
        "e58f60c9ae3214e065c8eab4c418c57a5e5ba7f3a2e393747d651408fcac301a",
    );
    assert_eq!(
        hex::encode(sample().root()),
        "c41e1f27ffd988a8a0aac24a8f7baf52d77a06821472b71e0fdb5ba0507f2697"
    );
}

#[test]
fn fields_are_sorted_and_found_by_name() {
    let manifest = sample();
    let found: Vec<_> = manifest.fields().map(|field| field.name.as_str()).collect();
    assert_eq!(found, ["digest.page-1", "digest.sha256", "place", "size", "title"]);
    assert_eq!(manifest.value("size"), Some(&Value::Number(1)));
    assert_eq!(manifest.value("colour"), None);
    assert_eq!(manifest.digests(), [DigestAlg::Sm3.digest(b"y"), DigestAlg::Sha256.digest(b"x")]);
}

#[test]
fn closing_fields_keeps_the_root_and_hides_names_and_values() {
    let whole = sample();
    for keep in [vec![], vec!["size"], vec!["title", "place"], vec!["digest.sha256", "nothing"]] {
        let shown = whole.disclose(&keep);
        assert_eq!(shown.root(), whole.root());
        assert_eq!(shown.entries().len(), 5);
        shown.check().unwrap();
        let bytes = canonical(&shown);
        assert_eq!(from_canonical::<Manifest>("manifest", &bytes), Ok(shown.clone()));
        for field in whole.fields().filter(|field| !keep.contains(&field.name.as_str())) {
            assert_eq!(shown.value(&field.name), None);
            assert!(!bytes.windows(field.name.len()).any(|window| window == field.name.as_bytes()));
            assert!(!bytes.windows(16).any(|window| window == field.salt));
        }
        assert_eq!(shown.disclose(&keep), shown, "closing twice changes nothing");
    }
}

#[test]
fn the_root_is_that_of_an_ordinary_tree_over_the_fields() {
    let manifest = sample();
    let leaves: Vec<_> = manifest.fields().map(Field::leaf).collect();
    let tree = Tree::<Sha256>::new(&leaves);
    assert_eq!(tree.root(), manifest.root());
    verify_inclusion::<Sha256>(&leaves[3], 3, 5, &tree.inclusion(3).unwrap(), &manifest.root()).unwrap();
}

#[test]
fn any_change_of_a_field_changes_the_root() {
    let manifest = sample();
    for at in 0..5 {
        let changed = |change: &dyn Fn(&mut Field)| {
            let mut changed = manifest.clone();
            if let Entry::Open(field) = &mut changed.0[at] {
                change(field);
            }
            changed.root()
        };
        for root in [
            changed(&|field| field.salt[3] ^= 1),
            changed(&|field| field.name.push('x')),
            changed(&|field| field.value = Value::Number(99)),
        ] {
            assert_ne!(root, manifest.root());
        }
    }
}

#[test]
fn counts_names_and_order_are_bounded() {
    let of = |names: &[&str]| {
        let field = |name: &&str| {
            Entry::Open(Field { salt: [0; 16], name: (*name).to_owned(), value: Value::Number(0) })
        };
        Manifest(names.iter().map(field).collect()).check()
    };
    assert_eq!(of(&[]), Err(ManifestError::Count { fields: 0 }));
    assert_eq!(of(&["b", "a"]), Err(ManifestError::Order { name: "a".to_owned() }));
    assert_eq!(of(&["a", "a"]), Err(ManifestError::Order { name: "a".to_owned() }));
    assert_eq!(of(&[""]), Err(ManifestError::Name { bytes: 0 }));
    assert_eq!(of(&[&"x".repeat(65)]), Err(ManifestError::Name { bytes: 65 }));
    let many = (0..257).map(|i| (format!("{i:03}"), Value::Number(i)));
    assert_eq!(Manifest::new(many, || [0; 16]), Err(ManifestError::Count { fields: 257 }));
    assert_eq!(Manifest(vec![Entry::Closed([0; 32])]).check(), Ok(()));
}

#[test]
fn a_value_of_another_type_is_refused() {
    for value in [&[0x20][..], &[0xf5], &[0xf6], &[0xa0], &[0xfb, 0, 0, 0, 0, 0, 0, 0, 0]] {
        let mut bytes = vec![0x81, 0x83, 0x50];
        bytes.extend([[0; 16].as_slice(), &[0x61, b'a'], value].concat());
        assert!(from_canonical::<Manifest>("manifest", &bytes).is_err());
    }
    assert!(from_canonical::<Manifest>("manifest", &[0x81, 0x41, 0x00]).is_err(), "a short hash");
}
