//! Sinks that remember what they took, and an outbox that is stopped anywhere: at any point where it waits, as a killed process is.

use std::{
    collections::{BTreeMap, HashMap},
    future::poll_fn,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
};

use futures::future::BoxFuture;
use proptest::prelude::*;
use serde_json::json;
use xiezhi_bundle::Kind;

use super::*;
use crate::{Entry, LegState, Opening, Sink, SinkError};

static NOW: AtomicU64 = AtomicU64::new(1_800_000_000_000);

/// A clock that goes on by a second whenever it is read, so that whatever waits becomes due.
pub(crate) fn clock() -> TimestampMs {
    TimestampMs(NOW.fetch_add(1_000, Ordering::SeqCst))
}

/// A ledger: records each statement once, and seals on the second asking; or fails as it is told.
#[derive(Default)]
struct Taken {
    /// How often each statement came, by root.
    records: BTreeMap<[u8; 32], BTreeMap<Vec<u8>, usize>>,
    failures: usize,
    made: u64,
}

struct Fake {
    name: String,
    taken: Arc<Mutex<Taken>>,
}

impl Fake {
    async fn step(&self, task: &Task) -> Result<Step, SinkError> {
        let pause = || tokio::task::yield_now();
        pause().await;
        let Some(statement) = task.statement.clone() else {
            let mut taken = self.taken.lock().unwrap();
            taken.made += 1;
            // No two preparations are alike, as signatures' times are not.
            return Ok(Step::Prepared([&task.root[..], &taken.made.to_be_bytes()].concat()));
        };
        let count = {
            let mut taken = self.taken.lock().unwrap();
            if taken.failures > 0 {
                taken.failures -= 1;
                return Err(SinkError { reason: "unreachable".to_owned() });
            }
            let count = taken.records.entry(task.root).or_default().entry(statement.clone()).or_default();
            *count += 1;
            *count
        };
        // Recorded: what is stopped from here on has happened nevertheless.
        pause().await;
        if count < 2 {
            return Ok(Step::Recorded("1".to_owned()));
        }
        Ok(Step::Sealed {
            record: Some("1".to_owned()),
            proof: statement,
            revocations: vec![vec![1, 2], vec![3]],
        })
    }
}

impl Sink for Fake {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> Kind {
        Kind::Stamp
    }

    fn listed(&self) -> String {
        format!("rfc3161:{}", self.name)
    }

    fn advance<'a>(&'a self, task: &'a Task, _: TimestampMs) -> BoxFuture<'a, Result<Step, SinkError>> {
        Box::pin(self.step(task))
    }
}

pub(crate) struct World {
    dir: tempfile::TempDir,
    taken: Vec<Arc<Mutex<Taken>>>,
}

impl World {
    pub(crate) fn new(sinks: usize) -> Self {
        Self { dir: tempfile::tempdir().unwrap(), taken: (0..sinks).map(|_| Arc::default()).collect() }
    }

    /// Opens the book anew, as a process that starts does.
    pub(crate) async fn book(&self) -> Book {
        let url = |file: &str| format!("sqlite:{}", self.dir.path().join(file).display());
        let sink = |(at, taken): (usize, &Arc<Mutex<Taken>>)| {
            Arc::new(Fake { name: format!("sink-{at}"), taken: taken.clone() }) as Arc<dyn Sink>
        };
        let sinks = self.taken.iter().enumerate().map(sink).collect();
        Book::open(&url("app.db"), &url("keys.db"), &[7; 32], sinks, HashMap::new()).await.unwrap()
    }
}

fn opening() -> Opening {
    serde_json::from_value(json!({ "template": "online-service" })).unwrap()
}

fn terms() -> Entry {
    let fields = json!({ "provider": "p", "user": "u", "version": "3", "accepted": "2026-11-28T09:30:00Z" });
    serde_json::from_value(
        json!({ "phase": 1, "fields": fields, "content": { "kind": "text", "text": "terms" } }),
    )
    .unwrap()
}

fn served() -> Entry {
    let fields = json!({ "service": "s", "at": "2026-11-28T09:30:00Z" });
    serde_json::from_value(json!({ "phase": 2, "fields": fields })).unwrap()
}

/// Polls `work` at most `polls` times, then drops it; what it gave, if it came to an end.
async fn stopped_after<T>(polls: usize, work: impl Future<Output = T>) -> Option<T> {
    let (mut work, mut left) = (pin!(work), polls);
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        work.as_mut().poll(context).map(Some)
    })
    .await
}

pub(crate) async fn settle(book: &Book) {
    let outbox = Outbox::new(book.clone(), clock);
    for _ in 0..200 {
        outbox.round().await.unwrap();
        let open = "SELECT seq FROM evidence_legs WHERE state <> 'sealed' LIMIT 1";
        if book.database.query(open, Vec::new()).await.unwrap().is_empty() {
            return;
        }
    }
    panic!("legs stay open");
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn wherever_it_is_stopped_every_sink_has_one_record_of_every_entry(
        stops in proptest::collection::vec(1_usize..60, 0..12),
        failures in proptest::collection::vec(0_usize..4, 3),
    ) {
        block_on(async {
            let world = World::new(3);
            for (taken, failures) in world.taken.iter().zip(failures) {
                taken.lock().unwrap().failures = failures;
            }
            let book = world.book().await;
            let id = book.begin("shop", &opening(), None, clock()).await.unwrap().id;
            book.add("shop", &id, &terms(), None, clock()).await.unwrap();
            for polls in stops {
                // A new process each time: nothing survives but the database.
                let book = world.book().await;
                let outbox = Outbox::new(book.clone(), clock);
                stopped_after(polls, outbox.round()).await;
                // The second entry comes in between, with a key, from a caller that asks until it is answered.
                stopped_after(polls, book.add("shop", &id, &served(), Some("second"), clock())).await;
                book.database.close().await;
            }
            let book = world.book().await;
            book.add("shop", &id, &served(), Some("second"), clock()).await.unwrap();
            book.pack("shop", &id, clock()).await.unwrap();
            settle(&book).await;
            let shown = book.show("shop", &id).await.unwrap();
            assert_eq!(shown.entries.iter().map(|entry| entry.phase).collect::<Vec<_>>(), [1, 2, 0]);
            assert!(shown.entries.iter().all(|entry| entry.complete && entry.legs.len() == 3));
            for taken in &world.taken {
                let taken = taken.lock().unwrap();
                assert_eq!(taken.records.len(), 3, "every entry, and nothing else");
                assert!(taken.records.values().all(|statements| statements.len() == 1), "one record of each");
            }
            let events = book.events("shop", 0).await.unwrap();
            let count = |kind: &str| events.iter().filter(|one| one.kind == kind).count();
            assert_eq!((count("leg.sealed"), count("entry.complete")), (9, 3), "each said once");
            for entry in 1..=3 {
                let bundle = xiezhi_bundle::Bundle::parse(&book.bundle("shop", &id, entry).await.unwrap()).unwrap();
                assert_eq!(bundle.legs.len(), 3);
                assert_eq!(hex::encode(bundle.manifest.root()), shown.entries[entry as usize - 1].root);
                assert_eq!(bundle.legs[0].revocations, [vec![1, 2], vec![3]]);
            }
        });
    }
}

#[test]
fn a_leg_that_fails_is_shown_with_its_reason_and_there_is_no_bundle_meanwhile() {
    block_on(async {
        let world = World::new(2);
        world.taken[1].lock().unwrap().failures = 3;
        let book = world.book().await;
        let id = book.begin("shop", &opening(), None, clock()).await.unwrap().id;
        book.add("shop", &id, &terms(), None, clock()).await.unwrap();
        let outbox = Outbox::new(book.clone(), clock);
        outbox.round().await.unwrap();
        let legs = book.show("shop", &id).await.unwrap().entries.remove(0).legs;
        assert_eq!(legs[0].state, LegState::Recorded);
        assert_eq!(
            (legs[1].state, legs[1].reason.as_deref(), legs[1].attempts),
            (LegState::Failed, Some("unreachable"), 1)
        );
        assert!(legs[1].next.is_some());
        assert!(matches!(
            book.bundle("shop", &id, 1).await,
            Err(ServiceError::Incomplete { sealed: 0, legs: 2 })
        ));
        settle(&book).await;
        let legs = book.show("shop", &id).await.unwrap().entries.remove(0).legs;
        assert!(
            legs.iter()
                .all(|leg| leg.state == LegState::Sealed && leg.reason.is_none() && leg.next.is_none())
        );
        let kinds: Vec<_> = book.events("shop", 0).await.unwrap().into_iter().map(|one| one.kind).collect();
        assert_eq!(kinds.iter().filter(|kind| *kind == "leg.failed").count(), 1, "once, not at every try");
    });
}

#[test]
fn nobody_sees_changes_or_closes_anothers_transaction() {
    block_on(async {
        let world = World::new(1);
        let book = world.book().await;
        let id = book.begin("shop", &opening(), None, clock()).await.unwrap().id;
        book.add("shop", &id, &terms(), None, clock()).await.unwrap();
        settle(&book).await;
        assert!(matches!(book.show("bank", &id).await, Err(ServiceError::NotFound(_))));
        assert!(matches!(book.bundle("bank", &id, 1).await, Err(ServiceError::NotFound(_))));
        assert!(matches!(
            book.add("bank", &id, &served(), None, clock()).await,
            Err(ServiceError::NotFound(_))
        ));
        assert!(matches!(book.pack("bank", &id, clock()).await, Err(ServiceError::NotFound(_))));
        assert!(
            book.events("bank", 0).await.unwrap().is_empty()
                && book.list("bank", None).await.unwrap().is_empty()
        );
        assert_eq!(book.list("shop", None).await.unwrap(), std::slice::from_ref(&id));
        assert!(book.list("shop", Some(&id)).await.unwrap().is_empty());
        assert!(matches!(book.bundle("shop", &id, 2).await, Err(ServiceError::NotFound("entry"))));
    });
}

#[test]
fn a_transaction_is_closed_by_its_pack_once_it_is_complete() {
    block_on(async {
        let world = World::new(1);
        let book = world.book().await;
        let id = book.begin("shop", &opening(), Some("k"), clock()).await.unwrap().id;
        let again = book.begin("shop", &opening(), Some("k"), clock()).await.unwrap();
        assert_eq!((again.id.as_str(), again.known), (id.as_str(), true));
        let other = Opening { template: "loan".to_owned(), ..opening() };
        assert!(matches!(book.begin("shop", &other, Some("k"), clock()).await, Err(ServiceError::Reused)));
        book.add("shop", &id, &terms(), Some("a"), clock()).await.unwrap();
        assert!(matches!(
            book.add("shop", &id, &served(), Some("a"), clock()).await,
            Err(ServiceError::Reused)
        ));
        let Err(ServiceError::Refused(refused)) = book.pack("shop", &id, clock()).await else {
            panic!("packed")
        };
        assert_eq!((refused.len(), refused[0].rule), (1, "phase-missing"));
        assert_eq!(book.show("shop", &id).await.unwrap().missing, [2]);
        book.add("shop", &id, &served(), None, clock()).await.unwrap();
        let pack = book.pack("shop", &id, clock()).await.unwrap();
        assert_eq!((pack.entry, pack.known), (3, false));
        assert!(book.pack("shop", &id, clock()).await.unwrap().known);
        assert!(matches!(book.add("shop", &id, &served(), None, clock()).await, Err(ServiceError::Closed)));
        // What was answered before the end is answered again.
        assert!(book.add("shop", &id, &terms(), Some("a"), clock()).await.unwrap().known);
        settle(&book).await;
        let bundle = xiezhi_bundle::Bundle::parse(&book.bundle("shop", &id, 3).await.unwrap()).unwrap();
        let first = book.show("shop", &id).await.unwrap().entries[0].root.clone();
        let Some(xiezhi_evidence::Value::Digest(digest)) = bundle.manifest.value("pack.entry.001") else {
            panic!()
        };
        assert_eq!(hex::encode(digest.value), first);
    });
}

#[test]
fn what_does_not_fit_the_template_or_the_service_is_refused_with_every_rule() {
    block_on(async {
        let world = World::new(1);
        let book = world.book().await;
        let rules = |result: Result<crate::Opened, ServiceError>| match result {
            Err(ServiceError::Refused(refused)) => refused.iter().map(|one| one.rule).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        let open = |value| serde_json::from_value::<Opening>(value).unwrap();
        let unknown = open(json!({ "template": "marriage" }));
        assert_eq!(rules(book.begin("shop", &unknown, None, clock()).await), ["template-unknown"]);
        let customer = json!({ "kind": "person", "name": "", "number_kind": "lei", "number": "1" });
        let wrong = open(json!({ "template": "loan", "sinks": ["nowhere"], "customer": customer }));
        assert_eq!(
            rules(book.begin("shop", &wrong, None, clock()).await),
            ["text-length", "number-kind", "sink-unknown"]
        );
        assert_eq!(rules(book.begin("shop", &opening(), Some("a b"), clock()).await), ["idempotency-key"]);
        let id = book.begin("shop", &opening(), None, clock()).await.unwrap().id;
        let Err(ServiceError::Refused(refused)) = book.add("shop", &id, &served(), None, clock()).await
        else {
            panic!()
        };
        assert_eq!(refused[0].rule, "phase-early");
        assert!(book.show("shop", &id).await.unwrap().entries.is_empty());
    });
}
