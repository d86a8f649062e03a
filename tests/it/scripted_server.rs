//! A server that answers by a script instead of like Ashby, for the answers that no healthy server gives.

use std::{
    collections::VecDeque,
    future::pending,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Response, Uri},
};
use chrono::{DateTime, Utc};
use dover_ashby_sync::{
    ashby::{
        AshbyClient, AshbyError, CallObserver, CallOutcome, CallRecord, NewCandidate, Pace,
        http_client,
    },
    clock::{Clock, ManualClock},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

pub(crate) const KEY: &str = "ashby-test-key";

/// One scripted answer.
pub(crate) enum Say {
    /// A status, headers and a body.
    Answer(u16, Vec<(&'static str, &'static str)>, String),
    /// Nothing, ever.
    Silence,
}

/// One request as it came.
pub(crate) struct Heard {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

#[derive(Clone, Default)]
pub(crate) struct Script {
    pub(crate) to_say: Arc<Mutex<VecDeque<Say>>>,
    pub(crate) heard: Arc<Mutex<Vec<Heard>>>,
}

#[derive(Default)]
pub(crate) struct Records(pub(crate) Mutex<Vec<CallRecord>>);

impl CallObserver for Records {
    fn called(&self, call: &CallRecord) {
        self.0.lock().unwrap().push(call.clone());
    }
}

/// A client, the server it speaks to, and the clock it waits by.
pub(crate) struct Scene {
    pub(crate) client: AshbyClient,
    pub(crate) clock: ManualClock,
    pub(crate) script: Script,
    pub(crate) records: Arc<Records>,
}

pub(crate) fn start() -> DateTime<Utc> {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

pub(crate) fn say(status: u16, body: impl Into<String>) -> Say {
    Say::Answer(status, Vec::new(), body.into())
}

pub(crate) fn say_json(body: &Value) -> Say {
    say(200, body.to_string())
}

pub(crate) fn results(results: &Value) -> Say {
    say_json(&json!({"success": true, "results": results}))
}

pub(crate) fn ada() -> Value {
    json!({"id": "c-1", "name": "Ada Lovelace", "applicationIds": []})
}

pub(crate) fn application() -> Value {
    json!({
        "id": "a-1", "createdAt": "2026-11-21T09:00:00Z", "updatedAt": "2026-11-21T09:00:01Z", "status": "Lead",
        "candidate": {"id": "c-1"}, "job": {"id": "j-1"}, "currentInterviewStage": null
    })
}

async fn answer(
    State(script): State<Script>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    script.heard.lock().unwrap().push(Heard {
        path: uri.path().to_owned(),
        headers,
        body: serde_json::from_slice(&body).unwrap(),
    });
    let next = script.to_say.lock().unwrap().pop_front();
    match next.expect("one request more than the script foresees") {
        Say::Answer(status, headers, body) => {
            let response = Response::builder()
                .status(status)
                .header("x-ashby-request-id", "01REQUEST");
            headers
                .into_iter()
                .fold(response, |response, (name, value)| {
                    response.header(name, value)
                })
                .body(Body::from(body))
                .unwrap()
        }
        Say::Silence => pending().await,
    }
}

/// A client of the server at `address`.
pub(crate) fn client_of(
    address: SocketAddr,
    http: reqwest::Client,
    clock: &ManualClock,
) -> AshbyClient {
    let clock = Arc::new(clock.clone());
    let url = format!("http://{address}").parse().unwrap();
    let pace = Arc::new(Pace::new(clock.clone(), Arc::default()));
    AshbyClient::new(http, url, KEY.into(), clock, pace)
}

impl Scene {
    pub(crate) async fn of(script: impl IntoIterator<Item = Say>) -> Self {
        Self::with_http(http_client(), script).await
    }

    pub(crate) async fn with_http(
        http: reqwest::Client,
        to_say: impl IntoIterator<Item = Say>,
    ) -> Self {
        let script = Script::default();
        script.to_say.lock().unwrap().extend(to_say);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(answer).with_state(script.clone());
        tokio::spawn(async { axum::serve(listener, router).await });
        let clock = ManualClock::at(start());
        let records = Arc::new(Records::default());
        let client = client_of(address, http, &clock).observed_by(records.clone());
        Self {
            client,
            clock,
            script,
            records,
        }
    }

    pub(crate) fn times_asked(&self) -> usize {
        self.script.heard.lock().unwrap().len()
    }

    pub(crate) fn seconds_gone(&self) -> i64 {
        (self.clock.now() - start()).num_seconds()
    }

    pub(crate) fn outcomes(&self) -> Vec<CallOutcome> {
        let records = self.records.0.lock().unwrap();
        records.iter().map(|record| record.outcome).collect()
    }

    pub(crate) async fn create_ada(&self) -> Result<(), AshbyError> {
        let new = NewCandidate::named("Ada Lovelace");
        self.client.create_candidate(&new).await.map(drop)
    }

    pub(crate) async fn read_ada(&self) -> Result<(), AshbyError> {
        self.client.candidate_info(&"c-1".into()).await.map(drop)
    }
}

/// A server that hangs up on the first request, once it has read it, and answers the second.
pub(crate) async fn server_that_hangs_up_once() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut first, _) = listener.accept().await.unwrap();
        let _ = first.read(&mut [0; 4096]).await.unwrap();
        drop(first);
        let (mut second, _) = listener.accept().await.unwrap();
        let _ = second.read(&mut [0; 4096]).await.unwrap();
        let body = json!({"success": true, "results": ada()}).to_string();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        second.write_all((head + &body).as_bytes()).await.unwrap();
    });
    address
}
