//! The alliance as it stands: the value under the key `alliance` of the ledger's authenticated state.
//!
//! A term is a period with one set of members and one policy. Term 0 is the genesis'. A change decides the next term, which begins
//! [`TERM_DELAY`] heights later and is not altered any more. What may change what is the ledger's to say; here are the values, their one
//! encoding and the rules that every term keeps ([`Term::check`]).

use std::collections::{BTreeMap, BTreeSet};

use minicbor::{Decode, Encode};
use xiezhi_crypto::{PublicKey, SignatureAlg, sha256_parts};
use xiezhi_types::{
    AccountId, CborError, Height, InstitutionId, LedgerId, Role, TimestampMs, canonical, from_canonical,
    known_version,
};

use crate::{
    account::{Account, AccountStatus, WEIGHT_MAX, WeightedKey},
    genesis::{Genesis, INSTITUTIONS_MAX, INSTITUTIONS_MIN, Institution, LocalName},
    governance::Change,
    policy::{Policy, PolicyError},
    statement::{Body, Statement},
};

/// The format's version.
pub const VERSION: u32 = 1;
/// The key of the authenticated state under which the alliance stands.
pub const STATE_KEY: &[u8] = b"alliance";
/// A decided term begins this many heights after the block that decided it.
pub const TERM_DELAY: u64 = 32;
/// A proposal or an invitation is open for so long, by the blocks' times, in milliseconds: 30 days.
pub const OPEN_MS: u64 = 30 * 24 * 3600 * 1000;
/// Most invitations open at one time.
pub const INVITATIONS_MAX: usize = 16;
/// Longest address, in bytes.
pub const ADDRESS_BYTES_MAX: usize = 255;

const ACCOUNT_DOMAIN: &[u8] = b"xiezhi institution v1\n";

/// Whether a member takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum MemberStatus {
    /// Its node votes and seals, and it has a say in changes.
    #[n(0)]
    Active,
    /// It keeps its name and keys, and does none of these.
    #[n(1)]
    Suspended,
}

/// An institution of a term.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Member {
    /// What the genesis says of an institution: id, role, name, keys.
    #[n(1)]
    pub institution: Institution,
    /// Whether it takes part.
    #[n(2)]
    pub status: MemberStatus,
    /// Where its node listens, as `host:port`; `None` for members of the genesis until they say so: their addresses are configuration.
    #[n(3)]
    pub address: Option<String>,
}

/// A period with one set of members and one policy.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Term {
    /// Its number: the genesis' is 0, each change makes the next.
    #[n(1)]
    pub number: u64,
    /// Its first height.
    #[n(2)]
    pub from: Height,
    /// Its members, sorted by id.
    #[n(3)]
    pub members: Vec<Member>,
    /// What makes a certificate.
    #[n(4)]
    pub policy: Policy,
    /// The signature suites; the genesis' where no term has decided otherwise.
    #[n(5)]
    pub suites: Option<Suites>,
}

/// The signature suites of a term, by their COSE numbers, sorted by their encodings: that is, falling.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Suites {
    /// Those with which statements are signed.
    #[n(1)]
    pub allowed: Vec<i64>,
    /// Those that were once allowed and are no longer: keys of them sign nothing but their own replacement.
    #[n(2)]
    pub retired: Vec<i64>,
}

/// A change that waits for votes. It passes with the votes of [`Term::quorum`] active members, that of its proposer among them.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Proposal {
    /// Its number, never given again.
    #[n(1)]
    pub number: u64,
    /// Who proposed it.
    #[n(2)]
    pub proposer: InstitutionId,
    /// What is to change.
    #[n(3)]
    pub change: Change,
    /// When it lapses, by a block's time.
    #[n(4)]
    pub until: TimestampMs,
    /// Who is for it, sorted.
    #[n(5)]
    pub approved: Vec<InstitutionId>,
    /// Who is against it, sorted.
    #[n(6)]
    pub refused: Vec<InstitutionId>,
}

/// An invitation that the members have decided and the invited institution has not confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Invitation {
    /// Who is invited.
    #[n(1)]
    pub institution: InstitutionId,
    /// As what.
    #[n(2)]
    pub role: Role,
    /// Its full name.
    #[n(3)]
    pub name: LocalName,
    /// Ed25519 key derived from the invitation's code: the only key of the institution's account until its term begins.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub key: [u8; 32],
    /// The policy of the term that the confirmation decides, if another.
    #[n(5)]
    pub policy: Option<Policy>,
    /// When it lapses, by a block's time.
    #[n(6)]
    pub until: TimestampMs,
}

/// The alliance as it stands after a block.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Alliance {
    /// [`VERSION`].
    #[n(1)]
    pub version: u32,
    /// The current term.
    #[n(2)]
    pub term: Term,
    /// The next one, if it is decided.
    #[n(3)]
    pub next: Option<Term>,
    /// Open proposals, sorted by number; none while a next term is decided.
    #[n(4)]
    pub proposals: Vec<Proposal>,
    /// Open invitations, sorted by institution. A confirmed one stays until the term begins.
    #[n(5)]
    pub invitations: Vec<Invitation>,
    /// The number that the next proposal gets.
    #[n(6)]
    pub next_proposal: u64,
}

/// Why a term must not be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TermError {
    /// Fewer active members than can bear the failure of one.
    #[error("{active} active members, at least {INSTITUTIONS_MIN} are needed")]
    TooFew {
        /// How many.
        active: usize,
    },
    /// More members than an alliance may have.
    #[error("{members} members, at most {INSTITUTIONS_MAX} are allowed")]
    TooMany {
        /// How many, suspended ones among them.
        members: usize,
    },
    /// Members are not sorted by id, or one occurs twice.
    #[error("members must be sorted by id, without repetition")]
    Order,
    /// Two members have a key in common.
    #[error("{institution} shares a key with another member")]
    SharedKey {
        /// One of them.
        institution: InstitutionId,
    },
    /// The policy cannot be met by the active members.
    #[error("policy: {0}")]
    Policy(#[from] PolicyError),
    /// The suites are not in their form, or institutions could not sign.
    #[error("suites: {reason}")]
    Suites {
        /// What is wrong.
        reason: &'static str,
    },
}

/// The account of an institution: its id needs no key, so it stays whatever keys the institution has.
#[must_use]
pub fn institution_account_id(ledger: &LedgerId, institution: &InstitutionId) -> AccountId {
    AccountId(sha256_parts(&[ACCOUNT_DOMAIN, &ledger.0, institution.as_str().as_bytes()]))
}

/// The account `id` of an institution with `keys`, of which each may act alone, opened at `height`.
///
/// It manages only: no weights reach its threshold for deposits, so that a seal key signs nothing but seals and what concerns membership.
#[must_use]
pub fn institution_account(id: AccountId, keys: Vec<PublicKey>, height: Height) -> Account {
    let mut keys: Vec<_> = keys.into_iter().map(|key| WeightedKey { key, weight: 1 }).collect();
    keys.sort_by_key(|one| one.key.id());
    Account {
        id,
        keys,
        deposit_threshold: WEIGHT_MAX,
        manage_threshold: 1,
        recovery_key: None,
        recovered_at: None,
        encryption_key: None,
        status: AccountStatus::Normal,
        created: height,
        recovery_delay_s: None,
        reset: None,
        freezings: Vec::new(),
        successor: None,
        keys_changed: None,
        before: None,
        delegations: Vec::new(),
    }
}

impl Term {
    /// The term of the genesis: all institutions active.
    #[must_use]
    pub fn at_genesis(genesis: &Genesis) -> Self {
        let member = |institution: &Institution| Member {
            institution: institution.clone(),
            status: MemberStatus::Active,
            address: None,
        };
        let members = genesis.institutions.iter().map(member).collect();
        Self { number: 0, from: Height(0), members, policy: genesis.policy.clone(), suites: None }
    }

    /// The suites of the term of a ledger with this genesis.
    #[must_use]
    pub fn suites(&self, genesis: &Genesis) -> Suites {
        self.suites.clone().unwrap_or_else(|| Suites::at_genesis(genesis))
    }

    /// The member called `id`, active or suspended.
    #[must_use]
    pub fn member(&self, id: &InstitutionId) -> Option<&Member> {
        self.members.iter().find(|member| member.institution.id == *id)
    }

    /// The active members as the policy knows them, sorted by id: they vote, seal and decide.
    #[must_use]
    pub fn institutions(&self) -> Vec<Institution> {
        let active = self.members.iter().filter(|member| member.status == MemberStatus::Active);
        active.map(|member| member.institution.clone()).collect()
    }

    /// Votes that a proposal needs: `n - (n - 1) / 3` of the `n` active members.
    #[must_use]
    pub fn quorum(&self) -> usize {
        let active = self.members.iter().filter(|member| member.status == MemberStatus::Active).count();
        active - active.saturating_sub(1) / 3
    }

    /// Checks what every term must keep: at least four active members, sorted, no shared keys, and a policy that they can meet.
    ///
    /// # Errors
    /// [`TermError`].
    pub fn check(&self) -> Result<(), TermError> {
        let active = self.institutions();
        if active.len() < INSTITUTIONS_MIN {
            return Err(TermError::TooFew { active: active.len() });
        }
        if self.members.len() > INSTITUTIONS_MAX {
            return Err(TermError::TooMany { members: self.members.len() });
        }
        if self.members.windows(2).any(|pair| pair[0].institution.id >= pair[1].institution.id) {
            return Err(TermError::Order);
        }
        for (at, Member { institution: one, .. }) in self.members.iter().enumerate() {
            let others = self.members[at + 1..].iter().map(|member| &member.institution);
            if others.into_iter().any(|o| o.consensus_key == one.consensus_key || o.seal_key == one.seal_key)
            {
                return Err(TermError::SharedKey { institution: one.id.clone() });
            }
        }
        if let Some(suites) = &self.suites {
            suites.check().map_err(|reason| TermError::Suites { reason })?;
        }
        Ok(self.policy.check(&active)?)
    }
}

impl Suites {
    /// The genesis' suites, none retired.
    #[must_use]
    pub fn at_genesis(genesis: &Genesis) -> Self {
        Self { allowed: falling(genesis.suites.iter().copied()), retired: Vec::new() }
    }

    /// What follows if only `allowed` are allowed: all others that were are retired.
    #[must_use]
    pub fn followed_by(&self, allowed: &[i64]) -> Self {
        let known = self.allowed.iter().chain(&self.retired).copied();
        let retired = falling(known.filter(|suite| !allowed.contains(suite)));
        Self { allowed: falling(allowed.iter().copied()), retired }
    }

    /// The suite for which `statement` is refused: of a signer, or of a key that it brings.
    ///
    /// A retired suite still signs what replaces keys by keys of allowed suites; nothing brings new keys of a retired one.
    #[must_use]
    pub fn refuses(&self, statement: &Statement) -> Option<SignatureAlg> {
        let is_in = |list: &[i64], alg: &SignatureAlg| list.contains(&alg.cose());
        let signers = || statement.signatures().iter().map(|signer| signer.alg);
        let replaces = matches!(statement.body(), Body::Change(said) if said.replaces_keys());
        let may_sign =
            |alg: &SignatureAlg| is_in(&self.allowed, alg) || replaces && is_in(&self.retired, alg);
        if let Some(alg) = signers().find(|alg| !may_sign(alg)) {
            return Some(alg);
        }
        let by_retired = signers().any(|alg| is_in(&self.retired, &alg));
        let may_come = |alg: &SignatureAlg| {
            if by_retired { is_in(&self.allowed, alg) } else { !is_in(&self.retired, alg) }
        };
        new_keys(statement).into_iter().map(PublicKey::alg).find(|alg| !may_come(alg))
    }

    /// Checks order and disjointness, and that institutions, whose keys are Ed25519, can sign.
    fn check(&self) -> Result<(), &'static str> {
        let sorted = |list: &[i64]| list.windows(2).all(|pair| pair[0] > pair[1]);
        if !sorted(&self.allowed) || !sorted(&self.retired) {
            return Err("must be sorted by their encodings, none twice");
        }
        if self.retired.iter().any(|suite| self.allowed.contains(suite)) {
            return Err("one is both allowed and retired");
        }
        if !self.allowed.contains(&SignatureAlg::Ed25519.cose()) {
            return Err("ed25519 stays allowed: institutions sign with it");
        }
        Ok(())
    }
}

/// The keys that can act for an account, if the statement brings any.
fn new_keys(statement: &Statement) -> Vec<&PublicKey> {
    match statement.body() {
        Body::Account(spec) => spec.keys.iter().map(|one| &one.key).chain(&spec.recovery_key).collect(),
        Body::Change(said) => said.new_keys(),
        _ => Vec::new(),
    }
}

/// Numbers in falling order, which is that of their encodings as long as they are negative; none twice.
fn falling(numbers: impl Iterator<Item = i64>) -> Vec<i64> {
    let sorted: BTreeSet<i64> = numbers.collect();
    sorted.into_iter().rev().collect()
}

impl Alliance {
    /// The alliance at height 0.
    #[must_use]
    pub fn at_genesis(genesis: &Genesis) -> Self {
        Self {
            version: VERSION,
            term: Term::at_genesis(genesis),
            next: None,
            proposals: Vec::new(),
            invitations: Vec::new(),
            next_proposal: 1,
        }
    }

    /// Reads the one encoding of the value.
    ///
    /// # Errors
    /// [`CborError`]; another version is malformed. Whether its terms keep the rules is [`Term::check`]'s to say.
    pub fn parse(bytes: &[u8]) -> Result<Self, CborError> {
        let what = "the alliance";
        let alliance: Self = from_canonical(what, bytes)?;
        known_version(what, alliance.version, VERSION).map(|()| alliance)
    }

    /// The value's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        canonical(self)
    }

    /// The keys that institutions' accounts have while this value stands: a member's seal key of the current term, its seal key of the next
    /// one, and the key of an open invitation, so many of them as there are. Whoever is not listed keeps the keys it had.
    #[must_use]
    pub fn account_keys(&self) -> BTreeMap<InstitutionId, BTreeSet<[u8; 32]>> {
        let members = self.term.members.iter().chain(self.next.iter().flat_map(|next| &next.members));
        let seal_keys = members.map(|member| (&member.institution.id, member.institution.seal_key));
        let codes = self.invitations.iter().map(|one| (&one.institution, one.key));
        let mut keys = BTreeMap::<_, BTreeSet<_>>::new();
        for (institution, key) in seal_keys.chain(codes) {
            keys.entry(institution.clone()).or_default().insert(key);
        }
        keys
    }

    /// The term to which the block at `height` belongs; `None` before the current one, of which this value knows nothing.
    #[must_use]
    pub fn term_at(&self, height: Height) -> Option<&Term> {
        let next = self.next.as_ref().filter(|next| next.from <= height);
        next.or((self.term.from <= height).then_some(&self.term))
    }
}

/// Checks an address: `host:port`, printable ASCII without spaces.
///
/// # Errors
/// A sentence.
pub fn check_address(address: &str) -> Result<(), String> {
    let (host, port) = address.rsplit_once(':').ok_or("must be host:port")?;
    let is_plain = host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-[]:".contains(&b));
    let is_port = port.parse::<u16>().is_ok_and(|number| number.to_string() == port && number > 0);
    if host.is_empty() || address.len() > ADDRESS_BYTES_MAX || !is_plain || !is_port {
        return Err(format!("must be host:port of at most {ADDRESS_BYTES_MAX} bytes"));
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests;
