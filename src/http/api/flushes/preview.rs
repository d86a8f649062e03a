//! What the next flush would do, and what the brake has held in one that was.

use axum::{
    Json,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{ConnectionPath, FlushPath, Stopped, find, may_act};
use crate::{
    http::{
        api::prospects::{ProspectBody, ReasonBody},
        fields::{Fields, Readable},
        json::Query,
        paging::{Page, Paging, PagingParams},
        place::{At, Within, uuid},
        problem::ApiError,
        sheet::{Format, Sheet},
    },
    ids::{FlushId, ProspectId},
    plan::{Action, Plan},
    store::{self, decision::Decision, flush::Counts},
    sync::{Sync, preview},
};

const LIMITS: std::ops::RangeInclusive<i64> = 1..=5_000;
const USUAL_LIMIT: usize = 1_000;

/// How much to preview, and as what.
#[derive(Debug)]
pub struct Extent {
    limit: usize,
    format: Option<Format>,
}

impl Readable for Extent {
    const FIELDS: &'static [&'static str] = &["limit", "format"];

    fn read(fields: &mut Fields) -> Option<Self> {
        let limit = fields.number("limit", &LIMITS);
        let limit = limit.and_then(|limit| usize::try_from(limit).ok());
        Some(Self {
            limit: limit.unwrap_or(USUAL_LIMIT),
            format: fields.word("format", &Format::WORDS),
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

/// As what a list is answered.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read as `Format`")]
pub struct FormatParams {
    /// `json`, `csv` or `table`. Left out, the header `Accept` tells.
    #[param(required = false, pattern = "^(json|csv|table)$", example = "csv")]
    format: String,
}

/// What the next flush would do.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Preview {
    /// Prospect by prospect.
    pub items: Vec<PreviewItem>,
    /// What that comes to.
    pub counts: Counts,
    /// The jobs of which nothing would be done, because the brake stops them.
    pub brake: Vec<Stopped>,
}

/// What the next flush would do with a prospect.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PreviewItem {
    /// The prospect.
    #[serde(flatten)]
    pub prospect: ProspectBody,
    /// What would be done, in a word. With the reason `shadow`, `held-by-brake` or `refused-by-admin` it is withheld.
    pub action: Action,
    /// Why that, or why nothing.
    pub reason: ReasonBody,
    /// The number of the rule that decides.
    pub rule: i16,
    /// What Ashby holds now.
    #[schema(value_type = Object)]
    pub ashby_now: Value,
    /// What would be written beside the stage, in words: fields, notes, the tag.
    pub additions: Vec<String>,
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
            additions: Vec::new(),
        }
    }

    fn decided(prospect: ProspectBody, decision: Decision) -> Self {
        Self {
            prospect,
            action: Action::parse(&decision.action),
            reason: ReasonBody {
                code: decision.reason,
                sentence: decision.sentence,
            },
            rule: decision.rule,
            ashby_now: decision.ashby,
            additions: Vec::new(),
        }
    }
}

/// Items as lines for people.
pub fn sheet(items: &[PreviewItem]) -> Sheet {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let row = |item: &PreviewItem| {
        vec![
            item.prospect.dover_job_id.clone(),
            item.prospect.dover_candidate_id.clone(),
            text(&item.prospect.name),
            text(&item.prospect.stage),
            text(&item.prospect.status),
            in_words(&item.ashby_now),
            item.action.word().to_owned(),
            item.rule.to_string(),
            item.reason.code.clone(),
            item.reason.sentence.clone(),
            item.additions.join("; "),
        ]
    };
    Sheet {
        header: vec![
            "job",
            "candidate",
            "name",
            "dover stage",
            "dover status",
            "ashby now",
            "action",
            "rule",
            "reason",
            "why",
            "beside the stage",
        ],
        rows: items.iter().map(row).collect(),
    }
}

/// What Ashby holds, in a few words.
fn in_words(now: &Value) -> String {
    let text = |key: &str| now[key].as_str().unwrap_or_default();
    match text("person") {
        "known" if now["application_id"].is_null() => "a candidate, not on this job".to_owned(),
        "known" => {
            let stage = match text("stage") {
                "" => text("stage_id"),
                title => title,
            };
            format!("{stage} ({})", text("status"))
        }
        "unknown" => "not in Ashby".to_owned(),
        other => other.to_owned(),
    }
}

/// What the next flush would do, as it is shown.
pub async fn shown(sync: &Sync, previewed: preview::Preview) -> Result<Preview, ApiError> {
    let counts = previewed.counts;
    let brake = previewed.stopped.iter().map(Stopped::of).collect();
    let (prospects, plans): (Vec<_>, Vec<_>) = previewed
        .items
        .into_iter()
        .map(|case| (case.prospect, (case.plan, case.ashby_now, case.additions)))
        .unzip();
    let shown = ProspectBody::of_all(sync, &prospects).await?;
    let items = shown.into_iter().zip(plans);
    let items = items.map(|(prospect, (plan, now, additions))| PreviewItem {
        additions,
        ..PreviewItem::of(prospect, &plan, now)
    });
    Ok(Preview {
        items: items.collect(),
        counts,
        brake,
    })
}

/// Preview the next flush
///
/// The same code path with the writes withheld: it looks at Ashby and decides, and nothing changes there. As JSON, as CSV
/// or as a table of plain text.
#[utoipa::path(
    get, path = "/v1/connections/{connection}/flushes/preview", operation_id = "previewFlush", tag = "Flushes",
    params(ConnectionPath, PreviewParams, FormatParams),
    responses((
        status = 200, description = "What would be done.",
        content((Preview = "application/json"), (String = "text/csv"), (String = "text/plain"))
    ))
)]
pub async fn preview(
    State(sync): State<Sync>,
    At(connection): At,
    Query(Extent { limit, format }): Query<Extent>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    may_act(&connection)?;
    let previewed = preview::preview(&sync, &connection, limit).await?;
    let shown = shown(&sync, previewed).await?;
    Ok(match format.unwrap_or_else(|| Format::accepted(&headers)) {
        Format::Json => Json(shown).into_response(),
        other => sheet(&shown.items).answer(other),
    })
}

/// Which page of those who are held, and as what.
#[derive(Debug)]
pub struct Held {
    paging: Paging<Uuid>,
    format: Option<Format>,
}

impl Readable for Held {
    const FIELDS: &'static [&'static str] = &["limit", "cursor", "format"];

    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self {
            paging: Paging::read("held", fields),
            format: fields.word("format", &Format::WORDS),
        })
    }
}

/// Preview what was held
///
/// Whom the brake has held in this flush, with what would be done to each and why: what there is to approve or refuse. It
/// stays as it was, whatever was answered.
#[utoipa::path(
    get, path = "/v1/connections/{connection}/flushes/{flush}/preview", operation_id = "previewHeld", tag = "Flushes",
    params(ConnectionPath, FlushPath, PagingParams, FormatParams),
    responses((
        status = 200, description = "One page of them.",
        content((Page<PreviewItem> = "application/json"), (String = "text/csv"), (String = "text/plain"))
    ))
)]
pub async fn held(
    State(sync): State<Sync>,
    Within(connection, id): Within,
    Query(Held { paging, format }): Query<Held>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let id: FlushId = uuid(&id, "flush")?.into();
    find(&sync, connection.id, id).await?;
    let after = paging.beyond_or(Uuid::nil()).into();
    let mut rows = store::decision::held(&sync.pool, id, after, paging.rows()).await?;
    let next_cursor = paging.cut(&mut rows, |row| row.id.0);
    let items = held_items(&sync, rows).await?;
    Ok(match format.unwrap_or_else(|| Format::accepted(&headers)) {
        Format::Json => Json(Page { items, next_cursor }).into_response(),
        other => sheet(&items).answer(other),
    })
}

/// Decisions on who is held, as they are shown.
pub async fn held_items(
    sync: &Sync,
    decisions: Vec<Decision>,
) -> Result<Vec<PreviewItem>, ApiError> {
    let ids: Vec<ProspectId> = decisions.iter().map(|decision| decision.prospect).collect();
    let prospects = store::prospect::by_ids(&sync.pool, &ids).await?;
    let shown = ProspectBody::of_all(sync, &prospects).await?;
    let mut shown: std::collections::HashMap<_, _> = prospects
        .iter()
        .map(|prospect| prospect.id)
        .zip(shown)
        .collect();
    Ok(decisions
        .into_iter()
        .filter_map(|decision| {
            let prospect = shown.remove(&decision.prospect)?;
            Some(PreviewItem::decided(prospect, decision))
        })
        .collect())
}
