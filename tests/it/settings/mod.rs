//! What can be set for a connection, a job and a user, and what comes of it.

mod audit;
mod layers;
mod preview;
mod stages;
mod triggers;

use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Answer, CONNECTION, Person, TOKEN, TestApp};

pub(crate) const OF_CONNECTION: &str = "settings";
pub(crate) const OF_JOB: &str = "jobs/job_42/settings";
pub(crate) const OF_USER: &str = "users/sourcer%40example.com/settings";

impl TestApp {
    /// Changes settings at a path below the connection.
    pub(crate) async fn try_to_set(&self, path: &str, change: Value) -> Answer {
        let path = format!("/v1/connections/{CONNECTION}/{path}");
        let request = self.request(Method::PATCH, &path).bearer_auth(TOKEN);
        self.send(request.json(&change)).await
    }

    /// The same, and it is taken.
    pub(crate) async fn set_on(&self, path: &str, change: Value) -> Value {
        self.try_to_set(path, change).await.ok()
    }

    /// Settings at a path below the connection.
    pub(crate) async fn settings(&self, path: &str) -> Value {
        self.get(&format!("/v1/connections/{CONNECTION}/{path}"))
            .await
            .ok()["settings"]
            .clone()
    }

    /// Dover says that somebody owned by `owner` is at a stage now.
    pub(crate) async fn says_of_owner(&self, who: &Person, owner: &str, stage: &str) {
        let now = self.now();
        let delivery =
            who.change(json!({ "stage": stage, "owner": { "email": owner }, "updated_at": now }));
        let id = format!("msg_{}_{}", who.id, now.timestamp_micros());
        self.deliver_until_taken(&id, &delivery).await.ok();
    }

    /// The sentence of the last decision on somebody.
    pub(crate) async fn sentence(&self, who: &Person) -> String {
        let prospect = self.prospect_of(who).await;
        let sentence = &prospect["last_decision"]["reason"]["sentence"];
        sentence.as_str().unwrap().to_owned()
    }
}
