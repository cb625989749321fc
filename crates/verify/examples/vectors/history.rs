//! Certificates of later terms: the history that leads to their members and policy.

use xiezhi_evidence::{
    Alliance, Certificate, Policy, Term, TermLink,
    alliance::{Member, MemberStatus},
    certificate::VERSION_HISTORY,
};
use xiezhi_types::{Height, Role};
use xiezhi_verify::fixtures::{Fixture, Plan};

use super::{Vector, vector};

/// The alliance after `term` has decided another with `members`, `from` a height on.
fn decided(term: &Term, members: Vec<Member>, from: u64) -> Alliance {
    let next = Term { number: term.number + 1, from: Height(from), members, policy: term.policy.clone() };
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
