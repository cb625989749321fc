//! The office as a relying party (OpenID Connect Core 1.0, authorization code flow, with PKCE as in RFC 7636).
//!
//! ```text
//! browser --log in--> office --state, nonce, PKCE challenge--> issuer --code--> browser --code, state--> office --code, verifier--> issuer
//!                                                                                                              <--identity token--
//! ```

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderValue, header};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use xiezhi_client::{Foreign, Host};
use xiezhi_crypto::sha256;
use xiezhi_session::token::{KeySet, TokenError, id_token};

use crate::ClaimNames;

/// How long an issuer's addresses and keys are kept, in seconds.
const KEPT_S: u64 = 3600;
/// How often keys are fetched anew at most, when a token names an unknown one, in seconds.
const REFETCH_S: u64 = 60;

/// An issuer that the office believes, as configured.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerConfig {
    /// Its address, exactly as its tokens have it.
    pub issuer: String,
    /// The office's name there.
    pub client_id: String,
    /// The office's secret there, if it has one: the name of its file, then what it contains.
    pub client_secret: Option<String>,
    /// What is asked for.
    #[serde(default = "openid")]
    pub scope: String,
    /// The claim with a person's number.
    pub number_claim: String,
    /// The claim with a person's name.
    pub name_claim: String,
    /// Officers who log in here: subject to officer's name. What counts is the [`crate::Roster`], which has it anew whenever it is asked.
    #[serde(default)]
    pub officers: std::collections::HashMap<String, String>,
}

fn openid() -> String {
    "openid profile".to_owned()
}

/// Why nobody is logged in. Holds nothing of a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    /// No such issuer.
    #[error("no issuer of that name is configured")]
    UnknownIssuer,
    /// The browser did not begin this login, or too long ago.
    #[error("this login was not begun in this browser, or too long ago: begin again")]
    State,
    /// The issuer let nobody in.
    #[error("the issuer refused: {0}")]
    Issuer(String),
    /// The issuer cannot be used.
    #[error("the issuer does not answer as it should: {0}")]
    Unavailable(String),
    /// Its token does not hold.
    #[error(transparent)]
    Token(#[from] TokenError),
}

/// What is published at `/.well-known/openid-configuration`.
#[derive(Debug, Clone, Deserialize)]
struct Discovery {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
}

#[derive(Clone)]
struct Known {
    discovery: Discovery,
    keys: KeySet,
    at_s: u64,
}

/// An issuer, with what is known of it.
pub(crate) struct Issuer {
    pub(crate) config: IssuerConfig,
    known: Mutex<Option<Known>>,
}

/// A login that was begun.
#[derive(Clone)]
pub(crate) struct Begun {
    pub(crate) issuer: String,
    nonce: String,
    verifier: String,
}

/// Whether nobody can listen on the way there: https, or this machine itself.
fn is_private(url: &str) -> bool {
    let own = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
    let is_own = own
        .iter()
        .any(|own| url.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/'])));
    url.starts_with("https://") || is_own
}

fn unavailable(reason: impl ToString) -> LoginError {
    LoginError::Unavailable(reason.to_string())
}

async fn fetch<T: serde::de::DeserializeOwned>(
    url: &str,
    asked: Foreign,
    authorization: Option<String>,
) -> Result<T, LoginError> {
    if !is_private(url) {
        return Err(unavailable("an address without https"));
    }
    let (host, target) = Host::of(url).map_err(unavailable)?;
    let value = authorization.and_then(|value| HeaderValue::try_from(value).ok());
    let headers = value.map(|value| (header::AUTHORIZATION, value)).into_iter().collect();
    let bytes = host.ask(&target, asked, headers).await.map_err(unavailable)?;
    serde_json::from_slice(&bytes).map_err(unavailable)
}

fn form(pairs: &[(&str, &str)]) -> String {
    serde_urlencoded::to_string(pairs).unwrap_or_default()
}

impl Issuer {
    pub(crate) fn new(config: IssuerConfig) -> Self {
        Self { config, known: Mutex::new(None) }
    }

    pub(crate) fn claim_names(&self) -> ClaimNames {
        ClaimNames { number: self.config.number_claim.clone(), name: self.config.name_claim.clone() }
    }

    async fn known(&self, now_s: u64, oldest_s: u64) -> Result<Known, LoginError> {
        let mut kept = self.known.lock().await;
        if let Some(known) = &*kept
            && known.at_s >= oldest_s
        {
            return Ok(known.clone());
        }
        let address = self.config.issuer.trim_end_matches('/');
        let discovery: Discovery =
            fetch(&format!("{address}/.well-known/openid-configuration"), Foreign::Get, None).await?;
        if discovery.issuer != self.config.issuer {
            return Err(unavailable("it calls itself otherwise than it is configured"));
        }
        let keys = fetch(&discovery.jwks_uri, Foreign::Get, None).await?;
        let known = Known { discovery, keys, at_s: now_s };
        *kept = Some(known.clone());
        Ok(known)
    }

    /// Where the browser goes, and what is remembered meanwhile; `random` is 64 random bytes.
    pub(crate) async fn begin(
        &self,
        name: &str,
        callback: &str,
        state: &str,
        random: &[u8; 64],
        now_s: u64,
    ) -> Result<(String, Begun), LoginError> {
        let known = self.known(now_s, now_s.saturating_sub(KEPT_S)).await?;
        let (nonce, verifier) = random.split_at(32);
        let (nonce, verifier) = (URL_SAFE_NO_PAD.encode(nonce), URL_SAFE_NO_PAD.encode(verifier));
        let challenge = URL_SAFE_NO_PAD.encode(sha256(verifier.as_bytes()));
        let query = form(&[
            ("response_type", "code"),
            ("client_id", &self.config.client_id),
            ("redirect_uri", callback),
            ("scope", &self.config.scope),
            ("state", state),
            ("nonce", &nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        let endpoint = &known.discovery.authorization_endpoint;
        if !is_private(endpoint) {
            return Err(unavailable("an address without https"));
        }
        let separator = if endpoint.contains('?') { '&' } else { '?' };
        Ok((format!("{endpoint}{separator}{query}"), Begun { issuer: name.to_owned(), nonce, verifier }))
    }

    /// The claims of the identity token that the issuer gives for `code`.
    pub(crate) async fn finish(
        &self,
        begun: &Begun,
        callback: &str,
        code: &str,
        now_s: u64,
    ) -> Result<Map<String, Value>, LoginError> {
        #[derive(Deserialize)]
        struct Answer {
            id_token: String,
        }
        let known = self.known(now_s, now_s.saturating_sub(KEPT_S)).await?;
        let config = &self.config;
        let mut pairs = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", callback),
            ("code_verifier", &begun.verifier),
        ];
        // RFC 6749, section 2.3.1: the name and the secret are encoded as in a form.
        let basic = config.client_secret.as_ref().map(|secret| {
            let encoded = |text: &str| form(&[("", text)])[1..].to_owned();
            let pair = format!("{}:{}", encoded(&config.client_id), encoded(secret.trim()));
            format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
        });
        if basic.is_none() {
            pairs.push(("client_id", &config.client_id));
        }
        let asked = form(&pairs);
        let endpoint = &known.discovery.token_endpoint;
        let answer: Answer =
            fetch(endpoint, Foreign::Post("application/x-www-form-urlencoded", asked.into()), basic).await?;
        let check = |keys: &KeySet| {
            id_token(&answer.id_token, &config.issuer, &config.client_id, &begun.nonce, keys, now_s)
        };
        match check(&known.keys) {
            // It has new keys.
            Err(TokenError::UnknownKey) => {
                let fresh = self.known(now_s, now_s.saturating_sub(REFETCH_S)).await?;
                Ok(check(&fresh.keys)?)
            }
            other => Ok(other?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_an_address_that_others_can_listen_to() {
        for url in ["https://id.example", "http://127.0.0.1:80/x", "http://localhost", "http://[::1]:8/"] {
            assert!(is_private(url), "{url}");
        }
        for url in
            ["http://id.example", "http://localhost.example", "http://127.0.0.1.example", "ftp://x", ""]
        {
            assert!(!is_private(url), "{url}");
        }
    }
}
