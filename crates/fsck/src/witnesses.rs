//! Seals and time-stamp tokens of one checkpoint.
//!
//! A seal holds when its three signatures hold with the key that its term pins, and its certificates are exactly the path from that key's
//! certificate to a root of the genesis at the time of sealing. The store has no revocation lists, so none are heeded here.

use std::collections::{BTreeSet, HashMap};

use xiezhi_crypto::{PublicKey, SignatureAlg, sha256};
use xiezhi_evidence::{CertifiedSeal, Checkpoint, Genesis, Term, alliance::MemberStatus};
use xiezhi_pki::{
    Purpose, RevocationPolicy, Trust, X509Certificate, timestamp::TokenError, timestamp::verify_token,
    validate,
};
use xiezhi_types::{InstitutionId, LedgerId, canonical, from_canonical};

use crate::{
    database::{Database, Unreadable},
    finding::{Findings, Object, Source, code},
    layout::{Space, height_key},
};

/// What the seals and tokens of one checkpoint come to.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    /// Good seals over the checkpoint that was asked for first, or second.
    pub(crate) seals: [BTreeSet<InstitutionId>; 2],
    /// Good tokens, likewise.
    pub(crate) stamps: [u32; 2],
    /// Seals and tokens read.
    pub(crate) read: (u64, u64),
    /// Those that hold over neither.
    pub(crate) bad: Vec<(Object, &'static str, String)>,
}

/// The genesis's roots, and the chains seen.
pub(crate) struct Witnesses<'a> {
    genesis: &'a Genesis,
    origin: String,
    /// When each chain that holds is valid: the latest beginning and the earliest end of its certificates.
    chains: HashMap<[u8; 32], (u64, u64)>,
}

impl<'a> Witnesses<'a> {
    pub(crate) fn new(genesis: &'a Genesis, ledger: &LedgerId) -> Self {
        Self { genesis, origin: genesis.origin(ledger), chains: HashMap::new() }
    }

    /// Checks everything collected at `height`, in `term`, over either of `truths`.
    pub(crate) fn examine(
        &mut self,
        database: &Database,
        term: &Term,
        height: u64,
        truths: [Option<&Checkpoint>; 2],
    ) -> Collected {
        let mut collected = Collected::default();
        let prefix = height_key(b'k', height);
        for pair in database.scan(Space::Seals, &prefix) {
            let (name, value) = match pair {
                Ok((key, value)) => (String::from_utf8_lossy(&key[prefix.len()..]).into_owned(), value),
                Err(error) => {
                    collected.unreadable(height, error);
                    break;
                }
            };
            collected.read.0 += 1;
            match self.seal(term, &name, &value, truths) {
                Ok((institution, truth)) => drop(collected.seals[truth].insert(institution)),
                Err((code, reason)) => {
                    let object = Object::Seal { institution: printable(&name), height };
                    collected.bad.push((object, code, reason));
                }
            }
        }
        let prefix = height_key(b't', height);
        for pair in database.scan(Space::Seals, &prefix) {
            let (fingerprint, token) = match pair {
                Ok((key, value)) => (key[prefix.len()..].to_vec(), value),
                Err(error) => {
                    collected.unreadable(height, error);
                    break;
                }
            };
            collected.read.1 += 1;
            match self.stamp(&fingerprint, &token, truths) {
                Ok(truth) => collected.stamps[truth] += 1,
                Err(reason) => {
                    let object = Object::Stamp { authority: hex::encode(&fingerprint), height };
                    collected.bad.push((object, code::STAMP_INVALID, reason));
                }
            }
        }
        collected
    }

    /// Who sealed, and which of the truths.
    fn seal(
        &mut self,
        term: &Term,
        name: &str,
        value: &[u8],
        truths: [Option<&Checkpoint>; 2],
    ) -> Result<(InstitutionId, usize), (&'static str, String)> {
        let certified: CertifiedSeal =
            from_canonical("the seal", value).map_err(|e| (code::SEAL_MALFORMED, e.to_string()))?;
        let institution = certified.seal.institution.clone();
        if institution.as_str() != name {
            return Err((code::SEAL_MALFORMED, format!("it names {institution}")));
        }
        let active = term.member(&institution).filter(|member| member.status == MemberStatus::Active);
        let pinned = active.map(|member| member.institution.seal_key);
        let key = pinned.and_then(|key| PublicKey::new(SignatureAlg::Ed25519, &key).ok());
        let Some((pinned, key)) = pinned.zip(key) else {
            return Err((code::SEAL_STRAY, format!("no active member of term {}", term.number)));
        };
        let mut reason = "there is no checkpoint to hold it against".to_owned();
        let mut found = None;
        for (at, truth) in truths.iter().enumerate() {
            let Some(truth) = truth else { continue };
            match certified.seal.verify(truth, &self.origin, &key) {
                Ok(()) => {
                    found = Some(at);
                    break;
                }
                Err(error) => reason = error.to_string(),
            }
        }
        let truth = found.ok_or((code::SEAL_INVALID, reason))?;
        self.check_chain(&certified, pinned).map_err(|reason| (code::SEAL_CHAIN, reason))?;
        Ok((institution, truth))
    }

    fn check_chain(&mut self, certified: &CertifiedSeal, pinned: [u8; 32]) -> Result<(), String> {
        let seal = &certified.seal;
        let name =
            sha256(&[pinned.to_vec(), canonical(&seal.institution), certified.chain.concat()].concat());
        if self.chains.get(&name).is_some_and(|(from, until)| (*from..=*until).contains(&seal.time)) {
            return Ok(());
        }
        let (leaf, rest) = certified.chain.split_first().ok_or("no certificate beside it")?;
        let intermediates: Vec<&[u8]> = rest.iter().map(Vec::as_slice).collect();
        let mut last = "no root".to_owned();
        for root_der in &self.genesis.roots {
            let revocation = RevocationPolicy::IF_PRESENT;
            let trust = Trust { root_der, intermediates: &intermediates, crls: &[], revocation };
            match validate(leaf, &trust, seal.time, Purpose::Seal) {
                Ok(valid)
                    if valid.institution.as_ref() == Some(&seal.institution)
                        && xiezhi_pki::PublicKey::Ed25519(pinned) == valid.public_key =>
                {
                    let below_root = &valid.certificates[..valid.certificates.len().saturating_sub(1)];
                    let path = below_root.iter().map(X509Certificate::der);
                    if !certified.chain.iter().map(Vec::as_slice).eq(path) {
                        return Err("a certificate beside it is not on the path".to_owned());
                    }
                    let times = valid.certificates.iter().map(X509Certificate::validity);
                    let window = times.fold((0, u64::MAX), |(from, until), validity| {
                        (from.max(validity.not_before), until.min(validity.not_after))
                    });
                    self.chains.insert(name, window);
                    return Ok(());
                }
                Ok(_) => "the certificate is another institution's or for another key".clone_into(&mut last),
                Err(error) => last = error.to_string(),
            }
        }
        Err(last)
    }

    /// Which of the truths was stamped.
    fn stamp(
        &self,
        fingerprint: &[u8],
        token: &[u8],
        truths: [Option<&Checkpoint>; 2],
    ) -> Result<usize, String> {
        let mut reason = "there is no checkpoint to hold it against".to_owned();
        for (at, truth) in truths.iter().enumerate() {
            let Some(truth) = truth else { continue };
            let digest = truth.digest();
            for root_der in &self.genesis.timestamp_roots {
                let revocation = RevocationPolicy::IF_PRESENT;
                let trust = Trust { root_der, intermediates: &[], crls: &[], revocation };
                match verify_token(token, &digest, &trust, None) {
                    Ok(info) if info.authority.fingerprint() == *fingerprint => return Ok(at),
                    Ok(_) => return Err("it is another authority's".to_owned()),
                    Err(error) => {
                        // What the first truth says of the token matters more than that the second is another.
                        if at == 0 || !matches!(error, TokenError::Imprint) {
                            reason = error.to_string();
                        }
                    }
                }
            }
        }
        Err(reason)
    }
}

impl Collected {
    fn unreadable(&mut self, height: u64, Unreadable(reason): Unreadable) {
        self.bad.push((Object::Checkpoint(height), code::SEAL_UNREADABLE, reason));
    }

    /// Reports what does not hold.
    pub(crate) fn report(self, findings: &mut Findings) {
        for (object, code, reason) in self.bad {
            findings.add(object, code, Source::Peers, reason);
        }
    }
}

/// A name from a damaged key, without what a terminal would act on.
pub(crate) fn printable(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_graphic() { c } else { '?' }).collect()
}
