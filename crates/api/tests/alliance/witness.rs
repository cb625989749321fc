//! A witness of another make: the `witness` of crate `siglog`, which speaks C2SP tlog-witness and knows nothing of us.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use xiezhi_crypto::{SignatureAlg, SigningKey};
use xiezhi_note::{Algorithm, NoteSignature, SignedNote, VerifierKey};

use super::send;

const NAME: &str = "witness.example/other-make";
const SEED: [u8; 32] = [42; 32];

/// A running witness and its key.
pub(crate) struct Witness {
    process: Child,
    url: String,
    pub(crate) key: VerifierKey,
}

impl Witness {
    /// A witness that follows the log with this origin and key; or why there is none.
    pub(crate) fn start(log: &VerifierKey) -> Result<Self, String> {
        let program = std::env::var("XIEZHI_TEST_WITNESS").unwrap_or_else(|_| "witness".to_owned());
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let own = SigningKey::from_seed(SignatureAlg::Ed25519, &SEED).unwrap().public_key();
        let key = VerifierKey::new(NAME, Algorithm::Ed25519, own.as_bytes().try_into().unwrap()).unwrap();
        let private = BASE64.encode([[1].as_slice(), &SEED].concat());
        let private = format!("PRIVATE+KEY+{NAME}+{}+{private}", hex::encode(key.key_id()));
        let process = Command::new(&program)
            .args(["--database-url", "sqlite::memory:", "--listen", &address, "--private-key", &private])
            .args(["--log", &format!("{}={log}", log.name())])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{program}: {error} (cargo install siglog --bin witness)"))?;
        Ok(Self { process, url: format!("http://{address}"), key })
    }

    /// Waits until the witness listens.
    pub(crate) async fn ready(&self) {
        for _ in 0..200 {
            if std::net::TcpStream::connect(self.url.trim_start_matches("http://")).is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the witness does not come up");
    }

    /// Submits the log's newest checkpoint with the proof that it continues the one of size `old`.
    pub(crate) async fn add(
        &self,
        old: u64,
        proof: &[[u8; 32]],
        note: &SignedNote,
    ) -> (u16, Vec<NoteSignature>) {
        let proof: String = proof.iter().map(|hash| BASE64.encode(hash) + "\n").collect();
        let body = format!("old {old}\n{proof}\n{note}");
        let answer = send("POST", &format!("{}/add-checkpoint", self.url), &[], body.into_bytes()).await;
        let text = String::from_utf8(answer.body).unwrap();
        let lines = text.lines().filter(|_| answer.status == 200);
        (answer.status, lines.map(|line| NoteSignature::from_line(line).unwrap()).collect())
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
