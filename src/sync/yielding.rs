//! Lets whoever receives go first. Folding, and deciding whoever needs nothing done, wait for nobody: left alone they take
//! the whole machine, and a webhook that comes meanwhile waits behind them.

use std::{
    sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use chrono::{DateTime, Utc};
use tokio::sync::Mutex;

use super::Sync;
use crate::clock::{Clock, SystemClock};

/// One delivery now and then is no reason to go slow: every so many count.
const MANY: u64 = 8;

/// How long after these somebody is taken to be receiving, in milliseconds.
const LATELY: i64 = 100;

/// What a page has meanwhile, of what it has otherwise: small pages are soon out of the way.
const SHARE: i64 = 8;

/// How many times as long as a page took is rested after it. On two cores, of which receiving needs more than one, that leaves
/// it enough.
const RESTS: u32 = 3;

/// The longest rest: a page may ask Ashby about somebody, and take long over that without keeping the processor busy.
const LONGEST_REST: Duration = Duration::from_millis(200);

/// The longest wait for whoever else works, for the same reason. As long as three pages with their rests, so that those of one
/// job take turns.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// The deliveries that come in through this process.
#[derive(Debug, Default)]
pub struct Inflow {
    count: AtomicU64,
    /// When the last came of those that count, in milliseconds since 1970.
    lately: AtomicI64,
}

impl Inflow {
    /// One came.
    pub fn came(&self, now: DateTime<Utc>) {
        if self.count.fetch_add(1, Relaxed) % MANY == MANY - 1 {
            self.lately.store(now.timestamp_millis(), Relaxed);
        }
    }

    fn goes_on(&self, now: DateTime<Utc>) -> bool {
        now.timestamp_millis() - self.lately.load(Relaxed) <= LATELY
    }
}

/// Whoever works while deliveries come in: the processor is one, whatever connections there are.
static ALONE: Mutex<()> = Mutex::const_new(());

/// How many a page has that has `usual` while nobody receives.
pub(super) fn page_size(sync: &Sync, usual: i64) -> i64 {
    if sync.inflow.goes_on(sync.clock.now()) {
        usual / SHARE
    } else {
        usual
    }
}

/// Does a page of work. While deliveries come in there is one page at a time, as a rule, and after it nothing for some times as
/// long as it took.
pub(super) async fn page<T>(sync: &Sync, work: impl Future<Output = T>) -> T {
    if !sync.inflow.goes_on(sync.clock.now()) {
        return work.await;
    }
    let _alone = tokio::time::timeout(LONGEST_WAIT, ALONE.lock()).await;
    let began = sync.clock.now();
    let done = work.await;
    let took = (sync.clock.now() - began).to_std().unwrap_or_default();
    // In real time, as the processor is.
    SystemClock.sleep((took * RESTS).min(LONGEST_REST)).await;
    done
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn deliveries_go_on_coming_in_for_a_while_after_many_have() {
        let inflow = Inflow::default();
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        for _ in 1..MANY {
            inflow.came(now);
            assert!(!inflow.goes_on(now), "a few are not many");
        }
        inflow.came(now);
        assert!(inflow.goes_on(now));
        let lately = TimeDelta::milliseconds(LATELY);
        assert!(inflow.goes_on(now + lately));
        assert!(!inflow.goes_on(now + lately * 2));
    }
}
