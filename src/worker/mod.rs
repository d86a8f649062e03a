//! When things happen: which connection is due, who flushes it, and the upkeep that nobody asks for. Any number of
//! workers may run against one database; a lease keeps each connection to one of them at a time.

mod rotation;
mod upkeep;

pub use rotation::until_rotated;
pub use upkeep::Upkeep;

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    ids::{ConnectionId, WorkerId, random_fraction},
    store::{self, StoreError, flush::Trigger},
    sync::{Sync, flush},
};

/// Connections that one process flushes side by side. Each spends its time waiting for Ashby.
const SIDE_BY_SIDE: usize = 16;

/// How often a worker looks for what is due, give or take a fifth.
const LOOK: Duration = Duration::from_secs(2);

/// A worker that has not looked for this long is gone, or stands still: what was its share goes to the others. Four looks,
/// so that one that is busy is not missed.
const MISSED_AFTER: TimeDelta = TimeDelta::seconds(10);

/// How often upkeep runs.
const UPKEEP_EVERY: Duration = Duration::from_mins(10);

/// The flush worker.
#[derive(Clone, Debug)]
pub struct Worker {
    id: WorkerId,
    sync: Sync,
    shutdown: CancellationToken,
    flushes: TaskTracker,
    slots: Arc<Semaphore>,
}

impl Worker {
    /// A worker that stops when `shutdown` is cancelled.
    pub fn new(sync: Sync, shutdown: CancellationToken) -> Self {
        Self {
            id: WorkerId::fresh(),
            sync,
            shutdown,
            flushes: TaskTracker::new(),
            slots: Arc::new(Semaphore::new(SIDE_BY_SIDE)),
        }
    }

    /// Works until it is told to stop, then waits for what is under way.
    pub async fn run(self) {
        self.flushes
            .spawn(keep_up(self.sync.clone(), self.shutdown.clone()));
        while !self.shutdown.is_cancelled() {
            if let Err(error) = self.look().await {
                tracing::warn!("the worker could not look for what is due: {error}");
            }
            let pause = LOOK.mul_f64(0.8 + 0.4 * random_fraction());
            tokio::select! {
                () = self.sync.clock.sleep(pause) => {}
                () = self.shutdown.cancelled() => {}
            }
        }
        self.flushes.close();
        self.flushes.wait().await;
        if let Err(error) = store::worker::left(&self.sync.pool, self.id).await {
            tracing::warn!("the other workers were not told that this one is gone: {error}");
        }
    }

    async fn look(&self) -> Result<(), StoreError> {
        let (pool, now) = (&self.sync.pool, self.sync.clock.now());
        let alive = store::worker::seen(pool, self.id, now, now - MISSED_AFTER).await?;
        let demand = store::worker::demand(pool, now).await?;
        let running = SIDE_BY_SIDE - self.slots.available_permits();
        let take = (fair_share(demand, alive) - size(running)).min(size(SIDE_BY_SIDE - running));
        if take <= 0 {
            return Ok(());
        }
        for connection in store::flush::due(pool, now, take).await? {
            self.flush(connection).await?;
        }
        Ok(())
    }

    async fn flush(&self, connection: ConnectionId) -> Result<(), StoreError> {
        let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else {
            return Ok(());
        };
        let Some(started) = flush::start(&self.sync, connection, Trigger::Schedule).await? else {
            return Ok(());
        };
        let (sync, shutdown) = (self.sync.clone(), self.shutdown.clone());
        self.flushes.spawn(async move {
            if let Err(error) = started.run(&sync, shutdown).await {
                tracing::warn!(connection.id = %connection, "a flush could not be kept: {error}");
            }
            drop(slot);
        });
        Ok(())
    }
}

/// Upkeep, beside the flushes: whatever it takes, nothing that is due waits for it.
async fn keep_up(sync: Sync, shutdown: CancellationToken) {
    let mut upkeep = Upkeep::default();
    while !shutdown.is_cancelled() {
        match upkeep.run(&sync, &shutdown).await {
            Ok(0) => {}
            Ok(removed) => {
                tracing::info!("{removed} rows have been kept for long enough and were removed");
            }
            Err(error) => tracing::warn!("upkeep did not get to its end: {error}"),
        }
        tokio::select! {
            () = sync.clock.sleep(UPKEEP_EVERY) => {}
            () = shutdown.cancelled() => {}
        }
    }
}

/// What one of `alive` workers may have of `demand` connections that are due or being flushed, so that all have alike. What
/// is left over is nobody's share in particular: whoever looks first takes it.
const fn fair_share(demand: i64, alive: i64) -> i64 {
    let alive = if alive < 1 { 1 } else { alive };
    (demand + alive - 1) / alive
}

fn size(of: usize) -> i64 {
    i64::try_from(of).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_alike_and_nothing_is_left_lying() {
        assert_eq!(fair_share(40, 4), 10);
        assert_eq!(fair_share(41, 4), 11);
        assert_eq!(fair_share(3, 4), 1);
        assert_eq!(fair_share(0, 4), 0);
        assert_eq!(fair_share(7, 1), 7);
    }
}
