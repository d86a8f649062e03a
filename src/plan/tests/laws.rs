//! The six laws of [`plan`]: total, deterministic, convergent, shy, explained and order-free. They hold for situations
//! that nobody thought of; the last test shows that the generator reaches every reason there is.

use std::{collections::BTreeSet, sync::Arc};

use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};

use super::{
    arbitrary::{Content, content, situation},
    model::after,
    sentences::{VARIANTS, variant},
    world::{application, at, stages, target, world},
};
use crate::{
    ids::StageId,
    plan::{
        Action, CandidateRef, Outcome, Plan, Reason, Situation, Step,
        outline::{Outline, telling},
        plan,
        says::DoverSays,
        situation::{
            Application, ApplicationStatus, Mode, Openness, Person, Registration, SourceSetup,
            StageKind,
        },
    },
};

fn application_of(situation: &Situation) -> Option<Application> {
    application(&mut situation.person.clone()).cloned()
}

/// What Dover says, folded delivery by delivery.
fn fold<'a>(deliveries: impl IntoIterator<Item = &'a DoverSays>) -> DoverSays {
    let mut all = DoverSays::default();
    for delivery in deliveries {
        all.fold(delivery.clone());
    }
    all
}

/// The same situation, with other words of Dover's.
fn saying(situation: &Situation, dover: DoverSays) -> Plan {
    plan(&Situation {
        dover: Arc::new(dover),
        ..situation.clone()
    })
}

/// Deliveries in one order and, some of them twice, in another.
fn reordered() -> impl Strategy<Value = (Vec<DoverSays>, Vec<DoverSays>)> {
    deliveries().prop_flat_map(|once| {
        let all = once.clone();
        proptest::sample::subsequence(all.clone(), 0..=all.len())
            .prop_map(move |again| [all.clone(), again].concat())
            .prop_shuffle()
            .prop_map(move |mixed| (once.clone(), mixed))
    })
}

fn deliveries() -> impl Strategy<Value = Vec<DoverSays>> {
    prop::collection::vec((content(), 0..4_i64), 1..7).prop_map(|said| {
        (1..)
            .zip(said)
            .map(|(arrival, (content, seconds))| content.delivered(seconds, arrival))
            .collect()
    })
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(1024) })]

    #[test]
    fn total_and_deterministic(situation in situation()) {
        prop_assert_eq!(plan(&situation), plan(&situation.clone()));
    }

    #[test]
    fn convergent_once_a_plan_is_carried_out_there_is_nothing_left_to_do(situation in situation()) {
        let done = after(&situation, &plan(&situation));
        let again = plan(&done);
        prop_assert!(again.steps.is_empty(), "{:?}", again);
        prop_assert_eq!(plan(&after(&done, &again)), again);
    }

    /// We may die between a write and the note of it, and meet our own write as somebody else's.
    #[test]
    fn convergent_even_when_the_note_of_what_was_done_is_lost(
        situation in situation(),
        foreign in proptest::option::of(0..9_i64),
    ) {
        let mut done = after(&situation, &plan(&situation));
        done.applied_at = situation.applied_at;
        if let Some(application) = application(&mut done.person) {
            application.foreign_at = application.foreign_at.max(foreign.map(at));
            let application = application.clone();
            done.person = Person::Found {
                candidate: application.candidate.clone(),
                application: Some(application),
            };
        }
        let again = plan(&done);
        prop_assert!(again.steps.is_empty(), "{:?}", again);
    }

    #[test]
    fn shy_every_id_in_a_step_is_the_jobs_or_the_persons_own(situation in situation()) {
        for step in plan(&situation).steps {
            prop_assert!(is_ours(&step, &situation), "{:?}", step);
            if let Some(to) = target(&step) {
                let stage = stages(&situation).iter().find(|stage| stage.id == *to);
                let kind = stage.expect("a stage of the job's plan").kind;
                let archives = matches!(step, Step::Archive { .. });
                prop_assert_eq!(archives, kind == StageKind::Archived);
                let is_set = situation.policy.setting("stages.allow_hired").is_some_and(|set| set.value == true);
                prop_assert!(kind != StageKind::Hired || is_set);
            }
        }
    }

    #[test]
    fn shy_a_job_that_is_not_open_is_left_alone(situation in situation()) {
        let open = matches!(&situation.registration,
            Registration::Registered(job) if job.openness == Openness::Open);
        prop_assert!(open || plan(&situation).steps.is_empty());
    }

    #[test]
    fn shy_only_forward_only_on_newer_news_and_never_from_an_end(situation in situation()) {
        let plan = plan(&situation);
        if let (Some(Step::Move { to, .. } | Step::Archive { to, .. }), Some(now)) =
            (plan.steps.first(), application_of(&situation))
        {
            let order = |id: &StageId| stages(&situation).iter().find(|stage| stage.id == *id).map(|stage| stage.order);
            let said = situation.dover.said_at();
            prop_assert!(said > situation.applied_at && said > now.foreign_at);
            prop_assert!(now.status != ApplicationStatus::Archived);
            prop_assert!(now.status != ApplicationStatus::Hired);
            prop_assert!(plan.action() == Action::Archive || order(to) > order(&now.stage));
        }
    }

    #[test]
    fn explained_there_is_a_sentence_always_and_steps_exactly_when_we_acted(situation in situation()) {
        let plan = plan(&situation);
        prop_assert!(plan.sentence().ends_with('.'));
        prop_assert!(!plan.because.code().is_empty());
        prop_assert!((1..=16).contains(&plan.because.rule()));
        prop_assert_eq!(plan.steps.is_empty(), plan.because.outcome() != Outcome::Acted);
        let does_nothing = plan.action() == Action::None || matches!(plan.because, Reason::Shadow { .. });
        prop_assert_eq!(plan.steps.is_empty(), does_nothing);
    }

    #[test]
    fn a_job_in_shadow_is_decided_like_a_live_one_and_nothing_is_done(situation in situation()) {
        let in_mode = |mode| {
            let mut situation = situation.clone();
            if let Registration::Registered(job) = &mut situation.registration {
                job.mode = mode;
            }
            plan(&situation)
        };
        let (live, shadow) = (in_mode(Mode::Live), in_mode(Mode::Shadow));
        prop_assert!(shadow.steps.is_empty());
        prop_assert_eq!(shadow.action(), live.action());
        prop_assert!(shadow.sentence().ends_with(&live.sentence()));
        prop_assert_eq!(live.steps.is_empty(), shadow == live);
    }

    /// Of two sayings of the same moment the one that arrived later stands, in whatever order they are folded.
    #[test]
    fn order_free_deliveries_in_any_order_and_any_number_make_the_same_plan(
        situation in situation(),
        (once, mixed) in reordered(),
    ) {
        prop_assert_eq!(fold(&once), fold(&mixed));
        prop_assert_eq!(saying(&situation, fold(&once)), saying(&situation, fold(&mixed)));
    }

    #[test]
    fn order_free_deliveries_may_be_folded_in_any_grouping(
        situation in situation(),
        (once, mixed) in reordered(),
        cuts in prop::collection::vec(1..4_usize, 12),
    ) {
        let mut rest = &mixed[..];
        let mut groups = Vec::new();
        for cut in cuts {
            let (group, others) = rest.split_at(cut.min(rest.len()));
            groups.push(fold(group));
            rest = others;
        }
        groups.push(fold(rest));
        prop_assert_eq!(saying(&situation, fold(&groups)), saying(&situation, fold(&once)));
    }

    /// Folding leaves the bodies unread of which everything is said later.
    #[test]
    fn order_free_whoever_folds_those_that_tell_has_folded_them_all(
        said in prop::collection::vec((content(), 0..4_i64), 1..12),
    ) {
        let all = (1..).zip(&said);
        let all = all.map(|(arrival, (content, seconds))| {
            let says = content.delivered(*seconds, arrival);
            let statements = says.statements();
            (Outline { arrival, said_at: at(*seconds), statements }, says)
        });
        let all: Vec<_> = all.collect();
        let telling = telling(all.iter().map(|(outline, _)| *outline).collect());
        let told = all.iter().filter(|(outline, _)| telling.contains(&outline.arrival));
        let told: Vec<DoverSays> = told.map(|(_, says)| says.clone()).collect();
        let all: Vec<DoverSays> = all.into_iter().map(|(_, says)| says).collect();
        prop_assert_eq!(fold(&told), fold(&all));
        prop_assert!(!told.is_empty());
    }

    /// Where no two times are equal, the order of arrival means nothing at all.
    #[test]
    fn order_free_distinct_times_decide_whoever_arrives_first(
        situation in situation(),
        contents in prop::collection::vec(content(), 1..7),
        arrivals in Just((1..7_i64).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let arriving = |arrivals: &mut dyn Iterator<Item = i64>| {
            let said: Vec<_> = (0..).zip(&contents).zip(arrivals).map(word_alone).collect();
            saying(&situation, fold(&said))
        };
        prop_assert_eq!(arriving(&mut (1..7)), arriving(&mut arrivals.iter().copied()));
    }
}

/// A delivery without the contact fields, which here bear the number of their arrival.
fn word_alone(((seconds, content), arrival): ((i64, &Content), i64)) -> DoverSays {
    let contact = world().situation.dover.contact.clone();
    content.delivered(seconds, arrival).with_contact(contact)
}

fn is_ours(step: &Step, situation: &Situation) -> bool {
    let Registration::Registered(job) = &situation.registration else {
        return false;
    };
    let dover = |source| SourceSetup::Found(Clone::clone(source)) == situation.setup.source;
    let reasons = [&situation.setup.withdrew, &situation.setup.rejected];
    let own = application_of(situation);
    match step {
        Step::CreateCandidate { source, .. } => {
            dover(source) && matches!(situation.person, Person::Nobody)
        }
        Step::CreateApplication {
            candidate,
            job: of,
            source,
            ..
        } => {
            let matched = match (candidate, &situation.person) {
                (CandidateRef::Known(id), Person::Found { candidate, .. }) => id == candidate,
                (CandidateRef::JustCreated, Person::Nobody) => true,
                _ => false,
            };
            matched && of == &job.ashby_job_id && dover(source)
        }
        Step::Move { application, .. } => own.is_some_and(|own| own.id == *application),
        Step::Archive {
            application,
            reason,
            ..
        } => {
            own.is_some_and(|own| own.id == *application)
                && reasons.iter().any(|known| known.as_ref() == Some(reason))
        }
    }
}

/// So many that the rarest of reasons and shapes comes up.
const SITUATIONS: usize = 16_384;

/// The laws are worth what the generator reaches.
#[test]
fn the_generator_reaches_every_reason_and_every_shape_of_plan() {
    let mut runner = TestRunner::deterministic();
    let situations = situation();
    let mut reasons = BTreeSet::new();
    let mut shapes = BTreeSet::new();
    let mut ahead = 0;
    for _ in 0..SITUATIONS {
        let tree = situations
            .new_tree(&mut runner)
            .expect("nothing is filtered");
        let plan = plan(&tree.current());
        reasons.insert(variant(&plan.because));
        shapes.insert((plan.action().word(), plan.steps.len()));
        ahead += usize::from(plan.clock_ahead.is_some());
    }
    let unreached: Vec<_> = (0..VARIANTS)
        .filter(|number| !reasons.contains(number))
        .collect();
    let of_the_shell = [
        Reason::RefusedByAshby {
            code: String::new(),
            message: String::new(),
            request_id: None,
        },
        Reason::StaleId {
            code: String::new(),
        },
    ];
    let answers = of_the_shell.each_ref().map(variant);
    // What the brake, an admin, an undo and additions come to is decided beside `plan`.
    let beside = (33..=37).chain(45..=51);
    let expected: Vec<_> = answers.into_iter().chain(beside).collect();
    assert_eq!(unreached, expected, "only Ashby's answers give these");
    let expected = [
        ("archive", 0),
        ("archive", 1),
        ("create", 0),
        ("create", 1),
        ("create", 2),
        ("move", 0),
        ("move", 1),
        ("none", 0),
    ];
    assert_eq!(shapes, BTreeSet::from(expected));
    assert!(ahead > 0);
}
