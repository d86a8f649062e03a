//! What an answer's headers say about the rate limit.
//!
//! Ashby documents no numbers. Answers have been seen to carry `x-ratelimit-limit`, `-remaining` and `-reset`; the limit
//! was 1000 requests in 60 seconds, one budget for a key over all endpoints. Whether `reset` counts seconds from now or
//! names a moment is not known, so both are understood. A 429 for the traffic of an integration partner over all its
//! customers carries `x-ratelimit-scope`, and its numbers are not about this key.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::HeaderMap;

/// The longest that one answer may make us wait. A limit of Ashby's never lasts longer than its window of a minute; a
/// larger figure is a misunderstanding, and obeying it would stop a connection for days.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(90);

/// Numbers above this are seconds since 1970 (the year 2001 and later), those above the next milliseconds.
const EPOCH_SECONDS_FROM: u64 = 1_000_000_000;
const EPOCH_MILLIS_FROM: u64 = 100_000_000_000;

/// The rate limit, as one answer tells of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RateHeaders {
    /// Requests in one window.
    pub(super) limit: Option<u32>,
    /// Requests left in this window.
    pub(super) remaining: Option<u32>,
    /// When the window ends; `None` unless that lies ahead.
    pub(super) resets_at: Option<DateTime<Utc>>,
    /// How long a 429 asks us to stay away.
    pub(super) retry_after: Option<Duration>,
    /// Whose limit it is, where it is not the key's own.
    pub(super) foreign_scope: Option<String>,
}

impl RateHeaders {
    /// Reads the headers of an answer that came at `now`.
    pub(super) fn read(headers: &HeaderMap, now: DateTime<Utc>) -> Self {
        let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
        let number = |name: &str| text(name)?.parse::<u64>().ok();
        let count = |name: &str| number(name).map(|n| u32::try_from(n).unwrap_or(u32::MAX));
        Self {
            limit: count("x-ratelimit-limit"),
            remaining: count("x-ratelimit-remaining"),
            resets_at: number("x-ratelimit-reset").and_then(|reset| moment(reset, now)),
            retry_after: number("retry-after").map(Duration::from_secs),
            foreign_scope: text("x-ratelimit-scope")
                .filter(|scope| !scope.is_empty() && !scope.starts_with("api"))
                .map(str::to_owned),
        }
    }
}

/// The moment that a reset of either kind means. A moment already past is none: our clocks differ, or it means "now".
fn moment(reset: u64, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let longest = TimeDelta::from_std(LONGEST_WAIT).unwrap_or(TimeDelta::MAX);
    let number = i64::try_from(reset).ok()?;
    let at = if reset >= EPOCH_MILLIS_FROM {
        DateTime::from_timestamp_millis(number)?
    } else if reset >= EPOCH_SECONDS_FROM {
        DateTime::from_timestamp(number, 0)?
    } else {
        now + TimeDelta::seconds(number).min(longest)
    };
    (at > now).then(|| at.min(now + longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-11-21T10:00:00Z".parse().unwrap()
    }

    fn read(pairs: &[(&'static str, &'static str)]) -> RateHeaders {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        RateHeaders::read(&headers, now())
    }

    #[test]
    fn a_reset_is_understood_in_every_unit() {
        let in_seconds = |n| Some(now() + TimeDelta::seconds(n));
        for (text, expected) in [
            ("42", in_seconds(42)),
            ("1795255242", in_seconds(42)),
            ("1795255242000", in_seconds(42)),
            (" 42 ", in_seconds(42)),
            // Too far ahead: cut.
            ("86400", in_seconds(90)),
            ("1795341600", in_seconds(90)),
            // Past, present or no number: nothing said.
            ("0", None),
            ("1795255199", None),
            ("soon", None),
            ("-5", None),
            ("99999999999999999999", None),
            ("18446744073709551615", None),
        ] {
            let headers = read(&[("x-ratelimit-reset", text)]);
            assert_eq!(headers.resets_at, expected, "{text}");
        }
    }

    #[test]
    fn a_partners_limit_is_told_apart_from_the_keys() {
        let partner = read(&[("x-ratelimit-scope", "integration-partner")]);
        assert_eq!(
            partner.foreign_scope.as_deref(),
            Some("integration-partner")
        );
        assert_eq!(
            read(&[("x-ratelimit-scope", "api-key")]).foreign_scope,
            None
        );
        assert_eq!(read(&[]), RateHeaders::default());
    }

    #[test]
    fn counts_and_waits_are_read() {
        let headers = read(&[
            ("x-ratelimit-limit", "1000"),
            ("x-ratelimit-remaining", "958"),
            ("retry-after", "7"),
        ]);
        assert_eq!((headers.limit, headers.remaining), (Some(1000), Some(958)));
        assert_eq!(headers.retry_after, Some(Duration::from_secs(7)));
    }
}
