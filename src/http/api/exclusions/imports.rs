//! Files of people to be left alone: taken in, shown, put in force and removed.

use axum::{
    Json,
    body::Body as RawBody,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    http::{
        api::connections::ConnectionPath,
        auth::Caller,
        fields::{Fields, Readable},
        json::Query,
        paging::{Page, Paging, PagingParams},
        place::{At, Within, uuid},
        problem::{ApiError, Code},
    },
    ids::{ConnectionId, DoverJobId, ExclusionImportId},
    store::{
        self,
        exclusion_import::{Column, Import, Listed, Refusal, Status},
    },
    sync::{
        Sync,
        exclude::{self, ImportError, Wanted},
    },
};

/// How many people of a file are shown, so that somebody sees whether it was understood.
const SAMPLE: i64 = 5;

/// A file of people to be left alone.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = ExclusionImport)]
pub struct ImportBody {
    /// Its id.
    #[schema(format = "uuid")]
    pub id: String,
    /// What it is called. Reasons name it.
    pub name: String,
    /// The only job that it counts for, by its Dover id; `null` where it counts for all.
    #[schema(required)]
    pub dover_job_id: Option<String>,
    /// Whether it takes the place of the others for the same job, or of those for all jobs, once it is in force.
    pub replaces: bool,
    /// What it is up to.
    pub status: Status,
    /// Rows that were read, without the header.
    pub rows: i64,
    /// Of these, rows that name somebody.
    pub people: i64,
    /// Of these, rows that were refused.
    pub refused: i64,
    /// Bytes that were read.
    pub bytes: i64,
    /// The columns that are used.
    pub columns: Vec<Column>,
    /// The first rows that were refused, a hundred at most.
    pub refusals: Vec<Refusal>,
    /// When it came.
    pub created_at: DateTime<Utc>,
    /// From whom.
    pub created_by: String,
    /// Since when it is in force; `null` while it is not.
    #[schema(required)]
    pub in_force_at: Option<DateTime<Utc>>,
}

impl ImportBody {
    fn of(import: Import) -> Self {
        Self {
            id: import.id.to_string(),
            name: import.name,
            dover_job_id: import.job.map(|job| job.0),
            replaces: import.replaces,
            status: import.status,
            rows: import.progress.rows,
            people: import.progress.people,
            refused: import.progress.refused,
            bytes: import.progress.bytes,
            columns: import.progress.columns,
            refusals: import.progress.refusals,
            created_at: import.created_at,
            created_by: import.created_by,
            in_force_at: import.in_force_at,
        }
    }
}

/// A file with the first people in it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ExclusionPreview {
    /// The file.
    #[serde(flatten)]
    pub import: ImportBody,
    /// The first people in it, five at most.
    pub sample: Vec<ExclusionPerson>,
    /// What is allowed, and perhaps not meant.
    pub warnings: Vec<String>,
}

/// Somebody in a file.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ExclusionPerson {
    /// The line that the row begins in.
    pub line: i64,
    /// The name; empty where there is none.
    pub name: String,
    /// Every address.
    pub emails: Vec<String>,
    /// The address of the profile.
    #[schema(required)]
    pub linkedin_url: Option<String>,
}

impl From<Listed> for ExclusionPerson {
    fn from(listed: Listed) -> Self {
        Self {
            line: listed.line,
            name: listed.name,
            emails: listed.emails,
            linkedin_url: listed.linkedin,
        }
    }
}

/// What goes with a file.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read as `Upload`")]
pub struct UploadParams {
    /// What it is to be called: the name of the file, say. Reasons name it.
    #[param(min_length = 1, max_length = 200, required = true)]
    name: String,
    /// The only job that it is to count for, by its Dover id. Left out, it counts for all. It may be registered later;
    /// `warnings` tells where it is not.
    #[param(min_length = 1, max_length = 200, required = false)]
    dover_job_id: String,
    /// Whether it stands beside the others or takes their place.
    #[param(inline, required = false)]
    mode: Mode,
    /// Puts it in force at once, without anybody looking at the preview.
    #[param(required = false, default = false)]
    commit: bool,
}

/// Whether a file stands beside the others.
#[derive(Clone, Copy, Debug, ToSchema)]
#[schema(as = ExclusionMode, rename_all = "lowercase", default = "add")]
pub enum Mode {
    /// It does.
    Add,
    /// It takes the place of those for the same job, or of those for all jobs.
    Replace,
}

/// As [`UploadParams`], understood.
#[derive(Debug)]
pub struct Upload {
    name: String,
    job: Option<DoverJobId>,
    replaces: bool,
    commit: bool,
}

impl Readable for Upload {
    const FIELDS: &'static [&'static str] = &["name", "dover_job_id", "mode", "commit"];

    fn read(fields: &mut Fields) -> Option<Self> {
        let name = fields.name("name", &(1..=200));
        let job = fields.text("dover_job_id", &(1..=200));
        let mode = fields.word("mode", &[("add", Mode::Add), ("replace", Mode::Replace)]);
        let commit = fields.flag("commit");
        Some(Self {
            name: name?,
            job: job.map(DoverJobId),
            replaces: matches!(mode, Some(Mode::Replace)),
            commit: commit.unwrap_or_default(),
        })
    }
}

/// Import people to be left alone
///
/// A comma-separated file with a header row, such as Ashby exports a Custom List Report of candidates; also with semicolons
/// or tabs, in UTF-8, UTF-16 or Windows-1252. Columns of e-mail addresses (several in a cell are fine) and LinkedIn profiles
/// are recognised by their headers, of names too; a row needs one address or profile, and has 50 addresses at most. Read as it
/// comes in: up to 512 MiB, any number of rows. The answer is a preview; nothing counts until the file is put in force.
#[utoipa::path(
    post, path = "/v1/connections/{connection}/exclusions/imports", operation_id = "importExclusions", tag = "Exclusions",
    params(ConnectionPath, UploadParams),
    request_body(content = String, content_type = "text/csv", description = "The file."),
    responses((
        status = 201, description = "Read.", body = ExclusionPreview,
        headers(("location" = String, description = "The path of the import."))
    ))
)]
pub async fn import(
    State(sync): State<Sync>,
    At(connection): At,
    caller: Caller,
    Query(upload): Query<Upload>,
    file: RawBody,
) -> Result<impl IntoResponse, ApiError> {
    let job = match upload.job {
        Some(named) => Some(job_id(&sync, connection.id, named).await?),
        None => None,
    };
    let wanted = Wanted {
        name: upload.name,
        job,
        replaces: upload.replaces,
        by: caller.name.clone(),
    };
    let id = exclude::import(&sync, connection.id, wanted, file.into_data_stream()).await?;
    if upload.commit {
        put_in_force(&sync, connection.id, id, &caller).await?;
    }
    let body = preview(&sync, connection.id, id).await?;
    let location = format!(
        "/v1/connections/{}/exclusions/imports/{id}",
        connection.name
    );
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        Json(body),
    ))
}

/// The Dover id of the job that a text names: by it, or by the Ashby id of a registered job.
pub(super) async fn job_id(
    sync: &Sync,
    connection: ConnectionId,
    named: DoverJobId,
) -> Result<DoverJobId, ApiError> {
    let found = store::job::find(&sync.pool, connection, named.as_str()).await?;
    Ok(found.map_or(named, |job| job.dover_job_id))
}

async fn preview(
    sync: &Sync,
    connection: ConnectionId,
    id: ExclusionImportId,
) -> Result<ExclusionPreview, ApiError> {
    let found = store::exclusion_import::by_id(&sync.pool, connection, id).await?;
    let import = found.ok_or_else(|| ApiError::not_found("import"))?;
    let sample = store::exclusion_import::people(&sync.pool, id, 0, SAMPLE).await?;
    let warnings = warnings(sync, connection, &import).await?;
    Ok(ExclusionPreview {
        import: ImportBody::of(import),
        sample: sample.into_iter().map(ExclusionPerson::from).collect(),
        warnings,
    })
}

/// A list may come before its job is registered, or its job may be misspelt.
async fn warnings(
    sync: &Sync,
    connection: ConnectionId,
    import: &Import,
) -> Result<Vec<String>, ApiError> {
    let Some(named) = &import.job else {
        return Ok(Vec::new());
    };
    let found = store::job::find(&sync.pool, connection, named.as_str()).await?;
    let is_registered = found.is_some_and(|job| job.dover_job_id == *named);
    let warning = (!is_registered).then(|| {
        format!(
            "dover_job_id: no job is registered as \u{201c}{named}\u{201d}, and the list counts for nobody until one is. If it is misspelt, remove the import and send it again."
        )
    });
    Ok(warning.into_iter().collect())
}

/// Which page of the imports.
#[derive(Debug)]
pub struct Listing(Paging<Uuid>);

impl Readable for Listing {
    const FIELDS: &'static [&'static str] = &["limit", "cursor"];

    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self(Paging::read("exclusion-imports", fields)))
    }
}

/// List imports
///
/// Latest first, with how far those have come that are being read.
#[utoipa::path(
    get, path = "/v1/connections/{connection}/exclusions/imports", operation_id = "listExclusionImports", tag = "Exclusions",
    params(ConnectionPath, PagingParams),
    responses((status = 200, description = "One page of them.", body = Page<ImportBody>))
)]
pub async fn list_imports(
    State(sync): State<Sync>,
    At(connection): At,
    Query(Listing(paging)): Query<Listing>,
) -> Result<Json<Page<ImportBody>>, ApiError> {
    let before = paging.beyond_or(Uuid::max()).into();
    let listed = store::exclusion_import::list(&sync.pool, connection.id, before, paging.rows());
    let mut rows = listed.await?;
    let next_cursor = paging.cut(&mut rows, |row| row.id.0);
    let items = rows.into_iter().map(ImportBody::of).collect();
    Ok(Json(Page { items, next_cursor }))
}

/// The path of an import.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "described here, read by `Within`")]
pub struct ImportPath {
    /// The id of the import, as lists show it.
    #[param(format = "uuid")]
    import: String,
}

fn import_id(text: &str) -> Result<ExclusionImportId, ApiError> {
    uuid(text, "import").map(ExclusionImportId)
}

/// Read an import
///
/// With what was understood of it, and what was not.
#[utoipa::path(
    get, path = "/v1/connections/{connection}/exclusions/imports/{import}", operation_id = "readExclusionImport",
    tag = "Exclusions",
    params(ConnectionPath, ImportPath),
    responses((status = 200, description = "The import.", body = ExclusionPreview))
)]
pub async fn read_import(
    State(sync): State<Sync>,
    Within(connection, id): Within,
) -> Result<Json<ExclusionPreview>, ApiError> {
    preview(&sync, connection.id, import_id(&id)?)
        .await
        .map(Json)
}

/// Put an import in force
///
/// Whoever it names is left alone from the next decision on; whoever was left alone so far is decided again. Asked twice, it
/// is the same as once.
#[utoipa::path(
    post, path = "/v1/connections/{connection}/exclusions/imports/{import}/commit", operation_id = "commitExclusionImport",
    tag = "Exclusions",
    params(ConnectionPath, ImportPath),
    responses((status = 200, description = "The import, in force.", body = ExclusionPreview))
)]
pub async fn commit_import(
    State(sync): State<Sync>,
    caller: Caller,
    Within(connection, id): Within,
) -> Result<Json<ExclusionPreview>, ApiError> {
    let id = import_id(&id)?;
    put_in_force(&sync, connection.id, id, &caller).await?;
    preview(&sync, connection.id, id).await.map(Json)
}

async fn put_in_force(
    sync: &Sync,
    connection: ConnectionId,
    id: ExclusionImportId,
    caller: &Caller,
) -> Result<(), ApiError> {
    let mut tx = sync.pool.begin().await?;
    let by = caller.at(sync.clock.now());
    if !store::exclusion_list::put_in_force(&mut tx, connection, id, by).await? {
        let found = store::exclusion_import::by_id(&mut *tx, connection, id).await?;
        return Err(match found {
            Some(_) => still_read(),
            None => ApiError::not_found("import"),
        });
    }
    store::exclusion::release(&mut *tx, connection).await?;
    tx.commit().await?;
    Ok(())
}

/// A file that is being read cannot be put in force.
pub(in crate::http) fn still_read() -> ApiError {
    ApiError::new(
        Code::ImportUnderWay,
        "The file is being read. Wait until its status is `ready`; if it does not come on, the upload broke off: remove it and send it again.",
    )
}

/// Remove an import
///
/// As a whole: whoever it names may be created from the next decision on, unless another list or a rule names them too.
#[utoipa::path(
    delete, path = "/v1/connections/{connection}/exclusions/imports/{import}", operation_id = "removeExclusionImport",
    tag = "Exclusions",
    params(ConnectionPath, ImportPath),
    responses((status = 204, description = "Removed."))
)]
pub async fn remove_import(
    State(sync): State<Sync>,
    caller: Caller,
    Within(connection, id): Within,
) -> Result<StatusCode, ApiError> {
    let mut tx = sync.pool.begin().await?;
    let (id, by) = (import_id(&id)?, caller.at(sync.clock.now()));
    if !store::exclusion_list::remove(&mut tx, connection.id, id, by).await? {
        return Err(ApiError::not_found("import"));
    }
    store::exclusion::release(&mut *tx, connection.id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<ImportError> for ApiError {
    fn from(error: ImportError) -> Self {
        let said = error.to_string();
        match error {
            ImportError::Store(error) => error.into(),
            ImportError::TooLarge => Self::new(
                Code::TooLarge,
                format!("Stopped reading: {said}. Split it into several."),
            ),
            ImportError::BrokeOff => Self::new(
                Code::InvalidRequest,
                format!("Nothing was kept: {said}. Send it again."),
            ),
            ImportError::NotAList(_) => Self::new(
                Code::UnreadableList,
                format!(
                    "Nothing was kept: {said}. Send what Ashby exports of a Custom List Report with Export to CSV, or save the sheet as CSV."
                ),
            ),
            ImportError::HeaderTooLong => Self::new(
                Code::UnreadableList,
                format!(
                    "Nothing was kept: {said}. It has to name the columns: close a quote that is open in it, remove what stands above the names, or export fewer columns."
                ),
            ),
            ImportError::NoUsableColumn(_) => Self::new(
                Code::UnreadableList,
                format!(
                    "Nothing was kept: {said}. Name a column Email or LinkedIn in the first row, or add it to the report."
                ),
            ),
        }
    }
}
