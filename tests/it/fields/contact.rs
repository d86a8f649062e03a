//! Contact details that change in Dover: carried over when that is switched on, and not before.

use serde_json::{Value, json};

use crate::{
    app::{Person, TestApp},
    settings::OF_CONNECTION,
};

fn ada(contact: Value) -> Person {
    let mut ada = Person::new("Ada");
    let Value::Object(contact) = contact else {
        panic!("contact details are an object");
    };
    for (name, value) in contact {
        ada.contact[name] = value;
    }
    ada
}

async fn with_ada(is_on: bool) -> TestApp {
    let app = TestApp::with_job().await;
    app.set_on(OF_CONNECTION, json!({ "sync.contact_updates": is_on }))
        .await;
    app.says(&ada(json!({ "phone": "+44 20 1" })), "replied")
        .await;
    let written = app.flush_to_rest().await;
    // What was given at creation is not written again.
    assert_eq!(written, ["candidate.create", "application.create"]);
    app.wait(15);
    app
}

#[tokio::test]
async fn an_update_is_not_carried_over_unless_it_is_switched_on() {
    let app = with_ada(false).await;
    app.details(&ada(json!({ "phone": "+44 20 2" }))).await;
    assert!(app.flush_to_rest().await.is_empty());
    assert_eq!(app.candidate("Ada").await["phones"], json!(["+44 20 1"]));
}

#[tokio::test]
async fn an_update_is_carried_over_in_one_call_that_notifies_nobody() {
    let app = with_ada(true).await;
    let changed = ada(json!({
        "phone": "+44 20 2", "location": { "city": "London" }, "alternate_emails": ["ada@work.example"],
        "social_urls": { "github": "github.com/ada" },
    }));
    app.details(&changed).await;
    assert_eq!(app.flush_to_rest().await, ["candidate.update"]);
    let calls = app.calls().await;
    let call = calls
        .iter()
        .find(|call| call["endpoint"] == "candidate.update")
        .unwrap();
    assert_eq!(call["request"]["sendNotifications"], false);
    assert_eq!(call["request"].get("socialLinks"), None);
    let found = app.candidate("Ada").await;
    assert_eq!(found["phones"][0], "+44 20 2");
    assert_eq!(
        found["emails"],
        json!(["ada@example.com", "ada@work.example"])
    );
    assert_eq!(app.reason("cand_ada").await, "updated");
    // The same said again is no news.
    app.wait(15);
    app.details(&changed).await;
    assert!(app.flush_to_rest().await.is_empty());
}

#[tokio::test]
async fn a_link_goes_to_its_place_and_leaves_every_other() {
    let app = with_ada(true).await;
    let id = app.candidate("Ada").await["id"].clone();
    let links = json!([
        { "type": "LinkedIn", "url": "https://www.linkedin.com/in/countess" },
        { "type": "Twitter", "url": "https://twitter.com/ada" },
        { "type": "Website", "url": "https://ada.example" },
    ]);
    app.in_ashby(
        "candidate.update",
        json!({ "candidateId": id, "socialLinks": links }),
    )
    .await;
    app.wait(15);
    app.details(&ada(json!({
        "linkedin_url": "linkedin.com/in/lovelace",
        "social_urls": { "github": "https://github.com/ada", "website": "https://other.example" },
    })))
    .await;
    app.flush_to_rest().await;
    let mut found = app.candidate("Ada").await["socialLinks"]
        .as_array()
        .unwrap()
        .clone();
    found.sort_by_key(|link| link["type"].to_string());
    assert_eq!(
        json!(found),
        json!([
            { "type": "GitHub", "url": "https://github.com/ada" },
            // Somebody else's: not even newer news replaces it.
            { "type": "LinkedIn", "url": "https://www.linkedin.com/in/countess" },
            { "type": "Twitter", "url": "https://twitter.com/ada" },
            { "type": "Website", "url": "https://ada.example" },
        ])
    );
}

#[tokio::test]
async fn a_recruiters_newer_number_stays() {
    let app = with_ada(true).await;
    let said_at = app.now();
    app.wait(5);
    let id = app.candidate("Ada").await["id"].clone();
    app.in_ashby(
        "candidate.update",
        json!({ "candidateId": id, "phoneNumber": "+44 20 9" }),
    )
    .await;
    app.details_at(&ada(json!({ "phone": "+44 20 2" })), said_at)
        .await;
    assert!(app.flush_to_rest().await.is_empty());
    app.wait(15);
    app.details(&ada(json!({ "phone": "+44 20 3" }))).await;
    assert_eq!(app.flush_to_rest().await, ["candidate.update"]);
    assert_eq!(app.candidate("Ada").await["phones"][0], "+44 20 3");
}

#[tokio::test]
async fn the_map_says_where_and_whether_details_go() {
    let app = with_ada(true).await;
    app.map(json!({ "entries": [
        { "variable": "fields.mobile", "to": "candidate.phone", "policy": "always" },
        { "variable": "name", "to": "candidate.name", "policy": "never" },
    ] }))
    .await;
    let mut changed = ada(json!({ "phone": "+44 20 2", "fields": { "mobile": "+44 70 7" } }));
    "Ada Lovelace".clone_into(&mut changed.name);
    app.details(&changed).await;
    assert_eq!(app.flush_to_rest().await, ["candidate.update"]);
    assert_eq!(app.candidate("Ada").await["phones"][0], "+44 70 7");
}

#[tokio::test]
async fn each_further_address_is_added_once() {
    let app = with_ada(true).await;
    let changed = ada(
        json!({ "alternate_emails": ["ada@one.example", "ada@two.example", "ADA@example.com"] }),
    );
    app.details(&changed).await;
    assert_eq!(app.flush_to_rest().await, ["candidate.update"; 2]);
    let emails = app.candidate("Ada").await["emails"].clone();
    assert_eq!(
        emails,
        json!(["ada@example.com", "ada@one.example", "ada@two.example"])
    );
}
