//! A node without a vote against upstreams that lie: what it takes is true, or nothing.

#[path = "alliance/mod.rs"]
#[allow(dead_code, reason = "each test binary uses its part")]
mod alliance;

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use alliance::{Depositor, alliance};
use xiezhi_client::Wait;
use xiezhi_evidence::Certificate;
use xiezhi_ledger::{BlockBody, SealedBlock, SealedBlocks, Transaction};
use xiezhi_node::{Node, ObserverConfig, Query, SubmitError, Upstream, UpstreamError};
use xiezhi_types::{Height, LogIndex, TimestampMs};

type Change = fn(&mut SealedBlocks);

/// Answers that were recorded once, changed on their way.
struct Liar {
    honest: SealedBlocks,
    change: Change,
    asked: Mutex<u32>,
}

impl Upstream for Liar {
    fn name(&self) -> String {
        "liar".to_owned()
    }

    fn sealed_blocks(&self, after: Height) -> Result<Vec<u8>, UpstreamError> {
        *self.asked.lock().unwrap() += 1;
        let mut answer = self.honest.clone();
        answer.blocks.retain(|block| block.checkpoint.height > after);
        if !answer.blocks.is_empty() {
            (self.change)(&mut answer);
        }
        Ok(answer.encode())
    }
}

fn observe(genesis: &[u8], dir: &std::path::Path, upstreams: Vec<Arc<dyn Upstream>>) -> Node {
    Node::observe(ObserverConfig {
        name: "acme".parse().unwrap(),
        genesis: genesis.to_vec(),
        data_dir: dir.to_owned(),
        upstreams,
        cache_bytes: 8 << 20,
    })
    .unwrap()
}

async fn wait(what: &str, met: impl Fn() -> bool) {
    let begun = Instant::now();
    while !met() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn with_body(block: &mut SealedBlock, change: impl FnOnce(&mut BlockBody)) {
    let mut body = BlockBody::parse(&block.body).unwrap();
    change(&mut body);
    block.body = body.encode();
}

const LIES: [(&str, Change); 15] = [
    ("a statement left out", |a| with_body(&mut a.blocks[0], |body| drop(body.transactions.pop()))),
    ("a statement twice", |a| {
        with_body(&mut a.blocks[0], |body| body.transactions.push(body.transactions[0].clone()));
    }),
    ("another statement", |a| {
        let other = BlockBody::parse(&a.blocks[1].body).unwrap().transactions;
        with_body(&mut a.blocks[0], |body| body.transactions = other);
    }),
    ("a changed statement", |a| {
        with_body(&mut a.blocks[0], |body| {
            let mut statement = body.transactions[0].statement().to_vec();
            *statement.last_mut().unwrap() ^= 1;
            body.transactions[0] = Transaction::single(&statement);
        });
    }),
    ("another time", |a| with_body(&mut a.blocks[0], |body| body.time = TimestampMs(body.time.0 + 1))),
    ("another height", |a| a.blocks[0].checkpoint.height.0 += 1),
    ("another size", |a| a.blocks[0].checkpoint.size.0 += 1),
    ("another state", |a| a.blocks[0].checkpoint.state_root[0] ^= 1),
    ("another SM3 root", |a| a.blocks[0].checkpoint.root_sm3[0] ^= 1),
    ("too few seals", |a| a.blocks[0].seals.truncate(2)),
    ("one seal often", |a| {
        let first = a.blocks[0].seals[0].clone();
        a.blocks[0].seals = vec![first; 4];
    }),
    ("a seal of another block", |a| a.blocks[0].seals[0] = a.blocks[1].seals[0].clone()),
    ("seals without their chains", |a| a.blocks[0].seals.iter_mut().for_each(|seal| seal.chain.clear())),
    ("no time stamp", |a| a.blocks[0].timestamps.clear()),
    ("a block left out", |a| drop(a.blocks.remove(0))),
];

#[tokio::test(flavor = "multi_thread")]
async fn an_observer_takes_nothing_that_is_not_sealed_and_what_it_takes_it_can_prove() {
    let client = alliance().client();
    let depositor = Depositor::new(9).await;
    let sealed = Wait::Sealed(Duration::from_secs(30));
    client.deposit(depositor.deposit(b"one", None), sealed).await.unwrap();
    let (batch, items) = depositor.batch(&[b"two".to_vec(), b"three".to_vec()]);
    let batch = client.deposit_batch(&batch, &items, sealed).await.unwrap().record;
    let genesis = client.genesis().await.unwrap();
    let answer = client.sealed_blocks(Height(0)).await.unwrap();
    let honest = SealedBlocks::parse(&answer).unwrap();
    assert!(honest.blocks.len() >= 3 && honest.sealed_size >= 3);
    assert_eq!(honest.encode(), answer);

    for (what, change) in LIES {
        let dir = tempfile::tempdir().unwrap();
        let liar = Arc::new(Liar { honest: honest.clone(), change, asked: Mutex::default() });
        let node = observe(&genesis, dir.path(), vec![liar.clone()]);
        wait(what, || node.status().following.unwrap().problem.is_some()).await;
        assert_eq!(node.status().size, 0, "{what}");
        assert!(!node.status().live, "{what}");
        node.stop().await;
    }

    // Beside an honest one a liar does no harm.
    let dir = tempfile::tempdir().unwrap();
    let upstream = |change| -> Arc<dyn Upstream> {
        Arc::new(Liar { honest: honest.clone(), change, asked: Mutex::default() })
    };
    let node = observe(&genesis, dir.path(), vec![upstream(LIES[0].1), upstream(|_| {})]);
    wait("the honest one is followed", || node.status().sealed_size >= honest.sealed_size).await;
    let index = LogIndex(batch.index.0);
    for (index, item) in [(index, None), (index, Some(1)), (LogIndex(0), None)] {
        let certificate = Certificate::parse(&node.certificate(index, item).unwrap()).unwrap();
        let theirs = Certificate::parse(&client.certificate(index, item).await.unwrap()).unwrap();
        assert_eq!(
            (certificate.statement, certificate.checkpoint, certificate.path_sm3, certificate.batch),
            (theirs.statement, theirs.checkpoint, theirs.path_sm3, theirs.batch)
        );
        assert!(!certificate.revocations.is_empty());
    }
    let account = Query::Account(depositor.id);
    assert_eq!(node.find(&account, None, 10).unwrap().len(), 3);
    let refused =
        node.submit(Transaction::single(&depositor.deposit(b"four", None)), Duration::from_secs(1)).await;
    assert!(matches!(refused, Err(SubmitError::Observer { .. })), "{refused:?}");
    // Who follows an observer gets what the observer got.
    let second = SealedBlocks::parse(&node.sealed_blocks(Height(0)).unwrap()).unwrap();
    let what = |blocks: &SealedBlocks| -> Vec<_> {
        blocks.blocks.iter().map(|block| (block.checkpoint.clone(), block.body.clone())).collect()
    };
    assert_eq!(what(&second)[..], what(&honest)[..second.blocks.len()]);
    node.stop().await;
}
