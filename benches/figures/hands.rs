//! The stopwatch.

use std::time::{Duration, Instant};

/// A moment on the stopwatch.
pub(crate) type Moment = Instant;

/// The present moment.
#[expect(
    clippy::disallowed_methods,
    reason = "what is measured here is real time"
)]
pub(crate) fn now() -> Moment {
    Instant::now()
}

/// Waits for a moment.
pub(crate) async fn until(moment: Moment) {
    tokio::time::sleep_until(moment.into()).await;
}

/// Waits.
pub(crate) async fn pause(duration: Duration) {
    until(now() + duration).await;
}
