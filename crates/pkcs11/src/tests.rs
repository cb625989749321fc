//! Names of keys; keys in SoftHSM, where it is installed.

use std::{io::Write as _, path::Path, process::Command};

use xiezhi_pki::{CertificateAuthority, Subject, Validity};

use super::*;

#[test]
fn a_uri_names_one_key_and_nothing_that_is_not_looked_at() {
    let uri: KeyUri =
        "pkcs11:token=the%20token;object=%E7%AD%BE%E5%8F%91?module-path=/usr/lib/a.so".parse().unwrap();
    assert_eq!((uri.token.as_str(), uri.object.as_str()), ("the token", "签发"));
    assert_eq!(uri.to_string().parse(), Ok(uri));
    for bad in [
        "https://token",
        "pkcs11:",
        "pkcs11:token=a;object=b",
        "pkcs11:token=a?module-path=/m",
        "pkcs11:token=a;object=b;object=c?module-path=/m",
        "pkcs11:token=a;object=b;id=%01?module-path=/m",
        "pkcs11:token=a;object=?module-path=/m",
        "pkcs11:token=%zz;object=b?module-path=/m",
        "pkcs11:token=a;object=b?module-path=/m&pin-value=1",
    ] {
        assert!(bad.parse::<KeyUri>().is_err(), "{bad}");
    }
}

/// A new token of SoftHSM, if it is installed. Its configuration is the environment's, so that one test does all.
fn token(dir: &Path) -> Option<KeyUri> {
    let modules = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"];
    let module = modules.iter().map(Path::new).find(|module| module.exists());
    let conf = std::env::var_os("SOFTHSM2_CONF");
    let (Some(module), Some(_)) = (module, conf) else {
        let _ = writeln!(
            std::io::stderr(),
            "\nSKIPPED: SoftHSM is not there, or SOFTHSM2_CONF names no place for its tokens"
        );
        return None;
    };
    let label = format!("xiezhi {}", dir.file_name()?.to_string_lossy());
    let made = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", &label, "--so-pin", "12345678", "--pin", "4321"])
        .output()
        .expect("softhsm2-util is beside its module");
    assert!(made.status.success(), "{made:?}");
    Some(KeyUri { token: label, object: "issuing".to_owned(), module: module.to_owned() })
}

#[test]
fn a_key_in_a_token_signs_and_cannot_be_made_twice() {
    let dir = tempfile::tempdir().unwrap();
    let Some(uri) = token(dir.path()) else { return };
    assert!(!TokenKey::exists(&uri, "4321").unwrap());
    assert!(matches!(TokenKey::open(&uri, "4321"), Err(TokenError::NotOneKey { found: 0, .. })));
    for alg in [SignatureAlg::Ed25519, SignatureAlg::Es256] {
        let uri = KeyUri { object: alg.name().to_owned(), ..uri.clone() };
        let made = TokenKey::make(&uri, "4321", alg).unwrap();
        assert_eq!(made.public_key().alg(), alg);
        assert!(matches!(TokenKey::make(&uri, "4321", alg), Err(TokenError::Exists { .. })));
        let opened = TokenKey::open(&uri, "4321").unwrap();
        assert_eq!(opened.public_key(), made.public_key());
        let signature = opened.sign(b"exhibit").unwrap();
        assert_eq!(made.public_key().verify(b"exhibit", &signature), Ok(()));
        assert!(made.public_key().verify(b"another", &signature).is_err());
        // The private half is not given out.
        let session = opened.session.lock().unwrap();
        let value = session.get_attributes(opened.key, &[AttributeType::Value]).unwrap_or_default();
        assert!(value.is_empty(), "the private key was read");
    }
    assert!(matches!(TokenKey::make(&uri, "4321", SignatureAlg::Sm2), Err(TokenError::Suite { .. })));
    let uri = KeyUri { object: SignatureAlg::Es256.name().to_owned(), ..uri };
    let opened = TokenKey::open(&uri, "4321").unwrap();
    let public = xiezhi_pki::PublicKey::of(&opened);
    let subject = Subject { organisation: "示范认证", common_name: "Root" };
    let validity = Validity { not_before: 1_795_000_000, not_after: 1_895_000_000 };
    let root = CertificateAuthority::new_root(opened, subject, [0x41; 16], validity).unwrap();
    assert!(root.certificate().is_signed_by(&public));
    let other = KeyUri { token: "nobody's".to_owned(), ..uri.clone() };
    assert!(matches!(TokenKey::open(&other, "4321"), Err(TokenError::NoToken { .. })));
    let other = KeyUri { module: "/nowhere.so".into(), ..uri };
    assert!(matches!(TokenKey::open(&other, "4321"), Err(TokenError::Device { .. })));
}
