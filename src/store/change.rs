//! What flushes changed in Ashby: each application as it was before and as it was left, so that it can be put back. Bounded by
//! what is changed; goes with its flush.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor, types::Json};
use uuid::Uuid;

use super::{
    StoreError,
    mirror::{Known, Seen},
};
use crate::{
    ids::{ApplicationId, CandidateId, ConnectionId, DoverJobId, FlushId, ProspectId},
    plan::{
        brake::Would,
        undo::{Change, Image},
    },
};

impl Seen {
    /// The application as it can be put back; `None` where it stands nowhere that we know.
    pub fn image(&self) -> Option<Image> {
        let standing = self.standing.as_ref()?;
        Some(Image {
            stage: standing.stage.clone(),
            status: standing.status,
            archive_reason: self.archive_reason.clone(),
            source: self.source.clone(),
        })
    }
}

impl Known {
    /// The application as it can be put back; `None` where it stands nowhere that we know.
    pub fn image(&self) -> Option<Image> {
        let application = self.application.as_ref()?;
        Some(Image {
            stage: application.stage.clone(),
            status: application.status,
            archive_reason: application.archive_reason.clone(),
            source: self.source.clone(),
        })
    }
}

/// What the intent of a prospect that was recorded at `at` wanted was done: keeps it as a change of the flush that intended
/// it, and of an application that was made the time of that. Where that was an undo, what it put back counts as undone. Comes before the intent is settled, in the same transaction.
/// `after` is the application as it was left; `None` where only the candidate was created. Answers the undo that this was
/// part of, where it had ended before this was known.
pub async fn made(
    tx: &mut PgConnection,
    prospect: ProspectId,
    candidate: &CandidateId,
    after: Option<&Seen>,
    at: DateTime<Utc>,
) -> Result<Option<PutBack>, StoreError> {
    let image = after.and_then(Seen::image);
    let put_back = sqlx::query!(
        r#"
        WITH made AS (
            SELECT i.prospect_id, i.flush_id, i.before, i.step, f.undoes, f.status <> 'running' AS is_over,
                   i.step->>'do' = 'change-stage' AS is_change
            FROM intent i JOIN flush f ON f.id = i.flush_id WHERE i.prospect_id = $1 AND i.recorded_at = $2
        ), put_back AS (
            UPDATE flush_change c SET undone_by = m.flush_id FROM made m
            WHERE c.flush_id = m.undoes AND c.prospect_id = m.prospect_id
        ), since AS (
            UPDATE prospect SET application_made_at = $2 FROM made m
            WHERE prospect.id = m.prospect_id AND m.step->>'do' = 'create-application'
        ), kept AS (
            INSERT INTO flush_change (flush_id, prospect_id, action, changed_at, approved, candidate_id, application_id, before,
                                      after)
            SELECT flush_id, prospect_id,
                   CASE WHEN NOT is_change THEN 'create' WHEN step->>'reason' IS NULL THEN 'move' ELSE 'archive' END,
                   $2,
                   -- As `plan::brake::deed` spells it.
                   EXISTS (SELECT FROM brake_hold h JOIN brake_question q USING (flush_id, dover_job_id)
                           WHERE h.prospect_id = $1 AND q.status = 'approved'
                             AND h.deed IN ('move:' || (step->>'application') || ':' || (step->>'stage'),
                                            'archive:' || (step->>'application') || ':' || (step->>'stage') || ':'
                                                || (step->>'reason'))),
                   $3, $4, CASE WHEN is_change THEN before END, $5
            FROM made WHERE NOT is_change OR (before IS NOT NULL AND $5::jsonb IS NOT NULL)
            ON CONFLICT (flush_id, prospect_id) DO UPDATE
            SET application_id = excluded.application_id, after = excluded.after
        )
        SELECT flush_id AS "flush_id!", undoes AS "undoes!" FROM made WHERE undoes IS NOT NULL AND is_over
        "#,
        prospect.0,
        at,
        candidate.as_str(),
        after.map(|seen| seen.id.as_str()),
        image.map(Json) as _
    )
    .fetch_optional(tx)
    .await?;
    Ok(put_back.map(|row| PutBack {
        by: row.flush_id.into(),
        undoes: row.undoes.into(),
    }))
}

/// Keeps that a flush wrote something beside the stage, unless it did more to that prospect: an undo names it, for it cannot
/// take it back.
pub async fn added(
    tx: &mut PgConnection,
    flush: FlushId,
    prospect: ProspectId,
    candidate: &CandidateId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        INSERT INTO flush_change (flush_id, prospect_id, action, changed_at, candidate_id)
        VALUES ($1, $2, 'update', $3, $4) ON CONFLICT (flush_id, prospect_id) DO NOTHING
        "#,
        flush.0,
        prospect.0,
        now,
        candidate.as_str()
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// An undo that was carried out, and had ended before that was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PutBack {
    /// The undo.
    pub by: FlushId,
    /// The flush that it undoes.
    pub undoes: FlushId,
}

/// Something that a flush changed.
#[derive(Clone, Debug)]
pub struct Changed {
    /// On which prospect.
    pub prospect: ProspectId,
    /// What, in a word.
    pub action: String,
    /// When.
    pub changed_at: DateTime<Utc>,
    /// Who it is in Ashby.
    pub candidate: CandidateId,
    /// Their application; `None` where only the candidate was created.
    pub application: Option<ApplicationId>,
    /// As it was before; `None` where nothing was there.
    pub before: Option<Image>,
    /// As it was left.
    pub after: Option<Image>,
    /// The undo that put it back.
    pub undone_by: Option<FlushId>,
}

impl Changed {
    /// The change as the rules see it.
    pub fn as_change(&self) -> Change {
        match (&self.application, &self.before, &self.after) {
            (Some(application), Some(before), Some(after)) => Change::Changed {
                application: application.clone(),
                before: before.clone(),
                after: after.clone(),
            },
            _ => Change::Created,
        }
    }
}

struct Row {
    prospect_id: Uuid,
    action: String,
    changed_at: DateTime<Utc>,
    candidate_id: String,
    application_id: Option<String>,
    before: Option<Json<Image>>,
    after: Option<Json<Image>>,
    undone_by: Option<Uuid>,
}

impl From<Row> for Changed {
    fn from(row: Row) -> Self {
        Self {
            prospect: row.prospect_id.into(),
            action: row.action,
            changed_at: row.changed_at,
            candidate: row.candidate_id.into(),
            application: row.application_id.map(ApplicationId),
            before: row.before.map(|image| image.0),
            after: row.after.map(|image| image.0),
            undone_by: row.undone_by.map(FlushId),
        }
    }
}

/// What a flush changed, by prospect, at most `limit` beyond `after`.
pub async fn of_flush(
    db: impl PgExecutor<'_>,
    flush: FlushId,
    after: ProspectId,
    limit: i64,
) -> Result<Vec<Changed>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        SELECT prospect_id, action, changed_at, candidate_id, application_id, before AS "before: Json<Image>",
               after AS "after: Json<Image>", undone_by
        FROM flush_change WHERE flush_id = $1 AND prospect_id > $2 ORDER BY prospect_id LIMIT $3
        "#,
        flush.0,
        after.0,
        limit
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Changed::from).collect())
}

/// A change stands as it did before: nothing is left to undo.
pub async fn undone(
    db: impl PgExecutor<'_>,
    flush: FlushId,
    prospect: ProspectId,
    by: FlushId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE flush_change SET undone_by = $3 WHERE flush_id = $1 AND prospect_id = $2",
        flush.0,
        prospect.0,
        by.0
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What was moved and archived on each job by flushes that began after `since`, without what an admin approved and what was
/// undone.
pub async fn since(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    since: DateTime<Utc>,
) -> Result<Vec<(DoverJobId, Would)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        SELECT p.dover_job_id, count(*) FILTER (WHERE c.action = 'move') AS "moves!",
               count(*) FILTER (WHERE c.action = 'archive') AS "archives!"
        FROM flush f JOIN flush_change c ON c.flush_id = f.id JOIN prospect p ON p.id = c.prospect_id
        WHERE f.connection_id = $1 AND f.started_at > $2 AND f.trigger <> 'undo' AND c.undone_by IS NULL
          AND NOT c.approved AND c.action <> 'create'
        GROUP BY p.dover_job_id
        "#,
        connection.0,
        since
    )
    .fetch_all(db)
    .await?;
    let would = |moves, archives| Would {
        creates: 0,
        moves: u32::try_from(moves).unwrap_or(u32::MAX),
        archives: u32::try_from(archives).unwrap_or(u32::MAX),
    };
    Ok(rows
        .into_iter()
        .map(|row| (row.dover_job_id.into(), would(row.moves, row.archives)))
        .collect())
}
