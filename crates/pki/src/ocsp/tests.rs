use super::{OcspError, OcspQuery, Question, Refusal, Responder, Status, verify_response};
use crate::{
    CertificateAuthority, CertificateTemplate, P256Key, Profile, PublicKey, RevocationReason, Subject, Suite,
    X509Certificate,
    testkit::{DAY, LEAF_VALIDITY, NOW, alliance, key, one_byte_changes},
};

fn delegate(authority: &CertificateAuthority, key: &P256Key) -> X509Certificate {
    let subject = Subject { organisation: "x", common_name: "OCSP" };
    let profile = Profile::OcspResponder { key: PublicKey::P256(key.public_key()) };
    let template = CertificateTemplate::new(profile, subject, [0x0c; 16], LEAF_VALIDITY);
    authority.issue(&template).expect("a certificate")
}

fn status_of(serial: &[u8]) -> Status {
    match serial[0] {
        1 => Status::Good,
        2 => Status::Revoked { at: NOW - DAY, reason: RevocationReason::KeyCompromise },
        3 => Status::Revoked { at: NOW - DAY, reason: RevocationReason::Unspecified },
        _ => Status::Unknown,
    }
}

#[test]
fn the_delegate_answers_for_its_issuer_alone_and_in_time() {
    let alliance = alliance();
    let issuer = alliance.root.certificate();
    let certificate = delegate(&alliance.root, &key(9));
    let responder = Responder::new(issuer.clone(), certificate, key(9)).expect("a responder");
    for serial in 1..=4_u8 {
        let query = OcspQuery::new(Question::new(issuer, &[serial; 16]).expect("a serial"), Some(b"nonce"));
        let read = OcspQuery::from_der(&query.to_der()).expect("a request");
        assert_eq!(read, query);
        let answer = responder.answer(&read, NOW, (NOW, NOW + DAY), status_of).expect("answers");
        let judge = |answer: &[u8], at| verify_response(answer, &query, issuer, Suite::WITNESSES, at);
        assert_eq!(judge(&answer, NOW), Ok(vec![status_of(&[serial])]));
        assert!(matches!(judge(&answer, NOW + DAY + 1), Err(OcspError::NotFresh { .. })));
        assert!(matches!(judge(&answer, NOW - 1), Err(OcspError::NotFresh { .. })));
        for (at, changed) in one_byte_changes(&answer).step_by(17) {
            assert_ne!(judge(&changed, NOW), Ok(vec![Status::Good]), "byte {at}");
        }
        let other = OcspQuery::new(Question::new(issuer, &[serial; 16]).expect("a serial"), Some(b"other"));
        let answer = verify_response(&answer, &other, issuer, Suite::WITNESSES, NOW);
        assert_eq!(answer, Err(OcspError::Nonce));
    }
    let foreign = Question::new(alliance.issuing.certificate(), &[1; 16]).expect("a serial");
    assert!(!foreign.is_about(issuer));
}

#[test]
fn nobody_but_a_delegate_of_the_issuer_answers() {
    let alliance = alliance();
    let (root, issuing) = (alliance.root.certificate(), alliance.issuing.certificate());
    let of_issuing = delegate(&alliance.issuing, &key(9));
    assert!(Responder::new(root.clone(), of_issuing.clone(), key(9)).is_err());
    assert!(Responder::new(root.clone(), alliance.tsa.clone(), key(3)).is_err());
    assert!(Responder::new(issuing.clone(), of_issuing.clone(), key(8)).is_err());
    let responder = Responder::new(issuing.clone(), of_issuing, key(9)).expect("a responder");
    let query = OcspQuery::new(Question::new(issuing, &[1; 16]).expect("a serial"), None);
    let answer = responder.answer(&query, NOW, (NOW, NOW + DAY), status_of).expect("answers");
    assert_eq!(verify_response(&answer, &query, issuing, Suite::ALL, NOW), Ok(vec![Status::Good]));
    assert_eq!(verify_response(&answer, &query, root, Suite::ALL, NOW), Err(OcspError::Signature));
}

#[test]
fn a_refusal_is_said_and_read() {
    let issuer = alliance().root.certificate().clone();
    let query = OcspQuery::new(Question::new(&issuer, &[1]).expect("a serial"), None);
    for refusal in [Refusal::MalformedRequest, Refusal::TryLater, Refusal::Unauthorized] {
        let answer = verify_response(&refusal.to_der(), &query, &issuer, Suite::ALL, NOW);
        assert_eq!(answer, Err(OcspError::Refused { refusal }));
    }
    assert!(OcspQuery::from_der(&[]).is_err());
}
