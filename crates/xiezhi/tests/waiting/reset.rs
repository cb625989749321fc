//! An account is reset by its recovery key: stopped within the delay, finished after it. The shortest delay is an hour, so the clocks of nodes and
//! tool are put on by libfaketime.

use std::path::{Path, PathBuf};

use crate::place::{Place, skipped, text};

/// A minute more than the delay of an hour.
const AHEAD_S: u32 = 3660;

/// Where Debian installs the library, or where `XIEZHI_FAKETIME` says.
fn library() -> Option<PathBuf> {
    let usual = || "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1".into();
    let library = std::env::var_os("XIEZHI_FAKETIME").map_or_else(usual, PathBuf::from);
    library.exists().then_some(library)
}

#[test]
fn a_reset_is_cancelled_within_its_delay_and_another_finishes_after_it() {
    let Some(library) = library() else {
        return skipped("libfaketime not found: no reset was seen to its end");
    };
    let mut place = Place::new();
    let alliance = place.up();
    let account =
        |place: &Place, code: i32, args: &[&str]| place.expect(code, &[&["account"], args].concat());
    let shown = |place: &Place| -> serde_json::Value {
        serde_json::from_str(&account(place, 0, &["show", "firm", "--json"])).unwrap()
    };
    let deposit = |place: &Place, code: i32, file: &Path| {
        place.expect(code, &["deposit", text(file), "--account", "firm"]);
    };
    for key in ["recovery.key", "fresh.key"] {
        account(&place, 0, &["key", key, "--alg", "es256"]);
    }
    account(&place, 2, &["create", "hasty", "--recovery", "recovery.key.pub", "--delay-hours", "0"]);
    account(&place, 0, &["create", "firm", "--recovery", "recovery.key.pub", "--delay-hours", "1"]);
    let (before, lost, after) =
        (place.file("before.txt", b"1"), place.file("lost.txt", b"2"), place.file("after.txt", b"3"));
    deposit(&place, 0, &before);

    // Whoever has the account's keys stops it, and it is not finished, then or later.
    let begin = ["begin-reset", "firm", "--key", "fresh.key.pub", "--sign", "recovery.key"];
    let finish = ["finish-reset", "firm", "--sign", "recovery.key"];
    account(&place, 0, &begin);
    deposit(&place, 1, &lost);
    account(&place, 0, &["cancel-reset", "firm"]);
    account(&place, 1, &finish);
    assert_eq!(shown(&place)["status"], "normal");
    deposit(&place, 0, &lost);

    // Nobody stops the next: it finishes, and not before its delay is over.
    account(&place, 0, &begin);
    account(&place, 1, &finish);
    assert_eq!(shown(&place)["status"], "recovering");
    alliance.kill();
    place.clock = Some((library, AHEAD_S));
    let alliance = place.up();
    assert_eq!(shown(&place)["status"], "recovering", "time alone finishes nothing");
    account(&place, 1, &["cancel-reset", "firm"]);
    account(&place, 0, &finish);
    assert_eq!(shown(&place)["status"], "normal");
    // The same said within the same second is the same statement, which is recorded.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    account(&place, 1, &finish);

    // The old key signs no more, the new one does, and what was recorded before stays proven without the nodes.
    deposit(&place, 1, &after);
    account(&place, 0, &["use", "firm", "fresh.key"]);
    deposit(&place, 0, &after);
    drop(alliance);
    for file in [&before, &lost, &after] {
        place.expect(0, &["verify", text(file), &format!("{}.xzc", text(file))]);
    }
}
