//! Deliveries: what came in, exactly, and reading one again.

mod replay;
mod shape;

use axum::{Json, extract::State, http::StatusCode};
use utoipa::IntoParams;

pub use replay::*;
pub use shape::*;

use super::connections::ConnectionPath;
use crate::{
    dover::payload::{Document, Fault, Kind},
    http::{
        fields::{Fields, Readable},
        json::Query,
        paging::{Page, Paging, PagingParams},
        place::{At, Within},
        problem::{ApiError, Code},
    },
    ids::{ConnectionId, DoverCandidateId, DoverJobId},
    store::{
        self,
        connection::Connection,
        delivery::{Delivery, Filter, Sender, Verdict},
    },
    sync::{Sync, fold},
};

/// Ids in filters may be as long as anybody likes; longer ones than these are nobody's.
const MAX_FILTER: usize = 1_000;

const VERDICTS: [(&str, Verdict); 3] = [
    (Verdict::Accepted.word(), Verdict::Accepted),
    (Verdict::Rejected.word(), Verdict::Rejected),
    (Verdict::IdReused.word(), Verdict::IdReused),
];

const SENDERS: [(&str, Sender); 2] = [
    (Sender::Dover.word(), Sender::Dover),
    (Sender::Ashby.word(), Sender::Ashby),
];

/// Which deliveries to list.
#[derive(Debug)]
pub struct Listing {
    paging: Paging<i64>,
    sender: Option<Sender>,
    verdict: Option<Verdict>,
    dover_candidate_id: Option<String>,
    dover_job_id: Option<String>,
    webhook_id: Option<String>,
}

impl Readable for Listing {
    const FIELDS: &'static [&'static str] = &[
        "limit",
        "cursor",
        "sender",
        "verdict",
        "dover_candidate_id",
        "dover_job_id",
        "webhook_id",
    ];

    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self {
            paging: Paging::read("deliveries", fields),
            sender: fields.word("sender", &SENDERS),
            verdict: fields.word("verdict", &VERDICTS),
            dover_candidate_id: fields.text("dover_candidate_id", &(0..=MAX_FILTER)),
            dover_job_id: fields.text("dover_job_id", &(0..=MAX_FILTER)),
            webhook_id: fields.text("webhook_id", &(0..=MAX_FILTER)),
        })
    }
}

/// Which deliveries to list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read as `Listing`")]
pub struct DeliveryFilter {
    /// Only of this sender.
    #[param(required = false)]
    sender: Sender,
    /// Only of this verdict.
    #[param(required = false)]
    verdict: Verdict,
    /// Only about this candidate.
    #[param(required = false, max_length = 1000)]
    dover_candidate_id: String,
    /// Only for this job, as the deliveries name it.
    #[param(required = false, max_length = 1000)]
    dover_job_id: String,
    /// Only with this id of the sender's.
    #[param(required = false, max_length = 1000)]
    webhook_id: String,
}

/// The path of a delivery.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "described here, read by `Within`")]
pub struct DeliveryPath {
    /// The id of the delivery, as lists show it.
    #[param(pattern = "^[0-9]+$", example = "1729")]
    delivery: String,
}

/// List deliveries
///
/// Latest first.
#[utoipa::path(
    get, path = "/v1/connections/{connection}/deliveries", operation_id = "listDeliveries", tag = "Deliveries",
    params(ConnectionPath, DeliveryFilter, PagingParams),
    responses((status = 200, description = "One page of them.", body = Page<DeliveryBody>))
)]
pub async fn list(
    State(sync): State<Sync>,
    At(connection): At,
    Query(listing): Query<Listing>,
) -> Result<Json<Page<DeliveryBody>>, ApiError> {
    let paging = &listing.paging;
    let filter = Filter {
        sender: listing.sender,
        verdict: listing.verdict,
        dover_candidate_id: listing.dover_candidate_id.as_deref(),
        dover_job_id: listing.dover_job_id.as_deref(),
        webhook_id: listing.webhook_id.as_deref(),
    };
    let before = paging.beyond_or(i64::MAX);
    let listed = store::delivery::list(&sync.pool, connection.id, &filter, before, paging.rows());
    let mut rows = listed.await?;
    let next_cursor = paging.cut(&mut rows, |row| row.id);
    let items = rows.iter().map(DeliveryBody::of).collect();
    Ok(Json(Page { items, next_cursor }))
}

/// Read a delivery
///
/// As it came, to the byte.
#[utoipa::path(
    get, path = "/v1/connections/{connection}/deliveries/{delivery}", operation_id = "readDelivery",
    tag = "Deliveries",
    params(ConnectionPath, DeliveryPath),
    responses((status = 200, description = "The delivery.", body = Original))
)]
pub async fn read(
    State(sync): State<Sync>,
    Within(connection, id): Within,
) -> Result<Json<Original>, ApiError> {
    let found = find(&sync, connection.id, &id).await?;
    let original = original(&sync, connection.id, found.id).await?;
    Ok(Json(Original::of(&found, original)))
}

/// Replay a delivery
///
/// Reads it again, with the payload paths of today. If it keeps to the contract now, it waits to be decided like one
/// that just came, dated as before: a rejected one counts from now on, one that is held for its id too, and one that
/// was decided is decided again. Nothing happens twice in Ashby by that.
#[utoipa::path(
    post, path = "/v1/connections/{connection}/deliveries/{delivery}/replay", operation_id = "replayDelivery",
    tag = "Deliveries",
    params(ConnectionPath, DeliveryPath),
    responses((status = 202, description = "It waits to be decided.", body = DeliveryBody))
)]
pub async fn replay(
    State(sync): State<Sync>,
    Within(connection, id): Within,
) -> Result<(StatusCode, Json<DeliveryBody>), ApiError> {
    let found = find(&sync, connection.id, &id).await?;
    if found.sender == Sender::Ashby {
        let what = "a webhook of Ashby's tells what was; the next flush looks at what is";
        return Err(invalid(vec![Fault::new("", what)]));
    }
    if found.erased_at.is_some() {
        let what = "its content was erased at the request of the person it is about";
        return Err(invalid(vec![Fault::new("", what)]));
    }
    let (kind, about) = read_again(&sync, &connection, found.id).await?;
    let kind = kind.word();
    let Some(about) = about else {
        let what = format!("a delivery of type {kind:?} says nothing that is decided");
        return Err(invalid(vec![Fault::new("", what)]));
    };
    let mut tx = sync.pool.begin().await?;
    store::delivery::requeue(&mut tx, connection.id, found.id, kind, &about).await?;
    tx.commit().await?;
    let replayed = find(&sync, connection.id, &id).await?;
    Ok((StatusCode::ACCEPTED, Json(DeliveryBody::of(&replayed))))
}

/// What it is, and of whom, read as the connection reads now.
async fn read_again(
    sync: &Sync,
    connection: &Connection,
    id: i64,
) -> Result<(Kind, Option<(DoverCandidateId, DoverJobId)>), ApiError> {
    let original = original(sync, connection.id, id).await?;
    let paths = fold::payload_paths(connection)?;
    let document = Document::of(&original.body);
    let read = document.read(&paths).map_err(invalid)?;
    let about = read.about();
    let about = about.map(|(candidate, job)| (candidate.clone(), job.clone()));
    Ok((read.kind, about))
}

fn invalid(faults: Vec<Fault>) -> ApiError {
    ApiError::new(
        Code::InvalidDelivery,
        "It cannot be replayed as it is. Where its sender puts fields elsewhere, set the payload paths of the connection.",
    )
    .with_faults(faults)
}

async fn original(
    sync: &Sync,
    connection: ConnectionId,
    id: i64,
) -> Result<store::delivery::Original, ApiError> {
    let found = store::delivery::original(&sync.pool, connection, id).await?;
    found.ok_or_else(missing)
}

async fn find(sync: &Sync, connection: ConnectionId, id: &str) -> Result<Delivery, ApiError> {
    // In the one form in which lists show it.
    let id = id
        .parse()
        .ok()
        .filter(|number: &i64| number.to_string() == id);
    let id = id.filter(|id| *id < i64::MAX).ok_or_else(missing)?;
    // The one before the next is this one, if it is there.
    let filter = Filter::default();
    let mut listed = store::delivery::list(&sync.pool, connection, &filter, id + 1, 1).await?;
    listed
        .pop()
        .filter(|found| found.id == id)
        .ok_or_else(missing)
}

fn missing() -> ApiError {
    ApiError::not_found("delivery")
}
