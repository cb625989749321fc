//! Terms of the alliance, proposals and invitations.

use serde::{Deserialize, Serialize};

use super::{Base64, Names, U64};

object! {
    /// A member of a term.
    Member {
        /// Short name.
        id: String,
        /// `court`, `notary`, `forensic`, `ca` or `technology`.
        role: String,
        /// Full name.
        name: Names,
        /// `active`, or `suspended`: it keeps its name and keys, and neither votes nor seals.
        status: String,
        /// Ed25519 key with which its node takes part in consensus.
        consensus_key: Base64,
        /// Ed25519 key with which it seals.
        seal_key: Base64,
        /// Where its node listens, as `host:port`, if it has said so on the ledger.
        address: Option<String>,
    }
}

object! {
    /// What makes a certificate.
    Policy {
        /// Whose seals.
        seals: Group,
        /// How many different time-stamp authorities.
        timestamps: u32,
    }
}

object! {
    /// At least `threshold` of `members`.
    Group {
        /// How many members must be met.
        threshold: u32,
        /// Who counts.
        members: Vec<PolicyMember>,
    }
}

/// Somebody whose seal a group counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum PolicyMember {
    /// The institution of this short name.
    Institution(String),
    /// Any institution of this role.
    Role(String),
    /// A group, met by its own threshold.
    #[cfg_attr(feature = "schema", schema(no_recursion))]
    Group(Group),
}

object! {
    /// A period with one set of members and one policy.
    Term {
        /// Its number; the genesis' is 0.
        number: U64,
        /// Its first height.
        from: U64,
        /// Its members, sorted by id.
        members: Vec<Member>,
        /// What makes a certificate.
        policy: Policy,
        /// Signature suites with which statements are signed: `ed25519`, `es256` or `sm2`.
        #[serde(default)]
        suites: Vec<String>,
        /// Suites that were once allowed: keys of them only sign what replaces them.
        #[serde(default)]
        retired_suites: Vec<String>,
        /// Votes of active members that a proposal needs.
        quorum: u32,
    }
}

object! {
    /// What is to change.
    Change {
        /// `invite`, `suspend`, `readmit`, `remove`, `policy` or `suites`.
        step: String,
        /// Who is concerned.
        institution: Option<String>,
        /// As what it is invited.
        role: Option<String>,
        /// Its full name, if it is invited.
        name: Option<Names>,
        /// The next term's policy, if another.
        policy: Option<Policy>,
        /// The signature suites allowed in the next term, if others.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        suites: Option<Vec<String>>,
    }
}

object! {
    /// A change that waits for votes.
    Proposal {
        /// Its number.
        number: U64,
        /// Who proposed it.
        proposer: String,
        /// What is to change.
        change: Change,
        /// When it lapses, by a block's time.
        until: String,
        /// Who is for it.
        approved: Vec<String>,
        /// Who is against it.
        refused: Vec<String>,
    }
}

object! {
    /// An invitation that is not confirmed.
    Invitation {
        /// Who is invited.
        institution: String,
        /// As what.
        role: String,
        /// Its full name.
        name: Names,
        /// The policy of the term that its confirmation decides, if another.
        policy: Option<Policy>,
        /// When it lapses, by a block's time.
        until: String,
    }
}

object! {
    /// The alliance as the next block finds it.
    Alliance {
        /// The height of the last block.
        height: U64,
        /// The current term.
        term: Term,
        /// The next one, if it is decided.
        next: Option<Term>,
        /// Changes that wait for votes.
        proposals: Vec<Proposal>,
        /// Invitations that are not confirmed.
        invitations: Vec<Invitation>,
        /// All of this as CBOR: the form that the ledger's state has, from the first record of a term on.
        value: Base64,
    }
}

object! {
    /// Every term so far.
    Terms {
        /// From the genesis' to the current one.
        terms: Vec<Term>,
    }
}
