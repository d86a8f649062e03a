//! Applications: made, moved, archived, seen or hidden.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Ashby, each, id, stage};

#[tokio::test]
async fn an_application_starts_in_the_first_lead_stage_and_is_already_past_its_creation() {
    let ashby = Ashby::start().await;
    let job = ashby.job().await;
    let ada = ashby.ada().await;
    let new = json!({"candidateId": ada, "jobId": job["id"]});
    let application = ashby.call("application.create", new).await;
    assert_eq!(application["status"], "Lead");
    assert_eq!(application["currentInterviewStage"]["title"], "New Lead");
    assert_eq!(application["source"], Value::Null);
    assert_eq!(application["createdAt"], "2026-11-21T10:00:00.000Z");
    assert_eq!(application["updatedAt"], "2026-11-21T10:00:01.400Z");
    assert_eq!(
        each(&application["applicationHistory"], "title"),
        ["New Lead"]
    );
    let candidate = ashby.call("candidate.info", json!({"id": ada})).await;
    assert_eq!(candidate["applicationIds"], json!([application["id"]]));
    assert_eq!(candidate["updatedAt"], "2026-11-21T10:00:00.000Z");
}

#[tokio::test]
async fn a_stage_and_a_source_can_be_asked_for_at_once() {
    let ashby = Ashby::start().await;
    let job = ashby.job().await;
    let source = ashby.id_of("/sources", json!({"title": "Dover"})).await;
    let ada = ashby.ada().await;
    let new = json!({"candidateId": ada, "jobId": job["id"], "sourceId": source,
        "interviewPlanId": job["plan"]["id"], "interviewStageId": stage(&job, "Replied")});
    let application = ashby.call("application.create", new).await;
    assert_eq!(application["currentInterviewStage"]["title"], "Replied");
    assert_eq!(application["source"]["title"], "Dover");
}

#[tokio::test]
async fn the_first_screening_stage_has_a_name_of_its_own() {
    let ashby = Ashby::start().await;
    let job = ashby.job().await;
    let ada = ashby.ada().await;
    let new = json!({"candidateId": ada, "jobId": job["id"],
        "interviewStageId": "FirstPreInterviewScreen"});
    let application = ashby.call("application.create", new).await;
    assert_eq!(
        application["currentInterviewStage"]["title"],
        "Application Review"
    );
    assert_eq!(application["status"], "Active");
}

#[tokio::test]
async fn a_history_makes_an_application_that_is_already_archived() {
    let ashby = Ashby::start().await;
    let job = ashby.job().await;
    let ada = ashby.ada().await;
    let reason = ashby
        .id_of("/archive-reasons", json!({"text": "Withdrew"}))
        .await;
    let new = json!({"candidateId": ada, "jobId": job["id"], "applicationHistory": [
        {"stageId": stage(&job, "Archived"), "stageNumber": 1,
            "enteredStageAt": "2026-11-03T00:00:00Z", "archiveReasonId": reason},
        {"stageId": stage(&job, "Replied"), "stageNumber": 0,
            "enteredStageAt": "2026-11-01T00:00:00Z"},
    ]});
    let application = ashby.call("application.create", new).await;
    assert_eq!(application["status"], "Archived");
    assert_eq!(application["archivedAt"], "2026-11-03T00:00:00.000Z");
    assert_eq!(application["archiveReason"]["text"], "Withdrew");
    let history = &application["applicationHistory"];
    assert_eq!(each(history, "title"), ["Replied", "Archived"]);
    assert_eq!(history[0]["leftStageAt"], "2026-11-03T00:00:00.000Z");
}

#[tokio::test]
async fn what_an_application_points_to_must_be_there() {
    let ashby = Ashby::start().await;
    let job = ashby.job().await;
    let other = ashby.job().await;
    let ada = ashby.ada().await;
    let nothing = "5e8ca0a5-7a64-4b27-8d1c-5b9cf7ed1ce6";
    let valid = json!({"candidateId": ada, "jobId": job["id"]});
    for (field, value, code) in [
        ("candidateId", nothing, "candidate_not_found"),
        ("jobId", nothing, "job_not_found"),
        ("sourceId", nothing, "source_not_found"),
        ("creditedToUserId", nothing, "user_not_found"),
        (
            "interviewPlanId",
            &id(&other["plan"]),
            "interview_plan_not_found",
        ),
        (
            "interviewStageId",
            &stage(&other, "Replied"),
            "interview_stage_not_found",
        ),
        (
            "interviewStageId",
            &stage(&job, "Archived"),
            "invalid_input",
        ),
    ] {
        let mut new = valid.clone();
        new[field] = json!(value);
        assert_eq!(
            ashby.refusal("application.create", new).await,
            code,
            "{field}"
        );
    }
    assert_eq!(ashby.world().await["applications"], json!([]));
}

#[tokio::test]
async fn a_job_that_is_not_open_takes_no_application_unless_switched_to() {
    let ashby = Ashby::start().await;
    let job = ashby
        .make("/jobs", json!({"title": "Old", "status": "Closed"}))
        .await;
    let new = json!({"candidateId": ashby.ada().await, "jobId": job["id"]});
    let refused = ashby.refusal("application.create", new.clone()).await;
    assert_eq!(refused, "invalid_input");
    ashby.set(json!({"closedJobs": "accept"})).await;
    ashby.call("application.create", new).await;
}

#[tokio::test]
async fn a_second_application_for_the_job_follows_the_switch() {
    let ashby = Ashby::start().await;
    let job = ashby.job().await;
    let new = json!({"candidateId": ashby.ada().await, "jobId": job["id"]});
    let first = ashby.call("application.create", new.clone()).await;
    let exists = "application_already_exists";
    assert_eq!(
        ashby.refusal("application.create", new.clone()).await,
        exists
    );
    ashby.set(json!({"duplicates": "return-existing"})).await;
    let same = ashby.call("application.create", new.clone()).await;
    assert_eq!(same["id"], first["id"]);
    ashby
        .make(&format!("/applications/{}/archive", id(&first)), json!({}))
        .await;
    ashby.set(json!({"duplicates": "error"})).await;
    assert_eq!(
        ashby.refusal("application.create", new.clone()).await,
        exists
    );
    ashby.set(json!({"duplicates": "new-if-archived"})).await;
    let second = ashby.call("application.create", new).await;
    assert_ne!(second["id"], first["id"]);
}

#[tokio::test]
async fn a_move_bumps_the_application_and_not_the_candidate() {
    let ashby = Ashby::start().await;
    let job = ashby.job().await;
    let application = ashby.application(&job).await;
    ashby.wait(60);
    let target = json!({"applicationId": application, "interviewStageId": stage(&job, "Onsite")});
    let moved = ashby.call("application.changeStage", target).await;
    assert_eq!(moved["status"], "Active");
    assert_eq!(moved["updatedAt"], "2026-11-21T10:01:00.000Z");
    let ada = ashby
        .call("candidate.info", json!({"id": moved["candidate"]["id"]}))
        .await;
    assert_eq!(ada["updatedAt"], "2026-11-21T10:00:00.000Z");
    let back = json!({"applicationId": application, "interviewStageId": stage(&job, "Replied")});
    let moved = ashby.call("application.change_stage", back).await;
    assert_eq!(
        moved["updatedAt"], "2026-11-21T10:01:00.001Z",
        "it only grows"
    );
    let asked = json!({"applicationId": application});
    let history = ashby.call("application.listHistory", asked).await;
    assert_eq!(each(&history, "title"), ["New Lead", "Onsite", "Replied"]);
    assert_eq!(history[1]["leftStageAt"], "2026-11-21T10:01:00.000Z");
}

#[tokio::test]
async fn an_archive_reason_is_needed_for_the_archived_stage_and_refused_elsewhere() {
    let ashby = Ashby::start().await;
    let job = ashby.job().await;
    let application = ashby.application(&job).await;
    ashby.wait(60);
    let reason = json!({"text": "Withdrew in Dover", "reasonType": "RejectedByCandidate"});
    let reason = ashby.id_of("/archive-reasons", reason).await;
    let to =
        |title: &str| json!({"applicationId": application, "interviewStageId": stage(&job, title)});
    let with = |mut request: Value, reason: &str| {
        request["archiveReasonId"] = json!(reason);
        request
    };
    let change = "application.changeStage";
    assert_eq!(ashby.refusal(change, to("Archived")).await, "invalid_input");
    let out_of_place = with(to("Onsite"), &reason);
    assert_eq!(ashby.refusal(change, out_of_place).await, "invalid_input");
    let unknown = with(to("Archived"), &application);
    assert_eq!(
        ashby.refusal(change, unknown).await,
        "archive_reason_not_found"
    );
    let archived = ashby.call(change, with(to("Archived"), &reason)).await;
    assert_eq!(archived["archiveReason"]["text"], "Withdrew in Dover");
    assert_eq!(archived["archivedAt"], archived["updatedAt"]);
    let back = ashby.call(change, to("Onsite")).await;
    assert_eq!(back["archiveReason"], Value::Null);
    assert_eq!(back["status"], "Active");
}

#[tokio::test]
async fn a_stage_of_another_plan_is_not_found_and_a_mail_needs_a_template() {
    let ashby = Ashby::start().await;
    let job = ashby.job().await;
    let other = ashby.job().await;
    let application = ashby.application(&job).await;
    let elsewhere = json!({"applicationId": application,
        "interviewStageId": stage(&other, "Onsite")});
    let code = ashby.refusal("application.changeStage", elsewhere).await;
    assert_eq!(code, "interview_stage_not_found");
    let mail = json!({"applicationId": application, "interviewStageId": stage(&job, "Archived"),
        "archiveEmail": {"communicationTemplateId": application}});
    let code = ashby.refusal("application.changeStage", mail).await;
    assert_eq!(code, "communication_template_not_found");
}

#[tokio::test]
async fn hiring_is_guarded_and_leaves_the_stage_as_it_was() {
    let ashby = Ashby::start().await;
    let job = ashby.job().await;
    let application = ashby.application(&job).await;
    let hire = json!({"applicationId": application, "interviewStageId": stage(&job, "Hired")});
    let change = "application.changeStage";
    assert_eq!(ashby.refusal(change, hire.clone()).await, "invalid_input");
    ashby.set(json!({"hiredGuard": "opening_in_use"})).await;
    assert_eq!(ashby.refusal(change, hire.clone()).await, "opening_in_use");
    assert_eq!(ashby.world().await["applications"][0]["stage"], "New Lead");
    ashby.set(json!({"hiredGuard": "off"})).await;
    assert_eq!(ashby.call(change, hire).await["status"], "Hired");
}

#[tokio::test]
async fn a_source_is_set_cleared_and_taken_from_the_key() {
    let ashby = Ashby::start().await;
    let job = ashby.job().await;
    let source = ashby.id_of("/sources", json!({"title": "Dover"})).await;
    let application = ashby.application(&job).await;
    let set = |source: Value| json!({"applicationId": application, "sourceId": source});
    let named = ashby
        .call("application.changeSource", set(json!(source)))
        .await;
    assert_eq!(named["source"]["id"], source);
    let cleared = ashby
        .call("application.change_source", set(Value::Null))
        .await;
    assert_eq!(cleared["source"], Value::Null);
    let default = json!({"defaultSource": "Dover"});
    ashby
        .control(Method::PATCH, "/api-keys/sim-key", default)
        .await;
    let other = ashby
        .call("candidate.create", json!({"name": "Grace"}))
        .await;
    let new = json!({"candidateId": other["id"], "jobId": job["id"]});
    let made = ashby.call("application.create", new).await;
    assert_eq!(made["source"]["title"], "Dover");
}

#[tokio::test]
async fn an_update_that_changes_nothing_still_bumps() {
    let ashby = Ashby::start().await;
    let job = ashby.job().await;
    let application = ashby.application(&job).await;
    ashby.wait(60);
    let update = json!({"applicationId": application, "sendNotifications": false});
    let updated = ashby.call("application.update", update).await;
    assert_eq!(updated["updatedAt"], "2026-11-21T10:01:00.000Z");
}

#[tokio::test]
async fn a_confidential_job_and_all_that_hangs_on_it_is_not_there() {
    let ashby = Ashby::start().await;
    let job = ashby.job().await;
    let application = ashby.application(&job).await;
    let ada = id(&ashby.world().await["candidates"][0]);
    let path = format!("/jobs/{}", id(&job));
    ashby
        .control(Method::PATCH, &path, json!({"confidential": true}))
        .await;
    for (endpoint, body, code) in [
        ("job.info", json!({"id": job["id"]}), "job_not_found"),
        (
            "jobInterviewPlan.info",
            json!({"jobId": job["id"]}),
            "job_not_found",
        ),
        (
            "interviewStage.list",
            json!({"interviewPlanId": job["plan"]["id"]}),
            "interview_plan_not_found",
        ),
        (
            "application.info",
            json!({"applicationId": application}),
            "application_not_found",
        ),
        ("candidate.info", json!({"id": ada}), "candidate_not_found"),
    ] {
        assert_eq!(ashby.refusal(endpoint, body).await, code, "{endpoint}");
    }
    for endpoint in [
        "job.list",
        "application.list",
        "candidate.list",
        "interviewPlan.list",
    ] {
        assert_eq!(
            ashby.call(endpoint, json!({})).await,
            json!([]),
            "{endpoint}"
        );
    }
    let open = ashby.job().await;
    let also = json!({"candidateId": ada, "jobId": open["id"]});
    let also = ashby.id_of("/applications", also).await;
    let seen = ashby.call("candidate.info", json!({"id": ada})).await;
    assert_eq!(seen["applicationIds"], json!([also]));
}

#[tokio::test]
async fn expansions_are_there_when_asked_for() {
    let ashby = Ashby::start().await;
    let job = ashby.job().await;
    let application = ashby.application(&job).await;
    let asked = json!({"applicationId": application, "expand": ["openings", "referrals"]});
    let expanded = ashby.call("application.info", asked).await;
    assert_eq!(expanded["openings"], json!([]));
    let listed = ashby
        .call("application.list", json!({"expand": ["openings"]}))
        .await;
    assert_eq!(listed[0]["openings"], json!([]));
}
