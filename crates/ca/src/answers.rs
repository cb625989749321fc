//! Answers of the OCSP responder: given again while nothing changes, and kept for later.
//!
//! Kept are answers without a nonce about one certificate that was issued: one a day for each, and one for each change of its standing. That bounds
//! what strangers can make the authority write, and proves later how it stood at its time, when the responder and the authority are long gone.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};
use xiezhi_crypto::Signer;
use xiezhi_pki::ocsp::{OcspQuery, Refusal, Responder, Status};

use crate::{
    Authority, AuthorityError,
    authority::write,
    book::{Book, Standing},
};

/// An answer is given again for this long.
const SAME_S: u64 = 3600;
/// An answer is good for this long.
const GOOD_S: u64 = 24 * 3600;
/// One answer in this time is kept of each certificate.
const KEPT_S: u64 = 24 * 3600;
/// Most answers held ready.
const READY_MAX: usize = 10_000;

#[derive(Debug)]
struct Ready {
    made: u64,
    entries: u64,
    der: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Answers {
    dir: PathBuf,
    ready: BTreeMap<[u8; 32], Ready>,
    /// Of each certificate: when the last was kept, and after how many changes.
    kept: BTreeMap<Vec<u8>, (u64, usize)>,
}

impl Answers {
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir, ready: BTreeMap::new(), kept: BTreeMap::new() }
    }

    fn again(&self, query: &[u8; 32], book: &Book, now: u64) -> Option<Vec<u8>> {
        let ready = self.ready.get(query)?;
        let same = ready.entries == book.head().0 && (ready.made..ready.made + SAME_S).contains(&now);
        same.then(|| ready.der.clone())
    }

    fn keep(&mut self, serial: &[u8], changes: usize, now: u64, der: &[u8]) -> Result<(), AuthorityError> {
        let last = self.kept.get(serial);
        if last.is_some_and(|(at, seen)| *seen == changes && now < at + KEPT_S) {
            return Ok(());
        }
        let dir = self.dir.join(hex::encode(serial));
        fs::create_dir_all(&dir).map_err(|source| AuthorityError::File { path: dir.clone(), source })?;
        write(&dir.join(format!("{now}.der")), der)?;
        self.kept.insert(serial.to_vec(), (now, changes));
        Ok(())
    }

    fn kept_at(dir: &Path, serial: &[u8], at: u64) -> Option<PathBuf> {
        let files = fs::read_dir(dir.join(hex::encode(serial))).ok()?;
        let times = files.filter_map(|entry| {
            let path = entry.ok()?.path();
            let made = path.file_name()?.to_str()?.strip_suffix(".der")?.parse::<u64>().ok()?;
            Some((made, path))
        });
        let good = times.filter(|(made, _)| (*made..=made + GOOD_S).contains(&at));
        good.max_by_key(|(made, _)| *made).map(|(_, path)| path)
    }
}

impl Authority {
    /// Answers an OCSP request (DER) at `now` with what the book says: always an answer, if only that there is none.
    pub fn answer<S: Signer>(&mut self, responder: &Responder<S>, request: &[u8], now: u64) -> Vec<u8> {
        let Ok(query) = OcspQuery::from_der(request) else { return Refusal::MalformedRequest.to_der() };
        let validity = responder.certificate().validity();
        if !(validity.not_before..=validity.not_after).contains(&now) {
            tracing::error!("the responder's certificate is not valid now: no question is answered");
            return Refusal::TryLater.to_der();
        }
        match self.answered(responder, &query, request, now) {
            Ok(der) => der,
            Err(error) => {
                tracing::error!(%error, "no answer");
                Refusal::InternalError.to_der()
            }
        }
    }

    fn answered<S: Signer>(
        &mut self,
        responder: &Responder<S>,
        query: &OcspQuery,
        request: &[u8],
        now: u64,
    ) -> Result<Vec<u8>, AuthorityError> {
        let (book, answers) = self.parts()?;
        let key: [u8; 32] = Sha256::digest(request).into();
        if let Some(der) = answers.again(&key, book, now) {
            return Ok(der);
        }
        let now = book.now(now);
        let der =
            responder.answer(query, now, (now, now + GOOD_S), |serial| match book.standing(serial, now) {
                None => Status::Unknown,
                Some(Standing::Good) => Status::Good,
                Some(Standing::Withdrawn(withdrawal)) => {
                    Status::Revoked { at: withdrawal.since, reason: withdrawal.reason }
                }
            })?;
        if query.has_nonce() {
            return Ok(der);
        }
        if let [question] = query.questions()
            && question.is_about(responder.issuer())
            && let Some(issued) = book.certificate(question.serial())
            && let Err(error) = answers.keep(question.serial(), issued.changes.len(), now, &der)
        {
            // The answer is true all the same, and the revocation lists are kept.
            tracing::warn!(%error, "an answer was not kept");
        }
        if answers.ready.len() >= READY_MAX {
            answers.ready.clear();
        }
        answers.ready.insert(key, Ready { made: now, entries: book.head().0, der: der.clone() });
        Ok(der)
    }

    /// The file of the newest answer that was kept about the certificate of that serial number and was good at `at`, unix seconds.
    #[must_use]
    pub fn answer_kept(&self, serial: &[u8], at: u64) -> Option<PathBuf> {
        Answers::kept_at(&self.dir().join("answers"), serial, at)
    }
}
