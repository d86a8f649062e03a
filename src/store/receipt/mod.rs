//! Storing webhooks as they come: once an id, many in one statement.

mod columns;
mod copies;
mod insert;
mod settle;

use axum::body::Bytes;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use super::{
    StoreError,
    delivery::{Sender, Verdict},
    news::Told,
};
use crate::{
    ids::{CandidateId, ConnectionId, DoverCandidateId, DoverJobId},
    plan::outline::Statements,
};
pub use copies::Copies;
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
/// Where a copy among several is not expected by `copies`, it takes a second statement, and is expected for a while. Answers a
/// receipt for each that was stored; `None` for what [`settle()`] is for. Of several with one id the first is stored.
pub async fn store_new(
    session: &mut PgConnection,
    batch: &[&Incoming],
    copies: &Copies,
) -> Result<Vec<Option<Receipt>>, StoreError> {
    let plain = batch.iter().copied().filter(|one| one.is_plain());
    let plain: Vec<&Incoming> = plain.collect();
    let mut stored = match plain[..] {
        [] => insert::Stored::none(),
        [one] => insert::one(session, one).await?,
        _ => insert::many(session, &plain, copies).await?,
    };
    let receipts = batch.iter().map(|one| {
        let is_stored = one.is_plain() && stored.take(one);
        is_stored.then_some(Receipt::New(Verdict::Accepted))
    });
    Ok(receipts.collect())
}

/// The same of a single one.
pub async fn store_one(
    session: &mut PgConnection,
    one: &Incoming,
) -> Result<Option<Receipt>, StoreError> {
    let is_stored = one.is_plain() && insert::one(session, one).await?.take(one);
    Ok(is_stored.then_some(Receipt::New(Verdict::Accepted)))
}
