//! Flushes: what was run, running one now, what the next one would do, what the brake stopped, and undoing one.

mod brake;
mod preview;
mod start;
mod undo;

use std::collections::HashMap;

use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

pub use brake::*;
pub use preview::*;
pub use start::*;
pub use undo::*;

use super::connections::ConnectionPath;
use crate::{
    http::{
        fields::{Fields, Readable},
        json::Query,
        paging::{Page, Paging, PagingParams},
        place::{At, Within, uuid},
        problem::{ApiError, Code},
    },
    ids::{ConnectionId, FlushId},
    store::{
        self,
        connection::{Connection, ConnectionStatus},
        flush::{Calls, Counts, Flush, FlushStatus, Trigger},
    },
    sync::Sync,
};

/// One batch run of one connection.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Flush)]
pub struct FlushBody {
    /// Its id.
    #[schema(format = "uuid")]
    pub id: String,
    /// How it is doing.
    pub status: FlushStatus,
    /// What set it off.
    pub trigger: Trigger,
    /// With the trigger `undo`, the flush that it puts back; `null` for any other.
    #[schema(required)]
    pub undoes: Option<String>,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// When it ended; `null` while it is under way.
    #[schema(required)]
    pub finished_at: Option<DateTime<Utc>>,
    /// What it came to, so far.
    pub counts: Counts,
    /// What it asked of Ashby, so far.
    pub ashby_calls: Calls,
    /// Why it stopped or failed, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub detail: Option<String>,
    /// The jobs whose part of it the brake stopped.
    pub brake: Vec<HeldBody>,
}

impl FlushBody {
    /// Flushes as they are shown, with what the brake stopped in one statement.
    async fn of_all(sync: &Sync, flushes: Vec<Flush>) -> Result<Vec<Self>, ApiError> {
        let ids: Vec<FlushId> = flushes.iter().map(|flush| flush.id).collect();
        let mut held: HashMap<FlushId, Vec<HeldBody>> = HashMap::new();
        for question in store::brake::of_flushes(&sync.pool, &ids).await? {
            held.entry(question.flush)
                .or_default()
                .push(question.into());
        }
        let of = |flush: Flush| {
            let brake = held.remove(&flush.id).unwrap_or_default();
            Self::of(flush, brake)
        };
        Ok(flushes.into_iter().map(of).collect())
    }

    fn of(flush: Flush, brake: Vec<HeldBody>) -> Self {
        Self {
            id: flush.id.to_string(),
            status: flush.status,
            trigger: flush.trigger,
            undoes: flush.undoes.map(|id| id.to_string()),
            started_at: flush.started_at,
            finished_at: flush.finished_at,
            counts: flush.counts,
            ashby_calls: flush.calls,
            detail: flush.detail,
            brake,
        }
    }
}

/// The path of a flush.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "described here, read by `Within`")]
pub struct FlushPath {
    /// The id of the flush.
    #[param(format = "uuid")]
    flush: String,
}

/// Which page of the flushes.
#[derive(Debug)]
pub struct Listing(Paging<Uuid>);

impl Readable for Listing {
    const FIELDS: &'static [&'static str] = &["limit", "cursor"];

    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self(Paging::read("flushes", fields)))
    }
}

/// List flushes
///
/// Latest first.
#[utoipa::path(
    get, path = "/v1/connections/{connection}/flushes", operation_id = "listFlushes", tag = "Flushes",
    params(ConnectionPath, PagingParams),
    responses((status = 200, description = "One page of them.", body = Page<FlushBody>))
)]
pub async fn list(
    State(sync): State<Sync>,
    At(connection): At,
    Query(Listing(paging)): Query<Listing>,
) -> Result<Json<Page<FlushBody>>, ApiError> {
    let before = paging.beyond_or(Uuid::max()).into();
    let listed = store::flush::list(&sync.pool, connection.id, before, paging.rows());
    let mut rows = listed.await?;
    let next_cursor = paging.cut(&mut rows, |row| row.id.0);
    let items = FlushBody::of_all(&sync, rows).await?;
    Ok(Json(Page { items, next_cursor }))
}

/// Read a flush
///
/// While it is under way, how far it has come.
#[utoipa::path(
    get, path = "/v1/connections/{connection}/flushes/{flush}", operation_id = "readFlush", tag = "Flushes",
    params(ConnectionPath, FlushPath),
    responses((status = 200, description = "The flush.", body = FlushBody))
)]
pub async fn read(
    State(sync): State<Sync>,
    Within(connection, id): Within,
) -> Result<Json<FlushBody>, ApiError> {
    let id = uuid(&id, "flush")?.into();
    find(&sync, connection.id, id).await.map(Json)
}

async fn find(sync: &Sync, connection: ConnectionId, id: FlushId) -> Result<FlushBody, ApiError> {
    let found = store::flush::by_id(&sync.pool, connection, id).await?;
    let missing = || ApiError::not_found("flush");
    let found = found.ok_or_else(missing)?;
    let mut shown = FlushBody::of_all(sync, vec![found]).await?;
    shown.pop().ok_or_else(missing)
}

/// Whether anything may be asked of Ashby for a connection.
pub(in crate::http::api) fn may_act(connection: &Connection) -> Result<(), ApiError> {
    match connection.status() {
        ConnectionStatus::Paused => Err(ApiError::new(
            Code::ConnectionPaused,
            "The connection is paused. Resume it first.",
        )),
        ConnectionStatus::Connected | ConnectionStatus::NeedsAttention => may_ask(connection),
    }
}

/// Whether Ashby may be asked something for a connection, paused or not: nothing is sent while it needs attention, but by a
/// check, which ends that.
pub(in crate::http::api) fn may_ask(connection: &Connection) -> Result<(), ApiError> {
    match &connection.attention {
        None => Ok(()),
        Some(why) => Err(ApiError::new(
            Code::ConnectionNeedsAttention,
            format!("{why} Mend that, then check the connection."),
        )),
    }
}
