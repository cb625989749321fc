//! Time stamps: tokens, chains, policy.

use xiezhi_merkle::Hash;
use xiezhi_pki::timestamp::{TokenError, TokenInfo, verify_token};
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
    /// Fingerprints of its chain, root included; empty where it does not hold.
    pub(crate) path: Vec<Hash>,
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

pub(crate) fn examine(x: &Examination<'_>, lists: &Lists<'_>) -> Vec<Stamped> {
    let tokens = x.certificate.timestamps.iter().enumerate();
    tokens.map(|(number, stamp)| examine_one(x, lists, number, &stamp.token)).collect()
}

fn examine_one(x: &Examination<'_>, lists: &Lists<'_>, number: usize, token: &[u8]) -> Stamped {
    let unjudged = |check: Check| Stamped {
        status: Check::not_evaluated(code::KEY_STATUS, check.code).with("of", number),
        check,
        info: None,
        path: Vec::new(),
    };
    let Some(genesis) = &x.genesis else {
        return unjudged(Check::not_evaluated(code::TIME_STAMP, code::LEDGER).with("number", number));
    };
    let checkpoint = &x.certificate.checkpoint;
    let imprint = checkpoint.digest();
    let judged =
        keys::judge(&genesis.timestamp_roots, &[], lists, |trust| verify_token(token, &imprint, trust, None));
    let failed = |finding| Check::new(code::TIME_STAMP, finding).with("number", number);
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
        () if time > x.input.declared_time => &f::STAMP_LATE,
        () => &f::STAMP_HOLDS,
    };
    let check = failed(finding).with("of", &of).with("time", time.rfc3339());
    let status = keys::status(&of, &info.authority, judged.fault.as_ref());
    Stamped { check, status, path: info.authority.path.clone(), info: Some(info) }
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
    let good = count(stamps.iter().filter(|stamp| stamp.is_good()));
    let check = |finding| Check::new(code, finding).with("authorities", good).with("needed", needed);
    if good >= needed {
        return check(&f::STAMPS_ENOUGH);
    }
    let undecided: Vec<_> = stamps.iter().filter(|stamp| stamp.is_undecided()).collect();
    if count(stamps.iter().filter(|stamp| stamp.is_good() || stamp.is_undecided())) >= needed {
        let names: Vec<_> = undecided.iter().filter_map(|stamp| stamp.info.as_ref().map(authority)).collect();
        return check(&f::STAMPS_UNKNOWN).with("undecided", names.join(", "));
    }
    check(&f::STAMPS_FEW)
}

fn count<'a>(stamps: impl Iterator<Item = &'a Stamped>) -> usize {
    distinct(stamps).len()
}

/// The stamps by different authorities: another subject and another key than every one before.
fn distinct<'a>(stamps: impl Iterator<Item = &'a Stamped>) -> Vec<&'a TokenInfo> {
    let mut found: Vec<&TokenInfo> = Vec::new();
    for info in stamps.filter_map(|stamp| stamp.info.as_ref()) {
        let known = |other: &&TokenInfo| {
            other.authority.subject == info.authority.subject
                || other.authority.public_key == info.authority.public_key
        };
        if !found.iter().any(known) {
            found.push(info);
        }
    }
    found
}

/// For each different authority the earliest time it states, in order of time.
pub(crate) fn first_times(stamps: &[Stamped]) -> Vec<TimestampMs> {
    let mut good: Vec<&Stamped> = stamps.iter().filter(|stamp| stamp.is_good()).collect();
    good.sort_by_key(|stamp| stamp.info.as_ref().map(|info| info.gen_time));
    distinct(good.into_iter()).into_iter().map(|info| TimestampMs(info.gen_time.unix_ms())).collect()
}
