//! The heads of the authority's book on the ledger: a book that was rewritten does not have them.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, bail};
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
/// Records asked for at once.
const PAGE: u32 = 100;

/// In which group the heads of the book of `authority` are.
fn group(authority: &[u8; 32]) -> GroupId {
    let digest = sha256(format!("xiezhi authority book heads\n{}\n", hex::encode(authority)).as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    GroupId(bytes)
}

impl Tool<'_> {
    pub(super) async fn deposit_head(&self, client: &Client, account: &str) -> anyhow::Result<Ending> {
        let (authority, entries, head) = {
            let mut authority = self.open()?;
            let book = authority.book()?;
            (book.authority(), book.head().0, book.head().1)
        };
        let (anchor, _) = ledger_of(client).await?;
        let own = OwnAccount::open(account)?;
        own.register(client, anchor.ledger, WAIT).await?;
        let ledger = NodeLedger::new(client.clone(), anchor, own.id, own.keys);
        // Nothing in it is secret: the salts are as everybody's.
        let fields = [("book.authority", hex::encode(authority)), ("book.entries", entries.to_string())];
        let fields = fields.map(|(name, text)| (name.to_owned(), Value::Text(text)));
        let seed: [u8; 16] = home::random()?;
        let manifest = Manifest::new(fields, || seed)?;
        let digests = vec![Digest { alg: DigestAlg::Sha256, value: head }];
        let body = Body::Deposit(DepositBody { manifest_root: manifest.root(), digests, phase: None });
        let statement = ledger.sign(body, Some(group(&authority)), home::now())?;
        let certificate = ledger.deposit(statement).await?.context("recorded, but not sealed yet")?;
        let certificate = Certificate::parse(&certificate)?;
        let number = RecordNumber::new(&certificate.checkpoint.ledger, certificate.index, None);
        self.say("ca-head-deposited", &[("entries", &entries), ("number", &number), ("account", &own.id)])
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
