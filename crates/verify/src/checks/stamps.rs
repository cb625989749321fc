//! Time stamps: tokens, chains, policy.

use xiezhi_pki::{
    PublicKey, X509Certificate,
    timestamp::{TokenError, TokenInfo, verify_token},
};
use xiezhi_types::TimestampMs;

use super::{
    keys::{self, Lists},
    times,
};
use crate::{Check, Status, code, examination::Examination, finding as f};

/// One time stamp, judged.
pub(crate) struct Stamped {
    pub(crate) check: Check,
    pub(crate) status: Check,
    /// What the token says; only where it holds.
    pub(crate) info: Option<TokenInfo>,
    /// Its chain, leaf first and root last; empty where it does not hold.
    pub(crate) path: Vec<X509Certificate>,
}

impl Stamped {
    pub(crate) fn is_good(&self) -> bool {
        self.check.passed() && self.status.passed()
    }

    fn is_undecided(&self) -> bool {
        self.check.passed() && self.status.status == Status::Unknown
    }
}

/// What an authority is called: its common name, or its whole subject.
pub(crate) fn authority(info: &TokenInfo) -> String {
    info.authority.common_name.clone().unwrap_or_else(|| info.authority.subject.clone())
}

pub(crate) fn examine(x: &Examination<'_>, lists: &Lists) -> Vec<Stamped> {
    let tokens = x.witnessed.timestamps.iter().enumerate();
    tokens.map(|(number, stamp)| examine_one(x, lists, number, &stamp.token)).collect()
}

fn examine_one(x: &Examination<'_>, lists: &Lists, number: usize, token: &[u8]) -> Stamped {
    let unjudged = |check: Check| Stamped {
        status: Check::not_evaluated(code::KEY_STATUS, check.code).with("of", number),
        check,
        info: None,
        path: Vec::new(),
    };
    let Some(genesis) = &x.genesis else {
        return unjudged(Check::not_evaluated(code::TIME_STAMP, code::LEDGER).with("number", number));
    };
    let failed = |finding| Check::new(code::TIME_STAMP, finding).with("number", number);
    if x.witnessed.timestamps[..number].iter().any(|earlier| earlier.token == token) {
        return unjudged(failed(&f::STAMP_TWICE));
    }
    let checkpoint = x.witnessed.checkpoint;
    let imprint = checkpoint.digest();
    let judged =
        keys::judge(&genesis.timestamp_roots, &[], lists, |trust| verify_token(token, &imprint, trust, None));
    let Some(judged) = judged else { return unjudged(failed(&f::CHAIN_ISSUER).with("of", number)) };
    let info = match judged.chain {
        Ok(info) => info,
        Err(error) => return unjudged(refused(number, &error)),
    };
    let of = authority(&info);
    let time = TimestampMs(info.gen_time.unix_ms());
    let earliest = checkpoint.time.0.saturating_sub(times::skew_ms(genesis));
    let finding = match () {
        () if time.0 < earliest => &f::STAMP_EARLY,
        () if time > x.declared_time => &f::STAMP_LATE,
        () => &f::STAMP_HOLDS,
    };
    let check = failed(finding).with("of", &of).with("time", time.rfc3339());
    let status = keys::status(&of, judged.fault.as_ref());
    Stamped { check, status, path: info.authority.certificates.clone(), info: Some(info) }
}

fn refused(number: usize, error: &TokenError) -> Check {
    let failed = |finding| Check::new(code::TIME_STAMP, finding).with("number", number);
    match error {
        TokenError::Imprint => failed(&f::STAMP_OTHER),
        TokenError::MessageDigest | TokenError::BadSignature | TokenError::SigningCertificate => {
            failed(&f::STAMP_SIGNATURE)
        }
        TokenError::UnsupportedAlgorithm { .. } => failed(&f::STAMP_UNSUPPORTED),
        TokenError::Chain { source } => failed(keys::chain_finding(source)).with("of", number),
        _ => failed(&f::STAMP_MALFORMED),
    }
}

pub(crate) fn policy(x: &Examination<'_>, stamps: &[Stamped]) -> Check {
    let code = code::TIME_STAMP_POLICY;
    let Some(genesis) = &x.genesis else { return Check::not_evaluated(code, code::LEDGER) };
    let needed = genesis.policy.timestamps as usize;
    let good = different(stamps.iter().filter(|stamp| stamp.is_good()));
    let check = |finding| Check::new(code, finding).with("authorities", good).with("needed", needed);
    if good >= needed {
        return check(&f::STAMPS_ENOUGH);
    }
    let undecided: Vec<_> = stamps.iter().filter(|stamp| stamp.is_undecided()).collect();
    if different(stamps.iter().filter(|stamp| stamp.is_good() || stamp.is_undecided())) >= needed {
        let names: Vec<_> = undecided.iter().filter_map(|stamp| stamp.info.as_ref().map(authority)).collect();
        return check(&f::STAMPS_UNKNOWN).with("undecided", names.join(", "));
    }
    check(&f::STAMPS_FEW)
}

/// The authorities among some stamps: who is called what, and with which key. Subjects are compared as encoded.
#[derive(Default)]
struct Authorities {
    subjects: Vec<Vec<u8>>,
    keys: Vec<PublicKey>,
    /// Pairs of places in `subjects` and `keys`.
    pairs: Vec<(usize, usize)>,
}

impl Authorities {
    fn add(&mut self, leaf: &X509Certificate) {
        let pair = (place(&mut self.subjects, leaf.subject_der()), place(&mut self.keys, leaf.public_key()));
        self.pairs.push(pair);
    }

    /// The most authorities of which any two differ in subject and in key: a largest matching of subjects and keys, by augmenting paths.
    fn different(&self) -> usize {
        let mut holders = vec![None; self.keys.len()];
        (0..self.subjects.len())
            .filter(|subject| self.assign(*subject, &mut holders, &mut vec![false; self.keys.len()]))
            .count()
    }

    /// Gives `subject` a key, moving others to another key of theirs where that helps.
    fn assign(&self, subject: usize, holders: &mut [Option<usize>], tried: &mut [bool]) -> bool {
        for &(_, key) in self.pairs.iter().filter(|pair| pair.0 == subject) {
            if std::mem::replace(&mut tried[key], true) {
                continue;
            }
            if holders[key].is_none_or(|holder| self.assign(holder, holders, tried)) {
                holders[key] = Some(subject);
                return true;
            }
        }
        false
    }
}

fn place<T: PartialEq>(known: &mut Vec<T>, value: T) -> usize {
    known.iter().position(|other| *other == value).unwrap_or_else(|| {
        known.push(value);
        known.len() - 1
    })
}

fn different<'a>(stamps: impl Iterator<Item = &'a Stamped>) -> usize {
    let mut authorities = Authorities::default();
    stamps.filter_map(|stamp| stamp.path.first()).for_each(|leaf| authorities.add(leaf));
    authorities.different()
}

/// The time by which `needed` different authorities, at least one, had stamped; `None` where fewer did.
pub(crate) fn stamped_by(stamps: &[Stamped], needed: usize) -> Option<TimestampMs> {
    let good = stamps.iter().filter(|stamp| stamp.is_good());
    let mut good: Vec<_> = good
        .filter_map(|stamp| Some((stamp.info.as_ref()?.gen_time.unix_ms(), stamp.path.first()?)))
        .collect();
    good.sort_by_key(|(time, _)| *time);
    let mut authorities = Authorities::default();
    good.into_iter().find_map(|(time, leaf)| {
        authorities.add(leaf);
        (authorities.different() >= needed).then_some(TimestampMs(time))
    })
}

#[cfg(test)]
mod tests;
