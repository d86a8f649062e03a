//! Jobs.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{AshbyClient, AshbyError, endpoint, lenient::null_is_empty, words::open_words};
use crate::ids::{AshbyJobId, InterviewPlanId};

/// A job in Ashby.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobInfo {
    /// Its id.
    pub id: AshbyJobId,
    /// Its title.
    pub title: String,
    /// Whether it is being hired for.
    pub status: JobStatus,
    /// Whether only chosen people, and keys allowed to, may see it.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub confidential: bool,
    /// The plan that a new application takes unless told otherwise.
    #[serde(default)]
    pub default_interview_plan_id: Option<InterviewPlanId>,
    /// All plans that applications of this job may follow.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub interview_plan_ids: Vec<InterviewPlanId>,
}

open_words! {
    /// Where a job stands.
    JobStatus {
        /// Not yet approved.
        Draft,
        /// Being hired for.
        Open,
        /// No longer, or not now.
        Closed,
        /// Put away.
        Archived,
    }
}

impl AshbyClient {
    /// Reads one job (`job.info`). A job that is confidential, and hidden from the key, answers as one that is not there.
    pub async fn job_info(&self, id: &AshbyJobId) -> Result<JobInfo, AshbyError> {
        let answer = self.call(endpoint::JOB_INFO, &json!({ "id": id })).await?;
        Ok(answer.results)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_without_plans_is_read() {
        let job: JobInfo = serde_json::from_value(json!({
            "id": "j", "title": "Engineer", "status": "Open", "confidential": null,
            "interviewPlanIds": null, "employmentType": "FullTime"
        }))
        .unwrap();
        assert_eq!(job.status, JobStatus::Open);
        assert!(!job.confidential && job.interview_plan_ids.is_empty());
        assert_eq!(job.default_interview_plan_id, None);
    }
}
