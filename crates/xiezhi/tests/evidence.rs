//! The evidence service as its users meet it: docs/evidence-service.md, with real nodes, a real time-stamp authority, and a process that is killed; on
//! SQLite, and on PostgreSQL where that is installed.

mod place;

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::PathBuf,
    process::{Child, Stdio},
};

use base64::Engine as _;
use place::{Place, programs, text};
use serde_json::Value;
use xiezhi_database::fixtures::PostgresServer;

const SQLITE: &str = "sqlite:evidence.db";

struct Served(Child);

impl Served {
    /// SIGKILL.
    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn json(said: &str) -> Value {
    serde_json::from_str(said).unwrap_or_else(|error| panic!("{error}: {said}"))
}

fn serve(place: &Place, listen: &str) -> Served {
    let mut command = place.command(&["evidence", "serve", "--config", "evidence.json", "--listen", listen]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains(listen), "not served: {line:?}");
    Served(child)
}

/// The id of the place's ledger.
fn ledger(place: &Place) -> String {
    let list = json(&place.expect(0, &["trust", "list", "--json"]));
    list[0]["ledger"].as_str().unwrap().to_owned()
}

/// A ledger in a configuration: the place's, behind two of its nodes.
fn ledger_config(place: &Place, name: &str) -> Value {
    let node = |at: u16| format!("http://127.0.0.1:{}", place.base_port + at);
    let file = format!("{name}.genesis");
    serde_json::json!({ "name": name, "ledger": ledger(place), "urls": [node(0), node(1)], "genesis": file })
}

fn write_config(place: &Place, url: &str, database: &str, ledgers: &[Value]) {
    let authority = format!("http://127.0.0.1:{}/tsa", place.base_port + 3);
    let (root, crl) = (found(place, "root.pem"), found(place, "crl.pem"));
    let hook = format!("http://127.0.0.1:{}/hook", place.base_port + 8);
    let config = serde_json::json!({
        "account": "evidence", "url": url, "database": database, "keys": "sqlite:customers.db",
        "master_key": "master.key", "webhook_key": "webhook.key", "ledgers": ledgers,
        "authorities": [{ "name": "tsa", "url": authority, "root": root, "crls": [crl] }],
        "clients": { "shop": { "key": "shop.key.pub", "webhook": hook }, "bank": { "key": "bank.key.pub" } },
    });
    place.file("evidence.json", config.to_string().as_bytes());
}

/// A platform's address for webhooks: refuses the first post, takes the others; head and body of each that it took.
fn listen(place: &Place) -> std::sync::mpsc::Receiver<(String, String)> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", place.base_port + 8)).unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for (at, stream) in listener.incoming().enumerate() {
            let mut reader = BufReader::new(stream.unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).is_ok_and(|bytes| bytes > 0) {}
            let value = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
            let Some(length) = value("content-length: ") else { continue };
            let mut body = vec![0; length.parse().unwrap()];
            reader.read_exact(&mut body).unwrap();
            let status = if at == 0 { "500 No" } else { "204 Taken" };
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            reader.get_mut().write_all(answer.as_bytes()).unwrap();
            if at > 0 && sender.send((head, String::from_utf8(body).unwrap())).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Verifies a webhook as its receiver does, with OpenSSL: Ed25519 over `id.timestamp.body`.
fn check_webhook(place: &Place, public: &str, head: &str, body: &str) {
    let value = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
    let message = format!("{}.{}.{body}", value("webhook-id: "), value("webhook-timestamp: "));
    let file = |name: &str, content: &[u8]| text(&place.file(name, content)).to_owned();
    let decode = |text: &str| base64::engine::general_purpose::STANDARD.decode(text).unwrap();
    // SubjectPublicKeyInfo of an Ed25519 key (RFC 8410).
    let mut der = hex::decode("302a300506032b6570032100").unwrap();
    der.extend(decode(public.strip_prefix("whpk_").unwrap()));
    let key = file("hook.der", &der);
    let signature = file("hook.sig", &decode(value("webhook-signature: ").strip_prefix("v1a,").unwrap()));
    for (message, holds) in [(message.clone(), true), (format!("{message} "), false)] {
        let message = file("hook.txt", message.as_bytes());
        let args =
            ["pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", &key, "-rawin", "-in", &message];
        let run = std::process::Command::new("openssl").args(args).args(["-sigfile", &signature]).output();
        let Ok(done) = run else { return place::skipped("openssl not found") };
        assert_eq!(done.status.success(), holds, "{}", String::from_utf8_lossy(&done.stderr));
    }
}

/// A file of the alliance's by its name.
fn found(place: &Place, name: &str) -> PathBuf {
    let mut dirs = vec![place.path("home/alliance")];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.file_name().is_some_and(|found| found == name) {
                return path;
            }
        }
    }
    panic!("no {name}");
}

const ORDER: [&str; 14] = [
    "--field",
    "order=20261128001",
    "--field",
    "seller=甲公司",
    "--field",
    "buyer=李四",
    "--field",
    "goods=茶",
    "--field",
    "amount=128.00",
    "--field",
    "currency=CNY",
    "--field",
    "placed=2026-11-28T09:30:00Z",
];

#[test]
fn from_an_order_to_one_bundle_that_a_stranger_verifies() {
    let place = Place::new();
    let alliance = place.up();
    let listen_at = format!("127.0.0.1:{}", place.base_port + 9);
    let url = format!("http://{listen_at}");
    for key in ["shop.key", "bank.key"] {
        place.expect(0, &["account", "key", key, "--alg", "es256"]);
    }
    let postgres = PostgresServer::start();
    let database = postgres.as_ref().map_or_else(|| SQLITE.to_owned(), |server| server.database("evidence"));
    write_config(&place, &url, &database, &[ledger_config(&place, "judicial")]);
    let hooks = listen(&place);
    let service = serve(&place, &listen_at);
    let at = ["--to", &url, "--client", "shop", "--key", "shop.key"];
    let shop = |code: i32, args: &[&str]| place.expect(code, &[&["evidence"], args, &at].concat());

    assert!(place.expect(0, &["evidence", "templates"]).contains("online-sale"));
    place.expect(2, &["evidence", "templates", "marriage"]);
    let customer = r#"{ "kind": "person", "name": "李四", "number_kind": "resident-id", "number": "11010519491231002X" }"#;
    place.file("customer.json", customer.as_bytes());
    let open = ["open", "online-sale", "--customer", "customer.json", "--request", "order-1"];
    let id = shop(0, &open).trim().to_owned();
    assert_eq!(shop(0, &open).trim(), id, "the same request, the same transaction");

    // What does not fit the template names element and rule; what comes too early is refused.
    let early = place.run(&[&["evidence", "add", &id, "3"], &at[..]].concat());
    assert!(String::from_utf8_lossy(&early.stderr).contains("phase"), "{early:?}");
    shop(1, &["add", &id, "1", "--field", "amount=1e3"]);
    let photo = place.file("photo.jpg", b"a photograph of tea");
    shop(
        0,
        &[&["add", &id, "1", "--file", text(&photo), "--searchable", "--request", "e-1"], &ORDER[..]]
            .concat(),
    );
    let paid = ["--field", "payment=P-1", "--field", "amount=128.00", "--field", "paid=2026-11-28T09:31:00Z"];
    shop(1, &["pack", &id]);

    // Killed right after the answer: what was acknowledged is carried on by the next process.
    shop(0, &[&["add", &id, "2", "--text", "paid by card", "--request", "e-2"], &paid[..]].concat());
    service.kill();
    let service = serve(&place, &listen_at);
    let again =
        shop(0, &[&["add", &id, "2", "--text", "paid by card", "--request", "e-2"], &paid[..]].concat());
    assert!(again.starts_with("Entry 2,"), "{again}");
    shop(0, &["pack", &id]);
    shop(1, &[&["add", &id, "3"], &paid[..]].concat());

    // Another program sees nothing of it.
    place.expect(1, &["evidence", "show", &id, "--to", &url, "--client", "bank", "--key", "bank.key"]);
    place.expect(1, &["evidence", "show", &id, "--to", &url, "--client", "shop", "--key", "bank.key"]);

    shop(0, &["fetch", &id, "--out", "bundles", "--timeout", "120"]);
    let shown = json(&shop(0, &["show", &id, "--json"]));
    assert_eq!(shown["entries"].as_array().unwrap().len(), 3, "{shown}");
    assert_eq!((&shown["state"], shown["missing"].as_array().unwrap().len()), (&"closed".into(), 0));
    let records = json(&place.expect(0, &["find", "--group", &id, "--json"]));
    assert_eq!(
        records["records"].as_array().or(records.as_array()).unwrap().len(),
        3,
        "one record each: {records}"
    );

    // The platform was told, in signed posts, of every leg and every entry, though it refused the first.
    let about = json(&String::from_utf8(get(&listen_at, "/v1/service")).unwrap());
    let (mut sealed, mut complete) = (0, 0);
    while sealed < 6 || complete < 3 {
        let (head, body) = hooks.recv_timeout(std::time::Duration::from_secs(60)).unwrap();
        check_webhook(&place, about["webhook_key"].as_str().unwrap(), &head, &body);
        let event = json(&body);
        assert_eq!(event["data"]["transaction"], id.as_str());
        match event["type"].as_str().unwrap() {
            "leg.sealed" => sealed += 1,
            "entry.complete" => complete += 1,
            "leg.failed" => {}
            other => panic!("{other}"),
        }
    }
    assert_eq!((sealed, complete), (6, 3));

    // The documents' clients: a platform's program in Python, one in TypeScript.
    programs::check_clients();
    if let Some(said) =
        programs::python_example(&place, "evidence.py", &[&url, "shop", "shop.key", "bundles/python.xze"])
    {
        assert_eq!(said, "evidence-refused fields.accepted element-format\nopen\n");
    }
    let key = fs::read_to_string(place.path("shop.key")).unwrap();
    let env = [("URL", url.as_str()), ("CLIENT", "shop"), ("KEY", key.as_str())];
    if let Some(said) = programs::typescript_example(&place, &env) {
        place.file("bundles/typescript.xze", &hex::decode(said.trim()).unwrap());
    }
    // What a document allows and much that it does not: no answer is a server's error, or another than the document says.
    let known = [("id", id.as_str()), ("entry", "1")];
    let shop_key = Some(("shop", "shop.key"));
    programs::fuzz(&place, "openapi-evidence.json", &url, shop_key, &known, "/events$");
    let node = format!("http://127.0.0.1:{}", place.base_port);
    programs::fuzz(&place, "openapi.json", &node, None, &[("index", "1"), ("height", "1")], "/events$");

    drop(service);
    drop(alliance);
    let root = found(&place, "root.pem");
    let verify = |code: i32, more: &[&str]| {
        place.expect(code, &[&["evidence", "verify", "--stamp-root", text(&root), "--json"], more].concat())
    };
    let verdict =
        json(&verify(0, &["bundles/1.xze", "--original", "photo.jpg", "--pack", "bundles/pack.xze"]));
    assert_eq!(
        (&verdict["outcome"], &verdict["pack"]["names_this"]),
        (&"valid".into(), &true.into()),
        "{verdict}"
    );
    assert_eq!(verdict["legs"].as_array().unwrap().len(), 2);
    verify(0, &["bundles/2.xze", "--pack", "bundles/pack.xze"]);
    for program in ["bundles/python.xze", "bundles/typescript.xze"] {
        if place.path(program).exists() {
            verify(0, &[program]);
        }
    }
    // The pack does not name itself; another file is not the original; without trust nothing is known.
    verify(1, &["bundles/pack.xze", "--pack", "bundles/pack.xze"]);
    let other = place.file("other.jpg", b"another photograph");
    verify(1, &["bundles/1.xze", "--original", text(&other)]);
    place.expect(5, &["evidence", "verify", "bundles/1.xze"]);

    // One field is shown, and neither the buyer nor anything else.
    let disclose =
        ["evidence", "disclose", "bundles/1.xze", "--field", "element.amount", "--out", "shown.xze"];
    place.expect(0, &disclose);
    place
        .expect(2, &["evidence", "disclose", "bundles/1.xze", "--field", "element.colour", "--out", "x.xze"]);
    verify(0, &["shown.xze"]);
    let bytes = fs::read(place.path("shown.xze")).unwrap();
    let holds = |text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(holds("128.00") && !holds("李四") && !holds("11010519491231002X") && !holds("甲公司"));
    // Nothing of the customer is legible in the service's database.
    let database = match &postgres {
        Some(server) => {
            let dump = server.dump("evidence");
            assert!(dump.contains(&id), "the dump has not the transaction");
            dump.into_bytes()
        }
        None => fs::read(place.path("evidence.db")).unwrap(),
    };
    let number = "11010519491231002X";
    for written in [number.to_owned(), hex::encode(number)] {
        assert!(!database.windows(written.len()).any(|part| part == written.as_bytes()), "{written}");
    }
}

/// The body of an answer to a plain request.
fn get(at: &str, target: &str) -> Vec<u8> {
    let mut stream = std::net::TcpStream::connect(at).unwrap();
    write!(stream, "GET {target} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    answer.split_off(end)
}

#[test]
fn two_ledgers_and_an_authority_give_one_result_though_one_is_down_and_the_service_is_killed() {
    let (court, notary) = (Place::new(), Place::new());
    let (alliance, other) = (court.up(), notary.up());
    let listen_at = format!("127.0.0.1:{}", court.base_port + 9);
    let url = format!("http://{listen_at}");
    for key in ["shop.key", "bank.key"] {
        court.expect(0, &["account", "key", key]);
    }
    let ledgers = [ledger_config(&court, "judicial"), ledger_config(&notary, "notary")];
    let notarys = ledger(&notary);
    write_config(&court, &url, SQLITE, &ledgers);
    // Once started, so that it knows both; then the notary's ledger stops.
    let mut service = serve(&court, &listen_at);
    other.kill();
    let at = ["--to", &url, "--client", "shop", "--key", "shop.key"];
    let shop = |code: i32, args: &[&str]| court.expect(code, &[&["evidence"], args, &at].concat());
    let id = shop(0, &["open", "online-sale"]).trim().to_owned();
    for round in 0..5 {
        let key = format!("e-{round}");
        let phase: &[&str] = if round == 0 { &["1"] } else { &["3"] };
        let carried = [
            "--field",
            "carrier=c",
            "--field",
            "waybill=w",
            "--field",
            "event=e",
            "--field",
            "at=2026-11-28T10:00:00Z",
        ];
        let fields = if round == 0 { &ORDER[..] } else { &carried[..] };
        shop(0, &[&["add", &id][..], phase, fields, &["--request", &key]].concat());
        // At another point of the outbox's work each time.
        std::thread::sleep(std::time::Duration::from_millis(90 * round));
        service.kill();
        service = serve(&court, &listen_at);
    }
    // One leg fails, is shown as what it is, and there is no result meanwhile.
    shop(3, &["fetch", &id, "--out", "bundles", "--timeout", "15"]);
    let shown = json(&shop(0, &["show", &id, "--json"]));
    let legs = shown["entries"][0]["legs"].as_array().unwrap().clone();
    let leg = |name: &str| legs.iter().find(|leg| leg["sink"] == name).unwrap().clone();
    assert_eq!(leg("notary")["reason"], "unreachable", "{shown}");
    assert_eq!(
        (&leg("judicial")["state"], &leg("tsa")["state"]),
        (&"sealed".into(), &"sealed".into()),
        "{shown}"
    );
    assert!(!court.path("bundles/1.xze").exists());

    let other = notary.up();
    shop(0, &["fetch", &id, "--out", "bundles", "--timeout", "240"]);
    for (place, name) in [(&court, "judicial"), (&notary, "notary")] {
        let records = json(&place.expect(0, &["find", "--group", &id, "--json"]));
        let count = records["records"].as_array().or(records.as_array()).unwrap().len();
        assert_eq!(count, 5, "{name}: one record of each entry: {records}");
    }
    drop((service, alliance, other));
    let (root, genesis) = (found(&court, "root.pem"), court.path("notary.genesis"));
    let mine = court.path("judicial.genesis");
    let verify = [
        "evidence",
        "verify",
        "bundles/1.xze",
        "--json",
        "--stamp-root",
        text(&root),
        "--trust",
        text(&mine),
    ];
    let half = json(&court.expect(5, &verify));
    assert_eq!(half["legs"].as_array().unwrap().len(), 3, "{half}");
    let whole = json(&court.expect(0, &[&verify[..], &["--trust", text(&genesis)]].concat()));
    assert_eq!(whole["outcome"], "valid");
    assert!(whole.to_string().contains(&notarys), "the notary's ledger is named");
}
