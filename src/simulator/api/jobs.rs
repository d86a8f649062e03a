//! Jobs, their interview plans and the stages of these. A confidential job is to a key as if it were not there.

use serde_json::{Value, json};
use uuid::Uuid;

use super::Request;
use crate::simulator::{
    answer::{Answer, Refusal, Reply},
    input::{Field, Kind, optional, required},
    paging::{CURSOR, LIMIT, Pass, SYNC_TOKEN},
    shelf::Row,
    wire,
    world::{Job, JobStatus, World},
};

const STATUSES: &[&str] = &["Draft", "Open", "Closed", "Archived"];
const EXPANSIONS: &[&str] = &["location", "openings"];

pub(super) const INFO: &[Field] = &[
    required("id", Kind::Id),
    optional("includeUnpublishedJobPostingsIds", Kind::Flag),
    optional("expand", Kind::AnyOf(EXPANSIONS)),
];

pub(super) fn info(world: &mut World, request: &Request) -> Answer {
    let row = visible(world, request.input.required_id("id"))?;
    let mut job = wire::job(world, row);
    if request.input.texts("expand").contains(&"openings") {
        job["openings"] = json!([]);
    }
    Ok(Reply::of(job))
}

pub(super) const LIST: &[Field] = &[
    optional("createdAfter", Kind::Whole),
    optional("status", Kind::AnyOf(STATUSES)),
    optional("openedAfter", Kind::Whole),
    optional("openedBefore", Kind::Whole),
    optional("closedAfter", Kind::Whole),
    optional("closedBefore", Kind::Whole),
    optional("includeUnpublishedJobPostingsIds", Kind::Flag),
    optional("expand", Kind::AnyOf(EXPANSIONS)),
    CURSOR,
    SYNC_TOKEN,
    LIMIT,
];

/// Drafts are listed only where they are asked for. The filters by opening and closing date are taken and not applied.
pub(super) fn list(world: &mut World, request: &Request) -> Answer {
    let input = &request.input;
    let mut pass = Pass::open(world, "job.list", input, &["createdAfter", "status"])?;
    let created_after = input.epoch_millis("createdAfter");
    let statuses = input.texts("status");
    let (ids, next) = pass.select(world, &world.jobs, |row| {
        !row.item.confidential
            && created_after.is_none_or(|after| row.created_at > after)
            && is_asked_for(row.item.status, &statuses)
    });
    let results = render(world, &ids);
    Ok(pass.close(world, results, next))
}

fn is_asked_for(status: JobStatus, statuses: &[&str]) -> bool {
    if statuses.is_empty() {
        status != JobStatus::Draft
    } else {
        statuses.iter().any(|asked| json!(status) == *asked)
    }
}

pub(super) const SEARCH: &[Field] = &[
    optional("title", Kind::Text),
    optional("requisitionId", Kind::Text),
];

/// By title, whole and without regard to case. Nothing here has a requisition id, so that asking by one finds nothing.
pub(super) fn search(world: &mut World, request: &Request) -> Answer {
    let input = &request.input;
    if !input.has("title") && !input.has("requisitionId") {
        return Err(Refusal::invalid("Give a title or a requisitionId"));
    }
    let title = input.text("title").map(str::to_lowercase);
    let jobs = world.jobs.iter().filter(|row| {
        !row.item.confidential
            && !input.has("requisitionId")
            && title.as_ref() == Some(&row.item.title.to_lowercase())
    });
    let jobs: Vec<_> = jobs.map(|row| wire::job(world, row)).collect();
    Ok(Reply::of(jobs))
}

pub(super) const PLAN_OF_JOB: &[Field] = &[required("jobId", Kind::Id)];

pub(super) fn plan_of_job(world: &mut World, request: &Request) -> Answer {
    let row = visible(world, request.input.required_id("jobId"))?;
    let stages = world.stages_of_job(row.id).map(|stage| {
        let mut wire = wire::stage(stage);
        wire["activities"] = json!([]);
        wire
    });
    Ok(Reply::of(json!({
        "jobId": row.id,
        "interviewPlanId": row.item.plan,
        "stages": stages.collect::<Vec<_>>(),
    })))
}

pub(super) const PLANS: &[Field] = &[
    optional("includeArchived", Kind::Flag),
    CURSOR,
    SYNC_TOKEN,
    LIMIT,
];

pub(super) fn plans(world: &mut World, request: &Request) -> Answer {
    let input = &request.input;
    let mut pass = Pass::open(world, "interviewPlan.list", input, &["includeArchived"])?;
    let (ids, next) = pass.select(world, &world.plans, |row| {
        world.shows_job(row.item.job) && (!row.item.is_archived || input.flag("includeArchived"))
    });
    let rows = ids.iter().filter_map(|id| world.plans.get(*id));
    let results = rows.map(wire::plan).collect();
    Ok(pass.close(world, results, next))
}

pub(super) const STAGES: &[Field] = &[required("interviewPlanId", Kind::Id)];

/// In the order of the plan. The plan of a confidential job is not there either.
pub(super) fn stages(world: &mut World, request: &Request) -> Answer {
    let id = request.input.required_id("interviewPlanId");
    let plan = world
        .plans
        .item(id)
        .filter(|plan| world.shows_job(plan.job))
        .ok_or_else(|| Refusal::not_found("interview_plan"))?;
    let live = plan.stages.iter().filter(|stage| !stage.is_archived);
    let stages: Vec<_> = live.map(|stage| wire::stage_in_plan(id, stage)).collect();
    Ok(Reply::whole_list(stages))
}

pub(super) const STAGE: &[Field] = &[required("interviewStageId", Kind::Id)];

pub(super) fn stage(world: &mut World, request: &Request) -> Answer {
    let (plan, stage) = world
        .stage(request.input.required_id("interviewStageId"))
        .filter(|(plan, _)| {
            let plan = world.plans.item(*plan);
            plan.is_some_and(|plan| world.shows_job(plan.job))
        })
        .ok_or_else(|| Refusal::not_found("interview_stage"))?;
    Ok(Reply::of(wire::stage_in_plan(plan, stage)))
}

fn visible(world: &World, id: Uuid) -> Result<&Row<Job>, Refusal> {
    world
        .jobs
        .get(id)
        .filter(|row| !row.item.confidential)
        .ok_or_else(|| Refusal::not_found("job"))
}

fn render(world: &World, ids: &[Uuid]) -> Vec<Value> {
    let rows = ids.iter().filter_map(|id| world.jobs.get(*id));
    rows.map(|row| wire::job(world, row)).collect()
}
