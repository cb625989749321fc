use super::*;

#[test]
fn a_batch_body_is_one_transaction_and_nothing_else() {
    let batch = Transaction::new(b"s", &[b"a", b"b"]);
    let body = batch.as_bytes().to_vec();
    assert_eq!(read_batch(&body).unwrap(), batch);
    for wrong in [
        &body[..body.len() - 1],
        &[body.clone(), vec![0]].concat(),
        b"",
        b"\x81\x40",
        b"\x82\x40\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
    ] {
        assert_eq!(read_batch(wrong).unwrap_err().kind.code, "invalid-body", "{}", hex::encode(wrong));
    }
}

#[test]
fn a_deposit_waits_a_minute_at_most() {
    let params = |timeout_ms| DepositParams { wait: WaitFor::Recorded, timeout_ms };
    assert_eq!(params(None).timeout().unwrap(), Duration::from_secs(10));
    assert_eq!(params(Some(60_000)).timeout().unwrap(), Duration::from_secs(60));
    assert_eq!(params(Some(60_001)).timeout().unwrap_err().field.as_deref(), Some("timeout_ms"));
}

#[test]
fn an_idempotency_key_is_short_and_visible() {
    let key =
        |value: &[u8]| HeaderMap::from_iter([(IDEMPOTENCY_KEY, HeaderValue::from_bytes(value).unwrap())]);
    assert_eq!(idempotency_key(&HeaderMap::new()).unwrap(), None);
    assert_eq!(idempotency_key(&key(b"7c0e")).unwrap(), Some("7c0e"));
    for wrong in [&b""[..], &[b'a'; KEY_BYTES_MAX + 1], &[0xff]] {
        assert_eq!(idempotency_key(&key(wrong)).unwrap_err().field.as_deref(), Some("Idempotency-Key"));
    }
}
