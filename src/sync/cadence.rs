//! When a connection is due: on its own beat, so that many connections spread over the interval and stay spread.

use chrono::{DateTime, TimeDelta, Utc};

/// While Ashby is read for the first time, the next look follows soon: people wait for it.
const LEARNING: TimeDelta = TimeDelta::minutes(1);

/// What a flush leaves to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// Nothing that it could do.
    Nothing,
    /// Ashby is still being read for the first time.
    Learning,
    /// Prospects that wait to be decided.
    Backlog,
}

/// The first flush of a new connection, `fraction` (from 0 to 1) of an interval from `now`.
pub fn first(now: DateTime<Utc>, interval: TimeDelta, fraction: f64) -> DateTime<Utc> {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "a fraction of an interval"
    )]
    let milliseconds = (interval.num_milliseconds() as f64 * fraction.clamp(0.0, 1.0)) as i64;
    now + TimeDelta::milliseconds(milliseconds)
}

/// The flush after the one that was due at `due` and ended at `now`: the next beat that lies ahead.
pub(super) fn next(
    due: DateTime<Utc>,
    now: DateTime<Utc>,
    interval: TimeDelta,
    rest: Rest,
) -> DateTime<Utc> {
    let step = interval.num_milliseconds().max(1);
    let late = (now - due).num_milliseconds();
    let beats = if late < 0 { 0 } else { late / step + 1 };
    let beat = due + TimeDelta::milliseconds(beats.saturating_mul(step));
    match rest {
        Rest::Nothing => beat,
        Rest::Learning => beat.min(now + LEARNING),
        // Behind everybody who is due already, for those come first who have waited longest.
        Rest::Backlog => beat.min(now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    #[test]
    fn a_connection_keeps_its_beat_however_late_a_flush_is() {
        let interval = TimeDelta::minutes(15);
        assert_eq!(next(at(7), at(7), interval, Rest::Nothing), at(22));
        assert_eq!(next(at(7), at(9), interval, Rest::Nothing), at(22));
        assert_eq!(next(at(7), at(22), interval, Rest::Nothing), at(37));
        assert_eq!(next(at(7), at(1000), interval, Rest::Nothing), at(1012));
    }

    #[test]
    fn a_flush_by_hand_leaves_the_beat_as_it_is() {
        assert_eq!(
            next(at(22), at(10), TimeDelta::minutes(15), Rest::Nothing),
            at(22)
        );
    }

    #[test]
    fn a_connection_that_learns_is_due_again_soon() {
        assert_eq!(
            next(at(7), at(8), TimeDelta::minutes(15), Rest::Learning),
            at(9)
        );
    }

    #[test]
    fn a_connection_with_a_backlog_is_due_again_at_once_behind_who_is_due_already() {
        assert_eq!(
            next(at(7), at(8), TimeDelta::minutes(15), Rest::Backlog),
            at(8)
        );
    }

    #[test]
    fn first_flushes_are_spread_over_the_interval() {
        assert_eq!(first(at(0), TimeDelta::minutes(15), 0.0), at(0));
        assert_eq!(first(at(0), TimeDelta::minutes(15), 0.2), at(3));
    }
}
