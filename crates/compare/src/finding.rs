//! What a comparison can find, and the sentence for it in both languages. Codes are stable; wording may improve.

use serde::{Serialize, Serializer, ser::SerializeMap as _};
use xiezhi_types::Lang;

/// One thing found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which: a stable kebab-case string.
    pub code: &'static str,
    /// What the sentence names, in order.
    pub params: Vec<(&'static str, String)>,
    kind: &'static Kind,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    code: &'static str,
    zh: &'static str,
    en: &'static str,
}

pub(crate) fn new(kind: &'static Kind) -> Finding {
    Finding { code: kind.code, params: Vec::new(), kind }
}

impl Finding {
    pub(crate) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.params.push((name, value.to_string()));
        self
    }

    /// As a sentence for people. Values are never looked into, so that none can smuggle in another name.
    #[must_use]
    pub fn sentence(&self, lang: Lang) -> String {
        let mut rest = match lang {
            Lang::Zh => self.kind.zh,
            Lang::En => self.kind.en,
        };
        let mut out = String::new();
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, tail)) = after.split_once('}') else { break };
            out.push_str(before);
            let value = self.params.iter().find(|(known, _)| *known == name);
            out.push_str(value.map_or("?", |(_, value)| value.as_str()));
            rest = tail;
        }
        out.push_str(rest);
        out
    }
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Params<'a>(&'a [(&'static str, String)]);
        impl Serialize for Params<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
            }
        }
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("code", self.code)?;
        map.serialize_entry("params", &Params(&self.params))?;
        map.end()
    }
}

macro_rules! findings {
    ($($name:ident = $code:literal, $zh:literal, $en:literal;)*) => {
        $(pub(crate) const $name: Kind = Kind { code: $code, zh: $zh, en: $en };)*

        /// Every one, for the tests.
        #[cfg(test)]
        pub(crate) const ALL: &[&Kind] = &[$(&$name),*];
    };
}

findings! {
    BYTES_EQUAL = "bytes-equal",
        "两个文件逐字节相同。",
        "Every byte is the same.";
    BYTES_DIFFER = "bytes-differ",
        "两个文件的字节不同:自偏移 {at} 起(所出示的文件 {presented} 字节,原件 {original} 字节)。",
        "The bytes differ, from offset {at} on (presented {presented} bytes, original {original}).";
    KINDS_DIFFER = "kinds-differ",
        "两个文件的类型不同({presented} 与 {original}),内容未比较。",
        "The files are of different kinds ({presented}, {original}); their content was not compared.";
    NOT_READ = "not-read",
        "无法按 {kind} 读取({which}),只比较了字节。",
        "Not readable as {kind} ({which}); only the bytes were compared.";
    LIMIT = "limit-reached",
        "超过比较上限({which}:{what}),只比较了字节。",
        "Beyond what is compared ({which}: {what}); only the bytes were compared.";
    TOO_LONG = "too-long",
        "文件过长,除逐字节比对外未作其他比较。",
        "The files are too long for any other comparison than byte by byte.";
    BYTE_RANGES = "byte-ranges-equal",
        "所出示的 {of} 字节中,有 {bytes} 字节以成段的形式与原件相同。",
        "Of the {of} bytes presented, {bytes} are the same as in the original, in runs.";
    BYTE_RANGES_NONE = "byte-ranges-none",
        "没有找到成段相同的字节(以 {run} 字节为一段)。",
        "No run of {run} bytes or more was found to be the same.";

    PIXELS_EQUAL = "image-pixels-equal",
        "解码后像素完全相同({width}×{height})。",
        "After decoding every pixel is the same ({width}x{height}).";
    PIXELS_DIFFER = "image-pixels-differ",
        "解码后的像素不同:{of} 个像素中有 {differ} 个不同,单通道最大相差 {largest}(满度 {full})。",
        "After decoding {differ} of {of} pixels differ; the largest difference in a channel is {largest} of {full}.";
    PICTURE_SIZE = "image-size-differs",
        "图像尺寸不同:{presented} 与 {original}。",
        "The pictures have different sizes: {presented} and {original}.";
    PICTURE_METADATA = "image-metadata-differs",
        "图像所附的信息不同:{parts}。",
        "What accompanies the picture differs: {parts}.";
    PICTURE_SHOWN = "image-shown-differently",
        "像素相同,但影响显示的信息不同:{parts}。",
        "The pixels are the same, but what decides how they are shown differs: {parts}.";

    ENTRIES_EQUAL = "zip-entries-equal",
        "压缩包目录中的 {entries} 个条目,名称和内容全部相同;顺序、压缩方式、时间等未比较。",
        "All {entries} entries that the archives list have the same names and contents; order, compression and times were not compared.";
    ENTRIES_PARTLY = "zip-entries-partly",
        "压缩包中 {same} 个条目相同,{changed} 个同名而内容不同,{added} 个只在所出示的文件中,{missing} 个只在原件中。",
        "{same} entries are the same, {changed} have the same name and other content, {added} are only in the presented file, {missing} only in the original.";
    ENTRIES_NONE = "zip-entries-none",
        "压缩包中没有内容相同的条目。",
        "No entry of the archives has the same content.";

    PAGES_EQUAL = "pdf-pages-equal",
        "全部 {pages} 页及其引用的字体、图像等解码后相同,顺序一致。",
        "All {pages} pages, with the fonts and pictures that they use, are the same after decoding, in the same order.";
    PAGES_PARTLY = "pdf-pages-partly",
        "所出示的 {presented} 页中有 {same} 页与原件({original} 页)的某页相同。",
        "{same} of the {presented} pages presented are the same as pages of the original, which has {original}.";
    PAGES_NONE = "pdf-pages-none",
        "没有相同的页。",
        "No page is the same.";
    PDF_METADATA = "pdf-metadata-differs",
        "文档信息(元数据)不同,或只有一方具有。",
        "The document's metadata differ, or only one has them.";
    PDF_PARTS = "pdf-parts-differ",
        "页面之外的部分不同:{parts}(如表单、附件、图层、脚本、签名)。",
        "Parts beside the pages differ: {parts} (such as forms, attachments, layers, scripts, signatures).";

    TEXT_EQUAL = "text-equal",
        "文字相同,差别仅在于:{changes}。",
        "The text is the same; the difference is only in: {changes}.";
    LINES_PARTLY = "text-lines-partly",
        "所出示的 {of} 行中有 {lines} 行按次序与原件的行相同。",
        "{lines} of the {of} lines presented are the same as lines of the original, in order.";
    LINES_NONE = "text-lines-none",
        "没有按次序相同的行。",
        "No line is the same.";

    RECORD_EQUAL = "record-digest-equal",
        "摘要与记录一致({algorithms}):所出示的文件就是所记录的文件。",
        "The digest is the one recorded ({algorithms}): the file presented is the file recorded.";
    RECORD_DIFFERS = "record-digest-differs",
        "{algorithm} 摘要与记录不同:所出示的文件不是所记录的文件。",
        "The {algorithm} digest is not the one recorded: the file presented is not the file recorded.";
    RECORD_SIZE = "record-size-differs",
        "长度不同:所出示的文件 {presented} 字节,记录为 {recorded} 字节。",
        "The lengths differ: {presented} bytes presented, {recorded} recorded.";
    RECORD_NOTHING = "record-no-digest",
        "记录中没有公开可比对的摘要。",
        "The record discloses no digest to compare with.";
    RECORD_NEEDS = "record-needs-original",
        "只凭摘要不能得知内容是否相同或部分相同:还需要所记录的原件({digest})。",
        "Digests alone cannot tell whether content is the same or partly the same: the recorded original is needed ({digest}).";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_name_the_same_values_and_codes_are_distinct() {
        let names = |text: &str| {
            let mut names: Vec<String> = text
                .split('{')
                .skip(1)
                .filter_map(|part| part.split_once('}'))
                .map(|(name, _)| name.to_owned())
                .collect();
            names.sort();
            names
        };
        for kind in ALL {
            assert_eq!(names(kind.zh), names(kind.en), "{}", kind.code);
            assert_eq!(ALL.iter().filter(|other| other.code == kind.code).count(), 1, "{}", kind.code);
        }
    }
}
