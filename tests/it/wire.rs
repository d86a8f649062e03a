//! Everything that client and simulator say to each other, held against Ashby's own schemas.

use reqwest::Method;
use serde_json::json;

use crate::{
    app::{CONNECTION, Person, TOKEN, TestApp},
    ashby_schema::check_calls,
};

/// Somebody of whom Dover knows everything.
fn complete(name: &str) -> Person {
    Person::new(name).with(json!({
        "email": format!("{name}@example.com"), "alternate_emails": [format!("{name}@work.example")],
        "phone": "+44 20 7946 0000", "linkedin_url": format!("https://uk.linkedin.com/in/{name}/"),
        "social_urls": { "github": format!("github.com/{name}"), "website": "https://example.com" },
        "title": "Engineer", "company": "Engines",
        "location": { "city": "London", "region": "England", "country": "United Kingdom" },
        "fields": { "seniority": "staff" },
    }))
}

/// Creates, moves, archives and everything that is looked at on the way.
async fn everything(app: &TestApp) {
    app.register("job_43", "Designer").await;
    let [ada, grace, alan, edsger] = ["ada", "grace", "alan", "edsger"].map(complete);
    let bare = Person::new("bare").with(json!({ "linkedin_url": "/in/bare" }));
    for who in [&ada, &grace, &alan, &edsger, &bare] {
        app.says(who, "new_lead").await;
    }
    app.says(&ada.clone().on("job_43"), "interviewing").await;
    app.flush_to_rest().await;

    app.wait(15);
    app.says(&ada, "replied").await;
    app.says_status(&grace, "withdrew").await;
    app.says_status(&alan, "rejected").await;
    let gone = app.application("edsger").await["id"].clone();
    let path = format!("applications/{}", gone.as_str().unwrap());
    app.sim_as(Method::DELETE, &path, None).await;
    app.says(&edsger, "replied").await;
    app.preview().await;
    app.flush_to_rest().await;
    app.resync(&edsger, "?relink=true").await;
    app.flush_to_rest().await;
}

/// Lost answers, and looks that follow them.
async fn trouble(app: &TestApp) {
    for endpoint in [
        "candidate.create",
        "application.create",
        "application.changeStage",
    ] {
        app.wait(15);
        let who = complete(&endpoint.replace('.', "-").to_lowercase());
        app.says(&who, "new_lead").await;
        if endpoint == "application.changeStage" {
            app.flush_to_rest().await;
            app.wait(15);
            app.says(&who, "replied").await;
        }
        app.sim(
            "faults",
            json!({ "endpoint": endpoint, "kind": "lost-answer" }),
        )
        .await;
        app.flush_to_rest().await;
    }
    // Several matches are asked for one by one.
    let twins = ["one", "two"].map(|name| json!({ "name": name, "email": "twin@example.com" }));
    for twin in twins {
        app.sim("candidates", twin).await;
    }
    let twin = Person::new("twin").with(json!({ "email": "twin@example.com" }));
    app.says(&twin, "replied").await;
    app.flush_to_rest().await;
    // More than a page of each list.
    for number in 0..120 {
        let who =
            json!({ "name": format!("n{number}"), "email": format!("n{number}@example.com") });
        app.sim("candidates", who).await;
    }
    app.wait(90);
    app.flush_to_rest().await;
}

/// A value in a custom field of every type that is written, and details that change.
async fn fields(app: &TestApp) {
    let said = json!({
        "String": "one", "LongText": "one\ntwo", "Number": 7.5, "Boolean": "yes", "Date": "2026-11-21",
        "ValueSelect": "staff", "MultiValueSelect": ["staff", "lead"],
    });
    let mut entries = Vec::new();
    for (number, kind) in said.as_object().unwrap().keys().enumerate() {
        let options = json!([{ "value": "staff" }, { "value": "lead", "label": "Lead" }]);
        let options = if kind.ends_with("Select") {
            options
        } else {
            json!([])
        };
        let object = ["Candidate", "Application"][number % 2];
        let field =
            json!({ "title": kind, "objectType": object, "fieldType": kind, "options": options });
        app.sim("custom-fields", field).await;
        entries.push(json!({ "variable": format!("fields.{kind}"), "to": kind }));
    }
    let path = format!("/v1/connections/{CONNECTION}/field-map");
    let request = app.request(Method::PUT, &path).bearer_auth(TOKEN);
    app.send(request.json(&json!({ "entries": entries })))
        .await
        .ok();
    app.set_on("settings", json!({ "sync.contact_updates": true }))
        .await;
    let mut ada = complete("ada");
    ada.contact["fields"] = said;
    ada.contact["phone"] = json!("+44 20 7946 0001");
    app.wait(15);
    app.says(&ada, "interviewing").await;
    app.flush_to_rest().await;
}

/// The tag, the credited user, and a note whose answer is lost and which is looked for.
async fn extras(app: &TestApp) {
    let owner = "sourcer@example.com";
    let user = json!({ "firstName": "Sal", "lastName": "User", "email": owner });
    app.sim("users", user).await;
    let set = json!({ "tag.title": "Dover", "credit.owner": true, "notes.on": ["created"] });
    app.set_on("settings", set).await;
    let lost = json!({ "endpoint": "candidate.createNote", "kind": "lost-answer" });
    app.sim("faults", lost).await;
    let edith = complete("edith");
    app.says_of_owner(&edith, owner, "replied").await;
    for _ in 0..3 {
        app.flush().await;
        app.wait(15);
    }
}

#[tokio::test]
async fn every_request_and_every_answer_is_one_that_ashby_knows() {
    let app = TestApp::with_job().await;
    everything(&app).await;
    fields(&app).await;
    trouble(&app).await;
    extras(&app).await;
    app.post(&format!("/v1/connections/{CONNECTION}/check"), json!({}))
        .await
        .ok();
    let unknown = json!({ "dover_job_id": "x", "ashby_job": "8f4d1f1e-3c0a-4a35-9b7c-2f6a1d5e0b11", "title": "x" });
    let request = app.request(Method::POST, &format!("/v1/connections/{CONNECTION}/jobs"));
    app.send(request.bearer_auth(TOKEN).json(&unknown)).await;

    let calls = app.calls().await;
    check_calls(&calls);
    let mut called: Vec<_> = calls
        .iter()
        .map(|call| call["endpoint"].as_str().unwrap())
        .collect();
    called.sort_unstable();
    called.dedup();
    let used = dover_ashby_sync::ashby::ENDPOINTS.map(|endpoint| endpoint.name);
    let missing: Vec<_> = used.iter().filter(|name| !called.contains(name)).collect();
    assert!(missing.is_empty(), "never called: {missing:?}");
}
