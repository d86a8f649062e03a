//! What a decision comes to. Whoever carries a plan out has no choice left to make.

use std::fmt::{self, Write};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    credit::Credit,
    reason::{Reason, moment},
    says::Location,
    settings::layers::Decided,
};
use crate::ids::{
    ApplicationId, ArchiveReasonId, AshbyJobId, CandidateId, SourceId, StageId, UserId,
};

/// The decision on one prospect: what to do, and why that or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "an unread plan changes nothing"]
pub struct Plan {
    /// What to tell Ashby, in order.
    pub steps: Vec<Step>,
    /// Why, also why nothing.
    pub because: Reason,
    /// What Dover's clock claimed, where it ran so far ahead that the time of receipt counts instead.
    pub clock_ahead: Option<DateTime<Utc>>,
    /// The settings that it rests on.
    pub decided_by: Vec<Decided>,
    /// Who is credited with what it creates.
    pub credit: Credit,
}

impl Plan {
    /// Does `steps`, because of `because`.
    pub(super) const fn of(steps: Vec<Step>, because: Reason) -> Self {
        Self {
            steps,
            because,
            clock_ahead: None,
            decided_by: Vec::new(),
            credit: Credit::NOBODY,
        }
    }

    /// Does nothing, because of `because`.
    pub const fn nothing(because: Reason) -> Self {
        Self::of(Vec::new(), because)
    }

    /// Why, in words that a recruiter understands.
    pub fn sentence(&self) -> String {
        let mut sentence = self.because.to_string();
        for decided in &self.decided_by {
            let _ = write!(sentence, " {decided}");
        }
        let _ = write!(sentence, "{}", self.credit);
        if let Some(claimed) = self.clock_ahead {
            let _ = write!(
                sentence,
                " Dover dated its update {}, which lay ahead of the clock; the time of receipt counts.",
                moment(claimed)
            );
        }
        sentence
    }

    /// The plan in a word; of one whose steps are withheld, what they would come to.
    pub fn action(&self) -> Action {
        match &self.because {
            Reason::Shadow { would }
            | Reason::HeldByBrake { would, .. }
            | Reason::RefusedByAdmin { would } => would.action,
            Reason::Updated { .. } => Action::Update,
            _ => self.steps.last().map_or(Action::None, Step::action),
        }
    }
}

/// A plan in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// A new application, and a new candidate where there was none.
    Create,
    /// Another stage.
    Move,
    /// Archived with a reason.
    Archive,
    /// Something beside the stage: fields, notes, the tag.
    Update,
    /// Nothing.
    None,
}

impl Action {
    /// The action of a word; one that is none of them does nothing.
    pub fn parse(word: &str) -> Self {
        let all = [Self::Create, Self::Move, Self::Archive, Self::Update];
        let found = all.into_iter().find(|action| action.word() == word);
        found.unwrap_or(Self::None)
    }

    /// The word of the HTTP contract.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Move => "move",
            Self::Archive => "archive",
            Self::Update => "update",
            Self::None => "none",
        }
    }
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Make a candidate.
    CreateCandidate {
        /// Who.
        person: NewPerson,
        /// *Dover*.
        source: SourceId,
        /// Who is credited with it.
        credited_to: Option<UserId>,
    },
    /// Make an application.
    CreateApplication {
        /// Whose.
        candidate: CandidateRef,
        /// For which job.
        job: AshbyJobId,
        /// Where it starts.
        stage: StageId,
        /// *Dover*.
        source: SourceId,
        /// Who is credited with it.
        credited_to: Option<UserId>,
    },
    /// Move on.
    Move {
        /// What.
        application: ApplicationId,
        /// Where to. Never an Archived stage, and a Hired one only where the settings say so.
        to: StageId,
    },
    /// Archive. Ashby wants a reason exactly when the target is an Archived stage, so there is no moving there without.
    Archive {
        /// What.
        application: ApplicationId,
        /// The Archived stage of its plan.
        to: StageId,
        /// Why.
        reason: ArchiveReasonId,
    },
}

impl Step {
    const fn action(&self) -> Action {
        match self {
            Self::CreateCandidate { .. } | Self::CreateApplication { .. } => Action::Create,
            Self::Move { .. } => Action::Move,
            Self::Archive { .. } => Action::Archive,
        }
    }
}

/// A candidate, by id or by role in the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CandidateRef {
    /// One that exists.
    Known(CandidateId),
    /// The one that the step before makes.
    JustCreated,
}

/// What Ashby is told of a new candidate.
#[derive(Clone, PartialEq, Eq)]
pub struct NewPerson {
    /// Full name.
    pub name: String,
    /// Primary e-mail address.
    pub email: Option<String>,
    /// Further e-mail addresses.
    pub alternate_emails: Vec<String>,
    /// Telephone number.
    pub phone: Option<String>,
    /// LinkedIn profile, in its one form.
    pub linkedin_url: Option<String>,
    /// GitHub profile, an absolute address.
    pub github_url: Option<String>,
    /// Own web site, an absolute address.
    pub website_url: Option<String>,
    /// Where they live.
    pub location: Option<Location>,
}

impl fmt::Debug for NewPerson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewPerson(redacted)")
    }
}
