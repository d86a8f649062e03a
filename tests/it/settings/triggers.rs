//! What has to happen in Dover before somebody is added to Ashby, and what becomes of those who wait when that is changed.

use serde_json::json;

use super::{OF_CONNECTION, OF_JOB, OF_USER};
use crate::app::{Person, TestApp};

const CREATED: [&str; 2] = ["candidate.create", "application.create"];

#[tokio::test]
async fn nobody_is_added_before_they_reply_and_the_sentence_says_why() {
    let app = TestApp::with_job().await;
    app.set_on(OF_JOB, json!({ "sync.trigger": "replied" }))
        .await;
    let ada = Person::new("Ada");
    app.says(&ada, "reached_out").await;
    assert!(app.flush_to_rest().await.is_empty());
    let prospect = app.prospect(&ada.id).await;
    assert_eq!(
        (&prospect["state"], &prospect["last_decision"]["action"]),
        (&json!("skipped"), &json!("none"))
    );
    let sentence = app.sentence(&ada).await;
    for part in [
        "once they reply",
        "The setting sync.trigger is \u{201c}replied\u{201d}, set for the job on 21 November 2026, 10:00:00 UTC by admin.",
    ] {
        assert!(sentence.contains(part), "{sentence}");
    }
    let change = json!({ "at": app.now(), "by": "admin", "layer": "job" });
    assert_eq!(
        app.decisions(&ada).await[0]["settings"],
        json!([{ "key": "sync.trigger", "value": "replied", "shown": "replied", "layer": "job", "last_change": change }])
    );
    app.wait(15);
    app.says(&ada, "replied").await;
    assert_eq!(app.flush_to_rest().await, CREATED);
    assert_eq!(app.decisions(&ada).await[0]["settings"], json!([]));
}

#[tokio::test]
async fn somebody_is_added_upon_their_interest() {
    let app = TestApp::with_job().await;
    app.set_on(OF_JOB, json!({ "sync.trigger": "interested" }))
        .await;
    let ada = Person::new("Ada");
    app.says(&ada, "replied").await;
    assert!(app.flush_to_rest().await.is_empty());
    app.wait(15);
    app.says(&ada, "interested").await;
    assert_eq!(app.flush_to_rest().await, CREATED);
}

#[tokio::test]
async fn a_lower_trigger_lets_those_go_whom_it_reaches_with_the_next_flush() {
    let app = TestApp::with_job().await;
    app.set_on(OF_CONNECTION, json!({ "sync.trigger": "never" }))
        .await;
    let (ada, grace) = (Person::new("Ada"), Person::new("Grace"));
    app.says(&ada, "replied").await;
    app.says(&grace, "new_lead").await;
    assert!(app.flush_to_rest().await.is_empty());

    app.set_on(OF_CONNECTION, json!({ "sync.trigger": "replied" }))
        .await;
    assert_eq!(app.prospect(&ada.id).await["state"], "pending");
    assert_eq!(app.flush_to_rest().await, CREATED);
    assert_eq!(app.reason(&ada.id).await, "created");
    assert_eq!(app.reason(&grace.id).await, "waiting-for-trigger");
    let sentence = app.sentence(&grace).await;
    assert!(sentence.contains("set for the connection"), "{sentence}");

    app.set_on(OF_CONNECTION, json!({ "sync.trigger": null }))
        .await;
    assert_eq!(app.flush_to_rest().await, CREATED);
    assert_eq!(app.candidates("Grace").await.len(), 1);
}

#[tokio::test]
async fn a_higher_trigger_holds_who_is_to_come_and_lets_go_on_who_is_there() {
    let app = TestApp::with_job().await;
    let (ada, grace) = (Person::new("Ada"), Person::new("Grace"));
    app.says(&ada, "new_lead").await;
    app.flush_to_rest().await;
    app.says(&grace, "new_lead").await;
    app.set_on(OF_JOB, json!({ "sync.trigger": "interested" }))
        .await;
    app.wait(15);
    app.says(&ada, "reached_out").await;
    assert_eq!(app.flush_to_rest().await, ["application.changeStage"]);
    assert_eq!(app.application("Ada").await["stage"], "Reached Out");
    assert!(app.candidates("Grace").await.is_empty());
}

#[tokio::test]
async fn a_trigger_of_one_job_lets_go_nobody_on_another() {
    let app = TestApp::with_job().await;
    app.register("job_43", "Designer").await;
    app.set_on(OF_CONNECTION, json!({ "sync.trigger": "never" }))
        .await;
    let (ada, grace) = (Person::new("Ada"), Person::new("Grace").on("job_43"));
    app.says(&ada, "replied").await;
    app.says(&grace, "replied").await;
    app.flush_to_rest().await;
    app.set_on(OF_JOB, json!({ "sync.trigger": "added" })).await;
    assert_eq!(app.flush_to_rest().await, CREATED);
    assert_eq!(app.candidates("Ada").await.len(), 1);
    assert!(app.candidates("Grace").await.is_empty());
}

#[tokio::test]
async fn a_users_own_trigger_is_for_those_whom_they_own() {
    let app = TestApp::with_job().await;
    app.set_on(OF_JOB, json!({ "sync.trigger": "never" })).await;
    let (ada, grace) = (Person::new("Ada"), Person::new("Grace"));
    app.says_of_owner(&ada, " Sourcer@Example.com", "replied")
        .await;
    app.says_of_owner(&grace, "other@example.com", "replied")
        .await;
    app.flush_to_rest().await;
    app.set_on(OF_USER, json!({ "sync.trigger": "interested" }))
        .await;
    assert!(app.flush_to_rest().await.is_empty());
    let sentence = app.sentence(&ada).await;
    assert!(
        sentence.contains("set for the candidate's owner"),
        "{sentence}"
    );
    app.set_on(OF_USER, json!({ "sync.trigger": "replied" }))
        .await;
    assert_eq!(app.flush_to_rest().await, CREATED);
    assert_eq!(app.candidates("Ada").await.len(), 1);
    assert!(app.candidates("Grace").await.is_empty());
}

#[tokio::test]
async fn with_only_synced_what_a_recruiter_made_is_left_alone_until_the_trigger() {
    let app = TestApp::with_job().await;
    let job = app.world().await["jobs"][0]["id"].clone();
    let (ada, at) = (Person::new("Ada"), app.now());
    let known = app
        .sim(
            "candidates",
            json!({ "name": "Ada", "email": ada.contact["email"], "at": at }),
        )
        .await;
    app.sim(
        "applications",
        json!({ "candidateId": known["id"], "jobId": job, "stage": "New Lead", "at": at }),
    )
    .await;
    app.wait(15);
    app.set_on(
        OF_JOB,
        json!({ "sync.trigger": "replied", "sync.only_synced": true }),
    )
    .await;
    app.says(&ada, "reached_out").await;
    assert!(app.flush_to_rest().await.is_empty());
    assert_eq!(app.prospect(&ada.id).await["ashby"], json!(null));
    let sentence = app.sentence(&ada).await;
    assert!(sentence.contains("sync.only_synced"), "{sentence}");

    // Without it, it is met and moved, though the trigger is not reached.
    app.set_on(OF_JOB, json!({ "sync.only_synced": false }))
        .await;
    assert_eq!(app.flush_to_rest().await, ["application.changeStage"]);
    assert_eq!(app.application("Ada").await["stage"], "Reached Out");
}

/// A flush that was under way decides by what was in force when it began. The one after it makes that good.
#[tokio::test]
async fn whoever_a_flush_left_by_the_old_settings_is_decided_again() {
    let app = TestApp::with_job().await;
    app.set_on(OF_JOB, json!({ "sync.trigger": "never" })).await;
    let ada = Person::new("Ada");
    app.says(&ada, "replied").await;
    app.flush_to_rest().await;
    app.set_on(OF_JOB, json!({ "sync.trigger": null })).await;
    // As a flush leaves it that had gathered before, and was slower.
    let pool = app.sync().pool;
    sqlx::query("UPDATE prospect SET state = 'skipped', revision = revision + 1")
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(app.flush_to_rest().await, CREATED);
}
