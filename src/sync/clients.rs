//! Ashby clients, one pace for each connection: everything in this process that uses a key shares its rate limit.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use secrecy::SecretString;
use url::Url;

use crate::{
    ashby::{AshbyClient, Budget, CallObserver, CallRecord, Pace, http_client},
    clock::SharedClock,
    ids::ConnectionId,
    telemetry::Metrics,
};

/// Counts every call.
struct Counted(Metrics);

impl CallObserver for Counted {
    fn called(&self, call: &CallRecord) {
        self.0.called(call.endpoint, call.outcome.label());
    }
}

/// Makes Ashby clients.
#[derive(Clone)]
pub struct Clients {
    http: reqwest::Client,
    base_url: Url,
    clock: SharedClock,
    counter: Arc<dyn CallObserver>,
    paces: Arc<Mutex<HashMap<ConnectionId, Arc<Pace>>>>,
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients")
            .field("base_url", &self.base_url.as_str())
            .finish_non_exhaustive()
    }
}

impl Clients {
    /// Clients of the Ashby at `base_url`, whose every call `metrics` counts.
    pub fn new(base_url: Url, clock: SharedClock, metrics: Metrics) -> Self {
        Self::through(http_client(), base_url, clock, metrics)
    }

    /// As [`Clients::new`], through an HTTP client with settings of its own.
    pub fn through(
        http: reqwest::Client,
        base_url: Url,
        clock: SharedClock,
        metrics: Metrics,
    ) -> Self {
        Self {
            http,
            base_url,
            clock,
            counter: Arc::new(Counted(metrics)),
            paces: Arc::default(),
        }
    }

    /// The client of a connection, with its key.
    pub fn of(&self, connection: ConnectionId, key: SecretString) -> AshbyClient {
        let pace = Arc::clone(
            self.paces
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(connection)
                .or_insert_with(|| Arc::new(Pace::new(Arc::clone(&self.clock)))),
        );
        self.client(key, pace)
    }

    /// A client for a key that belongs to no connection yet.
    pub fn for_trial(&self, key: SecretString) -> AshbyClient {
        self.client(key, Arc::new(Pace::new(Arc::clone(&self.clock))))
    }

    fn client(&self, key: SecretString, pace: Arc<Pace>) -> AshbyClient {
        AshbyClient::new(
            self.http.clone(),
            self.base_url.clone(),
            key,
            Arc::clone(&self.clock),
            pace,
        )
        .observed_by(Arc::clone(&self.counter))
    }

    /// What is left of each key's budget, as far as this process has seen.
    pub fn budgets(&self) -> Vec<(ConnectionId, Budget)> {
        let paces = self.paces.lock().unwrap_or_else(PoisonError::into_inner);
        paces
            .iter()
            .filter_map(|(connection, pace)| Some((*connection, pace.budget()?)))
            .collect()
    }
}
