//! Changes a connection: another Ashby key, and which deliveries it takes.

use axum::{Json, extract::State};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{Check, ConnectionBody, ConnectionPath, MAX_SECRET, again};
use crate::{
    dover::payload::{Field, PayloadPaths},
    http::{
        fields::{Fields, Readable},
        json::Body,
        place::{At, Origin},
        problem::ApiError,
    },
    store::{self, connection::Connection, intake::Intake},
    sync::{Sync, connect, paths},
};

/// A shorter token could be guessed: nothing else vouches for what comes with it.
const TOKEN_LENGTH: std::ops::RangeInclusive<usize> = 16..=MAX_SECRET;

/// What to change of a connection. What is left out stays as it is.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "described here, read as `Change`")]
pub struct ConnectionChange {
    /// Another Ashby API key. It is tried first, and refused if Ashby does not take it.
    #[schema(
        min_length = 1,
        max_length = 500,
        pattern = r"\S",
        nullable = false,
        write_only
    )]
    ashby_api_key: Option<String>,
    /// Whether to take deliveries signed with `X-Hub-Signature-256` or `X-Dover-Signature`. They sign no time, so that
    /// a recorded one can be sent again.
    #[schema(nullable = false)]
    accepts_hex_hmac: Option<bool>,
    /// Take deliveries that carry this token as `Authorization: Bearer`; `null` to take them no longer. Visible ASCII.
    #[schema(min_length = 16, max_length = 500, pattern = "^[!-~]*$", write_only)]
    webhook_bearer_token: Option<String>,
    /// Where fields of a delivery are found that are not where the contract puts them: names of fields and JSON
    /// Pointers (RFC 6901). The whole map; `{}` and `null` go back to the contract.
    payload_paths: Option<std::collections::BTreeMap<String, String>>,
}

/// What to do about the bearer token.
#[derive(Debug)]
enum TokenChange {
    Keep,
    TakeAway,
    Set(SecretString),
}

/// As [`ConnectionChange`], understood.
#[derive(Debug)]
pub struct Change {
    key: Option<SecretString>,
    accepts_hex_hmac: Option<bool>,
    bearer_token: TokenChange,
    payload_paths: Option<Value>,
}

impl Readable for Change {
    const FIELDS: &'static [&'static str] = &[
        "ashby_api_key",
        "accepts_hex_hmac",
        "webhook_bearer_token",
        "payload_paths",
    ];

    fn read(fields: &mut Fields) -> Option<Self> {
        for name in ["ashby_api_key", "accepts_hex_hmac"] {
            if fields.is_null(name) {
                fields.fault(name, "cannot be taken away; leave it out to keep it");
            }
        }
        let key = fields
            .is_given("ashby_api_key")
            .then(|| fields.name("ashby_api_key", &(1..=MAX_SECRET)));
        Some(Self {
            key: key.flatten().map(|key| key.trim().to_owned().into()),
            accepts_hex_hmac: fields.flag("accepts_hex_hmac"),
            bearer_token: bearer_token(fields),
            payload_paths: payload_paths(fields),
        })
    }
}

fn bearer_token(fields: &mut Fields) -> TokenChange {
    let name = "webhook_bearer_token";
    if fields.is_null(name) {
        return TokenChange::TakeAway;
    }
    let Some(token) = fields.text(name, &TOKEN_LENGTH) else {
        return TokenChange::Keep;
    };
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        fields.fault(
            name,
            "expected visible ASCII characters, as a header can carry them",
        );
    }
    TokenChange::Set(token.into())
}

/// The pointers that differ from those of the contract.
fn payload_paths(fields: &mut Fields) -> Option<Value> {
    let name = "payload_paths";
    if fields.is_null(name) {
        return Some(Value::Object(Map::new()));
    }
    let Value::Object(map) = fields.value(name)? else {
        fields.fault(
            name,
            "expected an object of names of fields and JSON Pointers",
        );
        return None;
    };
    let mut pairs = Vec::with_capacity(map.len());
    for (field, pointer) in &map {
        match pointer {
            Value::String(pointer) => pairs.push((field.as_str(), pointer.as_str())),
            _ => fields.fault_within(name, field, "expected a JSON Pointer in a string"),
        }
    }
    match PayloadPaths::new(pairs) {
        Ok(paths) => Some(moved(&paths)),
        Err(faults) => {
            for fault in faults.0 {
                fields.fault_within(name, fault.name(), fault.to_string());
            }
            None
        }
    }
}

fn moved(paths: &PayloadPaths) -> Value {
    let contract = Field::ALL.iter().map(|field| field.default_pointer());
    let moved = paths.iter().zip(contract);
    let moved = moved.filter(|((_, pointer), contract)| pointer != contract);
    moved
        .map(|((name, pointer), _)| (name.to_owned(), pointer.into()))
        .collect::<Map<String, Value>>()
        .into()
}

/// A connection that was changed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Changed {
    /// It.
    #[serde(flatten)]
    pub connection: ConnectionBody,
    /// What was found when the new key was tried, and a warning where the new payload paths do not read what came
    /// last.
    pub checks: Vec<Check>,
}

/// Change a connection
///
/// What was learned with the old Ashby key is kept: the new one is meant to belong to the same organisation. New
/// payload paths count for whatever is read from now on, and for deliveries that are replayed.
#[utoipa::path(
    patch, path = "/v1/connections/{connection}", operation_id = "changeConnection", tag = "Connections",
    params(ConnectionPath),
    request_body = ConnectionChange,
    responses((status = 200, description = "Changed.", body = Changed))
)]
pub async fn change(
    State(sync): State<Sync>,
    At(connection): At,
    origin: Origin,
    Body(change): Body<Change>,
) -> Result<Json<Changed>, ApiError> {
    let mut checks = match &change.key {
        Some(key) => connect::replace_key(&sync, &connection, key).await?,
        None => Vec::new(),
    };
    let is_of_paths = change.payload_paths.is_some();
    if change.is_of_intake() {
        set_intake(&sync, &connection, change).await?;
    }
    if is_of_paths {
        let changed = store::connection::by_id(&sync.pool, connection.id).await?;
        let changed = changed.ok_or_else(|| ApiError::not_found("connection"))?;
        checks.extend(paths::try_on_the_latest(&sync, &changed).await?);
    }
    let connection = again(&sync, &connection, &origin).await?;
    Ok(Json(Changed { connection, checks }))
}

impl Change {
    const fn is_of_intake(&self) -> bool {
        self.accepts_hex_hmac.is_some()
            || !matches!(self.bearer_token, TokenChange::Keep)
            || self.payload_paths.is_some()
    }
}

async fn set_intake(sync: &Sync, connection: &Connection, change: Change) -> Result<(), ApiError> {
    let now = sync.clock.now();
    // Two changes at once must not undo each other: one of them is asked to come again.
    let mut tx = store::begin_snapshot(&sync.pool).await?;
    let gate = store::intake::gate(&mut *tx, &sync.vault, &connection.name, now).await?;
    let before = gate
        .ok_or_else(|| ApiError::not_found("connection"))?
        .intake;
    let intake = Intake {
        accepts_hex_hmac: change.accepts_hex_hmac.unwrap_or(before.accepts_hex_hmac),
        bearer_token: match change.bearer_token {
            TokenChange::Keep => before.bearer_token,
            TokenChange::TakeAway => None,
            TokenChange::Set(token) => Some(token),
        },
        payload_paths: change.payload_paths.unwrap_or(before.payload_paths),
    };
    store::intake::set_intake(&mut *tx, &sync.vault, connection.id, &intake).await?;
    tx.commit().await?;
    Ok(())
}
