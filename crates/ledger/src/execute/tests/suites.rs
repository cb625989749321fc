use xiezhi_evidence::governance::{Change, Step, Vote};

use super::*;

fn key(alg: SignatureAlg, seed: u8) -> SigningKey {
    SigningKey::from_seed(alg, &[seed; 32]).unwrap()
}

fn depositor(alg: SignatureAlg, seed: u8) -> Depositor {
    let key = key(alg, seed);
    let spec = AccountSpec::single([seed; 16], key.public_key());
    Depositor { key, spec }
}

/// A ledger whose members decided that these suites are allowed; with an account of each suite that was before. The height at which that counts.
fn decided(allowed: Vec<i64>) -> (Memory, [Depositor; 2], Height) {
    let mut ledger = governed(5);
    let depositors = [depositor(SignatureAlg::Ed25519, 100), depositor(SignatureAlg::Es256, 101)];
    assert_eq!(ledger.run(&depositors.each_ref().map(Depositor::creation)), [""; 0]);
    let change = Change { step: Step::Suites(allowed), policy: None };
    let says = |number, said| governance(number, NOW, &seal_key(number, 0), said);
    let vote = |number| says(number, Governance::Vote(Vote { proposal: 1, approve: true }));
    let block = [says(0, Governance::Propose(change)), vote(1), vote(2), vote(3)];
    assert_eq!(ledger.run(&block), [""; 0]);
    let from = ledger.alliance.next.as_ref().unwrap().from;
    (ledger, depositors, from)
}

#[test]
fn a_retired_suite_signs_only_what_replaces_its_keys() {
    let sm2 = depositor(SignatureAlg::Sm2, 102);
    let (mut ledger, [plain, retired], from) = decided(vec![-8, -65_601]);
    let at = |ledger: &Memory, height: Height, block: &[Arc<Admitted>]| {
        let outcome = execute(&genesis(), height, NOW, TreeSize(ledger.size), block, ledger).unwrap();
        outcome.rejected.iter().map(|(_, why)| why.code()).collect::<Vec<_>>()
    };
    let takes =
        |of: &Depositor, by: &SigningKey| change(of, AccountChange::Authority(single(by)), &[&of.key], NOW);
    let last = Height(from.0 - 1);
    // Until the term begins all is as it was.
    let deposits = [plain.deposit(b"1", None), retired.deposit(b"2", None)];
    assert_eq!(at(&ledger, last, &deposits), [""; 0]);
    assert_eq!(at(&ledger, last, &[sm2.creation()]), ["suite-not-allowed"]);
    assert_eq!(at(&ledger, from, &deposits), ["suite-not-allowed"]);
    assert_eq!(at(&ledger, from, &[sm2.creation(), sm2.deposit(b"3", None)]), [""; 0]);
    let other = depositor(SignatureAlg::Es256, 103);
    let refused = [
        other.creation(),
        change(&retired, AccountChange::Encryption(Encryption { key: None }), &[&retired.key], NOW),
        takes(&retired, &other.key),
        takes(&plain, &other.key),
    ];
    assert_eq!(at(&ledger, from, &refused), ["suite-not-allowed"; 4]);
    assert_eq!(at(&ledger, from, &[takes(&retired, &sm2.key)]), [""; 0]);
    // Ed25519 stays: institutions could no longer speak.
    let mut other = governed(5);
    let change = Change { step: Step::Suites(vec![-7]), policy: None };
    let says = governance(0, NOW, &seal_key(0, 0), Governance::Propose(change));
    assert_eq!(other.run(&[says]), ["governance-term-not-allowed"]);
    let change = Change { step: Step::Suites(vec![-7, -8]), policy: None };
    let says = governance(0, NOW, &seal_key(0, 0), Governance::Propose(change));
    assert_eq!(other.run(&[says]), ["governance-nothing-changes"]);
    // The next term keeps what was decided.
    ledger.alliance = Arc::new(begin(&ledger.alliance, from).unwrap());
    let leaves = governance(4, NOW, &seal_key(4, 0), Governance::Leave);
    assert_eq!(ledger.run(&[leaves]), [""; 0]);
    let next = ledger.alliance.next.as_ref().unwrap();
    assert_eq!((next.number, &next.suites), (2, &ledger.alliance.term.suites));
}
