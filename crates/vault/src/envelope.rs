//! How an original lies in the vault, and how its key is handed over (docs/specs/vault.md).
//!
//! ```text
//! sealed original   segment 0 | segment 1 | ... | last segment
//! segment           nonce (12) | AES-256-GCM of 65,536 bytes of the original (fewer in the last) | tag (16)
//! bound with it     "xiezhi vault segment v1" | exhibit (32) | size of the original (8) | number of the segment (8)
//! key handed over   HPKE (RFC 9180) base mode: DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM
//! ```
//!
//! Every segment is opened by itself, and only at its own place in an original of its own size: what is exchanged, cut off or appended does not
//! open. Nonces are random, so that a segment that is written again after a crash never repeats one. No disk, no clock; randomness is given,
//! apart from HPKE's own.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use hpke::{
    Deserializable as _, HpkeError, OpModeR, OpModeS, Serializable as _, aead::AesGcm256, kdf::HkdfSha256,
    kem::DhP256HkdfSha256,
};
use p256::elliptic_curve::sec1::ToSec1Point as _;
use xiezhi_crypto::{PublicKey, SignatureAlg, SigningKey};
use xiezhi_types::AccountId;
use zeroize::Zeroizing;

/// Bytes of the original in a segment.
pub const SEGMENT_BYTES: usize = 65_536;
/// What sealing adds to a segment.
pub const OVERHEAD_BYTES: usize = 12 + 16;
/// Bytes of a full segment as it lies on the disk.
pub const SEALED_BYTES: usize = SEGMENT_BYTES + OVERHEAD_BYTES;

const SEGMENT_DOMAIN: &[u8] = b"xiezhi vault segment v1";
const KEY_DOMAIN: &[u8] = b"xiezhi vault key v1";
const ENCAPPED_BYTES: usize = 65;

/// Why something does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// Another key or place, or it was changed.
    #[error("does not open: another key, another place, or it was changed")]
    Sealed,
    /// A key of another suite.
    #[error("the encryption key is {found}; es256 (P-256) is needed")]
    Suite {
        /// Its suite.
        found: &'static str,
    },
}

/// The key of one original, and what its segments are bound to.
pub struct Envelope {
    key: LessSafeKey,
    exhibit: [u8; 32],
    size: u64,
}

/// How many segments an original of `size` bytes has.
#[must_use]
pub fn segments(size: u64) -> u64 {
    size.div_ceil(SEGMENT_BYTES as u64)
}

impl Envelope {
    /// The envelope of `exhibit`, an original of `size` bytes, under `key`.
    #[must_use]
    pub fn new(key: &[u8; 32], exhibit: [u8; 32], size: u64) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, key).unwrap_or_else(|_| unreachable!("32 bytes"));
        Self { key: LessSafeKey::new(key), exhibit, size }
    }

    /// Bytes of the original in segment `number`.
    #[must_use]
    pub fn plain_bytes(&self, number: u64) -> usize {
        let before = number.saturating_mul(SEGMENT_BYTES as u64);
        usize::try_from(self.size.saturating_sub(before))
            .map_or(SEGMENT_BYTES, |left| left.min(SEGMENT_BYTES))
    }

    fn bound(&self, number: u64) -> Aad<Vec<u8>> {
        Aad::from([SEGMENT_DOMAIN, &self.exhibit, &self.size.to_be_bytes(), &number.to_be_bytes()].concat())
    }

    /// Seals `plain` as segment `number`, or as its beginning while more is to come; `nonce` is random and never used before.
    #[must_use]
    pub fn seal(&self, number: u64, plain: &[u8], nonce: [u8; 12]) -> Vec<u8> {
        let mut sealed = plain.to_vec();
        let given = Nonce::assume_unique_for_key(nonce);
        let done = self.key.seal_in_place_append_tag(given, self.bound(number), &mut sealed);
        done.unwrap_or_else(|_| unreachable!("a segment is short"));
        [&nonce[..], &sealed].concat()
    }

    /// Opens the whole segment `number`.
    ///
    /// # Errors
    /// [`EnvelopeError::Sealed`], also for a segment of another length than this place has.
    pub fn open(&self, number: u64, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
        let plain = self.open_beginning(number, sealed)?;
        if plain.len() == self.plain_bytes(number) { Ok(plain) } else { Err(EnvelopeError::Sealed) }
    }

    /// Opens what there is of segment `number` so far.
    ///
    /// # Errors
    /// [`EnvelopeError::Sealed`].
    pub fn open_beginning(&self, number: u64, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
        let (nonce, sealed) = sealed.split_first_chunk::<12>().ok_or(EnvelopeError::Sealed)?;
        let mut plain = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self.key.open_in_place(nonce, self.bound(number), &mut plain);
        let bytes = opened.map_err(|_| EnvelopeError::Sealed)?.len();
        plain.truncate(bytes);
        Ok(plain)
    }
}

/// `exhibit | account`: a key handed over is good for this exhibit and this reader.
fn reader(exhibit: &[u8; 32], account: &AccountId) -> Vec<u8> {
    [&exhibit[..], &account.0].concat()
}

/// Hands `key` of `exhibit` over to the holder of `account`'s encryption key: encapsulated key (65 bytes), then the sealed key (48 bytes).
///
/// # Errors
/// [`EnvelopeError::Suite`]; [`EnvelopeError::Sealed`] when the key is no point of the curve, or the system has no randomness.
pub fn hand_over(
    key: &[u8; 32],
    exhibit: &[u8; 32],
    account: &AccountId,
    to: &PublicKey,
) -> Result<Vec<u8>, EnvelopeError> {
    check_suite(to.alg())?;
    let sealed = |_: HpkeError| EnvelopeError::Sealed;
    let to = <DhP256HkdfSha256 as hpke::Kem>::PublicKey::from_bytes(&uncompressed(to)?).map_err(sealed)?;
    let (encapped, wrapped) = hpke::single_shot_seal::<AesGcm256, HkdfSha256, DhP256HkdfSha256>(
        &OpModeS::Base,
        &to,
        KEY_DOMAIN,
        key,
        &reader(exhibit, account),
    )
    .map_err(sealed)?;
    Ok([&encapped.to_bytes()[..], &wrapped].concat())
}

/// Takes over what [`hand_over`] gave, with the secret of the account's encryption key.
///
/// # Errors
/// [`EnvelopeError`].
pub fn take_over(
    wrapped: &[u8],
    exhibit: &[u8; 32],
    account: &AccountId,
    with: &SigningKey,
) -> Result<Zeroizing<[u8; 32]>, EnvelopeError> {
    check_suite(with.alg())?;
    let sealed = |_: HpkeError| EnvelopeError::Sealed;
    let (encapped, wrapped) = wrapped.split_at_checked(ENCAPPED_BYTES).ok_or(EnvelopeError::Sealed)?;
    let secret = <DhP256HkdfSha256 as hpke::Kem>::PrivateKey::from_bytes(with.seed()).map_err(sealed)?;
    let encapped = <DhP256HkdfSha256 as hpke::Kem>::EncappedKey::from_bytes(encapped).map_err(sealed)?;
    let key = hpke::single_shot_open::<AesGcm256, HkdfSha256, DhP256HkdfSha256>(
        &OpModeR::Base,
        &secret,
        &encapped,
        KEY_DOMAIN,
        wrapped,
        &reader(exhibit, account),
    );
    let key = Zeroizing::new(key.map_err(sealed)?);
    key.as_slice().try_into().map(Zeroizing::new).map_err(|_| EnvelopeError::Sealed)
}

fn check_suite(alg: SignatureAlg) -> Result<(), EnvelopeError> {
    if alg == SignatureAlg::Es256 { Ok(()) } else { Err(EnvelopeError::Suite { found: alg.name() }) }
}

fn uncompressed(key: &PublicKey) -> Result<Vec<u8>, EnvelopeError> {
    let key = p256::PublicKey::from_sec1_bytes(key.as_bytes()).map_err(|_| EnvelopeError::Sealed)?;
    Ok(key.to_sec1_point(false).as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(key: u8, exhibit: u8, size: u64) -> Envelope {
        Envelope::new(&[key; 32], [exhibit; 32], size)
    }

    #[test]
    fn a_segment_opens_at_its_own_place_only() {
        let size = 2 * SEGMENT_BYTES as u64 + 5;
        let sealed = envelope(1, 2, size).seal(1, &[7; SEGMENT_BYTES], [9; 12]);
        assert_eq!(sealed.len(), SEALED_BYTES);
        assert_eq!(**envelope(1, 2, size).open(1, &sealed).unwrap(), [7; SEGMENT_BYTES]);
        for (other, number) in [
            (envelope(3, 2, size), 1),
            (envelope(1, 3, size), 1),
            (envelope(1, 2, size + 1), 1),
            (envelope(1, 2, size), 0),
        ] {
            assert!(other.open(number, &sealed).is_err());
        }
    }

    #[test]
    fn a_changed_or_shortened_segment_does_not_open() {
        let here = envelope(1, 2, 5);
        let sealed = here.seal(0, b"hello", [9; 12]);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(here.open(0, &changed).is_err(), "byte {at}");
            assert!(here.open(0, &sealed[..at]).is_err(), "{at} bytes");
        }
        let beginning = here.seal(0, b"hell", [8; 12]);
        assert!(here.open(0, &beginning).is_err(), "a beginning is no segment");
        assert_eq!(&**here.open_beginning(0, &beginning).unwrap(), b"hell");
    }

    #[test]
    fn a_key_handed_over_opens_for_its_reader_and_exhibit_only() {
        let secret = SigningKey::from_seed(SignatureAlg::Es256, &[5; 32]).unwrap();
        let other = SigningKey::from_seed(SignatureAlg::Es256, &[6; 32]).unwrap();
        let (key, exhibit, account) = ([1; 32], [2; 32], AccountId([3; 32]));
        let wrapped = hand_over(&key, &exhibit, &account, &secret.public_key()).unwrap();
        assert_eq!(*take_over(&wrapped, &exhibit, &account, &secret).unwrap(), key);
        assert!(take_over(&wrapped, &exhibit, &account, &other).is_err());
        assert!(take_over(&wrapped, &[4; 32], &account, &secret).is_err());
        assert!(take_over(&wrapped, &exhibit, &AccountId([4; 32]), &secret).is_err());
        let wrong = SigningKey::from_seed(SignatureAlg::Ed25519, &[5; 32]).unwrap();
        let refused = hand_over(&key, &exhibit, &account, &wrong.public_key());
        assert_eq!(refused.unwrap_err(), EnvelopeError::Suite { found: wrong.alg().name() });
    }

    /// A changed digest is a changed format.
    #[test]
    fn the_sealed_form_is_pinned() {
        let sealed = envelope(1, 2, 5).seal(0, b"hello", [9; 12]);
        assert_eq!(
            hex::encode(xiezhi_crypto::sha256(&sealed)),
            "027f25020ebf1805973e8746300e75dd33de76bc0d27750935a3cfbab79f8983"
        );
    }
}
