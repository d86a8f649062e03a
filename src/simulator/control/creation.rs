//! Makes jobs, candidates and applications, as a recruiter would in Ashby's own pages. `mod` has the contract.

use axum::{Json, body::Bytes, extract::State, http::StatusCode};
use chrono::{DateTime, SubsecRound, Utc};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::{Complaint, Done, find_archive_reason, find_source, find_stage, parse, portrait};
use crate::simulator::{
    Simulator,
    changes::NewApplication,
    shelf::Shelf,
    world::{Candidate, Job, JobStatus, Plan, Stage, StageKind, World},
};

/// 201 with the object.
pub(super) type Made = (StatusCode, Json<Value>);

/// The answer with that object.
pub(super) fn made(portrait: Value) -> Made {
    (StatusCode::CREATED, Json(portrait))
}

/// The id that was asked for, where nothing has it yet, else a new one.
pub(super) fn fresh_id<T>(id: Option<Uuid>, shelf: &Shelf<T>) -> Done<Option<Uuid>> {
    match id {
        Some(id) if shelf.get(id).is_some() => Err(Complaint::conflict("this id is taken")),
        id => Ok(id),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewJob {
    title: String,
    id: Option<Uuid>,
    #[serde(default)]
    status: JobStatus,
    #[serde(default)]
    confidential: bool,
    stages: Option<Vec<NewStage>>,
    at: Option<DateTime<Utc>>,
}

/// A stage to be made.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewStage {
    title: String,
    #[serde(rename = "type")]
    kind: StageKind,
    /// One more than the stage before, where it is not given.
    order: Option<i64>,
    id: Option<Uuid>,
}

/// The plan of a job that was made without stages. Orders have gaps, as real ones do.
const USUAL_STAGES: [(&str, StageKind, i64); 9] = [
    ("New Lead", StageKind::Lead, 0),
    ("Reached Out", StageKind::Lead, 1),
    ("Replied", StageKind::Lead, 2),
    ("Application Review", StageKind::PreInterviewScreen, 3),
    ("Phone Screen", StageKind::Active, 5),
    ("Onsite", StageKind::Active, 6),
    ("Offer", StageKind::Offer, 8),
    ("Hired", StageKind::Hired, 10),
    ("Archived", StageKind::Archived, 11),
];

pub(super) async fn job(State(simulator): State<Simulator>, body: Bytes) -> Done<Made> {
    let new: NewJob = parse(&body)?;
    let world = &mut *simulator.lock();
    let id = fresh_id(new.id, &world.jobs)?.unwrap_or_else(|| world.chance.object_id());
    let stages = new.stages.unwrap_or_else(usual_stages);
    let plan = add_plan(world, id, format!("{} plan", new.title), stages)?;
    let stamp = world.stamp();
    let created_at = new.at.unwrap_or(stamp.at).trunc_subsecs(3);
    let job = Job {
        title: new.title,
        status: new.status,
        confidential: new.confidential,
        plan,
        fields: Vec::new(),
    };
    world.jobs.insert(id, job, created_at, stamp);
    Ok(made(portrait::job(world, id)))
}

fn usual_stages() -> Vec<NewStage> {
    let stage = |(title, kind, order): (&str, _, _)| NewStage {
        title: title.to_owned(),
        kind,
        order: Some(order),
        id: None,
    };
    USUAL_STAGES.map(stage).into()
}

/// Puts up a plan for a job, with its stages in order.
pub(super) fn add_plan(
    world: &mut World,
    job: Uuid,
    title: String,
    stages: Vec<NewStage>,
) -> Done<Uuid> {
    if stages.is_empty() {
        return Err(Complaint::bad_request("a plan needs stages"));
    }
    let taken = |stage: &NewStage| {
        let id = stage.id;
        id.is_some_and(|id| world.plan_of_stage.contains_key(&id))
    };
    if stages.iter().any(taken) {
        return Err(Complaint::conflict("the id of a stage is taken"));
    }
    let plan = world.chance.object_id();
    let mut next = 0;
    let mut placed = Vec::new();
    for stage in stages {
        let order = stage.order.unwrap_or(next);
        next = order + 1;
        let id = stage.id.unwrap_or_else(|| world.chance.object_id());
        world.plan_of_stage.insert(id, plan);
        placed.push(Stage {
            id,
            title: stage.title,
            kind: stage.kind,
            order,
            is_archived: false,
        });
    }
    placed.sort_by_key(|stage| stage.order);
    let stamp = world.stamp();
    let item = Plan {
        title,
        job,
        is_archived: false,
        stages: placed,
    };
    world.plans.insert(plan, item, stamp.at, stamp);
    Ok(plan)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewCandidate {
    name: String,
    email: Option<String>,
    #[serde(default)]
    emails: Vec<String>,
    linked_in_url: Option<String>,
    company: Option<String>,
    id: Option<Uuid>,
    at: Option<DateTime<Utc>>,
}

pub(super) async fn candidate(State(simulator): State<Simulator>, body: Bytes) -> Done<Made> {
    let new: NewCandidate = parse(&body)?;
    let world = &mut *simulator.lock();
    let id = fresh_id(new.id, &world.candidates)?;
    let mut candidate = Candidate {
        name: new.name,
        company: new.company,
        ..Candidate::default()
    };
    if let Some(url) = &new.linked_in_url {
        candidate.set_link("LinkedIn", url);
    }
    let id = world.add_candidate(id, candidate, new.at.map(|at| at.trunc_subsecs(3)));
    for address in new.email.iter().chain(&new.emails) {
        world.add_email(id, address);
    }
    Ok(made(portrait::candidate(world, id)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewApplicationHere {
    candidate_id: Uuid,
    job_id: Uuid,
    stage: Option<String>,
    source: Option<String>,
    archive_reason: Option<String>,
    id: Option<Uuid>,
    at: Option<DateTime<Utc>>,
}

pub(super) async fn application(State(simulator): State<Simulator>, body: Bytes) -> Done<Made> {
    let new: NewApplicationHere = parse(&body)?;
    let world = &mut *simulator.lock();
    let id = fresh_id(new.id, &world.applications)?;
    if world.candidates.get(new.candidate_id).is_none() {
        return Err(Complaint::missing("candidate"));
    }
    if world.jobs.get(new.job_id).is_none() {
        return Err(Complaint::missing("job"));
    }
    let stage = match &new.stage {
        Some(named) => find_stage(world, new.job_id, named)?,
        None => first_lead_stage(world, new.job_id)?,
    };
    let named = |name: &Option<String>, find: fn(&World, &str) -> Done<Uuid>| {
        let name = name.as_deref();
        name.map(|name| find(world, name)).transpose()
    };
    let source = named(&new.source, find_source)?;
    let archive_reason = named(&new.archive_reason, find_archive_reason)?;
    let created_at = new.at.map_or(world.now, |at| at.trunc_subsecs(3));
    let id = world.add_application(&NewApplication {
        id,
        candidate: new.candidate_id,
        job: new.job_id,
        source,
        credited_to: None,
        created_at,
        path: vec![(stage, created_at)],
        archive_reason,
    });
    if new.at.is_some() {
        let stamp = world.stamp_at(new.at);
        world.applications.edit(id, stamp);
    }
    Ok(made(portrait::application(world, id)))
}

pub(super) fn first_lead_stage(world: &World, job: Uuid) -> Done<Stage> {
    let mut stages = world.stages_of_job(job);
    let lead = stages.find(|stage| stage.kind == StageKind::Lead);
    lead.cloned()
        .ok_or_else(|| Complaint::missing("Lead stage in the plan of this job"))
}
