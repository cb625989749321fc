use proptest::prelude::*;
use xiezhi_crypto::sha256;

use super::*;

fn sample() -> BlockBody {
    BlockBody {
        time: TimestampMs(1_795_334_950_123),
        transactions: vec![
            Transaction { statement: vec![1, 2, 3], items: Vec::new() },
            Transaction { statement: vec![4; 300], items: vec![vec![5; 70], Vec::new()] },
        ],
    }
}

#[test]
fn a_block_reads_back_and_its_encoding_is_pinned() {
    let bytes = sample().encode();
    assert_eq!(BlockBody::parse(&bytes), Ok(sample()));
    let pinned = sha256(&bytes).iter().take(8).map(|b| format!("{b:02x}")).collect::<String>();
    assert_eq!(pinned, "9ec5bb96b53b9f19");
}

#[test]
fn other_encodings_of_a_block_are_refused() {
    let bytes = sample().encode();
    assert!(BlockBody::parse(&bytes[..bytes.len() - 1]).is_err());
    assert!(BlockBody::parse(&[bytes.as_slice(), &[0]].concat()).is_err());
    assert!(BlockBody::parse(&[]).is_err());
    // An array that claims four thousand million transactions.
    assert!(BlockBody::parse(&[0x83, 0x01, 0x00, 0x9a, 0xff, 0xff, 0xff, 0xff]).is_err());
    // The version as a long-form integer.
    assert!(BlockBody::parse(&[0x83, 0x18, 0x01, 0x00, 0x80]).is_err());
}

proptest! {
    #[test]
    fn no_bytes_make_parsing_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(body) = BlockBody::parse(&bytes) {
            prop_assert_eq!(body.encode(), bytes);
        }
    }
}
