//! Applications on the wire.

use serde_json::{Map, Value, json};

use super::{
    archive_reason, candidate::insert_primaries, field_values, instant, source_or_null,
    stage_in_plan, user_or_null,
};
use crate::simulator::{
    shelf::Row,
    world::{Application, Visit, World},
};

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
    let stage = stage.filter(|_| application.shown_as.is_none());
    let status = stage.map(|(_, stage)| stage.kind.status());
    let status = application.shown_as.as_deref().or(status);
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
    let stay = |visit: &Visit| {
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
