//! Deliveries: what came in, exactly, and reading one again.

use axum::{Json, extract::State, http::StatusCode};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::connections::ConnectionPath;
use crate::{
    dover::payload::{self, Fault},
    http::{
        fields::{Fields, Readable},
        json::Query,
        paging::{Page, Paging, PagingParams},
        place::{At, Within},
        problem::{ApiError, Code},
    },
    ids::ConnectionId,
    store::{
        self,
        connection::Connection,
        delivery::{Delivery, Filter, Verdict},
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

/// One webhook as received.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Delivery)]
pub struct DeliveryBody {
    /// Its id with us: a number, later ones greater.
    #[schema(pattern = "^[0-9]+$")]
    pub id: String,
    /// Its id as the sender chose it.
    pub webhook_id: String,
    /// When it came for the first time.
    pub received_at: DateTime<Utc>,
    /// What became of it.
    pub verdict: Verdict,
    /// How often it came.
    pub copies: i32,
    /// Its `type`; `null` where it could not be read.
    #[serde(rename = "type")]
    #[schema(required)]
    pub kind: Option<String>,
    /// The candidate that it is about, as Dover names them.
    #[schema(required)]
    pub dover_candidate_id: Option<String>,
    /// The job that it is about, as the delivery names it.
    #[schema(required)]
    pub dover_job_id: Option<String>,
    /// Whether it waits to be decided.
    pub pending: bool,
    /// Why it was rejected or is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<String>,
}

impl DeliveryBody {
    fn of(delivery: &Delivery) -> Self {
        Self {
            id: delivery.id.to_string(),
            webhook_id: delivery.webhook_id.clone(),
            received_at: delivery.received_at,
            verdict: delivery.verdict,
            copies: delivery.copies,
            kind: delivery.kind.clone(),
            dover_candidate_id: delivery.dover_candidate_id.clone(),
            dover_job_id: delivery.dover_job_id.clone(),
            pending: delivery.pending,
            reason: reason(delivery),
        }
    }
}

fn reason(delivery: &Delivery) -> Option<String> {
    let faults: Vec<String> = faults(delivery)
        .into_iter()
        .map(|fault| match fault.pointer.as_str() {
            "" => fault.detail,
            pointer => format!("{pointer}: {}", fault.detail),
        })
        .collect();
    match delivery.verdict {
        Verdict::Accepted => None,
        Verdict::Rejected => Some(faults.join("; ")),
        Verdict::IdReused if delivery.pending => {
            Some("Its id was used before for another body; it was replayed and counts.".to_owned())
        }
        Verdict::IdReused => Some(
            "Its id was used before for another body, so it is held. Replay it if it should count."
                .to_owned(),
        ),
    }
}

fn faults(delivery: &Delivery) -> Vec<Fault> {
    let faults = delivery.faults.clone().map(serde_json::from_value);
    faults.and_then(Result::ok).unwrap_or_default()
}

/// How a body is written in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BodyEncoding {
    /// As it is.
    Text,
    /// In base64, for it is no UTF-8.
    Base64,
}

/// One webhook as received, whole.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Original {
    /// The delivery.
    #[serde(flatten)]
    pub delivery: DeliveryBody,
    /// The headers that came with it, without credentials.
    #[schema(value_type = Object)]
    pub headers: Value,
    /// The body, byte for byte.
    pub body: String,
    /// How `body` is written.
    pub body_encoding: BodyEncoding,
    /// What is wrong with it, each fault with its JSON Pointer.
    pub faults: Vec<Fault>,
}

/// Which deliveries to list.
#[derive(Debug)]
pub struct Listing {
    paging: Paging<i64>,
    verdict: Option<Verdict>,
    dover_candidate_id: Option<String>,
    dover_job_id: Option<String>,
    webhook_id: Option<String>,
}

impl Readable for Listing {
    const FIELDS: &'static [&'static str] = &[
        "limit",
        "cursor",
        "verdict",
        "dover_candidate_id",
        "dover_job_id",
        "webhook_id",
    ];

    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self {
            paging: Paging::read("deliveries", fields),
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
    let (body, body_encoding) = match String::from_utf8(original.body) {
        Ok(text) => (text, BodyEncoding::Text),
        Err(bytes) => (STANDARD.encode(bytes.as_bytes()), BodyEncoding::Base64),
    };
    Ok(Json(Original {
        delivery: DeliveryBody::of(&found),
        headers: serde_json::from_str(&original.headers).unwrap_or_default(),
        body,
        body_encoding,
        faults: faults(&found),
    }))
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
    let read = read_again(&sync, &connection, found.id).await?;
    let Some((candidate, job)) = read.about() else {
        let what = format!(
            "a delivery of type {:?} says nothing that is decided",
            read.kind.word()
        );
        return Err(invalid(vec![Fault::new("", what)]));
    };
    let about = (candidate.clone(), job.clone());
    let mut tx = sync.pool.begin().await?;
    store::delivery::requeue(&mut tx, connection.id, found.id, read.kind.word(), &about).await?;
    tx.commit().await?;
    let replayed = find(&sync, connection.id, &id).await?;
    Ok((StatusCode::ACCEPTED, Json(DeliveryBody::of(&replayed))))
}

async fn read_again(
    sync: &Sync,
    connection: &Connection,
    id: i64,
) -> Result<payload::Delivery, ApiError> {
    let original = original(sync, connection.id, id).await?;
    let paths = fold::payload_paths(connection)?;
    payload::read(&original.body, &paths).map_err(invalid)
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
