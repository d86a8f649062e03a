//! Situations nobody thought of. Times are few and close together, so that they meet; whatever is rare in life is
//! common here, so that every branch is reached.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use proptest::{option, prelude::*, sample::select};
use serde_json::{Value, json};

use super::world::{at, dated, default_plan, said, status_in};
use crate::{
    ids::{ApplicationId, ArchiveReasonId},
    plan::{
        Situation,
        credit::Credit,
        exclusion::{Exclusion, Hit},
        policy::Policy,
        says::{Contact, Dated, DoverSays, Stamp},
        settings::{
            keys::{KEYS, Key, Layer, Takes},
            layers::{Changed, Held, Stack},
        },
        situation::{
            Application, ApplicationStatus, Creation, Job, Mode, Openness, Person, PlanStage,
            Registration, Setup, SourceSetup, StageKind, Untold,
        },
    },
};

const STAGES: [&str; 8] = [
    "",
    "",
    "new_lead",
    "reached_out",
    "replied",
    "interested",
    "interviewing",
    "dreaming",
];
const STATUSES: [&str; 9] = [
    "",
    "",
    "active",
    "withdrew",
    "rejected",
    "hired",
    "snoozed",
    "not_interested",
    "lost",
];

fn moment() -> impl Strategy<Value = DateTime<Utc>> {
    (0..8_i64).prop_map(at)
}

/// What one delivery says, but for its stamp.
#[derive(Clone, Debug)]
pub(super) struct Content {
    stage: &'static str,
    status: &'static str,
    names: Vec<&'static str>,
    ahead: bool,
}

impl Content {
    /// The delivery that says so at `seconds`.
    pub(super) fn delivered(&self, seconds: i64, arrival: i64) -> DoverSays {
        let claimed = at(seconds + if self.ahead { 3600 } else { 0 });
        let stamp = Stamp::new(claimed, at(seconds), arrival);
        let field = |name: &str, value: &str| {
            self.names
                .contains(&name)
                .then(|| Dated::new(format!("{value}{arrival}"), stamp))
        };
        said(self.stage, self.status, stamp).with_contact(Contact {
            name: field("name", "Ada "),
            email: field("email", "ada@example.com"),
            linkedin_url: field("linkedin", "linkedin.com/in/ada-"),
            phone: field("phone", "+44 "),
            ..Contact::default()
        })
    }
}

pub(super) fn content() -> impl Strategy<Value = Content> {
    let names = proptest::sample::subsequence(vec!["name", "email", "linkedin", "phone"], 0..=4);
    (
        select(&STAGES[..]),
        select(&STATUSES[..]),
        names,
        prop::bool::weighted(0.1),
    )
        .prop_map(|(stage, status, names, ahead)| Content {
            stage,
            status,
            names,
            ahead,
        })
}

/// The fold of one to five deliveries.
fn dover() -> impl Strategy<Value = DoverSays> {
    prop::collection::vec((content(), 0..8_i64), 1..5).prop_map(|deliveries| {
        let mut says = DoverSays::default();
        for (arrival, (content, seconds)) in (1..).zip(deliveries) {
            says.fold(content.delivered(seconds, arrival));
        }
        says
    })
}

/// The default plan as admins leave it: stages renamed, gone, beside each other, listed in any order.
fn stages() -> impl Strategy<Value = Vec<PlanStage>> {
    let titles = vec!["New Lead", "Replied", "Warm", "Hired", ""];
    let change = (0..9_usize, select(titles), 0..12_i64, 0..4_u8);
    let changes = prop::collection::vec(change, 0..3);
    let kinds = vec![StageKind::Active, StageKind::Archived, StageKind::Lead];
    let lacking = prop_oneof![8 => Just(None), 1 => select(kinds).prop_map(Some)];
    (changes, lacking)
        .prop_map(|(changes, lacking)| {
            let mut stages = default_plan();
            for (place, title, order, what) in changes {
                match what {
                    0 => title.clone_into(&mut stages[place].title),
                    1 => stages[place].order = order,
                    2 => stages[place].kind = StageKind::Other,
                    _ => {}
                }
            }
            stages.retain(|stage| Some(stage.kind) != lacking);
            stages
        })
        .prop_shuffle()
}

fn registration() -> impl Strategy<Value = Registration> {
    let openness = prop_oneof![
        30 => Just(Openness::Open),
        1 => select(vec!["Closed", "Draft", "Archived"])
            .prop_map(|status| Openness::Closed(status.to_owned())),
        1 => Just(Openness::NotVisible),
    ];
    let mode = prop_oneof![9 => Just(Mode::Live), 1 => Just(Mode::Shadow)];
    let job = (openness, stages(), mode).prop_map(|(openness, stages, mode)| {
        Registration::Registered(Job {
            ashby_job_id: "job".into(),
            title: "Staff Engineer".to_owned(),
            openness,
            stages: Arc::new(stages),
            mode,
        })
    });
    prop_oneof![30 => job, 1 => Just(Registration::Unknown)]
}

fn setup() -> impl Strategy<Value = Setup> {
    let source = prop_oneof![
        10 => Just(SourceSetup::Found("dover".into())),
        1 => Just(SourceSetup::Missing),
        1 => Just(SourceSetup::Ambiguous),
    ];
    let reason = |id: &'static str| option::weighted(0.8, Just(ArchiveReasonId::from(id)));
    (source, reason("withdrew-reason"), reason("rejected-reason")).prop_map(
        |(source, withdrew, rejected)| Setup {
            source,
            withdrew,
            rejected,
        },
    )
}

/// An application in any stage of the default plan, or elsewhere; its status may lag behind its stage.
fn an_application() -> impl Strategy<Value = Application> {
    let mut places: Vec<_> = default_plan().into_iter().map(|stage| stage.id).collect();
    places.push("elsewhere".into());
    let reasons = ["withdrew-reason", "rejected-reason", "other-reason"];
    let reasons = reasons.map(ArchiveReasonId::from).to_vec();
    let lagging = vec![
        None,
        None,
        None,
        Some(ApplicationStatus::Archived),
        Some(ApplicationStatus::Hired),
    ];
    (
        select(places),
        select(lagging),
        option::of(select(reasons)),
        option::of(moment()),
    )
        .prop_map(|(stage, status, archive_reason, foreign_at)| Application {
            id: ApplicationId::from("application"),
            candidate: "ada".into(),
            status: status.unwrap_or(ApplicationStatus::Active),
            stage,
            archive_reason,
            foreign_at,
        })
}

fn person() -> impl Strategy<Value = Person> {
    prop_oneof![
        8 => an_application().prop_map(Person::Linked),
        4 => option::of(an_application())
            .prop_map(|application| Person::Found { candidate: "ada".into(), application }),
        6 => Just(Person::Nobody),
        1 => Just(Person::Gone),
        1 => Just(Person::Transferred),
        1 => Just(Person::Erased),
        1 => moment().prop_map(|at| Person::Excluded(Exclusion::Rule { hit: Hit::CoolDown { at, months: 6 }, by: None, changed: None })),
        1 => Just(Person::Unclear { candidate: "ada".into(), application: "a-1".into() }),
        1 => (0..9_usize).prop_map(|n| Person::Several(vec!["ada".into(); n])),
        1 => (0..9000_i64).prop_map(|read| Person::Learning { read }),
        1 => Just(Person::Untold(Untold::Unanswered { what: "Ashby is away".to_owned() })),
        1 => moment().prop_map(|since| Person::InDoubt { since }),
        1 => moment().prop_map(|since| Person::Undecided { since, creation: Creation::Candidate, took_long: true }),
    ]
}

/// Settings as somebody may have left them: most often none, at times of a stage that is not in the plan.
fn policy() -> impl Strategy<Value = Policy> {
    let trigger = select(vec!["added", "replied", "interested", "never"]).prop_map(Value::from);
    let mut stages: Vec<_> = default_plan().into_iter().map(|stage| stage.id.0).collect();
    stages.push("elsewhere".to_owned());
    let stage = select(stages).prop_map(Value::from);
    let named = option::weighted(0.8, stage.clone())
        .prop_map(|stage| stage.map_or(json!({}), |stage| json!({ "On Site": stage })));
    let set = |key: &Key| match key.takes {
        Takes::Word(_) => trigger.clone().boxed(),
        Takes::Flag => prop::bool::ANY.prop_map(Value::from).boxed(),
        Takes::Stage { .. } => stage.clone().boxed(),
        Takes::Stages => named.clone().boxed(),
        // These decide nothing about a prospect, only what is written beside it.
        Takes::Count(_)
        | Takes::Share(_)
        | Takes::Words(_)
        | Takes::Templates
        | Takes::Text(_)
        | Takes::FieldMap => Just(Value::Null).boxed(),
    };
    let keys = KEYS.iter().filter(|key| key.is_for(Layer::Job));
    let held = keys.map(|key| {
        let value = option::weighted(0.15, set(key));
        value.prop_map(|value| {
            let (at, by) = (at(0), "admin".to_owned());
            let changed = Changed { at, by };
            (key.name.to_owned(), Held { value, changed })
        })
    });
    held.collect::<Vec<_>>().prop_map(|held| {
        let job = held.into_iter().collect();
        Policy::of(&Stack {
            job: Some(&job),
            ..Stack::default()
        })
    })
}

/// Any situation.
pub(super) fn situation() -> impl Strategy<Value = Situation> {
    let named = prop::bool::weighted(0.7);
    (
        dover(),
        registration(),
        person(),
        option::of(moment()),
        setup(),
        named,
        policy(),
        option::of(Just("user")),
    )
        .prop_map(
            |(dover, registration, person, applied_at, setup, named, policy, user)| {
                let mut situation = Situation {
                    dover: Arc::new(dover),
                    registration,
                    person,
                    applied_at,
                    setup,
                    policy: Arc::new(policy),
                    credit: Credit {
                        user: user.map(Into::into),
                        fallen_back: None,
                    },
                };
                if named {
                    let who = &mut Arc::make_mut(&mut situation.dover).contact;
                    who.name.get_or_insert(dated("Ada Lovelace"));
                    who.email.get_or_insert(dated("ada@example.com"));
                }
                settle(situation)
            },
        )
}

/// Gives an application the status of its stage, unless it was given one that lags behind.
fn settle(mut situation: Situation) -> Situation {
    let mut person = situation.person.clone();
    if let Some(application) = super::world::application(&mut person)
        && application.status == ApplicationStatus::Active
    {
        application.status = status_in(&situation, &application.stage);
    }
    situation.person = person;
    situation
}
