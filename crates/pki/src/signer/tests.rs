use super::SigningKey;
use crate::{Suite, signature, testkit::one_byte_changes};

#[test]
fn a_key_of_every_suite_signs_and_survives_pem() {
    for suite in Suite::ALL {
        let key = SigningKey::from_bytes(*suite, &[7; 32]).expect("a secret");
        let again = SigningKey::from_pkcs8_pem(&key.to_pkcs8_pem()).expect("a key");
        assert_eq!((again.suite(), again.public_key()), (*suite, key.public_key()));
        let signed = signature(&key, b"a message").expect("signs");
        assert_eq!(signature(&again, b"a message").expect("signs"), signed);
        assert!(key.public_key().verifies(b"a message", &signed));
        assert!(!key.public_key().verifies(b"another", &signed));
        for (at, changed) in one_byte_changes(&signed) {
            assert!(!key.public_key().verifies(b"a message", &changed), "{} byte {at}", suite.name());
        }
        assert_eq!(Suite::from_name(suite.name()), Some(*suite));
    }
}

#[test]
fn no_suite_verifies_anothers_signature() {
    let keys = Suite::ALL.iter().map(|suite| SigningKey::from_bytes(*suite, &[7; 32]).expect("a secret"));
    let keys: Vec<_> = keys.collect();
    for one in &keys {
        let signed = signature(one, b"a message").expect("signs");
        for other in keys.iter().filter(|other| other.suite() != one.suite()) {
            assert!(!other.public_key().verifies(b"a message", &signed));
        }
    }
}
