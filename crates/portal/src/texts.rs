//! Texts in Chinese and English, from the Fluent files in locales/.

use std::{fmt::Display, sync::LazyLock};

use fluent_bundle::{FluentArgs, FluentResource, concurrent::FluentBundle};
use unic_langid::LanguageIdentifier;
use xiezhi_client::wire::Names;
use xiezhi_types::Lang;

static ZH: LazyLock<Texts> = LazyLock::new(|| Texts::new(Lang::Zh, include_str!("../locales/zh-CN.ftl")));
static EN: LazyLock<Texts> = LazyLock::new(|| Texts::new(Lang::En, include_str!("../locales/en.ftl")));

/// The language that `?lang=` and the cookie name.
pub(crate) fn named(text: &str) -> Option<Lang> {
    match text {
        "zh" | "zh-CN" => Some(Lang::Zh),
        "en" => Some(Lang::En),
        _ => None,
    }
}

/// The texts of one language.
pub(crate) struct Texts {
    bundle: FluentBundle<FluentResource>,
    pub(crate) lang: Lang,
}

impl Texts {
    fn new(lang: Lang, source: &str) -> Self {
        let id: LanguageIdentifier = lang.tag().parse().unwrap_or_default();
        let mut bundle = FluentBundle::new_concurrent(vec![id]);
        bundle.set_use_isolating(false);
        // The files are part of the program and are read by a test; a broken line loses that text only.
        let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(resource, _)| resource);
        let _ = bundle.add_resource(resource);
        Self { bundle, lang }
    }

    /// Those of `lang`.
    pub(crate) fn of(lang: Lang) -> &'static Self {
        match lang {
            Lang::Zh => &ZH,
            Lang::En => &EN,
        }
    }

    /// The text `id`; the id itself where there is none.
    pub(crate) fn get(&self, id: &str) -> String {
        self.find(id, None).unwrap_or_else(|| id.to_owned())
    }

    /// The text `id` with one variable.
    pub(crate) fn with(&self, id: &str, name: &str, value: impl Display) -> String {
        let mut args = FluentArgs::new();
        args.set(name.to_owned(), value.to_string());
        self.find(id, Some(&args)).unwrap_or_else(|| id.to_owned())
    }

    /// The text `id` with its variable `n`.
    pub(crate) fn n(&self, id: &str, value: impl Display) -> String {
        self.with(id, "n", value)
    }

    /// The text `group-word`, for a word of the API; the word itself where it is not known.
    pub(crate) fn word(&self, group: &str, word: &str) -> String {
        self.find(&format!("{group}-{word}"), None).unwrap_or_else(|| word.to_owned())
    }

    /// A template's label.
    pub(crate) fn label<'a>(&self, label: &'a xiezhi_template::Label) -> &'a str {
        label.get(self.lang)
    }

    /// The right one of a pair of names.
    pub(crate) fn pick<'a>(&self, names: &'a Names) -> &'a str {
        match self.lang {
            Lang::Zh => &names.zh,
            Lang::En => &names.en,
        }
    }

    fn find(&self, id: &str, args: Option<&FluentArgs<'_>>) -> Option<String> {
        let pattern = self.bundle.get_message(id)?.value()?;
        Some(self.bundle.format_pattern(pattern, args, &mut Vec::new()).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    fn ids(file: &str) -> BTreeSet<String> {
        let source =
            fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("locales").join(file)).unwrap();
        assert!(FluentResource::try_new(source.clone()).is_ok(), "{file} parses");
        source.lines().filter_map(|line| line.split_once(" = ")).map(|(id, _)| id.to_owned()).collect()
    }

    /// Every `"id"` that follows `call(` in the templates and sources.
    fn asked() -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for dir in ["templates", "src"] {
            for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(dir)).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    continue;
                }
                let text = fs::read_to_string(path).unwrap();
                for call in ["t.get(\"", "t.n(\"", "t.with(\""] {
                    let parts = text.split(call).skip(1);
                    found.extend(parts.map(|part| part.split('"').next().unwrap().to_owned()));
                }
            }
        }
        found
    }

    #[test]
    fn both_languages_have_the_same_texts_and_all_that_pages_ask_for() {
        let (zh, en) = (ids("zh-CN.ftl"), ids("en.ftl"));
        assert_eq!(zh.symmetric_difference(&en).collect::<Vec<_>>(), Vec::<&String>::new());
        assert!(asked().len() > 40);
        assert_eq!(asked().difference(&en).collect::<Vec<_>>(), Vec::<&String>::new());
    }
}
