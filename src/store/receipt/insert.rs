//! Inserts what is new, and queues it.

use std::collections::HashSet;

use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Incoming,
    columns::{Columns, Keys},
    copies::Copies,
};
use crate::store::StoreError;

/// What keeps ids unique.
const UNIQUE: &str = "delivery_webhook_id";

/// What of some deliveries was stored.
pub(super) enum Stored {
    /// All of it.
    All,
    /// What has these names and bodies.
    These(HashSet<(Uuid, String, Vec<u8>)>),
}

impl Stored {
    /// Nothing.
    pub(super) fn none() -> Self {
        Self::These(HashSet::new())
    }

    /// What was `counted` of `wanted`.
    fn of(counted: Counted, wanted: i64) -> Self {
        if counted.stored == wanted {
            return Self::All;
        }
        let connections = counted.connections.into_iter().flatten();
        let names = connections.zip(counted.names.into_iter().flatten());
        let names = names.zip(counted.hashes.into_iter().flatten());
        let names = names.map(|((connection, name), hash)| (connection, name, hash));
        Self::These(names.collect())
    }

    /// Whether `one` was stored; of several with one name and body the first was.
    pub(super) fn take(&mut self, one: &Incoming) -> bool {
        match self {
            Self::All => true,
            Self::These(names) => {
                let hash = one.body_hash.to_vec();
                names.remove(&(one.connection.0, one.webhook_id.clone(), hash))
            }
        }
    }
}

/// How many rows a statement stored; which, where that is not all.
struct Counted {
    stored: i64,
    connections: Option<Vec<Uuid>>,
    names: Option<Vec<String>>,
    hashes: Option<Vec<Vec<u8>>>,
}

/// The statement for a batch of `$wanted`. `$on_conflict`: what it does with a row whose id is there.
macro_rules! insert {
    ($on_conflict:literal, $session:expr, $rows:ident, $keys:ident, $wanted:ident) => {{
        let counted = sqlx::query_as!(
            Counted,
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
                -- In order of arrival, as the lists are unpacked: the identity column is the order in which equal times are settled.
                -- Nothing here is joined, so that nothing has to be put back in order.
                SELECT connection_id, webhook_id, body_hash, received_at, 'accepted', type, dover_candidate_id, dover_job_id,
                       headers, body, said_at, statements, read_by
                FROM incoming
                WHERE connection_id = ANY(ARRAY(SELECT id FROM here)) AND place <> ALL(ARRAY(SELECT place FROM erased))
                "#
                + $on_conflict
                + r#"
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
            &$rows.distinct,
            &$keys.places,
            &$keys.connections,
            &$keys.hashes as _,
            &$rows.connections,
            &$rows.webhook_ids as _,
            &$rows.hashes as _,
            &$rows.received,
            &$rows.kinds as _,
            &$rows.candidates as _,
            &$rows.jobs as _,
            &$rows.headers as _,
            &$rows.bodies as _,
            &$rows.said as _,
            &$rows.statements as _,
            &$rows.read_by as _,
            $wanted,
        )
        .fetch_one($session)
        .await;
        counted.map(|counted| Stored::of(counted, $wanted)).map_err(StoreError::from)
    }};
}

/// Inserts what has a new id, and queues it. Left out is what is about a person who was erased, and what is for a
/// connection that is gone. That a verdict is known, and a rejected one says why, holds by what is written here and in
/// [`settle()`](super::settle()): the database looked at a constraint anew with each statement, which cost more than writing to
/// an index.
///
/// Where no copy came of late it does not look for one first: to be ready for one costs a tenth of what a row costs. One that comes
/// all the same undoes the statement, and the batch is looked over.
pub(super) async fn many(
    session: &mut PgConnection,
    batch: &[&Incoming],
    copies: &Copies,
) -> Result<Stored, StoreError> {
    let (rows, keys) = (Columns::of(batch), Keys::of(batch));
    let wanted = i64::try_from(batch.len()).unwrap_or(i64::MAX);
    if copies.are_unlikely() {
        match insert!("", &mut *session, rows, keys, wanted) {
            Err(error) if error.is_constraint(UNIQUE) => copies.came(),
            stored => return stored,
        }
    }
    let stored = insert!(
        "ON CONFLICT (connection_id, webhook_id) WHERE verdict <> 'id-reused' DO NOTHING",
        session,
        rows,
        keys,
        wanted
    )?;
    copies.looked_over();
    Ok(stored)
}

/// The same of a single delivery, for which unpacking lists costs more than all the rest.
pub(super) async fn one(session: &mut PgConnection, one: &Incoming) -> Result<Stored, StoreError> {
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
        None => Stored::none(),
    })
}
