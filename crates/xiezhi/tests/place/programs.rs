//! Other people's programs on running services: schemathesis on the committed documents, and programs on the clients in Python and TypeScript.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use super::{Place, skipped, text};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The tools' Python, if it has `module`.
fn python(module: &str) -> Option<Command> {
    let program = std::env::var("XIEZHI_PYHANKO").unwrap_or_else(|_| "python3".to_owned());
    let import = format!("import {module}");
    let found = Command::new(&program).args(["-c", &import]).output().is_ok_and(|done| done.status.success());
    if !found {
        skipped(&format!("Python has no {module}"));
    }
    found.then(|| Command::new(program))
}

fn output(done: Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{out}\n{err}");
    out.into_owned()
}

/// Sends what `document` allows, and much that it does not, to the service at `url`: as `client` with a key, where one is given, and naming
/// what is `known` to exist. Addresses that match `exclude` are left out: streams do not end.
pub(crate) fn fuzz(
    place: &Place,
    document: &str,
    url: &str,
    client: Option<(&str, &str)>,
    known: &[(&str, &str)],
    exclude: &str,
) {
    let Some(mut command) = python("schemathesis") else { return };
    let document = root().join("docs").join(document);
    command.arg(root().join("interop/fuzz.py")).args([text(&document), url, "--exclude", exclude]);
    if let Some((client, key)) = client {
        command.args(["--client", client, "--key", key]);
    }
    for (name, value) in known {
        command.args(["--known", &format!("{name}={value}")]);
    }
    output(command.current_dir(place.dir.path()).output().unwrap());
}

/// What the example `name` of the client in Python prints; `None` when it cannot run here.
pub(crate) fn python_example(place: &Place, name: &str, args: &[&str]) -> Option<String> {
    let mut command = python("cryptography")?;
    let clients = root().join("clients/python");
    command.arg(clients.join("examples").join(name)).args(args).env("PYTHONPATH", &clients);
    command.env("PYTHONDONTWRITEBYTECODE", "1").current_dir(place.dir.path());
    Some(output(command.output().unwrap()))
}

/// Compiles the client in TypeScript and gives what its example prints with `env`; `None` when it cannot run here.
pub(crate) fn typescript_example(place: &Place, env: &[(&str, &str)]) -> Option<String> {
    let compiler = std::env::var("XIEZHI_TSC").unwrap_or_else(|_| "tsc".to_owned());
    if !Command::new(&compiler).arg("--version").output().is_ok_and(|done| done.status.success()) {
        skipped("no TypeScript compiler: the client in TypeScript was not tried");
        return None;
    }
    let built = place.path("typescript");
    let mut compile = Command::new(compiler);
    output(
        compile.args(["-p", text(&root().join("clients/ts")), "--outDir", text(&built)]).output().unwrap(),
    );
    place.file("typescript/package.json", br#"{ "type": "module" }"#);
    let mut run = Command::new("node");
    Some(output(run.arg(built.join("example.js")).envs(env.iter().copied()).output().unwrap()))
}

/// The committed clients are those that the committed documents give.
pub(crate) fn check_clients() {
    let generate = root().join("clients/generate.py");
    match Command::new("python3").arg(generate).arg("--check").output() {
        Ok(done) => drop(output(done)),
        Err(_) => skipped("no Python: whether the clients are those of the documents is not known"),
    }
}
