//! The verdict on what the ledger held of an account.

use xiezhi_evidence::{
    Account, AccountProof, AccountSpec, Certificate,
    account::ProvenAccount,
    certificate::{VERSION, VERSION_HISTORY},
};
use xiezhi_types::{Height, LogIndex, TimestampMs, canonical};

use crate::{
    Anchor, Check, Exhibit, Facts, Input, Verdict, checks::ledger, code, examination::Examination,
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
    // What witnesses a checkpoint is judged as a certificate's is; the record's parts are not looked at.
    let spec = AccountSpec {
        salt: [0; 16],
        keys: Vec::new(),
        deposit_threshold: 0,
        manage_threshold: 0,
        recovery_key: None,
        encryption_key: None,
        recovery_delay_s: None,
    };
    let certificate = Certificate {
        version: if proven.history.is_empty() { VERSION } else { VERSION_HISTORY },
        genesis: proven.genesis.clone(),
        history: proven.history.clone(),
        index: LogIndex(0),
        statement: Vec::new(),
        batch: None,
        manifest: None,
        account: AccountProof { account: Account::create(&spec, Height(0)), proof: proven.proof.clone() },
        checkpoint: proven.checkpoint.clone(),
        path_sha256: Vec::new(),
        path_sm3: Vec::new(),
        seals: proven.seals.clone(),
        timestamps: proven.timestamps.clone(),
        revocations: proven.revocations.clone(),
    };
    let x = Examination::new(input, &certificate);
    let mut checks =
        vec![Check::new(code::CERTIFICATE, &f::CERTIFICATE_READ), ledger::ledger(&x), state(proven)];
    checks.push(ledger::checkpoint_ledger(&x));
    let mut facts = x.witnesses(&mut checks);
    (facts.record_number, facts.index) = (None, None);
    facts.issuer = Some(proven.id.to_string());
    (checks, facts)
}

fn state(proven: &ProvenAccount) -> Check {
    let (root, key) = (&proven.checkpoint.state_root, Account::state_key(&proven.id));
    let (held, finding) = match &proven.account {
        Some(account) if account.id != proven.id => (false, &f::STATE_PROOF),
        Some(account) => {
            let held = proven.proof.verify_present(root, &key, &canonical(account)).is_ok();
            (held, &f::STATE_ACCOUNT)
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
