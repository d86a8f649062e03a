//! Access tokens of the REST API, as hashes, and whether the bootstrap token opens anything.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::{PgConnection, PgExecutor};
use utoipa::ToSchema;

use super::{
    StoreError,
    audit::{By, Edit, What, keep},
    setting::Whose,
};
use crate::ids::{ConnectionId, TokenId};

/// How exactly the last use of a token is kept: a busy one would otherwise be written with each request.
pub const LAST_USE_WITHIN: TimeDelta = TimeDelta::minutes(1);

/// What the bearer of a token may do. Each may do what those before it may.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Health and metrics, and nothing of anybody's data.
    Monitor,
    /// The daily work: look, explain, flush, resync.
    Member,
    /// Everything.
    Admin,
}

impl Role {
    /// Each with its word, as the HTTP contract and rows have it.
    pub const WORDS: [(&'static str, Self); 3] = [
        ("admin", Self::Admin),
        ("member", Self::Member),
        ("monitor", Self::Monitor),
    ];

    /// The word of the HTTP contract.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Monitor => "monitor",
        }
    }

    fn parse(word: &str) -> Result<Self, StoreError> {
        let found = Self::WORDS.iter().find(|(known, _)| *known == word);
        found
            .map(|(_, role)| *role)
            .ok_or_else(|| StoreError::Unreadable {
                what: "the role of a token",
                detail: word.to_owned(),
            })
    }
}

/// A token, without what it takes to use it.
#[derive(Clone, Debug)]
pub struct Token {
    /// Its id.
    pub id: TokenId,
    /// What somebody called it.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// What it begins with.
    pub prefix: String,
    /// SHA-256 of all of it.
    pub hash: Vec<u8>,
    /// The only connection that it opens, with its name.
    pub bound_to: Option<(ConnectionId, String)>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// By whom.
    pub created_by: String,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was ended.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

impl Token {
    /// Whether it opens anything at that time.
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }

    /// What the audit keeps of it: nothing that helps to use it.
    fn kept(&self) -> Value {
        let (role, ends) = (self.role, self.expires_at);
        json!({ "id": self.id.to_string(), "role": role, "expires_at": ends })
    }
}

/// A token as its row has it.
struct Row {
    id: uuid::Uuid,
    name: String,
    role: String,
    prefix: String,
    token_hash: Vec<u8>,
    connection_id: Option<uuid::Uuid>,
    connection: Option<String>,
    created_at: DateTime<Utc>,
    created_by: String,
    expires_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Token {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            role: Role::parse(&row.role)?,
            bound_to: row.connection_id.map(ConnectionId).zip(row.connection),
            id: row.id.into(),
            name: row.name,
            prefix: row.prefix,
            hash: row.token_hash,
            created_at: row.created_at,
            created_by: row.created_by,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            last_used_at: row.last_used_at,
        })
    }
}

/// The tokens that begin with `prefix`: one, as good as always.
pub async fn by_prefix(db: impl PgExecutor<'_>, prefix: &str) -> Result<Vec<Token>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        SELECT t.id, t.name, t.role, t.prefix, t.token_hash, t.connection_id, c.name AS "connection?", t.created_at,
               t.created_by, t.expires_at, t.revoked_at, t.last_used_at
        FROM access_token t LEFT JOIN connection c ON c.id = t.connection_id
        WHERE t.prefix = $1
        "#,
        prefix
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Token::try_from).collect()
}

/// One token.
pub async fn by_id(db: impl PgExecutor<'_>, id: TokenId) -> Result<Option<Token>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        r#"
        SELECT t.id, t.name, t.role, t.prefix, t.token_hash, t.connection_id, c.name AS "connection?", t.created_at,
               t.created_by, t.expires_at, t.revoked_at, t.last_used_at
        FROM access_token t LEFT JOIN connection c ON c.id = t.connection_id
        WHERE t.id = $1
        "#,
        id.0
    )
    .fetch_optional(db)
    .await?;
    row.map(Token::try_from).transpose()
}

/// Tokens, latest first, at most `limit` before `before`.
pub async fn list(
    db: impl PgExecutor<'_>,
    before: TokenId,
    limit: i64,
) -> Result<Vec<Token>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        SELECT t.id, t.name, t.role, t.prefix, t.token_hash, t.connection_id, c.name AS "connection?", t.created_at,
               t.created_by, t.expires_at, t.revoked_at, t.last_used_at
        FROM access_token t LEFT JOIN connection c ON c.id = t.connection_id
        WHERE t.id < $1 ORDER BY t.id DESC LIMIT $2
        "#,
        before.0,
        limit
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Token::try_from).collect()
}

/// Keeps a new token, and that it was made.
pub async fn create(tx: &mut PgConnection, token: &Token) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        INSERT INTO access_token (id, name, role, prefix, token_hash, connection_id, created_at, created_by, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        "#,
        token.id.0,
        token.name,
        token.role.word(),
        token.prefix,
        token.hash,
        token.bound_to.as_ref().map(|(connection, _)| connection.0),
        token.created_at,
        token.created_by,
        token.expires_at
    )
    .execute(&mut *tx)
    .await?;
    let edit = Edit {
        key: &token.name,
        before: None,
        after: Some(token.kept()),
    };
    let (name, at) = (token.created_by.as_str(), token.created_at);
    keep_of(tx, token, edit, By { name, at }).await
}

async fn keep_of(
    tx: &mut PgConnection,
    token: &Token,
    edit: Edit<'_>,
    by: By<'_>,
) -> Result<(), StoreError> {
    let connection = token.bound_to.as_ref().map(|(connection, _)| *connection);
    keep(tx, connection, What::Token, &Whose::Connection, &[edit], by).await
}

/// Ends a token for good, and keeps that it was; one that has ended stays as it is.
pub async fn revoke(tx: &mut PgConnection, token: &Token, by: By<'_>) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "UPDATE access_token SET revoked_at = $2, revoked_by = $3 WHERE id = $1 AND revoked_at IS NULL",
        token.id.0,
        by.at,
        by.name
    )
    .execute(&mut *tx)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(());
    }
    let edit = Edit {
        key: &token.name,
        before: Some(token.kept()),
        after: None,
    };
    keep_of(tx, token, edit, by).await
}

/// A token was used. Written only where the last use is a minute or more ago.
pub async fn used(
    db: impl PgExecutor<'_>,
    id: TokenId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE access_token SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $3)",
        id.0,
        now,
        now - LAST_USE_WITHIN
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Since when the bootstrap token opens nothing; `None` while it opens everything.
pub async fn bootstrap_off_at(
    db: impl PgExecutor<'_>,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let off_at = sqlx::query_scalar!("SELECT bootstrap_off_at FROM installation")
        .fetch_optional(db)
        .await?;
    Ok(off_at.flatten())
}

/// The same, and nobody else changes it, or takes an admin's token away, before the transaction ends.
pub async fn bootstrap_off_at_locked(
    tx: &mut PgConnection,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let off_at = sqlx::query_scalar!("SELECT bootstrap_off_at FROM installation FOR UPDATE")
        .fetch_optional(tx)
        .await?;
    Ok(off_at.flatten())
}

/// Lets the bootstrap token open everything, or nothing, and keeps that it was turned.
pub async fn turn_bootstrap(
    tx: &mut PgConnection,
    to_be: bool,
    by: By<'_>,
) -> Result<(), StoreError> {
    let is_on = bootstrap_off_at_locked(&mut *tx).await?.is_none();
    if is_on == to_be {
        return Ok(());
    }
    let done = sqlx::query!(
        "UPDATE installation SET bootstrap_off_at = $1",
        (!to_be).then_some(by.at)
    )
    .execute(&mut *tx)
    .await?;
    if done.rows_affected() != 1 {
        return Err(StoreError::Gone("the installation"));
    }
    let opens = |opens: bool| opens.then(|| json!(true));
    let edit = Edit {
        key: What::BootstrapToken.word(),
        before: opens(is_on),
        after: opens(to_be),
    };
    let what = What::BootstrapToken;
    keep(tx, None, what, &Whose::Connection, &[edit], by).await
}

/// Whether a token other than `but` opens everything at that time: an admin's, for all connections.
pub async fn another_admin_lives(
    tx: &mut PgConnection,
    but: Option<TokenId>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let lives = sqlx::query_scalar!(
        r#"
        SELECT EXISTS (
            SELECT FROM access_token
            WHERE role = 'admin' AND connection_id IS NULL AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)
              AND id IS DISTINCT FROM $1
        ) AS "lives!"
        "#,
        but.map(|id| id.0),
        now
    )
    .fetch_one(tx)
    .await?;
    Ok(lives)
}
