//! A company that follows the ledger without a vote.

mod place;

use std::{
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use place::{institutions::Institutions, text};

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
    let (http, upstreams) = (http(all), [all.url(0), all.url(1)].join(","));
    let args = ["observe", "copy", "--name", "acme", "--http", &http, "--url", &upstreams];
    let mut command = all.place.command(&[args.as_slice(), more].concat());
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
