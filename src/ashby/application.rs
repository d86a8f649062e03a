//! Applications: a person's consideration for one job.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    AshbyClient, AshbyError, FieldValue, InterviewStage, Page, PageFrom, endpoint,
    lenient::{id_if_any, id_of, null_is_empty},
    words::open_words,
};
use crate::ids::{
    ApplicationId, ArchiveReasonId, AshbyJobId, CandidateId, InterviewPlanId, SourceId, StageId,
    UserId,
};

/// An application. Of the person, only the id is kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    /// Its id, which survives a merge of the person.
    pub id: ApplicationId,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed, by anybody's hand: our own writes and Ashby's automations seconds after them included.
    pub updated_at: DateTime<Utc>,
    /// When it was archived; gone again once it is not.
    #[serde(default)]
    pub archived_at: Option<DateTime<Utc>>,
    /// Where it stands, which follows from the type of its stage.
    pub status: ApplicationStatus,
    /// Who applies.
    #[serde(rename = "candidate", deserialize_with = "id_of")]
    pub candidate_id: CandidateId,
    /// For what.
    #[serde(rename = "job", deserialize_with = "id_of")]
    pub job_id: AshbyJobId,
    /// The stage it is in.
    #[serde(default)]
    pub current_interview_stage: Option<InterviewStage>,
    /// Where it came from.
    #[serde(rename = "source", default, deserialize_with = "id_if_any")]
    pub source_id: Option<SourceId>,
    /// Why it was archived.
    #[serde(rename = "archiveReason", default, deserialize_with = "id_if_any")]
    pub archive_reason_id: Option<ArchiveReasonId>,
    /// What is in its custom fields; those that are empty are left out.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub custom_fields: Vec<FieldValue>,
}

open_words! {
    /// Where an application stands.
    ApplicationStatus {
        /// In a stage of type Lead.
        Lead,
        /// In review, in interviews or at an offer.
        Active,
        /// Hired.
        Hired,
        /// No longer considered.
        Archived,
    }
}

/// An application to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewApplication {
    /// Who applies.
    pub candidate_id: CandidateId,
    /// For what.
    pub job_id: AshbyJobId,
    /// The plan to follow; left out, the job's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interview_plan_id: Option<InterviewPlanId>,
    /// The stage to begin in, one of that plan.
    pub interview_stage_id: StageId,
    /// Where it came from. Left out, the key's own default applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_id: Option<SourceId>,
    /// Who is credited with them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credited_to_user_id: Option<UserId>,
}

/// A change of stage. Ashby wants a reason exactly when the new stage is of type Archived and refuses one otherwise, so
/// the two are told apart here. Neither sends the candidate an e-mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum StageChange {
    /// To a stage that is not of type Archived.
    Move {
        /// What to move.
        #[serde(rename = "applicationId")]
        application: ApplicationId,
        /// Where to.
        #[serde(rename = "interviewStageId")]
        stage: StageId,
    },
    /// To a stage of type Archived.
    Archive {
        /// What to archive.
        #[serde(rename = "applicationId")]
        application: ApplicationId,
        /// The archived stage of its plan.
        #[serde(rename = "interviewStageId")]
        stage: StageId,
        /// Why.
        #[serde(rename = "archiveReasonId")]
        reason: ArchiveReasonId,
    },
}

impl AshbyClient {
    /// One application as it is now (`application.info`).
    pub async fn application_info(&self, id: &ApplicationId) -> Result<Application, AshbyError> {
        let question = json!({ "applicationId": id });
        let answer = self.call(endpoint::APPLICATION_INFO, &question).await?;
        Ok(answer.results)
    }

    /// A page of all applications, or of those that changed (`application.list`). Never filtered: whether a sync token
    /// stays good under another filter is not documented.
    pub async fn applications_page(
        &self,
        from: &PageFrom,
    ) -> Result<Page<Application>, AshbyError> {
        self.page(endpoint::APPLICATION_LIST, from).await
    }

    /// Makes an application (`application.create`). What Ashby does with a second one of the same person for the same job
    /// is not documented: look at the person's applications first, and again after
    /// [`Disposition::InDoubt`](super::Disposition::InDoubt).
    pub async fn create_application(
        &self,
        new: &NewApplication,
    ) -> Result<Application, AshbyError> {
        let answer = self.call(endpoint::APPLICATION_CREATE, new).await?;
        Ok(answer.results)
    }

    /// Moves or archives an application, and returns it as it is afterwards (`application.changeStage`).
    pub async fn change_stage(&self, to: &StageChange) -> Result<Application, AshbyError> {
        let answer = self.call(endpoint::APPLICATION_CHANGE_STAGE, to).await?;
        Ok(answer.results)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::StageType, *};

    #[test]
    fn an_archived_application_is_read() {
        let application: Application = serde_json::from_value(json!({
            "id": "a-1", "createdAt": "2026-11-20T09:00:00Z", "updatedAt": "2026-11-20T10:00:00.590Z",
            "archivedAt": "2026-11-20T10:00:00.500Z", "status": "Archived", "customFields": [],
            "candidate": {"id": "c-1", "name": "Ada Lovelace"},
            "job": {"id": "j-1", "title": "Engineer"},
            "currentInterviewStage": {
                "id": "st-1", "title": "Archived", "type": "Archived",
                "orderInInterviewPlan": 10, "interviewPlanId": "p-1", "interviewStageGroupId": null
            },
            "source": {"id": "s-1", "title": "Dover", "isArchived": false},
            "archiveReason": {"id": "r-1", "text": "Withdrew", "reasonType": "RejectedByCandidate", "isArchived": false}
        }))
        .unwrap();
        assert_eq!(application.status, ApplicationStatus::Archived);
        let stage = application.current_interview_stage.unwrap();
        assert_eq!(
            (stage.stage_type, stage.order_in_interview_plan),
            (StageType::Archived, 10)
        );
        assert_eq!(application.archive_reason_id, Some("r-1".into()));
    }

    #[test]
    fn an_application_without_stage_source_or_reason_is_read() {
        let application: Application = serde_json::from_value(json!({
            "id": "a-1", "createdAt": "2026-11-20T09:00:00Z", "updatedAt": "2026-11-20T09:00:00Z",
            "status": "Pondering", "candidate": {"id": "c-1"}, "job": {"id": "j-1"},
            "currentInterviewStage": null, "source": null, "archiveReason": null
        }))
        .unwrap();
        assert_eq!(
            application.status,
            ApplicationStatus::Other("Pondering".to_owned())
        );
        assert_eq!(application.current_interview_stage, None);
    }

    #[test]
    fn a_reason_is_sent_exactly_when_archiving() {
        let (application, stage) = (ApplicationId::from("a-1"), StageId::from("st-1"));
        let to_stage = StageChange::Move {
            application: application.clone(),
            stage: stage.clone(),
        };
        assert_eq!(
            serde_json::to_value(to_stage).unwrap(),
            json!({"applicationId": "a-1", "interviewStageId": "st-1"})
        );
        let archive = StageChange::Archive {
            application,
            stage,
            reason: "r-1".into(),
        };
        assert_eq!(
            serde_json::to_value(archive).unwrap(),
            json!({"applicationId": "a-1", "interviewStageId": "st-1", "archiveReasonId": "r-1"})
        );
    }
}
