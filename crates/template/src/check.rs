//! Whether elements fit a phase's schema.

use serde_json::{Map, Value};
use xiezhi_types::{Refusal, TimestampMs};

use crate::{Content, Format, Phase, Property, refusal::of_element};

/// An element's value that fits its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Element {
    /// Text.
    Text(String),
    /// A number.
    Number(u64),
}

impl Phase {
    /// Checks the elements `given` of an entry of this phase, with or without a content; the elements by name.
    ///
    /// # Errors
    /// Every [`Refusal`], by the elements' order, not the first only.
    pub fn check(
        &self,
        given: &Map<String, Value>,
        has_content: bool,
    ) -> Result<Vec<(String, Element)>, Vec<Refusal>> {
        let (mut elements, mut refused) = (Vec::new(), Vec::new());
        for (name, property) in &self.schema.properties {
            match given.get(name) {
                Some(value) => match property.check(name, value) {
                    Ok(element) => elements.push((name.clone(), element)),
                    Err(refusal) => refused.push(refusal),
                },
                None if self.schema.required.contains(name) => {
                    let (en, zh) = ("this element is required", "此要素为必填");
                    refused.push(of_element(name, property.label(), "element-missing", en, zh));
                }
                None => {}
            }
        }
        if given.keys().any(|name| !self.schema.properties.contains_key(name)) {
            let known: Vec<_> = self.schema.properties.keys().map(String::as_str).collect();
            let known = known.join(", ");
            let (en, zh) = (
                format!("an element is not of this phase, which has: {known}"),
                format!("存在不属于本阶段的要素,本阶段的要素为:{known}"),
            );
            refused.push(Refusal::new("fields", "element-unknown", en, zh));
        }
        if self.content == Content::Required && !has_content {
            let (en, zh) =
                ("a text, a file or a digest is required in this phase", "本阶段须提供文本、文件或摘要");
            refused.push(Refusal::new("content", "content-missing", en, zh));
        }
        if refused.is_empty() { Ok(elements) } else { Err(refused) }
    }
}

impl Property {
    /// What the element is called.
    #[must_use]
    pub fn label(&self) -> &crate::Label {
        match self {
            Self::String { label, .. } | Self::Integer { label, .. } => label,
        }
    }

    fn check(&self, name: &str, value: &Value) -> Result<Element, Refusal> {
        let refuse = |rule, en: &str, zh: &str| Err(of_element(name, self.label(), rule, en, zh));
        match self {
            Self::String { max_length, format, values, .. } => {
                let Some(text) = value.as_str() else {
                    return refuse("element-type", "a text in quotation marks is needed", "应为字符串");
                };
                let is_plain = !text.chars().any(|c| c.is_control() && c != '\n' && c != '\t');
                if text.trim().is_empty() || text.chars().count() > *max_length || !is_plain {
                    let en = format!("1 to {max_length} characters, none of them control characters");
                    return refuse(
                        "element-length",
                        &en,
                        &format!("应为 1 至 {max_length} 个字符,不得含控制字符"),
                    );
                }
                if !values.is_empty() && !values.iter().any(|one| one == text) {
                    let known = values.join(", ");
                    return refuse(
                        "element-value",
                        &format!("one of: {known}"),
                        &format!("应为下列之一:{known}"),
                    );
                }
                match format.filter(|format| !format.holds(text)) {
                    Some(format) => refuse("element-format", format.en(), format.zh()),
                    None => Ok(Element::Text(text.to_owned())),
                }
            }
            Self::Integer { minimum, maximum, .. } => match value.as_u64() {
                Some(number) if (*minimum..=*maximum).contains(&number) => Ok(Element::Number(number)),
                Some(_) => {
                    let en = format!("a whole number from {minimum} to {maximum}");
                    refuse("element-range", &en, &format!("应为 {minimum} 至 {maximum} 的整数"))
                }
                None => refuse("element-type", "a whole number is needed", "应为整数"),
            },
        }
    }
}

impl Format {
    fn holds(self, text: &str) -> bool {
        match self {
            Self::Date => {
                text.len() == 10 && TimestampMs::parse_rfc3339(&format!("{text}T00:00:00Z")).is_some()
            }
            Self::DateTime => TimestampMs::parse_rfc3339(text).is_some(),
            Self::Decimal => {
                let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
                let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
                digits(whole) && digits(part) && (whole == "0" || !whole.starts_with('0'))
            }
            Self::Uri => {
                let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
                rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
                    && text.bytes().all(|b| b.is_ascii_graphic())
            }
        }
    }

    fn en(self) -> &'static str {
        match self {
            Self::Date => "a date, as 2026-11-28",
            Self::DateTime => "a time by RFC 3339 in UTC, as 2026-11-28T09:30:00Z",
            Self::Decimal => "digits with at most one point, as 1200.50",
            Self::Uri => "an address that begins with http:// or https://, other characters escaped",
        }
    }

    fn zh(self) -> &'static str {
        match self {
            Self::Date => "应为日期,如 2026-11-28",
            Self::DateTime => "应为 RFC 3339 格式的 UTC 时间,如 2026-11-28T09:30:00Z",
            Self::Decimal => "应为数字,至多一个小数点,如 1200.50",
            Self::Uri => "应为以 http:// 或 https:// 开头的网址,其他字符须转义",
        }
    }
}
