//! The page that verifies offline: one HTML file with the verifier in it, that asks no network for anything.
//!
//! Its parts lie in crates/wasm/page; the pages here use the same form, style and script.

use base64::{Engine as _, engine::general_purpose::STANDARD};

const TEMPLATE: &str = include_str!("../../wasm/page/verifier.html");
pub(crate) const STYLE: &str = include_str!("../../wasm/page/style.css");
pub(crate) const FORM: &str = include_str!("../../wasm/page/form.html");
/// The verifier, as `crates/wasm/build` makes it.
pub(crate) const VERIFIER: &[u8] = include_bytes!("../../wasm/built/verifier.wasm");
/// Scripts of the pages that verify, deposit, keep, bind and compare checkpoints here.
pub(crate) const VERIFY: &str = concat!(
    include_str!("../../wasm/page/machine.js"),
    include_str!("../../wasm/page/verify.js"),
    include_str!("../assets/verify.js")
);
pub(crate) const DEPOSIT: &str = concat!(
    include_str!("../../wasm/page/machine.js"),
    include_str!("../assets/keys.js"),
    include_str!("../assets/roles.js"),
    include_str!("../assets/deposit.js")
);
pub(crate) const MINE: &str = concat!(
    include_str!("../../wasm/page/machine.js"),
    include_str!("../assets/keys.js"),
    include_str!("../assets/roles.js"),
    include_str!("../assets/vault.js"),
    include_str!("../assets/mine.js")
);
pub(crate) const START: &str = concat!(
    include_str!("../../wasm/page/machine.js"),
    include_str!("../assets/keys.js"),
    include_str!("../assets/roles.js"),
    include_str!("../assets/start.js")
);
pub(crate) const CONSISTENCY: &str = concat!(
    include_str!("../../wasm/page/machine.js"),
    include_str!("../assets/keys.js"),
    include_str!("../assets/consistency.js")
);
pub(crate) const BIND: &str = concat!(
    include_str!("../../wasm/page/machine.js"),
    include_str!("../assets/keys.js"),
    include_str!("../assets/bind.js")
);
pub(crate) const ENTRY: &str =
    concat!(include_str!("../../wasm/page/machine.js"), include_str!("../assets/entry.js"));
const OFFLINE_SCRIPT: &str = concat!(
    "\n",
    include_str!("../../wasm/page/machine.js"),
    include_str!("../../wasm/page/verify.js"),
    include_str!("../../wasm/page/inline.js")
);

/// The page, whole: 1.9 MB. Its content security policy allows its own script and style by their hashes and forbids every connection.
#[must_use]
pub fn offline_page() -> String {
    let hash = |text: &str| format!("sha256-{}", STANDARD.encode(xiezhi_crypto::sha256(text.as_bytes())));
    TEMPLATE
        .replace("{script-hash}", &hash(OFFLINE_SCRIPT))
        .replace("{style-hash}", &hash(STYLE))
        .replace("\n{script}", OFFLINE_SCRIPT)
        .replace("{style}", STYLE)
        .replace("{form}", FORM)
        .replace("{wasm}", &STANDARD.encode(VERIFIER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_whole_and_names_nobody_outside() {
        let page = offline_page();
        for place in ["-hash}", "{wasm}", "{script}", "{style}", "{form}"] {
            assert!(!page.contains(place), "{place}");
        }
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
