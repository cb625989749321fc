//! The heads of the authority's book on the ledger: a book that was rewritten does not have them.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, bail};
use xiezhi_ca::{Head, HeadStanding, RecordedHead, Service};
use xiezhi_client::{Client, RecordQuery};
use xiezhi_crypto::{Digest, DigestAlg, sha256};
use xiezhi_depositor::NodeLedger;
use xiezhi_evidence::{Body, Certificate, DepositBody, Manifest, Statement, manifest::Value};
use xiezhi_types::{AccountId, GroupId, LogIndex, RecordNumber};
use xiezhi_verify::{Anchor, Outcome};

use super::Tool;
use crate::{Ending, account::OwnAccount, deposit::ledger_of, home, trust, verify::judge_record};

/// How long the account's creation is waited for.
const WAIT: Duration = Duration::from_secs(60);
/// How often the server looks whether a head is due.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// How long it waits before it tries again what it could not do.
const TRY_AGAIN: Duration = Duration::from_secs(20);
/// The newest head on the ledger, in the authority's directory.
const RECORDED: &str = "head.json";
/// Records asked for at once.
const PAGE: u32 = 100;

/// In which group the heads of the book of `authority` are.
fn group(authority: &[u8; 32]) -> GroupId {
    let digest = sha256(format!("xiezhi authority book heads\n{}\n", hex::encode(authority)).as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    GroupId(bytes)
}

/// The newest head that was put on the ledger from here. A file that cannot be read is an error: what it says is not lost silently.
fn recorded(dir: &Path) -> anyhow::Result<Option<RecordedHead>> {
    let path = dir.join(RECORDED);
    match std::fs::read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        bytes => {
            let head =
                bytes.map_err(anyhow::Error::from).and_then(|bytes| Ok(serde_json::from_slice(&bytes)?));
            Ok(Some(head.with_context(|| format!("cannot read {}", path.display()))?))
        }
    }
}

/// Puts a head on the ledger, and writes down in `dir` that it is there.
async fn deposit(ledger: &NodeLedger, head: &Head, dir: &Path) -> anyhow::Result<RecordedHead> {
    // Nothing in it is secret: the salts are as everybody's.
    let fields =
        [("book.authority", hex::encode(head.authority)), ("book.entries", head.entries.to_string())];
    let fields = fields.map(|(name, text)| (name.to_owned(), Value::Text(text)));
    let seed: [u8; 16] = home::random()?;
    let manifest = Manifest::new(fields, || seed)?;
    let digests = vec![Digest { alg: DigestAlg::Sha256, value: head.digest }];
    let body = Body::Deposit(DepositBody { manifest_root: manifest.root(), digests, phase: None });
    let statement = ledger.sign(body, Some(group(&head.authority)), home::now())?;
    let certificate = ledger.deposit(statement).await?.context("recorded, but not sealed yet")?;
    let certificate = Certificate::parse(&certificate)?;
    let record = RecordNumber::new(&certificate.checkpoint.ledger, certificate.index, None).to_string();
    let (entries, at) = (head.entries, home::now().seconds());
    let recorded = RecordedHead { entries, head: hex::encode(head.digest), at, record };
    home::write_whole(&dir.join(RECORDED), &serde_json::to_vec(&recorded)?, false)?;
    Ok(recorded)
}

/// How the server puts heads of the book on the ledger.
pub(super) struct Schedule {
    client: Client,
    /// Who deposits, until the ledger is known.
    own: Option<OwnAccount>,
    every_s: u64,
    ledger: Option<NodeLedger>,
}

impl Schedule {
    pub(super) fn new(client: Client, own: OwnAccount, every_minutes: u32) -> Self {
        Self { client, own: Some(own), every_s: u64::from(every_minutes) * 60, ledger: None }
    }

    /// From now on puts heads of the book that `service` serves from `dir` on the ledger, beside everything else: nothing waits for it.
    pub(super) fn begin(mut self, service: &Arc<Service>, dir: &Path) -> anyhow::Result<()> {
        service.set_heads(self.every_s, recorded(dir)?);
        let (service, dir) = (Arc::clone(service), dir.to_owned());
        tokio::spawn(async move {
            loop {
                let wait = match self.look(&service, &dir).await {
                    Ok(()) => LOOK_AGAIN,
                    Err(error) => {
                        tracing::warn!(%error, "no head of the book is put on the ledger");
                        TRY_AGAIN
                    }
                };
                tokio::time::sleep(wait).await;
            }
        });
        Ok(())
    }

    async fn look(&mut self, service: &Service, dir: &Path) -> anyhow::Result<()> {
        // Another process may have put one there.
        service.set_heads(self.every_s, recorded(dir)?);
        let Some(head) = service.head()? else { return Ok(()) };
        match head.standing {
            HeadStanding::Kept => return Ok(()),
            HeadStanding::Due | HeadStanding::Overdue => {}
            HeadStanding::Rewritten => bail!("the book does not have the head that is on the ledger"),
        }
        if self.ledger.is_none() {
            let (anchor, _) = ledger_of(&self.client).await?;
            self.ledger = self.own.take().map(|OwnAccount { id, keys, spec }| {
                NodeLedger::new(self.client.clone(), anchor, id, keys).creating(spec)
            });
        }
        if let Some(ledger) = &self.ledger {
            ledger.register(home::now()).await?;
            let recorded = deposit(ledger, &head, dir).await?;
            tracing::info!(
                record = recorded.record,
                entries = recorded.entries,
                "the head of the book is on the ledger"
            );
            service.set_heads(self.every_s, Some(recorded));
        }
        Ok(())
    }
}

impl Tool<'_> {
    pub(super) async fn deposit_head(&self, client: &Client, account: &str) -> anyhow::Result<Ending> {
        let head = {
            let mut authority = self.open()?;
            let (book, before) = (authority.book()?, recorded(&self.dir)?);
            let standing = book.head_standing(before.as_ref(), 0, home::now().seconds());
            if let (HeadStanding::Rewritten, Some(before)) = (standing, before) {
                let file = self.dir.join(RECORDED);
                bail!(
                    self.texts.get("ca-head-gone", &[("number", &before.record), ("file", &file.display())])
                );
            }
            let (entries, digest) = book.head();
            Head { authority: book.authority(), entries, digest, standing }
        };
        let (anchor, _) = ledger_of(client).await?;
        let own = OwnAccount::open(account)?;
        own.register(client, anchor.ledger, WAIT).await?;
        let ledger = NodeLedger::new(client.clone(), anchor, own.id, own.keys);
        let RecordedHead { entries, record, .. } = deposit(&ledger, &head, &self.dir).await?;
        self.say("ca-head-deposited", &[("entries", &entries), ("number", &record), ("account", &own.id)])
    }

    pub(super) async fn check_heads(
        &self,
        client: &Client,
        account: AccountId,
        trusted: &[PathBuf],
    ) -> anyhow::Result<Ending> {
        let anchors: Vec<Anchor> = trust::anchors(trusted)?;
        let mut authority = self.open()?;
        let book = authority.book()?;
        let group = group(&book.authority());
        let (mut cursor, mut known, mut newest) = (None::<String>, 0_u64, 0);
        loop {
            let page = client.find(&RecordQuery::Group(group), cursor.as_deref(), PAGE).await?;
            for record in &page.records {
                let bytes = client.certificate(LogIndex(record.status.index.0), None).await?;
                let statement = Statement::parse(&Certificate::parse(&bytes)?.statement)?;
                if statement.claims().issuer != account || statement.group() != Some(group) {
                    continue;
                }
                if judge_record(&bytes, &anchors, home::now()).outcome != Outcome::Valid {
                    bail!(self.texts.get("ca-head-unproven", &[("number", &record.status.number)]));
                }
                let Body::Deposit(body) = statement.body() else { continue };
                let entries = body.digests.iter().find_map(|digest| book.entries_at(&digest.value));
                let Some(entries) = entries else {
                    self.say(
                        "ca-rewritten",
                        &[("number", &record.status.number), ("time", &record.status.time)],
                    )?;
                    return Ok(Ending::Invalid);
                };
                (known, newest) = (known + 1, newest.max(entries));
            }
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        if known == 0 {
            self.say("ca-no-heads", &[])?;
            return Ok(Ending::Unknown);
        }
        let all = book.head().0;
        self.say("ca-heads-match", &[("count", &known), ("entries", &newest), ("all", &all)])
    }
}
