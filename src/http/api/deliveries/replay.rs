//! Replays a set of deliveries, and shows first what that would do.

use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{ConnectionPath, MAX_FILTER, VERDICTS};
use crate::{
    http::{
        api::{
            flushes::{PreviewItem, may_act, shown},
            prospects::STATES,
        },
        fields::{Fields, Readable},
        json::{Body, Query},
        place::At,
        problem::ApiError,
        rehearsal::OnlyPreview,
    },
    store::{self, delivery::Verdict, flush::Counts, prospect::State as Standing, replay::Filter},
    sync::{
        Sync,
        replay::{self, Replayed},
        resolve::UNDECIDED,
    },
};

/// How many prospects a preview names.
const PREVIEWED: usize = 100;

/// What answers those of which it is not known whether they were created.
const CREATE_AGAIN: &str = "create_again";

/// Which deliveries to replay: whatever is given has to fit, and something has to be given.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "described here, read as `Wanted`")]
pub struct ReplayFilter {
    /// Only about this candidate.
    #[schema(max_length = 1000, nullable = false)]
    dover_candidate_id: Option<String>,
    /// Only for this job: its Dover id or, where it is registered, its Ashby id.
    #[schema(max_length = 1000, nullable = false)]
    dover_job_id: Option<String>,
    /// Only about prospects in this state.
    #[schema(nullable = false)]
    state: Option<Standing>,
    /// Only about prospects whose last decision has the reason of this code. Those that are `gone-from-ashby` are looked
    /// for afresh and made again only where this names them.
    #[schema(max_length = 1000, nullable = false)]
    reason: Option<String>,
    /// Only of this verdict. Without one: those that were accepted, and those that were rejected and read now. What is
    /// `id-reused` is held until this says that it counts.
    #[schema(nullable = false)]
    verdict: Option<Verdict>,
    /// Only those that came then or later.
    #[schema(nullable = false)]
    received_from: Option<DateTime<Utc>>,
    /// Only those that came before.
    #[schema(nullable = false)]
    received_to: Option<DateTime<Utc>>,
    /// With the reason `create-undecided`: they were not created, and are created with the next flush. Without it they
    /// stay undecided, for looking does not tell. Look for each in Ashby first.
    #[schema(required = false, default = false)]
    create_again: bool,
}

/// As [`ReplayFilter`], understood.
#[derive(Debug)]
pub struct Wanted {
    filter: Filter,
    job: Option<String>,
}

impl Readable for Wanted {
    const FIELDS: &'static [&'static str] = &[
        "dover_candidate_id",
        "dover_job_id",
        "state",
        "reason",
        "verdict",
        "received_from",
        "received_to",
        CREATE_AGAIN,
    ];

    fn read(fields: &mut Fields) -> Option<Self> {
        let mut conditions = Self::FIELDS.iter().filter(|name| **name != CREATE_AGAIN);
        let is_of_something = conditions.any(|name| fields.is_given(name));
        let length = 1..=MAX_FILTER;
        let wanted = Self {
            job: fields.text("dover_job_id", &length),
            filter: Filter {
                dover_candidate_id: fields.text("dover_candidate_id", &length),
                dover_job_ids: None,
                state: fields.word("state", &STATES),
                reason: fields.text("reason", &length),
                verdict: fields.word("verdict", &VERDICTS),
                received_from: fields.moment("received_from"),
                received_to: fields.moment("received_to"),
                create_again: fields.flag(CREATE_AGAIN).unwrap_or_default(),
            },
        };
        let filter = &wanted.filter;
        if filter.create_again && filter.reason.as_deref() != Some(UNDECIDED) {
            fields.fault(
                CREATE_AGAIN,
                format!("goes only with the reason {UNDECIDED}"),
            );
        }
        if !is_of_something {
            fields.fault_whole(
                "says nothing of which deliveries: give a candidate, a job, a state, a reason, a verdict or a time",
            );
        }
        Some(wanted)
    }
}

/// Whether to do it.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read as `OnlyPreview`")]
pub struct ReplayParams {
    /// Only show what it would come to.
    #[param(required = false, default = false)]
    preview: bool,
}

/// What a replay comes to.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ReplayBody {
    /// Deliveries that are read again.
    pub deliveries: u64,
    /// Those among them that were rejected and can be read now.
    pub recovered: u64,
    /// Deliveries that fit and still cannot be read, or say nothing that is decided.
    pub unreadable: u64,
    /// Prospects that they are about.
    pub prospects: u64,
    /// What the next flush would do with the first 100 of them, unless its brake stops it; only of a preview.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub items: Option<Vec<PreviewItem>>,
    /// What that comes to; only of a preview.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub counts: Option<Counts>,
}

impl ReplayBody {
    const fn of(replayed: Replayed) -> Self {
        Self {
            deliveries: replayed.deliveries,
            recovered: replayed.recovered,
            unreadable: replayed.unreadable,
            prospects: replayed.prospects,
            items: None,
            counts: None,
        }
    }
}

/// Replay deliveries
///
/// Reads every delivery that fits again, with the payload paths of today, and lets the prospects that they are about be
/// decided again with the next flush; those of a state or reason also where their deliveries were removed since. Nothing is
/// dated anew: what is older never beats what is newer. Doing it twice does nothing twice. With `preview=true` nothing is
/// changed, and the answer shows what the next flush would do.
#[utoipa::path(
    post, path = "/v1/connections/{connection}/deliveries/replay", operation_id = "replayDeliveries",
    tag = "Deliveries",
    params(ConnectionPath, ReplayParams),
    request_body = ReplayFilter,
    responses(
        (status = 200, description = "What it would come to.", body = ReplayBody),
        (status = 202, description = "They wait to be decided.", body = ReplayBody)
    )
)]
pub async fn replay_all(
    State(sync): State<Sync>,
    At(connection): At,
    Query(OnlyPreview(is_preview)): Query<OnlyPreview>,
    Body(wanted): Body<Wanted>,
) -> Result<(StatusCode, Json<ReplayBody>), ApiError> {
    let mut filter = wanted.filter;
    if let Some(job) = wanted.job {
        let known = store::job::find(&sync.pool, connection.id, &job).await?;
        filter.dover_job_ids = Some(known.map_or_else(
            || vec![job],
            |job| vec![job.dover_job_id.0, job.ashby_job_id.0],
        ));
    }
    if !is_preview {
        let replayed = replay::replay(&sync, &connection, &filter).await?;
        return Ok((StatusCode::ACCEPTED, Json(ReplayBody::of(replayed))));
    }
    may_act(&connection)?;
    let (replayed, preview) = replay::preview(&sync, &connection, &filter, PREVIEWED).await?;
    let preview = shown(&sync, preview).await?;
    let body = ReplayBody {
        items: Some(preview.items),
        counts: Some(preview.counts),
        ..ReplayBody::of(replayed)
    };
    Ok((StatusCode::OK, Json(body)))
}
