//! Lets what is parked go on by itself when its cause is gone. It is told what a look showed; only people whom somebody
//! might be are looked for here, for nothing else tells that one of them is gone.
//!
//! What a look shows is acted on before it is kept: were it the other way round, a crash between the two would leave
//! people waiting for a change that has come already. Where it can be told from the present state alone that nobody has
//! to wait, it is, for whoever was parked beside a look saw nothing change.

use chrono::TimeDelta;
use sqlx::PgConnection;

use super::{Sync, SyncError, adopt::adopt, look::Known};
use crate::{
    ashby::{AshbyClient, Disposition},
    ids::{CandidateId, ConnectionId},
    plan::{
        says::Status,
        situation::{Openness, Setup, SourceSetup},
    },
    store::{self, job::Job},
};

/// Reasons that the source and the archive reasons of an employer's Ashby can cause.
pub(super) const SETUP: [&str; 3] = [SOURCE[0], SOURCE[1], ARCHIVE_REASON];

const SOURCE: [&str; 2] = ["source-missing", "source-ambiguous"];

const ARCHIVE_REASON: &str = "archive-reason-missing";

/// Reasons that a job and its interview plan can cause.
pub(super) const JOB: [&str; 5] = [
    CLOSED[0],
    CLOSED[1],
    "stage-not-mapped",
    "mapped-stage-gone",
    "stage-not-in-plan",
];

/// Those that an open job cannot.
const CLOSED: [&str; 2] = ["job-not-open", "job-not-visible"];

/// Reasons that the custom fields of an employer's Ashby can cause.
pub(super) const FIELDS: [&str; 3] = ["field-option-unknown", "field-gone", "field-misfit"];

/// The reason that a registration ends.
pub(super) const REGISTRATION: [&str; 1] = ["job-not-registered"];

/// The reason that a merge or a deletion in Ashby ends.
pub(super) const AMBIGUOUS: &str = "ambiguous-identity";

/// How many of the people whom somebody might be are looked over in one flush: a twentieth of a minute's budget.
const CHOICES_AT_ONCE: i64 = 50;

/// Nobody is looked over again sooner.
const LOOKED_OVER: TimeDelta = TimeDelta::minutes(10);

pub(super) fn owned(reasons: &[&str]) -> Vec<String> {
    reasons.iter().map(|reason| (*reason).to_owned()).collect()
}

/// The source and the archive reasons were read, and are to be kept as `now`.
pub(super) async fn setup_read(
    sync: &Sync,
    connection: ConnectionId,
    before: Option<&Setup>,
    now: &Setup,
) -> Result<(), SyncError> {
    let is_source_another = before.is_none_or(|before| before.source != now.source);
    if is_source_another || matches!(now.source, SourceSetup::Found(_)) {
        store::waiting::release(&sync.pool, connection, &owned(&SOURCE)).await?;
    }
    let there = [
        (Status::Withdrew, &now.withdrew),
        (Status::Rejected, &now.rejected),
    ];
    let there: Vec<String> = there
        .into_iter()
        .filter(|(_, found)| found.is_some())
        .map(|(status, _)| status.word().to_owned())
        .collect();
    store::waiting::release_of_status(&sync.pool, connection, ARCHIVE_REASON, &there).await?;
    Ok(())
}

/// A job was read, and is to be kept; `is_another`: its status or its plan has changed.
pub(super) async fn job_read(
    sync: &Sync,
    connection: ConnectionId,
    job: &Job,
    is_another: bool,
) -> Result<(), SyncError> {
    let reasons = if is_another {
        owned(&JOB)
    } else if job.openness == Openness::Open {
        owned(&CLOSED)
    } else {
        return Ok(());
    };
    let jobs = std::slice::from_ref(&job.dover_job_id.0);
    store::waiting::release_jobs(&sync.pool, connection, jobs, &reasons).await?;
    Ok(())
}

/// Somebody waits for a registration. One that was made while a flush decided without it is made good here.
pub(super) async fn registered_meanwhile(
    sync: &Sync,
    connection: ConnectionId,
) -> Result<(), SyncError> {
    let mut tx = store::begin_page(&sync.pool).await?;
    for (ashby_job, dover_job) in store::waiting::unadopted(&mut *tx, connection).await? {
        adopt(
            &mut tx,
            connection,
            &ashby_job,
            &dover_job,
            sync.clock.now(),
        )
        .await?;
    }
    let jobs = store::job::all(&mut *tx, connection).await?;
    let jobs: Vec<String> = jobs.into_iter().map(|job| job.dover_job_id.0).collect();
    store::waiting::release_jobs(&mut *tx, connection, &jobs, &owned(&REGISTRATION)).await?;
    tx.commit().await?;
    Ok(())
}

/// It is known what became of a create: whoever it was made or not made for goes on, and whoever may be the same person.
pub(super) async fn doubt_settled(
    tx: &mut PgConnection,
    connection: ConnectionId,
) -> Result<(), SyncError> {
    let reasons = owned(&["create-in-doubt", "create-undecided"]);
    store::waiting::release(tx, connection, &reasons).await?;
    Ok(())
}

/// Ashby's candidates were looked at. A create in doubt is looked into with every flush.
pub(super) async fn looked(
    sync: &Sync,
    connection: ConnectionId,
    candidates: Known,
) -> Result<(), SyncError> {
    let mut reasons = vec!["create-in-doubt".to_owned()];
    if !matches!(candidates, Known::Learning { .. }) {
        reasons.push("learning-ashby".to_owned());
    }
    store::waiting::release(&sync.pool, connection, &reasons).await?;
    store::waiting::release_back_in_plan(&sync.pool, connection).await?;
    store::waiting::release_clear_again(&sync.pool, connection).await?;
    Ok(())
}

/// Whether anybody waits who might match several candidates of Ashby's.
pub(super) async fn awaits_merge(sync: &Sync, connection: ConnectionId) -> Result<bool, SyncError> {
    let waits = store::waiting::parked_reasons(&sync.pool, connection).await?;
    Ok(waits.iter().any(|reason| reason == AMBIGUOUS))
}

/// These candidates are new or were changed in Ashby: by a merge, perhaps, or a corrected address. Whoever may be one of
/// them is decided again.
pub(super) async fn touched(
    tx: &mut PgConnection,
    connection: ConnectionId,
    touched: impl Iterator<Item = &CandidateId>,
) -> Result<(), SyncError> {
    let touched: Vec<String> = touched.map(|id| id.0.clone()).collect();
    store::choice::resume(tx, connection, &touched).await?;
    Ok(())
}

/// Looks over some of the people whom prospects of ambiguous identity might be, those of longest ago first: Ashby's
/// lists tell of no deletion. Whoever might have been one that is gone is decided again.
pub(super) async fn look_over_choices(
    sync: &Sync,
    connection: ConnectionId,
    client: &AshbyClient,
) -> Result<(), SyncError> {
    let now = sync.clock.now();
    let mut people =
        store::choice::oldest(&sync.pool, connection, now - LOOKED_OVER, CHOICES_AT_ONCE).await?;
    people.sort();
    people.dedup();
    let (mut there, mut gone) = (Vec::new(), Vec::new());
    for candidate in people {
        match client.candidate_info(&candidate).await {
            Ok(person) if person.id == candidate => there.push(candidate.0),
            Ok(_) => gone.push(candidate.0),
            Err(error) if error.is_not_found() => gone.push(candidate.0),
            // Looked over as well as can be; the others come first next time.
            Err(error) if error.disposition() == Disposition::Permanent => there.push(candidate.0),
            Err(error) if error.disposition() == Disposition::Transient => {
                there.push(candidate.0);
                break;
            }
            Err(error) => return Err(error.into()),
        }
    }
    let mut tx = sync.pool.begin().await?;
    store::choice::seen(&mut *tx, connection, &there, now).await?;
    store::choice::resume(&mut *tx, connection, &gone).await?;
    store::mirror::forget_candidates(&mut *tx, connection, &gone).await?;
    tx.commit().await?;
    Ok(())
}
