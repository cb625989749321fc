//! What a platform says, checked, and the manifest's fields that say it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;
use xiezhi_crypto::{Digest, DigestAlg};
use xiezhi_evidence::{Value, manifest::names};
use xiezhi_template::{Element, Phase, Template};
use xiezhi_types::{Refusal, TimestampMs};

/// The phase of the record that closes a transaction: templates number theirs from 1.
pub const PACK_PHASE: u32 = 0;
/// Longest text, in bytes: it stands in the manifest itself.
const TEXT_BYTES_MAX: usize = 64 << 10;
/// Longest name, reference and device field, in characters.
const SHORT_MAX: usize = 200;
/// Longest dimension of generation, in characters.
const DIMENSION_MAX: usize = 2_000;

/// Opens a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// The template's id.
    pub template: String,
    /// Its version; the newest by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// Whose evidence it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<Customer>,
    /// Where it shall be recorded, by the sinks' names; everywhere by default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sinks: Vec<String>,
}

/// A person or an enterprise: sealed under a key of its own, and on the ledger only inside salted fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Customer {
    /// `person` or `enterprise`.
    pub kind: String,
    /// The name.
    pub name: String,
    /// `resident-id`, `credit-code` or `lei`.
    pub number_kind: String,
    /// The number.
    pub number: String,
}

/// One entry of a transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The phase, by its number in the template.
    pub phase: u32,
    /// The template's elements.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub fields: Map<String, Json>,
    /// A text, a file, or a file's digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// Whether the content's SHA-256 can be searched for on the ledger. Never for a text, which can be guessed from it.
    #[serde(default)]
    pub searchable: bool,
    /// How it came into being.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<Generation>,
    /// What it was made with; only with consent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Device>,
    /// Where it was made; only with consent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// The consent of the person whose device or location it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<Consent>,
}

/// The content of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Content {
    /// A text, at most 64 KiB, which the manifest holds.
    Text {
        /// The text.
        text: String,
    },
    /// A file, which is digested here and not kept.
    File {
        /// Its bytes, Base64.
        base64: String,
        /// Its name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Its media type.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        media_type: Option<String>,
    },
    /// A file that stays with the caller.
    Digest {
        /// Its SHA-256, hexadecimal.
        sha256: String,
        /// Its SM3, hexadecimal.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sm3: Option<String>,
        /// Its length in bytes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        size: Option<u64>,
        /// Its name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Its media type.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        media_type: Option<String>,
    },
}

macro_rules! texts {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_doc])* #[serde(default, skip_serializing_if = "Option::is_none")] pub $field: Option<String>,)*
        }

        impl $name {
            fn each(&self) -> impl Iterator<Item = (&'static str, &str)> {
                [$((stringify!($field), &self.$field)),*].into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?)))
            }
        }
    };
}

texts! {
    /// The six dimensions of how an electronic data came into being.
    Generation {
        /// When.
        time,
        /// Where.
        place,
        /// By whom.
        person,
        /// What came before it.
        before,
        /// What happened while it was made.
        during,
        /// What became of it after.
        after,
    }
}

texts! {
    /// The device at hand.
    Device {
        /// IP address.
        ip,
        /// Hardware address of the wireless network.
        wifi_mac,
        /// International mobile equipment identity.
        imei,
        /// International mobile subscriber identity.
        imsi,
        /// Model and system.
        model,
    }
}

texts! {
    /// A place.
    Location {
        /// Degrees north.
        latitude,
        /// Degrees east.
        longitude,
        /// In words.
        description,
    }
}

/// That a person agreed to have device or location recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// When, RFC 3339.
    pub given: String,
    /// Where the platform keeps the proof of it.
    pub reference: String,
}

/// A manifest's field.
pub(crate) type Field = (String, Value);

/// An entry that was checked.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) fields: Vec<Field>,
    /// To be searchable.
    pub(crate) searchable: Option<Digest>,
}

fn is_short(text: &str, most: usize) -> bool {
    !text.trim().is_empty()
        && text.chars().count() <= most
        && !text.chars().any(|c| c.is_control() && c != '\n')
}

fn check_short(refused: &mut Vec<Refusal>, field: &str, text: &str, most: usize) {
    if !is_short(text, most) {
        let en = format!("1 to {most} characters, none of them control characters");
        refused.push(Refusal::new(
            field,
            "text-length",
            en,
            format!("应为 1 至 {most} 个字符,不得含控制字符"),
        ));
    }
}

impl Customer {
    pub(crate) fn check(&self, refused: &mut Vec<Refusal>) {
        use xiezhi_identity::Kind;
        check_short(refused, "customer.name", &self.name, SHORT_MAX);
        let kind = Kind::from_name(&self.number_kind);
        let fits = matches!(
            (self.kind.as_str(), kind),
            ("person", Some(Kind::ResidentId)) | ("enterprise", Some(Kind::CreditCode | Kind::Lei))
        );
        match kind.filter(|_| fits) {
            None => refused.push(Refusal::new(
                "customer.number_kind",
                "number-kind",
                "a person is known by a resident-id, an enterprise by a credit-code or an lei",
                "自然人(person)应填 resident-id,企业(enterprise)应填 credit-code 或 lei",
            )),
            Some(kind) => {
                if let Err(rule) = xiezhi_identity::check(kind, &self.number, None) {
                    refused.push(Refusal::new("customer.number", rule.code(), rule.to_string(), rule.zh()));
                }
            }
        }
    }

    pub(crate) fn fields(&self) -> Vec<Field> {
        let text = |name: &str, text: &str| (format!("customer.{name}"), Value::Text(text.to_owned()));
        vec![
            text("kind", &self.kind),
            text("name", &self.name),
            text("number", &self.number),
            text("number-kind", &self.number_kind),
        ]
    }
}

impl Content {
    fn fields(&self, refused: &mut Vec<Refusal>) -> Vec<Field> {
        match self {
            Self::Text { text } => {
                if text.is_empty() || text.len() > TEXT_BYTES_MAX {
                    let en = "1 to 65536 bytes; a longer text is a file";
                    refused.push(Refusal::new(
                        "content.text",
                        "text-length",
                        en,
                        "应为 1 至 65536 字节,更长的文本请作为文件提交",
                    ));
                }
                let mut fields = digested(text.as_bytes());
                fields.push(("content.text".to_owned(), Value::Text(text.clone())));
                fields.push((
                    names::MEDIA_TYPE.to_owned(),
                    Value::Text("text/plain; charset=utf-8".to_owned()),
                ));
                fields
            }
            Self::File { base64, name, media_type } => match STANDARD.decode(base64) {
                Ok(bytes) if !bytes.is_empty() => {
                    let mut fields = digested(&bytes);
                    fields.extend(described(refused, name.as_deref(), media_type.as_deref()));
                    fields
                }
                _ => {
                    let en = "Base64 of at least one byte is needed";
                    refused.push(Refusal::new("content.base64", "base64", en, "应为非空的 Base64"));
                    Vec::new()
                }
            },
            Self::Digest { sha256, sm3, size, name, media_type } => {
                let mut fields = described(refused, name.as_deref(), media_type.as_deref());
                let mut push = |field: &str, alg, text: &str| match digest(alg, text) {
                    Some(digest) => fields.push((format!("digest.{}", alg.name()), Value::Digest(digest))),
                    None => {
                        let en = "64 lower-case hexadecimal digits";
                        refused.push(Refusal::new(field, "digest", en, "应为 64 位小写十六进制数"));
                    }
                };
                push("content.sha256", DigestAlg::Sha256, sha256);
                if let Some(sm3) = sm3 {
                    push("content.sm3", DigestAlg::Sm3, sm3);
                }
                fields.extend(size.map(|size| (names::SIZE.to_owned(), Value::Number(size))));
                fields
            }
        }
    }
}

fn digest(alg: DigestAlg, text: &str) -> Option<Digest> {
    let is_lower = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    Digest::new(alg, &hex::decode(text).ok().filter(|_| is_lower)?).ok()
}

fn digested(bytes: &[u8]) -> Vec<Field> {
    let mut fields = vec![(names::SIZE.to_owned(), Value::Number(bytes.len() as u64))];
    let digest = |alg: DigestAlg| (format!("digest.{}", alg.name()), Value::Digest(alg.digest(bytes)));
    fields.extend(DigestAlg::ALL.map(digest));
    fields
}

fn described(refused: &mut Vec<Refusal>, name: Option<&str>, media_type: Option<&str>) -> Vec<Field> {
    let mut fields = Vec::new();
    for (field, own, text) in
        [("content.name", names::TITLE, name), ("content.media_type", names::MEDIA_TYPE, media_type)]
    {
        let Some(text) = text else { continue };
        check_short(refused, field, text, SHORT_MAX);
        fields.push((own.to_owned(), Value::Text(text.to_owned())));
    }
    fields
}

impl Entry {
    /// Checks the entry against its phase; its fields for the manifest.
    ///
    /// # Errors
    /// Every [`Refusal`].
    pub(crate) fn check(&self, phase: &Phase) -> Result<Checked, Vec<Refusal>> {
        let mut refused = Vec::new();
        let mut fields = Vec::new();
        match phase.check(&self.fields, self.content.is_some()) {
            Ok(elements) => fields.extend(elements.into_iter().map(|(name, element)| {
                let value = match element {
                    Element::Text(text) => Value::Text(text),
                    Element::Number(number) => Value::Number(number),
                };
                (format!("element.{name}"), value)
            })),
            Err(refusals) => refused.extend(refusals),
        }
        if let Some(content) = &self.content {
            fields.extend(content.fields(&mut refused));
        }
        fields.extend(self.circumstances(&mut refused));
        let searchable = self.searchable(&fields, &mut refused);
        if refused.is_empty() { Ok(Checked { fields, searchable }) } else { Err(refused) }
    }

    fn searchable(&self, fields: &[Field], refused: &mut Vec<Refusal>) -> Option<Digest> {
        let found = fields.iter().find_map(|(name, value)| match value {
            Value::Digest(digest) if name == names::DIGEST_SHA256 => Some(*digest),
            _ => None,
        });
        match (&self.content, self.searchable) {
            (_, false) => None,
            (Some(Content::File { .. } | Content::Digest { .. }), true) => found,
            (_, true) => {
                let en = "only a file's digest can be searched for: a text could be guessed from its digest";
                refused.push(Refusal::new(
                    "searchable",
                    "searchable",
                    en,
                    "仅文件摘要可供检索:文本可由摘要猜出",
                ));
                None
            }
        }
    }

    /// Generation, device and location.
    fn circumstances(&self, refused: &mut Vec<Refusal>) -> Vec<Field> {
        let mut fields = Vec::new();
        let mut push = |group: &str, name: &str, text: &str, most| {
            let field = format!("{group}.{name}");
            check_short(refused, &field, text, most);
            fields.push((field.replace('_', "-"), Value::Text(text.to_owned())));
        };
        for (name, text) in self.generation.iter().flat_map(Generation::each) {
            push("generation", name, text, DIMENSION_MAX);
        }
        for (name, text) in self.device.iter().flat_map(Device::each) {
            push("device", name, text, SHORT_MAX);
        }
        for (name, text) in self.location.iter().flat_map(Location::each) {
            push("location", name, text, SHORT_MAX);
        }
        match &self.consent {
            Some(consent) => {
                push("consent", "reference", &consent.reference, SHORT_MAX);
                if TimestampMs::parse_rfc3339(&consent.given).is_none() {
                    let (en, zh) = (
                        "a time by RFC 3339, as 2026-11-28T09:30:00Z",
                        "应为 RFC 3339 时间,如 2026-11-28T09:30:00Z",
                    );
                    refused.push(Refusal::new("consent.given", "time", en, zh));
                }
                fields.push(("consent.given".to_owned(), Value::Text(consent.given.clone())));
            }
            None if self.device.is_some() || self.location.is_some() => {
                let en = "device and location are recorded only with the consent of the person: say when it was given, and where it is kept";
                let zh = "记录设备或位置信息须取得本人同意:请填写同意时间及留存编号";
                refused.push(Refusal::new("consent", "consent-missing", en, zh));
            }
            None => {}
        }
        fields
    }
}

/// The fields that say of which transaction an entry is.
pub(crate) fn place(id: &str, template: &Template, phase: u32, number: u32) -> Vec<Field> {
    let text = |name: &str, text: &str| (format!("transaction.{name}"), Value::Text(text.to_owned()));
    let code = template.phase(phase).map_or("pack", |phase| &phase.code);
    let numbered = |name: &str, number: u32| (format!("transaction.{name}"), Value::Number(number.into()));
    vec![
        text("id", id),
        text("template", &template.id),
        numbered("version", template.version),
        numbered("phase", phase),
        text("phase-code", code),
        numbered("entry", number),
    ]
}

/// The field that says that nothing in the manifest is meant in earnest.
pub(crate) fn demonstration_field() -> Field {
    (xiezhi_bundle::DEMONSTRATION.to_owned(), Value::Text("yes".to_owned()))
}

#[cfg(test)]
mod tests;
