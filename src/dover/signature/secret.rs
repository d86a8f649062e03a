//! Secrets that deliveries are signed with.

use std::fmt;

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use thiserror::Error;

use crate::ids;

/// What marks a secret of Standard Webhooks.
const PREFIX: &str = "whsec_";

/// Keys under this many bytes are within reach of guessing; Standard Webhooks asks for 24 to 64.
const SHORT_KEY_BYTES: usize = 16;

/// Senders hand out secrets with and without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a text is no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SecretFault {
    /// No text, or no key after the prefix.
    #[error(
        "the webhook secret is empty: paste the whole of it, as in whsec_ and some 32 to 88 characters"
    )]
    Empty,
    /// `whsec_` and something that is not base64.
    #[error(
        "what follows whsec_ in the webhook secret is not base64: paste the whole secret, and nothing besides"
    )]
    NotBase64,
}

/// A secret that a sender signs with.
///
/// `whsec_` and base64 is the form of Standard Webhooks. Without the prefix its libraries take the text for base64
/// all the same, or for the key itself when told to; nobody tells us, so both count. Reveals itself in [`expose`]
/// alone.
///
/// [`expose`]: Self::expose
#[derive(Clone)]
pub struct WebhookSecret {
    text: SecretString,
    key: SecretSlice<u8>,
}

impl WebhookSecret {
    /// A new secret of 32 random bytes.
    pub fn generate() -> Self {
        let key = ids::random_bytes::<32>();
        Self {
            text: format!("{PREFIX}{}", STANDARD.encode(key)).into(),
            key: key.to_vec().into(),
        }
    }

    /// Reads a secret as it was pasted; space around it does not matter.
    pub fn parse(text: &str) -> Result<Self, SecretFault> {
        let text = text.trim();
        let key = match text.strip_prefix(PREFIX) {
            Some(encoded) => BASE64.decode(encoded).map_err(|_| SecretFault::NotBase64)?,
            None => BASE64
                .decode(text)
                .unwrap_or_else(|_| text.as_bytes().to_vec()),
        };
        if key.is_empty() {
            return Err(SecretFault::Empty);
        }
        Ok(Self {
            text: text.into(),
            key: key.into(),
        })
    }

    /// The secret as it was handed over, to be encrypted and stored, or shown once.
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    /// Whether the key is so short that it could be guessed; worth a warning.
    pub fn is_short(&self) -> bool {
        self.key().len() < SHORT_KEY_BYTES
    }

    /// The key that we sign with.
    pub(super) fn key(&self) -> &[u8] {
        self.key.expose_secret()
    }

    /// Every key that a Standard Webhooks signature may have been made with.
    pub(super) fn standard_keys(&self) -> impl Iterator<Item = &[u8]> {
        let raw = (!self.expose().starts_with(PREFIX)).then(|| self.expose().as_bytes());
        std::iter::once(self.key()).chain(raw)
    }

    /// Every key that a hexadecimal signature may have been made with: that scheme knows no encoding, so the text
    /// itself is the key; a relay that decodes `whsec_` first is as well understood.
    pub(super) fn hex_keys(&self) -> impl Iterator<Item = &[u8]> {
        [self.expose().as_bytes(), self.key()].into_iter()
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(redacted)")
    }
}

/// What a connection accepts as proof that a delivery is genuine.
#[derive(Clone, Debug, Default)]
pub struct WebhookSecrets {
    /// The live secrets: one, or two during a rotation.
    pub secrets: Vec<WebhookSecret>,
    /// Whether `X-Hub-Signature-256` and `X-Dover-Signature` count. They sign the body and no time, so a recorded
    /// delivery can be sent again.
    pub hex_hmac: bool,
    /// The token that counts as proof when it comes as `Authorization: Bearer`. An empty one never does.
    pub bearer: Option<SecretString>,
}
