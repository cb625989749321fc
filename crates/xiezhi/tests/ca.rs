//! An issuing authority under the alliance's root, as its officer, its applicants, and OpenSSL see it.

mod place;

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use place::{Place, institutions::Institutions, skipped, text};

struct Server {
    child: Child,
    url: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(place: &Place, listen: &str, more: &[&str]) -> Server {
    let mut child = place
        .command(&[&["ca", "serve", "--listen", listen, "--renew"], more].concat())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.split_whitespace().find(|word| word.starts_with("http://"));
    let url = url.unwrap_or_else(|| panic!("no address in {line:?}")).to_owned();
    Server { child, url }
}

/// The body of an answer.
fn get(url: &str, path: &str) -> String {
    let host = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

fn json(said: &str) -> serde_json::Value {
    serde_json::from_str(said).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// Runs OpenSSL in the place; all that it said, and whether it succeeded. `None` without OpenSSL.
fn openssl(place: &Place, arguments: &str) -> Option<(bool, String)> {
    let mut command = Command::new("openssl");
    command.args(arguments.split_whitespace()).current_dir(place.dir.path()).env("OPENSSL_CONF", "/dev/null");
    let output = command.output().ok()?;
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

#[test]
fn from_an_application_to_a_revoked_certificate() {
    let place = Place::new();
    place.expect(0, &["init", "alliance"]);
    let at = format!("http://127.0.0.1:{}", place.base_port);
    let made =
        ["ca", "init", "--under", "alliance/ca/node.toml", "--organisation", "示范电子认证机构", "--at", &at];
    place.expect(0, &made);
    place.expect(2, &made);
    place.expect(
        2,
        &["ca", "init", "--under", "alliance/court/node.toml", "--organisation", "x", "--dir", "other"],
    );
    let server = serve(&place, at.strip_prefix("http://").unwrap(), &[]);
    assert_eq!(server.url, at);

    // The applicant has the tool and the address.
    place.expect(0, &["ca", "request", "company.key"]);
    let number = "91110000802100433B";
    let apply = |number: &str| {
        let profile = ["ca", "apply", "company.csr", "--profile", "enterprise", "--number", number];
        let rest = ["--organisation", "示范公司", "--name", "电子签章", "--to", &at, "--json"];
        place.run(&[&profile[..], &rest].concat())
    };
    let wrong = apply("91110000802100433C");
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("number"), "{wrong:?}");
    let applied = json(&String::from_utf8_lossy(&apply(number).stdout));
    let id = applied["application"].as_str().unwrap();
    assert_eq!(place.expect(5, &["ca", "fetch", id, "--to", &at]).trim(), "not decided");

    // The officer has the directory.
    let pending = json(&place.expect(0, &["ca", "list", "--pending", "--json"]));
    assert_eq!((&pending["number"], &pending["state"]), (&number.into(), &"pending".into()));
    place.expect(0, &["ca", "issue", id, "--officer", "王经办"]);
    assert_eq!(place.expect(0, &["ca", "list", "--pending"]), "");
    place.expect(0, &["ca", "fetch", id, "--to", &at, "--out", "company.pem"]);
    let listed = json(
        place
            .expect(0, &["ca", "list", "--certificates", "--json"])
            .lines()
            .find(|l| l.contains(id))
            .unwrap(),
    );
    let serial = listed["serial"].as_str().unwrap().to_owned();
    let standing = |at: &[&str]| {
        json(&place.expect(0, &[&["ca", "show", serial.as_str(), "--json"], at].concat()))["standing_then"]
            .clone()
    };
    assert_eq!(standing(&[]), "good");
    assert_eq!(standing(&["--at", "2026-01-01T00:00:00Z"]), "not-issued");

    // Killed at once, nothing that was answered is lost.
    drop(server);
    let server = serve(&place, at.strip_prefix("http://").unwrap(), &[]);
    place.expect(0, &["ca", "fetch", id, "--to", &at]);

    let pem = fs::read_to_string(place.path("company.pem")).unwrap();
    assert_eq!(pem.matches("BEGIN CERTIFICATE").count(), 2, "itself and its issuer");
    fs::copy(place.path("alliance/ca/pki/root.pem"), place.path("root.pem")).unwrap();
    fs::copy(place.path("home/ca/authority.pem"), place.path("issuing.pem")).unwrap();
    let verify = "verify -CAfile root.pem -untrusted company.pem company.pem";
    let Some((good, said)) = openssl(&place, verify) else {
        skipped("openssl not found: the certificates were not looked at by others");
        return;
    };
    assert!(good, "{said}");
    let (_, said) = openssl(&place, "x509 -in company.pem -noout -text").unwrap();
    for expected in [
        &format!("{at}/authority.crl"),
        &format!("OCSP - URI:{at}/ocsp"),
        "urn:xiezhi:enterprise:91110000802100433B",
    ] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
    let ask = format!(
        "ocsp -issuer issuing.pem -cert company.pem -CAfile root.pem -verify_other issuing.pem -url {at}/ocsp"
    );
    let stands = |expected: &str| {
        let (_, said) = openssl(&place, &ask).unwrap();
        assert!(
            said.contains("Response verify OK") && said.contains(&format!("company.pem: {expected}")),
            "{said}"
        );
    };
    stands("good");
    place.expect(0, &["ca", "suspend", &serial]);
    stands("revoked");
    place.expect(0, &["ca", "release", &serial]);
    stands("good");
    place.expect(
        0,
        &["ca", "revoke", &serial, "--reason", "key-compromise", "--since", "2026-11-01T00:00:00Z"],
    );
    stands("revoked");
    place.expect(2, &["ca", "release", &serial]);
    assert_eq!(standing(&[]), "revoked");
    // The root's list of the issuing authority, and the issuing authority's own.
    place.expect(0, &["ca", "crl", "--number", "4", "--out", "issuing.crl"]);
    let lists = [
        fs::read(place.path("alliance/ca/pki/crl.pem")).unwrap(),
        fs::read(place.path("issuing.crl")).unwrap(),
    ];
    place.file("lists.pem", &lists.concat());
    let checked =
        "verify -crl_check_all -CRLfile lists.pem -CAfile root.pem -untrusted company.pem company.pem";
    let (good, said) = openssl(&place, checked).unwrap();
    assert!(!good && said.contains("certificate revoked"), "{said}");
    let (_, said) = openssl(&place, "crl -in issuing.crl -noout -text -CAfile issuing.pem").unwrap();
    assert!(said.contains("verify OK") && said.contains("Key Compromise"), "{said}");
    drop(server);
}

#[test]
fn a_passphrase_guards_the_key_and_every_suite_makes_chains_that_openssl_accepts() {
    for suite in ["es256", "ed25519", "sm2"] {
        let place = Place::new();
        place.expect(0, &["ca", "init", "--own-root", "--organisation", "示范认证", "--suite", suite]);
        let key = text(&place.path("home/ca/authority.key")).to_owned();
        let passphrase = place.file("passphrase", b"correct horse\n");
        let with = |args: &[&str]| {
            let mut command = place.command(args);
            command.env("XIEZHI_PASSPHRASE_FILE", &passphrase).stdin(Stdio::null());
            command.output().unwrap()
        };
        assert!(with(&["account", "protect", "--key", &key]).status.success());
        place.expect(0, &["ca", "request", "officer.key", "--suite", suite]);
        let apply = ["ca", "apply", "officer.csr", "--profile", "officer", "--institution", "court"];
        let said = place
            .expect(0, &[&apply[..], &["--organisation", "示范法院", "--name", "张法官", "--json"]].concat());
        let id = json(&said)["application"].as_str().unwrap().to_owned();
        place.expect(2, &["ca", "issue", &id, "--out", "officer.pem"]);
        let issued = with(&["ca", "issue", &id, "--out", "officer.pem"]);
        assert!(issued.status.success(), "{issued:?}");
        assert_eq!(place.expect(1, &["ca", "expiring", "--days", "800", "--json"]).lines().count(), 2);
        assert_eq!(place.expect(0, &["ca", "expiring"]), "");
        let chain = fs::read(place.path("home/ca/chain.pem")).unwrap();
        place.file("root.pem", &chain);
        fs::copy(place.path("home/ca/authority.pem"), place.path("issuing.pem")).unwrap();
        // OpenSSL gives SM2's identifier to the certificate named last only: there it is one step at a time.
        let commands: &[&str] = match suite {
            "sm2" => &[
                "verify -vfyopt distid:1234567812345678 -CAfile root.pem issuing.pem",
                "verify -vfyopt distid:1234567812345678 -partial_chain -trusted issuing.pem officer.pem",
            ],
            _ => &["verify -CAfile root.pem -untrusted officer.pem officer.pem"],
        };
        for command in commands {
            match openssl(&place, command) {
                Some((good, said)) => assert!(good, "{suite}: {said}"),
                None => skipped("openssl not found: chains were not looked at by others"),
            }
        }
        let request = if suite == "sm2" { "-vfyopt distid:1234567812345678" } else { "" };
        if let Some((good, said)) = openssl(&place, &format!("req -in officer.csr -verify -noout {request}"))
        {
            assert!(good, "{suite}: {said}");
        }
    }
}

#[test]
fn the_authoritys_key_can_be_in_a_token_and_nowhere_else() {
    let place = Place::new();
    let Some(token) = place.make_token("the ca") else { return };
    let (conf, pin) = (token.conf, token.pin);
    let with = |code, pin: &std::path::Path, args: &[&str]| {
        let mut command = place.command(args);
        command.env("SOFTHSM2_CONF", &conf).env("XIEZHI_PIN_FILE", pin).stdin(Stdio::null());
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?} {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let uri = format!("pkcs11:token=the%20ca;object=issuing?module-path={}", token.module);
    place.expect(0, &["init", "alliance"]);
    let under =
        ["ca", "init", "--under", "alliance/ca/node.toml", "--organisation", "示范认证", "--kept-at", &uri];
    with(2, &place.file("wrong", b"1234"), &under);
    with(0, &pin, &under);
    let kept = fs::read_to_string(place.path("home/ca/authority.key")).unwrap();
    assert_eq!(kept.trim(), uri, "the file names the key");
    with(0, &pin, &["ca", "request", "officer.key", "--kept-at", &uri.replace("issuing", "officer")]);
    let apply = ["ca", "apply", "officer.csr", "--profile", "officer", "--institution", "court", "--json"];
    let said = with(0, &pin, &[&apply[..], &["--organisation", "示范法院", "--name", "张法官"]].concat());
    let id = json(&said)["application"].as_str().unwrap().to_owned();
    place.expect(2, &["ca", "issue", &id]);
    with(0, &pin, &["ca", "issue", &id, "--out", "officer.pem"]);
    if let Some((good, said)) =
        openssl(&place, "verify -CAfile alliance/ca/pki/root.pem -untrusted officer.pem officer.pem")
    {
        assert!(good, "{said}");
    }
}

#[test]
fn an_institution_seals_with_its_certificate_which_two_officers_revoke_and_the_book_is_on_the_ledger() {
    let mut all = Institutions::found(4);
    let place = &all.place;
    place
        .expect(0, &["ca", "init", "--under", "alliance/ca/node.toml", "--organisation", "示范电子认证机构"]);
    place.expect(0, &["ca", "request", "alliance/court/keys/seal.key", "--out", "seal.csr"]);
    let apply = ["ca", "apply", "seal.csr", "--profile", "seal", "--institution", "court", "--json"];
    let said =
        place.expect(0, &[&apply[..], &["--organisation", "示范互联网法院", "--name", "Seal"]].concat());
    let id = json(&said)["application"].as_str().unwrap().to_owned();
    place.expect(0, &["ca", "issue", &id, "--out", "alliance/court/pki/seal.pem"]);
    place.expect(0, &["ca", "crl", "--out", "alliance/court/pki/issuing.crl.pem"]);
    let config = place.path("alliance/court/node.toml");
    let with = |name: &str| {
        let text = fs::read_to_string(&config).unwrap();
        let present = text.lines().find(|line| line.starts_with("revocations")).unwrap().to_owned();
        let more = present.replace(']', &format!(", \"pki/{name}\"]"));
        fs::write(&config, text.replace(&present, &more)).unwrap();
    };
    with("issuing.crl.pem");
    let file = place.file("a.txt", b"content");
    // Without the fourth the court's seal is needed.
    all.start(&[0, 1, 2]);
    all.wait_live(&[0, 1, 2]);
    all.deposit(0, 0, &file);
    let verdict = json(
        &all.place.expect(0, &["verify", "a.txt", "a.txt.xzc", "--json", "--trust", "alliance/genesis.cbor"]),
    );
    assert!(verdict.to_string().contains("court"), "{verdict}");

    // From now on two officers revoke, each with a key of his own; who has the directory alone does not.
    let place = &all.place;
    for officer in ["li.key", "wang.key"] {
        place.expect(0, &["account", "key", officer, "--alg", "es256"]);
    }
    let rule = ["ca", "four-eyes", "--deed", "revoked", "--with", "li=li.key.pub"];
    place.expect(2, &rule);
    place.expect(0, &[&rule[..], &["--with", "wang=wang.key.pub"]].concat());
    let listed = place.expect(0, &["ca", "list", "--certificates", "--json"]);
    let listed = json(listed.lines().find(|line| line.contains(&id)).unwrap());
    let serial = listed["serial"].as_str().unwrap();
    let revoke = ["ca", "revoke", serial, "--reason", "superseded", "--officer", "li"];
    place.expect(2, &revoke);
    place.expect(5, &[&revoke[..], &["--officer-key", "li.key"]].concat());
    let proposals = place.expect(0, &["ca", "proposals"]);
    let number = proposals.split_whitespace().next().unwrap();
    let confirm = |code, officer: &str, key: &str| {
        place.expect(code, &["ca", "confirm", number, "--officer", officer, "--officer-key", key])
    };
    confirm(2, "li", "li.key");
    confirm(2, "wang", "li.key");
    let standing = || json(&place.expect(0, &["ca", "show", serial, "--json"]))["standing"].clone();
    assert_eq!(standing(), "good");
    let book = place.path("home/ca/book.jsonl");
    let before = fs::read(&book).unwrap();
    confirm(0, "wang", "wang.key");
    assert_eq!((standing(), place.expect(0, &["ca", "proposals"]).as_str()), ("revoked".into(), ""));

    // The book's head is on the ledger: put back as it was before, the book is found out. It goes there by itself where the server is told so.
    let url = all.url(0);
    let said = place.expect(0, &["ca", "deposit-head", "--account", "ca", "--url", &url]);
    let account = said.trim().rsplit(' ').next().unwrap();
    let heads = ["--deposit-heads", "ca", "--heads-every", "0", "--url", &url];
    let server = serve(place, "127.0.0.1:0", &heads);
    let on_ledger = |what: &str, is: &dyn Fn(&serde_json::Value) -> bool| {
        let begun = Instant::now();
        loop {
            let status = json(&get(&server.url, "/v1/status"))["on_ledger"].clone();
            if is(&status) {
                return status;
            }
            assert!(begun.elapsed() < Duration::from_secs(90), "{what}: {status}");
            sleep(Duration::from_millis(200));
        }
    };
    let first = on_ledger("recorded by hand", &|status| status["standing"] == "kept");
    // While the ledger is away certificates are issued, and the head is owed.
    all.kill(&[0, 1, 2]);
    let place = &all.place;
    place.expect(0, &["ca", "request", "officer.key"]);
    let apply = ["ca", "apply", "officer.csr", "--profile", "officer", "--institution", "court", "--json"];
    let said =
        place.expect(0, &[&apply[..], &["--organisation", "示范互联网法院", "--name", "张法官"]].concat());
    place.expect(0, &["ca", "issue", json(&said)["application"].as_str().unwrap()]);
    on_ledger("owed", &|status| status["standing"] == "due");
    sleep(Duration::from_secs(6));
    on_ledger("still owed", &|status| status["standing"] == "due" && status["record"] == first["record"]);
    all.start(&[0, 1, 2]);
    all.wait_live(&[0, 1, 2]);
    let place = &all.place;
    let second = on_ledger("made good", &|status| status["standing"] == "kept");
    assert_ne!(first["record"], second["record"]);
    assert!(get(&server.url, "/metrics").contains("\nxiezhi_ca_head_overdue 0\n"));
    drop(server);
    let check = |code, account: &str| {
        let trust = ["--trust", "alliance/genesis.cbor", "--url", &url];
        place.expect(code, &[&["ca", "check-heads", "--account", account], &trust[..]].concat())
    };
    check(0, account);
    check(5, &"5".repeat(64));
    let after = fs::read(&book).unwrap();
    fs::write(&book, before).unwrap();
    assert!(check(1, account).contains("REWRITTEN"));
    place.expect(1, &["ca", "deposit-head", "--account", "ca", "--url", &url]);
    fs::write(&book, after).unwrap();
    check(0, account);
}
