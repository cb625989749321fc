use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

#[test]
fn a_bundle_is_its_entries_each_led_by_its_length() {
    let bundle = encode_bundle(&[b"abc".as_slice(), b"", &[7; 258]]).expect("a bundle");
    assert_eq!(bundle[..9], [0, 3, b'a', b'b', b'c', 0, 0, 1, 2]);
    assert_eq!(bundle[9..], [7; 258]);
    assert_eq!(decode_bundle(&bundle, 3), Ok(vec![b"abc".as_slice(), b"", &[7; 258]]));
}

#[test]
fn the_bounds_are_kept() {
    let longest = vec![1; 65_535];
    assert_eq!(decode_bundle(&encode_bundle(&[&longest]).expect("fits"), 1), Ok(vec![longest.as_slice()]));
    let too_long = vec![1; 65_536];
    assert_eq!(encode_bundle(&[&too_long]), Err(BundleError::EntryTooLong { bytes: 65_536 }));

    let entries = vec![b"x"; 257];
    assert_eq!(encode_bundle(&entries), Err(BundleError::CountOutside { entries: 257 }));
    assert_eq!(encode_bundle::<&[u8]>(&[]), Err(BundleError::CountOutside { entries: 0 }));
    assert_eq!(decode_bundle(&[], 0), Err(BundleError::CountOutside { entries: 0 }));
    assert_eq!(decode_bundle(&[0; 514], 257), Err(BundleError::CountOutside { entries: 257 }));
    assert!(decode_bundle(&encode_bundle(&entries[..256]).expect("fits"), 256).is_ok());
}

#[test]
fn bytes_too_many_or_too_few_are_refused() {
    let bundle = encode_bundle(&["one", "three"]).expect("a bundle");
    for len in 0..bundle.len() {
        let entry = usize::from(len >= 5);
        assert_eq!(decode_bundle(&bundle[..len], 2), Err(BundleError::Truncated { entry }), "{len} bytes");
    }
    assert_eq!(decode_bundle(&bundle, 1), Err(BundleError::TrailingBytes { bytes: 7 }));
    assert_eq!(decode_bundle(&bundle, 3), Err(BundleError::Truncated { entry: 2 }));
}

proptest! {
    #[test]
    fn entries_come_back(entries in vec(vec(any::<u8>(), 0..40), 1..=256)) {
        let bundle = encode_bundle(&entries).expect("a bundle");
        let decoded = decode_bundle(&bundle, entries.len() as u16).expect("its own bytes");
        prop_assert_eq!(decoded, entries);
    }

    #[test]
    fn any_bytes_are_decoded_without_panic(bytes in vec(any::<u8>(), 0..600), width: u16) {
        decode_bundle(&bytes, width).ok();
    }
}
