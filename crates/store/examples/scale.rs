//! How a store behaves as it grows: `cargo run --release -p xiezhi-store --example scale -- DIR RECORDS`.
//!
//! Fills DIR with signed deposits in blocks of 1,000 (ten to a block's account, one in ten in a group) and, at each power of ten and at the
//! end, measures: writing (duplicate look-up and atomic, synced blocks; signing apart), inclusion proofs, look-ups by digest, opening again.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use xiezhi_ledger::{
    Admitted, NewRecord, Outcome, StateView as _,
    fixtures::{Depositor, LEDGER, NOW, digest, genesis},
};
use xiezhi_store::{Search, Store, TreeKind};
use xiezhi_types::{GroupId, LogIndex, TimestampMs};

const BLOCK: u64 = 1000;
const SAMPLES: u64 = 2000;
const CACHE_BYTES: u64 = 64 << 20;

fn original(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

fn deposit(depositors: &[Depositor], number: u64) -> Arc<Admitted> {
    let group = number.is_multiple_of(10).then(|| GroupId((u128::from(number) / 100).to_be_bytes()));
    depositors[usize::try_from(number / 10 % 100).expect("small")].deposit(&original(number), group)
}

/// Deposits `from..to`, a block at a time, signed ahead by two threads.
fn blocks(from: u64, to: u64) -> impl Iterator<Item = Vec<Arc<Admitted>>> {
    let lanes: Vec<_> = (0..2)
        .map(|lane| {
            let (sender, receiver) = mpsc::sync_channel(4);
            std::thread::spawn(move || {
                let depositors: Vec<_> = (0..100).map(Depositor::new).collect();
                for start in (from..to).step_by(usize::try_from(BLOCK).expect("small")).skip(lane).step_by(2)
                {
                    let block = (start..(start + BLOCK).min(to)).map(|number| deposit(&depositors, number));
                    if sender.send(block.collect::<Vec<_>>()).is_err() {
                        return;
                    }
                }
            });
            receiver
        })
        .collect();
    (0..).map_while(move |at: usize| lanes[at % 2].recv().ok())
}

/// Writes until `to` records are there; the time it took, signing apart.
fn fill(store: &Store, to: u64) -> Duration {
    let mut spent = Duration::ZERO;
    for block in blocks(store.tip().size.0, to) {
        let begun = Instant::now();
        let tip = store.tip();
        let known = block.iter().filter(|one| store.is_recorded(&one.id()).expect("readable")).count();
        assert_eq!(known, 0);
        let record = |(at, admitted)| NewRecord { index: LogIndex(tip.size.0 + at), admitted };
        let outcome = Outcome {
            height: tip.height.next(),
            time: TimestampMs(NOW.0 + tip.height.0),
            records: (0..).zip(block).map(record).collect(),
            accounts: BTreeMap::new(),
            alliance: None,
            rejected: Vec::new(),
        };
        store.apply(&outcome).expect("written");
        spent += begun.elapsed();
    }
    spent
}

/// Median and 99th percentile in microseconds of `work` at [`SAMPLES`] places spread over `size` records.
fn sample(size: u64, mut work: impl FnMut(u64)) -> (u64, u64) {
    let mut micros: Vec<_> = (0..SAMPLES)
        .map(|at| {
            let index = at.wrapping_mul(0x9e37_79b9_7f4a_7c15) % size;
            let begun = Instant::now();
            work(index);
            u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX)
        })
        .collect();
    micros.sort_unstable();
    (micros[micros.len() / 2], micros[micros.len() * 99 / 100])
}

fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default().to_owned();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn main() {
    let mut args = std::env::args().skip(1);
    let (Some(dir), Some(Ok(most))) = (args.next(), args.next().map(|count| count.parse::<u64>())) else {
        eprintln!("scale DIR RECORDS");
        std::process::exit(2);
    };
    let mut sizes: Vec<u64> = (4..).map(|power| 10u64.pow(power)).take_while(|size| *size < most).collect();
    sizes.push(most);
    println!(
        "| records | written/s | proof p50, p99 µs | find p50, p99 µs | open ms | resident MiB | bytes/record |"
    );
    println!("|---|---|---|---|---|---|---|");
    let mut store = Store::open(Path::new(&dir), &genesis(), LEDGER, CACHE_BYTES).expect("a store");
    for size in sizes {
        let before = store.tip().size.0;
        let spent = fill(&store, size);
        drop(store);
        let begun = Instant::now();
        store = Store::open(Path::new(&dir), &genesis(), LEDGER, CACHE_BYTES).expect("the store");
        let open_ms = begun.elapsed().as_millis();
        let (proof, proof_p99) = sample(size, |index| {
            for tree in [TreeKind::Sha256, TreeKind::Sm3] {
                store.inclusion_path(tree, index, size).expect("a path");
            }
        });
        let (find, find_p99) = sample(size, |index| {
            let search = Search::Digest(digest(&original(index)));
            assert_eq!(store.search(&search, None, 10).expect("readable").len(), 1);
        });
        let rate = (size - before) as f64 / spent.as_secs_f64();
        let bytes = store.disk_bytes() / size;
        println!(
            "| {size} | {rate:.0} | {proof}, {proof_p99} | {find}, {find_p99} | {open_ms} | {} | {bytes} |",
            resident_mib()
        );
    }
}
