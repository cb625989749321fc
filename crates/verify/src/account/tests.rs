use xiezhi_evidence::account::PROVEN_VERSION;
use xiezhi_types::AccountId;

use super::*;
use crate::{
    Outcome,
    fixtures::{DECLARED, Fixture, Plan},
};

fn of(certificate: Certificate, id: AccountId, account: Option<Account>) -> ProvenAccount {
    ProvenAccount {
        kind: ProvenAccount::kind(),
        version: PROVEN_VERSION,
        genesis: certificate.genesis,
        history: certificate.history,
        id,
        account,
        proof: certificate.account.proof,
        checkpoint: certificate.checkpoint,
        seals: certificate.seals,
        timestamps: certificate.timestamps,
        revocations: certificate.revocations,
    }
}

/// The fixture, its account as a file proves it, and another that the ledger does not have. What becomes of files that are wrong is in the vectors.
fn files() -> (Fixture, ProvenAccount, ProvenAccount) {
    let fixture = Fixture::new();
    let certificate = fixture.certificate(&Plan::default());
    let account = certificate.account.account.clone();
    let present = of(certificate.clone(), account.id, Some(account.clone()));
    // Another account whose place would be the one in which the state holds this one.
    let leaf = |bytes: &[u8]| xiezhi_crypto::sha256(bytes);
    let depth = certificate.account.proof.siblings.len();
    let place = |id: &AccountId| {
        let hash = leaf(&Account::state_key(id));
        (0..depth).map(|at| hash[at / 8] >> (7 - at % 8) & 1).collect::<Vec<_>>()
    };
    let mut ids = (0u8..=255).map(|at| AccountId([at; 32]));
    let other = ids.find(|id| place(id) == place(&account.id)).expect("a few bits are soon the same");
    let mut absent = of(certificate, other, None);
    absent.proof.other = Some(xiezhi_evidence::state_proof::OtherLeaf {
        key_hash: leaf(&Account::state_key(&account.id)),
        value_hash: leaf(&canonical(&account)),
    });
    (fixture, present, absent)
}

#[test]
fn no_changed_byte_is_still_valid() {
    let (fixture, present, absent) = files();
    for file in [present, absent] {
        let bytes = file.encode();
        for at in (0..bytes.len()).step_by(31) {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            let (verdict, read) = verify_account(&changed, &[fixture.anchor()], DECLARED);
            // The absence of one account is that of every other whose place would be the same.
            let same = read
                .is_some_and(|read| ProvenAccount { id: file.id, ..read } == file && file.account.is_none());
            assert!(verdict.outcome != Outcome::Valid || same, "byte {at}");
        }
    }
}
