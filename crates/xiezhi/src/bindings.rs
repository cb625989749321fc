//! `id verify`: what a binding's certificate shows, and whether the binding was revoked.

use std::path::{Path, PathBuf};

use anyhow::bail;
use serde_json::{Value, json};
use xiezhi_client::{Client, RecordQuery};
use xiezhi_evidence::{Body, Certificate, Manifest, Statement};
use xiezhi_office::binding::{Shown, revokes};
use xiezhi_types::AccountId;
use xiezhi_verify::{Anchor, Outcome, Verdict};

use crate::{
    Ending, Usage, home,
    texts::Texts,
    trust,
    verify::{ending, judge_record, read_certificate},
};

/// Most records of one group that are looked at.
const GROUP_MAX: u32 = 100;

/// What is checked.
pub(crate) struct Check<'a> {
    pub(crate) path: &'a Path,
    /// The office's account, as the reader knows it.
    pub(crate) office: AccountId,
    /// A record that is said to revoke it.
    pub(crate) revocation: Option<&'a Path>,
    /// Where the certificate of one that the nodes know goes.
    pub(crate) out: Option<&'a Path>,
    pub(crate) trust: &'a [PathBuf],
}

/// Whether the record is the office's, and commits to exactly this manifest.
fn is_by(statement: &Statement, manifest: &Manifest, office: AccountId) -> bool {
    let claims = statement.claims();
    let commits = matches!(statement.body(), Body::Deposit(body) if body.manifest_root == manifest.root());
    claims.issuer == office && claims.grantor.is_none() && commits
}

/// The verdict on a record that revokes `binding`; `None` if it is valid and does something else.
fn revoking(bytes: &[u8], binding: &Statement, anchors: &[Anchor]) -> anyhow::Result<Option<Verdict>> {
    let other = Statement::parse(&Certificate::parse(bytes)?.statement)?;
    Ok(revokes(&other, binding).then(|| judge_record(bytes, anchors, home::now())))
}

/// Asks every node: one that keeps the revocation to itself does not hide it. The proven revocation, and how many nodes answered.
async fn look_up(
    client: &Client,
    binding: &Statement,
    anchors: &[Anchor],
) -> anyhow::Result<(Option<(Vec<u8>, Verdict)>, usize)> {
    let Some(group) = binding.group() else { return Ok((None, 0)) };
    let mut answered = 0;
    for url in client.nodes() {
        let node = Client::new(url)?;
        let Ok(page) = node.find(&RecordQuery::Group(group), None, GROUP_MAX).await else { continue };
        answered += 1;
        for record in page.records {
            let Ok(bytes) = node.certificate(xiezhi_types::LogIndex(record.status.index.0), None).await
            else {
                continue;
            };
            match revoking(&bytes, binding, anchors) {
                Ok(Some(verdict)) if verdict.outcome == Outcome::Valid => {
                    return Ok((Some((bytes, verdict)), answered));
                }
                _ => {}
            }
        }
    }
    Ok((None, answered))
}

pub(crate) async fn verify(
    check: &Check<'_>,
    client: Option<&Client>,
    json: bool,
    texts: &Texts,
) -> anyhow::Result<Ending> {
    let bytes = read_certificate(check.path)?;
    let anchors: Vec<Anchor> = trust::anchors(check.trust)?;
    let say = |verdict: &Verdict| {
        if json {
            println!("{}", verdict.to_json());
        } else {
            crate::verify::print(verdict, texts);
        }
        Ok(ending(verdict))
    };
    let verdict = judge_record(&bytes, &anchors, home::now());
    if verdict.outcome != Outcome::Valid {
        return say(&verdict);
    }
    let certificate = Certificate::parse(&bytes)?;
    let statement = Statement::parse(&certificate.statement)?;
    let shown = certificate.manifest.as_ref().map(|manifest| (manifest, Shown::of(manifest)));
    let Some((manifest, Ok(shown))) = shown else { bail!(texts.get("office-no-binding", &[])) };
    if !is_by(&statement, manifest, check.office) {
        bail!(texts.get("office-not-by", &[("office", &check.office)]));
    }
    let (mut revoked, mut asked) = (None, None);
    if let Some(path) = check.revocation {
        let found = revoking(&read_certificate(path)?, &statement, &anchors)?;
        let found =
            found.ok_or_else(|| Usage(texts.get("office-other-revocation", &[("file", &path.display())])))?;
        if found.outcome != Outcome::Valid {
            return say(&found);
        }
        revoked = Some(found);
    } else if let Some(client) = client {
        let (found, answered) = look_up(client, &statement, &anchors).await?;
        if found.is_none() && answered == 0 {
            bail!(texts.get("office-nobody-answers", &[]));
        }
        if let (Some((bytes, _)), Some(out)) = (&found, check.out) {
            home::write_whole(out, bytes, false)?;
        }
        (revoked, asked) = (found.map(|(_, verdict)| verdict), Some(answered));
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&as_json(&shown, &verdict, revoked.as_ref(), asked))?);
    } else {
        print(&shown, revoked.as_ref(), asked, texts);
    }
    Ok(if revoked.is_some() { Ending::Invalid } else { Ending::Done })
}

/// Since when the record of a revocation is proven to exist.
fn since(revoked: &Verdict) -> &str {
    let facts = &revoked.facts;
    facts.exists_since.as_deref().or(facts.checkpoint_time.as_deref()).unwrap_or_default()
}

fn as_json(shown: &Shown, verdict: &Verdict, revoked: Option<&Verdict>, asked: Option<usize>) -> Value {
    let fields: serde_json::Map<_, Value> =
        shown.fields.iter().map(|(name, text)| (name.clone(), text.as_str().into())).collect();
    let mut found = json!({
        "outcome": if revoked.is_some() { "revoked" } else { "valid" }, "account": shown.account.to_string(), "office": shown.office,
        "provider": shown.provider, "approved_at": shown.approved_at, "fields": fields, "closed": shown.closed,
        "record_number": verdict.facts.record_number,
    });
    if let Some(revoked) = revoked {
        found["revoked"] = json!({ "since": since(revoked), "record_number": revoked.facts.record_number });
    }
    if let Some(asked) = asked {
        found["nodes_asked"] = asked.into();
    }
    found
}

fn print(shown: &Shown, revoked: Option<&Verdict>, asked: Option<usize>, texts: &Texts) {
    if let Some(revoked) = revoked {
        let number = revoked.facts.record_number.as_deref().unwrap_or_default();
        println!(
            "{}\n",
            texts.get("office-shown-revoked", &[("time", &since(revoked)), ("number", &number)])
        );
    } else {
        println!("{}\n", texts.get("outcome-valid", &[]));
    }
    println!("  {}", texts.get("office-shown-account", &[("account", &shown.account)]));
    let by: [(&str, &dyn std::fmt::Display); 2] = [("office", &shown.office), ("time", &shown.approved_at)];
    println!("  {}", texts.get("office-shown-by", &by));
    if shown.is_demonstration() {
        println!("  {}", texts.get("office-shown-demonstration", &[]));
    }
    for (name, text) in &shown.fields {
        println!("  {name}: {text}");
    }
    println!("  {}", texts.get("office-shown-closed", &[("count", &shown.closed)]));
    let limits = match (revoked, asked) {
        (Some(_), _) => texts.get("office-limits-revoked", &[]),
        (None, Some(asked)) => texts.get("office-limits-asked", &[("count", &asked)]),
        (None, None) => texts.get("office-shown-limits", &[]),
    };
    println!("\n{limits}");
}
