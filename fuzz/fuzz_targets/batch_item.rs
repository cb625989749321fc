//! Every batch item that is read is written back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(item) = xiezhi_evidence::BatchItem::parse(data) {
        assert_eq!(xiezhi_types::canonical(&item), data);
    }
});
