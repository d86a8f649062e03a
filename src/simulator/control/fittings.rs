//! Makes what an admin keeps in Ashby's settings: sources, archive reasons, users, custom fields. `mod` has the contract.

use axum::{body::Bytes, extract::State};
use serde::Deserialize;
use uuid::Uuid;

use super::{
    Complaint, Done,
    creation::{Made, fresh_id, made},
    parse, portrait,
};
use crate::simulator::{
    Simulator,
    world::{ArchiveReason, CustomField, FieldOption, Source, SourceType, User, World},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewSource {
    title: String,
    source_type: Option<String>,
    #[serde(default)]
    is_archived: bool,
    id: Option<Uuid>,
}

pub(super) async fn source(State(simulator): State<Simulator>, body: Bytes) -> Done<Made> {
    let new: NewSource = parse(&body)?;
    let world = &mut *simulator.lock();
    let id = fresh_id(new.id, &world.sources)?.unwrap_or_else(|| world.chance.object_id());
    let title = new.source_type.as_deref().unwrap_or("Sourced");
    let source = Source {
        title: new.title,
        kind: source_type(world, title)?,
        is_archived: new.is_archived,
    };
    let stamp = world.stamp();
    world.sources.insert(id, source, stamp.at, stamp);
    Ok(made(portrait::source(world, id)))
}

/// The source type of this title.
pub(super) fn source_type(world: &World, title: &str) -> Done<SourceType> {
    let mut types = world.source_types.iter();
    types
        .find(|kind| kind.title == title)
        .cloned()
        .ok_or_else(|| Complaint::bad_request("sourceType: Inbound, Internal, Referral or Sourced"))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewArchiveReason {
    text: String,
    reason_type: Option<String>,
    id: Option<Uuid>,
}

pub(super) async fn archive_reason(State(simulator): State<Simulator>, body: Bytes) -> Done<Made> {
    let new: NewArchiveReason = parse(&body)?;
    let world = &mut *simulator.lock();
    let id = fresh_id(new.id, &world.archive_reasons)?.unwrap_or_else(|| world.chance.object_id());
    let reason_type = new.reason_type.unwrap_or_else(|| "Other".to_owned());
    if !["RejectedByCandidate", "RejectedByOrg", "Other"].contains(&reason_type.as_str()) {
        return Err(Complaint::bad_request(
            "reasonType: RejectedByCandidate, RejectedByOrg or Other",
        ));
    }
    let reason = ArchiveReason {
        text: new.text,
        reason_type,
        is_archived: false,
    };
    let stamp = world.stamp();
    world.archive_reasons.insert(id, reason, stamp.at, stamp);
    Ok(made(portrait::archive_reason(world, id)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewUser {
    first_name: String,
    last_name: String,
    email: String,
    is_enabled: Option<bool>,
    id: Option<Uuid>,
}

pub(super) async fn user(State(simulator): State<Simulator>, body: Bytes) -> Done<Made> {
    let new: NewUser = parse(&body)?;
    let world = &mut *simulator.lock();
    let id = fresh_id(new.id, &world.users)?.unwrap_or_else(|| world.chance.object_id());
    let user = User {
        first_name: new.first_name,
        last_name: new.last_name,
        email: new.email,
        is_enabled: new.is_enabled.unwrap_or(true),
    };
    let stamp = world.stamp();
    world.users.insert(id, user, stamp.at, stamp);
    Ok(made(portrait::user(world, id)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewCustomField {
    title: String,
    object_type: String,
    field_type: Option<String>,
    #[serde(default)]
    options: Vec<NewOption>,
    id: Option<Uuid>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewOption {
    value: String,
    label: Option<String>,
    #[serde(default)]
    is_archived: bool,
}

impl From<NewOption> for FieldOption {
    fn from(new: NewOption) -> Self {
        Self {
            label: new.label.unwrap_or_else(|| new.value.clone()),
            value: new.value,
            is_archived: new.is_archived,
        }
    }
}

pub(super) async fn custom_field(State(simulator): State<Simulator>, body: Bytes) -> Done<Made> {
    let new: NewCustomField = parse(&body)?;
    let world = &mut *simulator.lock();
    let id = fresh_id(new.id, &world.custom_fields)?.unwrap_or_else(|| world.chance.object_id());
    let field = CustomField {
        title: new.title,
        object_type: new.object_type,
        field_type: new.field_type.unwrap_or_else(|| "String".to_owned()),
        is_archived: false,
        options: new.options.into_iter().map(Into::into).collect(),
    };
    let stamp = world.stamp();
    world.custom_fields.insert(id, field, stamp.at, stamp);
    Ok(made(portrait::custom_field(world, id)))
}
