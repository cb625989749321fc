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

    /// Whether the seals of `who` and `stamps` time stamps make certificates.
    pub(crate) fn is_met(&self, who: &BTreeSet<usize>, stamps: usize) -> bool {
        let counted = self.active().intersection(who).count();
        counted >= self.quorum() && self.needed().iter().all(|node| who.contains(node)) && stamps >= 1
    }

    fn check(&self, before: &Self) -> Result<(), String> {
        let active = self.active();
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
    next_number: u64,
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
        let ids = genesis.institutions.iter().map(|one| one.id.clone()).collect();
        Self { ids, decided: vec![first], open: Vec::new(), next_number: 1 }
    }

    /// The term to which `height` belongs.
    pub(crate) fn at(&self, height: u64) -> &Term {
        self.decided.iter().rev().find(|term| term.from <= height).unwrap()
    }

    pub(crate) fn last(&self) -> &Term {
        self.decided.last().unwrap()
    }

    /// Whether a node that may be behind says of the term at `height` what is so.
    pub(crate) fn check(&self, height: u64, said: &alliance::Term) -> Result<(), String> {
        let number = usize::try_from(said.number).unwrap();
        let seats = said.members.iter().map(|member| {
            let node = self.ids.iter().position(|id| *id == member.institution.id).unwrap();
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
                    let term = self.outlook(height, &self.open[at].change.clone())?;
                    self.decide(term);
                } else if open.refused.len() > now.active().len() - now.quorum() {
                    self.open.remove(at);
                }
            }
            Governance::Rotate(keys) => {
                let mut term = Term { from: height + DELAY, ..now.clone() };
                let seat = term.seats.get_mut(&by).unwrap();
                (seat.consensus_key, seat.seal_key) = (keys.consensus_key, keys.seal_key);
                term.check(&now)?;
                self.decide(term);
            }
            other => return Err(format!("nobody said {other:?}")),
        }
        Ok(())
    }

    fn decide(&mut self, term: Term) {
        self.decided.push(term);
        self.open.clear();
    }

    /// The term that follows if `change` passes at `height`.
    fn outlook(&self, height: u64, change: &Change) -> Result<Term, String> {
        let now = self.last();
        let node = |id: &InstitutionId| self.ids.iter().position(|one| one == id).unwrap();
        let mut term = Term { from: height + DELAY, ..now.clone() };
        let mut set = |id, active| match term.seats.get_mut(&node(id)) {
            Some(seat) if seat.active != active => Ok(seat.active = active),
            _ => Err(format!("{id} is not the other way round")),
        };
        match &change.step {
            Step::Suspend(id) => set(id, false)?,
            Step::Readmit(id) => set(id, true)?,
            Step::Remove(id) => drop(term.seats.remove(&node(id)).ok_or("it is no member")?),
            Step::Policy => {}
            other => return Err(format!("nobody proposes {other:?}")),
        }
        if let Some(policy) = &change.policy {
            term.policy = policy.clone();
        }
        term.check(now)?;
        Ok(term)
    }
}
