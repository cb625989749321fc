//! What happens when: everything follows from the seed.

use crate::{
    alliance::{MAY_LIE, REGISTRY, Registry},
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

    /// One of `all`.
    fn one<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
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
    /// An institution wants a change of the alliance.
    Want(Wish),
}

/// What the institution of a node wants, until it has said so or cannot have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) node: usize,
    pub(crate) want: Want,
}

/// A change of the alliance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    Suspend(usize),
    Readmit(usize),
    Remove(usize),
    /// The registry is to be a member.
    Invite,
    /// Itself, which is invited, is to be a member.
    Confirm,
    /// Whether the policy is to ask for the notary's seal.
    Policy(bool),
    /// Other keys for itself.
    Rotate,
}

#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    pub(crate) seed: u64,
    /// Whether there is a fifth institution.
    pub(crate) registry: Registry,
    /// Who has a second set of keys.
    pub(crate) rotates: Option<usize>,
    pub(crate) liar: Option<(usize, Lie)>,
    /// Time from the beginning in milliseconds, rising, and what happens then.
    pub(crate) events: Vec<(u64, Event)>,
    /// When all faults end.
    pub(crate) heal_ms: u64,
}

impl Schedule {
    /// Of an even seed in one term, of an odd one in several.
    pub(crate) fn of(seed: u64) -> Self {
        if seed.is_multiple_of(2) { Self::in_one_term(seed) } else { Self::in_many_terms(seed) }
    }

    pub(crate) fn in_one_term(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let liar = liar(&mut chance, &MAY_LIE);
        let heal_ms = 8_000 + chance.below(10_000);
        let events = faults(&mut chance, 4, heal_ms);
        Self { seed, registry: Registry::Absent, rotates: None, liar, events, heal_ms }.in_order()
    }

    pub(crate) fn in_many_terms(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let liar = liar(&mut chance, &[MAY_LIE[0], MAY_LIE[1], REGISTRY]);
        let heal_ms = 10_000 + chance.below(10_000);
        let mut events = faults(&mut chance, 5, heal_ms);
        let honest = |node: &usize| liar.is_none_or(|(liar, _)| liar != *node);
        let rotates = chance.percent(50).then(|| chance.below(5) as usize).filter(honest);
        let registry = if chance.percent(40) { Registry::Invited } else { Registry::Member };
        if registry == Registry::Invited {
            let wish = Wish { node: chance.below(4) as usize, want: Want::Invite };
            events.push((chance.below(heal_ms / 4), Event::Want(wish)));
        }
        for _ in 0..2 + chance.below(4) {
            let at = chance.below(heal_ms * 2 / 3);
            let node = chance.below(5) as usize;
            let target =
                if chance.percent(80) { chance.one(&[0, 2, REGISTRY]) } else { chance.below(5) as usize };
            let want = match chance.below(8) {
                0..=3 => Want::Suspend(target),
                4 => Want::Remove(target),
                5 => Want::Readmit(target),
                _ => Want::Policy(chance.percent(40)),
            };
            events.push((at, Event::Want(Wish { node, want })));
            if matches!(want, Want::Suspend(_)) && chance.percent(70) {
                let (at, node) = (at + 3_000 + chance.below(5_000), chance.below(5) as usize);
                events.push((at, Event::Want(Wish { node, want: Want::Readmit(target) })));
            }
        }
        if let Some(node) = rotates {
            events.push((chance.below(heal_ms), Event::Want(Wish { node, want: Want::Rotate })));
        }
        Self { seed, registry, rotates, liar, events, heal_ms }.in_order()
    }

    fn in_order(mut self) -> Self {
        self.events.retain(|(at, _)| *at < self.heal_ms);
        self.events.sort_by_key(|(at, _)| *at);
        self
    }

    /// The institutions that keep to the rules.
    pub(crate) fn honest(&self) -> Vec<usize> {
        let nodes = if self.registry == Registry::Absent { REGISTRY } else { REGISTRY + 1 };
        (0..nodes).filter(|node| self.liar.is_none_or(|(liar, _)| liar != *node)).collect()
    }
}

fn liar(chance: &mut Chance, may: &[usize]) -> Option<(usize, Lie)> {
    chance.percent(60).then(|| (chance.one(may), chance.one(&Lie::ALL)))
}

/// Deposits, and what goes wrong.
fn faults(chance: &mut Chance, nodes: u64, heal_ms: u64) -> Vec<(u64, Event)> {
    let mut events = Vec::new();
    for _ in 0..10 + chance.below(20) {
        let second = chance.percent(20).then(|| chance.below(nodes) as usize);
        events.push((chance.below(heal_ms), Event::Deposit(chance.below(nodes) as usize, second)));
    }
    for _ in 0..2 + chance.below(7) {
        let at = chance.below(heal_ms);
        let node = chance.below(nodes) as usize;
        match chance.below(9) {
            0 | 1 => {
                events.push((at, Event::Crash(node)));
                events.push((at + 200 + chance.below(4_000), Event::Restart(node)));
            }
            2 => {
                events.push((at, Event::FillDisk(node)));
                events.push((at + 1_000 + chance.below(4_000), Event::Restart(node)));
            }
            3 | 4 => events.push((at, Event::Partition(chance.below(1 << nodes) as u8))),
            5 => {
                let other = (node + 1 + chance.below(nodes - 1) as usize) % nodes as usize;
                events.push((at, Event::Deaf(node, other)));
            }
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
    events
}
