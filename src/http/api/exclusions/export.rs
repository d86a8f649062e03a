//! Giving the exclusion list out again, as a file that Dover takes.

use axum::{
    body::Body as RawBody,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::StreamExt;
use utoipa::IntoParams;

use super::imports::job_id;
use crate::{
    http::{
        api::connections::ConnectionPath,
        fields::{Fields, Readable},
        json::Query,
        place::At,
        problem::ApiError,
        sheet,
    },
    ids::DoverJobId,
    sync::{
        Sync,
        exclude::{self, Given, Scope},
    },
};

/// The header row. Ashby's own export calls them so.
const HEADER: [&str; 4] = ["Candidate Name", "Email", "LinkedIn URL", "Reason"];

/// Whose list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read as `Asked`")]
pub struct ExportParams {
    /// Lists for one job: those for this one alone, by its Dover id. Left out, all of them.
    #[param(min_length = 1, max_length = 200, required = false)]
    dover_job_id: String,
}

/// As [`ExportParams`], understood.
#[derive(Debug)]
pub struct ExportOf(Option<DoverJobId>);

impl Readable for ExportOf {
    const FIELDS: &'static [&'static str] = &["dover_job_id"];

    fn read(fields: &mut Fields) -> Option<Self> {
        let job = fields.text("dover_job_id", &(1..=200));
        Some(Self(job.map(DoverJobId)))
    }
}

/// Export the exclusion list
///
/// As comma-separated text, row by row: whoever stands on a list in force, and whoever a rule keeps on it, read from Ashby
/// while it runs, a hundred people a call. What a spreadsheet would take for a formula begins with an apostrophe. If it breaks
/// off, so does the connection: there is no last chunk then.
#[utoipa::path(
    get, path = "/v1/connections/{connection}/exclusions/export", operation_id = "exportExclusions", tag = "Exclusions",
    params(ConnectionPath, ExportParams),
    responses((status = 200, description = "The list.", body = String, content_type = "text/csv"))
)]
pub async fn export(
    State(sync): State<Sync>,
    At(connection): At,
    Query(ExportOf(job)): Query<ExportOf>,
) -> Result<Response, ApiError> {
    let job = match job {
        Some(named) => Some(job_id(&sync, connection.id, named).await?),
        None => None,
    };
    let connection_id = connection.id;
    let scope = Scope {
        connection: connection_id,
        job,
    };
    let pages = exclude::export(&sync, scope).await?;
    let pages = pages.map(move |page| match page {
        Ok(given) => Ok(lines(&given)),
        Err(error) => {
            tracing::warn!(connection.id = %connection_id, "an export broke off: {error}");
            Err(error)
        }
    });
    let header = HEADER.map(str::to_owned);
    let first = Bytes::from(sheet::line(&header));
    let body = futures::stream::once(async { Ok(first) }).chain(pages);
    let name = format!(
        "attachment; filename=\"exclusions-{}.csv\"",
        connection.name
    );
    Ok((
        [
            (header::CONTENT_TYPE, sheet::CSV.to_owned()),
            (header::CONTENT_DISPOSITION, name),
        ],
        RawBody::from_stream(body),
    )
        .into_response())
}

fn lines(given: &[Given]) -> Bytes {
    let lines = given.iter().map(|given| {
        sheet::line(&[
            given.name.clone(),
            given.emails.join(", "),
            given.linkedin.clone().unwrap_or_default(),
            given.why.clone(),
        ])
    });
    lines.collect::<String>().into()
}
