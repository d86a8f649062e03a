//! What stands in Ashby beside the key: the source, the archive reasons, the registered jobs and their plans.

use super::Check;
use crate::{
    plan::{
        Departure,
        policy::{Mapped, Policy},
        reason::{API_KEYS_MENU, ARCHIVE_REASONS_MENU, PLANS_MENU, SOURCES_MENU},
        says::Stage,
        situation::{Openness, Setup, SourceSetup, StageKind},
        stages::{self, FoundBy},
    },
    store::job::Job,
};

/// What an admin has to add to Ashby by hand.
pub(in crate::sync) fn setup(setup: &Setup) -> Vec<Check> {
    let source = match &setup.source {
        SourceSetup::Found(_) => Check::ok("source", "The source \u{201c}Dover\u{201d} is there."),
        SourceSetup::Missing => Check::fault(
            "source",
            "Ashby has no source \u{201c}Dover\u{201d}: candidates wait (source-missing).",
            format!("Add it under {SOURCES_MENU}, of type Sourced."),
        ),
        SourceSetup::Ambiguous => Check::fault(
            "source",
            "Ashby has several sources \u{201c}Dover\u{201d}: candidates wait (source-ambiguous).",
            format!("Keep one of type Sourced and archive the others under {SOURCES_MENU}."),
        ),
    };
    let reason = |departure: Departure, found: bool| {
        let title = departure.archive_reason();
        if found {
            Check::ok(
                "archive-reason",
                format!("The archive reason \u{201c}{title}\u{201d} is there."),
            )
        } else {
            Check::fault(
                "archive-reason",
                format!(
                    "Ashby has no archive reason \u{201c}{title}\u{201d}: who should be archived waits (archive-reason-missing)."
                ),
                format!("Add it under {ARCHIVE_REASONS_MENU}, spelt exactly so."),
            )
        }
    };
    vec![
        source,
        reason(Departure::Withdrew, setup.withdrew.is_some()),
        reason(Departure::Rejected, setup.rejected.is_some()),
    ]
}

/// A registered job: whether it takes candidates, and whether its plan has the stages that Dover's words mean, by the
/// settings or by itself.
pub(in crate::sync) fn job(job: &Job, policy: &Policy) -> Vec<Check> {
    let title = &job.title;
    let openness = match &job.openness {
        Openness::Open => Check::ok("job", format!("\u{201c}{title}\u{201d} is open.")),
        Openness::Closed(status) => Check::fault(
            "job",
            format!(
                "\u{201c}{title}\u{201d} is {} in Ashby: its candidates wait (job-not-open).",
                status.to_lowercase()
            ),
            "Open it in Ashby, or remove its registration.",
        ),
        Openness::NotVisible => Check::fault(
            "job",
            format!(
                "The key cannot see \u{201c}{title}\u{201d}: its candidates wait (job-not-visible)."
            ),
            format!(
                "If it is confidential, allow the key confidential jobs under {API_KEYS_MENU}; if it was deleted, remove its registration."
            ),
        ),
    };
    let mut checks = vec![openness];
    let leads = [Stage::NewLead, Stage::ReachedOut, Stage::Replied];
    let is_set = |stage| policy.stage_for(stage, None).is_some();
    let leads = (0..3).zip(leads).filter(|(_, stage)| !is_set(*stage));
    checks.extend(leads.map(|(place, _)| lead_stage(job, place)));
    if !is_set(Stage::Interviewing) {
        checks.push(needs_stage(
            job,
            StageKind::Active,
            "active-stage",
            "who is interviewing waits",
        ));
    }
    checks.extend(policy.stages().map(|mapped| set_stage(job, &mapped)));
    checks.push(needs_stage(
        job,
        StageKind::Archived,
        "archived-stage",
        "who should be archived waits",
    ));
    for check in &mut checks {
        check.dover_job_id = Some(job.dover_job_id.clone());
    }
    checks
}

fn set_stage(job: &Job, Mapped { stage, key }: &Mapped) -> Check {
    match job.stages.iter().find(|found| found.id == *stage) {
        Some(found) => Check::ok(
            "set-stage",
            format!(
                "\u{201c}{}\u{201d}, which {key} names, is there.",
                found.title
            ),
        ),
        None => Check::fault(
            "set-stage",
            format!(
                "The plan has no stage {stage}, which {key} names: such candidates wait (mapped-stage-gone)."
            ),
            format!("Set another stage for {key} in the settings of the job."),
        ),
    }
}

fn lead_stage(job: &Job, place: usize) -> Check {
    let wanted = stages::lead_title(place);
    match stages::lead(place, &job.stages) {
        Some((_, FoundBy::Title)) => {
            Check::ok("lead-stage", format!("\u{201c}{wanted}\u{201d} is there."))
        }
        Some((stage, FoundBy::Order)) => Check::warning(
            "lead-stage",
            format!(
                "\u{201c}{wanted}\u{201d} was renamed: \u{201c}{}\u{201d} is taken for it, by its place.",
                stage.title
            ),
            format!(
                "If that is wrong, name the stage \u{201c}{wanted}\u{201d} under {PLANS_MENU}."
            ),
        ),
        None => Check::fault(
            "lead-stage",
            format!(
                "The plan has no Lead stage for \u{201c}{wanted}\u{201d}: such candidates wait (stage-not-mapped)."
            ),
            format!("Add it under {PLANS_MENU}."),
        ),
    }
}

fn needs_stage(job: &Job, kind: StageKind, check: &str, otherwise: &str) -> Check {
    match stages::first(kind, &job.stages) {
        Some(stage) => Check::ok(check, format!("\u{201c}{}\u{201d} is there.", stage.title)),
        None => Check::fault(
            check,
            format!("The plan has no stage of type {kind:?}: {otherwise} (stage-not-mapped)."),
            format!("Add one under {PLANS_MENU}."),
        ),
    }
}
