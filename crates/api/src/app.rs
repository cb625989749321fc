//! What every handler shares.

use std::sync::Arc;

use tokio::sync::Semaphore;
use xiezhi_node::Node;
use xiezhi_types::LedgerId;

use crate::{config::ApiConfig, idempotency::Idempotency, limit::RateLimiter, metrics::Metrics};

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
    pub(crate) fn new(node: Node, config: ApiConfig) -> Self {
        let ledger = node.ledger();
        let gate = Gate::new(&config);
        let streams = Arc::new(Semaphore::new(config.streams_max.min(Semaphore::MAX_PERMITS)));
        Self { node, ledger, config, idempotency: Idempotency::default(), streams, gate }
    }
}
