//! The office's rows in the database. States change by conditional statements: of two that decide at once, one is told so.

use xiezhi_database::{Database, DatabaseError, PersonId, Row, Transaction, Value};
use xiezhi_types::TimestampMs;

use crate::state::{Event, State, WrongState};

/// An application as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct Application {
    pub(crate) seq: i64,
    pub(crate) id: String,
    pub(crate) person: PersonId,
    pub(crate) owner: String,
    pub(crate) institution: String,
    pub(crate) kind: String,
    pub(crate) demonstration: bool,
    pub(crate) state: State,
    pub(crate) nonce: String,
    /// Sealed; empty once erased.
    pub(crate) data: Vec<u8>,
    pub(crate) submitted: TimestampMs,
}

/// One thing that happened.
pub(crate) struct Happened {
    pub(crate) at: TimestampMs,
    pub(crate) actor: String,
    pub(crate) event: String,
    pub(crate) reason: Option<Vec<u8>>,
}

/// A binding as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct Binding {
    pub(crate) id: String,
    pub(crate) application: String,
    pub(crate) account: String,
    pub(crate) group: String,
    pub(crate) demonstration: bool,
    pub(crate) is_revoked: bool,
    /// Sealed; empty once erased.
    pub(crate) manifest: Vec<u8>,
}

/// A statement on its way.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) what: String,
    pub(crate) about: String,
    pub(crate) statement: Vec<u8>,
    pub(crate) state: String,
    pub(crate) index: Option<i64>,
    pub(crate) number: Option<String>,
    pub(crate) certificate: Option<Vec<u8>>,
    pub(crate) refusal: Option<String>,
}

/// An erasure as it is stored.
pub(crate) struct Erased {
    pub(crate) seq: i64,
    pub(crate) person: String,
    pub(crate) at: TimestampMs,
    pub(crate) actor: String,
    pub(crate) basis: String,
    pub(crate) reference: String,
    pub(crate) complete: bool,
}

/// Why a state did not change.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdvanceError {
    #[error(transparent)]
    WrongState(#[from] WrongState),
    /// Somebody else was faster: look again.
    #[error("somebody else changed it at the same time")]
    Raced,
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

type Stored<T> = Result<T, DatabaseError>;

pub(crate) fn ms(time: TimestampMs) -> Value {
    Value::from(i64::try_from(time.0).unwrap_or(i64::MAX))
}

fn time(row: &Row, column: usize) -> Stored<TimestampMs> {
    Ok(TimestampMs(u64::try_from(row.int(column)?).unwrap_or_default()))
}

const APPLICATION: &str = "a state of an application";

fn application(row: &Row) -> Stored<Application> {
    let wrong = DatabaseError::Column { column: 7, expected: APPLICATION };
    Ok(Application {
        seq: row.int(0)?,
        id: row.text(1)?.to_owned(),
        person: PersonId(row.text(2)?.to_owned()),
        owner: row.text(3)?.to_owned(),
        institution: row.text(4)?.to_owned(),
        kind: row.text(5)?.to_owned(),
        demonstration: row.int(6)? != 0,
        state: State::from_name(row.text(7)?).ok_or(wrong)?,
        nonce: row.text(8)?.to_owned(),
        data: row.bytes(9)?.to_vec(),
        submitted: time(row, 10)?,
    })
}

macro_rules! select_application {
    ($rest:literal) => {
        concat!(
            "SELECT seq, id, person, owner, institution, kind, demonstration, state, nonce, data, submitted_ms FROM applications ",
            $rest
        )
    };
}

/// A new application, with the first line of its history.
pub(crate) async fn insert_application(
    open: &mut Transaction,
    one: &Application,
    actor: &str,
) -> Stored<()> {
    let sql = "INSERT INTO applications (id, person, owner, institution, kind, demonstration, state, nonce, data, submitted_ms) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let values = vec![
        one.id.as_str().into(),
        one.person.0.as_str().into(),
        one.owner.as_str().into(),
        one.institution.as_str().into(),
        one.kind.as_str().into(),
        one.demonstration.into(),
        one.state.name().into(),
        one.nonce.as_str().into(),
        one.data.as_slice().into(),
        ms(one.submitted),
    ];
    open.execute(sql, values).await?;
    note(open, &one.id, Event::Submitted, actor, one.submitted, None).await
}

pub(crate) async fn find_application(database: &Database, id: &str) -> Stored<Option<Application>> {
    let rows = database.query(select_application!("WHERE id = $1"), vec![id.into()]).await?;
    rows.first().map(application).transpose()
}

/// What to list.
pub(crate) struct Listing<'a> {
    pub(crate) institution: &'a str,
    /// Everybody's when there is none.
    pub(crate) owner: Option<&'a str>,
    pub(crate) state: Option<State>,
    pub(crate) after: i64,
    pub(crate) limit: i64,
}

pub(crate) async fn list_applications(database: &Database, what: &Listing<'_>) -> Stored<Vec<Application>> {
    let sql = select_application!(
        "WHERE institution = $1 AND ($2 = '' OR owner = $2) AND ($3 = '' OR state = $3) AND seq > $4 ORDER BY seq LIMIT $5"
    );
    let values = vec![
        what.institution.into(),
        what.owner.unwrap_or_default().into(),
        what.state.map(State::name).unwrap_or_default().into(),
        what.after.into(),
        what.limit.into(),
    ];
    database.query(sql, values).await?.iter().map(application).collect()
}

pub(crate) async fn applications_of(open: &mut Transaction, person: &PersonId) -> Stored<Vec<Application>> {
    let sql = select_application!("WHERE person = $1 ORDER BY seq");
    open.query(sql, vec![person.0.as_str().into()]).await?.iter().map(application).collect()
}

pub(crate) async fn ids_of(database: &Database, person: &str) -> Stored<Vec<String>> {
    let sql = "SELECT id FROM applications WHERE person = $1 ORDER BY seq";
    database.query(sql, vec![person.into()]).await?.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
}

/// A line of history without a change of state.
pub(crate) async fn note(
    open: &mut Transaction,
    application: &str,
    event: Event,
    actor: &str,
    at: TimestampMs,
    reason: Option<Vec<u8>>,
) -> Stored<()> {
    let sql = "INSERT INTO events (application, at_ms, actor, event, reason) VALUES ($1, $2, $3, $4, $5)";
    let values = vec![application.into(), ms(at), actor.into(), event.name().into(), reason.into()];
    open.execute(sql, values).await.map(drop)
}

/// Lets `event` happen to an application that is as `one` says.
pub(crate) async fn advance(
    open: &mut Transaction,
    one: &Application,
    event: Event,
    actor: &str,
    at: TimestampMs,
    reason: Option<Vec<u8>>,
) -> Result<State, AdvanceError> {
    let after = one.state.after(event)?;
    let sql = "UPDATE applications SET state = $1 WHERE id = $2 AND state = $3";
    let values = vec![after.name().into(), one.id.as_str().into(), one.state.name().into()];
    if open.execute(sql, values).await? != 1 {
        return Err(AdvanceError::Raced);
    }
    note(open, &one.id, event, actor, at, reason).await?;
    Ok(after)
}

/// What happened to an application, oldest first.
pub(crate) async fn history(database: &Database, application: &str) -> Stored<Vec<Happened>> {
    let sql = "SELECT at_ms, actor, event, reason FROM events WHERE application = $1 ORDER BY seq LIMIT 1000";
    let happened = |row: &Row| {
        Ok(Happened {
            at: time(row, 0)?,
            actor: row.text(1)?.to_owned(),
            event: row.text(2)?.to_owned(),
            reason: row.optional_bytes(3)?.map(<[u8]>::to_vec),
        })
    };
    database.query(sql, vec![application.into()]).await?.iter().map(happened).collect()
}

fn binding(row: &Row) -> Stored<Binding> {
    Ok(Binding {
        id: row.text(0)?.to_owned(),
        application: row.text(1)?.to_owned(),
        account: row.text(2)?.to_owned(),
        group: row.text(3)?.to_owned(),
        demonstration: row.int(4)? != 0,
        is_revoked: row.text(5)? == "revoked",
        manifest: row.bytes(6)?.to_vec(),
    })
}

macro_rules! select_binding {
    ($rest:literal) => {
        concat!(
            "SELECT id, application, account, group_id, demonstration, state, manifest FROM bindings ",
            $rest
        )
    };
}

pub(crate) async fn insert_binding(open: &mut Transaction, one: &Binding, at: TimestampMs) -> Stored<()> {
    let sql = "INSERT INTO bindings (id, application, account, group_id, demonstration, state, manifest, created_ms) \
        VALUES ($1, $2, $3, $4, $5, 'bound', $6, $7)";
    let values = vec![
        one.id.as_str().into(),
        one.application.as_str().into(),
        one.account.as_str().into(),
        one.group.as_str().into(),
        one.demonstration.into(),
        one.manifest.as_slice().into(),
        ms(at),
    ];
    open.execute(sql, values).await.map(drop)
}

pub(crate) async fn find_binding(database: &Database, id: &str) -> Stored<Option<Binding>> {
    let rows = database.query(select_binding!("WHERE id = $1"), vec![id.into()]).await?;
    rows.first().map(binding).transpose()
}

pub(crate) async fn bindings_of(database: &Database, application: &str) -> Stored<Vec<Binding>> {
    let sql = select_binding!("WHERE application = $1 ORDER BY seq LIMIT 1000");
    database.query(sql, vec![application.into()]).await?.iter().map(binding).collect()
}

/// Ends a binding; whether it had not ended before.
pub(crate) async fn revoke_binding(open: &mut Transaction, id: &str) -> Stored<bool> {
    let sql = "UPDATE bindings SET state = 'revoked' WHERE id = $1 AND state = 'bound'";
    Ok(open.execute(sql, vec![id.into()]).await? == 1)
}

fn record(row: &Row) -> Stored<Record> {
    Ok(Record {
        id: row.text(0)?.to_owned(),
        what: row.text(1)?.to_owned(),
        about: row.text(2)?.to_owned(),
        statement: row.bytes(3)?.to_vec(),
        state: row.text(4)?.to_owned(),
        index: row.optional_int(5)?,
        number: row.optional_text(6)?.map(str::to_owned),
        certificate: row.optional_bytes(7)?.map(<[u8]>::to_vec),
        refusal: row.optional_text(8)?.map(str::to_owned),
    })
}

macro_rules! select_record {
    ($rest:literal) => {
        concat!(
            "SELECT id, what, about, statement, state, log_index, number, certificate, refusal FROM records ",
            $rest
        )
    };
}

/// A statement that is to be sent.
pub(crate) async fn insert_record(
    open: &mut Transaction,
    one: &Record,
    manifest: Option<Vec<u8>>,
) -> Stored<()> {
    let sql = "INSERT INTO records (id, what, about, statement, manifest, state) VALUES ($1, $2, $3, $4, $5, 'pending')";
    let values = vec![
        one.id.as_str().into(),
        one.what.as_str().into(),
        one.about.as_str().into(),
        one.statement.as_slice().into(),
        manifest.into(),
    ];
    open.execute(sql, values).await.map(drop)
}

pub(crate) async fn update_record(database: &Database, one: &Record) -> Stored<()> {
    let sql = "UPDATE records SET statement = $1, state = $2, log_index = $3, number = $4, certificate = $5, refusal = $6 WHERE id = $7";
    let values = vec![
        one.statement.as_slice().into(),
        one.state.as_str().into(),
        one.index.into(),
        one.number.clone().into(),
        one.certificate.clone().into(),
        one.refusal.clone().into(),
        one.id.as_str().into(),
    ];
    database.execute(sql, values).await.map(drop)
}

/// Statements that are not sealed yet, oldest first.
pub(crate) async fn open_records(database: &Database, limit: i64) -> Stored<Vec<Record>> {
    let sql = select_record!("WHERE state IN ('pending', 'recorded') ORDER BY seq LIMIT $1");
    database.query(sql, vec![limit.into()]).await?.iter().map(record).collect()
}

/// The record of the kind `what` about something.
pub(crate) async fn record_about(database: &Database, what: &str, about: &str) -> Stored<Option<Record>> {
    let sql = select_record!("WHERE about = $1 AND what = $2 ORDER BY seq LIMIT 1");
    let rows = database.query(sql, vec![about.into(), what.into()]).await?;
    rows.first().map(record).transpose()
}

/// Empties what is sealed under a person's key and counts on being readable; the key goes besides.
pub(crate) async fn erase_data(open: &mut Transaction, application: &str) -> Stored<()> {
    let nothing: Value = Vec::new().into();
    open.execute(
        "UPDATE applications SET data = $1, nonce = '' WHERE id = $2",
        vec![nothing.clone(), application.into()],
    )
    .await?;
    open.execute("UPDATE events SET reason = NULL WHERE application = $1", vec![application.into()]).await?;
    open.execute(
        "UPDATE bindings SET manifest = $1 WHERE application = $2",
        vec![nothing, application.into()],
    )
    .await?;
    open.execute("DELETE FROM idempotency WHERE application = $1", vec![application.into()]).await.map(drop)
}

fn erased(row: &Row) -> Stored<Erased> {
    Ok(Erased {
        seq: row.int(0)?,
        person: row.text(1)?.to_owned(),
        at: time(row, 2)?,
        actor: row.text(3)?.to_owned(),
        basis: row.text(4)?.to_owned(),
        reference: row.text(5)?.to_owned(),
        complete: row.int(6)? != 0,
    })
}

macro_rules! select_erased {
    ($rest:literal) => {
        concat!("SELECT seq, person, at_ms, actor, basis, reference, keys_erased FROM erasures ", $rest)
    };
}

pub(crate) async fn insert_erasure(open: &mut Transaction, one: &Erased) -> Stored<()> {
    let sql = "INSERT INTO erasures (person, at_ms, actor, basis, reference) VALUES ($1, $2, $3, $4, $5)";
    let values = vec![
        one.person.as_str().into(),
        ms(one.at),
        one.actor.as_str().into(),
        one.basis.as_str().into(),
        one.reference.as_str().into(),
    ];
    open.execute(sql, values).await.map(drop)
}

pub(crate) async fn find_erasure(database: &Database, person: &PersonId) -> Stored<Option<Erased>> {
    let rows = database.query(select_erased!("WHERE person = $1"), vec![person.0.as_str().into()]).await?;
    rows.first().map(erased).transpose()
}

pub(crate) async fn list_erasures(database: &Database, after: i64, limit: i64) -> Stored<Vec<Erased>> {
    let sql = select_erased!("WHERE seq > $1 ORDER BY seq LIMIT $2");
    database.query(sql, vec![after.into(), limit.into()]).await?.iter().map(erased).collect()
}

/// Persons whose keys are still to be erased.
pub(crate) async fn open_erasures(database: &Database) -> Stored<Vec<PersonId>> {
    let sql = "SELECT person FROM erasures WHERE keys_erased = 0 ORDER BY seq LIMIT 100";
    database.query(sql, Vec::new()).await?.iter().map(|row| Ok(PersonId(row.text(0)?.to_owned()))).collect()
}

pub(crate) async fn close_erasure(database: &Database, person: &PersonId) -> Stored<()> {
    let sql = "UPDATE erasures SET keys_erased = 1 WHERE person = $1";
    database.execute(sql, vec![person.0.as_str().into()]).await.map(drop)
}

/// A challenge as it is stored.
pub(crate) struct Challenge {
    pub(crate) id: String,
    pub(crate) application: String,
    pub(crate) account: String,
    pub(crate) message: String,
    pub(crate) expires: TimestampMs,
    pub(crate) binding: Option<String>,
}

pub(crate) async fn insert_challenge(database: &Database, one: &Challenge) -> Stored<()> {
    let sql = "INSERT INTO challenges (id, application, account, message, expires_ms) VALUES ($1, $2, $3, $4, $5)";
    let values = vec![
        one.id.as_str().into(),
        one.application.as_str().into(),
        one.account.as_str().into(),
        one.message.as_str().into(),
        ms(one.expires),
    ];
    database.execute(sql, values).await.map(drop)
}

pub(crate) async fn find_challenge(database: &Database, id: &str) -> Stored<Option<Challenge>> {
    let sql = "SELECT id, application, account, message, expires_ms, binding FROM challenges WHERE id = $1";
    let challenge = |row: &Row| {
        Ok(Challenge {
            id: row.text(0)?.to_owned(),
            application: row.text(1)?.to_owned(),
            account: row.text(2)?.to_owned(),
            message: row.text(3)?.to_owned(),
            expires: time(row, 4)?,
            binding: row.optional_text(5)?.map(str::to_owned),
        })
    };
    database.query(sql, vec![id.into()]).await?.first().map(challenge).transpose()
}

/// Uses a challenge up; whether nobody had before.
pub(crate) async fn use_challenge(open: &mut Transaction, id: &str, binding: &str) -> Stored<bool> {
    let sql = "UPDATE challenges SET binding = $1 WHERE id = $2 AND binding IS NULL";
    Ok(open.execute(sql, vec![binding.into(), id.into()]).await? == 1)
}

/// What an idempotency key was used for.
pub(crate) struct Remembered {
    pub(crate) application: String,
    pub(crate) mac: Vec<u8>,
}

pub(crate) async fn remembered(database: &Database, owner: &str, name: &str) -> Stored<Option<Remembered>> {
    let sql = "SELECT application, mac FROM idempotency WHERE owner = $1 AND name = $2";
    let read =
        |row: &Row| Ok(Remembered { application: row.text(0)?.to_owned(), mac: row.bytes(1)?.to_vec() });
    database.query(sql, vec![owner.into(), name.into()]).await?.first().map(read).transpose()
}

pub(crate) async fn remember(
    open: &mut Transaction,
    owner: &str,
    name: &str,
    application: &str,
    mac: &[u8],
) -> Stored<()> {
    let sql = "INSERT INTO idempotency (owner, name, application, mac) VALUES ($1, $2, $3, $4)";
    open.execute(sql, vec![owner.into(), name.into(), application.into(), mac.into()]).await.map(drop)
}

/// Keeps a session; those that have ended go.
pub(crate) async fn insert_session(
    database: &Database,
    token: &[u8],
    principal: &str,
    now: TimestampMs,
    expires: TimestampMs,
) -> Stored<()> {
    database.execute("DELETE FROM sessions WHERE expires_ms <= $1", vec![ms(now)]).await?;
    let sql = "INSERT INTO sessions (token, principal, expires_ms) VALUES ($1, $2, $3)";
    database.execute(sql, vec![token.into(), principal.into(), ms(expires)]).await.map(drop)
}

pub(crate) async fn session(database: &Database, token: &[u8], now: TimestampMs) -> Stored<Option<String>> {
    let sql = "SELECT principal FROM sessions WHERE token = $1 AND expires_ms > $2";
    let rows = database.query(sql, vec![token.into(), ms(now)]).await?;
    rows.first().map(|row| Ok(row.text(0)?.to_owned())).transpose()
}

pub(crate) async fn end_session(database: &Database, token: &[u8]) -> Stored<()> {
    database.execute("DELETE FROM sessions WHERE token = $1", vec![token.into()]).await.map(drop)
}

/// Remembers that an assertion was used; whether it was not before.
pub(crate) async fn use_assertion(
    database: &Database,
    issuer: &str,
    name: &str,
    now: TimestampMs,
    expires: TimestampMs,
) -> Stored<bool> {
    database.execute("DELETE FROM assertions_used WHERE expires_ms <= $1", vec![ms(now)]).await?;
    let sql = "INSERT INTO assertions_used (issuer, name, expires_ms) VALUES ($1, $2, $3)";
    match database.execute(sql, vec![issuer.into(), name.into(), ms(expires)]).await {
        Ok(_) => Ok(true),
        Err(DatabaseError::Exists) => Ok(false),
        Err(error) => Err(error),
    }
}
