//! Connecting, changing, pausing and looking over.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{of_acme, paged};
use crate::app::{ASHBY_KEY, CONNECTION, Person, TOKEN, TestApp};

async fn connect(app: &TestApp, name: &str) -> Value {
    let body = json!({ "name": name, "ashby_api_key": ASHBY_KEY });
    app.post("/v1/connections", body)
        .await
        .with_status(StatusCode::CREATED)
}

fn levels(checks: &Value, check: &str) -> Vec<String> {
    let checks = checks.as_array().unwrap().iter();
    let found = checks.filter(|found| found["check"] == check);
    found
        .map(|found| found["level"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_secret_is_shown_once_and_only_where_it_was_made_here() {
    let app = TestApp::bare().await;
    app.furnish().await;
    let made = connect(&app, "acme").await;
    let secret = made["dover_webhook_secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_"), "{secret}");
    assert_eq!(made["status"], "connected");
    assert_eq!(made["setup"]["source"], "found");
    let body = json!({ "name": "other", "ashby_api_key": ASHBY_KEY, "dover_webhook_secret": "whsec_c2hvcnQ=" });
    let given = app.post("/v1/connections", body).await.ok();
    assert!(given["dover_webhook_secret"].is_null(), "{given}");
    assert_eq!(levels(&given["checks"], "webhook-secret"), ["warning"]);
    for path in [
        "/v1/connections",
        "/v1/connections/acme",
        "/v1/connections/other",
    ] {
        let shown = app.get(path).await.ok().to_string();
        for hidden in [secret, ASHBY_KEY, "whsec_"] {
            assert!(!shown.contains(hidden), "{shown}");
        }
    }
}

#[tokio::test]
async fn a_connection_is_told_where_to_send_deliveries() {
    let app = TestApp::bare().await;
    let body = json!({ "name": "acme", "ashby_api_key": ASHBY_KEY });
    let request = app
        .request(Method::POST, "/v1/connections")
        .bearer_auth(TOKEN)
        .json(&body);
    let forwarded = request
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-host", "sync.example.com");
    let made = app.send(forwarded).await;
    assert_eq!(made.headers["location"], "/v1/connections/acme");
    assert_eq!(
        made.ok()["webhook_url"],
        "https://sync.example.com/webhooks/dover/acme"
    );
    let read = app.get("/v1/connections/acme").await.ok();
    assert_eq!(
        read["webhook_url"],
        format!("http://{}/webhooks/dover/acme", app.addr)
    );
}

#[tokio::test]
async fn every_fault_of_a_new_connection_is_told_at_once() {
    let app = TestApp::bare().await;
    let body =
        json!({ "name": "Acme Inc", "ashby_api_key": " ", "dover_webhook_secret": "whsec_!" });
    let refused = app
        .post("/v1/connections", body)
        .await
        .refused(422, "invalid-fields");
    assert_eq!(
        refused,
        ["/name", "/ashby_api_key", "/dover_webhook_secret"]
    );
}

#[tokio::test]
async fn a_name_is_taken_once() {
    let app = TestApp::connected().await;
    let body = json!({ "name": CONNECTION, "ashby_api_key": ASHBY_KEY });
    app.post("/v1/connections", body)
        .await
        .refused(409, "name-taken");
}

#[tokio::test]
async fn a_key_that_ashby_refuses_is_not_kept() {
    let app = TestApp::bare().await;
    let body = json!({ "name": CONNECTION, "ashby_api_key": "wrong" });
    app.post("/v1/connections", body)
        .await
        .refused(422, "ashby-key-refused");
    app.get(&of_acme("")).await.refused(404, "not-found");
}

#[tokio::test]
async fn an_ashby_that_does_not_answer_is_told_from_one_that_refuses() {
    let app = TestApp::bare().await;
    app.sim("faults", json!({ "kind": "html", "times": 100 }))
        .await;
    let body = json!({ "name": CONNECTION, "ashby_api_key": ASHBY_KEY });
    app.post("/v1/connections", body)
        .await
        .refused(502, "ashby-unavailable");
}

#[tokio::test]
async fn a_key_that_lacks_a_permission_is_kept_and_goes_on_once_it_is_granted() {
    let app = TestApp::bare().await;
    app.furnish().await;
    let scopes = json!([
        "jobs:read",
        "interviews:read",
        "hiringProcess:read",
        "candidates:read",
        "apiKeys:read"
    ]);
    app.sim("api-keys", json!({ "key": "few", "scopes": scopes }))
        .await;
    let body = json!({ "name": CONNECTION, "ashby_api_key": "few" });
    let made = app.post("/v1/connections", body).await.ok();
    assert_eq!(made["status"], "needs-attention");
    assert!(
        made["attention"]
            .as_str()
            .unwrap()
            .contains("candidates:write"),
        "{made}"
    );
    assert_eq!(levels(&made["checks"], "permissions"), ["fault"]);
    let flush = app.post(&of_acme("/flushes"), json!({})).await;
    flush.refused(409, "connection-needs-attention");
    let preview = app.get(&of_acme("/flushes/preview")).await;
    preview.refused(409, "connection-needs-attention");

    let checked = app.post(&of_acme("/check"), json!({})).await.ok();
    assert_eq!(checked["status"], "needs-attention");
    let changed = app
        .patch(&of_acme(""), json!({ "ashby_api_key": ASHBY_KEY }))
        .await
        .ok();
    assert_eq!(changed["status"], "connected");
    assert_eq!(levels(&changed["checks"], "permissions"), ["ok"]);
    let checked = app.post(&of_acme("/check"), json!({})).await.ok();
    assert_eq!(
        (&checked["status"], &checked["attention"]),
        (&json!("connected"), &Value::Null)
    );
    assert_eq!(levels(&checked["checks"], "source"), ["ok"]);
}

#[tokio::test]
async fn a_paused_connection_receives_and_does_not_flush() {
    let app = TestApp::with_job().await;
    let paused = app.post(&of_acme("/pause"), json!({})).await.ok();
    assert_eq!(paused["status"], "paused");
    app.says(&Person::new("Ada"), "replied").await;
    app.post(&of_acme("/flushes?wait=true"), json!({}))
        .await
        .refused(409, "connection-paused");
    app.get(&of_acme("/flushes/preview"))
        .await
        .refused(409, "connection-paused");
    let resumed = app.post(&of_acme("/resume"), json!({})).await.ok();
    assert_eq!(resumed["status"], "connected");
    app.flush().await;
    assert_eq!(app.application("Ada").await["stage"], "Replied");
}

#[tokio::test]
async fn what_cannot_be_changed_is_refused_and_nothing_is() {
    let app = TestApp::connected().await;
    for (body, pointer) in [
        (json!({ "ashby_api_key": null }), "/ashby_api_key"),
        (json!({ "accepts_hex_hmac": "yes" }), "/accepts_hex_hmac"),
        (
            json!({ "webhook_bearer_token": "short" }),
            "/webhook_bearer_token",
        ),
        (
            json!({ "webhook_bearer_token": "a token with spaces" }),
            "/webhook_bearer_token",
        ),
        (json!({ "payload_paths": [] }), "/payload_paths"),
        (
            json!({ "payload_paths": { "emial": "/x" } }),
            "/payload_paths/emial",
        ),
        (
            json!({ "payload_paths": { "stage": "x" } }),
            "/payload_paths/stage",
        ),
        (
            json!({ "payload_paths": { "stage": 7 } }),
            "/payload_paths/stage",
        ),
        (json!({ "name": "other" }), "/name"),
    ] {
        let answer = app.patch(&of_acme(""), body).await;
        assert_eq!(answer.refused(422, "invalid-fields"), [pointer]);
    }
    let wrong = app
        .patch(&of_acme(""), json!({ "ashby_api_key": "wrong" }))
        .await;
    wrong.refused(422, "ashby-key-refused");
    assert_eq!(app.get(&of_acme("")).await.ok()["status"], "connected");
}

#[tokio::test]
async fn a_change_leaves_alone_what_it_does_not_name() {
    let app = TestApp::connected().await;
    let token = "a-token-of-16-or-more";
    app.patch(&of_acme(""), json!({ "webhook_bearer_token": token }))
        .await
        .ok();
    // A field that is said to be where the contract has it anyway is not moved.
    let paths = json!({ "job.id": "/job", "stage": "/data/stage" });
    let changed = app
        .patch(&of_acme(""), json!({ "payload_paths": paths }))
        .await
        .ok();
    assert_eq!(changed["accepts_bearer"], true);
    assert_eq!(changed["payload_paths"], json!({ "job.id": "/job" }));
    let changed = app
        .patch(&of_acme(""), json!({ "webhook_bearer_token": null }))
        .await
        .ok();
    assert_eq!(
        (&changed["accepts_bearer"], &changed["accepts_hex_hmac"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(changed["payload_paths"], json!({ "job.id": "/job" }));
    let changed = app
        .patch(&of_acme(""), json!({ "payload_paths": null }))
        .await
        .ok();
    assert_eq!(changed["payload_paths"], json!({}));
}

#[tokio::test]
async fn a_rotation_needs_no_body() {
    let app = TestApp::connected().await;
    let path = of_acme("/webhook-secret/rotate");
    let bare = app.request(Method::POST, &path).bearer_auth(TOKEN);
    let rotated = app.send(bare).await.ok();
    assert!(
        rotated["dover_webhook_secret"]
            .as_str()
            .unwrap()
            .starts_with("whsec_")
    );
    assert_eq!(rotated["previous_expires_at"], "2026-11-22T10:00:00Z");
    let given = app
        .post(
            &path,
            json!({ "secret": "whsec_c2hvcnQ=", "grace_seconds": 0 }),
        )
        .await
        .ok();
    assert!(given["dover_webhook_secret"].is_null());
    assert_eq!(given["previous_expires_at"], "2026-11-21T10:00:00Z");
    assert_eq!(levels(&given["checks"], "webhook-secret"), ["warning"]);
    let refused = app
        .post(&path, json!({ "grace_seconds": -1, "secret": "" }))
        .await;
    assert_eq!(
        refused.refused(422, "invalid-fields"),
        ["/grace_seconds", "/secret"]
    );
}

#[tokio::test]
async fn a_removed_connection_is_gone_at_once() {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada");
    app.says(&ada, "replied").await;
    let removed = app.delete(&of_acme("")).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    app.get(&of_acme("")).await.refused(404, "not-found");
    app.delete(&of_acme("")).await.refused(404, "not-found");
    let delivery = ada.change(json!({ "stage": "interviewing", "updated_at": app.now() }));
    app.deliver("msg_late", &delivery)
        .await
        .refused(404, "not-found");
}

#[tokio::test]
async fn connections_are_listed_by_name_a_page_at_a_time() {
    let app = TestApp::bare().await;
    for name in ["beta", "alpha", "delta", "gamma", "epsilon"] {
        connect(&app, name).await;
    }
    let pages = paged(&app, "/v1/connections", "name").await;
    assert_eq!(
        pages,
        [
            vec!["alpha", "beta"],
            vec!["delta", "epsilon"],
            vec!["gamma"]
        ]
    );
}

#[tokio::test]
async fn changes_at_once_do_not_undo_each_other() {
    let app = TestApp::connected().await;
    let path = of_acme("");
    for _ in 0..5 {
        let (on, token) = (json!(true), json!("a-token-of-16-or-more"));
        let (one, other) = tokio::join!(
            app.patch(&path, json!({ "accepts_hex_hmac": on })),
            app.patch(&path, json!({ "webhook_bearer_token": token })),
        );
        // Whoever came too late was told so, and nothing of theirs was kept.
        let shown = app.get(&path).await.ok();
        for (answer, field) in [(one, "accepts_hex_hmac"), (other, "accepts_bearer")] {
            assert_eq!(
                shown[field] == true,
                answer.status.is_success(),
                "{field} {}",
                answer.body
            );
        }
        let back = json!({ "accepts_hex_hmac": false, "webhook_bearer_token": null });
        app.patch(&path, back).await.ok();
    }
}
