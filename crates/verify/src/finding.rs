//! What a check can find, and the sentence for it in both languages.
//!
//! `{name}` in a sentence stands for the parameter of that name. A reason is stable: programs may act on it, wording may improve.

use serde::Serialize;

use crate::code;

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It holds.
    Pass,
    /// It does not hold.
    Fail,
    /// It could not be decided with what was given.
    Unknown,
}

/// One possible result of a check.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) status: Status,
    /// Stable kebab-case string; empty for a plain pass.
    pub(crate) reason: &'static str,
    pub(crate) zh: &'static str,
    pub(crate) en: &'static str,
    /// The checks that can find it.
    pub(crate) codes: &'static [&'static str],
}

macro_rules! codes {
    ([$($code:ident),*]) => {
        &[$(code::$code),*]
    };
}

macro_rules! findings {
    ($(@$codes:tt $($name:ident = $status:ident $reason:literal, $zh:literal, $en:literal;)*)*) => {
        $($(pub(crate) const $name: Finding = Finding {
            status: Status::$status,
            reason: $reason,
            zh: $zh,
            en: $en,
            codes: codes!($codes),
        };)*)*

        /// Every finding, for the tests and the table in docs/specs.
        #[cfg(test)]
        pub(crate) const ALL: &[&Finding] = &[$($(&$name),*),*];
    };
}

findings! {
    @[LEDGER, STATEMENT, ORIGINAL, MANIFEST, BATCH_PLACE, STATEMENT_SIGNATURES, DELEGATION, INCLUSION_SHA256, INCLUSION_SM3, STATEMENT_LEDGER,
     CHECKPOINT_LEDGER, HISTORY, SEAL, SEAL_POLICY, TIME_STAMP, TIME_STAMP_POLICY, KEY_STATUS, REVOCATION_LISTS, TIMES, CONSISTENCY]
    NOT_EVALUATED = Unknown "not-evaluated",
        "未能检查:它所依据的检查“{because}”没有通过。",
        "Not checked: it rests on the check \"{because}\", which did not pass.";

    @[CERTIFICATE]
    CERTIFICATE_READ = Pass "",
        "凭证的格式正确,且编码唯一。",
        "The certificate is well formed and in its one encoding.";
    CERTIFICATE_NONE = Fail "not-a-certificate",
        "这不是獬豸凭证。",
        "This is not a Xiezhi certificate.";
    CERTIFICATE_TOO_LONG = Fail "too-long",
        "文件过长,不可能是凭证。",
        "The file is too long to be a certificate.";
    CERTIFICATE_MALFORMED = Fail "malformed",
        "凭证已损坏或被改动,无法读出。",
        "The certificate is damaged or altered: it cannot be read.";
    CERTIFICATE_NOT_CANONICAL = Fail "not-canonical",
        "凭证的编码不是规定的唯一编码,它被改动过。",
        "The certificate is not in its one encoding: it was altered.";
    CERTIFICATE_VERSION = Fail "version",
        "本软件不识别该凭证的版本。",
        "This software does not know the certificate's version.";

    @[LEDGER]
    LEDGER_TRUSTED = Pass "",
        "该账本({ledger})是您信任的“{zh}”。",
        "The ledger ({ledger}) is one you trust: {en}.";
    LEDGER_UNKNOWN = Unknown "unknown-ledger",
        "该账本({ledger})不在您信任的账本之列,其创世文件因此不足为凭。",
        "The ledger ({ledger}) is not among those you trust, so its genesis proves nothing to you.";
    GENESIS_MALFORMED = Fail "genesis-malformed",
        "凭证所附的创世文件已损坏或不合规定。",
        "The genesis in the certificate is damaged or breaks its rules.";

    @[HISTORY]
    LINK_HOLDS = Pass "",
        "联盟的第 {term} 届由上一届按其规则决定,自高度 {from} 起生效。",
        "The alliance's term {term}, from height {from} on, was decided by the term before it, sealed to that term's policy.";
    LINK_MALFORMED = Fail "link-malformed",
        "历史中的第 {link} 环已损坏或被改动。",
        "Link {link} of the history is damaged or altered.";
    LINK_OTHER_LEDGER = Fail "other-ledger",
        "历史中的第 {link} 环属于另一个账本。",
        "Link {link} of the history is of another ledger.";
    LINK_PROOF = Fail "alliance-proof",
        "历史中的第 {link} 环所载的联盟状态没有得到证明。",
        "The alliance in link {link} of the history is not proven.";
    LINK_OTHER_TERM = Fail "other-term",
        "历史中的第 {link} 环不接在它前面的那一届之后。",
        "Link {link} of the history does not follow the term before it.";
    LINK_NO_TERM = Fail "no-next-term",
        "历史中的第 {link} 环没有决定下一届。",
        "Link {link} of the history decides no next term.";
    LINK_NOT_ALLOWED = Fail "term-not-allowed",
        "历史中的第 {link} 环所决定的一届不合规定。",
        "The term that link {link} of the history decides breaks the rules.";
    LINK_LATER = Fail "later-term",
        "历史中的第 {link} 环所决定的一届在该检查点之后才开始。",
        "The term that link {link} of the history decides begins after the checkpoint.";
    LINK_NOT_SEALED = Fail "not-sealed",
        "历史中的第 {link} 环没有按当时一届的规则封存(检查“{because}”)。",
        "Link {link} of the history is not sealed to its term's policy (check \"{because}\").";
    LINK_UNDECIDED = Unknown "undecided",
        "历史中的第 {link} 环是否按规则封存尚不能确定(检查“{because}”)。",
        "Whether link {link} of the history is sealed to its term's policy is undecided (check \"{because}\").";

    @[STATEMENT]
    STATEMENT_READ = Pass "",
        "存证声明的格式正确,类型为 {type}。",
        "The statement is well formed; its type is {type}.";
    STATEMENT_MALFORMED = Fail "malformed",
        "存证声明已损坏或被改动。",
        "The statement is damaged or altered.";

    @[ORIGINAL]
    ORIGINAL_SAME = Pass "",
        "所出示的原件与存证记录一致({algorithms})。",
        "The original presented is the one recorded ({algorithms}).";
    ORIGINAL_DIGEST = Fail "digest-differs",
        "所出示的文件不是所记录的原件:{algorithm} 摘要不同。",
        "The file presented is not the original recorded: its {algorithm} digest differs.";
    ORIGINAL_SIZE = Fail "size-differs",
        "所出示的文件长 {presented} 字节,记录为 {recorded} 字节。",
        "The file presented has {presented} bytes, the record says {recorded}.";
    ORIGINAL_NOT_PRESENTED = Unknown "not-presented",
        "没有出示原件,无法比对。",
        "No original was presented, so nothing could be compared.";
    ORIGINAL_LEFT_OUT = Unknown "left-out",
        "按要求只核验记录,未比对原件。",
        "Only the record was to be verified; no original was compared.";
    ORIGINAL_NO_DIGEST = Unknown "no-digest",
        "清单未公开原件的摘要,声明中也没有,无法比对。",
        "Neither the open part of the manifest nor the statement gives a digest of the original.";
    ORIGINAL_NO_COMMON = Unknown "no-common-algorithm",
        "没有以记录所用的算法计算所出示文件的摘要。",
        "The file presented was not digested under an algorithm that the record uses.";
    ORIGINAL_WHOLE_BATCH = Unknown "whole-batch",
        "该凭证证明整批记录,不指向其中某一项。",
        "The certificate is for a whole batch and points to none of its items.";
    ORIGINAL_ACCOUNT = Unknown "account-record",
        "该记录是账户的开立或变更,没有原件。",
        "The record is the creation or a change of an account: there is no original.";
    ORIGINAL_GOVERNANCE = Unknown "governance-record",
        "该记录是机构关于联盟成员的声明,没有原件。",
        "The record is an institution's statement about the alliance's members: there is no original.";

    @[MANIFEST]
    MANIFEST_BOUND = Pass "",
        "清单与声明所承诺的一致({open} 项公开,{closed} 项未公开)。",
        "The manifest is the one the statement commits to ({open} fields open, {closed} closed).";
    MANIFEST_ROOT = Fail "root-differs",
        "清单不是声明所承诺的清单:其中有内容被改动。",
        "The manifest is not the one the statement commits to: something in it was altered.";
    MANIFEST_CONTRADICTS = Fail "digest-contradicts",
        "清单与声明给出了不同的 {algorithm} 摘要。",
        "Manifest and statement give different {algorithm} digests.";
    MANIFEST_UNEXPECTED = Fail "unexpected",
        "该声明没有承诺任何清单,凭证却附有一份。",
        "The statement commits to no manifest, yet the certificate has one.";
    MANIFEST_ABSENT = Unknown "absent",
        "凭证未附清单;原件只能与声明中的摘要直接比对。",
        "The certificate has no manifest; an original can only be compared with the statement's own digests.";

    @[BATCH_PLACE]
    BATCH_PLACED = Pass "",
        "该项是本批 {items} 项中的第 {item} 项(自 0 起)。",
        "This is item {item} (from 0) of the batch's {items}.";
    BATCH_NOT_ONE = Fail "not-a-batch",
        "凭证指向批次中的一项,声明却不是批次。",
        "The certificate points to an item of a batch, but the statement is no batch.";
    BATCH_ITEM_MALFORMED = Fail "item-malformed",
        "批次中该项的内容已损坏或被改动。",
        "The batch item is damaged or altered.";
    BATCH_INDEX = Fail "index-outside",
        "本批只有 {items} 项,没有第 {item} 项。",
        "The batch has {items} items and no item {item}.";
    BATCH_PATH = Fail "wrong-path",
        "该项不在声明所承诺的批次之中。",
        "The item is not in the batch that the statement commits to.";
    BATCH_WHOLE = Unknown "whole-batch",
        "该凭证证明整批 {items} 项,不指向其中某一项。",
        "The certificate is for the whole batch of {items} items.";

    @[ACCOUNT_STATE]
    STATE_ACCOUNT = Pass "",
        "高度 {height} 的区块之后,账户 {account} 如所示。",
        "After the block at height {height} account {account} stood as shown.";
    STATE_NO_ACCOUNT = Pass "absent",
        "高度 {height} 的区块之后,账本上没有账户 {account}。",
        "After the block at height {height} the ledger had no account {account}.";
    STATE_PROOF = Fail "state-proof",
        "高度 {height} 的状态不能证明所示的账户 {account}。",
        "The state at height {height} does not prove account {account} as shown.";

    @[STATEMENT_SIGNATURES]
    SIGNATURES_HOLD = Pass "",
        "声明由账户 {account} 当时有效的密钥签名({signers} 把,达到其门限)。",
        "The statement was signed by account {account} with its keys at that time ({signers}, enough for its threshold).";
    ACCOUNT_OTHER = Fail "other-account",
        "所证明的账户不是声明的签发者。",
        "The account proven is not the one that issued the statement.";
    SIGNATURE_SUITE = Fail "suite",
        "该账本当时不允许签名算法 {suite};其密钥至多可用于更换密钥。",
        "The ledger did not allow the signature suite {suite} then; at most, keys of it could be replaced.";
    SIGNATURE_KEY = Fail "unknown-key",
        "签名密钥 {key} 不属于该账户。",
        "The signing key {key} is not one of the account's.";
    SIGNATURE_REPEATED = Fail "repeated-key",
        "密钥 {key} 签了不止一次。",
        "Key {key} signed more than once.";
    SIGNATURE_BAD = Fail "bad-signature",
        "密钥 {key} 的签名不成立:声明或签名被改动。",
        "The signature of key {key} does not hold: statement or signature was altered.";
    SIGNATURE_THRESHOLD = Fail "threshold",
        "签名权重合计 {sum},需要 {need}。",
        "The signing weights add up to {sum}; {need} is needed.";
    SIGNATURE_RECOVERY = Fail "recovery-key",
        "该操作须由账户的恢复密钥签名。",
        "The account's recovery key must sign this.";

    @[STATEMENT_SIGNATURES, DELEGATION]
    ACCOUNT_PROOF = Fail "account-proof",
        "账户当时的密钥未能在检查点的状态中得到证明。",
        "The account's keys at that time are not proven under the checkpoint's state.";
    ACCOUNT_LATER = Fail "created-later",
        "账户的开立晚于检查点。",
        "The account was created after the checkpoint.";
    ACCOUNT_STATUS = Fail "account-status",
        "账户当时处于 {state} 状态,不得存证。",
        "The account was {state} and could not act.";

    @[DELEGATION]
    DELEGATED = Pass "",
        "账户 {delegate} 依账户 {grantor} 的授权(有效期至 {until})以其名义记录。按联盟的计数,该区块之后额度 {quota} 中已用 {used};其余各次本凭证并未列出。",
        "Account {delegate} recorded this in the name of account {grantor}, which let it until {until}. After the block {used} of {quota} deposits were used by the alliance's count; which the others were this certificate does not show.";
    DELEGATION_NO_GRANTOR = Fail "no-grantor",
        "声明以账户 {grantor} 的名义作出,凭证却没有该账户的证明。",
        "The statement is made in the name of account {grantor}, of which the certificate proves nothing.";
    DELEGATION_UNEXPECTED = Fail "unexpected",
        "凭证附有授权账户,声明却不以他人名义作出。",
        "The certificate has a grantor, but the statement is made in nobody else's name.";
    DELEGATION_OTHER = Fail "other-grantor",
        "所证明的授权账户不是声明所指的账户。",
        "The account proven is not the one in whose name the statement is made.";
    DELEGATION_NONE = Fail "not-delegated",
        "账户 {grantor} 当时没有授权账户 {delegate} 以其名义存证。",
        "Account {grantor} had not let account {delegate} deposit in its name.";
    DELEGATION_EARLY = Fail "not-yet",
        "授权自 {not_before} 起有效,区块的时间为 {time}。",
        "The delegation held from {not_before} on; the block's time is {time}.";
    DELEGATION_EXPIRED = Fail "expired",
        "授权有效期至 {until},区块的时间为 {time}。",
        "The delegation held until {until}; the block's time is {time}.";
    DELEGATION_QUOTA = Fail "quota",
        "授权的计数({quota} 中已用 {used},本记录占 {need})不合规定。",
        "The delegation's count ({used} of {quota} used, {need} by this record) breaks its limit.";
    DELEGATION_DAILY = Fail "daily-quota",
        "授权的当日计数({quota} 中已用 {used},本记录占 {need})不合规定。",
        "The delegation's count of the day ({used} of {quota} used, {need} by this record) breaks its limit.";

    @[INCLUSION_SHA256, INCLUSION_SM3]
    INCLUDED = Pass "",
        "记录在日志中的序号为 {index},日志共 {size} 条。",
        "The record is number {index} in the log of {size}.";
    INCLUSION_INDEX = Fail "index-outside",
        "日志只有 {size} 条,没有序号 {index}。",
        "The log has {size} records and no number {index}.";
    INCLUSION_LENGTH = Fail "path-length",
        "包含路径的长度不对。",
        "The inclusion path has the wrong length.";
    INCLUSION_ROOT = Fail "wrong-root",
        "该声明不在检查点所封存的日志之中。",
        "The statement is not in the log that the checkpoint closes.";

    @[STATEMENT_LEDGER]
    AUDIENCE_SAME = Pass "",
        "声明是为该账本作出的。",
        "The statement was made for this ledger.";
    AUDIENCE_NONE = Pass "unbound",
        "声明没有指定账本(一般 SCITT 声明可以不指定)。",
        "The statement names no ledger, as a general SCITT statement may.";
    AUDIENCE_OTHER = Fail "other-ledger",
        "声明是为另一账本({audience})作出的。",
        "The statement was made for another ledger ({audience}).";

    @[CHECKPOINT_LEDGER]
    CHECKPOINT_SAME = Pass "",
        "检查点属于该账本,高度 {height}。",
        "The checkpoint is of this ledger, at height {height}.";
    CHECKPOINT_OTHER = Fail "other-ledger",
        "检查点属于另一账本({named})。",
        "The checkpoint is of another ledger ({named}).";

    @[SEAL]
    SEAL_HOLDS = Pass "",
        "{zh}于 {time} 盖章,其签章证书有效。",
        "{en} sealed at {time}; its key was certified.";
    SEAL_STRANGER = Fail "unknown-institution",
        "{institution} 不是联盟成员。",
        "{institution} is not a member of the alliance.";
    SEAL_SIGNATURE = Fail "bad-signature",
        "{institution} 的签章不成立({form}):检查点或签章被改动。",
        "The seal of {institution} does not hold ({form}): checkpoint or seal was altered.";
    SEAL_TIME = Fail "impossible-time",
        "{institution} 的盖章时间不可能存在。",
        "The seal of {institution} states an impossible time.";
    SEAL_NO_CHAIN = Fail "no-chain",
        "{institution} 的签章没有附证书。",
        "The seal of {institution} comes without an X.509 certificate.";
    SEAL_OTHER_KEY = Fail "other-key",
        "{institution} 的证书所证明的不是创世文件中的签章密钥。",
        "The X.509 certificate of {institution} certifies another key than the one in the genesis.";
    SEAL_OTHER_NAME = Fail "other-institution",
        "该签章的证书是另一机构的,不是 {institution} 的。",
        "The X.509 certificate with the seal of {institution} is another institution's.";
    SEAL_STRAY = Fail "stray-certificate",
        "{institution} 的证书链中有多余或次序不对的证书。",
        "The chain of {institution} has a certificate that does not belong, or is out of order.";

    @[SEAL, TIME_STAMP]
    CHAIN_MALFORMED = Fail "chain-malformed",
        "{of} 的证书链中有损坏或被改动的证书。",
        "A certificate in the chain of {of} is damaged or altered.";
    CHAIN_ISSUER = Fail "chain-unknown-issuer",
        "{of} 的证书链不通向创世文件中的根证书。",
        "The chain of {of} does not lead to a root in the genesis.";
    CHAIN_SIGNATURE = Fail "chain-signature",
        "{of} 的证书链中有签名不成立。",
        "A signature in the chain of {of} does not hold.";
    CHAIN_VALIDITY = Fail "chain-not-valid-then",
        "{of} 的证书链中有证书在使用之时不在有效期内。",
        "A certificate in the chain of {of} was not valid when it was used.";
    CHAIN_PURPOSE = Fail "chain-purpose",
        "{of} 的证书链中有证书不得作此用途。",
        "A certificate in the chain of {of} does not serve this purpose.";
    CHAIN_UNSUPPORTED = Fail "chain-unsupported",
        "{of} 的证书链使用了本软件不识别的算法或扩展。",
        "The chain of {of} uses an algorithm or extension that is not supported.";
    CHAIN_TOO_LONG = Fail "chain-too-long",
        "{of} 的证书链过长。",
        "The chain of {of} is too long.";

    @[SEAL_POLICY]
    POLICY_MET = Pass "",
        "盖章机构符合账本的规则({sealed})。",
        "The seals meet the ledger's policy ({sealed}).";
    POLICY_UNMET = Fail "not-met",
        "盖章机构不符合账本的规则,尚缺:{missing}。",
        "The seals do not meet the ledger's policy; missing: {missing}.";
    POLICY_UNKNOWN = Unknown "undecided",
        "是否符合账本的规则,取决于无法判断的密钥:{undecided}。",
        "Whether the seals meet the ledger's policy depends on keys whose status is unknown: {undecided}.";

    @[TIME_STAMP]
    STAMP_HOLDS = Pass "",
        "时间戳机构“{of}”证明检查点在 {time} 已存在。",
        "Time-stamp authority {of} had seen the checkpoint at {time}.";
    STAMP_MALFORMED = Fail "malformed",
        "时间戳 {number} 已损坏、被改动或不合规定。",
        "Time stamp {number} is damaged, altered or breaks the rules.";
    STAMP_TWICE = Fail "twice",
        "时间戳 {number} 在凭证中已有一份相同的。",
        "Time stamp {number} is in the certificate twice.";
    STAMP_UNSUPPORTED = Fail "unsupported",
        "时间戳 {number} 使用了本软件不识别的算法。",
        "Time stamp {number} uses an algorithm that is not supported.";
    STAMP_OTHER = Fail "other-checkpoint",
        "时间戳 {number} 所证明的不是该检查点。",
        "Time stamp {number} is over something else than this checkpoint.";
    STAMP_SIGNATURE = Fail "bad-signature",
        "时间戳 {number} 的签名不成立:时间戳被改动。",
        "The signature of time stamp {number} does not hold: it was altered.";
    STAMP_EARLY = Fail "before-checkpoint",
        "时间戳“{of}”的时间 {time} 早于检查点。",
        "The time stamp of {of}, {time}, is earlier than the checkpoint.";
    STAMP_LATE = Fail "after-declared-time",
        "时间戳“{of}”的时间 {time} 晚于所声明的核验时间。",
        "The time stamp of {of}, {time}, is later than the declared time.";

    @[TIME_STAMP_POLICY]
    STAMPS_ENOUGH = Pass "",
        "有 {authorities} 家时间戳机构,规则要求 {needed} 家。",
        "{authorities} time-stamp authorities, {needed} needed.";
    STAMPS_FEW = Fail "not-met",
        "只有 {authorities} 家时间戳机构,规则要求 {needed} 家。",
        "Only {authorities} time-stamp authorities; the policy needs {needed}.";
    STAMPS_UNKNOWN = Unknown "undecided",
        "时间戳机构的家数取决于无法判断的密钥:{undecided}。",
        "Whether there are enough time-stamp authorities depends on keys whose status is unknown: {undecided}.";

    @[KEY_STATUS]
    KEY_GOOD = Pass "",
        "{of} 的密钥在使用之时没有被吊销。",
        "The key of {of} was not revoked when it was used.";
    KEY_REVOKED = Fail "revoked",
        "{of} 的密钥自 {since} 起被吊销({why}),使用时间为 {used}。",
        "The key of {of} was revoked from {since} on ({why}) and used at {used}.";
    KEY_REVOKED_LATER = Unknown "compromised-later",
        "{of} 的密钥后来因泄露被吊销({since}),而使用时间只有该密钥自己的说法。",
        "The key of {of} was later revoked as compromised ({since}), and only that key says when it was used.";
    KEY_NO_LIST = Unknown "no-list",
        "没有可以判断 {of} 的密钥状态的吊销列表。",
        "There is no revocation list that tells the status of the key of {of}.";
    KEY_STALE = Unknown "stale-list",
        "判断 {of} 的密钥状态的吊销列表在使用之时已过期。",
        "The revocation list for the key of {of} was stale when the key was used.";
    KEY_LATE = Unknown "late-list",
        "判断 {of} 的密钥状态的吊销列表制作得太晚。",
        "The revocation list for the key of {of} was made too late.";
    KEY_LIST_BAD = Fail "list-signature",
        "判断 {of} 的密钥状态的吊销列表不成立:它被改动,或不是签发机构所制。",
        "The revocation list for the key of {of} does not hold: it was altered, or its issuer did not make it.";

    @[REVOCATION_LISTS]
    LISTS_USED = Pass "",
        "所附 {lists} 份吊销列表均属于链上的签发机构。",
        "Each of the {lists} revocation lists belongs to an authority on a chain.";
    LIST_MALFORMED = Fail "malformed",
        "吊销列表 {list} 已损坏或被改动。",
        "Revocation list {list} is damaged or altered.";
    LIST_STRAY = Fail "stray",
        "吊销列表 {list} 不属于任何链上的签发机构。",
        "Revocation list {list} belongs to no authority on a chain.";
    LIST_TWICE = Fail "twice",
        "吊销列表 {list} 的签发机构另有一份列表。",
        "The issuer of revocation list {list} has another one there.";

    @[TIMES]
    TIMES_AGREE = Pass "",
        "各时间先后相符,且均不晚于所声明的核验时间。",
        "The times agree, and none is later than the declared time.";
    TIMES_CHECKPOINT = Fail "checkpoint-after-declared-time",
        "检查点的时间 {time} 晚于所声明的核验时间。",
        "The checkpoint's time, {time}, is later than the declared time.";
    TIMES_GENESIS = Fail "checkpoint-before-genesis",
        "检查点的时间 {time} 早于账本的创世。",
        "The checkpoint's time, {time}, is earlier than the ledger's genesis.";
    TIMES_SEAL_LATE = Fail "seal-after-declared-time",
        "{institution} 的盖章时间 {time} 晚于所声明的核验时间。",
        "The seal of {institution}, {time}, is later than the declared time.";
    TIMES_SEAL_EARLY = Fail "seal-before-checkpoint",
        "{institution} 的盖章时间 {time} 早于检查点。",
        "The seal of {institution}, {time}, is earlier than the checkpoint.";
    TIMES_STATEMENT = Fail "statement-after-checkpoint",
        "声明自称的签名时间 {time} 晚于检查点所允许的范围。",
        "The statement says it was signed at {time}, later than the checkpoint allows.";
    TIMES_LIST = Fail "list-after-declared-time",
        "吊销列表 {list} 制作于 {time},晚于所声明的核验时间。",
        "Revocation list {list} was made at {time}, later than the declared time.";

    @[CONSISTENCY]
    CONSISTENT = Pass "",
        "检查点与您已知的检查点(共 {size} 条)相容。",
        "The checkpoint agrees with the one you knew (of {size} records).";
    CONSISTENCY_NONE = Unknown "none-known",
        "您没有给出已知的检查点,未作比对。",
        "You gave no checkpoint that you already know; none was compared.";
    CONSISTENCY_OTHER = Unknown "other-ledger",
        "您给出的检查点(共 {size} 条)属于另一账本。",
        "The checkpoint you gave (of {size} records) is of another ledger.";
    CONSISTENCY_NO_PROOF = Unknown "no-proof",
        "没有给出与已知检查点(共 {size} 条)相容的证明。",
        "There is no proof that connects the checkpoint you know (of {size} records).";
    CONSISTENCY_FORK = Fail "fork",
        "检查点与您已知的检查点(共 {size} 条)互相矛盾:该账本出示过两种历史。",
        "The checkpoint contradicts the one you know (of {size} records): the ledger has shown two histories.";
    CONSISTENCY_PROOF = Fail "wrong-proof",
        "与已知检查点(共 {size} 条)相容的证明不成立。",
        "The proof that should connect the checkpoint you know (of {size} records) does not hold.";
}
