//! The caller's end of a running node.

use bytes::Bytes;
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
use tokio::sync::{Mutex, Notify, mpsc, watch};

/// Messages that wait for the network before [`SendError::Full`].
pub(crate) const OUTBOUND_MESSAGES_MAX: usize = 1024;

/// A running node. Clones are the same node; when the last one is dropped, the node stops.
#[derive(Clone, Debug)]
pub struct Handle {
    pub(crate) outbound: mpsc::Sender<Outbound>,
    pub(crate) message_bytes_max: usize,
    pub(crate) stop: Arc<Notify>,
    pub(crate) tip: Arc<AtomicU64>,
    pub(crate) voting: Arc<AtomicBool>,
    pub(crate) exit: watch::Receiver<Option<Exit>>,
}

/// The node's end of a [`Handle`].
#[derive(Clone)]
pub(crate) struct Control {
    /// Held by the engine that runs.
    pub(crate) outbound: Arc<Mutex<mpsc::Receiver<Outbound>>>,
    pub(crate) stop: Arc<Notify>,
    pub(crate) tip: Arc<AtomicU64>,
}

/// A message on its way to one validator, or to all others.
#[derive(Debug)]
pub(crate) struct Outbound {
    pub(crate) to: Option<[u8; 32]>,
    pub(crate) bytes: Bytes,
}

/// How a node ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exit {
    /// It was asked to.
    Stopped,
    /// It could not go on: the application refused a final block, the storage failed, or a task panicked.
    Failed {
        /// For the operator.
        reason: String,
    },
}

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The messages wait faster than the network takes them; retrying later helps.
    #[error("{OUTBOUND_MESSAGES_MAX} messages wait to be sent")]
    Full,
    /// The node has ended.
    #[error("the node has ended")]
    Closed,
    /// The message can never be sent.
    #[error("message of {bytes} bytes, at most {bytes_max} are allowed")]
    TooLarge {
        /// The message's length.
        bytes: usize,
        /// [`crate::Config::message_bytes_max`].
        bytes_max: usize,
    },
}

impl Handle {
    /// Sends `bytes` to all other validators that are connected; never blocks.
    ///
    /// Best effort: `Ok` promises nothing about delivery, and who is not connected misses it for good.
    ///
    /// # Errors
    /// [`SendError`]; the message was not sent to anybody.
    pub fn broadcast(&self, bytes: Bytes) -> Result<(), SendError> {
        self.enqueue(None, bytes)
    }

    /// Sends `bytes` to the validator `to`; otherwise like [`Self::broadcast`].
    ///
    /// A key that is no validator's is ignored.
    ///
    /// # Errors
    /// [`SendError`].
    pub fn send(&self, to: [u8; 32], bytes: Bytes) -> Result<(), SendError> {
        self.enqueue(Some(to), bytes)
    }

    /// The greatest height known to be final, delivered to the application or not.
    ///
    /// What it is ahead of the application's height is still being fetched or applied.
    pub fn tip_height(&self) -> u64 {
        self.tip.load(Ordering::Relaxed)
    }

    /// Whether the node takes part in votes: not yet when it may have forgotten some, see [`crate::forget_votes`].
    pub fn is_voting(&self) -> bool {
        self.voting.load(Ordering::Relaxed)
    }

    /// Stops the node and waits until its threads, sockets and files are free.
    pub async fn stop(&self) -> Exit {
        self.stop.notify_one();
        self.ended().await
    }

    /// [`Self::stop`] for a thread that may block.
    pub fn stop_and_wait(&self) -> Exit {
        futures::executor::block_on(self.stop())
    }

    /// How the node has ended, if it has.
    pub fn has_ended(&self) -> Option<Exit> {
        self.exit.borrow().clone()
    }

    /// Waits until the node has ended, for whatever reason.
    pub async fn ended(&self) -> Exit {
        let mut exit = self.exit.clone();
        match exit.wait_for(Option::is_some).await {
            Ok(exit) => exit.clone().expect("waited for"),
            Err(_) => Exit::Failed { reason: "the node's thread vanished".into() },
        }
    }

    fn enqueue(&self, to: Option<[u8; 32]>, bytes: Bytes) -> Result<(), SendError> {
        if bytes.len() > self.message_bytes_max {
            return Err(SendError::TooLarge { bytes: bytes.len(), bytes_max: self.message_bytes_max });
        }
        self.outbound.try_send(Outbound { to, bytes }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SendError::Full,
            mpsc::error::TrySendError::Closed(_) => SendError::Closed,
        })
    }
}
