//! `vault`: keeping originals, and what their owners and readers do with them.

mod operator;
mod proofs;

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use http::{HeaderName, HeaderValue, Method, header};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use xiezhi_client::Client;
use xiezhi_depositor::NodeLedger;
use xiezhi_objects::Access;
use xiezhi_types::AccountId;
use xiezhi_vault::{
    Originals, Service, Vault,
    envelope::{Envelope, OVERHEAD_BYTES, segments, take_over},
};
use xiezhi_vault_log::CustodyLog;
use xiezhi_verify::Anchor;

use crate::{
    Ending, Usage,
    account::{self, OwnAccount},
    args::{AtVault, Common, VaultAction, VaultOptions},
    deposit::ledger_of,
    home, serve, services,
    texts::Texts,
    verify::read_certificate,
};

/// How long the vault waits for its account to be created.
const WAIT: Duration = Duration::from_secs(60);
/// Bytes of an original in one request.
const PIECE_BYTES: usize = 8 << 20;
/// A session is opened anew after this; the vault's last longer.
const SESSION: Duration = Duration::from_secs(300);

/// The configuration; paths are relative to its file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Who is told of originals that are lost or damaged.
    alarm: Option<operator::Alarm>,
    /// Name of the vault's account in the tool's home.
    account: String,
    /// Where its users reach it.
    url: String,
    /// `sqlite:FILE` or `postgres://...`.
    database: String,
    /// `sqlite:FILE`: the keys of originals, apart from every backup of the database.
    keys: String,
    /// File of the master key; made if it is not there.
    master_key: PathBuf,
    /// Where the sealed originals are: a directory, or `s3://bucket/prefix`.
    originals: String,
    /// Seconds between audits; 86,400 where it is not said.
    #[serde(default = "day")]
    audit_every_s: u64,
    /// Seconds between heads of the log on the ledger; 60 where it is not said.
    #[serde(default = "minute")]
    head_every_s: u64,
}

fn day() -> u64 {
    86_400
}

fn minute() -> u64 {
    60
}

/// A place of originals, whose path is relative to `dir`.
fn place_in(dir: &Path, place: &str) -> String {
    if place.contains("://") { place.to_owned() } else { dir.join(place).display().to_string() }
}

/// The originals of the vault's `account` at `place`.
fn originals(place: &str, account: AccountId) -> anyhow::Result<Originals> {
    if !place.contains("://") {
        return Ok(Originals::directory(Path::new(place)));
    }
    let found = Originals::at(place, &Access::from_env(), account);
    found.map_err(|error| Usage(error.to_string()).into())
}

impl Config {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let (mut config, dir): (Self, _) = services::read_config(path)?;
        for url in [&mut config.database, &mut config.keys] {
            *url = services::database_in(&dir, url);
        }
        config.master_key = dir.join(&config.master_key);
        config.originals = place_in(&dir, &config.originals);
        if let Some(alarm) = &mut config.alarm {
            alarm.key = dir.join(&alarm.key);
        }
        Ok(config)
    }

    /// The service, with its account on the ledger.
    async fn service(&self, common: &Common, texts: &Texts) -> anyhow::Result<Service> {
        let client = home::client(common, texts)?;
        let (anchor, _) = ledger_of(&client).await?;
        let own = OwnAccount::open(&self.account)?;
        own.register(&client, anchor.ledger, WAIT).await?;
        self.open(client, anchor, own).await
    }

    async fn open(&self, client: Client, anchor: Anchor, own: OwnAccount) -> anyhow::Result<Service> {
        let master = services::master_key(&self.master_key)?;
        let originals = originals(&self.originals, own.id)?;
        let vault =
            Vault::open(&self.database, &self.keys, &master, originals, anchor.clone(), home::now()).await?;
        let ledger = NodeLedger::new(client, anchor, own.id, own.keys).creating(own.spec);
        Ok(Service::new(vault, ledger, &self.url, home::now))
    }

    /// Heads onto the ledger and audits, each on its own, until they are aborted.
    fn upkeep(&self, service: &Arc<Service>) -> [JoinHandle<()>; 2] {
        let (publishing, auditing) = (service.clone(), service.clone());
        [
            tokio::spawn(operator::keep_publishing(publishing, self.head_every_s)),
            tokio::spawn(operator::keep_auditing(auditing, self.audit_every_s, self.alarm.clone())),
        ]
    }
}

/// The demonstration's vault beside an alliance, at `url`, with its files in `dir`, and what keeps it up. Its account is created when it is first needed.
pub(crate) async fn demonstration(
    dir: &Path,
    url: String,
    client: Client,
    anchor: Anchor,
) -> anyhow::Result<Demonstration> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let file = |name: &str| format!("sqlite:{}", dir.join(name).display());
    let config = Config {
        account: "demonstration-vault".to_owned(),
        url,
        database: file("vault.db"),
        keys: file("vault-keys.db"),
        master_key: dir.join("master.key"),
        originals: dir.join("originals").display().to_string(),
        audit_every_s: day(),
        head_every_s: 2,
        alarm: None,
    };
    let service = Arc::new(config.open(client, anchor, OwnAccount::open(&config.account)?).await?);
    Ok(Demonstration { upkeep: config.upkeep(&service), router: xiezhi_vault::router(service) })
}

/// A vault that is served beside the pages.
pub(crate) struct Demonstration {
    pub(crate) router: axum::Router,
    pub(crate) upkeep: [JoinHandle<()>; 2],
}

pub(crate) async fn run(common: &Common, options: &VaultOptions, texts: &Texts) -> anyhow::Result<Ending> {
    let print = |value: &Value| println!("{value:#}");
    match &options.action {
        VaultAction::Serve { vault_config, listen } => {
            let config = Config::read(vault_config)?;
            let service = Arc::new(config.service(common, texts).await?);
            let listener = serve::listen(*listen, "--listen", texts).await?;
            let url = format!("http://{}", listener.local_addr()?);
            println!("{}", texts.get("vault-serves", &[("url", &url)]));
            let upkeep = config.upkeep(&service);
            let served = axum::serve(listener, xiezhi_vault::router(service));
            served.with_graceful_shutdown(serve::told_to_stop()).await?;
            upkeep.iter().for_each(JoinHandle::abort);
        }
        VaultAction::Audit { vault_config, json } => {
            let config = Config::read(vault_config)?;
            let found = operator::audit(&config.service(common, texts).await?, config.alarm.as_ref()).await?;
            operator::tell(&found, *json, texts)?;
        }
        VaultAction::Copy { vault_config, to_place, json } => {
            let config = Config::read(vault_config)?;
            let account = OwnAccount::open(&config.account)?.id;
            let other = originals(&place_in(Path::new(""), to_place), account)?;
            let found = config.service(common, texts).await?.copy_to(&other).await?;
            operator::tell(&found, *json, texts)?;
        }
        VaultAction::Put { file, certificate, at } => {
            let exhibit = put(file, certificate.as_deref(), at, texts).await?;
            println!("{}", texts.get("vault-put", &[("exhibit", &exhibit)]));
        }
        VaultAction::Get { exhibit, purpose, vault_key, out, at } => {
            fetch(exhibit, purpose, vault_key, out, at, texts).await?;
            println!("{}", texts.get("vault-got", &[("file", &out.display())]));
        }
        VaultAction::Grant { of, grantee, purpose, case, expires, at } => {
            let body = json!({ "grantee": grantee.to_string(), "purpose": purpose, "case": case, "expires": expires });
            let mut visitor = Visitor::new(at, texts).await?;
            let answer = visitor.json(Method::POST, &granted(of, "/grants", texts)?, &body).await?;
            println!("{}", answer["id"].as_str().unwrap_or_default());
        }
        VaultAction::Revoke { of, grant, at } => {
            check_hex(grant, texts)?;
            let target = granted(of, &format!("/grants/{grant}"), texts)?;
            Visitor::new(at, texts).await?.ask(Method::DELETE, &target, Vec::new(), &[]).await?;
            println!("{}", texts.get("vault-revoked", &[]));
        }
        VaultAction::Grants { of, at } => {
            let target = granted(of, "/grants", texts)?;
            print(&Visitor::new(at, texts).await?.json(Method::GET, &target, &Value::Null).await?);
        }
        VaultAction::List { at } => {
            let mut visitor = Visitor::new(at, texts).await?;
            let (mut all, mut after) = (Vec::new(), String::new());
            loop {
                let target = format!("/v1/originals?after={after}");
                let answer = visitor.json(Method::GET, &target, &Value::Null).await?;
                let page = answer["originals"].as_array().context("no originals in the answer")?;
                let Some(last) = page.last() else { break };
                after = last["exhibit"].as_str().unwrap_or_default().to_owned();
                check_hex(&after, texts)?;
                all.extend(page.iter().cloned());
            }
            print(&json!({ "originals": all }));
        }
        VaultAction::Granted { at } => {
            let mut visitor = Visitor::new(at, texts).await?;
            print(&visitor.json(Method::GET, "/v1/exhibits", &Value::Null).await?);
        }
        VaultAction::Reads { exhibit, at } => {
            let target = granted(exhibit, "/entries", texts)?;
            print(&Visitor::new(at, texts).await?.json(Method::GET, &target, &Value::Null).await?);
        }
        VaultAction::Prove { exhibit, position, trust, at } => {
            let target = of(exhibit, &format!("/entries/{position}/proof"), texts)?;
            let mut visitor = Visitor::new(at, texts).await?;
            let proof = visitor.json(Method::GET, &target, &Value::Null).await?;
            let proof = serde_json::from_value(proof).context("the vault's answer is no proof")?;
            print(&proofs::prove(&proof, visitor.vault, *position, exhibit, trust, texts)?);
        }
        VaultAction::Custody { exhibit, out, at } => {
            let target = of(exhibit, "/custody", texts)?;
            let answer = Visitor::new(at, texts).await?.json(Method::GET, &target, &Value::Null).await?;
            let log: CustodyLog =
                serde_json::from_value(answer).context("the vault's answer is no custody log")?;
            home::write_whole(out, &[serde_json::to_vec(&log)?, b"\n".to_vec()].concat(), true)?;
            println!(
                "{}",
                texts.get("vault-custody", &[("file", &out.display()), ("count", &log.entries.len())])
            );
        }
        VaultAction::Challenge { exhibit, out, trust, at } => {
            let nonce = hex::encode(home::random::<32>()?);
            let mut visitor = Visitor::new(at, texts).await?;
            let target = of(exhibit, "/challenges", texts)?;
            let answer = visitor.json(Method::POST, &target, &json!({ "nonce": nonce })).await?;
            let said = proofs::check(serde_json::from_value(answer.clone())?, trust, texts)?;
            let expected = (exhibit.as_str(), nonce.as_str(), visitor.vault.to_string());
            if (said["exhibit"].as_str(), said["nonce"].as_str(), said["vault"].as_str())
                != (Some(expected.0), Some(expected.1), Some(expected.2.as_str()))
            {
                bail!(texts.get("vault-not-proven", &[]));
            }
            home::write_whole(out, &serde_json::to_vec(&answer)?, true)?;
            print(&said);
        }
        VaultAction::Check { answer, trust } => {
            let bytes = std::fs::read(answer).with_context(|| format!("cannot read {}", answer.display()))?;
            let answer = serde_json::from_slice(&bytes).map_err(|error| Usage(error.to_string()))?;
            print(&proofs::check(answer, trust, texts)?);
        }
        VaultAction::Audits { exhibit, trust, at } => {
            let mut visitor = Visitor::new(at, texts).await?;
            let target = of(exhibit, "/audits", texts)?;
            let mut answer = visitor.json(Method::GET, &target, &Value::Null).await?;
            let audits =
                serde_json::from_value(answer["audits"].take()).context("no audits in the answer")?;
            print(&proofs::audits(audits, visitor.vault, exhibit, trust, texts)?);
        }
        VaultAction::Erase { exhibit, basis, reference, at } => {
            let body = json!({ "basis": basis, "reference": reference });
            let target = of(exhibit, "/erasures", texts)?;
            let body = serde_json::to_vec(&body)?;
            Visitor::new(at, texts).await?.ask(Method::POST, &target, json_type(), &body).await?;
            println!("{}", texts.get("vault-erased", &[]));
        }
    }
    Ok(Ending::Done)
}

fn json_type() -> Vec<(HeaderName, HeaderValue)> {
    vec![(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]
}

fn check_hex(id: &str, texts: &Texts) -> anyhow::Result<()> {
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        bail!(Usage(texts.get("vault-bad-id", &[("id", &id)])));
    }
    Ok(())
}

/// The address of something of an exhibit.
fn of(exhibit: &str, what: &str, texts: &Texts) -> anyhow::Result<String> {
    check_hex(exhibit, texts)?;
    Ok(format!("/v1/exhibits/{exhibit}{what}"))
}

/// The address of something of what is granted.
fn granted(about: &str, what: &str, texts: &Texts) -> anyhow::Result<String> {
    match about.strip_prefix("group:") {
        _ if about == "account" => Ok(format!("/v1/scopes/account{what}")),
        Some(group) => {
            check_hex(group, texts)?;
            Ok(format!("/v1/scopes/{group}{what}"))
        }
        None => of(about, what, texts),
    }
}

/// An account's session at a vault.
struct Visitor {
    client: Client,
    own: OwnAccount,
    endpoint: String,
    vault: AccountId,
    token: String,
    since: Instant,
}

impl Visitor {
    async fn new(at: &AtVault, texts: &Texts) -> anyhow::Result<Self> {
        let own = OwnAccount::find(&at.vault_account)?;
        let own =
            own.ok_or_else(|| Usage(texts.get("account-no-such", &[("account", &at.vault_account)])))?;
        let client = home::client_at(std::slice::from_ref(&at.vault_url), texts)?;
        let about = client.service_get("/v1/vault", "").await?;
        let endpoint = about["token_endpoint"].as_str().context("not a vault")?.to_owned();
        // The assertion is good for the vault that was asked, whatever it calls itself.
        if endpoint.strip_suffix("/v1/token") != Some(at.vault_url.trim_end_matches('/')) {
            bail!(Usage(texts.get("vault-other-address", &[("url", &endpoint)])));
        }
        let vault = about["account"].as_str().context("not a vault")?.parse()?;
        let mut visitor = Self { client, own, endpoint, vault, token: String::new(), since: Instant::now() };
        visitor.log_in().await?;
        Ok(visitor)
    }

    async fn log_in(&mut self) -> anyhow::Result<()> {
        let key = self.own.keys.first().context("no key of the account is here")?;
        let id = self.own.id.to_string();
        self.token = services::log_in(&self.client, &self.endpoint, &id, key).await?;
        self.since = Instant::now();
        Ok(())
    }

    async fn ask(
        &mut self,
        method: Method,
        target: &str,
        headers: Vec<(HeaderName, HeaderValue)>,
        body: &[u8],
    ) -> anyhow::Result<(http::HeaderMap, Vec<u8>)> {
        if self.since.elapsed() > SESSION {
            self.log_in().await?;
        }
        let (headers, body) =
            self.client.vault(method, target, &self.token, headers, body.to_vec().into()).await?;
        Ok((headers, body.into()))
    }

    async fn json(&mut self, method: Method, target: &str, body: &Value) -> anyhow::Result<Value> {
        let body = if body.is_null() { Vec::new() } else { serde_json::to_vec(body)? };
        let (_, answer) = self.ask(method, target, json_type(), &body).await?;
        serde_json::from_slice(&answer).context("the vault's answer cannot be read")
    }
}

/// Uploads a file; the exhibit's id.
async fn put(path: &Path, certificate: Option<&Path>, at: &AtVault, texts: &Texts) -> anyhow::Result<String> {
    let beside = || {
        let mut name = path.as_os_str().to_owned();
        name.push(".xzc");
        PathBuf::from(name)
    };
    let certificate = read_certificate(&certificate.map_or_else(beside, Path::to_owned))?;
    let mut file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let size = file.metadata()?.len();
    let mut visitor = Visitor::new(at, texts).await?;
    let target = format!("/v1/exhibits?size={size}");
    let (_, begun) = visitor.ask(Method::POST, &target, Vec::new(), &certificate).await?;
    let begun: Value = serde_json::from_slice(&begun)?;
    let exhibit = begun["exhibit"].as_str().context("no exhibit in the answer")?.to_owned();
    let mut offset = begun["offset"].as_u64().context("no offset in the answer")?;
    check_hex(&exhibit, texts)?;
    if offset > 0 {
        eprintln!("{}", texts.get("vault-resumed", &[("offset", &offset), ("size", &size)]));
    }
    let mut piece = vec![0; PIECE_BYTES];
    while offset < size {
        file.seek(SeekFrom::Start(offset))?;
        let wanted = usize::try_from(size - offset).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES));
        file.read_exact(&mut piece[..wanted])?;
        let headers = vec![
            (header::CONTENT_TYPE, HeaderValue::from_static("application/offset+octet-stream")),
            (HeaderName::from_static("tus-resumable"), HeaderValue::from_static("1.0.0")),
            (HeaderName::from_static("upload-offset"), offset.into()),
        ];
        let target = format!("/v1/uploads/{exhibit}");
        let (answered, _) = visitor.ask(Method::PATCH, &target, headers, &piece[..wanted]).await?;
        let next = answered.get("upload-offset").and_then(|value| value.to_str().ok()?.parse().ok());
        offset =
            next.filter(|next| *next > offset && *next <= size).context("the upload does not advance")?;
    }
    Ok(exhibit)
}

/// Fetches an original, piece by piece, beside its place, and puts it there when it is whole.
async fn fetch(
    exhibit: &str,
    purpose: &str,
    key: &Path,
    out: &Path,
    at: &AtVault,
    texts: &Texts,
) -> anyhow::Result<()> {
    let secret = account::read_key(key)?;
    let mut visitor = Visitor::new(at, texts).await?;
    let opened =
        visitor.json(Method::POST, &of(exhibit, "/reads", texts)?, &json!({ "purpose": purpose })).await?;
    let mut id = [0; 32];
    hex::decode_to_slice(exhibit, &mut id)
        .map_err(|_| Usage(texts.get("vault-bad-id", &[("id", &exhibit)])))?;
    let size = opened["size"].as_u64().context("no size in the answer")?;
    let wrapped = hex::decode(opened["key"].as_str().unwrap_or_default())?;
    let key = take_over(&wrapped, &id, &visitor.own.id, &secret)?;
    let envelope = Envelope::new(&key, id, size);
    let mut part = out.as_os_str().to_owned();
    part.push(".part");
    let mut file = File::create(&part).with_context(|| format!("cannot write {}", out.display()))?;
    let mut number = 0;
    while number < segments(size) {
        let target = of(exhibit, &format!("/segments?from={number}"), texts)?;
        let (_, sealed) = visitor.ask(Method::GET, &target, Vec::new(), &[]).await?;
        let mut left = &sealed[..];
        if left.is_empty() {
            bail!("the vault gives nothing from segment {number} on");
        }
        while !left.is_empty() && number < segments(size) {
            let bytes = envelope.plain_bytes(number) + OVERHEAD_BYTES;
            let (one, rest) = left.split_at_checked(bytes).context("the vault cuts a segment off")?;
            file.write_all(&envelope.open(number, one)?)?;
            left = rest;
            number += 1;
        }
    }
    file.sync_all()?;
    std::fs::rename(&part, out)?;
    Ok(())
}
