//! How many records were made in each of the last hours and days: from checkpoints, which say how long the log was when.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use askama::Template;
use axum::{extract::State, response::Response};
use xiezhi_client::{Client, wire::Checkpoint};
use xiezhi_types::{Height, TimestampMs};

use crate::{
    app::App,
    page::{Page, Trouble, rendered},
    show,
};

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;
const HOURS: u64 = 24;
const DAYS: u64 = 30;
/// A moment this long past does not get more blocks any more: its size of the log is kept.
const SETTLED_MS: u64 = 10 * 60_000;
/// Most sizes that are kept.
const KNOWN_MAX: usize = 10_000;

/// Sizes of the log by time, in milliseconds.
pub(crate) type Known = BTreeMap<u64, u64>;

/// One bar.
struct Bar {
    /// When it begins, as people read it.
    label: String,
    count: u64,
    /// Place and size in the picture.
    x: u64,
    y: u64,
    height: u64,
}

/// A picture and the table that says the same.
struct Chart {
    bars: Vec<Bar>,
    total: u64,
    most: u64,
    /// Width of the picture.
    width: u64,
}

/// Height of the picture's bars.
const TALL: u64 = 120;
/// Room for a bar.
const BAR: u64 = 24;

impl Chart {
    fn new(counts: Vec<(String, u64)>) -> Self {
        let most = counts.iter().map(|(_, count)| *count).max().unwrap_or_default();
        let total = counts.iter().map(|(_, count)| *count).sum();
        let width = counts.len() as u64 * BAR;
        let bars = counts.into_iter().enumerate().map(|(at, (label, count))| {
            // What is there is seen, however little it is beside the most.
            let height = if count == 0 { 0 } else { (count * TALL / most.max(1)).max(2) };
            Bar { label, count, x: at as u64 * BAR + 3, y: TALL - height, height }
        });
        Self { bars: bars.collect(), total, most, width }
    }
}

#[derive(Template)]
#[template(path = "statistics.html")]
struct StatisticsPage {
    page: Page,
    size: u64,
    height: u64,
    hours: Chart,
    days: Chart,
}

/// The log over time.
struct Log<'a> {
    client: &'a Client,
    known: Known,
    /// Height of the newest block.
    height: u64,
    size: u64,
}

fn time_of(checkpoint: &Checkpoint) -> u64 {
    TimestampMs::parse_rfc3339(&checkpoint.time).unwrap_or_default().0
}

impl Log<'_> {
    /// Records in blocks before `time`: by bisection over heights, of which not all have a checkpoint.
    async fn size_before(&mut self, time: u64, now: u64) -> Result<u64, Trouble> {
        if let Some(size) = self.known.get(&time) {
            return Ok(*size);
        }
        // Checkpoints below `low` are before the time, the first one from `high` on is not; not every height has one.
        let (mut low, mut high, mut size) = (0, self.height.saturating_add(1), 0);
        while low < high {
            let middle = low + (high - low) / 2;
            let page = self.client.checkpoints(middle.checked_sub(1).map(Height), 1).await?;
            match page.checkpoints.first() {
                Some(checkpoint) if time_of(checkpoint) < time => {
                    // Not below the middle, whatever the node says: each question halves what is left.
                    (low, size) = (checkpoint.height.0.max(middle).saturating_add(1), checkpoint.size.0);
                }
                _ => high = middle,
            }
        }
        if time.saturating_add(SETTLED_MS) < now && self.known.len() < KNOWN_MAX {
            self.known.insert(time, size);
        }
        Ok(size)
    }

    /// Records in each of the `count` periods of `length` up to now, the oldest first.
    async fn periods(&mut self, count: u64, length: u64, now: u64, label: usize) -> Result<Chart, Trouble> {
        let current = now - now % length;
        let mut counts = Vec::new();
        let mut later = self.size;
        for back in 0..count {
            let begin = current.saturating_sub(back * length);
            // Nothing is older than a period before which there was nothing.
            let size = if later == 0 { 0 } else { self.size_before(begin, now).await? };
            let name = TimestampMs(begin).rfc3339();
            counts
                .push((name.get(..label).unwrap_or_default().replace('T', " "), later.saturating_sub(size)));
            later = size;
        }
        counts.reverse();
        Ok(Chart::new(counts))
    }
}

pub(crate) async fn show_statistics(page: Page, State(app): State<Arc<App>>) -> Result<Response, Trouble> {
    let status = app.client.status().await?;
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    let known = app.known.lock().await.clone();
    let mut log = Log { client: &app.client, known, height: status.height.0, size: status.size.0 };
    let hours = log.periods(HOURS, HOUR_MS, now, "2026-11-22T08:00".len()).await?;
    let days = log.periods(DAYS, DAY_MS, now, "2026-11-22".len()).await?;
    // What lies before the oldest day will not be asked for again.
    let oldest = now.saturating_sub((DAYS + 1) * DAY_MS);
    log.known.retain(|time, _| *time >= oldest);
    *app.known.lock().await = log.known;
    rendered(&StatisticsPage { page, size: status.size.0, height: status.height.0, hours, days })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_record_is_seen_and_none_is_not() {
        let counts = [0, 1, 100_000].map(|count| (String::new(), count)).to_vec();
        let chart = Chart::new(counts);
        assert_eq!(chart.bars.iter().map(|bar| bar.height).collect::<Vec<_>>(), [0, 2, TALL]);
        assert!(chart.bars.iter().all(|bar| bar.y + bar.height == TALL));
        assert_eq!((chart.total, chart.most), (100_001, 100_000));
        assert_eq!(Chart::new(vec![(String::new(), 0)]).bars[0].height, 0);
    }
}
