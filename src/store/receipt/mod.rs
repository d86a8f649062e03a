//! Storing webhooks as they come: once an id, many in one statement.

mod columns;
mod settle;

use std::collections::HashSet;

use axum::body::Bytes;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    StoreError,
    delivery::{Sender, Verdict},
    news::Told,
};
use crate::{
    ids::{CandidateId, ConnectionId, DoverCandidateId, DoverJobId},
    plan::outline::Statements,
};
use columns::{Columns, Keys};
pub use settle::settle;

/// A delivery with a good signature, to be stored.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// Whose.
    pub connection: ConnectionId,
    /// Who sent it.
    pub sender: Sender,
    /// Its id, as the sender chose it.
    pub webhook_id: String,
    /// SHA-256 of the body.
    pub body_hash: [u8; 32],
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// Its `type`, where it could be read.
    pub kind: Option<String>,
    /// Whom it is about; `None` where it is about nobody.
    pub about: Option<(DoverCandidateId, DoverJobId)>,
    /// What was read of it, where it is about somebody.
    pub reading: Option<Reading>,
    /// The person in Ashby that it is about, of one of Ashby's.
    pub ashby_candidate: Option<CandidateId>,
    /// What one of Ashby's tells that a flush is to take in.
    pub told: Option<Told>,
    /// The headers as a JSON object, without credentials.
    pub headers: String,
    /// The body, as it came.
    pub body: Bytes,
    /// What is wrong with it; `None` for a valid one.
    pub faults: Option<Value>,
    /// Keyed hashes of whom it is about: their Dover id, their addresses.
    pub keys: Vec<Vec<u8>>,
    /// Whether it is to be kept without the person, who was erased. Found out here.
    pub is_erased: bool,
}

/// What was read of a delivery about somebody, as far as it shows whether the body has to be read again to fold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The moment that counts.
    pub said_at: DateTime<Utc>,
    /// What it says something of.
    pub statements: Statements,
    /// The [fingerprint](crate::dover::payload::PayloadPaths::fingerprint) of the paths by which it was read.
    pub read_by: i32,
}

impl Incoming {
    /// Whether it is what nearly all are: Dover's, and as it should be.
    fn is_plain(&self) -> bool {
        self.sender == Sender::Dover && self.faults.is_none() && !self.is_erased
    }

    const fn verdict(&self) -> Verdict {
        if self.faults.is_some() {
            Verdict::Rejected
        } else {
            Verdict::Accepted
        }
    }
}

/// What is answered to a delivery once it is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// Stored for the first time.
    New(Verdict),
    /// Same id, same body as one that was stored before.
    Copy(Verdict),
}

/// Stores what of a batch is valid, Dover's and has a new id, in one statement that commits by itself: nearly always all of it.
/// Answers a receipt for each that was stored; `None` for what [`settle()`] is for. Of several with one id the first is stored.
pub async fn store_new(
    session: &mut PgConnection,
    batch: &[&Incoming],
) -> Result<Vec<Option<Receipt>>, StoreError> {
    let plain = batch.iter().copied().filter(|one| one.is_plain());
    let plain: Vec<&Incoming> = plain.collect();
    let mut stored = match plain[..] {
        [] => Stored::These(HashSet::new()),
        [one] => insert_one(session, one).await?,
        _ => insert(session, &plain).await?,
    };
    let receipts = batch.iter().map(|one| {
        let is_stored = one.is_plain() && stored.take(one);
        is_stored.then_some(Receipt::New(Verdict::Accepted))
    });
    Ok(receipts.collect())
}

/// What of some deliveries was stored.
enum Stored {
    /// All of it.
    All,
    /// What has these names and bodies.
    These(HashSet<(Uuid, String, Vec<u8>)>),
}

impl Stored {
    /// Whether `one` was stored; of several with one name and body the first was.
    fn take(&mut self, one: &Incoming) -> bool {
        match self {
            Self::All => true,
            Self::These(names) => {
                let hash = one.body_hash.to_vec();
                names.remove(&(one.connection.0, one.webhook_id.clone(), hash))
            }
        }
    }
}

/// Inserts what has a new id, and queues it. Left out is what is about a person who was erased, and what is for a
/// connection that is gone. That a verdict is known, and a rejected one says why, holds by what is written here and in
/// [`settle()`]: the database looked at a constraint anew with each statement, which cost more than writing to an index.
async fn insert(session: &mut PgConnection, batch: &[&Incoming]) -> Result<Stored, StoreError> {
    let rows = Columns::of(batch);
    let keys = Keys::of(batch);
    let wanted = i64::try_from(batch.len()).unwrap_or(i64::MAX);
    let stored = sqlx::query!(
        r#"
        WITH here AS (
            -- Once a batch, in place of a reference that is checked row by row. Locked as that does.
            SELECT id FROM connection WHERE id = ANY($1) ORDER BY id FOR KEY SHARE
        ), erased AS (
            SELECT k.place FROM unnest($2::bigint[], $3::uuid[], $4::bytea[]) AS k (place, connection_id, key_hash)
            JOIN erased_key e ON e.connection_id = k.connection_id AND e.key_hash = k.key_hash
        ), incoming AS (
            SELECT * FROM unnest(
                $5::uuid[], $6::text[], $7::bytea[], $8::timestamptz[], $9::text[], $10::text[], $11::text[], $12::text[],
                $13::bytea[], $14::timestamptz[], $15::integer[], $16::integer[]
            ) WITH ORDINALITY AS i (connection_id, webhook_id, body_hash, received_at, type, dover_candidate_id, dover_job_id,
                                    headers, body, said_at, statements, read_by, place)
        ), stored AS (
            INSERT INTO delivery (connection_id, webhook_id, body_hash, received_at, verdict, type, dover_candidate_id,
                                  dover_job_id, headers, body, said_at, statements, read_by)
            -- In order of arrival: the identity column is the order in which equal times are settled.
            SELECT connection_id, webhook_id, body_hash, received_at, 'accepted', type, dover_candidate_id, dover_job_id,
                   headers, body, said_at, statements, read_by
            FROM incoming
            WHERE connection_id IN (SELECT id FROM here) AND place NOT IN (SELECT place FROM erased)
            ORDER BY place
            ON CONFLICT (connection_id, webhook_id) WHERE verdict <> 'id-reused' DO NOTHING
            RETURNING id, connection_id, webhook_id, body_hash, received_at, dover_candidate_id, dover_job_id, said_at,
                      statements, read_by, octet_length(body) AS octets
        ), queued AS (
            INSERT INTO pending (delivery_id, connection_id, dover_candidate_id, received_at, dover_job_id, said_at, statements,
                                 read_by, octets)
            SELECT id, connection_id, dover_candidate_id, received_at, dover_job_id, said_at, statements, read_by, octets
            FROM stored WHERE dover_candidate_id IS NOT NULL
            RETURNING connection_id
        ), counted AS (
            INSERT INTO tally AS t (connection_id, what, session, n)
            SELECT connection_id, 'pending', pg_backend_pid(), count(*) FROM queued GROUP BY connection_id
            ON CONFLICT (connection_id, what, session) DO UPDATE SET n = t.n + excluded.n
        )
        -- Which they are is asked for only where some are missing.
        SELECT count(*) AS "stored!", CASE WHEN count(*) < $17 THEN array_agg(connection_id) END AS connections,
               CASE WHEN count(*) < $17 THEN array_agg(webhook_id) END AS names,
               CASE WHEN count(*) < $17 THEN array_agg(body_hash) END AS hashes
        FROM stored
        "#,
        &rows.distinct,
        &keys.places,
        &keys.connections,
        &keys.hashes as _,
        &rows.connections,
        &rows.webhook_ids as _,
        &rows.hashes as _,
        &rows.received,
        &rows.kinds as _,
        &rows.candidates as _,
        &rows.jobs as _,
        &rows.headers as _,
        &rows.bodies as _,
        &rows.said as _,
        &rows.statements as _,
        &rows.read_by as _,
        wanted,
    )
    .fetch_one(session)
    .await?;
    if stored.stored == wanted {
        return Ok(Stored::All);
    }
    let connections = stored.connections.into_iter().flatten();
    let names = connections.zip(stored.names.into_iter().flatten());
    let names = names.zip(stored.hashes.into_iter().flatten());
    let names = names.map(|((connection, name), hash)| (connection, name, hash));
    Ok(Stored::These(names.collect()))
}

/// The same of a single delivery, for which unpacking lists costs more than all the rest.
async fn insert_one(session: &mut PgConnection, one: &Incoming) -> Result<Stored, StoreError> {
    let about = one.about.as_ref();
    let stored = sqlx::query_scalar!(
        r#"
        WITH here AS (
            SELECT id FROM connection WHERE id = $1 FOR KEY SHARE
        ), stored AS (
            INSERT INTO delivery (connection_id, webhook_id, body_hash, received_at, verdict, type, dover_candidate_id,
                                  dover_job_id, headers, body, said_at, statements, read_by)
            SELECT id, $3::text, $4::bytea, $5::timestamptz, 'accepted', $6::text, $7::text, $8::text, $9::text, $10::bytea,
                   $11::timestamptz, $12::integer, $13::integer
            FROM here
            WHERE NOT EXISTS (SELECT FROM erased_key WHERE connection_id = $1 AND key_hash = ANY($2::bytea[]))
            ON CONFLICT (connection_id, webhook_id) WHERE verdict <> 'id-reused' DO NOTHING
            RETURNING id, connection_id, received_at, dover_candidate_id, dover_job_id, said_at, statements, read_by,
                      octet_length(body) AS octets
        ), queued AS (
            INSERT INTO pending (delivery_id, connection_id, dover_candidate_id, received_at, dover_job_id, said_at, statements,
                                 read_by, octets)
            SELECT id, connection_id, dover_candidate_id, received_at, dover_job_id, said_at, statements, read_by, octets
            FROM stored WHERE dover_candidate_id IS NOT NULL
            RETURNING connection_id
        ), counted AS (
            INSERT INTO tally AS t (connection_id, what, session, n)
            SELECT connection_id, 'pending', pg_backend_pid(), 1 FROM queued
            ON CONFLICT (connection_id, what, session) DO UPDATE SET n = t.n + 1
        )
        SELECT id FROM stored
        "#,
        one.connection.0,
        &one.keys,
        one.webhook_id,
        &one.body_hash[..],
        one.received_at,
        one.kind,
        about.map(|(candidate, _)| candidate.as_str()),
        about.map(|(_, job)| job.as_str()),
        one.headers,
        &one.body[..],
        one.reading.map(|reading| reading.said_at),
        one.reading.map(|reading| reading.statements.bits()),
        one.reading.map(|reading| reading.read_by),
    )
    .fetch_optional(session)
    .await?;
    Ok(match stored {
        Some(_) => Stored::All,
        None => Stored::These(HashSet::new()),
    })
}
