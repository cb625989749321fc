use der::{Decode as _, Encode as _};
use x509_cert::request::CertReq;

use super::{CertificationRequest, RequestError};
use crate::{SigningKey, Subject, Suite, testkit::one_byte_changes};

const SUBJECT: Subject<'_> = Subject { organisation: "杭州互联网法院", common_name: "节点一" };

#[test]
fn a_request_of_every_suite_proves_possession() {
    for suite in Suite::ALL {
        let key = SigningKey::from_bytes(*suite, &[9; 32]).expect("a secret");
        let made = CertificationRequest::create(&key, SUBJECT).expect("a request");
        let read = CertificationRequest::from_pem(&made.to_pem()).expect("the same");
        assert_eq!(read, made);
        assert_eq!(read.public_key(), key.public_key());
        assert_eq!(read.organisation().as_deref(), Some("杭州互联网法院"));
        assert_eq!(read.common_name().as_deref(), Some("节点一"));
        for (at, changed) in one_byte_changes(made.der()) {
            assert!(CertificationRequest::from_der(&changed).is_err(), "{} byte {at}", suite.name());
        }
    }
}

#[test]
fn anothers_key_is_not_asked_for() {
    let [mine, other] =
        [1, 2].map(|seed| SigningKey::from_bytes(Suite::P256, &[seed; 32]).expect("a secret"));
    let [mine, other] =
        [mine, other].map(|key| CertificationRequest::create(&key, SUBJECT).expect("a request"));
    let mut forged = CertReq::from_der(mine.der()).expect("a request");
    forged.signature = CertReq::from_der(other.der()).expect("a request").signature;
    let forged = CertificationRequest::from_der(&forged.to_der().expect("encodes"));
    assert_eq!(forged, Err(RequestError::ProofOfPossession));
}
