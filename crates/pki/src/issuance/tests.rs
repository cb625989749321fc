use crate::{
    CertificateAuthority, CertificateTemplate, Crl, CrlTemplate, IssueError, P256Key, Profile, PublicKey,
    RevocationReason, RevokedCertificate, Subject, Validity, X509Certificate,
    key::sha256,
    testkit::{self, DAY, LEAF_VALIDITY, NOW, SEAL_KEY, alliance, institution, key},
};

fn template<'a>(profile: Profile<'a>) -> CertificateTemplate<'a> {
    let subject = Subject { organisation: "x", common_name: "y" };
    CertificateTemplate::new(profile, subject, [9; 16], LEAF_VALIDITY)
}

#[test]
fn a_seal_certificate_says_what_it_was_issued_for() {
    let seal = alliance().seal;
    assert_eq!(seal.public_key(), PublicKey::Ed25519(SEAL_KEY));
    assert_eq!(seal.institution(), Some(institution()));
    assert_eq!(seal.alternative_uris().collect::<Vec<_>>(), ["urn:xiezhi:institution:court"]);
    assert_eq!(seal.organisation().as_deref(), Some("杭州互联网法院"));
    assert_eq!(seal.common_name().as_deref(), Some("司法链节点印章"));
    assert_eq!(seal.serial(), [0xf2; 16]);
    assert_eq!(seal.validity(), LEAF_VALIDITY);
    assert_eq!(seal.crl_urls(), ["http://crl.example/root.crl"]);
    assert_eq!(seal.fingerprint(), sha256(seal.der()));
}

#[test]
fn equal_inputs_give_equal_bytes() {
    let (first, second) = (alliance(), alliance());
    assert_eq!(first.seal.der(), second.seal.der());
    assert_eq!(first.crl(NOW, &[]), second.crl(NOW, &[]));
}

#[test]
fn pem_gives_the_same_certificate_crl_and_key_back() {
    let alliance = alliance();
    let pem = alliance.seal.to_pem();
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----\n"), "{pem}");
    assert_eq!(X509Certificate::from_pem(&pem), Ok(alliance.seal.clone()));
    let crl = Crl::from_der(&alliance.crl(NOW, &[])).expect("a list");
    assert_eq!(Crl::from_pem(&crl.to_pem()), Ok(crl.clone()));
    assert!(X509Certificate::from_pem(&crl.to_pem()).is_err());
    let again = P256Key::from_pkcs8_pem(&key(1).to_pkcs8_pem()).expect("a key");
    assert_eq!(again.public_key(), key(1).public_key());
}

#[test]
fn a_revocation_list_gives_its_entries_back_sorted() {
    let entry = |serial: u8, reason, invalid_since| RevokedCertificate {
        serial: vec![serial; 16],
        revoked_at: NOW - DAY,
        reason,
        invalid_since,
    };
    let revoked = [
        entry(0xf2, RevocationReason::KeyCompromise, Some(NOW - 2 * DAY)),
        entry(3, RevocationReason::Superseded, None),
        entry(4, RevocationReason::Unspecified, None),
    ];
    let crl = Crl::from_der(&alliance().crl(NOW, &revoked)).expect("a list");
    assert_eq!(crl.revoked(), [revoked[1].clone(), revoked[2].clone(), revoked[0].clone()]);
    assert_eq!(crl.find(&[0xf2; 16]), Some(&revoked[0]));
    assert_eq!(crl.find(&[5; 16]), None);
    assert_eq!((crl.number(), crl.this_update(), crl.next_update()), (Some(&[7][..]), NOW, NOW + 10 * DAY));
}

#[test]
fn nothing_is_issued_outside_the_profiles() {
    let testkit::Alliance { root, issuing, .. } = alliance();
    let profile = Profile::TimeStamping { key: key(3).public_key() };
    let late = Validity { not_after: NOW + 99_000 * DAY, ..LEAF_VALIDITY };
    let outlives = root.issue(&CertificateTemplate { validity: late, ..template(profile) });
    assert!(matches!(outlives, Err(IssueError::OutsideIssuer { .. })), "{outlives:?}");
    let empty = Validity { not_before: NOW, not_after: NOW - 1 };
    let empty = root.issue(&CertificateTemplate { validity: empty, ..template(profile) });
    assert!(matches!(empty, Err(IssueError::EmptyValidity { .. })), "{empty:?}");
    let zero = root.issue(&CertificateTemplate { serial: [0; 16], ..template(profile) });
    assert!(matches!(zero, Err(IssueError::Encoding { .. })), "{zero:?}");
    let long = "长".repeat(65);
    let long = Subject { organisation: &long, common_name: "y" };
    let long = root.issue(&CertificateTemplate { subject: long, ..template(profile) });
    assert!(matches!(long, Err(IssueError::Name { chars: 65, .. })), "{long:?}");
    let below = issuing.issue(&template(Profile::IssuingAuthority { key: key(8).public_key().into() }));
    assert!(matches!(below, Err(IssueError::PathLength)), "{below:?}");
    let stale = root.issue_crl(&CrlTemplate { number: 1, this_update: NOW, next_update: NOW, revoked: &[] });
    assert!(matches!(stale, Err(IssueError::EmptyUpdate { .. })), "{stale:?}");
    let stranger = CertificateAuthority::from_parts(key(2), root.certificate().der());
    assert!(matches!(stranger, Err(IssueError::Authority { .. })), "{stranger:?}");
}

#[test]
fn the_root_is_pinned() {
    // A changed hash is a changed format: issued certificates are compared by it.
    let root = alliance().root;
    assert_eq!(
        root.certificate().fingerprint().iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
        "210b71eac80506505e3a755ba38bacaa09dfaf90ec12bd4c20d6d833afda49b5"
    );
}
