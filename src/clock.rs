//! The one source of time. Everything that waits or asks the hour takes a [`Clock`], so that a test can be a day long
//! and take a millisecond.

use std::{fmt::Debug, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use tokio::sync::watch;

/// Tells the time and waits.
pub trait Clock: Debug + Send + Sync {
    /// The present moment.
    fn now(&self) -> DateTime<Utc>;

    /// Resolves once `duration` has gone by on this clock.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// Resolves once `duration` has gone by on this clock, for what runs beside the work: a clock that sleepers move is
    /// not moved by this.
    fn pass(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// The clock, as it is handed around.
pub type SharedClock = Arc<dyn Clock>;

/// The wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the wall clock is read"
    )]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that waits on the wall clock"
    )]
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn pass(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.sleep(duration)
    }
}

/// A clock that stands still until it is moved. A sleeper moves it: waiting costs no time and still takes its length.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<watch::Sender<DateTime<Utc>>>);

impl ManualClock {
    /// A clock that shows `start`.
    pub fn at(start: DateTime<Utc>) -> Self {
        Self(Arc::new(watch::Sender::new(start)))
    }

    /// Moves the clock on by `duration`.
    pub fn advance(&self, duration: Duration) {
        let step = TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX);
        self.0.send_modify(|now| *now += step);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.borrow()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.advance(duration);
        Box::pin(tokio::task::yield_now())
    }

    fn pass(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let step = TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX);
        let (until, mut shown) = (self.now() + step, self.0.subscribe());
        Box::pin(async move {
            // A clock that nobody can move any more stands still.
            if shown.wait_for(|now| *now >= until).await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}
