use jmt::{KeyHash, Sha256Jmt, mock::MockTreeStore, proof::SparseMerkleProof};
use serde_json::Value as Json;

use super::*;

const VERSION: u64 = 0;

/// A tree of the crate `jmt` with `entries`.
fn tree(entries: &[(Vec<u8>, Vec<u8>)]) -> (MockTreeStore, Hash) {
    let store = MockTreeStore::default();
    let jmt = Sha256Jmt::new(&store);
    let set = entries.iter().map(|(key, value)| (KeyHash::with::<sha2_10::Sha256>(key), Some(value.clone())));
    let (root, batch) = jmt.put_value_set(set, VERSION).unwrap();
    store.write_tree_update_batch(batch).unwrap();
    (store, root.0)
}

/// The crate's proof of `key` in our form; its fields are private, so it goes through its JSON.
fn proof(store: &MockTreeStore, key: &[u8]) -> (Option<Vec<u8>>, StateProof) {
    let (value, proof) =
        Sha256Jmt::new(store).get_with_proof(KeyHash::with::<sha2_10::Sha256>(key), VERSION).unwrap();
    let json = serde_json::to_value(&proof).unwrap();
    let siblings = json["siblings"].as_array().unwrap().iter().map(node_hash).collect();
    let other = value.is_none().then(|| leaf(&json["leaf"])).flatten();
    let _: &SparseMerkleProof<sha2_10::Sha256> = &proof;
    (value, StateProof { siblings, other })
}

fn bytes(json: &Json) -> Hash {
    let bytes: Vec<u8> = match json {
        Json::String(text) => hex::decode(text).unwrap(),
        other => serde_json::from_value(other.clone()).unwrap(),
    };
    bytes.try_into().unwrap()
}

fn leaf(json: &Json) -> Option<OtherLeaf> {
    (!json.is_null())
        .then(|| OtherLeaf { key_hash: bytes(&json["key_hash"]), value_hash: bytes(&json["value_hash"]) })
}

fn node_hash(json: &Json) -> Hash {
    if let Some(inner) = json.get("Internal") {
        return sha256_parts(&[INTERIOR_DOMAIN, &bytes(&inner["left_child"]), &bytes(&inner["right_child"])]);
    }
    match json.get("Leaf").and_then(leaf) {
        Some(found) => leaf_hash(&found.key_hash, &found.value_hash),
        None => EMPTY,
    }
}

fn entries(count: u32) -> Vec<(Vec<u8>, Vec<u8>)> {
    (0..count).map(|i| (format!("key/{i}").into_bytes(), format!("value {i}").into_bytes())).collect()
}

#[test]
fn proofs_of_the_crate_jmt_hold_here() {
    for count in [1, 2, 3, 10, 300] {
        let entries = entries(count);
        let (store, root) = tree(&entries);
        for (key, value) in &entries {
            let (found, proof) = proof(&store, key);
            assert_eq!(found.as_ref(), Some(value));
            assert_eq!(proof.verify_present(&root, key, value), Ok(()));
            assert_eq!(proof.verify_present(&root, key, b"other"), Err(StateProofError::Root));
            assert!(proof.verify_present(&root, b"other", value).is_err());
            assert!(proof.verify_absent(&root, key).is_err());
        }
        for absent in 0..20 {
            let key = format!("absent/{absent}").into_bytes();
            let (found, proof) = proof(&store, &key);
            assert_eq!(found, None);
            assert_eq!(proof.verify_absent(&root, &key), Ok(()), "{absent} of {count}");
            assert!(proof.verify_present(&root, &key, b"").is_err());
            assert!(proof.verify_absent(&[0; 32], &key).is_err());
        }
    }
}

#[test]
fn a_key_that_is_there_cannot_be_proven_absent_by_its_own_leaf() {
    let entries = entries(10);
    let (store, root) = tree(&entries);
    let (key, value) = &entries[4];
    let (_, mut proof) = proof(&store, key);
    proof.other = Some(OtherLeaf { key_hash: sha256(key), value_hash: sha256(value) });
    assert_eq!(proof.verify_absent(&root, key), Err(StateProofError::OtherKey));
    assert_eq!(proof.verify_present(&root, key, value), Err(StateProofError::OtherKey));
    // Nor by a leaf from elsewhere in the tree.
    let (_, mut elsewhere) = self::proof(&store, b"absent");
    let (other_key, other_value) = &entries[5];
    elsewhere.other = Some(OtherLeaf { key_hash: sha256(other_key), value_hash: sha256(other_value) });
    assert!(elsewhere.verify_absent(&root, b"absent").is_err());
}

#[test]
fn every_changed_sibling_fails_and_the_length_is_bounded() {
    let entries = entries(50);
    let (store, root) = tree(&entries);
    let (key, value) = &entries[7];
    let (_, good) = proof(&store, key);
    for at in 0..good.siblings.len() {
        let mut changed = good.clone();
        changed.siblings[at][31] ^= 1;
        assert_eq!(changed.verify_present(&root, key, value), Err(StateProofError::Root));
        let mut shorter = good.clone();
        shorter.siblings.remove(at);
        assert_eq!(shorter.verify_present(&root, key, value), Err(StateProofError::Root));
    }
    let long = StateProof { siblings: vec![[0; 32]; 257], other: None };
    assert_eq!(long.verify_present(&root, key, value), Err(StateProofError::TooLong { siblings: 257 }));
    let other = Some(OtherLeaf { key_hash: [0; 32], value_hash: [0; 32] });
    let long = StateProof { siblings: vec![[0; 32]; 70_000], other };
    assert!(long.verify_absent(&root, key).is_err());
}

#[test]
fn an_empty_tree_has_nothing() {
    let none = StateProof { siblings: vec![], other: None };
    assert_eq!(none.verify_absent(b"SPARSE_MERKLE_PLACEHOLDER_HASH__", b"key"), Ok(()));
}
