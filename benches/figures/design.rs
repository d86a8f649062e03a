//! What our inbox is held against, each a server in a process of its own with our handler, verification and answers:
//! the plain design, and no storing at all.

use std::{io::Read, sync::Arc, time::Duration};

use anyhow::Result;
use axum::{
    Json, Router,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use chrono::TimeDelta;
use clap::ValueEnum;
use dover_ashby_sync::{
    clock::{SharedClock, SystemClock},
    http::{
        gates::Gates,
        problem::{ApiError, Code},
        receiver::Receiver,
        state::{AppState, Parts},
        webhook::{Acknowledged, Acknowledgement, Genuine, check},
    },
    store::{self, Vault, receipt::Incoming},
    sync::{Clients, Sync},
    telemetry::Metrics,
};
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower_http::catch_panic::CatchPanicLayer;
use url::Url;

/// Another way to receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Design {
    /// One pooled `INSERT … ON CONFLICT DO NOTHING` a request, into a table of its own that has what an inbox must have and
    /// no more: the name of the delivery, once, and an index of what waits.
    Plain,
    /// Verified, read and answered.
    HttpOnly,
}

/// The table of the plain design.
pub(crate) const PLAIN_TABLE: &str = "
    CREATE TABLE plain (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        connection_id uuid NOT NULL,
        webhook_id text NOT NULL,
        received_at timestamptz NOT NULL,
        type text,
        dover_candidate_id text,
        headers text NOT NULL,
        body bytea NOT NULL,
        done_at timestamptz,
        UNIQUE (connection_id, webhook_id)
    );
    CREATE INDEX plain_waiting ON plain (connection_id, id) WHERE done_at IS NULL";

/// Sessions of the plain design's pool: more were measured to gain nothing on two cores.
const SESSIONS: u32 = 16;

#[derive(Clone)]
struct Stage {
    state: AppState,
    pool: PgPool,
}

/// Serves until standard input ends, that is until whoever started us is gone.
pub(crate) async fn serve(design: Design, url: &str, master_key: &str) -> Result<()> {
    let pool = store::pool(url, SESSIONS, Duration::from_secs(5))?;
    let stage = Stage {
        state: state(pool.clone(), master_key).await?,
        pool,
    };
    let route = match design {
        Design::Plain => post(plain),
        Design::HttpOnly => post(http_only),
    };
    let router = Router::new()
        .route("/webhooks/dover", route)
        .layer(CatchPanicLayer::new())
        .with_state(stage);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    crate::say(&listener.local_addr()?.to_string());
    let parent = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    tokio::select! {
        served = async { axum::serve(listener, router).await } => served?,
        gone = parent => { gone??; }
    }
    Ok(())
}

async fn state(pool: PgPool, master_key: &str) -> Result<AppState> {
    let nowhere = "http://127.0.0.1:1".parse()?;
    Ok(AppState::from(Parts {
        receiver: Receiver::start(pool.clone()),
        sync: sync(pool, master_key, nowhere, Arc::new(SystemClock)).await?,
        gates: Gates::default(),
        admin_token: "not-asked-for".into(),
        guards_monitoring: false,
        flushes: TaskTracker::new(),
        shutdown: CancellationToken::new(),
    }))
}

/// What our own program works with, in this process.
pub(crate) async fn sync(
    pool: PgPool,
    master_key: &str,
    ashby: Url,
    clock: SharedClock,
) -> Result<Sync> {
    let metrics = Metrics::default();
    let vault = store::claim(&pool, &Vault::from_base64(master_key)?).await?;
    Ok(Sync {
        pool,
        vault,
        clients: Clients::new(ashby, Arc::clone(&clock), metrics.clone()),
        clock,
        metrics,
        inflow: Arc::default(),
        interval: TimeDelta::minutes(15),
        lease: TimeDelta::seconds(120),
    })
}

async fn http_only(State(stage): State<Stage>, request: Request) -> Response {
    match check(&stage.state, "default", request).await {
        Ok(_) => accepted(),
        Err(error) => error.into_response(),
    }
}

async fn plain(State(stage): State<Stage>, request: Request) -> Response {
    let incoming = match check(&stage.state, "default", request).await {
        Ok(Genuine::Delivery { incoming, .. }) => incoming,
        Ok(Genuine::Ping) => return accepted(),
        Err(error) => return error.into_response(),
    };
    match insert(&stage.pool, &incoming).await {
        Ok(()) => accepted(),
        Err(error) => ApiError::new(Code::DatabaseUnavailable, error.to_string()).into_response(),
    }
}

async fn insert(pool: &PgPool, incoming: &Incoming) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO plain (connection_id, webhook_id, received_at, type, dover_candidate_id, headers, body)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (connection_id, webhook_id) DO NOTHING",
    )
    .bind(incoming.connection.0)
    .bind(&incoming.webhook_id)
    .bind(incoming.received_at)
    .bind(&incoming.kind)
    .bind(incoming.about.as_ref().map(|(candidate, _)| candidate.as_str()))
    .bind(&incoming.headers)
    .bind(&incoming.body[..])
    .execute(pool)
    .await?;
    Ok(())
}

fn accepted() -> Response {
    let status = Acknowledgement::Accepted;
    (StatusCode::ACCEPTED, Json(Acknowledged { status })).into_response()
}
