//! What nodes say to each other beside consensus; versioned by the first byte.

use minicbor::{Decode, Decoder, Encode};
use xiezhi_evidence::CertifiedSeal;
use xiezhi_ledger::Transaction;
use xiezhi_types::{Height, canonical, from_canonical};

const TRANSACTIONS: u8 = 1;
const COLLECTED: u8 = 2;
const HELLO: u8 = 3;
const REVOCATIONS: u8 = 4;
const FOLLOW: u8 = 5;
const SEALED: u8 = 6;

/// Seals and time stamps of one checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Collected {
    #[n(0)]
    pub(crate) height: Height,
    #[n(1)]
    pub(crate) seals: Vec<CertifiedSeal>,
    #[cbor(n(2), with = "xiezhi_types::cbor::blobs")]
    pub(crate) stamps: Vec<Vec<u8>>,
}

/// "I am here, at this height, in this era, and miss seals or stamps of these checkpoints."
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Hello {
    #[n(0)]
    pub(crate) height: Height,
    #[n(1)]
    pub(crate) wanted: Vec<Height>,
    /// Id of the era in which the node has a vote to use; none while it follows.
    #[n(2)]
    pub(crate) era: Option<u64>,
    /// What that era is bound to.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub(crate) start: [u8; 32],
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct Blobs(#[cbor(n(0), with = "xiezhi_types::cbor::blobs")] Vec<Vec<u8>>);

/// A message between nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    /// Statements that wait to be ordered.
    Transactions(Vec<Transaction>),
    /// Seals and time stamps.
    Collected(Vec<Collected>),
    /// A sign of life.
    Hello(Hello),
    /// Revocation lists in force.
    Revocations(Vec<Vec<u8>>),
    /// "I follow: which blocks are sealed above this height?"
    Follow(Height),
    /// The answer: `xiezhi_ledger::SealedBlocks`.
    Sealed(Vec<u8>),
}

impl Message {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let (kind, body) = match self {
            Self::Transactions(transactions) => {
                let mut out = vec![TRANSACTIONS];
                for transaction in transactions {
                    out.extend_from_slice(transaction.as_bytes());
                }
                return out;
            }
            Self::Collected(collected) => (COLLECTED, canonical(collected)),
            Self::Hello(hello) => (HELLO, canonical(hello)),
            Self::Revocations(lists) => (REVOCATIONS, canonical(&Blobs(lists.clone()))),
            Self::Follow(after) => (FOLLOW, canonical(after)),
            Self::Sealed(blocks) => (SEALED, blocks.clone()),
        };
        [&[kind], body.as_slice()].concat()
    }

    /// Reads a message; `None` for anything that is none. Peers are known institutions, so a bad message is dropped, not answered.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let (kind, body) = bytes.split_first()?;
        match *kind {
            TRANSACTIONS => {
                let mut d = Decoder::new(body);
                let mut transactions = Vec::new();
                while d.position() < body.len() {
                    transactions.push(Transaction::decode_from(&mut d).ok()?);
                }
                Some(Self::Transactions(transactions))
            }
            COLLECTED => from_canonical("a message", body).ok().map(Self::Collected),
            HELLO => from_canonical("a message", body).ok().map(Self::Hello),
            FOLLOW => from_canonical("a message", body).ok().map(Self::Follow),
            SEALED => Some(Self::Sealed(body.to_vec())),
            REVOCATIONS => {
                from_canonical("a message", body).ok().map(|Blobs(lists)| Self::Revocations(lists))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_read_back() {
        let transaction = Transaction::new(&[1; 40], &[vec![2; 3], Vec::new()]);
        for message in [
            Message::Transactions(vec![transaction.clone(), transaction]),
            Message::Transactions(Vec::new()),
            Message::Collected(vec![Collected {
                height: Height(7),
                seals: Vec::new(),
                stamps: vec![vec![1, 2]],
            }]),
            Message::Hello(Hello {
                height: Height(9),
                wanted: vec![Height(1), Height(300)],
                era: Some(3),
                start: [4; 32],
            }),
            Message::Follow(Height(77)),
            Message::Revocations(vec![vec![0x30, 0]]),
        ] {
            let bytes = message.encode();
            assert_eq!(Message::parse(&bytes), Some(message));
            assert_eq!(Message::parse(&bytes[..bytes.len() - 1]), None);
        }
        assert_eq!(Message::parse(&[]), None);
        assert_eq!(Message::parse(&[99]), None);
    }
}
