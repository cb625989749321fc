//! Every institution in a process of its own.

use std::{
    fs::OpenOptions,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use super::{Place, text};

/// The institutions' ids, in the order of their ports.
pub(crate) const IDS: [&str; 10] = [
    "court",
    "notary",
    "forensic",
    "ca",
    "technology",
    "court-2",
    "notary-2",
    "forensic-2",
    "technology-2",
    "court-3",
];

/// An alliance, each institution's node a process.
pub(crate) struct Institutions {
    pub(crate) place: Place,
    pub(crate) nodes: Vec<Option<Child>>,
}

impl Institutions {
    pub(crate) fn found(count: usize) -> Self {
        Self::found_with(count, &[])
    }

    /// With further options of `init`.
    pub(crate) fn found_with(count: usize, options: &[&str]) -> Self {
        let place = Place::new();
        let (port, institutions) = (place.base_port.to_string(), count.to_string());
        let init = ["init", "alliance", "--base-port", &port, "--institutions", &institutions];
        place.expect(0, &[&init, options].concat());
        Self { place, nodes: (0..count).map(|_| None).collect() }
    }

    pub(crate) fn config(&self, id: &str) -> String {
        text(&self.place.path(&format!("alliance/{id}/node.toml"))).to_owned()
    }

    pub(crate) fn start(&mut self, who: &[usize]) {
        for at in who {
            let node = ["node", "--config", &self.config(IDS[*at])];
            let log = OpenOptions::new().create(true).append(true).open(self.log(*at)).unwrap();
            let mut command = self.place.command(&node);
            self.nodes[*at] = Some(command.stdout(Stdio::null()).stderr(log).spawn().unwrap());
        }
    }

    /// What a node says, start by start.
    fn log(&self, at: usize) -> PathBuf {
        self.place.path(&format!("{}.log", IDS[at]))
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self, who: &[usize]) {
        for at in who {
            let mut node = self.nodes[*at].take().unwrap();
            node.kill().unwrap();
            node.wait().unwrap();
        }
    }

    pub(crate) fn url(&self, at: usize) -> String {
        format!("http://127.0.0.1:{}", usize::from(self.place.base_port) + at)
    }

    pub(crate) fn status(&self, at: usize) -> serde_json::Value {
        let output = self.place.run(&["status", "--json", "--url", &self.url(at)]);
        let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        status[0]["status"].clone()
    }

    /// Waits until `met` holds of the status of the node `at`.
    pub(crate) fn wait(&self, at: usize, what: &str, met: impl Fn(&serde_json::Value) -> bool) {
        let begun = Instant::now();
        while !met(&self.status(at)) {
            if begun.elapsed() > Duration::from_secs(180) {
                let log = std::fs::read_to_string(self.log(at)).unwrap_or_default();
                let last: Vec<_> = log.lines().rev().take(20).collect();
                panic!("{what}: {}\n{}", self.status(at), last.join("\n"));
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    pub(crate) fn wait_live(&self, who: &[usize]) {
        for at in who {
            self.wait(*at, "live", |status| status["live"] == true);
        }
    }

    pub(crate) fn deposit(&self, code: i32, at: usize, file: &Path) -> String {
        self.place.expect(code, &["deposit", text(file), "--url", &self.url(at), "--json", "--timeout", "30"])
    }
}

impl Drop for Institutions {
    fn drop(&mut self) {
        for node in self.nodes.iter_mut().flatten() {
            let _ = node.kill();
            let _ = node.wait();
        }
    }
}
