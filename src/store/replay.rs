//! Finds the deliveries that a replay is of, a bounded step at a time, and puts them back in the queue.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::{StoreError, delivery::Verdict, prospect::State};
use crate::ids::{ConnectionId, DoverCandidateId, DoverJobId, ProspectId};

/// Which deliveries to replay. All that is given has to fit.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only about this candidate.
    pub dover_candidate_id: Option<String>,
    /// Only for this job, by either of its ids.
    pub dover_job_ids: Option<Vec<String>>,
    /// Only about prospects in this state.
    pub state: Option<State>,
    /// Only about prospects with this last reason.
    pub reason: Option<String>,
    /// Only of this verdict; without one those that are accepted and those that were rejected.
    pub verdict: Option<Verdict>,
    /// Only those that came then or later.
    pub received_from: Option<DateTime<Utc>>,
    /// Only those that came before.
    pub received_to: Option<DateTime<Utc>>,
    /// Asks for nothing, but says of those that are `create-undecided` that they were not created, and are to be.
    pub create_again: bool,
}

impl Filter {
    /// Whether it is of prospects, by what became of them, rather than of deliveries.
    pub const fn is_of_prospects(&self) -> bool {
        self.state.is_some() || self.reason.is_some()
    }

    /// Whether something is asked of deliveries, so that a prospect fits only with one to which it applies.
    pub const fn asks_of_deliveries(&self) -> bool {
        self.verdict.is_some() || self.received_from.is_some() || self.received_to.is_some()
    }

    fn verdicts(&self) -> Vec<String> {
        let usual = [Verdict::Accepted, Verdict::Rejected];
        let asked = self.verdict.map_or(usual.to_vec(), |verdict| vec![verdict]);
        asked
            .iter()
            .map(|verdict| verdict.word().to_owned())
            .collect()
    }
}

/// A delivery that fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which.
    pub id: i64,
    /// What became of it.
    pub verdict: Verdict,
    /// Whom it is about, where it could be read.
    pub about: Option<(DoverCandidateId, DoverJobId)>,
    /// Through which prospect it was found, where it was found through one.
    pub prospect: Option<ProspectId>,
}

struct Row {
    id: i64,
    prospect_id: Option<Uuid>,
    verdict: String,
    dover_candidate_id: Option<String>,
    dover_job_id: Option<String>,
}

impl TryFrom<Row> for Found {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let candidate = row.dover_candidate_id.map(DoverCandidateId);
        Ok(Self {
            id: row.id,
            verdict: Verdict::parse(&row.verdict)?,
            about: candidate.zip(row.dover_job_id.map(DoverJobId)),
            prospect: row.prospect_id.map(ProspectId),
        })
    }
}

/// What a step of a search found.
#[derive(Debug)]
pub struct Step {
    /// What fits.
    pub found: Vec<Found>,
    /// Where the next step begins; `None` after the last one.
    pub next: Option<i64>,
}

/// Of the `limit` deliveries beyond `after` that are about the candidate and the job of `filter`, those that fit. What was
/// erased never does.
pub async fn deliveries(
    db: &mut PgConnection,
    connection: ConnectionId,
    filter: &Filter,
    after: i64,
    limit: i64,
) -> Result<Step, StoreError> {
    let passed = match &filter.dover_candidate_id {
        Some(candidate) => about(&mut *db, connection, candidate, filter, after, limit).await?,
        None => whichever(&mut *db, connection, filter, after, limit).await?,
    };
    let Some(last) = passed.last().map(|last| last.id) else {
        return Ok(Step {
            found: Vec::new(),
            next: None,
        });
    };
    let rows = sqlx::query_as!(
        Row,
        r#"
        SELECT id, NULL::uuid AS prospect_id, verdict, dover_candidate_id, dover_job_id FROM delivery
        WHERE connection_id = $1 AND id = ANY($2) AND erased_at IS NULL AND sender = 'dover' AND verdict = ANY($3)
          AND ($4::timestamptz IS NULL OR received_at >= $4) AND ($5::timestamptz IS NULL OR received_at < $5)
        ORDER BY id
        "#,
        connection.0,
        &passed.iter().map(|one| one.id).collect::<Vec<_>>(),
        &filter.verdicts(),
        filter.received_from,
        filter.received_to
    )
    .fetch_all(db)
    .await?;
    // They come in the order of their times, as far as the clocks of several processes agree.
    let earliest = passed.iter().map(|one| one.received_at).min();
    let is_past = filter
        .received_to
        .zip(earliest)
        .is_some_and(|(to, earliest)| earliest > to + chrono::TimeDelta::hours(1));
    Ok(Step {
        found: rows
            .into_iter()
            .map(Found::try_from)
            .collect::<Result<_, _>>()?,
        next: (i64::try_from(passed.len()) == Ok(limit) && !is_past).then_some(last),
    })
}

/// A delivery that a step comes past.
struct Passed {
    id: i64,
    received_at: DateTime<Utc>,
}

/// The next ones for the jobs of `filter`, about whomever, in order.
async fn whichever(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    filter: &Filter,
    after: i64,
    limit: i64,
) -> Result<Vec<Passed>, StoreError> {
    let passed = sqlx::query_as!(
        Passed,
        r#"
        SELECT id, received_at FROM delivery
        WHERE connection_id BETWEEN $1 AND $1 AND id > $2 AND ($3::text[] IS NULL OR dover_job_id = ANY($3))
        ORDER BY connection_id, id LIMIT $4
        "#,
        connection.0,
        after,
        filter.dover_job_ids.as_deref(),
        limit
    )
    .fetch_all(db)
    .await?;
    Ok(passed)
}

/// The next ones for the jobs of `filter` about this candidate, in order.
async fn about(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    candidate: &str,
    filter: &Filter,
    after: i64,
    limit: i64,
) -> Result<Vec<Passed>, StoreError> {
    let passed = sqlx::query_as!(
        Passed,
        r#"
        SELECT about.id, about.received_at
        FROM (SELECT stretch FROM stretches_of($1) AS stretch ORDER BY stretch) AS each CROSS JOIN LATERAL (
            SELECT id, received_at FROM delivery
            WHERE connection_id = $1 AND stretch_of(id) = stretch AND dover_candidate_id = $5 AND id > $2
              AND ($3::text[] IS NULL OR dover_job_id = ANY($3))
            ORDER BY connection_id, stretch_of(id), dover_candidate_id, id LIMIT $4
        ) AS about
        -- From the first one on, until there are enough.
        ORDER BY stretch, about.id LIMIT $4
        "#,
        connection.0,
        after,
        filter.dover_job_ids.as_deref(),
        limit,
        candidate
    )
    .fetch_all(db)
    .await?;
    Ok(passed)
}

/// Deliveries about these prospects that fit: under the Dover id of each one's job, or its Ashby id.
pub async fn deliveries_of(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    filter: &Filter,
    prospects: &[ProspectId],
) -> Result<Vec<Found>, StoreError> {
    let ids: Vec<Uuid> = prospects.iter().map(|id| id.0).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"
        SELECT d.id, p.id AS "prospect_id?", d.verdict, d.dover_candidate_id, d.dover_job_id
        FROM prospect p
        LEFT JOIN job j ON j.connection_id = $1 AND j.dover_job_id = p.dover_job_id
        CROSS JOIN stretches_of($1) AS stretch
        CROSS JOIN LATERAL (
            SELECT id, verdict, dover_candidate_id, dover_job_id FROM delivery
            WHERE connection_id = $1 AND stretch_of(id) = stretch AND dover_candidate_id = p.dover_candidate_id
              AND (dover_job_id = p.dover_job_id OR dover_job_id = j.ashby_job_id)
              AND erased_at IS NULL AND verdict = ANY($3)
              AND ($4::timestamptz IS NULL OR received_at >= $4) AND ($5::timestamptz IS NULL OR received_at < $5)
            -- Keeps it a look for each of them, and not one through all deliveries.
            OFFSET 0
        ) AS d
        WHERE p.id = ANY($2)
        ORDER BY d.id
        "#,
        connection.0,
        &ids,
        &filter.verdicts(),
        filter.received_from,
        filter.received_to
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Found::try_from).collect()
}

/// Puts deliveries that read when they came back in the queue, to be folded again. Answers how many: what was removed
/// meanwhile, or is about nobody, is not.
pub async fn queue(
    tx: &mut PgConnection,
    connection: ConnectionId,
    ids: &[i64],
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let queued = sqlx::query_scalar!(
        r#"
        WITH kept AS (
            SELECT id, connection_id, dover_candidate_id, octet_length(body) AS octets FROM delivery
            WHERE connection_id = $1 AND id = ANY($2) AND dover_candidate_id IS NOT NULL AND dover_job_id IS NOT NULL
            ORDER BY id FOR KEY SHARE
        ), queued AS (
            -- It waits from now on.
            INSERT INTO pending AS p (delivery_id, connection_id, dover_candidate_id, received_at, octets)
            SELECT id, connection_id, dover_candidate_id, $3, octets FROM kept
            -- One that waits already is answered as well, since it did, and counted once.
            ON CONFLICT (connection_id, stretch_of(delivery_id), dover_candidate_id, delivery_id)
            DO UPDATE SET received_at = p.received_at
            -- A row that stood there was locked for this; a new one was not.
            RETURNING connection_id, xmax = 0 AS is_new
        ), counted AS (
            INSERT INTO tally AS t (connection_id, what, session, n)
            SELECT connection_id, 'pending', pg_backend_pid(), count(*) FROM queued WHERE is_new GROUP BY connection_id
            ON CONFLICT (connection_id, what, session) DO UPDATE SET n = t.n + excluded.n
        )
        SELECT count(*) AS "queued!" FROM queued
        "#,
        connection.0,
        ids,
        now
    )
    .fetch_one(tx)
    .await?;
    Ok(u64::try_from(queued).unwrap_or_default())
}

/// Bodies of deliveries, with when they came.
pub async fn bodies(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    ids: &[i64],
) -> Result<Vec<(i64, DateTime<Utc>, Vec<u8>)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        SELECT id, received_at, body FROM delivery WHERE connection_id = $1 AND id = ANY($2) AND erased_at IS NULL
        ORDER BY id
        "#,
        connection.0,
        ids
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.id, row.received_at, row.body))
        .collect())
}
