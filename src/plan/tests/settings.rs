//! What settings decide: triggers, the stages that they give to Dover's words, and how a decision names them.

use proptest::{prelude::*, test_runner::Config};
use serde_json::json;

use super::{
    arbitrary::situation,
    world::{World, at, decide, stage, world},
};
use crate::plan::{
    Reason, Situation, Step, plan,
    policy::{Policy, Trigger},
    settings::{
        keys::{ONLY_SYNCED, TRIGGER},
        layers::{Changed, Held, Layered, Stack},
    },
    situation::{Creation, Person, StageKind},
};

const TRIGGERS: [(&str, Trigger); 4] = [
    ("added", Trigger::Added),
    ("replied", Trigger::Replied),
    ("interested", Trigger::Interested),
    ("never", Trigger::Never),
];

fn trigger(word: &str) -> World {
    world().set(TRIGGER, word)
}

#[test]
fn rule_7_nobody_is_added_before_the_trigger() {
    decide! {
        trigger("added").says("", "active") => "create created acted -> new";
        trigger("replied").says("", "active") => "none waiting-for-trigger skipped";
        trigger("replied").says("new_lead", "") => "none waiting-for-trigger skipped";
        trigger("replied").says("reached_out", "") => "none waiting-for-trigger skipped";
        trigger("replied").says("replied", "") => "create created acted -> replied";
        trigger("replied").says("interested", "") => "create created acted -> replied";
        trigger("replied").says("interviewing", "") => "create created acted -> screen";
        trigger("interested").says("replied", "") => "none waiting-for-trigger skipped";
        trigger("interested").says("interested", "") => "create created acted -> replied";
        trigger("interested").says("interviewing", "") => "create created acted -> screen";
        trigger("never").says("interviewing", "") => "none waiting-for-trigger skipped";
        // Somebody whom Ashby knows is added to the job like anybody else.
        trigger("replied").found().says("reached_out", "") => "none waiting-for-trigger skipped";
        trigger("replied").found().says("replied", "") => "create created acted -> replied";
        // What is over before it began has nothing to wait for, and what is missing is asked for once it matters.
        trigger("replied").says("reached_out", "withdrew") => "none nothing-to-archive skipped";
        trigger("replied").says("reached_out", "").contact(|who| who.email = None) => "none waiting-for-trigger skipped";
        trigger("replied").says("replied", "").contact(|who| who.email = None) => "none mandatory-field-missing parked";
    }
}

#[test]
fn rule_7_the_trigger_is_about_adding_alone() {
    let only = |word: &str| trigger(word).set(ONLY_SYNCED, true);
    decide! {
        trigger("never").linked("new").says("reached_out", "") => "move moved-forward acted -> reached";
        trigger("never").linked("new").says("", "rejected") => "archive rejected-in-dover acted -> archived";
        trigger("never").found_in("new").says("reached_out", "") => "move moved-forward acted -> reached";
        // With the switch, what was not synced so far is not touched before the trigger; what was goes on.
        only("never").found_in("new").says("reached_out", "") => "none waiting-for-trigger skipped";
        only("never").found_in("new").says("", "rejected") => "none waiting-for-trigger skipped";
        only("replied").found_in("new").says("reached_out", "") => "none waiting-for-trigger skipped";
        only("replied").found_in("new").says("replied", "") => "move moved-forward acted -> replied";
        only("replied").found_in("new").says("replied", "").says_at(101, "", "rejected") => "archive rejected-in-dover acted -> archived";
        only("never").linked("new").says("reached_out", "") => "move moved-forward acted -> reached";
        only("added").found_in("new").says("reached_out", "") => "move moved-forward acted -> reached";
    }
}

#[test]
fn rule_8_a_stage_that_is_set_counts_before_titles_and_order() {
    let named = json!({ "Final Round": "offer", "on-site": "onsite" });
    decide! {
        world().set("stages.interested", "screen").says("interested", "") => "create created acted -> screen";
        world().set("stages.replied", "review").says("interested", "") => "create created acted -> review";
        world().set("stages.replied", "review").set("stages.interested", "screen").says("replied", "") => "create created acted -> review";
        world().set("stages.interviewing", "onsite").says("interviewing", "") => "create created acted -> onsite";
        world().set("stages.named", named.clone()).says("interviewing", "").named("final_round") => "create created acted -> offer";
        world().set("stages.named", named.clone()).says("interviewing", "").named(" ON SITE ") => "create created acted -> onsite";
        world().set("stages.named", named.clone()).says("interviewing", "").named("Chat") => "create created acted -> screen";
        world().set("stages.named", named.clone()).set("stages.interviewing", "onsite").says("interviewing", "").named("Chat") => "create created acted -> onsite";
        // A name is that of an interview stage, not of a reply.
        world().set("stages.named", named).says("replied", "").named("Final Round") => "create created acted -> replied";
        world().set("stages.replied", "elsewhere").says("replied", "") => "none mapped-stage-gone parked";
        world().set("stages.replied", "hired").says("replied", "") => "none mapped-stage-gone parked";
        world().set("stages.replied", "archived").linked("new").says("replied", "") => "none mapped-stage-gone parked";
        world().set("stages.replied", "new").linked("reached").says("replied", "") => "none not-forward skipped";
    }
}

#[test]
fn rule_11_a_status_moves_only_what_the_settings_say() {
    let hired = world().set("stages.hired", "hired");
    let allowed = hired.clone().set("stages.allow_hired", true);
    decide! {
        world().set("stages.snoozed", "review").linked("new").says("", "snoozed") => "move moved-forward acted -> review";
        world().set("stages.snoozed", "review").linked("review").says("", "snoozed") => "none already-there unchanged";
        world().set("stages.snoozed", "review").linked("screen").says("", "snoozed") => "none not-forward skipped";
        world().set("stages.snoozed", "review").linked("new").foreign_at(100).says("", "snoozed") => "none ashby-is-newer skipped";
        world().set("stages.snoozed", "review").says("", "snoozed") => "none held-status skipped";
        world().set("stages.snoozed", "elsewhere").linked("new").says("", "snoozed") => "none mapped-stage-gone parked";
        world().set("stages.not_interested", "archived").linked("screen").says("", "not_interested") => "archive withdrew-in-dover acted -> archived";
        world().set("stages.not_interested", "archived").says("", "not_interested") => "none held-status skipped";
        hired.clone().linked("offer").says("", "hired") => "none held-status skipped";
        allowed.clone().linked("offer").says("", "hired") => "move moved-forward acted -> hired";
        allowed.clone().linked("hired").says("", "hired") => "none hired-in-ashby skipped";
        allowed.linked("archived").says("", "hired") => "none archived-in-ashby skipped";
        world().set("stages.allow_hired", true).linked("offer").says("", "hired") => "none held-status skipped";
    }
}

fn undecided(took_long: bool) -> World {
    world().person(Person::Undecided {
        since: at(90),
        creation: Creation::Candidate,
        took_long,
    })
}

/// What a setting decided, its sentence names: with its layer, its last change, and its value as people know it.
#[test]
fn a_decision_names_the_settings_that_it_rests_on() {
    let lines = vec![
        trigger("replied").says("reached_out", ""),
        trigger("never")
            .set(ONLY_SYNCED, true)
            .found_in("new")
            .says("replied", ""),
        world()
            .set("stages.interested", "screen")
            .says("interested", ""),
        world()
            .set("stages.interested", "screen")
            .linked("new")
            .says("interested", ""),
        world()
            .set("stages.named", json!({ "Chat": "onsite" }))
            .linked("offer")
            .says("interviewing", "")
            .named("chat"),
        world()
            .set("stages.replied", "elsewhere")
            .says("replied", ""),
        world().linked("new").says("", "snoozed"),
        world()
            .set("stages.hired", "offer")
            .linked("new")
            .says("", "hired"),
        world()
            .set("stages.not_interested", "archived")
            .linked("new")
            .says("", "not_interested"),
        world().set("stages.snoozed", "review").says("", "snoozed"),
        world().linked("new").says("replied", ""),
        undecided(true).says("replied", ""),
        undecided(false).says("replied", ""),
    ];
    let lines: Vec<_> = lines
        .iter()
        .map(|world| plan(&world.situation).sentence())
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

/// The situation with another trigger and nothing else set.
fn with_trigger(situation: &Situation, word: &str, only_synced: bool) -> Situation {
    let held = |value: serde_json::Value| Held {
        value: Some(value),
        changed: Changed {
            at: at(0),
            by: "admin".to_owned(),
        },
    };
    let job = Layered::from([
        (TRIGGER.to_owned(), held(json!(word))),
        (ONLY_SYNCED.to_owned(), held(json!(only_synced))),
    ]);
    let stack = Stack {
        job: Some(&job),
        ..Stack::default()
    };
    Situation {
        policy: Policy::of(&stack).into(),
        ..situation.clone()
    }
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(1024) })]

    /// A trigger that asks for less acts on nobody less, and does the same to whoever the other acts on.
    #[test]
    fn a_lower_trigger_never_acts_on_fewer(situation in situation(), only_synced: bool) {
        let plans = TRIGGERS.map(|(word, _)| plan(&with_trigger(&situation, word, only_synced)));
        for pair in plans.windows(2) {
            prop_assert!(pair[1].steps.is_empty() || pair[0].steps == pair[1].steps);
        }
    }

    /// A trigger keeps people from being added and from being met; it changes nothing else.
    #[test]
    fn a_trigger_decides_nothing_but_whether(situation in situation(), only_synced: bool, higher in 1..4_usize) {
        let without = plan(&with_trigger(&situation, "added", only_synced));
        let with = plan(&with_trigger(&situation, TRIGGERS[higher].0, only_synced));
        let waits = |because: &Reason| match because {
            Reason::Shadow { would } => matches!(would.because, Reason::WaitingForTrigger { .. }),
            because => matches!(because, Reason::WaitingForTrigger { .. }),
        };
        if waits(&with.because) {
            prop_assert!(with.steps.is_empty());
        } else {
            prop_assert_eq!(with.because, without.because);
            prop_assert_eq!(with.steps, without.steps);
        }
    }

    #[test]
    fn never_adds_nobody(situation in situation(), only_synced: bool) {
        let steps = plan(&with_trigger(&situation, "never", only_synced)).steps;
        let adds = |step: &Step| matches!(step, Step::CreateCandidate { .. } | Step::CreateApplication { .. });
        prop_assert!(!steps.iter().any(adds));
    }

    #[test]
    fn further_on_reaches_every_trigger_that_was_reached(situation in situation()) {
        let reached = TRIGGERS.map(|(_, trigger)| trigger.is_reached(&situation.dover));
        prop_assert!(reached.is_sorted_by(|before, after| before >= after));
    }
}

#[test]
fn a_stage_of_an_unknown_type_can_be_set_too() {
    let plan = world().stages(|stages| stages.push(stage("pool", "Pool", StageKind::Other, 4)));
    decide! {
        plan.set("stages.snoozed", "pool").linked("new").says("", "snoozed") => "move moved-forward acted -> pool";
    }
}
