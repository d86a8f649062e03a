//! The figures of one key: what is left of its limit, what is under way, and whose turn it is. No clock, no waiting.

use std::{collections::VecDeque, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Budget,
    scout::{Scout, Turn},
};
use crate::ashby::rate_headers::{LONGEST_WAIT, RateHeaders};

/// The limit seen in recorded answers: 1000 requests in a window that opens with the first request after the last one.
pub(super) const ASSUMED_LIMIT: u32 = 1000;
pub(super) const WINDOW: TimeDelta = TimeDelta::seconds(60);

/// Resets are told in whole seconds, and nobody knows which way they are rounded: the window ends up to one later.
const ROUNDING: TimeDelta = TimeDelta::seconds(1);

/// Two resets closer than this belong to the same window: whole seconds and travel time blur them.
const SAME_WINDOW: TimeDelta = TimeDelta::seconds(5);

/// The least a 429 makes us wait, even one that says "again at once".
const SHORTEST_HOLD: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct State {
    pub(super) budget: Budget,
    /// Whether an answer has ever told the limit.
    pub(super) learnt: bool,
    /// Whether an answer has told of the present window; until then its end is our guess.
    confirmed: bool,
    /// After a 429, nobody asks before this.
    pub(super) held_until: Option<DateTime<Utc>>,
    /// Each window is opened by one request; the others wait for what its answer tells.
    scout: Scout,
    in_flight: u32,
    admitted: u64,
    /// When each request of the last minute was over. Together with those under way they are all that Ashby can have
    /// counted within any minute, however its windows lie.
    recent: VecDeque<DateTime<Utc>>,
}

/// A request that was let through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    number: u64,
    started_alone: bool,
}

impl State {
    pub(super) const fn new() -> Self {
        Self {
            budget: Budget {
                limit: ASSUMED_LIMIT,
                remaining: ASSUMED_LIMIT,
                resets_at: None,
            },
            learnt: false,
            confirmed: false,
            held_until: None,
            scout: Scout::Wanted,
            in_flight: 0,
            admitted: 0,
            recent: VecDeque::new(),
        }
    }

    /// Forgets what time has settled: a hold that is over, a window that has ended, requests of more than a minute ago.
    pub(super) fn roll(&mut self, now: DateTime<Utc>) {
        self.held_until = self.held_until.filter(|until| *until > now);
        while self.recent.front().is_some_and(|at| *at + WINDOW <= now) {
            self.recent.pop_front();
        }
        if self.budget.resets_at.is_some_and(|end| end <= now) {
            self.budget.remaining = self.budget.limit.saturating_sub(self.in_flight);
            self.budget.resets_at = None;
            self.confirmed = false;
            self.scout.call_for();
        }
    }

    /// Whose turn it is, for a caller that leaves `share` of the limit to others.
    pub(super) fn turn(&mut self, now: DateTime<Utc>, share: f64) -> Turn {
        self.roll(now);
        if let Some(until) = self.held_until {
            return Turn::At(until);
        }
        if self.scout.is_out() {
            return Turn::AfterAnother;
        }
        let Budget {
            limit, remaining, ..
        } = self.budget;
        let others = reserved(limit, share);
        if remaining <= others {
            // With nothing under way no answer will tell of a new window: it ends a minute from now at the latest.
            return match self.budget.resets_at {
                None if self.in_flight > 0 => Turn::AfterAnother,
                known => Turn::At(*self.budget.resets_at.insert(known.unwrap_or(now + WINDOW))),
            };
        }
        let recent = u32::try_from(self.recent.len()).unwrap_or(u32::MAX);
        if self.in_flight.saturating_add(recent) >= limit - others {
            let oldest = self.recent.front();
            return oldest.map_or(Turn::AfterAnother, |at| Turn::At(*at + WINDOW));
        }
        Turn::Now
    }

    /// Takes one request off what is left. To be called only on [`Turn::Now`].
    pub(super) fn admit(&mut self, now: DateTime<Utc>) -> Ticket {
        self.budget.resets_at.get_or_insert(now + WINDOW);
        self.budget.remaining = self.budget.remaining.saturating_sub(1);
        self.in_flight += 1;
        self.admitted += 1;
        self.scout.send(self.admitted);
        Ticket {
            number: self.admitted,
            started_alone: self.in_flight == 1,
        }
    }

    /// Takes note of an answer; `refused` says that it was a 429.
    pub(super) fn answered(
        &mut self,
        ticket: Ticket,
        said: &RateHeaders,
        refused: bool,
        now: DateTime<Utc>,
    ) {
        self.roll(now);
        let is_own = said.foreign_scope.is_none();
        if is_own {
            let alone = ticket.started_alone && self.admitted == ticket.number;
            self.learn(said, alone);
        }
        if refused {
            let until = self.refused_until(said, now);
            self.hold(until, is_own);
        }
    }

    /// A request is over. One that was never sent cannot have told anything, so another has to go in its place.
    pub(super) fn over(&mut self, ticket: Ticket, was_sent: bool, now: DateTime<Utc>) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.recent.push_back(now);
        self.scout.over(ticket.number, was_sent);
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
        let told = said.resets_at.map(|at| at + ROUNDING);
        let ends = told.or(self.budget.resets_at);
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

    /// How long a 429 means: what it asks for, else the end of the window as it tells it or as an answer told it before,
    /// else a whole window.
    pub(super) fn refused_until(&self, said: &RateHeaders, now: DateTime<Utc>) -> DateTime<Utc> {
        if let Some(asked) = said.retry_after {
            return now + asked.clamp(SHORTEST_HOLD, LONGEST_WAIT);
        }
        let told = said.resets_at.map(|at| at + ROUNDING);
        let known = self.budget.resets_at.filter(|_| self.confirmed);
        let shortest = now + TimeDelta::from_std(SHORTEST_HOLD).unwrap_or(WINDOW);
        told.or(known).unwrap_or(now + WINDOW).max(shortest)
    }
}

/// How many requests of `limit` are not ours. Never all of them, or nothing would ever be asked again.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share from 0 to 1 of a u32 is within u32"
)]
pub(super) fn reserved(limit: u32, share: f64) -> u32 {
    let others = (f64::from(limit) * share.clamp(0.0, 1.0)).ceil();
    (others as u32).min(limit.saturating_sub(1))
}
