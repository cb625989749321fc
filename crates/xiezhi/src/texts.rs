//! Texts in Chinese and English, from the Fluent files in locales/.

use fluent_bundle::{FluentArgs, FluentBundle, FluentResource};
use unic_langid::LanguageIdentifier;
use xiezhi_verify::Lang;

const ZH: &str = include_str!("../locales/zh-CN.ftl");
const EN: &str = include_str!("../locales/en.ftl");

/// The texts of one language.
pub(crate) struct Texts {
    bundle: FluentBundle<FluentResource>,
    lang: Lang,
}

/// The language asked for by `--lang`, `XIEZHI_LANG`, or the locale, in this order; English otherwise.
pub(crate) fn language_from(args: impl Iterator<Item = String>) -> Lang {
    let args: Vec<String> = args.collect();
    let flag = args.iter().enumerate().find_map(|(at, arg)| match arg.strip_prefix("--lang") {
        Some("") => args.get(at + 1).cloned(),
        Some(value) => value.strip_prefix('=').map(str::to_owned),
        None => None,
    });
    let named = ["XIEZHI_LANG", "LC_ALL", "LC_MESSAGES", "LANG"];
    let environment =
        || named.iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    match flag.or_else(environment) {
        Some(value) if value.starts_with("zh") => Lang::Zh,
        _ => Lang::En,
    }
}

impl Texts {
    pub(crate) fn new(lang: Lang) -> Self {
        let (source, id): (&str, &str) = match lang {
            Lang::Zh => (ZH, "zh-CN"),
            Lang::En => (EN, "en"),
        };
        let id: LanguageIdentifier = id.parse().unwrap_or_default();
        let mut bundle = FluentBundle::new(vec![id]);
        bundle.set_use_isolating(false);
        // The files are part of the program and are read by a test; a broken line loses that text only.
        let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(resource, _)| resource);
        let _ = bundle.add_resource(resource);
        Self { bundle, lang }
    }

    pub(crate) fn lang(&self) -> Lang {
        self.lang
    }

    /// The text `id` with its variables; the id itself where there is none.
    pub(crate) fn get(&self, id: &str, values: &[(&str, &dyn std::fmt::Display)]) -> String {
        self.find(id, values).unwrap_or_else(|| id.to_owned())
    }

    /// The text `id`, if this language has it.
    pub(crate) fn find(&self, id: &str, values: &[(&str, &dyn std::fmt::Display)]) -> Option<String> {
        let pattern = self.bundle.get_message(id)?.value()?;
        let mut args = FluentArgs::new();
        for (name, value) in values {
            args.set(*name, value.to_string());
        }
        Some(self.bundle.format_pattern(pattern, Some(&args), &mut Vec::new()).into_owned())
    }

    /// The right one of a pair of names.
    pub(crate) fn pick<'a>(&self, zh: &'a str, en: &'a str) -> &'a str {
        match self.lang {
            Lang::Zh => zh,
            Lang::En => en,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn ids(source: &str) -> BTreeSet<String> {
        assert!(FluentResource::try_new(source.to_owned()).is_ok(), "the file parses");
        let ids = source.lines().filter_map(|line| line.split_once(" = ")).map(|(id, _)| id.to_owned());
        let ids: BTreeSet<_> = ids.filter(|id| !id.starts_with(' ') && !id.starts_with('#')).collect();
        ids
    }

    #[test]
    fn both_languages_have_the_same_texts() {
        let help = |id: &String| !id.starts_with("help");
        let zh: BTreeSet<_> = ids(ZH).into_iter().filter(help).collect();
        let en: BTreeSet<_> = ids(EN).into_iter().filter(help).collect();
        assert_eq!(zh.symmetric_difference(&en).collect::<Vec<_>>(), Vec::<&String>::new());
    }

    #[test]
    fn the_language_comes_from_the_flag_first() {
        let args = |list: &[&str]| list.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>().into_iter();
        assert_eq!(language_from(args(&["xiezhi", "--lang", "zh", "status"])), Lang::Zh);
        assert_eq!(language_from(args(&["xiezhi", "--lang=zh-CN"])), Lang::Zh);
        assert_eq!(language_from(args(&["xiezhi", "--lang", "en"])), Lang::En);
    }
}
