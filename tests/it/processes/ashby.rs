//! The simulated Ashby of these tests, on the real clock, with a gate in front of it at which calls can be counted or held.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
};

use axum::{
    body::Body,
    extract::{Request, State},
    http::{Method, StatusCode},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
};
use chrono::TimeDelta;
use dover_ashby_sync::{
    clock::{Clock, SystemClock},
    simulator::{ApiKey, Config, Simulator},
};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};
use tower::ServiceExt;

use super::{
    holds::{Held, Moment},
    steps::{Passage, Step, Steps},
};
use crate::app::ASHBY_KEY;

/// A simulated Ashby.
pub(crate) struct Ashby {
    pub(crate) addr: SocketAddr,
    simulator: Simulator,
    /// How many seconds ago it is there.
    behind: Arc<AtomicI64>,
    steps: Arc<Steps>,
    serving: JoinHandle<()>,
}

impl Drop for Ashby {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// An address of Ashby that one process has for itself.
pub(crate) struct Entrance {
    pub(crate) addr: SocketAddr,
    flushes: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

impl Entrance {
    /// How many flushes came by it.
    pub(crate) fn flushes(&self) -> usize {
        self.flushes.load(Ordering::Relaxed)
    }
}

impl Drop for Entrance {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Ashby {
    /// An empty organisation. The same deeds give the same ids in each.
    pub(crate) async fn start(steps: Arc<Steps>) -> Self {
        let behind: Arc<AtomicI64> = Arc::default();
        let shown = Arc::clone(&behind);
        let simulator = Simulator::new(Config {
            seed: 7,
            api_keys: vec![ApiKey::full(ASHBY_KEY)],
            now: Arc::new(move || {
                let behind = TimeDelta::seconds(shown.load(Ordering::SeqCst));
                SystemClock.now() - behind
            }),
        });
        let router = simulator
            .router()
            .layer(from_fn_with_state(Arc::clone(&steps), pass));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            addr,
            simulator,
            behind,
            steps,
            serving,
        }
    }

    /// Lets it be so many seconds ago from here on.
    pub(crate) fn set_back(&self, seconds: i64) {
        self.behind.store(seconds, Ordering::SeqCst);
    }

    /// Does something on the control plane.
    pub(crate) async fn control(&self, method: Method, path: &str, body: &Value) -> Value {
        let request = Request::builder()
            .method(method)
            .uri(format!("/_sim/{path}"))
            .body(Body::from(body.to_string()))
            .unwrap();
        let answer = self.simulator.router().oneshot(request).await.unwrap();
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(status.is_success(), "{path}: {status} {body:?}");
        serde_json::from_slice(&body).unwrap_or_default()
    }

    /// Makes a thing.
    pub(crate) async fn make(&self, path: &str, body: Value) -> Value {
        self.control(Method::POST, path, &body).await
    }

    /// Everything that it holds.
    pub(crate) fn world(&self) -> Value {
        self.simulator.world()
    }

    /// The endpoints of the calls that changed something, oldest first.
    pub(crate) async fn writes(&self) -> Vec<String> {
        let calls = self.control(Method::GET, "calls", &Value::Null).await;
        let calls = calls["calls"].as_array().unwrap().iter();
        calls
            .filter(|call| call["write"] == true)
            .map(|call| call["endpoint"].as_str().unwrap().to_owned())
            .collect()
    }

    /// A further address of the same Ashby, at which is counted who flushes.
    pub(crate) async fn entrance(&self) -> Entrance {
        let flushes: Arc<AtomicUsize> = Arc::default();
        let counted = Arc::clone(&flushes);
        let count = from_fn(move |request: Request, next: Next| {
            // A flush reads the applications once.
            if request.uri().path() == "/application.list" {
                counted.fetch_add(1, Ordering::Relaxed);
            }
            next.run(request)
        });
        let router = self.simulator.router().layer(count);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Entrance {
            addr,
            flushes,
            serving,
        }
    }

    /// Holds the next call of `endpoint` at `moment`.
    pub(crate) fn hold(&self, endpoint: &'static str, moment: Moment) -> Held {
        self.steps.holds.hold(endpoint, moment)
    }
}

/// Every call goes by here.
async fn pass(State(steps): State<Arc<Steps>>, request: Request, next: Next) -> Response {
    let endpoint = request.uri().path().trim_start_matches('/').to_owned();
    if endpoint.starts_with("_sim") {
        return next.run(request).await;
    }
    if steps.reach(Step::BeforeCall(endpoint.clone())) == Passage::Dead {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    // The simulator may go on without its caller, as a server does that has read a request: the effect is not undone by
    // a connection that breaks.
    let deed = tokio::spawn(async move {
        steps.holds.pass(&endpoint, Moment::Before).await;
        let answer = next.run(request).await;
        steps.holds.pass(&endpoint, Moment::After).await;
        // The dead do not read answers.
        steps.reach(Step::AfterCall(endpoint));
        answer
    });
    deed.await.unwrap()
}
