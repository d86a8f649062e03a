//! Taking access away without locking everybody out: at any time somebody can open everything, with the bootstrap token
//! or with an admin's.

use sqlx::PgPool;

use crate::{
    ids::TokenId,
    store::{
        self, StoreError,
        audit::By,
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
pub async fn revoke(pool: &PgPool, id: TokenId, by: By<'_>) -> Result<(), TokenError> {
    let mut tx = pool.begin().await?;
    let is_off = store::token::bootstrap_off_at_locked(&mut tx)
        .await?
        .is_some();
    let token = store::token::by_id(&mut *tx, id).await?;
    let token = token.ok_or(TokenError::Gone)?;
    let opens_all = opens_everything(&token) && token.is_live(by.at);
    if is_off && opens_all && !store::token::another_admin_lives(&mut tx, Some(id), by.at).await? {
        return Err(TokenError::LastAdmin);
    }
    store::token::revoke(&mut tx, &token, by).await?;
    tx.commit().await?;
    tracing::info!(token.id = %id, "a token was revoked by {}", by.name);
    Ok(())
}

/// Lets the bootstrap token open everything, or nothing any more: that is refused while no other token opens everything.
pub async fn turn_bootstrap(pool: &PgPool, to_be: bool, by: By<'_>) -> Result<(), TokenError> {
    let mut tx = pool.begin().await?;
    store::token::bootstrap_off_at_locked(&mut tx).await?;
    if !to_be && !store::token::another_admin_lives(&mut tx, None, by.at).await? {
        return Err(TokenError::LastAdmin);
    }
    store::token::turn_bootstrap(&mut tx, to_be, by).await?;
    tx.commit().await?;
    let way = if to_be { "on" } else { "off" };
    tracing::info!("the bootstrap token was turned {way} by {}", by.name);
    Ok(())
}

fn opens_everything(token: &Token) -> bool {
    token.role == Role::Admin && token.bound_to.is_none()
}
