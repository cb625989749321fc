//! `office`, and `id` beyond checking numbers: a registration office, those who apply, those who check.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::{Value, json};
use xiezhi_client::Client;
use xiezhi_depositor::NodeLedger;
use xiezhi_evidence::Certificate;
use xiezhi_office::{
    Applicant, ApplicantKind, Desk, DeskError, EXAMPLES, Erasure, Evidence, IssuerConfig, Officer, Roster,
    Rosters, Service,
    binding::{Shown, disclose},
    policy::{Role, Session},
};
use xiezhi_types::TimestampMs;
use xiezhi_verify::Anchor;

use crate::{
    Ending, Usage,
    account::{self, OwnAccount},
    args::{AtDesk, AtOffice, Common, IdAction, OfficeAction, OfficeOptions},
    bindings::{self, Check},
    deposit::ledger_of,
    evidence, home, id, serve, services,
    texts::Texts,
    verify::read_certificate,
};

/// How long the office waits for its account to be created.
const WAIT: Duration = Duration::from_secs(60);

/// The configuration; paths are relative to its file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Whose office it is.
    institution: String,
    /// Name of the office's account in the tool's home.
    account: String,
    /// Where programs reach it.
    url: String,
    /// `sqlite:FILE` or `postgres://...`.
    database: String,
    /// `sqlite:FILE`: the keys of persons, apart from every backup of the database.
    keys: String,
    /// File of the master key; made if it is not there.
    master_key: PathBuf,
    /// Programs that may apply, and the files of their public keys.
    clients: HashMap<String, PathBuf>,
    /// Officers and their roles.
    officers: HashMap<String, Role>,
    /// The files of public keys by which officers, or their programs, reach the API.
    #[serde(default)]
    officer_keys: HashMap<String, PathBuf>,
    /// Identity providers by which people log in.
    #[serde(default)]
    issuers: HashMap<String, IssuerConfig>,
    /// Whether nobody checks anything here, and everything says so.
    #[serde(default)]
    demonstration: bool,
}

impl Config {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let (mut config, dir): (Self, _) = services::read_config(path)?;
        for url in [&mut config.database, &mut config.keys] {
            *url = services::database_in(&dir, url);
        }
        config.master_key = dir.join(&config.master_key);
        for key in config.clients.values_mut().chain(config.officer_keys.values_mut()) {
            *key = dir.join(&*key);
        }
        for file in config.issuers.values_mut().filter_map(|issuer| issuer.client_secret.as_mut()) {
            *file = dir.join(&*file).to_string_lossy().into_owned();
        }
        config.check().map_err(|error| Usage(format!("{}: {error}", path.display())))?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        for (name, role) in &self.officers {
            if [Role::Client, Role::Person].contains(role) {
                return Err(format!("officers.{name}: no officer is a {}", role.name()));
            }
        }
        match self.officer_keys.keys().find(|name| self.clients.contains_key(*name)) {
            Some(name) => Err(format!("officer_keys.{name}: a client has that name")),
            None => Ok(()),
        }
    }

    fn roster(self) -> anyhow::Result<Roster> {
        let mut officers = HashMap::new();
        for (name, role) in self.officers {
            let key = self.officer_keys.get(&name).map(|path| account::read_public_key(path)).transpose()?;
            officers.insert(name, Officer { role, key });
        }
        let subjects = self.issuers.into_iter().map(|(name, issuer)| (name, issuer.officers)).collect();
        Ok(Roster { officers, subjects })
    }

    async fn desk(&self) -> anyhow::Result<Desk> {
        let master = services::master_key(&self.master_key)?;
        let desk = Desk::open(&self.database, &self.keys, &master, &self.institution).await?;
        Ok(desk.demonstrating(self.demonstration))
    }

    /// Everything that is served of it; its account is created on the ledger when it is first needed.
    async fn service(
        &self,
        client: Client,
        anchor: Anchor,
        own: OwnAccount,
        rosters: Rosters,
    ) -> anyhow::Result<Service> {
        let mut clients = HashMap::new();
        for (name, path) in &self.clients {
            clients.insert(name.clone(), account::read_public_key(path)?);
        }
        let mut issuers = self.issuers.clone();
        for issuer in issuers.values_mut() {
            if let Some(file) = &mut issuer.client_secret {
                let secret =
                    std::fs::read_to_string(&*file).with_context(|| format!("cannot read {file}"))?;
                *file = secret.trim().to_owned();
            }
        }
        let ledger = NodeLedger::new(client, anchor, own.id, own.keys).creating(own.spec);
        let desk = self.desk().await?;
        Ok(Service::new(desk, ledger, &self.url, clients, issuers, rosters, home::now))
    }
}

/// The officers as the configuration names them whenever it is asked: who is taken out is out. A file that cannot be read names none.
fn rosters_in(path: PathBuf) -> Rosters {
    Box::new(move || {
        Config::read(&path).and_then(Config::roster).unwrap_or_else(|error| {
            tracing::warn!(%error, "the office's configuration: nobody is an officer until it can be read");
            Roster::default()
        })
    })
}

/// An officer at the desk.
struct OfficerAtDesk {
    desk: Desk,
    session: Session,
}

impl OfficerAtDesk {
    async fn open(at: &AtDesk, texts: &Texts) -> anyhow::Result<Self> {
        let config = Config::read(&at.office_config)?;
        let name = &at.office_officer;
        let role = *config
            .officers
            .get(name)
            .ok_or_else(|| Usage(texts.get("office-no-officer", &[("name", name)])))?;
        let session = Session { principal: name.clone(), role, institution: config.institution.clone() };
        Ok(Self { desk: config.desk().await?, session })
    }
}

/// Rules that failed, in the reader's language.
fn said(error: DeskError, texts: &Texts) -> anyhow::Error {
    match error {
        DeskError::Refused(refusals) => {
            let all: Vec<_> =
                refusals.iter().map(|one| format!("{}: {}", one.field, one.sentence(texts.lang()))).collect();
            Usage(all.join("\n")).into()
        }
        DeskError::Denied => anyhow::anyhow!(texts.get("office-denied", &[])),
        DeskError::NoBinding => Usage(texts.get("office-account-not-bound", &[])).into(),
        DeskError::NotFound => Usage(texts.get("office-no-application", &[])).into(),
        DeskError::WrongState(wrong) => {
            let state = texts.get(&format!("office-state-{}", wrong.state.name()), &[]);
            anyhow::anyhow!(texts.get("office-wrong-state", &[("state", &state)]))
        }
        other => other.into(),
    }
}

pub(crate) async fn run(common: &Common, options: &OfficeOptions, texts: &Texts) -> anyhow::Result<Ending> {
    let OfficeAction::Serve { config: path, listen, evidence } = &options.action;
    let config = Config::read(path)?;
    let client = home::client(common, texts)?;
    let (anchor, _) = ledger_of(&client).await?;
    let own = OwnAccount::open(&config.account)?;
    own.register(&client, anchor.ledger, WAIT).await?;
    let id = own.id;
    // What is wrong with it is said now rather than when the first officer comes.
    Config::read(path)?.roster()?;
    let service = Arc::new(config.service(client.clone(), anchor, own, rosters_in(path.clone())).await?);
    let evidence = match evidence {
        Some(path) => Some(evidence::Opened::open(path, texts).await?),
        None => None,
    };
    let listener = serve::listen(*listen, "--listen", texts).await?;
    let address = listener.local_addr()?;
    println!("{}", texts.get("office-serves", &[("url", &format!("http://{address}")), ("account", &id)]));
    deliver(&service);
    let beside = xiezhi_portal::Beside {
        office: Some(service.clone()),
        evidence: evidence.as_ref().map(|opened| opened.service.clone()),
        vault: false,
    };
    let pages = xiezhi_portal::router(client, beside);
    let mut router = xiezhi_office::router(service).fallback_service(pages);
    if let Some(opened) = evidence {
        opened.announce(&format!("http://{address}/evidence"), texts);
        router = router.nest_service("/evidence", xiezhi_service::router(opened.service.clone()));
        tokio::spawn(async move { opened.work().await });
    }
    axum::serve(listener, router).with_graceful_shutdown(serve::told_to_stop()).await?;
    Ok(Ending::Done)
}

/// The demonstration's office beside an alliance, at `url`, with its files in `dir`: it lets everybody in and believes everything.
pub(crate) async fn demonstration(
    dir: &Path,
    url: String,
    client: Client,
    anchor: Anchor,
) -> anyhow::Result<Arc<Service>> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let file = |name: &str| format!("sqlite:{}", dir.join(name).display());
    let config = Config {
        institution: "demonstration".to_owned(),
        account: "demonstration-office".to_owned(),
        url,
        database: file("office.db"),
        keys: file("persons.db"),
        master_key: dir.join("master.key"),
        clients: HashMap::new(),
        officers: HashMap::new(),
        officer_keys: HashMap::new(),
        issuers: HashMap::new(),
        demonstration: true,
    };
    let own = OwnAccount::open(&config.account)?;
    let service = Arc::new(config.service(client, anchor, own, Box::new(Roster::default)).await?);
    seed(service.desk(), home::now()).await?;
    deliver(&service);
    Ok(service)
}

/// Has what the office owes the ledger delivered from now on.
fn deliver(service: &Arc<Service>) {
    let service = Arc::clone(service);
    tokio::spawn(async move { service.keep_delivering().await });
}

/// The examples' applications, where there are none yet: the person's is approved, the enterprise's waits in the officer's queue.
async fn seed(desk: &Desk, now: TimestampMs) -> anyhow::Result<()> {
    let number = "11010519491231002X";
    let representative = json!({ "name": "示例李四", "number_kind": "resident-id", "number": number });
    let applicants = [
        json!({ "kind": "person", "number_kind": "resident-id", "number": number, "name": "示例张三" }),
        json!({
            "kind": "enterprise", "number_kind": "credit-code", "number": "91350100M000100Y43", "name": "福州示例有限公司",
            "legal_representative": representative
        }),
    ];
    for (principal, applicant) in EXAMPLES.into_iter().zip(applicants) {
        let institution = desk.institution().to_owned();
        let session = Session { principal: principal.to_owned(), role: Role::Person, institution };
        if !desk.list(&session, None, None).await?.is_empty() {
            continue;
        }
        let applicant: Applicant = serde_json::from_value(applicant)?;
        let applied = desk.apply(&session, &applicant, None, now).await?;
        if applicant.kind == ApplicantKind::Person {
            desk.decide(&session, &applied.id, &Evidence::Demonstration, None, now).await?;
        }
    }
    Ok(())
}

/// `id`: numbers, and what an office and its certificates say of who somebody is.
pub(crate) async fn about_ids(common: &Common, action: &IdAction, texts: &Texts) -> anyhow::Result<Ending> {
    let now = home::now();
    match action {
        IdAction::Check { kind, number, json } => id::check_number((*kind).into(), number, *json, texts),
        IdAction::Apply { applicant, at, json } => apply(applicant, at, *json, texts).await,
        IdAction::Bind { application, account, out, at } => bind(application, account, out, at, texts).await,
        IdAction::List { state, after, at, json } => {
            let officer = OfficerAtDesk::open(at, texts).await?;
            let found = officer.desk.list(&officer.session, *state, after.as_deref()).await;
            let found = found.map_err(|error| said(error, texts))?;
            if *json {
                println!("{}", serde_json::to_string_pretty(&found)?);
                return Ok(Ending::Done);
            }
            for one in found {
                let state = texts.get(&format!("office-state-{}", one.state.name()), &[]);
                let mark = texts.get("office-demonstration", &[]);
                let mark = if one.demonstration { format!("  {mark}") } else { String::new() };
                println!("{}  {}  {}  {state}{mark}", one.id, one.submitted, one.kind);
            }
            Ok(Ending::Done)
        }
        IdAction::Show { application, at } => {
            let officer = OfficerAtDesk::open(at, texts).await?;
            let found = officer.desk.show(&officer.session, application, now).await;
            println!("{}", serde_json::to_string_pretty(&found.map_err(|error| said(error, texts))?)?);
            Ok(Ending::Done)
        }
        IdAction::Approve { application, reason, at } => decide(application, true, reason, at, texts).await,
        IdAction::Refuse { application, reason, at } => decide(application, false, reason, at, texts).await,
        IdAction::Disclose { certificate, fields, out } => {
            let mut certificate = Certificate::parse(&read_certificate(certificate)?)?;
            let manifest = certificate.manifest.as_ref().context("the certificate shows no fields")?;
            let fields: Vec<_> = fields.iter().map(String::as_str).collect();
            let shown = disclose(manifest, &fields).map_err(|error| Usage(error.to_string()))?;
            certificate.manifest = Some(shown);
            home::write_whole(out, &certificate.encode(), false)?;
            println!("{}", texts.get("office-disclosed", &[("file", &out.display())]));
            Ok(Ending::Done)
        }
        IdAction::Verify { certificate, office, revocation, look_up, out, trust, json } => {
            let (revocation, out) = (revocation.as_deref(), out.as_deref());
            let check = Check { path: certificate, office: *office, revocation, out, trust };
            let client = look_up.then(|| home::client(common, texts)).transpose()?;
            bindings::verify(&check, client.as_ref(), *json, texts).await
        }
        IdAction::Withdraw { application, at } => {
            let visitor = Visitor::log_in(at, texts).await?;
            visitor.post(&target(application, texts)?("withdrawal"), &json!({})).await?;
            println!("{}", texts.get("office-state-withdrawn", &[]));
            Ok(Ending::Done)
        }
        IdAction::Unbind { application, account, at } => {
            let visitor = Visitor::log_in(at, texts).await?;
            let wanted = json!({ "account": account.to_string() });
            visitor.post(&target(application, texts)?("revocations"), &wanted).await?;
            println!("{}", texts.get("office-revoked", &[]));
            Ok(Ending::Done)
        }
        IdAction::Revoke { application, account, why, at } => {
            let OfficerAtDesk { desk, session } = OfficerAtDesk::open(at, texts).await?;
            let account = account.to_string();
            let revoked = desk.revoke(&session, application, &account, &why.revocation(), now).await;
            revoked.map_err(|error| said(error, texts))?;
            println!("{}", texts.get("office-revoked", &[]));
            Ok(Ending::Done)
        }
        IdAction::Rescind { application, why, at } => {
            let OfficerAtDesk { desk, session } = OfficerAtDesk::open(at, texts).await?;
            let state = desk.rescind(&session, application, &why.revocation(), None, now).await;
            state.map_err(|error| said(error, texts))?;
            println!("{}", texts.get("office-rescinded", &[]));
            Ok(Ending::Done)
        }
        IdAction::Erasures { out, at, json } => erasures(out.as_deref(), at, *json, texts).await,
        IdAction::Erase { application, basis, reference, at } => {
            let officer = OfficerAtDesk::open(at, texts).await?;
            let erasure = Erasure { basis: basis.clone(), reference: reference.clone() };
            let erased = officer.desk.erase(&officer.session, application, &erasure, now).await;
            erased.map_err(|error| said(error, texts))?;
            println!("{}", texts.get("office-erased", &[]));
            Ok(Ending::Done)
        }
    }
}

async fn erasures(out: Option<&Path>, at: &AtDesk, json: bool, texts: &Texts) -> anyhow::Result<Ending> {
    let officer = OfficerAtDesk::open(at, texts).await?;
    let mut found = Vec::new();
    loop {
        let known = u32::try_from(found.len())?;
        let more =
            officer.desk.erasures(&officer.session, known).await.map_err(|error| said(error, texts))?;
        if more.is_empty() {
            break;
        }
        found.extend(more);
    }
    for one in &found {
        if let (Some(dir), Some(record), Some(certificate)) = (out, &one.record, &one.certificate) {
            home::write_whole(&dir.join(format!("{record}.xzc")), certificate, false)?;
        }
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&found)?);
        return Ok(Ending::Done);
    }
    for one in &found {
        let owed = texts.get("office-owed", &[]);
        let record = one.record.as_ref().unwrap_or(&owed);
        println!("{}  {}  {}  {}  {record}", one.time, one.reason, one.reference, one.actor);
    }
    Ok(Ending::Done)
}

async fn decide(
    application: &str,
    approve: bool,
    reason: &str,
    at: &AtDesk,
    texts: &Texts,
) -> anyhow::Result<Ending> {
    let officer = OfficerAtDesk::open(at, texts).await?;
    let evidence = Evidence::Officer { approve, reason };
    let state = officer.desk.decide(&officer.session, application, &evidence, None, home::now()).await;
    let state = state.map_err(|error| said(error, texts))?;
    println!("{}", texts.get(&format!("office-state-{}", state.name()), &[]));
    Ok(Ending::Done)
}

/// A program's session at an office.
struct Visitor {
    client: Client,
    token: String,
    ledger: Value,
}

impl Visitor {
    async fn log_in(at: &AtOffice, texts: &Texts) -> anyhow::Result<Self> {
        let client = home::client_at(std::slice::from_ref(&at.office_url), texts)?;
        let ledger = client.service_get("/v1/office", "").await?;
        let endpoint = ledger["token_endpoint"].as_str().context("not a registration office")?;
        // The assertion is good for the office that was asked, whatever it calls itself.
        let url = at.office_url.trim_end_matches('/');
        if endpoint.strip_suffix("/v1/token") != Some(url) {
            bail!(Usage(texts.get("office-other-address", &[("url", &endpoint)])));
        }
        let key = account::read_key(&at.office_key)?;
        let token = services::log_in(&client, endpoint, &at.office_client, &key).await?;
        Ok(Self { client, token, ledger })
    }

    async fn post(&self, target: &str, body: &Value) -> anyhow::Result<Vec<u8>> {
        Ok(self.client.office_post(target, &self.token, body).await?)
    }
}

async fn apply(path: &Path, at: &AtOffice, json: bool, texts: &Texts) -> anyhow::Result<Ending> {
    let text = match path.to_str() {
        Some("-") => std::io::read_to_string(std::io::stdin())?,
        _ => std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?,
    };
    let applicant: xiezhi_office::Applicant =
        serde_json::from_str(&text).map_err(|error| Usage(format!("{}: {error}", path.display())))?;
    // Said here, in the reader's language, before anything of it leaves this machine.
    let checked = applicant.check(xiezhi_office::day_of(home::now()));
    checked.map_err(|refusals| said(DeskError::Refused(refusals), texts))?;
    let visitor = Visitor::log_in(at, texts).await?;
    let answer: Value =
        serde_json::from_slice(&visitor.post("/v1/applications", &serde_json::to_value(&applicant)?).await?)?;
    if json {
        println!("{answer}");
    } else {
        println!("{}", answer["id"].as_str().unwrap_or_default());
    }
    Ok(Ending::Done)
}

/// Addresses of what belongs to an application.
fn target<'a>(application: &'a str, texts: &Texts) -> anyhow::Result<impl Fn(&str) -> String + use<'a>> {
    if application.is_empty() || !application.bytes().all(|b| b.is_ascii_hexdigit()) {
        bail!(Usage(texts.get("office-no-application", &[])));
    }
    Ok(move |what: &str| format!("/v1/applications/{application}/{what}"))
}

async fn bind(
    application: &str,
    name: &str,
    out: &Path,
    at: &AtOffice,
    texts: &Texts,
) -> anyhow::Result<Ending> {
    let own = OwnAccount::find(name)?;
    let own = own.ok_or_else(|| Usage(texts.get("account-no-such", &[("account", &name)])))?;
    let target = target(application, texts)?;
    let visitor = Visitor::log_in(at, texts).await?;
    let wanted = json!({ "account": own.id.to_string() });
    let challenge: Value = serde_json::from_slice(&visitor.post(&target("challenges"), &wanted).await?)?;
    let message = challenge["message"].as_str().unwrap_or_default();
    // Nothing else is ever signed for an office.
    let head = format!(
        "xiezhi identity binding v1\nledger {}\noffice {}\napplication {application}\naccount {}\n",
        visitor.ledger["ledger"].as_str().unwrap_or_default(),
        visitor.ledger["account"].as_str().unwrap_or_default(),
        own.id
    );
    if !message.starts_with(&head) {
        bail!(texts.get("office-other-message", &[]));
    }
    let sign = |key: &xiezhi_crypto::SigningKey| json!({ "key": key.public_key().id().to_string(), "signature": hex::encode(key.sign(message.as_bytes())) });
    let signatures: Vec<_> = own.keys.iter().map(sign).collect();
    let body = json!({ "nonce": challenge["nonce"], "signatures": signatures });
    let bytes = visitor.post(&target("bindings"), &body).await?;
    let certificate = Certificate::parse(&bytes).context("the office's answer is no certificate")?;
    let manifest = certificate.manifest.as_ref().context("the office's certificate shows no fields")?;
    if Shown::of(manifest)?.account != own.id {
        bail!(texts.get("office-other-message", &[]));
    }
    home::write_whole(out, &bytes, true)?;
    println!("{}", texts.get("office-bound", &[("account", &own.id), ("file", &out.display())]));
    Ok(Ending::Done)
}
