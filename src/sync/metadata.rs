//! What an admin has set up in Ashby: the source, the archive reasons, and each job's status and interview plan.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Sync, SyncError, release};
use crate::{
    ashby::{AshbyClient, AshbyError, InterviewStage, JobInfo, JobStatus, Source, StageType},
    ids::{AshbyJobId, ConnectionId, InterviewPlanId},
    plan::{
        Departure,
        situation::{Openness, PlanStage, Setup, SourceSetup, StageKind},
    },
    store::{self, connection::Connection, job::Job},
};

/// The title of the source that says where a candidate came from.
const SOURCE: &str = "Dover";

/// How long what an admin set up is taken for unchanged. An id that Ashby refuses is read again at once.
const KEEPS: TimeDelta = TimeDelta::hours(1);

/// Reads the source and the archive reasons: two calls.
pub(super) async fn read_setup(client: &AshbyClient) -> Result<Setup, AshbyError> {
    let source = source(&client.sources().await?);
    let reasons = client.archive_reasons().await?;
    let titled = |departure: Departure| {
        let title = departure.archive_reason();
        let found = reasons
            .iter()
            .find(|reason| !reason.is_archived && reason.text.trim().eq_ignore_ascii_case(title));
        found.map(|reason| reason.id.clone())
    };
    Ok(Setup {
        source,
        withdrew: titled(Departure::Withdrew),
        rejected: titled(Departure::Rejected),
    })
}

/// Titles of sources are not unique in Ashby: of several, the one of type *Sourced* is meant.
fn source(sources: &[Source]) -> SourceSetup {
    let titled = sources
        .iter()
        .filter(|source| !source.is_archived && source.title.trim().eq_ignore_ascii_case(SOURCE));
    let titled: Vec<_> = titled.collect();
    let is_sourced = |source: &&&Source| {
        source
            .source_type
            .as_ref()
            .is_some_and(|kind| kind.title.trim().eq_ignore_ascii_case("Sourced"))
    };
    let of_type: Vec<_> = titled.iter().filter(is_sourced).collect();
    match (titled.as_slice(), of_type.as_slice()) {
        ([], _) => SourceSetup::Missing,
        ([only], _) => SourceSetup::Found(only.id.clone()),
        (_, [only]) => SourceSetup::Found(only.id.clone()),
        _ => SourceSetup::Ambiguous,
    }
}

/// The setup of a connection: as kept, or read again where it is old or somebody waits for it to change. What waited
/// for it goes on.
pub(super) async fn setup(
    sync: &Sync,
    connection: &Connection,
    client: &AshbyClient,
    somebody_waits: bool,
) -> Result<Setup, SyncError> {
    let now = sync.clock.now();
    let is_old = connection.setup_read_at.is_none_or(|at| now - at > KEEPS);
    match &connection.setup {
        Some(setup) if !is_old && !somebody_waits => Ok(setup.clone()),
        _ => {
            let setup = read_setup(client).await?;
            keep_setup(sync, connection, &setup).await?;
            Ok(setup)
        }
    }
}

/// Keeps a setup that was read, once what waited for it may go on.
pub(super) async fn keep_setup(
    sync: &Sync,
    connection: &Connection,
    setup: &Setup,
) -> Result<(), SyncError> {
    release::setup_read(sync, connection.id, connection.setup.as_ref(), setup).await?;
    let now = sync.clock.now();
    store::connection::set_setup(&sync.pool, connection.id, setup, now).await?;
    Ok(())
}

/// Reads the setup afresh with the next flush: Ashby refused an id of it.
pub(super) async fn distrust(
    sync: &Sync,
    connection: ConnectionId,
    job: &Job,
) -> Result<(), SyncError> {
    let long_ago = DateTime::<Utc>::UNIX_EPOCH;
    if let Some(setup) = store::connection::by_id(&sync.pool, connection)
        .await?
        .and_then(|found| found.setup)
    {
        store::connection::set_setup(&sync.pool, connection, &setup, long_ago).await?;
    }
    store::job::distrust(&sync.pool, job.id).await?;
    store::user::forget(&sync.pool, connection).await?;
    Ok(())
}

/// A job as Ashby has it now.
#[derive(Debug)]
pub(super) struct AshbyJob {
    /// Its title.
    pub(super) title: String,
    /// Whether it takes candidates.
    pub(super) openness: Openness,
    /// Its interview plan.
    pub(super) plan: Option<InterviewPlanId>,
}

/// Reads a job. `None`: the key cannot see one of that id.
pub(super) async fn read_job(
    client: &AshbyClient,
    id: &AshbyJobId,
) -> Result<Option<AshbyJob>, AshbyError> {
    match client.job_info(id).await {
        Ok(info) => Ok(Some(ashby_job(info))),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

fn ashby_job(info: JobInfo) -> AshbyJob {
    let openness = match &info.status {
        JobStatus::Open => Openness::Open,
        other => Openness::Closed(other.as_str().to_owned()),
    };
    let plan = info
        .default_interview_plan_id
        .or_else(|| info.interview_plan_ids.into_iter().next());
    AshbyJob {
        title: info.title,
        openness,
        plan,
    }
}

/// Reads the stages of a job's plan, in order; a job without a plan has none.
pub(super) async fn read_stages(
    client: &AshbyClient,
    plan: Option<&InterviewPlanId>,
) -> Result<Vec<PlanStage>, AshbyError> {
    let Some(plan) = plan else {
        return Ok(Vec::new());
    };
    let mut stages: Vec<PlanStage> = client
        .interview_stages(plan)
        .await?
        .into_iter()
        .map(plan_stage)
        .collect();
    stages.sort_by_key(|stage| stage.order);
    Ok(stages)
}

fn plan_stage(stage: InterviewStage) -> PlanStage {
    let kind = match stage.stage_type {
        StageType::Lead => StageKind::Lead,
        StageType::PreInterviewScreen => StageKind::PreInterviewScreen,
        StageType::Active => StageKind::Active,
        StageType::Offer => StageKind::Offer,
        StageType::Hired => StageKind::Hired,
        StageType::Archived => StageKind::Archived,
        StageType::Other(_) => StageKind::Other,
    };
    PlanStage {
        id: stage.id,
        title: stage.title,
        kind,
        order: stage.order_in_interview_plan,
    }
}

/// Brings a registered job up to date: one call, and another for the stages where the plan is another, what we know
/// of it is old, or somebody waits for a stage. What waited for the job goes on. The title stays the one that an admin gave;
/// answers the one that Ashby has now, where the job can be seen.
pub(super) async fn refresh_job(
    sync: &Sync,
    connection: ConnectionId,
    client: &AshbyClient,
    job: &mut Job,
    somebody_waits: bool,
) -> Result<Option<String>, SyncError> {
    let now = sync.clock.now();
    let before = (job.openness.clone(), job.stages.clone());
    let title = match read_job(client, &job.ashby_job_id).await? {
        None => {
            job.openness = Openness::NotVisible;
            None
        }
        Some(found) => {
            let is_old = now - job.read_at > KEEPS || found.plan != job.interview_plan_id;
            if is_old || somebody_waits {
                job.stages = Arc::new(read_stages(client, found.plan.as_ref()).await?);
                job.read_at = now;
            }
            job.openness = found.openness;
            job.interview_plan_id = found.plan;
            Some(found.title)
        }
    };
    let is_another = before != (job.openness.clone(), job.stages.clone());
    release::job_read(sync, connection, job, is_another).await?;
    store::job::refreshed(&sync.pool, job).await?;
    Ok(title)
}
