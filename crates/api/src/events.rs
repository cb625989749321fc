//! What happens to a record until it is sealed, as server-sent events.

use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    extract::State,
    response::sse::{Event, KeepAlive, Sse},
};
use futures::{Stream, stream};
use tokio::sync::{OwnedSemaphorePermit, watch};
use xiezhi_client::wire;
use xiezhi_node::RecordStatus;
use xiezhi_types::{InstitutionId, LogIndex};

use crate::{
    app::App,
    document::Problems,
    problem::{Problem, kinds},
    request::{Segment, left},
    view,
};

/// How long a stream lasts at most; a client that wants more opens another.
const STREAM_MAX: Duration = Duration::from_secs(600);
/// How often a silent stream shows that it lives.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// One client that follows one record.
struct Follower {
    app: Arc<App>,
    index: LogIndex,
    changes: watch::Receiver<u64>,
    sealed_by: Vec<InstitutionId>,
    timestamps: u32,
    ready: VecDeque<Event>,
    done: bool,
    deadline: Instant,
    _permit: OwnedSemaphorePermit,
}

/// Follows a record until it is sealed.
///
/// Events: `recorded` (a RecordStatus), then `seal` and `timestamp` (a Progressed) as they come, then `sealed` (a RecordStatus), after which
/// the stream ends. What has happened already is sent at once. A stream lasts ten minutes at most.
#[utoipa::path(
    get, path = "/v1/records/{index}/events", tag = "records",
    params(("index" = wire::U64, Path, description = "Its place in the log")),
    responses((status = 200, description = "The stream", body = wire::Progressed, content_type = "text/event-stream"), Problems)
)]
pub(crate) async fn follow_record(
    State(app): State<Arc<App>>,
    index: Segment,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let index = LogIndex(index.read("index")?);
    let overloaded = |_| Problem::new(&kinds::OVERLOADED, "too many event streams are open").retry_after(5);
    let permit = Arc::clone(&app.streams).try_acquire_owned().map_err(overloaded)?;
    // Subscribed before the first look, so that nothing falls between.
    let changes = app.node.changes();
    let status = app.node.index_status(index)?;
    let mut follower = Follower {
        index,
        changes,
        sealed_by: Vec::new(),
        timestamps: 0,
        ready: VecDeque::new(),
        done: false,
        deadline: Instant::now() + STREAM_MAX,
        _permit: permit,
        app,
    };
    follower.ready.extend(event("recorded", &view::status(&follower.app.ledger, &status, None)));
    follower.look(&status);
    let events = stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((Ok(event), follower))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(SIGN_OF_LIFE)))
}

fn event<T: serde::Serialize>(name: &str, data: &T) -> Option<Event> {
    Event::default().event(name).json_data(data).ok()
}

impl Follower {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            let waited = tokio::time::timeout(left(self.deadline), self.changes.changed());
            if self.done || !matches!(waited.await, Ok(Ok(()))) {
                return None;
            }
            let status = self.app.node.index_status(self.index).ok()?;
            self.look(&status);
        }
    }

    /// Makes events of what is new in `status`.
    fn look(&mut self, status: &RecordStatus) {
        let progressed = |institution: Option<String>| wire::Progressed {
            institution,
            timestamps: status.timestamps,
            missing: view::missing(&status.missing),
        };
        for institution in &status.sealed_by {
            if !self.sealed_by.contains(institution) {
                self.sealed_by.push(institution.clone());
                self.ready.extend(event("seal", &progressed(Some(institution.to_string()))));
            }
        }
        if status.timestamps > self.timestamps {
            self.timestamps = status.timestamps;
            self.ready.extend(event("timestamp", &progressed(None)));
        }
        if status.is_sealed() {
            self.ready.extend(event("sealed", &view::status(&self.app.ledger, status, None)));
            self.done = true;
        }
    }
}
