//! What every handler shares.

use std::sync::Arc;

use tokio::sync::Semaphore;
use xiezhi_node::{Node, QueryError};
use xiezhi_types::LedgerId;

use crate::{
    config::ApiConfig,
    idempotency::Idempotency,
    limit::RateLimiter,
    metrics::Metrics,
    problem::{Problem, kinds},
};

/// The state of the router.
pub(crate) struct App {
    pub(crate) node: Node,
    pub(crate) ledger: LedgerId,
    pub(crate) config: ApiConfig,
    pub(crate) idempotency: Idempotency,
    pub(crate) streams: Arc<Semaphore>,
    pub(crate) gate: Gate,
}

/// What stands before the handlers; knows nothing of the ledger.
#[derive(Clone)]
pub(crate) struct Gate(pub(crate) Arc<GateState>);

/// The gate's state.
pub(crate) struct GateState {
    pub(crate) limiter: Option<RateLimiter>,
    pub(crate) permits: Semaphore,
    pub(crate) metrics: Metrics,
    pub(crate) request_timeout: std::time::Duration,
}

impl Gate {
    pub(crate) fn new(config: &ApiConfig) -> Self {
        Self(Arc::new(GateState {
            limiter: config.rate_limit.map(RateLimiter::new),
            permits: Semaphore::new(config.requests_max.min(Semaphore::MAX_PERMITS)),
            metrics: Metrics::default(),
            request_timeout: config.request_timeout,
        }))
    }
}

impl App {
    /// Has the node read much from its store: other requests do not wait for it.
    pub(crate) async fn read(
        &self,
        read: impl FnOnce(Node) -> Result<Vec<u8>, QueryError> + Send + 'static,
    ) -> Result<Vec<u8>, Problem> {
        let node = self.node.clone();
        let read = tokio::task::spawn_blocking(move || read(node)).await;
        Ok(read.map_err(|_| Problem::new(&kinds::INTERNAL, "the store was not read"))??)
    }

    pub(crate) fn new(node: Node, config: ApiConfig) -> Self {
        let ledger = node.ledger();
        let gate = Gate::new(&config);
        let streams = Arc::new(Semaphore::new(config.streams_max.min(Semaphore::MAX_PERMITS)));
        Self { node, ledger, config, idempotency: Idempotency::default(), streams, gate }
    }
}
