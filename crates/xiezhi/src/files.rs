//! Finding and hashing what is to be deposited.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};
use xiezhi_crypto::{Digest, DigestAlg, DigestHasher};
use xiezhi_evidence::{Manifest, manifest::FileFacts};

use crate::{Usage, home, texts::Texts};

/// Read buffer; what a file of any size costs in memory.
const BUFFER_BYTES: usize = 1 << 20;

/// Something to deposit or compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

/// What hashing gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hashed {
    pub(crate) size: u64,
    pub(crate) digests: Vec<Digest>,
}

impl Source {
    /// Its name without directories.
    pub(crate) fn title(&self) -> String {
        match self {
            Self::File(path) => path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
            Self::Stdin => "stdin".to_owned(),
        }
    }

    /// Where its certificate goes: beside it, or into `out`.
    pub(crate) fn certificate_path(&self, out: Option<&Path>) -> PathBuf {
        let name = format!("{}.xzc", self.title());
        match (self, out) {
            (_, Some(dir)) => dir.join(name),
            (Self::File(path), None) => path.with_file_name(name),
            (Self::Stdin, None) => PathBuf::from(name),
        }
    }

    fn bytes(&self) -> u64 {
        match self {
            Self::File(path) => fs::metadata(path).map(|m| m.len()).unwrap_or(0),
            Self::Stdin => 0,
        }
    }

    /// Digests it under SHA-256 and SM3 in one pass.
    pub(crate) fn hash(&self, bar: &ProgressBar) -> anyhow::Result<Hashed> {
        let context = || format!("cannot read {}", self.title());
        match self {
            Self::File(path) => {
                hash_stream(File::open(path).with_context(context)?, bar).with_context(context)
            }
            Self::Stdin => hash_stream(io::stdin().lock(), bar).with_context(context),
        }
    }
}

fn hash_stream(mut from: impl Read, bar: &ProgressBar) -> io::Result<Hashed> {
    let mut hasher = DigestHasher::new(&DigestAlg::ALL);
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => {
                hasher.update(&buffer[..n]);
                bar.inc(n as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let (size, digests) = hasher.finish();
    Ok(Hashed { size, digests })
}

/// What is known of a source, each field under a salt of its own.
pub(crate) fn manifest(source: &Source, hashed: &Hashed) -> anyhow::Result<Manifest> {
    if hashed.size == 0 {
        bail!(Usage(format!("{}: empty", source.title())));
    }
    let title = source.title();
    let facts = FileFacts {
        size: hashed.size,
        digests: hashed.digests.clone(),
        media_type: media_type(&title).to_owned(),
        title: Some(title).filter(|_| *source != Source::Stdin),
        hashed_at: home::now(),
        tool: concat!("xiezhi ", env!("CARGO_PKG_VERSION")).to_owned(),
    };
    let fields = facts.fields();
    let mut salts = Vec::new();
    for _ in &fields {
        salts.push(home::random::<16>()?);
    }
    Ok(Manifest::new(fields, || salts.pop().unwrap_or_default())?)
}

/// Every file that `paths` mean: directories with all below them, `-` for standard input. Certificates and pending files found inside
/// directories are left out; symbolic links are not followed.
pub(crate) fn collect(paths: &[PathBuf], texts: &Texts) -> anyhow::Result<Vec<Source>> {
    let mut sources = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            sources.push(Source::Stdin);
            continue;
        }
        let meta = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
        if meta.is_dir() {
            walk(path, &mut sources)?;
        } else {
            sources.push(Source::File(path.clone()));
        }
    }
    for (at, source) in sources.iter().enumerate() {
        if sources[..at].contains(source) {
            bail!(Usage(texts.get("file-twice", &[("file", &source.title())])));
        }
        if let Source::File(path) = source
            && fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() == 0)
        {
            bail!(Usage(texts.get("file-empty", &[("file", &path.display())])));
        }
    }
    if sources.is_empty() {
        bail!(Usage(texts.get("no-files", &[])));
    }
    Ok(sources)
}

fn walk(dir: &Path, sources: &mut Vec<Source>) -> anyhow::Result<()> {
    let context = || format!("cannot read {}", dir.display());
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir).with_context(context)? {
        paths.push(entry.with_context(context)?.path());
    }
    paths.sort();
    for path in paths {
        let meta = fs::symlink_metadata(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let ours = path.extension().is_some_and(|e| e == "xzc" || e == "pending" || e == "part");
        if meta.is_dir() {
            walk(&path, sources)?;
        } else if meta.is_file() && !ours {
            sources.push(Source::File(path));
        }
    }
    Ok(())
}

/// A progress bar over all bytes of `sources`, on standard error; hidden when `quiet` or when that is no terminal.
pub(crate) fn progress(sources: &[Source], quiet: bool) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(sources.iter().map(Source::bytes).sum());
    let style = ProgressStyle::with_template("{bar:32} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}

/// A guess at the media type from the file's name; only a note in the manifest.
fn media_type(title: &str) -> &'static str {
    let extension = title.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase());
    match extension.as_deref() {
        Some("pdf") => "application/pdf",
        Some("txt") => "text/plain",
        Some("md") => "text/markdown",
        Some("html" | "htm") => "text/html",
        Some("json") => "application/json",
        Some("xml") => "application/xml",
        Some("zip") => "application/zip",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("gif") => "image/gif",
        Some("webp") => "image/webp",
        Some("mp3") => "audio/mpeg",
        Some("wav") => "audio/wav",
        Some("mp4") => "video/mp4",
        Some("docx") => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        Some("xlsx") => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        _ => "application/octet-stream",
    }
}
