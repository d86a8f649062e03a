//! Keeps the calls of one API key within its rate limit, with a share left to the employer's other tools.
//!
//! The limit counts for the key, so all clients of a key share one [`Pace`]. It believes what the answers say, and counts
//! down by itself between them: callers that start together would otherwise all act on the same last answer. Until the
//! first answer, and should none ever tell, it assumes the limit that has been observed.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};

use super::rate_headers::{LONGEST_WAIT, RateHeaders};
use crate::clock::SharedClock;

/// The limit seen in recorded answers: 1000 requests in a window that opens with the first request after the last one.
const ASSUMED_LIMIT: u32 = 1000;
const WINDOW: Duration = Duration::from_mins(1);

/// The share of the limit that is not ours unless the caller says otherwise. A tenth lets a dashboard or a reporting job
/// of the same key go on, and costs a large first pass about a tenth more time.
const DEFAULT_RESERVE: f64 = 0.1;

/// Two resets closer than this belong to the same window: whole seconds and travel time blur them.
const SAME_WINDOW: TimeDelta = TimeDelta::seconds(5);

/// The least a 429 makes us wait, even one that says "again at once".
const SHORTEST_HOLD: Duration = Duration::from_secs(1);

/// The pace of one API key.
#[derive(Debug)]
pub struct Pace {
    clock: SharedClock,
    reserve: f64,
    state: Mutex<State>,
}

/// What is left of a key's rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Requests that the key may make in one window.
    pub limit: u32,
    /// Requests left, those still under way already taken off.
    pub remaining: u32,
    /// When the window ends and all of the limit is back; `None` while no window is open.
    pub resets_at: Option<DateTime<Utc>>,
}

#[derive(Debug)]
struct State {
    budget: Budget,
    /// Whether an answer has ever told the limit.
    learnt: bool,
    /// Whether an answer has told of the present window; until then its end is our guess.
    confirmed: bool,
    /// After a 429, nobody asks before this.
    held_until: Option<DateTime<Utc>>,
    in_flight: u32,
    admitted: u64,
}

/// Leave for one request. It counts as under way until this is dropped.
#[derive(Debug)]
pub(super) struct Admission<'a> {
    pace: &'a Pace,
    number: u64,
    started_alone: bool,
}

impl Pace {
    /// A pace that leaves a tenth of the limit to others.
    pub fn new(clock: SharedClock) -> Self {
        Self::with_reserve(clock, DEFAULT_RESERVE)
    }

    /// A pace that leaves `reserve` of the limit to others, a share from 0.0 to 1.0. One call a window is always allowed.
    pub fn with_reserve(clock: SharedClock, reserve: f64) -> Self {
        Self {
            clock,
            reserve: reserve.clamp(0.0, 1.0),
            state: Mutex::new(State {
                budget: Budget {
                    limit: ASSUMED_LIMIT,
                    remaining: ASSUMED_LIMIT,
                    resets_at: None,
                },
                learnt: false,
                confirmed: false,
                held_until: None,
                in_flight: 0,
                admitted: 0,
            }),
        }
    }

    /// What is left of the limit; `None` until Ashby has told.
    pub fn budget(&self) -> Option<Budget> {
        let now = self.clock.now();
        let mut state = self.lock();
        state.roll(now);
        state.learnt.then_some(state.budget)
    }

    /// Whether more than half of the limit is left, so that looking things up one by one does no harm. True while nothing
    /// is known, false while a 429 holds us back.
    pub fn is_ample(&self) -> bool {
        let now = self.clock.now();
        let mut state = self.lock();
        state.roll(now);
        let Budget {
            limit, remaining, ..
        } = state.budget;
        state.held_until.is_none() && (!state.learnt || remaining > limit / 2)
    }

    /// Waits, by the clock, until one more request is within the limit and takes it off what is left.
    pub(super) async fn admit(&self) -> Admission<'_> {
        loop {
            let now = self.clock.now();
            let wait = {
                let mut state = self.lock();
                match state.may_go_at(now, self.reserve) {
                    None => return state.admit(self),
                    Some(at) => (at - now).to_std().unwrap_or_default(),
                }
            };
            tracing::debug!(wait_ms = wait.as_millis(), "waiting for Ashby's rate limit");
            self.clock.sleep(wait).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Forgets what time has settled: a hold that is over, a window that has ended.
    fn roll(&mut self, now: DateTime<Utc>) {
        self.held_until = self.held_until.filter(|until| *until > now);
        if self.budget.resets_at.is_some_and(|end| end <= now) {
            self.budget.remaining = self.budget.limit.saturating_sub(self.in_flight);
            self.budget.resets_at = None;
            self.confirmed = false;
        }
    }

    /// The moment to ask again, or `None` if one more request may go now.
    fn may_go_at(&mut self, now: DateTime<Utc>, reserve: f64) -> Option<DateTime<Utc>> {
        self.roll(now);
        let window_ends = *self.budget.resets_at.get_or_insert(now + WINDOW);
        if self.budget.remaining <= reserved(self.budget.limit, reserve) {
            return Some(self.held_until.unwrap_or(now).max(window_ends));
        }
        self.held_until
    }

    fn admit<'a>(&mut self, pace: &'a Pace) -> Admission<'a> {
        self.budget.remaining = self.budget.remaining.saturating_sub(1);
        self.in_flight += 1;
        self.admitted += 1;
        Admission {
            pace,
            number: self.admitted,
            started_alone: self.in_flight == 1,
        }
    }

    /// Takes over what an answer says. `alone` means that no other request was under way beside it, so its count is exact;
    /// otherwise requests still under way may be missing from it, and answers may overtake each other.
    fn learn(&mut self, said: &RateHeaders, alone: bool) {
        if let Some(limit) = said.limit {
            self.budget.limit = limit.max(1);
            self.budget.remaining = self.budget.remaining.min(self.budget.limit);
            self.learnt = true;
        }
        let Some(remaining) = said.remaining else {
            return;
        };
        let ends = said.resets_at.or(self.budget.resets_at);
        let later_by = match (ends, self.budget.resets_at) {
            (Some(said), Some(known)) => said - known,
            _ => TimeDelta::zero(),
        };
        if self.confirmed && !alone && later_by < -SAME_WINDOW {
            return;
        }
        let left = remaining.saturating_sub(self.in_flight.saturating_sub(1));
        let is_news = alone || !self.confirmed || later_by > SAME_WINDOW;
        self.budget.remaining = if is_news {
            left
        } else {
            left.min(self.budget.remaining)
        };
        self.budget.resets_at = ends;
        self.confirmed = true;
    }

    /// Holds everyone back after a 429. One that is about the key's own limit also says that nothing is left of it; what it
    /// asks for then takes the place of the window's end, which may lie later.
    fn hold(&mut self, until: DateTime<Utc>, is_own: bool) {
        self.held_until = self.held_until.max(Some(until));
        if is_own {
            self.budget.remaining = 0;
            self.budget.resets_at = self.held_until;
            self.confirmed = true;
        }
    }

    /// How long a 429 means: what it asks for, else the end of the window as it tells it or as we know it.
    fn refused_until(&self, said: &RateHeaders, now: DateTime<Utc>) -> DateTime<Utc> {
        if let Some(asked) = said.retry_after {
            return now + asked.clamp(SHORTEST_HOLD, LONGEST_WAIT);
        }
        let known = self.budget.resets_at.filter(|end| *end > now);
        said.resets_at.or(known).unwrap_or(now + WINDOW)
    }
}

/// How many requests of `limit` are not ours. Never all of them, or nothing would ever be asked again.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share from 0 to 1 of a u32 is within u32"
)]
fn reserved(limit: u32, share: f64) -> u32 {
    ((f64::from(limit) * share) as u32).min(limit.saturating_sub(1))
}

impl Admission<'_> {
    /// Takes note of an answer; `refused` says that it was a 429.
    pub(super) fn answered(&self, said: &RateHeaders, refused: bool) {
        let now = self.pace.clock.now();
        let mut state = self.pace.lock();
        state.roll(now);
        let is_own = said.foreign_scope.is_none();
        if is_own {
            let alone = self.started_alone && state.admitted == self.number;
            state.learn(said, alone);
        }
        if refused {
            let until = state.refused_until(said, now);
            state.hold(until, is_own);
        }
    }
}

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        let mut state = self.pace.lock();
        state.in_flight = state.in_flight.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::{Clock, ManualClock};

    fn start() -> DateTime<Utc> {
        "2026-11-21T10:00:00Z".parse().unwrap()
    }

    fn paced(reserve: f64) -> (Pace, ManualClock) {
        let clock = ManualClock::at(start());
        (Pace::with_reserve(Arc::new(clock.clone()), reserve), clock)
    }

    fn seconds_gone(clock: &ManualClock) -> i64 {
        (clock.now() - start()).num_seconds()
    }

    fn said(limit: u32, remaining: u32, resets_in: i64) -> RateHeaders {
        RateHeaders {
            limit: Some(limit),
            remaining: Some(remaining),
            resets_at: Some(start() + TimeDelta::seconds(resets_in)),
            ..RateHeaders::default()
        }
    }

    fn left(pace: &Pace) -> u32 {
        pace.budget().unwrap().remaining
    }

    #[tokio::test]
    async fn before_the_first_answer_nothing_is_known_and_all_is_ample() {
        let (pace, _) = paced(0.1);
        let _under_way = pace.admit().await;
        assert_eq!(pace.budget(), None);
        assert!(pace.is_ample());
    }

    #[tokio::test]
    async fn it_counts_down_by_itself_between_answers() {
        let (pace, _) = paced(0.1);
        pace.admit().await.answered(&said(1000, 600, 40), false);
        assert_eq!(left(&pace), 600);
        assert!(pace.is_ample());
        for _ in 0..100 {
            pace.admit().await;
        }
        assert_eq!(left(&pace), 500);
        assert!(!pace.is_ample());
    }

    #[tokio::test]
    async fn callers_that_start_together_stop_at_the_reserve_together() {
        let (pace, clock) = paced(0.1);
        pace.admit().await.answered(&said(20, 5, 40), false);
        let _under_way = [pace.admit().await, pace.admit().await, pace.admit().await];
        assert_eq!(seconds_gone(&clock), 0);
        // Two of twenty stay with the other tools; the fourth caller waits for the next window.
        let _fourth = pace.admit().await;
        assert_eq!(seconds_gone(&clock), 40);
        assert_eq!(left(&pace), 20 - 4);
    }

    #[tokio::test]
    async fn an_answer_that_was_overtaken_gives_nothing_back() {
        let (pace, _) = paced(0.0);
        let (first, second) = (pace.admit().await, pace.admit().await);
        second.answered(&said(100, 50, 40), false);
        drop(second);
        first.answered(&said(100, 51, 40), false);
        assert!(left(&pace) <= 50);
    }

    #[tokio::test]
    async fn a_lone_answer_is_believed_even_when_it_gives_back() {
        let (pace, _) = paced(0.0);
        pace.admit().await.answered(&said(100, 10, 40), false);
        pace.admit().await.answered(&said(100, 90, 41), false);
        assert_eq!(left(&pace), 90);
    }

    #[tokio::test]
    async fn a_new_window_brings_the_whole_limit_back() {
        let (pace, clock) = paced(0.1);
        pace.admit().await.answered(&said(1000, 100, 40), false);
        clock.advance(Duration::from_secs(41));
        let expected = Budget {
            limit: 1000,
            remaining: 1000,
            resets_at: None,
        };
        assert_eq!(pace.budget(), Some(expected));
        assert!(pace.is_ample());
    }

    #[tokio::test]
    async fn a_reserve_of_everything_still_lets_one_call_a_window_through() {
        let (pace, clock) = paced(1.0);
        pace.admit().await.answered(&said(10, 9, 30), false);
        pace.admit().await;
        assert_eq!(seconds_gone(&clock), 30);
    }

    #[tokio::test]
    async fn without_any_word_from_ashby_the_observed_limit_holds() {
        let (pace, clock) = paced(0.0);
        for _ in 0..ASSUMED_LIMIT {
            pace.admit().await;
        }
        assert_eq!(seconds_gone(&clock), 0);
        pace.admit().await;
        assert_eq!(seconds_gone(&clock), 60);
    }

    #[tokio::test]
    async fn a_429_holds_everybody_as_long_as_it_asks() {
        let retry_after = |seconds| RateHeaders {
            retry_after: Some(Duration::from_secs(seconds)),
            ..said(1000, 0, 40)
        };
        let resets = said(1000, 0, 40);
        let silent = RateHeaders::default();
        for (headers, seconds, why) in [
            (retry_after(7), 7, "Retry-After comes first"),
            (retry_after(0), 1, "at once is too soon"),
            (retry_after(86_400), 90, "a day is a misunderstanding"),
            (resets, 40, "the reset comes second"),
            (silent, 60, "else the end of the window we opened"),
        ] {
            let (pace, clock) = paced(0.1);
            pace.admit().await.answered(&headers, true);
            assert!(!pace.is_ample(), "{why}");
            pace.admit().await;
            assert_eq!(seconds_gone(&clock), seconds, "{why}");
        }
    }

    #[tokio::test]
    async fn a_partners_429_holds_us_and_leaves_the_keys_own_figures_alone() {
        let (pace, clock) = paced(0.1);
        pace.admit().await.answered(&said(1000, 900, 50), false);
        let partner = RateHeaders {
            retry_after: Some(Duration::from_secs(5)),
            foreign_scope: Some("integration-partner".to_owned()),
            ..said(10, 0, 50)
        };
        pace.admit().await.answered(&partner, true);
        assert!(!pace.is_ample());
        let budget = pace.budget().unwrap();
        assert_eq!((budget.limit, budget.remaining), (1000, 899));
        pace.admit().await;
        assert_eq!(seconds_gone(&clock), 5);
        assert!(pace.is_ample());
    }
}
