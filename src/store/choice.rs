//! Whom prospects of ambiguous identity might be, so that they go on as soon as one of these people changes or is gone.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

use super::StoreError;
use crate::ids::{CandidateId, ConnectionId, ProspectId};

/// Keeps whom a prospect might be, as of `now`.
pub async fn set(
    tx: &mut PgConnection,
    connection: ConnectionId,
    prospect: ProspectId,
    candidates: &[CandidateId],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    clear(&mut *tx, prospect).await?;
    let candidates: Vec<String> = candidates.iter().map(|id| id.0.clone()).collect();
    sqlx::query!(
        r#"
        INSERT INTO choice (prospect_id, connection_id, candidate_id, looked_at)
        SELECT $1, $2, id, $4 FROM unnest($3::text[]) AS c (id) ON CONFLICT DO NOTHING
        "#,
        prospect.0,
        connection.0,
        &candidates,
        now
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// A prospect's identity is ambiguous no longer.
pub async fn clear(db: impl PgExecutor<'_>, prospect: ProspectId) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM choice WHERE prospect_id = $1", prospect.0)
        .execute(db)
        .await?;
    Ok(())
}

/// Candidates that were last looked at before `before`, those of longest ago first. One may be named more than once.
pub async fn oldest(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    before: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<CandidateId>, StoreError> {
    let ids = sqlx::query_scalar!(
        r#"
        SELECT c.candidate_id FROM choice c JOIN prospect p ON p.id = c.prospect_id
        WHERE c.connection_id = $1 AND c.looked_at < $2 AND p.state = 'parked' AND p.reason = 'ambiguous-identity'
        ORDER BY c.looked_at LIMIT $3
        "#,
        connection.0,
        before,
        limit
    )
    .fetch_all(db)
    .await?;
    Ok(ids.into_iter().map(CandidateId).collect())
}

/// Ashby still had these candidates at `at`.
pub async fn seen(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    candidates: &[String],
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE choice SET looked_at = $3 WHERE connection_id = $1 AND candidate_id = ANY($2)",
        connection.0,
        candidates,
        at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A webhook says that these candidates are no more: they are looked over first.
pub async fn doubt(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    candidates: &[String],
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE choice SET looked_at = 'epoch' WHERE connection_id = $1 AND candidate_id = ANY($2)",
        connection.0,
        candidates
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Something has become of these candidates: whoever might be one of them is decided again.
pub async fn resume(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    candidates: &[String],
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        UPDATE prospect SET state = 'pending', revision = revision + 1
        WHERE connection_id = $1 AND state = 'parked' AND reason = 'ambiguous-identity'
          AND id IN (SELECT prospect_id FROM choice WHERE connection_id = $1 AND candidate_id = ANY($2))
        "#,
        connection.0,
        candidates
    )
    .execute(db)
    .await?;
    Ok(())
}
