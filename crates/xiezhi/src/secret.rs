//! Secret files: lying open for their owner, or sealed with a passphrase.

use std::{fs, io::IsTerminal as _, path::Path, sync::Mutex};

use anyhow::{Context as _, bail};
use xiezhi_keystore::{Cost, KeystoreError, is_sealed, open, seal};
use zeroize::Zeroizing;

use crate::{
    Usage, home,
    texts::{Texts, language_from},
};

/// How often a wrong passphrase is asked for again.
const TRIES: usize = 3;

/// The passphrase that opened a file of this run.
static KNOWN: Mutex<Option<Zeroizing<String>>> = Mutex::new(None);

fn known() -> std::sync::MutexGuard<'static, Option<Zeroizing<String>>> {
    KNOWN.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// The texts of this run: secrets are read far from where texts are handed on.
fn texts_here() -> Texts {
    Texts::new(language_from(std::env::args()))
}

fn asked(prompt: &str) -> anyhow::Result<Zeroizing<String>> {
    if !std::io::stdin().is_terminal() {
        bail!(Usage(texts_here().get("passphrase-none", &[])));
    }
    Ok(Zeroizing::new(rpassword::prompt_password(format!("{prompt} "))?))
}

/// What is in the file at `path`, opened if it is sealed: with the passphrase of the environment, or one that is asked for.
pub(crate) fn read(path: &Path) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    if !is_sealed(&bytes) {
        return Ok(Zeroizing::new(bytes));
    }
    let failed = |error: KeystoreError| Usage(format!("{}: {error}", path.display()));
    let given = xiezhi_alliance::passphrase()?;
    let is_given = given.is_some();
    let mut candidate = given.or_else(|| known().clone());
    let texts = texts_here();
    for left in (0..TRIES).rev() {
        let passphrase = match candidate.take() {
            Some(passphrase) => passphrase,
            None => asked(&texts.get("passphrase-ask", &[("file", &path.display())]))?,
        };
        match open(&bytes, passphrase.as_bytes()) {
            Err(KeystoreError::Passphrase) if left > 0 && !is_given => {}
            opened => {
                let secret = opened.map_err(failed)?;
                *known() = Some(passphrase);
                return Ok(secret);
            }
        }
    }
    bail!(failed(KeystoreError::Passphrase))
}

/// Writes a secret: sealed with the same passphrase if what is there now is sealed.
pub(crate) fn write(path: &Path, secret: &[u8]) -> anyhow::Result<()> {
    let before = fs::read(path).ok().filter(|before| is_sealed(before));
    if before.is_none() {
        return home::write_whole(path, secret, true);
    }
    read(path)?;
    let passphrase = known().clone().context("a passphrase")?;
    sealed(path, secret, &passphrase)
}

fn sealed(path: &Path, secret: &[u8], passphrase: &str) -> anyhow::Result<()> {
    let file = seal(secret, passphrase.as_bytes(), &home::random()?, &home::random()?, Cost::STANDARD)?;
    home::write_whole(path, &file, true)
}

/// Seals the file at `path`, or seals it anew with another passphrase.
pub(crate) fn protect(path: &Path, texts: &Texts) -> anyhow::Result<()> {
    let was_sealed = fs::read(path).is_ok_and(|bytes| is_sealed(&bytes));
    let secret = read(path)?;
    let given = if was_sealed { None } else { xiezhi_alliance::passphrase()? };
    let passphrase = match given {
        Some(passphrase) => passphrase,
        None => {
            let first = asked(&texts.get("passphrase-new", &[("file", &path.display())]))?;
            if asked(&texts.get("passphrase-again", &[]))? != first {
                bail!(Usage(texts.get("passphrase-differ", &[])));
            }
            first
        }
    };
    if passphrase.is_empty() {
        bail!(Usage(texts.get("passphrase-empty", &[])));
    }
    sealed(path, &secret, &passphrase)
}

/// Leaves the file at `path` open.
pub(crate) fn unprotect(path: &Path) -> anyhow::Result<()> {
    let secret = read(path)?;
    home::write_whole(path, &secret, true)
}
