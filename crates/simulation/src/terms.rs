//! Which members, keys and policy count from which height: restated from what the log holds of the institutions' statements, without the product's
//! rules.

use std::collections::{BTreeMap, BTreeSet};

use xiezhi_evidence::{
    Governance, Policy,
    alliance::{self, MemberStatus},
    governance::{Change, Step},
    policy::Member,
};
use xiezhi_types::{InstitutionId, Role};

use crate::alliance::{Alliance, NEEDED};

/// Heights from a decision to the term that it decided.
const DELAY: u64 = 32;
/// Fewer active members than this are no alliance.
const ACTIVE_MIN: usize = 4;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seat {
    pub(crate) active: bool,
    pub(crate) consensus_key: [u8; 32],
    pub(crate) seal_key: [u8; 32],
}

/// A period with one set of members and one policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Term {
    pub(crate) from: u64,
    /// By node.
    pub(crate) seats: BTreeMap<usize, Seat>,
    policy: Policy,
}

impl Term {
    pub(crate) fn active(&self) -> BTreeSet<usize> {
        self.seats.iter().filter(|(_, seat)| seat.active).map(|(node, _)| *node).collect()
    }

    /// Of `n` active members, so many that two such majorities share an honest one.
    fn quorum(&self) -> usize {
        let active = self.active().len();
        active - (active - 1) / 3
    }

    /// Whose seals no other can replace.
    fn needed(&self) -> Vec<usize> {
        let names = |role| self.policy.seals.members.contains(&Member::Role(role));
        let roles = [Role::Court, Role::Notary];
        roles.into_iter().zip(NEEDED).filter(|(role, _)| names(*role)).map(|(_, node)| node).collect()
    }

    /// Of whom the policy asks for how many.
    fn named(&self, ids: &[InstitutionId]) -> (BTreeSet<usize>, usize) {
        let group = self.policy.seals.members.iter().find_map(|member| match member {
            Member::Group(group) => Some(group),
            _ => None,
        });
        let group = group.unwrap();
        let named = ids.iter().enumerate().filter(|(_, id)| {
            group.members.iter().any(|member| matches!(member, Member::Institution(named) if named == *id))
        });
        (named.map(|(node, _)| node).collect(), group.threshold as usize)
    }

    fn check(&self, before: &Self, ids: &[InstitutionId]) -> Result<(), String> {
        let active = self.active();
        let (named, _) = self.named(ids);
        if !named.is_subset(&active) {
            return Err(format!("the policy names {named:?} where {active:?} are active"));
        }
        if active.len() < ACTIVE_MIN {
            return Err(format!("only {active:?} would be left"));
        }
        if let Some(gone) = self.needed().iter().find(|node| !active.contains(node)) {
            return Err(format!("the policy needs the seal of node {gone}, which would have none"));
        }
        if (&self.seats, &self.policy) == (&before.seats, &before.policy) {
            return Err("nothing would change".to_owned());
        }
        Ok(())
    }
}

struct Proposal {
    number: u64,
    by: usize,
    change: Change,
    approved: BTreeSet<usize>,
    refused: BTreeSet<usize>,
}

/// All terms decided so far, and what is open.
pub(crate) struct Terms {
    ids: Vec<InstitutionId>,
    pub(crate) decided: Vec<Term>,
    open: Vec<Proposal>,
    /// The policy with which whoever is invited comes.
    invited: BTreeMap<usize, Option<Policy>>,
    next_number: u64,
    /// What changed, in a word each.
    pub(crate) kinds: BTreeSet<&'static str>,
}

impl Terms {
    pub(crate) fn new(alliance: &Alliance) -> Self {
        let genesis = &alliance.fixture.genesis;
        let seats = genesis.institutions.iter().map(|one| Seat {
            active: true,
            consensus_key: one.consensus_key,
            seal_key: one.seal_key,
        });
        let first = Term { from: 0, seats: (0..).zip(seats).collect(), policy: genesis.policy.clone() };
        let ids = (0..alliance.nodes()).map(|node| alliance.id(node).clone()).collect();
        Self {
            ids,
            decided: vec![first],
            open: Vec::new(),
            invited: BTreeMap::new(),
            next_number: 1,
            kinds: BTreeSet::new(),
        }
    }

    /// The term to which `height` belongs.
    pub(crate) fn at(&self, height: u64) -> &Term {
        self.decided.iter().rev().find(|term| term.from <= height).unwrap()
    }

    /// Whether the seals of `who`, active members all, and `stamps` time stamps make certificates of the term to which `height` belongs.
    pub(crate) fn is_met(&self, height: u64, who: &BTreeSet<usize>, stamps: usize) -> bool {
        let term = self.at(height);
        let (named, threshold) = term.named(&self.ids);
        named.intersection(who).count() >= threshold
            && term.needed().iter().all(|node| who.contains(node))
            && stamps >= 1
    }

    pub(crate) fn last(&self) -> &Term {
        self.decided.last().unwrap()
    }

    /// Whether a node that may be behind says of the term at `height` what is so.
    pub(crate) fn check(&self, height: u64, said: &alliance::Term) -> Result<(), String> {
        let number = usize::try_from(said.number).unwrap();
        let seats = said.members.iter().map(|member| {
            let node = self.node(&member.institution.id);
            let seat = Seat {
                active: member.status == MemberStatus::Active,
                consensus_key: member.institution.consensus_key,
                seal_key: member.institution.seal_key,
            };
            (node, seat)
        });
        let said = Term { from: said.from.0, seats: seats.collect(), policy: said.policy.clone() };
        if self.decided.get(number) == Some(&said) && *self.at(height) == said {
            return Ok(());
        }
        Err(format!("the term of height {height} is {number}, {said:?}, and should be {:?}", self.at(height)))
    }

    /// Takes what node `by`'s institution said in the block at `height`.
    ///
    /// # Errors
    /// Why that should not have been recorded.
    pub(crate) fn apply(&mut self, height: u64, by: usize, said: &Governance) -> Result<(), String> {
        let now = self.last().clone();
        if now.from > height {
            return Err(format!("a term from height {} on was decided already", now.from));
        }
        if let Governance::Confirm(keys) = said {
            let policy = self.invited.remove(&by).ok_or_else(|| format!("node {by} was not invited"))?;
            let mut term = Term { from: height + DELAY, ..now.clone() };
            let (consensus_key, seal_key) = (keys.consensus_key, keys.seal_key);
            term.seats.insert(by, Seat { active: true, consensus_key, seal_key });
            term.policy = policy.unwrap_or(term.policy);
            term.check(&now, &self.ids)?;
            self.decide(term, "invite");
            return Ok(());
        }
        if !now.active().contains(&by) {
            return Err(format!("node {by} has no seat"));
        }
        match said {
            Governance::Propose(change) => {
                if self.open.iter().any(|open| open.by == by) {
                    return Err(format!("a proposal of node {by} is open"));
                }
                self.outlook(height, change)?;
                let (number, change) = (self.next_number, change.clone());
                self.next_number += 1;
                let (approved, refused) = (BTreeSet::from([by]), BTreeSet::new());
                self.open.push(Proposal { number, by, change, approved, refused });
            }
            Governance::Vote(vote) => {
                let at = self.open.iter().position(|open| open.number == vote.proposal);
                let at = at.ok_or_else(|| format!("proposal {} is not open", vote.proposal))?;
                let open = &mut self.open[at];
                let (side, other) = match vote.approve {
                    true => (&mut open.approved, &mut open.refused),
                    false => (&mut open.refused, &mut open.approved),
                };
                other.remove(&by);
                side.insert(by);
                if open.approved.len() >= now.quorum() {
                    let change = self.open.remove(at).change;
                    let term = self.outlook(height, &change)?;
                    match &change.step {
                        Step::Invite(invite) => {
                            self.invited.insert(self.node(&invite.institution), change.policy);
                        }
                        Step::Suspend(_) => self.decide(term, "suspend"),
                        Step::Readmit(_) => self.decide(term, "readmit"),
                        Step::Remove(_) => self.decide(term, "remove"),
                        _ => self.decide(term, "policy"),
                    }
                } else if open.refused.len() > now.active().len() - now.quorum() {
                    self.open.remove(at);
                }
            }
            Governance::Rotate(keys) => {
                let mut term = Term { from: height + DELAY, ..now.clone() };
                let seat = term.seats.get_mut(&by).unwrap();
                (seat.consensus_key, seat.seal_key) = (keys.consensus_key, keys.seal_key);
                term.check(&now, &self.ids)?;
                self.decide(term, "rotate");
            }
            other => return Err(format!("nobody said {other:?}")),
        }
        Ok(())
    }

    fn node(&self, id: &InstitutionId) -> usize {
        self.ids.iter().position(|one| one == id).unwrap()
    }

    fn decide(&mut self, term: Term, kind: &'static str) {
        self.kinds.insert(kind);
        self.decided.push(term);
        self.open.clear();
    }

    /// The term that follows if `change` passes at `height`.
    fn outlook(&self, height: u64, change: &Change) -> Result<Term, String> {
        let now = self.last();
        let mut term = Term { from: height + DELAY, ..now.clone() };
        let mut set = |id, active| match term.seats.get_mut(&self.node(id)) {
            Some(seat) if seat.active != active => {
                seat.active = active;
                Ok(())
            }
            _ => Err(format!("{id} is not the other way round")),
        };
        match &change.step {
            Step::Suspend(id) => set(id, false)?,
            Step::Readmit(id) => set(id, true)?,
            Step::Remove(id) => {
                term.seats.remove(&self.node(id)).ok_or("it is no member")?;
            }
            Step::Policy => {}
            Step::Invite(invite) => {
                let seat = Seat { active: true, consensus_key: invite.key, seal_key: invite.key };
                let before = term.seats.insert(self.node(&invite.institution), seat);
                before.map_or(Ok(()), |_| Err("it is a member already"))?;
            }
            other => return Err(format!("nobody proposes {other:?}")),
        }
        if let Some(policy) = &change.policy {
            term.policy = policy.clone();
        }
        term.check(now, &self.ids)?;
        Ok(term)
    }
}
