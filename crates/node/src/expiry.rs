//! What expires while a node runs: certificates of seals and time stamps, of the authorities above them, and revocation lists.

use std::collections::BTreeMap;

use xiezhi_pki::{X509Certificate, timestamp::TimeStampAuthority};
use xiezhi_types::TimestampMs;

use crate::core::Core;

const DAY_MS: u64 = 24 * 3600 * 1000;
/// Certificates are announced this long before they expire.
const CERTIFICATE_WARNING_MS: u64 = 30 * DAY_MS;
/// Revocation lists are good for 30 days and renewed twice a day: one with so little left is not being renewed.
const LIST_WARNING_MS: u64 = 7 * DAY_MS;
/// Most authorities remembered besides the institutions: outside time-stamp authorities are configured, so they are few.
const KNOWN_MAX: usize = 256;

/// What it is that expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExpiryKind {
    /// An institution's seal certificate, or one between it and the root.
    SealCertificate,
    /// A time-stamp authority's certificate.
    TimeStampAuthority,
    /// A root that genesis names.
    Root,
    /// A revocation list.
    RevocationList,
}

impl ExpiryKind {
    /// Its name in the API and the metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SealCertificate => "seal-certificate",
            Self::TimeStampAuthority => "time-stamp-authority",
            Self::Root => "root",
            Self::RevocationList => "revocation-list",
        }
    }
}

/// How urgent it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing to do.
    Good,
    /// To be renewed.
    Soon,
    /// It does not count any more.
    Expired,
}

impl Standing {
    /// Its name in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Soon => "soon",
            Self::Expired => "expired",
        }
    }
}

/// Something that expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiry {
    /// What.
    pub kind: ExpiryKind,
    /// Whose: an institution's short name, otherwise the subject's name.
    pub name: String,
    /// Its last second.
    pub at: TimestampMs,
    /// Whole days from now until then; negative afterwards.
    pub days_left: i64,
    /// How urgent it is.
    pub standing: Standing,
}

impl Expiry {
    fn new(kind: ExpiryKind, name: String, at: TimestampMs, now: TimestampMs) -> Self {
        let warning = match kind {
            ExpiryKind::RevocationList => LIST_WARNING_MS,
            _ => CERTIFICATE_WARNING_MS,
        };
        let standing = match at.0 {
            // The last second counts as a whole.
            at if at.saturating_add(1000) <= now.0 => Standing::Expired,
            at if at <= now.0.saturating_add(warning) => Standing::Soon,
            _ => Standing::Good,
        };
        let left_ms = i128::from(at.0) - i128::from(now.0);
        let days_left = i64::try_from(left_ms.div_euclid(i128::from(DAY_MS))).unwrap_or(i64::MAX);
        Self { kind, name, at, days_left, standing }
    }
}

/// When the certificates expire that this node has seen at work: its own, and those behind seals and tokens that it accepted.
#[derive(Debug, Default)]
pub(crate) struct Known(BTreeMap<(ExpiryKind, String), u64>);

impl Known {
    /// Notes that a certificate that counts is valid until the unix second `until`; an older one of the same name is forgotten.
    pub(crate) fn seen(&mut self, kind: ExpiryKind, name: &str, until: u64) {
        let key = (kind, name.to_owned());
        if self.0.len() < KNOWN_MAX || self.0.contains_key(&key) {
            let known = self.0.entry(key).or_default();
            *known = until.max(*known);
        }
    }

    /// Notes what this node itself uses from now on.
    pub(crate) fn own(&mut self, kind: ExpiryKind, name: &str, until: u64) {
        self.0.insert((kind, name.to_owned()), until);
    }

    pub(crate) fn get(&self, kind: ExpiryKind, name: &str) -> Option<TimestampMs> {
        self.0.get(&(kind, name.to_owned())).map(|until| milliseconds(*until))
    }
}

fn milliseconds(seconds: u64) -> TimestampMs {
    TimestampMs(seconds.saturating_mul(1000))
}

/// The last second in which every certificate of `chain` (DER) is valid.
pub(crate) fn first_expiry(chain: &[Vec<u8>]) -> Option<u64> {
    let certificates = chain.iter().filter_map(|der| X509Certificate::from_der(der).ok());
    certificates.map(|certificate| certificate.validity().not_after).min()
}

/// What a time-stamp authority is called: its organisation, otherwise its whole name.
pub(crate) fn authority_name(organisation: Option<&str>, subject: &str) -> String {
    organisation.unwrap_or(subject).to_owned()
}

/// The same for an authority that this node runs.
pub(crate) fn own_authority(authority: &TimeStampAuthority) -> (String, u64) {
    let certificate = authority.certificate();
    let name = authority_name(certificate.organisation().as_deref(), &certificate.subject());
    (name, certificate.validity().not_after)
}

/// Everything that expires, as far as this node knows, by kind and name.
pub(crate) fn expiries(core: &Core) -> Vec<Expiry> {
    let now = core.machine.now();
    let known = crate::core::lock(&core.sealing.known);
    let mut all: Vec<_> =
        known.0.iter().map(|((kind, name), at)| (*kind, name.clone(), milliseconds(*at))).collect();
    drop(known);
    let roots = core.genesis.roots.iter().chain(&core.genesis.timestamp_roots);
    for root in roots.filter_map(|der| X509Certificate::from_der(der).ok()) {
        all.push((ExpiryKind::Root, root.subject(), milliseconds(root.validity().not_after)));
    }
    for list in core.sealing.lists.in_force().iter() {
        all.push((ExpiryKind::RevocationList, list.issuer(), milliseconds(list.next_update())));
    }
    all.sort();
    all.dedup();
    all.into_iter().map(|(kind, name, at)| Expiry::new(kind, name, at, now)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiry_is_announced_in_time_and_counts_the_last_second_as_good() {
        let check = |kind, at_s: u64, now_s: u64, standing, days_left| {
            let found = Expiry::new(kind, "x".to_owned(), milliseconds(at_s), milliseconds(now_s));
            assert_eq!((found.standing, found.days_left), (standing, days_left), "{kind:?} {at_s} {now_s}");
        };
        let day = 24 * 3600;
        let (seal, list) = (ExpiryKind::SealCertificate, ExpiryKind::RevocationList);
        check(seal, 100 * day, 60 * day, Standing::Good, 40);
        check(seal, 100 * day, 70 * day - 1, Standing::Good, 30);
        check(seal, 100 * day, 70 * day, Standing::Soon, 30);
        check(seal, 100 * day, 100 * day, Standing::Soon, 0);
        check(seal, 100 * day, 100 * day + 1, Standing::Expired, -1);
        check(list, 100 * day, 71 * day, Standing::Good, 29);
        check(list, 100 * day, 94 * day, Standing::Soon, 6);
        check(list, 100 * day, 200 * day, Standing::Expired, -100);
    }

    #[test]
    fn a_later_certificate_of_a_peer_replaces_an_older_one_and_not_the_other_way_round() {
        let mut known = Known::default();
        let kind = ExpiryKind::SealCertificate;
        known.seen(kind, "court", 20);
        known.seen(kind, "court", 10);
        assert_eq!(known.get(kind, "court"), Some(milliseconds(20)));
        known.own(kind, "court", 10);
        assert_eq!(known.get(kind, "court"), Some(milliseconds(10)));
    }
}
