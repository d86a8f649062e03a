//! Fields that choose: what is no option waits, and goes on by itself.

use serde_json::json;

use super::{OF_FIELDS, ada, level};
use crate::app::TestApp;

const CHOICES: &str = r#"[{"value": "jr", "label": "Junior"}, {"value": "sr", "label": "Senior"}]"#;

fn choices() -> serde_json::Value {
    serde_json::from_str(CHOICES).unwrap()
}

#[tokio::test]
async fn an_option_is_sent_by_its_value_whether_dover_says_that_or_the_label() {
    let app = TestApp::with_job().await;
    app.select("Level", choices()).await;
    app.map(level("always")).await;
    app.says(&ada(json!({ "level": "senior" })), "replied")
        .await;
    app.flush_to_rest().await;
    assert_eq!(app.value("Ada", "Level").await, "sr");
    app.wait(15);
    app.details(&ada(json!({ "level": "jr" }))).await;
    app.flush_to_rest().await;
    assert_eq!(app.value("Ada", "Level").await, "jr");
}

#[tokio::test]
async fn an_unknown_option_waits_with_the_choices_and_holds_back_nothing_else() {
    let app = TestApp::with_job().await;
    let field = app.select("Level", choices()).await;
    app.field("Notice", "Candidate", "String").await;
    app.map(json!({ "entries": [
        { "variable": "fields.level", "to": "Level" }, { "variable": "fields.notice", "to": "Notice" },
    ] }))
    .await;
    let ada = ada(json!({ "level": "staff", "notice": "a month" }));
    app.says(&ada, "replied").await;
    app.flush_to_rest().await;
    assert_eq!(app.application("Ada").await["stage"], "Replied");
    assert_eq!(app.value("Ada", "Notice").await, "a month");
    app.counts_parked("field-option-unknown", 1).await;
    let sentence = app.sentence(&ada).await;
    for named in ["fields.level", "Level", "staff", "Junior", "Senior"] {
        assert!(sentence.contains(named), "{sentence}");
    }
    // Somebody adds the option.
    let mut more = choices();
    more.as_array_mut()
        .unwrap()
        .push(json!({ "value": "staff" }));
    app.edit("custom-fields", &field, json!({ "options": more }))
        .await;
    assert_eq!(app.flush_to_rest().await, [OF_FIELDS]);
    assert_eq!(app.value("Ada", "Level").await, "staff");
    assert_eq!(app.prospect("cand_ada").await["state"], "synced");
}

#[tokio::test]
async fn an_unknown_option_goes_on_when_the_map_changes() {
    let app = TestApp::with_job().await;
    app.select("Level", choices()).await;
    app.map(level("always")).await;
    app.says(&ada(json!({ "level": "staff" })), "replied").await;
    app.flush_to_rest().await;
    app.counts_parked("field-option-unknown", 1).await;
    app.field("Free level", "Candidate", "String").await;
    app.map(json!({ "entries": [{ "variable": "fields.level", "to": "Free level" }] }))
        .await;
    app.flush_to_rest().await;
    assert_eq!(app.value("Ada", "Free level").await, "staff");
    assert_eq!(app.reason("cand_ada").await, "updated");
}

#[tokio::test]
async fn an_unknown_option_does_not_matter_where_nothing_would_be_written() {
    let app = TestApp::with_job().await;
    let field = app.select("Level", choices()).await;
    app.map(level("if_blank")).await;
    app.sim(
        "candidates",
        json!({ "name": "Ada", "email": "ada@example.com" }),
    )
    .await;
    app.fills("Ada", &field, json!("jr")).await;
    app.says(&ada(json!({ "level": "staff" })), "replied").await;
    assert_eq!(app.flush_to_rest().await, ["application.create"]);
    assert_eq!(app.prospect("cand_ada").await["state"], "synced");
}

#[tokio::test]
async fn a_field_that_is_archived_waits_until_it_is_restored() {
    let (app, field) = super::with_level("always").await;
    app.edit("custom-fields", &field, json!({ "isArchived": true }))
        .await;
    app.says(&ada(json!({ "level": "staff" })), "replied").await;
    // What was read of the fields is an hour old at most: Ashby says so itself, and they are read again.
    app.flush().await;
    app.flush().await;
    app.counts_parked("field-gone", 1).await;
    assert_eq!(app.application("Ada").await["stage"], "Replied");
    app.edit("custom-fields", &field, json!({ "isArchived": false }))
        .await;
    assert_eq!(app.flush_to_rest().await, [OF_FIELDS]);
    assert_eq!(app.value("Ada", "Level").await, "staff");
}

#[tokio::test]
async fn what_does_not_fit_is_told_without_saying_what_it_is() {
    let app = TestApp::with_job().await;
    app.field("Level", "Candidate", "Number").await;
    app.map(level("always")).await;
    let ada = ada(json!({ "level": "many and more" }));
    app.says(&ada, "replied").await;
    app.flush_to_rest().await;
    app.counts_parked("field-misfit", 1).await;
    let sentence = app.sentence(&ada).await;
    assert!(sentence.contains("a number"), "{sentence}");
    assert!(!sentence.contains("many"), "{sentence}");
}
