//! Users of the employer's Ashby, by a keyed hash of their e-mail addresses.

use chrono::{DateTime, Utc};
use sqlx::PgExecutor;

use super::StoreError;
use crate::ids::{ConnectionId, UserId};

/// What Ashby said of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Whose it is; `None`: nobody's.
    pub user: Option<UserId>,
    /// When it was asked.
    pub looked_at: DateTime<Utc>,
}

/// What is kept of an address.
pub async fn kept(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    hash: &[u8],
) -> Result<Option<Kept>, StoreError> {
    let row = sqlx::query!(
        "SELECT user_id, looked_at FROM ashby_user WHERE connection_id = $1 AND email_hash = $2",
        connection.0,
        hash
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Kept {
        user: row.user_id.map(UserId),
        looked_at: row.looked_at,
    }))
}

/// Keeps what Ashby said of an address at `now`.
pub async fn keep(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    hash: &[u8],
    user: Option<&UserId>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        INSERT INTO ashby_user (connection_id, email_hash, user_id, looked_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (connection_id, email_hash) DO UPDATE SET user_id = excluded.user_id, looked_at = excluded.looked_at
        "#,
        connection.0,
        hash,
        user.map(UserId::as_str),
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets all of a connection: Ashby refused one, and each is asked for again.
pub async fn forget(db: impl PgExecutor<'_>, connection: ConnectionId) -> Result<(), StoreError> {
    sqlx::query!(
        "DELETE FROM ashby_user WHERE connection_id = $1",
        connection.0
    )
    .execute(db)
    .await?;
    Ok(())
}
