//! Registered jobs, with what was last read of them in Ashby.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::{PgExecutor, types::Json};
use uuid::Uuid;

use super::StoreError;
use crate::{
    ids::{AshbyJobId, ConnectionId, DoverJobId, InterviewPlanId, JobId},
    plan::situation::{self, Mode, Openness, PlanStage},
};

/// A registered job.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// The job as Dover names it.
    pub dover_job_id: DoverJobId,
    /// The job in Ashby.
    pub ashby_job_id: AshbyJobId,
    /// Its title, as an admin gave it and Ashby had it then.
    pub title: String,
    /// Whether it takes candidates.
    pub openness: Openness,
    /// Its interview plan.
    pub interview_plan_id: Option<InterviewPlanId>,
    /// The stages of that plan.
    pub stages: Arc<Vec<PlanStage>>,
    /// Whether what is decided on it is carried out.
    pub mode: Mode,
    /// When title, openness, plan and stages were read.
    pub read_at: DateTime<Utc>,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
}

impl Job {
    /// The job as rules see it.
    pub fn as_registered(&self) -> situation::Job {
        situation::Job {
            ashby_job_id: self.ashby_job_id.clone(),
            title: self.title.clone(),
            openness: self.openness.clone(),
            stages: Arc::clone(&self.stages),
            mode: self.mode,
        }
    }
}

struct Row {
    id: Uuid,
    dover_job_id: String,
    ashby_job_id: String,
    title: String,
    openness: Json<Openness>,
    interview_plan_id: Option<String>,
    stages: Json<Vec<PlanStage>>,
    mode: String,
    read_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
}

impl From<Row> for Job {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.into(),
            dover_job_id: row.dover_job_id.into(),
            ashby_job_id: row.ashby_job_id.into(),
            title: row.title,
            openness: row.openness.0,
            interview_plan_id: row.interview_plan_id.map(InterviewPlanId),
            stages: Arc::new(row.stages.0),
            mode: mode(&row.mode),
            read_at: row.read_at,
            created_at: row.created_at,
        }
    }
}

fn mode(word: &str) -> Mode {
    if word == Mode::Shadow.word() {
        Mode::Shadow
    } else {
        Mode::Live
    }
}

/// Registers `job`. The constraints `job_connection_id_dover_job_id_key` and `job_connection_id_ashby_job_id_key`
/// refuse one that is registered.
pub async fn create(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    job: &Job,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        INSERT INTO job (id, connection_id, dover_job_id, ashby_job_id, title, openness, interview_plan_id, stages,
                         read_at, created_at, mode)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        "#,
        job.id.0,
        connection.0,
        job.dover_job_id.0,
        job.ashby_job_id.0,
        job.title,
        Json(&job.openness) as _,
        job.interview_plan_id.as_ref().map(InterviewPlanId::as_str),
        Json(&job.stages) as _,
        job.read_at,
        job.created_at,
        job.mode.word(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Keeps what an admin changed of a registration.
pub async fn update(db: impl PgExecutor<'_>, job: &Job) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        UPDATE job SET ashby_job_id = $2, title = $3, openness = $4, interview_plan_id = $5, stages = $6, read_at = $7
        WHERE id = $1
        "#,
        job.id.0,
        job.ashby_job_id.0,
        job.title,
        Json(&job.openness) as _,
        job.interview_plan_id.as_ref().map(InterviewPlanId::as_str),
        Json(&job.stages) as _,
        job.read_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Sets whether what is decided on a job is carried out.
pub async fn set_mode(db: impl PgExecutor<'_>, id: JobId, mode: Mode) -> Result<(), StoreError> {
    sqlx::query!("UPDATE job SET mode = $2 WHERE id = $1", id.0, mode.word())
        .execute(db)
        .await?;
    Ok(())
}

/// Keeps what was read of a job in Ashby, unless an admin has pointed the registration elsewhere meanwhile.
pub async fn refreshed(db: impl PgExecutor<'_>, job: &Job) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        UPDATE job SET title = $3, openness = $4, interview_plan_id = $5, stages = $6, read_at = $7
        WHERE id = $1 AND ashby_job_id = $2
        "#,
        job.id.0,
        job.ashby_job_id.0,
        job.title,
        Json(&job.openness) as _,
        job.interview_plan_id.as_ref().map(InterviewPlanId::as_str),
        Json(&job.stages) as _,
        job.read_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What Ashby refused of a job is to be read again.
pub async fn distrust(db: impl PgExecutor<'_>, id: JobId) -> Result<(), StoreError> {
    sqlx::query!("UPDATE job SET read_at = 'epoch' WHERE id = $1", id.0)
        .execute(db)
        .await?;
    Ok(())
}

/// Takes a registration back. What comes for the job waits again.
pub async fn remove(db: impl PgExecutor<'_>, id: JobId) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM job WHERE id = $1", id.0)
        .execute(db)
        .await?;
    Ok(())
}

/// Every registered job of a connection.
pub async fn all(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
) -> Result<Vec<Job>, StoreError> {
    page(db, connection, "", i64::MAX).await
}

/// Registered jobs by Dover's id, at most `limit` beyond `after`.
pub async fn page(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    after: &str,
    limit: i64,
) -> Result<Vec<Job>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        SELECT id, dover_job_id, ashby_job_id, title, openness AS "openness: Json<Openness>", interview_plan_id,
               stages AS "stages: Json<Vec<PlanStage>>", mode, read_at, created_at
        FROM job WHERE connection_id = $1 AND dover_job_id > $2 ORDER BY dover_job_id LIMIT $3
        "#,
        connection.0,
        after,
        limit
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Job::from).collect())
}

/// The job that Dover's id, or the Ashby id, names.
pub async fn find(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    id: &str,
) -> Result<Option<Job>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        r#"
        SELECT id, dover_job_id, ashby_job_id, title, openness AS "openness: Json<Openness>", interview_plan_id,
               stages AS "stages: Json<Vec<PlanStage>>", mode, read_at, created_at
        FROM job WHERE connection_id = $1 AND (dover_job_id = $2 OR ashby_job_id = $2)
        ORDER BY dover_job_id = $2 DESC LIMIT 1
        "#,
        connection.0,
        id
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(Job::from))
}
