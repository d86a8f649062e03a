//! Registers jobs, each checked live against Ashby before it is kept.

use std::sync::Arc;

use super::{
    Sync, SyncError,
    adopt::adopt,
    check::{self, Check},
    job_address::ashby_job_id,
    metadata::{self, AshbyJob},
    settings::Policies,
};
use crate::{
    ids::{AshbyJobId, ConnectionId, DoverJobId, JobId},
    plan::situation::{Mode, Openness},
    store::{
        self, StoreError,
        audit::{By, Edit},
        job::Job,
        setting::Whose,
    },
};

/// Why an employer could not be connected, or a job not registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// Ashby does not take the key.
    #[error("{0}")]
    KeyRefused(String),
    /// There is a connection of that name.
    #[error("there is a connection of that name")]
    NameTaken,
    /// Neither an id nor the address of a job.
    #[error("it is neither the id of an Ashby job nor a job's address")]
    NotAnAshbyJob,
    /// The key sees no such job.
    #[error(
        "the key sees no such job: it does not exist, belongs to another organisation, or is confidential"
    )]
    JobNotVisible,
    /// The job is not open.
    #[error("\u{201c}{title}\u{201d} is {status} in Ashby")]
    JobNotOpen {
        /// Its title.
        title: String,
        /// Its status in Ashby.
        status: String,
    },
    /// The title is another.
    #[error("the job's title in Ashby is \u{201c}{ashby_title}\u{201d}")]
    TitleMismatch {
        /// What it is.
        ashby_title: String,
    },
    /// One of the two ids is registered.
    #[error("the {0} is registered already")]
    AlreadyRegistered(&'static str),
    /// The database, or Ashby, is away.
    #[error(transparent)]
    Sync(#[from] SyncError),
}

impl From<StoreError> for RegisterError {
    fn from(error: StoreError) -> Self {
        Self::Sync(error.into())
    }
}

impl From<sqlx::Error> for RegisterError {
    fn from(error: sqlx::Error) -> Self {
        Self::Sync(error.into())
    }
}

/// A job to be registered.
#[derive(Debug)]
pub struct NewJob<'a> {
    /// The job as Dover names it.
    pub dover_job_id: &'a str,
    /// The id of the job in Ashby, or its address.
    pub ashby_job: &'a str,
    /// Its exact title.
    pub title: &'a str,
    /// Whether what is decided on it is carried out.
    pub mode: Mode,
}

/// Registers a job. What waited for it goes on with the next flush.
pub async fn register(
    sync: &Sync,
    connection: ConnectionId,
    new: &NewJob<'_>,
) -> Result<(Job, Vec<Check>), RegisterError> {
    let (ashby_job_id, found) = verified(sync, connection, new).await?;
    let client = sync.ashby(connection).await?;
    let stages = metadata::read_stages(&client, found.plan.as_ref())
        .await
        .map_err(SyncError::from)?;
    let now = sync.clock.now();
    let job = Job {
        id: JobId::fresh(),
        dover_job_id: DoverJobId::from(new.dover_job_id),
        ashby_job_id,
        title: found.title,
        openness: found.openness,
        interview_plan_id: found.plan,
        stages: Arc::new(stages),
        mode: new.mode,
        read_at: now,
        created_at: now,
    };
    let mut tx = store::begin_page(&sync.pool).await?;
    store::job::create(&mut *tx, connection, &job)
        .await
        .map_err(taken)?;
    goes_on(sync, &mut tx, connection, &job).await?;
    tx.commit().await?;
    let checks = checks(sync, connection, &job).await?;
    Ok((job, checks))
}

/// Points a registration at another Ashby job, or confirms its title.
pub async fn change(
    sync: &Sync,
    connection: ConnectionId,
    job: Job,
    ashby_job: &str,
    title: &str,
) -> Result<(Job, Vec<Check>), RegisterError> {
    let dover_job_id = job.dover_job_id.0.clone();
    let new = NewJob {
        dover_job_id: &dover_job_id,
        ashby_job,
        title,
        mode: job.mode,
    };
    let (ashby_job_id, found) = verified(sync, connection, &new).await?;
    let client = sync.ashby(connection).await?;
    let stages = metadata::read_stages(&client, found.plan.as_ref())
        .await
        .map_err(SyncError::from)?;
    let read_at = sync.clock.now();
    let (title, openness, interview_plan_id) = (found.title, found.openness, found.plan);
    let job = Job {
        ashby_job_id,
        title,
        openness,
        interview_plan_id,
        stages: Arc::new(stages),
        read_at,
        ..job
    };
    let mut tx = store::begin_page(&sync.pool).await?;
    store::job::update(&mut *tx, &job).await.map_err(taken)?;
    goes_on(sync, &mut tx, connection, &job).await?;
    tx.commit().await?;
    let checks = checks(sync, connection, &job).await?;
    Ok((job, checks))
}

/// Takes a job out of shadow, or into it. What was only decided goes on with the next flush once the job is live.
pub async fn set_mode(
    sync: &Sync,
    connection: ConnectionId,
    job: Job,
    mode: Mode,
) -> Result<(Job, Vec<Check>), RegisterError> {
    let mut tx = sync.pool.begin().await?;
    store::job::set_mode(&mut *tx, job.id, mode).await?;
    if mode == Mode::Live {
        store::waiting::release_from_shadow(&mut *tx, connection, job.dover_job_id.as_str())
            .await?;
    }
    tx.commit().await?;
    let job = Job { mode, ..job };
    let checks = checks(sync, connection, &job).await?;
    Ok((job, checks))
}

/// What waited for the job goes on, and what came under its Ashby id counts as news of the same prospects.
async fn goes_on(
    sync: &Sync,
    tx: &mut sqlx::PgConnection,
    connection: ConnectionId,
    job: &Job,
) -> Result<(), StoreError> {
    let now = sync.clock.now();
    adopt(tx, connection, &job.ashby_job_id, &job.dover_job_id, now).await?;
    let waited = [
        "job-not-registered".to_owned(),
        "job-not-open".to_owned(),
        "job-not-visible".to_owned(),
        "stage-not-mapped".to_owned(),
        "mapped-stage-gone".to_owned(),
    ];
    store::waiting::release_jobs(
        tx,
        connection,
        std::slice::from_ref(&job.dover_job_id.0),
        &waited,
    )
    .await?;
    Ok(())
}

async fn verified(
    sync: &Sync,
    connection: ConnectionId,
    new: &NewJob<'_>,
) -> Result<(AshbyJobId, AshbyJob), RegisterError> {
    let id = ashby_job_id(new.ashby_job).ok_or(RegisterError::NotAnAshbyJob)?;
    let client = sync.ashby(connection).await?;
    let found = metadata::read_job(&client, &id)
        .await
        .map_err(SyncError::from)?;
    let found = found.ok_or(RegisterError::JobNotVisible)?;
    if found.title != new.title {
        return Err(RegisterError::TitleMismatch {
            ashby_title: found.title,
        });
    }
    match &found.openness {
        Openness::Open => Ok((id, found)),
        Openness::Closed(status) => Err(RegisterError::JobNotOpen {
            title: found.title.clone(),
            status: status.to_lowercase(),
        }),
        Openness::NotVisible => Err(RegisterError::JobNotVisible),
    }
}

async fn checks(
    sync: &Sync,
    connection: ConnectionId,
    job: &Job,
) -> Result<Vec<Check>, RegisterError> {
    let policies = Policies::read(sync, connection).await?;
    let mut checks = check::job(job, &policies.of_job(&job.dover_job_id));
    if let Some(setup) = store::connection::by_id(&sync.pool, connection)
        .await?
        .and_then(|found| found.setup)
    {
        checks.extend(check::setup(&setup));
    }
    Ok(checks)
}

fn taken(error: StoreError) -> RegisterError {
    if error.is_constraint("job_connection_id_dover_job_id_key") {
        RegisterError::AlreadyRegistered("Dover job")
    } else if error.is_constraint("job_connection_id_ashby_job_id_key") {
        RegisterError::AlreadyRegistered("Ashby job")
    } else {
        error.into()
    }
}

/// Takes a registration back, and with it what was set for the job, which the audit keeps.
pub async fn remove(
    sync: &Sync,
    connection: ConnectionId,
    job: &Job,
    by: By<'_>,
) -> Result<(), StoreError> {
    let mut tx = sync.pool.begin().await?;
    // Nobody sets anything meanwhile.
    store::setting::lock(&mut tx, connection).await?;
    let whose = Whose::Job(job.dover_job_id.clone());
    let mut all = store::setting::all(&mut *tx, connection).await?;
    let held = std::mem::take(all.of(&whose));
    let set = held.iter().filter(|(_, held)| held.value.is_some());
    let edits = set.map(|(key, held)| Edit {
        key,
        before: held.value.clone(),
        after: None,
    });
    let edits: Vec<Edit<'_>> = edits.collect();
    store::setting::set(&mut tx, connection, &whose, &edits, by).await?;
    store::job::remove(&mut *tx, job.id).await?;
    tx.commit().await?;
    Ok(())
}
