//! Bearer tokens (RFC 6750) for those who proved who they are, and the assertions that were used for it.

use serde::{Deserialize, Serialize};
use xiezhi_crypto::{PublicKey, sha256};

use crate::{
    Expiring, Full,
    token::{TokenError, client_assertion},
};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Why a client is not logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LogInError {
    /// Its assertion does not hold.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Too many sessions.
    #[error(transparent)]
    Full(#[from] Full),
}

/// The form that asks for a token (RFC 7523, section 2.2).
#[derive(Deserialize, utoipa::ToSchema)]
pub struct AssertionForm {
    /// `client_credentials`.
    pub grant_type: String,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`.
    pub client_assertion_type: String,
    /// A JSON Web Token, ES256 or EdDSA: `iss` and `sub` are the client, `aud` is the service's address or its token endpoint, `iat`, `exp` at
    /// most five minutes later, and a `jti` that was never used.
    pub client_assertion: String,
}

/// The answer to a request for a token (RFC 6749, section 5.1).
#[derive(Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Grant {
    /// The token, 64 hexadecimal digits.
    pub access_token: String,
    /// `Bearer`.
    pub token_type: &'static str,
    /// How long it is good, in seconds.
    pub expires_in: u64,
}

/// The sessions of a service, each with what the service holds of it. Gone when the process ends: a client logs in again.
#[derive(Debug)]
pub struct Sessions<T> {
    life_s: u64,
    /// By SHA-256 of the token.
    open: Expiring<[u8; 32], T>,
    /// The assertions that were used, by issuer and name.
    used: Expiring<(String, String), ()>,
}

impl<T: Clone> Sessions<T> {
    /// At most `capacity` at the same time, each of `life_s` seconds.
    #[must_use]
    pub fn new(capacity: usize, life_s: u64) -> Self {
        Self { life_s, open: Expiring::new(capacity), used: Expiring::new(capacity) }
    }

    /// Opens a session for somebody who is known already; `random` is 32 random bytes, never used before.
    ///
    /// # Errors
    /// [`Full`].
    pub fn open(&self, session: T, now_s: u64, random: [u8; 32]) -> Result<Grant, Full> {
        let access_token = hex::encode(random);
        self.open.insert(sha256(access_token.as_bytes()), session, now_s + self.life_s, now_s)?;
        Ok(Grant { access_token, token_type: "Bearer", expires_in: self.life_s })
    }

    /// Opens a session for `client`, whose `assertion` is signed by one of `keys` for one of the `audience`s and was never used.
    ///
    /// # Errors
    /// [`LogInError`].
    #[expect(
        clippy::too_many_arguments,
        reason = "each is another thing, and a struct of them would be used once"
    )]
    pub fn log_in(
        &self,
        assertion: &str,
        client: &str,
        keys: &[PublicKey],
        audience: &[&str],
        session: T,
        now_s: u64,
        random: [u8; 32],
    ) -> Result<Grant, LogInError> {
        let held = client_assertion(assertion, client, keys, audience, now_s)?;
        if !self.used.insert((client.to_owned(), held.jti), (), held.expires_s, now_s)? {
            return Err(TokenError::Replayed.into());
        }
        Ok(self.open(session, now_s, random)?)
    }

    /// The session of `token`.
    pub fn find(&self, token: &str, now_s: u64) -> Option<T> {
        self.open.find(&sha256(token.as_bytes()), now_s)
    }

    /// Ends the session of `token`, if there is one.
    pub fn close(&self, token: &str, now_s: u64) {
        self.open.take(&sha256(token.as_bytes()), now_s);
    }

    /// Ends every session for which `is_over`, but for that of the token `but`.
    pub fn close_others(&self, but: &str, is_over: impl Fn(&T) -> bool, now_s: u64) {
        let but = sha256(but.as_bytes());
        self.open.forget(|token, session| *token != but && is_over(session), now_s);
    }
}

/// Why the body of a request for a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// Another form, or none.
    #[error("not a form of a token request")]
    Malformed,
    /// Another grant or another kind of assertion.
    #[error("client_credentials with a jwt-bearer assertion is needed")]
    Grant,
}

/// The assertion in a request for a token (RFC 6749, section 4.4, with the client authenticated as in RFC 7523, section 2.2).
///
/// # Errors
/// [`FormError`].
pub fn assertion_in_form(body: &[u8]) -> Result<String, FormError> {
    let form: AssertionForm = serde_urlencoded::from_bytes(body).map_err(|_| FormError::Malformed)?;
    if form.grant_type != "client_credentials" || form.client_assertion_type != ASSERTION_TYPE {
        return Err(FormError::Grant);
    }
    Ok(form.client_assertion)
}

#[cfg(test)]
mod tests {
    use xiezhi_crypto::{SignatureAlg, SigningKey};

    use super::*;
    use crate::token::sign_client_assertion;

    const NOW: u64 = 1_800_000_000;

    fn key(n: u8) -> SigningKey {
        SigningKey::from_seed(SignatureAlg::Ed25519, &[n; 32]).unwrap()
    }

    fn assertion(by: u8, jti: &str) -> String {
        sign_client_assertion("ff01", &key(by), "https://a.example", jti, NOW).unwrap()
    }

    fn log_in(sessions: &Sessions<u8>, assertion: &str, random: u8) -> Result<String, LogInError> {
        let keys = [key(1).public_key(), key(2).public_key()];
        let granted =
            sessions.log_in(assertion, "ff01", &keys, &["https://a.example"], random, NOW, [random; 32]);
        granted.map(|grant| grant.access_token)
    }

    #[test]
    fn any_of_an_accounts_keys_opens_a_session_until_its_time_is_over() {
        let sessions = Sessions::new(10, 600);
        for by in [1, 2] {
            let token = log_in(&sessions, &assertion(by, &by.to_string()), by).unwrap();
            assert_eq!(sessions.find(&token, NOW + 599), Some(by));
            assert_eq!(sessions.find(&token[1..], NOW), None);
        }
        assert_eq!(log_in(&sessions, &assertion(3, "3"), 3), Err(TokenError::Signature.into()));
        let token = sessions.open(4, NOW, [4; 32]).unwrap().access_token;
        sessions.close(&token, NOW);
        assert_eq!(sessions.find(&token, NOW), None);
        assert_eq!(sessions.find(&hex::encode([1; 32]), NOW + 600), None);
    }

    #[test]
    fn whoever_ends_the_other_sessions_keeps_his_own() {
        let sessions = Sessions::new(10, 600);
        let open = |who: u8, n: u8| sessions.open(who, NOW, [n; 32]).unwrap().access_token;
        let (own, other, another) = (open(1, 1), open(1, 2), open(2, 3));
        sessions.close_others(&own, |who| *who == 1, NOW);
        let found = [own, other, another].map(|token| sessions.find(&token, NOW));
        assert_eq!(found, [Some(1), None, Some(2)]);
    }

    #[test]
    fn an_assertion_opens_one_session() {
        let sessions = Sessions::new(10, 600);
        let once = assertion(1, "once");
        log_in(&sessions, &once, 1).unwrap();
        assert_eq!(log_in(&sessions, &once, 2), Err(TokenError::Replayed.into()));
        assert_eq!(log_in(&sessions, &assertion(2, "once"), 2), Err(TokenError::Replayed.into()));
    }

    #[test]
    fn no_session_is_opened_beyond_the_capacity() {
        let sessions = Sessions::new(1, 600);
        log_in(&sessions, &assertion(1, "1"), 1).unwrap();
        assert_eq!(log_in(&sessions, &assertion(1, "2"), 2), Err(Full.into()));
        assert_eq!(sessions.find(&hex::encode([2; 32]), NOW), None);
    }

    #[test]
    fn a_form_with_another_grant_has_no_assertion() {
        let form = |grant: &str, kind: &str| {
            let body = format!("grant_type={grant}&client_assertion_type={kind}&client_assertion=a.b.c");
            assertion_in_form(body.as_bytes())
        };
        assert_eq!(form("client_credentials", ASSERTION_TYPE), Ok("a.b.c".to_owned()));
        assert_eq!(form("authorization_code", ASSERTION_TYPE), Err(FormError::Grant));
        assert_eq!(form("client_credentials", "saml2-bearer"), Err(FormError::Grant));
        assert_eq!(assertion_in_form(b"grant_type=client_credentials"), Err(FormError::Malformed));
    }
}
