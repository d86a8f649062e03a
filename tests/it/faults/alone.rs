//! Trouble that stays. With one person: nobody else waits for them. With Ashby as a whole: it is left in peace.

use std::collections::BTreeSet;

use dover_ashby_sync::{store::flush::Trigger, sync::flush};
use reqwest::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::app::{CONNECTION, Person, TestApp};

/// Longer than any test.
const FOR_GOOD: u32 = 100_000;

async fn for_good(app: &TestApp, endpoint: &str, about: Option<&str>, mut trouble: Value) {
    trouble["endpoint"] = json!(endpoint);
    trouble["about"] = json!(about);
    trouble["times"] = json!(FOR_GOOD);
    app.sim("faults", trouble).await;
}

async fn it_is_over(app: &TestApp) {
    app.sim_as(Method::DELETE, "faults", None).await;
}

/// Whoever is added by hand under each of Ada's addresses.
async fn two_adas(app: &TestApp) {
    let email = json!({ "name": "Ada", "email": "ada@example.com" });
    let profile = json!({ "name": "Ada", "linkedInUrl": "https://www.linkedin.com/in/ada" });
    app.sim("candidates", email).await;
    app.sim("candidates", profile).await;
}

#[tokio::test]
async fn somebody_whom_ashby_cannot_show_keeps_nobody_else_waiting() {
    for (trouble, state, reason) in [
        (
            json!({ "kind": "error-before" }),
            "pending",
            "ashby-unavailable",
        ),
        (
            json!({ "kind": "refuse", "code": "candidate_is_odd" }),
            "parked",
            "refused-by-ashby",
        ),
    ] {
        let app = TestApp::with_job().await;
        two_adas(&app).await;
        let ada = Person::new("Ada");
        app.says(&ada, "replied").await;
        for_good(&app, "candidate.info", Some("Ada"), trouble).await;
        for name in ["Grace", "Edsger"] {
            app.says(&Person::new(name), "replied").await;
            let flush = app.flush().await;
            assert_eq!(flush["status"], "done", "{flush}");
            assert_eq!(app.application(name).await["stage"], "Replied");
            let prospect = app.prospect(&ada.id).await;
            assert_eq!(
                (
                    &prospect["state"],
                    &prospect["last_decision"]["reason"]["code"]
                ),
                (&json!(state), &json!(reason))
            );
            app.wait(15);
        }
        it_is_over(&app).await;
        app.says(&ada, "interviewing").await;
        app.flush_to_rest().await;
        assert_eq!(app.reason(&ada.id).await, "ambiguous-identity");
    }
}

#[tokio::test]
async fn a_choice_that_cannot_be_looked_over_keeps_nobody_waiting() {
    for trouble in [
        json!({ "kind": "error-before" }),
        json!({ "kind": "refuse", "code": "candidate_is_odd" }),
    ] {
        let app = TestApp::with_job().await;
        two_adas(&app).await;
        app.says(&Person::new("Ada"), "replied").await;
        app.flush_to_rest().await;
        assert_eq!(app.reason("cand_ada").await, "ambiguous-identity");
        for_good(&app, "candidate.info", Some("Ada"), trouble).await;
        app.wait(15);
        app.says(&Person::new("Grace"), "replied").await;
        let flush = app.flush().await;
        assert_eq!(flush["status"], "done", "{flush}");
        assert_eq!(app.application("Grace").await["stage"], "Replied");
    }
}

fn people() -> Vec<Person> {
    let person = |number| Person::new(&format!("Person {number}"));
    (0..40).map(person).collect()
}

/// Forty who are to be moved, in an Ashby that takes no moves.
async fn ashby_that_takes_no_moves() -> TestApp {
    let app = TestApp::with_job().await;
    for who in people() {
        app.says(&who, "new_lead").await;
    }
    app.flush_to_rest().await;
    app.wait(15);
    for who in people() {
        app.says(&who, "replied").await;
    }
    for_good(
        &app,
        "application.changeStage",
        None,
        json!({ "kind": "error-before" }),
    )
    .await;
    app
}

/// Whom Ashby was asked to move since `mark`.
async fn tried_since(app: &TestApp, mark: u64) -> BTreeSet<String> {
    let calls = app.calls().await;
    let since = calls.iter().filter(|call| {
        call["index"].as_u64() >= Some(mark) && call["endpoint"] == "application.changeStage"
    });
    since
        .filter_map(|call| Some(call["about"].as_str()?.to_owned()))
        .collect()
}

/// The flush that is due.
async fn flush_on_schedule(app: &TestApp) {
    app.wait(15);
    let (sync, stop) = (app.sync(), CancellationToken::new());
    let id = app.connection(CONNECTION).await.id;
    let started = flush::start(&sync, id, Trigger::Schedule).await.unwrap();
    started.unwrap().run(&sync, stop).await.unwrap();
}

#[tokio::test]
async fn ashby_that_takes_no_moves_is_left_in_peace_until_the_next_flush() {
    let app = ashby_that_takes_no_moves().await;
    let flush = app.flush().await;
    assert_eq!(flush["status"], "failed");
    let detail = flush["detail"].to_string();
    assert!(detail.contains("10 prospects in a row"), "{detail}");
    let decided = flush["counts"]["prospects"].as_u64().unwrap();
    assert!((10..20).contains(&decided), "{flush}");
    it_is_over(&app).await;
    app.wait(15);
    app.flush_to_rest().await;
    for who in people() {
        assert_eq!(app.application(&who.name).await["stage"], "Replied");
    }
}

#[tokio::test]
async fn who_was_not_reached_comes_first_the_next_time() {
    let app = ashby_that_takes_no_moves().await;
    let mut tried = BTreeSet::new();
    for _ in 0..5 {
        let mark = app.mark().await;
        flush_on_schedule(&app).await;
        tried.extend(tried_since(&app, mark).await);
    }
    assert_eq!(tried.len(), people().len());
    it_is_over(&app).await;
    for _ in 0..2 {
        flush_on_schedule(&app).await;
    }
    for who in people() {
        assert_eq!(app.application(&who.name).await["stage"], "Replied");
    }
}
