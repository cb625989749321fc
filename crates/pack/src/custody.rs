//! The custody log: what is known to have happened to the exhibit, in a small canonical JSON.
//!
//! Each event says what, when, by whom and according to whom; a link to the event before it is the SHA-256 of that event's JSON. Members stand in the
//! order of their names, without white space. All but the last event follow from the certificate, and from the vault's log where there is one, so that a
//! reader makes the log anew and compares; the last is the packing, which is told by whoever packed and proven by nobody.

use serde::{Deserialize, Serialize};
use xiezhi_crypto::sha256;
use xiezhi_evidence::{Certificate, Value, manifest::names};
use xiezhi_types::TimestampMs;
use xiezhi_vault_log::Custody;
use xiezhi_verify::{Exhibit, Facts, Input};

/// Name and version of the log.
pub const FORMAT: &str = "xiezhi-custody/1";

/// Who packed, when and why: the packer's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packing {
    /// When.
    pub time: TimestampMs,
    /// Who; at most 200 characters are kept.
    pub by: Option<String>,
    /// Why; likewise.
    pub purpose: Option<String>,
}

/// One event. Times are RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Whose word it is: `depositor`, `ledger`, `institution`, `time-stamp-authority`, `vault` or `packer`.
    pub according_to: String,
    /// Who did it, if known: an account, an institution, an authority, a person.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<String>,
    /// Number of the case, if told.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub case: Option<String>,
    /// SHA-256 of the event before it, hexadecimal; 64 zeros for the first.
    pub previous: String,
    /// Why, if told.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub purpose: Option<String>,
    /// To whom something was granted: an account.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub to: Option<String>,
    /// `hashed`, `signed`, `recorded`, `sealed`, `time-stamped` or `packed`; of a vault, what [`xiezhi_vault_log::custody::Happened`] names.
    pub what: String,
    /// When.
    pub when: String,
}

/// The log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// SHA-256 of the certificate's bytes, hexadecimal.
    pub certificate: String,
    /// The events, as the life of a record has them.
    pub events: Vec<Event>,
    /// [`FORMAT`].
    pub format: String,
    /// SHA-256 of the original, hexadecimal.
    pub original: String,
}

impl Log {
    /// The log of a certificate and an original with this SHA-256, and of what a vault says of it.
    ///
    /// Seals and time stamps are those that hold at the time of packing by the genesis in the certificate; whether that is a ledger one trusts is the
    /// verdict's to say.
    #[must_use]
    pub fn new(certificate: &[u8], original: &[u8; 32], vault: Option<&Custody>, packing: &Packing) -> Self {
        let mut log = Self {
            certificate: hex::encode(sha256(certificate)),
            events: Vec::new(),
            format: FORMAT.to_owned(),
            original: hex::encode(original),
        };
        let facts = facts(certificate, packing.time);
        let account = facts.issuer.as_deref();
        let hashed = Certificate::parse(certificate).ok().and_then(|certificate| {
            match certificate.manifest?.value(names::HASHED_AT) {
                Some(Value::Number(at)) => Some(TimestampMs(*at).rfc3339()),
                _ => None,
            }
        });
        if let Some(when) = hashed {
            log.push("hashed", when, account, "depositor", None);
        }
        if let Some(when) = facts.issued_at {
            log.push("signed", when, account, "depositor", None);
        }
        if let Some(when) = facts.checkpoint_time {
            log.push("recorded", when, facts.ledger.as_deref(), "ledger", None);
        }
        for seal in facts.seals {
            log.push("sealed", seal.time, Some(&seal.institution), "institution", None);
        }
        for stamp in facts.time_stamps {
            log.push("time-stamped", stamp.time, Some(&stamp.authority), "time-stamp-authority", None);
        }
        for event in vault.iter().flat_map(|custody| &custody.events) {
            let said = |name: &str| event.detail.as_ref()?[name].as_str().map(str::to_owned);
            let by = event.by.to_string();
            log.push(&event.what, event.time.rfc3339(), Some(&by), "vault", said("purpose"));
            if let Some(last) = log.events.last_mut() {
                (last.case, last.to) = (said("case"), said("grantee"));
            }
        }
        let short =
            |text: &Option<String>| text.as_ref().map(|text| text.chars().take(200).collect::<String>());
        log.push(
            "packed",
            packing.time.rfc3339(),
            short(&packing.by).as_deref(),
            "packer",
            short(&packing.purpose),
        );
        log
    }

    /// What the last event says of the packing; none when that is no packing.
    #[must_use]
    pub fn packing(&self) -> Option<Packing> {
        let last = self.events.last().filter(|event| event.what == "packed")?;
        let time = TimestampMs::parse_rfc3339(&last.when)?;
        Some(Packing { time, by: last.by.clone(), purpose: last.purpose.clone() })
    }

    /// Its JSON, with a line end.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        [json(self), b"\n".to_vec()].concat()
    }

    fn push(
        &mut self,
        what: &str,
        when: String,
        by: Option<&str>,
        according_to: &str,
        purpose: Option<String>,
    ) {
        let previous = self.events.last().map_or([0; 32], |event| sha256(&json(event)));
        self.events.push(Event {
            according_to: according_to.to_owned(),
            by: by.map(str::to_owned),
            case: None,
            previous: hex::encode(previous),
            purpose,
            to: None,
            what: what.to_owned(),
            when,
        });
    }
}

pub(crate) fn facts(certificate: &[u8], declared_time: TimestampMs) -> Facts {
    let input = Input {
        certificate,
        anchors: &[],
        exhibit: &Exhibit::None,
        record_only: true,
        declared_time,
        known_checkpoints: &[],
    };
    xiezhi_verify::verify(&input).facts
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_else(|_| unreachable!("texts in memory"))
}
