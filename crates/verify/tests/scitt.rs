//! Our receipts in other people's hands: the Python package `scitt-cose`.

mod python;

use std::process::Command;

use xiezhi_verify::{
    fixtures::{Fixture, Plan},
    receipts,
};

#[test]
fn scitt_cose_accepts_our_receipts_and_refuses_tampered_ones() {
    let Some(python) = python::python("scitt", "scitt_cose", &["scitt-cose==0.5.0"]) else { return };
    let fixture = Fixture::new();
    let script = python::interop().join("scitt_receipt.py");
    let folder = tempfile::tempdir().unwrap();
    let plans = [Plan::default(), Plan { before: 0, after: 0, ..Plan::default() }, fixture.batch(1, 3)];
    for plan in plans {
        let certificate = fixture.certificate(&plan);
        let (entry, receipt) = (folder.path().join("entry"), folder.path().join("receipt"));
        std::fs::write(&entry, &certificate.statement).unwrap();
        let exported = receipts(&certificate);
        assert_eq!(exported.len(), 4);
        for (institution, bytes) in exported {
            std::fs::write(&receipt, bytes).unwrap();
            let key = fixture.genesis.institution(&institution).unwrap().seal_key;
            let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
            let done = Command::new(&python).arg(&script).args([&entry, &receipt]).arg(hex).output().unwrap();
            let said = String::from_utf8_lossy(&done.stdout);
            assert!(done.status.success(), "{institution}: {said}{}", String::from_utf8_lossy(&done.stderr));
            let answer: serde_json::Value = serde_json::from_str(&said).unwrap();
            assert_eq!(answer["issuer"], format!("urn:xiezhi:institution:{institution}"));
            assert_eq!(answer["tree_size"], certificate.checkpoint.size.0);
            assert_eq!(answer["leaf_index"], certificate.index.0);
            assert_eq!(answer["extra_labels"], serde_json::json!(["-65701", "4"]));
        }
    }
}
