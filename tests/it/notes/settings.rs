//! Settings of notes that make no sense are refused, each with what to do.

use reqwest::StatusCode;
use serde_json::json;

use super::ALL;
use crate::{
    app::TestApp,
    settings::{OF_CONNECTION, OF_USER},
};

#[tokio::test]
async fn what_makes_no_sense_is_refused_where_it_stands() {
    let app = TestApp::with_job().await;
    for (set, pointer, told) in [
        (
            json!({ "notes.on": ["email_snt"] }),
            "/notes.on/0",
            "did you mean \"email_sent\"?",
        ),
        (
            json!({ "notes.on": ["call", "call"] }),
            "/notes.on/1",
            "is there twice",
        ),
        (
            json!({ "notes.on": "call" }),
            "/notes.on",
            "expected a list",
        ),
        (json!({ "notes.on": [7] }), "/notes.on/0", "expected one of"),
        (
            json!({ "notes.template": { "call": "{{bdy}}" } }),
            "/notes.template/call",
            "\"bdy\" is not known here; did you mean \"body\"? Known are kind, at,",
        ),
        (
            json!({ "notes.template": { "cal": "{{body}}" } }),
            "/notes.template/cal",
            "did you mean \"call\"?",
        ),
        (
            json!({ "notes.template": { "call": "<p>{{body}}</p>" } }),
            "/notes.template/call",
            "<p> is not taken: Ashby keeps the elements b, i, u, a, ul, ol, li, code, pre",
        ),
        (
            json!({ "notes.template": { "call": "<a href=\"javascript:x\">x</a>" } }),
            "/notes.template/call",
            "http://, https:// or mailto:",
        ),
        (
            json!({ "notes.template": { "call": 7 } }),
            "/notes.template/call",
            "expected a text",
        ),
        (
            json!({ "notes.template": { "call": " " } }),
            "/notes.template/call",
            "not blank",
        ),
        (
            json!({ "notes.template": ["call"] }),
            "/notes.template",
            "expected an object",
        ),
        (
            json!({ "notes.backfill": "yes" }),
            "/notes.backfill",
            "expected true or false",
        ),
    ] {
        let answer = app.try_to_set(OF_CONNECTION, set.clone()).await;
        assert_eq!(
            answer.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{set}: {}",
            answer.body
        );
        let fault = &answer.body["faults"][0];
        assert_eq!(fault["pointer"], pointer, "{set}: {fault}");
        let detail = fault["detail"].as_str().unwrap();
        assert!(detail.contains(told), "{set}: {detail}");
    }
}

#[tokio::test]
async fn what_makes_sense_is_kept_and_shown() {
    let app = TestApp::with_job().await;
    let template = json!({ "call": "<b>{{ kind }}</b> {{body}}" });
    let set = json!({ "notes.on": ALL, "notes.template": template, "notes.backfill": true });
    app.set_on(OF_USER, set.clone()).await;
    let shown = app.settings(OF_USER).await;
    for (key, value) in set.as_object().unwrap() {
        assert_eq!(
            (&shown[key]["value"], &shown[key]["layer"]),
            (value, &json!("user")),
            "{key}"
        );
    }
    let usual = app.settings(OF_CONNECTION).await;
    assert_eq!(usual["notes.on"]["value"], json!([]));
    assert_eq!(usual["notes.backfill"]["value"], json!(false));
    assert_eq!(usual["notes.template"]["value"], json!(null));
}
