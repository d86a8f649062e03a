//! Jobs whose part of a flush was stopped: what was asked, who is held by it, and what was answered.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgExecutor};
use utoipa::ToSchema;
use uuid::Uuid;

use super::StoreError;
use crate::{
    ids::{AshbyJobId, ConnectionId, DoverJobId, FlushId, ProspectId},
    plan::{
        Action,
        brake::{Answer, Would},
    },
};

/// What became of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum QuestionStatus {
    /// Nobody has answered.
    Waiting,
    /// An admin let it go on.
    Approved,
    /// An admin said no.
    Refused,
    /// The job came within its limits, and went on by itself.
    Withdrawn,
}

impl QuestionStatus {
    /// The word of the HTTP contract.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Approved => "approved",
            Self::Refused => "refused",
            Self::Withdrawn => "withdrawn",
        }
    }

    fn parse(word: &str) -> Result<Self, StoreError> {
        match word {
            "waiting" => Ok(Self::Waiting),
            "approved" => Ok(Self::Approved),
            "refused" => Ok(Self::Refused),
            "withdrawn" => Ok(Self::Withdrawn),
            _ => Err(StoreError::Unreadable {
                what: "the status of a stopped job",
                detail: word.to_owned(),
            }),
        }
    }
}

/// A job's part of a flush that was stopped.
#[derive(Clone, Debug)]
pub struct Question {
    /// In which flush.
    pub flush: FlushId,
    /// Which job.
    pub dover_job_id: DoverJobId,
    /// Its title.
    pub title: String,
    /// What was held.
    pub would: Would,
    /// The job's active applications then.
    pub active: u32,
    /// The setting that was exceeded.
    pub exceeded: String,
    /// What it was set to.
    pub limit: f64,
    /// When it was stopped.
    pub asked_at: DateTime<Utc>,
    /// What became of it.
    pub status: QuestionStatus,
    /// Since when that is so.
    pub decided_at: Option<DateTime<Utc>>,
    /// Who answered.
    pub decided_by: Option<String>,
}

struct Row {
    flush_id: Uuid,
    dover_job_id: String,
    title: String,
    creates: i32,
    moves: i32,
    archives: i32,
    active: i32,
    exceeded: String,
    exceeded_limit: f64,
    asked_at: DateTime<Utc>,
    status: String,
    decided_at: Option<DateTime<Utc>>,
    decided_by: Option<String>,
}

impl TryFrom<Row> for Question {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            flush: row.flush_id.into(),
            dover_job_id: row.dover_job_id.into(),
            title: row.title,
            would: would(row.creates.into(), row.moves.into(), row.archives.into()),
            active: figure(row.active.into()),
            exceeded: row.exceeded,
            limit: row.exceeded_limit,
            asked_at: row.asked_at,
            status: QuestionStatus::parse(&row.status)?,
            decided_at: row.decided_at,
            decided_by: row.decided_by,
        })
    }
}

fn figure(count: i64) -> u32 {
    u32::try_from(count.max(0)).unwrap_or(u32::MAX)
}

fn would(creates: i64, moves: i64, archives: i64) -> Would {
    Would {
        creates: figure(creates),
        moves: figure(moves),
        archives: figure(archives),
    }
}

fn stored(figure: u32) -> i32 {
    i32::try_from(figure).unwrap_or(i32::MAX)
}

/// Asks about a job. A question that stands for this flush and job stays as it is.
pub async fn ask(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    question: &Question,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        INSERT INTO brake_question (flush_id, connection_id, dover_job_id, title, creates, moves, archives, active,
                                    exceeded, exceeded_limit, asked_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        ON CONFLICT (flush_id, dover_job_id) DO NOTHING
        "#,
        question.flush.0,
        connection.0,
        question.dover_job_id.as_str(),
        question.title,
        stored(question.would.creates),
        stored(question.would.moves),
        stored(question.would.archives),
        stored(question.active),
        question.exceeded,
        question.limit,
        question.asked_at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A prospect that is held.
#[derive(Debug)]
pub struct Hold<'a> {
    /// Which.
    pub prospect: ProspectId,
    /// By the question of this flush.
    pub flush: FlushId,
    /// About its job.
    pub job: &'a DoverJobId,
    /// What would be done, in a word.
    pub action: Action,
    /// What would be done, exactly.
    pub deed: &'a str,
    /// When Dover said what it was decided on.
    pub said_at: DateTime<Utc>,
}

/// Holds a prospect; an older hold is replaced.
pub async fn hold(tx: &mut PgConnection, hold: &Hold<'_>) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        INSERT INTO brake_hold (prospect_id, flush_id, dover_job_id, action, deed, said_at) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (prospect_id) DO UPDATE
        SET flush_id = excluded.flush_id, dover_job_id = excluded.dover_job_id, action = excluded.action,
            deed = excluded.deed, said_at = excluded.said_at
        "#,
        hold.prospect.0,
        hold.flush.0,
        hold.job.as_str(),
        hold.action.word(),
        hold.deed,
        hold.said_at
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// A prospect is held no longer.
pub async fn let_go(tx: &mut PgConnection, prospect: ProspectId) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM brake_hold WHERE prospect_id = $1", prospect.0)
        .execute(tx)
        .await?;
    Ok(())
}

/// Which of these prospects were held, and what was answered, where it was.
pub async fn answers(
    db: impl PgExecutor<'_>,
    prospects: &[ProspectId],
) -> Result<HashMap<ProspectId, Option<Answer>>, StoreError> {
    let ids: Vec<Uuid> = prospects.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"
        SELECT h.prospect_id, h.deed, h.said_at, q.status
        FROM brake_hold h JOIN brake_question q USING (flush_id, dover_job_id) WHERE h.prospect_id = ANY($1)
        "#,
        &ids
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let is_approved = match QuestionStatus::parse(&row.status)? {
                QuestionStatus::Approved => Some(true),
                QuestionStatus::Refused => Some(false),
                QuestionStatus::Waiting | QuestionStatus::Withdrawn => None,
            };
            let answer = is_approved.map(|is_approved| Answer {
                is_approved,
                deed: row.deed,
                said_at: row.said_at,
            });
            Ok((row.prospect_id.into(), answer))
        })
        .collect()
}

/// What pending prospects of each job might come to, from above: how many there are, and of how many Dover says something
/// else than that they are active.
pub async fn potential(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
) -> Result<Vec<(DoverJobId, Would)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        SELECT dover_job_id, count(*) AS "all!", count(*) FILTER (WHERE status <> 'active') AS "over!"
        FROM prospect WHERE connection_id = $1 AND state = 'pending' GROUP BY dover_job_id
        "#,
        connection.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.dover_job_id.into(), would(0, row.all, row.over)))
        .collect())
}

/// What those who are held and unanswered would come to, job by job. Whoever has been archived or hired in Ashby meanwhile,
/// or deleted there, no longer counts.
pub async fn standing(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
) -> Result<Vec<(DoverJobId, Would)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        SELECT q.dover_job_id, count(h.prospect_id) FILTER (WHERE h.action = 'create') AS "creates!",
               count(a.id) FILTER (WHERE h.action = 'move') AS "moves!",
               count(a.id) FILTER (WHERE h.action = 'archive') AS "archives!"
        FROM brake_question q
        LEFT JOIN (brake_hold h JOIN prospect p ON p.id = h.prospect_id AND p.state = 'parked' AND p.reason = 'held-by-brake')
               ON h.flush_id = q.flush_id AND h.dover_job_id = q.dover_job_id
        LEFT JOIN ashby_application a ON a.connection_id = $1 AND a.id = p.application_id
               AND a.status IN ('Lead', 'Active') AND NOT a.gone
        WHERE q.connection_id = $1 AND q.status = 'waiting' GROUP BY q.dover_job_id
        "#,
        connection.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let would = would(row.creates, row.moves, row.archives);
            (row.dover_job_id.into(), would)
        })
        .collect())
}

/// How many active applications each of these jobs has.
pub async fn active(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    jobs: &[String],
) -> Result<HashMap<AshbyJobId, u32>, StoreError> {
    let rows = sqlx::query!(
        r#"
        SELECT job_id, count(*) AS "active!" FROM ashby_application
        WHERE connection_id = $1 AND job_id = ANY($2) AND status IN ('Lead', 'Active') AND NOT gone GROUP BY job_id
        "#,
        connection.0,
        jobs
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.job_id.into(), figure(row.active)))
        .collect())
}

/// Takes back what was asked about these jobs, and about nobody: who was held is decided again.
pub async fn withdraw(
    tx: &mut PgConnection,
    connection: ConnectionId,
    jobs: &[String],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        UPDATE prospect p SET state = 'pending', revision = p.revision + 1
        FROM brake_hold h JOIN brake_question q USING (flush_id, dover_job_id)
        WHERE h.prospect_id = p.id AND q.connection_id = $1 AND q.dover_job_id = ANY($2) AND q.status = 'waiting'
          AND p.state = 'parked' AND p.reason = 'held-by-brake'
        "#,
        connection.0,
        jobs
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        r#"
        UPDATE brake_question q SET status = 'withdrawn', decided_at = $3
        WHERE connection_id = $1 AND status = 'waiting'
          AND (dover_job_id = ANY($2)
               OR NOT EXISTS (SELECT FROM brake_hold h
                              WHERE h.flush_id = q.flush_id AND h.dover_job_id = q.dover_job_id))
        "#,
        connection.0,
        jobs,
        now
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Counts who is held in a flush that ends.
pub async fn count_held(tx: &mut PgConnection, flush: FlushId) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        UPDATE brake_question q SET creates = n.creates, moves = n.moves, archives = n.archives
        FROM (
            SELECT dover_job_id, count(*) FILTER (WHERE action = 'create')::int AS creates,
                   count(*) FILTER (WHERE action = 'move')::int AS moves,
                   count(*) FILTER (WHERE action = 'archive')::int AS archives
            FROM brake_hold WHERE flush_id = $1 GROUP BY dover_job_id
        ) AS n
        WHERE q.flush_id = $1 AND q.dover_job_id = n.dover_job_id
        "#,
        flush.0
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// What was asked in these flushes.
pub async fn of_flushes(
    db: impl PgExecutor<'_>,
    flushes: &[FlushId],
) -> Result<Vec<Question>, StoreError> {
    let ids: Vec<Uuid> = flushes.iter().map(|id| id.0).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"
        SELECT flush_id, dover_job_id, title, creates, moves, archives, active, exceeded, exceeded_limit, asked_at, status,
               decided_at, decided_by
        FROM brake_question WHERE flush_id = ANY($1) ORDER BY flush_id, dover_job_id
        "#,
        &ids
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Question::try_from).collect()
}

/// The same of one flush, for whoever is about to answer: nobody else does meanwhile.
pub async fn lock(tx: &mut PgConnection, flush: FlushId) -> Result<Vec<Question>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        SELECT flush_id, dover_job_id, title, creates, moves, archives, active, exceeded, exceeded_limit, asked_at, status,
               decided_at, decided_by
        FROM brake_question WHERE flush_id = $1 ORDER BY dover_job_id FOR UPDATE
        "#,
        flush.0
    )
    .fetch_all(tx)
    .await?;
    rows.into_iter().map(Question::try_from).collect()
}

/// An answer, to be kept.
#[derive(Debug)]
pub struct Answered<'a> {
    /// To the question of this flush.
    pub flush: FlushId,
    /// About these jobs.
    pub jobs: &'a [String],
    /// What it was.
    pub status: QuestionStatus,
    /// Who gave it.
    pub by: &'a str,
    /// When.
    pub at: DateTime<Utc>,
}

/// Keeps an answer. Who was held is decided again, in the light of it.
pub async fn answer(tx: &mut PgConnection, answered: &Answered<'_>) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        UPDATE brake_question SET status = $3, decided_at = $4, decided_by = $5
        WHERE flush_id = $1 AND dover_job_id = ANY($2) AND status = 'waiting'
        "#,
        answered.flush.0,
        answered.jobs,
        answered.status.word(),
        answered.at,
        answered.by
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        r#"
        UPDATE prospect p SET state = 'pending', revision = p.revision + 1
        FROM brake_hold h
        WHERE h.prospect_id = p.id AND h.flush_id = $1 AND h.dover_job_id = ANY($2)
          AND p.state = 'parked' AND p.reason = 'held-by-brake'
        "#,
        answered.flush.0,
        answered.jobs
    )
    .execute(tx)
    .await?;
    Ok(())
}
