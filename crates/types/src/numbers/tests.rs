use super::TimestampMs;

#[test]
fn times_print_and_read_back() {
    let rows = [
        (0, "1970-01-01T00:00:00.000Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (1_795_334_950_123, "2026-11-22T08:09:10.123Z"),
        (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
        (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
    ];
    for (ms, text) in rows {
        assert_eq!(TimestampMs(ms).rfc3339(), text);
        assert_eq!(TimestampMs::parse_rfc3339(text), Some(TimestampMs(ms)));
    }
    assert_eq!(TimestampMs::parse_rfc3339("1970-01-01T00:00:01Z"), Some(TimestampMs(1000)));
}

#[test]
fn what_is_no_utc_time_is_refused() {
    for text in [
        "",
        "2026-11-22",
        "2026-11-22T08:09:10",
        "2026-11-22T08:09:10+08:00",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:00:00.Z",
        "+026-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "２026-01-01T00:00:00Z",
    ] {
        assert_eq!(TimestampMs::parse_rfc3339(text), None, "{text}");
    }
}
