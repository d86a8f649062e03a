//! Sets the scene of a flush or a preview: looks at Ashby, brings setup and jobs up to date, and folds what waits.

use std::collections::{HashMap, HashSet};

use chrono::TimeDelta;

use super::{
    Sync, SyncError, brake::Brake, cadence::Rest, fields, fold::fold, gather::Scene, hear::hear,
    look, metadata, release, settings::Policies, shared_look::SharedLook,
};
use crate::{
    ashby::AshbyClient,
    ids::{ConnectionId, DoverJobId},
    plan::situation::Setup,
    store::{self, StoreError, connection::Connection, job::Job},
};

/// Sets the scene: looks at Ashby, brings setup and jobs up to date, folds what waits, and lets go on what can.
pub(super) async fn set<'a>(
    sync: &'a Sync,
    connection: &Connection,
    ashby: AshbyClient,
) -> Result<Scene<'a>, SyncError> {
    let waits = store::waiting::parked_reasons(&sync.pool, connection.id).await?;
    let waits_for = |reasons: &[&str]| {
        waits
            .iter()
            .any(|reason| reasons.contains(&reason.as_str()))
    };
    let shared_look = SharedLook::default();
    let picture = shared_look.at_both(sync, connection.id, &ashby).await?;
    hear(sync, connection.id).await?;

    release::looked(sync, connection.id, picture.candidates).await?;
    if waits_for(&[release::AMBIGUOUS]) {
        release::look_over_choices(sync, connection.id, &ashby).await?;
    }

    if waits_for(&release::REGISTRATION) {
        release::registered_meanwhile(sync, connection.id).await?;
    }
    if waits_for(&release::FIELDS) {
        fields::look_again(sync, connection.id, &ashby).await?;
    }
    fold(sync, connection).await?;
    let somebody_waits = waits_for(&release::SETUP) || might_wait(sync, connection).await?;
    let setup = metadata::setup(sync, connection, &ashby, somebody_waits).await?;
    let jobs = jobs(sync, connection.id, &ashby, waits_for(&release::JOB)).await?;
    Ok(Scene {
        sync,
        connection: connection.id,
        ashby,
        setup,
        jobs,
        picture,
        shared_look,
        lease: None,
        brake: Brake::default(),
        policies: Policies::read(sync, connection.id).await?,
        ask_after: TimeDelta::minutes(connection.settings.ask_about_creates_after_minutes.into()),
        refuted: HashSet::new(),
        tags: tokio::sync::Mutex::default(),
        users: tokio::sync::Mutex::default(),
        fields: fields::Known::default(),
    })
}

/// Whether somebody would have to wait for something that an admin had not set up when we last looked. They may have
/// since, and nobody should be told otherwise.
async fn might_wait(sync: &Sync, connection: &Connection) -> Result<bool, SyncError> {
    let is_complete = connection.setup.as_ref().is_some_and(Setup::is_complete);
    if is_complete {
        return Ok(false);
    }
    let first = uuid::Uuid::nil().into();
    let pending = store::prospect::pending(&sync.pool, connection.id, first, 1).await?;
    Ok(!pending.is_empty())
}

/// The registered jobs; those with something to decide are read again.
async fn jobs(
    sync: &Sync,
    connection: ConnectionId,
    ashby: &AshbyClient,
    somebody_waits: bool,
) -> Result<HashMap<DoverJobId, Job>, SyncError> {
    let in_play =
        store::waiting::jobs_in_play(&sync.pool, connection, &release::owned(&release::JOB))
            .await?;
    let mut jobs = HashMap::new();
    for mut job in store::job::all(&sync.pool, connection).await? {
        if in_play.contains(&job.dover_job_id) {
            metadata::refresh_job(sync, connection, ashby, &mut job, somebody_waits).await?;
        }
        jobs.insert(job.dover_job_id.clone(), job);
    }
    Ok(jobs)
}

impl Scene<'_> {
    /// Learns which jobs have been put in shadow or made live since: nobody should have to wait for the end of a flush.
    pub(super) async fn heed_modes(&mut self) -> Result<(), StoreError> {
        for job in store::job::all(&self.sync.pool, self.connection).await? {
            if let Some(known) = self.jobs.get_mut(&job.dover_job_id) {
                known.mode = job.mode;
            }
        }
        Ok(())
    }

    /// What is left once everything pending was decided.
    pub(super) const fn rest(&self) -> Rest {
        match self.picture.candidates {
            look::Known::Learning { .. } => Rest::Learning,
            look::Known::Current | look::Known::Stale => Rest::Nothing,
        }
    }
}
