use proptest::prelude::*;

use super::*;

/// From the tests of golang.org/x/mod/sumdb/note.
const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

#[test]
fn published_keys_are_read_and_written() {
    for (vkey, name, key_id) in [
        (PETER, "PeterNeumann", [0xc7, 0x4f, 0x20, 0xa3]),
        // From the same tests.
        (
            "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop",
            "EnochRoot",
            [0xaf, 0x0c, 0xfe, 0x78],
        ),
        // From C2SP signed-note; its base64 has plus signs of its own.
        (
            "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "example.com/foo",
            [0x53, 0x0d, 0x90, 0x3a],
        ),
        // The key of the Go checksum database.
        (
            "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
            "sum.golang.org",
            [0x03, 0x3d, 0xe0, 0xae],
        ),
    ] {
        let key: VerifierKey = vkey.parse().expect("a key");
        assert_eq!((key.name(), key.key_id(), key.algorithm()), (name, key_id, Algorithm::Ed25519));
        assert_eq!(key.to_string(), vkey);
    }
}

#[test]
fn the_same_key_has_another_id_for_cosignatures() {
    let peter: VerifierKey = PETER.parse().expect("a key");
    let cosigner =
        VerifierKey::new(peter.name(), Algorithm::CosignatureV1, *peter.public_key()).expect("a name");
    assert_ne!(cosigner.key_id(), peter.key_id());
    let again: VerifierKey = cosigner.to_string().parse().expect("its own text");
    assert_eq!((again.algorithm(), &again), (Algorithm::CosignatureV1, &cosigner));
}

#[test]
fn a_mangled_key_is_refused() {
    let check = |vkey: &str| assert!(vkey.parse::<VerifierKey>().is_err(), "{vkey}");
    for from in 0..PETER.len() {
        for to in from..=PETER.len() {
            if (from, to) != (0, PETER.len()) {
                check(&PETER[from..to]);
            }
        }
    }
    for at in 0..PETER.len() {
        for bit in 0..7 {
            let mut vkey = PETER.as_bytes().to_vec();
            vkey[at] ^= 1 << bit;
            check(str::from_utf8(&vkey).expect("ASCII"));
        }
    }
    check(&PETER.replace("c74f20a3", "C74F20A3"));
    check(&format!("{PETER} "));
    check(&format!("{PETER}=="));
}

#[test]
fn the_reason_is_told() {
    let error = |vkey: &str| vkey.parse::<VerifierKey>().expect_err("mangled");
    // Both with key ids that fit.
    let long = "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==";
    assert_eq!(error(&long.replace("Y==", "Q==")), KeyError::WrongKeyLength { bytes: 36 });
    let unknown = "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    assert_eq!(error(unknown), KeyError::UnknownAlgorithm { algorithm: 0x65 });
    let (expected, found) = ([0xc7, 0x4f, 0x20, 0xa3], [0xc7, 0x4f, 0x20, 0xa4]);
    assert_eq!(error(&PETER.replace("20a3", "20a4")), KeyError::WrongKeyId { expected, found });
    assert_eq!(error(&PETER.replace("Peter", "Peter ")), KeyError::BadName);
    assert_eq!(error("PeterNeumann"), KeyError::Malformed);
}

#[test]
fn a_name_has_no_space_no_plus_and_is_not_empty() {
    for name in ["a", "example.com/log", "司法链.example", "a~b", "oid/1.3.6.1.4.1.44947.1"] {
        assert!(is_key_name(name), "{name}");
    }
    for name in ["", " ", "a b", "a+b", "a\u{3000}b", "a\u{a0}", "a\n", "\tb", "a\u{1}", "\u{2003}"] {
        assert!(!is_key_name(name), "{name:?}");
        assert_eq!(VerifierKey::new(name, Algorithm::Ed25519, [0; 32]), Err(KeyError::BadName));
    }
}

proptest! {
    #[test]
    fn a_key_comes_back(name in "[^+\\s\\x00-\\x1f]{1,20}", cosigner: bool, public_key: [u8; 32]) {
        let algorithm = if cosigner { Algorithm::CosignatureV1 } else { Algorithm::Ed25519 };
        let key = VerifierKey::new(name, algorithm, public_key).expect("a name");
        prop_assert_eq!(key.to_string().parse(), Ok(key));
    }

    #[test]
    fn any_text_is_read_without_panic(text in ".*") {
        text.parse::<VerifierKey>().ok();
    }
}
