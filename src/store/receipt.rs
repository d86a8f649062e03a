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

/// Stores a batch in one transaction, exactly: each delivery gets the receipt that it would have got alone, in order.
pub async fn receive(
    connection: &mut PgConnection,
    batch: &[Incoming],
) -> Result<Vec<Receipt>, StoreError> {
    let mut tx = connection.begin().await?;
    let without_the_erased = without_the_erased(&mut tx, batch).await?;
    let batch = without_the_erased.as_deref().unwrap_or(batch);
    let mut leaders: HashMap<(Uuid, &str), usize> = HashMap::with_capacity(batch.len());
    let mut first = Vec::with_capacity(batch.len());
    let mut receipts: Vec<Option<Receipt>> = vec![None; batch.len()];
    for (place, incoming) in batch.iter().enumerate() {
        leaders.entry(incoming.key()).or_insert_with(|| {
            first.push(incoming);
            place
        });
    }
    for (connection, webhook_id) in insert(&mut tx, &first).await? {
        if let Some(&place) = leaders.get(&(connection, webhook_id.as_str())) {
            receipts[place] = Some(Receipt::New(batch[place].verdict()));
        }
    }
    // Whatever is left met its own id: a copy, another body, or one that was rejected before. In order of arrival.
    for (place, incoming) in batch.iter().enumerate() {
        if receipts[place].is_none() {
            receipts[place] = Some(settle(&mut tx, incoming).await?);
        }
    }
    tx.commit().await?;
    Ok(receipts.into_iter().flatten().collect())
}

/// The batch with the deliveries about people who were erased emptied; `None` where nobody was, which is the rule.
async fn without_the_erased(
    tx: &mut PgConnection,
    batch: &[Incoming],
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
            emptied.push(one.clone());
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

/// Inserts what has a new id, and queues what was accepted. Answers the ids that were new.
async fn insert(
    tx: &mut PgConnection,
    batch: &[&Incoming],
) -> Result<Vec<(Uuid, String)>, StoreError> {
    let connections: Vec<_> = batch.iter().map(|incoming| incoming.connection.0).collect();
    let webhook_ids: Vec<_> = batch
        .iter()
        .map(|incoming| incoming.webhook_id.clone())
        .collect();
    let hashes: Vec<_> = batch
        .iter()
        .map(|incoming| incoming.body_hash.to_vec())
        .collect();
    let received: Vec<_> = batch.iter().map(|incoming| incoming.received_at).collect();
    let verdicts: Vec<_> = batch
        .iter()
        .map(|incoming| incoming.verdict().word().to_owned())
        .collect();
    let kinds: Vec<_> = batch.iter().map(|incoming| incoming.kind.clone()).collect();
    let candidates: Vec<_> = batch
        .iter()
        .map(|incoming| incoming.about.as_ref().map(|(id, _)| id.0.clone()))
        .collect();
    let jobs: Vec<_> = batch
        .iter()
        .map(|incoming| incoming.about.as_ref().map(|(_, id)| id.0.clone()))
        .collect();
    let headers: Vec<_> = batch
        .iter()
        .map(|incoming| incoming.headers.clone())
        .collect();
    let bodies: Vec<_> = batch
        .iter()
        .map(|incoming| incoming.body.to_vec())
        .collect();
    let faults: Vec<_> = batch
        .iter()
        .map(|incoming| incoming.faults.clone())
        .collect();
    let erased: Vec<_> = batch.iter().map(|incoming| incoming.erased_at()).collect();
    let senders: Vec<_> = batch
        .iter()
        .map(|incoming| incoming.sender.word().to_owned())
        .collect();
    let rows = sqlx::query!(
        r#"
        WITH incoming AS (
            SELECT * FROM unnest(
                $1::uuid[], $2::text[], $3::bytea[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::text[],
                $9::text[], $10::bytea[], $11::jsonb[], $12::timestamptz[], $13::text[]
            ) WITH ORDINALITY AS i (connection_id, webhook_id, body_hash, received_at, verdict, type,
                                    dover_candidate_id, dover_job_id, headers, body, faults, erased_at, sender,
                                    place)
        ), stored AS (
            INSERT INTO delivery (connection_id, webhook_id, body_hash, received_at, verdict, type,
                                  dover_candidate_id, dover_job_id, headers, body, faults, erased_at, sender)
            -- In order of arrival: the identity column is the order in which equal times are settled.
            SELECT connection_id, webhook_id, body_hash, received_at, verdict, type,
                   dover_candidate_id, dover_job_id, headers, body, faults, erased_at, sender
            FROM incoming ORDER BY place
            ON CONFLICT (connection_id, webhook_id) WHERE verdict <> 'id-reused' DO NOTHING
            RETURNING id, connection_id, webhook_id, received_at, verdict, dover_candidate_id
        ), queued AS (
            INSERT INTO pending (delivery_id, connection_id, received_at)
            SELECT id, connection_id, received_at FROM stored
            WHERE verdict = 'accepted' AND dover_candidate_id IS NOT NULL
        )
        SELECT id, connection_id, webhook_id FROM stored
        "#,
        &connections,
        &webhook_ids,
        &hashes,
        &received,
        &verdicts,
        &kinds as _,
        &candidates as _,
        &jobs as _,
        &headers,
        &bodies,
        &faults as _,
        &erased as _,
        &senders,
    )
    .fetch_all(&mut *tx)
    .await?;
    let ids: HashMap<(Uuid, &str), i64> = rows
        .iter()
        .map(|row| ((row.connection_id, row.webhook_id.as_str()), row.id))
        .collect();
    let ours = batch
        .iter()
        .filter_map(|one| Some((*ids.get(&one.key())?, *one)));
    heard(tx, ours).await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.connection_id, row.webhook_id))
        .collect())
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
async fn settle(tx: &mut PgConnection, incoming: &Incoming) -> Result<Receipt, StoreError> {
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
        // It was removed since. The id is free again, unless another was faster: that one is met on the next look.
        if insert(tx, &[incoming]).await?.is_empty() {
            return Box::pin(settle(tx, incoming)).await;
        }
        return Ok(Receipt::New(incoming.verdict()));
    };
    let verdict = Verdict::parse(&first.verdict)?;
    let same_body = first.body_hash == incoming.body_hash;
    if same_body && (verdict == Verdict::Accepted || incoming.faults.is_some()) {
        sqlx::query!(
            "UPDATE delivery SET copies = copies + 1 WHERE id = $1",
            first.id
        )
        .execute(tx)
        .await?;
        return Ok(Receipt::Copy(verdict));
    }
    if verdict == Verdict::Rejected {
        // Nothing of the rejected one was used, so its sender may try again under the same id.
        sqlx::query!("DELETE FROM delivery WHERE id = $1", first.id)
            .execute(&mut *tx)
            .await?;
        insert(tx, &[incoming]).await?;
        return Ok(Receipt::New(incoming.verdict()));
    }
    reuse(tx, incoming).await
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
