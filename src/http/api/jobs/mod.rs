//! Registered jobs: which Ashby job a Dover job is.

mod shape;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use utoipa::{IntoParams, ToSchema};

pub use shape::*;

use super::{connections::ConnectionPath, flushes::may_ask};
use crate::{
    http::{
        auth::Caller,
        fields::{Fields, Readable},
        json::{Body, Query},
        paging::{Page, Paging, PagingParams},
        place::{At, Within},
        problem::ApiError,
    },
    ids::ConnectionId,
    plan::situation::Mode,
    store::{self, job::Job},
    sync::{
        Sync,
        register::{self, NewJob},
    },
};

/// As long as a delivery may write it.
const MAX_ID: usize = 200;
/// Addresses come with whatever the browser added.
const MAX_ADDRESS: usize = 2_000;
const MAX_TITLE: usize = 1_000;

/// A job to register.
#[derive(Debug, ToSchema)]
pub struct JobRegistration {
    /// The job as Dover names it.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S")]
    dover_job_id: String,
    /// The job in Ashby: its id, or the address of its page as pasted from Ashby.
    #[schema(min_length = 1, max_length = 2000, pattern = r"\S")]
    ashby_job: String,
    /// The exact title of the job in Ashby: a second look that it is the right one.
    #[schema(min_length = 1, max_length = 1000, pattern = r"\S")]
    title: String,
    /// In `shadow` what is decided is recorded, and nothing is written to Ashby.
    #[schema(default = "live", required = false)]
    mode: Mode,
}

impl Readable for JobRegistration {
    const FIELDS: &'static [&'static str] = &["dover_job_id", "ashby_job", "title", "mode"];

    fn read(fields: &mut Fields) -> Option<Self> {
        let dover_job_id = fields.name("dover_job_id", &(1..=MAX_ID));
        let ashby_job = fields.name("ashby_job", &(1..=MAX_ADDRESS));
        let title = fields.name("title", &(1..=MAX_TITLE));
        let mode = fields.word("mode", &Mode::WORDS).unwrap_or_default();
        Some(Self {
            dover_job_id: dover_job_id?,
            ashby_job: ashby_job?,
            title: title?,
            mode,
        })
    }
}

/// What to change of a registration.
#[derive(Debug, ToSchema)]
pub struct JobChange {
    /// Another job in Ashby: its id, or the address of its page. The same where it is left out.
    #[schema(min_length = 1, max_length = 2000, pattern = r"\S")]
    ashby_job: Option<String>,
    /// The exact title of the job in Ashby. Needed unless `mode` alone is changed.
    #[schema(min_length = 1, max_length = 1000, pattern = r"\S")]
    title: Option<String>,
    /// `shadow` to record what is decided and write nothing, `live` to carry it out. The same where it is left out.
    mode: Option<Mode>,
}

impl Readable for JobChange {
    const FIELDS: &'static [&'static str] = &["ashby_job", "title", "mode"];

    fn read(fields: &mut Fields) -> Option<Self> {
        let is_moved = fields.is_given("ashby_job");
        let ashby_job = is_moved.then(|| fields.name("ashby_job", &(1..=MAX_ADDRESS)));
        let mode = fields.word("mode", &Mode::WORDS);
        let needs_title = is_moved || mode.is_none() || fields.is_given("title");
        let title = needs_title.then(|| fields.name("title", &(1..=MAX_TITLE)));
        Some(Self {
            ashby_job: ashby_job.flatten(),
            title: title.flatten(),
            mode,
        })
    }
}

/// The path of a registered job.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "described here, read by `Within`")]
pub struct JobPath {
    /// The job: its Dover id or its Ashby id, percent-encoded.
    #[param(min_length = 1, example = "job_42")]
    job: String,
}

/// Register a job
///
/// Says which Ashby job a Dover job is. Asks Ashby, live: the job must be there, open, and have exactly that title.
/// Candidates who waited for the job go on with the next flush.
#[utoipa::path(
    post, path = "/v1/connections/{connection}/jobs", operation_id = "registerJob", tag = "Jobs",
    params(ConnectionPath),
    request_body = JobRegistration,
    responses((
        status = 201, description = "Registered.", body = Registered,
        headers(("location" = String, description = "The path of the job."))
    ))
)]
pub async fn register(
    State(sync): State<Sync>,
    At(connection): At,
    Body(wanted): Body<JobRegistration>,
) -> Result<impl IntoResponse, ApiError> {
    may_ask(&connection)?;
    let new = NewJob {
        dover_job_id: &wanted.dover_job_id,
        ashby_job: &wanted.ashby_job,
        title: &wanted.title,
        mode: wanted.mode,
    };
    let registered = register::register(&sync, connection.id, &new).await?;
    let id = utf8_percent_encode(&wanted.dover_job_id, NON_ALPHANUMERIC);
    let location = format!("/v1/connections/{}/jobs/{id}", connection.name);
    let body = Json(Registered::of(registered));
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], body))
}

/// Which page of the jobs.
#[derive(Debug)]
pub struct Listing(Paging<String>);

impl Readable for Listing {
    const FIELDS: &'static [&'static str] = &["limit", "cursor"];

    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self(Paging::read("jobs", fields)))
    }
}

/// List registered jobs
///
/// By their Dover ids.
#[utoipa::path(
    get, path = "/v1/connections/{connection}/jobs", operation_id = "listJobs", tag = "Jobs",
    params(ConnectionPath, PagingParams),
    responses((status = 200, description = "One page of them.", body = Page<JobBody>))
)]
pub async fn list(
    State(sync): State<Sync>,
    At(connection): At,
    Query(Listing(paging)): Query<Listing>,
) -> Result<Json<Page<JobBody>>, ApiError> {
    let beyond = paging.beyond_or(String::new());
    let mut rows = store::job::page(&sync.pool, connection.id, &beyond, paging.rows()).await?;
    let next_cursor = paging.cut(&mut rows, |row| row.dover_job_id.0.clone());
    let items = rows.iter().map(JobBody::of).collect();
    Ok(Json(Page { items, next_cursor }))
}

/// Read a registered job
///
/// As it was last read in Ashby; a flush reads jobs with news again.
#[utoipa::path(
    get, path = "/v1/connections/{connection}/jobs/{job}", operation_id = "readJob", tag = "Jobs",
    params(ConnectionPath, JobPath),
    responses((status = 200, description = "The job.", body = JobBody))
)]
pub async fn read(
    State(sync): State<Sync>,
    Within(connection, job): Within,
) -> Result<Json<JobBody>, ApiError> {
    let job = find(&sync, connection.id, &job).await?;
    Ok(Json(JobBody::of(&job)))
}

/// Change a registration
///
/// Points the Dover job at another Ashby job, or confirms a title that was changed in Ashby. With `mode` alone it takes
/// the job out of shadow, or into it, and asks nothing of Ashby; what was only decided goes on with the next flush.
#[utoipa::path(
    patch, path = "/v1/connections/{connection}/jobs/{job}", operation_id = "changeJob", tag = "Jobs",
    params(ConnectionPath, JobPath),
    request_body = JobChange,
    responses((status = 200, description = "Changed.", body = Registered))
)]
pub async fn change(
    State(sync): State<Sync>,
    Within(connection, job): Within,
    Body(change): Body<JobChange>,
) -> Result<Json<Registered>, ApiError> {
    let id = connection.id;
    let mut job = find(&sync, id, &job).await?;
    let mut checks = Vec::new();
    if let Some(title) = &change.title {
        may_ask(&connection)?;
        let same = job.ashby_job_id.0.clone();
        let ashby_job = change.ashby_job.unwrap_or(same);
        (job, checks) = register::change(&sync, id, job, &ashby_job, title).await?;
    }
    if let Some(mode) = change.mode {
        (job, checks) = register::set_mode(&sync, id, job, mode).await?;
    }
    Ok(Json(Registered::of((job, checks))))
}

/// Remove a registration
///
/// What comes for the job waits until it is registered again. What was set for it goes, and stands in the audit. Nothing
/// changes in Ashby.
#[utoipa::path(
    delete, path = "/v1/connections/{connection}/jobs/{job}", operation_id = "removeJob", tag = "Jobs",
    params(ConnectionPath, JobPath),
    responses((status = 204, description = "Removed."))
)]
pub async fn remove(
    State(sync): State<Sync>,
    caller: Caller,
    Within(connection, job): Within,
) -> Result<StatusCode, ApiError> {
    let job = find(&sync, connection.id, &job).await?;
    let by = caller.at(sync.clock.now());
    register::remove(&sync, connection.id, &job, by).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn find(sync: &Sync, connection: ConnectionId, id: &str) -> Result<Job, ApiError> {
    let missing = || ApiError::not_found("job");
    // Postgres takes no NUL in a text.
    if id.contains('\0') {
        return Err(missing());
    }
    let found = store::job::find(&sync.pool, connection, id).await?;
    found.ok_or_else(missing)
}
