//! Accounts on this machine: which keys sign for them, and their creation on the ledger.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use xiezhi_client::{Client, Wait};
use xiezhi_crypto::{PublicKey, SignatureAlg, SigningKey};
use xiezhi_evidence::{AccountSpec, Body, StatementDraft};
use xiezhi_types::{AccountId, GroupId, LedgerId, TimestampMs, canonical, from_canonical};

use crate::{Usage, home, secret, texts::Texts};

/// A secret key.
#[derive(Serialize, Deserialize)]
struct KeyFile {
    alg: String,
    seed: String,
}

/// A public key, to be handed to others.
#[derive(Serialize, Deserialize)]
struct PublicFile {
    id: String,
    alg: String,
    key: String,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum AccountFile {
    Account {
        id: String,
        spec: Option<String>,
        keys: Vec<KeyFile>,
    },
    /// As it was while accounts had one key.
    Single {
        alg: String,
        seed: String,
        salt: String,
    },
}

impl KeyFile {
    fn of(key: &SigningKey) -> Self {
        Self { alg: key.alg().name().to_owned(), seed: hex::encode(key.seed()) }
    }

    fn key(&self) -> anyhow::Result<SigningKey> {
        let mut seed = [0; 32];
        hex::decode_to_slice(&self.seed, &mut seed).context("seed")?;
        Ok(SigningKey::from_seed(SignatureAlg::from_name(&self.alg)?, &seed)?)
    }
}

/// Makes a key of the suite `alg`: the secret in the file `path`, the public one in `path` with `.pub` after it.
pub(crate) fn make_key(path: &Path, alg: SignatureAlg) -> anyhow::Result<PublicKey> {
    if path.exists() {
        bail!(Usage(format!("{} exists already", path.display())));
    }
    let key = SigningKey::from_seed(alg, &home::random()?)?;
    let public = key.public_key();
    secret::write(path, &serde_json::to_vec_pretty(&KeyFile::of(&key))?)?;
    let file = PublicFile {
        id: public.id().to_string(),
        alg: alg.name().to_owned(),
        key: hex::encode(public.as_bytes()),
    };
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    home::write_whole(Path::new(&name), &serde_json::to_vec_pretty(&file)?, false)?;
    Ok(public)
}

/// The secret key in a file.
pub(crate) fn read_key(path: &Path) -> anyhow::Result<SigningKey> {
    let bytes = secret::read(path)?;
    let file: KeyFile =
        serde_json::from_slice(&bytes).with_context(|| format!("{}: no secret key", path.display()))?;
    file.key().with_context(|| format!("{}", path.display()))
}

/// The public key in a file.
pub(crate) fn read_public_key(path: &Path) -> anyhow::Result<PublicKey> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let read = || -> anyhow::Result<PublicKey> {
        let file: PublicFile = serde_json::from_slice(&bytes).context("no public key")?;
        let key = PublicKey::new(SignatureAlg::from_name(&file.alg)?, &hex::decode(&file.key)?)?;
        if key.id().to_string() != file.id {
            bail!("the key's id is {}, not {}", key.id(), file.id);
        }
        Ok(key)
    };
    read().with_context(|| format!("{}", path.display()))
}

/// An account that can sign.
pub(crate) struct OwnAccount {
    pub(crate) id: AccountId,
    pub(crate) keys: Vec<SigningKey>,
    pub(crate) spec: Option<AccountSpec>,
}

/// Where the account called `name` is kept.
pub(crate) fn path(name: &str) -> anyhow::Result<PathBuf> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
        bail!(Usage(format!("account \"{name}\": letters, digits, - and _, at most 64")));
    }
    Ok(home::home()?.join("accounts").join(format!("{name}.json")))
}

/// Names of the accounts in the tool's home, sorted.
pub(crate) fn names() -> anyhow::Result<Vec<String>> {
    let entries = match fs::read_dir(home::home()?.join("accounts")) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let name = |entry: std::io::Result<fs::DirEntry>| {
        entry.ok()?.file_name().into_string().ok()?.strip_suffix(".json").map(str::to_owned)
    };
    let mut names: Vec<_> = entries.filter_map(name).collect();
    names.sort();
    Ok(names)
}

/// The account called `account` here, with the keys that sign for it here; or the one with that id, without keys.
pub(crate) fn named(account: &str, texts: &Texts) -> anyhow::Result<OwnAccount> {
    if let Ok(id) = account.parse() {
        return Ok(OwnAccount::existing(id, Vec::new()));
    }
    let found = OwnAccount::find(account)?;
    found.ok_or_else(|| Usage(texts.get("account-no-such", &[("account", &account)])).into())
}

impl OwnAccount {
    /// An account with a new key.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let key = SigningKey::from_seed(SignatureAlg::Ed25519, &home::random()?)?;
        let spec = AccountSpec::single(home::random()?, key.public_key());
        Ok(Self::of(spec, vec![key]))
    }

    /// The account that `spec` creates, for which `keys` sign here.
    pub(crate) fn of(spec: AccountSpec, keys: Vec<SigningKey>) -> Self {
        Self { id: spec.id(), keys, spec: Some(spec) }
    }

    /// An account that exists on the ledger, for which `keys` sign here.
    pub(crate) fn existing(id: AccountId, keys: Vec<SigningKey>) -> Self {
        Self { id, keys, spec: None }
    }

    /// The account called `name` in the tool's home; made on first use.
    pub(crate) fn open(name: &str) -> anyhow::Result<Self> {
        if let Some(account) = Self::find(name)? {
            return Ok(account);
        }
        let account = Self::new()?;
        account.save(name)?;
        Ok(account)
    }

    /// The account called `name` in the tool's home.
    pub(crate) fn find(name: &str) -> anyhow::Result<Option<Self>> {
        let path = path(name)?;
        if !path.try_exists().with_context(|| format!("cannot read {}", path.display()))? {
            return Ok(None);
        }
        Self::read(&secret::read(&path)?).map(Some).with_context(|| format!("{}", path.display()))
    }

    /// Keeps it under `name`.
    pub(crate) fn save(&self, name: &str) -> anyhow::Result<()> {
        let file = AccountFile::Account {
            id: self.id.to_string(),
            spec: self.spec.as_ref().map(|spec| hex::encode(canonical(spec))),
            keys: self.keys.iter().map(KeyFile::of).collect(),
        };
        secret::write(&path(name)?, &serde_json::to_vec_pretty(&file)?)
    }

    fn read(bytes: &[u8]) -> anyhow::Result<Self> {
        match serde_json::from_slice(bytes)? {
            AccountFile::Account { id, spec, keys } => {
                let spec = spec.map(|spec| anyhow::Ok(from_canonical("spec", &hex::decode(spec)?)?));
                let keys = keys.iter().map(KeyFile::key).collect::<Result<_, _>>()?;
                Ok(Self { id: id.parse()?, keys, spec: spec.transpose()? })
            }
            AccountFile::Single { alg, seed, salt } => {
                let key = KeyFile { alg, seed }.key()?;
                let mut bytes = [0; 16];
                hex::decode_to_slice(&salt, &mut bytes).context("salt")?;
                Ok(Self::of(AccountSpec::single(bytes, key.public_key()), vec![key]))
            }
        }
    }

    /// A statement of this account for `ledger`, signed now.
    pub(crate) fn sign(
        &self,
        ledger: LedgerId,
        group: Option<GroupId>,
        body: Body,
    ) -> anyhow::Result<Vec<u8>> {
        self.sign_for(None, ledger, group, body)
    }

    /// A statement of this account in the name of `grantor` for `ledger`, signed now.
    pub(crate) fn sign_for(
        &self,
        grantor: Option<AccountId>,
        ledger: LedgerId,
        group: Option<GroupId>,
        body: Body,
    ) -> anyhow::Result<Vec<u8>> {
        self.signed(StatementDraft { issuer: self.id, ledger, issued_at: home::now(), group, body }, grantor)
    }

    /// A statement of this account for `ledger`, signed as of `issued_at`.
    pub(crate) fn sign_at(
        &self,
        issued_at: TimestampMs,
        ledger: LedgerId,
        group: Option<GroupId>,
        body: Body,
    ) -> anyhow::Result<Vec<u8>> {
        self.signed(StatementDraft { issuer: self.id, ledger, issued_at, group, body }, None)
    }

    fn signed(&self, draft: StatementDraft, grantor: Option<AccountId>) -> anyhow::Result<Vec<u8>> {
        let keys: Vec<&SigningKey> = self.keys.iter().collect();
        Ok(draft.sign_for(grantor, &keys)?.as_bytes().to_vec())
    }

    /// Makes sure that the account exists on the client's ledger; whether it had to be created.
    pub(crate) async fn register(
        &self,
        client: &Client,
        ledger: LedgerId,
        wait: Duration,
    ) -> anyhow::Result<bool> {
        let missing = match client.account(&self.id).await {
            Ok(_) => return Ok(false),
            Err(error) if error.code() == Some("not-found") => error,
            Err(error) => return Err(error.into()),
        };
        let Some(spec) = &self.spec else { return Err(missing.into()) };
        match client
            .deposit(self.sign(ledger, None, Body::Account(spec.clone()))?, Wait::Recorded(wait))
            .await
        {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("account-exists") => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
