//! The evidence service that `up` opens beside an alliance, for demonstration: an example platform with two example transactions.
//!
//! The examples are in its book from the beginning. They go on the ledger once somebody looks at the service, so that an alliance of which
//! nobody wants examples has none.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::Response,
};
use serde_json::{Value, json};
use tokio::{sync::Notify, task::JoinHandle};
use xiezhi_alliance::Layout;
use xiezhi_client::Client;
use xiezhi_crypto::SignatureAlg;
use xiezhi_depositor::NodeLedger;
use xiezhi_service::{Book, LedgerSink, Outbox, Service, ServiceError, Sink, StampSink};

use super::{read_list, read_root};
use crate::{
    account::{self, OwnAccount},
    home,
    serve::RunningAlliance,
    services,
};

/// The example platform's name as a client, and that of its key's file.
const PLATFORM: &str = "example-platform";
/// Who acts for it: one of the office's examples.
const PERSON: &str = "example-enterprise";
/// The name of the service's account in the tool's home.
const ACCOUNT: &str = "demonstration-evidence";

/// A service that is served beside the pages.
pub(crate) struct Demonstration {
    pub(crate) service: Arc<Service>,
    pub(crate) upkeep: JoinHandle<()>,
    wanted: Arc<Notify>,
}

impl Demonstration {
    /// `router` with the service at `/evidence`.
    pub(crate) fn beside(&self, router: Router) -> Router {
        let router = router.nest_service("/evidence", xiezhi_service::router(self.service.clone()));
        router.layer(middleware::from_fn_with_state(self.wanted.clone(), notice))
    }
}

/// Tells the outbox when somebody looks at the service.
async fn notice(State(wanted): State<Arc<Notify>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path.starts_with("/evidence/") || path.starts_with("/office/transactions") {
        wanted.notify_one();
    }
    next.run(request).await
}

/// The file of the example platform's key among the service's files.
pub(crate) fn key(dir: &Path) -> PathBuf {
    dir.join(format!("{PLATFORM}.key"))
}

/// Opens the service for `alliance`, at `url`, with its files in `dir`. Its account is created when it is first needed.
pub(crate) async fn open(
    dir: &Path,
    url: &str,
    client: Client,
    alliance: &RunningAlliance,
    layout: &Layout,
) -> anyhow::Result<Demonstration> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let key = key(dir);
    if !key.exists() {
        account::make_key(&key, SignatureAlg::Ed25519)?;
    }
    let platform = account::read_key(&key)?.public_key();
    let sinks = sinks(client, alliance, layout)?;
    let file = |name: &str| format!("sqlite:{}", dir.join(name).display());
    let master = services::master_key(&dir.join("master.key"))?;
    let book =
        Book::open(&file("evidence.db"), &file("customers.db"), &master, sinks, HashMap::new()).await?;
    let book = book.demonstrating(true);
    seed(&book).await?;
    let service =
        Service::new(book.clone(), url, HashMap::from([(PLATFORM.to_owned(), platform)]), None, home::now);
    let service = service.with_people(HashMap::from([(PERSON.to_owned(), PLATFORM.to_owned())]));
    let wanted: Arc<Notify> = Arc::default();
    let (waits, is_under_way) = (wanted.clone(), book.is_under_way().await?);
    let upkeep = tokio::spawn(async move {
        if !is_under_way {
            waits.notified().await;
        }
        Outbox::new(book, home::now).run().await;
    });
    Ok(Demonstration { service: Arc::new(service), upkeep, wanted })
}

/// The alliance's ledger, and the time-stamp authority that one of its institutions runs.
fn sinks(client: Client, alliance: &RunningAlliance, layout: &Layout) -> anyhow::Result<Vec<Arc<dyn Sink>>> {
    let (own, signing) = (OwnAccount::open(ACCOUNT)?, OwnAccount::open(ACCOUNT)?);
    let creator =
        NodeLedger::new(client.clone(), alliance.anchor.clone(), own.id, own.keys).creating(own.spec);
    let node = &alliance.nodes[0].node;
    let genesis = node.genesis();
    let genesis = (alliance.anchor.ledger, &**genesis);
    let ledger = LedgerSink::new("ledger".to_owned(), client, genesis, signing.id, signing.keys);
    let mut sinks: Vec<Arc<dyn Sink>> = vec![Arc::new(ledger.creating(creator))];
    for (file, running) in layout.node_files()?.iter().zip(&alliance.nodes) {
        let public = file.with_file_name("pki");
        if !public.join("tsa.pem").exists() {
            continue;
        }
        let authority = Client::new(&format!("http://{}/tsa", running.http))?;
        let (root, lists) = (read_root(&public.join("root.pem"))?, vec![read_list(&public.join("crl.pem"))?]);
        sinks.push(Arc::new(StampSink::new("time-stamp".to_owned(), authority, root, lists)));
        break;
    }
    Ok(sinks)
}

/// The example transactions: a sale that was closed, and an infringement of which a required phase is still missing.
fn examples() -> [(&'static str, Value, Vec<Value>, bool); 2] {
    let sale = json!({
        "template": "online-sale", "version": 1,
        "customer": { "kind": "person", "name": "示例张三", "number_kind": "resident-id", "number": "11010519491231002X" },
    });
    let order = json!({ "phase": 1, "fields": {
        "order": "EXAMPLE-0001", "seller": "示例商店 Example shop", "buyer": "示例张三", "goods": "示例商品 Example goods", "amount": "128.00",
        "currency": "CNY", "placed": "2026-01-05T09:30:00Z",
    }});
    let payment = json!({
        "phase": 2,
        "fields": { "payment": "EXAMPLE-P-0001", "amount": "128.00", "paid": "2026-01-05T09:31:00Z" },
        "content": { "kind": "text", "text": "示例付款凭证 Example receipt" },
    });
    let infringement = json!({ "template": "web-infringement", "version": 1 });
    let right = json!({
        "phase": 1,
        "fields": { "holder": "福州示例有限公司", "right": "copyright", "work": "示例作品 Example work" },
        "content": { "kind": "text", "text": "示例权利说明 Example of a right" },
    });
    [
        ("example-sale", sale, vec![order, payment], true),
        ("example-infringement", infringement, vec![right], false),
    ]
}

/// Puts the examples into the book, where they are not there yet.
async fn seed(book: &Book) -> anyhow::Result<()> {
    for (request, opening, entries, is_closed) in examples() {
        let now = home::now();
        let opened = match book.begin(PLATFORM, &serde_json::from_value(opening)?, Some(request), now).await {
            // Of another version of this program: it stays as it was.
            Err(ServiceError::Reused) => continue,
            opened => opened?,
        };
        for (at, entry) in entries.into_iter().enumerate() {
            let request = format!("{request}-{at}");
            let entry = serde_json::from_value(entry)?;
            match book.add(PLATFORM, &opened.id, &entry, Some(&request), now).await {
                Ok(_) | Err(ServiceError::Reused) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if is_closed {
            book.pack(PLATFORM, &opened.id, now).await?;
        }
    }
    Ok(())
}
