//! What can go wrong on the way to a node and back.

use crate::wire::Problem;

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// An address cannot be used.
    #[error("{url} is no address of a node: {reason}")]
    Url {
        /// The address.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No node answered. Trying again can help; a statement that was sent is recorded once at most.
    #[error("no node answered; {}", .tried.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Network {
        /// Every node tried and what happened, in order.
        tried: Vec<NetworkError>,
    },
    /// The node answered with a problem.
    #[error("{} ({}): {}", .0.title, .0.code, .0.detail)]
    Problem(Box<Problem>),
    /// The node's answer is not what the API says. Whoever answered may be no node.
    #[error("{url} answered with {status}: {reason}")]
    Protocol {
        /// What was asked.
        url: String,
        /// The status of the answer.
        status: u16,
        /// What is wrong with it.
        reason: String,
    },
}

/// Why a statement that was perhaps sent before is not known to be recorded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DepositError {
    /// It was signed too long ago to be taken, and the node does not say that it was recorded.
    #[error("the statement is too old")]
    TooOld {
        /// The node says that it does not know it.
        is_unknown: bool,
    },
    /// Anything else.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// Why one node did not answer.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{node}: {reason}")]
pub struct NetworkError {
    /// The node's address.
    pub node: String,
    /// What happened.
    pub reason: String,
    /// Whether it was the time that ran out.
    pub timeout: bool,
}

impl ClientError {
    /// The problem's stable code, when it is a problem.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Problem(problem) => Some(&problem.code),
            _ => None,
        }
    }

    /// Whether trying the same again can help, and if so after how many seconds.
    #[must_use]
    pub fn retry_after_s(&self) -> Option<u32> {
        match self {
            Self::Problem(problem) => {
                problem.retry_after_s.or((problem.status == 429 || problem.status == 503).then_some(1))
            }
            Self::Network { .. } => Some(1),
            Self::Url { .. } | Self::Protocol { .. } => None,
        }
    }
}
