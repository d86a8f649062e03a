//! Who may send to which connection, kept at hand so that no webhook costs a look into the database for it.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    dover::{
        payload::PayloadPaths,
        signature::{WebhookSecret, WebhookSecrets},
    },
    ids::ConnectionId,
    store::{self, StoreError},
    sync::Sync,
};

/// How long a gate is kept. A change made through this process counts at once; one made through another, or the death
/// of a rotated secret, within this.
const KEEPS: TimeDelta = TimeDelta::seconds(5);

/// What a webhook of a connection is held against.
#[derive(Debug)]
pub struct Gate {
    /// The connection.
    pub connection: ConnectionId,
    /// What Dover's may be signed with.
    pub secrets: WebhookSecrets,
    /// What Ashby's may be signed with; none where nobody has set that up.
    pub ashby_secrets: Vec<SecretString>,
    /// Where its payload keeps what we read.
    pub paths: PayloadPaths,
    /// Their fingerprint.
    pub read_by: i32,
    read_at: DateTime<Utc>,
}

/// The gates of all connections. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Gates(Arc<RwLock<HashMap<String, Arc<Gate>>>>);

impl Gates {
    /// The gate of the connection of that name; `None` where there is none.
    pub async fn of(&self, sync: &Sync, name: &str) -> Result<Option<Arc<Gate>>, StoreError> {
        let now = sync.clock.now();
        if let Some(gate) = self
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            && now - gate.read_at <= KEEPS
        {
            return Ok(Some(Arc::clone(gate)));
        }
        // Apart, so that a webhook that finds its gate at hand does not carry the room that this takes.
        Box::pin(self.read(sync, name, now)).await
    }

    async fn read(
        &self,
        sync: &Sync,
        name: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<Gate>>, StoreError> {
        let found = store::intake::gate(&sync.pool, &sync.vault, name, now).await?;
        let mut gates = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Some(found) = found else {
            gates.remove(name);
            return Ok(None);
        };
        let gate = Arc::new(gate(found, now)?);
        gates.insert(name.to_owned(), Arc::clone(&gate));
        Ok(Some(gate))
    }

    /// Something about connections was changed through this process.
    pub fn forget(&self) {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

fn gate(found: store::intake::Gate, read_at: DateTime<Utc>) -> Result<Gate, StoreError> {
    let unreadable = |what, detail: String| StoreError::Unreadable { what, detail };
    let parse = |secret: &secrecy::SecretString| {
        WebhookSecret::parse(secret.expose_secret())
            .map_err(|fault| unreadable("a webhook secret", fault.to_string()))
    };
    let paths: PayloadPaths = serde_json::from_value(found.intake.payload_paths)
        .map_err(|error| unreadable("the payload paths", error.to_string()))?;
    Ok(Gate {
        connection: found.id,
        secrets: WebhookSecrets {
            secrets: found.secrets.iter().map(parse).collect::<Result<_, _>>()?,
            hex_hmac: found.intake.accepts_hex_hmac,
            bearer: found.intake.bearer_token,
        },
        ashby_secrets: found.ashby_secrets,
        read_by: paths.fingerprint(),
        paths,
        read_at,
    })
}
