//! The two schemes for senders that know nothing better: a hexadecimal HMAC of the body, and a bearer token. Neither
//! signs an id or a time, so neither can tell a repeated delivery from a new one by anything but its body.

use axum::http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{
    Scheme, SignatureFault, Verified, WebhookSecret, WebhookSecrets, any_matches,
    standard::ID_HEADERS, webhook_id,
};

/// The header of GitHub and those who follow it, and our own.
const HEX_HEADERS: [&str; 2] = ["x-hub-signature-256", "x-dover-signature"];

/// `None` when the scheme is off or the request carries no such signature.
pub(super) fn check_hex(
    headers: &HeaderMap,
    body: &[u8],
    secrets: &WebhookSecrets,
) -> Option<Result<Verified, SignatureFault>> {
    if !secrets.hex_hmac {
        return None;
    }
    let mut first_fault = None;
    for header in HEX_HEADERS {
        if let Some(value) = headers.get(header) {
            match check_digits(header, value, body, secrets) {
                Ok(()) => return Some(verified(headers, body, Scheme::HexHmac)),
                Err(fault) => first_fault = first_fault.or(Some(Err(fault))),
            }
        }
    }
    first_fault
}

fn check_digits(
    header: &'static str,
    value: &HeaderValue,
    body: &[u8],
    secrets: &WebhookSecrets,
) -> Result<(), SignatureFault> {
    let value = value.as_bytes();
    let digits = value.strip_prefix(b"sha256=").unwrap_or(value);
    let mut signature = [0; 32];
    hex::decode_to_slice(digits, &mut signature).map_err(|_| SignatureFault::NotHex { header })?;
    let keys = secrets.secrets.iter().flat_map(WebhookSecret::hex_keys);
    any_matches(keys, &[body], &[signature])
        .then_some(())
        .ok_or(SignatureFault::NoMatch { header })
}

/// `None` when the scheme is off or the request carries no credentials.
pub(super) fn check_bearer(
    headers: &HeaderMap,
    body: &[u8],
    secrets: &WebhookSecrets,
) -> Option<Result<Verified, SignatureFault>> {
    let expected = secrets.bearer.as_ref()?;
    let credentials = headers.get(AUTHORIZATION)?;
    if is_token(credentials.as_bytes(), expected) {
        Some(verified(headers, body, Scheme::Bearer))
    } else {
        Some(Err(SignatureFault::WrongBearer))
    }
}

fn is_token(credentials: &[u8], expected: &SecretString) -> bool {
    let expected = expected.expose_secret().trim().as_bytes();
    // The name of the scheme is case-insensitive (RFC 9110, 11.1).
    let Some((scheme, token)) = credentials.split_at_checked("Bearer ".len()) else {
        return false;
    };
    // Digests have one length, so that the comparison does not tell that of the token.
    let same: bool = Sha256::digest(token.trim_ascii())
        .ct_eq(&Sha256::digest(expected))
        .into();
    same && scheme.eq_ignore_ascii_case(b"Bearer ") && !expected.is_empty()
}

/// What was proven, under the id that came with it or one made of the body.
fn verified(headers: &HeaderMap, body: &[u8], scheme: Scheme) -> Result<Verified, SignatureFault> {
    let named = ID_HEADERS
        .into_iter()
        .find_map(|header| Some((header, headers.get(header)?)));
    let webhook_id = match named {
        Some((header, value)) => webhook_id(header, value.as_bytes())?,
        None => format!("body-{}", hex::encode(Sha256::digest(body))),
    };
    Ok(Verified { webhook_id, scheme })
}
