//! The depositor's account: its key on this machine, its creation on the ledger.

use std::{fs, time::Duration};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use xiezhi_client::{Client, Wait};
use xiezhi_crypto::{SignatureAlg, SigningKey};
use xiezhi_evidence::{AccountSpec, Body, StatementDraft};
use xiezhi_types::{AccountId, GroupId, LedgerId};

use crate::home;

#[derive(Serialize, Deserialize)]
struct AccountFile {
    alg: String,
    seed: String,
    salt: String,
}

/// An account that can sign.
pub(crate) struct OwnAccount {
    pub(crate) id: AccountId,
    key: SigningKey,
    spec: AccountSpec,
}

impl OwnAccount {
    /// An account with a new key.
    pub(crate) fn new() -> anyhow::Result<Self> {
        Self::from_parts(SignatureAlg::Ed25519, &home::random()?, home::random()?)
    }

    fn from_parts(alg: SignatureAlg, seed: &[u8; 32], salt: [u8; 16]) -> anyhow::Result<Self> {
        let key = SigningKey::from_seed(alg, seed)?;
        let spec = AccountSpec::single(salt, key.public_key());
        Ok(Self { id: spec.id(), key, spec })
    }

    /// The account called `name` in the tool's home; made on first use.
    pub(crate) fn open(name: &str) -> anyhow::Result<Self> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
            bail!(crate::Usage(format!("--account: \"{name}\": letters, digits, - and _, at most 64")));
        }
        let path = home::home()?.join("accounts").join(format!("{name}.json"));
        match fs::read(&path) {
            Ok(bytes) => Self::read(&bytes).with_context(|| format!("{}", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let account = Self::new()?;
                let file = AccountFile {
                    alg: account.key.alg().name().to_owned(),
                    seed: hex::encode(account.key.seed()),
                    salt: hex::encode(account.spec.salt),
                };
                home::write_whole(&path, &serde_json::to_vec_pretty(&file)?, true)?;
                Ok(account)
            }
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    fn read(bytes: &[u8]) -> anyhow::Result<Self> {
        let file: AccountFile = serde_json::from_slice(bytes)?;
        let (mut seed, mut salt) = ([0; 32], [0; 16]);
        hex::decode_to_slice(&file.seed, &mut seed).context("seed")?;
        hex::decode_to_slice(&file.salt, &mut salt).context("salt")?;
        Self::from_parts(SignatureAlg::from_name(&file.alg)?, &seed, salt)
    }

    /// A statement of this account for `ledger`, signed now.
    pub(crate) fn sign(
        &self,
        ledger: LedgerId,
        group: Option<GroupId>,
        body: Body,
    ) -> anyhow::Result<Vec<u8>> {
        let draft = StatementDraft { issuer: self.id, ledger, issued_at: home::now(), group, body };
        Ok(draft.sign(&[&self.key])?.as_bytes().to_vec())
    }

    /// Makes sure that the account exists on the client's ledger; whether it had to be created.
    pub(crate) async fn register(
        &self,
        client: &Client,
        ledger: LedgerId,
        wait: Duration,
    ) -> anyhow::Result<bool> {
        match client.account(&self.id).await {
            Ok(_) => return Ok(false),
            Err(error) if error.code() == Some("not-found") => {}
            Err(error) => return Err(error.into()),
        }
        match client
            .deposit(self.sign(ledger, None, Body::Account(self.spec.clone()))?, Wait::Recorded(wait))
            .await
        {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("account-exists") => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
