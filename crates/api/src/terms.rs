//! Terms, proposals and invitations in the words of the API.

use xiezhi_client::wire::{self, Base64, U64};
use xiezhi_crypto::SignatureAlg;
use xiezhi_evidence::{
    Alliance, Genesis, Group, Policy, Term,
    alliance::{Invitation, Member, MemberStatus, Proposal},
    governance::{Change, Step},
    policy,
};
use xiezhi_types::{Height, InstitutionId};

use crate::view::local_name;

fn texts(ids: &[InstitutionId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

fn group(group: &Group) -> wire::Group {
    let member = |member: &policy::Member| match member {
        policy::Member::Institution(id) => wire::PolicyMember::Institution(id.to_string()),
        policy::Member::Role(role) => wire::PolicyMember::Role(role.name().to_owned()),
        policy::Member::Group(inner) => wire::PolicyMember::Group(self::group(inner)),
    };
    wire::Group { threshold: group.threshold, members: group.members.iter().map(member).collect() }
}

fn policy(policy: &Policy) -> wire::Policy {
    wire::Policy { seals: group(&policy.seals), timestamps: policy.timestamps }
}

pub(crate) fn suite_names(numbers: &[i64]) -> Vec<String> {
    let name = |number: &i64| match SignatureAlg::from_cose(*number) {
        Ok(alg) => alg.name().to_owned(),
        Err(_) => number.to_string(),
    };
    numbers.iter().map(name).collect()
}

pub(crate) fn term(genesis: &Genesis, term: &Term) -> wire::Term {
    let suites = term.suites(genesis);
    let member = |Member { institution, status, address }: &Member| wire::Member {
        id: institution.id.to_string(),
        role: institution.role.name().to_owned(),
        name: local_name(&institution.name),
        status: match status {
            MemberStatus::Active => "active",
            MemberStatus::Suspended => "suspended",
        }
        .to_owned(),
        consensus_key: Base64(institution.consensus_key.to_vec()),
        seal_key: Base64(institution.seal_key.to_vec()),
        address: address.clone(),
    };
    wire::Term {
        number: U64(term.number),
        from: U64(term.from.0),
        members: term.members.iter().map(member).collect(),
        policy: policy(&term.policy),
        suites: suite_names(&suites.allowed),
        retired_suites: suite_names(&suites.retired),
        quorum: u32::try_from(term.quorum()).unwrap_or(u32::MAX),
    }
}

fn change(change: &Change) -> wire::Change {
    let (step, institution, invite) = match &change.step {
        Step::Invite(invite) => ("invite", Some(&invite.institution), Some(invite)),
        Step::Suspend(id) => ("suspend", Some(id), None),
        Step::Readmit(id) => ("readmit", Some(id), None),
        Step::Remove(id) => ("remove", Some(id), None),
        Step::Policy => ("policy", None, None),
        Step::Suites(_) => ("suites", None, None),
    };
    let suites = if let Step::Suites(suites) = &change.step { Some(suite_names(suites)) } else { None };
    wire::Change {
        step: step.to_owned(),
        institution: institution.map(ToString::to_string),
        role: invite.map(|invite| invite.role.name().to_owned()),
        name: invite.map(|invite| local_name(&invite.name)),
        policy: change.policy.as_ref().map(policy),
        suites,
    }
}

fn proposal(proposal: &Proposal) -> wire::Proposal {
    wire::Proposal {
        number: U64(proposal.number),
        proposer: proposal.proposer.to_string(),
        change: change(&proposal.change),
        until: proposal.until.rfc3339(),
        approved: texts(&proposal.approved),
        refused: texts(&proposal.refused),
    }
}

fn invitation(invitation: &Invitation) -> wire::Invitation {
    wire::Invitation {
        institution: invitation.institution.to_string(),
        role: invitation.role.name().to_owned(),
        name: local_name(&invitation.name),
        policy: invitation.policy.as_ref().map(policy),
        until: invitation.until.rfc3339(),
    }
}

pub(crate) fn alliance(genesis: &Genesis, alliance: &Alliance, height: Height) -> wire::Alliance {
    wire::Alliance {
        height: U64(height.0),
        term: term(genesis, &alliance.term),
        next: alliance.next.as_ref().map(|next| term(genesis, next)),
        proposals: alliance.proposals.iter().map(proposal).collect(),
        invitations: alliance.invitations.iter().map(invitation).collect(),
        value: Base64(xiezhi_types::canonical(alliance)),
    }
}
