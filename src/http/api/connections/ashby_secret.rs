//! The secret of Ashby's own webhooks: set for the first time, and rotated.

use axum::{Json, extract::State};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Check, ConnectionPath, MAX_SECRET, Rotation, switches::grace};
use crate::{
    http::{
        fields::{Fields, Readable},
        json::MaybeBody,
        place::{At, Origin},
        problem::ApiError,
    },
    ids,
    store::{self, delivery::Sender},
    sync::Sync,
};

/// A secret under this many characters could be guessed.
const SHORT: usize = 16;

/// As [`Rotation`], understood: Ashby takes any text for a secret token.
#[derive(Debug)]
pub struct RotateAshby {
    grace: TimeDelta,
    secret: Option<String>,
}

impl Readable for RotateAshby {
    const FIELDS: &'static [&'static str] = &["grace_seconds", "secret"];

    fn read(fields: &mut Fields) -> Option<Self> {
        let secret = fields
            .is_given("secret")
            .then(|| fields.name("secret", &(1..=MAX_SECRET)));
        Some(Self {
            grace: grace(fields),
            secret: secret.flatten().map(|text| text.trim().to_owned()),
        })
    }
}

/// The secret of Ashby's webhooks, set or rotated.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct AshbySecretRotated {
    /// The new secret, to be pasted in Ashby. Shown this once, and only where it was made here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub ashby_webhook_secret: Option<String>,
    /// Where Ashby's webhooks are to be sent.
    pub ashby_webhook_url: String,
    /// Until when webhooks signed with the secret before are taken; `null` where there was none.
    #[schema(required)]
    pub previous_expires_at: Option<DateTime<Utc>>,
    /// Whether the new secret is a good one.
    pub checks: Vec<Check>,
}

/// Set or rotate the secret of Ashby's webhooks
///
/// Until one is set, Ashby's webhooks are answered with 503, upon which Ashby tries again for nearly three hours. The
/// new secret counts at once, the one before for a while besides.
#[utoipa::path(
    post, path = "/v1/connections/{connection}/ashby-webhook-secret/rotate",
    operation_id = "rotateAshbyWebhookSecret", tag = "Connections",
    params(ConnectionPath),
    request_body = Option<Rotation>,
    responses((status = 200, description = "Set.", body = AshbySecretRotated))
)]
pub async fn rotate_ashby(
    State(sync): State<Sync>,
    At(connection): At,
    origin: Origin,
    MaybeBody(rotate): MaybeBody<RotateAshby>,
) -> Result<Json<AshbySecretRotated>, ApiError> {
    let is_ours = rotate.secret.is_none();
    let secret = rotate.secret.unwrap_or_else(generated);
    let now = sync.clock.now();
    let until = now + rotate.grace;
    let (id, vault) = (connection.id, &sync.vault);
    let mut tx = sync.pool.begin().await?;
    let had = store::intake::rotate_webhook_secret(
        &mut tx,
        vault,
        id,
        Sender::Ashby,
        &secret,
        now,
        until,
    )
    .await?;
    tx.commit().await?;
    Ok(Json(AshbySecretRotated {
        ashby_webhook_url: origin.url(&format!("/webhooks/ashby/{}", connection.name)),
        previous_expires_at: had.then_some(until),
        checks: guessable(&secret).into_iter().collect(),
        ashby_webhook_secret: is_ours.then_some(secret),
    }))
}

/// A new secret of 32 random bytes, in digits that no form mangles.
fn generated() -> String {
    hex::encode(ids::random_bytes::<32>())
}

fn guessable(secret: &str) -> Option<Check> {
    (secret.len() < SHORT).then(|| {
        Check::warning(
            "webhook-secret",
            "The secret of Ashby's webhooks is so short that it could be guessed.",
            "Rotate it to one of 24 characters or more.",
        )
    })
}
