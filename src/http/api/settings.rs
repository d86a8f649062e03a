//! What can be set for a connection: read with where each value comes from, and changed key by key.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};
use utoipa::ToSchema;

use super::connections::ConnectionPath;
use crate::{
    http::{
        fields::{Fields, Readable},
        json::Body,
        place::At,
        problem::ApiError,
    },
    ids::ConnectionId,
    plan::settings::{KEYS, Key, Settings, Takes},
    store::{self, StoreError},
    sync::Sync,
};

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// Nobody has set it.
    Default,
    /// It was set for the connection.
    Connection,
}

/// A value in force.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Setting {
    /// It.
    #[schema(value_type = f64)]
    pub value: Number,
    /// Where it comes from.
    pub layer: Layer,
}

/// Everything that can be set, by key.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SettingsBody {
    /// The values in force.
    pub settings: BTreeMap<String, Setting>,
}

/// What to set. What is left out stays as it is; `null` goes back to the default.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "described here, read as `Change`")]
pub struct SettingsChange {
    /// A job's part of a flush that would archive more applications than this stops and asks.
    #[schema(
        rename = "brake.max_archives",
        minimum = 0,
        maximum = 1_000_000,
        default = 25
    )]
    brake_max_archives: Option<i64>,
    /// So does one that would archive a greater share of the job's active applications, where there are ten or more.
    #[schema(
        rename = "brake.max_archive_share",
        minimum = 0,
        maximum = 1,
        default = 0.2
    )]
    brake_max_archive_share: Option<f64>,
    /// So does one that would move more applications than this.
    #[schema(
        rename = "brake.max_moves",
        minimum = 0,
        maximum = 1_000_000,
        default = 500
    )]
    brake_max_moves: Option<i64>,
    /// The share of the Ashby key's rate limit that is left to other tools that use it.
    #[schema(
        rename = "ashby.reserved_share",
        minimum = 0,
        maximum = 0.9,
        default = 0.1
    )]
    ashby_reserved_share: Option<f64>,
    /// After how many minutes somebody is asked about a create whose outcome cannot be found out.
    #[schema(
        rename = "create_in_doubt.ask_after_minutes",
        minimum = 15,
        maximum = 10_080,
        default = 60
    )]
    create_in_doubt_ask_after_minutes: Option<i64>,
    /// For how many days deliveries are kept as they came.
    #[schema(
        rename = "retention.deliveries_days",
        minimum = 7,
        maximum = 36_500,
        default = 90
    )]
    retention_deliveries_days: Option<i64>,
    /// For how many days decisions and flushes are kept.
    #[schema(
        rename = "retention.decisions_days",
        minimum = 7,
        maximum = 36_500,
        default = 365
    )]
    retention_decisions_days: Option<i64>,
}

/// As [`SettingsChange`], understood.
#[derive(Debug)]
pub struct Change(Map<String, Value>);

impl Readable for Change {
    const FIELDS: &'static [&'static str] = &names();

    fn read(fields: &mut Fields) -> Option<Self> {
        let given = KEYS
            .into_iter()
            .filter_map(|key| Some((key.name.to_owned(), value(fields, &key)?)));
        Some(Self(given.collect()))
    }
}

const fn names() -> [&'static str; KEYS.len()] {
    let mut names = [""; KEYS.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = KEYS[at].name;
        at += 1;
    }
    names
}

/// What a key is to be. `None`: it was left out, or what was given is a fault.
fn value(fields: &mut Fields, key: &Key) -> Option<Value> {
    if fields.is_null(key.name) {
        return Some(Value::Null);
    }
    match &key.takes {
        Takes::Count(range) => {
            let range = i64::from(*range.start())..=i64::from(*range.end());
            fields.number(key.name, &range).map(Value::from)
        }
        Takes::Share(range) => fields.decimal(key.name, range).map(Value::from),
    }
}

/// Read the settings
///
/// Every key with the value in force, and whether somebody has set it.
#[utoipa::path(
    get, path = "/v1/connections/{connection}/settings", operation_id = "readSettings", tag = "Settings",
    params(ConnectionPath),
    responses((status = 200, description = "The settings in force.", body = SettingsBody))
)]
pub async fn read(
    State(sync): State<Sync>,
    At(connection): At,
) -> Result<Json<SettingsBody>, ApiError> {
    Ok(Json(in_force(&sync, connection.id).await?))
}

/// Change settings
///
/// They count from the next flush on.
#[utoipa::path(
    patch, path = "/v1/connections/{connection}/settings", operation_id = "changeSettings", tag = "Settings",
    params(ConnectionPath),
    request_body = SettingsChange,
    responses((status = 200, description = "The settings now in force.", body = SettingsBody))
)]
pub async fn change(
    State(sync): State<Sync>,
    At(connection): At,
    Body(Change(change)): Body<Change>,
) -> Result<Json<SettingsBody>, ApiError> {
    store::connection::change_settings(&sync.pool, connection.id, &change).await?;
    Ok(Json(in_force(&sync, connection.id).await?))
}

async fn in_force(sync: &Sync, connection: ConnectionId) -> Result<SettingsBody, StoreError> {
    let set = store::connection::settings(&sync.pool, connection).await?;
    let layer = |key: &str| {
        if set.contains_key(key) {
            Layer::Connection
        } else {
            Layer::Default
        }
    };
    let settings: Settings = serde_json::from_value(Value::Object(set.clone()))
        .expect("whatever was set was checked against its key");
    let Ok(Value::Object(values)) = serde_json::to_value(&settings) else {
        unreachable!("settings are an object with text keys")
    };
    let settings = values.into_iter().map(|(key, value)| {
        let Value::Number(value) = value else {
            unreachable!("every setting is a number")
        };
        let layer = layer(&key);
        (key, Setting { value, layer })
    });
    Ok(SettingsBody {
        settings: settings.collect(),
    })
}
