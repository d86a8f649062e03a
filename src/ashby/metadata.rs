//! What an admin sets up once: the stages of interview plans, sources and archive reasons.
//!
//! None of these lists is paged. Titles are an admin's to change and not unique, so ids are what to keep.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{AshbyClient, AshbyError, endpoint, lenient::null_is_empty, words::open_words};
use crate::ids::{ArchiveReasonId, InterviewPlanId, SourceId, StageId};

/// A stage of an interview plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InterviewStage {
    /// Its id.
    pub id: StageId,
    /// Its title, which an admin may change.
    pub title: String,
    /// What kind of stage it is.
    #[serde(rename = "type")]
    pub stage_type: StageType,
    /// Where it stands among the stages of its own plan. Numbers may be missing, and the first need not be 0.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub order_in_interview_plan: i64,
    /// The plan it belongs to.
    #[serde(default)]
    pub interview_plan_id: Option<InterviewPlanId>,
}

open_words! {
    /// The kinds of stage. An application's status follows from it.
    StageType {
        /// Sourced, not yet an applicant.
        Lead,
        /// Applied, waiting to be looked at.
        PreInterviewScreen,
        /// Being interviewed.
        Active,
        /// Being made an offer.
        Offer,
        /// Hired.
        Hired,
        /// No longer considered.
        Archived,
    }
}

/// Where candidates come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// Its id.
    pub id: SourceId,
    /// Its title, which several sources of different types may share.
    pub title: String,
    /// Whether an admin has put it away.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub is_archived: bool,
    /// The group it belongs to.
    #[serde(default)]
    pub source_type: Option<SourceType>,
}

/// A group of sources, such as *Sourced* or *Inbound*.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceType {
    /// Its title.
    pub title: String,
}

/// Why an application was archived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArchiveReason {
    /// Its id.
    pub id: ArchiveReasonId,
    /// Its wording.
    pub text: String,
    /// Who ended it.
    pub reason_type: ReasonType,
    /// Whether an admin has put it away.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub is_archived: bool,
}

open_words! {
    /// Who ended a consideration. Ashby's third word is *Other* itself.
    ReasonType {
        /// The candidate.
        RejectedByCandidate,
        /// The employer.
        RejectedByOrg,
    }
}

impl AshbyClient {
    /// The stages of a plan, in their order (`interviewStage.list`).
    pub async fn interview_stages(
        &self,
        plan: &InterviewPlanId,
    ) -> Result<Vec<InterviewStage>, AshbyError> {
        let question = json!({ "interviewPlanId": plan });
        let answer = self
            .call::<_, Vec<InterviewStage>>(endpoint::INTERVIEW_STAGE_LIST, &question)
            .await?;
        Ok(answer.results)
    }

    /// All sources, the archived ones too: that a source is there but put away is worth telling an admin (`source.list`).
    pub async fn sources(&self) -> Result<Vec<Source>, AshbyError> {
        let question = json!({ "includeArchived": true });
        let answer = self.call(endpoint::SOURCE_LIST, &question).await?;
        Ok(answer.results)
    }

    /// All archive reasons, the archived ones too (`archiveReason.list`).
    pub async fn archive_reasons(&self) -> Result<Vec<ArchiveReason>, AshbyError> {
        let question = json!({ "includeArchived": true });
        let answer = self.call(endpoint::ARCHIVE_REASON_LIST, &question).await?;
        Ok(answer.results)
    }
}
