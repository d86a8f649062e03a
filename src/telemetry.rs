//! What the program tells of itself: logs and metrics. Never bodies, secrets or personal data: identifiers only.

use std::{fmt, io::IsTerminal, sync::Arc, time::Duration};

use clap::ValueEnum;
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};
use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// Starts logging to standard error. `filter` is in the syntax of `RUST_LOG`; a bad one names itself.
pub fn start_logging(format: LogFormat, filter: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter).map_err(|error| format!("RUST_LOG: {error}"))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let started = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| format!("logging: {error}"))
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Verdict {
    verdict: &'static str,
    sender: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    endpoint: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Parked {
    connection: String,
    reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Connection {
    connection: String,
}

/// What is known at the moment of a scrape.
#[derive(Clone, Debug, Default)]
pub struct Scrape {
    /// Pending deliveries and the age of the oldest in seconds, by connection.
    pub pending: Vec<(String, i64, i64)>,
    /// Connections that nothing is sent for until a person has seen to them.
    pub need_attention: Vec<String>,
    /// Jobs that the brake has stopped and that wait for an answer, by connection.
    pub jobs_held: Vec<(String, i64)>,
    /// Parked prospects by connection and reason.
    pub parked: Vec<(String, String, i64)>,
    /// What is left of each key's rate limit, by connection.
    pub rate_limit_remaining: Vec<(String, i64)>,
}

struct Inner {
    registry: Registry,
    received: Family<Verdict, Counter>,
    acknowledged: Histogram,
    flushes: Family<Outcome, Histogram, fn() -> Histogram>,
    calls: Family<Call, Counter>,
}

/// Everything that is counted in this process. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let received = Family::<Verdict, Counter>::default();
        // From a local commit, a third of a millisecond, to a disk that is all but gone.
        let acknowledged = Histogram::new([
            0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0,
        ]);
        let flush_seconds: fn() -> Histogram =
            || Histogram::new([0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0]);
        let flushes = Family::new_with_constructor(flush_seconds);
        let calls = Family::<Call, Counter>::default();
        let mut registry = Registry::with_prefix("dover_ashby_sync");
        registry.register(
            "deliveries",
            "Webhooks received, by verdict and sender",
            received.clone(),
        );
        registry.register_with_unit(
            "delivery_acknowledgement",
            "From the last byte of a webhook to its answer",
            Unit::Seconds,
            acknowledged.clone(),
        );
        registry.register_with_unit(
            "flush_duration",
            "Flushes, by outcome",
            Unit::Seconds,
            flushes.clone(),
        );
        registry.register(
            "ashby_calls",
            "Calls to Ashby, by endpoint and outcome",
            calls.clone(),
        );
        Self(Arc::new(Inner {
            registry,
            received,
            acknowledged,
            flushes,
            calls,
        }))
    }
}

impl Metrics {
    /// A webhook of `sender` was answered.
    pub fn received(&self, sender: &'static str, verdict: &'static str) {
        let label = Verdict { verdict, sender };
        self.0.received.get_or_create(&label).inc();
    }

    /// A webhook was stored and acknowledged, that long after its last byte.
    pub fn acknowledged(&self, after: Duration) {
        self.0.acknowledged.observe(after.as_secs_f64());
    }

    /// A flush ended.
    pub fn flushed(&self, outcome: &'static str, took: Duration) {
        self.0
            .flushes
            .get_or_create(&Outcome { outcome })
            .observe(took.as_secs_f64());
    }

    /// A call to Ashby was made.
    pub fn called(&self, endpoint: &'static str, outcome: &'static str) {
        self.0
            .calls
            .get_or_create(&Call { endpoint, outcome })
            .inc();
    }

    /// Everything as `OpenMetrics` text, with what the database and the clients know right now.
    pub fn render(&self, scrape: &Scrape) -> String {
        let mut out = String::new();
        let now = current(scrape);
        // Writing to a String cannot fail.
        let _ = text::encode_registry(&mut out, &self.0.registry);
        let _ = text::encode_registry(&mut out, &now);
        let _ = text::encode_eof(&mut out);
        out
    }
}

/// Gauges live for one scrape: a connection that was removed, or a reason that is gone, leaves no trace.
fn current(scrape: &Scrape) -> Registry {
    let pending = Family::<Connection, Gauge>::default();
    let oldest = Family::<Connection, Gauge>::default();
    for (connection, count, age) in &scrape.pending {
        let label = Connection {
            connection: connection.clone(),
        };
        pending.get_or_create(&label).set(*count);
        oldest.get_or_create(&label).set(*age);
    }
    let parked = Family::<Parked, Gauge>::default();
    for (connection, reason, count) in &scrape.parked {
        parked
            .get_or_create(&Parked {
                connection: connection.clone(),
                reason: reason.clone(),
            })
            .set(*count);
    }
    let remaining = Family::<Connection, Gauge>::default();
    for (connection, left) in &scrape.rate_limit_remaining {
        remaining
            .get_or_create(&Connection {
                connection: connection.clone(),
            })
            .set(*left);
    }
    let attention = Family::<Connection, Gauge>::default();
    for connection in &scrape.need_attention {
        attention
            .get_or_create(&Connection {
                connection: connection.clone(),
            })
            .set(1);
    }
    let held = Family::<Connection, Gauge>::default();
    for (connection, jobs) in &scrape.jobs_held {
        held.get_or_create(&Connection {
            connection: connection.clone(),
        })
        .set(*jobs);
    }
    let mut registry = Registry::with_prefix("dover_ashby_sync");
    registry.register(
        "jobs_held",
        "Jobs that the brake has stopped and that wait for an answer",
        held,
    );
    registry.register(
        "connection_needs_attention",
        "1 for each connection that a person has to see to",
        attention,
    );
    registry.register("deliveries_pending", "Deliveries not yet decided", pending);
    registry.register_with_unit(
        "oldest_pending_age",
        "Age of the oldest of them",
        Unit::Seconds,
        oldest,
    );
    registry.register(
        "prospects_parked",
        "Prospects that wait for someone, by reason",
        parked,
    );
    registry.register(
        "ashby_rate_limit_remaining",
        "Calls left in the current window of each key",
        remaining,
    );
    registry
}
