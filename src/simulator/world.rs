//! What the simulated organisation holds. Plain records; the rules of change are in `changes`, the look on the wire in
//! `wire`.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, SubsecRound, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{
    ApiKey,
    calls::CallLog,
    chance::Chance,
    deeds::Deeds,
    faults::Faults,
    gate::KeyState,
    paging::Tokens,
    shelf::{Row, Shelf, Stamp},
    switches::Switches,
    webhooks::Webhooks,
};

/// A job's status, in Ashby's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum JobStatus {
    Draft,
    #[default]
    Open,
    Closed,
    Archived,
}

/// A stage's type, in Ashby's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum StageKind {
    Lead,
    PreInterviewScreen,
    Active,
    Offer,
    Hired,
    Archived,
}

impl StageKind {
    /// The status of an application that stands in a stage of this type. Ashby derives it; nobody sets it.
    pub(crate) fn status(self) -> &'static str {
        match self {
            Self::Lead => "Lead",
            Self::PreInterviewScreen | Self::Active | Self::Offer => "Active",
            Self::Hired => "Hired",
            Self::Archived => "Archived",
        }
    }
}

/// Values of custom fields, by field.
pub(crate) type FieldValues = Vec<(Uuid, Value)>;

#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub title: String,
    pub status: JobStatus,
    /// Confidential jobs do not exist for an API key, and neither do their applications.
    pub confidential: bool,
    pub plan: Uuid,
    pub fields: FieldValues,
}

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub title: String,
    pub job: Uuid,
    pub is_archived: bool,
    /// In the order of the plan.
    pub stages: Vec<Stage>,
}

#[derive(Clone, Debug)]
pub(crate) struct Stage {
    pub id: Uuid,
    pub title: String,
    pub kind: StageKind,
    /// A sort key, neither contiguous nor from zero.
    pub order: i64,
    pub is_archived: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub title: String,
    pub kind: SourceType,
    pub is_archived: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct SourceType {
    pub id: Uuid,
    pub title: String,
}

#[derive(Clone, Debug)]
pub(crate) struct ArchiveReason {
    pub text: String,
    pub reason_type: String,
    pub is_archived: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Tag {
    pub title: String,
}

#[derive(Clone, Debug)]
pub(crate) struct User {
    pub first_name: String,
    pub last_name: String,
    pub email: String,
    pub is_enabled: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct CustomField {
    pub title: String,
    pub object_type: String,
    pub field_type: String,
    pub is_archived: bool,
    /// For the two select types.
    pub options: Vec<FieldOption>,
}

/// Something that can be chosen in a custom field.
#[derive(Clone, Debug)]
pub(crate) struct FieldOption {
    pub value: String,
    pub label: String,
    pub is_archived: bool,
}

/// An e-mail address or a phone number.
#[derive(Clone, Debug)]
pub(crate) struct Contact {
    pub value: String,
    pub is_primary: bool,
}

/// A profile elsewhere; `kind` is Ashby's word, such as `LinkedIn`.
#[derive(Clone, Debug)]
pub(crate) struct SocialLink {
    pub kind: String,
    pub url: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub id: Uuid,
    pub city: Option<String>,
    pub region: Option<String>,
    pub country: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Candidate {
    pub name: String,
    pub emails: Vec<Contact>,
    pub phones: Vec<Contact>,
    pub links: Vec<SocialLink>,
    pub tags: Vec<Uuid>,
    pub applications: Vec<Uuid>,
    pub source: Option<Uuid>,
    pub credited_to: Option<Uuid>,
    pub place: Option<Place>,
    pub company: Option<String>,
    pub fields: FieldValues,
}

#[derive(Clone, Debug)]
pub(crate) struct Application {
    pub candidate: Uuid,
    pub job: Uuid,
    pub stage: Uuid,
    pub archived_at: Option<DateTime<Utc>>,
    pub archive_reason: Option<Uuid>,
    pub source: Option<Uuid>,
    pub credited_to: Option<Uuid>,
    pub fields: FieldValues,
    /// A status that Ashby may add some day: shown instead of its own, and no stage with it.
    pub shown_as: Option<String>,
    /// Oldest first; the last one is where the application stands.
    pub history: Vec<Visit>,
}

/// A stay in a stage.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    pub id: Uuid,
    pub stage: Uuid,
    pub title: String,
    pub number: i64,
    pub entered_at: DateTime<Utc>,
    pub left_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Note {
    pub candidate: Uuid,
    pub content: String,
    pub is_private: bool,
}

/// The whole organisation, with the keys that open it and the record of who asked what.
#[derive(Clone)]
pub(crate) struct World {
    /// The moment of the call that is being answered.
    pub now: DateTime<Utc>,
    pub chance: Chance,
    /// The number of the latest change.
    pub serial: u64,
    pub jobs: Shelf<Job>,
    pub plans: Shelf<Plan>,
    pub source_types: Vec<SourceType>,
    pub sources: Shelf<Source>,
    pub archive_reasons: Shelf<ArchiveReason>,
    pub tags: Shelf<Tag>,
    pub users: Shelf<User>,
    pub custom_fields: Shelf<CustomField>,
    pub candidates: Shelf<Candidate>,
    pub applications: Shelf<Application>,
    pub notes: Shelf<Note>,
    /// The author of what an API key writes.
    pub integration_user: Uuid,
    /// Who has, or once had, an address (in lower case). A hint: the reader checks it against the candidate.
    pub people_by_email: HashMap<String, BTreeSet<Uuid>>,
    /// The plan of each stage.
    pub plan_of_stage: HashMap<Uuid, Uuid>,
    pub keys: Vec<KeyState>,
    pub tokens: Tokens,
    pub switches: Switches,
    pub faults: Faults,
    pub deeds: Deeds,
    pub webhooks: Webhooks,
    pub calls: CallLog,
}

impl World {
    /// An organisation with the four source types that Ashby has from the start, and nothing else.
    pub(crate) fn new(seed: u64, keys: &[ApiKey], now: DateTime<Utc>) -> Self {
        let mut chance = Chance::new(seed);
        let source_types = ["Inbound", "Internal", "Referral", "Sourced"]
            .map(|title| SourceType {
                id: chance.object_id(),
                title: title.to_owned(),
            })
            .to_vec();
        let now = now.trunc_subsecs(3);
        Self {
            now,
            integration_user: chance.object_id(),
            keys: keys.iter().map(|key| KeyState::new(key, now)).collect(),
            source_types,
            chance,
            serial: 0,
            jobs: Shelf::default(),
            plans: Shelf::default(),
            sources: Shelf::default(),
            archive_reasons: Shelf::default(),
            tags: Shelf::default(),
            users: Shelf::default(),
            custom_fields: Shelf::default(),
            candidates: Shelf::default(),
            applications: Shelf::default(),
            notes: Shelf::default(),
            people_by_email: HashMap::new(),
            plan_of_stage: HashMap::new(),
            tokens: Tokens::default(),
            switches: Switches::default(),
            faults: Faults::default(),
            deeds: Deeds::default(),
            webhooks: Webhooks::default(),
            calls: CallLog::default(),
        }
    }

    /// The stamp of a change that happens now.
    pub(crate) fn stamp(&mut self) -> Stamp {
        self.stamp_at(None)
    }

    /// The stamp of a change that claims to have happened at `at`; without it, of one that happens now.
    pub(crate) fn stamp_at(&mut self, at: Option<DateTime<Utc>>) -> Stamp {
        self.serial += 1;
        Stamp {
            at: at.unwrap_or(self.now).trunc_subsecs(3),
            serial: self.serial,
            exact: at.is_some(),
        }
    }

    /// The plan that the stage belongs to, and the stage.
    pub(crate) fn stage(&self, id: Uuid) -> Option<(Uuid, &Stage)> {
        let plan = *self.plan_of_stage.get(&id)?;
        let stages = &self.plans.item(plan)?.stages;
        Some((plan, stages.iter().find(|stage| stage.id == id)?))
    }

    /// The stages of a job's plan that are in use, in order.
    pub(crate) fn stages_of_job(&self, job: Uuid) -> impl Iterator<Item = &Stage> {
        let plan = self
            .jobs
            .item(job)
            .and_then(|job| self.plans.item(job.plan));
        plan.into_iter()
            .flat_map(|plan| &plan.stages)
            .filter(|stage| !stage.is_archived)
    }

    /// Whether an API key may see the job.
    pub(crate) fn shows_job(&self, id: Uuid) -> bool {
        self.jobs.item(id).is_some_and(|job| !job.confidential)
    }

    /// Whether an API key may see the application: not where its job is confidential.
    pub(crate) fn shows_application(&self, application: &Application) -> bool {
        self.shows_job(application.job)
    }

    /// Whether an API key may see the candidate: not one who is considered for confidential jobs only.
    pub(crate) fn shows_candidate(&self, candidate: &Candidate) -> bool {
        candidate.applications.is_empty()
            || candidate.applications.iter().any(|id| {
                self.applications
                    .item(*id)
                    .is_some_and(|application| self.shows_application(application))
            })
    }

    /// Whether lists and search have caught up with the object, where they are switched to lag.
    pub(crate) fn has_surfaced<T>(&self, row: &Row<T>) -> bool {
        row.born_at + self.switches.list_lag() <= self.now
    }
}
