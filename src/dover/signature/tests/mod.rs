//! Deliveries, genuine and forged, and how they are told apart.

mod laws;
mod plain;
mod secrets;
mod standard;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use chrono::{DateTime, Utc};

use super::*;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";

const SIGNED_AT: i64 = 1_614_265_330;

const BODY: &[u8] = br#"{"test": 2432232314}"#;

const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

const STRANGER: &str = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

fn secret(text: &str) -> WebhookSecret {
    WebhookSecret::parse(text).unwrap()
}

fn holding(texts: &[&str]) -> WebhookSecrets {
    WebhookSecrets {
        secrets: texts.iter().map(|text| secret(text)).collect(),
        ..WebhookSecrets::default()
    }
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            (name, HeaderValue::from_str(value).unwrap())
        })
        .collect()
}

fn standard(id: &str, timestamp: &str, signature: &str) -> HeaderMap {
    headers(&[
        ("webhook-id", id),
        ("webhook-timestamp", timestamp),
        ("webhook-signature", signature),
    ])
}

fn check(headers: &HeaderMap) -> Result<Verified, SignatureFault> {
    verify(headers, BODY, &holding(&[SECRET]), at(SIGNED_AT))
}

fn code(headers: &HeaderMap) -> &'static str {
    check(headers).unwrap_err().code()
}

fn hex(text: &str) -> WebhookSecrets {
    WebhookSecrets {
        hex_hmac: true,
        ..holding(&[text])
    }
}
