//! Keys at a server that signs: the transit API of HashiCorp Vault and OpenBao, as much of it as reads a public key and signs.
//!
//! `GET …/keys/NAME` tells the suite and the public keys by version; the newest is used. `POST …/sign/NAME` signs. The server's key is of type
//! `ed25519` or `ecdsa-p256`; for the latter `r || s` is asked for (marshaling `jws`).

use std::{
    fmt,
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    time::Duration,
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use http::{HeaderName, HeaderValue, Uri};
use serde_json::{Value, json};
use xiezhi_client::{Foreign, Host};
use xiezhi_crypto::{PublicKey, SignatureAlg, Signer, SigningError};

/// What stands before the address.
pub(crate) const SCHEME: &str = "transit:";
/// How long an answer is waited for.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// Requests that wait for the server, at most.
const WAITING_MAX: usize = 64;

/// The address of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransitUrl {
    /// Up to the mount: `https://HOST/v1/transit`.
    mount: String,
    name: String,
}

impl TransitUrl {
    pub(crate) fn parse(url: &str) -> Result<Self, &'static str> {
        let uri: Uri = url.trim().parse().map_err(|_| "not an address")?;
        let host = uri.host().ok_or("without a host")?;
        match uri.scheme_str() {
            Some("https") => {}
            // Within one machine nobody listens in between.
            Some("http") if ["127.0.0.1", "localhost", "[::1]"].contains(&host) => {}
            _ => return Err("https is needed, except on this machine"),
        }
        if uri.query().is_some() || uri.authority().is_some_and(|authority| authority.as_str().contains('@'))
        {
            return Err("a query, or a user, is not part of it");
        }
        let (mount, name) = url.trim().rsplit_once("/keys/").ok_or("without /keys/NAME")?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.is_empty() || !name.chars().all(is_plain) {
            return Err("the key's name has letters, digits, '-', '_' and '.' only");
        }
        Ok(Self { mount: mount.to_owned(), name: name.to_owned() })
    }
}

impl fmt::Display for TransitUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/keys/{}", self.mount, self.name)
    }
}

/// Why a server gives no key. Holds nothing secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the signing server {url}: {reason}")]
pub struct TransitError {
    /// The key's address.
    pub url: String,
    /// What went wrong.
    pub reason: String,
}

type Answer = Result<Value, String>;

struct Ask {
    path: String,
    asked: Foreign,
    answer: SyncSender<Answer>,
}

/// A key at a server.
pub struct TransitKey {
    url: TransitUrl,
    public: PublicKey,
    version: u64,
    asks: SyncSender<Ask>,
}

impl fmt::Debug for TransitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TransitKey(at a server)")
    }
}

impl TransitKey {
    /// Asks the server for the public half, with `token`. A thread of its own speaks with the server, so that any thread may sign.
    ///
    /// # Errors
    /// [`TransitError`].
    pub fn open(url: &TransitUrl, token: &str) -> Result<Self, TransitError> {
        let failed = |reason: String| TransitError { url: url.to_string(), reason };
        let token = Some(token.trim()).filter(|token| !token.is_empty());
        let secret = token.and_then(|token| HeaderValue::from_str(token).ok());
        let mut secret = secret.ok_or_else(|| failed("no token".to_owned()))?;
        secret.set_sensitive(true);
        let (asks, asked) = sync_channel(WAITING_MAX);
        let (host, mount) = Host::of(&url.mount).map_err(|error| failed(error.to_string()))?;
        std::thread::Builder::new()
            .name("signing-server".to_owned())
            .spawn(move || speak(&host, &mount, &secret, asked))
            .map_err(|error| failed(error.to_string()))?;
        let found = ask(&asks, format!("/keys/{}", url.name), Foreign::Get).map_err(failed)?;
        let (version, public) = newest(&found).map_err(|reason| failed(reason.to_owned()))?;
        Ok(Self { url: url.clone(), public, version, asks })
    }
}

/// The newest version of the key that `found` describes.
fn newest(found: &Value) -> Result<(u64, PublicKey), &'static str> {
    let data = &found["data"];
    let version = data["latest_version"].as_u64().ok_or("its answer names no version")?;
    let public =
        data["keys"][version.to_string()]["public_key"].as_str().ok_or("its answer has no public key")?;
    let no_key = "its public key cannot be read";
    let key = match data["type"].as_str() {
        Some("ed25519") => {
            let bytes = STANDARD.decode(public).map_err(|_| no_key)?;
            PublicKey::new(SignatureAlg::Ed25519, &bytes)
        }
        Some("ecdsa-p256") => PublicKey::es256_of_point(&p256_point(public).ok_or(no_key)?),
        _ => return Err("the key is not of type ed25519 or ecdsa-p256"),
    };
    key.map(|key| (version, key)).map_err(|_| no_key)
}

/// The point in a PEM of a P-256 `SubjectPublicKeyInfo`, which always has the same bytes before it.
fn p256_point(pem: &str) -> Option<Vec<u8>> {
    const HEAD: &[u8] = &[
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
        0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    ];
    let text: String = pem.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
    let der = STANDARD.decode(text).ok()?;
    der.strip_prefix(HEAD).map(<[u8]>::to_vec)
}

impl Signer for TransitKey {
    fn public_key(&self) -> PublicKey {
        self.public.clone()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        let failed = |reason: &str| SigningError { reason: format!("the signing server: {reason}") };
        let mut body = json!({ "input": STANDARD.encode(message), "key_version": self.version });
        let is_p256 = self.public.alg() == SignatureAlg::Es256;
        if is_p256 {
            body["hash_algorithm"] = json!("sha2-256");
            body["marshaling_algorithm"] = json!("jws");
        }
        let path = format!("/sign/{}", self.url.name);
        let asked = Foreign::Post("application/json", body.to_string().into());
        let answer = ask(&self.asks, path, asked).map_err(|reason| failed(&reason))?;
        let text = answer["data"]["signature"].as_str().and_then(|text| text.rsplit(':').next());
        let signature = text.and_then(|text| {
            if is_p256 {
                URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
            } else {
                STANDARD.decode(text).ok()
            }
        });
        let signature = signature.ok_or_else(|| failed("its answer has no signature"))?;
        match self.public.verify(message, &signature) {
            Ok(()) => Ok(signature),
            Err(error) => Err(failed(&format!("what it signed does not hold: {error}"))),
        }
    }
}

/// Has the thread that speaks with the server ask it.
fn ask(asks: &SyncSender<Ask>, path: String, asked: Foreign) -> Answer {
    let (answer, answered) = sync_channel(1);
    let ended = "the thread that speaks with it has ended, or is busy";
    asks.try_send(Ask { path, asked, answer }).map_err(|_| ended.to_owned())?;
    match answered.recv_timeout(PATIENCE + Duration::from_secs(1)) {
        Ok(answer) => answer,
        Err(RecvTimeoutError::Timeout) => Err("no answer in time".to_owned()),
        Err(RecvTimeoutError::Disconnected) => Err(ended.to_owned()),
    }
}

/// Answers what is asked, until nobody can ask any more.
fn speak(host: &Host, mount: &str, token: &HeaderValue, questions: Receiver<Ask>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else { return };
    for Ask { path, asked, answer } in questions {
        let target = format!("{mount}{path}");
        let headers = vec![(HeaderName::from_static("x-vault-token"), token.clone())];
        let asking = async { tokio::time::timeout(PATIENCE, host.ask(&target, asked, headers)).await };
        let said = match runtime.block_on(asking) {
            Ok(Ok(bytes)) => {
                serde_json::from_slice(&bytes).map_err(|error| format!("its answer is no JSON: {error}"))
            }
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("no answer in time".to_owned()),
        };
        let _ = answer.send(said);
    }
}
