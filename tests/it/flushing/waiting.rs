//! What is parked, and goes on by itself once its cause is gone.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};

use super::stage_of_ada;
use crate::{
    app::{ASHBY_KEY, CONNECTION, Person, SECRET, TestApp},
    patience::until_so,
};

/// Ada waits for `reason`, with nothing written, flush after flush.
async fn waits(app: &TestApp, ada: &Person, reason: &str) {
    for _ in 0..2 {
        assert!(app.flush_to_rest().await.is_empty());
        let prospect = app.prospect_of(ada).await;
        assert_eq!(
            (
                &prospect["state"],
                &prospect["last_decision"]["reason"]["code"]
            ),
            (&json!("parked"), &json!(reason)),
            "{prospect}"
        );
        app.wait(15);
    }
    let health = app.get("/health").await.ok();
    assert_eq!(health["queue"]["parked"], 1, "{health}");
    app.counts_parked(reason, 1).await;
}

/// What was in the way is gone: Ada is carried over without anybody's doing.
async fn goes_on(app: &TestApp, stage: &str) {
    assert_eq!(
        app.flush_to_rest().await.last().unwrap(),
        "application.create"
    );
    assert_eq!(stage_of_ada(app).await, stage);
    assert_eq!(app.get("/health").await.ok()["queue"]["parked"], 0);
}

#[tokio::test]
async fn an_unknown_word_waits_and_goes_on_with_the_next() {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada");
    app.says(&ada, "ghosted").await;
    waits(&app, &ada, "unknown-stage").await;
    let sentence = app.prospect(&ada.id).await["last_decision"]["reason"]["sentence"].to_string();
    assert!(sentence.contains("ghosted"), "{sentence}");
    app.says(&ada, "replied").await;
    goes_on(&app, "Replied").await;
    app.wait(1);
    app.says_status(&ada, "on-sabbatical").await;
    waits(&app, &ada, "unknown-status").await;
    app.says_status(&ada, "withdrew").await;
    assert_eq!(app.flush_to_rest().await, ["application.changeStage"]);
}

#[tokio::test]
async fn a_job_that_nobody_registered_waits_for_its_registration() {
    let app = TestApp::connected().await;
    let ada = Person::new("Ada");
    app.says(&ada, "replied").await;
    waits(&app, &ada, "job-not-registered").await;
    app.register("job_42", "Staff Engineer").await;
    goes_on(&app, "Replied").await;
}

#[tokio::test]
async fn the_ashby_id_of_a_job_names_the_same_prospect() {
    let app = TestApp::connected().await;
    let job = app.register("job_42", "Staff Engineer").await;
    let ada = Person::new("Ada");
    app.says(&ada, "new_lead").await;
    app.flush_to_rest().await;
    app.wait(1);
    let by_ashby_id = ada.clone().on(job["id"].as_str().unwrap());
    app.says(&by_ashby_id, "replied").await;
    assert_eq!(app.flush_to_rest().await, ["application.changeStage"]);
    assert_eq!(stage_of_ada(&app).await, "Replied");
    assert_eq!(app.prospect(&ada.id).await["dover_job_id"], "job_42");
}

#[tokio::test]
async fn what_came_under_the_ashby_id_before_the_registration_is_the_same_prospect() {
    let app = TestApp::connected().await;
    let job = app.sim("jobs", json!({ "title": "Staff Engineer" })).await;
    let ada = Person::new("Ada").on(job["id"].as_str().unwrap());
    app.says(&ada, "new_lead").await;
    app.flush_to_rest().await;
    app.wait(1);
    let by_dover_id = ada.clone().on("job_42");
    app.says(&by_dover_id, "replied").await;
    assert!(app.flush_to_rest().await.is_empty());
    let body =
        json!({ "dover_job_id": "job_42", "ashby_job": job["id"], "title": "Staff Engineer" });
    app.post(&format!("/v1/connections/{CONNECTION}/jobs"), body)
        .await
        .ok();
    goes_on(&app, "Replied").await;
    assert_eq!(app.prospect(&ada.id).await["dover_job_id"], "job_42");
    assert_eq!(app.get("/health").await.ok()["queue"]["pending"], 0);
}

/// Connected to an Ashby in which no admin has added anything, with a job.
async fn unfurnished() -> TestApp {
    let app = TestApp::bare().await;
    let body =
        json!({ "name": CONNECTION, "ashby_api_key": ASHBY_KEY, "dover_webhook_secret": SECRET });
    app.post("/v1/connections", body).await.ok();
    app.register("job_42", "Staff Engineer").await;
    app
}

#[tokio::test]
async fn a_missing_source_is_waited_for() {
    let app = unfurnished().await;
    let ada = Person::new("Ada");
    app.says(&ada, "replied").await;
    waits(&app, &ada, "source-missing").await;
    app.sim("sources", json!({ "title": "Dover" })).await;
    goes_on(&app, "Replied").await;
    assert_eq!(app.application("Ada").await["source"], "Dover");
}

#[tokio::test]
async fn of_two_sources_dover_the_sourced_one_is_meant_and_two_of_those_are_waited_for() {
    let app = unfurnished().await;
    let ada = Person::new("Ada");
    app.sim(
        "sources",
        json!({ "title": "Dover", "sourceType": "Inbound" }),
    )
    .await;
    let kept = app.sim("sources", json!({ "title": "Dover" })).await;
    let spare = app.sim("sources", json!({ "title": "dover " })).await;
    app.says(&ada, "replied").await;
    waits(&app, &ada, "source-ambiguous").await;
    app.edit("sources", &spare, json!({ "isArchived": true }))
        .await;
    goes_on(&app, "Replied").await;
    let created = app.calls().await;
    let create = created
        .iter()
        .rfind(|call| call["endpoint"] == "application.create")
        .unwrap();
    assert_eq!(create["request"]["sourceId"], kept["id"]);
}

#[tokio::test]
async fn a_missing_archive_reason_is_waited_for() {
    let app = unfurnished().await;
    app.sim("sources", json!({ "title": "Dover" })).await;
    let ada = Person::new("Ada");
    app.says(&ada, "replied").await;
    app.flush_to_rest().await;
    app.wait(1);
    app.says_status(&ada, "withdrew").await;
    waits(&app, &ada, "archive-reason-missing").await;
    app.sim("archive-reasons", json!({ "text": "Withdrew in Dover" }))
        .await;
    assert_eq!(app.flush_to_rest().await, ["application.changeStage"]);
    assert_eq!(
        app.application("Ada").await["archiveReason"],
        "Withdrew in Dover"
    );
}

#[tokio::test]
async fn a_source_that_was_replaced_is_read_again_when_ashby_refuses_it() {
    let app = TestApp::with_job().await;
    let old = app.world().await["sources"][0].clone();
    app.edit("sources", &old, json!({ "isArchived": true }))
        .await;
    app.sim("sources", json!({ "title": "Dover" })).await;
    app.says(&Person::new("Ada"), "replied").await;
    for _ in 0..3 {
        app.flush().await;
        app.wait(15);
    }
    assert!(app.flush_to_rest().await.is_empty());
    assert_eq!(stage_of_ada(&app).await, "Replied");
}

#[tokio::test]
async fn a_closed_job_waits_and_goes_on_once_it_is_open_again() {
    for status in ["Closed", "Archived", "Draft"] {
        let app = TestApp::connected().await;
        let job = app.register("job_42", "Staff Engineer").await;
        let ada = Person::new("Ada");
        app.says(&ada, "replied").await;
        app.edit("jobs", &job, json!({ "status": status })).await;
        waits(&app, &ada, "job-not-open").await;
        app.edit("jobs", &job, json!({ "status": "Open" })).await;
        goes_on(&app, "Replied").await;
    }
}

#[tokio::test]
async fn a_confidential_job_waits_and_goes_on_once_the_key_can_see_it() {
    let app = TestApp::connected().await;
    let job = app.register("job_42", "Staff Engineer").await;
    let ada = Person::new("Ada");
    app.says(&ada, "replied").await;
    app.edit("jobs", &job, json!({ "confidential": true }))
        .await;
    waits(&app, &ada, "job-not-visible").await;
    app.edit("jobs", &job, json!({ "confidential": false }))
        .await;
    goes_on(&app, "Replied").await;
}

#[tokio::test]
async fn an_application_on_a_job_that_was_confidential_for_a_while_is_not_lost() {
    let app = TestApp::connected().await;
    let job = app.register("job_42", "Staff Engineer").await;
    let ada = Person::new("Ada");
    app.says(&ada, "new_lead").await;
    app.flush_to_rest().await;
    app.edit("jobs", &job, json!({ "confidential": true }))
        .await;
    app.wait(15);
    app.says(&ada, "replied").await;
    waits(&app, &ada, "job-not-visible").await;
    app.edit("jobs", &job, json!({ "confidential": false }))
        .await;
    assert_eq!(app.flush_to_rest().await, ["application.changeStage"]);
    assert_eq!(stage_of_ada(&app).await, "Replied");
}

fn stages(titles: &[(&str, &str)]) -> Value {
    titles
        .iter()
        .map(|(title, kind)| json!({ "title": title, "type": kind }))
        .collect()
}

/// The stages of a plan that has one of each kind that is needed; the active one is the fourth.
const USUAL: [(&str, &str); 5] = [
    ("New Lead", "Lead"),
    ("Reached Out", "Lead"),
    ("Replied", "Lead"),
    ("Screen", "Active"),
    ("Archived", "Archived"),
];

/// A registered job with these stages.
async fn with_plan(plan: &[(&str, &str)]) -> (TestApp, Value) {
    let app = TestApp::connected().await;
    let job = app
        .sim(
            "jobs",
            json!({ "title": "Staff Engineer", "stages": stages(plan) }),
        )
        .await;
    let body =
        json!({ "dover_job_id": "job_42", "ashby_job": job["id"], "title": "Staff Engineer" });
    app.post(&format!("/v1/connections/{CONNECTION}/jobs"), body)
        .await
        .ok();
    (app, job)
}

#[tokio::test]
async fn renamed_lead_stages_are_known_by_their_order() {
    for (said, stage) in [
        ("new_lead", "Fresh"),
        ("reached_out", "Written to"),
        ("replied", "Answered"),
        ("interviewing", "Call"),
    ] {
        let plan = [
            ("Fresh", "Lead"),
            ("Written to", "Lead"),
            ("Answered", "Lead"),
            ("Call", "Active"),
            ("Archived", "Archived"),
        ];
        let (app, _) = with_plan(&plan).await;
        app.says(&Person::new("Ada"), said).await;
        app.flush_to_rest().await;
        assert_eq!(stage_of_ada(&app).await, stage);
    }
}

#[tokio::test]
async fn a_plan_without_an_active_stage_waits_for_one() {
    let bare = [
        ("New Lead", "Lead"),
        ("Reached Out", "Lead"),
        ("Replied", "Lead"),
        ("Archived", "Archived"),
    ];
    let (app, job) = with_plan(&bare).await;
    let ada = Person::new("Ada");
    app.says(&ada, "interviewing").await;
    waits(&app, &ada, "stage-not-mapped").await;
    let full = [
        &bare[..3],
        &[("Screen", "Active"), ("Archived", "Archived")],
    ]
    .concat();
    let path = format!("jobs/{}/switch-plan", job["id"].as_str().unwrap());
    app.sim(&path, json!({ "stages": stages(&full) })).await;
    goes_on(&app, "Screen").await;
}

#[tokio::test]
async fn a_plan_without_an_archived_stage_waits_for_one() {
    let (app, job) = with_plan(&USUAL).await;
    let archived = job["plan"]["stages"][4].clone();
    app.edit("stages", &archived, json!({ "isArchived": true }))
        .await;
    // What is known of the plan is an hour old at most.
    app.wait(90);
    let ada = Person::new("Ada");
    app.says(&ada, "replied").await;
    app.flush_to_rest().await;
    app.wait(1);
    app.says_status(&ada, "withdrew").await;
    waits(&app, &ada, "stage-not-mapped").await;
    let sentence = app.prospect(&ada.id).await["last_decision"]["reason"]["sentence"].to_string();
    assert!(sentence.contains("no stage of type Archived"), "{sentence}");
    app.edit("stages", &archived, json!({ "isArchived": false }))
        .await;
    assert_eq!(app.flush_to_rest().await, ["application.changeStage"]);
    assert_eq!(app.application("Ada").await["status"], "Archived");
    assert_eq!(app.get("/health").await.ok()["queue"]["parked"], 0);
}

#[tokio::test]
async fn who_stands_in_a_stage_outside_the_plan_waits_until_they_stand_in_it() {
    for is_moved in [true, false] {
        let (app, job) = with_plan(&[
            ("New Lead", "Lead"),
            ("Reached Out", "Lead"),
            ("Replied", "Lead"),
            ("Chat", "Lead"),
            ("Screen", "Active"),
            ("Archived", "Archived"),
        ])
        .await;
        let ada = Person::new("Ada");
        app.says(&ada, "new_lead").await;
        app.flush_to_rest().await;
        let application = app.application("Ada").await;
        app.recruiter("move", &application, json!({ "stage": "Chat" }))
            .await;
        let chat = job["plan"]["stages"][3].clone();
        app.edit("stages", &chat, json!({ "isArchived": true }))
            .await;
        // What is known of the plan is an hour old at most.
        app.wait(90);
        app.says(&ada, "interviewing").await;
        waits(&app, &ada, "stage-not-in-plan").await;
        if is_moved {
            app.recruiter("move", &application, json!({ "stage": "Replied" }))
                .await;
            // That was later than what Dover says.
            app.flush_to_rest().await;
            assert_eq!(app.reason(&ada.id).await, "ashby-is-newer");
            assert_eq!(stage_of_ada(&app).await, "Replied");
        } else {
            app.edit("stages", &chat, json!({ "isArchived": false }))
                .await;
            app.wait(90);
            assert_eq!(app.flush_to_rest().await, ["application.changeStage"]);
            assert_eq!(stage_of_ada(&app).await, "Screen");
        }
        assert_eq!(app.get("/health").await.ok()["queue"]["parked"], 0);
    }
}

#[tokio::test]
async fn nobody_is_created_before_ashbys_candidates_are_known() {
    let app = TestApp::bare().await;
    app.furnish().await;
    for n in 0..600 {
        let person = json!({ "name": format!("Person {n}"), "email": format!("{n}@example.com") });
        app.sim("candidates", person).await;
    }
    let body =
        json!({ "name": CONNECTION, "ashby_api_key": ASHBY_KEY, "dover_webhook_secret": SECRET });
    app.post("/v1/connections", body).await.ok();
    app.register("job_42", "Staff Engineer").await;
    // The last that is read: somebody whom Dover knows by the profile alone, which nobody can search for.
    let known = json!({ "name": "Ada", "linkedInUrl": "https://www.linkedin.com/in/ada" });
    let known = app.sim("candidates", known).await;
    app.sim("switches", json!({ "rateLimit": { "limit": 6 } }))
        .await;
    let mut ada = Person::new("Ada");
    ada.contact = json!({ "linkedin_url": "https://www.linkedin.com/in/ada" });
    app.says(&ada, "replied").await;
    app.wait(2);
    assert_eq!(app.flush().await["status"], "done");
    assert_eq!(app.reason(&ada.id).await, "learning-ashby");
    app.counts_parked("learning-ashby", 1).await;
    assert!(app.writes().await.is_empty());
    app.sim("switches", json!({ "rateLimit": { "limit": 1_000 } }))
        .await;
    until_so("Ashby is learnt", async || {
        app.wait(2);
        assert_eq!(app.flush().await["status"], "done");
        app.reason(&ada.id).await != "learning-ashby"
    })
    .await;
    assert_eq!(app.writes().await, ["application.create"]);
    assert_eq!(app.application("Ada").await["candidateId"], known["id"]);
    assert_eq!(app.get("/health").await.ok()["queue"]["parked"], 0);
}

#[tokio::test]
async fn a_stage_that_was_hidden_in_the_plan_is_waited_for() {
    let (app, job) = with_plan(&USUAL).await;
    let screen = job["plan"]["stages"][3].clone();
    app.edit("stages", &screen, json!({ "isArchived": true }))
        .await;
    let ada = Person::new("Ada");
    app.says(&ada, "interviewing").await;
    // What is known of the plan is an hour old at most; an id that is refused is read again with the next flush.
    for _ in 0..2 {
        app.flush().await;
        app.wait(15);
    }
    waits(&app, &ada, "stage-not-mapped").await;
    app.edit("stages", &screen, json!({ "isArchived": false }))
        .await;
    goes_on(&app, "Screen").await;
}

#[tokio::test]
async fn a_new_plan_is_followed() {
    let app = TestApp::connected().await;
    let job = app.register("job_42", "Staff Engineer").await;
    let ada = Person::new("Ada");
    app.says(&ada, "new_lead").await;
    app.flush_to_rest().await;
    let plan = stages(&[
        ("New Lead", "Lead"),
        ("Reached Out", "Lead"),
        ("Replied", "Lead"),
        ("Chat", "Active"),
        ("Archived", "Archived"),
    ]);
    let path = format!("jobs/{}/switch-plan", job["id"].as_str().unwrap());
    app.sim(&path, json!({ "stages": plan })).await;
    app.wait(15);
    app.says(&ada, "interviewing").await;
    assert_eq!(app.flush_to_rest().await, ["application.changeStage"]);
    assert_eq!(stage_of_ada(&app).await, "Chat");
}

#[tokio::test]
async fn what_ashby_refuses_for_good_waits_for_a_resync() {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada");
    app.sim(
        "faults",
        json!({ "endpoint": "candidate.create", "kind": "refuse", "code": "invalid_input" }),
    )
    .await;
    app.says(&ada, "replied").await;
    waits(&app, &ada, "refused-by-ashby").await;
    let decision = app.decisions(&ada).await.remove(0);
    let request = decision["calls"][0]["request_id"].as_str().unwrap();
    let sentence = decision["reason"]["sentence"].as_str().unwrap();
    assert!(
        sentence.contains(request) && sentence.contains("invalid_input"),
        "{sentence}"
    );
    app.resync(&ada, "").await;
    goes_on(&app, "Replied").await;
}

#[tokio::test]
async fn older_news_does_not_try_again_what_ashby_refused() {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada");
    let refusal =
        json!({ "endpoint": "candidate.create", "kind": "refuse", "code": "invalid_input" });
    app.sim("faults", refusal).await;
    let said = app.now();
    app.says_at(&ada, "replied", said).await;
    waits(&app, &ada, "refused-by-ashby").await;
    let asked = app.called("candidate.create").await;
    app.wait(15);
    let before = said - TimeDelta::hours(1);
    app.says_at(&ada, "reached_out", before).await;
    waits(&app, &ada, "refused-by-ashby").await;
    assert_eq!(app.called("candidate.create").await, asked);
    assert_eq!(app.prospect(&ada.id).await["state"], "parked");
    assert_eq!(app.get("/health").await.ok()["queue"]["pending"], 0);
    app.wait(15);
    app.says(&ada, "interviewing").await;
    app.flush_to_rest().await;
    assert_eq!(app.reason(&ada.id).await, "created");
}

#[tokio::test]
async fn a_paused_connection_receives_and_sends_nothing() {
    let app = TestApp::with_job().await;
    let path = format!("/v1/connections/{CONNECTION}");
    app.post(&format!("{path}/pause"), json!({})).await.ok();
    let calls = app.calls().await.len();
    app.says(&Person::new("Ada"), "replied").await;
    let refused = app
        .post(&format!("{path}/flushes?wait=true"), json!({}))
        .await;
    assert_eq!(
        (refused.status.as_u16(), refused.code()),
        (409, "connection-paused")
    );
    let refused = app.get(&format!("{path}/flushes/preview")).await;
    assert_eq!(
        (refused.status.as_u16(), refused.code()),
        (409, "connection-paused")
    );
    assert_eq!(app.calls().await.len(), calls);
    assert_eq!(app.get("/health").await.ok()["queue"]["pending"], 1);
    app.post(&format!("{path}/resume"), json!({})).await.ok();
    goes_on(&app, "Replied").await;
}

#[tokio::test]
async fn a_removed_registration_lets_what_follows_wait() {
    let app = TestApp::with_job().await;
    let path = format!("/v1/connections/{CONNECTION}/jobs/job_42");
    let removed = app
        .request(Method::DELETE, &path)
        .bearer_auth(crate::app::TOKEN);
    app.send(removed).await;
    let ada = Person::new("Ada");
    app.says(&ada, "replied").await;
    waits(&app, &ada, "job-not-registered").await;
}
