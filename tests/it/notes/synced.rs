//! *Only add notes to synced records*: whether somebody whom Ashby has already gets notes before the trigger is reached.

use serde_json::json;

use super::activity;
use crate::{
    app::{Person, TestApp},
    settings::OF_CONNECTION,
};

/// The two settings that keep notes off a record until the trigger is reached: of notes alone, and of all that is written.
const ONLY_SYNCED: [&str; 2] = ["notes.only_synced", "sync.only_synced"];

/// Ada, who is in Ashby already, on the job if `is_on_job`, and of whom an e-mail is told before she replies.
async fn before_the_trigger(
    only_synced: Option<&str>,
    is_on_job: bool,
    trigger: &str,
) -> (TestApp, Person) {
    let app = TestApp::connected().await;
    let job = app.register("job_42", "Staff Engineer").await;
    let mut settings = json!({ "notes.on": ["email_sent"], "sync.trigger": trigger });
    if let Some(key) = only_synced {
        settings[key] = json!(true);
    }
    app.set_on(OF_CONNECTION, settings).await;
    let ada = Person::new("Ada");
    let who = app
        .sim(
            "candidates",
            json!({ "name": "Ada", "email": ada.contact["email"] }),
        )
        .await;
    if is_on_job {
        let applied = json!({ "candidateId": who["id"], "jobId": job["id"], "stage": "New Lead" });
        app.sim("applications", applied).await;
    }
    app.wait(1);
    app.says(&ada, "new_lead").await;
    app.tells(&ada, &activity("a1", "email_sent", "First"))
        .await;
    app.flush_to_rest().await;
    (app, ada)
}

#[tokio::test]
async fn off_notes_go_onto_whoever_is_in_ashby_before_the_trigger() {
    for trigger in ["replied", "never"] {
        for is_on_job in [true, false] {
            let (app, ada) = before_the_trigger(None, is_on_job, trigger).await;
            assert_eq!(
                app.notes("Ada").await.len(),
                1,
                "{trigger}, on the job: {is_on_job}"
            );
            assert_eq!(app.applications("Ada").await.len(), usize::from(is_on_job));
            if !is_on_job {
                let decisions = app.decisions(&ada).await;
                assert!(
                    decisions
                        .iter()
                        .any(|one| one["reason"]["code"] == "waiting-for-trigger")
                );
                assert_eq!(app.prospect(&ada.id).await["state"], "skipped");
            }
        }
    }
}

#[tokio::test]
async fn on_nothing_is_written_until_the_trigger_is_reached() {
    for (key, is_on_job) in ONLY_SYNCED
        .into_iter()
        .flat_map(|key| [(key, true), (key, false)])
    {
        let what = format!("{key}, on the job: {is_on_job}");
        let (app, ada) = before_the_trigger(Some(key), is_on_job, "replied").await;
        assert!(app.notes("Ada").await.is_empty(), "{what}");
        app.wait(15);
        app.says(&ada, "replied").await;
        app.flush_to_rest().await;
        // Of an application that was there, all of it is news; of one that was made, it is history.
        assert_eq!(
            app.notes("Ada").await.len(),
            usize::from(is_on_job),
            "{what}"
        );
        app.wait(15);
        app.tells(&ada, &activity("a2", "email_sent", "Second"))
            .await;
        app.flush_to_rest().await;
        assert_eq!(
            app.notes("Ada").await.len(),
            usize::from(is_on_job) + 1,
            "{what}"
        );
    }
}

#[tokio::test]
async fn what_waits_beside_the_notes_is_said_by_the_setting_of_each() {
    for (key, stage, reason) in [
        ("notes.only_synced", "Reached Out", "moved-forward"),
        ("sync.only_synced", "New Lead", "waiting-for-trigger"),
    ] {
        let (app, ada) = before_the_trigger(Some(key), true, "replied").await;
        app.set_on(
            OF_CONNECTION,
            json!({ "notes.on": ["email_sent", "stage_changed"] }),
        )
        .await;
        app.wait(15);
        app.says(&ada, "reached_out").await;
        app.tells(&ada, &activity("a2", "email_sent", "Second"))
            .await;
        app.flush_to_rest().await;
        assert_eq!(app.application("Ada").await["stage"], stage, "{key}");
        assert_eq!(app.reason(&ada.id).await, reason, "{key}");
        assert!(app.notes("Ada").await.is_empty(), "{key}");
    }
}

#[tokio::test]
async fn a_record_that_was_synced_goes_on_whatever_the_trigger_becomes() {
    let app = TestApp::noting(&["email_sent"]).await;
    let ada = Person::new("Ada");
    app.add(&ada).await;
    for (n, key) in ONLY_SYNCED.into_iter().enumerate() {
        let mut settings = json!({ "sync.trigger": "interested" });
        settings[key] = json!(true);
        app.set_on(OF_CONNECTION, settings).await;
        app.tells(&ada, &activity(&format!("a{n}"), "email_sent", "First"))
            .await;
        app.flush_to_rest().await;
        assert_eq!(app.notes("Ada").await.len(), n + 1, "{key}");
    }
}

#[tokio::test]
async fn whoever_is_not_in_ashby_gets_none() {
    let app = TestApp::noting(&["email_sent"]).await;
    app.set_on(OF_CONNECTION, json!({ "sync.trigger": "replied" }))
        .await;
    let ada = Person::new("Ada");
    app.says(&ada, "new_lead").await;
    app.tells(&ada, &activity("a1", "email_sent", "First"))
        .await;
    assert!(app.flush_to_rest().await.is_empty());
}

#[tokio::test]
async fn nothing_is_written_for_a_job_in_shadow() {
    let app = TestApp::noting(&["email_sent"]).await;
    let ada = Person::new("Ada");
    app.add(&ada).await;
    let path = format!("/v1/connections/{}/jobs/job_42", crate::app::CONNECTION);
    let request = app
        .request(reqwest::Method::PATCH, &path)
        .bearer_auth(crate::app::TOKEN);
    app.send(request.json(&json!({ "mode": "shadow" })))
        .await
        .ok();
    app.tells(&ada, &activity("a1", "email_sent", "First"))
        .await;
    assert!(app.flush_to_rest().await.is_empty());
}
