use http::{HeaderValue, Request};

use super::*;

fn headers(name: HeaderName, value: &str) -> HeaderMap {
    HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
}

#[test]
fn a_client_accepts_what_it_names_or_covers() {
    let rows = [
        (None, "application/cose", true),
        (Some("application/cose"), "application/cose", true),
        (Some("text/html, application/*;q=0.5"), "application/cose", true),
        (Some("*/*"), "application/cose", true),
        (Some("application/json"), "application/cose", false),
        (Some("application/cose;q=0"), "application/cose", false),
        (Some("application/cose; q=0.0, text/*"), "application/cose", false),
        (Some("app/*"), "application/cose", false),
    ];
    for (accept, media_type, expected) in rows {
        let headers = accept.map_or_else(HeaderMap::new, |accept| headers(header::ACCEPT, accept));
        assert_eq!(accepts(&headers, media_type), expected, "{accept:?}");
    }
    assert!(!asks_for(&headers(header::ACCEPT, "*/*"), "application/cose"));
    assert!(asks_for(&headers(header::ACCEPT, "text/html,application/cose;q=0.1"), "application/cose"));
}

#[test]
fn a_media_type_is_read_without_case_and_parameters() {
    let typed = headers(header::CONTENT_TYPE, "Application/COSE; cose-type=\"cose-sign1\"");
    assert_eq!(media_type(&typed).as_deref(), Some("application/cose"));
    assert_eq!(media_type(&HeaderMap::new()), None);
}

#[tokio::test]
async fn a_body_over_its_bound_is_refused_whether_it_says_so_or_not() {
    let wait = Duration::from_secs(5);
    let read = |length: Option<&str>, bytes: usize| {
        let headers = length.map_or_else(HeaderMap::new, |length| headers(header::CONTENT_LENGTH, length));
        async move { read_body(&headers, Body::from(vec![0; bytes]), 10, wait).await.map_err(|p| p.kind.code) }
    };
    assert_eq!(read(None, 10).await.unwrap().len(), 10);
    assert_eq!(read(None, 11).await, Err("body-too-large"));
    assert_eq!(read(Some("11"), 0).await, Err("body-too-large"));
    let silent = Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
    let problem = read_body(&HeaderMap::new(), silent, 10, Duration::from_millis(10)).await.unwrap_err();
    assert_eq!(problem.kind.code, "body-timeout");
    let broken = futures::stream::iter([Err::<Bytes, _>(std::io::Error::other("reset"))]);
    let problem = read_body(&HeaderMap::new(), Body::from_stream(broken), 10, wait).await.unwrap_err();
    assert_eq!(problem.kind.code, "invalid-body");
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    number: u64,
    limit: Option<u32>,
}

#[tokio::test]
async fn a_wrong_parameter_is_named() {
    let rows = [
        ("/?number=7", Ok(7)),
        ("/?number=-1", Err(Some("number"))),
        ("/?number=18446744073709551616", Err(Some("number"))),
        ("/?number=1&limit=x", Err(Some("limit"))),
        ("/?number=1&nubmer=2", Err(Some("nubmer"))),
        ("/", Err(Some("number"))),
        ("/?number=1&number=2", Err(Some("number"))),
    ];
    for (uri, expected) in rows {
        let (mut parts, ()) = Request::builder().uri(uri).body(()).unwrap().into_parts();
        let found = Params::<Example>::from_request_parts(&mut parts, &()).await;
        let found = found.map(|p| p.0.number + u64::from(p.0.limit.unwrap_or(0)));
        let field = found.map_err(|p| p.field.map(std::borrow::Cow::into_owned));
        assert_eq!(field, expected.map_err(|e: Option<&str>| e.map(str::to_owned)), "{uri}");
    }
}

#[test]
fn a_wrong_field_of_json_is_named() {
    let rows = [("{}", Some("number")), ("{\"number\":1,\"x\":2}", Some("x")), ("{", None), ("[]", None)];
    for (json, field) in rows {
        let problem = read_json::<Example>(json.as_bytes()).unwrap_err();
        assert_eq!(
            (problem.kind.code, problem.field.as_deref()),
            ("invalid-body", field),
            "{json}: {}",
            problem.detail
        );
    }
}

#[test]
fn a_page_has_one_record_at_least_and_its_bound_at_most() {
    assert_eq!(page_limit(None, 20, 100).unwrap(), 20);
    assert_eq!(page_limit(Some(100), 20, 100).unwrap(), 100);
    for wrong in [0, 101, u32::MAX] {
        assert_eq!(page_limit(Some(wrong), 20, 100).unwrap_err().field.as_deref(), Some("limit"));
    }
}
