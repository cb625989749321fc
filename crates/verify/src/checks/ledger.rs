//! Which ledger this is about, three times over: the genesis, the statement and the checkpoint each name one.

use xiezhi_evidence::Body;

use crate::{
    Check, code,
    examination::{Examination, Record},
    finding as f,
};

pub(crate) fn ledger(x: &Examination<'_>) -> Check {
    let check = |finding| Check::new(code::LEDGER, finding).with("ledger", x.ledger);
    match (&x.genesis, x.anchor) {
        (None, _) => check(&f::GENESIS_MALFORMED),
        (Some(_), None) => check(&f::LEDGER_UNKNOWN),
        (Some(_), Some(anchor)) => {
            check(&f::LEDGER_TRUSTED).with("zh", &anchor.name.zh).with("en", &anchor.name.en)
        }
    }
}

pub(crate) fn statement_ledger(r: &Record<'_>) -> Check {
    let code = code::STATEMENT_LEDGER;
    let Some(statement) = &r.statement else { return Check::not_evaluated(code, code::STATEMENT) };
    match (statement.claims().audience, statement.body()) {
        (Some(audience), _) if audience == r.x.ledger => Check::new(code, &f::AUDIENCE_SAME),
        (Some(audience), _) => Check::new(code, &f::AUDIENCE_OTHER).with("audience", audience),
        // Our own content types always name one: the reader refuses them otherwise.
        (None, Body::General { .. }) => Check::new(code, &f::AUDIENCE_NONE),
        (None, _) => Check::not_evaluated(code, code::STATEMENT),
    }
}

pub(crate) fn checkpoint_ledger(x: &Examination<'_>) -> Check {
    let checkpoint = x.witnessed.checkpoint;
    if checkpoint.ledger == x.ledger {
        Check::new(code::CHECKPOINT_LEDGER, &f::CHECKPOINT_SAME).with("height", checkpoint.height)
    } else {
        Check::new(code::CHECKPOINT_LEDGER, &f::CHECKPOINT_OTHER).with("named", checkpoint.ledger)
    }
}
