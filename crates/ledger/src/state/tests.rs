use std::collections::BTreeMap;

use super::*;

#[derive(Default)]
struct Memory(BTreeMap<Vec<u8>, Vec<u8>>);

impl StateNodes for Memory {
    fn node(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.0.get(key).cloned())
    }

    fn last_at_most(&self, prefix: &[u8], key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.0.range(prefix.to_vec()..=key.to_vec()).next_back().map(|(_, value)| value.clone()))
    }
}

fn key(i: u32) -> Vec<u8> {
    format!("account/{i}").into_bytes()
}

#[test]
fn presence_and_absence_are_proven_at_every_version() {
    let mut memory = Memory::default();
    let mut version = None;
    let mut roots = Vec::new();
    for i in 0..40 {
        let change = StateTree::new(&memory)
            .update(version, [(key(i), vec![i as u8]), (key(i / 2), vec![100])])
            .unwrap();
        memory.0.extend(change.writes);
        version = Some(change.version);
        roots.push(change.root);
    }
    let tree = StateTree::new(&memory);
    for (at, root) in roots.iter().enumerate() {
        for i in 0..50 {
            let (value, proof) = tree.prove(&key(i), StateVersion(at as u64)).unwrap();
            assert_eq!(value, tree.get(&key(i), StateVersion(at as u64)).unwrap());
            match value {
                Some(value) => {
                    assert!(i as usize <= at);
                    proof.verify_present(root, &key(i), &value).unwrap();
                    assert!(proof.verify_present(root, &key(i), b"other").is_err());
                    assert!(proof.verify_absent(root, &key(i)).is_err());
                }
                None => {
                    assert!(i as usize > at);
                    proof.verify_absent(root, &key(i)).unwrap();
                    assert!(proof.verify_present(root, &key(i), b"").is_err());
                }
            }
        }
    }
}

#[test]
fn the_root_depends_on_the_content_not_on_the_way_to_it() {
    let (mut one, mut two) = (Memory::default(), Memory::default());
    let first = StateTree::new(&one).update(None, (0..9).map(|i| (key(i), vec![1]))).unwrap();
    one.0.extend(first.writes);
    let mut version = None;
    let mut root = [0; 32];
    for i in (0..9).rev() {
        let change = StateTree::new(&two).update(version, [(key(i), vec![1])]).unwrap();
        two.0.extend(change.writes);
        (version, root) = (Some(change.version), change.root);
    }
    assert_eq!(first.root, root);
}
