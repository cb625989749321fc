//! Certificates, revocation lists, requests, tokens, certification requests, keys and OCSP messages never panic.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = xiezhi_pki::X509Certificate::from_der(data);
    let _ = xiezhi_pki::Crl::from_der(data);
    let _ = xiezhi_pki::timestamp::TimeStampRequest::from_der(data);
    let _ = xiezhi_pki::timestamp::TimeStampResponse::from_der(data);
    let _ = xiezhi_pki::CertificationRequest::from_der(data);
    let _ = xiezhi_pki::SigningKey::from_pkcs8_der(data);
    if let Ok(query) = xiezhi_pki::ocsp::OcspQuery::from_der(data) {
        assert_eq!(xiezhi_pki::ocsp::OcspQuery::from_der(&query.to_der()).as_ref(), Ok(&query));
    }
    let trust = xiezhi_pki::Trust {
        root_der: data,
        intermediates: &[],
        crls: &[],
        revocation: xiezhi_pki::RevocationPolicy::STRICT,
    };
    assert!(xiezhi_pki::timestamp::verify_token(data, &[0; 32], &trust, None).is_err());
});
