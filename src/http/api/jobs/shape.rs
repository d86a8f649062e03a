//! How a registered job is shown.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    plan::situation::{Mode, Openness, PlanStage, StageKind},
    store::job::Job,
    sync::check::Check,
};

/// Whether a registered job takes candidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum JobStatus {
    /// It does.
    Active,
    /// Its candidates wait: it is not open in Ashby, or the key cannot see it.
    Waiting,
}

/// What Ashby says of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum JobOpenness {
    /// It is open.
    Open,
    /// It is closed, archived or a draft.
    Closed,
    /// The key cannot see it: gone or confidential.
    NotVisible,
}

/// A stage of an interview plan.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Stage)]
pub struct StageBody {
    /// Its id in Ashby.
    pub id: String,
    /// Its title, which admins may change.
    pub title: String,
    /// Its type in Ashby, which they may not: `Lead`, `PreInterviewScreen`, `Active`, `Offer`, `Hired`, `Archived`, or
    /// `Other` for one that Ashby has added since.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its place: greater is further on.
    pub order: i64,
}

impl StageBody {
    fn of(stage: &PlanStage) -> Self {
        let kind = match stage.kind {
            StageKind::Lead => "Lead",
            StageKind::PreInterviewScreen => "PreInterviewScreen",
            StageKind::Active => "Active",
            StageKind::Offer => "Offer",
            StageKind::Hired => "Hired",
            StageKind::Archived => "Archived",
            StageKind::Other => "Other",
        };
        Self {
            id: stage.id.0.clone(),
            title: stage.title.clone(),
            kind: kind.to_owned(),
            order: stage.order,
        }
    }
}

/// A registered job.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Job)]
pub struct JobBody {
    /// The job as Dover names it.
    pub dover_job_id: String,
    /// Its id in Ashby.
    pub ashby_job_id: String,
    /// Its title in Ashby.
    pub title: String,
    /// Whether it takes candidates.
    pub status: JobStatus,
    /// What Ashby says of it.
    pub openness: JobOpenness,
    /// Whether what is decided is carried out.
    pub mode: Mode,
    /// The id of its interview plan in Ashby.
    #[schema(required)]
    pub interview_plan_id: Option<String>,
    /// The stages of that plan.
    pub stages: Vec<StageBody>,
    /// When Ashby was asked.
    pub read_at: DateTime<Utc>,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
}

impl JobBody {
    pub(super) fn of(job: &Job) -> Self {
        let openness = match &job.openness {
            Openness::Open => JobOpenness::Open,
            Openness::Closed(_) => JobOpenness::Closed,
            Openness::NotVisible => JobOpenness::NotVisible,
        };
        let is_open = openness == JobOpenness::Open;
        Self {
            dover_job_id: job.dover_job_id.0.clone(),
            ashby_job_id: job.ashby_job_id.0.clone(),
            title: job.title.clone(),
            status: if is_open {
                JobStatus::Active
            } else {
                JobStatus::Waiting
            },
            openness,
            mode: job.mode,
            interview_plan_id: job.interview_plan_id.as_ref().map(|id| id.0.clone()),
            stages: job.stages.iter().map(StageBody::of).collect(),
            read_at: job.read_at,
            created_at: job.created_at,
        }
    }
}

/// A job that was registered or changed, with what was found on the way.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Registered {
    /// The job.
    #[serde(flatten)]
    pub job: JobBody,
    /// What was found: whether the plan has the stages that Dover's words mean, and what else the job needs in Ashby.
    pub checks: Vec<Check>,
}

impl Registered {
    pub(super) fn of((job, checks): (Job, Vec<Check>)) -> Self {
        Self {
            job: JobBody::of(&job),
            checks,
        }
    }
}
