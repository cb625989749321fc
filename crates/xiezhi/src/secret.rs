//! Secret files: lying open for their owner, or sealed with a passphrase.

use std::{fs, io::IsTerminal as _, path::Path, sync::Mutex};

use anyhow::{Context as _, bail};
use xiezhi_custody::Place;
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
    Ok(opened(path)?.secret)
}

/// What is in a file, and the passphrase if it is sealed.
struct Opened {
    secret: Zeroizing<Vec<u8>>,
    passphrase: Option<Zeroizing<String>>,
}

fn opened(path: &Path) -> anyhow::Result<Opened> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    if !is_sealed(&bytes) {
        return Ok(Opened { secret: Zeroizing::new(bytes), passphrase: None });
    }
    let given = xiezhi_alliance::passphrase()?;
    let mut tries = if given.is_some() { 1 } else { TRIES };
    let mut candidate = given.or_else(|| known().clone());
    loop {
        let passphrase = match candidate.take() {
            Some(passphrase) => passphrase,
            None => asked(&texts_here().get("passphrase-ask", &[("file", &path.display())]))?,
        };
        tries -= 1;
        match open(&bytes, passphrase.as_bytes()) {
            Err(KeystoreError::Passphrase) if tries > 0 => {}
            Err(error) => bail!(Usage(format!("{}: {error}", path.display()))),
            Ok(secret) => {
                *known() = Some(passphrase.clone());
                return Ok(Opened { secret, passphrase: Some(passphrase) });
            }
        }
    }
}

/// What opens `place`: from the file that the environment names for it, or asked for.
pub(crate) fn of_place(place: &Place) -> anyhow::Result<Zeroizing<String>> {
    let variable = xiezhi_alliance::place_variable(place);
    let values: [(&str, &dyn std::fmt::Display); 2] = [("place", place), ("variable", &variable)];
    if std::env::var_os(variable).is_some() {
        return Ok(xiezhi_alliance::place_secret(place)?);
    }
    if !std::io::stdin().is_terminal() {
        bail!(Usage(texts_here().get("place-none", &values)));
    }
    asked(&texts_here().get("place-ask", &values))
}

/// Writes a secret: sealed with the same passphrase if what is there now is sealed.
pub(crate) fn write(path: &Path, secret: &[u8]) -> anyhow::Result<()> {
    let before = if path.exists() { opened(path)?.passphrase } else { None };
    match before {
        Some(passphrase) => sealed(path, secret, &passphrase),
        None => home::write_whole(path, secret, true),
    }
}

fn sealed(path: &Path, secret: &[u8], passphrase: &str) -> anyhow::Result<()> {
    let file = seal(secret, passphrase.as_bytes(), &home::random()?, &home::random()?, Cost::STANDARD)?;
    home::write_whole(path, &file, true)
}

/// Seals the file at `path`, or seals it anew with another passphrase.
pub(crate) fn protect(path: &Path, texts: &Texts) -> anyhow::Result<()> {
    let Opened { secret, passphrase: before } = opened(path)?;
    let given = if before.is_some() { None } else { xiezhi_alliance::passphrase()? };
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
