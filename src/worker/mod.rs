//! When things happen: which connection is due, who flushes it, and the upkeep that nobody asks for. Any number of
//! workers may run against one database; a lease keeps each connection to one of them at a time.

mod rotation;

pub use rotation::until_rotated;

use std::{sync::Arc, time::Duration};

use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    ids::{ConnectionId, random_fraction},
    store::{self, StoreError, flush::Trigger},
    sync::{Sync, flush},
};

/// Connections that one process flushes side by side. Each spends its time waiting for Ashby.
const SIDE_BY_SIDE: usize = 16;

/// How often a worker looks for what is due, give or take a fifth.
const LOOK: Duration = Duration::from_secs(2);

/// How often upkeep runs, in looks.
const UPKEEP_EVERY: u32 = 300;

/// The flush worker.
#[derive(Clone, Debug)]
pub struct Worker {
    sync: Sync,
    shutdown: CancellationToken,
    flushes: TaskTracker,
    slots: Arc<Semaphore>,
}

impl Worker {
    /// A worker that stops when `shutdown` is cancelled.
    pub fn new(sync: Sync, shutdown: CancellationToken) -> Self {
        Self {
            sync,
            shutdown,
            flushes: TaskTracker::new(),
            slots: Arc::new(Semaphore::new(SIDE_BY_SIDE)),
        }
    }

    /// Works until it is told to stop, then waits for what is under way.
    pub async fn run(self) {
        let mut looks: u32 = 0;
        while !self.shutdown.is_cancelled() {
            if let Err(error) = self.look(looks).await {
                tracing::warn!("the worker could not look for what is due: {error}");
            }
            looks = looks.wrapping_add(1);
            let pause = LOOK.mul_f64(0.8 + 0.4 * random_fraction());
            tokio::select! {
                () = self.sync.clock.sleep(pause) => {}
                () = self.shutdown.cancelled() => {}
            }
        }
        self.flushes.close();
        self.flushes.wait().await;
    }

    async fn look(&self, looks: u32) -> Result<(), StoreError> {
        if looks.is_multiple_of(UPKEEP_EVERY) {
            store::overview::gather_tallies(&self.sync.pool).await?;
        }
        let free = self.slots.available_permits();
        if free == 0 {
            return Ok(());
        }
        let limit = i64::try_from(free).unwrap_or(i64::MAX);
        for connection in store::flush::due(&self.sync.pool, self.sync.clock.now(), limit).await? {
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
