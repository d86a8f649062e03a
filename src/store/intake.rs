//! Which deliveries a connection takes: its webhook secrets, further signature schemes, and where its payloads keep what
//! we read.

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sqlx::{PgConnection, PgExecutor};

use super::{StoreError, Vault, delivery::Sender, vault::sealed_under};
use crate::ids::{ConnectionId, fresh_uuid};

/// What webhook secrets are sealed for.
pub(super) const WEBHOOK_SECRET: &str = "a webhook secret";
/// What bearer tokens are sealed for.
pub(super) const BEARER_TOKEN: &str = "the webhook bearer token";

/// Which deliveries a connection takes.
#[derive(Debug)]
pub struct Intake {
    /// Whether hex HMAC signatures are taken.
    pub accepts_hex_hmac: bool,
    /// The static bearer token that is taken, in clear.
    pub bearer_token: Option<SecretString>,
    /// JSON Pointers that differ from those of the delivery contract.
    pub payload_paths: Value,
}

/// Changes which deliveries a connection takes.
pub async fn set_intake(
    db: impl PgExecutor<'_>,
    vault: &Vault,
    id: ConnectionId,
    intake: &Intake,
) -> Result<(), StoreError> {
    let bearer = intake
        .bearer_token
        .as_ref()
        .map(|token| vault.seal(BEARER_TOKEN, token.expose_secret()));
    let is_present = sqlx::query_scalar!(
        r#"
        WITH present AS (SELECT only_one FROM installation WHERE master_key_fingerprint = $5 FOR SHARE),
             kept AS (UPDATE connection SET accepts_hex_hmac = $2, bearer_token = $3, payload_paths = $4
                      FROM present WHERE id = $1)
        SELECT EXISTS (SELECT FROM present) AS "is_present!"
        "#,
        id.0,
        intake.accepts_hex_hmac,
        bearer,
        intake.payload_paths,
        vault.master_fingerprint()
    )
    .fetch_one(db)
    .await?;
    sealed_under(is_present)
}

/// What the webhook endpoint must know of a connection.
#[derive(Debug)]
pub struct Gate {
    /// The connection.
    pub id: ConnectionId,
    /// Its live webhook secrets, in clear.
    pub secrets: Vec<SecretString>,
    /// Those of Ashby's webhooks.
    pub ashby_secrets: Vec<SecretString>,
    /// Which deliveries it takes beyond Standard Webhooks.
    pub intake: Intake,
}

/// The gate of the connection of that name, with the secrets that live at `now`.
pub async fn gate(
    db: impl PgExecutor<'_>,
    vault: &Vault,
    name: &str,
    now: DateTime<Utc>,
) -> Result<Option<Gate>, StoreError> {
    let row = sqlx::query!(
        r#"
        SELECT c.id, c.accepts_hex_hmac, c.bearer_token, c.payload_paths,
               coalesce(array_agg(s.secret ORDER BY s.created_at DESC) FILTER (WHERE s.sender = 'dover'), '{}')
                   AS "secrets!: Vec<Vec<u8>>",
               coalesce(array_agg(s.secret ORDER BY s.created_at DESC) FILTER (WHERE s.sender = 'ashby'), '{}')
                   AS "ashby_secrets!: Vec<Vec<u8>>"
        FROM connection c
        LEFT JOIN webhook_secret s ON s.connection_id = c.id AND (s.expires_at IS NULL OR s.expires_at > $2)
        WHERE c.name = $1
        GROUP BY c.id
        "#,
        name,
        now
    )
    .fetch_optional(db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let open = |sealed: &Vec<u8>| vault.open(WEBHOOK_SECRET, sealed);
    Ok(Some(Gate {
        id: row.id.into(),
        secrets: row.secrets.iter().map(open).collect::<Result<_, _>>()?,
        ashby_secrets: row
            .ashby_secrets
            .iter()
            .map(open)
            .collect::<Result<_, _>>()?,
        intake: Intake {
            accepts_hex_hmac: row.accepts_hex_hmac,
            bearer_token: row
                .bearer_token
                .map(|sealed| vault.open(BEARER_TOKEN, &sealed))
                .transpose()?,
            payload_paths: row.payload_paths,
        },
    }))
}

/// Adds a live webhook secret for one sender.
pub async fn add_webhook_secret(
    db: impl PgExecutor<'_>,
    vault: &Vault,
    id: ConnectionId,
    sender: Sender,
    secret: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        r#"
        WITH present AS (SELECT only_one FROM installation WHERE master_key_fingerprint = $5 FOR SHARE)
        INSERT INTO webhook_secret (id, connection_id, secret, created_at, sender)
        SELECT $1, $2, $3, $4, $6 FROM present
        "#,
        fresh_uuid(),
        id.0,
        vault.seal(WEBHOOK_SECRET, secret),
        now,
        vault.master_fingerprint(),
        sender.word()
    )
    .execute(db)
    .await?;
    sealed_under(done.rows_affected() == 1)
}

/// Puts another secret of one sender in place, that counts at once; whichever there was lives on until `until`, so that
/// two live for a while. Answers whether there was one.
pub async fn rotate_webhook_secret(
    tx: &mut PgConnection,
    vault: &Vault,
    id: ConnectionId,
    sender: Sender,
    secret: &str,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let had = expire_webhook_secrets(&mut *tx, id, sender, until).await?;
    add_webhook_secret(tx, vault, id, sender, secret, now).await?;
    Ok(had)
}

/// Lets every secret of a sender that would live on die at `at`. Answers whether there was one.
async fn expire_webhook_secrets(
    db: impl PgExecutor<'_>,
    id: ConnectionId,
    sender: Sender,
    at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        r#"
        UPDATE webhook_secret SET expires_at = $3
        WHERE connection_id = $1 AND sender = $2 AND (expires_at IS NULL OR expires_at > $3)
        "#,
        id.0,
        sender.word(),
        at
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0)
}
