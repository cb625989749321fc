//! The languages that people are spoken to in.

/// Language of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lang {
    /// Chinese.
    Zh,
    /// English.
    En,
}

impl Lang {
    /// The preferred of the two by the value of `Accept-Language` (RFC 9110, section 12.5.4); English when neither is named.
    #[must_use]
    pub fn accepted(header: &str) -> Self {
        let mut best = (Self::En, 0.0_f32);
        for part in header.split(',') {
            let (tag, parameters) = part.split_once(';').unwrap_or((part, ""));
            let quality =
                parameters.trim().strip_prefix("q=").map_or(1.0, |q| q.trim().parse().unwrap_or(0.0));
            let lang = match tag.trim().split('-').next().unwrap_or_default() {
                tag if tag.eq_ignore_ascii_case("zh") => Self::Zh,
                tag if tag.eq_ignore_ascii_case("en") => Self::En,
                _ => continue,
            };
            if quality > best.1 {
                best = (lang, quality);
            }
        }
        best.0
    }

    /// Its tag (RFC 5646).
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh-CN",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_preferred_of_the_two() {
        let rows = [
            ("", Lang::En),
            ("zh", Lang::Zh),
            ("zh-CN,zh;q=0.9,en;q=0.8", Lang::Zh),
            ("en-GB, zh;q=0.9", Lang::En),
            ("fr, zh;q=0.3, en;q=0.2", Lang::Zh),
            ("fr", Lang::En),
            ("zh;q=0", Lang::En),
            ("ZH-hant", Lang::Zh),
            ("fr,en;q=0.5", Lang::En),
            ("ZH-tw", Lang::Zh),
        ];
        for (text, expected) in rows {
            assert_eq!(Lang::accepted(text), expected, "{text}");
        }
    }
}
