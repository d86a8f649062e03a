//! How old a look may be when something is changed on the strength of it.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;

use super::lease::Lease;
use crate::{
    ashby::{Leave, WriteGuard},
    clock::SharedClock,
};

/// How old the picture of an application may be when we change it. It is as old as the question, not as the answer.
const FRESH: TimeDelta = TimeDelta::seconds(5);

/// Whether what was asked for then is still good enough to change an application on.
pub(super) fn is_fresh(looked_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now - looked_at <= FRESH
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
