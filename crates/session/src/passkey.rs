//! Passkeys (Web Authentication, level 2): what a browser answers when one is made, and when one is used.
//!
//! No attestation is asked for: which device a key is in is nobody's business here. The user must be verified (PIN, fingerprint).

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use minicbor::{Decoder, data::Type};
use serde::Deserialize;
use xiezhi_crypto::sha256;

/// Algorithms that are taken, by their COSE numbers, the preferred first: ES256, EdDSA, RS256.
pub const ALGORITHMS: [i64; 3] = [-7, -8, -257];
/// Longest id of a credential, in bytes (level 2, section 5.1).
const CREDENTIAL_BYTES_MAX: usize = 1023;

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const CREDENTIAL_INCLUDED: u8 = 0x40;

/// Why a browser's answer is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasskeyError {
    /// Not of the form that browsers give.
    #[error("not an authenticator's answer")]
    Malformed,
    /// Made for something else: another ceremony.
    #[error("made for another ceremony")]
    Ceremony,
    /// Another challenge.
    #[error("made for another challenge")]
    Challenge,
    /// At another address.
    #[error("made at another origin, or for another relying party")]
    Origin,
    /// Nobody was there, or nobody was verified.
    #[error("the authenticator did not verify its user")]
    User,
    /// Another kind of key.
    #[error("the key is not one of ES256, EdDSA, RS256")]
    Algorithm,
    /// The signature does not hold.
    #[error("the signature does not hold")]
    Signature,
    /// The authenticator's counter went back: there may be a copy of the key.
    #[error("the authenticator's counter went back: the key may have been copied")]
    Counter,
}

/// Where keys are good.
#[derive(Debug, Clone, Copy)]
pub struct RelyingParty<'a> {
    /// The host's name, without a port.
    pub id: &'a str,
    /// As `https://office.example:7490`.
    pub origin: &'a str,
}

/// A registered key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passkey {
    /// The id of the credential.
    pub credential: Vec<u8>,
    /// The public key (COSE).
    pub public_key: Vec<u8>,
    /// The authenticator's counter; 0 if it has none.
    pub counter: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    r#type: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
}

fn check_client(
    client_data: &[u8],
    ceremony: &str,
    challenge: &[u8],
    party: RelyingParty<'_>,
) -> Result<(), PasskeyError> {
    let said: ClientData = serde_json::from_slice(client_data).map_err(|_| PasskeyError::Malformed)?;
    if said.r#type != ceremony {
        return Err(PasskeyError::Ceremony);
    }
    if said.challenge != URL_SAFE_NO_PAD.encode(challenge) {
        return Err(PasskeyError::Challenge);
    }
    if said.origin != party.origin || said.cross_origin {
        return Err(PasskeyError::Origin);
    }
    Ok(())
}

/// Flags, counter, and what comes after them.
fn check_authenticator<'a>(
    data: &'a [u8],
    party: RelyingParty<'_>,
) -> Result<(u8, u32, &'a [u8]), PasskeyError> {
    let (hash, rest) = data.split_at_checked(32).ok_or(PasskeyError::Malformed)?;
    let ([flags, counter @ ..], rest) = rest.split_first_chunk::<5>().ok_or(PasskeyError::Malformed)?;
    if hash != sha256(party.id.as_bytes()) {
        return Err(PasskeyError::Origin);
    }
    if flags & USER_PRESENT == 0 || flags & USER_VERIFIED == 0 {
        return Err(PasskeyError::User);
    }
    Ok((*flags, u32::from_be_bytes(*counter), rest))
}

/// A public key as COSE has it.
enum Key<'a> {
    Es256 { x: &'a [u8], y: &'a [u8] },
    EdDsa { x: &'a [u8] },
    Rs256 { n: &'a [u8], e: &'a [u8] },
}

impl<'a> Key<'a> {
    /// The key, and how many bytes it has; what follows (extensions) is not read.
    fn read(bytes: &'a [u8]) -> Result<(Self, usize), PasskeyError> {
        let malformed = |_| PasskeyError::Malformed;
        let mut d = Decoder::new(bytes);
        let (mut alg, mut numbers, mut texts) = (None, [None; 3], [None::<&[u8]>; 3]);
        for _ in 0..d.map().map_err(malformed)?.ok_or(PasskeyError::Malformed)? {
            let label = d.i64().map_err(malformed)?;
            let at = usize::try_from(-1 - label).ok().filter(|at| *at < 3);
            match (label, at, d.datatype().map_err(malformed)?) {
                (3, ..) => alg = Some(d.i64().map_err(malformed)?),
                (_, Some(at), Type::Bytes) => texts[at] = Some(d.bytes().map_err(malformed)?),
                (_, Some(at), _) => numbers[at] = Some(d.i64().map_err(malformed)?),
                _ => d.skip().map_err(malformed)?,
            }
        }
        let key = match (alg, numbers[0], texts) {
            (Some(-7), Some(1), [_, Some(x), Some(y)]) if x.len() == 32 && y.len() == 32 => {
                Self::Es256 { x, y }
            }
            (Some(-8), Some(6), [_, Some(x), None]) if x.len() == 32 => Self::EdDsa { x },
            (Some(-257), None, [Some(n), Some(e), None]) => Self::Rs256 { n, e },
            _ => return Err(PasskeyError::Algorithm),
        };
        Ok((key, d.position()))
    }

    fn holds(&self, message: &[u8], signature: &[u8]) -> bool {
        let held = match self {
            Self::Es256 { x, y } => {
                let point = [&[4], *x, *y].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature)
            }
            Self::EdDsa { x } => UnparsedPublicKey::new(&ED25519, x).verify(message, signature),
            Self::Rs256 { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
        };
        held.is_ok()
    }
}

/// The key that a browser made for `challenge`: `authenticator_data` is what its `getAuthenticatorData()` gives.
///
/// # Errors
/// [`PasskeyError`].
pub fn registered(
    client_data: &[u8],
    authenticator_data: &[u8],
    challenge: &[u8],
    party: RelyingParty<'_>,
) -> Result<Passkey, PasskeyError> {
    check_client(client_data, "webauthn.create", challenge, party)?;
    let (flags, counter, rest) = check_authenticator(authenticator_data, party)?;
    let malformed = PasskeyError::Malformed;
    if flags & CREDENTIAL_INCLUDED == 0 {
        return Err(malformed);
    }
    let (head, rest) = rest.split_first_chunk::<18>().ok_or(malformed)?;
    let length = usize::from(u16::from_be_bytes([head[16], head[17]]));
    if !(1..=CREDENTIAL_BYTES_MAX).contains(&length) {
        return Err(malformed);
    }
    let (credential, rest) = rest.split_at_checked(length).ok_or(malformed)?;
    let (_, length) = Key::read(rest)?;
    Ok(Passkey { credential: credential.to_vec(), public_key: rest[..length].to_vec(), counter })
}

/// Checks that `passkey` signed for `challenge`; its counter from now on.
///
/// # Errors
/// [`PasskeyError`].
pub fn asserted(
    passkey: &Passkey,
    client_data: &[u8],
    authenticator_data: &[u8],
    signature: &[u8],
    challenge: &[u8],
    party: RelyingParty<'_>,
) -> Result<u32, PasskeyError> {
    check_client(client_data, "webauthn.get", challenge, party)?;
    let (_, counter, _) = check_authenticator(authenticator_data, party)?;
    let message = [authenticator_data, &sha256(client_data)].concat();
    if !Key::read(&passkey.public_key)?.0.holds(&message, signature) {
        return Err(PasskeyError::Signature);
    }
    if (counter, passkey.counter) != (0, 0) && counter <= passkey.counter {
        return Err(PasskeyError::Counter);
    }
    Ok(counter)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{
        rand::SystemRandom,
        signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
    };
    use serde_json::json;

    use super::*;

    const PARTY: RelyingParty<'_> = RelyingParty { id: "localhost", origin: "http://localhost:7490" };

    fn client(ceremony: &str, challenge: &[u8], origin: &str) -> Vec<u8> {
        json!({"type": ceremony, "challenge": URL_SAFE_NO_PAD.encode(challenge), "origin": origin})
            .to_string()
            .into_bytes()
    }

    fn authenticator(id: &str, flags: u8, counter: u32) -> Vec<u8> {
        [&sha256(id.as_bytes())[..], &[flags], &counter.to_be_bytes()].concat()
    }

    fn cose(pair: &EcdsaKeyPair) -> Vec<u8> {
        let point = pair.public_key().as_ref();
        [&[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32], &point[1..33], &[0x22, 0x58, 32], &point[33..]]
            .concat()
    }

    fn made(pair: &EcdsaKeyPair) -> Vec<u8> {
        let head = authenticator("localhost", 0x45, 0);
        [&head[..], &[0; 16], &[0, 3], b"abc", &cose(pair), b"extensions"].concat()
    }

    fn pair() -> EcdsaKeyPair {
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap()
    }

    #[test]
    fn a_new_key_is_taken_for_its_challenge_at_its_origin() {
        let pair = pair();
        let create = |challenge: &[u8], origin: &str| client("webauthn.create", challenge, origin);
        let good = create(b"c", PARTY.origin);
        let passkey = registered(&good, &made(&pair), b"c", PARTY).unwrap();
        assert_eq!(passkey, Passkey { credential: b"abc".to_vec(), public_key: cose(&pair), counter: 0 });
        let refused = |client: &[u8], data: &[u8]| registered(client, data, b"c", PARTY).unwrap_err();
        assert_eq!(refused(&create(b"d", PARTY.origin), &made(&pair)), PasskeyError::Challenge);
        assert_eq!(refused(&create(b"c", "http://localhost:7491"), &made(&pair)), PasskeyError::Origin);
        assert_eq!(
            refused(&client("webauthn.get", b"c", PARTY.origin), &made(&pair)),
            PasskeyError::Ceremony
        );
        let mut unverified = made(&pair);
        unverified[32] = 0x41;
        assert_eq!(refused(&good, &unverified), PasskeyError::User);
        let mut elsewhere = made(&pair);
        elsewhere[0] ^= 1;
        assert_eq!(refused(&good, &elsewhere), PasskeyError::Origin);
        let mut other = made(&pair);
        let alg = other.len() - 10 - cose(&pair).len() + 4;
        other[alg] = 0x27;
        assert_eq!(refused(&good, &other), PasskeyError::Algorithm);
        for length in 0..made(&pair).len() - 10 {
            assert!(registered(&good, &made(&pair)[..length], b"c", PARTY).is_err(), "{length}");
        }
    }

    #[test]
    fn a_key_that_signs_for_the_challenge_logs_in_and_a_copy_is_noticed() {
        let (pair, other) = (pair(), pair());
        let passkey = Passkey { credential: b"abc".to_vec(), public_key: cose(&pair), counter: 4 };
        let get = client("webauthn.get", b"c", PARTY.origin);
        let judge = |by: &EcdsaKeyPair, counter, flags, challenge: &[u8]| {
            let data = authenticator("localhost", flags, counter);
            let message = [&data[..], &sha256(&get)].concat();
            let signature = by.sign(&SystemRandom::new(), &message).unwrap();
            asserted(&passkey, &get, &data, signature.as_ref(), challenge, PARTY)
        };
        assert_eq!(judge(&pair, 5, 0x05, b"c"), Ok(5));
        assert_eq!(judge(&pair, 4, 0x05, b"c"), Err(PasskeyError::Counter));
        assert_eq!(judge(&pair, 0, 0x05, b"c"), Err(PasskeyError::Counter));
        assert_eq!(judge(&other, 5, 0x05, b"c"), Err(PasskeyError::Signature));
        assert_eq!(judge(&pair, 5, 0x01, b"c"), Err(PasskeyError::User));
        assert_eq!(judge(&pair, 5, 0x05, b"d"), Err(PasskeyError::Challenge));
    }
}
