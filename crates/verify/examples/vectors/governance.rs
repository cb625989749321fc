//! What institutions say about membership.

use xiezhi_evidence::{
    Body, Governance, LocalName, Policy, StatementDraft,
    alliance::{institution_account, institution_account_id},
    governance::{Change, Invite, Keys, Step, Vote},
};
use xiezhi_types::{Height, Role};
use xiezhi_verify::{
    Exhibit,
    fixtures::{Fixture, ORIGINAL, Plan, exhibit},
};

use super::{Vector, replaced, vector};

fn of(name: &'static str, about: &'static str, fixture: &Fixture, plan: &Plan) -> Vector {
    vector(name, about, fixture, &fixture.certificate(plan))
}

/// What an institution says about membership.
pub(super) fn all(fixture: &Fixture) -> Vec<Vector> {
    let key = &fixture.key;
    let (id, ledger) = ("university".parse().expect("a name"), fixture.ledger);
    let keys = Keys::prove(&ledger, &id, key, key, "node.university.example:7400".to_owned()).expect("signs");
    let name = LocalName { zh: "示例大学".to_owned(), en: "Example University".to_owned() };
    let invite = Invite { institution: id.clone(), role: Role::Forensic, name, key: keys.seal_key };
    let signed = |said: Governance| {
        let issuer = institution_account_id(&ledger, &id);
        let draft = StatementDraft { issuer, ..fixture.draft(Body::Governance(said)) };
        draft.sign(&[key]).expect("a statement")
    };
    let plan = |said: Governance| {
        let account =
            institution_account(institution_account_id(&ledger, &id), vec![key.public_key()], Height(1));
        Plan { statement: Some(signed(said)), account: Some(account), manifest: None, ..Plan::default() }
    };
    let said = |name, about, said| {
        let plan = plan(said);
        Vector { exhibit: Exhibit::None, ..of(name, about, fixture, &plan) }
    };
    let change = |step, policy| Governance::Propose(Change { step, policy });
    let policy = Policy::quorum(&fixture.genesis.institutions, &[Role::Court], 1);
    let confirm = signed(Governance::Confirm(keys.clone()));
    let cut = |from: &[u8], to: &[u8]| Plan {
        leaf: Some(replaced(confirm.as_bytes(), from, to)),
        ..plan(Governance::Confirm(keys.clone()))
    };
    let refused =
        |name, about, plan: &Plan| Vector { exhibit: Exhibit::None, ..of(name, about, fixture, plan) };
    let mut deposit = plan(Governance::Leave);
    deposit.statement = Some({
        let body = fixture.statement().body().clone();
        let issuer = institution_account_id(&ledger, &id);
        StatementDraft { issuer, ..fixture.draft(body) }.sign(&[key]).expect("a statement")
    });
    vec![
        said("ask-invite", "a member invites", change(Step::Invite(invite), None)),
        said("ask-suspend", "a member proposes a suspension", change(Step::Suspend(id.clone()), None)),
        said("ask-readmit", "a member proposes a readmission", change(Step::Readmit(id.clone()), None)),
        said(
            "ask-remove",
            "a member proposes a removal",
            change(Step::Remove(id.clone()), Some(policy.clone())),
        ),
        said("ask-suites", "a member proposes suites", change(Step::Suites(vec![-8, -65_601]), None)),
        said("ask-policy", "a member proposes a policy", change(Step::Policy, Some(policy))),
        said("ask-vote", "a member votes", Governance::Vote(Vote { proposal: 7, approve: false })),
        said("ask-withdraw", "a member takes its proposal back", Governance::Withdraw(7)),
        said("ask-confirm", "an invited institution confirms", Governance::Confirm(keys.clone())),
        said("ask-leave", "a member leaves", Governance::Leave),
        said("ask-rotate", "a member gets other keys", Governance::Rotate(keys.clone())),
        Vector {
            exhibit: exhibit(ORIGINAL),
            ..said("ask-governance-original", "an original of what has none", Governance::Leave)
        },
        refused(
            "bad-governance-address",
            "an address without a port",
            &cut(b"example:7400", b"example.7400"),
        ),
        refused("bad-governance-subject", "the subject of an account", &cut(b"halliance", b"halliancf")),
        refused("bad-governance-key", "a key that is no point", &cut(&keys.seal_key, &[2; 32])),
        refused("bad-institution-deposit", "an institution's account deposits", &deposit),
    ]
}
