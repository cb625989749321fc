use xiezhi_client::Client;
use xiezhi_database::{PersonKeyError, fixtures::PostgresServer};
use xiezhi_evidence::LocalName;
use xiezhi_types::{AccountId, LedgerId};
use xiezhi_verify::Anchor;

use super::*;
use crate::{Evidence, applicant::tests::person, policy::Role};

const NOW: TimestampMs = TimestampMs(1_800_000_000_000);
const ACCOUNT: &str = "0707070707070707070707070707070707070707070707070707070707070707";

/// Where a desk's files are; its database may be elsewhere.
struct Place {
    dir: tempfile::TempDir,
    database: String,
}

impl Place {
    fn new(database: Option<String>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let beside = || format!("sqlite:{}", dir.path().join("office.db").display());
        Self { database: database.unwrap_or_else(beside), dir }
    }

    async fn desk(&self) -> Desk {
        let keys = format!("sqlite:{}", self.dir.path().join("keys.db").display());
        Desk::open(&self.database, &keys, &[1; 32], "ca").await.unwrap()
    }
}

fn session(role: Role, principal: &str) -> Session {
    Session { principal: principal.to_owned(), role, institution: "ca".to_owned() }
}

fn because(reason: &str) -> Revocation {
    Revocation { reason: reason.to_owned(), reference: "RA-2026-3".to_owned() }
}

/// A ledger of which no node answers.
fn dead_ledger() -> NodeLedger {
    let client = Client::new("http://127.0.0.1:1").unwrap();
    let name = LocalName { zh: String::new(), en: String::new() };
    NodeLedger::new(client, Anchor { ledger: LedgerId([1; 32]), name }, AccountId([2; 32]), Vec::new())
}

/// An approved application of `owner` to which an account is bound.
async fn bound(desk: &Desk, owner: &Session, officer: &Session) -> String {
    let applied = desk.apply(owner, &person(), None, NOW).await.unwrap();
    let evidence = Evidence::Officer { approve: true, reason: "seen" };
    desk.decide(officer, &applied.id, &evidence, None, NOW).await.unwrap();
    let sql = "INSERT INTO bindings (application, account, manifest, statement) VALUES ($1, $2, $3, $3)";
    let values = vec![applied.id.as_str().into(), ACCOUNT.into(), vec![1].into()];
    desk.database.execute(sql, values).await.unwrap();
    applied.id
}

async fn withdrawing(place: &Place) {
    let desk = place.desk().await;
    let (owner, other) = (session(Role::Client, "gateway"), session(Role::Person, "other"));
    let officer = session(Role::Officer, "li");
    let id = desk.apply(&owner, &person(), None, NOW).await.unwrap().id;
    assert!(matches!(desk.withdraw(&other, &id, NOW).await, Err(DeskError::NotFound)));
    assert!(matches!(desk.withdraw(&officer, &id, NOW).await, Err(DeskError::Denied)));
    assert_eq!(desk.withdraw(&owner, &id, NOW).await.unwrap(), State::Withdrawn);
    assert!(matches!(desk.withdraw(&owner, &id, NOW).await, Err(DeskError::WrongState(_))));
    let evidence = Evidence::Officer { approve: true, reason: "seen" };
    assert!(matches!(desk.decide(&officer, &id, &evidence, None, NOW).await, Err(DeskError::WrongState(_))));
}

async fn revoking(place: &Place) {
    let desk = place.desk().await;
    let (owner, other) = (session(Role::Client, "gateway"), session(Role::Person, "other"));
    let (officer, auditor) = (session(Role::Officer, "li"), session(Role::Auditor, "zhao"));
    let id = bound(&desk, &owner, &officer).await;
    assert_eq!(desk.show(&owner, &id, NOW).await.unwrap().accounts, [ACCOUNT]);
    let revoke = async |who, account, reason| desk.revoke(who, &id, account, &because(reason), NOW).await;
    assert!(matches!(revoke(&other, ACCOUNT, "holder").await, Err(DeskError::NotFound)));
    assert!(matches!(revoke(&auditor, ACCOUNT, "holder").await, Err(DeskError::Denied)));
    assert!(matches!(revoke(&officer, "0808", "untrue").await, Err(DeskError::NoBinding)));
    assert!(matches!(revoke(&officer, ACCOUNT, "because").await, Err(DeskError::Refused(_))));
    assert_eq!(desk.show(&owner, &id, NOW).await.unwrap().revoked, []);

    revoke(&officer, ACCOUNT, "untrue").await.unwrap();
    // Once and for ever: whoever comes later changes nothing.
    revoke(&owner, ACCOUNT, "untrue").await.unwrap();
    let found = desk.show(&owner, &id, TimestampMs(NOW.0 + 5)).await.unwrap();
    assert_eq!((found.accounts.len(), found.revoked.len()), (0, 1));
    let one = &found.revoked[0];
    assert_eq!((one.account.as_str(), one.reason.as_str(), &one.record), (ACCOUNT, "untrue", &None));
    assert_eq!((one.reference.as_str(), one.time.as_str()), ("RA-2026-3", NOW.rfc3339().as_str()));
    let events = found.history.iter().filter(|one| one.event == "binding-revoked");
    assert_eq!(events.count(), 1);
    assert_eq!(desk.deliver(&dead_ledger(), NOW).await.unwrap(), 1, "owed until the ledger has it");

    // The holder gives no other reason than his wish; an approval that is taken back takes its bindings along.
    let another = bound(&desk, &owner, &officer).await;
    desk.revoke(&owner, &another, ACCOUNT, &because("untrue"), NOW).await.unwrap();
    let one = desk.show(&owner, &another, NOW).await.unwrap().revoked.remove(0);
    assert_eq!((one.reason.as_str(), one.reference.as_str()), ("holder", ""));
    let third = bound(&desk, &owner, &officer).await;
    assert!(matches!(
        desk.rescind(&owner, &third, &because("changed"), None, NOW).await,
        Err(DeskError::Denied)
    ));
    assert_eq!(
        desk.rescind(&officer, &third, &because("changed"), None, NOW).await.unwrap(),
        State::Rescinded
    );
    let found = desk.show(&owner, &third, NOW).await.unwrap();
    assert_eq!((found.accounts.len(), found.revoked[0].reason.as_str()), (0, "changed"));
    let reason = found.history.iter().find(|one| one.event == "rescinded").unwrap().reason.clone();
    assert_eq!(reason.as_deref(), Some("changed RA-2026-3"));
}

async fn erasing(place: &Place) {
    let desk = place.desk().await;
    let (owner, officer) = (session(Role::Client, "gateway"), session(Role::Officer, "li"));
    let (protection, auditor) = (session(Role::Protection, "wang"), session(Role::Auditor, "zhao"));
    let id = bound(&desk, &owner, &officer).await;
    let erasure = Erasure { basis: "request".to_owned(), reference: "DP-2026-17".to_owned() };
    // The process dies between the database and the file of keys.
    let gone = desk.begin_erasure(&protection, &id, &erasure, NOW).await.unwrap();
    desk.database.close().await;
    let desk = place.desk().await;
    assert!(desk.keys.mac(&gone, b"").await.is_ok(), "the key is still there");
    assert_eq!(desk.deliver(&dead_ledger(), NOW).await.unwrap(), 1);
    assert!(matches!(desk.keys.mac(&gone, b"").await, Err(PersonKeyError::Erased)), "and goes first");
    desk.erase(&protection, &id, &erasure, NOW).await.unwrap();
    assert!(matches!(desk.erasures(&officer, 0).await, Err(DeskError::Denied)));
    let found = desk.erasures(&auditor, 0).await.unwrap();
    assert_eq!(found.len(), 1, "done twice it is one");
    assert_eq!(desk.erasures(&auditor, 1).await.unwrap(), []);
    let one = &found[0];
    assert_eq!(
        (one.reason.as_str(), one.reference.as_str(), one.actor.as_str()),
        ("request", "DP-2026-17", "wang")
    );
    // A binding outlives the data, and its holder can still end it.
    desk.revoke(&owner, &id, ACCOUNT, &because("holder"), NOW).await.unwrap();
    assert_eq!(desk.show(&owner, &id, NOW).await.unwrap().revoked.len(), 1);
}

#[tokio::test]
async fn an_applicant_takes_back_what_was_not_judged_yet() {
    withdrawing(&Place::new(None)).await;
}

#[tokio::test]
async fn a_binding_is_revoked_once_by_who_may_and_is_owed_to_the_ledger() {
    revoking(&Place::new(None)).await;
}

#[tokio::test]
async fn an_interrupted_erasure_is_finished_before_the_ledger_says_so() {
    erasing(&Place::new(None)).await;
}

#[tokio::test]
async fn all_of_it_holds_on_postgresql() {
    let Some(server) = PostgresServer::start() else { return };
    withdrawing(&Place::new(Some(server.database("withdrawing")))).await;
    revoking(&Place::new(Some(server.database("revoking")))).await;
    erasing(&Place::new(Some(server.database("erasing")))).await;
}
