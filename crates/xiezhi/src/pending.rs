//! What is kept of a deposit until its certificates are written.
//!
//! The manifest's salts exist nowhere else, and the statement must be sent again byte for byte if the answer was lost: so both are written
//! before anything is sent, and the file is removed only when every certificate is on disk.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use minicbor::{Decode, Encode};
use xiezhi_evidence::Manifest;
use xiezhi_types::{canonical, from_canonical};

use crate::home;

/// One exhibit of a pending deposit.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct PendingExhibit {
    /// Where its certificate goes.
    #[n(1)]
    pub(crate) certificate: String,
    /// Its manifest.
    #[n(2)]
    pub(crate) manifest: Manifest,
    /// Its batch item, in a batch.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub(crate) item: Option<Vec<u8>>,
}

/// A deposit on its way.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Pending {
    /// The statement, to be sent again as it is.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) statement: Vec<u8>,
    /// One exhibit, or a batch's.
    #[n(2)]
    pub(crate) exhibits: Vec<PendingExhibit>,
}

impl Pending {
    /// The file for a deposit whose first certificate goes to `certificate`.
    pub(crate) fn path(certificate: &Path) -> PathBuf {
        let mut name = certificate.as_os_str().to_owned();
        name.push(".pending");
        PathBuf::from(name)
    }

    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        home::write_whole(path, &canonical(self), true)
    }

    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        from_canonical("a pending deposit", &bytes).with_context(|| format!("{}", path.display()))
    }

    pub(crate) fn items(&self) -> Vec<Vec<u8>> {
        self.exhibits.iter().filter_map(|exhibit| exhibit.item.clone()).collect()
    }
}
