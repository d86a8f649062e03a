//! Connects employers: each key is tried against Ashby before it is kept.

use chrono::{DateTime, Utc};
use secrecy::SecretString;

use super::{
    Sync, SyncError,
    check::{self, Check, KeyFindings},
    metadata,
    register::RegisterError,
};
use crate::{
    ashby::AshbyClient,
    dover::signature::WebhookSecret,
    ids::ConnectionId,
    store::{
        self, StoreError,
        connection::{Connection, SealedKey},
    },
};

/// A connection that was made.
#[derive(Debug)]
pub struct Connected {
    /// It.
    pub connection: Connection,
    /// What was found on the way.
    pub checks: Vec<Check>,
}

/// Connects an employer: tries the key and keeps it. A key that Ashby takes and that lacks a permission is kept too, so
/// that deliveries are received while it is granted.
pub async fn connect(
    sync: &Sync,
    name: &str,
    key: &SecretString,
    secret: &WebhookSecret,
    first_flush_at: DateTime<Utc>,
) -> Result<Connected, RegisterError> {
    let client = sync.clients.for_trial(key.clone());
    let (mut checks, attention) = try_key(&client).await?;
    let setup = match &attention {
        None => Some(
            metadata::read_setup(&client)
                .await
                .map_err(SyncError::from)?,
        ),
        Some(_) => None,
    };
    let now = sync.clock.now();
    let sealed = SealedKey::seal(&sync.vault, key);
    let new = store::connection::NewConnection {
        name,
        ashby_key: &sealed,
        now,
        next_flush_at: first_flush_at,
    };
    let mut tx = sync.pool.begin().await?;
    let created = store::connection::create(&mut *tx, &sync.vault, &new).await;
    let id = created.map_err(|error| {
        if error.is_constraint("connection_name_key") {
            RegisterError::NameTaken
        } else {
            error.into()
        }
    })?;
    store::intake::add_webhook_secret(
        &mut *tx,
        &sync.vault,
        id,
        store::delivery::Sender::Dover,
        secret.expose(),
        now,
    )
    .await?;
    if let Some(setup) = &setup {
        store::connection::set_setup(&mut *tx, id, setup, now).await?;
        checks.extend(check::setup(setup));
    }
    if let Some(why) = &attention {
        store::connection::needs_attention(&mut *tx, id, &sealed, why).await?;
    }
    tx.commit().await?;
    let connection = store::connection::by_id(&sync.pool, id)
        .await?
        .ok_or(StoreError::Gone("the connection"))?;
    Ok(Connected { connection, checks })
}

/// Puts another key of the same organisation in place, tried like a new one.
pub async fn replace_key(
    sync: &Sync,
    connection: &Connection,
    key: &SecretString,
) -> Result<Vec<Check>, RegisterError> {
    let client = sync.clients.for_trial(key.clone());
    let (mut checks, attention) = try_key(&client).await?;
    same_organisation(sync, connection.id, &client).await?;
    let sealed = SealedKey::seal(&sync.vault, key);
    store::connection::set_ashby_key(&sync.pool, &sync.vault, connection.id, &sealed).await?;
    match attention {
        Some(why) => {
            let id = connection.id;
            store::connection::needs_attention(&sync.pool, id, &sealed, &why).await?;
        }
        None => checks = check::look_over(sync, connection).await?,
    }
    Ok(checks)
}

/// Refuses a key that sees none of the registered jobs: it is another organisation's, and nothing that is linked here
/// means anything there.
async fn same_organisation(
    sync: &Sync,
    connection: ConnectionId,
    client: &AshbyClient,
) -> Result<(), RegisterError> {
    let jobs = store::job::all(&sync.pool, connection).await?;
    for job in &jobs {
        match metadata::read_job(client, &job.ashby_job_id).await {
            Ok(None) => {}
            // Seen, or not to be told by a key that may not look.
            Ok(Some(_)) | Err(_) => return Ok(()),
        }
    }
    if jobs.is_empty() {
        Ok(())
    } else {
        Err(RegisterError::KeyRefused(OTHER_ORGANISATION.to_owned()))
    }
}

/// What is said of a key that sees none of the registered jobs.
const OTHER_ORGANISATION: &str = "The key sees none of the registered jobs: it belongs to another organisation. Make another connection for that one.";

async fn try_key(client: &AshbyClient) -> Result<(Vec<Check>, Option<String>), RegisterError> {
    let KeyFindings { checks, attention } = check::key(client).await.map_err(SyncError::from)?;
    let is_dead = checks
        .iter()
        .any(|found| found.check == "ashby-key" && found.level == check::Level::Fault);
    match attention {
        Some(why) if is_dead => Err(RegisterError::KeyRefused(why)),
        attention => Ok((checks, attention)),
    }
}
