//! The verdict on what the ledger held of an account.

use xiezhi_evidence::{Account, account::ProvenAccount};
use xiezhi_types::{TimestampMs, canonical};

use crate::{
    Anchor, Check, Exhibit, Facts, Input, Verdict,
    checks::ledger,
    code,
    examination::{Examination, Witnessed},
    finding as f, unreadable,
};

/// Judges the file of an account's proof: the verdict, and what the file says where it can be read. As with [`crate::verify`] equal inputs give equal verdicts.
///
/// What is proven is how the account stood after the checkpoint's block, not that this was its last word.
#[must_use]
pub fn verify_account(
    bytes: &[u8],
    anchors: &[Anchor],
    declared_time: TimestampMs,
) -> (Verdict, Option<ProvenAccount>) {
    let input = Input {
        certificate: bytes,
        anchors,
        exhibit: &Exhibit::None,
        record_only: true,
        declared_time,
        known_checkpoints: &[],
    };
    match ProvenAccount::parse(bytes) {
        Ok(proven) => {
            let (checks, facts) = examine(&input, &proven);
            (Verdict::of_account(&input, checks, facts), Some(proven))
        }
        Err(error) => (Verdict::of_account(&input, vec![unreadable(&error)], Facts::default()), None),
    }
}

fn examine(input: &Input<'_>, proven: &ProvenAccount) -> (Vec<Check>, Facts) {
    let witnessed = Witnessed {
        checkpoint: &proven.checkpoint,
        seals: &proven.seals,
        timestamps: &proven.timestamps,
        revocations: &proven.revocations,
    };
    let x = Examination::new(input, &proven.genesis, &proven.history, witnessed, None);
    let mut checks = vec![
        Check::new(code::CERTIFICATE, &f::CERTIFICATE_READ),
        ledger::ledger(&x),
        state(proven),
        ledger::checkpoint_ledger(&x),
    ];
    let mut facts = x.witnesses(&mut checks);
    facts.issuer = Some(proven.id.to_string());
    (checks, facts)
}

fn state(proven: &ProvenAccount) -> Check {
    let (root, key) = (&proven.checkpoint.state_root, Account::state_key(&proven.id));
    let (held, finding) = match &proven.account {
        Some(account) => {
            let held = proven.proof.verify_present(root, &key, &canonical(account)).is_ok();
            (held && account.id == proven.id, &f::STATE_ACCOUNT)
        }
        None => (proven.proof.verify_absent(root, &key).is_ok(), &f::STATE_NO_ACCOUNT),
    };
    let finding = if held { finding } else { &f::STATE_PROOF };
    Check::new(code::ACCOUNT_STATE, finding)
        .with("account", proven.id)
        .with("height", proven.checkpoint.height)
}

#[cfg(test)]
mod tests;
