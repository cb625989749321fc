use der::asn1::Int;

use super::{FailInfo, TimeStampRequest, TimeStampResponse, shortest_int};

#[test]
fn a_request_reads_back() {
    for nonce in [None, Some(0), Some(0x7f), Some(0x80), Some(u64::MAX)] {
        let request = TimeStampRequest::sha256(&[7; 32], nonce);
        assert_eq!(TimeStampRequest::from_der(&request.to_der()), Ok(request.clone()));
        assert_eq!(request.imprint_sha256(), Some([7; 32]));
    }
}

#[test]
fn integers_are_shortest() {
    let rows: [(&[u8], &[u8]); 4] =
        [(&[0, 0], &[0]), (&[0, 0x7f], &[0x7f]), (&[0, 0x80], &[0, 0x80]), (&[0, 0, 1, 0], &[1, 0])];
    for (long, short) in rows {
        assert_eq!(shortest_int(long), Int::new(short).expect("short"));
    }
}

#[test]
fn a_refusal_names_its_reason() {
    for failure in FailInfo::ALL {
        let der = TimeStampResponse::refused(failure, "no");
        let response = TimeStampResponse::from_der(&der).expect("a response");
        assert_eq!((response.status, response.failures, response.token), (2, vec![failure], None));
        assert_eq!(response.text, ["no"]);
    }
}

#[test]
fn a_grant_without_token_is_malformed() {
    // SEQUENCE { SEQUENCE { INTEGER 0 } }
    assert!(TimeStampResponse::from_der(&[0x30, 5, 0x30, 3, 2, 1, 0]).is_err());
}
