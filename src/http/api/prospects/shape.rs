//! How a prospect, and a decision on it, are shown.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    http::problem::ApiError,
    ids::{CandidateId, DecisionId},
    plan::{Action, says::Word},
    store::{
        self,
        decision::Decision,
        prospect::{Prospect, State},
    },
    sync::Sync,
};

/// One Dover candidate on one Dover job.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Prospect)]
pub struct ProspectBody {
    /// Its id.
    #[schema(format = "uuid")]
    pub id: String,
    /// The candidate as Dover names them.
    pub dover_candidate_id: String,
    /// The job as Dover names it.
    pub dover_job_id: String,
    /// Their full name, where Dover said it.
    #[schema(required)]
    pub name: Option<String>,
    /// The stage that Dover named last: `new_lead`, `reached_out`, `replied`, `interested`, `interviewing`, or an
    /// unknown word as it came.
    #[schema(required)]
    pub stage: Option<String>,
    /// The status that Dover named last: `active`, `withdrew`, `rejected`, `hired`, `snoozed`, `not_interested`, or an
    /// unknown word as it came.
    #[schema(required)]
    pub status: Option<String>,
    /// When Dover last said anything of stage or status.
    #[schema(required)]
    pub dover_updated_at: Option<DateTime<Utc>>,
    /// Where it is on its way.
    pub state: State,
    /// Who that is in Ashby; `null` until it is known.
    #[schema(required)]
    pub ashby: Option<InAshby>,
    /// What was decided last; stays while news waits to be decided.
    #[schema(required)]
    pub last_decision: Option<LastDecision>,
}

/// Who a prospect is in Ashby.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct InAshby {
    /// The candidate.
    pub candidate_id: String,
    /// Their application for the job; `null` while there is none.
    #[schema(required)]
    pub application_id: Option<String>,
    /// Where a person finds them in Ashby.
    pub profile_url: String,
}

/// Why something was done, or was not.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Reason)]
pub struct ReasonBody {
    /// The kind of reason. Stable: clients may match on it.
    #[schema(examples("created", "ashby-is-newer", "job-not-registered"))]
    pub code: String,
    /// The reason in words, with what to do where somebody must.
    pub sentence: String,
}

/// A decision in short.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LastDecision {
    /// What was done, in a word.
    #[schema(value_type = Action)]
    pub action: String,
    /// Why that, or why nothing.
    pub reason: ReasonBody,
    /// When.
    pub decided_at: DateTime<Utc>,
    /// In which flush.
    #[schema(format = "uuid")]
    pub flush_id: String,
}

/// A decision as it was made.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Decision)]
pub struct DecisionBody {
    /// Its id.
    #[schema(format = "uuid")]
    pub id: String,
    /// The decision in short.
    #[serde(flatten)]
    pub short: LastDecision,
    /// The number of the rule that decided.
    pub rule: i16,
    /// What Dover said: stage, status, and when.
    #[schema(value_type = Object)]
    pub dover: Value,
    /// What Ashby held.
    #[schema(value_type = Object)]
    pub ashby: Value,
    /// The calls to Ashby that were made for it, in order.
    #[schema(value_type = Vec<Object>)]
    pub calls: Value,
    /// The settings that it rested on, as they were then: key, value, layer and last change of each.
    #[schema(value_type = Vec<Object>)]
    pub settings: Value,
}

impl LastDecision {
    fn of(decision: &Decision) -> Self {
        Self {
            action: decision.action.clone(),
            reason: ReasonBody {
                code: decision.reason.clone(),
                sentence: decision.sentence.clone(),
            },
            decided_at: decision.decided_at,
            flush_id: decision.flush.to_string(),
        }
    }
}

impl DecisionBody {
    pub(super) fn of(decision: &Decision) -> Self {
        Self {
            id: decision.id.to_string(),
            short: LastDecision::of(decision),
            rule: decision.rule,
            dover: decision.dover.clone(),
            ashby: decision.ashby.clone(),
            calls: decision.calls.clone(),
            settings: decision.settings.clone(),
        }
    }
}

impl ProspectBody {
    /// Prospects as they are shown, with their last decisions in one statement.
    pub async fn of_all(sync: &Sync, prospects: &[Prospect]) -> Result<Vec<Self>, ApiError> {
        let ids = prospects
            .iter()
            .filter_map(|prospect| prospect.last_decision);
        let ids: Vec<DecisionId> = ids.collect();
        let decisions = store::decision::by_ids(&sync.pool, &ids).await?;
        let decisions: HashMap<_, _> = decisions.iter().map(|found| (found.id, found)).collect();
        let last = |prospect: &Prospect| {
            let found = prospect.last_decision.and_then(|id| decisions.get(&id));
            found.map(|decision| LastDecision::of(decision))
        };
        let shown = prospects
            .iter()
            .map(|prospect| Self::of(prospect, last(prospect)));
        Ok(shown.collect())
    }

    fn of(prospect: &Prospect, last_decision: Option<LastDecision>) -> Self {
        let says = &prospect.says;
        let stage = says.stage.as_ref().map(|said| match &said.value.stage {
            Word::Known(stage) => stage.word().to_owned(),
            Word::Unknown(word) => word.clone(),
        });
        let status = says.status.as_ref().map(|said| match &said.value {
            Word::Known(status) => status.word().to_owned(),
            Word::Unknown(word) => word.clone(),
        });
        Self {
            id: prospect.id.to_string(),
            dover_candidate_id: prospect.dover_candidate_id.0.clone(),
            dover_job_id: prospect.dover_job_id.0.clone(),
            name: says.contact.name.as_ref().map(|said| said.value.clone()),
            stage,
            status,
            dover_updated_at: says.said_at(),
            state: prospect.state,
            ashby: InAshby::of(prospect),
            last_decision,
        }
    }
}

impl InAshby {
    fn of(prospect: &Prospect) -> Option<Self> {
        let candidate = prospect.candidate.as_ref()?;
        let application = prospect.application.as_ref();
        Some(Self {
            candidate_id: candidate.0.clone(),
            application_id: application.map(|id| id.0.clone()),
            profile_url: profile_url(candidate),
        })
    }
}

/// Where a person finds a candidate in Ashby, as `profileUrl` of a candidate in Ashby's API shows it.
pub fn profile_url(candidate: &CandidateId) -> String {
    format!("https://app.ashbyhq.com/candidate-searches/new/right-side/candidates/{candidate}")
}
