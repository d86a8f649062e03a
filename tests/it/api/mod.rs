//! The admin's REST, over HTTP: what each endpoint answers, and each way of refusing.

mod connections;
mod deliveries;
mod doors;
mod flushes;
mod jobs;
mod prospects;
mod replays;
mod settings;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{Answer, CONNECTION, TOKEN, TestApp};

/// A path below the connection of most tests.
fn of_acme(path: &str) -> String {
    format!("/v1/connections/{CONNECTION}{path}")
}

impl TestApp {
    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        let request = self.request(Method::PATCH, path).bearer_auth(TOKEN);
        self.send(request.json(&body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        let request = self.request(Method::DELETE, path).bearer_auth(TOKEN);
        self.send(request).await
    }
}

impl Answer {
    /// A problem document of this status and code. Answers the pointers of its faults.
    #[track_caller]
    fn refused(self, status: u16, code: &str) -> Vec<String> {
        assert_eq!(
            (self.status.as_u16(), self.code()),
            (status, code),
            "{}",
            self.body
        );
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.body["status"], json!(status));
        let faults = self.body["faults"].as_array().into_iter().flatten();
        let pointers = faults.map(|fault| fault["pointer"].as_str().unwrap().to_owned());
        pointers.collect()
    }

    /// The body of an answer of this status.
    #[track_caller]
    fn with_status(self, status: StatusCode) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }
}

/// What every item of a page has under `key`.
fn each<'p>(page: &'p Value, key: &str) -> Vec<&'p str> {
    let items = page["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item[key].as_str().unwrap())
        .collect()
}

/// Every page of a list, two items each: what the items have under `key`.
async fn paged(app: &TestApp, path: &str, key: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = app.get(&format!("{path}?limit=2{cursor}")).await.ok();
        pages.push(each(&page, key).into_iter().map(str::to_owned).collect());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return pages,
        }
    }
}
