//! A platform deposits in a firm's name on a running alliance, by the tool alone: within what was granted, and no longer.

mod place;

use std::path::Path;

use place::{Place, text};
use serde_json::Value;

fn json(place: &Place, args: &[&str]) -> Value {
    serde_json::from_str(&place.expect(0, &[args, &["--json"]].concat())).unwrap()
}

/// Deposits by the platform in the name of `grantor`; what it is told when that is refused.
fn deposit_for(place: &Place, grantor: &str, files: &[&Path], more: &[&str]) -> Result<(), String> {
    let files: Vec<_> = files.iter().map(|file| text(file)).collect();
    let args = [&["deposit", "--account", "platform", "--for", grantor], more, &files].concat();
    let done = place.run(&args);
    if done.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&done.stderr).into_owned()) }
}

#[test]
fn a_platform_deposits_in_a_firms_name_within_its_limits() {
    let place = Place::new();
    let alliance = place.up();
    let files: Vec<_> =
        (1..=8).map(|at| place.file(&format!("{at}.txt"), format!("exhibit {at}").as_bytes())).collect();
    let account = |args: &[&str]| place.expect(0, &[&["account"], args].concat());
    for name in ["firm", "other", "platform"] {
        account(&["create", name]);
    }
    let id = |name: &str| json(&place, &["account", "show", name])["id"].as_str().unwrap().to_owned();
    let (firm, other, platform) = (id("firm"), id("other"), id("platform"));
    let refused = |grantor: &str, expected: &str| {
        let said = deposit_for(&place, grantor, &[&files[7]], &[]).unwrap_err();
        assert!(said.contains(expected), "{said}");
    };
    refused(&firm, "has not let account");

    let shown = account(&["delegate", "firm", "--to", &platform, "--quota", "5", "--until", "2099-12-31"]);
    assert!(shown.contains("until 2100-01-01T00:00:00.000Z: 0 of 5 used"), "{shown}");
    deposit_for(&place, &firm, &[&files[0]], &[]).unwrap();
    let batch: Vec<&Path> = files[1..4].iter().map(|file| file.as_path()).collect();
    deposit_for(&place, &firm, &batch, &["--batch"]).unwrap();
    // One is left: of two at once, one is refused, whichever it is.
    let said = deposit_for(&place, &firm, &[&files[4], &files[5]], &[]).unwrap_err();
    assert!(said.contains("for 5 deposits, 5 are used: 1 more do not fit"), "{said}");
    let delegation = json(&place, &["account", "show", "firm"])["delegations"][0].clone();
    assert_eq!((&delegation["used"], &delegation["left"]), (&"5".into(), &"0".into()), "{delegation}");
    refused(&firm, "for 5 deposits, 5 are used: 1 more do not fit");
    refused(&other, "has not let account");
    // The platform's key changes nothing of the firm's.
    let key = place.path("platform.key");
    std::fs::write(&key, {
        let own = std::fs::read(place.path("home/accounts/platform.json")).unwrap();
        serde_json::from_slice::<Value>(&own).unwrap()["keys"][0].to_string()
    })
    .unwrap();
    let grab =
        ["delegate", &firm, "--to", &platform, "--quota", "9", "--until", "2099-12-31", "--sign", text(&key)];
    let said = place.run(&[&["account"], &grab[..]].concat());
    assert!(String::from_utf8_lossy(&said.stderr).contains("not a key of account"), "{said:?}");

    // Found under both accounts, and named by both.
    let found = |of: &str| {
        let records = json(&place, &["find", "--account", of]);
        let named = |one: &&Value| one["statement"]["grantor"] == firm.as_str();
        records.as_array().unwrap().iter().filter(named).count()
    };
    assert_eq!((found(&firm), found(&platform), found(&other)), (3, 3, 0));

    // Not yet, revoked, frozen.
    account(&[
        "delegate",
        "firm",
        "--to",
        "platform",
        "--quota",
        "5",
        "--from",
        "2099-01-01",
        "--until",
        "2099-12-31",
    ]);
    refused(&firm, "holds from 2099-01-01T00:00:00.000Z on");
    account(&[
        "delegate",
        "firm",
        "--to",
        "platform",
        "--quota",
        "5",
        "--daily",
        "1",
        "--until",
        "2099-12-31",
    ]);
    deposit_for(&place, &firm, &[&files[6]], &[]).unwrap();
    refused(&firm, "1 deposits a day");
    account(&["revoke", "firm", "--to", "platform"]);
    refused(&firm, "has not let account");
    // Another quota than the first: the same said twice in one second is one statement.
    account(&["delegate", "firm", "--to", "platform", "--quota", "6", "--until", "2099-12-31"]);
    // What is proven by itself is the newest sealed state: a deposit waits until the grant is in it.
    place.expect(0, &["deposit", text(&place.file("own.txt", b"own")), "--account", "platform"]);
    let proof = place.path("firm.xza");
    account(&["prove", "firm", "--out", text(&proof)]);
    let order = place.file("order.pdf", b"an order");
    account(&["freeze", &firm, "--order", "order 1", "--document", text(&order), "--as", "court"]);
    refused(&firm, "is frozen");

    drop(alliance);
    for file in &files[..4] {
        let said = place.expect(0, &["verify", text(file), &format!("{}.xzc", text(file))]);
        assert!(said.contains(&format!("account {firm}, which let it until")), "{said}");
    }
    let said = account(&["check", text(&proof)]);
    assert!(said.contains("may deposit in its name until"), "{said}");
    place.expect(0, &["fsck", text(&place.path("home/alliance/forensic/node.toml"))]);
}
