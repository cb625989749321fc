//! Digests, ids, numbers and times that are read are written back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(digest) = text.parse::<xiezhi_crypto::Digest>() {
        assert_eq!(digest.to_string().parse(), Ok(digest));
    }
    if let Ok(number) = text.parse::<xiezhi_types::RecordNumber>() {
        assert_eq!(number.to_string().parse(), Ok(number));
    }
    if let Some(time) = xiezhi_types::TimestampMs::parse_rfc3339(text) {
        assert_eq!(xiezhi_types::TimestampMs::parse_rfc3339(&time.rfc3339()), Some(time));
    }
    if let Ok(id) = xiezhi_types::AccountId::from_uri(text) {
        assert_eq!(id.uri(), text);
    }
});
