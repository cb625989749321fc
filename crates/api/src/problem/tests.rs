use std::collections::BTreeSet;

use http::StatusCode;
use http_body_util::BodyExt as _;
use xiezhi_evidence::{
    account::{AuthorityError, ChangeError, DelegationError},
    alliance::TermError,
    policy::Missing,
};
use xiezhi_ledger::GovernanceError;
use xiezhi_types::{AccountId, Height, LedgerId, LogIndex, StatementId, TimestampMs};

use super::*;

#[test]
fn codes_are_unique_and_titles_exist_in_both_languages() {
    let codes: BTreeSet<_> = kinds::ALL.iter().map(|kind| kind.code).collect();
    assert_eq!(codes.len(), kinds::ALL.len());
    for kind in kinds::ALL {
        assert!(kind.status.is_client_error() || kind.status.is_server_error(), "{}", kind.code);
        assert!(kind.code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", kind.code);
        assert!(!kind.title(Lang::En).is_empty() && !kind.title(Lang::Zh).is_ascii(), "{}", kind.code);
    }
}

fn status() -> RecordStatus {
    RecordStatus {
        id: StatementId([7; 32]),
        index: LogIndex(5),
        height: Height(3),
        time: TimestampMs(0),
        items: 0,
        sealed_by: Vec::new(),
        timestamps: 0,
        missing: Missing::default(),
    }
}

use xiezhi_node::RecordStatus;

#[test]
fn every_rejection_has_its_kind_and_names_its_field() {
    let account = AccountId([1; 32]);
    let (id, ledger) = (StatementId([2; 32]), LedgerId([3; 32]));
    let court: xiezhi_types::InstitutionId = "court".parse().unwrap();
    let clock = Rejection::Clock { issued_at: String::new(), now: String::new(), off_s: 400, window_s: 300 };
    let inactive = AuthorityError::Status { account, status: "frozen" };
    let unknown = AuthorityError::UnknownKey { key: xiezhi_crypto::KeyId([0; 8]), account };
    let signature = AuthorityError::Signature {
        key: xiezhi_crypto::KeyId([0; 8]),
        source: xiezhi_crypto::SignatureError::Mismatch { alg: "ed25519" },
    };
    let rows = [
        (Rejection::Statement(StatementError::NotCanonical), 422, Some("statement")),
        (
            Rejection::Statement(StatementError::Field { field: "digests", reason: String::new() }),
            422,
            Some("digests"),
        ),
        (Rejection::TooLong { bytes: 2, bytes_max: 1 }, 422, Some("statement")),
        (Rejection::TooManyItems { items: 2, items_max: 1 }, 422, Some("items")),
        (Rejection::TooLarge { bytes: 2, bytes_max: 1 }, 422, Some("statement")),
        (Rejection::OtherLedger { found: ledger, ledger }, 422, Some("aud")),
        (Rejection::Suite { alg: "sm2" }, 422, Some("alg")),
        (clock, 422, Some("iat")),
        (Rejection::NoAccount { account }, 422, Some("iss")),
        (Rejection::AccountExists { account }, 409, Some("iss")),
        (Rejection::Authority(inactive), 403, Some("signature")),
        (Rejection::Authority(unknown), 403, Some("signature")),
        (Rejection::Authority(signature), 403, Some("signature")),
        (Rejection::Authority(AuthorityError::Threshold { sum: 1, need: 2 }), 403, Some("signature")),
        (Rejection::Authority(AuthorityError::NoRecovery { account }), 403, Some("signature")),
        (ChangeError::Status { account, status: "frozen" }.into(), 403, None),
        (ChangeError::NoReset { account }.into(), 409, None),
        (ChangeError::TooEarly { until: TimestampMs(2), now: TimestampMs(1) }.into(), 409, None),
        (ChangeError::TooLate { until: TimestampMs(1), now: TimestampMs(2) }.into(), 409, None),
        (ChangeError::YoungKeys { changed: TimestampMs(1) }.into(), 403, None),
        (ChangeError::NothingChanges.into(), 409, None),
        (ChangeError::NotOffered { account }.into(), 403, None),
        (ChangeError::NotEntitled { issuer: account }.into(), 403, None),
        (ChangeError::Institution { account }.into(), 403, None),
        (ChangeError::Ordered { reference: "1".to_owned() }.into(), 409, None),
        (ChangeError::NoOrder { institution: court.clone(), reference: "1".to_owned() }.into(), 409, None),
        (ChangeError::GrantEnded { until: TimestampMs(1), now: TimestampMs(2) }.into(), 409, None),
        (ChangeError::TooManyDelegations.into(), 409, None),
        (DelegationError::Status { grantor: account, status: "frozen" }.into(), 403, Some("grantor")),
        (DelegationError::NotGranted { grantor: account, delegate: account }.into(), 403, Some("grantor")),
        (
            DelegationError::NotYet { not_before: TimestampMs(2), now: TimestampMs(1) }.into(),
            403,
            Some("grantor"),
        ),
        (
            DelegationError::Expired { until: TimestampMs(1), now: TimestampMs(2) }.into(),
            403,
            Some("grantor"),
        ),
        (DelegationError::Quota { quota: 1, used: 1, need: 1 }.into(), 403, Some("grantor")),
        (DelegationError::Daily { daily: 1, used: 1, need: 1 }.into(), 403, Some("grantor")),
        (GovernanceError::NotAMember { account }.into(), 403, None),
        (GovernanceError::NotInvited { account }.into(), 403, None),
        (GovernanceError::TermDecided { number: 1, from: Height(33) }.into(), 409, None),
        (GovernanceError::NoProposal { number: 1 }.into(), 409, None),
        (GovernanceError::NotTheProposer { number: 1, proposer: court.clone() }.into(), 403, None),
        (GovernanceError::ProposalOpen { number: 1 }.into(), 409, None),
        (GovernanceError::TooManyInvitations.into(), 409, None),
        (GovernanceError::DoesNotFit { institution: court, reason: "is no member" }.into(), 409, None),
        (GovernanceError::NothingChanges.into(), 409, None),
        (GovernanceError::Term(TermError::TooFew { active: 3 }).into(), 409, None),
        (GovernanceError::Possession.into(), 403, None),
        (Rejection::Duplicate { id }, 409, None),
    ];
    for (rejection, expected, field) in rows {
        let code = rejection.code();
        let problem = Problem::from(SubmitError::Rejected(rejection));
        assert_eq!((problem.kind.code, problem.kind.status.as_u16()), (code, expected));
        assert_eq!(problem.field.as_deref(), field, "{code}");
    }
}

#[test]
fn what_can_be_tried_again_says_when() {
    let rows = [
        (Problem::from(SubmitError::Busy { queued: 9, retry_after_s: 3 }), "busy", 429, Some(3)),
        (
            SubmitError::NotOrdered { waited_ms: 1, reason: "too few nodes".to_owned() }.into(),
            "not-ordered",
            503,
            Some(1),
        ),
        (SubmitError::Observer { upstream: "http://court".to_owned() }.into(), "observer", 403, None),
        (SubmitError::Unavailable { reason: "stopping".to_owned() }.into(), "unavailable", 503, Some(5)),
        (QueryError::NotFound { what: "record 7".to_owned() }.into(), "not-found", 404, None),
        (QueryError::NotKept { height: Height(9), size: 7 }.into(), "not-kept", 410, None),
        (QueryError::Archive { what: "record 7".to_owned() }.into(), "archive", 503, Some(15)),
        (QueryError::NotSealed(Box::new(status())).into(), "not-sealed", 409, Some(1)),
        (QueryError::Range { field: "size", reason: "9".to_owned() }.into(), "out-of-range", 400, None),
        (QueryError::Unavailable { reason: "disk".to_owned() }.into(), "unavailable", 503, Some(5)),
    ];
    for (problem, code, expected, retry) in rows {
        let found = (problem.kind.code, problem.kind.status.as_u16(), problem.retry_after_s);
        assert_eq!(found, (code, expected, retry));
    }
}

async fn body(response: Response) -> Vec<u8> {
    response.into_body().collect().await.unwrap().to_bytes().into()
}

#[tokio::test]
async fn a_problem_is_written_in_the_language_asked_for_and_keeps_headers() {
    let problem = Problem::parameter("limit", "0, 1 to 100 are allowed").retry_after(2);
    let mut response = problem.clone().into_response();
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET"));
    let response = problem.render(response, Lang::Zh, Form::Json);
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let header = |name| response.headers().get(name).map(|v| v.to_str().unwrap().to_owned());
    assert_eq!(header(header::CONTENT_TYPE).as_deref(), Some("application/problem+json"));
    assert_eq!(header(header::CONTENT_LANGUAGE).as_deref(), Some("zh-CN"));
    assert_eq!(header(header::RETRY_AFTER).as_deref(), Some("2"));
    assert_eq!(header(header::ALLOW).as_deref(), Some("GET"));
    let text = String::from_utf8(body(response).await).unwrap();
    assert_eq!(
        text,
        "{\"type\":\"urn:xiezhi:problem:invalid-parameter\",\"title\":\"参数有误\",\"status\":400,\
         \"detail\":\"limit: 0, 1 to 100 are allowed\",\"code\":\"invalid-parameter\",\"field\":\"limit\",\"retry_after_s\":2}"
    );
}

#[tokio::test]
async fn a_concise_problem_has_title_detail_and_our_code() {
    let problem = Problem::new(&kinds::SIGNATURE_INVALID, "no").field("signature");
    let response = problem.render(problem.clone().into_response(), Lang::En, Form::Concise);
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/concise-problem-details+cbor");
    let bytes = body(response).await;
    let mut d = minicbor::Decoder::new(&bytes);
    assert_eq!(d.map().unwrap(), Some(4));
    assert_eq!((d.i8().unwrap(), d.str().unwrap()), (-1, "A signature does not hold"));
    assert_eq!((d.i8().unwrap(), d.str().unwrap()), (-2, "no"));
    assert_eq!((d.i8().unwrap(), d.str().unwrap()), (-6, "en"));
    assert_eq!((d.str().unwrap(), d.map().unwrap()), ("urn:xiezhi:problem", Some(2)));
    assert_eq!((d.u8().unwrap(), d.str().unwrap()), (0, "signature-invalid"));
    assert_eq!((d.u8().unwrap(), d.str().unwrap()), (1, "signature"));
    assert_eq!(d.position(), bytes.len());
}
