//! Keys, permissions, headers, the budget.

use reqwest::Method;
use serde_json::{Value, json};

use super::Ashby;
use crate::ashby_schema::check_response;

#[tokio::test]
async fn a_call_without_a_key_is_unauthorized_and_with_a_wrong_one_forbidden() {
    let ashby = Ashby::start().await;
    let url = format!("{}/apiKey.info", ashby.base);
    let keyless = ashby.http.post(url).json(&json!({})).send().await;
    assert_eq!(keyless.expect("an answer").status(), 401);
    let wrong = ashby.post_as("other", "apiKey.info", &json!({})).await;
    assert_eq!(wrong.status(), 403);
    assert!(!wrong.text().await.expect("a sentence").is_empty());
}

#[tokio::test]
async fn a_revoked_key_is_forbidden() {
    let ashby = Ashby::start().await;
    let revoke = json!({"revoked": true});
    ashby
        .control(Method::PATCH, "/api-keys/sim-key", revoke)
        .await;
    let response = ashby.post("apiKey.info", &json!({})).await;
    assert_eq!(response.status(), 403);
}

#[tokio::test]
async fn a_key_without_the_module_is_told_which_permission_is_missing() {
    let ashby = Ashby::start().await;
    let reader = json!({"key": "reader", "scopes": ["candidates:read", "apiKeys:read"]});
    ashby.make("/api-keys", reader).await;
    let ada = json!({"name": "Ada"});
    let response = ashby.post_as("reader", "candidate.create", &ada).await;
    assert_eq!(response.status(), 403);
    let body: Value = response.json().await.expect("JSON");
    check_response("candidate.create", &body).expect("a refusal");
    assert_eq!(body["errors"][0]["message"], "missing_endpoint_permission");
    let allowed = ashby.post_as("reader", "candidate.list", &json!({})).await;
    let allowed: Value = allowed.json().await.expect("JSON");
    assert_eq!(allowed["success"], true);
}

#[tokio::test]
async fn a_key_can_ask_what_it_may() {
    let ashby = Ashby::start().await;
    let key = ashby.call("apiKey.info", json!({})).await;
    let scopes = key["scopes"].as_array().expect("scopes");
    assert!(scopes.contains(&json!("candidates:write")));
}

#[tokio::test]
async fn every_answer_says_its_request_its_version_and_the_budget() {
    let ashby = Ashby::start().await;
    let first = ashby.post("apiKey.info", &json!({})).await;
    let second = ashby.post("job.info", &json!({"id": "nonsense"})).await;
    let header = |response: &reqwest::Response, name: &str| {
        let value = response.headers().get(name).expect(name);
        value.to_str().expect("text").to_owned()
    };
    assert_eq!(header(&first, "x-ashby-request-id").len(), 26);
    assert_ne!(
        header(&first, "x-ashby-request-id"),
        header(&second, "x-ashby-request-id")
    );
    assert_eq!(header(&first, "ashby-version"), "2026-01-01");
    assert_eq!(header(&first, "ashby-version-status"), "active");
    assert_eq!(header(&first, "x-ratelimit-limit"), "1000");
    assert_eq!(header(&first, "x-ratelimit-remaining"), "999");
    assert_eq!(header(&second, "x-ratelimit-remaining"), "998");
    assert_eq!(header(&first, "x-ratelimit-reset"), "60");
    let body: Value = second.json().await.expect("JSON");
    assert_eq!(body["errorInfo"]["code"], "invalid_input");
}

#[tokio::test]
async fn the_budget_is_per_key_and_fresh_when_the_window_that_its_first_call_opened_closes() {
    let ashby = Ashby::start().await;
    ashby.set(json!({"rateLimit": {"limit": 2}})).await;
    ashby.make("/api-keys", json!({"key": "other"})).await;
    ashby.wait(40);
    ashby.call("apiKey.info", json!({})).await;
    ashby.wait(30);
    ashby.call("apiKey.info", json!({})).await;
    let over = ashby.post("apiKey.info", &json!({})).await;
    assert_eq!(over.status(), 429);
    assert_eq!(over.headers()["x-ratelimit-reset"], "30");
    assert!(!over.headers().contains_key("retry-after"));
    let body: Value = over.json().await.expect("JSON");
    check_response("apiKey.info", &body).expect("a refusal");
    assert_eq!(body["errorInfo"]["code"], "rate_limit_exceeded");
    let other = ashby.post_as("other", "apiKey.info", &json!({})).await;
    assert_eq!(other.status(), 200);
    ashby.wait(30);
    ashby.call("apiKey.info", json!({})).await;
}

#[tokio::test]
async fn a_limit_can_be_made_to_say_when_to_come_back() {
    let ashby = Ashby::start().await;
    let limit = json!({"limit": 0, "windowSeconds": 20, "retryAfter": true, "reset": "epoch"});
    ashby.set(json!({"rateLimit": limit})).await;
    let over = ashby.post("apiKey.info", &json!({})).await;
    assert_eq!(over.headers()["retry-after"], "20");
    assert_eq!(over.headers()["x-ratelimit-reset"], "1795255220");
}

#[tokio::test]
async fn an_unknown_endpoint_is_not_found_and_only_posts_are_taken() {
    let ashby = Ashby::start().await;
    let unknown = ashby.post("candidate.delete", &json!({})).await;
    assert_eq!(unknown.status(), 404);
    let get = ashby.http.get(format!("{}/job.list", ashby.base)).send();
    assert_eq!(get.await.expect("an answer").status(), 405);
}

#[tokio::test]
async fn the_body_must_be_json_and_say_so() {
    let ashby = Ashby::start().await;
    let send = async |content_type: &str, body: &'static str| {
        let url = format!("{}/source.list", ashby.base);
        let request = ashby.http.post(url).basic_auth("sim-key", Some(""));
        let request = request.header("content-type", content_type).body(body);
        let answer: Value = request
            .send()
            .await
            .expect("an answer")
            .json()
            .await
            .expect("JSON");
        answer["success"].as_bool().expect("a flag")
    };
    assert!(send("application/json", "{}").await);
    assert!(!send("text/plain", "{}").await);
    assert!(!send("application/json", "").await);
    assert!(!send("application/json", "[]").await);
}

#[tokio::test]
async fn a_refusal_takes_whichever_shape_is_switched_on() {
    let ashby = Ashby::start().await;
    let nobody = json!({"id": "5e8ca0a5-7a64-4b27-8d1c-5b9cf7ed1ce6"});
    let code = json!("candidate_not_found");
    for (shape, pointer, info) in [
        ("strings", "/errors/0", None),
        ("objects", "/errors/0/message", None),
        ("null-info", "/errors/0", Some(Value::Null)),
    ] {
        ashby.set(json!({"errorShape": shape})).await;
        let answer = ashby.envelope("candidate.info", nobody.clone()).await;
        assert_eq!(answer.pointer(pointer), Some(&code), "{shape}");
        assert_eq!(answer.get("errorInfo").cloned(), info, "{shape}");
    }
    ashby.set(json!({"errorShape": null})).await;
    assert_eq!(
        ashby.refusal("candidate.info", nobody).await,
        "candidate_not_found"
    );
}
