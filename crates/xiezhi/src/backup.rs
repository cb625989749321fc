//! `backup`, `restore`: the ledger in one file, and a node's data from it.
//!
//! A backup is a CBOR sequence: `{1: 1, 2: genesis}`, then the answers of `GET /v1/blocks`, each as a byte string. Whoever reads it back trusts the
//! genesis and nothing else, so the file needs no check of its own. It grows by appending; a part that was cut off is fetched again.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufReader, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};
use minicbor::{Decode, Decoder, Encode};
use xiezhi_client::Client;
use xiezhi_ledger::SealedBlocks;
use xiezhi_node::UpstreamError;
use xiezhi_types::{Height, canonical, from_canonical};

use crate::{
    Ending, Usage,
    args::{Backup, Common, Restore},
    home::{self, NodePlace},
    serve,
    texts::Texts,
};

/// The format's version.
const VERSION: u32 = 1;
/// Longest part that is read, in bytes: an answer of a node with the largest block.
const PART_BYTES_MAX: u64 = 80 << 20;
/// Longest head of a byte string, in bytes.
const HEAD_BYTES_MAX: usize = 9;

#[derive(Debug, Encode, Decode)]
#[cbor(map)]
struct Header {
    #[n(1)]
    version: u32,
    #[cbor(n(2), with = "minicbor::bytes")]
    genesis: Vec<u8>,
}

/// A backup that is read from its beginning.
struct Reader {
    file: BufReader<File>,
    bytes: u64,
    at: u64,
}

/// What stands at a place of a backup.
enum Part {
    Whole(Vec<u8>),
    /// The file ends here, or in the middle of a part that begins here.
    End,
    Damaged,
}

impl Reader {
    /// Opens a backup; gives the genesis it begins with, `None` where no header can be read.
    fn open(path: &Path) -> anyhow::Result<(Self, Option<Vec<u8>>)> {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        let bytes = file.metadata()?.len();
        let mut reader = Self { file: BufReader::with_capacity(1 << 20, file), bytes, at: 0 };
        let header = match reader.part()? {
            Part::Whole(header) => from_canonical::<Header>("a backup", &header).ok(),
            Part::End | Part::Damaged => None,
        };
        Ok((reader, header.filter(|header| header.version == VERSION).map(|header| header.genesis)))
    }

    fn part(&mut self) -> std::io::Result<Part> {
        let mut head =
            vec![0; HEAD_BYTES_MAX.min(usize::try_from(self.bytes - self.at).unwrap_or(usize::MAX))];
        self.file.read_exact(&mut head)?;
        let decoder = Decoder::new(&head);
        let length = match decoder.datatype() {
            Err(_) => return Ok(Part::End),
            Ok(minicbor::data::Type::Bytes) => length_of(&head),
            Ok(_) => None,
        };
        let Some((head_bytes, length)) = length else { return Ok(Part::Damaged) };
        if length > PART_BYTES_MAX {
            return Ok(Part::Damaged);
        }
        let end = self.at + head_bytes + length;
        if end > self.bytes {
            return Ok(Part::End);
        }
        self.file.seek(SeekFrom::Start(self.at + head_bytes))?;
        let mut part = vec![0; usize::try_from(length).unwrap_or_default()];
        self.file.read_exact(&mut part)?;
        self.at = end;
        Ok(Part::Whole(part))
    }
}

/// Bytes of the head of a byte string, and its length.
fn length_of(head: &[u8]) -> Option<(u64, u64)> {
    let more = match head[0] & 0x1f {
        small @ 0..=23 => return Some((1, u64::from(small))),
        24 => 1,
        25 => 2,
        26 => 4,
        27 => 8,
        _ => return None,
    };
    let bytes = head.get(1..=more)?;
    Some((1 + more as u64, bytes.iter().fold(0, |length, byte| length << 8 | u64::from(*byte))))
}

fn write_part(file: &mut File, part: &[u8]) -> anyhow::Result<()> {
    let mut encoder = minicbor::Encoder::new(Vec::with_capacity(part.len() + HEAD_BYTES_MAX));
    encoder.bytes(part).map_err(|e| anyhow::anyhow!("{e}"))?;
    Ok(file.write_all(encoder.writer())?)
}

/// How far a backup goes.
#[derive(Default)]
struct Reached {
    height: Height,
    size: u64,
}

impl Reached {
    fn by(&mut self, blocks: &SealedBlocks) {
        if let Some(last) = blocks.blocks.last() {
            (self.height, self.size) = (last.checkpoint.height, last.checkpoint.size.0);
        }
    }
}

/// Where the whole parts of an existing backup end, and how far they go.
fn survey(path: &Path, genesis: &[u8], texts: &Texts) -> anyhow::Result<(u64, Reached)> {
    let not = |at: u64| Usage(texts.get("backup-not", &[("file", &path.display()), ("at", &at)]));
    let (mut reader, found) = Reader::open(path)?;
    match found {
        None => bail!(not(0)),
        Some(found) if found != genesis => {
            bail!(Usage(texts.get("backup-other", &[("file", &path.display())])))
        }
        Some(_) => {}
    }
    let mut reached = Reached::default();
    loop {
        let at = reader.at;
        match reader.part()? {
            Part::Whole(part) => reached.by(&SealedBlocks::parse(&part).map_err(|_| not(at))?),
            Part::Damaged => bail!(not(at)),
            Part::End => {
                if at < reader.bytes {
                    eprintln!("{}", texts.get("backup-cut", &[]));
                }
                return Ok((at, reached));
            }
        }
    }
}

pub(crate) async fn save(common: &Common, options: &Backup, texts: &Texts) -> anyhow::Result<Ending> {
    let client = home::client(common, texts)?;
    let genesis = client.genesis().await?;
    let path = &options.file;
    if !path.exists() {
        let mut encoder = minicbor::Encoder::new(Vec::new());
        let header = canonical(&Header { version: VERSION, genesis: genesis.clone() });
        encoder.bytes(&header).map_err(|e| anyhow::anyhow!("{e}"))?;
        home::write_whole(path, encoder.writer(), false)?;
    }
    let (end, mut reached) = survey(path, &genesis, texts)?;
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.set_len(end)?;
    file.seek(SeekFrom::End(0))?;
    let (before, bar) = (reached.size, bar(options.json));
    loop {
        let part = client.sealed_blocks(reached.height).await?;
        let blocks = SealedBlocks::parse(&part)?;
        if blocks.blocks.is_empty() {
            break;
        }
        write_part(&mut file, &part).with_context(|| format!("cannot write {}", path.display()))?;
        reached.by(&blocks);
        bar.set_length(blocks.sealed_size.max(reached.size));
        bar.set_position(reached.size);
    }
    file.sync_all().with_context(|| format!("cannot write {}", path.display()))?;
    bar.finish_and_clear();
    let Reached { height, size } = reached;
    let added = size - before;
    if options.json {
        println!("{}", serde_json::json!({"height": height.0, "records": size, "added": added}));
    } else {
        let values: [(&str, &dyn std::fmt::Display); 4] =
            [("file", &path.display()), ("size", &size), ("height", &height), ("added", &added)];
        println!("{}", texts.get("backup-saved", &values));
    }
    Ok(Ending::Done)
}

pub(crate) async fn restore(common: &Common, options: &Restore, texts: &Texts) -> anyhow::Result<Ending> {
    let NodePlace { file, dir, genesis } = NodePlace::read(&options.node, options.node_data.as_deref())?;
    if dir.exists() {
        bail!(Usage(texts.get("restore-exists", &[("dir", &dir.display())])));
    }
    let backup = match &options.from {
        None => None,
        Some(path) => {
            // Says at once what is wrong with the file as a file; what it holds is checked block by block.
            survey(path, &genesis, texts)?;
            Some(Reader::open(path)?.0)
        }
    };
    let nodes = match (&backup, common.url.is_empty()) {
        (Some(_), true) => None,
        _ => Some(home::client(common, texts)?),
    };
    let building = building(&dir);
    // What an attempt fetched of a snapshot is checked anew and kept.
    if building.exists() && !options.snapshot {
        fs::remove_dir_all(&building)?;
    }
    let (bar, runtime) = (bar(options.json), tokio::runtime::Handle::current());
    let (cache_bytes, made, told) = (file.cache_mib << 20, building.clone(), bar.clone());
    let asked = nodes.as_ref().filter(|_| options.snapshot);
    let snapshots = asked.map(|nodes| serve::snapshots(nodes.nodes())).transpose()?;
    let restored = tokio::task::spawn_blocking(move || {
        if let Some(sources) = snapshots {
            let told = |done: u64, of: u64| {
                told.set_length(of);
                told.set_position(done);
            };
            return xiezhi_node::join_as_member(genesis, &made, cache_bytes, &sources, &told);
        }
        let mut source = Source { backup, nodes, runtime };
        let told = |size: u64, of: u64| {
            told.set_length(of.max(size));
            told.set_position(size);
        };
        xiezhi_node::restore(genesis, &made, cache_bytes, |after| source.more(after), told)
    });
    let restored = restored.await?;
    bar.finish_and_clear();
    let (height, size) = match restored {
        Ok(restored) => restored,
        Err(error) => {
            if !options.snapshot {
                fs::remove_dir_all(&building).ok();
            }
            return Err(error.into());
        }
    };
    let failed = || format!("cannot make {}", dir.display());
    fs::rename(&building, &dir).with_context(failed)?;
    if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        File::open(parent).and_then(|parent| parent.sync_all()).with_context(failed)?;
    }
    if options.json {
        println!("{}", serde_json::json!({"height": height.0, "records": size}));
    } else {
        let values: [(&str, &dyn std::fmt::Display); 3] =
            [("dir", &dir.display()), ("size", &size), ("height", &height)];
        println!("{}", texts.get("restore-done", &values));
    }
    Ok(Ending::Done)
}

/// The blocks of a backup, if there is one, then those of the nodes, if they are asked.
struct Source {
    backup: Option<Reader>,
    nodes: Option<Client>,
    runtime: tokio::runtime::Handle,
}

impl Source {
    fn more(&mut self, after: Height) -> Result<Option<Vec<u8>>, UpstreamError> {
        let failed = |reason: String| UpstreamError { reason };
        if let Some(backup) = &mut self.backup {
            if let Part::Whole(part) = backup.part().map_err(|e| failed(e.to_string()))? {
                return Ok(Some(part));
            }
            self.backup = None;
        }
        let Some(nodes) = &self.nodes else { return Ok(None) };
        self.runtime.block_on(nodes.sealed_blocks(after)).map(Some).map_err(|e| failed(e.to_string()))
    }
}

/// Where a data directory is made until it is whole.
fn building(dir: &Path) -> PathBuf {
    let mut name = dir.as_os_str().to_owned();
    name.push(".restoring");
    PathBuf::from(name)
}

pub(crate) fn bar(hidden: bool) -> ProgressBar {
    let bar = if hidden { ProgressBar::hidden() } else { ProgressBar::no_length() };
    if let Ok(style) = ProgressStyle::with_template("{bar:32} {human_pos}/{human_len} {per_sec} {eta}") {
        bar.set_style(style);
    }
    bar
}
