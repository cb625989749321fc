//! A real-name identity from the application to the first deposit, its revocation and its erasure: docs/identity.md, word for word, as its readers
//! follow it; the office on PostgreSQL where that is installed.

mod place;

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use place::{Place, programs};
use serde_json::Value;
use xiezhi_database::fixtures::PostgresServer;

struct Office(Child);

impl Drop for Office {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const DOCS: &str = include_str!("../../../docs/identity.md");

/// The first block of `language` in the docs that holds `mark`.
fn docs(language: &str, mark: &str) -> String {
    let blocks = DOCS.split("```").skip(1).step_by(2);
    let mut blocks = blocks.filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n'));
    blocks.find(|block| block.contains(mark)).unwrap_or_else(|| panic!("no {mark} in the docs")).to_owned()
}

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

/// Who follows the docs: where, with which office, and what the names in them stand for.
struct Reader<'a> {
    place: &'a Place,
    url: &'a str,
    names: Vec<(&'static str, String)>,
}

impl Reader<'_> {
    /// Does what the docs say in the block that holds `mark`, line by line in one shell, and sees that each ends as they say; the shell's last words.
    fn follow(&self, mark: &str) -> String {
        let mut script = String::new();
        for line in docs("sh", mark).replace("http://127.0.0.1:7490", self.url).lines() {
            if line.contains("office serve") {
                continue;
            }
            let (command, comment) = line.split_once('#').unwrap_or((line, ""));
            let code = comment.split_once("exit code ").map_or("0", |(_, rest)| &rest[..1]);
            let check = format!("code=$?; [ $code = {code} ] || {{ echo \"$code: {mark}\" >&2; exit 99; }}");
            script.push_str(&format!("{}\n{check}\n", command.trim()));
        }
        script.push_str("echo \"$ID\"\n");
        let tool = self.place.command(&[]);
        let bin = Path::new(tool.get_program()).parent().unwrap().to_owned();
        let mut shell = Command::new("sh");
        shell.args(["-uc", &script]).current_dir(self.place.dir.path()).stdin(Stdio::null());
        for (name, value) in tool.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        let path = std::env::var("PATH").unwrap_or_default();
        shell.env("PATH", format!("{}:{path}", bin.display())).env("XIEZHI_OFFICE", "office.json");
        shell.env("ID", "").env("AT", format!("--to {} --client gateway --key gateway.key", self.url));
        let output = shell.envs(self.names.iter().map(|(name, value)| (name, value))).output().unwrap();
        assert!(output.status.success(), "{script}\n{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().rsplit('\n').next().unwrap().to_owned()
    }
}

/// Waits until the office has put on the ledger what `look` sees.
fn recorded(look: impl Fn() -> Value) -> String {
    let begun = Instant::now();
    loop {
        if let Some(record) = look().as_str() {
            return record.to_owned();
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "never on the ledger");
        sleep(Duration::from_millis(200));
    }
}

#[test]
fn from_an_application_to_a_deposit_its_revocation_and_its_erasure_as_the_docs_say() {
    let place = Place::new();
    let alliance = place.up();
    let listen = format!("127.0.0.1:{}", place.base_port + 9);
    let url = format!("http://{listen}");
    place.expect(0, &["account", "key", "other.key", "--alg", "es256"]);
    let config = docs("json", "\"master_key\"").replace("http://127.0.0.1:7490", &url);
    let config = config.replace("\"clients\": {", "\"clients\": { \"other\": \"other.key.pub\",");
    // One setting puts the office on PostgreSQL; people.rs has offices on SQLite.
    let postgres = PostgresServer::start();
    let database = postgres.as_ref().map(|server| server.database("office"));
    let config = database.map_or(config.clone(), |url| config.replace("sqlite:office.db", &url));
    place.file("office.json", config.as_bytes());
    // Who is no officer is none, and whose name is a client's is no officer's program.
    for (given, wrong) in
        [("\"auditor\"", "\"client\""), ("\"li\": \"li.key.pub\"", "\"gateway\": \"li.key.pub\"")]
    {
        assert!(config.contains(given), "{given}");
        place.file("wrong.json", config.replace(given, wrong).as_bytes());
        place.expect(2, &["office", "serve", "--config", "wrong.json", "--listen", &listen]);
    }
    let mut reader = Reader { place: &place, url: &url, names: Vec::new() };
    reader.follow("account key");
    let (office, vouching) = serve(&place, &listen);
    let at = ["--to", &url, "--client", "gateway", "--key", "gateway.key"];
    let desk = |code: i32, officer: &str, args: &[&str]| {
        let who = ["--config", "office.json", "--officer", officer];
        place.expect(code, &[&["id"], args, &who].concat())
    };

    // A number that breaks its standard's rule never leaves the machine; a program with another's key is not let in.
    let applicant = docs("json", "legal_representative");
    place.file("wrong.json", applicant.replace("Y43", "Y44").as_bytes());
    place.expect(2, &[&["id", "apply", "wrong.json"], &at[..]].concat());
    place.file("applicant.json", applicant.as_bytes());
    let forged = ["id", "apply", "applicant.json", "--to", &url, "--client", "gateway", "--key", "other.key"];
    let said = place.run(&forged);
    assert!(String::from_utf8_lossy(&said.stderr).contains("token-signature"), "{said:?}");

    // What is taken back is not judged any more; nothing is bound before it is approved, and not everybody may approve.
    place.expect(0, &["account", "create", "early"]);
    let applied = json(&place.expect(0, &[&["id", "apply", "applicant.json", "--json"], &at[..]].concat()));
    let id = applied["id"].as_str().unwrap();
    assert_eq!(applied["state"], "submitted");
    place.expect(1, &[&["id", "bind", id, "--account", "early", "--out", "early.xzc"], &at[..]].concat());
    let reason = ["--reason", "business licence seen"];
    desk(1, "zhao", &[&["approve", id], &reason[..]].concat());
    desk(2, "nobody", &[&["approve", id], &reason[..]].concat());
    let strange = ["--to", &url, "--client", "other", "--key", "other.key"];
    place.expect(1, &[&["id", "withdraw", id], &strange[..]].concat());
    place.expect(0, &[&["id", "withdraw", id], &at[..]].concat());
    desk(1, "li", &[&["approve", id], &reason[..]].concat());

    place.file("contract.txt", b"contract");
    let id = reader.follow("id apply");
    reader.names = vec![("ID", id.clone()), ("OFFICE", vouching.clone())];
    assert_eq!(json(&desk(0, "li", &["show", &id]))["applicant"]["name"], "福州示例有限公司");
    assert!(json(&desk(0, "zhao", &["show", &id]))["applicant"].is_null(), "an auditor sees nobody's data");
    desk(1, "li", &["refuse", &id, "--reason", "changed my mind"]);

    // Another program cannot bind it, and the firm a second time gets the same certificate's fields.
    let again = ["id", "bind", &id, "--account", "firm", "--out", "again.xzc"];
    place.expect(1, &[&again[..], &strange].concat());
    place.expect(0, &[&again[..], &at].concat());
    let verify = |code: i32, file: &str, more: &[&str]| {
        let args = [&["id", "verify", file, "--office", &vouching, "--json"], more].concat();
        json(&place.expect(code, &args))
    };
    assert_eq!(verify(0, "firm.xzc", &[]), verify(0, "again.xzc", &[]));

    // The credit code is shown, and nothing else; nobody knows of a revocation, whoever is asked.
    reader.follow("id disclose");
    place.expect(2, &["id", "disclose", "firm.xzc", "--field", "subject.age", "--out", "x.xzc"]);
    let bytes = fs::read(place.path("shown.xzc")).unwrap();
    for hidden in ["福州示例有限公司", "李四", "11010519491231002X"] {
        assert!(!bytes.windows(hidden.len()).any(|part| part == hidden.as_bytes()), "{hidden} is shown");
    }
    assert_eq!(verify(0, "shown.xzc", &["--look-up"])["nodes_asked"], 4);

    // Revoked by its holder; the ledger says so to whoever asks, and its word is carried to where there is no network.
    let firm = verify(0, "firm.xzc", &[])["account"].as_str().unwrap().to_owned();
    reader.names.push(("FIRM", firm.clone()));
    place.expect(1, &[&["id", "unbind", &id, "--account", &firm], &strange[..]].concat());
    desk(1, "zhao", &["revoke", &id, "--account", &firm, "--reason", "untrue", "--reference", "1"]);
    desk(2, "li", &["revoke", &id, "--account", &firm, "--reason", "untrue"]);
    desk(2, "li", &["revoke", &id, "--account", &vouching, "--reason", "untrue", "--reference", "1"]);
    reader.follow("id unbind");
    let record = recorded(|| json(&desk(0, "zhao", &["show", &id]))["revoked"][0]["record"].clone());
    let shown = json(&desk(0, "li", &["show", &id]));
    assert_eq!((&shown["state"], &shown["revoked"][0]["reason"]), (&"rescinded".into(), &"holder".into()));
    assert_eq!(shown["accounts"], Value::Array(Vec::new()));
    reader.follow("--revocation");
    let revoked = verify(1, "firm.xzc", &["--look-up"]);
    assert_eq!(
        (&revoked["outcome"], &revoked["revoked"]["record_number"]),
        (&"revoked".into(), &record.into())
    );
    place
        .expect(2, &["id", "verify", "shown.xzc", "--office", &vouching, "--revocation", "contract.txt.xzc"]);
    place.expect(1, &[&again[..], &at].concat());

    // The office is dead when the person is erased: it owes the ledger the record, and makes one, however often it dies over it.
    drop(office);
    desk(1, "li", &["erase", &id, "--basis", "request", "--reference", "DP-2026-17"]);
    desk(2, "wang", &["erase", &id, "--basis", "because", "--reference", "DP-2026-17"]);
    reader.follow("id erase ");
    let listed = || json(&desk(0, "zhao", &["erasures", "--out", "records", "--json"]));
    assert_eq!((&listed()[0]["reference"], &listed()[0]["record"]), (&"DP-2026-17".into(), &Value::Null));
    for alive_ms in [100, 400] {
        let (office, _) = serve(&place, &listen);
        sleep(Duration::from_millis(alive_ms));
        drop(office);
    }
    let (office, _) = serve(&place, &listen);
    let record = recorded(|| listed()[0]["record"].clone());
    let file = format!("records/{record}.xzc");
    let erasure = json(&place.expect(0, &["show", &file]));
    assert!(erasure.to_string().contains("DP-2026-17"), "{erasure}");
    place.expect(0, &["verify", "--record-only", &file]);
    // The account, the binding, its revocation, the erasure: one of each.
    let all = json(&place.expect(0, &["find", "--account", &vouching, "--json"]));
    assert_eq!(all.as_array().unwrap_or_else(|| panic!("{all}")).len(), 4, "{all}");
    for id in [&id, applied["id"].as_str().unwrap()] {
        let left = json(&desk(0, "li", &["show", id]));
        assert_eq!((&left["state"], &left["applicant"]), (&"erased".into(), &Value::Null));
    }
    // An applicant's program and an officer's, at the running office.
    let known = [("id", id.as_str())];
    for client in [("gateway", "gateway.key"), ("li", "li.key")] {
        programs::fuzz(&place, "openapi-office.json", &url, Some(client), &known, "^$");
    }
    drop(office);
    drop(alliance);

    // What was shown holds without the office, the nodes and the data; so does what took it back.
    let shown = verify(0, "shown.xzc", &[]);
    assert_eq!(shown["fields"]["subject.number"], "91350100M000100Y43");
    assert_eq!(shown["fields"].as_object().unwrap().len(), 2, "{shown}");
    verify(1, "shown.xzc", &["--revocation", "revoked.xzc"]);
    place.expect(1, &["id", "verify", "shown.xzc", "--office", &vouching, "--look-up"]);
    place.expect(1, &["id", "verify", "shown.xzc", "--office", &"5".repeat(64)]);
    place.expect(1, &["id", "verify", "contract.txt.xzc", "--office", &vouching]);
    let mut forged = bytes.clone();
    let number = b"91350100M000100Y43";
    let place_of = forged.windows(number.len()).position(|part| part == number).unwrap();
    forged[place_of + 17] = b'4';
    place.file("forged.xzc", &forged);
    place.expect(1, &["id", "verify", "forged.xzc", "--office", &vouching]);
}
