//! What recruiters do to people and applications while nobody asks the sync. `mod` has the contract.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::{
    Complaint, Done, creation::first_lead_stage, find_archive_reason, find_source, find_stage,
    parse, portrait,
};
use crate::simulator::{
    Simulator,
    world::{Application, Candidate, Stage, StageKind, World},
};

type At = Option<DateTime<Utc>>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Move {
    stage: String,
    archive_reason: Option<String>,
    at: At,
}

pub(super) async fn relocate(
    State(simulator): State<Simulator>,
    Path(id): Path<Uuid>,
    body: Bytes,
) -> Done<Json<Value>> {
    let asked: Move = parse(&body)?;
    let world = &mut *simulator.lock();
    let stage = find_stage(world, job_of(world, id)?, &asked.stage)?;
    move_to(world, id, &stage, asked.archive_reason.as_deref(), asked.at)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Archive {
    archive_reason: Option<String>,
    at: At,
}

pub(super) async fn archive(
    State(simulator): State<Simulator>,
    Path(id): Path<Uuid>,
    body: Bytes,
) -> Done<Json<Value>> {
    let asked: Archive = parse(&body)?;
    let world = &mut *simulator.lock();
    let stage = stage_of_kind(world, id, StageKind::Archived)?;
    move_to(world, id, &stage, asked.archive_reason.as_deref(), asked.at)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unarchive {
    stage: Option<String>,
    at: At,
}

pub(super) async fn unarchive(
    State(simulator): State<Simulator>,
    Path(id): Path<Uuid>,
    body: Bytes,
) -> Done<Json<Value>> {
    let asked: Unarchive = parse(&body)?;
    let world = &mut *simulator.lock();
    let job = job_of(world, id)?;
    let stage = match asked.stage {
        Some(named) => find_stage(world, job, &named)?,
        None => stage_before_archiving(world, id, job)?,
    };
    move_to(world, id, &stage, None, asked.at)
}

fn stage_before_archiving(world: &World, id: Uuid, job: Uuid) -> Done<Stage> {
    let live = |stage: &&Stage| stage.kind != StageKind::Archived;
    let visits = world.applications.item(id).map(|found| &found.history);
    let visits = visits.into_iter().flatten().rev();
    let mut stages_left = visits.filter_map(|visit| world.stage(visit.stage).map(|found| found.1));
    stages_left
        .find(live)
        .or_else(|| world.stages_of_job(job).find(live))
        .cloned()
        .ok_or_else(|| Complaint::missing("stage to go back to"))
}

pub(super) async fn hire(
    State(simulator): State<Simulator>,
    Path(id): Path<Uuid>,
    body: Bytes,
) -> Done<Json<Value>> {
    let asked: OnlyAt = parse(&body)?;
    let world = &mut *simulator.lock();
    let stage = stage_of_kind(world, id, StageKind::Hired)?;
    move_to(world, id, &stage, None, asked.at)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OnlyAt {
    at: At,
}

pub(super) async fn touch(
    State(simulator): State<Simulator>,
    Path(id): Path<Uuid>,
    body: Bytes,
) -> Done<Json<Value>> {
    let asked: OnlyAt = parse(&body)?;
    let world = &mut *simulator.lock();
    edit(world, id, asked.at, |_| {})
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetSource {
    source: Option<String>,
    at: At,
}

pub(super) async fn set_source(
    State(simulator): State<Simulator>,
    Path(id): Path<Uuid>,
    body: Bytes,
) -> Done<Json<Value>> {
    let asked: SetSource = parse(&body)?;
    let world = &mut *simulator.lock();
    let source = asked.source.map(|named| find_source(world, &named));
    let source = source.transpose()?;
    edit(world, id, asked.at, |application| {
        application.source = source;
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Transfer {
    job_id: Uuid,
    stage: Option<String>,
    at: At,
}

pub(super) async fn transfer(
    State(simulator): State<Simulator>,
    Path(id): Path<Uuid>,
    body: Bytes,
) -> Done<Json<Value>> {
    let asked: Transfer = parse(&body)?;
    let world = &mut *simulator.lock();
    job_of(world, id)?;
    let stage = match &asked.stage {
        Some(named) => find_stage(world, asked.job_id, named)?,
        None => first_lead_stage(world, asked.job_id)?,
    };
    let stamp = world.stamp_at(asked.at);
    if let Some(application) = world.applications.edit(id, stamp) {
        application.job = asked.job_id;
    }
    let stamp = world.stamp_at(asked.at);
    world.move_application(id, &stage, None, stamp);
    Ok(Json(portrait::application(world, id)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Obscure {
    status: Option<String>,
    at: At,
}

pub(super) async fn obscure(
    State(simulator): State<Simulator>,
    Path(id): Path<Uuid>,
    body: Bytes,
) -> Done<Json<Value>> {
    let asked: Obscure = parse(&body)?;
    let world = &mut *simulator.lock();
    edit(world, id, asked.at, |application| {
        application.shown_as = asked.status;
    })
}

pub(super) async fn delete_application(
    State(simulator): State<Simulator>,
    Path(id): Path<Uuid>,
) -> Done<StatusCode> {
    if simulator.lock().remove_application(id) {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Complaint::missing("application"))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rename {
    name: String,
    at: At,
}

pub(super) async fn rename(
    State(simulator): State<Simulator>,
    Path(id): Path<Uuid>,
    body: Bytes,
) -> Done<Json<Value>> {
    let asked: Rename = parse(&body)?;
    let world = &mut *simulator.lock();
    edited(world, id, asked.at, |candidate| candidate.name = asked.name)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Untag {
    tag: String,
    at: At,
}

pub(super) async fn untag(
    State(simulator): State<Simulator>,
    Path(id): Path<Uuid>,
    body: Bytes,
) -> Done<Json<Value>> {
    let asked: Untag = parse(&body)?;
    let world = &mut *simulator.lock();
    let titled = world.tags.iter().find(|row| row.item.title == asked.tag);
    let tag = titled.map(|row| row.id);
    edited(world, id, asked.at, |candidate| {
        candidate.tags.retain(|held| Some(*held) != tag);
    })
}

/// Somebody does something to a candidate.
fn edited(
    world: &mut World,
    id: Uuid,
    at: At,
    edit: impl FnOnce(&mut Candidate),
) -> Done<Json<Value>> {
    if world.candidates.get(id).is_none() {
        return Err(Complaint::missing("candidate"));
    }
    let stamp = world.stamp_at(at);
    world.edit_candidate(id, stamp, edit);
    Ok(Json(portrait::candidate(world, id)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Merge {
    into: Uuid,
    at: At,
}

pub(super) async fn merge(
    State(simulator): State<Simulator>,
    Path(id): Path<Uuid>,
    body: Bytes,
) -> Done<Json<Value>> {
    let asked: Merge = parse(&body)?;
    let world = &mut *simulator.lock();
    let stamp = world.stamp_at(asked.at);
    if world.merge_candidates(id, asked.into, stamp) {
        Ok(Json(portrait::candidate(world, asked.into)))
    } else {
        Err(Complaint::missing("pair of candidates"))
    }
}

pub(super) async fn delete_candidate(
    State(simulator): State<Simulator>,
    Path(id): Path<Uuid>,
) -> Done<StatusCode> {
    if simulator.lock().remove_candidate(id) {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Complaint::missing("candidate"))
    }
}

/// Changes an application and tells whoever listens for that.
fn edit(
    world: &mut World,
    id: Uuid,
    at: At,
    change: impl FnOnce(&mut Application),
) -> Done<Json<Value>> {
    job_of(world, id)?;
    let stamp = world.stamp_at(at);
    if let Some(application) = world.applications.edit(id, stamp) {
        change(application);
    }
    world.announce_application(id, &["applicationUpdate"]);
    Ok(Json(portrait::application(world, id)))
}

fn job_of(world: &World, application: Uuid) -> Done<Uuid> {
    let application = world.applications.item(application);
    application
        .map(|application| application.job)
        .ok_or_else(|| Complaint::missing("application"))
}

fn stage_of_kind(world: &World, application: Uuid, kind: StageKind) -> Done<Stage> {
    let mut stages = world.stages_of_job(job_of(world, application)?);
    let stage = stages.find(|stage| stage.kind == kind);
    stage
        .cloned()
        .ok_or_else(|| Complaint::missing("stage of this type in the plan of this job"))
}

fn move_to(
    world: &mut World,
    id: Uuid,
    stage: &Stage,
    reason: Option<&str>,
    at: At,
) -> Done<Json<Value>> {
    let reason = reason.map(|named| find_archive_reason(world, named));
    let reason = reason.transpose()?;
    let stamp = world.stamp_at(at);
    world.move_application(id, stage, reason, stamp);
    Ok(Json(portrait::application(world, id)))
}
