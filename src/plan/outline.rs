//! What is told of a delivery without reading its body again: when it said something, and what it made statements about.
//! Of many deliveries of one prospect it shows which bodies have to be read, for of each statement only the latest counts.

use chrono::{DateTime, Utc};

/// The statements that a delivery makes, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statements(i32);

impl Statements {
    /// Something that happened. Each happens by itself, so no other delivery says it too.
    pub const HAPPENED: Self = Self(1 << 13);

    /// Those that `are_made`, of stage, status and the contact fields, in the order in which [`DoverSays`] has them.
    ///
    /// [`DoverSays`]: super::says::DoverSays
    pub fn of(are_made: [bool; 13]) -> Self {
        let bits = are_made.iter().enumerate();
        Self(bits.fold(0, |all, (place, is_made)| {
            all | i32::from(*is_made) << place
        }))
    }

    /// As [`bits`](Self::bits) gave them.
    pub const fn from_bits(bits: i32) -> Self {
        Self(bits)
    }

    /// For keeping them.
    pub const fn bits(self) -> i32 {
        self.0
    }

    /// These and those of `other`.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether `others` make all of these.
    const fn are_among(self, others: Self) -> bool {
        self.0 & !others.0 == 0
    }

    const fn tell_what_happened(self) -> bool {
        self.0 & Self::HAPPENED.0 != 0
    }
}

/// A delivery of a prospect, without its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outline {
    /// Its place in the order of arrival.
    pub arrival: i64,
    /// The moment that counts, as its [`Stamp`](super::says::Stamp) has it.
    pub said_at: DateTime<Utc>,
    /// What it says something of.
    pub statements: Statements,
}

/// Of the deliveries of one prospect, those whose bodies have to be read: folding them alone comes to what folding all of
/// them would. The latest one is always among them.
pub fn telling(mut deliveries: Vec<Outline>) -> Vec<i64> {
    deliveries.sort_unstable_by_key(|delivery| (delivery.said_at, delivery.arrival));
    let mut said_later = Statements::default();
    let mut telling = Vec::new();
    for delivery in deliveries.iter().rev() {
        let statements = delivery.statements;
        let is_new = !statements.are_among(said_later) || statements.tell_what_happened();
        if is_new || telling.is_empty() {
            telling.push(delivery.arrival);
        }
        said_later = said_later.and(statements);
    }
    telling
}
