//! Equivocation: who sealed two checkpoints that cannot both be true.

use std::collections::BTreeMap;

use xiezhi_crypto::{PublicKey, SignatureAlg};
use xiezhi_evidence::{
    CertifiedSeal, Checkpoint, Genesis, Institution,
    equivocation::{Divergence, Equivocation, Sealed},
};
use xiezhi_merkle::{Sha256, verify_inclusion};
use xiezhi_types::{CborError, InstitutionId, LedgerId, TimestampMs};

use crate::{
    Anchor, Exhibit, Input, Status,
    examination::{Examination, Witnessed},
};

/// Links are judged as by somebody long after: all that they hold counts at its own time.
const FAR_AHEAD: TimestampMs = TimestampMs(253_402_300_799_000);

/// Why two checkpoints cannot both be true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contradiction {
    /// One height, two checkpoints.
    SameHeight,
    /// One size, two roots.
    SameSize,
    /// The higher one has no more records, or no later time.
    Order,
    /// Two leaves at one index.
    Leaf,
}

impl Contradiction {
    /// Stable code for programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::SameHeight => "same-height",
            Self::SameSize => "same-size",
            Self::Order => "order",
            Self::Leaf => "leaf",
        }
    }
}

/// Why a file proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unproven {
    /// It cannot be read.
    #[error(transparent)]
    Malformed(#[from] CborError),
    /// Its genesis is none.
    #[error("genesis: {reason}")]
    Genesis {
        /// What is wrong.
        reason: String,
    },
    /// Its ledger is not trusted: whoever made the file may have made the institutions too.
    #[error("ledger {ledger} is not among those trusted")]
    UnknownLedger {
        /// The ledger.
        ledger: LedgerId,
    },
    /// A checkpoint is of another ledger than the genesis.
    #[error("a checkpoint is of ledger {found}, not of {ledger}")]
    OtherLedger {
        /// The checkpoint's.
        found: LedgerId,
        /// The genesis'.
        ledger: LedgerId,
    },
    /// A history does not lead to the members of its checkpoint's term.
    #[error("the history of the {side} checkpoint, link {link}: {reason}")]
    History {
        /// `first` or `second`.
        side: &'static str,
        /// The link, from 0.
        link: usize,
        /// The finding, as in a verdict.
        reason: &'static str,
    },
    /// Both checkpoints can be true.
    #[error("the two checkpoints do not contradict each other")]
    NoContradiction,
    /// Nobody sealed both.
    #[error("no institution sealed both checkpoints")]
    NobodySealedBoth,
}

/// What a file proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// The ledger.
    pub ledger: LedgerId,
    /// Why the two cannot both be true.
    pub contradiction: Contradiction,
    /// Who sealed both with their pinned seal keys, sorted: each is dishonest, or its key is in other hands.
    pub institutions: Vec<InstitutionId>,
    /// The two checkpoints.
    pub checkpoints: [Checkpoint; 2],
}

/// Why `first` and `second`, of one ledger, cannot both be true; `None` if they can.
///
/// `divergence` matters only where the checkpoints themselves do not contradict each other.
#[must_use]
pub fn contradiction(
    first: &Checkpoint,
    second: &Checkpoint,
    divergence: Option<&Divergence>,
) -> Option<Contradiction> {
    if first == second {
        return None;
    }
    if first.height == second.height {
        return Some(Contradiction::SameHeight);
    }
    let (low, high) = if first.height < second.height { (first, second) } else { (second, first) };
    if low.size == high.size && (low.root_sha256, low.root_sm3) != (high.root_sha256, high.root_sm3) {
        return Some(Contradiction::SameSize);
    }
    // A checkpoint is made only where records were added, and block times rise.
    if low.size >= high.size || low.time >= high.time {
        return Some(Contradiction::Order);
    }
    let found = divergence?;
    let stands = |leaf: &xiezhi_evidence::equivocation::Leaf, checkpoint: &Checkpoint| {
        let (index, size) = (found.index.0, checkpoint.size.0);
        verify_inclusion::<Sha256>(&leaf.hash, index, size, &leaf.path, &checkpoint.root_sha256).is_ok()
    };
    let proven =
        found.first.hash != found.second.hash && stands(&found.first, first) && stands(&found.second, second);
    proven.then_some(Contradiction::Leaf)
}

/// Judges a file by itself and the ledgers trusted: no node, no network, no clock.
///
/// Seals count by the keys that the genesis pins, or the term to which a side's history leads, each link of which must hold as in a certificate;
/// the X.509 status of the two seals is beside the point, since no honest institution ever seals both.
///
/// # Errors
/// [`Unproven`].
pub fn judge(bytes: &[u8], anchors: &[Anchor]) -> Result<Proven, Unproven> {
    let read = Equivocation::parse(bytes)?;
    let ledger = Genesis::ledger_id(&read.genesis);
    let genesis =
        Genesis::parse(&read.genesis).map_err(|error| Unproven::Genesis { reason: error.to_string() })?;
    if anchors.iter().all(|anchor| anchor.ledger != ledger) {
        return Err(Unproven::UnknownLedger { ledger });
    }
    let (first, second) = (&read.first.checkpoint, &read.second.checkpoint);
    if let Some(found) = [first.ledger, second.ledger].into_iter().find(|found| *found != ledger) {
        return Err(Unproven::OtherLedger { found, ledger });
    }
    let contradiction =
        contradiction(first, second, read.divergence.as_ref()).ok_or(Unproven::NoContradiction)?;
    let members =
        [members(&read.genesis, &read.first, "first")?, members(&read.genesis, &read.second, "second")?];
    let institutions = sealed_both(&genesis.origin(&ledger), &members, &read.first, &read.second);
    if institutions.is_empty() {
        return Err(Unproven::NobodySealedBoth);
    }
    Ok(Proven { ledger, contradiction, institutions, checkpoints: [first.clone(), second.clone()] })
}

/// The institutions of the term to which the history of the side called `name` leads.
fn members(genesis: &[u8], side: &Sealed, name: &'static str) -> Result<Vec<Institution>, Unproven> {
    let input = Input {
        certificate: &[],
        anchors: &[],
        exhibit: &Exhibit::None,
        record_only: true,
        declared_time: FAR_AHEAD,
        known_checkpoints: &[],
    };
    let (checkpoint, seals) = (&side.checkpoint, &side.seals[..]);
    let witnessed = Witnessed { checkpoint, seals, timestamps: &[], revocations: &[] };
    let x = Examination::new(&input, genesis, side.links(), witnessed, None);
    if let Some(link) = x.history.iter().position(|check| check.status != Status::Pass) {
        return Err(Unproven::History { side: name, link, reason: x.history[link].reason });
    }
    Ok(x.genesis.map(|genesis| genesis.institutions).unwrap_or_default())
}

fn sealed_both(
    origin: &str,
    members: &[Vec<Institution>; 2],
    first: &Sealed,
    second: &Sealed,
) -> Vec<InstitutionId> {
    let holds = |certified: &CertifiedSeal, members: &[Institution], checkpoint: &Checkpoint| {
        let Some(member) = members.iter().find(|member| member.id == certified.seal.institution) else {
            return false;
        };
        let key = PublicKey::new(SignatureAlg::Ed25519, &member.seal_key);
        key.is_ok_and(|key| certified.seal.verify(checkpoint, origin, &key).is_ok())
    };
    let others: BTreeMap<_, _> = second.seals.iter().map(|one| (&one.seal.institution, one)).collect();
    let both = first.seals.iter().filter(|one| {
        others.get(&one.seal.institution).is_some_and(|other| {
            holds(one, &members[0], &first.checkpoint) && holds(other, &members[1], &second.checkpoint)
        })
    });
    both.map(|one| one.seal.institution.clone()).collect()
}
