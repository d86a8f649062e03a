//! Reading many deliveries again: shown first, in today's settings, and never older before newer.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::of_acme;
use crate::app::{Person, TestApp};

async fn replay(app: &TestApp, filter: Value) -> Value {
    app.post(&of_acme("/deliveries/replay"), filter)
        .await
        .with_status(StatusCode::ACCEPTED)
}

async fn preview(app: &TestApp, filter: Value) -> Value {
    app.post(&of_acme("/deliveries/replay?preview=true"), filter)
        .await
        .with_status(StatusCode::OK)
}

/// What the preview or the replay counts: deliveries, recovered, unreadable, prospects.
fn counts(answer: &Value) -> [u64; 4] {
    ["deliveries", "recovered", "unreadable", "prospects"]
        .map(|name| answer[name].as_u64().unwrap())
}

#[tokio::test]
async fn a_replay_says_which_deliveries_it_is_of() {
    let app = TestApp::with_job().await;
    let nothing = app.post(&of_acme("/deliveries/replay"), json!({})).await;
    assert_eq!(nothing.refused(422, "invalid-fields"), [""]);
    let soon = json!({ "received_to": "soon" });
    let soon = app.post(&of_acme("/deliveries/replay"), soon).await;
    assert_eq!(soon.refused(422, "invalid-fields"), ["/received_to"]);
}

#[tokio::test]
async fn what_a_wrong_setting_rejected_is_read_again() {
    let app = TestApp::with_job().await;
    app.says(&Person::new("Grace"), "new_lead").await;
    app.flush_to_rest().await;
    app.wait(30);
    let wrong_since = app.now();
    for name in ["Ada", "Alan"] {
        app.says(&Person::new(name), "replied").await;
    }
    let wrong = json!({ "payload_paths": { "stage": "/data/step", "status": "/data/state" } });
    let changed = app.patch(&of_acme(""), wrong).await.ok();
    // Told at once, for nobody sees what goes wrong at the next flush.
    let check = changed["checks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|check| check["check"] == "payload-paths");
    let check = check.expect("the paths were tried");
    assert_eq!(check["level"], "warning", "{check}");
    assert!(
        check["detail"]
            .as_str()
            .unwrap()
            .contains("3 of the latest 3"),
        "{check}"
    );
    assert!(app.flush_to_rest().await.is_empty());
    let filter = json!({ "verdict": "rejected", "received_from": wrong_since });
    assert_eq!(counts(&preview(&app, filter.clone()).await), [0, 0, 2, 0]);

    let right = app
        .patch(&of_acme(""), json!({ "payload_paths": {} }))
        .await
        .ok();
    assert_eq!(right["checks"].as_array().unwrap().len(), 0, "{right}");
    let shown = preview(&app, filter.clone()).await;
    assert_eq!(counts(&shown), [2, 2, 0, 2]);
    let items = shown["items"].as_array().unwrap();
    assert!(
        items.len() == 2 && items.iter().all(|item| item["action"] == "create"),
        "{shown}"
    );
    assert_eq!(shown["counts"]["created"], 2);
    assert!(
        app.flush_to_rest().await.is_empty(),
        "a preview changes nothing"
    );
    assert_eq!(counts(&replay(&app, filter.clone()).await), [2, 2, 0, 2]);
    let queue = &app.get("/health").await.ok()["queue"];
    assert_eq!(
        (&queue["pending"], &queue["oldest_pending_age_s"]),
        (&json!(2), &json!(0))
    );
    app.flush_to_rest().await;
    assert_eq!(app.application("Ada").await["stage"], "Replied");
    assert_eq!(counts(&replay(&app, filter).await), [0; 4]);
}

#[tokio::test]
async fn older_news_never_beats_newer_by_being_read_again() {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada");
    app.says(&ada, "new_lead").await;
    app.flush_to_rest().await;
    app.wait(60);
    let later = app.now();
    app.says(&ada, "interviewing").await;
    app.flush_to_rest().await;
    app.wait(60);
    for filter in [
        json!({ "received_to": later }),
        json!({ "dover_candidate_id": ada.id }),
        json!({ "dover_job_id": "job_42" }),
        json!({ "state": "synced" }),
        json!({ "verdict": "accepted" }),
    ] {
        let answer = replay(&app, filter.clone()).await;
        assert!(
            counts(&answer)[0] >= 1 && counts(&answer)[3] == 1,
            "{filter} {answer}"
        );
        assert!(app.flush_to_rest().await.is_empty(), "{filter}");
        assert_eq!(app.prospect(&ada.id).await["stage"], "interviewing");
        assert_eq!(app.get("/health").await.ok()["queue"]["pending"], 0);
    }
    let both = replay(
        &app,
        json!({ "received_from": later, "received_to": app.now() }),
    )
    .await;
    assert_eq!(counts(&both), [1, 0, 0, 1]);
}

#[tokio::test]
async fn what_ashby_refused_is_tried_once_more_and_what_was_deleted_only_by_name() {
    let app = TestApp::with_job().await;
    let (ada, grace) = (Person::new("Ada"), Person::new("Grace"));
    app.says(&grace, "new_lead").await;
    app.flush_to_rest().await;
    let gone = app.candidates("Grace").await.remove(0);
    app.sim_as(
        reqwest::Method::DELETE,
        &format!("candidates/{}", gone["id"].as_str().unwrap()),
        None,
    )
    .await;
    app.wait(15);
    app.says(&grace, "replied").await;
    let refusal =
        json!({ "endpoint": "candidate.create", "kind": "refuse", "code": "invalid_input" });
    app.sim("faults", refusal).await;
    app.says(&ada, "replied").await;
    app.flush_to_rest().await;
    assert_eq!(app.reason(&ada.id).await, "refused-by-ashby");
    assert_eq!(app.reason(&grace.id).await, "gone-from-ashby");
    // Nothing is tried by itself, flush after flush.
    let writes = app.writes().await.len();
    for _ in 0..10 {
        app.wait(15);
        app.flush().await;
    }
    assert_eq!(app.writes().await.len(), writes);

    let parked = json!({ "state": "parked" });
    assert_eq!(counts(&preview(&app, parked.clone()).await)[3], 2);
    assert_eq!(counts(&replay(&app, parked).await)[3], 2);
    assert_eq!(
        app.flush_to_rest().await,
        ["candidate.create", "application.create"]
    );
    assert_eq!(app.application("Ada").await["stage"], "Replied");
    assert_eq!(app.reason(&grace.id).await, "gone-from-ashby");

    let by_name = json!({ "reason": "gone-from-ashby" });
    let shown = preview(&app, by_name.clone()).await;
    assert_eq!(shown["items"][0]["action"], "create", "{shown}");
    replay(&app, by_name).await;
    assert_eq!(
        app.flush_to_rest().await,
        ["candidate.create", "application.create"]
    );
}

#[tokio::test]
async fn everything_that_a_replay_of_prospects_names_has_to_fit() {
    let app = TestApp::with_job().await;
    let (ada, grace) = (Person::new("Ada"), Person::new("Grace"));
    for person in [&ada, &grace] {
        app.says(person, "new_lead").await;
        app.flush_to_rest().await;
        let gone = app.candidates(&person.name).await.remove(0);
        let path = format!("candidates/{}", gone["id"].as_str().unwrap());
        app.sim_as(reqwest::Method::DELETE, &path, None).await;
    }
    app.wait(15);
    app.says(&ada, "replied").await;
    app.flush_to_rest().await;
    app.wait(60);
    let later = app.now();
    app.says(&grace, "replied").await;
    app.flush_to_rest().await;
    for person in [&ada, &grace] {
        assert_eq!(app.reason(&person.id).await, "gone-from-ashby");
    }

    let gone = "gone-from-ashby";
    for (filter, fitting) in [
        (json!({ "reason": gone, "verdict": "id-reused" }), 0),
        (
            json!({ "state": "parked", "received_from": app.now() + chrono::TimeDelta::hours(1) }),
            0,
        ),
        (json!({ "reason": gone, "received_to": later }), 2),
        (json!({ "reason": gone, "received_from": later }), 1),
    ] {
        let shown = preview(&app, filter.clone()).await;
        assert_eq!(counts(&shown)[3], fitting, "{filter} {shown}");
        let items = shown["items"].as_array().unwrap().len();
        assert_eq!(items as u64, fitting, "{filter} {shown}");
    }
    let latest = json!({ "reason": gone, "received_from": later });
    assert_eq!(counts(&replay(&app, latest).await)[3], 1);
    let writes = app.flush_to_rest().await;
    assert_eq!(writes, ["candidate.create", "application.create"]);
    assert_eq!(app.candidates("Grace").await.len(), 1);
    assert_eq!(app.reason(&ada.id).await, gone);
}

#[tokio::test]
async fn what_is_parked_is_counted_by_reason_with_what_to_do() {
    let app = TestApp::with_job().await;
    app.says(&Person::new("Ada"), "ghosted").await;
    app.says(&Person::new("Grace").on("job_7"), "replied").await;
    app.says(&Person::new("Alan").on("job_7"), "replied").await;
    app.flush_to_rest().await;
    let report = app.get(&of_acme("/reports/parked")).await.ok();
    assert_eq!(report["total"], 3, "{report}");
    let items = report["items"].as_array().unwrap();
    let told: Vec<_> = items
        .iter()
        .map(|item| {
            (
                item["reason"].as_str().unwrap(),
                item["count"].as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(told, [("job-not-registered", 2), ("unknown-stage", 1)]);
    assert!(
        items
            .iter()
            .all(|item| item["waits_for"].is_string() && item["remedy"].is_string()),
        "{report}"
    );
    assert_eq!(items[0]["goes_on"], "by-itself");
    assert_eq!(items[1]["goes_on"], "with-news");
    for (job, told) in [
        ("job_42", &[("unknown-stage", 1)][..]),
        ("job_7", &[("job-not-registered", 2)]),
        ("job_8", &[]),
    ] {
        let path = of_acme(&format!("/reports/parked?dover_job_id={job}"));
        let report = app.get(&path).await.ok();
        let items = report["items"].as_array().unwrap().iter();
        let counts: Vec<_> = items
            .map(|item| {
                (
                    item["reason"].as_str().unwrap(),
                    item["count"].as_i64().unwrap(),
                )
            })
            .collect();
        assert_eq!(counts, told, "{job}");
    }
    let check = app.post(&of_acme("/check"), json!({})).await.ok();
    let remedies: Vec<&str> = check["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["check"] == "parked")
        .map(|check| check["remedy"].as_str().unwrap())
        .collect();
    for item in items {
        let remedy = item["remedy"].as_str().unwrap();
        assert!(
            remedies.iter().any(|told| told.starts_with(remedy)),
            "{remedy}: {remedies:?}"
        );
    }
}
