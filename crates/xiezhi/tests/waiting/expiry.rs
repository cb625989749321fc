//! What expires while the alliance runs: seal certificates, a time-stamp authority's, the revocation list, the root.

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::place::{
    Place,
    institutions::{IDS, Institutions},
    text,
};
use xiezhi_alliance::{Founding, found};
use xiezhi_types::TimestampMs;

const DAY_MS: u64 = 24 * 3600 * 1000;
/// Seal certificates are made for five years.
const SEALS_MS: u64 = 5 * 365 * DAY_MS;
/// The first revocation list is good for this long.
const LIST_MS: u64 = 30 * DAY_MS;
/// The root is made for this long.
const ROOT_MS: u64 = 20 * 365 * DAY_MS;
/// How long what an alliance is founded with is still good for: it must be live by then, on a slow machine too.
const LEFT_MS: u64 = 90_000;

fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// An alliance that was founded so long ago that what was then made for `good_ms` expires in a moment; and when.
fn old_alliance(good_ms: u64) -> (Institutions, u64) {
    let place = Place::new();
    let expires_ms = now_ms() + LEFT_MS;
    let founding = Founding {
        dir: place.path("alliance"),
        institutions: 4,
        base_port: place.base_port,
        host: "127.0.0.1".to_owned(),
        now: TimestampMs(expires_ms - good_ms),
        limits: xiezhi_evidence::Limits::default(),
    };
    found(&founding).unwrap();
    (Institutions { place, nodes: (0..4).map(|_| None).collect() }, expires_ms)
}

fn pki(all: &Institutions, at: usize, file: &str) -> PathBuf {
    all.place.path(&format!("alliance/{}/pki/{file}", IDS[at]))
}

fn renew(all: &Institutions, at: usize, file: &str) {
    all.place.expect(0, &["renew", &all.config("ca"), text(&pki(all, at, file))]);
}

/// Puts a certificate in the place of another that is good until `until_ms`.
fn renew_until(all: &Institutions, at: usize, file: &str, until_ms: u64) {
    let ca = all.place.path("alliance/ca/node.toml");
    xiezhi_alliance::renew(&ca, &pki(all, at, file), TimestampMs(now_ms()), Some(until_ms / 1000)).unwrap();
}

fn wait_until(expires_ms: u64) {
    assert!(now_ms() < expires_ms, "the machine is too slow for this test");
    std::thread::sleep(Duration::from_millis(expires_ms.saturating_sub(now_ms()) + 2_000));
}

fn says(all: &Institutions, at: usize, what: &str) {
    let said = all.place.expect(0, &["status", "--url", &all.url(at)]);
    assert!(said.contains(what), "{what}: {said}");
}

/// Waits until the node `at` takes renewed files into use, and seals or does not.
fn wait_seals(all: &Institutions, at: usize, seals: bool) {
    all.wait(at, "takes renewed files", |status| {
        status["height"].is_string() && status["sealing_problem"].is_null() == seals
    });
}

/// Deposits that are sent all the time, each waiting a second for its seals.
struct Load<'a> {
    all: &'a Institutions,
    nodes: &'a [usize],
    ends: AtomicBool,
}

impl<'a> Load<'a> {
    /// Runs `test` under load; gives every file that was deposited. Not each was recorded or sealed in time.
    fn during(all: &'a Institutions, nodes: &'a [usize], test: impl FnOnce()) -> Vec<PathBuf> {
        let load = Load { all, nodes, ends: AtomicBool::new(false) };
        std::thread::scope(|scope| {
            let sending = scope.spawn(|| load.send());
            let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(test));
            load.ends.store(true, Ordering::Relaxed);
            let files = sending.join().unwrap();
            ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            files
        })
    }

    fn send(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        while !self.ends.load(Ordering::Relaxed) {
            let name = format!("load-{}.txt", files.len());
            let file = self.all.place.file(&name, name.as_bytes());
            let url = self.all.url(self.nodes[files.len() % self.nodes.len()]);
            let output = self.all.place.run(&["deposit", text(&file), "--url", &url, "--timeout", "1"]);
            // 3: recorded, and not sealed yet. 4: not even recorded in a second; it is sent again when it is collected.
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(matches!(output.status.code(), Some(0 | 3 | 4)), "{name}: {:?} {said}", output.status);
            std::thread::sleep(Duration::from_millis(200));
            files.push(file);
        }
        files
    }
}

/// Every file gets its certificate, and each is valid with all nodes gone, also when judged much later.
fn all_are_certified(mut all: Institutions, running: &[usize], files: &[PathBuf]) {
    let url = all.url(running[0]);
    for file in files {
        let pending = format!("{}.xzc.pending", text(file));
        if PathBuf::from(&pending).is_file() {
            all.place.expect(0, &["collect", &pending, "--url", &url, "--timeout", "60"]);
        }
    }
    all.kill(running);
    all.place.expect(0, &["trust", "add", text(&all.place.path("alliance/genesis.cbor")), "--yes"]);
    all.place.expect(0, &["verify", text(&files[0]), &format!("{}.xzc", text(&files[0]))]);
    for file in files {
        let certificate = format!("{}.xzc", text(file));
        let later = ["verify", text(file), &certificate, "--json", "--at", "2066-01-01T00:00:00Z"];
        let said = all.place.expect(0, &later);
        let verdict: serde_json::Value = serde_json::from_str(&said).unwrap();
        assert_eq!(verdict["outcome"], "valid", "{said}");
    }
}

fn an_expired_seal_does_not_count_and_old_certificates_stay_valid() {
    let (mut all, expires_ms) = old_alliance(SEALS_MS);
    let (court, forensic) = (0, 2);
    for at in [1, forensic, 3] {
        renew(&all, at, "seal.pem");
    }
    all.start(&[0, 1, 2, 3]);
    all.wait_live(&[0, 1, 2, 3]);
    let file = |name: &str| all.place.file(name, name.as_bytes());
    let (before, one_expired, two_expired) = (file("before.txt"), file("one.txt"), file("two.txt"));
    all.deposit(0, 0, &before);
    for at in [court, 1] {
        all.wait(at, "has everybody's seal", |status| {
            let them = status["institutions"].as_array();
            them.is_some_and(|them| them.iter().all(|one| one["sealed_height"] != "0"))
        });
    }
    says(&all, court, "its seal certificate expires at");
    says(&all, 1, "the seal certificate of court is valid until");
    let said = all.place.expect(0, &["status", "--url", &all.url(1)]);
    assert!(!said.contains("its seal certificate expires at"), "{said}");

    let mut files = Load::during(&all, &[1, 3], || {
        wait_until(expires_ms);

        // One of four: the others' seals meet the policy, and its own does not count, here or elsewhere.
        let said = all.deposit(0, court, &one_expired);
        assert!(said.contains("notary") && !said.contains("\"court\""), "{said}");
        says(&all, court, "HAS EXPIRED");
        says(&all, court, "SEALS NOTHING");
        says(&all, 1, "THE SEAL CERTIFICATE OF court HAS EXPIRED");

        // Two of four: recorded, pending, and the status says what is missing. No node is started again.
        fs::copy(pki(&all, forensic, "seal.pem.old"), pki(&all, forensic, "seal.pem")).unwrap();
        wait_seals(&all, forensic, false);
        let url = all.url(1);
        let output =
            all.place.run(&["deposit", text(&two_expired), "--url", &url, "--timeout", "4", "--json"]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(3), "{said}");
        let pending = all.place.path("two.txt.xzc.pending");
        assert!(pending.is_file() && !all.place.path("two.txt.xzc").exists());
        let said = all.place.expect(0, &["find", "--file", text(&two_expired), "--url", &url, "--json"]);
        assert!(
            said.contains("\"sealed\": false") && said.contains("forensic") && said.contains("court"),
            "{said}"
        );

        // One is renewed: everything resumes, what was pending is sealed.
        renew(&all, court, "seal.pem");
        wait_seals(&all, court, true);
        all.place.expect(0, &["collect", text(&pending), "--url", &url, "--timeout", "60"]);
        assert!(all.place.path("two.txt.xzc").is_file());
    });
    assert!(files.len() > 10, "{} deposits are no load", files.len());
    files.extend([before, one_expired, two_expired]);
    all_are_certified(all, &[0, 1, 2, 3], &files);
}

fn when_a_time_stamp_authority_expires_the_other_stands_in() {
    let mut all = Institutions::found(4);
    let (forensic, ca) = (2, 3);
    all.start(&[0, 1, 2, 3]);
    all.wait_live(&[0, 1, 2, 3]);
    let expires_ms = now_ms() + 30_000;
    renew_until(&all, ca, "tsa.pem", expires_ms);
    all.wait(ca, "uses the renewed authority", |status| {
        let expiries = status["expiries"].as_array().into_iter().flatten();
        expiries
            .into_iter()
            .any(|expiry| expiry["what"] == "time-stamp-authority" && expiry["standing"] != "good")
    });
    let file = |name: &str| all.place.file(name, name.as_bytes());
    let (before, one_expired, both_expired) = (file("before.txt"), file("one.txt"), file("both.txt"));
    all.deposit(0, 0, &before);
    says(&all, 0, "is valid until");

    let mut files = Load::during(&all, &[0, 1], || {
        wait_until(expires_ms);
        all.deposit(0, 0, &one_expired);
        says(&all, ca, "HAS EXPIRED");
        says(&all, 0, "TIME-STAMP AUTHORITY");

        // The stand-in's expires too: recorded, pending, and a time stamp is what is missing.
        renew_until(&all, forensic, "tsa.pem", now_ms() + 10_000);
        std::thread::sleep(Duration::from_secs(12));
        let args = ["deposit", text(&both_expired), "--url", &all.url(0), "--timeout", "4", "--json"];
        assert_eq!(all.place.run(&args).status.code(), Some(3));
        let args = ["find", "--file", text(&both_expired), "--url", &all.url(0), "--json"];
        let said = all.place.expect(0, &args);
        let found: serde_json::Value = serde_json::from_str(&said).unwrap();
        let missing = &found[0]["missing"];
        assert_eq!(missing["timestamps"], serde_json::json!({"have": 0, "need": 1}), "{said}");

        renew(&all, ca, "tsa.pem");
        let pending = all.place.path("both.txt.xzc.pending");
        all.place.expect(0, &["collect", text(&pending), "--url", &all.url(0), "--timeout", "60"]);
    });
    files.extend([before, one_expired, both_expired]);
    all_are_certified(all, &[0, 1, 2, 3], &files);
}

fn when_the_revocation_list_runs_out_nothing_is_sealed_until_there_is_a_new_one() {
    let (mut all, expires_ms) = old_alliance(LIST_MS);
    let (court, ca) = (0, 3);
    // An institution whose own certificate expires, later, needs new lists no less: to judge the others' seals.
    let court_expires_ms = expires_ms + 15_000;
    renew_until(&all, court, "seal.pem", court_expires_ms);
    // The authority's institution is away, and with it whoever renews the list.
    all.start(&[0, 1, 2]);
    all.wait_live(&[0, 1, 2]);
    let file = |name: &str| all.place.file(name, name.as_bytes());
    let (before, run_out) = (file("before.txt"), file("run-out.txt"));
    all.deposit(0, 0, &before);
    says(&all, 0, "it is not being renewed");
    let mut files = Load::during(&all, &[0, 1], || {
        wait_until(expires_ms);
        let args = ["deposit", text(&run_out), "--url", &all.url(0), "--timeout", "4", "--json"];
        assert_eq!(all.place.run(&args).status.code(), Some(3));
        for at in 0..3 {
            says(&all, at, "HAS RUN OUT");
            says(&all, at, "SEALS NOTHING");
        }
    });
    wait_until(court_expires_ms);
    all.start(&[ca]);
    all.wait_live(&[ca]);
    for at in 1..4 {
        wait_seals(&all, at, true);
    }
    all.wait(court, "takes the new list", |status| {
        let expiries = status["expiries"].as_array().into_iter().flatten();
        let mut lists = expiries.filter(|expiry| expiry["what"] == "revocation-list");
        lists.next().is_some_and(|list| list["standing"] == "good")
    });
    // The court's certificate had expired when the new list was made: what it sealed before is certified anew with the list of that time.
    let url = all.url(1);
    let found = all.place.expect(0, &["find", "--file", text(&before), "--url", &url, "--json"]);
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    let index = found[0]["index"].as_str().unwrap().parse().unwrap();
    let client = xiezhi_client::Client::new(&url).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let anew = runtime.block_on(client.certificate(xiezhi_types::LogIndex(index), None)).unwrap();
    let anew = all.place.file("anew.xzc", &anew);
    all.place.expect(0, &["trust", "add", text(&all.place.path("alliance/genesis.cbor")), "--yes"]);
    all.place.expect(0, &["verify", "--record-only", text(&anew)]);
    files.extend([before, run_out]);
    all_are_certified(all, &[0, 1, 2, 3], &files);
}

fn when_the_root_expires_nothing_is_sealed_and_old_certificates_stay_valid() {
    let (mut all, expires_ms) = old_alliance(ROOT_MS);
    for at in 0..4 {
        // Until the root's last second: none outlives it.
        renew(&all, at, "seal.pem");
    }
    all.start(&[0, 1, 2, 3]);
    all.wait_live(&[0, 1, 2, 3]);
    let file = |name: &str| all.place.file(name, name.as_bytes());
    let (before, after) = (file("before.txt"), file("after.txt"));
    all.deposit(0, 0, &before);
    says(&all, 0, "the root");
    wait_until(expires_ms);
    let args = ["deposit", text(&after), "--url", &all.url(0), "--timeout", "4", "--json"];
    assert_eq!(all.place.run(&args).status.code(), Some(3));
    says(&all, 0, "THE ROOT");
    says(&all, 0, "SEALS NOTHING");
    all_are_certified(all, &[0, 1, 2, 3], &[before]);
}

/// Most of each is waiting for a date: they wait at the same time.
#[test]
fn what_expires_stops_only_what_it_must() {
    std::thread::scope(|scope| {
        scope.spawn(an_expired_seal_does_not_count_and_old_certificates_stay_valid);
        scope.spawn(when_a_time_stamp_authority_expires_the_other_stands_in);
        scope.spawn(when_the_revocation_list_runs_out_nothing_is_sealed_until_there_is_a_new_one);
        scope.spawn(when_the_root_expires_nothing_is_sealed_and_old_certificates_stay_valid);
    });
}
