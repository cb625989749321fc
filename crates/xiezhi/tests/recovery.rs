//! All institutions lose everything but their keys and one backup: the ledger goes on under its name.

mod place;

use std::fs;

use place::{
    institutions::{IDS, Institutions},
    text,
};

fn recover(all: &Institutions, at: usize, code: i32, more: &[&str]) -> String {
    let config = all.config(IDS[at]);
    all.place.expect(code, &[&["recover", &config], more].concat())
}

fn json(said: &str) -> serde_json::Value {
    serde_json::from_str(said).unwrap()
}

fn lose(all: &Institutions, at: usize) {
    fs::remove_dir_all(all.place.path(&format!("alliance/{}/data", IDS[at]))).unwrap();
}

fn restore(all: &Institutions, at: usize, from: &[&str]) {
    let config = all.config(IDS[at]);
    all.place.expect(0, &[&["restore", &config], from].concat());
}

fn verify(all: &Institutions, file: &std::path::Path) {
    let certificate = format!("{}.xzc", text(file));
    all.place.expect(0, &["verify", text(file), &certificate]);
}

#[test]
fn an_alliance_that_lost_every_disk_goes_on_from_one_backup_under_its_name() {
    const ALL: [usize; 4] = [0, 1, 2, 3];
    let mut all = Institutions::found(4);
    all.place.expect(0, &["trust", "add", text(&all.place.path("alliance/genesis.cbor")), "--yes"]);
    all.start(&ALL);
    all.wait_live(&ALL);
    let before = all.place.file("before.txt", b"before");
    all.deposit(0, 0, &before);
    let backup = all.place.path("ledger.xzb");
    all.place.expect(0, &["backup", text(&backup), "--url", &all.url(1)]);
    assert!(recover(&all, 0, 2, &["--begin"]).is_empty(), "a running node is left alone");
    all.kill(&ALL);
    for at in ALL {
        lose(&all, at);
        restore(&all, at, &["--from", text(&backup)]);
    }

    // All copies name one start; a copy that would begin elsewhere is refused, and nothing is changed by asking.
    let said = json(&recover(&all, 0, 0, &["--json"]));
    let (height, start) = (said["tip"].to_string(), said["start"].as_str().unwrap().to_owned());
    assert_eq!((&said["begins"], &said["number"], &said["records"]), (&false.into(), &1.into(), &2.into()));
    let higher = (said["tip"].as_u64().unwrap() + 5).to_string();
    recover(&all, 1, 2, &["--height", &higher, "--expect", &start, "--begin"]);
    recover(&all, 1, 2, &["--height", "0", "--begin"]);
    assert!(!all.place.path("alliance/notary/data/consensus/restart").exists());
    for at in [0, 1, 2] {
        recover(&all, at, 0, &["--height", &height, "--expect", &start, "--begin"]);
    }
    // Done twice it is the same.
    let again = json(&recover(&all, 0, 0, &["--expect", &start, "--begin", "--json"]));
    assert_eq!((&again["number"], &again["begins"]), (&1.into(), &true.into()));

    all.start(&[0, 1, 2]);
    all.wait_live(&[0, 1, 2]);
    let after = all.place.file("after.txt", b"after");
    all.deposit(0, 0, &after);
    verify(&all, &before);
    verify(&all, &after);
    assert!(all.place.expect(0, &["find", "--file", text(&before), "--url", &all.url(2)]).contains("1"));

    // Killed, they resume in the run that they began; it cannot be begun a second time.
    all.kill(&[0, 1, 2]);
    recover(&all, 0, 2, &["--height", &height, "--number", "1", "--begin"]);
    all.start(&[0, 1, 2]);
    all.wait_live(&[0, 1, 2]);

    // The last one comes later, from the others, and takes part in the same run.
    lose(&all, 3);
    restore(&all, 3, &["--url", &all.url(0)]);
    let other = "ab".repeat(32);
    recover(&all, 3, 2, &["--height", &height, "--number", "1", "--expect", &other, "--again"]);
    assert!(!all.place.path("alliance/ca/data/consensus/restart").exists(), "refused, nothing is noted");
    let joined =
        recover(&all, 3, 0, &["--height", &height, "--number", "1", "--expect", &start, "--again", "--json"]);
    assert_eq!(json(&joined)["start"], start.as_str());
    all.start(&[3]);
    all.wait_live(&[3]);
    let last = all.place.file("last.txt", b"last");
    all.deposit(0, 3, &last);
    verify(&all, &last);
    let size = all.status(0)["size"].clone();
    all.wait(3, "has all", |status| status["size"] == size);
    let (genesis, data) = (all.place.path("alliance/genesis.cbor"), all.place.path("alliance/court/data"));
    all.kill(&ALL);
    let said = all.place.expect(0, &["fsck", text(&data), "--genesis", text(&genesis)]);
    assert!(said.starts_with("CLEAN"), "{said}");
}
