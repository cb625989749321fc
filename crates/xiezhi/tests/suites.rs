//! The alliance retires a signature suite and allows another while it runs, by the tool alone.

mod place;

use std::time::{Duration, Instant};

use place::{Place, text};
use serde_json::Value;

fn alliance(place: &Place) -> Value {
    serde_json::from_str(&place.expect(0, &["member", "list", "--json"])).unwrap()
}

#[test]
fn keys_of_a_retired_suite_are_replaced_and_do_nothing_else() {
    let place = Place::new();
    let running = place.up();
    let files = ["1.txt", "2.txt", "3.txt"].map(|name| place.file(name, name.as_bytes()));
    let account = |code, args: &[&str]| place.expect(code, &[&["account"], args].concat());
    let (old, new) = (place.path("old"), place.path("new"));
    let public = |key: &std::path::Path| format!("{}.pub", text(key));
    account(0, &["key", text(&old), "--alg", "es256"]);
    account(0, &["key", text(&new), "--alg", "sm2"]);
    account(0, &["create", "firm", "--key", &public(&old), "--sign", text(&old)]);
    let later = place.path("later");
    account(0, &["key", text(&later), "--alg", "ml-dsa-65"]);
    account(1, &["create", "early", "--key", &public(&later), "--sign", text(&later)]);
    let deposit = |at: usize| place.run(&["deposit", text(&files[at]), "--account", "firm"]);
    assert!(deposit(0).status.success());

    let member = |code, args: &[&str]| place.expect(code, &[&["member"], args].concat());
    member(1, &["suites", "--retire", "ed25519", "--as", "court"]);
    member(1, &["suites", "--allow", "sm2", "--as", "court"]);
    member(2, &["suites", "--allow", "rsa", "--as", "court"]);
    member(0, &["suites", "--retire", "es256", "--allow", "ml-dsa-65", "--as", "court"]);
    assert_eq!(
        alliance(&place)["proposals"][0]["change"]["suites"],
        serde_json::json!(["ed25519", "ml-dsa-65", "sm2"])
    );
    for who in ["notary", "forensic"] {
        member(0, &["vote", "1", "--approve", "--as", who]);
    }
    assert_eq!(alliance(&place)["next"]["retired_suites"], serde_json::json!(["es256"]));
    let begun = Instant::now();
    while alliance(&place)["term"]["number"] != "1" {
        assert!(begun.elapsed() < Duration::from_secs(180), "{}", alliance(&place));
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(member(0, &["list"]).contains("retired suites: es256"));

    let said = deposit(1);
    assert!(String::from_utf8_lossy(&said.stderr).contains("es256 is not allowed"), "{said:?}");
    let again = place.path("again");
    account(0, &["key", text(&again), "--alg", "es256"]);
    account(1, &["change-keys", "firm", "--key", &public(&again)]);
    account(0, &["change-keys", "firm", "--key", &public(&new)]);
    account(0, &["use", "firm", text(&new)]);
    let said = deposit(1);
    assert!(said.status.success(), "{said:?}");
    account(0, &["create", "later", "--key", &public(&later), "--sign", text(&later)]);
    assert!(place.run(&["deposit", text(&files[2]), "--account", "later"]).status.success());
    account(1, &["create", "late", "--key", &public(&again), "--sign", text(&again)]);

    drop(running);
    for file in &files {
        place.expect(0, &["verify", text(file), &format!("{}.xzc", text(file))]);
    }
    place.expect(0, &["fsck", text(&place.path("home/alliance/forensic/node.toml"))]);
}
