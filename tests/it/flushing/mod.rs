//! Flushes: signed deliveries in, the simulator's world and our explanations out. Every scenario is flushed twice; the
//! second time nothing is written.

mod archiving;
mod brake;
mod creating;
mod explaining;
mod gone;
mod moving;
mod ordering;
mod people;
mod shadow;
mod undo;
mod waiting;

use serde_json::{Value, json};

use crate::app::{Person, TestApp};

/// The program with the job `job_42`, and Ada on it, carried over at `stage`. Answers her application too.
async fn with_ada(stage: &str) -> (TestApp, Person, Value) {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada");
    app.says(&ada, stage).await;
    app.flush_to_rest().await;
    let application = app.application("Ada").await;
    (app, ada, application)
}

/// Where the one application of the one Ada stands.
async fn stage_of_ada(app: &TestApp) -> Value {
    app.application("Ada").await["stage"].clone()
}

/// An application as only the hiring team's own acts change it.
fn without_times(application: &Value) -> Value {
    let mut shown = application.clone();
    shown["updatedAt"] = json!(null);
    shown
}
