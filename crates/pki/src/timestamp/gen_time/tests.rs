use der::{Decode, Encode};

use super::GenTime;

fn tlv(text: &str) -> Vec<u8> {
    let mut der = vec![0x18, u8::try_from(text.len()).expect("short")];
    der.extend(text.as_bytes());
    der
}

#[test]
fn a_moment_has_one_encoding() {
    let rows = [
        ("19700101000000Z", 0, 0),
        ("20261122080910Z", 1_795_334_950, 1_795_334_950_000),
        ("20261122080910.5Z", 1_795_334_950, 1_795_334_950_500),
        ("20261122080910.123Z", 1_795_334_950, 1_795_334_950_123),
        ("20261122080910.000000001Z", 1_795_334_950, 1_795_334_950_000),
        ("99991231235959Z", 253_402_300_799, 253_402_300_799_000),
    ];
    for (text, seconds, ms) in rows {
        let time = GenTime::from_der(&tlv(text)).expect(text);
        assert_eq!((time.unix(), time.unix_ms()), (seconds, ms), "{text}");
        assert_eq!(time.to_der().expect(text), tlv(text), "{text}");
    }
    let time = GenTime::from_unix_ms(1_795_334_950_120).expect("in range");
    assert_eq!(time.to_der().expect("encodes"), tlv("20261122080910.12Z"));
    assert_eq!(GenTime::from_unix(253_402_300_800), None);
}

#[test]
fn other_spellings_are_refused() {
    let rows = [
        "20261122080910",
        "20261122080910.Z",
        "20261122080910.0Z",
        "20261122080910.10Z",
        "20261122080910.1234567891Z",
        "20261122080910,5Z",
        "20261122080910.5+0000",
        "20261122080960Z",
        "20261322080910Z",
        "20260230080910Z",
        "202611220809Z",
        "2026112208091 Z",
        "+0261122080910Z",
        "20261122080910.-1Z",
        "20261122080910.+1Z",
        "",
    ];
    for text in rows {
        assert!(GenTime::from_der(&tlv(text)).is_err(), "{text}");
    }
}
