//! What can be set for a connection.

use reqwest::StatusCode;
use serde_json::json;

use crate::app::TestApp;

const SETTINGS: &str = "/v1/connections/acme/settings";

#[tokio::test]
async fn a_setting_says_its_value_and_where_it_comes_from() {
    let app = TestApp::connected().await;
    let before = app.get(SETTINGS).await.ok();
    assert_eq!(
        before["settings"]["brake.max_archives"],
        json!({ "value": 25, "layer": "default", "locked": false, "last_change": null })
    );
    let after = app
        .patch(
            SETTINGS,
            json!({ "brake.max_archives": 3, "ashby.reserved_share": 0.5 }),
        )
        .await;
    assert_eq!(after.status, StatusCode::OK);
    let after = app.get(SETTINGS).await.ok();
    assert_eq!(
        after["settings"]["brake.max_archives"],
        json!({
            "value": 3, "layer": "connection", "locked": false,
            "last_change": { "at": app.now(), "by": "admin", "layer": "connection" },
        })
    );
    assert_eq!(after["settings"]["ashby.reserved_share"]["value"], 0.5);
    assert_eq!(
        after["settings"]["brake.max_moves"],
        before["settings"]["brake.max_moves"]
    );
}

#[tokio::test]
async fn null_goes_back_to_the_default() {
    let app = TestApp::connected().await;
    let before = app.get(SETTINGS).await.ok();
    app.patch(SETTINGS, json!({ "brake.max_moves": 1 }))
        .await
        .ok();
    let after = app
        .patch(SETTINGS, json!({ "brake.max_moves": null }))
        .await
        .ok();
    let is = |settings: &serde_json::Value| {
        let moves = &settings["settings"]["brake.max_moves"];
        (moves["value"].clone(), moves["layer"].clone())
    };
    assert_eq!(is(&after), is(&before));
}

#[tokio::test]
async fn what_cannot_be_set_is_refused_with_what_can_be() {
    let app = TestApp::connected().await;
    let before = app.get(SETTINGS).await.ok();
    for (wrong, pointer, remedy) in [
        (
            json!({ "brake.max_archive": 3 }),
            "/brake.max_archive",
            "did you mean \"brake.max_archives\"?",
        ),
        (
            json!({ "brake.max_archives": -1 }),
            "/brake.max_archives",
            "from 0 to 1000000",
        ),
        (
            json!({ "brake.max_archives": 2.5 }),
            "/brake.max_archives",
            "whole number",
        ),
        (
            json!({ "brake.max_archive_share": 20 }),
            "/brake.max_archive_share",
            "from 0 to 1",
        ),
        (
            json!({ "retention.deliveries_days": 0, "brake.max_moves": 3 }),
            "/retention.deliveries_days",
            "from 7",
        ),
    ] {
        let refused = app.patch(SETTINGS, wrong).await;
        assert_eq!(
            refused.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{}",
            refused.body
        );
        assert_eq!(refused.code(), "invalid-fields");
        let fault = &refused.body["faults"][0];
        assert_eq!(fault["pointer"], pointer, "{fault}");
        assert!(
            fault["detail"].as_str().unwrap().contains(remedy),
            "{fault}"
        );
    }
    assert_eq!(app.get(SETTINGS).await.ok(), before);
}
