//! A small ledger to test with: a genesis without institutions, and depositors who sign.

use std::{convert::Infallible, sync::Arc};

use minicbor::{Encoder, data::Tag, encode};
use xiezhi_crypto::{Digest, DigestAlg, SignatureAlg, SigningKey};
use xiezhi_evidence::{
    AccountSpec, Alliance, BatchBody, BatchItem, Body, DepositBody, Genesis, Governance, Group, Institution,
    Limits, LocalName, Member, Policy, StatementDraft, alliance::institution_account_id, genesis::VERSION,
    governance::Keys,
};
use xiezhi_merkle::{Frontier, Sha256};
use xiezhi_types::{AccountId, GroupId, InstitutionId, LedgerId, Role, TimestampMs, canonical};

use crate::{Admitted, Transaction};

/// The time at which everything is signed.
pub const NOW: TimestampMs = TimestampMs(1_790_000_000_000);

/// The ledger's id.
pub const LEDGER: LedgerId = LedgerId([7; 32]);

/// A genesis with default limits and nobody in it.
#[must_use]
pub fn genesis() -> Genesis {
    Genesis {
        version: VERSION,
        salt: [0; 32],
        created: NOW,
        name: LocalName { zh: "测试".to_owned(), en: "Test".to_owned() },
        domain: "test.example".to_owned(),
        institutions: Vec::new(),
        roots: Vec::new(),
        timestamp_roots: Vec::new(),
        policy: Policy { seals: Group { threshold: 0, members: Vec::new() }, timestamps: 0 },
        limits: Limits::default(),
        suites: [SignatureAlg::Ed25519, SignatureAlg::Es256].map(SignatureAlg::cose).to_vec(),
    }
}

/// The id of institution `number`.
///
/// # Panics
/// Never: every number makes a name.
#[must_use]
pub fn institution_id(number: u8) -> InstitutionId {
    format!("m{number}").parse().expect("a name")
}

/// Consensus key and seal key of institution `number` below 12; each `turn` below 10 has its own.
///
/// # Panics
/// Never: every seed makes an Ed25519 key.
#[must_use]
pub fn institution_keys(number: u8, turn: u8) -> [SigningKey; 2] {
    let seed = 20 * number + 2 * turn;
    [seed, seed + 1].map(|seed| SigningKey::from_seed(SignatureAlg::Ed25519, &[seed; 32]).expect("a key"))
}

/// The keys of institution `number`, proven.
#[must_use]
pub fn proven_keys(number: u8, turn: u8) -> Keys {
    let [consensus, seal] = institution_keys(number, turn);
    Keys::prove(&LEDGER, &institution_id(number), &consensus, &seal, format!("m{number}:7400"))
        .expect("keys in memory sign")
}

/// A genesis with `count` courts, of which any one's seal is enough.
#[must_use]
pub fn genesis_of(count: u8) -> Genesis {
    let institution = |number| {
        let keys = proven_keys(number, 0);
        Institution {
            id: institution_id(number),
            role: Role::Court,
            name: LocalName { zh: format!("机构{number}"), en: format!("Institution {number}") },
            consensus_key: keys.consensus_key,
            seal_key: keys.seal_key,
        }
    };
    let policy =
        Policy { seals: Group { threshold: 1, members: vec![Member::Role(Role::Court)] }, timestamps: 0 };
    Genesis { institutions: (0..count).map(institution).collect(), policy, ..genesis() }
}

/// The alliance of that genesis.
#[must_use]
pub fn alliance_of(count: u8) -> Alliance {
    Alliance::at_genesis(&genesis_of(count))
}

/// What institution `number` says about membership at `time`, signed with `key`.
///
/// # Panics
/// If it cannot be signed.
#[must_use]
pub fn governance(number: u8, time: TimestampMs, key: &SigningKey, said: Governance) -> Arc<Admitted> {
    let issuer = institution_account_id(&LEDGER, &institution_id(number));
    let body = Body::Governance(said);
    let draft = StatementDraft { issuer, ledger: LEDGER, issued_at: time, group: None, body };
    admitted(draft.sign(&[key]).expect("signed").as_bytes().to_vec(), Vec::new())
}

/// What a node holds of `statement` after its door.
///
/// # Panics
/// If the statement is not well formed.
#[must_use]
pub fn admitted(statement: Vec<u8>, items: Vec<Vec<u8>>) -> Arc<Admitted> {
    Arc::new(Admitted::check(Transaction::new(&statement, &items), &genesis(), &LEDGER).expect("well formed"))
}

/// An account with one Ed25519 key.
pub struct Depositor {
    /// The key.
    pub key: SigningKey,
    /// What creates the account.
    pub spec: AccountSpec,
}

impl Depositor {
    /// The depositor number `seed`.
    ///
    /// # Panics
    /// Never: every seed makes an Ed25519 key.
    #[must_use]
    pub fn new(seed: u8) -> Self {
        let key = SigningKey::from_seed(SignatureAlg::Ed25519, &[seed; 32]).expect("any seed is a key");
        let spec = AccountSpec::single([seed; 16], key.public_key());
        Self { key, spec }
    }

    /// The account's id.
    #[must_use]
    pub fn id(&self) -> AccountId {
        self.spec.id()
    }

    /// A statement signed at `time`.
    ///
    /// # Panics
    /// If the body cannot be signed.
    #[must_use]
    pub fn statement(&self, time: TimestampMs, group: Option<GroupId>, body: Body) -> Vec<u8> {
        let draft = StatementDraft { issuer: self.id(), ledger: LEDGER, issued_at: time, group, body };
        draft.sign(&[&self.key]).expect("signed").as_bytes().to_vec()
    }

    /// The account's creation.
    #[must_use]
    pub fn creation(&self) -> Arc<Admitted> {
        admitted(self.statement(NOW, None, Body::Account(self.spec.clone())), Vec::new())
    }

    /// A deposit of `original`, searchable by SHA-256.
    #[must_use]
    pub fn deposit(&self, original: &[u8], group: Option<GroupId>) -> Arc<Admitted> {
        let digests = vec![digest(original)];
        let body = DepositBody { manifest_root: [1; 32], digests, phase: None };
        admitted(self.statement(NOW, group, Body::Deposit(body)), Vec::new())
    }

    /// A batch of `originals`, searchable by SHA-256.
    ///
    /// # Panics
    /// If there are more than 2^32 of them.
    #[must_use]
    pub fn batch(&self, originals: &[Vec<u8>]) -> Arc<Admitted> {
        let mut tree = Frontier::<Sha256>::new();
        let item = |original: &Vec<u8>| {
            let item = canonical(&BatchItem { manifest_root: [2; 32], digests: vec![digest(original)] });
            tree.append(BatchItem::leaf(&item));
            item
        };
        let items: Vec<_> = originals.iter().map(item).collect();
        let count = u32::try_from(items.len()).expect("few");
        let body = Body::Batch(BatchBody { items_root: tree.root(), items: count });
        admitted(self.statement(NOW, None, body), items)
    }

    /// A general statement about `payload` that does not say when it was signed.
    ///
    /// # Panics
    /// Never: it is well formed.
    #[must_use]
    pub fn undated(&self, payload: &[u8]) -> Arc<Admitted> {
        let issuer = self.id().uri();
        let write =
            |message: &mut Vec<u8>, statement: &mut Vec<u8>| -> Result<(), encode::Error<Infallible>> {
                let mut header = Encoder::new(Vec::new());
                header
                    .map(4)?
                    .u8(1)?
                    .i8(-8)?
                    .u8(3)?
                    .str("text/plain")?
                    .u8(4)?
                    .bytes(&self.spec.keys[0].key.id().0)?;
                header.u8(15)?.map(2)?.u8(1)?.str(&issuer)?.u8(2)?.str("urn:example:thing")?;
                let header = header.into_writer();
                Encoder::new(&mut *message)
                    .array(4)?
                    .str("Signature1")?
                    .bytes(&header)?
                    .bytes(&[])?
                    .bytes(payload)?;
                let mut e = Encoder::new(statement);
                e.tag(Tag::new(18))?
                    .array(4)?
                    .bytes(&header)?
                    .map(0)?
                    .bytes(payload)?
                    .bytes(&self.key.sign(message))?;
                Ok(())
            };
        let (mut message, mut statement) = (Vec::new(), Vec::new());
        write(&mut message, &mut statement).expect("encoding into memory");
        admitted(statement, Vec::new())
    }
}

/// The digest under which `original` is found.
#[must_use]
pub fn digest(original: &[u8]) -> Digest {
    DigestAlg::Sha256.digest(original)
}
