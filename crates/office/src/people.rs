//! People at the office: who is behind a browser, by an issuer's word, by a passkey, or by nobody's in a demonstration.
//!
//! A session is a token in a cookie. What it may do is [`crate::policy`]'s to say, as for everybody.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use xiezhi_crypto::sha256;
use xiezhi_database::DatabaseError;
use xiezhi_session::{
    Expiring, Full, Sessions,
    passkey::{self, Passkey, PasskeyError, RelyingParty},
};
use xiezhi_types::TimestampMs;

use crate::{
    ClaimNames, Desk, DeskError, LoginError, OwnPasskey,
    oidc::{Begun, Issuer, IssuerConfig},
    policy::{Role, Session},
    roster::{Roster, Rosters},
};

/// How long a person's session lasts, in seconds.
const SESSION_LIFE_S: u64 = 3600;
/// How long a login may take, in seconds.
const LOGIN_LIFE_S: u64 = 600;
/// Most sessions, logins and ceremonies at the same time, of each.
const REMEMBERED_MAX: usize = 10_000;

/// What everybody's name begins with whom a demonstration let in.
const DEMONSTRATION: &str = "demonstration-";

/// Applicants of a demonstration whose applications are there from the beginning.
pub const EXAMPLES: [&str; 2] = ["example-person", "example-enterprise"];

/// Who is behind a browser.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// What the policy is asked about.
    pub session: Session,
    /// What an issuer said, and which of it counts.
    pub said: Option<(Map<String, Value>, ClaimNames)>,
    /// Issuer and subject by which an officer is known.
    known_by: Option<(String, String)>,
}

/// Why a passkey is not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It does not hold.
    #[error(transparent)]
    Passkey(#[from] PasskeyError),
    /// The key is not registered here.
    #[error("this passkey is not registered here")]
    Unknown,
    /// It is registered already.
    #[error("this passkey is registered already")]
    Known,
    /// The question is not this browser's, or too old.
    #[error("asked too long ago: try again")]
    Challenge,
    /// Too many at the same time.
    #[error(transparent)]
    Full(#[from] Full),
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// No randomness.
    #[error(transparent)]
    Desk(#[from] DeskError),
}

/// What a browser answers; every part in base64url.
#[derive(Debug, Clone, Deserialize)]
pub struct BrowserAnswer {
    /// The challenge, by which the question is found.
    pub challenge: String,
    /// `clientDataJSON`.
    pub client: String,
    /// The authenticator's data.
    pub authenticator: String,
    /// The credential's id.
    #[serde(default)]
    pub credential: String,
    /// The signature; empty when a key is registered.
    #[serde(default)]
    pub signature: String,
}

/// What a browser is asked.
#[derive(Debug, Clone, Serialize)]
pub struct BrowserQuestion {
    /// Random, in base64url.
    pub challenge: String,
    /// The relying party's name.
    pub party: String,
    /// Algorithms by their COSE numbers.
    pub algorithms: [i64; 3],
    /// Whose the new key is to be, in base64url.
    pub user: String,
}

/// The people.
pub struct People {
    desk: Desk,
    clock: fn() -> TimestampMs,
    origin: String,
    issuers: HashMap<String, Issuer>,
    rosters: Rosters,
    visitors: Sessions<Visitor>,
    logins: Expiring<String, Begun>,
    /// By challenge: whose the new key is to be, and who asked.
    questions: Expiring<String, (String, Option<String>)>,
}

pub(crate) fn random<const N: usize>() -> Result<[u8; N], DeskError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| DeskError::Internal("no randomness from the system"))?;
    Ok(bytes)
}

fn decode(text: &str) -> Result<Vec<u8>, PasskeyError> {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.decode(text).map_err(|_| PasskeyError::Malformed)
}

fn encode(bytes: &[u8]) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(bytes)
}

impl People {
    pub(crate) fn new(
        desk: Desk,
        clock: fn() -> TimestampMs,
        origin: &str,
        issuers: HashMap<String, IssuerConfig>,
        rosters: Rosters,
    ) -> Self {
        let issuers = issuers.into_iter().map(|(name, config)| (name, Issuer::new(config))).collect();
        Self {
            desk,
            clock,
            origin: origin.to_owned(),
            issuers,
            rosters,
            visitors: Sessions::new(REMEMBERED_MAX, SESSION_LIFE_S),
            logins: Expiring::new(REMEMBERED_MAX),
            questions: Expiring::new(REMEMBERED_MAX),
        }
    }

    /// The names of the issuers, in order.
    #[must_use]
    pub fn issuers(&self) -> Vec<String> {
        let mut names: Vec<_> = self.issuers.keys().cloned().collect();
        names.sort_unstable();
        names
    }

    fn party(&self) -> RelyingParty<'_> {
        let host = self.origin.split_once("://").map_or("", |(_, host)| host);
        RelyingParty { id: host.split(':').next().unwrap_or_default(), origin: &self.origin }
    }

    fn callback(&self) -> String {
        format!("{}/office/callback", self.origin)
    }

    fn now_s(&self) -> u64 {
        (self.clock)().seconds()
    }

    /// The officers at this moment.
    pub(crate) fn roster(&self) -> Roster {
        (self.rosters)()
    }

    /// Who has the token. An officer's session ends when he has its role no more, or is not who logged in by that issuer.
    #[must_use]
    pub fn visitor(&self, token: &str) -> Option<Visitor> {
        let visitor = self.visitors.find(token, self.now_s())?;
        if !self.is_still(&visitor) {
            let Session { principal, role, .. } = &visitor.session;
            tracing::info!(principal, role = role.name(), "the session ends with the role");
            self.leave(token);
            return None;
        }
        Some(visitor)
    }

    fn is_still(&self, visitor: &Visitor) -> bool {
        let Session { principal, role, .. } = &visitor.session;
        let is_demonstrating = self.desk.is_demonstration() && principal.starts_with(DEMONSTRATION);
        if *role == Role::Person || is_demonstrating {
            return true;
        }
        let roster = self.roster();
        match &visitor.known_by {
            Some((issuer, subject)) => roster.known_as(issuer, subject) == Some((principal, *role)),
            None => roster.role(principal) == Some(*role),
        }
    }

    /// The passkeys of who is logged in.
    ///
    /// # Errors
    /// [`DeskError::Database`].
    pub async fn passkeys(&self, visitor: &Visitor) -> Result<Vec<OwnPasskey>, DeskError> {
        self.desk.passkeys(&visitor.session.principal).await
    }

    /// Calls a passkey of who is logged in something else.
    ///
    /// # Errors
    /// [`DeskError::NotFound`].
    pub async fn name_passkey(&self, visitor: &Visitor, id: &str, name: &str) -> Result<(), DeskError> {
        self.desk.name_passkey(&visitor.session.principal, id, name).await
    }

    /// Removes a passkey of who is logged in with `token`, and ends every other session of his: whoever has the device is out.
    ///
    /// # Errors
    /// [`DeskError::NotFound`]; [`DeskError::LastPasskey`] unless `last_too`.
    pub async fn remove_passkey(
        &self,
        visitor: &Visitor,
        token: &str,
        id: &str,
        last_too: bool,
    ) -> Result<(), DeskError> {
        let principal = &visitor.session.principal;
        self.desk.remove_passkey(principal, id, last_too).await?;
        let is_same = |other: &Visitor| other.session.principal == *principal;
        self.visitors.close_others(token, is_same, self.now_s());
        tracing::info!(principal, "a passkey is removed");
        Ok(())
    }

    /// Ends the session of the token.
    pub fn leave(&self, token: &str) {
        self.visitors.close(token, self.now_s());
    }

    fn open(&self, visitor: Visitor) -> Result<String, DeskError> {
        let granted = self.visitors.open(visitor, self.now_s(), random()?);
        granted.map(|grant| grant.access_token).map_err(|_| DeskError::Internal("too many sessions"))
    }

    fn enter(&self, principal: String, role: Role) -> Result<String, DeskError> {
        let session = Session { principal, role, institution: self.desk.institution().to_owned() };
        self.open(Visitor { session, said: None, known_by: None })
    }

    /// Lets anybody in as anything, in a demonstration: as one of the [`EXAMPLES`], as somebody of the role `who`, or else as somebody new.
    ///
    /// # Errors
    /// [`DeskError::Denied`] where this is none.
    pub fn demonstrate(&self, who: &str) -> Result<String, DeskError> {
        if !self.desk.is_demonstration() {
            return Err(DeskError::Denied);
        }
        if EXAMPLES.contains(&who) {
            return self.enter(who.to_owned(), Role::Person);
        }
        let roles = [Role::Officer, Role::Protection, Role::Auditor];
        let role = roles.into_iter().find(|role| role.name() == who).unwrap_or(Role::Person);
        self.enter(format!("{DEMONSTRATION}{}", hex::encode(random::<8>()?)), role)
    }

    /// Where to log in, and the state that the browser keeps in a cookie meanwhile.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn begin(&self, name: &str) -> Result<(String, String), LoginError> {
        let now_s = self.now_s();
        let issuer = self.issuers.get(name).ok_or(LoginError::UnknownIssuer)?;
        let broken = |_| LoginError::Unavailable("no randomness".to_owned());
        let state = hex::encode(random::<32>().map_err(broken)?);
        let random = random().map_err(broken)?;
        let (url, begun) = issuer.begin(name, &self.callback(), &state, &random, now_s).await?;
        let kept = self.logins.insert(state.clone(), begun, now_s + LOGIN_LIFE_S, now_s);
        kept.map_err(|full| LoginError::Unavailable(full.to_string()))?;
        Ok((url, state))
    }

    /// Who came back from an issuer with `code`; `kept` is the state in the browser's cookie. A session's token.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn finish(
        &self,
        state: &str,
        kept: &str,
        issuer: Option<&str>,
        code: &str,
    ) -> Result<String, LoginError> {
        let now_s = self.now_s();
        let begun = self.logins.take(&state.to_owned(), now_s).filter(|_| state == kept);
        let begun = begun.ok_or(LoginError::State)?;
        let from = self.issuers.get(&begun.issuer).ok_or(LoginError::UnknownIssuer)?;
        // RFC 9207: an answer that another issuer gave is not taken to this one.
        if issuer.is_some_and(|issuer| issuer != from.config.issuer) {
            return Err(LoginError::Token(xiezhi_session::token::TokenError::Issuer));
        }
        let claims = from.finish(&begun, &self.callback(), code, now_s).await?;
        let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
        let roster = self.roster();
        let (principal, role) = match roster.known_as(&begun.issuer, subject) {
            Some((name, role)) => (name.to_owned(), role),
            // Says nothing of the person to who reads the history.
            None => {
                let digest = sha256(format!("{}\n{subject}", from.config.issuer).as_bytes());
                (format!("person-{}", hex::encode(&digest[..16])), Role::Person)
            }
        };
        let session = Session { principal, role, institution: self.desk.institution().to_owned() };
        let known_by = (role != Role::Person).then(|| (begun.issuer.clone(), subject.to_owned()));
        let said = (role == Role::Person).then(|| (claims, from.claim_names()));
        self.open(Visitor { session, said, known_by })
            .map_err(|error| LoginError::Unavailable(error.to_string()))
    }

    /// Asks the browser for a new key, for who is logged in or for somebody new; or, with `register` false, for a key that it has.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn question(&self, visitor: Option<&Visitor>, register: bool) -> Result<BrowserQuestion, KeyError> {
        let challenge = encode(&random::<32>()?);
        let principal = match visitor {
            _ if !register => String::new(),
            Some(visitor) => visitor.session.principal.clone(),
            None => format!("person-{}", hex::encode(random::<16>()?)),
        };
        let asker = visitor.map(|visitor| visitor.session.principal.clone());
        let now_s = self.now_s();
        self.questions.insert(challenge.clone(), (principal.clone(), asker), now_s + LOGIN_LIFE_S, now_s)?;
        Ok(BrowserQuestion {
            challenge,
            party: self.party().id.to_owned(),
            algorithms: passkey::ALGORITHMS,
            user: encode(principal.as_bytes()),
        })
    }

    /// Takes the browser's answer: a new key is kept, a known one lets in. A session's token.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn answer(
        &self,
        visitor: Option<&Visitor>,
        answer: &BrowserAnswer,
    ) -> Result<String, KeyError> {
        let now = (self.clock)();
        let now_s = now.seconds();
        let asked = self.questions.take(&answer.challenge, now_s);
        let (principal, asker) = asked.ok_or(KeyError::Challenge)?;
        let challenge = decode(&answer.challenge)?;
        let (client, authenticator) = (decode(&answer.client)?, decode(&answer.authenticator)?);
        if principal.is_empty() {
            let signature = decode(&answer.signature)?;
            let credential = decode(&answer.credential)?;
            let (principal, known) = self.desk.passkey(&credential).await?.ok_or(KeyError::Unknown)?;
            let counter =
                passkey::asserted(&known, &client, &authenticator, &signature, &challenge, self.party())?;
            self.desk.count_passkey(&credential, counter).await?;
            return Ok(self.enter(principal.clone(), self.role(&principal))?);
        }
        // Whoever logged in or out meanwhile is another.
        if visitor.map(|visitor| &visitor.session.principal) != asker.as_ref() {
            return Err(KeyError::Challenge);
        }
        let made: Passkey = passkey::registered(&client, &authenticator, &challenge, self.party())?;
        match self.desk.keep_passkey(&principal, &made, now).await {
            Err(DatabaseError::Exists) => return Err(KeyError::Known),
            other => other?,
        }
        tracing::info!(principal, "a passkey is registered");
        match visitor {
            Some(visitor) => Ok(self.open(visitor.clone())?),
            None => Ok(self.enter(principal.clone(), self.role(&principal))?),
        }
    }

    fn role(&self, principal: &str) -> Role {
        self.roster().role(principal).unwrap_or(Role::Person)
    }
}

#[cfg(test)]
mod tests;
