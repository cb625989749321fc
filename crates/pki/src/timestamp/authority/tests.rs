use super::{AuthorityError, TimeStampAuthority};
use crate::{
    Crl, ObjectIdentifier, RevocationPolicy,
    testkit::{DAY, IMPRINT, LEAF_VALIDITY, NOW, POLICY, alliance, key},
    timestamp::{FailInfo, GenTime, TimeStampRequest, TimeStampResponse, TokenError, verify_response},
};

fn now() -> GenTime {
    GenTime::from_unix_ms(NOW * 1000 + 250).expect("in range")
}

#[test]
fn a_request_is_answered_with_a_token_that_verifies() {
    let alliance = alliance();
    let crl = alliance.crl(NOW - DAY, &[]);
    let crls = [Crl::from_der(&crl).expect("a list")];
    let trust = alliance.trust(&[], &crls, RevocationPolicy::STRICT);
    let request = TimeStampRequest::sha256(&IMPRINT, Some(u64::MAX)).with_policy(POLICY);
    let response = alliance.authority().respond(&request.to_der(), u128::MAX, now());
    let (_, info) = verify_response(&response, &request, &trust, Some(NOW)).expect("verifies");
    assert_eq!(info.gen_time.unix_ms(), NOW * 1000 + 250);
    assert_eq!(info.serial, [0xff; 16]);
    assert_eq!(info.policy, POLICY);
    assert_eq!(info.accuracy_us, Some(250_000));
    assert_eq!(info.authority.fingerprint(), alliance.tsa.fingerprint());
    assert_eq!(response, alliance.authority().respond(&request.to_der(), u128::MAX, now()), "deterministic");
}

#[test]
fn without_certificates_the_signer_comes_from_the_verifier() {
    let alliance = alliance();
    let request = TimeStampRequest::sha256(&IMPRINT, None).without_certificates();
    let response = alliance.authority().respond(&request.to_der(), 1, now());
    let intermediates = [alliance.tsa.der()];
    let trust = alliance.trust(&intermediates, &[], RevocationPolicy::IF_PRESENT);
    verify_response(&response, &request, &trust, None).expect("verifies");
    let trust = alliance.trust(&[], &[], RevocationPolicy::IF_PRESENT);
    assert_eq!(verify_response(&response, &request, &trust, None), Err(TokenError::SignerMissing));
}

#[test]
fn the_answer_to_another_request_is_refused() {
    let alliance = alliance();
    let trust = alliance.trust(&[], &[], RevocationPolicy::IF_PRESENT);
    let asked = TimeStampRequest::sha256(&IMPRINT, Some(1));
    let response = alliance.authority().respond(&asked.to_der(), 1, now());
    let other_policy = ObjectIdentifier::new_unwrap("1.2.3.4");
    let rows = [
        (TimeStampRequest::sha256(&IMPRINT, Some(2)), "nonce"),
        (TimeStampRequest::sha256(&IMPRINT, None), "nonce"),
        (asked.clone().with_policy(other_policy), "policy"),
        (asked.clone().without_certificates(), "wish for certificates"),
    ];
    for (request, part) in rows {
        let answer = verify_response(&response, &request, &trust, None);
        assert_eq!(answer, Err(TokenError::NotTheRequest { part }));
    }
    let other = TimeStampRequest::sha256(&[1; 32], Some(1));
    assert_eq!(verify_response(&response, &other, &trust, None), Err(TokenError::Imprint));
}

#[test]
fn a_bad_request_is_refused_for_its_reason() {
    let alliance = alliance();
    let authority = alliance.authority();
    let good = TimeStampRequest::sha256(&IMPRINT, Some(1));
    let sha512 = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
    let mut bad_algorithm = good.clone();
    bad_algorithm.message_imprint.hash_algorithm.oid = sha512;
    let mut short = good.clone();
    short.message_imprint.hashed_message = der::asn1::OctetString::new(vec![0; 20]).expect("short");
    let version = TimeStampRequest { version: 2, ..good.clone() };
    let extensions = TimeStampRequest {
        extensions: alliance.seal.inner().tbs_certificate().extensions().cloned(),
        ..good.clone()
    };
    let rows = [
        (good.to_der()[1..].to_vec(), FailInfo::BadDataFormat),
        ([good.to_der(), vec![0]].concat(), FailInfo::BadDataFormat),
        (vec![], FailInfo::BadDataFormat),
        (version.to_der(), FailInfo::BadRequest),
        (bad_algorithm.to_der(), FailInfo::BadAlg),
        (short.to_der(), FailInfo::BadDataFormat),
        (good.clone().with_policy(sha512).to_der(), FailInfo::UnacceptedPolicy),
        (extensions.to_der(), FailInfo::UnacceptedExtension),
    ];
    for (request, failure) in rows {
        let response = authority.respond(&request, 1, now());
        let response = TimeStampResponse::from_der(&response).expect("a response");
        assert_eq!((response.status, response.failures), (2, vec![failure]));
    }
    let late = GenTime::from_unix(LEAF_VALIDITY.not_after + 1).expect("in range");
    let response =
        TimeStampResponse::from_der(&authority.respond(&good.to_der(), 1, late)).expect("a response");
    assert_eq!(response.failures, [FailInfo::SystemFailure]);
    let trust = alliance.trust(&[], &[], RevocationPolicy::IF_PRESENT);
    let refused = verify_response(&authority.respond(&[], 1, now()), &good, &trust, None);
    assert!(matches!(refused, Err(TokenError::Refused { status: 2, .. })), "{refused:?}");
}

#[test]
fn an_authority_needs_its_own_time_stamping_certificate() {
    let alliance = alliance();
    let make = |seed, der: &[u8]| TimeStampAuthority::new(key(seed), der, &[], POLICY, 0).map(|_| ());
    assert_eq!(make(4, alliance.tsa.der()), Err(AuthorityError::Key));
    assert_eq!(make(4, alliance.issuing.certificate().der()), Err(AuthorityError::Purpose));
    assert!(matches!(make(4, &[]), Err(AuthorityError::Malformed { index: 0, .. })));
}
