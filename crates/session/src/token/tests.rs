use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair},
};
use serde_json::json;

use super::*;

const NOW: u64 = 1_800_000_000;
const ISSUER: &str = "https://id.example";
const OFFICE: &str = "https://office.example";

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn signed(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let message = format!("{}.{}", part(header), part(claims));
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(sign(message.as_bytes())))
}

fn key(n: u8) -> SigningKey {
    SigningKey::from_seed(SignatureAlg::Ed25519, &[n; 32]).unwrap()
}

/// The key set of an issuer with one Ed25519 key.
fn key_set(key: &SigningKey) -> KeySet {
    let x = URL_SAFE_NO_PAD.encode(key.public_key().as_bytes());
    serde_json::from_value(json!({"keys": [
        {"kty": "oct", "k": "c2VjcmV0"},
        {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": "1", "use": "sig", "alg": "EdDSA"},
    ]}))
    .unwrap()
}

fn claims() -> Value {
    json!({"iss": ISSUER, "aud": OFFICE, "sub": "p1", "iat": NOW, "exp": NOW + 300, "nonce": "n", "name": "张三"})
}

/// An identity token of `key` with `claims`.
fn token(key: &SigningKey, claims: &Value) -> String {
    signed(&json!({"alg": "EdDSA", "kid": "1"}), claims, |message| key.sign(message).to_vec())
}

fn judge(token: &str) -> Result<Map<String, Value>, TokenError> {
    id_token(token, ISSUER, OFFICE, "n", &key_set(&key(1)), NOW)
}

fn check(change: impl FnOnce(&mut Value), expected: Result<(), TokenError>) {
    let mut claims = claims();
    change(&mut claims);
    assert_eq!(judge(&token(&key(1), &claims)).map(drop), expected, "{claims}");
}

#[test]
fn an_identity_token_is_taken_for_what_it_says_and_nothing_else() {
    assert_eq!(judge(&token(&key(1), &claims())).unwrap()["name"], "张三");
    check(|_| {}, Ok(()));
    check(|c| c["aud"] = json!([OFFICE]), Ok(()));
    check(|c| c["exp"] = json!(NOW as f64 + 0.5), Ok(()));
    check(|c| c["iss"] = json!("https://other.example"), Err(TokenError::Issuer));
    check(|c| c["iss"] = json!(format!("{ISSUER}/")), Err(TokenError::Issuer));
    check(|c| c["aud"] = json!("https://other.example"), Err(TokenError::Audience));
    check(|c| c["aud"] = json!([OFFICE, "https://other.example"]), Err(TokenError::Audience));
    check(|c| c["azp"] = json!("https://other.example"), Err(TokenError::Audience));
    check(
        |c| {
            c["aud"] = json!([OFFICE, "https://other.example"]);
            c["azp"] = json!(OFFICE);
        },
        Ok(()),
    );
    check(|c| c["aud"] = json!([]), Err(TokenError::Audience));
    check(|c| c["nonce"] = json!("m"), Err(TokenError::Nonce));
    check(|c| c["nonce"] = json!(null), Err(TokenError::Nonce));
    check(|c| c["sub"] = json!(""), Err(TokenError::Subject));
    check(|c| c["exp"] = json!(NOW - 60), Err(TokenError::Expired));
    check(|c| c["exp"] = json!(NOW - 59), Ok(()));
    check(|c| c["exp"] = json!("tomorrow"), Err(TokenError::Life));
    check(|c| c["iat"] = json!(null), Err(TokenError::Life));
    check(|c| c["iat"] = json!(NOW - 601), Err(TokenError::Life));
    check(|c| c["iat"] = json!(NOW + 61), Err(TokenError::NotYet));
    check(|c| c["nbf"] = json!(NOW + 61), Err(TokenError::NotYet));
}

#[test]
fn a_forged_token_is_refused() {
    let good = token(&key(1), &claims());
    assert_eq!(judge(&token(&key(2), &claims())), Err(TokenError::Signature));
    // Every character of it counts: a changed one is refused, whatever for.
    for at in 0..good.len() {
        let mut changed = good.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        assert!(judge(std::str::from_utf8(&changed).unwrap()).is_err(), "{at}");
    }
    let with = |header: Value| signed(&header, &claims(), |message| key(1).sign(message).to_vec());
    assert_eq!(judge(&with(json!({"alg": "none"}))), Err(TokenError::Algorithm));
    assert_eq!(judge(&with(json!({"alg": "HS256", "kid": "1"}))), Err(TokenError::Algorithm));
    assert_eq!(judge(&with(json!({"alg": "eddsa", "kid": "1"}))), Err(TokenError::Algorithm));
    assert_eq!(judge(&with(json!({"alg": "EdDSA", "kid": "2"}))), Err(TokenError::UnknownKey));
    assert_eq!(judge(&with(json!({"alg": "ES256", "kid": "1"}))), Err(TokenError::UnknownKey));
    assert_eq!(judge(&with(json!({"alg": "EdDSA", "crit": ["b64"]}))), Err(TokenError::Algorithm));
    assert_eq!(judge(&with(json!({"alg": "EdDSA"}))).map(drop), Ok(()));
    let unsigned = format!("{}.{}.", part(&json!({"alg": "none"})), part(&claims()));
    assert_eq!(judge(&unsigned), Err(TokenError::Algorithm));
    for malformed in [
        "",
        ".",
        "..",
        "a.b.c",
        "a.b",
        &"a".repeat(TOKEN_BYTES_MAX + 1),
        &format!("{good}="),
        &format!("{good}.x"),
    ] {
        assert!(judge(malformed).is_err());
    }
}

#[test]
fn every_algorithm_that_issuers_use_is_checked() {
    let random = SystemRandom::new();
    let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let point = ec.public_key().as_ref();
    let ec_jwk = |y: &[u8]| json!({"kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(y)});
    let by_ec = |message: &[u8]| ec.sign(&random, message).unwrap().as_ref().to_vec();
    let rsa = RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
    let public = rsa.public_key();
    let member = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let rsa_jwk = json!({
        "kty": "RSA",
        "n": member(public.modulus().big_endian_without_leading_zero()),
        "e": member(public.exponent().big_endian_without_leading_zero()),
    });
    let by_rsa = |padding: &'static dyn aws_lc_rs::signature::RsaEncoding| {
        let rsa = &rsa;
        let random = &random;
        move |message: &[u8]| {
            let mut signature = vec![0; rsa.public_modulus_len()];
            rsa.sign(padding, random, message, &mut signature).unwrap();
            signature
        }
    };
    let judge = |jwk: &Value, token: &str| {
        let keys = serde_json::from_value(json!({"keys": [jwk]})).unwrap();
        id_token(token, ISSUER, OFFICE, "n", &keys, NOW).map(drop)
    };
    let es256 = signed(&json!({"alg": "ES256"}), &claims(), by_ec);
    assert_eq!(judge(&ec_jwk(&point[33..]), &es256), Ok(()));
    assert_eq!(judge(&ec_jwk(&[0; 32]), &es256), Err(TokenError::Signature), "a point beside the curve");
    let rs256 = signed(&json!({"alg": "RS256"}), &claims(), by_rsa(&RSA_PKCS1_SHA256));
    assert_eq!(judge(&rsa_jwk, &rs256), Ok(()));
    let ps256 = signed(&json!({"alg": "PS256"}), &claims(), by_rsa(&aws_lc_rs::signature::RSA_PSS_SHA256));
    assert_eq!(judge(&rsa_jwk, &ps256), Ok(()));
    let mixed = signed(&json!({"alg": "PS256"}), &claims(), by_rsa(&RSA_PKCS1_SHA256));
    assert_eq!(judge(&rsa_jwk, &mixed), Err(TokenError::Signature));
    let mut only = rsa_jwk.clone();
    only["alg"] = json!("RS256");
    assert_eq!(judge(&only, &ps256), Err(TokenError::UnknownKey));
    only["alg"] = json!(null);
    only["use"] = json!("enc");
    assert_eq!(judge(&only, &ps256), Err(TokenError::UnknownKey));
}

fn assertion(alg: SignatureAlg, change: impl FnOnce(&mut Value)) -> Result<ClientAssertion, TokenError> {
    let key = SigningKey::from_seed(alg, &[7; 32]).unwrap();
    let token = sign_client_assertion("platform", &key, OFFICE, "j1", NOW)?;
    let payload: Vec<_> = token.split('.').collect();
    let mut claims: Value = serde_json::from_slice(&decode(payload[1]).unwrap()).unwrap();
    change(&mut claims);
    let header: Value = serde_json::from_slice(&decode(payload[0]).unwrap()).unwrap();
    let token = signed(&header, &claims, |message| key.sign(message).to_vec());
    client_assertion(&token, "platform", &[key.public_key()], &[OFFICE], NOW)
}

#[test]
fn a_client_proves_its_key_for_one_office_and_a_short_time() {
    for alg in [SignatureAlg::Ed25519, SignatureAlg::Es256] {
        let taken = assertion(alg, |_| {}).unwrap();
        assert_eq!(taken, ClientAssertion { jti: "j1".to_owned(), expires_s: NOW + 120 });
    }
    assert_eq!(assertion(SignatureAlg::Sm2, |_| {}), Err(TokenError::Algorithm));
    let refused = |change: fn(&mut Value), expected| {
        assert_eq!(assertion(SignatureAlg::Ed25519, change), Err(expected));
    };
    refused(|c| c["iss"] = json!("other"), TokenError::Issuer);
    refused(|c| c["sub"] = json!("other"), TokenError::Subject);
    refused(|c| c["aud"] = json!("https://other.example"), TokenError::Audience);
    refused(|c| c["exp"] = json!(NOW + 301), TokenError::Life);
    refused(|c| c["exp"] = json!(NOW - 60), TokenError::Expired);
    refused(|c| c["iat"] = json!(NOW + 61), TokenError::NotYet);
    refused(
        |c| {
            c["iat"] = json!(NOW - 100);
            c["exp"] = json!(NOW + 250);
        },
        TokenError::Life,
    );
    refused(|c| c["jti"] = json!(null), TokenError::Replayed);
    refused(|c| c["jti"] = json!(""), TokenError::Replayed);
    refused(|c| c["jti"] = json!("j".repeat(129)), TokenError::Replayed);

    let token = sign_client_assertion("platform", &key(1), OFFICE, "j1", NOW).unwrap();
    let by = |client: &str, key: &SigningKey| {
        client_assertion(&token, client, &[key.public_key()], &[OFFICE], NOW)
    };
    assert!(by("platform", &key(1)).is_ok());
    assert_eq!(by("platform", &key(2)), Err(TokenError::Signature));
    assert_eq!(by("other", &key(1)), Err(TokenError::Issuer));
    let es256 = SigningKey::from_seed(SignatureAlg::Es256, &[1; 32]).unwrap();
    assert_eq!(by("platform", &es256), Err(TokenError::UnknownKey));
    assert_eq!(unverified_issuer(&token).unwrap(), "platform");
    assert_eq!(unverified_issuer("a.b.c"), Err(TokenError::Malformed));
}
