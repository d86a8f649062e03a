//! What happens to an application after it was made: stage, source, credit, history.

use uuid::Uuid;

use super::{
    Request,
    applications::{checked_archive_reason, visible},
    known_user, live_source,
};
use crate::simulator::{
    answer::{Answer, Refusal, Reply},
    input::{Field, Kind, optional, required},
    paging::{CURSOR, LIMIT},
    switches::HiredGuard,
    wire,
    world::{Stage, StageKind, World},
};

const ARCHIVE_EMAIL: &[Field] = &[
    required("communicationTemplateId", Kind::Id),
    optional("sendAt", Kind::Instant),
];

pub(super) const CHANGE_STAGE: &[Field] = &[
    required("applicationId", Kind::Id),
    required("interviewStageId", Kind::Id),
    optional("archiveReasonId", Kind::Id),
    optional("archiveEmail", Kind::Object(ARCHIVE_EMAIL)),
];

/// Moves within the plan of the application's job. Whatever is refused leaves the stage as it was.
pub(super) fn change_stage(world: &mut World, request: &Request) -> Answer {
    let input = &request.input;
    let id = visible(world, input.required_id("applicationId"))?;
    let stage = stage_in_reach(world, id, input.required_id("interviewStageId"))?;
    if input.has("archiveEmail") {
        return Err(refuse_archive_email(&stage));
    }
    let reason = checked_archive_reason(world, &stage, input.id("archiveReasonId"))?;
    check_hire(world, &stage)?;
    let stamp = world.stamp();
    world.move_application(id, &stage, reason, stamp);
    answer(world, id)
}

fn stage_in_reach(world: &World, application: Uuid, stage: Uuid) -> Result<Stage, Refusal> {
    let job = world.applications.item(application).map(|found| found.job);
    job.and_then(|job| world.stages_of_job(job).find(|other| other.id == stage))
        .cloned()
        .ok_or_else(|| Refusal::not_found("interview_stage"))
}

/// There are no templates here, so that a mail to a candidate can never be sent.
fn refuse_archive_email(stage: &Stage) -> Refusal {
    if stage.kind == StageKind::Archived {
        Refusal::not_found("communication_template")
    } else {
        Refusal::invalid("Archive fields are not allowed for non-archive stages")
    }
}

fn check_hire(world: &World, stage: &Stage) -> Result<(), Refusal> {
    match world.switches.hired_guard {
        _ if stage.kind != StageKind::Hired => Ok(()),
        HiredGuard::Off => Ok(()),
        HiredGuard::InvalidInput => Err(Refusal::invalid(
            "This move would bypass the approval of an offer",
        )),
        HiredGuard::OpeningInUse => Err(Refusal::new(
            "opening_in_use",
            "The opening is already filled",
        )),
    }
}

pub(super) const CHANGE_SOURCE: &[Field] = &[
    required("applicationId", Kind::Id),
    required("sourceId", Kind::NullableId),
];

/// Null clears the source.
pub(super) fn change_source(world: &mut World, request: &Request) -> Answer {
    let id = visible(world, request.input.required_id("applicationId"))?;
    let source = live_source(world, request.input.id("sourceId"))?;
    let stamp = world.stamp();
    if let Some(application) = world.applications.edit(id, stamp) {
        application.source = source;
    }
    world.announce_application(id, &["applicationUpdate"]);
    answer(world, id)
}

pub(super) const UPDATE: &[Field] = &[
    required("applicationId", Kind::Id),
    optional("sourceId", Kind::Id),
    optional("creditedToUserId", Kind::Id),
    optional("createdAt", Kind::Instant),
    optional("sendNotifications", Kind::Flag),
];

/// Bumps the application even where nothing is given to change: that was recorded.
pub(super) fn update(world: &mut World, request: &Request) -> Answer {
    let input = &request.input;
    let id = visible(world, input.required_id("applicationId"))?;
    let source = live_source(world, input.id("sourceId"))?;
    let credited_to = known_user(world, input.id("creditedToUserId"))?;
    let stamp = world.stamp();
    if let Some(application) = world.applications.edit(id, stamp) {
        application.source = source.or(application.source);
        application.credited_to = credited_to.or(application.credited_to);
    }
    if let Some(created_at) = input.instant("createdAt") {
        world.applications.redate(id, created_at);
    }
    world.announce_application(id, &["applicationUpdate"]);
    answer(world, id)
}

pub(super) const HISTORY: &[Field] = &[required("applicationId", Kind::Id), CURSOR, LIMIT];

/// All stays at once: no application here comes near a page of them.
pub(super) fn history(world: &mut World, request: &Request) -> Answer {
    let id = visible(world, request.input.required_id("applicationId"))?;
    let history = world.applications.get(id).map(wire::history);
    Ok(Reply::whole_list(history.unwrap_or_default()))
}

fn answer(world: &World, id: Uuid) -> Answer {
    let row = world.applications.get(id);
    row.map(|row| Reply::of(wire::application(world, row)))
        .ok_or_else(|| Refusal::not_found("application"))
}
