//! Ashby's rate limit: we stay within our part of it, whoever else uses the key and whatever Ashby tells of it, and
//! everything gets done all the same.

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    app::{ASHBY_KEY, CONNECTION, Person, SECRET, TestApp},
    patience::until_so,
};

/// Calls of the record that were answered with 429.
fn refused(calls: &[Value]) -> usize {
    calls.iter().filter(|call| call["status"] == 429).count()
}

/// The most calls within any minute, wherever it begins.
fn most_in_a_minute(calls: &[Value]) -> usize {
    let at = |call: &Value| -> DateTime<Utc> { call["at"].as_str().unwrap().parse().unwrap() };
    let times: Vec<_> = calls.iter().map(at).collect();
    let minute_from = |first: &DateTime<Utc>| {
        let within =
            |time: &&DateTime<Utc>| (0..60_000).contains(&(**time - first).num_milliseconds());
        times.iter().filter(within).count()
    };
    times.iter().map(minute_from).max().unwrap_or(0)
}

/// The program with so many candidates that wait, and nothing spent of the key's limit, which is `limit` from now on.
async fn waiting(people: usize, limit: Value) -> (TestApp, u64) {
    let app = TestApp::with_job().await;
    for n in 0..people {
        app.says(&Person::new(&format!("Person {n}")), "replied")
            .await;
    }
    app.wait(2);
    app.sim("switches", json!({ "rateLimit": limit })).await;
    let mark = app.mark().await;
    (app, mark)
}

async fn calls_since(app: &TestApp, mark: u64) -> Vec<Value> {
    let calls = app
        .sim_as(Method::GET, &format!("calls?since={mark}"), None)
        .await;
    calls["calls"].as_array().unwrap().clone()
}

async fn applications(app: &TestApp) -> usize {
    app.world().await["applications"].as_array().unwrap().len()
}

/// Flushes to the end and holds what was called against the limit.
async fn stays_within(app: &TestApp, mark: u64, ours: usize, people: usize) {
    let flush = app.flush().await;
    assert_eq!(flush["status"], "done", "{flush}");
    assert_eq!(flush["counts"]["failed"], 0, "{flush}");
    let calls = calls_since(app, mark).await;
    assert_eq!(refused(&calls), 0);
    let most = most_in_a_minute(&calls);
    assert!(most <= ours, "{most} in a minute, {ours} are ours");
    assert_eq!(applications(app).await, people);
    assert!(calls.len() > 2 * ours, "a test that never met the limit");
}

#[tokio::test]
async fn a_flush_never_meets_the_limit_that_ashby_tells() {
    for reset in ["seconds", "epoch"] {
        let (app, mark) = waiting(60, json!({ "limit": 40, "reset": reset })).await;
        stays_within(&app, mark, 36, 60).await;
    }
}

#[tokio::test]
async fn a_clock_of_ashbys_that_differs_from_ours_misleads_nobody() {
    for ahead in [-50, 50] {
        let (app, mark) = waiting(60, json!({ "limit": 40, "reset": "epoch" })).await;
        app.sim("switches", json!({ "clockAheadSeconds": ahead }))
            .await;
        stays_within(&app, mark, 36, 60).await;
    }
}

#[tokio::test]
async fn where_ashby_tells_nothing_the_usual_limit_is_assumed() {
    let (app, mark) = waiting(500, json!({ "limit": 1000, "told": false })).await;
    let flush = app.flush().await;
    assert_eq!(flush["status"], "done", "{flush}");
    let calls = calls_since(&app, mark).await;
    assert_eq!(refused(&calls), 0);
    let most = most_in_a_minute(&calls);
    assert!(
        (880..=900).contains(&most),
        "{most}: all of our part, and no more"
    );
    assert_eq!(applications(&app).await, 500);
}

#[tokio::test]
async fn the_share_that_is_left_to_others_is_a_setting_and_counts_with_the_next_flush() {
    let (app, _) = waiting(40, json!({ "limit": 40 })).await;
    let path = format!("/v1/connections/{CONNECTION}/settings");
    for (share, ours) in [(0.5, 20), (0.75, 10)] {
        let change = app
            .request(Method::PATCH, &path)
            .bearer_auth(crate::app::TOKEN)
            .json(&json!({ "ashby.reserved_share": share }));
        app.send(change).await.ok();
        for n in 0..40 {
            app.says(&Person::new(&format!("Person {n} of {ours}")), "replied")
                .await;
        }
        app.wait(2);
        let (mark, people) = (app.mark().await, applications(&app).await);
        let more = if people == 0 { 80 } else { 40 };
        stays_within(&app, mark, ours, people + more).await;
    }
}

#[tokio::test]
async fn another_tool_on_the_same_key_is_left_room_and_never_outrun() {
    let (app, mark) = waiting(60, json!({ "limit": 40 })).await;
    let others = json!({ "othersPerWindow": 20 });
    app.sim_as(
        Method::PATCH,
        &format!("api-keys/{ASHBY_KEY}"),
        Some(others),
    )
    .await;
    // Half is theirs, and a tenth is left to them besides.
    stays_within(&app, mark, 16, 60).await;
}

#[tokio::test]
async fn a_key_that_others_use_up_is_asked_once_a_window_and_loses_nobody() {
    let (app, mark) = waiting(10, json!({ "limit": 40 })).await;
    let others = |n: u32| json!({ "othersPerWindow": n });
    let key = format!("api-keys/{ASHBY_KEY}");
    app.sim_as(Method::PATCH, &key, Some(others(40))).await;
    let before = app.now();
    let flush = app.flush().await;
    assert_eq!(flush["status"], "failed", "{flush}");
    let calls = calls_since(&app, mark).await;
    let minutes = (app.now() - before).num_minutes();
    let asked = i64::try_from(calls.len()).unwrap();
    assert!(asked <= minutes + 1, "{asked} calls in {minutes} minutes");
    let waits = app.prospect("cand_person-0").await;
    assert_eq!(waits["state"], "pending");

    app.sim_as(Method::PATCH, &key, Some(others(0))).await;
    app.wait(2);
    let flush = app.flush().await;
    assert_eq!(flush["counts"]["created"], 10, "{flush}");
}

#[tokio::test]
async fn a_limit_that_grows_or_shrinks_in_mid_flush_is_followed() {
    // Grown: what was told holds until the next answer.
    let (app, mark) = waiting(60, json!({ "limit": 20 })).await;
    let path = format!("/v1/connections/{CONNECTION}/flushes");
    let flush = app.post(&path, json!({})).await.ok();
    until_called(&app, mark, 30).await;
    app.sim("switches", json!({ "rateLimit": { "limit": 40 } }))
        .await;
    assert_eq!(app.ended(&flush).await["status"], "done");
    let calls = calls_since(&app, mark).await;
    assert_eq!(refused(&calls), 0);
    assert!(most_in_a_minute(&calls) <= 36);

    // Shrunk below what is spent already: who is under way is refused once, and then all wait.
    let (app, mark) = waiting(60, json!({ "limit": 40 })).await;
    let flush = app.post(&path, json!({})).await.ok();
    until_called(&app, mark, 20).await;
    app.sim("switches", json!({ "rateLimit": { "limit": 10 } }))
        .await;
    let changed = app.mark().await;
    assert_eq!(app.ended(&flush).await["status"], "done");
    let later = calls_since(&app, changed).await;
    assert!(refused(&later) <= 8, "{} refused", refused(&later));
    assert_eq!(applications(&app).await, 60);
}

async fn until_called(app: &TestApp, mark: u64, calls: u64) {
    until_so("calls", async || app.mark().await >= mark + calls).await;
}

#[tokio::test]
async fn two_connections_with_one_key_share_its_pace() {
    let (app, _) = waiting(0, json!({ "limit": 40 })).await;
    let body =
        json!({ "name": "other", "ashby_api_key": ASHBY_KEY, "dover_webhook_secret": SECRET });
    app.post("/v1/connections", body).await.ok();
    let job = app.sim("jobs", json!({ "title": "Designer" })).await;
    let body = json!({ "dover_job_id": "job_42", "ashby_job": job["id"], "title": "Designer" });
    app.post("/v1/connections/other/jobs", body).await.ok();
    for n in 0..30 {
        let who = Person::new(&format!("Person {n}"));
        app.says(&who, "replied").await;
        let who = Person::new(&format!("Another {n}"));
        let delivery = who.change(json!({ "stage": "replied", "updated_at": app.now() }));
        let delivery = serde_json::to_vec(&delivery).unwrap();
        let answer = app
            .send(app.signed_for("other", &format!("msg_{n}"), &delivery))
            .await;
        answer.ok();
    }
    app.wait(2);
    let mark = app.mark().await;
    let path = |name: &str| format!("/v1/connections/{name}/flushes?wait=true");
    let (one, other) = (path(CONNECTION), path("other"));
    let (one, other) = tokio::join!(app.post(&one, json!({})), app.post(&other, json!({})));
    assert_eq!(
        (&one.ok()["status"], &other.ok()["status"]),
        (&json!("done"), &json!("done"))
    );
    let calls = calls_since(&app, mark).await;
    assert_eq!(refused(&calls), 0);
    let most = most_in_a_minute(&calls);
    assert!(most <= 36, "{most}");
    assert_eq!(applications(&app).await, 60);
}

#[tokio::test]
async fn processes_that_share_a_key_learn_from_its_answers_what_the_others_use() {
    use dover_ashby_sync::{
        store::flush::Trigger,
        sync::{Clients, Sync, flush},
        telemetry::Metrics,
    };
    let (app, mark) = waiting(60, json!({ "limit": 40 })).await;
    // Another process with a pace of its own, at work on another connection with the same key.
    let elsewhere = Sync {
        clients: Clients::new(app.ashby_url(), app.sync().clock, Metrics::default()),
        ..app.sync()
    };
    let body =
        json!({ "name": "other", "ashby_api_key": ASHBY_KEY, "dover_webhook_secret": SECRET });
    app.post("/v1/connections", body).await.ok();
    let other = app.connection("other").await;
    let path = format!("/v1/connections/{CONNECTION}/flushes?wait=true");
    let busy = async {
        for _ in 0..20 {
            let started = flush::start(&elsewhere, other.id, Trigger::Manual)
                .await
                .unwrap()
                .unwrap();
            started
                .run(&elsewhere, tokio_util::sync::CancellationToken::new())
                .await
                .unwrap();
        }
    };
    let (flush, ()) = tokio::join!(app.post(&path, json!({})), busy);
    assert_eq!(flush.ok()["status"], "done");
    let calls = calls_since(&app, mark).await;
    assert_eq!(
        refused(&calls),
        0,
        "the share that is left covers what crosses"
    );
    assert_eq!(applications(&app).await, 60);
}

#[tokio::test]
async fn a_first_pass_over_a_large_organisation_takes_at_most_half_of_the_limit() {
    let app = TestApp::bare().await;
    app.furnish().await;
    for n in 0..3_000 {
        app.sim(
            "candidates",
            json!({ "name": format!("Person {n}"), "email": format!("{n}@example.com") }),
        )
        .await;
    }
    app.sim("switches", json!({ "rateLimit": { "limit": 20 } }))
        .await;
    let body =
        json!({ "name": CONNECTION, "ashby_api_key": ASHBY_KEY, "dover_webhook_secret": SECRET });
    app.post("/v1/connections", body).await.ok();
    app.wait(2);
    let mark = app.mark().await;
    while app.flush().await["status"] == "done" {
        let calls = calls_since(&app, mark).await;
        assert_eq!(refused(&calls), 0);
        let pages = |call: &&Value| call["endpoint"] == "candidate.list";
        if calls.iter().filter(pages).count() >= 30 {
            let most = most_in_a_minute(&calls[..30]);
            assert!(most <= 10, "{most}");
            return;
        }
    }
    panic!("a flush failed");
}
