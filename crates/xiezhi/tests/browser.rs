//! The offline page in a real browser, from a file, without a network: driven by WebDriver (W3C), through chromedriver.
//!
//! With `XIEZHI_SCREENSHOTS=DIR` it leaves a picture of each state there, in both languages and two widths.

mod place;

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use place::{Place, text};
use serde_json::{Value, json};
use xiezhi_verify::fixtures::{Fixture, ORIGINAL, Plan};

/// The key of an element in WebDriver's answers.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

struct Browser {
    driver: Child,
    port: u16,
    session: String,
}

impl Browser {
    /// Starts one; none where there is no Chromium.
    fn start(place: &Place) -> Option<Self> {
        let port = place.base_port;
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut browser = Self { driver, port, session: String::new() };
        let profile = format!("--user-data-dir={}", text(&place.path("profile")));
        let mut args =
            vec!["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"];
        // No host has an address: what asks the network fails.
        args.extend(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
        args.extend(["--host-resolver-rules=MAP * ~NOTFOUND", &profile]);
        let wanted = json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": {"args": args}}}});
        let begun = Instant::now();
        let answer = loop {
            match browser.send("POST", "/session", Some(&wanted)) {
                Some(answer) => break answer,
                None => assert!(begun.elapsed() < Duration::from_secs(60), "chromedriver does not answer"),
            }
            std::thread::sleep(Duration::from_millis(200));
        };
        browser.session = answer["sessionId"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
        Some(browser)
    }

    fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Option<Value> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.port,
            body.len()
        );
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(body.as_bytes()).ok()?;
        // The driver keeps the connection open: the length says where the answer ends.
        let mut stream = BufReader::new(stream);
        let (mut line, mut length) = (String::new(), 0);
        while stream.read_line(&mut line).ok()? > 2 {
            let (name, value) = line.split_once(':').unwrap_or_default();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok()?;
            }
            line.clear();
        }
        let mut answer = vec![0; length];
        stream.read_exact(&mut answer).ok()?;
        let mut answer: Value = serde_json::from_slice(&answer).ok()?;
        Some(answer["value"].take())
    }

    fn post(&self, path: &str, body: Value) -> Value {
        let answer = self.send("POST", &format!("/session/{}{path}", self.session), Some(&body)).unwrap();
        assert!(answer.get("error").is_none(), "{path}: {answer}");
        answer
    }

    fn element(&self, id: &str) -> String {
        let found = self.post("/element", json!({"using": "css selector", "value": format!("#{id}")}));
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    fn choose(&self, id: &str, file: &Path) {
        let element = self.element(id);
        self.post(&format!("/element/{element}/value"), json!({"text": text(file)}));
    }

    fn click(&self, id: &str) {
        let element = self.element(id);
        self.post(&format!("/element/{element}/click"), json!({}));
    }

    fn script(&self, script: &str) -> Value {
        self.post("/execute/sync", json!({"script": script, "args": []}))
    }

    /// What the page has come to: the verdict's word, or the error.
    fn verdict(&self) -> String {
        self.click("verify");
        let begun = Instant::now();
        loop {
            let done = self.script(
                "return document.getElementById('verify').disabled ? null : \
                 (document.getElementById('result').hidden ? document.getElementById('error').textContent : \
                 document.getElementById('word').textContent)",
            );
            match done.as_str().filter(|said| !said.is_empty()) {
                Some(said) => return said.to_owned(),
                None => assert!(begun.elapsed() < Duration::from_secs(60), "no verdict"),
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn picture(&self, name: &str) {
        let Some(dir) = std::env::var_os("XIEZHI_SCREENSHOTS") else { return };
        for (width, wide) in [(1100, "wide"), (380, "narrow")] {
            self.post("/window/rect", json!({"width": width, "height": 1900}));
            let path = format!("/session/{}/screenshot", self.session);
            let png = self.send("GET", &path, None).unwrap();
            let png = STANDARD.decode(png.as_str().unwrap()).unwrap();
            fs::write(Path::new(&dir).join(format!("{name}-{wide}.png")), png).unwrap();
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.send("DELETE", &format!("/session/{}", self.session), None);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

#[test]
fn the_page_verifies_in_a_browser_from_a_file_without_a_network() {
    let place = Place::new();
    place.expect(0, &["verifier-page", "verifier.html"]);
    place.expect(2, &["verifier-page", "verifier.html"]);
    let Some(browser) = Browser::start(&place) else {
        println!("SKIPPED: chromedriver is not installed");
        return;
    };
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
        browser.post("/url", json!({"url": format!("file://{}", text(&place.path("verifier.html")))}));
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
    let blocked = browser.post(
        "/execute/async",
        json!({"args": [], "script": "const done = arguments[arguments.length - 1]; \
            addEventListener('securitypolicyviolation', (event) => done(event.effectiveDirective)); \
            fetch('http://127.0.0.1:1/').catch(() => setTimeout(() => done('no violation'), 2000))"}),
    );
    assert_eq!(blocked, "connect-src");
}
