//! What a change would come to, before it is made.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{OF_CONNECTION, OF_JOB, OF_USER};
use crate::app::{CONNECTION, Person, TOKEN, TestApp};

impl TestApp {
    async fn what_if(&self, path: &str, change: Value) -> Value {
        self.set_on(&format!("{path}?preview=true"), change).await
    }
}

fn named(what_if: &Value) -> Vec<(String, String, String)> {
    let items = what_if["preview"]["items"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut named: Vec<_> = items
        .iter()
        .map(|item| {
            (
                text(&item["dover_candidate_id"]),
                text(&item["now"]["reason"]["code"]),
                text(&item["then"]["reason"]["code"]),
            )
        })
        .collect();
    named.sort();
    named
}

fn differs(who: &Person, now: &str, then: &str) -> (String, String, String) {
    (who.id.clone(), now.to_owned(), then.to_owned())
}

#[tokio::test]
async fn a_preview_names_who_would_be_held_and_who_would_go_on_and_changes_nothing() {
    let app = TestApp::with_job().await;
    app.set_on(OF_JOB, json!({ "sync.trigger": "interested" }))
        .await;
    let (ada, grace, alan) = (
        Person::new("Ada"),
        Person::new("Grace"),
        Person::new("Alan"),
    );
    app.says(&ada, "replied").await;
    app.says(&grace, "reached_out").await;
    app.flush_to_rest().await;
    app.says(&alan, "interested").await;
    let before = (app.settings(OF_JOB).await, app.world().await);

    let lower = app
        .what_if(OF_JOB, json!({ "sync.trigger": "replied" }))
        .await;
    assert_eq!(
        named(&lower),
        [differs(&ada, "waiting-for-trigger", "created")]
    );
    assert_eq!(lower["settings"]["sync.trigger"]["value"], "replied");
    let item = &lower["preview"]["items"][0];
    assert_eq!(
        (&item["now"]["action"], &item["then"]["action"]),
        (&json!("none"), &json!("create"))
    );
    assert_eq!(
        (
            &lower["preview"]["examined"],
            &lower["preview"]["different"],
            &lower["preview"]["complete"]
        ),
        (&json!(3), &json!(1), &json!(true))
    );
    let never = app
        .what_if(OF_JOB, json!({ "sync.trigger": "never" }))
        .await;
    assert_eq!(
        named(&never),
        [differs(&alan, "created", "waiting-for-trigger")]
    );

    assert_eq!((app.settings(OF_JOB).await, app.world().await), before);
    // What it named is what happens.
    app.set_on(OF_JOB, json!({ "sync.trigger": "replied" }))
        .await;
    app.flush_to_rest().await;
    assert_eq!(app.reason(&ada.id).await, "created");
    assert_eq!(app.reason(&grace.id).await, "waiting-for-trigger");
}

#[tokio::test]
async fn a_preview_is_of_those_whom_the_layer_holds_for() {
    let app = TestApp::with_job().await;
    app.register("job_43", "Designer").await;
    app.set_on(OF_CONNECTION, json!({ "sync.trigger": "never" }))
        .await;
    let (ada, grace) = (Person::new("Ada"), Person::new("Grace").on("job_43"));
    app.says_of_owner(&ada, "sourcer@example.com", "replied")
        .await;
    app.says_of_owner(&grace, "other@example.com", "replied")
        .await;
    app.flush_to_rest().await;
    let change = || json!({ "sync.trigger": "replied" });
    let of = |who| differs(who, "waiting-for-trigger", "created");
    assert_eq!(
        named(&app.what_if(OF_CONNECTION, change()).await),
        [of(&ada), of(&grace)]
    );
    assert_eq!(named(&app.what_if(OF_JOB, change()).await), [of(&ada)]);
    assert_eq!(named(&app.what_if(OF_USER, change()).await), [of(&ada)]);
}

#[tokio::test]
async fn a_preview_of_a_stage_names_who_would_go_elsewhere() {
    let app = TestApp::with_job().await;
    let (ada, grace) = (Person::new("Ada"), Person::new("Grace"));
    app.says(&ada, "interested").await;
    app.says(&grace, "replied").await;
    let what_if = app
        .what_if(OF_JOB, json!({ "stages.interested": "Onsite" }))
        .await;
    assert_eq!(named(&what_if), [differs(&ada, "created", "created")]);
    let then = &what_if["preview"]["items"][0]["then"]["reason"]["sentence"];
    assert!(then.as_str().unwrap().contains("Onsite"), "{then}");
}

#[tokio::test]
async fn a_preview_of_a_limit_names_whom_the_brake_would_let_go() {
    let app = TestApp::with_job().await;
    let people: Vec<Person> = ["Ada", "Grace", "Alan"].map(Person::new).into();
    for who in &people {
        app.says(who, "replied").await;
    }
    app.flush_to_rest().await;
    app.set_on(OF_CONNECTION, json!({ "brake.max_archives": 1 }))
        .await;
    app.wait(15);
    for who in &people {
        app.says_status(who, "rejected").await;
    }
    let flush = app.flush().await;
    assert_eq!(flush["counts"]["parked"], 3, "{flush}");
    let sentence = app.sentence(&people[0]).await;
    assert!(
        sentence.contains(
            "The setting brake.max_archives is \u{201c}1\u{201d}, set for the connection on"
        ),
        "{sentence}"
    );
    let what_if = app
        .what_if(OF_CONNECTION, json!({ "brake.max_archives": 3 }))
        .await;
    let mut expected: Vec<_> = people
        .iter()
        .map(|who| differs(who, "held-by-brake", "rejected-in-dover"))
        .collect();
    expected.sort();
    assert_eq!(named(&what_if), expected);
    let same = app
        .what_if(OF_CONNECTION, json!({ "brake.max_archives": 2 }))
        .await;
    assert!(named(&same).is_empty());
}

#[tokio::test]
async fn a_preview_is_refused_where_the_change_would_be_or_nothing_can_be_looked_at() {
    let app = TestApp::with_job().await;
    let path = format!("{OF_JOB}?preview=true");
    let refused = app
        .try_to_set(&path, json!({ "stages.replied": "Nowhere" }))
        .await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    app.post(&format!("/v1/connections/{CONNECTION}/pause"), json!({}))
        .await
        .ok();
    let refused = app
        .try_to_set(&path, json!({ "sync.trigger": "never" }))
        .await;
    assert_eq!(refused.code(), "connection-paused");
}

#[tokio::test]
async fn a_preview_of_what_is_written_beside_the_stage_names_whose_and_what() {
    let app = TestApp::with_job().await;
    let field = json!({ "title": "Team", "objectType": "Candidate", "fieldType": "String" });
    app.sim("custom-fields", field).await;
    let (mut ada, grace) = (Person::new("Ada"), Person::new("Grace"));
    ada.contact["fields"] = json!({ "team": "Engines" });
    app.says(&ada, "replied").await;
    app.says(&grace, "replied").await;
    let additions = |what_if: &Value| -> Vec<(Value, Value, Value)> {
        let items = what_if["preview"]["items"].as_array().unwrap().iter();
        items
            .map(|item| {
                let of = |when: &str| item[when]["additions"].clone();
                (item["name"].clone(), of("now"), of("then"))
            })
            .collect()
    };
    let beside = |name: &str, what: &str| (json!(name), json!([]), json!([what]));
    let before = (app.settings(OF_CONNECTION).await, app.world().await);

    let tag = json!({ "tag.title": "Dover" });
    let given = "the tag \u{201c}Dover\u{201d}";
    assert_eq!(
        additions(&app.what_if(OF_CONNECTION, tag).await),
        [beside("Ada", given), beside("Grace", given)]
    );
    let notes = json!({ "notes.on": ["created"] });
    let written = "a note upon created";
    assert_eq!(
        additions(&app.what_if(OF_JOB, notes).await),
        [beside("Ada", written), beside("Grace", written)]
    );
    let entries = json!({ "entries": [{ "variable": "fields.team", "to": "Team" }] });
    let path = format!("/v1/connections/{CONNECTION}/field-map?preview=true");
    let map = app
        .request(Method::PUT, &path)
        .bearer_auth(TOKEN)
        .json(&entries);
    assert_eq!(
        additions(&app.send(map).await.ok()),
        [beside("Ada", "the field \u{201c}Team\u{201d}")]
    );
    assert_eq!(
        (app.settings(OF_CONNECTION).await, app.world().await),
        before
    );
}
