//! A node loses everything and is made anew from a backup, while the alliance goes on.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use crate::place::{institutions::Institutions, text};

/// Longest time that a restored node follows in silence: clocks that differ by a minute, and slow machines.
const SILENCE_MAX: Duration = Duration::from_secs(300);

fn refused(all: &Institutions, args: &[&str], code: i32, names: &[&str]) {
    let output = all.place.run(args);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{args:?} {said}");
    assert!(!said.contains("panicked at"), "{said}");
    for name in names {
        assert!(said.contains(name), "{name} in: {said}");
    }
}

fn saved(all: &Institutions, file: &Path) -> serde_json::Value {
    let said = all.place.expect(0, &["backup", text(file), "--url", &all.url(1), "--json"]);
    serde_json::from_str(&said).unwrap()
}

#[test]
fn a_lost_node_is_restored_from_a_backup_and_votes_when_it_cannot_contradict_itself() {
    let mut all = Institutions::found(4);
    all.start(&[0, 1, 2, 3]);
    all.wait_live(&[0, 1, 2, 3]);
    let mut number = 0;
    let mut deposit = |all: &Institutions, at: usize| {
        number += 1;
        let file = all.place.file(&format!("file-{number}.txt"), format!("content {number}").as_bytes());
        all.deposit(0, at, &file);
    };
    deposit(&all, 0);
    deposit(&all, 0);
    let backup = all.place.path("ledger.xzb");
    assert_eq!(saved(&all, &backup)["records"], 3);
    deposit(&all, 0);
    let again = saved(&all, &backup);
    assert_eq!((&again["records"], &again["added"]), (&4.into(), &1.into()));
    // Cut off in the middle of a write, it is continued.
    let whole = fs::read(&backup).unwrap();
    fs::write(&backup, &whole[..whole.len() - 100]).unwrap();
    assert_eq!(saved(&all, &backup)["added"], 1);
    assert_eq!(saved(&all, &backup)["added"], 0);
    deposit(&all, 1);

    // One institution loses its disk.
    all.kill(&[3]);
    let data = all.place.path("alliance/ca/data");
    let config = all.config("ca");
    refused(&all, &["restore", &config, "--from", text(&backup)], 2, &["exists"]);
    let genesis = text(&all.place.path("alliance/genesis.cbor")).to_owned();
    fs::remove_dir_all(&data).unwrap();

    // What is no backup of this ledger, or was changed, restores nothing.
    let damaged = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = whole.clone();
        change(&mut bytes);
        text(&all.place.file(name, &bytes)).to_owned()
    };
    let middle = whole.len() / 2;
    let text_file = damaged("text.xzb", &|bytes| *bytes = b"not a backup".to_vec());
    refused(&all, &["restore", &config, "--from", &text_file], 2, &["text.xzb", "byte 0"]);
    let flipped = damaged("flipped.xzb", &|bytes| bytes[middle] ^= 1);
    let output = all.place.run(&["restore", &config, "--from", &flipped]);
    assert!(!output.status.success());
    let seal = damaged("seal.xzb", &|bytes| {
        let at = bytes.windows(5).rposition(|window| window == b"court").unwrap();
        bytes[at] = b'C';
    });
    assert!(!all.place.run(&["restore", &config, "--from", &seal]).status.success());
    all.place.expect(0, &["init", "other", "--base-port", &(all.place.base_port + 20).to_string()]);
    let other = text(&all.place.path("other/court/node.toml")).to_owned();
    refused(&all, &["restore", &other, "--from", text(&backup)], 2, &["another ledger"]);
    assert!(!data.exists() && !all.place.path("alliance/ca/data.restoring").exists());

    // From the backup alone it has what the backup has; with the others' addresses also what came after.
    let said = all.place.expect(0, &["restore", &config, "--from", text(&backup), "--json"]);
    assert!(said.contains("\"records\":4"), "{said}");
    fs::remove_dir_all(&data).unwrap();
    let said =
        all.place.expect(0, &["restore", &config, "--from", text(&backup), "--url", &all.url(1), "--json"]);
    assert!(said.contains("\"records\":5"), "{said}");

    all.start(&[3]);
    all.wait(3, "live", |status| status["live"] == true);
    assert_eq!(all.status(3)["voting"], false);
    deposit(&all, 2);
    all.wait(3, "catches up", |status| status["size"] == "6");
    let said = all.place.expect(0, &["status", "--url", &all.url(3)]);
    assert!(said.contains("does not vote yet"), "{said}");
    // Killed in its silence it stays silent.
    all.kill(&[3]);
    all.start(&[3]);
    all.wait(3, "live again", |status| status["live"] == true);
    assert_eq!(all.status(3)["voting"], false);
    let begun = Instant::now();
    while all.status(3)["voting"] != true {
        assert!(begun.elapsed() < SILENCE_MAX, "it never votes again");
        deposit(&all, 0);
        std::thread::sleep(Duration::from_secs(2));
    }
    // Without its vote two others are no quorum.
    all.kill(&[2]);
    deposit(&all, 3);
    let size = all.status(0)["size"].clone();
    all.wait(3, "has all", |status| status["size"] == size);
    all.kill(&[0, 1, 3]);
    for id in ["court", "ca"] {
        let said = all.place.expect(
            0,
            &["fsck", text(&all.place.path(&format!("alliance/{id}/data"))), "--genesis", &genesis],
        );
        assert!(said.starts_with("CLEAN"), "{said}");
    }
}
