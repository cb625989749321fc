//! What the office does and puts on the ledger: revocations of bindings, and erasures.
//!
//! ```text
//! deed --one transaction with--> record owed --who serves the office--> deposited --> its certificate is kept
//! ```
//!
//! A crash anywhere leaves the record owed, and [`Desk::deliver`] goes on: the statement is written before it is sent, so that sending it again makes no
//! second record; a person's key is gone before the ledger says that it is.

use xiezhi_database::{DatabaseError, PersonId, Row, Transaction, Value};
use xiezhi_depositor::{LedgerError, NodeLedger};
use xiezhi_evidence::{Body, Certificate, Manifest, manifest::Value as Field};
use xiezhi_types::{RecordNumber, TimestampMs, canonical, from_canonical};

use super::{
    Application, Asked, Desk, DeskError, LIST_MAX, application, group, ms, permit, reason_place, salts, step,
};
use crate::{
    Erasure, Event, Revocation, State,
    binding::{self, PHASE_REVOKED},
    policy::{Action, Scope, Session, scope},
};

/// Most records that one round puts on the ledger.
const ROUND_MAX: i64 = 100;

/// A revocation or an erasure, as it stands on the ledger or will.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct OnRecord {
    /// The account whose binding is revoked; left out of an erasure.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub account: String,
    /// When it was done, RFC 3339.
    pub time: String,
    /// A revocation's reason, an erasure's lawful basis.
    pub reason: String,
    /// Reference of the decision in the office's files.
    pub reference: String,
    /// Who did it; left out of a revocation, whose history says so.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub actor: String,
    /// The record's number; `None` until it is sealed.
    pub record: Option<String>,
    /// The certificate with all fields.
    #[serde(skip)]
    pub certificate: Option<Vec<u8>>,
}

fn manifest_of(bytes: &[u8]) -> Result<Manifest, DeskError> {
    from_canonical("manifest", bytes).map_err(|_| DeskError::Internal("a record's manifest of another form"))
}

/// Of `account, manifest, certificate`.
fn on_record(row: &Row) -> Result<OnRecord, DeskError> {
    let manifest = manifest_of(row.bytes(1)?)?;
    let field = |names: [&str; 2]| match names.iter().find_map(|name| manifest.value(name)) {
        Some(Field::Text(text)) => text.clone(),
        _ => String::new(),
    };
    let mut found = OnRecord {
        account: row.text(0)?.to_owned(),
        time: field(["revocation.at", "erasure.at"]),
        reason: field(["revocation.reason", "erasure.basis"]),
        reference: field(["revocation.reference", "erasure.reference"]),
        actor: field(["", "erasure.by"]),
        record: None,
        certificate: None,
    };
    if let Some(bytes) = row.optional_bytes(2)? {
        let mut certificate =
            Certificate::parse(bytes).map_err(|_| DeskError::Internal("a certificate of another form"))?;
        let (ledger, index) = (certificate.checkpoint.ledger, certificate.index);
        found.record = Some(RecordNumber::new(&ledger, index, None).to_string());
        certificate.manifest = Some(manifest);
        found.certificate = Some(certificate.encode());
    }
    Ok(found)
}

/// Writes down that a record is owed, with the deed; false if it was before.
async fn owe(
    open: &mut Transaction,
    kind: &'static str,
    one: &Application,
    account: &str,
    manifest: &Manifest,
) -> Result<bool, DatabaseError> {
    let sql = "INSERT INTO office_records (kind, application, account, person, demonstration, manifest) \
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (kind, application, account, person) DO NOTHING";
    let (application, person) =
        if account.is_empty() { ("", one.person.0.as_str()) } else { (one.id.as_str(), "") };
    let values = vec![
        kind.into(),
        application.into(),
        account.into(),
        person.into(),
        i64::from(one.demonstration).into(),
        canonical(manifest).into(),
    ];
    Ok(open.execute(sql, values).await? == 1)
}

impl Desk {
    /// The revocations of bindings to an application, oldest first.
    pub(crate) async fn revocations(&self, application: &str) -> Result<Vec<OnRecord>, DeskError> {
        let sql = "SELECT account, manifest, certificate FROM office_records \
            WHERE kind = 'revocation' AND application = $1 ORDER BY seq";
        self.database.query(sql, vec![application.into()]).await?.iter().map(on_record).collect()
    }

    /// The erasures after the first `after`, oldest first, at most [`LIST_MAX`]; nothing of any person. None is ever taken out.
    ///
    /// # Errors
    /// [`DeskError::Denied`].
    pub async fn erasures(&self, session: &Session, after: u32) -> Result<Vec<OnRecord>, DeskError> {
        permit(session, Action::ReadErasures, self.own(session))?;
        let sql = "SELECT account, manifest, certificate FROM office_records WHERE kind = 'erasure' \
            ORDER BY seq LIMIT $1 OFFSET $2";
        self.database
            .query(sql, vec![i64::from(LIST_MAX).into(), i64::from(after).into()])
            .await?
            .iter()
            .map(on_record)
            .collect()
    }

    /// Takes an application back, which its applicant alone can and only before it is judged.
    ///
    /// # Errors
    /// [`DeskError::NotFound`], [`DeskError::Denied`], [`DeskError::WrongState`].
    pub async fn withdraw(&self, session: &Session, id: &str, now: TimestampMs) -> Result<State, DeskError> {
        let one = self.find_for(session, Action::Withdraw, id).await?;
        self.advance(&one, Event::Withdrawn, &session.principal, now, None, None).await
    }

    fn revocation(
        &self,
        revocation: &Revocation,
        account: &str,
        now: TimestampMs,
    ) -> Result<Manifest, DeskError> {
        let manifest = binding::revocation(revocation, account, &self.institution, now, salts()?);
        manifest.map_err(|_| DeskError::Internal("a revocation that makes no manifest"))
    }

    /// Revokes the binding of `account`; for ever, and once. Whoever may do it on his own applications only does it as their holder.
    ///
    /// # Errors
    /// [`DeskError::Refused`], [`DeskError::Denied`], [`DeskError::NoBinding`].
    pub async fn revoke(
        &self,
        session: &Session,
        id: &str,
        account: &str,
        revocation: &Revocation,
        now: TimestampMs,
    ) -> Result<(), DeskError> {
        let one = self.find_for(session, Action::RevokeBinding, id).await?;
        let by_holder = Revocation::by_holder();
        let is_holder = scope(session.role, Action::RevokeBinding) == Scope::Own;
        let revocation = if is_holder { &by_holder } else { revocation };
        revocation.check().map_err(DeskError::Refused)?;
        if !self.bindings(&one.id).await?.iter().any(|bound| bound == account) {
            return Err(DeskError::NoBinding);
        }
        let manifest = self.revocation(revocation, account, now)?;
        let mut open = self.database.begin().await?;
        if owe(&mut open, "revocation", &one, account, &manifest).await? {
            step(&mut open, &one, Event::BindingRevoked, &session.principal, now, None).await?;
            open.commit().await?;
        }
        Ok(())
    }

    /// Takes an approval back, and with it every binding. Repeated under the same `key` it changes nothing.
    ///
    /// # Errors
    /// [`DeskError::Refused`], [`DeskError::Denied`], [`DeskError::WrongState`].
    pub async fn rescind(
        &self,
        session: &Session,
        id: &str,
        revocation: &Revocation,
        key: Option<&str>,
        now: TimestampMs,
    ) -> Result<State, DeskError> {
        let one = self.find_for(session, Action::Decide, id).await?;
        revocation.check().map_err(DeskError::Refused)?;
        let why = format!("{} {}", revocation.reason, revocation.reference);
        let what = format!("rescission {id}\n{why}");
        let once = match self.asked(session, key, &one.person, what.as_bytes()).await? {
            Asked::Before(_) => return Ok(one.state),
            Asked::Now(once) => once,
        };
        one.state.after(Event::Rescinded)?;
        let sealed = self.keys.seal(&one.person, &reason_place(id), why.trim_end().as_bytes()).await?;
        let mut open = self.database.begin().await?;
        let state = step(&mut open, &one, Event::Rescinded, &session.principal, now, Some(sealed)).await?;
        // Asked for within: an account that was bound a moment ago is among them.
        let sql = "SELECT account FROM bindings WHERE application = $1 ORDER BY seq";
        for row in open.query(sql, vec![id.into()]).await? {
            let account = row.text(0)?;
            owe(&mut open, "revocation", &one, account, &self.revocation(revocation, account, now)?).await?;
        }
        if let Some(once) = once {
            once.done(&mut open, id).await?;
        }
        open.commit().await?;
        Ok(state)
    }

    /// Erases the person of an application, in all of the person's applications and in backups of the database; the record of it names nobody,
    /// and is owed to the ledger. Doing it again finishes what was interrupted.
    ///
    /// # Errors
    /// [`DeskError::Refused`], [`DeskError::Denied`]; [`xiezhi_database::PersonKeyError::Busy`]: try again.
    pub async fn erase(
        &self,
        session: &Session,
        id: &str,
        erasure: &Erasure,
        now: TimestampMs,
    ) -> Result<(), DeskError> {
        let person = self.begin_erasure(session, id, erasure, now).await?;
        Ok(self.keys.erase(&person).await?)
    }

    async fn begin_erasure(
        &self,
        session: &Session,
        id: &str,
        erasure: &Erasure,
        now: TimestampMs,
    ) -> Result<PersonId, DeskError> {
        let asked = self.find_for(session, Action::Erase, id).await?;
        erasure.check().map_err(DeskError::Refused)?;
        let person = asked.person.0.as_str();
        let mut open = self.database.begin().await?;
        let rows =
            open.query(select_application!("WHERE person = $1 ORDER BY seq"), vec![person.into()]).await?;
        let mut is_new = false;
        for row in &rows {
            let one = application(row)?;
            if one.state == State::Erased {
                continue;
            }
            is_new = true;
            step(&mut open, &one, Event::Erased, &session.principal, now, None).await?;
            let id = || Value::from(one.id.as_str());
            let nothing = || Value::from(Vec::new());
            open.execute("UPDATE applications SET data = $1 WHERE id = $2", vec![nothing(), id()]).await?;
            open.execute("UPDATE events SET reason = NULL WHERE application = $1", vec![id()]).await?;
            let sql = "UPDATE bindings SET manifest = $1 WHERE application = $2";
            open.execute(sql, vec![nothing(), id()]).await?;
            open.execute("DELETE FROM idempotency WHERE application = $1", vec![id()]).await?;
        }
        if is_new {
            let sql =
                "INSERT INTO erasures (person, at_ms, actor, basis, reference) VALUES ($1, $2, $3, $4, $5)";
            let (basis, reference) = (erasure.basis.as_str(), erasure.reference.as_str());
            let actor = session.principal.as_str();
            open.execute(sql, vec![person.into(), ms(now), actor.into(), basis.into(), reference.into()])
                .await?;
            let manifest = binding::erasure(erasure, &self.institution, actor, now, salts()?);
            let manifest = manifest.map_err(|_| DeskError::Internal("an erasure that makes no manifest"))?;
            owe(&mut open, "erasure", &asked, "", &manifest).await?;
        }
        open.commit().await?;
        Ok(asked.person)
    }

    /// Puts what the office owes on the ledger; how many records that were tried are still owed. What fails is said in the log and left to the
    /// next round, as is everything after it while the ledger does not answer.
    ///
    /// # Errors
    /// [`DeskError::Database`].
    pub async fn deliver(&self, ledger: &NodeLedger, now: TimestampMs) -> Result<usize, DeskError> {
        let sql = "SELECT seq, application, account, person, demonstration, manifest, statement FROM office_records \
            WHERE certificate IS NULL ORDER BY seq LIMIT $1";
        let mut owed = 0;
        for row in self.database.query(sql, vec![ROUND_MAX.into()]).await? {
            if let Err(error) = self.deliver_one(ledger, &row, now).await {
                owed += 1;
                tracing::warn!(%error, "a record is owed to the ledger");
                if matches!(error, DeskError::Ledger(LedgerError::Unavailable { .. })) {
                    break;
                }
            }
        }
        Ok(owed)
    }

    /// Erases the person's key, if this is the record of an erasure that was interrupted before.
    async fn finish_deed(&self, row: &Row) -> Result<(), DeskError> {
        match row.text(3)? {
            "" => Ok(()),
            person => Ok(self.keys.erase(&PersonId(person.to_owned())).await?),
        }
    }

    async fn deliver_one(&self, ledger: &NodeLedger, row: &Row, now: TimestampMs) -> Result<(), DeskError> {
        self.finish_deed(row).await?;
        ledger.register(now).await?;
        let seq = row.int(0)?;
        let statement = match row.optional_bytes(6)? {
            Some(known) => known.to_vec(),
            None => self.sign_record(ledger, row, now).await?,
        };
        let mut certificate = ledger.deposit(statement).await;
        if matches!(certificate, Err(LedgerError::TooOld)) {
            certificate = ledger.deposit(self.sign_record(ledger, row, now).await?).await;
        }
        let certificate = certificate?.ok_or(DeskError::NotSealed)?;
        let sql = "UPDATE office_records SET certificate = $1 WHERE seq = $2";
        self.database.execute(sql, vec![certificate.into(), seq.into()]).await?;
        Ok(())
    }

    /// The statement of a record that is owed, written down.
    async fn sign_record(
        &self,
        ledger: &NodeLedger,
        row: &Row,
        now: TimestampMs,
    ) -> Result<Vec<u8>, DeskError> {
        let (application, account) = (row.text(1)?, row.text(2)?);
        let (phase, group) = match account {
            "" => (None, None),
            _ => (Some(PHASE_REVOKED), Some(group(application, account))),
        };
        let body = binding::deposit(&manifest_of(row.bytes(5)?)?, phase, row.int(4)? != 0);
        let statement = ledger.sign(Body::Deposit(body), group, now)?;
        let sql = "UPDATE office_records SET statement = $1 WHERE seq = $2";
        self.database.execute(sql, vec![statement.as_slice().into(), row.int(0)?.into()]).await?;
        Ok(statement)
    }
}

#[cfg(test)]
mod tests;
