//! An institution joins a ledger by a snapshot, without the records before it, and votes when none of them can be recorded again.

use std::time::{Duration, Instant};

use crate::place::{institutions::Institutions, text};

/// Bound of a statement's time, in seconds: twice this is longer than the silence of a node that may have forgotten votes.
const WINDOW_S: u64 = 60;
/// Longest wait, for slow machines.
const SILENCE_MAX: Duration = Duration::from_secs(400);

fn number(status: &serde_json::Value, field: &str) -> u64 {
    status[field].as_str().and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[test]
fn a_member_that_joins_by_a_snapshot_votes_once_no_older_statement_can_come_again() {
    let mut all = Institutions::found_with(4, &["--statement-window", &WINDOW_S.to_string()]);
    all.start(&[0, 1, 2, 3]);
    all.wait_live(&[0, 1, 2, 3]);
    let file = |name: &str| all.place.file(name, name.as_bytes());
    let [old, new, last] = ["old.txt", "new.txt", "last.txt"].map(file);
    all.deposit(0, 0, &old);
    let dir = all.place.path("alliance");
    let member = |args: &[&str]| all.place.expect(0, &[&["--data-dir", text(&dir), "member"], args].concat());

    let invitation = all.place.path("technology.invitation");
    let named = ["--role", "technology", "--name-zh", "示范技术服务商", "--name-en", "Provider"];
    let rest = ["--out", text(&invitation), "--as", "court"];
    let said = member(&[&["invite", "technology"][..], &named, &rest].concat());
    let code = said.lines().find_map(|line| line.trim().strip_prefix("Its code: ")).unwrap().to_owned();
    for voter in ["notary", "forensic"] {
        member(&["vote", "1", "--approve", "--as", voter]);
    }
    let folder = all.place.path("alliance/technology");
    let port = |more: u16| format!("127.0.0.1:{}", all.place.base_port + more);
    let places = ["--listen", &port(104), "--http", &port(4), "--yes"];
    member(&[&["prepare", text(&invitation), text(&folder)][..], &places].concat());
    let (own, ca) = (all.config("technology"), all.config("ca"));
    member(&["certify", &ca, text(&folder.join("pki/seal.pem.request"))]);

    let begun = Instant::now();
    // The snapshot takes the place of the first four records: the account, a deposit, the invitation and its votes.
    let said = all.place.expect(0, &["restore", &own, "--snapshot", "--url", &all.url(0), "--json"]);
    let restored: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert!(restored["records"].as_u64().unwrap() >= 4, "{said}");
    all.place.expect(2, &["restore", &own, "--snapshot", "--url", &all.url(0)]);
    all.nodes.push(None);
    all.start(&[4]);
    all.wait(4, "follows", |status| number(status, "height") > 0);
    all.place.expect(0, &["--data-dir", text(&dir), "member", "join", &own, "--code", &code]);
    all.deposit(0, 0, &new);
    all.wait(4, "has what came after", |status| number(status, "size") >= number(&all.status(0), "size"));

    while all.status(4)["voting"] != true {
        assert!(begun.elapsed() < SILENCE_MAX, "it never votes: {}", all.status(4));
        let number = begun.elapsed().as_millis();
        all.deposit(0, 0, &all.place.file(&format!("{number}.txt"), &number.to_be_bytes()));
        std::thread::sleep(Duration::from_secs(2));
    }
    let waited = begun.elapsed();
    assert!(waited > Duration::from_secs(2 * WINDOW_S - 20), "it votes after {waited:?}");
    // What it does not have it does not pretend to have.
    let found = all.place.run(&["find", "--file", text(&old), "--url", &all.url(4), "--json"]);
    assert!(!found.status.success(), "{found:?}");

    // With one away, its vote is needed.
    all.kill(&[0]);
    all.deposit(0, 4, &last);
    all.start(&[0]);
    all.wait_live(&[0]);
    all.place.expect(0, &["trust", "add", text(&all.place.path("alliance/genesis.cbor")), "--yes"]);
    for file in [&old, &new, &last] {
        all.place.expect(0, &["verify", text(file), &format!("{}.xzc", text(file))]);
    }
}
