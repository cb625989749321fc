//! A whole alliance with fixed keys, and certificates made without a network: for tests and vectors, here and in the crates above.
//!
//! Everything is deterministic. A [`Plan`] says how a certificate is made; [`Plan::default`] makes a good one, and a test changes the one
//! thing it is about.

use xiezhi_crypto::{Digest, DigestAlg, SignatureAlg, SigningKey, sha256, sha256_parts};
use xiezhi_evidence::{
    Account, AccountProof, AccountSpec, Alliance, BatchBody, BatchItem, BatchPlace, Body, Certificate,
    CertifiedSeal, Checkpoint, DepositBody, Genesis, Institution, Limits, LocalName, Manifest, Policy, Seal,
    Statement, StatementDraft, TermLink, TimeStamp, Value, WeightedKey,
    account::{PROVEN_VERSION, ProvenAccount},
    alliance::{Member, MemberStatus, STATE_KEY},
    cose::sig_structure,
    manifest::names,
    state_proof::{OtherLeaf, StateProof},
};
use xiezhi_merkle::{Hash, Sha256, Sm3, Tree, TreeHash};
use xiezhi_pki::{
    CertificateAuthority, CertificateTemplate, CrlTemplate, ObjectIdentifier, P256Key, Profile,
    RevocationReason, RevokedCertificate, Subject, Validity, X509Certificate,
    timestamp::{GenTime, TimeStampAuthority},
};
use xiezhi_types::{
    AccountId, GroupId, Height, InstitutionId, LedgerId, LogIndex, Role, TimestampMs, TreeSize, canonical,
};

use crate::{Anchor, Exhibit};

/// The time of the checkpoint in unix milliseconds: 2027-01-15T08:00:00.250Z.
pub const CHECKPOINT_MS: u64 = 1_800_000_000_250;
/// The second in which everybody seals.
pub const SEALED_S: u64 = 1_800_000_001;
/// The time that the time-stamp authorities state, in milliseconds.
pub const STAMPED_MS: u64 = 1_800_000_001_500;
/// Seconds in a day.
pub const DAY_S: u64 = 86_400;
/// A declared time at which all is well.
pub const DECLARED: TimestampMs = TimestampMs(1_800_000_060_000);
/// The original.
pub const ORIGINAL: &[u8] = "租赁合同 2027-0115 号\nLease No. 2027-0115\n".as_bytes();

/// What the root is called.
pub const ROOT: Subject<'static> =
    Subject { organisation: "獬豸示例联盟", common_name: "Xiezhi Example Root" };
/// The policy of the time-stamp authorities.
pub const POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1.1");

/// Who seals.
#[derive(Debug)]
pub struct Sealer {
    /// Its short name.
    pub id: InstitutionId,
    /// Its seal key.
    pub key: SigningKey,
    /// Its certificate and the issuing authority's.
    pub chain: Vec<Vec<u8>>,
    /// Serial number of its certificate.
    pub serial: Vec<u8>,
}

/// The alliance: court, notary office, forensic centre, certificate authority; a root, an issuing authority, two time-stamp authorities; an
/// account.
#[derive(Debug)]
pub struct Fixture {
    /// The genesis.
    pub genesis: Genesis,
    /// Its id.
    pub ledger: LedgerId,
    /// The members, sorted by id: ca, court, forensic, notary.
    pub sealers: Vec<Sealer>,
    /// The root of all.
    pub root: CertificateAuthority,
    /// Issuer of the seal certificates, under the root.
    pub issuing: CertificateAuthority,
    /// Time-stamp authorities under the root; the policy asks for one.
    pub authorities: Vec<TimeStampAuthority>,
    /// The depositor's first key.
    pub key: SigningKey,
    /// The depositor's account.
    pub account: Account,
}

/// How a certificate is made.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The statement to be recorded; a deposit of [`ORIGINAL`] by default.
    pub statement: Option<Statement>,
    /// What is recorded in the statement's place, a statement or not; the account and all else stay as they are.
    pub leaf: Option<Vec<u8>>,
    /// For a batch: its items, and which of them the certificate is for.
    pub batch: Option<(Vec<Vec<u8>>, u32)>,
    /// The manifest that goes into the certificate.
    pub manifest: Option<Manifest>,
    /// The account in the state; the fixture's by default.
    pub account: Option<Account>,
    /// A second account in the state, in whose name the statement is made; its proof goes into the certificate.
    pub grantor: Option<Account>,
    /// Records before it in the log.
    pub before: u64,
    /// Records after it, still in the same checkpoint.
    pub after: u64,
    /// The checkpoint's time in milliseconds.
    pub checkpoint_ms: u64,
    /// Who seals, as indices into [`Fixture::sealers`].
    pub sealers: Vec<usize>,
    /// When, in seconds.
    pub sealed_s: u64,
    /// Who stamps, as indices into [`Fixture::authorities`].
    pub stampers: Vec<usize>,
    /// The time they state, in milliseconds.
    pub stamped_ms: u64,
    /// What the lists revoke.
    pub revoked: Vec<RevokedCertificate>,
    /// Whether revocation lists are put in.
    pub lists: bool,
    /// When the lists were made, in seconds; they are fresh for ten days.
    pub listed_s: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            statement: None,
            leaf: None,
            batch: None,
            manifest: Some(manifest(ORIGINAL)),
            account: None,
            grantor: None,
            before: 4,
            after: 6,
            checkpoint_ms: CHECKPOINT_MS,
            sealers: vec![0, 1, 2, 3],
            sealed_s: SEALED_S,
            stampers: vec![0],
            stamped_ms: STAMPED_MS,
            revoked: Vec::new(),
            lists: true,
            listed_s: SEALED_S - DAY_S,
        }
    }
}

/// The P-256 key whose secret is `seed` repeated.
#[must_use]
pub fn p256(seed: u8) -> P256Key {
    P256Key::from_bytes(&[seed; 32]).expect("a small scalar")
}

/// The Ed25519 key whose seed is `seed` repeated.
#[must_use]
pub fn signing_key(alg: SignatureAlg, seed: u8) -> SigningKey {
    SigningKey::from_seed(alg, &[seed; 32]).expect("a small seed")
}

/// What a caller knows of `original`.
#[must_use]
pub fn exhibit(original: &[u8]) -> Exhibit {
    let digests = DigestAlg::ALL.into_iter().map(|alg| alg.digest(original)).collect();
    Exhibit::Digests { size: Some(original.len() as u64), digests }
}

/// A manifest of `original` with eight fields; salts follow from the original.
#[must_use]
pub fn manifest(original: &[u8]) -> Manifest {
    let fields = [
        (names::DIGEST_SHA256, Value::Digest(DigestAlg::Sha256.digest(original))),
        (names::DIGEST_SM3, Value::Digest(DigestAlg::Sm3.digest(original))),
        (names::SIZE, Value::Number(original.len() as u64)),
        (names::MEDIA_TYPE, Value::Text("text/plain".to_owned())),
        (names::TITLE, Value::Text("租赁合同".to_owned())),
        (names::HASHED_AT, Value::Number(CHECKPOINT_MS - 2_000)),
        (names::TOOL, Value::Text("xiezhi fixtures".to_owned())),
        ("device", Value::Bytes(vec![0xde, 0x71, 0xce])),
    ];
    let mut next = 0u8;
    let salt = || {
        next += 1;
        let mut salt = [0; 16];
        salt.copy_from_slice(&sha256_parts(&[b"salt", &[next], original])[..16]);
        salt
    };
    Manifest::new(fields.map(|(name, value)| (name.to_owned(), value)), salt).expect("a manifest")
}

/// What a statement over `manifest` says, with the SHA-256 of `original` made searchable.
#[must_use]
pub fn deposit(manifest: &Manifest, original: &[u8]) -> Body {
    Body::Deposit(DepositBody {
        manifest_root: manifest.root(),
        digests: vec![DigestAlg::Sha256.digest(original)],
        phase: Some(2),
    })
}

/// The revocation of a certificate from `since` on.
#[must_use]
pub fn revocation(serial: &[u8], since: u64, reason: RevocationReason) -> RevokedCertificate {
    RevokedCertificate { serial: serial.to_vec(), revoked_at: since, reason, invalid_since: None }
}

impl Default for Fixture {
    fn default() -> Self {
        Self::new()
    }
}

impl Fixture {
    /// The alliance.
    #[must_use]
    pub fn new() -> Self {
        let created = CHECKPOINT_MS / 1000 - 30 * DAY_S;
        let validity = Validity { not_before: created, not_after: created + 3650 * DAY_S };
        let root = CertificateAuthority::new_root(p256(1), ROOT, [1; 16], validity).expect("a root");
        let profile = Profile::IssuingAuthority { key: p256(2).public_key().into() };
        let issuing = issue(&root, profile, "示例电子认证", "Xiezhi Example Issuing CA", 2);
        let issuing = CertificateAuthority::from_parts(p256(2), issuing.der()).expect("an authority");
        let members = [
            ("ca", Role::CertificateAuthority, "示例电子认证", "Example Certificate Authority"),
            ("court", Role::Court, "示例互联网法院", "Example Internet Court"),
            ("forensic", Role::Forensic, "示例司法鉴定中心", "Example Forensic Centre"),
            ("notary", Role::Notary, "示例公证处", "Example Notary Office"),
        ];
        let mut sealers = Vec::new();
        let mut institutions = Vec::new();
        for ((name, role, zh, en), seed) in members.into_iter().zip(0x21u8..) {
            let id: InstitutionId = name.parse().expect("a short name");
            let key = signing_key(SignatureAlg::Ed25519, seed);
            let seal_key: [u8; 32] = key.public_key().as_bytes().try_into().expect("32 bytes");
            let profile = Profile::InstitutionSeal { institution: &id, key: seal_key };
            let certificate = issue(&issuing, profile, zh, "司法链签章", seed);
            let consensus = signing_key(SignatureAlg::Ed25519, seed + 0x10).public_key();
            institutions.push(Institution {
                id: id.clone(),
                role,
                name: LocalName { zh: zh.to_owned(), en: en.to_owned() },
                consensus_key: consensus.as_bytes().try_into().expect("32 bytes"),
                seal_key,
            });
            let chain = vec![certificate.der().to_vec(), issuing.certificate().der().to_vec()];
            sealers.push(Sealer { id, key, chain, serial: certificate.serial().to_vec() });
        }
        let authority = |seed: u8, name| {
            let profile = Profile::TimeStamping { key: p256(seed).public_key() };
            let certificate = issue(&root, profile, name, name, seed);
            TimeStampAuthority::new(p256(seed), certificate.der(), &[], POLICY, 0).expect("an authority")
        };
        let authorities = vec![authority(0x41, "Example TSA One"), authority(0x42, "Example TSA Two")];
        let policy = Policy::quorum(&institutions, &[Role::Court, Role::Notary], 1);
        let genesis = Genesis {
            version: 1,
            salt: [0x5a; 32],
            created: TimestampMs(created * 1000),
            name: LocalName {
                zh: "獬豸示例司法链".to_owned(),
                en: "Xiezhi Example Judicial Chain".to_owned(),
            },
            domain: "log.xiezhi.example".to_owned(),
            institutions,
            roots: vec![root.certificate().der().to_vec()],
            timestamp_roots: vec![root.certificate().der().to_vec()],
            policy,
            limits: Limits::default(),
            suites: vec![-8, -7, -65_601],
        };
        genesis.check().expect("a genesis");
        let key = signing_key(SignatureAlg::Ed25519, 0x51);
        let account = Account::create(&AccountSpec::single([7; 16], key.public_key()), Height(3));
        let ledger = Genesis::ledger_id(&genesis.encode());
        Self { genesis, ledger, sealers, root, issuing, authorities, key, account }
    }

    /// The same members and keys under another genesis, hence another ledger.
    #[must_use]
    pub fn with_genesis(mut self, change: impl FnOnce(&mut Genesis)) -> Self {
        change(&mut self.genesis);
        self.ledger = Genesis::ledger_id(&self.genesis.encode());
        self
    }

    /// The anchor that trusts it.
    #[must_use]
    pub fn anchor(&self) -> Anchor {
        Anchor { ledger: self.ledger, name: self.genesis.name.clone() }
    }

    /// A draft in the name of the fixture's account, signed two seconds before the checkpoint.
    #[must_use]
    pub fn draft(&self, body: Body) -> StatementDraft {
        StatementDraft {
            issuer: self.account.id,
            ledger: self.ledger,
            issued_at: TimestampMs(CHECKPOINT_MS - 2_000),
            group: Some(GroupId([0x9c; 16])),
            body,
        }
    }

    /// The deposit of [`ORIGINAL`], signed.
    #[must_use]
    pub fn statement(&self) -> Statement {
        self.draft(deposit(&manifest(ORIGINAL), ORIGINAL)).sign(&[&self.key]).expect("a statement")
    }

    /// A general SCITT statement of `payload`, 24 to 255 bytes, in the account's name, as another tool would make it: no audience, no
    /// time of issue.
    #[must_use]
    pub fn general(&self, payload: &[u8]) -> Statement {
        let text = |text: &str| [&[0x78, length(text.as_bytes())], text.as_bytes()].concat();
        let kid = self.key.public_key().id();
        let mut protected = vec![0xa4, 0x01, 0x27, 0x03];
        protected.extend([text("application/vnd.cyclonedx+json"), vec![0x04, 0x48], kid.0.to_vec()].concat());
        protected.extend([&[0x0f, 0xa2, 0x01], text(&self.account.id.uri()).as_slice(), &[0x02]].concat());
        protected.extend(text("urn:example:product:1.2.3"));
        let signature = self.key.sign(&sig_structure(&protected, payload));
        let head = [0xd2, 0x84, 0x58, length(&protected)];
        let parts =
            [&head, protected.as_slice(), &[0xa0, 0x58, length(payload)], payload, &[0x58, 64], &signature];
        Statement::parse(&parts.concat()).expect("a statement")
    }

    /// A plan for item `index` of a batch of `count`; the item is a deposit of [`ORIGINAL`].
    #[must_use]
    pub fn batch(&self, index: u32, count: u32) -> Plan {
        let item = |at: u32| {
            let (manifest_root, digest) = if at == index {
                (manifest(ORIGINAL).root(), DigestAlg::Sha256.digest(ORIGINAL))
            } else {
                (
                    sha256(&at.to_be_bytes()),
                    Digest { alg: DigestAlg::Sha256, value: sha256(&(!at).to_be_bytes()) },
                )
            };
            canonical(&BatchItem { manifest_root, digests: vec![digest] })
        };
        let items: Vec<_> = (0..count).map(item).collect();
        let leaves: Vec<_> = items.iter().map(|item| BatchItem::leaf(item)).collect();
        let body = Body::Batch(BatchBody { items_root: Tree::<Sha256>::new(&leaves).root(), items: count });
        let statement = self.draft(body).sign(&[&self.key]).expect("a statement");
        Plan { statement: Some(statement), batch: Some((items, index)), ..Plan::default() }
    }

    /// An account of several keys in the state, and the plan for a deposit that `signers` of its keys signed.
    #[must_use]
    pub fn weighted(
        &self,
        keys: &[(&SigningKey, u32)],
        deposit_threshold: u32,
        signers: &[&SigningKey],
    ) -> Plan {
        let mut weighted: Vec<_> =
            keys.iter().map(|(key, weight)| WeightedKey { key: key.public_key(), weight: *weight }).collect();
        weighted.sort_by_key(|one| one.key.id());
        let mut spec = AccountSpec::single([8; 16], self.key.public_key());
        spec.keys = weighted;
        spec.deposit_threshold = deposit_threshold;
        let account = Account::create(&spec, Height(3));
        let mut draft = self.draft(deposit(&manifest(ORIGINAL), ORIGINAL));
        draft.issuer = account.id;
        let statement = draft.sign(signers).expect("a statement");
        Plan { statement: Some(statement), account: Some(account), ..Plan::default() }
    }

    /// The certificate that `plan` describes.
    #[must_use]
    pub fn certificate(&self, plan: &Plan) -> Certificate {
        let statement = plan.statement.clone().unwrap_or_else(|| self.statement());
        let account = plan.account.clone().unwrap_or_else(|| self.account.clone());
        let log = self.log(&statement, plan);
        let (sha256_tree, sm3_tree) = (tree::<Sha256>(&log), tree::<Sm3>(&log));
        let (state_root, proof, grantor) = states(&account, plan.grantor.as_ref());
        let checkpoint = Checkpoint {
            ledger: self.ledger,
            height: Height(42),
            time: TimestampMs(plan.checkpoint_ms),
            size: TreeSize(log.len() as u64),
            root_sha256: sha256_tree.root(),
            root_sm3: sm3_tree.root(),
            state_root,
        };
        Certificate {
            version: Certificate::version_of(&[], grantor.as_ref()),
            genesis: self.genesis.encode(),
            history: Vec::new(),
            index: LogIndex(plan.before),
            statement: log[usize::try_from(plan.before).expect("a short log")].clone(),
            batch: plan.batch.as_ref().map(|(items, index)| place(items, *index)),
            manifest: plan.manifest.clone(),
            account: AccountProof { account, proof },
            path_sha256: sha256_tree.inclusion(plan.before).expect("it is in the log"),
            path_sm3: sm3_tree.inclusion(plan.before).expect("it is in the log"),
            seals: self.seals(&checkpoint, plan),
            timestamps: self.stamps(&checkpoint, plan),
            revocations: self.lists(plan),
            checkpoint,
            grantor,
        }
    }

    /// The proof of the account of `certificate`, and of the absence of another whose place in the state would be the same.
    #[must_use]
    pub fn account_proofs(&self, certificate: &Certificate) -> [ProvenAccount; 2] {
        let AccountProof { account, proof } = certificate.account.clone();
        let present = ProvenAccount {
            kind: ProvenAccount::kind(),
            version: PROVEN_VERSION,
            genesis: certificate.genesis.clone(),
            history: certificate.history.clone(),
            id: account.id,
            account: Some(account.clone()),
            proof,
            checkpoint: certificate.checkpoint.clone(),
            seals: certificate.seals.clone(),
            timestamps: certificate.timestamps.clone(),
            revocations: certificate.revocations.clone(),
        };
        let key = |id: &AccountId| sha256(&Account::state_key(id));
        let own = key(&account.id);
        let is_same = |id: &AccountId| {
            let other = key(id);
            let differs = (0..256).position(|at| (own[at / 8] ^ other[at / 8]) >> (7 - at % 8) & 1 == 1);
            differs.is_some_and(|at| at >= present.proof.siblings.len())
        };
        let mut ids = (0u8..=255).map(|at| AccountId([at; 32]));
        let id = ids.find(is_same).expect("a few bits are soon the same");
        let other = OtherLeaf { key_hash: own, value_hash: sha256(&canonical(&account)) };
        let proof = StateProof { other: Some(other), ..present.proof.clone() };
        let absent = ProvenAccount { id, account: None, proof, ..present.clone() };
        [present, absent]
    }

    /// A link of a history: a checkpoint at `height` after which the alliance is `alliance`, with the plan's witnesses and times.
    #[must_use]
    pub fn link(&self, alliance: &Alliance, height: u64, plan: &Plan) -> TermLink {
        let (state_root, mut proofs) = state_of(&[(STATE_KEY.to_vec(), alliance.encode())]);
        let proof = proofs.swap_remove(0);
        let checkpoint = Checkpoint {
            ledger: self.ledger,
            height: Height(height),
            time: TimestampMs(plan.checkpoint_ms),
            size: TreeSize(1),
            root_sha256: [0x0a; 32],
            root_sm3: [0x0b; 32],
            state_root,
        };
        TermLink {
            seals: self.seals(&checkpoint, plan),
            timestamps: self.stamps(&checkpoint, plan),
            revocations: self.lists(plan),
            alliance: alliance.clone(),
            proof,
            checkpoint,
        }
    }

    /// Another institution's member entry and sealer, with keys from `seed`: a new one, or a present one's new keys.
    #[must_use]
    pub fn member(&self, name: &str, seed: u8) -> (Member, Sealer) {
        let id: InstitutionId = name.parse().expect("a short name");
        let key = signing_key(SignatureAlg::Ed25519, seed);
        let seal_key: [u8; 32] = key.public_key().as_bytes().try_into().expect("32 bytes");
        let consensus = signing_key(SignatureAlg::Ed25519, seed + 0x10).public_key();
        let known = self.genesis.institution(&id).cloned();
        let institution = Institution {
            consensus_key: consensus.as_bytes().try_into().expect("32 bytes"),
            seal_key,
            ..known.unwrap_or_else(|| Institution {
                id: id.clone(),
                role: Role::Technology,
                name: LocalName { zh: "示例大学".to_owned(), en: "Example University".to_owned() },
                consensus_key: [0; 32],
                seal_key,
            })
        };
        let profile = Profile::InstitutionSeal { institution: &id, key: seal_key };
        let certificate = issue(&self.issuing, profile, &institution.name.zh, "司法链签章", seed);
        let chain = vec![certificate.der().to_vec(), self.issuing.certificate().der().to_vec()];
        let address = Some(format!("{name}.example:7400"));
        let sealer = Sealer { id, key, chain, serial: certificate.serial().to_vec() };
        (Member { institution, status: MemberStatus::Active, address }, sealer)
    }

    /// The log of a plan: other people's statements around the plan's leaf, or where it has none around `statement`.
    #[must_use]
    pub fn log(&self, statement: &Statement, plan: &Plan) -> Vec<Vec<u8>> {
        let other = |at: u64| {
            let body =
                DepositBody { manifest_root: sha256(&at.to_be_bytes()), digests: Vec::new(), phase: None };
            let statement = self.draft(Body::Deposit(body)).sign(&[&self.key]).expect("a statement");
            statement.as_bytes().to_vec()
        };
        let before = (0..plan.before).map(other);
        let after = (plan.before + 1..plan.before + 1 + plan.after).map(other);
        let leaf = plan.leaf.clone().unwrap_or_else(|| statement.as_bytes().to_vec());
        before.chain([leaf]).chain(after).collect()
    }

    /// The plan's seals over `checkpoint`.
    #[must_use]
    pub fn seals(&self, checkpoint: &Checkpoint, plan: &Plan) -> Vec<CertifiedSeal> {
        let origin = self.genesis.origin(&self.ledger);
        let seal = |at: &usize| {
            let sealer = &self.sealers[*at];
            let seal =
                Seal::sign(checkpoint, &origin, &sealer.id, plan.sealed_s, &sealer.key).expect("a seal");
            CertifiedSeal { seal, chain: sealer.chain.clone() }
        };
        plan.sealers.iter().map(seal).collect()
    }

    /// The plan's time stamps over `checkpoint`.
    #[must_use]
    pub fn stamps(&self, checkpoint: &Checkpoint, plan: &Plan) -> Vec<TimeStamp> {
        let time = GenTime::from_unix_ms(plan.stamped_ms).expect("a time before 10000");
        let stamp = |at: &usize| {
            let token = self.authorities[*at].issue_token(&checkpoint.digest(), 77, time, None);
            TimeStamp { token: token.expect("a token") }
        };
        plan.stampers.iter().map(stamp).collect()
    }

    /// The plan's revocation lists: the issuing authority's, and the root's.
    #[must_use]
    pub fn lists(&self, plan: &Plan) -> Vec<Vec<u8>> {
        if !plan.lists {
            return Vec::new();
        }
        let template = CrlTemplate {
            number: 9,
            this_update: plan.listed_s,
            next_update: plan.listed_s + 10 * DAY_S,
            revoked: &plan.revoked,
        };
        [&self.issuing, &self.root].map(|authority| authority.issue_crl(&template).expect("a list")).to_vec()
    }
}

/// A certificate valid as long as its issuer.
#[must_use]
pub fn issue(
    by: &CertificateAuthority,
    profile: Profile<'_>,
    organisation: &str,
    common_name: &str,
    serial: u8,
) -> X509Certificate {
    let subject = Subject { organisation, common_name };
    let validity = by.certificate().validity();
    let template = CertificateTemplate::new(profile, subject, [serial; 16], validity);
    by.issue(&template).expect("a certificate")
}

fn length(bytes: &[u8]) -> u8 {
    u8::try_from(bytes.len()).expect("at most 255 bytes")
}

/// The tree of `log`, whose entries are whole leaves.
#[must_use]
pub fn tree<H: TreeHash>(log: &[Vec<u8>]) -> Tree<H> {
    Tree::new(&log.iter().map(|entry| H::leaf(entry)).collect::<Vec<_>>())
}

fn place(items: &[Vec<u8>], index: u32) -> BatchPlace {
    let leaves: Vec<_> = items.iter().map(|item| BatchItem::leaf(item)).collect();
    let path = Tree::<Sha256>::new(&leaves).inclusion(u64::from(index)).expect("it is in the batch");
    BatchPlace { index, item: items[index as usize].clone(), path }
}

/// A state that holds `account`, perhaps another one, and seven other keys: its root, and the proof of each.
fn states(account: &Account, other: Option<&Account>) -> (Hash, StateProof, Option<AccountProof>) {
    let entry = |account: &Account| (Account::state_key(&account.id), canonical(account));
    let entries: Vec<_> = [Some(account), other].into_iter().flatten().map(entry).collect();
    let (root, proofs) = state_of(&entries);
    let mut proofs = proofs.into_iter();
    let own = proofs.next().expect("a proof of each");
    let other = other.zip(proofs.next());
    (root, own, other.map(|(account, proof)| AccountProof { account: account.clone(), proof }))
}

/// A state that holds `account` and seven other keys: its root, and the proof of the account.
#[must_use]
pub fn state(account: &Account) -> (Hash, StateProof) {
    let (root, proof, _) = states(account, None);
    (root, proof)
}

/// The root of the state with these entries, and the proof of each.
fn state_of(entries: &[(Vec<u8>, Vec<u8>)]) -> (Hash, Vec<StateProof>) {
    let mut leaves: Vec<_> = entries.iter().map(|(key, value)| (sha256(key), sha256(value))).collect();
    leaves.extend((0u8..7).map(|other| (sha256(&[other]), sha256(&[other, other]))));
    leaves.sort_unstable();
    let mut root = [0; 32];
    let mut prove = |(key, _): &(Vec<u8>, Vec<u8>)| {
        let mut siblings = Vec::new();
        root = subtree(&leaves, 0, &sha256(key), &mut siblings);
        StateProof { siblings, other: None }
    };
    let proofs = entries.iter().map(&mut prove).collect();
    (root, proofs)
}

/// Root of the subtree at `depth`; the siblings on the way of `key` are pushed from the bottom to the top.
fn subtree(leaves: &[(Hash, Hash)], depth: usize, key: &Hash, siblings: &mut Vec<Hash>) -> Hash {
    match leaves {
        [] => *b"SPARSE_MERKLE_PLACEHOLDER_HASH__",
        [(key, value)] => sha256_parts(&[b"JMT::LeafNode", key, value]),
        _ => {
            let bit = |hash: &Hash| hash[depth / 8] >> (7 - depth % 8) & 1 == 1;
            let (left, right) = leaves.split_at(leaves.partition_point(|(hash, _)| !bit(hash)));
            let own = leaves.iter().any(|(hash, _)| hash == key);
            let hashes = [left, right].map(|half| subtree(half, depth + 1, key, siblings));
            if own {
                siblings.push(hashes[usize::from(!bit(key))]);
            }
            sha256_parts(&[b"JMT::IntrnalNode", &hashes[0], &hashes[1]])
        }
    }
}
