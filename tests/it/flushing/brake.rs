//! The brake: a job's part of a flush that would do too much stops and asks.

use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Answer, CONNECTION, Person, TOKEN, TestApp};

impl TestApp {
    async fn set(&self, settings: Value) {
        let path = format!("/v1/connections/{CONNECTION}/settings");
        let request = self.request(Method::PATCH, &path).bearer_auth(TOKEN);
        self.send(request.json(&settings)).await.ok();
    }

    pub(super) async fn at_flush(&self, flush: &Value, what: &str, body: Value) -> Answer {
        let id = flush["id"].as_str().unwrap();
        self.post(
            &format!("/v1/connections/{CONNECTION}/flushes/{id}/{what}"),
            body,
        )
        .await
    }

    pub(super) async fn read_flush(&self, flush: &Value, what: &str) -> Value {
        let id = flush["id"].as_str().unwrap();
        let path = format!("/v1/connections/{CONNECTION}/flushes/{id}{what}");
        self.get(&path).await.ok()
    }

    /// What an item of a list has under `action` and as reason, each once.
    async fn everyone(&self, people: &[Person]) -> Vec<String> {
        let mut reasons = Vec::new();
        for person in people {
            reasons.push(
                self.prospect_of(person).await["last_decision"]["reason"]["code"].to_string(),
            );
        }
        reasons.sort();
        reasons.dedup();
        reasons
    }
}

fn people(names: &[&str]) -> Vec<Person> {
    names.iter().map(|name| Person::new(name)).collect()
}

const FOUR: [&str; 4] = ["Ada", "Grace", "Linus", "Margaret"];

/// The program with four people at *Replied*, and a limit of two archives.
async fn with_four() -> (TestApp, Vec<Person>) {
    let app = TestApp::with_job().await;
    app.set(json!({ "brake.max_archives": 2 })).await;
    let four = people(&FOUR);
    for person in &four {
        app.says(person, "replied").await;
    }
    app.flush_to_rest().await;
    app.wait(15);
    (app, four)
}

async fn reject(app: &TestApp, people: &[Person]) {
    for person in people {
        app.says_status(person, "rejected").await;
    }
}

/// A flush that the brake stopped on the one job, and that wrote nothing.
async fn stopped(app: &TestApp) -> Value {
    let flush = app.flush().await;
    assert_eq!(
        (&flush["status"], &flush["ashby_calls"]["write"]),
        (&json!("done"), &json!(0)),
        "{flush}"
    );
    assert_eq!(flush["brake"][0]["status"], "waiting", "{flush}");
    flush
}

fn written(endpoints: &[String], endpoint: &str) -> usize {
    endpoints.iter().filter(|one| *one == endpoint).count()
}

#[tokio::test]
async fn a_job_over_its_limit_writes_nothing_until_it_is_approved() {
    let (app, four) = with_four().await;
    reject(&app, &four).await;
    let new = Person::new("Barbara");
    app.says(&new, "new_lead").await;

    let preview = app.preview().await;
    assert_eq!(preview["brake"][0]["would"]["archive"], 4, "{preview}");
    let flush = stopped(&app).await;
    assert_eq!(flush["counts"], preview["counts"]);
    let asked = &flush["brake"][0];
    assert_eq!(
        (&asked["dover_job_id"], &asked["title"], &asked["would"]),
        (
            &json!("job_42"),
            &json!("Staff Engineer"),
            &json!({ "archive": 4, "move": 0, "create": 1 })
        )
    );
    assert_eq!(
        asked["limit"],
        json!({ "setting": "brake.max_archives", "value": 2.0 })
    );
    assert_eq!(app.everyone(&four).await, ["\"held-by-brake\""]);
    app.counts_parked("held-by-brake", 5).await;
    let held = app.prospect_of(&four[0]).await;
    assert_eq!(
        (&held["state"], &held["last_decision"]["action"]),
        (&json!("parked"), &json!("archive"))
    );
    let shown = app.read_flush(&flush, "/preview").await;
    let mut actions: Vec<_> = shown["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["action"].as_str().unwrap())
        .collect();
    actions.sort_unstable();
    assert_eq!(
        actions,
        ["archive", "archive", "archive", "archive", "create"]
    );

    app.wait(15);
    let again = app.flush().await;
    assert_eq!(
        (
            &again["brake"],
            &again["counts"]["prospects"],
            &again["ashby_calls"]["write"]
        ),
        (&json!([]), &json!(0), &json!(0)),
        "nobody is asked about, nor decided, twice"
    );

    let approved = app.at_flush(&flush, "approve", json!({})).await.ok();
    assert_eq!(
        (
            &approved["brake"][0]["status"],
            &approved["brake"][0]["decided_by"]
        ),
        (&json!("approved"), &json!("admin"))
    );
    let wrote = app.flush_to_rest().await;
    assert_eq!(written(&wrote, "application.changeStage"), 4);
    assert_eq!(written(&wrote, "application.create"), 1);
    assert_eq!(app.everyone(&four).await, ["\"rejected-in-dover\""]);
    assert_eq!(
        app.read_flush(&flush, "/preview").await["items"]
            .as_array()
            .unwrap()
            .len(),
        5
    );
}

#[tokio::test]
async fn other_jobs_go_on() {
    let (app, four) = with_four().await;
    app.register("job_7", "Designer").await;
    reject(&app, &four).await;
    let elsewhere = Person::new("Barbara").on("job_7");
    app.says(&elsewhere, "replied").await;
    let flush = app.flush().await;
    assert_eq!(flush["brake"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&flush["counts"]["created"], &flush["counts"]["parked"]),
        (&json!(1), &json!(4))
    );
    assert_eq!(app.application("Barbara").await["stage"], "Replied");
}

#[tokio::test]
async fn what_is_within_the_limits_is_done() {
    let (app, four) = with_four().await;
    reject(&app, &four[..2]).await;
    assert_eq!(app.flush_to_rest().await.len(), 2);
    assert_eq!(app.everyone(&four[..2]).await, ["\"rejected-in-dover\""]);
}

#[tokio::test]
async fn flushes_of_one_interval_count_together() {
    let (app, four) = with_four().await;
    reject(&app, &four[..2]).await;
    assert_eq!(app.flush().await["counts"]["archived"], 2);
    app.wait(1);
    reject(&app, &four[2..3]).await;
    let flush = stopped(&app).await;
    assert_eq!(flush["brake"][0]["would"]["archive"], 1);
    // The next interval: one is within the limit of two.
    app.wait(15);
    let flush = app.flush().await;
    assert_eq!(flush["counts"]["archived"], 1, "{flush}");
}

#[tokio::test]
async fn what_was_refused_is_left_alone_until_there_is_newer_news() {
    let (app, four) = with_four().await;
    reject(&app, &four).await;
    let flush = stopped(&app).await;
    app.at_flush(&flush, "refuse", json!({ "dover_job_id": "job_42" }))
        .await
        .ok();
    assert!(app.flush_to_rest().await.is_empty());
    assert_eq!(app.everyone(&four).await, ["\"refused-by-admin\""]);
    assert_eq!(app.prospect_of(&four[0]).await["state"], "skipped");
    app.wait(15);
    reject(&app, &four[..1]).await;
    assert_eq!(app.flush_to_rest().await, ["application.changeStage"]);
    app.resync(&four[1], "").await;
    assert_eq!(app.flush_to_rest().await, ["application.changeStage"]);
    assert_eq!(app.everyone(&four[2..]).await, ["\"refused-by-admin\""]);
}

#[tokio::test]
async fn an_answer_is_given_once_and_stands() {
    let (app, four) = with_four().await;
    reject(&app, &four).await;
    let flush = stopped(&app).await;
    let unknown = app
        .at_flush(&flush, "approve", json!({ "dover_job_id": "job_1" }))
        .await;
    assert_eq!(unknown.code(), "not-found");
    let calm = app.flush().await;
    assert_eq!(
        app.at_flush(&calm, "approve", json!({})).await.code(),
        "not-found"
    );
    let first = app.at_flush(&flush, "approve", json!({})).await.ok();
    app.wait(1);
    assert_eq!(app.at_flush(&flush, "approve", json!({})).await.ok(), first);
    let refused = app.at_flush(&flush, "refuse", json!({})).await;
    assert_eq!(
        (refused.status.as_u16(), refused.code()),
        (409, "brake-answered")
    );
}

#[tokio::test]
async fn who_comes_while_it_waits_waits_too_and_is_no_part_of_the_answer() {
    let (app, four) = with_four().await;
    reject(&app, &four[..3]).await;
    let first = stopped(&app).await;
    app.wait(15);
    reject(&app, &four[3..]).await;
    let second = stopped(&app).await;
    assert_eq!(second["brake"][0]["would"]["archive"], 1);
    assert_eq!(
        app.read_flush(&first, "").await["brake"][0]["would"]["archive"],
        3
    );
    app.at_flush(&first, "refuse", json!({})).await.ok();
    // Alone, the fourth is within the limit.
    assert_eq!(app.flush_to_rest().await, ["application.changeStage"]);
    assert_eq!(
        app.read_flush(&second, "").await["brake"][0]["status"],
        "withdrawn"
    );
    let late = app.at_flush(&second, "refuse", json!({})).await;
    assert_eq!(late.code(), "brake-answered");
    assert_eq!(app.everyone(&four[..3]).await, ["\"refused-by-admin\""]);
}

#[tokio::test]
async fn a_job_that_is_within_its_limits_again_goes_on_by_itself() {
    // Because Dover has other news, because a recruiter was faster, because the limit is another.
    for cause in 0..3 {
        let (app, four) = with_four().await;
        reject(&app, &four[..3]).await;
        let flush = stopped(&app).await;
        app.wait(15);
        match cause {
            0 => app.says_status(&four[0], "active").await,
            1 => {
                let application = app.application("Ada").await;
                let reason = json!({ "archiveReason": "Rejected in Dover" });
                app.recruiter("archive", &application, reason).await;
            }
            _ => app.set(json!({ "brake.max_archives": 3 })).await,
        }
        let wrote = app.flush_to_rest().await;
        assert_eq!(wrote.len(), if cause == 2 { 3 } else { 2 }, "{cause}");
        assert_eq!(
            app.read_flush(&flush, "").await["brake"][0]["status"],
            "withdrawn"
        );
        assert_eq!(app.everyone(&four[1..3]).await, ["\"rejected-in-dover\""]);
    }
}

#[tokio::test]
async fn an_approval_covers_what_was_shown_and_nothing_else() {
    let (app, four) = with_four().await;
    for person in &four {
        app.says(person, "interviewing").await;
    }
    app.set(json!({ "brake.max_moves": 0 })).await;
    let flush = stopped(&app).await;
    assert_eq!(flush["brake"][0]["would"]["move"], 4);
    app.at_flush(&flush, "approve", json!({})).await.ok();
    app.wait(15);
    // Three of the four are rejected before the next flush: that is not what was approved.
    reject(&app, &four[..3]).await;
    let next = app.flush().await;
    assert_eq!(
        (
            &next["counts"]["moved"],
            &next["counts"]["archived"],
            &next["brake"][0]["would"]["archive"]
        ),
        (&json!(1), &json!(0), &json!(3)),
        "{next}"
    );
}

#[tokio::test]
async fn a_share_of_a_jobs_active_applications_is_a_limit_too() {
    let app = TestApp::with_job().await;
    let names: Vec<String> = (0..10).map(|n| format!("Person {n}")).collect();
    let ten: Vec<Person> = names.iter().map(|name| Person::new(name)).collect();
    for person in &ten {
        app.says(person, "replied").await;
    }
    app.flush_to_rest().await;
    app.wait(15);
    reject(&app, &ten[..3]).await;
    let flush = stopped(&app).await;
    let asked = &flush["brake"][0];
    assert_eq!(
        (&asked["limit"]["setting"], &asked["active"]),
        (&json!("brake.max_archive_share"), &json!(10))
    );
}

#[tokio::test]
async fn a_held_job_is_seen_by_monitoring() {
    let (app, four) = with_four().await;
    reject(&app, &four).await;
    stopped(&app).await;
    let health = app.get("/health").await.ok();
    assert_eq!(health["connections"][0]["jobs_held"], 1);
    let metrics = app.get("/metrics").await.body;
    let line = "dover_ashby_sync_jobs_held{connection=\"acme\"} 1";
    assert!(metrics.as_str().unwrap().contains(line), "{metrics}");
}

#[tokio::test]
async fn a_job_that_goes_into_shadow_or_is_no_longer_registered_asks_nothing() {
    let (app, four) = with_four().await;
    reject(&app, &four).await;
    let flush = stopped(&app).await;
    let path = format!("/v1/connections/{CONNECTION}/jobs/job_42");
    let request = app.request(Method::PATCH, &path).bearer_auth(TOKEN);
    app.send(request.json(&json!({ "mode": "shadow" })))
        .await
        .ok();
    assert!(app.flush_to_rest().await.is_empty());
    assert_eq!(app.everyone(&four).await, ["\"shadow\""]);
    assert_eq!(
        app.read_flush(&flush, "").await["brake"][0]["status"],
        "withdrawn"
    );
}
