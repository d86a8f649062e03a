//! Flushes now.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::TimeDelta;
use tokio::task::{JoinError, JoinHandle};
use utoipa::IntoParams;

use super::{ConnectionPath, FlushBody, find, may_act};
use crate::{
    http::{
        fields::{Fields, Readable},
        json::Query,
        place::At,
        problem::{ApiError, Code},
        state::AppState,
    },
    ids::{ConnectionId, FlushId},
    store::{
        self, StoreError,
        connection::Connection,
        flush::{FlushStatus, Trigger},
    },
    sync::{
        Sync,
        flush::{self, Started},
    },
};

/// How long is waited for a flush that another process may be running.
const PATIENCE: TimeDelta = TimeDelta::minutes(10);
/// How often its row is read meanwhile.
const GLANCE: Duration = Duration::from_millis(500);
/// A flush may end between our finding the lease taken and our looking who holds it.
const ATTEMPTS: usize = 3;

/// How to flush.
#[derive(Debug)]
pub struct Start {
    pub(super) wait: bool,
}

impl Readable for Start {
    const FIELDS: &'static [&'static str] = &["wait"];

    fn read(fields: &mut Fields) -> Option<Self> {
        let wait = fields.flag("wait").unwrap_or_default();
        Some(Self { wait })
    }
}

/// How to flush.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read as `Start`")]
pub struct StartParams {
    /// Answer when the flush is finished.
    #[param(required = false, default = false)]
    wait: bool,
}

/// Flush now
///
/// One that is running already is answered instead: what came before it began is in it, and what came later is in the
/// next one. With `wait=true` the answer comes when the flush is finished, or after ten minutes as it is then where
/// another process runs it.
#[utoipa::path(
    post, path = "/v1/connections/{connection}/flushes", operation_id = "startFlush", tag = "Flushes",
    params(ConnectionPath, StartParams),
    responses(
        (status = 200, description = "Finished, with `wait=true`.", body = FlushBody),
        (
            status = 202, description = "Under way.", body = FlushBody,
            headers(("location" = String, description = "The path of the flush."))
        ),
    )
)]
pub async fn start(
    State(state): State<AppState>,
    At(connection): At,
    Query(Start { wait }): Query<Start>,
) -> Result<Response, ApiError> {
    let id = match begin(&state.sync, &connection).await? {
        Begun::Ours(started) => {
            let id = started.id;
            let running = run(&state, &connection, *started);
            if wait {
                running.await.map_err(|error| broken_off(id, &error))??;
            }
            id
        }
        Begun::Theirs(id) => {
            if wait {
                until_finished(&state, connection.id, id).await?;
            }
            id
        }
    };
    let flush = find(&state.sync, connection.id, id).await?;
    if wait {
        return Ok(Json(flush).into_response());
    }
    let location = format!("/v1/connections/{}/flushes/{id}", connection.name);
    let headers = [(header::LOCATION, location)];
    Ok((StatusCode::ACCEPTED, headers, Json(flush)).into_response())
}

/// What asking for a flush came to.
enum Begun {
    /// It is ours to run.
    Ours(Box<Started>),
    /// One was running.
    Theirs(FlushId),
}

async fn begin(sync: &Sync, connection: &Connection) -> Result<Begun, ApiError> {
    for _ in 0..ATTEMPTS {
        let now = store::connection::by_id(&sync.pool, connection.id).await?;
        may_act(&now.ok_or_else(|| ApiError::not_found("connection"))?)?;
        if let Some(started) = flush::start(sync, connection.id, Trigger::Manual).await? {
            return Ok(Begun::Ours(Box::new(started)));
        }
        if let Some(id) = store::flush::running(&sync.pool, connection.id).await? {
            return Ok(Begun::Theirs(id));
        }
    }
    Err(ApiError::new(
        Code::Busy,
        "Flushes of this connection begin and end too fast to join one. Try again in a few seconds.",
    ))
}

/// Runs a flush beside the request: whoever asked for it may go away.
pub(super) fn run(
    state: &AppState,
    connection: &Connection,
    started: Started,
) -> JoinHandle<Result<FlushStatus, StoreError>> {
    let (sync, shutdown) = (state.sync.clone(), state.shutdown.child_token());
    let name = connection.name.clone();
    state.flushes.spawn(async move {
        let id = started.id;
        let ended = Box::pin(started.run(&sync, shutdown)).await;
        if let Err(error) = &ended {
            tracing::warn!(flush.id = %id, connection = name, "flush {id} could not be ended: {error}");
        }
        ended
    })
}

pub(super) fn broken_off(id: FlushId, error: &JoinError) -> ApiError {
    tracing::error!(flush.id = %id, "flush {id} broke off: {error}");
    ApiError::new(
        Code::Internal,
        "The flush broke off, which is logged. The next one takes over what it left.",
    )
}

/// Waits for a flush that somebody else runs: until it is finished, our patience is over, or we shut down.
async fn until_finished(
    state: &AppState,
    connection: ConnectionId,
    id: FlushId,
) -> Result<(), ApiError> {
    let sync = &state.sync;
    let deadline = sync.clock.now() + PATIENCE;
    while sync.clock.now() < deadline && !state.shutdown.is_cancelled() {
        if find(sync, connection, id).await?.status != FlushStatus::Running {
            break;
        }
        sync.clock.sleep(GLANCE).await;
    }
    Ok(())
}
