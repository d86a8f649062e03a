//! What others do in Ashby: between two flushes, and at the worst moment, right before a write of ours takes effect.
//! `docs/rules.md` has the table of moves that these hold.

mod between_flushes;
mod under_a_write;

use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Person, TestApp};

/// Ada at *New Lead*, synced.
async fn with_ada() -> (TestApp, Person, Value) {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada");
    app.says(&ada, "new_lead").await;
    app.flush_to_rest().await;
    let application = app.application("Ada").await;
    app.wait(15);
    (app, ada, application)
}

/// The same, and news that waits: *replied*.
async fn with_news() -> (TestApp, Person, Value) {
    let (app, ada, application) = with_ada().await;
    app.says(&ada, "replied").await;
    (app, ada, application)
}

/// The last decision on somebody left them so, and for that reason.
async fn is(app: &TestApp, who: &Person, state: &str, reason: &str) {
    let prospect = app.prospect_of(who).await;
    let code = &prospect["last_decision"]["reason"]["code"];
    assert_eq!(
        (&prospect["state"], code),
        (&json!(state), &json!(reason)),
        "{prospect}"
    );
}

fn path_of(kind: &str, thing: &Value) -> String {
    format!("{kind}/{}", thing["id"].as_str().unwrap())
}

async fn delete(app: &TestApp, path: &str) {
    app.sim_as(Method::DELETE, path, None).await;
}

/// The job of an application.
async fn job(app: &TestApp) -> Value {
    app.world().await["jobs"][0].clone()
}

/// The stage of that title in the plan of a job.
fn stage(job: &Value, title: &str) -> Value {
    let stages = job["plan"]["stages"].as_array().unwrap().iter();
    stages
        .clone()
        .find(|stage| stage["title"] == title)
        .unwrap()
        .clone()
}

/// A plan of the usual shape under other titles.
fn another_plan() -> Value {
    let stages = [
        ("New Lead", "Lead"),
        ("Reached Out", "Lead"),
        ("Replied", "Lead"),
        ("Call", "Active"),
        ("Offer", "Offer"),
        ("Hired", "Hired"),
        ("Archived", "Archived"),
    ];
    stages
        .map(|(title, kind)| json!({ "title": title, "type": kind }))
        .into_iter()
        .collect()
}

/// A source or an archive reason of that title.
async fn fitting(app: &TestApp, kind: &str, key: &str, title: &str) -> Value {
    let world = app.world().await;
    let mut all = world[kind].as_array().unwrap().iter();
    all.find(|one| one[key] == title).unwrap().clone()
}
