use std::io::{Cursor, Write as _};

use xiezhi_types::TimestampMs;
use xiezhi_vault_log::{CustodyLog, LogError, fixtures::custody_log};
use xiezhi_verify::{
    Outcome,
    fixtures::{DECLARED, Fixture, ORIGINAL, Plan},
};
use zip::{CompressionMethod, ZipArchive, ZipWriter, write::SimpleFileOptions};

use super::*;
use crate::custody::{Log, Packing};

fn packing() -> Packing {
    Packing {
        time: DECLARED, by: Some("示例律师事务所".to_owned()), purpose: Some("举证".to_owned())
    }
}

fn certificate() -> Vec<u8> {
    Fixture::new().certificate(&Plan::default()).encode()
}

fn packed_with(original: &[u8], name: &str, certificate: &[u8], trusted: bool) -> Result<Vec<u8>, PackError> {
    packed_from(original, name, certificate, trusted, None)
}

fn packed_from(
    original: &[u8],
    name: &str,
    certificate: &[u8],
    trusted: bool,
    vault: Option<&CustodyLog>,
) -> Result<Vec<u8>, PackError> {
    let anchors = [Fixture::new().anchor()];
    let mut out = Cursor::new(Vec::new());
    let pack = Pack {
        certificate,
        original: Cursor::new(original),
        original_name: name,
        vault,
        document: Some(b"%PDF-1.7"),
        verifier: Some(b"<!doctype html>"),
        anchors: if trusted { &anchors } else { &[] },
        packing: packing(),
    };
    write(&mut out, pack)?;
    Ok(out.into_inner())
}

fn packed() -> Vec<u8> {
    packed_with(ORIGINAL, "租赁合同.txt", &certificate(), true).unwrap()
}

fn check(pack: &[u8]) -> Result<Checked, PackError> {
    Opened::new(Cursor::new(pack))?.check(&[Fixture::new().anchor()], DECLARED)
}

/// The pack with its files changed, and where `is_listed` the index made to fit.
fn changed(pack: &[u8], is_listed: bool, change: impl FnOnce(&mut Vec<(String, Vec<u8>)>)) -> Vec<u8> {
    let mut zip = ZipArchive::new(Cursor::new(pack)).unwrap();
    let mut files = Vec::new();
    for at in 0..zip.len() {
        let mut entry = zip.by_index(at).unwrap();
        let name = entry.name().unwrap().into_owned();
        let mut bytes = Vec::new();
        std::io::copy(&mut entry, &mut bytes).unwrap();
        files.push((name, bytes));
    }
    change(&mut files);
    if is_listed {
        files.retain(|(name, _)| name != names::INDEX);
        let file = |(name, bytes): &(String, Vec<u8>)| File {
            name: name.clone(),
            sha256: hex::encode(xiezhi_crypto::sha256(bytes)),
            size: bytes.len().to_string(),
        };
        let index = writing::index(files.iter().map(file).collect());
        files.push((names::INDEX.to_owned(), index));
    }
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer
            .start_file(name, SimpleFileOptions::default().compression_method(CompressionMethod::Stored))
            .unwrap();
        writer.write_all(&bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn file<'a>(files: &'a mut [(String, Vec<u8>)], name: &str) -> &'a mut Vec<u8> {
    files.iter_mut().find(|(known, _)| known == name).map(|(_, bytes)| bytes).unwrap()
}

#[test]
fn a_pack_checks_and_gives_the_verdict_again() {
    let checked = check(&packed()).unwrap();
    assert_eq!(checked.verdict.outcome, Outcome::Valid);
    assert_eq!(checked.original, "original/租赁合同.txt");
    let whats: Vec<_> = checked.custody.events.iter().map(|event| event.what.as_str()).collect();
    let seals = ["sealed"; 4];
    assert_eq!(whats, [&["hashed", "signed", "recorded"][..], &seals, &["time-stamped", "packed"]].concat());
    assert_eq!(checked.custody.packing(), Some(packing()));
}

#[test]
fn equal_contents_give_equal_bytes() {
    assert_eq!(packed(), packed());
    assert_eq!(
        hex::encode(xiezhi_crypto::sha256(&packed())),
        "0b97f903aa1e5d749c101521344d0618b9de7bb1abda681689b7d1c7294ef69e"
    );
}

#[test]
fn what_does_not_verify_is_not_packed() {
    let outcome = |result: Result<Vec<u8>, PackError>| match result {
        Err(PackError::NotValid { outcome }) => outcome,
        other => panic!("{other:?}"),
    };
    assert_eq!(outcome(packed_with(b"another", "a", &certificate(), true)), Outcome::Invalid);
    assert_eq!(outcome(packed_with(ORIGINAL, "a", &certificate(), false)), Outcome::Unknown);
    assert_eq!(outcome(packed_with(ORIGINAL, "a", b"nothing", true)), Outcome::Invalid);
}

#[test]
fn a_changed_file_is_named() {
    for name in [
        names::CERTIFICATE,
        "original/租赁合同.txt",
        names::CUSTODY,
        names::MANIFEST,
        names::DOCUMENT,
        names::VERIFIER,
    ] {
        let pack = changed(&packed(), false, |files| file(files, name).push(b' '));
        match check(&pack) {
            Err(PackError::Altered { file, by }) => assert_eq!((file.as_str(), by), (name, names::INDEX)),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn an_index_that_was_made_to_fit_saves_nothing() {
    let original = changed(&packed(), true, |files| file(files, "original/租赁合同.txt").push(b' '));
    assert!(matches!(check(&original), Err(PackError::Altered { by: names::CERTIFICATE, .. })));
    let custody = changed(&packed(), true, |files| {
        let log = file(files, names::CUSTODY);
        *log = String::from_utf8(log.clone())
            .unwrap()
            .replace("2027-01-15T08:00:01.000Z", "2026-01-15T08:00:01.000Z")
            .into_bytes();
    });
    assert!(matches!(check(&custody), Err(PackError::Altered { by: names::CERTIFICATE, .. })));
    let manifest = changed(&packed(), true, |files| file(files, names::MANIFEST).push(0));
    assert!(matches!(check(&manifest), Err(PackError::Altered { by: names::CERTIFICATE, .. })));
    // Original, custody log and index made to fit together: the certificate is still another file's.
    let forged = changed(&packed(), true, |files| {
        *file(files, "original/租赁合同.txt") = b"forged".to_vec();
        let log = Log::new(&certificate(), &xiezhi_crypto::sha256(b"forged"), None, &packing());
        *file(files, names::CUSTODY) = log.to_json();
    });
    assert_eq!(check(&forged).unwrap().verdict.outcome, Outcome::Invalid);
}

#[test]
fn files_that_do_not_belong_or_are_missing_are_named() {
    for stray in [
        "evil.exe",
        "original/../../etc/passwd",
        "original/a/b",
        "original/CON.txt",
        "original/",
        "/certificate.xzc",
        "original/a\u{202e}b",
    ] {
        for is_listed in [false, true] {
            let pack = changed(&packed(), is_listed, |files| files.insert(2, (stray.to_owned(), Vec::new())));
            match check(&pack) {
                Err(PackError::Stray { file }) => assert_eq!(file, stray),
                other => panic!("{stray}: {other:?}"),
            }
        }
    }
    let second =
        changed(&packed(), true, |files| files.insert(2, ("original/second".to_owned(), Vec::new())));
    assert!(matches!(check(&second), Err(PackError::Form { .. })));
    for missing in [names::CERTIFICATE, names::CUSTODY, "original/租赁合同.txt"] {
        for is_listed in [false, true] {
            let pack = changed(&packed(), is_listed, |files| files.retain(|(name, _)| name != missing));
            assert!(matches!(check(&pack), Err(PackError::Missing { .. })), "{missing}");
        }
    }
    assert!(matches!(check(b"PK"), Err(PackError::Form { .. })));
}

#[test]
fn a_pack_is_checked_by_the_checkers_own_trust_and_time() {
    let mut opened = Opened::new(Cursor::new(packed())).unwrap();
    assert_eq!(opened.check(&[], DECLARED).unwrap().verdict.outcome, Outcome::Unknown);
    let before = opened.check(&[Fixture::new().anchor()], TimestampMs(1)).unwrap();
    assert_eq!(before.verdict.outcome, Outcome::Invalid);
}

#[test]
fn a_name_that_is_none_for_every_system_is_replaced() {
    for bad in ["", "a/b", "..", "a\\b", "NUL", "com1.txt", "a\nb", "a\u{202e}b", "a.", " a", "a:b"] {
        let pack = packed_with(ORIGINAL, bad, &certificate(), true).unwrap();
        assert_eq!(check(&pack).unwrap().original, "original/original", "{bad:?}");
    }
}

#[test]
fn each_event_names_the_one_before_it() {
    let log = Log::new(&certificate(), &xiezhi_crypto::sha256(ORIGINAL), None, &packing());
    assert_eq!(log.events[0].previous, "0".repeat(64));
    for pair in log.events.windows(2) {
        assert_eq!(
            pair[1].previous,
            hex::encode(xiezhi_crypto::sha256(&serde_json::to_vec(&pair[0]).unwrap()))
        );
    }
}

#[test]
fn what_a_vault_says_is_in_the_custody_log_with_its_proofs() {
    let vault = custody_log(&Fixture::new());
    let pack = packed_from(ORIGINAL, "a.txt", &certificate(), true, Some(&vault)).unwrap();
    let checked = check(&pack).unwrap();
    let said: Vec<_> = checked.custody.events.iter().filter(|event| event.according_to == "vault").collect();
    let what: Vec<_> = said.iter().map(|event| event.what.as_str()).collect();
    assert_eq!(what, ["stored", "granted", "audited-well", "read", "revoked"]);
    assert_eq!((said[3].purpose.as_deref(), said[3].by.clone()), (Some("庭审"), Some("c0".repeat(32))));
    assert_eq!(checked.vault.unwrap().outcome, Outcome::Valid);

    // For whoever does not trust the ledger nothing of it is proven, and it cannot be packed.
    let unknown = Opened::new(Cursor::new(&pack)).unwrap().check(&[], DECLARED).unwrap();
    assert_eq!(unknown.vault.unwrap().outcome, Outcome::Unknown);

    // An entry left out or changed is seen, whatever the index says.
    let left_out = changed(&pack, true, |files| {
        let mut log: CustodyLog = serde_json::from_slice(file(files, names::VAULT)).unwrap();
        log.entries.pop();
        *file(files, names::VAULT) = serde_json::to_vec(&log).unwrap();
    });
    let refused = check(&left_out).unwrap_err();
    assert!(matches!(&refused, PackError::Altered { file, .. } if file == names::CUSTODY), "{refused}");
    let gone = changed(&pack, true, |files| files.retain(|(name, _)| name != names::VAULT));
    let refused = check(&gone).unwrap_err();
    assert!(matches!(&refused, PackError::Altered { file, .. } if file == names::CUSTODY), "{refused}");
    let mut other = vault;
    other.entries[0].detail = None;
    other.entries[0].path[0] = "00".repeat(32);
    let refused = packed_from(ORIGINAL, "a.txt", &certificate(), true, Some(&other)).unwrap_err();
    assert!(matches!(refused, PackError::Vault { error: LogError::Entry }), "{refused}");
}
