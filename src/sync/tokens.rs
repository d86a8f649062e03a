//! Taking access away without locking everybody out: at any time somebody can open everything, with the bootstrap token
//! or with an admin's.

use chrono::{DateTime, Utc};
use sqlx::PgPool;

use crate::{
    ids::TokenId,
    store::{
        self, StoreError,
        token::{Role, Token},
    },
};

/// Why access was not taken away.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Nobody could make another token afterwards.
    #[error("no other token could open everything afterwards")]
    LastAdmin,
    /// There is no such token.
    #[error("the token is gone")]
    Gone,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for TokenError {
    fn from(error: sqlx::Error) -> Self {
        StoreError::from(error).into()
    }
}

/// Ends a token for good. Done twice, it is the same as once. Refused for the last one that opens everything while the
/// bootstrap token is off.
pub async fn revoke(
    pool: &PgPool,
    now: DateTime<Utc>,
    id: TokenId,
    by: &str,
) -> Result<(), TokenError> {
    let mut tx = pool.begin().await?;
    let is_off = store::token::bootstrap_off_at_locked(&mut tx)
        .await?
        .is_some();
    let token = store::token::by_id(&mut *tx, id).await?;
    let token = token.ok_or(TokenError::Gone)?;
    let opens_all = opens_everything(&token) && token.is_live(now);
    if is_off && opens_all && !store::token::another_admin_lives(&mut tx, Some(id), now).await? {
        return Err(TokenError::LastAdmin);
    }
    store::token::revoke(&mut tx, id, now, by).await?;
    tx.commit().await?;
    tracing::info!(token.id = %id, "a token was revoked by {by}");
    Ok(())
}

/// Makes the bootstrap token open nothing any more. Refused while no other token opens everything.
pub async fn turn_bootstrap_off(
    pool: &PgPool,
    now: DateTime<Utc>,
    by: &str,
) -> Result<(), TokenError> {
    let mut tx = pool.begin().await?;
    store::token::bootstrap_off_at_locked(&mut tx).await?;
    if !store::token::another_admin_lives(&mut tx, None, now).await? {
        return Err(TokenError::LastAdmin);
    }
    store::token::set_bootstrap_off(&mut *tx, Some(now)).await?;
    tx.commit().await?;
    tracing::info!("the bootstrap token was turned off by {by}");
    Ok(())
}

fn opens_everything(token: &Token) -> bool {
    token.role == Role::Admin && token.bound_to.is_none()
}
