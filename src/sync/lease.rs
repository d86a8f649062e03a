//! The exclusive right to act for a connection: held by one process at a time, for a while, and asked for right before
//! every write.

use std::{
    convert::Infallible,
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;

use super::{Sync, SyncError};
use crate::{
    ashby::{AshbyError, Disposition, Leave, WriteGuard},
    ids::{ConnectionId, LeaseToken},
    store::{self, StoreError},
};

/// A lease with less than this share of its length left is renewed before the next write: that leaves a write the time
/// between this and [`SPARED`], 45 of 120 seconds.
const RENEW_BELOW: f64 = 0.625;

/// The share of a lease in which no write is under way any more: what the clocks of two processes may differ by. 30 of
/// 120 seconds.
const SPARED: f64 = 0.25;

/// How often a flush renews its lease, as a share of the lease's length, however long it reads or waits: so that it lets
/// go only where it cannot help it.
const RENEW_EVERY: f64 = 0.25;

/// A share of a lease's length.
fn share(length: TimeDelta, of: f64) -> TimeDelta {
    let length = length.to_std().unwrap_or_default();
    TimeDelta::from_std(length.mul_f64(of)).expect("a share is no longer than the whole")
}

/// Why a flush ended before its end.
#[derive(Debug)]
pub enum Stop {
    /// The process shuts down.
    Shutdown,
    /// Another holds the lease, or the connection was paused or removed.
    LeaseLost,
    /// Ashby refused the key: nothing more is sent until a check passes.
    Key(String),
    /// The database or Ashby is away.
    Broken(SyncError),
    /// Ashby does not answer about one prospect after the other.
    Unanswered(String),
}

impl From<SyncError> for Stop {
    fn from(error: SyncError) -> Self {
        match error {
            SyncError::Ashby(error) => error.into(),
            SyncError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::LeaseLost => Self::LeaseLost,
            _ => Self::Broken(error.into()),
        }
    }
}

impl From<AshbyError> for Stop {
    fn from(error: AshbyError) -> Self {
        match error.disposition() {
            Disposition::Key { .. } => Self::Key(error.to_string()),
            Disposition::Withheld => Self::LeaseLost,
            _ => Self::Broken(error.into()),
        }
    }
}

/// The exclusive right to act for a connection, for a while.
pub(super) struct Lease {
    sync: Sync,
    connection: ConnectionId,
    /// What tells this holder from the next.
    pub(super) token: LeaseToken,
    /// `None` once it is known to be lost.
    expires_at: Mutex<Option<DateTime<Utc>>>,
    /// Cancelled when the process shuts down, or the flush stops for another reason.
    pub(super) stopped: CancellationToken,
}

impl Lease {
    /// Takes the lease on a connection for `length`; with `if_due` only where its flush is still due. `None`: another
    /// holds it, or the connection is paused or needs attention.
    pub(super) async fn take(
        tx: &mut PgConnection,
        connection: ConnectionId,
        now: DateTime<Utc>,
        length: TimeDelta,
        if_due: bool,
    ) -> Result<Option<Taken>, StoreError> {
        let taken = Taken {
            token: LeaseToken::fresh(),
            expires_at: now + length,
        };
        let until = taken.expires_at;
        let is_ours =
            store::flush::acquire(tx, connection, taken.token, now, until, if_due).await?;
        Ok(is_ours.then_some(taken))
    }

    /// The lease that was taken, until `shutdown`.
    pub(super) fn new(
        sync: &Sync,
        connection: ConnectionId,
        taken: Taken,
        shutdown: &CancellationToken,
    ) -> Self {
        Self {
            sync: sync.clone(),
            connection,
            token: taken.token,
            expires_at: Mutex::new(Some(taken.expires_at)),
            stopped: shutdown.child_token(),
        }
    }

    /// Gives the lease back, and says what the next flush is to be.
    pub(super) async fn give_back(
        &self,
        tx: &mut PgConnection,
        next: store::flush::Next,
    ) -> Result<(), StoreError> {
        store::flush::release(tx, self.connection, self.token, next).await
    }

    /// Whether what was stopped was stopped because the process shuts down.
    pub(super) fn is_shut_down(&self) -> bool {
        self.stopped.is_cancelled() && self.expires_at().is_some()
    }

    /// Makes sure that the lease holds for as long as one attempt at a write can take.
    pub(super) async fn hold(&self) -> Result<(), Stop> {
        self.leave().await.map(drop)
    }

    /// Leave for one write: it ends well before another process may take the lease.
    async fn leave(&self) -> Result<Leave, Stop> {
        if self.stopped.is_cancelled() {
            return Err(Stop::Shutdown);
        }
        let length = self.sync.lease;
        let mut expires_at = self.expires_at().ok_or(Stop::LeaseLost)?;
        if expires_at - self.sync.clock.now() <= share(length, RENEW_BELOW) {
            expires_at = self.renew().await?;
        }
        let end_by = expires_at - share(length, SPARED);
        Ok(Leave {
            send_by: end_by,
            end_by,
        })
    }

    /// Renews the lease for its length from now.
    async fn renew(&self) -> Result<DateTime<Utc>, Stop> {
        let until = self.sync.clock.now() + self.sync.lease;
        match store::flush::renew(&self.sync.pool, self.connection, self.token, until).await {
            Ok(until) => {
                self.set_expires_at(Some(until));
                Ok(until)
            }
            Err(StoreError::LeaseLost) => {
                self.set_expires_at(None);
                Err(Stop::LeaseLost)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps the lease while `work` is done, however long it reads or waits. What is under way when it is lost finds
    /// that out by itself, before its next write.
    pub(super) async fn keep_during<T>(&self, work: impl Future<Output = T>) -> T {
        let beat = share(self.sync.lease, RENEW_EVERY);
        let keep = async {
            loop {
                self.sync
                    .clock
                    .pass(beat.to_std().unwrap_or_default())
                    .await;
                // While the database is away it may come back in time.
                if let Err(Stop::LeaseLost) = self.renew().await {
                    return std::future::pending::<Infallible>().await;
                }
            }
        };
        tokio::select! {
            done = work => done,
            never = keep => match never {},
        }
    }

    fn expires_at(&self) -> Option<DateTime<Utc>> {
        *self
            .expires_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn set_expires_at(&self, to: Option<DateTime<Utc>>) {
        *self
            .expires_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = to;
    }
}

impl WriteGuard for Lease {
    fn may_write(&self) -> BoxFuture<'_, Option<Leave>> {
        Box::pin(async { self.leave().await.ok() })
    }
}

/// A lease that was just taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    token: LeaseToken,
    expires_at: DateTime<Utc>,
}
