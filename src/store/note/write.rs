//! Writing a note once: an intent before the call, the outcome after it, and what is needed to look for one whose outcome is
//! not known.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

use super::EventKey;
use crate::{
    ids::{ConnectionId, LeaseToken, NoteId, ProspectId},
    plan::notes::Dropped,
    store::StoreError,
};

/// That a note is about to be written, or was and it is not known whether it took effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intended {
    /// When that was recorded, just before the call.
    pub at: DateTime<Utc>,
    /// By what it is known again.
    pub content_hash: String,
    /// Since when its outcome has been looked for: by then the call was over.
    pub looked_for_since: Option<DateTime<Utc>>,
    /// Whether somebody is asked what became of it.
    pub is_undecided: bool,
}

/// Records that a note is about to be written, under a lease. `LeaseLost` when another holds the lease. `Gone` when the note
/// is no longer owed, or the person was erased.
pub async fn intend(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    lease: LeaseToken,
    prospect: ProspectId,
    key: &EventKey,
    content_hash: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let met = sqlx::query!(
        r#"
        WITH held AS (SELECT id FROM connection WHERE id = $1 AND lease_token = $2 FOR SHARE),
             whole AS (SELECT id FROM prospect WHERE id = $3 AND erasure_id IS NULL FOR KEY SHARE),
             kept AS (
                 UPDATE note SET state = 'intended', intended_at = $6, content_hash = $5, looked_for_since = NULL
                 FROM held CROSS JOIN whole
                 WHERE note.prospect_id = whole.id AND note.event = $4 AND note.state = 'owed' RETURNING note.event)
        SELECT EXISTS (SELECT FROM held) AS "is_held!", EXISTS (SELECT FROM kept) AS "is_kept!"
        "#,
        connection.0,
        lease.0,
        prospect.0,
        key.0,
        content_hash,
        now
    )
    .fetch_one(db)
    .await?;
    match (met.is_held, met.is_kept) {
        (true, true) => Ok(()),
        (false, _) => Err(StoreError::LeaseLost),
        (true, false) => Err(StoreError::Gone("the note")),
    }
}

/// What was intended at `intended_at` surely was not written: it is owed as before. What was intended since stays.
pub async fn unsent(
    db: impl PgExecutor<'_>,
    prospect: ProspectId,
    key: &EventKey,
    intended_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        UPDATE note SET state = 'owed', intended_at = NULL, content_hash = NULL, looked_for_since = NULL, undecided = false
        WHERE prospect_id = $1 AND event = $2 AND state = 'intended' AND intended_at = $3
        "#,
        prospect.0,
        key.0,
        intended_at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// It was written.
pub async fn written(
    tx: &mut PgConnection,
    prospect: ProspectId,
    key: &EventKey,
    note: &NoteId,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        UPDATE note SET state = 'written', note_id = $3, intended_at = NULL, content_hash = NULL, looked_for_since = NULL,
                        undecided = false
        WHERE prospect_id = $1 AND event = $2 AND state = 'intended'
        "#,
        prospect.0,
        key.0,
        note.as_str()
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Of these notes in Ashby, those that are known to be upon some event already.
pub async fn known(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    notes: &[String],
) -> Result<Vec<NoteId>, StoreError> {
    let known = sqlx::query_scalar!(
        r#"SELECT note_id AS "note_id!" FROM note WHERE connection_id = $1 AND note_id = ANY($2)"#,
        connection.0,
        notes
    )
    .fetch_all(db)
    .await?;
    Ok(known.into_iter().map(NoteId).collect())
}

/// Its outcome is looked for, at `now` at the latest. Answers since when.
pub async fn looked_for(
    db: impl PgExecutor<'_>,
    prospect: ProspectId,
    key: &EventKey,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, StoreError> {
    let since = sqlx::query_scalar!(
        r#"
        UPDATE note SET looked_for_since = coalesce(looked_for_since, $3)
        WHERE prospect_id = $1 AND event = $2 AND state = 'intended' RETURNING looked_for_since AS "since!"
        "#,
        prospect.0,
        key.0,
        now
    )
    .fetch_optional(db)
    .await?;
    Ok(since.unwrap_or(now))
}

/// Takes it not to have been written: it may be tried again.
pub async fn give_up(
    tx: &mut PgConnection,
    prospect: ProspectId,
    key: &EventKey,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        UPDATE note SET state = 'owed', given_up = given_up + 1, intended_at = NULL, content_hash = NULL,
                        looked_for_since = NULL
        WHERE prospect_id = $1 AND event = $2 AND state = 'intended'
        "#,
        prospect.0,
        key.0
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Somebody is asked what became of it.
pub async fn ask(
    db: impl PgExecutor<'_>,
    prospect: ProspectId,
    key: &EventKey,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE note SET undecided = true WHERE prospect_id = $1 AND event = $2 AND state = 'intended'",
        prospect.0,
        key.0
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Somebody says that the notes about which they were asked were not written: they begin afresh. Answers how many
/// those were.
pub async fn refute(db: impl PgExecutor<'_>, prospect: ProspectId) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        r#"
        UPDATE note SET state = 'owed', given_up = 0, intended_at = NULL, content_hash = NULL, looked_for_since = NULL,
                        undecided = false
        WHERE prospect_id = $1 AND undecided AND state = 'intended'
        "#,
        prospect.0
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Somebody says that the notes about which they were asked are there, or that they may stay away. Answers
/// how many those were.
pub async fn vouch(db: impl PgExecutor<'_>, prospect: ProspectId) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        r#"
        UPDATE note SET state = 'dropped', dropped_because = $2, intended_at = NULL, content_hash = NULL,
                        looked_for_since = NULL, undecided = false
        WHERE prospect_id = $1 AND undecided AND state = 'intended'
        "#,
        prospect.0,
        Dropped::VouchedFor.word()
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
