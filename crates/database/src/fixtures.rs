//! Databases for tests: SQLite in a directory, and a PostgreSQL server of one's own where its programs are installed.

use std::{
    env, fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

/// Whose account runs the server when the tests run as root, which PostgreSQL refuses.
const UNPRIVILEGED: &str = "nobody";

/// A PostgreSQL server on a Unix socket in a temporary directory; ended with it.
pub struct PostgresServer {
    dir: TempDir,
    programs: PathBuf,
}

/// Where Debian and others install the server's programs: the newest version.
fn programs() -> Option<PathBuf> {
    if let Some(dir) = env::var_os("XIEZHI_TEST_POSTGRES") {
        return Some(dir.into());
    }
    let mut found: Vec<_> = ["/usr/lib/postgresql", "/usr/local/lib/postgresql"]
        .iter()
        .filter_map(|dir| fs::read_dir(dir).ok())
        .flat_map(|entries| entries.filter_map(|entry| Some(entry.ok()?.path().join("bin"))))
        .filter(|dir| dir.join("initdb").exists())
        .collect();
    found.sort();
    found.pop()
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

impl PostgresServer {
    /// Starts a server; says SKIPPED where there is none to start.
    ///
    /// # Panics
    /// When it is installed and does not start.
    #[must_use]
    pub fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            let _ = writeln!(std::io::stderr(), "\nSKIPPED: no PostgreSQL server is installed");
            return None;
        };
        let dir = tempfile::tempdir().expect("a directory");
        if is_root() {
            let done = Command::new("chown").arg(UNPRIVILEGED).arg(dir.path()).status();
            assert!(done.is_ok_and(|status| status.success()), "chown");
        }
        let server = Self { dir, programs };
        let data = server.dir.path().join("data");
        server.run(
            "initdb",
            &["-D", text(&data), "-A", "trust", "-U", "xiezhi", "--no-sync", "-E", "UTF8", "--locale", "C"],
        );
        let settings = format!("-c listen_addresses= -c fsync=off -k {}", text(server.dir.path()));
        let log = server.dir.path().join("log");
        server.run("pg_ctl", &["-D", text(&data), "-w", "-l", text(&log), "-o", &settings, "start"]);
        Some(server)
    }

    /// A new, empty database; its address.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn database(&self, name: &str) -> String {
        self.run("createdb", &["-h", text(self.dir.path()), "-U", "xiezhi", name]);
        format!("postgres://xiezhi@{}/{name}", text(self.dir.path()).replace('/', "%2F"))
    }

    /// Everything in a database, as SQL: bytes are in hexadecimal there.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn dump(&self, name: &str) -> String {
        let file = self.dir.path().join("dump");
        self.run("pg_dump", &["-h", text(self.dir.path()), "-U", "xiezhi", "-f", text(&file), name]);
        fs::read_to_string(file).expect("a dump")
    }

    fn run(&self, program: &str, args: &[&str]) {
        let path = self.programs.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", UNPRIVILEGED, "--"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        let log = self.dir.path().join("programs");
        let log = fs::OpenOptions::new().create(true).append(true).open(log).expect("a log");
        command.args(args).current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let status = command.status().expect("the program runs");
        assert!(
            status.success(),
            "{program}: {}",
            fs::read_to_string(self.dir.path().join("programs")).unwrap_or_default()
        );
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        let data = self.dir.path().join("data");
        self.run("pg_ctl", &["-D", text(&data), "-m", "immediate", "stop"]);
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary directories have names in UTF-8")
}
