//! An original from the upload to its erasure: docs/vault.md, as its readers follow it; the vault on PostgreSQL where that is installed.

mod place;

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    process::{Child, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::TryStreamExt as _;
use place::{Place, programs, text};
use serde_json::Value;
use xiezhi_database::fixtures::PostgresServer;
use xiezhi_objects::{Listed, Objects, fixtures::S3};

const CONFIG: &str = r#"{
  "account": "vault", "url": "URL", "database": "sqlite:vault.db", "keys": "sqlite:vault-keys.db",
  "master_key": "vault-master.key", "originals": "originals", "head_every_s": 1,
  "alarm": { "url": "ALARM", "key": "alarm.key" }
}"#;

struct Vault(Child);

impl Drop for Vault {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn serve(place: &Place, listen: &str) -> Vault {
    serve_with(place, listen, "vault.json", &[])
}

fn serve_with(place: &Place, listen: &str, config: &str, variables: &[(&str, String)]) -> Vault {
    let mut command = place.command(&["vault", "serve", "--config", config, "--listen", listen]);
    let mut child = command.envs(variables.to_vec()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains(listen), "{line:?}");
    Vault(child)
}

fn json(said: &str) -> Value {
    serde_json::from_str(said).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// The one sealed original.
fn sealed(place: &Place) -> Option<std::path::PathBuf> {
    let dirs = fs::read_dir(place.path("originals")).unwrap();
    dirs.flat_map(|dir| fs::read_dir(dir.unwrap().path()).unwrap()).map(|file| file.unwrap().path()).next()
}

#[test]
fn from_an_upload_to_the_readers_and_to_the_erasure() {
    let place = Place::new();
    let _alliance = place.up();
    let listen = format!("127.0.0.1:{}", place.base_port + 9);
    let url = format!("http://{listen}");
    let postgres = PostgresServer::start();
    let database = postgres.as_ref().map_or("sqlite:vault.db".to_owned(), |server| server.database("vault"));
    place.file(
        "vault.json",
        CONFIG
            .replace("URL", &url)
            .replace("sqlite:vault.db", &database)
            .replace("ALARM", &format!("http://127.0.0.1:{}/alarm", place.base_port + 8))
            .as_bytes(),
    );
    let vault = serve(&place, &listen);
    for (account, key) in [("owner", "owner.key"), ("court", "court.key")] {
        place.expect(0, &["account", "key", key, "--alg", "es256"]);
        place.expect(0, &["account", "create", account]);
        place.expect(0, &["account", "set-encryption", account, "--key", &format!("{key}.pub")]);
    }
    let content: Vec<u8> = (0..40_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let file = place.file("film.bin", &content);
    place.expect(0, &["deposit", text(&file), "--account", "owner"]);
    let owner = ["--to", &url, "--account", "owner"];
    let court = ["--to", &url, "--account", "court"];

    // Not the recorded bytes: refused, and nothing is kept. Not the recording account: refused.
    place.file("other.bin", &content[1..]);
    place.expect(1, &[&["vault", "put", "other.bin", "--certificate", "film.bin.xzc"], &owner[..]].concat());
    assert_eq!(sealed(&place), None);
    place.expect(1, &[&["vault", "put", "film.bin"], &court[..]].concat());

    // The vault is killed while it takes the upload, and the upload goes on.
    let mut putting = place.command(&[&["vault", "put", "film.bin"], &owner[..]].concat()).spawn().unwrap();
    while sealed(&place).is_none_or(|path| fs::metadata(path).unwrap().len() < 9_000_000) {
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(vault);
    putting.wait().unwrap();
    let vault = serve(&place, &listen);
    let said = place.expect(0, &[&["vault", "put", "film.bin"], &owner[..]].concat());
    let id = said.trim().rsplit(' ').next().unwrap().to_owned();
    let path = sealed(&place).unwrap();
    assert!(
        !fs::read(&path).unwrap().windows(32).any(|part| part == &content[..32]),
        "the original lies open"
    );

    // Nobody reads without a grant; with one, until it is revoked.
    let get = ["vault", "get", &id, "--purpose", "hearing", "--key", "court.key", "--out", "read.bin"];
    let get = [&get[..], &court].concat();
    place.expect(1, &get);
    let shown = json(&place.expect(0, &["account", "show", "court", "--json"]));
    let grantee = shown["id"].as_str().unwrap();
    let until = ["--expires", "2099-01-01T00:00:00Z", "--case", "(2026)1"];
    let grant =
        [&["vault", "grant", &id, "--grantee", grantee, "--purpose", "case"], &until[..], &owner].concat();
    let grant = place.expect(0, &grant).trim().to_owned();
    let granted = |to: &[&str]| json(&place.expect(0, &[&["vault", "granted"], to].concat()));
    let found = granted(&court);
    assert_eq!(
        (&found["granted"][0]["exhibit"], &found["granted"][0]["detail"]["case"]),
        (&id.as_str().into(), &"(2026)1".into())
    );
    assert_eq!(granted(&owner)["granted"], Value::Array(Vec::new()), "one's own is not granted");
    place.expect(0, &get);
    assert!(fs::read(place.path("read.bin")).unwrap() == content);
    place.expect(0, &[&["vault", "revoke", &id, &grant], &owner[..]].concat());
    assert_eq!(granted(&court)["granted"], Value::Array(Vec::new()));
    place.expect(1, &get);
    place.expect(1, &[&["vault", "grants", &id], &court[..]].concat());
    place.expect(1, &[&["vault", "challenge", &id, "--out", "no.json"], &court[..]].concat());

    // The owner sees who looked, and proves it by the ledger.
    let reads = [&["vault", "reads", &id], &owner[..]].concat();
    let seen = json(&place.expect(0, &reads));
    let what = |seen: &Value| -> Vec<String> {
        seen["entries"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["what"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(what(&seen), ["stored", "granted", "read", "revoked"]);
    assert_eq!(
        (&seen["entries"][2]["by"], &seen["entries"][2]["detail"]["purpose"]),
        (&grantee.into(), &"hearing".into())
    );
    let prove = [&["vault", "prove", &id, "2"], &owner[..]].concat();
    let mut proven = place.run(&prove);
    for _ in 0..60 {
        if proven.status.success() {
            break;
        }
        std::thread::sleep(Duration::from_secs(1));
        proven = place.run(&prove);
    }
    assert_eq!(json(&String::from_utf8_lossy(&proven.stdout))["what"], "read", "{proven:?}");

    // A grant for all of the account's reaches it too; its holder has the vault prove that the original is there.
    let wide = ["vault", "grant", "account", "--grantee", grantee, "--purpose", "review"];
    let wide = place.expect(0, &[&wide[..], &until, &owner].concat()).trim().to_owned();
    place.expect(0, &get);
    let challenge = ["vault", "challenge", &id, "--out", "answer.json"];
    let answered = json(&place.expect(0, &[&challenge[..], &court].concat()));
    assert_eq!((&answered["outcome"], &answered["segments"]), (&"proven".into(), &611.into()), "{answered}");
    assert_eq!(json(&place.expect(0, &["vault", "check", "answer.json"])), answered);
    let forged = fs::read_to_string(place.path("answer.json")).unwrap();
    let nonce = answered["nonce"].as_str().unwrap();
    place.file("forged.json", forged.replace(nonce, &nonce.chars().rev().collect::<String>()).as_bytes());
    place.expect(1, &["vault", "check", "forged.json"]);
    let all = json(&place.expect(0, &[&["vault", "reads", "account"], &owner[..]].concat()));
    let read = all["entries"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&read["detail"]["grant"], &read["exhibit"]),
        (&wide.as_str().into(), &id.as_str().into()),
        "{all}"
    );
    assert_eq!(
        json(&place.expect(0, &[&["vault", "reads", "account"], &court[..]].concat()))["entries"],
        json("[]")
    );
    let own = json(&place.expect(0, &[&["vault", "list"], &owner[..]].concat()));
    let own = own["originals"].as_array().unwrap();
    assert_eq!((own.len(), &own[0]["exhibit"], &own[0]["state"]), (1, &id.as_str().into(), &"whole".into()));
    place.expect(0, &[&["vault", "revoke", "account", &wide], &owner[..]].concat());
    place.expect(1, &get);
    let seen = json(&place.expect(0, &reads));
    assert_eq!(what(&seen)[4..], ["granted", "read", "revoked"]);
    assert_eq!((&seen["entries"][4]["wide"], &seen["entries"][5]["wide"]), (&true.into(), &false.into()));

    // All of it in a pack, checked by who has no vault: by the ledger's id, or not at all.
    let custody = [&["vault", "custody", &id, "--out", "custody.json"], &owner[..]].concat();
    place.expect(0, &custody);
    let pack = ["certificate", "pack", "film.bin.xzc", "--original", "film.bin", "--out", "film.zip"];
    place.expect(0, &[&pack[..], &["--vault-log", "custody.json"]].concat());
    let said = place.expect(0, &["certificate", "check", "film.zip"]);
    assert!(said.contains("hearing") && said.contains("(2026)1") && said.contains(grantee), "{said}");
    place.file("stranger.txt", b"of the same account");
    place.expect(0, &["deposit", "stranger.txt", "--account", "owner"]);
    let other = ["certificate", "pack", "stranger.txt.xzc", "--original", "stranger.txt", "--out", "no.zip"];
    place.expect(1, &[&other[..], &["--vault-log", "custody.json"]].concat());

    // The same by the client in Python, for another original.
    let letter = place.file("letter.txt", b"a letter");
    place.expect(0, &["deposit", text(&letter), "--account", "owner"]);
    let shown = json(&place.expect(0, &["account", "show", "owner", "--json"]));
    let own = shown["id"].as_str().unwrap();
    let key = place.path("home/accounts/owner.json");
    let args = [&url, own, text(&key), "letter.txt", "letter.txt.xzc", grantee];
    if let Some(said) = programs::python_example(&place, "vault.py", &args) {
        assert!(said.ends_with(" stored granted\n"), "{said}");
        let exhibit = said.split(' ').next().unwrap();
        let get = ["vault", "get", exhibit, "--purpose", "hearing", "--key", "court.key", "--out", "letter"];
        place.expect(0, &[&get[..], &court].concat());
        assert_eq!(fs::read(place.path("letter")).unwrap(), b"a letter");
        // What the document allows and much that it does not; the letter may be erased by it.
        let known = [("id", exhibit), ("position", "1")];
        programs::fuzz(&place, "openapi-vault.json", &url, Some((own, text(&key))), &known, "^$");
        place.run(
            &[&["vault", "erase", exhibit, "--basis", "request", "--reference", "1"], &owner[..]].concat(),
        );
    }

    // One changed bit is found; so is a file that is gone.
    let audit = ["vault", "audit", "--config", "vault.json", "--json"];
    place.expect(0, &audit);
    let good = fs::read(&path).unwrap();
    let mut bad = good.clone();
    bad[20_000_000] ^= 1;
    fs::write(&path, bad).unwrap();
    let alarm = TcpListener::bind(("127.0.0.1", place.base_port + 8)).unwrap();
    let told = std::thread::spawn(move || {
        let (mut stream, _) = alarm.accept().unwrap();
        let mut body = String::new();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        while !body.contains("originals.unwell") {
            let mut bytes = [0; 1];
            reader.read_exact(&mut bytes).unwrap();
            body.push(char::from(bytes[0]));
        }
        stream.write_all(b"HTTP/1.1 204 Taken\r\nContent-Length: 0\r\n\r\n").unwrap();
        body
    });
    assert_eq!(json(&place.expect(1, &audit))[0]["finding"], "damaged");
    assert!(told.join().unwrap().contains("webhook-signature: v1a,"));
    fs::remove_file(&path).unwrap();
    assert_eq!(json(&place.expect(1, &audit))[0]["finding"], "lost");
    fs::write(&path, &good).unwrap();
    place.expect(0, &audit);
    let audits = json(&place.expect(0, &[&["vault", "audits", &id], &owner[..]].concat()));
    let found: Vec<_> = audits["audits"].as_array().unwrap().iter().map(|one| &one["finding"]).collect();
    assert_eq!(found, ["well", "lost", "damaged", "well"], "{audits}");
    assert!(audits["audits"].as_array().unwrap().iter().all(|one| one["outcome"] == "proven"), "{audits}");

    // The vault is killed in the middle of an erasure, when the key is gone and the file is not: the next start finishes it.
    let erase = ["vault", "erase", &id, "--basis", "request", "--reference", "DP-2026-17"];
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    place.expect(4, &[&erase[..], &owner].concat());
    drop(vault);
    fs::remove_dir(&path).unwrap();
    fs::write(&path, &good).unwrap();
    let vault = serve(&place, &listen);
    assert_eq!(sealed(&place), None);
    // Erasing it again is erasing it once.
    place.expect(0, &[&erase[..], &owner].concat());
    drop(vault);
    let _vault = serve(&place, &listen);
    let left = json(&place.expect(0, &reads));
    assert_eq!(what(&left).last().unwrap(), "erased");
    assert_eq!(left["entries"].as_array().unwrap().last().unwrap()["detail"]["reference"], "DP-2026-17");
    assert!(left["entries"][2]["detail"].is_null(), "the purpose outlives the erasure");
    place.expect(1, &[&["vault", "put", "film.bin"], &owner[..]].concat());
    place.expect(0, &["verify", "film.bin", "film.bin.xzc"]);
}

/// What stands between the vault and its store, and can cut it off.
struct Line {
    port: u16,
    is_cut: Arc<Mutex<(bool, Vec<TcpStream>)>>,
}

impl Line {
    fn to(endpoint: &str) -> Self {
        let to = endpoint.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, is_cut) = (listener.local_addr().unwrap().port(), Arc::<Mutex<_>>::default());
        let line = Self { port, is_cut: Arc::clone(&is_cut) };
        std::thread::spawn(move || {
            for near in listener.incoming() {
                let (near, mut state) = (near.unwrap(), is_cut.lock().unwrap());
                let (false, Ok(far)) = (state.0, TcpStream::connect(&to)) else { continue };
                for (mut from, mut to) in [
                    (near.try_clone().unwrap(), far.try_clone().unwrap()),
                    (far.try_clone().unwrap(), near.try_clone().unwrap()),
                ] {
                    std::thread::spawn(move || {
                        let _ = std::io::copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Both);
                    });
                }
                state.1.extend([near, far]);
            }
        });
        line
    }

    fn cut(&self, is_cut: bool) {
        let mut state = self.is_cut.lock().unwrap();
        state.0 = is_cut;
        for stream in state.1.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

#[test]
fn originals_in_a_bucket_outlive_kills_and_wait_while_it_is_away() {
    let Some(service) = S3::start() else { return };
    let line = Line::to(&service.endpoint());
    let place = Place::new();
    let _alliance = place.up();
    let listen = format!("127.0.0.1:{}", place.base_port + 9);
    let url = format!("http://{listen}");
    let config = |name: &str, originals: &str| {
        let config = CONFIG.replace("URL", &url).replace("ALARM", "http://127.0.0.1:9/alarm");
        place.file(name, config.replace(r#""originals": "originals""#, originals).as_bytes());
    };
    config("vault.json", r#""originals": "s3://evidence/vault""#);
    let mut variables = service.variables();
    variables.retain(|(name, _)| *name != "AWS_ENDPOINT_URL");
    variables.push(("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", line.port)));
    let operator = |code: i32, args: &[&str]| {
        let output = place.command(&[&["vault"], args].concat()).envs(variables.clone()).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?} {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let objects = {
        let _within = runtime.enter();
        Objects::open("s3://evidence/vault", &service.access()).unwrap()
    };
    let parts = || -> Vec<Listed> {
        let all: Vec<Listed> =
            runtime.block_on(async { objects.list("").unwrap().try_collect().await }).unwrap();
        let mut parts: Vec<_> = all.into_iter().filter(|one| one.name != "xiezhi-vault").collect();
        parts.sort_by(|a, b| a.name.cmp(&b.name));
        parts
    };
    let vault = serve_with(&place, &listen, "vault.json", &variables);
    place.expect(0, &["account", "key", "owner.key", "--alg", "es256"]);
    place.expect(0, &["account", "create", "owner"]);
    place.expect(0, &["account", "set-encryption", "owner", "--key", "owner.key.pub"]);
    let content: Vec<u8> = (0..20_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let file = place.file("film.bin", &content);
    place.expect(0, &["deposit", text(&file), "--account", "owner"]);
    let owner = ["--to", &url, "--account", "owner"];
    let put = [&["vault", "put", "film.bin"], &owner[..]].concat();

    // Not the recorded bytes: refused, and nothing is kept.
    place.file("other.bin", &content[1..]);
    place.expect(1, &[&["vault", "put", "other.bin", "--certificate", "film.bin.xzc"], &owner[..]].concat());
    assert_eq!(parts(), []);

    // The vault is killed while it takes the upload, and the upload goes on.
    let mut putting = place.command(&put).spawn().unwrap();
    while parts().len() < 2 {
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(vault);
    putting.wait().unwrap();
    let vault = serve_with(&place, &listen, "vault.json", &variables);
    // The store is away: told so, with when to ask again; then the upload goes on from what was kept.
    line.cut(true);
    let refused = place.run(&put);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(4) && said.contains("store of the originals"), "{refused:?}");
    line.cut(false);
    let said = place.expect(0, &put);
    let id = said.trim().rsplit(' ').next().unwrap().to_owned();
    let lengths: Vec<_> = parts().iter().map(|part| part.bytes).collect();
    let full = 64 * (65_536 + 28);
    assert_eq!(lengths, [full, full, full, full, 20_000_000 - 4 * 64 * 65_536 + 50 * 28]);
    let part = format!("{}/{id}/1", &id[..2]);
    let good = runtime.block_on(objects.get(&part, full)).unwrap().unwrap();
    assert!(!good.windows(32).any(|window| window == &content[64 * 65_536..][..32]), "it lies open");
    let get = ["vault", "get", &id, "--purpose", "mine", "--key", "owner.key", "--out", "read.bin"];
    let get = [&get[..], &owner].concat();
    place.expect(0, &get);
    assert!(fs::read(place.path("read.bin")).unwrap() == content);

    // One changed bit is found; so is a part that is gone. A store that is away is neither.
    let audit = ["audit", "--config", "vault.json", "--json"];
    operator(0, &audit);
    let mut bad = good.to_vec();
    bad[1_000_000] ^= 1;
    runtime.block_on(objects.put(&part, bad.into())).unwrap();
    assert_eq!(json(&operator(1, &audit))[0]["finding"], "damaged");
    place.expect(4, &[&["vault", "challenge", &id, "--out", "answer.json"], &owner[..]].concat());
    runtime.block_on(objects.delete(&part)).unwrap();
    assert_eq!(json(&operator(1, &audit))[0]["finding"], "damaged");
    runtime.block_on(objects.put(&part, good)).unwrap();
    operator(0, &audit);
    place.expect(0, &[&["vault", "challenge", &id, "--out", "answer.json"], &owner[..]].concat());
    line.cut(true);
    assert_eq!(operator(4, &audit), "");
    place.expect(4, &get);
    line.cut(false);
    let audits = json(&place.expect(0, &[&["vault", "audits", &id], &owner[..]].concat()));
    let found: Vec<_> = audits["audits"].as_array().unwrap().iter().map(|one| &one["finding"]).collect();
    assert_eq!(found, ["well", "damaged", "damaged", "well"], "{audits}");

    // Copied to a directory and from there to another bucket, the originals are read as before; the place of another vault is refused.
    drop(vault);
    let to = |to: &str, code: i32| operator(code, &["copy", "--config", "vault.json", "--to", to, "--json"]);
    assert_eq!(json(&to("copied", 0))[0]["finding"], "well");
    assert_eq!(fs::read_dir(place.path("copied")).unwrap().count(), 1);
    config("vault.json", r#""originals": "copied""#);
    to("s3://evidence/second", 0);
    // Again, after a part was lost there: only that is written anew.
    let second = {
        let _within = runtime.enter();
        Objects::open("s3://evidence/second", &service.access()).unwrap()
    };
    runtime.block_on(second.delete(&part)).unwrap();
    to("s3://evidence/second", 0);
    config("vault.json", r#""originals": "s3://evidence/third""#);
    operator(2, &audit);
    let theirs = b"xiezhi-vault 1\nof another ledger\n".as_slice();
    runtime.block_on(second.put("xiezhi-vault", theirs.into())).unwrap();
    config("vault.json", r#""originals": "s3://evidence/second""#);
    operator(2, &audit);
    config("vault.json", r#""originals": "s3://evidence/vault""#);
    let vault = serve_with(&place, &listen, "vault.json", &variables);
    place.expect(0, &get);

    // Erased while the store is away, and killed then: the key is gone at once, and what lies there with the next start.
    let erase = ["vault", "erase", &id, "--basis", "request", "--reference", "DP-2026-17"];
    let erase = [&erase[..], &owner].concat();
    line.cut(true);
    place.expect(4, &erase);
    place.expect(1, &get);
    drop(vault);
    assert_eq!(parts().len(), 5);
    line.cut(false);
    let _vault = serve_with(&place, &listen, "vault.json", &variables);
    assert_eq!(parts(), []);
    place.expect(0, &erase);
    place.expect(1, &put);
    place.expect(0, &["verify", "film.bin", "film.bin.xzc"]);
}
