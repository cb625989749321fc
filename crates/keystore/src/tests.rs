//! Sealing, and every way in which a file does not open.

use proptest::prelude::*;

use super::*;

const CHEAP: Cost = Cost { memory_kib: 64, passes: 1 };

fn sealed(secret: &[u8]) -> Vec<u8> {
    seal(secret, "通关文牒".as_bytes(), &[7; 16], &[9; 12], CHEAP).unwrap()
}

#[test]
fn what_was_sealed_opens_with_its_passphrase_alone() {
    let file = sealed(b"seed");
    assert!(is_sealed(&file) && !is_sealed(b"seed") && !is_sealed(b"{\"format\":\"other/1\"}"));
    assert_eq!(&open(&file, "通关文牒".as_bytes()).unwrap()[..], b"seed");
    for wrong in ["", "通关文", "通关文牒 "] {
        assert_eq!(open(&file, wrong.as_bytes()), Err(KeystoreError::Passphrase));
    }
    assert!(!String::from_utf8(file).unwrap().contains(&hex::encode("seed")));
}

#[test]
fn a_changed_file_never_opens_to_something_else() {
    let file = sealed(b"seed");
    for at in 0..file.len() {
        for bit in [1, 2, 32] {
            let mut changed = file.clone();
            changed[at] ^= bit;
            if let Ok(secret) = open(&changed, "通关文牒".as_bytes()) {
                assert_eq!(&secret[..], b"seed", "byte {at}");
            }
        }
    }
}

#[test]
fn parameters_are_bound_and_bounded() {
    let file: serde_json::Value = serde_json::from_slice(&sealed(b"seed")).unwrap();
    let with = |name: &str, value: serde_json::Value| {
        let mut changed = file.clone();
        changed[name] = value;
        open(&serde_json::to_vec(&changed).unwrap(), "通关文牒".as_bytes())
    };
    assert_eq!(with("memory_kib", 128.into()), Err(KeystoreError::Passphrase));
    assert_eq!(with("passes", 2.into()), Err(KeystoreError::Passphrase));
    assert!(matches!(with("memory_kib", u32::MAX.into()), Err(KeystoreError::Cost { .. })));
    assert!(matches!(with("memory_kib", 8.into()), Err(KeystoreError::Cost { .. })));
    assert!(matches!(with("passes", 0.into()), Err(KeystoreError::Cost { .. })));
    for (name, value) in
        [("format", "xiezhi-keystore/2"), ("kdf", "pbkdf2"), ("cipher", "none"), ("salt", "00")]
    {
        let error = with(name, value.into()).unwrap_err();
        assert!(matches!(error, KeystoreError::Malformed { field, .. } if field == name), "{error}");
    }
    let extra = with("more", 1.into()).unwrap_err();
    assert!(matches!(extra, KeystoreError::Malformed { field: "file", .. }), "{extra}");
}

/// Made by Python: `argon2-cffi` 25.1 (`hash_secret_raw`, type ID, version 19) and `cryptography` 50 (`AESGCM`).
#[test]
fn another_implementation_makes_the_same_file() {
    let file = String::from_utf8(sealed(b"seed")).unwrap();
    let sealed = file.split("\"sealed\": \"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(sealed, include_str!("tests/sealed.hex").trim());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn any_secret_comes_back(secret: Vec<u8>, passphrase: Vec<u8>, salt: [u8; 16], nonce: [u8; 12]) {
        let file = seal(&secret, &passphrase, &salt, &nonce, CHEAP).unwrap();
        prop_assert_eq!(&open(&file, &passphrase).unwrap()[..], &secret[..]);
    }

    #[test]
    fn hostile_bytes_are_refused_without_panic(bytes: Vec<u8>) {
        prop_assert!(open(&bytes, b"x").is_err());
    }
}
