//! Every institution in a process of its own, as on machines of their own: who is lost, and who comes back.

mod place;

use std::{
    fs,
    io::{Read as _, Write as _},
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use place::{
    institutions::{IDS, Institutions},
    skipped, text,
};

#[test]
fn any_one_institution_may_be_away_and_two_stop_sealing_until_they_are_back() {
    let mut all = Institutions::found(4);
    all.start(&[0, 1, 2, 3]);
    all.wait_live(&[0, 1, 2, 3]);
    let file = |name: &str| all.place.file(name, name.as_bytes());
    let (first, last) = (file("first.txt"), file("last.txt"));
    let lost: Vec<_> = IDS[..4].iter().map(|id| file(&format!("without-{id}.txt"))).collect();
    all.deposit(0, 0, &first);

    for (at, file) in lost.iter().enumerate() {
        all.kill(&[at]);
        all.deposit(0, (at + 1) % 4, file);
        all.start(&[at]);
        all.wait_live(&[at]);
    }

    all.kill(&[1, 2]);
    all.wait(0, "too few in reach", |status| status["live"] == false);
    let url = all.url(0);
    let output = all.place.run(&["deposit", text(&last), "--url", &url, "--timeout", "3"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("forensic") && said.contains("notary"), "{said}");
    let pending = all.place.path("last.txt.xzc.pending");
    assert!(pending.is_file() && !all.place.path("last.txt.xzc").exists());

    all.start(&[1, 2]);
    all.wait_live(&[0, 1, 2, 3]);
    all.place.expect(0, &["collect", text(&pending), "--url", &url, "--timeout", "30"]);
    assert!(!pending.exists());
    // The account's creation and six deposits.
    for at in 0..4 {
        all.wait(at, "caught up", |status| status["size"] == "7");
    }
    all.kill(&[0, 1, 2, 3]);
    all.place.expect(0, &["trust", "add", text(&all.place.path("alliance/genesis.cbor")), "--yes"]);
    for file in lost.iter().chain([&first, &last]) {
        all.place.expect(0, &["verify", text(file), &format!("{}.xzc", text(file))]);
    }
}

#[test]
fn a_node_that_cannot_start_says_which_thing_is_wrong() {
    let all = Institutions::found(4);
    let refused = |args: &[&str], names: &[&str]| {
        let output = all.place.run(args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{args:?} {said}");
        assert!(!said.contains("panicked at"), "{said}");
        for name in names {
            assert!(said.contains(name), "{name} in: {said}");
        }
    };
    let court = all.config("court");
    let http = format!("127.0.0.1:{}", all.place.base_port);
    let taken = std::net::TcpListener::bind(&http).unwrap();
    refused(&["node", "--config", &court], &[&http]);
    drop(taken);
    let listen = format!("127.0.0.1:{}", all.place.base_port + 100);
    let taken = std::net::TcpListener::bind(&listen).unwrap();
    refused(&["node", "--config", &court], &[&listen]);
    drop(taken);

    refused(&["node", "--config", "absent.toml"], &["absent.toml"]);
    let good = fs::read_to_string(&court).unwrap();
    let broken = |from: &str, to: &str, names: &[&str]| {
        fs::write(&court, good.replace(from, to)).unwrap();
        refused(&["node", "--config", &court], names);
        fs::write(&court, &good).unwrap();
    };
    broken("cache_mib", "cash_mib", &["cash_mib"]);
    broken("institution = \"court\"", "institution = \"notary\"", &["notary"]);
    broken("keys/seal.key", "keys/absent.key", &["absent.key"]);
    broken("keys/seal.key", "keys/consensus.key", &["seal"]);
    broken("http = \"127.0.0.1", "http = \"nowhere", &["http", "nowhere"]);
    fs::write(all.place.path("alliance/cut.cbor"), [0xa1]).unwrap();
    broken("../genesis.cbor", "../cut.cbor", &["genesis"]);
}

#[test]
fn a_node_does_not_touch_another_ledger_s_data() {
    let mut all = Institutions::found(4);
    all.start(&[0, 1, 2, 3]);
    all.wait_live(&[0]);
    all.kill(&[0, 1, 2, 3]);
    let port = (all.place.base_port + 20).to_string();
    all.place.expect(0, &["init", "other", "--base-port", &port]);
    let config = text(&all.place.path("other/court/node.toml")).to_owned();
    let data = text(&all.place.path("alliance/court/data")).to_owned();
    let output = all.place.run(&["node", "--config", &config, "--node-data", &data]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("belongs to ledger"), "{said}");
    all.start(&[0, 1, 2, 3]);
    all.wait_live(&[0, 1, 2, 3]);
}

#[test]
fn a_time_stamp_authority_is_asked_by_its_address_and_openssl_accepts_its_answer() {
    let mut all = Institutions::found(4);
    let config = all.config("court");
    let asks = fs::read_to_string(&config).unwrap();
    let asks = asks.replace("timestamp_urls = []", &format!("timestamp_urls = [\"{}\"]", all.url(2)));
    fs::write(&config, asks).unwrap();
    all.start(&[0, 1, 2, 3]);
    all.wait_live(&[0, 1, 2, 3]);
    let file = all.place.file("stamped.txt", b"stamped");
    all.deposit(0, 0, &file);
    let begun = Instant::now();
    loop {
        let shown = all.place.expect(0, &["show", "1", "--json", "--url", &all.url(0)]);
        let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
        if shown["timestamps"] == 2 {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "the second authority's token: {shown}");
        std::thread::sleep(Duration::from_millis(200));
    }

    let openssl = |args: &[&str]| {
        std::process::Command::new("openssl").args(args).current_dir(all.place.dir.path()).output()
    };
    let query = ["ts", "-query", "-data", text(&file), "-sha256", "-cert", "-out", "query.tsq"];
    if !openssl(&query).is_ok_and(|done| done.status.success()) {
        return skipped("openssl not found");
    }
    let query = fs::read(all.place.path("query.tsq")).unwrap();
    let mut stream = std::net::TcpStream::connect(all.url(2).trim_start_matches("http://")).unwrap();
    let head = "POST /tsa HTTP/1.1\r\nHost: tsa\r\nConnection: close\r\nContent-Type: application/timestamp-query\r\n";
    write!(stream, "{head}Content-Length: {}\r\n\r\n", query.len()).unwrap();
    stream.write_all(&query).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    fs::write(all.place.path("answer.tsr"), &answer[end..]).unwrap();
    let root = text(&all.place.path("alliance/court/pki/root.pem")).to_owned();
    let verify = ["ts", "-verify", "-queryfile", "query.tsq", "-in", "answer.tsr", "-CAfile", &root];
    let done = openssl(&verify).unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// A file system of `mib` MiB on `dir`, where the system lets us.
fn mount(dir: &Path, mib: u32) -> bool {
    fs::create_dir_all(dir).unwrap();
    let options = format!("size={mib}m");
    let mount = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", &options, "tmpfs", text(dir)])
        .stderr(Stdio::null())
        .status();
    mount.is_ok_and(|status| status.success())
}

struct Unmount<'a>(&'a Path);

impl Drop for Unmount<'_> {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").args(["-l", text(self.0)]).status();
    }
}

#[test]
fn a_full_disk_stops_one_node_loses_nothing_and_is_named() {
    let mut all = Institutions::found(4);
    let dir = all.place.path("alliance/court/data");
    if !mount(&dir, 96) {
        return skipped("a full disk needs a file system of its own (mount)");
    }
    let _unmount = Unmount(&dir);
    let errors = all.place.path("court.log");
    all.start(&[1, 2, 3]);
    let log = fs::File::create(&errors).unwrap();
    let config = all.config("court");
    let mut court = all.place.command(&["node", "--config", &config]);
    all.nodes[0] = Some(court.stdout(Stdio::null()).stderr(log).spawn().unwrap());
    all.wait_live(&[0, 1, 2, 3]);
    all.deposit(0, 0, &all.place.file("before.txt", b"before"));

    // All that is left is taken.
    let ballast = dir.join("ballast");
    let full = fs::File::create(&ballast).and_then(|mut file| {
        let zeros = vec![0; 1 << 20];
        loop {
            file.write_all(&zeros)?;
        }
        #[allow(unreachable_code)]
        Ok(())
    });
    assert_eq!(full.unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    let mut number = 0;
    let begun = Instant::now();
    while all.nodes[0].as_mut().unwrap().try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(120), "the node goes on without a disk");
        number += 1;
        let file = all.place.file(&format!("full-{number}.txt"), format!("{number}").as_bytes());
        all.deposit(0, 1, &file);
    }
    let said = fs::read_to_string(&errors).unwrap();
    assert!(said.contains("No space left") && said.contains(text(&dir)), "{said}");
    assert!(!said.contains("panicked at"), "{said}");

    fs::remove_file(&ballast).unwrap();
    all.start(&[0]);
    all.wait_live(&[0]);
    let size = all.status(1)["size"].clone();
    all.wait(0, "caught up", |status| status["size"] == size);
    all.deposit(0, 0, &all.place.file("after.txt", b"after"));
}
