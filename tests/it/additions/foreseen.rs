//! What a preview shows of additions, and that nothing is written for it.

use serde_json::{Value, json};

use crate::{
    app::{Person, TestApp},
    settings::OF_CONNECTION,
};

fn additions(preview: &Value) -> &Value {
    &preview["items"][0]["additions"]
}

/// The preview counts as the flush then does, and writes nothing.
async fn counts_as_the_flush_does(app: &TestApp, preview: &Value) {
    let flush = app.flush().await;
    assert_eq!(preview["counts"], flush["counts"], "{preview}");
}

async fn previewed(app: &TestApp) -> Value {
    let before = app.mark().await;
    let preview = app.preview().await;
    assert!(app.writes_since(before).await.is_empty());
    preview
}

#[tokio::test]
async fn of_somebody_to_be_created_it_shows_what_comes_with_them() {
    let app = TestApp::with_job().await;
    let field = json!({ "title": "Title", "objectType": "Candidate", "fieldType": "String" });
    app.sim("custom-fields", field).await;
    let set = json!({ "tag.title": "Dover", "notes.on": ["created"] });
    app.set_on(OF_CONNECTION, set).await;
    let mut ada = Person::new("Ada");
    ada.contact["title"] = json!("Countess");
    app.says(&ada, "replied").await;
    let preview = previewed(&app).await;
    assert_eq!(preview["items"][0]["action"], "create");
    assert_eq!(
        additions(&preview),
        &json!([
            "the tag \u{201c}Dover\u{201d}",
            "the field \u{201c}Title\u{201d}",
            "a note upon created"
        ])
    );
    counts_as_the_flush_does(&app, &preview).await;
    assert!(additions(&app.preview().await).is_null());
}

#[tokio::test]
async fn of_somebody_who_stays_where_they_are_it_shows_the_update() {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada");
    app.says(&ada, "replied").await;
    app.flush_to_rest().await;
    app.set_on(OF_CONNECTION, json!({ "tag.title": "Dover" }))
        .await;
    app.wait(15);
    app.says(&ada, "replied").await;
    let preview = previewed(&app).await;
    let item = &preview["items"][0];
    assert_eq!(
        (&item["action"], &item["reason"]["code"]),
        (&json!("update"), &json!("updated"))
    );
    counts_as_the_flush_does(&app, &preview).await;
    assert_eq!(app.reason(&ada.id).await, "updated");
}

#[tokio::test]
async fn what_would_wait_is_told_beside_what_is_done() {
    let app = TestApp::with_job().await;
    let field = json!({
        "title": "Level", "objectType": "Candidate", "fieldType": "ValueSelect", "options": [{ "value": "senior" }],
    });
    app.sim("custom-fields", field).await;
    app.map(json!({ "entries": [{ "variable": "fields.level", "to": "Level" }] }))
        .await;
    let mut ada = Person::new("Ada");
    ada.contact["fields"] = json!({ "level": "wizard" });
    app.says(&ada, "replied").await;
    let preview = previewed(&app).await;
    assert_eq!(preview["items"][0]["action"], "create");
    let told = additions(&preview)[0].as_str().unwrap();
    assert!(told.contains("wizard"), "{told}");
    counts_as_the_flush_does(&app, &preview).await;
    assert_eq!(app.reason(&ada.id).await, "field-option-unknown");
}
