//! Signing keys in a hardware token (PKCS#11; P-256 and Ed25519): made there, used there, never read.
//!
//! A key is named by a URI (RFC 7512): `pkcs11:token=NAME;object=LABEL?module-path=/path/to/module.so`. The token's user PIN is handed in.
//!
//! # Invariants
//! - The private key is made with `CKA_SENSITIVE` and without `CKA_EXTRACTABLE`.
//! - What the token signs is checked with the public key before it is given out: a broken token does not get a bad certificate issued.
//!
//! Loading a module runs its code in this process: name only modules that you trust.

mod uri;

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::{Error, RvError},
    mechanism::{
        Mechanism,
        eddsa::{EddsaParams, EddsaSignatureScheme},
    },
    object::{Attribute, AttributeType, ObjectClass, ObjectHandle},
    session::{Session, UserType},
    types::AuthPin,
};
use sha2::{Digest as _, Sha256};
use xiezhi_crypto::{PublicKey, SignatureAlg, Signer, SigningError};

pub use uri::{KeyUri, UriError};

/// The curve P-256 as `CKA_EC_PARAMS` has it: DER of its object identifier.
const P256_PARAMETERS: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// Ed25519 as `CKA_EC_PARAMS` has it: DER of its object identifier (RFC 8410), or of its name.
const ED25519_PARAMETERS: [&[u8]; 2] = [&[0x06, 0x03, 0x2b, 0x65, 0x70], b"\x13\x0cedwards25519"];
/// What stands before the point in `CKA_EC_POINT`, a DER octet string: 65 bytes of an uncompressed point, 32 bytes.
const POINT_PREFIXES: [[u8; 2]; 2] = [[0x04, 65], [0x04, 32]];

/// Why a token gives no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The module or the token.
    #[error("{doing}: {source}")]
    Device {
        /// What was attempted.
        doing: &'static str,
        /// What the module says.
        source: Error,
    },
    /// No token of that name is in any slot.
    #[error("no token called {token:?} is there")]
    NoToken {
        /// Its name.
        token: String,
    },
    /// No key, or more than one, of that label.
    #[error("the token has {found} keys called {object:?}, one is needed")]
    NotOneKey {
        /// The label.
        object: String,
        /// How many there are.
        found: usize,
    },
    /// A key is there already.
    #[error("the token has a key called {object:?} already")]
    Exists {
        /// The label.
        object: String,
    },
    /// The public half is not what a key of a suite that is known has.
    #[error("the token's key {object:?} is not one of P-256 or Ed25519")]
    Suite {
        /// The label.
        object: String,
    },
}

fn doing(doing: &'static str) -> impl Fn(Error) -> TokenError {
    move |source| TokenError::Device { doing, source }
}

/// A key in a token.
pub struct TokenKey {
    session: Mutex<Session>,
    key: ObjectHandle,
    public: PublicKey,
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(in a token)")
    }
}

impl TokenKey {
    /// Opens the key that `uri` names, with the token's user PIN.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn open(uri: &KeyUri, pin: &str) -> Result<Self, TokenError> {
        let session = session(uri, pin)?;
        let key = the_one(&session, uri, ObjectClass::PRIVATE_KEY)?;
        let public = the_one(&session, uri, ObjectClass::PUBLIC_KEY)?;
        let public = point(&session, public, uri)?;
        Ok(Self { session: Mutex::new(session), key, public })
    }

    /// Makes the key that `uri` names, of the suite `alg`, where there is none of that name yet.
    ///
    /// # Errors
    /// [`TokenError`]; [`TokenError::Suite`] for another suite than P-256 and Ed25519.
    pub fn make(uri: &KeyUri, pin: &str, alg: SignatureAlg) -> Result<Self, TokenError> {
        let (mechanism, parameters) = match alg {
            SignatureAlg::Es256 => (Mechanism::EccKeyPairGen, &P256_PARAMETERS[..]),
            SignatureAlg::Ed25519 => (Mechanism::EccEdwardsKeyPairGen, ED25519_PARAMETERS[0]),
            _ => return Err(TokenError::Suite { object: uri.object.clone() }),
        };
        let session = session(uri, pin)?;
        if !found(&session, uri, ObjectClass::PRIVATE_KEY)?.is_empty() {
            return Err(TokenError::Exists { object: uri.object.clone() });
        }
        let label = || Attribute::Label(uri.object.clone().into_bytes());
        let public = [
            Attribute::Token(true),
            Attribute::Private(false),
            Attribute::Verify(true),
            Attribute::EcParams(parameters.to_vec()),
            label(),
        ];
        let private = [
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Sign(true),
            label(),
        ];
        let (public, key) =
            session.generate_key_pair(&mechanism, &public, &private).map_err(doing("making a key"))?;
        let public = point(&session, public, uri)?;
        Ok(Self { session: Mutex::new(session), key, public })
    }

    /// Whether there is a key of that name.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn exists(uri: &KeyUri, pin: &str) -> Result<bool, TokenError> {
        Ok(!found(&session(uri, pin)?, uri, ObjectClass::PRIVATE_KEY)?.is_empty())
    }
}

impl Signer for TokenKey {
    fn public_key(&self) -> PublicKey {
        self.public.clone()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        let failed = |reason: String| SigningError { reason };
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let signed = match self.public.alg() {
            SignatureAlg::Ed25519 => {
                let scheme = EddsaParams::new(EddsaSignatureScheme::Ed25519);
                session.sign(&Mechanism::Eddsa(scheme), self.key, message)
            }
            _ => session.sign(&Mechanism::Ecdsa, self.key, &Sha256::digest(message)),
        };
        let signature = signed.map_err(|error| failed(error.to_string()))?;
        match self.public.verify(message, &signature) {
            Ok(()) => Ok(signature),
            Err(error) => Err(failed(format!("what the token signed does not hold: {error}"))),
        }
    }
}

/// Logs into the token.
fn session(uri: &KeyUri, pin: &str) -> Result<Session, TokenError> {
    let module = Pkcs11::new(&uri.module).map_err(doing("loading the PKCS#11 module"))?;
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(source) => return Err(doing("starting the PKCS#11 module")(source)),
    }
    let slots = module.get_slots_with_token().map_err(doing("looking for tokens"))?;
    let named = |slot: &_| module.get_token_info(*slot).is_ok_and(|info| info.label() == uri.token);
    let slot = slots.into_iter().find(named);
    let slot = slot.ok_or_else(|| TokenError::NoToken { token: uri.token.clone() })?;
    let session = module.open_rw_session(slot).map_err(doing("opening the token"))?;
    match session.login(UserType::User, Some(&AuthPin::new(pin.into()))) {
        Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
        Err(source) => Err(doing("logging into the token")(source)),
    }
}

fn found(session: &Session, uri: &KeyUri, class: ObjectClass) -> Result<Vec<ObjectHandle>, TokenError> {
    let wanted = [Attribute::Class(class), Attribute::Label(uri.object.clone().into_bytes())];
    session.find_objects(&wanted).map_err(doing("looking for the key"))
}

fn the_one(session: &Session, uri: &KeyUri, class: ObjectClass) -> Result<ObjectHandle, TokenError> {
    match found(session, uri, class)?.as_slice() {
        [one] => Ok(*one),
        others => Err(TokenError::NotOneKey { object: uri.object.clone(), found: others.len() }),
    }
}

fn point(session: &Session, key: ObjectHandle, uri: &KeyUri) -> Result<PublicKey, TokenError> {
    let attributes = session
        .get_attributes(key, &[AttributeType::EcParams, AttributeType::EcPoint])
        .map_err(doing("reading the public key"))?;
    let parameters = attributes.iter().find_map(|attribute| match attribute {
        Attribute::EcParams(parameters) => Some(parameters.as_slice()),
        _ => None,
    });
    let point = attributes.iter().find_map(|attribute| match attribute {
        Attribute::EcPoint(point) => POINT_PREFIXES.iter().find_map(|prefix| point.strip_prefix(prefix)),
        _ => None,
    });
    let key = match (parameters.unwrap_or_default(), point.unwrap_or_default()) {
        (parameters, point) if parameters == P256_PARAMETERS => PublicKey::es256_of_point(point).ok(),
        (parameters, point) if ED25519_PARAMETERS.contains(&parameters) => {
            PublicKey::new(SignatureAlg::Ed25519, point).ok()
        }
        _ => None,
    };
    key.ok_or_else(|| TokenError::Suite { object: uri.object.clone() })
}

#[cfg(test)]
mod tests;
