//! Certificates, revocation lists, requests and tokens never panic.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = xiezhi_pki::X509Certificate::from_der(data);
    let _ = xiezhi_pki::Crl::from_der(data);
    let _ = xiezhi_pki::timestamp::TimeStampRequest::from_der(data);
    let _ = xiezhi_pki::timestamp::TimeStampResponse::from_der(data);
    let trust = xiezhi_pki::Trust {
        root_der: data,
        intermediates: &[],
        crls: &[],
        revocation: xiezhi_pki::RevocationPolicy::STRICT,
    };
    assert!(xiezhi_pki::timestamp::verify_token(data, &[0; 32], &trust, None).is_err());
});
