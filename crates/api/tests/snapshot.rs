//! Beginning with a snapshot whose parts come from nodes that lie: a wrong byte anywhere is refused and named.

#[path = "alliance/mod.rs"]
#[allow(dead_code, reason = "each test binary uses its part")]
mod alliance;

use std::{sync::Arc, time::Duration};

use alliance::{Depositor, alliance};
use xiezhi_client::{Client, Wait};
use xiezhi_ledger::{Snapshot, StateEntries};
use xiezhi_merkle::TileId;
use xiezhi_node::{
    Node, ObserverConfig, Query, QueryError, SnapshotSource, Tree, Upstream, UpstreamError, join,
};
use xiezhi_types::{Height, LogIndex};

/// A node over HTTP whose answers are changed on their way.
struct Source {
    client: Client,
    runtime: tokio::runtime::Handle,
    snapshot: fn(&mut Snapshot),
    state: fn(&mut StateEntries),
    tile: fn(Tree, TileId, &mut Vec<u8>),
}

fn failed(error: impl ToString) -> UpstreamError {
    UpstreamError { reason: error.to_string() }
}

impl SnapshotSource for Source {
    fn name(&self) -> String {
        "source".to_owned()
    }

    fn snapshot(&self) -> Result<Vec<u8>, UpstreamError> {
        let bytes = self.runtime.block_on(self.client.snapshot()).map_err(failed)?;
        let mut snapshot = Snapshot::parse(&bytes).unwrap();
        assert_eq!(snapshot.encode(), bytes);
        (self.snapshot)(&mut snapshot);
        Ok(snapshot.encode())
    }

    fn state_entries(&self, height: Height, from: [u8; 32]) -> Result<Vec<u8>, UpstreamError> {
        let bytes =
            self.runtime.block_on(self.client.state_entries(height, &hex::encode(from))).map_err(failed)?;
        let mut entries = StateEntries::parse(&bytes).unwrap();
        (self.state)(&mut entries);
        Ok(entries.encode())
    }

    fn tile(&self, tree: Tree, id: TileId) -> Result<Vec<u8>, UpstreamError> {
        let asked = if tree == Tree::Sm3 { xiezhi_client::Tree::Sm3 } else { xiezhi_client::Tree::Sha256 };
        let got = self.runtime.block_on(self.client.tile(asked, &id.to_string()));
        let mut bytes = got.map_err(failed)?;
        (self.tile)(tree, id, &mut bytes);
        Ok(bytes)
    }
}

impl Upstream for Source {
    fn name(&self) -> String {
        "source".to_owned()
    }

    fn sealed_blocks(&self, after: Height) -> Result<Vec<u8>, UpstreamError> {
        self.runtime.block_on(self.client.sealed_blocks(after)).map_err(failed)
    }
}

fn honest() -> Source {
    Source {
        client: alliance().client(),
        runtime: tokio::runtime::Handle::current(),
        snapshot: |_| {},
        state: |_| {},
        tile: |_, _, _| {},
    }
}

async fn taken(dir: &std::path::Path, genesis: &[u8], sources: Vec<Source>) -> Result<(Height, u64), String> {
    let (dir, genesis) = (dir.to_owned(), genesis.to_vec());
    let sources: Vec<_> =
        sources.into_iter().map(|source| Arc::new(source) as Arc<dyn SnapshotSource>).collect();
    let joined = tokio::task::spawn_blocking(move || {
        join(genesis, &dir, 8 << 20, &sources, &|_, _| {}).map_err(|error| error.to_string())
    });
    joined.await.unwrap()
}

type Lie = (&'static str, &'static str, fn(&mut Source));

const LIES: [Lie; 17] = [
    ("another height", "the checkpoint", |s| s.snapshot = |a| a.checkpoint.height.0 += 1),
    ("another size", "the checkpoint", |s| s.snapshot = |a| a.checkpoint.size.0 -= 1),
    ("another state", "the checkpoint", |s| s.snapshot = |a| a.checkpoint.state_root[0] ^= 1),
    ("another root", "the checkpoint", |s| s.snapshot = |a| a.checkpoint.root_sha256[0] ^= 1),
    ("another ledger", "the checkpoint", |s| s.snapshot = |a| a.checkpoint.ledger.0[0] ^= 1),
    ("too few seals", "the checkpoint", |s| s.snapshot = |a| a.seals.truncate(2)),
    ("no time stamp", "the checkpoint", |s| s.snapshot = |a| a.timestamps.clear()),
    ("one seal often", "the checkpoint", |s| {
        s.snapshot = |a| {
            let first = a.seals[0].clone();
            a.seals = vec![first; 4];
        };
    }),
    ("a link that is none", "link 1 of the history", |s| s.snapshot = |a| a.history.push(vec![0xa0])),
    ("another version", "the snapshot", |s| s.snapshot = |a| a.version += 1),
    ("a changed account", "the state", |s| {
        s.state = |a| *a.entries.last_mut().unwrap().value.last_mut().unwrap() ^= 1;
    }),
    ("an account more", "the state", |s| {
        s.state = |a| {
            let mut more = a.entries[0].clone();
            more.key_hash = [0xff; 32];
            a.entries.push(more);
        };
    }),
    ("accounts without end", "that the sealed size allows", |s| {
        s.state = |a| {
            let last = a.entries.last().unwrap().key_hash;
            let first = u64::from_be_bytes(last[..8].try_into().unwrap());
            for at in first..first.saturating_add(2_000) {
                let mut more = a.entries[0].clone();
                more.key_hash = [0xff; 32];
                more.key_hash[..8].copy_from_slice(&at.to_be_bytes());
                a.entries.push(more);
            }
            a.more = true;
        };
    }),
    ("an account at another place", "the state", |s| s.state = |a| a.entries[0].key_hash[31] ^= 1),
    ("entries of another height", "the state", |s| s.state = |a| a.height.0 += 1),
    ("a changed tile", "SHA-256", |s| s.tile = |_, _, tile| *tile.last_mut().unwrap() ^= 1),
    ("a changed tile of the twin", "SM3", |s| {
        s.tile = |tree, _, tile| tile[0] ^= u8::from(tree == Tree::Sm3);
    }),
];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_snapshot_that_is_not_sealed_is_taken_and_what_is_taken_can_be_followed() {
    let client = alliance().client();
    let depositor = Depositor::new(11).await;
    let sealed = Wait::Sealed(Duration::from_secs(30));
    client.deposit(depositor.deposit(b"before", None), sealed).await.unwrap();
    let genesis = client.genesis().await.unwrap();

    for (lie, part, change) in LIES {
        let dir = tempfile::tempdir().unwrap();
        let mut liar = honest();
        change(&mut liar);
        let error = taken(dir.path(), &genesis, vec![liar]).await.unwrap_err();
        assert!(error.contains("source: ") && error.contains(part), "{lie}: {error}");
        assert!(!dir.path().join("store").exists(), "{lie}");
        // Beside an honest one it does no harm, and what it left behind does none either.
        let mut liar = honest();
        change(&mut liar);
        taken(dir.path(), &genesis, vec![liar, honest()]).await.unwrap();
    }
    let dir = tempfile::tempdir().unwrap();
    let other = [genesis.clone(), vec![0]].concat();
    assert!(taken(dir.path(), &other, vec![honest()]).await.is_err());

    let (height, size) = taken(dir.path(), &genesis, vec![honest()]).await.unwrap();
    let node = Node::observe(ObserverConfig {
        name: "acme".parse().unwrap(),
        genesis: genesis.clone(),
        data_dir: dir.path().to_owned(),
        upstreams: vec![Arc::new(honest())],
        cache_bytes: 8 << 20,
    })
    .unwrap();
    let after = client.deposit(depositor.deposit(b"after", None), sealed).await.unwrap().record;
    let begun = std::time::Instant::now();
    while node.status().sealed_size <= after.index.0 {
        assert!(begun.elapsed() < Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let status = node.status();
    assert_eq!(status.following.unwrap().kept_from, size);
    assert_eq!(node.latest_sealed().unwrap().checkpoint.ledger, node.ledger());

    // All that is before the snapshot is said not to be kept, never to be missing.
    let not_kept = |what: &str, error: QueryError| {
        assert!(
            matches!(error, QueryError::NotKept { height: h, size: s } if (h, s) == (height, size)),
            "{what}"
        );
    };
    not_kept("record", node.record(LogIndex(0)).unwrap_err());
    not_kept("certificate", node.certificate(LogIndex(0), None).unwrap_err());
    not_kept("receipts", node.receipts(LogIndex(0)).unwrap_err());
    not_kept("entries", node.entries(0, 1).unwrap_err());
    not_kept("item", node.item(LogIndex(0), 0).unwrap_err());
    not_kept("blocks", node.sealed_blocks(Height(0)).unwrap_err());
    not_kept("checkpoint", node.checkpoint(Height(1)).unwrap_err());
    not_kept("checkpoints", node.checkpoints(None, 5).unwrap_err());
    not_kept("all", node.find(&Query::All, None, 5).unwrap_err());
    not_kept("account's", node.find(&Query::Account(depositor.id), None, 5).unwrap_err());
    not_kept("account then", node.account_proof(depositor.id, Some(Height(1))).unwrap_err());
    not_kept("snapshot", node.snapshot(Some(Height(1))).unwrap_err());
    not_kept("statement", node.record_status(&xiezhi_types::StatementId([9; 32])).unwrap_err());

    // What is proven is proven to what the others seal, and who joins here has the same again.
    let theirs = client.inclusion_proof(xiezhi_client::Tree::Sm3, LogIndex(0), Some(size)).await.unwrap();
    let (_, ours) = node.inclusion(Tree::Sm3, LogIndex(0), Some(size)).unwrap();
    assert_eq!(ours.concat(), theirs.path.into_iter().flat_map(|hash| hash.0).collect::<Vec<_>>());
    let certificate = node.certificate(LogIndex(after.index.0), None).unwrap();
    let certificate = xiezhi_evidence::Certificate::parse(&certificate).unwrap();
    let full = client.certificate(LogIndex(after.index.0), None).await.unwrap();
    let full = xiezhi_evidence::Certificate::parse(&full).unwrap();
    assert_eq!(
        (certificate.account, certificate.path_sha256, certificate.checkpoint),
        (full.account, full.path_sha256, full.checkpoint)
    );
    node.account_proof(depositor.id, None).unwrap();
    let again = Snapshot::parse(&node.snapshot(None).unwrap()).unwrap();
    assert!(again.checkpoint.height >= height);
    let state = StateEntries::parse(&node.state_entries(again.checkpoint.height, [0; 32]).unwrap()).unwrap();
    let theirs = client.state_entries(again.checkpoint.height, &"0".repeat(64)).await.unwrap();
    assert_eq!(state.encode(), theirs);
    node.stop().await;
}
