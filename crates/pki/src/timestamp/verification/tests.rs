use super::{TokenError, verify_token};
use crate::{
    ChainError, Crl, RevocationPolicy, RevocationReason, RevokedCertificate,
    key::{encoded, sha256},
    testkit::{Alliance, DAY, IMPRINT, NOW, alliance, crl, one_byte_changes},
    timestamp::{
        GenTime,
        cms::{ContentInfo, SignedData},
    },
};

fn now() -> GenTime {
    GenTime::from_unix_ms(NOW * 1000 + 7).expect("in range")
}

fn token(alliance: &Alliance) -> Vec<u8> {
    alliance.authority().issue_token(&IMPRINT, 42, now(), Some(9)).expect("a token")
}

/// Refusal of `token`, if any, with the deep path's and the root's lists at hand.
fn refusal(alliance: &Alliance, token: &[u8]) -> Option<TokenError> {
    let lists = [alliance.crl(NOW - DAY, &[]), crl(&alliance.issuing, NOW - DAY, &[])];
    let crls = lists.map(|der| Crl::from_der(&der).expect("a list"));
    verify_token(token, &IMPRINT, &alliance.trust(&[], &crls, RevocationPolicy::STRICT), Some(NOW)).err()
}

/// The token with its signed data changed.
fn remade(token: &[u8], change: impl for<'a> FnOnce(&mut SignedData<'a>)) -> Vec<u8> {
    use der::Decode;
    let outer = ContentInfo::from_der(token).expect("a token");
    let inner = encoded(&outer.content);
    let mut signed_data = SignedData::from_der(&inner).expect("signed data");
    change(&mut signed_data);
    let inner = encoded(&signed_data);
    let content = der::asn1::AnyRef::from_der(&inner).expect("one TLV");
    encoded(&ContentInfo { content_type: outer.content_type, content })
}

#[test]
fn no_byte_of_a_token_can_change() {
    let alliance = alliance();
    let token = token(&alliance);
    assert_eq!(refusal(&alliance, &token), None);
    for (at, changed) in one_byte_changes(&token) {
        assert!(refusal(&alliance, &changed).is_some(), "byte {at}");
    }
    for at in 0..token.len() {
        assert!(refusal(&alliance, &token[..at]).is_some(), "cut at {at}");
        let mut longer = token.clone();
        longer.insert(at, 0);
        assert!(refusal(&alliance, &longer).is_some(), "inserted at {at}");
    }
    assert!(refusal(&alliance, &[&token[..], &[0]].concat()).is_some());
}

#[test]
fn a_token_carries_its_path_and_nothing_else() {
    let alliance = alliance();
    let token = alliance.deep_authority().issue_token(&IMPRINT, 1, now(), None).expect("a token");
    assert_eq!(refusal(&alliance, &token), None);
    let other = alliance.seal.der().to_vec();
    let with_stray = remade(&token, |data| {
        data.certificates.as_mut().expect("certificates").0.push(Box::leak(other.into_boxed_slice()));
    });
    assert_eq!(refusal(&alliance, &with_stray), Some(TokenError::StrayCertificate { index: 2 }));
    let with_twin = remade(&token, |data| {
        let certificates = &mut data.certificates.as_mut().expect("certificates").0;
        certificates.push(certificates[0]);
    });
    assert_eq!(refusal(&alliance, &with_twin), Some(TokenError::StrayCertificate { index: 2 }));
    let without = remade(&token, |data| data.certificates = None);
    assert_eq!(refusal(&alliance, &without), Some(TokenError::SignerMissing));
    let with_crls = remade(&token, |data| data.crls = data.certificates.clone());
    assert!(matches!(refusal(&alliance, &with_crls), Some(TokenError::Profile { .. })));
    let with_root = remade(&token, |data| {
        let root = alliance.root.certificate().der().to_vec();
        let certificates = &mut data.certificates.as_mut().expect("certificates").0;
        certificates.push(Box::leak(root.into_boxed_slice()));
        certificates.sort_unstable();
    });
    assert_eq!(refusal(&alliance, &with_root), None, "the root may be carried along");
}

#[test]
fn two_signers_or_none_are_refused() {
    let alliance = alliance();
    let token = token(&alliance);
    let none = remade(&token, |data| data.signer_infos.0.clear());
    let two = remade(&token, |data| data.signer_infos.0.push(data.signer_infos.0[0]));
    for changed in [none, two] {
        assert!(matches!(refusal(&alliance, &changed), Some(TokenError::Profile { .. })));
    }
}

#[test]
fn the_signer_is_judged_at_the_time_it_states() {
    let alliance = alliance();
    let token = token(&alliance);
    let run = |revoked_at, declared| {
        let revoked = RevokedCertificate {
            serial: alliance.tsa.serial().to_vec(),
            revoked_at,
            reason: RevocationReason::CessationOfOperation,
            invalid_since: None,
        };
        let list = alliance.crl(NOW + DAY, &[revoked]);
        let crls = [Crl::from_der(&list).expect("a list")];
        let trust = alliance.trust(&[], &crls, RevocationPolicy::STRICT);
        verify_token(&token, &IMPRINT, &trust, declared)
    };
    assert!(run(NOW + 1, None).is_ok());
    let revoked = run(NOW, None);
    assert!(matches!(revoked, Err(TokenError::Chain { source: ChainError::Revoked { .. } })), "{revoked:?}");
    let future = run(NOW + 1, Some(NOW - 1));
    assert_eq!(future, Err(TokenError::FromTheFuture { gen_time_ms: NOW * 1000 + 7, declared: NOW - 1 }));
}

#[test]
fn another_digest_is_not_proved() {
    let alliance = alliance();
    let trust = alliance.trust(&[], &[], RevocationPolicy::IF_PRESENT);
    let answer = verify_token(&token(&alliance), &sha256(b"other"), &trust, None);
    assert_eq!(answer, Err(TokenError::Imprint));
}

#[test]
fn junk_is_refused_without_panic() {
    let alliance = alliance();
    for junk in [&[][..], &[0x30], &[0x30, 0x80], &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], alliance.seal.der()]
    {
        assert!(matches!(refusal(&alliance, junk), Some(TokenError::Malformed { .. })));
    }
}

#[test]
fn the_token_is_pinned() {
    // A changed hash is a changed format: tokens are deterministic.
    let digest = sha256(&token(&alliance()));
    assert_eq!(
        digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
        "f1fc8ba02f692cdc0fa965af22d7a9b3d927a9962ae12579d2edc2375a3550bc"
    );
}

#[test]
fn unsigned_parts_say_what_is_signed_or_nothing() {
    const SHA256_NULL: &[u8] = &[0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0];
    let alliance = alliance();
    let token = token(&alliance);
    let changes = [
        remade(&token, |data| data.digest_algorithms.0 = vec![SHA256_NULL]),
        remade(&token, |data| data.digest_algorithms.0.push(SHA256_NULL)),
        remade(&token, |data| data.digest_algorithms.0.clear()),
        remade(&token, |data| data.certificates.as_mut().expect("certificates").0.clear()),
        remade(&token, |data| data.crls = Some(crate::encoding::TlvSet(vec![]))),
        remade(&token, |data| data.version = 1),
    ];
    for changed in changes {
        assert!(matches!(refusal(&alliance, &changed), Some(TokenError::Profile { .. })));
    }
}
