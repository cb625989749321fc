//! People at the registration office, in a real browser: logging in (demonstration, passkey, a real OpenID provider), applying, deciding,
//! binding the browser's account.
//!
//! The OpenID provider is the npm package oidc-provider (target/tools/oidc or `XIEZHI_OIDC`).

mod place;

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use place::{
    Place,
    browser::{Browser, axe, inspect, press, said},
    skipped, text,
};
use serde_json::{Value, json};

/// A person of the standard's own example, and one whose check character is wrong.
const NUMBER: &str = "11010519491231002X";
const WRONG: &str = "110105194912310021";

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The status of a request that a browser would not send.
fn status(port: u16, path: &str, headers: &str, body: &str) -> u16 {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\nContent-Length: {length}\r\n"
    );
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    stream.write_all(format!("{head}{form}{headers}\r\n{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

/// Fills the form for a person and sends it.
fn apply(browser: &Browser, origin: &str, name: &str, number: &str) {
    browser.open(&format!("{origin}/office/apply"));
    browser.fill("name", name);
    browser.fill("number", number);
    press(browser, "send");
}

fn state(browser: &Browser) -> String {
    browser.script("return document.getElementById('state').dataset.state").as_str().unwrap().to_owned()
}

fn path(browser: &Browser) -> String {
    browser.script("return location.pathname").as_str().unwrap().to_owned()
}

#[test]
fn in_a_demonstration_one_applies_is_judged_and_binds_and_everything_says_what_it_is() {
    let place = Place::new();
    let Some(browser) = Browser::start(&place) else { return };
    let _alliance = place.up();
    let port = place.base_port - 10;
    let origin = format!("http://localhost:{port}");
    let axe = axe();
    let look = |name: &str| {
        inspect(&browser, axe.as_deref(), &format!("office-{name}"));
        assert!(said(&browser).contains("This is a demonstration"), "{name}");
    };

    // Other sites cannot act here, whatever browsers say of them; nobody is let in by their requests.
    for headers in
        ["", "Origin: http://evil.example\r\n", "Sec-Fetch-Site: cross-site\r\n", "Origin: null\r\n"]
    {
        assert_eq!(status(port, "/office/demonstration", headers, "role=officer"), 403, "{headers}");
    }
    let own = format!("Origin: {origin}\r\n");
    assert_eq!(status(port, "/office/demonstration", &own, "role=officer"), 303);
    assert_eq!(status(port, "/office/apply", &own, "kind=person"), 303, "to the login");

    // By its number the same machine is sent to its name, for which passkeys are.
    browser.open(&format!("http://127.0.0.1:{port}/office?lang=en"));
    assert_eq!(browser.script("return location.origin"), origin.as_str());
    look("login");
    press(&browser, "as-person");
    look("none");
    apply(&browser, &origin, "张三", WRONG);
    let beside = browser.script("return document.getElementById('number').getAttribute('aria-describedby')");
    let wrong =
        browser.script(&format!("return document.getElementById('{}').innerText", beside.as_str().unwrap()));
    assert!(wrong.as_str().unwrap().contains("check"), "{wrong}");
    assert_eq!(browser.script("return document.getElementById('name').value"), "张三", "nothing is lost");
    look("refused");
    apply(&browser, &origin, "张三", NUMBER);
    assert_eq!(state(&browser), "submitted");
    look("submitted");
    press(&browser, "demonstrate");
    assert_eq!(state(&browser), "approved");
    look("approved");
    let mine = path(&browser);

    // The browser's own account, whose key never leaves it.
    browser.wait("return document.getElementById('bind')?.checkVisibility()");
    browser.click("bind");
    browser.wait(
        "if (document.getElementById('error').textContent) throw new Error(document.getElementById('error').textContent); \
         return !document.getElementById('certificate').hidden",
    );
    browser.script("document.getElementById('certificate').click()");
    let certificate = place.path("downloads/identity.xzc");
    browser.wait_for_file(&certificate);
    let record: Value = serde_json::from_str(&place.expect(0, &["show", "2", "--json"])).unwrap();
    let office = record["statement"]["issuer"].as_str().unwrap();
    let shown = place.expect(0, &["id", "verify", text(&certificate), "--office", office]);
    assert!(shown.contains("张三") && shown.to_lowercase().contains("demonstration"), "{shown}");
    assert!(record["statement"]["digests"][0].is_string(), "findable as a demonstration: {record}");
    let account = browser.script("return document.getElementById('account').textContent");
    assert!(shown.contains(account.as_str().unwrap()), "{shown}");

    // The holder ends the binding, and the page names the ledger's record of it; an application that nobody judged is taken back.
    browser.open(&format!("{origin}{mine}"));
    browser.click("unbind-sure");
    press(&browser, "unbind");
    look("unbound");
    let begun = Instant::now();
    while browser.script("return !document.querySelector('a.revoked-record')") == true {
        assert!(begun.elapsed() < Duration::from_secs(60), "never on the ledger");
        browser.open(&format!("{origin}{mine}"));
    }
    let revoked = place.run(&["id", "verify", text(&certificate), "--office", office, "--look-up"]);
    assert!(String::from_utf8_lossy(&revoked.stdout).contains("REVOKED"), "{revoked:?}");
    apply(&browser, &origin, "赵六", NUMBER);
    press(&browser, "withdraw");
    assert_eq!(state(&browser), "withdrawn");

    // An officer sees the queue, refuses with a reason only, takes back what was approved, and cannot apply.
    apply(&browser, &origin, "赵六", NUMBER);
    press(&browser, "demonstrate");
    let approved = path(&browser);
    apply(&browser, &origin, "李四", NUMBER);
    let other = path(&browser);
    browser.open(&format!("{origin}/office"));
    press(&browser, "logout");
    press(&browser, "as-officer");
    look("queue");
    browser.open(&format!("{origin}{other}"));
    assert!(said(&browser).contains("李四"));
    press(&browser, "refuse");
    assert_eq!(state(&browser), "submitted");
    look("no-reason");
    browser.fill("reason", "扫描件不清");
    press(&browser, "refuse");
    assert_eq!(state(&browser), "refused");
    assert!(said(&browser).contains("扫描件不清"));
    browser.open(&format!("{origin}{approved}"));
    browser.script("document.getElementById('why').value = 'untrue'");
    browser.click("revoke-sure");
    press(&browser, "revoke");
    assert_eq!(state(&browser), "approved", "without a reference nothing is revoked");
    look("no-reference");
    browser.script("document.getElementById('why').value = 'untrue'");
    browser.fill("reference", "RA-2026-3");
    browser.click("revoke-sure");
    press(&browser, "revoke");
    assert_eq!(state(&browser), "rescinded");
    apply(&browser, &origin, "王五", NUMBER);
    browser.picture("office-denied");
    assert!(said(&browser).contains("Your role does not allow this"), "{}", said(&browser));

    // A data protection officer erases whom it concerns: told what goes and what stays, for a reason, and only if it is meant.
    browser.open(&format!("{origin}/office"));
    press(&browser, "logout");
    press(&browser, "as-protection");
    browser.open(&format!("{origin}{other}"));
    look("erasing");
    browser.script("document.getElementById('erase-sure').focus()");
    browser.press(" ");
    press(&browser, "erase");
    assert_eq!(state(&browser), "refused", "without a reference nobody is erased");
    look("erasing-no-reference");
    browser.fill("erase-reference", "DP-2026-17");
    browser.click("erase");
    assert_eq!(state(&browser), "refused", "it was not said that it is meant");
    let unmeant = format!(
        "fetch('{other}/erasure', {{method: 'POST', body: new URLSearchParams({{basis: 'request', reference: 'x'}})}}).then((one) => done(one.status))"
    );
    assert_eq!(browser.later(&unmeant), 409);
    browser.script("document.getElementById('erase-sure').focus()");
    browser.press(" ");
    press(&browser, "erase");
    assert_eq!(state(&browser), "erased");
    assert!(!said(&browser).contains("李四"), "{}", said(&browser));
    let begun = Instant::now();
    loop {
        browser.open(&format!("{origin}/office/erasures"));
        if browser.script("return !!document.querySelector('a.erasure-record')") == true {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "never on the ledger");
    }
    assert!(said(&browser).contains("DP-2026-17"), "{}", said(&browser));
    look("erasures");

    // Another applicant sees neither.
    browser.open(&format!("{origin}/office"));
    press(&browser, "logout");
    press(&browser, "as-person");
    assert_eq!(status(port, &format!("{other}/erasure"), &own, "sure=yes"), 303, "to the login");
    for path in [&mine, &other] {
        browser.open(&format!("{origin}{path}"));
        assert!(said(&browser).contains("Nothing is here"));
    }
    browser.open(&format!("{origin}/office?lang=zh"));
    assert!(said(&browser).contains("演示"));
    inspect(&browser, axe.as_deref(), "office-zh");
}

/// Gives the first part of that name in the opened piece an id, by which the browser finds it.
fn in_piece(browser: &Browser, part: &str) -> String {
    let found = format!("document.querySelector('.piece[open] [data-part={part}]')");
    browser.script(&format!("{found}.id ||= 'part-{part}'; return {found}.id")).as_str().unwrap().to_owned()
}

#[test]
fn a_newcomer_comes_to_a_verified_certificate_and_sees_who_read_the_original() {
    let place = Place::new();
    let Some(browser) = Browser::start(&place) else { return };
    let _alliance = place.up();
    let origin = format!("http://localhost:{}", place.base_port - 10);
    let axe = axe();
    let open = |path: &str| browser.open(&format!("{origin}{path}"));
    let done = || {
        open("/start");
        browser.wait("return document.getElementById('standing').textContent");
        browser.script("return document.querySelectorAll('.done').length")
    };
    let opened = || {
        open("/mine");
        browser.wait("return document.querySelector('.piece .valid')");
        browser.script("document.querySelector('.piece').open = true");
        browser.wait("return document.querySelector('.piece [data-part=vault]:not([hidden])')");
    };
    let no_error = "const wrong = [...document.querySelectorAll('.error')].map((one) => one.textContent).join(''); if (wrong) throw new Error(wrong); ";
    let until = |script: &str| browser.wait(&format!("{no_error} return {script}"));

    // The steps are done where the office is, whichever name of the machine one came by.
    browser.open(&format!("http://127.0.0.1:{}/start?lang=en", place.base_port - 10));
    browser.wait("return document.getElementById('standing').textContent");
    assert_eq!(browser.script("return location.origin"), origin.as_str());
    assert_eq!(done(), 0);
    open("/office");
    press(&browser, "as-person");
    apply(&browser, &origin, "张三", NUMBER);
    press(&browser, "demonstrate");
    browser.wait("return document.getElementById('bind')?.checkVisibility()");
    browser.click("bind");
    until("!document.getElementById('certificate').hidden");
    assert_eq!(done(), 1);

    let content: Vec<u8> = (0..200_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let (film, changed) = (place.file("借款合同.bin", &content), place.file("changed.bin", &content[1..]));
    open("/deposit");
    browser.script("document.querySelector('#form details').open = true");
    browser.fill("matter", "与某公司的借款");
    browser.fill("phase", "2");
    browser.fill("note", "对方当面签署");
    browser.choose("files", &film);
    browser.click("deposit");
    until("document.querySelector('#list a[download]')?.href");
    assert_eq!(done(), 2);

    // Found by any part of what is known of it, in Chinese too; judged in the browser.
    opened();
    for (question, hits) in [("借款", 1), ("当面 合同", 1), ("租赁", 0), ("", 1)] {
        browser.script(&format!("document.getElementById('find').value = '{question}'; document.getElementById('find').dispatchEvent(new Event('input'))"));
        assert_eq!(browser.script("return document.querySelectorAll('.piece').length"), hits, "{question}");
    }
    assert!(said(&browser).contains("Phase 2"), "{}", said(&browser));
    opened();
    let take = in_piece(&browser, "take");
    browser.click(&take);
    let certificate = place.path("downloads/借款合同.bin.xzc");
    browser.wait_for_file(&certificate);
    place.expect(0, &["verify", text(&film), text(&certificate)]);
    let original = in_piece(&browser, "original");
    for (file, word) in [(&changed, "INVALID"), (&film, "VALID: ")] {
        browser.choose(&original, file);
        until(&format!(
            "document.querySelector('.piece[open] [data-part=compared]').textContent.startsWith('{word}')"
        ));
    }
    assert_eq!(done(), 4);

    // Into the vault: what is not the original is refused, what is can be granted.
    opened();
    let put = in_piece(&browser, "put");
    browser.choose(&put, &changed);
    browser.wait("return document.querySelector('.piece[open] [data-part=vault-error]').textContent");
    browser.choose(&put, &film);
    until("document.querySelector('.piece[open] [data-part=kept]:not([hidden])')");
    browser.script("document.querySelector('.piece[open] [data-part=grantee]').focus()");
    until("document.querySelectorAll('#known-accounts option').length === 3");
    browser.script(
        "const within = (name) => document.querySelector(`.piece[open] [data-part=${name}]`); \
         within('grantee').value = document.querySelectorAll('#known-accounts option')[1].value; within('purpose').value = '庭审'; \
         within('case').value = '(2026)1'; within('until').value = '2099-12-31'; within('grant').requestSubmit()",
    );
    until("document.querySelectorAll('.piece[open] [data-part=grants] tr').length === 1");
    inspect(&browser, axe.as_deref(), "en-mine-opened");
    for language in ["zh-CN", "en"] {
        browser.script(&format!("document.cookie = 'lang={language}; path=/'"));
        assert_eq!(done(), 5);
        inspect(&browser, axe.as_deref(), &format!("{language}-start"));
    }

    // The court's officer reads it, under the grant.
    open("/mine");
    browser.script("localStorage.setItem('role', 'court'); location.reload()");
    until("document.querySelector('#granted:not([hidden]) button')");
    inspect(&browser, axe.as_deref(), "en-mine-granted");
    browser.script("document.querySelector('#granted button').click()");
    until("document.querySelector('#granted .valid')");
    let verdict = browser.script("return [...document.querySelectorAll('#granted td')].at(-1).textContent");
    assert_eq!(verdict, "VALID: this file is the one recorded.");
    let read = fs::read_dir(place.path("downloads")).unwrap().map(|file| file.unwrap().path());
    let read: Vec<_> = read.filter(|path| path.extension().is_some_and(|end| end == "bin")).collect();
    assert_eq!(read.len(), 1, "{read:?}");
    assert_eq!(fs::read(&read[0]).unwrap(), content, "opened in the browser by the reader's own key");

    // The owner sees it, and it is proven by the ledger.
    browser.script("localStorage.removeItem('role')");
    opened();
    until("document.querySelectorAll('.piece[open] [data-part=entries] tr').length === 3");
    assert!(said(&browser).contains("key handed over"), "{}", said(&browser));
    let begun = std::time::Instant::now();
    while browser.script("return !document.querySelector('.piece[open] [data-part=entries] .valid')") == true
    {
        assert!(begun.elapsed().as_secs() < 60, "not proven: {}", said(&browser));
        browser.script(
            "document.querySelector('.piece[open] [data-part=entries] tr:last-child button').click()",
        );
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
    browser.script("document.querySelector('.piece[open] [data-part=grants] button').click()");
    until("document.querySelector('.piece[open] [data-part=grants]').textContent.includes('revoked')");
    browser.picture("en-mine-proven");

    // All of the matter is granted: the officer finds it again, and the owner sees who looked under that grant.
    open("/mine");
    until("document.querySelectorAll('#wide:not([hidden]) option').length === 2");
    assert!(said(&browser).contains("all of this account's"), "{}", said(&browser));
    browser.script("document.querySelector('#wide [data-part=wide-grantee]').focus()");
    until("document.querySelectorAll('#known-accounts option').length === 3");
    browser.script(
        "const within = (name) => document.querySelector(`#wide [data-part=wide-${name}]`); within('scope').selectedIndex = 1; \
         within('grantee').value = document.querySelectorAll('#known-accounts option')[1].value; within('purpose').value = '复核'; \
         within('case').value = '(2026)2'; within('until').value = '2099-12-31'; within('grant').requestSubmit()",
    );
    until("document.querySelectorAll('#wide [data-part=wide-grants] tr').length === 1");
    browser.script("localStorage.setItem('role', 'court'); location.reload()");
    until("document.querySelector('#granted:not([hidden]) button')");
    assert!(said(&browser).contains("复核 · (2026)2"), "{}", said(&browser));
    browser.script("document.querySelector('#granted button').click()");
    until("document.querySelector('#granted .valid')");
    browser.script("localStorage.removeItem('role'); location.reload()");
    until("document.querySelectorAll('#wide [data-part=wide-entries] tr').length === 2");
    let looked = browser.script("return document.querySelector('#wide [data-part=wide-entries]').innerText");
    assert!(looked.as_str().unwrap().contains("key handed over"), "{looked}");
    inspect(&browser, axe.as_deref(), "en-mine-wide");
    browser.script("document.querySelector('#wide [data-part=wide-grants] button').click()");
    until("document.querySelector('#wide [data-part=wide-grants]').textContent.includes('revoked')");

    // What the browser no longer has, the vault tells; its certificate comes back, and with it all that can be done.
    opened();
    browser.script(
        "window.confirm = () => true; document.querySelector('.piece[open] [data-part=forget]').click()",
    );
    until("document.querySelector('#elsewhere:not([hidden]) button')");
    assert_eq!(browser.script("return document.querySelectorAll('.piece').length"), 0);
    for language in ["zh-CN", "en"] {
        browser.script(&format!("document.cookie = 'lang={language}; path=/'"));
        open("/mine");
        until("document.querySelector('#elsewhere:not([hidden]) button')");
        // The matter's name is gone with the browser's list; its grants are not.
        until("document.querySelectorAll('#wide [data-part=wide-grants] tr').length === 1");
        inspect(&browser, axe.as_deref(), &format!("{language}-mine-elsewhere"));
    }
    browser.script("document.querySelector('#elsewhere button').click()");
    until("document.querySelector('.piece .valid')");
    until("document.querySelector('#elsewhere[hidden]')");
    opened();
    browser.script(
        "window.confirm = () => true; document.querySelector('.piece[open] [data-part=reference]').value = 'DP-1'; \
         document.querySelector('.piece[open] [data-part=erase]').requestSubmit()",
    );
    until("document.querySelector('.piece[open] [data-part=gone]:not([hidden])')");
    // What was erased proves as before.
    place.expect(0, &["verify", text(&film), text(&certificate)]);
    browser.script("document.cookie = 'lang=zh-CN; path=/'");
    opened();
    inspect(&browser, axe.as_deref(), "zh-CN-mine-opened");
}

#[test]
fn a_passkey_brings_its_owner_back_and_nobody_whom_the_device_did_not_verify() {
    let place = Place::new();
    let Some(browser) = Browser::start(&place) else { return };
    let _alliance = place.up();
    let origin = format!("http://localhost:{}", place.base_port - 10);
    let device = json!({
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": true, "hasUserVerification": true, "isUserVerified": true
    });
    let device = browser.post("/webauthn/authenticator", device);
    let device = format!("/webauthn/authenticator/{}", device.as_str().unwrap());

    browser.open(&format!("{origin}/office?lang=en"));
    let failed = "return document.getElementById('error').textContent";
    // A key that the office does not know: the browser has none.
    browser.click("passkey-login");
    browser.wait(failed);
    press(&browser, "passkey-register");
    apply(&browser, &origin, "张三", NUMBER);
    let mine = path(&browser);
    browser.open(&format!("{origin}/office"));
    press(&browser, "logout");
    browser.open(&format!("{origin}{mine}"));
    assert_eq!(path(&browser), "/office", "logged out");
    press(&browser, "passkey-login");
    browser.open(&format!("{origin}{mine}"));
    assert_eq!(state(&browser), "submitted");

    // Its holder names it, and cannot remove the last one without saying that it is meant; nor anybody else by a request.
    browser.open(&format!("{origin}/office"));
    browser.fill("passkey-name-1", "手机");
    press(&browser, "passkey-rename-1");
    assert_eq!(browser.script("return document.getElementById('passkey-name-1').value"), "手机");
    inspect(&browser, axe().as_deref(), "office-passkeys");
    browser.click("passkey-remove-1");
    let removal =
        browser.script("return document.getElementById('passkey-remove-1').form.getAttribute('action')");
    let (removal, own) = (removal.as_str().unwrap(), format!("Origin: {origin}\r\n"));
    let port = place.base_port - 10;
    assert_eq!(status(port, removal, &own, "last=yes"), 303, "to the login");
    let unmeant = format!(
        "fetch('{removal}', {{method: 'POST', body: new URLSearchParams()}}).then((one) => done(one.status))"
    );
    assert_eq!(browser.later(&unmeant), 409, "not meant");

    // Whoever holds the device without its PIN is not let in.
    browser.open(&format!("{origin}/office"));
    press(&browser, "logout");
    browser.post(&format!("{device}/uv"), json!({"isUserVerified": false}));
    browser.click("passkey-login");
    browser.wait(failed);
    // Nor who is another at the same device: what it signs is checked by the office.
    browser.post(&format!("{device}/uv"), json!({"isUserVerified": true}));
    browser.script("const get = navigator.credentials.get.bind(navigator.credentials); \
        navigator.credentials.get = async (asked) => { asked.publicKey.challenge = new Uint8Array(32); return get(asked); }");
    browser.click("passkey-login");
    let refused = browser.wait(failed);
    assert!(refused.as_str().unwrap().contains("another challenge"), "{refused}");

    // The last one is removed by who means it, and lets nobody in any more.
    browser.open(&format!("{origin}/office"));
    press(&browser, "passkey-login");
    browser.click("passkey-last");
    press(&browser, "passkey-remove-1");
    assert_eq!(browser.script("return document.querySelectorAll('.passkeys').length"), 0);
    press(&browser, "logout");
    browser.click("passkey-login");
    browser.wait(failed);
}

const PROVIDER: &str = r#"
// What it says besides goes to a pipe that nobody reads.
console.info = console.warn = () => {};
const { default: Provider } = await import(`${process.env.XIEZHI_OIDC}/node_modules/oidc-provider/lib/index.js`);
const [port, office] = process.argv.slice(2);
const people = { zhang: { name: "张三", id_number: "11010519491231002X" }, li: { name: "李四" } };
const provider = new Provider(`http://localhost:${port}`, {
  clients: [{ client_id: "office", client_secret: "s+cret/%", redirect_uris: [`${office}/office/callback`] }],
  claims: { openid: ["sub"], real: ["name", "id_number"] }, scopes: ["openid", "real"], conformIdTokenClaims: false,
  pkce: { required: () => true, methods: ["S256"] },
  findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, ...people[sub] }) }),
});
provider.listen(port, "127.0.0.1", () => console.log("listening"));
"#;

/// The real provider at `port`; none where it is not installed, which it says.
fn provider(place: &Place, port: u16, office: &str) -> Option<Ended> {
    let usual = || concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/tools/oidc").into();
    let dir = std::env::var_os("XIEZHI_OIDC").map_or_else(usual, PathBuf::from);
    if !dir.join("node_modules/oidc-provider").exists() {
        skipped(&format!("logging in at a real OpenID provider: no oidc-provider at {}", dir.display()));
        return None;
    }
    let script = place.file("provider.mjs", PROVIDER.as_bytes());
    let mut command = Command::new("node");
    command
        .args([text(&script), &port.to_string(), office])
        .env("XIEZHI_OIDC", fs::canonicalize(dir).unwrap());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("node");
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("listening"), "{line:?}");
    Some(Ended(child))
}

/// Logs in at the provider as `who`, from the office's page.
fn log_in(browser: &Browser, origin: &str, who: &str) {
    browser.open(&format!("{origin}/office?lang=en"));
    browser.script("document.querySelector('a[href=\"/office/login/city\"]').click()");
    browser.wait("return document.querySelector('[name=login]')");
    browser.script(&format!(
        "document.querySelector('[name=login]').value = '{who}'; document.querySelector('[name=password]').value = 'x'; \
         document.querySelector('form').submit()"
    ));
    browser.wait("return document.querySelector('[name=prompt][value=consent]')");
    browser.script("document.querySelector('form').submit()");
    browser.wait("return location.pathname === '/office' && document.readyState === 'complete'");
}

#[test]
fn whom_a_real_openid_provider_vouches_for_is_approved_for_that_name_and_no_other() {
    let place = Place::new();
    let Some(browser) = Browser::start(&place) else { return };
    let (port, issuer) = (place.base_port + 9, place.base_port + 8);
    let origin = format!("http://localhost:{port}");
    let Some(_provider) = provider(&place, issuer, &origin) else { return };
    let _alliance = place.up();
    place.file("city.secret", b"s+cret/%\n");
    let config = json!({
        "institution": "notary", "account": "office", "url": origin, "database": "sqlite:office.db", "keys": "sqlite:persons.db",
        "master_key": "master.key", "clients": {}, "officers": { "li": "officer" },
        "issuers": { "city": {
            "issuer": format!("http://localhost:{issuer}"), "client_id": "office", "client_secret": "city.secret",
            "scope": "openid real", "number_claim": "id_number", "name_claim": "name", "officers": { "li": "li" }
        } }
    });
    place.file("office.json", config.to_string().as_bytes());
    let listen = format!("127.0.0.1:{port}");
    let mut command = place.command(&["office", "serve", "--config", "office.json", "--listen", &listen]);
    let mut office = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(office.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let _office = Ended(office);

    // Nobody is let in by a login that this browser did not begin, and there is no demonstration here.
    browser.open(&format!("{origin}/office/callback?state=a&code=b"));
    assert!(said(&browser).contains("Nobody is logged in"));
    browser.open(&format!("{origin}/office/login/nowhere"));
    assert!(said(&browser).contains("Nobody is logged in"));
    assert_eq!(status(port, "/office/demonstration", &format!("Origin: {origin}\r\n"), "role=officer"), 403);

    log_in(&browser, &origin, "zhang");
    inspect(&browser, axe().as_deref(), "office-oidc");
    apply(&browser, &origin, "张三", NUMBER);
    assert_eq!(state(&browser), "approved", "{}", said(&browser));
    assert!(!said(&browser).to_lowercase().contains("demonstration"));
    // The same person under another name: noted, and left to an officer.
    apply(&browser, &origin, "张三丰", NUMBER);
    assert_eq!(state(&browser), "submitted");
    assert!(said(&browser).contains("does not fit"), "{}", said(&browser));
    let other = path(&browser);
    let cookie = browser.script("return document.cookie");
    assert!(!cookie.as_str().unwrap().contains("office"), "no script sees the session: {cookie}");

    browser.open(&format!("{origin}/office"));
    press(&browser, "logout");
    // The provider still knows the browser: another person begins anew there.
    browser.open(&format!("http://localhost:{issuer}/"));
    browser.post("/goog/cdp/execute", json!({"cmd": "Network.clearBrowserCookies", "params": {}}));
    log_in(&browser, &origin, "li");
    browser.open(&format!("{origin}{other}"));
    browser.fill("reason", "seen");
    press(&browser, "approve");
    assert_eq!(state(&browser), "approved");
    // At the desk both are as they were judged.
    let desk = ["id", "list", "--state", "approved", "--json", "--config", "office.json", "--officer", "li"];
    let list: Value = serde_json::from_str(&place.expect(0, &desk)).unwrap();
    assert_eq!(list.as_array().unwrap().len(), 2, "{list}");

    // An issuer's subject who is an officer's no more is out with the next click, and in again once it is; nothing was started anew.
    assert!(said(&browser).contains("Revoke"));
    let mut changed = config.clone();
    changed["issuers"]["city"]["officers"] = json!({});
    place.file("office.json", changed.to_string().as_bytes());
    browser.open(&format!("{origin}{other}"));
    assert_eq!(path(&browser), "/office", "to the login");
    place.file("office.json", config.to_string().as_bytes());
    browser.open(&format!("http://localhost:{issuer}/"));
    browser.post("/goog/cdp/execute", json!({"cmd": "Network.clearBrowserCookies", "params": {}}));
    log_in(&browser, &origin, "li");
    browser.open(&format!("{origin}{other}"));
    assert!(said(&browser).contains("Revoke"));

    // So is an officer who is dismissed.
    let mut dismissed = config;
    dismissed["officers"] = json!({});
    place.file("office.json", dismissed.to_string().as_bytes());
    browser.open(&format!("{origin}{other}"));
    assert_eq!(path(&browser), "/office", "to the login");
    assert!(!said(&browser).contains("张三"));
}
