//! What monitoring reads: alive, ready, healthy, metrics. Each costs the database the same whatever the backlog.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    problem::{ApiError, Code},
    state::AppState,
};
use crate::{
    store::{
        self,
        connection::ConnectionStatus,
        overview::{ConnectionHealth, Queue},
    },
    telemetry::Scrape,
};

/// How the whole service does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// All is well.
    Ok,
    /// Deliveries are taken; something else needs a person.
    Degraded,
    /// Deliveries cannot be taken.
    Down,
}

/// Whether the database answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Database {
    /// It does.
    Ok,
    /// It does not.
    Down,
}

/// How much waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueueHealth {
    /// Deliveries not yet decided.
    pub pending: i64,
    /// Age of the oldest of them, in seconds; 0 where none is pending.
    pub oldest_pending_age_s: i64,
    /// Prospects that wait for someone.
    pub parked: i64,
}

/// How a connection does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConnectionReport {
    /// Its name.
    pub name: String,
    /// What it is up to.
    pub status: ConnectionStatus,
    /// When its last flush started.
    pub last_flush_at: Option<DateTime<Utc>>,
    /// The status of that flush.
    pub last_flush_outcome: Option<String>,
    /// Whether Ashby answered the last call that was made to it; unknown before the first. A refusal is an answer; a fault
    /// on its side, a page that is not its own, or silence is none.
    pub ashby_reachable: Option<bool>,
    /// Jobs that the brake has stopped, and that wait for an admin's answer.
    pub jobs_held: i64,
}

/// How the service does, in depth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// All in a word.
    pub status: Status,
    /// The database.
    pub database: Database,
    /// How much waits.
    pub queue: QueueHealth,
    /// Every connection.
    pub connections: Vec<ConnectionReport>,
}

/// `GET /healthz`: the process is alive.
pub async fn healthz() -> Json<serde_json::Value> {
    Json(serde_json::json!({ "status": "ok" }))
}

/// `GET /readyz`: deliveries can be taken.
pub async fn readyz(State(state): State<AppState>) -> Result<Json<serde_json::Value>, ApiError> {
    if state.shutdown.is_cancelled() {
        return Err(ApiError::new(Code::Busy, "The process is shutting down."));
    }
    match store::is_ready(&state.sync.pool).await {
        Ok(true) => Ok(Json(serde_json::json!({ "status": "ok" }))),
        Ok(false) => Err(ApiError::new(
            Code::DatabaseUnavailable,
            "Migrations are missing: run the command `migrate`.",
        )),
        Err(_) => Err(ApiError::new(
            Code::DatabaseUnavailable,
            "The database does not answer.",
        )),
    }
}

/// `GET /health`: how it does, in depth. 503 when deliveries cannot be taken.
pub async fn health(State(state): State<AppState>) -> (StatusCode, Json<Health>) {
    match look(&state).await {
        Ok(health) => (StatusCode::OK, Json(health)),
        Err(error) => {
            tracing::warn!("the database does not answer: {error}");
            let (queue, connections) = (QueueHealth::default(), Vec::new());
            let health = Health {
                status: Status::Down,
                database: Database::Down,
                queue,
                connections,
            };
            (StatusCode::SERVICE_UNAVAILABLE, Json(health))
        }
    }
}

async fn look(state: &AppState) -> Result<Health, store::StoreError> {
    let pool = &state.sync.pool;
    let queue = store::overview::queue(pool).await?;
    let connections: Vec<_> = store::overview::connections(pool)
        .await?
        .into_iter()
        .map(report)
        .collect();
    let queue = queue_health(&queue, state.sync.clock.now());
    // A delivery that has seen two flushes go by is stuck.
    let is_late = queue.oldest_pending_age_s > 2 * state.sync.interval.num_seconds();
    let is_ill = |report: &ConnectionReport| {
        report.status == ConnectionStatus::NeedsAttention
            || report.last_flush_outcome.as_deref() == Some("failed")
    };
    let status = if is_late || connections.iter().any(is_ill) {
        Status::Degraded
    } else {
        Status::Ok
    };
    Ok(Health {
        status,
        database: Database::Ok,
        queue,
        connections,
    })
}

fn queue_health(queue: &Queue, now: DateTime<Utc>) -> QueueHealth {
    let age = queue
        .oldest
        .map_or(0, |oldest| (now - oldest).num_seconds().max(0));
    QueueHealth {
        pending: queue.pending,
        oldest_pending_age_s: age,
        parked: queue.parked,
    }
}

fn report(health: ConnectionHealth) -> ConnectionReport {
    ConnectionReport {
        name: health.name,
        status: health.status,
        last_flush_at: health.last_flush_at,
        last_flush_outcome: health.last_flush_outcome,
        ashby_reachable: health.ashby_answered,
        jobs_held: health.jobs_held,
    }
}

/// `GET /metrics`: the `OpenMetrics` text that Prometheus reads. Without the database, what this process counted.
pub async fn metrics(State(state): State<AppState>) -> Response {
    let scrape = scrape(&state).await.unwrap_or_default();
    let text = state.sync.metrics.render(&scrape);
    (
        [(
            header::CONTENT_TYPE,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        )],
        text,
    )
        .into_response()
}

async fn scrape(state: &AppState) -> Result<Scrape, store::StoreError> {
    let pool = &state.sync.pool;
    let now = state.sync.clock.now();
    let age = |oldest: Option<DateTime<Utc>>| {
        oldest.map_or(0, |oldest| (now - oldest).num_seconds().max(0))
    };
    let connections = store::overview::connections(pool).await?;
    let ill = connections
        .iter()
        .filter(|one| one.status == ConnectionStatus::NeedsAttention);
    let need_attention = ill.map(|one| one.name.clone()).collect();
    let budgets = state.sync.clients.budgets();
    let left = |one: &ConnectionHealth| {
        let budget = budgets.get(&one.id)?;
        Some((one.name.clone(), i64::from(budget.remaining)))
    };
    let rate_limit_remaining = connections.iter().filter_map(left).collect();
    let jobs_held = connections
        .iter()
        .map(|one| (one.name.clone(), one.jobs_held))
        .collect();
    let pending = connections
        .into_iter()
        .map(|one| (one.name, one.pending, age(one.oldest)))
        .collect();
    Ok(Scrape {
        pending,
        need_attention,
        jobs_held,
        parked: store::overview::parked(pool).await?,
        rate_limit_remaining,
    })
}
