//! Requests, certificates, lists and OCSP of every suite through OpenSSL.

use super::Bench;
use crate::{
    CertificateAuthority, CertificateTemplate, CertificationRequest, ChainError, Crl, CrlTemplate, Profile,
    PublicKey, Purpose, RevocationPolicy, RevocationReason, RevokedCertificate, SigningKey, Subject, Suite,
    Trust, Validity, X509Certificate,
    ocsp::{OcspQuery, Question, Responder, Status, verify_response},
    testkit::{DAY, NOW, institution},
    validate,
};

const ID: &str = "distid:1234567812345678";
const SUBJECT: Subject<'_> = Subject { organisation: "示范公证处", common_name: "经办人" };

fn signing_key(suite: Suite, seed: u8) -> SigningKey {
    SigningKey::from_bytes(suite, &[seed; 32]).expect("a secret")
}

struct Laid {
    root: CertificateAuthority,
    issuing: CertificateAuthority,
    officer: X509Certificate,
}

fn template<'a>(profile: Profile<'a>, serial: u8) -> CertificateTemplate<'a> {
    CertificateTemplate {
        profile,
        subject: SUBJECT,
        serial: [serial; 16],
        validity: Validity { not_before: NOW - 10 * DAY, not_after: NOW + 400 * DAY },
        crl_url: Some("http://ca.example/crl"),
        ocsp_url: Some("http://ca.example/ocsp"),
    }
}

/// Root, issuing authority and an officer's certificate, all of one suite.
fn laid(suite: Suite) -> Laid {
    let validity = Validity { not_before: NOW - 100 * DAY, not_after: NOW + 9000 * DAY };
    let subject = Subject { organisation: "獬豸", common_name: "Root" };
    let root =
        CertificateAuthority::new_root(signing_key(suite, 1), subject, [1; 16], validity).expect("a root");
    let profile = Profile::IssuingAuthority { key: signing_key(suite, 2).public_key() };
    let subject = Subject { organisation: "獬豸", common_name: "Issuing CA" };
    let certificate =
        root.issue(&CertificateTemplate { subject, ..template(profile, 2) }).expect("an authority");
    let issuing =
        CertificateAuthority::from_parts(signing_key(suite, 2), certificate.der()).expect("an authority");
    let institution = institution();
    let key = signing_key(suite, 3).public_key();
    let officer =
        issuing.issue(&template(Profile::Officer { institution: &institution, key }, 3)).expect("issued");
    Laid { root, issuing, officer }
}

fn list(authority: &CertificateAuthority, revoked: &[RevokedCertificate]) -> Crl {
    let template = CrlTemplate { number: 2, this_update: NOW, next_update: NOW + DAY, revoked };
    Crl::from_der(&authority.issue_crl(&template).expect("a list")).expect("the same")
}

fn purpose(laid: &Laid, lists: &[Crl], purpose: Purpose) -> Result<(), ChainError> {
    let intermediates = [laid.issuing.certificate().der()];
    let trust = Trust {
        root_der: laid.root.certificate().der(),
        intermediates: &intermediates,
        crls: lists,
        revocation: RevocationPolicy::STRICT,
    };
    validate(laid.officer.der(), &trust, NOW, purpose).map(|_| ())
}

#[test]
fn openssl_and_we_accept_chains_of_every_suite() {
    for suite in Suite::ALL {
        let laid = laid(*suite);
        let lists = [list(&laid.root, &[]), list(&laid.issuing, &[])];
        assert_eq!(purpose(&laid, &lists, Purpose::Officer), Ok(()), "{}", suite.name());
        let held = RevokedCertificate {
            serial: laid.officer.serial().to_vec(),
            revoked_at: NOW,
            reason: RevocationReason::CertificateHold,
            invalid_since: None,
        };
        let on_hold = [list(&laid.root, &[]), list(&laid.issuing, &[held])];
        let answer = purpose(&laid, &on_hold, Purpose::Officer);
        assert!(matches!(answer, Err(ChainError::Revoked { .. })), "{answer:?}");
        for other in [Purpose::Node, Purpose::Person, Purpose::Enterprise] {
            let answer = purpose(&laid, &lists, other);
            assert!(matches!(answer, Err(ChainError::WrongPurpose { .. })), "{other:?} {answer:?}");
        }
        // What stands behind seals and time stamps has not become wider.
        for witness in [Purpose::Seal, Purpose::TimeStamping] {
            match purpose(&laid, &lists, witness) {
                Err(ChainError::WrongPurpose { .. }) => assert_eq!(*suite, Suite::P256),
                Err(ChainError::UnsupportedAlgorithm { .. }) => assert_ne!(*suite, Suite::P256),
                answer => panic!("{answer:?}"),
            }
        }
        let Some(bench) = Bench::new() else { continue };
        bench.write("root.pem", laid.root.certificate().to_pem());
        bench.write("issuing.pem", laid.issuing.certificate().to_pem());
        bench.write("officer.pem", laid.officer.to_pem());
        bench.write("crl.pem", on_hold[1].to_pem());
        if *suite == Suite::Sm2 {
            // OpenSSL gives the identifier to the certificate named last only, not to those above: one step at a time.
            let step = format!("verify -vfyopt {ID} -attime {NOW} -partial_chain");
            bench.expect(&format!("{step} -trusted root.pem issuing.pem"), "issuing.pem: OK");
            bench.expect(&format!("{step} -trusted issuing.pem officer.pem"), "officer.pem: OK");
        } else {
            let chain = "-CAfile root.pem -untrusted issuing.pem officer.pem";
            bench.expect(&format!("verify -x509_strict -attime {NOW} {chain}"), "officer.pem: OK");
        }
        for said in ["urn:xiezhi:officer:court", "TLS Web Client Authentication", "http://ca.example/ocsp"] {
            bench.expect("x509 -in officer.pem -noout -text", said);
        }
        bench.expect("crl -in crl.pem -noout -text", "Certificate Hold");
        if *suite != Suite::Sm2 {
            // The command has no option for SM2's identifier.
            bench.expect("crl -in crl.pem -CAfile issuing.pem -noout", "verify OK");
        }
    }
}

#[test]
fn requests_travel_both_ways() {
    let Some(bench) = Bench::new() else { return };
    let kinds = [
        (Suite::P256, "EC -pkeyopt ec_paramgen_curve:P-256", ""),
        (Suite::Ed25519, "ED25519", ""),
        (Suite::Sm2, "SM2", "-sm3 -sigopt distid:1234567812345678"),
    ];
    for (suite, kind, options) in kinds {
        let ours = signing_key(suite, 5);
        bench.write("ours.csr", CertificationRequest::create(&ours, SUBJECT).expect("a request").to_pem());
        let id = if suite == Suite::Sm2 { format!("-vfyopt {ID}") } else { String::new() };
        bench.expect(&format!("req -in ours.csr -verify -noout {id}"), "verify OK");
        bench.expect("req -in ours.csr -noout -subject -nameopt utf8", "示范公证处");
        // Our key, in OpenSSL's hands.
        bench.write("ours.key", &*ours.to_pkcs8_pem());
        let run = |arguments: &str| {
            let (success, said) = bench.run(arguments);
            assert!(success, "openssl {arguments}\n{said}");
        };
        run(&format!("req -new -key ours.key -subj /C=CN/O=x/CN=y {options} -out again.csr"));
        let read = |name: &str| {
            let text = String::from_utf8(bench.read(name)).expect("PEM");
            CertificationRequest::from_pem(&text)
        };
        assert_eq!(read("again.csr").expect("a request").public_key(), ours.public_key());
        // And OpenSSL's key in ours.
        run(&format!("genpkey -algorithm {kind} -out theirs.key"));
        run(&format!("req -new -key theirs.key -subj /C=CN/O=x/CN=y {options} -out theirs.csr"));
        let theirs = read("theirs.csr").expect("a request");
        assert_eq!(theirs.common_name().as_deref(), Some("y"));
        let key = SigningKey::from_pkcs8_pem(&String::from_utf8(bench.read("theirs.key")).expect("PEM"));
        assert_eq!(key.expect("a key").public_key(), theirs.public_key());
    }
}

#[test]
fn openssl_asks_and_answers_about_revocation() {
    let Some(bench) = Bench::new() else { return };
    for suite in [Suite::P256, Suite::Ed25519] {
        let laid = laid(suite);
        let issuer = laid.issuing.certificate();
        let key = signing_key(suite, 6);
        let profile = Profile::OcspResponder { key: key.public_key() };
        let delegate = laid.issuing.issue(&template(profile, 6)).expect("a certificate");
        let responder = Responder::new(issuer.clone(), delegate.clone(), key.clone()).expect("a responder");
        bench.write("root.pem", laid.root.certificate().to_pem());
        bench.write("issuing.pem", issuer.to_pem());
        bench.write("officer.pem", laid.officer.to_pem());
        let revoked = Status::Revoked { at: NOW - DAY, reason: RevocationReason::KeyCompromise };
        for (status, said) in [
            (Status::Good, "officer.pem: good"),
            (revoked, "officer.pem: revoked"),
            (Status::Unknown, "officer.pem: unknown"),
        ] {
            for digest in ["-sha1", "-sha256"] {
                let asked = format!("ocsp {digest} -issuer issuing.pem -cert officer.pem -reqout ask.der");
                assert!(bench.run(&asked).0);
                let query = OcspQuery::from_der(&bench.read("ask.der")).expect("a request");
                assert!(query.has_nonce() && query.questions()[0].is_about(issuer));
                let answer = responder.answer(&query, NOW, (NOW, NOW + DAY), |serial| {
                    assert_eq!(serial, laid.officer.serial());
                    status
                });
                bench.write("answer.der", answer.expect("answers"));
                let judge = format!(
                    "ocsp {digest} -issuer issuing.pem -cert officer.pem -respin answer.der -CAfile root.pem \
                     -verify_other issuing.pem -no_nonce -attime {NOW} -validity_period 999999999"
                );
                bench.expect(&judge, said);
                bench.expect(&judge, "Response verify OK");
            }
        }
        // OpenSSL as the responder, with its own clock.
        bench.write("ocsp.pem", delegate.to_pem());
        bench.write("ocsp.key", &*key.to_pkcs8_pem());
        let hex: String = laid.officer.serial().iter().map(|byte| format!("{byte:02X}")).collect();
        bench.write("index", format!("R\t400101000000Z\t260101000000Z,superseded\t{hex}\tunknown\t/CN=y\n"));
        bench.write("index.attr", "unique_subject = no\n");
        let query = OcspQuery::new(Question::new(issuer, laid.officer.serial()).expect("one"), Some(&[4, 2]));
        bench.write("ask.der", query.to_der());
        let (success, text) = bench.run(
            "ocsp -index index -CA issuing.pem -rsigner ocsp.pem -rkey ocsp.key -ndays 9999 -reqin ask.der \
             -respout answer.der",
        );
        assert!(success, "{text}");
        let answer = verify_response(&bench.read("answer.der"), &query, issuer, Suite::ALL, NOW + DAY);
        let superseded = Status::Revoked { at: 1_767_225_600, reason: RevocationReason::Superseded };
        assert_eq!(answer, Ok(vec![superseded]));
    }
}

#[test]
fn an_sm2_certificate_of_openssl_is_verified_by_us() {
    let Some(bench) = Bench::new() else { return };
    let run = |arguments: &str| {
        let (success, said) = bench.run(arguments);
        assert!(success, "openssl {arguments}\n{said}");
    };
    run("genpkey -algorithm SM2 -out root.key");
    bench.write("config", super::CONFIG);
    run("req -new -x509 -sm3 -sigopt distid:1234567812345678 -config config -extensions root -key root.key \
         -subj /CN=r -out root.pem");
    let root = X509Certificate::from_der(&bench.pem("root.pem")).expect("a certificate");
    assert!(matches!(root.public_key(), PublicKey::Sm2(_)));
    assert!(root.is_signed_by(&root.public_key()));
    assert!(!root.is_signed_by(&signing_key(Suite::Sm2, 1).public_key()));
}
