//! The field map: what Dover says, into which fields of Ashby's, and whether. Kept as settings, and shown and set as one
//! document.

mod asked;
mod shape;

use axum::{Json, extract::State};
use serde_json::{Map, Value};

pub use asked::Asked;
pub use shape::*;

use super::{
    connections::ConnectionPath,
    flushes::{may_act, may_ask},
    settings::{ChangeParams, WhatIfBody},
};
use crate::{
    dover::payload::Fault,
    http::{
        auth::Caller,
        json::{Body, Query},
        place::At,
        problem::ApiError,
        rehearsal::OnlyPreview,
    },
    plan::fields::{DISPLAYED, FILTERABLE, MANDATORY, MAP},
    store::setting::Whose,
    sync::{
        Sync, fields,
        settings::{self, ChangeError},
    },
};

/// The parts of the document, each with the key that it is kept under.
const PARTS: [(&str, &str); 4] = [
    ("entries", MAP),
    ("mandatory", MANDATORY),
    ("displayed", DISPLAYED),
    ("filterable", FILTERABLE),
];

/// Read the field map
///
/// Every entry in force, those that hold by default too, with the variables and the fields that it may name.
#[utoipa::path(
    get, path = "/v1/connections/{connection}/field-map", operation_id = "readFieldMap", tag = "Settings",
    params(ConnectionPath),
    responses((status = 200, description = "The field map in force.", body = FieldMapBody))
)]
pub async fn read(
    State(sync): State<Sync>,
    At(connection): At,
) -> Result<Json<FieldMapBody>, ApiError> {
    let shown = fields::shown(&sync, connection.id).await?;
    Ok(Json(FieldMapBody::of(&shown)))
}

/// Set the field map
///
/// All of it: what is left out goes back to what holds by default. Fields are given by id or by title, and checked against
/// those that Ashby has now. It counts from the next flush on, for whoever has news then and whoever waits for it. With
/// `preview=true` nothing is changed, and who would be decided differently is named, with the fields that would be written.
#[utoipa::path(
    put, path = "/v1/connections/{connection}/field-map", operation_id = "changeFieldMap", tag = "Settings",
    params(ConnectionPath, ChangeParams),
    request_body = FieldMapChange,
    responses((status = 200, description = "The field map now in force; of a preview the one that still is.", body = FieldMapBody))
)]
pub async fn change(
    State(sync): State<Sync>,
    caller: Caller,
    At(connection): At,
    Query(OnlyPreview(is_preview)): Query<OnlyPreview>,
    Body(Asked(parts)): Body<Asked>,
) -> Result<Json<FieldMapBody>, ApiError> {
    may_ask(&connection)?;
    let (whose, who) = (Whose::Connection, caller.who());
    let wanted = PARTS.into_iter().zip(parts);
    let wanted: Map<String, Value> = wanted
        .map(|((_, key), value)| (key.to_owned(), value))
        .collect();
    let mut preview = None;
    if is_preview {
        may_act(&connection)?;
        let what_if = settings::preview(&sync, &connection, &whose, &wanted, &who).await;
        preview = Some(WhatIfBody::of(&sync, &what_if.map_err(in_the_document)?).await?);
    } else {
        let changed = settings::change(&sync, connection.id, &whose, &wanted, &who).await;
        changed.map_err(in_the_document)?;
    }
    let shown = fields::shown(&sync, connection.id).await?;
    Ok(Json(FieldMapBody {
        preview,
        ..FieldMapBody::of(&shown)
    }))
}

/// A fault, where the document has it instead of the settings.
fn in_the_document(error: ChangeError) -> ChangeError {
    let ChangeError::Faults(faults) = error else {
        return error;
    };
    let moved = faults.into_iter().map(|fault| {
        let rest = PARTS.into_iter().find_map(|(part, key)| {
            let rest = fault.pointer.strip_prefix(&format!("/{key}"))?;
            Some(format!("/{part}{rest}"))
        });
        Fault::new(rest.unwrap_or(fault.pointer), fault.detail)
    });
    ChangeError::Faults(moved.collect())
}
