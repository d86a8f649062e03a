//! What others do while a flush is under way: recruiters in Ashby, Dover, admins. A held-back answer of the simulator
//! makes the gap, and the clock is moved within it.

use std::{future::Future, time::Duration};

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::{
    app::{CONNECTION, Person, TestApp},
    patience::until_so,
};

/// How long the simulator holds an answer back, in milliseconds: plenty for what is done meanwhile.
const HELD_BACK: u64 = 2_500;

/// Orders `kind` for the next call of `endpoint`, its answer held back.
async fn hold_back(app: &TestApp, endpoint: &str, kind: &str) {
    let fault =
        json!({ "endpoint": endpoint, "kind": kind, "delay_ms": HELD_BACK, "retry_after_s": 30 });
    app.sim("faults", fault).await;
}

/// Waits until `endpoint` has been called once more than `before`.
async fn asked(app: &TestApp, endpoint: &str, before: usize) {
    until_so(endpoint, async || app.called(endpoint).await > before).await;
}

/// Flushes, and does `deed` while the answer to `endpoint` is held back.
async fn amid(app: &TestApp, endpoint: &str, deed: impl Future<Output = ()>) -> Value {
    let before = app.called(endpoint).await;
    hold_back(app, endpoint, "slow").await;
    let meanwhile = async {
        asked(app, endpoint, before).await;
        deed.await;
    };
    tokio::join!(app.flush(), meanwhile).0
}

fn seconds(app: &TestApp, seconds: u64) {
    app.clock.advance(Duration::from_secs(seconds));
}

/// Ada at *New Lead*, and news of her that waits: *replied*.
async fn with_news() -> (TestApp, Person, Value) {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada");
    app.says(&ada, "new_lead").await;
    app.flush_to_rest().await;
    app.wait(15);
    app.says(&ada, "replied").await;
    let application = app.application("Ada").await;
    (app, ada, application)
}

/// What a recruiter may do beyond what Dover wants, and where the application stands then.
const DEEDS: [(&str, &str); 3] = [
    ("move", "Offer"),
    ("archive", "Archived"),
    ("hire", "Hired"),
];

/// What the control plane is told of a deed.
fn body(deed: &str) -> Value {
    match deed {
        "move" => json!({ "stage": "Offer" }),
        _ => json!({}),
    }
}

/// A recruiter moves Ada, beyond what Dover wants.
async fn moves_on(app: &TestApp, application: &Value) {
    app.recruiter("move", application, body("move")).await;
}

/// The recruiter's deed stands, and no later flush touches it.
async fn left_at(app: &TestApp, ada: &Person, stage: &str) {
    assert_eq!(app.application("Ada").await["stage"], stage);
    let reason = app.reason(&ada.id).await;
    let respectful = ["ashby-is-newer", "archived-in-ashby", "hired-in-ashby"];
    assert!(respectful.contains(&reason.as_str()), "{reason}");
    assert!(app.flush_to_rest().await.is_empty());
    assert_eq!(app.application("Ada").await["stage"], stage);
}

/// The recruiter's move stands, and the reason says so.
async fn respected(app: &TestApp, ada: &Person) {
    assert_eq!(app.application("Ada").await["stage"], "Offer");
    assert_eq!(app.reason(&ada.id).await, "ashby-is-newer");
    assert!(app.flush_to_rest().await.is_empty());
    assert_eq!(app.application("Ada").await["stage"], "Offer");
}

#[tokio::test]
async fn a_recruiter_who_acts_between_delivery_and_flush_is_respected() {
    let (app, ada, application) = with_news().await;
    seconds(&app, 1);
    moves_on(&app, &application).await;
    app.flush().await;
    respected(&app, &ada).await;
}

#[tokio::test]
async fn a_recruiter_who_acts_six_seconds_after_the_look_is_respected() {
    for (deed, stage) in DEEDS {
        let (app, ada, application) = with_news().await;
        amid(&app, "job.info", async {
            seconds(&app, 6);
            app.recruiter(deed, &application, body(deed)).await;
        })
        .await;
        assert_eq!(app.called("application.info").await, 1);
        left_at(&app, &ada, stage).await;
    }
}

/// Whether or not our write took effect before its answer was lost: what the recruiter did after it is theirs.
#[tokio::test]
async fn a_recruiter_who_acts_after_a_lost_answer_is_respected() {
    for has_effect in [false, true] {
        for (deed, stage) in DEEDS {
            let (app, ada, application) = with_news().await;
            let endpoint = "application.changeStage";
            let lost = json!({ "endpoint": endpoint, "kind": "lost-answer", "effect": has_effect });
            app.sim("faults", lost).await;
            let path = format!(
                "/applications/{}/{deed}",
                application["id"].as_str().unwrap()
            );
            let theirs =
                json!({ "endpoint": endpoint, "when": "after", "path": path, "body": body(deed) });
            app.sim("meanwhile", theirs).await;
            app.flush().await;
            assert_eq!(app.application("Ada").await["stage"], stage, "{has_effect}");
            app.wait(15);
            app.flush().await;
            left_at(&app, &ada, stage).await;
        }
    }
}

#[tokio::test]
async fn a_look_is_as_old_as_its_question() {
    let (app, ada, application) = with_news().await;
    amid(&app, "application.list", async {
        seconds(&app, 6);
        moves_on(&app, &application).await;
    })
    .await;
    respected(&app, &ada).await;
}

#[tokio::test]
async fn a_single_look_is_as_old_as_its_question_too() {
    let (app, ada, application) = with_news().await;
    hold_back(&app, "application.info", "slow").await;
    amid(&app, "job.info", async {
        seconds(&app, 6);
        asked(&app, "application.info", 0).await;
        seconds(&app, 6);
        moves_on(&app, &application).await;
    })
    .await;
    respected(&app, &ada).await;
}

#[tokio::test]
async fn a_change_that_has_to_wait_for_the_rate_limit_is_looked_over_again() {
    for (deed, stage) in DEEDS {
        let (app, ada, application) = with_news().await;
        hold_back(&app, "application.changeStage", "rate-limited").await;
        let meanwhile = async {
            asked(&app, "application.changeStage", 0).await;
            seconds(&app, 1);
            app.recruiter(deed, &application, body(deed)).await;
        };
        tokio::join!(app.flush(), meanwhile);
        left_at(&app, &ada, stage).await;
    }
}

#[tokio::test]
async fn while_the_budget_is_scarce_the_list_is_looked_at_instead() {
    let (app, ada, application) = with_news().await;
    app.sim(
        "switches",
        json!({ "rateLimit": { "limit": 16, "windowSeconds": 60 } }),
    )
    .await;
    for _ in 0..2 {
        app.flush().await;
    }
    seconds(&app, 1);
    app.says(&ada, "interviewing").await;
    let looks = app.called("application.list").await;
    amid(&app, "job.info", async {
        seconds(&app, 6);
        moves_on(&app, &application).await;
    })
    .await;
    assert_eq!(app.called("application.info").await, 0);
    assert_eq!(app.called("application.list").await, looks + 2);
    assert_eq!(app.application("Ada").await["stage"], "Offer");
    assert_eq!(app.reason(&ada.id).await, "ashby-is-newer");
}

#[tokio::test]
async fn of_many_changes_one_look_serves_all_beyond_a_few() {
    let app = TestApp::with_job().await;
    let people: Vec<Person> = (0..20).map(|n| Person::new(&format!("P{n}"))).collect();
    for person in &people {
        app.says(person, "new_lead").await;
    }
    app.flush_to_rest().await;
    app.wait(15);
    for person in &people {
        app.says(person, "replied").await;
    }
    let one = app.application("P19").await;
    let looks = app.called("application.list").await;
    amid(&app, "job.info", async {
        seconds(&app, 6);
        moves_on(&app, &one).await;
    })
    .await;
    assert!(app.called("application.info").await <= 5);
    assert_eq!(app.called("application.list").await, looks + 2);
    assert_eq!(app.application("P19").await["stage"], "Offer");
    assert_eq!(app.reason(&people[19].id).await, "ashby-is-newer");
    for n in 0..19 {
        let application = app.application(&format!("P{n}")).await;
        assert_eq!(application["stage"], "Replied", "P{n}");
    }
}

#[tokio::test]
async fn news_that_comes_while_a_create_is_under_way_waits_for_the_next_flush() {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada");
    app.says(&ada, "new_lead").await;
    amid(&app, "application.create", async {
        seconds(&app, 1);
        app.says(&ada, "replied").await;
    })
    .await;
    assert_eq!(app.application("Ada").await["stage"], "New Lead");
    assert_eq!(app.prospect(&ada.id).await["state"], "pending");
    assert_eq!(app.flush_to_rest().await, ["application.changeStage"]);
    assert_eq!(app.application("Ada").await["stage"], "Replied");
}

#[tokio::test]
async fn a_preview_amid_a_write_does_not_take_it_for_somebody_elses() {
    for (said, endpoint) in [
        ("new_lead", "application.create"),
        ("reached_out", "application.changeStage"),
    ] {
        let app = TestApp::with_job().await;
        let ada = Person::new("Ada");
        let first = app.now();
        if said == "reached_out" {
            app.says_at(&ada, "new_lead", first - TimeDelta::minutes(2))
                .await;
            app.flush_to_rest().await;
        }
        app.says_at(&ada, said, first - TimeDelta::minutes(1)).await;
        app.wait(15);
        amid(&app, endpoint, async {
            app.preview().await;
        })
        .await;
        app.wait(15);
        app.says_at(&ada, "replied", first).await;
        assert_eq!(
            app.flush_to_rest().await,
            ["application.changeStage"],
            "{endpoint}"
        );
        assert_eq!(app.application("Ada").await["stage"], "Replied");
    }
}

#[tokio::test]
async fn a_job_that_is_registered_amid_a_flush_is_not_waited_for() {
    let app = TestApp::with_job().await;
    let job = app.sim("jobs", json!({ "title": "Designer" })).await;
    app.says(&Person::new("Grace"), "replied").await;
    app.says(&Person::new("Ada").on("job_43"), "replied").await;
    app.says(
        &Person::new("Alan").on(job["id"].as_str().unwrap()),
        "replied",
    )
    .await;
    amid(&app, "job.info", async {
        let body = json!({ "dover_job_id": "job_43", "ashby_job": job["id"], "title": "Designer" });
        app.post(&format!("/v1/connections/{CONNECTION}/jobs"), body)
            .await
            .ok();
    })
    .await;
    app.wait(15);
    app.flush_to_rest().await;
    for name in ["Grace", "Ada", "Alan"] {
        assert_eq!(app.application(name).await["stage"], "Replied");
    }
}

#[tokio::test]
async fn a_source_that_a_check_finds_amid_a_flush_is_not_waited_for() {
    let app = TestApp::with_job().await;
    let source = app.world().await["sources"][0].clone();
    app.edit("sources", &source, json!({ "isArchived": true }))
        .await;
    let check = format!("/v1/connections/{CONNECTION}/check");
    app.post(&check, json!({})).await.ok();
    app.says(&Person::new("Ada"), "replied").await;
    amid(&app, "job.info", async {
        app.edit("sources", &source, json!({ "isArchived": false }))
            .await;
        app.post(&check, json!({})).await.ok();
    })
    .await;
    app.wait(15);
    app.flush_to_rest().await;
    assert_eq!(app.application("Ada").await["stage"], "Replied");
}

#[tokio::test]
async fn flushes_that_are_asked_for_at_once_do_the_work_once() {
    let app = TestApp::with_job().await;
    for number in 0..10 {
        app.says(&Person::new(&format!("Person {number}")), "replied")
            .await;
    }
    futures::future::join_all((0..5).map(|_| app.flush())).await;
    let world = app.world().await;
    for kind in ["candidates", "applications"] {
        assert_eq!(world[kind].as_array().unwrap().len(), 10);
    }
    assert_eq!(app.writes().await.len(), 20);
}
