//! Rules 9, 10 and 11: whether an application that exists is moved on or archived.

use chrono::{DateTime, Utc};

use super::{
    action::{Plan, Step},
    reason::{Departure, Reason},
    situation::{Application, ApplicationStatus, Job, PlanStage, Setup, StageKind},
    stages,
    standing::Standing,
};

/// Decides on a prospect with an application.
pub(super) fn progress(
    application: &Application,
    standing: Standing,
    job: &Job,
    applied_at: Option<DateTime<Utc>>,
    setup: &Setup,
) -> Result<Plan, Reason> {
    let target = match standing {
        Standing::Pursued(stage, _) => Some(stages::target(stage, &job.stages)?),
        Standing::Over(..) | Standing::Held(..) => None,
    };
    newer(application, standing, target, applied_at)?;
    match (standing, target) {
        (Standing::Over(departure, _), _) => archive(application, departure, job, setup),
        (Standing::Held(status, _), _) => Err(Reason::HeldStatus(status)),
        (Standing::Pursued(..), Some(target)) => forward(application, target, job),
        (Standing::Pursued(..), None) => {
            unreachable!("a pursued candidate has a target, found above")
        }
    }
}

/// Rule 9. Dover must be strictly later than what was last applied, and than the latest change that was not ours.
fn newer(
    application: &Application,
    standing: Standing,
    target: Option<&PlanStage>,
    applied_at: Option<DateTime<Utc>>,
) -> Result<(), Reason> {
    let said = standing.said();
    if let Some(applied) = applied_at.filter(|applied| said <= *applied) {
        let in_place = match standing {
            Standing::Pursued(..) => target.is_some_and(|target| target.id == application.stage),
            Standing::Over(..) => application.status == ApplicationStatus::Archived,
            Standing::Held(..) => false,
        };
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

/// Rule 10. Nothing un-archives, nothing undoes a hire, and the target must be further on.
fn forward(application: &Application, target: &PlanStage, job: &Job) -> Result<Plan, Reason> {
    match application.status {
        ApplicationStatus::Archived => return Err(Reason::ArchivedInAshby),
        ApplicationStatus::Hired => return Err(Reason::HiredInAshby),
        ApplicationStatus::Lead | ApplicationStatus::Active => {}
    }
    if application.stage == target.id {
        return Err(Reason::AlreadyThere {
            stage: target.title.clone(),
        });
    }
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
    match application.status {
        ApplicationStatus::Archived
            if reason.is_some() && application.archive_reason.as_ref() == reason =>
        {
            return Err(Reason::AlreadyThere {
                stage: departure.archive_reason().to_owned(),
            });
        }
        ApplicationStatus::Archived => return Err(Reason::ArchivedInAshby),
        ApplicationStatus::Hired => return Err(Reason::HiredInAshby),
        ApplicationStatus::Lead | ApplicationStatus::Active => {}
    }
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
