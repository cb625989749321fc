//! Deposits from the browser: it has the key and the randomness, this has the encoding.

use serde::{Deserialize, Serialize};
use xiezhi_crypto::{Digest, DigestAlg, PublicKey, SignatureAlg};
use xiezhi_evidence::{
    AccountSpec, BatchBody, BatchItem, Body, Certificate, DepositBody, Manifest, StatementDraft, Unsigned,
    manifest::FileFacts,
};
use xiezhi_merkle::{Frontier, Sha256};
use xiezhi_types::{TimestampMs, canonical, from_canonical};

use crate::read;

/// What is to be signed. The account is the one that `key` (P-256, compressed), `encryption` (another, if it has one) and `salt` make; without
/// exhibits it is created. One exhibit is deposited by itself, several as a batch under one signature: they have the first one's group, and no phase.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    ledger: String,
    issued_at: String,
    key: String,
    encryption: Option<String>,
    salt: String,
    exhibits: Vec<Described>,
}

/// What is known of a file, and where it belongs. `salts` are 16 random bytes for each of its fields; there are never more than [`SALTS`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    size: String,
    digests: Vec<String>,
    title: String,
    media_type: String,
    searchable: bool,
    group: Option<String>,
    phase: Option<u32>,
    salts: Vec<String>,
}

const SALTS: usize = 7;

/// A draft whose signature is waited for.
pub(crate) struct Drafted {
    unsigned: Unsigned,
    manifests: Vec<Manifest>,
    items: Vec<Vec<u8>>,
}

/// In hexadecimal digits.
#[derive(Serialize)]
pub(crate) struct ToSign {
    account: String,
    message: String,
}

/// In hexadecimal digits; a manifest for each exhibit, and for a batch the items that are sent beside the statement.
#[derive(Serialize)]
pub(crate) struct Signed {
    statement: String,
    manifests: Vec<String>,
    items: Vec<String>,
}

/// A node's certificate and the manifest that belongs into it, in hexadecimal digits.
#[derive(Serialize, Deserialize)]
pub(crate) struct Whole {
    certificate: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    manifest: String,
}

pub(crate) fn bytes(field: &str, text: &str) -> Result<Vec<u8>, String> {
    hex::decode(text).map_err(|error| format!("the request: {field}: {error}"))
}

fn p256(field: &str, text: &str) -> Result<PublicKey, String> {
    PublicKey::new(SignatureAlg::Es256, &bytes(field, text)?).map_err(|error| format!("{field}: {error}"))
}

pub(crate) fn fixed<const N: usize>(field: &str, text: &str) -> Result<[u8; N], String> {
    bytes(field, text)?.try_into().map_err(|_| format!("the request: {field} has {N} bytes"))
}

impl Described {
    fn manifest(&self, digests: &[Digest], hashed_at: TimestampMs) -> Result<Manifest, String> {
        let facts = FileFacts {
            size: read("size", &self.size)?,
            digests: digests.to_vec(),
            media_type: self.media_type.clone(),
            title: Some(self.title.clone()),
            hashed_at,
            tool: concat!("xiezhi ", env!("CARGO_PKG_VERSION"), " in a browser").to_owned(),
        };
        let fields = facts.fields();
        if fields.len() > SALTS || self.salts.len() != SALTS {
            return Err(format!("the request: {SALTS} salts, and at most as many fields"));
        }
        let salts: Vec<_> = self.salts.iter().map(|salt| fixed("salts", salt)).collect::<Result<_, _>>()?;
        let mut salts = salts.into_iter();
        Manifest::new(fields, || salts.next().unwrap_or_default()).map_err(|error| error.to_string())
    }
}

/// What has to be signed.
pub(crate) fn draft(request: &[u8]) -> Result<(Drafted, ToSign), String> {
    let request: Request =
        serde_json::from_slice(request).map_err(|error| format!("the request: {error}"))?;
    let key = p256("key", &request.key)?;
    let id = key.id();
    let mut spec = AccountSpec::single(fixed("salt", &request.salt)?, key);
    spec.encryption_key = request.encryption.as_deref().map(|key| p256("encryption", key)).transpose()?;
    let issued_at = TimestampMs(read("issued_at", &request.issued_at)?);
    let issuer = spec.id();
    let (mut manifests, mut bodies) = (Vec::new(), Vec::new());
    for exhibit in &request.exhibits {
        let digests: Vec<Digest> =
            exhibit.digests.iter().map(|text| read("digests", text)).collect::<Result<_, _>>()?;
        let manifest = exhibit.manifest(&digests, issued_at)?;
        let is_shown = |digest: &&Digest| exhibit.searchable && digest.alg == DigestAlg::Sha256;
        let shown = digests.iter().filter(is_shown).copied().collect();
        bodies.push(DepositBody { manifest_root: manifest.root(), digests: shown, phase: exhibit.phase });
        manifests.push(manifest);
    }
    let group = request.exhibits.first().and_then(|exhibit| exhibit.group.as_deref());
    let group = group.map(|group| read("group", group)).transpose()?;
    let mut items = Vec::new();
    let body = match bodies.len() {
        0 => Body::Account(spec),
        1 => Body::Deposit(bodies.remove(0)),
        count => {
            let mut tree = Frontier::<Sha256>::new();
            for DepositBody { manifest_root, digests, phase } in bodies {
                if phase.is_some() {
                    return Err("the request: exhibits of a batch have no phase".to_owned());
                }
                let item = canonical(&BatchItem { manifest_root, digests });
                tree.append(BatchItem::leaf(&item));
                items.push(item);
            }
            let items = u32::try_from(count).map_err(|_| "the request: too many exhibits".to_owned())?;
            Body::Batch(BatchBody { items_root: tree.root(), items })
        }
    };
    let draft = StatementDraft { issuer, ledger: read("ledger", &request.ledger)?, issued_at, group, body };
    let unsigned = draft.unsigned(None, SignatureAlg::Es256, id).map_err(|error| error.to_string())?;
    let to_sign = ToSign { account: issuer.to_string(), message: hex::encode(unsigned.message()) };
    Ok((Drafted { unsigned, manifests, items }, to_sign))
}

impl Drafted {
    /// The statement with its signature, and what belongs to it.
    pub(crate) fn signed(self, signature: &[u8]) -> Result<Signed, String> {
        let statement = self.unsigned.signed(signature).map_err(|error| error.to_string())?;
        Ok(Signed {
            statement: hex::encode(statement.as_bytes()),
            manifests: self.manifests.iter().map(|manifest| hex::encode(canonical(manifest))).collect(),
            items: self.items.iter().map(hex::encode).collect(),
        })
    }
}

/// The certificate with the manifest in it.
pub(crate) fn whole(request: &[u8]) -> Result<Whole, String> {
    let parts: Whole = serde_json::from_slice(request).map_err(|error| format!("the request: {error}"))?;
    let mut certificate =
        Certificate::parse(&bytes("certificate", &parts.certificate)?).map_err(|error| error.to_string())?;
    let manifest = from_canonical("manifest", &bytes("manifest", &parts.manifest)?);
    certificate.manifest = Some(manifest.map_err(|error| error.to_string())?);
    Ok(Whole { certificate: hex::encode(certificate.encode()), manifest: String::new() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use xiezhi_crypto::SigningKey;
    use xiezhi_evidence::Statement;

    fn request(exhibit: &str) -> String {
        let key = SigningKey::from_seed(SignatureAlg::Es256, &[7; 32]).unwrap().public_key();
        format!(
            r#"{{"ledger": "{}", "issued_at": "1800000000000", "key": "{}", "salt": "{}", "exhibits": [{exhibit}]}}"#,
            "11".repeat(32),
            hex::encode(key.as_bytes()),
            "22".repeat(16)
        )
    }

    fn signed(exhibit: &str) -> (Statement, Signed) {
        let (drafted, to_sign) =
            draft(request(exhibit).as_bytes()).map_err(|error| panic!("{error}")).unwrap();
        let key = SigningKey::from_seed(SignatureAlg::Es256, &[7; 32]).unwrap();
        let signature = key.sign(&hex::decode(&to_sign.message).unwrap());
        let done = drafted.signed(&signature).unwrap();
        let statement = Statement::parse(&hex::decode(&done.statement).unwrap()).unwrap();
        assert_eq!(statement.claims().issuer.to_string(), to_sign.account);
        statement.signatures()[0].verify(&key.public_key()).unwrap();
        (statement, done)
    }

    #[test]
    fn an_account_is_made_and_deposits_what_its_manifest_says() {
        let (created, done) = signed("");
        assert!(matches!(created.body(), Body::Account(_)) && done.manifests.is_empty());
        let digest = |alg, byte: &str| format!("\"{alg}:{}\"", byte.repeat(32));
        let salts = vec![format!("\"{}\"", "33".repeat(16)); SALTS].join(",");
        let exhibit = |searchable| {
            format!(
                r#"{{"size": "5", "digests": [{}, {}], "title": "a.txt", "media_type": "text/plain", "searchable": {searchable}, "salts": [{salts}]}}"#,
                digest("sha256", "44"),
                digest("sm3", "55")
            )
        };
        for searchable in [true, false] {
            let (statement, done) = signed(&exhibit(searchable));
            assert_eq!((statement.group(), done.items.len()), (None, 0));
            let manifest: Manifest =
                from_canonical("manifest", &hex::decode(&done.manifests[0]).unwrap()).unwrap();
            let Body::Deposit(body) = statement.body() else { panic!("a deposit") };
            assert_eq!((body.manifest_root, body.digests.len()), (manifest.root(), usize::from(searchable)));
            assert_eq!(manifest.digests().len(), 2);
        }
        let grouped =
            exhibit(true).replacen('{', &format!(r#"{{"group": "{}", "phase": 3,"#, "66".repeat(16)), 1);
        let (statement, _) = signed(&grouped);
        assert_eq!(statement.group().map(|group| group.to_string()), Some("66".repeat(16)));
        assert!(matches!(statement.body(), Body::Deposit(body) if body.phase == Some(3)));

        // Several are one batch, whose items are what the statement's root says.
        let in_group = |searchable| {
            exhibit(searchable).replacen('{', &format!(r#"{{"group": "{}","#, "66".repeat(16)), 1)
        };
        let (statement, done) = signed(&[in_group(true), in_group(false), in_group(true)].join(","));
        assert_eq!(statement.group().map(|group| group.to_string()), Some("66".repeat(16)));
        let items: Vec<_> = done.items.iter().map(|item| hex::decode(item).unwrap()).collect();
        let mut shown = Vec::new();
        statement.check_items(items.iter().map(Vec::as_slice), |_, item| shown.push(item)).unwrap();
        assert_eq!(shown.iter().map(|item| item.digests.len()).collect::<Vec<_>>(), [1, 0, 1]);
        for (item, manifest) in shown.iter().zip(&done.manifests) {
            let manifest: Manifest = from_canonical("manifest", &hex::decode(manifest).unwrap()).unwrap();
            assert_eq!(item.manifest_root, manifest.root());
        }
        let phased = draft(request(&[grouped.clone(), grouped].join(",")).as_bytes());
        assert!(phased.map(|_| ()).unwrap_err().contains("phase"));
    }

    #[test]
    fn an_account_with_an_encryption_key_is_another_than_the_one_without() {
        let key = SigningKey::from_seed(SignatureAlg::Es256, &[8; 32]).unwrap().public_key();
        let with = format!(r#""encryption": "{}", "exhibits""#, hex::encode(key.as_bytes()));
        let account =
            |request: String| draft(request.as_bytes()).map(|(_, to_sign)| to_sign.account).unwrap();
        let (plain, sealed) = (account(request("")), account(request("").replace("\"exhibits\"", &with)));
        assert_ne!(plain, sealed);
    }

    #[test]
    fn what_cannot_be_read_names_its_field() {
        let rows = [
            ("\"key\": \"0", "\"key\": \"9", "es256"),
            ("\"salt\": \"22", "\"salt\": \"", "salt"),
            ("\"ledger\": \"11", "\"ledger\": \"1", "ledger"),
        ];
        for (from, to, field) in rows {
            let request = request("").replacen(from, to, 1);
            let error = draft(request.as_bytes()).map(|_| ()).unwrap_err();
            assert!(error.contains(field), "{error}");
        }
    }
}
