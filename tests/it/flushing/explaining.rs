//! What is told of it all: explanations, previews, and a row for every flush.

use serde_json::{Value, json};

use super::with_ada;
use crate::app::{CONNECTION, Person, TestApp};

#[tokio::test]
async fn an_explanation_shows_what_dover_said_what_ashby_held_the_rule_and_the_calls() {
    let (app, ada, application) = with_ada("new_lead").await;
    app.wait(15);
    app.says(&ada, "replied").await;
    app.flush_to_rest().await;
    let decisions = app.decisions(&ada).await;
    assert_eq!(decisions.len(), 2);
    let moved = &decisions[0];
    assert_eq!(moved["dover"]["stage"], "replied");
    assert_eq!(moved["dover"]["status"], "active");
    assert_eq!(moved["dover"]["updated_at"], json!(app.now()));
    assert_eq!(moved["ashby"]["stage"], "New Lead");
    assert_eq!(moved["ashby"]["application_id"], application["id"]);
    assert_eq!(moved["rule"], 10);
    assert_eq!(moved["reason"]["code"], "moved-forward");
    let created = &decisions[1];
    assert_eq!(
        (&created["rule"], &created["ashby"]["person"]),
        (&json!(7), &json!("unknown"))
    );

    let calls = app.calls().await;
    for (decision, endpoints) in [
        (created, &["candidate.create", "application.create"][..]),
        (moved, &["application.changeStage"]),
    ] {
        let told = decision["calls"].as_array().unwrap();
        assert_eq!(told.len(), endpoints.len(), "{told:?}");
        for (told, endpoint) in told.iter().zip(endpoints) {
            assert_eq!(
                (&told["endpoint"], &told["outcome"]),
                (&json!(endpoint), &json!("ok"))
            );
            let logged = calls
                .iter()
                .find(|call| call["requestId"] == told["request_id"]);
            assert_eq!(logged.unwrap()["endpoint"], *endpoint);
        }
    }
}

#[tokio::test]
async fn an_explanation_names_the_look_that_followed_a_lost_answer() {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada");
    app.sim(
        "faults",
        json!({ "endpoint": "candidate.create", "kind": "lost-answer" }),
    )
    .await;
    app.says(&ada, "replied").await;
    app.flush_to_rest().await;
    let decision = app.decisions(&ada).await.remove(0);
    let told: Vec<&str> = decision["calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| call["endpoint"].as_str().unwrap())
        .collect();
    assert_eq!(
        told,
        ["candidate.create", "candidate.search", "application.create"]
    );
}

/// A bit of everything, waiting to be flushed.
async fn assorted() -> TestApp {
    let app = TestApp::with_job().await;
    let held = ["Moves", "Back", "Newer", "Leaves"].map(Person::new);
    for who in &held {
        app.says(who, "reached_out").await;
    }
    app.flush_to_rest().await;
    app.wait(15);
    let [moves, back, newer, leaves] = held;
    app.says(&moves, "replied").await;
    app.says(&back, "new_lead").await;
    app.says(&newer, "replied").await;
    app.says_status(&leaves, "withdrew").await;
    app.says(&Person::new("Fresh"), "interviewing").await;
    app.says(&Person::new("Odd"), "ghosted").await;
    app.says(&Person::new("Lost").on("job_unknown"), "replied")
        .await;
    app.says_status(&Person::new("Over"), "rejected").await;
    app.wait(1);
    let application = app.application("Newer").await;
    app.recruiter("move", &application, json!({ "stage": "Onsite" }))
        .await;
    app
}

fn told(item: &Value, reason: &Value, action: &Value) -> (String, String, String) {
    (
        item["dover_candidate_id"].to_string(),
        reason["code"].to_string(),
        action.to_string(),
    )
}

#[tokio::test]
async fn a_preview_shows_what_the_flush_then_does_and_writes_nothing() {
    let app = assorted().await;
    let writes = app.writes().await.len();
    let preview = app.preview().await;
    assert_eq!(app.preview().await, preview, "looking changes nothing");
    assert_eq!(app.writes().await.len(), writes);
    let items = preview["items"].as_array().unwrap();
    let mut foretold: Vec<_> = items
        .iter()
        .map(|item| told(item, &item["reason"], &item["action"]))
        .collect();

    let flush = app.flush().await;
    assert_eq!(flush["counts"], preview["counts"]);
    let path = format!("/v1/connections/{CONNECTION}/prospects");
    let prospects = app.get(&path).await.ok();
    let prospects = prospects["items"].as_array().unwrap();
    let decided = prospects
        .iter()
        .filter(|found| found["last_decision"]["flush_id"] == flush["id"]);
    let last = |found: &Value| {
        let last = &found["last_decision"];
        told(found, &last["reason"], &last["action"])
    };
    let mut done: Vec<_> = decided.map(last).collect();
    foretold.sort();
    done.sort();
    assert_eq!(foretold, done);
    assert_eq!(done.len(), 8);
    assert!(app.flush_to_rest().await.is_empty());
    assert_eq!(app.preview().await["items"], json!([]));
}

#[tokio::test]
async fn a_preview_between_a_write_and_older_news_does_not_make_the_write_foreign() {
    let (app, ada, _) = with_ada("new_lead").await;
    let first = app.now();
    app.preview().await;
    app.wait(15);
    app.preview().await;
    app.says_at(&ada, "replied", first + chrono::TimeDelta::milliseconds(1))
        .await;
    assert_eq!(app.flush_to_rest().await, ["application.changeStage"]);
}

#[tokio::test]
async fn every_flush_is_a_row_with_its_counts() {
    let app = assorted().await;
    let path = format!("/v1/connections/{CONNECTION}/flushes");
    let before = app.get(&path).await.ok()["items"].as_array().unwrap().len();
    let flush = app.flush().await;
    let listed = app.get(&path).await.ok();
    assert_eq!(listed["items"].as_array().unwrap().len(), before + 1);
    assert_eq!(listed["items"][0], flush);
    let counts = json!({
        "prospects": 8, "created": 1, "moved": 1, "archived": 1, "unchanged": 0, "skipped": 3, "parked": 2, "failed": 0,
    });
    assert_eq!(flush["counts"], counts);
    assert_eq!(
        (&flush["status"], &flush["trigger"]),
        (&json!("done"), &json!("manual"))
    );
}

#[tokio::test]
async fn an_idle_flush_reads_at_most_two_calls() {
    let (app, _, _) = with_ada("new_lead").await;
    for _ in 0..3 {
        app.wait(15);
        let flush = app.flush().await;
        assert_eq!(flush["ashby_calls"]["write"], 0);
        assert!(
            flush["ashby_calls"]["read"].as_u64().unwrap() <= 2,
            "{flush}"
        );
    }
}
