//! A log that is whole, and on which something stands that may not stand there.

use std::sync::Arc;

use xiezhi_crypto::{SignatureAlg, SigningKey};
use xiezhi_evidence::{AccountSpec, Body, DepositBody, StatementDraft};
use xiezhi_ledger::{Admitted, NewRecord, Transaction, fixtures};
use xiezhi_types::{Height, LedgerId, LogIndex, TimestampMs};

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
    let transaction = Transaction { statement, items: Vec::new() };
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
