//! Signing statements.

use xiezhi_crypto::{KeyId, SignatureAlg, Signer};
use xiezhi_types::{AccountId, GroupId, LedgerId, TimestampMs, canonical};

use super::{
    Body, Claims, Countersignature, Parts, SIGNATURES_MAX, SUBJECT_ACCOUNT, SUBJECT_GOVERNANCE,
    SUBJECT_UNGROUPED, Statement, StatementError, TYPE_ACCOUNT, TYPE_BATCH, TYPE_DEPOSIT, encode,
    encode_protected, field,
};
use crate::{
    account::TYPE_ACCOUNT_CHANGE,
    cose::{countersign_structure, sig_structure, signer_header},
    governance::TYPE_GOVERNANCE,
};

/// A statement before it is signed.
#[derive(Debug, Clone)]
pub struct StatementDraft {
    /// The account in whose name it is made.
    pub issuer: AccountId,
    /// The ledger it is meant for.
    pub ledger: LedgerId,
    /// When it is signed.
    pub issued_at: TimestampMs,
    /// The group it belongs to; only deposits and batches have one.
    pub group: Option<GroupId>,
    /// What it says; [`Body::General`] cannot be drafted.
    pub body: Body,
}

impl Statement {
    /// This statement with one more signature: its issuer has further keys, in other hands.
    ///
    /// # Errors
    /// [`StatementError`] when there are too many, or the key does not sign.
    pub fn countersigned<S: Signer + ?Sized>(&self, key: &S) -> Result<Self, StatementError> {
        let malformed = |e: minicbor::decode::Error| StatementError::Malformed { reason: e.to_string() };
        let mut parts = Parts::read(self.as_bytes()).map_err(malformed)?;
        let (protected, payload, signature) = (parts.protected, parts.payload, parts.signature);
        parts.countersignatures.push(countersignature(key, protected, payload, signature)?);
        if parts.countersignatures.len() >= SIGNATURES_MAX {
            return Err(field("keys", format!("at most {SIGNATURES_MAX} keys can sign")));
        }
        Self::parse(&encode(parts.protected, parts.payload, parts.signature, &parts.countersignatures))
    }
}

fn countersignature<S: Signer + ?Sized>(
    key: &S,
    protected: &[u8],
    payload: &[u8],
    signature: &[u8],
) -> Result<Countersignature, StatementError> {
    let public = key.public_key();
    let header = signer_header(public.alg().cose(), public.id());
    let message = countersign_structure(protected, &header, payload, signature);
    Ok((header, signed(key, &message)?))
}

fn signed<S: Signer + ?Sized>(key: &S, message: &[u8]) -> Result<Vec<u8>, StatementError> {
    key.sign(message).map_err(|error| field("keys", error))
}

impl StatementDraft {
    /// Signs with `keys`, the first as the COSE_Sign1's own signer and the rest as countersigners.
    ///
    /// # Errors
    /// [`StatementError`] when the draft breaks a bound, holds a general body, has no key or too many, or a key does not sign.
    pub fn sign<S: Signer + ?Sized>(&self, keys: &[&S]) -> Result<Statement, StatementError> {
        self.sign_for(None, keys)
    }

    /// Signs with `keys`, which are the issuer's, in the name of `grantor`.
    ///
    /// # Errors
    /// As [`StatementDraft::sign`]; and when the grantor is the issuer, or the draft no deposit.
    pub fn sign_for<S: Signer + ?Sized>(
        &self,
        grantor: Option<AccountId>,
        keys: &[&S],
    ) -> Result<Statement, StatementError> {
        let Some((first, rest)) = keys.split_first().filter(|_| keys.len() <= SIGNATURES_MAX) else {
            return Err(field("keys", format!("{} keys, 1 to {SIGNATURES_MAX} can sign", keys.len())));
        };
        let Unsigned { protected, payload } =
            self.unsigned(grantor, first.public_key().alg(), first.public_key().id())?;
        let signature = signed(*first, &sig_structure(&protected, &payload))?;
        let countersign = |key: &&S| countersignature(*key, &protected, &payload, &signature);
        let countersignatures = rest.iter().map(countersign).collect::<Result<Vec<_>, _>>()?;
        Statement::parse(&encode(&protected, &payload, &signature, &countersignatures))
    }

    /// What the key `key` of the suite `alg` has to sign, for a signer that does not give its key away.
    ///
    /// # Errors
    /// [`StatementError`] when the draft holds a general body.
    pub fn unsigned(
        &self,
        grantor: Option<AccountId>,
        alg: SignatureAlg,
        key: KeyId,
    ) -> Result<Unsigned, StatementError> {
        let (content_type, payload) = match &self.body {
            Body::Deposit(body) => (TYPE_DEPOSIT, canonical(body)),
            Body::Batch(body) => (TYPE_BATCH, canonical(body)),
            Body::Account(spec) => (TYPE_ACCOUNT, canonical(spec)),
            Body::Change(said) => (TYPE_ACCOUNT_CHANGE, said.encode()),
            Body::Governance(said) => (TYPE_GOVERNANCE, said.encode()),
            Body::General { .. } => {
                return Err(field("body", "a general statement is signed by its own tools"));
            }
        };
        let subject = match (&self.body, self.group) {
            (Body::Account(_) | Body::Change(_), _) => SUBJECT_ACCOUNT.to_owned(),
            (Body::Governance(_), _) => SUBJECT_GOVERNANCE.to_owned(),
            (_, Some(group)) => group.to_string(),
            (_, None) => SUBJECT_UNGROUPED.to_owned(),
        };
        let claims = Claims {
            issuer: self.issuer,
            subject,
            audience: Some(self.ledger),
            issued_at: Some(self.issued_at.seconds()),
            grantor,
        };
        Ok(Unsigned { protected: encode_protected(alg, key, content_type, &claims), payload })
    }
}

/// A statement to which nothing but its signature is wanting.
#[derive(Debug, Clone)]
pub struct Unsigned {
    protected: Vec<u8>,
    payload: Vec<u8>,
}

impl Unsigned {
    /// The message to sign (RFC 9052, section 4.4).
    #[must_use]
    pub fn message(&self) -> Vec<u8> {
        sig_structure(&self.protected, &self.payload)
    }

    /// The statement with `signature`, which is not checked here.
    ///
    /// # Errors
    /// [`StatementError`] when the draft breaks a bound.
    pub fn signed(&self, signature: &[u8]) -> Result<Statement, StatementError> {
        Statement::parse(&encode(&self.protected, &self.payload, signature, &[]))
    }
}
