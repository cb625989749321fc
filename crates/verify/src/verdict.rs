//! The verdict: separate checks, the facts proven, and what all this does and does not prove.

use serde::{Serialize, Serializer, ser::SerializeMap};
pub use xiezhi_types::Lang;
use xiezhi_types::TimestampMs;

use crate::finding::{Finding, Status};

/// Name and version of the verdict's JSON form.
pub const FORMAT: &str = "xiezhi-verdict/1";

/// The verdict in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Every check that counts passed.
    Valid,
    /// A check failed.
    Invalid,
    /// None failed, but one that counts could not be decided.
    Unknown,
}

/// One check and what it came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Which check: a stable kebab-case string.
    pub code: &'static str,
    /// What it came to.
    pub status: Status,
    /// Why, as a stable kebab-case string; empty for a plain pass.
    pub reason: &'static str,
    /// Whether an unknown here keeps the verdict from being valid. A failure always does.
    pub counts: bool,
    /// What the sentence names, in order.
    pub params: Vec<(&'static str, String)>,
    finding: &'static Finding,
}

impl Check {
    pub(crate) fn new(code: &'static str, finding: &'static Finding) -> Self {
        debug_assert!(finding.codes.contains(&code), "{code} does not find {:?}", finding.reason);
        let Finding { status, reason, .. } = *finding;
        Self { code, status, reason, counts: true, params: Vec::new(), finding }
    }

    /// A check that could not be made because the one called `because` did not pass.
    pub(crate) fn not_evaluated(code: &'static str, because: &'static str) -> Self {
        Self::new(code, &crate::finding::NOT_EVALUATED).with("because", because)
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.params.push((name, value.to_string()));
        self
    }

    pub(crate) fn informational(mut self) -> Self {
        self.counts = false;
        self
    }

    pub(crate) fn passed(&self) -> bool {
        self.status == Status::Pass
    }

    /// The value of the parameter `name`.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// The result as a sentence for people.
    #[must_use]
    pub fn sentence(&self, lang: Lang) -> String {
        let text = match lang {
            Lang::Zh => self.finding.zh,
            Lang::En => self.finding.en,
        };
        fill(text, &self.params)
    }
}

/// Replaces each `{name}`; values are never looked into, so a value cannot smuggle in another name.
fn fill(text: &str, params: &[(&'static str, String)]) -> String {
    let mut out = String::with_capacity(text.len() + 80);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, tail)) = after.split_once('}') else { break };
        out.push_str(before);
        let value = params.iter().find(|(known, _)| *known == name);
        out.push_str(value.map_or("?", |(_, value)| value.as_str()));
        rest = tail;
    }
    out.push_str(rest);
    out
}

impl Serialize for Check {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("code", self.code)?;
        map.serialize_entry("status", &self.status)?;
        map.serialize_entry("reason", self.reason)?;
        map.serialize_entry("counts", &self.counts)?;
        map.serialize_entry("params", &Params(&self.params))?;
        map.end()
    }
}

struct Params<'a>(&'a [(&'static str, String)]);

impl Serialize for Params<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// A name in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Name {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// An institution whose seal holds and whose key was in good standing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SealFact {
    /// Its short name.
    pub institution: String,
    /// Its role.
    pub role: &'static str,
    /// Its full name.
    pub name: Name,
    /// When it sealed, by its own clock; RFC 3339.
    pub time: String,
}

/// A time stamp that holds, by an authority in good standing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StampFact {
    /// The authority's common name.
    pub authority: String,
    /// The time it states; RFC 3339.
    pub time: String,
}

/// What the certificate says. Only as good as the outcome: nothing here is proven unless it is [`Outcome::Valid`].
///
/// Numbers of 64 bits and times are strings, for readers that lose integers above 2^53.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// The number a person reads out.
    pub record_number: Option<String>,
    /// The ledger's id.
    pub ledger: Option<String>,
    /// The ledger's name: the anchor's, or the genesis's where no anchor matches.
    pub ledger_name: Option<Name>,
    /// Place in the log.
    pub index: Option<String>,
    /// Place in the batch.
    pub item: Option<u32>,
    /// Height of the block after which the checkpoint holds.
    pub height: Option<String>,
    /// The checkpoint's time; RFC 3339.
    pub checkpoint_time: Option<String>,
    /// Since when the record demonstrably exists: the time by which as many time-stamp authorities as the policy asks for had seen the
    /// checkpoint, or the checkpoint's own time where it asks for none; RFC 3339. Only when both policies are met.
    pub exists_since: Option<String>,
    /// The statement's id.
    pub statement: Option<String>,
    /// The account that stated.
    pub issuer: Option<String>,
    /// The account in whose name it stated; left out where that is its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grantor: Option<String>,
    /// When the depositor says it signed; RFC 3339. Not proven by anybody.
    pub issued_at: Option<String>,
    /// The group it belongs to.
    pub group: Option<String>,
    /// Number of the phase in the group.
    pub phase: Option<u32>,
    /// The statement's content type.
    pub content_type: Option<String>,
    /// Time stamps that hold.
    pub time_stamps: Vec<StampFact>,
    /// Seals that hold.
    pub seals: Vec<SealFact>,
}

/// A fixed paragraph in both languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Paragraph {
    /// Chinese.
    pub zh: &'static str,
    /// English.
    pub en: &'static str,
}

/// What a valid verdict proves when the original was compared.
pub const PROVES: Paragraph = Paragraph {
    zh: "本凭证证明:所出示的原件,自上述封存时间起已经存在,此后逐字节未有变动;它由上述账户记录,并由上述机构共同见证、盖章,时间由上述\
         时间戳机构证明。",
    en: "This proves that the original presented existed at the sealed time stated above and has not changed by a single byte since; that the \
         account named above recorded it; that the institutions named above witnessed and sealed the record; and that the time-stamp \
         authorities named above had seen it at the times stated.",
};

/// What a valid verdict proves when the record alone was verified.
pub const PROVES_RECORD: Paragraph = Paragraph {
    zh: "本凭证证明:上述记录自上述封存时间起已经存在,此后未有变动;它由上述账户作出,并由上述机构共同见证、盖章。未比对任何原件,故不证明\
         任何文件与该记录一致。",
    en: "This proves that the record described above existed at the sealed time stated above and has not changed since; that the account named \
         above made it; and that the institutions named above witnessed and sealed it. No original was compared, so it does not prove of any \
         file that it is the one recorded.",
};

/// What a valid verdict on the proof of an account proves.
pub const PROVES_ACCOUNT: Paragraph = Paragraph {
    zh: "本文件证明:上述高度的区块之后,该账户在账本上的状态如所示(或不存在);上述机构共同见证、盖章。它不证明账户此后没有变更。",
    en: "This proves that the account stood on the ledger as shown, or did not exist, after the block at the height stated above, which the institutions \
         named above witnessed and sealed. It does not prove that the account has not changed since.",
};

/// What any other verdict proves.
pub const PROVES_NOTHING: Paragraph = Paragraph {
    zh: "就所出示的材料而言,本凭证不证明任何事项;原因见上列各项检查。",
    en: "With what was presented, this certificate proves nothing; the checks above say why.",
};

/// What no verdict proves.
pub const DOES_NOT_PROVE: Paragraph = Paragraph {
    zh: "本凭证不证明:封存时间之前的任何事实,包括内容在记录之前是否真实、完整;原件的取得是否合法;原件与任何争议是否相关。这些由法官审查判断。",
    en: "This does not prove anything about the time before the sealed time, in particular not that the content was true or complete before it was \
         recorded; nor that the original was obtained lawfully; nor that it is relevant to any dispute. Those are for the judge.",
};

/// The answer. Equal inputs give equal verdicts, for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// In one word.
    pub outcome: Outcome,
    /// Every check, in the order of docs/specs/verdict.md.
    pub checks: Vec<Check>,
    /// What the certificate says.
    pub facts: Facts,
    /// What this proves.
    pub proves: Paragraph,
    /// What it does not.
    pub does_not_prove: Paragraph,
    /// The time for which it was asked.
    pub declared_time: TimestampMs,
    /// Whether the original was left out on purpose.
    pub record_only: bool,
    /// SHA-256 of the certificate's bytes.
    pub certificate: [u8; 32],
}

#[derive(Serialize)]
struct View<'a> {
    format: &'static str,
    outcome: Outcome,
    record_only: bool,
    declared_time: String,
    certificate: String,
    checks: &'a [Check],
    facts: &'a Facts,
    proves: Paragraph,
    does_not_prove: Paragraph,
}

impl Verdict {
    pub(crate) fn new(input: &crate::Input<'_>, checks: Vec<Check>, facts: Facts) -> Self {
        let outcome = outcome(&checks);
        let compared = checks.iter().any(|check| check.code == crate::code::ORIGINAL && check.passed());
        Self {
            outcome,
            checks,
            facts,
            proves: match outcome {
                Outcome::Valid if compared => PROVES,
                Outcome::Valid => PROVES_RECORD,
                Outcome::Invalid | Outcome::Unknown => PROVES_NOTHING,
            },
            does_not_prove: DOES_NOT_PROVE,
            declared_time: input.declared_time,
            record_only: input.record_only,
            certificate: xiezhi_crypto::sha256(input.certificate),
        }
    }

    /// The verdict on the proof of an account.
    pub(crate) fn of_account(input: &crate::Input<'_>, checks: Vec<Check>, facts: Facts) -> Self {
        let verdict = Self::new(input, checks, facts);
        let proves = if verdict.outcome == Outcome::Valid { PROVES_ACCOUNT } else { verdict.proves };
        Self { proves, ..verdict }
    }

    /// The checks called `code`.
    pub fn checks_of<'a>(&'a self, code: &'a str) -> impl Iterator<Item = &'a Check> {
        self.checks.iter().filter(move |check| check.code == code)
    }

    /// The verdict's JSON, one line: keys in a fixed order, numbers of 64 bits as strings.
    #[must_use]
    pub fn to_json(&self) -> String {
        let view = View {
            format: FORMAT,
            outcome: self.outcome,
            record_only: self.record_only,
            declared_time: self.declared_time.to_string(),
            certificate: hex::encode(self.certificate),
            checks: &self.checks,
            facts: &self.facts,
            proves: self.proves,
            does_not_prove: self.does_not_prove,
        };
        match serde_json::to_string(&view) {
            Ok(json) => json,
            Err(_) => unreachable!("strings and numbers in memory"),
        }
    }
}

fn outcome(checks: &[Check]) -> Outcome {
    if checks.iter().any(|check| check.status == Status::Fail) {
        Outcome::Invalid
    } else if checks.iter().any(|check| check.status == Status::Unknown && check.counts) {
        Outcome::Unknown
    } else {
        Outcome::Valid
    }
}
