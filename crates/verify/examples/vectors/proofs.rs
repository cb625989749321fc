//! Proofs of accounts, and of their absence.

use xiezhi_crypto::sha256;
use xiezhi_evidence::{Account, AccountStatus, account::ProvenAccount};
use xiezhi_types::AccountId;
use xiezhi_verify::{
    Exhibit,
    fixtures::{Fixture, Plan},
};

use super::{Vector, vector};

/// Files that prove an account, its absence, or neither.
pub(super) fn all(fixture: &Fixture) -> Vec<Vector> {
    let certificate = fixture.certificate(&Plan::default());
    let [present, absent] = fixture.account_proofs(&certificate);
    let (account, other) = (certificate.account.account.clone(), absent.id);
    // Its key's hash begins with another bit than that of the account.
    let first = |id: &AccountId| sha256(&Account::state_key(id))[0] >> 7;
    let elsewhere = (0u8..=255).map(|at| AccountId([at; 32])).find(|id| first(id) != first(&account.id));
    let frozen = Account { status: AccountStatus::Frozen, ..account };
    let mut unsealed = present.clone();
    unsealed.seals.truncate(1);
    let mut unstamped = present.clone();
    unstamped.timestamps.clear();
    let made = |name, about, file: &ProvenAccount| {
        let plain = vector(name, about, fixture, &certificate);
        Vector {
            certificate: file.encode(),
            exhibit: Exhibit::None,
            record_only: true,
            is_account: true,
            ..plain
        }
    };
    let raw = |name, about, bytes: Vec<u8>| Vector { certificate: bytes, ..made(name, about, &present) };
    let with = |file: &ProvenAccount, id, account| ProvenAccount { id, account, ..file.clone() };
    let id = present.id;
    vec![
        made("account", "an account, proven", &present),
        made("account-absent", "no such account, proven", &absent),
        Vector {
            anchor: xiezhi_types::LedgerId([7; 32]),
            ..made("account-unknown-ledger", "a ledger that is not trusted", &present)
        },
        made("bad-account-altered", "another status than the state's", &with(&present, id, Some(frozen))),
        made("bad-account-denied", "an account that is there, said to be absent", &with(&absent, id, None)),
        made("bad-account-other", "another account's id", &with(&present, other, present.account.clone())),
        made(
            "bad-account-elsewhere",
            "the absence of an account that lies elsewhere",
            &with(&absent, elsewhere.expect("a few bits differ"), None),
        ),
        made(
            "bad-account-claimed",
            "an account in a proof of absence",
            &with(&absent, id, present.account.clone()),
        ),
        made("bad-account-unsealed", "one seal", &unsealed),
        made("bad-account-unstamped", "no time stamp", &unstamped),
        made(
            "bad-account-kind",
            "another kind",
            &ProvenAccount { kind: "record".to_owned(), ..present.clone() },
        ),
        made("bad-account-version", "another version", &ProvenAccount { version: 9, ..present.clone() }),
        raw("bad-account-none", "something else", b"something else".to_vec()),
        raw("bad-account-certificate", "a certificate", certificate.encode()),
    ]
}
