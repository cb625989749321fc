//! What the verifier says of seals, time stamps, keys and times that are wrong in one way each.

mod asking;

use asking::{Question, ask, check_only, check_plan, find};
use xiezhi_crypto::SignatureAlg;
use xiezhi_evidence::{Certificate, Seal};
use xiezhi_pki::RevocationReason;
use xiezhi_types::{Height, InstitutionId, LedgerId, TimestampMs};
use xiezhi_verify::{
    Outcome, Status, code,
    fixtures::{
        DECLARED, Fixture, ORIGINAL, Plan, SEALED_S, STAMPED_MS, deposit, manifest, revocation, signing_key,
    },
};

#[test]
fn too_few_seals_or_a_missing_role_do_not_meet_the_policy() {
    let fixture = Fixture::new();
    // ca, court, forensic, notary: three of four, court and notary among them.
    for sealers in [vec![0, 1, 3], vec![1, 2, 3]] {
        let plan = Plan { sealers, ..Plan::default() };
        assert_eq!(ask(&fixture, &fixture.certificate(&plan)).outcome, Outcome::Valid);
    }
    for (sealers, missing) in [
        (vec![1, 3], "ca, forensic"),
        (vec![0, 1, 2], "role notary"),
        (vec![0, 2, 3], "role court"),
        (vec![], ""),
    ] {
        let plan = Plan { sealers, ..Plan::default() };
        // Nobody needs the issuing authority's list when nobody sealed.
        let verdict = ask(&fixture, &fixture.certificate(&plan));
        let also = if missing.is_empty() { vec![code::REVOCATION_LISTS] } else { vec![] };
        check_only(&verdict, Outcome::Invalid, code::SEAL_POLICY, "not-met", &also);
        let said = find(&verdict, code::SEAL_POLICY).param("missing").unwrap().to_owned();
        assert!(said.contains(missing), "{said}");
    }
}

#[test]
fn one_bad_seal_fails_even_where_the_others_meet_the_policy() {
    let fixture = Fixture::new();
    let good = fixture.certificate(&Plan::default());
    let change = |change: &dyn Fn(&mut Certificate)| {
        let mut certificate = good.clone();
        change(&mut certificate);
        ask(&fixture, &certificate)
    };
    let also = [code::KEY_STATUS];
    for form in ["receipt", "log signature", "cosignature"] {
        let verdict = change(&|c| {
            let seal = &mut c.seals[0].seal;
            match form {
                "receipt" => seal.receipt[5] ^= 1,
                "cosignature" => seal.cosignature[5] ^= 1,
                _ => seal.log[5] ^= 1,
            }
        });
        check_only(&verdict, Outcome::Invalid, code::SEAL, "bad-signature", &also);
        assert_eq!(find(&verdict, code::SEAL).param("form"), Some(form));
        assert_eq!(find(&verdict, code::SEAL_POLICY).status, Status::Pass);
        assert_eq!(verdict.facts.seals.len(), 3);
    }
    let verdict = change(&|c| c.seals[0].chain.clear());
    check_only(&verdict, Outcome::Invalid, code::SEAL, "no-chain", &also);
    let verdict = change(&|c| c.seals[0].chain.truncate(1));
    check_only(&verdict, Outcome::Invalid, code::SEAL, "chain-unknown-issuer", &also);
    let verdict = change(&|c| c.seals[0].chain[0][0] ^= 1);
    check_only(&verdict, Outcome::Invalid, code::SEAL, "chain-malformed", &also);
    let verdict = change(&|c| *c.seals[0].chain[0].last_mut().unwrap() ^= 1);
    check_only(&verdict, Outcome::Invalid, code::SEAL, "chain-signature", &also);
    let stray = fixture.root.certificate().der().to_vec();
    let verdict = change(&|c| c.seals[0].chain.push(stray.clone()));
    check_only(&verdict, Outcome::Invalid, code::SEAL, "stray-certificate", &also);
    let verdict = change(&|c| c.seals[0].chain = c.seals[1].chain.clone());
    check_only(&verdict, Outcome::Invalid, code::SEAL, "other-institution", &also);
    let verdict = change(&|c| {
        let stranger: InstitutionId = "bank".parse().unwrap();
        c.seals[0].seal.institution = stranger;
    });
    check_only(&verdict, Outcome::Invalid, code::SEAL, "unknown-institution", &also);
}

#[test]
fn a_certified_key_that_the_genesis_does_not_pin_cannot_seal() {
    let fixture = Fixture::new();
    let mut other = Fixture::new();
    // The alliance's authority certified a new key for the court, but the genesis pins the old one.
    other.sealers[1].key = signing_key(SignatureAlg::Ed25519, 0x77);
    let certificate = other.certificate(&Plan::default());
    let verdict = ask(&fixture, &certificate);
    check_only(
        &verdict,
        Outcome::Invalid,
        code::SEAL,
        "bad-signature",
        &[code::KEY_STATUS, code::SEAL_POLICY],
    );
}

#[test]
fn seals_outside_their_certificates_validity_do_not_count() {
    let fixture = Fixture::new();
    let last = fixture.root.certificate().validity().not_after;
    let mut certificate = fixture.certificate(&Plan::default());
    let (origin, sealer) = (fixture.genesis.origin(&fixture.ledger), &fixture.sealers[0]);
    certificate.seals[0].seal =
        Seal::sign(&certificate.checkpoint, &origin, &sealer.id, last + 1, &sealer.key).unwrap();
    let mut question = Question::of(&certificate, &fixture);
    question.declared = TimestampMs((last + 2) * 1000);
    let verdict = question.ask();
    check_only(&verdict, Outcome::Invalid, code::SEAL, "chain-not-valid-then", &[code::KEY_STATUS]);
}

#[test]
fn without_enough_time_stamp_authorities_there_is_no_validity() {
    let fixture = Fixture::new();
    let none = Plan { stampers: vec![], ..Plan::default() };
    check_plan(&none, Outcome::Invalid, code::TIME_STAMP_POLICY, "not-met", &[]);
    let two = Plan { stampers: vec![0, 1], ..Plan::default() };
    assert_eq!(ask(&fixture, &fixture.certificate(&two)).outcome, Outcome::Valid);
    // One authority counts once, however many tokens it gives.
    let mut fixture = Fixture::new();
    fixture.genesis.policy.timestamps = 2;
    fixture.ledger = xiezhi_evidence::Genesis::ledger_id(&fixture.genesis.encode());
    let mut certificate = fixture.certificate(&Plan::default());
    let later = Plan { stamped_ms: STAMPED_MS + 1, ..Plan::default() };
    certificate.timestamps.extend(fixture.stamps(&certificate.checkpoint, &later));
    let verdict = ask(&fixture, &certificate);
    check_only(&verdict, Outcome::Invalid, code::TIME_STAMP_POLICY, "not-met", &[]);
    let two = Plan { stampers: vec![0, 1], ..Plan::default() };
    assert_eq!(ask(&fixture, &fixture.certificate(&two)).outcome, Outcome::Valid);
}

#[test]
fn a_bad_time_stamp_fails_and_does_not_count() {
    let fixture = Fixture::new();
    let good = fixture.certificate(&Plan::default());
    let also = [code::KEY_STATUS, code::TIME_STAMP_POLICY];
    let mut certificate = good.clone();
    *certificate.timestamps[0].token.last_mut().unwrap() ^= 1;
    check_only(&ask(&fixture, &certificate), Outcome::Invalid, code::TIME_STAMP, "bad-signature", &also);
    let mut certificate = good.clone();
    certificate.timestamps[0].token.truncate(100);
    check_only(&ask(&fixture, &certificate), Outcome::Invalid, code::TIME_STAMP, "malformed", &also);
    let mut certificate = good;
    let other = fixture.certificate(&Plan { after: 7, ..Plan::default() });
    certificate.timestamps = other.timestamps;
    check_only(&ask(&fixture, &certificate), Outcome::Invalid, code::TIME_STAMP, "other-checkpoint", &also);
    let twice = Plan { stampers: vec![0, 0], ..Plan::default() };
    check_plan(&twice, Outcome::Invalid, code::TIME_STAMP, "twice", &[code::KEY_STATUS]);
    let early = Plan { stamped_ms: (SEALED_S - 10) * 1000, ..Plan::default() };
    check_plan(&early, Outcome::Invalid, code::TIME_STAMP, "before-checkpoint", &[code::TIME_STAMP_POLICY]);
    let late = Plan { stamped_ms: DECLARED.0 + 1, ..Plan::default() };
    check_plan(&late, Outcome::Invalid, code::TIME_STAMP, "after-declared-time", &[code::TIME_STAMP_POLICY]);
}

#[test]
fn a_revoked_key_does_not_seal() {
    let fixture = Fixture::new();
    let revoked = |at: usize, since, reason| Plan {
        revoked: vec![revocation(&fixture.sealers[at].serial, since, reason)],
        ..Plan::default()
    };
    let status = code::KEY_STATUS;
    let before = revoked(0, SEALED_S - 5, RevocationReason::Superseded);
    check_plan(&before, Outcome::Invalid, status, "revoked", &[]);
    // The court is needed by role.
    let court = revoked(1, SEALED_S, RevocationReason::KeyCompromise);
    check_plan(&court, Outcome::Invalid, status, "revoked", &[code::SEAL_POLICY]);
    let after = revoked(0, SEALED_S + 5, RevocationReason::CessationOfOperation);
    assert_eq!(ask(&fixture, &fixture.certificate(&after)).outcome, Outcome::Valid);
    // Only the stolen key says that it was used before the theft.
    let stolen = revoked(1, SEALED_S + 5, RevocationReason::KeyCompromise);
    check_plan(&stolen, Outcome::Unknown, status, "compromised-later", &[code::SEAL_POLICY]);
}

#[test]
fn a_revoked_time_stamp_authority_does_not_count() {
    let fixture = Fixture::new();
    let serial = fixture.authorities[0].certificate().serial();
    let plan = Plan {
        revoked: vec![revocation(serial, SEALED_S - 5, RevocationReason::Unspecified)],
        ..Plan::default()
    };
    check_plan(&plan, Outcome::Invalid, code::KEY_STATUS, "revoked", &[code::TIME_STAMP_POLICY]);
}

#[test]
fn missing_or_stale_revocation_lists_leave_the_verdict_open() {
    let policies = [code::SEAL_POLICY, code::TIME_STAMP_POLICY];
    let none = Plan { lists: false, ..Plan::default() };
    check_plan(&none, Outcome::Unknown, code::KEY_STATUS, "no-list", &policies);
    let stale = Plan { listed_s: SEALED_S - 11 * 86_400, ..Plan::default() };
    check_plan(&stale, Outcome::Unknown, code::KEY_STATUS, "stale-list", &policies);
    let future = Plan { listed_s: DECLARED.seconds() + 1, ..Plan::default() };
    check_plan(&future, Outcome::Invalid, code::TIMES, "list-after-declared-time", &policies);
}

#[test]
fn revocation_lists_that_are_altered_stray_or_doubled_fail() {
    let fixture = Fixture::new();
    let good = fixture.certificate(&Plan::default());
    let lists = code::REVOCATION_LISTS;
    let policies = [code::KEY_STATUS, code::SEAL_POLICY, code::TIME_STAMP_POLICY];
    let mut certificate = good.clone();
    certificate.revocations[1][0] ^= 1;
    check_only(&ask(&fixture, &certificate), Outcome::Invalid, lists, "malformed", &policies);
    let mut certificate = good.clone();
    *certificate.revocations[1].last_mut().unwrap() ^= 1;
    check_only(&ask(&fixture, &certificate), Outcome::Invalid, code::KEY_STATUS, "list-signature", &policies);
    let mut certificate = good.clone();
    certificate.revocations.push(certificate.revocations[0].clone());
    check_only(&ask(&fixture, &certificate), Outcome::Invalid, lists, "twice", &[]);
    let mut certificate = good;
    let subject = xiezhi_pki::Subject { organisation: "x", common_name: "stranger" };
    let key = xiezhi_pki::P256Key::from_bytes(&[9; 32]).unwrap();
    let validity = fixture.root.certificate().validity();
    let stranger = xiezhi_pki::CertificateAuthority::new_root(key, subject, [9; 16], validity).unwrap();
    let template =
        xiezhi_pki::CrlTemplate { number: 1, this_update: SEALED_S, next_update: SEALED_S + 9, revoked: &[] };
    certificate.revocations.push(stranger.issue_crl(&template).unwrap());
    check_only(&ask(&fixture, &certificate), Outcome::Invalid, lists, "stray", &[]);
}

#[test]
fn a_declared_time_before_the_seals_fails() {
    let fixture = Fixture::new();
    let mut question = Question::of(&fixture.certificate(&Plan::default()), &fixture);
    let stamps = [code::TIME_STAMP, code::TIME_STAMP_POLICY];
    question.declared = TimestampMs(SEALED_S * 1000 - 1);
    check_only(&question.ask(), Outcome::Invalid, code::TIMES, "seal-after-declared-time", &stamps);
    question.declared = TimestampMs(1_800_000_000_249);
    check_only(&question.ask(), Outcome::Invalid, code::TIMES, "checkpoint-after-declared-time", &stamps);
    question.declared = TimestampMs(0);
    assert_eq!(question.ask().outcome, Outcome::Invalid);
    question.declared = TimestampMs(u64::MAX);
    assert_eq!(question.ask().outcome, Outcome::Valid);
}

#[test]
fn times_that_contradict_each_other_fail() {
    let fixture = Fixture::new();
    let early = Plan { sealed_s: SEALED_S - 60, ..Plan::default() };
    check_plan(&early, Outcome::Invalid, code::TIMES, "seal-before-checkpoint", &[]);
    let mut draft = fixture.draft(deposit(&manifest(ORIGINAL), ORIGINAL));
    draft.issued_at = TimestampMs((SEALED_S + 301) * 1000);
    let plan = Plan { statement: Some(draft.sign(&[&fixture.key]).unwrap()), ..Plan::default() };
    check_plan(&plan, Outcome::Invalid, code::TIMES, "statement-after-checkpoint", &[]);
    let before_genesis = (fixture.genesis.created.0 - 1, fixture.genesis.created.seconds() - 1);
    let mut certificate = fixture.certificate(&Plan::default());
    certificate.checkpoint.time = TimestampMs(before_genesis.0);
    assert_eq!(find(&ask(&fixture, &certificate), code::TIMES).reason, "checkpoint-before-genesis");
}

#[test]
fn a_changed_checkpoint_is_noticed_by_seals_and_time_stamps() {
    let fixture = Fixture::new();
    let mut certificate = fixture.certificate(&Plan::default());
    certificate.checkpoint.height = Height(43);
    let verdict = ask(&fixture, &certificate);
    for code in [code::SEAL, code::TIME_STAMP] {
        assert_eq!(find(&verdict, code).status, Status::Fail);
    }
    certificate.checkpoint.ledger = LedgerId([2; 32]);
    assert_eq!(find(&ask(&fixture, &certificate), code::CHECKPOINT_LEDGER).reason, "other-ledger");
}

#[test]
fn a_changed_genesis_is_another_ledger() {
    let fixture = Fixture::new();
    let mut certificate = fixture.certificate(&Plan::default());
    let mut genesis = fixture.genesis.clone();
    genesis.policy.timestamps = 0;
    certificate.genesis = genesis.encode();
    let verdict = ask(&fixture, &certificate);
    assert_eq!(find(&verdict, code::LEDGER).reason, "unknown-ledger");
    assert_eq!(find(&verdict, code::CHECKPOINT_LEDGER).reason, "other-ledger");
    certificate.genesis.push(0);
    assert_eq!(find(&ask(&fixture, &certificate), code::LEDGER).reason, "genesis-malformed");
}
