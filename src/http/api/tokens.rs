//! Tokens of the REST API: made, listed, read and revoked; and the bootstrap token, turned off and on.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    http::{
        auth::{Caller, generate},
        fields::{Fields, Readable},
        json::{Body, Query},
        paging::{Page, Paging, PagingParams},
        place::{Item, uuid},
        problem::{ApiError, Code},
    },
    ids::{ConnectionId, TokenId},
    store::{
        self,
        token::{Role, Token},
    },
    sync::{
        Sync,
        tokens::{self, TokenError},
    },
};

/// How those are called who act without a token that somebody named.
const TAKEN_NAMES: [&str; 2] = ["admin", "command line"];

/// What a token is up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TokenStatus {
    /// It opens what its role may.
    Live,
    /// Its time is over.
    Expired,
    /// Somebody ended it.
    Revoked,
}

/// A token, without what it takes to use it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Token)]
pub struct TokenBody {
    /// Its id.
    #[schema(format = "uuid")]
    pub id: String,
    /// What it is called. Whatever its bearer does is noted under this name.
    pub name: String,
    /// What its bearer may do.
    pub role: Role,
    /// The only connection that it opens; `null` where it opens all.
    #[schema(required)]
    pub connection: Option<String>,
    /// What it begins with.
    pub prefix: String,
    /// What it is up to.
    pub status: TokenStatus,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// By whom.
    pub created_by: String,
    /// When it ends; `null` where it does not.
    #[schema(required)]
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was ended.
    #[schema(required)]
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute; `null` where it never was.
    #[schema(required)]
    pub last_used_at: Option<DateTime<Utc>>,
}

impl TokenBody {
    fn of(token: &Token, now: DateTime<Utc>) -> Self {
        let status = match token.revoked_at {
            Some(_) => TokenStatus::Revoked,
            None if token.is_live(now) => TokenStatus::Live,
            None => TokenStatus::Expired,
        };
        Self {
            id: token.id.to_string(),
            name: token.name.clone(),
            role: token.role,
            connection: token.bound_to.as_ref().map(|(_, name)| name.clone()),
            prefix: token.prefix.clone(),
            status,
            created_at: token.created_at,
            created_by: token.created_by.clone(),
            expires_at: token.expires_at,
            revoked_at: token.revoked_at,
            last_used_at: token.last_used_at,
        }
    }
}

/// A token that was just made.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct CreatedToken {
    /// What is kept of it.
    #[serde(flatten)]
    pub about: TokenBody,
    /// The token itself. Shown this once: only a hash of it is kept.
    pub token: String,
}

/// A token to be made.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "described here, read as `Wanted`")]
pub struct NewToken {
    /// What it is called: who or what is to use it. No two that are not revoked have the same name.
    #[schema(min_length = 1, max_length = 100, pattern = r"\S")]
    name: String,
    /// What its bearer may do.
    role: Role,
    /// The name of the only connection that it opens. Left out, it opens all. Not for a monitor.
    #[schema(min_length = 1, max_length = 63)]
    connection: Option<String>,
    /// When it ends. Left out, it does not.
    expires_at: Option<DateTime<Utc>>,
}

/// As [`NewToken`], understood.
#[derive(Debug)]
pub struct Wanted {
    name: String,
    role: Role,
    connection: Option<String>,
    expires_at: Option<DateTime<Utc>>,
}

impl Readable for Wanted {
    const FIELDS: &'static [&'static str] = &["name", "role", "connection", "expires_at"];

    fn read(fields: &mut Fields) -> Option<Self> {
        let name = fields.name("name", &(1..=100));
        if name
            .as_deref()
            .is_some_and(|name| TAKEN_NAMES.contains(&name))
        {
            fields.fault(
                "name",
                "is what the service calls somebody else; choose another",
            );
        }
        let role = fields.required_word("role", &Role::WORDS);
        let connection = fields.text("connection", &(1..=63));
        if role == Some(Role::Monitor) && connection.is_some() {
            let expected = "is not for a monitor: health and metrics are of all connections";
            fields.fault("connection", expected);
        }
        let expires_at = fields.moment("expires_at");
        Some(Self {
            name: name?,
            role: role?,
            connection,
            expires_at,
        })
    }
}

/// Make a token
///
/// It is shown this once. Give each person and each program one of their own, with the least role that does.
#[utoipa::path(
    post, path = "/v1/tokens", operation_id = "createToken", tag = "Tokens",
    request_body = NewToken,
    responses((
        status = 201, description = "Made.", body = CreatedToken,
        headers(("location" = String, description = "The path of the token."))
    ))
)]
pub async fn create(
    State(sync): State<Sync>,
    caller: Caller,
    Body(wanted): Body<Wanted>,
) -> Result<impl IntoResponse, ApiError> {
    let now = sync.clock.now();
    if wanted.expires_at.is_some_and(|end| end <= now) {
        return Err(ApiError::field("/expires_at", "expected a time to come"));
    }
    let bound_to = match &wanted.connection {
        Some(name) => Some(connection(&sync, name).await?),
        None => None,
    };
    let (secret, prefix, hash) = generate();
    let token = Token {
        id: TokenId::fresh(),
        name: wanted.name,
        role: wanted.role,
        prefix,
        hash,
        bound_to,
        created_at: now,
        created_by: caller.name,
        expires_at: wanted.expires_at,
        revoked_at: None,
        last_used_at: None,
    };
    let mut tx = sync.pool.begin().await?;
    store::token::create(&mut tx, &token)
        .await
        .map_err(name_taken)?;
    tx.commit().await?;
    let location = format!("/v1/tokens/{}", token.id);
    let body = CreatedToken {
        about: TokenBody::of(&token, now),
        token: secret,
    };
    // Nobody on the way may keep what is shown once.
    let headers = [
        (header::LOCATION, location),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((StatusCode::CREATED, headers, Json(body)))
}

async fn connection(sync: &Sync, name: &str) -> Result<(ConnectionId, String), ApiError> {
    let found = store::connection::by_name(&sync.pool, name).await?;
    let found =
        found.ok_or_else(|| ApiError::field("/connection", "expected the name of a connection"))?;
    Ok((found.id, found.name))
}

fn name_taken(error: store::StoreError) -> ApiError {
    if error.is_constraint("access_token_name") {
        return ApiError::new(
            Code::NameTaken,
            "There is a token of that name that was not revoked. Revoke that one, or choose another name.",
        );
    }
    error.into()
}

/// Which page of the tokens.
#[derive(Debug)]
pub struct Listing(Paging<Uuid>);

impl Readable for Listing {
    const FIELDS: &'static [&'static str] = &["limit", "cursor"];

    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self(Paging::read("tokens", fields)))
    }
}

/// List tokens
///
/// Latest first, those that have expired or were revoked too. Each is known by what it begins with.
#[utoipa::path(
    get, path = "/v1/tokens", operation_id = "listTokens", tag = "Tokens",
    params(PagingParams),
    responses((status = 200, description = "One page of them.", body = Page<TokenBody>))
)]
pub async fn list(
    State(sync): State<Sync>,
    Query(Listing(paging)): Query<Listing>,
) -> Result<Json<Page<TokenBody>>, ApiError> {
    let before = paging.beyond_or(Uuid::max()).into();
    let mut rows = store::token::list(&sync.pool, before, paging.rows()).await?;
    let next_cursor = paging.cut(&mut rows, |row| row.id.0);
    let now = sync.clock.now();
    let items = rows.iter().map(|row| TokenBody::of(row, now)).collect();
    Ok(Json(Page { items, next_cursor }))
}

/// The path of a token.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "described here, read as a text")]
pub struct TokenPath {
    /// The id of the token, as lists show it.
    #[param(format = "uuid")]
    token: String,
}

/// Read a token
///
/// What is kept of it; the token itself is not.
#[utoipa::path(
    get, path = "/v1/tokens/{token}", operation_id = "readToken", tag = "Tokens",
    params(TokenPath),
    responses((status = 200, description = "The token.", body = TokenBody))
)]
pub async fn read(State(sync): State<Sync>, Item(id): Item) -> Result<Json<TokenBody>, ApiError> {
    let found = store::token::by_id(&sync.pool, token_id(&id)?).await?;
    let found = found.ok_or_else(|| ApiError::not_found("token"))?;
    Ok(Json(TokenBody::of(&found, sync.clock.now())))
}

/// Revoke a token
///
/// It opens nothing from now on, in any process, and stays in the list. While the bootstrap token is off, the last token
/// that opens everything cannot be revoked.
#[utoipa::path(
    delete, path = "/v1/tokens/{token}", operation_id = "revokeToken", tag = "Tokens",
    params(TokenPath),
    responses((status = 204, description = "Revoked."))
)]
pub async fn revoke(
    State(sync): State<Sync>,
    caller: Caller,
    Item(id): Item,
) -> Result<StatusCode, ApiError> {
    let by = caller.at(sync.clock.now());
    tokens::revoke(&sync.pool, token_id(&id)?, by).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn token_id(text: &str) -> Result<TokenId, ApiError> {
    uuid(text, "token").map(TokenId)
}

/// The bootstrap token.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct BootstrapToken {
    /// Whether it opens everything; else it opens nothing.
    pub enabled: bool,
    /// Since when it opens nothing; `null` while it opens.
    #[schema(required)]
    pub off_at: Option<DateTime<Utc>>,
}

/// Whether the bootstrap token is to open anything.
#[derive(Debug, ToSchema)]
pub struct BootstrapChange {
    /// `false` turns it off, in every process at once.
    enabled: bool,
}

impl Readable for BootstrapChange {
    const FIELDS: &'static [&'static str] = &["enabled"];

    fn read(fields: &mut Fields) -> Option<Self> {
        if !fields.is_given("enabled") {
            fields.fault("enabled", "is required: expected true or false");
        }
        let enabled = fields.flag("enabled")?;
        Some(Self { enabled })
    }
}

/// Read whether the bootstrap token is on
///
/// It is the one that the service was started with.
#[utoipa::path(
    get, path = "/v1/bootstrap-token", operation_id = "readBootstrapToken", tag = "Tokens",
    responses((status = 200, description = "Whether it is on.", body = BootstrapToken))
)]
pub async fn read_bootstrap(State(sync): State<Sync>) -> Result<Json<BootstrapToken>, ApiError> {
    let off_at = store::token::bootstrap_off_at(&sync.pool).await?;
    Ok(Json(BootstrapToken {
        enabled: off_at.is_none(),
        off_at,
    }))
}

/// Turn the bootstrap token off, or on
///
/// It can be turned off once a token lives that an admin made, with the role `admin` and bound to no connection. Should
/// that be lost, `dover-ashby-sync bootstrap-token on` at the command line opens the door again.
#[utoipa::path(
    patch, path = "/v1/bootstrap-token", operation_id = "changeBootstrapToken", tag = "Tokens",
    request_body = BootstrapChange,
    responses((status = 200, description = "Whether it is on now.", body = BootstrapToken))
)]
pub async fn change_bootstrap(
    state: State<Sync>,
    caller: Caller,
    Body(change): Body<BootstrapChange>,
) -> Result<Json<BootstrapToken>, ApiError> {
    let by = caller.at(state.clock.now());
    tokens::turn_bootstrap(&state.pool, change.enabled, by).await?;
    read_bootstrap(state).await
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Store(error) => error.into(),
            TokenError::Gone => Self::not_found("token"),
            TokenError::LastAdmin => Self::new(
                Code::LastAdminToken,
                "Nobody could open everything afterwards. First make a token with the role admin that is bound to no connection, and keep it.",
            ),
        }
    }
}
