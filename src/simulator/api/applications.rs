//! `application.create`, `application.info` and `application.list`.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Request, candidates, known_user, live_source};
use crate::simulator::{
    answer::{Answer, Refusal, Reply},
    changes::NewApplication,
    input::{FIRST_PRE_INTERVIEW_SCREEN, Field, Input, Kind, optional, required},
    paging::{CURSOR, LIMIT, Pass, SYNC_TOKEN},
    switches::{ClosedJobs, Duplicates},
    wire,
    world::{JobStatus, Stage, StageKind, World},
};

const VISIT: &[Field] = &[
    required("stageId", Kind::Id),
    required("stageNumber", Kind::Whole),
    required("enteredStageAt", Kind::Instant),
    optional("archiveReasonId", Kind::Id),
];

pub(super) const CREATE: &[Field] = &[
    required("candidateId", Kind::Id),
    required("jobId", Kind::Id),
    optional("interviewPlanId", Kind::Id),
    optional("interviewStageId", Kind::StageChoice),
    optional("sourceId", Kind::Id),
    optional("creditedToUserId", Kind::Id),
    optional("createdAt", Kind::Instant),
    optional("applicationHistory", Kind::Objects(VISIT)),
];

/// Where a new application stands and how it came there.
struct Start {
    path: Vec<(Stage, DateTime<Utc>)>,
    archive_reason: Option<Uuid>,
}

pub(super) fn create(world: &mut World, request: &Request) -> Answer {
    let input = &request.input;
    let candidate = candidates::visible(world, input.required_id("candidateId"))?;
    let job = input.required_id("jobId");
    check_job(world, job, input.id("interviewPlanId"))?;
    let given_source = live_source(world, input.id("sourceId"))?;
    let credited_to = known_user(world, input.id("creditedToUserId"))?;
    let created_at = input.instant("createdAt").unwrap_or(world.now);
    let start = start(world, job, input, created_at)?;
    if let Some(existing) = duplicate(world, candidate, job)? {
        return answer(world, existing);
    }
    let id = world.add_application(&NewApplication {
        id: None,
        candidate,
        job,
        source: given_source.or(world.keys[request.key].default_source),
        credited_to,
        created_at,
        path: start.path,
        archive_reason: start.archive_reason,
    });
    answer(world, id)
}

fn check_job(world: &World, job: Uuid, plan: Option<Uuid>) -> Result<(), Refusal> {
    let shown = world.jobs.item(job).filter(|job| !job.confidential);
    let job = shown.ok_or_else(|| Refusal::not_found("job"))?;
    if plan.is_some_and(|plan| plan != job.plan) {
        return Err(Refusal::not_found("interview_plan"));
    }
    let takes_applications =
        job.status == JobStatus::Open || world.switches.closed_jobs == ClosedJobs::Accept;
    if takes_applications {
        Ok(())
    } else {
        Err(Refusal::invalid("The job is not open"))
    }
}

/// The application that the candidate has for the job, where it takes the place of a new one. The code of the refusal
/// is invented: nobody has recorded what Ashby says.
fn duplicate(world: &World, candidate: Uuid, job: Uuid) -> Result<Option<Uuid>, Refusal> {
    let ids = world.candidates.item(candidate);
    let same_job: Vec<_> = ids
        .into_iter()
        .flat_map(|candidate| &candidate.applications)
        .filter_map(|id| world.applications.get(*id))
        .filter(|row| row.item.job == job)
        .collect();
    let is_live = same_job.iter().any(|row| row.item.archived_at.is_none());
    let refused = match world.switches.duplicates {
        Duplicates::ReturnExisting => return Ok(same_job.last().map(|row| row.id)),
        Duplicates::Error => !same_job.is_empty(),
        Duplicates::NewIfArchived => is_live,
    };
    if refused {
        return Err(Refusal::new(
            "application_already_exists",
            "The candidate is already being considered for this job",
        ));
    }
    Ok(None)
}

/// From the history where there is one, else from the stage that was asked for, else the first Lead stage.
fn start(
    world: &World,
    job: Uuid,
    input: &Input,
    created_at: DateTime<Utc>,
) -> Result<Start, Refusal> {
    if input.has("applicationHistory") {
        if input.has("interviewStageId") {
            return Err(Refusal::invalid(
                "interviewStageId and applicationHistory exclude each other",
            ));
        }
        return start_from_history(world, job, &input.objects("applicationHistory"));
    }
    let mut stages = world.stages_of_job(job);
    let stage = match input.text("interviewStageId") {
        None => stages.find(|stage| stage.kind == StageKind::Lead),
        Some(FIRST_PRE_INTERVIEW_SCREEN) => {
            stages.find(|stage| stage.kind == StageKind::PreInterviewScreen)
        }
        Some(_) => {
            let id = input.id("interviewStageId");
            stages.find(|stage| Some(stage.id) == id)
        }
    };
    let stage = stage.ok_or_else(|| Refusal::not_found("interview_stage"))?;
    if stage.kind == StageKind::Archived {
        return Err(Refusal::invalid(
            "Archive reason ID is required for archive stages",
        ));
    }
    Ok(Start {
        path: vec![(stage.clone(), created_at)],
        archive_reason: None,
    })
}

/// The highest stage number is where the application stands.
fn start_from_history(world: &World, job: Uuid, visits: &[Input]) -> Result<Start, Refusal> {
    let mut visits: Vec<_> = visits.iter().collect();
    visits.sort_by_key(|visit| visit.whole("stageNumber"));
    let mut start = Start {
        path: Vec::new(),
        archive_reason: None,
    };
    for visit in visits {
        let id = visit.required_id("stageId");
        let stage = world.stages_of_job(job).find(|stage| stage.id == id);
        let stage = stage.ok_or_else(|| Refusal::not_found("interview_stage"))?;
        let reason = visit.id("archiveReasonId");
        start.archive_reason = checked_archive_reason(world, stage, reason)?;
        let entered_at = visit.instant("enteredStageAt").unwrap_or(world.now);
        start.path.push((stage.clone(), entered_at));
    }
    if start.path.is_empty() {
        return Err(Refusal::invalid("applicationHistory: must not be empty"));
    }
    Ok(start)
}

/// An archive reason belongs to a stage of type Archived and to no other.
pub(super) fn checked_archive_reason(
    world: &World,
    stage: &Stage,
    reason: Option<Uuid>,
) -> Result<Option<Uuid>, Refusal> {
    match (stage.kind, reason) {
        (StageKind::Archived, None) => Err(Refusal::invalid(
            "Archive reason ID is required for archive stages",
        )),
        (StageKind::Archived, Some(reason)) => {
            let known = world.archive_reasons.item(reason);
            if known.is_some_and(|known| !known.is_archived) {
                Ok(Some(reason))
            } else {
                Err(Refusal::not_found("archive_reason"))
            }
        }
        (_, Some(_)) => Err(Refusal::invalid(
            "Archive fields are not allowed for non-archive stages",
        )),
        (_, None) => Ok(None),
    }
}

pub(super) const INFO: &[Field] = &[
    optional("applicationId", Kind::Id),
    optional("submittedFormInstanceId", Kind::Id),
    optional("expand", Kind::AnyOf(&EXPANSIONS)),
];

const EXPANSIONS: [&str; 3] = ["openings", "applicationFormSubmissions", "referrals"];

/// By id. Nothing here was submitted through a form, so asking by one finds nothing.
pub(super) fn info(world: &mut World, request: &Request) -> Answer {
    let input = &request.input;
    if !input.has("applicationId") && !input.has("submittedFormInstanceId") {
        return Err(Refusal::invalid("applicationId: required"));
    }
    let id = input.id("applicationId").unwrap_or_default();
    let row = world.applications.get(visible(world, id)?);
    let wire = row.map(|row| wire::application_with_history(world, row));
    let expansions = input.texts("expand");
    Ok(Reply::of(expanded(wire.unwrap_or_default(), &expansions)))
}

/// Nothing here has openings, forms or referrals, so that an expansion is always an empty array.
fn expanded(mut application: Value, expansions: &[&str]) -> Value {
    for expansion in expansions {
        application[*expansion] = json!([]);
    }
    application
}

pub(super) const LIST: &[Field] = &[
    optional("createdAfter", Kind::Whole),
    optional(
        "status",
        Kind::OneOf(&["Hired", "Archived", "Active", "Lead"]),
    ),
    optional("jobId", Kind::Id),
    optional("expand", Kind::AnyOf(&["openings"])),
    CURSOR,
    SYNC_TOKEN,
    LIMIT,
];

pub(super) fn list(world: &mut World, request: &Request) -> Answer {
    let input = &request.input;
    let filters = ["createdAfter", "status", "jobId"];
    let mut pass = Pass::open(world, "application.list", input, &filters)?;
    let created_after = input.epoch_millis("createdAfter");
    let (status, job) = (input.text("status"), input.id("jobId"));
    let (ids, next) = pass.select(world, &world.applications, |row| {
        let stage = world.stage(row.item.stage);
        world.shows_application(&row.item)
            && created_after.is_none_or(|after| row.created_at > after)
            && job.is_none_or(|job| row.item.job == job)
            && status
                .is_none_or(|status| stage.is_some_and(|(_, stage)| stage.kind.status() == status))
    });
    let rows = ids.iter().filter_map(|id| world.applications.get(*id));
    let expansions = input.texts("expand");
    let results = rows.map(|row| expanded(wire::application(world, row), &expansions));
    let results = results.collect();
    Ok(pass.close(world, results, next))
}

/// The application of this id, where the key may see it.
pub(super) fn visible(world: &World, id: Uuid) -> Result<Uuid, Refusal> {
    world
        .applications
        .item(id)
        .filter(|application| world.shows_application(application))
        .map(|_| id)
        .ok_or_else(|| Refusal::not_found("application"))
}

fn answer(world: &World, id: Uuid) -> Answer {
    let row = world.applications.get(id);
    row.map(|row| Reply::of(wire::application_with_history(world, row)))
        .ok_or_else(|| Refusal::not_found("application"))
}
