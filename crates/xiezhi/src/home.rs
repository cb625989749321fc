//! The tool's own files: trusted ledgers, account keys, the default alliance.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use xiezhi_alliance::{Layout, NodeFile};
use xiezhi_client::Client;

use crate::{Usage, args::Common, texts::Texts};

/// `$XIEZHI_HOME`, or `xiezhi` under the platform's configuration directory.
pub(crate) fn home() -> anyhow::Result<PathBuf> {
    let from = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    from("XIEZHI_HOME")
        .or_else(|| from("XDG_CONFIG_HOME").map(|dir| dir.join("xiezhi")))
        .or_else(|| from("APPDATA").map(|dir| dir.join("xiezhi")))
        .or_else(|| from("HOME").map(|dir| dir.join(".config/xiezhi")))
        .context("no home: set XIEZHI_HOME")
}

/// The alliance's directory that the command line means.
pub(crate) fn data_dir(common: &Common) -> anyhow::Result<PathBuf> {
    match &common.data_dir {
        Some(dir) => Ok(dir.clone()),
        None => Ok(home()?.join("alliance")),
    }
}

/// A node that does not run: its configuration, and where its data is.
pub(crate) struct NodePlace {
    pub(crate) file: NodeFile,
    /// Its data directory.
    pub(crate) dir: PathBuf,
    /// Its genesis file's content.
    pub(crate) genesis: Vec<u8>,
}

impl NodePlace {
    /// Reads the configuration file at `path`; `node_data` comes before its data directory.
    pub(crate) fn read(path: &Path, node_data: Option<&Path>) -> anyhow::Result<Self> {
        let file = NodeFile::read(path).map_err(|error| Usage(error.to_string()))?;
        let base = path.parent().unwrap_or(Path::new("."));
        let dir = node_data.map_or_else(|| base.join(&file.data_dir), Path::to_owned);
        let genesis = base.join(&file.genesis);
        let genesis = fs::read(&genesis).with_context(|| format!("cannot read {}", genesis.display()))?;
        Ok(Self { file, dir, genesis })
    }
}

/// A client of the nodes that the command line means: `--url`, or those of the alliance in `--data-dir`.
pub(crate) fn client(common: &Common, texts: &Texts) -> anyhow::Result<Client> {
    let mut urls = common.url.clone();
    if urls.is_empty() {
        let dir = data_dir(common)?;
        let files = Layout { dir: dir.clone() }.node_files().unwrap_or_default();
        for file in files {
            urls.push(format!("http://{}", NodeFile::read(&file)?.http));
        }
        if urls.is_empty() {
            let text = texts.get("no-alliance", &[("dir", &dir.display())]);
            return Err(Usage(text).into());
        }
    }
    client_at(&urls, texts)
}

/// A client of the nodes at `urls`.
pub(crate) fn client_at(urls: &[String], texts: &Texts) -> anyhow::Result<Client> {
    let urls: Vec<&str> = urls.iter().map(|url| url.trim_end_matches('/')).collect();
    Ok(Client::with_nodes(&urls)?.language(texts.pick("zh-CN", "en")))
}

/// Writes a file of which nobody ever sees a half: beside, synced, then renamed. `secret` keeps others from reading it.
pub(crate) fn write_whole(path: &Path, bytes: &[u8], secret: bool) -> anyhow::Result<()> {
    let failed = || format!("cannot write {}", path.display());
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs::create_dir_all(parent).with_context(failed)?;
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    let part = PathBuf::from(name);
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    if secret {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    #[cfg(not(unix))]
    let _ = secret;
    let write = || -> std::io::Result<()> {
        let mut file = options.open(&part)?;
        std::io::Write::write_all(&mut file, bytes)?;
        file.sync_all()?;
        drop(file);
        fs::rename(&part, path)
    };
    write().inspect_err(|_| drop(fs::remove_file(&part))).with_context(failed)
}

/// `N` random bytes from the system.
pub(crate) fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|e| anyhow::anyhow!("no randomness from the system: {e}"))?;
    Ok(bytes)
}

/// The time that `text` names; now where it names none.
pub(crate) fn time(text: Option<&str>, texts: &Texts) -> anyhow::Result<xiezhi_types::TimestampMs> {
    let Some(text) = text else { return Ok(now()) };
    let read = xiezhi_types::TimestampMs::parse_rfc3339(text);
    read.ok_or_else(|| Usage(texts.get("bad-time", &[("time", &text)])).into())
}

/// A time as RFC 3339, or a date alone: `date_ms` after that day's beginning in UTC.
pub(crate) fn moment(text: &str, date_ms: u64, texts: &Texts) -> anyhow::Result<xiezhi_types::TimestampMs> {
    let day =
        (text.len() == 10).then(|| xiezhi_types::TimestampMs::parse_rfc3339(&format!("{text}T00:00:00Z")));
    match day.flatten() {
        Some(day) => Ok(xiezhi_types::TimestampMs(day.0.saturating_add(date_ms))),
        None => time(Some(text), texts),
    }
}

/// Now, by this machine's clock.
pub(crate) fn now() -> xiezhi_types::TimestampMs {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    xiezhi_types::TimestampMs(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
