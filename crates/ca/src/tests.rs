//! The authority as its officers and its clients see it; the disk that fails; a model of standings.

use std::{fs, io::Write as _, sync::Arc};

use axum::{Router, body::Body};
use http::{Request, StatusCode, header};
use http_body_util::BodyExt as _;
use proptest::prelude::*;
use tempfile::TempDir;
use tower::ServiceExt as _;
use xiezhi_crypto::SignatureAlg;
use xiezhi_pki::{
    CertificateAuthority, CertificateTemplate, CertificationRequest, Crl, Profile, RevocationReason,
    SigningKey, Subject, Suite, Validity, X509Certificate,
    ocsp::{OcspQuery, Question, Responder, Status, verify_response},
};

use super::*;

const NOW: u64 = 1_795_334_950;
const DAY: u64 = 24 * 3600;

struct Place {
    _temp: TempDir,
    dir: std::path::PathBuf,
    authority: Authority,
    signer: CertificateAuthority,
    next: u8,
}

fn key(suite: Suite, seed: u8) -> SigningKey {
    SigningKey::from_bytes(suite, &[seed; 32]).unwrap()
}

fn place(suite: Suite) -> Place {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("ca");
    let validity = Validity { not_before: NOW - DAY, not_after: NOW + 3650 * DAY };
    let subject = Subject { organisation: "獬豸", common_name: "Root" };
    let root = CertificateAuthority::new_root(key(suite, 1), subject, [1; 16], validity).unwrap();
    let profile = Profile::IssuingAuthority { key: key(suite, 2).public_key() };
    let subject = Subject { organisation: "獬豸", common_name: "Issuing CA" };
    let template = CertificateTemplate::new(profile, subject, [2; 16], validity);
    let issuing = root.issue(&template).unwrap();
    let signer = CertificateAuthority::from_parts(key(suite, 2), issuing.der()).unwrap();
    let chain = [root.certificate().clone()];
    let url = Some("http://ca.example/");
    let authority = Authority::create(&dir, &issuing, &chain, url, NOW, "officer").unwrap();
    Place { _temp: temp, dir, authority, signer, next: 10 }
}

fn enterprise() -> Wish {
    Wish {
        purpose: Purpose::Enterprise { number: "91110000802100433B".to_owned() },
        organisation: "示范公司".to_owned(),
        common_name: "电子签章".to_owned(),
    }
}

fn request(suite: Suite, seed: u8) -> CertificationRequest {
    let subject = Subject { organisation: "whatever", common_name: "is wished" };
    CertificationRequest::create(&key(suite, seed), subject).unwrap()
}

impl Place {
    fn apply(&mut self, seed: u8, wish: &Wish, now: u64) -> String {
        self.authority.apply(&request(Suite::P256, seed), wish, now, "applicant").unwrap()
    }

    fn issue(&mut self, application: &str, now: u64) -> Result<X509Certificate, AuthorityError> {
        self.next += 1;
        let serial = [self.next; 16];
        self.authority.issue(&self.signer, application, None, now, "officer", || serial)
    }
}

#[test]
fn an_application_becomes_a_certificate_that_says_what_was_decided_and_not_what_the_request_says() {
    let mut place = place(Suite::P256);
    let id = place.apply(50, &enterprise(), NOW);
    assert_eq!(place.apply(50, &enterprise(), NOW + 5), id, "the same twice is one");
    assert_eq!(place.authority.book().unwrap().pending(), 1);
    let certificate = place.issue(&id, NOW + 10).unwrap();
    assert_eq!(certificate.common_name().as_deref(), Some("电子签章"));
    assert_eq!(certificate.public_key(), key(Suite::P256, 50).public_key());
    assert_eq!(certificate.crl_urls(), ["http://ca.example/authority.crl"]);
    assert_eq!(certificate.validity().not_after, NOW + 10 + 2 * 365 * DAY);
    assert_eq!(place.authority.book().unwrap().pending(), 0);
    let again = place.issue(&id, NOW + 20).unwrap();
    assert_ne!(again.serial(), certificate.serial(), "renewed");
    let soon = place.authority.expiring(NOW + 20, 3 * 365).unwrap();
    assert_eq!(soon.iter().map(|one| one.serial.clone()).collect::<Vec<_>>(), [hex::encode(again.serial())]);
}

#[test]
fn what_cannot_be_certified_is_refused_by_the_rule_that_it_breaks() {
    let mut place = place(Suite::P256);
    let mut refused = |wish: &Wish, suite, field: &str| {
        let error = place.authority.apply(&request(suite, 60), wish, NOW, "applicant").unwrap_err();
        assert!(matches!(&error, AuthorityError::Wish(error) if error.field == field), "{error}");
    };
    let with = |purpose| Wish { purpose, ..enterprise() };
    let court = || "court".parse().unwrap();
    refused(&with(Purpose::Enterprise { number: "91110000802100433C".to_owned() }), Suite::P256, "number");
    refused(&Wish { organisation: String::new(), ..enterprise() }, Suite::P256, "organisation");
    refused(&Wish { common_name: " a".to_owned(), ..enterprise() }, Suite::P256, "common_name");
    refused(&with(Purpose::Responder {}), Suite::P256, "profile");
    refused(&with(Purpose::Seal { institution: court() }), Suite::P256, "request");
    refused(&with(Purpose::TimeStamping {}), Suite::Ed25519, "request");
    refused(&with(Purpose::Node { institution: court(), hosts: vec![] }), Suite::P256, "hosts");
    place.apply(61, &enterprise(), NOW);
    let other = Wish { common_name: "另一个".to_owned(), ..enterprise() };
    let error = place.authority.apply(&request(Suite::P256, 61), &other, NOW, "applicant").unwrap_err();
    assert!(error.to_string().contains("another subject"), "{error}");
}

#[test]
fn seals_and_time_stamps_are_certified_by_p256_alone_and_the_rest_by_every_suite() {
    for suite in Suite::ALL {
        let mut place = place(*suite);
        let seal = Wish { purpose: Purpose::Seal { institution: "court".parse().unwrap() }, ..enterprise() };
        let applied = place.authority.apply(&request(Suite::Ed25519, 70), &seal, NOW, "applicant");
        assert_eq!(applied.is_ok(), *suite == Suite::P256, "{}", suite.name());
        let id = place.authority.apply(&request(*suite, 71), &enterprise(), NOW, "applicant").unwrap();
        place.issue(&id, NOW).unwrap();
    }
}

#[test]
fn a_decision_is_made_once_and_a_serial_number_used_once() {
    let mut place = place(Suite::P256);
    let id = place.apply(50, &enterprise(), NOW);
    place.authority.refuse(&id, "营业执照已注销", NOW, "officer").unwrap();
    assert!(place.issue(&id, NOW).unwrap_err().to_string().contains("refused"));
    assert!(place.authority.refuse(&id, "again", NOW, "officer").is_err());
    let other = place.apply(51, &enterprise(), NOW);
    let serial = || [0x41; 16];
    place.authority.issue(&place.signer, &other, None, NOW, "officer", serial).unwrap();
    let again = place.authority.issue(&place.signer, &other, None, NOW, "officer", serial).unwrap_err();
    assert!(again.to_string().contains("serial number"), "{again}");
    let stranger = CertificateAuthority::new_root(
        key(Suite::P256, 9),
        Subject { organisation: "x", common_name: "y" },
        [9; 16],
        Validity { not_before: NOW - DAY, not_after: NOW + DAY },
    );
    let by_another = place.authority.list(&stranger.unwrap(), NOW, "officer");
    assert!(matches!(by_another, Err(AuthorityError::OtherKey)));
}

#[test]
fn what_was_answered_is_there_after_a_torn_write_and_what_was_changed_is_noticed() {
    let mut place = place(Suite::P256);
    let id = place.apply(50, &enterprise(), NOW);
    let certificate = place.issue(&id, NOW + 1).unwrap();
    let head = place.authority.book().unwrap().head();
    let path = place.dir.join("book.jsonl");
    let whole = fs::read(&path).unwrap();
    // Killed in the middle of the next line, anywhere in it.
    for torn in [&b"{"[..], br#"{"number":3,"before":""#] {
        fs::write(&path, [&whole, torn].concat()).unwrap();
        let mut again = Authority::open(&place.dir).unwrap();
        assert_eq!(again.book().unwrap().head(), head);
        assert!(again.book().unwrap().certificate(certificate.serial()).is_some());
        again.suspend(certificate.serial(), NOW + 2, "officer").unwrap();
        assert_eq!(Authority::open(&place.dir).unwrap().book().unwrap().head().0, head.0 + 1);
        fs::write(&path, &whole).unwrap();
    }
    // One byte of any line.
    let lines: Vec<_> =
        whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).collect();
    for at in [20, lines[0] + 200, lines[1] + 300, lines[1] + 30] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        fs::write(&path, &changed).unwrap();
        let error = Authority::open(&place.dir).map(drop);
        let line = 1 + lines.iter().filter(|end| **end < at).count();
        // A changed byte shows in its own line, or in the next one, which names its digest; in the last it must break the certificate.
        let said = error.unwrap_err().to_string();
        assert!(
            said.contains(&format!("line {line}")) || said.contains(&format!("line {}", line + 1)),
            "{said}"
        );
    }
    fs::write(&path, &whole).unwrap();
    Authority::open(&place.dir).unwrap();
}

/// The format is docs/specs/authority-book.md: whatever changes this head is another format.
#[test]
fn the_book_is_written_as_its_specification_says() {
    let mut place = place(Suite::P256);
    let node = Wish {
        purpose: Purpose::Node {
            institution: "court".parse().unwrap(),
            hosts: vec!["court.example".to_owned()],
        },
        ..enterprise()
    };
    let id = place.apply(50, &enterprise(), NOW);
    let refused = place.apply(51, &node, NOW);
    let certificate = place.issue(&id, NOW + 1).unwrap();
    place.authority.refuse(&refused, "no", NOW + 2, "officer").unwrap();
    place.authority.suspend(certificate.serial(), NOW + 3, "officer").unwrap();
    place.authority.release(certificate.serial(), NOW + 4, "officer").unwrap();
    let reason = RevocationReason::KeyCompromise;
    place.authority.revoke(certificate.serial(), reason, Some(NOW), NOW + 5, "officer").unwrap();
    place.authority.list(&place.signer, NOW + 6, "officer").unwrap();
    let (entries, head) = place.authority.book().unwrap().head();
    assert_eq!(
        (entries, hex::encode(head).as_str()),
        (9, "75a4690a81940b76c5ef43a5637ad69dae544d82429ad9bb9f564908cca9a25b")
    );
    let text = fs::read_to_string(place.dir.join("book.jsonl")).unwrap();
    let applied = format!(r#""event":{{"kind":"applied","application":"{refused}","request":""#);
    let wish = r#""wish":{"profile":"node","institution":"court","hosts":["court.example"],"organisation":"示范公司","common_name":"电子签章"}}}"#;
    let line = text.lines().nth(2).unwrap();
    assert!(line.contains(&applied) && line.ends_with(wish), "{line}");
}

#[test]
fn two_processes_write_one_book() {
    let mut place = place(Suite::P256);
    let mut other = Authority::open(&place.dir).unwrap();
    let id = place.apply(50, &enterprise(), NOW + 10);
    // The other's clock is behind: time in the book does not go back.
    other.refuse(&id, "重复申请", NOW, "second officer").unwrap();
    assert!(place.issue(&id, NOW + 20).is_err());
    let outcome = place.authority.book().unwrap().application(&id).unwrap().outcome.clone();
    assert_eq!(outcome, Outcome::Refused { at: NOW + 10, reason: "重复申请".to_owned() });
    // Whoever died while writing left a half, which the next one clears.
    let mut file = fs::OpenOptions::new().append(true).open(place.dir.join("book.jsonl")).unwrap();
    file.write_all(b"{\"number\":3,\"be").unwrap();
    place.apply(51, &enterprise(), NOW + 30);
    assert_eq!(other.book().unwrap().pending(), 1);
    Authority::open(&place.dir).unwrap();
}

#[test]
fn what_was_said_of_a_certificate_at_a_time_can_be_shown_later() {
    let mut place = place(Suite::P256);
    let id = place.apply(50, &enterprise(), NOW);
    let certificate = place.issue(&id, NOW).unwrap();
    let serial = certificate.serial();
    let listed =
        |place: &mut Place, now| -> Crl { place.authority.list(&place.signer, now, "officer").unwrap() };
    assert!(place.authority.is_list_due(NOW).unwrap());
    assert_eq!(listed(&mut place, NOW + 10).find(serial), None);
    assert!(!place.authority.is_list_due(NOW + 11).unwrap());
    place.authority.suspend(serial, NOW + 20, "officer").unwrap();
    assert!(place.authority.is_list_due(NOW + 20).unwrap());
    let held = listed(&mut place, NOW + 30);
    assert_eq!(held.find(serial).map(|entry| entry.reason), Some(RevocationReason::CertificateHold));
    place.authority.release(serial, NOW + 40, "officer").unwrap();
    assert_eq!(listed(&mut place, NOW + 50).find(serial), None);
    place.authority.suspend(serial, NOW + 60, "officer").unwrap();
    let reason = RevocationReason::KeyCompromise;
    place.authority.revoke(serial, reason, Some(NOW + 15), NOW + 70, "officer").unwrap();
    let revoked = listed(&mut place, NOW + 80);
    let entry = revoked.find(serial).unwrap();
    assert_eq!((entry.revoked_at, entry.invalid_since), (NOW + 60, Some(NOW + 15)), "from the suspension on");
    assert!(place.authority.release(serial, NOW + 90, "officer").is_err(), "revoked is for good");
    let book = Authority::open(&place.dir).unwrap().book().unwrap().clone();
    let stood = [NOW - 1, NOW, NOW + 25, NOW + 45, NOW + 65, NOW + 75]
        .map(|at| book.standing(serial, at).map_or("not issued", |standing| standing.name()));
    assert_eq!(stood, ["not issued", "good", "suspended", "good", "suspended", "revoked"]);
    // The second list is there still, and a changed file is not passed on.
    assert_eq!(place.authority.list_der(Some(2)).unwrap().as_deref(), Some(held.der()));
    let path = place.dir.join("lists/2.crl");
    let mut der = fs::read(&path).unwrap();
    der[40] ^= 1;
    fs::write(&path, der).unwrap();
    assert!(place.authority.list_der(Some(2)).unwrap_err().to_string().contains("2.crl"));
    assert_eq!(place.authority.list_der(Some(9)).unwrap(), None);
}

fn responder(place: &mut Place, now: u64) -> Responder<SigningKey> {
    let profile = Profile::OcspResponder { key: key(Suite::P256, 90).public_key() };
    let certificate =
        place.authority.issue_responder(&place.signer, profile, now, "officer", || [0x99; 16]).unwrap();
    let issuer = place.signer.certificate().clone();
    Responder::new(issuer, certificate, key(Suite::P256, 90)).unwrap()
}

#[test]
fn ocsp_says_what_the_book_says_and_keeps_its_answers() {
    let mut place = place(Suite::P256);
    let id = place.apply(50, &enterprise(), NOW);
    let certificate = place.issue(&id, NOW).unwrap();
    let responder = responder(&mut place, NOW);
    let issuer = place.signer.certificate().clone();
    let query = |serial: &[u8], nonce| OcspQuery::new(Question::new(&issuer, serial).unwrap(), nonce);
    let ask = |authority: &mut Authority, query: &OcspQuery, now| {
        let der = authority.answer(&responder, &query.to_der(), now);
        let said = verify_response(&der, query, &issuer, Suite::ALL, now).map(|list| list[0]);
        (der, said)
    };
    let plain = query(certificate.serial(), None);
    let (first, said) = ask(&mut place.authority, &plain, NOW + 5);
    assert_eq!(said, Ok(Status::Good));
    assert_eq!(ask(&mut place.authority, &plain, NOW + 6).0, first, "the same answer while nothing changes");
    let fresh = query(certificate.serial(), Some(&[7; 16]));
    assert_eq!(ask(&mut place.authority, &fresh, NOW + 7).1, Ok(Status::Good));
    assert_eq!(ask(&mut place.authority, &query(&[0x55; 16], None), NOW + 7).1, Ok(Status::Unknown));
    place.authority.suspend(certificate.serial(), NOW + 8, "officer").unwrap();
    let held = Status::Revoked { at: NOW + 8, reason: RevocationReason::CertificateHold };
    assert_eq!(ask(&mut place.authority, &plain, NOW + 9).1, Ok(held));
    // Kept: one that said good, one that said suspended; unknown serial numbers leave nothing.
    let again = Authority::open(&place.dir).unwrap();
    let kept = fs::read(again.answer_kept(certificate.serial(), NOW + 8).unwrap()).unwrap();
    assert_eq!(verify_response(&kept, &plain, &issuer, Suite::ALL, NOW + 8), Ok(vec![Status::Good]));
    let kept = fs::read(again.answer_kept(certificate.serial(), NOW + DAY).unwrap()).unwrap();
    assert_eq!(verify_response(&kept, &plain, &issuer, Suite::ALL, NOW + DAY), Ok(vec![held]));
    assert_eq!(again.answer_kept(certificate.serial(), NOW + 3 * DAY), None);
    assert_eq!(fs::read_dir(place.dir.join("answers")).unwrap().count(), 1);
    let late = NOW + (RESPONDER_DAYS + 1) * DAY;
    assert!(
        ask(&mut place.authority, &plain, late).1.is_err(),
        "a responder that has expired does not answer"
    );
}

async fn ask(router: &Router, request: Request<Body>) -> (StatusCode, String, Vec<u8>) {
    let response = router.clone().oneshot(request).await.unwrap();
    let media_type = response.headers().get(header::CONTENT_TYPE);
    let media_type = media_type.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let status = response.status();
    (status, media_type, response.into_body().collect().await.unwrap().to_bytes().to_vec())
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).header("accept-language", "zh").body(Body::empty()).unwrap()
}

fn post(path: &str, media_type: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path).header(header::CONTENT_TYPE, media_type).body(body.into()).unwrap()
}

#[tokio::test]
async fn strangers_apply_look_and_ask_and_change_nothing_else() {
    let mut place = place(Suite::P256);
    let responder = responder(&mut place, NOW);
    let issuer = place.signer.certificate().clone();
    let (dir, signer) = (place.dir.clone(), place.signer.clone());
    let service = Arc::new(Service::new(Authority::open(&dir).unwrap(), || NOW + 60));
    let router = router(service.clone());
    let json = |body: &[u8]| -> serde_json::Value { serde_json::from_slice(body).unwrap() };

    let wish = serde_json::json!({
        "request": request(Suite::P256, 50).to_pem(),
        "profile": "enterprise",
        "number": "91110000802100433B",
        "organisation": "示范公司",
        "common_name": "电子签章",
    });
    let (status, _, body) =
        ask(&router, post("/v1/applications", "application/json", wish.to_string())).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{}", String::from_utf8_lossy(&body));
    let id = json(&body)["application"].as_str().unwrap().to_owned();
    assert_eq!(json(&body)["state"], "pending");
    for (field, value) in [("number", "1"), ("common_name", ""), ("request", "-----BEGIN"), ("other", "x")] {
        let mut bad = wish.clone();
        bad[field] = value.into();
        let (status, media_type, body) =
            ask(&router, post("/v1/applications", "application/json", bad.to_string())).await;
        assert!(status.is_client_error(), "{field}");
        assert_eq!(media_type, "application/problem+json");
        assert_eq!(json(&body).get("field").is_some(), field != "other", "{}", json(&body));
    }
    let long = "x".repeat(70_000);
    let (status, ..) = ask(&router, post("/v1/applications", "application/json", long)).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);

    // The officer decides on the directory; the server sees it.
    let certificate = place.authority.issue(&signer, &id, None, NOW + 30, "officer", || [0x42; 16]).unwrap();
    let path = format!("/v1/applications/{id}");
    let (_, _, body) = ask(&router, get(&path)).await;
    assert_eq!(json(&body)["certificates"][0]["pem"], certificate.to_pem());
    let stands = format!("/v1/certificates/{}", hex::encode(certificate.serial()));
    assert_eq!(json(&ask(&router, get(&stands)).await.2)["standing"], "good");
    assert_eq!(ask(&router, get("/authority.crl")).await.0, StatusCode::NOT_FOUND);
    let list = place.authority.list(&signer, NOW + 40, "officer").unwrap();
    for path in ["/authority.crl", "/lists/1"] {
        let (status, media_type, body) = ask(&router, get(path)).await;
        assert_eq!(
            (status, media_type.as_str(), body.as_slice()),
            (StatusCode::OK, "application/pkix-crl", list.der())
        );
    }
    assert_eq!(ask(&router, get("/authority.cer")).await.2, issuer.der());
    let chain = String::from_utf8(ask(&router, get("/chain.pem")).await.2).unwrap();
    assert_eq!(X509Certificate::all_from_pem(&chain).unwrap().len(), 2);

    let query = OcspQuery::new(Question::new(&issuer, certificate.serial()).unwrap(), None);
    let (_, media_type, body) = ask(&router, post("/ocsp", "application/ocsp-request", query.to_der())).await;
    assert_eq!(media_type, "application/ocsp-response");
    assert!(verify_response(&body, &query, &issuer, Suite::ALL, NOW + 60).is_err(), "nobody to answer yet");
    service.set_responder(responder);
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, query.to_der());
    let by_get = format!("/ocsp/{}", encoded.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D"));
    for request in [post("/ocsp", "application/ocsp-request", query.to_der()), get(&by_get)] {
        let (_, _, body) = ask(&router, request).await;
        assert_eq!(verify_response(&body, &query, &issuer, Suite::ALL, NOW + 60), Ok(vec![Status::Good]));
    }
    let (_, _, body) = ask(&router, post("/ocsp", "application/ocsp-request", vec![1, 2, 3])).await;
    assert_eq!(body, [0x30, 3, 0x0a, 1, 1], "malformedRequest");
    let refused = [
        (get("/v1/applications/none"), StatusCode::NOT_FOUND),
        (get("/v1/certificates/zz"), StatusCode::BAD_REQUEST),
        (get("/v1/certificates/77"), StatusCode::NOT_FOUND),
        (get("/lists/x"), StatusCode::BAD_REQUEST),
        (get("/elsewhere"), StatusCode::NOT_FOUND),
        (post("/v1/status", "application/json", ""), StatusCode::METHOD_NOT_ALLOWED),
        (post("/ocsp", "text/plain", ""), StatusCode::BAD_REQUEST),
    ];
    for (request, expected) in refused {
        let path = request.uri().to_string();
        let (status, media_type, body) = ask(&router, request).await;
        assert_eq!((status, media_type.as_str()), (expected, "application/problem+json"), "{path}");
        assert!(json(&body)["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{path}");
    }
    let status = json(&ask(&router, get("/v1/status")).await.2);
    let metrics = String::from_utf8(ask(&router, get("/metrics")).await.2.to_vec()).unwrap();
    let pending = format!("xiezhi_ca_applications_pending {}\n", status["pending"]);
    let expires = format!("xiezhi_ca_expires_seconds {}\n", status["not_after"]);
    assert!(metrics.contains(&pending) && metrics.contains(&expires), "{metrics}");
    assert_eq!((&status["list"], &status["answers_ocsp"]), (&1.into(), &true.into()));
    assert!(status.get("on_ledger").is_none() && !metrics.contains("xiezhi_ca_head"), "none is put there");

    // A head is due at once; recorded, it is kept; one that the book does not have is an alarm.
    let head = || service.head().unwrap().unwrap();
    service.set_heads(DAY, None);
    let Head { entries, digest, standing, .. } = head();
    assert_eq!((entries, standing), (status["entries"].as_u64().unwrap(), HeadStanding::Due));
    let recorded =
        |head: [u8; 32]| RecordedHead { entries, head: hex::encode(head), at: NOW, record: "XZ1".to_owned() };
    for (head, standing, overdue) in [(digest, "kept", 0), ([7; 32], "rewritten", 1)] {
        service.set_heads(DAY, Some(recorded(head)));
        let status = json(&ask(&router, get("/v1/status")).await.2);
        let metrics = String::from_utf8(ask(&router, get("/metrics")).await.2.to_vec()).unwrap();
        assert_eq!(
            (&status["on_ledger"]["standing"], &status["on_ledger"]["record"]),
            (&standing.into(), &"XZ1".into())
        );
        let overdue = format!("xiezhi_ca_head_overdue {overdue}\n");
        assert!(metrics.contains(&overdue), "{metrics}");
        assert!(metrics.contains(&format!("xiezhi_ca_head_recorded_entries {entries}\n")), "{metrics}");
    }
}

#[test]
fn a_head_is_due_after_a_change_and_not_before_the_interval_is_over() {
    let mut place = place(Suite::P256);
    let (entries, digest) = place.authority.book().unwrap().head();
    let head = |at, entries, digest: [u8; 32]| RecordedHead {
        entries,
        head: hex::encode(digest),
        at,
        record: "XZ1".to_owned(),
    };
    let standing = |place: &mut Place, recorded: Option<&RecordedHead>, at: u64| {
        place.authority.book().unwrap().head_standing(recorded, DAY, at)
    };
    assert_eq!(standing(&mut place, None, NOW), HeadStanding::Due);
    assert_eq!(standing(&mut place, None, NOW + OVERDUE_S), HeadStanding::Overdue);
    let first = head(NOW + 10, entries, digest);
    assert_eq!(standing(&mut place, Some(&first), NOW + 900 * DAY), HeadStanding::Kept, "nothing changed");
    place.apply(50, &enterprise(), NOW + 20);
    for (at, expected) in [
        (NOW + 20, HeadStanding::Kept),
        (NOW + 9 + DAY, HeadStanding::Kept),
        (NOW + 10 + DAY, HeadStanding::Due),
        (NOW + 9 + DAY + OVERDUE_S, HeadStanding::Due),
        (NOW + 10 + DAY + OVERDUE_S, HeadStanding::Overdue),
    ] {
        assert_eq!(standing(&mut place, Some(&first), at), expected, "{}", at - NOW);
    }
    // Another length, another line: whatever else was recorded is not this book's.
    for wrong in [head(NOW, entries + 1, digest), head(NOW, entries, [7; 32]), head(NOW, 99, [0; 32])] {
        assert_eq!(standing(&mut place, Some(&wrong), NOW), HeadStanding::Rewritten);
    }
}

#[derive(Debug, Clone)]
enum Act {
    Suspend(usize),
    Release(usize),
    Revoke(usize),
    Issue(usize),
    Reopen,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (0..3usize).prop_map(Act::Suspend),
        (0..3usize).prop_map(Act::Release),
        (0..3usize).prop_map(Act::Revoke),
        (0..3usize).prop_map(Act::Issue),
        Just(Act::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Against a model of three words: what is allowed, what each certificate is, what the list says.
    #[test]
    fn standings_follow_the_model(acts in proptest::collection::vec(act(), 1..25)) {
        let mut place = place(Suite::P256);
        let ids: Vec<_> = (0..3).map(|n| place.apply(50 + n, &enterprise(), NOW)).collect();
        let mut serials: Vec<Vec<u8>> = Vec::new();
        let mut model: Vec<&str> = Vec::new();
        for id in &ids {
            serials.push(place.issue(id, NOW).unwrap().serial().to_vec());
            model.push("good");
        }
        for (step, act) in acts.into_iter().enumerate() {
            let now = NOW + step as u64;
            match act {
                Act::Suspend(at) => {
                    let done = place.authority.suspend(&serials[at], now, "officer").is_ok();
                    prop_assert_eq!(done, model[at] == "good");
                    if done { model[at] = "suspended"; }
                }
                Act::Release(at) => {
                    let done = place.authority.release(&serials[at], now, "officer").is_ok();
                    prop_assert_eq!(done, model[at] == "suspended");
                    if done { model[at] = "good"; }
                }
                Act::Revoke(at) => {
                    let reason = RevocationReason::Superseded;
                    let done = place.authority.revoke(&serials[at], reason, None, now, "officer").is_ok();
                    prop_assert_eq!(done, model[at] != "revoked");
                    model[at] = "revoked";
                }
                Act::Issue(at) => {
                    serials.push(place.issue(&ids[at], now).unwrap().serial().to_vec());
                    model.push("good");
                }
                Act::Reopen => place.authority = Authority::open(&place.dir).unwrap(),
            }
        }
        let end = NOW + 100;
        let list = place.authority.list(&place.signer, end, "officer").unwrap();
        let book = place.authority.book().unwrap();
        for (serial, expected) in serials.iter().zip(&model) {
            prop_assert_eq!(book.certificate(serial).unwrap().standing().name(), *expected);
            prop_assert_eq!(list.find(serial).is_some(), *expected != "good");
        }
    }
}

/// An officer's key.
fn officer(seed: u8) -> xiezhi_crypto::SigningKey {
    xiezhi_crypto::SigningKey::from_seed(SignatureAlg::Es256, &[seed; 32]).unwrap()
}

fn rule(deeds: &[&str], officers: &[(&str, u8)]) -> Rule {
    let named =
        |(name, seed): &(&str, u8)| ((*name).to_owned(), Rule::key_text(&officer(*seed).public_key()));
    let deeds = deeds.iter().map(|deed| (*deed).to_owned()).collect();
    Rule { deeds, officers: officers.iter().map(named).collect() }
}

#[test]
fn what_needs_two_officers_is_done_when_another_has_confirmed_it_and_once() {
    let mut place = place(Suite::P256);
    let applied = place.apply(1, &enterprise(), NOW);
    let serial = place.issue(&applied, NOW).unwrap().serial().to_vec();
    let authority = &mut place.authority;
    for wrong in [
        rule(&["revoked"], &[("li", 1)]),
        rule(&["revoked"], &[("li", 1), ("wang", 1)]),
        rule(&["listed"], &[("li", 1), ("wang", 2)]),
        rule(&["revoked", "issued"], &[("li", 1), ("wang", 2)]),
    ] {
        assert!(authority.rule(wrong, NOW, "li").is_err());
    }
    authority.rule(rule(&["issued", "revoked"], &[("li", 1), ("wang", 2)]), NOW, "li").unwrap();

    // Alone nobody does it, nor lifts the rule; what the rule does not name goes on.
    let reason = RevocationReason::KeyCompromise;
    assert!(authority.revoke(&serial, reason, None, NOW, "li").is_err());
    assert!(authority.rule(rule(&[], &[("li", 1), ("wang", 2)]), NOW, "li").is_err());
    authority.suspend(&serial, NOW, "zhao").unwrap();

    let by = |seed: u8| move |message: &[u8]| officer(seed).sign(message);
    let revoke = |name: &str| Deed::Revoke {
        serial: hex::encode(&serial),
        reason: name.to_owned(),
        invalid_since: None,
    };
    assert!(authority.propose(revoke("keyCompromise"), NOW, "li", by(2)).is_err(), "another's signature");
    assert!(authority.propose(revoke("keyCompromise"), NOW, "zhao", by(3)).is_err(), "no officer");
    let number = authority.propose(revoke("keyCompromise"), NOW, "li", by(1)).unwrap();
    assert!(authority.revoke(&serial, reason, None, NOW, "wang").is_err(), "proposed only");
    assert!(authority.confirm(number, NOW, "li", by(1)).is_err(), "by the same officer");
    assert!(authority.confirm(number, NOW, "wang", by(1)).is_err(), "in another's name");
    assert!(authority.confirm(number + 1, NOW, "wang", by(2)).is_err(), "no such proposal");
    assert_eq!(authority.confirm(number, NOW, "wang", by(2)).unwrap().deed, revoke("keyCompromise"));
    assert!(
        authority.revoke(&serial, RevocationReason::Superseded, None, NOW, "wang").is_err(),
        "another deed"
    );
    // Whoever was interrupted between the two goes on.
    authority.confirm(number, NOW, "wang", by(2)).unwrap();
    authority.revoke(&serial, reason, None, NOW, "wang").unwrap();
    assert!(authority.confirm(number, NOW, "wang", by(2)).is_err(), "once");

    // A certificate for longer than was confirmed is not issued; a rule is changed by two as well.
    let number = authority
        .propose(Deed::Issue { application: applied.clone(), days: 30 }, NOW, "wang", by(2))
        .unwrap();
    authority.confirm(number, NOW, "li", by(1)).unwrap();
    let signer = &place.signer;
    let mut issue =
        |days| place.authority.issue(signer, &applied, Some(days), NOW, "li", || [days as u8; 16]);
    assert!(issue(31).is_err());
    issue(30).unwrap();
    assert!(issue(29).is_err(), "once");
    let authority = &mut place.authority;
    let other = rule(&[], &[("li", 1), ("wang", 2)]);
    let number = authority.propose(Deed::Rule(other.clone()), NOW, "li", by(1)).unwrap();
    authority.confirm(number, NOW, "wang", by(2)).unwrap();
    authority.rule(other, NOW, "wang").unwrap();

    // The book says the same to who opens it anew, and knows its own past.
    let (entries, head) = authority.book().unwrap().head();
    let mut again = Authority::open(&place.dir).unwrap();
    let book = again.book().unwrap();
    assert_eq!((book.head(), book.entries_at(&head)), ((entries, head), Some(entries)));
    assert_eq!(book.entries_at(&[0; 32]), None);
    assert!(book.proposals().iter().all(|one| one.is_done));
}
