//! The verdict on a bundle: what is listed against what is there, then each leg by itself.

use serde::{Serialize, Serializer};
use xiezhi_evidence::{Certificate, Genesis, Manifest, Value};
use xiezhi_pki::{
    ChainError, Crl, RevocationPolicy, Trust,
    timestamp::{TokenError, TokenInfo, verify_token},
};
use xiezhi_types::{Lang, TimestampMs};
use xiezhi_verify::{Anchor, Exhibit, Outcome, PROVES_NOTHING, Paragraph, Status, Verdict};

use crate::{Bundle, FORMAT, Kind, SINK_PREFIX, ledger_sink, stamp_sink};

/// Everything a verdict on a bundle depends on.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The bundle's bytes.
    pub bundle: &'a [u8],
    /// The ledgers trusted.
    pub anchors: &'a [Anchor],
    /// Root certificates (DER) of the time-stamp authorities trusted.
    pub stamp_roots: &'a [Vec<u8>],
    /// What is known of the original.
    pub exhibit: &'a Exhibit,
    /// Whether a missing original is meant so.
    pub record_only: bool,
    /// The time for which the verdict is asked.
    pub declared_time: TimestampMs,
}

/// What a check came to: a stable code, a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// Its code.
    pub code: &'static str,
    /// Whether it passed.
    pub status: Status,
    en: &'static str,
    zh: &'static str,
}

impl Finding {
    /// The sentence.
    #[must_use]
    pub fn sentence(&self, lang: Lang) -> &'static str {
        match lang {
            Lang::En => self.en,
            Lang::Zh => self.zh,
        }
    }
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let status = match self.status {
            Status::Pass => "pass",
            Status::Fail => "fail",
            Status::Unknown => "unknown",
        };
        let value = serde_json::json!({ "code": self.code, "status": status, "en": self.en, "zh": self.zh });
        value.serialize(serializer)
    }
}

macro_rules! findings {
    ($($name:ident = $code:literal, $status:ident, $en:literal, $zh:literal;)*) => {
        $(pub(crate) static $name: Finding = Finding { code: $code, status: Status::$status, en: $en, zh: $zh };)*
        #[cfg(test)]
        pub(crate) static ALL: &[&Finding] = &[$(&$name),*];
    };
}

findings! {
    UNREADABLE = "bundle-unreadable", Fail, "The file is not a bundle of a version that is read here.", "该文件不是本软件可读取版本的组合凭证。";
    SINKS_WHOLE = "sinks-whole", Pass, "Every leg that the manifest lists is there, and no other.", "清单所列的每一路证明均在,且无多余。";
    SINKS_DIFFER = "sinks-differ", Fail, "The legs are not those that the manifest lists: one is missing, strange, or in another's place.", "各路证明与清单所列不符:有缺失、多余或错位。";
    SINKS_CLOSED = "sinks-closed", Unknown, "The manifest does not show which legs there must be, so nobody can tell whether one is missing.", "清单未出示应有哪些证明,无法判断是否有缺失。";
    LEDGER_HOLDS = "ledger-holds", Pass, "The ledger's certificate is valid.", "该账本的凭证有效。";
    LEDGER_FAILS = "ledger-fails", Fail, "The ledger's certificate is invalid.", "该账本的凭证无效。";
    LEDGER_UNKNOWN = "ledger-unknown", Unknown, "The ledger's certificate is neither valid nor invalid: see its checks.", "该账本的凭证无法判定:见各项检查。";
    LEDGER_UNREADABLE = "ledger-unreadable", Fail, "The proof is not a certificate without a manifest.", "该路证明不是不含清单的凭证。";
    STAMP_HOLDS = "stamp-holds", Pass, "The authority had seen the manifest's root at the time stated.", "该时间戳机构在所述时间已见到清单根值。";
    STAMP_UNTRUSTED = "stamp-untrusted", Unknown, "The token leads to none of the authorities that you trust.", "该时间戳不属于您所信任的任何机构。";
    STAMP_STATUS = "stamp-status", Unknown, "The token holds, but no revocation list says whether the authority's key was good.", "时间戳成立,但没有吊销列表可证明该机构密钥当时的状态。";
    STAMP_OTHER = "stamp-other", Fail, "The token is over something else.", "该时间戳对应的是其他内容。";
    STAMP_SIGNATURE = "stamp-signature", Fail, "The token's signature does not hold.", "时间戳的签名不成立。";
    STAMP_REVOKED = "stamp-revoked", Fail, "The authority's key was revoked.", "该时间戳机构的密钥已被吊销。";
    STAMP_LATE = "stamp-late", Fail, "The token is from after the declared time.", "时间戳晚于所声明的时间。";
    STAMP_MALFORMED = "stamp-malformed", Fail, "The token, its chain or its revocation lists break the rules of RFC 3161 and of the bundle.", "时间戳、其证书链或吊销列表不符合 RFC 3161 及组合凭证的规则。";
}

/// One leg's verdict.
#[derive(Debug, Clone, Serialize)]
pub struct Leg {
    /// `ledger` or `rfc3161`.
    pub kind: &'static str,
    /// What the service calls it.
    pub name: String,
    /// What it came to.
    pub finding: Finding,
    /// Since when it proves existence, RFC 3339; only where it holds.
    pub time: Option<String>,
    /// Who: the ledger's name and the record's number, or the authority's; only where it holds.
    pub who: Option<String>,
    /// A ledger's verdict, check by check.
    #[serde(skip)]
    pub verdict: Option<Verdict>,
}

/// The verdict.
#[derive(Debug, Clone)]
pub struct BundleVerdict {
    /// In one word: valid when every leg is, and none is missing.
    pub outcome: Outcome,
    /// The file, or the legs against the manifest's list.
    pub whole: Finding,
    /// Each leg.
    pub legs: Vec<Leg>,
    /// What this proves.
    pub proves: Paragraph,
    /// What it does not.
    pub does_not_prove: Paragraph,
    /// The time for which it was asked.
    pub declared_time: TimestampMs,
}

const PROVES: Paragraph = Paragraph {
    zh: "本组合凭证证明:清单所载内容自各路证明所述时间起已经存在,此后未有变动,且所列各账本与时间戳机构对同一清单根值各自作证。",
    en: "This bundle proves that what the manifest says existed at the time that each leg states and has not changed since, and that every ledger and time-stamp authority listed bears witness to the same root.",
};

impl BundleVerdict {
    fn new(input: &Input<'_>, whole: Finding, legs: Vec<Leg>) -> Self {
        let statuses: Vec<_> = legs.iter().map(|leg| leg.finding.status).chain([whole.status]).collect();
        let outcome = if statuses.contains(&Status::Fail) {
            Outcome::Invalid
        } else if statuses.contains(&Status::Unknown) {
            Outcome::Unknown
        } else {
            Outcome::Valid
        };
        Self {
            outcome,
            whole,
            legs,
            proves: if outcome == Outcome::Valid { PROVES } else { PROVES_NOTHING },
            does_not_prove: xiezhi_verify::DOES_NOT_PROVE,
            declared_time: input.declared_time,
        }
    }

    /// As JSON, ledgers' verdicts inside; equal inputs give equal bytes.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let leg = |leg: &Leg| {
            let mut value = serde_json::to_value(leg).unwrap_or_default();
            if let Some(verdict) = &leg.verdict {
                value["verdict"] = serde_json::from_str(&verdict.to_json()).unwrap_or_default();
            }
            value
        };
        serde_json::json!({
            "format": FORMAT,
            "outcome": self.outcome,
            "declared_time": self.declared_time.rfc3339(),
            "whole": self.whole,
            "legs": self.legs.iter().map(leg).collect::<Vec<_>>(),
            "proves": self.proves,
            "does_not_prove": self.does_not_prove,
        })
    }
}

/// Judges a bundle. Hostile bytes cost time in proportion to their length, and never a panic.
#[must_use]
pub fn verify(input: &Input<'_>) -> BundleVerdict {
    let Ok(bundle) = Bundle::parse(input.bundle) else {
        return BundleVerdict::new(input, UNREADABLE, Vec::new());
    };
    let mut listed = sinks(&bundle.manifest);
    let (mut legs, mut differs) = (Vec::new(), false);
    for leg in &bundle.legs {
        let (judged, found) = match leg.kind {
            Kind::Ledger => judge_ledger(input, &bundle.manifest, leg),
            Kind::Stamp => judge_stamp(input, &bundle.manifest, leg),
        };
        let listed = listed.next();
        differs |= match (&listed, &found) {
            (Some(listed), Some(found)) => listed != found,
            // Whose token it is, is known only of authorities that are trusted.
            (Some(listed), None) => leg.kind == Kind::Ledger || !listed.starts_with("rfc3161:"),
            (None, _) => true,
        };
        legs.push(judged);
    }
    let whole = match () {
        () if bundle.manifest.value("sink.01").is_none() => SINKS_CLOSED,
        () if differs || listed.next().is_some() => SINKS_DIFFER,
        () => SINKS_WHOLE,
    };
    BundleVerdict::new(input, whole, legs)
}

/// What the manifest lists, in order. A gap ends the list: the names are numbered by whoever made it.
fn sinks(manifest: &Manifest) -> impl Iterator<Item = String> + '_ {
    manifest.fields().filter(|field| field.name.starts_with(SINK_PREFIX)).map(|field| match &field.value {
        Value::Text(text) => text.clone(),
        _ => String::new(),
    })
}

fn judge_ledger(input: &Input<'_>, manifest: &Manifest, leg: &crate::Leg) -> (Leg, Option<String>) {
    let judged = |finding: Finding, verdict: Option<Verdict>| {
        let facts = verdict.as_ref().filter(|_| finding.status == Status::Pass).map(|verdict| &verdict.facts);
        let time = facts.and_then(|facts| facts.exists_since.clone());
        let who = facts.and_then(|facts| facts.record_number.clone());
        Leg { kind: "ledger", name: leg.name.clone(), finding, time, who, verdict }
    };
    let certificate =
        Certificate::parse(&leg.proof).ok().filter(|certificate| certificate.manifest.is_none());
    let Some(mut certificate) = certificate else { return (judged(LEDGER_UNREADABLE, None), None) };
    let found = ledger_sink(&Genesis::ledger_id(&certificate.genesis));
    certificate.manifest = Some(manifest.clone());
    let verdict = xiezhi_verify::verify(&xiezhi_verify::Input {
        certificate: &certificate.encode(),
        anchors: input.anchors,
        exhibit: input.exhibit,
        record_only: input.record_only,
        declared_time: input.declared_time,
        known_checkpoints: &[],
    });
    let finding = match verdict.outcome {
        Outcome::Valid => LEDGER_HOLDS,
        Outcome::Invalid => LEDGER_FAILS,
        Outcome::Unknown => LEDGER_UNKNOWN,
    };
    (judged(finding, Some(verdict)), Some(found))
}

fn judge_stamp(input: &Input<'_>, manifest: &Manifest, leg: &crate::Leg) -> (Leg, Option<String>) {
    let (finding, info, root) = stamp(input, &manifest.root(), leg);
    let shown = info.filter(|_| finding.status == Status::Pass);
    let judged = Leg {
        kind: "rfc3161",
        name: leg.name.clone(),
        finding,
        time: shown.as_ref().map(|info| TimestampMs(info.gen_time.unix_ms()).rfc3339()),
        who: shown.and_then(|info| Some(info.authority.certificates.first()?.subject().to_string())),
        verdict: None,
    };
    (judged, root.map(|root| stamp_sink(root)))
}

/// What the token comes to under the first trusted root it leads to.
fn stamp<'a>(
    input: &Input<'a>,
    root: &[u8; 32],
    leg: &crate::Leg,
) -> (Finding, Option<TokenInfo>, Option<&'a Vec<u8>>) {
    let mut lists = Vec::new();
    for der in &leg.revocations {
        match Crl::from_der(der) {
            Ok(list) => lists.push(list),
            Err(_) => return (STAMP_MALFORMED, None, None),
        }
    }
    let declared = Some(input.declared_time.seconds());
    let under = |trust: &Trust<'_>| verify_token(&leg.proof, root, trust, declared);
    let mut unknown = STAMP_UNTRUSTED;
    for root_der in input.stamp_roots {
        let revocation = RevocationPolicy::SELF_DATED;
        let strict = Trust { root_der, intermediates: &[], crls: &lists, revocation };
        let fault = match under(&strict) {
            // A list that is not needed is nobody's word: it could be anything.
            Ok(_)
                if (0..lists.len())
                    .any(|at| under(&Trust { crls: &without(&lists, at), ..strict }).is_ok()) =>
            {
                return (STAMP_MALFORMED, None, Some(root_der));
            }
            Ok(info) => return (STAMP_HOLDS, Some(info), Some(root_der)),
            Err(TokenError::Chain { source }) => source,
            Err(error) => return (refused(&error), None, None),
        };
        let lenient = Trust { crls: &[], revocation: RevocationPolicy::IF_PRESENT, ..strict };
        match (under(&lenient), &fault) {
            (Ok(info), ChainError::Revoked { .. } | ChainError::CompromisedLater { .. }) => {
                return (STAMP_REVOKED, Some(info), Some(root_der));
            }
            (Ok(info), _) => return (STAMP_STATUS, Some(info), Some(root_der)),
            (Err(TokenError::Chain { source: ChainError::UnknownIssuer { .. } }), _) => {}
            (Err(_), _) => unknown = STAMP_MALFORMED,
        }
    }
    if input.stamp_roots.is_empty() {
        // Even a reader who trusts nobody is told that a token is over something else.
        let nobody =
            Trust { root_der: &[], intermediates: &[], crls: &[], revocation: RevocationPolicy::IF_PRESENT };
        if let Err(error) = under(&nobody)
            && !matches!(error, TokenError::Chain { .. })
        {
            return (refused(&error), None, None);
        }
    }
    (unknown, None, None)
}

fn without(lists: &[Crl], at: usize) -> Vec<Crl> {
    [&lists[..at], &lists[at + 1..]].concat()
}

fn refused(error: &TokenError) -> Finding {
    match error {
        TokenError::Imprint => STAMP_OTHER,
        TokenError::MessageDigest | TokenError::BadSignature | TokenError::SigningCertificate => {
            STAMP_SIGNATURE
        }
        TokenError::FromTheFuture { .. } => STAMP_LATE,
        _ => STAMP_MALFORMED,
    }
}
