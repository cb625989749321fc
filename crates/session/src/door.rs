//! The door of a service over HTTP: who gets a token of it, and whose token came with a request.

use http::{HeaderMap, header};
use xiezhi_crypto::PublicKey;
use xiezhi_problem::{Kind, Problem, kinds};

use crate::{Grant, LogInError, Sessions, token::TokenError};

/// How long a session lasts, in seconds.
const SESSION_LIFE_S: u64 = 600;
/// Most sessions and used assertions that are remembered, of each.
const REMEMBERED_MAX: usize = 10_000;

kinds! {
    UNAUTHENTICATED = "unauthenticated", UNAUTHORIZED, "Log in first: no good token came with the request", "请先登录:请求未携带有效令牌";
    ASSERTION_INVALID = "assertion-invalid", UNAUTHORIZED, "The client's assertion does not hold", "客户端断言无效";
}

/// The kinds of problem at a door.
#[must_use]
pub fn problem_kinds() -> &'static [&'static Kind] {
    kinds::ALL
}

impl From<TokenError> for Problem {
    /// An assertion that is refused, which is noted.
    fn from(error: TokenError) -> Self {
        tracing::info!(code = error.code(), "an assertion is refused");
        Self::new(&kinds::ASSERTION_INVALID, format!("{}: {error}", error.code()))
    }
}

/// The door of the service at an address, each of whose sessions holds a `T`.
#[derive(Debug)]
pub struct Door<T> {
    sessions: Sessions<T>,
    url: String,
    what: &'static str,
}

impl<T: Clone> Door<T> {
    /// The door of the service at `url`, which is called `what` in English.
    #[must_use]
    pub fn new(url: &str, what: &'static str) -> Self {
        let sessions = Sessions::new(REMEMBERED_MAX, SESSION_LIFE_S);
        Self { sessions, url: url.trim_end_matches('/').to_owned(), what }
    }

    /// Where the service is, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where tokens are asked for.
    #[must_use]
    pub fn token_endpoint(&self) -> String {
        format!("{}/v1/token", self.url)
    }

    /// Who sent a request with `headers`.
    ///
    /// # Errors
    /// A problem document.
    pub fn caller(&self, headers: &HeaderMap, now_s: u64) -> Result<T, Problem> {
        let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = value.and_then(|value| value.strip_prefix("Bearer "));
        let found = token.and_then(|token| self.sessions.find(token, now_s));
        found.ok_or_else(|| self.unknown())
    }

    /// What is said to who has no token that counts.
    #[must_use]
    pub fn unknown(&self) -> Problem {
        Problem::new(&kinds::UNAUTHENTICATED, format!("a token of this {} is needed", self.what))
    }

    /// As [`Sessions::log_in`], for assertions that are meant for this service.
    ///
    /// # Errors
    /// [`LogInError`].
    pub fn log_in(
        &self,
        assertion: &str,
        client: &str,
        keys: &[PublicKey],
        session: T,
        now_s: u64,
        random: [u8; 32],
    ) -> Result<Grant, LogInError> {
        let endpoint = self.token_endpoint();
        let audience = [endpoint.as_str(), self.url.as_str()];
        self.sessions.log_in(assertion, client, keys, &audience, session, now_s, random)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use xiezhi_crypto::{SignatureAlg, SigningKey};

    use super::*;
    use crate::token::sign_client_assertion;

    const NOW: u64 = 1_800_000_000;

    #[test]
    fn the_problems_have_codes_of_their_own_and_both_languages() {
        xiezhi_problem::check_kinds(kinds::ALL);
    }

    #[test]
    fn a_token_opens_the_door_that_gave_it() {
        let key = SigningKey::from_seed(SignatureAlg::Ed25519, &[1; 32]).unwrap();
        let doors = ["https://a.example/", "https://b.example"].map(|url| Door::new(url, "office"));
        assert_eq!(doors[0].token_endpoint(), "https://a.example/v1/token");
        let enter = |audience: &str, jti: &str| {
            let assertion = sign_client_assertion("gateway", &key, audience, jti, NOW).unwrap();
            doors[0].log_in(&assertion, "gateway", &[key.public_key()], 7, NOW, [2; 32])
        };
        assert!(enter("https://b.example", "1").is_err());
        let token = enter("https://a.example/v1/token", "2").unwrap().access_token;
        let with = |value: &str| {
            HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap())])
        };
        let bearer = with(&format!("Bearer {token}"));
        assert_eq!(doors[0].caller(&bearer, NOW).ok(), Some(7));
        assert!(doors[1].caller(&bearer, NOW).is_err());
        assert!(doors[0].caller(&with(&format!("Basic {token}")), NOW).is_err());
        assert!(doors[0].caller(&HeaderMap::new(), NOW).is_err());
    }
}
