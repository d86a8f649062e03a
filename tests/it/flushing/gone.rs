//! Deleted, merged and transferred in Ashby.

use reqwest::Method;
use serde_json::json;

use super::{stage_of_ada, with_ada};
use crate::app::{Person, TestApp};

async fn delete(app: &TestApp, kind: &str, id: &serde_json::Value) {
    let path = format!("{kind}/{}", id.as_str().unwrap());
    app.sim_as(Method::DELETE, &path, None).await;
}

#[tokio::test]
async fn a_deleted_application_is_never_made_again_unless_somebody_asks() {
    let (app, ada, application) = with_ada("new_lead").await;
    delete(&app, "applications", &application["id"]).await;
    for stage in ["reached_out", "replied", "interviewing"] {
        app.wait(15);
        app.says(&ada, stage).await;
        assert!(app.flush_to_rest().await.is_empty());
        let prospect = app.prospect(&ada.id).await;
        assert_eq!(
            (
                &prospect["state"],
                &prospect["last_decision"]["reason"]["code"]
            ),
            (&json!("parked"), &json!("gone-from-ashby"))
        );
    }
    assert!(app.applications("Ada").await.is_empty());
    app.resync(&ada, "?relink=true").await;
    assert_eq!(app.flush_to_rest().await, ["application.create"]);
    assert_eq!(stage_of_ada(&app).await, "Phone Screen");
}

#[tokio::test]
async fn a_deleted_candidate_is_made_again_at_the_first_asking() {
    for query in ["", "?relink=true"] {
        let (app, ada, application) = with_ada("new_lead").await;
        delete(&app, "candidates", &application["candidateId"]).await;
        app.wait(15);
        app.says(&ada, "replied").await;
        assert!(app.flush_to_rest().await.is_empty());
        assert_eq!(app.reason(&ada.id).await, "gone-from-ashby");
        app.resync(&ada, query).await;
        assert_eq!(
            app.flush_to_rest().await,
            ["candidate.create", "application.create"]
        );
        assert_eq!(stage_of_ada(&app).await, "Replied");
    }
}

#[tokio::test]
async fn a_deleted_person_is_not_made_again_for_another_job() {
    let (app, _, application) = with_ada("new_lead").await;
    app.register("job_43", "Designer").await;
    delete(&app, "candidates", &application["candidateId"]).await;
    app.wait(15);
    let other = Person::new("Ada").on("job_43");
    app.says(&other, "replied").await;
    assert!(app.flush_to_rest().await.is_empty());
    let prospect = app.prospect_of(&other).await;
    assert_eq!(
        prospect["last_decision"]["reason"]["code"],
        "gone-from-ashby"
    );
    app.resync(&other, "").await;
    assert_eq!(
        app.flush_to_rest().await,
        ["candidate.create", "application.create"]
    );
}

#[tokio::test]
async fn a_merge_is_followed_through_the_application() {
    let (app, ada, application) = with_ada("new_lead").await;
    let survivor = app
        .sim(
            "candidates",
            json!({ "name": "Ada", "email": "ada@survivor.example" }),
        )
        .await;
    let path = format!(
        "candidates/{}/merge",
        application["candidateId"].as_str().unwrap()
    );
    app.sim(&path, json!({ "into": survivor["id"] })).await;
    app.wait(15);
    app.says(&ada, "replied").await;
    assert_eq!(app.flush_to_rest().await, ["application.changeStage"]);
    assert_eq!(stage_of_ada(&app).await, "Replied");
    let prospect = app.prospect(&ada.id).await;
    assert_eq!(prospect["ashby"]["candidate_id"], survivor["id"]);
    assert_eq!(prospect["ashby"]["application_id"], application["id"]);
}

#[tokio::test]
async fn after_a_merge_another_job_finds_the_survivor() {
    let (app, _, application) = with_ada("new_lead").await;
    app.register("job_43", "Designer").await;
    let survivor = app
        .sim(
            "candidates",
            json!({ "name": "Ada", "email": "ada@survivor.example" }),
        )
        .await;
    let path = format!(
        "candidates/{}/merge",
        application["candidateId"].as_str().unwrap()
    );
    app.sim(&path, json!({ "into": survivor["id"] })).await;
    app.wait(15);
    app.says(&Person::new("Ada").on("job_43"), "replied").await;
    assert_eq!(app.flush_to_rest().await, ["application.create"]);
    assert_eq!(app.candidates("Ada").await.len(), 1);
    assert_eq!(app.applications("Ada").await.len(), 2);
}
