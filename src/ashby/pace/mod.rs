//! Keeps the calls of one API key within its rate limit, with a share left to the employer's other tools.
//!
//! The limit counts for the key, so all clients of a key share one [`Pace`]. It believes what the answers say, and counts
//! down by itself between them: callers that start together would otherwise all act on the same last answer. Until the
//! first answer, and should none ever tell, it assumes the limit that has been observed.
//!
//! Ashby's windows are taken to be a minute long and to lie anywhere. So three things hold at once: what is left by
//! Ashby's own count (which others may use up too) never falls below the share that is theirs; within any minute
//! whatever we send no more than the rest; and each window is opened by one request, whose answer tells the others what
//! there is. What a 429 asks for goes before all of it.

mod partner;
mod scout;
mod state;
#[cfg(test)]
mod tests;

use std::{
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Utc};
use tokio::sync::Notify;

pub use self::partner::Partner;
use self::{
    scout::Turn,
    state::{State, Ticket},
};
use super::rate_headers::RateHeaders;
use crate::clock::SharedClock;

/// The pace of one API key.
#[derive(Debug)]
pub struct Pace {
    clock: SharedClock,
    partner: Arc<Partner>,
    state: Mutex<State>,
    /// Rings when a request is over.
    moved: Notify,
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

/// Leave for one request. It counts as under way until this is dropped.
#[derive(Debug)]
pub(super) struct Admission<'a> {
    pace: &'a Pace,
    ticket: Ticket,
    number_of_partner: u64,
    was_sent: bool,
}

/// What a caller that may not go waits for.
enum Wait {
    Until(DateTime<Utc>),
    ForAnother,
    ForAnotherKey,
}

impl Pace {
    /// The pace of a key. All keys of one program share `partner`.
    pub fn new(clock: SharedClock, partner: Arc<Partner>) -> Self {
        Self {
            clock,
            partner,
            state: Mutex::new(State::new()),
            moved: Notify::new(),
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
        let is_held = state.held_until.is_some() || self.partner.holds(now);
        !is_held && (!state.learnt || remaining > limit / 2)
    }

    /// Waits, by the clock, until one more request is within the limit, and takes it off what is left. `share` of the
    /// limit, from 0.0 to 1.0, is left to others; one call a window is always allowed.
    pub(super) async fn admit(&self, share: f64) -> Admission<'_> {
        loop {
            // Made before looking: what rings in between is heard.
            let (here, elsewhere) = (self.moved.notified(), self.partner.moved.notified());
            match self.try_admit(share) {
                Ok(admission) => return admission,
                Err(Wait::ForAnother) => pin!(here).await,
                Err(Wait::ForAnotherKey) => pin!(elsewhere).await,
                Err(Wait::Until(at)) => {
                    let wait = (at - self.clock.now()).to_std().unwrap_or_default();
                    tracing::debug!(wait_ms = wait.as_millis(), "waiting for Ashby's rate limit");
                    self.clock.sleep(wait).await;
                }
            }
        }
    }

    fn try_admit(&self, share: f64) -> Result<Admission<'_>, Wait> {
        let now = self.clock.now();
        let mut state = self.lock();
        match state.turn(now, share) {
            Turn::Now => {}
            Turn::At(at) => return Err(Wait::Until(at)),
            Turn::AfterAnother => return Err(Wait::ForAnother),
        }
        match self.partner.admit(now) {
            Ok(number_of_partner) => Ok(Admission {
                pace: self,
                ticket: state.admit(now),
                number_of_partner,
                was_sent: false,
            }),
            Err(Turn::At(at)) => Err(Wait::Until(at)),
            Err(_) => Err(Wait::ForAnotherKey),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Admission<'_> {
    /// Takes note that the request goes out now, or may have.
    pub(super) const fn sent(&mut self) {
        self.was_sent = true;
    }

    /// Takes note of an answer; `refused` says that it was a 429.
    pub(super) fn answered(&self, said: &RateHeaders, refused: bool) {
        let now = self.pace.clock.now();
        let mut state = self.pace.lock();
        state.answered(self.ticket, said, refused, now);
        if refused && said.is_of_partner() {
            let until = state.refused_until(said, now);
            self.pace.partner.refused(until);
        }
    }
}

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        let now = self.pace.clock.now();
        self.pace.lock().over(self.ticket, self.was_sent, now);
        self.pace
            .partner
            .over(self.number_of_partner, self.was_sent);
        self.pace.moved.notify_waiters();
    }
}
