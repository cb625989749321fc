//! Arguments of `backup`, `restore` and `recover`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// The backup file; an existing one is continued
    #[arg(value_name = "FILE.xzb")]
    pub(crate) file: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The node's configuration file; its data directory must not exist
    #[arg(value_name = "node.toml")]
    pub(crate) node: PathBuf,
    /// A backup; with --url what came after it is fetched from those nodes, without it all is fetched
    #[arg(long, value_name = "FILE.xzb")]
    pub(crate) from: Option<PathBuf>,
    /// Begin with the newest snapshot of the nodes: not with the first record, for a member that joins a large ledger; it votes in later terms
    #[arg(long, conflicts_with = "from")]
    pub(crate) snapshot: bool,
    /// Where the node keeps its data, over the file's data_dir
    #[arg(long, env = "XIEZHI_NODE_DATA", value_name = "DIR")]
    pub(crate) node_data: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Recover {
    /// The node's configuration file; the node must not run
    #[arg(value_name = "node.toml")]
    pub(crate) node: PathBuf,
    /// The height to begin at: the highest of all copies' heights; by default this copy's own
    #[arg(long, value_name = "HEIGHT")]
    pub(crate) height: Option<u64>,
    /// Which restart of this term it is; by default one more than this node knows of
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) number: Option<u32>,
    /// Have the node begin there; without it only what it would begin from is printed
    #[arg(long)]
    pub(crate) begin: bool,
    /// Have the node take part in a restart that the others have begun, silently first: for one restored after it
    #[arg(long, requires_all = ["height", "number"], conflicts_with = "begin")]
    pub(crate) again: bool,
    /// The start that all have agreed on: another one is refused
    #[arg(long, value_name = "START", value_parser = start)]
    pub(crate) expect: Option<[u8; 32]>,
    /// Where the node keeps its data, over the file's data_dir
    #[arg(long, env = "XIEZHI_NODE_DATA", value_name = "DIR")]
    pub(crate) node_data: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

fn start(text: &str) -> Result<[u8; 32], String> {
    let mut start = [0; 32];
    hex::decode_to_slice(text, &mut start).map_err(|_| "64 hexadecimal digits are needed".to_owned())?;
    Ok(start)
}
