//! The world as a person or a test wants to read it: names beside ids, nothing hidden. Not how Ashby would say it; that
//! is in `wire`.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::simulator::{
    shelf::Row,
    wire::{self, instant},
    world::{Note, Stage, World},
};

/// Everything the organisation holds.
pub(crate) fn of(world: &World) -> Value {
    let all = |ids: Vec<Uuid>, draw: fn(&World, Uuid) -> Value| -> Value {
        ids.into_iter().map(|id| draw(world, id)).collect()
    };
    json!({
        "now": instant(world.now),
        "jobs": all(world.jobs.iter().map(|row| row.id).collect(), job),
        "plans": all(world.plans.iter().map(|row| row.id).collect(), plan),
        "sources": all(world.sources.iter().map(|row| row.id).collect(), source),
        "archiveReasons": all(world.archive_reasons.iter().map(|row| row.id).collect(), archive_reason),
        "tags": world.tags.iter().map(wire::tag).collect::<Value>(),
        "users": all(world.users.iter().map(|row| row.id).collect(), user),
        "customFields": all(world.custom_fields.iter().map(|row| row.id).collect(), custom_field),
        "candidates": all(world.candidates.iter().map(|row| row.id).collect(), candidate),
        "applications": all(world.applications.iter().map(|row| row.id).collect(), application),
    })
}

/// A job with its plan.
pub(super) fn job(world: &World, id: Uuid) -> Value {
    world.jobs.get(id).map_or(Value::Null, |row| {
        json!({
            "id": id,
            "title": row.item.title,
            "status": row.item.status,
            "confidential": row.item.confidential,
            "plan": plan(world, row.item.plan),
            "customFields": values(world, &row.item.fields),
            "createdAt": instant(row.created_at),
            "updatedAt": instant(row.updated_at),
        })
    })
}

/// A plan with its stages.
fn plan(world: &World, id: Uuid) -> Value {
    world.plans.get(id).map_or(Value::Null, |row| {
        json!({
            "id": id,
            "title": row.item.title,
            "isArchived": row.item.is_archived,
            "stages": row.item.stages.iter().map(stage).collect::<Value>(),
        })
    })
}

/// A stage.
pub(super) fn stage(stage: &Stage) -> Value {
    json!({
        "id": stage.id,
        "title": stage.title,
        "type": stage.kind,
        "order": stage.order,
        "isArchived": stage.is_archived,
    })
}

/// A source.
pub(super) fn source(world: &World, id: Uuid) -> Value {
    world.sources.item(id).map_or(Value::Null, |source| {
        json!({
            "id": id,
            "title": source.title,
            "sourceType": source.kind.title,
            "isArchived": source.is_archived,
        })
    })
}

/// An archive reason.
pub(super) fn archive_reason(world: &World, id: Uuid) -> Value {
    let row = world.archive_reasons.get(id);
    row.map_or(Value::Null, wire::archive_reason)
}

/// A user.
pub(super) fn user(world: &World, id: Uuid) -> Value {
    world.users.get(id).map_or(Value::Null, wire::user)
}

/// A custom field.
pub(super) fn custom_field(world: &World, id: Uuid) -> Value {
    let row = world.custom_fields.get(id);
    row.map_or(Value::Null, wire::custom_field)
}

/// A candidate, with all their applications and notes.
pub(super) fn candidate(world: &World, id: Uuid) -> Value {
    let Some(row) = world.candidates.get(id) else {
        return Value::Null;
    };
    let candidate = &row.item;
    let emails: Vec<_> = candidate.emails.iter().map(|email| &email.value).collect();
    let phones: Vec<_> = candidate.phones.iter().map(|phone| &phone.value).collect();
    let primary = candidate.emails.iter().find(|email| email.is_primary);
    let links = candidate.links.iter();
    let tags = candidate.tags.iter();
    let notes = world.notes.iter().filter(|row| row.item.candidate == id);
    json!({
        "id": id,
        "name": candidate.name,
        "email": primary.map(|email| &email.value),
        "emails": emails,
        "phones": phones,
        "socialLinks": links.map(|link| json!({"type": link.kind, "url": link.url})).collect::<Value>(),
        "tags": tags.filter_map(|id| Some(&world.tags.item(*id)?.title)).collect::<Vec<_>>(),
        "source": title_of_source(world, candidate.source),
        "creditedTo": email_of_user(world, candidate.credited_to),
        "customFields": values(world, &candidate.fields),
        "notes": notes.map(note).collect::<Vec<_>>(),
        "applicationIds": candidate.applications,
        "createdAt": instant(row.created_at),
        "updatedAt": instant(row.updated_at),
    })
}

fn note(row: &Row<Note>) -> Value {
    json!({
        "id": row.id,
        "content": row.item.content,
        "isPrivate": row.item.is_private,
        "createdAt": instant(row.created_at),
    })
}

/// An application, with the names of all that it points to.
pub(super) fn application(world: &World, id: Uuid) -> Value {
    let Some(row) = world.applications.get(id) else {
        return Value::Null;
    };
    let application = &row.item;
    let stage = world.stage(application.stage).map(|(_, stage)| stage);
    let person = world.candidates.item(application.candidate);
    let reason = application.archive_reason;
    let reason = reason.and_then(|id| world.archive_reasons.item(id));
    json!({
        "id": id,
        "candidateId": application.candidate,
        "candidate": person.map(|person| &person.name),
        "jobId": application.job,
        "job": world.jobs.item(application.job).map(|job| &job.title),
        "stageId": application.stage,
        "stage": stage.map(|stage| &stage.title),
        "stageType": stage.map(|stage| stage.kind),
        "status": stage.map(|stage| stage.kind.status()),
        "archiveReason": reason.map(|reason| &reason.text),
        "archivedAt": application.archived_at.map(instant),
        "source": title_of_source(world, application.source),
        "creditedTo": email_of_user(world, application.credited_to),
        "customFields": values(world, &application.fields),
        "history": application.history.iter().map(|visit| &visit.title).collect::<Vec<_>>(),
        "createdAt": instant(row.created_at),
        "updatedAt": instant(row.updated_at),
    })
}

fn title_of_source(world: &World, id: Option<Uuid>) -> Option<&str> {
    Some(world.sources.item(id?)?.title.as_str())
}

fn email_of_user(world: &World, id: Option<Uuid>) -> Option<&str> {
    Some(world.users.item(id?)?.email.as_str())
}

/// Values of custom fields by the field's title.
fn values(world: &World, values: &[(Uuid, Value)]) -> Value {
    let named = values.iter().filter_map(|(field, value)| {
        let field = world.custom_fields.item(*field)?;
        Some((field.title.clone(), value.clone()))
    });
    Value::Object(named.collect())
}
