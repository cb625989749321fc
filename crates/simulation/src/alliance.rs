//! Four or five institutions with fixed keys, and a depositor.

use std::{path::Path, sync::Arc};

use xiezhi_crypto::{DigestAlg, SignatureAlg, SigningKey, sha256};
use xiezhi_evidence::{
    AccountSpec, Body, DepositBody, Genesis, Governance, Institution, LocalName, Policy, StatementDraft,
    alliance::institution_account_id,
    governance::{Invite, Keys},
};
use xiezhi_node::{NodeConfig, NodeKeys, TimeStampConfig};
use xiezhi_pki::Profile;
use xiezhi_types::{AccountId, InstitutionId, LedgerId, Role, TimestampMs};
use xiezhi_verify::fixtures::{Fixture, Plan, SEALED_S, Sealer, issue, signing_key};

/// Most institutions: ca, court, forensic, notary, and where terms change [`REGISTRY`]. The genesis' policy asks for a quorum's seals, the court's and
/// the notary's among them, and a time stamp.
pub(crate) const NODES_MAX: usize = 5;
/// Those whose seal the policy can do without, and who may therefore lie without stopping the certificates.
pub(crate) const MAY_LIE: [usize; 2] = [0, 2];
/// The institutions that the policy names by their role.
pub(crate) const NEEDED: [usize; 2] = [1, 3];
/// The fifth institution, of the genesis or invited later.
pub(crate) const REGISTRY: usize = 4;
/// When the world begins.
pub(crate) const START_MS: u64 = SEALED_S * 1000;
/// The least a genesis allows.
const BLOCK_BYTES_MAX: u32 = 1 << 20;
/// Seeds of an institution's keys begin here: of the seals, and of consensus.
const FIRST_KEYS: (u8, u8) = (0x21, 0x31);
/// The same of the keys that replace them.
const SECOND_KEYS: (u8, u8) = (0x71, 0x79);
/// The same of the key with which an invitation is accepted.
const INVITED_KEY: u8 = 0x66;

/// What there is of the fifth institution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Registry {
    Absent,
    /// A member from the beginning.
    Member,
    /// None at first; its node follows.
    Invited,
}

pub(crate) struct Alliance {
    pub(crate) fixture: Fixture,
    pub(crate) genesis: Vec<u8>,
    /// Who gets other keys one day, and has them at hand from the beginning.
    rotates: Option<usize>,
    lists: Vec<Vec<u8>>,
    depositor: SigningKey,
}

fn key(node: usize, first: u8) -> SigningKey {
    signing_key(SignatureAlg::Ed25519, seed(node, first))
}

fn seed(node: usize, first: u8) -> u8 {
    first + u8::try_from(node).unwrap()
}

fn bytes_of(key: &SigningKey) -> [u8; 32] {
    key.public_key().as_bytes().try_into().unwrap()
}

/// With a fifth institution, which is a member `from_the_beginning` or may be invited.
fn with_registry(mut fixture: Fixture, from_the_beginning: bool) -> Fixture {
    let id: InstitutionId = "registry".parse().unwrap();
    let (seal, consensus) = (key(REGISTRY, FIRST_KEYS.0), key(REGISTRY, FIRST_KEYS.1));
    let institution = Institution {
        id: id.clone(),
        role: Role::Technology,
        name: registry_name(),
        consensus_key: bytes_of(&consensus),
        seal_key: bytes_of(&seal),
    };
    let chain = chain(&fixture, &id, &seal, seed(REGISTRY, FIRST_KEYS.0));
    fixture.sealers.push(Sealer { id, key: seal, chain, serial: Vec::new() });
    if !from_the_beginning {
        return fixture;
    }
    fixture.with_genesis(|genesis| {
        genesis.institutions.push(institution);
        genesis.policy = Policy::quorum(&genesis.institutions, &[Role::Court, Role::Notary], 1);
    })
}

fn registry_name() -> LocalName {
    LocalName { zh: "示例登记中心".to_owned(), en: "Example Registry".to_owned() }
}

/// The certificates of a seal key.
fn chain(fixture: &Fixture, institution: &InstitutionId, key: &SigningKey, serial: u8) -> Vec<Vec<u8>> {
    let profile = Profile::InstitutionSeal { institution, key: bytes_of(key) };
    let certificate = issue(&fixture.issuing, profile, "示例", "司法链签章", serial);
    vec![certificate.der().to_vec(), fixture.issuing.certificate().der().to_vec()]
}

impl Alliance {
    pub(crate) fn new(with: Registry, rotates: Option<usize>) -> Self {
        let fixture = Fixture::new().with_genesis(|genesis| genesis.limits.block_bytes_max = BLOCK_BYTES_MAX);
        let fixture = match with {
            Registry::Absent => fixture,
            Registry::Member => with_registry(fixture, true),
            Registry::Invited => with_registry(fixture, false),
        };
        let genesis = fixture.genesis.encode();
        let lists = fixture.lists(&Plan::default());
        let depositor = signing_key(SignatureAlg::Ed25519, 0x61);
        Self { fixture, genesis, rotates, lists, depositor }
    }

    pub(crate) fn nodes(&self) -> usize {
        self.fixture.sealers.len()
    }

    pub(crate) fn ledger(&self) -> LedgerId {
        Genesis::ledger_id(&self.genesis)
    }

    pub(crate) fn id(&self, node: usize) -> &InstitutionId {
        &self.fixture.sealers[node].id
    }

    fn key_seeds(&self, node: usize) -> Vec<(u8, u8)> {
        let second = (self.rotates == Some(node)).then_some(SECOND_KEYS);
        std::iter::once(FIRST_KEYS).chain(second).collect()
    }

    /// Every consensus key that there ever is, with whose it is.
    pub(crate) fn consensus_keys(&self) -> Vec<(usize, [u8; 32])> {
        let of = |node| {
            self.key_seeds(node).into_iter().map(move |(_, first)| (node, bytes_of(&key(node, first))))
        };
        (0..self.nodes()).flat_map(of).collect()
    }

    pub(crate) fn seal_key(&self, node: usize) -> &SigningKey {
        &self.fixture.sealers[node].key
    }

    pub(crate) fn config(&self, node: usize, dir: &Path) -> NodeConfig {
        let sealer = &self.fixture.sealers[node];
        let first = self.fixture.sealers[NEEDED[0]].id.clone();
        let stamps = NEEDED.iter().position(|one| *one == node).map(|at| TimeStampConfig {
            authority: self.fixture.authorities[at].clone(),
            stands_in_for: (at > 0).then_some(first),
        });
        let keys = self.key_seeds(node).into_iter().map(|(seal, consensus)| NodeKeys {
            consensus_seed: [seed(node, consensus); 32],
            seal_key: Arc::new(key(node, seal)),
            seal_chain: if (seal, consensus) == FIRST_KEYS {
                sealer.chain.clone()
            } else {
                chain(&self.fixture, &sealer.id, &key(node, seal), seed(node, seal))
            },
        });
        let nowhere = ([127, 0, 0, 1], 1).into();
        NodeConfig {
            institution: sealer.id.clone(),
            genesis: self.genesis.clone(),
            data_dir: dir.to_owned(),
            keys: keys.collect(),
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

    fn sign(&self, issuer: AccountId, key: &SigningKey, now_ms: u64, body: Body) -> Vec<u8> {
        let (ledger, issued_at) = (self.ledger(), TimestampMs(now_ms));
        let draft = StatementDraft { issuer, ledger, issued_at, group: None, body };
        draft.sign(&[key]).unwrap().as_bytes().to_vec()
    }

    /// The statement that creates the depositor's account.
    pub(crate) fn creation(&self, now_ms: u64) -> Vec<u8> {
        self.sign(self.spec().id(), &self.depositor, now_ms, Body::Account(self.spec()))
    }

    /// The deposit number `number`.
    pub(crate) fn deposit(&self, now_ms: u64, number: u64) -> Vec<u8> {
        let original = number.to_be_bytes();
        let body = DepositBody {
            manifest_root: sha256(&original),
            digests: vec![DigestAlg::Sha256.digest(&original)],
            phase: None,
        };
        self.sign(self.spec().id(), &self.depositor, now_ms, Body::Deposit(body))
    }

    /// What an institution says about membership, signed with its key whose bytes are `seal_key`.
    pub(crate) fn say(&self, node: usize, seal_key: &[u8; 32], now_ms: u64, said: &Governance) -> Vec<u8> {
        let seal_keys = self.key_seeds(node).into_iter().map(|(first, _)| first);
        let keys = seal_keys.chain([INVITED_KEY]).map(|first| key(node, first));
        let key = keys.into_iter().find(|key| bytes_of(key) == *seal_key).unwrap();
        let issuer = institution_account_id(&self.ledger(), self.id(node));
        self.sign(issuer, &key, now_ms, Body::Governance(said.clone()))
    }

    /// The invitation of [`REGISTRY`].
    pub(crate) fn invite(&self) -> Invite {
        let key = bytes_of(&key(REGISTRY, INVITED_KEY));
        Invite { institution: self.id(REGISTRY).clone(), role: Role::Technology, name: registry_name(), key }
    }

    /// The keys with which an institution takes its seat.
    pub(crate) fn first_keys(&self, node: usize) -> Keys {
        self.proven(node, FIRST_KEYS)
    }

    /// The keys that replace them.
    pub(crate) fn second_keys(&self, node: usize) -> Keys {
        self.proven(node, SECOND_KEYS)
    }

    fn proven(&self, node: usize, (seal, consensus): (u8, u8)) -> Keys {
        let address = "127.0.0.1:1".to_owned();
        Keys::prove(&self.ledger(), self.id(node), &key(node, consensus), &key(node, seal), address).unwrap()
    }
}
