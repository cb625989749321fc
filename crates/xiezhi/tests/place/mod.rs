//! A user's place: a home, files, ports and the tool.

#![allow(dead_code, reason = "each test binary uses its part")]

pub(crate) mod browser;
pub(crate) mod institutions;
pub(crate) mod programs;

use std::{
    fs,
    io::Write as _,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    time::{Duration, Instant},
};

static PLACES: AtomicU16 = AtomicU16::new(0);

/// A home, a directory for files and a range of ports of its own.
pub(crate) struct Place {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) base_port: u16,
    /// What every command can open, if anything.
    pub(crate) token: Option<Token>,
    /// By which library, and by how many seconds, every command's clock is ahead.
    pub(crate) clock: Option<(PathBuf, u32)>,
}

impl Place {
    pub(crate) fn new() -> Self {
        // Below the range from which the system takes ports for outgoing connections.
        let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
        let all_free = |base: &u16| {
            is_free(base - 10) && (0..10).all(|at| is_free(base + at) && is_free(base + 100 + at))
        };
        let first = std::process::id() as u16 % 100 + 10 * PLACES.fetch_add(1, Ordering::Relaxed);
        let bases = (0..100).map(|at| 10_000 + (first + at) % 100 * 200);
        let base_port = bases.into_iter().find(all_free).expect("free ports");
        Self { dir: tempfile::tempdir().unwrap(), base_port, token: None, clock: None }
    }

    /// A new token of SoftHSM called `label`, where SoftHSM is installed.
    pub(crate) fn make_token(&self, label: &str) -> Option<Token> {
        let modules = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"];
        let Some(module) = modules.into_iter().find(|module| Path::new(module).exists()) else {
            skipped("SoftHSM not found: keys in tokens were not tried");
            return None;
        };
        fs::create_dir(self.path("tokens")).unwrap();
        let tokens = format!("directories.tokendir = {}\n", text(&self.path("tokens")));
        let conf = self.file("softhsm.conf", tokens.as_bytes());
        let init = ["--init-token", "--free", "--label", label, "--so-pin", "12345678", "--pin", "4321"];
        let made = Command::new("softhsm2-util").args(init).env("SOFTHSM2_CONF", &conf).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        Some(Token { module, conf, pin: self.file("pin", b"4321\n") })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        // Another build of the tool can be named, for long runs.
        let tool =
            std::env::var("XIEZHI_TEST_TOOL").unwrap_or_else(|_| env!("CARGO_BIN_EXE_xiezhi").to_owned());
        let mut command = Command::new(tool);
        command.args(args).env("XIEZHI_HOME", self.path("home")).env("XIEZHI_LANG", "en");
        command.env_remove("XIEZHI_URL").env_remove("XIEZHI_DATA_DIR").current_dir(self.dir.path());
        if let Some(token) = &self.token {
            command.env("SOFTHSM2_CONF", &token.conf).env("XIEZHI_PIN_FILE", &token.pin);
        }
        if let Some((library, ahead_s)) = &self.clock {
            // Waiting is by another clock, which is left as it is.
            command.env("LD_PRELOAD", library).env("FAKETIME", format!("+{ahead_s}"));
            command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("NO_FAKE_STAT", "1");
        }
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).stdin(Stdio::null()).output().unwrap()
    }

    /// Runs and checks the exit code; gives standard output.
    pub(crate) fn expect(&self, code: i32, args: &[&str]) -> String {
        let output = self.run(args);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{out}\n{err}");
        out.into_owned()
    }

    pub(crate) fn up(&self) -> Alliance {
        let port = self.base_port.to_string();
        let child = self.command(&["up", "--base-port", &port]).stdout(Stdio::null()).spawn().unwrap();
        let alliance = Alliance(child);
        let begun = Instant::now();
        while !self.is_live() {
            assert!(begun.elapsed() < Duration::from_secs(60), "the alliance does not come up");
            std::thread::sleep(Duration::from_millis(200));
        }
        alliance
    }

    pub(crate) fn is_live(&self) -> bool {
        let status = self.run(&["status", "--json"]);
        let text = String::from_utf8_lossy(&status.stdout).into_owned();
        text.matches("\"live\": true").count() == 4
    }
}

pub(crate) struct Alliance(Child);

impl Alliance {
    /// Ends every node at once, without warning: SIGKILL.
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Alliance {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A token of SoftHSM: its module, its configuration, the file with its PIN.
pub(crate) struct Token {
    pub(crate) module: &'static str,
    pub(crate) conf: PathBuf,
    pub(crate) pin: PathBuf,
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Says what was not tested, past the capture of a passing test's output.
pub(crate) fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "\nSKIPPED: {why}");
}
