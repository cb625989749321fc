//! `evidence`: the evidence service, the programs that use it, and the bundles that it gives.

mod bundles;
pub(crate) mod demonstration;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use xiezhi_client::Client;
use xiezhi_crypto::{SignatureAlg, SigningKey};
use xiezhi_evidence::Genesis;
use xiezhi_pki::{Crl, X509Certificate};
use xiezhi_service::{Book, LedgerSink, Outbox, Service, Sink, StampSink, Webhooks};
use xiezhi_template::{Property, Template};
use xiezhi_types::AccountId;

use crate::{
    Ending, Usage,
    account::{self, OwnAccount},
    args::{Add, AtService, EvidenceAction, EvidenceOptions},
    home, serve, services,
    texts::Texts,
    verify::hash_quietly,
};

/// How long a try to create the service's account waits, and how long until the next.
const WAIT: Duration = Duration::from_secs(10);

/// The configuration; paths are relative to its file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Name of the service's account in the tool's home; the same on every ledger.
    account: String,
    /// Where programs reach it.
    url: String,
    /// `sqlite:FILE` or `postgres://...`.
    database: String,
    /// `sqlite:FILE`: the keys of customers, apart from every backup of the database.
    keys: String,
    /// File of the master key; made if it is not there.
    master_key: PathBuf,
    /// File of the secret Ed25519 key that signs webhooks; made if it is not there.
    webhook_key: Option<PathBuf>,
    ledgers: Vec<LedgerConfig>,
    #[serde(default)]
    authorities: Vec<AuthorityConfig>,
    /// Programs that may record, by name.
    clients: HashMap<String, ClientConfig>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LedgerConfig {
    name: String,
    /// Its id, from a source that is trusted.
    ledger: String,
    /// Its nodes.
    urls: Vec<String>,
    /// File of its genesis; fetched if it is not there.
    genesis: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AuthorityConfig {
    name: String,
    url: String,
    /// Its root's certificate (PEM).
    root: PathBuf,
    /// Revocation lists that go with its tokens (PEM or DER).
    #[serde(default)]
    crls: Vec<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientConfig {
    /// File of its public key.
    key: PathBuf,
    /// The account in whose name its evidence is recorded, which has delegated to the service's.
    grantor: Option<String>,
    /// Where it is told what happened.
    webhook: Option<String>,
    /// Who acts for it in the pages, by the names that they have at the office where they log in.
    #[serde(default)]
    people: Vec<String>,
}

impl Config {
    fn read(path: &Path) -> anyhow::Result<(Self, PathBuf)> {
        let (mut config, dir): (Self, _) = services::read_config(path)?;
        for url in [&mut config.database, &mut config.keys] {
            *url = services::database_in(&dir, url);
        }
        Ok((config, dir))
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn read_json(path: &Path) -> anyhow::Result<Value> {
    serde_json::from_slice(&read(path)?).map_err(|error| Usage(format!("{}: {error}", path.display())).into())
}

/// The root certificate (DER) in a PEM file.
fn read_root(path: &Path) -> anyhow::Result<Vec<u8>> {
    let text = String::from_utf8_lossy(&read(path)?).into_owned();
    let root =
        X509Certificate::from_pem(&text).with_context(|| format!("{}: no certificate", path.display()))?;
    Ok(root.der().to_vec())
}

fn read_list(path: &Path) -> anyhow::Result<Crl> {
    let bytes = read(path)?;
    let list = Crl::from_der(&bytes).or_else(|_| Crl::from_pem(&String::from_utf8_lossy(&bytes)));
    list.with_context(|| format!("{}: no revocation list", path.display()))
}

pub(crate) async fn run(options: &EvidenceOptions, texts: &Texts) -> anyhow::Result<Ending> {
    match &options.action {
        EvidenceAction::Serve { config, listen } => run_service(config, *listen, texts).await,
        EvidenceAction::Templates { template, json } => templates(template.as_deref(), *json, texts),
        EvidenceAction::Open { template, template_version, customer, sinks, request, at } => {
            let mut body = json!({ "template": template, "sinks": sinks });
            if let Some(version) = template_version {
                body["version"] = json!(version);
            }
            if let Some(path) = customer {
                body["customer"] = read_json(path)?;
            }
            let visitor = Visitor::log_in(at, texts).await?;
            let answer = visitor.post("/v1/transactions", &body, request.as_deref()).await?;
            println!("{}", answer["id"].as_str().unwrap_or_default());
            Ok(Ending::Done)
        }
        EvidenceAction::Add(options) => add(options, texts).await,
        EvidenceAction::List { state, template, find, before, at, json } => {
            let visitor = Visitor::log_in(at, texts).await?;
            let mut query: Vec<(&str, &str)> = Vec::new();
            query.extend(state.map(|state| ("state", state.name())));
            for (name, value) in [("template", template), ("search", find), ("before", before)] {
                query.extend(value.as_deref().map(|value| (name, value)));
            }
            list(&visitor.overview(&query).await?, *json, texts)
        }
        EvidenceAction::Show { transaction, at, json } => {
            let visitor = Visitor::log_in(at, texts).await?;
            show(&visitor.show(transaction, texts).await?, *json, texts)
        }
        EvidenceAction::Pack { transaction, at } => {
            let target = format!("{}/pack", target(transaction, texts)?);
            let answer = Visitor::log_in(at, texts).await?.post(&target, &json!({}), None).await?;
            print_added(&answer, texts);
            Ok(Ending::Done)
        }
        EvidenceAction::Fetch { transaction, out, timeout, at } => {
            fetch(transaction, out, Duration::from_secs(*timeout), at, texts).await
        }
        EvidenceAction::Verify(options) => bundles::verify(options, texts),
        EvidenceAction::Disclose { bundle, fields, out } => bundles::disclose(bundle, fields, out, texts),
    }
}

/// A service, and what carries its entries and tells its clients.
pub(crate) struct Opened {
    pub(crate) service: Arc<Service>,
    account: AccountId,
    outbox: Outbox,
    hooks: Option<Webhooks>,
}

impl Opened {
    /// Opens the service that the file `path` configures.
    pub(crate) async fn open(path: &Path, texts: &Texts) -> anyhow::Result<Self> {
        let (config, dir) = Config::read(path)?;
        let mut sinks: Vec<Arc<dyn Sink>> = Vec::new();
        for ledger in &config.ledgers {
            sinks.push(Arc::new(ledger_sink(ledger, &dir, &config.account, texts).await?));
        }
        for authority in &config.authorities {
            let root = read_root(&dir.join(&authority.root))?;
            let lists =
                authority.crls.iter().map(|path| read_list(&dir.join(path))).collect::<Result<_, _>>()?;
            let client = Client::new(&authority.url)?;
            sinks.push(Arc::new(StampSink::new(authority.name.clone(), client, root, lists)));
        }
        let (mut clients, mut grantors, mut addresses) = (HashMap::new(), HashMap::new(), HashMap::new());
        let mut people = HashMap::new();
        for (name, client) in &config.clients {
            if name.contains(':') {
                bail!(Usage(format!("clients.{name}: a client's name has no colon")));
            }
            clients.insert(name.clone(), account::read_public_key(&dir.join(&client.key))?);
            if let Some(grantor) = &client.grantor {
                let wrong = || Usage(format!("clients.{name}.grantor: no id of an account"));
                grantors.insert(name.clone(), grantor.parse::<AccountId>().map_err(|_| wrong())?);
            }
            for person in &client.people {
                if people.insert(person.clone(), name.clone()).is_some() {
                    bail!(Usage(format!("clients.{name}.people: {person} acts for another client already")));
                }
            }
            addresses.extend(client.webhook.clone().map(|url| (name.clone(), url)));
        }
        let master = services::master_key(&dir.join(&config.master_key))?;
        let book = Book::open(&config.database, &config.keys, &master, sinks, grantors).await?;
        let key = config.webhook_key.as_ref().map(|path| webhook_key(&dir.join(path))).transpose()?;
        if key.is_none() && !addresses.is_empty() {
            bail!(Usage(texts.get("evidence-no-webhook-key", &[])));
        }
        let said = key.as_ref().map(|key| xiezhi_service::public_key(&key.public_key()));
        let service = Service::new(book.clone(), &config.url, clients, said, home::now).with_people(people);
        let account = OwnAccount::open(&config.account)?.id;
        let outbox = Outbox::new(book.clone(), home::now);
        let hooks = key.map(|key| Webhooks::new(book, key, &addresses, home::now)).transpose()?;
        Ok(Self { service: Arc::new(service), account, outbox, hooks })
    }

    /// Says where it is served.
    pub(crate) fn announce(&self, url: &str, texts: &Texts) {
        println!("{}", texts.get("evidence-serves", &[("url", &url), ("account", &self.account)]));
    }

    /// Works until it is dropped; what is under way then is taken up again at the next start.
    pub(crate) async fn work(&self) {
        let posting = async {
            match &self.hooks {
                Some(hooks) => hooks.run().await,
                None => std::future::pending().await,
            }
        };
        futures::join!(self.outbox.run(), posting);
    }
}

async fn run_service(path: &Path, listen: std::net::SocketAddr, texts: &Texts) -> anyhow::Result<Ending> {
    let opened = Opened::open(path, texts).await?;
    let listener = serve::listen(listen, "--listen", texts).await?;
    opened.announce(&format!("http://{}", listener.local_addr()?), texts);
    let server = axum::serve(listener, xiezhi_service::router(opened.service.clone()));
    tokio::select! {
        done = server.into_future() => done?,
        () = opened.work() => {}
        () = serve::told_to_stop() => {}
    }
    Ok(Ending::Done)
}

/// The ledger's sink. Its account is created as soon as a node answers: until then its legs fail, and are tried again.
async fn ledger_sink(
    config: &LedgerConfig,
    dir: &Path,
    account: &str,
    texts: &Texts,
) -> anyhow::Result<LedgerSink> {
    let client = home::client_at(&config.urls, texts)?;
    let path = dir.join(&config.genesis);
    if !path.exists() {
        home::write_whole(&path, &client.genesis().await?, false)?;
    }
    let bytes = read(&path)?;
    let ledger = Genesis::ledger_id(&bytes);
    if ledger.to_string() != config.ledger {
        bail!(Usage(
            texts.get("evidence-other-ledger", &[("file", &path.display()), ("name", &config.name)])
        ));
    }
    let genesis = Genesis::parse(&bytes).with_context(|| format!("{}", path.display()))?;
    let (own, signing) = (OwnAccount::open(account)?, OwnAccount::open(account)?);
    let (asked, id) = (client.clone(), own.id);
    tokio::spawn(async move {
        while let Err(error) = own.register(&asked, ledger, WAIT).await {
            tracing::warn!(error = format!("{error:#}"), "the service's account cannot be created yet");
            tokio::time::sleep(WAIT).await;
        }
    });
    Ok(LedgerSink::new(config.name.clone(), client, (ledger, &genesis), id, signing.keys))
}

pub(crate) fn webhook_key(path: &Path) -> anyhow::Result<SigningKey> {
    if !path.exists() {
        account::make_key(path, SignatureAlg::Ed25519)?;
    }
    let key = account::read_key(path)?;
    if key.alg() != SignatureAlg::Ed25519 {
        bail!(Usage(format!("{}: webhooks are signed with ed25519", path.display())));
    }
    Ok(key)
}

fn label<'a>(label: &'a xiezhi_template::Label, texts: &Texts) -> &'a str {
    label.get(texts.lang())
}

fn templates(id: Option<&str>, json: bool, texts: &Texts) -> anyhow::Result<Ending> {
    let Some(id) = id else {
        if json {
            println!("{}", serde_json::to_string_pretty(xiezhi_template::all())?);
            return Ok(Ending::Done);
        }
        for one in xiezhi_template::all() {
            println!("{}  {}  {}", one.id, one.version, label(&one.label, texts));
        }
        return Ok(Ending::Done);
    };
    let found = xiezhi_template::find(id, None);
    let found = found.ok_or_else(|| Usage(texts.get("evidence-no-template", &[("template", &id)])))?;
    if json {
        println!("{}", serde_json::to_string_pretty(found)?);
        return Ok(Ending::Done);
    }
    println!("{} {}: {}", found.id, found.version, label(&found.label, texts));
    for phase in &found.phases {
        let needed = if phase.required { "evidence-required" } else { "evidence-optional" };
        let needed = texts.get(needed, &[]);
        println!("\n{}. {} ({needed})", phase.number, label(&phase.label, texts));
        for (name, property) in &phase.schema.properties {
            let mark = if phase.schema.required.contains(name) { "*" } else { " " };
            let (Property::String { label: said, .. } | Property::Integer { label: said, .. }) = property;
            println!("   {mark} {name}: {}", label(said, texts));
        }
        if phase.content == xiezhi_template::Content::Required {
            println!("   * {}", texts.get("evidence-content", &[]));
        }
    }
    Ok(Ending::Done)
}

/// A platform's session at a service.
struct Visitor {
    client: Client,
    token: String,
}

/// Where a transaction is, whose id was typed.
fn target(transaction: &str, texts: &Texts) -> anyhow::Result<String> {
    if transaction.len() != 32 || !transaction.bytes().all(|b| b.is_ascii_hexdigit()) {
        bail!(Usage(texts.get("evidence-no-transaction", &[])));
    }
    Ok(format!("/v1/transactions/{transaction}"))
}

impl Visitor {
    async fn log_in(at: &AtService, texts: &Texts) -> anyhow::Result<Self> {
        let client =
            home::client_at(std::slice::from_ref(&at.service_url), texts)?.language(texts.lang().tag());
        let endpoint = format!("{}/v1/token", at.service_url.trim_end_matches('/'));
        let key = account::read_key(&at.service_key)?;
        let token = services::log_in(&client, &endpoint, &at.service_client, &key).await?;
        Ok(Self { client, token })
    }

    async fn post(&self, target: &str, body: &Value, key: Option<&str>) -> anyhow::Result<Value> {
        Ok(self.client.service_post(target, &self.token, body, key).await?)
    }

    /// A list, narrowed by `query`.
    async fn overview(&self, query: &[(&str, &str)]) -> anyhow::Result<Value> {
        let escaped = |byte: u8| match byte {
            b if b.is_ascii_alphanumeric() || b == b'-' => char::from(b).to_string(),
            b => format!("%{b:02X}"),
        };
        let pair = |(name, value): &(&str, &str)| {
            format!("{name}={}", value.bytes().map(escaped).collect::<String>())
        };
        let query: Vec<_> = query.iter().map(pair).collect();
        Ok(self.client.service_get(&format!("/v1/overview?{}", query.join("&")), &self.token).await?)
    }

    async fn show(&self, transaction: &str, texts: &Texts) -> anyhow::Result<Value> {
        Ok(self.client.service_get(&target(transaction, texts)?, &self.token).await?)
    }
}

/// The element `name=value`, as the phase's schema has it.
fn element(template: &Template, phase: u32, text: &str, texts: &Texts) -> anyhow::Result<(String, Value)> {
    let wrong = || Usage(texts.get("evidence-field", &[("field", &text)]));
    let (name, value) = text.split_once('=').ok_or_else(wrong)?;
    let property = template.phase(phase).and_then(|phase| phase.schema.properties.get(name));
    let value = match (property, value.parse::<u64>()) {
        (Some(Property::Integer { .. }), Ok(number)) => json!(number),
        _ => json!(value),
    };
    Ok((name.to_owned(), value))
}

async fn add(options: &Add, texts: &Texts) -> anyhow::Result<Ending> {
    let visitor = Visitor::log_in(&options.at, texts).await?;
    let shown = visitor.show(&options.transaction, texts).await?;
    let version = shown["version"].as_u64().and_then(|version| u32::try_from(version).ok());
    let id = shown["template"].as_str().unwrap_or_default();
    let template = xiezhi_template::find(id, version);
    let template = template.ok_or_else(|| Usage(texts.get("evidence-no-template", &[("template", &id)])))?;
    let fields: anyhow::Result<Map<_, _>> =
        options.fields.iter().map(|text| element(template, options.phase, text, texts)).collect();
    let mut body = match &options.circumstances {
        Some(path) => read_json(path)?,
        None => json!({}),
    };
    body["phase"] = json!(options.phase);
    body["fields"] = Value::Object(fields?);
    body["searchable"] = json!(options.searchable);
    if let Some(text) = &options.text {
        body["content"] = json!({ "kind": "text", "text": text });
    }
    if let Some(path) = &options.file {
        let hashed = hash_quietly(path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut content = json!({ "kind": "digest", "size": hashed.size, "name": name });
        for digest in &hashed.digests {
            content[digest.alg.name()] = json!(hex::encode(digest.value));
        }
        body["content"] = content;
    }
    let target = format!("{}/entries", target(&options.transaction, texts)?);
    print_added(&visitor.post(&target, &body, options.request.as_deref()).await?, texts);
    Ok(Ending::Done)
}

/// One line for each transaction of a list.
fn list(found: &Value, json: bool, texts: &Texts) -> anyhow::Result<Ending> {
    let empty = Vec::new();
    let all = found["transactions"].as_array().unwrap_or(&empty);
    if json {
        println!("{}", serde_json::to_string_pretty(all)?);
        return Ok(Ending::Done);
    }
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    for one in all {
        let state = texts.get(&format!("evidence-state-{}", text(&one["state"])), &[]);
        let legs: [(&str, &dyn std::fmt::Display); 3] =
            [("sealed", &one["sealed"]), ("legs", &one["legs"]), ("failed", &one["failed"])];
        let (id, opened) = (text(&one["id"]), text(&one["opened"]));
        println!(
            "{id}  {opened}  {}  {state}  {}",
            text(&one["template"]),
            texts.get("evidence-legs", &legs)
        );
    }
    Ok(Ending::Done)
}

fn print_added(answer: &Value, texts: &Texts) {
    let (entry, root) = (answer["entry"].to_string(), answer["root"].as_str().unwrap_or_default().to_owned());
    println!("{}", texts.get("evidence-added", &[("entry", &entry), ("root", &root)]));
}

fn show(transaction: &Value, json: bool, texts: &Texts) -> anyhow::Result<Ending> {
    if json {
        println!("{}", serde_json::to_string_pretty(transaction)?);
        return Ok(Ending::Done);
    }
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let state = texts.get(&format!("evidence-state-{}", text(&transaction["state"])), &[]);
    println!(
        "{}  {} {}  {state}",
        text(&transaction["id"]),
        text(&transaction["template"]),
        transaction["version"]
    );
    let empty = Vec::new();
    for entry in transaction["entries"].as_array().unwrap_or(&empty) {
        println!("\n{}. {}", entry["entry"], texts.get("evidence-phase", &[("phase", &entry["phase"])]));
        for leg in entry["legs"].as_array().unwrap_or(&empty) {
            let state = texts.get(&format!("evidence-leg-{}", text(&leg["state"])), &[]);
            let more = ["record", "reason"].iter().find_map(|name| leg[*name].as_str()).unwrap_or_default();
            println!("   {}: {state} {more}", text(&leg["sink"]));
        }
    }
    let missing: Vec<_> = transaction["missing"].as_array().unwrap_or(&empty).iter().map(text).collect();
    if !missing.is_empty() {
        println!("\n{}", texts.get("evidence-missing", &[("phases", &missing.join(", "))]));
    }
    Ok(Ending::Done)
}

async fn fetch(
    transaction: &str,
    out: &Path,
    timeout: Duration,
    at: &AtService,
    texts: &Texts,
) -> anyhow::Result<Ending> {
    let visitor = Visitor::log_in(at, texts).await?;
    let place = target(transaction, texts)?;
    let until = Instant::now() + timeout;
    loop {
        let shown = visitor.show(transaction, texts).await?;
        let empty = Vec::new();
        let entries = shown["entries"].as_array().unwrap_or(&empty);
        let (complete, open): (Vec<_>, Vec<_>) = entries.iter().partition(|entry| entry["complete"] == true);
        if !open.is_empty() && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(500)).await;
            continue;
        }
        for entry in complete {
            let is_pack = entry["phase"] == 0;
            let name = if is_pack { "pack.xze".to_owned() } else { format!("{}.xze", entry["entry"]) };
            let target = format!("{place}/entries/{}/bundle", entry["entry"]);
            let bytes = visitor.client.service_bundle(&target, &visitor.token).await?;
            xiezhi_bundle::Bundle::parse(&bytes).context("the service's answer is no bundle")?;
            let path = out.join(name);
            home::write_whole(&path, &bytes, true)?;
            println!("{}", path.display());
        }
        if open.is_empty() {
            return Ok(Ending::Done);
        }
        let numbers: Vec<_> = open.iter().map(|entry| entry["entry"].to_string()).collect();
        eprintln!("{}", texts.get("evidence-incomplete", &[("entries", &numbers.join(", "))]));
        return Ok(Ending::NotSealed);
    }
}
