//! The seal: one institution's word for one checkpoint, in the two forms that other people's tools read.
//!
//! - A COSE receipt (RFC 9942, verifiable data structure 1): COSE_Sign1 with the tree's root as detached payload. Its protected header names
//!   the institution, the ledger and the time, and binds the whole checkpoint by its digest under a private label.
//! - C2SP signatures over the checkpoint as a note: the log's own signature, and a witness cosignature (v1).
//!
//! All three are made with the institution's certified Ed25519 seal key, once per checkpoint.

use minicbor::{Decode, Encode, Encoder};
use xiezhi_crypto::{KeyId, PublicKey, SIGNATURE_BYTES, SignatureAlg, SignatureError, Signer, SigningError};
use xiezhi_merkle::Hash;
use xiezhi_note::{Algorithm, CheckpointError, Cosignature, CosignatureError, VerifierKey};
use xiezhi_types::{AccountId, InstitutionId};

use crate::{
    checkpoint::Checkpoint,
    cose::{
        LABEL_ALG, LABEL_CHECKPOINT, LABEL_CLAIMS, LABEL_KID, LABEL_VDP, LABEL_VDS, TAG_SIGN1, sig_structure,
    },
    genesis::institution_uri,
};

/// Verifiable data structure 1: RFC9162_SHA256.
const VDS_RFC9162_SHA256: i64 = 1;
/// Label of inclusion proofs among a structure's proofs.
const VDP_INCLUSION: i64 = -1;

/// One institution's signatures over one checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Seal {
    /// Who seals.
    #[n(1)]
    pub institution: InstitutionId,
    /// When, by its own clock, in seconds since 1970.
    #[n(2)]
    pub time: u64,
    /// Signature of the COSE receipt.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub receipt: [u8; SIGNATURE_BYTES],
    /// The log's signature over the checkpoint note.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub log: [u8; SIGNATURE_BYTES],
    /// Witness cosignature over the checkpoint note.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub cosignature: [u8; SIGNATURE_BYTES],
}

/// Why a seal does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The seal key is no Ed25519 key.
    #[error("a seal key must be ed25519, not {alg}")]
    Suite {
        /// The suite found.
        alg: SignatureAlg,
    },
    /// One of the three signatures does not verify.
    #[error("the {form} of {institution}: {source}")]
    Signature {
        /// Which of the three.
        form: &'static str,
        /// Whose.
        institution: InstitutionId,
        /// What is wrong.
        source: SignatureError,
    },
    /// The seal key did not sign.
    #[error(transparent)]
    Key(#[from] SigningError),
    /// The origin cannot stand in a note.
    #[error(transparent)]
    Note(#[from] CheckpointError),
    /// The time cannot stand in a cosignature.
    #[error(transparent)]
    Time(#[from] CosignatureError),
}

/// The log's verifier key under `origin` and the witness's under `origin/institution`, both of one seal key.
#[must_use]
pub fn note_keys(
    origin: &str,
    institution: &InstitutionId,
    key: [u8; 32],
) -> Option<(VerifierKey, VerifierKey)> {
    let log = VerifierKey::new(origin, Algorithm::Ed25519, key).ok()?;
    let witness = VerifierKey::new(format!("{origin}/{institution}"), Algorithm::CosignatureV1, key).ok()?;
    Some((log, witness))
}

/// Protected header of the receipt.
#[must_use]
pub fn receipt_header(
    checkpoint: &Checkpoint,
    institution: &InstitutionId,
    time: u64,
    key: KeyId,
) -> Vec<u8> {
    let mut e = Encoder::new(Vec::with_capacity(192));
    let mut write = || -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
        e.map(5)?.i64(LABEL_ALG)?.i64(SignatureAlg::Ed25519.cose())?.i64(LABEL_KID)?.bytes(&key.0)?;
        e.i64(LABEL_CLAIMS)?.map(3)?.u8(1)?.str(&institution_uri(institution))?;
        e.u8(2)?.str(&AccountId(checkpoint.ledger.0).uri())?.u8(6)?.u64(time)?;
        e.i64(LABEL_VDS)?.i64(VDS_RFC9162_SHA256)?.i64(LABEL_CHECKPOINT)?.bytes(&checkpoint.digest())?;
        Ok(())
    };
    let done = write();
    debug_assert!(done.is_ok());
    e.into_writer()
}

impl Seal {
    /// Seals `checkpoint` of the log `origin` at `time` (seconds) with the institution's seal key.
    ///
    /// # Errors
    /// [`SealError::Suite`] for another suite than Ed25519, [`SealError::Note`] for an origin that no note can carry,
    /// [`SealError::Key`].
    pub fn sign(
        checkpoint: &Checkpoint,
        origin: &str,
        institution: &InstitutionId,
        time: u64,
        key: &dyn Signer,
    ) -> Result<Self, SealError> {
        let public = key.public_key();
        if public.alg() != SignatureAlg::Ed25519 {
            return Err(SealError::Suite { alg: public.alg() });
        }
        let header = receipt_header(checkpoint, institution, time, public.id());
        let body = checkpoint.note_body(origin)?.to_string();
        Ok(Self {
            institution: institution.clone(),
            time,
            receipt: key.sign_on_curve(&sig_structure(&header, &checkpoint.root_sha256))?,
            log: key.sign_on_curve(body.as_bytes())?,
            cosignature: key.sign_on_curve(&Cosignature::message(time, &body)?)?,
        })
    }

    /// Checks all three signatures with the institution's seal key. Says nothing about whose key it is.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn verify(&self, checkpoint: &Checkpoint, origin: &str, key: &PublicKey) -> Result<(), SealError> {
        if key.alg() != SignatureAlg::Ed25519 {
            return Err(SealError::Suite { alg: key.alg() });
        }
        let header = receipt_header(checkpoint, &self.institution, self.time, key.id());
        let body = checkpoint.note_body(origin)?.to_string();
        let checks = [
            ("receipt", sig_structure(&header, &checkpoint.root_sha256), &self.receipt),
            ("log signature", body.clone().into_bytes(), &self.log),
            ("cosignature", Cosignature::message(self.time, &body)?, &self.cosignature),
        ];
        for (form, message, signature) in checks {
            let institution = self.institution.clone();
            key.verify(&message, signature).map_err(|source| SealError::Signature {
                form,
                institution,
                source,
            })?;
        }
        Ok(())
    }

    /// The COSE receipt (RFC 9942) for the record at `index` with inclusion `path`: what SCITT tools read.
    #[must_use]
    pub fn receipt(&self, checkpoint: &Checkpoint, key: KeyId, index: u64, path: &[Hash]) -> Vec<u8> {
        let mut proof = Encoder::new(Vec::new());
        let mut e = Encoder::new(Vec::with_capacity(1024));
        let header = receipt_header(checkpoint, &self.institution, self.time, key);
        let mut write = || -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
            proof.array(3)?.u64(checkpoint.size.0)?.u64(index)?.array(path.len() as u64)?;
            for hash in path {
                proof.bytes(hash)?;
            }
            e.tag(minicbor::data::Tag::new(TAG_SIGN1))?.array(4)?.bytes(&header)?;
            e.map(1)?.i64(LABEL_VDP)?.map(1)?.i64(VDP_INCLUSION)?.array(1)?.bytes(proof.writer())?;
            e.null()?.bytes(&self.receipt)?;
            Ok(())
        };
        let done = write();
        debug_assert!(done.is_ok());
        e.into_writer()
    }
}

#[cfg(test)]
pub(crate) mod tests;
