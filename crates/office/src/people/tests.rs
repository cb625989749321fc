use std::sync::{Arc, Mutex};

use super::*;
use crate::Officer;

const NOW: TimestampMs = TimestampMs(1_800_000_000_000);

#[tokio::test]
async fn a_session_ends_with_the_role_and_when_the_issuers_subject_is_somebody_else() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| format!("sqlite:{}", dir.path().join(name).display());
    let desk = Desk::open(&file("office.db"), &file("keys.db"), &[1; 32], "ca").await.unwrap();
    // What is configured: the names of officers, and who the issuer's subject 7 is.
    let configured = Arc::new(Mutex::new((vec!["li", "wang"], Some("li"))));
    let seen = Arc::clone(&configured);
    let rosters: Rosters = Box::new(move || {
        let (officers, subject) = seen.lock().unwrap().clone();
        let officer = |name: &str| (name.to_owned(), Officer { role: Role::Officer, key: None });
        let subjects = subject.map(|name| ("7".to_owned(), name.to_owned())).into_iter().collect();
        Roster {
            officers: officers.into_iter().map(officer).collect(),
            subjects: HashMap::from([("city".to_owned(), subjects)]),
        }
    });
    let people = People::new(desk, || NOW, "http://localhost", HashMap::new(), rosters);
    let enter = |role, known_by: Option<(&str, &str)>| {
        let session = Session { principal: "li".to_owned(), role, institution: "ca".to_owned() };
        let known_by = known_by.map(|(issuer, subject)| (issuer.to_owned(), subject.to_owned()));
        people.open(Visitor { session, said: None, known_by }).unwrap()
    };
    for (officers, subject, by_issuer, by_passkey) in [
        (vec!["li", "wang"], Some("li"), true, true),
        (vec!["li", "wang"], Some("wang"), false, true),
        (vec!["li", "wang"], None, false, true),
        (vec!["wang"], Some("li"), false, false),
        (vec![], None, false, false),
    ] {
        *configured.lock().unwrap() = (vec!["li"], Some("li"));
        let issuers = enter(Role::Officer, Some(("city", "7")));
        let (passkey, person) = (enter(Role::Officer, None), enter(Role::Person, None));
        *configured.lock().unwrap() = (officers.clone(), subject);
        let is_in = |token: &str| people.visitor(token).is_some();
        let found = (is_in(&issuers), is_in(&passkey), is_in(&person));
        assert_eq!(found, (by_issuer, by_passkey, true), "{officers:?} {subject:?}");
        // Ended is ended, whoever is appointed again.
        *configured.lock().unwrap() = (vec!["li"], Some("li"));
        assert_eq!((is_in(&issuers), is_in(&passkey)), (by_issuer, by_passkey), "{officers:?} {subject:?}");
    }
}
