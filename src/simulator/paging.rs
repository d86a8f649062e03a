//! Lists: pages, cursors and sync tokens.
//!
//! A pass starts without a cursor and ends with the page that has `moreDataAvailable: false`, the only one with a sync
//! token. The token marks where the pass *started*, so that what changed meanwhile is told again rather than lost.
//! Cursors are opaque and carry the query that they belong to; tokens are kept here. Both are bound to endpoint and
//! filters: whether Ashby binds them so is unknown, and a client that relies on the opposite should be found out.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{
    answer::{Refusal, Reply},
    input::{Field, Input, Kind, optional},
    shelf::{Age, Row, Shelf},
    world::World,
};

/// The three fields of every list that can be synced.
pub(crate) const CURSOR: Field = optional("cursor", Kind::Token);
/// See [`CURSOR`].
pub(crate) const SYNC_TOKEN: Field = optional("syncToken", Kind::Token);
/// See [`CURSOR`].
pub(crate) const LIMIT: Field = optional("limit", Kind::Limit);

/// The sync tokens that were given out.
pub(crate) type Tokens = HashMap<String, Issued>;

/// A sync token's meaning.
#[derive(Clone)]
pub(crate) struct Issued {
    query: u64,
    serial: u64,
    at: DateTime<Utc>,
}

/// What a cursor carries.
#[derive(Serialize, Deserialize)]
struct Cursor {
    query: u64,
    since: Option<u64>,
    started_at_serial: u64,
    page: u32,
    after: (i64, u64),
    issued_at: i64,
}

/// One page of one pass over a list.
pub(crate) struct Pass {
    query: u64,
    /// Only what changed after this change; everything without it.
    since: Option<u64>,
    after: Option<Age>,
    started_at_serial: u64,
    page: u32,
    limit: usize,
}

impl Pass {
    /// Opens a page of `endpoint`. `filters` are the fields that cursor and token are bound to.
    pub(crate) fn open(
        world: &World,
        endpoint: &str,
        input: &Input,
        filters: &[&str],
    ) -> Result<Self, Refusal> {
        let query = fingerprint(endpoint, input, filters);
        let token = input.text("syncToken");
        let since = token.map(|token| redeem(world, token, query)).transpose()?;
        let limit = input.whole("limit").unwrap_or(100);
        let mut pass = Self {
            query,
            since,
            after: None,
            started_at_serial: world.serial,
            page: 0,
            limit: usize::try_from(limit).unwrap_or(100),
        };
        if let Some(cursor) = input.text("cursor") {
            pass.resume(world, cursor)?;
        }
        let cap = world.switches.max_incremental_pages;
        if pass.since.is_some() && pass.page >= cap {
            return Err(Refusal::new(
                "incremental_sync_too_large",
                format!(
                    "This sync has more than {cap} pages. Start a full sync without a syncToken"
                ),
            ));
        }
        Ok(pass)
    }

    /// Takes up the pass that the cursor belongs to. The token may be repeated beside it or left out: clients do both.
    fn resume(&mut self, world: &World, cursor: &str) -> Result<(), Refusal> {
        let invalid = || Refusal::new("invalid_next_cursor", "The cursor does not fit this query");
        let cursor = decode(cursor).ok_or_else(invalid)?;
        let other_pass = self.since.is_some() && self.since != cursor.since;
        if cursor.query != self.query || other_pass {
            return Err(invalid());
        }
        let lifetime = TimeDelta::seconds(world.switches.cursor_lifetime_seconds.into());
        if world.now.timestamp_millis() > cursor.issued_at + lifetime.num_milliseconds() {
            return Err(Refusal::new(
                "next_cursor_expired",
                "The cursor has expired. Start the list again",
            ));
        }
        let (millis, born) = cursor.after;
        self.after = DateTime::from_timestamp_millis(millis).map(|at| (at, born));
        self.since = cursor.since;
        self.started_at_serial = cursor.started_at_serial;
        self.page = cursor.page;
        Ok(())
    }

    /// The objects of this page, oldest first, and the place to go on from where there are more.
    pub(crate) fn select<T>(
        &mut self,
        world: &World,
        objects: &Shelf<T>,
        wanted: impl Fn(&Row<T>) -> bool,
    ) -> (Vec<Uuid>, Option<Age>) {
        self.wait_for_the_submerged(world, objects);
        let rows: Box<dyn Iterator<Item = &Row<T>>> = match self.since {
            Some(serial) => {
                let rows = objects.changed_since(serial).into_iter();
                Box::new(rows.filter(|row| self.after.is_none_or(|after| row.age() > after)))
            }
            None => Box::new(objects.after(self.after)),
        };
        let mut found: Vec<_> = rows
            .filter(|row| world.has_surfaced(row) && wanted(row))
            .map(|row| (row.id, row.age()))
            .take(self.limit + 1)
            .collect();
        let more = found.len() > self.limit;
        found.truncate(self.limit);
        let next = found.last().filter(|_| more).map(|(_, age)| *age);
        (found.into_iter().map(|(id, _)| id).collect(), next)
    }

    /// A lagging list must not give a token that is ahead of what it shows, or what it hides now would never be told.
    fn wait_for_the_submerged<T>(&mut self, world: &World, objects: &Shelf<T>) {
        if world.switches.list_lag_seconds == 0 {
            return;
        }
        let hidden = objects.iter().filter(|row| !world.has_surfaced(row));
        if let Some(first) = hidden.map(|row| row.changed).min() {
            self.started_at_serial = self.started_at_serial.min(first - 1);
        }
    }

    /// The reply: with a cursor where there are more, else with a sync token.
    pub(crate) fn close(self, world: &mut World, results: Vec<Value>, next: Option<Age>) -> Reply {
        let mut reply = Reply::of(results);
        let more = next.is_some();
        reply.0.insert("moreDataAvailable".into(), more.into());
        if let Some(age) = next {
            let cursor = self.cursor(age, world.now);
            reply.0.insert("nextCursor".into(), cursor.into());
        } else {
            let token = world.chance.sync_token();
            let issued = Issued {
                query: self.query,
                serial: self.started_at_serial,
                at: world.now,
            };
            world.tokens.insert(token.clone(), issued);
            reply.0.insert("syncToken".into(), token.into());
        }
        reply
    }

    fn cursor(&self, (created_at, born): Age, now: DateTime<Utc>) -> String {
        let cursor = Cursor {
            query: self.query,
            since: self.since,
            started_at_serial: self.started_at_serial,
            page: self.page + 1,
            after: (created_at.timestamp_millis(), born),
            issued_at: now.timestamp_millis(),
        };
        let json = serde_json::to_vec(&cursor).expect("numbers always make JSON");
        URL_SAFE_NO_PAD.encode(json)
    }
}

fn decode(cursor: &str) -> Option<Cursor> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()
}

/// The change that a token marks.
fn redeem(world: &World, token: &str, query: u64) -> Result<u64, Refusal> {
    let issued = world
        .tokens
        .get(token)
        .filter(|issued| issued.query == query)
        .ok_or_else(|| {
            Refusal::new(
                "sync_token_invalid",
                "The sync token does not fit this query",
            )
        })?;
    let lifetime = TimeDelta::seconds(world.switches.sync_token_lifetime_seconds.into());
    if world.now > issued.at + lifetime {
        return Err(Refusal::new(
            "sync_token_expired",
            "The sync token has expired. Start a full sync",
        ));
    }
    Ok(issued.serial)
}

fn fingerprint(endpoint: &str, input: &Input, filters: &[&str]) -> u64 {
    let mut hasher = DefaultHasher::new();
    endpoint.hash(&mut hasher);
    for filter in filters {
        input.raw(filter).map(ToString::to_string).hash(&mut hasher);
    }
    hasher.finish()
}
