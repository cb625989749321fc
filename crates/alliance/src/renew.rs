//! Renewal of an institution's seal certificate by the alliance's own certificate authority.

use std::{fs, path::Path};

use xiezhi_pki::{CertificateTemplate, Profile, PublicKey, Subject, Validity, X509Certificate};
use xiezhi_types::TimestampMs;

use crate::{
    AllianceError, NodeFile,
    config::{authority, pems},
    found::{BACKDATED_S, DAY_S, SEAL_DAYS, serial},
};

/// Issues a new certificate for the institution and the key that the certificate in the file `seal_chain` names, valid from `now` for five years, with the
/// key of the certificate authority that the node file `ca` configures. The old file stays beside as `.old`. Gives the new validity.
///
/// # Errors
/// [`AllianceError`]; the file is unchanged then.
pub fn renew_seal(ca: &Path, seal_chain: &Path, now: TimestampMs) -> Result<Validity, AllianceError> {
    let wrong =
        |reason: &str| AllianceError::Content { path: seal_chain.to_owned(), reason: reason.to_owned() };
    let file = NodeFile::read(ca)?;
    let section = file.authority.as_ref().ok_or_else(|| AllianceError::Value {
        field: "authority",
        reason: format!("{} runs no certificate authority", file.institution),
    })?;
    let base = ca.parent().unwrap_or(Path::new("."));
    let authority = authority(&base.join(&section.key), &base.join(&section.certificate))?;
    let old = pems(seal_chain, X509Certificate::from_pem)?.swap_remove(0);
    let institution = old.institution().ok_or_else(|| wrong("not an institution's seal certificate"))?;
    let PublicKey::Ed25519(key) = old.public_key() else { return Err(wrong("not an Ed25519 key")) };
    let (organisation, common_name) = (old.organisation(), old.common_name());
    let at = now.seconds();
    let validity = Validity { not_before: at - BACKDATED_S, not_after: at + SEAL_DAYS * DAY_S };
    let renewed = authority.issue(&CertificateTemplate {
        profile: Profile::InstitutionSeal { institution: &institution, key },
        subject: Subject {
            organisation: organisation.as_deref().ok_or_else(|| wrong("it names no organisation"))?,
            common_name: common_name.as_deref().ok_or_else(|| wrong("it has no common name"))?,
        },
        serial: serial()?,
        validity,
        crl_url: None,
    })?;
    let failed = |source| AllianceError::File { path: seal_chain.to_owned(), source };
    let beside = |end: &str| seal_chain.with_extension(format!("pem.{end}"));
    fs::write(beside("new"), renewed.to_pem()).map_err(failed)?;
    fs::rename(seal_chain, beside("old")).map_err(failed)?;
    fs::rename(beside("new"), seal_chain).map_err(failed)?;
    Ok(validity)
}
