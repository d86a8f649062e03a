//! Creates and changes whose outcome is not known: looked into before anything is tried again. Ashby has no idempotency
//! key, so what a crash, a timeout or a lost answer left behind can only be found by looking.

use chrono::TimeDelta;

use super::{
    SyncError,
    gather::Scene,
    look::{self, Known, gone, hashes, seen},
};
use crate::{
    ashby::{AshbyClient, Disposition},
    ids::{ApplicationId, ArchiveReasonId, AshbyJobId, CandidateId, StageId},
    plan::identity,
    store::{
        self,
        intent::{Intended, Intent},
        mirror::Seen,
        prospect::Prospect,
    },
};

/// How long after a create its result may be missing from Ashby's search and lists. Only when it has not shown for this
/// long is it taken not to have happened. Ashby documents no figure; this is far beyond any delay that was seen.
const SHOWS_WITHIN: TimeDelta = TimeDelta::minutes(10);

/// What looking into an intent showed.
pub(super) enum Settled {
    /// The candidate was created.
    Candidate(CandidateId),
    /// The application is as the intent wanted it.
    Application(Seen),
    /// It was not done.
    Undone,
    /// It cannot be told yet.
    Waiting,
}

/// How far Ashby's clock may differ from ours.
const CLOCKS_DIFFER_BY: TimeDelta = TimeDelta::seconds(5);

impl Scene<'_> {
    /// Looks into every open intent of the connection. What is settled goes on in this flush.
    pub(super) async fn settle_doubts(&self) -> Result<(), SyncError> {
        for intent in store::intent::open(&self.sync.pool, self.connection, None).await? {
            let prospect =
                store::prospect::by_id(&self.sync.pool, self.connection, intent.prospect).await?;
            let Some(prospect) = prospect else { continue };
            match self.settle(&self.ashby, &prospect, &intent).await {
                Ok(_) => {}
                // That is between Ashby and this one; nobody else has to wait for it.
                Err(SyncError::Ashby(error)) if error.disposition() == Disposition::Permanent => {
                    tracing::warn!(prospect.id = %prospect.id, "the outcome of a write cannot be looked up: {}", error.code.as_deref().unwrap_or("no code"));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Looks into one intent through `ashby`, and keeps what was found.
    pub(super) async fn settle(
        &self,
        ashby: &AshbyClient,
        prospect: &Prospect,
        intent: &Intent,
    ) -> Result<Settled, SyncError> {
        match &intent.intended {
            Intended::CreateCandidate { keys } => {
                self.settle_candidate(ashby, prospect, intent, keys).await
            }
            Intended::CreateApplication { candidate, job } => {
                self.settle_application(ashby, prospect, intent, candidate, job)
                    .await
            }
            Intended::ChangeStage {
                application,
                stage,
                reason,
            } => {
                self.settle_change(ashby, intent, application, stage, reason.as_ref())
                    .await
            }
        }
    }

    async fn settle_candidate(
        &self,
        ashby: &AshbyClient,
        prospect: &Prospect,
        intent: &Intent,
        sent: &[String],
    ) -> Result<Settled, SyncError> {
        if let [candidate] = self.created(ashby, prospect, sent).await?.as_slice() {
            let mut tx = self.sync.pool.begin().await?;
            store::prospect::link(&mut *tx, prospect.id, candidate, None).await?;
            let at = intent.recorded_at;
            store::change::made(&mut tx, prospect.id, candidate, None, at).await?;
            store::intent::settled(&mut *tx, prospect.id, at).await?;
            tx.commit().await?;
            return Ok(Settled::Candidate(candidate.clone()));
        }
        self.give_up_looking(intent).await
    }

    /// Who has the prospect's addresses: in Ashby's search, and in the list of what changed since.
    async fn created(
        &self,
        ashby: &AshbyClient,
        prospect: &Prospect,
        sent: &[String],
    ) -> Result<Vec<CandidateId>, SyncError> {
        let keys = identity::keys(&prospect.says.contact);
        let mut wanted: Vec<Vec<u8>> = keys
            .iter()
            .map(|key| self.sync.vault.identity_hash(self.connection, key))
            .collect();
        // What was sent counts too: Dover may have corrected an address since.
        wanted.extend(sent.iter().filter_map(|key| hex::decode(key).ok()));
        let listed = store::mirror::who(&self.sync.pool, self.connection, &wanted).await?;
        let mut found: Vec<CandidateId> = listed.into_values().flatten().collect();
        let people = look::search(ashby, &keys).await?;
        // The lists have not shown them yet; the next prospect of the same person must know.
        let identities: Vec<_> = people
            .iter()
            .map(|person| {
                (
                    person.id.clone(),
                    hashes(self.sync, self.connection, person),
                )
            })
            .collect();
        let mut tx = self.sync.pool.begin().await?;
        store::mirror::identify(&mut tx, self.connection, &identities).await?;
        tx.commit().await?;
        found.extend(people.into_iter().map(|person| person.id));
        found.sort();
        found.dedup();
        Ok(found)
    }

    async fn settle_application(
        &self,
        ashby: &AshbyClient,
        prospect: &Prospect,
        intent: &Intent,
        candidate: &CandidateId,
        job: &AshbyJobId,
    ) -> Result<Settled, SyncError> {
        let asked_at = self.sync.clock.now();
        let person = match ashby.candidate_info(candidate).await {
            Ok(person) => person,
            Err(error) if error.is_not_found() => return self.give_up_looking(intent).await,
            Err(error) => return Err(error.into()),
        };
        for id in &person.application_ids {
            let application = match ashby.application_info(id).await {
                Ok(application) => application,
                Err(error) if error.is_not_found() => continue,
                Err(error) => return Err(error.into()),
            };
            let Some(seen) = seen(&application).filter(|seen| seen.job == *job) else {
                continue;
            };
            let mut tx = self.sync.pool.begin().await?;
            let is_ours = application.created_at >= intent.recorded_at - CLOCKS_DIFFER_BY;
            if is_ours {
                store::mirror::wrote(&mut tx, self.connection, &seen, asked_at).await?;
                store::prospect::applied(&mut tx, prospect.id, intent.dover_at).await?;
                store::change::made(
                    &mut tx,
                    prospect.id,
                    candidate,
                    Some(&seen),
                    intent.recorded_at,
                )
                .await?;
            } else {
                store::mirror::saw(
                    &mut tx,
                    self.connection,
                    std::slice::from_ref(&seen),
                    asked_at,
                )
                .await?;
                store::mirror::foreign(&mut tx, self.connection, id).await?;
            }
            store::prospect::link(&mut *tx, prospect.id, candidate, Some(id)).await?;
            store::intent::settled(&mut *tx, prospect.id, intent.recorded_at).await?;
            tx.commit().await?;
            return Ok(if is_ours {
                Settled::Application(seen)
            } else {
                Settled::Undone
            });
        }
        self.give_up_looking(intent).await
    }

    async fn settle_change(
        &self,
        ashby: &AshbyClient,
        intent: &Intent,
        application: &ApplicationId,
        stage: &StageId,
        reason: Option<&ArchiveReasonId>,
    ) -> Result<Settled, SyncError> {
        let asked_at = self.sync.clock.now();
        let found = match ashby.application_info(application).await {
            Ok(found) => seen(&found),
            Err(error) if error.is_not_found() => {
                gone(self.sync, self.connection, ashby, application).await?;
                None
            }
            Err(error) => return Err(error.into()),
        };
        let mut tx = self.sync.pool.begin().await?;
        let settled = match found {
            Some(seen) if seen.stage == *stage && seen.archive_reason.as_ref() == reason => {
                store::mirror::wrote(&mut tx, self.connection, &seen, asked_at).await?;
                store::prospect::applied(&mut tx, intent.prospect, intent.dover_at).await?;
                let who = &seen.candidate;
                store::change::made(
                    &mut tx,
                    intent.prospect,
                    who,
                    Some(&seen),
                    intent.recorded_at,
                )
                .await?;
                Settled::Application(seen)
            }
            seen => {
                store::mirror::saw(&mut tx, self.connection, seen.as_slice(), asked_at).await?;
                Settled::Undone
            }
        };
        store::intent::settled(&mut *tx, intent.prospect, intent.recorded_at).await?;
        tx.commit().await?;
        Ok(settled)
    }

    /// Nothing to be seen: it waits on, until what was asked for would long have shown.
    async fn give_up_looking(&self, intent: &Intent) -> Result<Settled, SyncError> {
        // Those with only a profile elsewhere show in the list alone, so the list must have been read to its end.
        let is_list_read = self.picture.candidates == Known::Current
            && self.picture.applications == Known::Current;
        if !is_list_read || self.sync.clock.now() - intent.recorded_at <= SHOWS_WITHIN {
            return Ok(Settled::Waiting);
        }
        store::intent::settled(&self.sync.pool, intent.prospect, intent.recorded_at).await?;
        Ok(Settled::Undone)
    }
}
