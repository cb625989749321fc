//! A company that follows the ledger without a vote.

mod place;

use std::{
    fs::OpenOptions,
    io::{Read as _, Write as _},
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use place::{institutions::Institutions, text};
use xiezhi_objects::fixtures::S3;

struct Observer(Child);

impl Drop for Observer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn http(all: &Institutions) -> String {
    format!("127.0.0.1:{}", all.place.base_port + 9)
}

/// Starts the observer; it is killed when dropped.
fn observe(all: &Institutions) -> Observer {
    observe_with(all, &[])
}

fn observe_with(all: &Institutions, more: &[&str]) -> Observer {
    observe_env(all, more, &[])
}

fn observe_env(all: &Institutions, more: &[&str], variables: &[(&'static str, String)]) -> Observer {
    let (http, upstreams) = (http(all), [all.url(0), all.url(1)].join(","));
    let args = ["observe", "copy", "--name", "acme", "--http", &http, "--url", &upstreams];
    let mut command = all.place.command(&[args.as_slice(), more].concat());
    command.envs(variables.iter().cloned());
    Observer(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
}

fn wait_for(all: &Institutions, what: &str, met: impl Fn(&serde_json::Value) -> bool) {
    let url = format!("http://{}", http(all));
    let begun = Instant::now();
    loop {
        let output = all.place.run(&["status", "--json", "--url", &url]);
        let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let status = status[0]["status"].clone();
        if met(&status) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(120), "{what}: {status}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn an_observer_has_every_proof_and_keeps_it_when_all_institutions_are_gone() {
    let mut all = Institutions::found(4);
    all.start(&[0, 1, 2, 3]);
    all.wait_live(&[0, 1, 2, 3]);
    let upstreams = [all.url(0), all.url(1)].join(",");
    // Nobody follows a ledger that he does not trust.
    all.place.expect(2, &["observe", "copy", "--http", &http(&all), "--url", &upstreams]);
    assert!(!all.place.path("copy").exists());
    all.place.expect(0, &["trust", "add", text(&all.place.path("alliance/genesis.cbor")), "--yes"]);
    // An institution's name is not to be had.
    all.place.expect(1, &["observe", "copy", "--name", "court", "--http", &http(&all), "--url", &upstreams]);

    let first = all.place.file("first.txt", b"recorded before anybody followed");
    all.deposit(0, 0, &first);
    let observer = observe(&all);
    let url = format!("http://{}", http(&all));
    wait_for(&all, "follows", |status| status["size"] == "2" && status["live"] == true);
    for name in ["photos/a.jpg", "photos/b.jpg", "photos/c.jpg"] {
        all.place.file(name, name.as_bytes());
    }
    all.place.expect(0, &["deposit", "--batch", "photos", "--url", &all.url(2), "--timeout", "30"]);
    wait_for(&all, "has the batch", |status| status["sealed_size"] == "3");
    let said = all.place.expect(0, &["status", "--url", &url]);
    assert!(said.contains("acme") && said.contains("without a vote"), "{said}");

    // A deposit is refused with the reason, and nothing is lost by it.
    let second = all.place.file("second.txt", b"sent to the wrong place");
    let output = all.place.run(&["deposit", text(&second), "--url", &url, "--timeout", "5"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("takes no deposits"), "{said}");

    // It is killed, the ledger grows, one of those it follows is away: it catches up.
    drop(observer);
    all.kill(&[0]);
    all.deposit(0, 1, &second);
    let observer = observe(&all);
    wait_for(&all, "caught up", |status| status["sealed_size"] == "4");
    all.kill(&[1, 2, 3]);
    wait_for(&all, "says that nobody answers", |status| status["live"] == false);
    for file in ["first.txt", "second.txt", "photos/b.jpg"] {
        let said = all.place.expect(0, &["find", "--file", file, "--url", &url]);
        assert!(!said.trim().is_empty());
    }
    all.place.expect(0, &["proof", "inclusion", "1", "--url", &url]);
    all.place.expect(0, &["proof", "consistency", "2", "4", "--url", &url]);
    drop(observer);

    // It starts again though nobody is there, and its copy is whole.
    let observer = observe(&all);
    wait_for(&all, "still there", |status| status["sealed_size"] == "4");
    drop(observer);
    let genesis = text(&all.place.path("alliance/genesis.cbor")).to_owned();
    let said = all.place.expect(0, &["fsck", "copy", "--genesis", &genesis]);
    assert!(said.starts_with("CLEAN"), "{said}");
}

#[test]
fn an_observer_that_begins_with_a_snapshot_proves_all_and_says_what_it_does_not_keep() {
    let mut all = Institutions::found(4);
    all.start(&[0, 1, 2, 3]);
    all.wait_live(&[0, 1, 2, 3]);
    all.place.expect(0, &["trust", "add", text(&all.place.path("alliance/genesis.cbor")), "--yes"]);
    let first = all.place.file("first.txt", b"recorded before the snapshot");
    all.deposit(0, 0, &first);
    let url = format!("http://{}", http(&all));
    let observer = observe_with(&all, &["--snapshot"]);
    wait_for(&all, "stands at the snapshot", |status| status["size"] == "2" && status["live"] == true);
    wait_for(&all, "says so", |status| status["following"]["kept_from"] == "2");

    let second = all.place.file("second.txt", b"recorded after the snapshot");
    all.deposit(0, 1, &second);
    wait_for(&all, "follows", |status| status["sealed_size"] == "3");
    let said = all.place.expect(0, &["status", "--url", &url]);
    assert!(said.contains("from record 2 on"), "{said}");
    drop(observer);
    all.kill(&[0, 1, 2, 3]);

    // The second start finds the store, whatever it was begun with.
    let observer = observe_with(&all, &["--snapshot"]);
    wait_for(&all, "started again", |status| status["sealed_size"] == "3");
    for index in ["0", "1", "2"] {
        all.place.expect(0, &["proof", "inclusion", index, "--url", &url]);
    }
    all.place.expect(0, &["proof", "consistency", "1", "3", "--url", &url]);
    // A search that cannot find all is not answered; what is not kept is not called missing.
    for args in [vec!["find", "--file", "second.txt"], vec!["backup", "copy.xzb"]] {
        let output = all.place.run(&[args.as_slice(), &["--url", &url]].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains("begins after height"), "{said}");
    }
    drop(observer);
    let genesis = text(&all.place.path("alliance/genesis.cbor")).to_owned();
    let output = all.place.run(&["fsck", "copy", "--genesis", &genesis]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("begins with a snapshot"), "{said}");
}

/// The answer's status and body to `GET path`, from the node at `url`.
fn get(url: &str, path: &str) -> (u16, Vec<u8>) {
    let at = url.trim_start_matches("http://");
    let mut stream = std::net::TcpStream::connect(at).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let status = std::str::from_utf8(&answer[9..12]).unwrap().parse().unwrap();
    (status, answer[head + 4..].to_vec())
}

#[test]
fn what_a_member_and_an_observer_moved_to_their_archives_is_proven_as_before() {
    let service = S3::start();
    let mut all = Institutions::found(4);
    let genesis = text(&all.place.path("alliance/genesis.cbor")).to_owned();
    all.place.expect(0, &["trust", "add", &genesis, "--yes"]);
    let directory = all.place.path("archive");
    std::fs::create_dir(&directory).unwrap();
    let section = format!("\n[archive]\nurl = \"file://{}\"\nkeep = 20\n", directory.display());
    let mut config = OpenOptions::new().append(true).open(all.config("court")).unwrap();
    config.write_all(section.as_bytes()).unwrap();
    all.start(&[0, 1, 2, 3]);
    all.wait_live(&[0, 1, 2, 3]);

    // A batch and single deposits, more than one piece of them.
    for at in 0..300 {
        all.place.file(&format!("batch/{at}.txt"), format!("item {at}").as_bytes());
        all.place.file(&format!("many/{at}.txt"), format!("deposit {at}").as_bytes());
    }
    let send = |what: &[&str]| {
        let to = all.url(0);
        all.place.expect(0, &[["deposit"].as_slice(), what, &["--url", &to, "--timeout", "60"]].concat());
    };
    send(&["--batch", "batch"]);
    send(&["many"]);
    all.wait(0, "has moved a piece", |status| status["archive"]["records"] == "256");
    // An observer with a bucket, or another directory where no such service is installed.
    let (place, access) = match &service {
        Some(service) => ("s3://evidence/acme".to_owned(), service.variables()),
        None => {
            std::fs::create_dir(all.place.path("other")).unwrap();
            (format!("file://{}", all.place.path("other").display()), Vec::new())
        }
    };
    let args = ["--archive", &place, "--keep", "20"];
    let observer = observe_env(&all, &args, &access);
    wait_for(&all, "has moved a piece", |status| status["archive"]["records"] == "256");
    let observers = format!("http://{}", http(&all));
    let said = all.place.expect(0, &["status", "--url", &observers]);
    assert!(said.contains("in the archive: 256 of"), "{said}");

    let mut tiles = Vec::new();
    for url in [all.url(0), all.url(1), observers.clone()] {
        all.place.expect(0, &["proof", "inclusion", "7", "--url", &url]);
        all.place.expect(0, &["proof", "consistency", "3", "300", "--url", &url]);
        // The batch is the second record; its items and a single deposit get certificates that hold.
        for path in ["/v1/records/1/certificate?item=0", "/v1/records/9/certificate"] {
            let (status, certificate) = get(&url, path);
            assert_eq!(status, 200, "{url}{path}: {}", String::from_utf8_lossy(&certificate));
            let kept = all.place.file("old.xzc", &certificate);
            all.place.expect(0, &["verify", "--record-only", text(&kept)]);
        }
        let said = all.place.expect(0, &["find", "--file", "many/0.txt", "--url", &url]);
        assert!(!said.trim().is_empty());
        let paths = ["/tile/0/000", "/sm3/tile/0/000", "/tile/entries/000"];
        tiles.push(paths.map(|path| get(&url, path)));
    }
    assert!(tiles[0] == tiles[1] && tiles[0] == tiles[2] && tiles[0].iter().all(|tile| tile.0 == 200));
    // What any web server over the directory gives.
    assert_eq!(std::fs::read(directory.join("tile/entries/000")).unwrap(), tiles[0][2].1);

    // A backup from the one that moved is whole; the stores are clean with their archives, and not without.
    let backup = all.place.expect(0, &["backup", "copy.xzb", "--url", &all.url(0), "--json"]);
    let backup: serde_json::Value = serde_json::from_str(&backup).unwrap();
    assert_eq!(backup["records"].to_string(), all.status(0)["size"].as_str().unwrap());
    drop(observer);
    let output = all.place.run(&["fsck", "copy", "--genesis", &genesis]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("to its archive"), "{output:?}");
    let mut fsck = all.place.command(&["fsck", "copy", "--genesis", &genesis, "--archive", &place]);
    let output = fsck.envs(access.clone()).output().unwrap();
    assert!(output.stdout.starts_with(b"CLEAN"), "{output:?}");

    // The archive is away: what is in it is answered so, the rest goes on.
    let observer = observe_env(&all, &args, &access);
    wait_for(&all, "runs again", |status| status["live"] == true);
    match service {
        Some(service) => drop(service),
        None => std::fs::remove_dir_all(all.place.path("other")).unwrap(),
    }
    let (status, body) = get(&observers, "/v1/proofs/inclusion?index=7");
    assert_eq!((status, String::from_utf8_lossy(&body).contains("\"archive\"")), (503, true));
    assert_eq!(get(&observers, "/v1/proofs/inclusion?index=299").0, 200);
    let late = all.place.file("late.txt", b"recorded while the archive is away");
    all.deposit(0, 1, &late);
    wait_for(&all, "follows", |status| status["size"] == all.status(1)["size"]);
    drop(observer);
    all.kill(&[0, 1, 2, 3]);
    let said = all.place.expect(0, &["fsck", &all.config("court")]);
    assert!(said.starts_with("CLEAN"), "{said}");
}
