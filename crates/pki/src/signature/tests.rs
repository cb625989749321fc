use x509_cert::ext::pkix::KeyUsages;

use super::*;
use crate::{
    testkit::{NOW, alliance, key, key_usage, misfit},
    timestamp::GenTime,
};

fn signer() -> DocumentSigner {
    let usages = key_usage(true, &[KeyUsages::DigitalSignature, KeyUsages::NonRepudiation]);
    let der = misfit(&alliance(), key(9).public_key().into(), vec![usages]);
    DocumentSigner::new(key(9), &[der]).unwrap()
}

#[test]
fn key_and_certificate_must_belong_together() {
    let der = signer().certificates[0].der().to_vec();
    assert_eq!(DocumentSigner::new(key(8), std::slice::from_ref(&der)).unwrap_err(), SignerError::Key);
    assert_eq!(DocumentSigner::new(key(9), &[]).unwrap_err(), SignerError::NoCertificate);
    let malformed = DocumentSigner::new(key(9), &[der, b"x".to_vec()]).unwrap_err();
    assert!(matches!(malformed, SignerError::Malformed { index: 1, .. }));
}

#[test]
fn equal_content_gets_equal_signatures_and_a_token_is_one_der_value() {
    let signature = signer().sign([7; 32]);
    assert_eq!(signature.to_der(None).unwrap(), signer().sign([7; 32]).to_der(None).unwrap());
    assert_ne!(signature.imprint(), signer().sign([8; 32]).imprint());
    assert!(signature.to_der(Some(b"\x30\x01")).is_err());
}

#[test]
fn openssl_verifies_a_signature_with_and_without_a_time_stamp() {
    use std::process::Command;

    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let alliance = alliance();
    std::fs::write(path("root.pem"), alliance.root.certificate().to_pem()).unwrap();
    std::fs::write(path("content"), b"a document").unwrap();
    let signature = signer().sign(digest(b"a document"));
    let time = GenTime::from_unix_ms(NOW * 1000).unwrap();
    let token = alliance.authority().issue_token(&signature.imprint(), 1, time, None).unwrap();
    for token in [None, Some(token.as_slice())] {
        std::fs::write(path("cms.der"), signature.to_der(token).unwrap()).unwrap();
        let verify = |content: &str| {
            let mut command = Command::new("openssl");
            command.args([
                "cms",
                "-verify",
                "-binary",
                "-inform",
                "DER",
                "-purpose",
                "any",
                "-in",
                &path("cms.der"),
                "-content",
                content,
            ]);
            command
                .args(["-CAfile", &path("root.pem"), "-attime", &NOW.to_string(), "-out", &path("out")])
                .output()
        };
        let Ok(good) = verify(&path("content")) else {
            eprintln!("SKIPPED: openssl not found");
            return;
        };
        assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stderr));
        assert!(!verify(&path("root.pem")).unwrap().status.success(), "another content");
    }
}
