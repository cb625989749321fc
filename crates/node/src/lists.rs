//! Revocation lists: those in force, and those before them.
//!
//! A list covers a use of a certificate if it was made no later than the certificate's expiry, and ran out no earlier than the use
//! (docs/specs/certificate.md, Revocation): what comes later may have forgotten the certificate. So no list is thrown away when another takes
//! its place, or nobody could get a certificate of an old record once the seals' certificates of that time have expired.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, RwLock},
};

use xiezhi_crypto::sha256;
use xiezhi_evidence::{CertifiedSeal, TimeStamp};
use xiezhi_pki::{Crl, X509Certificate};
use xiezhi_types::Height;

use crate::{
    collection::Collection,
    core::{Core, lock},
    witness::{judge_stamp, missing},
};

/// Checkpoints whose choice is remembered.
const CHOICES_MAX: usize = 64;

/// The directory of lists in a node's data directory.
const DIRECTORY: &str = "revocations";

/// A use of a certificate.
#[derive(Debug, Clone)]
pub(crate) struct Use {
    issuer: String,
    not_after: u64,
    at: u64,
}

impl Use {
    pub(crate) fn of(certificate: &X509Certificate, at: u64) -> Self {
        Self { issuer: certificate.issuer(), not_after: certificate.validity().not_after, at }
    }

    /// The uses of a chain, leaf first, its root left out; what cannot be read is passed over.
    pub(crate) fn of_chain(chain: &[Vec<u8>], at: u64) -> Vec<Self> {
        let certificates = chain.iter().filter_map(|der| X509Certificate::from_der(der).ok());
        certificates.map(|certificate| Self::of(&certificate, at)).collect()
    }

    fn is_covered(&self, lists: &AsOf<'_>) -> bool {
        let in_time = |list: &Crl| list.this_update() <= self.not_after.max(self.at);
        lists.get(self.issuer.as_str()).is_some_and(|list| in_time(list) && list.next_update() >= self.at)
    }
}

/// Of each issuer the list that was in force at some time.
type AsOf<'a> = BTreeMap<&'a str, &'a Crl>;

/// The seals that count, and the lists with which they do.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) seals: Vec<CertifiedSeal>,
    pub(crate) lists: Vec<Vec<u8>>,
}

/// A choice for a checkpoint with so many seals and stamps.
type Chosen = HashMap<(Height, usize, usize), Arc<Choice>>;

#[derive(Debug, Default)]
struct Known {
    /// By issuer, and by when they were made.
    all: BTreeMap<String, BTreeMap<u64, Crl>>,
    /// The newest of each issuer; what was found of their signatures is kept with them.
    in_force: Arc<Vec<Crl>>,
}

impl Known {
    /// The lists of the issuers in `uses` that were in force at `time`.
    fn as_of<'a>(&'a self, uses: &'a [Use], time: u64) -> AsOf<'a> {
        let of = |issuer: &'a str| Some((issuer, self.all.get(issuer)?.range(..=time).next_back()?.1));
        uses.iter().filter_map(|one| of(&one.issuer)).collect()
    }

    /// When the lists of the issuers in `uses` were made, the last first.
    fn times(&self, uses: &[Use]) -> Vec<u64> {
        let issuers: BTreeSet<_> = uses.iter().map(|one| &one.issuer).collect();
        let lists = issuers.into_iter().filter_map(|issuer| self.all.get(issuer));
        let times: BTreeSet<_> = lists.flat_map(BTreeMap::keys).copied().collect();
        times.into_iter().rev().collect()
    }
}

/// All lists that the node knows, kept in a directory of their own.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    dir: PathBuf,
    known: RwLock<Known>,
    chosen: Mutex<Chosen>,
}

impl Lists {
    /// The lists kept under the node's `data_dir`, and the `configured` ones (DER).
    pub(crate) fn open(data_dir: &Path, configured: &[Vec<u8>]) -> Self {
        let lists = Self { dir: data_dir.join(DIRECTORY), ..Self::default() };
        // In order, so that the same files give the same lists; what was cut off while it was written is written again when it is heard of.
        let files = fs::read_dir(&lists.dir).into_iter().flatten().filter_map(Result::ok);
        let files: BTreeMap<_, _> =
            files.filter_map(|file| Some((file.file_name(), fs::read(file.path()).ok()?))).collect();
        for list in files.values().chain(configured).filter_map(|der| Crl::from_der(der).ok()) {
            lists.add(list);
        }
        lists
    }

    pub(crate) fn in_force(&self) -> Arc<Vec<Crl>> {
        Arc::clone(&self.known.read().unwrap_or_else(|e| e.into_inner()).in_force)
    }

    pub(crate) fn knows(&self, list: &Crl) -> bool {
        let known = self.known.read().unwrap_or_else(|e| e.into_inner());
        let same = known.all.get(&list.issuer()).and_then(|of| of.get(&list.this_update()));
        same.is_some_and(|same| same == list)
    }

    /// Takes a list of an authority of the alliance; true when it is in force from now on. Of two that were made in the same second the first counts.
    pub(crate) fn add(&self, list: Crl) -> bool {
        let (issuer, made) = (list.issuer(), list.this_update());
        let mut known = self.known.write().unwrap_or_else(|e| e.into_inner());
        let of_issuer = known.all.entry(issuer).or_default();
        if of_issuer.contains_key(&made) {
            return false;
        }
        if let Err(error) = self.keep(&list) {
            tracing::error!(%error, "a revocation list cannot be kept");
        }
        of_issuer.insert(made, list);
        let is_newest = of_issuer.last_key_value().is_some_and(|(newest, _)| *newest == made);
        if is_newest {
            let newest = known.all.values().filter_map(|of| Some(of.last_key_value()?.1.clone()));
            known.in_force = Arc::new(newest.collect());
        }
        lock(&self.chosen).clear();
        is_newest
    }

    fn keep(&self, list: &Crl) -> io::Result<()> {
        fs::create_dir_all(&self.dir)?;
        let digest = sha256(list.der());
        let name: String = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        let path = self.dir.join(format!("{:012}-{name}.crl", list.this_update()));
        if fs::read(&path).is_ok_and(|kept| kept == list.der()) {
            return Ok(());
        }
        fs::write(&path, list.der())?;
        fs::File::open(&path)?.sync_all()
    }

    /// Lists of the issuers in `uses`, of each the newest at some time: at the latest time at which they cover all uses, or else are `enough`, or
    /// else now.
    pub(crate) fn covering(&self, uses: &[Use], enough: impl Fn(&AsOf<'_>) -> bool) -> Vec<Crl> {
        let known = self.known.read().unwrap_or_else(|e| e.into_inner());
        let covers = |lists: &AsOf<'_>| uses.iter().all(|one| one.is_covered(lists));
        let now = known.as_of(uses, u64::MAX);
        // Nearly always; what follows looks through the lists of years.
        let lists = if covers(&now) {
            now
        } else {
            let times = known.times(uses);
            let latest = |holds: &dyn Fn(&AsOf<'_>) -> bool| {
                times.iter().map(|time| known.as_of(uses, *time)).find(holds)
            };
            latest(&covers).or_else(|| latest(&enough)).unwrap_or(now)
        };
        lists.into_values().cloned().collect()
    }
}

impl Core {
    /// What of a checkpoint's collection goes into certificates: each issuer has one list there. A seal that it does not cover is left out where
    /// the others meet the policy.
    pub(crate) fn choose(&self, collection: &Collection) -> Arc<Choice> {
        let Collection { stored, seals, stamps, .. } = collection;
        let lists = &self.sealing.lists;
        let key = (stored.checkpoint.height, seals.len(), stamps.len());
        if let Some(chosen) = lock(&lists.chosen).get(&key) {
            return Arc::clone(chosen);
        }
        let of_seal = |one: &CertifiedSeal| Use::of_chain(&one.chain, one.seal.time);
        let digest = stored.checkpoint.digest();
        let of_stamp = |stamp: &TimeStamp| {
            let info = judge_stamp(self, &digest, &stamp.token)?;
            let below_root = info.authority.certificates.iter().rev().skip(1);
            Some(below_root.map(|certificate| Use::of(certificate, info.gen_time.unix())).collect::<Vec<_>>())
        };
        let sealed: Vec<_> = seals.iter().map(of_seal).collect();
        let stamped: Vec<_> = stamps.iter().filter_map(of_stamp).collect();
        let covers = |lists: &AsOf<'_>, uses: &[Use]| uses.iter().all(|one| one.is_covered(lists));
        let covered = |lists: &AsOf<'_>| -> Vec<_> {
            let counts = sealed.iter().map(|uses| covers(lists, uses));
            seals.iter().zip(counts).filter(|(_, counts)| *counts).map(|(seal, _)| seal).collect()
        };
        let enough = |lists: &AsOf<'_>| {
            let seals = covered(lists);
            let stamps = stamped.iter().filter(|uses| covers(lists, uses)).count();
            let institutions = seals.iter().map(|one| &one.seal.institution);
            missing(self, stored.checkpoint.height, institutions, stamps).is_met()
        };
        let uses: Vec<_> = sealed.iter().chain(&stamped).flatten().cloned().collect();
        let mut covering = lists.covering(&uses, enough);
        let issuers: Vec<_> = covering.iter().map(Crl::issuer).collect();
        let as_of: AsOf<'_> = issuers.iter().map(String::as_str).zip(&covering).collect();
        let seals = match enough(&as_of) {
            true => covered(&as_of).into_iter().cloned().collect(),
            false => seals.clone(),
        };
        // A list of nobody on the paths is refused.
        let kept: Vec<_> = seals.iter().flat_map(of_seal).chain(stamped.into_iter().flatten()).collect();
        covering.retain(|list| kept.iter().any(|one| one.issuer == list.issuer()));
        let choice =
            Arc::new(Choice { seals, lists: covering.iter().map(|list| list.der().to_vec()).collect() });
        let mut chosen = lock(&lists.chosen);
        if chosen.len() >= CHOICES_MAX {
            chosen.clear();
        }
        chosen.insert(key, Arc::clone(&choice));
        choice
    }
}

#[cfg(test)]
mod tests {
    use xiezhi_pki::{CertificateAuthority, CrlTemplate, SigningKey, Subject, Suite, Validity};

    use super::*;

    const DAY: u64 = 24 * 3600;
    const NOW: u64 = 1_800_000_000;

    fn authority(seed: u8, name: &str) -> CertificateAuthority {
        let key = SigningKey::from_bytes(Suite::P256, &[seed; 32]).unwrap();
        let subject = Subject { organisation: "獬豸", common_name: name };
        let validity = Validity { not_before: NOW - DAY, not_after: NOW + 10_000 * DAY };
        CertificateAuthority::new_root(key, subject, [seed; 16], validity).unwrap()
    }

    fn list(authority: &CertificateAuthority, this_update: u64) -> Crl {
        let next_update = this_update + 30 * DAY;
        let template = CrlTemplate { number: this_update, this_update, next_update, revoked: &[] };
        Crl::from_der(&authority.issue_crl(&template).unwrap()).unwrap()
    }

    fn used(authority: &CertificateAuthority, not_after: u64, at: u64) -> Use {
        Use { issuer: authority.certificate().subject(), not_after, at }
    }

    fn chosen(lists: &Lists, uses: &[Use]) -> Vec<u64> {
        let most = |lists: &AsOf<'_>| uses.iter().filter(|one| one.is_covered(lists)).count() >= 2;
        lists.covering(uses, most).iter().map(Crl::this_update).collect()
    }

    #[test]
    fn what_a_certificate_long_expired_signed_has_the_last_list_that_knew_the_certificate() {
        let dir = tempfile::tempdir().unwrap();
        let (ours, other) = (authority(1, "ours"), authority(2, "other"));
        let lists = Lists::open(dir.path(), &[list(&other, NOW).der().to_vec()]);
        for day in [0, 20, 40, 60] {
            assert!(lists.add(list(&ours, NOW + day * DAY)));
        }
        assert_eq!(lists.in_force().len(), 2);
        let at = NOW + 10 * DAY;
        let expired = |day: u64| used(&ours, NOW + day * DAY, at);
        // In force until the certificate has expired; then the newest that still knew it, if it had not run out before the use.
        assert_eq!(chosen(&lists, &[expired(1_000)]), [NOW + 60 * DAY]);
        assert_eq!(chosen(&lists, &[expired(45)]), [NOW + 40 * DAY]);
        assert_eq!(chosen(&lists, &[expired(15)]), [NOW]);
        // One list for all; where none covers all, one that covers enough: here two.
        assert_eq!(chosen(&lists, &[expired(45), expired(1_000)]), [NOW + 40 * DAY]);
        let late = used(&ours, NOW + 1_000 * DAY, NOW + 85 * DAY);
        assert_eq!(chosen(&lists, &[expired(15), late.clone(), late.clone()]), [NOW + 60 * DAY]);
        assert_eq!(chosen(&lists, &[expired(15), expired(15), late]), [NOW]);
        // Of nobody else.
        assert_eq!(chosen(&lists, &[used(&other, NOW + DAY, NOW)]), [NOW]);
        assert!(chosen(&lists, &[]).is_empty());
    }

    #[test]
    fn lists_are_there_after_a_restart_whatever_order_they_came_in() {
        let dir = tempfile::tempdir().unwrap();
        let ours = authority(1, "ours");
        let [first, second, third] = [0, 20, 40].map(|day| list(&ours, NOW + day * DAY));
        let lists = Lists::open(dir.path(), &[second.der().to_vec()]);
        assert!(!lists.add(first.clone()), "an older one comes late");
        assert!(!lists.add(second.clone()), "known");
        assert!(lists.add(third.clone()));
        // Cut off while it was written.
        let files = fs::read_dir(dir.path().join(DIRECTORY)).unwrap().map(|file| file.unwrap().path());
        let mut files: Vec<_> = files.collect();
        files.sort();
        assert_eq!(files.len(), 3);
        fs::write(&files[0], &first.der()[..40]).unwrap();

        let lists = Lists::open(dir.path(), &[first.der().to_vec()]);
        assert_eq!(lists.in_force()[0].der(), third.der());
        assert!([first, second, third].iter().all(|list| lists.knows(list)));
        let all = Lists::open(dir.path(), &[]).known.into_inner().unwrap().all;
        assert_eq!(all.values().map(BTreeMap::len).collect::<Vec<_>>(), [3]);
    }
}
