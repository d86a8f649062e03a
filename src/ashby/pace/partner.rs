//! The limit that is not the key's. Ashby also counts what an integration partner asks over all its customers; a 429 of
//! that kind says `X-RateLimit-Scope: integration-partner`. All keys of this program are then one caller in Ashby's eyes,
//! so a refusal that one of them gets holds all of them. How large that limit is Ashby does not tell: there is nothing to
//! count, only to wait, and then to try with one request before the others follow.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use tokio::sync::Notify;

use super::scout::{Scout, Turn};

/// What holds all keys of a program.
#[derive(Debug, Default)]
pub struct Partner {
    hold: Mutex<Hold>,
    /// Rings when the request that went first is over.
    pub(super) moved: Notify,
}

#[derive(Debug, Default)]
struct Hold {
    until: Option<DateTime<Utc>>,
    scout: Scout,
    admitted: u64,
}

impl Partner {
    /// Lets a request go and answers its number, or tells what to wait for.
    pub(super) fn admit(&self, now: DateTime<Utc>) -> Result<u64, Turn> {
        let mut hold = self.lock();
        match hold.turn(now) {
            Turn::Now => {
                hold.admitted += 1;
                let number = hold.admitted;
                hold.scout.send(number);
                Ok(number)
            }
            wait => Err(wait),
        }
    }

    /// Whether it holds everybody back right now.
    pub(super) fn holds(&self, now: DateTime<Utc>) -> bool {
        matches!(self.lock().turn(now), Turn::At(_))
    }

    /// Holds everybody back until then.
    pub(super) fn refused(&self, until: DateTime<Utc>) {
        let mut hold = self.lock();
        hold.until = hold.until.max(Some(until));
        hold.scout = Scout::Wanted;
    }

    /// The request of that number is over.
    pub(super) fn over(&self, number: u64, was_sent: bool) {
        self.lock().scout.over(number, was_sent);
        self.moved.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, Hold> {
        self.hold.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hold {
    fn turn(&mut self, now: DateTime<Utc>) -> Turn {
        self.until = self.until.filter(|until| *until > now);
        match (self.until, self.scout.is_out()) {
            (Some(until), _) => Turn::At(until),
            (None, true) => Turn::AfterAnother,
            (None, false) => Turn::Now,
        }
    }
}
