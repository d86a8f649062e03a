//! What a person says of a create whose outcome could not be found out: that it was not made, or which it is. The word of
//! a person settles the doubt.

use std::collections::HashSet;

use super::{Sync, SyncError, doubt, look, release};
use crate::{
    ashby::{AshbyClient, AshbyError, Disposition},
    ids::{ApplicationId, CandidateId, ConnectionId, ProspectId},
    plan::identity,
    store::{
        self, StoreError,
        intent::{Intended, Intent},
        prospect::{Prospect, State},
    },
};

/// Why an answer does not fit.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The prospect has an application, so nothing is in doubt.
    #[error(
        "the prospect has its application in Ashby already; resync it with relink=true to have it looked for afresh"
    )]
    Linked,
    /// The key sees no such candidate.
    #[error("Ashby knows no candidate of this id; take it from the address of their page")]
    NoSuchCandidate,
    /// The key sees no such application.
    #[error("Ashby knows no application of this id; take it from the address of its page")]
    NoSuchApplication,
    /// The application is for another job than the prospect.
    #[error("this application is for another job than the prospect")]
    OtherJob,
    /// Nobody was asked about a note.
    #[error("no note on this candidate waits for a word; resync it without")]
    NoSuchNote,
    /// The database or Ashby.
    #[error(transparent)]
    Sync(#[from] SyncError),
}

impl From<StoreError> for ResolveError {
    fn from(error: StoreError) -> Self {
        Self::Sync(error.into())
    }
}

impl From<sqlx::Error> for ResolveError {
    fn from(error: sqlx::Error) -> Self {
        Self::Sync(error.into())
    }
}

impl From<AshbyError> for ResolveError {
    fn from(error: AshbyError) -> Self {
        Self::Sync(error.into())
    }
}

/// The reason for which somebody is asked what became of a create.
pub const UNDECIDED: &str = "create-undecided";

/// What became of a note about which somebody was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteIs {
    /// It is there, or may stay away.
    Written,
    /// It is not there.
    ToBeWritten,
}

/// Somebody says what became of the notes on a prospect about which they were asked.
pub async fn note(sync: &Sync, prospect: &Prospect, is: NoteIs) -> Result<(), ResolveError> {
    let answered = match is {
        NoteIs::Written => store::note::vouch(&sync.pool, prospect.id).await?,
        NoteIs::ToBeWritten => store::note::refute(&sync.pool, prospect.id).await?,
    };
    if answered == 0 {
        return Err(ResolveError::NoSuchNote);
    }
    Ok(())
}

/// They were not created: whatever is undecided of this prospect, and of whoever may be the same person, is tried afresh.
pub async fn was_not_created(
    sync: &Sync,
    connection: ConnectionId,
    prospect: &Prospect,
) -> Result<(), ResolveError> {
    let intents = undecided(sync, connection, std::slice::from_ref(prospect)).await?;
    let mut tx = sync.pool.begin().await?;
    store::intent::refute(&mut tx, &intents).await?;
    release::doubt_settled(&mut tx, connection).await?;
    tx.commit().await?;
    Ok(())
}

/// The creates of these prospects, and of whoever may be the same person, about which somebody was asked. One that is under
/// way, or is looked for, is nobody's to settle.
pub(super) async fn undecided(
    sync: &Sync,
    connection: ConnectionId,
    prospects: &[Prospect],
) -> Result<Vec<Intent>, SyncError> {
    let ids: Vec<ProspectId> = prospects.iter().map(|prospect| prospect.id).collect();
    let mut creates = store::intent::open(&sync.pool, connection, Some(&ids)).await?;
    creates.retain(|intent| !matches!(intent.intended, Intended::ChangeStage { .. }));
    creates.extend(of_the_same(sync, connection, prospects).await?);
    let about: Vec<ProspectId> = creates.iter().map(|intent| intent.prospect).collect();
    let about = store::prospect::by_ids(&sync.pool, &about).await?;
    let was_asked = |prospect: &&Prospect| {
        prospect.state == State::Parked && prospect.reason.as_deref() == Some(UNDECIDED)
    };
    let asked: HashSet<ProspectId> = about.iter().filter(was_asked).map(|one| one.id).collect();
    creates.retain(|intent| asked.contains(&intent.prospect));
    Ok(creates)
}

/// Creates of whoever may be the same person as one of these.
async fn of_the_same(
    sync: &Sync,
    connection: ConnectionId,
    prospects: &[Prospect],
) -> Result<Vec<Intent>, SyncError> {
    let ours = prospects.iter();
    let ours = ours.flat_map(|prospect| identity::keys(&prospect.says.contact));
    let ours = ours.map(|key| sync.vault.identity_hash(connection, &key));
    let ours: HashSet<Vec<u8>> = ours.collect();
    let creating = store::intent::creating(&sync.pool, connection).await?;
    let same = creating.into_iter().filter(|(says, intent)| {
        let theirs = doubt::keys(sync, connection, says, intent);
        theirs.iter().any(|key| ours.contains(key))
    });
    Ok(same.map(|(_, intent)| intent).collect())
}

/// They are this candidate. What is missing of the application is made with the next flush.
pub async fn is_candidate(
    sync: &Sync,
    connection: ConnectionId,
    prospect: &Prospect,
    candidate: &CandidateId,
) -> Result<(), ResolveError> {
    let found = match unlinked(sync, connection, prospect)
        .await?
        .candidate_info(candidate)
        .await
    {
        Ok(found) => found,
        Err(error) if error.disposition() == Disposition::Permanent => {
            return Err(ResolveError::NoSuchCandidate);
        }
        Err(error) => return Err(error.into()),
    };
    let people = [(found.id.clone(), look::hashes(sync, connection, &found))];
    let mut tx = sync.pool.begin().await?;
    store::mirror::identify(&mut tx, connection, &people).await?;
    settle(&mut tx, connection, prospect, &found.id, None).await?;
    tx.commit().await?;
    Ok(())
}

/// Their application is this one.
pub async fn is_application(
    sync: &Sync,
    connection: ConnectionId,
    prospect: &Prospect,
    application: &ApplicationId,
) -> Result<(), ResolveError> {
    let client = unlinked(sync, connection, prospect).await?;
    let found = match look::look_at(sync, connection, &client, application).await {
        Ok(found) => found.ok_or(ResolveError::NoSuchApplication)?,
        Err(SyncError::Ashby(error)) if error.disposition() == Disposition::Permanent => {
            return Err(ResolveError::NoSuchApplication);
        }
        Err(error) => return Err(error.into()),
    };
    let job = store::job::find(&sync.pool, connection, prospect.dover_job_id.as_str()).await?;
    if job.is_none_or(|job| job.ashby_job_id != found.job) {
        return Err(ResolveError::OtherJob);
    }
    let mut tx = sync.pool.begin().await?;
    let (candidate, id) = (&found.candidate, Some(&found.id));
    settle(&mut tx, connection, prospect, candidate, id).await?;
    tx.commit().await?;
    Ok(())
}

/// A client to look with, where the prospect has no application yet.
async fn unlinked(
    sync: &Sync,
    connection: ConnectionId,
    prospect: &Prospect,
) -> Result<AshbyClient, ResolveError> {
    if prospect.application.is_some() {
        return Err(ResolveError::Linked);
    }
    Ok(sync.ashby(connection).await?)
}

async fn settle(
    tx: &mut sqlx::PgConnection,
    connection: ConnectionId,
    prospect: &Prospect,
    candidate: &CandidateId,
    application: Option<&ApplicationId>,
) -> Result<(), ResolveError> {
    release::doubt_settled(tx, connection).await?;
    store::prospect::link(&mut *tx, prospect.id, candidate, application).await?;
    for intent in store::intent::open(&mut *tx, connection, Some(&[prospect.id])).await? {
        store::intent::settled(&mut *tx, prospect.id, intent.recorded_at).await?;
    }
    Ok(())
}
