//! Storing webhooks as they come: once an id, many in one statement.

use std::collections::HashMap;

use axum::body::Bytes;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{Acquire, PgConnection};
use uuid::Uuid;

use super::{
    StoreError,
    delivery::{Sender, Verdict},
    erasure,
    news::{self, Told},
};
use crate::ids::{CandidateId, ConnectionId, DoverCandidateId, DoverJobId};

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

impl Incoming {
    const fn verdict(&self) -> Verdict {
        if self.faults.is_some() {
            Verdict::Rejected
        } else {
            Verdict::Accepted
        }
    }

    /// The same without the person.
    fn emptied(&self) -> Self {
        Self {
            headers: "{}".to_owned(),
            body: Bytes::new(),
            // It is known now, and need not be looked for again.
            keys: Vec::new(),
            // Each names a place in what is gone.
            faults: self.faults.as_ref().map(|_| Value::Array(Vec::new())),
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

/// What is answered to a delivery once it is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// Stored for the first time.
    New(Verdict),
    /// Same id, same body as one that was stored before.
    Copy(Verdict),
}

/// Stores what of a batch has a new id, in one statement that commits by itself: nearly always all of it. Answers a receipt
/// for each that was stored; `None` for what [`settle`] is for. Of several with one id only the first is tried.
pub async fn store_new(
    session: &mut PgConnection,
    batch: &[&Incoming],
) -> Result<Vec<Option<Receipt>>, StoreError> {
    let mut receipts = vec![None; batch.len()];
    // What Ashby sends is filed in further tables.
    let firsts = Firsts::of(batch, |one| one.sender == Sender::Dover);
    if firsts.rows.is_empty() {
        return Ok(receipts);
    }
    for stored in insert(session, &firsts.rows).await? {
        if let Some(&place) = firsts.places.get(&stored.key()) {
            receipts[place] = Some(Receipt::New(batch[place].verdict()));
        }
    }
    Ok(receipts)
}

/// Stores in one transaction what [`store_new`] left, each as if it came alone, in order: what met its own id, what is about
/// a person who was erased, what Ashby sends. [`StoreError::Gone`] where a connection was removed.
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
    let firsts = Firsts::of(&batch, |_| true);
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
    fn of(batch: &[&'b Incoming], is_wanted: impl Fn(&Incoming) -> bool) -> Self {
        let mut firsts = Self {
            rows: Vec::with_capacity(batch.len()),
            places: HashMap::with_capacity(batch.len()),
        };
        for (place, one) in batch.iter().enumerate().filter(|(_, one)| is_wanted(one)) {
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

/// Inserts what has a new id, and queues what was accepted. Left out is what is about a person who was erased, and what is
/// for a connection that is gone.
async fn insert(
    session: &mut PgConnection,
    batch: &[&Incoming],
) -> Result<Vec<Stored>, StoreError> {
    if let [one] = batch {
        return insert_one(session, one).await;
    }
    let rows = Columns::of(batch);
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
                $13::text[], $14::bytea[], $15::jsonb[], $16::timestamptz[], $17::text[]
            ) WITH ORDINALITY AS i (connection_id, webhook_id, body_hash, received_at, verdict, type,
                                    dover_candidate_id, dover_job_id, headers, body, faults, erased_at, sender,
                                    place)
        ), stored AS (
            INSERT INTO delivery (connection_id, webhook_id, body_hash, received_at, verdict, type,
                                  dover_candidate_id, dover_job_id, headers, body, faults, erased_at, sender)
            -- In order of arrival: the identity column is the order in which equal times are settled.
            SELECT connection_id, webhook_id, body_hash, received_at, verdict, type,
                   dover_candidate_id, dover_job_id, headers, body, faults, erased_at, sender
            FROM incoming
            WHERE connection_id IN (SELECT id FROM here) AND place NOT IN (SELECT place FROM erased)
            ORDER BY place
            ON CONFLICT (connection_id, webhook_id) WHERE verdict <> 'id-reused' DO NOTHING
            RETURNING id, connection_id, webhook_id, received_at, verdict, dover_candidate_id
        ), queued AS (
            INSERT INTO pending (delivery_id, connection_id, dover_candidate_id, received_at)
            SELECT id, connection_id, dover_candidate_id, received_at FROM stored
            WHERE verdict = 'accepted' AND dover_candidate_id IS NOT NULL
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
        &rows.verdicts as _,
        &rows.kinds as _,
        &rows.candidates as _,
        &rows.jobs as _,
        &rows.headers as _,
        &rows.bodies as _,
        &rows.faults as _,
        &rows.erased as _,
        &rows.senders as _,
    )
    .fetch_all(session)
    .await?;
    Ok(stored)
}

/// The same of a single delivery, for which unpacking lists costs more than all the rest.
async fn insert_one(session: &mut PgConnection, one: &Incoming) -> Result<Vec<Stored>, StoreError> {
    let about = one.about.as_ref();
    let stored = sqlx::query_as!(
        Stored,
        r#"
        WITH here AS (
            SELECT id FROM connection WHERE id = $1 FOR KEY SHARE
        ), stored AS (
            INSERT INTO delivery (connection_id, webhook_id, body_hash, received_at, verdict, type,
                                  dover_candidate_id, dover_job_id, headers, body, faults, erased_at, sender)
            SELECT id, $3::text, $4::bytea, $5::timestamptz, $6::text, $7::text,
                   $8::text, $9::text, $10::text, $11::bytea, $12::jsonb, $13::timestamptz, $14::text
            FROM here
            WHERE NOT EXISTS (SELECT FROM erased_key WHERE connection_id = $1 AND key_hash = ANY($2::bytea[]))
            ON CONFLICT (connection_id, webhook_id) WHERE verdict <> 'id-reused' DO NOTHING
            RETURNING id, connection_id, webhook_id, received_at, verdict, dover_candidate_id
        ), queued AS (
            INSERT INTO pending (delivery_id, connection_id, dover_candidate_id, received_at)
            SELECT id, connection_id, dover_candidate_id, received_at FROM stored
            WHERE verdict = 'accepted' AND dover_candidate_id IS NOT NULL
        )
        SELECT id, connection_id, webhook_id FROM stored
        "#,
        one.connection.0,
        &one.keys,
        one.webhook_id,
        &one.body_hash[..],
        one.received_at,
        one.verdict().word(),
        one.kind,
        about.map(|(candidate, _)| candidate.as_str()),
        about.map(|(_, job)| job.as_str()),
        one.headers,
        &one.body[..],
        one.faults,
        one.erased_at(),
        one.sender.word(),
    )
    .fetch_all(session)
    .await?;
    Ok(stored)
}

/// A batch column by column, as the statement takes it. Nothing is copied.
struct Columns<'b> {
    /// Each connection once, in order.
    distinct: Vec<Uuid>,
    connections: Vec<Uuid>,
    webhook_ids: Vec<&'b str>,
    hashes: Vec<&'b [u8]>,
    received: Vec<DateTime<Utc>>,
    verdicts: Vec<&'static str>,
    kinds: Vec<Option<&'b str>>,
    candidates: Vec<Option<&'b str>>,
    jobs: Vec<Option<&'b str>>,
    headers: Vec<&'b str>,
    bodies: Vec<&'b [u8]>,
    faults: Vec<Option<&'b Value>>,
    erased: Vec<Option<DateTime<Utc>>>,
    senders: Vec<&'static str>,
}

impl<'b> Columns<'b> {
    fn of(batch: &[&'b Incoming]) -> Self {
        let about = |one: &&'b Incoming| one.about.as_ref();
        let mut distinct: Vec<_> = column(batch, |one| one.connection.0);
        distinct.sort_unstable();
        distinct.dedup();
        Self {
            distinct,
            connections: column(batch, |one| one.connection.0),
            webhook_ids: column(batch, |one| one.webhook_id.as_str()),
            hashes: column(batch, |one| &one.body_hash[..]),
            received: column(batch, |one| one.received_at),
            verdicts: column(batch, |one| one.verdict().word()),
            kinds: column(batch, |one| one.kind.as_deref()),
            candidates: column(batch, |one| about(&one).map(|(id, _)| id.as_str())),
            jobs: column(batch, |one| about(&one).map(|(_, id)| id.as_str())),
            headers: column(batch, |one| one.headers.as_str()),
            bodies: column(batch, |one| &one.body[..]),
            faults: column(batch, |one| one.faults.as_ref()),
            erased: column(batch, Incoming::erased_at),
            senders: column(batch, |one| one.sender.word()),
        }
    }
}

fn column<'b, T>(batch: &[&'b Incoming], of: impl Fn(&'b Incoming) -> T) -> Vec<T> {
    batch.iter().map(|one| of(one)).collect()
}

/// By what people who were erased would be known, each with the place of the delivery that names it.
#[derive(Default)]
struct Keys<'b> {
    places: Vec<i64>,
    connections: Vec<Uuid>,
    hashes: Vec<&'b [u8]>,
}

impl<'b> Keys<'b> {
    fn of(batch: &[&'b Incoming]) -> Self {
        let mut keys = Self::default();
        // Postgres counts from one.
        for (place, one) in (1..).zip(batch) {
            for key in &one.keys {
                keys.places.push(place);
                keys.connections.push(one.connection.0);
                keys.hashes.push(key);
            }
        }
        keys
    }
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
    if super::connection::by_id(&mut *tx, incoming.connection)
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
