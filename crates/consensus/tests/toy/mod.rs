//! A ledger of items for the tests: whoever leads proposes what is pending; final items are a list.

#![allow(dead_code, reason = "each test binary uses its part")]

use bytes::Bytes;
use std::{
    collections::{HashMap, HashSet},
    fs::{File, OpenOptions},
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::Notify;
use xiezhi_consensus::{
    Application, Block, BoxFuture, Config, Era, Handle, Peer, StartError, Timings, public_key, start,
};

pub(crate) const BLOCK_BYTES_MAX: usize = 8 << 20;
pub(crate) const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// An application that stores height and digest of each block in a file, or nowhere.
#[derive(Default)]
pub(crate) struct Toy {
    state: Mutex<State>,
    pending_changed: Notify,
    final_changed: Notify,
    handle: OnceLock<Mutex<Option<Handle>>>,
    file: Option<Mutex<File>>,
    /// Height from which on final blocks are refused.
    refuse_from: Option<u64>,
    /// Whether final blocks count as proposed after the start.
    pub(crate) blocks_are_new: AtomicBool,
}

#[derive(Default)]
struct State {
    pending: Vec<Bytes>,
    /// Final items and when they became so here.
    items: HashMap<Bytes, Instant>,
    order: Vec<Bytes>,
    /// Digests of the final blocks from height 1 on.
    blocks: Vec<[u8; 32]>,
    known: HashSet<Bytes>,
}

impl Toy {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn refusing_from(height: u64) -> Arc<Self> {
        Arc::new(Self { refuse_from: Some(height), ..Self::default() })
    }

    /// Remembers its blocks in `path`; what is there already was final in an earlier life.
    pub(crate) fn stored_at(path: &Path) -> Arc<Self> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        let blocks: Vec<[u8; 32]> = bytes.chunks_exact(32).map(|digest| digest.try_into().unwrap()).collect();
        file.set_len(32 * blocks.len() as u64).unwrap();
        let state = Mutex::new(State { blocks, ..State::default() });
        Arc::new(Self { state, file: Some(Mutex::new(file)), ..Self::default() })
    }

    pub(crate) fn attach(&self, handle: Option<Handle>) {
        *self.handle.get_or_init(Mutex::default).lock().unwrap() = handle;
    }

    /// Takes an item and tells the other nodes.
    pub(crate) fn submit(&self, item: Bytes) {
        self.learn(item.clone());
        if let Some(handle) = self.handle.get_or_init(Mutex::default).lock().unwrap().as_ref() {
            let _ = handle.broadcast(item);
        }
    }

    fn learn(&self, item: Bytes) {
        let mut state = self.state.lock().unwrap();
        if !item.is_empty() && state.known.insert(item.clone()) {
            state.pending.push(item);
            drop(state);
            self.pending_changed.notify_one();
        }
    }

    pub(crate) fn blocks(&self) -> Vec<[u8; 32]> {
        self.state.lock().unwrap().blocks.clone()
    }

    pub(crate) fn order(&self) -> Vec<Bytes> {
        self.state.lock().unwrap().order.clone()
    }

    pub(crate) fn final_at(&self, item: &Bytes) -> Option<Instant> {
        self.state.lock().unwrap().items.get(item).copied()
    }

    /// Waits until `done`, at most `limit`.
    pub(crate) async fn until(&self, limit: Duration, done: impl Fn(&Self) -> bool) -> bool {
        let wait = async {
            loop {
                let changed = self.final_changed.notified();
                if done(self) {
                    return;
                }
                let _ = tokio::time::timeout(Duration::from_millis(50), changed).await;
            }
        };
        tokio::time::timeout(limit, wait).await.is_ok()
    }
}

impl Application for Toy {
    fn height(&self) -> u64 {
        self.state.lock().unwrap().blocks.len() as u64
    }

    fn propose(&self, parent: Arc<Block>, views_passed: u64) -> BoxFuture<'_, Option<Bytes>> {
        Box::pin(async move {
            let in_parent = items_of(parent.payload());
            loop {
                let changed = self.pending_changed.notified();
                let mut payload = Vec::new();
                for item in &self.state.lock().unwrap().pending {
                    if !in_parent.contains(item) && payload.len() + 4 + item.len() <= BLOCK_BYTES_MAX {
                        payload.extend_from_slice(&(item.len() as u32).to_be_bytes());
                        payload.extend_from_slice(item);
                    }
                }
                if !payload.is_empty() || views_passed >= 60 {
                    return Some(payload.into());
                }
                changed.await;
            }
        })
    }

    fn verify(&self, parent: Arc<Block>, block: Arc<Block>) -> BoxFuture<'_, bool> {
        Box::pin(async move { block.height() == parent.height() + 1 && block.parent() == parent.digest() })
    }

    fn finalized(&self, block: Arc<Block>) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            if self.refuse_from.is_some_and(|height| block.height() >= height) {
                return Err("the disk is full".into());
            }
            let now = Instant::now();
            if let Some(file) = &self.file {
                let mut file = file.lock().unwrap();
                file.write_all(&block.digest()).and_then(|()| file.sync_data()).map_err(|e| e.to_string())?;
            }
            let mut state = self.state.lock().unwrap();
            assert_eq!(block.height(), state.blocks.len() as u64 + 1, "heights come in order");
            let items = items_of(block.payload());
            state.pending.retain(|item| !items.contains(item));
            for item in items {
                state.known.insert(item.clone());
                if state.items.insert(item.clone(), now).is_none() {
                    state.order.push(item);
                }
            }
            state.blocks.push(block.digest());
            drop(state);
            self.final_changed.notify_waiters();
            Ok(())
        })
    }

    fn is_after_start(&self, _: &Block) -> bool {
        self.blocks_are_new.load(Ordering::Relaxed)
    }

    fn message(&self, _: [u8; 32], bytes: Bytes) {
        self.learn(bytes);
    }
}

fn items_of(payload: &Bytes) -> HashSet<Bytes> {
    let mut items = HashSet::new();
    let mut at = 0;
    while at < payload.len() {
        let length = u32::from_be_bytes(payload[at..at + 4].try_into().unwrap()) as usize;
        items.insert(payload.slice(at + 4..at + 4 + length));
        at += 4 + length;
    }
    items
}

/// Some validators on loopback, each with a directory below one temporary one.
pub(crate) struct Alliance {
    pub(crate) peers: Vec<Peer>,
    pub(crate) dir: std::path::PathBuf,
    pub(crate) timings: Timings,
}

impl Alliance {
    pub(crate) fn new(nodes: u8, dir: &Path) -> Self {
        // All at once, so that no port is given out twice.
        let probes: Vec<_> = (0..nodes).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let addresses = probes.iter().map(|probe| probe.local_addr().unwrap());
        Self::at(&addresses.collect::<Vec<_>>(), dir)
    }

    pub(crate) fn at(addresses: &[SocketAddr], dir: &Path) -> Self {
        let peer = |(node, address): (usize, &SocketAddr)| Peer {
            public_key: public_key(&seed(node as u8)),
            address: *address,
        };
        let timings = Timings { redial: Duration::from_millis(100), ..Timings::default() };
        Self { peers: addresses.iter().enumerate().map(peer).collect(), dir: dir.to_owned(), timings }
    }

    pub(crate) fn config(&self, node: usize) -> Config {
        Config {
            namespace: b"test ledger".to_vec(),
            signing_seed: seed(node as u8),
            listen: self.peers[node].address,
            validators: self.peers.iter().map(|peer| peer.public_key).collect(),
            peers: self.peers.clone(),
            era: Era::default(),
            storage_dir: self.dir.join(format!("node-{node}")),
            genesis_payload: Bytes::new(),
            block_bytes_max: BLOCK_BYTES_MAX,
            message_bytes_max: MESSAGE_BYTES_MAX,
            timings: self.timings,
            worker_threads: 1,
        }
    }

    pub(crate) fn start(&self, node: usize, application: &Arc<Toy>) -> Result<Handle, StartError> {
        let handle = start(self.config(node), application.clone())?;
        application.attach(Some(handle.clone()));
        Ok(handle)
    }
}

pub(crate) fn seed(node: u8) -> [u8; 32] {
    let mut seed = [7; 32];
    seed[0] = node;
    seed
}

pub(crate) fn item(number: u64) -> Bytes {
    Bytes::from(format!("item {number}"))
}
