//! Our receipts in other people's hands: the Python package `scitt-cose`.

use std::{io::Write as _, path::Path, process::Command};

use xiezhi_verify::{
    fixtures::{Fixture, Plan},
    receipts,
};

const PACKAGE: &str = "scitt-cose==0.5.0";

/// A Python that has the package, put under the target folder once; or why there is none.
fn python() -> Result<String, String> {
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("scitt-venv");
    let python = venv.join("bin/python");
    let run = |command: &mut Command| {
        let done = command.output().map_err(|error| format!("{command:?}: {error}"))?;
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        if done.status.success() { Ok(()) } else { Err(format!("{command:?}: {said}")) }
    };
    if run(Command::new(&python).args(["-c", "import scitt_cose"])).is_err() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", PACKAGE]))?;
    }
    Ok(python.display().to_string())
}

#[test]
fn scitt_cose_accepts_our_receipts_and_refuses_tampered_ones() {
    let python = match python() {
        Ok(python) => python,
        Err(why) => {
            // Past the capture of a passing test's output.
            let _ = writeln!(std::io::stderr(), "\nSKIPPED: receipts were not checked with {PACKAGE}: {why}");
            return;
        }
    };
    let fixture = Fixture::new();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../interop/scitt_receipt.py");
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
