use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use xiezhi_evidence::{Group, LocalName, genesis::INSTITUTIONS_MIN};
use xiezhi_types::Role;

use super::*;
use crate::fixtures::{LEDGER, NOW, alliance_of, genesis_of, institution_id as id, proven_keys as keys};

fn account(number: u8) -> AccountId {
    institution_account_id(&LEDGER, &id(number))
}

fn invite(number: u8) -> Step {
    let name = LocalName { zh: format!("机构{number}"), en: format!("Institution {number}") };
    let key = [200 + number; 32];
    Step::Invite(Invite { institution: id(number), role: Role::Court, name, key })
}

fn propose(step: Step) -> Governance {
    Governance::Propose(Change { step, policy: None })
}

fn vote(proposal: u64, approve: bool) -> Governance {
    Governance::Vote(Vote { proposal, approve })
}

/// An alliance and the next statement's place.
struct World {
    alliance: Alliance,
    height: Height,
    time: TimestampMs,
}

impl World {
    /// `count` members m0, m1, ...; any court's seal is enough.
    fn new(count: u8) -> Self {
        Self { alliance: alliance_of(count), height: Height(1), time: NOW }
    }

    /// What `number` says, in a block of its own; the code of its refusal, or nothing.
    fn say(&mut self, number: u8, said: &Governance) -> &'static str {
        self.height = self.height.next();
        if let Some(begun) = begin(&self.alliance, self.height) {
            self.alliance = begun;
        }
        match govern(
            &self.alliance,
            (&genesis_of(5), &LEDGER),
            &account(number),
            said,
            self.height,
            self.time,
        ) {
            Ok(alliance) => {
                let from = alliance.next.as_ref().map_or(self.height.0 + TERM_DELAY, |next| next.from.0);
                assert_eq!(from, self.height.0 + TERM_DELAY);
                self.alliance = alliance;
                ""
            }
            Err(error) => error.code(),
        }
    }

    fn says(&mut self, number: u8, said: &Governance) {
        assert_eq!(self.say(number, said), "", "{said:?}");
    }

    /// Proposes `step` and passes it with the votes of m0, m1, ... as they are active.
    fn pass(&mut self, change: Change) -> &'static str {
        let number = self.alliance.next_proposal;
        let quorum = self.alliance.term.quorum();
        let active = self.alliance.term.institutions();
        let mut voters = (0..64).filter(|at| active.iter().any(|one| one.id == id(*at)));
        let first = voters.next().unwrap();
        let mut said = self.say(first, &Governance::Propose(change));
        for voter in voters.take(quorum - 1) {
            if said.is_empty() {
                said = self.say(voter, &vote(number, true));
            }
        }
        said
    }

    fn passes(&mut self, step: Step) {
        assert_eq!(self.pass(Change { step, policy: None }), "");
    }

    fn term_begins(&mut self) {
        let next = self.alliance.next.clone().unwrap();
        assert_eq!(begin(&self.alliance, Height(next.from.0 - 1)), None);
        self.height = next.from;
        self.alliance = begin(&self.alliance, self.height).unwrap();
        assert_eq!((&self.alliance.term, &self.alliance.next), (&next, &None));
    }

    fn statuses(&self) -> Vec<(String, MemberStatus)> {
        let members = self.alliance.term.members.iter();
        members.map(|member| (member.institution.id.to_string(), member.status)).collect()
    }
}

#[test]
fn a_change_passes_with_a_quorum_and_takes_effect_after_the_delay() {
    let mut world = World::new(5);
    world.says(0, &propose(Step::Suspend(id(4))));
    world.says(1, &vote(1, true));
    world.says(2, &vote(1, true));
    assert_eq!((world.alliance.term.quorum(), &world.alliance.next), (4, &None));
    world.says(4, &vote(1, true));
    assert_eq!(world.alliance.term.number, 0);
    assert!(world.alliance.proposals.is_empty());
    // Whoever is still active speaks, but nothing can change before the term begins.
    assert_eq!(world.say(4, &Governance::Leave), "governance-term-decided");
    assert_eq!(world.say(0, &propose(Step::Readmit(id(4)))), "governance-term-decided");
    world.term_begins();
    assert_eq!(world.statuses()[4], ("m4".to_owned(), MemberStatus::Suspended));
    assert_eq!(world.say(4, &Governance::Leave), "governance-not-a-member");
    world.passes(Step::Readmit(id(4)));
    world.term_begins();
    assert_eq!((world.alliance.term.number, world.statuses()[4].1), (2, MemberStatus::Active));
}

#[test]
fn the_last_safe_quorum_cannot_be_voted_away() {
    let mut world = World::new(4);
    for step in [Step::Suspend(id(3)), Step::Remove(id(3))] {
        assert_eq!(world.say(0, &propose(step)), "governance-term-not-allowed");
    }
    assert_eq!(world.say(3, &Governance::Leave), "governance-term-not-allowed");
    // What was allowed when it was proposed is tested again when it passes.
    let mut world = World::new(5);
    world.says(0, &propose(Step::Remove(id(4))));
    let open = world.alliance.proposals.clone();
    world.says(3, &Governance::Leave);
    world.term_begins();
    assert!(world.alliance.proposals.is_empty(), "a decided term closes what was open");
    world.alliance.proposals = open;
    world.says(1, &vote(1, true));
    assert_eq!(world.say(2, &vote(1, true)), "governance-term-not-allowed");
    assert_eq!(world.alliance.next, None);
}

#[test]
fn the_policy_must_hold_for_the_active_members() {
    let mut world = World::new(5);
    let named = |number| Policy {
        seals: Group { threshold: 1, members: vec![xiezhi_evidence::Member::Institution(id(number))] },
        timestamps: 1,
    };
    assert_eq!(
        world.pass(Change { step: Step::Policy, policy: Some(named(7)) }),
        "governance-term-not-allowed"
    );
    assert_eq!(world.pass(Change { step: Step::Policy, policy: Some(named(4)) }), "");
    world.term_begins();
    assert_eq!(world.alliance.term.policy, named(4));
    for said in [Governance::Leave, propose(Step::Remove(id(4))), propose(Step::Suspend(id(4)))] {
        assert_eq!(world.say(4, &said), "governance-term-not-allowed");
    }
    let same = Change { step: Step::Policy, policy: Some(named(4)) };
    assert_eq!(world.say(0, &Governance::Propose(same)), "governance-nothing-changes");
    assert_eq!(world.pass(Change { step: Step::Remove(id(4)), policy: Some(named(0)) }), "");
    world.term_begins();
    assert_eq!(world.alliance.term.policy, named(0));
}

#[test]
fn an_invited_institution_takes_its_seat_with_its_own_keys() {
    let mut world = World::new(4);
    let confirm = Governance::Confirm(keys(5, 0));
    assert_eq!(world.say(5, &confirm), "governance-not-invited");
    world.passes(invite(5));
    assert_eq!(world.alliance.next, None, "an invitation alone changes no term");
    let opened = &world.alliance.account_keys()[&id(5)];
    assert_eq!(opened, &BTreeSet::from([[205; 32]]));
    // Another institution's proof, other keys than proven, a member's key.
    assert_eq!(world.say(5, &Governance::Confirm(keys(6, 0))), "governance-possession");
    let other = Keys { seal_key: keys(5, 1).seal_key, ..keys(5, 0) };
    assert_eq!(world.say(5, &Governance::Confirm(other)), "governance-possession");
    assert_eq!(world.say(6, &confirm), "governance-not-invited");
    let held = world.alliance.term.members[0].institution.seal_key;
    world.alliance.term.members[0].institution.seal_key = keys(5, 0).seal_key;
    assert_eq!(world.say(5, &confirm), "governance-term-not-allowed");
    world.alliance.term.members[0].institution.seal_key = held;
    world.says(5, &confirm);
    // Both keys act until the term begins: the confirmation was signed with the invitation's.
    assert_eq!(world.alliance.account_keys()[&id(5)].len(), 2);
    world.term_begins();
    assert_eq!(world.alliance.account_keys()[&id(5)], BTreeSet::from([keys(5, 0).seal_key]));
    assert!(world.alliance.invitations.is_empty());
    let member = world.alliance.term.member(&id(5)).unwrap();
    assert_eq!((member.status, member.address.as_deref()), (MemberStatus::Active, Some("m5:7400")));
    assert_eq!(world.say(0, &propose(invite(5))), "governance-does-not-fit");
}

#[test]
fn an_invitation_lapses_and_is_replaced_by_another() {
    let mut world = World::new(4);
    world.passes(invite(5));
    let Step::Invite(mut again) = invite(5) else { unreachable!() };
    again.key = [9; 32];
    world.passes(Step::Invite(again));
    assert_eq!(world.alliance.invitations.len(), 1);
    assert_eq!(world.alliance.account_keys()[&id(5)], BTreeSet::from([[9; 32]]));
    world.time = world.alliance.invitations[0].until;
    assert_eq!(world.say(5, &Governance::Confirm(keys(5, 0))), "governance-not-invited");
    for number in 10..10 + u8::try_from(INVITATIONS_MAX).unwrap() {
        world.passes(invite(number));
    }
    assert_eq!(world.alliance.invitations.len(), INVITATIONS_MAX);
    assert_eq!(world.pass(Change { step: invite(40), policy: None }), "governance-too-many-invitations");
}

#[test]
fn proposals_are_withdrawn_outvoted_or_lapse() {
    let mut world = World::new(5);
    world.says(0, &propose(Step::Remove(id(4))));
    assert_eq!(world.say(0, &propose(Step::Remove(id(3)))), "governance-proposal-open");
    assert_eq!(world.say(1, &Governance::Withdraw(1)), "governance-not-the-proposer");
    assert_eq!(world.say(1, &Governance::Withdraw(2)), "governance-no-proposal");
    world.says(0, &Governance::Withdraw(1));
    assert_eq!(world.say(1, &vote(1, true)), "governance-no-proposal");
    world.says(0, &propose(Step::Remove(id(4))));
    // A later vote replaces an earlier one; two of five against it end it.
    world.says(4, &vote(2, false));
    world.says(4, &vote(2, true));
    assert_eq!(
        (world.alliance.proposals[0].approved.len(), world.alliance.proposals[0].refused.len()),
        (2, 0)
    );
    world.says(4, &vote(2, false));
    world.says(3, &vote(2, false));
    assert!(world.alliance.proposals.is_empty());
    world.says(0, &propose(Step::Remove(id(4))));
    world.time = TimestampMs(NOW.0 + OPEN_MS);
    assert_eq!(world.say(1, &vote(3, true)), "governance-no-proposal");
    world.says(0, &propose(Step::Remove(id(4))));
    assert_eq!(world.alliance.proposals.len(), 1);
}

#[test]
fn a_member_rotates_its_own_keys() {
    let mut world = World::new(4);
    assert_eq!(world.say(0, &Governance::Rotate(keys(1, 1))), "governance-possession");
    world.says(0, &Governance::Rotate(keys(0, 1)));
    assert_eq!(world.alliance.account_keys()[&id(0)].len(), 2);
    world.term_begins();
    assert_eq!(world.alliance.account_keys()[&id(0)], BTreeSet::from([keys(0, 1).seal_key]));
    assert_eq!(world.say(0, &Governance::Rotate(keys(0, 1))), "governance-nothing-changes");
    assert_eq!(world.say(9, &Governance::Rotate(keys(9, 1))), "governance-not-a-member");
}

/// What may be said, as the model knows it.
#[derive(Debug, Clone)]
enum Said {
    Suspend(u8),
    Readmit(u8),
    Remove(u8),
    Invite(u8),
    Vote(u64, bool),
    Withdraw(u64),
    Confirm,
    Leave,
    Rotate(u8),
    Wait(u64),
}

fn said() -> impl Strategy<Value = Said> {
    let member = 0..7u8;
    prop_oneof![
        2 => member.clone().prop_map(Said::Suspend),
        2 => member.clone().prop_map(Said::Readmit),
        2 => member.clone().prop_map(Said::Remove),
        3 => member.prop_map(Said::Invite),
        20 => (0..3u64, prop::bool::weighted(0.8)).prop_map(|(back, approve)| Said::Vote(back, approve)),
        1 => (0..3u64).prop_map(Said::Withdraw),
        4 => Just(Said::Confirm),
        1 => Just(Said::Leave),
        1 => (0..3u8).prop_map(Said::Rotate),
        2 => (1..40u64).prop_map(Said::Wait),
    ]
}

type Active = BTreeMap<u8, bool>;

/// The rules once more, as sets of numbers.
#[derive(Default)]
struct Model {
    members: Active,
    turns: BTreeMap<u8, u8>,
    next: Option<(u64, Active)>,
    proposals: BTreeMap<u64, (u8, Said, BTreeSet<u8>, BTreeSet<u8>)>,
    invited: BTreeSet<u8>,
    made: u64,
}

impl Model {
    fn active(members: &Active) -> usize {
        members.values().filter(|active| **active).count()
    }

    fn after(&self, what: &Said) -> Option<Active> {
        let mut members = self.members.clone();
        match *what {
            Said::Suspend(one) => (members.insert(one, false)? == Some(true)?).then_some(())?,
            Said::Readmit(one) => (!members.insert(one, true)?).then_some(())?,
            Said::Remove(one) => drop(members.remove(&one)?),
            Said::Invite(one) if !members.contains_key(&one) => drop(members.insert(one, true)),
            _ => return None,
        }
        (Self::active(&members) >= INSTITUTIONS_MIN).then_some(members)
    }

    /// Whether it is recorded.
    fn say(&mut self, height: u64, who: u8, what: &Said) -> bool {
        if let Some((from, members)) = self.next.clone() {
            if from > height {
                return false;
            }
            self.invited.retain(|one| !members.contains_key(one));
            (self.members, self.next) = (members, None);
        }
        if matches!(what, Said::Confirm) {
            let mut members = self.members.clone();
            members.insert(who, true);
            return self.invited.contains(&who) && self.decide(height, members);
        }
        if self.members.get(&who) != Some(&true) {
            return false;
        }
        match *what {
            Said::Vote(back, approve) => {
                let number = self.made.wrapping_sub(back);
                let needed = Self::active(&self.members) - (Self::active(&self.members) - 1) / 3;
                let Some((_, step, mut yes, mut no)) = self.proposals.get(&number).cloned() else {
                    return false;
                };
                yes.remove(&who);
                no.remove(&who);
                if approve {
                    yes.insert(who)
                } else {
                    no.insert(who)
                };
                if yes.len() >= needed {
                    let Some(members) = self.after(&step) else { return false };
                    self.proposals.remove(&number);
                    if let Said::Invite(one) = step {
                        self.invited.insert(one);
                        return true;
                    }
                    return self.decide(height, members);
                }
                let is_over = no.len() > Self::active(&self.members) - needed;
                let entry = self.proposals.get_mut(&number).unwrap();
                (entry.2, entry.3) = (yes, no);
                if is_over {
                    self.proposals.remove(&number);
                }
                true
            }
            Said::Withdraw(back) => {
                let number = self.made.wrapping_sub(back);
                let is_own = self.proposals.get(&number).is_some_and(|(proposer, ..)| *proposer == who);
                is_own && self.proposals.remove(&number).is_some()
            }
            Said::Leave => {
                let mut members = self.members.clone();
                members.remove(&who);
                self.decide(height, members)
            }
            Said::Rotate(turn) => {
                let members = self.members.clone();
                self.turns.insert(who, turn) != Some(turn) && self.decide(height, members)
            }
            _ => {
                let is_new = self.proposals.values().all(|(proposer, ..)| *proposer != who);
                if !is_new || self.after(what).is_none() {
                    return false;
                }
                self.made += 1;
                self.proposals.insert(self.made, (who, what.clone(), BTreeSet::from([who]), BTreeSet::new()));
                true
            }
        }
    }

    fn decide(&mut self, height: u64, members: Active) -> bool {
        if Self::active(&members) < INSTITUTIONS_MIN {
            return false;
        }
        self.next = Some((height + TERM_DELAY, members));
        self.proposals.clear();
        true
    }
}

fn numbers(term: &Term) -> Active {
    let number = |member: &Member| member.institution.id.as_str()[1..].parse().unwrap();
    term.members.iter().map(|member| (number(member), member.status == MemberStatus::Active)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn random_sequences_follow_the_model_and_keep_a_safe_quorum(
        steps in prop::collection::vec((0..7u8, said()), 1..120),
    ) {
        let mut world = World::new(5);
        let mut model = Model { members: (0..5).map(|at| (at, true)).collect(), ..Model::default() };
        let mut turns: BTreeMap<u8, u8> = BTreeMap::new();
        for (who, what) in steps {
            let back = |back: u64| model.made.wrapping_sub(back);
            let statement = match what {
                Said::Suspend(one) => propose(Step::Suspend(id(one))),
                Said::Readmit(one) => propose(Step::Readmit(id(one))),
                Said::Remove(one) => propose(Step::Remove(id(one))),
                Said::Invite(one) => propose(invite(one)),
                Said::Vote(ago, approve) => vote(back(ago), approve),
                Said::Withdraw(ago) => Governance::Withdraw(back(ago)),
                Said::Confirm => Governance::Confirm(keys(who, 4 + *turns.get(&who).unwrap_or(&0) % 4)),
                Said::Leave => Governance::Leave,
                Said::Rotate(turn) => Governance::Rotate(keys(who, turn)),
                Said::Wait(heights) => {
                    world.height.0 += heights;
                    continue;
                }
            };
            let decided = world.alliance.next.clone();
            let said = world.say(who, &statement);
            let expected = model.say(world.height.0, who, &what);
            prop_assert_eq!(said.is_empty(), expected, "{} {:?}: {}", who, what, said);
            if said.is_empty() && matches!(what, Said::Confirm) {
                *turns.entry(who).or_default() += 1;
                model.turns.remove(&who);
            }
            prop_assert_eq!(numbers(&world.alliance.term), model.members.clone());
            let next = world.alliance.next.as_ref();
            prop_assert_eq!(next.map(|next| (next.from.0, numbers(next))), model.next.clone());
            prop_assert!(world.alliance.term.institutions().len() >= INSTITUTIONS_MIN);
            prop_assert!(next.is_none_or(|next| next.check().is_ok()));
            if let (Some(before), Some(now)) = (&decided, next) {
                prop_assert!(before == now || world.alliance.term == *before, "a decided term was altered");
            }
            let open: Vec<_> = world.alliance.proposals.iter().map(|one| one.number).collect();
            prop_assert_eq!(open, model.proposals.keys().copied().collect::<Vec<_>>());
        }
    }
}
