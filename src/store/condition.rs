//! The condition that the database and a connection are in, for whoever looks them over. Each question is asked once by
//! a person, and still costs the same whatever the history.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{Connection as _, PgConnection, PgExecutor};

use super::{MIGRATOR, StoreError};
use crate::ids::ConnectionId;

/// How long a database may take to answer at all.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether anybody answers at `url` and lets us in. A pool would only say that it waited in vain.
pub async fn is_there(url: &str) -> Result<(), StoreError> {
    let connected = tokio::time::timeout(PATIENCE, PgConnection::connect(url)).await;
    let session = connected.map_err(|_| StoreError::Unavailable(sqlx::Error::PoolTimedOut))??;
    session.close().await?;
    Ok(())
}

/// What a database server tells of itself.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its version as a number, such as 170002.
    pub version_number: i32,
    /// Its version as it is shown.
    pub version: String,
    /// What the database takes, in bytes.
    pub size: i64,
    /// The time by its clock.
    pub now: DateTime<Utc>,
    /// Where it keeps its files, where it tells us and runs on this machine.
    pub data_directory: Option<String>,
}

/// What the database server tells of itself.
pub async fn server(db: impl PgExecutor<'_>) -> Result<Server, StoreError> {
    let server = sqlx::query_as!(
        Server,
        r#"
        SELECT current_setting('server_version_num')::integer AS "version_number!",
               current_setting('server_version') AS "version!",
               pg_database_size(current_database()) AS "size!",
               clock_timestamp() AS "now!",
               -- The same address at both ends, or a socket: the same machine. Only some roles may see the directory.
               (SELECT setting FROM pg_settings WHERE name = 'data_directory'
                                                  AND inet_server_addr() IS NOT DISTINCT FROM inet_client_addr())
                   AS data_directory
        "#
    )
    .fetch_one(db)
    .await?;
    Ok(server)
}

/// How the schema stands to what this program was built with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema {
    /// Migrations in place that this program knows.
    pub applied: usize,
    /// Migrations of this program that are missing, by number.
    pub missing: Vec<i64>,
    /// Migrations in place that this program does not know: a later version was here.
    pub unknown: Vec<i64>,
    /// Migrations in place that are not those of this program, or were cut off.
    pub different: Vec<i64>,
}

/// How the schema stands to what this program was built with.
pub async fn schema(db: impl PgExecutor<'_> + Copy) -> Result<Schema, StoreError> {
    let mut schema = Schema::default();
    // Not checked queries: the migrator makes this table itself, so no migration has it.
    let is_new: bool = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NULL")
        .fetch_one(db)
        .await?;
    let applied: Vec<(i64, Vec<u8>, bool)> = if is_new {
        Vec::new()
    } else {
        sqlx::query_as("SELECT version, checksum, success FROM _sqlx_migrations ORDER BY version")
            .fetch_all(db)
            .await?
    };
    for ours in MIGRATOR.iter() {
        match applied
            .iter()
            .find(|(version, ..)| *version == ours.version)
        {
            None => schema.missing.push(ours.version),
            Some((_, checksum, success)) if *success && checksum[..] == ours.checksum[..] => {
                schema.applied += 1;
            }
            Some(_) => schema.different.push(ours.version),
        }
    }
    let is_unknown = |version: &i64| MIGRATOR.iter().all(|ours| ours.version != *version);
    let versions = applied.into_iter().map(|(version, ..)| version);
    schema.unknown = versions.filter(is_unknown).collect();
    Ok(schema)
}

/// How many workers have looked for something to do since `since`.
pub async fn workers(db: impl PgExecutor<'_>, since: DateTime<Utc>) -> Result<i64, StoreError> {
    let alive = sqlx::query_scalar!(
        r#"SELECT count(*) AS "alive!" FROM worker WHERE seen_at >= $1"#,
        since
    )
    .fetch_one(db)
    .await?;
    Ok(alive)
}

/// The condition of a connection's doors and of its work.
#[derive(Clone, Debug)]
pub struct Condition {
    /// When it is flushed next.
    pub next_flush_at: DateTime<Utc>,
    /// Whether it is being flushed.
    pub is_held: bool,
    /// When the webhook secret in force was made.
    pub secret_since: Option<DateTime<Utc>>,
    /// Until when the secret before it is taken besides.
    pub former_secret_until: Option<DateTime<Utc>>,
    /// Of the latest deliveries that were rejected, at most a thousand: those since the time asked for.
    pub rejected: i64,
    /// When the last delivery came.
    pub last_delivery_at: Option<DateTime<Utc>>,
}

/// The condition of a connection at `now`, with what was rejected since `since`.
pub async fn connection(
    db: impl PgExecutor<'_>,
    id: ConnectionId,
    now: DateTime<Utc>,
    since: DateTime<Utc>,
) -> Result<Condition, StoreError> {
    let condition = sqlx::query_as!(
        Condition,
        r#"
        SELECT next_flush_at, lease_expires_at IS NOT NULL AND lease_expires_at > $2 AS "is_held!",
               (SELECT max(created_at) FROM webhook_secret
                WHERE connection_id = $1 AND sender = 'dover' AND expires_at IS NULL) AS secret_since,
               (SELECT max(expires_at) FROM webhook_secret
                WHERE connection_id = $1 AND sender = 'dover' AND expires_at > $2) AS former_secret_until,
               (SELECT count(*) FROM (
                    SELECT received_at FROM delivery WHERE connection_id = $1 AND verdict = 'rejected' AND sender = 'dover'
                    ORDER BY id DESC LIMIT 1000
                ) AS latest WHERE received_at >= $3) AS "rejected!",
               (SELECT received_at FROM delivery WHERE connection_id = $1 AND sender = 'dover' ORDER BY id DESC LIMIT 1)
                   AS last_delivery_at
        FROM connection WHERE id = $1
        "#,
        id.0,
        now,
        since
    )
    .fetch_optional(db)
    .await?;
    condition.ok_or(StoreError::Gone("the connection"))
}

/// How many prospects of a connection are parked, by reason.
pub async fn parked(
    db: impl PgExecutor<'_>,
    id: ConnectionId,
) -> Result<Vec<(String, i64)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        SELECT substr(what, length('parked:') + 1) AS "reason!", sum(n)::bigint AS "n!"
        FROM tally WHERE connection_id = $1 AND what LIKE 'parked:%'
        GROUP BY what HAVING sum(n) > 0 ORDER BY what
        "#,
        id.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.reason, row.n)).collect())
}
