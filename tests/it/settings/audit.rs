//! Who changed what, when, from which value to which.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{OF_CONNECTION, OF_JOB, OF_USER};
use crate::app::{CONNECTION, TestApp};

async fn audit(app: &TestApp, query: &str) -> Value {
    let path = format!("/v1/connections/{CONNECTION}/audit{query}");
    app.get(&path).await.ok()
}

async fn changed() -> TestApp {
    let app = TestApp::with_job().await;
    app.set_on(OF_CONNECTION, json!({ "sync.trigger": "replied" }))
        .await;
    app.wait(1);
    app.set_on(OF_CONNECTION, json!({ "sync.trigger": "never" }))
        .await;
    app.set_on(OF_JOB, json!({ "sync.trigger": "added" })).await;
    app.set_on(OF_USER, json!({ "sync.only_synced": true }))
        .await;
    app.set_on("settings/locks", json!({ "sync": true })).await;
    app.set_on(OF_CONNECTION, json!({ "sync.trigger": null }))
        .await;
    app
}

#[tokio::test]
async fn every_change_is_kept_with_what_was_before() {
    let app = changed().await;
    let entries = audit(&app, "").await["items"].clone();
    let entries: Vec<Value> = entries
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            json!([
                entry["what"],
                entry["layer"],
                entry["key"],
                entry["from"],
                entry["to"],
                entry["by"]
            ])
        })
        .collect();
    assert_eq!(
        json!(entries),
        json!([
            [
                "value",
                "connection",
                "sync.trigger",
                "never",
                null,
                "admin"
            ],
            ["lock", "connection", "sync", null, true, "admin"],
            ["value", "user", "sync.only_synced", null, true, "admin"],
            ["value", "job", "sync.trigger", null, "added", "admin"],
            [
                "value",
                "connection",
                "sync.trigger",
                "replied",
                "never",
                "admin"
            ],
            [
                "value",
                "connection",
                "sync.trigger",
                null,
                "replied",
                "admin"
            ],
        ])
    );
    let latest = &audit(&app, "?limit=1").await["items"][0];
    assert_eq!(latest["at"], json!(app.now()));
}

#[tokio::test]
async fn the_audit_is_paged_and_filtered() {
    let app = changed().await;
    let all = audit(&app, "").await;
    assert_eq!(all["next_cursor"], json!(null));
    let (mut paged, mut query) = (Vec::new(), "?limit=4".to_owned());
    loop {
        let page = audit(&app, &query).await;
        paged.extend(page["items"].as_array().unwrap().clone());
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        query = format!("?limit=4&cursor={cursor}");
    }
    assert_eq!(json!(paged), all["items"]);
    for (query, count) in [
        ("?layer=connection", 4),
        ("?dover_job_id=job_42", 1),
        ("?dover_job_id=job_43", 0),
        ("?user=SOURCER%40example.com", 1),
        ("?key=sync.trigger", 4),
        ("?key=sync.trigger&layer=job", 1),
    ] {
        let found = audit(&app, query).await;
        assert_eq!(found["items"].as_array().unwrap().len(), count, "{query}");
    }
    let wrong = app
        .get(&format!(
            "/v1/connections/{CONNECTION}/audit?user=a%40b.c&dover_job_id=x"
        ))
        .await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_changes_nothing_is_no_change_and_neither_is_what_is_refused() {
    let app = TestApp::with_job().await;
    app.set_on(OF_CONNECTION, json!({ "sync.trigger": null }))
        .await;
    app.set_on(OF_CONNECTION, json!({})).await;
    app.set_on("settings/locks", json!({ "sync": false })).await;
    let wrong = json!({ "sync.trigger": "never", "stages.replied": "Replied" });
    let refused = app.try_to_set(OF_CONNECTION, wrong).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let path = format!("{OF_CONNECTION}?preview=true");
    app.set_on(&path, json!({ "sync.trigger": "never" })).await;
    assert_eq!(audit(&app, "").await["items"], json!([]));
    // The same value twice is one change.
    app.set_on(OF_CONNECTION, json!({ "sync.trigger": "never" }))
        .await;
    app.set_on(OF_CONNECTION, json!({ "sync.trigger": "never" }))
        .await;
    assert_eq!(audit(&app, "").await["items"].as_array().unwrap().len(), 1);
}
