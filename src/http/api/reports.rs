//! Reports: numbers that tell an admin where to look.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::connections::ConnectionPath;
use crate::{
    http::{place::At, problem::ApiError},
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

/// Report what is parked
///
/// How many prospects wait, for what, and what to do about it. It costs the same whatever their number.
#[utoipa::path(
    get, path = "/v1/connections/{connection}/reports/parked", operation_id = "reportParked", tag = "Reports",
    params(ConnectionPath),
    responses((status = 200, description = "What is parked.", body = ParkedReport))
)]
pub async fn parked(
    State(sync): State<Sync>,
    At(connection): At,
) -> Result<Json<ParkedReport>, ApiError> {
    let counts = store::overview::parked_of(&sync.pool, connection.id).await?;
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
