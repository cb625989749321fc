//! Records made in another account's name.

use xiezhi_crypto::SignatureAlg;
use xiezhi_evidence::{
    Account, AccountProof, AccountSpec, Body, Certificate, Statement, StatementDraft,
    account::{AccountChange, Delegation, Grant, Order, Permission},
};
use xiezhi_types::{AccountId, Height, TimestampMs};
use xiezhi_verify::{
    Exhibit,
    fixtures::{CHECKPOINT_MS, Fixture, Plan, signing_key},
};

use super::{Vector, vector};

/// Height of the fixture's checkpoint.
const HEIGHT: Height = Height(42);
const HOUR_MS: u64 = 3_600_000;

fn grant(fixture: &Fixture) -> Grant {
    Grant {
        delegate: fixture.account.id,
        permissions: vec![Permission::Deposit],
        quota: 10,
        daily: None,
        not_before: None,
        until: TimestampMs(CHECKPOINT_MS + HOUR_MS),
    }
}

/// The grants, and what was recorded under them.
pub(super) fn all(fixture: &Fixture) -> Vec<Vector> {
    let key = signing_key(SignatureAlg::Es256, 63);
    let nobody = Account::create(&AccountSpec::single([9; 16], key.public_key()), Height(3));
    let (now, delegate) = (TimestampMs(CHECKPOINT_MS), fixture.account.id);
    let granted = |given: Grant| {
        nobody
            .change(&AccountChange::Delegate(given), Height(9), TimestampMs(1_700_000_000_000))
            .expect("granted")
    };
    let plain = granted(grant(fixture));
    let used = |account: &Account, deposits| {
        account.with_deposits_by(&delegate, deposits, HEIGHT, now).expect("within the limits")
    };
    let after = used(&plain, 3);
    let draft = |body: Body| fixture.draft(body);
    let made = |grantor: AccountId| -> Statement {
        draft(fixture.statement().body().clone())
            .sign_for(Some(grantor), &[&fixture.key])
            .expect("a statement")
    };
    let certificate = |grantor: &Account| {
        let plan =
            Plan { statement: Some(made(nobody.id)), grantor: Some(grantor.clone()), ..Plan::default() };
        fixture.certificate(&plan)
    };
    let deposit = |name, about, grantor: &Account| vector(name, about, fixture, &certificate(grantor));
    let held = |change: &dyn Fn(&mut Delegation)| {
        let mut account = after.clone();
        change(&mut account.delegations[0]);
        account
    };
    let revoked = |height| {
        let said = AccountChange::Revoke(delegate);
        used(&plain, 2).change(&said, height, now).expect("revoked")
    };
    let order = Order { account: nobody.id, reference: "order 1".to_owned(), document: [1; 32] };
    let frozen = |height| after.freeze(&"court".parse().expect("a name"), &order, height).expect("frozen");
    let daily =
        Grant { daily: Some(2), not_before: Some(TimestampMs(CHECKPOINT_MS - HOUR_MS)), ..grant(fixture) };
    let daily = used(&granted(daily), 2);
    let in_block = used(&revoked(HEIGHT), 1);

    let batch = |grantor: &Account| {
        let plan = fixture.batch(2, 5);
        let body = plan.statement.as_ref().expect("a batch").body().clone();
        let statement = draft(body).sign_for(Some(nobody.id), &[&fixture.key]).expect("a statement");
        let plan = Plan { statement: Some(statement), grantor: Some(grantor.clone()), ..plan };
        fixture.certificate(&plan)
    };
    let said = |name, about, said: AccountChange, account: &Account| {
        let draft = StatementDraft { issuer: nobody.id, ..draft(Body::Change(said)) };
        let statement = Some(draft.sign(&[&key]).expect("a statement"));
        let plan = Plan { statement, account: Some(account.clone()), manifest: None, ..Plan::default() };
        Vector { exhibit: Exhibit::None, ..vector(name, about, fixture, &fixture.certificate(&plan)) }
    };
    let altered = |name, about, change: &dyn Fn(&mut Certificate)| {
        let mut certificate = certificate(&after);
        change(&mut certificate);
        vector(name, about, fixture, &certificate)
    };
    let proven = |certificate: &mut Certificate, change: &dyn Fn(&mut AccountProof)| {
        change(certificate.grantor.as_mut().expect("a grantor"));
    };
    let limits = Grant { daily: Some(2), not_before: Some(now), ..grant(fixture) };
    vec![
        said("delegate", "an account lets another deposit", AccountChange::Delegate(limits), &after),
        said("delegate-revoke", "and ends it", AccountChange::Revoke(delegate), &revoked(HEIGHT)),
        deposit("delegated", "a deposit in another's name", &after),
        vector("delegated-batch", "an item of a batch in another's name", fixture, &batch(&used(&plain, 5))),
        deposit("delegated-last", "the last of the quota", &used(&after, 7)),
        deposit("delegated-daily", "the last of the day", &daily),
        deposit(
            "delegated-same-block-revoked",
            "revoked in its block, after which it still counts",
            &in_block,
        ),
        deposit("delegated-same-block-frozen", "the grantor is frozen in its block", &frozen(HEIGHT)),
        deposit("bad-delegation-none", "nothing was granted", &nobody),
        deposit(
            "bad-delegation-other-delegate",
            "something was granted to another",
            &held(&|one| one.grant.delegate = AccountId([9; 32])),
        ),
        deposit(
            "bad-delegation-no-permission",
            "nothing that deposits",
            &held(&|one| one.grant.permissions.clear()),
        ),
        deposit("bad-delegation-same-block", "granted in the record's own block", &{
            let said = AccountChange::Delegate(grant(fixture));
            nobody.change(&said, HEIGHT, now).expect("granted")
        }),
        deposit("bad-delegation-revoked", "revoked a block before", &revoked(Height(41))),
        deposit("bad-delegation-frozen", "the grantor is frozen", &frozen(Height(41))),
        deposit(
            "bad-delegation-early",
            "it does not hold yet",
            &held(&|one| one.grant.not_before = Some(TimestampMs(CHECKPOINT_MS + 1))),
        ),
        deposit(
            "bad-delegation-expired",
            "it ends with the block's time",
            &held(&|one| one.grant.until = now),
        ),
        deposit("bad-delegation-over", "more is used than granted", &held(&|one| one.used = 11)),
        deposit("bad-delegation-uncounted", "the record was not counted", &held(&|one| one.used = 0)),
        vector("bad-delegation-batch", "a batch counted as one deposit", fixture, &batch(&after)),
        deposit("bad-delegation-day", "the day's limit is passed", &{
            let mut account = daily.clone();
            account.delegations[0].grant.daily = Some(1);
            account
        }),
        deposit("bad-delegation-other-day", "what is counted is of another day", &{
            let mut account = daily.clone();
            account.delegations[0].day.as_mut().expect("a day").day -= 1;
            account
        }),
        deposit(
            "bad-delegation-later",
            "the grantor was created later",
            &Account { created: Height(43), ..after.clone() },
        ),
        altered("bad-delegation-missing", "the grantor's proof is left out", &|certificate| {
            (certificate.version, certificate.grantor) = (1, None);
        }),
        altered("bad-delegation-unexpected", "a grantor beside a record in nobody's name", &|certificate| {
            *certificate = fixture.certificate(&Plan { grantor: Some(after.clone()), ..Plan::default() });
        }),
        altered("bad-delegation-proof", "the grantor is not as proven", &|certificate| {
            proven(certificate, &|grantor| grantor.account.delegations[0].grant.quota += 1);
        }),
        altered("bad-delegation-other-grantor", "another account is proven", &|certificate| {
            certificate.grantor = Some(certificate.account.clone());
        }),
        altered("bad-delegation-statement", "the statement cannot be read", &|certificate| {
            certificate.statement.truncate(40);
        }),
        altered("broken-grantor-version", "a grantor in version 1", &|certificate| certificate.version = 1),
        altered("broken-grantor-missing", "version 3 without a grantor", &|certificate| {
            certificate.grantor = None
        }),
        vector("bad-delegation-to-itself", "in its own name as another's", fixture, &{
            // The two 32-byte ids have texts of equal length: the claim is changed in place.
            let mut certificate = certificate(&after);
            let (from, to) = (nobody.id.uri(), delegate.uri());
            let at = certificate.statement.windows(from.len()).position(|text| text == from.as_bytes());
            let at = at.expect("the grantor's name");
            certificate.statement[at..at + to.len()].copy_from_slice(to.as_bytes());
            certificate
        }),
    ]
}
