//! Writes that are about to be made, or whose outcome is not known. Recorded before the call and removed with its
//! outcome, so that a crash between the two is found and looked into, never repeated blindly.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgExecutor, types::Json};
use uuid::Uuid;

use super::{StoreError, says::Kept};
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
    /// Since when its outcome has been looked for: by then the call was over.
    pub looked_for_since: Option<DateTime<Utc>>,
    /// How many creates of this prospect before it were taken not to have happened.
    pub given_up_before: i16,
}

/// Records an intent of `flush`, and beside it what Ashby holds before, under a lease; one that stands is replaced.
/// `LeaseLost` when another holds the lease: the intent that stands may be theirs. `Gone` when the person was erased, or
/// the prospect removed.
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
    let met = sqlx::query!(
        r#"
        WITH held AS (SELECT id FROM connection WHERE id = $2 AND lease_token = $6 FOR SHARE),
             whole AS (SELECT id FROM prospect WHERE id = $1 AND erasure_id IS NULL FOR KEY SHARE),
             kept AS (
                 INSERT INTO intent (prospect_id, connection_id, step, dover_at, recorded_at, flush_id, before)
                 SELECT whole.id, held.id, $3, $4, $5, $7,
                        -- As `plan::undo::Image` reads it.
                        (SELECT jsonb_build_object('stage', stage_id, 'status', status,
                                                   'archive_reason', archive_reason_id, 'source', source_id)
                         FROM ashby_application WHERE connection_id = $2 AND id = $8)
                 FROM held CROSS JOIN whole
                 ON CONFLICT (prospect_id) DO UPDATE
                 SET step = excluded.step, dover_at = excluded.dover_at, recorded_at = excluded.recorded_at,
                     flush_id = excluded.flush_id, before = excluded.before,
                     looked_for_since = NULL)
        SELECT EXISTS (SELECT FROM held) AS "is_held!", EXISTS (SELECT FROM whole) AS "is_whole!"
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
    .fetch_one(db)
    .await?;
    match (met.is_held, met.is_whole) {
        (true, true) => Ok(()),
        (false, _) => Err(StoreError::LeaseLost),
        (true, false) => Err(StoreError::Gone("the prospect")),
    }
}

/// Every create of unknown outcome counts as looked for from `now` on, where it does not yet.
pub async fn all_looked_for(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        UPDATE intent SET looked_for_since = $2
        WHERE connection_id = $1 AND looked_for_since IS NULL AND step->>'do' LIKE 'create-%'
        "#,
        connection.0,
        now
    )
    .execute(db)
    .await?;
    Ok(())
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
        SELECT prospect_id, step AS "step: Json<Intended>", dover_at, recorded_at, looked_for_since,
               creates_given_up AS given_up_before
        FROM intent JOIN prospect ON prospect.id = prospect_id
        WHERE intent.connection_id = $1 AND ($2::uuid[] IS NULL OR prospect_id = ANY($2)) ORDER BY prospect_id
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
            looked_for_since: row.looked_for_since,
            given_up_before: row.given_up_before,
        })
        .collect())
}

/// The outcome of the intent that was recorded at `recorded_at` is looked for, at `now` at the latest. Answers since when.
pub async fn looked_for(
    db: impl PgExecutor<'_>,
    prospect: ProspectId,
    recorded_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, StoreError> {
    let since = sqlx::query_scalar!(
        r#"
        UPDATE intent SET looked_for_since = coalesce(looked_for_since, $3)
        WHERE prospect_id = $1 AND recorded_at = $2 RETURNING looked_for_since AS "since!"
        "#,
        prospect.0,
        recorded_at,
        now
    )
    .fetch_optional(db)
    .await?;
    Ok(since.unwrap_or(now))
}

/// Takes a create not to have happened: it may be tried again.
pub async fn give_up(tx: &mut PgConnection, intent: &Intent) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE prospect SET creates_given_up = creates_given_up + 1 WHERE id = $1",
        intent.prospect.0
    )
    .execute(&mut *tx)
    .await?;
    settled(tx, intent.prospect, intent.recorded_at).await
}

/// Somebody says that these creates have not happened: they begin afresh. Those that were recorded since stay.
pub async fn refute(tx: &mut PgConnection, intents: &[Intent]) -> Result<(), StoreError> {
    let prospects: Vec<Uuid> = intents.iter().map(|intent| intent.prospect.0).collect();
    let recorded: Vec<_> = intents.iter().map(|intent| intent.recorded_at).collect();
    sqlx::query!(
        "UPDATE prospect SET creates_given_up = 0 WHERE id = ANY($1)",
        &prospects
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        r#"
        DELETE FROM intent USING unnest($1::uuid[], $2::timestamptz[]) AS r (prospect_id, recorded_at)
        WHERE intent.prospect_id = r.prospect_id AND intent.recorded_at = r.recorded_at
        "#,
        &prospects,
        &recorded
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Who is to be created: what Dover says of them now, and the intent.
pub async fn creating(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
) -> Result<Vec<(DoverSays, Intent)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        SELECT says AS "says: Kept", prospect_id, step AS "step: Json<Intended>", dover_at, recorded_at,
               looked_for_since, creates_given_up AS given_up_before
        FROM intent JOIN prospect ON prospect.id = prospect_id
        WHERE intent.connection_id = $1 AND step->>'do' = 'create-candidate'
        "#,
        connection.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let intent = Intent {
                prospect: row.prospect_id.into(),
                intended: row.step.0,
                dover_at: row.dover_at,
                recorded_at: row.recorded_at,
                looked_for_since: row.looked_for_since,
                given_up_before: row.given_up_before,
            };
            (row.says.0, intent)
        })
        .collect())
}
