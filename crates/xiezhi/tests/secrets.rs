//! Secret files sealed with a passphrase: an account's, and a node's seal key.

mod place;

use std::{fs, process::Stdio};

use place::{Place, institutions::Institutions, text};

fn with(place: &Place, passphrase: Option<&str>, args: &[&str]) -> (i32, String) {
    let mut command = place.command(args);
    command.stdin(Stdio::null()).env_remove("XIEZHI_PASSPHRASE").env_remove("XIEZHI_PASSPHRASE_FILE");
    if let Some(passphrase) = passphrase {
        let file = place.file("passphrase", format!("{passphrase}\n").as_bytes());
        command.env("XIEZHI_PASSPHRASE_FILE", file);
    }
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn a_sealed_account_and_a_sealed_seal_key_work_with_the_passphrase_and_not_without() {
    let mut all = Institutions::found(4);
    let file = all.place.file("a.txt", b"content");
    let key = text(&all.place.path("alliance/notary/keys/seal.key")).to_owned();
    let place = &all.place;
    let open = fs::read(&key).unwrap();
    let ok = |said: (i32, String)| assert_eq!(said.0, 0, "{}", said.1);
    ok(with(place, Some("correct horse"), &["account", "protect", "--key", &key]));
    let sealed = fs::read_to_string(&key).unwrap();
    assert!(
        sealed.contains("xiezhi-keystore/1") && !sealed.contains(std::str::from_utf8(&open).unwrap().trim())
    );

    // The node names what it lacks, and does not start on a wrong passphrase.
    let node = ["node", "--config", &all.config("notary")];
    let (code, said) = with(place, None, &node);
    assert!(code != 0 && said.contains("XIEZHI_PASSPHRASE_FILE"), "{said}");
    let (code, said) = with(place, Some("wrong"), &node);
    assert!(code != 0 && said.contains("passphrase is wrong"), "{said}");
    let passphrase = place.file("passphrase", b"correct horse\n");
    all.start(&[0, 2, 3]);
    let mut command = all.place.command(&node);
    command.env("XIEZHI_PASSPHRASE_FILE", &passphrase).stdout(Stdio::null()).stderr(Stdio::null());
    all.nodes[1] = Some(command.spawn().unwrap());
    all.wait_live(&[0, 1, 2, 3]);
    all.deposit(0, 0, &file);

    let place = &all.place;
    ok(with(place, Some("correct horse"), &["account", "protect"]));
    let again = text(&place.file("b.txt", b"other content")).to_owned();
    let url = all.url(0);
    let deposit = ["deposit", again.as_str(), "--url", &url];
    let (code, said) = with(place, None, &deposit);
    assert!(code == 2 && said.contains("XIEZHI_PASSPHRASE_FILE"), "{said}");
    let (code, said) = with(place, Some("wrong"), &deposit);
    assert!(code == 2 && said.contains("passphrase is wrong"), "{said}");
    ok(with(place, Some("correct horse"), &deposit));
    assert!(fs::read_to_string(place.path("home/accounts/default.json")).unwrap().contains("keystore"));

    ok(with(place, Some("correct horse"), &["account", "unprotect", "--key", &key]));
    assert_eq!(fs::read(&key).unwrap(), open);
    let (code, said) = with(place, Some(""), &["account", "protect", "--key", &key]);
    assert!(code == 2 && said.contains("empty"), "{said}");
    assert_eq!(fs::read(&key).unwrap(), open);
}
