//! Joins the [`Application`] to the engine: proposals and checks on the way in, final blocks on the way out.

use crate::{Application, Block};
use bytes::Bytes;
use commonware_actor::Feedback;
use commonware_codec::Encode as _;
use commonware_consensus::{
    Application as EngineApplication, Reporter,
    marshal::{Update, ancestry::Ancestry, core::Mailbox, standard::Standard},
    simplex::{scheme::ed25519, types::Context},
    types::Height,
};
use commonware_cryptography::{Digested, ed25519::PublicKey, sha256::Digest};
use commonware_utils::{Acknowledgement as _, acknowledgement::Exact};
use futures::StreamExt as _;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use tokio::sync::mpsc;
use tracing::error;

/// Proposes and checks blocks on behalf of the application.
#[derive(Clone)]
pub(crate) struct Adapter {
    pub(crate) application: Arc<dyn Application>,
    pub(crate) block_bytes_max: usize,
}

impl<E: Send + 'static> EngineApplication<E> for Adapter {
    type SigningScheme = ed25519::Scheme;
    type Context = Context<Digest, PublicKey>;
    type Block = Block;
    type Input = ();

    async fn propose(
        &mut self,
        (_, context): (E, Self::Context),
        ancestry: impl Ancestry<Block>,
        (): (),
    ) -> Option<Digested<Block>> {
        let parent = ancestry.peek()?.inner_shared();
        let views_passed = context.round.view().get().saturating_sub(context.parent.0.get() + 1);
        let payload = self.application.propose(parent.clone(), views_passed).await?;
        if payload.len() > self.block_bytes_max {
            error!(bytes = payload.len(), bytes_max = self.block_bytes_max, "proposal dropped: too large");
            return None;
        }
        Some(digested(parent.child(payload)))
    }

    async fn verify(&mut self, _: (E, Self::Context), mut ancestry: impl Ancestry<Block>) -> bool {
        let (Some(block), Some(parent)) = (ancestry.next().await, ancestry.next().await) else {
            // The stream ends early only when the engine shuts down: no verdict.
            return std::future::pending().await;
        };
        self.application.verify(parent.inner_shared(), block.inner_shared()).await
    }
}

/// Pairs a block with its digest for the engine.
pub(crate) fn digested(block: Block) -> Digested<Block> {
    let digest = Digest(block.digest());
    Digested::precomputed(block, digest)
}

/// A final block, and the engine's wish to know when it is stored.
pub(crate) type Delivery = (Arc<Block>, Exact);

/// Takes final blocks from the engine. The engine bounds how many are under way.
#[derive(Clone)]
pub(crate) struct Outlet {
    pub(crate) deliveries: mpsc::UnboundedSender<Delivery>,
    pub(crate) tip: Arc<AtomicU64>,
}

impl Reporter for Outlet {
    type Activity = Update<Block>;

    fn report(&mut self, update: Update<Block>) -> Feedback {
        match update {
            Update::Tip(_, height, _) => {
                self.tip.fetch_max(height.get(), Ordering::Relaxed);
                Feedback::Ok
            }
            Update::Block(block, stored) => match self.deliveries.send((block.inner_shared(), stored)) {
                Ok(()) => Feedback::Ok,
                Err(_) => Feedback::Closed,
            },
        }
    }
}

/// Why delivery ended.
pub(crate) enum Undelivered {
    /// Something failed.
    Failed(String),
    /// A silent node has seen a block that was proposed after it started: its encoded finalization.
    MayVote(Bytes),
}

/// Hands final blocks to the application, each height once and in order, until something fails; of a `silent` node, until it may vote.
///
/// `delivered` is the height up to which the engine delivered in an earlier life.
pub(crate) async fn deliver(
    application: Arc<dyn Application>,
    archive: Mailbox<ed25519::Scheme, Standard<Block>>,
    delivered: u64,
    silent: bool,
    mut deliveries: mpsc::UnboundedReceiver<Delivery>,
) -> Undelivered {
    let failed = Undelivered::Failed;
    let mut next = application.height() + 1;
    while next <= delivered {
        let Some(block) = archive.get_block(Height::new(next)).await else {
            return failed(format!("the application lacks block {next}, and so does the archive"));
        };
        if let Err(reason) = application.finalized(block.inner_shared()).await {
            return failed(format!("the application refused block {next}: {reason}"));
        }
        next += 1;
    }
    while let Some((block, stored)) = deliveries.recv().await {
        let height = block.height();
        if height > next {
            return failed(format!("block {height} was delivered where {next} was due"));
        }
        if height == next {
            if let Err(reason) = application.finalized(block.clone()).await {
                // Kept, not dropped: dropping it would stop the engine before the reason is known.
                std::mem::forget(stored);
                return failed(format!("the application refused block {height}: {reason}"));
            }
            next += 1;
        }
        stored.acknowledge();
        // Not every height has a finalization of its own: the next block may.
        if silent
            && application.is_after_start(&block)
            && let Some(finalization) = archive.get_finalization(Height::new(height)).await
        {
            return Undelivered::MayVote(finalization.encode());
        }
    }
    failed("the engine stopped delivering".into())
}
