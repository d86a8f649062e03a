//! Carries a plan out, step by step: record the intent, call, keep the outcome. Every choice was made in the plan.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{
    SyncError,
    doubt::{Settled, is_at},
    freshness::FreshLook,
    gather::{Case, Scene},
    lease::{Lease, Stop},
    look::{self, gone, seen},
    metadata,
};
use crate::{
    ashby::{
        AshbyClient, AshbyError, Disposition, Location, NewApplication, NewCandidate, StageChange,
    },
    ids::{ApplicationId, AshbyJobId, CandidateId, FlushId},
    plan::{self, CandidateRef, NewPerson, Plan, Reason, Step, situation::Openness},
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

struct Performer<'a> {
    scene: &'a Scene<'a>,
    flush: FlushId,
    ashby: &'a AshbyClient,
    lease: &'a Arc<Lease>,
    case: &'a Case,
    /// The Dover time that is applied.
    dover_at: DateTime<Utc>,
    /// The candidate that the step before has made.
    created: Option<CandidateId>,
}

impl Performer<'_> {
    async fn perform(&mut self, step: &Step) -> Result<Option<(Seen, DateTime<Utc>)>, Interrupted> {
        match step {
            Step::CreateCandidate { person, source } => {
                let new = NewCandidate {
                    source_id: Some(source.clone()),
                    ..new_candidate(person)
                };
                self.create_candidate(&new).await?;
                Ok(None)
            }
            Step::CreateApplication {
                candidate,
                job,
                stage,
                source,
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
                };
                self.create_application(&new).await.map(Some)
            }
            Step::Move { application, to } => {
                let intended = Intended::ChangeStage {
                    application: application.clone(),
                    stage: to.clone(),
                    reason: None,
                };
                let change = StageChange::Move {
                    application: application.clone(),
                    stage: to.clone(),
                };
                self.change_stage(intended, application, &change)
                    .await
                    .map(Some)
            }
            Step::Archive {
                application,
                to,
                reason,
            } => {
                let intended = Intended::ChangeStage {
                    application: application.clone(),
                    stage: to.clone(),
                    reason: Some(reason.clone()),
                };
                let (application, stage, reason) =
                    (application.clone(), to.clone(), reason.clone());
                let change = StageChange::Archive {
                    application: application.clone(),
                    stage,
                    reason,
                };
                self.change_stage(intended, &application, &change)
                    .await
                    .map(Some)
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
        let keys = plan::identity::keys(&self.case.prospect.says.contact);
        let hash = |key| {
            self.scene
                .sync
                .vault
                .identity_hash(self.scene.connection, key)
        };
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
        let mut tx = self
            .scene
            .sync
            .pool
            .begin()
            .await
            .map_err(store::StoreError::from)?;
        store::flush::fence(&mut tx, self.scene.connection, self.lease.token).await?;
        store::prospect::link(&mut *tx, prospect.id, &candidate, None).await?;
        store::mirror::identify(&mut tx, self.scene.connection, &people).await?;
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
        intended: Intended,
        application: &ApplicationId,
        change: &StageChange,
    ) -> Result<(Seen, DateTime<Utc>), Interrupted> {
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
                gone(
                    self.scene.sync,
                    self.scene.connection,
                    self.ashby,
                    application,
                )
                .await?;
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

    /// A write that may have gone through: if looking shows that it did, it did.
    async fn rescued(
        &self,
        error: AshbyError,
        intent: &Intent,
    ) -> Result<(Seen, DateTime<Utc>), Interrupted> {
        match self.failed(error, intent).await? {
            Settled::Application(seen) => Ok((seen, intent.recorded_at)),
            _ => Err(Interrupted::Again),
        }
    }

    /// What became of a call that failed.
    async fn failed(&self, error: AshbyError, intent: &Intent) -> Result<Settled, Interrupted> {
        match error.disposition() {
            Disposition::InDoubt => self.look_into(intent).await,
            Disposition::Transient => {
                self.forget(intent).await?;
                Err(Interrupted::For(Reason::AshbyUnavailable {
                    what: error.to_string(),
                }))
            }
            Disposition::Permanent => {
                self.forget(intent).await?;
                Err(self.refused(error, intent).await?)
            }
            Disposition::Key { .. } => {
                self.forget(intent).await?;
                Err(Interrupted::By(Stop::Key(error.to_string())))
            }
            Disposition::Withheld => {
                self.forget(intent).await?;
                self.lease.hold().await?;
                // The lease holds: it was the look that has become too old.
                Err(Interrupted::Again)
            }
        }
    }

    /// Looks at once; what cannot be seen yet is looked for again with every flush.
    async fn look_into(&self, intent: &Intent) -> Result<Settled, Interrupted> {
        let in_doubt = || match intent.intended {
            Intended::ChangeStage { .. } => Reason::AshbyUnavailable {
                what: "Ashby's answer was lost and its outcome could not be looked up".to_owned(),
            },
            _ => Reason::CreateInDoubt {
                since: intent.recorded_at,
            },
        };
        let settled = self.scene.settle(self.ashby, &self.case.prospect, intent);
        match settled.await {
            Ok(Settled::Waiting) => Err(Interrupted::For(in_doubt())),
            Ok(settled) => Ok(settled),
            Err(SyncError::Ashby(error)) => match error.disposition() {
                Disposition::Key { .. } => Err(Interrupted::By(Stop::Key(error.to_string()))),
                _ => Err(Interrupted::For(in_doubt())),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// Ashby said no for good, and why that matters.
    async fn refused(
        &self,
        error: AshbyError,
        intent: &Intent,
    ) -> Result<Interrupted, Interrupted> {
        if let Some(closed) = closed_meanwhile(self.scene, self.ashby, self.case).await? {
            return Ok(Interrupted::For(closed));
        }
        let code = error.code.clone().unwrap_or_else(|| "no code".to_owned());
        let prospect = &self.case.prospect;
        Ok(match (code.as_str(), &intent.intended) {
            ("candidate_not_found", Intended::CreateApplication { candidate, .. }) => {
                self.lost(candidate).await?
            }
            (_, Intended::CreateApplication { candidate, job })
                if self.has_application(candidate, job).await? =>
            {
                Interrupted::Again
            }
            // Refused once more after it was read again, it is not for us to mend.
            _ if error.is_not_found() && prospect.reason.as_deref() != Some("stale-id") => {
                if let Some(job) = self.scene.jobs.get(&prospect.dover_job_id) {
                    metadata::distrust(self.scene.sync, self.scene.connection, job).await?;
                }
                Interrupted::For(Reason::StaleId { code })
            }
            _ => Interrupted::For(Reason::RefusedByAshby {
                code,
                message: error.message,
                request_id: error.request_id,
            }),
        })
    }

    /// Whether a candidate has an application for the job after all: somebody made it while we were about to.
    async fn has_application(
        &self,
        candidate: &CandidateId,
        job: &AshbyJobId,
    ) -> Result<bool, Interrupted> {
        let (sync, connection) = (self.scene.sync, self.scene.connection);
        let Ok(person) = self.ashby.candidate_info(candidate).await else {
            // Then the refusal speaks for itself.
            return Ok(false);
        };
        for id in &person.application_ids {
            let seen = match look::look_at(sync, connection, self.ashby, id).await {
                Ok(seen) => seen,
                Err(SyncError::Ashby(error)) if is_passing(&error) => continue,
                Err(error) => return Err(Stop::from(error).into()),
            };
            if seen.is_some_and(|seen| seen.job == *job) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Ashby no longer has a candidate whom it had when we looked. If a merge has ended them, the survivor has their
    /// addresses; if not, they were deleted, and the prospect stays linked to nobody else.
    async fn lost(&self, candidate: &CandidateId) -> Result<Interrupted, Interrupted> {
        let connection = self.scene.connection;
        let prospect = &self.case.prospect;
        let has_survivor = match self.has_survivor(candidate).await {
            Ok(has_survivor) => has_survivor,
            Err(SyncError::Ashby(error)) if is_passing(&error) => {
                let what = error.to_string();
                return Ok(Interrupted::For(Reason::AshbyUnavailable { what }));
            }
            Err(error) => return Err(Stop::from(error).into()),
        };
        let gone = std::slice::from_ref(&candidate.0);
        let mut tx = self.scene.fenced().await?;
        store::mirror::forget_candidates(&mut *tx, connection, gone).await?;
        let (and_so, kept) = if has_survivor {
            let kept = store::prospect::lose_candidate(&mut *tx, prospect.id).await;
            (Interrupted::Again, kept)
        } else {
            let kept = store::prospect::link(&mut *tx, prospect.id, candidate, None).await;
            (Interrupted::For(Reason::GoneFromAshby), kept)
        };
        kept?;
        tx.commit().await.map_err(store::StoreError::from)?;
        Ok(and_so)
    }

    /// Whether Ashby has somebody else with the prospect's addresses or profile, asked right now: in its list and its
    /// search.
    async fn has_survivor(&self, lost: &CandidateId) -> Result<bool, SyncError> {
        let (sync, connection) = (self.scene.sync, self.scene.connection);
        let keys = plan::identity::keys(&self.case.prospect.says.contact);
        look::follow_candidates(sync, connection, self.ashby).await?;
        let people = look::search(self.ashby, &keys).await?;
        look::identify(sync, connection, &people).await?;
        let hash = |key| sync.vault.identity_hash(connection, key);
        let hashes: Vec<_> = keys.iter().map(hash).collect();
        let who = store::mirror::who(&sync.pool, connection, &hashes).await?;
        Ok(who.values().flatten().any(|found| found != lost))
    }

    /// It surely had no effect.
    async fn forget(&self, intent: &Intent) -> Result<(), Interrupted> {
        let pool = &self.scene.sync.pool;
        Ok(store::intent::settled(pool, intent.prospect, intent.recorded_at).await?)
    }
}

/// Why the job of a prospect is at fault for a refusal, or for an application that is not to be seen: it was closed, or
/// hidden, since the flush began. Whoever it keeps waiting goes on by itself once it is open again.
pub(super) async fn closed_meanwhile(
    scene: &Scene<'_>,
    ashby: &AshbyClient,
    case: &Case,
) -> Result<Option<Reason>, Stop> {
    let Some(job) = scene.jobs.get(&case.prospect.dover_job_id) else {
        return Ok(None);
    };
    let found = match metadata::read_job(ashby, &job.ashby_job_id).await {
        Ok(found) => found.map(|found| found.openness),
        Err(error) if matches!(error.disposition(), Disposition::Key { .. }) => {
            return Err(Stop::Key(error.to_string()));
        }
        // Then the refusal speaks for itself.
        Err(_) => return Ok(None),
    };
    let title = job.title.clone();
    Ok(match found {
        None | Some(Openness::NotVisible) => Some(Reason::JobNotVisible { title }),
        Some(Openness::Closed(status)) => {
            let status = status.to_lowercase();
            Some(Reason::JobNotOpen { title, status })
        }
        Some(Openness::Open) => None,
    })
}

/// Whether it is worth another try with the next flush, by this prospect alone.
fn is_passing(error: &AshbyError) -> bool {
    !matches!(
        error.disposition(),
        Disposition::Key { .. } | Disposition::Withheld
    )
}

fn new_candidate(person: &NewPerson) -> NewCandidate {
    NewCandidate {
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
