//! Every statement that is read is written back the same, and has an id.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(statement) = xiezhi_evidence::Statement::parse(data) {
        assert_eq!(statement.as_bytes(), data);
        assert!(!statement.signatures().is_empty());
    }
});
