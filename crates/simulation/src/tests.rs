//! Seeds played.

use std::{collections::BTreeSet, path::Path};

use xiezhi_consensus::simulation::World;

use crate::{
    alliance::START_MS,
    byzantine::Lie,
    cluster::{Cluster, Pause},
    schedule::Schedule,
};

/// Most bytes of a message between nodes.
const MESSAGE_BYTES_MAX: usize = 4 << 20;
/// The seeds of an ordinary run, in which everything occurs that can.
const FIRST: u64 = 21;
const SEEDS: u64 = 20;

/// What came of a seed.
#[derive(Debug, PartialEq, Eq)]
struct Played {
    fingerprint: String,
    records: usize,
    acknowledged: usize,
    sealed: u64,
    crashes: u64,
    stopped: u64,
    /// Terms after the first, what changed with them, how often nodes went over to another part.
    terms: usize,
    kinds: BTreeSet<&'static str>,
    overs: u64,
    /// Why statements of institutions were refused.
    refusals: BTreeSet<&'static str>,
}

/// The stores lose what a test says they lose, so that they can lie in memory where there is such a place.
fn directory() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

fn play(schedule: Schedule) -> Result<Played, String> {
    let dir = directory();
    let seed = schedule.seed;
    let mut cluster = Cluster::new(schedule, dir.path());
    let keys: Vec<_> = cluster.alliance.consensus_keys().into_iter().map(|(_, key)| key).collect();
    let mut world = World::new(seed, START_MS, &keys, MESSAGE_BYTES_MAX);
    loop {
        let (pause, after) = world.run(async |stage| cluster.live(stage).await);
        world = after;
        match pause? {
            Pause::PowerCut => cluster.power_failed(),
            Pause::Done => break,
        }
    }
    Ok(Played {
        fingerprint: world.fingerprint().to_owned(),
        records: cluster.checks.log.len(),
        acknowledged: cluster.checks.acknowledged.len(),
        sealed: cluster.checks.sealed,
        crashes: cluster.crashes,
        stopped: cluster.stopped,
        terms: cluster.checks.terms.decided.len() - 1,
        kinds: cluster.checks.terms.kinds,
        overs: cluster.overs,
        refusals: cluster.refusals,
    })
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

#[test]
fn nothing_is_lost_forked_or_stuck_under_any_seed() {
    if let Ok(filter) = std::env::var("XIEZHI_SIM_LOG") {
        tracing_subscriber::fmt().with_env_filter(filter).without_time().init();
    }
    let first = number("XIEZHI_SIM_SEED").unwrap_or(FIRST);
    let seeds = number("XIEZHI_SIM_SEEDS").unwrap_or(SEEDS);
    let mut sums = [0; 5];
    let (mut kinds, mut refusals) = (BTreeSet::new(), BTreeSet::new());
    for seed in first..first + seeds {
        let schedule = Schedule::of(seed);
        match play(schedule.clone()) {
            Ok(played) => {
                println!("seed {seed}: {played:?} {:?}", schedule.liar);
                assert_eq!(played.records as u64, played.sealed);
                kinds.extend(played.kinds);
                refusals.extend(played.refusals);
                let counts = [
                    played.records as u64,
                    played.acknowledged as u64,
                    played.crashes,
                    played.stopped,
                    played.terms as u64,
                ];
                sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
            }
            Err(reason) => panic!("XIEZHI_SIM_SEED={seed}: {reason}\n{schedule:?}"),
        }
    }
    let [records, acknowledged, crashes, stopped, terms] = sums;
    println!(
        "{seeds} seeds from {first}: {records} records, {acknowledged} acknowledged, {crashes} crashes, \
         {stopped} stopped for want of room, {terms} terms by {kinds:?}, refused {refusals:?}"
    );
    if (first, seeds) == (FIRST, SEEDS) {
        // Every kind of change is decided; a term that must not be, and the vote of whoever has no seat, are asked for.
        assert_eq!(kinds, ["invite", "policy", "readmit", "remove", "rotate", "suspend"].into());
        let refused = ["governance-term-not-allowed", "governance-not-a-member"];
        assert!(refused.iter().all(|code| refusals.contains(code)), "{refusals:?}");
    }
}

/// An ordinary run has every fault and every lie in it.
#[test]
fn the_ordinary_seeds_hold_every_fault() {
    let mut lies = BTreeSet::new();
    let mut faults = BTreeSet::new();
    let name = |debug: String| debug.split(['(', ' ']).next().unwrap().to_owned();
    for schedule in (FIRST..FIRST + SEEDS).map(Schedule::of) {
        lies.extend(schedule.liar.map(|(_, lie)| name(format!("{lie:?}"))));
        faults.extend(schedule.events.iter().map(|(_, event)| name(format!("{event:?}"))));
    }
    assert_eq!(lies.len(), Lie::ALL.len(), "{lies:?}");
    assert_eq!(faults.len(), 10, "{faults:?}");
}

/// A partition between a block's votes and its finalization: the block hung for a minute.
#[test]
fn a_block_left_behind_by_a_view_is_followed_at_once() {
    for seed in [200_110, 200_236, 200_353] {
        if let Err(reason) = play(Schedule::in_one_term(seed)) {
            panic!("seed {seed}: {reason}");
        }
    }
}

/// An invited institution asked for ever a peer that was behind itself, and never took its seat.
#[test]
fn a_member_that_follows_passes_over_peers_that_have_nothing() {
    let played = play(Schedule::of(87)).unwrap_or_else(|reason| panic!("{reason}"));
    assert!(played.kinds.contains("invite"), "{played:?}");
}

#[test]
fn a_seed_replays_exactly() {
    for seed in [3, 4] {
        assert_eq!(play(Schedule::of(seed)), play(Schedule::of(seed)), "seed {seed}");
    }
}
