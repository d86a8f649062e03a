//! Decisions, as they were made: what Dover said, what Ashby held, the rule, the sentence and the calls.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{PgExecutor, types::Json};
use uuid::Uuid;

use super::StoreError;
use crate::ids::{ConnectionId, DecisionId, FlushId, ProspectId};

/// A decision.
#[derive(Clone, Debug)]
pub struct Decision {
    /// Its id.
    pub id: DecisionId,
    /// On which prospect.
    pub prospect: ProspectId,
    /// In which flush.
    pub flush: FlushId,
    /// When.
    pub decided_at: DateTime<Utc>,
    /// What was done, in a word.
    pub action: String,
    /// Why: the code.
    pub reason: String,
    /// Why: the sentence.
    pub sentence: String,
    /// The number of the rule.
    pub rule: i16,
    /// What Dover said.
    pub dover: Value,
    /// What Ashby held.
    pub ashby: Value,
    /// The calls that were made.
    pub calls: Value,
    /// The settings that it rested on.
    pub settings: Value,
}

struct Row {
    id: Uuid,
    prospect_id: Uuid,
    flush_id: Uuid,
    decided_at: DateTime<Utc>,
    action: String,
    reason: String,
    sentence: String,
    rule: i16,
    dover: Value,
    ashby: Value,
    calls: Value,
    settings: Value,
}

impl From<Row> for Decision {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.into(),
            prospect: row.prospect_id.into(),
            flush: row.flush_id.into(),
            decided_at: row.decided_at,
            action: row.action,
            reason: row.reason,
            sentence: row.sentence,
            rule: row.rule,
            dover: row.dover,
            ashby: row.ashby,
            calls: row.calls,
            settings: row.settings,
        }
    }
}

/// Records the decisions of one flush, except those on a prospect that is gone; none where the flush is.
pub async fn record(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    decisions: &[Decision],
) -> Result<(), StoreError> {
    let Some(Decision { flush, .. }) = decisions.first() else {
        return Ok(());
    };
    debug_assert!(decisions.iter().all(|it| it.flush == *flush));
    let ids: Vec<Uuid> = decisions.iter().map(|it| it.id.0).collect();
    let prospects: Vec<Uuid> = decisions.iter().map(|it| it.prospect.0).collect();
    let times: Vec<DateTime<Utc>> = decisions.iter().map(|it| it.decided_at).collect();
    let actions: Vec<&str> = decisions.iter().map(|it| it.action.as_str()).collect();
    let reasons: Vec<&str> = decisions.iter().map(|it| it.reason.as_str()).collect();
    let sentences: Vec<&str> = decisions.iter().map(|it| it.sentence.as_str()).collect();
    let rules: Vec<i16> = decisions.iter().map(|it| it.rule).collect();
    let dover: Vec<Json<&Value>> = decisions.iter().map(|it| Json(&it.dover)).collect();
    let ashby: Vec<Json<&Value>> = decisions.iter().map(|it| Json(&it.ashby)).collect();
    let calls: Vec<Json<&Value>> = decisions.iter().map(|it| Json(&it.calls)).collect();
    let settings: Vec<Json<&Value>> = decisions.iter().map(|it| Json(&it.settings)).collect();
    sqlx::query!(
        r#"
        -- Once a statement, in place of references that are checked row by row. Locked as those do.
        WITH whose AS (
            SELECT id FROM prospect WHERE id = ANY($4) ORDER BY id FOR KEY SHARE
        ), made_in AS (
            SELECT id FROM flush WHERE id = $2 FOR KEY SHARE
        )
        INSERT INTO decision (id, connection_id, prospect_id, flush_id, decided_at, action, reason, sentence, rule,
                              dover, ashby, calls, settings)
        SELECT d.id, $1, whose.id, made_in.id, decided_at, action, reason, sentence, rule, dover, ashby, calls, settings
        FROM unnest($3::uuid[], $4::uuid[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::smallint[],
                    $10::jsonb[], $11::jsonb[], $12::jsonb[], $13::jsonb[])
             AS d (id, prospect_id, decided_at, action, reason, sentence, rule, dover, ashby, calls, settings)
        JOIN whose ON whose.id = prospect_id CROSS JOIN made_in
        "#,
        connection.0,
        flush.0,
        &ids,
        &prospects,
        &times,
        &actions as _,
        &reasons as _,
        &sentences as _,
        &rules,
        &dover as _,
        &ashby as _,
        &calls as _,
        &settings as _
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The decisions of these ids.
pub async fn by_ids(
    db: impl PgExecutor<'_>,
    ids: &[DecisionId],
) -> Result<Vec<Decision>, StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"
        SELECT id, prospect_id, flush_id, decided_at, action, reason, sentence, rule, dover, ashby, calls, settings
        FROM decision WHERE id = ANY($1)
        "#,
        &ids
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Decision::from).collect())
}

/// The decisions of a flush on whom the brake holds, in order, at most `limit` beyond `after`.
pub async fn held(
    db: impl PgExecutor<'_>,
    flush: FlushId,
    after: DecisionId,
    limit: i64,
) -> Result<Vec<Decision>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        SELECT id, prospect_id, flush_id, decided_at, action, reason, sentence, rule, dover, ashby, calls, settings
        FROM decision WHERE flush_id = $1 AND reason = 'held-by-brake' AND id > $2 ORDER BY id LIMIT $3
        "#,
        flush.0,
        after.0,
        limit
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Decision::from).collect())
}

/// The decisions on a prospect, latest first, at most `limit`.
pub async fn of_prospect(
    db: impl PgExecutor<'_>,
    prospect: ProspectId,
    limit: i64,
) -> Result<Vec<Decision>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        SELECT id, prospect_id, flush_id, decided_at, action, reason, sentence, rule, dover, ashby, calls, settings
        FROM decision WHERE prospect_id = $1 ORDER BY id DESC LIMIT $2
        "#,
        prospect.0,
        limit
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Decision::from).collect())
}
