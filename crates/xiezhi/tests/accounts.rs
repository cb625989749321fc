//! Accounts change on a running alliance, by the tool alone: keys, recovery, freezing, successors.

mod place;

use std::path::{Path, PathBuf};

use place::{Place, text};
use serde_json::Value;

fn account(place: &Place, code: i32, args: &[&str]) -> String {
    place.expect(code, &[&["account"], args].concat())
}

fn shown(place: &Place, name: &str) -> Value {
    serde_json::from_str(&account(place, 0, &["show", name, "--json"])).unwrap()
}

/// Makes a key; the secret's file and the public key's.
fn key(place: &Place, name: &str, alg: &str) -> (PathBuf, PathBuf) {
    let (secret, public) = (place.path(name), place.path(&format!("{name}.pub")));
    account(place, 0, &["key", text(&secret), "--alg", alg]);
    (secret, public)
}

fn deposit(place: &Place, code: i32, name: &str, file: &Path) {
    place.expect(code, &["deposit", text(file), "--account", name]);
}

#[test]
fn an_account_outlives_its_keys_and_every_certificate_its_account() {
    let place = Place::new();
    let alliance = place.up();
    let file = |name: &str| place.file(name, name.as_bytes());
    let files = ["1.txt", "2.txt", "3.txt", "4.txt", "5.txt"].map(file);
    let [first, second, third, fourth, fifth] = &files;
    let (recovery, recovery_public) = key(&place, "recovery", "sm2");
    let (_, new_public) = key(&place, "new", "es256");
    let (thief, thief_public) = key(&place, "thief", "ed25519");

    account(&place, 0, &["create", "firm", "--recovery", text(&recovery_public), "--delay-hours", "48"]);
    account(&place, 2, &["create", "firm"]);
    deposit(&place, 0, "firm", first);
    let id = shown(&place, "firm")["id"].as_str().unwrap().to_owned();

    // A stolen recovery key loses to the account's keys within the delay.
    let stolen = ["begin-reset", "firm", "--key", text(&new_public), "--sign", text(&recovery)];
    account(&place, 0, &stolen);
    account(&place, 0, &["cancel-reset", "firm"]);
    account(&place, 1, &["finish-reset", "firm", "--sign", text(&recovery)]);
    assert_eq!(shown(&place, "firm")["status"], "normal");

    // Other keys: the old one signs no more, the new one does.
    account(&place, 0, &["change-keys", "firm", "--key", text(&new_public)]);
    let said = place.run(&["deposit", text(second), "--account", "firm"]);
    assert!(String::from_utf8_lossy(&said.stderr).contains("not a key of account"), "{said:?}");
    account(&place, 0, &["use", "firm", text(&place.path("new"))]);
    deposit(&place, 0, "firm", second);

    // The recovery key alone begins a reset; whoever has the account's keys cancels it.
    account(&place, 1, &["begin-reset", "firm", "--key", text(&thief_public)]);
    let begin = ["begin-reset", "firm", "--key", text(&thief_public), "--sign", text(&recovery)];
    account(&place, 0, &begin);
    assert_eq!(shown(&place, "firm")["status"], "recovering");
    deposit(&place, 1, "firm", third);
    account(&place, 1, &["finish-reset", "firm", "--sign", text(&recovery)]);
    let said = place.run(&["account", "cancel-reset", "firm"]);
    assert!(String::from_utf8_lossy(&said.stderr).contains("less than the delay"), "{said:?}");

    // A court freezes it, and it can do nothing; not even the reset goes on.
    let order = place.file("order.pdf", b"an order");
    let by_court = ["--document", text(&order), "--as", "court"];
    account(&place, 0, &[&["freeze", &id, "--order", "order 1"], &by_court[..]].concat());
    let again = place.file("again.pdf", b"the same order, another document");
    let by_court_again = ["--document", text(&again), "--as", "court"];
    account(&place, 1, &[&["freeze", &id, "--order", "order 1"], &by_court_again[..]].concat());
    let by_notary = ["--document", text(&order), "--as", "notary"];
    account(&place, 1, &[&["freeze", &id, "--order", "order 2"], &by_notary[..]].concat());
    let frozen = shown(&place, "firm");
    assert_eq!(
        (&frozen["status"], &frozen["freezings"][0]["reference"]),
        (&"frozen".into(), &"order 1".into())
    );
    let found: Value = serde_json::from_str(&place.expect(0, &["find", "--account", &id, "--json"])).unwrap();
    let issuers: std::collections::BTreeSet<_> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["statement"]["issuer"].clone().to_string())
        .collect();
    assert_eq!(issuers.len(), 2, "the court's order is found under the account too: {found}");
    account(&place, 1, &["finish-reset", "firm", "--sign", text(&recovery)]);
    let lift = ["unfreeze", &id, "--freezing", "order 1", "--order", "order 3"];
    account(&place, 0, &[&lift[..], &by_court].concat());
    assert_eq!(shown(&place, "firm")["status"], "recovering");

    // Two of three in different hands.
    let (one, one_public) = key(&place, "one", "ed25519");
    let (two, two_public) = key(&place, "two", "sm2");
    let keys = [
        "--key",
        text(&one_public),
        "--key",
        text(&two_public),
        "--key",
        &format!("{}:2", text(&thief_public)),
    ];
    let thresholds = ["--manage-threshold", "3", "--deposit-threshold", "2"];
    let create = [&["create", "board"], &keys[..], &thresholds].concat();
    let said = place.run(&[&["account"], &create[..], &["--sign", text(&one)]].concat());
    assert!(String::from_utf8_lossy(&said.stderr).contains("add up to 1, 3 is needed"), "{said:?}");
    account(&place, 2, &[&create[..], &["--sign", text(&one)]].concat());
    let create = [&["create", "both"], &keys[..], &thresholds].concat();
    account(&place, 0, &[&create[..], &["--sign", text(&one), "--sign", text(&thief)]].concat());
    account(&place, 0, &["use", "both", text(&one), text(&two)]);
    deposit(&place, 0, "both", third);

    // Handed over to the firm's successor, signed by one after the other.
    account(&place, 0, &["create", "successor"]);
    deposit(&place, 0, "successor", fourth);
    let heir = shown(&place, "successor")["id"].as_str().unwrap().to_owned();
    let draft = place.path("transfer.cbor");
    account(&place, 0, &["transfer", "both", "--to", &heir, "--draft", text(&draft)]);
    account(&place, 1, &["send", text(&draft)]);
    account(&place, 0, &["sign", text(&draft), "--sign", text(&thief)]);
    account(&place, 0, &["send", text(&draft)]);
    let both = shown(&place, "both")["id"].as_str().unwrap().to_owned();
    account(&place, 1, &["accept", "firm", "--from", &both]);
    account(&place, 0, &["accept", "successor", "--from", &both]);
    assert_eq!(shown(&place, "both")["status"], "transferred");
    deposit(&place, 1, "both", fifth);
    deposit(&place, 0, "successor", fifth);

    // What the ledger holds, held, and does not hold is proven offline.
    let proof = |name: &str, of: &str, more: &[&str]| {
        let file = place.path(name);
        account(&place, 0, &[&["prove", of, "--out", text(&file)], more].concat());
        file
    };
    let now = proof("now.xza", "firm", &[]);
    let height = shown(&place, "firm")["created"].as_str().unwrap().to_owned();
    let then = proof("then.xza", "firm", &["--height", &height]);
    let nobody = proof("nobody.xza", &"5".repeat(64), &[]);

    drop(alliance);
    let keys = |file: &Path| account(&place, 0, &["check", text(file)]);
    assert!(keys(&now).contains("recovering") && keys(&then).contains("normal"));
    assert!(keys(&now).contains("es256") && !keys(&then).contains("es256"));
    assert!(keys(&nobody).contains("had no account"));
    for file in &files {
        place.expect(0, &["verify", text(file), &format!("{}.xzc", text(file))]);
    }
    place.expect(0, &["fsck", text(&place.path("home/alliance/forensic/node.toml"))]);
}
