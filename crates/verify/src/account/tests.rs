use xiezhi_evidence::{AccountStatus, account::PROVEN_VERSION};
use xiezhi_types::AccountId;

use super::*;
use crate::{
    Outcome, Status,
    fixtures::{DECLARED, Fixture, Plan},
};

fn of(certificate: Certificate, id: AccountId, account: Option<Account>) -> ProvenAccount {
    ProvenAccount {
        kind: ProvenAccount::kind(),
        version: PROVEN_VERSION,
        genesis: certificate.genesis,
        history: certificate.history,
        id,
        account,
        proof: certificate.account.proof,
        checkpoint: certificate.checkpoint,
        seals: certificate.seals,
        timestamps: certificate.timestamps,
        revocations: certificate.revocations,
    }
}

/// The fixture, its account as a file proves it, and another that the ledger does not have.
fn files() -> (Fixture, ProvenAccount, ProvenAccount) {
    let fixture = Fixture::new();
    let certificate = fixture.certificate(&Plan::default());
    let account = certificate.account.account.clone();
    let present = of(certificate.clone(), account.id, Some(account.clone()));
    // Another account whose place would be the one in which the state holds this one.
    let leaf = |bytes: &[u8]| xiezhi_crypto::sha256(bytes);
    let depth = certificate.account.proof.siblings.len();
    let place = |id: &AccountId| {
        let hash = leaf(&Account::state_key(id));
        (0..depth).map(|at| hash[at / 8] >> (7 - at % 8) & 1).collect::<Vec<_>>()
    };
    let mut ids = (0u8..=255).map(|at| AccountId([at; 32]));
    let other = ids.find(|id| place(id) == place(&account.id)).expect("a few bits are soon the same");
    let mut absent = of(certificate, other, None);
    absent.proof.other = Some(xiezhi_evidence::state_proof::OtherLeaf {
        key_hash: leaf(&Account::state_key(&account.id)),
        value_hash: leaf(&canonical(&account)),
    });
    (fixture, present, absent)
}

fn judge(fixture: &Fixture, file: &ProvenAccount) -> (Outcome, Option<(&'static str, &'static str)>) {
    let (verdict, _) = verify_account(&file.encode(), &[fixture.anchor()], DECLARED);
    let first = verdict.checks.iter().find(|check| check.status != Status::Pass);
    (verdict.outcome, first.map(|check| (check.code, check.reason)))
}

#[test]
fn an_account_and_its_absence_are_proven() {
    let (fixture, present, absent) = files();
    for file in [&present, &absent] {
        assert_eq!(ProvenAccount::parse(&file.encode()).as_ref(), Ok(file));
        assert_eq!(judge(&fixture, file), (Outcome::Valid, None));
    }
    let stranger = verify_account(&present.encode(), &[], DECLARED).0;
    assert_eq!(stranger.outcome, Outcome::Unknown);
    let (verdict, _) = verify_account(&present.encode(), &[fixture.anchor()], DECLARED);
    assert_eq!(verdict.proves, crate::verdict::PROVES_ACCOUNT);
    assert_eq!(verdict.facts.issuer, Some(present.id.to_string()));
}

#[test]
fn what_is_not_so_is_not_proven() {
    let (fixture, present, absent) = files();
    let wrong = (Outcome::Invalid, Some((code::ACCOUNT_STATE, "state-proof")));
    let mut frozen = present.clone();
    if let Some(account) = &mut frozen.account {
        account.status = AccountStatus::Frozen;
    }
    assert_eq!(judge(&fixture, &frozen), wrong);
    assert_eq!(judge(&fixture, &ProvenAccount { account: None, ..present.clone() }), wrong);
    assert_eq!(judge(&fixture, &ProvenAccount { id: absent.id, ..present.clone() }), wrong);
    assert_eq!(judge(&fixture, &ProvenAccount { id: present.id, ..absent.clone() }), wrong);
    let mut unsealed = present.clone();
    unsealed.seals.truncate(1);
    assert_eq!(judge(&fixture, &unsealed).0, Outcome::Invalid);
    let none = verify_account(b"something else", &[fixture.anchor()], DECLARED).0;
    assert_eq!((none.outcome, none.checks[0].reason), (Outcome::Invalid, "not-a-certificate"));
    let certificate = fixture.certificate(&Plan::default()).encode();
    let other = verify_account(&certificate, &[fixture.anchor()], DECLARED).0;
    assert_eq!(other.checks[0].reason, "malformed", "a certificate is no proof of an account");
    assert!(Certificate::parse(&present.encode()).is_err(), "nor the other way round");
}

#[test]
fn no_changed_byte_is_still_valid() {
    let (fixture, present, absent) = files();
    for file in [present, absent] {
        let bytes = file.encode();
        for at in (0..bytes.len()).step_by(31) {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            let (verdict, read) = verify_account(&changed, &[fixture.anchor()], DECLARED);
            // The absence of one account is that of every other whose place would be the same.
            let same = read
                .is_some_and(|read| ProvenAccount { id: file.id, ..read } == file && file.account.is_none());
            assert!(verdict.outcome != Outcome::Valid || same, "byte {at}");
        }
    }
}
