//! Checks of the house itself, run as tests.
//!
//! - A crate depends only on crates below it.
//! - Only `consensus` names the engine, only `store` names the database; `fsck` names the trees beneath the database, to read it back. Only
//!   `document` names the typesetter, only `compare` a decoder of pictures, only
//!   `database` the library of application data, only `objects` that of object stores.
//! - Every module begins with a header that says its purpose.
//! - No source file has more than [`LINES_MAX`] lines.

#![cfg(test)]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The crates from the bottom to the top; each may depend on those before it in an earlier or the same row.
const ROWS: [&[&str]; 12] = [
    &["types"],
    &["crypto", "merkle", "note", "identity", "keystore", "problem", "template", "objects"],
    &["pki", "compare", "session"],
    &["ca", "pkcs11"],
    &["evidence"],
    &["verify", "ledger"],
    &["store", "fsck", "consensus", "document", "vault-log", "pack", "wasm", "database", "bundle"],
    &["node", "client"],
    &["custody", "depositor"],
    &["api", "alliance", "portal", "office", "service", "vault"],
    &["xiezhi"],
    &["tidy", "simulation"],
];

/// Most lines of a source file.
const LINES_MAX: usize = 700;

/// Prefixes of dependencies that one crate alone may name.
const OWNED: [(&str, &str); 9] = [
    ("cryptoki", "pkcs11"),
    ("commonware-", "consensus"),
    ("fjall", "store"),
    ("lsm-tree", "fsck"),
    ("jmt", "ledger"),
    ("typst", "document"),
    ("image", "compare"),
    ("sqlx", "database"),
    ("object_store", "objects"),
];

fn crates_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn row(name: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&name))
}

fn names() -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(crates_dir())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().join("Cargo.toml").is_file())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Names in `[dependencies]`; those for tests may point anywhere.
fn dependencies(name: &str) -> Vec<String> {
    let manifest = fs::read_to_string(crates_dir().join(name).join("Cargo.toml")).unwrap();
    let section = manifest.split("\n[").find(|part| part.starts_with("dependencies]")).unwrap_or_default();
    let lines = section.lines().skip(1).filter(|line| !line.trim_start().starts_with('#'));
    lines
        .filter_map(|line| line.split(['=', '.', ' ']).next())
        .filter(|n| !n.is_empty())
        .map(str::to_owned)
        .collect()
}

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn crates_depend_only_on_crates_below() {
    for name in names() {
        let own = row(&name).unwrap_or_else(|| panic!("crate {name} has no row in tidy"));
        for dependency in dependencies(&name) {
            if let Some(below) = dependency.strip_prefix("xiezhi-") {
                let at = row(below).unwrap_or_else(|| panic!("crate {below} has no row in tidy"));
                assert!(at <= own && below != name, "{name} must not depend on {below}");
            }
        }
    }
}

#[test]
fn engine_database_and_state_tree_are_named_by_one_crate_each() {
    for name in names() {
        for dependency in dependencies(&name) {
            for (prefix, owner) in OWNED {
                assert!(
                    !dependency.starts_with(prefix) || name == owner,
                    "{name} must not name {dependency}"
                );
            }
        }
    }
}

#[test]
fn every_module_has_a_header_and_a_bounded_length() {
    for name in names() {
        let mut files = Vec::new();
        sources(&crates_dir().join(&name).join("src"), &mut files);
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            let is_tests = file.to_string_lossy().contains("tests");
            assert!(is_tests || text.starts_with("//!"), "{} has no header", file.display());
            assert!(text.lines().count() <= LINES_MAX, "{} is too long", file.display());
        }
    }
}
