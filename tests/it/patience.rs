//! Waiting for what others do, with an end: a test that waits in vain fails and says for what.

use std::time::Duration;

use chrono::{DateTime, Utc};
use dover_ashby_sync::clock::{Clock, SystemClock};

/// How long something is waited for, on the clock on the wall.
pub(crate) struct Patience {
    what: String,
    given_up_at: DateTime<Utc>,
}

impl Patience {
    pub(crate) fn of(seconds: u64, what: &str) -> Self {
        Self {
            what: what.to_owned(),
            given_up_at: SystemClock.now() + Duration::from_secs(seconds),
        }
    }

    /// Waits a moment; fails when the time is over.
    pub(crate) async fn wait(&self) {
        assert!(
            SystemClock.now() < self.given_up_at,
            "{}: not in time",
            self.what
        );
        SystemClock.sleep(Duration::from_millis(10)).await;
    }
}

/// Asks again and again until there is an answer; the test fails after `seconds`.
pub(crate) async fn until<T>(
    what: &str,
    seconds: u64,
    mut ask: impl AsyncFnMut() -> Option<T>,
) -> T {
    let patience = Patience::of(seconds, what);
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        patience.wait().await;
    }
}

/// What comes of `work`; the test fails if that takes more than a minute.
pub(crate) async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::select! {
        done = work => done,
        () = SystemClock.sleep(Duration::from_mins(1)) => panic!("{what}: not in time"),
    }
}

/// Waits until something is so; the test fails after a minute.
pub(crate) async fn until_so(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    until(what, 60, async || is_so().await.then_some(())).await;
}
