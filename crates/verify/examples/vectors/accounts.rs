//! Changes of accounts, and what they leave behind for those who judge.

use xiezhi_crypto::{SignatureAlg, SigningKey};
use xiezhi_evidence::{
    Account, AccountSpec, AccountStatus, Body, StatementDraft, WeightedKey,
    account::{AccountChange, Authority, Encryption, Lifting, Order, Recovery, Successor},
    alliance::{institution_account, institution_account_id},
};
use xiezhi_types::{AccountId, Height, TimestampMs};
use xiezhi_verify::{
    Exhibit,
    fixtures::{Fixture, Plan, signing_key},
};

use super::{Vector, vector};

/// Height of the fixture's checkpoint.
const HEIGHT: Height = Height(42);

fn authority(key: &SigningKey) -> Authority {
    let keys = vec![WeightedKey { key: key.public_key(), weight: 1 }];
    Authority { keys, deposit_threshold: 1, manage_threshold: 1 }
}

/// Statements that change accounts, and deposits in the blocks that do.
pub(super) fn all(fixture: &Fixture) -> Vec<Vector> {
    let (recovery, other) = (signing_key(SignatureAlg::Sm2, 61), signing_key(SignatureAlg::Es256, 62));
    let mut spec = AccountSpec::single([6; 16], fixture.key.public_key());
    spec.recovery_key = Some(recovery.public_key());
    spec.recovery_delay_s = Some(7200);
    let account = Account::create(&spec, Height(3));
    let time = TimestampMs(1_700_000_000_000);
    let signed = |issuer: AccountId, body: Body, keys: &[&SigningKey]| {
        StatementDraft { issuer, ..fixture.draft(body) }.sign(keys).expect("a statement")
    };
    let said = |name, about, said: AccountChange, account: &Account, keys: &[&SigningKey]| {
        let statement = Some(signed(account.id, Body::Change(said), keys));
        let plan = Plan { statement, account: Some(account.clone()), manifest: None, ..Plan::default() };
        Vector { exhibit: Exhibit::None, ..vector(name, about, fixture, &fixture.certificate(&plan)) }
    };
    let deposit = |name, about, account: &Account, keys: &[&SigningKey]| {
        let statement = Some(signed(account.id, fixture.statement().body().clone(), keys));
        let plan = Plan { statement, account: Some(account.clone()), ..Plan::default() };
        vector(name, about, fixture, &fixture.certificate(&plan))
    };
    let after = |account: &Account, said: &AccountChange, height: Height, at: u64| {
        account.change(said, height, TimestampMs(time.0 + at * 1000)).expect("a change")
    };
    let takes = AccountChange::Authority(authority(&other));
    let begins = AccountChange::BeginReset(authority(&other));
    let (own, finish, cancel) = (&fixture.key, AccountChange::FinishReset, AccountChange::CancelReset);
    let recovers = AccountChange::Recovery(Recovery { key: Some(other.public_key()), delay_s: None });
    let begun = after(&account, &begins, Height(9), 0);
    let frozen = |height| {
        let court = "court".parse().expect("a name");
        let order = Order { account: account.id, reference: "order 1".to_owned(), document: [1; 32] };
        account.freeze(&court, &order, height).expect("frozen")
    };
    let court = "court".parse().expect("a name");
    let court_account = institution_account(
        institution_account_id(&fixture.ledger, &court),
        vec![own.public_key()],
        Height(0),
    );
    let order = Order { account: account.id, reference: "order 2".to_owned(), document: [2; 32] };
    let lifting = Lifting { order: order.clone(), institution: court, freezing: "order 1".to_owned() };
    let (changed, earlier) = (after(&account, &takes, HEIGHT, 0), after(&account, &takes, Height(41), 0));
    let encryption = AccountChange::Encryption(Encryption { key: Some(other.public_key()) });
    let transfer = |account| AccountChange::Transfer(Successor { account });
    vec![
        said("change-authority", "other keys, by the keys before", takes.clone(), &changed, &[own]),
        said(
            "change-recovery",
            "another recovery key, by both",
            recovers.clone(),
            &account,
            &[own, &recovery],
        ),
        said("change-encryption", "another encryption key", encryption, &account, &[own]),
        said(
            "change-begin-reset",
            "a reset begins",
            begins.clone(),
            &after(&account, &begins, HEIGHT, 0),
            &[&recovery],
        ),
        said(
            "change-cancel-reset",
            "a reset is cancelled",
            cancel.clone(),
            &after(&begun, &cancel, HEIGHT, 10),
            &[own],
        ),
        said(
            "change-finish-reset",
            "a reset ends",
            finish.clone(),
            &after(&begun, &finish, HEIGHT, 7200),
            &[&recovery],
        ),
        said(
            "change-transfer",
            "an account is offered",
            transfer(Some(AccountId([9; 32]))),
            &account,
            &[own],
        ),
        said("change-offer-withdrawn", "an offer is withdrawn", transfer(None), &account, &[own]),
        said(
            "change-accept",
            "a successor accepts",
            AccountChange::Accept(AccountId([9; 32])),
            &account,
            &[own],
        ),
        said("change-freeze", "a court freezes", AccountChange::Freeze(order), &court_account, &[own]),
        said(
            "change-unfreeze",
            "a court lifts its order",
            AccountChange::Unfreeze(lifting),
            &court_account,
            &[own],
        ),
        deposit("change-same-block", "a deposit in the block that changes the keys", &changed, &[own]),
        deposit("change-block-before", "a deposit by the new keys, a block later", &earlier, &[&other]),
        deposit("change-frozen-same-block", "a deposit in the block that freezes", &frozen(HEIGHT), &[own]),
        deposit("bad-change-frozen", "a deposit a block after", &frozen(Height(41)), &[own]),
        deposit("bad-change-old-key", "a deposit by the old key, a block later", &earlier, &[own]),
        deposit(
            "bad-change-new-key",
            "a deposit by the new key in the block that changes",
            &changed,
            &[&other],
        ),
        deposit("bad-change-recovery-deposits", "a deposit by the recovery key", &account, &[&recovery]),
        said(
            "bad-change-recovery-alone",
            "another recovery key, without the present one",
            recovers,
            &account,
            &[own],
        ),
        said("bad-change-reset-by-owner", "a reset by an authority key", begins, &account, &[own]),
        said(
            "bad-change-cancel-by-recovery",
            "a cancellation by the recovery key",
            cancel,
            &begun,
            &[&recovery],
        ),
        said(
            "bad-change-transferred",
            "a change of what is gone",
            takes,
            &Account { status: AccountStatus::Transferred, ..account.clone() },
            &[own],
        ),
    ]
}
