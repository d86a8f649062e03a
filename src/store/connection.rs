//! Employers' links.

use std::fmt;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{PgConnection, PgExecutor, types::Json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{StoreError, Vault, vault::sealed_under};
use crate::{
    ids::{ConnectionId, ProspectId},
    plan::{settings::Settings, situation::Setup},
};

/// What Ashby keys are sealed for.
pub(super) const ASHBY_KEY: &str = "the Ashby API key";

/// One employer's link, without its secrets.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Its id.
    pub id: ConnectionId,
    /// Its name, as it stands in paths.
    pub name: String,
    /// Why nothing is sent until a check passes.
    pub attention: Option<String>,
    /// Since when it is paused.
    pub paused_at: Option<DateTime<Utc>>,
    /// Whether hex HMAC signatures are taken.
    pub accepts_hex_hmac: bool,
    /// Whether a static bearer token is taken.
    pub accepts_bearer: bool,
    /// JSON Pointers that differ from those of the delivery contract.
    pub payload_paths: Value,
    /// The settings in force.
    pub settings: Settings,
    /// Ashby's source and archive reasons, as last read.
    pub setup: Option<Setup>,
    /// When that was.
    pub setup_read_at: Option<DateTime<Utc>>,
    /// When it was connected.
    pub created_at: DateTime<Utc>,
    /// When it is flushed next.
    pub next_flush_at: DateTime<Utc>,
    /// Behind whom the flush before left off, where its turn was over.
    pub goes_on_after: Option<ProspectId>,
}

/// What a connection is up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectionStatus {
    /// Deliveries are taken and flushed.
    Connected,
    /// Deliveries are taken; nothing is flushed until it is resumed.
    Paused,
    /// Deliveries are taken; nothing is flushed until a check passes.
    NeedsAttention,
}

impl Connection {
    /// What it is up to.
    pub const fn status(&self) -> ConnectionStatus {
        if self.paused_at.is_some() {
            ConnectionStatus::Paused
        } else if self.attention.is_some() {
            ConnectionStatus::NeedsAttention
        } else {
            ConnectionStatus::Connected
        }
    }
}

struct Row {
    id: Uuid,
    name: String,
    attention: Option<String>,
    paused_at: Option<DateTime<Utc>>,
    accepts_hex_hmac: bool,
    accepts_bearer: bool,
    payload_paths: Value,
    settings: Json<Settings>,
    setup: Option<Json<Setup>>,
    setup_read_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    next_flush_at: DateTime<Utc>,
    turn_ended_at: Option<Uuid>,
}

impl From<Row> for Connection {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.into(),
            name: row.name,
            attention: row.attention,
            paused_at: row.paused_at,
            accepts_hex_hmac: row.accepts_hex_hmac,
            accepts_bearer: row.accepts_bearer,
            payload_paths: row.payload_paths,
            settings: row.settings.0,
            setup: row.setup.map(|Json(setup)| setup),
            setup_read_at: row.setup_read_at,
            created_at: row.created_at,
            next_flush_at: row.next_flush_at,
            goes_on_after: row.turn_ended_at.map(ProspectId::from),
        }
    }
}

/// A connection to be made.
#[derive(Debug)]
pub struct NewConnection<'a> {
    /// Its name.
    pub name: &'a str,
    /// The Ashby key.
    pub ashby_key: &'a SealedKey,
    /// When.
    pub now: DateTime<Utc>,
    /// Its first flush.
    pub next_flush_at: DateTime<Utc>,
}

/// Makes one. A name that is taken is refused by the constraint `connection_name_key`; under a master key that is no
/// longer the present one nothing is made.
pub async fn create(
    db: impl PgExecutor<'_>,
    vault: &Vault,
    new: &NewConnection<'_>,
) -> Result<ConnectionId, StoreError> {
    let id = ConnectionId::fresh();
    let done = sqlx::query!(
        r#"
        WITH present AS (SELECT only_one FROM installation WHERE master_key_fingerprint = $6 FOR SHARE)
        INSERT INTO connection (id, name, ashby_key, created_at, next_flush_at)
        SELECT $1, $2, $3, $4, $5 FROM present
        "#,
        id.0,
        new.name,
        new.ashby_key.0,
        new.now,
        new.next_flush_at,
        vault.master_fingerprint()
    )
    .execute(db)
    .await?;
    sealed_under(done.rows_affected() == 1)?;
    Ok(id)
}

/// The connection of that name.
pub async fn by_name(
    db: impl PgExecutor<'_>,
    name: &str,
) -> Result<Option<Connection>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        r#"
        SELECT id, name, attention, paused_at, accepts_hex_hmac, bearer_token IS NOT NULL AS "accepts_bearer!",
               payload_paths, settings_of(id) AS "settings!: Json<Settings>", setup AS "setup: Json<Setup>", setup_read_at,
               created_at, next_flush_at, turn_ended_at
        FROM connection WHERE name = $1
        "#,
        name
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(Connection::from))
}

/// The connection of that id.
pub async fn by_id(
    db: impl PgExecutor<'_>,
    id: ConnectionId,
) -> Result<Option<Connection>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        r#"
        SELECT id, name, attention, paused_at, accepts_hex_hmac, bearer_token IS NOT NULL AS "accepts_bearer!",
               payload_paths, settings_of(id) AS "settings!: Json<Settings>", setup AS "setup: Json<Setup>", setup_read_at,
               created_at, next_flush_at, turn_ended_at
        FROM connection WHERE id = $1
        "#,
        id.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(Connection::from))
}

/// Connections by name, at most `limit` beyond `after`.
pub async fn list(
    db: impl PgExecutor<'_>,
    after: &str,
    limit: i64,
) -> Result<Vec<Connection>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        SELECT id, name, attention, paused_at, accepts_hex_hmac, bearer_token IS NOT NULL AS "accepts_bearer!",
               payload_paths, settings_of(id) AS "settings!: Json<Settings>", setup AS "setup: Json<Setup>", setup_read_at,
               created_at, next_flush_at, turn_ended_at
        FROM connection WHERE name > $1 ORDER BY name LIMIT $2
        "#,
        after,
        limit
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Connection::from).collect())
}

/// Removes one with everything of it.
pub async fn remove(db: impl PgExecutor<'_>, id: ConnectionId) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM connection WHERE id = $1", id.0)
        .execute(db)
        .await?;
    Ok(())
}

/// An Ashby key as it is stored. Sealed anew it is another one, also where the key itself is the same: so it tells what is
/// in place now from what was before.
#[derive(Clone)]
pub struct SealedKey(Vec<u8>);

impl fmt::Debug for SealedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedKey(redacted)")
    }
}

impl SealedKey {
    /// Seals a key.
    pub fn seal(vault: &Vault, key: &SecretString) -> Self {
        Self(vault.seal(ASHBY_KEY, key.expose_secret()))
    }

    /// The key, in clear.
    pub fn open(&self, vault: &Vault) -> Result<SecretString, StoreError> {
        vault.open(ASHBY_KEY, &self.0)
    }
}

/// What it takes to speak to Ashby for a connection.
#[derive(Clone, Debug)]
pub struct AshbyAccess {
    /// The key in place.
    pub key: SealedKey,
    /// The settings in force.
    pub settings: Settings,
}

/// What it takes to speak to Ashby for a connection, now.
pub async fn ashby_access(
    db: impl PgExecutor<'_>,
    id: ConnectionId,
) -> Result<AshbyAccess, StoreError> {
    let row = sqlx::query!(
        r#"SELECT ashby_key, settings_of(id) AS "settings!: Json<Settings>" FROM connection WHERE id = $1"#,
        id.0
    )
    .fetch_optional(db)
    .await?
    .ok_or(StoreError::Gone("the connection"))?;
    Ok(AshbyAccess {
        key: SealedKey(row.ashby_key),
        settings: row.settings.0,
    })
}

/// Puts another Ashby key in place. What stopped the old one is over.
pub async fn set_ashby_key(
    db: impl PgExecutor<'_>,
    vault: &Vault,
    id: ConnectionId,
    key: &SealedKey,
) -> Result<(), StoreError> {
    let is_present = sqlx::query_scalar!(
        r#"
        WITH present AS (SELECT only_one FROM installation WHERE master_key_fingerprint = $3 FOR SHARE),
             kept AS (UPDATE connection SET ashby_key = $2, attention = NULL FROM present WHERE id = $1)
        SELECT EXISTS (SELECT FROM present) AS "is_present!"
        "#,
        id.0,
        key.0,
        vault.master_fingerprint()
    )
    .fetch_one(db)
    .await?;
    sealed_under(is_present)
}

/// Stops flushes until a check passes, and says why. Only while `key`, which it is about, is in place.
pub async fn needs_attention(
    db: impl PgExecutor<'_>,
    id: ConnectionId,
    key: &SealedKey,
    why: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE connection SET attention = $3 WHERE id = $1 AND ashby_key = $2",
        id.0,
        key.0,
        why
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A check of `key` passed: flushes go on, unless another key is in place.
pub async fn is_well(
    db: impl PgExecutor<'_>,
    id: ConnectionId,
    key: &SealedKey,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE connection SET attention = NULL WHERE id = $1 AND ashby_key = $2 AND attention IS NOT NULL",
        id.0,
        key.0
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Keeps whether Ashby answered the last call that was made for it.
pub async fn set_answered(
    db: impl PgExecutor<'_>,
    id: ConnectionId,
    answered: bool,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE connection SET ashby_answered = $2 WHERE id = $1 AND ashby_answered IS DISTINCT FROM $2",
        id.0,
        answered
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Pauses since `since`, or resumes.
pub async fn set_paused(
    db: impl PgExecutor<'_>,
    id: ConnectionId,
    since: Option<DateTime<Utc>>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE connection SET paused_at = $2 WHERE id = $1",
        id.0,
        since
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Keeps what was read of Ashby's source and archive reasons.
pub async fn set_setup(
    db: impl PgExecutor<'_>,
    id: ConnectionId,
    setup: &Setup,
    read_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE connection SET setup = $2, setup_read_at = $3 WHERE id = $1",
        id.0,
        Json(setup) as _,
        read_at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Fingerprints of the environment variables that were last applied: Ashby key, webhook secret.
pub async fn environment(
    db: impl PgExecutor<'_>,
    id: ConnectionId,
) -> Result<(Option<String>, Option<String>), StoreError> {
    let row = sqlx::query!(
        "SELECT ashby_key_from_environment AS key, webhook_secret_from_environment AS secret FROM connection WHERE id = $1",
        id.0
    )
    .fetch_one(db)
    .await?;
    Ok((row.key, row.secret))
}

/// Remembers which environment variables were applied; `None` leaves a fingerprint as it is.
pub async fn set_environment(
    db: impl PgExecutor<'_>,
    id: ConnectionId,
    key: Option<&str>,
    secret: Option<&str>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        UPDATE connection SET ashby_key_from_environment = coalesce($2, ashby_key_from_environment),
                              webhook_secret_from_environment = coalesce($3, webhook_secret_from_environment)
        WHERE id = $1
        "#,
        id.0,
        key,
        secret
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Keeps a connection from being removed until the transaction ends. Answers whether it is there. Before anything of it is
/// locked: whoever removes it locks it first too.
pub async fn hold(tx: &mut PgConnection, id: ConnectionId) -> Result<bool, StoreError> {
    let found = sqlx::query_scalar!(
        "SELECT id FROM connection WHERE id = $1 FOR KEY SHARE",
        id.0
    )
    .fetch_optional(tx)
    .await?;
    Ok(found.is_some())
}
