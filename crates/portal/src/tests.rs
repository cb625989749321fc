//! Pages over a node that is not one: fixed answers in the API's own words.

use axum::{
    Router,
    body::Body,
    extract::Query,
    routing::{get, post},
};
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use xiezhi_client::Client;

const ID: &str = "1111111111111111111111111111111111111111111111111111111111111111";
const ACCOUNT: &str = "2222222222222222222222222222222222222222222222222222222222222222";
const LEDGER: &str = "3333333333333333333333333333333333333333333333333333333333333333";
/// What an institution might call itself to get a script into other people's pages.
const HOSTILE: &str = "<script>alert(1)</script>";

fn names() -> Value {
    json!({"zh": "某法院", "en": HOSTILE})
}

fn record(index: u64, sealed: bool) -> Value {
    let links = json!({"record": "", "statement": "", "certificate": "", "receipts": "", "events": ""});
    let missing = json!({"members": ["court", "notary"], "seals": {"have": 0, "need": 2}, "timestamps": {"have": 0, "need": 1}});
    json!({
        "number": format!("XZ-33333333-{index}-11"), "id": ID, "index": index.to_string(), "height": (index + 1).to_string(),
        "time": "2026-11-22T08:09:10.123Z", "items": 0, "sealed": sealed, "sealed_by": if sealed { json!(["court"]) } else { json!([]) },
        "timestamps": u8::from(sealed), "missing": missing, "links": links,
        "statement": {"kind": "deposit", "content_type": "application/vnd.x", "issuer": ACCOUNT, "digests": [format!("sha256:{ID}")]}
    })
}

fn checkpoint(height: u64) -> Value {
    let seal = json!({"institution": "court", "time": "2026-11-22T08:09:11.000Z", "seal": "", "chain": []});
    let missing =
        json!({"members": [], "seals": {"have": 2, "need": 2}, "timestamps": {"have": 1, "need": 1}});
    json!({
        "height": height.to_string(), "time": "2026-11-22T08:09:10.123Z", "size": height.to_string(), "root_sha256": format!("sha256:{ID}"),
        "root_sm3": format!("sm3:{ID}"), "state_root": format!("sha256:{ID}"), "checkpoint": "", "digest": format!("sha256:{ID}"),
        "sealed": true, "seals": [seal], "timestamps": [""], "missing": missing
    })
}

/// The records of a log of 60 of which the last is not sealed.
async fn records(Query(asked): Query<Vec<(String, String)>>) -> axum::Json<Value> {
    let given = |name: &str| asked.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    if given("digest").is_some_and(|digest| !digest.ends_with(ID)) {
        return axum::Json(json!({"records": []}));
    }
    let first = given("cursor").map_or(0, |cursor| cursor.parse::<u64>().unwrap() + 1);
    let limit: u64 = given("limit").unwrap().parse().unwrap();
    let last = if given("digest").is_some() { 1 } else { (first + limit).min(60) };
    axum::Json(json!({"records": (first..last).map(|index| record(index, index < 59)).collect::<Vec<_>>()}))
}

/// Every block of the log has one record and a checkpoint.
async fn checkpoints(Query(asked): Query<Vec<(String, String)>>) -> axum::Json<Value> {
    let given = |name: &str| asked.iter().find(|(key, _)| key == name).map(|(_, value)| value.parse::<u64>());
    let first = given("after").map_or(1, |after| after.unwrap() + 1);
    let last = first.saturating_add(given("limit").unwrap().unwrap()).min(61);
    axum::Json(json!({"checkpoints": (first..last).map(checkpoint).collect::<Vec<_>>()}))
}

fn node() -> Router {
    let peer = json!({"institution": "court", "role": "court", "name": names(), "suspended": false, "this": true, "sealed_height": "59"});
    let status = json!({
        "ledger": LEDGER, "name": names(), "institution": "court", "following": null, "height": "60", "time": "2026-11-22T08:09:10.123Z",
        "size": "60", "sealed_size": "59", "queued": "0", "live": true, "voting": true, "seal_expires": null,
        "unsealed_checkpoints": "1", "term": "0", "next_term": null, "institutions": [peer]
    });
    let member = json!({
        "id": "court", "role": "court", "name": names(), "status": "active", "consensus_key": "AAAA", "seal_key": "AAECAwQFBgc=", "address": null
    });
    let policy = json!({"seals": {"threshold": 2, "members": [{"institution": "court"}, {"role": "notary"}]}, "timestamps": 1});
    let term = json!({"number": "0", "from": "0", "members": [member], "policy": policy, "suites": ["ed25519"], "quorum": 3});
    let alliance =
        json!({"height": "60", "term": term, "next": null, "proposals": [], "invitations": [], "value": ""});
    let anchor = json!({
        "ledger": LEDGER, "fingerprint": "", "genesis_sm3": "", "name": names(), "origin": "", "suites": [], "institutions": [],
        "limits": {"block_bytes_max": 0, "statement_bytes_max": 0, "batch_items_max": 0, "statement_window_s": 0}
    });
    let account = json!({
        "id": ACCOUNT, "status": "normal", "keys": [], "deposit_threshold": 1, "manage_threshold": 1, "recovery_key": null, "recovery_delay_s": 0,
        "encryption_key": null, "reset": null, "freezings": [], "successor": null, "recovered_at": null, "created": "1", "height": "60", "value": ""
    });
    let fixed = |value: Value| get(move || async move { axum::Json(value) });
    Router::new()
        .route("/v1/status", fixed(status))
        .route("/v1/terms", fixed(json!({"terms": [term]})))
        .route("/v1/alliance", fixed(alliance))
        .route("/v1/anchor", fixed(anchor))
        .route("/v1/records", get(records))
        .route("/v1/records/5", fixed(record(5, true)))
        .route("/v1/records/59", fixed(record(59, false)))
        .route("/v1/records/58", fixed(record(58, true)))
        .route("/v1/records/57", fixed(record(57, true)))
        .route("/v1/checkpoints/latest", fixed(checkpoint(59)))
        .route("/v1/checkpoints/59", fixed(checkpoint(59)))
        .route("/v1/checkpoints", get(checkpoints))
        .route(&format!("/v1/accounts/{ACCOUNT}"), fixed(account))
        .fallback(|| async {
            let problem =
                json!({"type": "", "title": "no", "status": 404, "detail": "", "code": "not-found"});
            (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, "application/problem+json")], problem.to_string())
        })
}

/// The pages over that node; without it, over nobody.
async fn pages(node: Option<Router>) -> Router {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    match node {
        Some(node) => drop(tokio::spawn(async move { axum::serve(listener, node).await })),
        None => drop(listener),
    }
    crate::router(Client::new(&url).unwrap(), crate::Beside { vault: true, ..Default::default() })
}

async fn ask_node(path: &str) -> Value {
    let response = node().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
    serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

struct Got {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

async fn ask(pages: &Router, path: &str, headers: &[(&str, &str)]) -> Got {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = pages.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Got { status: parts.status, headers: parts.headers, text: String::from_utf8_lossy(&bytes).into_owned() }
}

const PAGES: [&str; 18] = [
    "/deposit",
    "/mine",
    "/console",
    "/console?account=2222222222222222222222222222222222222222222222222222222222222222&reference=%3Cscript%3Ealert(1)%3C/script%3E",
    "/start",
    "/",
    "/live",
    "/verify",
    "/records",
    "/records?before=30",
    "/records/5",
    "/records/59/live",
    "/blocks",
    "/blocks/59",
    "/institutions",
    "/statistics",
    "/search?q=59",
    "/accounts/2222222222222222222222222222222222222222222222222222222222222222",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_there_in_both_languages_and_nothing_from_the_ledger_becomes_markup() {
    let pages = pages(Some(node())).await;
    for path in PAGES {
        for (lang, tag) in [("en", "lang=\"en\""), ("zh", "lang=\"zh-CN\"")] {
            let got = ask(&pages, path, &[("cookie", &format!("lang={lang}"))]).await;
            assert_eq!(got.status, StatusCode::OK, "{path}");
            assert!(path.ends_with("/live") || got.text.contains(tag), "{path}");
            assert!(!got.text.contains(HOSTILE), "{path}");
            // Nothing inline that the policy would stop.
            for inline in [" style=", " onclick=", "<style", "<script>"] {
                assert!(!got.text.contains(inline), "{path}: {inline}");
            }
        }
    }
    assert!(ask(&pages, "/institutions", &[]).await.text.contains("&#60;script&#62;alert"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_the_headers_that_protect_its_reader() {
    let pages = pages(Some(node())).await;
    let script = crate::assets::address("site.js");
    for path in ["/", "/no-such-page", "/records/abc", script.as_str(), "/records/5/certificate"] {
        let got = ask(&pages, path, &[]).await;
        let policy = got.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe-inline"), "{path}");
        assert_eq!(got.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        assert_eq!(got.headers[header::REFERRER_POLICY], "no-referrer", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_language_is_the_one_asked_for_then_the_cookies_then_the_browsers() {
    let pages = pages(Some(node())).await;
    let zh = "lang=\"zh-CN\"";
    let rows = [
        ("/records", "zh-CN,en;q=0.5", "", true),
        ("/records", "fr", "", false),
        ("/records", "zh", "a=b; lang=en", false),
        ("/records?lang=zh", "", "lang=en", true),
        ("/nothing?lang=zh", "", "", true),
    ];
    for (path, accepted, cookie, is_zh) in rows {
        let got = ask(&pages, path, &[("accept-language", accepted), ("cookie", cookie)]).await;
        assert_eq!(got.text.contains(&format!("<html {zh}")), is_zh, "{path} {accepted} {cookie}");
    }
    let got = ask(&pages, "/records?before=30&lang=zh", &[]).await;
    assert!(got.headers[header::SET_COOKIE].to_str().unwrap().starts_with("lang=zh-CN; "));
    assert!(got.text.contains("/records?before=30&#38;lang=en"), "the switch keeps where one is");
    assert!(ask(&pages, "/records", &[]).await.headers.get(header::SET_COOKIE).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_answers_beside_the_question_keeps_nobody_waiting() {
    let fixed = |value: Value| get(move || async move { axum::Json(value) });
    let same = json!({"checkpoints": [checkpoint(1), checkpoint(60)]});
    let status = ask_node("/v1/status").await;
    let node = Router::new().route("/v1/status", fixed(status)).route("/v1/checkpoints", fixed(same));
    let pages = pages(Some(node)).await;
    for path in ["/statistics", "/blocks"] {
        assert_eq!(ask(&pages, path, &[]).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn newest_records_come_first_and_older_ones_follow() {
    let pages = pages(Some(node())).await;
    let text = ask(&pages, "/records", &[]).await.text;
    let place = |index: u64| text.find(&format!("XZ-33333333-{index}-11"));
    assert!(place(59) < place(58) && place(35).is_some() && place(34).is_none());
    assert!(text.contains("/records?before=35"));
    let text = ask(&pages, "/records?before=10", &[]).await.text;
    assert!(text.contains("XZ-33333333-0-11") && !text.contains("rel=\"next\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_found_is_never_called_verified() {
    let pages = pages(Some(node())).await;
    let english = [("cookie", "lang=en")];
    for path in ["/records/5".to_owned(), format!("/records?digest=sha256:{ID}")] {
        let text = ask(&pages, &path, &english).await.text;
        assert!(text.contains("Found, not verified."), "{path}");
    }
    let found = ask(&pages, &format!("/search?q=sha256:{ID}"), &english).await;
    assert_eq!(
        (found.status, &found.headers[header::LOCATION]),
        (StatusCode::SEE_OTHER, &"/records/0".parse().unwrap())
    );
    let other = format!("sha256:{}", "0".repeat(64));
    assert!(
        ask(&pages, &format!("/search?q={other}"), &english).await.text.contains("Nothing of this ledger")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_waits_says_for_whom_and_goes_on_being_looked_at() {
    let pages = pages(Some(node())).await;
    let waits = ask(&pages, "/records/59/live", &[("cookie", "lang=en")]).await.text;
    assert!(waits.contains("data-more") && waits.contains("0 / 2"), "{waits}");
    assert!(!ask(&pages, "/records/5/live", &[]).await.text.contains("data-more"));
}

#[tokio::test(flavor = "multi_thread")]
async fn troubles_are_pages_in_the_readers_language() {
    let with = pages(Some(node())).await;
    let without = pages(None).await;
    let rows = [
        (&with, "/records/6", StatusCode::NOT_FOUND, "Nothing is here"),
        (&with, "/records/x", StatusCode::NOT_FOUND, "Nothing is here"),
        (&with, "/records?before=x", StatusCode::NOT_FOUND, "Nothing is here"),
        (&with, "/accounts/1", StatusCode::NOT_FOUND, "Nothing is here"),
        // No evidence service stands beside these pages.
        (&with, "/office/transactions", StatusCode::NOT_FOUND, "Nothing is here"),
        (&with, "/records/59/inclusion", StatusCode::CONFLICT, "Not sealed yet"),
        (&without, "/deposit", StatusCode::BAD_GATEWAY, "No node answers"),
        (&without, "/", StatusCode::BAD_GATEWAY, "No node answers"),
        // Verifying needs no node.
        (&without, "/verify", StatusCode::OK, "Verify a certificate"),
    ];
    for (pages, path, status, said) in rows {
        let got = ask(pages, path, &[("cookie", "lang=en")]).await;
        assert_eq!(got.status, status, "{path}");
        assert!(got.text.contains(said), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_is_handed_on_and_a_refusal_comes_back_as_it_is() {
    let refusal = json!({"type": "", "title": "no", "status": 422, "detail": "not so", "code": "signature"});
    let answer = |status: StatusCode, body: Value| {
        post(move |asked: axum::body::Bytes| async move {
            assert_eq!(asked.as_ref(), b"statement");
            let kind = if status.is_success() { "application/json" } else { "application/problem+json" };
            (status, [(header::CONTENT_TYPE, kind)], body.to_string())
        })
    };
    let accepted = record(7, false);
    let rows = [
        (StatusCode::ACCEPTED, accepted, StatusCode::OK, json!({"index": "7"})),
        (
            StatusCode::UNPROCESSABLE_ENTITY,
            refusal,
            StatusCode::UNPROCESSABLE_ENTITY,
            json!({"code": "signature", "error": "no: not so"}),
        ),
    ];
    for (status, body, expected, said) in rows {
        let pages = pages(Some(Router::new().route("/v1/deposits", answer(status, body)))).await;
        let request = Request::post("/deposits").body(Body::from("statement")).unwrap();
        let response = pages.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), expected);
        let got = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(serde_json::from_slice::<Value>(&got).unwrap(), said);
        let large = Request::post("/deposits").body(Body::from(vec![0; 100_000])).unwrap();
        assert_eq!(pages.oneshot(large).await.unwrap().status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_handed_on_with_its_items_in_order_and_what_is_no_batch_is_not() {
    let taken = post(|asked: axum::body::Bytes| async move {
        let place = |part: &[u8]| asked.windows(part.len()).position(|window| window == part);
        assert!(place(b"statement") < place(b"first") && place(b"first") < place(b"second"), "{asked:?}");
        (StatusCode::ACCEPTED, axum::Json(record(7, false)))
    });
    let pages = pages(Some(Router::new().route("/v1/batches", taken))).await;
    let [statement, first, second] =
        ["statement", "first", "second"].map(|part| hex::encode(part.as_bytes()));
    let rows = [
        (json!({"statement": statement, "items": [first, second]}), StatusCode::OK),
        (json!({"statement": statement, "items": [first, "second"]}), StatusCode::BAD_REQUEST),
        (json!({"statement": "x", "items": []}), StatusCode::BAD_REQUEST),
        (json!({"statement": statement, "items": ["00".repeat(300_000)]}), StatusCode::PAYLOAD_TOO_LARGE),
    ];
    for (batch, expected) in rows {
        let request = Request::post("/batches").header(header::CONTENT_TYPE, "application/json");
        let request = request.body(Body::from(batch.to_string())).unwrap();
        assert_eq!(pages.clone().oneshot(request).await.unwrap().status(), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_load_is_small_and_what_is_loaded_is_kept() {
    let pages = pages(Some(node())).await;
    let mut bytes = ask(&pages, "/", &[]).await.text.len();
    for name in ["site.css", "site.js", "mark.svg"] {
        let got = ask(&pages, &crate::assets::address(name), &[]).await;
        assert!(got.headers[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
        bytes += got.text.len();
    }
    assert!(bytes < 60_000, "{bytes} bytes, uncompressed");
    let wasm = crate::assets::address("verifier.wasm");
    let got = ask(&pages, &wasm, &[("accept-encoding", "br, gzip")]).await;
    assert_eq!(
        (&got.headers[header::CONTENT_ENCODING], &got.headers[header::CONTENT_TYPE]),
        (&"gzip".parse().unwrap(), &"application/wasm".parse().unwrap())
    );
}
