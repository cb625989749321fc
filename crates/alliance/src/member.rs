//! The files of a member that comes, or changes its keys: invitation, folder, requests for certificates.
//!
//! ```text
//! invitation.toml           what an invited institution needs beside the code: the genesis, who is where
//! <chain>.request           asks the alliance's certificate authority to certify the seal key; the answer is written to <chain>
//! <file>.next               keys and chain of a later term, beside those of now
//! ```

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use xiezhi_crypto::{SignatureAlg, Signer, SigningKey, sha256_parts};
use xiezhi_custody::Place;
use xiezhi_evidence::{Genesis, LocalName, governance::Keys};
use xiezhi_pki::Validity;
use xiezhi_types::{InstitutionId, LedgerId, TimestampMs, canonical, from_canonical};

use crate::{
    AllianceError, NodeFile,
    config::{next, own_authority, place_secret, read_bytes, read_seal_key, read_text, seed},
    found::{DAY_S, SEAL_DAYS, random, seal_certificate, seal_key, write},
    renew::validity_under,
};

const CODE_DOMAIN: &[u8] = b"xiezhi invitation v1\n";

/// The secret half of an invitation, to be told on another way than the invitation's file.
#[derive(Clone)]
pub struct Code([u8; 16]);

impl Code {
    /// A new one.
    ///
    /// # Errors
    /// [`AllianceError::Entropy`].
    pub fn new() -> Result<Self, AllianceError> {
        random().map(Self)
    }

    /// Reads what [`Code::text`] gives; hyphens and spaces do not matter.
    ///
    /// # Errors
    /// [`AllianceError::Value`].
    pub fn parse(text: &str) -> Result<Self, AllianceError> {
        let digits: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        let mut code = [0; 16];
        hex::decode_to_slice(digits, &mut code).map_err(|_| AllianceError::Value {
            field: "code",
            reason: "an invitation's code is 32 hexadecimal digits".to_owned(),
        })?;
        Ok(Self(code))
    }

    /// Eight groups of four hexadecimal digits.
    #[must_use]
    pub fn text(&self) -> String {
        let digits = hex::encode(self.0);
        let groups: Vec<_> = digits.as_bytes().chunks(4).map(String::from_utf8_lossy).collect();
        groups.join("-")
    }

    /// The key with which `institution` confirms its invitation to `ledger`.
    ///
    /// # Errors
    /// [`AllianceError::Value`].
    pub fn key(&self, ledger: &LedgerId, institution: &InstitutionId) -> Result<SigningKey, AllianceError> {
        seal_key(&sha256_parts(&[CODE_DOMAIN, &ledger.0, &self.0, institution.as_str().as_bytes()]))
    }
}

/// An invitation as it is handed over; nothing in it is secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invitation {
    /// Short name of who is invited.
    pub institution: String,
    /// The genesis, in hexadecimal digits.
    pub genesis: String,
    /// REST interfaces of members' nodes.
    pub follow: Vec<String>,
    /// Where members' nodes listen.
    pub peers: BTreeMap<String, String>,
}

impl Invitation {
    /// Reads an invitation's file.
    ///
    /// # Errors
    /// [`AllianceError`].
    pub fn read(path: &Path) -> Result<Self, AllianceError> {
        toml::from_str(&read_text(path)?).map_err(|e| content(path, e))
    }

    /// Writes an invitation's file; an existing one stays as it is.
    ///
    /// # Errors
    /// [`AllianceError`].
    pub fn write(&self, path: &Path) -> Result<(), AllianceError> {
        let text = toml::to_string(self).map_err(|e| content(path, e))?;
        write_new(path, text.as_bytes(), false)
    }

    /// The ledger to which it invites. It must be compared with a copy from somebody else.
    ///
    /// # Errors
    /// [`AllianceError::Value`].
    pub fn ledger(&self) -> Result<LedgerId, AllianceError> {
        self.genesis_bytes().map(|bytes| Genesis::ledger_id(&bytes))
    }

    fn genesis_bytes(&self) -> Result<Vec<u8>, AllianceError> {
        let wrong = |reason: String| AllianceError::Value { field: "genesis", reason };
        let bytes = hex::decode(&self.genesis).map_err(|e| wrong(e.to_string()))?;
        Genesis::parse(&bytes).map_err(|e| wrong(e.to_string()))?;
        Ok(bytes)
    }
}

/// What a certificate authority is asked to certify.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    institution: String,
    ledger: String,
    /// [`Keys`] with its proofs of possession, in hexadecimal digits.
    keys: String,
}

/// The keys of one term, as an institution has them.
pub struct OwnKeys {
    /// For consensus.
    pub consensus: SigningKey,
    /// For seals.
    pub seal: Arc<dyn Signer>,
    /// Whether a certificate of the seal key is there.
    pub is_certified: bool,
}

/// An institution's own files, as its configuration names them.
pub struct Own {
    base: PathBuf,
    file: NodeFile,
    /// Its short name.
    pub institution: InstitutionId,
    /// Its ledger.
    pub ledger: LedgerId,
}

fn content(path: &Path, reason: impl ToString) -> AllianceError {
    AllianceError::Content { path: path.to_owned(), reason: reason.to_string() }
}

fn id(name: &str) -> Result<InstitutionId, AllianceError> {
    name.parse().map_err(|e: xiezhi_types::IdError| AllianceError::Value {
        field: "institution",
        reason: e.to_string(),
    })
}

fn write_new(path: &Path, bytes: &[u8], secret: bool) -> Result<(), AllianceError> {
    if path.exists() { Err(content(path, "exists already")) } else { write(path, bytes, secret) }
}

impl Own {
    /// The files that the configuration at `path` names.
    ///
    /// # Errors
    /// [`AllianceError`].
    pub fn open(path: &Path) -> Result<Self, AllianceError> {
        let base = path.parent().unwrap_or(Path::new(".")).to_owned();
        let file = NodeFile::read(path)?;
        let institution = id(&file.institution)?;
        let genesis = read_bytes(&base.join(&file.genesis))?;
        Ok(Self { base, institution, ledger: Genesis::ledger_id(&genesis), file })
    }

    /// The configuration.
    #[must_use]
    pub fn file(&self) -> &NodeFile {
        &self.file
    }

    fn paths(&self, later: bool) -> [PathBuf; 3] {
        let paths = [&self.file.consensus_key, &self.file.seal_key, &self.file.seal_chain];
        paths.map(|path| self.base.join(path)).map(|path| if later { next(&path) } else { path })
    }

    fn keys_of(&self, later: bool) -> Result<OwnKeys, AllianceError> {
        let [consensus, seal, chain] = self.paths(later);
        Ok(OwnKeys {
            consensus: seal_key(&seed(&consensus)?)?,
            seal: read_seal_key(&seal)?,
            is_certified: chain.exists(),
        })
    }

    /// The keys of now.
    ///
    /// # Errors
    /// [`AllianceError`].
    pub fn keys(&self) -> Result<OwnKeys, AllianceError> {
        self.keys_of(false)
    }

    /// The keys of a later term, if they are made.
    ///
    /// # Errors
    /// [`AllianceError`].
    pub fn next_keys(&self) -> Result<Option<OwnKeys>, AllianceError> {
        let [consensus, seal, _] = self.paths(true);
        if consensus.exists() && seal.exists() { self.keys_of(true).map(Some) } else { Ok(None) }
    }

    /// Makes keys for a later term, and the request for their certificate; gives the request's path. The seal key is kept at `place`, where one is
    /// given: a token makes it unless it is there, a server must have it.
    ///
    /// # Errors
    /// [`AllianceError`].
    pub fn make_next_keys(&self, place: Option<&Place>) -> Result<PathBuf, AllianceError> {
        let [consensus, seal, _] = self.paths(true);
        let seal_file = key_file(place)?;
        // The seal key last: the pair counts once both are there.
        write_new(&consensus, hex::encode(random::<32>()?).as_bytes(), true)?;
        write_new(&seal, seal_file.as_bytes(), true)?;
        self.request(true)
    }

    /// Puts the keys of a later term, and their chain, in the place of those of now, which stay beside as `.old`.
    ///
    /// # Errors
    /// [`AllianceError`].
    pub fn promote(&self) -> Result<(), AllianceError> {
        for (now, later) in self.paths(false).into_iter().zip(self.paths(true)) {
            let failed = |source| AllianceError::File { path: now.clone(), source };
            let mut old = now.clone().into_os_string();
            old.push(".old");
            if later.exists() {
                if now.exists() {
                    fs::copy(&now, &old).map_err(failed)?;
                }
                fs::rename(&later, &now).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// Keys and address as a statement names them, with the proofs.
    ///
    /// # Errors
    /// [`AllianceError::Key`] when a key does not sign.
    pub fn prove(&self, keys: &OwnKeys, address: Option<&str>) -> Result<Keys, AllianceError> {
        let address = address.unwrap_or(&self.file.listen).to_owned();
        Ok(Keys::prove(&self.ledger, &self.institution, &keys.consensus, &*keys.seal, address)?)
    }

    /// Where the request for the certificate of the present or the later seal key is.
    #[must_use]
    pub fn request_path(&self, later: bool) -> PathBuf {
        let [_, _, chain] = self.paths(later);
        let mut name = chain.into_os_string();
        name.push(".request");
        name.into()
    }

    fn request(&self, later: bool) -> Result<PathBuf, AllianceError> {
        let path = self.request_path(later);
        let keys = self.prove(&self.keys_of(later)?, None)?;
        let request = Request {
            institution: self.institution.to_string(),
            ledger: self.ledger.to_string(),
            keys: hex::encode(canonical(&keys)),
        };
        let text = toml::to_string(&request).map_err(|e| content(&path, e))?;
        write(&path, text.as_bytes(), false)?;
        Ok(path)
    }
}

/// What the file of a new key holds: its secret, or its place.
fn key_file(place: Option<&Place>) -> Result<String, AllianceError> {
    let Some(place) = place else { return Ok(hex::encode(random::<32>()?)) };
    let opened = place.open_or_make(&place_secret(place)?, SignatureAlg::Ed25519);
    let key =
        opened.map_err(|error| AllianceError::Value { field: "seal key", reason: error.to_string() })?;
    match key.public_key().alg() {
        SignatureAlg::Ed25519 => Ok(format!("{place}\n")),
        alg => Err(AllianceError::Value {
            field: "seal key",
            reason: format!("ed25519 is needed, and this is {alg}"),
        }),
    }
}

/// Makes the folder of an invited institution in `dir`: keys, the request for a certificate, configuration. Gives the configuration's path. The seal
/// key is kept at `seal_place`, where one is given.
///
/// # Errors
/// [`AllianceError`]; an existing folder stays as it is.
pub fn prepare(
    invitation: &Invitation,
    dir: &Path,
    listen: &str,
    http: &str,
    seal_place: Option<&Place>,
) -> Result<PathBuf, AllianceError> {
    let config = dir.join("node.toml");
    if config.exists() {
        return Err(content(&config, "exists already"));
    }
    let genesis = invitation.genesis_bytes()?;
    let institution = id(&invitation.institution)?;
    write(&dir.join("genesis.cbor"), &genesis, false)?;
    for (name, place) in [("consensus", None), ("seal", seal_place)] {
        // What an interrupted run has made is used: a key is never written over.
        let path = dir.join(format!("keys/{name}.key"));
        if !path.exists() {
            write(&path, key_file(place)?.as_bytes(), true)?;
        }
    }
    let mut peers = invitation.peers.clone();
    peers.insert(institution.to_string(), listen.to_owned());
    let usual = NodeFile::usual(institution.to_string(), "genesis.cbor", listen.to_owned(), http.to_owned());
    let file = NodeFile { follow: invitation.follow.clone(), peers, ..usual };
    let own =
        Own { base: dir.to_owned(), institution, ledger: Genesis::ledger_id(&genesis), file: file.clone() };
    own.request(false)?;
    write(&config, file.to_toml()?.as_bytes(), false)?;
    Ok(config)
}

/// Who asks for a certificate by the request at `path`, if it has the keys that it names.
///
/// # Errors
/// [`AllianceError`].
pub fn requested(path: &Path) -> Result<(LedgerId, InstitutionId, Keys), AllianceError> {
    let request: Request = toml::from_str(&read_text(path)?).map_err(|e| content(path, e))?;
    let institution = id(&request.institution)?;
    let ledger: LedgerId = request.ledger.parse().map_err(|e| content(path, format!("ledger: {e}")))?;
    let keys = hex::decode(&request.keys).map_err(|e| content(path, format!("keys: {e}")))?;
    let keys: Keys = from_canonical("keys", &keys).map_err(|e| content(path, e))?;
    let unproven = |_| content(path, "the proofs of possession of the keys do not hold");
    keys.verify(&ledger, &institution).map_err(unproven)?;
    Ok((ledger, institution, keys))
}

/// Certifies the seal key of the request at `path` with the key of the certificate authority that the node file `ca` configures: writes the chain beside the
/// request, and the authority's revocation list where there is none. `name` is what the ledger calls the institution.
///
/// # Errors
/// [`AllianceError`].
pub fn certify(
    ca: &Path,
    path: &Path,
    name: &LocalName,
    now: TimestampMs,
) -> Result<(PathBuf, Validity), AllianceError> {
    let (ledger, institution, keys) = requested(path)?;
    let own = Own::open(ca)?;
    if own.ledger != ledger {
        return Err(content(path, "is for another ledger"));
    }
    let chain = path.with_extension("");
    if path.extension().is_none_or(|end| end != "request") {
        return Err(content(path, "a request's name ends with .request"));
    }
    let authority = own_authority(&own.file, &own.base)?;
    let validity = validity_under(&authority, now, now.seconds() + SEAL_DAYS * DAY_S);
    let certificate = seal_certificate(&authority, &institution, name, keys.seal_key, validity)?;
    let list = path.with_file_name("crl.pem");
    if !list.exists()
        && let Some(kept) = own.file.revocations.first()
    {
        write(&list, &read_bytes(&own.base.join(kept))?, false)?;
    }
    write(&chain, certificate.to_pem().as_bytes(), false)?;
    Ok((chain, validity))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Founding, Overrides, found, load};

    fn founded(dir: &Path) -> (crate::Layout, LedgerId) {
        let founding = Founding {
            dir: dir.join("alliance"),
            institutions: 4,
            base_port: 17_000,
            host: "127.0.0.1".to_owned(),
            now: TimestampMs(1_795_334_950_000),
            limits: xiezhi_evidence::Limits::default(),
        };
        found(&founding).unwrap()
    }

    #[test]
    fn a_code_reads_back_and_gives_each_institution_of_each_ledger_a_key_of_its_own() {
        let code = Code::new().unwrap();
        assert_eq!(code.text().len(), 39);
        let read = Code::parse(&format!(" {} ", code.text().to_uppercase().replace('-', " "))).unwrap();
        let (one, two) = (LedgerId([1; 32]), LedgerId([2; 32]));
        let [customs, bank] = ["customs", "bank"].map(|name| name.parse().unwrap());
        let key = |code: &Code, ledger, id| code.key(ledger, id).unwrap().public_key();
        assert_eq!(key(&code, &one, &customs), key(&read, &one, &customs));
        assert_ne!(key(&code, &one, &customs), key(&code, &two, &customs));
        assert_ne!(key(&code, &one, &customs), key(&code, &one, &bank));
        assert!(Code::parse("1234").is_err());
    }

    #[test]
    fn an_invited_institution_prepares_is_certified_and_can_be_configured() {
        let temp = tempfile::tempdir().unwrap();
        let (layout, ledger) = founded(temp.path());
        let invitation = Invitation {
            institution: "customs".to_owned(),
            genesis: hex::encode(fs::read(layout.genesis()).unwrap()),
            follow: vec!["http://127.0.0.1:17000".to_owned()],
            peers: NodeFile::read(&layout.node_file("court")).unwrap().peers,
        };
        let file = temp.path().join("customs.invitation");
        invitation.write(&file).unwrap();
        assert!(invitation.write(&file).is_err(), "an invitation is not written over");
        let read = Invitation::read(&file).unwrap();
        assert_eq!(read.ledger().unwrap(), ledger);
        let dir = temp.path().join("customs");
        let config = prepare(&read, &dir, "127.0.0.1:17200", "127.0.0.1:17100", None).unwrap();
        assert!(prepare(&read, &dir, "127.0.0.1:17200", "127.0.0.1:17100", None).is_err());

        let own = Own::open(&config).unwrap();
        let (request, ca) = (own.request_path(false), layout.node_file("ca"));
        let name = LocalName { zh: "示范海关".to_owned(), en: "Demonstration Customs".to_owned() };
        let now = TimestampMs(1_795_334_950_000);
        assert!(certify(&layout.node_file("court"), &request, &name, now).is_err(), "no authority");
        let (chain, _) = certify(&ca, &request, &name, now).unwrap();
        assert_eq!(chain, dir.join("pki/seal.pem"));
        let (node, _) = load(&config, &Overrides::default(), Vec::new()).unwrap();
        assert_eq!((node.keys.len(), node.keys[0].seal_chain.len()), (1, 1));

        // Who does not have the keys is not certified.
        let text = fs::read_to_string(&request).unwrap();
        fs::write(&request, text.replace("customs", "bank")).unwrap();
        assert!(certify(&ca, &request, &name, now).is_err_and(|e| e.to_string().contains("proofs")));
    }

    #[test]
    fn keys_of_a_later_term_lie_beside_and_take_the_place_of_those_of_now() {
        let temp = tempfile::tempdir().unwrap();
        let (layout, _) = founded(temp.path());
        let config = layout.node_file("notary");
        let own = Own::open(&config).unwrap();
        assert!(own.next_keys().unwrap().is_none());
        let request = own.make_next_keys(None).unwrap();
        assert!(own.make_next_keys(None).is_err(), "keys are not written over");
        let later = own.next_keys().unwrap().unwrap();
        assert!(!later.is_certified);
        let name =
            LocalName { zh: "示范公证处".to_owned(), en: "Demonstration Notary Office".to_owned() };
        certify(&layout.node_file("ca"), &request, &name, TimestampMs(1_795_334_950_000)).unwrap();
        assert!(own.next_keys().unwrap().unwrap().is_certified);
        let keys = |n| load(&config, &Overrides::default(), Vec::new()).unwrap().0.keys.len() == n;
        assert!(keys(2));
        own.promote().unwrap();
        assert!(keys(1) && own.next_keys().unwrap().is_none());
        assert_eq!(own.keys().unwrap().seal.public_key(), later.seal.public_key());
    }
}
