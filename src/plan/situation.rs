//! Everything a decision may depend on. What is not here, [`plan`](super::plan) cannot see.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{credit::Credit, exclusion::Exclusion, policy::Policy, says::DoverSays};
use crate::ids::{ApplicationId, ArchiveReasonId, AshbyJobId, CandidateId, SourceId, StageId};

/// One prospect, its job, what Ashby holds of the person, and how the employer's Ashby is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Situation {
    /// What Dover says: the fold of all deliveries.
    pub dover: Arc<DoverSays>,
    /// The job that the prospect is for.
    pub registration: Registration,
    /// Who the prospect is in Ashby.
    pub person: Person,
    /// The Dover time that was last applied to Ashby.
    pub applied_at: Option<DateTime<Utc>>,
    /// What an admin has to add to Ashby by hand.
    pub setup: Setup,
    /// The settings that are in force for it.
    pub policy: Arc<Policy>,
    /// Who is credited, where something is created.
    pub credit: Credit,
}

impl Situation {
    /// Whether the job is decided on and nothing written.
    pub fn is_in_shadow(&self) -> bool {
        matches!(&self.registration, Registration::Registered(job) if job.mode == Mode::Shadow)
    }
}

/// Whether an admin registered the job, and what Ashby says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Nobody did.
    Unknown,
    /// Somebody did.
    Registered(Job),
}

/// A registered job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its id in Ashby.
    pub ashby_job_id: AshbyJobId,
    /// Its title in Ashby.
    pub title: String,
    /// Whether candidates may be moved on it.
    pub openness: Openness,
    /// The stages of its interview plan.
    pub stages: Arc<Vec<PlanStage>>,
    /// Whether anything is written.
    pub mode: Mode,
}

/// Whether what is decided on a job is carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// It is.
    #[default]
    Live,
    /// It is recorded, and nothing is written to Ashby.
    Shadow,
}

impl Mode {
    /// Each with its word, as the HTTP contract and rows have it.
    pub const WORDS: [(&'static str, Self); 2] = [("live", Self::Live), ("shadow", Self::Shadow)];

    /// The word of the HTTP contract.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Shadow => "shadow",
        }
    }
}

/// Whether a job takes candidates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is", content = "status")]
pub enum Openness {
    /// It does.
    Open,
    /// It does not: Ashby's status is the one given (Closed, Archived, Draft).
    Closed(String),
    /// The key cannot see it: gone or confidential, Ashby does not say which.
    NotVisible,
}

/// A stage of an interview plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanStage {
    /// Its id.
    pub id: StageId,
    /// Its title, which admins may change.
    pub title: String,
    /// Its type, which they may not.
    pub kind: StageKind,
    /// Its place: greater is further on. Neither contiguous nor from zero.
    pub order: i64,
}

/// The types of stages that Ashby's plans are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StageKind {
    /// Before anyone has talked.
    Lead,
    /// Application review.
    PreInterviewScreen,
    /// An interview.
    Active,
    /// An offer is out.
    Offer,
    /// Hired.
    Hired,
    /// Over.
    Archived,
    /// A type that Ashby has added since.
    Other,
}

/// Who a prospect is in Ashby.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Person {
    /// Known from before: the application we are linked to.
    Linked(Application),
    /// The link led to something that has been deleted.
    Gone,
    /// The application that we were linked to is now for another job: somebody transferred it.
    Transferred,
    /// Ashby shows their application for the job without a stage, or in a status that we do not know.
    Unclear {
        /// The person.
        candidate: CandidateId,
        /// The application.
        application: ApplicationId,
    },
    /// Found by e-mail or profile: exactly one, with the application for this job if there is one.
    Found {
        /// The person.
        candidate: CandidateId,
        /// Their application for this job.
        application: Option<Application>,
    },
    /// Found several times.
    Several(Vec<CandidateId>),
    /// Erased at their request.
    Erased,
    /// On the exclusion list, and not linked: whoever is linked goes on (rule 3).
    Excluded(Exclusion),
    /// Nobody of that e-mail or profile.
    Nobody,
    /// Ashby was asked about them, and did not tell.
    Untold(Untold),
    /// Ashby's candidates are still being read for the first time.
    Learning {
        /// How many have been read.
        read: i64,
    },
    /// We asked Ashby to create them, did not hear the answer, and cannot see the result yet.
    InDoubt {
        /// When we asked.
        since: DateTime<Utc>,
    },
    /// The same, and looking will not tell: somebody has to.
    Undecided {
        /// When we asked.
        since: DateTime<Utc>,
        /// What for.
        creation: Creation,
        /// Whether somebody is asked because it took as long as a setting says.
        took_long: bool,
    },
}

/// How Ashby did not tell what it holds of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Untold {
    /// It did not answer.
    Unanswered {
        /// What came instead.
        what: String,
    },
    /// It refused to.
    Refused {
        /// Ashby's code.
        code: String,
        /// Ashby's words.
        message: String,
        /// What the answer is known by at Ashby.
        request_id: Option<String>,
    },
}

/// What Ashby was asked to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Creation {
    /// The candidate.
    Candidate,
    /// The application of a candidate who is there.
    Application,
}

/// An application for the prospect's job, as last seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Application {
    /// Its id, which survives merges.
    pub id: ApplicationId,
    /// Whose it is.
    pub candidate: CandidateId,
    /// Where it stands.
    pub stage: StageId,
    /// What that makes it.
    pub status: ApplicationStatus,
    /// Why it was archived.
    #[serde(default)]
    pub archive_reason: Option<ArchiveReasonId>,
    /// The latest change of it that was not ours. Only ever grows.
    #[serde(default)]
    pub foreign_at: Option<DateTime<Utc>>,
}

/// Ashby derives it from the type of the stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ApplicationStatus {
    /// In a Lead stage.
    Lead,
    /// Beyond those.
    Active,
    /// Hired.
    Hired,
    /// Archived.
    Archived,
}

/// What the integration needs of an employer's Ashby and cannot create there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// The source *Dover*.
    pub source: SourceSetup,
    /// The archive reason *Withdrew in Dover*.
    pub withdrew: Option<ArchiveReasonId>,
    /// The archive reason *Rejected in Dover*.
    pub rejected: Option<ArchiveReasonId>,
}

impl Setup {
    /// Whether nothing is missing.
    pub const fn is_complete(&self) -> bool {
        matches!(self.source, SourceSetup::Found(_))
            && self.withdrew.is_some()
            && self.rejected.is_some()
    }
}

/// What became of looking for the source *Dover*.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is", content = "id")]
pub enum SourceSetup {
    /// There is one.
    Found(SourceId),
    /// There is none.
    Missing,
    /// There are several, and not exactly one of type *Sourced*.
    Ambiguous,
}
