//! The store of a node, checked after it stopped, was killed, and was damaged.

mod place;

use std::{
    fs,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use place::{Place, text};

/// The four nodes' configuration files.
fn nodes(place: &Place) -> Vec<PathBuf> {
    let all = ["court", "notary", "forensic", "ca"];
    all.map(|id| place.path(&format!("home/alliance/{id}/node.toml"))).to_vec()
}

/// Changes the last byte of the journal that is not zero.
fn damage(store: &Path) {
    let journals = fs::read_dir(store).unwrap().map(|entry| entry.unwrap().path());
    let journal = journals.into_iter().find(|path| path.extension().is_some_and(|e| e == "jnl")).unwrap();
    let bytes = fs::read(&journal).unwrap();
    // Within the first batches: whole ones follow.
    let at = bytes.windows(6).position(|window| window == b"ledger").unwrap();
    let file = fs::OpenOptions::new().write(true).open(&journal).unwrap();
    file.write_all_at(b"LEDGER", at as u64).unwrap();
}

#[test]
fn every_node_s_store_is_clean_after_a_stop_and_after_a_kill_and_damage_is_named() {
    let place = Place::new();
    let file = place.file("contract.txt", b"the parties agree");
    place.expect(0, &["demo", text(&file), "--base-port", &place.base_port.to_string()]);
    // Three of four make a record final; the fourth may have been stopped before it had it.
    let mut whole = 0;
    for node in nodes(&place) {
        let said = place.expect(0, &["fsck", text(&node)]);
        assert!(said.starts_with("CLEAN"), "{said}");
        whole += usize::from(said.contains("records 0 to 1"));
    }
    assert!(whole >= 3, "{whole}");
    let alliance = place.up();
    let node = &nodes(&place)[0];
    place.expect(2, &["fsck", text(node)]);
    place.expect(0, &["deposit", text(&place.file("second.txt", b"and again"))]);
    alliance.kill();
    for node in nodes(&place) {
        let said = place.expect(0, &["fsck", text(&node), "--json"]);
        assert!(said.contains("\"outcome\": \"clean\""), "{said}");
    }
    let data = node.with_file_name("data");
    let genesis = place.path("home/alliance/genesis.cbor");
    place.expect(2, &["fsck", text(&data)]);
    place.expect(2, &["fsck", text(&place.path("nowhere"))]);
    place.expect(0, &["fsck", text(&data), "--genesis", text(&genesis), "--lang", "zh"]);

    damage(&data.join("store"));
    let said = place.expect(1, &["fsck", text(node), "--json"]);
    assert!(said.contains("\"journal-damaged\"") && said.contains("\"again_from\": \"peers\""), "{said}");
    let said = place.expect(1, &["fsck", text(node)]);
    assert!(said.starts_with("DAMAGED"), "{said}");
}
