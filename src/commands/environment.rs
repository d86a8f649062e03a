//! `ASHBY_API_KEY` and `DOVER_WEBHOOK_SECRET`: make the connection named `default`, and are applied again only when they
//! themselves have changed, so that a rotation over REST is never undone by a restart.

use anyhow::{Context, Result};
use chrono::TimeDelta;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    dover::signature::WebhookSecret,
    ids::random_fraction,
    store::{
        self,
        connection::{NewConnection, SealedKey},
    },
    sync::{Sync, cadence},
};

const NAME: &str = "default";

/// How long the secret before lives on when the variable has changed.
const GRACE: TimeDelta = TimeDelta::hours(24);

/// Applies the two variables. The key is not tried here: Ashby may be away, and deliveries are received all the same.
pub async fn apply(
    sync: &Sync,
    key: Option<&SecretString>,
    secret: Option<&SecretString>,
) -> Result<()> {
    let secret = secret
        .map(|secret| WebhookSecret::parse(secret.expose_secret()))
        .transpose();
    let secret = secret.context("DOVER_WEBHOOK_SECRET")?;
    let connection = store::connection::by_name(&sync.pool, NAME).await?;
    match (connection, key, secret) {
        (Some(connection), key, secret) => again(sync, connection.id, key, secret.as_ref()).await?,
        (None, Some(key), Some(secret)) => create(sync, key, &secret).await?,
        (None, None, None) => {}
        (None, Some(_), None) => missing("ASHBY_API_KEY", "DOVER_WEBHOOK_SECRET"),
        (None, None, Some(_)) => missing("DOVER_WEBHOOK_SECRET", "ASHBY_API_KEY"),
    }
    Ok(())
}

fn missing(set: &str, unset: &str) {
    tracing::warn!("{set} is set and {unset} is not: set both to make the connection named {NAME}");
}

async fn create(sync: &Sync, key: &SecretString, secret: &WebhookSecret) -> Result<()> {
    let now = sync.clock.now();
    let next_flush_at = cadence::first(now, sync.interval, random_fraction());
    let sealed = SealedKey::seal(&sync.vault, key);
    let new = NewConnection {
        name: NAME,
        ashby_key: &sealed,
        now,
        next_flush_at,
    };
    let mut tx = sync.pool.begin().await?;
    let id = match store::connection::create(&mut *tx, &sync.vault, &new).await {
        // Another process that starts at the same time was first.
        Err(error) if error.is_constraint("connection_name_key") => return Ok(()),
        created => created?,
    };
    store::intake::add_webhook_secret(
        &mut *tx,
        &sync.vault,
        id,
        store::delivery::Sender::Dover,
        secret.expose(),
        now,
    )
    .await?;
    let (key, secret) = (
        sync.vault.fingerprint(key.expose_secret()),
        sync.vault.fingerprint(secret.expose()),
    );
    store::connection::set_environment(&mut *tx, id, Some(&key), Some(&secret)).await?;
    tx.commit().await?;
    tracing::info!("the connection named {NAME} was made from the environment");
    Ok(())
}

async fn again(
    sync: &Sync,
    id: crate::ids::ConnectionId,
    key: Option<&SecretString>,
    secret: Option<&WebhookSecret>,
) -> Result<()> {
    let (old_key, old_secret) = store::connection::environment(&sync.pool, id).await?;
    let now = sync.clock.now();
    let mut tx = sync.pool.begin().await?;
    if let Some(key) = key {
        let print = sync.vault.fingerprint(key.expose_secret());
        if old_key.as_ref() != Some(&print) {
            let sealed = SealedKey::seal(&sync.vault, key);
            store::connection::set_ashby_key(&mut *tx, &sync.vault, id, &sealed).await?;
            store::connection::set_environment(&mut *tx, id, Some(&print), None).await?;
            tracing::info!(
                "ASHBY_API_KEY has changed and was applied to the connection named {NAME}"
            );
        }
    }
    if let Some(secret) = secret {
        let print = sync.vault.fingerprint(secret.expose());
        if old_secret.as_ref() != Some(&print) {
            let (dover, until) = (store::delivery::Sender::Dover, now + GRACE);
            let (vault, secret) = (&sync.vault, secret.expose());
            store::intake::rotate_webhook_secret(&mut tx, vault, id, dover, secret, now, until)
                .await?;
            store::connection::set_environment(&mut *tx, id, None, Some(&print)).await?;
            tracing::info!(
                "DOVER_WEBHOOK_SECRET has changed and was applied to the connection named {NAME}"
            );
        }
    }
    tx.commit().await?;
    Ok(())
}
