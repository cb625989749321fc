//! The office at work: applications, decisions, erasure. Each method asks the policy first, then the rules, then changes rows in one
//! transaction.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use xiezhi_crypto::PublicKey;
use xiezhi_database::{Database, PersonKeys};
use xiezhi_types::TimestampMs;

use crate::{
    applicant::{Applicant, day_of},
    fetch::Fetcher,
    ledger::Ledger,
    policy::{Action, Role, Scope, Session, Target, allows, scope},
    problem::{Problem, kinds},
    provider::{ClaimNames, Evidence, judge},
    state::{Event, State},
    store::{self, Application, Listing, ms_of},
    token::{self, KeySet},
    wire::{self, Verb},
};

/// Before the number of a person who logged in; no party's name has a colon.
pub(crate) const PERSON: &str = "person:";
/// How long fetched keys of an issuer are good, in milliseconds; for an unknown key they are fetched again sooner.
const KEYS_AGE_MAX_MS: u64 = 3_600_000;
const KEYS_AGE_MIN_MS: u64 = 30_000;

/// Somebody who may ask, by the configuration.
#[derive(Debug, Clone)]
pub struct Party {
    /// The name: lower-case letters, digits and hyphens.
    pub name: String,
    /// The role.
    pub role: Role,
    /// The institution.
    pub institution: String,
    /// The key that its assertions are signed with.
    pub key: PublicKey,
}

/// An identity provider whose tokens are taken.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// Its identifier, and the address of its discovery document.
    pub issuer: String,
    /// What its tokens must name as their audience.
    pub audience: String,
    /// Which claims count.
    pub claims: ClaimNames,
}

/// How an office is.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The institution whose office this is.
    pub institution: String,
    /// Where it is reached from outside, without a slash at the end.
    pub public_url: String,
    /// Whether nobody checks anything, and everything is marked so.
    pub demonstration: bool,
    /// Who may ask.
    pub parties: Vec<Party>,
    /// Whose tokens are taken.
    pub issuers: Vec<Issuer>,
}

/// Tells the time; for tests another.
pub type Clock = Arc<dyn Fn() -> TimestampMs + Send + Sync>;

/// The office; cheap to clone.
#[derive(Clone)]
pub struct Office(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) settings: Settings,
    pub(crate) database: Database,
    pub(crate) keys: PersonKeys,
    pub(crate) ledger: Arc<dyn Ledger>,
    clock: Clock,
    fetcher: Fetcher,
    key_sets: Mutex<HashMap<String, (KeySet, u64)>>,
}

impl std::ops::Deref for Office {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// `N` random bytes in hexadecimal.
pub(crate) fn random_hex<const N: usize>() -> Result<String, Problem> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(hex::encode(bytes))
}

pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), Problem> {
    getrandom::fill(bytes).map_err(|_| Problem::new(&kinds::INTERNAL, "no randomness from the system"))
}

/// Where the data of an application is sealed for.
fn data_place(application: &str) -> String {
    format!("applications/{application}")
}

/// Where the reasons in its history are.
fn reason_place(application: &str) -> String {
    format!("events/{application}")
}

impl Office {
    /// An office over its database, keys and ledger.
    #[must_use]
    pub fn new(
        settings: Settings,
        database: Database,
        keys: PersonKeys,
        ledger: Arc<dyn Ledger>,
        clock: Clock,
    ) -> Self {
        let (fetcher, key_sets) = (Fetcher::new(), Mutex::default());
        Self(Arc::new(Inner { settings, database, keys, ledger, clock, fetcher, key_sets }))
    }

    pub(crate) fn now(&self) -> TimestampMs {
        (self.clock)()
    }

    /// Refuses what the policy does not allow, and says so in the log without naming anybody.
    pub(crate) fn permit(&self, session: &Session, action: Action, target: Target<'_>) -> Result<(), Problem> {
        if allows(session, action, target) {
            return Ok(());
        }
        tracing::warn!(role = ?session.role, ?action, "denied");
        let detail = format!("{action:?} is not for the role {:?} here", session.role);
        Err(Problem::new(&kinds::DENIED, detail))
    }

    pub(crate) fn permit_on(&self, session: &Session, action: Action, one: &Application) -> Result<(), Problem> {
        self.permit(session, action, target(one))
    }

    /// The application `id`, if the session may do `action` on it.
    pub(crate) async fn application_for(
        &self,
        session: &Session,
        action: Action,
        id: &str,
    ) -> Result<Application, Problem> {
        let found = store::find_application(&self.database, id).await?;
        let one = found.ok_or_else(|| Problem::not_found("application"))?;
        self.permit_on(session, action, &one)?;
        Ok(one)
    }

    /// Takes an application. The same idempotency key with the same content gives the same application.
    pub(crate) async fn apply(
        &self,
        session: &Session,
        applicant: &Applicant,
        key: Option<&str>,
    ) -> Result<(Application, bool), Problem> {
        let own = Target { owner: &session.principal, institution: &self.settings.institution };
        self.permit(session, Action::Apply, own)?;
        let now = self.now();
        applicant.check(day_of(now)).map_err(Problem::refused)?;
        let plain = serde_json::to_vec(applicant).map_err(|e| Problem::new(&kinds::INTERNAL, e))?;
        if let Some(known) = self.repeated(session, key, &plain).await? {
            return Ok((known, false));
        }
        let person = self.keys.person(&[&applicant.number_kind, &applicant.number]).await?;
        let id = random_hex::<16>()?;
        let one = Application {
            seq: 0,
            data: self.keys.seal(&person, &data_place(&id), &plain).await?,
            id,
            owner: session.principal.clone(),
            institution: self.settings.institution.clone(),
            kind: applicant.kind.name().to_owned(),
            demonstration: self.settings.demonstration,
            state: State::Submitted,
            nonce: random_hex::<16>()?,
            submitted: now,
            person,
        };
        let mut open = self.database.begin().await?;
        store::insert_application(&mut open, &one, &session.principal).await?;
        if let Some(key) = key {
            let mac = self.keys.mac(&one.person, &plain).await?;
            match store::remember(&mut open, &session.principal, key, &one.id, &mac).await {
                Err(xiezhi_database::DatabaseError::Exists) => {
                    return Err(Problem::new(&kinds::RACED, "the same key was used at the same time"));
                }
                other => other?,
            }
        }
        open.commit().await?;
        if one.demonstration {
            let (event, actor, reason) = self.judged(applicant, &Evidence::Demonstration)?;
            let state = self.advance(&one, event, &actor, Some(&reason)).await?;
            return Ok((Application { state, ..one }, true));
        }
        Ok((one, true))
    }

    async fn repeated(
        &self,
        session: &Session,
        key: Option<&str>,
        plain: &[u8],
    ) -> Result<Option<Application>, Problem> {
        let Some(key) = key else { return Ok(None) };
        let Some(known) = store::remembered(&self.database, &session.principal, key).await? else {
            return Ok(None);
        };
        let one = store::find_application(&self.database, &known.application).await?;
        let one = one.ok_or_else(|| Problem::not_found("application"))?;
        if self.keys.mac(&one.person, plain).await?[..] != known.mac[..] {
            return Err(Problem::new(&kinds::IDEMPOTENCY_MISMATCH, "another body came with this key before"));
        }
        Ok(Some(one))
    }

    fn judged(
        &self,
        applicant: &Applicant,
        evidence: &Evidence<'_>,
    ) -> Result<(Event, String, String), Problem> {
        let said = judge(applicant, evidence).map_err(|refused| Problem::refused(vec![refused]))?;
        Ok((said.event, format!("provider:{}", said.provider), said.reason))
    }

    /// Lets an event happen by itself, with its reason sealed.
    pub(crate) async fn advance(
        &self,
        one: &Application,
        event: Event,
        actor: &str,
        reason: Option<&str>,
    ) -> Result<State, Problem> {
        // Said before anything is sealed: nothing can be sealed for who is erased.
        one.state.after(event)?;
        let reason = match reason {
            Some(text) => {
                Some(self.keys.seal(&one.person, &reason_place(&one.id), text.as_bytes()).await?)
            }
            None => None,
        };
        let mut open = self.database.begin().await?;
        let state = store::advance(&mut open, one, event, actor, self.now(), reason).await?;
        open.commit().await?;
        Ok(state)
    }

    pub(crate) async fn applicant(&self, one: &Application) -> Result<Applicant, Problem> {
        let plain = self.keys.unseal(&one.person, &data_place(&one.id), &one.data).await?;
        serde_json::from_slice(&plain).map_err(|_| Problem::new(&kinds::INTERNAL, "sealed data of another form"))
    }

    /// An officer's decision.
    pub(crate) async fn decide(
        &self,
        session: &Session,
        id: &str,
        decision: &wire::Decision,
    ) -> Result<Application, Problem> {
        let one = self.application_for(session, Action::Decide, id).await?;
        let approve = decision.decision == Verb::Approve;
        let applicant = match one.state {
            State::Erased => return Err(one.state.after(Event::Approved).map_or_else(Problem::from, |_| unreachable())),
            _ => self.applicant(&one).await?,
        };
        let evidence = Evidence::Officer { approve, reason: &decision.reason };
        let (judged, _, reason) = self.judged(&applicant, &evidence)?;
        let event = if decision.decision == Verb::Rescind { Event::Rescinded } else { judged };
        let state = self.advance(&one, event, &session.principal, Some(&reason)).await?;
        if event == Event::Rescinded {
            self.revoke_all(&one, &session.principal).await?;
        }
        Ok(Application { state, ..one })
    }

    /// Takes an application back.
    pub(crate) async fn withdraw(&self, session: &Session, id: &str) -> Result<Application, Problem> {
        let one = self.application_for(session, Action::Withdraw, id).await?;
        let state = self.advance(&one, Event::Withdrawn, &session.principal, None).await?;
        Ok(Application { state, ..one })
    }

    /// Judges by an identity provider's token.
    pub(crate) async fn assert(
        &self,
        session: &Session,
        id: &str,
        id_token: &str,
    ) -> Result<Application, Problem> {
        let one = self.application_for(session, Action::Assert, id).await?;
        one.state.after(Event::Approved)?;
        let applicant = self.applicant(&one).await?;
        let outcome = self.asserted(&one, &applicant, id_token).await;
        match outcome {
            Ok((event, actor, reason)) => {
                let state = self.advance(&one, event, &actor, Some(&reason)).await?;
                Ok(Application { state, ..one })
            }
            Err(problem) => {
                if problem.kind.status.is_client_error() {
                    let why = format!("{}: {}", problem.kind.code, problem.detail);
                    self.advance(&one, Event::AssertionRefused, &session.principal, Some(&why)).await?;
                }
                Err(problem)
            }
        }
    }

    async fn asserted(
        &self,
        one: &Application,
        applicant: &Applicant,
        id_token: &str,
    ) -> Result<(Event, String, String), Problem> {
        let invalid = |error: token::TokenError| {
            Problem::new(&kinds::ID_TOKEN_INVALID, format!("{}: {error}", error.code()))
        };
        let named = token::unverified_issuer(id_token).map_err(invalid)?;
        let issuer = self.settings.issuers.iter().find(|known| known.issuer == named);
        let issuer = issuer.ok_or_else(|| Problem::new(&kinds::ISSUER_UNKNOWN, "no such issuer is configured"))?;
        let now = self.now().seconds();
        let check = |keys: &KeySet| {
            token::id_token(id_token, &issuer.issuer, &issuer.audience, &one.nonce, keys, now)
        };
        let mut claims = check(&self.key_set(&issuer.issuer, KEYS_AGE_MAX_MS).await?);
        if claims == Err(token::TokenError::UnknownKey) {
            // The issuer may have changed its keys.
            claims = check(&self.key_set(&issuer.issuer, KEYS_AGE_MIN_MS).await?);
        }
        let claims = claims.map_err(invalid)?;
        self.judged(applicant, &Evidence::Assertion { claims: &claims, names: &issuer.claims })
    }

    /// The issuer's keys, not older than `age_max_ms`.
    pub(crate) async fn key_set(&self, issuer: &str, age_max_ms: u64) -> Result<KeySet, Problem> {
        let now = self.now().0;
        let known = self.key_sets.lock().unwrap_or_else(PoisonError::into_inner).get(issuer).cloned();
        if let Some((keys, _)) = known.filter(|(_, at)| at + age_max_ms > now) {
            return Ok(keys);
        }
        let unavailable = |error: crate::fetch::FetchError| {
            tracing::warn!(%error, "an issuer");
            Problem::new(&kinds::ISSUER_UNAVAILABLE, "its keys cannot be fetched")
        };
        let discovery: Discovery = self
            .fetcher
            .json(&format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/')))
            .await
            .map_err(unavailable)?;
        if discovery.issuer != issuer {
            return Err(Problem::new(&kinds::ISSUER_UNAVAILABLE, "its discovery document names another issuer"));
        }
        let keys: KeySet = self.fetcher.json(&discovery.jwks_uri).await.map_err(unavailable)?;
        let mut known = self.key_sets.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(issuer.to_owned(), (keys.clone(), now));
        Ok(keys)
    }

    /// Applications that the session may list, after the row `after`.
    pub(crate) async fn list(
        &self,
        session: &Session,
        state: Option<State>,
        after: i64,
        limit: usize,
    ) -> Result<wire::ApplicationPage, Problem> {
        let own = Target { owner: &session.principal, institution: &self.settings.institution };
        self.permit(session, Action::List, own)?;
        let is_own = scope(session.role, Action::List) == Scope::Own;
        let listing = Listing {
            institution: &session.institution,
            owner: is_own.then_some(session.principal.as_str()),
            state,
            after,
            limit: limit as i64 + 1,
        };
        let mut found = store::list_applications(&self.database, &listing).await?;
        let more = found.len() > limit;
        found.truncate(limit);
        let next = more.then(|| found.last().map(|one| one.seq.to_string())).flatten();
        Ok(wire::ApplicationPage { applications: found.iter().map(row).collect(), next })
    }

    /// An application with as much of it as the session may see. Whoever is not its owner and reads the data is noted.
    pub(crate) async fn show(&self, session: &Session, id: &str) -> Result<wire::Application, Problem> {
        let mut one = self.application_for(session, Action::ReadHistory, id).await?;
        let mut applicant = None;
        if one.state != State::Erased && allows(session, Action::ReadData, target(&one)) {
            applicant = Some(self.applicant(&one).await?);
            if session.principal != one.owner {
                one.state = self.advance(&one, Event::Read, &session.principal, None).await?;
            }
        }
        let mut history = Vec::new();
        for happened in store::history(&self.database, id).await? {
            let reason = match happened.reason.filter(|_| applicant.is_some()) {
                Some(sealed) => {
                    let plain = self.keys.unseal(&one.person, &reason_place(id), &sealed).await?;
                    String::from_utf8(plain.to_vec()).ok()
                }
                None => None,
            };
            let (actor, event) = (happened.actor, happened.event);
            history.push(wire::HistoryEntry { time: happened.at.rfc3339(), actor, event, reason });
        }
        let bindings = self.bindings(&one).await?;
        let nonce = (session.principal == one.owner && one.state == State::Submitted).then(|| one.nonce.clone());
        Ok(wire::Application { row: row(&one), nonce, applicant, history, bindings })
    }

    /// What anybody may know of the office.
    pub(crate) fn about(&self) -> wire::Office {
        let settings = &self.settings;
        let issuer = |one: &Issuer| wire::Issuer { issuer: one.issuer.clone(), audience: one.audience.clone() };
        wire::Office {
            institution: settings.institution.clone(),
            ledger: self.ledger.id().to_string(),
            account: self.ledger.office().to_string(),
            demonstration: settings.demonstration,
            token_endpoint: self.token_endpoint(),
            issuers: settings.issuers.iter().map(issuer).collect(),
        }
    }

    pub(crate) fn token_endpoint(&self) -> String {
        format!("{}/v1/token", self.settings.public_url)
    }
}

#[derive(serde::Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

pub(crate) fn target(one: &Application) -> Target<'_> {
    Target { owner: &one.owner, institution: &one.institution }
}

pub(crate) fn row(one: &Application) -> wire::ApplicationRow {
    wire::ApplicationRow {
        id: one.id.clone(),
        kind: one.kind.clone(),
        state: one.state.name().to_owned(),
        demonstration: one.demonstration,
        submitted: one.submitted.rfc3339(),
    }
}
