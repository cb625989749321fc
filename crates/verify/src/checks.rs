//! The checks, by what they look at.

pub(crate) mod consistency;
pub(crate) mod history;
pub(crate) mod keys;
pub(crate) mod ledger;
pub(crate) mod original;
pub(crate) mod record;
pub(crate) mod seals;
pub(crate) mod stamps;
pub(crate) mod times;
