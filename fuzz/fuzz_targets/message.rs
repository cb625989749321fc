//! Every message between nodes that is read is written back the same, statements apart: their encoding is the block's.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "the node uses all of it")]
#[path = "../../crates/node/src/message.rs"]
mod message;

fuzz_target!(|data: &[u8]| {
    if let Some(message) = message::Message::parse(data) {
        assert_eq!(message::Message::parse(&message.encode()), Some(message));
    }
});
