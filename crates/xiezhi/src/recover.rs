//! `recover`: has a stopped node begin consensus anew.

use std::{fmt::Display, fs, path::Path};

use anyhow::{Context as _, bail};
use xiezhi_alliance::NodeFile;
use xiezhi_node::Begin;
use xiezhi_types::Height;

use crate::{Ending, Usage, args::Recover, texts::Texts};

pub(crate) fn recover(options: &Recover, texts: &Texts) -> anyhow::Result<Ending> {
    let file = NodeFile::read(&options.node).map_err(|error| Usage(error.to_string()))?;
    let base = options.node.parent().unwrap_or(Path::new("."));
    let dir = options.node_data.clone().unwrap_or_else(|| base.join(&file.data_dir));
    let genesis = base.join(&file.genesis);
    let genesis = fs::read(&genesis).with_context(|| format!("cannot read {}", genesis.display()))?;
    let recover = |begin| {
        let (at, cache_bytes) = (options.height.map(Height), file.cache_mib << 20);
        xiezhi_node::recover(&genesis, &dir, cache_bytes, at, options.number, begin)
            .map_err(|error| Usage(error.to_string()))
    };
    let found = recover(if options.again { Begin::Again } else { Begin::Not })?;
    let start = hex::encode(found.start);
    if options.expect.as_ref().is_some_and(|expected| !expected.eq_ignore_ascii_case(&start)) {
        bail!(Usage(texts.get("recover-other", &[("start", &start)])));
    }
    if options.begin {
        recover(Begin::New)?;
    }
    let checkpoint = found.checkpoint.as_ref().map(|checkpoint| hex::encode(checkpoint.digest()));
    let begins = options.begin || options.again;
    if options.json {
        let said = serde_json::json!({
            "tip": found.tip.0,
            "records": found.size,
            "checkpoint": checkpoint,
            "term": found.term,
            "number": found.count,
            "height": found.base.0,
            "start": start,
            "begins": begins,
        });
        println!("{said}");
        return Ok(Ending::Done);
    }
    let values: [(&str, &dyn Display); 5] = [
        ("number", &found.count),
        ("term", &found.term),
        ("base", &found.base),
        ("size", &found.size),
        ("tip", &found.tip),
    ];
    println!("{}", texts.get("recover-start", &values));
    if let Some(digest) = &checkpoint {
        println!("{}", texts.get("recover-checkpoint", &[("digest", digest)]));
    }
    println!("{}", texts.get("recover-digest", &[("start", &start)]));
    println!("{}", texts.get(if begins { "recover-done" } else { "recover-how" }, &[]));
    Ok(Ending::Done)
}
