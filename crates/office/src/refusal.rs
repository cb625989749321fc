//! Why an application, a token or an assertion is refused: the field, the rule that failed, and a sentence in both languages.

use xiezhi_identity::Rule;
use xiezhi_types::Refusal;

/// A rule of our own that failed at `field`.
pub(crate) fn of(field: impl Into<String>, broken: &Broken) -> Refusal {
    Refusal::new(field, broken.rule, broken.en, broken.zh)
}

/// A rule of a number's standard that failed at `field`.
pub(crate) fn of_number(field: impl Into<String>, rule: Rule) -> Refusal {
    Refusal::new(field, rule.code(), rule.to_string(), rule.zh())
}

/// A rule of our own, beside those of `identity`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    rule: &'static str,
    en: &'static str,
    zh: &'static str,
}

macro_rules! rules {
    ($($name:ident = $rule:literal, $en:literal, $zh:literal;)*) => {
        $(pub(crate) static $name: Broken = Broken { rule: $rule, en: $en, zh: $zh };)*
        /// All of them.
        #[cfg(test)]
        pub(crate) static ALL: &[&Broken] = &[$(&$name),*];
    };
}

rules! {
    NUMBER_KIND_UNKNOWN = "number-kind-unknown", "no such kind of number: resident-id, credit-code or lei", "证件类型不存在:应为 resident-id、credit-code 或 lei";
    NUMBER_KIND_PERSON = "number-kind-person", "a person is known by a resident id", "自然人应填居民身份证号";
    NUMBER_KIND_ENTERPRISE = "number-kind-enterprise", "an enterprise is known by a credit code or an LEI", "企业应填统一社会信用代码或 LEI";
    NAME_EMPTY = "name-empty", "a name is needed", "须填写名称";
    NAME_LENGTH = "name-length", "a name has at most 100 characters", "名称不得超过 100 个字符";
    NAME_CHARACTER = "name-character", "a name has no control characters and no spaces around it, and a person's no digits", "名称不得含控制字符、首尾空格,姓名不得含数字";
    REPRESENTATIVE_MISSING = "representative-missing", "an enterprise names its legal representative", "企业须填写法定代表人";
    REPRESENTATIVE_UNEXPECTED = "representative-unexpected", "only an enterprise has a legal representative", "仅企业有法定代表人";
    AGENT_UNEXPECTED = "agent-unexpected", "only an enterprise applies through an agent here", "仅企业可由代理人办理";
    AGENT_IS_REPRESENTATIVE = "agent-is-representative", "the legal representative needs no agent's authority: leave the agent out", "法定代表人本人办理时不填代理人";
    AUTHORITY_REFERENCE = "authority-reference", "the authority's reference has 1 to 100 characters, none of them control characters", "授权文书编号应为 1 至 100 个字符";
    AUTHORITY_DIGEST = "authority-digest", "the digest of the authority's document is 64 lower-case hexadecimal digits (SHA-256)", "授权文书摘要应为 64 位小写十六进制数(SHA-256)";
    AUTHORITY_DATE = "authority-date", "the authority's end is a date, as 2027-01-31", "授权截止日应为日期,如 2027-01-31";
    AUTHORITY_EXPIRED = "authority-expired", "the authority has ended", "授权已过期";
    ASSERTION_KIND = "assertion-kind", "an assertion speaks of persons only: an enterprise's application is for an officer", "身份断言仅适用于自然人,企业申请须人工审核";
    ASSERTION_NUMBER = "assertion-number", "the assertion names another number, or none", "身份断言中的证件号码与申请不符";
    ASSERTION_NAME = "assertion-name", "the assertion names another name, or none", "身份断言中的姓名与申请不符";
    REASON_MISSING = "reason-missing", "a reason of 1 to 1000 characters is needed", "须填写理由,1 至 1000 个字符";
    BASIS_UNKNOWN = "basis-unknown", "the lawful basis of an erasure is request, purpose-ended, consent-withdrawn, unlawful or order", "删除依据应为 request、purpose-ended、consent-withdrawn、unlawful 或 order";
    REVOCATION_REASON = "revocation-reason", "the reason of a revocation is holder, untrue, changed, account-lost or order", "撤销原因应为 holder、untrue、changed、account-lost 或 order";
    REFERENCE_MISSING = "reference-missing", "the reference has 1 to 100 printable ASCII characters; it stands on the ledger, so it names no person", "编号应为 1 至 100 个可打印 ASCII 字符;编号将上链,不得含个人信息";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_its_own_code_and_both_languages() {
        let mut codes: Vec<_> = ALL.iter().map(|broken| broken.rule).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), ALL.len());
        assert!(ALL.iter().all(|broken| broken.en.is_ascii() && !broken.zh.is_ascii()));
    }
}
