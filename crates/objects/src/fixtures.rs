//! A real S3-compatible service for tests: `moto_server`, which `XIEZHI_MOTO` names.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::Access;

/// A service in memory with an empty bucket `evidence`; ends when dropped.
pub struct S3 {
    child: Child,
    port: u16,
}

impl S3 {
    /// Starts one; `None`, after saying so, where the program is missing.
    ///
    /// # Panics
    /// If it starts and does not answer within a minute.
    #[must_use]
    pub fn start() -> Option<Self> {
        let program = std::env::var("XIEZHI_MOTO").unwrap_or_else(|_| "moto_server".to_owned());
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let started = Command::new(&program)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(child) = started else {
            // Past the capture of a passing test's output.
            let _ = writeln!(std::io::stderr(), "\nSKIPPED: no {program}: buckets were not tried");
            return None;
        };
        let service = Self { child, port };
        for _ in 0..600 {
            if service.ask("PUT /evidence").is_some_and(|answer| answer.contains(" 200 ")) {
                return Some(service);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("{program} does not answer");
    }

    /// How to reach it.
    #[must_use]
    pub fn access(&self) -> Access {
        Access {
            endpoint: Some(self.endpoint()),
            key_id: Some("test".to_owned()),
            secret: Some("very secret".to_owned()),
            plain_http: true,
            ..Access::default()
        }
    }

    /// The same as variables of the environment.
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let values = [
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "very secret"),
            ("AWS_ALLOW_HTTP", "true"),
        ];
        let values = values.into_iter().map(|(name, value)| (name, value.to_owned()));
        values.chain([("AWS_ENDPOINT_URL", self.endpoint())]).collect()
    }

    /// Its address.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn ask(&self, what: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        let head = "HTTP/1.1\r\nhost: s3\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        stream.write_all(format!("{what} {head}").as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
