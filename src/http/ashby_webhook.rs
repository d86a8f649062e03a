//! Ashby's door: `POST /webhooks/ashby/{connection}`. Checked in the order of Dover's, stored in the same inbox by the same
//! commits, and no news of Dover's: what it tells is a hint that the next flush takes in.
//!
//! Ashby never tries again after 401, 403, 404, 405 or 410. So whoever has no secret here yet is answered with 503: Ashby
//! then comes back for nearly three hours, in which somebody may set it. A wrong signature is 401 all the same: nothing is
//! lost by a hint that is not heard.

use axum::{
    extract::{Path, Request, State},
    http::StatusCode,
    response::Response,
};
use sha2::{Digest, Sha256};

use super::{
    problem::{ApiError, Code},
    state::AppState,
    webhook::{Acknowledgement, Taken, answer, answered, gate, kept, refusal, whole},
};
use crate::{
    ashby::webhook::{self, Webhook},
    dover::payload::Fault,
    ids::ConnectionId,
    plan::identity::IdentityKey,
    store::{Vault, delivery::Sender, news::Told, receipt::Incoming},
};

/// What is answered while no secret is set.
pub const NO_SECRET: &str = "No secret is set for Ashby's webhooks of this connection. Set one, and give it to the webhook in Ashby.";

/// `POST /webhooks/ashby`: the connection named `default`.
pub async fn receive_default(State(state): State<AppState>, request: Request) -> Response {
    respond(&state, "default", request).await
}

/// `POST /webhooks/ashby/{connection}`.
pub async fn receive(
    State(state): State<AppState>,
    Path(connection): Path<String>,
    request: Request,
) -> Response {
    respond(&state, &connection, request).await
}

async fn respond(state: &AppState, connection: &str, request: Request) -> Response {
    let taken = take(state, connection, request).await;
    answered(&state.sync.metrics, Sender::Ashby, taken)
}

async fn take(state: &AppState, connection: &str, request: Request) -> Result<Taken, ApiError> {
    let gate = gate(state, connection).await?;
    let (parts, body) = request.into_parts();
    let body = whole(body).await?;
    if gate.ashby_secrets.is_empty() {
        return Err(ApiError::new(Code::NotSetUp, NO_SECRET));
    }
    let signature = parts.headers.get(webhook::SIGNATURE_HEADER);
    let signature = signature.map(axum::http::HeaderValue::as_bytes);
    webhook::verify(signature, &body, &gate.ashby_secrets)
        .map_err(|fault| ApiError::new(Code::BadSignature, fault.to_string()))?;
    let read = webhook::read(&body);
    if read.as_ref().is_ok_and(|webhook| webhook.action == "ping") {
        return Ok((StatusCode::OK, Acknowledgement::Pong, "ping"));
    }
    let received_at = state.sync.clock.now();
    let body_hash: [u8; 32] = Sha256::digest(&body).into();
    let understood = read.as_ref().ok();
    let news = understood.and_then(|webhook| webhook.news.as_ref());
    let incoming = Incoming {
        connection: gate.connection,
        sender: Sender::Ashby,
        webhook_id: webhook_id(understood, &body_hash),
        body_hash,
        received_at,
        kind: understood.map(|webhook| webhook.action.clone()),
        about: None,
        reading: None,
        ashby_candidate: understood.and_then(|webhook| webhook.candidates.first().cloned()),
        told: news.map(|news| Told {
            subject: news.subject(),
            at: news.at().unwrap_or(received_at),
        }),
        headers: kept(&parts.headers),
        body,
        faults: read.as_ref().err().map(|faults| serde_json::json!(faults)),
        keys: understood.map_or_else(Vec::new, |webhook| {
            keys(&state.sync.vault, gate.connection, webhook)
        }),
        is_erased: false,
    };
    let receipt = state
        .receiver
        .store(Box::new(incoming))
        .await
        .map_err(refusal)?;
    answer(receipt, read.err().map(faults))
}

/// By what somebody who was erased is known, of whom it tells.
fn keys(vault: &Vault, connection: ConnectionId, webhook: &Webhook) -> Vec<Vec<u8>> {
    let email = webhook.email.as_deref().and_then(IdentityKey::email);
    let email = email.map(|key| vault.identity_hash(connection, &key));
    let candidates = webhook.candidates.iter();
    let candidates = candidates.map(|candidate| vault.ashby_hash(connection, candidate));
    candidates.chain(email).collect()
}

/// One event goes out under several actions, and to several addresses: each action of an event counts once. The blank
/// keeps these apart from every id that Dover can choose.
fn webhook_id(webhook: Option<&Webhook>, body_hash: &[u8; 32]) -> String {
    let of_the_body = || format!("body-{}", hex::encode(body_hash));
    let event = webhook.and_then(|webhook| webhook.event.clone());
    let action = webhook.map_or("unread", |webhook| webhook.action.as_str());
    format!("{} {action}", event.unwrap_or_else(of_the_body))
}

fn faults(faults: Vec<webhook::Fault>) -> Vec<Fault> {
    let same = |fault: webhook::Fault| Fault::new(fault.pointer, fault.detail);
    faults.into_iter().map(same).collect()
}
