//! Lets what is parked go on by itself when its cause is gone. Nothing here asks Ashby; it is told what a look showed.

use std::collections::HashSet;

use super::{
    Sync, SyncError,
    look::{Known, Picture},
};
use crate::{
    ids::{CandidateId, ConnectionId, DoverJobId},
    plan::identity,
    store::{self, prospect::State},
};

/// Reasons that the source and the archive reasons of an employer's Ashby can cause.
pub(super) const SETUP: [&str; 3] = [
    "source-missing",
    "source-ambiguous",
    "archive-reason-missing",
];

/// Reasons that a job and its interview plan can cause.
pub(super) const JOB: [&str; 4] = [
    "job-not-open",
    "job-not-visible",
    "stage-not-mapped",
    "stage-not-in-plan",
];

/// How many prospects with an ambiguous identity are looked over in one flush.
const AMBIGUOUS_A_FLUSH: i64 = 1_000;

pub(super) fn owned(reasons: &[&str]) -> Vec<String> {
    reasons.iter().map(|reason| (*reason).to_owned()).collect()
}

/// The source or the archive reasons have changed.
pub(super) async fn setup_changed(sync: &Sync, connection: ConnectionId) -> Result<(), SyncError> {
    store::prospect::release(&sync.pool, connection, &owned(&SETUP)).await?;
    Ok(())
}

/// Jobs, or the stages of their plans, have changed.
pub(super) async fn jobs_changed(
    sync: &Sync,
    connection: ConnectionId,
    jobs: &[DoverJobId],
) -> Result<(), SyncError> {
    let jobs: Vec<String> = jobs.iter().map(|job| job.0.clone()).collect();
    if !jobs.is_empty() {
        store::prospect::release_jobs(&sync.pool, connection, &jobs, &owned(&JOB)).await?;
    }
    Ok(())
}

/// Ashby's lists were looked at.
pub(super) async fn looked(
    sync: &Sync,
    connection: ConnectionId,
    picture: &Picture,
) -> Result<(), SyncError> {
    // A create in doubt is looked into with every flush.
    let mut reasons = vec!["create-in-doubt".to_owned()];
    if !matches!(picture.candidates, Known::Learning { .. }) {
        reasons.push("learning-ashby".to_owned());
    }
    store::prospect::release(&sync.pool, connection, &reasons).await?;
    store::prospect::release_back_in_plan(&sync.pool, connection).await?;
    if !picture.touched.is_empty() {
        ambiguous(sync, connection, &picture.touched).await?;
    }
    Ok(())
}

/// Somebody who was one of several matches has changed: by a merge, perhaps, or a corrected address.
async fn ambiguous(
    sync: &Sync,
    connection: ConnectionId,
    touched: &HashSet<CandidateId>,
) -> Result<(), SyncError> {
    let filter = store::prospect::Filter {
        state: Some(State::Parked),
        reason: Some("ambiguous-identity"),
        ..store::prospect::Filter::default()
    };
    let first = uuid::Uuid::nil().into();
    let parked =
        store::prospect::list(&sync.pool, connection, &filter, first, AMBIGUOUS_A_FLUSH).await?;
    for prospect in parked {
        let hash = |key: &_| sync.vault.identity_hash(connection, key);
        let hashes: Vec<Vec<u8>> = identity::keys(&prospect.says.contact)
            .iter()
            .map(hash)
            .collect();
        let who = store::mirror::who(&sync.pool, connection, &hashes).await?;
        let matches: HashSet<&CandidateId> = who.values().flatten().collect();
        if matches.len() < 2 || matches.iter().any(|candidate| touched.contains(*candidate)) {
            store::prospect::resume(&sync.pool, connection, prospect.id).await?;
        }
    }
    Ok(())
}
