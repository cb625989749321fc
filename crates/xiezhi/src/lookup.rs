//! `show`, `find`, `proof`, `status`: looking things up.

use std::path::Path;

use anyhow::{Context as _, bail};
use xiezhi_client::{
    RecordQuery, Tree,
    wire::{self, Record},
};
use xiezhi_crypto::{Digest, DigestAlg};
use xiezhi_evidence::{Certificate, Genesis};
use xiezhi_types::{LogIndex, RecordNumber};

use crate::{
    Ending, Usage,
    args::{Common, Find, Proof, ProofKind, Show, Status, TreeName},
    home,
    texts::Texts,
    verify::{hash_quietly, read_certificate},
};

/// Records asked for at once.
const PAGE: u32 = 100;

pub(crate) async fn show(common: &Common, options: &Show, texts: &Texts) -> anyhow::Result<Ending> {
    let path = Path::new(&options.what);
    if path.is_file() {
        return show_certificate(path, options);
    }
    if options.receipts.is_some() || options.parts.is_some() {
        bail!(Usage(texts.get("show-needs-file", &[])));
    }
    let client = home::client(common, texts)?;
    let record = match options.what.parse::<u64>() {
        Ok(index) => client.record(LogIndex(index)).await?,
        Err(_) => {
            let number: RecordNumber =
                options.what.parse().map_err(|e| Usage(format!("{}: {e}", options.what)))?;
            let page = client.find(&RecordQuery::Number(number.to_string()), None, 1).await?;
            page.records.into_iter().next().ok_or_else(|| Usage(texts.get("find-nothing", &[])))?
        }
    };
    if options.json {
        println!("{}", serde_json::to_string_pretty(&record)?);
    } else {
        print(&record, texts);
    }
    Ok(Ending::Done)
}

fn show_certificate(path: &Path, options: &Show) -> anyhow::Result<Ending> {
    let certificate =
        Certificate::parse(&read_certificate(path)?).with_context(|| path.display().to_string())?;
    if let Some(dir) = &options.receipts {
        let genesis = Genesis::parse(&certificate.genesis)?;
        home::write_whole(&dir.join("statement.cose"), &certificate.statement, false)?;
        for (institution, receipt) in xiezhi_verify::receipts(&certificate) {
            home::write_whole(&dir.join(format!("{institution}.receipt.cose")), &receipt, false)?;
            if let Some(known) = genesis.institution(&institution) {
                home::write_whole(&dir.join(format!("{institution}.key")), &known.seal_key, false)?;
            }
        }
    }
    if let Some(dir) = &options.parts {
        write_parts(&certificate, dir)?;
    }
    if options.receipts.is_none() && options.parts.is_none() {
        println!("{}", serde_json::to_string_pretty(&xiezhi_verify::certificate_json(&certificate))?);
    }
    Ok(Ending::Done)
}

/// Parts under names and in forms that openssl and other tools take.
fn write_parts(certificate: &Certificate, dir: &Path) -> anyhow::Result<()> {
    let genesis = Genesis::parse(&certificate.genesis)?;
    let write = |name: &str, bytes: &[u8]| home::write_whole(&dir.join(name), bytes, false);
    let pem =
        |der: &[u8]| -> anyhow::Result<String> { Ok(xiezhi_pki::X509Certificate::from_der(der)?.to_pem()) };
    write("genesis.cbor", &certificate.genesis)?;
    write("statement.cose", &certificate.statement)?;
    write("checkpoint.cbor", &certificate.checkpoint.encode())?;
    let roots: Vec<String> = genesis.roots.iter().map(|root| pem(root)).collect::<Result<_, _>>()?;
    write("roots.pem", roots.concat().as_bytes())?;
    for certified in &certificate.seals {
        let chain: Vec<String> = certified.chain.iter().map(|der| pem(der)).collect::<Result<_, _>>()?;
        write(&format!("{}.pem", certified.seal.institution), chain.concat().as_bytes())?;
    }
    for (at, stamp) in certificate.timestamps.iter().enumerate() {
        write(&format!("timestamp-{at}.der"), &stamp.token)?;
    }
    for (at, list) in certificate.revocations.iter().enumerate() {
        write(&format!("crl-{at}.pem"), xiezhi_pki::Crl::from_der(list)?.to_pem().as_bytes())?;
    }
    Ok(())
}

fn print(record: &Record, texts: &Texts) {
    let status = &record.status;
    println!("{}", status.number);
    println!("  {}", texts.get("record-time", &[("time", &status.time), ("height", &status.height)]));
    println!("  {}", texts.get("record-issuer", &[("account", &record.statement.issuer)]));
    if let Some(grantor) = &record.statement.grantor {
        println!("  {}", texts.get("record-grantor", &[("account", grantor)]));
    }
    if let Some(group) = &record.statement.group {
        println!("  {}", texts.get("fact-group", &[("value", group)]));
    }
    for digest in &record.statement.digests {
        println!("  {digest}");
    }
    let who = status.sealed_by.join(", ");
    let id = if status.sealed { "deposited-sealed" } else { "record-not-sealed" };
    println!("  {}", texts.get(id, &[("who", &who)]));
}

pub(crate) async fn find(common: &Common, options: &Find, texts: &Texts) -> anyhow::Result<Ending> {
    let query = query(options)?;
    let client = home::client(common, texts)?;
    let (mut records, mut cursor) = (Vec::new(), None::<String>);
    let limit = options.limit as usize;
    while records.len() < limit {
        let want = PAGE.min(u32::try_from(limit - records.len())?);
        let page = client.find(&query, cursor.as_deref(), want).await?;
        records.extend(page.records);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    if options.json {
        println!("{}", serde_json::to_string_pretty(&records)?);
        return Ok(Ending::Done);
    }
    for record in &records {
        print(record, texts);
    }
    if records.is_empty() {
        println!("{}", texts.get("find-nothing", &[]));
    } else if cursor.is_some() {
        println!("{}", texts.get("find-more", &[("count", &records.len())]));
    }
    Ok(Ending::Done)
}

fn query(options: &Find) -> anyhow::Result<RecordQuery> {
    let usage = |e: &dyn std::fmt::Display| Usage(e.to_string());
    if let Some(digest) = &options.digest {
        let digest: Digest = digest.parse().map_err(|e| Usage(format!("--digest: {e}")))?;
        return Ok(RecordQuery::Digest(digest.to_string()));
    }
    if let Some(file) = &options.file {
        let hashed = hash_quietly(file)?;
        let sha256 = hashed.digests.iter().find(|digest| digest.alg == DigestAlg::Sha256);
        return Ok(RecordQuery::Digest(sha256.context("no digest")?.to_string()));
    }
    if let Some(number) = &options.number {
        let number: RecordNumber = number.parse().map_err(|e| usage(&e))?;
        return Ok(RecordQuery::Number(number.to_string()));
    }
    if let Some(account) = &options.account {
        return Ok(RecordQuery::Account(account.parse().map_err(|e| usage(&e))?));
    }
    if let Some(group) = &options.group {
        return Ok(RecordQuery::Group(group.parse().map_err(|e| usage(&e))?));
    }
    Ok(RecordQuery::All)
}

pub(crate) async fn proof(common: &Common, options: &Proof, texts: &Texts) -> anyhow::Result<Ending> {
    let tree = |name: &TreeName| match name {
        TreeName::Sha256 => Tree::Sha256,
        TreeName::Sm3 => Tree::Sm3,
    };
    let client = home::client(common, texts)?;
    let json = match &options.kind {
        ProofKind::Inclusion { index, size, tree: name } => {
            serde_json::to_string_pretty(&client.inclusion_proof(tree(name), LogIndex(*index), *size).await?)?
        }
        ProofKind::Consistency { old, new, tree: name } => {
            serde_json::to_string_pretty(&client.consistency_proof(tree(name), *old, *new).await?)?
        }
    };
    println!("{json}");
    Ok(Ending::Done)
}

/// What a node says of something that expires soon or has.
fn announce(expiry: &wire::Expiry, status: &wire::Status, texts: &Texts) -> Option<String> {
    let expired = match expiry.standing.as_str() {
        "soon" => false,
        "expired" => true,
        _ => return None,
    };
    let text = match (expiry.what.as_str(), expired) {
        ("seal-certificate", false) if expiry.name == status.institution => "status-expires",
        ("seal-certificate", true) if expiry.name == status.institution => "status-expired",
        ("seal-certificate", false) => "status-other-expires",
        ("seal-certificate", true) => "status-other-expired",
        ("time-stamp-authority", false) => "status-stamps-expire",
        ("time-stamp-authority", true) => "status-stamps-expired",
        ("root", false) => "status-root-expires",
        ("root", true) => "status-root-expired",
        ("revocation-list", false) => "status-list-expires",
        ("revocation-list", true) => "status-list-expired",
        _ => return None,
    };
    let values: [(&str, &dyn std::fmt::Display); 3] =
        [("name", &expiry.name), ("time", &expiry.expires), ("days", &expiry.days_left)];
    Some(texts.get(text, &values))
}

pub(crate) async fn status(common: &Common, options: &Status, texts: &Texts) -> anyhow::Result<Ending> {
    let client = home::client(common, texts)?;
    let (mut found, mut away) = (Vec::new(), Vec::new());
    for url in client.nodes() {
        match xiezhi_client::Client::new(url)?.timeout(std::time::Duration::from_secs(3)).status().await {
            Ok(status) => found.push((url.clone(), status)),
            Err(error) => away.push((url.clone(), error)),
        }
    }
    if options.json {
        let up = found.iter().map(|(url, status)| serde_json::json!({"url": url, "status": status}));
        let down =
            away.iter().map(|(url, error)| serde_json::json!({"url": url, "error": error.to_string()}));
        println!("{}", serde_json::to_string_pretty(&up.chain(down).collect::<Vec<_>>())?);
    } else {
        for (url, status) in &found {
            let live = match (&status.following, status.live) {
                (None, true) => "status-live",
                (None, false) => "status-not-live",
                (Some(_), true) => "status-follows",
                (Some(_), false) => "status-not-following",
            };
            let live = texts.get(live, &[]);
            let values: [(&str, &dyn std::fmt::Display); 7] = [
                ("institution", &status.institution),
                ("url", url),
                ("live", &live),
                ("height", &status.height),
                ("size", &status.size),
                ("sealed", &status.sealed_size),
                ("queued", &status.queued),
            ];
            println!("{}", texts.get("status-node", &values));
            for expiry in &status.expiries {
                if let Some(line) = announce(expiry, status, texts) {
                    println!("  {line}");
                }
            }
            if let Some(problem) = &status.sealing_problem {
                println!("  {}", texts.get("status-seals-nothing", &[("problem", problem)]));
            }
            if let Some(next) = &status.next_term {
                let values: [(&str, &dyn std::fmt::Display); 2] =
                    [("number", &next.number), ("from", &next.from)];
                println!("  {}", texts.get("status-next-term", &values));
            }
            if status.institutions.iter().any(|peer| peer.this && peer.suspended) {
                println!("  {}", texts.get("status-suspended", &[("number", &status.term)]));
            }
            if !status.voting && status.following.is_none() {
                println!("  {}", texts.get("status-silent", &[]));
            }
            if let Some(archive) = &status.archive {
                let values: [(&str, &dyn std::fmt::Display); 2] =
                    [("records", &archive.records), ("size", &status.size)];
                println!("  {}", texts.get("status-archive", &values));
                let failing = match archive.keep {
                    _ if !archive.failing => None,
                    Some(_) => Some("status-archive-fails"),
                    None => Some("status-archive-unknown"),
                };
                if let Some(failing) = failing {
                    println!("  {}", texts.get(failing, &[]));
                }
            }
            if let Some(following) = &status.following {
                let values: [(&str, &dyn std::fmt::Display); 2] =
                    [("upstream", &following.upstream), ("sealed", &following.sealed_size)];
                println!("  {}", texts.get("status-following", &values));
                if following.kept_from.0 > 0 {
                    println!("  {}", texts.get("status-kept-from", &[("index", &following.kept_from)]));
                }
                if let Some(problem) = &following.problem {
                    println!("  {}", texts.get("status-problem", &[("problem", problem)]));
                }
            }
        }
        for (url, _) in &away {
            println!("{}", texts.get("status-away", &[("url", url)]));
        }
    }
    match away.into_iter().next() {
        Some((_, error)) if found.is_empty() => Err(error.into()),
        _ => Ok(Ending::Done),
    }
}
