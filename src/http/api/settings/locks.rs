//! What is locked: keys, and groups of them, that only admins change.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use super::ConnectionPath;
use crate::{
    http::{
        auth::Caller,
        fields::{Fields, Readable},
        json::Body,
        place::At,
        problem::ApiError,
    },
    ids::ConnectionId,
    plan::settings::keys::{GROUPS, KEYS},
    store,
    sync::{Sync, settings},
};

/// What is locked.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Locks {
    /// Keys, and groups of keys: what stands before the dot.
    pub locked: Vec<String>,
}

/// What to lock and unlock. Described by the table of keys, and read as [`Change`].
#[derive(Debug)]
pub struct LockChange;

impl ToSchema for LockChange {}

impl PartialSchema for LockChange {
    fn schema() -> RefOr<Schema> {
        let described = |name: &str| {
            let what = if GROUPS.contains(&name) {
                format!("Whether everything in the group `{name}` is for admins alone.")
            } else {
                format!("Whether `{name}` is for admins alone.")
            };
            json!({ "type": ["boolean", "null"], "description": what })
        };
        let names = names().map(|name| (name.to_owned(), described(name)));
        let schema = json!({
            "type": "object",
            "description": "What to lock and unlock: keys, or groups of them (what stands before the dot). What is left out \
                            stays as it is.",
            "properties": names.into_iter().collect::<Map<_, _>>(),
        });
        serde_json::from_value(schema).expect("a test reads the document with it")
    }
}

/// As [`LockChange`], understood.
#[derive(Debug)]
pub struct Change(Vec<(&'static str, bool)>);

const NAMES: usize = KEYS.len() + GROUPS.len();

const fn names() -> [&'static str; NAMES] {
    let mut names = [""; NAMES];
    let mut at = 0;
    while at < NAMES {
        names[at] = if at < GROUPS.len() {
            GROUPS[at]
        } else {
            KEYS[at - GROUPS.len()].name
        };
        at += 1;
    }
    names
}

impl Readable for Change {
    const FIELDS: &'static [&'static str] = &names();

    fn read(fields: &mut Fields) -> Option<Self> {
        let given = Self::FIELDS
            .iter()
            .filter_map(|name| Some((*name, fields.flag(name)?)));
        Some(Self(given.collect()))
    }
}

/// Read what is locked
///
/// Locked keys are changed by admins alone, on every layer.
#[utoipa::path(
    get, path = "/v1/connections/{connection}/settings/locks", operation_id = "readSettingLocks", tag = "Settings",
    params(ConnectionPath),
    responses((status = 200, description = "What is locked.", body = Locks))
)]
pub async fn read(State(sync): State<Sync>, At(connection): At) -> Result<Json<Locks>, ApiError> {
    locked(&sync, connection.id).await
}

/// Lock or unlock settings
///
/// What was set stays in force; what is locked can no longer be changed by others than admins, for the connection, a job
/// or a user.
#[utoipa::path(
    patch, path = "/v1/connections/{connection}/settings/locks", operation_id = "changeSettingLocks", tag = "Settings",
    params(ConnectionPath),
    request_body = LockChange,
    responses((status = 200, description = "What is locked now.", body = Locks))
)]
pub async fn change(
    State(sync): State<Sync>,
    caller: Caller,
    At(connection): At,
    Body(Change(wanted)): Body<Change>,
) -> Result<Json<Locks>, ApiError> {
    settings::lock(&sync, connection.id, &wanted, &caller.who()).await?;
    locked(&sync, connection.id).await
}

async fn locked(sync: &Sync, connection: ConnectionId) -> Result<Json<Locks>, ApiError> {
    let locked = store::setting::locked(&sync.pool, connection).await?;
    Ok(Json(Locks { locked }))
}
