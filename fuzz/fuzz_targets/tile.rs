//! Tile paths that are read are written back the same; bundles are read within their bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        if let Ok(id) = text.parse::<xiezhi_merkle::TileId>() {
            assert_eq!(id.to_string(), text);
        }
        if let Ok(id) = text.parse::<xiezhi_merkle::BundleId>() {
            assert_eq!(id.to_string(), text);
        }
    }
    if let Ok(entries) = xiezhi_merkle::decode_bundle(data, 7) {
        assert_eq!(xiezhi_merkle::encode_bundle(&entries).ok().as_deref(), Some(data));
    }
});
