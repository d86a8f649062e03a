//! What is written to a record in Ashby beside creating, moving and archiving it. Every kind of addition is carried out after
//! the decision on the stage was kept, and before the prospect is done with: a crash in between leaves it pending, and
//! all is looked at again. An addition that cannot be made never holds back a stage.

mod fields;
pub(super) mod notes;
mod tag;

use std::sync::Arc;

use self::notes::Noting;
use super::{
    SyncError,
    apply::{Applied, Interrupted},
    gather::{Case, Scene},
    lease::{Lease, Stop},
    record::application,
};
use crate::{
    ashby::{AshbyClient, AshbyError, Disposition},
    ids::{ApplicationId, CandidateId, LeaseToken},
    plan::{self, CandidateRef, Plan, Reason, Step, fields::Catalogue, policy::Policy},
};

/// A record in Ashby that may be added to.
pub(super) struct Record<'a> {
    pub(super) scene: &'a Scene<'a>,
    pub(super) ashby: &'a AshbyClient,
    lease: Option<&'a Arc<Lease>>,
    pub(super) case: &'a Case,
    /// The person.
    pub(super) candidate: CandidateId,
    /// Their application for the job.
    pub(super) application: ApplicationId,
    /// Whether this very decision has made the candidate: nobody else has had a hand in them.
    pub(super) is_new: bool,
    /// Whether it has made the application.
    pub(super) is_made: bool,
    /// Whether this very decision has written: what it did may be something to write a note upon.
    pub(super) has_written: bool,
}

/// What there is to be added to, where something is due.
pub(super) enum Due<'a> {
    /// A record for the job.
    Record(Record<'a>),
    /// A person whom Ashby has, and who is not on the job: notes alone.
    Person(Noting<'a>),
}

impl<'a> Due<'a> {
    /// What a decision leaves to be added to, where something is due.
    pub(super) fn of(
        scene: &'a Scene<'a>,
        ashby: &'a AshbyClient,
        lease: &'a Arc<Lease>,
        case: &'a Case,
        (plan, applied): (&Plan, &Applied),
    ) -> Option<Self> {
        let wrote = applied.wrote.as_ref();
        let wrote = wrote.map(|(seen, _)| (seen.candidate.clone(), seen.id.clone()));
        Self::after(scene, ashby, Some(lease), case, (plan, wrote))
    }

    /// What a decision that a preview shows would leave to be added to, where something would be due.
    pub(super) fn foreseen(scene: &'a Scene<'a>, case: &'a Case, plan: &Plan) -> Option<Self> {
        Self::after(
            scene,
            &scene.ashby,
            None,
            case,
            (plan, would_write(case, plan)),
        )
    }

    fn after(
        scene: &'a Scene<'a>,
        ashby: &'a AshbyClient,
        lease: Option<&'a Arc<Lease>>,
        case: &'a Case,
        (plan, wrote): (&Plan, Option<Written>),
    ) -> Option<Self> {
        // A decision that does nothing is withheld neither by the shadow nor by the brake; nothing is written all the same.
        if case.situation.is_in_shadow() || scene.brake.stops(&case.prospect.dover_job_id) {
            return None;
        }
        if let Some(person) = Noting::person(scene, ashby, lease, case, plan) {
            return Some(Self::Person(person));
        }
        Record::after(scene, ashby, lease, case, (plan, wrote)).map(Self::Record)
    }

    /// What would be added, in words, and why something would wait. Ashby is not asked: what a field holds there may yet be
    /// a reason to leave it.
    pub(super) async fn foresee(&self, plan: &Plan) -> Result<Added, Stop> {
        let mut added = Added::default();
        match self {
            Self::Record(record) => record.foresee(plan, &mut added).await?,
            Self::Person(person) => added.take_in(Ok(person.foresee(plan)))?,
        }
        Ok(added)
    }

    /// Of which prospect, and whose record in Ashby.
    pub(super) const fn whose(&self) -> (&Case, &CandidateId) {
        match self {
            Self::Record(record) => (record.case, &record.candidate),
            Self::Person(person) => (person.case, person.candidate),
        }
    }

    /// Makes the additions, one kind after the other.
    pub(super) async fn add(&self) -> Result<Added, Stop> {
        let mut added = Added::default();
        match self {
            Self::Record(record) => record.add(&mut added).await?,
            Self::Person(person) => added.take_in(person.add().await)?,
        }
        Ok(added)
    }
}

/// Whose application, and which, a decision has made or changed.
type Written = (CandidateId, ApplicationId);

/// What stands for an id that there will be once somebody is created.
const NOT_YET: &str = "";

/// What a plan would write, were it carried out.
fn would_write(case: &Case, plan: &Plan) -> Option<Written> {
    plan.steps.iter().find_map(|step| match step {
        Step::CreateApplication { candidate, .. } => {
            let candidate = match candidate {
                CandidateRef::Known(id) => id.clone(),
                CandidateRef::JustCreated => NOT_YET.into(),
            };
            Some((candidate, NOT_YET.into()))
        }
        Step::Move { .. } | Step::Archive { .. } => {
            let held = application(&case.situation.person)?;
            Some((held.candidate.clone(), held.id.clone()))
        }
        Step::CreateCandidate { .. } => None,
    })
}

/// What additions came to.
#[derive(Debug, Default)]
pub(super) struct Added {
    /// What was written, in words.
    pub(super) wrote: Vec<String>,
    /// The keys of the settings that had it written.
    by: Vec<&'static str>,
    /// Why something was not.
    waits: Option<Reason>,
}

impl Added {
    /// What was written because of the setting `key`.
    fn by(key: &'static str, wrote: Vec<String>) -> Self {
        let mut added = Self::default();
        for words in wrote {
            added.take(words, key);
        }
        added
    }

    /// Takes in something that was written because of the setting `key`.
    fn take(&mut self, words: String, key: &'static str) {
        self.wrote.push(words);
        if !self.by.contains(&key) {
            self.by.push(key);
        }
    }

    /// The decisions to be kept of it, in order.
    pub(super) fn decisions(self, policy: &Policy) -> Vec<Plan> {
        let wrote = (!self.wrote.is_empty()).then_some(Reason::Updated { what: self.wrote });
        let decisions = wrote.into_iter().chain(self.waits);
        decisions
            .map(|because| plan::beside(policy, because, &self.by))
            .collect()
    }

    /// Takes in what one kind of addition came to. The first that waits speaks for the rest.
    fn take_in(&mut self, added: Result<Self, Interrupted>) -> Result<(), Stop> {
        let waits = match added {
            Ok(added) => {
                self.wrote.extend(added.wrote);
                self.by.extend(added.by);
                added.waits
            }
            Err(Interrupted::By(stop)) => return Err(stop),
            Err(Interrupted::For(reason)) => Some(reason),
            Err(Interrupted::Again) => Some(Reason::AshbyUnavailable {
                what: "what Ashby shows has changed meanwhile".to_owned(),
            }),
        };
        self.waits = self.waits.take().or(waits);
        Ok(())
    }
}

impl<'a> Record<'a> {
    /// The record that a decision leaves, where there is one and something is to be added to it.
    fn after(
        scene: &'a Scene<'a>,
        ashby: &'a AshbyClient,
        lease: Option<&'a Arc<Lease>>,
        case: &'a Case,
        (plan, wrote): (&Plan, Option<Written>),
    ) -> Option<Self> {
        if !plan.because.lets_add() {
            return None;
        }
        let has_written = wrote.is_some();
        let held = || application(&case.situation.person);
        let held = || held().map(|held| (held.candidate.clone(), held.id.clone()));
        let (candidate, application) = wrote.or_else(held)?;
        let record = Self {
            scene,
            ashby,
            lease,
            case,
            candidate,
            application,
            is_new: makes_candidate(plan),
            is_made: makes_application(plan),
            has_written,
        };
        record.is_due().then_some(record)
    }

    /// Leave to write, under the lease of this token. A preview never has it.
    async fn hold(&self) -> Result<LeaseToken, Stop> {
        hold(self.lease).await
    }

    /// Whether any kind of addition has something to say of it. Asked of every prospect: nothing is read.
    fn is_due(&self) -> bool {
        tag::is_due(self) || fields::is_due(self) || Noting::of(self).is_due()
    }

    async fn add(&self, added: &mut Added) -> Result<(), Stop> {
        added.take_in(tag::add(self).await)?;
        added.take_in(fields::add(self).await)?;
        added.take_in(Noting::of(self).add().await)
    }

    async fn foresee(&self, plan: &Plan, added: &mut Added) -> Result<(), Stop> {
        added.take_in(tag::foresee(self).await)?;
        added.take_in(fields::foresee(self).await)?;
        added.take_in(Ok(Noting::of(self).foresee(plan)))
    }
}

async fn hold(lease: Option<&Arc<Lease>>) -> Result<LeaseToken, Stop> {
    let lease = lease.ok_or(Stop::LeaseLost)?;
    lease.hold().await?;
    Ok(lease.token)
}

fn makes_application(plan: &Plan) -> bool {
    let is_one = |step: &Step| matches!(step, Step::CreateApplication { .. });
    plan.steps.iter().any(is_one)
}

fn makes_candidate(plan: &Plan) -> bool {
    let is_one = |step: &Step| matches!(step, Step::CreateCandidate { .. });
    plan.steps.iter().any(is_one)
}

/// The custom fields that there are.
async fn catalogue(scene: &Scene<'_>, ashby: &AshbyClient) -> Result<Arc<Catalogue>, Interrupted> {
    match scene.fields.get(scene.sync, scene.connection, ashby).await {
        Err(SyncError::Ashby(error)) => Err(unread(error)),
        known => Ok(known?),
    }
}

/// Ashby did not show something: the record is looked at again with the next flush.
fn unread(error: AshbyError) -> Interrupted {
    match error.disposition() {
        Disposition::Key { .. } | Disposition::Withheld => Interrupted::By(error.into()),
        _ => unavailable(&error),
    }
}

fn unavailable(error: &AshbyError) -> Interrupted {
    Interrupted::For(Reason::AshbyUnavailable {
        what: error.to_string(),
    })
}

/// What becomes of an addition that Ashby did not take. To make one again does no harm, so that a lost answer is like none;
/// what Ashby refuses for good waits for a person.
fn failed(error: AshbyError) -> Interrupted {
    match error.disposition() {
        Disposition::Key { .. } => Interrupted::By(Stop::Key(error.to_string())),
        Disposition::Transient | Disposition::InDoubt | Disposition::Withheld => {
            unavailable(&error)
        }
        Disposition::Permanent => refused(error),
    }
}

/// Ashby said no for good.
fn refused(error: AshbyError) -> Interrupted {
    Interrupted::For(Reason::RefusedByAshby {
        code: error.code.unwrap_or_else(|| "no code".to_owned()),
        message: error.message,
        request_id: error.request_id,
    })
}
