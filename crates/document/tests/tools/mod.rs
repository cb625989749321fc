//! Other people's programs; where one is missing the test says SKIPPED.

use std::process::{Command, Stdio};

/// What `program` prints on both outputs about `pdf`, which stands where `args` have FILE; none, said on standard error, where the machine has no
/// such program.
pub(crate) fn run(program: &str, pdf: &[u8], args: &[&str]) -> Option<String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("document.pdf");
    std::fs::write(&path, pdf).unwrap();
    let path = path.to_str().unwrap();
    let args = args.iter().map(|arg| if *arg == "FILE" { path } else { arg });
    let started = Command::new(program).args(args).stdin(Stdio::null()).output();
    let Ok(done) = started else {
        eprintln!("SKIPPED: no {program} on this machine");
        return None;
    };
    let both = [done.stdout, done.stderr].concat();
    let text = String::from_utf8_lossy(&both).into_owned();
    Some(format!("{text}{}", if done.status.success() { "" } else { "\nFAILED" }))
}

/// The same of a program that must succeed.
#[allow(dead_code, reason = "not every file of tests needs it")]
pub(crate) fn output(program: &str, pdf: &[u8], args: &[&str]) -> Option<String> {
    let text = run(program, pdf, args)?;
    assert!(!text.ends_with("\nFAILED"), "{program}: {text}");
    Some(text)
}
