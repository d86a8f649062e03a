//! The exclusion list: who is on an imported one, the rules over what Ashby holds, and what these ask of the mirror.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sqlx::{PgConnection, PgExecutor, types::Json};

use super::{
    StoreError,
    audit::{By, Edit, What, keep},
    setting::Whose,
};
use crate::{
    ids::{CandidateId, ConnectionId, DoverJobId, ExclusionImportId},
    plan::{exclusion::Rules, settings::layers::Changed},
};

/// A row of a list in force.
#[derive(Clone, Debug)]
pub struct Row {
    /// Which list.
    pub import: ExclusionImportId,
    /// What it is called.
    pub list: String,
    /// Since when it is in force.
    pub imported_at: DateTime<Utc>,
    /// The only job that it counts for.
    pub job: Option<DoverJobId>,
    /// The line of the file.
    pub line: i64,
}

/// The rows that have one of these hashes, in the lists of the connection that are in force; older lists first.
pub async fn rows(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    hashes: &[Vec<u8>],
) -> Result<HashMap<Vec<u8>, Vec<Row>>, StoreError> {
    let rows = sqlx::query!(
        r#"
        SELECT k.key_hash, k.line, i.id, i.name, i.in_force_at AS "in_force_at!", i.dover_job_id
        FROM exclusion_import i JOIN exclusion_key k ON k.import_id = i.id
        WHERE i.connection_id = $1 AND i.status = 'in-force' AND k.key_hash = ANY($2)
        ORDER BY i.id
        "#,
        connection.0,
        hashes
    )
    .fetch_all(db)
    .await?;
    let mut found: HashMap<Vec<u8>, Vec<Row>> = HashMap::new();
    for row in rows {
        found.entry(row.key_hash).or_default().push(Row {
            import: row.id.into(),
            list: row.name,
            imported_at: row.in_force_at,
            job: row.dover_job_id.map(DoverJobId),
            line: row.line,
        });
    }
    Ok(found)
}

/// The rules of a connection.
#[derive(Clone, Debug, Default)]
pub struct InForce {
    /// They; none where nobody has set any.
    pub rules: Rules,
    /// When they were last changed, and by whom.
    pub changed: Option<Changed>,
}

/// The rules of a connection.
pub async fn rules(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
) -> Result<InForce, StoreError> {
    let row = sqlx::query!(
        r#"SELECT rules AS "rules: Json<Rules>", changed_at, changed_by FROM exclusion_rules WHERE connection_id = $1"#,
        connection.0
    )
    .fetch_optional(db)
    .await?;
    let in_force = row.map(|row| InForce {
        rules: row.rules.0,
        changed: Some(Changed {
            at: row.changed_at,
            by: row.changed_by,
        }),
    });
    Ok(in_force.unwrap_or_default())
}

/// Keeps the rules of a connection, and that they were changed. Answers whether they were: what is as it was leaves nothing
/// behind.
pub async fn set_rules(
    tx: &mut PgConnection,
    connection: ConnectionId,
    rules: &Rules,
    by: By<'_>,
) -> Result<bool, StoreError> {
    let before = sqlx::query_scalar!(
        r#"SELECT rules AS "rules: Json<Rules>" FROM exclusion_rules WHERE connection_id = $1 FOR UPDATE"#,
        connection.0
    )
    .fetch_optional(&mut *tx)
    .await?;
    let before = before.map(|Json(before)| before).unwrap_or_default();
    if before == *rules {
        return Ok(false);
    }
    sqlx::query!(
        r#"
        INSERT INTO exclusion_rules (connection_id, rules, changed_at, changed_by) VALUES ($1, $2, $3, $4)
        ON CONFLICT (connection_id) DO UPDATE
        SET rules = excluded.rules, changed_at = excluded.changed_at, changed_by = excluded.changed_by
        "#,
        connection.0,
        Json(rules) as _,
        by.at,
        by.name
    )
    .execute(&mut *tx)
    .await?;
    let (before, after) = (by_name(&before), by_name(rules));
    let edits: Vec<Edit<'_>> = after
        .iter()
        .filter(|(name, after)| before.get(*name) != Some(after))
        .map(|(name, after)| Edit {
            key: name,
            before: before.get(name).cloned().filter(|rule| !rule.is_null()),
            after: Some(after.clone()).filter(|rule| !rule.is_null()),
        })
        .collect();
    let (what, whose) = (What::ExclusionRule, Whose::Connection);
    keep(tx, Some(connection), what, &whose, &edits, by).await?;
    Ok(true)
}

/// Each rule under its name.
fn by_name(rules: &Rules) -> Map<String, Value> {
    match serde_json::to_value(rules) {
        Ok(Value::Object(rules)) => rules,
        _ => unreachable!("rules are written as an object"),
    }
}

/// Lets whoever was left alone because of the exclusion list be decided again. Answers how many.
pub async fn release(db: impl PgExecutor<'_>, connection: ConnectionId) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        r#"
        UPDATE prospect SET state = 'pending', revision = revision + 1
        WHERE connection_id = $1 AND state = 'skipped' AND reason = 'excluded'
        "#,
        connection.0
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// What the mirror has of a candidate's applications.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// One is a lead's or active.
    pub in_process: bool,
    /// One ended in a hire.
    pub hired: bool,
    /// When the last one was archived.
    pub archived_at: Option<DateTime<Utc>>,
    /// When one was last changed.
    pub touched_at: Option<DateTime<Utc>>,
}

/// What the mirror has of these candidates' applications. Those that the service made count for a hire alone, as long as they
/// are in a Lead stage.
pub async fn held(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    candidates: &[String],
) -> Result<HashMap<CandidateId, Held>, StoreError> {
    let rows = sqlx::query!(
        r#"
        SELECT a.candidate_id,
               coalesce(bool_or(a.status = 'Hired'), false) AS "hired!",
               coalesce(bool_or(a.status IN ('Lead', 'Active')) FILTER (WHERE NOT found.sourced), false) AS "in_process!",
               -- Of one that was not seen since the time is kept, the last change is the latest it can be.
               max(coalesce(a.archived_at, a.updated_at)) FILTER (WHERE NOT found.sourced AND a.status = 'Archived')
                   AS archived_at,
               max(a.updated_at) FILTER (WHERE NOT found.sourced) AS touched_at
        FROM ashby_application a
        CROSS JOIN LATERAL (
            SELECT a.status = 'Lead' AND EXISTS (
                SELECT FROM prospect p WHERE p.connection_id = a.connection_id AND p.application_id = a.id
                                         AND p.application_made_at IS NOT NULL) AS sourced
        ) AS found
        WHERE a.connection_id = $1 AND a.candidate_id = ANY($2) AND NOT a.gone
        GROUP BY a.candidate_id
        "#,
        connection.0,
        candidates
    )
    .fetch_all(db)
    .await?;
    let held = rows.into_iter().map(|row| {
        let held = Held {
            in_process: row.in_process,
            hired: row.hired,
            archived_at: row.archived_at,
            touched_at: row.touched_at,
        };
        (CandidateId(row.candidate_id), held)
    });
    Ok(held.collect())
}

/// Which of these traits candidates have.
pub async fn traits(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    candidates: &[String],
    asked: &[Vec<u8>],
) -> Result<Vec<(CandidateId, Vec<u8>)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        SELECT p.candidate_id, t.hash AS "hash!" FROM ashby_person p CROSS JOIN LATERAL unnest(p.traits) AS t (hash)
        WHERE p.connection_id = $1 AND p.candidate_id = ANY($2) AND t.hash = ANY($3)
        "#,
        connection.0,
        candidates,
        asked
    )
    .fetch_all(db)
    .await?;
    let found = rows.into_iter();
    Ok(found
        .map(|row| (CandidateId(row.candidate_id), row.hash))
        .collect())
}
