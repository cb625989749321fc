"""The fixed paragraphs of a verdict, as the vectors have them."""

PROVES_ORIGINAL = {
    "zh": "本凭证证明:所出示的原件,自上述封存时间起已经存在,此后逐字节未有变动;它由上述账户记录,并由上述机构共同见证、盖章,"
          "时间由上述时间戳机构证明。",
    "en": "This proves that the original presented existed at the sealed time stated above and has not changed by a single byte "
          "since; that the account named above recorded it; that the institutions named above witnessed and sealed the record; "
          "and that the time-stamp authorities named above had seen it at the times stated.",
}
PROVES_RECORD = {
    "zh": "本凭证证明:上述记录自上述封存时间起已经存在,此后未有变动;它由上述账户作出,并由上述机构共同见证、盖章。"
          "未比对任何原件,故不证明任何文件与该记录一致。",
    "en": "This proves that the record described above existed at the sealed time stated above and has not changed since; that the "
          "account named above made it; and that the institutions named above witnessed and sealed it. No original was compared, "
          "so it does not prove of any file that it is the one recorded.",
}
PROVES_ACCOUNT = {
    "zh": "本文件证明:上述高度的区块之后,该账户在账本上的状态如所示(或不存在);上述机构共同见证、盖章。"
          "它不证明账户此后没有变更。",
    "en": "This proves that the account stood on the ledger as shown, or did not exist, after the block at the height stated above, "
          "which the institutions named above witnessed and sealed. It does not prove that the account has not changed since.",
}
PROVES_NOTHING = {
    "zh": "就所出示的材料而言,本凭证不证明任何事项;原因见上列各项检查。",
    "en": "With what was presented, this certificate proves nothing; the checks above say why.",
}
DOES_NOT_PROVE = {
    "zh": "本凭证不证明:封存时间之前的任何事实,包括内容在记录之前是否真实、完整;原件的取得是否合法;原件与任何争议是否相关。"
          "这些由法官审查判断。",
    "en": "This does not prove anything about the time before the sealed time, in particular not that the content was true or "
          "complete before it was recorded; nor that the original was obtained lawfully; nor that it is relevant to any dispute. "
          "Those are for the judge.",
}
