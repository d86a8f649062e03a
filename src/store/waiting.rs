//! Prospects that wait: what they wait for, and letting them be decided again.

use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::{StoreError, says::Kept};
use crate::{
    ids::{AshbyJobId, ConnectionId, DoverCandidateId, DoverJobId, ProspectId},
    plan::says::DoverSays,
};

/// Lets a prospect be decided again.
pub async fn resume(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    id: ProspectId,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE prospect SET state = 'pending', revision = revision + 1 WHERE connection_id = $1 AND id = $2",
        connection.0,
        id.0
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Lets prospects be decided again.
pub async fn resume_all(
    db: impl PgExecutor<'_>,
    prospects: &[ProspectId],
) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = prospects.iter().map(|id| id.0).collect();
    sqlx::query!(
        "UPDATE prospect SET state = 'pending', revision = revision + 1 WHERE id = ANY($1)",
        &ids
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Lets what is parked for one of these reasons be decided again. Answers how many.
pub async fn release(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    reasons: &[String],
) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        r#"
        UPDATE prospect SET state = 'pending', revision = revision + 1
        WHERE connection_id = $1 AND state = 'parked' AND reason = ANY($2)
        "#,
        connection.0,
        reasons
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Lets what is parked for this reason in one of these statuses be decided again.
pub async fn release_of_status(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    reason: &str,
    statuses: &[String],
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        UPDATE prospect SET state = 'pending', revision = revision + 1
        WHERE connection_id = $1 AND state = 'parked' AND reason = $2 AND status = ANY($3)
        "#,
        connection.0,
        reason,
        statuses
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Lets what is parked on these jobs for one of these reasons be decided again. Answers how many.
pub async fn release_jobs(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    jobs: &[String],
    reasons: &[String],
) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        r#"
        UPDATE prospect SET state = 'pending', revision = revision + 1
        WHERE connection_id = $1 AND state = 'parked' AND dover_job_id = ANY($2) AND reason = ANY($3)
        "#,
        connection.0,
        jobs,
        reasons
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Lets what was decided on a job in shadow be decided again: what would have been written, and what needed nothing, for
/// neither was applied or linked. Answers how many.
pub async fn release_from_shadow(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    job: &str,
) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        r#"
        UPDATE prospect SET state = 'pending', revision = revision + 1
        WHERE connection_id = $1 AND dover_job_id = $2
          AND (state, reason) IN (('parked', 'shadow'), ('synced', 'already-there'))
        "#,
        connection.0,
        job
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// A prospect that is kept under the Ashby id of a job.
#[derive(Debug)]
pub struct Stray {
    /// Which.
    pub id: ProspectId,
    /// Who.
    pub candidate: DoverCandidateId,
    /// The fold of all deliveries.
    pub says: DoverSays,
}

/// Prospects under that job id, locked, in order, at most `limit` beyond `after`.
pub async fn strays(
    tx: &mut PgConnection,
    connection: ConnectionId,
    ashby_job: &str,
    after: ProspectId,
    limit: i64,
) -> Result<Vec<Stray>, StoreError> {
    let rows = sqlx::query!(
        r#"
        SELECT id, dover_candidate_id, says AS "says: Kept" FROM prospect
        WHERE connection_id = $1 AND dover_job_id = $2 AND id > $3 ORDER BY id LIMIT $4 FOR UPDATE
        "#,
        connection.0,
        ashby_job,
        after.0,
        limit
    )
    .fetch_all(tx)
    .await?;
    let stray = rows.into_iter().map(|row| Stray {
        id: row.id.into(),
        candidate: row.dover_candidate_id.into(),
        says: row.says.0,
    });
    Ok(stray.collect())
}

/// Gives what waits on each first prospect to the second. The first one goes, unless Ashby may know them by it: it is
/// linked, or a write for it is in doubt.
pub async fn hand_over(
    tx: &mut PgConnection,
    moved: &[(ProspectId, ProspectId)],
) -> Result<(), StoreError> {
    let from: Vec<Uuid> = moved.iter().map(|(from, _)| from.0).collect();
    let to: Vec<Uuid> = moved.iter().map(|(_, to)| to.0).collect();
    sqlx::query!(
        r#"
        -- Nobody decides one that stays as it is because nothing newer was said: that is the answer to what waits.
        UPDATE prospect p
        SET waiting = CASE WHEN p.state = 'pending'
                           THEN ARRAY(SELECT DISTINCT id FROM unnest(p.waiting || f.waiting) AS w (id) ORDER BY id)
                           ELSE p.waiting END,
            waits_since = CASE WHEN p.state = 'pending' THEN least(p.waits_since, f.waits_since) ELSE p.waits_since END,
            erasure_id = coalesce(f.erasure_id, p.erasure_id)
        FROM unnest($1::uuid[], $2::uuid[]) AS m (from_id, to_id) JOIN prospect f ON f.id = m.from_id
        WHERE p.id = m.to_id AND (f.waits_since IS NOT NULL OR f.erasure_id IS NOT NULL)
        "#,
        &from,
        &to
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "UPDATE prospect SET waiting = '{}', waits_since = NULL WHERE id = ANY($1) AND waits_since IS NOT NULL",
        &from
    )
    .execute(&mut *tx)
    .await?;
    super::note::hand_over(&mut *tx, &from, &to).await?;
    sqlx::query!(
        r#"
        DELETE FROM prospect WHERE id = ANY($1) AND application_id IS NULL AND candidate_id IS NULL
          AND NOT EXISTS (SELECT FROM intent WHERE prospect_id = prospect.id)
        "#,
        &from
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Registered jobs with prospects that are kept under the job's Ashby id: each by its Ashby id and its Dover id.
pub async fn unadopted(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
) -> Result<Vec<(AshbyJobId, DoverJobId)>, StoreError> {
    let jobs = sqlx::query!(
        r#"
        SELECT ashby_job_id, dover_job_id FROM job j WHERE connection_id = $1 AND ashby_job_id <> dover_job_id
          AND EXISTS (SELECT FROM prospect p WHERE p.connection_id = $1 AND p.dover_job_id = j.ashby_job_id
                      AND p.state = 'parked' AND p.reason = 'job-not-registered')
        "#,
        connection.0
    )
    .fetch_all(db)
    .await?;
    Ok(jobs
        .into_iter()
        .map(|job| (job.ashby_job_id.into(), job.dover_job_id.into()))
        .collect())
}

/// The codes of the reasons for which prospects of a connection are parked.
pub async fn parked_reasons(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
) -> Result<Vec<String>, StoreError> {
    let reasons = sqlx::query_scalar!(
        r#"
        SELECT substr(what, length('parked:') + 1) AS "reason!" FROM tally
        WHERE connection_id = $1 AND what LIKE 'parked:%' GROUP BY what HAVING sum(n) > 0
        "#,
        connection.0
    )
    .fetch_all(db)
    .await?;
    Ok(reasons)
}

/// The Dover ids of the jobs with prospects that have news, or that are parked for one of `reasons`.
pub async fn jobs_in_play(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    reasons: &[String],
) -> Result<Vec<DoverJobId>, StoreError> {
    // One probe of the index for each registered job, whatever the number of prospects.
    let jobs = sqlx::query_scalar!(
        r#"
        SELECT dover_job_id FROM job j WHERE connection_id = $1 AND (
            EXISTS (SELECT FROM prospect p WHERE p.connection_id = $1 AND p.dover_job_id = j.dover_job_id
                    AND p.state = 'pending')
            OR EXISTS (SELECT FROM prospect p WHERE p.connection_id = $1 AND p.dover_job_id = j.dover_job_id
                       AND p.state = 'parked' AND p.reason = ANY($2)))
        "#,
        connection.0,
        reasons
    )
    .fetch_all(db)
    .await?;
    Ok(jobs.into_iter().map(DoverJobId).collect())
}

/// Lets what stood outside its job's plan be decided again once it stands in it. Answers how many.
pub async fn release_back_in_plan(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        r#"
        UPDATE prospect p SET state = 'pending', revision = p.revision + 1
        FROM ashby_application a, job j
        WHERE p.connection_id = $1 AND p.state = 'parked' AND p.reason = 'stage-not-in-plan'
          AND a.connection_id = $1 AND a.id = p.application_id
          AND j.connection_id = $1 AND j.dover_job_id = p.dover_job_id
          AND (j.stages @> jsonb_build_array(jsonb_build_object('id', a.stage_id)) OR a.status IN ('Archived', 'Hired'))
        "#,
        connection.0
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Lets what Ashby showed in a state that we do not know be decided again once it shows another. Answers how many.
pub async fn release_clear_again(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        r#"
        UPDATE prospect p SET state = 'pending', revision = p.revision + 1
        FROM ashby_application a
        WHERE p.connection_id = $1 AND p.state = 'parked' AND p.reason = 'unclear-in-ashby'
          AND a.connection_id = $1 AND a.id = p.application_id AND (a.status <> 'Unclear' OR a.gone)
        "#,
        connection.0
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Whom a setting holds for: whatever is given has to fit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scope<'a> {
    /// Only on this job.
    pub job: Option<&'a str>,
    /// Only those of this owner in Dover, by their e-mail address in lower case.
    pub owner: Option<&'a str>,
}

/// Lets those be decided again whom a setting holds for and who were left, parked or skipped, with one of these reasons.
/// Answers how many.
pub async fn release_for_setting(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    scope: &Scope<'_>,
    reasons: &[String],
) -> Result<u64, StoreError> {
    if reasons.is_empty() {
        return Ok(0);
    }
    // By registered job, for the index: whatever waits on others waits for their registration.
    let done = sqlx::query!(
        r#"
        UPDATE prospect SET state = 'pending', revision = revision + 1
        WHERE connection_id = $1 AND state IN ('skipped', 'parked') AND reason = ANY($4)
          AND dover_job_id = ANY(SELECT dover_job_id FROM job
                                 WHERE connection_id = $1 AND ($2::text IS NULL OR dover_job_id = $2))
          AND ($3::text IS NULL OR lower(btrim(owner_email) COLLATE "C") = $3)
        "#,
        connection.0,
        scope.job,
        scope.owner,
        reasons
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Those whom a setting holds for and who have news, or were left with one of these reasons; at most `limit`, in order.
pub async fn within_reach(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    scope: &Scope<'_>,
    reasons: &[String],
    limit: i64,
) -> Result<Vec<ProspectId>, StoreError> {
    let ids = sqlx::query_scalar!(
        r#"
        WITH here AS (
            SELECT dover_job_id FROM job WHERE connection_id = $1 AND ($2::text IS NULL OR dover_job_id = $2)
        )
        SELECT id AS "id!" FROM (
            -- An index for each half.
            (SELECT id FROM prospect
             WHERE connection_id = $1 AND state = 'pending' AND dover_job_id = ANY(SELECT dover_job_id FROM here)
               AND ($3::text IS NULL OR lower(btrim(owner_email) COLLATE "C") = $3)
             ORDER BY id LIMIT $5)
            UNION ALL
            (SELECT id FROM prospect
             WHERE connection_id = $1 AND state IN ('skipped', 'parked') AND reason = ANY($4)
               AND dover_job_id = ANY(SELECT dover_job_id FROM here)
               AND ($3::text IS NULL OR lower(btrim(owner_email) COLLATE "C") = $3)
             LIMIT $5)
        ) AS within_reach
        ORDER BY id LIMIT $5
        "#,
        connection.0,
        scope.job,
        scope.owner,
        reasons,
        limit
    )
    .fetch_all(db)
    .await?;
    Ok(ids.into_iter().map(ProspectId).collect())
}
