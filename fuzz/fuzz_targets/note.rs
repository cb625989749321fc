//! Every note, checkpoint and verifier key that is read is written back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(note) = xiezhi_note::SignedNote::from_bytes(data) {
        assert_eq!(note.to_string().as_bytes(), data);
    }
    if let Ok(text) = std::str::from_utf8(data) {
        if let Ok(body) = text.parse::<xiezhi_note::CheckpointBody>() {
            assert_eq!(body.to_string(), text);
        }
        if let Ok(key) = text.parse::<xiezhi_note::VerifierKey>() {
            assert_eq!(key.to_string(), text);
        }
    }
});
