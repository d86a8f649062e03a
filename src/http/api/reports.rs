//! Reports: numbers that tell an admin where to look.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{connections::ConnectionPath, prospects::dover_job};
use crate::{
    http::{
        fields::{Fields, Readable},
        json::Query,
        place::At,
        problem::ApiError,
    },
    plan::parked::{self, GoesOn},
    store,
    sync::Sync,
};

/// What is parked.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ParkedReport {
    /// How many prospects are parked.
    pub total: i64,
    /// By reason, the most frequent first.
    pub items: Vec<ParkedKind>,
}

/// Prospects that are parked for one reason.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ParkedKind {
    /// The code of the reason; `…/prospects?state=parked&reason=` lists them.
    #[schema(examples("job-not-registered"))]
    pub reason: String,
    /// How many.
    pub count: i64,
    /// What they wait for.
    pub waits_for: String,
    /// What to do; `null` where nobody has to do anything.
    #[schema(required)]
    pub remedy: Option<String>,
    /// What lets them go on. Newer news from Dover and a resync always do.
    pub goes_on: GoesOn,
}

/// Of what to report.
#[derive(Debug)]
pub struct Asked {
    dover_job_id: Option<String>,
}

impl Readable for Asked {
    const FIELDS: &'static [&'static str] = &["dover_job_id"];

    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self {
            dover_job_id: fields.text("dover_job_id", &(0..=1000)),
        })
    }
}

/// Of what to report.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read as `Asked`")]
pub struct ReportFilter {
    /// Only of this job: its Dover id or, where it is registered, its Ashby id.
    #[param(required = false, max_length = 1000)]
    dover_job_id: String,
}

/// Report what is parked
///
/// How many prospects wait, for what, and what to do about it. For all jobs together it costs the same whatever their
/// number.
#[utoipa::path(
    get, path = "/v1/connections/{connection}/reports/parked", operation_id = "reportParked", tag = "Reports",
    params(ConnectionPath, ReportFilter),
    responses((status = 200, description = "What is parked.", body = ParkedReport))
)]
pub async fn parked(
    State(sync): State<Sync>,
    At(connection): At,
    Query(asked): Query<Asked>,
) -> Result<Json<ParkedReport>, ApiError> {
    let counts = match &asked.dover_job_id {
        None => store::overview::parked_of(&sync.pool, connection.id).await?,
        Some(named) => {
            let job = dover_job(&sync, connection.id, named).await?;
            store::overview::parked_of_job(&sync.pool, connection.id, &job).await?
        }
    };
    let items = counts.into_iter().map(|(reason, count)| {
        let kind = parked::kind(&reason);
        ParkedKind {
            count,
            waits_for: kind.map_or("somebody", |kind| kind.waits_for).to_owned(),
            remedy: kind
                .and_then(|kind| kind.remedy)
                .map(|remedy| remedy.to_string()),
            goes_on: kind.map_or(GoesOn::ByHand, |kind| kind.goes_on),
            reason,
        }
    });
    let items: Vec<ParkedKind> = items.collect();
    Ok(Json(ParkedReport {
        total: items.iter().map(|item| item.count).sum(),
        items,
    }))
}
