use std::sync::Mutex;

use http::Request;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;
use xiezhi_client::Client;
use xiezhi_crypto::{SignatureAlg, SigningKey};
use xiezhi_evidence::LocalName;
use xiezhi_session::token::sign_client_assertion;
use xiezhi_types::LedgerId;
use xiezhi_verify::Anchor;

use super::*;
use crate::{Officer, Roster, applicant::tests::person};

const URL: &str = "http://localhost:7490";
const NOW: TimestampMs = TimestampMs(1_800_000_000_000);

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(SignatureAlg::Ed25519, &[seed; 32]).unwrap()
}

/// An office of which no node answers, with a program that applies and officers of every role.
struct Place {
    router: Router,
    officers: Arc<Mutex<HashMap<String, Officer>>>,
    _dir: tempfile::TempDir,
}

impl Place {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str| format!("sqlite:{}", dir.path().join(name).display());
        let desk = Desk::open(&file("office.db"), &file("keys.db"), &[1; 32], "ca").await.unwrap();
        let name = LocalName { zh: String::new(), en: String::new() };
        let client = Client::new("http://127.0.0.1:1").unwrap();
        let anchor = Anchor { ledger: LedgerId([1; 32]), name };
        let ledger = NodeLedger::new(client, anchor, AccountId([2; 32]), Vec::new());
        let officer = |role, seed| Officer { role, key: Some(key(seed).public_key()) };
        let officers = Arc::new(Mutex::new(HashMap::from([
            ("li".to_owned(), officer(Role::Officer, 2)),
            ("wang".to_owned(), officer(Role::Protection, 3)),
            ("zhao".to_owned(), officer(Role::Auditor, 4)),
            ("qian".to_owned(), Officer { role: Role::Officer, key: None }),
        ])));
        let seen = Arc::clone(&officers);
        let rosters: Rosters =
            Box::new(move || Roster { officers: seen.lock().unwrap().clone(), ..Roster::default() });
        let clients = HashMap::from([("gateway".to_owned(), key(1).public_key())]);
        let service = Service::new(desk, ledger, URL, clients, HashMap::new(), rosters, || NOW);
        Self { router: router(Arc::new(service)), officers, _dir: dir }
    }

    async fn ask(&self, request: http::request::Builder, body: String) -> (u16, Value) {
        let response =
            self.router.clone().oneshot(request.body(axum::body::Body::from(body)).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// What is answered to `name`, who asks for a token with the key of `seed`.
    async fn enter(&self, name: &str, seed: u8) -> Result<String, Value> {
        let jti = hex::encode(random::<16>().unwrap());
        let assertion = sign_client_assertion(name, &key(seed), URL, &jti, NOW.seconds()).unwrap();
        let form = serde_urlencoded::to_string([
            ("grant_type", "client_credentials"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &assertion),
        ]);
        let request = Request::post("/v1/token").header("content-type", "application/x-www-form-urlencoded");
        let (status, said) = self.ask(request, form.unwrap()).await;
        if status == 200 { Ok(said["access_token"].as_str().unwrap().to_owned()) } else { Err(said) }
    }

    async fn get(&self, token: &str, target: &str) -> (u16, Value) {
        let request = Request::get(target).header("authorization", format!("Bearer {token}"));
        self.ask(request, String::new()).await
    }

    /// Status and code or state of the answer to a request with an idempotency key.
    async fn post(&self, token: &str, target: &str, key: Option<&[u8]>, body: &Value) -> (u16, String) {
        let mut request = Request::post(target).header("authorization", format!("Bearer {token}"));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let (status, said) = self.ask(request, body.to_string()).await;
        let text = said["code"].as_str().or(said["state"].as_str()).unwrap_or_default().to_owned();
        assert!(status >= 400 || said.get("applicant").is_none() || target == "/v1/applications", "{said}");
        (status, text)
    }

    async fn apply(&self, token: &str) -> String {
        let body = serde_json::to_string(&person()).unwrap();
        let request = Request::post("/v1/applications").header("authorization", format!("Bearer {token}"));
        let (status, said) = self.ask(request, body).await;
        assert_eq!(status, 201, "{said}");
        said["id"].as_str().unwrap().to_owned()
    }
}

fn is(status: u16, what: &str) -> (u16, String) {
    (status, what.to_owned())
}

#[tokio::test]
async fn officers_decide_over_http_by_the_policy_and_once() {
    let place = Place::new().await;
    let gateway = place.enter("gateway", 1).await.unwrap();
    let (li, wang) = (place.enter("li", 2).await.unwrap(), place.enter("wang", 3).await.unwrap());
    let zhao = place.enter("zhao", 4).await.unwrap();
    let (id, other) = (place.apply(&gateway).await, place.apply(&gateway).await);

    // The queue, page by page and by state.
    let ids = |said: &Value| -> Vec<String> {
        let all = said["applications"].as_array().unwrap().iter();
        all.map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    };
    let (_, queue) = place.get(&li, "/v1/applications?state=submitted").await;
    assert_eq!(ids(&queue), [id.as_str(), &other]);
    let (_, rest) = place.get(&li, &format!("/v1/applications?after={id}")).await;
    assert_eq!(ids(&rest), [other.as_str()]);
    let (status, said) = place.get(&li, "/v1/applications?state=lost").await;
    assert_eq!((status, &said["field"]), (400, &"state".into()), "{said}");
    let (_, seen) = place.get(&li, &format!("/v1/applications/{id}")).await;
    assert_eq!(seen["applicant"]["name"], person().name);

    // Who may not decide does not, whatever is sent; a decision has a reason.
    let at = |what: &str| format!("/v1/applications/{id}/{what}");
    let decision = |what: &str, reason: &str| json!({ "decision": what, "reason": reason });
    for token in [&gateway, &wang, &zhao] {
        let said = place.post(token, &at("decision"), None, &decision("approve", "seen")).await;
        assert_eq!(said, is(403, "denied"));
    }
    let said = place.post(&li, &at("decision"), None, &decision("approve", " ")).await;
    assert_eq!(said, is(422, "application-refused"));
    let said = place.post(&li, &at("decision"), None, &decision("perhaps", "seen")).await;
    assert_eq!(said, is(400, "invalid-body"));

    // Repeated under its key it is the same decision; under that key there is no other.
    for (body, expected) in [
        (decision("approve", "seen"), is(200, "approved")),
        (decision("approve", "seen"), is(200, "approved")),
        (decision("refuse", "seen"), is(422, "idempotency-mismatch")),
    ] {
        assert_eq!(place.post(&li, &at("decision"), Some(b"k1"), &body).await, expected);
    }
    let said = place.post(&li, &at("decision"), None, &decision("approve", "seen")).await;
    assert_eq!(said, is(409, "wrong-state"));
    let (_, seen) = place.get(&li, &format!("/v1/applications/{id}")).await;
    let events = seen["history"].as_array().unwrap().iter();
    let events: Vec<_> = events.map(|one| (one["event"].as_str().unwrap(), &one["actor"])).collect();
    assert_eq!(
        events.iter().filter(|one| one.0 == "approved").collect::<Vec<_>>(),
        [&("approved", &"li".into())]
    );

    let untrue = json!({ "reason": "untrue", "reference": "RA-2026-4" });
    assert_eq!(place.post(&gateway, &at("rescission"), None, &untrue).await, is(403, "denied"));
    for _ in 0..2 {
        assert_eq!(place.post(&li, &at("rescission"), Some(b"k2"), &untrue).await, is(202, "rescinded"));
    }
    let unbound = json!({ "account": "5".repeat(64), "reason": "untrue", "reference": "RA-2026-4" });
    assert_eq!(place.post(&li, &at("revocations"), None, &unbound).await, is(404, "no-binding"));
    let erasure = json!({ "basis": "request", "reference": "DP-2026-17" });
    for token in [&gateway, &li, &zhao] {
        assert_eq!(place.post(token, &at("erasure"), None, &erasure).await, is(403, "denied"));
    }
    for _ in 0..2 {
        assert_eq!(place.post(&wang, &at("erasure"), None, &erasure).await, is(202, "erased"));
    }
    let (_, left) = place.get(&gateway, &format!("/v1/applications/{other}")).await;
    assert_eq!((&left["state"], &left["applicant"]), (&"erased".into(), &Value::Null), "of the same person");
    assert_eq!(place.get(&li, "/v1/erasures").await.1["code"], "denied");
    let (_, said) = place.get(&zhao, "/v1/erasures").await;
    assert_eq!(
        (said["erasures"].as_array().unwrap().len(), &said["erasures"][0]["actor"]),
        (1, &"wang".into())
    );
    let (_, said) = place.get(&zhao, "/v1/erasures?after=1").await;
    assert_eq!(said["erasures"], json!([]));
    assert_eq!(place.get(&zhao, "/v1/erasures?after=x").await.0, 400);
}

#[tokio::test]
async fn an_officers_token_ends_with_the_role_and_with_the_key() {
    let place = Place::new().await;
    for (name, seed) in [("li", 1), ("qian", 2), ("nobody", 2)] {
        assert_eq!(place.enter(name, seed).await.unwrap_err()["code"], "assertion-invalid", "{name}");
    }
    let change = |name: &str, to: Option<Officer>| {
        let mut officers = place.officers.lock().unwrap();
        match to {
            Some(officer) => officers.insert(name.to_owned(), officer),
            None => officers.remove(name),
        };
    };
    let with = |role, seed| Some(Officer { role, key: Some(key(seed).public_key()) });
    for to in [
        None,
        with(Role::Auditor, 2),
        with(Role::Officer, 9),
        Some(Officer { role: Role::Officer, key: None }),
    ] {
        change("li", with(Role::Officer, 2));
        let token = place.enter("li", 2).await.unwrap();
        assert_eq!(place.get(&token, "/v1/applications").await.0, 200);
        change("li", to);
        let (status, said) = place.get(&token, "/v1/applications").await;
        assert_eq!((status, &said["code"]), (401, &"unauthenticated".into()), "{said}");
    }
    // Who is appointed comes in at once.
    change("sun", with(Role::Officer, 7));
    place.enter("sun", 7).await.unwrap();
}

#[tokio::test]
async fn a_badly_formed_idempotency_key_is_refused() {
    let place = Place::new().await;
    let gateway = place.enter("gateway", 1).await.unwrap();
    let body = serde_json::to_value(person()).unwrap();
    for wrong in [&b""[..], b"two words", &[b'a'; KEY_BYTES_MAX + 1], b"\xff"] {
        let said = place.post(&gateway, "/v1/applications", Some(wrong), &body).await;
        assert_eq!(said, is(400, "invalid-parameter"));
    }
    assert_eq!(place.post(&gateway, "/v1/applications", Some(&[b'a'; KEY_BYTES_MAX]), &body).await.0, 201);
}

#[test]
fn every_kind_has_its_own_code_and_both_languages() {
    xiezhi_problem::check_kinds(super::kinds::ALL);
}

#[test]
fn the_committed_document_is_the_generated_one() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi-office.json");
    xiezhi_problem::openapi::check_document(&super::openapi_document(), &path, &["/v1/openapi.json"]);
}
