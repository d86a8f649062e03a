//! Which notes are owed: taken in with the fold and with what was done, and let go of.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::EventKey;
use crate::{
    ids::{ConnectionId, ProspectId, StageId},
    plan::notes::{Dropped, Event},
    store::StoreError,
};

/// Whether a note is wanted upon anything, on whatever layer of the connection.
pub async fn is_wanted(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
) -> Result<bool, StoreError> {
    let found = sqlx::query_scalar!(
        r#"
        SELECT EXISTS (SELECT FROM setting WHERE connection_id = $1 AND key = 'notes.on' AND value <> '[]') AS "found!"
        "#,
        connection.0
    )
    .fetch_one(db)
    .await?;
    Ok(found)
}

/// An activity that a delivery tells of.
#[derive(Clone, Debug)]
pub struct Told {
    /// Of whom.
    pub prospect: ProspectId,
    /// Which.
    pub key: EventKey,
    /// Of what kind.
    pub event: Event,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// The delivery.
    pub delivery: i64,
    /// The Dover time of the delivery.
    pub said_at: DateTime<Utc>,
}

/// Takes in what was told: each activity of a prospect once. Of several tellings the later one counts, as long as the note is
/// not written; one that was dropped is owed again, to be judged anew.
pub async fn fold(
    tx: &mut PgConnection,
    connection: ConnectionId,
    told: &[Told],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let of = |told: &Told| told.prospect.0;
    let prospects: Vec<Uuid> = told.iter().map(of).collect();
    let events: Vec<String> = told.iter().map(|told| told.key.0.clone()).collect();
    let kinds: Vec<String> = told
        .iter()
        .map(|told| told.event.word().to_owned())
        .collect();
    let at: Vec<DateTime<Utc>> = told.iter().map(|told| told.at).collect();
    let deliveries: Vec<i64> = told.iter().map(|told| told.delivery).collect();
    let said: Vec<DateTime<Utc>> = told.iter().map(|told| told.said_at).collect();
    sqlx::query!(
        r#"
        INSERT INTO note (prospect_id, event, connection_id, kind, happened_at, delivery_id, said_at, noted_at)
        SELECT DISTINCT ON (prospect, event) prospect, event, $1, kind, at, delivery, said, $8
        FROM unnest($2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::bigint[], $7::timestamptz[])
             AS t (prospect, event, kind, at, delivery, said)
        ORDER BY prospect, event, said DESC, delivery DESC
        ON CONFLICT (prospect_id, event) DO UPDATE
        SET kind = excluded.kind, happened_at = excluded.happened_at, delivery_id = excluded.delivery_id,
            said_at = excluded.said_at, noted_at = excluded.noted_at, state = 'owed', dropped_because = NULL
        WHERE note.state IN ('owed', 'dropped') AND note.deed IS NULL
          AND note.dropped_because IS DISTINCT FROM 'vouched-for'
          AND (note.said_at, note.delivery_id) <= (excluded.said_at, excluded.delivery_id)
        "#,
        connection.0,
        &prospects,
        &events,
        &kinds,
        &at,
        &deliveries,
        &said,
        now
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// The write that was intended for a prospect at `intended_at` was done: owes a note upon it, once, where `events` names its
/// kind. Comes before the intent is settled. `to`: the stage where it left the application. What an undo does is none.
pub async fn deed(
    db: impl PgExecutor<'_>,
    prospect: ProspectId,
    intended_at: DateTime<Utc>,
    to: Option<&StageId>,
    events: &[Event],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let events: Vec<String> = events.iter().map(|event| event.word().to_owned()).collect();
    sqlx::query!(
        r#"
        INSERT INTO note (prospect_id, event, connection_id, kind, happened_at, deed, noted_at)
        SELECT done.prospect_id, 'deed:' || (extract(epoch FROM $2::timestamptz) * 1000000)::bigint, done.connection_id,
               done.kind, done.dover_at, done.deed, $5
        FROM (
            SELECT i.prospect_id, i.connection_id, i.dover_at,
                   CASE WHEN i.step->>'do' = 'create-application' THEN 'created'
                        WHEN i.step->>'reason' IS NULL THEN 'stage_changed' ELSE 'archived' END AS kind,
                   jsonb_build_object('from', i.before->>'stage', 'to', coalesce(i.step->>'stage', $3::text),
                                      'reason', i.step->>'reason') AS deed
            FROM intent i JOIN flush f ON f.id = i.flush_id
            WHERE i.prospect_id = $1 AND i.recorded_at = $2 AND f.undoes IS NULL
              AND i.step->>'do' IN ('create-application', 'change-stage')
        ) AS done
        WHERE done.kind = ANY($4)
        ON CONFLICT (prospect_id, event) DO NOTHING
        "#,
        prospect.0,
        intended_at,
        to.map(StageId::as_str),
        &events,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Lets go of notes that are owed, each for its reason.
pub async fn drop_all(
    db: impl PgExecutor<'_>,
    prospect: ProspectId,
    notes: &[(EventKey, Dropped)],
) -> Result<(), StoreError> {
    let events: Vec<String> = notes.iter().map(|(key, _)| key.0.clone()).collect();
    let because: Vec<String> = notes.iter().map(|(_, why)| why.word().to_owned()).collect();
    sqlx::query!(
        r#"
        UPDATE note SET state = 'dropped', dropped_because = d.because
        FROM unnest($2::text[], $3::text[]) AS d (event, because)
        WHERE note.prospect_id = $1 AND note.event = d.event AND note.state = 'owed'
        "#,
        prospect.0,
        &events,
        &because
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Gives the notes of each first prospect to the second, where that has none upon the same.
pub async fn hand_over(
    tx: &mut PgConnection,
    from: &[Uuid],
    to: &[Uuid],
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        UPDATE note SET prospect_id = m.to_id FROM unnest($1::uuid[], $2::uuid[]) AS m (from_id, to_id)
        WHERE note.prospect_id = m.from_id
          AND NOT EXISTS (SELECT FROM note o WHERE o.prospect_id = m.to_id AND o.event = note.event)
        "#,
        from,
        to
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Whether it is not known of a note of these prospects whether it was written.
pub async fn in_doubt(
    db: impl PgExecutor<'_>,
    prospects: &[ProspectId],
) -> Result<bool, StoreError> {
    let ids: Vec<Uuid> = prospects.iter().map(|id| id.0).collect();
    let found = sqlx::query_scalar!(
        r#"
        SELECT EXISTS (SELECT FROM note WHERE prospect_id = ANY($1) AND state = 'intended') AS "found!"
        "#,
        &ids
    )
    .fetch_one(db)
    .await?;
    Ok(found)
}

/// Forgets the notes of prospects that were not written. Of those that were, ids and times stay, so that none is written
/// again.
pub async fn forget(tx: &mut PgConnection, prospects: &[Uuid]) -> Result<(), StoreError> {
    sqlx::query!(
        "DELETE FROM note WHERE prospect_id = ANY($1) AND state IN ('owed', 'dropped')",
        prospects
    )
    .execute(tx)
    .await?;
    Ok(())
}
