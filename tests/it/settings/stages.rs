//! Which stage of a job's plan something of Dover's means, where a setting says so.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{OF_JOB, OF_USER};
use crate::app::{CONNECTION, Person, TestApp};

impl TestApp {
    /// The stage of `job_42` with that title.
    async fn stage(&self, title: &str) -> Value {
        let job = self
            .get(&format!("/v1/connections/{CONNECTION}/jobs/job_42"))
            .await
            .ok();
        let stages = job["stages"].as_array().unwrap();
        let found = stages.iter().find(|stage| stage["title"] == title);
        found.unwrap().clone()
    }
}

#[tokio::test]
async fn a_stage_is_given_by_title_or_id_and_kept_by_id() {
    let app = TestApp::with_job().await;
    let onsite = app.stage("Onsite").await;
    let set = app
        .set_on(OF_JOB, json!({ "stages.interested": " onsite " }))
        .await;
    assert_eq!(set["settings"]["stages.interested"]["value"], onsite["id"]);
    let set = app
        .set_on(OF_JOB, json!({ "stages.interested": onsite["id"] }))
        .await;
    assert_eq!(set["settings"]["stages.interested"]["layer"], "job");

    let ada = Person::new("Ada");
    app.says(&ada, "interested").await;
    // Renaming it changes nothing.
    app.edit("stages", &onsite, json!({ "title": "Site Visit" }))
        .await;
    app.wait(61);
    app.flush_to_rest().await;
    assert_eq!(app.application("Ada").await["stage"], "Site Visit");
    let sentence = app.sentence(&ada).await;
    assert!(
        sentence.contains(
            "The setting stages.interested is \u{201c}Site Visit\u{201d}, set for the job on"
        ),
        "{sentence}"
    );
}

#[tokio::test]
async fn a_stage_that_the_plan_does_not_have_is_refused_with_those_that_it_has() {
    let app = TestApp::with_job().await;
    for (wrong, pointer, said) in [
        (
            json!({ "stages.replied": "Final Chat" }),
            "/stages.replied",
            "\u{201c}Reached Out\u{201d}",
        ),
        (
            json!({ "stages.named": { "a/b": "Final Chat" } }),
            "/stages.named/a~1b",
            "\u{201c}Reached Out\u{201d}",
        ),
        (
            json!({ "stages.named": { " - ": "Onsite" } }),
            "/stages.named/ - ",
            "expected a name",
        ),
        (
            json!({ "stages.named": "Onsite" }),
            "/stages.named",
            "expected an object",
        ),
        (
            json!({ "stages.replied": "Hired" }),
            "/stages.replied",
            "only stages.hired",
        ),
        (
            json!({ "stages.interviewing": "Archived" }),
            "/stages.interviewing",
            "only stages.snoozed",
        ),
        (
            json!({ "stages.hired": "Hired" }),
            "/stages.hired",
            "stages.allow_hired",
        ),
    ] {
        let refused = app.try_to_set(OF_JOB, wrong).await;
        assert_eq!(
            refused.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{}",
            refused.body
        );
        let fault = &refused.body["faults"][0];
        assert_eq!(fault["pointer"], pointer, "{fault}");
        assert!(fault["detail"].as_str().unwrap().contains(said), "{fault}");
    }
    let refused = app
        .try_to_set(OF_USER, json!({ "stages.replied": "Replied" }))
        .await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn two_that_lead_to_one_stage_are_warned_of() {
    let app = TestApp::with_job().await;
    let set = app
        .set_on(OF_JOB, json!({ "stages.interested": "Offer" }))
        .await;
    assert_eq!(set["warnings"], json!([]));
    let set = app
        .set_on(OF_JOB, json!({ "stages.reached_out": "Replied" }))
        .await;
    let warning = set["warnings"][0].as_str().unwrap();
    assert!(
        warning.starts_with(
            "stages.reached_out and stages.replied lead to the same stage, \u{201c}Replied\u{201d}"
        ),
        "{warning}"
    );
}

#[tokio::test]
async fn a_name_of_an_interview_stage_has_a_stage_of_its_own() {
    let app = TestApp::with_job().await;
    app.set_on(
        OF_JOB,
        json!({ "stages.named": { "Final Round": "Offer", "Recruiter call": "Onsite" } }),
    )
    .await;
    for (name, said, stage) in [
        ("Ada", "final_round", "Offer"),
        ("Grace", "Recruiter Call", "Onsite"),
    ] {
        let who = Person::new(name);
        let change =
            json!({ "stage": "interviewing", "stage_name": said, "updated_at": app.now() });
        app.deliver(&format!("msg_{name}"), &who.change(change))
            .await
            .ok();
        app.flush_to_rest().await;
        assert_eq!(app.application(name).await["stage"], stage);
    }
}

#[tokio::test]
async fn a_status_moves_an_application_once_it_has_a_stage() {
    let (app, ada) = (TestApp::with_job().await, Person::new("Ada"));
    app.says(&ada, "replied").await;
    app.flush_to_rest().await;
    app.wait(15);
    app.says_status(&ada, "snoozed").await;
    assert!(app.flush_to_rest().await.is_empty());
    let sentence = app.sentence(&ada).await;
    assert!(
        sentence.contains("The setting stages.snoozed is not set."),
        "{sentence}"
    );
    app.set_on(OF_JOB, json!({ "stages.snoozed": "Application Review" }))
        .await;
    assert_eq!(app.flush_to_rest().await, ["application.changeStage"]);
    assert_eq!(app.application("Ada").await["stage"], "Application Review");
}

#[tokio::test]
async fn a_status_with_a_stage_of_type_archived_archives() {
    for status in ["snoozed", "not_interested"] {
        let (app, ada) = (TestApp::with_job().await, Person::new("Ada"));
        let key = format!("stages.{status}");
        app.set_on(OF_JOB, json!({ &key: "Archived" })).await;
        app.says(&ada, "replied").await;
        app.flush_to_rest().await;
        app.wait(15);
        app.says_status(&ada, status).await;
        app.flush_to_rest().await;
        let application = app.application("Ada").await;
        let held = (&application["status"], &application["archiveReason"]);
        assert_eq!(
            held,
            (&json!("Archived"), &json!("Withdrew in Dover")),
            "{application}"
        );
        let sentence = app.sentence(&ada).await;
        assert!(
            sentence.contains(&format!("The setting {key} is")),
            "{sentence}"
        );
    }
}

#[tokio::test]
async fn a_hire_moves_an_application_only_with_the_switch() {
    let (app, ada) = (TestApp::with_job().await, Person::new("Ada"));
    app.says(&ada, "interviewing").await;
    app.flush_to_rest().await;
    app.wait(15);
    app.says_status(&ada, "hired").await;
    assert!(app.flush_to_rest().await.is_empty());
    app.set_on(
        OF_JOB,
        json!({ "stages.hired": "Hired", "stages.allow_hired": true }),
    )
    .await;
    app.set_on(OF_JOB, json!({ "stages.allow_hired": false }))
        .await;
    assert!(app.flush_to_rest().await.is_empty());
    let sentence = app.sentence(&ada).await;
    assert!(
        sentence.contains("The setting stages.allow_hired is \u{201c}false\u{201d}"),
        "{sentence}"
    );
    app.sim("switches", json!({ "hiredGuard": "off" })).await;
    app.set_on(OF_JOB, json!({ "stages.allow_hired": true }))
        .await;
    assert_eq!(app.flush_to_rest().await, ["application.changeStage"]);
    assert_eq!(app.application("Ada").await["status"], "Hired");
}

#[tokio::test]
async fn a_stage_that_leaves_the_plan_parks_who_needs_it_until_another_is_set() {
    let app = TestApp::with_job().await;
    let onsite = app.stage("Onsite").await;
    app.set_on(OF_JOB, json!({ "stages.interested": "Onsite" }))
        .await;
    let path = format!("stages/{}", onsite["id"].as_str().unwrap());
    app.sim_as(reqwest::Method::DELETE, &path, None).await;
    app.wait(61);
    let ada = Person::new("Ada");
    app.says(&ada, "interested").await;
    assert!(app.flush_to_rest().await.is_empty());
    assert_eq!(app.reason(&ada.id).await, "mapped-stage-gone");
    let path = format!("/v1/connections/{CONNECTION}/check");
    let checks = app.post(&path, json!({})).await.ok();
    let faults: Vec<_> = checks["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["level"] == "fault" && check["dover_job_id"] == "job_42")
        .map(|check| check["check"].clone())
        .collect();
    assert_eq!(faults, ["set-stage"]);
    app.set_on(OF_JOB, json!({ "stages.interested": null }))
        .await;
    app.flush_to_rest().await;
    assert_eq!(app.application("Ada").await["stage"], "Replied");
}
