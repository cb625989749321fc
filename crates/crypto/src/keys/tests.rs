use proptest::prelude::*;
use xiezhi_types::{canonical, from_canonical};

use super::*;

fn key(alg: SignatureAlg) -> SigningKey {
    SigningKey::from_seed(alg, &[7; 32]).unwrap()
}

#[test]
fn every_suite_signs_what_it_verifies() {
    for alg in SignatureAlg::ALL {
        let key = key(alg);
        let public = key.public_key();
        let signature = key.sign(b"exhibit");
        assert_eq!(key.sign(b"exhibit"), signature, "{alg} is deterministic");
        assert_eq!(public.verify(b"exhibit", &signature), Ok(()), "{alg}");
        assert!(public.verify(b"exhibit!", &signature).is_err(), "{alg}");
        assert_eq!(
            public.verify(b"exhibit", &signature[1..]),
            Err(SignatureError::Length { expected: signature.len(), bytes: signature.len() - 1 })
        );
        let read: PublicKey = from_canonical("key", &canonical(&public)).unwrap();
        assert_eq!(read, public);
        assert_eq!(read.id(), public.id());
        assert_eq!(read.verify(b"exhibit", &signature), Ok(()));
        assert_eq!(SignatureAlg::from_cose(alg.cose()), Ok(alg));
        assert_eq!(SignatureAlg::from_name(alg.name()), Ok(alg));
    }
}

#[test]
fn ed25519_agrees_with_rfc_8032_test_2() {
    let seed = hex::decode("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb").unwrap();
    let key = SigningKey::from_seed(SignatureAlg::Ed25519, seed.as_slice().try_into().unwrap()).unwrap();
    assert_eq!(
        hex::encode(key.public_key().as_bytes()),
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    );
    assert_eq!(
        hex::encode(key.sign(&[0x72])),
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    );
}

#[test]
fn ml_dsa_makes_the_keys_that_others_make_of_the_same_seed() {
    let public = key(SignatureAlg::MlDsa65).public_key();
    // SHA-256 of the public key that Python's cryptography (AWS-LC or OpenSSL) makes of the seed.
    let expected = "d3a1e51ecf491b79ca7691bd269271f8d8e8d94313a6abcc6c8ae8bc34b5f9aa";
    assert_eq!(hex::encode(sha256(public.as_bytes())), expected);
    // Signed there, with randomness.
    let signature = include_bytes!("../../testdata/ml-dsa-65.sig");
    assert_eq!(public.verify(b"exhibit", signature), Ok(()));
    assert!(public.verify(b"another", signature).is_err());
}

#[test]
fn bytes_that_are_no_key_are_refused() {
    for alg in SignatureAlg::ALL {
        assert!(PublicKey::new(alg, &[]).is_err());
        assert!(PublicKey::new(alg, &[0xff; 33]).is_err());
        if alg == SignatureAlg::MlDsa65 {
            // Every string of the right length is a key.
            assert!(
                PublicKey::new(alg, &[0xff; 1951]).is_err() && PublicKey::new(alg, &[0xff; 1952]).is_ok()
            );
            continue;
        }
        // The same point under another tag of 33 bytes.
        let mut compact = key(alg).public_key().as_bytes().to_vec();
        compact[0] = 5;
        assert!(PublicKey::new(alg, &compact).is_err());
        assert!(PublicKey::new(alg, &[0x05; 65]).is_err());
    }
    assert!(SigningKey::from_seed(SignatureAlg::Es256, &[0; 32]).is_err());
    assert!(SigningKey::from_seed(SignatureAlg::Sm2, &[0xff; 32]).is_err());
    assert!(SignatureAlg::from_cose(-257).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a_changed_bit_of_a_signature_does_not_verify(at: prop::sample::Index, which in 0..SignatureAlg::ALL.len()) {
        let key = key(SignatureAlg::ALL[which]);
        let mut signature = key.sign(b"exhibit");
        let at = at.index(signature.len() * 8);
        signature[at / 8] ^= 1 << (at % 8);
        prop_assert!(key.public_key().verify(b"exhibit", &signature).is_err());
    }
}

#[test]
fn a_point_of_p256_is_read_uncompressed_and_only_from_the_curve() {
    let secret = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
    let point = secret.verifying_key().to_sec1_point(false);
    let key = SigningKey::from_seed(SignatureAlg::Es256, &[7; 32]).unwrap().public_key();
    assert_eq!(PublicKey::es256_of_point(point.as_bytes()), Ok(key.clone()));
    assert!(PublicKey::es256_of_point(key.as_bytes()).is_err());
    let mut off = point.as_bytes().to_vec();
    off[64] ^= 2;
    assert!(PublicKey::es256_of_point(&off).is_err());
}
