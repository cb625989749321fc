//! Whole nodes on the deterministic runtime and a simulated network.

use super::*;
use crate::{BoxFuture, Config, Era, Peer, public_key};
use commonware_p2p::simulated::{self, Link, Network, Oracle};
use commonware_runtime::{Runner as _, Supervisor as _, deterministic};
use commonware_utils::probability;
use std::sync::atomic::AtomicU64;
use tokio::sync::Notify;

const NODES: u8 = 4;

/// Proposes its own height over and over, remembers what became final.
#[derive(Default)]
struct Counting {
    blocks: std::sync::Mutex<Vec<[u8; 32]>>,
}

impl Application for Counting {
    fn height(&self) -> u64 {
        self.blocks.lock().unwrap().len() as u64
    }

    fn propose(&self, parent: Arc<Block>, _: u64) -> BoxFuture<'_, Option<Bytes>> {
        Box::pin(async move { Some(Bytes::from(vec![parent.height() as u8; 100])) })
    }

    fn verify(&self, parent: Arc<Block>, block: Arc<Block>) -> BoxFuture<'_, bool> {
        Box::pin(async move { block.payload()[..] == [parent.height() as u8; 100] })
    }

    fn finalized(&self, block: Arc<Block>) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            let mut blocks = self.blocks.lock().unwrap();
            assert_eq!(block.height(), blocks.len() as u64 + 1);
            blocks.push(Block::digest(&block));
            Ok(())
        })
    }

    fn message(&self, _: [u8; 32], _: Bytes) {}
}

fn config(node: u8) -> Checked {
    let peer = |node| Peer { public_key: public_key(&[node; 32]), address: ([127, 0, 0, 1], 1).into() };
    Checked::new(&Config {
        namespace: b"simulation".to_vec(),
        signing_seed: [node; 32],
        listen: ([127, 0, 0, 1], 1).into(),
        validators: (0..NODES).map(|node| public_key(&[node; 32])).collect(),
        peers: (0..NODES).map(peer).collect(),
        era: Era::default(),
        storage_dir: "unused".into(),
        genesis_payload: Bytes::new(),
        block_bytes_max: 1024,
        message_bytes_max: 1024,
        timings: Timings::default(),
        worker_threads: 1,
    })
    .unwrap()
}

async fn network(context: &deterministic::Context) -> Oracle<PublicKey, deterministic::Context> {
    let keys: Vec<_> = config(0).participants.into_iter().collect();
    let simulated = simulated::Config {
        max_size: 1 << 20,
        max_peers_per_set: NZUsize!(4),
        disconnect_on_block: true,
        tracked_peer_sets: NZUsize!(1),
    };
    let (network, oracle) = Network::new_with_peers(context.child("network"), simulated, keys.clone()).await;
    network.start();
    let link = Link {
        latency: Duration::from_millis(20),
        jitter: Duration::from_millis(10),
        success_rate: probability!(0.95),
    };
    for from in &keys {
        for to in keys.iter().filter(|to| *to != from) {
            oracle.add_link(from.clone(), to.clone(), link.clone()).await.unwrap();
        }
    }
    oracle
}

async fn start(
    context: &deterministic::Context,
    oracle: &Oracle<PublicKey, deterministic::Context>,
    node: u8,
    application: Arc<Counting>,
) {
    let config = config(node);
    let control = oracle.control(engine_key(&config.public_key).unwrap());
    let register = async |channel: Channel| control.register(channel.number, channel.quota).await.unwrap();
    let links = Links {
        peers: oracle.manager(),
        blocker: control.clone(),
        votes: register(VOTES).await,
        certificates: register(CERTIFICATES).await,
        certificate_requests: register(CERTIFICATE_REQUESTS).await,
        blocks: register(BLOCKS).await,
        block_requests: register(BLOCK_REQUESTS).await,
        messages: register(MESSAGES).await,
    };
    let (outbound_sender, outbound) = mpsc::channel(1);
    let outbound = Arc::new(Mutex::new(outbound));
    let control = Control { outbound, stop: Arc::new(Notify::new()), tip: Arc::new(AtomicU64::new(0)) };
    context.child("node").with_attribute("number", node).spawn(move |context| async move {
        let prefix = format!("node-{node}-");
        let exit = run(context, &prefix, config, links, application, control, oneshot::channel().0).await;
        drop(outbound_sender);
        panic!("node {node} ended: {exit:?}");
    });
}

/// Runs four nodes over lossy links until each has 30 final blocks: their blocks, and the run's fingerprint.
fn simulate(seed: u64) -> (Vec<[u8; 32]>, String) {
    deterministic::Runner::new(
        deterministic::Config::default().with_seed(seed).with_timeout(Some(Duration::from_secs(600))),
    )
    .start(|context| async move {
        let oracle = network(&context).await;
        let nodes: Vec<Arc<Counting>> = (0..NODES).map(|_| Arc::default()).collect();
        for (number, node) in nodes.iter().enumerate() {
            start(&context, &oracle, number as u8, node.clone()).await;
        }
        while nodes.iter().any(|node| node.height() < 30) {
            context.sleep(Duration::from_millis(10)).await;
        }
        let chains: Vec<_> = nodes.iter().map(|node| node.blocks.lock().unwrap()[..30].to_vec()).collect();
        assert!(chains.iter().all(|chain| *chain == chains[0]), "seed {seed}: chains differ");
        (chains[0].clone(), context.auditor().state())
    })
}

#[test]
fn a_simulated_alliance_agrees_and_replays_exactly() {
    for seed in [1, 2] {
        assert_eq!(simulate(seed), simulate(seed), "seed {seed}");
    }
    assert_ne!(simulate(1).1, simulate(2).1);
}
