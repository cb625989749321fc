use super::*;
use commonware_codec::{Decode, Encode};

const MAX: usize = 64;

fn block() -> Block {
    Block::genesis([0; 32], Bytes::from_static(b"genesis")).child(Bytes::from_static(b"payload"))
}

#[test]
fn the_digest_covers_tag_height_parent_and_payload() {
    let genesis = Block::genesis([0; 32], Bytes::from_static(b"genesis"));
    let block = genesis.child(Bytes::from_static(b"payload"));
    let mut bytes = b"xiezhi/block/v1\0".to_vec();
    bytes.extend_from_slice(&1u64.to_be_bytes());
    bytes.extend_from_slice(&genesis.digest());
    bytes.extend_from_slice(b"payload");
    assert_eq!(block.digest(), <[u8; 32]>::from(Sha256::digest(&bytes)));
}

#[test]
fn a_block_survives_its_encoding() {
    let encoded = block().encode();
    assert_eq!(encoded.len(), block().encode_size());
    let decoded = Block::decode_cfg(encoded, &MAX).unwrap();
    assert_eq!(
        (decoded.height(), decoded.parent(), decoded.payload()),
        (1, block().parent(), block().payload())
    );
    assert_eq!(decoded.digest(), block().digest());
}

#[test]
fn every_prefix_and_an_extra_byte_are_refused() {
    let encoded = block().encode();
    for end in 0..encoded.len() {
        assert!(Block::decode_cfg(encoded.slice(..end), &MAX).is_err());
    }
    let longer = [&encoded[..], &[0]].concat();
    assert!(Block::decode_cfg(longer, &MAX).is_err());
}

#[test]
fn a_payload_over_the_limit_is_refused() {
    assert!(Block::decode_cfg(block().encode(), &6).is_err());
    assert!(Block::decode_cfg(block().encode(), &7).is_ok());
}

#[test]
fn the_stated_bound_holds() {
    let largest = block().child(Bytes::from(vec![0; 8 << 20]));
    assert!(largest.encode_size() <= Block::max_encode_size(&(8 << 20)));
}
