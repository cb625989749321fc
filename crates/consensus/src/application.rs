//! What the consensus asks of the ledger above it.

use crate::Block;
use bytes::Bytes;
use std::{future::Future, pin::Pin, sync::Arc};

/// A future in a box, so that [`Application`] can be a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The ledger whose blocks are ordered.
///
/// Calls come from several threads. A panic in any of them ends the node, see [`crate::Exit::Failed`].
pub trait Application: Send + Sync + 'static {
    /// The height of the last block the application has stored durably, 0 for genesis only.
    ///
    /// Read once at the start: delivery resumes after it, also if it lies below what was delivered before
    /// (the application was restored from an older copy).
    fn height(&self) -> u64;

    /// This node leads: the payload for a child of `parent`, or `None` to let the view pass at once.
    ///
    /// An application with nothing to say should stay pending until it has: the future is dropped when the
    /// view ends ([`crate::Timings::leader`]), so it must be safe to drop at any await. Answering `None` at
    /// once whenever there is nothing makes an idle alliance spin.
    ///
    /// `views_passed` counts the views since `parent` that ended without a block. They are remembered until
    /// the next final block, so an application should answer with an empty block once the number is large
    /// (say 60): that bounds memory, and how much a returning node has to fetch.
    ///
    /// `parent` may not be final yet. A payload longer than [`crate::Config::block_bytes_max`] is dropped with
    /// an error in the log.
    fn propose(&self, parent: Arc<Block>, views_passed: u64) -> BoxFuture<'_, Option<Bytes>>;

    /// May `block` follow `parent`? Asked before this node votes, never about its own proposals.
    ///
    /// The answer must be the same on every honest node. While it may still change (data to come, clock skew)
    /// stay pending: `false` is for a block that can never be valid. Parent digest, height and size were
    /// checked already. Heavy work belongs on the application's own threads. The future may be dropped.
    fn verify(&self, parent: Arc<Block>, block: Arc<Block>) -> BoxFuture<'_, bool>;

    /// `block` is final. `Ok` means that the application has stored it durably.
    ///
    /// Called once per height in order, from a thread of its own: it may block. After a crash between the
    /// application's storing and the engine's remembering, [`Self::height`] keeps it from being called twice.
    ///
    /// # Errors
    /// Any error is fatal: the node stops with [`crate::Exit::Failed`]; the height is not skipped.
    fn finalized(&self, block: Arc<Block>) -> BoxFuture<'_, Result<(), String>>;

    /// Whether the final `block` was certainly proposed after this node started: by its time, say, with all doubt about clocks added.
    ///
    /// Asked only of a node that has forgotten votes, see [`crate::forget_votes`]: it votes again above such a block. An application that cannot
    /// tell keeps the node silent.
    fn is_after_start(&self, _block: &Block) -> bool {
        false
    }

    /// A message of a validator, sent by [`crate::Handle::broadcast`] or [`crate::Handle::send`].
    ///
    /// Must not block. The sender is authenticated; the bytes may be anything.
    fn message(&self, from: [u8; 32], bytes: Bytes);
}
