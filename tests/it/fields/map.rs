//! The map as a document: what it shows, what it refuses, who may change it, and that it is kept who did.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{ada, level, with_level};
use crate::{
    app::{CONNECTION, Person, TestApp},
    settings::OF_CONNECTION,
};

async fn shown(app: &TestApp) -> Value {
    app.get(&format!("/v1/connections/{CONNECTION}/field-map"))
        .await
        .ok()
}

#[tokio::test]
async fn the_map_shows_what_is_in_force_and_what_it_may_name() {
    let app = TestApp::with_job().await;
    let usual = shown(&app).await;
    assert_eq!(
        (&usual["displayed"], &usual["last_change"]),
        (&Value::Null, &Value::Null)
    );
    assert!(
        usual["entries"]
            .as_array()
            .unwrap()
            .iter()
            .all(|entry| entry["set"] == false)
    );

    app.select("Level", json!([{ "value": "sr", "label": "Senior" }]))
        .await;
    let set = app.map(level("if_blank")).await;
    assert_eq!(set, shown(&app).await);
    let entry = &set["entries"][0];
    assert_eq!(
        (
            &entry["variable"],
            &entry["title"],
            &entry["policy"],
            &entry["set"],
            &entry["trouble"]
        ),
        (
            &json!("fields.level"),
            &json!("Level"),
            &json!("if_blank"),
            &json!(true),
            &Value::Null
        )
    );
    assert_eq!(set["last_change"]["by"], "admin");
    let fields = set["fields"].as_array().unwrap();
    let field = fields
        .iter()
        .find(|field| field["title"] == "Level")
        .unwrap();
    assert_eq!(
        (&field["object"], &field["options"]),
        (&json!("candidate"), &json!(["Senior"]))
    );

    // What is left out goes back.
    let back = app.map(json!({})).await;
    assert!(
        back["entries"]
            .as_array()
            .unwrap()
            .iter()
            .all(|entry| entry["set"] == false)
    );
}

#[tokio::test]
async fn a_map_that_cannot_be_is_refused_with_the_place_and_the_remedy() {
    let app = TestApp::with_job().await;
    app.field("Level", "Candidate", "String").await;
    app.field("Years", "Candidate", "Number").await;
    app.field("Budget", "Job", "String").await;
    let old = app.field("Old", "Candidate", "String").await;
    app.edit("custom-fields", &old, json!({ "isArchived": true }))
        .await;
    let entry = |variable: &str, to: &str| json!({ "variable": variable, "to": to });
    for (map, pointer, said) in [
        (
            json!({ "entries": [entry("fields.a", "Old")] }),
            "/entries/0/to",
            "archived",
        ),
        (
            json!({ "entries": [entry("fields.a", "Budget")] }),
            "/entries/0/to",
            "field of Job",
        ),
        (
            json!({ "entries": [entry("fields.a", "Nowhere")] }),
            "/entries/0/to",
            "Level",
        ),
        (
            json!({ "entries": [entry("name", "Years")] }),
            "/entries/0/to",
            "a number",
        ),
        (
            json!({ "entries": [entry("fields.a", "Level"), entry("fields.b", "Level")] }),
            "/entries/1/to",
            "fields.a already",
        ),
        (
            json!({ "entries": [entry("fields.a", "Level"), entry("fields.a", "candidate.phone")] }),
            "/entries/1/variable",
            "Level already",
        ),
        (
            json!({ "entries": [entry("fields.a", "candidate.fone")] }),
            "/entries/0/to",
            "candidate.phone",
        ),
        (
            json!({ "entries": [entry("emial", "Level")] }),
            "/entries/0/variable",
            "\"email\"?",
        ),
        (
            json!({ "entries": [{ "variable": "email", "to": "Level", "policy": "sometimes" }] }),
            "/entries/0/policy",
            "if_blank",
        ),
        (
            json!({ "entries": [{ "variable": "email" }] }),
            "/entries/0/to",
            "required",
        ),
        (
            json!({ "entries": [{ "variable": "email", "to": "Level", "polcy": "never" }] }),
            "/entries/0/polcy",
            "\"policy\"?",
        ),
        (json!({ "entires": [] }), "/entires", "\"entries\"?"),
        (
            json!({ "mandatory": ["fone"] }),
            "/mandatory/0",
            "\"phone\"?",
        ),
        (
            json!({ "displayed": ["Nowhere"] }),
            "/displayed/0",
            "is no field",
        ),
        (
            json!({ "filterable": ["email"] }),
            "/filterable/0",
            "fields.<name>",
        ),
        (json!({ "mandatory": "email" }), "/mandatory", "a list"),
    ] {
        let refused = app.try_map("", map.clone()).await;
        assert_eq!(
            refused.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{map} {}",
            refused.body
        );
        let fault = &refused.body["faults"][0];
        assert_eq!(fault["pointer"], pointer, "{map} {fault}");
        assert!(
            fault["detail"].as_str().unwrap().contains(said),
            "{map} {fault}"
        );
    }
    assert_eq!(shown(&app).await["last_change"], Value::Null);
}

#[tokio::test]
async fn a_change_is_in_the_audit_and_the_group_can_be_locked() {
    let (app, field) = with_level("always").await;
    let audit = app
        .get(&format!(
            "/v1/connections/{CONNECTION}/audit?key=fields.map"
        ))
        .await
        .ok();
    let entry = &audit["items"][0];
    assert_eq!(
        (&entry["from"], &entry["by"]),
        (&Value::Null, &json!("admin"))
    );
    assert_eq!(entry["to"][0]["to"], field["id"]);
    app.set_on("settings/locks", json!({ "fields": true }))
        .await;
    assert_eq!(shown(&app).await["locked"], true);
    // Not as a setting: the map is one document.
    let refused = app
        .try_to_set(OF_CONNECTION, json!({ "fields.map": [] }))
        .await;
    let fault = &refused.body["faults"][0];
    assert!(
        fault["detail"].as_str().unwrap().contains("field-map"),
        "{fault}"
    );
}

#[tokio::test]
async fn a_preview_names_who_would_wait_for_a_mandatory_field_and_changes_nothing() {
    let app = TestApp::with_job().await;
    app.says(&Person::new("Ada"), "replied").await;
    let map = json!({ "mandatory": ["fields.level"] });
    let what_if = app.try_map("?preview=true", map).await.ok();
    let item = &what_if["preview"]["items"][0];
    assert_eq!(item["dover_candidate_id"], "cand_ada");
    assert_eq!(item["then"]["reason"]["code"], "mandatory-field-missing");
    assert_eq!(shown(&app).await["mandatory"], json!([]));
    app.flush_to_rest().await;
    assert_eq!(app.reason("cand_ada").await, "created");
}

#[tokio::test]
async fn another_variable_for_a_field_counts_with_the_next_news() {
    let (app, _) = with_level("always").await;
    let said = json!({ "level": "staff", "grade": "E7" });
    app.says(&ada(said.clone()), "replied").await;
    app.flush_to_rest().await;
    app.map(json!({ "entries": [{ "variable": "fields.grade", "to": "Level" }] }))
        .await;
    app.wait(15);
    app.says(&ada(said), "interviewing").await;
    app.flush_to_rest().await;
    assert_eq!(app.value("Ada", "Level").await, "E7");
}

#[tokio::test]
async fn where_ashby_does_not_answer_a_map_is_not_taken_unchecked() {
    let app = TestApp::with_job().await;
    app.sim(
        "faults",
        json!({ "endpoint": "customField.list", "kind": "error-before", "times": 9 }),
    )
    .await;
    let refused = app.try_map("", level("always")).await;
    assert_eq!(refused.code(), "ashby-unavailable", "{}", refused.body);
    // A map that names no field needs no answer.
    app.map(json!({ "mandatory": ["email"] })).await;
}
