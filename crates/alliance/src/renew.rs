//! Renewal: new certificates from the alliance's own certificate authority, and their way into a running node.

use std::path::{Path, PathBuf};

use xiezhi_node::Renewal;
use xiezhi_pki::{
    CertificateAuthority, CertificateTemplate, Profile, PublicKey, Subject, Validity, X509Certificate,
};
use xiezhi_types::TimestampMs;

use crate::{
    AllianceError, NodeFile,
    config::{next, own_authority, pems, read_bytes, renewal, write_beside},
    found::{BACKDATED_S, DAY_S, ROOT_DAYS, SEAL_DAYS, serial},
};

/// Issues a new certificate for the subject and the key of the one in the file `old`, an institution's seal certificate or a time-stamp authority's, with the
/// key of the certificate authority that the node file `ca` configures.
///
/// Valid from `now` until `until` (unix seconds), or for as long as at the founding, in no case longer than the authority itself. It takes the
/// place of `old`, which stays beside as `.old`. Gives the new validity.
///
/// # Errors
/// [`AllianceError`]; the file is unchanged then.
pub fn renew(ca: &Path, old: &Path, now: TimestampMs, until: Option<u64>) -> Result<Validity, AllianceError> {
    let wrong = |reason: &str| AllianceError::Content { path: old.to_owned(), reason: reason.to_owned() };
    let file = NodeFile::read(ca)?;
    let authority = own_authority(&file, ca.parent().unwrap_or(Path::new(".")))?;
    let present = pems(old, X509Certificate::from_pem)?.swap_remove(0);
    let institution = present.institution();
    let (profile, days) = match (&institution, present.public_key()) {
        (Some(institution), PublicKey::Ed25519(key)) => {
            (Profile::InstitutionSeal { institution, key }, SEAL_DAYS)
        }
        (None, PublicKey::P256(key)) if present.is_time_stamping() => {
            (Profile::TimeStamping { key }, ROOT_DAYS)
        }
        _ => return Err(wrong("neither an institution's seal certificate nor a time-stamp authority's")),
    };
    let (organisation, common_name) = (present.organisation(), present.common_name());
    let validity = validity_under(&authority, now, until.unwrap_or(now.seconds() + days * DAY_S));
    let renewed = authority.issue(&CertificateTemplate::new(
        profile,
        Subject {
            organisation: organisation.as_deref().ok_or_else(|| wrong("it names no organisation"))?,
            common_name: common_name.as_deref().ok_or_else(|| wrong("it has no common name"))?,
        },
        serial()?,
        validity,
    ))?;
    write_beside(old, renewed.to_pem().as_bytes())?;
    Ok(validity)
}

/// From a little before `now` until `until` (unix seconds), within the validity of `authority`.
pub(crate) fn validity_under(authority: &CertificateAuthority, now: TimestampMs, until: u64) -> Validity {
    let issuer = authority.certificate().validity();
    Validity {
        not_before: now.seconds().saturating_sub(BACKDATED_S).max(issuer.not_before),
        not_after: until.min(issuer.not_after),
    }
}

/// The files of a node that its institution renews: watched, so that a running node can take them without a stop.
#[derive(Debug)]
pub struct Renewals {
    base: PathBuf,
    file: NodeFile,
    /// What the files held when they were last looked at.
    seen: Vec<Vec<u8>>,
}

impl Renewals {
    /// Watches the files that `path`, a node's configuration, names. The configuration itself is read once.
    ///
    /// # Errors
    /// [`AllianceError`].
    pub fn new(path: &Path) -> Result<Self, AllianceError> {
        let base = path.parent().unwrap_or(Path::new(".")).to_owned();
        Ok(Self { base, file: NodeFile::read(path)?, seen: Vec::new() })
    }

    /// Makes [`Renewals::changed`] give what the files hold once more: it could not be used.
    pub fn look_again(&mut self) {
        self.seen.clear();
    }

    /// What the files hold, if that has changed since it was last asked; the first time always.
    ///
    /// # Errors
    /// [`AllianceError`] naming the file that is wrong; said once for each content, so that one that is half written is read again when it is
    /// whole.
    pub fn changed(&mut self) -> Result<Option<Renewal>, AllianceError> {
        let mut files: Vec<&PathBuf> = self.file.revocations.iter().collect();
        files.extend(self.file.timestamps.iter().map(|section| &section.certificate));
        let found = files.into_iter().map(|file| read_bytes(&self.base.join(file)));
        // Keys of a later term, and what certifies any, may not be there yet.
        let keys = [&self.file.consensus_key, &self.file.seal_key, &self.file.seal_chain];
        let keys = keys.into_iter().map(|file| self.base.join(file)).flat_map(|file| [next(&file), file]);
        let keys = keys.map(|file| if file.exists() { read_bytes(&file) } else { Ok(Vec::new()) });
        let found = found.chain(keys);
        // While a file is being replaced there may be none for a moment: the next look finds it.
        let found = found.collect::<Result<Vec<_>, _>>()?;
        if found == self.seen {
            return Ok(None);
        }
        self.seen = found;
        renewal(&self.file, &self.base).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{Founding, found};

    #[test]
    fn what_is_renewed_is_seen_once_and_only_when_it_is_whole() {
        let temp = tempfile::tempdir().unwrap();
        let now = TimestampMs(1_795_334_950_000);
        let founding = Founding {
            dir: temp.path().join("alliance"),
            institutions: 4,
            base_port: 17_000,
            host: "127.0.0.1".to_owned(),
            now,
            limits: xiezhi_evidence::Limits::default(),
        };
        let (layout, _) = found(&founding).unwrap();
        let ca = layout.node_file("ca");
        let pki = |name: &str| layout.dir.join("ca/pki").join(name);
        let mut watched = Renewals::new(&ca).unwrap();
        let first = watched.changed().unwrap().unwrap();
        assert!(watched.changed().unwrap().is_none());

        let seal = renew(&ca, &pki("seal.pem"), TimestampMs(now.0 + 1000), None).unwrap();
        let second = watched.changed().unwrap().unwrap();
        assert_ne!(first.keys[0].seal_chain, second.keys[0].seal_chain);
        assert_eq!(seal.not_after, now.seconds() + 1 + SEAL_DAYS * DAY_S);

        // A time-stamp authority's would outlive the root, were it made for as long as at the founding.
        let stamps = renew(&ca, &pki("tsa.pem"), TimestampMs(now.0 + 1000), None).unwrap();
        assert_eq!(stamps.not_after, now.seconds() + ROOT_DAYS * DAY_S);
        let third = watched.changed().unwrap().unwrap().timestamps.unwrap();
        assert_eq!(third.certificate().validity(), stamps);
        let until = now.seconds() + 60;
        assert_eq!(renew(&ca, &pki("seal.pem"), now, Some(until)).unwrap().not_after, until);
        assert!(watched.changed().unwrap().is_some());

        let whole = fs::read(pki("seal.pem")).unwrap();
        fs::write(pki("seal.pem"), &whole[..whole.len() / 2]).unwrap();
        assert!(watched.changed().is_err_and(|error| error.to_string().contains("seal.pem")));
        fs::write(pki("seal.pem"), &whole).unwrap();
        assert!(watched.changed().unwrap().is_some());

        assert!(renew(&ca, &pki("root.pem"), now, None).is_err(), "a root is not renewed");
        assert!(renew(&layout.node_file("court"), &pki("seal.pem"), now, None).is_err());
        assert_eq!(fs::read(pki("seal.pem")).unwrap(), whole);
    }
}
