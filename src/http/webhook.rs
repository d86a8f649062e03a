//! Dover's door: `POST /webhooks/dover/{connection}`. Checked in the order of the contract: whose it is, how large, who
//! sent it, what it says. Acknowledged only once it is committed.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    body::{Body, Bytes},
    extract::{Path, Request, State},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{self, GetAll},
    },
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::json;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::{
    gates::Gate,
    problem::{ApiError, Code},
    receiver::NotStored,
    state::AppState,
};
use crate::{
    dover::{
        payload::{Delivery, Document, Fault, Kind},
        signature,
    },
    ids::{DoverCandidateId, DoverJobId},
    plan::{identity::IdentityKey, says::Stamp},
    store::{
        Vault,
        delivery::{Sender, Verdict},
        receipt::{Incoming, Reading, Receipt},
    },
    telemetry::Metrics,
};

/// The largest body that is taken, in bytes.
pub const MAX_BODY: usize = 1024 * 1024;

/// How long a sender may take over its body.
const BODY_WITHIN: Duration = Duration::from_secs(20);

/// Room for the headers of most deliveries, in bytes.
const KEPT: usize = 768;

/// Headers that are not kept: they are credentials.
const CREDENTIALS: [header::HeaderName; 3] = [
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    header::COOKIE,
];

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Acknowledgement {
    /// Stored; it is decided with the next flush.
    Accepted,
    /// The same id and body were stored before.
    Duplicate,
    /// A ping: nothing to store.
    Pong,
}

/// The answer to a delivery that was taken.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
pub struct Acknowledged {
    /// What became of it.
    pub status: Acknowledgement,
}

/// `POST /webhooks/dover`: the connection named `default`.
pub async fn receive_default(State(state): State<AppState>, request: Request) -> Response {
    respond(&state, "default", request).await
}

/// `POST /webhooks/dover/{connection}`.
pub async fn receive(
    State(state): State<AppState>,
    Path(connection): Path<String>,
    request: Request,
) -> Response {
    respond(&state, &connection, request).await
}

async fn respond(state: &AppState, connection: &str, request: Request) -> Response {
    let taken = take(state, connection, request).await;
    answered(&state.sync.metrics, Sender::Dover, taken)
}

/// The answer to a webhook of `sender`, which is counted.
pub(super) fn answered(
    metrics: &Metrics,
    sender: Sender,
    taken: Result<Taken, ApiError>,
) -> Response {
    match taken {
        Ok((status, acknowledged, verdict)) => {
            metrics.received(sender.word(), verdict);
            let acknowledged = Acknowledged {
                status: acknowledged,
            };
            (status, Json(acknowledged)).into_response()
        }
        Err(error) => {
            metrics.received(sender.word(), verdict_of(error.code()));
            error.into_response()
        }
    }
}

/// What a refusal is counted as.
const fn verdict_of(code: Code) -> &'static str {
    match code {
        Code::NotFound => "unknown-connection",
        Code::TooLarge => "too-large",
        Code::BadSignature => "bad-signature",
        Code::InvalidDelivery => "rejected",
        Code::DatabaseUnavailable | Code::Busy => "unavailable",
        Code::NotSetUp => "not-set-up",
        _ => "failed",
    }
}

/// What is answered to a webhook that was taken, and what it is counted as.
pub(super) type Taken = (StatusCode, Acknowledgement, &'static str);

async fn take(state: &AppState, connection: &str, request: Request) -> Result<Taken, ApiError> {
    let (incoming, faults) = match check(state, connection, request).await? {
        Genuine::Ping => return Ok((StatusCode::OK, Acknowledgement::Pong, "ping")),
        Genuine::Delivery { incoming, faults } => (incoming, faults),
    };
    let received_at = incoming.received_at;
    let receipt = state.receiver.store(incoming).await.map_err(refusal)?;
    state.sync.inflow.came(received_at);
    state.sync.metrics.acknowledged(
        (state.sync.clock.now() - received_at)
            .to_std()
            .unwrap_or_default(),
    );
    answer(receipt, faults)
}

/// A webhook of somebody who holds a secret of the connection.
#[derive(Debug)]
pub enum Genuine {
    /// A sign of life: nothing to store.
    Ping,
    /// To be stored.
    Delivery {
        /// With what is read of it.
        incoming: Box<Incoming>,
        /// What is wrong with it, in the words of the answer.
        faults: Option<Vec<Fault>>,
    },
}

/// Whether a webhook is for a connection, whole and genuine, and what it says: everything but storing it.
pub async fn check(
    state: &AppState,
    connection: &str,
    request: Request,
) -> Result<Genuine, ApiError> {
    let gate = gate(state, connection).await?;
    let (parts, body) = request.into_parts();
    let body = whole(body).await?;
    let received_at = state.sync.clock.now();
    let verified = signature::verify(&parts.headers, &body, &gate.secrets, received_at)
        .map_err(|fault| ApiError::new(Code::BadSignature, fault.to_string()))?;
    let Some(said) = said(&state.sync.vault, &gate, &body, received_at) else {
        return Ok(Genuine::Ping);
    };
    let incoming = Incoming {
        connection: gate.connection,
        sender: Sender::Dover,
        webhook_id: verified.webhook_id,
        body_hash: Sha256::digest(&body).into(),
        received_at,
        kind: said.kind,
        about: said.about,
        reading: said.reading,
        ashby_candidate: None,
        told: None,
        headers: kept(&parts.headers),
        body,
        faults: said.faults.as_ref().map(|faults| json!(faults)),
        keys: said.keys,
        is_erased: false,
    };
    Ok(Genuine::Delivery {
        incoming: Box::new(incoming),
        faults: said.faults,
    })
}

fn unknown() -> ApiError {
    ApiError::new(
        Code::NotFound,
        "There is no connection of that name. Check the webhook's address.",
    )
}

/// Whose a webhook is.
pub(super) async fn gate(state: &AppState, connection: &str) -> Result<Arc<Gate>, ApiError> {
    // A name that no connection can have is not worth a look.
    if connection.len() > 63 || connection.contains('\0') {
        return Err(unknown());
    }
    let gate = state.gates.of(&state.sync, connection).await?;
    gate.ok_or_else(unknown)
}

/// The whole body, unless it is too large or does not come.
pub(super) async fn whole(body: Body) -> Result<Bytes, ApiError> {
    let collected = tokio::time::timeout(BODY_WITHIN, Limited::new(body, MAX_BODY).collect()).await;
    match collected {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(ApiError::new(
            Code::TooLarge,
            "A delivery is at most 1 MiB. Send less in one delivery.",
        )),
        Ok(Err(_)) | Err(_) => Err(ApiError::new(
            Code::InvalidRequest,
            "The body did not come to its end. Send it again.",
        )),
    }
}

/// What a body says, as far as it is kept beside it.
struct Said {
    kind: Option<String>,
    about: Option<(DoverCandidateId, DoverJobId)>,
    reading: Option<Reading>,
    /// By what a person who was erased would be known.
    keys: Vec<Vec<u8>>,
    faults: Option<Vec<Fault>>,
}

/// Reads a body as the connection reads now. `None`: it is a ping.
fn said(vault: &Vault, gate: &Gate, body: &[u8], received_at: DateTime<Utc>) -> Option<Said> {
    let document = Document::of(body);
    let read = match document.read(&gate.paths) {
        Ok(read) => read,
        Err(faults) => {
            // Of whom it is counts here too: what is kept of those has to go without the erased.
            let (candidate, addresses) = document.whom(&gate.paths);
            return Some(Said {
                kind: None,
                about: None,
                reading: None,
                keys: keys(vault, gate, candidate.as_ref(), &addresses),
                faults: Some(faults),
            });
        }
    };
    if matches!(read.kind, Kind::Ping) {
        return None;
    }
    let about = read.about();
    Some(Said {
        kind: Some(read.kind.word().to_owned()),
        reading: about.and_then(|_| reading(gate, &read, received_at)),
        about: about.map(|(candidate, job)| (candidate.clone(), job.clone())),
        keys: keys(
            vault,
            gate,
            read.candidate_id.as_ref(),
            &read.profile.keys(),
        ),
        faults: None,
    })
}

/// What folding goes by, of a delivery about somebody.
fn reading(gate: &Gate, read: &Delivery<'_>, received_at: DateTime<Utc>) -> Option<Reading> {
    Some(Reading {
        said_at: Stamp::new(read.updated_at?, received_at, 0).at,
        statements: read.statements(),
        read_by: gate.read_by,
    })
}

fn keys(
    vault: &Vault,
    gate: &Gate,
    candidate: Option<&DoverCandidateId>,
    addresses: &[IdentityKey],
) -> Vec<Vec<u8>> {
    let candidate = candidate.map(|id| vault.dover_hash(gate.connection, id));
    let addresses = addresses.iter();
    let addresses = addresses.map(|key| vault.identity_hash(gate.connection, key));
    candidate.into_iter().chain(addresses).collect()
}

/// The headers as a JSON object of lists, without credentials: a name may come more than once.
pub(super) fn kept(headers: &HeaderMap) -> String {
    let mut kept = Vec::with_capacity(KEPT);
    serde_json::to_writer(&mut kept, &Kept(headers)).expect("texts in lists under texts serialize");
    String::from_utf8(kept).expect("JSON is UTF-8")
}

/// Serializes headers as they are kept, straight from where they are.
struct Kept<'h>(&'h HeaderMap);

impl Serialize for Kept<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let names = self.0.keys().filter(|name| !CREDENTIALS.contains(name));
        serializer.collect_map(names.map(|name| (name.as_str(), Values(self.0.get_all(name)))))
    }
}

/// Serializes what came under one name.
struct Values<'h>(GetAll<'h, HeaderValue>);

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let values = self.0.iter();
        serializer.collect_seq(values.map(|value| String::from_utf8_lossy(value.as_bytes())))
    }
}

/// Why a webhook was not stored.
pub(super) fn refusal(why: NotStored) -> ApiError {
    match why {
        NotStored::NoSuchConnection => unknown(),
        NotStored::Full => ApiError::new(
            Code::Busy,
            "More deliveries wait than can be stored soon. Send it again in a few seconds.",
        ),
        NotStored::DatabaseAway => ApiError::new(
            Code::DatabaseUnavailable,
            "It was not stored: the database does not answer. Send it again in a few seconds.",
        ),
        NotStored::Refused => ApiError::new(
            Code::Internal,
            "It was not stored, and that is logged. Send it again later.",
        ),
    }
}

/// What is answered to a webhook that was stored.
pub(super) fn answer(receipt: Receipt, faults: Option<Vec<Fault>>) -> Result<Taken, ApiError> {
    match receipt {
        Receipt::New(Verdict::Rejected) | Receipt::Copy(Verdict::Rejected) => Err(ApiError::new(
            Code::InvalidDelivery,
            "It is kept as rejected. Correct what `faults` names and send it again, under the same id or another.",
        )
        .with_faults(faults.unwrap_or_default())),
        Receipt::New(Verdict::Accepted) => Ok((StatusCode::ACCEPTED, Acknowledgement::Accepted, "accepted")),
        Receipt::New(Verdict::IdReused) => Ok((StatusCode::ACCEPTED, Acknowledgement::Accepted, "id-reused")),
        Receipt::Copy(Verdict::Accepted | Verdict::IdReused) => {
            Ok((StatusCode::OK, Acknowledgement::Duplicate, "duplicate"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Layers of the server move what is worked on for a request: of 5 kB that took a twentieth of our own time.
    #[test]
    fn what_a_webhook_carries_from_layer_to_layer_is_small() {
        fn size<'a, F>(_: impl FnOnce(&'a AppState, &'a str, Request) -> F) -> usize {
            size_of::<F>()
        }
        assert!(size(respond) <= 2_000, "{} bytes", size(respond));
    }
}
