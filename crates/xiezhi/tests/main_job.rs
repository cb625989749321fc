//! The tool as its user meets it: real files, real sockets, real processes.

mod place;

use std::{fs, process::Command};

use place::{Place, skipped, text};

#[test]
fn demo_does_the_main_job_and_its_certificate_outlives_the_alliance() {
    let place = Place::new();
    let file = place.file("contract.txt", b"the parties agree");
    let out = place.expect(0, &["demo", text(&file), "--base-port", &place.base_port.to_string()]);
    assert!(out.contains("VALID"), "{out}");
    let certificate = place.path("contract.txt.xzc");
    let (file, certificate) = (text(&file).to_owned(), text(&certificate).to_owned());

    // No node runs any more.
    place.expect(0, &["verify", &file, &certificate]);
    place.expect(0, &["verify", "--record-only", &certificate]);
    place.expect(5, &["verify", &certificate]);
    place.expect(1, &["verify", &file, &certificate, "--at", "2020-01-01T00:00:00Z"]);
    place.expect(2, &["verify", &file, &certificate, "--at", "yesterday"]);
    place.expect(4, &["status"]);
    let changed = place.file("changed.txt", b"the parties agreE");
    let verdict = place.expect(1, &["verify", text(&changed), &certificate, "--json"]);
    assert!(verdict.contains("\"original\""), "{verdict}");

    let mut bytes = fs::read(&certificate).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    let broken = place.file("broken.xzc", &bytes);
    assert_ne!(place.run(&["verify", &file, text(&broken)]).status.code(), Some(0));

    // Somebody else, who trusts no ledger.
    let stranger = Place::new();
    stranger.expect(5, &["verify", &file, &certificate]);
    let genesis = place.path("home/alliance/genesis.cbor");
    stranger.expect(0, &["verify", &file, &certificate, "--trust", text(&genesis)]);
    stranger.expect(2, &["trust", "add", text(&genesis)]);
    stranger.expect(0, &["trust", "add", text(&genesis), "--yes"]);
    stranger.expect(0, &["verify", &file, &certificate]);

    // The same verdict for the same declared time, byte for byte.
    let at = ["verify", &file, &certificate, "--at", "2100-01-01T00:00:00Z", "--json"];
    assert_eq!(place.run(&at).stdout, place.run(&at).stdout);
    openssl_agrees(&place, &certificate);
}

/// Chains and tokens are accepted by openssl.
fn openssl_agrees(place: &Place, certificate: &str) {
    if Command::new("openssl").arg("version").output().is_err() {
        return skipped("openssl not found");
    }
    let parts = place.path("parts");
    place.expect(0, &["show", certificate, "--parts", text(&parts)]);
    let openssl = |args: &[&str]| {
        let output = Command::new("openssl").args(args).current_dir(&parts).output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "openssl {args:?}\n{err}");
    };
    for institution in ["court", "notary", "forensic", "ca"] {
        let pem = format!("{institution}.pem");
        // A quorum's seals are there; the fourth may have come later.
        if parts.join(&pem).is_file() {
            openssl(&["verify", "-CAfile", "roots.pem", "-CRLfile", "crl-0.pem", "-crl_check", &pem]);
        }
    }
    openssl(&[
        "ts",
        "-verify",
        "-token_in",
        "-in",
        "timestamp-0.der",
        "-data",
        "checkpoint.cbor",
        "-CAfile",
        "roots.pem",
    ]);
}

#[test]
fn what_was_acknowledged_survives_the_death_of_every_node_at_once() {
    let place = Place::new();
    place.file("exhibits/one.txt", b"one");
    place.file("exhibits/deeper/two.txt", b"two");
    let three = place.file("three.txt", b"three");
    let alliance = place.up();
    place.expect(2, &["deposit", text(&place.file("empty.txt", b""))]);
    place.expect(1, &["deposit", text(&place.path("absent.txt"))]);
    let report = place.expect(0, &["deposit", "exhibits", "--json"]);
    assert_eq!(report.matches("\"sealed\": true").count(), 2, "{report}");
    place.expect(0, &["deposit", "--batch", "--searchable", "sha256,sm3", text(&three), "--quiet"]);
    place.expect(2, &["deposit", text(&three)]);
    alliance.kill();

    let again = place.up();
    let found = place.expect(0, &["find", "--file", text(&three), "--json"]);
    assert!(found.contains("\"item\": 0"), "{found}");
    let all = place.expect(0, &["find", "--all", "--json"]);
    assert_eq!(all.matches("\"number\"").count(), 4, "{all}");
    place.expect(0, &["show", "0"]);
    place.expect(0, &["proof", "inclusion", "1"]);
    place.expect(0, &["proof", "consistency", "1", "4", "--tree", "sm3"]);
    place.expect(1, &["proof", "consistency", "4", "1"]);
    let four = place.file("four.txt", b"four");
    place.expect(0, &["deposit", text(&four)]);
    place.expect(0, &["verify", text(&four), &format!("{}.xzc", text(&four))]);
    place.expect(0, &["verify", text(&three), &format!("{}.xzc", text(&three))]);
    // What the nodes say now goes on from what the certificate says.
    place.expect(1, &["equivocation", "prove", &format!("{}.xzc", text(&four))]);
    // A second alliance on the same directory is refused while this one runs.
    assert_ne!(place.run(&["up", "--base-port", &place.base_port.to_string()]).status.code(), Some(0));
    again.kill();
}
