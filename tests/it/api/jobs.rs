//! Registering jobs.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{of_acme, paged};
use crate::app::{Person, TestApp};

async fn register(app: &TestApp, dover: &str, ashby: &Value, title: &str) -> crate::app::Answer {
    let body = json!({ "dover_job_id": dover, "ashby_job": ashby, "title": title });
    app.post(&of_acme("/jobs"), body).await
}

#[tokio::test]
async fn a_job_is_registered_by_its_id_or_by_the_address_of_its_page() {
    let app = TestApp::connected().await;
    let job = app.sim("jobs", json!({ "title": "Staff Engineer" })).await;
    let made = register(&app, "job_42", &job["id"], "Staff Engineer").await;
    assert_eq!(
        made.headers["location"],
        "/v1/connections/acme/jobs/job%5F42"
    );
    let made = made.with_status(StatusCode::CREATED);
    assert_eq!(
        (
            &made["dover_job_id"],
            &made["ashby_job_id"],
            &made["title"],
            &made["status"],
            &made["openness"]
        ),
        (
            &json!("job_42"),
            &job["id"],
            &json!("Staff Engineer"),
            &json!("active"),
            &json!("open")
        )
    );
    assert_eq!(made["interview_plan_id"], job["plan"]["id"]);
    assert_eq!(
        made["stages"].as_array().unwrap().len(),
        job["plan"]["stages"].as_array().unwrap().len()
    );
    assert_eq!(
        (&made["stages"][0]["title"], &made["stages"][0]["type"]),
        (&json!("New Lead"), &json!("Lead"))
    );
    assert!(
        made["checks"]
            .as_array()
            .unwrap()
            .iter()
            .all(|check| check["level"] == "ok"),
        "{made}"
    );

    let other = app.sim("jobs", json!({ "title": "Designer" })).await;
    let address = json!(format!(
        "https://app.ashbyhq.com/jobs/{}/overview",
        other["id"].as_str().unwrap()
    ));
    register(&app, "job_43", &address, "Designer")
        .await
        .with_status(StatusCode::CREATED);
    let found = app
        .get(&of_acme(&format!(
            "/jobs/{}",
            other["id"].as_str().unwrap()
        )))
        .await
        .ok();
    assert_eq!(found["dover_job_id"], "job_43");
}

#[tokio::test]
async fn a_check_tells_what_the_job_still_needs() {
    let app = TestApp::bare().await;
    let body = json!({ "name": "acme", "ashby_api_key": crate::app::ASHBY_KEY });
    app.post("/v1/connections", body).await.ok();
    let job = app.sim("jobs", json!({ "title": "Staff Engineer" })).await;
    let made = register(&app, "job_42", &job["id"], "Staff Engineer")
        .await
        .ok();
    let faults = made["checks"].as_array().unwrap().iter();
    let faults: Vec<_> = faults.filter(|check| check["level"] == "fault").collect();
    assert_eq!(faults.len(), 3, "{faults:?}");
    assert!(
        faults
            .iter()
            .all(|fault| fault["remedy"].as_str().unwrap().contains("Admin"))
    );
}

#[tokio::test]
async fn another_title_is_refused_and_the_right_one_told() {
    let app = TestApp::connected().await;
    let job = app.sim("jobs", json!({ "title": "Staff Engineer" })).await;
    for title in ["staff engineer", "Staff Engineer ", "Engineer"] {
        let answer = register(&app, "job_42", &job["id"], title).await;
        assert_eq!(answer.body["ashby_title"], "Staff Engineer");
        assert_eq!(answer.refused(422, "title-mismatch"), ["/title"]);
    }
}

#[tokio::test]
async fn a_job_that_cannot_be_worked_on_is_refused() {
    let app = TestApp::connected().await;
    let closed = app
        .sim("jobs", json!({ "title": "Closed", "status": "Closed" }))
        .await;
    register(&app, "job_1", &closed["id"], "Closed")
        .await
        .refused(422, "job-not-open");
    let nowhere = json!("8f4d1f1e-3c0a-4a35-9b7c-2f6a1d5e0b11");
    register(&app, "job_1", &nowhere, "Any")
        .await
        .refused(422, "job-not-visible");
    let refused = register(&app, "job_1", &json!("Engineer"), "Engineer").await;
    assert_eq!(refused.refused(422, "not-an-ashby-job"), ["/ashby_job"]);
    app.sim("faults", json!({ "kind": "html", "times": 100 }))
        .await;
    register(&app, "job_1", &nowhere, "Any")
        .await
        .refused(502, "ashby-unavailable");
}

#[tokio::test]
async fn a_job_is_registered_once_from_either_side() {
    let app = TestApp::connected().await;
    let job = app.register("job_42", "Staff Engineer").await;
    let other = app.sim("jobs", json!({ "title": "Designer" })).await;
    register(&app, "job_42", &other["id"], "Designer")
        .await
        .refused(409, "already-registered");
    register(&app, "job_43", &job["id"], "Staff Engineer")
        .await
        .refused(409, "already-registered");
}

#[tokio::test]
async fn every_fault_of_a_registration_is_told_at_once() {
    let app = TestApp::connected().await;
    let body = json!({ "dover_job_id": " ", "ashby_job": 7, "titel": "x" });
    let refused = app
        .post(&of_acme("/jobs"), body)
        .await
        .refused(422, "invalid-fields");
    assert_eq!(refused, ["/dover_job_id", "/ashby_job", "/title", "/titel"]);
}

#[tokio::test]
async fn an_id_may_hold_whatever_dover_likes() {
    let app = TestApp::connected().await;
    let job = app.sim("jobs", json!({ "title": "Staff Engineer" })).await;
    let made = register(&app, "job/42 ü?#%", &job["id"], "Staff Engineer").await;
    let location = made.headers["location"].to_str().unwrap().to_owned();
    made.ok();
    assert_eq!(app.get(&location).await.ok()["dover_job_id"], "job/42 ü?#%");
    assert_eq!(app.delete(&location).await.status, StatusCode::NO_CONTENT);
    app.get(&location).await.refused(404, "not-found");
}

#[tokio::test]
async fn a_registration_follows_a_new_title_or_another_job() {
    let app = TestApp::connected().await;
    let job = app.register("job_42", "Staff Engineer").await;
    let path = format!("jobs/{}", job["id"].as_str().unwrap());
    app.sim_as(
        Method::PATCH,
        &path,
        Some(json!({ "title": "Principal Engineer" })),
    )
    .await;
    let job_42 = of_acme("/jobs/job_42");
    app.patch(&job_42, json!({ "title": "Staff Engineer" }))
        .await
        .refused(422, "title-mismatch");
    let changed = app
        .patch(&job_42, json!({ "title": "Principal Engineer" }))
        .await
        .ok();
    assert_eq!(
        (&changed["title"], &changed["ashby_job_id"]),
        (&json!("Principal Engineer"), &job["id"])
    );
    let other = app.sim("jobs", json!({ "title": "Designer" })).await;
    let moved = app
        .patch(
            &job_42,
            json!({ "ashby_job": other["id"], "title": "Designer" }),
        )
        .await;
    assert_eq!(moved.ok()["ashby_job_id"], other["id"]);
    app.patch(&of_acme("/jobs/job_1"), json!({ "title": "x" }))
        .await
        .refused(404, "not-found");
    let taken = app.register("job_43", "Founding Engineer").await;
    let body = json!({ "ashby_job": taken["id"], "title": "Founding Engineer" });
    app.patch(&job_42, body)
        .await
        .refused(409, "already-registered");
}

#[tokio::test]
async fn who_waits_for_a_job_goes_on_once_it_is_registered_and_waits_again_once_it_is_not() {
    let app = TestApp::connected().await;
    app.says(&Person::new("Ada"), "replied").await;
    app.flush().await;
    assert_eq!(app.reason("cand_ada").await, "job-not-registered");
    app.register("job_42", "Staff Engineer").await;
    app.flush().await;
    assert_eq!(app.reason("cand_ada").await, "created");
    app.delete(&of_acme("/jobs/job_42")).await;
    app.wait(1);
    app.says(&Person::new("Grace"), "replied").await;
    app.flush().await;
    assert_eq!(app.reason("cand_grace").await, "job-not-registered");
}

#[tokio::test]
async fn a_closed_job_waits() {
    let app = TestApp::connected().await;
    let job = app.register("job_42", "Staff Engineer").await;
    let path = format!("jobs/{}", job["id"].as_str().unwrap());
    app.sim_as(Method::PATCH, &path, Some(json!({ "status": "Closed" })))
        .await;
    app.post(&of_acme("/check"), json!({})).await.ok();
    let shown = app.get(&of_acme("/jobs/job_42")).await.ok();
    assert_eq!(
        (&shown["status"], &shown["openness"]),
        (&json!("waiting"), &json!("closed"))
    );
}

#[tokio::test]
async fn jobs_are_listed_by_their_dover_ids_a_page_at_a_time() {
    let app = TestApp::connected().await;
    for id in ["job_b", "job_a", "job_c"] {
        app.register(id, id).await;
    }
    let pages = paged(&app, &of_acme("/jobs"), "dover_job_id").await;
    assert_eq!(pages, [vec!["job_a", "job_b"], vec!["job_c"]]);
}
