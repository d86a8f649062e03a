//! Removes what has been kept for long enough, a step at a time: each step looks at a bounded number of rows in their
//! order and is a transaction of its own, short enough to be in nobody's way.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::StoreError;
use crate::ids::{ConnectionId, FlushId};

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step<Place> {
    /// How many rows went.
    pub removed: u64,
    /// Where the next step begins; `None` once it has come to what is to be kept.
    pub next: Option<Place>,
}

/// Removes deliveries that came before `before`, of whatever verdict: of the `limit` that come after the one of id
/// `after`. One that waits to be decided stays.
pub async fn deliveries(
    tx: &mut PgConnection,
    connection: ConnectionId,
    before: DateTime<Utc>,
    after: i64,
    limit: i64,
) -> Result<Step<i64>, StoreError> {
    let step = sqlx::query!(
        r#"
        SELECT max(id) AS last, coalesce(bool_or(received_at >= $3), true) AS "is_last!" FROM (
            SELECT id, received_at FROM delivery WHERE connection_id BETWEEN $1 AND $1 AND id > $2
            ORDER BY connection_id, id LIMIT $4
        ) AS step
        "#,
        connection.0,
        after,
        before,
        limit
    )
    .fetch_one(&mut *tx)
    .await?;
    let Some(last) = step.last else {
        return Ok(Step {
            removed: 0,
            next: None,
        });
    };
    // Locked first: nobody can queue one of them from here on. Who just did is seen by the next statement.
    let old = sqlx::query_scalar!(
        r#"
        SELECT id FROM delivery WHERE connection_id BETWEEN $1 AND $1 AND id > $2 AND id <= $3 AND received_at < $4
        ORDER BY connection_id, id FOR UPDATE SKIP LOCKED
        "#,
        connection.0,
        after,
        last,
        before
    )
    .fetch_all(&mut *tx)
    .await?;
    let done = sqlx::query!(
        r#"
        DELETE FROM delivery d WHERE connection_id = $1 AND id = ANY($2)
          AND NOT EXISTS (SELECT FROM pending p WHERE p.connection_id = d.connection_id
                          AND stretch_of(p.delivery_id) = stretch_of(d.id)
                          AND p.dover_candidate_id = d.dover_candidate_id AND p.delivery_id = d.id)
          AND NOT EXISTS (SELECT FROM prospect p WHERE p.connection_id = d.connection_id
                          AND p.dover_candidate_id = d.dover_candidate_id AND d.id = ANY(p.waiting))
        "#,
        connection.0,
        &old
    )
    .execute(tx)
    .await?;
    Ok(Step {
        removed: done.rows_affected(),
        next: (!step.is_last).then_some(last),
    })
}

/// Removes notes that were never written and were noted before `before`, at most `limit`: what they would say is gone by
/// then. Those that were written stay, so that none is written again, and so do those of unknown outcome.
pub async fn notes(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    before: DateTime<Utc>,
    limit: i64,
) -> Result<Step<()>, StoreError> {
    let done = sqlx::query!(
        r#"
        DELETE FROM note WHERE (prospect_id, event) IN (
            SELECT prospect_id, event FROM note
            WHERE connection_id = $1 AND state IN ('owed', 'dropped') AND noted_at < $2
            ORDER BY noted_at LIMIT $3 FOR UPDATE SKIP LOCKED
        )
        "#,
        connection.0,
        before,
        limit
    )
    .execute(db)
    .await?;
    let removed = done.rows_affected();
    Ok(Step {
        removed,
        next: (removed == limit.unsigned_abs()).then_some(()),
    })
}

/// How many flushes a step looks at. Most of them decided nothing.
const FLUSHES: i64 = 100;

/// Removes what flushes that started before `before` decided and changed, at most `limit` of each, and the flushes that
/// have no decision left: of those that come after the one of id `after`. The last decision on a prospect stays, and its
/// flush with it.
pub async fn decisions(
    tx: &mut PgConnection,
    connection: ConnectionId,
    before: DateTime<Utc>,
    after: FlushId,
    limit: i64,
) -> Result<Step<FlushId>, StoreError> {
    let step = sqlx::query!(
        r#"
        SELECT id, started_at >= $3 OR status = 'running' AS "is_kept!" FROM flush
        WHERE connection_id BETWEEN $1 AND $1 AND id > $2 ORDER BY connection_id, id LIMIT $4
        "#,
        connection.0,
        after.0,
        before,
        FLUSHES
    )
    .fetch_all(&mut *tx)
    .await?;
    let is_last = step.is_empty() || step.iter().any(|flush| flush.is_kept);
    let old = step.into_iter().filter(|flush| !flush.is_kept);
    let old: Vec<Uuid> = old.map(|flush| flush.id).collect();
    let decisions = forget_decisions(&mut *tx, &old, limit).await?;
    if decisions == limit.unsigned_abs() {
        return Ok(Step {
            removed: decisions,
            next: Some(after),
        });
    }
    let changes = forget_changes(&mut *tx, &old, limit).await?;
    if changes == limit.unsigned_abs() {
        return Ok(Step {
            removed: decisions + changes,
            next: Some(after),
        });
    }
    // Locked first: who keeps a decision in one of them just now is waited for, and seen by the next statement.
    sqlx::query!(
        "SELECT id FROM flush WHERE id = ANY($1) ORDER BY id FOR UPDATE",
        &old
    )
    .fetch_all(&mut *tx)
    .await?;
    let flushes = sqlx::query!(
        r#"
        DELETE FROM flush f WHERE id = ANY($1) AND NOT EXISTS (SELECT FROM decision d WHERE d.flush_id = f.id)
        "#,
        &old
    )
    .execute(tx)
    .await?;
    let last = old.last().copied().map(FlushId);
    Ok(Step {
        removed: decisions + changes + flushes.rows_affected(),
        next: if is_last { None } else { last },
    })
}

async fn forget_decisions(
    db: impl PgExecutor<'_>,
    flushes: &[Uuid],
    limit: i64,
) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        r#"
        DELETE FROM decision WHERE id IN (
            SELECT d.id FROM decision d WHERE d.flush_id = ANY($1)
              AND NOT EXISTS (SELECT FROM prospect p WHERE p.id = d.prospect_id AND p.last_decision_id = d.id)
            LIMIT $2 FOR UPDATE SKIP LOCKED
        )
        "#,
        flushes,
        limit
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// What those flushes changed, which nobody will undo any more.
async fn forget_changes(
    db: impl PgExecutor<'_>,
    flushes: &[Uuid],
    limit: i64,
) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        r#"
        DELETE FROM flush_change WHERE (flush_id, prospect_id) IN (
            SELECT flush_id, prospect_id FROM flush_change WHERE flush_id = ANY($1) LIMIT $2 FOR UPDATE SKIP LOCKED
        )
        "#,
        flushes,
        limit
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Removes webhook secrets that died before `before`.
pub async fn webhook_secrets(
    db: impl PgExecutor<'_>,
    before: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM webhook_secret WHERE expires_at < $1", before)
        .execute(db)
        .await?;
    Ok(())
}
