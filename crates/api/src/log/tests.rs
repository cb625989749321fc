use super::*;

#[test]
fn tile_paths_have_one_spelling() {
    let hashes = |level, index, width| Tile::Hashes(TileId::new(level, index, width).unwrap());
    let entries = |index, width| Tile::Entries(BundleId::new(index, width).unwrap());
    let rows = [
        ("tile/0/000", hashes(0, 0, 256)),
        ("tile/1/x001/x234/067", hashes(1, 1_234_067, 256)),
        ("tile/2/005.p/7", hashes(2, 5, 7)),
        ("tile/entries/000", entries(0, 256)),
        ("tile/entries/x001/000.p/255", entries(1000, 255)),
    ];
    for (path, expected) in rows {
        assert_eq!(read_tile_path(path).unwrap(), expected, "{path}");
    }
    for wrong in [
        "tile/0/0",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/64/000",
        "tile/0/x000/000",
        "tile/entries/000/",
        "tile//000",
    ] {
        assert_eq!(read_tile_path(wrong).unwrap_err().kind.code, "invalid-parameter", "{wrong}");
    }
}
