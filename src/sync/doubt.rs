//! Creates and changes whose outcome is not known: looked into before anything is tried again. Ashby has no idempotency
//! key, so what a crash, a timeout or a lost answer left behind can only be found by looking.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{Postgres, Transaction};

use super::{
    Sync, SyncError,
    additions::notes,
    gather::Scene,
    look::{self, Known, gone, seen},
    release, undo,
};
use crate::{
    ashby::{AshbyClient, Disposition},
    ids::{ApplicationId, ArchiveReasonId, AshbyJobId, CandidateId, ConnectionId, StageId},
    plan::{
        identity,
        says::DoverSays,
        situation::{Creation, Person},
    },
    store::{
        self,
        intent::{Intended, Intent},
        mirror::{How, Seen},
        prospect::Prospect,
    },
};

/// How long after a create its result may be missing from Ashby's search and lists. Only when it has been looked for this
/// long, and has not shown, is it taken not to have happened. Ashby documents no figure; this is far beyond any delay that
/// was seen. It counts from the first look, by when the call is over: before it the call may have waited for the rate limit.
pub(super) const SHOWS_WITHIN: TimeDelta = TimeDelta::minutes(10);

/// What creates of unknown outcome of one prospect are taken not to have happened, one after the other. After that
/// something is wrong that trying again does not mend, and somebody is asked.
pub(super) const GIVEN_UP_AT_MOST: i16 = 1;

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

/// Doubts that Ashby did not answer about, after which it is taken to be away.
const UNANSWERED_AT_MOST: u32 = 3;

/// How far Ashby's clock may differ from ours.
const CLOCKS_DIFFER_BY: TimeDelta = TimeDelta::seconds(5);

/// The keyed hashes of whoever is to be created: of what Dover says of them now, and of what was sent, which Dover may
/// have corrected since.
pub(super) fn keys(
    sync: &Sync,
    connection: ConnectionId,
    says: &DoverSays,
    intent: &Intent,
) -> Vec<Vec<u8>> {
    let keys = identity::keys(&says.contact);
    let said = keys
        .iter()
        .map(|key| sync.vault.identity_hash(connection, key));
    let sent = match &intent.intended {
        Intended::CreateCandidate { keys } => keys.as_slice(),
        _ => &[],
    };
    let sent = sent.iter().filter_map(|key| hex::decode(key).ok());
    said.chain(sent).collect()
}

impl Scene<'_> {
    /// Who is to be created, where that is what `intent` is for.
    pub(super) fn doubt(&self, intent: &Intent) -> Option<Person> {
        if self.refuted.contains(&intent.prospect) {
            return None;
        }
        let creation = match intent.intended {
            Intended::CreateCandidate { .. } => Creation::Candidate,
            Intended::CreateApplication { .. } => Creation::Application,
            Intended::ChangeStage { .. } => return None,
        };
        let since = intent.recorded_at;
        let looked_for = |since| self.sync.clock.now() - since;
        let looked_for = intent
            .looked_for_since
            .map_or(TimeDelta::zero(), looked_for);
        let took_long = looked_for > self.ask_after;
        let is_to_be_asked =
            took_long || (intent.given_up_before >= GIVEN_UP_AT_MOST && looked_for > SHOWS_WITHIN);
        Some(if is_to_be_asked {
            Person::Undecided {
                since,
                creation,
                took_long,
            }
        } else {
            Person::InDoubt { since }
        })
    }

    /// A transaction that is kept only while the lease is ours: what a holder that stood still had seen must not be kept
    /// over what the next one found.
    pub(super) async fn fenced(&self) -> Result<Transaction<'static, Postgres>, SyncError> {
        let mut tx = self.sync.pool.begin().await?;
        if let Some(lease) = self.lease {
            store::flush::fence(&mut tx, self.connection, lease).await?;
        }
        Ok(tx)
    }

    /// Looks into the open intents of the connection. What is settled goes on in this flush. Where Ashby does not answer
    /// about several, the rest waits for the next one; it counts as looked for all the same, so that somebody is asked in
    /// the end.
    pub(super) async fn settle_doubts(&self) -> Result<(), SyncError> {
        let (pool, now) = (&self.sync.pool, self.sync.clock.now());
        store::intent::all_looked_for(pool, self.connection, now).await?;
        let mut unanswered = 0;
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
                // What is in doubt waits; whoever is not goes on.
                Err(SyncError::Ashby(error)) if error.disposition() == Disposition::Transient => {
                    tracing::warn!(prospect.id = %prospect.id, "the outcome of a write cannot be looked up now: {}", error.outcome());
                    unanswered += 1;
                    if unanswered == UNANSWERED_AT_MOST {
                        return Ok(());
                    }
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
            Intended::CreateCandidate { .. } => {
                self.settle_candidate(ashby, prospect, intent).await
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
                self.settle_change(ashby, prospect, intent, application, stage, reason.as_ref())
                    .await
            }
        }
    }

    async fn settle_candidate(
        &self,
        ashby: &AshbyClient,
        prospect: &Prospect,
        intent: &Intent,
    ) -> Result<Settled, SyncError> {
        let since = self.looked_for(intent).await?;
        if let [candidate] = self.created(ashby, prospect, intent).await?.as_slice() {
            let mut tx = self.fenced().await?;
            release::doubt_settled(&mut tx, self.connection).await?;
            store::prospect::link(&mut *tx, prospect.id, candidate, None).await?;
            let at = intent.recorded_at;
            store::change::made(&mut tx, prospect.id, candidate, None, at).await?;
            store::intent::settled(&mut *tx, prospect.id, at).await?;
            tx.commit().await?;
            return Ok(Settled::Candidate(candidate.clone()));
        }
        self.give_up_looking(intent, since).await
    }

    /// Since when the outcome of a create has been looked for.
    async fn looked_for(&self, intent: &Intent) -> Result<DateTime<Utc>, SyncError> {
        if let Some(since) = intent.looked_for_since {
            return Ok(since);
        }
        let (pool, now) = (&self.sync.pool, self.sync.clock.now());
        Ok(store::intent::looked_for(pool, intent.prospect, intent.recorded_at, now).await?)
    }

    /// Who has the prospect's addresses: in Ashby's search, and in the list of what changed since.
    async fn created(
        &self,
        ashby: &AshbyClient,
        prospect: &Prospect,
        intent: &Intent,
    ) -> Result<Vec<CandidateId>, SyncError> {
        let wanted = keys(self.sync, self.connection, &prospect.says, intent);
        let listed = store::mirror::who(&self.sync.pool, self.connection, &wanted).await?;
        let mut found: Vec<CandidateId> = listed.into_values().flatten().collect();
        let people = look::search(ashby, &identity::keys(&prospect.says.contact)).await?;
        // The lists have not shown them yet; the next prospect of the same person must know.
        look::identify(self.sync, self.connection, &people).await?;
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
        let since = self.looked_for(intent).await?;
        let asked_at = self.sync.clock.now();
        let person = match ashby.candidate_info(candidate).await {
            Ok(person) => person,
            Err(error) if error.is_not_found() => return self.give_up_looking(intent, since).await,
            Err(error) => return Err(error.into()),
        };
        for id in &person.application_ids {
            let application = match ashby.application_info(id).await {
                Ok(application) => application,
                Err(error) if error.is_not_found() => continue,
                Err(error) => return Err(error.into()),
            };
            let seen = seen(&application);
            if seen.job != *job {
                continue;
            }
            let mut tx = self.fenced().await?;
            release::doubt_settled(&mut tx, self.connection).await?;
            let is_ours = application.created_at >= intent.recorded_at - CLOCKS_DIFFER_BY;
            if is_ours {
                let (at, to) = (intent.recorded_at, seen.standing.as_ref());
                notes::owe(self, &mut tx, prospect, at, to.map(|at| &at.stage)).await?;
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
                    How::Looked(asked_at),
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
        self.give_up_looking(intent, since).await
    }

    async fn settle_change(
        &self,
        ashby: &AshbyClient,
        prospect: &Prospect,
        intent: &Intent,
        application: &ApplicationId,
        stage: &StageId,
        reason: Option<&ArchiveReasonId>,
    ) -> Result<Settled, SyncError> {
        let asked_at = self.sync.clock.now();
        let found = match ashby.application_info(application).await {
            Ok(found) => Some(seen(&found)),
            Err(error) if error.is_not_found() => {
                gone(self.sync, self.connection, ashby, application).await?;
                None
            }
            Err(error) => return Err(error.into()),
        };
        let mut tx = self.fenced().await?;
        let settled = match found {
            Some(seen) if is_at(&seen, stage, reason) => {
                store::mirror::wrote(&mut tx, self.connection, &seen, asked_at).await?;
                store::prospect::applied(&mut tx, intent.prospect, intent.dover_at).await?;
                let (who, at) = (&seen.candidate, intent.recorded_at);
                notes::owe(self, &mut tx, prospect, at, None).await?;
                let made = store::change::made(&mut tx, prospect.id, who, Some(&seen), at).await?;
                if let Some(put_back) = made {
                    undo::found_done(self, &mut tx, prospect, &put_back, &seen).await?;
                }
                Settled::Application(seen)
            }
            seen => {
                let how = How::Looked(asked_at);
                store::mirror::saw(&mut tx, self.connection, seen.as_slice(), how).await?;
                Settled::Undone
            }
        };
        store::intent::settled(&mut *tx, intent.prospect, intent.recorded_at).await?;
        tx.commit().await?;
        Ok(settled)
    }

    /// Nothing to be seen: it waits on, until what was asked for would long have shown. Then it is tried once more; where
    /// that was done before, somebody has to say.
    async fn give_up_looking(
        &self,
        intent: &Intent,
        since: DateTime<Utc>,
    ) -> Result<Settled, SyncError> {
        // Those with only a profile elsewhere show in the list alone, so the list must have been read to its end.
        let picture = &self.picture;
        let is_list_read =
            picture.candidates == Known::Current && picture.applications == Known::Current;
        let would_have_shown = picture.asked_at - since > SHOWS_WITHIN;
        if !is_list_read || !would_have_shown || intent.given_up_before >= GIVEN_UP_AT_MOST {
            return Ok(Settled::Waiting);
        }
        let mut tx = self.fenced().await?;
        release::doubt_settled(&mut tx, self.connection).await?;
        store::intent::give_up(&mut tx, intent).await?;
        tx.commit().await?;
        Ok(Settled::Undone)
    }
}

/// Whether an application is where a change was to bring it.
pub(super) fn is_at(seen: &Seen, stage: &StageId, reason: Option<&ArchiveReasonId>) -> bool {
    let standing = seen.standing.as_ref();
    standing.is_some_and(|standing| standing.stage == *stage)
        && seen.archive_reason.as_ref() == reason
}
