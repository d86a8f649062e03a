//! Rule 8: which stage of the job's plan a word of Dover's means. What the settings say, else by type and title, else by
//! type and order: titles are the employer's to change, types and order are not.

use super::{
    policy::{Mapped, Policy},
    reason::Reason,
    says::Stage,
    situation::{PlanStage, StageKind},
};

/// The titles that Ashby gives the lead stages of every plan, in order.
const LEAD_TITLES: [&str; 3] = ["New Lead", "Reached Out", "Replied"];

/// How a lead stage was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundBy {
    /// Its title is Ashby's own.
    Title,
    /// It was renamed: its place among the lead stages tells.
    Order,
}

/// The stage of `plan` that `stage` means, under the `name` that Dover gives it, or why there is none.
pub(super) fn target<'a>(
    stage: Stage,
    name: Option<&str>,
    policy: &Policy,
    plan: &'a [PlanStage],
) -> Result<&'a PlanStage, Reason> {
    if let Some(mapped) = policy.stage_for(stage, name) {
        return set(&mapped, plan)
            .filter(|stage| is_in_play(stage))
            .ok_or(gone(&mapped));
    }
    usual(stage, plan)
}

/// The stage that the settings name.
pub(super) fn set<'a>(mapped: &Mapped, plan: &'a [PlanStage]) -> Option<&'a PlanStage> {
    plan.iter().find(|stage| stage.id == mapped.stage)
}

/// The plan no longer has the stage that the settings name, or has another of that id.
pub(super) const fn gone(mapped: &Mapped) -> Reason {
    Reason::MappedStageGone { key: mapped.key }
}

const fn is_in_play(stage: &PlanStage) -> bool {
    !matches!(stage.kind, StageKind::Hired | StageKind::Archived)
}

/// The stage that `stage` means where the settings say nothing.
pub fn usual(stage: Stage, plan: &[PlanStage]) -> Result<&PlanStage, Reason> {
    let found = match stage {
        Stage::NewLead => lead(0, plan),
        Stage::ReachedOut => lead(1, plan),
        Stage::Replied | Stage::Interested => lead(2, plan),
        Stage::Interviewing => {
            return first(StageKind::Active, plan).ok_or(Reason::StageNotMapped(stage));
        }
    };
    found
        .map(|(stage, _)| stage)
        .ok_or(Reason::StageNotMapped(stage))
}

/// The first stage of a type, by order.
pub fn first(kind: StageKind, plan: &[PlanStage]) -> Option<&PlanStage> {
    plan.iter()
        .filter(|stage| stage.kind == kind)
        .min_by_key(|stage| stage.order)
}

/// The lead stage at `place` (0 new lead, 1 reached out, 2 replied) and how it was found. One that bears another
/// lead's title is never taken for a renamed one.
pub fn lead(place: usize, plan: &[PlanStage]) -> Option<(&PlanStage, FoundBy)> {
    let mut leads: Vec<_> = plan
        .iter()
        .filter(|stage| stage.kind == StageKind::Lead)
        .collect();
    leads.sort_by_key(|stage| stage.order);
    let titled = |title: &str| {
        leads
            .iter()
            .copied()
            .find(|stage| same_title(&stage.title, title))
    };
    if let Some(stage) = titled(LEAD_TITLES[place]) {
        return Some((stage, FoundBy::Title));
    }
    let at_place = leads.get(place).copied()?;
    let bears_another = LEAD_TITLES
        .iter()
        .any(|title| same_title(&at_place.title, title));
    (!bears_another).then_some((at_place, FoundBy::Order))
}

fn same_title(ours: &str, theirs: &str) -> bool {
    ours.trim().eq_ignore_ascii_case(theirs)
}

/// Ashby's title of the lead stage at `place`.
pub const fn lead_title(place: usize) -> &'static str {
    LEAD_TITLES[place]
}
