//! The simulator, driven as Ashby is: over HTTP, with a key. Every answer is held against Ashby's schemas.

mod applications;
mod candidates;
mod control;
mod faults;
mod key;
mod lists;

use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use dover_ashby_sync::simulator::{ApiKey, Config, Simulator};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::ashby_schema::check_response;

/// The key that opens everything.
const KEY: &str = "sim-key";

/// A simulator that serves on a port of its own, and the clock that it reads.
struct Ashby {
    http: Client,
    base: String,
    clock: Arc<Mutex<DateTime<Utc>>>,
}

impl Ashby {
    async fn start() -> Self {
        Self::start_with_seed(7).await
    }

    async fn start_with_seed(seed: u64) -> Self {
        let start = "2026-11-21T10:00:00Z".parse().expect("an instant");
        let clock = Arc::new(Mutex::new(start));
        let shown = clock.clone();
        let simulator = Simulator::new(Config {
            seed,
            api_keys: vec![ApiKey::full(KEY)],
            now: Arc::new(move || *shown.lock().expect("no test panics with the clock")),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        tokio::spawn(async move { simulator.serve(listener, std::future::pending()).await });
        Self {
            http: client(),
            base: format!("http://{address}"),
            clock,
        }
    }

    /// Lets time go by.
    fn wait(&self, seconds: i64) {
        *self.clock.lock().expect("no test panics with the clock") += TimeDelta::seconds(seconds);
    }

    /// What comes back from a POST with this key, unread.
    async fn post_as(&self, key: &str, endpoint: &str, body: &Value) -> Response {
        let url = format!("{}/{endpoint}", self.base);
        let request = self.http.post(url).basic_auth(key, Some(""));
        let sent = request.json(body).send().await;
        sent.expect("the simulator answers")
    }

    async fn post(&self, endpoint: &str, body: &Value) -> Response {
        self.post_as(KEY, endpoint, body).await
    }

    /// The envelope that an endpoint answers, checked.
    async fn envelope(&self, endpoint: &str, body: Value) -> Value {
        let response = self.post(endpoint, &body).await;
        assert_eq!(response.status(), 200, "{endpoint} {body}");
        let answer: Value = response.json().await.expect("an answer in JSON");
        let name = endpoint
            .replace("change_stage", "changeStage")
            .replace("change_source", "changeSource");
        if let Err(fault) = check_response(&name, &answer) {
            panic!("{endpoint} answers what Ashby would not: {fault}\n{answer:#}");
        }
        answer
    }

    /// The results of a call that succeeds.
    async fn call(&self, endpoint: &str, body: Value) -> Value {
        let mut answer = self.envelope(endpoint, body).await;
        assert_eq!(answer["success"], true, "{endpoint}: {answer:#}");
        answer["results"].take()
    }

    /// The code of a call that is refused.
    async fn refusal(&self, endpoint: &str, body: Value) -> String {
        let answer = self.envelope(endpoint, body).await;
        assert_eq!(answer["success"], false, "{endpoint}: {answer:#}");
        let code = &answer["errorInfo"]["code"];
        assert_eq!(answer["errors"][0], *code);
        code.as_str().expect("a code").to_owned()
    }

    /// A call to the control plane that is carried out.
    async fn control(&self, method: Method, path: &str, body: Value) -> Value {
        let response = self.ask_control(method, path, body).await;
        let status = response.status();
        let text = response.text().await.expect("a body");
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    async fn ask_control(&self, method: Method, path: &str, body: Value) -> Response {
        let url = format!("{}/_sim{path}", self.base);
        let request = self.http.request(method, url).json(&body);
        request.send().await.expect("the simulator answers")
    }

    async fn make(&self, path: &str, body: Value) -> Value {
        self.control(Method::POST, path, body).await
    }

    /// Makes a thing and gives its id.
    async fn id_of(&self, path: &str, body: Value) -> String {
        id(&self.make(path, body).await)
    }

    async fn set(&self, switches: Value) {
        self.make("/switches", switches).await;
    }

    /// A job with the usual plan.
    async fn job(&self) -> Value {
        self.make("/jobs", json!({"title": "Staff Engineer"})).await
    }

    /// A candidate called Ada, made by hand.
    async fn ada(&self) -> String {
        let ada = json!({"name": "Ada Lovelace", "email": "ada@example.com"});
        self.id_of("/candidates", ada).await
    }

    /// An application of Ada for the job, made by hand.
    async fn application(&self, job: &Value) -> String {
        let candidate = self.ada().await;
        let wanted = json!({"candidateId": candidate, "jobId": job["id"]});
        self.id_of("/applications", wanted).await
    }

    async fn world(&self) -> Value {
        self.control(Method::GET, "/world", json!({})).await
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test plays a client that is not ours"
)]
fn client() -> Client {
    // Ignored, for another test of this binary may have installed it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::new()
}

/// The id of an object.
fn id(object: &Value) -> String {
    object["id"].as_str().expect("an id").to_owned()
}

/// The id of the stage of this title in the plan of a job, as the control plane shows it.
fn stage(job: &Value, title: &str) -> String {
    let stages = job["plan"]["stages"].as_array().expect("a plan has stages");
    let found = stages.iter().find(|stage| stage["title"] == title);
    id(found.expect("the plan has this stage"))
}

/// What every object has under this name.
fn each<'a>(objects: &'a Value, name: &str) -> Vec<&'a str> {
    let objects = objects.as_array().expect("an array");
    objects
        .iter()
        .map(|object| object[name].as_str().expect("a string"))
        .collect()
}
