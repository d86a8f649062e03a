//! Leases on connections, and the flushes that ran under them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgExecutor};
use utoipa::ToSchema;
use uuid::Uuid;

use super::StoreError;
use crate::ids::{ConnectionId, FlushId, LeaseToken, ProspectId};

/// How a flush is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FlushStatus {
    /// Under way.
    Running,
    /// Got to its end.
    Done,
    /// Stopped before its end: shut down, lease lost, key refused.
    Stopped,
    /// Could not be carried through.
    Failed,
}

impl FlushStatus {
    /// The word of the HTTP contract.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }

    fn parse(word: &str) -> Result<Self, StoreError> {
        match word {
            "running" => Ok(Self::Running),
            "done" => Ok(Self::Done),
            "stopped" => Ok(Self::Stopped),
            "failed" => Ok(Self::Failed),
            _ => Err(StoreError::Unreadable {
                what: "a flush's status",
                detail: word.to_owned(),
            }),
        }
    }
}

/// What set a flush off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Trigger {
    /// The cadence.
    Schedule,
    /// A person.
    Manual,
    /// A person, to put back what another flush did.
    Undo,
}

impl Trigger {
    /// The word of the HTTP contract.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Manual => "manual",
            Self::Undo => "undo",
        }
    }

    fn parse(word: &str) -> Self {
        match word {
            "manual" => Self::Manual,
            "undo" => Self::Undo,
            _ => Self::Schedule,
        }
    }
}

/// What a flush came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Counts {
    /// Prospects decided.
    pub prospects: i32,
    /// Applications created.
    pub created: i32,
    /// Applications moved on.
    pub moved: i32,
    /// Applications archived.
    pub archived: i32,
    /// Already as Dover and the rules want it.
    pub unchanged: i32,
    /// A rule said no.
    pub skipped: i32,
    /// Wait for someone.
    pub parked: i32,
    /// Tried and not through: they go on with the next flush.
    pub failed: i32,
}

/// Calls made to Ashby.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Calls {
    /// Calls that look.
    pub read: i32,
    /// Calls that change something.
    pub write: i32,
}

/// One batch run of one connection.
#[derive(Clone, Debug)]
pub struct Flush {
    /// Its id.
    pub id: FlushId,
    /// How it is doing.
    pub status: FlushStatus,
    /// What set it off.
    pub trigger: Trigger,
    /// The flush that it puts back.
    pub undoes: Option<FlushId>,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// What it came to.
    pub counts: Counts,
    /// What it asked of Ashby.
    pub calls: Calls,
    /// Why it stopped or failed, and what to do.
    pub detail: Option<String>,
}

struct Row {
    id: Uuid,
    status: String,
    trigger: String,
    undoes: Option<Uuid>,
    started_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
    prospects: i32,
    created: i32,
    moved: i32,
    archived: i32,
    unchanged: i32,
    skipped: i32,
    parked: i32,
    failed: i32,
    calls_read: i32,
    calls_write: i32,
    detail: Option<String>,
}

impl TryFrom<Row> for Flush {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            status: FlushStatus::parse(&row.status)?,
            trigger: Trigger::parse(&row.trigger),
            undoes: row.undoes.map(FlushId),
            started_at: row.started_at,
            finished_at: row.finished_at,
            counts: Counts {
                prospects: row.prospects,
                created: row.created,
                moved: row.moved,
                archived: row.archived,
                unchanged: row.unchanged,
                skipped: row.skipped,
                parked: row.parked,
                failed: row.failed,
            },
            calls: Calls {
                read: row.calls_read,
                write: row.calls_write,
            },
            detail: row.detail,
        })
    }
}

/// Takes the lease on a connection until `until`, unless another holds it at `now`; with `if_due` only where its flush is
/// still due, which another may have made meanwhile. Connections that are paused or need attention are not given out.
pub async fn acquire(
    tx: &mut PgConnection,
    connection: ConnectionId,
    token: LeaseToken,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
    if_due: bool,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        r#"
        UPDATE connection SET lease_token = $2, lease_expires_at = $4
        WHERE id = $1 AND (lease_expires_at IS NULL OR lease_expires_at <= $3)
          AND paused_at IS NULL AND attention IS NULL AND (NOT $5 OR next_flush_at <= $3)
        "#,
        connection.0,
        token.0,
        now,
        until,
        if_due
    )
    .execute(tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Holds the lease until `until`, or for longer where it was to last longer already; answers until when. `LeaseLost` when
/// another has taken it meanwhile, or the connection was paused or removed.
pub async fn renew(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    token: LeaseToken,
    until: DateTime<Utc>,
) -> Result<DateTime<Utc>, StoreError> {
    let until = sqlx::query_scalar!(
        r#"
        UPDATE connection SET lease_expires_at = greatest(lease_expires_at, $3)
        WHERE id = $1 AND lease_token = $2 AND paused_at IS NULL
        RETURNING lease_expires_at AS "until!"
        "#,
        connection.0,
        token.0,
        until
    )
    .fetch_optional(db)
    .await?;
    until.ok_or(StoreError::LeaseLost)
}

/// Makes sure that nobody takes the lease before the transaction ends. `LeaseLost` when somebody has: what a holder that
/// stood still brings too late must not be kept over what the next one found.
pub async fn fence(
    tx: &mut PgConnection,
    connection: ConnectionId,
    token: LeaseToken,
) -> Result<(), StoreError> {
    let held = sqlx::query_scalar!(
        r#"SELECT true AS "held!" FROM connection WHERE id = $1 AND lease_token = $2 FOR SHARE"#,
        connection.0,
        token.0
    )
    .fetch_optional(tx)
    .await?;
    held.map(drop).ok_or(StoreError::LeaseLost)
}

/// When the next flush is due, and behind whom it goes on.
#[derive(Clone, Copy, Debug)]
pub struct Next {
    /// When it is due.
    pub due: DateTime<Utc>,
    /// The last prospect of a turn that others are still waiting behind.
    pub goes_on_after: Option<ProspectId>,
}

/// Gives the lease back and says what the next flush is to be.
pub async fn release(
    tx: &mut PgConnection,
    connection: ConnectionId,
    token: LeaseToken,
    next: Next,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        UPDATE connection SET lease_token = NULL, lease_expires_at = NULL, next_flush_at = $3, turn_ended_at = $4
        WHERE id = $1 AND lease_token = $2
        "#,
        connection.0,
        token.0,
        next.due,
        next.goes_on_after.map(|id| id.0)
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Connections whose flush is due and whose lease is free, longest due first.
pub async fn due(
    db: impl PgExecutor<'_>,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<ConnectionId>, StoreError> {
    let ids = sqlx::query_scalar!(
        r#"
        SELECT id FROM connection
        WHERE next_flush_at <= $1 AND paused_at IS NULL AND attention IS NULL
          AND (lease_expires_at IS NULL OR lease_expires_at <= $1)
        ORDER BY next_flush_at LIMIT $2
        "#,
        now,
        limit
    )
    .fetch_all(db)
    .await?;
    Ok(ids.into_iter().map(ConnectionId).collect())
}

/// Starts a flush under a lease that was just taken; `undoes` is the flush that it puts back. One that its holder left
/// running is over now.
pub async fn start(
    tx: &mut PgConnection,
    connection: ConnectionId,
    trigger: Trigger,
    undoes: Option<FlushId>,
    now: DateTime<Utc>,
) -> Result<FlushId, StoreError> {
    sqlx::query!(
        r#"
        UPDATE flush SET status = 'stopped', finished_at = $2,
                         detail = 'Its process ended or lost its lease; the next flush takes over what it left.'
        WHERE connection_id = $1 AND status = 'running'
        "#,
        connection.0,
        now
    )
    .execute(&mut *tx)
    .await?;
    let id = FlushId::fresh();
    sqlx::query!(
        "INSERT INTO flush (id, connection_id, trigger, undoes, started_at) VALUES ($1, $2, $3, $4, $5)",
        id.0,
        connection.0,
        trigger.word(),
        undoes.map(|id| id.0),
        now
    )
    .execute(tx)
    .await?;
    Ok(id)
}

/// Shows how far a flush has come. It is shown, and nothing rests on it: that it is on the disk is not waited for.
pub async fn progress(
    db: impl PgExecutor<'_>,
    id: FlushId,
    counts: &Counts,
    calls: &Calls,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        WITH at_ease AS (SELECT set_config('synchronous_commit', 'off', true))
        UPDATE flush SET prospects = $2, created = $3, moved = $4, archived = $5, unchanged = $6, skipped = $7,
                         parked = $8, failed = $9, calls_read = $10, calls_write = $11
        FROM at_ease WHERE id = $1 AND status = 'running'
        "#,
        id.0,
        counts.prospects,
        counts.created,
        counts.moved,
        counts.archived,
        counts.unchanged,
        counts.skipped,
        counts.parked,
        counts.failed,
        calls.read,
        calls.write
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Ends a flush.
pub async fn finish(
    db: impl PgExecutor<'_>,
    id: FlushId,
    status: FlushStatus,
    detail: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE flush SET status = $2, detail = $3, finished_at = $4 WHERE id = $1 AND status = 'running'",
        id.0,
        status.word(),
        detail,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// One flush.
pub async fn by_id(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    id: FlushId,
) -> Result<Option<Flush>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        r#"
        SELECT id, status, trigger, undoes, started_at, finished_at, prospects, created, moved, archived, unchanged, skipped,
               parked, failed, calls_read, calls_write, detail
        FROM flush WHERE connection_id = $1 AND id = $2
        "#,
        connection.0,
        id.0
    )
    .fetch_optional(db)
    .await?;
    row.map(Flush::try_from).transpose()
}

/// The flush that is under way.
pub async fn running(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
) -> Result<Option<FlushId>, StoreError> {
    let id = sqlx::query_scalar!(
        "SELECT id FROM flush WHERE connection_id = $1 AND status = 'running'",
        connection.0
    )
    .fetch_optional(db)
    .await?;
    Ok(id.map(FlushId))
}

/// Flushes, latest first, at most `limit` before `before`.
pub async fn list(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    before: FlushId,
    limit: i64,
) -> Result<Vec<Flush>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        SELECT id, status, trigger, undoes, started_at, finished_at, prospects, created, moved, archived, unchanged, skipped,
               parked, failed, calls_read, calls_write, detail
        FROM flush WHERE connection_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3
        "#,
        connection.0,
        before.0,
        limit
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Flush::try_from).collect()
}
