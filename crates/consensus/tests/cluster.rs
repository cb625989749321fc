//! Small alliances on loopback.

mod toy;

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};
use tempfile::TempDir;
use toy::{Alliance, Toy, item, seed};
use xiezhi_consensus::{Config, Era, Exit, Handle, Peer, SendError, StartError, public_key};

const LIMIT: Duration = Duration::from_secs(60);

struct Running {
    alliance: Alliance,
    toys: Vec<Arc<Toy>>,
    handles: Vec<Option<Handle>>,
    _dir: TempDir,
}

impl Running {
    /// Starts the first `started` of four nodes.
    fn new(started: usize) -> Self {
        let dir = TempDir::new().unwrap();
        let alliance = Alliance::new(4, dir.path());
        let mut running =
            Self { alliance, toys: (0..4).map(|_| Toy::new()).collect(), handles: vec![None; 4], _dir: dir };
        (0..started).for_each(|node| running.start(node));
        running
    }

    fn start(&mut self, node: usize) {
        self.handles[node] = Some(self.alliance.start(node, &self.toys[node]).unwrap());
    }

    async fn stop(&mut self, node: usize) {
        self.toys[node].attach(None);
        assert_eq!(self.handles[node].take().unwrap().stop().await, Exit::Stopped);
    }

    async fn stop_all(&mut self) {
        for node in 0..4 {
            if self.handles[node].is_some() {
                self.stop(node).await;
            }
        }
    }

    /// Submits items one after the other at the nodes in turn and waits for each to be final everywhere.
    async fn finalize(&self, numbers: std::ops::Range<u64>) {
        let up: Vec<_> = (0..4).filter(|node| self.handles[*node].is_some()).collect();
        for number in numbers {
            self.toys[up[number as usize % up.len()]].submit(item(number));
            self.await_item(number, &up).await;
        }
    }

    async fn await_item(&self, number: u64, nodes: &[usize]) {
        for node in nodes {
            let there = self.toys[*node].until(LIMIT, |toy| toy.final_at(&item(number)).is_some()).await;
            assert!(there, "item {number} is not final at node {node}");
        }
    }

    fn assert_same(&self, nodes: &[usize]) {
        let longest = nodes.iter().map(|node| self.toys[*node].blocks()).max_by_key(Vec::len).unwrap();
        for node in nodes {
            let blocks = self.toys[*node].blocks();
            assert_eq!(blocks, longest[..blocks.len()], "node {node}");
        }
    }
}

fn files(dir: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for path in files(from) {
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(path, target).unwrap();
        }
    }
}

fn run<F: Future<Output = ()>>(test: F) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

#[test]
fn content_submitted_anywhere_becomes_final_everywhere_in_one_order() {
    run(async {
        let mut running = Running::new(4);
        running.finalize(0..20).await;
        running.assert_same(&[0, 1, 2, 3]);
        let order = running.toys[0].order();
        assert_eq!(order, (0..20).map(item).collect::<Vec<_>>());
        assert!(running.toys.iter().all(|toy| toy.order() == order));
        assert!(running.handles[0].as_ref().unwrap().tip_height() >= 20);
        running.stop_all().await;
    });
}

#[test]
fn a_node_that_forgot_its_votes_follows_in_silence_until_a_new_block_is_final() {
    run(async {
        let mut running = Running::new(4);
        running.finalize(0..10).await;
        running.stop(3).await;
        let dir = running.alliance.config(3).storage_dir;
        fs::remove_dir_all(&dir).unwrap();
        xiezhi_consensus::forget_votes(&dir).unwrap();
        running.toys[3] = Toy::new();
        running.start(3);
        running.finalize(10..20).await;
        running.assert_same(&[0, 1, 2, 3]);

        // It hears, and says nothing: two others and it are no quorum, also after a restart.
        running.stop(2).await;
        running.toys[0].submit(item(20));
        assert!(!running.handles[3].as_ref().unwrap().is_voting());
        let decided = |toy: &Toy| toy.final_at(&item(20)).is_some();
        assert!(!running.toys[0].until(Duration::from_secs(4), decided).await);
        running.stop(3).await;
        running.start(3);
        assert!(!running.toys[0].until(Duration::from_secs(4), decided).await);
        assert!(!running.handles[3].as_ref().unwrap().is_voting());
        running.start(2);
        running.await_item(20, &[0, 1, 2, 3]).await;

        running.toys[3].blocks_are_new.store(true, std::sync::atomic::Ordering::Relaxed);
        let begun = std::time::Instant::now();
        for number in 21.. {
            running.toys[0].submit(item(number));
            running.await_item(number, &[0, 1, 2]).await;
            if running.handles[3].as_ref().unwrap().is_voting() {
                break;
            }
            assert!(begun.elapsed() < LIMIT, "it never votes again");
        }
        // Now it makes a quorum with two others, also after a restart.
        running.stop(2).await;
        running.finalize(1000..1005).await;
        running.stop(3).await;
        running.start(3);
        running.finalize(1005..1010).await;
        assert!(running.handles[3].as_ref().unwrap().is_voting());
        assert!(dir.join("floor").exists() && !dir.join("forgotten").exists());
        running.assert_same(&[0, 1, 3]);
        running.stop_all().await;
    });
}

#[test]
fn a_new_directory_under_an_older_application_has_forgotten_votes() {
    run(async {
        let dir = TempDir::new().unwrap();
        let alliance = Alliance::new(4, dir.path());
        let toy = Toy::stored_at(&dir.path().join("blocks"));
        let handle = alliance.start(0, &toy).unwrap();
        assert!(handle.is_voting());
        handle.stop().await;
        fs::remove_dir_all(alliance.config(0).storage_dir).unwrap();
        fs::write(dir.path().join("blocks"), [1; 32]).unwrap();
        let handle = alliance.start(0, &Toy::stored_at(&dir.path().join("blocks"))).unwrap();
        assert!(!handle.is_voting());
        handle.stop().await;
    });
}

#[test]
fn a_restart_votes_at_once_in_a_new_run_and_the_run_before_stays_closed() {
    run(async {
        let dir = TempDir::new().unwrap();
        let alliance = Alliance::new(4, dir.path());
        let toy = Toy::stored_at(&dir.path().join("blocks"));
        alliance.start(0, &toy).unwrap().stop().await;
        let mut config = alliance.config(0);
        let root = config.storage_dir.clone();
        xiezhi_consensus::forget_votes(&root).unwrap();
        let first = config.clone();
        config.era = Era { restart: 1, parent: [7; 32], base: 3, ..Era::default() };
        xiezhi_consensus::begin_restart(&root, &config.era).unwrap();
        xiezhi_consensus::begin_restart(&root, &config.era).unwrap();
        assert_eq!(xiezhi_consensus::last_restart(&root).unwrap(), Some(config.era));
        let handle = xiezhi_consensus::start(config.clone(), toy.clone()).unwrap();
        assert!(handle.is_voting());
        handle.stop().await;
        assert!(xiezhi_consensus::begin_restart(&root, &config.era).is_err());
        assert!(matches!(xiezhi_consensus::start(first, toy.clone()), Err(StartError::Restarted { .. })));

        // Its directory is lost: what it voted is forgotten.
        fs::remove_dir_all(root.join("era-0.1")).unwrap();
        let handle = xiezhi_consensus::start(config.clone(), toy.clone()).unwrap();
        assert!(!handle.is_voting());
        handle.stop().await;
        config.era.restart = 2;
        xiezhi_consensus::rejoin_restart(&root, &config.era).unwrap();
        let handle = xiezhi_consensus::start(config, toy).unwrap();
        assert!(!handle.is_voting());
        handle.stop().await;

        let noted = fs::read(root.join("restart")).unwrap();
        for at in 0..noted.len() {
            let mut bytes = noted.clone();
            bytes[at] ^= 1;
            fs::write(root.join("restart"), bytes).unwrap();
            let read = xiezhi_consensus::last_restart(&root);
            assert!(!matches!(read, Ok(None)), "byte {at}");
        }
        fs::write(root.join("restart"), &noted[..noted.len() - 1]).unwrap();
        assert!(xiezhi_consensus::last_restart(&root).is_err());
    });
}

#[test]
fn an_era_left_behind_has_forgotten_its_votes_and_leaves_no_half_engine() {
    run(async {
        let dir = TempDir::new().unwrap();
        let alliance = Alliance::new(4, dir.path());
        let toy = Toy::stored_at(&dir.path().join("blocks"));
        alliance.start(0, &toy).unwrap().stop().await;
        let first = alliance.config(0);
        let root = first.storage_dir.clone();
        let later = |number| {
            let mut config = first.clone();
            config.era = Era { number, parent: [7; 32], base: 3, ..Era::default() };
            config
        };
        // What a kill left of an engine that was being removed.
        fs::create_dir_all(root.join("gone/blocks-values")).unwrap();
        let is_voting = async |config: Config| {
            let handle = xiezhi_consensus::start(config, toy.clone()).unwrap();
            let is_voting = handle.is_voting();
            handle.stop().await;
            is_voting
        };
        assert!(is_voting(later(1)).await);
        assert!(!root.join("engine").exists() && !root.join("gone").exists());
        assert!(!is_voting(first.clone()).await, "its engine is gone, and with it the votes of era 0");
        assert!(is_voting(later(1)).await && is_voting(later(2)).await, "those of later eras are not");
        assert!(!is_voting(later(1)).await);
    });
}

#[test]
fn votes_that_a_flipped_bit_made_unreadable_count_as_forgotten() {
    run(async {
        let mut running = Running::new(4);
        running.finalize(0..10).await;
        running.stop(3).await;
        let dir = running.alliance.config(3).storage_dir;
        let whole = dir.with_extension("whole");
        copy(&dir, &whole);
        let journal: Vec<_> = files(&dir.join("engine/simplex-0")).collect();
        let newest = journal.iter().filter(|file| fs::metadata(file).unwrap().len() > 4096).max().unwrap();
        let bytes = fs::read(newest).unwrap();
        let slots = bytes.len() - 12;
        let filled = slots - bytes[4096..slots].iter().rev().position(|byte| *byte != 0).unwrap();
        let mut flips =
            vec![(0, 0), (4, 5), (slots, 3), (slots + 1, 0), (slots + 2, 7), (slots + 6, 1), (slots + 11, 7)];
        flips.extend((4096..filled).step_by(61).map(|at| (at, at % 8)));
        for (at, bit) in flips {
            fs::remove_dir_all(&dir).unwrap();
            copy(&whole, &dir);
            let mut bytes = bytes.clone();
            bytes[at] ^= 1 << bit;
            fs::write(newest, &bytes).unwrap();
            running.start(3);
            assert!(!running.handles[3].as_ref().unwrap().is_voting(), "bit {bit} of byte {at}");
            running.stop(3).await;
        }

        // The rest of the page holds nothing: a node whose votes are whole goes on with them.
        fs::remove_dir_all(&dir).unwrap();
        copy(&whole, &dir);
        running.start(3);
        assert!(running.handles[3].as_ref().unwrap().is_voting());
        running.stop_all().await;
    });
}

#[test]
fn damage_to_the_archive_is_named_and_a_new_directory_makes_up_for_it() {
    run(async {
        let mut running = Running::new(4);
        running.finalize(0..10).await;
        running.stop(3).await;
        let dir = running.alliance.config(3).storage_dir;
        let file = files(&dir.join("engine/blocks-keys")).next().unwrap();
        let mut bytes = fs::read(&file).unwrap();
        bytes[4200] ^= 1;
        fs::write(&file, bytes).unwrap();
        let Err(StartError::Engine { reason }) = running.alliance.start(3, &running.toys[3]) else {
            panic!("it starts from damaged files");
        };
        assert!(reason.contains("archive of blocks"), "{reason}");

        fs::rename(&dir, dir.with_extension("damaged")).unwrap();
        running.start(3);
        assert!(!running.handles[3].as_ref().unwrap().is_voting());
        running.finalize(10..12).await;
        running.assert_same(&[0, 1, 2, 3]);
        running.stop_all().await;
    });
}

#[test]
fn one_absent_of_four_does_not_stop_the_others_and_catches_up_from_nothing() {
    run(async {
        let mut running = Running::new(3);
        running.finalize(0..30).await;
        running.assert_same(&[0, 1, 2]);
        running.start(3);
        running.await_item(29, &[3]).await;
        running.finalize(30..40).await;
        running.assert_same(&[0, 1, 2, 3]);
        running.stop_all().await;
    });
}

#[test]
fn two_absent_of_four_stop_the_alliance_and_one_that_returns_resumes_it() {
    run(async {
        let mut running = Running::new(4);
        running.finalize(0..5).await;
        running.stop(3).await;
        running.stop(2).await;
        running.toys[0].submit(item(5));
        assert!(!running.toys[0].until(Duration::from_secs(3), |toy| toy.final_at(&item(5)).is_some()).await);
        running.start(2);
        running.await_item(5, &[0, 1, 2]).await;
        running.assert_same(&[0, 1, 2]);
        running.stop_all().await;
    });
}

#[test]
fn a_stopped_alliance_continues_its_chain() {
    run(async {
        let mut running = Running::new(4);
        running.finalize(0..10).await;
        running.stop_all().await;
        let before = running.toys[0].blocks();
        for node in 0..4 {
            running.start(node);
        }
        running.finalize(10..20).await;
        assert_eq!(running.toys[0].blocks()[..before.len()], before);
        running.assert_same(&[0, 1, 2, 3]);
        running.stop_all().await;
    });
}

#[test]
fn an_application_that_lost_its_blocks_gets_them_again_from_the_archive() {
    run(async {
        let mut running = Running::new(4);
        running.finalize(0..10).await;
        running.stop(1).await;
        let before = running.toys[1].blocks();
        running.toys[1] = Toy::new();
        running.start(1);
        running.await_item(9, &[1]).await;
        running.finalize(10..15).await;
        assert_eq!(running.toys[1].blocks()[..before.len()], before);
        running.assert_same(&[0, 1, 2, 3]);
        running.stop_all().await;
    });
}

#[test]
fn an_application_that_refuses_a_final_block_ends_its_node_with_the_reason() {
    run(async {
        let mut running = Running::new(3);
        running.toys[3] = Toy::refusing_from(4);
        running.start(3);
        running.toys[0].submit(item(0));
        for number in 1..6 {
            running.await_item(number - 1, &[0, 1, 2]).await;
            running.toys[0].submit(item(number));
        }
        running.await_item(5, &[0, 1, 2]).await;
        let exit = running.handles[3].take().unwrap().ended().await;
        assert!(matches!(&exit, Exit::Failed { reason } if reason.contains("the disk is full")), "{exit:?}");
        assert_eq!(running.toys[3].blocks().len(), 3);
        running.stop_all().await;
    });
}

#[test]
fn a_stranger_is_refused() {
    run(async {
        let mut running = Running::new(4);
        running.finalize(0..3).await;
        // It claims the same ledger with itself as a fifth validator, so only its key can give it away.
        let dir = TempDir::new().unwrap();
        let mut stranger = Alliance::new(1, dir.path());
        let own = Peer { public_key: public_key(&seed(99)), ..stranger.peers[0] };
        stranger.peers = [&running.alliance.peers[..], &[own]].concat();
        let mut config = stranger.config(4);
        config.signing_seed = seed(99);
        let toy = Toy::new();
        let handle = xiezhi_consensus::start(config, toy.clone()).unwrap();
        toy.attach(Some(handle.clone()));
        for number in 1000..1030 {
            toy.submit(item(number));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        running.finalize(3..6).await;
        assert!(running.toys.iter().all(|toy| toy.order() == (0..6).map(item).collect::<Vec<_>>()));
        assert_eq!(toy.blocks().len(), 0);
        handle.stop().await;
        running.stop_all().await;
    });
}

#[test]
fn start_tells_its_errors_apart() {
    run(async {
        let dir = TempDir::new().unwrap();
        let alliance = Alliance::new(4, dir.path());
        let start = |config| xiezhi_consensus::start(config, Toy::new()).map(drop).unwrap_err();

        let mut config = alliance.config(0);
        config.peers.pop();
        assert!(matches!(start(config), StartError::NoAddress { .. }));
        let mut config = alliance.config(0);
        config.validators[1] = config.validators[0];
        assert!(matches!(start(config), StartError::DuplicateValidator { .. }));
        let mut config = alliance.config(0);
        config.peers[1].public_key = [2; 32];
        assert!(matches!(start(config), StartError::InvalidPublicKey { .. }));
        let mut config = alliance.config(0);
        config.timings.absent_after = Duration::from_millis(1);
        assert!(matches!(start(config), StartError::InvalidConfig { .. }));
        let mut config = alliance.config(0);
        config.storage_dir = "/dev/null/nowhere".into();
        assert!(matches!(start(config), StartError::Storage { .. }));

        let toy = Toy::new();
        let handle = alliance.start(0, &toy).unwrap();
        assert!(matches!(start(alliance.config(0)), StartError::AddressInUse { .. }));
        let mut config = alliance.config(0);
        config.listen.set_port(0);
        assert!(matches!(start(config), StartError::StorageInUse { .. }));
        toy.attach(None);
        assert_eq!(handle.stop().await, Exit::Stopped);
        assert_eq!(handle.broadcast(item(0)), Err(SendError::Closed));

        let mut config = alliance.config(0);
        config.genesis_payload = "another".into();
        assert!(matches!(start(config), StartError::ForeignStorage { .. }));
        let mut config = alliance.config(1);
        config.storage_dir = alliance.config(0).storage_dir;
        assert!(matches!(start(config), StartError::ForeignStorage { .. }));
    });
}

#[test]
fn a_killed_alliance_loses_nothing_final_and_continues() {
    let dir = TempDir::new().unwrap();
    let mut before = Vec::new();
    for _ in 0..3 {
        // All four nodes in one process that gets SIGKILL in full swing.
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "alliance_until_killed"])
            .env("XIEZHI_TEST_DIR", dir.path())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let goal = before.len() / 32 + 20;
        let deadline = std::time::Instant::now() + LIMIT;
        while stored(dir.path(), 0).len() / 32 < goal {
            assert!(std::time::Instant::now() < deadline, "no progress");
            assert!(child.try_wait().unwrap().is_none(), "the alliance ended by itself");
            std::thread::sleep(Duration::from_millis(20));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let logs: Vec<_> = (0..4).map(|node| stored(dir.path(), node)).collect();
        let longest = logs.iter().max_by_key(|log| log.len()).unwrap();
        for log in &logs {
            assert_eq!(log[..], longest[..log.len()]);
        }
        assert_eq!(longest[..before.len()], before);
        before = logs[0].clone();
    }
}

/// The digests a killed node's application stored.
fn stored(dir: &Path, node: usize) -> Vec<u8> {
    let mut bytes = fs::read(dir.join(format!("blocks-{node}"))).unwrap_or_default();
    bytes.truncate(bytes.len() / 32 * 32);
    bytes
}

#[test]
#[ignore = "the child of a_killed_alliance_loses_nothing_final_and_continues"]
fn alliance_until_killed() {
    let Ok(dir) = std::env::var("XIEZHI_TEST_DIR") else { return };
    let dir = Path::new(&dir);
    // The parent's end closes when it ends, however it ends.
    std::thread::spawn(|| std::io::stdin().read(&mut [0]).map(|_| std::process::exit(0)));
    run(async {
        let alliance = Alliance::new(4, dir);
        let toys: Vec<_> = (0..4).map(|node| Toy::stored_at(&dir.join(format!("blocks-{node}")))).collect();
        let _handles: Vec<_> = (0..4).map(|node| alliance.start(node, &toys[node]).unwrap()).collect();
        for number in 0u64.. {
            toys[number as usize % 4].submit(format!("{} {number}", std::process::id()).into());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
}
