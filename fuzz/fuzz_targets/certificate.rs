//! Every certificate that is read is written back the same; judging it never panics, and without an anchor it is never valid.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(certificate) = xiezhi_evidence::Certificate::parse(data) {
        assert_eq!(certificate.encode(), data);
    }
    let verdict = xiezhi_verify::verify(&xiezhi_verify::Input {
        certificate: data,
        anchors: &[],
        exhibit: &xiezhi_verify::Exhibit::None,
        record_only: true,
        declared_time: xiezhi_types::TimestampMs(4_000_000_000_000),
        known_checkpoints: &[],
    });
    assert_ne!(verdict.outcome, xiezhi_verify::Outcome::Valid);
});
