use super::*;

#[test]
fn queries_are_escaped() {
    let rows = [
        (RecordQuery::All, None, "/v1/records?limit=20"),
        (RecordQuery::Digest("sm3:ab".to_owned()), None, "/v1/records?limit=20&digest=sm3:ab"),
        (
            RecordQuery::Number("XZ-1&x= ".to_owned()),
            Some("7.1"),
            "/v1/records?limit=20&number=XZ-1%26x%3D%20&cursor=7.1",
        ),
    ];
    for (query, cursor, expected) in rows {
        assert_eq!(query.target(cursor, 20), expected);
    }
}

#[test]
fn a_batch_is_an_array_of_statement_and_items() {
    assert_eq!(batch(b"s", &[b"a".to_vec(), Vec::new()])[..], [0x82, 0x41, b's', 0x82, 0x41, b'a', 0x40]);
    let long = vec![7; 70_000];
    let body = batch(&long, std::slice::from_ref(&long));
    let mut d = minicbor::Decoder::new(&body);
    assert_eq!((d.array().unwrap(), d.bytes().unwrap()), (Some(2), &long[..]));
    assert_eq!((d.array().unwrap(), d.bytes().unwrap()), (Some(1), &long[..]));
    assert_eq!(d.position(), body.len());
}
