//! `ca`: an issuing authority in a directory, for its officers; requests and applications, for everybody.

mod eyes;
mod heads;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use xiezhi_ca::{
    Application, Authority, AuthorityError, Certificate, Deed, Outcome, Purpose, RESPONDER_DAYS, Service,
    Standing, Wish,
};
use xiezhi_crypto::Signer;
use xiezhi_custody::Place;
use xiezhi_pki::{
    CertificateAuthority, CertificateTemplate, CertificationRequest, Crl, Profile, RevocationReason,
    SigningKey, Subject, Suite, Validity, X509Certificate, ocsp::Responder, serial_number,
};
use xiezhi_types::TimestampMs;

use crate::{
    Ending, Usage,
    account::OwnAccount,
    args::{CaAction, CaApply, CaInit, CaOptions, Common, ProfileName, ReasonName, SuiteName},
    home, secret, serve,
    texts::Texts,
};

const DAY_S: u64 = 24 * 3600;
/// An issuing authority is certified for this long, a root made for it twice as long.
const AUTHORITY_DAYS: u64 = 10 * 365;
const KEY: &str = "authority.key";
const ROOT_KEY: &str = "root.key";
const RESPONDER_KEY: &str = "responder.key";
const RESPONDER: &str = "responder.pem";

impl From<SuiteName> for Suite {
    fn from(name: SuiteName) -> Self {
        match name {
            SuiteName::Es256 => Self::P256,
            SuiteName::Ed25519 => Self::Ed25519,
            SuiteName::Sm2 => Self::Sm2,
        }
    }
}

impl From<ReasonName> for RevocationReason {
    fn from(name: ReasonName) -> Self {
        match name {
            ReasonName::Unspecified => Self::Unspecified,
            ReasonName::KeyCompromise => Self::KeyCompromise,
            ReasonName::AffiliationChanged => Self::AffiliationChanged,
            ReasonName::Superseded => Self::Superseded,
            ReasonName::CessationOfOperation => Self::CessationOfOperation,
            ReasonName::PrivilegeWithdrawn => Self::PrivilegeWithdrawn,
        }
    }
}

pub(crate) async fn run(common: &Common, options: &CaOptions, texts: &Texts) -> anyhow::Result<Ending> {
    let dir = match &options.dir {
        Some(dir) => dir.clone(),
        None => home::home()?.join("ca"),
    };
    let tool = Tool { dir, officer: &options.officer, officer_key: options.officer_key.as_deref(), texts };
    match &options.action {
        CaAction::Init(options) => tool.init(options),
        CaAction::Request { key, out, suite, kept_at } => {
            tool.request(key, out.as_deref(), *suite, kept_at.as_ref())
        }
        CaAction::Apply(options) => tool.apply(options).await,
        CaAction::Fetch { application, to, out, json } => {
            tool.fetch(application, to, out.as_deref(), *json).await
        }
        CaAction::List { pending, certificates: false, json } => tool.applications(*pending, *json),
        CaAction::List { json, .. } => tool.certificates(*json),
        CaAction::Show { which, at, json } => tool.show(which, at.as_deref(), *json),
        CaAction::Issue { application, days, out } => tool.issue(application, *days, out.as_deref()),
        CaAction::Refuse { application, reason } => {
            tool.open()?.refuse(application, reason, now(), tool.officer).map_err(usage)?;
            tool.say("ca-refused", &[("application", application)])
        }
        CaAction::Renew { serial, days, out } => {
            let bytes = tool.serial(serial)?;
            let mut authority = tool.open()?;
            let issued = authority.book()?.certificate(&bytes);
            let Some(application) = issued.and_then(|issued| issued.application.clone()) else {
                bail!(Usage(texts.get("ca-no-such", &[("which", serial)])));
            };
            tool.issue(&application, *days, out.as_deref())
        }
        CaAction::Suspend { serial } => {
            tool.decide(Deed::Suspend { serial: tool.serial_text(serial)? }, None)
        }
        CaAction::Release { serial } => {
            tool.decide(Deed::Release { serial: tool.serial_text(serial)? }, None)
        }
        CaAction::Revoke { serial, reason, since } => {
            let since = since.as_deref().map(|since| home::time(Some(since), texts)).transpose()?;
            let reason = RevocationReason::from(*reason).name().to_owned();
            let (serial, invalid_since) = (tool.serial_text(serial)?, since.map(|since| since.seconds()));
            tool.decide(Deed::Revoke { serial, reason, invalid_since }, None)
        }
        CaAction::FourEyes { deeds, officers } => tool.four_eyes(deeds, officers),
        CaAction::Proposals => tool.proposals(),
        CaAction::Confirm { proposal, out } => tool.confirm(*proposal, out.as_deref()),
        CaAction::DepositHead { account } => tool.deposit_head(&home::client(common, texts)?, account).await,
        CaAction::CheckHeads { account, trust } => {
            tool.check_heads(&home::client(common, texts)?, *account, trust).await
        }
        CaAction::Crl { number, out } => tool.crl(*number, out.as_deref()),
        CaAction::Expiring { days, json } => tool.expiring(*days, *json),
        CaAction::Responder => {
            let mut authority = tool.open()?;
            let signer = tool.signer(&authority)?;
            let until = tool.responder(&mut authority, &signer)?;
            tool.say("ca-responder", &[("time", &until)])
        }
        CaAction::Serve { listen, renew, deposit_heads, heads_every } => {
            let own = deposit_heads.as_deref().map(OwnAccount::open).transpose()?;
            let client = own.is_some().then(|| home::client(common, texts)).transpose()?;
            let schedule =
                own.zip(client).map(|(own, client)| heads::Schedule::new(client, own, *heads_every));
            tool.serve(*listen, *renew, schedule).await
        }
    }
}

struct Tool<'a> {
    dir: PathBuf,
    officer: &'a str,
    /// Where two officers are needed.
    officer_key: Option<&'a Path>,
    texts: &'a Texts,
}

fn now() -> u64 {
    home::now().seconds()
}

fn time(seconds: u64) -> String {
    TimestampMs(seconds.saturating_mul(1000)).rfc3339()
}

/// What an officer asked for and cannot have is a mistake of usage; the disk's is not.
fn usage(error: AuthorityError) -> anyhow::Error {
    match error {
        AuthorityError::File { .. } | AuthorityError::Content { .. } => error.into(),
        error => Usage(error.to_string()).into(),
    }
}

fn new_key(suite: Suite) -> anyhow::Result<SigningKey> {
    loop {
        // One in 2^32 secrets is none.
        if let Ok(key) = SigningKey::from_bytes(suite, &home::random()?) {
            return Ok(key);
        }
    }
}

/// A key of any suite, in a file or at the place that the file names.
fn read_signer(path: &Path) -> anyhow::Result<Arc<dyn Signer>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    if !Place::is_one(&text) {
        return Ok(Arc::new(read_key(path)?));
    }
    let place: Place = text.parse().map_err(|error| Usage(format!("{}: {error}", path.display())))?;
    Ok(place.open(&secret::of_place(&place)?).map_err(|error| Usage(error.to_string()))?)
}

/// The key that is kept in `path`: made there, or at `place`, which the file names then.
fn make_signer(path: &Path, suite: Suite, place: Option<&Place>) -> anyhow::Result<Arc<dyn Signer>> {
    let Some(place) = place else {
        let key = new_key(suite)?;
        home::write_whole(path, key.to_pkcs8_pem().as_bytes(), true)?;
        return Ok(Arc::new(key));
    };
    let key = place.open_or_make(&secret::of_place(place)?, suite.signature_alg());
    let key = key.map_err(|error| Usage(error.to_string()))?;
    home::write_whole(path, format!("{place}\n").as_bytes(), true)?;
    Ok(key)
}

/// A key in PKCS#8 PEM, or the seed of a node's Ed25519 key in hex, sealed or not.
fn read_key(path: &Path) -> anyhow::Result<SigningKey> {
    let secret = secret::read(path)?;
    let text = std::str::from_utf8(&secret).with_context(|| format!("{}: not PEM", path.display()))?;
    let mut seed = zeroize::Zeroizing::new([0; 32]);
    if hex::decode_to_slice(text.trim(), &mut seed[..]).is_ok() {
        return Ok(SigningKey::from_bytes(Suite::Ed25519, &seed)?);
    }
    SigningKey::from_pkcs8_pem(text).map_err(|error| Usage(format!("{}: {error}", path.display())).into())
}

/// A certificate and its issuers below the root, the last of `issuers`, as servers and seals want them.
fn with_issuers(certificate: &str, issuers: &[X509Certificate]) -> String {
    let below_root = issuers.split_last().map_or(issuers, |(_, below)| below);
    std::iter::once(certificate.to_owned()).chain(below_root.iter().map(X509Certificate::to_pem)).collect()
}

impl Tool<'_> {
    fn say(&self, id: &str, values: &[(&str, &dyn std::fmt::Display)]) -> anyhow::Result<Ending> {
        println!("{}", self.texts.get(id, values));
        Ok(Ending::Done)
    }

    fn open(&self) -> anyhow::Result<Authority> {
        if !Authority::is_in(&self.dir) {
            bail!(Usage(self.texts.get("ca-none", &[("dir", &self.dir.display())])));
        }
        Ok(Authority::open(&self.dir)?)
    }

    fn signer(&self, authority: &Authority) -> anyhow::Result<CertificateAuthority> {
        let key = read_signer(&self.dir.join(KEY))?;
        Ok(CertificateAuthority::from_parts(key, authority.certificate().der())?)
    }

    fn serial(&self, text: &str) -> anyhow::Result<Vec<u8>> {
        let plain: String = text.chars().filter(|c| *c != ':').collect::<String>().to_ascii_lowercase();
        let bytes = hex::decode(plain).ok().filter(|bytes| !bytes.is_empty());
        bytes.ok_or_else(|| Usage(self.texts.get("ca-no-such", &[("which", &text)])).into())
    }

    fn serial_text(&self, text: &str) -> anyhow::Result<String> {
        Ok(hex::encode(self.serial(text)?))
    }

    fn init(&self, options: &CaInit) -> anyhow::Result<Ending> {
        if Authority::is_in(&self.dir) {
            bail!(Usage(self.texts.get("ca-exists", &[("dir", &self.dir.display())])));
        }
        let subject = Subject { organisation: &options.organisation, common_name: &options.name };
        let from = now().saturating_sub(3600);
        let (suite, serial) = (options.suite.into(), home::random()?);
        let root = match &options.under {
            Some(node) => xiezhi_alliance::authority_of(node).map_err(|error| Usage(error.to_string()))?,
            None => {
                let key = new_key(suite)?;
                home::write_whole(&self.dir.join(ROOT_KEY), key.to_pkcs8_pem().as_bytes(), true)?;
                let validity = Validity { not_before: from, not_after: from + 2 * AUTHORITY_DAYS * DAY_S };
                let name = format!("{} Root", options.name);
                let subject = Subject { common_name: &name, ..subject };
                CertificateAuthority::new_root(key, subject, serial_number(home::random()?), validity)?
            }
        };
        let above = root.certificate().validity();
        let key = make_signer(&self.dir.join(KEY), suite, options.kept_at.as_ref())?;
        let certificate = root
            .issue(&CertificateTemplate::new(
                Profile::IssuingAuthority { key: xiezhi_pki::PublicKey::of(&key) },
                subject,
                serial_number(serial),
                Validity {
                    not_before: from.max(above.not_before),
                    not_after: (from + AUTHORITY_DAYS * DAY_S).min(above.not_after),
                },
            ))
            .map_err(|error| Usage(error.to_string()))?;
        let chain = [root.certificate().clone()];
        let at = options.at.as_deref();
        let mut authority =
            Authority::create(&self.dir, &certificate, &chain, at, now(), self.officer).map_err(usage)?;
        let signer = CertificateAuthority::from_parts(key, certificate.der())?;
        authority.list(&signer, now(), self.officer)?;
        self.responder(&mut authority, &signer)?;
        let until = time(certificate.validity().not_after);
        self.say("ca-made", &[("dir", &self.dir.display()), ("name", &options.name), ("time", &until)])?;
        if options.own_root {
            self.say("ca-root-key", &[("file", &self.dir.join(ROOT_KEY).display())])?;
        }
        Ok(Ending::Done)
    }

    /// Certifies the responder's key, which is made if there is none; gives the certificate's end.
    fn responder(&self, authority: &mut Authority, signer: &CertificateAuthority) -> anyhow::Result<String> {
        let path = self.dir.join(RESPONDER_KEY);
        let key = if path.exists() {
            read_key(&path)?
        } else {
            let suite = authority.certificate().public_key().suite().unwrap_or(Suite::P256);
            let key = new_key(suite)?;
            home::write_whole(&path, key.to_pkcs8_pem().as_bytes(), true)?;
            key
        };
        let serial = home::random()?;
        let profile = Profile::OcspResponder { key: key.public_key() };
        let certificate = authority.issue_responder(signer, profile, now(), self.officer, || serial)?;
        home::write_whole(&self.dir.join(RESPONDER), certificate.to_pem().as_bytes(), false)?;
        Ok(time(certificate.validity().not_after))
    }

    fn request(
        &self,
        path: &Path,
        out: Option<&Path>,
        suite: SuiteName,
        place: Option<&Place>,
    ) -> anyhow::Result<Ending> {
        let key = if path.exists() { read_signer(path)? } else { make_signer(path, suite.into(), place)? };
        // The authority takes nothing but the key from a request, so that it says nothing else.
        let subject = Subject { organisation: "", common_name: "request" };
        let request = CertificationRequest::create(&*key, subject)?;
        let out = out.map_or_else(|| path.with_extension("csr"), Path::to_owned);
        home::write_whole(&out, request.to_pem().as_bytes(), false)?;
        self.say("ca-requested", &[("key", &path.display()), ("request", &out.display())])
    }

    async fn apply(&self, options: &CaApply) -> anyhow::Result<Ending> {
        let path = &options.request;
        let pem = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let wish = self.wish(options)?;
        let applied = if let Some(url) = &options.to {
            let mut body = serde_json::to_value(&wish)?;
            body["request"] = pem.into();
            home::client_at(std::slice::from_ref(url), self.texts)?.apply_for_certificate(&body).await?
        } else {
            let request = CertificationRequest::from_pem(&pem)
                .map_err(|error| Usage(format!("{}: {error}", path.display())))?;
            let application = self.open()?.apply(&request, &wish, now(), self.officer).map_err(usage)?;
            json!({ "application": application, "state": "pending" })
        };
        if options.json {
            println!("{applied}");
            return Ok(Ending::Done);
        }
        self.say("ca-applied", &[("application", &applied["application"].as_str().unwrap_or_default())])
    }

    fn wish(&self, options: &CaApply) -> anyhow::Result<Wish> {
        let institution = || {
            let missing = || Usage(self.texts.get("ca-needs", &[("option", &"--institution")]));
            options.institution.clone().ok_or_else(missing)
        };
        let purpose = match options.profile {
            ProfileName::Seal => Purpose::Seal { institution: institution()? },
            ProfileName::TimeStamping => Purpose::TimeStamping {},
            ProfileName::Node => Purpose::Node { institution: institution()?, hosts: options.hosts.clone() },
            ProfileName::Officer => Purpose::Officer { institution: institution()? },
            ProfileName::Enterprise => {
                let missing = || Usage(self.texts.get("ca-needs", &[("option", &"--number")]));
                Purpose::Enterprise { number: options.number.clone().ok_or_else(missing)? }
            }
            ProfileName::Person => Purpose::Person {},
        };
        let (organisation, common_name) = (options.organisation.clone(), options.name.clone());
        let wish = Wish { purpose, organisation, common_name };
        wish.check().map_err(|error| Usage(error.to_string()))?;
        Ok(wish)
    }

    async fn fetch(
        &self,
        application: &str,
        to: &str,
        out: Option<&Path>,
        json: bool,
    ) -> anyhow::Result<Ending> {
        let client = home::client_at(&[to.to_owned()], self.texts)?;
        let found = client.certificate_application(application).await?;
        let ending = match found["state"].as_str() {
            Some("issued") => Ending::Done,
            Some("refused") => Ending::Invalid,
            _ => Ending::Unknown,
        };
        let newest = found["certificates"][0]["pem"].as_str();
        if let (Some(out), Some(pem)) = (out, newest) {
            let chain = client.certificate_issuers().await?;
            let pem = with_issuers(pem, &X509Certificate::all_from_pem(&chain)?);
            home::write_whole(out, pem.as_bytes(), false)?;
        }
        if json {
            println!("{found}");
            return Ok(ending);
        }
        let state = found["state"].as_str().unwrap_or_default();
        let state = self.texts.get(&format!("ca-state-{state}"), &[]);
        let reason = found["reason"].as_str().map(|reason| format!(": {reason}")).unwrap_or_default();
        println!("{state}{reason}");
        Ok(ending)
    }

    fn applications(&self, pending: bool, json: bool) -> anyhow::Result<Ending> {
        let mut authority = self.open()?;
        for (id, application) in authority.book()?.applications() {
            if pending && application.outcome != Outcome::Pending {
                continue;
            }
            if json {
                println!("{}", application_json(id, application));
                continue;
            }
            let Application { at, wish, outcome, .. } = application;
            let state = self.texts.get(&format!("ca-state-{}", state(outcome)), &[]);
            let (profile, at) = (wish.purpose.name(), time(*at));
            println!("{id}  {at}  {state}  {profile}  {}  {}", wish.organisation, wish.common_name);
        }
        Ok(Ending::Done)
    }

    fn certificates(&self, json: bool) -> anyhow::Result<Ending> {
        let mut authority = self.open()?;
        for (serial, issued) in authority.book()?.certificates() {
            if json {
                println!("{}", certificate_json(serial, issued));
                continue;
            }
            let standing = self.texts.get(&format!("ca-standing-{}", issued.standing().name()), &[]);
            let until = time(issued.certificate.validity().not_after);
            println!("{}  {standing}  {until}  {}", hex::encode(serial), issued.certificate.subject());
        }
        Ok(Ending::Done)
    }

    fn show(&self, which: &str, at: Option<&str>, json: bool) -> anyhow::Result<Ending> {
        let mut authority = self.open()?;
        if let Some(application) = authority.book()?.application(which) {
            let found = application_json(which, application);
            println!("{}", if json { found.to_string() } else { serde_json::to_string_pretty(&found)? });
            return Ok(Ending::Done);
        }
        let serial = self.serial(which)?;
        let at = home::time(at, self.texts)?.seconds();
        let Some(issued) = authority.book()?.certificate(&serial).cloned() else {
            bail!(Usage(self.texts.get("ca-no-such", &[("which", &which)])));
        };
        let mut found = certificate_json(&serial, &issued);
        found["at"] = time(at).into();
        found["standing_then"] = issued.standing_at(at).map_or("not-issued", |then| then.name()).into();
        let book = authority.book()?;
        let list = book.lists().iter().rev().find(|list| (list.at..=list.next_update).contains(&at));
        found["list_then"] = list.map(|list| list.number).into();
        let kept = authority.answer_kept(&serial, at);
        found["ocsp_answer_then"] = kept.map(|path| path.display().to_string()).into();
        println!("{}", if json { found.to_string() } else { serde_json::to_string_pretty(&found)? });
        Ok(Ending::Done)
    }

    fn issue(&self, application: &str, days: Option<u64>, out: Option<&Path>) -> anyhow::Result<Ending> {
        let mut authority = self.open()?;
        let Some(found) = authority.book()?.application(application) else {
            bail!(Usage(self.texts.get("ca-no-such", &[("which", &application)])));
        };
        let days = days.unwrap_or_else(|| found.wish.purpose.days());
        self.decide(Deed::Issue { application: application.to_owned(), days }, out)
    }

    fn crl(&self, number: Option<u64>, out: Option<&Path>) -> anyhow::Result<Ending> {
        let mut authority = self.open()?;
        let list = match number {
            None => {
                let signer = self.signer(&authority)?;
                authority.list(&signer, now(), self.officer)?
            }
            Some(wanted) => {
                let Some(der) = authority.list_der(Some(wanted))? else {
                    bail!(Usage(self.texts.get("ca-no-such", &[("which", &wanted)])));
                };
                Crl::from_der(&der)?
            }
        };
        match out {
            Some(out) => home::write_whole(out, list.to_pem().as_bytes(), false)?,
            None => print!("{}", list.to_pem()),
        }
        Ok(Ending::Done)
    }

    fn expiring(&self, days: u64, json: bool) -> anyhow::Result<Ending> {
        let found = self.open()?.expiring(now(), days)?;
        for one in &found {
            let until = time(one.not_after);
            if json {
                let (serial, profile, name) = (&one.serial, one.profile, &one.common_name);
                println!(
                    "{}",
                    json!({ "serial": serial, "profile": profile, "common_name": name, "not_after": until })
                );
            } else {
                println!("{until}  {}  {}  {}", one.profile, one.serial, one.common_name);
            }
        }
        Ok(if found.is_empty() { Ending::Done } else { Ending::Invalid })
    }

    async fn serve(
        &self,
        listen: std::net::SocketAddr,
        renew: bool,
        schedule: Option<heads::Schedule>,
    ) -> anyhow::Result<Ending> {
        let authority = self.open()?;
        let signer = if renew { Some(self.signer(&authority)?) } else { None };
        let service = Arc::new(Service::new(authority, now));
        // Asked for a passphrase now rather than later.
        let key = read_key(&self.dir.join(RESPONDER_KEY))?;
        let mut seen = Vec::new();
        self.look(&service, signer.as_ref(), &key, &mut seen)?;
        if let Some(schedule) = schedule {
            schedule.begin(&service, &self.dir)?;
        }
        let listener = serve::listen(listen, "--listen", self.texts).await?;
        let address = listener.local_addr()?;
        self.say("ca-serves", &[("url", &format!("http://{address}"))])?;
        let server = axum::serve(listener, xiezhi_ca::router(service.clone()))
            .with_graceful_shutdown(serve::told_to_stop());
        let server = tokio::spawn(async move { server.await });
        let mut each = tokio::time::interval(Duration::from_secs(20));
        while !server.is_finished() {
            each.tick().await;
            if let Err(error) = self.look(&service, signer.as_ref(), &key, &mut seen) {
                tracing::error!(%error, "the authority's directory");
            }
        }
        server.await??;
        Ok(Ending::Done)
    }

    /// Takes a renewed responder's certificate; with the authority's key, renews what is due.
    fn look(
        &self,
        service: &Service,
        signer: Option<&CertificateAuthority>,
        key: &SigningKey,
        seen: &mut Vec<u8>,
    ) -> anyhow::Result<()> {
        if let Some(signer) = signer {
            service.with(|authority, now| -> anyhow::Result<()> {
                if authority.is_list_due(now)? {
                    authority.list(signer, now, "authority")?;
                }
                let pem = std::fs::read_to_string(self.dir.join(RESPONDER)).unwrap_or_default();
                let present = X509Certificate::from_pem(&pem).ok();
                let half = now + RESPONDER_DAYS * DAY_S / 2;
                if present.is_none_or(|present| present.validity().not_after < half)
                    && half < authority.certificate().validity().not_after
                {
                    self.responder(authority, signer)?;
                }
                Ok(())
            })?;
        }
        let path = self.dir.join(RESPONDER);
        let pem = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        if pem != *seen {
            let certificate = X509Certificate::from_pem(std::str::from_utf8(&pem)?)?;
            let issuer = service.with(|authority, _| authority.certificate().clone());
            service.set_responder(Responder::new(issuer, certificate, key.clone())?);
            *seen = pem;
        }
        Ok(())
    }
}

fn state(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Pending => "pending",
        Outcome::Issued(_) => "issued",
        Outcome::Refused { .. } => "refused",
    }
}

fn application_json(id: &str, application: &Application) -> Value {
    let mut found = serde_json::to_value(&application.wish).unwrap_or_default();
    found["application"] = id.into();
    found["at"] = time(application.at).into();
    found["state"] = state(&application.outcome).into();
    found["key"] = application.request.public_key().suite().map(Suite::name).into();
    match &application.outcome {
        Outcome::Pending => {}
        Outcome::Issued(serials) => found["serials"] = serials.iter().map(hex::encode).collect(),
        Outcome::Refused { reason, .. } => found["reason"] = reason.as_str().into(),
    }
    found
}

fn certificate_json(serial: &[u8], issued: &Certificate) -> Value {
    let history: Vec<_> = issued
        .changes
        .iter()
        .map(|change| {
            let mut entry = json!({ "at": time(change.at), "standing": change.standing.name() });
            if let Standing::Withdrawn(withdrawal) = change.standing {
                entry["reason"] = withdrawal.reason.name().into();
                if let Some(since) = withdrawal.invalid_since {
                    entry["invalid_since"] = time(since).into();
                }
            }
            entry
        })
        .collect();
    json!({
        "serial": hex::encode(serial),
        "issued_at": time(issued.at),
        "not_after": time(issued.certificate.validity().not_after),
        "subject": issued.certificate.subject(),
        "application": issued.application,
        "standing": issued.standing().name(),
        "history": history,
    })
}
