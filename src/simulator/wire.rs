//! How objects look in Ashby's answers. Written from Ashby's document and from recorded answers, and from neither the
//! client nor its types: a field misspelt there must not be misspelt here too.
//!
//! Absent and null are not the same and both occur. On a bare candidate the primary e-mail address, the primary phone
//! number and the location are absent, while source, credited user, timezone and fraud status are null.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    shelf::Row,
    world::{
        Application, ArchiveReason, Candidate, Contact, CustomField, FieldValues, Job, Note, Place,
        Plan, Source, SourceType, Stage, Tag, User, World,
    },
};

/// A moment as Ashby writes it: UTC, milliseconds, `Z`.
pub(crate) fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A candidate, as `candidate.*` answers it. Applications for confidential jobs are left out.
pub(crate) fn candidate(world: &World, row: &Row<Candidate>) -> Value {
    let candidate = &row.item;
    let mut wire = Map::new();
    wire.insert("id".into(), json!(row.id));
    wire.insert("createdAt".into(), json!(instant(row.created_at)));
    wire.insert("updatedAt".into(), json!(instant(row.updated_at)));
    wire.insert("name".into(), json!(candidate.name));
    insert_primaries(&mut wire, candidate);
    wire.insert("emailAddresses".into(), contacts(&candidate.emails));
    wire.insert("phoneNumbers".into(), contacts(&candidate.phones));
    wire.insert("socialLinks".into(), links(candidate));
    wire.insert("tags".into(), candidate_tags(world, candidate));
    wire.insert(
        "applicationIds".into(),
        visible_applications(world, candidate),
    );
    wire.insert("fileHandles".into(), json!([]));
    wire.insert(
        "customFields".into(),
        field_values(world, &candidate.fields),
    );
    wire.insert("profileUrl".into(), json!(profile_url(row.id)));
    wire.insert("source".into(), source_or_null(world, candidate.source));
    wire.insert(
        "creditedToUser".into(),
        user_or_null(world, candidate.credited_to),
    );
    wire.insert("timezone".into(), Value::Null);
    if let Some(place) = &candidate.place {
        wire.insert("location".into(), location(place));
    }
    wire.insert("fraudStatus".into(), Value::Null);
    Value::Object(wire)
}

/// Where a person finds the candidate in Ashby's own pages.
pub(crate) fn profile_url(id: Uuid) -> String {
    format!("https://app.ashbyhq.com/candidate-searches/new/right-side/candidates/{id}")
}

fn insert_primaries(wire: &mut Map<String, Value>, candidate: &Candidate) {
    for (key, contacts) in [
        ("primaryEmailAddress", &candidate.emails),
        ("primaryPhoneNumber", &candidate.phones),
    ] {
        if let Some(primary) = contacts.iter().find(|contact| contact.is_primary) {
            wire.insert(key.into(), contact(primary));
        }
    }
}

fn contact(contact: &Contact) -> Value {
    json!({"value": contact.value, "type": "Personal", "isPrimary": contact.is_primary})
}

fn contacts(contacts: &[Contact]) -> Value {
    contacts.iter().map(contact).collect()
}

fn links(candidate: &Candidate) -> Value {
    candidate
        .links
        .iter()
        .map(|link| json!({"type": link.kind, "url": link.url}))
        .collect()
}

fn candidate_tags(world: &World, candidate: &Candidate) -> Value {
    let rows = candidate.tags.iter().filter_map(|id| world.tags.get(*id));
    rows.map(tag).collect()
}

fn visible_applications(world: &World, candidate: &Candidate) -> Value {
    let shown = |id: &&Uuid| {
        let application = world.applications.item(**id);
        application.is_some_and(|application| world.shows_application(application))
    };
    candidate
        .applications
        .iter()
        .filter(shown)
        .map(|id| json!(id))
        .collect()
}

fn location(place: &Place) -> Value {
    let parts = [
        ("City", &place.city),
        ("Region", &place.region),
        ("Country", &place.country),
    ];
    let named: Vec<_> = parts
        .iter()
        .filter_map(|(kind, name)| name.as_ref().map(|name| (kind, name)))
        .collect();
    let summary: Vec<_> = named.iter().map(|(_, name)| name.as_str()).collect();
    let components: Vec<_> = named
        .iter()
        .map(|(kind, name)| json!({"type": kind, "name": name}))
        .collect();
    json!({"id": place.id, "locationSummary": summary.join(", "), "locationComponents": components})
}

/// An application, as lists and most writes answer it.
pub(crate) fn application(world: &World, row: &Row<Application>) -> Value {
    let application = &row.item;
    let stage = world.stage(application.stage);
    let mut wire = Map::new();
    wire.insert("id".into(), json!(row.id));
    wire.insert("createdAt".into(), json!(instant(row.created_at)));
    wire.insert("updatedAt".into(), json!(instant(row.updated_at)));
    if let Some(at) = application.archived_at {
        wire.insert("archivedAt".into(), json!(instant(at)));
    }
    let status = stage.map(|(_, stage)| stage.kind.status());
    wire.insert("status".into(), json!(status));
    wire.insert(
        "customFields".into(),
        field_values(world, &application.fields),
    );
    wire.insert("candidate".into(), person_of(world, application));
    wire.insert(
        "currentInterviewStage".into(),
        stage.map_or(Value::Null, |(plan, stage)| stage_in_plan(plan, stage)),
    );
    wire.insert("source".into(), source_or_null(world, application.source));
    wire.insert(
        "creditedToUser".into(),
        user_or_null(world, application.credited_to),
    );
    wire.insert(
        "archiveReason".into(),
        archive_reason_of(world, application),
    );
    wire.insert("job".into(), job_of(world, application));
    wire.insert("hiringTeam".into(), json!([]));
    for unknown in [
        "appliedViaJobPostingId",
        "submitterClientIp",
        "submitterUserAgent",
    ] {
        wire.insert(unknown.into(), Value::Null);
    }
    Value::Object(wire)
}

/// An application with its history, as `application.info` and `application.create` answer it.
pub(crate) fn application_with_history(world: &World, row: &Row<Application>) -> Value {
    let mut wire = application(world, row);
    wire["applicationHistory"] = history(row).into();
    wire
}

/// The stays of an application, oldest first.
pub(crate) fn history(row: &Row<Application>) -> Vec<Value> {
    let stay = |visit: &super::world::Visit| {
        let mut wire = json!({
            "id": visit.id,
            "stageId": visit.stage,
            "title": visit.title,
            "stageNumber": visit.number,
            "enteredStageAt": instant(visit.entered_at),
        });
        if let Some(left_at) = visit.left_at {
            wire["leftStageAt"] = instant(left_at).into();
        }
        wire["allowedActions"] = json!(["set_entered_at"]);
        wire["actorId"] = Value::Null;
        wire
    };
    row.item.history.iter().map(stay).collect()
}

fn person_of(world: &World, application: &Application) -> Value {
    let mut wire = Map::new();
    wire.insert("id".into(), json!(application.candidate));
    if let Some(candidate) = world.candidates.item(application.candidate) {
        wire.insert("name".into(), json!(candidate.name));
        insert_primaries(&mut wire, candidate);
    }
    Value::Object(wire)
}

fn job_of(world: &World, application: &Application) -> Value {
    let title = world.jobs.item(application.job).map(|job| &job.title);
    json!({"id": application.job, "title": title})
}

fn archive_reason_of(world: &World, application: &Application) -> Value {
    let row = application
        .archive_reason
        .and_then(|id| world.archive_reasons.get(id));
    row.map_or(Value::Null, |row| {
        let mut wire = archive_reason(row);
        wire["customFields"] = json!([]);
        wire
    })
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
    json!({
        "id": row.id,
        "createdAt": instant(row.created_at),
        "isPrivate": row.item.is_private,
        "content": row.item.content,
        "author": {
            "id": world.integration_user,
            "firstName": "API",
            "lastName": "Key",
            "email": "integrations@example.com",
        },
    })
}

/// The definition of a custom field.
pub(crate) fn custom_field(row: &Row<CustomField>) -> Value {
    let mut wire = json!({
        "id": row.id,
        "isPrivate": false,
        "title": row.item.title,
        "objectType": row.item.object_type,
        "isArchived": false,
        "fieldType": row.item.field_type,
        "isRequired": false,
    });
    if !row.item.options.is_empty() {
        wire["selectableValues"] = row
            .item
            .options
            .iter()
            .map(|(value, label)| json!({"label": label, "value": value, "isArchived": false}))
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
        let known = row.item.options.iter().find(|(option, _)| value == option);
        known.map(|(_, label)| json!(label))
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
