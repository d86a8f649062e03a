//! The simulated Ashby of a measurement, over HTTP on 127.0.0.1, and a count of every call that came to its door.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::{Context, Result};
use axum::{
    extract::{Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::Response,
};
use dover_ashby_sync::{
    clock::SharedClock,
    commands::demo::Control,
    ids::AshbyJobId,
    simulator::{ApiKey, Config, Simulator},
};
use serde_json::json;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use url::Url;

/// The key that it takes.
pub(crate) const KEY: &str = "sim-key";
/// The title of its job.
pub(crate) const TITLE: &str = "Staff Engineer";

/// An Ashby with one open job and whatever else the integration needs. It is served until it is closed.
pub(crate) struct Ashby {
    pub(crate) addr: SocketAddr,
    /// Everybody else who uses it.
    pub(crate) control: Control,
    /// Its job.
    pub(crate) job: AshbyJobId,
    door: Arc<Mutex<Calls>>,
    stop: CancellationToken,
    serving: JoinHandle<std::io::Result<()>>,
}

/// What came to its door, by endpoint.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls {
    answered: BTreeMap<String, u64>,
    /// Turned away with 429.
    pub(crate) refused: u64,
}

impl Ashby {
    /// One that reads the time from `clock`.
    pub(crate) async fn open(clock: SharedClock) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let simulator = Simulator::new(Config {
            seed: 7,
            api_keys: vec![ApiKey::full(KEY)],
            now: Arc::new(move || clock.now()),
        });
        let (door, stop) = (Arc::<Mutex<Calls>>::default(), CancellationToken::new());
        let counted = middleware::from_fn_with_state(Arc::clone(&door), count);
        let router = simulator.router().layer(counted);
        let stopped = stop.clone().cancelled_owned();
        let serving = axum::serve(listener, router).with_graceful_shutdown(stopped);
        let serving = tokio::spawn(async move { serving.await });
        let control = Control::new(addr);
        control.furnish().await?;
        let job = control.make("jobs", json!({ "title": TITLE })).await?;
        Ok(Self {
            addr,
            control,
            job: job["id"].as_str().context("the id of a job")?.into(),
            door,
            stop,
            serving,
        })
    }

    /// Where it is.
    pub(crate) fn url(&self) -> Result<Url> {
        Ok(format!("http://localhost:{}", self.addr.port()).parse()?)
    }

    /// The calls since this was asked last.
    pub(crate) fn calls(&self) -> Calls {
        std::mem::take(&mut *lock(&self.door))
    }

    /// Nobody asks it any more.
    pub(crate) async fn close(self) -> Result<()> {
        self.stop.cancel();
        Ok(self.serving.await??)
    }
}

impl Calls {
    /// Those that change something.
    pub(crate) fn writes(&self) -> u64 {
        self.of(is_write)
    }

    /// The others.
    pub(crate) fn reads(&self) -> u64 {
        self.of(|endpoint| !is_write(endpoint))
    }

    /// All of them by their endpoints, the most frequent first.
    pub(crate) fn described(&self) -> Vec<String> {
        let mut calls: Vec<_> = self.answered.iter().collect();
        calls.sort_by_key(|(_, count)| Reverse(**count));
        let calls = calls.into_iter();
        calls
            .map(|(endpoint, count)| format!("{count} {endpoint}"))
            .collect()
    }

    fn of(&self, these: impl Fn(&str) -> bool) -> u64 {
        let calls = self.answered.iter();
        calls
            .filter(|(endpoint, _)| these(endpoint))
            .map(|(_, count)| count)
            .sum()
    }
}

/// By the words that Ashby's endpoints have: what does not read, writes.
fn is_write(endpoint: &str) -> bool {
    let deed = endpoint.split_once('.').map_or(endpoint, |(_, deed)| deed);
    !["list", "info", "search"]
        .iter()
        .any(|read| deed.starts_with(read))
}

async fn count(State(door): State<Arc<Mutex<Calls>>>, request: Request, next: Next) -> Response {
    let endpoint = request.uri().path().trim_start_matches('/').to_owned();
    let answer = next.run(request).await;
    if endpoint.starts_with("_sim/") {
        return answer;
    }
    let mut calls = lock(&door);
    if answer.status() == StatusCode::TOO_MANY_REQUESTS {
        calls.refused += 1;
    } else {
        *calls.answered.entry(endpoint).or_default() += 1;
    }
    drop(calls);
    answer
}

fn lock(door: &Mutex<Calls>) -> MutexGuard<'_, Calls> {
    door.lock().unwrap_or_else(PoisonError::into_inner)
}
