//! A real browser, driven by WebDriver (W3C) through chromedriver.
//!
//! With `XIEZHI_SCREENSHOTS=DIR` pictures are left there, at both widths.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{Place, skipped, text};

/// The widths at which pages are looked at, in CSS pixels, by name.
pub(crate) const WIDTHS: [(u32, &str); 2] = [(1280, "wide"), (390, "narrow")];

/// The key of an element in WebDriver's answers.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

pub(crate) struct Browser {
    driver: Child,
    port: u16,
    session: String,
}

impl Browser {
    /// Starts one; none where there is no chromedriver, which it says.
    pub(crate) fn start(place: &Place) -> Option<Self> {
        // Between the nodes' ports.
        let port = place.base_port + 50;
        let mut driver = Command::new("chromedriver");
        driver.arg(format!("--port={port}")).stdout(Stdio::null()).stderr(Stdio::null());
        let Ok(driver) = driver.spawn() else {
            skipped("chromedriver is not installed");
            return None;
        };
        let mut browser = Self { driver, port, session: String::new() };
        let profile = format!("--user-data-dir={}", text(&place.path("profile")));
        let mut args = vec![
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--hide-scrollbars",
        ];
        // No host has an address: whatever asks anybody but this machine fails.
        args.extend(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
        args.extend([
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
            &profile,
        ]);
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": args, "prefs": {"download.default_directory": text(&place.path("downloads"))}},
            "timeouts": {"script": 120_000}
        }}});
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

    pub(crate) fn post(&self, path: &str, body: Value) -> Value {
        let answer = self.send("POST", &format!("/session/{}{path}", self.session), Some(&body)).unwrap();
        assert!(answer.get("error").is_none(), "{path}: {answer}");
        answer
    }

    pub(crate) fn element(&self, id: &str) -> String {
        let found = self.post("/element", json!({"using": "css selector", "value": format!("#{id}")}));
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    pub(crate) fn choose(&self, id: &str, file: &Path) {
        let element = self.element(id);
        self.post(&format!("/element/{element}/value"), json!({"text": text(file)}));
    }

    /// Chooses several files at once.
    pub(crate) fn choose_all(&self, id: &str, files: &[&Path]) {
        let element = self.element(id);
        let all: Vec<_> = files.iter().map(|file| text(file)).collect();
        self.post(&format!("/element/{element}/value"), json!({"text": all.join("\n")}));
    }

    pub(crate) fn click(&self, id: &str) {
        let element = self.element(id);
        self.post(&format!("/element/{element}/click"), json!({}));
    }

    /// Clicks everything that the CSS selector names, as a person does: browsers keep scripts from many downloads.
    pub(crate) fn click_each(&self, selector: &str) {
        let found = self.post("/elements", json!({"using": "css selector", "value": selector}));
        for element in found.as_array().unwrap() {
            self.post(&format!("/element/{}/click", element[ELEMENT].as_str().unwrap()), json!({}));
        }
    }

    pub(crate) fn script(&self, script: &str) -> Value {
        self.post("/execute/sync", json!({"script": script, "args": []}))
    }

    /// What the page has come to: the verdict's word, or the error.
    pub(crate) fn verdict(&self) -> String {
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

    /// Opens a page and waits until it has loaded.
    pub(crate) fn open(&self, url: &str) {
        self.post("/url", json!({"url": url}));
    }

    /// Presses a key on whatever has the focus.
    pub(crate) fn press(&self, key: &str) {
        let action = |kind| json!({"type": kind, "value": key});
        let keys = json!({"type": "key", "id": "keys", "actions": [action("keyDown"), action("keyUp")]});
        self.post("/actions", json!({"actions": [keys]}));
    }

    /// Puts the text into an input, which has the focus then.
    pub(crate) fn fill(&self, id: &str, value: &str) {
        let element = self.element(id);
        self.post(&format!("/element/{element}/value"), json!({"text": value}));
    }

    /// Runs a script that gives its result by calling `done`.
    pub(crate) fn later(&self, script: &str) -> Value {
        let script = format!("const done = arguments[arguments.length - 1]; {script}");
        self.post("/execute/async", json!({"script": script, "args": []}))
    }

    /// Prefers the light or the dark scheme.
    pub(crate) fn prefer(&self, scheme: &str) {
        let feature = json!({"name": "prefers-color-scheme", "value": scheme});
        let set = json!({"cmd": "Emulation.setEmulatedMedia", "params": {"features": [feature]}});
        self.post("/goog/cdp/execute", set);
    }

    /// Waits until a download is whole.
    pub(crate) fn wait_for_file(&self, file: &Path) {
        let begun = Instant::now();
        while !file.exists() {
            assert!(begun.elapsed() < Duration::from_secs(60), "{} does not come", file.display());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits until the script gives something that is neither null, false nor empty.
    pub(crate) fn wait(&self, script: &str) -> Value {
        let begun = Instant::now();
        loop {
            let value = self.script(script);
            if ![json!(null), json!(false), json!("")].contains(&value) {
                return value;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{script}: never");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Makes the window so wide.
    pub(crate) fn widen(&self, width: u32) {
        let params = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        let set = json!({"cmd": "Emulation.setDeviceMetricsOverride", "params": params});
        self.post("/goog/cdp/execute", set);
    }

    /// Leaves pictures of the whole page at both widths, if they are wanted.
    pub(crate) fn picture(&self, name: &str) {
        let Some(dir) = std::env::var_os("XIEZHI_SCREENSHOTS") else { return };
        fs::create_dir_all(&dir).unwrap();
        for (width, wide) in WIDTHS {
            self.widen(width);
            let params = json!({"captureBeyondViewport": true});
            let taken = json!({"cmd": "Page.captureScreenshot", "params": params});
            let png = self.post("/goog/cdp/execute", taken);
            let png = STANDARD.decode(png["data"].as_str().unwrap()).unwrap();
            fs::write(Path::new(&dir).join(format!("{name}-{wide}.png")), png).unwrap();
        }
    }
}

/// axe-core's source, unless it is not there, which is said.
pub(crate) fn axe() -> Option<String> {
    let usual = || concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/tools/axe.min.js").into();
    let file = std::env::var_os("XIEZHI_AXE").map_or_else(usual, PathBuf::from);
    let axe = fs::read_to_string(&file);
    if axe.is_err() {
        skipped(&format!("accessibility of the pages: no axe-core at {}", file.display()));
    }
    axe.ok()
}

/// The page overflows at no width, and axe-core has nothing to say of it, in light and in dark.
pub(crate) fn inspect(browser: &Browser, axe: Option<&str>, name: &str) {
    browser.picture(name);
    for (width, _) in WIDTHS {
        browser.widen(width);
        let over = browser.script("return document.documentElement.scrollWidth - innerWidth");
        assert!(over.as_i64().unwrap() <= 0, "{name}: {over} pixels too wide at {width}");
        let Some(axe) = axe else { continue };
        browser.script(axe);
        for scheme in ["light", "dark"] {
            browser.prefer(scheme);
            let found = browser.later(
                "axe.run().then(({ violations }) => done(violations.map(({ id, nodes }) => \
                 [id, ...nodes.map(({ html, failureSummary }) => html + failureSummary)])), done)",
            );
            assert_eq!(found, json!([]), "{name} at {width}, {scheme}: {found:#}");
        }
        browser.prefer("light");
    }
}

/// What the page says.
pub(crate) fn said(browser: &Browser) -> String {
    browser.script("return document.querySelector('main').innerText").as_str().unwrap().to_owned()
}

/// Clicks what leads to another page, and waits for it.
pub(crate) fn press(browser: &Browser, id: &str) {
    browser.script("window.before = true");
    browser.click(id);
    browser.wait("return !window.before && document.readyState === 'complete'");
}

/// Presses Tab until the focus is where it began; gives what can be used with a pointer and was never in focus.
pub(crate) fn tabbed_past(browser: &Browser) -> Vec<String> {
    browser.script(
        "document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute('tabindex'); \
         window.past = new Set(); addEventListener('focusin', ({ target }) => window.past.add(target))",
    );
    let usable = "[...document.querySelectorAll('a[href], button, input, select, textarea, summary')].filter((one) => one.checkVisibility())";
    let count = browser.script(&format!("return {usable}.length")).as_u64().unwrap();
    assert!(count > 5, "{count} elements");
    for _ in 0..count + 10 {
        browser.press("\u{e004}");
    }
    let missed = browser.script(&format!(
        "return {usable}.filter((one) => !window.past.has(one)).map((one) => one.outerHTML)"
    ));
    missed.as_array().unwrap().iter().map(Value::to_string).collect()
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.send("DELETE", &format!("/session/{}", self.session), None);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
