//! What Dover says, out of the bytes it sent.
//!
//! The contract is ours: Dover publishes none. A payload is read at receipt, to refuse what is malformed, and at the
//! fold again unless a later one says all that it says; each time with the paths of its connection at that moment, so that
//! a corrected field map also corrects the reading of what came before.

mod activity;
mod document;
mod example;
mod fault;
mod paths;
mod pointer;
mod profile;
mod reader;
mod values;
mod vocabulary;

use chrono::{DateTime, Utc};

pub use activity::Activity;
pub use example::example;
pub use fault::Fault;
pub(crate) use paths::edits;
pub use paths::{Field, PathFault, PathFaults, PayloadPaths};
pub use profile::{Place, Profile};
pub use vocabulary::{ActivityKind, Sentiment, stage, status};

use crate::{
    ids::{DoverCandidateId, DoverJobId},
    plan::{
        identity::IdentityKey,
        outline::Statements,
        says::{DoverSays, SaidStage, Stamp, Status, Word},
    },
};
use document::Node;
use profile::MAX_NAME;
use reader::Reader;

/// Length of the longest id or type, in characters.
const MAX_ID: usize = 200;
/// Length of the longest stage, status or other word, in characters.
const MAX_WORD: usize = 100;

const PING: &str = "ping";
const STAGE_CHANGED: &str = "candidate.stage_changed";
const UPDATED: &str = "candidate.updated";
const ACTIVITY: &str = "candidate.activity";

/// What a delivery is about, with what only this kind says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The candidate stands elsewhere now.
    StageChanged(Standing),
    /// Something about the person changed.
    Updated,
    /// Something happened between sourcer and candidate.
    Activity(Box<Activity>),
    /// A sign of life; says nothing and is not queued.
    Ping,
    /// A type that we do not know. Kept, and says nothing of stage or status.
    Other(String),
}

impl Kind {
    /// The `type` of the payload.
    pub fn word(&self) -> &str {
        match self {
            Self::StageChanged(_) => STAGE_CHANGED,
            Self::Updated => UPDATED,
            Self::Activity(_) => ACTIVITY,
            Self::Ping => PING,
            Self::Other(word) => word,
        }
    }
}

/// Where a candidate stands; at least one of the two is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The stage.
    pub stage: Option<SaidStage>,
    /// The status.
    pub status: Option<Word<Status>>,
}

/// A delivery that keeps the contract.
///
/// Candidate, job and `updated_at` are there for every kind of delivery about a candidate, absent in a ping, and
/// there in a delivery of unknown type if it carries them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery<'d> {
    /// What it is about.
    pub kind: Kind,
    /// When it was sent; never decides anything.
    pub timestamp: Option<DateTime<Utc>>,
    /// The candidate.
    pub candidate_id: Option<DoverCandidateId>,
    /// The job: Dover's id, or Ashby's id of a registered job.
    pub job_id: Option<DoverJobId>,
    /// The job's title, for people to recognise it by.
    pub job_title: Option<&'d str>,
    /// When Dover last changed the candidate, to the microsecond, as it claims: 1970 and next year included.
    pub updated_at: Option<DateTime<Utc>>,
    /// Who the candidate is; empty where none is named.
    pub profile: Profile<'d>,
}

/// The bytes of a payload as a document; what is read of it borrows from it.
pub struct Document<'b>(Result<Node<'b>, Fault>);

impl std::fmt::Debug for Document<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Document(redacted)")
    }
}

impl<'b> Document<'b> {
    /// The document that `body` holds. What is wrong with it is told by [`read`](Self::read).
    pub fn of(body: &'b [u8]) -> Self {
        Self(document::parse(body))
    }

    /// Reads the fields at `paths`. Gives every fault at once, each where it was looked for.
    pub fn read(&self, paths: &PayloadPaths) -> Result<Delivery<'_>, Vec<Fault>> {
        let document = self.0.as_ref().map_err(|fault| vec![fault.clone()])?;
        let mut reader = Reader::new(document, paths);
        document::refuse_nul(document, &mut reader.faults);
        let delivery = Delivery::read(&mut reader);
        match delivery {
            Some(delivery) if reader.faults.is_empty() => Ok(delivery),
            _ => Err(reader.faults.into_vec()),
        }
    }

    /// Whom it names, whatever else is wrong with it: Dover's id, and what identifies the person.
    pub fn whom(&self, paths: &PayloadPaths) -> (Option<DoverCandidateId>, Vec<IdentityKey>) {
        let Ok(document) = &self.0 else {
            return (None, Vec::new());
        };
        let mut reader = Reader::new(document, paths);
        let candidate = reader.name(Field::CandidateId, MAX_ID).map(Into::into);
        (candidate, Profile::read(&mut reader).keys())
    }
}

impl<'d> Delivery<'d> {
    /// What it says of its prospect, received at `received_at` as the `arrival`th of all.
    pub fn says(&self, received_at: DateTime<Utc>, arrival: i64) -> DoverSays {
        let Some(updated_at) = self.updated_at else {
            return DoverSays::default();
        };
        let stamp = Stamp::new(updated_at, received_at, arrival);
        let says = match &self.kind {
            Kind::StageChanged(standing) => {
                DoverSays::standing(standing.stage.clone(), standing.status.clone(), stamp)
            }
            _ => DoverSays::default(),
        };
        says.with_contact(self.profile.contact(stamp))
    }

    /// What [`says`](Self::says) makes statements about, and whether it tells of something that happened.
    pub fn statements(&self) -> Statements {
        if self.updated_at.is_none() {
            return Statements::default();
        }
        match &self.kind {
            // A stage without a status says *active*.
            Kind::StageChanged(Standing { stage, status }) => self
                .profile
                .statements(stage.is_some(), stage.is_some() || status.is_some()),
            Kind::Activity(_) => self
                .profile
                .statements(false, false)
                .and(Statements::HAPPENED),
            Kind::Updated | Kind::Ping | Kind::Other(_) => self.profile.statements(false, false),
        }
    }

    /// Whom it is news of. A ping is about nobody, and a delivery of unknown type says nothing that counts.
    pub fn about(&self) -> Option<(&DoverCandidateId, &DoverJobId)> {
        match self.kind {
            Kind::Ping | Kind::Other(_) => None,
            Kind::StageChanged(_) | Kind::Updated | Kind::Activity(_) => {
                self.candidate_id.as_ref().zip(self.job_id.as_ref())
            }
        }
    }

    fn read(reader: &mut Reader<'d, '_>) -> Option<Self> {
        let kind = match reader.name(Field::Type, MAX_ID) {
            Some(PING) => return Some(Self::ping()),
            Some(STAGE_CHANGED) => Standing::read(reader).map(Kind::StageChanged),
            Some(UPDATED) => Some(Kind::Updated),
            Some(ACTIVITY) => Activity::read(reader).map(Box::new).map(Kind::Activity),
            Some(word) => return Self::of_unknown_type(word, reader),
            // Whatever it is, it is no ping, so the rest can be looked at already.
            None => None,
        };
        Self::about_candidate(kind, reader)
    }

    fn ping() -> Self {
        Self {
            kind: Kind::Ping,
            timestamp: None,
            candidate_id: None,
            job_id: None,
            job_title: None,
            updated_at: None,
            profile: Profile::default(),
        }
    }

    /// Reads everything before it gives up for want of a kind: all faults are told at once.
    fn about_candidate(kind: Option<Kind>, reader: &mut Reader<'d, '_>) -> Option<Self> {
        let timestamp = reader.moment(Field::Timestamp);
        let candidate_id = reader.name(Field::CandidateId, MAX_ID).map(Into::into);
        let job_id = reader.name(Field::JobId, MAX_ID).map(Into::into);
        let job_title = reader.text(Field::JobTitle, MAX_NAME);
        let updated_at = reader.required_moment(Field::UpdatedAt);
        let profile = Profile::read(reader);
        Some(Self {
            kind: kind?,
            timestamp,
            candidate_id,
            job_id,
            job_title,
            updated_at,
            profile,
        })
    }

    /// A delivery of a type that we do not know owes us nothing but its type: what it carries in our form is taken,
    /// and the rest is no fault.
    fn of_unknown_type(word: &str, reader: &mut Reader<'d, '_>) -> Option<Self> {
        let owed = std::mem::take(&mut reader.faults);
        let mut delivery = Self::about_candidate(Some(Kind::Other(word.to_owned())), reader)?;
        reader.faults = owed;
        if delivery.candidate_id.is_none() {
            delivery.profile = Profile::default();
        }
        Some(delivery)
    }
}

impl Standing {
    fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let faults_before = reader.faults.count();
        let stage = reader.text(Field::Stage, MAX_WORD).map(stage);
        let name = reader.owned_text(Field::StageName, MAX_NAME);
        let status = reader.text(Field::Status, MAX_WORD).map(status);
        if stage.is_none() && status.is_none() {
            if reader.faults.count() == faults_before {
                let elsewhere = reader.pointer(Field::Status);
                reader.fault(
                    Field::Stage,
                    format!("is required: expected a stage here or a status at {elsewhere}"),
                );
            }
            return None;
        }
        Some(Self {
            stage: stage.map(|stage| SaidStage { stage, name }),
            status,
        })
    }
}

#[cfg(test)]
mod tests;
