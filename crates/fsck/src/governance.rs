//! The alliance as the log makes it: the rules of docs/specs/governance.md, restated.

use std::collections::BTreeMap;

use xiezhi_crypto::{PublicKey, SignatureAlg};
use xiezhi_evidence::{
    Account, Alliance, Genesis, Governance, Policy, Term,
    alliance::{
        INVITATIONS_MAX, Invitation, Member, MemberStatus, OPEN_MS, Proposal, STATE_KEY, Suites, TERM_DELAY,
        institution_account, institution_account_id,
    },
    genesis::Institution,
    governance::{Change, Keys, Step, Vote},
};
use xiezhi_types::{AccountId, Height, InstitutionId, LedgerId, Role, TimestampMs, canonical};

/// An entry of the state.
pub(crate) type Entry = (Vec<u8>, Vec<u8>);

/// The alliance, its institutions' accounts, and what the state's entries for both were.
pub(crate) struct Membership {
    ledger: LedgerId,
    /// The suites of the genesis.
    first_suites: Suites,
    now: Alliance,
    is_changed: bool,
    /// Terms that are over.
    past: Vec<Term>,
    /// For each term after the first: the height of the block that decided it, and the value then.
    pub(crate) decided: Vec<(u64, Alliance)>,
    accounts: BTreeMap<AccountId, Account>,
    /// What each block set, by height.
    pub(crate) history: BTreeMap<u64, Vec<Entry>>,
}

impl Membership {
    pub(crate) fn new(genesis: &Genesis, ledger: LedgerId) -> Self {
        let mut membership = Self {
            ledger,
            first_suites: Suites::at_genesis(genesis),
            now: Alliance::at_genesis(genesis),
            is_changed: true,
            past: Vec::new(),
            decided: Vec::new(),
            accounts: BTreeMap::new(),
            history: BTreeMap::new(),
        };
        membership.end_block(0);
        membership
    }

    /// The institution's account `id`.
    pub(crate) fn account(&self, id: &AccountId) -> Option<&Account> {
        self.accounts.get(id)
    }

    /// The active court whose account `id` is.
    pub(crate) fn court(&self, id: &AccountId) -> Option<InstitutionId> {
        let courts = self.now.term.members.iter().filter(|member| member.institution.role == Role::Court);
        let active = courts.filter(|member| member.status == MemberStatus::Active);
        let mut ids = active.map(|member| &member.institution.id);
        ids.find(|court| institution_account_id(&self.ledger, court) == *id).cloned()
    }

    /// The term of the block at `height`.
    pub(crate) fn term_at(&self, height: u64) -> &Term {
        let past = || self.past.iter().rev().find(|term| term.from.0 <= height);
        self.now.term_at(Height(height)).or_else(past).unwrap_or(&self.now.term)
    }

    /// A block that has records begins.
    pub(crate) fn begin_block(&mut self, height: u64) {
        let Some(next) = self.now.next.take_if(|next| next.from.0 <= height) else { return };
        self.now.invitations.retain(|open| next.members.iter().all(|m| m.institution.id != open.institution));
        self.past.push(std::mem::replace(&mut self.now.term, next));
        self.set_accounts(height);
    }

    /// A block ends: gives the entries that it set.
    pub(crate) fn end_block(&mut self, height: u64) -> Vec<Entry> {
        if !std::mem::take(&mut self.is_changed) {
            return Vec::new();
        }
        if self.accounts.is_empty() {
            self.set_accounts(height);
            self.is_changed = false;
        }
        if let Some(next) = &self.now.next
            && self.decided.len() as u64 != next.number
        {
            self.decided.push((height, self.now.clone()));
        }
        // Written again where they did not change, these would be other entries: of another version.
        let before: BTreeMap<_, _> = self.history.values().flatten().cloned().collect();
        let accounts = self.accounts.values();
        let accounts = accounts.map(|one| ([b"account/".as_slice(), &one.id.0].concat(), canonical(one)));
        let mut entries: Vec<_> = accounts.filter(|(key, value)| before.get(key) != Some(value)).collect();
        entries.push((STATE_KEY.to_vec(), self.now.encode()));
        self.history.insert(height, entries.clone());
        entries
    }

    fn set_accounts(&mut self, height: u64) {
        self.is_changed = true;
        for (institution, keys) in self.now.account_keys() {
            let id = institution_account_id(&self.ledger, &institution);
            let created = self.accounts.get(&id).map_or(Height(height), |account| account.created);
            let keys =
                keys.iter().filter_map(|key| PublicKey::new(SignatureAlg::Ed25519, key).ok()).collect();
            self.accounts.insert(id, institution_account(id, keys, created));
        }
    }

    /// Takes what `issuer` said in the block at `height` of `time`, or says why it may not be there.
    pub(crate) fn take(
        &mut self,
        issuer: &AccountId,
        said: &Governance,
        height: u64,
        time: u64,
    ) -> Result<(), String> {
        if self.now.next.is_some() {
            return Err("a next term is decided".to_owned());
        }
        let mut after = self.now.clone();
        after.proposals.retain(|open| open.until.0 > time);
        after.invitations.retain(|open| open.until.0 > time);
        let who = |id: &InstitutionId| institution_account_id(&self.ledger, id) == *issuer;
        let speaker = if matches!(said, Governance::Confirm(_)) {
            after.invitations.iter().map(|open| &open.institution).find(|id| who(id)).cloned()
        } else {
            let active = after.term.institutions();
            active.into_iter().map(|institution| institution.id).find(|id| who(id))
        };
        let speaker = speaker.ok_or("the issuer has no say")?;
        match said {
            Governance::Propose(change) => {
                propose(&mut after, speaker, change, &self.first_suites, (height, time))?;
            }
            Governance::Vote(vote) => {
                cast(&mut after, speaker, vote, &self.first_suites, (height, time))?;
            }
            Governance::Withdraw(number) => {
                let open = after.proposals.len();
                after.proposals.retain(|one| one.number != *number || one.proposer != speaker);
                if after.proposals.len() == open {
                    return Err("no such proposal of the issuer".to_owned());
                }
            }
            Governance::Confirm(keys) => {
                keys.verify(&self.ledger, &speaker).map_err(|e| e.to_string())?;
                let invitation = after.invitations.iter().find(|open| open.institution == speaker);
                let invitation = invitation.cloned().ok_or("no invitation")?;
                let mut members = after.term.members.clone();
                members.push(seated(&invitation, keys));
                decide(&mut after, members, invitation.policy, None, height)?;
            }
            Governance::Leave => {
                let mut members = after.term.members.clone();
                members.retain(|member| member.institution.id != speaker);
                decide(&mut after, members, None, None, height)?;
            }
            Governance::Rotate(keys) => {
                keys.verify(&self.ledger, &speaker).map_err(|e| e.to_string())?;
                let mut members = after.term.members.clone();
                if let Some(member) = members.iter_mut().find(|member| member.institution.id == speaker) {
                    (member.institution.consensus_key, member.institution.seal_key) =
                        (keys.consensus_key, keys.seal_key);
                    member.address = Some(keys.address.clone());
                }
                decide(&mut after, members, None, None, height)?;
            }
        }
        self.now = after;
        self.set_accounts(height);
        Ok(())
    }
}

fn seated(invitation: &Invitation, keys: &Keys) -> Member {
    let institution = Institution {
        id: invitation.institution.clone(),
        role: invitation.role,
        name: invitation.name.clone(),
        consensus_key: keys.consensus_key,
        seal_key: keys.seal_key,
    };
    Member { institution, status: MemberStatus::Active, address: Some(keys.address.clone()) }
}

/// The term that would follow, if it may; `suites` where others are allowed.
fn follow(
    now: &Term,
    mut members: Vec<Member>,
    policy: Option<Policy>,
    suites: Option<Suites>,
    height: u64,
) -> Result<Term, String> {
    members.sort_by(|one, two| one.institution.id.cmp(&two.institution.id));
    let policy = policy.unwrap_or_else(|| now.policy.clone());
    let suites = suites.or_else(|| now.suites.clone());
    let from = Height(height.saturating_add(TERM_DELAY));
    let term = Term { number: now.number + 1, from, members, policy, suites };
    if (&term.members, &term.policy, &term.suites) == (&now.members, &now.policy, &now.suites) {
        return Err("nothing changes".to_owned());
    }
    term.check().map_err(|e| e.to_string())?;
    Ok(term)
}

fn decide(
    after: &mut Alliance,
    members: Vec<Member>,
    policy: Option<Policy>,
    suites: Option<Suites>,
    height: u64,
) -> Result<(), String> {
    after.next = Some(follow(&after.term, members, policy, suites, height)?);
    after.proposals = Vec::new();
    Ok(())
}

/// The members if `change` passes.
fn changed(now: &Term, change: &Change) -> Result<Vec<Member>, String> {
    let mut members = now.members.clone();
    let status = |members: &[Member], id: &InstitutionId| {
        members.iter().find(|member| member.institution.id == *id).map(|member| member.status)
    };
    let set = |members: &mut Vec<Member>, id: &InstitutionId, to| {
        for member in members.iter_mut().filter(|member| member.institution.id == *id) {
            member.status = to;
        }
    };
    let fits = match &change.step {
        Step::Suspend(id) => {
            let fits = status(&members, id) == Some(MemberStatus::Active);
            set(&mut members, id, MemberStatus::Suspended);
            fits
        }
        Step::Readmit(id) => {
            let fits = status(&members, id) == Some(MemberStatus::Suspended);
            set(&mut members, id, MemberStatus::Active);
            fits
        }
        Step::Remove(id) => {
            let fits = status(&members, id).is_some();
            members.retain(|member| member.institution.id != *id);
            fits
        }
        Step::Invite(invite) => {
            let fits = status(&members, &invite.institution).is_none();
            let institution = Institution {
                id: invite.institution.clone(),
                role: invite.role,
                name: invite.name.clone(),
                consensus_key: invite.key,
                seal_key: invite.key,
            };
            members.push(Member { institution, status: MemberStatus::Active, address: None });
            fits
        }
        Step::Policy | Step::Suites(_) => true,
    };
    if fits { Ok(members) } else { Err("the change does not fit the member".to_owned()) }
}

/// The suites if `change` passes, where they are others.
fn other_suites(now: &Term, change: &Change, first: &Suites) -> Option<Suites> {
    let Step::Suites(allowed) = &change.step else { return None };
    let now = now.suites.as_ref().unwrap_or(first);
    let mut retired: Vec<i64> = [now.allowed.as_slice(), &now.retired].concat();
    retired.retain(|suite| !allowed.contains(suite));
    retired.sort_by(|one, two| two.cmp(one));
    let next = Suites { allowed: allowed.clone(), retired };
    (next != *now).then_some(next)
}

fn propose(
    after: &mut Alliance,
    proposer: InstitutionId,
    change: &Change,
    first: &Suites,
    (height, time): (u64, u64),
) -> Result<(), String> {
    if after.proposals.iter().any(|open| open.proposer == proposer) {
        return Err("another proposal of the member is open".to_owned());
    }
    let suites = other_suites(&after.term, change, first);
    follow(&after.term, changed(&after.term, change)?, change.policy.clone(), suites, height)?;
    let number = after.next_proposal;
    after.next_proposal = number + 1;
    let approved = vec![proposer.clone()];
    let until = TimestampMs(time.saturating_add(OPEN_MS));
    after.proposals.push(Proposal {
        number,
        proposer,
        change: change.clone(),
        until,
        approved,
        refused: Vec::new(),
    });
    Ok(())
}

fn cast(
    after: &mut Alliance,
    voter: InstitutionId,
    vote: &Vote,
    first: &Suites,
    (height, time): (u64, u64),
) -> Result<(), String> {
    let at =
        after.proposals.iter().position(|open| open.number == vote.proposal).ok_or("no such proposal")?;
    let proposal = &mut after.proposals[at];
    proposal.approved.retain(|one| *one != voter);
    proposal.refused.retain(|one| *one != voter);
    let side = if vote.approve { &mut proposal.approved } else { &mut proposal.refused };
    side.push(voter);
    side.sort();
    let (yes, no, active) =
        (proposal.approved.len(), proposal.refused.len(), after.term.institutions().len());
    let tolerated = (active - 1) / 3;
    if yes + tolerated >= active {
        let change = after.proposals.remove(at).change;
        let members = changed(&after.term, &change)?;
        let suites = other_suites(&after.term, &change, first);
        let Step::Invite(invite) = change.step else {
            return decide(after, members, change.policy, suites, height);
        };
        follow(&after.term, members, change.policy.clone(), None, height)?;
        after.invitations.retain(|open| open.institution != invite.institution);
        if after.invitations.len() == INVITATIONS_MAX {
            return Err("too many invitations".to_owned());
        }
        let until = TimestampMs(time.saturating_add(OPEN_MS));
        let place = after.invitations.partition_point(|open| open.institution < invite.institution);
        after.invitations.insert(
            place,
            Invitation {
                institution: invite.institution,
                role: invite.role,
                name: invite.name,
                key: invite.key,
                policy: change.policy,
                until,
            },
        );
    } else if no > tolerated {
        after.proposals.remove(at);
    }
    Ok(())
}
