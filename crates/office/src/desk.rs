//! The office at work: applications in the database, decisions by the policy, bindings on the ledger, erasure.
//!
//! Whoever acts is a [`Session`]; [`crate::policy`] says whether it may. The clock is an argument.

macro_rules! select_application {
    ($rest:literal) => {
        concat!(
            "SELECT seq, id, person, owner, institution, kind, state, data, submitted_ms, demonstration, provider \
            FROM applications ",
            $rest
        )
    };
}

mod once;
mod passkeys;
mod records;

use xiezhi_crypto::sha256;
use xiezhi_database::{
    Database, DatabaseError, MIGRATIONS, PersonId, PersonKeyError, PersonKeys, Row, Value,
};
use xiezhi_depositor::{LedgerError, NodeLedger};
use xiezhi_evidence::{Body, Certificate, Manifest, manifest::Salt};
use xiezhi_types::{AccountId, GroupId, Refusal, TimestampMs, canonical, from_canonical};

use crate::{
    Applicant, Event, Evidence, State, WrongState,
    binding::{self, Binding, Challenge, PossessionError, check_possession},
    day_of, judge,
    people::random,
    policy::{Action, Scope, Session, Target, allows, scope},
};

use once::{Asked, Once};

pub use passkeys::OwnPasskey;
pub use records::OnRecord;

/// How long a challenge is good for, in milliseconds.
const CHALLENGE_LIFE_MS: u64 = 600_000;
/// Most applications of a list.
pub const LIST_MAX: u32 = 100;

/// Why the office does not do what was asked. Names nobody.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeskError {
    /// Rules that failed.
    #[error("{}", Refusal::line(.0))]
    Refused(Vec<Refusal>),
    /// The policy says no.
    #[error("the policy does not allow this")]
    Denied,
    /// There is no such application, or it is none of the session's business.
    #[error("there is no such application")]
    NotFound,
    /// It cannot happen in this state.
    #[error(transparent)]
    WrongState(#[from] WrongState),
    /// Somebody else changed it at the same time.
    #[error("somebody else changed it at the same time: look again")]
    Raced,
    /// An idempotency key with another body.
    #[error("the idempotency key was used with another body")]
    Reused,
    /// The challenge is not this application's, or too old.
    #[error("the challenge is unknown or has expired: ask for another")]
    Challenge,
    /// The account is not on the ledger.
    #[error("the account does not exist on the ledger")]
    NoAccount,
    /// The account's keys did not sign.
    #[error(transparent)]
    Possession(#[from] PossessionError),
    /// The account is not bound to the application.
    #[error("this account is not bound to this application")]
    NoBinding,
    /// The binding was revoked.
    #[error("this account's binding was revoked, for ever: apply anew")]
    Revoked,
    /// The last passkey, and it was not said that it is meant.
    #[error("this is the last passkey: nobody may be able to log in again without it")]
    LastPasskey,
    /// Recorded, but not sealed yet.
    #[error("the binding is recorded but not sealed yet: ask again")]
    NotSealed,
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The keys of persons.
    #[error(transparent)]
    Keys(#[from] PersonKeyError),
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// What is stored cannot be read, or there is no randomness.
    #[error("{0}")]
    Internal(&'static str),
}

/// An application without anybody's data.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Application {
    /// Its name.
    pub id: String,
    /// `person` or `enterprise`.
    pub kind: String,
    /// How it stands.
    pub state: State,
    /// When it came, RFC 3339.
    pub submitted: String,
    /// Whether it is one of a demonstration, in which nobody checks anything.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub demonstration: bool,
    #[serde(skip)]
    provider: String,
    #[serde(skip)]
    seq: i64,
    #[serde(skip)]
    person: PersonId,
    #[serde(skip)]
    owner: String,
    #[serde(skip)]
    institution: String,
    #[serde(skip)]
    data: Vec<u8>,
}

/// One thing that happened to it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Happened {
    /// When, RFC 3339.
    pub time: String,
    /// Who did it.
    pub actor: String,
    /// What.
    pub event: String,
    /// Why; left out for who may not read the data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// An application with as much of it as the session may see.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Dossier {
    /// The application.
    #[serde(flatten)]
    pub application: Application,
    /// Who applied; left out for who may not read it, and once it is erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applicant: Option<Applicant>,
    /// What happened, oldest first.
    pub history: Vec<Happened>,
    /// The accounts that are bound.
    pub accounts: Vec<String>,
    /// The bindings that were revoked, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub revoked: Vec<OnRecord>,
}

/// An office: its database, the keys of persons, and whose it is; cheap to clone.
#[derive(Clone)]
pub struct Desk {
    database: Database,
    keys: PersonKeys,
    institution: String,
    demonstration: bool,
}

fn ms(time: TimestampMs) -> Value {
    i64::try_from(time.0).unwrap_or(i64::MAX).into()
}

fn time(row: &Row, column: usize) -> Result<TimestampMs, DatabaseError> {
    Ok(TimestampMs(u64::try_from(row.int(column)?).unwrap_or_default()))
}

fn application(row: &Row) -> Result<Application, DeskError> {
    Ok(Application {
        seq: row.int(0)?,
        id: row.text(1)?.to_owned(),
        person: PersonId(row.text(2)?.to_owned()),
        owner: row.text(3)?.to_owned(),
        institution: row.text(4)?.to_owned(),
        kind: row.text(5)?.to_owned(),
        state: State::from_name(row.text(6)?).ok_or(DeskError::Internal("a state that is none"))?,
        data: row.bytes(7)?.to_vec(),
        submitted: time(row, 8)?.rfc3339(),
        demonstration: row.int(9)? != 0,
        provider: row.text(10)?.to_owned(),
    })
}

impl Application {
    fn target(&self) -> Target<'_> {
        Target { owner: &self.owner, institution: &self.institution }
    }
}

impl Desk {
    /// Opens the office of `institution`: its database, brought to this version, and the keys of persons under `master`.
    ///
    /// # Errors
    /// [`DeskError::Database`], [`DeskError::Keys`].
    pub async fn open(
        database: &str,
        keys: &str,
        master: &[u8; 32],
        institution: &str,
    ) -> Result<Self, DeskError> {
        let database = Database::open(database).await?;
        database.migrate(MIGRATIONS).await?;
        let keys = PersonKeys::open(keys, master).await?;
        Ok(Self { database, keys, institution: institution.to_owned(), demonstration: false })
    }

    /// From now on whatever is applied for is a demonstration, and says so for ever.
    #[must_use]
    pub fn demonstrating(mut self, demonstration: bool) -> Self {
        self.demonstration = demonstration;
        self
    }

    /// Whether this is a demonstration.
    #[must_use]
    pub fn is_demonstration(&self) -> bool {
        self.demonstration
    }

    /// Whose office this is.
    #[must_use]
    pub fn institution(&self) -> &str {
        &self.institution
    }

    fn own<'a>(&'a self, session: &'a Session) -> Target<'a> {
        Target { owner: &session.principal, institution: &self.institution }
    }

    /// Takes an application. The same `key` with the same content gives the same application.
    ///
    /// # Errors
    /// [`DeskError::Refused`] with every rule that failed; [`DeskError::Reused`], [`DeskError::Denied`].
    pub async fn apply(
        &self,
        session: &Session,
        applicant: &Applicant,
        key: Option<&str>,
        now: TimestampMs,
    ) -> Result<Application, DeskError> {
        permit(session, Action::Apply, self.own(session))?;
        applicant.check(day_of(now)).map_err(DeskError::Refused)?;
        let plain = serde_json::to_vec(applicant).map_err(|_| DeskError::Internal("no JSON"))?;
        let person = self.keys.person(&[&applicant.number_kind, &applicant.number]).await?;
        let once = match self.asked(session, key, &person, &plain).await? {
            Asked::Before(id) => return self.find(&id).await,
            Asked::Now(once) => once,
        };
        let id = hex::encode(random::<16>()?);
        let data = self.keys.seal(&person, &data_place(&id), &plain).await?;
        let mut open = self.database.begin().await?;
        let sql = "INSERT INTO applications \
            (id, person, owner, institution, kind, demonstration, state, data, submitted_ms) \
            VALUES ($1, $2, $3, $4, $5, $8, 'submitted', $6, $7)";
        let values = vec![
            id.as_str().into(),
            person.0.as_str().into(),
            session.principal.as_str().into(),
            self.institution.as_str().into(),
            applicant.kind.name().into(),
            data.into(),
            ms(now),
            i64::from(self.demonstration).into(),
        ];
        open.execute(sql, values).await?;
        note(&mut open, &id, Event::Submitted, &session.principal, now, None).await?;
        if let Some(once) = once {
            once.done(&mut open, &id).await?;
        }
        open.commit().await?;
        self.find(&id).await
    }

    async fn find(&self, id: &str) -> Result<Application, DeskError> {
        let rows = self.database.query(select_application!("WHERE id = $1"), vec![id.into()]).await?;
        rows.first().map(application).transpose()?.ok_or(DeskError::NotFound)
    }

    async fn find_for(&self, session: &Session, action: Action, id: &str) -> Result<Application, DeskError> {
        let one = self.find(id).await?;
        if allows(session, action, one.target()) {
            return Ok(one);
        }
        tracing::info!(principal = session.principal, ?action, application = id, "denied");
        // Who may not even know that it exists is not told.
        let is_known = allows(session, Action::List, one.target());
        Err(if is_known { DeskError::Denied } else { DeskError::NotFound })
    }

    /// The applications that the session may list, in the order they came, after the one with the id `after`; at most 100.
    ///
    /// # Errors
    /// [`DeskError::Denied`], [`DeskError::NotFound`] for an unknown `after`.
    pub async fn list(
        &self,
        session: &Session,
        state: Option<State>,
        after: Option<&str>,
    ) -> Result<Vec<Application>, DeskError> {
        permit(session, Action::List, self.own(session))?;
        let after = match after {
            Some(id) => self.find_for(session, Action::List, id).await?.seq,
            None => 0,
        };
        let is_own = scope(session.role, Action::List) == Scope::Own;
        let sql = select_application!(
            "WHERE institution = $1 AND ($2 = '' OR owner = $2) AND ($3 = '' OR state = $3) AND seq > $4 \
            ORDER BY seq LIMIT $5"
        );
        let values = vec![
            session.institution.as_str().into(),
            if is_own { session.principal.as_str() } else { "" }.into(),
            state.map(State::name).unwrap_or_default().into(),
            after.into(),
            i64::from(LIST_MAX).into(),
        ];
        self.database.query(sql, values).await?.iter().map(application).collect()
    }

    /// An application with as much of it as the session may see. Whoever reads another's data is noted.
    ///
    /// # Errors
    /// [`DeskError::NotFound`], [`DeskError::Denied`].
    pub async fn show(&self, session: &Session, id: &str, now: TimestampMs) -> Result<Dossier, DeskError> {
        let one = self.find_for(session, Action::ReadHistory, id).await?;
        let mut applicant = None;
        if one.state != State::Erased && allows(session, Action::ReadData, one.target()) {
            applicant = Some(self.applicant(&one).await?);
            if session.principal != one.owner {
                self.advance(&one, Event::Read, &session.principal, now, None, None).await?;
            }
        }
        self.dossier(one, applicant).await
    }

    /// How an application stands, without anybody's data.
    ///
    /// # Errors
    /// [`DeskError::NotFound`], [`DeskError::Denied`].
    pub async fn standing(&self, session: &Session, id: &str) -> Result<Dossier, DeskError> {
        let one = self.find_for(session, Action::ReadHistory, id).await?;
        self.dossier(one, None).await
    }

    async fn dossier(&self, one: Application, applicant: Option<Applicant>) -> Result<Dossier, DeskError> {
        let id = one.id.as_str();
        let sql = "SELECT at_ms, actor, event, reason FROM events WHERE application = $1 ORDER BY seq";
        let mut history = Vec::new();
        for row in self.database.query(sql, vec![id.into()]).await? {
            let reason = match row.optional_bytes(3)?.filter(|_| applicant.is_some()) {
                Some(sealed) => {
                    let plain = self.keys.unseal(&one.person, &reason_place(id), sealed).await?;
                    String::from_utf8(plain.to_vec()).ok()
                }
                None => None,
            };
            let (actor, event) = (row.text(1)?.to_owned(), row.text(2)?.to_owned());
            history.push(Happened { time: time(&row, 0)?.rfc3339(), actor, event, reason });
        }
        let revoked = self.revocations(id).await?;
        let mut accounts = self.bindings(id).await?;
        accounts.retain(|account| !revoked.iter().any(|one| one.account == *account));
        Ok(Dossier { application: one, applicant, history, accounts, revoked })
    }

    /// The accounts that were ever bound to an application.
    async fn bindings(&self, id: &str) -> Result<Vec<String>, DatabaseError> {
        let sql = "SELECT account FROM bindings WHERE application = $1 ORDER BY seq";
        let rows = self.database.query(sql, vec![id.into()]).await?;
        rows.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
    }

    async fn applicant(&self, one: &Application) -> Result<Applicant, DeskError> {
        let plain = self.keys.unseal(&one.person, &data_place(&one.id), &one.data).await?;
        serde_json::from_slice(&plain).map_err(|_| DeskError::Internal("sealed data of another form"))
    }

    async fn advance(
        &self,
        one: &Application,
        event: Event,
        actor: &str,
        now: TimestampMs,
        said: Option<(&str, &str)>,
        once: Option<Once<'_>>,
    ) -> Result<State, DeskError> {
        // Said before anything is sealed: nothing can be sealed for who is erased.
        one.state.after(event)?;
        let reason = match said {
            Some((text, _)) => {
                Some(self.keys.seal(&one.person, &reason_place(&one.id), text.as_bytes()).await?)
            }
            None => None,
        };
        let mut open = self.database.begin().await?;
        let state = step(&mut open, one, event, actor, now, reason).await?;
        if let Some((_, provider)) = said.filter(|(_, provider)| !provider.is_empty()) {
            let sql = "UPDATE applications SET provider = $1 WHERE id = $2";
            open.execute(sql, vec![provider.into(), one.id.as_str().into()]).await?;
        }
        if let Some(once) = once {
            once.done(&mut open, &one.id).await?;
        }
        open.commit().await?;
        Ok(state)
    }

    /// What a provider says of an application: an officer's decision, an identity provider's token, a demonstration. Evidence that does not
    /// fit changes nothing but the history. An officer's decision that is repeated under the same `key` changes nothing.
    ///
    /// # Errors
    /// [`DeskError::Denied`], [`DeskError::WrongState`], [`DeskError::Refused`] without a reason, or when the evidence does not fit.
    pub async fn decide(
        &self,
        session: &Session,
        id: &str,
        evidence: &Evidence<'_>,
        key: Option<&str>,
        now: TimestampMs,
    ) -> Result<State, DeskError> {
        let action =
            if matches!(evidence, Evidence::Officer { .. }) { Action::Decide } else { Action::Assert };
        let one = self.find_for(session, action, id).await?;
        let mut once = None;
        if let Evidence::Officer { approve, reason } = evidence {
            let what = format!("decision {id} {approve}\n{reason}");
            match self.asked(session, key, &one.person, what.as_bytes()).await? {
                Asked::Before(_) => return Ok(one.state),
                Asked::Now(new) => once = new,
            }
        }
        if matches!(evidence, Evidence::Demonstration) && !one.demonstration {
            return Err(DeskError::Denied);
        }
        let refusing = matches!(evidence, Evidence::Officer { approve: false, .. });
        one.state.after(if refusing { Event::Refused } else { Event::Approved })?;
        let applicant = self.applicant(&one).await?;
        match judge(&applicant, evidence) {
            Ok(said) => {
                let provider = if one.demonstration { "demonstration" } else { said.provider };
                let by = &session.principal;
                self.advance(&one, said.event, by, now, Some((&said.reason, provider)), once).await
            }
            Err(refused) => {
                if action == Action::Assert {
                    let event = Event::AssertionRefused;
                    let said = Some((refused.rule, ""));
                    self.advance(&one, event, &session.principal, now, said, None).await?;
                }
                Err(DeskError::Refused(vec![refused]))
            }
        }
    }

    /// Makes what the holder of `account` is to sign, to have it bound to an approved application.
    ///
    /// # Errors
    /// [`DeskError::Denied`], [`DeskError::WrongState`], [`DeskError::Ledger`].
    pub async fn challenge(
        &self,
        session: &Session,
        ledger: &NodeLedger,
        id: &str,
        account: AccountId,
        now: TimestampMs,
    ) -> Result<Challenge, DeskError> {
        let one = self.find_for(session, Action::Bind, id).await?;
        one.state.after(Event::Bound)?;
        ledger.register(now).await?;
        Ok(Challenge {
            ledger: ledger.id(),
            office: ledger.account_id(),
            application: one.id,
            account,
            expires: TimestampMs(now.0 + CHALLENGE_LIFE_MS),
            nonce: random()?,
        })
    }

    /// Binds the account of a challenge that its holder signed: the root of the salted fields goes on the ledger, and the certificate with
    /// the fields to the holder. Asking again for the same account gives the same binding.
    ///
    /// # Errors
    /// [`DeskError::Challenge`], [`DeskError::Possession`], [`DeskError::Revoked`]; [`DeskError::NotSealed`]: ask again.
    pub async fn bind(
        &self,
        session: &Session,
        ledger: &NodeLedger,
        challenge: &Challenge,
        signatures: &[(String, Vec<u8>)],
        now: TimestampMs,
    ) -> Result<Vec<u8>, DeskError> {
        let one = self.find_for(session, Action::Bind, &challenge.application).await?;
        one.state.after(Event::Bound)?;
        if challenge.expires < now {
            return Err(DeskError::Challenge);
        }
        let account = ledger.account(challenge.account, now).await?.ok_or(DeskError::NoAccount)?;
        check_possession(&account, &challenge.message(), signatures)?;
        let name = challenge.account.to_string();
        if self.revocations(&one.id).await?.iter().any(|revoked| revoked.account == name) {
            return Err(DeskError::Revoked);
        }
        let (manifest, statement) = match self.bound(&one, &name).await? {
            Some(known) => known,
            None => self.prepare(session, ledger, &one, challenge.account, now).await?,
        };
        let mut certificate = ledger.deposit(statement).await;
        if matches!(certificate, Err(LedgerError::TooOld)) {
            let statement = sign(ledger, &manifest, &one, &name, now)?;
            let sql = "UPDATE bindings SET statement = $1 WHERE application = $2 AND account = $3";
            let values = vec![statement.as_slice().into(), one.id.as_str().into(), name.as_str().into()];
            self.database.execute(sql, values).await?;
            certificate = ledger.deposit(statement).await;
        }
        let bytes = certificate?.ok_or(DeskError::NotSealed)?;
        let unreadable = |_| DeskError::Internal("a node's certificate cannot be read");
        let mut certificate = Certificate::parse(&bytes).map_err(unreadable)?;
        let sql = "UPDATE bindings SET certificate = $1 WHERE application = $2 AND account = $3";
        self.database.execute(sql, vec![bytes.into(), one.id.as_str().into(), name.into()]).await?;
        certificate.manifest = Some(manifest);
        Ok(certificate.encode())
    }

    /// The manifest and the statement of a binding that was begun.
    async fn bound(
        &self,
        one: &Application,
        account: &str,
    ) -> Result<Option<(Manifest, Vec<u8>)>, DeskError> {
        let sql = "SELECT manifest, statement FROM bindings WHERE application = $1 AND account = $2";
        let rows = self.database.query(sql, vec![one.id.as_str().into(), account.into()]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let plain = self.keys.unseal(&one.person, &manifest_place(&one.id, account), row.bytes(0)?).await?;
        let manifest = from_canonical("manifest", &plain);
        let manifest = manifest.map_err(|_| DeskError::Internal("a sealed manifest of another form"))?;
        Ok(Some((manifest, row.bytes(1)?.to_vec())))
    }

    async fn prepare(
        &self,
        session: &Session,
        ledger: &NodeLedger,
        one: &Application,
        account: AccountId,
        now: TimestampMs,
    ) -> Result<(Manifest, Vec<u8>), DeskError> {
        let sql =
            "SELECT at_ms FROM events WHERE application = $1 AND event = 'approved' ORDER BY seq LIMIT 1";
        let rows = self.database.query(sql, vec![one.id.as_str().into()]).await?;
        let row = rows.first().ok_or(DeskError::Internal("approved without an approval"))?;
        let applicant = self.applicant(one).await?;
        let binding = Binding {
            applicant: &applicant,
            account,
            office: &self.institution,
            provider: &one.provider,
            approved_at: time(row, 0)?,
        };
        let manifest = binding.manifest(salts()?);
        let manifest = manifest.map_err(|_| DeskError::Internal("an applicant that makes no manifest"))?;
        let name = account.to_string();
        let statement = sign(ledger, &manifest, one, &name, now)?;
        let place = manifest_place(&one.id, &name);
        let sealed = self.keys.seal(&one.person, &place, &canonical(&manifest)).await?;
        let mut open = self.database.begin().await?;
        let sql = "INSERT INTO bindings (application, account, manifest, statement) VALUES ($1, $2, $3, $4)";
        let values = vec![one.id.as_str().into(), name.into(), sealed.into(), statement.as_slice().into()];
        match open.execute(sql, values).await {
            Err(DatabaseError::Exists) => return Err(DeskError::Raced),
            other => other?,
        };
        step(&mut open, one, Event::Bound, &session.principal, now, None).await?;
        open.commit().await?;
        Ok((manifest, statement))
    }
}

fn permit(session: &Session, action: Action, target: Target<'_>) -> Result<(), DeskError> {
    if allows(session, action, target) {
        return Ok(());
    }
    tracing::info!(principal = session.principal, ?action, "denied");
    Err(DeskError::Denied)
}

/// Random salts, of one seed: a failure of the system's randomness is noticed before any is made.
fn salts() -> Result<impl FnMut() -> Salt, DeskError> {
    let (seed, mut count) = (random::<32>()?, 0_u64);
    Ok(move || {
        count += 1;
        let bytes = sha256(&[&seed[..], &count.to_be_bytes()].concat());
        let mut salt = [0; 16];
        salt.copy_from_slice(&bytes[..16]);
        salt
    })
}

/// The group of a binding, by which its records find each other: says nothing without the application's name.
fn group(application: &str, account: &str) -> GroupId {
    let digest = sha256(format!("xiezhi binding group\n{application}\n{account}\n").as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    GroupId(bytes)
}

fn sign(
    ledger: &NodeLedger,
    manifest: &Manifest,
    one: &Application,
    account: &str,
    now: TimestampMs,
) -> Result<Vec<u8>, LedgerError> {
    let body = binding::deposit(manifest, Some(binding::PHASE_BOUND), one.demonstration);
    ledger.sign(Body::Deposit(body), Some(group(&one.id, account)), now)
}

async fn step(
    open: &mut xiezhi_database::Transaction,
    one: &Application,
    event: Event,
    actor: &str,
    at: TimestampMs,
    reason: Option<Vec<u8>>,
) -> Result<State, DeskError> {
    let after = one.state.after(event)?;
    let sql = "UPDATE applications SET state = $1 WHERE id = $2 AND state = $3";
    let values = vec![after.name().into(), one.id.as_str().into(), one.state.name().into()];
    if open.execute(sql, values).await? != 1 {
        return Err(DeskError::Raced);
    }
    note(open, &one.id, event, actor, at, reason).await?;
    Ok(after)
}

async fn note(
    open: &mut xiezhi_database::Transaction,
    application: &str,
    event: Event,
    actor: &str,
    at: TimestampMs,
    reason: Option<Vec<u8>>,
) -> Result<(), DatabaseError> {
    let sql = "INSERT INTO events (application, at_ms, actor, event, reason) VALUES ($1, $2, $3, $4, $5)";
    let values = vec![application.into(), ms(at), actor.into(), event.name().into(), reason.into()];
    open.execute(sql, values).await.map(drop)
}

fn data_place(id: &str) -> String {
    format!("application {id} data")
}

fn reason_place(id: &str) -> String {
    format!("application {id} reason")
}

fn manifest_place(id: &str, account: &str) -> String {
    format!("application {id} binding {account}")
}
