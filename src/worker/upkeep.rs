//! What nobody asks for: gathers the tallies of sessions that are gone, and removes what has been kept for long enough. In
//! turns, so that no connection waits for another's years; and only so much at a time, whatever there is.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

use crate::{
    ids::{ConnectionId, FlushId},
    store::{self, StoreError, connection::Connection, retention},
    sync::Sync,
};

/// Rows that one step looks at: some tens of milliseconds.
const STEP: i64 = 2_000;

/// Steps of one run, of all connections together. Ten minutes pass until the next.
const STEPS: usize = 500;

/// How long a connection rests once everything old is gone: what has to be kept among it is passed over again each time.
const REST: TimeDelta = TimeDelta::hours(1);

/// How long a webhook secret is kept after its death.
const DEAD_SECRETS: TimeDelta = TimeDelta::days(30);

/// How long the upload of an exclusion list may stand still before it is taken for broken off.
const UPLOADS: TimeDelta = TimeDelta::hours(1);

/// How far a connection has come.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    deliveries: Place<i64>,
    notes: Place<()>,
    flushes: Place<FlushId>,
}

/// How far the removal of one kind of thing has come.
#[derive(Clone, Copy, Debug)]
struct Place<Id> {
    /// Where the next step begins; nothing for the start.
    at: Option<Id>,
    /// Everything old was gone through; not before this again.
    rests_until: DateTime<Utc>,
}

impl<Id> Default for Place<Id> {
    fn default() -> Self {
        Self {
            at: None,
            rests_until: DateTime::UNIX_EPOCH,
        }
    }
}

impl<Id> Place<Id> {
    fn went(&mut self, step: retention::Step<Id>, now: DateTime<Utc>) -> u64 {
        if step.next.is_none() {
            self.rests_until = now + REST;
        }
        self.at = step.next;
        step.removed
    }
}

/// The upkeep of one process. Remembers how far it came; another process, or this one started anew, goes over the same
/// ground and does no harm.
#[derive(Debug, Default)]
pub struct Upkeep {
    progress: HashMap<ConnectionId, Progress>,
    /// Whose turn it is first, counted on with each run.
    turn: usize,
}

impl Upkeep {
    /// One run, unless it is told to stop. Answers how many rows went.
    pub async fn run(
        &mut self,
        sync: &Sync,
        shutdown: &CancellationToken,
    ) -> Result<u64, StoreError> {
        let now = sync.clock.now();
        store::overview::gather_tallies(&sync.pool).await?;
        store::overview::correct_tallies(&sync.pool).await?;
        retention::webhook_secrets(&sync.pool, now - DEAD_SECRETS).await?;
        sweep_exclusions(sync, shutdown).await?;
        let mut all = store::connection::list(&sync.pool, "", i64::MAX).await?;
        self.progress
            .retain(|id, _| all.iter().any(|connection| connection.id == *id));
        if !all.is_empty() {
            let first = self.turn % all.len();
            all.rotate_left(first);
        }
        self.turn = self.turn.wrapping_add(1);
        let (mut removed, mut steps) = (0, 0);
        while !all.is_empty() && steps < STEPS {
            let mut still = Vec::with_capacity(all.len());
            for connection in all {
                if shutdown.is_cancelled() || steps >= STEPS {
                    return Ok(removed);
                }
                if let Some(count) = self.step(sync, &connection, now).await? {
                    removed += count;
                    steps += 1;
                    still.push(connection);
                }
            }
            all = still;
        }
        Ok(removed)
    }

    /// One step for one connection; `None` where nothing is left to do now.
    async fn step(
        &mut self,
        sync: &Sync,
        connection: &Connection,
        now: DateTime<Utc>,
    ) -> Result<Option<u64>, StoreError> {
        let progress = self.progress.entry(connection.id).or_default();
        let days = |days: u32| now - TimeDelta::days(i64::from(days));
        let (id, settings) = (connection.id, &connection.settings);
        let mut tx = sync.pool.begin().await?;
        let count = if progress.deliveries.rests_until <= now {
            let (before, after) = (days(settings.keep_deliveries_days), progress.deliveries.at);
            let after = after.unwrap_or_default();
            let step = retention::deliveries(&mut tx, id, before, after, STEP).await?;
            progress.deliveries.went(step, now)
        } else if progress.notes.rests_until <= now {
            let before = days(settings.keep_deliveries_days);
            let step = retention::notes(&mut *tx, id, before, STEP).await?;
            progress.notes.went(step, now)
        } else if progress.flushes.rests_until <= now {
            let (before, after) = (days(settings.keep_decisions_days), progress.flushes.at);
            let after = after.unwrap_or(FlushId(uuid::Uuid::nil()));
            let step = retention::decisions(&mut tx, id, before, after, STEP).await?;
            progress.flushes.went(step, now)
        } else {
            return Ok(None);
        };
        tx.commit().await?;
        Ok(Some(count))
    }
}

/// Removes the rows of exclusion lists that were taken away, or whose upload broke off.
async fn sweep_exclusions(sync: &Sync, shutdown: &CancellationToken) -> Result<(), StoreError> {
    let stale = sync.clock.now() - UPLOADS;
    for _ in 0..STEPS {
        let mut tx = sync.pool.begin().await?;
        let went = store::exclusion_list::sweep(&mut tx, stale, STEP).await?;
        tx.commit().await?;
        if went == 0 || shutdown.is_cancelled() {
            break;
        }
    }
    Ok(())
}
