//! Every equivocation that is read is written back the same, and judging it never panics.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(read) = xiezhi_evidence::equivocation::Equivocation::parse(data) {
        assert_eq!(read.encode(), data);
    }
    assert!(xiezhi_verify::equivocation::judge(data, &[]).is_err());
});
