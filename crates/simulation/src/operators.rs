//! What institutions' people do: they want the alliance to change, and vote on what others want, by what their own node shows them.

use xiezhi_evidence::{
    Governance, Policy,
    alliance::MemberStatus,
    genesis::Institution,
    governance::{Change, Step, Vote},
};
use xiezhi_ledger::{GovernanceError, Rejection};
use xiezhi_types::{InstitutionId, Role};

use crate::{
    alliance::{Alliance, REGISTRY, START_MS},
    cluster::{Cluster, Faces, Purpose},
    schedule::{Chance, Want, Wish},
};

/// Who cannot have a change now tries again after this time.
const WANT_AGAIN_MS: u64 = 1_500;
/// Of a hundred votes, so many are in favour.
const IN_FAVOUR_PERCENT: u64 = 90;

impl Cluster {
    /// Votes on what is open, and says what is wanted. Whoever is suspended tries as well.
    pub(crate) fn govern(&mut self, faces: &Faces, now_ms: u64) {
        for (node, all) in faces {
            let alliance = all[0].node.alliance();
            for proposal in &alliance.proposals {
                let is_own = proposal.proposer == *self.alliance.id(*node);
                if is_own || !self.voted.insert((*node, proposal.number)) {
                    continue;
                }
                let mut chance =
                    Chance::new(self.schedule.seed ^ (*node as u64) << 32 ^ proposal.number << 40);
                let approve = chance.percent(IN_FAVOUR_PERCENT);
                let vote = Governance::Vote(Vote { proposal: proposal.number, approve });
                self.say(faces, *node, &vote, Purpose::Vote(*node, proposal.number), now_ms);
            }
            let is_invited =
                alliance.invitations.iter().any(|one| one.institution == *self.alliance.id(*node));
            if is_invited && !self.confirms {
                self.confirms = true;
                self.wishes.push((now_ms, Wish { node: *node, want: Want::Confirm }));
            }
        }
        let due = |(at, wish): &mut (u64, Wish)| *at <= now_ms && faces.contains_key(&wish.node);
        let wishes: Vec<_> = self.wishes.extract_if(.., due).collect();
        for (_, wish) in wishes {
            let said = wanted(&self.alliance, &faces[&wish.node][0].node.alliance(), wish);
            self.say(faces, wish.node, &said, Purpose::Wish(wish), now_ms);
        }
    }

    fn say(&mut self, faces: &Faces, node: usize, said: &Governance, purpose: Purpose, now_ms: u64) {
        let alliance = faces[&node][0].node.alliance();
        let id = self.alliance.id(node);
        let invitation = || alliance.invitations.iter().find(|one| one.institution == *id).map(|one| one.key);
        let key = alliance.term.member(id).map(|member| member.institution.seal_key).or_else(invitation);
        // Who is no member any more has nothing to say.
        let Some(key) = key else { return };
        let statement = self.alliance.say(node, &key, START_MS + now_ms, said);
        self.checks.said.insert(statement.clone(), (node, said.clone()));
        self.deposit(statement, node, purpose);
    }

    /// An institution's statement was refused: what it was for may be had later, or never.
    pub(crate) fn refused(&mut self, purpose: Purpose, rejection: &Rejection, now_ms: u64) {
        let never = match rejection {
            Rejection::Governance(reason) => {
                !matches!(reason, GovernanceError::TermDecided { .. } | GovernanceError::ProposalOpen { .. })
            }
            _ => false,
        };
        if never {
            self.refusals.insert(rejection.code());
        }
        match purpose {
            _ if never => {}
            Purpose::Vote(node, number) => drop(self.voted.remove(&(node, number))),
            Purpose::Wish(wish) if !self.healed || wish.want == Want::Confirm => {
                self.wishes.push((now_ms + WANT_AGAIN_MS, wish))
            }
            Purpose::Wish(_) | Purpose::Deposit => {}
        }
    }
}

/// How an institution says what it wants.
fn wanted(alliance: &Alliance, now: &xiezhi_evidence::Alliance, wish: Wish) -> Governance {
    let before = now.term.institutions();
    let id = |node: usize| alliance.id(node).clone();
    let changed = |step: Step, institution: &InstitutionId, is_active: bool| {
        let mut members = now.term.members.clone();
        for member in members.iter_mut().filter(|one| one.institution.id == *institution) {
            member.status = if is_active { MemberStatus::Active } else { MemberStatus::Suspended };
        }
        members.retain(|member| member.status == MemberStatus::Active);
        let after: Vec<_> = members.into_iter().map(|member| member.institution).collect();
        let policy = Some(now.term.policy.adjusted(&before, &after));
        Governance::Propose(Change { step, policy })
    };
    match wish.want {
        Want::Suspend(node) => changed(Step::Suspend(id(node)), &id(node), false),
        Want::Readmit(node) => changed(Step::Readmit(id(node)), &id(node), true),
        Want::Remove(node) => changed(Step::Remove(id(node)), &id(node), false),
        Want::Policy(strict) => {
            let roles: &[Role] = if strict { &[Role::Court, Role::Notary] } else { &[Role::Court] };
            let policy = Some(Policy::quorum(&before, roles, 1));
            Governance::Propose(Change { step: Step::Policy, policy })
        }
        Want::Invite => {
            let invite = alliance.invite();
            let mut after = before.clone();
            after.push(Institution {
                id: invite.institution.clone(),
                role: invite.role,
                name: invite.name.clone(),
                consensus_key: invite.key,
                seal_key: invite.key,
            });
            let policy = Some(now.term.policy.adjusted(&before, &after));
            Governance::Propose(Change { step: Step::Invite(invite), policy })
        }
        Want::Confirm => Governance::Confirm(alliance.first_keys(REGISTRY)),
        Want::Rotate => Governance::Rotate(alliance.second_keys(wish.node)),
    }
}
