//! The fixed texts of documents in both languages.

use xiezhi_verify::Lang;

/// A text in both languages.
#[derive(Clone, Copy)]
pub(crate) struct Text {
    pub(crate) zh: &'static str,
    pub(crate) en: &'static str,
}

impl Text {
    pub(crate) fn of(self, lang: Lang) -> &'static str {
        match lang {
            Lang::Zh => self.zh,
            Lang::En => self.en,
        }
    }
}

macro_rules! texts {
    ($($name:ident = $zh:literal, $en:literal;)*) => {
        $(pub(crate) const $name: Text = Text { zh: $zh, en: $en };)*

        /// Every text, for the test that the font has all of it.
        #[cfg(test)]
        pub(crate) const ALL: &[Text] = &[$($name),*];
    };
}

texts! {
    TITLE_VALID = "电子数据存证凭证", "Certificate of Recorded Data";
    TITLE_OTHER = "凭证核验报告", "Report on a Certificate";
    HEADER = "獬豸司法存证链", "Xiezhi judicial evidence chain";
    FOOTER = "本文件是所附凭证的可读形式;效力以所附凭证为准。", "A readable form of the attached certificate; the attached file is what counts.";
    DESCRIPTION = "凭证的核验结论,附凭证原文件", "The verdict on a certificate, with the certificate attached";

    VALID = "有效", "VALID";
    INVALID = "无效", "INVALID";
    UNKNOWN = "未能判定", "NOT DECIDED";
    VALID_SENTENCE = "以 {time} 为准核验:各项检查均通过。", "Verified as of {time}: every check that counts has passed.";
    INVALID_SENTENCE = "以 {time} 为准核验:至少一项检查未通过。本文件不证明任何事项。",
        "Verified as of {time}: at least one check has failed. This document proves nothing.";
    UNKNOWN_SENTENCE = "以 {time} 为准核验:有检查无法判定。在此之前,本文件不证明任何事项。",
        "Verified as of {time}: a check could not be decided. Until it is, this document proves nothing.";

    RECORD = "存证记录", "The record";
    CLAIMED = "凭证自称的内容(未获证明)", "What the file says (not proven)";
    NUMBER = "存证编号", "Record number";
    SINCE = "封存时间", "Sealed time";
    ISSUER = "存证账户", "Account";
    DIGEST = "原件摘要", "Digest of the original";
    SIZE = "原件长度", "Length of the original";
    BYTES = "{n} 字节", "{n} bytes";
    LEDGER_NAME = "账本", "Ledger";
    LEDGER = "账本标识", "Ledger id";
    INDEX = "日志序号", "Index in the log";
    ITEM = "批次中的序号", "Item of the batch";
    HEIGHT = "区块高度", "Block height";
    STATEMENT = "声明标识", "Statement id";
    GROUP = "业务分组", "Group";
    PHASE = "阶段", "Phase";
    CERTIFICATE = "凭证文件 SHA-256", "Certificate file, SHA-256";
    ORIGINAL = "原件比对", "The original";
    COMPARED = "已出示并与记录比对,一致", "presented, and the one recorded";
    NOT_COMPARED = "未出示,未比对", "not presented, not compared";

    PROVES = "证明什么", "What this proves";
    DOES_NOT_PROVE = "不证明什么", "What this does not prove";

    SEALS = "见证并盖章的机构", "Institutions that witnessed and sealed";
    LOGOS_NOTE = "图形由制作本文件者选用,不证明任何事。", "Pictures were chosen by whoever made this document; they prove nothing.";
    INSTITUTION = "机构", "Institution";
    ROLE = "角色", "Role";
    SEAL_TIME = "盖章时间", "Sealed at";
    STAMPS = "可信时间戳", "Time stamps (RFC 3161)";
    AUTHORITY = "时间戳机构", "Authority";
    STAMP_TIME = "证明的时间", "Time stated";

    CHECKS = "逐项核验", "Check by check";
    RESULT = "结果", "Result";
    CHECK = "检查", "Check";
    FINDING = "结论", "Finding";
    PASS = "通过", "pass";
    FAIL = "未通过", "FAIL";
    UNDECIDED = "未判定", "unknown";
    UNDECIDED_ASIDE = "未判定(不影响结论)", "unknown (does not count)";

    DESCRIBED = "存证人的说明", "The depositor's description";
    DESCRIBED_NOTE = "以下字段在封存时即已固定,此后未变;其内容由存证人自述,真实性未经证明。",
        "These fields were fixed when the record was sealed and have not changed since. The depositor wrote them; that they are true is not proven.";
    CLOSED = "另有 {n} 项未公开。", "{n} more fields are not disclosed.";

    VERIFY = "如何核验", "How to verify";
    VERIFY_BODY = "纸质件和本 PDF 都可能被改动,不要凭其外观相信。请从本 PDF 中取出附件 certificate.xzc,用獬豸核验软件在离线状态下与原件一并核验:xiezhi verify 原件 certificate.xzc。",
        "Paper and this PDF can be altered: do not believe their looks. Save the attachment certificate.xzc from this PDF and verify it, offline, together with the original: xiezhi verify ORIGINAL certificate.xzc.";
    VERIFY_DETACHED = "纸质件和本 PDF 都可能被改动,不要凭其外观相信。所核验的文件无法读出,未附于本 PDF。",
        "Paper and this PDF can be altered: do not believe their looks. The file that was judged cannot be read and is not attached to this PDF.";
    CODE_PAGE = "二维码指向核验页面:{url}", "The QR code leads to a page for verification: {url}";
    CODE_RECORD = "二维码内容为存证编号和原件摘要,不含网址。", "The QR code holds the record number and the recorded digest, no address.";
    CODE_ALT = "二维码", "QR code";

    COURT = "法院", "Court";
    NOTARY = "公证机构", "Notary office";
    FORENSIC = "司法鉴定机构", "Forensic centre";
    CA = "电子认证机构", "Certificate authority";
    TECHNOLOGY = "技术服务商", "Technology provider";
}

/// The role's name for people.
pub(crate) fn role(word: &str) -> Text {
    match word {
        "court" => COURT,
        "notary" => NOTARY,
        "forensic" => FORENSIC,
        "ca" => CA,
        _ => TECHNOLOGY,
    }
}

#[cfg(test)]
mod tests {
    use xiezhi_types::Role;

    use super::*;
    use crate::glyphs::is_shown;

    #[test]
    fn the_font_has_every_character_of_every_text() {
        let verdicts = include_str!("../../verify/src/finding.rs").to_owned()
            + include_str!("../../verify/src/verdict.rs");
        let own = ALL.iter().flat_map(|text| text.zh.chars().chain(text.en.chars()));
        let missing: Vec<_> = own.chain(verdicts.chars()).filter(|c| *c != '\n' && !is_shown(*c)).collect();
        assert_eq!(missing, Vec::<char>::new());
    }

    #[test]
    fn every_role_has_its_name() {
        let roles = [Role::Court, Role::Notary, Role::Forensic, Role::CertificateAuthority, Role::Technology];
        let names: Vec<_> = roles.iter().map(|one| role(one.name()).en).collect();
        assert_eq!(names, [COURT.en, NOTARY.en, FORENSIC.en, CA.en, TECHNOLOGY.en]);
    }
}
