//! What happened before the application was made.

use chrono::TimeDelta;
use serde_json::json;

use super::activity;
use crate::{
    app::{Person, TestApp},
    settings::{OF_CONNECTION, OF_JOB},
};

/// Ada, of whom two things were told before she replied, which adds her.
async fn with_a_history(backfill: bool) -> (TestApp, Person) {
    let app = TestApp::noting(&["email_sent", "email_replied", "created"]).await;
    app.set_on(OF_CONNECTION, json!({ "notes.backfill": backfill }))
        .await;
    app.set_on(OF_JOB, json!({ "sync.trigger": "replied" }))
        .await;
    let ada = Person::new("Ada");
    app.says(&ada, "reached_out").await;
    app.tells(&ada, &activity("a1", "email_sent", "First"))
        .await;
    assert!(app.flush_to_rest().await.is_empty());
    app.wait(15);
    app.tells(&ada, &activity("a2", "email_replied", "Second"))
        .await;
    assert!(app.flush_to_rest().await.is_empty());
    app.wait(15);
    app.says(&ada, "replied").await;
    app.flush_to_rest().await;
    (app, ada)
}

#[tokio::test]
async fn a_history_is_written_once_the_application_is_made_where_it_is_wanted() {
    let (app, ada) = with_a_history(true).await;
    let texts = app.texts("Ada").await;
    let told: Vec<_> = ["First", "Second", "Added (Dover)"]
        .into_iter()
        .zip(&texts)
        .map(|(part, text)| text.contains(part))
        .collect();
    assert_eq!((told, texts.len()), (vec![true; 3], 3), "{texts:?}");
    let noted = app.noted(&ada).await;
    assert!(
        noted.iter().all(|(_, state)| state == "written"),
        "{noted:?}"
    );
}

#[tokio::test]
async fn a_history_is_let_go_of_where_it_is_not() {
    let (app, ada) = with_a_history(false).await;
    let texts = app.texts("Ada").await;
    assert_eq!(texts, ["<b>Added (Dover)</b> at <i>Replied</i>"]);
    let noted = app.noted(&ada).await;
    let dropped = noted.iter().filter(|(_, state)| state == "before-record");
    assert_eq!(dropped.count(), 2, "{noted:?}");

    // What happens from now on is no history.
    app.wait(15);
    app.tells(&ada, &activity("a3", "email_sent", "Third"))
        .await;
    app.flush_to_rest().await;
    assert_eq!(app.notes("Ada").await.len(), 2);
    // What is told late is, although the application is there by now.
    let earlier = app.now() - TimeDelta::days(2);
    app.tells_at(&ada, &activity("a4", "email_sent", "Fourth"), earlier)
        .await;
    assert!(app.flush_to_rest().await.is_empty());
}

#[tokio::test]
async fn nothing_is_history_where_ashby_had_the_application_before() {
    let app = TestApp::connected().await;
    let job = app.register("job_42", "Staff Engineer").await;
    app.set_on(OF_CONNECTION, json!({ "notes.on": ["email_sent"] }))
        .await;
    let ada = Person::new("Ada");
    let who = app
        .sim(
            "candidates",
            json!({ "name": "Ada", "email": ada.contact["email"] }),
        )
        .await;
    let applied = json!({ "candidateId": who["id"], "jobId": job["id"], "stage": "New Lead" });
    app.sim("applications", applied).await;
    app.wait(1);
    let earlier = app.now() - TimeDelta::days(2);
    app.says(&ada, "new_lead").await;
    app.tells_at(&ada, &activity("a1", "email_sent", "First"), earlier)
        .await;
    app.flush_to_rest().await;
    assert_eq!(app.notes("Ada").await.len(), 1);
}
