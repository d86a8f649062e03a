//! Faults on order.

use reqwest::Method;
use serde_json::{Value, json};

use super::Ashby;

async fn people(ashby: &Ashby) -> usize {
    let world = ashby.world().await;
    world["candidates"].as_array().expect("an array").len()
}

async fn create(ashby: &Ashby) -> reqwest::Response {
    ashby
        .post("candidate.create", &json!({"name": "Ada"}))
        .await
}

#[tokio::test]
async fn an_error_comes_before_the_effect_or_after_it() {
    let ashby = Ashby::start().await;
    for (kind, people_after) in [("error-before", 0), ("error-after", 1)] {
        ashby
            .make(
                "/faults",
                json!({"endpoint": "candidate.create", "kind": kind}),
            )
            .await;
        let response = create(&ashby).await;
        assert_eq!(response.status(), 500);
        let body: Value = response.json().await.expect("JSON");
        assert_eq!(body["errorInfo"]["code"], "generic_internal_error");
        assert_eq!(people(&ashby).await, people_after, "{kind}");
    }
}

#[tokio::test]
async fn a_lost_answer_leaves_its_effect_unless_the_request_was_lost_too() {
    let ashby = Ashby::start().await;
    for order in [
        json!({"kind": "lost-answer"}),
        json!({"kind": "lost-answer", "effect": false}),
    ] {
        ashby.make("/faults", order).await;
        let url = format!("{}/candidate.create", ashby.base);
        let request = ashby.http.post(url).basic_auth("sim-key", Some(""));
        let sent = request.json(&json!({"name": "Ada"})).send().await;
        let answer = match sent {
            Ok(response) => response.bytes().await,
            Err(lost) => Err(lost),
        };
        answer.expect_err("the connection drops");
        assert_eq!(people(&ashby).await, 1);
    }
}

#[tokio::test]
async fn half_an_answer_is_no_json_and_leaves_its_effect() {
    let ashby = Ashby::start().await;
    ashby.make("/faults", json!({"kind": "truncated"})).await;
    let text = create(&ashby).await.text().await.expect("it arrives");
    assert!(text.starts_with("{\"success\":true"));
    serde_json::from_str::<Value>(&text).expect_err("half of it is missing");
    assert_eq!(people(&ashby).await, 1);
}

#[tokio::test]
async fn a_gateway_answers_in_html() {
    let ashby = Ashby::start().await;
    ashby.make("/faults", json!({"kind": "html"})).await;
    let response = create(&ashby).await;
    assert_eq!(response.status(), 502);
    assert_eq!(response.headers()["content-type"], "text/html");
    assert_eq!(people(&ashby).await, 0);
}

#[tokio::test]
async fn a_limit_says_when_to_come_back_and_whose_it_is_only_if_told_to() {
    let ashby = Ashby::start().await;
    ashby.make("/faults", json!({"kind": "rate-limited"})).await;
    let silent = create(&ashby).await;
    assert_eq!(silent.status(), 429);
    assert!(!silent.headers().contains_key("retry-after"));
    let told = json!({"kind": "rate-limited", "retry_after_s": 7, "scope": "integration-partner"});
    ashby.make("/faults", told).await;
    let told = create(&ashby).await;
    assert_eq!(told.headers()["retry-after"], "7");
    assert_eq!(told.headers()["x-ratelimit-scope"], "integration-partner");
    assert_eq!(people(&ashby).await, 0);
}

#[tokio::test]
async fn a_refusal_comes_with_any_code_in_any_shape() {
    let ashby = Ashby::start().await;
    let order = json!({"kind": "refuse", "code": "job_not_found", "shape": "objects"});
    ashby.make("/faults", order).await;
    let body: Value = create(&ashby).await.json().await.expect("JSON");
    assert_eq!(body["errors"][0]["message"], "job_not_found");
    assert!(body.get("errorInfo").is_none());
}

#[tokio::test]
async fn a_slow_answer_took_effect_before_the_client_lost_patience() {
    let ashby = Ashby::start().await;
    ashby
        .make("/faults", json!({"kind": "slow", "delay_ms": 60_000}))
        .await;
    let url = format!("{}/candidate.create", ashby.base);
    let request = ashby.http.post(url).basic_auth("sim-key", Some(""));
    let request = request.timeout(std::time::Duration::from_millis(200));
    let lost = request.json(&json!({"name": "Ada"})).send().await;
    assert!(lost.expect_err("it takes a minute").is_timeout());
    assert_eq!(people(&ashby).await, 1);
}

#[tokio::test]
async fn a_fault_waits_for_its_turn_and_its_endpoint() {
    let ashby = Ashby::start().await;
    let order = json!({"endpoint": "candidate.create", "kind": "html", "after": 1, "times": 2});
    ashby.make("/faults", order).await;
    assert_eq!(ashby.post("source.list", &json!({})).await.status(), 200);
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(create(&ashby).await.status().as_u16());
    }
    assert_eq!(statuses, [200, 502, 502, 200]);
    ashby.make("/faults", json!({"kind": "html"})).await;
    ashby.control(Method::DELETE, "/faults", json!({})).await;
    assert_eq!(create(&ashby).await.status(), 200);
    let misspelt = json!({"endpoint": "candidates.create", "kind": "html"});
    let refused = ashby.ask_control(Method::POST, "/faults", misspelt).await;
    assert_eq!(refused.status(), 404);
}
