//! Whatever byte of a certificate is changed, it is no longer valid.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use xiezhi_evidence::{
    Account, AccountSpec, Alliance, Genesis, Group, Member, Term,
    account::{AccountChange, Grant, Permission},
    certificate::VERSION_HISTORY,
};
use xiezhi_types::{Height, TimestampMs};
use xiezhi_verify::{
    Input, Outcome,
    fixtures::{CHECKPOINT_MS, DECLARED, Fixture, ORIGINAL, Plan, exhibit},
    verify,
};

/// Changes every byte once, by one of the eight bits in turn, and returns the places where the certificate stayed valid.
fn survivors(certificate: &[u8], fixture: &Fixture) -> Vec<usize> {
    let (anchors, exhibit) = ([fixture.anchor()], exhibit(ORIGINAL));
    let is_valid = |bytes: &[u8]| {
        let input = Input {
            certificate: bytes,
            anchors: &anchors,
            exhibit: &exhibit,
            record_only: false,
            declared_time: DECLARED,
            known_checkpoints: &[],
        };
        verify(&input).outcome == Outcome::Valid
    };
    assert!(is_valid(certificate));
    let next = AtomicUsize::new(0);
    let work = || {
        let mut bytes = certificate.to_vec();
        let mut found = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(old) = bytes.get(at).copied() else { return found };
            bytes[at] ^= 1 << (at % 8);
            if is_valid(&bytes) {
                found.push(at);
            }
            bytes[at] = old;
        }
    };
    thread::scope(|scope| {
        let threads: Vec<_> =
            (0..thread::available_parallelism().map_or(2, usize::from)).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic on hostile bytes")).collect()
    })
}

/// One seal is enough here, so that every kind of part is in the certificate once and the sweep is short.
#[test]
fn no_certificate_with_a_changed_byte_is_valid() {
    let mut fixture = Fixture::new();
    let court = Member::Institution(fixture.sealers[1].id.clone());
    fixture.genesis.policy.seals = Group { threshold: 1, members: vec![court] };
    fixture.ledger = Genesis::ledger_id(&fixture.genesis.encode());
    let certificate = fixture.certificate(&Plan { sealers: vec![1], ..fixture.batch(2, 5) }).encode();
    assert_eq!(survivors(&certificate, &fixture), Vec::<usize>::new());
}

#[test]
#[ignore = "a minute or two: the same for a certificate of full size"]
fn no_certificate_of_full_size_with_a_changed_byte_is_valid() {
    let fixture = Fixture::new();
    let certificate = fixture.certificate(&Plan { stampers: vec![0, 1], ..Plan::default() }).encode();
    assert_eq!(survivors(&certificate, &fixture), Vec::<usize>::new());
}

#[test]
fn no_certificate_that_is_cut_short_is_valid_or_panics() {
    let fixture = Fixture::new();
    let certificate = fixture.certificate(&Plan::default()).encode();
    let (anchors, exhibit) = ([fixture.anchor()], exhibit(ORIGINAL));
    for end in (0..certificate.len()).step_by(13) {
        let input = Input {
            certificate: &certificate[..end],
            anchors: &anchors,
            exhibit: &exhibit,
            record_only: false,
            declared_time: DECLARED,
            known_checkpoints: &[],
        };
        assert_eq!(verify(&input).outcome, Outcome::Invalid);
    }
}

/// One seal is enough here too; the record is made in another account's name.
#[test]
fn no_certificate_of_a_delegate_with_a_changed_byte_is_valid() {
    let mut fixture = Fixture::new();
    let court = Member::Institution(fixture.sealers[1].id.clone());
    fixture.genesis.policy.seals = Group { threshold: 1, members: vec![court] };
    fixture.ledger = Genesis::ledger_id(&fixture.genesis.encode());
    let spec = AccountSpec::single([9; 16], fixture.key.public_key());
    let grant = Grant {
        delegate: fixture.account.id,
        permissions: vec![Permission::Deposit],
        quota: 9,
        daily: Some(5),
        not_before: Some(TimestampMs(CHECKPOINT_MS)),
        until: TimestampMs(CHECKPOINT_MS + 1),
    };
    let (now, early) = (TimestampMs(CHECKPOINT_MS), TimestampMs(1_700_000_000_000));
    let grantor = Account::create(&spec, Height(3)).change(&AccountChange::Delegate(grant), Height(9), early);
    let grantor = grantor.unwrap().with_deposits_by(&fixture.account.id, 1, Height(42), now).unwrap();
    let draft = fixture.draft(fixture.statement().body().clone());
    let statement = draft.sign_for(Some(grantor.id), &[&fixture.key]).unwrap();
    let plan =
        Plan { statement: Some(statement), grantor: Some(grantor), sealers: vec![1], ..Plan::default() };
    assert_eq!(survivors(&fixture.certificate(&plan).encode(), &fixture), Vec::<usize>::new());
}

/// One seal is enough in the link too; the certificate is of term 1, in which nothing but a member's address is another.
#[test]
fn no_history_with_a_changed_byte_is_valid() {
    let mut fixture = Fixture::new();
    let court = Member::Institution(fixture.sealers[1].id.clone());
    fixture.genesis.policy.seals = Group { threshold: 1, members: vec![court] };
    fixture.ledger = Genesis::ledger_id(&fixture.genesis.encode());
    let mut alliance = Alliance::at_genesis(&fixture.genesis);
    let mut next = Term { number: 1, from: Height(36), ..alliance.term.clone() };
    next.members[1].address = Some("node.court.example:7400".to_owned());
    alliance.next = Some(next);
    let plan = Plan { sealers: vec![1], ..Plan::default() };
    let mut certificate = fixture.certificate(&plan);
    certificate.version = VERSION_HISTORY;
    certificate.history = vec![fixture.link(&alliance, 4, &plan).encode()];
    assert_eq!(survivors(&certificate.encode(), &fixture), Vec::<usize>::new());
}
