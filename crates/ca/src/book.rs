//! The book: what has happened, entry by entry, and what follows from it. Pure.

mod eyes;

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use xiezhi_pki::{CertificationRequest, RevocationReason, RevokedCertificate, X509Certificate};

use crate::{
    deed::{Deed, Proposal, Rule},
    wish::Wish,
};

/// Format named by the first entry.
pub(crate) const FORMAT: &str = "xiezhi-authority-book/1";
/// Longest word of an officer, in characters.
pub(crate) const REASON_CHARS_MAX: usize = 500;

/// One line of the book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Which, from 0.
    pub number: u64,
    /// SHA-256 of the line before without its end, lower-case hex; 64 zeros in the first.
    pub before: String,
    /// When; unix seconds, never less than in the entry before.
    pub at: u64,
    /// Who: an officer, or `applicant` or `authority`.
    pub by: String,
    /// What.
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Event {
    /// The book was opened.
    Opened {
        /// `xiezhi-authority-book/1`.
        format: String,
        /// SHA-256 of the authority's certificate, lower-case hex.
        authority: String,
    },
    /// Somebody asked for a certificate.
    Applied {
        /// The application's id.
        application: String,
        /// PKCS#10, base64 of DER.
        request: String,
        /// What was wished for.
        wish: Wish,
    },
    /// An application was refused.
    Refused {
        /// Which.
        application: String,
        /// Why, for the applicant.
        reason: String,
    },
    /// A certificate was issued.
    Issued {
        /// Upon which application; none for the authority's own responder.
        application: Option<String>,
        /// X.509, base64 of DER.
        certificate: String,
    },
    /// A certificate was suspended.
    Suspended {
        /// Serial number, lower-case hex.
        serial: String,
    },
    /// A suspension was lifted.
    Released {
        /// Serial number, lower-case hex.
        serial: String,
    },
    /// A certificate was revoked for good.
    Revoked {
        /// Serial number, lower-case hex.
        serial: String,
        /// Why, as RFC 5280, section 5.3.1, names it.
        reason: String,
        /// Since when the key cannot be relied on, if that is known to be earlier; unix seconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        invalid_since: Option<u64>,
    },
    /// From now on these deeds need two officers.
    Ruled(Rule),
    /// One of the rule's officers proposes something.
    Proposed {
        /// What.
        deed: Deed,
        /// By the key of who proposes, in hex.
        signature: String,
    },
    /// Another officer confirms it: it can be done, once.
    Confirmed {
        /// The number of the proposal's entry.
        proposal: u64,
        /// By the key of who confirms, in hex.
        signature: String,
    },
    /// A revocation list was issued; the file lies beside the book.
    Listed {
        /// Its number.
        list: u64,
        /// When the next is due; unix seconds.
        next_update: u64,
        /// SHA-256 of its DER, lower-case hex.
        digest: String,
    },
}

/// What does not fit into the book.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct BookError {
    /// Why.
    pub reason: String,
}

pub(crate) fn refuse<T>(reason: impl Into<String>) -> Result<T, BookError> {
    Err(BookError { reason: reason.into() })
}

/// An application and what became of it.
#[derive(Debug, Clone)]
pub struct Application {
    /// When it was made.
    pub at: u64,
    /// The request, whose key signed it.
    pub request: CertificationRequest,
    /// What was wished for.
    pub wish: Wish,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Nobody has decided.
    Pending,
    /// Certified; the serial numbers, the newest last.
    Issued(Vec<Vec<u8>>),
    /// Refused.
    Refused {
        /// When.
        at: u64,
        /// Why.
        reason: String,
    },
}

/// A certificate and its history.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// When it was issued.
    pub at: u64,
    /// The certificate.
    pub certificate: X509Certificate,
    /// Upon which application.
    pub application: Option<String>,
    /// What happened to it since, in order.
    pub changes: Vec<Change>,
}

/// A change of a certificate's standing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// When.
    pub at: u64,
    /// To what.
    pub standing: Standing,
}

/// How a certificate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing is known against it; it may have expired.
    Good,
    /// Withdrawn, for good or for now.
    Withdrawn(Withdrawal),
}

/// Why and since when a certificate is withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Withdrawal {
    /// Since when; of a certificate that was suspended before, since the suspension.
    pub since: u64,
    /// Why; [`RevocationReason::CertificateHold`] while it is suspended.
    pub reason: RevocationReason,
    /// Since when its key cannot be relied on, if earlier.
    pub invalid_since: Option<u64>,
}

impl Withdrawal {
    /// Whether it can be lifted.
    #[must_use]
    pub fn is_suspension(&self) -> bool {
        self.reason == RevocationReason::CertificateHold
    }
}

impl Certificate {
    /// How it stands now.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.changes.last().map_or(Standing::Good, |change| change.standing)
    }

    /// How it stood at `at`, unix seconds, by what was known then. `None` before it was issued.
    #[must_use]
    pub fn standing_at(&self, at: u64) -> Option<Standing> {
        if at < self.at {
            return None;
        }
        let known = self.changes.iter().rev().find(|change| change.at <= at);
        Some(known.map_or(Standing::Good, |change| change.standing))
    }
}

/// A revocation list that was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// Its number.
    pub number: u64,
    /// When it was made.
    pub at: u64,
    /// When the next is due.
    pub next_update: u64,
    /// SHA-256 of its DER.
    pub digest: [u8; 32],
}

/// What an event does that can happen.
enum Effect {
    Open([u8; 32]),
    Apply(String, Vec<u8>, Box<Application>),
    Refuse(String, Outcome),
    Issue(Box<Certificate>),
    Change(Vec<u8>, Standing),
    List(List),
    Rule(Rule),
    Propose(String, Deed),
    Confirm(usize, String),
}

/// A line that can be the book's next, without its end.
pub(crate) struct Line {
    pub(crate) bytes: Vec<u8>,
    at: u64,
    effect: Effect,
    /// The proposal that it does.
    does: Option<usize>,
}

/// What follows from all entries.
#[derive(Debug, Clone, Default)]
pub struct Book {
    next: u64,
    head: [u8; 32],
    last_at: u64,
    authority: [u8; 32],
    applications: BTreeMap<String, Application>,
    /// Applications as they came.
    order: Vec<String>,
    certificates: BTreeMap<Vec<u8>, Certificate>,
    /// The first application of each key.
    keys: BTreeMap<Vec<u8>, String>,
    pending: usize,
    lists: Vec<List>,
    changed_since_list: bool,
    rule: Option<Rule>,
    proposals: Vec<Proposal>,
    /// Each entry's time and digest, for who compares them with heads that were kept elsewhere.
    heads: Vec<(u64, [u8; 32])>,
}

/// The id of the application that `request` (DER) and `wish` make: the same twice is one application.
pub(crate) fn application_id(request: &[u8], wish: &Wish) -> String {
    let wish = serde_json::to_vec(wish).unwrap_or_default();
    let mut hash = Sha256::new();
    hash.update(b"xiezhi-application/1");
    hash.update((request.len() as u64).to_be_bytes());
    hash.update(request);
    hash.update(wish);
    hex::encode(&hash.finalize()[..16])
}

impl Book {
    /// Takes the next line, without its end.
    ///
    /// # Errors
    /// [`BookError`]; the book is as before then.
    pub fn take(&mut self, line: &[u8]) -> Result<(), BookError> {
        let entry: Entry =
            serde_json::from_slice(line).map_err(|e| BookError { reason: format!("not an entry: {e}") })?;
        if serde_json::to_vec(&entry).ok().as_deref() != Some(line) {
            return refuse("not written as entries are");
        }
        if entry.number != self.next || entry.before != hex::encode(self.head) {
            return refuse("does not follow upon the entry before");
        }
        if entry.at < self.last_at {
            return refuse("is older than the entry before");
        }
        let does = self.permitted(entry.at, &entry.event)?;
        let effect = self.judge(entry.at, &entry.by, &entry.event)?;
        self.happened(Line { bytes: line.to_vec(), at: entry.at, effect, does });
        Ok(())
    }

    /// The line for what `by` does at `now`, if it can happen; it has not happened yet. A clock that has gone back counts as standing still.
    pub(crate) fn line(&self, now: u64, by: &str, event: Event) -> Result<Line, BookError> {
        if by.is_empty() || by.chars().count() > 100 || by.chars().any(char::is_control) {
            return refuse("who does it has a name of 1 to 100 characters");
        }
        let at = self.now(now);
        let does = self.permitted(at, &event)?;
        let effect = self.judge(at, by, &event)?;
        let before = hex::encode(self.head);
        let entry = Entry { number: self.next, before, at, by: by.to_owned(), event };
        let bytes = serde_json::to_vec(&entry).map_err(|e| BookError { reason: e.to_string() })?;
        Ok(Line { bytes, at, effect, does })
    }

    /// What the next line says has happened.
    pub(crate) fn happened(&mut self, line: Line) {
        let digest = Sha256::digest(&line.bytes).into();
        if let Some(proposal) = line.does.and_then(|at| self.proposals.get_mut(at)) {
            proposal.is_done = true;
        }
        self.happen(line.at, line.effect, digest);
        self.next += 1;
        self.head = digest;
        self.heads.push((line.at, digest));
        self.last_at = line.at;
    }

    /// `now`, but never before what the book says.
    #[must_use]
    pub fn now(&self, now: u64) -> u64 {
        now.max(self.last_at)
    }

    /// What `event` does at `at`, if it can happen.
    fn judge(&self, at: u64, by: &str, event: &Event) -> Result<Effect, BookError> {
        if (self.next == 0) != matches!(event, Event::Opened { .. }) {
            return refuse("the first entry opens the book, and no other");
        }
        Ok(match event {
            Event::Opened { format, .. } if format != FORMAT => {
                return refuse(format!("the format is {format:?}, not {FORMAT:?}"));
            }
            Event::Opened { authority, .. } => Effect::Open(digest(authority)?),
            Event::Applied { application, request, wish } => self.applied(at, application, request, wish)?,
            Event::Refused { application, reason } => {
                match self.applications.get(application) {
                    None => return refuse("there is no such application"),
                    Some(found) if found.outcome != Outcome::Pending => {
                        return refuse("the application is decided");
                    }
                    Some(_) => {}
                }
                if reason.trim().is_empty() || reason.chars().count() > REASON_CHARS_MAX {
                    return refuse("a refusal has a reason of 1 to 500 characters");
                }
                Effect::Refuse(application.clone(), Outcome::Refused { at, reason: reason.clone() })
            }
            Event::Issued { application, certificate } => {
                self.issued(at, application.as_deref(), certificate)?
            }
            Event::Suspended { serial } => {
                let reason = RevocationReason::CertificateHold;
                let withdrawal = Withdrawal { since: at, reason, invalid_since: None };
                let (serial, standing) = self.find(serial)?;
                match standing {
                    Standing::Good => Effect::Change(serial, Standing::Withdrawn(withdrawal)),
                    Standing::Withdrawn(now) if now.is_suspension() => {
                        return refuse("the certificate is suspended already");
                    }
                    Standing::Withdrawn(_) => return refuse("the certificate is revoked"),
                }
            }
            Event::Released { serial } => {
                let (serial, standing) = self.find(serial)?;
                match standing {
                    Standing::Withdrawn(now) if now.is_suspension() => Effect::Change(serial, Standing::Good),
                    Standing::Withdrawn(_) => return refuse("the certificate is revoked, which is for good"),
                    Standing::Good => return refuse("the certificate is not suspended"),
                }
            }
            Event::Revoked { serial, reason, invalid_since } => {
                let reason = RevocationReason::from_name(reason)
                    .filter(|reason| *reason != RevocationReason::CertificateHold);
                let Some(reason) = reason else {
                    return refuse("the reason is none for which certificates are revoked");
                };
                let (serial, standing) = self.find(serial)?;
                let since = match standing {
                    Standing::Good => at,
                    Standing::Withdrawn(now) if now.is_suspension() => now.since,
                    Standing::Withdrawn(_) => return refuse("the certificate is revoked already"),
                };
                if invalid_since.is_some_and(|since| since > at) {
                    return refuse("the key cannot have become unreliable later than now");
                }
                let withdrawal = Withdrawal { since, reason, invalid_since: *invalid_since };
                Effect::Change(serial, Standing::Withdrawn(withdrawal))
            }
            Event::Ruled(rule) => {
                rule.check()?;
                Effect::Rule(rule.clone())
            }
            Event::Proposed { .. } | Event::Confirmed { .. } => self.eyes(by, event)?,
            Event::Listed { list, next_update, digest: of } => {
                if self.lists.last().is_some_and(|last| last.number >= *list) || *next_update <= at {
                    return refuse("a revocation list has a higher number than the last, and a next one");
                }
                Effect::List(List { number: *list, at, next_update: *next_update, digest: digest(of)? })
            }
        })
    }

    fn applied(&self, at: u64, id: &str, request: &str, wish: &Wish) -> Result<Effect, BookError> {
        let request = read_request(request)?;
        wish.check().map_err(|e| BookError { reason: e.to_string() })?;
        if application_id(request.der(), wish) != id {
            return refuse("the application's id is another");
        }
        if self.applications.contains_key(id) {
            return refuse("there is this application already");
        }
        wish.profile(request.public_key(), id).map_err(|e| BookError { reason: e.to_string() })?;
        let key = request.public_key().to_spki_der();
        let other = self.keys.get(&key).and_then(|id| self.applications.get(id));
        if other.is_some_and(|other| other.wish != *wish) {
            return refuse("the key is another subject's: a key is certified for one subject only");
        }
        let application = Application { at, request, wish: wish.clone(), outcome: Outcome::Pending };
        Ok(Effect::Apply(id.to_owned(), key, Box::new(application)))
    }

    fn issued(&self, at: u64, application: Option<&str>, der: &str) -> Result<Effect, BookError> {
        let certificate = read_certificate(der)?;
        if self.certificates.contains_key(certificate.serial()) {
            return refuse("the serial number was used before");
        }
        if let Some(id) = application {
            let Some(found) = self.applications.get(id) else {
                return refuse("there is no such application");
            };
            if certificate.public_key() != found.request.public_key() {
                return refuse("the certificate has another key than the request");
            }
            if matches!(found.outcome, Outcome::Refused { .. }) {
                return refuse("the application was refused");
            }
        }
        let application = application.map(str::to_owned);
        Ok(Effect::Issue(Box::new(Certificate { at, certificate, application, changes: Vec::new() })))
    }

    fn find(&self, serial: &str) -> Result<(Vec<u8>, Standing), BookError> {
        let bytes =
            hex::decode(serial).map_err(|_| BookError { reason: "not a serial number".to_owned() })?;
        if hex::encode(&bytes) != serial {
            return refuse("a serial number is in lower-case hex");
        }
        match self.certificates.get(&bytes) {
            Some(found) => Ok((bytes, found.standing())),
            None => refuse("there is no certificate of this serial number"),
        }
    }

    fn happen(&mut self, at: u64, effect: Effect, digest: [u8; 32]) {
        match effect {
            Effect::Open(authority) => self.authority = authority,
            Effect::Apply(id, key, application) => {
                self.keys.entry(key).or_insert_with(|| id.clone());
                self.applications.insert(id.clone(), *application);
                self.order.push(id);
                self.pending += 1;
            }
            Effect::Refuse(id, outcome) => {
                if let Some(application) = self.applications.get_mut(&id) {
                    application.outcome = outcome;
                    self.pending -= 1;
                }
            }
            Effect::Issue(issued) => {
                let serial = issued.certificate.serial().to_vec();
                let application = issued.application.as_ref().and_then(|id| self.applications.get_mut(id));
                match application.map(|application| &mut application.outcome) {
                    Some(Outcome::Issued(serials)) => serials.push(serial.clone()),
                    Some(outcome) => {
                        *outcome = Outcome::Issued(vec![serial.clone()]);
                        self.pending -= 1;
                    }
                    None => {}
                }
                self.certificates.insert(serial, *issued);
            }
            Effect::Change(serial, standing) => {
                if let Some(found) = self.certificates.get_mut(&serial) {
                    found.changes.push(Change { at, standing });
                    self.changed_since_list = true;
                }
            }
            Effect::List(list) => {
                self.lists.push(list);
                self.changed_since_list = false;
            }
            Effect::Rule(rule) => self.rule = Some(rule),
            Effect::Propose(by, deed) => self.proposals.push(Proposal {
                number: self.next,
                at,
                by,
                deed,
                confirmed_by: None,
                is_done: false,
                digest,
            }),
            Effect::Confirm(place, by) => self.proposals[place].confirmed_by = Some(by),
        }
    }

    /// SHA-256 of the certificate of the authority whose book it is.
    #[must_use]
    pub fn authority(&self) -> [u8; 32] {
        self.authority
    }

    /// How many entries there are, and the SHA-256 of the last line: whoever keeps these notices a book that was changed.
    #[must_use]
    pub fn head(&self) -> (u64, [u8; 32]) {
        (self.next, self.head)
    }

    /// How many entries there were when the last line had the SHA-256 `head`; `None` when that never was.
    #[must_use]
    pub fn entries_at(&self, head: &[u8; 32]) -> Option<u64> {
        let place = self.heads.iter().position(|(_, known)| known == head)?;
        u64::try_from(place).ok()?.checked_add(1)
    }

    /// When the entry of that number was made; unix seconds.
    #[must_use]
    pub fn entry_time(&self, number: u64) -> Option<u64> {
        self.heads.get(usize::try_from(number).ok()?).map(|(at, _)| *at)
    }

    /// The application of that id.
    #[must_use]
    pub fn application(&self, id: &str) -> Option<&Application> {
        self.applications.get(id)
    }

    /// All applications as they came.
    pub fn applications(&self) -> impl Iterator<Item = (&str, &Application)> {
        self.order.iter().filter_map(|id| Some((id.as_str(), self.applications.get(id)?)))
    }

    /// How many applications nobody has decided.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending
    }

    /// The certificate of that serial number, big-endian without leading zeros.
    #[must_use]
    pub fn certificate(&self, serial: &[u8]) -> Option<&Certificate> {
        self.certificates.get(serial)
    }

    /// All certificates, by serial number.
    pub fn certificates(&self) -> impl Iterator<Item = (&[u8], &Certificate)> {
        self.certificates.iter().map(|(serial, certificate)| (serial.as_slice(), certificate))
    }

    /// How the certificate of that serial number stood at `at`, unix seconds, by what was known then.
    #[must_use]
    pub fn standing(&self, serial: &[u8], at: u64) -> Option<Standing> {
        self.certificates.get(serial)?.standing_at(at)
    }

    /// The revocation lists, oldest first.
    #[must_use]
    pub fn lists(&self) -> &[List] {
        &self.lists
    }

    /// Whether a certificate was withdrawn or released since the newest list.
    #[must_use]
    pub fn changed_since_list(&self) -> bool {
        self.changed_since_list
    }

    /// What the next revocation list says: everything withdrawn now, expired or not.
    #[must_use]
    pub fn withdrawn(&self) -> Vec<RevokedCertificate> {
        let entry = |(serial, certificate): (&Vec<u8>, &Certificate)| match certificate.standing() {
            Standing::Good => None,
            Standing::Withdrawn(Withdrawal { since, reason, invalid_since }) => {
                Some(RevokedCertificate { serial: serial.clone(), revoked_at: since, reason, invalid_since })
            }
        };
        self.certificates.iter().filter_map(entry).collect()
    }
}

fn digest(text: &str) -> Result<[u8; 32], BookError> {
    let mut bytes = [0; 32];
    match hex::decode_to_slice(text, &mut bytes) {
        Ok(()) if hex::encode(bytes) == text => Ok(bytes),
        _ => refuse("a digest is 64 digits of lower-case hex"),
    }
}

fn read_request(text: &str) -> Result<CertificationRequest, BookError> {
    let der =
        BASE64.decode(text).map_err(|_| BookError { reason: "the request is not base64".to_owned() })?;
    CertificationRequest::from_der(&der).map_err(|e| BookError { reason: e.to_string() })
}

fn read_certificate(text: &str) -> Result<X509Certificate, BookError> {
    let wrong = |reason: String| BookError { reason };
    let der = BASE64.decode(text).map_err(|_| wrong("the certificate is not base64".to_owned()))?;
    X509Certificate::from_der(&der).map_err(|e| wrong(e.to_string()))
}
