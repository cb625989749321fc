//! What an archive saves and costs: `cargo run --release -p xiezhi-store --example archive -- STORE DIRECTORY KEEP`.
//!
//! STORE is one that the example `scale` filled; all but the newest KEEP records move to DIRECTORY, which must exist. Then proofs, records and paths of old records
//! are read, each from a piece that was not read before.

use std::{path::Path, time::Instant};

use xiezhi_ledger::fixtures::{LEDGER, genesis};
use xiezhi_objects::{Access, Waiting};
use xiezhi_store::{Store, TreeKind};
use xiezhi_types::LogIndex;

/// Old records that are read.
const READ: u64 = 1_000;

fn main() {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let [store, directory, keep] = args.as_slice() else {
        eprintln!("archive STORE DIRECTORY KEEP");
        std::process::exit(2);
    };
    let place = || Waiting::open(&format!("file://{directory}"), &Access::default()).expect("a directory");
    let open = || {
        let opened = Store::open(Path::new(store), &genesis(), LEDGER, 64 << 20).expect("a store");
        opened.attach_archive(place()).expect("attached");
        opened
    };
    let (keep, store) = (keep.parse().expect("a number"), open());
    let (size, before) = (store.tip().size.0, store.disk_bytes());
    let begun = Instant::now();
    while store.archive(keep).expect("moved") > 0 {}
    let (moved, spent) = (store.archived().size, begun.elapsed().as_secs_f64());
    let after = store.disk_bytes();
    println!("| records | moved | records/s | bytes/record before | after |\n|---|---|---|---|---|");
    let per = |bytes: u64| bytes as f64 / size as f64;
    println!("| {size} | {moved} | {:.0} | {:.0} | {:.0} |", moved as f64 / spent, per(before), per(after));
    drop(store);

    let store = open();
    let step = moved / READ;
    let measure = |what: &str, read: &dyn Fn(u64)| {
        let mut took: Vec<_> = (0..READ)
            .map(|at| {
                let begun = Instant::now();
                read(at * step);
                begun.elapsed().as_micros()
            })
            .collect();
        took.sort_unstable();
        println!("{what}: p50 {} µs, p99 {} µs", took[took.len() / 2], took[took.len() * 99 / 100]);
    };
    measure("inclusion, both trees, from the archive", &|index| {
        for tree in [TreeKind::Sha256, TreeKind::Sm3] {
            store.inclusion_path(tree, index, size).expect("a path");
        }
    });
    measure("record, its tile read before", &|index| drop(store.record(LogIndex(index)).expect("a record")));
}
