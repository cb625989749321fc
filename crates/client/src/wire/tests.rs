use super::*;

#[test]
fn numbers_beyond_2_53_survive_as_strings_and_bare_numbers_are_refused() {
    let json = serde_json::to_string(&U64(u64::MAX)).unwrap();
    assert_eq!(json, "\"18446744073709551615\"");
    assert_eq!(serde_json::from_str::<U64>(&json).unwrap(), U64(u64::MAX));
    for wrong in ["18446744073709551615", "\"-1\"", "\"18446744073709551616\"", "\"\"", "null"] {
        assert!(serde_json::from_str::<U64>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn bytes_are_padded_standard_base64_only() {
    let bytes = Base64(vec![0xfb, 0xff, 0x00, 0x01]);
    let json = serde_json::to_string(&bytes).unwrap();
    assert_eq!(json, "\"+/8AAQ==\"");
    assert_eq!(serde_json::from_str::<Base64>(&json).unwrap(), bytes);
    for wrong in ["\"-_8AAQ==\"", "\"+/8AAQ\"", "\"+/8AAQ= =\""] {
        assert!(serde_json::from_str::<Base64>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_deposit_without_a_certificate_reads_as_the_bare_status_does() {
    let status = RecordStatus {
        number: "XZ-00000000-7-11".to_owned(),
        id: "00".repeat(32),
        index: U64(7),
        height: U64(3),
        time: "2026-11-22T08:09:10.123Z".to_owned(),
        items: 0,
        sealed: false,
        sealed_by: vec!["court".to_owned()],
        timestamps: 0,
        missing: Missing {
            members: vec!["notary".to_owned()],
            seals: Progress { have: 1, need: 3 },
            timestamps: Progress { have: 0, need: 1 },
        },
        links: Links {
            record: "/v1/records/7".to_owned(),
            statement: "/v1/records/7/statement".to_owned(),
            certificate: "/v1/records/7/certificate".to_owned(),
            receipts: "/v1/records/7/receipts".to_owned(),
            events: "/v1/records/7/events".to_owned(),
        },
    };
    let json = serde_json::to_string(&status).unwrap();
    let deposit: Deposit = serde_json::from_str(&json).unwrap();
    assert_eq!(deposit, Deposit { record: status, certificate: None });
}
