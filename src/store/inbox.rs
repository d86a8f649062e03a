//! The deliveries that wait to be folded.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

use super::StoreError;
use crate::{
    ids::{ConnectionId, DoverCandidateId, DoverJobId},
    plan::outline::{Outline, Statements},
};

/// Deliveries of one candidate on one job that were taken out of the queue, in the order of their arrival.
#[derive(Debug)]
pub struct Taken {
    /// Whom they are about, as it was read when they came.
    pub candidate: DoverCandidateId,
    /// For which job; `None` where that has to be read again.
    pub job: Option<DoverJobId>,
    /// Which.
    pub deliveries: Vec<Queued>,
}

/// A delivery that was taken out of the queue.
#[derive(Debug)]
pub struct Queued {
    /// Its place in the order of arrival.
    pub id: i64,
    /// Since when it waits: since it came, or since it was put back.
    pub waits_since: DateTime<Utc>,
    /// What was read of it when it came, and by which paths; `None` where it has to be read again.
    pub reading: Option<(Outline, i32)>,
    /// The length of its body in bytes, where it is known.
    pub octets: Option<usize>,
}

/// The stretches of `connection` in which something waits, in order; none where nothing does.
pub async fn stretches(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
) -> Result<Vec<i64>, StoreError> {
    // From one to the next, whatever there is of each.
    let stretches = sqlx::query_scalar!(
        r#"
        WITH RECURSIVE found AS (
            (SELECT stretch_of(delivery_id) AS stretch FROM pending WHERE connection_id = $1
             ORDER BY connection_id, stretch_of(delivery_id), dover_candidate_id, delivery_id LIMIT 1)
            UNION ALL
            SELECT (SELECT stretch_of(delivery_id) FROM pending
                    WHERE connection_id = $1 AND stretch_of(delivery_id) > found.stretch
                    ORDER BY connection_id, stretch_of(delivery_id), dover_candidate_id, delivery_id LIMIT 1)
            FROM found WHERE found.stretch IS NOT NULL
        )
        SELECT stretch AS "stretch!" FROM found WHERE stretch IS NOT NULL ORDER BY stretch
        "#,
        connection.0
    )
    .fetch_all(db)
    .await?;
    Ok(stretches)
}

/// Where a page ends: behind a delivery of a candidate, or, behind number 0, before the first of them.
pub type Place = (String, i64);

/// Where a page of at most `size` deliveries of these stretches beyond `after` ends, in the order of whom they are about; `None`
/// where fewer are left. It ends between two candidates: whoever folds the next one would wait for the same prospect. Only one
/// who has more deliveries than a page is divided.
pub async fn page_end(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    stretches: &[i64],
    after: &Place,
    size: i64,
) -> Result<Option<Place>, StoreError> {
    // Of a single stretch the last one of the page is all that is asked for, of several a page each.
    let behind = size - 1;
    let (passed, asked, last) = match stretches {
        [_] => (behind, 1, 0),
        _ => (0, size, behind),
    };
    let last = sqlx::query!(
        r#"
        SELECT next.dover_candidate_id, next.delivery_id, next.dover_candidate_id = (
                   SELECT min(first.dover_candidate_id) FROM unnest($2::bigint[]) AS stretch CROSS JOIN LATERAL (
                       SELECT dover_candidate_id FROM pending
                       WHERE connection_id = $1 AND stretch_of(delivery_id) = stretch
                         AND (dover_candidate_id, delivery_id) > ($3, $4)
                       ORDER BY connection_id, stretch_of(delivery_id), dover_candidate_id, delivery_id LIMIT 1
                   ) AS first
               ) AS "is_of_one!"
        FROM unnest($2::bigint[]) AS stretch CROSS JOIN LATERAL (
            SELECT dover_candidate_id, delivery_id FROM pending
            WHERE connection_id = $1 AND stretch_of(delivery_id) = stretch AND (dover_candidate_id, delivery_id) > ($3, $4)
            ORDER BY connection_id, stretch_of(delivery_id), dover_candidate_id, delivery_id OFFSET $5 LIMIT $6
        ) AS next
        ORDER BY next.dover_candidate_id, next.delivery_id OFFSET $7 LIMIT 1
        "#,
        connection.0,
        stretches,
        after.0,
        after.1,
        passed,
        asked,
        last
    )
    .fetch_optional(db)
    .await?;
    Ok(last.map(|last| {
        let behind = if last.is_of_one { last.delivery_id } else { 0 };
        (last.dover_candidate_id, behind)
    }))
}

/// Deliveries column by column: the database puts these together, and we take them apart, at a fraction of what rows cost.
struct Columns {
    candidates: Vec<String>,
    jobs: Vec<Option<String>>,
    ids: Vec<i64>,
    since: Vec<DateTime<Utc>>,
    said: Vec<Option<DateTime<Utc>>>,
    statements: Vec<Option<i32>>,
    read_by: Vec<Option<i32>>,
    octets: Vec<Option<i32>>,
}

impl Columns {
    fn queued(&self, at: usize) -> Queued {
        let outline = || {
            Some(Outline {
                arrival: self.ids[at],
                said_at: self.said[at]?,
                statements: Statements::from_bits(self.statements[at]?),
            })
        };
        Queued {
            id: self.ids[at],
            waits_since: self.since[at],
            reading: outline().zip(self.read_by[at]),
            octets: self.octets[at].and_then(|octets| octets.try_into().ok()),
        }
    }

    fn by_prospect(self) -> Vec<Taken> {
        let whose = |at: usize| (&self.candidates[at], &self.jobs[at]);
        let mut order: Vec<usize> = (0..self.ids.len()).collect();
        order.sort_unstable_by_key(|at| (whose(*at), self.ids[*at]));
        let groups = order.chunk_by(|one, other| whose(*one) == whose(*other));
        let taken = groups.map(|group| Taken {
            candidate: self.candidates[group[0]].clone().into(),
            job: self.jobs[group[0]].clone().map(DoverJobId),
            deliveries: group.iter().map(|at| self.queued(*at)).collect(),
        });
        taken.collect()
    }
}

/// Takes the deliveries of these stretches beyond `after`, to `until` or all that are left. They wait no longer once the transaction
/// is through; whoever else is about to take one is waited for, and what they took is passed over.
pub async fn take(
    tx: &mut PgConnection,
    connection: ConnectionId,
    stretches: &[i64],
    (after, until): (&Place, Option<&Place>),
) -> Result<Vec<Taken>, StoreError> {
    let columns = sqlx::query_as!(
        Columns,
        r#"
        WITH taken AS (
            DELETE FROM pending
            WHERE connection_id = $1 AND stretch_of(delivery_id) = ANY($2) AND (dover_candidate_id, delivery_id) > ($3, $4)
              AND ($5::text IS NULL OR (dover_candidate_id, delivery_id) <= ($5, $6))
            RETURNING *
        ), counted AS (
            INSERT INTO tally AS t (connection_id, what, session, n)
            SELECT $1, 'pending', pg_backend_pid(), -count(*) FROM taken HAVING count(*) > 0
            ON CONFLICT (connection_id, what, session) DO UPDATE SET n = t.n + excluded.n
        )
        SELECT array_agg(dover_candidate_id) AS "candidates!", array_agg(dover_job_id) AS "jobs!: _",
               array_agg(delivery_id) AS "ids!", array_agg(received_at) AS "since!", array_agg(said_at) AS "said!: _",
               array_agg(statements) AS "statements!: _", array_agg(read_by) AS "read_by!: _", array_agg(octets) AS "octets!: _"
        FROM taken HAVING count(*) > 0
        "#,
        connection.0,
        stretches,
        after.0,
        after.1,
        until.map(|until| until.0.as_str()),
        until.map(|until| until.1)
    )
    .fetch_optional(tx)
    .await?;
    Ok(columns.map_or_else(Vec::new, Columns::by_prospect))
}

/// A delivery to be read.
#[derive(Debug)]
pub struct Body {
    /// Its place in the order of arrival.
    pub id: i64,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// As it came; empty once the person was erased.
    pub body: Vec<u8>,
    /// Whether it was emptied because the person was erased.
    pub is_erased: bool,
    /// For which job it was read to be when it came.
    pub dover_job_id: Option<String>,
    /// About whom it was read to be.
    pub dover_candidate_id: Option<String>,
}

/// The bodies of these deliveries, in any order.
pub async fn bodies(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    ids: &[i64],
) -> Result<Vec<Body>, StoreError> {
    let rows = sqlx::query_as!(
        Body,
        r#"
        SELECT id, received_at, body, erased_at IS NOT NULL AS "is_erased!", dover_candidate_id, dover_job_id
        FROM delivery WHERE connection_id = $1 AND id = ANY($2)
        "#,
        connection.0,
        ids
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}
