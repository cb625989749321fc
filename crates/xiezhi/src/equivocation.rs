//! `equivocation`: whether two views of one ledger contradict each other, as a file that anyone can check.

use std::path::Path;

use anyhow::{Context as _, bail};
use xiezhi_evidence::{
    Certificate, Genesis, Statement,
    account::ProvenAccount,
    equivocation::{Divergence, Equivocation, Leaf, Sealed},
};
use xiezhi_merkle::{Sha256, TreeHash as _};
use xiezhi_types::LogIndex;
use xiezhi_verify::{
    Anchor,
    equivocation::{Unproven, judge},
};

use crate::{
    Ending,
    args::{Common, EquivocationAction, EquivocationOptions},
    home,
    texts::Texts,
    trust,
    verify::read_certificate,
};

pub(crate) async fn run(
    common: &Common,
    options: &EquivocationOptions,
    texts: &Texts,
) -> anyhow::Result<Ending> {
    match &options.action {
        EquivocationAction::Prove { certificate, other, out } => {
            let first = Certificate::parse(&read_certificate(certificate)?)?;
            let second = match other {
                Some(path) => view_of(Certificate::parse(&read_certificate(path)?)?),
                None => view_of_node(common, &first, texts).await?,
            };
            prove(view_of(first), second, out, texts)
        }
        EquivocationAction::Check { file, trust, json } => check(file, &trust::anchors(trust)?, *json, texts),
    }
}

/// One side: a sealed checkpoint, and a leaf of its tree if one is known.
struct View {
    genesis: Vec<u8>,
    sealed: Sealed,
    leaf: Option<(LogIndex, Leaf)>,
}

fn view_of(certificate: Certificate) -> View {
    let leaf = Leaf { hash: Sha256::leaf(&certificate.statement), path: certificate.path_sha256 };
    View {
        genesis: certificate.genesis,
        sealed: Sealed::new(certificate.checkpoint, certificate.seals, certificate.history),
        leaf: Some((certificate.index, leaf)),
    }
}

/// What a node says now, with its record at the place of `certificate` if it has one. The proof of an account brings its newest sealed checkpoint.
async fn view_of_node(common: &Common, certificate: &Certificate, texts: &Texts) -> anyhow::Result<View> {
    let (client, index) = (home::client(common, texts)?, certificate.index);
    let issuer = Statement::parse(&certificate.statement)?.claims().issuer;
    let ProvenAccount { genesis, checkpoint, seals, history, .. } =
        ProvenAccount::parse(&client.account_proof(&issuer, None).await?)?;
    let leaf = if index.0 < checkpoint.size.0 {
        let hash = Sha256::leaf(&client.statement(index).await?);
        let proof =
            client.inclusion_proof(xiezhi_client::Tree::Sha256, index, Some(checkpoint.size.0)).await?;
        let hashes = proof.path.iter().map(|hash| hash.0.as_slice().try_into());
        Some((index, Leaf { hash, path: hashes.collect::<Result<_, _>>().context("the node's proof")? }))
    } else {
        None
    };
    Ok(View { genesis, sealed: Sealed::new(checkpoint, seals, history), leaf })
}

fn prove(first: View, second: View, out: &Path, texts: &Texts) -> anyhow::Result<Ending> {
    if first.genesis != second.genesis {
        bail!(texts.get("equivocation-two-ledgers", &[]));
    }
    let divergence = match (first.leaf, second.leaf) {
        (Some((index, a)), Some((other, b))) if index == other && a.hash != b.hash => {
            Some(Divergence { index, first: a, second: b })
        }
        _ => None,
    };
    let genesis = Genesis::parse(&first.genesis)?;
    let anchor = Anchor { ledger: Genesis::ledger_id(&first.genesis), name: genesis.name };
    let bytes = Equivocation::new(first.genesis, first.sealed, second.sealed, divergence).encode();
    match judge(&bytes, std::slice::from_ref(&anchor)) {
        Ok(proven) => {
            home::write_whole(out, &bytes, false)?;
            println!("{}", texts.get("equivocation-found", &[("code", &proven.contradiction.code())]));
            println!("{}", texts.get("equivocation-written", &[("file", &out.display())]));
            Ok(Ending::Done)
        }
        Err(Unproven::NoContradiction) => {
            println!("{}", texts.get("equivocation-none", &[]));
            Ok(Ending::Invalid)
        }
        Err(error) => Err(error.into()),
    }
}

fn check(file: &Path, anchors: &[Anchor], json: bool, texts: &Texts) -> anyhow::Result<Ending> {
    let judged = judge(&read_certificate(file)?, anchors);
    if json {
        let answer = match &judged {
            Ok(proven) => serde_json::json!({
                "outcome": "proven",
                "ledger": proven.ledger.to_string(),
                "contradiction": proven.contradiction.code(),
                "institutions": proven.institutions.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "checkpoints": proven.checkpoints.iter().map(|one| serde_json::json!({
                    "height": one.height.0.to_string(),
                    "size": one.size.0.to_string(),
                    "time": one.time.rfc3339(),
                    "root_sha256": hex::encode(one.root_sha256),
                })).collect::<Vec<_>>(),
            }),
            Err(Unproven::UnknownLedger { .. }) => serde_json::json!({"outcome": "unknown"}),
            Err(error) => serde_json::json!({"outcome": "unproven", "reason": error.to_string()}),
        };
        println!("{}", serde_json::to_string_pretty(&answer)?);
    }
    match judged {
        Ok(proven) => {
            if !json {
                let code = proven.contradiction.code();
                println!("{}", texts.get("equivocation-found", &[("code", &code)]));
                for one in &proven.checkpoints {
                    let (height, size, time) = (one.height.0, one.size.0, one.time.rfc3339());
                    let root = hex::encode(one.root_sha256);
                    let values: [(&str, &dyn std::fmt::Display); 4] =
                        [("height", &height), ("size", &size), ("time", &time), ("root", &root)];
                    println!("  {}", texts.get("equivocation-checkpoint", &values));
                }
                let who: Vec<_> = proven.institutions.iter().map(ToString::to_string).collect();
                println!("{}", texts.get("equivocation-who", &[("who", &who.join(", "))]));
            }
            Ok(Ending::Done)
        }
        Err(error) => {
            if !json {
                println!("{}", texts.get("equivocation-unproven", &[("reason", &error)]));
            }
            Ok(if matches!(error, Unproven::UnknownLedger { .. }) {
                Ending::Unknown
            } else {
                Ending::Invalid
            })
        }
    }
}
