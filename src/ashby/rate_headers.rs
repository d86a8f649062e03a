//! What an answer's headers say about the rate limit.
//!
//! Ashby documents no numbers. Answers have been seen to carry `x-ratelimit-limit`, `-remaining` and `-reset`; the limit
//! was 1000 requests in 60 seconds, one budget for a key over all endpoints. Whether `reset` counts seconds from now or
//! names a moment is not known, so both are understood, and so are the forms that the standards for such headers know.
//! A moment is compared with the `Date` of the same answer, so that it does not matter how our clocks differ. A 429 for the traffic of an integration partner over all its
//! customers carries `x-ratelimit-scope`, and its numbers are not about this key.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::{DATE, HeaderMap};

/// The longest that one answer may make us wait. A limit of Ashby's never lasts longer than its window of a minute; a
/// larger figure is a misunderstanding, and obeying it would stop a connection for days.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(90);

/// Numbers above this are seconds since 1970 (the year 2001 and later), those above the next milliseconds.
const EPOCH_SECONDS_FROM: f64 = 1e9;
const EPOCH_MILLIS_FROM: f64 = 1e11;

/// The rate limit, as one answer tells of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RateHeaders {
    /// Requests in one window.
    pub(super) limit: Option<u32>,
    /// Requests left in this window.
    pub(super) remaining: Option<u32>,
    /// When the window ends, by our clock; `None` unless that lies ahead.
    pub(super) resets_at: Option<DateTime<Utc>>,
    /// How long a 429 asks us to stay away.
    pub(super) retry_after: Option<Duration>,
    /// Whose limit it is, where it is not the key's own.
    pub(super) foreign_scope: Option<String>,
}

impl RateHeaders {
    /// Reads the headers of an answer that came at `now`. What is not understood counts as not said.
    pub(super) fn read(headers: &HeaderMap, now: DateTime<Utc>) -> Self {
        let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
        let count = |name: &str| text(name).and_then(number).map(count);
        // Moments are told by Ashby's clock, which need not agree with ours.
        let theirs = date(headers).unwrap_or(now);
        let wait = |at: DateTime<Utc>| (at - theirs).to_std().unwrap_or_default();
        let retry_after = text("retry-after").and_then(|text| match number(text) {
            Some(seconds) => Duration::try_from_secs_f64(seconds).ok(),
            None => http_date(text).map(wait),
        });
        let reset = text("x-ratelimit-reset").and_then(|text| until(text, theirs));
        Self {
            limit: count("x-ratelimit-limit"),
            remaining: count("x-ratelimit-remaining"),
            resets_at: reset.map(|wait| now + wait),
            retry_after,
            foreign_scope: text("x-ratelimit-scope")
                .filter(|scope| !scope.is_empty() && !scope.starts_with("api"))
                .map(str::to_owned),
        }
    }

    /// Whether it tells of the limit of an integration partner, which counts for all keys of this program together.
    pub(super) fn is_of_partner(&self) -> bool {
        let scope = self.foreign_scope.as_deref().unwrap_or_default();
        scope.to_ascii_lowercase().contains("partner")
    }
}

/// The time of the answer by Ashby's clock, in whole seconds.
pub(super) fn date(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    http_date(headers.get(DATE)?.to_str().ok()?)
}

fn http_date(text: &str) -> Option<DateTime<Utc>> {
    let at = DateTime::parse_from_rfc2822(text.trim()).ok()?;
    Some(at.to_utc())
}

/// The number that a header begins with; what follows a comma or a semicolon explains it (`100, 100;w=60`).
fn number(text: &str) -> Option<f64> {
    let first = text.split([',', ';']).next().unwrap_or_default();
    let plain = first.trim();
    let is_plain = plain.starts_with(|first: char| first.is_ascii_digit());
    plain.parse().ok().filter(|_| is_plain)
}

/// A number as a count of requests; fractions and what is beyond counting are cut off.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast cuts off, and a header's number is never negative"
)]
const fn count(number: f64) -> u32 {
    number as u32
}

/// How far ahead a reset of any kind lies. One already past says nothing: it means "now", or is a misunderstanding.
fn until(text: &str, theirs: DateTime<Utc>) -> Option<TimeDelta> {
    let seconds = match number(text) {
        Some(millis) if millis >= EPOCH_MILLIS_FROM => millis / 1e3 - seconds_since_1970(theirs),
        Some(epoch) if epoch >= EPOCH_SECONDS_FROM => epoch - seconds_since_1970(theirs),
        Some(seconds) => seconds,
        None => {
            let at = DateTime::parse_from_rfc3339(text).map(|at| at.to_utc());
            (at.ok().or_else(|| http_date(text))? - theirs).as_seconds_f64()
        }
    };
    let ahead = seconds.min(LONGEST_WAIT.as_secs_f64());
    let ahead = Duration::try_from_secs_f64(ahead).ok()?;
    TimeDelta::from_std(ahead)
        .ok()
        .filter(|ahead| !ahead.is_zero())
}

#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds since 1970 are exact in a float for 285,000 years"
)]
fn seconds_since_1970(at: DateTime<Utc>) -> f64 {
    at.timestamp_millis() as f64 / 1e3
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
            ("", None),
            ("-5", None),
            ("NaN", None),
            ("inf", None),
            // So far ahead that it is nonsense, and cut too: a wait of a minute and a half does little harm.
            ("99999999999999999999", in_seconds(90)),
            // Forms of the standards, and of other services.
            ("42.0", in_seconds(42)),
            ("42;w=60", in_seconds(42)),
            ("42, 3000;w=3600", in_seconds(42)),
            ("2026-11-21T10:00:42Z", in_seconds(42)),
            ("Sat, 21 Nov 2026 10:00:42 GMT", in_seconds(42)),
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

    #[test]
    fn a_moment_is_told_by_ashbys_clock_whatever_ours_shows() {
        // Ashby's clock is an hour ahead of ours.
        let date = ("date", "Sat, 21 Nov 2026 11:00:00 GMT");
        for reset in ["1795258842", "2026-11-21T11:00:42Z", "42"] {
            let headers = read(&[date, ("x-ratelimit-reset", reset)]);
            assert_eq!(
                headers.resets_at,
                Some(now() + TimeDelta::seconds(42)),
                "{reset}"
            );
        }
        let headers = read(&[date, ("retry-after", "Sat, 21 Nov 2026 11:00:07 GMT")]);
        assert_eq!(headers.retry_after, Some(Duration::from_secs(7)));
        let past = read(&[date, ("retry-after", "Sat, 21 Nov 2026 10:59:59 GMT")]);
        assert_eq!(past.retry_after, Some(Duration::ZERO));
    }

    #[test]
    fn counts_in_forms_that_we_do_not_know_say_nothing() {
        for (text, expected) in [
            ("1000, 1000;w=60", Some(1000)),
            ("12.7", Some(12)),
            ("99999999999999", Some(u32::MAX)),
            ("unlimited", None),
            ("-1", None),
            ("", None),
        ] {
            assert_eq!(
                read(&[("x-ratelimit-limit", text)]).limit,
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn only_a_partners_limit_is_everybodys() {
        for (scope, expected) in [
            ("integration-partner", true),
            ("Integration-Partner", true),
            ("organization", false),
            ("api-key", false),
        ] {
            assert_eq!(
                read(&[("x-ratelimit-scope", scope)]).is_of_partner(),
                expected,
                "{scope}"
            );
        }
    }
}
