//! Rule 8 as tables: which stage a word of Dover's means.

use super::world::{decide, default_plan, stage, world};
use crate::plan::{
    situation::StageKind,
    stages::{FoundBy, lead, lead_title},
};

#[test]
fn rule_8_every_word_has_its_stage() {
    decide! {
        world().says("new_lead", "") => "create created acted -> new";
        world().says("reached_out", "") => "create created acted -> reached";
        world().says("replied", "") => "create created acted -> replied";
        world().says("interested", "") => "create created acted -> replied";
        world().says("interviewing", "") => "create created acted -> screen";
        // Titles count before order, whatever their case and the order in which Ashby lists them.
        world().stages(|stages| stages.reverse()).says("interviewing", "") => "create created acted -> screen";
        world().renamed("reached", " REACHED out").says("reached_out", "") => "create created acted -> reached";
        world().renamed("new", "Replied").renamed("replied", "New Lead").says("replied", "") => "create created acted -> new";
        // A title on a stage of another type is somebody else's.
        world().renamed("review", "Replied").renamed("replied", "Keen").says("replied", "") => "create created acted -> replied";
    }
}

#[test]
fn rule_8_a_renamed_lead_stage_is_found_by_its_place() {
    let renamed = world()
        .renamed("new", "Sourced")
        .renamed("reached", "Contacted")
        .renamed("replied", "Warm");
    let extra = |order| {
        world().stages(move |stages| stages.push(stage("extra", "Nurture", StageKind::Lead, order)))
    };
    decide! {
        renamed.clone().says("new_lead", "") => "create created acted -> new";
        renamed.clone().says("reached_out", "") => "create created acted -> reached";
        renamed.clone().says("interested", "") => "create created acted -> replied";
        renamed.stages(|stages| stages.reverse()).says("reached_out", "") => "create created acted -> reached";
        // An extra lead stage changes nothing as long as the titles stand.
        extra(-1).says("reached_out", "") => "create created acted -> reached";
        // A stage that bears another lead's title is never taken for a renamed one.
        extra(-1).renamed("reached", "Contacted").says("reached_out", "") => "none stage-not-mapped parked";
        world().without_stage("reached").says("reached_out", "") => "none stage-not-mapped parked";
        world().without_stage("replied").says("interested", "") => "none stage-not-mapped parked";
        world().without_stage("replied").linked("new").says("replied", "") => "none stage-not-mapped parked";
    }
}

#[test]
fn rule_8_interviewing_is_the_first_active_stage_and_nothing_else() {
    let said = world().says("interviewing", "");
    decide! {
        said.clone().without_stage("screen") => "create created acted -> onsite";
        said.clone().renamed("screen", "Hired") => "create created acted -> screen";
        said.clone().without_stage("screen").without_stage("onsite") => "none stage-not-mapped parked";
        said.linked("review").without_stage("screen").without_stage("onsite") => "none stage-not-mapped parked";
    }
}

#[test]
fn rule_8_a_check_can_tell_a_renamed_lead_stage_from_one_that_is_not() {
    let mut plan = default_plan();
    "Contacted".clone_into(&mut plan[1].title);
    let found = |place| lead(place, &plan).map(|(stage, by)| (stage.id.as_str(), by));
    assert_eq!(found(0), Some(("new", FoundBy::Title)));
    assert_eq!(found(1), Some(("reached", FoundBy::Order)));
    assert_eq!(lead_title(1), "Reached Out");
    assert_eq!(lead(0, &[]), None);
}
