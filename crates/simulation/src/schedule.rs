//! What happens when: everything follows from the seed.

use crate::{
    alliance::{MAY_LIE, NODES},
    byzantine::Lie,
};

/// Numbers that follow from a seed: SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(crate) fn node(&mut self) -> usize {
        self.below(NODES as u64) as usize
    }

    pub(crate) fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }
}

/// One thing that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// Somebody deposits something at this node, and at the second one too.
    Deposit(usize, Option<usize>),
    Crash(usize),
    Restart(usize),
    FillDisk(usize),
    /// Nodes with their bit set hear only each other, and so do the rest.
    Partition(u8),
    /// One direction between two nodes is cut.
    Deaf(usize, usize),
    /// All links: delay, jitter in milliseconds, loss in percent.
    Links(u64, u64, u8),
    /// A node's clock is off by this many milliseconds.
    Skew(usize, i64),
    /// The power fails everywhere; all nodes start again.
    PowerCut,
}

#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    pub(crate) seed: u64,
    pub(crate) liar: Option<(usize, Lie)>,
    /// Time from the beginning in milliseconds, rising, and what happens then.
    pub(crate) events: Vec<(u64, Event)>,
    /// When all faults end.
    pub(crate) heal_ms: u64,
}

impl Schedule {
    pub(crate) fn of(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let liar = chance.percent(60).then(|| {
            let node = MAY_LIE[chance.below(MAY_LIE.len() as u64) as usize];
            (node, Lie::ALL[chance.below(Lie::ALL.len() as u64) as usize])
        });
        let heal_ms = 8_000 + chance.below(10_000);
        let mut events = Vec::new();
        for _ in 0..10 + chance.below(20) {
            let second = chance.percent(20).then(|| chance.node());
            events.push((chance.below(heal_ms), Event::Deposit(chance.node(), second)));
        }
        for _ in 0..2 + chance.below(7) {
            let at = chance.below(heal_ms);
            let node = chance.node();
            match chance.below(9) {
                0 | 1 => {
                    events.push((at, Event::Crash(node)));
                    events.push((at + 200 + chance.below(4_000), Event::Restart(node)));
                }
                2 => {
                    events.push((at, Event::FillDisk(node)));
                    events.push((at + 1_000 + chance.below(4_000), Event::Restart(node)));
                }
                3 | 4 => events.push((at, Event::Partition(chance.below(16) as u8))),
                5 => events.push((at, Event::Deaf(node, (node + 1 + chance.below(3) as usize) % NODES))),
                6 => {
                    let (delay, loss) = (1 + chance.below(300), chance.below(30) as u8);
                    events.push((at, Event::Links(delay, chance.below(delay), loss)));
                }
                7 => {
                    let most = if chance.percent(50) { 1_800 } else { 20_000 };
                    let off = chance.below(2 * most) as i64 - most as i64;
                    events.push((at, Event::Skew(node, off)));
                }
                _ => events.push((at, Event::PowerCut)),
            }
        }
        events.retain(|(at, _)| *at < heal_ms);
        events.sort_by_key(|(at, _)| *at);
        Self { seed, liar, events, heal_ms }
    }

    /// The institutions that keep to the rules.
    pub(crate) fn honest(&self) -> Vec<usize> {
        (0..NODES).filter(|node| self.liar.is_none_or(|(liar, _)| liar != *node)).collect()
    }
}
