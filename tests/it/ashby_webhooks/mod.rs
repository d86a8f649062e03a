//! Ashby's own webhooks: received as Dover's are, and taken for what they are: hints.

mod door;
mod hints;
mod long_life;

use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{CONNECTION, TestApp};

/// Every type that means anything to us, and some that do not.
const TYPES: [&str; 12] = [
    "applicationSubmit",
    "applicationUpdate",
    "candidateStageChange",
    "candidateHire",
    "candidateDelete",
    "candidateMerge",
    "interviewPlanTransition",
    "jobUpdate",
    "interviewScheduleUpdate",
    "pushToHRIS",
    "surveySubmit",
    "ping",
];

/// Sets the secret of Ashby's webhooks. Answers what was answered.
async fn rotate(app: &TestApp, body: Value) -> Value {
    let path = format!("/v1/connections/{CONNECTION}/ashby-webhook-secret/rotate");
    app.post(&path, body).await.ok()
}

/// Adds webhooks in Ashby, of `types`, with the secret token `secret`.
async fn subscribe(app: &TestApp, types: &[&str], secret: Option<&str>) {
    let url = format!("http://{}/webhooks/ashby/{CONNECTION}", app.addr);
    let body = json!({ "webhookTypes": types, "requestUrl": url, "secretToken": secret });
    app.sim_as(Method::POST, "webhooks", Some(body)).await;
}

/// The program with Ashby's webhooks set up, as an admin does.
async fn set_up(app: &TestApp) {
    let rotated = rotate(app, json!({})).await;
    subscribe(app, &TYPES, rotated["ashby_webhook_secret"].as_str()).await;
}

/// What waits in Ashby to be sent.
async fn outbox(app: &TestApp) -> Vec<Value> {
    let outbox = app.sim_as(Method::GET, "webhooks/outbox", None).await;
    outbox.as_array().unwrap().clone()
}

/// Lets Ashby send what `wanted` says. Answers the status of each attempt.
async fn send(app: &TestApp, wanted: Value) -> Vec<u64> {
    let report = app.sim("webhooks/deliver", wanted).await;
    let attempts = report.as_array().unwrap().iter();
    attempts
        .map(|attempt| attempt["status"].as_u64().unwrap_or_default())
        .collect()
}

/// The deliveries of Ashby's, latest first.
async fn kept(app: &TestApp) -> Vec<Value> {
    let path = format!("/v1/connections/{CONNECTION}/deliveries?sender=ashby");
    app.get(&path).await.ok()["items"]
        .as_array()
        .unwrap()
        .clone()
}
