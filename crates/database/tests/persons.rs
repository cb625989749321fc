//! Personal data is readable with the person's key, and nobody's once that is erased.

use std::{fs, path::Path};

use xiezhi_database::{PersonId, PersonKeyError, PersonKeys};

async fn keys(dir: &Path, master: u8) -> Result<PersonKeys, PersonKeyError> {
    PersonKeys::open(&format!("sqlite:{}", dir.join("keys.db").display()), &[master; 32]).await
}

/// Whether any file in `dir` holds `bytes`.
fn is_anywhere(dir: &Path, bytes: &[u8]) -> bool {
    let files = fs::read_dir(dir).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
    files.into_iter().any(|file| file.windows(bytes.len()).any(|window| window == bytes))
}

#[tokio::test]
async fn the_same_person_is_found_again_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let keys = keys(dir.path(), 1).await.unwrap();
    let one = keys.person(&["resident-id", "11010519491231002X"]).await.unwrap();
    assert_eq!(keys.person(&["resident-id", "11010519491231002X"]).await.unwrap(), one);
    assert_ne!(keys.person(&["resident-id1", "1010519491231002X"]).await.unwrap(), one);
    assert!(!is_anywhere(dir.path(), b"11010519491231002X"));
}

#[tokio::test]
async fn sealed_data_opens_for_its_person_and_place_only() {
    let dir = tempfile::tempdir().unwrap();
    let keys = keys(dir.path(), 1).await.unwrap();
    let (one, two) = (keys.person(&["1"]).await.unwrap(), keys.person(&["2"]).await.unwrap());
    let sealed = keys.seal(&one, "applications/1", b"secret").await.unwrap();
    assert_eq!(**keys.unseal(&one, "applications/1", &sealed).await.unwrap(), *b"secret");
    let refused = async |person, place, sealed: &[u8]| {
        assert!(matches!(keys.unseal(person, place, sealed).await, Err(PersonKeyError::Sealed)));
    };
    refused(&two, "applications/1", &sealed).await;
    refused(&one, "applications/2", &sealed).await;
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        refused(&one, "applications/1", &changed).await;
    }
    for short in 0..sealed.len() {
        refused(&one, "applications/1", &sealed[..short]).await;
    }
    assert_ne!(keys.seal(&one, "applications/1", b"secret").await.unwrap(), sealed, "a nonce is used once");
}

#[tokio::test]
async fn an_erased_person_is_erased_in_every_backup_of_the_data() {
    let dir = tempfile::tempdir().unwrap();
    let keys = keys(dir.path(), 1).await.unwrap();
    let (one, two) = (keys.person(&["1"]).await.unwrap(), keys.person(&["2"]).await.unwrap());
    let backup = keys.seal(&one, "p", b"secret").await.unwrap();
    let other = keys.seal(&two, "p", b"secret").await.unwrap();
    let before = keys.mac(&one, b"body").await.unwrap();
    assert!(is_anywhere(dir.path(), one.0.as_bytes()));

    keys.erase(&one).await.unwrap();
    keys.erase(&one).await.unwrap();
    assert!(matches!(keys.unseal(&one, "p", &backup).await, Err(PersonKeyError::Erased)));
    assert!(matches!(keys.seal(&one, "p", b"more").await, Err(PersonKeyError::Erased)));
    assert!(matches!(keys.mac(&one, b"body").await, Err(PersonKeyError::Erased)));
    assert_eq!(**keys.unseal(&two, "p", &other).await.unwrap(), *b"secret");
    assert!(!is_anywhere(dir.path(), one.0.as_bytes()), "no file keeps the row");

    // Who comes again is another.
    let again = keys.person(&["1"]).await.unwrap();
    assert_ne!(again, one);
    assert!(matches!(keys.unseal(&again, "p", &backup).await, Err(PersonKeyError::Sealed)));
    assert_ne!(keys.mac(&again, b"body").await.unwrap(), before);
}

#[tokio::test]
async fn another_master_key_is_noticed_at_once() {
    let dir = tempfile::tempdir().unwrap();
    keys(dir.path(), 1).await.unwrap().person(&["1"]).await.unwrap();
    assert!(matches!(keys(dir.path(), 2).await, Err(PersonKeyError::Sealed)));
    assert!(keys(dir.path(), 1).await.is_ok());
}

#[tokio::test]
async fn keys_are_never_kept_on_a_server() {
    let refused = PersonKeys::open("postgres://host/name", &[1; 32]).await;
    assert!(matches!(refused, Err(PersonKeyError::Database(_))));
}

#[tokio::test]
async fn many_at_once_agree_on_who_a_person_is() {
    let dir = tempfile::tempdir().unwrap();
    let keys = keys(dir.path(), 1).await.unwrap();
    let mut tasks = Vec::new();
    for _ in 0..16 {
        let keys = keys.clone();
        tasks.push(tokio::spawn(async move { keys.person(&["1"]).await.unwrap() }));
    }
    let mut found: Vec<PersonId> = Vec::new();
    for task in tasks {
        found.push(task.await.unwrap());
    }
    found.dedup();
    assert_eq!(found.len(), 1);
}
