//! Transactions in the pages, in a real browser, over the demonstration's evidence service: the examples, a new entry, the pack, bundles verified in
//! the browser and with the tool; after a kill; and who may see and change what.

mod place;

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use place::{
    Place,
    browser::{Browser, axe, inspect, press, said, tabbed_past},
    text,
};
use serde_json::{Value, json};

/// The root of the alliance's authorities.
fn root(place: &Place) -> PathBuf {
    let institutions = fs::read_dir(place.path("home/alliance")).unwrap();
    let roots = institutions.map(|entry| entry.unwrap().path().join("pki/root.pem"));
    roots.into_iter().find(|root| root.exists()).unwrap()
}

/// The whole answer to a request that no browser makes.
fn ask(port: u16, line: &str, headers: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let form =
        format!("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n", body.len());
    let head =
        format!("{line} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n{form}{headers}\r\n");
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The status of a post without a body.
fn post(port: u16, path: &str, headers: &str) -> u16 {
    ask(port, &format!("POST {path}"), headers, "").split(' ').nth(1).unwrap().parse().unwrap()
}

struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Scene {
    place: Place,
    browser: Browser,
    origin: String,
    port: u16,
}

impl Scene {
    fn open(&self, path: &str) {
        self.browser.open(&format!("{}{path}", self.origin));
    }

    fn log_in(&self, who: &str) {
        self.open("/office?lang=en");
        if self.browser.script("return Boolean(document.getElementById('logout'))") == true {
            press(&self.browser, "logout");
        }
        press(&self.browser, who);
    }

    fn rows(&self) -> u64 {
        self.browser.script("return document.querySelectorAll('tbody tr').length").as_u64().unwrap()
    }

    /// Waits until every leg of the transaction in the browser is sealed, and there are so many bundles.
    fn sealed(&self, bundles: usize) {
        self.browser.wait(&format!(
            "return !document.querySelector('[data-live] [data-more]') && document.querySelectorAll('a.bundle').length === {bundles}"
        ));
    }

    fn path(&self) -> String {
        self.browser.script("return location.pathname").as_str().unwrap().to_owned()
    }

    /// How many records the ledger has.
    fn records(&self) -> usize {
        let found = self.place.run(&["find", "--all", "--json"]);
        String::from_utf8_lossy(&found.stdout).matches("\"number\"").count()
    }

    /// The bundle of an entry of the transaction in the browser.
    fn bundle(&self, entry: u32) -> PathBuf {
        let id = self.browser.script("return document.getElementById('transaction').textContent");
        let file = self.place.path(&format!("downloads/{}-{entry}.xze", &id.as_str().unwrap()[..8]));
        self.browser.click_each(&format!("a.bundle[href$='/entries/{entry}/bundle']"));
        self.browser.wait_for_file(&file);
        file
    }
}

#[test]
fn a_platform_follows_adds_to_closes_and_verifies_its_transactions_in_the_pages() {
    let place = Place::new();
    let Some(browser) = Browser::start(&place) else { return };
    let alliance = place.up();
    let port = place.base_port - 10;
    let scene = Scene { place, browser, origin: format!("http://localhost:{port}"), port };
    let (place, browser) = (&scene.place, &scene.browser);
    let axe = axe();
    let look = |name: &str| {
        inspect(browser, axe.as_deref(), &format!("transactions-{name}"));
        assert!(said(browser).contains("This is a demonstration"), "{name}");
        let missed = tabbed_past(browser);
        assert!(missed.is_empty(), "{name}: not reached by keyboard: {missed:?}");
    };

    // Nobody looked: nothing of the examples is on the ledger. Nobody is let in by another site, or without a login.
    assert_eq!(scene.records(), 0);
    for path in
        ["/office/transactions/new", "/office/transactions/00/pack", "/office/transactions/00/phases/1"]
    {
        for headers in ["", "Origin: http://evil.example\r\n", "Sec-Fetch-Site: cross-site\r\n"] {
            assert_eq!(post(scene.port, path, headers), 403, "{path} {headers}");
        }
        let own = format!("Origin: {}\r\n", scene.origin);
        assert_eq!(post(scene.port, path, &own), 303, "{path}: to the login");
    }
    scene.log_in("as-officer");
    scene.open("/office/transactions");
    assert!(said(browser).contains("Your role does not allow this"));

    // The example platform's list, narrowed.
    scene.log_in("as-example-enterprise");
    scene.open("/office/transactions");
    assert_eq!(scene.rows(), 2);
    look("list");
    for (query, rows) in [
        ("state=open", 1),
        ("state=closed", 1),
        ("template=online-sale", 1),
        ("template=loan", 0),
        ("search=zz", 0),
    ] {
        scene.open(&format!("/office/transactions?{query}"));
        assert_eq!(scene.rows(), rows, "{query}");
    }

    // A closed transaction: every leg is sealed, and a bundle verifies in the browser and with the tool.
    scene.open("/office/transactions?state=closed");
    browser.script("document.querySelector('tbody a').click()");
    scene.sealed(3);
    let sale = scene.path();
    look("closed");
    assert!(said(browser).contains("EXAMPLE-0001"));
    let root = root(place);
    let bundle = scene.bundle(2);
    let pack = scene.bundle(3);
    let verified = ["evidence", "verify", text(&bundle), "--pack", text(&pack), "--stamp-root", text(&root)];
    assert!(place.expect(0, &verified).contains("transaction.demonstration: yes"));
    for (language, valid, undecided, demonstration) in [
        ("en", "RECORD VALID, no original compared", "NOT DECIDED", "DEMONSTRATION"),
        ("zh", "记录有效(未比对原件)", "未能判定", "演示数据"),
    ] {
        scene.open(&format!("{sale}?lang={language}"));
        browser.script("document.querySelector('a.verify').click()");
        browser.wait("return document.getElementById('certificate')?.files.length");
        browser.click("record");
        // Neither the ledger nor the authority is trusted; then the ledger alone; then both.
        assert_eq!(browser.verdict(), undecided);
        browser.click("compared");
        assert_eq!(browser.verdict(), undecided);
        browser.choose("root", &root);
        assert_eq!(browser.verdict(), valid);
        browser.picture(&format!("transactions-verified-{language}"));
        let explained = browser.script("return document.getElementById('explain').textContent");
        assert!(explained.as_str().unwrap().contains(demonstration), "{explained}");
    }
    let mut altered = fs::read(&bundle).unwrap();
    let middle = altered.len() / 2;
    altered[middle] ^= 1;
    let altered = place.file("altered.xze", &altered);
    browser.choose("certificate", &altered);
    assert_eq!(browser.verdict(), "无效");

    // An open one lacks a required phase. What breaks a rule is said at its field, and nothing else is lost.
    scene.open("/office/transactions?state=open&lang=en");
    browser.script("document.querySelector('tbody a').click()");
    scene.sealed(1);
    look("open");
    let open = scene.path();
    assert!(said(browser).contains("Infringement as found"), "missing");
    assert_eq!(browser.script("return Boolean(document.getElementById('pack'))"), false);
    press(browser, "add-2");
    look("entry");
    let photo = place.file("photo.jpg", b"seen on the web");
    let fill = |address: &str| {
        browser.script("for (const one of document.querySelectorAll('[name^=\"fields.\"]')) one.value = ''");
        for (field, value) in [
            ("address", address),
            ("found", "2026-11-28T09:30:00Z"),
            ("method", "a browser,\na clean profile"),
        ] {
            let set = format!("document.getElementById('fields.{field}').value = {}", Value::from(value));
            browser.script(&set);
        }
        browser.choose("file", &photo);
        browser.wait("return document.getElementById('digested').textContent && !document.getElementById('add').disabled");
    };
    fill("nowhere");
    press(browser, "add");
    let beside = "return document.getElementById(document.getElementById('fields.address').getAttribute('aria-describedby')).innerText";
    assert!(browser.script(beside).as_str().unwrap().contains("http"));
    let kept = browser.script("return document.getElementById('fields.method').value");
    assert_eq!(kept, "a browser,\na clean profile");
    look("refused");
    fill("https://example.com/a");
    press(browser, "add");
    assert_eq!(scene.path(), open);
    scene.sealed(2);
    assert!(said(browser).contains("photo.jpg"));
    let entry = scene.bundle(2);
    let other = place.file("other.jpg", b"seen elsewhere");
    for (original, code) in [(&photo, 0), (&other, 1)] {
        let args =
            ["evidence", "verify", text(&entry), "--original", text(original), "--stamp-root", text(&root)];
        place.expect(code, &args);
    }

    // Closed by its pack, which names both entries.
    browser.click("sure");
    press(browser, "pack");
    scene.sealed(3);
    assert_eq!(browser.script("return document.getElementById('state').dataset.state"), "closed");
    assert_eq!(browser.script("return document.querySelectorAll('a.add').length"), 0);
    look("packed");

    // A new one: a number that breaks its rule is refused, and the transaction opens without a customer.
    scene.open("/office/transactions/new");
    look("new");
    browser.script("document.getElementById('template').value = 'loan'");
    for (field, value) in [("name", "示例李四"), ("number", "110105194912310021")] {
        browser.script(&format!("document.getElementById('customer.{field}').value = '{value}'"));
    }
    press(browser, "open");
    assert_eq!(browser.script("return document.getElementById('template').value"), "loan");
    look("new-refused");
    browser.script(
        "for (const name of ['name', 'number']) document.getElementById(`customer.${name}`).value = ''",
    );
    press(browser, "open");
    let loan = scene.path();
    assert!(loan.len() > "/office/transactions/".len());
    scene.open(&format!("{loan}?lang=zh"));
    assert!(said(browser).contains("借贷"), "{}", said(browser));
    inspect(browser, axe.as_deref(), "transactions-zh");

    // By the tool, as the same platform; and once more after a kill.
    let key = place.path("home/alliance/evidence/example-platform.key");
    let service = format!("{}/evidence", scene.origin);
    let at = ["--to", &service, "--client", "example-platform", "--key", text(&key)];
    let list = |more: &[&str]| {
        let args = [&["evidence", "list", "--json"], &at[..], more].concat();
        let found: Value = serde_json::from_str(&place.expect(0, &args)).unwrap();
        found.as_array().unwrap().clone()
    };
    assert_eq!(list(&[]).len(), 3);
    assert_eq!(list(&["--state", "closed"]).len(), 2);
    let records = scene.records();
    alliance.kill();
    let _alliance = place.up();
    let again = list(&["--state", "closed"]);
    assert!(again.iter().all(|one| one["sealed"] == one["legs"] && one["failed"] == 0), "{again:?}");
    assert_eq!(scene.records(), records, "nothing is recorded twice");

    // Somebody else has nothing here, and finds nothing of another's.
    scene.log_in("as-person");
    scene.open("/office/transactions");
    assert_eq!(scene.rows(), 0);
    for path in
        [sale.clone(), format!("{sale}/live"), format!("{sale}/entries/1/bundle"), format!("{open}/phases/2")]
    {
        scene.open(&path);
        assert!(said(browser).contains("Nothing is here"), "{path}");
    }
}

#[test]
fn an_office_and_a_service_are_served_together_and_people_act_for_their_client() {
    let place = Place::new();
    let _alliance = place.up();
    let port = place.base_port + 9;
    let url = format!("http://127.0.0.1:{port}");
    place.expect(0, &["account", "key", "shop.key", "--alg", "es256"]);
    let trusted: Value = serde_json::from_str(&place.expect(0, &["trust", "list", "--json"])).unwrap();
    let office = json!({
        "institution": "example", "account": "office", "url": url, "database": "sqlite:office.db", "keys": "sqlite:persons.db",
        "master_key": "master.key", "clients": {}, "officers": {}, "demonstration": true,
    });
    let node = format!("http://127.0.0.1:{}", place.base_port);
    let ledger = json!({ "name": "judicial", "ledger": trusted[0]["ledger"], "urls": [node], "genesis": "judicial.genesis" });
    let evidence = |name: &str| {
        json!({
            "account": "evidence", "url": format!("{url}/evidence"), "database": "sqlite:evidence.db", "keys": "sqlite:customers.db",
            "master_key": "evidence.key", "ledgers": [ledger],
            // An authority that never answers.
            "authorities": [{ "name": "away", "url": "http://127.0.0.1:1/tsr", "root": root(&place) }],
            "clients": { name: { "key": "shop.key.pub", "people": ["example-enterprise"] } },
        })
    };
    place.file("office.json", office.to_string().as_bytes());
    let listen = format!("127.0.0.1:{port}");
    let args =
        ["office", "serve", "--config", "office.json", "--evidence", "evidence.json", "--listen", &listen];
    // Who logs in is never taken for a client.
    place.file("evidence.json", evidence("person:shop").to_string().as_bytes());
    place.expect(2, &args);
    place.file("evidence.json", evidence("shop").to_string().as_bytes());
    let mut child = place.command(&args).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let _served = Served(child);
    let announced: Vec<_> = (0..2).map(|_| lines.next().unwrap().unwrap()).collect();
    assert!(announced[1].contains(&format!("{url}/evidence")), "{announced:?}");

    let at = format!("{url}/evidence");
    let at = ["--to", &at, "--client", "shop", "--key", "shop.key"];
    let opened = place.expect(0, &[&["evidence", "open", "free-form"][..], &at].concat());
    let own = format!("Origin: {url}\r\n");
    place.expect(0, &[&["evidence", "add", opened.trim(), "1", "--field", "business=2"][..], &at].concat());
    let get = |who: &str, path: &str| {
        let entered = ask(port, "POST /office/demonstration", &own, &format!("role={who}"));
        let token = entered.split("office=").nth(1).unwrap().split(';').next().unwrap();
        let cookie = format!("Cookie: office={token}; lang=en\r\n");
        ask(port, &format!("GET {path}"), &cookie, "")
    };
    let list = |who: &str| get(who, "/office/transactions");
    let (platforms, persons) = (list("example-enterprise"), list("example-person"));
    let link = format!("/office/transactions/{}", opened.trim());
    assert!(platforms.contains("Transactions of: shop") && platforms.contains(&link), "{platforms}");
    assert!(persons.contains("Transactions of: person:example-person") && !persons.contains(&link));

    // What does not go on is said with its reason, and what does not depend on it is sealed; there is no bundle of half the proofs.
    let begun = Instant::now();
    loop {
        let live = get("example-enterprise", &format!("{link}/live"));
        let [sealed, failed] = ["leg sealed", "leg failed"].map(|state| live.contains(state));
        if sealed && failed {
            assert!(live.contains("<code>unreachable</code>") && live.contains("tried in vain: "), "{live}");
            assert!(live.contains("data-more") && !live.contains("/bundle"), "{live}");
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{live}");
        std::thread::sleep(Duration::from_millis(300));
    }
    let bundle = get("example-enterprise", &format!("{link}/entries/1/bundle"));
    assert!(bundle.starts_with("HTTP/1.1 409 ") && bundle.contains("Not sealed yet"), "{bundle}");
}
