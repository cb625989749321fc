use der::asn1::{Ia5String, OctetString};
use x509_cert::ext::pkix::{KeyUsages, SubjectAltName, name::GeneralName};

use super::{CertificateRef, ChainError, Misuse, Purpose, RevocationPolicy, Trust, Validated, validate};
use crate::{
    Crl, EncodingError, PublicKey, RevocationReason, RevokedCertificate, X509Certificate,
    issuance::extension,
    testkit::{
        Alliance, CLIENT_AUTH, DAY, LEAF_VALIDITY, NOW, SEAL_KEY, TIME_STAMPING, alliance, basic_constraints,
        crl, extended_key_usage, institution, key, key_usage, misfit, one_byte_changes,
    },
};

const LEAF: CertificateRef = CertificateRef::Leaf;

/// The lists that can be read.
fn read(crls: &[&[u8]]) -> Vec<Crl> {
    crls.iter().filter_map(|der| Crl::from_der(der).ok()).collect()
}

fn check(alliance: &Alliance, leaf: &[u8], crls: &[&[u8]], at: u64) -> Result<Validated, ChainError> {
    validate(leaf, &alliance.trust(&[], &read(crls), RevocationPolicy::STRICT), at, Purpose::Seal)
}

fn revoked(serial: u8, reason: RevocationReason, invalid_since: Option<u64>) -> RevokedCertificate {
    RevokedCertificate { serial: vec![serial; 16], revoked_at: NOW, reason, invalid_since }
}

#[test]
fn a_seal_certificate_under_the_root_serves_for_sealing() {
    let alliance = alliance();
    let crl = alliance.crl(NOW - DAY, &[]);
    let seal = check(&alliance, alliance.seal.der(), &[&crl], NOW).expect("valid");
    assert_eq!(seal.institution, Some(institution()));
    assert_eq!(seal.public_key, PublicKey::Ed25519(SEAL_KEY));
    assert_eq!(seal.path, [alliance.seal.fingerprint(), alliance.root.certificate().fingerprint()]);
    assert!(seal.revocation_covered);
    assert_eq!(seal.revoked_later, None);
}

#[test]
fn a_path_through_the_issuing_authority_needs_lists_of_both() {
    let alliance = alliance();
    let (root_list, issuing_list) = (alliance.crl(NOW - DAY, &[]), crl(&alliance.issuing, NOW - DAY, &[]));
    let intermediates = [alliance.seal.der(), alliance.issuing.certificate().der()];
    let run = |crls: &[&[u8]], intermediates: &[&[u8]]| {
        let crls = read(crls);
        let trust = alliance.trust(intermediates, &crls, RevocationPolicy::STRICT);
        validate(alliance.deep_tsa.der(), &trust, NOW, Purpose::TimeStamping)
    };
    assert_eq!(run(&[&root_list, &issuing_list], &intermediates).expect("valid").path.len(), 3);
    let missing = run(&[&root_list], &intermediates);
    assert!(matches!(missing, Err(ChainError::CrlMissing { certificate: LEAF, .. })), "{missing:?}");
    let missing = run(&[&issuing_list], &intermediates);
    let first = CertificateRef::Intermediate { index: 1 };
    assert!(
        matches!(missing, Err(ChainError::CrlMissing { certificate, .. }) if certificate == first),
        "{missing:?}"
    );
    let unknown = run(&[], &[]);
    assert!(matches!(unknown, Err(ChainError::UnknownIssuer { certificate: LEAF, .. })), "{unknown:?}");
}

#[test]
fn the_time_of_use_must_lie_in_every_validity() {
    let alliance = alliance();
    let crl = alliance.crl(LEAF_VALIDITY.not_before - DAY, &[]);
    let run = |at| check(&alliance, alliance.seal.der(), &[&crl], at).map(|_| ());
    let (first, last) = (LEAF_VALIDITY.not_before, LEAF_VALIDITY.not_after);
    assert_eq!(run(first), Ok(()));
    assert_eq!(
        run(first - 1),
        Err(ChainError::NotYetValid { certificate: LEAF, at: first - 1, not_before: first })
    );
    assert_eq!(run(last + 1), Err(ChainError::Expired { certificate: LEAF, at: last + 1, not_after: last }));
    let root = CertificateRef::Root;
    let late = NOW + 9000 * DAY + 1;
    assert!(matches!(run(late), Err(ChainError::Expired { certificate: LEAF, .. })));
    let young = super::Link { place: root, certificate: alliance.root.certificate() }.check_alone(1);
    assert!(matches!(young, Err(ChainError::NotYetValid { certificate, .. }) if certificate == root));
}

#[test]
fn another_root_of_the_same_name_signed_nothing() {
    let (alliance, seal) = (alliance(), alliance().seal);
    let validity = crate::Validity { not_before: NOW - 100 * DAY, not_after: NOW + 9000 * DAY };
    let subject = crate::Subject { organisation: "獬豸联盟", common_name: "Xiezhi Alliance Root" };
    let other = crate::CertificateAuthority::new_root(key(77), subject, [1; 16], validity).expect("a root");
    let trust =
        Trust { root_der: other.certificate().der(), ..alliance.trust(&[], &[], RevocationPolicy::STRICT) };
    let answer = validate(seal.der(), &trust, NOW, Purpose::Seal);
    assert_eq!(answer, Err(ChainError::BadSignature { certificate: LEAF }));
}

#[test]
fn what_was_sealed_before_the_revocation_stands() {
    let alliance = alliance();
    // (reason, invalid since, time of use, stands)
    let rows = [
        (RevocationReason::Superseded, None, NOW - 1, true),
        (RevocationReason::Superseded, None, NOW, false),
        (RevocationReason::KeyCompromise, None, NOW - 1, true),
        (RevocationReason::KeyCompromise, None, NOW, false),
        (RevocationReason::KeyCompromise, Some(NOW - 5), NOW - 6, true),
        (RevocationReason::KeyCompromise, Some(NOW - 5), NOW - 5, false),
        (RevocationReason::CertificateHold, None, NOW + 1, false),
    ];
    for (reason, invalid_since, at, stands) in rows {
        let entry = revoked(0xf2, reason, invalid_since);
        let list = alliance.crl(NOW + 1, &[revoked(3, reason, None), entry.clone()]);
        let answer = check(&alliance, alliance.seal.der(), &[&list], at);
        if stands {
            assert_eq!(answer.expect("stands").revoked_later, Some(entry), "{reason:?} at {at}");
            continue;
        }
        let effective_from = invalid_since.unwrap_or(NOW);
        let expected = ChainError::Revoked { certificate: LEAF, at, effective_from, reason };
        assert_eq!(answer, Err(expected), "{reason:?} at {at}");
    }
}

#[test]
fn what_refuses_goes_before_what_is_not_known_and_the_leaf_before_its_issuers() {
    let alliance = alliance();
    let issuing = alliance.issuing.certificate();
    let place = CertificateRef::Intermediate { index: 0 };
    let run = |crls: &[&[u8]], revocation| {
        let intermediates = [issuing.der()];
        let crls = read(crls);
        let trust = alliance.trust(&intermediates, &crls, revocation);
        validate(alliance.deep_tsa.der(), &trust, NOW, Purpose::TimeStamping).map(|_| ())
    };
    let of_issuing = |since: u64, reason| RevokedCertificate {
        revoked_at: since,
        serial: issuing.serial().to_vec(),
        ..revoked(0, reason, None)
    };
    let (strict, self_dated) = (RevocationPolicy::STRICT, RevocationPolicy::SELF_DATED);
    let compromise = RevocationReason::CaCompromise;
    let leaf_list = crl(&alliance.issuing, NOW - DAY, &[]);
    // The leaf has no list, but its issuer is known to be revoked.
    let revoking = alliance.crl(NOW - DAY, &[of_issuing(NOW, compromise)]);
    let answer = run(&[&revoking], strict);
    assert!(
        matches!(answer, Err(ChainError::Revoked { certificate, .. }) if certificate == place),
        "{answer:?}"
    );
    // An issuer compromised later leaves the leaf's own time in doubt.
    let later = alliance.crl(NOW - DAY, &[of_issuing(NOW + 1, compromise)]);
    assert_eq!(run(&[&later, &leaf_list], strict), Ok(()));
    let doubt = ChainError::CompromisedLater { certificate: place, effective_from: NOW + 1 };
    assert_eq!(run(&[&later, &leaf_list], self_dated), Err(doubt));
    let retired = alliance.crl(NOW - DAY, &[of_issuing(NOW + 1, RevocationReason::Superseded)]);
    assert_eq!(run(&[&retired, &leaf_list], self_dated), Ok(()));
    let answer = run(&[&later], self_dated);
    assert!(matches!(answer, Err(ChainError::CrlMissing { certificate: LEAF, .. })), "{answer:?}");
}

#[test]
fn a_stale_list_still_revokes_and_never_clears() {
    let alliance = alliance();
    let old = alliance.crl(NOW - 50 * DAY, &[]);
    let answer = check(&alliance, alliance.seal.der(), &[&old], NOW);
    let expected = ChainError::CrlStale { certificate: LEAF, at: NOW, next_update: NOW - 40 * DAY };
    assert_eq!(answer, Err(expected));
    let crls = read(&[&old]);
    let trust = alliance.trust(&[], &crls, RevocationPolicy::IF_PRESENT);
    let answer = validate(alliance.seal.der(), &trust, NOW, Purpose::Seal).expect("lists are not required");
    assert!(!answer.revocation_covered);
    let revoking = alliance.crl(
        NOW - 50 * DAY,
        &[RevokedCertificate {
            revoked_at: NOW - 51 * DAY,
            ..revoked(0xf2, RevocationReason::Superseded, None)
        }],
    );
    let answer = check(&alliance, alliance.seal.der(), &[&revoking], NOW);
    assert!(matches!(answer, Err(ChainError::Revoked { .. })), "{answer:?}");
}

#[test]
fn a_later_list_covers_unless_the_policy_or_the_expiry_says_no() {
    let alliance = alliance();
    let run = |this_update, later_accepted| {
        let list = alliance.crl(this_update, &[]);
        let crls = read(&[&list]);
        let policy = RevocationPolicy { later_accepted, ..RevocationPolicy::STRICT };
        validate(alliance.seal.der(), &alliance.trust(&[], &crls, policy), NOW, Purpose::Seal).map(|_| ())
    };
    let late = |this_update| Err(ChainError::CrlTooLate { certificate: LEAF, at: NOW, this_update });
    let expiry = LEAF_VALIDITY.not_after;
    assert_eq!(run(NOW, false), Ok(()));
    assert_eq!(run(NOW + 1, false), late(NOW + 1));
    assert_eq!(run(NOW + 1, true), Ok(()));
    assert_eq!(run(expiry, true), Ok(()));
    assert_eq!(run(expiry + 1, true), late(expiry + 1));
}

#[test]
fn a_list_nobody_of_that_name_signed_is_refused() {
    let alliance = alliance();
    let mut forged = alliance.crl(NOW - DAY, &[]);
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let answer = check(&alliance, alliance.seal.der(), &[&forged], NOW);
    assert_eq!(answer, Err(ChainError::CrlBadSignature { index: 0 }));
    assert!(Crl::from_der(&forged[..last]).is_err());
    // A leaf's list is nobody's list.
    let answer = check(&alliance, alliance.seal.der(), &[&crl(&alliance.issuing, NOW - DAY, &[])], NOW);
    assert!(matches!(answer, Err(ChainError::CrlMissing { .. })), "{answer:?}");
}

#[test]
fn certificates_that_miss_the_profile_do_not_serve() {
    use KeyUsages::{DigitalSignature, KeyCertSign, NonRepudiation};
    let alliance = alliance();
    let ed25519 = PublicKey::Ed25519(SEAL_KEY);
    let p256 = PublicKey::P256(key(3).public_key());
    let sign = [DigitalSignature, NonRepudiation];
    let seal = Purpose::Seal;
    let stamp = Purpose::TimeStamping;
    let eku = |critical, list: &[_]| extended_key_usage(critical, list);
    let rows = [
        (seal, ed25519, vec![], Misuse::KeyUsageMissing),
        (seal, ed25519, vec![key_usage(false, &sign)], Misuse::KeyUsageMissing),
        (seal, ed25519, vec![key_usage(true, &[DigitalSignature])], Misuse::KeyUsage),
        (seal, ed25519, vec![key_usage(true, &sign)], Misuse::Institution),
        (seal, ed25519, vec![key_usage(true, &sign), eku(true, &[TIME_STAMPING])], Misuse::ExtendedKeyUsage),
        (seal, ed25519, vec![basic_constraints(true)], Misuse::Authority),
        (stamp, p256, vec![], Misuse::ExtendedKeyUsageMissing),
        (stamp, p256, vec![eku(false, &[TIME_STAMPING])], Misuse::ExtendedKeyUsageNotCritical),
        (stamp, p256, vec![eku(true, &[TIME_STAMPING, CLIENT_AUTH])], Misuse::ExtendedKeyUsage),
        (stamp, p256, vec![eku(true, &[CLIENT_AUTH])], Misuse::ExtendedKeyUsage),
        (stamp, p256, vec![eku(true, &[TIME_STAMPING]), key_usage(true, &[KeyCertSign])], Misuse::KeyUsage),
        (stamp, ed25519, vec![eku(true, &[TIME_STAMPING])], Misuse::Key),
    ];
    for (purpose, leaf_key, extensions, misuse) in rows {
        let leaf = misfit(&alliance, leaf_key, extensions);
        let trust = alliance.trust(&[], &[], RevocationPolicy::IF_PRESENT);
        let answer = validate(&leaf, &trust, NOW, purpose);
        assert_eq!(answer, Err(ChainError::WrongPurpose { certificate: LEAF, misuse }));
    }
    // A second alternative name beside the institution's.
    let uri = |text: &str| GeneralName::UniformResourceIdentifier(Ia5String::new(text).expect("ASCII"));
    let names = |names: &[&str]| {
        let names = SubjectAltName(names.iter().map(|text| uri(text)).collect());
        let leaf =
            misfit(&alliance, ed25519, vec![key_usage(true, &sign), extension(false, &names).unwrap()]);
        let trust = alliance.trust(&[], &[], RevocationPolicy::IF_PRESENT);
        validate(&leaf, &trust, NOW, seal).map(|_| ())
    };
    let misfit_names = Err(ChainError::WrongPurpose { certificate: LEAF, misuse: Misuse::Institution });
    assert_eq!(names(&["urn:xiezhi:institution:court"]), Ok(()));
    assert_eq!(names(&["urn:xiezhi:institution:court", "https://court.example"]), misfit_names);
    assert_eq!(names(&["urn:xiezhi:institution:Court"]), misfit_names);
    let bare = misfit(&alliance, p256, vec![eku(true, &[TIME_STAMPING])]);
    let trust = alliance.trust(&[], &[], RevocationPolicy::IF_PRESENT);
    assert!(validate(&bare, &trust, NOW, stamp).is_ok(), "key usage is optional for time-stamping");
}

#[test]
fn extensions_and_names_are_read_strictly() {
    let alliance = alliance();
    // Digital signature, with the bits after it written out.
    let mut padded = key_usage(true, &[KeyUsages::DigitalSignature]);
    padded.extn_value = OctetString::new([0x03, 0x02, 0x00, 0x80]).unwrap();
    let leaf = misfit(&alliance, PublicKey::Ed25519(SEAL_KEY), vec![padded]);
    assert_eq!(X509Certificate::from_der(&leaf), Err(EncodingError::NotCanonical));
    // A point in compact form.
    let point = key(3).public_key().to_sec1();
    for (tag, read) in [(0x02, true), (0x03, true), (0x05, false)] {
        let short = [&[tag], &point[1..33]].concat();
        assert_eq!(crate::P256PublicKey::from_sec1(&short).is_ok(), read, "{tag}");
    }
    // The country as a BIT STRING.
    let country = [0x06, 0x03, 0x55, 0x04, 0x06, 0x13, 0x02];
    let mut seal = alliance.seal.der().to_vec();
    let place = seal.windows(country.len()).position(|part| part == country).expect("a country");
    seal[place + 5] = 0x03;
    seal[place + 7] = 0;
    assert!(matches!(X509Certificate::from_der(&seal), Err(EncodingError::Profile { .. })));
}

#[test]
fn a_leaf_issues_nothing() {
    let alliance = alliance();
    let leaf = misfit(&alliance, PublicKey::P256(key(4).public_key()), vec![key_usage(true, &[])]);
    // Same key as the issuing authority, whose name the deep leaf bears.
    let certificate = crate::X509Certificate::from_der(&leaf).expect("a certificate");
    let link = super::Link { place: LEAF, certificate: &certificate };
    let expected = ChainError::WrongPurpose { certificate: LEAF, misuse: Misuse::NotAuthority };
    assert_eq!(link.check_issuer(0, Purpose::Seal), Err(expected));
    let root = super::Link { place: CertificateRef::Root, certificate: alliance.root.certificate() };
    assert_eq!(root.check_issuer(1, Purpose::Seal), Ok(()));
    let expected = ChainError::WrongPurpose { certificate: CertificateRef::Root, misuse: Misuse::PathLength };
    assert_eq!(root.check_issuer(2, Purpose::Seal), Err(expected));
}

#[test]
fn an_unknown_critical_extension_is_refused_by_name() {
    let alliance = alliance();
    let mut strange = extended_key_usage(true, &[TIME_STAMPING]);
    strange.extn_id = CLIENT_AUTH;
    let leaf = misfit(&alliance, PublicKey::Ed25519(SEAL_KEY), vec![strange]);
    let answer = check(&alliance, &leaf, &[], NOW);
    assert_eq!(answer, Err(ChainError::UnsupportedExtension { certificate: LEAF, extension: CLIENT_AUTH }));
}

#[test]
fn trailing_bytes_are_refused_everywhere() {
    let alliance = alliance();
    let more = |der: &[u8]| [der, &[0]].concat();
    let answer = check(&alliance, &more(alliance.seal.der()), &[], NOW);
    assert!(matches!(answer, Err(ChainError::Malformed { certificate: LEAF, .. })), "{answer:?}");
    let root = more(alliance.root.certificate().der());
    let trust = Trust { root_der: &root, ..alliance.trust(&[], &[], RevocationPolicy::STRICT) };
    let answer = validate(alliance.seal.der(), &trust, NOW, Purpose::Seal);
    assert!(
        matches!(answer, Err(ChainError::Malformed { certificate: CertificateRef::Root, .. })),
        "{answer:?}"
    );
    let huge = vec![0; 1 << 20];
    let answer = check(&alliance, &huge, &[], NOW);
    let expected = EncodingError::TooLong { found: 1 << 20, max: 16 << 10 };
    assert_eq!(answer, Err(ChainError::Malformed { certificate: LEAF, source: expected }));
}

#[test]
fn no_byte_of_a_leaf_or_of_a_list_can_change() {
    let alliance = alliance();
    let list = alliance.crl(NOW - DAY, &[revoked(9, RevocationReason::Superseded, Some(NOW - 9))]);
    assert!(check(&alliance, alliance.seal.der(), &[&list], NOW).is_ok());
    for (at, changed) in one_byte_changes(alliance.seal.der()) {
        assert!(check(&alliance, &changed, &[&list], NOW).is_err(), "byte {at} of the leaf");
    }
    for (at, changed) in one_byte_changes(&list) {
        assert!(check(&alliance, alliance.seal.der(), &[&changed], NOW).is_err(), "byte {at} of the list");
    }
}
