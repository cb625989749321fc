//! Every kind of problem: its stable code, its status, its title in both languages.

use xiezhi_problem::Kind;

/// The kind with a rejection's code; [`kinds::REJECTED`] for a code that is not known here.
pub(crate) fn of_rejection(code: &str) -> &'static Kind {
    kinds::ALL.iter().find(|kind| kind.code == code).unwrap_or(&&kinds::REJECTED)
}

xiezhi_problem::kinds! {
    STATEMENT_MALFORMED = "statement-malformed", UNPROCESSABLE_ENTITY, "The statement is malformed", "声明的格式有误";
    STATEMENT_TOO_LARGE = "statement-too-large", UNPROCESSABLE_ENTITY, "The statement is too large", "声明过大";
    OTHER_LEDGER = "other-ledger", UNPROCESSABLE_ENTITY, "The statement is meant for another ledger", "该声明指向另一条链";
    SUITE_NOT_ALLOWED = "suite-not-allowed", UNPROCESSABLE_ENTITY, "The signature suite is not allowed here", "本链不允许该签名算法";
    CLOCK_OFF = "clock-off", UNPROCESSABLE_ENTITY, "The statement's time is too far off", "声明的时间与链上时间相差过大";
    NO_ACCOUNT = "no-account", UNPROCESSABLE_ENTITY, "The account does not exist", "账户不存在";
    ACCOUNT_EXISTS = "account-exists", CONFLICT, "The account exists already", "账户已存在";
    ACCOUNT_INACTIVE = "account-inactive", FORBIDDEN, "The account may not act at present", "账户当前不可用";
    SIGNATURE_INVALID = "signature-invalid", FORBIDDEN, "A signature does not hold", "签名无效";
    THRESHOLD_NOT_MET = "threshold-not-met", FORBIDDEN, "The signing keys do not suffice", "签名权重不足";
    KEY_NOT_AUTHORIZED = "key-not-authorized", FORBIDDEN, "The key may not sign for this account", "该密钥无权代表此账户签名";
    RECOVERY_KEY_NEEDED = "recovery-key-needed", FORBIDDEN, "The recovery key must sign this", "须由恢复密钥签名";
    ACCOUNT_NO_RESET = "account-no-reset", CONFLICT, "No reset has begun", "尚未发起重置";
    ACCOUNT_RESET_TOO_EARLY = "account-reset-too-early", CONFLICT, "The delay of the reset is not over", "重置的等待期未满";
    ACCOUNT_RESET_TOO_LATE = "account-reset-too-late", CONFLICT, "The delay of the reset is over", "重置的等待期已过";
    ACCOUNT_KEYS_TOO_YOUNG = "account-keys-too-young", FORBIDDEN, "These keys are too new to cancel the reset", "密钥更换不久,无权撤销重置";
    ACCOUNT_NOTHING_CHANGES = "account-nothing-changes", CONFLICT, "Nothing would change", "没有任何变更";
    ACCOUNT_NOT_OFFERED = "account-not-offered", FORBIDDEN, "The account was not offered to this one", "该账户未移交给本账户";
    ACCOUNT_NOT_ENTITLED = "account-not-entitled", FORBIDDEN, "Only a court of the alliance can order this", "仅限联盟内的法院";
    ACCOUNT_OF_INSTITUTION = "account-of-institution", FORBIDDEN, "An institution's account follows its membership", "机构账户随成员资格变更";
    ACCOUNT_ORDER_IN_FORCE = "account-order-in-force", CONFLICT, "The order is in force already", "该冻结令已在生效";
    ACCOUNT_NO_ORDER = "account-no-order", CONFLICT, "No such order is in force", "没有生效中的该冻结令";
    ACCOUNT_GRANT_ENDED = "account-grant-ended", CONFLICT, "The delegation would have ended already", "该授权的有效期已过";
    ACCOUNT_DELEGATIONS_FULL = "account-delegations-full", CONFLICT, "Too many delegations are granted", "生效中的授权过多";
    GRANTOR_INACTIVE = "grantor-inactive", FORBIDDEN, "The grantor's account may not act at present", "授权账户当前不可用";
    NOT_DELEGATED = "not-delegated", FORBIDDEN, "This account may not deposit in the other's name", "未获授权以该账户名义存证";
    DELEGATION_NOT_YET = "delegation-not-yet", FORBIDDEN, "The delegation does not hold yet", "授权尚未生效";
    DELEGATION_EXPIRED = "delegation-expired", FORBIDDEN, "The delegation has expired", "授权已过期";
    DELEGATION_QUOTA = "delegation-quota", FORBIDDEN, "The delegation's quota is used up", "授权额度不足";
    DELEGATION_DAILY_QUOTA = "delegation-daily-quota", FORBIDDEN, "The delegation's quota of the day is used up", "授权的当日额度不足";
    GOVERNANCE_NOT_A_MEMBER = "governance-not-a-member", FORBIDDEN, "Only an active member may say this", "仅限正式成员机构";
    GOVERNANCE_NOT_INVITED = "governance-not-invited", FORBIDDEN, "There is no open invitation for this institution", "该机构没有有效的邀请";
    GOVERNANCE_TERM_DECIDED = "governance-term-decided", CONFLICT, "A next term is decided; nothing can change before it begins", "下一届已决定,开始之前不能再变更";
    GOVERNANCE_NO_PROPOSAL = "governance-no-proposal", CONFLICT, "There is no such open proposal", "没有该项待表决的提案";
    GOVERNANCE_NOT_THE_PROPOSER = "governance-not-the-proposer", FORBIDDEN, "Only the proposer can take a proposal back", "仅提案机构可撤回提案";
    GOVERNANCE_PROPOSAL_OPEN = "governance-proposal-open", CONFLICT, "The member has an open proposal already", "该成员已有待表决的提案";
    GOVERNANCE_TOO_MANY_INVITATIONS = "governance-too-many-invitations", CONFLICT, "Too many invitations are open", "有效的邀请过多";
    GOVERNANCE_DOES_NOT_FIT = "governance-does-not-fit", CONFLICT, "The change does not fit the institution it names", "该变更与所指机构的状态不符";
    GOVERNANCE_NOTHING_CHANGES = "governance-nothing-changes", CONFLICT, "Nothing would change", "没有任何变更";
    GOVERNANCE_TERM_NOT_ALLOWED = "governance-term-not-allowed", CONFLICT, "The alliance would no longer be safe", "变更后联盟将不再安全";
    GOVERNANCE_POSSESSION = "governance-possession", FORBIDDEN, "The proof of possession of the keys does not hold", "密钥持有证明无效";
    DUPLICATE = "duplicate", CONFLICT, "The statement is recorded already", "该声明已有记录";
    REJECTED = "rejected", UNPROCESSABLE_ENTITY, "The statement is not accepted", "声明未被接受";
    BUSY = "busy", TOO_MANY_REQUESTS, "The queue is full", "队列已满";
    NOT_ORDERED = "not-ordered", SERVICE_UNAVAILABLE, "Not recorded in time; sending it again is safe", "未能及时记录,可安全地重新提交";
    UNAVAILABLE = "unavailable", SERVICE_UNAVAILABLE, "The node is not available", "节点暂不可用";
    OBSERVER = "observer", FORBIDDEN, "This node takes no deposits", "本节点仅同步验证，不接受存证";
    NOT_FOUND = "not-found", NOT_FOUND, "Not found", "未找到";
    NOT_KEPT = "not-kept", GONE, "This node does not keep it; other nodes do", "本节点未保存,请查询其他节点";
    ARCHIVE = "archive", SERVICE_UNAVAILABLE, "It is in this node's archive, which is not in reach", "所查内容已归档，本节点暂时无法读取归档";
    NOT_SEALED = "not-sealed", CONFLICT, "Recorded, but not sealed to policy yet", "已记录,尚未达到封存条件";
    OUT_OF_RANGE = "out-of-range", BAD_REQUEST, "A number is out of range", "数值超出范围";
    NO_SUCH_ROUTE = "no-such-route", NOT_FOUND, "There is no such address", "地址不存在";
    METHOD_NOT_ALLOWED = "method-not-allowed", METHOD_NOT_ALLOWED, "The method is not allowed here", "此地址不支持该方法";
    NOT_ACCEPTABLE = "not-acceptable", NOT_ACCEPTABLE, "The answer does not exist in a form that is accepted", "无法以所要求的格式作答";
    UNSUPPORTED_MEDIA_TYPE = "unsupported-media-type", UNSUPPORTED_MEDIA_TYPE, "The body is of an unknown type", "不支持的正文类型";
    BODY_TOO_LARGE = "body-too-large", PAYLOAD_TOO_LARGE, "The body is too large", "正文过大";
    BODY_TIMEOUT = "body-timeout", REQUEST_TIMEOUT, "The body did not arrive in time", "正文未能及时送达";
    INVALID_BODY = "invalid-body", BAD_REQUEST, "The body cannot be read", "无法读取正文";
    INVALID_PARAMETER = "invalid-parameter", BAD_REQUEST, "A parameter cannot be used", "参数有误";
    IDEMPOTENCY_MISMATCH = "idempotency-mismatch", UNPROCESSABLE_ENTITY, "The idempotency key was used for another body", "该幂等键已用于另一正文";
    RATE_LIMITED = "rate-limited", TOO_MANY_REQUESTS, "Too many requests", "请求过于频繁";
    OVERLOADED = "overloaded", SERVICE_UNAVAILABLE, "Too many requests are in work", "服务繁忙";
    TIMEOUT = "timeout", SERVICE_UNAVAILABLE, "The answer took too long", "处理超时";
    NO_TIMESTAMP_AUTHORITY = "no-timestamp-authority", NOT_FOUND, "This institution runs no time-stamp authority", "本机构未提供时间戳服务";
    INTERNAL = "internal", INTERNAL_SERVER_ERROR, "An error of the node's software", "节点软件内部错误";
}
