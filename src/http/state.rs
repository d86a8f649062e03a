//! What request handlers work with.

use std::{ops::Deref, sync::Arc};

use axum::extract::FromRef;
use secrecy::SecretString;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{gates::Gates, receiver::Receiver};
use crate::sync::Sync;

/// What request handlers work with. Cheap to clone, which every request does more than once.
#[derive(Clone, Debug)]
pub struct AppState(Arc<Parts>);

/// What request handlers work with.
#[derive(Debug)]
pub struct Parts {
    /// Database, vault, clock and Ashby.
    pub sync: Sync,
    /// Stores deliveries.
    pub receiver: Receiver,
    /// Who may send to which connection.
    pub gates: Gates,
    /// The bootstrap admin token.
    pub admin_token: SecretString,
    /// Whether health in depth and metrics take a token.
    pub guards_monitoring: bool,
    /// Flushes that were asked for and are under way; shutting down waits for them.
    pub flushes: TaskTracker,
    /// Cancelled when the process shuts down.
    pub shutdown: CancellationToken,
}

impl From<Parts> for AppState {
    fn from(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for AppState {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl FromRef<AppState> for Sync {
    fn from_ref(state: &AppState) -> Self {
        state.sync.clone()
    }
}
