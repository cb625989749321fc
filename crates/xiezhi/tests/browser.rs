//! The offline page in a real browser, from a file, without a network.

mod place;

use place::{Place, browser::Browser, text};
use serde_json::json;
use xiezhi_verify::fixtures::{Fixture, ORIGINAL, Plan};

#[test]
fn the_page_verifies_in_a_browser_from_a_file_without_a_network() {
    let place = Place::new();
    place.expect(0, &["verifier-page", "verifier.html"]);
    place.expect(2, &["verifier-page", "verifier.html"]);
    let Some(browser) = Browser::start(&place) else { return };
    let fixture = Fixture::new();
    let sealed = fixture.certificate(&Plan::default());
    let certificate = place.file("a.xzc", &sealed.encode());
    let mut altered = sealed.encode();
    let middle = altered.len() / 2;
    altered[middle] ^= 1;
    let altered = place.file("altered.xzc", &altered);
    let genesis = place.file("genesis.cbor", &fixture.genesis.encode());
    let original = place.file("original.txt", ORIGINAL);
    let changed = place.file("changed.txt", &[ORIGINAL, b"."].concat());
    // The declared time is the browser's: the fixtures are from January 2027.
    let open = |language: &str| {
        browser.open(&format!("file://{}", text(&place.path("verifier.html"))));
        browser.script("const real = Date.now; Date.now = () => Math.max(real(), 1800000060000)");
        if browser.script("return document.documentElement.lang") != language {
            browser.click("language");
        }
        assert_eq!(browser.script("return document.documentElement.lang"), language);
    };

    for (language, words) in [
        ("zh-CN", ["有效", "无效", "未能判定", "记录有效", "请选择原件"]),
        ("en", ["VALID", "INVALID", "NOT DECIDED", "RECORD VALID", "Choose the original"]),
    ] {
        let [valid, invalid, undecided, record, missing] = words;
        open(language);
        browser.picture(&format!("{language}-empty"));
        browser.choose("certificate", &certificate);
        assert!(browser.verdict().starts_with(missing));
        browser.choose("original", &original);
        // Nobody's ledger is trusted: never valid.
        assert_eq!(browser.verdict(), undecided);
        browser.picture(&format!("{language}-undecided"));
        browser.choose("genesis", &genesis);
        assert_eq!(browser.verdict(), valid);
        assert!(
            !browser
                .script("return document.getElementById('proves-not').textContent")
                .as_str()
                .unwrap()
                .is_empty()
        );
        browser.picture(&format!("{language}-valid"));
        browser.choose("original", &changed);
        assert_eq!(browser.verdict(), invalid);
        browser.picture(&format!("{language}-invalid"));
        browser.click("record");
        assert!(browser.verdict().starts_with(record));
        browser.choose("certificate", &altered);
        assert_eq!(browser.verdict(), invalid);

        // By the ledger's id alone.
        open(language);
        browser.choose("certificate", &certificate);
        browser.choose("original", &original);
        let ledger = browser.element("ledger");
        browser.post(&format!("/element/{ledger}/value"), json!({"text": fixture.ledger.to_string()}));
        assert_eq!(browser.verdict(), valid);
    }
    // Whatever is chosen anew takes the verdict away.
    browser.choose("original", &changed);
    assert_eq!(browser.script("return document.getElementById('result').hidden"), true);
    // The policy of the page, and not the lack of a network, forbids connections.
    let blocked = browser.later(
        "addEventListener('securitypolicyviolation', (event) => done(event.effectiveDirective)); \
         fetch('http://127.0.0.1:1/').catch(() => setTimeout(() => done('no violation'), 2000))",
    );
    assert_eq!(blocked, "connect-src");
}
