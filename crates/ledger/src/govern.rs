//! What institutions' statements about membership do to the alliance.
//!
//! A pure function of the value before, the statement and the block's height and time. Whatever is refused changes nothing.

use xiezhi_evidence::{
    Alliance, Genesis, Governance, Policy, Term,
    alliance::{
        INVITATIONS_MAX, Invitation, Member, MemberStatus, OPEN_MS, Proposal, Suites, TERM_DELAY, TermError,
        institution_account_id,
    },
    genesis::Institution,
    governance::{Change, Invite, Keys, Step, Vote},
};
use xiezhi_types::{AccountId, Height, InstitutionId, LedgerId, TimestampMs};

/// Why what an institution says about membership is not recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GovernanceError {
    /// The issuer is no active member's account.
    #[error("account {account} is not that of an active member")]
    NotAMember {
        /// The issuer.
        account: AccountId,
    },
    /// The issuer has no open invitation.
    #[error("account {account} has no open invitation")]
    NotInvited {
        /// The issuer.
        account: AccountId,
    },
    /// A next term is decided already; it is never altered.
    #[error("term {number} is decided and begins at height {from}: nothing can change before")]
    TermDecided {
        /// The term's number.
        number: u64,
        /// Its first height.
        from: Height,
    },
    /// There is no such open proposal.
    #[error("there is no open proposal {number}")]
    NoProposal {
        /// The number.
        number: u64,
    },
    /// Only the proposer can take a proposal back.
    #[error("proposal {number} was made by {proposer}")]
    NotTheProposer {
        /// The proposal.
        number: u64,
        /// Who made it.
        proposer: InstitutionId,
    },
    /// A member has one open proposal at a time.
    #[error("proposal {number} of the same member is open")]
    ProposalOpen {
        /// That proposal.
        number: u64,
    },
    /// Too many invitations are open.
    #[error("{INVITATIONS_MAX} invitations are open")]
    TooManyInvitations,
    /// The change does not fit the member it names.
    #[error("{institution} {reason}")]
    DoesNotFit {
        /// The member.
        institution: InstitutionId,
        /// Why not.
        reason: &'static str,
    },
    /// Keys, address or policy are those of the current term.
    #[error("nothing would change")]
    NothingChanges,
    /// The term that would follow must not be.
    #[error("the term that would follow is not allowed: {0}")]
    Term(#[from] TermError),
    /// A signature that proves possession of a key does not hold.
    #[error("the proof of possession of the keys does not hold")]
    Possession,
}

impl GovernanceError {
    /// Stable code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAMember { .. } => "governance-not-a-member",
            Self::NotInvited { .. } => "governance-not-invited",
            Self::TermDecided { .. } => "governance-term-decided",
            Self::NoProposal { .. } => "governance-no-proposal",
            Self::NotTheProposer { .. } => "governance-not-the-proposer",
            Self::ProposalOpen { .. } => "governance-proposal-open",
            Self::TooManyInvitations => "governance-too-many-invitations",
            Self::DoesNotFit { .. } => "governance-does-not-fit",
            Self::NothingChanges => "governance-nothing-changes",
            Self::Term(_) => "governance-term-not-allowed",
            Self::Possession => "governance-possession",
        }
    }
}

/// The value as the block at `height` finds it, where that is another than `before`: a decided term has begun.
#[must_use]
pub fn begin(before: &Alliance, height: Height) -> Option<Alliance> {
    let next = before.next.as_ref().filter(|next| next.from <= height)?;
    let mut alliance = Alliance { term: next.clone(), next: None, ..before.clone() };
    alliance.invitations.retain(|one| alliance.term.member(&one.institution).is_none());
    Some(alliance)
}

/// The value after `issuer` has said `said` in the block at `height` with block time `time`.
///
/// `alliance` is the value as it stands then: after [`begin`] and the block's earlier statements.
///
/// # Errors
/// [`GovernanceError`].
pub(crate) fn govern(
    alliance: &Alliance,
    (genesis, ledger): (&Genesis, &LedgerId),
    issuer: &AccountId,
    said: &Governance,
    height: Height,
    time: TimestampMs,
) -> Result<Alliance, GovernanceError> {
    if let Some(next) = &alliance.next {
        return Err(GovernanceError::TermDecided { number: next.number, from: next.from });
    }
    let mut alliance = alliance.clone();
    alliance.proposals.retain(|proposal| proposal.until > time);
    alliance.invitations.retain(|invitation| invitation.until > time);
    let mut draft = Draft { alliance, genesis, ledger, height, time };
    if let Governance::Confirm(keys) = said {
        let invited = draft.alliance.invitations.iter();
        let invited = invited.map(|one| one.institution.clone()).find(|id| is_account_of(ledger, id, issuer));
        let invited = invited.ok_or(GovernanceError::NotInvited { account: *issuer })?;
        draft.confirm(&invited, keys)?;
        return Ok(draft.alliance);
    }
    let members = draft.alliance.term.institutions().into_iter().map(|institution| institution.id);
    let member = members.into_iter().find(|id| is_account_of(ledger, id, issuer));
    let member = member.ok_or(GovernanceError::NotAMember { account: *issuer })?;
    match said {
        Governance::Propose(change) => draft.propose(member, change)?,
        Governance::Vote(vote) => draft.vote(&member, vote)?,
        Governance::Withdraw(number) => draft.withdraw(&member, *number)?,
        Governance::Leave => draft.leave(&member)?,
        Governance::Rotate(keys) | Governance::Confirm(keys) => draft.rotate(&member, keys)?,
    }
    Ok(draft.alliance)
}

fn is_account_of(ledger: &LedgerId, institution: &InstitutionId, account: &AccountId) -> bool {
    institution_account_id(ledger, institution) == *account
}

/// The value that is being made.
struct Draft<'a> {
    alliance: Alliance,
    genesis: &'a Genesis,
    ledger: &'a LedgerId,
    height: Height,
    time: TimestampMs,
}

impl Draft<'_> {
    fn until(&self) -> TimestampMs {
        TimestampMs(self.time.0.saturating_add(OPEN_MS))
    }

    /// The term that follows if `members` are in it, checked.
    fn term(&self, members: Vec<Member>, policy: Option<&Policy>) -> Result<Term, GovernanceError> {
        self.term_with(members, policy, self.alliance.term.suites.clone())
    }

    fn term_with(
        &self,
        members: Vec<Member>,
        policy: Option<&Policy>,
        suites: Option<Suites>,
    ) -> Result<Term, GovernanceError> {
        let now = &self.alliance.term;
        let policy = policy.unwrap_or(&now.policy).clone();
        if members == now.members && policy == now.policy && suites == now.suites {
            return Err(GovernanceError::NothingChanges);
        }
        let from = Height(self.height.0.saturating_add(TERM_DELAY));
        let term = Term { number: now.number + 1, from, members, policy, suites };
        term.check()?;
        Ok(term)
    }

    /// A decided term closes every proposal: they were made, and voted on, in view of another alliance.
    fn decide(&mut self, term: Term) {
        self.alliance.next = Some(term);
        self.alliance.proposals.clear();
    }

    /// The term to which `change` leads; for an invitation, as if it were confirmed.
    fn outlook(&self, change: &Change) -> Result<Term, GovernanceError> {
        let mut members = self.alliance.term.members.clone();
        match &change.step {
            Step::Invite(invite) => {
                if members.iter().any(|member| member.institution.id == invite.institution) {
                    return Err(does_not_fit(&invite.institution, "is a member already"));
                }
                insert(&mut members, invited(invite));
            }
            Step::Suspend(id) => set_status(&mut members, id, MemberStatus::Suspended)?,
            Step::Readmit(id) => set_status(&mut members, id, MemberStatus::Active)?,
            Step::Remove(id) => {
                let before = members.len();
                members.retain(|member| member.institution.id != *id);
                if members.len() == before {
                    return Err(does_not_fit(id, "is no member"));
                }
            }
            Step::Policy => {}
            Step::Suites(allowed) => {
                let now = self.alliance.term.suites(self.genesis);
                let next = now.followed_by(allowed);
                let suites = if next == now { self.alliance.term.suites.clone() } else { Some(next) };
                return self.term_with(members, change.policy.as_ref(), suites);
            }
        }
        self.term(members, change.policy.as_ref())
    }

    fn propose(&mut self, proposer: InstitutionId, change: &Change) -> Result<(), GovernanceError> {
        if let Some(open) = self.alliance.proposals.iter().find(|open| open.proposer == proposer) {
            return Err(GovernanceError::ProposalOpen { number: open.number });
        }
        self.outlook(change)?;
        let number = self.alliance.next_proposal;
        self.alliance.next_proposal += 1;
        self.alliance.proposals.push(Proposal {
            number,
            approved: vec![proposer.clone()],
            refused: Vec::new(),
            proposer,
            change: change.clone(),
            until: self.until(),
        });
        Ok(())
    }

    fn proposal(&mut self, number: u64) -> Result<&mut Proposal, GovernanceError> {
        let found = self.alliance.proposals.iter_mut().find(|proposal| proposal.number == number);
        found.ok_or(GovernanceError::NoProposal { number })
    }

    fn close(&mut self, number: u64) {
        self.alliance.proposals.retain(|proposal| proposal.number != number);
    }

    fn vote(&mut self, voter: &InstitutionId, vote: &Vote) -> Result<(), GovernanceError> {
        let (quorum, active) = (self.alliance.term.quorum(), self.alliance.term.institutions().len());
        let proposal = self.proposal(vote.proposal)?;
        let mut sides = [&mut proposal.approved, &mut proposal.refused];
        for side in &mut sides {
            side.retain(|one| one != voter);
        }
        let side = &mut *sides[usize::from(!vote.approve)];
        side.push(voter.clone());
        side.sort();
        let has_failed = proposal.refused.len() > active - quorum;
        if proposal.approved.len() >= quorum {
            let change = proposal.change.clone();
            self.close(vote.proposal);
            self.pass(&change)?;
        } else if has_failed {
            self.close(vote.proposal);
        }
        Ok(())
    }

    fn pass(&mut self, change: &Change) -> Result<(), GovernanceError> {
        let term = self.outlook(change)?;
        let Step::Invite(invite) = &change.step else {
            self.decide(term);
            return Ok(());
        };
        let until = self.until();
        let invitations = &mut self.alliance.invitations;
        invitations.retain(|open| open.institution != invite.institution);
        if invitations.len() >= INVITATIONS_MAX {
            return Err(GovernanceError::TooManyInvitations);
        }
        invitations.push(Invitation {
            institution: invite.institution.clone(),
            role: invite.role,
            name: invite.name.clone(),
            key: invite.key,
            policy: change.policy.clone(),
            until,
        });
        invitations.sort_by(|one, two| one.institution.cmp(&two.institution));
        Ok(())
    }

    fn withdraw(&mut self, member: &InstitutionId, number: u64) -> Result<(), GovernanceError> {
        let proposer = self.proposal(number)?.proposer.clone();
        if proposer != *member {
            return Err(GovernanceError::NotTheProposer { number, proposer });
        }
        self.close(number);
        Ok(())
    }

    fn confirm(&mut self, invited: &InstitutionId, keys: &Keys) -> Result<(), GovernanceError> {
        keys.verify(self.ledger, invited).map_err(|_| GovernanceError::Possession)?;
        let found = self.alliance.invitations.iter().find(|one| one.institution == *invited);
        let invitation = found.ok_or_else(|| does_not_fit(invited, "is not invited"))?.clone();
        let institution = Institution {
            id: invitation.institution,
            role: invitation.role,
            name: invitation.name,
            consensus_key: keys.consensus_key,
            seal_key: keys.seal_key,
        };
        let mut members = self.alliance.term.members.clone();
        insert(
            &mut members,
            Member { institution, status: MemberStatus::Active, address: Some(keys.address.clone()) },
        );
        let term = self.term(members, invitation.policy.as_ref())?;
        self.decide(term);
        Ok(())
    }

    fn leave(&mut self, member: &InstitutionId) -> Result<(), GovernanceError> {
        let mut members = self.alliance.term.members.clone();
        members.retain(|one| one.institution.id != *member);
        let term = self.term(members, None)?;
        self.decide(term);
        Ok(())
    }

    fn rotate(&mut self, member: &InstitutionId, keys: &Keys) -> Result<(), GovernanceError> {
        keys.verify(self.ledger, member).map_err(|_| GovernanceError::Possession)?;
        let mut members = self.alliance.term.members.clone();
        for one in members.iter_mut().filter(|one| one.institution.id == *member) {
            one.institution.consensus_key = keys.consensus_key;
            one.institution.seal_key = keys.seal_key;
            one.address = Some(keys.address.clone());
        }
        let term = self.term(members, None)?;
        self.decide(term);
        Ok(())
    }
}

fn does_not_fit(institution: &InstitutionId, reason: &'static str) -> GovernanceError {
    GovernanceError::DoesNotFit { institution: institution.clone(), reason }
}

/// The invited institution as a member; its keys are not known yet, and the invitation's stands for both.
fn invited(invite: &Invite) -> Member {
    let institution = Institution {
        id: invite.institution.clone(),
        role: invite.role,
        name: invite.name.clone(),
        consensus_key: invite.key,
        seal_key: invite.key,
    };
    Member { institution, status: MemberStatus::Active, address: None }
}

fn insert(members: &mut Vec<Member>, member: Member) {
    members.push(member);
    members.sort_by(|one, two| one.institution.id.cmp(&two.institution.id));
}

fn set_status(
    members: &mut [Member],
    id: &InstitutionId,
    status: MemberStatus,
) -> Result<(), GovernanceError> {
    let member = members.iter_mut().find(|member| member.institution.id == *id);
    let member = member.ok_or_else(|| does_not_fit(id, "is no member"))?;
    if member.status == status {
        return Err(does_not_fit(
            id,
            match status {
                MemberStatus::Active => "is not suspended",
                MemberStatus::Suspended => "is suspended already",
            },
        ));
    }
    member.status = status;
    Ok(())
}

#[cfg(test)]
mod tests;
