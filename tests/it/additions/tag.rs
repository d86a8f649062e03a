//! The tag that a setting gives to candidates.

use reqwest::Method;
use serde_json::json;

use crate::{
    app::{CONNECTION, Person, TOKEN, TestApp},
    settings::{OF_CONNECTION, OF_JOB},
};

const CREATED: [&str; 2] = ["candidate.create", "application.create"];

async fn tags(app: &TestApp, name: &str) -> serde_json::Value {
    app.candidates(name).await[0]["tags"].clone()
}

#[tokio::test]
async fn nobody_is_tagged_unless_a_setting_says_so() {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada");
    app.says(&ada, "new_lead").await;
    assert_eq!(app.flush_to_rest().await, CREATED);
    assert_eq!(tags(&app, "Ada").await, json!([]));
}

#[tokio::test]
async fn a_tag_is_made_once_and_given_to_everybody_once() {
    let app = TestApp::with_job().await;
    app.set_on(OF_CONNECTION, json!({ "tag.title": "Dover" }))
        .await;
    let (ada, grace) = (Person::new("Ada"), Person::new("Grace"));
    app.says(&ada, "new_lead").await;
    app.says(&grace, "new_lead").await;
    let mut written = app.flush_to_rest().await;
    written.sort();
    assert_eq!(
        written,
        [
            "application.create",
            "application.create",
            "candidate.addTag",
            "candidate.addTag",
            "candidate.create",
            "candidate.create",
            "candidateTag.create",
        ]
    );
    assert_eq!(tags(&app, "Ada").await, json!(["Dover"]));
    assert_eq!(tags(&app, "Grace").await, json!(["Dover"]));
    // Created is what happened to her; that she was tagged is told beside it, and because of what.
    assert_eq!(app.reason(&ada.id).await, "created");
    let decisions = app.decisions(&ada).await;
    let setting = &decisions[0]["settings"][0];
    assert_eq!(
        (&setting["key"], &setting["layer"], &setting["value"]),
        (&json!("tag.title"), &json!("connection"), &json!("Dover"))
    );
    let told: Vec<_> = decisions
        .iter()
        .map(|decision| (&decision["action"], &decision["reason"]["code"]))
        .collect();
    assert_eq!(
        told,
        [
            (&json!("update"), &json!("updated")),
            (&json!("create"), &json!("created"))
        ]
    );
    app.wait(15);
    app.says(&ada, "replied").await;
    assert_eq!(app.flush_to_rest().await, ["application.changeStage"]);
}

#[tokio::test]
async fn a_tag_that_a_recruiter_takes_away_stays_away() {
    let app = TestApp::with_job().await;
    app.set_on(OF_JOB, json!({ "tag.title": "Dover" })).await;
    let ada = Person::new("Ada");
    app.says(&ada, "new_lead").await;
    app.flush_to_rest().await;
    let candidate = app.candidates("Ada").await[0].clone();
    let path = format!("candidates/{}/untag", candidate["id"].as_str().unwrap());
    app.sim(&path, json!({ "tag": "Dover" })).await;
    app.wait(15);
    app.says(&ada, "replied").await;
    assert_eq!(app.flush_to_rest().await, ["application.changeStage"]);
    assert_eq!(tags(&app, "Ada").await, json!([]));
}

#[tokio::test]
async fn one_that_was_taken_away_does_not_come_back_with_another_job() {
    let app = TestApp::with_job().await;
    app.register("job_43", "Designer").await;
    app.set_on(OF_CONNECTION, json!({ "tag.title": "Dover" }))
        .await;
    app.says(&Person::new("Ada"), "new_lead").await;
    app.flush_to_rest().await;
    let candidate = app.candidates("Ada").await[0].clone();
    let path = format!("candidates/{}/untag", candidate["id"].as_str().unwrap());
    app.sim(&path, json!({ "tag": "Dover" })).await;
    app.wait(15);
    app.says(&Person::new("Ada").on("job_43"), "new_lead").await;
    let previewed = app.preview().await;
    assert_eq!(previewed["items"][0]["additions"], json!([]));
    assert_eq!(app.flush_to_rest().await, ["application.create"]);
    assert_eq!(tags(&app, "Ada").await, json!([]));
}

/// The tag is an extra: a key that may not make tags still moves candidates.
#[tokio::test]
async fn a_key_that_may_not_make_tags_holds_nobody_back() {
    let app = TestApp::with_job().await;
    app.set_on(OF_CONNECTION, json!({ "tag.title": "Dover" }))
        .await;
    let fault = json!({ "endpoint": "candidateTag.create", "kind": "forbidden", "times": 100 });
    app.sim("faults", fault).await;
    let ada = Person::new("Ada");
    app.says(&ada, "new_lead").await;
    let flush = app.flush().await;
    assert_eq!(
        (
            &flush["status"],
            &flush["counts"]["created"],
            &flush["counts"]["parked"]
        ),
        (&json!("done"), &json!(1), &json!(1)),
        "{flush}"
    );
    assert_eq!(app.application("Ada").await["stage"], "New Lead");
    let prospect = app.prospect(&ada.id).await;
    assert_eq!(prospect["state"], "parked", "{prospect}");
    let sentence = app.sentence(&ada).await;
    assert!(
        sentence.contains("lacks the right hiringProcessMetadata:write"),
        "{sentence}"
    );
    app.sim_as(Method::DELETE, "faults", None).await;
    app.wait(15);
    app.says(&ada, "replied").await;
    app.flush_to_rest().await;
    assert_eq!(tags(&app, "Ada").await, json!(["Dover"]));
    assert_eq!(app.application("Ada").await["stage"], "Replied");
}

#[tokio::test]
async fn a_tag_whose_answer_was_lost_is_given_with_the_next_flush() {
    for endpoint in ["candidateTag.create", "candidate.addTag"] {
        for kind in ["lost-answer", "error-after", "error-before", "rate-limited"] {
            let app = TestApp::with_job().await;
            app.set_on(OF_CONNECTION, json!({ "tag.title": "Dover" }))
                .await;
            app.sim("faults", json!({ "endpoint": endpoint, "kind": kind }))
                .await;
            let ada = Person::new("Ada");
            app.says(&ada, "new_lead").await;
            app.flush().await;
            app.wait(15);
            app.flush().await;
            assert_eq!(
                tags(&app, "Ada").await,
                json!(["Dover"]),
                "{endpoint} {kind}"
            );
            assert_eq!(app.prospect(&ada.id).await["state"], "synced");
            assert_eq!(app.candidates("Ada").await.len(), 1);
        }
    }
}

/// Nothing at all is written of a job in shadow, nor of one that the brake stops: not even beside the stage.
#[tokio::test]
async fn nobody_is_tagged_where_nothing_is_to_be_written() {
    for is_stopped in [false, true] {
        let app = TestApp::with_job().await;
        let (ada, grace) = (Person::new("Ada"), Person::new("Grace"));
        for who in [&ada, &grace] {
            app.says(who, "new_lead").await;
        }
        app.flush_to_rest().await;
        let mut set = json!({ "tag.title": "Dover" });
        if is_stopped {
            set["brake.max_moves"] = json!(0);
            app.wait(15);
            app.says(&grace, "replied").await;
        } else {
            let path = format!("/v1/connections/{CONNECTION}/jobs/job_42");
            let shadow = app.request(Method::PATCH, &path).bearer_auth(TOKEN);
            app.send(shadow.json(&json!({ "mode": "shadow" })))
                .await
                .ok();
        }
        app.set_on(OF_CONNECTION, set).await;
        app.wait(15);
        app.says(&ada, "new_lead").await;
        assert!(app.flush_to_rest().await.is_empty(), "{is_stopped}");
        assert_eq!(tags(&app, "Ada").await, json!([]));
    }
}
