//! The pages over a running alliance, in a real browser: finding, verifying, refusing, depositing, by keyboard, and for everybody.
//!
//! Accessibility is checked by axe-core (one file, target/tools/axe.min.js or `XIEZHI_AXE`), in both languages at both widths, light and dark.

mod place;

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use place::{
    Place,
    browser::{Browser, axe, inspect, tabbed_past},
    text,
};
use serde_json::Value;

const EXHIBIT: &[u8] = b"the parties agree";

/// One alliance, its records an account (0) and its deposit (1), and a browser before it.
struct Scene {
    browser: Browser,
    origin: String,
    record: Value,
    original: PathBuf,
    place: Place,
    _alliance: place::Alliance,
}

impl Scene {
    /// None where there is no browser.
    fn set() -> Option<Self> {
        let place = Place::new();
        let browser = Browser::start(&place)?;
        let alliance = place.up();
        let original = place.file("contract.txt", EXHIBIT);
        place.expect(0, &["deposit", "--searchable", "sha256", text(&original)]);
        let record = place.expect(0, &["show", "1", "--json"]);
        let record = serde_json::from_str(&record).unwrap();
        let origin = format!("http://127.0.0.1:{}", place.base_port - 10);
        Some(Self { browser, origin, record, original, place, _alliance: alliance })
    }

    fn open(&self, path: &str) {
        self.browser.open(&format!("{}{path}", self.origin));
    }

    /// Where the browser is.
    fn path(&self) -> String {
        self.browser.script("return location.pathname + location.search").as_str().unwrap().to_owned()
    }

    /// What the record is found by.
    fn of_record(&self, pointer: &str) -> String {
        let value = self.record.pointer(pointer);
        value.and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} in {}", self.record)).to_owned()
    }

    /// Types into the search box and presses Enter.
    fn search(&self, q: &str) -> String {
        self.open("/");
        self.browser.fill("q", q);
        self.browser.press("\u{e007}");
        self.browser.wait("return location.pathname !== '/' && document.readyState === 'complete'");
        self.path()
    }
}

#[test]
fn a_reader_finds_a_record_and_verifies_its_certificate() {
    let Some(scene) = Scene::set() else { return };
    let browser = &scene.browser;
    let (account, height) = (scene.of_record("/statement/issuer"), scene.of_record("/height"));
    for (q, expected) in [
        (scene.of_record("/number"), "/records/1".to_owned()),
        (scene.of_record("/number").to_lowercase(), "/records/1".to_owned()),
        (scene.of_record("/id"), "/records/1".to_owned()),
        (scene.of_record("/statement/digests/0"), "/records/1".to_owned()),
        (account.clone(), format!("/accounts/{account}")),
        (height.clone(), format!("/blocks/{height}")),
        ("court".to_owned(), "/institutions".to_owned()),
        ("nobody".to_owned(), "/search?q=nobody".to_owned()),
    ] {
        assert_eq!(scene.search(&q), expected, "{q}");
    }

    // The log only grew, as the browser computes it; and it remembers what it has seen.
    scene.open(&format!("/blocks/{height}?lang=en"));
    let check = |other: &str| {
        browser.script(&format!("document.getElementById('other').value = '{other}'; document.getElementById('consistent').textContent = ''"));
        browser.click("check-consistency");
        browser.wait("return document.getElementById('consistent').textContent").as_str().unwrap().to_owned()
    };
    let first = browser.script("return document.querySelector('[rel=prev]')?.href.split('/').pop()");
    let first = first.as_str().unwrap().to_owned();
    assert!(check(&first).starts_with("CONSISTENT"), "{}", check(&first));
    assert!(check("999999").starts_with("There is no checkpoint"));
    browser.script("localStorage.setItem(SEEN, JSON.stringify({ ...JSON.parse(localStorage.getItem(SEEN)), checkpoint: '00' }))");
    scene.open(&format!("/blocks/{height}?lang=en"));
    assert!(check(&first).starts_with("NOT the checkpoint"), "another history than the one seen");

    let changed = scene.place.file("changed.txt", b"the parties agreE");
    for (language, valid, invalid, undecided) in
        [("en", "VALID", "INVALID", "NOT DECIDED"), ("zh-CN", "有效", "无效", "未能判定")]
    {
        scene.open(&format!("/records/1?lang={language}"));
        assert_eq!(browser.script("return document.documentElement.lang"), language);
        // Found is not verified: nothing on the record's page says that it is valid.
        let said = browser.script("return document.querySelector('main').innerText");
        assert!(!said.as_str().unwrap().contains(valid), "{said}");

        browser.script("document.querySelector('a[href^=\"/verify?record=1\"]').click()");
        browser.wait("return document.getElementById('certificate')?.files.length");
        browser.choose("original", &scene.original);
        // The portal's own word for the ledger is nobody's trust.
        assert_eq!(browser.verdict(), undecided);
        browser.click("compared");
        assert_eq!(browser.script("return document.getElementById('result').hidden"), true);
        assert_eq!(browser.verdict(), valid);
        browser.picture(&format!("{language}-verified"));
        browser.choose("original", &changed);
        assert_eq!(browser.verdict(), invalid);
        browser.picture(&format!("{language}-refused"));

        // By the number, as it stands on paper, typed or behind the code's address; and one that nobody has.
        scene.open("/records/1");
        let number = browser
            .script("return document.querySelector('main').innerText.match(/XZ-[0-9a-f]+-[0-9A-Z-]+/)[0]");
        let number = number.as_str().unwrap().to_owned();
        for path in [format!("/verify#{number}"), format!("/verify?number={}", number.to_ascii_uppercase())] {
            scene.open("/");
            scene.open(&path);
            browser.wait("return document.getElementById('certificate')?.files.length");
            browser.choose("original", &scene.original);
            browser.click("compared");
            assert_eq!(browser.verdict(), valid, "{path}");
        }
        scene.open(&format!("/verify?number={number}9"));
        let said = browser.script("return document.getElementById('number-missing').innerText");
        assert!(said.as_str().is_some_and(|said| !said.is_empty()), "{said}");
        assert_eq!(browser.script("return document.getElementById('certificate').files.length"), 0);
        browser.picture(&format!("{language}-number"));

        // The certificate to take away, in the browser again and in the tool.
        scene.open("/records/1");
        browser.script("document.querySelector('a[href$=\"/certificate\"][download]').click()");
        let certificate = scene.place.path("downloads/record-1.xzc");
        browser.wait_for_file(&certificate);
        scene.place.expect(0, &["verify", text(&scene.original), text(&certificate)]);
        let mut bytes = fs::read(&certificate).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        let altered = scene.place.file("altered.xzc", &bytes);
        for (certificate, word) in [(&certificate, valid), (&altered, invalid)] {
            scene.open("/verify");
            browser.click("compared");
            browser.choose("certificate", certificate);
            browser.choose("original", &scene.original);
            assert_eq!(browser.verdict(), word);
        }
        fs::remove_file(&certificate).unwrap();
    }
}

#[test]
fn a_large_original_is_digested_while_the_page_stays_usable_and_choosing_anew_ends_it() {
    let Some(scene) = Scene::set() else { return };
    let browser = &scene.browser;
    let large = scene.place.path("large.bin");
    fs::File::create(&large).unwrap().set_len(3 << 30).unwrap();
    scene.open("/verify?record=1");
    browser.wait("return document.getElementById('certificate').files.length");
    browser.choose("original", &large);
    browser.click("verify");
    browser.wait("return document.getElementById('bar').value > 0");
    assert_eq!(browser.script("return document.getElementById('busy').hidden"), false);
    // The page answers while the worker works.
    browser.choose("original", &scene.original);
    browser.click("compared");
    assert_eq!(browser.script("return document.getElementById('busy').hidden"), true);
    assert!(["VALID", "有效"].contains(&browser.verdict().as_str()));
    std::thread::sleep(Duration::from_secs(1));
    let judged = browser.script("return document.getElementById('facts').innerText");
    assert!(!judged.as_str().unwrap().contains("large.bin"), "{judged}");
}

#[test]
fn what_is_deposited_in_the_browser_verifies_everywhere_and_is_not_lost_when_the_page_is_left() {
    let Some(scene) = Scene::set() else { return };
    let (browser, place) = (&scene.browser, &scene.place);
    let empty = place.file("empty.txt", b"");
    let photo = place.file("photo.txt", b"seen on the street");
    let deposit = |file| {
        scene.open("/deposit?lang=en");
        browser.choose("files", file);
        browser.click("deposit");
    };
    let ready = "return document.querySelector('#list a[download]')?.href";
    let account = "return document.getElementById('account').textContent";

    deposit(&empty);
    browser.wait("return document.querySelector('#list .failed')");
    deposit(&photo);
    browser.wait(ready);
    browser.picture("en-deposited");
    let first = browser.wait(account);
    browser.script("document.querySelector('#list a[download]').click()");
    let certificate = place.path("downloads/photo.txt.xzc");
    browser.wait_for_file(&certificate);
    place.expect(0, &["verify", text(&photo), text(&certificate)]);
    place.expect(1, &["verify", text(&scene.original), text(&certificate)]);
    let found = place.expect(0, &["find", "--file", text(&photo), "--json"]);
    assert!(found.contains(first.as_str().unwrap()), "{found}");
    // The manifest is in it, and only there.
    assert!(place.expect(0, &["show", text(&certificate)]).contains("photo.txt"));

    // Left before it was sealed: it goes on when the page is opened again, and what is done is not done again.
    let other = place.file("other.txt", b"heard at the door");
    deposit(&other);
    browser.wait("return document.querySelector('#list [data-part=record]:not([hidden])')");
    scene.open("/deposit?lang=zh");
    browser.wait("return document.getElementById('matters').childElementCount !== undefined && !document.querySelector('#list progress:not([hidden])')");
    scene.open("/mine?lang=en");
    let names = browser.wait("return document.querySelectorAll('.piece').length === 2 && document.getElementById('matters').innerText");
    let names = names.as_str().unwrap();
    assert!(names.contains("other.txt") && names.contains("photo.txt"), "{names}");
    let all = place.expect(0, &["find", "--all", "--json"]);
    assert_eq!(all.matches("\"number\"").count(), 5, "two accounts, three deposits: {all}");

    let is_open = browser.later(
        "inStore('accounts', (store) => store.getAll()).then(([{ signer }]) => done(signer.extractable), done)",
    );
    assert_eq!(is_open, false);
}

#[test]
fn several_files_are_one_batch_under_one_signature_and_each_has_its_certificate() {
    let Some(scene) = Scene::set() else { return };
    let (browser, place) = (&scene.browser, &scene.place);
    let files: Vec<_> = (0..3_u8).map(|at| place.file(&format!("part-{at}.txt"), &[at; 5000])).collect();
    let empty = place.file("empty.txt", b"");
    let chosen: Vec<_> = files.iter().chain([&empty]).map(PathBuf::as_path).collect();
    scene.open("/deposit?lang=en");
    browser.script("document.getElementById('matter').value = 'A case'");
    browser.choose_all("files", &chosen);
    browser.click("deposit");
    browser.wait(
        "if (document.querySelectorAll('#list .failed').length > 1) throw new Error(document.getElementById('list').innerText); \
         return document.querySelectorAll('#list a[download]:not([hidden])').length === 3",
    );
    browser.picture("en-batch");
    // What is empty is refused alone.
    assert_eq!(browser.script("return document.querySelectorAll('#list .failed').length"), 1);
    let records = || place.expect(0, &["find", "--all", "--json"]).matches("\"number\"").count();
    assert_eq!(records(), 4, "two accounts, a deposit, and one batch");
    browser.click_each("#list a[download]:not([hidden])");
    for (at, file) in files.iter().enumerate() {
        let certificate = place.path(&format!("downloads/part-{at}.txt.xzc"));
        browser.wait_for_file(&certificate);
        place.expect(0, &["verify", text(file), text(&certificate)]);
        place.expect(1, &["verify", text(&files[(at + 1) % 3]), text(&certificate)]);
        place.expect(0, &["find", "--file", text(file)]);
    }

    // With a phase, which a batch has not, each is signed by itself. A page that is left goes on where it was.
    let later: Vec<_> = (0..2_u8).map(|at| place.file(&format!("later-{at}.txt"), &[9, at])).collect();
    scene.open("/deposit?lang=en");
    browser.script(
        "document.getElementById('matter').value = 'A case'; document.getElementById('phase').value = 2",
    );
    browser.choose_all("files", &later.iter().map(PathBuf::as_path).collect::<Vec<_>>());
    browser.click("deposit");
    browser.wait("return document.querySelectorAll('#list a[download]:not([hidden])').length === 2");
    let again: Vec<_> = (0..2_u8).map(|at| place.file(&format!("left-{at}.txt"), &[7, at])).collect();
    scene.open("/deposit?lang=en");
    browser.choose_all("files", &again.iter().map(PathBuf::as_path).collect::<Vec<_>>());
    browser.click("deposit");
    browser.wait("return document.querySelector('#list [data-part=record]:not([hidden])')");
    assert_eq!(records(), 7, "two by themselves, and another batch");
    scene.open("/deposit?lang=en");
    let begun = Instant::now();
    while browser.later("inStore('deposits', (store) => store.count()).then(done, done)") != 0 {
        assert!(begun.elapsed() < Duration::from_secs(60), "what was left does not go on");
        std::thread::sleep(Duration::from_millis(200));
    }
    scene.open("/mine?lang=en");
    browser.wait("return document.querySelectorAll('.piece').length === 7");
    browser.wait("return document.querySelectorAll('.piece .mark.valid').length === 7");
}

#[test]
fn everything_is_reached_by_keyboard_and_nothing_hinders_anybody() {
    let Some(scene) = Scene::set() else { return };
    let browser = &scene.browser;
    let (account, height) = (scene.of_record("/statement/issuer"), scene.of_record("/height"));
    let offline = scene.place.path("verifier.html");
    scene.place.expect(0, &["verifier-page", text(&offline)]);
    let pages = [
        ("home", "/".to_owned()),
        ("deposit", "/deposit".to_owned()),
        ("verify", "/verify".to_owned()),
        ("records", "/records".to_owned()),
        ("record", "/records/1".to_owned()),
        ("found", format!("/records?digest={}", scene.of_record("/statement/digests/0"))),
        ("blocks", "/blocks".to_owned()),
        ("block", format!("/blocks/{height}")),
        ("institutions", "/institutions".to_owned()),
        ("account", format!("/accounts/{account}")),
        ("statistics", "/statistics".to_owned()),
        ("mine", "/mine".to_owned()),
        ("console", format!("/console?account={account}&reference=order")),
        ("search", "/search?q=nobody".to_owned()),
        ("nothing", "/nothing".to_owned()),
    ];
    for (_, path) in &pages {
        scene.open(path);
        let missed = tabbed_past(browser);
        assert!(missed.is_empty(), "{path}: not reached by keyboard: {missed:?}");
    }
    let axe = axe();
    for language in ["en", "zh-CN"] {
        scene.open(&format!("/?lang={language}"));
        for (name, path) in &pages {
            scene.open(path);
            assert_eq!(browser.script("return document.documentElement.lang"), language, "{path}");
            inspect(browser, axe.as_deref(), &format!("{language}-{name}"));
        }
    }
    browser.open(&format!("file://{}", text(&offline)));
    inspect(browser, axe.as_deref(), "offline");
    browser.click("language");
    inspect(browser, axe.as_deref(), "offline-other");
}
