//! The exclusive right to act for a connection: held by one process at a time, for a while, and asked for right before
//! every write.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;

use super::{Sync, SyncError};
use crate::{
    ashby::{AshbyError, Disposition, WriteGuard},
    ids::{ConnectionId, LeaseToken},
    store::{self, StoreError},
};

/// How long a lease lasts unless it is renewed. After a crash another process takes over within this.
const LEASE: TimeDelta = TimeDelta::seconds(120);

/// A lease with less than this left is renewed before the next write. More than any one call can take, so that no write
/// is under way when another process may take the lease.
const RENEW_BELOW: TimeDelta = TimeDelta::seconds(75);

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
}

impl From<SyncError> for Stop {
    fn from(error: SyncError) -> Self {
        match error {
            SyncError::Ashby(error) => error.into(),
            SyncError::Store(_) => Self::Broken(error),
        }
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Broken(error.into())
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
    token: LeaseToken,
    expires_at: Mutex<DateTime<Utc>>,
    /// Cancelled when the process shuts down, or the flush stops for another reason.
    pub(super) stopped: CancellationToken,
}

impl Lease {
    /// Takes the lease on a connection. `None`: another holds it, or the connection is paused or needs attention.
    pub(super) async fn take(
        tx: &mut PgConnection,
        connection: ConnectionId,
        now: DateTime<Utc>,
    ) -> Result<Option<Taken>, StoreError> {
        let taken = Taken {
            token: LeaseToken::fresh(),
            expires_at: now + LEASE,
        };
        let is_ours =
            store::flush::acquire(tx, connection, taken.token, now, taken.expires_at).await?;
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
            expires_at: Mutex::new(taken.expires_at),
            stopped: shutdown.child_token(),
        }
    }

    /// Gives the lease back; the next flush is due at `due`.
    pub(super) async fn give_back(
        &self,
        tx: &mut PgConnection,
        due: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        store::flush::release(tx, self.connection, self.token, due).await
    }

    /// Makes sure that the lease holds for as long as one attempt at a call can take.
    pub(super) async fn hold(&self) -> Result<(), Stop> {
        if self.stopped.is_cancelled() {
            return Err(Stop::Shutdown);
        }
        let now = self.sync.clock.now();
        let expires_at = *self
            .expires_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if expires_at - now > RENEW_BELOW {
            return Ok(());
        }
        let until = now + LEASE;
        match store::flush::renew(&self.sync.pool, self.connection, self.token, until).await {
            Ok(()) => {
                *self
                    .expires_at
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner) = until;
                Ok(())
            }
            Err(StoreError::Gone(_)) => Err(Stop::LeaseLost),
            Err(error) => Err(error.into()),
        }
    }
}

impl WriteGuard for Lease {
    fn may_write(&self) -> BoxFuture<'_, bool> {
        Box::pin(async { self.hold().await.is_ok() })
    }
}

/// A lease that was just taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    token: LeaseToken,
    expires_at: DateTime<Utc>,
}
