//! Rules 9, 10 and 11: whether an application that exists is moved on or archived.

use chrono::{DateTime, Utc};

use super::{
    action::{Plan, Step},
    policy::Policy,
    reason::{Departure, Reason},
    says::Status,
    situation::{Application, ApplicationStatus, Job, PlanStage, Setup, StageKind},
    stages,
    standing::Standing,
};

/// Decides on a prospect with an application.
pub(super) fn progress(
    application: &Application,
    standing: Standing<'_>,
    job: &Job,
    applied_at: Option<DateTime<Utc>>,
    setup: &Setup,
    policy: &Policy,
) -> Result<Plan, Reason> {
    let newer = |said, in_place| newer(application, said, applied_at, in_place);
    let towards = |target: &PlanStage, named, said| {
        let in_place = target.id == application.stage;
        newer(said, in_place)?;
        in_play(application)?;
        if in_place {
            return Err(Reason::AlreadyThere {
                stage: target.title.clone(),
            });
        }
        newer(named, false)?;
        forward(application, target, job)
    };
    let over = |departure, said| {
        newer(said, application.status == ApplicationStatus::Archived)?;
        archive(application, departure, job, setup)
    };
    match standing {
        Standing::Pursued {
            stage,
            name,
            named,
            said,
        } => towards(
            stages::target(stage, name, policy, &job.stages)?,
            named,
            said,
        ),
        Standing::Over(departure, said) => over(departure, said),
        Standing::Held(status, said) => {
            let Some(mapped) = policy.stage_of(status) else {
                newer(said, false)?;
                return Err(Reason::HeldStatus(status));
            };
            let target = stages::set(&mapped, &job.stages).ok_or(stages::gone(&mapped))?;
            match (target.kind, status) {
                (StageKind::Archived, Status::Snoozed | Status::NotInterested) => {
                    over(Departure::Withdrew, said)
                }
                (StageKind::Archived, _)
                | (StageKind::Hired, Status::Snoozed | Status::NotInterested) => {
                    Err(stages::gone(&mapped))
                }
                _ => towards(target, said, said),
            }
        }
    }
}

/// Rule 9. What Dover `said` must be strictly later than what was last applied, and than the latest change that was
/// not ours.
fn newer(
    application: &Application,
    said: DateTime<Utc>,
    applied_at: Option<DateTime<Utc>>,
    in_place: bool,
) -> Result<(), Reason> {
    if let Some(applied) = applied_at.filter(|applied| said <= *applied) {
        return Err(Reason::Superseded {
            said,
            applied,
            in_place,
        });
    }
    match application.foreign_at {
        Some(changed) if said <= changed => Err(Reason::AshbyIsNewer { said, changed }),
        _ => Ok(()),
    }
}

/// The end of rule 10: nothing un-archives, nothing undoes a hire. Comes before "not forward", for these stages lie
/// behind all others.
fn in_play(application: &Application) -> Result<(), Reason> {
    match application.status {
        ApplicationStatus::Archived => Err(Reason::ArchivedInAshby),
        ApplicationStatus::Hired => Err(Reason::HiredInAshby),
        ApplicationStatus::Lead | ApplicationStatus::Active => Ok(()),
    }
}

/// Rule 10. The target must be further on.
fn forward(application: &Application, target: &PlanStage, job: &Job) -> Result<Plan, Reason> {
    let now = place(application, job)?;
    if target.order <= now.order {
        return Err(Reason::NotForward {
            now: now.title.clone(),
            target: target.title.clone(),
        });
    }
    Ok(Plan::of(
        vec![Step::Move {
            application: application.id.clone(),
            to: target.id.clone(),
        }],
        Reason::Moved {
            from: now.title.clone(),
            to: target.title.clone(),
        },
    ))
}

/// Where the application stands. One that stands outside the job's plan (another plan, or another job after a
/// transfer) is not ours to move: the stages that we know are not its own.
fn place<'a>(application: &Application, job: &'a Job) -> Result<&'a PlanStage, Reason> {
    job.stages
        .iter()
        .find(|stage| stage.id == application.stage)
        .ok_or(Reason::StageNotInPlan)
}

/// Rule 11. Forward does not matter here; archived and hired are left as they are.
fn archive(
    application: &Application,
    departure: Departure,
    job: &Job,
    setup: &Setup,
) -> Result<Plan, Reason> {
    let reason = match departure {
        Departure::Withdrew => setup.withdrew.as_ref(),
        Departure::Rejected => setup.rejected.as_ref(),
    };
    let is_archived = application.status == ApplicationStatus::Archived;
    if is_archived && reason.is_some() && application.archive_reason.as_ref() == reason {
        return Err(Reason::AlreadyThere {
            stage: departure.archive_reason().to_owned(),
        });
    }
    in_play(application)?;
    place(application, job)?;
    let reason = reason.ok_or(Reason::ArchiveReasonMissing(departure))?;
    let to = stages::first(StageKind::Archived, &job.stages).ok_or(Reason::NoArchivedStage)?;
    Ok(Plan::of(
        vec![Step::Archive {
            application: application.id.clone(),
            to: to.id.clone(),
            reason: reason.clone(),
        }],
        Reason::Archived(departure),
    ))
}
