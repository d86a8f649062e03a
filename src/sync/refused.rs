//! Why Ashby said no to a write, and what follows: the job was closed, the candidate is gone, somebody was quicker, or
//! something that we have read is out of date.

use super::{
    SyncError,
    apply::{Interrupted, Performer},
    gather::{Case, Scene},
    lease::Stop,
    look, metadata,
};
use crate::{
    ashby::{AshbyClient, AshbyError, Disposition},
    ids::{AshbyJobId, CandidateId},
    plan::{self, Reason, situation::Openness},
    store::{
        self,
        intent::{Intended, Intent},
    },
};

impl Performer<'_> {
    /// Ashby said no for good, and why that matters.
    pub(super) async fn refused(
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
                    self.scene.users.lock().await.clear();
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
