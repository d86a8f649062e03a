//! Trouble that comes together: a lost answer, and then with the calls that look into it; or lists that lag, tokens that
//! no longer serve, a rate limit in earnest.

use chrono::TimeDelta;
use serde_json::json;

use super::orders::ordered;
use crate::{
    app::{Person, TestApp},
    operator,
};

#[expect(
    clippy::print_stdout,
    reason = "how many cases were tried is to be seen"
)]
fn say(what: &str, cases: usize) {
    println!("{what}: {cases} cases");
}

/// Flushes until nothing waits, seeing to what somebody in charge would see to: at most four times after the trouble.
async fn recover(app: &TestApp, what: &str) {
    app.flush().await;
    app.sim_as(reqwest::Method::DELETE, "faults", None).await;
    for _ in 0..4 {
        operator::see_to_the_connection(app).await.expect(what);
        operator::try_the_refused_again(app).await;
        let queue = app.get("/health").await.ok()["queue"].clone();
        if (&queue["pending"], &queue["parked"]) == (&json!(0), &json!(0)) {
            break;
        }
        app.wait(15);
        app.flush().await;
    }
    app.wait(15);
    assert!(
        app.flush_to_rest().await.is_empty(),
        "{what}: it does not come to rest"
    );
    let health = app.get("/health").await.ok();
    assert_eq!(health["queue"]["pending"], 0, "{what}: {health}");
}

/// One candidate, one application, at `stage`.
pub(super) async fn stands_at(app: &TestApp, name: &str, stage: &str, what: &str) {
    let (people, applications) = (app.candidates(name).await, app.applications(name).await);
    assert_eq!(
        (people.len(), applications.len()),
        (1, 1),
        "{what}: {applications:?}"
    );
    assert_eq!(applications[0]["stage"], stage, "{what}");
}

/// A lost create, and then trouble with the very calls that look into it.
#[tokio::test]
async fn looking_into_a_lost_create_outlasts_every_fault() {
    let app = TestApp::with_job().await;
    let mut cases = 0;
    for (lost, endpoints) in [
        ("candidate.create", &["candidate.search"][..]),
        (
            "application.create",
            &["candidate.info", "application.info"],
        ),
        ("application.changeStage", &["application.info"]),
    ] {
        for endpoint in endpoints {
            for (fault, mut order) in ordered() {
                let what = format!("{lost} is lost, then {endpoint}: {fault}");
                cases += 1;
                let who = Person::new(&format!("P{cases}"));
                let said_at = app.now();
                if lost == "application.changeStage" {
                    app.says_at(&who, "new_lead", said_at - TimeDelta::seconds(9))
                        .await;
                    app.flush_to_rest().await;
                }
                app.says_at(&who, "reached_out", said_at).await;
                app.wait(1);
                app.sim("faults", json!({ "endpoint": lost, "kind": "lost-answer" }))
                    .await;
                order["endpoint"] = json!(endpoint);
                order["times"] = json!(5);
                app.sim("faults", order).await;
                recover(&app, &what).await;
                stands_at(&app, &who.name, "Reached Out", &what).await;
                app.says_at(&who, "replied", said_at + TimeDelta::seconds(1))
                    .await;
                app.flush_to_rest().await;
                stands_at(&app, &who.name, "Replied", &what).await;
            }
        }
    }
    say("looking into a lost write", cases);
}

#[tokio::test]
async fn tokens_and_cursors_that_ashby_no_longer_takes_begin_the_list_again() {
    for (endpoint, code) in [
        ("candidate.list", "sync_token_expired"),
        ("candidate.list", "sync_token_invalid"),
        ("application.list", "incremental_sync_too_large"),
        ("application.list", "sync_token_expired"),
    ] {
        let app = TestApp::with_job().await;
        let ada = Person::new("Ada");
        app.says(&ada, "new_lead").await;
        app.flush_to_rest().await;
        app.wait(15);
        app.says(&ada, "replied").await;
        app.sim(
            "faults",
            json!({ "endpoint": endpoint, "kind": "refuse", "code": code }),
        )
        .await;
        assert_eq!(
            app.flush_to_rest().await,
            ["application.changeStage"],
            "{code}"
        );
        stands_at(&app, "Ada", "Replied", code).await;
    }
}

#[tokio::test]
async fn a_real_rate_limit_is_kept_and_the_work_gets_done() {
    for (reset, retry_after) in [("seconds", false), ("epoch", false), ("seconds", true)] {
        let app = TestApp::with_job().await;
        app.wait(2);
        let limit =
            json!({ "limit": 20, "windowSeconds": 60, "retryAfter": retry_after, "reset": reset });
        app.sim("switches", json!({ "rateLimit": limit })).await;
        for number in 0..40 {
            app.says(&Person::new(&format!("Person {number}")), "replied")
                .await;
        }
        for _ in 0..4 {
            app.flush().await;
            app.wait(15);
        }
        assert!(app.flush_to_rest().await.is_empty());
        let world = app.world().await;
        for kind in ["candidates", "applications"] {
            assert_eq!(world[kind].as_array().unwrap().len(), 40, "{kind}, {reset}");
        }
    }
}
