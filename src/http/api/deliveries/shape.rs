//! How a delivery is shown.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    dover::payload::Fault,
    store::delivery::{self, Delivery, Sender, Verdict},
};

/// One webhook as received.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Delivery)]
pub struct DeliveryBody {
    /// Its id with us: a number, later ones greater.
    #[schema(pattern = "^[0-9]+$")]
    pub id: String,
    /// Who sent it.
    pub sender: Sender,
    /// Its id as the sender chose it; of Ashby's, that of the event and the type.
    pub webhook_id: String,
    /// When it came for the first time.
    pub received_at: DateTime<Utc>,
    /// What became of it.
    pub verdict: Verdict,
    /// How often it came.
    pub copies: i32,
    /// Its `type`, or Ashby's `action`; `null` where it could not be read.
    #[serde(rename = "type")]
    #[schema(required)]
    pub kind: Option<String>,
    /// The candidate that it is about, as Dover names them.
    #[schema(required)]
    pub dover_candidate_id: Option<String>,
    /// The job that it is about, as the delivery names it.
    #[schema(required)]
    pub dover_job_id: Option<String>,
    /// Whether it waits to be decided; of Ashby's, to be taken in.
    pub pending: bool,
    /// When its content was erased, at the request of the person it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub erased_at: Option<DateTime<Utc>>,
    /// Why it was rejected or is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<String>,
}

impl DeliveryBody {
    pub(super) fn of(delivery: &Delivery) -> Self {
        Self {
            id: delivery.id.to_string(),
            sender: delivery.sender,
            webhook_id: delivery.webhook_id.clone(),
            received_at: delivery.received_at,
            verdict: delivery.verdict,
            copies: delivery.copies,
            kind: delivery.kind.clone(),
            dover_candidate_id: delivery.dover_candidate_id.clone(),
            dover_job_id: delivery.dover_job_id.clone(),
            pending: delivery.pending,
            erased_at: delivery.erased_at,
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
        Verdict::Rejected if delivery.erased_at.is_some() => {
            Some("It could not be read; its content was erased since.".to_owned())
        }
        Verdict::Rejected => Some(faults.join("; ")),
        Verdict::IdReused if delivery.sender == Sender::Ashby => {
            Some("Its event was told before in other words; both count.".to_owned())
        }
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
    /// The headers that came with it, without credentials: to each name its values.
    #[schema(value_type = Object)]
    pub headers: Value,
    /// The body, byte for byte.
    pub body: String,
    /// How `body` is written.
    pub body_encoding: BodyEncoding,
    /// What is wrong with it, each fault with its JSON Pointer.
    pub faults: Vec<Fault>,
}

impl Original {
    pub(super) fn of(found: &Delivery, original: delivery::Original) -> Self {
        let (body, body_encoding) = match String::from_utf8(original.body) {
            Ok(text) => (text, BodyEncoding::Text),
            Err(bytes) => (STANDARD.encode(bytes.as_bytes()), BodyEncoding::Base64),
        };
        Self {
            delivery: DeliveryBody::of(found),
            headers: serde_json::from_str(&original.headers).unwrap_or_default(),
            body,
            body_encoding,
            faults: faults(found),
        }
    }
}
