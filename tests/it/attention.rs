//! Whether Ashby takes the key and answers: what is said of it, and when it is over.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    app::{ASHBY_KEY, CONNECTION, Person, TOKEN, TestApp},
    patience::until_so,
};

async fn connection(app: &TestApp, name: &str) -> Value {
    app.get(&format!("/v1/connections/{name}")).await.ok()
}

async fn revoke(app: &TestApp, key: &str) {
    app.sim_as(
        Method::PATCH,
        &format!("api-keys/{key}"),
        Some(json!({ "revoked": true })),
    )
    .await;
}

async fn reachable(app: &TestApp) -> Value {
    app.get("/health").await.ok()["connections"][0]["ashby_reachable"].clone()
}

#[tokio::test]
async fn a_refusal_of_a_key_that_was_replaced_meanwhile_says_nothing_of_the_new_one() {
    let app = TestApp::with_job().await;
    app.says(&Person::new("Ada"), "replied").await;
    app.sim("api-keys", json!({ "key": "second" })).await;
    // The first call of the flush takes effect and is answered late; all that follow are refused.
    let slow = json!({ "endpoint": "candidate.list", "kind": "slow", "delay_ms": 3_000 });
    app.sim("faults", slow).await;
    let mark = app.mark().await;
    let flushes = format!("/v1/connections/{CONNECTION}/flushes");
    let flush = app.post(&flushes, json!({})).await.ok();
    until_so("a call", async || app.mark().await > mark).await;
    revoke(&app, ASHBY_KEY).await;
    let change = app
        .request(Method::PATCH, &format!("/v1/connections/{CONNECTION}"))
        .bearer_auth(TOKEN)
        .json(&json!({ "ashby_api_key": "second" }));
    assert_eq!(app.send(change).await.ok()["status"], "connected");

    let ended = app.ended(&flush).await;
    assert_eq!(ended["status"], "stopped", "{ended}");
    assert_eq!(connection(&app, CONNECTION).await["status"], "connected");
    app.flush().await;
    assert_eq!(app.application("Ada").await["stage"], "Replied");
}

#[tokio::test]
async fn another_key_in_the_environment_ends_the_attention_that_the_one_before_needed() {
    use dover_ashby_sync::commands::environment::apply;
    use secrecy::SecretString;

    let app = TestApp::bare().await;
    app.furnish().await;
    let sync = app.sync();
    let (key, secret): (SecretString, SecretString) = (ASHBY_KEY.into(), crate::app::SECRET.into());
    apply(&sync, Some(&key), Some(&secret)).await.unwrap();
    revoke(&app, ASHBY_KEY).await;
    let flush = "/v1/connections/default/flushes?wait=true";
    assert_eq!(app.post(flush, json!({})).await.ok()["status"], "stopped");
    assert_eq!(
        connection(&app, "default").await["status"],
        "needs-attention"
    );

    // The same environment again changes nothing.
    apply(&sync, Some(&key), Some(&secret)).await.unwrap();
    assert_eq!(
        connection(&app, "default").await["status"],
        "needs-attention"
    );
    app.sim("api-keys", json!({ "key": "second" })).await;
    let key: SecretString = "second".into();
    apply(&sync, Some(&key), Some(&secret)).await.unwrap();
    assert_eq!(connection(&app, "default").await["status"], "connected");
    assert_eq!(app.post(flush, json!({})).await.ok()["status"], "done");
}

#[tokio::test]
async fn health_tells_whether_ashby_answered_its_last_call_whatever_the_flush_came_to() {
    let app = TestApp::with_job().await;
    app.says(&Person::new("Ada"), "replied").await;
    let check = format!("/v1/connections/{CONNECTION}/check");
    app.flush().await;
    assert_eq!(reachable(&app).await, true);

    // A gateway's page is not Ashby's, be it a flush or a check that gets it.
    app.sim("faults", json!({ "kind": "html", "times": 50 }))
        .await;
    assert_eq!(app.flush().await["status"], "failed");
    assert_eq!(reachable(&app).await, false);
    app.sim_as(Method::DELETE, "faults", None).await;
    app.post(&check, json!({})).await.ok();
    assert_eq!(reachable(&app).await, true);
    app.sim("faults", json!({ "kind": "error-before", "times": 50 }))
        .await;
    assert_eq!(app.post(&check, json!({})).await.status, 502);
    assert_eq!(reachable(&app).await, false);
    app.sim_as(Method::DELETE, "faults", None).await;

    // A refusal is an answer, though the flush stops.
    revoke(&app, ASHBY_KEY).await;
    assert_eq!(app.flush().await["status"], "stopped");
    assert_eq!(reachable(&app).await, true);
}

#[tokio::test]
async fn before_the_first_call_nobody_knows_whether_ashby_answers() {
    use dover_ashby_sync::commands::environment::apply;
    let app = TestApp::bare().await;
    let (key, secret) = (ASHBY_KEY.into(), crate::app::SECRET.into());
    apply(&app.sync(), Some(&key), Some(&secret)).await.unwrap();
    assert_eq!(reachable(&app).await, Value::Null);
}
