//! The offline verifier for browsers: the very code of the `verify` crate behind a handful of exported functions.
//!
//! ```text
//! room(len) -> address     makes place for len bytes of input; the caller writes them there
//! hash_begin, hash_more    a stream's digests, one input after the other; hash_end answers {"size", "digests"}
//! genesis                  input: a genesis file; answers {"ledger", "zh", "en"}, or {"error"}
//! certificate              input: a certificate, the proof of an account, or a bundle, kept for judge
//! judge                    input: the request, JSON; answers the verdict's JSON, as `xiezhi verify --json` prints it; a bundle's: bundle.rs
//! sentences                answers the last verdict's sentences: {"zh": [...], "en": [...]}, one for each check
//! draft                    input: what to deposit, JSON (deposit.rs); answers {"account", "message"}, the message to be signed
//! sign                     input: its signature, r and s; answers {"statement", "manifests", "items"}
//! whole                    input: {"certificate", "manifest"}; answers {"certificate"}, with the manifest in it
//! consistency              input: two checkpoints and the proofs between them, JSON (log.rs); answers {"ledger", "old", "new"}
//! included                 input: a leaf, its place, a tree and the path between them, JSON (log.rs); answers {"root"}
//! answer_at, answer_len    where the last answer lies
//! ```
//!
//! The request is `{"anchors": [{"ledger", "zh", "en"}], "exhibit": null | {"size", "digests"}, "record_only", "declared_time", "stamp_roots"}`; numbers
//! of 64 bits are strings; `stamp_roots`, for bundles, are root certificates in hexadecimal digits. An anchor without a name has its genesis' own.
//!
//! Nothing here reads a clock, a file or the network.

mod bundle;
mod deposit;
mod log;

use std::{cell::RefCell, str::FromStr};

use serde::{Deserialize, Serialize};
use xiezhi_bundle::Bundle;
use xiezhi_crypto::{Digest, DigestAlg, DigestHasher};
use xiezhi_evidence::{Certificate, Genesis, LocalName, account::ProvenAccount};
use xiezhi_types::{LedgerId, TimestampMs};
use xiezhi_verify::{Anchor, Exhibit, Input, Lang, Verdict, verify, verify_account};

#[derive(Default)]
struct State {
    input: Vec<u8>,
    answer: Vec<u8>,
    certificate: Vec<u8>,
    hasher: Option<DigestHasher>,
    verdict: Option<Verdict>,
    drafted: Option<deposit::Drafted>,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    anchors: Vec<NamedLedger>,
    exhibit: Option<Hashed>,
    record_only: bool,
    declared_time: String,
    #[serde(default)]
    stamp_roots: Vec<String>,
}

impl Request {
    fn read(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|error| format!("the request: {error}"))
    }

    /// The ledgers trusted; one without a name has that of `own`.
    fn anchors(&self, own: &[(LedgerId, LocalName)]) -> Result<Vec<Anchor>, String> {
        let anchor = |anchor: &NamedLedger| {
            let ledger = read::<LedgerId>("ledger", &anchor.ledger)?;
            let given = LocalName { zh: anchor.zh.clone(), en: anchor.en.clone() };
            let is_named = !(given.zh.is_empty() && given.en.is_empty());
            let own = own.iter().find(|(id, _)| *id == ledger && !is_named);
            Ok(Anchor { ledger, name: own.map_or(given, |(_, name)| name.clone()) })
        };
        self.anchors.iter().map(anchor).collect()
    }

    fn exhibit(&self) -> Result<Exhibit, String> {
        let Some(hashed) = &self.exhibit else { return Ok(Exhibit::None) };
        let digests = hashed.digests.iter().map(|text| read::<Digest>("digests", text));
        Ok(Exhibit::Digests {
            size: Some(read("size", &hashed.size)?),
            digests: digests.collect::<Result<_, _>>()?,
        })
    }

    fn declared_time(&self) -> Result<TimestampMs, String> {
        Ok(TimestampMs(read("declared_time", &self.declared_time)?))
    }
}

#[derive(Serialize, Deserialize)]
struct NamedLedger {
    ledger: String,
    #[serde(default)]
    zh: String,
    #[serde(default)]
    en: String,
}

#[derive(Serialize, Deserialize)]
struct Hashed {
    size: String,
    digests: Vec<String>,
}

#[derive(Serialize)]
struct Failed {
    error: String,
}

#[derive(Serialize)]
struct Sentences {
    zh: Vec<String>,
    en: Vec<String>,
}

fn with<T>(act: impl FnOnce(&mut State) -> T) -> T {
    STATE.with_borrow_mut(act)
}

fn answer(state: &mut State, value: Result<impl Serialize, String>) {
    state.answer = match value {
        Ok(value) => serde_json::to_vec(&value),
        Err(error) => serde_json::to_vec(&Failed { error }),
    }
    .unwrap_or_default();
}

/// Makes place for `len` bytes of input and says where.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
pub extern "C" fn room(len: usize) -> usize {
    with(|state| {
        state.input = vec![0; len];
        state.input.as_mut_ptr() as usize
    })
}

/// Where the last answer lies.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
pub extern "C" fn answer_at() -> usize {
    with(|state| state.answer.as_ptr() as usize)
}

/// Its length in bytes.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
pub extern "C" fn answer_len() -> usize {
    with(|state| state.answer.len())
}

/// Begins to digest a stream.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
pub extern "C" fn hash_begin() {
    with(|state| state.hasher = Some(DigestHasher::new(&DigestAlg::ALL)));
}

/// The input is the stream's next part.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
pub extern "C" fn hash_more() {
    with(|state| {
        if let Some(hasher) = &mut state.hasher {
            hasher.update(&state.input);
        }
    });
}

/// Answers the stream's length and digests.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
pub extern "C" fn hash_end() {
    with(|state| {
        let hashed = state.hasher.take().ok_or_else(|| "no stream was begun".to_owned()).map(|hasher| {
            let (size, digests) = hasher.finish();
            Hashed { size: size.to_string(), digests: digests.iter().map(ToString::to_string).collect() }
        });
        answer(state, hashed);
    });
}

/// The input is a genesis file: answers the ledger's id and name.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
pub extern "C" fn genesis() {
    with(|state| {
        let read = Genesis::parse(&state.input).map_err(|error| error.to_string());
        let named = read.map(|genesis| NamedLedger {
            ledger: Genesis::ledger_id(&state.input).to_string(),
            zh: genesis.name.zh,
            en: genesis.name.en,
        });
        answer(state, named);
    });
}

/// The input is the file to judge.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
pub extern "C" fn certificate() {
    with(|state| state.certificate = std::mem::take(&mut state.input));
}

/// The input is a request: answers the verdict.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
pub extern "C" fn judge() {
    with(|state| match Request::read(&state.input) {
        Ok(request) if Bundle::is(&state.certificate) => {
            let verdict = bundle::judged(&state.certificate, &request);
            answer(state, verdict);
        }
        request => match request.and_then(|request| judged(&state.certificate, &request)) {
            Ok(verdict) => {
                state.answer = verdict.to_json().into_bytes();
                state.verdict = Some(verdict);
            }
            Err(error) => answer(state, Err::<(), _>(error)),
        },
    });
}

/// Answers the sentences of the last verdict.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
pub extern "C" fn sentences() {
    with(|state| {
        let said = state.verdict.as_ref().ok_or_else(|| "nothing was judged".to_owned()).map(|verdict| {
            let all = |lang| verdict.checks.iter().map(|check| check.sentence(lang)).collect();
            Sentences { zh: all(Lang::Zh), en: all(Lang::En) }
        });
        answer(state, said);
    });
}

/// The input is what to deposit: answers what to sign.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
pub extern "C" fn draft() {
    with(|state| {
        let drafted = deposit::draft(&state.input).map(|(drafted, to_sign)| {
            state.drafted = Some(drafted);
            to_sign
        });
        answer(state, drafted);
    });
}

/// The input is the draft's signature: answers the statement and its manifest.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
pub extern "C" fn sign() {
    with(|state| {
        let drafted = state.drafted.take().ok_or_else(|| "nothing was drafted".to_owned());
        let signed = drafted.and_then(|drafted| drafted.signed(&state.input));
        answer(state, signed);
    });
}

/// The input is a certificate and its manifest: answers the certificate with the manifest in it.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
pub extern "C" fn whole() {
    with(|state| {
        let whole = deposit::whole(&state.input);
        answer(state, whole);
    });
}

/// The input is two checkpoints and the proofs between them: answers what they show.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
pub extern "C" fn consistency() {
    with(|state| {
        let shown = log::consistency(&state.input);
        answer(state, shown);
    });
}

/// The input is a leaf and its way to a root: answers the root.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
pub extern "C" fn included() {
    with(|state| {
        let shown = log::included(&state.input);
        answer(state, shown);
    });
}

fn judged(certificate: &[u8], request: &Request) -> Result<Verdict, String> {
    let proven = ProvenAccount::parse(certificate).ok();
    let genesis = match &proven {
        Some(proven) => Some(proven.genesis.clone()),
        None => Certificate::parse(certificate).ok().map(|read| read.genesis),
    };
    let own = genesis.and_then(|bytes| Some((Genesis::ledger_id(&bytes), Genesis::parse(&bytes).ok()?.name)));
    let anchors = request.anchors(own.as_slice())?;
    let declared_time = request.declared_time()?;
    let exhibit = request.exhibit()?;
    if proven.is_some() {
        return Ok(verify_account(certificate, &anchors, declared_time).0);
    }
    Ok(verify(&Input {
        certificate,
        anchors: &anchors,
        exhibit: &exhibit,
        record_only: request.record_only,
        declared_time,
        known_checkpoints: &[],
    }))
}

fn read<T: FromStr>(field: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("the request: {field} \"{text}\" cannot be read"))
}
