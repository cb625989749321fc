//! A log that is whole, and on which something stands that may not stand there.

use std::sync::Arc;

use xiezhi_crypto::{SignatureAlg, SigningKey};
use xiezhi_evidence::{
    AccountSpec, Body, DepositBody, Governance, LocalName, StatementDraft,
    account::{AccountChange, Grant, Permission},
    alliance::{TERM_DELAY, institution_account_id},
    governance::{Change, Invite, Keys, Step, Vote},
};
use xiezhi_ledger::{Admitted, NewRecord, StateView as _, Transaction, fixtures};
use xiezhi_types::{Height, InstitutionId, LedgerId, LogIndex, Role, TimestampMs};

use super::fixture::{self, Depositor, LEDGER, Sealed, check, found};

/// A store with one good account and deposit, then `block` without asking whether it may be recorded.
fn with_block(block: Vec<Arc<Admitted>>) -> fixture::Closed {
    let sealed = Sealed::new();
    let depositor = Depositor::new(1);
    sealed.run(&[depositor.creation(), depositor.deposit(b"good", None)]);
    let mut outcome = sealed.outcome(&[]);
    let size = sealed.tip().size.0;
    for (index, admitted) in (size..).zip(block) {
        outcome.records.push(NewRecord { index: LogIndex(index), admitted });
    }
    sealed.apply(&outcome);
    sealed.close()
}

fn deposit(depositor: &Depositor, ledger: LedgerId, time: TimestampMs) -> Vec<u8> {
    let body = DepositBody { manifest_root: [1; 32], digests: Vec::new(), phase: None };
    let body = Body::Deposit(body);
    let draft = StatementDraft { issuer: depositor.id(), ledger, issued_at: time, group: None, body };
    draft.sign(&[&depositor.key]).unwrap().as_bytes().to_vec()
}

fn admitted(statement: Vec<u8>, ledger: &LedgerId) -> Arc<Admitted> {
    let transaction = Transaction::single(&statement);
    Arc::new(Admitted::check(transaction, &fixtures::genesis(), ledger).unwrap())
}

#[test]
fn what_may_not_be_recorded_is_found() {
    let (known, stranger) = (Depositor::new(1), Depositor::new(2));
    let time = fixtures::NOW;
    let other = LedgerId([8; 32]);
    let late = TimestampMs(time.0 + 400_000);
    let mut forged = deposit(&known, LEDGER, time);
    let last = forged.len() - 1;
    forged[last] ^= 1;
    // The right account's name, another's key.
    let thief = Depositor { key: stranger.key, spec: known.spec.clone() };
    let cases = [
        ("record-not-authorized", Depositor::new(2).deposit(b"x", None)),
        ("record-not-authorized", known.creation()),
        ("record-not-authorized", admitted(deposit(&thief, LEDGER, time), &LEDGER)),
        ("record-not-allowed", admitted(deposit(&known, other, time), &other)),
        ("record-not-allowed", admitted(deposit(&known, LEDGER, late), &LEDGER)),
        ("record-signature", admitted(forged, &LEDGER)),
        ("record-duplicate", known.deposit(b"good", None)),
    ];
    for (code, statement) in cases {
        let store = with_block(vec![statement]);
        let report = check(&store);
        let wanted = format!("record 2: {code}");
        assert!(found(&report).contains(&wanted), "{wanted}: {:#?}", found(&report));
        assert_eq!(report.good.map(|good| good.size.0), Some(2), "{code}");
        assert_eq!(report.sealed, Some(Height(1)), "{code}");
    }
    fixture::check_clean(&with_block(vec![known.deposit(b"another", None)]));
}

#[test]
fn statements_without_a_time_are_in_the_state() {
    let depositor = Depositor::new(1);
    let sealed = Sealed::new();
    sealed.run(&[depositor.creation(), depositor.undated(b"one")]);
    sealed.run(&[depositor.deposit(b"two", None)]);
    sealed.run(&[depositor.undated(b"three"), depositor.undated(b"four")]);
    let undated = depositor.undated(b"one").id();
    assert!(sealed.store().is_undated_recorded(&undated).unwrap());
    let store = sealed.close();
    fixture::check_clean(&store);
    let states = fixture::entries(&store, "state");
    let hash = xiezhi_crypto::sha256(&xiezhi_ledger::undated_key(&undated));
    let (key, value) = states.iter().find(|(key, _)| key[0] == b'v' && key[1..33] == hash).cloned().unwrap();
    fixture::put(&store, "state", &key, None);
    assert!(check(&store).findings.iter().any(|finding| finding.code == "state-missing"));
    fixture::put(&store, "state", &key, Some(&value));
    fixture::check_clean(&store);
}

#[test]
fn suites_other_than_ed25519_are_verified_too() {
    let key = SigningKey::from_seed(SignatureAlg::Es256, &[5; 32]).unwrap();
    let spec = AccountSpec::single([5; 16], key.public_key());
    let depositor = Depositor { key, spec };
    let sealed = Sealed::new();
    sealed.run(&[depositor.creation(), depositor.deposit(b"good", None)]);
    let store = sealed.close();
    fixture::check_clean(&store);
}

#[test]
fn a_log_that_is_not_the_sealed_one_is_found() {
    let depositor = Depositor::new(1);
    let (one, two) = (Sealed::new(), Sealed::new());
    for (store, text) in [(&one, b"one"), (&two, b"two")] {
        store.run(&[depositor.creation()]);
        store.run(&[depositor.deposit(b"same", None), depositor.deposit(text, None)]);
    }
    // The seals of the one, and its checkpoint, over the records of the other.
    let height = Height(2);
    let sealed = one.store().checkpoint(height).unwrap().unwrap().checkpoint;
    two.witness(&sealed);
    let store = two.close();
    let report = check(&store);
    let unsealed: Vec<_> = report.findings.iter().map(|finding| finding.code).collect();
    assert_eq!(unsealed, ["seal-invalid", "seal-invalid", "seal-invalid", "seal-invalid", "stamp-invalid"]);
    let value = fixture::entries(&one.close(), "seals").into_iter().find(|(key, _)| key[8] == 2).unwrap().1;
    fixture::put(&store, "seals", &crate::layout::height_key(b'c', 2), Some(&value));
    let report = check(&store);
    assert_eq!(found(&report), ["records 1 to 2: log-differs"]);
    assert_eq!(report.good.map(|good| good.size.0), Some(1));
}

fn seal_key(at: usize) -> SigningKey {
    SigningKey::from_seed(SignatureAlg::Ed25519, &[40 + u8::try_from(at).unwrap(); 32]).unwrap()
}

fn id(at: usize) -> InstitutionId {
    ["ca", "court", "forensic", "notary", "university"][at].parse().unwrap()
}

/// What institution number `at` says, signed with `key`.
fn says(at: usize, key: &SigningKey, said: Governance) -> Arc<Admitted> {
    let issuer = institution_account_id(&LEDGER, &id(at));
    let body = Body::Governance(said);
    let draft = StatementDraft { issuer, ledger: LEDGER, issued_at: fixtures::NOW, group: None, body };
    admitted(draft.sign(&[key]).unwrap().as_bytes().to_vec(), &LEDGER)
}

fn propose(step: Step) -> Governance {
    Governance::Propose(Change { step, policy: None })
}

/// A store in which a university is invited, confirms, and rotates its keys: terms 1 and 2.
fn governed() -> fixture::Closed {
    let key = |seed| SigningKey::from_seed(SignatureAlg::Ed25519, &[seed; 32]).unwrap();
    let sealed = Sealed::new();
    let vote = |at, proposal| says(at, &seal_key(at), Governance::Vote(Vote { proposal, approve: true }));
    let pass_time = || (0..TERM_DELAY).for_each(|_| sealed.run(&[]));
    let (code, consensus, seal) = (key(80), key(81), key(82));
    let invite = Invite {
        institution: id(4),
        role: Role::Forensic,
        name: LocalName { zh: "大学".to_owned(), en: "University".to_owned() },
        key: code.public_key().as_bytes().try_into().unwrap(),
    };
    sealed.run(&[Depositor::new(1).creation(), says(0, &seal_key(0), propose(Step::Invite(invite)))]);
    sealed.run(&[vote(1, 1)]);
    sealed.run(&[vote(2, 1)]);
    let keys = |consensus: &SigningKey| {
        Keys::prove(&LEDGER, &id(4), consensus, &seal, "node.university.example:7400".to_owned()).unwrap()
    };
    sealed.run(&[says(4, &code, Governance::Confirm(keys(&consensus)))]);
    pass_time();
    sealed.run(&[Depositor::new(2).creation(), says(3, &seal_key(3), propose(Step::Suspend(id(4))))]);
    sealed.run(&[says(4, &seal, Governance::Rotate(keys(&key(83))))]);
    pass_time();
    sealed.run(&[Depositor::new(1).deposit(b"in term 2", None)]);
    sealed.run(&[Depositor::new(3).creation()]);
    sealed.close()
}

#[test]
fn the_alliance_is_made_again_from_the_log() {
    let store = governed();
    let report = fixture::check_clean(&store);
    assert_eq!(report.records, 10);
    let keys: Vec<_> = fixture::entries(&store, "meta").into_iter().map(|(key, _)| key).collect();
    let terms: Vec<_> = keys.iter().filter(|key| key.starts_with(b"term/")).map(|key| key[12]).collect();
    assert_eq!(terms, [1, 2]);
}

#[test]
fn what_is_kept_of_terms_is_compared_with_the_log() {
    let store = governed();
    let key = |number: u64| [b"term/".as_slice(), &number.to_be_bytes()].concat();
    let entries = fixture::entries(&store, "meta");
    let of = |number| &entries.iter().find(|(found, _)| *found == key(number)).unwrap().1;
    let mut altered = of(1).clone();
    let last = altered.len() - 1;
    altered[last] ^= 1;
    let cases = [
        (1, None, "entry term/1 of meta: term-missing"),
        (1, Some(of(2).as_slice()), "entry term/1 of meta: term-differs"),
        (2, Some(altered.as_slice()), "entry term/2 of meta: term-differs"),
        (1, Some(altered.as_slice()), "entry term/1 of meta: term-differs"),
        (3, Some(of(2).as_slice()), "entry term/3 of meta: term-differs"),
    ];
    for (number, value, expected) in cases {
        let copy = fixture::copy(&store);
        fixture::put(&copy, "meta", &key(number), value);
        assert_eq!(found(&check(&copy)), [expected]);
    }
}

#[test]
fn what_institutions_may_not_say_is_found() {
    let stranger = Depositor::new(2);
    let own = stranger.statement(fixtures::NOW, None, Body::Governance(Governance::Leave));
    let cases = [
        says(0, &seal_key(0), Governance::Leave),
        says(0, &seal_key(1), Governance::Withdraw(1)),
        says(0, &seal_key(0), Governance::Withdraw(1)),
        says(0, &seal_key(0), Governance::Vote(Vote { proposal: 1, approve: false })),
        says(0, &seal_key(0), propose(Step::Remove(id(4)))),
        says(0, &seal_key(0), propose(Step::Suspend(id(1)))),
    ];
    for statement in cases {
        let report = check(&with_block(vec![statement]));
        assert!(found(&report).contains(&"record 2: record-not-authorized".to_owned()), "{report:#?}");
    }
    let report = check(&with_block(vec![stranger.creation(), admitted(own, &LEDGER)]));
    assert!(found(&report).contains(&"record 3: record-not-authorized".to_owned()), "{report:#?}");
}

#[test]
fn what_is_deposited_in_another_s_name_is_counted_again() {
    let (firm, platform) = (Depositor::new(1), Depositor::new(2));
    let made = |at: u8, grantor| {
        let body = DepositBody { manifest_root: [at; 32], digests: Vec::new(), phase: None };
        let body = Body::Deposit(body);
        let issuer = platform.id();
        let draft = StatementDraft { issuer, ledger: LEDGER, issued_at: fixtures::NOW, group: None, body };
        let statement = draft.sign_for(Some(grantor), &[&platform.key]).unwrap();
        admitted(statement.as_bytes().to_vec(), &LEDGER)
    };
    let grant = Grant {
        delegate: platform.id(),
        permissions: vec![Permission::Deposit],
        quota: 3,
        daily: None,
        not_before: None,
        until: TimestampMs(fixtures::NOW.0 + 3_600_000),
    };
    let says = |said| admitted(firm.statement(fixtures::NOW, None, Body::Change(said)), &LEDGER);
    let recorded = || {
        let sealed = Sealed::new();
        sealed.run(&[firm.creation(), platform.creation()]);
        sealed.run(&[says(AccountChange::Delegate(grant.clone()))]);
        sealed.run(&[made(1, firm.id())]);
        sealed.run(&[made(2, firm.id()), says(AccountChange::Revoke(platform.id())), made(3, firm.id())]);
        sealed
    };
    let report = fixture::check_clean(&recorded().close());
    assert_eq!(report.records, 7, "all within the quota");
    // Recorded without being asked: revoked, or for an account that granted nothing.
    for (at, grantor) in [(4, firm.id()), (5, Depositor::new(3).id())] {
        let sealed = recorded();
        let mut outcome = sealed.outcome(&[]);
        outcome.records.push(NewRecord { index: LogIndex(7), admitted: made(at, grantor) });
        sealed.apply(&outcome);
        let report = check(&sealed.close());
        assert!(found(&report).contains(&"record 7: record-not-authorized".to_owned()), "{report:#?}");
    }
}

#[test]
fn a_deposit_by_a_retired_suite_is_found() {
    let key = SigningKey::from_seed(SignatureAlg::Es256, &[5; 32]).unwrap();
    let depositor = Depositor { spec: AccountSpec::single([5; 16], key.public_key()), key };
    let retired = |deposits: bool| {
        let sealed = Sealed::new();
        let vote = |at| says(at, &seal_key(at), Governance::Vote(Vote { proposal: 1, approve: true }));
        sealed.run(&[depositor.creation(), depositor.deposit(b"in time", None)]);
        sealed.run(&[says(0, &seal_key(0), propose(Step::Suites(vec![-8]))), vote(1), vote(2)]);
        (0..TERM_DELAY).for_each(|_| sealed.run(&[]));
        sealed.run(&[Depositor::new(1).creation()]);
        let mut outcome = sealed.outcome(&[]);
        if deposits {
            let admitted = depositor.deposit(b"late", None);
            outcome.records.push(NewRecord { index: LogIndex(6), admitted });
            sealed.apply(&outcome);
        }
        sealed.close()
    };
    assert_eq!(fixture::check_clean(&retired(false)).records, 6);
    let report = check(&retired(true));
    assert!(found(&report).contains(&"record 6: record-not-allowed".to_owned()), "{report:#?}");
}
