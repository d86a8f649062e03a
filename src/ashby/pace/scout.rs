//! One goes first, the others wait for what it brings home: so many callers that wake together never run into a limit
//! together.

use chrono::{DateTime, Utc};

/// What a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Go.
    Now,
    /// Ask again at that moment.
    At(DateTime<Utc>),
    /// Ask again when a request that is under way is over.
    AfterAnother,
}

/// Whether somebody has to go first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Scout {
    /// Nobody has to.
    #[default]
    Back,
    /// Whoever comes next.
    Wanted,
    /// The request of that number does.
    Out(u64),
}

impl Scout {
    /// Somebody has to go first again. One that is out already will do.
    pub(super) const fn call_for(&mut self) {
        if !self.is_out() {
            *self = Self::Wanted;
        }
    }

    pub(super) const fn is_out(self) -> bool {
        matches!(self, Self::Out(_))
    }

    /// The request `number` goes, as the first if one has to.
    pub(super) fn send(&mut self, number: u64) {
        if *self == Self::Wanted {
            *self = Self::Out(number);
        }
    }

    /// The request `number` is over. One that was never sent is replaced by another; one without an answer is not, or
    /// callers would wait for Ashby's silence one after the other.
    pub(super) fn over(&mut self, number: u64, was_sent: bool) {
        if *self == Self::Out(number) {
            *self = if was_sent { Self::Back } else { Self::Wanted };
        }
    }
}
