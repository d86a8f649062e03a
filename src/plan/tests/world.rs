//! Situations to decide on, a line each.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::{
    ids::StageId,
    plan::{
        Situation, Step,
        credit::Credit,
        plan,
        policy::Policy,
        says::{Contact, Dated, DoverSays, SaidStage, Stamp},
        settings::layers::{Changed, Held, Layered, Stack},
        situation::{
            Application, ApplicationStatus, Job, Mode, Openness, Person, PlanStage, Registration,
            Setup, SourceSetup, StageKind,
        },
    },
};

/// A table, one case a line: a situation, and its plan as [`World::verdict`] puts it.
macro_rules! decide {
    ($($world:expr => $verdict:literal;)+) => {
        $crate::plan::tests::world::check(vec![$(($world, $verdict)),+])
    };
}
pub(super) use decide;

/// Decides each situation; reports every line that differs at once.
#[track_caller]
pub(super) fn check(cases: Vec<(World, &str)>) {
    let wrong: Vec<_> = cases
        .into_iter()
        .enumerate()
        .map(|(case, (world, expected))| (case, world.verdict(), expected))
        .filter(|(_, verdict, expected)| verdict != expected)
        .collect();
    assert!(wrong.is_empty(), "(case, decided, expected): {wrong:#?}");
}

/// The moment `seconds` after noon of a certain day.
pub(super) fn at(seconds: i64) -> DateTime<Utc> {
    let noon = DateTime::from_timestamp(1_795_262_400, 0).expect("a literal moment");
    noon + TimeDelta::seconds(seconds)
}

/// A delivery's stamp: said at `seconds`, received in the same second.
pub(super) fn stamp(seconds: i64, arrival: i64) -> Stamp {
    Stamp::new(at(seconds), at(seconds), arrival)
}

/// A contact field, said at noon.
pub(super) fn dated(text: &str) -> Dated<String> {
    Dated::new(text.to_owned(), stamp(0, 0))
}

/// A stage of a plan.
pub(super) fn stage(id: &str, title: &str, kind: StageKind, order: i64) -> PlanStage {
    PlanStage {
        id: id.into(),
        title: title.to_owned(),
        kind,
        order,
    }
}

/// Ashby's default plan with two interviews; orders as Ashby has them, with gaps.
pub(super) fn default_plan() -> Vec<PlanStage> {
    vec![
        stage("new", "New Lead", StageKind::Lead, 0),
        stage("reached", "Reached Out", StageKind::Lead, 1),
        stage("replied", "Replied", StageKind::Lead, 2),
        stage(
            "review",
            "Application Review",
            StageKind::PreInterviewScreen,
            3,
        ),
        stage("screen", "Phone Screen", StageKind::Active, 6),
        stage("onsite", "Onsite", StageKind::Active, 7),
        stage("offer", "Offer", StageKind::Offer, 1006),
        stage("archived", "Archived", StageKind::Archived, 1010),
        stage("hired", "Hired", StageKind::Hired, 1011),
    ]
}

/// What one delivery says; an empty word is one that was left out.
pub(super) fn said(stage: &str, status: &str, stamp: Stamp) -> DoverSays {
    let stage = (!stage.is_empty()).then(|| SaidStage {
        stage: serde_json::from_value(json!(stage)).expect("any text is a word"),
        name: None,
    });
    let status = (!status.is_empty())
        .then(|| serde_json::from_value(json!(status)).expect("any text is a word"));
    DoverSays::standing(stage, status, stamp)
}

/// A situation in the making. It starts as a person with a name and an address, unknown to Ashby, of whom Dover has
/// said nothing, on an open job with the default plan.
#[derive(Clone)]
pub(super) struct World {
    pub(super) situation: Situation,
    settings: Layered,
    arrivals: i64,
}

/// A fresh [`World`].
pub(super) fn world() -> World {
    let contact = Contact {
        name: Some(dated("Ada Lovelace")),
        email: Some(dated("ada@example.com")),
        ..Contact::default()
    };
    World {
        situation: Situation {
            dover: Arc::new(DoverSays::default().with_contact(contact)),
            registration: Registration::Registered(Job {
                ashby_job_id: "job".into(),
                title: "Staff Engineer".to_owned(),
                openness: Openness::Open,
                stages: Arc::new(default_plan()),
                mode: Mode::Live,
            }),
            credit: Credit::NOBODY,
            person: Person::Nobody,
            applied_at: None,
            setup: Setup {
                source: SourceSetup::Found("dover".into()),
                withdrew: Some("withdrew-reason".into()),
                rejected: Some("rejected-reason".into()),
            },
            policy: Arc::default(),
        },
        settings: Layered::new(),
        arrivals: 0,
    }
}

impl World {
    /// An admin sets a key for the job, at noon.
    pub(super) fn set(mut self, key: &str, value: impl Into<Value>) -> Self {
        let changed = Changed {
            at: at(0),
            by: "admin".to_owned(),
        };
        let value = Some(value.into());
        self.settings
            .insert(key.to_owned(), Held { value, changed });
        self.situation.policy = Arc::new(Policy::of(&Stack {
            job: Some(&self.settings),
            ..Stack::default()
        }));
        self
    }

    /// Dover calls the stage so that it says.
    pub(super) fn named(mut self, name: &str) -> Self {
        let said = Arc::make_mut(&mut self.situation.dover).stage.as_mut();
        said.expect("let Dover say a stage first").value.name = Some(name.to_owned());
        self
    }

    /// Dover says so, at second 100.
    pub(super) fn says(self, stage: &str, status: &str) -> Self {
        self.says_at(100, stage, status)
    }

    /// Dover says so; it arrives after all that was said before.
    pub(super) fn says_at(mut self, seconds: i64, stage: &str, status: &str) -> Self {
        self.arrivals += 1;
        let delivery = said(stage, status, stamp(seconds, self.arrivals));
        Arc::make_mut(&mut self.situation.dover).fold(delivery);
        self
    }

    /// Dover's clock runs ahead: it says so at `claimed`, and we received it at `received`.
    pub(super) fn says_ahead(mut self, claimed: i64, received: i64, stage: &str) -> Self {
        self.arrivals += 1;
        let stamp = Stamp::new(at(claimed), at(received), self.arrivals);
        Arc::make_mut(&mut self.situation.dover).fold(said(stage, "", stamp));
        self
    }

    pub(super) fn contact(mut self, change: impl FnOnce(&mut Contact)) -> Self {
        change(&mut Arc::make_mut(&mut self.situation.dover).contact);
        self
    }

    pub(super) fn registration(mut self, registration: Registration) -> Self {
        self.situation.registration = registration;
        self
    }

    pub(super) fn openness(mut self, openness: Openness) -> Self {
        self.job().openness = openness;
        self
    }

    pub(super) fn stages(mut self, change: impl FnOnce(&mut Vec<PlanStage>)) -> Self {
        change(Arc::make_mut(&mut self.job().stages));
        self
    }

    /// Renames a stage, as an admin may.
    pub(super) fn renamed(self, id: &str, title: &str) -> Self {
        self.stages(|stages| {
            for stage in stages.iter_mut().filter(|stage| stage.id.as_str() == id) {
                title.clone_into(&mut stage.title);
            }
        })
    }

    pub(super) fn without_stage(self, id: &str) -> Self {
        self.stages(|stages| stages.retain(|stage| stage.id.as_str() != id))
    }

    pub(super) fn setup(mut self, change: impl FnOnce(&mut Setup)) -> Self {
        change(&mut self.situation.setup);
        self
    }

    pub(super) fn person(mut self, person: Person) -> Self {
        self.situation.person = person;
        self
    }

    /// Linked to an application in the stage of that id.
    pub(super) fn linked(self, stage: &str) -> Self {
        let application = self.application_in(stage);
        self.person(Person::Linked(application))
    }

    /// Found by address, with an application in the stage of that id.
    pub(super) fn found_in(self, stage: &str) -> Self {
        let application = Some(self.application_in(stage));
        self.person(Person::Found {
            candidate: "ada".into(),
            application,
        })
    }

    /// Found by address, without an application for this job.
    pub(super) fn found(self) -> Self {
        self.person(Person::Found {
            candidate: "ada".into(),
            application: None,
        })
    }

    /// Archived for that reason.
    pub(super) fn because(mut self, reason: &str) -> Self {
        self.application().archive_reason = Some(reason.into());
        self
    }

    /// Somebody else changed the application then.
    pub(super) fn foreign_at(mut self, seconds: i64) -> Self {
        self.application().foreign_at = Some(at(seconds));
        self
    }

    /// Dover's word of then was applied.
    pub(super) fn applied_at(mut self, seconds: i64) -> Self {
        self.situation.applied_at = Some(at(seconds));
        self
    }

    /// The plan in a line: action, code, outcome, and the stage that it leads to.
    pub(super) fn verdict(&self) -> String {
        let plan = plan(&self.situation);
        let mut line = format!(
            "{} {} {}",
            plan.action().word(),
            plan.because.code(),
            format!("{:?}", plan.because.outcome()).to_lowercase()
        );
        for step in &plan.steps {
            if let Some(stage) = target(step) {
                line.push_str(" -> ");
                line.push_str(stage.as_str());
            }
        }
        line
    }

    fn job(&mut self) -> &mut Job {
        let Registration::Registered(job) = &mut self.situation.registration else {
            panic!("register the job first")
        };
        job
    }

    fn application(&mut self) -> &mut Application {
        application(&mut self.situation.person).expect("give the person an application first")
    }

    fn application_in(&self, stage: &str) -> Application {
        Application {
            id: "application".into(),
            candidate: "ada".into(),
            stage: stage.into(),
            status: status_in(&self.situation, &stage.into()),
            archive_reason: None,
            foreign_at: None,
        }
    }
}

/// Where a step leads.
pub(super) fn target(step: &Step) -> Option<&StageId> {
    match step {
        Step::CreateCandidate { .. } => None,
        Step::CreateApplication { stage, .. } => Some(stage),
        Step::Move { to, .. } | Step::Archive { to, .. } => Some(to),
    }
}

/// The application that a decision starts from.
pub(super) fn application(person: &mut Person) -> Option<&mut Application> {
    match person {
        Person::Linked(application)
        | Person::Found {
            application: Some(application),
            ..
        } => Some(application),
        _ => None,
    }
}

/// The stages of the job, if there is one.
pub(super) fn stages(situation: &Situation) -> &[PlanStage] {
    match &situation.registration {
        Registration::Registered(job) => &job.stages,
        Registration::Unknown => &[],
    }
}

/// The status that Ashby derives from a stage's type.
pub(super) fn status_in(situation: &Situation, id: &StageId) -> ApplicationStatus {
    match stages(situation).iter().find(|stage| stage.id == *id) {
        Some(stage) => match stage.kind {
            StageKind::Lead => ApplicationStatus::Lead,
            StageKind::Hired => ApplicationStatus::Hired,
            StageKind::Archived => ApplicationStatus::Archived,
            _ => ApplicationStatus::Active,
        },
        None => ApplicationStatus::Active,
    }
}
