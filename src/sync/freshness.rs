//! How old a look may be when something is changed on the strength of it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use tokio::sync::Mutex;

use super::{
    Sync, SyncError,
    lease::Lease,
    look::{Known, follow_applications},
};
use crate::{
    ashby::{AshbyClient, Leave, WriteGuard},
    clock::SharedClock,
    ids::ConnectionId,
};

/// How old the picture of an application may be when we change it. It is as old as the question, not as the answer.
const FRESH: TimeDelta = TimeDelta::seconds(5);

/// Whether what was asked for then is still good enough to change an application on.
pub(super) fn is_fresh(looked_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now - looked_at <= FRESH
}

/// How old a look that several share may be for one more change to begin on it: time enough is left for the call to be sent.
const SHARED: TimeDelta = TimeDelta::seconds(4);

/// Applications of a flush that are looked at one by one. Beyond them one look at all that changed is fewer calls by far.
const SINGLY_AT_MOST: usize = 5;

/// The look at all that changed that applications are changed on side by side: one of them asks, and the others go by what
/// it was told.
#[derive(Debug, Default)]
pub(super) struct SharedLook {
    wanted: AtomicUsize,
    last: Mutex<Option<DateTime<Utc>>>,
}

impl SharedLook {
    /// Counts one more application to be looked at. Answers whether they are too many by now to look at each.
    pub(super) fn is_for_many(&self) -> bool {
        self.wanted.fetch_add(1, Ordering::Relaxed) >= SINGLY_AT_MOST
    }

    /// When all that changed was asked for, which is now unless somebody just did. `None`: it was not read to its end, and says
    /// nothing of any one application.
    pub(super) async fn asked_at(
        &self,
        sync: &Sync,
        connection: ConnectionId,
        ashby: &AshbyClient,
    ) -> Result<Option<DateTime<Utc>>, SyncError> {
        let mut last = self.last.lock().await;
        let now = sync.clock.now();
        if last.is_some_and(|at| now - at <= SHARED) {
            return Ok(*last);
        }
        let known = follow_applications(sync, connection, ashby).await?;
        *last = (known == Known::Current).then_some(now);
        Ok(*last)
    }
}

/// Lets a change be sent while the lease holds and the look is fresh. A change that waits for the rate limit, or is tried
/// again, may find that it no longer is.
pub(super) struct FreshLook {
    pub(super) lease: Arc<Lease>,
    pub(super) looked_at: DateTime<Utc>,
    pub(super) clock: SharedClock,
}

impl WriteGuard for FreshLook {
    fn may_write(&self) -> BoxFuture<'_, Option<Leave>> {
        Box::pin(async {
            let leave = self.lease.may_write().await?;
            let fresh_until = self.looked_at + FRESH;
            (self.clock.now() <= fresh_until).then(|| Leave {
                send_by: leave.send_by.min(fresh_until),
                ..leave
            })
        })
    }
}
