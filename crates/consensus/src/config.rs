//! What a node needs to know before it starts.

use crate::{Block, StartError};
use bytes::Bytes;
use commonware_codec::{Copying, DecodeExt as _};
use commonware_cryptography::{
    Signer as _,
    ed25519::{PrivateKey, PublicKey},
};
use commonware_utils::ordered::Set;
use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// The engine's own limit for one message, less its framing.
const BLOCK_BYTES_LIMIT: usize = 256 << 20;

/// Everything about one node of one ledger.
#[derive(Clone)]
pub struct Config {
    /// The ledger's identifier: votes and links of one ledger mean nothing to another.
    pub namespace: Vec<u8>,
    /// The Ed25519 seed of this node's consensus key.
    pub signing_seed: [u8; 32],
    /// Where to accept connections.
    pub listen: SocketAddr,
    /// Who votes: public keys, in any order. A node that is not among them has links and no engine.
    pub validators: Vec<[u8; 32]>,
    /// Who is linked with, all validators among them and this node itself where it is one; in any order.
    pub peers: Vec<Peer>,
    /// This node's own directory, created if missing. It belongs to this ledger for ever, and what is of an era in it to that era's
    /// validators and this node's key in it.
    ///
    /// Emptying the directory of a validator makes it forget its votes; see the invariants of the crate.
    pub storage_dir: PathBuf,
    /// Which run of the engine this is.
    pub era: Era,
    /// The content of the block of height 0; the same on every node.
    pub genesis_payload: Bytes,
    /// The most bytes of a block's payload; the same on every node, and never made smaller.
    pub block_bytes_max: usize,
    /// The most bytes of an application message; the same on every node.
    pub message_bytes_max: usize,
    /// How long to wait for what.
    pub timings: Timings,
    /// Threads for the engine, at least 1. Storage and delivery use a few more that mostly sleep.
    pub worker_threads: usize,
}

/// A run of the engine with one set of validators. Votes of one era mean nothing in another; a node is in one era at a time, and has links
/// with nodes in other ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Era {
    /// Its number, from 0.
    pub number: u32,
    /// How often its run was begun anew because a quorum had forgotten its votes; 0 unless that happened.
    pub restart: u32,
    /// What it is bound to: the parent of its block of height 0. The same on every node.
    pub parent: [u8; 32],
    /// What the application's blocks of the eras before count to: its height 0.
    pub base: u64,
}

impl Era {
    /// Number and restart in one, 0 of the first era: what its votes and channels are told apart by, and what nodes say of themselves.
    pub fn id(&self) -> u64 {
        u64::from(self.restart) << 32 | u64::from(self.number)
    }

    /// What makes the ids of eras rise as the eras follow each other.
    pub fn order(id: u64) -> u64 {
        id.rotate_left(32)
    }
}

/// A node and where to find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The Ed25519 public key of its consensus key.
    pub public_key: [u8; 32],
    /// Where others connect to it.
    pub address: SocketAddr,
}

/// How long to wait for what. The same on every node; nothing but speed depends on it.
///
/// `leader` < `certification` < `absent_after`, and `retry` < `absent_after`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timings {
    /// How long a leader may take to propose; then the next one leads. Must cover the time in which a full
    /// block leaves the leader's line, for its vote waits behind it.
    pub leader: Duration,
    /// How long a view may take until its block is stored by a quorum.
    pub certification: Duration,
    /// How often a stuck view is announced again: the time to resume after a quorum is back.
    pub retry: Duration,
    /// A leader not heard of for this long is passed over at once.
    pub absent_after: Duration,
    /// How long to wait for the answer to a request for old blocks or votes before another peer is asked.
    pub fetch: Duration,
    /// How often a connection is tried.
    pub redial: Duration,
}

impl Default for Timings {
    /// For lines of 100 Mbit/s and more.
    fn default() -> Self {
        Self {
            leader: Duration::from_millis(1000),
            certification: Duration::from_millis(2000),
            retry: Duration::from_millis(500),
            absent_after: Duration::from_millis(2500),
            fetch: Duration::from_millis(2000),
            redial: Duration::from_millis(200),
        }
    }
}

/// The Ed25519 public key that belongs to `seed` (RFC 8032).
pub fn public_key(seed: &[u8; 32]) -> [u8; 32] {
    bytes_of(&private_key(seed).public_key())
}

/// A configuration that can be run.
#[derive(Clone)]
pub(crate) struct Checked {
    /// Of the links.
    pub(crate) namespace: Vec<u8>,
    /// Of the era's votes.
    pub(crate) votes_namespace: Vec<u8>,
    pub(crate) era: Era,
    pub(crate) private_key: PrivateKey,
    pub(crate) public_key: [u8; 32],
    /// Sorted.
    pub(crate) validators: Vec<[u8; 32]>,
    pub(crate) participants: Set<PublicKey>,
    pub(crate) genesis: Block,
    pub(crate) block_bytes_max: usize,
    pub(crate) timings: Timings,
    pub(crate) votes: Votes,
}

/// What this node knows of the votes that it has cast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Votes {
    /// All of them, or all above a finalization (encoded) at or below which it casts no more.
    Remembered {
        /// The finalization, when there is one.
        floor: Option<Bytes>,
    },
    /// Not all: until it has a floor it says nothing.
    Forgotten,
}

impl Checked {
    /// Whether this node votes in the era.
    pub(crate) fn is_validator(&self) -> bool {
        self.validators.binary_search(&self.public_key).is_ok()
    }

    pub(crate) fn new(config: &Config) -> Result<Self, StartError> {
        let mut validators = config.validators.clone();
        validators.sort_unstable();
        for peer in &config.peers {
            engine_key(&peer.public_key)
                .ok_or(StartError::InvalidPublicKey { public_key: peer.public_key })?;
        }
        if let Some(pair) = validators.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(StartError::DuplicateValidator { public_key: pair[0] });
        }
        let participants = validators
            .iter()
            .map(|key| engine_key(key).ok_or(StartError::InvalidPublicKey { public_key: *key }))
            .collect::<Result<Vec<_>, _>>()?;
        let private_key = private_key(&config.signing_seed);
        let public_key = bytes_of(&private_key.public_key());
        let linked = |key: &[u8; 32]| config.peers.iter().any(|peer| peer.public_key == *key);
        if let Some(key) = validators.iter().find(|key| !linked(key)) {
            return Err(StartError::NoAddress { public_key: *key });
        }
        check_limits(config)?;
        let namespace = [b"xiezhi/consensus/v1/", &config.namespace[..]].concat();
        // The first era's votes carry the ledger's namespace alone, those of later ones also what they grow from: after a restart, an era
        // of the same number may begin elsewhere.
        let votes_namespace = match config.era.id() {
            0 => namespace.clone(),
            id => [&namespace[..], b"/era/", &id.to_be_bytes(), &config.era.parent].concat(),
        };
        Ok(Self {
            namespace,
            votes_namespace,
            era: config.era,
            private_key,
            public_key,
            validators,
            participants: Set::from_iter_dedup(participants),
            genesis: Block::genesis(config.era.parent, config.genesis_payload.clone()),
            block_bytes_max: config.block_bytes_max,
            timings: config.timings,
            votes: Votes::Remembered { floor: None },
        })
    }
}

fn check_limits(config: &Config) -> Result<(), StartError> {
    let Timings { leader, certification, retry, absent_after, fetch, redial } = config.timings;
    let refuse = |reason| Err(StartError::InvalidConfig { reason });
    if [leader, retry, fetch, redial].iter().any(Duration::is_zero) {
        return refuse("timings must not be zero");
    }
    if !(leader < certification && certification < absent_after && retry < absent_after) {
        return refuse("timings must be leader < certification < absent_after, retry < absent_after");
    }
    if config.worker_threads == 0 {
        return refuse("at least one worker thread is needed");
    }
    if config.block_bytes_max > BLOCK_BYTES_LIMIT || config.message_bytes_max > BLOCK_BYTES_LIMIT {
        return refuse("block_bytes_max and message_bytes_max are at most 256 MiB");
    }
    if config.genesis_payload.len() > config.block_bytes_max {
        return refuse("genesis_payload is longer than block_bytes_max");
    }
    Ok(())
}

/// The engine's form of a public key, if it is one.
pub(crate) fn engine_key(bytes: &[u8; 32]) -> Option<PublicKey> {
    PublicKey::decode(Copying(bytes)).ok()
}

/// A public key's 32 bytes.
pub(crate) fn bytes_of(key: &PublicKey) -> [u8; 32] {
    key.as_ref().try_into().expect("an Ed25519 key has 32 bytes")
}

fn private_key(seed: &[u8; 32]) -> PrivateKey {
    PrivateKey::decode(Copying(seed)).expect("any 32 bytes are an Ed25519 seed")
}

#[cfg(test)]
mod tests {
    /// RFC 8032, section 7.1, test 1.
    #[test]
    fn the_public_key_is_the_one_of_rfc_8032() {
        let bytes = |hex: &str| -> [u8; 32] {
            std::array::from_fn(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap())
        };
        let seed = bytes("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
        let expected = bytes("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        assert_eq!(super::public_key(&seed), expected);
    }
}
