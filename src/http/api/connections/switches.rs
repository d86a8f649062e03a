//! The single acts on a connection: look it over, pause, resume, rotate its webhook secret.

use axum::{Json, extract::State};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Check, ConnectionBody, ConnectionPath, ConnectionStatus, again, guessable, webhook_secret,
};
use crate::{
    dover::signature::WebhookSecret,
    http::{
        fields::{Fields, Readable},
        json::MaybeBody,
        place::{At, Origin},
        problem::ApiError,
    },
    store::{self, delivery::Sender},
    sync::{
        Sync,
        check::{installation, look_over},
    },
};

/// A day: time enough for somebody to paste the new secret in Dover.
const USUAL_GRACE_SECONDS: i64 = 86_400;
const MAX_GRACE_SECONDS: i64 = 2_592_000;

/// What a look over a connection showed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Findings {
    /// What the connection is up to now.
    pub status: ConnectionStatus,
    /// Why it needs attention; `null` where nothing stands against it.
    #[schema(required)]
    pub attention: Option<String>,
    /// Each finding, with what to do.
    pub checks: Vec<Check>,
}

/// Look a connection over
///
/// Asks Ashby, live: the key and each of its permissions, the source, the archive reasons, every registered job, and the
/// clock. Then what is known here: whether it is flushed on time, the age of the webhook secret, who is parked, what was
/// rejected lately; and what all connections share: database, migrations, room, processes that flush. A connection that
/// needed attention goes on if nothing stands against it any more, and so does what waited for something that is there
/// now. Nothing is written to Ashby; what only a write would prove is said to be unproven.
#[utoipa::path(
    post, path = "/v1/connections/{connection}/check", operation_id = "checkConnection", tag = "Connections",
    params(ConnectionPath),
    responses((status = 200, description = "Looked over.", body = Findings))
)]
pub async fn check(
    State(sync): State<Sync>,
    At(connection): At,
    origin: Origin,
) -> Result<Json<Findings>, ApiError> {
    let mut checks = look_over(&sync, &connection).await?;
    checks.extend(installation(&sync).await?);
    let ConnectionBody {
        status, attention, ..
    } = again(&sync, &connection, &origin).await?;
    Ok(Json(Findings {
        status,
        attention,
        checks,
    }))
}

/// Pause a connection
///
/// Deliveries are received as before; nothing is sent to Ashby until it is resumed. A flush that is under way stops
/// within a minute or two.
#[utoipa::path(
    post, path = "/v1/connections/{connection}/pause", operation_id = "pauseConnection", tag = "Connections",
    params(ConnectionPath),
    responses((status = 200, description = "Paused, now or before.", body = ConnectionBody))
)]
pub async fn pause(
    State(sync): State<Sync>,
    At(connection): At,
    origin: Origin,
) -> Result<Json<ConnectionBody>, ApiError> {
    let since = connection.paused_at.unwrap_or_else(|| sync.clock.now());
    store::connection::set_paused(&sync.pool, connection.id, Some(since)).await?;
    Ok(Json(again(&sync, &connection, &origin).await?))
}

/// Resume a connection
///
/// What was received meanwhile is decided with the next flush.
#[utoipa::path(
    post, path = "/v1/connections/{connection}/resume", operation_id = "resumeConnection", tag = "Connections",
    params(ConnectionPath),
    responses((status = 200, description = "Resumed; it may need attention.", body = ConnectionBody))
)]
pub async fn resume(
    State(sync): State<Sync>,
    At(connection): At,
    origin: Origin,
) -> Result<Json<ConnectionBody>, ApiError> {
    store::connection::set_paused(&sync.pool, connection.id, None).await?;
    Ok(Json(again(&sync, &connection, &origin).await?))
}

/// How to rotate a webhook secret.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "described here, read as `Rotate`")]
pub struct Rotation {
    /// For how long deliveries signed with the secret before are taken besides, in seconds.
    #[schema(minimum = 0, maximum = 2_592_000, default = 86_400)]
    grace_seconds: Option<i64>,
    /// The new secret. One is made where it is left out.
    #[schema(min_length = 1, max_length = 500, pattern = r"\S", write_only)]
    secret: Option<String>,
}

/// As [`Rotation`], understood.
#[derive(Debug)]
pub struct Rotate {
    grace: TimeDelta,
    secret: Option<WebhookSecret>,
}

impl Readable for Rotate {
    const FIELDS: &'static [&'static str] = &["grace_seconds", "secret"];

    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self {
            grace: grace(fields),
            secret: webhook_secret(fields, "secret"),
        })
    }
}

/// For how long the secret before lives on.
pub(super) fn grace(fields: &mut Fields) -> TimeDelta {
    let seconds = fields.number("grace_seconds", &(0..=MAX_GRACE_SECONDS));
    TimeDelta::seconds(seconds.unwrap_or(USUAL_GRACE_SECONDS))
}

/// A webhook secret that was rotated.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Rotated {
    /// The new secret. Shown this once, and only where it was made here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub dover_webhook_secret: Option<String>,
    /// Until when deliveries signed with the secret before are taken.
    pub previous_expires_at: DateTime<Utc>,
    /// Whether the new secret is a good one.
    pub checks: Vec<Check>,
}

/// Rotate the webhook secret
///
/// The new secret counts at once, the one before for a while besides, so that no delivery is refused while it is
/// changed in Dover.
#[utoipa::path(
    post, path = "/v1/connections/{connection}/webhook-secret/rotate", operation_id = "rotateWebhookSecret",
    tag = "Connections",
    params(ConnectionPath),
    request_body = Option<Rotation>,
    responses((status = 200, description = "Rotated.", body = Rotated))
)]
pub async fn rotate(
    State(sync): State<Sync>,
    At(connection): At,
    MaybeBody(rotate): MaybeBody<Rotate>,
) -> Result<Json<Rotated>, ApiError> {
    let is_ours = rotate.secret.is_none();
    let secret = rotate.secret.unwrap_or_else(WebhookSecret::generate);
    let now = sync.clock.now();
    let previous_expires_at = now + rotate.grace;
    let (id, until) = (connection.id, previous_expires_at);
    let (vault, text) = (&sync.vault, secret.expose());
    let mut tx = sync.pool.begin().await?;
    store::intake::rotate_webhook_secret(&mut tx, vault, id, Sender::Dover, text, now, until)
        .await?;
    tx.commit().await?;
    Ok(Json(Rotated {
        dover_webhook_secret: is_ours.then(|| secret.expose().to_owned()),
        previous_expires_at,
        checks: guessable(&secret).into_iter().collect(),
    }))
}
