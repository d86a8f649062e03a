//! What somebody in charge would see to after trouble, over the same API as they.

use serde_json::{Value, json};

use crate::app::{CONNECTION, TestApp};

/// Asks again where a busy machine kept the database from answering in time, as the problem document says.
async fn patiently(app: &TestApp, path: &str) -> Value {
    for _ in 0..10 {
        let answer = app.get(path).await;
        if answer.code() != "database-unavailable" {
            return answer.ok();
        }
    }
    app.get(path).await.ok()
}

/// Prospects, by a filter as the API takes it.
pub(crate) async fn prospects(app: &TestApp, filter: &str) -> Vec<Value> {
    let path = format!("/v1/connections/{CONNECTION}/prospects?limit=200&{filter}");
    let listed = patiently(app, &path).await;
    listed["items"].as_array().unwrap().clone()
}

/// Has a connection that needs attention checked. The error says why it does not pass.
pub(crate) async fn see_to_the_connection(app: &TestApp) -> Result<(), String> {
    let path = format!("/v1/connections/{CONNECTION}");
    if patiently(app, &path).await["status"] == "connected" {
        return Ok(());
    }
    let check = app.post(&format!("{path}/check"), json!({})).await;
    if patiently(app, &path).await["status"] == "connected" {
        return Ok(());
    }
    Err(format!("the check does not pass: {check:?}"))
}

/// Has everybody tried again whom Ashby refused. Answers how many that were.
pub(crate) async fn try_the_refused_again(app: &TestApp) -> usize {
    let refused = prospects(app, "reason=refused-by-ashby").await;
    for prospect in &refused {
        resync(app, prospect, "").await;
    }
    refused.len()
}

/// Looks in Ashby for whoever is asked about, and says what is there. Answers how many that were.
pub(crate) async fn answer_truthfully(app: &TestApp) -> usize {
    let asked = prospects(app, "reason=create-undecided").await;
    if asked.is_empty() {
        return 0;
    }
    let jobs = app
        .get(&format!("/v1/connections/{CONNECTION}/jobs"))
        .await
        .ok();
    let jobs = jobs["items"].as_array().unwrap();
    for prospect in &asked {
        let name = prospect["name"].as_str().unwrap();
        let job = jobs
            .iter()
            .find(|job| job["dover_job_id"] == prospect["dover_job_id"]);
        let title = &job.unwrap()["title"];
        let applications = app.applications(name).await;
        let application = applications
            .iter()
            .find(|application| application["job"] == *title);
        let query = match (application, app.candidates(name).await.first()) {
            (Some(there), _) => format!("?application_id={}", there["id"].as_str().unwrap()),
            (None, Some(there)) if prospect["ashby"].is_null() => {
                format!("?candidate_id={}", there["id"].as_str().unwrap())
            }
            _ => "?create_again=true".to_owned(),
        };
        resync(app, prospect, &query).await;
    }
    asked.len()
}

async fn resync(app: &TestApp, prospect: &Value, query: &str) {
    let id = prospect["id"].as_str().unwrap();
    let path = format!("/v1/connections/{CONNECTION}/prospects/{id}/resync{query}");
    app.post(&path, json!({})).await.ok();
}
