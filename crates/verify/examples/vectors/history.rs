//! Certificates of later terms: the history that leads to their members and policy.

use xiezhi_crypto::SignatureAlg;
use xiezhi_evidence::{
    Account, AccountSpec, Alliance, Body, Certificate, Policy, StatementDraft, Term, TermLink, WeightedKey,
    account::{AccountChange, Authority},
    alliance::{Member, MemberStatus, Suites},
    certificate::VERSION_HISTORY,
};
use xiezhi_types::{Height, Role};
use xiezhi_verify::{
    Exhibit,
    fixtures::{Fixture, Plan, signing_key},
};

use super::{Vector, vector};

/// The alliance after `term` has decided another with `members`, `from` a height on.
fn decided(term: &Term, members: Vec<Member>, from: u64) -> Alliance {
    let (number, suites) = (term.number + 1, term.suites.clone());
    let next = Term { number, from: Height(from), members, policy: term.policy.clone(), suites };
    let policy = Policy::quorum(&next.institutions(), &[Role::Court, Role::Notary], 1);
    Alliance {
        version: 1,
        term: term.clone(),
        next: Some(Term { policy, ..next }),
        proposals: Vec::new(),
        invitations: Vec::new(),
        next_proposal: 2,
    }
}

fn with_history(fixture: &Fixture, links: &[&TermLink], sealers: &[usize]) -> Certificate {
    let plan = Plan { sealers: sealers.to_vec(), ..Plan::default() };
    Certificate {
        version: VERSION_HISTORY,
        history: links.iter().map(|link| link.encode()).collect(),
        ..fixture.certificate(&plan)
    }
}

/// Terms that allow other suites than the genesis, and what keys of each may then sign.
pub(super) fn suites() -> Vec<Vector> {
    // P-256 was allowed and is retired, SM2 comes.
    let fixture = &Fixture::new().with_genesis(|genesis| genesis.suites = vec![-7, -8]);
    let first = Term::at_genesis(&fixture.genesis);
    let decided = |allowed: &[i64], retired: &[i64]| {
        let mut alliance = decided(&first, first.members.clone(), 36);
        let suites = Suites { allowed: allowed.to_vec(), retired: retired.to_vec() };
        alliance.next.as_mut().expect("decided").suites = Some(suites);
        fixture.link(&alliance, 4, &Plan::default())
    };
    let link = decided(&[-8, -65_601], &[-7]);
    let keys =
        [SignatureAlg::Ed25519, SignatureAlg::Es256, SignatureAlg::Sm2].map(|alg| signing_key(alg, 64));
    let [plain, retired, new] = &keys;
    let account = |key: &xiezhi_crypto::SigningKey| {
        Account::create(&AccountSpec::single([7; 16], key.public_key()), Height(3))
    };
    let made = |name, about, key: &xiezhi_crypto::SigningKey, body: Body, link: Option<&TermLink>| {
        let account = account(key);
        let deposits = matches!(body, Body::Deposit(_));
        let draft = StatementDraft { issuer: account.id, ..fixture.draft(body) };
        let statement = Some(draft.sign(&[key]).expect("a statement"));
        let plan = Plan { statement, account: Some(account), ..Plan::default() };
        let plan = if deposits { plan } else { Plan { manifest: None, ..plan } };
        let certificate = fixture.certificate(&plan);
        let history: Vec<_> = link.iter().map(|link| link.encode()).collect();
        let version = Certificate::version_of(&history, None);
        let made = vector(name, about, fixture, &Certificate { version, history, ..certificate });
        if deposits { made } else { Vector { exhibit: Exhibit::None, ..made } }
    };
    let deposit = || fixture.statement().body().clone();
    let takes = |key: &xiezhi_crypto::SigningKey| {
        let keys = vec![WeightedKey { key: key.public_key(), weight: 1 }];
        Body::Change(AccountChange::Authority(Authority { keys, deposit_threshold: 1, manage_threshold: 1 }))
    };
    let creates =
        |key: &xiezhi_crypto::SigningKey| Body::Account(AccountSpec::single([7; 16], key.public_key()));
    let in_term = Some(&link);
    let bad = |name, about, allowed: &[i64], retired: &[i64]| {
        made(name, about, plain, deposit(), Some(&decided(allowed, retired)))
    };
    vec![
        made("suites-kept", "a suite that stays", plain, deposit(), in_term),
        made("suites-new", "a suite that the term allows", new, deposit(), in_term),
        made("suites-before", "a suite before it is retired", retired, deposit(), None),
        made("suites-replaced", "a key of a retired suite is replaced", retired, takes(new), in_term),
        made("suites-created", "an account with a key of the new suite", new, creates(new), in_term),
        made("bad-suites-early", "a suite before it is allowed", new, deposit(), None),
        made("bad-suites-retired", "a deposit by a key of a retired suite", retired, deposit(), in_term),
        made(
            "bad-suites-created",
            "an account with a key of a retired suite",
            retired,
            creates(retired),
            in_term,
        ),
        made(
            "bad-suites-again",
            "replaced by a key of the retired suite",
            retired,
            takes(&signing_key(SignatureAlg::Es256, 65)),
            in_term,
        ),
        made("bad-suites-brought", "a key of the retired suite comes", plain, takes(retired), in_term),
        bad("bad-link-suites-order", "suites in the wrong order", &[-65_601, -8], &[-7]),
        bad("bad-link-suites-both", "a suite both allowed and retired", &[-7, -8], &[-7]),
        bad("bad-link-suites-ed25519", "institutions could not sign", &[-7], &[-8]),
    ]
}

pub(super) fn all() -> Vec<Vector> {
    // A university comes in term 1 (height 36); the court has other keys in term 2 (height 40).
    let mut fixture = Fixture::new();
    let (university, sealer) = fixture.member("university", 0x71);
    fixture.sealers.push(sealer);
    let (court, sealer) = fixture.member("court", 0x73);
    fixture.sealers.push(sealer);
    let fixture = &fixture;
    let first = Term::at_genesis(&fixture.genesis);
    let five = [first.members.clone(), vec![university]].concat();
    let one = decided(&first, five.clone(), 36);
    let second = one.next.clone().expect("decided");
    let mut rotated = five.clone();
    rotated[1] = court;
    let two = decided(&second, rotated, 40);
    let plan = Plan::default;
    let link = |alliance: &Alliance, height| fixture.link(alliance, height, &plan());
    let (to_one, to_two) = (link(&one, 4), link(&two, 37));
    let to_two_by_four = fixture.link(&two, 37, &Plan { sealers: vec![0, 1, 3, 4], ..plan() });
    let (quorum, few, later) = ([0, 1, 3, 4], [0, 1, 3], [0, 5, 3, 4]);
    let of = |name, about, links: &[&TermLink], sealers: &[usize]| {
        vector(name, about, fixture, &with_history(fixture, links, sealers))
    };
    let bad = |name, about, link: TermLink| of(name, about, &[&link], &quorum);
    let next = |change: &dyn Fn(&mut Term)| {
        let mut alliance = one.clone();
        change(alliance.next.as_mut().expect("decided"));
        link(&alliance, 4)
    };
    let mut elsewhere = Fixture::new();
    elsewhere.ledger = xiezhi_types::LedgerId([1; 32]);
    let unproven = TermLink { alliance: Alliance { next_proposal: 3, ..one.clone() }, ..to_one.clone() };
    let mut forged = one.clone();
    forged.term.policy.seals.threshold = 1;
    let early = link(&two, 35);
    let unsealed = fixture.link(&one, 4, &Plan { sealers: vec![0, 3], ..plan() });
    let listless = fixture.link(&one, 4, &Plan { lists: false, ..plan() });
    let mut cut = with_history(fixture, &[&to_one], &quorum);
    cut.history[0].pop();
    let mut bare = with_history(fixture, &[&to_one], &quorum);
    bare.genesis.push(0);
    let removed = next(&|term| {
        term.members.truncate(4);
        term.members[0].status = MemberStatus::Suspended;
    });
    vec![
        of("good-term", "a certificate of term 1", &[&to_one], &quorum),
        of("good-two-terms", "a certificate of term 2", &[&to_one, &to_two_by_four], &later),
        of("bad-term-quorum", "the quorum of term 0 in term 1", &[&to_one], &few),
        of("bad-term-old-key", "the court's key of term 1 in term 2", &[&to_one, &to_two_by_four], &quorum),
        of("bad-link-twice", "the same link twice", &[&to_one, &to_one], &quorum),
        vector("bad-link-cut", "a link is cut short", fixture, &cut),
        bad("bad-link-ledger", "a link of another ledger", elsewhere.link(&one, 4, &plan())),
        bad("bad-link-proof", "a link's alliance is not the proven one", unproven),
        bad("bad-link-term", "a link from a term with another policy", link(&forged, 4)),
        of("bad-link-early", "a link sealed before its term began", &[&to_one, &early], &later),
        bad(
            "bad-link-no-term",
            "a link that decides no term",
            link(&Alliance { next: None, ..one.clone() }, 4),
        ),
        bad("bad-link-number", "a link that leaves a term out", next(&|term| term.number = 2)),
        bad("bad-link-past", "a term that begins before it is decided", next(&|term| term.from = Height(4))),
        bad("bad-link-unsafe", "a term of three", removed),
        bad(
            "bad-link-later",
            "a term that begins after the checkpoint",
            next(&|term| term.from = Height(43)),
        ),
        bad("bad-link-few-seals", "a link sealed by two", unsealed.clone()),
        of("bad-link-broken", "a link after one that fails", &[&unsealed, &to_two], &quorum),
        bad("open-link-no-lists", "a link without revocation lists", listless),
        vector("bad-genesis-history", "a history after a genesis that cannot be read", fixture, &bare),
    ]
}
