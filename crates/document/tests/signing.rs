//! Signed documents, as other people's verifiers see them.

mod tools;

use tools::run;
use xiezhi_document::{
    Request, render,
    signature::{SignatureError, Signing},
};
use xiezhi_pki::{DocumentSigner, P256Key, X509Certificate, timestamp::GenTime};
use xiezhi_verify::{
    Input, Lang,
    fixtures::{DECLARED, Fixture, ORIGINAL, Plan, exhibit},
};

const ROOT: &str = include_str!("data/root.pem");
const SIGNER: &str = include_str!("data/signer.pem");

fn document() -> Vec<u8> {
    let fixture = Fixture::new();
    let input = Input {
        certificate: &fixture.certificate(&Plan::default()).encode(),
        anchors: &[fixture.anchor()],
        exhibit: &exhibit(ORIGINAL),
        record_only: false,
        declared_time: DECLARED,
        known_checkpoints: &[],
    };
    render(&Request { input, languages: &[Lang::En], verification_page: None, logos: &[], only_valid: true })
        .unwrap()
        .pdf
}

fn signer() -> DocumentSigner {
    let certificate = X509Certificate::from_pem(SIGNER).unwrap();
    DocumentSigner::new(P256Key::from_bytes(&[0x61; 32]).unwrap(), &[certificate.der().to_vec()]).unwrap()
}

fn signed(with_time_stamp: bool) -> Vec<u8> {
    let signing = Signing::new(&document(), &signer(), DECLARED).unwrap();
    let time = GenTime::from_unix_ms(DECLARED.0).unwrap();
    let token = Fixture::new().authorities[0].issue_token(&signing.imprint(), 1, time, None).unwrap();
    signing.finish(with_time_stamp.then_some(&token)).unwrap()
}

/// What pyHanko says, with the signer's root and the time-stamp authority's trusted, at the declared time; none without it.
fn pyhanko(pdf: &[u8]) -> Option<String> {
    const SCRIPT: &str = r#"
import sys, datetime
try:
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko_certvalidator import ValidationContext
    from asn1crypto import x509, pem
except ImportError:
    print("SKIPPED"); sys.exit()
roots = [x509.Certificate.load(pem.unarmor(open(f, "rb").read())[2]) for f in sys.argv[2:]]
moment = datetime.datetime(2027, 1, 16, tzinfo=datetime.timezone.utc)
context = lambda: ValidationContext(trust_roots=roots, moment=moment, allow_fetching=False, revocation_mode="soft-fail")
signature = PdfFileReader(open(sys.argv[1], "rb")).embedded_signatures[0]
status = validate_pdf_signature(signature, context(), context())
stamp = status.timestamp_validity
print("intact", status.intact, "valid", status.valid, "trusted", status.trusted, "coverage", status.coverage.name,
      "bottom line", status.bottom_line, "stamp", stamp is not None and stamp.valid and stamp.trusted)
"#;
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("root.pem"), ROOT).unwrap();
    std::fs::write(path("tsa.pem"), Fixture::new().root.certificate().to_pem()).unwrap();
    let python = std::env::var("XIEZHI_PYHANKO").unwrap_or_else(|_| "python3".to_owned());
    let said = run(&python, pdf, &["-c", SCRIPT, "FILE", &path("root.pem"), &path("tsa.pem")])?;
    if said.starts_with("SKIPPED") {
        eprintln!("SKIPPED: no pyhanko on this machine");
        return None;
    }
    Some(said)
}

#[test]
fn the_document_stays_as_it_was_and_signing_is_deterministic() {
    let (before, after) = (document(), signed(true));
    assert!(after.starts_with(&before));
    assert_eq!(after, signed(true));
}

#[test]
fn pdfsig_finds_a_valid_signature_over_the_whole_document() {
    for with_time_stamp in [false, true] {
        let Some(said) = run("pdfsig", &signed(with_time_stamp), &["FILE"]) else { return };
        for expected in
            ["ETSI.CAdES.detached", "Total document signed", "Signature is Valid", "Example Notary Office"]
        {
            assert!(said.contains(expected), "{expected} is missing in {said}");
        }
    }
}

#[test]
fn pyhanko_trusts_signature_and_time_stamp() {
    let Some(said) = pyhanko(&signed(false)) else { return };
    assert!(
        said.starts_with(
            "intact True valid True trusted True coverage ENTIRE_FILE bottom line True stamp False"
        ),
        "{said}"
    );
    let said = pyhanko(&signed(true)).unwrap();
    assert!(
        said.starts_with(
            "intact True valid True trusted True coverage ENTIRE_FILE bottom line True stamp True"
        ),
        "{said}"
    );
}

#[test]
fn a_changed_byte_breaks_the_signature() {
    let mut pdf = signed(true);
    let at = pdf.windows(8).position(|window| window == b"Creator(" || window == b"/Creator").unwrap();
    pdf[at + 12] ^= 1;
    if let Some(said) = run("pdfsig", &pdf, &["FILE"]) {
        assert!(!said.contains("Signature is Valid"), "{said}");
    }
    if let Some(said) = pyhanko(&pdf) {
        assert!(said.contains("intact False"), "{said}");
    }
}

#[test]
fn the_signed_file_is_well_formed() {
    if let Some(report) = run("qpdf", &signed(true), &["--check", "FILE"]) {
        assert!(report.contains("No syntax or stream encoding errors found"), "{report}");
    }
    if let Some(report) = run("verapdf", &signed(true), &["--flavour", "3a", "--format", "text", "FILE"]) {
        assert!(report.starts_with("PASS"), "{report}");
    }
}

#[test]
fn what_cannot_be_signed_is_refused() {
    assert!(matches!(Signing::new(b"%PDF-1.7", &signer(), DECLARED), Err(SignatureError::Form { .. })));
    assert!(matches!(Signing::new(&signed(false), &signer(), DECLARED), Err(SignatureError::HasForm)));
    let signing = Signing::new(&document(), &signer(), DECLARED).unwrap();
    assert!(matches!(signing.finish(Some(b"no token")), Err(SignatureError::Token(_))));
}
