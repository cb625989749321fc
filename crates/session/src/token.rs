//! JSON Web Tokens (RFC 7519): what clients prove their key with (RFC 7523), and what an identity provider says of a person (OpenID
//! Connect Core 1.0).
//!
//! A token is a JWS in its compact form (RFC 7515), signed under ES256, EdDSA, RS256 or PS256 with a key known beforehand. Whatever the
//! token's own header says, a key is used with its own algorithm only, so that `none` and HMAC under a public key have no way in. Pure: the
//! time is an argument.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Map, Value};
use xiezhi_crypto::{PublicKey, SignatureAlg, SigningKey};

/// Longest token, in bytes.
pub const TOKEN_BYTES_MAX: usize = 16 << 10;
/// How far another's clock may be off, in seconds.
const SKEW_S: u64 = 60;
/// Longest life of a client's assertion, in seconds.
const ASSERTION_LIFE_MAX_S: u64 = 300;
/// Oldest identity token that is taken, in seconds since it was issued.
const ID_TOKEN_AGE_MAX_S: u64 = 600;
/// Longest `jti`, in bytes.
const JTI_BYTES_MAX: usize = 128;

/// Why a token is refused. Holds nothing of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Not a JWS in compact form with JSON in it.
    #[error("not a signed JSON Web Token in compact form")]
    Malformed,
    /// An algorithm that is not taken, or extensions that must be understood.
    #[error("the signature's algorithm is not one of ES256, EdDSA, RS256, PS256")]
    Algorithm,
    /// None of the known keys is the one it names, or fits its algorithm.
    #[error("no known key fits the token's algorithm and key id")]
    UnknownKey,
    /// The signature does not hold.
    #[error("the signature does not hold")]
    Signature,
    /// Another issuer.
    #[error("another issuer")]
    Issuer,
    /// The client speaks of another.
    #[error("\"sub\" is not the issuer itself")]
    Subject,
    /// Meant for another.
    #[error("meant for another audience")]
    Audience,
    /// Expired.
    #[error("expired")]
    Expired,
    /// From the future.
    #[error("not valid yet, or issued in the future")]
    NotYet,
    /// It lives too long, or was issued too long ago, or does not say when.
    #[error("too old, or of too long a life: \"iat\" and \"exp\" are needed")]
    Life,
    /// It does not repeat the nonce of the application.
    #[error("the nonce is not the application's")]
    Nonce,
    /// Without a name of its own, or with one that was used before.
    #[error("\"jti\" is missing, too long, or was used before")]
    Replayed,
}

impl TokenError {
    /// Stable code for programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed => "token-malformed",
            Self::Algorithm => "token-algorithm",
            Self::UnknownKey => "token-unknown-key",
            Self::Signature => "token-signature",
            Self::Issuer => "token-issuer",
            Self::Subject => "token-subject",
            Self::Audience => "token-audience",
            Self::Expired => "token-expired",
            Self::NotYet => "token-not-yet",
            Self::Life => "token-life",
            Self::Nonce => "token-nonce",
            Self::Replayed => "token-replayed",
        }
    }
}

/// A set of keys (RFC 7517, section 5).
#[derive(Debug, Clone, Deserialize)]
pub struct KeySet {
    /// The keys; those that cannot be used here are passed over.
    pub keys: Vec<Jwk>,
}

/// A public key (RFC 7517). Members that do not matter here are not read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

impl Jwk {
    fn is_for(&self, header: &Header) -> bool {
        let fits = match header.alg.as_str() {
            "ES256" => self.kty == "EC" && self.crv.as_deref() == Some("P-256"),
            "EdDSA" => self.kty == "OKP" && self.crv.as_deref() == Some("Ed25519"),
            "RS256" | "PS256" => self.kty == "RSA",
            _ => false,
        };
        let is_named = header.kid.is_none() || self.kid.is_none() || self.kid == header.kid;
        let is_of = |own: &Option<String>, needed: &str| own.as_deref().is_none_or(|own| own == needed);
        fits && is_named && is_of(&self.alg, &header.alg) && is_of(&self.usage, "sig")
    }

    /// Whether the signature holds; a key that is none holds nothing.
    fn verify(&self, alg: &str, message: &[u8], signature: &[u8]) -> bool {
        let member = |name: &Option<String>| name.as_deref().and_then(decode).unwrap_or_default();
        let held = match alg {
            "ES256" => {
                let (x, y) = (member(&self.x), member(&self.y));
                let point = [&[4], &x[..], &y[..]].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            "EdDSA" => UnparsedPublicKey::new(&ED25519, member(&self.x)).verify(message, signature),
            _ => {
                let rules =
                    if alg == "PS256" { &RSA_PSS_2048_8192_SHA256 } else { &RSA_PKCS1_2048_8192_SHA256 };
                let key = RsaPublicKeyComponents { n: member(&self.n), e: member(&self.e) };
                key.verify(rules, message, signature)
            }
        };
        held.is_ok()
    }
}

/// The name of a suite in JOSE; the others have none here.
fn jose(alg: SignatureAlg) -> Option<&'static str> {
    match alg {
        SignatureAlg::Ed25519 => Some("EdDSA"),
        SignatureAlg::Es256 => Some("ES256"),
        _ => None,
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

/// The claims of a token whose signature `holds`, which gets header, message and signature.
fn verified(
    token: &str,
    holds: impl FnOnce(&Header, &[u8], &[u8]) -> Result<bool, TokenError>,
) -> Result<Map<String, Value>, TokenError> {
    let malformed = || TokenError::Malformed;
    if token.len() > TOKEN_BYTES_MAX {
        return Err(TokenError::Malformed);
    }
    let (message, signature) = token.rsplit_once('.').ok_or_else(malformed)?;
    let (header, payload) = message.split_once('.').ok_or_else(malformed)?;
    let part = |text: &str| decode(text).ok_or_else(malformed);
    let header: Header = serde_json::from_slice(&part(header)?).map_err(|_| malformed())?;
    let (payload, signature) = (part(payload)?, part(signature)?);
    if header.crit.is_some() || !["ES256", "EdDSA", "RS256", "PS256"].contains(&header.alg.as_str()) {
        return Err(TokenError::Algorithm);
    }
    if !holds(&header, message.as_bytes(), &signature)? {
        return Err(TokenError::Signature);
    }
    serde_json::from_slice(&payload).map_err(|_| malformed())
}

/// The issuer that `token` names, believed by nobody: to find out whose key it must be signed with.
///
/// # Errors
/// [`TokenError::Malformed`].
pub fn unverified_issuer(token: &str) -> Result<String, TokenError> {
    let payload = token.split('.').nth(1).filter(|_| token.len() <= TOKEN_BYTES_MAX).and_then(decode);
    let claims: Map<String, Value> =
        payload.and_then(|bytes| serde_json::from_slice(&bytes).ok()).ok_or(TokenError::Malformed)?;
    claims.get("iss").and_then(Value::as_str).map(str::to_owned).ok_or(TokenError::Malformed)
}

fn seconds(claims: &Map<String, Value>, name: &str) -> Option<u64> {
    // NumericDate may have a fraction.
    let value = claims.get(name)?;
    value.as_u64().or_else(|| value.as_f64().filter(|n| *n >= 0.0 && *n < 1e15).map(|n| n as u64))
}

fn check_times(claims: &Map<String, Value>, now_s: u64) -> Result<(u64, u64), TokenError> {
    let (Some(issued), Some(expires)) = (seconds(claims, "iat"), seconds(claims, "exp")) else {
        return Err(TokenError::Life);
    };
    if expires + SKEW_S <= now_s {
        return Err(TokenError::Expired);
    }
    let is_early = |at: u64| at > now_s + SKEW_S;
    if is_early(issued) || seconds(claims, "nbf").is_some_and(is_early) {
        return Err(TokenError::NotYet);
    }
    Ok((issued, expires))
}

fn audiences(claims: &Map<String, Value>) -> Vec<&str> {
    match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// What a client's assertion proves (RFC 7523, section 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientAssertion {
    /// Its own name, to be used once.
    pub jti: String,
    /// Until when the name must be remembered, in seconds since 1970.
    pub expires_s: u64,
}

/// Checks the assertion of `client`, signed by one of its `keys`, for one of the `audience`s.
///
/// Whether its name was used before is for the caller to find out ([`TokenError::Replayed`]).
///
/// # Errors
/// [`TokenError`].
pub fn client_assertion(
    token: &str,
    client: &str,
    keys: &[PublicKey],
    audience: &[&str],
    now_s: u64,
) -> Result<ClientAssertion, TokenError> {
    let claims = verified(token, |header, message, signature| {
        let is_for = |key: &&PublicKey| jose(key.alg()) == Some(header.alg.as_str());
        let mut fitting = keys.iter().filter(is_for).peekable();
        fitting.peek().ok_or(TokenError::UnknownKey)?;
        Ok(fitting.any(|key| key.verify(message, signature).is_ok()))
    })?;
    let is = |name: &str| claims.get(name).and_then(Value::as_str) == Some(client);
    if !is("iss") {
        return Err(TokenError::Issuer);
    }
    if !is("sub") {
        return Err(TokenError::Subject);
    }
    if !audiences(&claims).iter().any(|one| audience.contains(one)) {
        return Err(TokenError::Audience);
    }
    let (issued, expires) = check_times(&claims, now_s)?;
    if expires.saturating_sub(issued) > ASSERTION_LIFE_MAX_S
        || expires > now_s + ASSERTION_LIFE_MAX_S + SKEW_S
    {
        return Err(TokenError::Life);
    }
    let jti =
        claims.get("jti").and_then(Value::as_str).filter(|jti| (1..=JTI_BYTES_MAX).contains(&jti.len()));
    let jti = jti.ok_or(TokenError::Replayed)?.to_owned();
    Ok(ClientAssertion { jti, expires_s: expires + SKEW_S })
}

/// Makes the assertion of `client` for `audience`, good for a minute.
///
/// # Errors
/// [`TokenError::Algorithm`] for a key of another suite than Ed25519 and ES256.
pub fn sign_client_assertion(
    client: &str,
    key: &SigningKey,
    audience: &str,
    jti: &str,
    now_s: u64,
) -> Result<String, TokenError> {
    let alg = jose(key.alg()).ok_or(TokenError::Algorithm)?;
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header =
        part(serde_json::json!({"alg": alg, "typ": "JWT", "kid": key.public_key().id().to_string()}));
    let claims = part(serde_json::json!({
        "iss": client, "sub": client, "aud": audience, "iat": now_s, "exp": now_s + 60, "jti": jti,
    }));
    let message = format!("{header}.{claims}");
    let signature = URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes()));
    Ok(format!("{message}.{signature}"))
}

/// Checks an identity token (OpenID Connect Core 1.0, section 3.1.3.7) of `issuer` for `audience`, signed with one of `keys`, and made for
/// `nonce`; its claims.
///
/// # Errors
/// [`TokenError`].
pub fn id_token(
    token: &str,
    issuer: &str,
    audience: &str,
    nonce: &str,
    keys: &KeySet,
    now_s: u64,
) -> Result<Map<String, Value>, TokenError> {
    let claims = verified(token, |header, message, signature| {
        let mut fitting = keys.keys.iter().filter(|key| key.is_for(header)).peekable();
        fitting.peek().ok_or(TokenError::UnknownKey)?;
        Ok(fitting.any(|key| key.verify(&header.alg, message, signature)))
    })?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(issuer) {
        return Err(TokenError::Issuer);
    }
    let audiences = audiences(&claims);
    let is_authorized = match text("azp") {
        Some(party) => party == audience,
        None => audiences.len() == 1,
    };
    if !audiences.contains(&audience) || !is_authorized {
        return Err(TokenError::Audience);
    }
    let (issued, _) = check_times(&claims, now_s)?;
    if issued + ID_TOKEN_AGE_MAX_S < now_s {
        return Err(TokenError::Life);
    }
    if nonce.is_empty() || text("nonce") != Some(nonce) {
        return Err(TokenError::Nonce);
    }
    if text("sub").is_none_or(str::is_empty) {
        return Err(TokenError::Subject);
    }
    Ok(claims)
}

#[cfg(test)]
mod tests;
