//! Prints how long a token takes to make and to check.

use std::time::Instant;

use xiezhi_pki::{
    CertificateAuthority, CertificateTemplate, Crl, CrlTemplate, ObjectIdentifier, P256Key, Profile,
    RevocationPolicy, Subject, Trust, Validity,
    timestamp::{GenTime, TimeStampAuthority, verify_token},
};

const ROUNDS: u32 = 500;

fn main() {
    let key = |seed: u8| P256Key::from_bytes(&[seed; 32]).expect("a small scalar");
    let validity = Validity { not_before: 0, not_after: 2_000_000_000 };
    let subject = Subject { organisation: "Xiezhi", common_name: "Timing" };
    let root = CertificateAuthority::new_root(key(1), subject, [1; 16], validity).expect("a root");
    let profile = Profile::TimeStamping { key: key(2).public_key() };
    let template = CertificateTemplate::new(profile, subject, [2; 16], validity);
    let tsa = root.issue(&template).expect("a certificate");
    let list = CrlTemplate { number: 1, this_update: 0, next_update: 2_000_000_000, revoked: &[] };
    let list = root.issue_crl(&list).expect("a list");
    let policy = ObjectIdentifier::new_unwrap("1.2.3.4");
    let authority = TimeStampAuthority::new(key(2), tsa.der(), &[], policy, 0).expect("an authority");
    let now = GenTime::from_unix(1_800_000_000).expect("in range");
    let crls = [Crl::from_der(&list).expect("a list")];
    let root_der = root.certificate().der();
    let strict = Trust { root_der, intermediates: &[], crls: &crls, revocation: RevocationPolicy::STRICT };
    let lenient = Trust { crls: &[], revocation: RevocationPolicy::IF_PRESENT, ..strict };
    let token = authority.issue_token(&[7; 32], 1, now, None).expect("a token");
    measure("issue_token", || drop(authority.issue_token(&[7; 32], 1, now, None).expect("a token")));
    measure("verify_token", || drop(verify_token(&token, &[7; 32], &lenient, None).expect("valid")));
    measure("verify_token with a revocation list", || {
        drop(verify_token(&token, &[7; 32], &strict, None).expect("valid"));
    });
    println!("token: {} bytes", token.len());
}

fn measure(what: &str, mut work: impl FnMut()) {
    let start = Instant::now();
    (0..ROUNDS).for_each(|_| work());
    println!("{what}: {} us", start.elapsed().as_micros() / u128::from(ROUNDS));
}
