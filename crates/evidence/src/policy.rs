//! The sealing policy: whose seals, and how many time stamps, make a certificate.
//!
//! Nested groups as in C2SP tlog-policy, with one addition: a member may be a role, met by any institution that has it. An institution
//! counts once in a group however many keys it has.

use std::collections::BTreeSet;

use minicbor::{Decode, Decoder, Encode, decode};
use xiezhi_types::{InstitutionId, Role};

use crate::{cose::array_of, genesis::Institution};

/// Groups nest at most this deep.
pub const DEPTH_MAX: usize = 8;

/// Why a policy cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A group asks for none of its members, or for more than it has.
    #[error("a group of {members} members cannot ask for {threshold}")]
    Threshold {
        /// How many it asks for.
        threshold: u32,
        /// How many it has.
        members: usize,
    },
    /// A member is not in the alliance.
    #[error("the policy names {member}, which the alliance does not have")]
    Unknown {
        /// The institution or role.
        member: String,
    },
    /// Deeper than [`DEPTH_MAX`].
    #[error("groups nest deeper than {DEPTH_MAX}")]
    Depth,
}

/// Somebody whose seal a group counts.
#[derive(Debug, Clone, PartialEq, Eq, Encode)]
pub enum Member {
    /// This institution.
    #[n(0)]
    Institution(#[n(0)] InstitutionId),
    /// Any institution of this role.
    #[n(1)]
    Role(#[n(0)] Role),
    /// A group, met by its own threshold.
    #[n(2)]
    Group(#[n(0)] Group),
}

/// At least `threshold` of `members`.
#[derive(Debug, Clone, PartialEq, Eq, Encode)]
pub struct Group {
    /// How many members must be met.
    #[n(0)]
    pub threshold: u32,
    /// Who counts.
    #[n(1)]
    pub members: Vec<Member>,
}

/// Reads nested groups to [`DEPTH_MAX`] and no deeper: hostile bytes must not exhaust the stack.
impl<'b, C> Decode<'b, C> for Group {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, decode::Error> {
        read_group(d, ctx, 0)
    }
}

fn read_group<'b, C>(d: &mut Decoder<'b>, ctx: &mut C, depth: usize) -> Result<Group, decode::Error> {
    if depth >= DEPTH_MAX {
        return Err(decode::Error::message(PolicyError::Depth.to_string()));
    }
    array_of(d, 2, "a group")?;
    let threshold = d.u32()?;
    let count =
        d.array()?.ok_or_else(|| decode::Error::message("members must be an array of definite length"))?;
    let members = (0..count).map(|_| read_member(d, ctx, depth)).collect::<Result<_, _>>()?;
    Ok(Group { threshold, members })
}

fn read_member<'b, C>(d: &mut Decoder<'b>, ctx: &mut C, depth: usize) -> Result<Member, decode::Error> {
    array_of(d, 2, "a member")?;
    let kind = d.u32()?;
    array_of(d, 1, "a member's content")?;
    match kind {
        0 => Ok(Member::Institution(InstitutionId::decode(d, ctx)?)),
        1 => Ok(Member::Role(Role::decode(d, ctx)?)),
        2 => Ok(Member::Group(read_group(d, ctx, depth + 1)?)),
        other => Err(decode::Error::message(format!("a member of kind {other}"))),
    }
}

/// What a checkpoint needs before certificates may rest on it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Policy {
    /// Whose seals.
    #[n(1)]
    pub seals: Group,
    /// How many different time-stamp authorities.
    #[n(2)]
    pub timestamps: u32,
}

/// What is still missing, in words that need no translation: institutions, roles and counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Missing {
    /// Members of unmet groups that have not sealed.
    pub members: BTreeSet<String>,
    /// Seals counted at the top group and its threshold.
    pub seals: (u32, u32),
    /// Time stamps counted and needed.
    pub timestamps: (u32, u32),
}

impl Missing {
    /// Whether nothing is missing.
    #[must_use]
    pub fn is_met(&self) -> bool {
        self.seals.0 >= self.seals.1 && self.timestamps.0 >= self.timestamps.1
    }
}

impl Policy {
    /// The usual policy of an alliance: a Byzantine quorum of all institutions (`2n/3 + 1`), each of `roles`, and `timestamps` authorities.
    #[must_use]
    pub fn quorum(institutions: &[Institution], roles: &[Role], timestamps: u32) -> Self {
        let members = named(institutions);
        let mut members = vec![Member::Group(Group { threshold: byzantine(members.len()), members })];
        members.extend(roles.iter().copied().map(Member::Role));
        let threshold = u32::try_from(members.len()).unwrap_or(u32::MAX);
        Self { seals: Group { threshold, members }, timestamps }
    }

    /// Checks thresholds, depth, and that every member exists in the alliance.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn check(&self, institutions: &[Institution]) -> Result<(), PolicyError> {
        check_group(&self.seals, institutions, 0)
    }

    /// This policy for the institutions `after` in place of `before`: a group of every one of `before` becomes one of every one of `after`, and asks for
    /// their Byzantine quorum if it asked for one; other groups lose who is gone. What results may fail [`Policy::check`]: then people must decide.
    #[must_use]
    pub fn adjusted(&self, before: &[Institution], after: &[Institution]) -> Self {
        Self { seals: adjusted(&self.seals, before, after), timestamps: self.timestamps }
    }

    /// What `sealed` institutions and `timestamps` different authorities leave missing.
    #[must_use]
    pub fn missing(
        &self,
        institutions: &[Institution],
        sealed: &BTreeSet<InstitutionId>,
        timestamps: u32,
    ) -> Missing {
        let mut members = BTreeSet::new();
        let met = met_members(&self.seals, institutions, sealed, &mut members);
        Missing { members, seals: (met, self.seals.threshold), timestamps: (timestamps, self.timestamps) }
    }

    /// Whether the policy is met.
    #[must_use]
    pub fn is_met(
        &self,
        institutions: &[Institution],
        sealed: &BTreeSet<InstitutionId>,
        timestamps: u32,
    ) -> bool {
        self.missing(institutions, sealed, timestamps).is_met()
    }
}

/// The Byzantine quorum of `count`.
fn byzantine(count: usize) -> u32 {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    count - count.saturating_sub(1) / 3
}

fn named(institutions: &[Institution]) -> Vec<Member> {
    institutions.iter().map(|i| Member::Institution(i.id.clone())).collect()
}

fn adjusted(group: &Group, before: &[Institution], after: &[Institution]) -> Group {
    let all = named(before);
    if group.members.len() == all.len() && all.iter().all(|one| group.members.contains(one)) {
        let is_quorum = group.threshold == byzantine(all.len());
        let threshold = if is_quorum { byzantine(after.len()) } else { group.threshold };
        return Group { threshold, members: named(after) };
    }
    let gone =
        |id: &InstitutionId| before.iter().any(|one| one.id == *id) && !after.iter().any(|one| one.id == *id);
    let kept = group.members.iter().filter(|member| !matches!(member, Member::Institution(id) if gone(id)));
    let members = kept.map(|member| match member {
        Member::Group(inner) => Member::Group(adjusted(inner, before, after)),
        other => other.clone(),
    });
    Group { threshold: group.threshold, members: members.collect() }
}

fn check_group(group: &Group, institutions: &[Institution], depth: usize) -> Result<(), PolicyError> {
    if depth >= DEPTH_MAX {
        return Err(PolicyError::Depth);
    }
    if group.threshold == 0 || group.threshold as usize > group.members.len() {
        return Err(PolicyError::Threshold { threshold: group.threshold, members: group.members.len() });
    }
    for (at, member) in group.members.iter().enumerate() {
        if group.members[..at].contains(member) {
            return Err(PolicyError::Unknown { member: "one member twice in a group".to_owned() });
        }
        let known = match member {
            Member::Institution(id) => institutions.iter().any(|i| i.id == *id),
            Member::Role(role) => institutions.iter().any(|i| i.role == *role),
            Member::Group(inner) => {
                check_group(inner, institutions, depth + 1)?;
                true
            }
        };
        if !known {
            return Err(PolicyError::Unknown { member: member_name(member) });
        }
    }
    Ok(())
}

fn member_name(member: &Member) -> String {
    match member {
        Member::Institution(id) => id.to_string(),
        Member::Role(role) => format!("role {role}"),
        Member::Group(group) => format!("{} of {}", group.threshold, group.members.len()),
    }
}

fn met_members(
    group: &Group,
    institutions: &[Institution],
    sealed: &BTreeSet<InstitutionId>,
    missing: &mut BTreeSet<String>,
) -> u32 {
    let mut met = 0;
    let mut unmet = BTreeSet::new();
    for member in &group.members {
        let is_met = match member {
            Member::Institution(id) => sealed.contains(id),
            Member::Role(role) => institutions.iter().any(|i| i.role == *role && sealed.contains(&i.id)),
            Member::Group(inner) => met_members(inner, institutions, sealed, &mut unmet) >= inner.threshold,
        };
        if is_met {
            met += 1;
        } else if !matches!(member, Member::Group(_)) {
            unmet.insert(member_name(member));
        }
    }
    if met < group.threshold {
        missing.append(&mut unmet);
    }
    met
}

#[cfg(test)]
mod tests;
