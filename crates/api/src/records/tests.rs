use super::*;

#[test]
fn a_cursor_reads_back() {
    for hit in [Hit { index: LogIndex(0), item: None }, Hit { index: LogIndex(u64::MAX), item: Some(65_535) }]
    {
        assert_eq!(read_cursor(&write_cursor(hit)).unwrap(), hit);
    }
    for wrong in ["", "x", "1.", ".1", "1.2.3", "-1"] {
        assert_eq!(read_cursor(wrong).unwrap_err().field.as_deref(), Some("cursor"), "{wrong}");
    }
}

fn find(name: &str, value: &str) -> FindParams {
    let mut params = FindParams::default();
    let field = match name {
        "digest" => &mut params.digest,
        "account" => &mut params.account,
        "group" => &mut params.group,
        _ => &mut params.number,
    };
    *field = Some(value.to_owned());
    params
}

#[test]
fn a_search_is_for_one_thing_and_a_wrong_one_is_named() {
    let digest = format!("sha256:{}", "ab".repeat(32));
    assert!(matches!(find("digest", &digest).wanted(), Ok(Wanted::Query(Query::Digest(_)))));
    assert!(matches!(FindParams::default().wanted(), Ok(Wanted::Query(Query::All))));
    for name in ["digest", "account", "group", "number"] {
        let problem = find(name, "xyz").wanted().err().unwrap();
        assert_eq!(problem.field.as_deref(), Some(name));
    }
    let both = FindParams { digest: Some(digest), ..find("account", &"00".repeat(32)) };
    assert_eq!(both.wanted().err().unwrap().kind.code, "invalid-parameter");
}

#[test]
fn the_next_page_asks_for_the_same() {
    let params = find("group", &"0a".repeat(16));
    assert_eq!(params.target("7.1", 5), format!("/v1/records?group={}&cursor=7.1&limit=5", "0a".repeat(16)));
}
