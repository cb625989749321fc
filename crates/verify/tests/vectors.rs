//! The committed vectors: made again byte for byte, and judged as they were.

use std::path::Path;

#[path = "../examples/vectors.rs"]
mod generator;

#[test]
fn the_committed_vectors_are_what_the_generator_makes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/certificates");
    let made = generator::vectors();
    for (name, bytes) in &made {
        let committed = std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(
            committed == *bytes,
            "{name} is not what the generator makes: a protocol change, or a stale vector"
        );
    }
    let files =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let made: Vec<_> = made.into_iter().map(|(name, _)| name).collect();
    let strangers: Vec<_> = files.filter(|name| name != "README.md" && !made.contains(name)).collect();
    assert!(strangers.is_empty(), "{strangers:?}");
}

#[test]
fn every_committed_certificate_gets_its_committed_verdict() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/certificates");
    let index = std::fs::read_to_string(folder.join("vectors.json")).unwrap();
    let index: serde_json::Value = serde_json::from_str(&index).unwrap();
    let vectors = index["vectors"].as_array().unwrap();
    assert!(vectors.len() >= 30);
    for vector in vectors {
        let name = vector["certificate"].as_str().unwrap();
        let bytes = std::fs::read(folder.join(name)).unwrap();
        assert_eq!(
            generator::judge(&bytes, vector),
            vector["verdict"].as_str().unwrap(),
            "{}",
            vector["name"]
        );
    }
}
