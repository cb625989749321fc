//! What follows from the log entry by entry: the index and the state tree's nodes and values; and tiles outside the trees.

use std::collections::BTreeMap;

use crate::{
    Note, Progress, Stage,
    check::Pass,
    finding::{Object, Source, code},
    layout::{IndexEntry, NO_ITEM, Space},
    ordered::unreadable,
    records::Records,
    state,
    sums::{Sums, Unequal},
};

/// Entries held at once when sets differ.
const ENTRIES_MAX: u64 = 500_000;
/// Progress is told every so many entries.
const TOLD_EVERY: u64 = 4_096;

/// The keyspaces that hold the index.
const INDEX: [Space; 2] = [Space::Find, Space::Digests];

/// Entries by key.
type Entries = BTreeMap<Vec<u8>, Vec<u8>>;

/// Compares index and state with what the log implies, and looks for tiles outside the trees.
pub(crate) fn compare(pass: &mut Pass<'_>, progress: &mut dyn FnMut(Progress)) {
    let total = pass.index.count() + pass.state.count();
    let mut done = 0;
    let mut tell = |counted: u64| {
        done += counted;
        progress(Progress { stage: Stage::Index, done: done.min(total), total });
    };
    if pass.database.has(Space::Log) {
        compare_index(pass, &mut tell);
        compare_state(pass, &mut tell);
        stray_tiles(pass);
    }
    tell(total);
}

/// Adds the entries of `spaces` up; `None` when the database cannot read one.
fn stored_sums(
    pass: &mut Pass<'_>,
    spaces: &[Space],
    mut counts: impl FnMut(&mut Pass<'_>, &[u8], &[u8]) -> bool,
    tell: &mut dyn FnMut(u64),
) -> Option<Sums> {
    let mut sums = pass.index.empty();
    let mut untold = 0;
    let all = spaces.iter().flat_map(|space| pass.database.scan(*space, &[]).map(move |pair| (*space, pair)));
    for (space, pair) in all {
        match pair {
            Ok((key, value)) => {
                if counts(pass, &key, &value) {
                    sums.add(&key, &value);
                }
            }
            Err(error) => {
                unreadable(pass.database, pass.findings, space, &error);
                if pass.database.has(space) {
                    let detail = format!("keyspace {}", space.name());
                    pass.notes.push(Note { code: Note::NOT_COMPARED, detail });
                }
                return None;
            }
        }
        untold += 1;
        if untold == TOLD_EVERY {
            tell(std::mem::take(&mut untold));
        }
    }
    tell(untold);
    Some(sums)
}

/// Whether the log says anything of this entry: of lost records it does not, nor of digests that were not to be there yet.
fn is_decided(pass: &Pass<'_>, entry: &IndexEntry) -> bool {
    if entry.item.is_some() && entry.index >= pass.indexed {
        return false;
    }
    // Every lost record is among those whose items are.
    let of_item = entry.item.is_some_and(|item| item != NO_ITEM);
    let lost = if of_item { &pass.items_damaged } else { &pass.damaged };
    !lost.contains(entry.index)
}

fn compare_index(pass: &mut Pass<'_>, tell: &mut dyn FnMut(u64)) {
    let counts = |pass: &mut Pass<'_>, key: &[u8], value: &[u8]| match IndexEntry::read(key, value) {
        Some(entry) => is_decided(pass, &entry),
        None => true,
    };
    let Some(stored) = stored_sums(pass, &INDEX, counts, tell) else { return };
    pass.report.index_entries = stored.count();
    let unequal = pass.index.unequal(&stored, ENTRIES_MAX);
    if unequal.is_empty() {
        return;
    }
    let mut implied = Entries::new();
    let mut twice = Vec::new();
    let mut records = Records::new(pass.database);
    for index in 0..pass.report.records {
        if pass.damaged.contains(index) {
            continue;
        }
        records.load(index, |_| {}).index_entries(index, pass.indexed, &mut |key, value| {
            if unequal.contains(key) && implied.insert(key.to_vec(), value.to_vec()).is_some() {
                twice.push(index);
            }
        });
    }
    for index in twice {
        pass.findings.add(Object::record(index), code::RECORD_DUPLICATE, Source::Peers, "");
        pass.cut_good(index);
    }
    let codes = [code::INDEX_MISSING, code::INDEX_STRAY, code::INDEX_DIFFERS];
    let name = |key: &[u8], value: &[u8]| {
        let entry = IndexEntry::read(key, value);
        Object::Index(entry.map_or_else(|| hex::encode(key), |entry| entry.name))
    };
    let is_known = |pass: &Pass<'_>, key: &[u8], value: &[u8]| {
        IndexEntry::read(key, value).is_none_or(|entry| is_decided(pass, &entry))
    };
    name_differences(pass, &INDEX, implied, &unequal, codes, is_known, name);
}

fn compare_state(pass: &mut Pass<'_>, tell: &mut dyn FnMut(u64)) {
    let Some(stored) = stored_sums(pass, &[Space::State], |_, _, _| true, tell) else { return };
    pass.report.state_entries = stored.count();
    if !pass.is_state_known {
        pass.notes.push(Note { code: Note::NOT_COMPARED, detail: "keyspace state".to_owned() });
        return;
    }
    let unequal = pass.state.unequal(&stored, ENTRIES_MAX);
    if unequal.is_empty() {
        return;
    }
    let mut implied = Entries::new();
    pass.accounts.emit_state(&mut |key, value| {
        if unequal.contains(key) {
            implied.insert(key.to_vec(), value.to_vec());
        }
    });
    let codes = [code::STATE_MISSING, code::STATE_STRAY, code::STATE_DIFFERS];
    let name = |key: &[u8], _: &[u8]| Object::State(state::describe(key));
    name_differences(pass, &[Space::State], implied, &unequal, codes, |_, _, _| true, name);
}

/// Names the entries that are missing, stray or different in the unequal buckets.
fn name_differences(
    pass: &mut Pass<'_>,
    spaces: &[Space],
    mut implied: Entries,
    unequal: &Unequal,
    [missing, stray, differs]: [&'static str; 3],
    is_known: impl Fn(&Pass<'_>, &[u8], &[u8]) -> bool,
    name: impl Fn(&[u8], &[u8]) -> Object,
) {
    for pair in spaces.iter().flat_map(|space| pass.database.scan(*space, &[])) {
        let Ok((key, value)) = pair else { break };
        if !unequal.contains(&key) || !is_known(pass, &key, &value) {
            continue;
        }
        let code = match implied.remove(&*key) {
            Some(right) if *right == *value => continue,
            Some(_) => differs,
            None => stray,
        };
        pass.findings.add(name(&key, &value), code, Source::Log, "");
    }
    for (key, value) in implied {
        pass.findings.add(name(&key, &value), missing, Source::Log, "");
    }
    pass.findings.more += unequal.left;
}

fn stray_tiles(pass: &mut Pass<'_>) {
    for pair in pass.database.scan(Space::Tiles, &[]) {
        let key = match pair {
            Ok((key, _)) => key,
            Err(error) => return unreadable(pass.database, pass.findings, Space::Tiles, &error),
        };
        if pass.twins.sha256.has(&key) || pass.twins.sm3.has(&key) {
            continue;
        }
        let object = Object::Entry { keyspace: "tiles", key: hex::encode(&key) };
        pass.findings.add(object, code::TILE_STRAY, Source::Log, "");
    }
}
