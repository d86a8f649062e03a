//! A clock that runs faster than the one on the wall, so that an hour of Ashby's rate limit can be measured in minutes.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use dover_ashby_sync::clock::{Clock, SystemClock};
use futures::future::BoxFuture;

use crate::hands::{Moment, now, pause};

/// So many times as fast, from when it was started.
#[derive(Debug)]
pub(crate) struct Hurried {
    times: u32,
    started: Moment,
    started_at: DateTime<Utc>,
}

impl Hurried {
    /// Starts it at the present time.
    pub(crate) fn by(times: u32) -> Self {
        Self {
            times,
            started: now(),
            started_at: SystemClock.now(),
        }
    }
}

impl Clock for Hurried {
    fn now(&self) -> DateTime<Utc> {
        let gone_by = (now() - self.started) * self.times;
        self.started_at + TimeDelta::from_std(gone_by).unwrap_or(TimeDelta::MAX)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(pause(duration / self.times))
    }

    fn pass(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.sleep(duration)
    }
}
