use axum::body::Body;
use http::Request;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;
use xiezhi_crypto::{SignatureAlg, SigningKey};
use xiezhi_session::token::sign_client_assertion;

use super::*;
use crate::{
    court::SIGNED_HEAD,
    outbox::tests::{World, settle},
};

/// Stands still, so that no session ends.
fn clock() -> TimestampMs {
    TimestampMs(1_800_000_000_000)
}

static NAMES: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

const URL: &str = "http://service.example";

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(SignatureAlg::Ed25519, &[seed; 32]).unwrap()
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    fn court(&self) -> Value {
        serde_json::from_str(self.headers["blockchainresponse"].to_str().unwrap()).unwrap()
    }
}

struct Edge {
    _world: World,
    book: Book,
    router: Router,
}

impl Edge {
    async fn new() -> Self {
        let world = World::new(2);
        let book = world.book().await;
        let clients = [("shop".to_owned(), key(1).public_key()), ("bank".to_owned(), key(2).public_key())];
        let service = Service::new(book.clone(), URL, clients.into(), None, clock);
        Self { _world: world, book, router: router(Arc::new(service)) }
    }

    async fn send(&self, request: http::request::Builder, body: impl Into<Body>) -> Answer {
        let response = self.router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    async fn log_in(&self, name: &str, seed: u8) -> Answer {
        let jti = NAMES.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_string();
        let assertion = sign_client_assertion(name, &key(seed), URL, &jti, clock().seconds()).unwrap();
        let form = format!(
            "grant_type=client_credentials&client_assertion_type=\
            urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion={assertion}"
        );
        let request = Request::post("/v1/token").header("content-type", "application/x-www-form-urlencoded");
        self.send(request, form).await
    }

    async fn token(&self, name: &str, seed: u8) -> String {
        let answer = self.log_in(name, seed).await;
        format!("Bearer {}", answer.json()["access_token"].as_str().unwrap())
    }

    async fn post(&self, token: &str, target: &str, body: &Value) -> Answer {
        self.send(Request::post(target).header("authorization", token), body.to_string()).await
    }

    async fn court(&self, target: &str, seed: u8, signed: &str, sent: &str) -> Answer {
        let signature = hex::encode(key(seed).sign(&[SIGNED_HEAD, signed.as_bytes()].concat()));
        let request = Request::post(format!("/api/blockChain/{target}")).header("signed-data", signature);
        self.send(request, sent.to_owned()).await
    }
}

#[test]
fn every_kind_has_its_own_code_and_both_languages() {
    xiezhi_problem::check_kinds(kinds::ALL);
}

#[test]
fn the_committed_document_is_the_generated_one() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi-evidence.json");
    let own = ["/v1/openapi.json", "/api/blockChain/notaryToken", "/api/blockChain/notaryCert"];
    openapi::check_document(&openapi_document(), &path, &own);
}

#[tokio::test]
async fn nobody_comes_in_without_a_key_that_is_known() {
    let edge = Edge::new().await;
    for (name, seed) in [("shop", 2), ("stranger", 1)] {
        let answer = edge.log_in(name, seed).await;
        assert_eq!((answer.status, &answer.json()["code"]), (401, &"assertion-invalid".into()));
    }
    for target in ["/v1/transactions", "/v1/transactions/00", "/v1/events"] {
        for token in ["", "Bearer 00", "Basic x"] {
            let answer = edge.send(Request::get(target).header("authorization", token), Body::empty()).await;
            assert_eq!((answer.status, &answer.json()["code"]), (401, &"unauthenticated".into()), "{target}");
        }
    }
}

#[tokio::test]
async fn a_transaction_goes_its_way_over_http_and_only_its_owner_sees_it() {
    let edge = Edge::new().await;
    let (shop, bank) = (edge.token("shop", 1).await, edge.token("bank", 2).await);
    let opening = json!({ "template": "online-service" });
    let opened = edge.post(&shop, "/v1/transactions", &opening).await;
    assert_eq!(opened.status, 201);
    let place = format!("/v1/transactions/{}", opened.json()["id"].as_str().unwrap());
    let fields = json!({ "provider": "p", "user": "u", "version": "3", "accepted": "yesterday" });
    let content = json!({ "kind": "text", "text": "terms" });
    let mut entry = json!({ "phase": 1, "fields": fields, "content": content });
    let entries = format!("{place}/entries");
    for (languages, is_english) in [("en", true), ("zh-CN", false)] {
        let request =
            Request::post(&entries).header("authorization", &shop).header("accept-language", languages);
        let refused = edge.send(request, entry.to_string()).await;
        let said = &refused.json()["refusals"][0];
        assert_eq!((refused.status, &said["field"]), (422, &"fields.accepted".into()));
        assert_eq!(said["reason"].as_str().unwrap().is_ascii(), is_english);
    }
    entry["fields"]["accepted"] = json!("2026-11-28T09:30:00Z");
    assert_eq!(edge.post(&bank, &entries, &entry).await.status, 404);
    let request = || Request::post(&entries).header("authorization", &shop).header("idempotency-key", "k");
    assert_eq!(edge.send(request(), entry.to_string()).await.status, 202);
    assert_eq!(edge.send(request(), entry.to_string()).await.status, 200);
    entry["content"]["text"] = json!("other terms");
    assert_eq!(edge.send(request(), entry.to_string()).await.json()["code"], "idempotency-mismatch");
    let bundle = || Request::get(format!("{place}/entries/1/bundle"));
    let early = edge.send(bundle().header("authorization", &shop), Body::empty()).await;
    assert_eq!((early.status, &early.json()["code"]), (409, &"incomplete".into()));
    settle(&edge.book).await;
    let good = edge.send(bundle().header("authorization", &shop), Body::empty()).await;
    assert_eq!((good.status, good.headers["content-type"].to_str().unwrap()), (200, xiezhi_client::BUNDLE));
    assert_eq!(edge.send(bundle().header("authorization", &bank), Body::empty()).await.status, 404);
    assert_eq!(
        edge.post(&shop, &format!("{place}/pack"), &json!({})).await.json()["refusals"][0]["rule"],
        "phase-missing"
    );
}

#[tokio::test]
async fn events_stream_what_happened_to_ones_own_and_go_on_after_the_last_seen() {
    let edge = Edge::new().await;
    let shop = edge.token("shop", 1).await;
    let opened = edge.post(&shop, "/v1/transactions", &json!({ "template": "free-form" })).await;
    let entries = format!("/v1/transactions/{}/entries", opened.json()["id"].as_str().unwrap());
    let entry = json!({ "phase": 1, "fields": { "business": "COPYRIGHT" } });
    assert_eq!(edge.post(&shop, &entries, &entry).await.status, 202);
    settle(&edge.book).await;
    let read = async |last: &str| {
        let request = Request::get("/v1/events").header("authorization", &shop).header("last-event-id", last);
        let response = edge.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut body = response.into_body();
        let mut text = String::new();
        while !text.contains("entry.complete") {
            let frame = body.frame().await.unwrap().unwrap();
            text.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
        }
        text
    };
    let all = read("0").await;
    assert_eq!(all.matches("event: leg.sealed").count(), 2, "{all}");
    let rest = read("2").await;
    assert_eq!((rest.matches("event: leg.sealed").count(), rest.matches("id: 3").count()), (0, 1), "{rest}");
}

fn court_token(at: u64) -> Value {
    json!({
        "accountId": "shop", "bizId": 1, "subBizId": "TEXT", "timestamp": at.to_string(),
        "customer": { "userType": "PERSON", "certName": "张三", "certType": "IDENTITY_CARD", "certNo": "11010519491231002X" },
    })
}

#[tokio::test]
async fn the_courts_interface_gives_a_token_and_then_a_certificate_to_who_signed_the_content() {
    let edge = Edge::new().await;
    let body = court_token(clock().0).to_string();
    let answer = edge.court("notaryToken", 1, &body, &body).await;
    assert_eq!((answer.status, &answer.json()["code"]), (200, &"OK".into()), "{}", answer.json());
    let token = answer.json()["responseData"].as_str().unwrap().to_owned();
    assert_eq!(edge.court("notaryToken", 1, &body, &body).await.json()["responseData"], token.as_str());

    let mut cert = json!({
        "meta": { "accountId": "shop", "token": token, "phase": "初稿", "properties": "{}" },
        "notaryContent": "白日依山尽", "timestamp": clock().0,
    });
    let signed = cert.to_string();
    // Whoever changes the content after it was signed is refused: what that interface's signature leaves out.
    let forged = signed.replace("白日", "明月");
    assert_eq!(edge.court("notaryCert", 1, &signed, &forged).await.court()["code"], "FORBIDDEN");
    assert_eq!(edge.court("notaryCert", 2, &signed, &signed).await.status, 403);
    let book = edge.book.clone();
    let (answer, ()) = tokio::join!(edge.court("notaryCert", 1, &signed, &signed), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        settle(&book).await;
    });
    assert_eq!((answer.status, &answer.court()["code"]), (200, &"OK".into()));
    let bundle = xiezhi_bundle::Bundle::parse(&answer.body).unwrap();
    assert_eq!(hex::encode(bundle.manifest.root()), answer.court()["responseData"].as_str().unwrap());
    let text = |name: &str| match bundle.manifest.value(name) {
        Some(xiezhi_evidence::Value::Text(text)) => text.clone(),
        other => panic!("{name}: {other:?}"),
    };
    assert_eq!(
        (text("content.text"), text("element.phase"), text("customer.name")),
        ("白日依山尽".to_owned(), "初稿".to_owned(), "张三".to_owned())
    );

    cert["meta"]["location"] = json!({ "ip": "192.0.2.1" });
    let unasked = cert.to_string();
    let refused = edge.court("notaryCert", 1, &unasked, &unasked).await;
    assert!(refused.court()["errMessage"].as_str().unwrap().contains("consent"), "{}", refused.court());
}

#[tokio::test]
async fn the_courts_interface_answers_in_its_own_codes() {
    let edge = Edge::new().await;
    let rows: [(&str, Value, &str); 6] = [
        ("timestamp", json!(1), "BAD_REQUEST"),
        ("bizId", json!(3), "BAD_REQUEST"),
        ("subBizId", json!("POEM"), "BAD_REQUEST"),
        ("accountId", json!("stranger"), "FORBIDDEN"),
        ("colour", json!("red"), "BAD_REQUEST"),
        (
            "customer",
            json!({ "userType": "PERSON", "certName": "张三", "certType": "IDENTITY_CARD", "certNo": "1" }),
            "BAD_REQUEST",
        ),
    ];
    for (name, value, code) in rows {
        let mut body = court_token(clock().0);
        body[name] = value;
        let body = body.to_string();
        let answer = edge.court("notaryToken", 1, &body, &body).await;
        assert_eq!(
            (answer.json()["code"].as_str(), answer.json()["success"].as_bool()),
            (Some(code), Some(false)),
            "{name}"
        );
    }
    let cert = json!({
        "meta": { "accountId": "shop", "token": "00", "phase": "a" }, "notaryContent": "b", "timestamp": clock().0,
    });
    let cert = cert.to_string();
    assert_eq!(edge.court("notaryCert", 1, &cert, &cert).await.status, 404);
}
