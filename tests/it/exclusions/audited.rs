//! What the audit keeps of the list: who changed a rule, and who put which file in force or took it away.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::of_list;
use crate::app::{CONNECTION, TOKEN, TestApp};

/// What the audit has of one kind, latest first: what it is called, from what to what, and by whom.
async fn audit(app: &TestApp, what: &str) -> Vec<Value> {
    let path = format!("/v1/connections/{CONNECTION}/audit?what={what}");
    let page = app.get(&path).await.ok();
    let entries = page["items"].as_array().unwrap().iter();
    let entry = entries.map(|entry| json!([entry["key"], entry["from"], entry["to"], entry["by"]]));
    entry.collect()
}

#[tokio::test]
async fn a_rule_that_is_changed_is_kept_with_what_it_was() {
    let app = TestApp::connected().await;
    let tags = json!(["Do not contact"]);
    for rules in [
        json!({ "hired": true }),
        json!({ "hired": true, "tags": tags }),
        // The same again changes nothing.
        json!({ "hired": true, "tags": tags }),
        json!({ "tags": tags, "cool_down_months": 6 }),
        json!({ "tags": tags }),
    ] {
        app.set_rules(rules).await;
    }
    assert_eq!(
        audit(&app, "exclusion-rule").await,
        [
            json!(["cool_down_months", 6, null, "admin"]),
            // One change of two rules.
            json!(["cool_down_months", null, 6, "admin"]),
            json!(["hired", true, false, "admin"]),
            json!(["tags", [], tags, "admin"]),
            json!(["hired", false, true, "admin"]),
        ]
    );
}

#[tokio::test]
async fn a_file_is_kept_from_when_it_counts_until_it_goes() {
    let app = TestApp::connected().await;
    let file = "Email\nada@example.com\n";
    let first = app.exclude("name=first.csv", file).await;
    let id = |import: &Value| import["id"].as_str().unwrap().to_owned();
    let path = |import: &Value, act: &str| of_list(&format!("/imports/{}{act}", id(import)));
    app.post(&path(&first, "/commit"), json!({})).await.ok();
    let unused = app.import("name=unused.csv", file).await.body;
    let (ada, _) = app.token(json!({ "name": "Ada", "role": "admin" })).await;
    let second = app.import("name=second.csv&mode=replace", file).await.body;
    for (method, path) in [
        (Method::POST, path(&second, "/commit")),
        (Method::DELETE, path(&second, "")),
        (Method::DELETE, path(&unused, "")),
    ] {
        let done = app.send(app.request(method, &path).bearer_auth(&ada)).await;
        assert!(done.status.is_success(), "{path}: {}", done.body);
    }
    let [first, second] = [first, second].map(|file| json!({ "id": id(&file), "people": 1 }));
    assert_eq!(
        audit(&app, "exclusion-list").await,
        [
            json!(["second.csv", second, null, "Ada"]),
            json!(["first.csv", first, null, "Ada"]),
            json!(["second.csv", null, second, "Ada"]),
            json!(["first.csv", null, first, "admin"]),
        ]
    );
}

#[tokio::test]
async fn a_file_for_one_job_is_found_with_that_job() {
    let app = TestApp::with_job().await;
    let file = "Email\nada@example.com\n";
    app.exclude("name=all.csv", file).await;
    app.exclude("name=one.csv&dover_job_id=job_42", file).await;
    let path = format!("/v1/connections/{CONNECTION}/audit?dover_job_id=job_42");
    let found = app.get(&path).await.ok();
    let found = found["items"].as_array().unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (&found[0]["key"], &found[0]["dover_job_id"]),
        (&json!("one.csv"), &json!("job_42"))
    );
    let wrong = format!("/v1/connections/{CONNECTION}/audit?what=everything");
    let wrong = app.send(app.request(Method::GET, &wrong).bearer_auth(TOKEN));
    assert_eq!(wrong.await.status, StatusCode::BAD_REQUEST);
}
