//! Names of places; a server that speaks the transit API, honest and otherwise.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};
use xiezhi_crypto::{PublicKey, SignatureAlg, SigningKey};

use super::*;

const TOKEN: &str = "s.of-the-node";

/// What the server does.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mood {
    Honest,
    SignsAnother,
    Refuses,
    Babbles,
}

struct Server {
    key: SigningKey,
    mood: Mutex<Mood>,
}

type Shared = State<Arc<Server>>;

fn is_let_in(headers: &HeaderMap) -> bool {
    headers.get("X-Vault-Token").is_some_and(|token| token == TOKEN)
}

fn pem(key: &PublicKey) -> String {
    let point = xiezhi_pki::P256PublicKey::from_sec1(key.as_bytes()).unwrap();
    let der = xiezhi_pki::PublicKey::from(point).to_spki_der();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der))
}

async fn describe(
    State(server): Shared,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> (StatusCode, Json<Value>) {
    if !is_let_in(&headers) || name != "seal" {
        return (StatusCode::FORBIDDEN, Json(json!({ "errors": ["permission denied"] })));
    }
    let key = server.key.public_key();
    let (kind, public) = match key.alg() {
        SignatureAlg::Ed25519 => ("ed25519", STANDARD.encode(key.as_bytes())),
        _ => ("ecdsa-p256", pem(&key)),
    };
    let keys = json!({ "1": { "public_key": "old" }, "2": { "public_key": public } });
    (StatusCode::OK, Json(json!({ "data": { "type": kind, "latest_version": 2, "keys": keys } })))
}

async fn sign(
    State(server): Shared,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> (StatusCode, Json<Value>) {
    let mood = *server.mood.lock().unwrap();
    if !is_let_in(&headers) || mood == Mood::Refuses {
        return (StatusCode::FORBIDDEN, Json(json!({})));
    }
    assert_eq!(body["key_version"], 2);
    let message = STANDARD.decode(body["input"].as_str().unwrap()).unwrap();
    let signed = server.key.sign(if mood == Mood::SignsAnother { b"another" } else { &message });
    let text = match server.key.alg() {
        SignatureAlg::Ed25519 => STANDARD.encode(signed),
        _ => {
            assert_eq!(
                (&body["marshaling_algorithm"], &body["hash_algorithm"]),
                (&json!("jws"), &json!("sha2-256"))
            );
            URL_SAFE_NO_PAD.encode(signed)
        }
    };
    let signature = if mood == Mood::Babbles { "?".to_owned() } else { format!("vault:v2:{text}") };
    (StatusCode::OK, Json(json!({ "data": { "signature": signature } })))
}

async fn serve(alg: SignatureAlg) -> (Arc<Server>, SocketAddr) {
    let key = SigningKey::from_seed(alg, &[7; 32]).unwrap();
    let server = Arc::new(Server { key, mood: Mutex::new(Mood::Honest) });
    let router = Router::new()
        .route("/v1/transit/keys/{name}", get(describe))
        .route("/v1/transit/sign/seal", post(sign))
        .with_state(server.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (server, address)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_signs_and_only_what_holds_is_given_out() {
    for alg in [SignatureAlg::Ed25519, SignatureAlg::Es256] {
        let (server, address) = serve(alg).await;
        let place: Place = format!("transit:http://{address}/v1/transit/keys/seal\n").parse().unwrap();
        assert_eq!(place.to_string().parse(), Ok(place.clone()));
        assert!(place.open("").is_err() && place.open("another").is_err());
        let key = place.open(TOKEN).unwrap();
        assert_eq!(key.public_key(), server.key.public_key());
        let signature = key.sign(b"a checkpoint").unwrap();
        assert_eq!(server.key.public_key().verify(b"a checkpoint", &signature), Ok(()));
        for mood in [Mood::SignsAnother, Mood::Refuses, Mood::Babbles] {
            *server.mood.lock().unwrap() = mood;
            assert!(key.sign(b"a checkpoint").is_err(), "{mood:?}");
        }
        *server.mood.lock().unwrap() = Mood::Honest;
        assert!(key.sign(b"a checkpoint").is_ok(), "it is asked again");
        let other: Place = format!("transit:http://{address}/v1/transit/keys/other").parse().unwrap();
        assert!(other.open(TOKEN).is_err());
    }
}

#[test]
fn a_server_that_is_not_there_is_an_error() {
    let place: Place = "transit:http://127.0.0.1:1/v1/transit/keys/seal".parse().unwrap();
    assert!(matches!(place.open(TOKEN), Err(CustodyError::Server(_))));
}

#[test]
fn names_of_places_are_told_from_secrets_and_from_each_other() {
    for good in [
        "transit:https://vault.court.example:8200/v1/transit/keys/seal-1",
        "pkcs11:token=a;object=b?module-path=/m",
    ] {
        let place: Place = good.parse().unwrap();
        assert_eq!(place.to_string(), good);
        assert!(Place::is_one(good));
    }
    assert!(!Place::is_one(&"ab".repeat(32)));
    for bad in [
        "transit:http://vault.court.example/v1/transit/keys/seal",
        "transit:https://vault.court.example/v1/transit/seal",
        "transit:https://vault.court.example/v1/transit/keys/",
        "transit:https://vault.court.example/v1/transit/keys/a/b",
        "transit:https://vault.court.example/v1/transit/keys/a?version=1",
        "transit:https://me@vault.court.example/v1/transit/keys/a",
        "transit:keys/a",
        "https://vault.court.example/v1/transit/keys/a",
    ] {
        assert!(bad.parse::<Place>().is_err(), "{bad}");
    }
}
