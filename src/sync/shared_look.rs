//! The look at all that changed in Ashby that the changes of a flush share.

use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Mutex;

use super::{
    Sync, SyncError,
    look::{Known, Picture, follow_applications, follow_candidates},
};
use crate::{ashby::AshbyClient, ids::ConnectionId};

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

    /// Looks at both lists, as far as one look may go.
    pub(super) async fn at_both(
        &self,
        sync: &Sync,
        connection: ConnectionId,
        ashby: &AshbyClient,
    ) -> Result<Picture, SyncError> {
        let asked_at = sync.clock.now();
        let candidates = follow_candidates(sync, connection, ashby).await?;
        let mut last = self.last.lock().await;
        let applications_at = sync.clock.now();
        let applications = follow_applications(sync, connection, ashby).await?;
        *last = (applications == Known::Current).then_some(applications_at);
        Ok(Picture {
            asked_at,
            candidates,
            applications,
            applications_at,
            at: sync.clock.now(),
        })
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
