//! An authority in its directory: what officers decide, what is signed for it, what expires.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use sha2::{Digest as _, Sha256};
use xiezhi_pki::{
    CertificateAuthority, CertificateTemplate, CertificationRequest, ChainError, Crl, CrlTemplate,
    IssueError, Profile, RequestError, RevocationPolicy, RevocationReason, Subject, Suite, Trust, Validity,
    X509Certificate, serial_number, validate,
};

use crate::{
    answers::Answers,
    book::{Application, Book, BookError, Event, FORMAT, Outcome, application_id},
    deed::{Deed, Proposal, Rule},
    journal::{Journal, JournalError},
    wish::{Purpose, Wish, WishError},
};

/// A revocation list is good for this long.
pub const LIST_DAYS: u64 = 30;
/// The responder is certified for this long: nobody asks whether it is revoked.
pub const RESPONDER_DAYS: u64 = 90;
/// Certificates are valid from a little before they are made, so that a clock that is behind accepts them.
const BACKDATED_S: u64 = 3600;
const DAY_S: u64 = 24 * 3600;
/// Most applications that wait for a decision.
const PENDING_MAX: usize = 10_000;
/// Longest address.
const URL_BYTES_MAX: usize = 200;

const CERTIFICATE: &str = "authority.pem";
const CHAIN: &str = "chain.pem";
const URL: &str = "url";
const LISTS: &str = "lists";

/// Why an authority did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// The book.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Another file of the directory.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file of the directory that does not hold what it should, or does not fit the others.
    #[error("{}: {reason}", path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The wish breaks a rule.
    #[error(transparent)]
    Wish(#[from] WishError),
    /// The request is none.
    #[error("request: {0}")]
    Request(#[from] RequestError),
    /// The signer refused.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// What would be issued would not be accepted.
    #[error("what would be issued would not be accepted: {0}")]
    Unusable(#[from] ChainError),
    /// Too many applications wait already.
    #[error("{PENDING_MAX} applications wait for a decision: try again later")]
    Full,
    /// The key that was handed in is another authority's.
    #[error("the key is not this authority's")]
    OtherKey,
}

impl From<BookError> for AuthorityError {
    fn from(error: BookError) -> Self {
        Self::Journal(error.into())
    }
}

/// A certificate, or something else with an end, that ends soon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiring {
    /// Serial number, lower-case hex.
    pub serial: String,
    /// What it is for; `authority` for the authority's own.
    pub profile: &'static str,
    /// Its subject's common name.
    pub common_name: String,
    /// Its last second; unix.
    pub not_after: u64,
}

/// An authority's directory.
#[derive(Debug)]
pub struct Authority {
    dir: PathBuf,
    journal: Journal,
    certificate: X509Certificate,
    /// From its issuer up to the root; empty for one that is a root.
    chain: Vec<X509Certificate>,
    url: Option<String>,
    answers: Answers,
}

impl Authority {
    /// Makes the directory of the authority with `certificate`, whose issuers up to the root are `chain`, that will answer at `url`.
    ///
    /// # Errors
    /// [`AuthorityError`]: a directory that is one already, a certificate that the chain does not certify as an authority, a bad address.
    pub fn create(
        dir: &Path,
        certificate: &X509Certificate,
        chain: &[X509Certificate],
        url: Option<&str>,
        now: u64,
        by: &str,
    ) -> Result<Self, AuthorityError> {
        let content =
            |reason: &str| AuthorityError::Content { path: dir.to_owned(), reason: reason.to_owned() };
        if Self::is_in(dir) {
            return Err(content("holds an authority already"));
        }
        let url = url.map(|url| url.trim_end_matches('/'));
        if url.is_some_and(|url| !is_url(url)) {
            return Err(AuthorityError::Wish(WishError {
                field: "url",
                reason: "http:// or https:// and up to 200 printable ASCII characters are needed".to_owned(),
            }));
        }
        let issuers = std::iter::once(certificate).chain(chain);
        for (below, above) in issuers.zip(chain) {
            if !below.is_issued_by(above) {
                return Err(content("the chain's certificates do not certify each other"));
            }
        }
        let all: String = chain.iter().map(X509Certificate::to_pem).collect();
        fs::create_dir_all(dir.join(LISTS)).map_err(|source| file(dir, source))?;
        write(&dir.join(CHAIN), all.as_bytes())?;
        if let Some(url) = url {
            write(&dir.join(URL), url.as_bytes())?;
        }
        let opened =
            Event::Opened { format: FORMAT.to_owned(), authority: hex::encode(certificate.fingerprint()) };
        Journal::create(dir, now, by, opened)?;
        // Last: a directory without it is none.
        write(&dir.join(CERTIFICATE), certificate.to_pem().as_bytes())?;
        Self::open(dir)
    }

    /// Whether there is an authority in `dir`.
    #[must_use]
    pub fn is_in(dir: &Path) -> bool {
        dir.join(CERTIFICATE).exists()
    }

    /// Opens the directory and reads the book.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn open(dir: &Path) -> Result<Self, AuthorityError> {
        let read = |name: &str| {
            let path = dir.join(name);
            fs::read_to_string(&path).map_err(|source| file(&path, source))
        };
        let content = |name: &str, reason: String| AuthorityError::Content { path: dir.join(name), reason };
        let certificate = X509Certificate::from_pem(&read(CERTIFICATE)?)
            .map_err(|e| content(CERTIFICATE, e.to_string()))?;
        let chain =
            X509Certificate::all_from_pem(&read(CHAIN)?).map_err(|e| content(CHAIN, e.to_string()))?;
        let url = if dir.join(URL).exists() { Some(read(URL)?) } else { None };
        let mut journal = Journal::open(dir)?;
        if journal.book()?.authority() != certificate.fingerprint() {
            return Err(content(CERTIFICATE, "the book is another authority's".to_owned()));
        }
        let answers = Answers::new(dir.join("answers"));
        Ok(Self { dir: dir.to_owned(), journal, certificate, chain, url, answers })
    }

    /// The book as it is now.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn book(&mut self) -> Result<&Book, JournalError> {
        self.journal.book()
    }

    /// Its certificate.
    #[must_use]
    pub fn certificate(&self) -> &X509Certificate {
        &self.certificate
    }

    /// Its issuers, up to the root.
    #[must_use]
    pub fn chain(&self) -> &[X509Certificate] {
        &self.chain
    }

    /// Its certificate and its issuers', the root's last.
    #[must_use]
    pub fn path(&self) -> Vec<X509Certificate> {
        std::iter::once(&self.certificate).chain(&self.chain).cloned().collect()
    }

    /// Where it answers, as its certificates say.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// Takes an application and gives its id; the same twice is one.
    ///
    /// # Errors
    /// [`AuthorityError`]: [`AuthorityError::Request`], [`AuthorityError::Wish`], [`AuthorityError::Full`], a key of another subject.
    pub fn apply(
        &mut self,
        request: &CertificationRequest,
        wish: &Wish,
        now: u64,
        by: &str,
    ) -> Result<String, AuthorityError> {
        wish.check()?;
        let application = application_id(request.der(), wish);
        wish.profile(request.public_key(), &application)?;
        self.fits(&wish.purpose)?;
        let event = Event::Applied {
            application: application.clone(),
            request: BASE64.encode(request.der()),
            wish: wish.clone(),
        };
        self.journal.append(now, by, |book| {
            if book.application(&application).is_some() {
                return Ok(None);
            }
            if book.pending() >= PENDING_MAX {
                return Err(AuthorityError::Full);
            }
            Ok(Some(event))
        })?;
        Ok(application)
    }

    /// Seals and time stamps count only with P-256 all the way up.
    fn fits(&self, purpose: &Purpose) -> Result<(), AuthorityError> {
        let witnesses = matches!(purpose, Purpose::Seal { .. } | Purpose::TimeStamping {});
        let is_p256 = |one: &X509Certificate| one.public_key().suite() == Some(Suite::P256);
        if witnesses && !self.path().iter().all(is_p256) {
            let reason =
                "this authority or one above it does not sign with P-256, as seals and time stamps need";
            return Err(WishError { field: "profile", reason: reason.to_owned() }.into());
        }
        Ok(())
    }

    /// Certifies the key of an application, for `days` days or as long as its profile has it, never longer than the authority itself; an
    /// application that was certified before is renewed by it.
    ///
    /// `serial` gives 16 random bytes.
    ///
    /// # Errors
    /// [`AuthorityError`]; nothing is issued then.
    pub fn issue(
        &mut self,
        signer: &CertificateAuthority,
        application: &str,
        days: Option<u64>,
        now: u64,
        by: &str,
        serial: impl FnMut() -> [u8; 16],
    ) -> Result<X509Certificate, AuthorityError> {
        let book = self.journal.book()?;
        let Some(Application { request, wish, .. }) = book.application(application).cloned() else {
            return Err(BookError { reason: "there is no such application".to_owned() }.into());
        };
        self.fits(&wish.purpose)?;
        let profile = wish.profile(request.public_key(), application)?;
        let subject = Subject { organisation: &wish.organisation, common_name: &wish.common_name };
        let days = days.unwrap_or_else(|| wish.purpose.days());
        self.sign(signer, (profile, subject), days, now, by, Some(application), serial)
    }

    /// Certifies `profile`'s key as the authority's OCSP responder.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn issue_responder(
        &mut self,
        signer: &CertificateAuthority,
        profile: Profile<'_>,
        now: u64,
        by: &str,
        serial: impl FnMut() -> [u8; 16],
    ) -> Result<X509Certificate, AuthorityError> {
        let organisation = self.certificate.organisation().unwrap_or_default();
        let subject = Subject { organisation: &organisation, common_name: "OCSP Responder" };
        self.sign(signer, (profile, subject), RESPONDER_DAYS, now, by, None, serial)
    }

    #[expect(clippy::too_many_arguments, reason = "one place that signs, called by two")]
    fn sign(
        &mut self,
        signer: &CertificateAuthority,
        (profile, subject): (Profile<'_>, Subject<'_>),
        days: u64,
        now: u64,
        by: &str,
        application: Option<&str>,
        mut serial: impl FnMut() -> [u8; 16],
    ) -> Result<X509Certificate, AuthorityError> {
        self.is_own(signer)?;
        let at = self.journal.book()?.now(now);
        let own = self.certificate.validity();
        let validity = Validity {
            not_before: at.saturating_sub(BACKDATED_S).max(own.not_before),
            not_after: at.saturating_add(days.saturating_mul(DAY_S)).min(own.not_after),
        };
        let (crl_url, ocsp_url) = (self.address("/authority.crl"), self.address("/ocsp"));
        let certificate = signer.issue(&CertificateTemplate {
            profile,
            subject,
            serial: serial_number(serial()),
            validity,
            crl_url: crl_url.as_deref(),
            ocsp_url: ocsp_url.as_deref(),
        })?;
        self.accepted(&certificate, profile, at)?;
        let event = Event::Issued {
            application: application.map(str::to_owned),
            certificate: BASE64.encode(certificate.der()),
        };
        self.journal.append(now, by, |_| Ok::<_, AuthorityError>(Some(event)))?;
        Ok(certificate)
    }

    /// What is issued is what a verifier accepts.
    fn accepted(
        &self,
        certificate: &X509Certificate,
        profile: Profile<'_>,
        at: u64,
    ) -> Result<(), AuthorityError> {
        let Some(purpose) = profile.purpose() else { return Ok(()) };
        let path = self.path();
        let mut path: Vec<&[u8]> = path.iter().map(X509Certificate::der).collect();
        let root_der = path.pop().unwrap_or_default();
        let trust =
            Trust { root_der, intermediates: &path, crls: &[], revocation: RevocationPolicy::IF_PRESENT };
        validate(certificate.der(), &trust, at, purpose)?;
        Ok(())
    }

    fn is_own(&self, signer: &CertificateAuthority) -> Result<(), AuthorityError> {
        let same = signer.certificate().der() == self.certificate.der();
        if same { Ok(()) } else { Err(AuthorityError::OtherKey) }
    }

    fn address(&self, path: &str) -> Option<String> {
        Some(format!("{}{path}", self.url.as_ref()?))
    }

    /// Refuses an application, with a reason for the applicant.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn refuse(
        &mut self,
        application: &str,
        reason: &str,
        now: u64,
        by: &str,
    ) -> Result<(), AuthorityError> {
        let event = Event::Refused { application: application.to_owned(), reason: reason.to_owned() };
        self.happen(now, by, event)
    }

    /// Suspends a certificate; it is withdrawn until it is released or revoked.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn suspend(&mut self, serial: &[u8], now: u64, by: &str) -> Result<(), AuthorityError> {
        self.happen(now, by, Event::Suspended { serial: hex::encode(serial) })
    }

    /// Lifts a suspension.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn release(&mut self, serial: &[u8], now: u64, by: &str) -> Result<(), AuthorityError> {
        self.happen(now, by, Event::Released { serial: hex::encode(serial) })
    }

    /// Revokes a certificate for good; `invalid_since` (unix seconds) says since when its key cannot be relied on.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn revoke(
        &mut self,
        serial: &[u8],
        reason: RevocationReason,
        invalid_since: Option<u64>,
        now: u64,
        by: &str,
    ) -> Result<(), AuthorityError> {
        let (serial, reason) = (hex::encode(serial), reason.name().to_owned());
        self.happen(now, by, Event::Revoked { serial, reason, invalid_since })
    }

    /// Lays down which deeds need two officers from now on; where a rule holds already, only after it was confirmed.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn rule(&mut self, rule: Rule, now: u64, by: &str) -> Result<(), AuthorityError> {
        self.happen(now, by, Event::Ruled(rule))
    }

    /// Proposes `deed`, with `sign` for the key of `by`; the proposal's number.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn propose(
        &mut self,
        deed: Deed,
        now: u64,
        by: &str,
        sign: impl FnOnce(&[u8]) -> Vec<u8>,
    ) -> Result<u64, AuthorityError> {
        let mut number = 0;
        self.journal.append(now, by, |book| {
            number = book.head().0;
            let signature = hex::encode(sign(book.to_propose(&deed).as_bytes()));
            Ok::<_, AuthorityError>(Some(Event::Proposed { deed, signature }))
        })?;
        Ok(number)
    }

    /// Confirms a proposal, unless somebody did already; what can be done now, and who proposed it.
    ///
    /// # Errors
    /// [`AuthorityError`]: also for one that is done.
    pub fn confirm(
        &mut self,
        proposal: u64,
        now: u64,
        by: &str,
        sign: impl FnOnce(&[u8]) -> Vec<u8>,
    ) -> Result<Proposal, AuthorityError> {
        let mut found = None;
        self.journal.append(now, by, |book| -> Result<_, AuthorityError> {
            let none = || BookError { reason: "there is no such proposal that is not done".to_owned() };
            let is_it = |one: &&Proposal| one.number == proposal && !one.is_done;
            let one = book.proposals().iter().find(is_it).ok_or_else(none)?;
            let message = book.to_confirm(proposal).ok_or_else(none)?;
            found = Some(one.clone());
            let signature = hex::encode(sign(message.as_bytes()));
            Ok(one.confirmed_by.is_none().then_some(Event::Confirmed { proposal, signature }))
        })?;
        found.ok_or_else(|| BookError { reason: "there is no such proposal".to_owned() }.into())
    }

    fn happen(&mut self, now: u64, by: &str, event: Event) -> Result<(), AuthorityError> {
        self.journal.append(now, by, |_| Ok::<_, AuthorityError>(Some(event)))?;
        Ok(())
    }

    /// Signs a revocation list of what is withdrawn now, and keeps it.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn list(&mut self, signer: &CertificateAuthority, now: u64, by: &str) -> Result<Crl, AuthorityError> {
        self.is_own(signer)?;
        let dir = self.dir.join(LISTS);
        let mut made = None;
        self.journal.append(now, by, |book| -> Result<Option<Event>, AuthorityError> {
            let at = book.now(now);
            let number = book.lists().last().map_or(1, |last| last.number + 1);
            let next_update = at + LIST_DAYS * DAY_S;
            let revoked = book.withdrawn();
            let der =
                signer.issue_crl(&CrlTemplate { number, this_update: at, next_update, revoked: &revoked })?;
            // The file first: the entry says that it is there.
            write(&dir.join(format!("{number}.crl")), &der)?;
            let digest = hex::encode(Sha256::digest(&der));
            made = Some(der);
            Ok(Some(Event::Listed { list: number, next_update, digest }))
        })?;
        let der = made.unwrap_or_default();
        Crl::from_der(&der).map_err(|e| AuthorityError::Content { path: dir, reason: e.to_string() })
    }

    /// The revocation list of that number, or the newest; DER. `None` if there is none.
    ///
    /// # Errors
    /// [`AuthorityError`]: a file that is gone or is not what was issued.
    pub fn list_der(&mut self, number: Option<u64>) -> Result<Option<Vec<u8>>, AuthorityError> {
        let lists = self.journal.book()?.lists();
        let list = match number {
            Some(number) => lists.iter().find(|list| list.number == number),
            None => lists.last(),
        };
        let Some(list) = list else { return Ok(None) };
        let path = self.dir.join(LISTS).join(format!("{}.crl", list.number));
        let der = fs::read(&path).map_err(|source| file(&path, source))?;
        if <[u8; 32]>::from(Sha256::digest(&der)) != list.digest {
            let reason = "is not the list that was issued".to_owned();
            return Err(AuthorityError::Content { path, reason });
        }
        Ok(Some(der))
    }

    /// What ends within `days` days of `now` and has not been renewed or withdrawn for good, soonest first; the authority and its issuers
    /// among it.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn expiring(&mut self, now: u64, days: u64) -> Result<Vec<Expiring>, AuthorityError> {
        let until = now.saturating_add(days.saturating_mul(DAY_S));
        let soon = |certificate: &X509Certificate, profile| {
            let not_after = certificate.validity().not_after;
            (now..=until).contains(&not_after).then(|| Expiring {
                serial: hex::encode(certificate.serial()),
                profile,
                common_name: certificate.common_name().unwrap_or_default(),
                not_after,
            })
        };
        let own = self.path();
        let mut found: Vec<_> = own.iter().filter_map(|certificate| soon(certificate, "authority")).collect();
        let book = self.journal.book()?;
        for (serial, issued) in book.certificates() {
            let application = issued.application.as_deref().and_then(|id| book.application(id));
            let is_newest = match application.map(|application| &application.outcome) {
                Some(Outcome::Issued(serials)) => serials.last().is_some_and(|last| last == serial),
                _ => true,
            };
            let withdrawn = matches!(issued.standing(), crate::Standing::Withdrawn(w) if !w.is_suspension());
            let profile = application.map_or("responder", |application| application.wish.purpose.name());
            if is_newest && !withdrawn {
                found.extend(soon(&issued.certificate, profile));
            }
        }
        found.sort_by(|a, b| (a.not_after, &a.serial).cmp(&(b.not_after, &b.serial)));
        Ok(found)
    }

    /// Whether a new revocation list is due: something has changed since the last one, or half of its time is over.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn is_list_due(&mut self, now: u64) -> Result<bool, AuthorityError> {
        let book = self.journal.book()?;
        let fresh = |list: &crate::List| now < list.at + LIST_DAYS * DAY_S / 2;
        Ok(book.changed_since_list() || !book.lists().last().is_some_and(fresh))
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn parts(&mut self) -> Result<(&Book, &mut Answers), JournalError> {
        Ok((self.journal.book()?, &mut self.answers))
    }
}

fn is_url(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    url.len() <= URL_BYTES_MAX
        && rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_graphic()))
}

fn file(path: &Path, source: std::io::Error) -> AuthorityError {
    AuthorityError::File { path: path.to_owned(), source }
}

/// Writes a file of which nobody ever sees a half.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), AuthorityError> {
    let part = path.with_extension("part");
    let write = || {
        let mut file = fs::File::create(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&part, path)?;
        path.parent().map_or(Ok(()), |dir| fs::File::open(dir)?.sync_all())
    };
    write().map_err(|source| file(path, source))
}
