//! Settles what was not stored at once: what met its own id, what is about people who were erased, what is at fault, and what
//! Ashby sends. Each comes to what it would have come to alone.

use std::collections::HashMap;

use axum::body::Bytes;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{Acquire, PgConnection};
use uuid::Uuid;

use super::{
    Incoming, Receipt,
    columns::{Columns, Keys, column},
};
use crate::store::{
    StoreError, connection,
    delivery::{Sender, Verdict},
    erasure, news,
};

impl Incoming {
    /// The same without the person.
    fn emptied(&self) -> Self {
        Self {
            headers: "{}".to_owned(),
            body: Bytes::new(),
            // It is known now, and need not be looked for again.
            keys: Vec::new(),
            // Each names a place in what is gone.
            faults: self.faults.as_ref().map(|_| Value::Array(Vec::new())),
            reading: None,
            is_erased: true,
            ..self.clone()
        }
    }

    fn erased_at(&self) -> Option<DateTime<Utc>> {
        self.is_erased.then_some(self.received_at)
    }

    fn key(&self) -> (Uuid, &str) {
        (self.connection.0, &self.webhook_id)
    }
}

/// Stores in one transaction what [`store_new`](super::store_new) or [`store_one`](super::store_one) left, each as if it came
/// alone, in order: what met its own id, what is about a person who was erased, what Ashby sends. [`StoreError::Gone`] where a
/// connection was removed.
pub async fn settle(
    session: &mut PgConnection,
    batch: &[&Incoming],
) -> Result<Vec<Receipt>, StoreError> {
    let mut tx = session.begin().await?;
    let without_the_erased = without_the_erased(&mut tx, batch).await?;
    let batch: Vec<&Incoming> = match &without_the_erased {
        Some(emptied) => emptied.iter().collect(),
        None => batch.to_vec(),
    };
    let firsts = Firsts::of(&batch);
    let mut receipts: Vec<Option<Receipt>> = vec![None; batch.len()];
    let stored = insert(&mut tx, &firsts.rows).await?;
    let place_of = |stored: &Stored| Some((stored.id, *firsts.places.get(&stored.key())?));
    let places: Vec<_> = stored.iter().filter_map(place_of).collect();
    heard(
        &mut tx,
        places.iter().map(|(id, place)| (*id, batch[*place])),
    )
    .await?;
    for (_, place) in places {
        receipts[place] = Some(Receipt::New(batch[place].verdict()));
    }
    // Whatever is left met its own id: a copy, another body, or one that was rejected before. In order of arrival.
    for (place, incoming) in batch.iter().enumerate() {
        if receipts[place].is_none() {
            receipts[place] = Some(settle_one(&mut tx, incoming).await?);
        }
    }
    tx.commit().await?;
    Ok(receipts.into_iter().flatten().collect())
}

/// The first of each id in a batch.
struct Firsts<'b> {
    rows: Vec<&'b Incoming>,
    /// Where each stands in the batch.
    places: HashMap<(Uuid, &'b str), usize>,
}

impl<'b> Firsts<'b> {
    fn of(batch: &[&'b Incoming]) -> Self {
        let mut firsts = Self {
            rows: Vec::with_capacity(batch.len()),
            places: HashMap::with_capacity(batch.len()),
        };
        for (place, one) in batch.iter().enumerate() {
            firsts.places.entry(one.key()).or_insert_with(|| {
                firsts.rows.push(one);
                place
            });
        }
        firsts
    }
}

/// The batch with the deliveries about people who were erased emptied; `None` where nobody was, which is the rule.
async fn without_the_erased(
    tx: &mut PgConnection,
    batch: &[&Incoming],
) -> Result<Option<Vec<Incoming>>, StoreError> {
    let keys = batch.iter();
    let keys = keys.flat_map(|one| one.keys.iter().map(|key| (one.connection, key.as_slice())));
    let keys: Vec<_> = keys.collect();
    if keys.is_empty() {
        return Ok(None);
    }
    let known = erasure::known_anywhere(&mut *tx, &keys).await?;
    if known.is_empty() {
        return Ok(None);
    }
    let erasure_of = |one: &Incoming| {
        let theirs = known
            .iter()
            .find(|(connection, key, _)| *connection == one.connection && one.keys.contains(key));
        theirs.map(|(.., erasure)| *erasure)
    };
    let (mut emptied, mut learnt) = (Vec::with_capacity(batch.len()), Vec::new());
    for one in batch {
        let Some(erasure) = erasure_of(one) else {
            emptied.push(Incoming::clone(one));
            continue;
        };
        emptied.push(one.emptied());
        let keys = one.keys.iter();
        learnt.extend(keys.map(|key| (one.connection, key.as_slice(), erasure)));
    }
    // Once it is emptied nobody can tell any more that this id, or that address, is theirs.
    erasure::learn(tx, &learnt).await?;
    Ok(Some(emptied))
}

/// A row that was stored.
struct Stored {
    id: i64,
    connection_id: Uuid,
    webhook_id: String,
}

impl Stored {
    fn key(&self) -> (Uuid, &str) {
        (self.connection_id, &self.webhook_id)
    }
}

/// Inserts what has a new id, whatever its sender and verdict, and queues what was accepted. Left out is what is about a
/// person who was erased, and what is for a connection that is gone.
async fn insert(
    session: &mut PgConnection,
    batch: &[&Incoming],
) -> Result<Vec<Stored>, StoreError> {
    let rows = Columns::of(batch);
    let verdicts = column(batch, |one| one.verdict().word());
    let faults = column(batch, |one| one.faults.as_ref());
    let erased = column(batch, Incoming::erased_at);
    let senders = column(batch, |one| one.sender.word());
    let keys = Keys::of(batch);
    let stored = sqlx::query_as!(
        Stored,
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
                $13::text[], $14::bytea[], $15::jsonb[], $16::timestamptz[], $17::text[], $18::timestamptz[], $19::integer[],
                $20::integer[]
            ) WITH ORDINALITY AS i (connection_id, webhook_id, body_hash, received_at, verdict, type,
                                    dover_candidate_id, dover_job_id, headers, body, faults, erased_at, sender,
                                    said_at, statements, read_by, place)
        ), stored AS (
            INSERT INTO delivery (connection_id, webhook_id, body_hash, received_at, verdict, type,
                                  dover_candidate_id, dover_job_id, headers, body, faults, erased_at, sender,
                                  said_at, statements, read_by)
            -- In order of arrival: the identity column is the order in which equal times are settled.
            SELECT connection_id, webhook_id, body_hash, received_at, verdict, type,
                   dover_candidate_id, dover_job_id, headers, body, faults, erased_at, sender,
                   said_at, statements, read_by
            FROM incoming
            WHERE connection_id IN (SELECT id FROM here) AND place NOT IN (SELECT place FROM erased)
            ORDER BY place
            ON CONFLICT (connection_id, webhook_id) WHERE verdict <> 'id-reused' DO NOTHING
            RETURNING id, connection_id, webhook_id, received_at, verdict, dover_candidate_id, dover_job_id, said_at,
                      statements, read_by, octet_length(body) AS octets
        ), queued AS (
            INSERT INTO pending (delivery_id, connection_id, dover_candidate_id, received_at, dover_job_id, said_at, statements,
                                 read_by, octets)
            SELECT id, connection_id, dover_candidate_id, received_at, dover_job_id, said_at, statements, read_by, octets
            FROM stored
            WHERE verdict = 'accepted' AND dover_candidate_id IS NOT NULL
            RETURNING connection_id
        ), counted AS (
            INSERT INTO tally AS t (connection_id, what, session, n)
            SELECT connection_id, 'pending', pg_backend_pid(), count(*) FROM queued GROUP BY connection_id
            ON CONFLICT (connection_id, what, session) DO UPDATE SET n = t.n + excluded.n
        )
        SELECT id, connection_id, webhook_id FROM stored
        "#,
        &rows.distinct,
        &keys.places,
        &keys.connections,
        &keys.hashes as _,
        &rows.connections,
        &rows.webhook_ids as _,
        &rows.hashes as _,
        &rows.received,
        &verdicts as _,
        &rows.kinds as _,
        &rows.candidates as _,
        &rows.jobs as _,
        &rows.headers as _,
        &rows.bodies as _,
        &faults as _,
        &erased as _,
        &senders as _,
        &rows.said as _,
        &rows.statements as _,
        &rows.read_by as _,
    )
    .fetch_all(session)
    .await?;
    Ok(stored)
}

/// Files Ashby's deliveries among Ashby's, and queues what they tell.
async fn heard(
    tx: &mut PgConnection,
    stored: impl Iterator<Item = (i64, &Incoming)>,
) -> Result<(), StoreError> {
    let (mut filed, mut told) = (Vec::new(), Vec::new());
    for (id, incoming) in stored.filter(|(_, one)| one.sender == Sender::Ashby) {
        filed.push((id, incoming.connection, incoming.ashby_candidate.clone()));
        told.extend(
            incoming
                .told
                .clone()
                .map(|news| (id, incoming.connection, news)),
        );
    }
    if !filed.is_empty() {
        news::file(tx, &filed).await?;
        news::tell(tx, told).await?;
    }
    Ok(())
}

/// Settles a delivery whose id was used before.
async fn settle_one(tx: &mut PgConnection, incoming: &Incoming) -> Result<Receipt, StoreError> {
    let first = sqlx::query!(
        r#"
        SELECT id, verdict, body_hash FROM delivery
        WHERE connection_id = $1 AND webhook_id = $2 AND verdict <> 'id-reused' FOR UPDATE
        "#,
        incoming.connection.0,
        incoming.webhook_id
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(first) = first else {
        return settle_free(tx, incoming).await;
    };
    let verdict = Verdict::parse(&first.verdict)?;
    let same_body = first.body_hash == incoming.body_hash;
    if same_body && (verdict == Verdict::Accepted || incoming.faults.is_some()) {
        sqlx::query!(
            "UPDATE delivery SET copies = copies + 1 WHERE connection_id = $1 AND id = $2",
            incoming.connection.0,
            first.id
        )
        .execute(tx)
        .await?;
        return Ok(Receipt::Copy(verdict));
    }
    if verdict == Verdict::Rejected {
        // Nothing of the rejected one was used, so its sender may try again under the same id.
        sqlx::query!(
            "DELETE FROM delivery WHERE connection_id = $1 AND id = $2",
            incoming.connection.0,
            first.id
        )
        .execute(&mut *tx)
        .await?;
        return settle_free(tx, incoming).await;
    }
    reuse(tx, incoming).await
}

/// Stores a delivery whose id is free again, unless another was faster: that one is met on the next look.
async fn settle_free(tx: &mut PgConnection, incoming: &Incoming) -> Result<Receipt, StoreError> {
    // Its person may have been erased this moment.
    let emptied = without_the_erased(tx, &[incoming]).await?;
    let incoming = emptied
        .as_deref()
        .and_then(<[_]>::first)
        .unwrap_or(incoming);
    if let Some(stored) = insert(tx, &[incoming]).await?.first() {
        heard(tx, std::iter::once((stored.id, incoming))).await?;
        return Ok(Receipt::New(incoming.verdict()));
    }
    if connection::by_id(&mut *tx, incoming.connection)
        .await?
        .is_none()
    {
        return Err(StoreError::Gone("the connection"));
    }
    Box::pin(settle_one(tx, incoming)).await
}

/// Keeps another body under a used id beside the first.
async fn reuse(tx: &mut PgConnection, incoming: &Incoming) -> Result<Receipt, StoreError> {
    let about = incoming.about.as_ref();
    let stored = sqlx::query!(
        r#"
        INSERT INTO delivery (connection_id, webhook_id, body_hash, received_at, verdict, type, dover_candidate_id,
                              dover_job_id, headers, body, faults, erased_at, sender)
        VALUES ($1, $2, $3, $4, 'id-reused', $5, $6, $7, $8, $9, $10, $11, $12)
        ON CONFLICT (connection_id, webhook_id, body_hash) WHERE verdict = 'id-reused'
        DO UPDATE SET copies = delivery.copies + 1
        RETURNING id, copies
        "#,
        incoming.connection.0,
        incoming.webhook_id,
        &incoming.body_hash[..],
        incoming.received_at,
        incoming.kind,
        about.map(|(candidate, _)| candidate.as_str()),
        about.map(|(_, job)| job.as_str()),
        incoming.headers,
        &incoming.body[..],
        incoming.faults,
        incoming.erased_at(),
        incoming.sender.word(),
    )
    .fetch_one(&mut *tx)
    .await?;
    if stored.copies == 1 {
        heard(tx, std::iter::once((stored.id, incoming))).await?;
    }
    let verdict = if incoming.faults.is_some() {
        Verdict::Rejected
    } else {
        Verdict::IdReused
    };
    Ok(if stored.copies == 1 {
        Receipt::New(verdict)
    } else {
        Receipt::Copy(verdict)
    })
}
