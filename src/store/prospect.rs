//! Prospects: one Dover candidate on one Dover job, as folded, decided and linked.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgExecutor, types::Json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{StoreError, says::Kept};
use crate::{
    ids::{
        ApplicationId, CandidateId, ConnectionId, DecisionId, DoverCandidateId, DoverJobId,
        ProspectId,
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
    pub says: Arc<DoverSays>,
    /// Raised by whatever asks for another decision.
    pub revision: i64,
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
    /// Whether the person was erased at their request.
    pub is_erased: bool,
    /// The tag that they were given in Ashby.
    pub tagged_as: Option<String>,
}

struct Row {
    id: Uuid,
    dover_candidate_id: String,
    dover_job_id: String,
    says: Kept,
    revision: i64,
    state: String,
    reason: Option<String>,
    applied_at: Option<DateTime<Utc>>,
    candidate_id: Option<String>,
    application_id: Option<String>,
    last_decision_id: Option<Uuid>,
    is_erased: bool,
    tagged_as: Option<String>,
}

impl TryFrom<Row> for Prospect {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            dover_candidate_id: row.dover_candidate_id.into(),
            dover_job_id: row.dover_job_id.into(),
            says: Arc::new(row.says.0),
            revision: row.revision,
            state: State::parse(&row.state)?,
            reason: row.reason,
            applied_at: row.applied_at,
            candidate: row.candidate_id.map(CandidateId),
            application: row.application_id.map(ApplicationId),
            last_decision: row.last_decision_id.map(DecisionId),
            is_erased: row.is_erased,
            tagged_as: row.tagged_as,
        })
    }
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
        SELECT id, dover_candidate_id, dover_job_id, says AS "says: Kept", revision, state, reason, applied_at,
               candidate_id, application_id, last_decision_id, erasure_id IS NOT NULL AS "is_erased!", tagged_as
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

/// The same of one job.
pub async fn pending_of_job(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    job: &DoverJobId,
    after: ProspectId,
    limit: i64,
) -> Result<Vec<Prospect>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        SELECT id, dover_candidate_id, dover_job_id, says AS "says: Kept", revision, state, reason, applied_at,
               candidate_id, application_id, last_decision_id, erasure_id IS NOT NULL AS "is_erased!", tagged_as
        FROM prospect WHERE connection_id = $1 AND dover_job_id = $2 AND state = 'pending' AND id > $3 ORDER BY id LIMIT $4
        "#,
        connection.0,
        job.as_str(),
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
        SELECT id, dover_candidate_id, dover_job_id, says AS "says: Kept", revision, state, reason, applied_at,
               candidate_id, application_id, last_decision_id, erasure_id IS NOT NULL AS "is_erased!", tagged_as
        FROM prospect WHERE connection_id = $1 AND id = $2
        "#,
        connection.0,
        id.0
    )
    .fetch_optional(db)
    .await?;
    row.map(Prospect::try_from).transpose()
}

/// Several prospects, in any order.
pub async fn by_ids(
    db: impl PgExecutor<'_>,
    ids: &[ProspectId],
) -> Result<Vec<Prospect>, StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"
        SELECT id, dover_candidate_id, dover_job_id, says AS "says: Kept", revision, state, reason, applied_at,
               candidate_id, application_id, last_decision_id, erasure_id IS NOT NULL AS "is_erased!", tagged_as
        FROM prospect WHERE id = ANY($1)
        "#,
        &ids
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Prospect::try_from).collect()
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
    /// Only of whom Dover says this beside contact details: for each name the forms in which it may say so.
    pub fields: &'a [FieldFilter],
}

/// What Dover is to say under a name, in each form that it may take: as a text, in a list, as a number or a flag.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldFilter(pub Vec<serde_json::Value>);

/// Prospects in order, at most `limit` beyond `after`.
pub async fn list(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    filter: &Filter<'_>,
    after: ProspectId,
    limit: i64,
) -> Result<Vec<Prospect>, StoreError> {
    if filter.fields.is_empty() {
        list_all(db, connection, filter, after, limit).await
    } else {
        list_by_field(db, connection, filter, after, limit).await
    }
}

async fn list_all(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    filter: &Filter<'_>,
    after: ProspectId,
    limit: i64,
) -> Result<Vec<Prospect>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        SELECT id, dover_candidate_id, dover_job_id, says AS "says: Kept", revision, state, reason, applied_at,
               candidate_id, application_id, last_decision_id, erasure_id IS NOT NULL AS "is_erased!", tagged_as
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

/// The same of whom Dover says something beside contact details. A statement of its own, for the index of the first field.
async fn list_by_field(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    filter: &Filter<'_>,
    after: ProspectId,
    limit: i64,
) -> Result<Vec<Prospect>, StoreError> {
    let first = filter.fields.first();
    let mut forms = first.into_iter().flat_map(|first| first.0.clone());
    let (one, other) = (forms.next(), forms.next());
    let (third, fourth) = (forms.next(), forms.next());
    let all: Vec<&Vec<serde_json::Value>> = filter.fields.iter().map(|field| &field.0).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"
        SELECT id, dover_candidate_id, dover_job_id, says AS "says: Kept", revision, state, reason, applied_at,
               candidate_id, application_id, last_decision_id, erasure_id IS NOT NULL AS "is_erased!", tagged_as
        FROM prospect
        WHERE connection_id = $1 AND id > $2
          AND ($3::text IS NULL OR dover_candidate_id = $3)
          AND ($4::text IS NULL OR dover_job_id = $4)
          AND ($5::text IS NULL OR state = $5)
          AND ($6::text IS NULL OR (reason = $6 AND state <> 'pending'))
          AND (fields @> $8 OR fields @> $9 OR fields @> $10 OR fields @> $11)
          AND NOT EXISTS (SELECT FROM jsonb_array_elements($12::jsonb) AS f (forms) WHERE NOT EXISTS (
              SELECT FROM jsonb_array_elements(f.forms) AS o (form) WHERE fields @> o.form))
        ORDER BY id LIMIT $7
        "#,
        connection.0,
        after.0,
        filter.dover_candidate_id,
        filter.dover_job_id,
        filter.state.map(State::word),
        filter.reason,
        limit,
        one,
        other,
        third,
        fourth,
        Json(all) as _
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
    /// The revision that it was decided on.
    pub revision: i64,
    /// Where it is now.
    pub state: State,
    /// The code of the reason.
    pub reason: &'a str,
    /// The decision.
    pub decision: DecisionId,
    /// The Dover time that was applied, if any was.
    pub applied_at: Option<DateTime<Utc>>,
    /// Who it was found to be in Ashby: remembered, unless something asked for another decision meanwhile.
    pub met: Option<(&'a CandidateId, &'a ApplicationId)>,
}

/// What became of a prospect while it was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meanwhile {
    /// Nothing.
    Nothing,
    /// Something asked for another decision: it stays pending.
    Overtaken,
    /// It was given to another prospect.
    Gone,
}

/// Locks prospects, in the one order in which whoever folds locks them too: neither waits for the other for ever.
pub async fn hold(tx: &mut PgConnection, prospects: &[ProspectId]) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = prospects.iter().map(|id| id.0).collect();
    sqlx::query!(
        "SELECT id FROM prospect WHERE id = ANY($1) ORDER BY id FOR UPDATE",
        &ids
    )
    .fetch_all(tx)
    .await?;
    Ok(())
}

/// Keeps what decisions leave, unless something asked for another one meanwhile: then the prospect stays pending. Answers
/// what became of each, in the same order.
pub async fn decided(
    tx: &mut PgConnection,
    decided: &[Decided<'_>],
) -> Result<Vec<Meanwhile>, StoreError> {
    let ids: Vec<Uuid> = decided.iter().map(|it| it.id.0).collect();
    let revisions: Vec<i64> = decided.iter().map(|it| it.revision).collect();
    let states: Vec<&str> = decided.iter().map(|it| it.state.word()).collect();
    let reasons: Vec<&str> = decided.iter().map(|it| it.reason).collect();
    let decisions: Vec<Uuid> = decided.iter().map(|it| it.decision.0).collect();
    let applied: Vec<Option<DateTime<Utc>>> = decided.iter().map(|it| it.applied_at).collect();
    let met = decided.iter().map(|it| it.met);
    let (candidates, applications): (Vec<Option<&str>>, Vec<Option<&str>>) = met
        .map(|met| match met {
            Some((candidate, application)) => {
                (Some(candidate.as_str()), Some(application.as_str()))
            }
            None => (None, None),
        })
        .unzip();
    let rows = sqlx::query!(
        r#"
        UPDATE prospect p
        SET state = CASE WHEN p.revision = d.revision THEN d.state ELSE 'pending' END, reason = d.reason,
            last_decision_id = d.decision_id, applied_at = greatest(p.applied_at, d.applied_at),
            candidate_id = CASE WHEN p.revision = d.revision THEN coalesce(d.candidate_id, p.candidate_id)
                                ELSE p.candidate_id END,
            application_id = CASE WHEN p.revision = d.revision THEN coalesce(d.application_id, p.application_id)
                                  ELSE p.application_id END,
            application_made_at = CASE WHEN p.revision = d.revision AND d.application_id IS NOT NULL
                                            AND d.application_id IS DISTINCT FROM p.application_id THEN NULL
                                       ELSE p.application_made_at END,
            creates_given_up = CASE WHEN p.revision = d.revision AND d.candidate_id IS NOT NULL THEN 0
                                    ELSE p.creates_given_up END,
            -- A decision took all of them into account, unless it left the prospect to be decided again.
            waiting = CASE WHEN p.revision = d.revision AND d.state <> 'pending' THEN '{}' ELSE p.waiting END,
            waits_since = CASE WHEN p.revision = d.revision AND d.state <> 'pending' THEN NULL ELSE p.waits_since END
        FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::uuid[], $6::timestamptz[], $7::text[], $8::text[])
             AS d (id, revision, state, reason, decision_id, applied_at, candidate_id, application_id)
        WHERE p.id = d.id RETURNING p.id, p.revision = d.revision AS "is_current!"
        "#,
        &ids,
        &revisions,
        &states as _,
        &reasons as _,
        &decisions,
        &applied as _,
        &candidates as _,
        &applications as _
    )
    .fetch_all(tx)
    .await?;
    let is_current: HashMap<Uuid, bool> = rows
        .into_iter()
        .map(|row| (row.id, row.is_current))
        .collect();
    let meanwhile = ids.iter().map(|id| match is_current.get(id) {
        Some(true) => Meanwhile::Nothing,
        Some(false) => Meanwhile::Overtaken,
        None => Meanwhile::Gone,
    });
    Ok(meanwhile.collect())
}

/// What a flush did to a prospect was put back. One that waits to be decided anew still does.
pub async fn undone(
    tx: &mut PgConnection,
    id: ProspectId,
    reason: &str,
    decision: DecisionId,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        UPDATE prospect SET state = CASE WHEN state = 'pending' THEN 'pending' ELSE 'skipped' END, reason = $2,
                            last_decision_id = $3
        WHERE id = $1
        "#,
        id.0,
        reason,
        decision.0
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Remembers the tag that a prospect was given in Ashby: it is given once, and one that somebody takes away stays away.
pub async fn tagged(
    db: impl PgExecutor<'_>,
    id: ProspectId,
    title: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE prospect SET tagged_as = $2 WHERE id = $1",
        id.0,
        title
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Whether a candidate was given a tag on whatever job.
pub async fn was_tagged(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    candidate: &CandidateId,
    title: &str,
) -> Result<bool, StoreError> {
    let was = sqlx::query_scalar!(
        r#"
        SELECT EXISTS (
            SELECT FROM prospect WHERE connection_id = $1 AND candidate_id = $2 AND tagged_as = $3
        ) AS "was!"
        "#,
        connection.0,
        candidate.as_str(),
        title
    )
    .fetch_one(db)
    .await?;
    Ok(was)
}

/// Remembers who a prospect is in Ashby. Another application than before is none that the service made, unless it is told.
pub async fn link(
    db: impl PgExecutor<'_>,
    id: ProspectId,
    candidate: &CandidateId,
    application: Option<&ApplicationId>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        UPDATE prospect SET candidate_id = $2, application_id = coalesce($3, application_id), creates_given_up = 0,
                            application_made_at = CASE WHEN application_id = coalesce($3, application_id)
                                                       THEN application_made_at END
        WHERE id = $1
        "#,
        id.0,
        candidate.as_str(),
        application.map(ApplicationId::as_str)
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets a candidate who is no more, where there is no application yet that would lead to who took their place.
pub async fn lose_candidate(db: impl PgExecutor<'_>, id: ProspectId) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE prospect SET candidate_id = NULL WHERE id = $1 AND application_id IS NULL",
        id.0
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets who a prospect is in Ashby, at a person's word: the next decision looks for them afresh.
pub async fn unlink(db: impl PgExecutor<'_>, id: ProspectId) -> Result<(), StoreError> {
    sqlx::query!("UPDATE prospect SET candidate_id = NULL, application_id = NULL, applied_at = NULL, revision = revision + 1 WHERE id = $1", id.0)
        .execute(db)
        .await?;
    Ok(())
}

/// Forgets who several prospects are in Ashby, at a person's word.
pub async fn unlink_all(
    db: impl PgExecutor<'_>,
    prospects: &[ProspectId],
) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = prospects.iter().map(|id| id.0).collect();
    sqlx::query!("UPDATE prospect SET candidate_id = NULL, application_id = NULL, applied_at = NULL WHERE id = ANY($1)", &ids)
        .execute(db)
        .await?;
    Ok(())
}

/// The prospects of these candidates on these jobs, as far as there are any.
pub async fn of(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    who: &[(DoverCandidateId, DoverJobId)],
) -> Result<Vec<Prospect>, StoreError> {
    let candidates: Vec<String> = who.iter().map(|(id, _)| id.0.clone()).collect();
    let jobs: Vec<String> = who.iter().map(|(_, id)| id.0.clone()).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"
        SELECT p.id, p.dover_candidate_id, p.dover_job_id, says AS "says: Kept", revision, state, reason,
               applied_at, candidate_id, application_id, last_decision_id, erasure_id IS NOT NULL AS "is_erased!", tagged_as
        FROM unnest($2::text[], $3::text[]) AS w (candidate, job)
        JOIN prospect p ON p.connection_id = $1 AND p.dover_candidate_id = w.candidate AND p.dover_job_id = w.job
        "#,
        connection.0,
        &candidates,
        &jobs
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Prospect::try_from).collect()
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
