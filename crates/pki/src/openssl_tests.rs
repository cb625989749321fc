//! The same objects through OpenSSL's command line, both ways. Without the binary the tests say so and pass.

use std::{fs, io::Write as _, path::Path, process::Command};

use tempfile::TempDir;

use crate::{
    ChainError, Crl, Purpose, RevocationPolicy, RevocationReason, RevokedCertificate, Trust, X509Certificate,
    key::sha256,
    testkit::{Alliance, DAY, NOW, alliance, crl},
    timestamp::{GenTime, TimeStampAuthority, TimeStampRequest, TokenError, verify_response, verify_token},
    validate,
};

mod suites;

const DOCUMENT: &[u8] = b"an exhibit";

/// A folder to run OpenSSL in; `None` when there is no OpenSSL.
pub(crate) struct Bench(TempDir);

impl Bench {
    pub(crate) fn new() -> Option<Self> {
        if Command::new("openssl").arg("version").output().is_err() {
            // Past the capture of a passing test's output.
            let _ = writeln!(std::io::stderr(), "\nSKIPPED: openssl not found");
            return None;
        }
        Some(Self(tempfile::tempdir().expect("a folder")))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path().join(name), bytes).expect("write");
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path().join(name)).expect("read")
    }

    /// Runs `openssl` with white-space-separated arguments; whether it succeeded, and all it said.
    pub(crate) fn run(&self, arguments: &str) -> (bool, String) {
        let mut command = Command::new("openssl");
        command.args(arguments.split_whitespace()).current_dir(self.path()).env("OPENSSL_CONF", "/dev/null");
        let output = command.output().expect("openssl runs");
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    pub(crate) fn expect(&self, arguments: &str, said: &str) {
        let (success, text) = self.run(arguments);
        assert!(success && text.contains(said), "openssl {arguments}\n{text}");
    }

    pub(crate) fn expect_failure(&self, arguments: &str, said: &str) {
        let (success, text) = self.run(arguments);
        assert!(!success && text.contains(said), "openssl {arguments}\n{text}");
    }

    fn pem(&self, name: &str) -> Vec<u8> {
        let text = String::from_utf8(self.read(name)).expect("PEM");
        X509Certificate::from_pem(&text).expect("a certificate").der().to_vec()
    }
}

/// Writes the alliance's certificates and fresh lists, the seal's key revoked since yesterday if so wished.
fn laid_out(bench: &Bench, revoked: bool) -> Alliance {
    let alliance = alliance();
    let entry = RevokedCertificate {
        serial: alliance.seal.serial().to_vec(),
        revoked_at: NOW - DAY,
        reason: RevocationReason::KeyCompromise,
        invalid_since: Some(NOW - 2 * DAY),
    };
    let list = alliance.crl(NOW - DAY, if revoked { std::slice::from_ref(&entry) } else { &[] });
    let lists = [list, crl(&alliance.issuing, NOW - DAY, &[])]
        .map(|der| Crl::from_der(&der).expect("a list").to_pem());
    bench.write("root.pem", alliance.root.certificate().to_pem());
    bench.write("issuing.pem", alliance.issuing.certificate().to_pem());
    bench.write("seal.pem", alliance.seal.to_pem());
    bench.write("tsa.pem", alliance.tsa.to_pem());
    bench.write("deep.pem", alliance.deep_tsa.to_pem());
    bench.write("root-crl.pem", &lists[0]);
    bench.write("lists.pem", lists.concat());
    alliance
}

fn verify(options: &str) -> String {
    format!("verify -x509_strict -attime {NOW} -CAfile root.pem -crl_check_all -CRLfile lists.pem {options}")
}

#[test]
fn openssl_accepts_our_certificates_and_lists() {
    let Some(bench) = Bench::new() else { return };
    laid_out(&bench, false);
    bench.expect(&verify("root.pem"), "root.pem: OK");
    bench.expect(&verify("seal.pem"), "seal.pem: OK");
    bench.expect(&verify("-purpose timestampsign tsa.pem"), "tsa.pem: OK");
    bench.expect(&verify("-purpose timestampsign -untrusted issuing.pem deep.pem"), "deep.pem: OK");
    bench.expect_failure(&verify("-purpose timestampsign seal.pem"), "unsuitable certificate purpose");
    bench.expect("x509 -in seal.pem -noout -text", "urn:xiezhi:institution:court");
    bench.expect("x509 -in seal.pem -noout -text", "Digital Signature, Non Repudiation");
    bench.expect("x509 -in seal.pem -noout -text", "http://crl.example/root.crl");
    bench.expect("x509 -in seal.pem -noout -subject -nameopt utf8", "杭州互联网法院");
}

#[test]
fn openssl_reads_our_revocations() {
    let Some(bench) = Bench::new() else { return };
    laid_out(&bench, true);
    bench.expect("crl -in root-crl.pem -CAfile root.pem -noout", "verify OK");
    for said in ["Key Compromise", "X509v3 CRL Number", "Invalidity Date", &"F2".repeat(16)] {
        bench.expect("crl -in root-crl.pem -noout -text", said);
    }
    bench.expect_failure(&verify("seal.pem"), "certificate revoked");
    bench.expect(&verify("-purpose timestampsign tsa.pem"), "tsa.pem: OK");
}

#[test]
fn openssl_accepts_our_responses_and_tokens() {
    let Some(bench) = Bench::new() else { return };
    let alliance = laid_out(&bench, false);
    bench.write("document", DOCUMENT);
    let gen_time = GenTime::from_unix_ms(NOW * 1000 + 123).expect("in range");
    let check = |authority: &TimeStampAuthority, query: &str, options: &str| {
        let (success, said) =
            bench.run(&format!("ts -query -data document -sha256 -out request.tsq {query}"));
        assert!(success, "{said}");
        bench.write("response.tsr", authority.respond(&bench.read("request.tsq"), 0xfeed_beef, gen_time));
        let anchors = format!("-CAfile root.pem -attime {NOW} {options}");
        bench.expect(
            &format!("ts -verify -queryfile request.tsq -in response.tsr {anchors}"),
            "Verification: OK",
        );
        bench.expect(&format!("ts -verify -data document -in response.tsr {anchors}"), "Verification: OK");
        bench.expect("ts -reply -in response.tsr -text", "0xFEEDBEEF");
        bench.expect("ts -reply -in response.tsr -text", ".123 ");
    };
    check(&alliance.authority(), "-cert", "");
    check(&alliance.authority(), "-cert -no_nonce", "");
    check(&alliance.authority(), "", "-untrusted tsa.pem");
    check(&alliance.deep_authority(), "-cert", "");
    let token = alliance.authority().issue_token(&sha256(DOCUMENT), 1, gen_time, None).expect("a token");
    bench.write("token", token);
    let anchors = format!("-CAfile root.pem -attime {NOW}");
    bench.expect(&format!("ts -verify -data document -in token -token_in {anchors}"), "Verification: OK");
    bench.write("refusal.tsr", alliance.authority().respond(&[], 1, gen_time));
    bench.expect("ts -reply -in refusal.tsr -text", "the data submitted has the wrong format");
}

const CONFIG: &str = "
[req]
distinguished_name = dn
prompt = no
[dn]
C = CN
O = Somebody Else
CN = placeholder
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[middle]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
extendedKeyUsage = timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
certificatePolicies = 1.2.3.4
[stamp]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid, issuer
[tsa]
default_tsa = stamping
[stamping]
serial = serial
signer_cert = stamp.pem
certs = middle.pem
signer_key = stamp.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1, millisecs:500, microsecs:100
clock_precision_digits = 6
ordering = yes
tsa_name = yes
ess_cert_id_chain = yes
ess_cert_id_alg = sha256
[ca]
default_ca = authority
[authority]
database = index
crlnumber = crlnumber
default_md = sha256
default_crl_days = 30
";

const EC: &str = "ec -pkeyopt ec_paramgen_curve:P-256";

/// Root, issuing authority and time-stamping authority made by OpenSSL alone; the last has a key of kind `stamp_key`.
fn somebody_else(bench: &Bench, stamp_key: &str) {
    bench.write("config", CONFIG);
    bench.write("serial", "0fedcba987654321\n");
    bench.write("index", "");
    bench.write("crlnumber", "01\n");
    bench.write("document", DOCUMENT);
    let run = |arguments: &str| {
        let (success, said) = bench.run(arguments);
        assert!(success, "openssl {arguments}\n{said}");
    };
    for (name, kind) in [("root", EC), ("middle", EC), ("stamp", stamp_key)] {
        run(&format!("genpkey -algorithm {kind} -out {name}.key"));
        run(&format!("req -new -config config -key {name}.key -subj /C=CN/O=Else/CN={name} -out {name}.csr"));
    }
    let sign = "x509 -req -sha256 -days 30 -extfile config";
    run(&format!("{sign} -extensions root -in root.csr -signkey root.key -out root.pem"));
    run(&format!(
        "{sign} -extensions middle -in middle.csr -CA root.pem -CAkey root.key -CAcreateserial -out middle.pem"
    ));
    run(&format!(
        "{sign} -extensions stamp -in stamp.csr -CA middle.pem -CAkey middle.key -CAcreateserial -out stamp.pem"
    ));
    for name in ["root", "middle"] {
        run(&format!(
            "ca -gencrl -config config -name authority -cert {name}.pem -keyfile {name}.key -out {name}-crl.pem"
        ));
    }
}

fn list(bench: &Bench, name: &str) -> Vec<u8> {
    let text = String::from_utf8(bench.read(name)).expect("PEM");
    Crl::from_pem(&text).expect("a list").der().to_vec()
}

/// The one test that needs today's date: OpenSSL stamps with the machine's clock.
#[test]
fn we_accept_what_openssl_stamps() {
    let Some(bench) = Bench::new() else { return };
    somebody_else(&bench, EC);
    let (root, middle) = (bench.pem("root.pem"), bench.pem("middle.pem"));
    let lists = [list(&bench, "root-crl.pem"), list(&bench, "middle-crl.pem")];
    let crls = lists.map(|der| Crl::from_der(&der).expect("a list"));
    let intermediates = [&middle[..]];
    let trust =
        Trust { root_der: &root, intermediates: &[], crls: &crls, revocation: RevocationPolicy::STRICT };
    let requests = [
        TimeStampRequest::sha256(&sha256(DOCUMENT), Some(u64::MAX - 1)),
        TimeStampRequest::sha256(&sha256(DOCUMENT), None),
    ];
    for request in requests {
        bench.write("request.tsq", request.to_der());
        let (success, said) = bench.run("ts -reply -config config -queryfile request.tsq -out response.tsr");
        assert!(success, "{said}");
        let response = bench.read("response.tsr");
        let (token, info) = verify_response(&response, &request, &trust, None).expect("accepted");
        assert_eq!(info.accuracy_us, Some(1_500_100));
        assert_eq!(info.policy.to_string(), "1.2.3.4.1");
        assert_eq!(info.authority.common_name.as_deref(), Some("stamp"));
        assert_eq!(info.authority.path.len(), 3);
        for (at, changed) in crate::testkit::one_byte_changes(&token).step_by(7) {
            let answer = verify_token(&changed, &sha256(DOCUMENT), &trust, None);
            assert!(answer.is_err(), "byte {at}");
        }
    }
    let at = X509Certificate::from_der(&middle).expect("a certificate").validity().not_before + 60;
    let stamp = bench.pem("stamp.pem");
    let answer = validate(&stamp, &Trust { intermediates: &intermediates, ..trust }, at, Purpose::Seal);
    assert!(matches!(answer, Err(ChainError::WrongPurpose { .. })), "{answer:?}");
    // And one without certificates.
    let request = TimeStampRequest::sha256(&sha256(DOCUMENT), Some(5)).without_certificates();
    bench.write("request.tsq", request.to_der());
    let (success, said) = bench.run("ts -reply -config config -queryfile request.tsq -out response.tsr");
    assert!(success, "{said}");
    let given = [&middle[..], &stamp[..]];
    let trust = Trust { intermediates: &given, ..trust };
    verify_response(&bench.read("response.tsr"), &request, &trust, None).expect("accepted");
}

#[test]
fn an_rsa_stamp_is_called_unsupported() {
    let Some(bench) = Bench::new() else { return };
    somebody_else(&bench, "rsa");
    let root = bench.pem("root.pem");
    let trust =
        Trust { root_der: &root, intermediates: &[], crls: &[], revocation: RevocationPolicy::IF_PRESENT };
    let request = TimeStampRequest::sha256(&sha256(DOCUMENT), Some(1));
    bench.write("request.tsq", request.to_der());
    let (success, said) = bench.run("ts -reply -config config -queryfile request.tsq -out response.tsr");
    assert!(success, "{said}");
    let answer = verify_response(&bench.read("response.tsr"), &request, &trust, None);
    assert!(matches!(answer, Err(TokenError::UnsupportedAlgorithm { part: "signature", .. })), "{answer:?}");
}
