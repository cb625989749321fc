//! Seal certificates that expire while the alliance runs.

mod place;

use std::{
    fs,
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use place::{
    Place,
    institutions::{IDS, Institutions},
    text,
};
use xiezhi_alliance::{Founding, found};
use xiezhi_types::TimestampMs;

/// Seal certificates are made for five years.
const SEALS_MS: u64 = 5 * 365 * 24 * 3600 * 1000;
/// How long the certificates of the founding are good for in this test.
const LEFT_MS: u64 = 40_000;

fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// An alliance that was founded almost five years ago.
fn old_alliance() -> (Institutions, u64) {
    let place = Place::new();
    let expires_ms = now_ms() + LEFT_MS;
    let founding = Founding {
        dir: place.path("alliance"),
        institutions: 4,
        base_port: place.base_port,
        host: "127.0.0.1".to_owned(),
        now: TimestampMs(expires_ms - SEALS_MS),
    };
    found(&founding).unwrap();
    (Institutions { place, nodes: (0..4).map(|_| None).collect() }, expires_ms)
}

fn certificate(all: &Institutions, at: usize) -> PathBuf {
    all.place.path(&format!("alliance/{}/pki/seal.pem", IDS[at]))
}

fn renew(all: &Institutions, at: usize) {
    all.place.expect(0, &["renew", &all.config("ca"), text(&certificate(all, at))]);
}

fn restart(all: &mut Institutions, at: usize) {
    all.kill(&[at]);
    all.start(&[at]);
    all.wait_live(&[at]);
}

#[test]
fn an_expired_seal_does_not_count_and_old_certificates_stay_valid() {
    let (mut all, expires_ms) = old_alliance();
    let (court, forensic) = (0, 2);
    for at in [1, forensic, 3] {
        renew(&all, at);
    }
    all.start(&[0, 1, 2, 3]);
    all.wait_live(&[0, 1, 2, 3]);
    let file = |name: &str| all.place.file(name, name.as_bytes());
    let (before, one_expired, two_expired) = (file("before.txt"), file("one.txt"), file("two.txt"));
    all.deposit(0, 0, &before);
    all.wait(0, "the court seals", |status| {
        status["institutions"]
            .as_array()
            .is_some_and(|them| them.iter().all(|one| one["sealed_height"] != "0"))
    });
    let said = all.place.expect(0, &["status", "--url", &all.url(court)]);
    assert!(said.contains("its seal certificate expires at"), "{said}");
    let said = all.place.expect(0, &["status", "--url", &all.url(1)]);
    assert!(!said.contains("expires at"), "{said}");
    assert!(now_ms() < expires_ms, "the machine is too slow for this test");
    std::thread::sleep(Duration::from_millis(expires_ms.saturating_sub(now_ms()) + 2_000));

    // One of four: the others' seals meet the policy, and its own does not count, here or elsewhere.
    let said = all.deposit(0, court, &one_expired);
    assert!(said.contains("notary") && !said.contains("\"court\""), "{said}");
    let said = all.place.expect(0, &["status", "--url", &all.url(court)]);
    assert!(said.contains("HAS EXPIRED"), "{said}");

    // Two of four: recorded, pending, and the status says what is missing.
    fs::copy(all.place.path("alliance/forensic/pki/seal.pem.old"), certificate(&all, forensic)).unwrap();
    restart(&mut all, forensic);
    let url = all.url(1);
    let output = all.place.run(&["deposit", text(&two_expired), "--url", &url, "--timeout", "4", "--json"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!output.status.success() || said.contains("\"sealed\": false"), "{said}");
    let pending = all.place.path("two.txt.xzc.pending");
    assert!(pending.is_file() && !all.place.path("two.txt.xzc").exists());
    let said = all.place.expect(0, &["find", "--file", text(&two_expired), "--url", &url, "--json"]);
    assert!(
        said.contains("\"sealed\": false") && said.contains("forensic") && said.contains("court"),
        "{said}"
    );

    // One is renewed: everything resumes, what was pending is sealed.
    renew(&all, court);
    restart(&mut all, court);
    all.place.expect(0, &["collect", text(&pending), "--url", &url, "--timeout", "60"]);
    assert!(all.place.path("two.txt.xzc").is_file());

    // What was certified before is valid after: the keys are judged at the time of sealing.
    all.kill(&[0, 1, 2, 3]);
    all.place.expect(0, &["trust", "add", text(&all.place.path("alliance/genesis.cbor")), "--yes"]);
    for file in [&before, &one_expired, &two_expired] {
        all.place.expect(0, &["verify", text(file), &format!("{}.xzc", text(file))]);
    }
    let later = ["--at", "2036-01-01T00:00:00Z"];
    let certificate = format!("{}.xzc", text(&before));
    all.place.expect(0, &[&["verify", text(&before), &certificate], &later[..]].concat());
}
