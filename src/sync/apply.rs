//! Carries a plan out, step by step: record the intent, call, keep the outcome. Every choice was made in the plan.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{
    SyncError,
    doubt::{Settled, is_at},
    freshness::FreshLook,
    gather::{Case, Scene},
    lease::{Lease, Stop},
    look::{gone, seen},
};
use crate::{
    ashby::{AshbyClient, Location, NewApplication, NewCandidate, StageChange},
    ids::{CandidateId, FlushId, SourceId, UserId},
    plan::{self, CandidateRef, NewPerson, Plan, Reason, Step},
    store::{
        self,
        intent::{Intended, Intent},
        mirror::{How, Seen},
    },
};

/// What a plan that was carried out leaves behind.
#[derive(Debug, Default)]
pub(super) struct Applied {
    /// The application as our last write left it, and when that was intended.
    pub(super) wrote: Option<(Seen, DateTime<Utc>)>,
}

/// Why a plan was not carried out to its end.
pub(super) enum Interrupted {
    /// This prospect waits or is tried again; the flush goes on.
    For(Reason),
    /// What was decided on no longer counts: a look is too old, or showed that a write whose answer was lost had no
    /// effect. Decide again from what is known now.
    Again,
    /// The flush cannot go on.
    By(Stop),
}

impl From<Stop> for Interrupted {
    fn from(stop: Stop) -> Self {
        Self::By(stop)
    }
}

impl From<store::StoreError> for Interrupted {
    fn from(error: store::StoreError) -> Self {
        Self::By(error.into())
    }
}

impl From<SyncError> for Interrupted {
    fn from(error: SyncError) -> Self {
        Self::By(error.into())
    }
}

/// Carries out the steps of `plan` for one prospect, in `flush`, through `ashby`, while `lease` holds.
pub(super) async fn apply(
    scene: &Scene<'_>,
    flush: FlushId,
    ashby: &AshbyClient,
    lease: &Arc<Lease>,
    case: &Case,
    plan: &Plan,
) -> Result<Applied, Interrupted> {
    let dover_at = plan::said_at(&case.situation.dover);
    let mut performer = Performer {
        scene,
        flush,
        ashby,
        lease,
        case,
        dover_at: dover_at.unwrap_or_else(|| scene.sync.clock.now()),
        created: None,
    };
    let mut applied = Applied::default();
    for step in &plan.steps {
        if let Some(wrote) = performer.perform(step).await? {
            applied.wrote = Some(wrote);
        }
    }
    Ok(applied)
}

/// Carries out a step that puts back what a flush did. Nothing that Dover said is applied by it.
pub(super) async fn put_back(
    scene: &Scene<'_>,
    flush: FlushId,
    ashby: &AshbyClient,
    lease: &Arc<Lease>,
    case: &Case,
    step: &Step,
) -> Result<Option<(Seen, DateTime<Utc>)>, Interrupted> {
    let mut performer = Performer {
        scene,
        flush,
        ashby,
        lease,
        case,
        dover_at: case.prospect.applied_at.unwrap_or_default(),
        created: None,
    };
    performer.perform(step).await
}

/// Who carries out the steps of one prospect.
pub(super) struct Performer<'a> {
    pub(super) scene: &'a Scene<'a>,
    flush: FlushId,
    pub(super) ashby: &'a AshbyClient,
    pub(super) lease: &'a Arc<Lease>,
    pub(super) case: &'a Case,
    /// The Dover time that is applied.
    dover_at: DateTime<Utc>,
    /// The candidate that the step before has made.
    created: Option<CandidateId>,
}

impl Performer<'_> {
    async fn perform(&mut self, step: &Step) -> Result<Option<(Seen, DateTime<Utc>)>, Interrupted> {
        match step {
            Step::CreateCandidate {
                person,
                source,
                credited_to,
            } => {
                let new = new_candidate(person, source, credited_to.as_ref());
                self.create_candidate(&new).await?;
                Ok(None)
            }
            Step::CreateApplication {
                candidate,
                job,
                stage,
                source,
                credited_to,
            } => {
                let candidate_id = match candidate {
                    CandidateRef::Known(id) => id.clone(),
                    CandidateRef::JustCreated => self
                        .created
                        .clone()
                        .expect("a plan creates the candidate before the application"),
                };
                let new = NewApplication {
                    candidate_id,
                    job_id: job.clone(),
                    interview_plan_id: None,
                    interview_stage_id: stage.clone(),
                    source_id: Some(source.clone()),
                    credited_to_user_id: credited_to.clone(),
                };
                self.create_application(&new).await.map(Some)
            }
            Step::Move { application, to } => {
                let change = StageChange::Move {
                    application: application.clone(),
                    stage: to.clone(),
                };
                self.change_stage(&change).await.map(Some)
            }
            Step::Archive {
                application,
                to,
                reason,
            } => {
                let change = StageChange::Archive {
                    application: application.clone(),
                    stage: to.clone(),
                    reason: reason.clone(),
                };
                self.change_stage(&change).await.map(Some)
            }
        }
    }

    /// Records what is about to be done, right before it is.
    async fn intend(&self, intended: Intended) -> Result<Intent, Interrupted> {
        self.lease.hold().await?;
        let recorded_at = self.scene.sync.clock.now();
        let intent = Intent {
            prospect: self.case.prospect.id,
            intended,
            dover_at: self.dover_at,
            recorded_at,
            looked_for_since: None,
            given_up_before: 0,
        };
        let (pool, connection) = (&self.scene.sync.pool, self.scene.connection);
        let lease = self.lease.token;
        match store::intent::record(pool, connection, self.flush, lease, &intent).await {
            // Whoever was erased meanwhile is decided again.
            Err(store::StoreError::Gone(_)) => Err(Interrupted::Again),
            recorded => Ok(recorded.map(|()| intent)?),
        }
    }

    async fn create_candidate(&mut self, new: &NewCandidate) -> Result<(), Interrupted> {
        let connection = self.scene.connection;
        let keys = plan::identity::keys(&self.case.prospect.says.contact);
        let hash = |key| self.scene.sync.vault.identity_hash(connection, key);
        let keys: Vec<Vec<u8>> = keys.iter().map(hash).collect();
        let intended = Intended::CreateCandidate {
            keys: keys.iter().map(hex::encode).collect(),
        };
        let intent = self.intend(intended).await?;
        let prospect = &self.case.prospect;
        let candidate = match self.ashby.create_candidate(new).await {
            Ok(candidate) => candidate.id,
            Err(error) => match self.failed(error, &intent).await? {
                Settled::Candidate(candidate) => {
                    self.created = Some(candidate);
                    return Ok(());
                }
                _ => return Err(Interrupted::Again),
            },
        };
        let people = [(candidate.clone(), keys)];
        let mut tx = self.scene.fenced().await?;
        store::prospect::link(&mut *tx, prospect.id, &candidate, None).await?;
        store::mirror::identify(&mut tx, connection, &people).await?;
        let at = intent.recorded_at;
        store::change::made(&mut tx, prospect.id, &candidate, None, at).await?;
        store::intent::settled(&mut *tx, prospect.id, at).await?;
        tx.commit().await.map_err(store::StoreError::from)?;
        self.created = Some(candidate);
        Ok(())
    }

    async fn create_application(
        &self,
        new: &NewApplication,
    ) -> Result<(Seen, DateTime<Utc>), Interrupted> {
        let intended = Intended::CreateApplication {
            candidate: new.candidate_id.clone(),
            job: new.job_id.clone(),
        };
        let intent = self.intend(intended).await?;
        match self.ashby.create_application(new).await {
            Ok(application) => Ok((seen(&application), intent.recorded_at)),
            Err(error) => self.rescued(error, &intent).await,
        }
    }

    async fn change_stage(
        &self,
        change: &StageChange,
    ) -> Result<(Seen, DateTime<Utc>), Interrupted> {
        let (application, stage, reason) = match change {
            StageChange::Move { application, stage } => (application, stage, None),
            StageChange::Archive {
                application,
                stage,
                reason,
            } => (application, stage, Some(reason)),
        };
        let intended = Intended::ChangeStage {
            application: application.clone(),
            stage: stage.clone(),
            reason: reason.cloned(),
        };
        let intent = self.intend(intended).await?;
        let guard = FreshLook {
            lease: Arc::clone(self.lease),
            looked_at: self.case.looked_at.unwrap_or(intent.recorded_at),
            clock: Arc::clone(&self.scene.sync.clock),
        };
        match self
            .ashby
            .guarded_by(Arc::new(guard))
            .change_stage(change)
            .await
        {
            Ok(application) => self.landed(seen(&application), &intent).await,
            Err(error) if error.code.as_deref() == Some("application_not_found") => {
                let (sync, connection) = (self.scene.sync, self.scene.connection);
                gone(sync, connection, self.ashby, application).await?;
                self.forget(&intent).await?;
                Err(Interrupted::For(Reason::GoneFromAshby))
            }
            Err(error) => self.rescued(error, &intent).await,
        }
    }

    /// Ashby took a change. Where its answer shows another stage than was asked for, or another job, somebody came between:
    /// that is kept as theirs, and decided on again.
    async fn landed(
        &self,
        seen: Seen,
        intent: &Intent,
    ) -> Result<(Seen, DateTime<Utc>), Interrupted> {
        let Intended::ChangeStage { stage, reason, .. } = &intent.intended else {
            unreachable!("only changes of stage land")
        };
        let job = self.scene.jobs.get(&self.case.prospect.dover_job_id);
        let is_ours = job.is_none_or(|job| job.ashby_job_id == seen.job);
        if is_ours && is_at(&seen, stage, reason.as_ref()) {
            return Ok((seen, intent.recorded_at));
        }
        let how = How::Looked(intent.recorded_at);
        let mut tx = self.scene.fenced().await?;
        store::mirror::saw(&mut tx, self.scene.connection, &[seen], how).await?;
        store::intent::settled(&mut *tx, intent.prospect, intent.recorded_at).await?;
        tx.commit().await.map_err(store::StoreError::from)?;
        Err(Interrupted::Again)
    }
}

fn new_candidate(
    person: &NewPerson,
    source: &SourceId,
    credited_to: Option<&UserId>,
) -> NewCandidate {
    NewCandidate {
        source_id: Some(source.clone()),
        credited_to_user_id: credited_to.cloned(),
        email: person.email.clone(),
        alternate_email_addresses: person.alternate_emails.clone(),
        phone_number: person.phone.clone(),
        linked_in_url: person.linkedin_url.clone(),
        github_url: person.github_url.clone(),
        website: person.website_url.clone(),
        location: person.location.as_ref().map(|place| Location {
            city: place.city.clone(),
            region: place.region.clone(),
            country: place.country.clone(),
        }),
        ..NewCandidate::named(&person.name)
    }
}
