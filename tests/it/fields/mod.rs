//! What Dover says, in fields of Ashby's: the map, its policies, and what recruiters do meanwhile.

mod contact;
mod defaults;
mod filters;
mod map;
mod options;
mod policies;
mod trouble;

use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{ASHBY_KEY, Answer, CONNECTION, Person, TOKEN, TestApp};

const OF_FIELDS: &str = "customField.setValues";

impl TestApp {
    /// An admin adds a field in Ashby.
    async fn field(&self, title: &str, object: &str, kind: &str) -> Value {
        let body = json!({ "title": title, "objectType": object, "fieldType": kind });
        self.sim("custom-fields", body).await
    }

    /// One of whose options one is chosen.
    async fn select(&self, title: &str, options: Value) -> Value {
        let body = json!({ "title": title, "objectType": "Candidate", "fieldType": "ValueSelect", "options": options });
        self.sim("custom-fields", body).await
    }

    async fn try_map(&self, query: &str, map: Value) -> Answer {
        let path = format!("/v1/connections/{CONNECTION}/field-map{query}");
        let request = self.request(Method::PUT, &path).bearer_auth(TOKEN);
        self.send(request.json(&map)).await
    }

    pub(crate) async fn map(&self, map: Value) -> Value {
        self.try_map("", map).await.ok()
    }

    /// Dover says something of somebody's details alone, as of now.
    async fn details(&self, who: &Person) {
        self.details_at(who, self.now()).await;
    }

    async fn details_at(&self, who: &Person, at: chrono::DateTime<chrono::Utc>) {
        let mut delivery = who.change(json!({ "updated_at": at }));
        delivery["type"] = json!("candidate.updated");
        let id = format!("msg_{}_details_{}", who.id, at.timestamp_micros());
        self.deliver_until_taken(&id, &delivery).await.ok();
    }

    /// A recruiter does something in Ashby, now.
    async fn in_ashby(&self, endpoint: &str, body: Value) {
        let url = self.ashby_url().join(endpoint).unwrap();
        let request = self.http.post(url).basic_auth(ASHBY_KEY, Some(""));
        let answer = self.send(request.json(&body)).await.ok();
        assert_eq!(answer["success"], true, "{answer}");
    }

    /// A recruiter fills a field of a candidate, or empties it.
    async fn fills(&self, name: &str, field: &Value, value: Value) {
        let id = self.candidate(name).await["id"].clone();
        let body = json!({ "objectId": id, "objectType": "Candidate", "fieldId": field["id"], "fieldValue": value });
        self.in_ashby("customField.setValue", body).await;
    }

    /// The one candidate of that name.
    async fn candidate(&self, name: &str) -> Value {
        let found = self.candidates(name).await;
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].clone()
    }

    /// What the one candidate of that name has in a field.
    async fn value(&self, name: &str, field: &str) -> Value {
        self.candidate(name).await["customFields"][field].clone()
    }
}

/// Ada, of whom Dover says these fields beside her details.
fn ada(fields: Value) -> Person {
    let mut ada = Person::new("Ada");
    ada.contact["fields"] = fields;
    ada
}

/// A map of `fields.level` to the field *Level*.
fn level(policy: &str) -> Value {
    json!({ "entries": [{ "variable": "fields.level", "to": "Level", "policy": policy }] })
}

/// The program with a job, and a field *Level* into which `fields.level` goes.
async fn with_level(policy: &str) -> (TestApp, Value) {
    let app = TestApp::with_job().await;
    let field = app.field("Level", "Candidate", "String").await;
    app.map(level(policy)).await;
    (app, field)
}
