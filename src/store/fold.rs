//! Keeps folds: whoever is new is made with all that was said of them, whoever is known is locked, and kept with what they
//! say now.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::{
    StoreError,
    says::{Kept, written},
};
use crate::{
    ids::{ConnectionId, DoverCandidateId, DoverJobId, ProspectId},
    plan::says::DoverSays,
};

/// A candidate on a job, as Dover names them.
pub type Who = (DoverCandidateId, DoverJobId);

/// A prospect as it is to be kept.
#[derive(Debug)]
pub struct Folded {
    /// Which.
    pub id: ProspectId,
    /// The fold.
    pub says: DoverSays,
    /// The deliveries that came into it now.
    pub waiting: Waiting,
}

/// Deliveries that wait to be decided.
#[derive(Debug, Default)]
pub struct Waiting {
    /// Which.
    pub deliveries: Vec<i64>,
    /// Since when the first of them does; `None` where there are none.
    pub since: Option<DateTime<Utc>>,
}

impl Waiting {
    /// One more that waits.
    pub fn take(&mut self, delivery: i64, since: DateTime<Utc>) {
        self.deliveries.push(delivery);
        self.since = Some(self.since.map_or(since, |first| first.min(since)));
    }

    /// One that does not wait after all.
    pub fn leave_out(&mut self, delivery: i64) {
        self.deliveries.retain(|waiting| *waiting != delivery);
        if self.deliveries.is_empty() {
            self.since = None;
        }
    }

    /// As Postgres writes an array: arrays of different lengths cannot be handed over side by side.
    fn literal(&self) -> String {
        let ids: Vec<String> = self.deliveries.iter().map(i64::to_string).collect();
        format!("{{{}}}", ids.join(","))
    }
}

/// A prospect that was known, locked.
#[derive(Debug)]
pub struct Held {
    /// Which.
    pub id: ProspectId,
    /// Who.
    pub who: Who,
    /// What was folded so far.
    pub says: DoverSays,
    /// Whether it is parked because Ashby refused it for good.
    pub is_refused: bool,
}

/// Makes those that are not known, in one order, so that two who fold at once never wait for each other. Answers which.
pub async fn add(
    tx: &mut PgConnection,
    connection: ConnectionId,
    (who, folded): (&[&Who], &[&Folded]),
    now: DateTime<Utc>,
) -> Result<HashSet<ProspectId>, StoreError> {
    let candidates: Vec<&str> = who.iter().map(|who| who.0.as_str()).collect();
    let jobs: Vec<&str> = who.iter().map(|who| who.1.as_str()).collect();
    let rows = Columns::of(folded);
    let made = sqlx::query_scalar!(
        r#"
        WITH here AS (
            -- Once, in place of a reference that is checked row by row. Locked as that does.
            SELECT id FROM connection WHERE id = $1 FOR KEY SHARE
        ), made AS (
            INSERT INTO prospect (id, connection_id, dover_candidate_id, dover_job_id, says, fields, owner_email, name, stage, status,
                                  dover_updated_at, revision, waiting, waits_since, created_at)
            SELECT f.id, here.id, candidate, job, says, fields, owner_email, name, stage, status, said_at, 1, waiting::bigint[],
                   since, $14
            FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::jsonb[], $7::text[], $8::text[], $9::text[], $10::text[],
                        $11::timestamptz[], $12::text[], $13::timestamptz[])
                 AS f (id, candidate, job, says, fields, owner_email, name, stage, status, said_at, waiting, since)
            CROSS JOIN here
            ORDER BY candidate, job
            ON CONFLICT (connection_id, dover_candidate_id, dover_job_id) DO NOTHING
            RETURNING id, cardinality(waiting) AS waits
        ), counted AS (
            INSERT INTO tally AS t (connection_id, what, session, n)
            SELECT $1, what, pg_backend_pid(), n
            FROM (SELECT count(*) AS made, sum(waits) AS waiting FROM made) AS total
            CROSS JOIN LATERAL (VALUES ('pending-prospects', made), ('pending', waiting)) AS counted (what, n)
            WHERE n > 0
            ON CONFLICT (connection_id, what, session) DO UPDATE SET n = t.n + excluded.n
        )
        SELECT id FROM made
        "#,
        connection.0,
        &rows.ids,
        &candidates as _,
        &jobs as _,
        &rows.says,
        &rows.fields as _,
        &rows.owners as _,
        &rows.names as _,
        &rows.stages as _,
        &rows.statuses as _,
        &rows.said as _,
        &rows.waiting,
        &rows.since as _,
        now
    )
    .fetch_all(tx)
    .await?;
    Ok(made.into_iter().map(ProspectId).collect())
}

/// Locks those that are known, in one order too.
pub async fn lock(
    tx: &mut PgConnection,
    connection: ConnectionId,
    who: &[&Who],
) -> Result<Vec<Held>, StoreError> {
    let candidates: Vec<&str> = who.iter().map(|who| who.0.as_str()).collect();
    let jobs: Vec<&str> = who.iter().map(|who| who.1.as_str()).collect();
    let rows = sqlx::query!(
        r#"
        SELECT p.id, p.dover_candidate_id, p.dover_job_id, p.says AS "says: Kept",
               p.state = 'parked' AND p.reason = 'refused-by-ashby' AS "is_refused!"
        FROM unnest($2::text[], $3::text[]) AS w (candidate, job)
        JOIN prospect p ON p.connection_id = $1 AND p.dover_candidate_id = w.candidate AND p.dover_job_id = w.job
        ORDER BY p.id FOR UPDATE OF p
        "#,
        connection.0,
        &candidates as _,
        &jobs as _
    )
    .fetch_all(tx)
    .await?;
    let held = rows.into_iter().map(|row| Held {
        id: row.id.into(),
        who: (row.dover_candidate_id.into(), row.dover_job_id.into()),
        says: row.says.0,
        is_refused: row.is_refused,
    });
    Ok(held.collect())
}

/// Keeps folds of those that are known. Each is news: it waits to be decided.
pub async fn save(tx: &mut PgConnection, folded: &[&Folded]) -> Result<(), StoreError> {
    let rows = Columns::of(folded);
    sqlx::query!(
        r#"
        UPDATE prospect p
        SET says = f.says, fields = f.fields, owner_email = f.owner_email, name = f.name, stage = f.stage, status = f.status, dover_updated_at = f.said_at,
            revision = p.revision + 1, state = 'pending', waits_since = least(p.waits_since, f.since),
            waiting = CASE WHEN p.waiting = '{}' THEN f.waiting::bigint[]
                           ELSE ARRAY(SELECT DISTINCT id FROM unnest(p.waiting || f.waiting::bigint[]) AS w (id) ORDER BY id) END
        FROM unnest($1::uuid[], $2::text[], $3::jsonb[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[],
                    $9::text[], $10::timestamptz[])
             AS f (id, says, fields, owner_email, name, stage, status, said_at, waiting, since)
        WHERE p.id = f.id
        "#,
        &rows.ids,
        &rows.says,
        &rows.fields as _,
        &rows.owners as _,
        &rows.names as _,
        &rows.stages as _,
        &rows.statuses as _,
        &rows.said as _,
        &rows.waiting,
        &rows.since as _
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Folds column by column, as the statements take them.
struct Columns<'f> {
    ids: Vec<Uuid>,
    says: Vec<String>,
    fields: Vec<Option<Json<&'f Map<String, Value>>>>,
    owners: Vec<Option<&'f str>>,
    names: Vec<Option<&'f str>>,
    stages: Vec<Option<String>>,
    statuses: Vec<Option<String>>,
    said: Vec<Option<DateTime<Utc>>>,
    waiting: Vec<String>,
    since: Vec<Option<DateTime<Utc>>>,
}

impl<'f> Columns<'f> {
    fn of(folded: &[&'f Folded]) -> Self {
        let name = |one: &&'f Folded| one.says.contact.name.as_ref();
        let (stages, statuses) = folded.iter().map(|one| one.says.words()).unzip();
        Self {
            ids: folded.iter().map(|one| one.id.0).collect(),
            says: folded.iter().map(|one| written(&one.says)).collect(),
            fields: folded
                .iter()
                .map(|one| Some(Json(&one.says.contact.fields.as_ref()?.value)))
                .collect(),
            owners: folded
                .iter()
                .map(|one| Some(one.says.contact.owner_email.as_ref()?.value.as_str()))
                .collect(),
            names: folded
                .iter()
                .map(|one| name(one).map(|said| said.value.as_str()))
                .collect(),
            stages,
            statuses,
            said: folded.iter().map(|one| one.says.said_at()).collect(),
            waiting: folded.iter().map(|one| one.waiting.literal()).collect(),
            since: folded.iter().map(|one| one.waiting.since).collect(),
        }
    }
}
