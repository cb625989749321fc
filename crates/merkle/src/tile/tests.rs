use proptest::prelude::*;

use super::*;

fn check(level: u8, index: u64, width: u16, path: &str) {
    let id = TileId::new(level, index, width).expect("a tile");
    assert_eq!(id.to_string(), path);
    assert_eq!(path.parse::<TileId>(), Ok(id));

    let id = BundleId::new(index, width).expect("a bundle");
    let path = path.replacen(&format!("tile/{level}/"), "tile/entries/", 1);
    assert_eq!(id.to_string(), path);
    assert_eq!(path.parse::<BundleId>(), Ok(id));
}

#[test]
fn a_tile_has_the_path_of_the_specification() {
    check(0, 0, 256, "tile/0/000");
    check(0, 0, 1, "tile/0/000.p/1");
    check(1, 999, 255, "tile/1/999.p/255");
    check(2, 1000, 256, "tile/2/x001/000");
    check(0, 1_234_067, 256, "tile/0/x001/x234/067");
    check(63, 1_234_067, 8, "tile/63/x001/x234/067.p/8");
    check(0, u64::MAX, 112, "tile/0/x018/x446/x744/x073/x709/x551/615.p/112");
}

#[test]
fn every_other_spelling_is_refused() {
    for path in [
        "",
        "tile",
        "tile/0",
        "tile/0/",
        "tile//000",
        "/tile/0/000",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/x000/000",
        "tile/0/x001",
        "tile/0/001/000",
        "tile/0/x001/x000",
        "tile/0/x001/1",
        "tile/0/xx01/000",
        "tile/0/+01",
        "tile/0/-01",
        "tile/0/000/",
        "tile/00/000",
        "tile/+1/000",
        "tile/64/000",
        "tile/256/000",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/257",
        "tile/0/000.p/",
        "tile/0/000.p",
        "tile/0/000.p/1/",
        "tile/0/000.p/1.p/1",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/x999/999",
        "tile/entries/000",
        "tile/0/００1",
    ] {
        assert!(path.parse::<TileId>().is_err(), "{path}");
        let bundle = path.replacen("tile/0/", "tile/entries/", 1);
        if bundle != "tile/entries/000" {
            assert!(bundle.parse::<BundleId>().is_err(), "{bundle}");
        }
    }
    assert!("tile/0/000".parse::<BundleId>().is_err());
    assert!(format!("tile/0/{}", "x001/".repeat(1 << 16)).parse::<TileId>().is_err());
}

#[test]
fn the_tree_of_the_specification_has_its_tiles() {
    let width = |level, index| TileId::in_tree(level, index, 70_000).map(TileId::width);
    assert_eq!((width(0, 272), width(0, 273), width(0, 274)), (Some(256), Some(112), None));
    assert_eq!((width(1, 0), width(1, 1), width(1, 2)), (Some(256), Some(17), None));
    assert_eq!((width(2, 0), width(2, 1), width(3, 0)), (Some(1), None, None));
    assert_eq!(BundleId::in_tree(273, 70_000).map(BundleId::width), Some(112));

    assert_eq!(TileId::in_tree(0, 0, 256).map(TileId::is_full), Some(true));
    assert_eq!(TileId::in_tree(1, 0, 256).map(TileId::width), Some(1));
    assert_eq!(TileId::in_tree(0, 0, 0), None);
}

#[test]
fn hostile_numbers_name_no_tile() {
    assert_eq!(TileId::in_tree(7, 0, u64::MAX).map(TileId::width), Some(255));
    assert_eq!(TileId::in_tree(8, 0, u64::MAX), None);
    assert_eq!(TileId::in_tree(255, 0, u64::MAX), None);
    assert_eq!(TileId::in_tree(0, u64::MAX, u64::MAX), None);
    assert_eq!(TileId::in_tree(0, u64::MAX >> 8, u64::MAX).map(TileId::width), Some(255));
    assert_eq!(TileId::new(64, 0, 1), Err(TileError::LevelOutside { level: 64 }));
    assert_eq!(TileId::new(0, 0, 0), Err(TileError::WidthOutside { width: 0 }));
    assert_eq!(BundleId::new(0, 257), Err(TileError::WidthOutside { width: 257 }));
}

proptest! {
    #[test]
    fn a_path_leads_back_to_its_tile(level in 0..64_u8, index: u64, shift in 0..64_u32, width in 1..=256_u16) {
        let id = TileId::new(level, index >> shift, width).expect("a tile");
        prop_assert_eq!(id.to_string().parse::<TileId>(), Ok(id));
    }

    #[test]
    fn whatever_parses_is_spelled_that_way(path in "tile/(entries|[0-9]{1,2})/(x?[0-9]{1,4}/){0,3}[0-9]{2,3}(\\.p/[0-9]{1,3})?") {
        if let Ok(id) = path.parse::<TileId>() {
            prop_assert_eq!(id.to_string(), path.clone());
        }
        if let Ok(id) = path.parse::<BundleId>() {
            prop_assert_eq!(id.to_string(), path);
        }
    }

    #[test]
    fn any_text_is_parsed_without_panic(path in ".*") {
        path.parse::<TileId>().ok();
        path.parse::<BundleId>().ok();
    }
}
