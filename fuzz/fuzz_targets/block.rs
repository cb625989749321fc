//! Every block, and every answer with sealed blocks, that is read is written back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(body) = xiezhi_ledger::BlockBody::parse(data) {
        assert_eq!(body.encode(), data);
    }
    if let Ok(blocks) = xiezhi_ledger::SealedBlocks::parse(data) {
        assert_eq!(blocks.encode(), data);
    }
});
