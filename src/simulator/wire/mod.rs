//! How objects look in Ashby's answers. Written from Ashby's document and from recorded answers, and from neither the
//! client nor its types: a field misspelt there must not be misspelt here too.
//!
//! Absent and null are not the same and both occur. On a bare candidate the primary e-mail address, the primary phone
//! number and the location are absent, while source, credited user, timezone and fraud status are null.

mod application;
mod candidate;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    markup,
    shelf::Row,
    switches::NoteContent,
    world::{
        ArchiveReason, CustomField, FieldValues, Job, Note, Plan, Source, SourceType, Stage, Tag,
        User, World,
    },
};

pub(crate) use self::{
    application::{application, application_with_history, history},
    candidate::candidate,
};

/// A moment as Ashby writes it: UTC, milliseconds, `Z`.
pub(crate) fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A stage as it stands inside another object that names its plan already.
pub(crate) fn stage(stage: &Stage) -> Value {
    json!({
        "id": stage.id,
        "title": stage.title,
        "type": stage.kind,
        "orderInInterviewPlan": stage.order,
        "interviewStageGroupId": null,
    })
}

/// A stage with the plan it belongs to.
pub(crate) fn stage_in_plan(plan: Uuid, of: &Stage) -> Value {
    let mut wire = stage(of);
    wire["interviewPlanId"] = json!(plan);
    wire
}

/// An interview plan, without its stages.
pub(crate) fn plan(row: &Row<Plan>) -> Value {
    json!({
        "id": row.id,
        "title": row.item.title,
        "isArchived": row.item.is_archived,
        "createdAt": instant(row.created_at),
        "updatedAt": instant(row.updated_at),
    })
}

/// A job.
pub(crate) fn job(world: &World, row: &Row<Job>) -> Value {
    json!({
        "id": row.id,
        "title": row.item.title,
        "confidential": row.item.confidential,
        "status": row.item.status,
        "employmentType": "FullTime",
        "locationId": null,
        "departmentId": null,
        "defaultInterviewPlanId": row.item.plan,
        "interviewPlanIds": [row.item.plan],
        "customFields": field_values(world, &row.item.fields),
        "jobPostingIds": [],
        "customRequisitionId": null,
        "brandId": null,
        "hiringTeam": [],
        "author": null,
        "createdAt": instant(row.created_at),
        "updatedAt": instant(row.updated_at),
        "openedAt": instant(row.created_at),
        "closedAt": null,
    })
}

/// A source with its type.
pub(crate) fn source(row: &Row<Source>) -> Value {
    let SourceType { id, title } = &row.item.kind;
    json!({
        "id": row.id,
        "title": row.item.title,
        "isArchived": row.item.is_archived,
        "sourceType": {"id": id, "title": title, "isArchived": false},
    })
}

fn source_or_null(world: &World, id: Option<Uuid>) -> Value {
    let row = id.and_then(|id| world.sources.get(id));
    row.map_or(Value::Null, source)
}

/// An archive reason.
pub(crate) fn archive_reason(row: &Row<ArchiveReason>) -> Value {
    json!({
        "id": row.id,
        "text": row.item.text,
        "reasonType": row.item.reason_type,
        "isArchived": row.item.is_archived,
    })
}

/// A candidate tag.
pub(crate) fn tag(row: &Row<Tag>) -> Value {
    json!({"id": row.id, "title": row.item.title, "isArchived": false})
}

/// A user.
pub(crate) fn user(row: &Row<User>) -> Value {
    json!({
        "id": row.id,
        "firstName": row.item.first_name,
        "lastName": row.item.last_name,
        "email": row.item.email,
        "globalRole": "Limited Access",
        "isEnabled": row.item.is_enabled,
        "updatedAt": instant(row.updated_at),
    })
}

fn user_or_null(world: &World, id: Option<Uuid>) -> Value {
    let row = id.and_then(|id| world.users.get(id));
    row.map_or(Value::Null, user)
}

/// A note, written by the key's own user.
pub(crate) fn note(world: &World, row: &Row<Note>) -> Value {
    let mut wire = json!({
        "id": row.id,
        "createdAt": instant(row.created_at),
        "isPrivate": row.item.is_private,
        "author": {
            "id": world.integration_user,
            "firstName": "API",
            "lastName": "Key",
            "email": "integrations@example.com",
        },
    });
    let content = &row.item.content;
    match world.switches.note_content {
        NoteContent::Html => wire["content"] = json!(content),
        NoteContent::Text => wire["content"] = json!(markup::plain(content)),
        NoteContent::LeftOut => {}
    }
    wire
}

/// The definition of a custom field.
pub(crate) fn custom_field(row: &Row<CustomField>) -> Value {
    let mut wire = json!({
        "id": row.id,
        "isPrivate": false,
        "title": row.item.title,
        "objectType": row.item.object_type,
        "isArchived": row.item.is_archived,
        "fieldType": row.item.field_type,
        "isRequired": false,
    });
    if !row.item.options.is_empty() {
        let options = row.item.options.iter();
        wire["selectableValues"] = options
            .map(|option| {
                json!({"label": option.label, "value": option.value, "isArchived": option.is_archived})
            })
            .collect();
    }
    wire
}

fn field_values(world: &World, values: &FieldValues) -> Value {
    values
        .iter()
        .filter_map(|(field, value)| Some(field_value(world.custom_fields.get(*field)?, value)))
        .collect()
}

/// A custom field with the value that an object has in it.
pub(crate) fn field_value(row: &Row<CustomField>, value: &Value) -> Value {
    let mut wire = json!({"id": row.id, "isPrivate": false, "title": row.item.title});
    let label = |value: &Value| {
        let mut options = row.item.options.iter();
        let known = options.find(|option| value == &option.value);
        known.map(|option| json!(option.label))
    };
    match value {
        Value::Array(values) if !row.item.options.is_empty() => {
            wire["valueLabel"] = values.iter().filter_map(label).collect();
        }
        value => {
            if let Some(label) = label(value) {
                wire["valueLabel"] = label;
            }
        }
    }
    wire["value"] = value.clone();
    wire
}
