//! The signed statement: what a depositor says, and the leaf of the evidence log.
//!
//! ```text
//! 18([ << {1: alg, 3: content type, 4: kid, 15: {1: iss, 2: sub, 3: aud, 6: iat, ? -65702: grantor}} >>, {? 11: countersignatures}, << body >>, signature ])
//! ```
//!
//! A COSE_Sign1 as in the SCITT architecture (RFC 9943). The signature covers the body, so it covers the content. `aud` names the ledger, so
//! a statement is worth nothing on another one. Further keys of a weighted account sign as COSE countersignatures (RFC 9338).
//! A deposit made under delegation names the grantor, the account in whose name it is made; its issuer is the delegate, whose keys sign.
//! Statements of Xiezhi's own content types have exactly one encoding; a statement of any other content type is a general SCITT statement,
//! in shortest form with its keys in any order, and is kept as it came.

use minicbor::{Decode, Decoder, Encode, Encoder, data::Type, decode};
use xiezhi_crypto::{Digest, KeyId, PublicKey, SignatureAlg, sha256};
use xiezhi_merkle::Sha256;
use xiezhi_types::{AccountId, GroupId, LedgerId, StatementId, from_canonical};

use crate::{
    account::{AccountChange, AccountSpec, Action, TYPE_ACCOUNT_CHANGE},
    cose::{
        CLAIM_GRANTOR, LABEL_ALG, LABEL_CLAIMS, LABEL_CONTENT_TYPE, LABEL_COUNTERSIGNATURES, LABEL_CRIT,
        LABEL_KID, TAG_SIGN1, array_of, countersign_structure, kid, label, map_len, sig_structure,
        signer_header,
    },
    encoding::Encoding,
    governance::{Governance, TYPE_GOVERNANCE},
};

mod batch;
mod draft;

pub use batch::{BatchBody, BatchItem};
pub use draft::{StatementDraft, Unsigned};

/// Longest statement, in bytes: an entry of a C2SP entry bundle has a 16-bit length.
pub const STATEMENT_BYTES_MAX: usize = 65_535;
/// Most keys that can sign one statement.
pub const SIGNATURES_MAX: usize = 16;
/// Most items in a batch.
pub const BATCH_ITEMS_MAX: u32 = 65_536;
/// Most searchable digests in one deposit or batch item.
pub const DIGESTS_MAX: usize = 16;

/// Content type of a single deposit.
pub const TYPE_DEPOSIT: &str = "application/vnd.xiezhi.deposit+cbor";
/// Content type of a batch.
pub const TYPE_BATCH: &str = "application/vnd.xiezhi.batch+cbor";
/// Content type of an account's creation.
pub const TYPE_ACCOUNT: &str = "application/vnd.xiezhi.account+cbor";

/// `sub` of a statement that belongs to no group.
const SUBJECT_UNGROUPED: &str = "exhibit";
/// `sub` of an account's creation or change.
const SUBJECT_ACCOUNT: &str = "account";
/// `sub` of what an institution says about membership.
const SUBJECT_GOVERNANCE: &str = "alliance";

/// Why bytes are no statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// Longer than [`STATEMENT_BYTES_MAX`].
    #[error("the statement has {bytes} bytes, at most {STATEMENT_BYTES_MAX} are allowed")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// Not a COSE_Sign1 of the form above.
    #[error("the statement is not a COSE_Sign1 of the form required: {reason}")]
    Malformed {
        /// What was found.
        reason: String,
    },
    /// A field is missing or out of its bounds.
    #[error("{field}: {reason}")]
    Field {
        /// The field, by its name in docs/specs.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A statement of one of our content types in another encoding than the deterministic one.
    #[error("the statement is not in its canonical encoding")]
    NotCanonical,
}

fn field(field: &'static str, reason: impl ToString) -> StatementError {
    StatementError::Field { field, reason: reason.to_string() }
}

/// The claims of a statement's protected header (RFC 8392, RFC 9597).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// `iss`: the account that states.
    pub issuer: AccountId,
    /// `sub`: the group's id for a grouped deposit; free text in a general SCITT statement.
    pub subject: String,
    /// `aud`: the ledger it is meant for; always present in our own content types.
    pub audience: Option<LedgerId>,
    /// `iat`: when the depositor says it was signed, in seconds; always present in our own content types.
    pub issued_at: Option<u64>,
    /// The account in whose name it is stated, where that is not the issuer; only what deposits has one.
    pub grantor: Option<AccountId>,
}

/// What a deposit commits to.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct DepositBody {
    /// Root over the manifest's salted fields.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub manifest_root: [u8; 32],
    /// Digests that the depositor makes searchable; may be empty.
    #[n(2)]
    pub digests: Vec<Digest>,
    /// Number of the phase within the group.
    #[n(3)]
    pub phase: Option<u32>,
}

fn digests_bounded(digests: &[Digest]) -> Result<(), StatementError> {
    if digests.len() > DIGESTS_MAX {
        return Err(field("digests", format!("{} digests, at most {DIGESTS_MAX}", digests.len())));
    }
    if digests.windows(2).any(|pair| pair[0] >= pair[1]) {
        return Err(field("digests", "must be sorted by algorithm and value, without repetition"));
    }
    Ok(())
}

/// A statement's body, by content type.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "accounts are created once; a box would be in every reader's way"
)]
pub enum Body {
    /// A single deposit.
    Deposit(DepositBody),
    /// A batch; its items travel beside it.
    Batch(BatchBody),
    /// Creation of the account that issues the statement.
    Account(AccountSpec),
    /// Change of an account.
    Change(AccountChange),
    /// What an institution says about membership.
    Governance(Governance),
    /// A general SCITT statement: content type and SHA-256 of the payload.
    General {
        /// Its content type; empty where none is given.
        content_type: String,
        /// SHA-256 of the payload, by which it is found.
        digest: Digest,
    },
}

/// One key's signature over a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Which of the account's keys.
    pub key: KeyId,
    /// Its suite, as the header says.
    pub alg: SignatureAlg,
    /// The signature, as long as its suite's.
    pub bytes: Vec<u8>,
    /// What it covers: a `Sig_structure`, or for further signers a `Countersign_structure`.
    pub message: Vec<u8>,
}

/// A statement that has been read; its signatures are not yet checked against any key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    bytes: Vec<u8>,
    id: StatementId,
    claims: Claims,
    body: Body,
    signatures: Vec<Signature>,
}

struct Protected {
    alg: SignatureAlg,
    key: KeyId,
    content_type: String,
    claims: Claims,
}

impl Statement {
    /// Reads a statement. Signatures are read, not checked.
    ///
    /// # Errors
    /// [`StatementError`]; hostile bytes cost at most a pass over them.
    pub fn parse(bytes: &[u8]) -> Result<Self, StatementError> {
        if bytes.len() > STATEMENT_BYTES_MAX {
            return Err(StatementError::TooLong { bytes: bytes.len() });
        }
        let malformed = |e: decode::Error| StatementError::Malformed { reason: e.to_string() };
        let parts = Parts::read(bytes).map_err(malformed)?;
        let protected = parse_protected(parts.protected)?;
        let message = sig_structure(parts.protected, parts.payload);
        let id = StatementId(sha256(&message));
        let wrong = |e: xiezhi_crypto::SignatureError| StatementError::Malformed { reason: e.to_string() };
        protected.alg.check_length(parts.signature).map_err(wrong)?;
        let mut signatures = vec![Signature {
            key: protected.key,
            alg: protected.alg,
            bytes: parts.signature.to_vec(),
            message,
        }];
        for (header, signature) in &parts.countersignatures {
            let (alg, key) = parse_signer(header).map_err(malformed)?;
            alg.check_length(signature).map_err(wrong)?;
            let message = countersign_structure(parts.protected, header, parts.payload, parts.signature);
            signatures.push(Signature { key, alg, bytes: signature.clone(), message });
        }
        let body = parse_body(&protected.content_type, &protected.claims, parts.payload)?;
        check_grantor(&protected.claims, &body)?;
        if matches!(body, Body::General { .. }) {
            check_general(bytes)?;
            check_general(parts.protected)?;
        } else {
            require_own_claims(&protected.claims)?;
            let header =
                encode_protected(protected.alg, protected.key, &protected.content_type, &protected.claims);
            let again = encode(&header, parts.payload, parts.signature, &parts.countersignatures);
            if header != parts.protected || again != bytes {
                return Err(StatementError::NotCanonical);
            }
        }
        Ok(Self { bytes: bytes.to_vec(), id, claims: protected.claims, body, signatures })
    }

    /// The statement's bytes: the leaf of the evidence log.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// SHA-256 of what the first signature covers; independent of the signatures themselves.
    #[must_use]
    pub fn id(&self) -> StatementId {
        self.id
    }

    /// What its issuer must be allowed to do. Whoever creates an account shows that it can manage it.
    #[must_use]
    pub fn action(&self) -> Action {
        match &self.body {
            Body::Account(_) | Body::Governance(_) => Action::Manage,
            Body::Change(said) => said.action(),
            Body::Deposit(_) | Body::Batch(_) | Body::General { .. } => Action::Deposit,
        }
    }

    /// How many deposits it makes: one for each item of a batch, otherwise one. What else it may be makes none.
    #[must_use]
    pub fn deposits(&self) -> u64 {
        match &self.body {
            Body::Deposit(_) | Body::General { .. } => 1,
            Body::Batch(batch) => u64::from(batch.items),
            Body::Account(_) | Body::Change(_) | Body::Governance(_) => 0,
        }
    }

    /// The claims of its header.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Its body.
    #[must_use]
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// Its signatures, the first signer's first; at least one, at most [`SIGNATURES_MAX`].
    #[must_use]
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// The accounts under which it is found: its issuer's, and one that it concerns besides, or in whose name it is made.
    pub fn accounts(&self) -> impl Iterator<Item = AccountId> {
        let issuer = self.claims.issuer;
        let concerned = match &self.body {
            Body::Change(said) => said.concerned().filter(|account| *account != issuer),
            _ => self.claims.grantor,
        };
        std::iter::once(issuer).chain(concerned)
    }

    /// The group it belongs to.
    #[must_use]
    pub fn group(&self) -> Option<GroupId> {
        match self.body {
            Body::Deposit(_) | Body::Batch(_) => self.claims.subject.parse().ok(),
            Body::Account(_) | Body::Change(_) | Body::Governance(_) | Body::General { .. } => None,
        }
    }

    /// The digests by which the record itself is found; those of a batch's items are the items' own.
    #[must_use]
    pub fn digests(&self) -> Vec<Digest> {
        match &self.body {
            Body::Deposit(body) => body.digests.clone(),
            Body::General { digest, .. } => vec![*digest],
            Body::Batch(_) | Body::Account(_) | Body::Change(_) | Body::Governance(_) => Vec::new(),
        }
    }

    /// Checks that `items` are the batch's items, in order: their count and their root. Hands each with its number to `read` on the way; only when all
    /// is checked do they count.
    ///
    /// # Errors
    /// [`StatementError::Field`] when the statement is no batch, or they are not.
    pub fn check_items<'a>(
        &self,
        items: impl ExactSizeIterator<Item = &'a [u8]>,
        mut read: impl FnMut(u32, BatchItem),
    ) -> Result<(), StatementError> {
        let Body::Batch(batch) = &self.body else {
            return if items.len() == 0 { Ok(()) } else { Err(field("items", "only a batch has items")) };
        };
        if items.len() as u64 != u64::from(batch.items) {
            return Err(field(
                "items",
                format!("{} items beside a statement over {}", items.len(), batch.items),
            ));
        }
        let mut frontier = xiezhi_merkle::Frontier::<Sha256>::new();
        let mut scratch = Vec::new();
        for (at, item) in (0..).zip(items) {
            let parsed = BatchItem::parse_with(item, &mut scratch);
            read(at, parsed.map_err(|e| field("items", format!("item {at}: {e}")))?);
            frontier.append(BatchItem::leaf(item));
        }
        if frontier.root() != batch.items_root {
            return Err(field("items", "the items' root is not the statement's"));
        }
        Ok(())
    }
}

/// Only what deposits can be stated in the name of another, and nobody is another to themselves.
fn check_grantor(claims: &Claims, body: &Body) -> Result<(), StatementError> {
    let deposits = matches!(body, Body::Deposit(_) | Body::Batch(_) | Body::General { .. });
    match claims.grantor {
        Some(_) if !deposits => Err(field("grantor", "only deposits can be made in another's name")),
        Some(grantor) if grantor == claims.issuer => Err(field("grantor", "is the issuer itself")),
        _ => Ok(()),
    }
}

/// A general statement and its protected header each have shortest forms and no key twice; only the order of keys is its maker's.
fn check_general(bytes: &[u8]) -> Result<(), StatementError> {
    let plain = |found: &Encoding| found.bytes == bytes.len() && found.shortest && found.distinct;
    match Encoding::of(bytes).filter(plain) {
        Some(_) => Ok(()),
        None => {
            let reason = "not well formed, not in its shortest form, or a key twice".to_owned();
            Err(StatementError::Malformed { reason })
        }
    }
}

/// A further signer's header and signature.
type Countersignature = (Vec<u8>, Vec<u8>);

/// The pieces of a COSE_Sign1, borrowed.
struct Parts<'b> {
    protected: &'b [u8],
    payload: &'b [u8],
    signature: &'b [u8],
    countersignatures: Vec<Countersignature>,
}

impl<'b> Parts<'b> {
    fn read(bytes: &'b [u8]) -> Result<Self, decode::Error> {
        let mut d = Decoder::new(bytes);
        if d.tag()?.as_u64() != TAG_SIGN1 {
            return Err(decode::Error::message("tag 18 (COSE_Sign1) is needed"));
        }
        array_of(&mut d, 4, "a COSE_Sign1")?;
        let protected = d.bytes()?;
        let countersignatures = read_unprotected(&mut d)?;
        let payload = d.bytes()?;
        let signature = d.bytes()?;
        if d.position() != bytes.len() {
            return Err(decode::Error::message(format!(
                "{} bytes follow the statement",
                bytes.len() - d.position()
            )));
        }
        Ok(Self { protected, payload, signature, countersignatures })
    }
}

fn read_unprotected(d: &mut Decoder<'_>) -> Result<Vec<Countersignature>, decode::Error> {
    let mut signatures = Vec::new();
    for _ in 0..map_len(d, "the unprotected header")? {
        if label(d)? != Some(LABEL_COUNTERSIGNATURES) || !signatures.is_empty() {
            return Err(decode::Error::message(
                "the unprotected header may hold countersignatures (11) only",
            ));
        }
        let count = d.array()?.unwrap_or(0);
        if count == 0 || count >= SIGNATURES_MAX as u64 {
            return Err(decode::Error::message(format!("1 to {} countersignatures", SIGNATURES_MAX - 1)));
        }
        for _ in 0..count {
            array_of(d, 3, "a countersignature")?;
            let header = d.bytes()?.to_vec();
            if map_len(d, "a countersignature's unprotected header")? != 0 {
                return Err(decode::Error::message("a countersignature's unprotected header must be empty"));
            }
            signatures.push((header, d.bytes()?.to_vec()));
        }
    }
    Ok(signatures)
}

fn parse_signer(header: &[u8]) -> Result<(SignatureAlg, KeyId), decode::Error> {
    let mut d = Decoder::new(header);
    if map_len(&mut d, "a signer's header")? != 2 || label(&mut d)? != Some(LABEL_ALG) {
        return Err(decode::Error::message("a countersigner's header holds alg and kid"));
    }
    let alg = SignatureAlg::from_cose(d.i64()?).map_err(|e| decode::Error::message(e.to_string()))?;
    if label(&mut d)? != Some(LABEL_KID) {
        return Err(decode::Error::message("a countersigner's header holds alg and kid"));
    }
    let kid = kid(&mut d)?;
    if signer_header(alg.cose(), kid) != header {
        return Err(decode::Error::message("a countersigner's header is not canonical"));
    }
    Ok((alg, kid))
}

fn parse_protected(bytes: &[u8]) -> Result<Protected, StatementError> {
    let malformed = |e: decode::Error| StatementError::Malformed { reason: format!("protected header: {e}") };
    let mut d = Decoder::new(bytes);
    let (mut alg, mut key, mut claims, mut content_type) = (None, None, None, String::new());
    let mut seen: Vec<i64> = Vec::new();
    for _ in 0..map_len(&mut d, "the protected header").map_err(malformed)? {
        let Some(label) = label(&mut d).map_err(malformed)? else {
            d.skip().map_err(malformed)?;
            continue;
        };
        if seen.contains(&label) {
            return Err(field("protected", format!("label {label} occurs twice")));
        }
        seen.push(label);
        match label {
            LABEL_ALG => {
                let number = d.i64().map_err(|_| field("alg", "must be an integer of the COSE registry"))?;
                alg = Some(SignatureAlg::from_cose(number).map_err(|e| field("alg", e))?);
            }
            LABEL_CRIT => return Err(field("crit", "no critical header is understood here")),
            LABEL_CONTENT_TYPE => {
                content_type = match d.datatype().map_err(malformed)? {
                    Type::String => d.str().map_err(malformed)?.to_owned(),
                    _ => d.u16().map_err(malformed)?.to_string(),
                };
            }
            LABEL_KID => key = Some(kid(&mut d).map_err(|e| field("kid", e))?),
            LABEL_CLAIMS => claims = Some(parse_claims(&mut d)?),
            _ => d.skip().map_err(malformed)?,
        }
    }
    if d.position() != bytes.len() {
        return Err(field("protected", "bytes follow the header's map"));
    }
    Ok(Protected {
        alg: alg.ok_or_else(|| field("alg", "missing"))?,
        key: key.ok_or_else(|| field("kid", "missing"))?,
        content_type,
        claims: claims.ok_or_else(|| field("claims", "CWT claims (15) are missing"))?,
    })
}

fn parse_claims(d: &mut Decoder<'_>) -> Result<Claims, StatementError> {
    let malformed = |e: decode::Error| field("claims", e);
    let (mut issuer, mut subject, mut audience, mut issued_at, mut grantor) = (None, None, None, None, None);
    for _ in 0..map_len(d, "the CWT claims").map_err(malformed)? {
        match label(d).map_err(malformed)? {
            Some(1) => {
                let text = d.str().map_err(|e| field("iss", e))?;
                issuer = Some(AccountId::from_uri(text).map_err(|e| field("iss", e))?);
            }
            Some(2) => {
                let text = d.str().map_err(|e| field("sub", e))?;
                if text.is_empty() || text.len() > 256 {
                    return Err(field("sub", format!("{} bytes, 1 to 256 are allowed", text.len())));
                }
                subject = Some(text.to_owned());
            }
            Some(3) => {
                let text = d.str().map_err(|e| field("aud", e))?;
                // The ledger's name has the same form as an account's.
                audience = Some(LedgerId(AccountId::from_uri(text).map_err(|e| field("aud", e))?.0));
            }
            Some(6) => issued_at = Some(d.u64().map_err(|e| field("iat", e))?),
            Some(CLAIM_GRANTOR) => {
                let text = d.str().map_err(|e| field("grantor", e))?;
                grantor = Some(AccountId::from_uri(text).map_err(|e| field("grantor", e))?);
            }
            _ => d.skip().map_err(malformed)?,
        }
    }
    Ok(Claims {
        issuer: issuer.ok_or_else(|| field("iss", "missing"))?,
        subject: subject.ok_or_else(|| field("sub", "missing"))?,
        audience,
        issued_at,
        grantor,
    })
}

fn require_own_claims(claims: &Claims) -> Result<(), StatementError> {
    claims.audience.ok_or_else(|| field("aud", "missing"))?;
    claims.issued_at.ok_or_else(|| field("iat", "missing"))?;
    Ok(())
}

fn parse_body(content_type: &str, claims: &Claims, payload: &[u8]) -> Result<Body, StatementError> {
    let grouped = || {
        let ok = claims.subject == SUBJECT_UNGROUPED || claims.subject.parse::<GroupId>().is_ok();
        if ok {
            Ok(())
        } else {
            Err(field("sub", "must be a group id (32 hexadecimal digits) or \"exhibit\""))
        }
    };
    match content_type {
        TYPE_DEPOSIT => {
            grouped()?;
            let body: DepositBody =
                from_canonical("the deposit", payload).map_err(|e| field("payload", e))?;
            digests_bounded(&body.digests)?;
            Ok(Body::Deposit(body))
        }
        TYPE_BATCH => {
            grouped()?;
            let body: BatchBody = from_canonical("the batch", payload).map_err(|e| field("payload", e))?;
            if body.items == 0 || body.items > BATCH_ITEMS_MAX {
                return Err(field(
                    "items",
                    format!("{} items, 1 to {BATCH_ITEMS_MAX} are allowed", body.items),
                ));
            }
            Ok(Body::Batch(body))
        }
        TYPE_ACCOUNT => {
            let spec: AccountSpec =
                from_canonical("the account", payload).map_err(|e| field("payload", e))?;
            spec.check().map_err(|reason| field("account", reason))?;
            if claims.subject != SUBJECT_ACCOUNT {
                return Err(field("sub", "must be \"account\""));
            }
            if spec.id() != claims.issuer {
                return Err(field("iss", "is not the id that the account's specification has"));
            }
            Ok(Body::Account(spec))
        }
        TYPE_ACCOUNT_CHANGE => {
            if claims.subject != SUBJECT_ACCOUNT {
                return Err(field("sub", "must be \"account\""));
            }
            let said = AccountChange::parse(payload).map_err(|reason| field("payload", reason))?;
            if matches!(&said, AccountChange::Delegate(grant) if grant.delegate == claims.issuer) {
                return Err(field("delegate", "is the account itself"));
            }
            Ok(Body::Change(said))
        }
        TYPE_GOVERNANCE => {
            if claims.subject != SUBJECT_GOVERNANCE {
                return Err(field("sub", "must be \"alliance\""));
            }
            Ok(Body::Governance(Governance::parse(payload).map_err(|reason| field("payload", reason))?))
        }
        other => Ok(Body::General {
            content_type: other.to_owned(),
            digest: xiezhi_crypto::DigestAlg::Sha256.digest(payload),
        }),
    }
}

fn encode_protected(alg: SignatureAlg, key: KeyId, content_type: &str, claims: &Claims) -> Vec<u8> {
    let mut e = Encoder::new(Vec::with_capacity(256));
    let optional = [claims.audience.is_some(), claims.issued_at.is_some(), claims.grantor.is_some()];
    let entries = 2 + optional.into_iter().map(u64::from).sum::<u64>();
    let mut write = || -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
        e.map(4)?.i64(LABEL_ALG)?.i64(alg.cose())?.i64(LABEL_CONTENT_TYPE)?.str(content_type)?;
        e.i64(LABEL_KID)?.bytes(&key.0)?.i64(LABEL_CLAIMS)?.map(entries)?;
        e.u8(1)?.str(&claims.issuer.uri())?.u8(2)?.str(&claims.subject)?;
        if let Some(ledger) = claims.audience {
            e.u8(3)?.str(&AccountId(ledger.0).uri())?;
        }
        if let Some(at) = claims.issued_at {
            e.u8(6)?.u64(at)?;
        }
        if let Some(grantor) = claims.grantor {
            e.i64(CLAIM_GRANTOR)?.str(&grantor.uri())?;
        }
        Ok(())
    };
    let done = write();
    debug_assert!(done.is_ok());
    e.into_writer()
}

fn encode(
    protected: &[u8],
    payload: &[u8],
    signature: &[u8],
    countersignatures: &[Countersignature],
) -> Vec<u8> {
    let further: usize =
        countersignatures.iter().map(|(header, signature)| header.len() + signature.len() + 8).sum();
    let size = protected.len() + payload.len() + signature.len() + 32 + further;
    let mut e = Encoder::new(Vec::with_capacity(size));
    let mut write = || -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
        e.tag(minicbor::data::Tag::new(TAG_SIGN1))?.array(4)?.bytes(protected)?;
        e.map(u64::from(!countersignatures.is_empty()))?;
        if !countersignatures.is_empty() {
            e.i64(LABEL_COUNTERSIGNATURES)?.array(countersignatures.len() as u64)?;
            for (header, signature) in countersignatures {
                e.array(3)?.bytes(header)?.map(0)?.bytes(signature)?;
            }
        }
        e.bytes(payload)?.bytes(signature)?;
        Ok(())
    };
    let done = write();
    debug_assert!(done.is_ok());
    e.into_writer()
}

impl Signature {
    /// Checks the signature with `key`, whose suite must be the one the header names.
    ///
    /// # Errors
    /// [`xiezhi_crypto::SignatureError`].
    pub fn verify(&self, key: &PublicKey) -> Result<(), xiezhi_crypto::SignatureError> {
        if key.alg() != self.alg {
            return Err(xiezhi_crypto::SignatureError::Mismatch { alg: self.alg.name() });
        }
        key.verify(&self.message, &self.bytes)
    }
}

#[cfg(test)]
mod tests;
