//! A small stateful Ashby, in memory and over real HTTP: for the tests, for the demonstration, and for anyone who wants
//! to see what the sync does without an Ashby of their own.
//!
//! It imports nothing from the rest of this crate. Were it to share the client's wire types, a field misspelt on one
//! side would be misspelt on both and every test would pass. What it answers follows Ashby's own document of its
//! API of May 2026, its changelog, and recorded answers; where none of them says, there is a switch.
//!
//! The same seed and the same calls give the same ids and tokens. Time comes from the clock that is passed in.
//!
//! `judge` shows the way of a call from the key to the answer, `api` which endpoints there are, `control` how a test
//! or a person plays the rest of the world.

mod about;
mod answer;
mod api;
mod calls;
mod chance;
mod changes;
mod control;
mod deeds;
mod door;
mod faults;
mod gate;
mod input;
mod judge;
mod markup;
mod paging;
mod shelf;
mod switches;
mod webhooks;
mod wire;
mod world;

use std::{
    fmt,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use axum::Router;
use chrono::{DateTime, SubsecRound, Utc};
use tokio::net::TcpListener;

use self::world::World;

/// What the simulator starts from.
pub struct Config {
    /// Where ids and tokens come from.
    pub seed: u64,
    /// The keys that are let in. More can be added on the control plane.
    pub api_keys: Vec<ApiKey>,
    /// The clock that all times are read from.
    pub now: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
}

/// A key of the simulated organisation.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// The key itself: the user name of Basic authentication.
    pub key: String,
    /// The modules it opens, such as `candidates:write`.
    pub scopes: Vec<String>,
    /// What it is called in Ashby's settings.
    pub title: String,
}

impl ApiKey {
    /// A key that opens every module.
    pub fn full(key: impl Into<String>) -> Self {
        let scopes = api::ALL_SCOPES.map(str::to_owned).to_vec();
        Self {
            key: key.into(),
            scopes,
            title: "Simulated key".to_owned(),
        }
    }
}

/// A handle to one simulated organisation; clones share it.
#[derive(Clone)]
pub struct Simulator(Arc<Inner>);

struct Inner {
    config: Config,
    /// What webhooks are sent with.
    http: OnceLock<reqwest::Client>,
    world: Mutex<World>,
}

impl fmt::Debug for Simulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulator")
            .field("seed", &self.0.config.seed)
            .finish_non_exhaustive()
    }
}

impl Simulator {
    /// An organisation without jobs, sources, archive reasons or people.
    pub fn new(config: Config) -> Self {
        let world = World::new(config.seed, &config.api_keys, (config.now)());
        Self(Arc::new(Inner {
            config,
            http: OnceLock::new(),
            world: Mutex::new(world),
        }))
    }

    /// Another organisation that starts as this one stands, with a future, a clock and a record of calls of its own.
    #[must_use]
    pub fn copy(&self, now: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>) -> Self {
        let Config { seed, api_keys, .. } = &self.0.config;
        let config = Config {
            seed: *seed,
            api_keys: api_keys.clone(),
            now,
        };
        let mut world = self.lock().clone();
        world.calls.clear();
        Self(Arc::new(Inner {
            config,
            http: self.0.http.clone(),
            world: Mutex::new(world),
        }))
    }

    /// The same, able to send webhooks: `http` is what they go out with. The first one given stays.
    #[must_use]
    pub fn sending_with(self, http: reqwest::Client) -> Self {
        let _ = self.0.http.set(http);
        self
    }

    /// Ashby's API and, under `/_sim`, the control plane.
    pub fn router(&self) -> Router {
        control::router()
            .fallback(door::ashby)
            .with_state(self.clone())
    }

    /// Serves on `listener` until `shutdown` resolves; calls in flight are finished.
    pub async fn serve(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        axum::serve(listener, self.router())
            .with_graceful_shutdown(shutdown)
            .await
    }

    /// Everything the organisation holds, in words: what `GET /_sim/world` answers.
    pub fn world(&self) -> serde_json::Value {
        control::portrait::of(&self.lock())
    }

    /// Starts over, with the keys of the start; with another seed where one is given.
    fn reset(&self, seed: Option<u64>) {
        let Config {
            seed: first,
            api_keys,
            ..
        } = &self.0.config;
        *self.lock() = World::new(seed.unwrap_or(*first), api_keys, self.now());
    }

    fn now(&self) -> DateTime<Utc> {
        (self.0.config.now)().trunc_subsecs(3)
    }

    /// The world, with its clock set to the present moment.
    fn lock(&self) -> MutexGuard<'_, World> {
        let now = self.now();
        let mut world = self.0.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.now = now;
        world
    }
}
