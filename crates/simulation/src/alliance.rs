//! Four institutions with fixed keys, and a depositor.

use std::{path::Path, sync::Arc};

use xiezhi_crypto::{DigestAlg, SignatureAlg, SigningKey, sha256};
use xiezhi_evidence::{AccountSpec, Body, DepositBody, Genesis, StatementDraft};
use xiezhi_node::{NodeConfig, NodeKeys, TimeStampConfig};
use xiezhi_types::{LedgerId, TimestampMs};
use xiezhi_verify::fixtures::{Fixture, Plan, SEALED_S, signing_key};

/// The institutions: ca, court, forensic, notary. The policy asks for three seals, the court's and the notary's among them, and a time stamp.
pub(crate) const NODES: usize = 4;
/// Those whose seal the policy can do without, and who may therefore lie without stopping the certificates.
pub(crate) const MAY_LIE: [usize; 2] = [0, 2];
/// The institutions that the policy names by their role.
pub(crate) const NEEDED: [usize; 2] = [1, 3];
/// When the world begins.
pub(crate) const START_MS: u64 = SEALED_S * 1000;
/// The least a genesis allows.
const BLOCK_BYTES_MAX: u32 = 1 << 20;

pub(crate) struct Alliance {
    pub(crate) fixture: Fixture,
    pub(crate) genesis: Vec<u8>,
    lists: Vec<Vec<u8>>,
    depositor: SigningKey,
}

impl Alliance {
    pub(crate) fn new() -> Self {
        let fixture = Fixture::new().with_genesis(|genesis| genesis.limits.block_bytes_max = BLOCK_BYTES_MAX);
        let genesis = fixture.genesis.encode();
        let lists = fixture.lists(&Plan::default());
        Self { fixture, genesis, lists, depositor: signing_key(SignatureAlg::Ed25519, 0x61) }
    }

    pub(crate) fn ledger(&self) -> LedgerId {
        Genesis::ledger_id(&self.genesis)
    }

    /// The consensus keys, by institution.
    pub(crate) fn consensus_keys(&self) -> Vec<[u8; 32]> {
        self.fixture.genesis.institutions.iter().map(|one| one.consensus_key).collect()
    }

    pub(crate) fn seal_key(&self, node: usize) -> &SigningKey {
        &self.fixture.sealers[node].key
    }

    pub(crate) fn config(&self, node: usize, dir: &Path) -> NodeConfig {
        let sealer = &self.fixture.sealers[node];
        let seed = u8::try_from(node).unwrap() + 0x31;
        let first = self.fixture.sealers[NEEDED[0]].id.clone();
        let stamps = NEEDED.iter().position(|one| *one == node).map(|at| TimeStampConfig {
            authority: self.fixture.authorities[at].clone(),
            stands_in_for: (at > 0).then_some(first),
        });
        let nowhere = ([127, 0, 0, 1], 1).into();
        NodeConfig {
            institution: sealer.id.clone(),
            genesis: self.genesis.clone(),
            data_dir: dir.to_owned(),
            keys: vec![NodeKeys {
                consensus_seed: [seed; 32],
                seal_key: Arc::new(signing_key(SignatureAlg::Ed25519, 0x21 + u8::try_from(node).unwrap())),
                seal_chain: sealer.chain.clone(),
            }],
            upstreams: Vec::new(),
            listen: nowhere,
            peers: self.fixture.sealers.iter().map(|one| (one.id.clone(), nowhere)).collect(),
            revocations: self.lists.clone(),
            timestamps: stamps,
            authority: None,
            stampers: Vec::new(),
            cache_bytes: 1 << 20,
            worker_threads: 1,
        }
    }

    fn spec(&self) -> AccountSpec {
        AccountSpec::single([0x61; 16], self.depositor.public_key())
    }

    fn sign(&self, now_ms: u64, body: Body) -> Vec<u8> {
        let draft = StatementDraft {
            issuer: self.spec().id(),
            ledger: self.ledger(),
            issued_at: TimestampMs(now_ms),
            group: None,
            body,
        };
        draft.sign(&[&self.depositor]).unwrap().as_bytes().to_vec()
    }

    /// The statement that creates the depositor's account.
    pub(crate) fn creation(&self, now_ms: u64) -> Vec<u8> {
        self.sign(now_ms, Body::Account(self.spec()))
    }

    /// The deposit number `number`.
    pub(crate) fn deposit(&self, now_ms: u64, number: u64) -> Vec<u8> {
        let original = number.to_be_bytes();
        let body = DepositBody {
            manifest_root: sha256(&original),
            digests: vec![DigestAlg::Sha256.digest(&original)],
            phase: None,
        };
        self.sign(now_ms, Body::Deposit(body))
    }
}
