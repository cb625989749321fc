//! `recover`: has a stopped node begin consensus anew.

use std::fmt::Display;

use xiezhi_node::{Begin, RecoverError};
use xiezhi_types::Height;

use crate::{Ending, Usage, args::Recover, home::NodePlace, texts::Texts};

pub(crate) fn recover(options: &Recover, texts: &Texts) -> anyhow::Result<Ending> {
    let NodePlace { file, dir, genesis } = NodePlace::read(&options.node, options.node_data.as_deref())?;
    let begin = match (options.begin, options.again) {
        (true, _) => Begin::New,
        (_, true) => Begin::Again,
        _ => Begin::Not,
    };
    let (at, cache_bytes) = (options.height.map(Height), file.cache_mib << 20);
    let recovered =
        xiezhi_node::recover(&genesis, &dir, cache_bytes, at, options.number, options.expect, begin);
    let found = recovered.map_err(|error| match error {
        RecoverError::Other { start } => Usage(texts.get("recover-other", &[("start", &hex::encode(start))])),
        error => Usage(error.to_string()),
    })?;
    let start = hex::encode(found.start);
    let checkpoint = found.checkpoint.as_ref().map(|checkpoint| hex::encode(checkpoint.digest()));
    let begins = begin != Begin::Not;
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
