//! What the API counts: answers by route and status, and how long they took. In Prometheus' text format.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{
        Arc, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Upper bounds of the histogram's buckets, in microseconds.
const BOUNDS_US: [u64; 13] = [
    250, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 5_000_000,
    30_000_000,
];

#[derive(Default)]
struct Series {
    /// Answers within each bound, the last for those beyond all.
    buckets: [AtomicU64; BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
}

/// Method, route template, status.
type Labels = (&'static str, String, u16);

/// The counters.
#[derive(Default)]
pub(crate) struct Metrics {
    series: RwLock<BTreeMap<Labels, Arc<Series>>>,
    panics: AtomicU64,
}

/// The methods that have a name in the counters; a client cannot add more.
pub(crate) fn method_name(method: &http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        "PATCH" => "PATCH",
        _ => "other",
    }
}

impl Metrics {
    /// Counts one answer.
    pub(crate) fn observe(&self, method: &'static str, route: &str, status: u16, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let at = BOUNDS_US.iter().position(|bound| us <= *bound).unwrap_or(BOUNDS_US.len());
        let series = self.series_of((method, route.to_owned(), status));
        series.buckets[at].fetch_add(1, Ordering::Relaxed);
        series.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    /// Counts one handler that panicked.
    pub(crate) fn observe_panic(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }

    fn series_of(&self, labels: Labels) -> Arc<Series> {
        let known =
            self.series.read().unwrap_or_else(std::sync::PoisonError::into_inner).get(&labels).cloned();
        known.unwrap_or_else(|| {
            let mut all = self.series.write().unwrap_or_else(std::sync::PoisonError::into_inner);
            all.entry(labels).or_default().clone()
        })
    }

    /// All counters as text.
    pub(crate) fn text(&self) -> String {
        let mut out = String::with_capacity(4096);
        let written = self.write(&mut out);
        debug_assert!(written.is_ok());
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        out.push_str(
            "# HELP xiezhi_http_request_seconds Time from a request's head to the head of its answer.\n",
        );
        out.push_str("# TYPE xiezhi_http_request_seconds histogram\n");
        let all = self.series.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        for ((method, route, status), series) in all.iter() {
            let labels = format!("method=\"{method}\",route=\"{route}\",status=\"{status}\"");
            let mut total = 0;
            for (at, bucket) in series.buckets.iter().enumerate() {
                total += bucket.load(Ordering::Relaxed);
                let bound = BOUNDS_US.get(at).map_or("+Inf".to_owned(), |us| seconds(*us));
                writeln!(out, "xiezhi_http_request_seconds_bucket{{{labels},le=\"{bound}\"}} {total}")?;
            }
            let sum = seconds(series.sum_us.load(Ordering::Relaxed));
            writeln!(out, "xiezhi_http_request_seconds_sum{{{labels}}} {sum}")?;
            writeln!(out, "xiezhi_http_request_seconds_count{{{labels}}} {total}")?;
        }
        out.push_str("# HELP xiezhi_http_panics_total Handlers that failed on an error of the software.\n");
        out.push_str("# TYPE xiezhi_http_panics_total counter\n");
        writeln!(out, "xiezhi_http_panics_total {}", self.panics.load(Ordering::Relaxed))
    }
}

/// Microseconds as decimal seconds, exactly.
fn seconds(us: u64) -> String {
    format!("{}.{:06}", us / 1_000_000, us % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_route_and_status_in_rising_buckets() {
        let metrics = Metrics::default();
        metrics.observe("GET", "/v1/records/{index}", 200, Duration::from_micros(900));
        metrics.observe("GET", "/v1/records/{index}", 200, Duration::from_secs(60));
        metrics.observe("GET", "/v1/records/{index}", 404, Duration::ZERO);
        let text = metrics.text();
        let labels = "method=\"GET\",route=\"/v1/records/{index}\",status=\"200\"";
        for line in [
            format!("xiezhi_http_request_seconds_bucket{{{labels},le=\"0.000250\"}} 0"),
            format!("xiezhi_http_request_seconds_bucket{{{labels},le=\"0.001000\"}} 1"),
            format!("xiezhi_http_request_seconds_bucket{{{labels},le=\"30.000000\"}} 1"),
            format!("xiezhi_http_request_seconds_bucket{{{labels},le=\"+Inf\"}} 2"),
            format!("xiezhi_http_request_seconds_sum{{{labels}}} 60.000900"),
            format!("xiezhi_http_request_seconds_count{{{labels}}} 2"),
            "xiezhi_http_panics_total 0".to_owned(),
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
    }
}
