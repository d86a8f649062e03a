//! What Ashby's webhooks tell and no flush has taken in: the latest of each subject. However many come, and in whatever
//! order, a flush takes in one of each thing that they are about.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::ids::{AshbyJobId, CandidateId, ConnectionId};

/// What a webhook is about, and as of when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The subject.
    pub subject: String,
    /// When it had changed.
    pub at: DateTime<Utc>,
}

/// Files deliveries of Ashby's, so that they are found by themselves and by the person whom they are about.
pub async fn file(
    tx: &mut PgConnection,
    deliveries: &[(i64, ConnectionId, Option<CandidateId>)],
) -> Result<(), StoreError> {
    let ids: Vec<i64> = deliveries.iter().map(|(id, ..)| *id).collect();
    let connections: Vec<Uuid> = deliveries
        .iter()
        .map(|(_, connection, _)| connection.0)
        .collect();
    let candidates: Vec<Option<String>> = deliveries
        .iter()
        .map(|(.., candidate)| candidate.as_ref().map(|id| id.0.clone()))
        .collect();
    sqlx::query!(
        r#"
        INSERT INTO ashby_delivery (delivery_id, connection_id, candidate_id)
        SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::text[])
        "#,
        &ids,
        &connections,
        &candidates as _
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Queues what deliveries tell. Of one subject the latest counts, of equal ones the one that came later.
pub async fn tell(
    tx: &mut PgConnection,
    told: Vec<(i64, ConnectionId, Told)>,
) -> Result<(), StoreError> {
    // In one order, so that two who tell at once never wait for each other.
    let mut latest: BTreeMap<(Uuid, String), (DateTime<Utc>, i64)> = BTreeMap::new();
    for (delivery, connection, Told { subject, at }) in told {
        let found = latest
            .entry((connection.0, subject))
            .or_insert((at, delivery));
        *found = (*found).max((at, delivery));
    }
    let connections: Vec<Uuid> = latest.keys().map(|(connection, _)| *connection).collect();
    let subjects: Vec<String> = latest.keys().map(|(_, subject)| subject.clone()).collect();
    let ats: Vec<DateTime<Utc>> = latest.values().map(|(at, _)| *at).collect();
    let deliveries: Vec<i64> = latest.values().map(|(_, delivery)| *delivery).collect();
    sqlx::query!(
        r#"
        INSERT INTO ashby_news AS n (connection_id, subject, at, delivery_id)
        SELECT connection_id, subject, at, delivery_id
        FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::bigint[]) AS t (connection_id, subject, at, delivery_id)
        ORDER BY connection_id, subject
        ON CONFLICT (connection_id, subject) DO UPDATE SET at = excluded.at, delivery_id = excluded.delivery_id
        WHERE excluded.at >= n.at
        "#,
        &connections,
        &subjects,
        &ats,
        &deliveries
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Takes the news of up to `limit` subjects: they wait no longer once the transaction is through. What another has taken
/// is passed over. Answers the bodies of the webhooks, as they came.
pub async fn take(
    tx: &mut PgConnection,
    connection: ConnectionId,
    limit: i64,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let bodies = sqlx::query_scalar!(
        r#"
        WITH taken AS (
            DELETE FROM ashby_news WHERE (connection_id, subject) IN (
                SELECT connection_id, subject FROM ashby_news WHERE connection_id = $1
                ORDER BY subject LIMIT $2 FOR UPDATE SKIP LOCKED)
            RETURNING delivery_id
        )
        SELECT d.body FROM taken JOIN delivery d ON d.connection_id = $1 AND d.id = taken.delivery_id ORDER BY d.id
        "#,
        connection.0,
        limit
    )
    .fetch_all(tx)
    .await?;
    Ok(bodies)
}

/// Jobs of which Ashby says that they have changed: what is known of them is read again when it matters next.
pub async fn distrust_jobs(
    tx: &mut PgConnection,
    connection: ConnectionId,
    jobs: &[AshbyJobId],
) -> Result<(), StoreError> {
    let jobs: Vec<String> = jobs.iter().map(|id| id.0.clone()).collect();
    sqlx::query!(
        "UPDATE job SET read_at = 'epoch' WHERE connection_id = $1 AND ashby_job_id = ANY($2)",
        connection.0,
        &jobs
    )
    .execute(tx)
    .await?;
    Ok(())
}
