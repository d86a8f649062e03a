//! The deliveries that wait: taken for folding, and counted off once decided.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::ids::{ConnectionId, ProspectId};

/// A delivery to be folded.
#[derive(Debug)]
pub struct Unfolded {
    /// Its place in the order of arrival.
    pub id: i64,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// The body, as it came; empty once the person was erased.
    pub body: Vec<u8>,
    /// Whether it was emptied because the person was erased.
    pub is_erased: bool,
    /// Whom it is about, as it was read when it came.
    pub dover_candidate_id: Option<String>,
    /// For which job.
    pub dover_job_id: Option<String>,
}

/// Takes up to `limit` deliveries in order of arrival, and of these only so many as begin within the first `bytes` of their
/// bodies: at least one, so that there is an end to it. They are locked until the transaction ends; what another one has
/// taken is passed over.
pub async fn take(
    tx: &mut PgConnection,
    connection: ConnectionId,
    limit: i64,
    bytes: i64,
) -> Result<Vec<Unfolded>, StoreError> {
    let rows = sqlx::query_as!(
        Unfolded,
        r#"
        WITH taken AS (
            SELECT delivery_id FROM pending WHERE connection_id = $1 AND prospect_id IS NULL
            ORDER BY delivery_id LIMIT $2 FOR UPDATE SKIP LOCKED
        )
        SELECT id, received_at, body, erased_at IS NOT NULL AS "is_erased!", dover_candidate_id, dover_job_id
        FROM (SELECT d.*, sum(octet_length(d.body)) OVER (ORDER BY d.id) - octet_length(d.body) AS bytes_before
              FROM taken JOIN delivery d ON d.id = taken.delivery_id) AS d
        WHERE bytes_before < $3 ORDER BY id
        "#,
        connection.0,
        limit,
        bytes
    )
    .fetch_all(tx)
    .await?;
    Ok(rows)
}

/// Whether anything waits to be folded.
pub async fn has_unfolded(
    db: impl sqlx::PgExecutor<'_>,
    connection: ConnectionId,
) -> Result<bool, StoreError> {
    let found = sqlx::query_scalar!(
        // The first of them, for whether there are any at all would be looked for row by row where many wait folded.
        r#"
        SELECT (SELECT delivery_id FROM pending WHERE connection_id = $1 AND prospect_id IS NULL
                ORDER BY connection_id, delivery_id LIMIT 1) IS NOT NULL AS "found!"
        "#,
        connection.0
    )
    .fetch_one(db)
    .await?;
    Ok(found)
}

/// Notes which prospect each delivery was folded into.
pub async fn folded(tx: &mut PgConnection, into: &[(i64, ProspectId)]) -> Result<(), StoreError> {
    let deliveries: Vec<i64> = into.iter().map(|(delivery, _)| *delivery).collect();
    let prospects: Vec<Uuid> = into.iter().map(|(_, prospect)| prospect.0).collect();
    sqlx::query!(
        r#"
        UPDATE pending SET prospect_id = f.prospect_id
        FROM unnest($1::bigint[], $2::uuid[]) AS f (delivery_id, prospect_id)
        WHERE pending.delivery_id = f.delivery_id
        "#,
        &deliveries,
        &prospects
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Counts off the deliveries that were folded into these prospects: a decision took all of them into account.
pub async fn decided(tx: &mut PgConnection, prospects: &[ProspectId]) -> Result<(), StoreError> {
    let prospects: Vec<Uuid> = prospects.iter().map(|prospect| prospect.0).collect();
    sqlx::query!(
        "DELETE FROM pending WHERE prospect_id = ANY($1)",
        &prospects
    )
    .execute(tx)
    .await?;
    Ok(())
}
