//! Whether one field is written: what Dover says against what Ashby holds, what was written before, and what a recruiter
//! may have done meanwhile.
//!
//! A value that Dover merely says again is no news: it never wins against somebody who has changed the field since.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whether a field may be written.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[schema(as = FieldPolicy)]
pub enum Write {
    /// What Dover says counts, unless somebody changed the field in Ashby since Dover said it.
    Always,
    /// Only where there is nothing.
    IfBlank,
    /// The field is protected.
    Never,
}

impl Write {
    /// Each with its word.
    pub const WORDS: [(&'static str, Self); 3] = [
        ("always", Self::Always),
        ("if_blank", Self::IfBlank),
        ("never", Self::Never),
    ];

    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::IfBlank => "if_blank",
            Self::Never => "never",
        }
    }
}

/// When Dover said something, and the order of arrival of what said so at the same time.
pub type Said = (DateTime<Utc>, i64);

/// What was decided of a field before, as it concerns this decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Before {
    /// When Dover said what was decided on.
    pub said: Said,
    /// Whether that is the very value that is wanted now, by the same variable and policy.
    pub is_same: bool,
    /// Whether it came from the same variable.
    pub same_variable: bool,
    /// Whether what the field held then was the service's doing.
    pub is_ours: bool,
}

/// What Ashby holds in a field, against what is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Nothing.
    Blank,
    /// What is wanted.
    Wanted,
    /// What the decision before left there: ours, if that was.
    Before,
    /// Something else.
    Other,
}

/// All that the decision depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// Whether the field may be written.
    pub policy: Write,
    /// Whether what others put there stays whatever comes.
    pub is_careful: bool,
    /// When Dover said what is wanted.
    pub said: Said,
    /// What Ashby holds.
    pub held: Held,
    /// What was decided before.
    pub before: Option<Before>,
    /// When the object last changed in Ashby, by whatever hand; `None` where Ashby does not say.
    pub changed_at: Option<DateTime<Utc>>,
    /// Whether the object was made by this very decision.
    pub is_new: bool,
}

impl Question {
    /// Whether Dover said it after anybody else can have put there what Ashby holds.
    pub fn is_newer(&self) -> bool {
        self.is_new || self.changed_at.is_some_and(|changed| self.said.0 > changed)
    }

    /// Whether what is decided makes what the field holds ours: written, or there before Dover's news and not put there by
    /// somebody since. Whoever typed the same before Dover said it has typed it, and it is theirs.
    pub fn is_ours(&self, verdict: Verdict) -> bool {
        match verdict {
            Verdict::Write => true,
            Verdict::There => self.is_newer() || self.before.is_some_and(|before| before.is_ours),
            Verdict::Leave => false,
        }
    }
}

/// What to do with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Write what is wanted.
    Write,
    /// It is there already.
    There,
    /// Leave what is there.
    Leave,
}

/// Whether Ashby has to be looked at: not where this very thing was decided before, nor where Dover has said something
/// later of it.
pub fn is_due(policy: Write, said: Said, before: Option<Before>) -> bool {
    let is_settled =
        |before: Before| before.is_same || (before.same_variable && before.said > said);
    policy != Write::Never && !before.is_some_and(is_settled)
}

/// What to do with a field that is due.
pub fn decide(question: &Question) -> Verdict {
    let Question {
        policy,
        is_careful,
        said,
        held,
        before,
        ..
    } = *question;
    if !is_due(policy, said, before) {
        return Verdict::Leave;
    }
    let is_newer = question.is_newer();
    let was_ours = before.filter(|before| before.is_ours);
    let may_write = match (held, policy) {
        (Held::Wanted, _) => return Verdict::There,
        // Somebody emptied what was there.
        (Held::Blank, _) if was_ours.is_some() => is_newer,
        (Held::Blank, _) => true,
        (_, Write::IfBlank | Write::Never) => false,
        (Held::Before, Write::Always) if was_ours.is_some() => true,
        (Held::Before | Held::Other, Write::Always) => is_newer && !is_careful,
    };
    if may_write {
        Verdict::Write
    } else {
        Verdict::Leave
    }
}
