use proptest::prelude::*;
use xiezhi_crypto::sha256;

use super::*;

fn sample() -> BlockBody {
    BlockBody {
        time: TimestampMs(1_795_334_950_123),
        transactions: vec![
            Transaction::single(&[1, 2, 3]),
            Transaction::new(&[4; 300], &[vec![5; 70], Vec::new()]),
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
    let body = |transaction: &[u8]| [&[0x83, 0x01, 0x00, 0x81], transaction].concat();
    assert!(BlockBody::parse(&body(&[0x82, 0x41, 0xaa, 0x81, 0x40])).is_ok());
    for long in [
        &[0x82, 0x58, 0x01, 0xaa, 0x80][..],
        &[0x82, 0x5f, 0x41, 0xaa, 0xff, 0x80],
        &[0x82, 0x41, 0xaa, 0x98, 0x00],
        &[0x82, 0x41, 0xaa, 0x9f, 0xff],
        &[0x82, 0x41, 0xaa, 0x81, 0x59, 0x00, 0x00],
        &[0x98, 0x02, 0x41, 0xaa, 0x80],
        &[0x83, 0x41, 0xaa, 0x80, 0x80],
    ] {
        assert!(BlockBody::parse(&body(long)).is_err(), "{long:02x?}");
    }
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
