//! Whether the clocks agree: ours with Ashby's and with the database's. Deliveries are taken within five minutes of their
//! signature, updates are compared by their times, and leases by the clocks of several processes.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use super::Check;
use crate::ashby::{CallObserver, CallRecord};

/// What clocks that are kept by NTP never differ by; times are told in whole seconds, and answers take some.
const WORTH_A_WORD: TimeDelta = TimeDelta::seconds(10);

/// Half of what signatures may be off by, and what leases of the usual length bear.
const TOO_MUCH: TimeDelta = TimeDelta::seconds(120);

/// The finding about a clock that is `ahead` of ours; below zero: behind.
pub(super) fn compare(check: &str, whose: &str, ahead: TimeDelta) -> Check {
    let (apart, seconds) = (ahead.abs(), ahead.abs().num_seconds());
    if apart <= WORTH_A_WORD {
        return Check::ok(check, format!("{whose} clock agrees with ours."));
    }
    let side = if ahead < TimeDelta::zero() {
        "behind"
    } else {
        "ahead of"
    };
    let detail = format!("{whose} clock is {seconds} s {side} ours.");
    let remedy = "Let NTP keep the clock of this machine and of the database's; if theirs is off, the time of changes in Ashby is too.";
    if apart > TOO_MUCH {
        Check::fault(check, detail, remedy)
    } else {
        Check::warning(check, detail, remedy)
    }
}

/// Ashby's clock, as the `Date` of its answers shows it.
#[derive(Clone, Debug, Default)]
pub(super) struct AshbyClock(Arc<Mutex<Option<TimeDelta>>>);

impl AshbyClock {
    /// What watches the calls.
    pub(super) fn observer(&self) -> Arc<dyn CallObserver> {
        Arc::new(self.clone())
    }

    /// What the last answer showed; nothing where none told the time.
    pub(super) fn check(&self) -> Option<Check> {
        let ahead = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Some(compare("ashby-clock", "Ashby's", ahead?))
    }
}

impl CallObserver for AshbyClock {
    fn called(&self, call: &CallRecord) {
        if let Some(theirs) = call.answered_at {
            let ahead = ahead(theirs, call.at, call.duration_ms);
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(ahead);
        }
    }
}

/// By how much a clock is ahead that showed `theirs` at some moment of a call: by nothing, where it may have.
fn ahead(theirs: DateTime<Utc>, sent_at: DateTime<Utc>, duration_ms: u64) -> TimeDelta {
    let took = TimeDelta::milliseconds(i64::try_from(duration_ms).unwrap_or(i64::MAX));
    // Told in whole seconds, cut off.
    let (earliest, latest) = (sent_at - TimeDelta::seconds(1), sent_at + took);
    if theirs < earliest {
        theirs - earliest
    } else {
        (theirs - latest).max(TimeDelta::zero())
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Level, *};

    #[test]
    fn a_slow_answer_is_no_wrong_clock() {
        let sent: DateTime<Utc> = "2026-11-21T10:00:00.900Z".parse().unwrap();
        let shows = |second: i64| sent - TimeDelta::milliseconds(900) + TimeDelta::seconds(second);
        assert_eq!(ahead(shows(0), sent, 5_000), TimeDelta::zero());
        assert_eq!(ahead(shows(5), sent, 5_000), TimeDelta::zero());
        assert_eq!(ahead(shows(65), sent, 100), TimeDelta::seconds(64));
        assert_eq!(
            ahead(shows(-60), sent, 100),
            TimeDelta::milliseconds(-59_900)
        );
    }

    #[test]
    fn seconds_are_nothing_minutes_are_a_fault() {
        for (seconds, level) in [
            (0, Level::Ok),
            (-10, Level::Ok),
            (11, Level::Warning),
            (-120, Level::Warning),
            (121, Level::Fault),
        ] {
            let check = compare("clock", "Its", TimeDelta::seconds(seconds));
            assert_eq!(check.level, level, "{seconds}: {}", check.detail);
        }
    }
}
