//! Prospects: one Dover candidate on one Dover job, as folded, decided and linked.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgExecutor, types::Json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::StoreError;
use crate::{
    ids::{
        ApplicationId, AshbyJobId, CandidateId, ConnectionId, DecisionId, DoverCandidateId,
        DoverJobId, ProspectId,
    },
    plan::says::DoverSays,
};

/// Where a prospect is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// News not yet decided.
    Pending,
    /// Ashby is as Dover and the rules want it.
    Synced,
    /// A rule said no.
    Skipped,
    /// Waits for someone.
    Parked,
}

impl State {
    /// The word of the HTTP contract.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Synced => "synced",
            Self::Skipped => "skipped",
            Self::Parked => "parked",
        }
    }

    fn parse(word: &str) -> Result<Self, StoreError> {
        match word {
            "pending" => Ok(Self::Pending),
            "synced" => Ok(Self::Synced),
            "skipped" => Ok(Self::Skipped),
            "parked" => Ok(Self::Parked),
            _ => Err(StoreError::Unreadable {
                what: "a prospect's state",
                detail: word.to_owned(),
            }),
        }
    }
}

/// A prospect.
#[derive(Clone, Debug)]
pub struct Prospect {
    /// Its id.
    pub id: ProspectId,
    /// The candidate as Dover names it.
    pub dover_candidate_id: DoverCandidateId,
    /// The job as Dover names it.
    pub dover_job_id: DoverJobId,
    /// The fold of all deliveries.
    pub says: DoverSays,
    /// The latest delivery that was folded in.
    pub news: i64,
    /// Where it is.
    pub state: State,
    /// The code of the last reason.
    pub reason: Option<String>,
    /// The Dover time last applied.
    pub applied_at: Option<DateTime<Utc>>,
    /// Who it is in Ashby.
    pub candidate: Option<CandidateId>,
    /// Its application in Ashby.
    pub application: Option<ApplicationId>,
    /// The last decision.
    pub last_decision: Option<DecisionId>,
}

struct Row {
    id: Uuid,
    dover_candidate_id: String,
    dover_job_id: String,
    says: Json<DoverSays>,
    news_id: i64,
    state: String,
    reason: Option<String>,
    applied_at: Option<DateTime<Utc>>,
    candidate_id: Option<String>,
    application_id: Option<String>,
    last_decision_id: Option<Uuid>,
}

impl TryFrom<Row> for Prospect {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            dover_candidate_id: row.dover_candidate_id.into(),
            dover_job_id: row.dover_job_id.into(),
            says: row.says.0,
            news: row.news_id,
            state: State::parse(&row.state)?,
            reason: row.reason,
            applied_at: row.applied_at,
            candidate: row.candidate_id.map(CandidateId),
            application: row.application_id.map(ApplicationId),
            last_decision: row.last_decision_id.map(DecisionId),
        })
    }
}

/// Makes sure that each of these has a row, then locks and returns them with what was folded so far. Locked in one
/// order, so that two who fold at once never wait for each other.
pub async fn lock(
    tx: &mut PgConnection,
    connection: ConnectionId,
    who: &[(DoverCandidateId, DoverJobId)],
    now: DateTime<Utc>,
) -> Result<Vec<(ProspectId, DoverCandidateId, DoverJobId, DoverSays)>, StoreError> {
    let ids: Vec<Uuid> = who.iter().map(|_| ProspectId::fresh().0).collect();
    let candidates: Vec<String> = who
        .iter()
        .map(|(candidate, _)| candidate.0.clone())
        .collect();
    let jobs: Vec<String> = who.iter().map(|(_, job)| job.0.clone()).collect();
    sqlx::query!(
        r#"
        INSERT INTO prospect (id, connection_id, dover_candidate_id, dover_job_id, says, created_at)
        SELECT id, $1, candidate, job, '{}', $5 FROM unnest($2::uuid[], $3::text[], $4::text[]) AS w (id, candidate, job)
        ORDER BY candidate, job
        ON CONFLICT (connection_id, dover_candidate_id, dover_job_id) DO NOTHING
        "#,
        connection.0,
        &ids,
        &candidates,
        &jobs,
        now
    )
    .execute(&mut *tx)
    .await?;
    let rows = sqlx::query!(
        r#"
        SELECT p.id, p.dover_candidate_id, p.dover_job_id, p.says AS "says: Json<DoverSays>"
        FROM unnest($2::text[], $3::text[]) AS w (candidate, job)
        JOIN prospect p ON p.connection_id = $1 AND p.dover_candidate_id = w.candidate AND p.dover_job_id = w.job
        ORDER BY p.id FOR UPDATE OF p
        "#,
        connection.0,
        &candidates,
        &jobs
    )
    .fetch_all(tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            (
                row.id.into(),
                row.dover_candidate_id.into(),
                row.dover_job_id.into(),
                row.says.0,
            )
        })
        .collect())
}

/// What was folded into a prospect.
#[derive(Debug)]
pub struct Folded {
    /// Which.
    pub id: ProspectId,
    /// The fold.
    pub says: DoverSays,
    /// The latest delivery in it.
    pub news: i64,
}

/// Keeps the folds. Each of them is news: it waits to be decided.
pub async fn save(tx: &mut PgConnection, folded: &[Folded]) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = folded.iter().map(|folded| folded.id.0).collect();
    let says: Vec<Json<&DoverSays>> = folded.iter().map(|folded| Json(&folded.says)).collect();
    let names: Vec<Option<String>> = folded
        .iter()
        .map(|folded| {
            folded
                .says
                .contact
                .name
                .as_ref()
                .map(|said| said.value.clone())
        })
        .collect();
    let (stages, statuses): (Vec<_>, Vec<_>) =
        folded.iter().map(|folded| folded.says.words()).unzip();
    let said: Vec<Option<DateTime<Utc>>> =
        folded.iter().map(|folded| folded.says.said_at()).collect();
    let news: Vec<i64> = folded.iter().map(|folded| folded.news).collect();
    sqlx::query!(
        r#"
        UPDATE prospect SET says = f.says, name = f.name, stage = f.stage, status = f.status,
                            dover_updated_at = f.said_at, news_id = greatest(prospect.news_id, f.news_id),
                            state = 'pending'
        FROM unnest($1::uuid[], $2::jsonb[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::bigint[])
             AS f (id, says, name, stage, status, said_at, news_id)
        WHERE prospect.id = f.id
        "#,
        &ids,
        &says as _,
        &names as _,
        &stages as _,
        &statuses as _,
        &said as _,
        &news
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Prospects with news, in order, at most `limit` beyond `after`.
pub async fn pending(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    after: ProspectId,
    limit: i64,
) -> Result<Vec<Prospect>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        SELECT id, dover_candidate_id, dover_job_id, says AS "says: Json<DoverSays>", news_id, state, reason, applied_at,
               candidate_id, application_id, last_decision_id
        FROM prospect WHERE connection_id = $1 AND state = 'pending' AND id > $2 ORDER BY id LIMIT $3
        "#,
        connection.0,
        after.0,
        limit
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Prospect::try_from).collect()
}

/// One prospect.
pub async fn by_id(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    id: ProspectId,
) -> Result<Option<Prospect>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        r#"
        SELECT id, dover_candidate_id, dover_job_id, says AS "says: Json<DoverSays>", news_id, state, reason, applied_at,
               candidate_id, application_id, last_decision_id
        FROM prospect WHERE connection_id = $1 AND id = $2
        "#,
        connection.0,
        id.0
    )
    .fetch_optional(db)
    .await?;
    row.map(Prospect::try_from).transpose()
}

/// Which prospects to list.
#[derive(Debug, Default)]
pub struct Filter<'a> {
    /// Only of this candidate.
    pub dover_candidate_id: Option<&'a str>,
    /// Only of this job.
    pub dover_job_id: Option<&'a str>,
    /// Only in this state.
    pub state: Option<State>,
    /// Only with this last reason.
    pub reason: Option<&'a str>,
}

/// Prospects in order, at most `limit` beyond `after`.
pub async fn list(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    filter: &Filter<'_>,
    after: ProspectId,
    limit: i64,
) -> Result<Vec<Prospect>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        SELECT id, dover_candidate_id, dover_job_id, says AS "says: Json<DoverSays>", news_id, state, reason, applied_at,
               candidate_id, application_id, last_decision_id
        FROM prospect
        WHERE connection_id = $1 AND id > $2
          AND ($3::text IS NULL OR dover_candidate_id = $3)
          AND ($4::text IS NULL OR dover_job_id = $4)
          AND ($5::text IS NULL OR state = $5)
          AND ($6::text IS NULL OR (reason = $6 AND state <> 'pending'))
        ORDER BY id LIMIT $7
        "#,
        connection.0,
        after.0,
        filter.dover_candidate_id,
        filter.dover_job_id,
        filter.state.map(State::word),
        filter.reason,
        limit
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Prospect::try_from).collect()
}

/// What a decision leaves of a prospect.
#[derive(Debug)]
pub struct Decided<'a> {
    /// Which.
    pub id: ProspectId,
    /// The news that was taken into account.
    pub news: i64,
    /// Where it is now.
    pub state: State,
    /// The code of the reason.
    pub reason: &'a str,
    /// The decision.
    pub decision: DecisionId,
    /// The Dover time that was applied, if any was.
    pub applied_at: Option<DateTime<Utc>>,
}

/// Keeps what a decision leaves. News that came meanwhile keeps the prospect pending.
pub async fn decided(tx: &mut PgConnection, decided: &Decided<'_>) -> Result<(), StoreError> {
    let done = sqlx::query!(
        r#"
        UPDATE prospect SET state = CASE WHEN news_id > $2 THEN 'pending' ELSE $3 END, reason = $4, last_decision_id = $5,
                            applied_at = greatest(applied_at, $6)
        WHERE id = $1
        "#,
        decided.id.0,
        decided.news,
        decided.state.word(),
        decided.reason,
        decided.decision.0,
        decided.applied_at
    )
    .execute(tx)
    .await?;
    if done.rows_affected() == 1 {
        Ok(())
    } else {
        Err(StoreError::Gone("the prospect"))
    }
}

/// Remembers who a prospect is in Ashby.
pub async fn link(
    db: impl PgExecutor<'_>,
    id: ProspectId,
    candidate: &CandidateId,
    application: Option<&ApplicationId>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE prospect SET candidate_id = $2, application_id = coalesce($3, application_id) WHERE id = $1",
        id.0,
        candidate.as_str(),
        application.map(ApplicationId::as_str)
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets who a prospect is in Ashby, at a person's word: the next decision looks for them afresh.
pub async fn unlink(db: impl PgExecutor<'_>, id: ProspectId) -> Result<(), StoreError> {
    sqlx::query!("UPDATE prospect SET candidate_id = NULL, application_id = NULL, applied_at = NULL WHERE id = $1", id.0)
        .execute(db)
        .await?;
    Ok(())
}

/// Lets a prospect be decided again.
pub async fn resume(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    id: ProspectId,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE prospect SET state = 'pending' WHERE connection_id = $1 AND id = $2",
        connection.0,
        id.0
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Lets what is parked for one of these reasons be decided again. Answers how many.
pub async fn release(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    reasons: &[String],
) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        r#"
        UPDATE prospect SET state = 'pending'
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
        UPDATE prospect SET state = 'pending'
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
        UPDATE prospect SET state = 'pending'
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

/// Gives what was said under the Ashby id of a job to the same candidate under its Dover id, to be folded again there.
pub async fn adopt(
    tx: &mut PgConnection,
    connection: ConnectionId,
    ashby_job: &str,
    dover_job: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        INSERT INTO pending (delivery_id, connection_id, received_at)
        SELECT id, connection_id, received_at FROM delivery
        WHERE connection_id = $1 AND dover_job_id = $2 AND verdict = 'accepted'
        ON CONFLICT (delivery_id) DO UPDATE SET prospect_id = NULL
        "#,
        connection.0,
        ashby_job
    )
    .execute(&mut *tx)
    .await?;
    if ashby_job != dover_job {
        sqlx::query!(
            "DELETE FROM prospect WHERE connection_id = $1 AND dover_job_id = $2 AND application_id IS NULL",
            connection.0,
            ashby_job
        )
        .execute(tx)
        .await?;
    }
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

/// Remembers the Dover time that was applied, where looking showed that it was.
pub async fn applied(
    tx: &mut PgConnection,
    id: ProspectId,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE prospect SET applied_at = greatest(applied_at, $2) WHERE id = $1",
        id.0,
        at
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Lets what stood outside its job's plan be decided again once it stands in it. Answers how many.
pub async fn release_back_in_plan(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        r#"
        UPDATE prospect p SET state = 'pending'
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
