//! Writes that are about to be made, or whose outcome is not known. Recorded before the call and removed with its
//! outcome, so that a crash between the two is found and looked into, never repeated blindly.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{PgExecutor, types::Json};
use uuid::Uuid;

use super::StoreError;
use crate::{
    ids::{
        ApplicationId, ArchiveReasonId, AshbyJobId, CandidateId, ConnectionId, FlushId, LeaseToken,
        ProspectId, StageId,
    },
    plan::says::DoverSays,
};

/// What was about to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum Intended {
    /// Make the candidate.
    CreateCandidate {
        /// Keyed hashes, in hex, of the addresses that were sent: what Dover says of them may change while it is in doubt.
        #[serde(default)]
        keys: Vec<String>,
    },
    /// Make the application of a candidate that exists.
    CreateApplication {
        /// Whose.
        candidate: CandidateId,
        /// For which job.
        job: AshbyJobId,
    },
    /// Put an application into a stage.
    ChangeStage {
        /// What.
        application: ApplicationId,
        /// Where to.
        stage: StageId,
        /// With which archive reason.
        #[serde(default)]
        reason: Option<ArchiveReasonId>,
    },
}

/// A recorded intent.
#[derive(Clone, Debug)]
pub struct Intent {
    /// For which prospect.
    pub prospect: ProspectId,
    /// What.
    pub intended: Intended,
    /// The Dover time that it applies.
    pub dover_at: DateTime<Utc>,
    /// When it was recorded, just before the call.
    pub recorded_at: DateTime<Utc>,
}

/// Records an intent of `flush`, and beside it what Ashby holds before, under a lease; one that stands is replaced.
/// `LeaseLost` when another holds the lease: the intent that stands may be theirs.
pub async fn record(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    flush: FlushId,
    lease: LeaseToken,
    intent: &Intent,
) -> Result<(), StoreError> {
    let changed = match &intent.intended {
        Intended::ChangeStage { application, .. } => Some(application.as_str()),
        Intended::CreateCandidate { .. } | Intended::CreateApplication { .. } => None,
    };
    let done = sqlx::query!(
        r#"
        WITH held AS (SELECT id FROM connection WHERE id = $2 AND lease_token = $6 FOR SHARE)
        INSERT INTO intent (prospect_id, connection_id, step, dover_at, recorded_at, flush_id, before)
        SELECT $1, held.id, $3, $4, $5, $7,
               -- As `plan::undo::Image` reads it.
               (SELECT jsonb_build_object('stage', stage_id, 'status', status, 'archive_reason', archive_reason_id,
                                          'source', source_id)
                FROM ashby_application WHERE connection_id = $2 AND id = $8)
        FROM held
        ON CONFLICT (prospect_id) DO UPDATE
        SET step = excluded.step, dover_at = excluded.dover_at, recorded_at = excluded.recorded_at,
            flush_id = excluded.flush_id, before = excluded.before
        "#,
        intent.prospect.0,
        connection.0,
        Json(&intent.intended) as _,
        intent.dover_at,
        intent.recorded_at,
        lease.0,
        flush.0,
        changed
    )
    .execute(db)
    .await?;
    if done.rows_affected() == 1 {
        Ok(())
    } else {
        Err(StoreError::LeaseLost)
    }
}

/// The outcome of the intent that was recorded at `recorded_at` is known. One that was recorded since stays.
pub async fn settled(
    db: impl PgExecutor<'_>,
    prospect: ProspectId,
    recorded_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "DELETE FROM intent WHERE prospect_id = $1 AND recorded_at = $2",
        prospect.0,
        recorded_at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Open intents of a connection, or of some of its prospects.
pub async fn open(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    of: Option<&[ProspectId]>,
) -> Result<Vec<Intent>, StoreError> {
    let of: Option<Vec<Uuid>> = of.map(|prospects| prospects.iter().map(|id| id.0).collect());
    let rows = sqlx::query!(
        r#"
        SELECT prospect_id, step AS "step: Json<Intended>", dover_at, recorded_at FROM intent
        WHERE connection_id = $1 AND ($2::uuid[] IS NULL OR prospect_id = ANY($2)) ORDER BY prospect_id
        "#,
        connection.0,
        of.as_deref()
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Intent {
            prospect: row.prospect_id.into(),
            intended: row.step.0,
            dover_at: row.dover_at,
            recorded_at: row.recorded_at,
        })
        .collect())
}

/// Who is to be created: what Dover says of them, and since when it has been intended.
pub async fn creating(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
) -> Result<Vec<(DoverSays, DateTime<Utc>)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        SELECT p.says AS "says: Json<DoverSays>", i.recorded_at FROM intent i JOIN prospect p ON p.id = i.prospect_id
        WHERE i.connection_id = $1 AND i.step->>'do' = 'create-candidate'
        "#,
        connection.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.says.0, row.recorded_at))
        .collect())
}
