//! Who is credited with what is created.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    app::{ASHBY_KEY, Person, TestApp},
    settings::{OF_CONNECTION, OF_JOB, OF_USER},
};

const SOURCER: &str = "sourcer@example.com";

async fn with_users() -> TestApp {
    let app = TestApp::with_job().await;
    for (name, email) in [("Sal", SOURCER), ("Lee", "lead@example.com")] {
        let user = json!({ "firstName": name, "lastName": "User", "email": email });
        app.sim("users", user).await;
    }
    app
}

/// Who is credited with the candidate and with the application.
async fn credited(app: &TestApp, name: &str) -> [Value; 2] {
    let candidate = app.candidates(name).await[0]["creditedTo"].clone();
    [candidate, app.application(name).await["creditedTo"].clone()]
}

#[tokio::test]
async fn nobody_is_credited_and_nobody_asked_for_unless_a_setting_says_so() {
    let app = with_users().await;
    let ada = Person::new("Ada");
    app.says_of_owner(&ada, SOURCER, "new_lead").await;
    app.flush_to_rest().await;
    assert_eq!(credited(&app, "Ada").await, [Value::Null, Value::Null]);
    assert_eq!(app.called("user.search").await, 0);
}

#[tokio::test]
async fn the_owner_is_credited_however_their_address_is_written_and_asked_for_once_a_day() {
    let app = with_users().await;
    app.set_on(OF_CONNECTION, json!({ "credit.owner": true }))
        .await;
    let (ada, grace) = (Person::new("Ada"), Person::new("Grace"));
    app.says_of_owner(&ada, "Sourcer@Example.com ", "new_lead")
        .await;
    app.says_of_owner(&grace, SOURCER, "replied").await;
    app.flush_to_rest().await;
    assert_eq!(credited(&app, "Ada").await, [SOURCER, SOURCER]);
    assert_eq!(credited(&app, "Grace").await, [SOURCER, SOURCER]);
    app.wait(15);
    let edith = Person::new("Edith");
    app.says_of_owner(&edith, SOURCER, "new_lead").await;
    app.flush_to_rest().await;
    assert_eq!(credited(&app, "Edith").await, [SOURCER, SOURCER]);
    assert_eq!(app.called("user.search").await, 1);
    let sentence = app.sentence(&ada).await;
    assert!(!sentence.contains("credited"), "{sentence}");
    let because = "The setting credit.owner is \u{201c}true\u{201d}, set for the connection";
    assert!(sentence.contains(because), "{sentence}");
}

#[tokio::test]
async fn an_owner_whom_ashby_does_not_know_falls_back_and_the_sentence_says_so() {
    let app = with_users().await;
    app.set_on(OF_CONNECTION, json!({ "credit.owner": true }))
        .await;
    let (ada, grace) = (Person::new("Ada"), Person::new("Grace"));
    app.says_of_owner(&ada, "stranger@example.com", "new_lead")
        .await;
    app.flush_to_rest().await;
    assert_eq!(credited(&app, "Ada").await, [Value::Null, Value::Null]);
    let sentence = app.sentence(&ada).await;
    let said = "The candidate's owner in Dover is no active user of Ashby, so nobody is credited.";
    assert!(sentence.contains(said), "{sentence}");

    app.set_on(OF_JOB, json!({ "credit.user": "lead@example.com" }))
        .await;
    app.says_of_owner(&grace, "stranger@example.com", "new_lead")
        .await;
    app.flush_to_rest().await;
    let lead = "lead@example.com";
    assert_eq!(credited(&app, "Grace").await, [lead, lead]);
    let sentence = app.sentence(&grace).await;
    let said = "so the user of the setting credit.user is credited.";
    assert!(sentence.contains(said), "{sentence}");
}

#[tokio::test]
async fn a_users_own_setting_credits_somebody_else_for_them() {
    let app = with_users().await;
    app.set_on(OF_CONNECTION, json!({ "credit.owner": true }))
        .await;
    let own = json!({ "credit.owner": false, "credit.user": "lead@example.com" });
    app.set_on(OF_USER, own).await;
    let ada = Person::new("Ada");
    app.says_of_owner(&ada, SOURCER, "new_lead").await;
    app.flush_to_rest().await;
    assert_eq!(credited(&app, "Ada").await, ["lead@example.com"; 2]);
}

#[tokio::test]
async fn a_known_person_keeps_their_credit_and_the_new_application_has_its_own() {
    let app = with_users().await;
    app.set_on(OF_CONNECTION, json!({ "credit.owner": true }))
        .await;
    let ada = Person::new("Ada");
    let known = json!({ "name": "Ada", "email": ada.contact["email"] });
    app.sim("candidates", known).await;
    app.says_of_owner(&ada, SOURCER, "new_lead").await;
    assert_eq!(app.flush_to_rest().await, ["application.create"]);
    assert_eq!(
        credited(&app, "Ada").await,
        [Value::Null, Value::from(SOURCER)]
    );
}

#[tokio::test]
async fn a_key_that_may_not_look_users_up_creates_and_says_so() {
    let app = with_users().await;
    app.set_on(OF_CONNECTION, json!({ "credit.owner": true }))
        .await;
    let fault = json!({ "endpoint": "user.search", "kind": "forbidden", "times": 100 });
    app.sim("faults", fault).await;
    let ada = Person::new("Ada");
    app.says_of_owner(&ada, SOURCER, "new_lead").await;
    app.flush_to_rest().await;
    assert_eq!(app.reason(&ada.id).await, "created");
    let sentence = app.sentence(&ada).await;
    assert!(
        sentence.contains("lacks the right organization:read"),
        "{sentence}"
    );
}

#[tokio::test]
async fn nobody_is_created_without_credit_because_ashby_was_slow_to_answer() {
    let app = with_users().await;
    app.set_on(OF_CONNECTION, json!({ "credit.owner": true }))
        .await;
    let fault = json!({ "endpoint": "user.search", "kind": "error-before", "times": 4 });
    app.sim("faults", fault).await;
    let ada = Person::new("Ada");
    app.says_of_owner(&ada, SOURCER, "new_lead").await;
    app.flush().await;
    assert!(app.candidates("Ada").await.is_empty());
    assert_eq!(app.reason(&ada.id).await, "ashby-unavailable");
    app.wait(15);
    app.flush_to_rest().await;
    assert_eq!(credited(&app, "Ada").await, [SOURCER, SOURCER]);
}

/// The check tells of a right that only a setting asks for, and does not hold it against the key.
#[tokio::test]
async fn a_check_names_rights_that_only_settings_ask_for() {
    let app = TestApp::with_job().await;
    let scopes = [
        "candidates:read",
        "candidates:write",
        "jobs:read",
        "interviews:read",
        "hiringProcessMetadata:read",
        "apiKeys:read",
    ];
    let path = format!("api-keys/{ASHBY_KEY}");
    app.sim_as(Method::PATCH, &path, Some(json!({ "scopes": scopes })))
        .await;
    let check = app.post("/v1/connections/acme/check", json!({})).await.ok();
    let checks = check["checks"].as_array().unwrap();
    let about_users = checks.iter().find(|check| {
        let detail = check["detail"].as_str().unwrap();
        detail.contains("organization:read")
    });
    assert_eq!(about_users.unwrap()["level"], "ok", "{check}");
    let of_rights = checks
        .iter()
        .filter(|check| check["check"].as_str().unwrap().starts_with("permission"));
    for right in of_rights {
        assert_eq!(right["level"], "ok", "{right}");
    }
    assert_eq!(check["status"], "connected", "{check}");
}
