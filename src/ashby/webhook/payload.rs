//! What a webhook tells: an action, and with some of them an application, a candidate who is no more, or a job that has
//! changed. Of people only ids are kept.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use crate::{
    ashby::Application,
    ids::{AshbyJobId, CandidateId},
};

/// How long names and ids may be, in bytes. Real ones have some 10 to 40.
const MAX_NAME: usize = 200;

/// One thing that is wrong with a webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Where, as a JSON Pointer (RFC 6901).
    pub pointer: &'static str,
    /// What was expected.
    pub detail: String,
}

/// A webhook, understood.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// What happened, in Ashby's words, such as `candidateStageChange`.
    pub action: String,
    /// The event behind it: the same in every attempt, and in all webhooks of one event. The prose of Ashby's document
    /// promises it, its schemas do not.
    pub event: Option<String>,
    /// What it tells that we care about.
    pub news: Option<News>,
    /// The person whom it names, whatever the action: by these ids somebody who was erased is known. Of a merge both.
    pub candidates: Vec<CandidateId>,
    /// The primary e-mail address of that person.
    pub email: Option<String>,
}

/// Where the webhooks of Ashby's document name a candidate by id: an application's, those that are only ids, and those
/// of an interview or of a survey.
const CANDIDATES: [&str; 6] = [
    "/data/application/candidate/id",
    "/data/candidate/id",
    "/data/deletedCandidate/id",
    "/data/mergedCandidate/id",
    "/data/interviewSchedule/candidateId",
    "/data/surveySubmission/candidateId",
];

/// What a webhook tells.
#[derive(Clone, Debug)]
pub enum News {
    /// An application, as it was at some moment.
    Application(Box<Application>),
    /// A candidate was deleted.
    Deleted(CandidateId),
    /// A candidate was merged into another, and is no more.
    Merged {
        /// Who is no more.
        gone: CandidateId,
        /// Who has their applications and addresses.
        into: CandidateId,
    },
    /// Something about a job has changed, perhaps its plan.
    Job(AshbyJobId),
}

impl News {
    /// What it is about. Of several webhooks about one subject only the latest matters.
    pub fn subject(&self) -> String {
        match self {
            Self::Application(application) => format!("application:{}", application.id),
            Self::Deleted(gone) | Self::Merged { gone, .. } => format!("candidate:{gone}"),
            Self::Job(job) => format!("job:{job}"),
        }
    }

    /// When the subject had changed, where it says so.
    pub fn at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Application(application) => Some(application.updated_at),
            _ => None,
        }
    }
}

/// Reads a webhook. An action that is not known here is read all the same, and tells nothing.
pub fn read(body: &[u8]) -> Result<Webhook, Vec<Fault>> {
    let document: Value = serde_json::from_slice(body)
        .map_err(|error| vec![fault("", format!("is not JSON: {error}"))])?;
    let action = name(&document, "/action").ok_or_else(|| {
        vec![fault(
            "/action",
            "is required: expected the name of an event",
        )]
    })?;
    let event = name(&document, "/webhookActionId");
    let news = news(&action, &document).map_err(|fault| vec![fault])?;
    let email = document.pointer("/data/application/candidate/primaryEmailAddress/value");
    let email = email.and_then(Value::as_str).map(str::to_owned);
    let candidates = CANDIDATES.iter();
    let candidates = candidates.filter_map(|place| name(&document, place).map(Into::into));
    let candidates = candidates.collect();
    Ok(Webhook {
        action,
        event,
        news,
        candidates,
        email,
    })
}

fn news(action: &str, document: &Value) -> Result<Option<News>, Fault> {
    Ok(Some(match action {
        "applicationSubmit" | "applicationUpdate" | "candidateStageChange" | "candidateHire" => {
            News::Application(Box::new(application(document)?))
        }
        "candidateDelete" => News::Deleted(id(document, "/data/candidate/id")?.into()),
        "candidateMerge" => News::Merged {
            gone: id(document, "/data/deletedCandidate/id")?.into(),
            into: id(document, "/data/mergedCandidate/id")?.into(),
        },
        "jobUpdate" => News::Job(id(document, "/data/job/id")?.into()),
        "interviewPlanTransition" => News::Job(id(document, "/data/jobId")?.into()),
        _ => return Ok(None),
    }))
}

fn application(document: &Value) -> Result<Application, Fault> {
    const PLACE: &str = "/data/application";
    let found = document.pointer(PLACE).unwrap_or(&Value::Null);
    let application: Application =
        serde_json::from_value(found.clone()).map_err(|error| fault(PLACE, unreadable(&error)))?;
    // What is kept of it goes into rows, which take no NUL and have keys of a size.
    let ids = [
        application.id.as_str(),
        application.candidate_id.as_str(),
        application.job_id.as_str(),
    ];
    if ids.into_iter().all(is_name) {
        Ok(application)
    } else {
        Err(fault(PLACE, "has an id that is none"))
    }
}

/// Why an application cannot be read, without a word of what it says: that may be of a person.
fn unreadable(error: &serde_json::Error) -> String {
    let said = error.to_string();
    if said.starts_with("missing field") {
        said
    } else {
        "is not an application as Ashby describes it".to_owned()
    }
}

fn id(document: &Value, place: &'static str) -> Result<String, Fault> {
    name(document, place).ok_or_else(|| fault(place, "is required: expected an id"))
}

/// The text at `place`, if it could be a name or an id.
fn name(document: &Value, place: &str) -> Option<String> {
    let text = document.pointer(place)?.as_str()?;
    is_name(text).then(|| text.to_owned())
}

fn is_name(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn fault(pointer: &'static str, detail: impl Into<String>) -> Fault {
    let detail = detail.into().replace('\0', "\u{2400}");
    Fault { pointer, detail }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(body: &Value) -> Result<Webhook, Vec<Fault>> {
        read(body.to_string().as_bytes())
    }

    #[test]
    fn the_subject_of_each_action_is_found() {
        let application = json!({
            "id": "a-1", "createdAt": "2026-11-20T09:00:00Z", "updatedAt": "2026-11-20T10:00:00.590Z",
            "status": "Lead", "candidate": { "id": "c-1", "name": "Ada" }, "job": { "id": "j-1", "title": "Engineer" },
            "currentInterviewStage": { "id": "st-1", "title": "New Lead", "type": "Lead", "orderInInterviewPlan": 0 },
        });
        for (action, data, subject) in [
            (
                "applicationSubmit",
                json!({ "application": application }),
                Some("application:a-1"),
            ),
            (
                "applicationUpdate",
                json!({ "application": application }),
                Some("application:a-1"),
            ),
            (
                "candidateStageChange",
                json!({ "application": application }),
                Some("application:a-1"),
            ),
            (
                "candidateHire",
                json!({ "application": application, "offer": null }),
                Some("application:a-1"),
            ),
            (
                "candidateDelete",
                json!({ "candidate": { "id": "c-1" } }),
                Some("candidate:c-1"),
            ),
            (
                "candidateMerge",
                json!({ "deletedCandidate": { "id": "c-1" }, "mergedCandidate": { "id": "c-2" } }),
                Some("candidate:c-1"),
            ),
            (
                "jobUpdate",
                json!({ "job": { "id": "j-1" } }),
                Some("job:j-1"),
            ),
            (
                "interviewPlanTransition",
                json!({ "jobId": "j-1", "interviewStageMappings": [] }),
                Some("job:j-1"),
            ),
            ("offerCreate", json!({ "offer": {} }), None),
            ("ping", json!({ "webhookActionType": "ping" }), None),
        ] {
            let webhook =
                told(&json!({ "action": action, "webhookActionId": "w-1", "data": data })).unwrap();
            assert_eq!(
                (webhook.action.as_str(), webhook.event.as_deref()),
                (action, Some("w-1"))
            );
            assert_eq!(
                webhook.news.map(|news| news.subject()).as_deref(),
                subject,
                "{action}"
            );
        }
    }

    #[test]
    fn what_is_missing_is_named_with_its_place() {
        for (body, pointer) in [
            (json!([]), "/action"),
            (json!({ "action": 7 }), "/action"),
            (json!({ "action": "candidateDelete" }), "/data/candidate/id"),
            (
                json!({ "action": "candidateDelete", "data": { "candidate": { "id": "\u{0}" } } }),
                "/data/candidate/id",
            ),
            (
                json!({ "action": "candidateMerge", "data": { "deletedCandidate": { "id": "c" } } }),
                "/data/mergedCandidate/id",
            ),
            (
                json!({ "action": "jobUpdate", "data": { "job": {} } }),
                "/data/job/id",
            ),
            (
                json!({ "action": "applicationUpdate", "data": {} }),
                "/data/application",
            ),
        ] {
            let faults = told(&body).unwrap_err();
            assert_eq!(faults[0].pointer, pointer, "{body}");
        }
        assert_eq!(read(b"not json").unwrap_err()[0].pointer, "");
    }

    #[test]
    fn an_event_without_an_id_is_read_too() {
        assert_eq!(told(&json!({ "action": "ping" })).unwrap().event, None);
        assert_eq!(
            told(&json!({ "action": "ping", "webhookActionId": 7 }))
                .unwrap()
                .event,
            None
        );
    }
}
