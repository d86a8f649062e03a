//! Rules 9 to 11 as tables: what moves an application on or archives it, and what leaves it alone.

use super::world::{decide, stage, world};
use crate::plan::{Step, plan, situation::StageKind};

#[test]
fn rule_9_dover_must_be_strictly_later_than_what_was_applied() {
    let linked = world().linked("new").says_at(100, "replied", "");
    let there = world().linked("replied").says_at(100, "replied", "");
    decide! {
        linked.clone().applied_at(99) => "move moved-forward acted -> replied";
        linked.clone().applied_at(100) => "none superseded skipped";
        linked.clone().applied_at(101) => "none superseded skipped";
        there.clone().applied_at(99) => "none already-there unchanged";
        there.clone().applied_at(100) => "none superseded unchanged";
        there.applied_at(101) => "none superseded unchanged";
        // What was applied is looked at before what was changed.
        linked.applied_at(100).foreign_at(100) => "none superseded skipped";
    }
}

#[test]
fn rule_9_dover_must_be_strictly_later_than_the_latest_foreign_change() {
    let linked = world()
        .linked("new")
        .says_at(100, "replied", "")
        .applied_at(50);
    let over = world()
        .linked("screen")
        .says_at(100, "", "rejected")
        .applied_at(50);
    let held = world()
        .linked("screen")
        .says_at(100, "", "snoozed")
        .applied_at(50);
    decide! {
        linked.clone().foreign_at(99) => "move moved-forward acted -> replied";
        linked.clone().foreign_at(100) => "none ashby-is-newer skipped";
        linked.foreign_at(101) => "none ashby-is-newer skipped";
        over.clone().foreign_at(99) => "archive rejected-in-dover acted -> archived";
        over.clone().foreign_at(100) => "none ashby-is-newer skipped";
        over.clone().applied_at(100) => "none superseded skipped";
        held.clone().foreign_at(100) => "none ashby-is-newer skipped";
        held.clone().applied_at(100) => "none superseded skipped";
        held => "none held-status skipped";
    }
}

#[test]
fn rule_9_a_creation_has_nothing_to_be_newer_than() {
    decide! {
        world().says_at(100, "replied", "").applied_at(200) => "create created acted -> replied";
        world().found().says_at(100, "replied", "").applied_at(200) => "create created acted -> replied";
    }
}

#[test]
fn rule_9_a_word_of_the_status_alone_makes_a_stage_no_newer() {
    let resumed = |stage: &str| {
        world()
            .linked(stage)
            .says_at(100, "replied", "")
            .says_at(300, "", "active")
    };
    decide! {
        resumed("new").applied_at(50) => "move moved-forward acted -> replied";
        resumed("new").foreign_at(200) => "none ashby-is-newer skipped";
        resumed("replied").applied_at(100) => "none already-there unchanged";
        resumed("new").applied_at(100) => "none superseded skipped";
    }
}

#[test]
fn rule_10_only_forward() {
    let linked = |stage: &str| world().linked(stage).applied_at(1);
    let equal = |id: &'static str| {
        move |stages: &mut Vec<_>| stages.push(stage(id, "Beside", StageKind::Lead, 2))
    };
    decide! {
        linked("new").says("reached_out", "") => "move moved-forward acted -> reached";
        linked("new").says("interviewing", "") => "move moved-forward acted -> screen";
        linked("review").says("interviewing", "") => "move moved-forward acted -> screen";
        linked("replied").says("reached_out", "") => "none not-forward skipped";
        linked("review").says("replied", "") => "none not-forward skipped";
        linked("onsite").says("interviewing", "") => "none not-forward skipped";
        linked("offer").says("interviewing", "") => "none not-forward skipped";
        linked("new").says("", "active") => "none already-there unchanged";
        linked("replied").says("interested", "") => "none already-there unchanged";
        linked("screen").says("interviewing", "") => "none already-there unchanged";
        // Beside is not forward.
        world().stages(equal("beside")).linked("beside").says("replied", "") => "none not-forward skipped";
        linked("elsewhere").says("replied", "") => "none stage-not-in-plan parked";
    }
}

#[test]
fn rule_10_nothing_comes_back_from_the_archive_or_from_a_hire() {
    let linked = |stage: &str| world().linked(stage).says("interviewing", "");
    decide! {
        linked("archived") => "none archived-in-ashby skipped";
        linked("archived").because("withdrew-reason") => "none archived-in-ashby skipped";
        linked("hired") => "none hired-in-ashby skipped";
        world().found_in("archived").says("replied", "") => "none archived-in-ashby skipped";
    }
}

#[test]
fn rule_11_a_departure_archives_from_wherever_the_candidate_is() {
    let linked = |stage: &str, status: &str| world().linked(stage).applied_at(1).says("", status);
    decide! {
        linked("new", "withdrew") => "archive withdrew-in-dover acted -> archived";
        linked("onsite", "rejected") => "archive rejected-in-dover acted -> archived";
        linked("offer", "withdrew") => "archive withdrew-in-dover acted -> archived";
        world().found_in("new").says("", "rejected") => "archive rejected-in-dover acted -> archived";
        linked("hired", "rejected") => "none hired-in-ashby skipped";
        linked("archived", "rejected") => "none archived-in-ashby skipped";
        linked("archived", "rejected").because("other") => "none archived-in-ashby skipped";
        linked("archived", "rejected").because("withdrew-reason") => "none archived-in-ashby skipped";
        linked("archived", "rejected").because("rejected-reason") => "none already-there unchanged";
        linked("archived", "rejected").applied_at(100) => "none superseded unchanged";
        linked("new", "hired") => "none held-status skipped";
        linked("new", "snoozed") => "none held-status skipped";
        linked("new", "not_interested") => "none held-status skipped";
    }
}

#[test]
fn rule_11_the_archive_reason_goes_with_the_departure() {
    for (status, expected) in [
        ("withdrew", "withdrew-reason"),
        ("rejected", "rejected-reason"),
    ] {
        let steps = plan(&world().linked("new").says("", status).situation).steps;
        let [Step::Archive { reason, .. }] = &steps[..] else {
            panic!("{steps:?}")
        };
        assert_eq!(reason.as_str(), expected);
    }
}

#[test]
fn rule_11_what_an_admin_has_not_added_parks_only_what_needs_it() {
    let none = || world().setup(|setup| (setup.withdrew, setup.rejected) = (None, None));
    let said = |stage: &str, status: &str| none().linked(stage).says("", status);
    decide! {
        said("new", "withdrew") => "none archive-reason-missing parked";
        said("new", "rejected") => "none archive-reason-missing parked";
        said("archived", "rejected") => "none archived-in-ashby skipped";
        said("hired", "rejected") => "none hired-in-ashby skipped";
        none().says("", "rejected") => "none nothing-to-archive skipped";
        none().linked("new").says("replied", "") => "move moved-forward acted -> replied";
        world().setup(|setup| setup.withdrew = None).linked("new").says("", "rejected") => "archive rejected-in-dover acted -> archived";
        world().linked("new").without_stage("archived").says("", "rejected") => "none stage-not-mapped parked";
    }
}

#[test]
fn rule_11_an_application_outside_the_plan_is_not_archived_with_the_plans_stage() {
    let elsewhere = world().linked("elsewhere").says("", "rejected");
    decide! {
        elsewhere.clone() => "none stage-not-in-plan parked";
        elsewhere.applied_at(100) => "none superseded skipped";
    }
}

/// Dover took the candidate up again after we had archived them. Its news is newer than all that was applied, so
/// calling it superseded would be wrong: what stands in the way is that nothing un-archives.
#[test]
fn rule_10_a_status_taken_up_again_does_not_bring_an_application_back() {
    let resumed = |stage: &str| {
        world()
            .linked(stage)
            .says_at(100, "replied", "")
            .says_at(300, "", "active")
    };
    decide! {
        resumed("archived").because("withdrew-reason").applied_at(200) => "none archived-in-ashby skipped";
        resumed("hired").applied_at(200) => "none hired-in-ashby skipped";
        resumed("archived").applied_at(300) => "none superseded skipped";
        resumed("archived").foreign_at(300) => "none ashby-is-newer skipped";
    }
}
