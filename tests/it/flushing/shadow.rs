//! Jobs in shadow: decided and recorded, and nothing written.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{CONNECTION, Person, TOKEN, TestApp};

impl TestApp {
    /// Sets the mode of a job.
    async fn set_mode(&self, job: &str, mode: &str) -> Value {
        let path = format!("/v1/connections/{CONNECTION}/jobs/{job}");
        let request = self.request(Method::PATCH, &path).bearer_auth(TOKEN);
        self.send(request.json(&json!({ "mode": mode }))).await.ok()
    }

    async fn register_in_shadow(&self) {
        let job = self.sim("jobs", json!({ "title": "Staff Engineer" })).await;
        let body = json!({
            "dover_job_id": "job_42", "ashby_job": job["id"], "title": "Staff Engineer", "mode": "shadow",
        });
        let path = format!("/v1/connections/{CONNECTION}/jobs");
        let registered = self.post(&path, body).await.ok();
        assert_eq!(registered["mode"], "shadow");
    }
}

#[tokio::test]
async fn a_job_in_shadow_is_decided_and_nothing_is_written_until_it_is_live() {
    let app = TestApp::connected().await;
    app.register_in_shadow().await;
    let ada = Person::new("Ada");
    app.says(&ada, "replied").await;
    assert!(app.flush_to_rest().await.is_empty());
    let prospect = app.prospect(&ada.id).await;
    assert_eq!(
        (&prospect["state"], &prospect["ashby"]),
        (&json!("parked"), &json!(null))
    );
    let told = &prospect["last_decision"];
    assert_eq!(
        (&told["action"], &told["reason"]["code"]),
        (&json!("create"), &json!("shadow"))
    );
    app.counts_parked("shadow", 1).await;
    let sentence = told["reason"]["sentence"].as_str().unwrap();
    assert!(
        sentence.contains("created at \u{201c}Replied\u{201d}"),
        "{sentence}"
    );

    app.wait(15);
    let promoted = app.set_mode("job_42", "live").await;
    assert_eq!(promoted["mode"], "live");
    assert_eq!(
        app.flush_to_rest().await,
        ["candidate.create", "application.create"]
    );
    assert_eq!(app.reason(&ada.id).await, "created");
}

#[tokio::test]
async fn what_needs_nothing_is_linked_only_once_the_job_is_live() {
    let (app, ada, _) = super::with_ada("new_lead").await;
    let linked = app.prospect(&ada.id).await["ashby"].clone();
    app.resync(&ada, "?relink=true").await;
    app.set_mode("job_42", "shadow").await;
    app.wait(15);
    app.says(&ada, "new_lead").await;
    assert!(app.flush_to_rest().await.is_empty());
    assert_eq!(app.reason(&ada.id).await, "already-there");
    assert_eq!(app.prospect(&ada.id).await["ashby"], json!(null));
    app.set_mode("job_42", "live").await;
    assert!(app.flush_to_rest().await.is_empty());
    assert_eq!(app.prospect(&ada.id).await["ashby"], linked);
}

#[tokio::test]
async fn a_preview_shows_what_a_job_in_shadow_would_do() {
    let app = TestApp::connected().await;
    app.register_in_shadow().await;
    app.says(&Person::new("Ada"), "replied").await;
    let preview = app.preview().await;
    let item = &preview["items"][0];
    assert_eq!(
        (&item["action"], &item["reason"]["code"]),
        (&json!("create"), &json!("shadow"))
    );
    assert_eq!(
        (&preview["counts"]["created"], &preview["counts"]["parked"]),
        (&json!(0), &json!(1))
    );
    assert_eq!(app.flush().await["counts"], preview["counts"]);
}

#[tokio::test]
async fn a_mode_is_one_of_two_and_can_be_set_alone() {
    let app = TestApp::with_job().await;
    let path = format!("/v1/connections/{CONNECTION}/jobs/job_42");
    assert_eq!(app.get(&path).await.ok()["mode"], "live");
    for (body, pointer) in [
        (json!({ "mode": "dark" }), "/mode"),
        (json!({}), "/title"),
        (json!({ "mode": "live", "ashby_job": "x" }), "/title"),
    ] {
        let request = app.request(Method::PATCH, &path).bearer_auth(TOKEN);
        let refused = app.send(request.json(&body)).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        let pointers = refused.body["faults"].as_array().unwrap();
        assert!(
            pointers.iter().any(|fault| fault["pointer"] == pointer),
            "{}",
            refused.body
        );
    }
    assert_eq!(app.set_mode("job_42", "shadow").await["mode"], "shadow");
    assert_eq!(app.get(&path).await.ok()["mode"], "shadow");
}
