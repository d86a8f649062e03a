//! Webhooks as received: listed, shown and put back in the queue.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{PgConnection, PgExecutor};
use utoipa::ToSchema;

use super::StoreError;
use crate::ids::{ConnectionId, DoverCandidateId, DoverJobId};

/// Who sent a delivery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Sender {
    /// Dover, or what relays for it.
    #[default]
    Dover,
    /// Ashby: a hint of what has changed there.
    Ashby,
}

impl Sender {
    /// The word of the HTTP contract.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Dover => "dover",
            Self::Ashby => "ashby",
        }
    }

    fn parse(word: &str) -> Result<Self, StoreError> {
        match word {
            "dover" => Ok(Self::Dover),
            "ashby" => Ok(Self::Ashby),
            _ => Err(StoreError::Unreadable {
                what: "a delivery's sender",
                detail: word.to_owned(),
            }),
        }
    }
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Taken.
    Accepted,
    /// Signed well, but not JSON or against the schema. Kept, replayable.
    Rejected,
    /// Another body under an id that was used. Kept until a person says which is right.
    IdReused,
}

impl Verdict {
    /// The word of the HTTP contract.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::IdReused => "id-reused",
        }
    }

    pub(super) fn parse(word: &str) -> Result<Self, StoreError> {
        match word {
            "accepted" => Ok(Self::Accepted),
            "rejected" => Ok(Self::Rejected),
            "id-reused" => Ok(Self::IdReused),
            _ => Err(StoreError::Unreadable {
                what: "a delivery's verdict",
                detail: word.to_owned(),
            }),
        }
    }
}

/// A delivery, without its body.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Its name, and its place in the order of arrival.
    pub id: i64,
    /// Who sent it.
    pub sender: Sender,
    /// The sender's id of it.
    pub webhook_id: String,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// What became of it.
    pub verdict: Verdict,
    /// How often it came.
    pub copies: i32,
    /// Its `type`.
    pub kind: Option<String>,
    /// Whom it is about.
    pub dover_candidate_id: Option<String>,
    /// For which job.
    pub dover_job_id: Option<String>,
    /// What is wrong with it.
    pub faults: Option<Value>,
    /// When its body was emptied, at a person's request.
    pub erased_at: Option<DateTime<Utc>>,
    /// Whether it waits to be decided.
    pub pending: bool,
}

/// Which deliveries to list.
#[derive(Debug, Default)]
pub struct Filter<'a> {
    /// Only of this sender.
    pub sender: Option<Sender>,
    /// Only of this verdict.
    pub verdict: Option<Verdict>,
    /// Only about this candidate.
    pub dover_candidate_id: Option<&'a str>,
    /// Only for this job.
    pub dover_job_id: Option<&'a str>,
    /// Only this id of the sender's.
    pub webhook_id: Option<&'a str>,
}

struct Row {
    id: i64,
    sender: String,
    webhook_id: String,
    received_at: DateTime<Utc>,
    verdict: String,
    copies: i32,
    kind: Option<String>,
    dover_candidate_id: Option<String>,
    dover_job_id: Option<String>,
    faults: Option<Value>,
    erased_at: Option<DateTime<Utc>>,
    pending: bool,
}

impl TryFrom<Row> for Delivery {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            sender: Sender::parse(&row.sender)?,
            webhook_id: row.webhook_id,
            received_at: row.received_at,
            verdict: Verdict::parse(&row.verdict)?,
            copies: row.copies,
            kind: row.kind,
            dover_candidate_id: row.dover_candidate_id,
            dover_job_id: row.dover_job_id,
            faults: row.faults,
            erased_at: row.erased_at,
            pending: row.pending,
        })
    }
}

/// Deliveries, latest first, at most `limit` before `before`.
pub async fn list(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    filter: &Filter<'_>,
    before: i64,
    limit: i64,
) -> Result<Vec<Delivery>, StoreError> {
    let rows = if filter.webhook_id.is_some() || filter.dover_candidate_id.is_some() {
        named(db, connection, filter, before, limit).await?
    } else {
        sqlx::query_as!(
            Row,
            r#"
            SELECT id, sender, webhook_id, received_at, verdict, copies, type AS kind, dover_candidate_id, dover_job_id, faults,
                   erased_at, EXISTS (SELECT FROM pending p WHERE p.connection_id = d.connection_id
                                      AND stretch_of(p.delivery_id) = stretch_of(d.id)
                                      AND p.dover_candidate_id = d.dover_candidate_id AND p.delivery_id = d.id)
                   OR EXISTS (SELECT FROM prospect p WHERE p.connection_id = d.connection_id
                              AND p.dover_candidate_id = d.dover_candidate_id AND d.id = ANY(p.waiting))
                   OR EXISTS (SELECT FROM ashby_news n WHERE n.delivery_id = d.id) AS "pending!"
            FROM delivery d
            WHERE connection_id = $1 AND id < $2
              AND ($3::text IS NULL OR verdict = $3)
              AND ($4::text IS NULL OR dover_job_id = $4)
              AND ($6::text IS NULL OR sender = $6)
              -- Ashby's are listed by themselves, for Dover's may be many more.
              AND ($6 IS DISTINCT FROM 'ashby' OR id IN (
                  SELECT delivery_id FROM ashby_delivery WHERE connection_id = $1 AND delivery_id < $2
                  ORDER BY delivery_id DESC LIMIT CASE WHEN coalesce($3, $4) IS NULL THEN $5::bigint END))
            ORDER BY id DESC LIMIT $5::bigint
            "#,
            connection.0,
            before,
            filter.verdict.map(Verdict::word),
            filter.dover_job_id,
            limit,
            filter.sender.map(Sender::word)
        )
        .fetch_all(db)
        .await?
    };
    rows.into_iter().map(Delivery::try_from).collect()
}

/// The deliveries that are looked up first: the few of one webhook id, the first and what used its id again, for each of which
/// there is an index that its uniqueness needs anyway; or, where no such id is asked for, those about one candidate, by stretch.
async fn named(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    filter: &Filter<'_>,
    before: i64,
    limit: i64,
) -> Result<Vec<Row>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        WITH named AS (
            SELECT id FROM delivery WHERE connection_id = $1 AND webhook_id = $6 AND verdict <> 'id-reused'
            UNION ALL
            SELECT id FROM delivery WHERE connection_id = $1 AND webhook_id = $6 AND verdict = 'id-reused'
            UNION ALL
            (SELECT about.id FROM (SELECT stretch FROM stretches_of($1) AS stretch ORDER BY stretch DESC) AS each CROSS JOIN LATERAL (
                SELECT id FROM delivery
                WHERE connection_id = $1 AND stretch_of(id) = stretch AND dover_candidate_id = $4 AND id < $2
                  AND ($3::text IS NULL OR verdict = $3)
                  AND ($5::text IS NULL OR dover_job_id = $5)
                  AND ($8::text IS NULL OR sender = $8)
                ORDER BY connection_id DESC, stretch_of(id) DESC, dover_candidate_id DESC, id DESC LIMIT $7
            ) AS about WHERE $6 IS NULL
            -- From the last one on, until there are enough.
            ORDER BY stretch DESC, about.id DESC LIMIT $7)
        )
        SELECT d.id, sender, webhook_id, received_at, verdict, copies, type AS kind, dover_candidate_id, dover_job_id, faults,
               erased_at, EXISTS (SELECT FROM pending p WHERE p.connection_id = d.connection_id
                                      AND stretch_of(p.delivery_id) = stretch_of(d.id)
                                      AND p.dover_candidate_id = d.dover_candidate_id AND p.delivery_id = d.id)
                   OR EXISTS (SELECT FROM prospect p WHERE p.connection_id = d.connection_id
                              AND p.dover_candidate_id = d.dover_candidate_id AND d.id = ANY(p.waiting))
                   OR EXISTS (SELECT FROM ashby_news n WHERE n.delivery_id = d.id) AS "pending!"
        FROM delivery d
        -- As a list, so that each is looked up, whatever the planner thinks of how many there are.
        WHERE d.connection_id = $1 AND d.id = ANY(ARRAY(SELECT id FROM named)) AND d.id < $2
          AND ($3::text IS NULL OR verdict = $3)
          AND ($4::text IS NULL OR dover_candidate_id = $4)
          AND ($5::text IS NULL OR dover_job_id = $5)
          AND ($8::text IS NULL OR sender = $8)
        ORDER BY d.id DESC LIMIT $7
        "#,
        connection.0,
        before,
        filter.verdict.map(Verdict::word),
        filter.dover_candidate_id,
        filter.dover_job_id,
        filter.webhook_id,
        limit,
        filter.sender.map(Sender::word)
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

/// A delivery as it came.
#[derive(Debug)]
pub struct Original {
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// What became of it.
    pub verdict: Verdict,
    /// The headers as a JSON object, without credentials.
    pub headers: String,
    /// The body.
    pub body: Vec<u8>,
}

/// One delivery as it came.
pub async fn original(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    id: i64,
) -> Result<Option<Original>, StoreError> {
    let row = sqlx::query!(
        "SELECT received_at, verdict, headers, body FROM delivery WHERE connection_id = $1 AND id = $2",
        connection.0,
        id
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        let verdict = Verdict::parse(&row.verdict)?;
        Ok(Original {
            received_at: row.received_at,
            verdict,
            headers: row.headers,
            body: row.body,
        })
    })
    .transpose()
}

/// The bodies of the latest deliveries that were accepted and are about somebody, at most `limit`.
pub async fn latest_bodies(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    limit: i64,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let bodies = sqlx::query_scalar!(
        r#"
        SELECT body FROM delivery
        WHERE connection_id = $1 AND verdict = 'accepted' AND dover_candidate_id IS NOT NULL AND erased_at IS NULL
        ORDER BY id DESC LIMIT $2
        "#,
        connection.0,
        limit
    )
    .fetch_all(db)
    .await?;
    Ok(bodies)
}

/// Puts a delivery back in the queue, as `kind` about `about`: what was rejected or held counts from now on.
pub async fn requeue(
    tx: &mut PgConnection,
    connection: ConnectionId,
    id: i64,
    kind: &str,
    about: &(DoverCandidateId, DoverJobId),
) -> Result<(), StoreError> {
    // It may be about somebody else than it was read to be about before.
    sqlx::query!(
        r#"
        WITH gone AS (
            DELETE FROM pending p USING delivery d
            WHERE d.connection_id = $1 AND d.id = $2 AND p.connection_id = d.connection_id
              AND stretch_of(p.delivery_id) = stretch_of(d.id) AND p.dover_candidate_id = d.dover_candidate_id
              AND p.delivery_id = d.id
            RETURNING p.connection_id
        )
        INSERT INTO tally AS t (connection_id, what, session, n)
        SELECT connection_id, 'pending', pg_backend_pid(), -1 FROM gone
        ON CONFLICT (connection_id, what, session) DO UPDATE SET n = t.n - 1
        "#,
        connection.0,
        id
    )
    .execute(&mut *tx)
    .await?;
    // An `id-reused` delivery keeps its verdict, which is history; being queued is what makes it count.
    sqlx::query!(
        r#"
        UPDATE delivery SET type = $3, dover_candidate_id = $4, dover_job_id = $5, faults = NULL,
                            verdict = CASE verdict WHEN 'rejected' THEN 'accepted' ELSE verdict END
        WHERE connection_id = $1 AND id = $2
        "#,
        connection.0,
        id,
        kind,
        about.0.as_str(),
        about.1.as_str()
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        r#"
        WITH queued AS (
            INSERT INTO pending (delivery_id, connection_id, dover_candidate_id, received_at, octets)
            SELECT id, connection_id, dover_candidate_id, received_at, octet_length(body) FROM delivery
            WHERE connection_id = $1 AND id = $2
            ON CONFLICT (connection_id, stretch_of(delivery_id), dover_candidate_id, delivery_id) DO NOTHING
            RETURNING connection_id
        )
        INSERT INTO tally AS t (connection_id, what, session, n)
        SELECT connection_id, 'pending', pg_backend_pid(), 1 FROM queued
        ON CONFLICT (connection_id, what, session) DO UPDATE SET n = t.n + 1
        "#,
        connection.0,
        id
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// A delivery that was accepted no longer reads: it is kept as rejected.
pub async fn reject(
    tx: &mut PgConnection,
    connection: ConnectionId,
    id: i64,
    faults: &Value,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        UPDATE delivery SET verdict = 'rejected', faults = $3
        WHERE connection_id = $1 AND id = $2 AND verdict = 'accepted'
        "#,
        connection.0,
        id,
        faults
    )
    .execute(tx)
    .await?;
    Ok(())
}
