//! What the office answers when it does not do what was asked (RFC 9457): stable codes, titles in both languages, every rule that failed.

use http::StatusCode;
use xiezhi_database::{DatabaseError, PersonKeyError};

use crate::{
    ledger::LedgerError,
    refusal::{Language, Refusal},
    state::WrongState,
    store::AdvanceError,
    wire,
};

/// A kind of problem.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its stable code.
    pub code: &'static str,
    /// Its HTTP status.
    pub status: StatusCode,
    en: &'static str,
    zh: &'static str,
}

macro_rules! kinds {
    ($($name:ident = $code:literal, $status:ident, $en:literal, $zh:literal;)*) => {
        /// The kinds.
        pub(crate) mod kinds {
            use super::{Kind, StatusCode};
            $(pub(crate) static $name: Kind = Kind { code: $code, status: StatusCode::$status, en: $en, zh: $zh };)*
            /// All of them.
            #[cfg(test)]
            pub(crate) static ALL: &[&Kind] = &[$(&$name),*];
        }
    };
}

kinds! {
    UNAUTHENTICATED = "unauthenticated", UNAUTHORIZED, "Log in first: no good token came with the request", "请先登录:请求未携带有效令牌";
    ASSERTION_INVALID = "assertion-invalid", UNAUTHORIZED, "The client's assertion does not hold", "客户端断言无效";
    DENIED = "denied", FORBIDDEN, "Your role does not allow this", "您的角色无权执行此操作";
    NOT_FOUND = "not-found", NOT_FOUND, "Not found", "未找到";
    NO_SUCH_ROUTE = "no-such-route", NOT_FOUND, "There is no such address", "地址不存在";
    METHOD_NOT_ALLOWED = "method-not-allowed", METHOD_NOT_ALLOWED, "The method is not allowed here", "此地址不支持该方法";
    INVALID_BODY = "invalid-body", BAD_REQUEST, "The body cannot be read", "无法读取正文";
    BODY_TOO_LARGE = "body-too-large", PAYLOAD_TOO_LARGE, "The body is too large", "正文过大";
    INVALID_PARAMETER = "invalid-parameter", BAD_REQUEST, "A parameter cannot be used", "参数有误";
    APPLICATION_REFUSED = "application-refused", UNPROCESSABLE_ENTITY, "What was given breaks a rule", "所填内容不合规则";
    WRONG_STATE = "wrong-state", CONFLICT, "This cannot happen in the present state", "当前状态下不能执行此操作";
    RACED = "raced", CONFLICT, "Somebody else changed it at the same time: look again", "他人刚刚作了变更,请重新查看";
    IDEMPOTENCY_MISMATCH = "idempotency-mismatch", UNPROCESSABLE_ENTITY, "The idempotency key was used for another body", "该幂等键已用于另一正文";
    ID_TOKEN_INVALID = "id-token-invalid", UNPROCESSABLE_ENTITY, "The identity token does not hold", "身份令牌无效";
    ISSUER_UNKNOWN = "issuer-unknown", UNPROCESSABLE_ENTITY, "This issuer's tokens are not taken here", "本机构不接受该签发方的令牌";
    ISSUER_UNAVAILABLE = "issuer-unavailable", SERVICE_UNAVAILABLE, "The issuer's keys cannot be fetched at present", "暂时无法获取签发方的密钥";
    POSSESSION_NOT_PROVEN = "possession-not-proven", UNPROCESSABLE_ENTITY, "The signatures do not prove that the account is yours", "签名不足以证明该账户归您所有";
    CHALLENGE_EXPIRED = "challenge-expired", CONFLICT, "The challenge has expired: ask for another", "质询已过期,请重新获取";
    NO_ACCOUNT = "no-account", UNPROCESSABLE_ENTITY, "The account does not exist on the ledger", "链上没有该账户";
    ALREADY_BOUND = "already-bound", CONFLICT, "The account is bound to this application already", "该账户已与此申请绑定";
    ALREADY_REVOKED = "already-revoked", CONFLICT, "The binding is revoked already", "该绑定已撤销";
    ERASED = "erased", GONE, "The data was erased", "数据已删除";
    NOT_SEALED = "not-sealed", CONFLICT, "The binding is not sealed on the ledger yet", "该绑定尚未在链上封存";
    LEDGER_REFUSED = "ledger-refused", CONFLICT, "The ledger refused the record", "账本拒绝了该记录";
    LEDGER_UNAVAILABLE = "ledger-unavailable", SERVICE_UNAVAILABLE, "The ledger does not answer at present", "账本暂不可用";
    UNAVAILABLE = "unavailable", SERVICE_UNAVAILABLE, "The office is not available at present", "登记服务暂不可用";
    TIMEOUT = "timeout", SERVICE_UNAVAILABLE, "The answer took too long", "处理超时";
    INTERNAL = "internal", INTERNAL_SERVER_ERROR, "An error of the office's software", "登记服务内部错误";
}

/// A problem on its way to whoever asked.
#[derive(Debug, Clone)]
pub struct Problem {
    /// Which kind.
    pub kind: &'static Kind,
    /// Technical, in English; names nobody.
    pub detail: String,
    /// Every rule that failed.
    pub refusals: Vec<Refusal>,
}

impl Problem {
    pub(crate) fn new(kind: &'static Kind, detail: impl ToString) -> Self {
        Self { kind, detail: detail.to_string(), refusals: Vec::new() }
    }

    pub(crate) fn refused(refusals: Vec<Refusal>) -> Self {
        let rules: Vec<_> = refusals.iter().map(|one| format!("{}: {}", one.field, one.rule)).collect();
        Self { refusals, ..Self::new(&kinds::APPLICATION_REFUSED, rules.join(", ")) }
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(&kinds::NOT_FOUND, format!("no such {what}"))
    }

    /// The document.
    #[must_use]
    pub fn wire(&self, language: Language) -> wire::Problem {
        let title = match language {
            Language::English => self.kind.en,
            Language::Chinese => self.kind.zh,
        };
        let refusal = |one: &Refusal| wire::FailedRule {
            field: one.field.clone(),
            rule: one.rule.to_owned(),
            reason: one.sentence(language).to_owned(),
        };
        wire::Problem {
            kind: format!("urn:xiezhi:problem:{}", self.kind.code),
            title: title.to_owned(),
            status: self.kind.status.as_u16(),
            detail: self.detail.clone(),
            code: self.kind.code.to_owned(),
            refusals: self.refusals.iter().map(refusal).collect(),
        }
    }
}

impl From<DatabaseError> for Problem {
    fn from(error: DatabaseError) -> Self {
        tracing::error!(%error, "the application database");
        Self::new(&kinds::UNAVAILABLE, "the application database does not answer")
    }
}

impl From<PersonKeyError> for Problem {
    fn from(error: PersonKeyError) -> Self {
        match error {
            PersonKeyError::Erased => Self::new(&kinds::ERASED, "the key of this person's data is gone"),
            PersonKeyError::Database(error) => error.into(),
            error => {
                tracing::error!(%error, "the person keys");
                Self::new(&kinds::INTERNAL, "personal data cannot be read or written")
            }
        }
    }
}

impl From<WrongState> for Problem {
    fn from(error: WrongState) -> Self {
        Self::new(&kinds::WRONG_STATE, error)
    }
}

impl From<AdvanceError> for Problem {
    fn from(error: AdvanceError) -> Self {
        match error {
            AdvanceError::WrongState(error) => error.into(),
            AdvanceError::Raced => Self::new(&kinds::RACED, error),
            AdvanceError::Database(error) => error.into(),
        }
    }
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        match &error {
            LedgerError::Refused { code } => Self::new(&kinds::LEDGER_REFUSED, code),
            LedgerError::TooOld | LedgerError::Unavailable { .. } => {
                tracing::warn!(%error, "the ledger");
                Self::new(&kinds::LEDGER_UNAVAILABLE, "no node gave a proof that holds")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_code_and_both_languages() {
        let mut codes: Vec<_> = kinds::ALL.iter().map(|kind| kind.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), kinds::ALL.len());
        for kind in kinds::ALL {
            let problem = Problem::new(kind, "");
            assert!(problem.wire(Language::English).title.is_ascii(), "{}", kind.code);
            assert!(!problem.wire(Language::Chinese).title.is_ascii(), "{}", kind.code);
        }
    }
}
