//! Employers' links: connected, listed, read, removed. `change` alters one, `switches` are its single acts.

mod ashby_secret;
mod change;
mod shape;
mod switches;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use ashby_secret::*;
pub use change::*;
pub use shape::*;
pub use switches::*;

use crate::{
    dover::signature::WebhookSecret,
    http::{
        auth::Caller,
        fields::{Fields, Readable},
        json::{Body, Query},
        paging::{Page, Paging, PagingParams},
        place::{At, Origin, is_name},
        problem::ApiError,
    },
    ids,
    store::{self, connection::ConnectionStatus},
    sync::{Sync, cadence, check::Check, connect, register::RegisterError},
};

/// How long keys, secrets and the like may be, in characters. Real ones have some 50 to 100.
const MAX_SECRET: usize = 500;

/// An employer to connect.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "described here, read as `Wanted`")]
pub struct NewConnection {
    /// What the connection is called, in paths and in the address of its webhook. It cannot be changed.
    #[schema(pattern = "^[a-z0-9][a-z0-9-]{0,62}$", min_length = 1, max_length = 63)]
    name: String,
    /// The Ashby API key. It is stored encrypted and never shown again.
    #[schema(min_length = 1, max_length = 500, pattern = r"\S", write_only)]
    ashby_api_key: String,
    /// The secret that deliveries are signed with: `whsec_` and base64, or a plain text. One is made where it is left
    /// out.
    #[schema(min_length = 1, max_length = 500, pattern = r"\S", write_only)]
    dover_webhook_secret: Option<String>,
}

/// As [`NewConnection`], with the secret understood.
#[derive(Debug)]
pub struct Wanted {
    name: String,
    key: SecretString,
    secret: Option<WebhookSecret>,
}

impl Readable for Wanted {
    const FIELDS: &'static [&'static str] = &["name", "ashby_api_key", "dover_webhook_secret"];

    fn read(fields: &mut Fields) -> Option<Self> {
        let name = fields.required_text("name", &(1..=63));
        if name.as_deref().is_some_and(|name| !is_name(name)) {
            let expected =
                "expected lower-case letters, digits and hyphens, and no hyphen in front";
            fields.fault("name", expected);
        }
        let key = fields.name("ashby_api_key", &(1..=MAX_SECRET));
        let secret = webhook_secret(fields, "dover_webhook_secret");
        Some(Self {
            name: name?,
            key: key?.trim().to_owned().into(),
            secret,
        })
    }
}

/// A webhook secret of the caller's.
fn webhook_secret(fields: &mut Fields, name: &str) -> Option<WebhookSecret> {
    let text = fields.text(name, &(1..=MAX_SECRET))?;
    WebhookSecret::parse(&text)
        .map_err(|fault| fields.fault(name, fault.to_string()))
        .ok()
}

/// A connection that was just made.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Created {
    /// It.
    #[serde(flatten)]
    pub connection: ConnectionBody,
    /// The secret that deliveries are to be signed with. Shown this once, and only where it was made here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub dover_webhook_secret: Option<String>,
    /// What was found on the way.
    pub checks: Vec<Check>,
}

/// Connect an employer
///
/// Tries the Ashby key and looks at what the sync needs in Ashby. A key that Ashby takes but that lacks a permission
/// is kept, so that deliveries are received while somebody grants it: the connection then needs attention, and
/// `checks` says what to do.
#[utoipa::path(
    post, path = "/v1/connections", operation_id = "createConnection", tag = "Connections",
    request_body = NewConnection,
    responses((
        status = 201, description = "Connected.", body = Created,
        headers(("location" = String, description = "The path of the connection."))
    ))
)]
pub async fn create(
    State(sync): State<Sync>,
    origin: Origin,
    Body(wanted): Body<Wanted>,
) -> Result<impl IntoResponse, ApiError> {
    // Asked before Ashby is: the constraint still decides where two ask at once.
    if store::connection::by_name(&sync.pool, &wanted.name)
        .await?
        .is_some()
    {
        return Err(RegisterError::NameTaken.into());
    }
    let first = cadence::first(sync.clock.now(), sync.interval, ids::random_fraction());
    let is_ours = wanted.secret.is_none();
    let secret = wanted.secret.unwrap_or_else(WebhookSecret::generate);
    let connected = connect::connect(&sync, &wanted.name, &wanted.key, &secret, first).await?;
    let mut checks = connected.checks;
    checks.extend(guessable(&secret));
    let body = Created {
        connection: ConnectionBody::of(&connected.connection, &origin),
        dover_webhook_secret: is_ours.then(|| secret.expose().to_owned()),
        checks,
    };
    let location = format!("/v1/connections/{}", wanted.name);
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        Json(body),
    ))
}

/// A warning where a secret is so short that it could be guessed.
fn guessable(secret: &WebhookSecret) -> Option<Check> {
    secret.is_short().then(|| {
        Check::warning(
            "webhook-secret",
            "The webhook secret is so short that it could be guessed.",
            "Rotate it to one of 24 bytes or more.",
        )
    })
}

/// Which page of the connections.
#[derive(Debug)]
pub struct Listing(Paging<String>);

impl Readable for Listing {
    const FIELDS: &'static [&'static str] = &["limit", "cursor"];

    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self(Paging::read("connections", fields)))
    }
}

/// List connections
///
/// By name. Whoever has a token that is bound to one connection sees that one.
#[utoipa::path(
    get, path = "/v1/connections", operation_id = "listConnections", tag = "Connections",
    params(PagingParams),
    responses((status = 200, description = "One page of them.", body = Page<ConnectionBody>))
)]
pub async fn list(
    State(sync): State<Sync>,
    origin: Origin,
    caller: Caller,
    Query(Listing(paging)): Query<Listing>,
) -> Result<Json<Page<ConnectionBody>>, ApiError> {
    if let Some((only, _)) = caller.bound_to {
        let found = store::connection::by_id(&sync.pool, only).await?;
        let items = found.iter();
        return Ok(Json(Page {
            items: items.map(|row| ConnectionBody::of(row, &origin)).collect(),
            next_cursor: None,
        }));
    }
    let beyond = paging.beyond_or(String::new());
    let mut rows = store::connection::list(&sync.pool, &beyond, paging.rows()).await?;
    let next_cursor = paging.cut(&mut rows, |row| row.name.clone());
    let items = rows.iter();
    let items = items.map(|row| ConnectionBody::of(row, &origin)).collect();
    Ok(Json(Page { items, next_cursor }))
}

/// Read a connection
///
/// Keys and secrets are never shown.
#[utoipa::path(
    get, path = "/v1/connections/{connection}", operation_id = "readConnection", tag = "Connections",
    params(ConnectionPath),
    responses((status = 200, description = "The connection.", body = ConnectionBody))
)]
pub async fn read(At(connection): At, origin: Origin) -> Json<ConnectionBody> {
    Json(ConnectionBody::of(&connection, &origin))
}

/// Remove a connection
///
/// With its jobs, deliveries, prospects and decisions. What was written to Ashby stays there. Pausing keeps everything.
#[utoipa::path(
    delete, path = "/v1/connections/{connection}", operation_id = "removeConnection", tag = "Connections",
    params(ConnectionPath),
    responses((status = 204, description = "Removed."))
)]
pub async fn remove(State(sync): State<Sync>, At(connection): At) -> Result<StatusCode, ApiError> {
    store::connection::remove(&sync.pool, connection.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reads the connection again, after a change of it.
async fn again(
    sync: &Sync,
    connection: &store::connection::Connection,
    origin: &Origin,
) -> Result<ConnectionBody, ApiError> {
    let found = store::connection::by_id(&sync.pool, connection.id).await?;
    let found = found.ok_or_else(|| ApiError::not_found("connection"))?;
    Ok(ConnectionBody::of(&found, origin))
}
