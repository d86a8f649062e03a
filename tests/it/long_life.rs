//! Years of use: what is removed, what never is, and that nothing depends on what is gone.

use dover_ashby_sync::worker::Upkeep;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::app::{CONNECTION, Person, TestApp};

const DAY: u64 = 24 * 60;

fn of_acme(path: &str) -> String {
    format!("/v1/connections/{CONNECTION}{path}")
}

/// What a worker's upkeep does in ten minutes.
async fn upkeep(app: &TestApp) -> u64 {
    Upkeep::default()
        .run(&app.sync(), &CancellationToken::new())
        .await
        .unwrap()
}

async fn count(app: &TestApp, what: &'static str) -> i64 {
    sqlx::query_scalar(what)
        .fetch_one(&app.database.pool)
        .await
        .unwrap()
}

async fn deliveries(app: &TestApp) -> i64 {
    count(app, "SELECT count(*) FROM delivery").await
}

#[tokio::test]
async fn deliveries_go_after_their_time_and_what_waits_never_does() {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada");
    app.says(&ada, "new_lead").await;
    let nonsense = json!({ "type": "candidate.stage_changed" });
    assert_eq!(app.deliver("msg_bad", &nonsense).await.status, 422);
    let change = |stage: &str| ada.change(json!({ "stage": stage, "updated_at": app.now() }));
    app.deliver("msg_twice", &change("replied")).await.ok();
    app.deliver("msg_twice", &change("new_lead")).await.ok();
    app.flush_to_rest().await;
    app.wait(DAY);
    app.says(&ada, "interviewing").await;
    app.wait(89 * DAY - 1);
    assert_eq!((upkeep(&app).await, deliveries(&app).await), (0, 5));
    app.wait(2);
    // Accepted, rejected and held alike; the one of a day later has a day left, and waits besides.
    assert_eq!((upkeep(&app).await, deliveries(&app).await), (4, 1));
    app.wait(DAY);
    assert_eq!((upkeep(&app).await, deliveries(&app).await), (0, 1));
    app.flush_to_rest().await;
    assert_eq!((upkeep(&app).await, deliveries(&app).await), (1, 0));
    assert_eq!(app.application("Ada").await["stage"], "Phone Screen");
    // What was made of them stays.
    assert_eq!(app.prospect(&ada.id).await["stage"], "interviewing");
}

#[tokio::test]
async fn how_long_is_a_setting() {
    let app = TestApp::with_job().await;
    let set = json!({ "retention.deliveries_days": 7 });
    app.patch(&of_acme("/settings"), set).await.ok();
    app.says(&Person::new("Ada"), "replied").await;
    app.flush_to_rest().await;
    app.wait(8 * DAY);
    assert_eq!((upkeep(&app).await, deliveries(&app).await), (1, 0));
}

#[tokio::test]
async fn a_delivery_that_is_sent_again_after_it_was_removed_changes_nothing() {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada");
    let old = ada.change(json!({ "stage": "replied", "updated_at": app.now() }));
    app.deliver("msg_1", &old).await.ok();
    app.wait(1);
    app.says(&ada, "interviewing").await;
    app.flush_to_rest().await;
    app.wait(91 * DAY);
    upkeep(&app).await;
    assert_eq!(deliveries(&app).await, 0);
    // Its id is forgotten, so it counts as new; what it says is as old as it was.
    let again = app.deliver("msg_1", &old).await;
    assert_eq!(again.status, 202, "{}", again.body);
    assert!(app.flush_to_rest().await.is_empty());
    assert_eq!(app.prospect(&ada.id).await["stage"], "interviewing");
    assert_eq!(app.candidates("Ada").await.len(), 1);
}

#[tokio::test]
async fn a_job_that_is_registered_late_needs_none_of_the_deliveries() {
    let app = TestApp::connected().await;
    let job = app.sim("jobs", json!({ "title": "Staff Engineer" })).await;
    let ada = Person::new("Ada").on(job["id"].as_str().unwrap());
    app.says(&ada, "replied").await;
    app.flush_to_rest().await;
    assert_eq!(app.reason(&ada.id).await, "job-not-registered");
    app.wait(91 * DAY);
    assert_eq!((upkeep(&app).await, deliveries(&app).await), (1, 0));
    // The latest news waits, under the same id.
    app.says(&ada, "interviewing").await;
    app.get(&of_acme("/prospects")).await.ok();
    let body =
        json!({ "dover_job_id": "job_42", "ashby_job": job["id"], "title": "Staff Engineer" });
    app.post(&of_acme("/jobs"), body).await.ok();
    assert_eq!(
        app.flush_to_rest().await,
        ["candidate.create", "application.create"]
    );
    let prospect = app.prospect(&ada.id).await;
    assert_eq!(
        (
            &prospect["dover_job_id"],
            &prospect["stage"],
            &prospect["name"]
        ),
        (&json!("job_42"), &json!("interviewing"), &json!("Ada"))
    );
    assert_eq!(app.get("/health").await.ok()["queue"]["pending"], 0);
}

#[tokio::test]
async fn decisions_and_flushes_go_after_their_time_and_the_last_decision_stays() {
    let app = TestApp::with_job().await;
    let (ada, grace) = (Person::new("Ada"), Person::new("Grace"));
    app.says(&ada, "new_lead").await;
    app.says(&grace, "new_lead").await;
    app.flush_to_rest().await;
    app.wait(DAY);
    app.says(&ada, "replied").await;
    app.flush_to_rest().await;
    let decisions = "SELECT count(*) FROM decision";
    let flushes = "SELECT count(*) FROM flush";
    assert_eq!(
        (count(&app, decisions).await, count(&app, flushes).await),
        (3, 4)
    );
    app.wait(366 * DAY);
    upkeep(&app).await;
    // Ada's first decision and the two flushes without any; the flush of Grace's only one stays with it.
    assert_eq!(
        (count(&app, decisions).await, count(&app, flushes).await),
        (2, 2)
    );
    for who in [&ada, &grace] {
        let last = app.prospect(&who.id).await["last_decision"].clone();
        let flush = of_acme(&format!("/flushes/{}", last["flush_id"].as_str().unwrap()));
        assert_eq!(app.get(&flush).await.ok()["status"], "done");
    }
    assert_eq!(app.decisions(&ada).await.len(), 1);
    // Nobody is forgotten by that.
    app.says(&grace, "replied").await;
    assert_eq!(app.flush_to_rest().await, ["application.changeStage"]);
}

/// Deliveries of the last two hundred days, as many a day, the oldest first, none of them waiting.
async fn years_of_deliveries(app: &TestApp, number: i32) {
    sqlx::query(
        "INSERT INTO delivery (connection_id, webhook_id, body_hash, received_at, verdict, type, headers, body, faults)
         SELECT c.id, 'old_' || n, sha256(n::text::bytea), $1 - interval '200 days' * ($2 - n) / $2,
                CASE n % 10 WHEN 0 THEN 'rejected' WHEN 1 THEN 'id-reused' ELSE 'accepted' END, 'candidate.sang', '{}',
                convert_to(repeat('x', 1000), 'UTF8'), CASE n % 10 WHEN 0 THEN '[]'::jsonb END
         FROM connection c CROSS JOIN generate_series(1, $2) AS n",
    )
    .bind(app.now())
    .bind(number)
    .execute(&app.database.pool)
    .await
    .unwrap();
}

#[tokio::test]
async fn many_go_in_bounded_steps_and_no_connection_waits_for_anothers() {
    let app = TestApp::with_job().await;
    let other = json!({ "name": "other", "ashby_api_key": crate::app::ASHBY_KEY });
    app.post("/v1/connections", other).await.ok();
    years_of_deliveries(&app, 20_000).await;
    // Some of the oldest were queued again by somebody.
    sqlx::query(
        "WITH again AS (
             UPDATE delivery SET dover_candidate_id = 'cand_1' WHERE webhook_id IN ('old_1', 'old_2', 'old_3000') RETURNING *
         )
         INSERT INTO pending (delivery_id, connection_id, dover_candidate_id, received_at)
         SELECT id, connection_id, dover_candidate_id, received_at FROM again",
    )
    .execute(&app.database.pool)
    .await
    .unwrap();
    let removed = upkeep(&app).await;
    let left = count(
        &app,
        "SELECT count(*) FROM delivery d WHERE NOT EXISTS (SELECT FROM pending p WHERE p.delivery_id = d.id)",
    );
    let expected = 2 * 20_000 * 90 / 200;
    let left = left.await;
    assert!((left - expected).abs() <= 2, "{left}");
    assert_eq!(i64::try_from(removed).unwrap(), 2 * 20_000 - left - 6);
    assert_eq!(count(&app, "SELECT count(*) FROM pending").await, 6);
    assert_eq!(upkeep(&app).await, 0);
}

#[tokio::test]
async fn a_delivery_is_found_by_the_id_of_its_sender_whatever_became_of_it() {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada");
    let change = |stage: &str| ada.change(json!({ "stage": stage, "updated_at": app.now() }));
    for stage in ["replied", "new_lead", "interviewing"] {
        app.deliver("msg_1", &change(stage)).await.ok();
    }
    let found = app.get(&of_acme("/deliveries?webhook_id=msg_1")).await.ok();
    let verdicts: Vec<&Value> = found["items"].as_array().unwrap().iter().collect();
    let verdicts: Vec<&Value> = verdicts.iter().map(|found| &found["verdict"]).collect();
    assert_eq!(verdicts, ["id-reused", "id-reused", "accepted"]);
}
