//! `account`: an account's keys, thresholds, recovery, freezing and successor.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail};
use xiezhi_client::{Client, Wait, wire};
use xiezhi_crypto::{SignatureAlg, SigningKey};
use xiezhi_evidence::{
    AccountSpec, Body, Statement, StatementDraft, WeightedKey,
    account::{
        AccountChange, Authority, Delegation, Encryption, Grant, Lifting, Order, Permission, Recovery,
        Successor,
    },
    alliance::institution_account_id,
};
use xiezhi_types::{AccountId, Height};

use crate::{
    Ending, Usage,
    account::{self, OwnAccount, make_key, read_key, read_public_key},
    args::{AccountAction, AccountOptions, AuthorityOptions, Common, OrderOptions, Signing},
    deposit::ledger_of,
    home, member, secret,
    texts::Texts,
    trust,
    verify::{self, hash_quietly, read_certificate},
};

pub(crate) async fn run(common: &Common, options: &AccountOptions, texts: &Texts) -> anyhow::Result<Ending> {
    let tool = Tool { common, texts };
    match &options.action {
        AccountAction::List { json } => tool.list(*json)?,
        AccountAction::Show { account, json } => tool.show(account, *json).await?,
        AccountAction::Prove { account, height, out } => {
            let (id, client) = (account::named(account, texts)?.id, home::client(common, texts)?);
            let proof = client.account_proof(&id, height.map(Height)).await?;
            home::write_whole(out, &proof, false)?;
            println!("{}", texts.get("account-proof", &[("file", &out.display())]));
        }
        AccountAction::Check { file, at, trust, json } => {
            return tool.check(file, at.as_deref(), trust, *json);
        }
        AccountAction::Key { file, alg } => {
            let key = make_key(file, SignatureAlg::from_name(alg)?)?;
            let values: [(&str, &dyn std::fmt::Display); 2] = [("file", &file.display()), ("key", &key.id())];
            println!("{}", texts.get("account-key", &values));
        }
        AccountAction::Protect { account, key } => {
            let path = secret_file(account, key.as_ref())?;
            secret::protect(&path, texts)?;
            println!("{}", texts.get("secret-sealed", &[("file", &path.display())]));
        }
        AccountAction::Unprotect { account, key } => {
            let path = secret_file(account, key.as_ref())?;
            secret::unprotect(&path)?;
            println!("{}", texts.get("secret-open", &[("file", &path.display())]));
        }
        AccountAction::Create { name, authority, recovery, delay_hours, signing } => {
            tool.create(name, authority, recovery.as_deref(), *delay_hours, signing).await?;
        }
        AccountAction::Use { name, keys, id } => tool.use_keys(name, keys, *id)?,
        AccountAction::ChangeKeys { account, authority, signing } => {
            let (authority, _) = read_authority(authority, None)?;
            tool.change(account, AccountChange::Authority(authority), signing).await?;
        }
        AccountAction::SetRecovery { account, recovery, none: _, delay_hours, signing } => {
            let key = recovery.as_deref().map(read_public_key).transpose()?;
            let change = Recovery { key, delay_s: seconds(*delay_hours) };
            tool.change(account, AccountChange::Recovery(change), signing).await?;
        }
        AccountAction::SetEncryption { account, key, none: _, signing } => {
            let key = key.as_deref().map(read_public_key).transpose()?;
            tool.change(account, AccountChange::Encryption(Encryption { key }), signing).await?;
        }
        AccountAction::BeginReset { account, authority, signing } => {
            let (authority, _) = read_authority(authority, None)?;
            tool.change(account, AccountChange::BeginReset(authority), signing).await?;
        }
        AccountAction::CancelReset { account, signing } => {
            tool.change(account, AccountChange::CancelReset, signing).await?;
        }
        AccountAction::FinishReset { account, signing } => {
            tool.change(account, AccountChange::FinishReset, signing).await?;
        }
        AccountAction::Transfer { account, to, withdraw: _, signing } => {
            tool.change(account, AccountChange::Transfer(Successor { account: *to }), signing).await?;
        }
        AccountAction::Accept { account, from, signing } => {
            tool.change(account, AccountChange::Accept(*from), signing).await?;
        }
        AccountAction::Delegate { account, to, quota, daily, from, until, signing } => {
            let grant = Grant {
                delegate: account::named(to, texts)?.id,
                permissions: vec![Permission::Deposit],
                quota: *quota,
                daily: *daily,
                not_before: from.as_deref().map(|text| home::moment(text, 0, texts)).transpose()?,
                until: home::moment(until, DAY_MS, texts)?,
            };
            grant.check().map_err(Usage)?;
            tool.change(account, AccountChange::Delegate(grant), signing).await?;
        }
        AccountAction::Revoke { account, to, signing } => {
            let delegate = account::named(to, texts)?.id;
            tool.change(account, AccountChange::Revoke(delegate), signing).await?;
        }
        AccountAction::Freeze { account, order } => {
            tool.order(order, |_, given| AccountChange::Freeze(given), *account).await?;
        }
        AccountAction::Unfreeze { account, freezing, institution, order } => {
            let lift = |own: &xiezhi_alliance::Own, order| {
                let institution = institution.clone().unwrap_or_else(|| own.institution.clone());
                AccountChange::Unfreeze(Lifting { order, institution, freezing: freezing.clone() })
            };
            tool.order(order, lift, *account).await?;
        }
        AccountAction::Sign { file, sign } => tool.countersign(file, sign)?,
        AccountAction::Send { file, timeout } => {
            let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
            tool.send(&home::client(common, texts)?, bytes, *timeout).await?;
        }
    }
    Ok(Ending::Done)
}

/// A day, in milliseconds.
const DAY_MS: u64 = 24 * 3600 * 1000;

fn seconds(hours: Option<u32>) -> Option<u32> {
    hours.map(|hours| hours.saturating_mul(3600))
}

/// Keys, weights and thresholds; where no key is named, the one of `fresh`.
fn read_authority(
    options: &AuthorityOptions,
    fresh: Option<SigningKey>,
) -> anyhow::Result<(Authority, Vec<SigningKey>)> {
    let mut keys = Vec::new();
    for named in &options.key {
        let weighted = named.rsplit_once(':').and_then(|(file, weight)| Some((file, weight.parse().ok()?)));
        let (file, weight) = weighted.unwrap_or((named.as_str(), 1));
        keys.push(WeightedKey { key: read_public_key(Path::new(file))?, weight });
    }
    let own = fresh.filter(|_| keys.is_empty());
    keys.extend(own.iter().map(|key| WeightedKey { key: key.public_key(), weight: 1 }));
    keys.sort_by_key(|one| one.key.id());
    let authority = Authority {
        keys,
        deposit_threshold: options.deposit_threshold,
        manage_threshold: options.manage_threshold,
    };
    authority.check().map_err(Usage)?;
    Ok((authority, own.into_iter().collect()))
}

/// The file of a key, or of the account called `name` here.
fn secret_file(name: &str, key: Option<&PathBuf>) -> anyhow::Result<PathBuf> {
    key.map_or_else(|| account::path(name), |key| Ok(key.clone()))
}

fn read_keys(files: &[PathBuf]) -> anyhow::Result<Vec<SigningKey>> {
    files.iter().map(|file| read_key(file)).collect()
}

struct Tool<'a> {
    common: &'a Common,
    texts: &'a Texts,
}

impl Tool<'_> {
    fn list(&self, json: bool) -> anyhow::Result<()> {
        let mut rows = Vec::new();
        for name in account::names()? {
            let Some(own) = OwnAccount::find(&name)? else { continue };
            let keys: Vec<_> = own.keys.iter().map(|key| key.public_key().id().to_string()).collect();
            rows.push((name, own.id, keys));
        }
        if json {
            let rows: Vec<_> = rows
                .iter()
                .map(|(name, id, keys)| serde_json::json!({"name": name, "id": id.to_string(), "keys": keys}))
                .collect();
            println!("{}", serde_json::to_string_pretty(&rows)?);
            return Ok(());
        }
        for (name, id, keys) in rows {
            println!("{name:<16} {id}  {}", keys.join(" "));
        }
        Ok(())
    }

    async fn show(&self, account: &str, json: bool) -> anyhow::Result<()> {
        let id = account::named(account, self.texts)?.id;
        let found = home::client(self.common, self.texts)?.account(&id).await?;
        if json {
            println!("{}", serde_json::to_string_pretty(&found)?);
        } else {
            self.print(&found);
        }
        Ok(())
    }

    fn print(&self, found: &wire::Account) {
        let status = self.texts.get(&format!("account-{}", found.status), &[]);
        let values: [(&str, &dyn std::fmt::Display); 4] = [
            ("account", &found.id),
            ("status", &status),
            ("deposit", &found.deposit_threshold),
            ("manage", &found.manage_threshold),
        ];
        println!("{}", self.texts.get("account-shown", &values));
        for key in &found.keys {
            println!("  {} {:<8} {}", key.id, key.alg, key.weight);
        }
        if let Some(key) = &found.recovery_key {
            let hours = found.recovery_delay_s / 3600;
            let values: [(&str, &dyn std::fmt::Display); 2] = [("key", &key.id), ("hours", &hours)];
            println!("  {}", self.texts.get("account-recovery", &values));
        }
        if let Some(key) = &found.encryption_key {
            println!("  {}", self.texts.get("account-encryption", &[("key", &key.id)]));
        }
        if let Some(reset) = &found.reset {
            let keys: Vec<_> = reset.keys.iter().map(|key| key.id.clone()).collect();
            let values: [(&str, &dyn std::fmt::Display); 3] =
                [("begun", &reset.begun), ("until", &reset.until), ("keys", &keys.join(", "))];
            println!("  {}", self.texts.get("account-reset", &values));
        }
        for freezing in &found.freezings {
            let values: [(&str, &dyn std::fmt::Display); 4] = [
                ("institution", &freezing.institution),
                ("reference", &freezing.reference),
                ("height", &freezing.height),
                ("document", &freezing.document),
            ];
            println!("  {}", self.texts.get("account-freezing", &values));
        }
        for delegation in &found.delegations {
            self.print_delegation(delegation);
        }
        if let Some(successor) = &found.successor {
            let text = if found.status == "transferred" { "account-succeeded" } else { "account-offered" };
            println!("  {}", self.texts.get(text, &[("account", successor)]));
        }
    }

    fn print_delegation(&self, delegation: &wire::Delegation) {
        let values: [(&str, &dyn std::fmt::Display); 4] = [
            ("delegate", &delegation.delegate),
            ("until", &delegation.until),
            ("used", &delegation.used),
            ("quota", &delegation.quota),
        ];
        println!("  {}", self.texts.get("account-delegation", &values));
        if let Some(from) = &delegation.not_before {
            println!("    {}", self.texts.get("account-delegation-from", &[("from", from)]));
        }
        if let Some(daily) = &delegation.daily {
            println!("    {}", self.texts.get("account-delegation-daily", &[("daily", daily)]));
        }
        println!("    {}", self.texts.get("account-delegation-left", &[("left", &delegation.left)]));
    }

    fn check(
        &self,
        file: &Path,
        at: Option<&str>,
        trusted: &[PathBuf],
        json: bool,
    ) -> anyhow::Result<Ending> {
        let bytes = read_certificate(file)?;
        let time = home::time(at, self.texts)?;
        let (verdict, proven) = xiezhi_verify::verify_account(&bytes, &trust::anchors(trusted)?, time);
        if json {
            println!("{}", verdict.to_json());
            return Ok(verify::ending(&verdict));
        }
        if let Some(account) = proven.and_then(|proven| proven.account) {
            println!("{}", self.texts.get("account-says", &[("status", &account.status.word())]));
            for WeightedKey { key, weight } in &account.keys {
                println!("  {} {:<8} {weight}", key.id(), key.alg().name());
            }
            for Delegation { grant, used, .. } in &account.delegations {
                let until = grant.until.rfc3339();
                let values: [(&str, &dyn std::fmt::Display); 4] = [
                    ("delegate", &grant.delegate),
                    ("until", &until),
                    ("used", used),
                    ("quota", &grant.quota),
                ];
                println!("  {}", self.texts.get("account-delegation", &values));
            }
            println!();
        }
        verify::print(&verdict, self.texts);
        Ok(verify::ending(&verdict))
    }

    async fn create(
        &self,
        name: &str,
        authority: &AuthorityOptions,
        recovery: Option<&Path>,
        delay_hours: Option<u32>,
        signing: &Signing,
    ) -> anyhow::Result<()> {
        if OwnAccount::find(name)?.is_some() {
            bail!(Usage(self.texts.get("account-exists", &[("account", &name)])));
        }
        let fresh = SigningKey::from_seed(SignatureAlg::Ed25519, &home::random()?)?;
        let (authority, mut keys) = read_authority(authority, Some(fresh))?;
        keys.extend(read_keys(&signing.sign)?);
        let spec = AccountSpec {
            salt: home::random()?,
            keys: authority.keys,
            deposit_threshold: authority.deposit_threshold,
            manage_threshold: authority.manage_threshold,
            recovery_key: recovery.map(read_public_key).transpose()?,
            encryption_key: None,
            recovery_delay_s: seconds(delay_hours),
        };
        spec.check().map_err(Usage)?;
        let own = OwnAccount::of(spec.clone(), keys);
        let client = home::client(self.common, self.texts)?;
        let statement = own.sign_at(
            home::time(signing.at.as_deref(), self.texts)?,
            ledger_of(&client).await?.0.ledger,
            None,
            Body::Account(spec),
        )?;
        // Kept first: keys of an account that the ledger has must not be lost.
        own.save(name)?;
        println!("{}", self.texts.get("account-saved", &[("name", &name), ("account", &own.id)]));
        self.finish(&client, statement, signing).await
    }

    fn use_keys(&self, name: &str, files: &[PathBuf], id: Option<AccountId>) -> anyhow::Result<()> {
        let known = OwnAccount::find(name)?;
        if let (Some(known), Some(id)) = (&known, id)
            && known.id != id
        {
            bail!(Usage(self.texts.get("account-exists", &[("account", &name)])));
        }
        let Some(id) = known.map(|known| known.id).or(id) else {
            bail!(Usage(self.texts.get("account-no-such", &[("account", &name)])));
        };
        OwnAccount::existing(id, read_keys(files)?).save(name)?;
        println!("{}", self.texts.get("account-saved", &[("name", &name), ("account", &id)]));
        Ok(())
    }

    async fn change(&self, account: &str, said: AccountChange, signing: &Signing) -> anyhow::Result<()> {
        let mut own = account::named(account, self.texts)?;
        if !signing.sign.is_empty() {
            own.keys = read_keys(&signing.sign)?;
        }
        if own.keys.is_empty() {
            bail!(Usage(self.texts.get("account-needs-key", &[])));
        }
        let client = home::client(self.common, self.texts)?;
        let changed = said.other_account().unwrap_or(own.id);
        let statement = own.sign_at(
            home::time(signing.at.as_deref(), self.texts)?,
            ledger_of(&client).await?.0.ledger,
            None,
            Body::Change(said),
        )?;
        self.finish(&client, statement, signing).await?;
        if signing.draft.is_none() {
            self.print(&client.account(&changed).await?);
        }
        Ok(())
    }

    async fn order(
        &self,
        options: &OrderOptions,
        said: impl FnOnce(&xiezhi_alliance::Own, Order) -> AccountChange,
        account: AccountId,
    ) -> anyhow::Result<()> {
        let own = member::own_of(self.common, self.texts, &options.acting.who)?;
        let document = hash_quietly(&options.document)?;
        let sha256 = document.digests.iter().find(|one| one.alg == xiezhi_crypto::DigestAlg::Sha256);
        let document = sha256.context("no digest")?.value;
        let order = Order { account, reference: options.order.clone(), document };
        let body = Body::Change(said(&own, order));
        let client = member::client_of(self.common, self.texts, &own)?;
        let key = member::seal_key(self.texts, &own, &client).await?;
        let issuer = institution_account_id(&own.ledger, &own.institution);
        let draft = StatementDraft { issuer, ledger: own.ledger, issued_at: home::now(), group: None, body };
        self.send(&client, draft.sign(&[&*key])?.as_bytes().to_vec(), options.acting.timeout).await?;
        self.print(&client.account(&account).await?);
        Ok(())
    }

    /// Sends the statement, or writes it for others to sign.
    async fn finish(&self, client: &Client, statement: Vec<u8>, signing: &Signing) -> anyhow::Result<()> {
        let Some(file) = &signing.draft else { return self.send(client, statement, signing.timeout).await };
        home::write_whole(file, &statement, false)?;
        println!("{}", self.texts.get("account-draft", &[("file", &file.display())]));
        Ok(())
    }

    async fn send(&self, client: &Client, statement: Vec<u8>, timeout: u64) -> anyhow::Result<()> {
        let done = client.deposit(statement, Wait::Recorded(Duration::from_secs(timeout))).await?;
        println!("{}", self.texts.get("member-recorded", &[("number", &done.record.number)]));
        Ok(())
    }

    fn countersign(&self, file: &Path, keys: &[PathBuf]) -> anyhow::Result<()> {
        let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let mut statement = Statement::parse(&bytes).with_context(|| format!("{}", file.display()))?;
        for key in read_keys(keys)? {
            statement = statement.countersigned(&key)?;
        }
        home::write_whole(file, statement.as_bytes(), false)?;
        let count = statement.signatures().len();
        let values: [(&str, &dyn std::fmt::Display); 2] = [("file", &file.display()), ("count", &count)];
        println!("{}", self.texts.get("account-signed", &values));
        Ok(())
    }
}
