//! What a log shows of itself: that a newer checkpoint continues an older one, that an entry is in a tree (RFC 9162). Seals are not checked here.

use serde::{Deserialize, Serialize};
use xiezhi_evidence::Checkpoint;
use xiezhi_merkle::{Hash, Sha256, Sm3, TreeHash as _, verify_consistency, verify_inclusion};

use crate::{
    deposit::{bytes, fixed},
    read,
};

/// Checkpoints in their encoding and the hashes of the paths between them in both trees; all in hexadecimal digits.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Between {
    old: String,
    new: String,
    sha256: Vec<String>,
    sm3: Vec<String>,
}

/// Sizes of the log, in decimal.
#[derive(Debug, Serialize)]
pub(crate) struct Continued {
    ledger: String,
    old: String,
    new: String,
}

/// An entry and its path, in hexadecimal digits; numbers in decimal.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Within {
    leaf: String,
    index: String,
    size: String,
    path: Vec<String>,
    root: String,
}

/// The root, in hexadecimal digits.
#[derive(Debug, Serialize)]
pub(crate) struct Root {
    root: String,
}

fn hashes(field: &str, path: &[String]) -> Result<Vec<Hash>, String> {
    path.iter().map(|hash| fixed(field, hash)).collect()
}

fn checkpoint(field: &str, text: &str) -> Result<Checkpoint, String> {
    Checkpoint::parse(&bytes(field, text)?).map_err(|error| format!("{field}: {error}"))
}

/// What two checkpoints and the paths between them show: that the newer log begins with the older one, in both trees.
pub(crate) fn consistency(request: &[u8]) -> Result<Continued, String> {
    let between: Between =
        serde_json::from_slice(request).map_err(|error| format!("the request: {error}"))?;
    let (old, new) = (checkpoint("old", &between.old)?, checkpoint("new", &between.new)?);
    if old.ledger != new.ledger {
        return Err("the checkpoints are of two ledgers".to_owned());
    }
    if old.height > new.height || old.time > new.time {
        return Err("the checkpoint that is called newer is the older one".to_owned());
    }
    let (from, to) = (old.size.0, new.size.0);
    verify_consistency::<Sha256>(
        from,
        to,
        &hashes("sha256", &between.sha256)?,
        &old.root_sha256,
        &new.root_sha256,
    )
    .map_err(|error| format!("sha256: {error}"))?;
    verify_consistency::<Sm3>(from, to, &hashes("sm3", &between.sm3)?, &old.root_sm3, &new.root_sm3)
        .map_err(|error| format!("sm3: {error}"))?;
    Ok(Continued { ledger: new.ledger.to_string(), old: from.to_string(), new: to.to_string() })
}

/// That an entry is at its place in the tree (SHA-256) with the root.
pub(crate) fn included(request: &[u8]) -> Result<Root, String> {
    let within: Within = serde_json::from_slice(request).map_err(|error| format!("the request: {error}"))?;
    let leaf = Sha256::leaf(&bytes("leaf", &within.leaf)?);
    let (index, size) = (read("index", &within.index)?, read("size", &within.size)?);
    let root = fixed("root", &within.root)?;
    verify_inclusion::<Sha256>(&leaf, index, size, &hashes("path", &within.path)?, &root)
        .map_err(|error| error.to_string())?;
    Ok(Root { root: within.root })
}

#[cfg(test)]
mod tests {
    use xiezhi_merkle::Tree;
    use xiezhi_types::{Height, LedgerId, TimestampMs, TreeSize};

    use super::*;

    fn leaves(count: u8) -> (Vec<Hash>, Vec<Hash>) {
        let of = |n: u8| (Sha256::leaf(&[n]), Sm3::leaf(&[n]));
        (0..count).map(of).unzip()
    }

    fn at(size: u8, ledger: u8) -> String {
        let (sha256, sm3) = leaves(size);
        let checkpoint = Checkpoint {
            ledger: LedgerId([ledger; 32]),
            height: Height(u64::from(size)),
            time: TimestampMs(u64::from(size)),
            size: TreeSize(u64::from(size)),
            root_sha256: Tree::<Sha256>::new(&sha256).root(),
            root_sm3: Tree::<Sm3>::new(&sm3).root(),
            state_root: [0; 32],
        };
        hex::encode(checkpoint.encode())
    }

    /// From two leaves to three the path is the third.
    fn between(old: &str, new: &str, third: u8) -> Vec<u8> {
        let (sha256, sm3) = (Sha256::leaf(&[third]), Sm3::leaf(&[third]));
        let path = |hash: Hash| hex::encode(hash);
        format!(
            r#"{{"old": "{old}", "new": "{new}", "sha256": ["{}"], "sm3": ["{}"]}}"#,
            path(sha256),
            path(sm3)
        )
        .into_bytes()
    }

    #[test]
    fn a_log_that_goes_on_is_told_from_one_that_was_rewritten() {
        let refused = |request: Vec<u8>| consistency(&request).unwrap_err();
        assert!(refused(between(&at(2, 1), &at(3, 1), 7)).contains("sha256"));
        assert!(refused(between(&at(2, 1), &at(3, 2), 2)).contains("two ledgers"));
        assert!(refused(between(&at(3, 1), &at(2, 1), 2)).contains("older"));
        let sm3_only = String::from_utf8(between(&at(2, 1), &at(3, 1), 2)).unwrap();
        let changed = sm3_only.replace(&hex::encode(Sm3::leaf(&[2])), &"00".repeat(32));
        assert!(refused(changed.into_bytes()).contains("sm3"));
        let shown = consistency(&between(&at(2, 1), &at(3, 1), 2)).unwrap();
        assert_eq!((shown.old.as_str(), shown.new.as_str()), ("2", "3"));
    }

    #[test]
    fn an_entry_is_at_its_place_only() {
        let (sha256, _) = leaves(3);
        let tree = Tree::<Sha256>::new(&sha256);
        let path: Vec<_> = tree.inclusion(1).unwrap().iter().map(hex::encode).collect();
        let root = hex::encode(tree.root());
        let within = |leaf: &str, index: u8| {
            format!(
                r#"{{"leaf": "{leaf}", "index": "{index}", "size": "3", "path": {}, "root": "{root}"}}"#,
                serde_json::to_string(&path).unwrap()
            )
        };
        assert_eq!(included(within("01", 1).as_bytes()).unwrap().root, root);
        for (leaf, index) in [("02", 1), ("01", 0), ("01", 2), ("01", 3)] {
            assert!(included(within(leaf, index).as_bytes()).is_err(), "{leaf} at {index}");
        }
    }
}
