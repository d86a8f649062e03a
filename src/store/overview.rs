//! Counts and ages for health and metrics. Each costs the same whatever the backlog.

use chrono::{DateTime, Utc};
use sqlx::PgExecutor;

use super::{StoreError, connection::ConnectionStatus};
use crate::ids::ConnectionId;

/// How much waits, over all connections.
#[derive(Clone, Copy, Debug, Default)]
pub struct Queue {
    /// Deliveries not yet decided.
    pub pending: i64,
    /// Prospects that wait for someone.
    pub parked: i64,
    /// When the oldest pending delivery came.
    pub oldest: Option<DateTime<Utc>>,
}

/// How much waits, over all connections.
pub async fn queue(db: impl PgExecutor<'_>) -> Result<Queue, StoreError> {
    let queue = sqlx::query_as!(
        Queue,
        r#"
        SELECT coalesce(sum(n) FILTER (WHERE what = 'pending'), 0)::bigint AS "pending!",
               coalesce(sum(n) FILTER (WHERE what LIKE 'parked:%'), 0)::bigint AS "parked!",
               -- One probe of each index a connection.
               (SELECT min(least(
                    (SELECT received_at FROM pending WHERE connection_id = c.id ORDER BY received_at LIMIT 1),
                    (SELECT waits_since FROM prospect WHERE connection_id = c.id AND waits_since IS NOT NULL
                     ORDER BY waits_since LIMIT 1)
                )) FROM connection c) AS oldest
        FROM tally
        "#
    )
    .fetch_one(db)
    .await?;
    Ok(queue)
}

/// How a connection does.
#[derive(Clone, Debug)]
pub struct ConnectionHealth {
    /// Its id.
    pub id: ConnectionId,
    /// Its name.
    pub name: String,
    /// What it is up to.
    pub status: ConnectionStatus,
    /// When its last flush started.
    pub last_flush_at: Option<DateTime<Utc>>,
    /// The status of that flush.
    pub last_flush_outcome: Option<String>,
    /// Whether Ashby answered the last call that was made for it; unknown before the first.
    pub ashby_answered: Option<bool>,
    /// Its pending deliveries.
    pub pending: i64,
    /// When the oldest of them came.
    pub oldest: Option<DateTime<Utc>>,
    /// Jobs that the brake has stopped, and that wait for an answer.
    pub jobs_held: i64,
}

/// How each connection does, by name.
pub async fn connections(db: impl PgExecutor<'_>) -> Result<Vec<ConnectionHealth>, StoreError> {
    let rows = sqlx::query!(
        r#"
        SELECT c.id, c.name, c.ashby_answered, c.paused_at IS NOT NULL AS "paused!", c.attention IS NOT NULL AS "attention!",
               f.started_at AS "started_at?", f.status AS "outcome?",
               coalesce((SELECT sum(n) FROM tally t WHERE t.connection_id = c.id AND t.what = 'pending'), 0)::bigint
                   AS "pending!",
               least(
                   (SELECT received_at FROM pending WHERE connection_id = c.id ORDER BY received_at LIMIT 1),
                   (SELECT waits_since FROM prospect WHERE connection_id = c.id AND waits_since IS NOT NULL
                    ORDER BY waits_since LIMIT 1)
               ) AS oldest,
               (SELECT count(DISTINCT q.dover_job_id) FROM brake_question q
                WHERE q.connection_id = c.id AND q.status = 'waiting') AS "jobs_held!"
        FROM connection c
        LEFT JOIN LATERAL (
            SELECT started_at, status FROM flush WHERE connection_id = c.id ORDER BY id DESC LIMIT 1
        ) AS f ON true
        ORDER BY c.name
        "#
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| ConnectionHealth {
            id: row.id.into(),
            name: row.name,
            status: match (row.paused, row.attention) {
                (true, _) => ConnectionStatus::Paused,
                (false, true) => ConnectionStatus::NeedsAttention,
                (false, false) => ConnectionStatus::Connected,
            },
            last_flush_at: row.started_at,
            last_flush_outcome: row.outcome,
            ashby_answered: row.ashby_answered,
            pending: row.pending,
            oldest: row.oldest,
            jobs_held: row.jobs_held,
        })
        .collect())
}

/// How many prospects are parked: connection, reason, number.
pub async fn parked(db: impl PgExecutor<'_>) -> Result<Vec<(String, String, i64)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        SELECT c.name, substr(t.what, length('parked:') + 1) AS "reason!", sum(t.n)::bigint AS "n!"
        FROM tally t JOIN connection c ON c.id = t.connection_id
        WHERE t.what LIKE 'parked:%' GROUP BY c.name, t.what HAVING sum(t.n) > 0 ORDER BY c.name, t.what
        "#
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.name, row.reason, row.n))
        .collect())
}

/// How many prospects of a connection are parked: reason, number; the most frequent first.
pub async fn parked_of(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
) -> Result<Vec<(String, i64)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        SELECT substr(what, length('parked:') + 1) AS "reason!", sum(n)::bigint AS "n!"
        FROM tally WHERE connection_id = $1 AND what LIKE 'parked:%'
        GROUP BY what HAVING sum(n) > 0 ORDER BY sum(n) DESC, what
        "#,
        connection.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.reason, row.n)).collect())
}

/// The same of one Dover job. Reads what is parked on it, from an index.
pub async fn parked_of_job(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    dover_job_id: &str,
) -> Result<Vec<(String, i64)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        SELECT reason AS "reason!", count(*) AS "n!" FROM prospect
        WHERE connection_id = $1 AND dover_job_id = $2 AND state = 'parked'
        GROUP BY reason ORDER BY count(*) DESC, reason
        "#,
        connection.0,
        dover_job_id
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.reason, row.n)).collect())
}

/// Gathers the tallies of database sessions that are gone, so that their number stays that of the sessions that are.
pub async fn gather_tallies(db: impl PgExecutor<'_>) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        WITH departed AS (
            DELETE FROM tally t WHERE session <> 0 AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = t.session)
            RETURNING connection_id, what, n
        )
        INSERT INTO tally AS t (connection_id, what, session, n)
        SELECT connection_id, what, 0, sum(n) FROM departed GROUP BY connection_id, what
        ON CONFLICT (connection_id, what, session) DO UPDATE SET n = t.n + excluded.n
        "#
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Where nothing waits, counts nothing as waiting: what was queued or removed without being counted, by hand or by a process of a
/// version that counts otherwise, is put right as soon as a queue is empty. A count is committed with its rows, so that one
/// that differs from them at one moment is wrong.
pub async fn correct_tallies(db: impl PgExecutor<'_>) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        INSERT INTO tally AS t (connection_id, what, session, n)
        SELECT connection_id, what, 0, -sum(n) FROM tally c
        WHERE what = 'pending' AND NOT EXISTS (SELECT FROM pending p WHERE p.connection_id = c.connection_id)
          AND NOT EXISTS (SELECT FROM prospect p WHERE p.connection_id = c.connection_id AND p.waits_since IS NOT NULL)
        GROUP BY connection_id, what HAVING sum(n) <> 0
        ON CONFLICT (connection_id, what, session) DO UPDATE SET n = t.n + excluded.n
        "#
    )
    .execute(db)
    .await?;
    Ok(())
}
