//! One node of four whose system calls fail, injected by strace: it stops and says why, acknowledges nothing that it does not have, and is whole
//! again once the fault is gone. The other three go on.

mod place;

use std::{
    fs::{self, File},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use place::{institutions::Institutions, skipped, text};

/// The institution whose system calls fail.
const FAULTY: usize = 3;
/// How long a node may take to end after its fault.
const ENDING: Duration = Duration::from_secs(20);
/// Deposits in a round.
const DEPOSITS: usize = 4;

/// What fails and how: strace's expression for `inject`, less where it begins, and the last place where it may begin. Each thread counts for itself.
const FAULTS: [(&str, &str, u64); 6] = [
    ("fsync", "error=EIO", 24),
    ("fdatasync", "error=EIO", 6),
    ("pwritev2", "error=ENOSPC", 6),
    ("pwrite64,pwritev2", "error=EIO", 6),
    ("write", "error=ENOSPC", 12),
    ("renameat,rename", "error=EIO", 4),
];

/// Small pseudo-random numbers (Knuth's constants): the places of a seed are always the same.
struct Places(u64);

impl Places {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |value| value.parse().unwrap())
}

fn can_trace() -> bool {
    let traced = Command::new("strace").args(["-D", "-qq", "-o", "/dev/null", "true"]).status();
    traced.is_ok_and(|status| status.success())
}

/// Starts the faulty node under strace; the child is the node itself.
fn start_with(all: &Institutions, calls: &str, fault: &str, errors: &str) -> Child {
    let node = all.place.command(&["node", "--config", &all.config("ca")]);
    let mut command = Command::new("strace");
    command.args(["-D", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null"]);
    command.args(["-e", &format!("trace={calls}"), "-e", &format!("inject={calls}:{fault}")]);
    if calls == "write" {
        // Of all that is written only what goes to the store's journal.
        for journal in fs::read_dir(all.place.path("alliance/ca/data/store")).unwrap() {
            let path = journal.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "jnl") {
                command.args(["-P", text(&path)]);
            }
        }
    }
    command.arg(node.get_program()).args(node.get_args()).current_dir(all.place.path(""));
    for (name, value) in node.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let errors = File::create(all.place.path(errors)).unwrap();
    command.stdout(Stdio::null()).stderr(errors).spawn().unwrap()
}

/// Whether the node ends within `limit`.
fn ends(node: &mut Child, limit: Duration) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < limit {
        if node.try_wait().unwrap().is_some() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    false
}

/// Records in the store of the stopped faulty node, which must be clean.
fn records(all: &Institutions) -> u64 {
    let said = all.place.expect(0, &["fsck", &all.config("ca"), "--json"]);
    let report: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(report["outcome"], "clean", "{said}");
    report["checked"]["records"].as_u64().unwrap()
}

#[test]
fn a_node_whose_system_calls_fail_acknowledges_nothing_that_it_does_not_have() {
    if !can_trace() {
        return skipped("strace is not here or may not trace: no fault injection at system calls");
    }
    let (rounds, seed) = (number("XIEZHI_FAULT_ROUNDS", 6), number("XIEZHI_FAULT_SEED", 1));
    println!("XIEZHI_FAULT_ROUNDS={rounds} XIEZHI_FAULT_SEED={seed}");
    let mut places = Places(seed);
    let mut all = Institutions::found(4);
    all.start(&[0, 1, 2, FAULTY]);
    all.wait_live(&[0, 1, 2, FAULTY]);
    let first = all.place.file("first.txt", b"first");
    all.deposit(0, 0, &first);
    let mut acknowledged = vec![(first, 1)];
    let (mut stopped, mut went_on) = (0, 0);
    for round in 0..rounds {
        let (calls, error, last_place) = FAULTS[round as usize % FAULTS.len()];
        // From a place on for ever, or once: a disk that is gone, and one that stumbles.
        let often = if places.below(3) == 0 { "" } else { "+" };
        let fault = format!("{error}:when={}{often}", 1 + places.below(last_place));
        println!("round {round}: {calls} {fault}");
        all.kill(&[FAULTY]);
        let errors = format!("errors-{round}.txt");
        let mut node = start_with(&all, calls, &fault, &errors);
        let mut last = None;
        for at in 0..DEPOSITS {
            let content = format!("round {round}, deposit {at}");
            let file = all.place.file(&format!("r{round}-{at}.txt"), content.as_bytes());
            let to = if at % 2 == 0 { FAULTY } else { at % 3 };
            let (url, out) = (all.url(to), text(&file).to_owned());
            let output = all.place.run(&["deposit", &out, "--url", &url, "--json", "--timeout", "10"]);
            if to != FAULTY {
                assert!(
                    output.status.success(),
                    "the others go on: {}",
                    String::from_utf8_lossy(&output.stderr)
                );
            }
            if output.status.success() {
                let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
                let index: u64 = said[0]["index"].as_str().unwrap().parse().unwrap();
                if to == FAULTY {
                    last = Some(index);
                }
                acknowledged.push((file, index));
            }
        }
        if ends(&mut node, if often == "+" { ENDING } else { Duration::from_secs(3) }) {
            stopped += 1;
            let said = fs::read_to_string(all.place.path(&errors)).unwrap();
            assert!(
                said.lines().any(|line| !line.trim().is_empty()),
                "round {round}: it ended without a word"
            );
            assert!(!said.contains("panicked at crates"), "round {round}: {said}");
        } else {
            went_on += 1;
            node.kill().unwrap();
            node.wait().unwrap();
        }
        // Alone, before anybody could send it what it lacks, it has what it acknowledged.
        let has = records(&all);
        assert!(last.is_none_or(|last| last < has), "round {round}: {last:?} acknowledged, {has} records");
        all.start(&[FAULTY]);
        let size = all.status(0)["size"].clone();
        all.wait(FAULTY, "has all again", |status| status["size"] == size && status["voting"] == true);
    }
    println!(
        "{} acknowledged; {stopped} times the node stopped, {went_on} times it went on",
        acknowledged.len()
    );
    assert!(stopped > 0, "no fault had an effect");
    let url = all.url(FAULTY);
    for (file, index) in &acknowledged {
        let said = all.place.expect(0, &["find", "--file", text(file), "--url", &url, "--json"]);
        assert!(said.contains(&format!("\"{index}\"")), "{index}: {said}");
    }
    all.wait(FAULTY, "seals again", |status| status["sealed_size"] == status["size"]);
    all.kill(&[0, 1, 2, FAULTY]);
    records(&all);
    all.place.expect(0, &["trust", "add", text(&all.place.path("alliance/genesis.cbor")), "--yes"]);
    for (file, _) in &acknowledged {
        all.place.expect(0, &["verify", text(file), &format!("{}.xzc", text(file))]);
    }
}
