//! The workers that are alive, and what there is for them to do.

use chrono::{DateTime, Utc};
use sqlx::PgExecutor;

use super::StoreError;
use crate::ids::WorkerId;

/// Notes that a worker is alive at `now`, and removes those that were not seen since `gone_before`. Answers how many are
/// alive, this one among them.
pub async fn seen(
    db: impl PgExecutor<'_>,
    worker: WorkerId,
    now: DateTime<Utc>,
    gone_before: DateTime<Utc>,
) -> Result<i64, StoreError> {
    let alive = sqlx::query_scalar!(
        r#"
        WITH seen AS (
            INSERT INTO worker (id, seen_at) VALUES ($1, $2)
            ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at
        ), gone AS (
            -- Two that remove the same ones, or each other, do not wait.
            DELETE FROM worker WHERE id IN (
                SELECT id FROM worker WHERE seen_at < $3 AND id <> $1 FOR UPDATE SKIP LOCKED)
        )
        SELECT count(*) + 1 AS "alive!" FROM worker WHERE seen_at >= $3 AND id <> $1
        "#,
        worker.0,
        now,
        gone_before
    )
    .fetch_one(db)
    .await?;
    Ok(alive)
}

/// The worker leaves: the others need not wait until it is missed.
pub async fn left(db: impl PgExecutor<'_>, worker: WorkerId) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM worker WHERE id = $1", worker.0)
        .execute(db)
        .await?;
    Ok(())
}

/// Connections that are due or being flushed at `now`.
pub async fn demand(db: impl PgExecutor<'_>, now: DateTime<Utc>) -> Result<i64, StoreError> {
    let demand = sqlx::query_scalar!(
        r#"
        SELECT count(*) AS "demand!" FROM connection
        WHERE paused_at IS NULL AND attention IS NULL AND (next_flush_at <= $1 OR lease_expires_at > $1)
        "#,
        now
    )
    .fetch_one(db)
    .await?;
    Ok(demand)
}
