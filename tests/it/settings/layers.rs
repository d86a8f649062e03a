//! Which layer counts, what may be set where, and what is locked.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{OF_CONNECTION, OF_JOB, OF_USER};
use crate::app::{Answer, CONNECTION, TOKEN, TestApp};

#[tokio::test]
async fn the_most_particular_layer_counts_and_each_value_says_where_it_comes_from() {
    let app = TestApp::with_job().await;
    let trigger = async |path| {
        let found = app.settings(path).await["sync.trigger"].clone();
        (found["value"].clone(), found["layer"].clone())
    };
    let is = |value: &str, layer: &str| (json!(value), json!(layer));
    for path in [OF_CONNECTION, OF_JOB, OF_USER] {
        assert_eq!(trigger(path).await, is("added", "default"));
    }
    app.set_on(OF_CONNECTION, json!({ "sync.trigger": "replied" }))
        .await;
    assert_eq!(trigger(OF_CONNECTION).await, is("replied", "connection"));
    assert_eq!(trigger(OF_JOB).await, is("replied", "connection"));
    app.set_on(OF_JOB, json!({ "sync.trigger": "never" })).await;
    app.set_on(OF_USER, json!({ "sync.trigger": "interested" }))
        .await;
    assert_eq!(trigger(OF_CONNECTION).await, is("replied", "connection"));
    assert_eq!(trigger(OF_JOB).await, is("never", "job"));
    assert_eq!(trigger(OF_USER).await, is("interested", "user"));
    app.set_on(OF_JOB, json!({ "sync.trigger": null })).await;
    assert_eq!(trigger(OF_JOB).await, is("replied", "connection"));
}

#[tokio::test]
async fn a_value_names_the_last_change_of_what_made_it_so() {
    let app = TestApp::with_job().await;
    let change = async |path| app.settings(path).await["sync.trigger"]["last_change"].clone();
    assert_eq!(change(OF_JOB).await, json!(null));
    app.set_on(OF_CONNECTION, json!({ "sync.trigger": "replied" }))
        .await;
    let first = app.now();
    app.wait(1);
    app.set_on(OF_JOB, json!({ "sync.trigger": "never" })).await;
    let second = app.now();
    app.wait(1);
    app.set_on(OF_CONNECTION, json!({ "sync.trigger": "added" }))
        .await;
    let of_job = json!({ "at": second, "by": "admin", "layer": "job" });
    assert_eq!(change(OF_JOB).await, of_job);
    assert_ne!(change(OF_CONNECTION).await["at"], json!(first));
    // What went back is why the connection's counts again.
    app.wait(1);
    app.set_on(OF_JOB, json!({ "sync.trigger": null })).await;
    let back = json!({ "at": app.now(), "by": "admin", "layer": "job" });
    assert_eq!(change(OF_JOB).await, back);
    assert_eq!(
        app.settings(OF_JOB).await["sync.trigger"]["layer"],
        "connection"
    );
}

#[tokio::test]
async fn what_cannot_be_set_on_a_layer_is_refused_with_where_it_can() {
    let app = TestApp::with_job().await;
    for (path, wrong, pointer, said) in [
        (
            OF_USER,
            json!({ "brake.max_moves": 3 }),
            "/brake.max_moves",
            "for the connection only",
        ),
        (
            OF_USER,
            json!({ "stages.replied": "Replied" }),
            "/stages.replied",
            "for a job only",
        ),
        (
            OF_CONNECTION,
            json!({ "stages.replied": "Replied" }),
            "/stages.replied",
            "for a job only",
        ),
        (
            OF_JOB,
            json!({ "retention.deliveries_days": 30 }),
            "/retention.deliveries_days",
            "for the connection only",
        ),
        (
            OF_JOB,
            json!({ "sync.triger": "replied" }),
            "/sync.triger",
            "did you mean \"sync.trigger\"?",
        ),
        (
            OF_USER,
            json!({ "sync.trigger": "reply" }),
            "/sync.trigger",
            "added, replied, interested, never",
        ),
        (
            OF_JOB,
            json!({ "sync.only_synced": "yes" }),
            "/sync.only_synced",
            "true or false",
        ),
    ] {
        let refused = app.try_to_set(path, wrong).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(refused.code(), "invalid-fields");
        let fault = &refused.body["faults"][0];
        assert_eq!(fault["pointer"], pointer, "{fault}");
        assert!(fault["detail"].as_str().unwrap().contains(said), "{fault}");
    }
    let untouched = app.settings(OF_JOB).await;
    assert!(
        untouched
            .as_object()
            .unwrap()
            .values()
            .all(|setting| setting["layer"] == "default")
    );
}

#[tokio::test]
async fn settings_are_of_registered_jobs_and_of_addresses() {
    let app = TestApp::with_job().await;
    for path in [
        "jobs/job_7/settings",
        "users/nobody/settings",
        "users/%40/settings",
    ] {
        let path = format!("/v1/connections/{CONNECTION}/{path}");
        let missing = app.get(&path).await;
        assert_eq!(missing.status, StatusCode::NOT_FOUND, "{path}");
    }
    // An address is one whatever its capitals.
    app.set_on(OF_USER, json!({ "sync.trigger": "never" }))
        .await;
    let shouted = app.settings("users/SOURCER%40Example.com/settings").await;
    assert_eq!(shouted["sync.trigger"]["layer"], "user");
}

#[tokio::test]
async fn a_registration_that_is_taken_back_takes_its_settings_along() {
    let app = TestApp::with_job().await;
    app.set_on(OF_JOB, json!({ "sync.trigger": "never" })).await;
    let path = format!("/v1/connections/{CONNECTION}/jobs/job_42");
    let job = app.get(&path).await.ok();
    let delete = app.request(Method::DELETE, &path).bearer_auth(TOKEN);
    assert_eq!(app.send(delete).await.status, StatusCode::NO_CONTENT);
    let audit = format!("/v1/connections/{CONNECTION}/audit?limit=1");
    let last = app.get(&audit).await.ok()["items"][0].clone();
    let told = ["layer", "dover_job_id", "key", "from", "to", "by"].map(|key| last[key].clone());
    let expected = json!(["job", "job_42", "sync.trigger", "never", null, "admin"]);
    assert_eq!(json!(told), expected, "{last}");
    let body = json!({ "dover_job_id": "job_42", "ashby_job": job["ashby_job_id"], "title": job["title"] });
    app.post(&format!("/v1/connections/{CONNECTION}/jobs"), body)
        .await
        .ok();
    assert_eq!(
        app.settings(OF_JOB).await["sync.trigger"]["layer"],
        "default"
    );
}

const LOCKS: &str = "settings/locks";

/// What comes of a member's change at a path below the connection.
async fn by_a_member(app: &TestApp, token: &str, path: &str, change: Value) -> Answer {
    let path = format!("/v1/connections/{CONNECTION}/{path}");
    let request = app.request(Method::PATCH, &path).bearer_auth(token);
    app.send(request.json(&change)).await
}

#[tokio::test]
async fn a_member_changes_what_is_not_locked_and_nothing_that_is() {
    let app = TestApp::with_job().await;
    let (token, _) = app
        .token(json!({ "name": "Recruiting", "role": "member" }))
        .await;
    let locked = app
        .set_on(LOCKS, json!({ "sync": true, "stages.replied": true }))
        .await;
    assert_eq!(locked["locked"], json!(["stages.replied", "sync"]));
    let shown = app.settings(OF_JOB).await;
    assert_eq!(shown["sync.trigger"]["locked"], true);
    assert_eq!(shown["stages.interested"]["locked"], false);

    for (path, change, key, lock) in [
        (
            OF_USER,
            json!({ "sync.trigger": "never" }),
            "sync.trigger",
            "sync",
        ),
        (
            OF_JOB,
            json!({ "sync.only_synced": true }),
            "sync.only_synced",
            "sync",
        ),
        (
            OF_JOB,
            json!({ "stages.replied": null }),
            "stages.replied",
            "stages.replied",
        ),
    ] {
        for path in [path.to_owned(), format!("{path}?preview=true")] {
            let refused = by_a_member(&app, &token, &path, change.clone()).await;
            assert_eq!(
                (refused.status, refused.code()),
                (StatusCode::FORBIDDEN, "setting-locked")
            );
            let detail = refused.body["detail"].as_str().unwrap();
            assert_eq!(
                detail,
                format!("`{key}` is locked, by the lock on `{lock}`: only an admin changes it.")
            );
        }
    }
    let change = json!({ "stages.interested": "Onsite" });
    by_a_member(&app, &token, OF_JOB, change).await.ok();
    for (path, change) in [
        (OF_CONNECTION, json!({ "brake.max_moves": 3 })),
        (LOCKS, json!({ "sync": false })),
    ] {
        let refused = by_a_member(&app, &token, path, change).await;
        assert_eq!(refused.code(), "forbidden");
    }
    app.set_on(LOCKS, json!({ "sync": false })).await;
    let change = json!({ "sync.trigger": "never" });
    by_a_member(&app, &token, OF_USER, change).await.ok();
    let change = app.settings(OF_USER).await["sync.trigger"]["last_change"].clone();
    assert_eq!(change["by"], "Recruiting");
}

#[tokio::test]
async fn an_admin_changes_what_is_locked_and_only_what_there_is_can_be_locked() {
    let app = TestApp::with_job().await;
    app.set_on(LOCKS, json!({ "sync": true })).await;
    app.set_on(OF_USER, json!({ "sync.trigger": "never" }))
        .await;
    let refused = app
        .try_to_set(LOCKS, json!({ "sink": true, "brake": "yes" }))
        .await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let said = refused.body["faults"].to_string();
    assert!(
        said.contains("did you mean \\\"sync\\\"?") && said.contains("/brake"),
        "{said}"
    );
}
