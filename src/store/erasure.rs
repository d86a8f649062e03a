//! People who were erased at their request: the tombstones by which they are known again, and emptying what was kept.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::{StoreError, says::Kept};
use crate::{
    ids::{CandidateId, ConnectionId, DoverCandidateId, ErasureId, ProspectId},
    plan::says::DoverSays,
};

/// A tombstone, as far as it can be shown.
#[derive(Clone, Debug)]
pub struct Erasure {
    /// Its id.
    pub id: ErasureId,
    /// When the person was erased.
    pub erased_at: DateTime<Utc>,
    /// Who they are in Ashby.
    pub ashby_candidates: Vec<String>,
}

/// A prospect of somebody who is to be erased, locked.
#[derive(Debug)]
pub struct Standing {
    /// Which.
    pub id: ProspectId,
    /// Who.
    pub candidate: DoverCandidateId,
    /// What Dover said of them.
    pub says: DoverSays,
    /// Who they are in Ashby.
    pub ashby_candidate: Option<CandidateId>,
}

/// Which of these hashes belong to somebody who was erased, and in which erasure.
pub async fn known(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    hashes: &[Vec<u8>],
) -> Result<HashMap<Vec<u8>, ErasureId>, StoreError> {
    let rows = sqlx::query!(
        "SELECT key_hash, erasure_id FROM erased_key WHERE connection_id = $1 AND key_hash = ANY($2)",
        connection.0,
        hashes
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.key_hash, row.erasure_id.into()))
        .collect())
}

/// Those of a batch of hashes of several connections that belong to somebody who was erased, each with the erasure.
pub async fn known_anywhere(
    db: impl PgExecutor<'_>,
    keys: &[(ConnectionId, &[u8])],
) -> Result<Vec<(ConnectionId, Vec<u8>, ErasureId)>, StoreError> {
    let connections: Vec<Uuid> = keys.iter().map(|(connection, _)| connection.0).collect();
    let hashes: Vec<Vec<u8>> = keys.iter().map(|(_, hash)| hash.to_vec()).collect();
    let rows = sqlx::query!(
        r#"
        SELECT e.connection_id, e.key_hash, e.erasure_id
        FROM unnest($1::uuid[], $2::bytea[]) AS k (connection_id, key_hash)
        JOIN erased_key e ON e.connection_id = k.connection_id AND e.key_hash = k.key_hash
        "#,
        &connections,
        &hashes
    )
    .fetch_all(db)
    .await?;
    let found = rows.into_iter().map(|row| {
        (
            row.connection_id.into(),
            row.key_hash,
            row.erasure_id.into(),
        )
    });
    Ok(found.collect())
}

/// Adds to tombstones by what else their people are known.
pub async fn learn(
    tx: &mut PgConnection,
    learnt: &[(ConnectionId, &[u8], ErasureId)],
) -> Result<(), StoreError> {
    let connections: Vec<Uuid> = learnt.iter().map(|(connection, ..)| connection.0).collect();
    let hashes: Vec<Vec<u8>> = learnt.iter().map(|(_, hash, _)| hash.to_vec()).collect();
    let erasures: Vec<Uuid> = learnt.iter().map(|(.., erasure)| erasure.0).collect();
    sqlx::query!(
        r#"
        INSERT INTO erased_key (connection_id, key_hash, erasure_id)
        SELECT connection_id, key_hash, erasure_id
        FROM unnest($1::uuid[], $2::bytea[], $3::uuid[]) AS l (connection_id, key_hash, erasure_id)
        -- In one order, so that two who learn the same at once do not wait for each other.
        ORDER BY connection_id, key_hash
        ON CONFLICT (connection_id, key_hash) DO NOTHING
        "#,
        &connections,
        &hashes,
        &erasures
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Prospects of whom Dover said something in which one of these texts stands, in lower case: the caller looks whether it is among
/// what identifies them. Reads every prospect of the connection.
pub async fn lookalikes(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    texts: &[String],
) -> Result<Vec<(DoverCandidateId, DoverSays)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        SELECT dover_candidate_id, says AS "says: Kept" FROM prospect
        WHERE connection_id = $1
          AND EXISTS (SELECT FROM unnest($2::text[]) AS t WHERE strpos(lower(says), t) > 0)
        "#,
        connection.0,
        texts
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.dover_candidate_id.into(), row.says.0))
        .collect())
}

/// Every prospect of these candidates, locked in the order in which folds lock them.
pub async fn prospects_of(
    tx: &mut PgConnection,
    connection: ConnectionId,
    candidates: &[String],
) -> Result<Vec<Standing>, StoreError> {
    let rows = sqlx::query!(
        r#"
        SELECT id, dover_candidate_id, says AS "says: Kept", candidate_id FROM prospect
        WHERE connection_id = $1 AND dover_candidate_id = ANY($2) ORDER BY id FOR UPDATE
        "#,
        connection.0,
        candidates
    )
    .fetch_all(tx)
    .await?;
    let standing = rows.into_iter().map(|row| Standing {
        id: row.id.into(),
        candidate: row.dover_candidate_id.into(),
        says: row.says.0,
        ashby_candidate: row.candidate_id.map(CandidateId),
    });
    Ok(standing.collect())
}

/// Sets up a tombstone.
pub async fn create(
    tx: &mut PgConnection,
    connection: ConnectionId,
    now: DateTime<Utc>,
) -> Result<ErasureId, StoreError> {
    let id = ErasureId::fresh();
    sqlx::query!(
        "INSERT INTO erasure (id, connection_id, erased_at) VALUES ($1, $2, $3)",
        id.0,
        connection.0,
        now
    )
    .execute(tx)
    .await?;
    Ok(id)
}

/// Adds to a tombstone by what the person is known again, and who they are in Ashby.
pub async fn extend(
    tx: &mut PgConnection,
    connection: ConnectionId,
    erasure: ErasureId,
    hashes: &[Vec<u8>],
    ashby_candidates: &[String],
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        INSERT INTO erased_key (connection_id, key_hash, erasure_id)
        SELECT $1, key_hash, $3 FROM unnest($2::bytea[]) AS k (key_hash)
        ON CONFLICT (connection_id, key_hash) DO NOTHING
        "#,
        connection.0,
        hashes,
        erasure.0
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        r#"
        UPDATE erasure SET ashby_candidates = ARRAY(
            SELECT DISTINCT id FROM unnest(ashby_candidates || $2::text[]) AS c (id) ORDER BY id
        ) WHERE id = $1
        "#,
        erasure.0,
        ashby_candidates
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Takes everything that Dover said out of prospects, and every decision on them. Answers how many decisions there were.
/// Those of whom nothing is kept any more stay as they are.
pub async fn clear(
    tx: &mut PgConnection,
    erasure: ErasureId,
    prospects: &[ProspectId],
) -> Result<u64, StoreError> {
    let ids: Vec<Uuid> = prospects.iter().map(|id| id.0).collect();
    let cleared = sqlx::query_scalar!(
        r#"
        UPDATE prospect SET says = '{}', fields = NULL, owner_email = NULL, name = NULL, stage = NULL, status = NULL,
                            dover_updated_at = NULL, erasure_id = $2, state = 'pending', reason = NULL,
                            last_decision_id = NULL, revision = revision + 1
        WHERE id = ANY($1)
          AND (erasure_id IS DISTINCT FROM $2 OR says NOT IN ('{}', '{"stamps":[]}', '{"contact": {}}')
               OR fields IS NOT NULL OR owner_email IS NOT NULL)
        RETURNING id
        "#,
        &ids,
        erasure.0
    )
    .fetch_all(&mut *tx)
    .await?;
    sqlx::query!(
        r#"
        DELETE FROM field_written f USING prospect p
        WHERE p.id = ANY($1) AND f.connection_id = p.connection_id AND f.object_id IN (p.candidate_id, p.application_id)
        "#,
        &cleared
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "DELETE FROM brake_hold WHERE prospect_id = ANY($1)",
        &cleared
    )
    .execute(&mut *tx)
    .await?;
    super::note::forget(&mut *tx, &cleared).await?;
    let decisions = sqlx::query!("DELETE FROM decision WHERE prospect_id = ANY($1)", &cleared)
        .execute(tx)
        .await?;
    Ok(decisions.rows_affected())
}

/// Empties every delivery about these candidates. Answers how many there were.
pub async fn empty_deliveries_of(
    tx: &mut PgConnection,
    connection: ConnectionId,
    candidates: &[String],
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        r#"
        UPDATE delivery SET body = '', headers = '{}', erased_at = $3,
                            faults = CASE WHEN faults IS NOT NULL THEN '[]'::jsonb END
        -- Looked at again once it is locked: it may be read to be about somebody else meanwhile.
        WHERE connection_id = $1 AND dover_candidate_id = ANY($2) AND erased_at IS NULL AND id = ANY(ARRAY(
            SELECT about.id FROM stretches_of($1) AS stretch CROSS JOIN LATERAL (
                SELECT id FROM delivery
                WHERE connection_id = $1 AND stretch_of(id) = stretch AND dover_candidate_id = ANY($2)
                -- Keeps it a look into each stretch, and not one through all deliveries.
                OFFSET 0
            ) AS about))
        "#,
        connection.0,
        candidates,
        now
    )
    .execute(tx)
    .await?;
    Ok(done.rows_affected())
}

/// Empties every webhook of Ashby's about these candidates of Ashby's. Answers how many there were.
pub async fn empty_ashby_deliveries_of(
    tx: &mut PgConnection,
    connection: ConnectionId,
    ashby_candidates: &[String],
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        r#"
        UPDATE delivery d SET body = '', headers = '{}', erased_at = $3
        FROM ashby_delivery a
        WHERE a.connection_id = $1 AND a.candidate_id = ANY($2) AND d.connection_id = $1 AND d.id = a.delivery_id
          AND d.erased_at IS NULL
        "#,
        connection.0,
        ashby_candidates,
        now
    )
    .execute(tx)
    .await?;
    Ok(done.rows_affected())
}

/// Empties these deliveries.
pub async fn empty_deliveries(
    tx: &mut PgConnection,
    connection: ConnectionId,
    ids: &[i64],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        UPDATE delivery SET body = '', headers = '{}', erased_at = $3,
                            faults = CASE WHEN faults IS NOT NULL THEN '[]'::jsonb END
        WHERE connection_id = $1 AND id = ANY($2) AND erased_at IS NULL
        "#,
        connection.0,
        ids,
        now
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Of the `limit` deliveries beyond `after` of which it is not known whom they are about, or that are held, empties those
/// that contain one of these texts, whatever its case. Answers how many, and where to go on.
pub async fn empty_unattributed(
    tx: &mut PgConnection,
    connection: ConnectionId,
    texts: &[String],
    now: DateTime<Utc>,
    after: i64,
    limit: i64,
) -> Result<(u64, Option<i64>), StoreError> {
    // Each of the three has an index; that of the last one lies by stretch.
    let step = sqlx::query_scalar!(
        r#"
        SELECT id AS "id!" FROM (
            (SELECT id FROM delivery WHERE connection_id = $1 AND verdict = 'rejected' AND id > $2
             ORDER BY connection_id, verdict, id LIMIT $3)
            UNION
            (SELECT id FROM delivery WHERE connection_id = $1 AND verdict = 'id-reused' AND id > $2
             ORDER BY connection_id, verdict, id LIMIT $3)
            UNION
            (SELECT nobody.id FROM (SELECT stretch FROM stretches_of($1) AS stretch ORDER BY stretch) AS each CROSS JOIN LATERAL (
                 SELECT id FROM delivery
                 WHERE connection_id = $1 AND stretch_of(id) = stretch AND dover_candidate_id IS NULL AND id > $2
                 ORDER BY connection_id, stretch_of(id), dover_candidate_id, id LIMIT $3
             ) AS nobody
             -- From the first one on, until there are enough.
             ORDER BY stretch, nobody.id LIMIT $3)
        ) AS unattributed ORDER BY id LIMIT $3
        "#,
        connection.0,
        after,
        limit
    )
    .fetch_all(&mut *tx)
    .await?;
    // Bodies are bytes, and not always text: they are compared as `encode` writes them.
    let done = sqlx::query!(
        r#"
        UPDATE delivery SET body = '', headers = '{}', erased_at = $4,
                            faults = CASE WHEN faults IS NOT NULL THEN '[]'::jsonb END
        WHERE connection_id = $1 AND id = ANY($2) AND erased_at IS NULL AND EXISTS (
            SELECT FROM unnest($3::text[]) AS t
            WHERE strpos(lower(encode(body, 'escape')), lower(encode(convert_to(t, 'UTF8'), 'escape'))) > 0
        )
        "#,
        connection.0,
        &step,
        texts,
        now
    )
    .execute(tx)
    .await?;
    Ok((done.rows_affected(), step.last().copied()))
}

/// Tombstones, latest first, at most `limit` before `before`.
pub async fn list(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    before: ErasureId,
    limit: i64,
) -> Result<Vec<Erasure>, StoreError> {
    let rows = sqlx::query_as!(
        Erasure,
        r#"
        SELECT id, erased_at, ashby_candidates FROM erasure
        WHERE connection_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3
        "#,
        connection.0,
        before.0,
        limit
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

/// One tombstone.
pub async fn by_id(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    id: ErasureId,
) -> Result<Option<Erasure>, StoreError> {
    let found = sqlx::query_as!(
        Erasure,
        "SELECT id, erased_at, ashby_candidates FROM erasure WHERE connection_id = $1 AND id = $2",
        connection.0,
        id.0
    )
    .fetch_optional(db)
    .await?;
    Ok(found)
}

/// Takes a tombstone away: what Dover says of the person counts again from now on. Answers whether it was there.
pub async fn lift(
    tx: &mut PgConnection,
    connection: ConnectionId,
    id: ErasureId,
) -> Result<bool, StoreError> {
    sqlx::query!(
        r#"
        UPDATE prospect SET erasure_id = NULL, state = 'pending', revision = revision + 1
        WHERE connection_id = $1 AND erasure_id = $2
        "#,
        connection.0,
        id.0
    )
    .execute(&mut *tx)
    .await?;
    let done = sqlx::query!(
        "DELETE FROM erasure WHERE connection_id = $1 AND id = $2",
        connection.0,
        id.0
    )
    .execute(tx)
    .await?;
    Ok(done.rows_affected() == 1)
}
