//! Every genesis that is read is written back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(genesis) = xiezhi_evidence::Genesis::parse(data) {
        assert_eq!(genesis.encode(), data);
    }
});
