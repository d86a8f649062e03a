//! The deliveries that wait to be folded.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::StoreError;
use crate::ids::ConnectionId;

/// A delivery to be folded.
#[derive(Debug)]
pub struct Unfolded {
    /// Its place in the order of arrival.
    pub id: i64,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// Since when it waits: since it came, or since it was put back.
    pub waits_since: DateTime<Utc>,
    /// The body, as it came; empty once the person was erased.
    pub body: Vec<u8>,
    /// Whether it was emptied because the person was erased.
    pub is_erased: bool,
    /// Whom it is about, as it was read when it came.
    pub dover_candidate_id: String,
    /// For which job.
    pub dover_job_id: Option<String>,
}

/// Where a page ends: whom its last delivery is about, and which that is.
pub type Place = (String, i64);

/// Takes up to `limit` deliveries beyond `after`, in the order of whom they are about, and of these only so many as begin
/// within the first `bytes` of their bodies: at least one, so that there is an end to it. They wait no longer once the
/// transaction is through; what another one has taken is passed over.
pub async fn take(
    tx: &mut PgConnection,
    connection: ConnectionId,
    after: &Place,
    limit: i64,
    bytes: i64,
) -> Result<Vec<Unfolded>, StoreError> {
    let rows = sqlx::query_as!(
        Unfolded,
        r#"
        WITH waiting AS (
            SELECT ctid AS place, dover_candidate_id, delivery_id, received_at FROM pending
            WHERE connection_id = $1 AND (dover_candidate_id, delivery_id) > ($2, $3)
            ORDER BY dover_candidate_id, delivery_id LIMIT $4 FOR UPDATE SKIP LOCKED
        ), sized AS (
            SELECT w.place, d.id, d.received_at, d.body, d.erased_at, d.dover_job_id, w.dover_candidate_id,
                   w.received_at AS waits_since,
                   sum(octet_length(d.body)) OVER (ORDER BY w.dover_candidate_id, w.delivery_id) - octet_length(d.body)
                       AS bytes_before
            FROM waiting w JOIN delivery d ON d.connection_id = $1 AND d.id = w.delivery_id
        ), taken AS (
            -- By its place on the disk, where it stays: it is locked.
            DELETE FROM pending WHERE ctid = ANY (ARRAY(SELECT place FROM sized WHERE bytes_before < $5))
        )
        SELECT id, received_at, waits_since, body, erased_at IS NOT NULL AS "is_erased!", dover_candidate_id, dover_job_id
        FROM sized WHERE bytes_before < $5 ORDER BY dover_candidate_id, id
        "#,
        connection.0,
        after.0,
        after.1,
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
        // The first of them, for whether there are any at all would be looked for row by row where many wait elsewhere.
        r#"
        SELECT (SELECT delivery_id FROM pending WHERE connection_id = $1 ORDER BY connection_id, received_at LIMIT 1) IS NOT NULL
               AS "found!"
        "#,
        connection.0
    )
    .fetch_one(db)
    .await?;
    Ok(found)
}
