//! What monitoring reads, and what the worker does without being asked.

use std::sync::Arc;

use dover_ashby_sync::{clock::Clock, store, sync::Sync, worker::Worker};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    app::{CONNECTION, PatientClock, Person, TestApp},
    patience::until_so,
};

async fn health(app: &TestApp) -> Value {
    let answer = app.send(app.request(reqwest::Method::GET, "/health")).await;
    assert_eq!(answer.status, StatusCode::OK);
    answer.body
}

async fn metrics(app: &TestApp) -> String {
    app.get("/metrics").await.ok().as_str().unwrap().to_owned()
}

/// The value of the one sample that begins so.
fn sample(metrics: &str, begins: &str) -> Option<f64> {
    let line = metrics.lines().find(|line| line.starts_with(begins))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[tokio::test]
async fn health_counts_what_waits_and_how_long() {
    let app = TestApp::with_job().await;
    let before = health(&app).await;
    assert_eq!(before["status"], "ok");
    assert_eq!(before["database"], "ok");
    assert_eq!(
        before["queue"],
        json!({ "pending": 0, "oldest_pending_age_s": 0, "parked": 0 })
    );
    let connection = &before["connections"][0];
    assert_eq!(
        (&connection["name"], &connection["status"]),
        (&json!(CONNECTION), &json!("connected"))
    );
    assert_eq!(
        (&connection["last_flush_at"], &connection["ashby_reachable"]),
        (&Value::Null, &Value::Null)
    );

    app.says(&Person::new("Ada"), "replied").await;
    app.says(&Person::new("Grace").on("job_unknown"), "replied")
        .await;
    app.wait(2);
    let waiting = health(&app).await["queue"].clone();
    assert_eq!(
        waiting,
        json!({ "pending": 2, "oldest_pending_age_s": 120, "parked": 0 })
    );
    // Whoever looks ahead folds what waits: it waits all the same, and what has come since beside it.
    app.preview().await;
    assert_eq!(health(&app).await["queue"], waiting);
    app.says(&Person::new("Ada"), "interviewing").await;
    let more = json!({ "pending": 3, "oldest_pending_age_s": 120, "parked": 0 });
    assert_eq!(health(&app).await["queue"], more);
    app.preview().await;
    assert_eq!(health(&app).await["queue"], more);

    app.flush().await;
    let after = health(&app).await;
    assert_eq!(
        after["queue"],
        json!({ "pending": 0, "oldest_pending_age_s": 0, "parked": 1 })
    );
    assert_eq!(after["connections"][0]["last_flush_outcome"], "done");
    assert_eq!(after["connections"][0]["ashby_reachable"], true);
}

#[tokio::test]
async fn health_is_degraded_while_something_is_stuck() {
    let app = TestApp::with_job().await;
    app.says(&Person::new("Ada"), "replied").await;
    app.wait(31);
    assert_eq!(health(&app).await["status"], "degraded");
    app.flush().await;
    assert_eq!(health(&app).await["status"], "ok");
}

#[tokio::test]
async fn counts_stay_exact_whoever_counted() {
    let app = TestApp::with_job().await;
    // Many at once: the sessions of the inbox count side by side.
    let people: Vec<Person> = (0..40)
        .map(|n| {
            Person::new(&format!("Person {n}")).on(if n % 2 == 0 { "job_42" } else { "nowhere" })
        })
        .collect();
    futures::future::join_all(people.iter().map(|person| app.says(person, "replied"))).await;
    assert_eq!(health(&app).await["queue"]["pending"], 40);
    app.flush().await;
    assert_eq!(health(&app).await["queue"]["parked"], 20);
    app.register("nowhere", "Designer").await;
    assert_eq!(health(&app).await["queue"]["parked"], 0);
    let rows: Vec<(String, i64)> =
        sqlx::query_as("SELECT what, sum(n)::bigint FROM tally GROUP BY what ORDER BY what")
            .fetch_all(&app.database.pool)
            .await
            .unwrap();
    let truth: Vec<(String, i64)> = sqlx::query_as(
        "SELECT state || '-prospects', count(*) FROM prospect GROUP BY 1 ORDER BY 1",
    )
    .fetch_all(&app.database.pool)
    .await
    .unwrap();
    let counted: Vec<_> = rows.into_iter().filter(|(_, n)| *n != 0).collect();
    assert_eq!(counted, truth);
    store::overview::gather_tallies(&app.database.pool)
        .await
        .unwrap();
    assert_eq!(health(&app).await["queue"]["parked"], 0);
}

/// How many deliveries wait, folded or not: as counted along, and as they lie there.
async fn counted_and_there(app: &TestApp) -> (i64, i64) {
    sqlx::query_as(
        "SELECT coalesce((SELECT sum(n) FROM tally WHERE what = 'pending'), 0)::bigint,
                (SELECT count(*) FROM pending) + (SELECT coalesce(sum(cardinality(waiting)), 0) FROM prospect)",
    )
    .fetch_one(&app.database.pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn what_waits_is_counted_once_whichever_way_it_came() {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada");
    let news = ada.change(json!({ "stage": "replied", "updated_at": app.now() }));
    app.deliver("alone", &news).await.ok();
    assert_eq!(counted_and_there(&app).await, (1, 1));
    app.deliver("alone", &news).await.ok();
    assert_eq!(counted_and_there(&app).await, (1, 1), "a copy");
    let broken = ada.change(json!({ "stage": 3, "updated_at": app.now() }));
    app.deliver("corrected", &broken).await;
    assert_eq!(counted_and_there(&app).await, (1, 1), "rejected");
    app.deliver("corrected", &news).await.ok();
    assert_eq!(counted_and_there(&app).await, (2, 2), "corrected");

    let deliveries = format!("/v1/connections/{CONNECTION}/deliveries");
    let kept = app.get(&deliveries).await.ok();
    let each = format!(
        "{deliveries}/{}/replay",
        kept["items"][0]["id"].as_str().unwrap()
    );
    let all = format!("{deliveries}/replay");
    let everything = json!({ "dover_job_id": "job_42" });
    app.post(&each, json!({})).await.ok();
    app.post(&all, everything.clone()).await.ok();
    assert_eq!(counted_and_there(&app).await, (2, 2), "waited already");
    app.preview().await;
    assert_eq!(counted_and_there(&app).await, (2, 2), "folded");
    app.flush().await;
    assert_eq!(counted_and_there(&app).await, (0, 0), "decided");
    app.post(&each, json!({})).await.ok();
    assert_eq!(counted_and_there(&app).await, (1, 1), "one again");
    app.post(&all, everything).await.ok();
    assert_eq!(counted_and_there(&app).await, (2, 2), "and the other");
    sqlx::query("DELETE FROM delivery WHERE webhook_id = 'alone'")
        .execute(&app.database.pool)
        .await
        .unwrap();
    assert_eq!(counted_and_there(&app).await, (1, 1), "one is gone");
}

#[tokio::test]
async fn a_wrong_count_of_what_waits_is_put_right_once_nothing_does() {
    let app = TestApp::with_job().await;
    app.says(&Person::new("Ada"), "replied").await;
    sqlx::query("UPDATE tally SET n = n - 3 WHERE what = 'pending'")
        .execute(&app.database.pool)
        .await
        .unwrap();
    let correct = async || {
        let corrected = store::overview::correct_tallies(&app.database.pool).await;
        corrected.unwrap();
        counted_and_there(&app).await
    };
    assert_eq!(correct().await, (-2, 1), "it would have to be counted");
    app.flush().await;
    assert_eq!(counted_and_there(&app).await, (-3, 0));
    assert_eq!(correct().await, (0, 0));
    app.says(&Person::new("Grace"), "replied").await;
    assert_eq!(correct().await, (1, 1), "what is right is left alone");
}

#[tokio::test]
async fn metrics_tell_what_was_received_flushed_called_and_left() {
    let app = TestApp::with_job().await;
    app.says(&Person::new("Ada"), "replied").await;
    app.says(&Person::new("Grace").on("job_unknown"), "replied")
        .await;
    app.wait(1);
    let waiting = metrics(&app).await;
    assert_eq!(
        sample(
            &waiting,
            r#"dover_ashby_sync_deliveries_total{verdict="accepted",sender="dover"}"#
        ),
        Some(2.0)
    );
    assert_eq!(
        sample(
            &waiting,
            r#"dover_ashby_sync_deliveries_pending{connection="acme"}"#
        ),
        Some(2.0)
    );
    assert_eq!(
        sample(
            &waiting,
            r#"dover_ashby_sync_oldest_pending_age_seconds{connection="acme"}"#
        ),
        Some(60.0)
    );
    app.flush().await;
    let after = metrics(&app).await;
    assert_eq!(
        sample(
            &after,
            r#"dover_ashby_sync_prospects_parked{connection="acme",reason="job-not-registered"}"#
        ),
        Some(1.0)
    );
    assert_eq!(
        sample(
            &after,
            r#"dover_ashby_sync_flush_duration_seconds_count{outcome="done"}"#
        ),
        Some(1.0)
    );
    assert_eq!(
        sample(
            &after,
            r#"dover_ashby_sync_ashby_calls_total{endpoint="candidate.create",outcome="ok"}"#
        ),
        Some(1.0)
    );
    let left = sample(
        &after,
        r#"dover_ashby_sync_ashby_rate_limit_remaining{connection="acme"}"#,
    )
    .unwrap();
    assert!(left > 900.0 && left < 1000.0, "{left}");
    assert!(after.ends_with("# EOF\n"));
    assert!(!after.contains("Ada") && !after.contains("example.com"));
}

#[tokio::test]
async fn the_worker_flushes_every_connection_on_its_own_beat() {
    let app = TestApp::with_job().await;
    app.says(&Person::new("Ada"), "new_lead").await;
    let stop = CancellationToken::new();
    let sync = Sync {
        clock: Arc::new(PatientClock(app.clock.clone())),
        ..app.sync()
    };
    let working = tokio::spawn(Worker::new(sync, stop.clone()).run());
    for beat in 1..=4 {
        app.wait(15);
        until_so("the flush of the beat is done", async || {
            let flushes = app
                .get(&format!("/v1/connections/{CONNECTION}/flushes"))
                .await
                .ok();
            let flushes = flushes["items"].as_array().unwrap();
            assert!(flushes.len() <= beat, "one flush in fifteen minutes");
            flushes.len() == beat && flushes.iter().all(|flush| flush["status"] == "done")
        })
        .await;
    }
    stop.cancel();
    app.wait(1);
    working.await.unwrap();
    assert_eq!(app.application("Ada").await["stage"], "New Lead");
}

#[tokio::test]
async fn two_workers_flush_a_connection_once_at_a_time() {
    let app = TestApp::with_job().await;
    for n in 0..30 {
        app.says(&Person::new(&format!("Person {n}")), "replied")
            .await;
    }
    let path = format!("/v1/connections/{CONNECTION}/flushes?wait=true");
    let flushes = futures::future::join_all((0..4).map(|_| app.post(&path, json!({})))).await;
    let ids: std::collections::BTreeSet<String> = flushes
        .into_iter()
        .map(|answer| answer.ok()["id"].as_str().unwrap().to_owned())
        .collect();
    assert!(!ids.is_empty());
    assert_eq!(
        app.world().await["applications"].as_array().unwrap().len(),
        30
    );
    assert_eq!(app.called("candidate.create").await, 30);
}

#[tokio::test]
async fn the_environment_makes_the_default_connection_and_never_undoes_a_rotation() {
    use dover_ashby_sync::commands::environment::apply;
    use secrecy::{ExposeSecret, SecretString};

    let app = TestApp::bare().await;
    let sync = app.sync();
    let (key, secret) = (
        "sim-key".into(),
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into(),
    );
    apply(&sync, Some(&key), Some(&secret)).await.unwrap();
    assert_eq!(
        app.get("/v1/connections/default").await.ok()["status"],
        "connected"
    );
    let body = br#"{"type":"ping"}"#;
    let ping = |secret: &str, id: &str| {
        let secret = dover_ashby_sync::dover::signature::WebhookSecret::parse(secret).unwrap();
        let mut request = app
            .request(reqwest::Method::POST, "/webhooks/dover")
            .body(&body[..]);
        for (name, value) in
            dover_ashby_sync::dover::signature::sign(&secret, id, app.clock.now().timestamp(), body)
        {
            request = request.header(name, value);
        }
        request
    };
    let first: SecretString = secret;
    assert_eq!(
        app.send(ping(first.expose_secret(), "1")).await.status,
        StatusCode::OK
    );

    let rotated = app
        .post(
            "/v1/connections/default/webhook-secret/rotate",
            json!({ "grace_seconds": 0 }),
        )
        .await
        .ok();
    let rotated = rotated["dover_webhook_secret"].as_str().unwrap().to_owned();
    // A restart with the same environment.
    apply(&sync, Some(&key), Some(&first)).await.unwrap();
    assert_eq!(
        app.send(ping(first.expose_secret(), "2")).await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(app.send(ping(&rotated, "3")).await.status, StatusCode::OK);

    // A restart with another secret: both live for a while.
    let second: SecretString = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".into();
    apply(&sync, Some(&key), Some(&second)).await.unwrap();
    app.wait(1);
    assert_eq!(
        app.send(ping(second.expose_secret(), "4")).await.status,
        StatusCode::OK
    );
    assert_eq!(app.send(ping(&rotated, "5")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn another_master_key_is_refused_before_anybody_is_created_twice() {
    use dover_ashby_sync::store::{Vault, claim};
    let app = TestApp::bare().await;
    let again = claim(&app.database.pool, &Vault::new(&[7; 32])).await;
    assert_eq!(
        again.unwrap().fingerprint("x"),
        app.sync().vault.fingerprint("x")
    );
    let refused = claim(&app.database.pool, &Vault::new(&[8; 32]))
        .await
        .unwrap_err();
    assert!(
        refused.to_string().contains("another MASTER_KEY"),
        "{refused}"
    );
}
