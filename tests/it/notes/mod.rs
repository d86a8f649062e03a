//! Notes on people in Ashby: upon what, what they say, and that each is written once, whatever goes wrong.

mod backfill;
mod doubt;
mod settings;
mod synced;
mod written;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    app::{CONNECTION, Person, TestApp},
    settings::OF_CONNECTION,
};

/// Everything that a note can be written upon.
const ALL: [&str; 8] = [
    "email_sent",
    "email_replied",
    "linkedin_message",
    "call",
    "note",
    "stage_changed",
    "archived",
    "created",
];

/// What happens in Dover, all but the time of it.
struct Activity<'a> {
    id: &'a str,
    kind: &'a str,
    body: &'a str,
}

const fn activity<'a>(id: &'a str, kind: &'a str, body: &'a str) -> Activity<'a> {
    Activity { id, kind, body }
}

impl TestApp {
    /// The program with a job, where notes are written upon these.
    async fn noting(on: &[&str]) -> Self {
        let app = Self::with_job().await;
        app.set_on(OF_CONNECTION, json!({ "notes.on": on })).await;
        app
    }

    /// Somebody is on the job in Ashby, so that notes can be written, and a quarter of an hour goes by.
    async fn add(&self, who: &Person) {
        self.says(who, "new_lead").await;
        self.flush_to_rest().await;
        self.wait(15);
    }

    /// Dover tells of an activity that happened at `at`.
    async fn tells_at(&self, who: &Person, activity: &Activity<'_>, at: DateTime<Utc>) {
        let id = format!("msg_{}_{}", activity.id, self.now().timestamp_micros());
        let delivery = self.telling(who, activity, at);
        let answer = self.deliver_until_taken(&id, &delivery).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
    }

    /// The same of one that happened a minute ago.
    async fn tells(&self, who: &Person, activity: &Activity<'_>) {
        let at = self.now() - TimeDelta::minutes(1);
        self.tells_at(who, activity, at).await;
    }

    fn telling(&self, who: &Person, activity: &Activity<'_>, at: DateTime<Utc>) -> Value {
        let Activity { id, kind, body } = activity;
        let mut delivery = who.change(json!({
            "updated_at": self.now(),
            "activity": { "id": id, "kind": kind, "at": at, "subject": "Your work", "body": body },
        }));
        delivery["type"] = "candidate.activity".into();
        delivery
    }

    /// The notes on the one candidate of that name, oldest first.
    async fn notes(&self, name: &str) -> Vec<Value> {
        let people = self.candidates(name).await;
        assert_eq!(people.len(), 1, "{people:?}");
        people[0]["notes"].as_array().unwrap().clone()
    }

    /// What they say.
    async fn texts(&self, name: &str) -> Vec<String> {
        let notes = self.notes(name).await;
        let texts = notes.iter().map(|note| note["content"].as_str().unwrap());
        texts.map(str::to_owned).collect()
    }

    /// What became of each note of somebody, latest first: the kind, and how far it is or why it is not written.
    async fn noted(&self, who: &Person) -> Vec<(String, String)> {
        let id = self.prospect_of(who).await["id"].clone();
        let id = id.as_str().unwrap();
        let path = format!("/v1/connections/{CONNECTION}/prospects/{id}/explain");
        let explained = self.get(&path).await.ok();
        let notes = explained["notes"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let state = |note: &Value| match note["dropped_because"].as_str() {
            Some(why) => why.to_owned(),
            None => text(&note["state"]),
        };
        notes
            .iter()
            .map(|note| (text(&note["kind"]), state(note)))
            .collect()
    }
}
