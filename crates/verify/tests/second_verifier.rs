//! The second verifier, in Python and from the specifications alone, agrees with the vectors and lets no changed byte pass.

mod python;

use std::{path::Path, process::Command};

#[test]
fn the_second_verifier_agrees_on_every_vector_and_with_its_own_tests() {
    let requirements = python::interop().join("second_verifier/requirements.txt");
    let install = ["-r", requirements.to_str().unwrap()];
    let Some(python) = python::python("second-verifier", "cryptography", &install) else { return };
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/certificates");
    let vectors = vectors.to_str().unwrap();
    for args in [
        ["-m", "second_verifier.agree", vectors, "--positions", "2000"].as_slice(),
        &["-m", "unittest", "second_verifier.tests"],
    ] {
        let mut command = Command::new(&python);
        command.args(args).env("PYTHONPATH", python::interop()).env("PYTHONDONTWRITEBYTECODE", "1");
        let done = command.output().unwrap();
        let said = [done.stdout, done.stderr].concat();
        assert!(done.status.success(), "{args:?}\n{}", String::from_utf8_lossy(&said));
    }
}
