use xiezhi_verify::fixtures::{DECLARED, Fixture, Plan};

use super::*;
use crate::fixtures::{custody_log, facts};

const VECTOR: &str = include_str!("../../../../testdata/vault/custody.json");

fn exhibit() -> Facts {
    facts(&Fixture::new().certificate(&Plan::default()).encode())
}

fn check(log: &CustodyLog, anchors: &[Anchor]) -> Result<Custody, LogError> {
    log.check(&exhibit(), anchors, DECLARED)
}

/// A changed vector is a changed format. `XIEZHI_WRITE_GOLDEN` writes it.
#[test]
fn the_committed_vector_is_an_honest_log_and_is_checked_as_one() {
    let log = custody_log(&Fixture::new());
    let json = serde_json::to_string(&log).unwrap() + "\n";
    if std::env::var_os("XIEZHI_WRITE_GOLDEN").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/vault/custody.json");
        std::fs::write(path, &json).unwrap();
    }
    assert!(json == VECTOR || std::env::var_os("XIEZHI_WRITE_GOLDEN").is_some());
    let custody = check(&serde_json::from_str(&json).unwrap(), &[Fixture::new().anchor()]).unwrap();
    assert_eq!(custody.outcome, Outcome::Valid);
    let what: Vec<_> = custody.events.iter().map(|event| event.what.as_str()).collect();
    assert_eq!(what, ["stored", "granted", "audited-well", "read", "revoked"]);
    assert_eq!(custody.events[1].detail, None, "erased");
    assert_eq!(custody.events[3].detail.as_ref().unwrap()["purpose"], "庭审");
    assert!(custody.until.is_some());
    // Whoever trusts no such ledger learns nothing.
    assert_eq!(check(&log, &[]).unwrap().outcome, Outcome::Unknown);
}

#[test]
fn whatever_is_changed_in_a_log_is_seen() {
    let good = custody_log(&Fixture::new());
    let flip = |text: &mut String, at: usize| {
        let other = if text.as_bytes()[at] == b'0' { "1" } else { "0" };
        text.replace_range(at..=at, other);
    };
    type Change<'a> = Box<dyn Fn(&mut CustodyLog) + 'a>;
    let certificate = good.audits[0].certificate.clone();
    let changes: [(Change<'_>, LogError); 13] = [
        (Box::new(|log| flip(&mut log.exhibit, 0)), LogError::Exhibit),
        (Box::new(|log| log.format.push('1')), LogError::Form("the file")),
        (Box::new(|log| log.head = log.head.replace("\n5\n", "\n6\n")), LogError::Entry),
        (Box::new(|log| log.head.push('\n')), LogError::Form("the head")),
        (Box::new(|log| flip(&mut log.entries[2].path[0], 5)), LogError::Entry),
        (Box::new(|log| log.entries.swap(0, 1)), LogError::Strange(0)),
        (Box::new(|log| drop(log.entries.remove(0))), LogError::Stored),
        (Box::new(|log| log.entries[3].detail = log.entries[2].detail.clone()), LogError::Detail(4)),
        (Box::new(|log| log.certificate = certificate.clone().unwrap()), LogError::Record),
        (Box::new(|log| log.certificate.truncate(100)), LogError::Record),
        (Box::new(|log| log.audits[0].leaf = log.audits[0].leaf.replace("well", "lost")), LogError::Audit),
        (Box::new(|log| log.audits[0].certificate = None), LogError::Record),
        (Box::new(|log| flip(&mut log.audits[0].path[0], 5)), LogError::Audit),
    ];
    for (change, expected) in changes {
        let mut log = good.clone();
        change(&mut log);
        assert_eq!(check(&log, &[Fixture::new().anchor()]).unwrap_err(), expected);
    }
    // An entry of another exhibit does not pass for one of this.
    let mut strange = exhibit();
    strange.group = None;
    strange.issuer = Some("00".repeat(32));
    let found = good.check(&strange, &[], DECLARED).unwrap_err();
    assert_eq!(found, LogError::Strange(1), "another owner's scope");
}
