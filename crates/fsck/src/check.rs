//! The pass over the log: records, items, trees, checkpoints, seals and accounts, block by block.

use std::collections::BTreeSet;

use xiezhi_evidence::{Checkpoint, Genesis};
use xiezhi_types::{Height, InstitutionId, LedgerId, TimestampMs, TreeSize};

use crate::{
    Good, Note, Progress, Report, Stage,
    accounts::Accounts,
    database::{Database, Scan, Unreadable},
    finding::{Findings, Object, Source, code},
    index,
    layout::{Head, Ranges, Space, Tip, height_key, u64_at},
    ordered::unreadable,
    records::{Loaded, Problem, Records},
    signatures::Signatures,
    sums::{Hasher, Sums},
    tip,
    trees::{Leaf, Twins},
    witnesses::Witnesses,
};

/// Progress is told every so many records.
const TOLD_EVERY: u64 = 256;

/// A checkpoint as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) height: u64,
    /// State version and checkpoint, or why they are none.
    pub(crate) content: Result<(u64, Checkpoint), String>,
}

impl Stored {
    fn read(height: u64, value: &[u8]) -> Self {
        let read = || -> Result<_, String> {
            let version = u64_at(value, 0).ok_or("too short")?;
            Ok((version, Checkpoint::parse(&value[8..]).map_err(|e| e.to_string())?))
        };
        Self { height, content: read() }
    }

    fn checkpoint(&self) -> Option<&Checkpoint> {
        self.content.as_ref().ok().map(|(_, checkpoint)| checkpoint)
    }
}

/// Neighbouring records of one block.
struct Block {
    height: u64,
    first: u64,
    stored: Option<Stored>,
    /// Time of its first readable record.
    time: Option<u64>,
    /// Records whose time is the stored checkpoint's.
    on_time: u64,
    /// Records whose time is not; the first few.
    off_time: Vec<u64>,
    /// Whether a record of it is lost or altered.
    is_damaged: bool,
}

/// What is known while the log is read.
pub(crate) struct Pass<'a> {
    pub(crate) database: &'a Database,
    pub(crate) ledger: LedgerId,
    pub(crate) findings: &'a mut Findings,
    pub(crate) notes: &'a mut Vec<Note>,
    pub(crate) report: Report,
    pub(crate) accounts: Accounts<'a>,
    pub(crate) twins: Twins<'a>,
    pub(crate) index: Sums,
    /// Of how many records the index has the digests.
    pub(crate) indexed: u64,
    pub(crate) state: Sums,
    /// Records of which the index may say anything.
    pub(crate) damaged: Ranges,
    /// Records of whose items the index may say anything.
    pub(crate) items_damaged: Ranges,
    /// The last block that was closed, as the log gives it.
    pub(crate) last: Option<(Height, TimestampMs)>,
    /// Whether the accounts so far are all that there are.
    pub(crate) is_state_known: bool,
    witnesses: Witnesses<'a>,
    checkpoints: Checkpoints,
    block: Option<Block>,
    /// Heights of blocks that have no checkpoint and should.
    unmarked: Ranges,
    /// Whether everything so far is what was sealed.
    is_good: bool,
}

/// Stored checkpoints in order; ends at the first that the database cannot read.
struct Checkpoints {
    scan: Scan,
    next: Option<Stored>,
    has_failed: bool,
}

impl Checkpoints {
    fn new(database: &Database) -> Self {
        let mut all = Self { scan: database.scan(Space::Seals, b"c"), next: None, has_failed: false };
        all.advance();
        all
    }

    /// The next one, and steps to the one after it.
    fn advance(&mut self) -> Option<Stored> {
        let taken = self.next.take();
        for pair in self.scan.by_ref() {
            match pair {
                Ok((key, value)) if key.len() == 9 => {
                    self.next = Some(Stored::read(u64_at(&key, 1).unwrap_or_default(), &value));
                    break;
                }
                // The stray key is reported with all others.
                Ok(_) => {}
                Err(_) => self.has_failed = true,
            }
        }
        taken
    }
}

/// Most records beyond those that are there that are looked for: a size that nobody could have written must not keep the check for ever.
const MISSING_MAX: u64 = 1_000_000;

/// How many records the log should have: what two of tip, last checkpoint and log agree on; else the checkpoint's word.
fn expected_size(database: &Database) -> (u64, Option<Tip>) {
    let tip = database.get(Space::Meta, b"tip").ok().flatten().and_then(|value| Tip::read(&value));
    let last = database.last(Space::Seals, b"c").ok().flatten();
    let last = last.and_then(|(_, value)| Stored::read(0, &value).content.ok()).map(|(_, c)| c.size.0);
    let end = match database.last(Space::Log, &[]) {
        Ok(Some((key, _))) => u64_at(&key, 0).and_then(|index| index.checked_add(1)),
        Ok(None) => Some(0),
        Err(_) => None,
    };
    let moved = database.archive.as_ref().map_or(0, |archive| archive.size);
    let end = end.map(|end| end.max(moved));
    let words = [last.or(Some(0).filter(|_| end == Some(0))), tip.map(|tip| tip.size), end];
    let agreed =
        words.iter().flatten().find(|one| words.iter().flatten().filter(|two| two == one).count() > 1);
    let size = agreed.copied().or_else(|| words.into_iter().flatten().next()).unwrap_or(0);
    (size.min((moved + database.entries(Space::Log)).saturating_add(MISSING_MAX)), tip)
}

/// Checks the log, and with it everything that follows from it.
pub(crate) fn run(
    database: &Database,
    genesis: &Genesis,
    ledger: LedgerId,
    now: TimestampMs,
    findings: &mut Findings,
    notes: &mut Vec<Note>,
    progress: &mut dyn FnMut(Progress),
) -> Report {
    let (size, tip) = expected_size(database);
    let hasher = Hasher::new();
    let mut state = Sums::new(&hasher);
    let accounts = Accounts::new(genesis, ledger, &mut |key, value| state.add(key, value));
    let mut pass = Pass {
        database,
        ledger,
        findings,
        notes,
        report: Report::default(),
        accounts,
        twins: Twins::new(database, size),
        index: Sums::new(&hasher),
        indexed: database.indexed(),
        state,
        damaged: Ranges::default(),
        items_damaged: Ranges::default(),
        last: None,
        is_state_known: true,
        witnesses: Witnesses::new(genesis, &ledger),
        checkpoints: Checkpoints::new(database),
        block: None,
        unmarked: Ranges::default(),
        is_good: true,
    };
    pass.report.records = size;
    pass.read_log(size, progress);
    pass.twins.sha256.finish_all(pass.findings);
    pass.twins.sm3.finish_all(pass.findings);
    pass.report.tiles = pass.twins.sha256.tiles + pass.twins.sm3.tiles;
    pass.report.accounts = pass.accounts.count();
    index::compare(&mut pass, progress);
    tip::check(&mut pass, tip, size, now);
    pass.report
}

impl Pass<'_> {
    fn read_log(&mut self, size: u64, progress: &mut dyn FnMut(Progress)) {
        if !self.database.has(Space::Log) {
            return;
        }
        let mut records = Records::new(self.database);
        let mut strays = Vec::new();
        let bad = std::thread::scope(|scope| {
            let mut signatures = Signatures::start(scope);
            for index in 0..size {
                if index % TOLD_EVERY == 0 {
                    progress(Progress { stage: Stage::Log, done: index, total: size });
                }
                let loaded = records.load(index, |key| strays.push(key.to_vec()));
                self.take(index, loaded, &mut signatures);
            }
            self.close(size);
            signatures.finish()
        });
        for index in bad {
            self.findings.add(Object::record(index), code::RECORD_SIGNATURE, Source::Peers, "");
            self.cut_good(index);
        }
        records.finish(&self.items_damaged, self.findings, |key| strays.push(key.to_vec()));
        for key in strays {
            let object = match u64_at(&key, 0).filter(|_| key.len() == 8) {
                Some(index) => Object::record(index),
                None => Object::Entry { keyspace: "log", key: hex::encode(&key) },
            };
            self.findings.add(object, code::RECORD_STRAY, Source::Log, "");
        }
        self.stray_checkpoints();
        progress(Progress { stage: Stage::Log, done: size, total: size });
    }

    /// Takes the record at `index` into trees, accounts and index.
    fn take(&mut self, index: u64, mut loaded: Loaded, signatures: &mut Signatures<'_>) {
        if self.ends_before(index, loaded.head) {
            self.close(index);
        }
        if self.block.is_none() {
            self.open(index, loaded.head);
        }
        if loaded.is_archived {
            loaded.head = self.derived_head(&loaded);
        }
        let leaf = self.twins.push(loaded.bytes(), self.findings);
        let mut problems = std::mem::take(&mut loaded.problems);
        if leaf == Leaf::Altered {
            let detail = problems.iter().find(|(_, code, _)| *code == code::RECORD_MALFORMED);
            let detail = detail.map(|(_, _, detail)| detail.clone()).unwrap_or_default();
            // Whatever else is wrong with it is wrong with other bytes than those that were recorded.
            problems = vec![(Object::record(index), code::RECORD_ALTERED, detail)];
        }
        let is_lost = leaf != Leaf::Sound || loaded.statement.is_none();
        self.check_head(index, loaded.head, &mut problems);
        if is_lost {
            self.damaged.add(index);
            self.items_damaged.add(index);
            if let Some(block) = &mut self.block {
                block.is_damaged = true;
            }
        } else {
            if !loaded.items_whole {
                self.items_damaged.add(index);
            }
            self.count_items(&loaded);
            let sums = &mut self.index;
            loaded.index_entries(index, self.indexed, &mut |key, value| sums.add(key, value));
            if let Some(statement) = loaded.statement.take() {
                let (height, time) = self.place(loaded.head);
                let clock = self.block.as_ref().and_then(|block| block.stored.as_ref());
                let clock = clock.and_then(Stored::checkpoint).map(|checkpoint| checkpoint.time.0);
                let clock = clock.or(loaded.head.map(|head| head.time)).unwrap_or_default();
                match self.accounts.judge(&statement, time, (height, clock)) {
                    Ok(Some(keys)) => signatures.push(index, keys, statement),
                    // The statement that created it may be among the lost ones.
                    Ok(None) if !self.damaged.is_empty() => {}
                    Ok(None) => {
                        let reason = "the account does not exist".to_owned();
                        problems.push((Object::record(index), code::RECORD_NOT_AUTHORIZED, reason));
                    }
                    Err((code, reason)) => problems.push((Object::record(index), code, reason)),
                }
            }
        }
        self.is_good &= problems.is_empty();
        for (object, code, detail) in problems {
            self.findings.add(object, code, Source::Peers, detail);
        }
    }

    /// What an archived record would note: nothing keeps it but the checkpoint.
    fn derived_head(&self, loaded: &Loaded) -> Option<Head> {
        let checkpoint = self.block.as_ref()?.stored.as_ref()?.checkpoint()?;
        let items = match loaded.statement.as_ref()?.body() {
            xiezhi_evidence::Body::Batch(batch) => batch.items,
            _ => 0,
        };
        Some(Head { height: checkpoint.height.0, time: checkpoint.time.0, items })
    }

    /// Height of the block that is being read, and its time where record and checkpoint agree on it.
    fn place(&self, head: Option<Head>) -> (u64, Option<u64>) {
        let Some(block) = &self.block else { return (0, None) };
        let right = block.stored.as_ref().and_then(Stored::checkpoint).map(|c| c.time.0);
        let noted = head.map(|head| head.time);
        (block.height, noted.filter(|noted| right.is_none_or(|right| right == *noted)))
    }

    fn count_items(&mut self, loaded: &Loaded) {
        if let Some(xiezhi_evidence::Body::Batch(batch)) = loaded.statement.as_ref().map(|s| s.body()) {
            self.report.items += u64::from(batch.items);
        }
    }

    /// Compares what the record notes of its block with the block.
    fn check_head(&mut self, index: u64, head: Option<Head>, problems: &mut Vec<Problem>) {
        let (Some(block), Some(head)) = (&mut self.block, head) else { return };
        if head.height != block.height {
            let detail = format!("it notes height {}, its block is {}", head.height, block.height);
            problems.push((Object::record(index), code::RECORD_HEIGHT, detail));
            return;
        }
        let time = *block.time.get_or_insert(head.time);
        let right = block.stored.as_ref().and_then(Stored::checkpoint).map_or(time, |c| c.time.0);
        if head.time == right {
            block.on_time += 1;
        } else {
            block.off_time.push(index);
        }
    }

    /// Whether the block that is being read ends before `index`. Heights noted in records and the checkpoint's size say so; where they disagree,
    /// the root decides.
    fn ends_before(&self, index: u64, head: Option<Head>) -> bool {
        let Some(block) = &self.block else { return false };
        let checkpoint = block.stored.as_ref().and_then(Stored::checkpoint);
        let by_height = head.map(|head| head.height != block.height);
        let by_size = checkpoint.map(|checkpoint| index >= checkpoint.size.0);
        match (by_height, by_size) {
            (Some(one), Some(two)) if one != two => match self.twins.roots() {
                Some((root, _)) => checkpoint.is_some_and(|checkpoint| checkpoint.root_sha256 == root),
                None => two,
            },
            (one, two) => one.or(two).unwrap_or(false),
        }
    }

    /// Begins the block that has the record at `index`, and finds its checkpoint.
    fn open(&mut self, index: u64, head: Option<Head>) {
        let before = self.last.map_or(0, |(height, _)| height.0);
        let noted = head.map(|head| head.height);
        let (mut height, mut stored) = (noted.filter(|height| *height > before), None);
        while let Some(next) = &self.checkpoints.next {
            let at = next.height;
            let is_noted = |height: u64| {
                height > at
                    && matches!(self.database.get(Space::Seals, &height_key(b'c', height)), Ok(Some(_)))
            };
            match noted {
                Some(noted) if noted > before && noted < at => break,
                Some(noted) if is_noted(noted) => {
                    self.findings.add(Object::Checkpoint(at), code::CHECKPOINT_STRAY, Source::Log, "");
                    self.checkpoints.advance();
                }
                _ => {
                    stored = self.checkpoints.advance();
                    height = Some(at);
                    break;
                }
            }
        }
        let height = height.unwrap_or(before.saturating_add(1));
        if stored.is_none() && self.checkpoints.has_failed {
            let content = match self.database.get(Space::Seals, &height_key(b'c', height)) {
                Ok(found) => found.map(|value| Stored::read(height, &value)),
                Err(Unreadable(reason)) => Some(Stored { height, content: Err(reason) }),
            };
            stored = content;
        }
        if stored.is_none() && self.database.has(Space::Seals) {
            self.unmarked.add(height);
            let detail = format!("record {index} notes this height");
            self.findings.add(Object::Checkpoint(height), code::CHECKPOINT_MISSING, Source::Log, detail);
        }
        self.accounts.membership.begin_block(height);
        self.block = Some(Block {
            height,
            first: index,
            stored,
            time: None,
            on_time: 0,
            off_time: Vec::new(),
            is_damaged: false,
        });
    }

    /// Ends the block before the record at `end`: state, checkpoint, seals.
    fn close(&mut self, end: u64) {
        let Some(block) = self.block.take() else { return };
        let stored = block.stored.as_ref().and_then(|stored| stored.content.as_ref().ok());
        let sums = &mut self.state;
        self.accounts.end_block(block.height, &mut |key, value| sums.add(key, value));
        self.settle_state(&block, stored);
        let time = match (stored, block.time) {
            (Some((_, checkpoint)), _) if block.on_time > 0 || block.off_time.is_empty() => checkpoint.time,
            (_, Some(time)) => TimestampMs(time),
            (Some((_, checkpoint)), None) => checkpoint.time,
            (None, None) => TimestampMs(self.last.map_or(0, |(_, time)| time.0.saturating_add(1))),
        };
        let made = self.twins.roots().map(|(root_sha256, root_sm3)| Checkpoint {
            ledger: self.ledger,
            height: Height(block.height),
            time,
            size: TreeSize(end),
            root_sha256,
            root_sm3,
            state_root: match stored {
                Some((_, checkpoint)) if !self.is_state_known => checkpoint.state_root,
                _ => self.accounts.state.root(),
            },
        });
        let other = stored.map(|(_, checkpoint)| checkpoint).filter(|c| Some(*c) != made.as_ref());
        let term = self.accounts.membership.term_at(block.height);
        let collected = self.witnesses.examine(self.database, term, block.height, [made.as_ref(), other]);
        self.report.checkpoints += u64::from(block.stored.is_some());
        self.report.seals += collected.read.0;
        self.report.stamps += collected.read.1;
        let sealed = [collected.seals[0].len(), collected.seals[1].len()];
        self.compare_checkpoint(&block, end, made.as_ref(), sealed);
        self.check_order(&block, time);
        if self.is_good && made.is_some() {
            self.report.good = Some(Good { height: Height(block.height), size: TreeSize(end) });
            self.note_sealed(block.height, &collected.seals[0], collected.stamps[0]);
        }
        if made.is_some() || other.is_some() {
            collected.report(self.findings);
        }
        self.last = Some((Height(block.height), time));
    }

    /// The record at `index` turned out to be bad: what was good up to there ends before it.
    pub(crate) fn cut_good(&mut self, index: u64) {
        if self.report.good.is_none_or(|good| good.size.0 <= index) {
            return;
        }
        let stored = self.database.scan(Space::Seals, b"c").filter_map(Result::ok);
        let stored = stored.filter_map(|(_, value)| Stored::read(0, &value).content.ok());
        let before = stored.map(|(_, checkpoint)| checkpoint).take_while(|c| c.size.0 <= index);
        let heights: Vec<_> = before.map(|c| Good { height: c.height, size: c.size }).collect();
        self.report.good = heights.last().copied();
        self.report.sealed = None;
        for good in heights.iter().rev() {
            let key = height_key(b'c', good.height.0);
            let Ok(Some(value)) = self.database.get(Space::Seals, &key) else { continue };
            let Ok((_, checkpoint)) = Stored::read(good.height.0, &value).content else { continue };
            let truths = [Some(&checkpoint), None];
            let term = self.accounts.membership.term_at(good.height.0);
            let collected = self.witnesses.examine(self.database, term, good.height.0, truths);
            self.note_sealed(good.height.0, &collected.seals[0], collected.stamps[0]);
            if self.report.sealed.is_some() {
                break;
            }
        }
    }

    fn note_sealed(&mut self, height: u64, seals: &BTreeSet<InstitutionId>, stamps: u32) {
        let term = self.accounts.membership.term_at(height);
        if term.policy.is_met(&term.institutions(), seals, stamps) {
            self.report.sealed = Some(Height(height));
        }
    }

    /// A lost record may have created an account: the checkpoint says whether one did.
    fn settle_state(&mut self, block: &Block, stored: Option<&(u64, Checkpoint)>) {
        if !block.is_damaged || !self.is_state_known {
            return;
        }
        let state = &self.accounts.state;
        let agrees = stored.is_some_and(|(version, checkpoint)| {
            *version == state.version() && checkpoint.state_root == state.root()
        });
        if !agrees {
            self.is_state_known = false;
            let detail = format!("from record {} on", block.first);
            self.notes.push(Note { code: Note::STATE_UNKNOWN, detail });
        }
    }

    /// Compares the stored checkpoint with the one that the log makes; `sealed` are the seals that hold over the latter and the former.
    fn compare_checkpoint(&mut self, block: &Block, end: u64, made: Option<&Checkpoint>, sealed: [usize; 2]) {
        let object = Object::Checkpoint(block.height);
        let Some(stored) = &block.stored else {
            self.is_good = false;
            return;
        };
        let (version, checkpoint) = match &stored.content {
            Ok(content) => content,
            Err(reason) => {
                self.is_good &= made.is_some() && sealed[0] > 0;
                return self.findings.add(object, code::CHECKPOINT_MALFORMED, Source::Log, reason);
            }
        };
        let Some(made) = made else { return };
        let mut fields = differences(checkpoint, made);
        if self.is_state_known && *version != self.accounts.state.version() {
            fields.push("state version");
        }
        let is_stored_sealed = sealed[1] > 0 && sealed[0] == 0;
        if fields.is_empty() || (fields == ["time"] && is_stored_sealed) {
            // The checkpoint is right: records with another time are wrong about it.
            for index in &block.off_time {
                self.is_good = false;
                self.findings.add(Object::record(*index), code::RECORD_TIME, Source::Peers, "");
            }
        } else if is_stored_sealed {
            self.is_good = false;
            let object = Object::Records { first: block.first, last: end - 1 };
            let detail = format!("checkpoint {}: {}", block.height, fields.join(", "));
            self.findings.add(object, code::LOG_DIFFERS, Source::Peers, detail);
        } else {
            self.is_good &= sealed[0] > 0;
            self.findings.add(object, code::CHECKPOINT_DIFFERS, Source::Log, fields.join(", "));
        }
    }

    /// Blocks are at least a millisecond apart.
    fn check_order(&mut self, block: &Block, time: TimestampMs) {
        let Some((height, before)) = self.last else { return };
        let (blocks, passed) = (block.height.saturating_sub(height.0), time.0.saturating_sub(before.0));
        if blocks == 0 || passed < blocks {
            let detail = format!("{blocks} blocks and {passed} ms after checkpoint {height}");
            self.findings.add(Object::Checkpoint(block.height), code::CHECKPOINT_ORDER, Source::Log, detail);
        }
    }

    /// Checkpoints, seals and time stamps that belong to no block.
    fn stray_checkpoints(&mut self) {
        while let Some(stored) = self.checkpoints.advance() {
            let object = Object::Checkpoint(stored.height);
            self.findings.add(object, code::CHECKPOINT_STRAY, Source::Log, "");
        }
        let mut last = None;
        let mut has = false;
        for pair in self.database.scan(Space::Seals, &[]) {
            let key = match pair {
                Ok((key, _)) => key,
                Err(error) => {
                    unreadable(self.database, self.findings, Space::Seals, &error);
                    break;
                }
            };
            let height = u64_at(&key, 1);
            let (object, code) = match (key[0], height, key.len()) {
                (b'c', Some(_), 9) => continue,
                (b'k', Some(height), _) => {
                    let name = String::from_utf8_lossy(&key[9..]).into_owned();
                    let institution = crate::witnesses::printable(&name);
                    (Object::Seal { institution, height }, code::SEAL_STRAY)
                }
                (b't', Some(height), _) => {
                    (Object::Stamp { authority: hex::encode(&key[9..]), height }, code::STAMP_STRAY)
                }
                _ => {
                    let key = hex::encode(&key);
                    (Object::Entry { keyspace: "seals", key }, code::ENTRY_STRAY)
                }
            };
            if last != height {
                last = height;
                let key = height_key(b'c', height.unwrap_or_default());
                has = matches!(self.database.get(Space::Seals, &key), Ok(Some(_)) | Err(_))
                    || height.is_some_and(|height| self.unmarked.contains(height));
            }
            if !has || code == code::ENTRY_STRAY {
                self.findings.add(object, code, Source::Log, "");
            }
        }
    }
}

/// Names of the fields in which two checkpoints differ.
fn differences(one: &Checkpoint, two: &Checkpoint) -> Vec<&'static str> {
    let fields = [
        ("ledger", one.ledger != two.ledger),
        ("height", one.height != two.height),
        ("time", one.time != two.time),
        ("size", one.size != two.size),
        ("root under SHA-256", one.root_sha256 != two.root_sha256),
        ("root under SM3", one.root_sm3 != two.root_sm3),
        ("state root", one.state_root != two.state_root),
    ];
    fields.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}
