//! How long a snapshot takes: `cargo run --release -p xiezhi-store --example join -- FROM TO`.
//!
//! FROM is a store that the example `scale` filled. Takes the snapshot of its tip into TO, in one process and without a network: every tile is read,
//! checked and written as it is when it comes from another node.

use std::{path::Path, time::Instant};

use xiezhi_ledger::{
    StateTree,
    fixtures::{LEDGER, genesis},
};
use xiezhi_merkle::TileId;
use xiezhi_store::{Sealed, Store, TileSource, TreeKind};

const CACHE_BYTES: u64 = 64 << 20;

struct From<'a>(&'a Store);

impl TileSource for From<'_> {
    fn tile(&self, tree: TreeKind, id: TileId, _holds: &dyn Fn(&[u8]) -> bool) -> Result<Vec<u8>, String> {
        self.0.tile(tree, id.level(), id.index(), id.width()).map_err(|error| error.to_string())
    }
}

fn main() {
    let mut args = std::env::args().skip(1);
    let (Some(from), Some(to)) = (args.next(), args.next()) else {
        eprintln!("join FROM TO");
        std::process::exit(2);
    };
    let open = |dir: &str| Store::open(Path::new(dir), &genesis(), LEDGER, CACHE_BYTES).expect("a store");
    let (source, store) = (open(&from), open(&to));
    let tip = source.tip();
    let checkpoint = source.checkpoint_at_most(tip.height).expect("readable").expect("records").checkpoint;
    let begun = Instant::now();
    store.begin_snapshot(&genesis()).expect("begun");
    let state = StateTree::new(&source).entries(tip.state, [0; 32], usize::MAX).expect("a state");
    store.adopt_state(state).expect("taken");
    let mut tiles = 0;
    for tree in [TreeKind::Sha256, TreeKind::Sm3] {
        store.adopt_edge(tree, &checkpoint, |id| From(&source).tile(tree, id, &|_| true)).expect("taken");
        for level in (1..8).rev() {
            let below = tip.size.0.checked_shr(8 * u32::from(level)).unwrap_or(0);
            for index in 0..below.div_ceil(256) {
                tiles += store.adopt_tiles(tree, level, index, &From(&source)).expect("taken");
            }
        }
    }
    store.finish_snapshot(&Sealed { checkpoint: &checkpoint, seals: &[], stamps: &[] }).expect("whole");
    let spent = begun.elapsed();
    let size = tip.size.0;
    println!("| records | tiles | s | bytes/record here | bytes/record there |\n|---|---|---|---|---|");
    println!(
        "| {size} | {tiles} | {:.1} | {:.0} | {:.0} |",
        spent.as_secs_f64(),
        store.disk_bytes() as f64 / size as f64,
        source.disk_bytes() as f64 / size as f64
    );
}
