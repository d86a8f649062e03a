//! Whether a delivery is genuine.
//!
//! Three schemes prove it. Standard Webhooks always counts; a hexadecimal HMAC and a bearer token count where the
//! connection switches them on. A delivery is genuine when any scheme that counts vouches for it.

mod fault;
mod plain;
mod secret;
mod standard;

use axum::http::HeaderMap;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

pub use fault::{IdProblem, SignatureFault};
pub use secret::{SecretFault, WebhookSecret, WebhookSecrets};
pub use standard::{TOLERANCE_SECONDS, sign};

/// Length of the longest webhook id we take, in bytes.
const MAX_ID_BYTES: usize = 256;

/// Which scheme vouched for a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Standard Webhooks: id, time and body are signed.
    StandardWebhooks,
    /// A hexadecimal HMAC-SHA256 of the body alone.
    HexHmac,
    /// A bearer token; nothing is signed.
    Bearer,
}

impl Scheme {
    /// A stable name for rows, logs and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::StandardWebhooks => "standard-webhooks",
            Self::HexHmac => "hex-hmac",
            Self::Bearer => "bearer",
        }
    }
}

/// A delivery that is genuine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The sender's name for the delivery, the same for every attempt: 1 to 256 bytes of visible ASCII. Where the
    /// scheme carries none and no id header came, `body-` and the SHA-256 of the body, so that exact copies still
    /// count as one.
    pub webhook_id: String,
    /// What vouched for it.
    pub scheme: Scheme,
}

/// Checks that `body`, as it came off the wire, was sent by someone who holds one of `secrets`.
///
/// `now` is our clock; a Standard Webhooks signature counts for five minutes either way. The fault is that of the
/// first scheme that the request tried.
pub fn verify(
    headers: &HeaderMap,
    body: &[u8],
    secrets: &WebhookSecrets,
    now: DateTime<Utc>,
) -> Result<Verified, SignatureFault> {
    let mut first_fault = None;
    for outcome in [
        standard::check(headers, body, secrets, now),
        plain::check_hex(headers, body, secrets),
        plain::check_bearer(headers, body, secrets),
    ] {
        match outcome {
            Some(Ok(verified)) => return Ok(verified),
            Some(Err(fault)) => first_fault = first_fault.or(Some(fault)),
            None => {}
        }
    }
    Err(first_fault.unwrap_or(SignatureFault::Unsigned {
        hex_hmac: secrets.hex_hmac,
        bearer: secrets.bearer.is_some(),
    }))
}

/// A webhook id out of the header called `header`.
fn webhook_id(header: &'static str, value: &[u8]) -> Result<String, SignatureFault> {
    let problem = if value.is_empty() {
        IdProblem::Empty
    } else if value.len() > MAX_ID_BYTES {
        IdProblem::TooLong
    } else if let Ok(text) = str::from_utf8(value)
        && value.iter().all(u8::is_ascii_graphic)
    {
        return Ok(text.to_owned());
    } else {
        IdProblem::NotVisibleAscii
    };
    Err(SignatureFault::BadId { header, problem })
}

/// HMAC-SHA256 of the concatenated `parts`.
fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Whether any of `signatures` is the MAC of `parts` under any of `keys`. Every pair is compared, each in constant
/// time, so that the time taken tells neither how much of a guess was right nor which secret is in use.
fn any_matches<'k>(
    keys: impl Iterator<Item = &'k [u8]>,
    parts: &[&[u8]],
    signatures: &[[u8; 32]],
) -> bool {
    let mut found = Choice::from(0);
    for key in keys {
        let expected = mac(key, parts);
        for signature in signatures {
            found |= expected.ct_eq(signature);
        }
    }
    found.into()
}

#[cfg(test)]
mod tests;
