//! Why a delivery is not taken for genuine, in words that help its sender and tell an attacker nothing.

use thiserror::Error;

/// What is wrong with a webhook id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum IdProblem {
    /// There is nothing in it.
    #[error("is empty")]
    Empty,
    /// More than 256 bytes.
    #[error("is longer than 256 bytes")]
    TooLong,
    /// Spaces, control characters or anything beyond ASCII.
    #[error("holds something other than visible ASCII characters")]
    NotVisibleAscii,
}

/// Why a delivery is refused with 401. Never holds a secret, nor any part of a signature.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SignatureFault {
    /// No header of any scheme that counts on this connection.
    #[error(
        "the request is not signed: send webhook-id, webhook-timestamp and webhook-signature as Standard Webhooks \
         describes{}{}",
        if *.hex_hmac { ", or X-Hub-Signature-256 or X-Dover-Signature with the hexadecimal HMAC-SHA256 of the body" }
        else { "" },
        if *.bearer { ", or Authorization with the connection's bearer token" } else { "" }
    )]
    Unsigned {
        /// Whether the hexadecimal HMAC counts here.
        hex_hmac: bool,
        /// Whether the bearer token counts here.
        bearer: bool,
    },
    /// A signature without a header that belongs to it.
    #[error(
        "the {header} header is missing: a signature covers the id and the time, so send them with it"
    )]
    MissingHeader {
        /// The header that is missing.
        header: &'static str,
    },
    /// An id that cannot name a delivery.
    #[error(
        "the {header} header {problem}: send 1 to 256 visible ASCII characters, the same for each attempt"
    )]
    BadId {
        /// The header that holds it.
        header: &'static str,
        /// What is wrong with it.
        problem: IdProblem,
    },
    /// A time that is not one.
    #[error(
        "the {header} header is not a number: send the time of signing in whole seconds since 1970"
    )]
    TimestampNotANumber {
        /// The header that holds it.
        header: &'static str,
    },
    /// Signed too long ago: a replay, a slow relay or a clock that is behind.
    #[error(
        "the {header} header is {seconds} seconds behind our clock and 300 are allowed: sign each attempt anew, and \
         set the sender's clock"
    )]
    TooOld {
        /// The header that holds it.
        header: &'static str,
        /// How far behind our clock.
        seconds: i64,
    },
    /// Signed in what is still the future here.
    #[error(
        "the {header} header is {seconds} seconds ahead of our clock and 300 are allowed: set the sender's clock, and \
         send seconds, not milliseconds"
    )]
    TooNew {
        /// The header that holds it.
        header: &'static str,
        /// How far ahead of our clock.
        seconds: i64,
    },
    /// A Standard Webhooks signature in versions that we do not know, or in none.
    #[error(
        "the {header} header holds no v1 signature: send `v1,` and the base64 of the HMAC-SHA256, entries set apart \
         by spaces"
    )]
    NoVersionOne {
        /// The header that holds it.
        header: &'static str,
    },
    /// A hexadecimal signature that is not one.
    #[error(
        "the {header} header is not hexadecimal: send the 64 digits of the HMAC-SHA256, with or without `sha256=`"
    )]
    NotHex {
        /// The header that holds it.
        header: &'static str,
    },
    /// A signature of the right shape by someone who holds none of our secrets, or of something else.
    #[error(
        "no signature in the {header} header matches: sign the body byte for byte as it is sent, with a secret that \
         this connection holds"
    )]
    NoMatch {
        /// The header that holds it.
        header: &'static str,
    },
    /// A bearer token that is not ours.
    #[error(
        "the Authorization header does not hold this connection's bearer token: send `Bearer` and the token"
    )]
    WrongBearer,
}

impl SignatureFault {
    /// A stable code for counters and problem bodies.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unsigned { .. } => "signature-missing",
            Self::MissingHeader { .. } => "header-missing",
            Self::BadId { .. } => "webhook-id-invalid",
            Self::TimestampNotANumber { .. } => "timestamp-invalid",
            Self::TooOld { .. } => "timestamp-too-old",
            Self::TooNew { .. } => "timestamp-too-new",
            Self::NoVersionOne { .. } => "signature-version-unknown",
            Self::NotHex { .. } => "signature-not-hex",
            Self::NoMatch { .. } => "signature-mismatch",
            Self::WrongBearer => "bearer-mismatch",
        }
    }
}
