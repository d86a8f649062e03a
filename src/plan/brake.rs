//! The brake: how much one flush may do to one job before it stops and asks. Arithmetic alone; who is counted, and what an
//! admin answered, is told to it.

use chrono::{DateTime, Utc};

use super::{
    action::{Action, Plan, Step},
    reason::{Reason, Withheld},
    settings::{BrakeLimits, layers::Decided},
};

/// The share of archives is taken only of so many active applications or more: of fewer, one or two are a large share.
const SHARE_FROM: u32 = 10;

/// What a job's part of a flush would do, in applications.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Would {
    /// Created.
    pub creates: u32,
    /// Moved on.
    pub moves: u32,
    /// Archived.
    pub archives: u32,
}

impl Would {
    /// One more of `action`.
    pub const fn add(&mut self, action: Action) {
        let counter = match action {
            Action::Create => &mut self.creates,
            Action::Move => &mut self.moves,
            Action::Archive => &mut self.archives,
            Action::Update | Action::None => return,
        };
        *counter = counter.saturating_add(1);
    }

    /// One less of `action`.
    pub const fn take(&mut self, action: Action) {
        let counter = match action {
            Action::Create => &mut self.creates,
            Action::Move => &mut self.moves,
            Action::Archive => &mut self.archives,
            Action::Update | Action::None => return,
        };
        *counter = counter.saturating_sub(1);
    }

    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            creates: self.creates.saturating_add(other.creates),
            moves: self.moves.saturating_add(other.moves),
            archives: self.archives.saturating_add(other.archives),
        }
    }
}

/// One of the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// So many archived.
    Archives,
    /// Such a share of the job's active applications archived.
    ArchiveShare,
    /// So many moved.
    Moves,
}

impl Limit {
    /// The setting that it is.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Archives => "brake.max_archives",
            Self::ArchiveShare => "brake.max_archive_share",
            Self::Moves => "brake.max_moves",
        }
    }

    /// What it is set to.
    pub fn value(self, limits: &BrakeLimits) -> f64 {
        match self {
            Self::Archives => limits.max_archives.into(),
            Self::ArchiveShare => limits.max_archive_share,
            Self::Moves => limits.max_moves.into(),
        }
    }
}

/// A limit that would be exceeded, and by what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// Which.
    pub limit: Limit,
    /// What the job's part of the flush would do.
    pub would: Would,
    /// The job's active applications.
    pub active: u32,
    /// How many would be let through.
    pub most: u32,
}

/// The limit that doing `would` to a job with `active` active applications exceeds, if it does. A limit itself is not
/// exceeded.
pub fn exceeded(would: Would, active: u32, limits: &BrakeLimits) -> Option<Exceeded> {
    let over = |limit, most| {
        Some(Exceeded {
            limit,
            would,
            active,
            most,
        })
    };
    if would.archives > limits.max_archives {
        over(Limit::Archives, limits.max_archives)
    } else if active >= SHARE_FROM && is_more(would.archives, active, limits.max_archive_share) {
        let most = (0..would.archives).rev();
        let most = most.skip_while(|n| is_more(*n, active, limits.max_archive_share));
        over(Limit::ArchiveShare, most.max().unwrap_or_default())
    } else if would.moves > limits.max_moves {
        over(Limit::Moves, limits.max_moves)
    } else {
        None
    }
}

/// Divided rather than multiplied: 29 of 100 is exactly 0.29, while 0.29 times 100 is a little less than 29.
fn is_more(part: u32, whole: u32, share: f64) -> bool {
    f64::from(part) / f64::from(whole) > share
}

/// What an admin said to what was held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether it may go on.
    pub is_approved: bool,
    /// What was held: [`deed`] of its plan.
    pub deed: String,
    /// When Dover said what it was decided on.
    pub said_at: DateTime<Utc>,
}

impl Answer {
    /// Whether `plan`, decided on what Dover said at `said_at`, may go on uncounted: it was approved, and is the same.
    pub fn approves(&self, plan: &Plan) -> bool {
        self.is_approved && deed(plan).as_ref() == Some(&self.deed)
    }

    /// Whether `plan` was refused, and Dover has said nothing newer since.
    pub fn refuses(&self, plan: &Plan, said_at: Option<DateTime<Utc>>) -> bool {
        let is_newer = said_at.is_some_and(|said| said > self.said_at);
        !self.is_approved && !is_newer && deed(plan).as_ref() == Some(&self.deed)
    }
}

/// What a plan would do, so that two can be told apart: ids alone, nothing of the person. `None`: it does nothing.
pub fn deed(plan: &Plan) -> Option<String> {
    let steps: Vec<String> = plan.steps.iter().map(step).collect();
    (!steps.is_empty()).then(|| steps.join(" "))
}

fn step(step: &Step) -> String {
    match step {
        Step::CreateCandidate { .. } => "create-candidate".to_owned(),
        Step::CreateApplication { job, stage, .. } => format!("create-application:{job}:{stage}"),
        Step::Move { application, to } => format!("move:{application}:{to}"),
        Step::Archive {
            application,
            to,
            reason,
        } => format!("archive:{application}:{to}:{reason}"),
    }
}

/// The plan held back because the job `title` is over a `limit`. One that does nothing stays as it is.
pub fn hold(plan: Plan, title: &str, exceeded: Exceeded, limit: Option<Decided>) -> Plan {
    let mut held = plan.withheld(|would| Reason::HeldByBrake {
        title: title.to_owned(),
        exceeded,
        would,
    });
    if matches!(held.because, Reason::HeldByBrake { .. }) {
        held.decided_by.extend(limit);
    }
    held
}

/// The plan as an admin refused it. One that does nothing stays as it is.
pub fn refuse(plan: Plan) -> Plan {
    plan.withheld(|would| Reason::RefusedByAdmin { would })
}

impl Plan {
    /// The same decision with its steps withheld. One that has none stays as it is.
    pub(super) fn withheld(self, reason: impl FnOnce(Box<Withheld>) -> Reason) -> Self {
        if self.steps.is_empty() {
            return self;
        }
        let would = Withheld {
            action: self.action(),
            because: self.because,
        };
        Self {
            steps: Vec::new(),
            because: reason(Box::new(would)),
            clock_ahead: self.clock_ahead,
            decided_by: self.decided_by,
            credit: self.credit,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(archives: u32, moves: u32) -> Would {
        Would {
            archives,
            moves,
            creates: 10_000,
        }
    }

    fn limit(archives: u32, moves: u32, active: u32) -> Option<Limit> {
        exceeded(of(archives, moves), active, &BrakeLimits::default()).map(|found| found.limit)
    }

    #[test]
    fn a_limit_is_exceeded_by_one_more_and_creations_have_none() {
        assert_eq!(limit(25, 500, 1_000), None);
        assert_eq!(limit(26, 0, 1_000), Some(Limit::Archives));
        assert_eq!(limit(0, 501, 1_000), Some(Limit::Moves));
        assert_eq!(limit(26, 501, 1_000), Some(Limit::Archives));
    }

    #[test]
    fn a_share_is_taken_of_ten_or_more() {
        assert_eq!(limit(9, 0, 9), None);
        assert_eq!(limit(2, 0, 10), None);
        assert_eq!(limit(3, 0, 10), Some(Limit::ArchiveShare));
        assert_eq!(limit(3, 0, 0), None);
        let found = exceeded(of(9, 0), 12, &BrakeLimits::default()).unwrap();
        assert_eq!(found.most, 2);
    }

    #[test]
    fn a_share_is_exact() {
        let limits = BrakeLimits {
            max_archives: 1_000,
            max_archive_share: 0.29,
            ..BrakeLimits::default()
        };
        assert_eq!(exceeded(of(29, 0), 100, &limits), None);
        assert_eq!(exceeded(of(30, 0), 100, &limits).unwrap().most, 29);
    }

    #[test]
    fn zero_asks_about_each() {
        let limits = BrakeLimits {
            max_archives: 0,
            max_moves: 0,
            ..BrakeLimits::default()
        };
        assert_eq!(exceeded(of(0, 0), 0, &limits), None);
        assert!(exceeded(of(1, 0), 0, &limits).is_some());
        assert!(exceeded(of(0, 1), 0, &limits).is_some());
    }

    fn anything() -> impl Strategy<Value = (Would, u32, BrakeLimits)> {
        (
            0..60_u32,
            0..60_u32,
            0..60_u32,
            0..60_u32,
            0..60_u32,
            0.0..1.0_f64,
        )
            .prop_map(
                |(archives, moves, active, max_archives, max_moves, max_archive_share)| {
                    let limits = BrakeLimits {
                        max_archives,
                        max_archive_share,
                        max_moves,
                    };
                    (of(archives, moves), active, limits)
                },
            )
    }

    proptest! {
        #[test]
        fn what_is_let_through_is_within_every_limit((would, active, limits) in anything()) {
            let is_within = would.archives <= limits.max_archives
                && would.moves <= limits.max_moves
                && (active < 10 || f64::from(would.archives) <= limits.max_archive_share * f64::from(active) + 1e-9);
            prop_assert_eq!(exceeded(would, active, &limits).is_none(), is_within);
        }

        #[test]
        fn doing_more_never_slips_under((would, active, limits) in anything(), archives in 0..9_u32, moves in 0..9_u32) {
            let more = would.and(of(archives, moves));
            if exceeded(would, active, &limits).is_some() {
                prop_assert!(exceeded(more, active, &limits).is_some());
            }
        }

        #[test]
        fn as_many_as_it_says_would_be_let_through((would, active, limits) in anything()) {
            if let Some(found) = exceeded(would, active, &limits) {
                let mut less = would;
                match found.limit {
                    Limit::Moves => less.moves = found.most,
                    Limit::Archives | Limit::ArchiveShare => less.archives = found.most,
                }
                let again = exceeded(less, active, &limits);
                prop_assert!(again.is_none_or(|next| next.limit != found.limit), "{again:?}");
            }
        }
    }
}
