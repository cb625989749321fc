//! The service's book: transactions, their entries, and how each entry stands at each sink.
//!
//! Who asks is a name that was authenticated; nobody sees another's transactions. The clock is an argument.

use std::{collections::HashMap, sync::Arc};

use tokio::sync::Notify;
use xiezhi_bundle::{Bundle, LEGS_MAX, Leg, sink_fields};
use xiezhi_crypto::{Digest, DigestAlg, sha256};
use xiezhi_database::{
    Database, DatabaseError, MIGRATIONS, PersonId, PersonKeyError, PersonKeys, Row, Transaction, Value,
};
use xiezhi_evidence::{Manifest, Value as FieldValue};
use xiezhi_template::Template;
use xiezhi_types::{AccountId, GroupId, Refusal, TimestampMs, canonical, from_canonical};

use crate::{
    entry::{Customer, Entry, Field, Opening, PACK_PHASE, demonstration_field, place},
    leg::LegState,
    sink::Sink,
    view::{Added, EntryView, Happened, Opened, TransactionView, happened, leg},
};

/// Most entries of a transaction: the pack names each in a field of its manifest.
const ENTRIES_MAX: u32 = 200;
/// Most of a list.
const LIST_MAX: i64 = 100;
/// Longest idempotency key.
const REQUEST_MAX: usize = 100;

/// Why the service does not do what was asked. Names nobody.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// Rules that failed.
    #[error("{}", Refusal::line(.0))]
    Refused(Vec<Refusal>),
    /// There is no such transaction or entry, or it is another's.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The transaction has its pack.
    #[error("the transaction is closed: its pack names every entry")]
    Closed,
    /// An idempotency key with another body.
    #[error("the idempotency key was used with another body")]
    Reused,
    /// Somebody else did the same at the same time.
    #[error("the same was asked at the same time: ask again")]
    Raced,
    /// A leg has no proof yet.
    #[error("{sealed} of {legs} legs are sealed: there is no bundle before all are")]
    Incomplete {
        /// How many have.
        sealed: usize,
        /// How many there are.
        legs: usize,
    },
    /// The keys of customers.
    #[error(transparent)]
    Keys(#[from] PersonKeyError),
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// What is stored cannot be read, or there is no randomness.
    #[error("{0}")]
    Internal(&'static str),
}

fn refuse(field: &str, rule: &'static str, en: impl Into<String>, zh: impl Into<String>) -> ServiceError {
    ServiceError::Refused(vec![Refusal::new(field, rule, en, zh)])
}

/// The book; cheap to clone.
#[derive(Clone)]
pub struct Book {
    pub(crate) database: Database,
    keys: PersonKeys,
    pub(crate) sinks: Arc<[Arc<dyn Sink>]>,
    /// In whose names callers' evidence is recorded, where that is not the service's own account.
    pub(crate) grantors: Arc<HashMap<String, AccountId>>,
    /// Told when there is something for the outbox.
    pub(crate) wake: Arc<Notify>,
    demonstration: bool,
}

/// A transaction as it is stored.
pub(crate) struct Stored {
    id: String,
    person: PersonId,
    template: &'static Template,
    sinks: Vec<String>,
    customer: Option<Vec<u8>>,
    state: String,
    opened: TimestampMs,
}

macro_rules! select_transaction {
    ($rest:literal) => {
        concat!(
            "SELECT id, person, template, version, sinks, customer, state, opened_ms FROM evidence_transactions ",
            $rest
        )
    };
}

pub(crate) fn ms(time: TimestampMs) -> Value {
    i64::try_from(time.0).unwrap_or(i64::MAX).into()
}

pub(crate) fn time(row: &Row, column: usize) -> Result<TimestampMs, DatabaseError> {
    Ok(TimestampMs(u64::try_from(row.int(column)?).unwrap_or_default()))
}

pub(crate) fn number(row: &Row, column: usize) -> Result<u32, ServiceError> {
    u32::try_from(row.int(column)?).map_err(|_| ServiceError::Internal("a number out of its bounds"))
}

pub(crate) fn random<const N: usize>() -> Result<[u8; N], ServiceError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| ServiceError::Internal("no randomness from the system"))?;
    Ok(bytes)
}

fn stored(row: &Row) -> Result<Stored, ServiceError> {
    let template = xiezhi_template::find(row.text(2)?, Some(number(row, 3)?));
    Ok(Stored {
        id: row.text(0)?.to_owned(),
        person: PersonId(row.text(1)?.to_owned()),
        template: template.ok_or(ServiceError::Internal("a template that this program has not"))?,
        sinks: row.text(4)?.lines().map(str::to_owned).collect(),
        customer: row.optional_bytes(5)?.map(<[u8]>::to_vec),
        state: row.text(6)?.to_owned(),
        opened: time(row, 7)?,
    })
}

fn check_request(request: Option<&str>) -> Result<(), ServiceError> {
    match request {
        Some(key)
            if key.is_empty() || key.len() > REQUEST_MAX || !key.bytes().all(|b| b.is_ascii_graphic()) =>
        {
            let en = format!("an idempotency key has 1 to {REQUEST_MAX} visible ASCII characters");
            Err(refuse(
                "idempotency-key",
                "idempotency-key",
                en,
                format!("幂等键应为 1 至 {REQUEST_MAX} 个可见 ASCII 字符"),
            ))
        }
        _ => Ok(()),
    }
}

fn customer_place(id: &str) -> String {
    format!("evidence {id} customer")
}

fn manifest_place(id: &str, entry: u32) -> String {
    format!("evidence {id} entry {entry}")
}

impl Book {
    /// Opens the book: its database, brought to this version, and the keys of customers under `master`.
    ///
    /// # Errors
    /// [`ServiceError::Database`], [`ServiceError::Keys`]; [`ServiceError::Internal`] without sinks, with too many, or with one name twice.
    pub async fn open(
        database: &str,
        keys: &str,
        master: &[u8; 32],
        sinks: Vec<Arc<dyn Sink>>,
        grantors: HashMap<String, AccountId>,
    ) -> Result<Self, ServiceError> {
        let is_name = |name: &str| {
            (1..=32).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let twice = |at: usize| sinks[..at].iter().any(|other| other.name() == sinks[at].name());
        if sinks.is_empty() || sinks.len() > LEGS_MAX || (0..sinks.len()).any(twice) {
            return Err(ServiceError::Internal("1 to 16 sinks are needed, each with a name of its own"));
        }
        if !sinks.iter().all(|sink| is_name(sink.name())) {
            return Err(ServiceError::Internal("a sink's name has 1 to 32 letters, digits and hyphens"));
        }
        let database = Database::open(database).await?;
        database.migrate(MIGRATIONS).await?;
        let keys = PersonKeys::open(keys, master).await?;
        let (sinks, grantors) = (sinks.into(), Arc::new(grantors));
        Ok(Self { database, keys, sinks, grantors, wake: Arc::default(), demonstration: false })
    }

    /// From now on whatever is recorded is a demonstration, and its manifest says so.
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

    /// The sinks' names, and how manifests list them.
    pub fn sinks(&self) -> impl Iterator<Item = (String, String)> + '_ {
        self.sinks.iter().map(|sink| (sink.name().to_owned(), sink.listed()))
    }

    pub(crate) fn sink(&self, name: &str) -> Option<&Arc<dyn Sink>> {
        self.sinks.iter().find(|sink| sink.name() == name)
    }

    /// Opens a transaction. The same `request` with the same content gives the same transaction.
    ///
    /// # Errors
    /// [`ServiceError::Refused`] with every rule that failed; [`ServiceError::Reused`].
    pub async fn begin(
        &self,
        owner: &str,
        opening: &Opening,
        request: Option<&str>,
        now: TimestampMs,
    ) -> Result<Opened, ServiceError> {
        check_request(request)?;
        let (template, sinks) = self.check_opening(opening)?;
        let parts = match &opening.customer {
            Some(customer) => vec![customer.number_kind.as_str(), customer.number.as_str()],
            None => vec!["platform", owner],
        };
        let person = self.keys.person(&parts).await?;
        let body = serde_json::to_vec(opening).map_err(|_| ServiceError::Internal("no JSON"))?;
        let mac = self.keys.mac(&person, &body).await?;
        if let Some(request) = request {
            let sql = "SELECT id, mac FROM evidence_transactions WHERE owner = $1 AND request = $2";
            let rows = self.database.query(sql, vec![owner.into(), request.into()]).await?;
            if let Some(row) = rows.first() {
                let is_same = row.bytes(1)? == mac;
                let known = Opened { id: row.text(0)?.to_owned(), known: true };
                return if is_same { Ok(known) } else { Err(ServiceError::Reused) };
            }
        }
        let id = hex::encode(random::<16>()?);
        let customer = match &opening.customer {
            Some(customer) => {
                let plain = serde_json::to_vec(customer).map_err(|_| ServiceError::Internal("no JSON"))?;
                Some(self.keys.seal(&person, &customer_place(&id), &plain).await?)
            }
            None => None,
        };
        let sql = "INSERT INTO evidence_transactions \
            (id, person, owner, template, version, sinks, customer, entries, state, opened_ms, request, mac) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 'open', $8, $9, $10)";
        let values = vec![
            id.as_str().into(),
            person.0.into(),
            owner.into(),
            template.id.as_str().into(),
            i64::from(template.version).into(),
            sinks.join("\n").into(),
            customer.into(),
            ms(now),
            request.map(str::to_owned).into(),
            mac[..].into(),
        ];
        match self.database.execute(sql, values).await {
            Err(DatabaseError::Exists) => Err(ServiceError::Raced),
            other => other.map(|_| Opened { id, known: false }).map_err(Into::into),
        }
    }

    fn check_opening(&self, opening: &Opening) -> Result<(&'static Template, Vec<String>), ServiceError> {
        let Some(template) = xiezhi_template::find(&opening.template, opening.version) else {
            let known: Vec<_> = xiezhi_template::all().iter().map(|one| one.id.as_str()).collect();
            let known = known.join(", ");
            let en = format!("there is no such template in that version; there are: {known}");
            return Err(refuse("template", "template-unknown", en, format!("没有该版本的模板,现有:{known}")));
        };
        let mut refused = Vec::new();
        if let Some(customer) = &opening.customer {
            customer.check(&mut refused);
        }
        let mut sinks: Vec<_> = self.sinks.iter().map(|sink| sink.name().to_owned()).collect();
        let is_unknown = |name: &String| !sinks.contains(name);
        if opening.sinks.iter().any(is_unknown) {
            let known = sinks.join(", ");
            let en = format!("a sink is not one of this service's: {known}");
            refused.push(Refusal::new(
                "sinks",
                "sink-unknown",
                en,
                format!("存在本服务没有的存证去向,现有:{known}"),
            ));
        }
        if !opening.sinks.is_empty() {
            // In the service's order, each once.
            sinks.retain(|name| opening.sinks.contains(name));
        }
        if refused.is_empty() { Ok((template, sinks)) } else { Err(ServiceError::Refused(refused)) }
    }

    async fn find(&self, owner: &str, id: &str) -> Result<Stored, ServiceError> {
        let sql = select_transaction!("WHERE id = $1 AND owner = $2");
        let rows = self.database.query(sql, vec![id.into(), owner.into()]).await?;
        rows.first().map(stored).transpose()?.ok_or(ServiceError::NotFound("transaction"))
    }

    /// Adds an entry to a transaction. The same `request` with the same content gives the same entry.
    ///
    /// # Errors
    /// [`ServiceError::Refused`] with every rule that failed; [`ServiceError::NotFound`], [`ServiceError::Closed`],
    /// [`ServiceError::Reused`].
    pub async fn add(
        &self,
        owner: &str,
        id: &str,
        entry: &Entry,
        request: Option<&str>,
        now: TimestampMs,
    ) -> Result<Added, ServiceError> {
        check_request(request)?;
        let stored = self.find(owner, id).await?;
        let body = serde_json::to_vec(entry).map_err(|_| ServiceError::Internal("no JSON"))?;
        let mac = self.keys.mac(&stored.person, &body).await?;
        let (mut open, done) = self.lock(&stored, request, &mac).await?;
        let done = match done {
            Locked::Known(known) => return Ok(known),
            Locked::Free(done) => done,
        };
        let phase = stored
            .template
            .admit(&done, entry.phase)
            .map_err(|refusal| ServiceError::Refused(vec![refusal]))?;
        let checked = entry.check(phase).map_err(ServiceError::Refused)?;
        let number = u32::try_from(done.len()).unwrap_or(u32::MAX) + 1;
        if number >= ENTRIES_MAX {
            let en = format!("a transaction has at most {ENTRIES_MAX} entries, its pack among them");
            return Err(refuse(
                "phase",
                "entries-max",
                en,
                format!("一个事务最多 {ENTRIES_MAX} 条存证(含存证包)"),
            ));
        }
        let new = New {
            number,
            phase: entry.phase,
            fields: checked.fields,
            searchable: checked.searchable,
            request,
            mac,
        };
        let added = self.insert(&mut open, &stored, owner, new, now).await?;
        open.commit().await?;
        self.wake.notify_one();
        Ok(added)
    }

    /// Closes a transaction with a pack: one commitment over every entry's. Asking again gives the same pack.
    ///
    /// # Errors
    /// [`ServiceError::Refused`] naming the required phases that are missing; [`ServiceError::NotFound`].
    pub async fn pack(&self, owner: &str, id: &str, now: TimestampMs) -> Result<Added, ServiceError> {
        let stored = self.find(owner, id).await?;
        let mac = self.keys.mac(&stored.person, b"pack").await?;
        // No caller's key has a space.
        let request = Some("the pack");
        let (mut open, done) = self.lock(&stored, request, &mac).await?;
        let done = match done {
            Locked::Known(known) => return Ok(known),
            Locked::Free(done) => done,
        };
        stored.template.complete(&done).map_err(ServiceError::Refused)?;
        let sql = "SELECT number, root FROM evidence_entries WHERE transaction_id = $1 ORDER BY number";
        let mut fields = vec![("pack.entries".to_owned(), FieldValue::Number(done.len() as u64))];
        for row in open.query(sql, vec![id.into()]).await? {
            let root = Digest::new(DigestAlg::Sha256, row.bytes(1)?);
            let root = root.map_err(|_| ServiceError::Internal("a root of another length"))?;
            fields.push((format!("pack.entry.{:03}", number(&row, 0)?), FieldValue::Digest(root)));
        }
        let number = u32::try_from(done.len()).unwrap_or(u32::MAX) + 1;
        let new = New { number, phase: PACK_PHASE, fields, searchable: None, request, mac };
        let added = self.insert(&mut open, &stored, owner, new, now).await?;
        let sql = "UPDATE evidence_transactions SET state = 'closed' WHERE id = $1";
        open.execute(sql, vec![id.into()]).await?;
        open.commit().await?;
        self.wake.notify_one();
        Ok(added)
    }

    /// Begins a change of an open transaction, which nobody else changes until it ends; the phases of its entries, in their order.
    async fn lock(
        &self,
        stored: &Stored,
        request: Option<&str>,
        mac: &[u8; 32],
    ) -> Result<(Transaction, Locked), ServiceError> {
        let id = stored.id.as_str();
        let mut open = self.database.begin().await?;
        // Takes the row's lock, whether or not it is open.
        let sql = "UPDATE evidence_transactions SET entries = entries + 1 WHERE id = $1";
        open.execute(sql, vec![id.into()]).await?;
        if let Some(request) = request {
            let sql =
                "SELECT number, root, mac FROM evidence_entries WHERE transaction_id = $1 AND request = $2";
            let rows = open.query(sql, vec![id.into(), request.into()]).await?;
            if let Some(row) = rows.first() {
                if row.bytes(2)? != mac {
                    return Err(ServiceError::Reused);
                }
                let known = Added { entry: number(row, 0)?, root: hex::encode(row.bytes(1)?), known: true };
                return Ok((open, Locked::Known(known)));
            }
        }
        let sql = "SELECT state FROM evidence_transactions WHERE id = $1";
        let rows = open.query(sql, vec![id.into()]).await?;
        if rows.first().map(|row| row.text(0)).transpose()? != Some("open") {
            return Err(ServiceError::Closed);
        }
        let sql = "SELECT phase FROM evidence_entries WHERE transaction_id = $1 ORDER BY number";
        let rows = open.query(sql, vec![id.into()]).await?;
        let done = rows.iter().map(|row| number(row, 0)).collect::<Result<_, _>>()?;
        Ok((open, Locked::Free(done)))
    }

    async fn insert(
        &self,
        open: &mut Transaction,
        stored: &Stored,
        owner: &str,
        new: New<'_>,
        now: TimestampMs,
    ) -> Result<Added, ServiceError> {
        let id = stored.id.as_str();
        let manifest = self.manifest(stored, &new).await?;
        let sealed =
            self.keys.seal(&stored.person, &manifest_place(id, new.number), &canonical(&manifest)).await?;
        let root = manifest.root();
        let sql = "INSERT INTO evidence_entries \
            (transaction_id, number, phase, root, searchable, manifest, added_ms, request, mac) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let values = vec![
            id.into(),
            i64::from(new.number).into(),
            i64::from(new.phase).into(),
            root[..].into(),
            new.searchable.map(|digest| digest.value.to_vec()).into(),
            sealed.into(),
            ms(now),
            new.request.map(str::to_owned).into(),
            new.mac[..].into(),
        ];
        open.execute(sql, values).await?;
        for sink in &stored.sinks {
            let sql = "INSERT INTO evidence_legs (transaction_id, number, sink, state, attempts, next_ms) \
                VALUES ($1, $2, $3, 'pending', 0, $4)";
            let values = vec![id.into(), i64::from(new.number).into(), sink.as_str().into(), ms(now)];
            open.execute(sql, values).await?;
        }
        tracing::debug!(owner, transaction = id, entry = new.number, phase = new.phase, "entry");
        Ok(Added { entry: new.number, root: hex::encode(root), known: false })
    }

    async fn manifest(&self, stored: &Stored, new: &New<'_>) -> Result<Manifest, ServiceError> {
        let mut fields = place(&stored.id, stored.template, new.phase, new.number);
        fields.extend(new.fields.iter().cloned());
        fields.extend(self.demonstration.then(demonstration_field));
        if let Some(customer) = self.customer(stored).await? {
            fields.extend(customer.fields());
        }
        let gone = ServiceError::Internal("a sink of this transaction is no longer configured");
        let listed: Option<Vec<_>> =
            stored.sinks.iter().map(|name| Some(self.sink(name)?.listed())).collect();
        fields.extend(sink_fields(&listed.ok_or(gone)?));
        // One seed, so that a failure of the system's randomness is noticed before any salt is made.
        let (seed, mut count) = (random::<32>()?, 0_u64);
        let manifest = Manifest::new(fields, || {
            count += 1;
            let bytes = sha256(&[&seed[..], &count.to_be_bytes()].concat());
            let mut salt = [0; 16];
            salt.copy_from_slice(&bytes[..16]);
            salt
        });
        manifest.map_err(|_| ServiceError::Internal("fields that make no manifest"))
    }

    async fn customer(&self, stored: &Stored) -> Result<Option<Customer>, ServiceError> {
        let Some(sealed) = &stored.customer else { return Ok(None) };
        let plain = self.keys.unseal(&stored.person, &customer_place(&stored.id), sealed).await?;
        let read = serde_json::from_slice(&plain);
        read.map(Some).map_err(|_| ServiceError::Internal("sealed data of another form"))
    }

    /// A transaction with its entries and their legs.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn show(&self, owner: &str, id: &str) -> Result<TransactionView, ServiceError> {
        let stored = self.find(owner, id).await?;
        let sql = "SELECT number, phase, root, added_ms FROM evidence_entries WHERE transaction_id = $1 ORDER BY number";
        let mut entries = Vec::new();
        for row in self.database.query(sql, vec![id.into()]).await? {
            entries.push(EntryView {
                entry: number(&row, 0)?,
                phase: number(&row, 1)?,
                root: hex::encode(row.bytes(2)?),
                added: time(&row, 3)?.rfc3339(),
                complete: false,
                legs: Vec::new(),
            });
        }
        let sql = "SELECT number, sink, state, attempts, reason, next_ms, record FROM evidence_legs \
            WHERE transaction_id = $1 ORDER BY seq";
        for row in self.database.query(sql, vec![id.into()]).await? {
            let at = usize::try_from(number(&row, 0)?).unwrap_or_default();
            let entry = at.checked_sub(1).and_then(|at| entries.get_mut(at));
            entry.ok_or(ServiceError::Internal("a leg of no entry"))?.legs.push(leg(&row)?);
        }
        for entry in &mut entries {
            entry.complete = entry.legs.iter().all(|leg| leg.state == LegState::Sealed);
        }
        let done: Vec<_> = entries.iter().map(|entry| entry.phase).collect();
        let missing = stored.template.missing(&done).iter().map(|phase| phase.number).collect();
        Ok(TransactionView {
            id: stored.id,
            template: stored.template.id.clone(),
            version: stored.template.version,
            state: stored.state,
            opened: stored.opened.rfc3339(),
            entries,
            missing,
        })
    }

    /// Ids of the owner's transactions in the order they were opened, after the one with the id `after`; at most 100.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for an unknown `after`.
    pub async fn list(&self, owner: &str, after: Option<&str>) -> Result<Vec<String>, ServiceError> {
        let mut from = 0;
        if let Some(after) = after {
            let sql = "SELECT seq FROM evidence_transactions WHERE id = $1 AND owner = $2";
            let rows = self.database.query(sql, vec![after.into(), owner.into()]).await?;
            from = rows.first().ok_or(ServiceError::NotFound("transaction"))?.int(0)?;
        }
        let sql = "SELECT id FROM evidence_transactions WHERE owner = $1 AND seq > $2 ORDER BY seq LIMIT $3";
        let rows = self.database.query(sql, vec![owner.into(), from.into(), LIST_MAX.into()]).await?;
        rows.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
    }

    /// What an entry says: every field with its salt.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`]; [`ServiceError::Keys`] when the customer's data was erased.
    pub async fn recorded(&self, owner: &str, id: &str, entry: u32) -> Result<Manifest, ServiceError> {
        let stored = self.find(owner, id).await?;
        let sql = "SELECT manifest FROM evidence_entries WHERE transaction_id = $1 AND number = $2";
        let rows = self.database.query(sql, vec![id.into(), i64::from(entry).into()]).await?;
        let row = rows.first().ok_or(ServiceError::NotFound("entry"))?;
        let plain = self.keys.unseal(&stored.person, &manifest_place(id, entry), row.bytes(0)?).await?;
        from_canonical("manifest", &plain)
            .map_err(|_| ServiceError::Internal("a sealed manifest of another form"))
    }

    /// The bundle of an entry: every field with its salt, and every leg's proof.
    ///
    /// # Errors
    /// [`ServiceError::Incomplete`] until every leg is sealed; [`ServiceError::NotFound`].
    pub async fn bundle(&self, owner: &str, id: &str, entry: u32) -> Result<Vec<u8>, ServiceError> {
        let manifest = self.recorded(owner, id, entry).await?;
        let key = || vec![Value::from(id), i64::from(entry).into()];
        let sql = "SELECT sink, proof, revocations FROM evidence_legs \
            WHERE transaction_id = $1 AND number = $2 ORDER BY seq";
        let (mut legs, rows) = (Vec::new(), self.database.query(sql, key()).await?);
        for row in &rows {
            let Some(proof) = row.optional_bytes(1)? else { continue };
            let name = row.text(0)?.to_owned();
            let sink =
                self.sink(&name).ok_or(ServiceError::Internal("a sink that is no longer configured"))?;
            let revocations = match row.optional_bytes(2)? {
                Some(bytes) => read_lists(bytes)?,
                None => Vec::new(),
            };
            legs.push(Leg { kind: sink.kind(), name, proof: proof.to_vec(), revocations });
        }
        if legs.len() < rows.len() {
            return Err(ServiceError::Incomplete { sealed: legs.len(), legs: rows.len() });
        }
        Ok(Bundle::new(manifest, legs).encode())
    }

    /// What happened to the owner's entries after the event `after`, oldest first; at most 100.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn events(&self, owner: &str, after: i64) -> Result<Vec<Happened>, ServiceError> {
        let sql = "SELECT seq, kind, at_ms, transaction_id, number, sink FROM evidence_events \
            WHERE owner = $1 AND seq > $2 ORDER BY seq LIMIT $3";
        let rows = self.database.query(sql, vec![owner.into(), after.into(), LIST_MAX.into()]).await?;
        rows.iter().map(happened).collect()
    }
}

/// What a transaction's lock found.
enum Locked {
    /// The same request was done before.
    Known(Added),
    /// The phases of its entries.
    Free(Vec<u32>),
}

/// An entry to be written.
struct New<'a> {
    number: u32,
    phase: u32,
    fields: Vec<Field>,
    searchable: Option<Digest>,
    request: Option<&'a str>,
    mac: [u8; 32],
}

/// Lists of a token, one after the other, each after its length in four bytes.
pub(crate) fn write_lists(lists: &[Vec<u8>]) -> Vec<u8> {
    let one =
        |list: &Vec<u8>| [&u32::try_from(list.len()).unwrap_or_default().to_be_bytes()[..], list].concat();
    lists.iter().flat_map(one).collect()
}

fn read_lists(mut bytes: &[u8]) -> Result<Vec<Vec<u8>>, ServiceError> {
    let broken = || ServiceError::Internal("stored revocation lists cannot be read");
    let mut lists = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(broken)?;
        let (list, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize).ok_or_else(broken)?;
        lists.push(list.to_vec());
        bytes = rest;
    }
    Ok(lists)
}

pub(crate) fn group(id: &str) -> Result<GroupId, ServiceError> {
    let mut bytes = [0; 16];
    hex::decode_to_slice(id, &mut bytes).map_err(|_| ServiceError::Internal("an id that is none"))?;
    Ok(GroupId(bytes))
}
