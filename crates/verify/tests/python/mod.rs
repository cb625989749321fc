//! Python with packages, put under the target folder once.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

/// The repository's folder of other people's and other languages' tools.
pub(crate) fn interop() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../interop")
}

/// A Python that can import `module`, with what `install` tells pip to install; says SKIPPED and why where there is none.
pub(crate) fn python(name: &str, module: &str, install: &[&str]) -> Option<PathBuf> {
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-venv"));
    let python = venv.join("bin/python");
    let run = |command: &mut Command| {
        let done = command.output().map_err(|error| format!("{command:?}: {error}"))?;
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        if done.status.success() { Ok(()) } else { Err(format!("{command:?}: {said}")) }
    };
    let made = || {
        if run(Command::new(&python).args(["-c", &format!("import {module}")])).is_err() {
            run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
            run(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(install))?;
        }
        Ok::<_, String>(())
    };
    match made() {
        Ok(()) => Some(python),
        Err(why) => {
            // Past the capture of a passing test's output.
            let _ = writeln!(std::io::stderr(), "\nSKIPPED: {name}: {why}");
            None
        }
    }
}
