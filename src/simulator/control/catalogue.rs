//! What admins do to jobs, plans, stages, sources and archive reasons. `mod` has the contract.

use std::collections::BTreeMap;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Complaint, Done,
    creation::{NewStage, add_plan},
    fittings::{NewOption, source_type},
    parse, portrait,
};
use crate::simulator::{
    Simulator,
    world::{JobStatus, Stage, World},
};

type At = Option<DateTime<Utc>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EditJob {
    title: Option<String>,
    status: Option<JobStatus>,
    confidential: Option<bool>,
    at: At,
}

pub(super) async fn edit_job(
    State(simulator): State<Simulator>,
    Path(id): Path<Uuid>,
    body: Bytes,
) -> Done<Json<Value>> {
    let asked: EditJob = parse(&body)?;
    let world = &mut *simulator.lock();
    let stamp = world.stamp_at(asked.at);
    let job = world.jobs.edit(id, stamp);
    let job = job.ok_or_else(|| Complaint::missing("job"))?;
    if let Some(title) = asked.title {
        job.title = title;
    }
    job.status = asked.status.unwrap_or(job.status);
    job.confidential = asked.confidential.unwrap_or(job.confidential);
    world.announce_job(id);
    Ok(Json(portrait::job(world, id)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SwitchPlan {
    stages: Vec<NewStage>,
    /// From a stage of the old plan to one of the new, each by id or title.
    #[serde(default)]
    mapping: BTreeMap<String, String>,
    at: At,
}

pub(super) async fn switch_plan(
    State(simulator): State<Simulator>,
    Path(id): Path<Uuid>,
    body: Bytes,
) -> Done<Json<Value>> {
    let asked: SwitchPlan = parse(&body)?;
    let world = &mut *simulator.lock();
    let old = world.jobs.item(id).map(|job| job.plan);
    let old = old.ok_or_else(|| Complaint::missing("job"))?;
    let new = add_plan(world, id, "Switched plan".to_owned(), asked.stages)?;
    let stamp = world.stamp_at(asked.at);
    if let Some(plan) = world.plans.edit(old, stamp) {
        plan.is_archived = true;
    }
    let stamp = world.stamp_at(asked.at);
    if let Some(job) = world.jobs.edit(id, stamp) {
        job.plan = new;
    }
    carry_over(world, id, &asked.mapping, asked.at)?;
    announce_switch(world, id, old, new);
    Ok(Json(portrait::job(world, id)))
}

/// The mapping of stages is left empty: nobody here reads it.
fn announce_switch(world: &mut World, job: Uuid, old: Uuid, new: Uuid) {
    let plan = |id: Uuid| {
        let title = world.plans.item(id).map(|plan| plan.title.as_str());
        json!({ "id": id, "title": title })
    };
    let data = json!({
        "jobId": job, "fromInterviewPlan": plan(old), "toInterviewPlan": plan(new), "interviewStageMappings": [],
    });
    world.announce(&["interviewPlanTransition"], &data);
    world.announce_job(job);
}

/// Moves the job's applications from the stages of the old plan to those of the new one.
fn carry_over(
    world: &mut World,
    job: Uuid,
    mapping: &BTreeMap<String, String>,
    at: At,
) -> Done<()> {
    let rows = world.applications.iter().filter(|row| row.item.job == job);
    let moves = rows.map(|row| {
        let stage = world.stage(row.item.stage).map(|(_, stage)| stage);
        let target = counterpart(world, job, stage, mapping)?;
        Ok((row.id, target.clone(), row.item.archive_reason))
    });
    let moves = moves.collect::<Done<Vec<_>>>()?;
    for (application, stage, reason) in moves {
        let stamp = world.stamp_at(at);
        world.move_application(application, &stage, reason, stamp);
    }
    Ok(())
}

fn counterpart<'a>(
    world: &'a World,
    job: Uuid,
    old: Option<&Stage>,
    mapping: &BTreeMap<String, String>,
) -> Done<&'a Stage> {
    let find = |wanted: &dyn Fn(&Stage) -> bool| world.stages_of_job(job).find(|s| wanted(s));
    let mapped = old.and_then(|old| {
        let target = mapping.get(&old.id.to_string());
        target.or_else(|| mapping.get(&old.title))
    });
    if let Some(target) = mapped {
        return find(&|stage| stage.title == *target || stage.id.to_string() == *target)
            .ok_or_else(|| Complaint::bad_request(format!("the new plan has no {target}")));
    }
    old.and_then(|old| find(&|stage| stage.title == old.title))
        .or_else(|| old.and_then(|old| find(&|stage| stage.kind == old.kind)))
        .or_else(|| find(&|_| true))
        .ok_or_else(|| Complaint::bad_request("the new plan has no stages"))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EditStage {
    title: Option<String>,
    is_archived: Option<bool>,
}

pub(super) async fn edit_stage(
    State(simulator): State<Simulator>,
    Path(id): Path<Uuid>,
    body: Bytes,
) -> Done<Json<Value>> {
    let asked: EditStage = parse(&body)?;
    let world = &mut *simulator.lock();
    let stages = stages_of_plan_with(world, id)?;
    let stage = stages.iter_mut().find(|stage| stage.id == id);
    let stage = stage.ok_or_else(|| Complaint::missing("stage"))?;
    if let Some(title) = asked.title {
        stage.title = title;
    }
    stage.is_archived = asked.is_archived.unwrap_or(stage.is_archived);
    Ok(Json(portrait::stage(stage)))
}

pub(super) async fn delete_stage(
    State(simulator): State<Simulator>,
    Path(id): Path<Uuid>,
) -> Done<StatusCode> {
    let world = &mut *simulator.lock();
    if world.applications.iter().any(|row| row.item.stage == id) {
        return Err(Complaint::conflict("applications stand in this stage"));
    }
    stages_of_plan_with(world, id)?.retain(|stage| stage.id != id);
    world.plan_of_stage.remove(&id);
    Ok(StatusCode::NO_CONTENT)
}

/// The stages of the plan that the stage is in, to be changed; the plan is bumped.
fn stages_of_plan_with(world: &mut World, stage: Uuid) -> Done<&mut Vec<Stage>> {
    let plan = world.plan_of_stage.get(&stage).copied();
    let plan = plan.ok_or_else(|| Complaint::missing("stage"))?;
    let stamp = world.stamp();
    let plan = world.plans.edit(plan, stamp);
    plan.map(|plan| &mut plan.stages)
        .ok_or_else(|| Complaint::missing("plan"))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EditSource {
    title: Option<String>,
    is_archived: Option<bool>,
    source_type: Option<String>,
}

pub(super) async fn edit_source(
    State(simulator): State<Simulator>,
    Path(id): Path<Uuid>,
    body: Bytes,
) -> Done<Json<Value>> {
    let asked: EditSource = parse(&body)?;
    let world = &mut *simulator.lock();
    let kind = asked.source_type.map(|title| source_type(world, &title));
    let kind = kind.transpose()?;
    let stamp = world.stamp();
    let source = world.sources.edit(id, stamp);
    let source = source.ok_or_else(|| Complaint::missing("source"))?;
    if let Some(title) = asked.title {
        source.title = title;
    }
    if let Some(kind) = kind {
        source.kind = kind;
    }
    source.is_archived = asked.is_archived.unwrap_or(source.is_archived);
    Ok(Json(portrait::source(world, id)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EditArchiveReason {
    text: Option<String>,
    is_archived: Option<bool>,
}

pub(super) async fn edit_archive_reason(
    State(simulator): State<Simulator>,
    Path(id): Path<Uuid>,
    body: Bytes,
) -> Done<Json<Value>> {
    let asked: EditArchiveReason = parse(&body)?;
    let world = &mut *simulator.lock();
    let stamp = world.stamp();
    let reason = world.archive_reasons.edit(id, stamp);
    let reason = reason.ok_or_else(|| Complaint::missing("archive reason"))?;
    if let Some(text) = asked.text {
        reason.text = text;
    }
    reason.is_archived = asked.is_archived.unwrap_or(reason.is_archived);
    Ok(Json(portrait::archive_reason(world, id)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EditCustomField {
    title: Option<String>,
    is_archived: Option<bool>,
    options: Option<Vec<NewOption>>,
    at: At,
}

pub(super) async fn edit_custom_field(
    State(simulator): State<Simulator>,
    Path(id): Path<Uuid>,
    body: Bytes,
) -> Done<Json<Value>> {
    let asked: EditCustomField = parse(&body)?;
    let world = &mut *simulator.lock();
    let stamp = world.stamp_at(asked.at);
    let field = world.custom_fields.edit(id, stamp);
    let field = field.ok_or_else(|| Complaint::missing("custom field"))?;
    if let Some(title) = asked.title {
        field.title = title;
    }
    if let Some(options) = asked.options {
        field.options = options.into_iter().map(Into::into).collect();
    }
    field.is_archived = asked.is_archived.unwrap_or(field.is_archived);
    Ok(Json(portrait::custom_field(world, id)))
}
