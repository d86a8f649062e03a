//! What holds where nobody has set a map.

use serde_json::json;

use super::OF_FIELDS;
use crate::{
    app::{CONNECTION, Person, TestApp},
    settings::OF_CONNECTION,
};

fn ada() -> Person {
    let mut ada = Person::new("Ada");
    ada.contact["title"] = json!("Countess");
    ada.contact["company"] = json!("Analytical Engines");
    ada
}

#[tokio::test]
async fn title_and_company_go_into_fields_of_those_names() {
    let app = TestApp::with_job().await;
    app.field("title", "Candidate", "String").await;
    app.field("Company", "Candidate", "LongText").await;
    app.field("Company", "Application", "String").await;
    app.says(&ada(), "replied").await;
    let written = app.flush_to_rest().await;
    assert_eq!(
        written,
        ["candidate.create", "application.create", OF_FIELDS]
    );
    let fields = app.candidate("Ada").await["customFields"].clone();
    assert_eq!(
        fields,
        json!({ "title": "Countess", "Company": "Analytical Engines" })
    );
    let decisions = app.decisions(&ada()).await;
    let updated = decisions
        .iter()
        .find(|decision| decision["reason"]["code"] == "updated");
    let sentence = updated.unwrap()["reason"]["sentence"].as_str().unwrap();
    for named in ["title", "Company"] {
        assert!(sentence.contains(named), "{sentence}");
    }
    assert_eq!(app.prospect("cand_ada").await["state"], "synced");
}

#[tokio::test]
async fn without_such_fields_nothing_more_is_written() {
    let app = TestApp::with_job().await;
    // Neither an archived one, nor one of another type or of several of the name.
    let gone = app.field("Title", "Candidate", "String").await;
    app.edit("custom-fields", &gone, json!({ "isArchived": true }))
        .await;
    app.field("Title", "Candidate", "Number").await;
    app.field("Company", "Candidate", "String").await;
    app.field("Company", "Candidate", "String").await;
    app.says(&ada(), "replied").await;
    let written = app.flush_to_rest().await;
    assert_eq!(written, ["candidate.create", "application.create"]);
    // The fields are read once, and kept for a while.
    app.wait(15);
    app.says(&ada(), "interviewing").await;
    app.flush_to_rest().await;
    assert_eq!(app.called("customField.list").await, 1);
}

#[tokio::test]
async fn what_goes_nowhere_is_warned_of_until_it_has_a_place() {
    let app = TestApp::with_job().await;
    app.field("Company", "Candidate", "String").await;
    app.says(&ada(), "replied").await;
    app.flush_to_rest().await;
    let map = format!("/v1/connections/{CONNECTION}/field-map");
    let warnings = async || app.get(&map).await.ok()["warnings"].clone();
    let told = warnings().await;
    assert_eq!(told.as_array().unwrap().len(), 1, "{told}");
    let told = told[0].as_str().unwrap();
    assert!(told.starts_with("Dover's title goes nowhere"), "{told}");
    // It stands in the first note.
    app.set_on(OF_CONNECTION, json!({ "notes.on": ["created"] }))
        .await;
    assert_eq!(warnings().await, json!([]));
}

#[tokio::test]
async fn what_a_recruiter_knows_better_stays() {
    let app = TestApp::with_job().await;
    let title = app.field("Title", "Candidate", "String").await;
    app.field("Company", "Candidate", "String").await;
    app.sim(
        "candidates",
        json!({ "name": "Ada", "email": "ada@example.com" }),
    )
    .await;
    app.fills("Ada", &title, json!("Mathematician")).await;
    app.wait(15);
    app.says(&ada(), "replied").await;
    let written = app.flush_to_rest().await;
    assert_eq!(written, ["application.create", OF_FIELDS]);
    let fields = app.candidate("Ada").await["customFields"].clone();
    assert_eq!(
        fields,
        json!({ "Title": "Mathematician", "Company": "Analytical Engines" })
    );
}
