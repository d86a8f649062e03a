//! People who are to be left alone: files of them, rules over what Ashby holds, asking about somebody, giving the list out.

mod audited;
mod check;
mod figures;
mod files;
mod left_alone;
mod rules;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{ASHBY_KEY, Answer, CONNECTION, TOKEN, TestApp};

/// A path below the exclusion list of the connection of most tests.
fn of_list(path: &str) -> String {
    format!("/v1/connections/{CONNECTION}/exclusions{path}")
}

impl TestApp {
    /// Sends a file; `query` has what goes with it.
    async fn import(&self, query: &str, file: impl Into<reqwest::Body>) -> Answer {
        let path = of_list(&format!("/imports?{query}"));
        let request = self.request(Method::POST, &path).bearer_auth(TOKEN);
        let request = request.header("content-type", "text/csv").body(file);
        self.send(request).await
    }

    /// Sends a file and puts it in force.
    async fn exclude(&self, query: &str, file: &str) -> Value {
        let query = format!("{query}&commit=true");
        self.import(&query, file.to_owned()).await.ok()
    }

    /// Takes a list away.
    async fn remove(&self, list: &Value) {
        let path = of_list(&format!("/imports/{}", list["id"].as_str().unwrap()));
        let request = self.request(Method::DELETE, &path).bearer_auth(TOKEN);
        assert_eq!(self.send(request).await.status, StatusCode::NO_CONTENT);
    }

    async fn set_rules(&self, rules: Value) {
        self.set_rules_as(TOKEN, rules).await;
    }

    /// Sets rules by a token. Answers them as they are in force.
    async fn set_rules_as(&self, token: &str, rules: Value) -> Value {
        let request = self.request(Method::PUT, &of_list("/rules"));
        self.send(request.bearer_auth(token).json(&rules))
            .await
            .ok()
    }

    /// Asks about people.
    async fn asked(&self, people: Value) -> Vec<Value> {
        let body = json!({ "people": people });
        let answers = self.post(&of_list("/check"), body).await.ok();
        answers["items"].as_array().unwrap().clone()
    }

    /// The whole list, as it is given out: its lines without the header.
    async fn given_out(&self) -> Vec<String> {
        let text = self.get(&of_list("/export")).await.ok();
        let lines = text.as_str().unwrap().lines();
        lines.skip(1).map(str::to_owned).collect()
    }

    /// A recruiter gives somebody a tag in Ashby.
    async fn tag(&self, candidate: &Value, title: &str) {
        let tag = self
            .ashby("candidateTag.create", json!({ "title": title }))
            .await;
        let body = json!({ "candidateId": candidate["id"], "tagId": tag["results"]["id"] });
        self.ashby("candidate.addTag", body).await;
    }

    async fn ashby(&self, endpoint: &str, body: Value) -> Value {
        let url = self.ashby_url().join(endpoint).unwrap();
        let request = self.http.post(url).basic_auth(ASHBY_KEY, Some(""));
        self.send(request.json(&body)).await.ok()
    }
}
