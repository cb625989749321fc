//! What must hold, judged without the product's code: trees, signatures, policy and bookkeeping are restated here.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use sha2::Digest as _;
use xiezhi_evidence::{CertifiedSeal, Checkpoint};
use xiezhi_node::{SealedCheckpoint, simulation::SimulatedNode};
use xiezhi_types::Height;

use crate::alliance::{Alliance, NEEDED, NODES};

type Hash = [u8; 32];

/// Seals that a certificate needs of four institutions.
const QUORUM: usize = 3;

/// What has been seen of the honest nodes.
pub(crate) struct Checks {
    origin: String,
    /// Name and seal key of each institution.
    keys: Vec<(String, Hash)>,
    /// The one log; whoever is first says what it is.
    pub(crate) log: Vec<Vec<u8>>,
    recorded: BTreeSet<Vec<u8>>,
    /// All that depositors ever handed in.
    pub(crate) deposited: BTreeSet<Vec<u8>>,
    /// Roots of the log's first so many records, under SHA-256 and SM3.
    roots: BTreeMap<u64, (Hash, Hash)>,
    /// What the first node that had it said of each height: size, time, state root.
    heights: BTreeMap<u64, (u64, u64, Hash)>,
    /// Records that a node had, and the height of its last checkpoint looked at.
    had: [u64; NODES],
    looked: [Height; NODES],
    pub(crate) acknowledged: BTreeMap<u64, Vec<u8>>,
    pub(crate) sealed: u64,
}

/// Root of RFC 9162, section 2.1.1, as the text says it.
fn root(entries: &[Vec<u8>], hash: &dyn Fn(&[&[u8]]) -> Hash) -> Hash {
    match entries {
        [] => hash(&[]),
        [one] => hash(&[&[0], one]),
        _ => {
            let mut left = 1;
            while left * 2 < entries.len() {
                left *= 2;
            }
            hash(&[&[1], &root(&entries[..left], hash), &root(&entries[left..], hash)])
        }
    }
}

fn sha256(parts: &[&[u8]]) -> Hash {
    sha2::Sha256::digest(parts.concat()).into()
}

fn sm3(parts: &[&[u8]]) -> Hash {
    sm3::Sm3::digest(parts.concat()).into()
}

fn must(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

impl Checks {
    pub(crate) fn new(alliance: &Alliance) -> Self {
        let genesis = &alliance.fixture.genesis;
        Self {
            origin: genesis.origin(&alliance.ledger()),
            keys: genesis.institutions.iter().map(|one| (one.id.to_string(), one.seal_key)).collect(),
            log: Vec::new(),
            recorded: BTreeSet::new(),
            deposited: BTreeSet::new(),
            roots: BTreeMap::new(),
            heights: BTreeMap::new(),
            had: [0; NODES],
            looked: [Height(0); NODES],
            acknowledged: BTreeMap::new(),
            sealed: 0,
        }
    }

    /// A depositor was told that `statement` is recorded at `index`.
    pub(crate) fn acknowledge(&mut self, index: u64, statement: &[u8]) -> Result<(), String> {
        let before = self.acknowledged.insert(index, statement.to_vec());
        must(before.is_none_or(|before| before == statement), || {
            format!("index {index} was acknowledged for two statements")
        })
    }

    /// Looks at what is new on an honest node.
    pub(crate) fn observe(&mut self, number: usize, node: &SimulatedNode) -> Result<(), String> {
        let (size, _) = node.tip();
        must(size >= self.had[number], || {
            format!("node {number} has {size} records and had {}", self.had[number])
        })?;
        for index in self.had[number]..size {
            self.record(number, index, node.record(index))?;
        }
        self.had[number] = size;
        for sealed in node.checkpoints(self.looked[number], 256) {
            self.looked[number] = sealed.checkpoint.height;
            self.checkpoint(number, &sealed.checkpoint)?;
            self.seals(number, &sealed)?;
        }
        Ok(())
    }

    fn record(&mut self, number: usize, index: u64, found: Option<Vec<u8>>) -> Result<(), String> {
        let found = found.ok_or_else(|| format!("node {number} lacks record {index}"))?;
        let at = usize::try_from(index).unwrap();
        if let Some(known) = self.log.get(at) {
            return must(*known == found, || format!("node {number} has another record {index}"));
        }
        must(at == self.log.len(), || format!("node {number} skips to record {index}"))?;
        must(self.deposited.contains(&found), || format!("record {index} was deposited by nobody"))?;
        must(self.recorded.insert(found.clone()), || format!("record {index} is recorded twice"))?;
        self.log.push(found);
        Ok(())
    }

    /// A checkpoint holds the roots of the log's first records: then each is consistent with every other.
    fn checkpoint(&mut self, number: usize, found: &Checkpoint) -> Result<(), String> {
        let size = found.size.0;
        let log = self.log.get(..usize::try_from(size).unwrap());
        let log = log.ok_or_else(|| format!("node {number} has a checkpoint of {size} records too early"))?;
        let roots = *self.roots.entry(size).or_insert_with(|| (root(log, &sha256), root(log, &sm3)));
        must(roots == (found.root_sha256, found.root_sm3), || {
            format!("node {number}: the roots of {size} records are wrong")
        })?;
        let said = (size, found.time.0, found.state_root);
        let known = *self.heights.entry(found.height.0).or_insert(said);
        must(known == said, || format!("node {number} has another checkpoint {}", found.height))?;
        let before = self.heights.range(..found.height.0).next_back();
        let after = self.heights.range(found.height.0 + 1..).next();
        let rises = before.is_none_or(|(_, one)| one.0 < size && one.1 < said.1)
            && after.is_none_or(|(_, one)| one.0 > size && one.1 > said.1);
        must(rises, || format!("node {number}: time or size does not rise at {}", found.height))
    }

    /// Every seal kept is genuine, and what counts as sealed has the policy's seals.
    fn seals(&mut self, number: usize, sealed: &SealedCheckpoint) -> Result<(), String> {
        let size = sealed.checkpoint.size.0;
        let Some((root, _)) = self.roots.get(&size) else {
            return Err(format!("node {number} has a checkpoint of {size} records that was not looked at"));
        };
        let encoded = base64::engine::general_purpose::STANDARD.encode(root);
        let note = format!("{}\n{size}\n{encoded}\n", self.origin);
        let mut who = BTreeSet::new();
        for CertifiedSeal { seal, .. } in &sealed.seals {
            let name = seal.institution.to_string();
            let known = self.keys.iter().position(|(id, _)| *id == name);
            let known = known.ok_or_else(|| format!("node {number} keeps a seal of {name}"))?;
            let key = ed25519_zebra::VerificationKey::try_from(self.keys[known].1).unwrap();
            let genuine = key.verify(&ed25519_zebra::Signature::from(seal.log), note.as_bytes()).is_ok();
            must(genuine, || format!("node {number} keeps a false seal of {name} over {size} records"))?;
            who.insert(known);
        }
        if sealed.missing.is_met() {
            let enough = who.len() >= QUORUM && NEEDED.iter().all(|one| who.contains(one));
            must(enough, || format!("node {number}: {size} records count as sealed by {who:?} alone"))?;
            must(!sealed.timestamps.is_empty(), || {
                format!("node {number}: {size} records lack a time stamp")
            })?;
            self.sealed = self.sealed.max(size);
        }
        Ok(())
    }

    /// Looks at everything once more, when all is quiet.
    pub(crate) fn conclude(&mut self, number: usize, node: &SimulatedNode) -> Result<(), String> {
        self.observe(number, node)?;
        for (index, statement) in &self.acknowledged {
            let found = node.record(*index);
            must(found.as_ref() == Some(statement), || {
                format!("node {number} lost record {index}, which was acknowledged")
            })?;
        }
        for (index, known) in (0u64..).zip(&self.log) {
            must(node.record(index).as_ref() == Some(known), || {
                format!("node {number} changed record {index}")
            })?;
        }
        for sealed in node.checkpoints(Height(0), usize::MAX) {
            self.checkpoint(number, &sealed.checkpoint)?;
            self.seals(number, &sealed)?;
        }
        Ok(())
    }
}
