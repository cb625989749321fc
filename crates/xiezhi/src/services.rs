//! What the services with tables of their own (office, vault, evidence service) have in common: how they are configured, and how one logs into them.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::de::DeserializeOwned;
use xiezhi_client::Client;
use xiezhi_crypto::SigningKey;
use xiezhi_session::token::sign_client_assertion;
use zeroize::Zeroizing;

use crate::{Usage, home, secret};

/// Reads a configuration; gives the directory too to which its paths are relative.
pub(crate) fn read_config<T: DeserializeOwned>(path: &Path) -> anyhow::Result<(T, PathBuf)> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let config =
        serde_json::from_slice(&bytes).map_err(|error| Usage(format!("{}: {error}", path.display())))?;
    Ok((config, path.parent().unwrap_or(Path::new("")).to_owned()))
}

/// The address of a database, whose file is relative to `dir`.
pub(crate) fn database_in(dir: &Path, url: &str) -> String {
    match url.strip_prefix("sqlite:") {
        Some(file) => format!("sqlite:{}", dir.join(file).display()),
        None => url.to_owned(),
    }
}

/// The master key in the file `path`; made if it is not there.
pub(crate) fn master_key(path: &Path) -> anyhow::Result<Zeroizing<[u8; 32]>> {
    if !path.exists() {
        let key: [u8; 32] = home::random()?;
        secret::write(path, hex::encode(key).as_bytes())?;
    }
    let mut master = Zeroizing::new([0; 32]);
    let text = secret::read(path)?;
    hex::decode_to_slice(text.trim_ascii(), &mut *master)
        .with_context(|| format!("{}: no master key", path.display()))?;
    Ok(master)
}

/// A token of the service at `endpoint` for `name`, whose key is `key`.
pub(crate) async fn log_in(
    client: &Client,
    endpoint: &str,
    name: &str,
    key: &SigningKey,
) -> anyhow::Result<String> {
    let jti = hex::encode(home::random::<16>()?);
    let assertion = sign_client_assertion(name, key, endpoint, &jti, home::now().seconds())?;
    // Nothing in it needs escaping but the colons of the type.
    let form = format!(
        "grant_type=client_credentials\
        &client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer\
        &client_assertion={assertion}"
    );
    let answer = client.service_token(form).await?;
    Ok(answer["access_token"].as_str().context("no token in the answer")?.to_owned())
}
