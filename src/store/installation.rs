//! Which `MASTER_KEY` this database is under, the hash key beside it, and putting everything under another.

use sqlx::{PgConnection, PgExecutor, PgPool};
use uuid::Uuid;

use super::{
    StoreError, Vault,
    connection::ASHBY_KEY,
    intake::{BEARER_TOKEN, WEBHOOK_SECRET},
};

/// Makes sure that `vault` is of the master key that this database is under; the first one to ask sets it up. Answers
/// the vault to work with: the same, with the hash key of this installation.
pub async fn claim(pool: &PgPool, vault: &Vault) -> Result<Vault, StoreError> {
    let fresh = vault.with_fresh_hash_key().sealed_hash_key();
    let former = vault.sealed_hash_key();
    let found = sqlx::query!(
        r#"
        INSERT INTO installation (master_key_fingerprint, hash_key)
        -- Who is known already was hashed with the key that was derived from the master key.
        VALUES ($1, CASE WHEN EXISTS (SELECT FROM ashby_identity) THEN $3::bytea ELSE $2::bytea END)
        ON CONFLICT (only_one) DO UPDATE
        SET hash_key = CASE WHEN installation.master_key_fingerprint = $1 THEN coalesce(installation.hash_key, $3)
                       ELSE installation.hash_key END
        RETURNING master_key_fingerprint, hash_key
        "#,
        vault.master_fingerprint(),
        fresh,
        former
    )
    .fetch_one(pool)
    .await?;
    match found.hash_key {
        Some(sealed) if found.master_key_fingerprint == vault.master_fingerprint() => {
            vault.with_hash_key(&sealed)
        }
        _ => Err(StoreError::AnotherMasterKey),
    }
}

/// Whether this database is still under the master key of `vault`; [`AnotherMasterKey`](StoreError::AnotherMasterKey)
/// once it is under another.
pub async fn check(db: impl PgExecutor<'_>, vault: &Vault) -> Result<(), StoreError> {
    let present = sqlx::query_scalar!("SELECT master_key_fingerprint FROM installation")
        .fetch_optional(db)
        .await?;
    if present.is_some_and(|present| present != vault.master_fingerprint()) {
        return Err(StoreError::AnotherMasterKey);
    }
    Ok(())
}

/// What a rotation of the master key did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotated {
    /// So many secrets were sealed anew.
    Resealed(usize),
    /// Nothing: the database was under the new key already.
    Already,
}

/// Puts everything that is sealed under the master key of `new`, in one transaction: whatever interrupts it, the
/// database is under the one or under the other. Hashes stay as they are. Processes that still run under the old key
/// can seal nothing from then on.
pub async fn rotate(pool: &PgPool, old: &Vault, new: &Vault) -> Result<Rotated, StoreError> {
    let mut tx = pool.begin().await?;
    // Locked: who seals a secret meanwhile waits, and then finds that the key is another.
    let present =
        sqlx::query!("SELECT master_key_fingerprint, hash_key FROM installation FOR UPDATE")
            .fetch_optional(&mut *tx)
            .await?
            .ok_or(StoreError::Unreadable {
                what: "the master key's fingerprint",
                detail: "no process has started on this database yet".to_owned(),
            })?;
    if present.master_key_fingerprint == new.master_fingerprint() {
        return Ok(Rotated::Already);
    }
    if present.master_key_fingerprint != old.master_fingerprint() {
        return Err(StoreError::AnotherMasterKey);
    }
    let hashing = match present.hash_key {
        Some(sealed) => old.with_hash_key(&sealed)?,
        None => old.clone(),
    };
    sqlx::query!(
        "UPDATE installation SET master_key_fingerprint = $1, hash_key = $2",
        new.master_fingerprint(),
        new.hashing_like(&hashing).sealed_hash_key()
    )
    .execute(&mut *tx)
    .await?;
    let keys = reseal_connections(&mut tx, old, new).await?;
    let secrets = reseal_webhook_secrets(&mut tx, old, new).await?;
    tx.commit().await?;
    Ok(Rotated::Resealed(keys + secrets))
}

fn resealed(
    purpose: &'static str,
    sealed: &[u8],
    old: &Vault,
    new: &Vault,
) -> Result<Vec<u8>, StoreError> {
    use secrecy::ExposeSecret;
    Ok(new.seal(purpose, old.open(purpose, sealed)?.expose_secret()))
}

async fn reseal_connections(
    tx: &mut PgConnection,
    old: &Vault,
    new: &Vault,
) -> Result<usize, StoreError> {
    let rows = sqlx::query!("SELECT id, ashby_key, bearer_token FROM connection")
        .fetch_all(&mut *tx)
        .await?;
    let mut count = 0;
    let (mut ids, mut keys, mut tokens) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        ids.push(row.id);
        keys.push(resealed(ASHBY_KEY, &row.ashby_key, old, new)?);
        let token = row.bearer_token;
        let token = token.map(|token| resealed(BEARER_TOKEN, &token, old, new));
        tokens.push(token.transpose()?);
        count += 1 + usize::from(tokens.last().is_some_and(Option::is_some));
    }
    sqlx::query!(
        r#"
        UPDATE connection SET ashby_key = s.ashby_key, bearer_token = s.bearer_token
        FROM unnest($1::uuid[], $2::bytea[], $3::bytea[]) AS s (id, ashby_key, bearer_token)
        WHERE connection.id = s.id
        "#,
        &ids,
        &keys,
        &tokens as _
    )
    .execute(tx)
    .await?;
    Ok(count)
}

async fn reseal_webhook_secrets(
    tx: &mut PgConnection,
    old: &Vault,
    new: &Vault,
) -> Result<usize, StoreError> {
    let rows = sqlx::query!("SELECT id, secret FROM webhook_secret")
        .fetch_all(&mut *tx)
        .await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let secrets = rows.iter();
    let secrets = secrets.map(|row| resealed(WEBHOOK_SECRET, &row.secret, old, new));
    let secrets: Vec<Vec<u8>> = secrets.collect::<Result<_, _>>()?;
    sqlx::query!(
        r#"
        UPDATE webhook_secret SET secret = s.secret FROM unnest($1::uuid[], $2::bytea[]) AS s (id, secret)
        WHERE webhook_secret.id = s.id
        "#,
        &ids,
        &secrets
    )
    .execute(tx)
    .await?;
    Ok(ids.len())
}
