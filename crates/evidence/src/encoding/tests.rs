use super::{DEPTH_MAX, Encoding};

#[test]
fn each_item_has_its_encoding() {
    // (bytes, shortest, distinct, sorted)
    let rows: [(&str, bool, bool, bool); 12] = [
        ("00", true, true, true),
        ("1817", false, true, true),
        ("1818", true, true, true),
        ("1900ff", false, true, true),
        ("190100", true, true, true),
        ("1a0000ffff", false, true, true),
        ("1b0000000100000000", true, true, true),
        ("590001aa", false, true, true),
        ("a2020001f6", true, true, false),
        ("a201000100", true, false, false),
        ("a180a201000100", true, false, false),
        ("c1fb0000000000000000", true, true, true),
    ];
    for (text, shortest, distinct, sorted) in rows {
        let bytes = hex::decode(text).unwrap();
        let more = [bytes.as_slice(), &[0xff]].concat();
        let found = Encoding::of(&more).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(found, Encoding { bytes: bytes.len(), shortest, distinct, sorted }, "{text}");
    }
    for text in [
        "",
        "18",
        "1c",
        "ff",
        "a1",
        "61ff",
        "f818",
        "f81f",
        "9f00ff",
        "5f4100ff",
        "bfff",
        "8200",
        "bbffffffffffffffff",
    ] {
        assert_eq!(Encoding::of(&hex::decode(text).unwrap()), None, "{text}");
    }
}

#[test]
fn items_nest_only_so_deep() {
    let nested = |depth: usize| [vec![0x81; depth], vec![0]].concat();
    assert!(Encoding::of(&nested(DEPTH_MAX)).is_some());
    assert!(Encoding::of(&nested(DEPTH_MAX + 1)).is_none());
    assert!(Encoding::of(&vec![0xc1; 1 << 20]).is_none());
}
