//! `verifier-page`: one HTML file that verifies offline, in any browser, with no network at all.

use std::path::Path;

use anyhow::bail;
use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{Ending, Usage, home, texts::Texts};

const TEMPLATE: &str = include_str!("../../wasm/page/verifier.html");
const VERIFIER: &[u8] = include_bytes!("../../wasm/built/verifier.wasm");

/// The page: the template with the verifier in it, and the hashes by which its content security policy allows its own script and style only.
fn page() -> String {
    let hash = |tag: &str| {
        let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
        let inside = TEMPLATE.split_once(&open).and_then(|(_, rest)| rest.split_once(&close));
        let (inside, _) = inside.expect("the template has both");
        format!("sha256-{}", STANDARD.encode(xiezhi_crypto::sha256(inside.as_bytes())))
    };
    TEMPLATE
        .replace("{script-hash}", &hash("script"))
        .replace("{style-hash}", &hash("style"))
        .replace("{wasm}", &STANDARD.encode(VERIFIER))
}

pub(crate) fn run(file: &Path, texts: &Texts) -> anyhow::Result<Ending> {
    if file.exists() {
        bail!(Usage(texts.get("page-exists", &[("file", &file.display())])));
    }
    home::write_whole(file, page().as_bytes(), false)?;
    println!("{}", texts.get("page-written", &[("file", &file.display())]));
    Ok(Ending::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_whole_and_names_nobody_outside() {
        let page = page();
        assert!(!page.contains("-hash}") && !page.contains("{wasm}"));
        let policy =
            page.split("Content-Security-Policy\" content=\"").nth(1).unwrap().split('"').next().unwrap();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'sha256-") && !policy.contains("connect-src")
        );
        for outside in ["src=", "href=", "http:", "https:", "fetch(", "import("] {
            assert!(!page.contains(outside), "{outside}");
        }
        let noted = include_str!("../../wasm/built/verifier.wasm.sha256");
        assert_eq!(noted.split(' ').next().unwrap(), hex::encode(xiezhi_crypto::sha256(VERIFIER)));
    }
}
