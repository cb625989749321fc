//! A real-name identity from the application to the first deposit, and to its erasure: docs/identity.md, as its readers follow it.

mod place;

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
};

use place::{Place, programs, text};
use serde_json::Value;

struct Office(Child);

impl Drop for Office {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const CONFIG: &str = r#"{
  "institution": "notary",
  "account": "office",
  "url": "URL",
  "database": "sqlite:office.db",
  "keys": "sqlite:persons.db",
  "master_key": "master.key",
  "clients": { "gateway": "gateway.key.pub", "other": "other.key.pub" },
  "officers": { "li": "officer", "wang": "protection", "zhao": "auditor" }
}"#;

const APPLICANT: &str = r#"{
  "kind": "enterprise", "number_kind": "credit-code", "number": "91350100M000100Y43", "name": "福州示例有限公司",
  "legal_representative": { "name": "李四", "number_kind": "resident-id", "number": "11010519491231002X" }
}"#;

/// Starts the office; also its account.
fn serve(place: &Place, listen: &str) -> (Office, String) {
    let mut command = place.command(&["office", "serve", "--config", "office.json", "--listen", listen]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let account = line.trim().rsplit(' ').next().unwrap().to_owned();
    assert_eq!(account.len(), 64, "no account in {line:?}");
    (Office(child), account)
}

fn json(said: &str) -> Value {
    serde_json::from_str(said).unwrap_or_else(|error| panic!("{error}: {said}"))
}

#[test]
fn from_an_application_to_a_deposit_and_to_its_erasure() {
    let place = Place::new();
    let alliance = place.up();
    let listen = format!("127.0.0.1:{}", place.base_port + 9);
    let url = format!("http://{listen}");
    for key in ["gateway.key", "other.key"] {
        place.expect(0, &["account", "key", key, "--alg", "es256"]);
    }
    place.file("office.json", CONFIG.replace("URL", &url).as_bytes());
    let (office, vouching) = serve(&place, &listen);
    let at = ["--to", &url, "--client", "gateway", "--key", "gateway.key"];
    let desk = |code: i32, officer: &str, args: &[&str]| {
        let who = ["--config", "office.json", "--officer", officer];
        place.expect(code, &[&["id"], args, &who].concat())
    };

    // A number that breaks its standard's rule never leaves the machine; a program with another's key is not let in.
    place.file("wrong.json", APPLICANT.replace("Y43", "Y44").as_bytes());
    place.expect(2, &[&["id", "apply", "wrong.json"], &at[..]].concat());
    place.file("applicant.json", APPLICANT.as_bytes());
    let forged = ["id", "apply", "applicant.json", "--to", &url, "--client", "gateway", "--key", "other.key"];
    let said = place.run(&forged);
    assert!(String::from_utf8_lossy(&said.stderr).contains("token-signature"), "{said:?}");

    let applied = json(&place.expect(0, &[&["id", "apply", "applicant.json", "--json"], &at[..]].concat()));
    let id = applied["id"].as_str().unwrap();
    assert_eq!(applied["state"], "submitted");

    // Nothing is bound before it is approved, and not everybody may approve.
    place.expect(0, &["account", "create", "firm"]);
    let bind = ["id", "bind", id, "--account", "firm", "--out", "firm.xzc"];
    place.expect(1, &[&bind[..], &at].concat());
    let reason = ["--reason", "business licence seen"];
    desk(1, "zhao", &[&["approve", id], &reason[..]].concat());
    desk(2, "nobody", &[&["approve", id], &reason[..]].concat());
    assert_eq!(json(&desk(0, "li", &["list", "--state", "submitted", "--json"]))[0]["id"], id);
    let seen = json(&desk(0, "li", &["show", id]));
    assert_eq!(seen["applicant"]["name"], "福州示例有限公司");
    assert!(json(&desk(0, "zhao", &["show", id]))["applicant"].is_null(), "an auditor sees nobody's data");
    desk(0, "li", &[&["approve", id], &reason[..]].concat());
    desk(1, "li", &["refuse", id, "--reason", "changed my mind"]);

    // Another program cannot bind it, the firm can, and a second time gives the same certificate's fields.
    let strange = ["--to", &url, "--client", "other", "--key", "other.key"];
    place.expect(1, &[&bind[..], &strange].concat());
    place.expect(0, &[&bind[..], &at].concat());
    let again = ["id", "bind", id, "--account", "firm", "--out", "again.xzc"];
    place.expect(0, &[&again[..], &at].concat());
    let fields =
        |file: &str| json(&place.expect(0, &["id", "verify", file, "--office", &vouching, "--json"]));
    assert_eq!(fields("firm.xzc"), fields("again.xzc"));

    // The credit code is shown, and nothing else.
    let disclose = ["id", "disclose", "firm.xzc", "--field", "subject.number", "--out", "shown.xzc"];
    place.expect(0, &disclose);
    place.expect(2, &["id", "disclose", "firm.xzc", "--field", "subject.age", "--out", "x.xzc"]);
    let bytes = fs::read(place.path("shown.xzc")).unwrap();
    for hidden in ["福州示例有限公司", "李四", "11010519491231002X"] {
        assert!(!bytes.windows(hidden.len()).any(|part| part == hidden.as_bytes()), "{hidden} is shown");
    }

    // The first deposit of the account that is bound.
    let file = place.file("contract.txt", b"contract");
    place.expect(0, &["deposit", text(&file), "--account", "firm"]);

    let applied = json(&place.expect(0, &[&["id", "apply", "applicant.json", "--json"], &at[..]].concat()));
    desk(1, "li", &["erase", id, "--basis", "request", "--reference", "DP-2026-17"]);
    desk(2, "wang", &["erase", id, "--basis", "because", "--reference", "DP-2026-17"]);
    desk(0, "wang", &["erase", id, "--basis", "request", "--reference", "DP-2026-17"]);
    for id in [id, applied["id"].as_str().unwrap()] {
        let left = json(&desk(0, "li", &["show", id]));
        assert_eq!((&left["state"], &left["applicant"]), (&"erased".into(), &Value::Null));
    }
    place.expect(1, &[&again[..], &at].concat());
    let known = [("id", id)];
    programs::fuzz(&place, "openapi-office.json", &url, Some(("gateway", "gateway.key")), &known, "^$");
    drop(office);
    drop(alliance);

    // What was shown holds without the office, the nodes and the data.
    let shown = fields("shown.xzc");
    assert_eq!(shown["fields"]["subject.number"], "91350100M000100Y43");
    assert_eq!(shown["fields"].as_object().unwrap().len(), 2, "{shown}");
    place.expect(1, &["id", "verify", "shown.xzc", "--office", &"5".repeat(64)]);
    place.expect(1, &["id", "verify", "contract.txt.xzc", "--office", &vouching]);
    let mut forged = bytes.clone();
    let number = b"91350100M000100Y43";
    let place_of = forged.windows(number.len()).position(|part| part == number).unwrap();
    forged[place_of + 17] = b'4';
    place.file("forged.xzc", &forged);
    place.expect(1, &["id", "verify", "forged.xzc", "--office", &vouching]);
}
