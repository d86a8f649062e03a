//! Ashby clients, one pace for each key: everything in this process that uses a key shares its rate limit, whichever
//! connection it acts for.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use url::Url;

use crate::{
    ashby::{AshbyClient, Budget, CallObserver, CallRecord, Pace, Partner, http_client},
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
    partner: Arc<Partner>,
    paces: Arc<Mutex<Paces>>,
}

/// The paces in use. A key's lives as long as a connection or a client uses it.
#[derive(Default)]
struct Paces {
    of_keys: HashMap<Fingerprint, Weak<Pace>>,
    of_connections: HashMap<ConnectionId, Arc<Pace>>,
}

/// Tells keys apart without keeping them.
type Fingerprint = [u8; 32];

fn fingerprint(key: &SecretString) -> Fingerprint {
    Sha256::digest(key.expose_secret()).into()
}

impl Paces {
    fn of(&mut self, key: &SecretString, make: impl FnOnce() -> Pace) -> Arc<Pace> {
        let print = fingerprint(key);
        if let Some(pace) = self.of_keys.get(&print).and_then(Weak::upgrade) {
            return pace;
        }
        self.of_keys.retain(|_, pace| pace.strong_count() > 0);
        let pace = Arc::new(make());
        self.of_keys.insert(print, Arc::downgrade(&pace));
        pace
    }
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
            partner: Arc::default(),
            paces: Arc::default(),
        }
    }

    /// The client of a connection, with its key.
    pub fn of(&self, connection: ConnectionId, key: SecretString) -> AshbyClient {
        let pace = {
            let mut paces = self.paces();
            let pace = paces.of(&key, || self.new_pace());
            paces.of_connections.insert(connection, Arc::clone(&pace));
            pace
        };
        self.client(key, pace)
    }

    /// A client for a key that belongs to no connection yet.
    pub fn for_trial(&self, key: SecretString) -> AshbyClient {
        let pace = self.paces().of(&key, || self.new_pace());
        self.client(key, pace)
    }

    fn paces(&self) -> MutexGuard<'_, Paces> {
        self.paces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn new_pace(&self) -> Pace {
        Pace::new(Arc::clone(&self.clock), Arc::clone(&self.partner))
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

    /// What is left of the budget of each connection's key, as far as this process has seen.
    pub fn budgets(&self) -> HashMap<ConnectionId, Budget> {
        let paces = self.paces();
        let known = paces.of_connections.iter();
        known
            .filter_map(|(connection, pace)| Some((*connection, pace.budget()?)))
            .collect()
    }
}
