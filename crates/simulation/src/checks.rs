//! What must hold, judged without the product's code: trees, signatures, policy and bookkeeping are restated here.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use sha2::Digest as _;
use xiezhi_evidence::{CertifiedSeal, Checkpoint, Governance};
use xiezhi_node::{SealedCheckpoint, simulation::SimulatedNode};
use xiezhi_types::Height;

use crate::{
    alliance::{Alliance, NODES_MAX},
    terms::Terms,
};

type Hash = [u8; 32];

/// What has been seen of the honest nodes.
pub(crate) struct Checks {
    origin: String,
    names: Vec<String>,
    pub(crate) terms: Terms,
    /// What institutions ever said about membership, and whose node's they are.
    pub(crate) said: BTreeMap<Vec<u8>, (usize, Governance)>,
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
    had: [u64; NODES_MAX],
    looked: [Height; NODES_MAX],
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
            names: (0..alliance.nodes()).map(|node| alliance.id(node).to_string()).collect(),
            terms: Terms::new(alliance),
            said: BTreeMap::new(),
            log: Vec::new(),
            recorded: BTreeSet::new(),
            deposited: BTreeSet::new(),
            roots: BTreeMap::new(),
            heights: BTreeMap::new(),
            had: [0; NODES_MAX],
            looked: [Height(0); NODES_MAX],
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
        self.part(node).map_err(|reason| format!("node {number}: {reason}"))
    }

    /// A node knows the terms as they were decided, and votes only in an era of which its institution is an active member, with those members.
    fn part(&self, node: &SimulatedNode) -> Result<(), String> {
        let tip = node.tip().1;
        self.terms.check(tip.0, &node.term_at(tip))?;
        let last = node.term_at(Height(u64::MAX));
        self.terms.check(last.from.0, &last)?;
        let engine = node.engine();
        let validators: BTreeSet<_> = engine.validators.iter().copied().collect();
        if !node.votes() {
            return must(validators.is_empty(), || "it follows and has an engine".to_owned());
        }
        let number = engine.era.number;
        let term = self.terms.decided.get(number as usize);
        let term = term.ok_or_else(|| format!("it votes in era {number}, which was never decided"))?;
        let active = term.seats.values().filter(|seat| seat.active).map(|seat| seat.consensus_key);
        must(active.collect::<BTreeSet<_>>() == validators, || format!("era {number} has other members"))?;
        must(engine.era.base == term.from.saturating_sub(1), || {
            format!("era {number} grows from {}, and its term begins at {}", engine.era.base, term.from)
        })?;
        must(validators.contains(&xiezhi_consensus::public_key(&engine.signing_seed)), || {
            format!("it votes in era {number} and has no seat there")
        })
    }

    fn record(&mut self, number: usize, index: u64, found: Option<(Height, Vec<u8>)>) -> Result<(), String> {
        let (height, found) = found.ok_or_else(|| format!("node {number} lacks record {index}"))?;
        let at = usize::try_from(index).unwrap();
        if let Some(known) = self.log.get(at) {
            return must(*known == found, || format!("node {number} has another record {index}"));
        }
        must(at == self.log.len(), || format!("node {number} skips to record {index}"))?;
        must(self.deposited.contains(&found), || format!("record {index} was deposited by nobody"))?;
        must(self.recorded.insert(found.clone()), || format!("record {index} is recorded twice"))?;
        if let Some((by, said)) = self.said.get(&found) {
            let applied = self.terms.apply(height.0, *by, said);
            applied.map_err(|reason| format!("record {index} should not be: {reason}"))?;
        }
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
        let term = self.terms.at(sealed.checkpoint.height.0);
        let mut who = BTreeSet::new();
        for CertifiedSeal { seal, .. } in &sealed.seals {
            let name = seal.institution.to_string();
            let known = self.names.iter().position(|known| *known == name);
            let known = known.ok_or_else(|| format!("node {number} keeps a seal of {name}"))?;
            let seat = term.seats.get(&known).filter(|seat| seat.active);
            let seat = seat.ok_or_else(|| {
                format!("node {number} keeps a seal of {name} over {size} records, who has no seat then")
            })?;
            let key = ed25519_zebra::VerificationKey::try_from(seat.seal_key).unwrap();
            let genuine = key.verify(&ed25519_zebra::Signature::from(seal.log), note.as_bytes()).is_ok();
            must(genuine, || format!("node {number} keeps a false seal of {name} over {size} records"))?;
            who.insert(known);
        }
        if sealed.missing.is_met() {
            let height = sealed.checkpoint.height.0;
            must(self.terms.is_met(height, &who, sealed.timestamps.len()), || {
                let stamps = sealed.timestamps.len();
                format!(
                    "node {number}: {size} records count as sealed by {who:?} alone, {stamps} time stamps"
                )
            })?;
            self.sealed = self.sealed.max(size);
        }
        Ok(())
    }

    /// Looks at everything once more, when all is quiet.
    pub(crate) fn conclude(&mut self, number: usize, node: &SimulatedNode) -> Result<(), String> {
        self.observe(number, node)?;
        for (index, statement) in &self.acknowledged {
            let found = node.record(*index).map(|(_, found)| found);
            must(found.as_ref() == Some(statement), || {
                format!("node {number} lost record {index}, which was acknowledged")
            })?;
        }
        for (index, known) in (0u64..).zip(&self.log) {
            must(node.record(index).is_some_and(|(_, found)| found == *known), || {
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
