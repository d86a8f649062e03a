//! The shell around the core: gathers what a decision needs, lets [`plan`](crate::plan) decide, and carries it out.
//! No business is decided here.

mod access;
mod additions;
mod adopt;
pub mod answer;
mod apply;
pub mod brake;
pub mod cadence;
pub mod check;
mod clients;
pub mod connect;
mod credit;
mod doubt;
pub mod erase;
pub mod exclude;
mod excluded;
mod failed;
pub mod fields;
pub mod flush;
pub mod fold;
mod freshness;
mod gather;
mod groups;
mod hear;
mod identities;
mod job_address;
pub mod lease;
mod look;
mod merge;
mod metadata;
pub mod paths;
mod person;
mod prepare;
pub mod preview;
mod record;
mod refused;
pub mod register;
mod release;
pub mod replay;
pub mod resolve;
pub mod settings;
mod shared_look;
pub mod tokens;
pub mod undo;
mod yielding;

use std::sync::Arc;

use sqlx::PgPool;

pub use clients::Clients;
pub use yielding::Inflow;

use self::access::Access;
use crate::{
    ashby::{AshbyClient, AshbyError, Disposition},
    clock::SharedClock,
    ids::ConnectionId,
    store::{StoreError, Vault},
    telemetry::Metrics,
};

/// What the shell works with.
#[derive(Clone, Debug)]
pub struct Sync {
    /// The database.
    pub pool: PgPool,
    /// Opens stored secrets.
    pub vault: Vault,
    /// The time.
    pub clock: SharedClock,
    /// Ashby.
    pub clients: Clients,
    /// What this process counts.
    pub metrics: Metrics,
    /// The deliveries that it receives, which go before flushes.
    pub inflow: Arc<Inflow>,
    /// How often each connection is flushed.
    pub interval: chrono::TimeDelta,
    /// How long a flush holds its connection unless it renews: within this another process takes over after a crash.
    pub lease: chrono::TimeDelta,
}

impl Sync {
    /// The Ashby client of a connection.
    pub async fn ashby(&self, connection: ConnectionId) -> Result<AshbyClient, StoreError> {
        Ok(Access::of(self, connection).await?.client)
    }
}

/// What can go wrong between the database and Ashby.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Ashby.
    #[error(transparent)]
    Ashby(#[from] AshbyError),
}

impl SyncError {
    /// What may be logged: of Ashby's answer the code and the request, not its words, which may quote a person.
    pub fn for_the_log(&self) -> String {
        match self {
            Self::Store(error) => error.to_string(),
            Self::Ashby(error) => format!(
                "{}: {} (code {}, request {})",
                error.endpoint,
                error.outcome(),
                error.code.as_deref().unwrap_or("none"),
                error.request_id.as_deref().unwrap_or("unknown")
            ),
        }
    }

    /// Whether Ashby refused the key, or the key lacks a permission: a person has to see to it.
    pub fn is_about_the_key(&self) -> bool {
        matches!(self, Self::Ashby(error) if matches!(error.disposition(), Disposition::Key { .. }))
    }
}

impl From<sqlx::Error> for SyncError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}
