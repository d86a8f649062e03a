//! What the next flush would do.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{ConnectionPath, may_act};
use crate::{
    http::{
        api::prospects::{ProspectBody, ReasonBody},
        fields::{Fields, Readable},
        json::Query,
        place::At,
        problem::ApiError,
    },
    plan::{Action, Plan},
    store::flush::Counts,
    sync::{Sync, preview},
};

const LIMITS: std::ops::RangeInclusive<i64> = 1..=5_000;
const USUAL_LIMIT: usize = 1_000;

/// How much to preview.
#[derive(Debug)]
pub struct Extent {
    limit: usize,
}

impl Readable for Extent {
    const FIELDS: &'static [&'static str] = &["limit"];

    fn read(fields: &mut Fields) -> Option<Self> {
        let limit = fields.number("limit", &LIMITS);
        let limit = limit.and_then(|limit| usize::try_from(limit).ok());
        Some(Self {
            limit: limit.unwrap_or(USUAL_LIMIT),
        })
    }
}

/// How much to preview.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read as `Extent`")]
pub struct PreviewParams {
    /// How many prospects at most.
    #[param(minimum = 1, maximum = 5000, default = 1000, required = false)]
    limit: i64,
}

/// What the next flush would do.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Preview {
    /// Prospect by prospect.
    pub items: Vec<PreviewItem>,
    /// What that comes to.
    pub counts: Counts,
}

/// What the next flush would do with a prospect.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PreviewItem {
    /// The prospect.
    #[serde(flatten)]
    pub prospect: ProspectBody,
    /// What would be done, in a word.
    pub action: Action,
    /// Why that, or why nothing.
    pub reason: ReasonBody,
    /// The number of the rule that decides.
    pub rule: i16,
    /// What Ashby holds now.
    #[schema(value_type = Object)]
    pub ashby_now: Value,
}

impl PreviewItem {
    fn of(prospect: ProspectBody, plan: &Plan, ashby_now: Value) -> Self {
        Self {
            prospect,
            action: plan.action(),
            reason: ReasonBody {
                code: plan.because.code().to_owned(),
                sentence: plan.sentence(),
            },
            rule: plan.because.rule(),
            ashby_now,
        }
    }
}

/// Preview the next flush
///
/// The same code path with the writes withheld: it looks at Ashby and decides, and nothing changes there.
#[utoipa::path(
    get, path = "/v1/connections/{connection}/flushes/preview", operation_id = "previewFlush", tag = "Flushes",
    params(ConnectionPath, PreviewParams),
    responses((status = 200, description = "What would be done.", body = Preview))
)]
pub async fn preview(
    State(sync): State<Sync>,
    At(connection): At,
    Query(Extent { limit }): Query<Extent>,
) -> Result<Json<Preview>, ApiError> {
    may_act(&connection)?;
    let (previewed, counts) = preview::preview(&sync, &connection, limit).await?;
    let (prospects, plans): (Vec<_>, Vec<_>) = previewed
        .into_iter()
        .map(|case| (case.prospect, (case.plan, case.ashby_now)))
        .unzip();
    let shown = ProspectBody::of_all(&sync, &prospects).await?;
    let items = shown.into_iter().zip(plans);
    let items = items.map(|(prospect, (plan, now))| PreviewItem::of(prospect, &plan, now));
    let items = items.collect();
    Ok(Json(Preview { items, counts }))
}
