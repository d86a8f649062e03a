//! Speaking to Ashby for a connection: the client of the key that is in place, and what the calls say of the connection
//! itself, namely whether Ashby answers, and whether it still takes that key.

use std::sync::{Arc, Mutex, PoisonError};

use super::Sync;
use crate::{
    ashby::{AshbyClient, CallObserver, CallRecord},
    ids::ConnectionId,
    store::{self, StoreError, connection::SealedKey},
};

/// A client of a connection's Ashby, with the key that it uses.
pub(super) struct Access {
    pub(super) client: AshbyClient,
    connection: ConnectionId,
    key: SealedKey,
    answered: Arc<Answered>,
}

/// Whether Ashby answered the last call.
#[derive(Debug, Default)]
struct Answered(Mutex<Option<bool>>);

impl CallObserver for Answered {
    fn called(&self, call: &CallRecord) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(call.outcome.is_answer());
    }
}

impl Access {
    /// With the key that is in place now, and the share of its limit that is set to be left to others.
    pub(super) async fn of(sync: &Sync, connection: ConnectionId) -> Result<Self, StoreError> {
        let stored = store::connection::ashby_access(&sync.pool, connection).await?;
        let key = stored.key.open(&sync.vault)?;
        let answered = Arc::new(Answered::default());
        let client = sync
            .clients
            .of(connection, key)
            .leaving(stored.settings.reserved_share)
            .observed_by(Arc::clone(&answered) as _);
        Ok(Self {
            client,
            connection,
            key: stored.key,
            answered,
        })
    }

    /// Keeps whether Ashby answered the last call, for whoever asks how the connection does.
    pub(super) async fn keep_answered(&self, sync: &Sync) -> Result<(), StoreError> {
        let answered = *self
            .answered
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match answered {
            Some(answered) => {
                store::connection::set_answered(&sync.pool, self.connection, answered).await
            }
            None => Ok(()),
        }
    }

    /// Ashby does not take the key, or not for all that is needed: nothing is sent until a check passes. One that was
    /// replaced meanwhile says nothing of the one in its place.
    pub(super) async fn needs_attention(&self, sync: &Sync, why: &str) -> Result<(), StoreError> {
        store::connection::needs_attention(&sync.pool, self.connection, &self.key, why).await
    }

    /// Nothing stands against the key: flushes go on, unless another is in its place.
    pub(super) async fn is_well(&self, sync: &Sync) -> Result<(), StoreError> {
        store::connection::is_well(&sync.pool, self.connection, &self.key).await
    }
}
