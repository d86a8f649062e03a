//! Ashby's door: every verdict of it.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{TYPES, kept, outbox, rotate, send, set_up, subscribe};
use crate::app::{Answer, CONNECTION, Person, TestApp};

/// `sha256=` and the HMAC of [`DELETED`] under the secret `a-secret-token-of-ashby`, made with openssl.
const SIGNATURE: &str = "sha256=6efc5f99f9a41619843f94aad08c431b94bcdf9c3777534393831f7cbc20454c";
const SECRET: &str = "a-secret-token-of-ashby";
const DELETED: &str =
    r#"{"webhookActionId":"w-1","action":"candidateDelete","data":{"candidate":{"id":"c-1"}}}"#;

async fn post(app: &TestApp, connection: &str, signature: Option<&str>, body: &str) -> Answer {
    let mut request = app.request(Method::POST, &format!("/webhooks/ashby{connection}"));
    if let Some(signature) = signature {
        request = request.header("ashby-signature", signature);
    }
    app.send(request.body(body.to_owned())).await
}

#[tokio::test]
async fn a_webhook_is_taken_once_and_is_no_news_of_dovers() {
    let app = TestApp::with_job().await;
    rotate(&app, json!({ "secret": SECRET })).await;
    let path = format!("/{CONNECTION}");
    let first = post(&app, &path, Some(SIGNATURE), DELETED).await;
    assert_eq!(
        (first.status, &first.body["status"]),
        (StatusCode::ACCEPTED, &json!("accepted"))
    );
    let again = post(&app, &path, Some(SIGNATURE), DELETED).await;
    assert_eq!(
        (again.status, &again.body["status"]),
        (StatusCode::OK, &json!("duplicate"))
    );
    let kept = kept(&app).await;
    assert_eq!(kept.len(), 1);
    for (field, value) in [
        ("sender", json!("ashby")),
        ("webhook_id", json!("w-1 candidateDelete")),
        ("type", json!("candidateDelete")),
        ("verdict", json!("accepted")),
        ("copies", json!(2)),
        ("pending", json!(true)),
    ] {
        assert_eq!(kept[0][field], value, "{field}");
    }
    assert_eq!(app.get("/health").await.ok()["queue"]["pending"], 0);
    let metrics = app.get("/metrics").await.body;
    for line in [
        r#"deliveries_total{verdict="accepted",sender="ashby"} 1"#,
        r#"deliveries_total{verdict="duplicate",sender="ashby"} 1"#,
    ] {
        assert!(metrics.as_str().unwrap().contains(line), "{metrics}");
    }
    let flush = app.flush().await;
    assert_eq!(flush["counts"]["prospects"], 0);
    assert_eq!(super::kept(&app).await[0]["pending"], false);
}

#[tokio::test]
async fn the_checks_come_in_the_order_of_dovers() {
    let app = TestApp::connected().await;
    let here = format!("/{CONNECTION}");
    let large = "x".repeat(1024 * 1024 + 1);
    assert_eq!(
        post(&app, "/nobody", None, &large).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        post(&app, "", None, DELETED).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        post(&app, &here, None, &large).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    let early = post(&app, &here, Some(SIGNATURE), DELETED).await;
    assert_eq!(
        (early.status, early.code()),
        (StatusCode::SERVICE_UNAVAILABLE, "not-set-up")
    );
    assert!(early.headers.contains_key("retry-after"));

    rotate(&app, json!({ "secret": SECRET })).await;
    for signature in [None, Some("sha256=00"), Some(&*SIGNATURE.replace('0', "1"))] {
        let answer = post(&app, &here, signature, DELETED).await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::UNAUTHORIZED, "bad-signature")
        );
    }
    let other = DELETED.replace("c-1", "c-2");
    assert_eq!(
        post(&app, &here, Some(SIGNATURE), &other).await.status,
        StatusCode::UNAUTHORIZED
    );
    assert!(kept(&app).await.is_empty());
}

#[tokio::test]
async fn what_cannot_be_read_is_kept_as_rejected() {
    let app = TestApp::connected().await;
    rotate(&app, json!({ "secret": "geheim" })).await;
    // Signed with the secret "geheim", by openssl.
    let body = r#"{"action":"candidateMerge"}"#;
    let signature = "sha256=c81d2951b6457783ea4f2176cd3602c1466278441aa9c9f7da82a146b03dfcd3";
    for copies in 1..=2 {
        let answer = post(&app, &format!("/{CONNECTION}"), Some(signature), body).await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::UNPROCESSABLE_ENTITY, "invalid-delivery")
        );
        assert_eq!(
            answer.body["faults"][0]["pointer"],
            "/data/deletedCandidate/id"
        );
        let kept = kept(&app).await;
        assert_eq!(
            (&kept[0]["verdict"], &kept[0]["copies"]),
            (&json!("rejected"), &json!(copies))
        );
        assert_eq!(kept[0]["pending"], false);
    }
    assert_eq!(app.flush().await["status"], "done");
}

#[tokio::test]
async fn a_ping_is_answered_and_not_kept() {
    let app = TestApp::connected().await;
    set_up(&app).await;
    app.sim_as(Method::POST, "webhooks/ping", Some(json!({})))
        .await;
    assert_eq!(send(&app, json!({})).await, [200]);
    assert!(kept(&app).await.is_empty());
}

#[tokio::test]
async fn one_event_on_several_webhooks_counts_once_for_each_action() {
    let app = TestApp::with_job().await;
    let secret = rotate(&app, json!({})).await["ashby_webhook_secret"].clone();
    for _ in 0..2 {
        subscribe(&app, &TYPES, secret.as_str()).await;
    }
    app.says(&Person::new("Ada"), "new_lead").await;
    app.flush().await;
    send(&app, json!({})).await;
    let application = app.application("Ada").await;
    app.recruiter("hire", &application, json!({})).await;
    let waiting = outbox(&app).await;
    assert_eq!(
        waiting.len(),
        6,
        "a hire is three actions, each to two webhooks"
    );
    let before = kept(&app).await.len();
    send(&app, json!({ "times": 2 })).await;
    let kept = kept(&app).await;
    assert_eq!(kept.len() - before, 3);
    assert!(kept[..3].iter().all(|one| one["copies"] == 4), "{kept:?}");
}

#[tokio::test]
async fn without_an_event_id_the_same_body_counts_once() {
    let app = TestApp::with_job().await;
    set_up(&app).await;
    app.sim("switches", json!({ "webhookActionIds": false }))
        .await;
    let job = app.world().await["jobs"][0].clone();
    app.edit("jobs", &job, json!({ "status": "Closed" })).await;
    assert_eq!(send(&app, json!({ "times": 2 })).await, [202, 200]);
    app.edit("jobs", &job, json!({ "status": "Open" })).await;
    assert_eq!(send(&app, json!({})).await, [202]);
    let kept = kept(&app).await;
    assert_eq!(kept.len(), 2);
    assert!(
        kept[0]["webhook_id"].as_str().unwrap().starts_with("body-"),
        "{kept:?}"
    );
}

#[tokio::test]
async fn both_secrets_count_during_a_rotation() {
    let app = TestApp::with_job().await;
    let first = rotate(&app, json!({})).await;
    assert_eq!(first["previous_expires_at"], Value::Null);
    subscribe(&app, &TYPES, first["ashby_webhook_secret"].as_str()).await;
    let second = rotate(&app, json!({ "grace_seconds": 60 })).await;
    assert_eq!(second["previous_expires_at"], "2026-11-21T10:01:00Z");
    let job = app.world().await["jobs"][0].clone();
    app.edit("jobs", &job, json!({ "status": "Closed" })).await;
    assert_eq!(send(&app, json!({})).await, [202]);
    app.wait(2);
    app.edit("jobs", &job, json!({ "status": "Open" })).await;
    assert_eq!(send(&app, json!({})).await, [401]);
    app.sim_as(Method::DELETE, "webhooks", None).await;
    subscribe(&app, &TYPES, second["ashby_webhook_secret"].as_str()).await;
    app.edit("jobs", &job, json!({ "status": "Closed" })).await;
    assert_eq!(send(&app, json!({})).await, [202]);
    // Dover's own secret is another matter.
    app.says(&Person::new("Ada"), "new_lead").await;
}

#[tokio::test]
async fn ashby_comes_back_until_a_secret_is_set_and_not_after_a_wrong_one() {
    let app = TestApp::with_job().await;
    subscribe(&app, &["jobUpdate"], Some("token-of-the-admin")).await;
    let job = app.world().await["jobs"][0].clone();
    app.edit("jobs", &job, json!({ "status": "Closed" })).await;
    assert_eq!(send(&app, json!({})).await, [503]);
    assert!(
        send(&app, json!({})).await.is_empty(),
        "it waits for ten seconds"
    );
    rotate(&app, json!({ "secret": "token-of-the-admin" })).await;
    app.wait(1);
    assert_eq!(send(&app, json!({})).await, [202]);
    rotate(&app, json!({ "secret": "another", "grace_seconds": 0 })).await;
    app.wait(1);
    app.edit("jobs", &job, json!({ "status": "Open" })).await;
    assert_eq!(send(&app, json!({})).await, [401]);
    assert!(
        outbox(&app).await.is_empty(),
        "nothing comes back after a 401"
    );
}

#[tokio::test]
async fn deliveries_are_listed_by_sender() {
    let app = TestApp::with_job().await;
    set_up(&app).await;
    app.says(&Person::new("Ada"), "new_lead").await;
    let job = app.world().await["jobs"][0].clone();
    for status in ["Closed", "Open", "Closed", "Open"] {
        app.edit("jobs", &job, json!({ "status": status })).await;
    }
    send(&app, json!({})).await;
    let list = |query: &'static str| {
        let path = format!("/v1/connections/{CONNECTION}/deliveries{query}");
        let app = &app;
        async move { app.get(&path).await.ok()["items"].as_array().unwrap().len() }
    };
    assert_eq!(list("").await, 5);
    assert_eq!(list("?sender=dover").await, 1);
    assert_eq!(list("?sender=ashby").await, 4);
    assert_eq!(list("?sender=ashby&limit=3").await, 3);
    assert_eq!(list("?sender=ashby&verdict=rejected").await, 0);
    let one = kept(&app).await[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/connections/{CONNECTION}/deliveries/{one}");
    assert_eq!(app.get(&path).await.ok()["type"], "jobUpdate");
    let replay = app.post(&format!("{path}/replay"), json!({})).await;
    assert_eq!(replay.code(), "invalid-delivery");
}
