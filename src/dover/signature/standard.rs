//! Standard Webhooks: an HMAC-SHA256 over `id.timestamp.body`.

use axum::http::HeaderMap;
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};

use super::{
    Scheme, SignatureFault, Verified, WebhookSecret, WebhookSecrets, any_matches, mac, webhook_id,
};

/// How far the time of signing may lie from ours, in seconds: long enough for a slow relay and a careless clock, short
/// enough that a recorded delivery is soon worthless.
pub const TOLERANCE_SECONDS: i64 = 300;

/// The three headers of a signature. They go together: an id under one prefix says nothing of a signature under the
/// other.
struct Family {
    id: &'static str,
    timestamp: &'static str,
    signature: &'static str,
}

const STANDARD_FAMILY: Family = Family {
    id: "webhook-id",
    timestamp: "webhook-timestamp",
    signature: "webhook-signature",
};

/// The names from before the standard, which many senders still use.
const SVIX_FAMILY: Family = Family {
    id: "svix-id",
    timestamp: "svix-timestamp",
    signature: "svix-signature",
};

/// Headers that name a delivery, best first.
pub(super) const ID_HEADERS: [&str; 2] = [STANDARD_FAMILY.id, SVIX_FAMILY.id];

/// Signs `body` as the delivery `webhook_id` at `timestamp`, in seconds since 1970. Gives the headers to send with it.
pub fn sign(
    secret: &WebhookSecret,
    webhook_id: &str,
    timestamp: i64,
    body: &[u8],
) -> [(&'static str, String); 3] {
    let timestamp = timestamp.to_string();
    let parts: [&[u8]; 5] = [
        webhook_id.as_bytes(),
        b".",
        timestamp.as_bytes(),
        b".",
        body,
    ];
    let signature = format!("v1,{}", STANDARD.encode(mac(secret.key(), &parts)));
    [
        (STANDARD_FAMILY.id, webhook_id.to_owned()),
        (STANDARD_FAMILY.timestamp, timestamp),
        (STANDARD_FAMILY.signature, signature),
    ]
}

/// `None` when the request carries no such signature.
pub(super) fn check(
    headers: &HeaderMap,
    body: &[u8],
    secrets: &WebhookSecrets,
    now: DateTime<Utc>,
) -> Option<Result<Verified, SignatureFault>> {
    let mut first_fault = None;
    for family in [STANDARD_FAMILY, SVIX_FAMILY] {
        if headers.contains_key(family.signature) {
            match check_family(&family, headers, body, secrets, now) {
                Ok(verified) => return Some(Ok(verified)),
                Err(fault) => first_fault = first_fault.or(Some(Err(fault))),
            }
        }
    }
    first_fault
}

fn check_family(
    family: &Family,
    headers: &HeaderMap,
    body: &[u8],
    secrets: &WebhookSecrets,
    now: DateTime<Utc>,
) -> Result<Verified, SignatureFault> {
    let id = webhook_id(family.id, header(headers, family.id)?)?;
    let timestamp = header(headers, family.timestamp)?;
    check_age(family.timestamp, timestamp, now)?;
    let signatures = version_one(headers, family.signature);
    if signatures.is_empty() {
        return Err(SignatureFault::NoVersionOne {
            header: family.signature,
        });
    }
    // The timestamp is signed as it was written, not as we would write the number.
    let parts: [&[u8]; 5] = [id.as_bytes(), b".", timestamp, b".", body];
    let keys = secrets
        .secrets
        .iter()
        .flat_map(WebhookSecret::standard_keys);
    if any_matches(keys, &parts, &signatures) {
        Ok(Verified {
            webhook_id: id,
            scheme: Scheme::StandardWebhooks,
        })
    } else {
        Err(SignatureFault::NoMatch {
            header: family.signature,
        })
    }
}

fn header<'h>(headers: &'h HeaderMap, name: &'static str) -> Result<&'h [u8], SignatureFault> {
    headers
        .get(name)
        .map(axum::http::HeaderValue::as_bytes)
        .ok_or(SignatureFault::MissingHeader { header: name })
}

fn check_age(
    header: &'static str,
    timestamp: &[u8],
    now: DateTime<Utc>,
) -> Result<(), SignatureFault> {
    let signed_at = seconds(timestamp).ok_or(SignatureFault::TimestampNotANumber { header })?;
    let age = now.timestamp().saturating_sub(signed_at);
    if age > TOLERANCE_SECONDS {
        Err(SignatureFault::TooOld {
            header,
            seconds: age,
        })
    } else if age < -TOLERANCE_SECONDS {
        Err(SignatureFault::TooNew {
            header,
            seconds: -age,
        })
    } else {
        Ok(())
    }
}

/// Digits as a number; `None` for signs, fractions, and more than any clock will show.
fn seconds(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(digits).ok()?.parse().ok()
}

/// The signatures of version 1, from any number of headers of that name with any number of entries in each. Other
/// versions and entries of another length are not ours to judge.
fn version_one(headers: &HeaderMap, name: &'static str) -> Vec<[u8; 32]> {
    headers
        .get_all(name)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b' '))
        .filter_map(|entry| entry.strip_prefix(b"v1,"))
        .filter_map(|encoded| STANDARD.decode(encoded).ok()?.try_into().ok())
        .collect()
}
