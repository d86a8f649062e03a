//! Before any endpoint: who may ask, and what can be read at all.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::of_acme;
use crate::app::{Answer, TOKEN, TestApp};

#[tokio::test]
async fn whoever_lacks_the_token_learns_nothing() {
    let app = TestApp::bare().await;
    let not_json = |path: &str| app.request(Method::POST, path).body("{");
    for request in [
        app.request(Method::GET, "/v1/connections"),
        app.request(Method::GET, "/v1/connections/acme"),
        app.request(Method::GET, "/v1/nothing/here"),
        app.request(Method::PUT, "/v1/connections"),
        app.request(Method::GET, "/v1"),
        not_json("/v1/connections"),
        app.request(Method::GET, "/v1/connections")
            .bearer_auth("wrong"),
        app.request(Method::GET, "/v1/connections")
            .basic_auth(TOKEN, Some("")),
    ] {
        let answer = app.send(request).await;
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
        answer.refused(401, "unauthorized");
    }
}

#[tokio::test]
async fn what_is_not_there_is_told_as_a_problem() {
    let app = TestApp::connected().await;
    for path in [
        "/v1",
        "/v1/",
        "/v1/nothing",
        "/v1/connections/",
        "/v1/connections/acme/nothing",
    ] {
        app.get(path).await.refused(404, "not-found");
    }
    let put = app
        .request(Method::PUT, "/v1/connections")
        .bearer_auth(TOKEN);
    let answer = app.send(put).await;
    assert_eq!(answer.headers["allow"], "GET,HEAD,POST");
    answer.refused(405, "method-not-allowed");
}

#[tokio::test]
async fn a_path_that_can_name_nothing_names_nothing() {
    let app = TestApp::connected().await;
    let long = "x".repeat(5_000);
    for path in [
        "/v1/connections/nobody".to_owned(),
        "/v1/connections/%00".to_owned(),
        "/v1/connections/ACME".to_owned(),
        format!("/v1/connections/{long}"),
        of_acme("/jobs/nothing"),
        of_acme("/jobs/%00"),
        of_acme("/jobs/%FF"),
        of_acme(&format!("/jobs/{long}")),
        of_acme("/deliveries/0"),
        of_acme("/deliveries/+1"),
        of_acme("/deliveries/one"),
        of_acme("/deliveries/9223372036854775807"),
        of_acme("/deliveries/99999999999999999999"),
        of_acme("/prospects/1"),
        of_acme("/prospects/00000000-0000-0000-0000-000000000000"),
        of_acme("/prospects/00000000-0000-0000-0000-000000000000/explain"),
        of_acme("/flushes/%00"),
        of_acme("/flushes/00000000-0000-0000-0000-000000000000"),
    ] {
        app.get(&path).await.refused(404, "not-found");
    }
}

async fn posted(app: &TestApp, kind: &str, body: impl Into<reqwest::Body>) -> Answer {
    let request = app
        .request(Method::POST, "/v1/connections")
        .bearer_auth(TOKEN);
    app.send(request.header("content-type", kind).body(body))
        .await
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_told_as_a_problem() {
    let app = TestApp::bare().await;
    let json = "application/json";
    posted(&app, "text/plain", "{}")
        .await
        .refused(415, "unsupported-media-type");
    posted(&app, json, "{")
        .await
        .refused(400, "invalid-request");
    posted(&app, json, "").await.refused(400, "invalid-request");
    let large = format!("{{\"name\":\"{}\"}}", "x".repeat(1024 * 1024));
    posted(&app, json, large).await.refused(413, "too-large");
    let pointers = posted(&app, json, "[]")
        .await
        .refused(422, "invalid-fields");
    assert_eq!(pointers, [""]);
}

#[tokio::test]
async fn an_unknown_field_is_told_with_the_nearest_one() {
    let app = TestApp::bare().await;
    let body = json!({ "name": "acme", "ashby_apikey": "key" });
    let answer = app.post("/v1/connections", body).await;
    let told = answer.body["faults"][1]["detail"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(told.contains("did you mean \"ashby_api_key\"?"), "{told}");
    assert_eq!(
        answer.refused(422, "invalid-fields"),
        ["/ashby_api_key", "/ashby_apikey"]
    );
}

#[tokio::test]
async fn a_query_that_cannot_be_read_is_told_as_a_problem() {
    let app = TestApp::connected().await;
    for (query, pointer) in [
        ("limit=0", "/limit"),
        ("limit=201", "/limit"),
        ("limit=ten", "/limit"),
        ("limit=1&limit=2", "/limit"),
        ("cursor=", "/cursor"),
        ("cursor=x", "/cursor"),
        ("cursor=am9iczox", "/cursor"),
        ("webhook_id=%00", "/webhook_id"),
        ("verdict=lost", "/verdict"),
        ("dover_candidate=x", "/dover_candidate"),
    ] {
        let answer = app.get(&of_acme(&format!("/deliveries?{query}"))).await;
        assert_eq!(answer.refused(400, "invalid-request"), [pointer], "{query}");
    }
}

#[tokio::test]
async fn the_document_is_for_everybody() {
    let app = TestApp::bare().await;
    let yaml = app.send(app.request(Method::GET, "/openapi.yaml")).await;
    assert_eq!(yaml.headers["content-type"], "application/yaml");
    assert!(
        yaml.with_status(StatusCode::OK)
            .as_str()
            .unwrap()
            .starts_with("openapi: 3.1")
    );
    let page = app.send(app.request(Method::GET, "/docs")).await;
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert!(
        page.with_status(StatusCode::OK)
            .as_str()
            .unwrap()
            .contains("registerJob")
    );
}
