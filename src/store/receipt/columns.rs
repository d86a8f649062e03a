//! A batch of deliveries as the statements take it: column by column.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Incoming;

/// A batch column by column, as the statement takes it. Nothing is copied.
pub(super) struct Columns<'b> {
    /// Each connection once, in order.
    pub(super) distinct: Vec<Uuid>,
    pub(super) connections: Vec<Uuid>,
    pub(super) webhook_ids: Vec<&'b str>,
    pub(super) hashes: Vec<&'b [u8]>,
    pub(super) received: Vec<DateTime<Utc>>,
    pub(super) kinds: Vec<Option<&'b str>>,
    pub(super) candidates: Vec<Option<&'b str>>,
    pub(super) jobs: Vec<Option<&'b str>>,
    pub(super) headers: Vec<&'b str>,
    pub(super) bodies: Vec<&'b [u8]>,
    pub(super) said: Vec<Option<DateTime<Utc>>>,
    pub(super) statements: Vec<Option<i32>>,
    pub(super) read_by: Vec<Option<i32>>,
}

impl<'b> Columns<'b> {
    pub(super) fn of(batch: &[&'b Incoming]) -> Self {
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
            kinds: column(batch, |one| one.kind.as_deref()),
            candidates: column(batch, |one| about(&one).map(|(id, _)| id.as_str())),
            jobs: column(batch, |one| about(&one).map(|(_, id)| id.as_str())),
            headers: column(batch, |one| one.headers.as_str()),
            bodies: column(batch, |one| &one.body[..]),
            said: column(batch, |one| one.reading.map(|reading| reading.said_at)),
            statements: column(batch, |one| {
                one.reading.map(|reading| reading.statements.bits())
            }),
            read_by: column(batch, |one| one.reading.map(|reading| reading.read_by)),
        }
    }
}

/// One column of a batch.
pub(super) fn column<'b, T>(batch: &[&'b Incoming], of: impl Fn(&'b Incoming) -> T) -> Vec<T> {
    batch.iter().map(|one| of(one)).collect()
}

/// By what people who were erased would be known, each with the place of the delivery that names it.
#[derive(Default)]
pub(super) struct Keys<'b> {
    pub(super) places: Vec<i64>,
    pub(super) connections: Vec<Uuid>,
    pub(super) hashes: Vec<&'b [u8]>,
}

impl<'b> Keys<'b> {
    pub(super) fn of(batch: &[&'b Incoming]) -> Self {
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
